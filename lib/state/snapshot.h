/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTW_LIB_STATE_SNAPSHOT_H
#define CTW_LIB_STATE_SNAPSHOT_H

/*
 * All that a reader may see of the daemon: one value of fixed size, without a pointer in it.
 *
 * The daemon keeps it up to date in /run/ctwatch/state, and readers copy it from there, so that no
 * reader, however slow or hostile, can delay a look. What a reader gets are bytes from outside: it
 * believes them only after ctw_snapshot_check().
 *
 * Times without another name are of the monotonic clock, in microseconds; 0: never.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/config/settings.h"
#include "lib/kernel/sample.h"
#include "lib/state/history.h"
#include "lib/watch/alert.h"
#include "lib/watch/event_rates.h"
#include "lib/watch/watch.h"

/* Upper bounds of the look latencies that are told apart, in microseconds; a last one has no bound.
 */
#define CTW_LATENCY_BOUNDS_USEC                                                                    \
    { 100, 250, 500, 1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000, 1000000 }
#define CTW_LATENCY_BOUNDS 12u

/* Alerts that are kept with their words. */
#define CTW_RECENT_ALERTS 16u

#define CTW_RECENT_ALERT_BYTES 320u

struct ctw_recent_alert {
    uint64_t realtime_usec; /* 0: none */
    enum ctw_alert_kind kind;
    enum ctw_edge edge;
    enum ctw_level level;
    char message[CTW_RECENT_ALERT_BYTES];
};

struct ctw_snapshot {
    /* the daemon */
    uint32_t pid; /* 0: no daemon made this, it is one look of the reader's own */
    char version[16];
    uint64_t started_usec, started_realtime_usec;
    uint64_t polled_usec, polled_realtime_usec; /* the last poll */
    uint64_t booted_usec;  /* CLOCK_REALTIME less CLOCK_BOOTTIME at that poll: since 1970 */
    uint64_t due_usec;     /* when the next one is due */
    uint64_t stopped_usec; /* it ended in good order */
    uint64_t polls;
    /* From when a look was due until what it decided had been done. */
    uint64_t latency_sum_usec, latency_worst_usec;
    uint64_t latency[CTW_LATENCY_BOUNDS + 1]; /* looks within each bound and above the one before */

    /* the table */
    char netns[64];
    uint64_t netns_inode; /* 0: not known */
    struct ctw_source_health sources[CTW_SOURCES];
    bool has_table;          /* what follows is of the last look; otherwise of the last good one */
    struct ctw_sample table; /* buckets and counters as last known */
    enum ctw_level level;
    uint64_t level_since_usec; /* 0: since the start */
    bool has_rate;
    int64_t rate; /* net entries per second, over the last second */
    bool fills;
    uint64_t usec_to_full; /* at that rate */

    /* lost since the daemon started, at this table; the times also before, this boot */
    struct ctw_losses lost;
    uint64_t refused_usec; /* the last new flow refused, for whatever reason but a clash */
    uint64_t evicted_usec; /* the last entry evicted */

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
    uint64_t growths;              /* changes of a limit since the start */
    uint64_t grown_usec;           /* the last of them */
    uint32_t grown_from, grown_to; /* max then */
    uint64_t memory_bytes;         /* of the machine; 0: not known */

    /* alerts since the start */
    uint64_t alerts[CTW_ALERT_KINDS];
    uint64_t n_recent_alerts; /* the newest is said[(n_said - 1) % CTW_RECENT_ALERTS] */

    /* of the settings in force, what a reader needs to make sense of it all */
    uint32_t warning_permyriad, critical_permyriad, clear_permyriad;
    enum ctw_events_mode events_mode;

    uint64_t talkers_usec; /* when it was last asked who fills the table */

    /* What follows changes with n_said and who_usec only. */
    struct ctw_recent_alert recent_alerts[CTW_RECENT_ALERTS];
    struct ctw_talkers talkers;
};

/* --- the file -------------------------------------------------------------------------------- */

#define CTW_STATE_MAGIC   UINT64_C(0x6374776174636821) /* "ctwatch!" */
#define CTW_STATE_VERSION 3u

/*
 * /run/ctwatch/state. Each part has a sequence lock: odd while it is being written, and two more
 * after. The history changes once a second, the rest at each look.
 */
struct ctw_state {
    uint64_t magic;
    uint32_t version;
    uint32_t bytes; /* sizeof(struct ctw_state) in the program that wrote it */
    _Atomic uint64_t now_sequence;
    struct ctw_snapshot now;
    _Atomic uint64_t history_sequence;
    struct ctw_history history;
};

/* --- the daemon's side ----------------------------------------------------------------------- */

/* What a look adds to what ctw_watch_step() knows. */
struct ctw_poll_times {
    uint64_t due_usec;      /* when it should have come */
    uint64_t done_usec;     /* when all it decided had been done */
    uint64_t realtime_usec; /* the wall clock at tick.now_usec */
    uint64_t booted_usec;   /* ctw_booted_usec() */
    uint64_t next_due_usec;
};

/** ctw_snapshot_poll() - one look */
void ctw_snapshot_poll(struct ctw_snapshot *p, const struct ctw_settings *s,
                       const struct ctw_watch *w, const struct ctw_tick *t,
                       const struct ctw_verdict *v, const struct ctw_poll_times *times);

/**
 * ctw_snapshot_inherit() - begin after another daemon at the same table
 * @before:  checked; of this boot
 *
 * When something was last lost is still so; how much is counted anew.
 */
void ctw_snapshot_inherit(struct ctw_snapshot *p, const struct ctw_snapshot *before);

/** ctw_snapshot_alert() - an alert, rendered as @message */
void ctw_snapshot_alert(struct ctw_snapshot *p, const struct ctw_alert *a, const char *message,
                        uint64_t now_usec, uint64_t realtime_usec);

/* --- a reader's side ------------------------------------------------------------------------- */

/**
 * ctw_snapshot_check() - whether these bytes can be a snapshot
 *
 * Every enumeration is one of its values, every string ends, every count is within its array.
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

/* Two readings of one boot's time differ by what passes between reading two clocks. */
#define CTW_BOOT_TOLERANCE_USEC (5 * CTW_USEC_PER_SEC)

/* The longest that poll.interval may be is an hour (lib/settings). */
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
 * ctw_snapshot_is_old() - the daemon looks, but has not for CTW_LATE_USEC
 *
 * So it is where poll.interval is long. The table may be another by now, and the daemon dead.
 */
bool ctw_snapshot_is_old(const struct ctw_snapshot *p, uint64_t now_usec);

/**
 * ctw_snapshot_renew() - put a look of the reader's own into what the daemon saw
 * @own:  what is of one look: the times, the table, its sources and level
 *
 * What only a daemon can know stays: losses, alerts, and its level where that is the higher one.
 * Rates of its last look are dropped.
 */
void ctw_snapshot_renew(struct ctw_snapshot *p, const struct ctw_snapshot *own);

/** ctw_snapshot_wall_usec() - a monotonic time of the snapshot as wall clock time */
uint64_t ctw_snapshot_wall_usec(const struct ctw_snapshot *p, uint64_t usec);

/* What ctwatchd publishes cannot always be read, and every verb says why in the same words. */

/**
 * ctw_state_fault() - what is the matter with the state, to be put behind its name and a colon
 * @error:  negative errno of reading it; -EXDEV: it is that of another network namespace
 *
 * Return: "damaged", for instance; valid until the next call.
 */
const char *ctw_state_fault(int error);

/* --- one reader's view -------------------------------------------------------------------------
 */

/* All that a renderer knows. daemon/state/reader fills it, and daemon/cli/fetch goes on from there
 * when the table has to be read by the reader itself. */
struct ctw_view {
    struct ctw_snapshot snapshot;      /* pid 0: a sample taken by the reader, without a daemon */
    const struct ctw_history *history; /* NULL: none */
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

#endif
