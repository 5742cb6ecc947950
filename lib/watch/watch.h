/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The one step: from the readings of a poll to its alerts and to the actions of the daemon.
 *
 * ctw_watch_step() is the heart of ctwatch. It cannot fail, because it allocates, reads and prints
 * nothing; the same ticks always give the same verdicts. daemon/manager gathers a tick, calls the
 * step and carries out the verdict.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/config/settings.h"
#include "lib/kernel/kmsg.h"
#include "lib/kernel/losses.h"
#include "lib/kernel/sample.h"
#include "lib/sizing/growth.h"
#include "lib/talkers/census.h"
#include "lib/watch/alert.h"
#include "lib/watch/episode.h"
#include "lib/watch/event_rates.h"
#include "lib/watch/table.h"

/* The most alerts of one step: the levels, every condition, every source, every namespace. */
#define CTW_VERDICT_ALERTS_MAX 48

/* The readings of one poll. */
struct ctw_tick {
    uint64_t now_usec;                 /* monotonic, never 0, never before that of the last tick */
    uint64_t netns_inode;              /* of the table's namespace, 0: not known */
    const struct ctw_release *release; /* of the kernel; NULL: not known, as in a recording */
    struct ctw_source_health sources[CTW_SOURCES];
    struct ctw_sample sample;                  /* valid only when the table's source is OK */
    struct ctw_log_counts log;                 /* since the last tick */
    struct ctw_event_counts events;            /* since the last tick; subscribed or not */
    const struct ctw_new_sources *new_sources; /* NULL: not subscribed. Outlives the alerts */
    bool has_past;                             /* first tick only: past and past_age_usec are set */
    struct ctw_log_counts past;                /* lines from before ctwatchd started */
    uint64_t past_age_usec;                    /* age of the newest of these lines */
    uint64_t command_failures;                 /* of alerts.command, since the start */
    bool requested;                            /* SIGUSR1 asked for a usage alert with culprits */
    bool culprits_due;                         /* ctw_waiting_learned() returned true */
    struct ctw_growth_facts facts;             /* zero where growth is off */
    uint64_t spacing_usec; /* of a recording: losses are known this far apart; 0: at each poll */
};

/* The alerts and the actions that follow from one poll. */
struct ctw_verdict {
    enum ctw_level level;
    struct ctw_losses lost; /* since the last poll */
    /* Once, with the first counters that are read: what was lost before. Of a table that was
     * resumed, since the last sample of the former daemon; else since the kernel began to count. */
    struct ctw_losses lost_before;
    /* Table-full lines that are not about our table, for lib/watch/namespaces: full_lines are those
     * that name no namespace. */
    struct ctw_log_counts other_log;
    bool limit_changed;       /* since the last poll, by another program */
    struct ctw_sample sample; /* the last good sample, with the last known buckets and counters;
                                 ctw_watch_grown() updates it */
    uint64_t next_poll_usec;  /* from this tick's now */
    bool want_events;         /* the daemon should be subscribed to events */
    const char *events_why;   /* the reason, for the log: "the table is calm" */
    bool want_host;           /* read the machine, then call ctw_watch_learn_host(): before any
                                 alert is sent or a walk starts */
    bool want_walk;           /* walk a sample of the table, then call ctw_watch_learn() */
    /* If growth.write is set: write the limits before any alert is sent, then call
     * ctw_watch_grown(). */
    struct ctw_growth_decision growth;
    size_t n_alerts;
    struct ctw_alert alerts[CTW_VERDICT_ALERTS_MAX];
};

/* Growth from poll to poll. Zero-initialised: nothing was grown or refused. */
struct ctw_growth_state {
    struct ctw_growth growth;
    enum ctw_growth_refusal refused_as;
    unsigned refusals_alerted; /* in this episode, as bits: 1 << refusal */
    struct ctw_episode persist_failed;
    bool was_dry_run; /* the last poll was a dry run */
    uint32_t ceiling; /* the max up to which growth is possible; 0: it is not */
};

/* The memory of our own table from poll to poll. Zero-initialised: nothing was read. */
struct ctw_watch {
    bool polled; /* table.last is set */
    struct ctw_table_state table;
    bool has_before; /* before is set */
    /* Until the first poll: the last sample of a former daemon, or that of the table that was
     * unloaded, with counters that start from 0. */
    struct ctw_sample before;
    uint64_t before_usec;   /* the time of a former daemon's last sample; 0: there was none */
    bool counted;           /* losses until now are known: counters were read, or start from 0 */
    uint64_t counters_usec; /* the last poll that read counters */
    bool count_changed;     /* since that poll */
    struct ctw_rate_window rates;
    struct ctw_episode events_needed; /* the fill is above events.from, or rises to full */
    uint64_t events_lost_count;       /* in the episode of CTW_ALERT_EVENTS_LOST */
    uint64_t walk_usec;               /* the last poll that asked for a walk; 0: none */
    uint64_t slow_walk_usec;          /* the end of the last walk that took long; 0: none */
    uint64_t talkers_usec;            /* the end of the last successful walk; 0: none */
    struct ctw_talkers talkers;
    uint32_t lowered_from; /* the max before another program lowered it; 0: it is not lower */
    uint64_t host_usec;    /* when the machine was last read; 0: never */
    struct ctw_host host;
    struct ctw_episode conditions[CTW_ALERT_KINDS]; /* that last, and are not the table's */
    struct ctw_source_episode sources[CTW_SOURCES];
    struct ctw_growth_state growth_state;
};

/**
 * ctw_watch_wants_counters() - whether this poll has to read the counters and the buckets as well
 * @w:  as left by the last step
 * @t:  this poll, with now, sample.count, sample.max and log set
 *
 * Reading them costs four times what count and max cost, but not every loss leaves a line in the
 * kernel log. So an idle table has them read every ten seconds; a table whose count changes, whose
 * level is not ok or which has lost flows within the last minute, every second; and a table that is
 * nearly full, or full by the kernel log, at every poll.
 */
bool ctw_watch_wants_counters(const struct ctw_watch *w, const struct ctw_tick *t);

/**
 * ctw_watch_resume() - go on from the last sample of a former daemon, before the first step
 * @last:  of the same table in this boot; its time is @polled_usec, not 0
 *
 * What was lost since is alerted at the first poll with counters, by one alert per kind with
 * CTW_EDGE_PAST, and a change of the limits as at any poll.
 */
void ctw_watch_resume(struct ctw_watch *w, const struct ctw_sample *last, uint64_t polled_usec);

/**
 * ctw_watch_step() - one poll
 * @s:    the settings in force, which may change between two steps
 * @ret:  set completely, except for the alerts beyond n_alerts
 */
void ctw_watch_step(struct ctw_watch *w, const struct ctw_settings *s, const struct ctw_tick *t,
                    struct ctw_verdict *ret);

/**
 * ctw_watch_learn() - a walk has ended
 * @talkers:  the result; not known when the walk failed
 *
 * The alerts that wait for the walk point to the result, and so do later alerts for two minutes.
 */
void ctw_watch_learn(struct ctw_watch *w, const struct ctw_talkers *talkers, uint64_t now_usec);

/** ctw_watch_learn_host() - the machine was read; alerts point to what is known of it */
void ctw_watch_learn_host(struct ctw_watch *w, const struct ctw_settings *s,
                          const struct ctw_host *host, uint64_t now_usec);

/**
 * ctw_watch_grown() - the limits of a verdict's growth were written
 * @t:    the tick of the verdict
 * @o:    the outcome of writing
 * @ret:  the verdict: gets more alerts, the new sample, and perhaps an earlier next poll
 */
void ctw_watch_grown(struct ctw_watch *w, const struct ctw_settings *s, const struct ctw_tick *t,
                     const struct ctw_growth_outcome *o, struct ctw_verdict *ret);
