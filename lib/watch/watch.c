/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/watch/watch.h"

#include <string.h>

#include "lib/watch/trend.h"

/* Counters and buckets are read this often during an episode. While all is well they are read at
 * every tenth poll, since they cost four times what count and max do. */
#define COUNTERS_INTERVAL_USEC CTW_USEC_PER_SEC
#define COUNTERS_CALM_POLLS    10

/* The kernel prints at most 10 lines per 5 s (net.core.message_cost), so a condition known from
 * its log alone is over after twice that without a line, and one with counters after a second. */
#define LOG_CLEAR_DELAY_USEC      (10 * CTW_USEC_PER_SEC)
#define COUNTERS_CLEAR_DELAY_USEC CTW_USEC_PER_SEC

/* What a walk came to is said for as long as this: two of its intervals. */
#define TALKERS_FRESH_USEC (120 * CTW_USEC_PER_SEC)

/* Overruns of one burst are one loss. */
#define EVENTS_LOST_CLEAR_DELAY_USEC (10 * CTW_USEC_PER_SEC)

/* What one look means, worked out once for all that follows. */
struct view {
    struct ctw_watch *w;
    const struct ctw_settings *s;
    const struct ctw_tick *t;
    struct ctw_verdict *ret;
    bool readable;  /* count and max were read at this look */
    uint32_t usage; /* permyriad */
    struct ctw_losses lost;
    uint32_t unnamed_lines; /* of a table that is not ours */
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

/* An alert about this table, with everything the look showed; NULL when the verdict is full. */
static struct ctw_alert *alert(struct view *v, enum ctw_alert_kind kind, enum ctw_edge edge) {
    if (v->ret->n_alerts >= CTW_VERDICT_ALERTS_MAX)
        return NULL;

    struct ctw_alert *a = &v->ret->alerts[v->ret->n_alerts++];
    memset(a, 0, sizeof(*a));
    a->kind = kind;
    a->edge = edge;
    a->level = v->w->level.level;
    a->netns_inode = v->t->netns_inode;
    a->rates = ctw_rates_now(&v->w->rates);
    if (edge != CTW_EDGE_END && v->w->talkers_usec != 0 &&
        v->t->now_usec - v->w->talkers_usec < TALKERS_FRESH_USEC)
        a->talkers = &v->w->talkers;
    a->has_losses = v->w->loss_episode.running &&
                    (v->w->last.has_counters || v->w->loss_episode.losses.log_lines > 0);
    a->losses = v->w->loss_episode.losses;
    if (!v->readable)
        return a;

    a->has_table = true;
    a->table = v->w->last;
    a->has_rate = ctw_trend_knows(&v->w->trend);
    a->rate = ctw_trend_rate(&v->w->trend);
    if (a->table.max > a->table.count) {
        a->usec_to_full = ctw_trend_usec_to(a->rate, a->table.max - a->table.count);
        a->fills = a->usec_to_full != UINT64_MAX;
    }
    return a;
}

/* One look at one condition; returns what was said of it, NULL when nothing was. */
static struct ctw_alert *step_condition(struct view *v, struct ctw_episode *e, bool condition,
                                        uint64_t clear_delay_usec, enum ctw_alert_kind kind) {
    if (!condition && !e->active)
        return NULL; /* as at nearly every look */

    const enum ctw_edge edge =
        ctw_episode_step(e, condition, v->t->now_usec, clear_delay_usec, v->s->alerts.remind_usec);
    struct ctw_alert *a = edge == CTW_EDGE_NONE ? NULL : alert(v, kind, edge);

    if (a)
        a->lasted_usec = e->condition_usec - e->began_usec;
    return a;
}

static void step_sources(struct view *v) {
    struct ctw_source_edge edges[CTW_SOURCES];
    const size_t n = ctw_source_episodes_step(&v->w->source_episodes, v->t->sources, v->t->now_usec,
                                              v->s->alerts.remind_usec, edges);

    for (size_t i = 0; i < n; i++) {
        const bool seen = edges[i].edge == CTW_EDGE_END;
        struct ctw_alert *a = alert(v, seen ? CTW_ALERT_SIGHTED : CTW_ALERT_BLIND, edges[i].edge);
        if (!a)
            return;
        a->source = edges[i].source;
        a->health = v->t->sources[edges[i].source];
        a->lasted_usec = edges[i].lasted_usec;
    }
}

static void remember_sample(struct view *v) {
    struct ctw_sample last = v->t->sample;

    if (last.has_counters)
        v->w->counters_usec = v->t->now_usec;
    else if (v->w->last.has_counters) {
        last.has_counters = true;
        last.counters = v->w->last.counters;
    }
    if (!last.has_buckets && v->w->last.has_buckets) {
        last.has_buckets = true;
        last.buckets = v->w->last.buckets;
    }
    v->w->last = last;
    v->w->polled = true;
    ctw_trend_add(&v->w->trend, v->t->now_usec, last.count);
}

static void alert_limits(struct view *v, const struct ctw_sample *before) {
    const struct ctw_sample *now = &v->t->sample;
    const bool max_changed = now->max != before->max;
    const bool buckets_changed =
        now->has_buckets && before->has_buckets && now->buckets != before->buckets;

    v->ret->limit_changed = max_changed || buckets_changed;
    if (!v->ret->limit_changed)
        return;

    struct ctw_alert *a = alert(v, CTW_ALERT_LIMIT_CHANGED, CTW_EDGE_BEGIN);
    if (!a)
        return;
    a->max_changed = max_changed;
    a->old_max = before->max;
    a->new_max = now->max;
    a->buckets_changed = buckets_changed;
    a->old_buckets = before->buckets;
    a->new_buckets = now->buckets;
    a->our_max = v->w->growth_state.growth.ours;
}

static bool going_on(const struct ctw_watch *w) {
    return w->level.level != CTW_LEVEL_OK || w->table_full.active || w->early_drop.active ||
           w->chain_too_long.active || w->dropped_below_max.active || w->insert_failed.active;
}

/* Every threshold passed upwards is an edge of its own, so that a rule on one level never misses a
 * burst that jumped over it; the way down is told once. While something is being lost, that the
 * table is full is left to the alert that says so. */
static void alert_level(struct view *v, enum ctw_level before, bool losing) {
    const enum ctw_level now = v->w->level.level;

    if (now < before)
        (void)alert(v, CTW_ALERT_USAGE, now == CTW_LEVEL_OK ? CTW_EDGE_END : CTW_EDGE_BEGIN);
    for (enum ctw_level l = before + 1; l <= now; l++) {
        if (l == CTW_LEVEL_FULL && losing)
            break;
        struct ctw_alert *a = alert(v, CTW_ALERT_USAGE, CTW_EDGE_BEGIN);
        if (a)
            a->level = l;
    }
    if (now != before)
        v->w->level_alerted_usec = v->t->now_usec;
}

static void remind_of_level(struct view *v) {
    struct ctw_watch *w = v->w;

    if (w->level.level == CTW_LEVEL_OK || v->s->alerts.remind_usec == 0)
        return;
    if (v->t->now_usec - w->level_alerted_usec < v->s->alerts.remind_usec)
        return;
    w->level_alerted_usec = v->t->now_usec;
    if (!w->table_full.active && !w->early_drop.active)
        (void)alert(v, CTW_ALERT_USAGE, CTW_EDGE_REMINDER);
}

static void alert_losses(struct view *v) {
    struct ctw_watch *w = v->w;
    const bool counted =
        w->last.has_counters && !w->source_episodes.of[CTW_SOURCE_COUNTERS].blind.active;
    const uint64_t clear_delay =
        max_u64(v->s->levels.hold_usec, counted ? COUNTERS_CLEAR_DELAY_USEC : LOG_CLEAR_DELAY_USEC);

    step_condition(v, &w->table_full, v->lost.drops > 0 || v->lost.log_lines > 0, clear_delay,
                   CTW_ALERT_TABLE_FULL);
    step_condition(v, &w->early_drop, v->lost.early_drops > 0, clear_delay, CTW_ALERT_EARLY_DROP);
    step_condition(v, &w->chain_too_long, v->lost.chain_too_long > 0, clear_delay,
                   CTW_ALERT_CHAIN_TOO_LONG);
    step_condition(v, &w->dropped_below_max, v->lost.other_drops > 0, clear_delay,
                   CTW_ALERT_DROPPED_BELOW_MAX);
    step_condition(v, &w->insert_failed, ctw_loss_episode_clashing(&w->loss_episode, &v->lost),
                   max_u64(clear_delay, CTW_LOSS_EPISODE_CLASH_WINDOW_USEC),
                   CTW_ALERT_INSERT_FAILED);
}

static void step_forecast(struct view *v) {
    const struct ctw_sample *now = &v->w->last;
    const uint32_t ceiling = v->w->growth_state.ceiling;
    const uint32_t end =
        now->max > ceiling ? now->max : ceiling; /* what can grow is not full yet */
    uint64_t usec = 0;
    int64_t rate = 0;
    bool condition = false;

    if (v->w->level.level == CTW_LEVEL_FULL)
        return; /* it has come true, and is over when the table is no longer full */
    if (v->readable && end > now->count && v->s->levels.forecast_usec > 0 &&
        ctw_trend_forecast(&v->w->trend, end - now->count, &usec, &rate))
        condition = usec <= v->s->levels.forecast_usec;

    struct ctw_alert *a = step_condition(v, &v->w->forecast, condition,
                                         max_u64(v->s->levels.hold_usec, COUNTERS_CLEAR_DELAY_USEC),
                                         CTW_ALERT_FORECAST);
    if (a && condition) {
        a->has_rate = a->fills = true;
        a->rate = rate;
        a->usec_to_full = usec;
    }
}

static void step_events(struct view *v) {
    const struct ctw_event_counts *events = &v->t->events;
    struct ctw_watch *w = v->w;
    v->ret->want_events =
        ctw_sample_policy_events(&w->sample_policy, v->s, v->readable ? v->usage : 0,
                                 w->forecast.active, v->t->now_usec, &v->ret->events_why);
    if (!w->polled) { /* subscribing would load the module */
        v->ret->want_events = false;
        v->ret->events_why = "there is no conntrack table";
    }
    ctw_rates_step(&w->rates, v->t->now_usec, events);
    if (!w->events_lost.active)
        w->events_lost_count = 0;
    w->events_lost_count += events->lost;
    struct ctw_alert *a = step_condition(v, &w->events_lost, events->overruns > 0,
                                         EVENTS_LOST_CLEAR_DELAY_USEC, CTW_ALERT_EVENTS_LOST);
    if (a)
        a->events_lost = w->events_lost_count;
}

/* A risen level asks for a sample of the table, as the administrator can, and its alerts wait for
 * what the sample finds. */
static void start_walk(struct view *v, enum ctw_level before) {
    struct ctw_watch *w = v->w;
    const enum ctw_level now = w->level.level;

    if (!v->readable)
        return;
    if (now == before && (v->t->requested || (v->t->culprits_due && now != CTW_LEVEL_OK)))
        (void)alert(v, CTW_ALERT_USAGE, CTW_EDGE_REMINDER);
    if ((now <= before && !v->t->requested) ||
        !ctw_sample_policy_walk(&w->sample_policy, v->usage, v->t->now_usec))
        return;
    v->ret->want_walk = true;
    for (size_t i = 0; i < v->ret->n_alerts; i++) {
        struct ctw_alert *a = &v->ret->alerts[i];
        if (a->kind == CTW_ALERT_USAGE && a->edge != CTW_EDGE_END) {
            a->wants_talkers = true;
            a->talkers = &w->talkers;
        }
    }
}

void ctw_watch_learn(struct ctw_watch *w, const struct ctw_talkers *talkers, uint64_t now_usec) {
    w->talkers = *talkers;
    w->talkers_usec = talkers->known ? now_usec : 0;
}

/* The table as a whole: only ever on a fresh sample, or when there is no table to sample. */
static void step_table(struct view *v) {
    struct ctw_watch *w = v->w;
    const enum ctw_level before = w->level.level;
    const struct ctw_sample last = w->last;
    const bool polled = w->polled;
    const bool losing = v->lost.drops > 0 || v->lost.early_drops > 0 || v->lost.log_lines > 0;

    if (v->readable)
        remember_sample(v);
    ctw_level_step(&w->level, v->s, v->usage, losing, v->t->now_usec);
    ctw_loss_episode_add(&w->loss_episode, &v->lost, w->level.level, v->t->now_usec);
    if (v->readable && polled)
        alert_limits(v, &last);
    alert_level(v, before, losing);
    remind_of_level(v);
    start_walk(v, before);
    step_forecast(v);
    alert_losses(v);
    ctw_loss_episode_settle(&w->loss_episode, going_on(w));
}

/* Without a sample nothing is decided, but that the kernel is dropping is known from its log. */
static void step_unreadable(struct view *v) {
    struct ctw_watch *w = v->w;

    if (v->lost.log_lines == 0)
        return;
    ctw_level_step(&w->level, v->s, 0, true, v->t->now_usec);
    ctw_loss_episode_add(&w->loss_episode, &v->lost, w->level.level, v->t->now_usec);
    step_condition(v, &w->table_full, true, LOG_CLEAR_DELAY_USEC, CTW_ALERT_TABLE_FULL);
}

static void forget_table(struct ctw_watch *w) {
    w->polled = false;
    memset(&w->last, 0, sizeof(w->last));
    ctw_trend_reset(&w->trend);
}

/* Another namespace's table is known from its lines alone; max is one for all. */
static void make_other_netns(struct ctw_alert *a, uint64_t inode, uint64_t lines) {
    a->has_table = a->has_rate = a->fills = false;
    a->other_netns = true;
    a->netns_inode = inode;
    a->has_losses = true;
    a->losses = (struct ctw_losses){.log_lines = lines};
}

static void step_other_netns(struct view *v) {
    const struct ctw_log_counts *log = &v->t->log;
    const uint64_t clear_delay = max_u64(v->s->levels.hold_usec, LOG_CLEAR_DELAY_USEC);
    struct ctw_other_netns_edge edges[CTW_OTHER_NETNS_EDGES_MAX];
    const size_t n =
        ctw_other_netns_step(&v->w->other_netns, log, v->t->netns_inode, v->unnamed_lines,
                             v->t->now_usec, clear_delay, v->s->alerts.remind_usec, edges);

    for (size_t i = 0; i < n; i++) {
        struct ctw_alert *a = alert(v, CTW_ALERT_TABLE_FULL, edges[i].edge);
        if (!a)
            break;
        make_other_netns(a, edges[i].inode, edges[i].log_lines);
        a->level = edges[i].edge == CTW_EDGE_END ? CTW_LEVEL_OK : CTW_LEVEL_FULL;
        a->lasted_usec = edges[i].lasted_usec;
    }
    step_condition(v, &v->w->expect_full, log->expect_lines > 0, clear_delay,
                   CTW_ALERT_EXPECT_FULL);
}

/* "It was full before I started": the kernel's own totals, where it is our table, go with it. */
static void alert_past(struct view *v) {
    const struct ctw_log_counts *past = &v->t->past;
    uint32_t lines = past->full_lines + past->other_netns_lines;

    for (uint32_t i = 0; i < past->n_netns; i++)
        lines += past->netns[i].lines;
    if (lines == 0)
        return;

    struct ctw_alert *a = alert(v, CTW_ALERT_TABLE_FULL, CTW_EDGE_PAST);
    if (!a)
        return;
    const struct ctw_counters zero = {0};
    a->losses = ctw_losses_between(&zero, &v->w->last.counters);
    a->losses.log_lines = lines;
    a->has_losses = true;
    a->lasted_usec = v->t->past_age_usec;
    if (past->n_netns == 1 && past->netns[0].lines == lines &&
        past->netns[0].inode != v->t->netns_inode)
        make_other_netns(a, past->netns[0].inode, lines);
}

static struct ctw_growth_input growth_input(const struct view *v) {
    return (struct ctw_growth_input){
        .now_usec = v->t->now_usec,
        .sample = v->w->last,
        .rate = ctw_trend_burst_rate(&v->w->trend),
        .losing = v->lost.drops > 0 || v->lost.early_drops > 0 || v->lost.log_lines > 0,
        .facts = v->t->facts,
    };
}

static void alert_growth(struct view *v, const struct ctw_growth_state_edge *edges, size_t n) {
    const struct ctw_growth_decision *d = &v->ret->growth;
    const uint64_t by =
        max_u64(ctw_growth_next_poll(&v->w->growth_state.growth, v->s, &v->w->last, d),
                v->s->poll.fastest_usec);

    for (size_t i = 0; i < n; i++) {
        struct ctw_alert *a = alert(v, edges[i].kind, edges[i].edge);
        if (a)
            ctw_growth_state_describe(&edges[i], d, a);
    }
    if (by < v->ret->next_poll_usec)
        v->ret->next_poll_usec = by;
}

static void step_growth(struct view *v) {
    struct ctw_growth_state_edge edges[CTW_GROWTH_STATE_EDGES_MAX];
    const struct ctw_growth_input poll = growth_input(v);

    memset(&v->ret->growth, 0, sizeof(v->ret->growth));
    if (!v->w->polled)
        ctw_growth_state_forget(&v->w->growth_state);
    if (v->readable)
        alert_growth(
            v, edges,
            ctw_growth_state_step(&v->w->growth_state, v->s, &poll, &v->ret->growth, edges));
}

void ctw_watch_grown(struct ctw_watch *w, const struct ctw_settings *s, const struct ctw_tick *t,
                     const struct ctw_growth_outcome *o, struct ctw_verdict *ret) {
    struct view v = {.w = w, .s = s, .t = t, .ret = ret, .readable = true};
    struct ctw_growth_state_edge edges[CTW_GROWTH_STATE_EDGES_MAX];
    const struct ctw_growth_input poll = growth_input(&v);
    const size_t n = ctw_growth_state_done(&w->growth_state, &poll, &ret->growth, o, edges);

    if (o->max_written)
        w->last.max = o->max;
    if (o->buckets_written)
        w->last.buckets = o->buckets;
    if (o->max_written || o->buckets_written)
        w->last.count = o->count; /* so that what is said shows how much was free */
    ret->sample = w->last;
    alert_growth(&v, edges, n);
}

void ctw_watch_step(struct ctw_watch *w, const struct ctw_settings *s, const struct ctw_tick *t,
                    struct ctw_verdict *ret) {
    const enum ctw_health health = t->sources[CTW_SOURCE_TABLE].health;
    struct view v = {
        .w = w,
        .s = s,
        .t = t,
        .ret = ret,
        .readable = health == CTW_HEALTH_OK,
    };

    ret->n_alerts = 0;
    ret->want_walk = ret->limit_changed = false;
    if (v.readable)
        v.usage = ctw_usage_permyriad(t->sample.count, t->sample.max);
    else if (health == CTW_HEALTH_ABSENT)
        forget_table(w);

    v.lost = ctw_losses_since(w->polled ? &w->last : NULL, v.readable ? &t->sample : NULL, &t->log,
                              t->netns_inode, &v.unnamed_lines);
    if (v.readable || health == CTW_HEALTH_ABSENT)
        step_table(&v);
    else
        step_unreadable(&v);
    step_sources(&v); /* after the table, so that what is said carries this look's numbers */
    step_other_netns(&v);
    step_events(&v);
    if (t->has_past)
        alert_past(&v);

    ret->level = w->level.level;
    ret->sample = w->last;
    ret->lost = v.lost;
    ret->next_poll_usec = v.readable ? ctw_pace_next(s, &w->last, ctw_trend_burst_rate(&w->trend))
                                     : s->poll.interval_usec;
    step_growth(&v);
}

#define WALK_INTERVAL_USEC  (60 * CTW_USEC_PER_SEC)
#define WALK_FROM_PERMYRIAD 5000u

/* Events are left only after a time of calm: joining and leaving stops and starts a stream that
 * says nothing about its first second. */
#define EVENTS_CLEAR_DELAY_USEC (30 * CTW_USEC_PER_SEC)

bool ctw_sample_policy_events(struct ctw_sample_policy *q, const struct ctw_settings *s,
                              uint32_t usage, bool filling, uint64_t now_usec,
                              const char **ret_why) {
    const bool high = usage >= s->events.from_permyriad;

    (void)ctw_episode_step(&q->events, high || filling, now_usec, EVENTS_CLEAR_DELAY_USEC, 0);
    switch (s->events.mode) {
    case CTW_EVENTS_NEVER:
        *ret_why = "events.mode is never";
        return false;
    case CTW_EVENTS_ALWAYS:
        *ret_why = "events.mode is always";
        return true;
    case CTW_EVENTS_AUTO:
        break;
    }
    if (high)
        *ret_why = "the fill is above events.from";
    else
        *ret_why = q->events.active ? "the table fills, or did a moment ago" : "the table is calm";
    return q->events.active;
}

bool ctw_sample_policy_walk(struct ctw_sample_policy *q, uint32_t usage, uint64_t now_usec) {
    if (usage < WALK_FROM_PERMYRIAD)
        return false;
    if (q->walk_usec != 0 && now_usec - q->walk_usec < WALK_INTERVAL_USEC)
        return false;
    q->walk_usec = now_usec;
    return true;
}

/* How long nothing must have been refused until that is over: the fill breathes. */
#define CLEAR_DELAY_USEC (10 * CTW_USEC_PER_SEC)

/* What is to be said at this look. */
struct edges {
    size_t n;
    struct ctw_growth_state_edge *edges;
};

static struct ctw_growth_state_edge *add(struct edges *es, enum ctw_alert_kind kind,
                                         enum ctw_edge edge) {
    struct ctw_growth_state_edge *e = &es->edges[es->n++];

    *e = (struct ctw_growth_state_edge){.kind = kind, .edge = edge};
    return e;
}

static struct ctw_growth_state_edge *step_episode(struct edges *es, struct ctw_episode *e,
                                                  bool condition, const struct ctw_settings *s,
                                                  uint64_t now_usec, enum ctw_alert_kind kind) {
    const uint64_t hold = s->levels.hold_usec;
    const enum ctw_edge edge =
        ctw_episode_step(e, condition, now_usec, hold > CLEAR_DELAY_USEC ? hold : CLEAR_DELAY_USEC,
                         s->alerts.remind_usec);
    struct ctw_growth_state_edge *recent_alerts =
        edge == CTW_EDGE_NONE ? NULL : add(es, kind, edge);

    if (recent_alerts)
        recent_alerts->lasted_usec = e->condition_usec - e->began_usec;
    return recent_alerts;
}

static void step_refused(struct ctw_growth_state *g, const struct ctw_settings *s,
                         const struct ctw_growth_input *l, const struct ctw_growth_decision *d,
                         struct edges *es) {
    const unsigned reason = 1u << d->refusal;

    if (!g->refused.active)
        g->refused_told = 0;
    if (d->alert_refusal)
        g->refused_as = d->refusal;
    struct ctw_growth_state_edge *e =
        step_episode(es, &g->refused, d->alert_refusal, s, l->now_usec, CTW_ALERT_GROWTH_REFUSED);
    if (!e && d->alert_refusal && !(g->refused_told & reason))
        e = add(es, CTW_ALERT_GROWTH_REFUSED, CTW_EDGE_REMINDER); /* each reason once an episode */
    if (!e)
        return;
    g->refused_told |= reason;
    e->refusal = g->refused_as;
    e->error = d->error;
    e->path = d->error != 0 ? l->facts.limit_path : NULL;
}

static void step_persist_failed(struct ctw_growth_state *g, const struct ctw_settings *s,
                                const struct ctw_growth_input *l, struct edges *es) {
    const bool condition = s->growth.persist && ctw_growth_writes(s) && l->facts.save_error != 0;
    struct ctw_growth_state_edge *e =
        step_episode(es, &g->persist_failed, condition, s, l->now_usec, CTW_ALERT_GROWTH_REFUSED);

    if (!e)
        return;
    e->refusal = CTW_GROWTH_PERSIST_FAILED;
    e->error = l->facts.save_error;
    e->path = l->facts.save_path;
}

void ctw_growth_state_forget(struct ctw_growth_state *g) {
    g->growth = (struct ctw_growth){0};
    g->ceiling = 0;
}

/* Switched off, and nothing left to be ended: as on most machines, at every look. */
static bool is_idle(const struct ctw_growth_state *g, const struct ctw_settings *s) {
    return !ctw_growth_on(s) && !g->was_dry_run && g->ceiling == 0 && !g->refused.active &&
           !g->persist_failed.active && !g->dry_run.active;
}

size_t ctw_growth_state_step(struct ctw_growth_state *g, const struct ctw_settings *s,
                             const struct ctw_growth_input *l, struct ctw_growth_decision *retd,
                             struct ctw_growth_state_edge ret[static CTW_GROWTH_STATE_EDGES_MAX]) {
    struct edges es = {.edges = ret};

    if (is_idle(g, s)) {
        *retd = (struct ctw_growth_decision){.refusal = CTW_GROWTH_DISABLED};
        return 0;
    }
    if (g->was_dry_run && ctw_growth_writes(s))
        g->growth.sized = g->growth.started = false; /* the dry run wrote nothing */
    g->was_dry_run = ctw_growth_on(s) && !ctw_growth_writes(s);
    if (s->growth.persist && l->facts.has_saved && g->growth.limits.max == 0)
        g->growth.limits = l->facts.saved;
    ctw_growth_decide(&g->growth, s, l, retd);
    g->ceiling =
        ctw_growth_writes(s) && retd->refusal == CTW_GROWTH_NOT_REFUSED ? retd->bounds.ceiling : 0;
    step_refused(g, s, l, retd, &es);
    step_persist_failed(g, s, l, &es);
    step_episode(&es, &g->dry_run, !retd->write && (retd->new_max != 0 || retd->new_buckets != 0),
                 s, l->now_usec, CTW_ALERT_GROWTH_DRY_RUN);
    if (!retd->write)
        ctw_growth_done(&g->growth, l->now_usec, retd, NULL);
    return es.n;
}

size_t ctw_growth_state_done(struct ctw_growth_state *g, const struct ctw_growth_input *l,
                             const struct ctw_growth_decision *d,
                             const struct ctw_growth_outcome *o,
                             struct ctw_growth_state_edge ret[static CTW_GROWTH_STATE_EDGES_MAX]) {
    struct edges es = {.edges = ret};

    ctw_growth_done(&g->growth, l->now_usec, d, o);
    if (o->max_written || o->buckets_written)
        add(&es, CTW_ALERT_GREW, CTW_EDGE_BEGIN)->outcome = *o;
    if (o->buckets_error != 0) { /* once: it is not tried again until the table comes anew */
        struct ctw_growth_state_edge *e = add(&es, CTW_ALERT_GROWTH_REFUSED, CTW_EDGE_BEGIN);
        e->refusal = CTW_GROWTH_TOO_FEW_BUCKETS;
        e->error = o->buckets_error;
        e->path = l->facts.buckets_path;
    }
    return es.n;
}

void ctw_growth_state_describe(const struct ctw_growth_state_edge *e,
                               const struct ctw_growth_decision *d, struct ctw_alert *a) {
    const bool refused = e->kind == CTW_ALERT_GROWTH_REFUSED;

    a->lasted_usec = e->lasted_usec;
    a->old_max = d->old_max;
    a->new_max = d->new_max;
    a->max_changed = d->new_max != 0 && !refused;
    a->old_buckets = d->old_buckets;
    a->new_buckets = d->new_buckets;
    a->buckets_changed = d->new_buckets != 0 && !refused;
    a->growth_reason = d->reason;
    a->growth_refusal = e->refusal;
    a->growth_error = e->error;
    a->growth_path = e->path;
    if (e->refusal != CTW_GROWTH_PERSIST_FAILED) {
        a->ceiling = d->bounds.ceiling;
        a->bound = d->bounds.bound;
    }
    if (e->kind != CTW_ALERT_GREW)
        return;
    a->max_changed = e->outcome.max_written;
    a->new_max = e->outcome.max;
    a->buckets_changed = e->outcome.buckets_written;
    a->new_buckets = e->outcome.buckets;
    a->stall_usec = e->outcome.stall_usec;
}
