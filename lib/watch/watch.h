/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTW_LIB_WATCH_WATCH_H
#define CTW_LIB_WATCH_WATCH_H

/*
 * The one step: from what a poll read to the alerts, and to what is to be done next.
 *
 * ctw_watch_step() is the heart of ctwatch. It cannot fail, because it allocates, reads and
 * prints nothing; the same ticks always give the same verdicts. daemon/manager gathers a tick,
 * hands it over and carries out the verdict.
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
#include "lib/watch/level.h"
#include "lib/watch/trend.h"

/* Alerts of one step at most: the levels, every condition, every source, every namespace. */
#define CTW_VERDICT_ALERTS_MAX 48

/* What one poll read. */
struct ctw_tick {
    uint64_t now_usec;    /* monotonic, never 0, never before that of the last tick */
    uint64_t netns_inode; /* of the table's namespace, 0: not known */
    struct ctw_source_health sources[CTW_SOURCES];
    struct ctw_sample sample;       /* valid only when the table's source is OK */
    struct ctw_log_counts log;      /* since the last tick */
    struct ctw_event_counts events; /* since the last tick; subscribed or not */
    bool has_past;                  /* first tick only: the kernel log was read back */
    struct ctw_log_counts past;     /* its lines from before ctwatchd started */
    uint64_t past_age_usec;         /* the age of the newest of them */
    bool requested;                 /* the administrator asks for culprits */
    bool culprits_due;              /* of alerts sent without: ctw_waiting_learned() */
    struct ctw_growth_facts facts;  /* where growth is on */
};

/* What to alert and to do. */
struct ctw_verdict {
    enum ctw_level level;
    struct ctw_losses lost;   /* since the last poll */
    bool limit_changed;       /* since the last poll, by another program */
    struct ctw_sample sample; /* the last good sample as it is now, with buckets and counters as
                                 last known; ctw_watch_grown() updates it */
    uint64_t next_poll_usec;  /* from this tick's now */
    bool want_events;         /* be subscribed to events */
    const char *events_why;   /* the reason, for the log: "the table is calm" */
    bool want_walk;           /* walk a sample of the table, then call ctw_watch_learn() */
    /* What to write, if growth.write is set: at once, before any alert is sent. Its outcome goes to
     * ctw_watch_grown(). */
    struct ctw_growth_decision growth;
    size_t n_alerts;
    struct ctw_alert alerts[CTW_VERDICT_ALERTS_MAX];
};

/* Growth from poll to poll. Zero-initialised, nothing was grown or refused. */
struct ctw_growth_state {
    struct ctw_growth growth;
    struct ctw_episode refused;
    enum ctw_growth_refusal refused_as;
    unsigned refusals_alerted; /* bit 1 << refusal: alerted in this episode */
    struct ctw_episode persist_failed;
    struct ctw_episode dry_run;
    bool was_dry_run; /* the last poll was a dry run */
    uint32_t ceiling; /* how far max may grow, as of the last poll; 0: it does not */
};

/* The memory of one table from poll to poll. Zero-initialised, nothing was read. */
struct ctw_watch {
    bool polled;            /* there is a last sample */
    struct ctw_sample last; /* the last good one, its buckets and counters as last known */
    uint64_t counters_usec; /* the last poll that read counters */
    struct ctw_level_state level;
    uint64_t level_alerted_usec; /* the last usage alert */
    struct ctw_trend trend;
    struct ctw_loss_episode loss_episode;
    struct ctw_rate_window rates;
    struct ctw_episode events_needed; /* the table is full enough, or fills */
    struct ctw_episode events_lost;
    uint64_t events_lost_count; /* in that episode */
    uint64_t walk_usec;         /* the last poll that asked for a walk; 0: none */
    uint64_t talkers_usec;      /* the end of the last successful walk; 0: none */
    struct ctw_talkers talkers;
    struct ctw_episode forecast;
    struct ctw_episode table_full;
    struct ctw_episode early_drop;
    struct ctw_episode chain_too_long;
    struct ctw_episode dropped_below_max;
    struct ctw_episode insert_failed;
    struct ctw_episode expect_full;
    struct ctw_source_episode sources[CTW_SOURCES];
    struct ctw_netns_episode other_netns[CTW_OTHER_NETNS_MAX];
    struct ctw_growth_state growth_state;
};

/**
 * ctw_watch_wants_counters() - whether this poll needs the counters and the buckets as well
 * @w:    as left by the last step
 * @s:    the settings in force
 * @t:    this poll, with now, sample.count, sample.max and log filled in
 *
 * While all is well they are read at every tenth poll, but at least every ten seconds and at most
 * every second; during an episode every second; and at every poll while the table is nearly full or
 * the kernel log reported it as full.
 */
bool ctw_watch_wants_counters(const struct ctw_watch *w, const struct ctw_settings *s,
                              const struct ctw_tick *t);

/**
 * ctw_watch_step() - one poll
 * @s:    the settings in force; they may differ from one step to the next
 * @ret:  always set, the alerts up to n_alerts
 */
void ctw_watch_step(struct ctw_watch *w, const struct ctw_settings *s, const struct ctw_tick *t,
                    struct ctw_verdict *ret);

/**
 * ctw_watch_learn() - a walk has ended
 * @talkers:  its result; not known when it failed
 *
 * The alerts that wait for the walk carry it, and so do later ones while it is fresh.
 */
void ctw_watch_learn(struct ctw_watch *w, const struct ctw_talkers *talkers, uint64_t now_usec);

/**
 * ctw_watch_grown() - the limits of verdict.growth were written
 * @t:    the tick of that verdict
 * @ret:  that verdict: alerts are appended, the sample is updated, next_poll_usec may come earlier
 */
void ctw_watch_grown(struct ctw_watch *w, const struct ctw_settings *s, const struct ctw_tick *t,
                     const struct ctw_growth_outcome *o, struct ctw_verdict *ret);

#endif
