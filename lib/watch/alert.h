/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * One alert as a value, its names, and the queue of alerts that wait for a sample.
 *
 * The names are a contract with users (ctwatchd(8), "ALERTS"): scripts, dashboards and alert
 * rules hang on them. Each kind has one MESSAGE_ID and one catalog entry.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/kernel/host.h"
#include "lib/kernel/losses.h"
#include "lib/kernel/netns_name.h"
#include "lib/kernel/sample.h"
#include "lib/sizing/growth.h"
#include "lib/talkers/census.h"
#include "lib/talkers/new_flows.h"
#include "lib/watch/event_rates.h"
#include "lib/watch/level.h"

enum ctw_alert_kind {
    CTW_ALERT_USAGE,
    CTW_ALERT_FORECAST,
    CTW_ALERT_TABLE_FULL,
    CTW_ALERT_EARLY_DROP,
    CTW_ALERT_CHAIN_TOO_LONG,
    CTW_ALERT_DROPPED_BELOW_MAX,
    CTW_ALERT_INSERT_FAILED,
    CTW_ALERT_EXPECT_FULL,
    CTW_ALERT_GREW,
    CTW_ALERT_GROWTH_REFUSED,
    CTW_ALERT_GROWTH_DRY_RUN,
    CTW_ALERT_LIMIT_CHANGED,
    CTW_ALERT_EVENTS_LOST,
    CTW_ALERT_BLIND,
    CTW_ALERT_SIGHTED,
    CTW_ALERT_CONFIG,
    CTW_ALERT_TEST,
};
#define CTW_ALERT_KINDS (CTW_ALERT_TEST + 1)

/* Alerts mark edges, not states. CTWATCH_EDGE. */
enum ctw_edge {
    CTW_EDGE_NONE,     /* no alert */
    CTW_EDGE_BEGIN,    /* a condition started; or limit_changed, config: an event occurred */
    CTW_EDGE_REMINDER, /* it still holds, alerts.remind after its last alert */
    CTW_EDGE_END,      /* it is over */
    CTW_EDGE_PAST,     /* it held before ctwatchd started */
};

/* What ctwatch depends on. CTWATCH_SOURCE. */
enum ctw_source {
    CTW_SOURCE_TABLE,      /* count and max */
    CTW_SOURCE_COUNTERS,   /* the kernel's statistics */
    CTW_SOURCE_KERNEL_LOG, /* /dev/kmsg */
    CTW_SOURCE_EVENTS,     /* the ctnetlink event subscription */
    CTW_SOURCE_JOURNAL,    /* the journal, where alerts go */
    CTW_SOURCE_STATE,      /* the state file, where readers look */
    CTW_SOURCE_COMMAND,    /* alerts.command */
};
#define CTW_SOURCES (CTW_SOURCE_COMMAND + 1)

enum ctw_health {
    CTW_HEALTH_UNUSED, /* switched off, or not tried yet */
    CTW_HEALTH_OK,
    CTW_HEALTH_ABSENT, /* not there yet, which is no fault: the module is not loaded */
    CTW_HEALTH_FAILED,
};

/* A file name longer than this is cut off: files below --root can have any length. It has room for
 * how alerts.command ended, with the last line of its stderr. */
#define CTW_SOURCE_WHAT_MAX 240

/* How one source is doing. A value: no pointer in it, and zero-initialised it is unused. */
struct ctw_source_health {
    enum ctw_health health;
    int error;                      /* FAILED: negative errno; -EBADMSG: unintelligible content;
                                     * 0: what says it */
    char what[CTW_SOURCE_WHAT_MAX]; /* FAILED, ABSENT: the file or socket; otherwise empty */
};

/* Room for a network namespace's name (NAME_MAX), or a note such as "unnamed". */
#define CTW_NETNS_NAME_MAX 256

struct ctw_alert {
    enum ctw_alert_kind kind;
    enum ctw_edge edge;
    enum ctw_level level;

    bool has_table; /* count, max and usage are known: not when blind */
    struct ctw_sample table;
    bool has_rate;
    int64_t rate; /* net entries per second */
    bool fills;
    uint64_t usec_to_full;

    struct ctw_rates rates; /* of the event stream, where it is subscribed to */
    uint64_t events_lost;   /* EVENTS_LOST: since BEGIN, an estimate */
    bool wants_talkers;     /* waits for the sample of the table that its poll asked for */
    const struct ctw_talkers *talkers;         /* NULL: not known. Outlives the alert */
    const struct ctw_host *host;               /* NULL: not known. Outlives the alert */
    const struct ctw_new_sources *new_sources; /* NULL: not subscribed. Outlives the alert */

    bool has_losses;
    struct ctw_losses losses; /* since the episode began: from leaving level ok to being back */
    uint64_t lasted_usec;     /* END: since BEGIN. PAST: since the newest kernel line, or the gap */
    bool gap;                 /* PAST: losses while ctwatchd was not running, for lasted_usec */

    bool other_netns;     /* of another namespace; without has_table, known from the log only */
    bool below_user;      /* all its processes lie below user.slice: any local user can make one */
    bool netns_gone;      /* END: the namespace has ended */
    uint8_t netns_kind;   /* enum ctw_netns_kind: where the name is from; UNNAMED: not known */
    uint32_t netns_pid;   /* a process in it; 0: not known */
    uint32_t more_netns;  /* other namespaces with new episodes that are not alerted one by one */
    uint64_t netns_inode; /* 0: not known */
    char netns[CTW_NETNS_NAME_MAX]; /* set by the daemon, which can look names up */

    uint32_t lowered_from; /* as in struct ctw_cause_facts */

    bool max_changed, buckets_changed; /* LIMIT_CHANGED, GREW, GROWTH_DRY_RUN */
    uint32_t old_max, new_max;
    uint32_t old_buckets, new_buckets;
    uint32_t our_max;    /* LIMIT_CHANGED: the max that ctwatch had set; 0: none */
    bool writer_unknown; /* LIMIT_CHANGED: of a recording, which does not name the writer */

    enum ctw_growth_reason growth_reason;   /* GREW, GROWTH_DRY_RUN */
    enum ctw_growth_refusal growth_refusal; /* GROWTH_REFUSED */
    int growth_error;                       /* GROWTH_REFUSED: negative errno, 0: none */
    const char *growth_path;                /* GROWTH_REFUSED: the file of the error, or NULL */
    uint32_t ceiling;                       /* GREW, GROWTH_*: 0: not known */
    enum ctw_growth_bound bound;            /* GREW, GROWTH_*: what sets the ceiling */
    uint64_t stall_usec;                    /* GREW: the time that writing the buckets took */

    enum ctw_source source;          /* BLIND, SIGHTED */
    struct ctw_source_health health; /* BLIND, SIGHTED */
    bool config_refused;             /* CONFIG */
    char reason[512];                /* CONFIG: the error in one line, or empty */
};

/** ctw_alert_kind_name() - "usage", "table_full", ... the value of CTWATCH_ALERT */
const char *ctw_alert_kind_name(enum ctw_alert_kind kind);

/** ctw_alert_message_id() - the kind's MESSAGE_ID, 32 lower-case hexadecimal digits */
const char *ctw_alert_message_id(enum ctw_alert_kind kind);

/** ctw_source_name() - "table", "counters", "kernel_log", "events", "journal", "state",
 * "command" */
const char *ctw_source_name(enum ctw_source source);

/** ctw_source_health_of() - a health as a value; @what may be NULL */
struct ctw_source_health ctw_source_health_of(enum ctw_health health, int error, const char *what);

/** ctw_health_name() - "unused", "ok", "absent", "failed" */
const char *ctw_health_name(enum ctw_health health);

/** ctw_edge_name() - "begin", "reminder", "end", "past" */
const char *ctw_edge_name(enum ctw_edge edge);

/**
 * ctw_alert_priority() - syslog priority, 1 (alert) to 5 (notice)
 *
 * The kind's priority; for usage that of its level; 5 at every END. At most 4 (warning) for what
 * any local user can cause in a namespace of his own.
 */
int ctw_alert_priority(const struct ctw_alert *a);

/** ctw_alert_runs_command() - not those about alerts.command: it could not report its own failure;
 * nor those that any local user can cause */
bool ctw_alert_runs_command(const struct ctw_alert *a);

/* Alerts in the queue: the last that fits sends them all. */
#define CTW_WAITING_MAX 8u

/*
 * Alerts on their way out, in the order of what happened.
 *
 * An alert with wants_talkers waits until the sample has ended, and less urgent alerts wait behind
 * it. An alert of priority 3 or more urgent that needs no sample does not wait: those before it are
 * sent at once, without culprits, and their culprits come as a reminder when the sample ends. So
 * does the end of the program. Zero-initialised, nothing waits.
 */
struct ctw_waiting {
    uint32_t n;        /* alerts in the queue */
    uint32_t sent;     /* of these, returned by ctw_waiting_next() */
    uint32_t due;      /* of these, to be returned */
    bool culprits_due; /* alerts were sent before the sample they asked for had ended */
    struct ctw_alert alerts[CTW_WAITING_MAX];
};

/** ctw_waiting_add() - after the last one: until ctw_waiting_next() returned NULL */
void ctw_waiting_add(struct ctw_waiting *q, const struct ctw_alert *a);

/** ctw_waiting_next() - the next alert to send now, valid until ctw_waiting_add(); NULL: none */
struct ctw_alert *ctw_waiting_next(struct ctw_waiting *q);

/**
 * ctw_waiting_learned() - the sample has ended, or could not be taken: nothing waits any more
 * @known:  it found entries
 *
 * Return: whether the culprits of alerts sent without them are known now: the next tick has
 * culprits_due.
 */
bool ctw_waiting_learned(struct ctw_waiting *q, bool known);

/** ctw_waiting_flush() - send all that waits, without culprits: the program ends */
void ctw_waiting_flush(struct ctw_waiting *q);
