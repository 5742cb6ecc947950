/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/watch/watch.h"

#include <string.h>

/* Counters and buckets are read this often during an episode. While all is well they are read at
 * every tenth poll, since they cost four times what count and max do. */
#define COUNTERS_INTERVAL_USEC CTW_USEC_PER_SEC
#define COUNTERS_CALM_POLLS    10

/* The kernel prints at most 10 lines in 5 s (net.core.message_cost), so a condition known from its
 * log alone is over after twice that without a line; one with counters after a second. */
#define LOG_CLEAR_DELAY_USEC      (10 * CTW_USEC_PER_SEC)
#define COUNTERS_CLEAR_DELAY_USEC CTW_USEC_PER_SEC

/* Overruns of one burst are one loss. */
#define EVENTS_LOST_CLEAR_DELAY_USEC (10 * CTW_USEC_PER_SEC)

/* The subscription outlasts its reason: it has no rates for its first second, so it should not be
 * left and joined again. */
#define EVENTS_CLEAR_DELAY_USEC (30 * CTW_USEC_PER_SEC)

/* How long growth must not have been refused until that is over: the fill goes up and down. */
#define GROWTH_CLEAR_DELAY_USEC (10 * CTW_USEC_PER_SEC)

/* The result of a walk goes with alerts for two intervals. In a table less than half full another
 * namespace may hold most of the entries, and the kernel would walk past all of them at once. */
#define WALK_INTERVAL_USEC  (60 * CTW_USEC_PER_SEC)
#define WALK_FROM_PERMYRIAD 5000u
#define TALKERS_FRESH_USEC  (2 * WALK_INTERVAL_USEC)

/* One poll and its meaning. */
struct poll {
    struct ctw_watch *w;
    const struct ctw_settings *s;
    const struct ctw_tick *t;
    struct ctw_verdict *ret;
    bool readable;  /* this poll read count and max */
    uint32_t usage; /* permyriad; 0 where not readable */
    struct ctw_losses lost;
    uint32_t unnamed_lines; /* about the table of another namespace */
};

static uint64_t min_u64(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}

static uint64_t max_u64(uint64_t a, uint64_t b) {
    return a > b ? a : b;
}

bool ctw_watch_wants_counters(const struct ctw_watch *w, const struct ctw_settings *s,
                              const struct ctw_tick *t) {
    const uint64_t calm_usec =
        min_u64(s->poll.interval_usec, COUNTERS_INTERVAL_USEC) * COUNTERS_CALM_POLLS;
    const uint64_t interval_usec = w->loss_episode.running
                                       ? COUNTERS_INTERVAL_USEC
                                       : max_u64(calm_usec, COUNTERS_INTERVAL_USEC);

    if (!w->polled || t->now_usec - w->counters_usec >= interval_usec)
        return true;
    if (ctw_nearly_full(t->sample.count, t->sample.max) ||
        ctw_nearly_full(w->last.count, w->last.max))
        return true;
    return t->log.full_lines > 0 || t->log.n_netns > 0;
}

/* --- alerts ---------------------------------------------------------------------------------- */

/* An alert about this table, with all that this poll read; NULL when the verdict is full. */
static struct ctw_alert *alert(struct poll *p, enum ctw_alert_kind kind, enum ctw_edge edge) {
    const struct ctw_watch *w = p->w;

    if (p->ret->n_alerts >= CTW_VERDICT_ALERTS_MAX)
        return NULL;

    struct ctw_alert *a = &p->ret->alerts[p->ret->n_alerts++];
    memset(a, 0, sizeof(*a));
    a->kind = kind;
    a->edge = edge;
    a->level = w->level.level;
    a->netns_inode = p->t->netns_inode;
    a->rates = ctw_rates_now(&w->rates);
    if (edge != CTW_EDGE_END && w->talkers_usec != 0 &&
        p->t->now_usec - w->talkers_usec < TALKERS_FRESH_USEC)
        a->talkers = &w->talkers;
    a->losses = w->loss_episode.losses;
    a->has_losses = w->loss_episode.running && (w->last.has_counters || a->losses.log_lines > 0);
    if (!p->readable)
        return a;

    a->has_table = true;
    a->table = w->last;
    a->has_rate = ctw_trend_knows(&w->trend);
    a->rate = ctw_trend_rate(&w->trend);
    a->fills = ctw_trend_fills(&w->trend, &a->table, &a->usec_to_full);
    return a;
}

/* One poll of one condition; returns its alert, NULL when there is none. */
static struct ctw_alert *step_condition(struct poll *p, struct ctw_episode *e, bool condition,
                                        uint64_t clear_delay_usec, enum ctw_alert_kind kind) {
    if (!condition && !e->active)
        return NULL; /* as at nearly every poll */

    const enum ctw_edge edge =
        ctw_episode_step(e, condition, p->t->now_usec, clear_delay_usec, p->s->alerts.remind_usec);
    struct ctw_alert *a = edge == CTW_EDGE_NONE ? NULL : alert(p, kind, edge);

    if (a)
        a->lasted_usec = e->condition_usec - e->began_usec;
    return a;
}

static void step_sources(struct poll *p) {
    for (enum ctw_source i = 0; i < CTW_SOURCES; i++) {
        struct ctw_source_episode *e = &p->w->sources[i];
        const enum ctw_edge edge = ctw_source_episode_step(
            e, p->t->sources[i].health, p->t->now_usec, p->s->alerts.remind_usec);
        if (edge == CTW_EDGE_NONE)
            continue;
        struct ctw_alert *a =
            alert(p, edge == CTW_EDGE_END ? CTW_ALERT_SIGHTED : CTW_ALERT_BLIND, edge);
        if (!a)
            return;
        a->source = i;
        a->health = p->t->sources[i];
        a->lasted_usec = e->blind.condition_usec - e->blind.began_usec;
    }
}

/* --- the table ------------------------------------------------------------------------------- */

static bool is_losing(const struct ctw_losses *lost) {
    return lost->drops > 0 || lost->early_drops > 0 || lost->log_lines > 0;
}

static void remember_sample(struct poll *p) {
    struct ctw_watch *w = p->w;
    struct ctw_sample last = p->t->sample;

    if (last.has_counters)
        w->counters_usec = p->t->now_usec;
    else if (w->last.has_counters) {
        last.has_counters = true;
        last.counters = w->last.counters;
    }
    if (!last.has_buckets && w->last.has_buckets) {
        last.has_buckets = true;
        last.buckets = w->last.buckets;
    }
    w->last = last;
    w->polled = true;
    ctw_trend_add(&w->trend, p->t->now_usec, last.count);
}

static void alert_limits(struct poll *p, const struct ctw_sample *before) {
    const struct ctw_sample *now = &p->t->sample;
    const bool max_changed = now->max != before->max;
    const bool buckets_changed =
        now->has_buckets && before->has_buckets && now->buckets != before->buckets;

    p->ret->limit_changed = max_changed || buckets_changed;
    if (!p->ret->limit_changed)
        return;

    struct ctw_alert *a = alert(p, CTW_ALERT_LIMIT_CHANGED, CTW_EDGE_BEGIN);
    if (!a)
        return;
    a->max_changed = max_changed;
    a->old_max = before->max;
    a->new_max = now->max;
    a->buckets_changed = buckets_changed;
    a->old_buckets = before->buckets;
    a->new_buckets = now->buckets;
    a->our_max = p->w->growth_state.growth.ours;
}

/* Every level passed on the way up has its alert, so that a rule on one level never misses a burst
 * that jumped over it; the way down has one. While the full table loses flows, table_full or
 * early_drop reports that it is full. */
static void alert_level(struct poll *p, enum ctw_level before, bool losing) {
    const enum ctw_level now = p->w->level.level;

    if (now < before)
        (void)alert(p, CTW_ALERT_USAGE, now == CTW_LEVEL_OK ? CTW_EDGE_END : CTW_EDGE_BEGIN);
    for (enum ctw_level l = before + 1; l <= now; l++) {
        if (l == CTW_LEVEL_FULL && losing)
            break;
        struct ctw_alert *a = alert(p, CTW_ALERT_USAGE, CTW_EDGE_BEGIN);
        if (a)
            a->level = l;
    }
    if (now != before)
        p->w->level_alerted_usec = p->t->now_usec;
}

static void remind_of_level(struct poll *p) {
    struct ctw_watch *w = p->w;

    if (w->level.level == CTW_LEVEL_OK || p->s->alerts.remind_usec == 0)
        return;
    if (p->t->now_usec - w->level_alerted_usec < p->s->alerts.remind_usec)
        return;
    w->level_alerted_usec = p->t->now_usec;
    if (!w->table_full.active && !w->early_drop.active)
        (void)alert(p, CTW_ALERT_USAGE, CTW_EDGE_REMINDER);
}

/* At most once a minute. */
static bool may_walk(struct poll *p) {
    struct ctw_watch *w = p->w;

    if (p->usage < WALK_FROM_PERMYRIAD)
        return false;
    if (w->walk_usec != 0 && p->t->now_usec - w->walk_usec < WALK_INTERVAL_USEC)
        return false;
    w->walk_usec = p->t->now_usec;
    return true;
}

/* A risen level asks for a walk, as the administrator can, and its alerts wait for the result. */
static void start_walk(struct poll *p, enum ctw_level before) {
    const enum ctw_level now = p->w->level.level;

    if (!p->readable)
        return;
    if (now == before && (p->t->requested || (p->t->culprits_due && now != CTW_LEVEL_OK)))
        (void)alert(p, CTW_ALERT_USAGE, CTW_EDGE_REMINDER);
    if ((now <= before && !p->t->requested) || !may_walk(p))
        return;
    p->ret->want_walk = true;
    for (size_t i = 0; i < p->ret->n_alerts; i++) {
        struct ctw_alert *a = &p->ret->alerts[i];
        if (a->kind == CTW_ALERT_USAGE && a->edge != CTW_EDGE_END) {
            a->wants_talkers = true;
            a->talkers = &p->w->talkers;
        }
    }
}

void ctw_watch_learn(struct ctw_watch *w, const struct ctw_talkers *talkers, uint64_t now_usec) {
    w->talkers = *talkers;
    w->talkers_usec = talkers->known ? now_usec : 0;
}

static void step_forecast(struct poll *p) {
    const struct ctw_sample *now = &p->w->last;
    const uint32_t ceiling = p->w->growth_state.ceiling;
    const uint32_t end = now->max > ceiling ? now->max : ceiling; /* of a table that can grow */
    uint64_t usec = 0;
    int64_t rate = 0;
    bool condition = false;

    if (p->w->level.level == CTW_LEVEL_FULL)
        return; /* it has come true, and is over when the table is no longer full */
    if (p->readable && end > now->count && p->s->levels.forecast_usec > 0 &&
        ctw_trend_forecast(&p->w->trend, end - now->count, &usec, &rate))
        condition = usec <= p->s->levels.forecast_usec;

    struct ctw_alert *a = step_condition(p, &p->w->forecast, condition,
                                         max_u64(p->s->levels.hold_usec, COUNTERS_CLEAR_DELAY_USEC),
                                         CTW_ALERT_FORECAST);
    if (a && condition) {
        a->has_rate = a->fills = true;
        a->rate = rate;
        a->usec_to_full = usec;
    }
}

static void step_losses(struct poll *p) {
    struct ctw_watch *w = p->w;
    const struct ctw_losses *lost = &p->lost;
    const bool counted = w->last.has_counters && !w->sources[CTW_SOURCE_COUNTERS].blind.active;
    const uint64_t clear_delay =
        max_u64(p->s->levels.hold_usec, counted ? COUNTERS_CLEAR_DELAY_USEC : LOG_CLEAR_DELAY_USEC);

    step_condition(p, &w->table_full, lost->drops > 0 || lost->log_lines > 0, clear_delay,
                   CTW_ALERT_TABLE_FULL);
    step_condition(p, &w->early_drop, lost->early_drops > 0, clear_delay, CTW_ALERT_EARLY_DROP);
    step_condition(p, &w->chain_too_long, lost->chain_too_long > 0, clear_delay,
                   CTW_ALERT_CHAIN_TOO_LONG);
    step_condition(p, &w->dropped_below_max, lost->other_drops > 0, clear_delay,
                   CTW_ALERT_DROPPED_BELOW_MAX);
    step_condition(p, &w->insert_failed, ctw_loss_episode_clashing(&w->loss_episode, lost),
                   max_u64(clear_delay, CTW_CLASH_WINDOW_USEC), CTW_ALERT_INSERT_FAILED);
    ctw_loss_episode_settle(&w->loss_episode,
                            w->level.level != CTW_LEVEL_OK || w->table_full.active ||
                                w->early_drop.active || w->chain_too_long.active ||
                                w->dropped_below_max.active || w->insert_failed.active);
}

/* A fresh sample, or an absent table, which holds nothing. */
static void step_table(struct poll *p) {
    struct ctw_watch *w = p->w;
    const enum ctw_level before = w->level.level;
    const struct ctw_sample last = w->last;
    const bool polled = w->polled, losing = is_losing(&p->lost);

    if (p->readable)
        remember_sample(p);
    ctw_level_step(&w->level, p->s, p->usage, losing, p->t->now_usec);
    ctw_loss_episode_add(&w->loss_episode, &p->lost, w->level.level, p->t->now_usec);
    if (p->readable && polled)
        alert_limits(p, &last);
    alert_level(p, before, losing);
    remind_of_level(p);
    start_walk(p, before);
    step_forecast(p);
    step_losses(p);
}

/* Without a sample no decision is made, except that the kernel log reports the table as full. */
static void step_unreadable(struct poll *p) {
    struct ctw_watch *w = p->w;

    if (p->lost.log_lines == 0)
        return;
    ctw_level_step(&w->level, p->s, 0, true, p->t->now_usec);
    ctw_loss_episode_add(&w->loss_episode, &p->lost, w->level.level, p->t->now_usec);
    step_condition(p, &w->table_full, true, LOG_CLEAR_DELAY_USEC, CTW_ALERT_TABLE_FULL);
}

static void forget_table(struct ctw_watch *w) {
    w->polled = false;
    memset(&w->last, 0, sizeof(w->last));
    ctw_trend_reset(&w->trend);
}

/* --- events ---------------------------------------------------------------------------------- */

/* Events cost every new flow half as much again: whether they are worth it now, and the reason. */
static bool want_events(struct poll *p, const char **ret_why) {
    const bool high = p->usage >= p->s->events.from_permyriad;
    struct ctw_episode *needed = &p->w->events_needed;

    (void)ctw_episode_step(needed, high || p->w->forecast.active, p->t->now_usec,
                           EVENTS_CLEAR_DELAY_USEC, 0);
    if (!p->w->polled) {
        *ret_why = "there is no conntrack table"; /* subscribing would load the module */
        return false;
    }
    if (p->s->events.mode != CTW_EVENTS_AUTO) {
        const bool always = p->s->events.mode == CTW_EVENTS_ALWAYS;
        *ret_why = always ? "events.mode is always" : "events.mode is never";
        return always;
    }
    if (high)
        *ret_why = "the fill is above events.from";
    else
        *ret_why = needed->active ? "the table fills, or did a moment ago" : "the table is calm";
    return needed->active;
}

static void step_events(struct poll *p) {
    const struct ctw_event_counts *events = &p->t->events;
    struct ctw_watch *w = p->w;

    p->ret->want_events = want_events(p, &p->ret->events_why);
    ctw_rates_step(&w->rates, p->t->now_usec, events);
    if (!w->events_lost.active)
        w->events_lost_count = 0;
    w->events_lost_count += events->lost;
    struct ctw_alert *a = step_condition(p, &w->events_lost, events->overruns > 0,
                                         EVENTS_LOST_CLEAR_DELAY_USEC, CTW_ALERT_EVENTS_LOST);
    if (a)
        a->events_lost = w->events_lost_count;
}

/* --- the kernel log of other namespaces, and of the past -------------------------------------- */

static void make_other_netns(struct ctw_alert *a, uint64_t inode, uint64_t lines) {
    a->has_table = a->has_rate = a->fills = false;
    a->other_netns = true;
    a->netns_inode = inode;
    a->has_losses = true;
    a->losses = (struct ctw_losses){.log_lines = lines};
}

static void step_netns(struct poll *p, struct ctw_netns_episode *n, uint32_t lines,
                       uint64_t clear_delay_usec) {
    n->log_lines += lines;
    struct ctw_alert *a =
        step_condition(p, &n->full, lines > 0, clear_delay_usec, CTW_ALERT_TABLE_FULL);
    if (!a)
        return;
    make_other_netns(a, n->inode, n->log_lines);
    a->level = a->edge == CTW_EDGE_END ? CTW_LEVEL_OK : CTW_LEVEL_FULL;
}

static void step_other_netns(struct poll *p) {
    struct ctw_netns_episode *all = p->w->other_netns;
    const struct ctw_log_counts *log = &p->t->log;
    const uint64_t clear_delay = max_u64(p->s->levels.hold_usec, LOG_CLEAR_DELAY_USEC);
    const uint32_t unnamed = p->unnamed_lines + log->other_netns_lines;

    for (uint32_t i = 0; i < log->n_netns; i++)
        if (log->netns[i].lines > 0 && log->netns[i].inode != p->t->netns_inode)
            step_netns(p, ctw_netns_episode_of(all, log->netns[i].inode), log->netns[i].lines,
                       clear_delay);
    if (unnamed > 0)
        step_netns(p, ctw_netns_episode_of(all, 0), unnamed, clear_delay);
    for (size_t i = 0; i < CTW_OTHER_NETNS_MAX; i++)
        if (all[i].full.active && all[i].full.condition_usec != p->t->now_usec)
            step_netns(p, &all[i], 0, clear_delay);
    step_condition(p, &p->w->expect_full, log->expect_lines > 0, clear_delay,
                   CTW_ALERT_EXPECT_FULL);
}

/* "It was full before I started", with the totals of the kernel's counters where it is our table.
 */
static void alert_past(struct poll *p) {
    const struct ctw_log_counts *past = &p->t->past;
    const struct ctw_counters zero = {0};
    uint32_t lines = past->full_lines + past->other_netns_lines;

    for (uint32_t i = 0; i < past->n_netns; i++)
        lines += past->netns[i].lines;
    if (lines == 0)
        return;

    struct ctw_alert *a = alert(p, CTW_ALERT_TABLE_FULL, CTW_EDGE_PAST);
    if (!a)
        return;
    a->losses = ctw_losses_between(&zero, &p->w->last.counters);
    a->losses.log_lines = lines;
    a->has_losses = true;
    a->lasted_usec = p->t->past_age_usec;
    if (past->n_netns == 1 && past->netns[0].lines == lines &&
        past->netns[0].inode != p->t->netns_inode)
        make_other_netns(a, past->netns[0].inode, lines);
}

/* --- growth ---------------------------------------------------------------------------------- */

static void describe_growth(struct ctw_alert *a, const struct ctw_growth_decision *d) {
    const bool changes = a->kind != CTW_ALERT_GROWTH_REFUSED;

    a->old_max = d->old_max;
    a->new_max = d->new_max;
    a->max_changed = changes && d->new_max != 0;
    a->old_buckets = d->old_buckets;
    a->new_buckets = d->new_buckets;
    a->buckets_changed = changes && d->new_buckets != 0;
    a->growth_reason = d->reason;
    a->ceiling = d->bounds.ceiling;
    a->bound = d->bounds.bound;
}

static struct ctw_alert *alert_growth(struct poll *p, enum ctw_alert_kind kind,
                                      enum ctw_edge edge) {
    struct ctw_alert *a = alert(p, kind, edge);

    if (a)
        describe_growth(a, &p->ret->growth);
    return a;
}

static struct ctw_alert *step_growth_condition(struct poll *p, struct ctw_episode *e,
                                               bool condition, enum ctw_alert_kind kind) {
    struct ctw_alert *a = step_condition(
        p, e, condition, max_u64(p->s->levels.hold_usec, GROWTH_CLEAR_DELAY_USEC), kind);

    if (a)
        describe_growth(a, &p->ret->growth);
    return a;
}

static void step_refused(struct poll *p) {
    struct ctw_growth_state *g = &p->w->growth_state;
    const struct ctw_growth_decision *d = &p->ret->growth;
    const unsigned reason = 1u << d->refusal;

    if (!g->refused.active)
        g->refusals_alerted = 0;
    if (d->alert_refusal)
        g->refused_as = d->refusal;
    struct ctw_alert *a =
        step_growth_condition(p, &g->refused, d->alert_refusal, CTW_ALERT_GROWTH_REFUSED);
    if (!a && d->alert_refusal && !(g->refusals_alerted & reason)) /* each once an episode */
        a = alert_growth(p, CTW_ALERT_GROWTH_REFUSED, CTW_EDGE_REMINDER);
    if (!a)
        return;
    g->refusals_alerted |= reason;
    a->growth_refusal = g->refused_as;
    a->growth_error = d->error;
    a->growth_path = d->error != 0 ? p->t->facts.limit_path : NULL;
}

static void step_persist_failed(struct poll *p) {
    const struct ctw_growth_facts *f = &p->t->facts;
    const bool condition = p->s->growth.persist && ctw_growth_writes(p->s) && f->save_error != 0;
    struct ctw_alert *a = step_growth_condition(p, &p->w->growth_state.persist_failed, condition,
                                                CTW_ALERT_GROWTH_REFUSED);

    if (!a)
        return;
    a->growth_refusal = CTW_GROWTH_PERSIST_FAILED;
    a->growth_error = f->save_error;
    a->growth_path = f->save_path;
    a->ceiling = 0; /* it is not about the ceiling */
}

static void poll_in_time_to_grow(struct poll *p) {
    const uint64_t usec = max_u64(
        ctw_growth_next_poll(&p->w->growth_state.growth, p->s, &p->w->last, &p->ret->growth),
        p->s->poll.fastest_usec);

    if (usec < p->ret->next_poll_usec)
        p->ret->next_poll_usec = usec;
}

/* Switched off, and no episode left to end: as on most machines, at every poll. */
static bool is_growth_idle(const struct ctw_growth_state *g, const struct ctw_settings *s) {
    return !ctw_growth_on(s) && !g->was_dry_run && g->ceiling == 0 && !g->refused.active &&
           !g->persist_failed.active && !g->dry_run.active;
}

static void step_growth(struct poll *p) {
    struct ctw_growth_state *g = &p->w->growth_state;
    struct ctw_growth_decision *d = &p->ret->growth;

    *d = (struct ctw_growth_decision){.refusal = CTW_GROWTH_DISABLED};
    if (!p->w->polled) { /* the table is gone, and comes back with limits of its own */
        g->growth = (struct ctw_growth){0};
        g->ceiling = 0;
    }
    if (!p->readable || is_growth_idle(g, p->s))
        return;

    const struct ctw_growth_input input = {
        .now_usec = p->t->now_usec,
        .sample = p->w->last,
        .rate = ctw_trend_burst_rate(&p->w->trend),
        .losing = is_losing(&p->lost),
        .facts = p->t->facts,
    };
    if (g->was_dry_run && ctw_growth_writes(p->s))
        g->growth.sized = g->growth.started = false; /* the dry run wrote nothing */
    g->was_dry_run = ctw_growth_on(p->s) && !ctw_growth_writes(p->s);
    if (p->s->growth.persist && input.facts.has_saved && g->growth.limits.max == 0)
        g->growth.limits = input.facts.saved;
    ctw_growth_decide(&g->growth, p->s, &input, d);
    g->ceiling =
        ctw_growth_writes(p->s) && d->refusal == CTW_GROWTH_NOT_REFUSED ? d->bounds.ceiling : 0;
    step_refused(p);
    step_persist_failed(p);
    step_growth_condition(p, &g->dry_run, !d->write && (d->new_max != 0 || d->new_buckets != 0),
                          CTW_ALERT_GROWTH_DRY_RUN);
    if (!d->write)
        ctw_growth_done(&g->growth, p->t->now_usec, d, NULL);
    poll_in_time_to_grow(p);
}

void ctw_watch_grown(struct ctw_watch *w, const struct ctw_settings *s, const struct ctw_tick *t,
                     const struct ctw_growth_outcome *o, struct ctw_verdict *ret) {
    struct poll p = {.w = w, .s = s, .t = t, .ret = ret, .readable = true};
    struct ctw_alert *a;

    ctw_growth_done(&w->growth_state.growth, t->now_usec, &ret->growth, o);
    if (o->max_written)
        w->last.max = o->max;
    if (o->buckets_written)
        w->last.buckets = o->buckets;
    if (o->max_written || o->buckets_written) {
        w->last.count = o->count; /* so that the alert shows how much was free */
        a = alert_growth(&p, CTW_ALERT_GREW, CTW_EDGE_BEGIN);
        if (a) {
            a->max_changed = o->max_written;
            a->new_max = o->max;
            a->buckets_changed = o->buckets_written;
            a->new_buckets = o->buckets;
            a->stall_usec = o->stall_usec;
        }
    }
    if (o->buckets_error != 0) { /* once: they are not tried again for this table */
        a = alert_growth(&p, CTW_ALERT_GROWTH_REFUSED, CTW_EDGE_BEGIN);
        if (a) {
            a->growth_refusal = CTW_GROWTH_TOO_FEW_BUCKETS;
            a->growth_error = o->buckets_error;
            a->growth_path = t->facts.buckets_path;
        }
    }
    ret->sample = w->last;
    poll_in_time_to_grow(&p);
}

/* --- the step -------------------------------------------------------------------------------- */

void ctw_watch_step(struct ctw_watch *w, const struct ctw_settings *s, const struct ctw_tick *t,
                    struct ctw_verdict *ret) {
    const enum ctw_health health = t->sources[CTW_SOURCE_TABLE].health;
    struct poll p = {.w = w, .s = s, .t = t, .ret = ret, .readable = health == CTW_HEALTH_OK};

    ret->n_alerts = 0;
    ret->want_walk = ret->limit_changed = false;
    if (p.readable)
        p.usage = ctw_usage_permyriad(t->sample.count, t->sample.max);
    else if (health == CTW_HEALTH_ABSENT)
        forget_table(w);

    p.lost = ctw_losses_since(w->polled ? &w->last : NULL, p.readable ? &t->sample : NULL, &t->log,
                              t->netns_inode, &p.unnamed_lines);
    if (p.readable || health == CTW_HEALTH_ABSENT)
        step_table(&p);
    else
        step_unreadable(&p);
    step_sources(&p); /* after the table, so that its alerts carry the numbers of this poll */
    step_other_netns(&p);
    step_events(&p);
    if (t->has_past)
        alert_past(&p);

    ret->level = w->level.level;
    ret->sample = w->last;
    ret->lost = p.lost;
    ret->next_poll_usec = p.readable ? ctw_pace_next(s, &w->last, ctw_trend_burst_rate(&w->trend))
                                     : s->poll.interval_usec;
    step_growth(&p);
}
