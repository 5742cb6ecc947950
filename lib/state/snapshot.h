/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * What the daemon publishes: one value of fixed size without pointers.
 *
 * The daemon writes it to /run/ctwatch/state, and readers copy it from there, so that no reader,
 * however slow or hostile, can delay a poll. A reader gets bytes from outside: only
 * ctw_snapshot_check() makes them a snapshot.
 *
 * Times without another name are CLOCK_MONOTONIC in microseconds; 0: never.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/config/settings.h"
#include "lib/kernel/sample.h"
#include "lib/state/history.h"
#include "lib/watch/alert.h"
#include "lib/watch/cause.h"
#include "lib/watch/event_rates.h"
#include "lib/watch/watch.h"

/* Upper bounds of the latency histogram's buckets; the last bucket has none. */
#define CTW_LATENCY_BOUNDS_USEC                                                                    \
    { 100, 250, 500, 1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000, 1000000 }
#define CTW_LATENCY_BOUNDS 12u

/* Alerts whose message is published. */
#define CTW_RECENT_ALERTS 16u

#define CTW_RECENT_ALERT_BYTES  320
#define CTW_RECENT_REMEDY_BYTES 512

struct ctw_recent_alert {
    uint64_t realtime_usec; /* 0: none */
    enum ctw_alert_kind kind;
    enum ctw_edge edge;
    enum ctw_level level;
    bool has_cause;
    bool other_netns; /* of another namespace: its losses are not those of the table */
    enum ctw_cause cause;
    char message[CTW_RECENT_ALERT_BYTES];
    char anonymous[CTW_RECENT_ALERT_BYTES]; /* the message without talkers: it has no address */
    char remedy[CTW_RECENT_REMEDY_BYTES];   /* its sentence, perhaps cut off; "": none */
};

struct ctw_snapshot {
    /* the daemon */
    uint32_t pid; /* 0: no daemon wrote this, a reader took the sample */
    char version[16];
    uint64_t started_usec, started_realtime_usec;
    uint64_t polled_usec, polled_realtime_usec; /* the last poll */
    uint64_t booted_usec;  /* CLOCK_REALTIME less CLOCK_BOOTTIME at that poll: since 1970 */
    uint64_t due_usec;     /* when the next poll is due */
    uint64_t stopped_usec; /* it ended in good order */
    uint64_t polls;
    uint64_t late_polls; /* that began more than half of growth.reserve after they were due */
    /* From when a poll was due until its decisions were carried out. */
    uint64_t latency_sum_usec, latency_worst_usec;
    uint64_t latency[CTW_LATENCY_BOUNDS + 1]; /* polls in each bucket */

    /* the table */
    char netns[64];
    uint64_t netns_inode; /* 0: not known */
    struct ctw_source_health sources[CTW_SOURCES];
    bool has_table;          /* the last poll read the table; else what follows is older */
    struct ctw_sample table; /* buckets and counters as last known */
    enum ctw_level level;
    uint64_t level_since_usec; /* 0: since the start */
    bool has_rate;
    int64_t rate; /* net entries per second, over the last second */
    bool fills;
    uint64_t usec_to_full; /* at that rate */

    /* since the first daemon in this boot started */
    uint32_t peak_count;   /* the highest count of a poll */
    uint64_t peak_usec;    /* when it was first reached */
    int64_t fastest_rate;  /* the highest rate; 0: the table never filled */
    uint64_t fastest_usec; /* when it filled at that rate */

    struct ctw_losses lost; /* since the kernel began to count; lines since the first daemon */
    uint64_t refused_usec;  /* when a new flow was last refused, clashes aside */
    uint64_t evicted_usec;  /* when an entry was last evicted */

    /* events */
    bool subscribed;
    struct ctw_rates rates;
    uint64_t events;             /* messages read since the start */
    uint64_t created, destroyed; /* flows, scaled by the sampling */
    uint64_t overruns, events_lost;

    /* growth */
    bool growth_enabled, growth_dry_run;
    bool growth_refused; /* at present */
    enum ctw_growth_refusal refusal;
    uint32_t ceiling; /* 0: not known */
    enum ctw_growth_bound bound;
    uint64_t growths;              /* changes of a limit since the daemon started */
    uint64_t grown_usec;           /* the last change */
    uint32_t grown_from, grown_to; /* max before and after it */
    uint64_t memory_bytes;         /* of the machine; 0: not known */

    /* alerts since the daemon started */
    uint64_t alerts[CTW_ALERT_KINDS];
    uint64_t command_failures; /* runs of alerts.command that failed, and alerts it did not get */
    uint64_t n_recent_alerts;  /* the newest is ctw_snapshot_recent(p, 0) */

    /* settings in force that a reader needs */
    uint32_t warning_permyriad, critical_permyriad, clear_permyriad;
    enum ctw_events_mode events_mode;
    uint32_t events_from_permyriad;

    uint32_t lowered_from;     /* as in struct ctw_cause_facts */
    uint64_t host_usec;        /* when the machine was last read */
    uint64_t talkers_usec;     /* when the talkers were last sampled */
    uint64_t new_sources_usec; /* when the new sources were last noted; 0: not subscribed */

    /* The rest changes with n_recent_alerts and the three times only. Its sum is of words of 64
     * bits, which i386 aligns to four bytes. */
    _Alignas(8) struct ctw_recent_alert recent_alerts[CTW_RECENT_ALERTS];
    struct ctw_talkers talkers;
    struct ctw_host host;
    struct ctw_new_sources new_sources;
};

/* --- the file -------------------------------------------------------------------------------- */

#define CTW_STATE_MAGIC   UINT64_C(0x6374776174636821) /* "ctwatch!" */
#define CTW_STATE_VERSION 8u

/* The beginning of the file. All that follows is in the byte order and layout of the program that
 * wrote it, which may be of another architecture: a 64-bit ctwatch on a machine whose ctwatchd is
 * of 32 bits, or one below qemu-user. */
struct ctw_state_head {
    uint64_t magic;     /* its bytes are in the byte order of the whole file */
    uint16_t version;   /* CTW_STATE_VERSION */
    uint16_t word_bits; /* of a pointer: 32 or 64 */
    uint32_t bytes;     /* sizeof(struct ctw_state) */
};

/*
 * The snapshot as it is written to the file, with one pwrite().
 *
 * Neither pwrite() nor pread() is atomic here: a copy may hold parts of two publications, in any
 * order. Such a copy does not have the sums, and is read again. A sum instead of a sequence number
 * before and after needs one system call for each publication instead of three.
 */
struct ctw_published {
    uint64_t sum;      /* of what follows, up to now.recent_alerts */
    uint64_t rest_sum; /* of what follows that: written only when it changed */
    struct ctw_snapshot now;
};

/*
 * /run/ctwatch/state.
 *
 * The history has a sequence: odd while slots are being written, and two more afterwards. This
 * needs order. The writer has a full memory fence between two pwrite() calls and the reader one
 * between two pread() calls; they order the copies that the kernel makes in these calls, since it
 * makes them in the same thread.
 */
struct ctw_state {
    struct ctw_state_head head;
    struct ctw_published published;
    uint64_t history_sequence;
    struct ctw_history history;
    uint64_t end; /* written once: a truncated file stays shorter than a whole one */
};

/** ctw_state_head() - of the files that this program writes */
struct ctw_state_head ctw_state_head(void);

/**
 * ctw_state_head_check() - whether this program understands what follows
 *
 * Return: 0; -EBADMSG: not a state file; -ENOEXEC: of another byte order or word size; -ESTALE: of
 * another version.
 */
int ctw_state_head_check(const struct ctw_state_head *head);

/** ctw_state_head_compare() - the same of another file, whose head is @own in this program */
int ctw_state_head_compare(const struct ctw_state_head *head, const struct ctw_state_head *own);

/** ctw_state_sum() - of @size bytes, a multiple of 8: two copies with parts of each other differ */
uint64_t ctw_state_sum(const void *bytes, size_t size);

/** ctw_state_bool_check() - a bool whose byte is neither 0 nor 1 must not be read as a bool */
bool ctw_state_bool_check(const bool *b);

/**
 * ctw_published_seal() - compute the sums
 * @all:  also of the recent alerts, talkers and new sources
 *
 * Return: how many bytes of @p to write, from its beginning.
 */
size_t ctw_published_seal(struct ctw_published *p, bool all);

/** ctw_published_is_whole() - whether these bytes are one publication */
bool ctw_published_is_whole(const struct ctw_published *p);

/* --- the daemon's side ----------------------------------------------------------------------- */

/* The clocks around one ctw_watch_step(). */
struct ctw_poll_times {
    uint64_t due_usec;      /* when the poll was due */
    uint64_t done_usec;     /* when its decisions had been carried out */
    uint64_t realtime_usec; /* the wall clock at tick.now_usec */
    uint64_t booted_usec;   /* ctw_booted_usec() */
    uint64_t next_due_usec;
};

/** ctw_snapshot_poll() - update it after one poll */
void ctw_snapshot_poll(struct ctw_snapshot *p, const struct ctw_settings *s,
                       const struct ctw_watch *w, const struct ctw_tick *t,
                       const struct ctw_verdict *v, const struct ctw_poll_times *times);

/**
 * ctw_snapshot_inherit() - take over from a former daemon at the same table
 * @before:  checked; of this boot; its table is that of @p where both are known
 *
 * The times of the last losses go on, and so do losses and peak when the table is known to be the
 * same. Other counts begin at 0.
 */
void ctw_snapshot_inherit(struct ctw_snapshot *p, const struct ctw_snapshot *before);

/** ctw_snapshot_alert() - add an alert that was sent */
void ctw_snapshot_alert(struct ctw_snapshot *p, const struct ctw_alert *a, uint64_t now_usec,
                        uint64_t realtime_usec);

/* --- a reader's side ------------------------------------------------------------------------- */

/**
 * ctw_snapshot_check() - whether these bytes can be a snapshot
 *
 * Every enumeration is one of its values, every string ends, every count is within its array, and
 * every share is at most 100 %.
 *
 * Return: 0 or -EBADMSG.
 */
int ctw_snapshot_check(const struct ctw_snapshot *p);

/* How the daemon is doing. */
enum ctw_liveness {
    CTW_LIVENESS_NONE,    /* no daemon wrote this */
    CTW_LIVENESS_ALIVE,   /* the last poll is as recent as it should be, which may be an hour */
    CTW_LIVENESS_LATE,    /* the next poll is overdue by more than CTW_LATE_USEC: hung or killed */
    CTW_LIVENESS_STOPPED, /* it ended in good order */
};

/* On a busy machine a poll is milliseconds late. One that is seconds late does not come. */
#define CTW_LATE_USEC (3 * CTW_USEC_PER_SEC)

/* The boot time is read from two clocks, one after the other, and leap seconds step one of them. */
#define CTW_BOOT_TOLERANCE_USEC (5 * CTW_USEC_PER_SEC)

/* poll.interval is at most an hour (lib/config/settings). */
#define CTW_INTERVAL_MAX_USEC (3600 * CTW_USEC_PER_SEC)

/**
 * ctw_snapshot_is_of_boot() - whether its times are of the boot at @booted_usec
 *
 * CLOCK_REALTIME less CLOCK_BOOTTIME is the same in every container of a machine, suspend does not
 * change it, and neither does slewing, which moves both clocks. A step of the wall clock does:
 * until the next poll the snapshot then is of another boot.
 */
bool ctw_snapshot_is_of_boot(const struct ctw_snapshot *p, uint64_t booted_usec);

/**
 * ctw_snapshot_liveness() - of the daemon that wrote it, in this boot
 * @now_usec:  CLOCK_MONOTONIC. It stands still during suspend, and so does the daemon's timer:
 * after a resume no poll is overdue.
 */
enum ctw_liveness ctw_snapshot_liveness(const struct ctw_snapshot *p, uint64_t now_usec);

/**
 * ctw_snapshot_is_old() - whether the daemon is alive, but polled more than CTW_LATE_USEC ago
 *
 * This happens with a long poll.interval. The table may have changed since, and the daemon died.
 */
bool ctw_snapshot_is_old(const struct ctw_snapshot *p, uint64_t now_usec);

/**
 * ctw_snapshot_renew() - put a sample taken by the reader into the daemon's snapshot
 * @own:  times, table, its sources and level of that sample
 *
 * Losses and alerts stay the daemon's, and so does its level if it is higher. Rates are dropped.
 */
void ctw_snapshot_renew(struct ctw_snapshot *p, const struct ctw_snapshot *own);

/** ctw_snapshot_wall_usec() - a monotonic time of the snapshot as wall clock time */
uint64_t ctw_snapshot_wall_usec(const struct ctw_snapshot *p, uint64_t usec);

/** ctw_snapshot_recent() - the newest alert but @back, below n_recent_alerts and CTW_RECENT_ALERTS
 */
const struct ctw_recent_alert *ctw_snapshot_recent(const struct ctw_snapshot *p, uint64_t back);

/**
 * ctw_snapshot_facts() - what the cause of the present level, or of the losses, is found by
 * @ret:  points into @p. trouble is ANY where the losses are past, or no daemon knows when they
 * were
 *
 * Return: false where the table is at level ok and nothing was lost: there is nothing to be found.
 */
bool ctw_snapshot_facts(const struct ctw_snapshot *p, struct ctw_cause_facts *ret);

/** ctw_snapshot_redact() - remove all addresses: pages show none by default */
void ctw_snapshot_redact(struct ctw_snapshot *p);

/**
 * ctw_state_fault() - why a state file cannot be used
 * @error:  negative errno of reading it; -EXDEV: it is of another network namespace
 *
 * Return: "damaged", for instance, to follow the file's name and a colon; valid until the next
 * call.
 */
const char *ctw_state_fault(int error);

/* --- one reader's view ----------------------------------------------------------------------- */

struct ctw_namespaces; /* lib/state/namespaces.h */

/* Everything a renderer gets. daemon/state/reader fills it; where no daemon is alive,
 * daemon/cli/fetch replaces the snapshot by a sample of its own. */
struct ctw_view {
    struct ctw_snapshot snapshot;      /* pid 0: a sample taken by the reader, without a daemon */
    const struct ctw_history *history; /* NULL: none */
    struct ctw_namespaces *namespaces; /* the fullest first; NULL: none are known */
    enum ctw_liveness liveness;
    /* Why nothing of a daemon is shown: ctw_state_read(), or -EXDEV: it watches, or watched,
     * another table; 0: something is, or none was asked for. */
    int state_error;
    /* The daemon's last poll, where the table is of a later sample of the reader; else 0. */
    uint64_t daemon_polled_usec;
    uint64_t now_usec, realtime_usec; /* when the reader read it */
};

/** ctw_view_ago() - microseconds from @usec, of the monotonic clock, to now; 0: it is yet to come
 */
uint64_t ctw_view_ago(const struct ctw_view *v, uint64_t usec);
