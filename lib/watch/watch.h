/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTW_LIB_WATCH_WATCH_H
#define CTW_LIB_WATCH_WATCH_H

/*
 * When it is worth its price to ask who fills the table: by subscribing to events, which cost every
 * new flow half as much again, and by walking a sample of the entries, which costs milliseconds.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/config/settings.h"
#include "lib/kernel/counters.h"
#include "lib/kernel/kmsg.h"
#include "lib/kernel/losses.h"
#include "lib/kernel/sample.h"
#include "lib/sizing/growth.h"
#include "lib/watch/alert.h"
#include "lib/watch/episode.h"
#include "lib/watch/level.h"
#include "lib/watch/trend.h"

/* Zero-initialised, nothing has been asked. */
struct ctw_sample_policy {
    struct ctw_episode events; /* needed, and for a while after */
    uint64_t walk_usec;        /* when a walk was last asked for; 0: never */
};

/**
 * ctw_sample_policy_events() - whether to be subscribed to events
 * @usage:     the fill, in permyriad; 0 when it is not known
 * @filling:   the table is forecast to fill
 * @ret_why:   the reason either way, for a person
 */
bool ctw_sample_policy_events(struct ctw_sample_policy *q, const struct ctw_settings *s,
                              uint32_t usage, bool filling, uint64_t now_usec,
                              const char **ret_why);

/**
 * ctw_sample_policy_walk() - whether to walk a sample now, a level having risen
 * @usage:  the fill, in permyriad
 *
 * At most once a minute; and never in a table less than half full: another namespace may then hold
 * most of the one hash table, and the kernel would walk past all its entries in one piece.
 */
bool ctw_sample_policy_walk(struct ctw_sample_policy *q, uint32_t usage, uint64_t now_usec);

/* The course of growth from look to look: what is decided, what is remembered, what is to be said
 * of it. growth.h decides. */

/* Zero-initialised, nothing has been grown or refused. */
struct ctw_growth_state {
    struct ctw_growth growth;
    struct ctw_episode refused;
    enum ctw_growth_refusal refused_as;
    unsigned refused_told; /* bit 1 << refusal: alerted in this episode */
    struct ctw_episode persist_failed;
    struct ctw_episode dry_run;
    bool was_dry_run; /* the last look was a dry run */
    uint32_t ceiling; /* as far as it may grow, as of the last look; 0: it does not */
};

/* One thing to be said. */
struct ctw_growth_state_edge {
    enum ctw_alert_kind kind;
    enum ctw_edge edge;
    uint64_t lasted_usec;
    enum ctw_growth_refusal refusal;   /* GROWTH_REFUSED */
    int error;                         /* GROWTH_REFUSED: negative errno */
    const char *path;                  /* GROWTH_REFUSED: what it is about */
    struct ctw_growth_outcome outcome; /* GREW */
};

/* Refused, not kept, dry run; or, after a write: grew, buckets stay. */
#define CTW_GROWTH_STATE_EDGES_MAX 3

/** ctw_growth_state_forget() - the table is gone: whatever comes back starts anew */
void ctw_growth_state_forget(struct ctw_growth_state *g);

/**
 * ctw_growth_state_step() - one look at a table that can be read
 * @retd:  what is to be done; when it says write, ctw_growth_state_done() follows
 * @ret:   what is to be said
 *
 * Return: how many of @ret.
 */
size_t ctw_growth_state_step(struct ctw_growth_state *g, const struct ctw_settings *s,
                             const struct ctw_growth_input *poll, struct ctw_growth_decision *retd,
                             struct ctw_growth_state_edge ret[static CTW_GROWTH_STATE_EDGES_MAX]);

/** ctw_growth_state_done() - what came of it. Return: how many of @ret. */
size_t ctw_growth_state_done(struct ctw_growth_state *g, const struct ctw_growth_input *poll,
                             const struct ctw_growth_decision *d,
                             const struct ctw_growth_outcome *o,
                             struct ctw_growth_state_edge ret[static CTW_GROWTH_STATE_EDGES_MAX]);

/** ctw_growth_state_describe() - put it into an alert of that kind and edge */
void ctw_growth_state_describe(const struct ctw_growth_state_edge *e,
                               const struct ctw_growth_decision *d, struct ctw_alert *a);

/*
 * The one step: what was seen at a look, and what is to be said of it.
 *
 * ctw_watch_step() is the heart of ctwatch. It cannot fail, because it allocates, reads and
 * prints nothing; given the same ticks it always says the same. daemon/manager gathers a tick,
 * hands it over and carries out the verdict.
 */

/* Alerts one step may raise: the four levels, every condition, every source, every namespace. */
#define CTW_VERDICT_ALERTS_MAX 48

/* What was seen at one look. */
struct ctw_tick {
    uint64_t now_usec;    /* monotonic, never 0, never before that of the last tick */
    uint64_t netns_inode; /* of the table looked at, 0: not known */
    struct ctw_source_health sources[CTW_SOURCES];
    struct ctw_sample sample;       /* valid when the table's source is OK, and only then */
    struct ctw_log_counts log;      /* since the last tick */
    struct ctw_event_counts events; /* since the last tick; subscribed or not */
    bool has_past;                  /* first tick only: the kernel log had been read back */
    struct ctw_log_counts past;     /* what it said before ctwatchd started */
    uint64_t past_age_usec;         /* how long ago its newest loss line was */
    bool requested;                 /* the administrator asks for culprits */
    bool culprits_due;              /* of alerts sent without: ctw_waiting_learned() */
    struct ctw_growth_facts facts;  /* where growth is on */
};

/* What is to be said and done. */
struct ctw_verdict {
    enum ctw_level level;
    struct ctw_losses lost;   /* since the last look */
    bool limit_changed;       /* likewise, by somebody else */
    struct ctw_sample sample; /* the last good sample as it is now, with buckets and counters as
 last known; ctw_watch_grown() updates it */
    uint64_t next_poll_usec;  /* from this tick's now */
    bool want_events;         /* be subscribed to events */
    const char *events_why;   /* for the log: "the table fills" */
    bool want_walk;           /* walk a sample of the table, then call ctw_watch_learn() */
    /* What to write, when growth.write says so: at once, before anything is said. What came of it
     * goes to ctw_watch_grown(). */
    struct ctw_growth_decision growth;
    size_t n_alerts;
    struct ctw_alert alerts[CTW_VERDICT_ALERTS_MAX];
};

/* What is remembered between looks at one table. Zero-initialised it has seen nothing. */
struct ctw_watch {
    bool polled;            /* there is a last sample */
    struct ctw_sample last; /* the last good look, its buckets and counters the last known */
    uint64_t counters_usec; /* when counters were last read */
    struct ctw_level_state level;
    struct ctw_trend trend;
    uint64_t level_alerted_usec; /* usage: when it was last said */
    struct ctw_loss_episode loss_episode;
    struct ctw_rate_window rates;
    struct ctw_sample_policy sample_policy;
    struct ctw_episode events_lost;
    uint64_t events_lost_count; /* in that episode */
    uint64_t talkers_usec;      /* when it ended, 0: never */
    struct ctw_talkers talkers;
    struct ctw_episode forecast;
    struct ctw_episode table_full;
    struct ctw_episode early_drop;
    struct ctw_episode chain_too_long;
    struct ctw_episode dropped_below_max;
    struct ctw_episode insert_failed;
    struct ctw_episode expect_full;
    struct ctw_source_episodes source_episodes;
    struct ctw_other_netns other_netns;
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
 * ctw_watch_step() - one look
 * @w:    what is remembered
 * @s:    the settings in force; they may differ from one step to the next
 * @t:    what was seen
 * @ret:  always set, the alerts up to n_alerts
 */
void ctw_watch_step(struct ctw_watch *w, const struct ctw_settings *s, const struct ctw_tick *t,
                    struct ctw_verdict *ret);

/**
 * ctw_watch_learn() - a walk has ended
 * @talkers:  what it came to; not known when it failed
 *
 * Alerts of the verdict that asked for it, and later ones while it is fresh, carry it.
 */
void ctw_watch_learn(struct ctw_watch *w, const struct ctw_talkers *talkers, uint64_t now_usec);

/**
 * ctw_watch_grown() - what came of verdict.growth
 * @t:    the tick that it was decided on
 * @o:    what the writing did
 * @ret:  that verdict: alerts are appended, and next_look may come earlier
 */
void ctw_watch_grown(struct ctw_watch *w, const struct ctw_settings *s, const struct ctw_tick *t,
                     const struct ctw_growth_outcome *o, struct ctw_verdict *ret);

#endif
