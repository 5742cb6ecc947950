/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/watch/watch.h"

#include <string.h>

#include "lib/watch/trend.h"

/* How often a calm table's counters and buckets are read. */
#define COUNTERS_INTERVAL_USEC CTW_USEC_PER_SEC

/* The kernel prints at most 10 lines per 5 s (net.core.message_cost), so a condition known from
 * its log alone is over after twice that without a line, and one with counters after a second. */
#define LOG_QUIET_USEC      (10 * CTW_USEC_PER_SEC)
#define COUNTERS_QUIET_USEC CTW_USEC_PER_SEC

/* What a walk came to is said for as long as this: two of its intervals. */
#define WHO_FRESH_USEC (120 * CTW_USEC_PER_SEC)

/* Overruns of one burst are one loss. */
#define EVENTS_LOST_QUIET_USEC (10 * CTW_USEC_PER_SEC)

/* What one look means, worked out once for all that follows. */
struct view {
    struct ctw_watch *w;
    const struct ctw_settings *s;
    const struct ctw_tick *t;
    struct ctw_verdict *ret;
    bool readable;  /* count and max were read at this look */
    uint32_t usage; /* permyriad */
    struct ctw_attribution lost;
};

static uint64_t max_u64(uint64_t a, uint64_t b) {
    return a > b ? a : b;
}

bool ctw_watch_wants_counters(const struct ctw_watch *w, const struct ctw_tick *t) {
    if (!w->looked || t->now_usec - w->counters_usec >= COUNTERS_INTERVAL_USEC)
        return true;
    if (ctw_nearly_full(&t->sample) || ctw_nearly_full(&w->last))
        return true;
    return t->log.full_lines > 0 || t->log.n_netns > 0;
}

/* An alert about this table, with everything the look showed; NULL when the verdict is full. */
static struct ctw_alert *say(struct view *v, enum ctw_alert_kind kind, enum ctw_edge edge) {
    if (v->ret->n_alerts >= CTW_VERDICT_ALERTS_MAX)
        return NULL;

    struct ctw_alert *a = &v->ret->alerts[v->ret->n_alerts++];
    memset(a, 0, sizeof(*a));
    a->kind = kind;
    a->edge = edge;
    a->level = v->w->level.level;
    a->netns_inode = v->t->netns_inode;
    a->rates = ctw_rates_now(&v->w->rates);
    if (v->w->who_usec != 0 && v->t->now_usec - v->w->who_usec < WHO_FRESH_USEC)
        a->who = &v->w->who;
    a->has_losses =
        v->w->toll.running && (v->w->last.has_counters || v->w->toll.losses.log_lines > 0);
    a->losses = v->w->toll.losses;
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
static struct ctw_alert *step_condition(struct view *v, struct ctw_episode *e, bool sign,
                                        uint64_t quiet_usec, enum ctw_alert_kind kind) {
    if (!sign && !e->active)
        return NULL; /* as at nearly every look */

    const enum ctw_edge edge =
        ctw_episode_step(e, sign, v->t->now_usec, quiet_usec, v->s->alerts.remind_usec);
    struct ctw_alert *a = edge == CTW_EDGE_NONE ? NULL : say(v, kind, edge);

    if (a)
        a->lasted_usec = e->sign_usec - e->began_usec;
    return a;
}

static void step_sources(struct view *v) {
    struct ctw_sight_edge edges[CTW_SOURCES];
    const size_t n = ctw_sight_step(&v->w->sight, v->t->sources, v->t->now_usec,
                                    v->s->alerts.remind_usec, edges);

    for (size_t i = 0; i < n; i++) {
        const bool seen = edges[i].edge == CTW_EDGE_END;
        struct ctw_alert *a = say(v, seen ? CTW_ALERT_SIGHTED : CTW_ALERT_BLIND, edges[i].edge);
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
    v->w->looked = true;
    ctw_trend_add(&v->w->trend, v->t->now_usec, last.count);
}

static void say_limits(struct view *v, const struct ctw_sample *before) {
    const struct ctw_sample *now = &v->t->sample;
    const bool max_changed = now->max != before->max;
    const bool buckets_changed =
        now->has_buckets && before->has_buckets && now->buckets != before->buckets;

    v->ret->limit_changed = max_changed || buckets_changed;
    if (!v->ret->limit_changed)
        return;

    struct ctw_alert *a = say(v, CTW_ALERT_LIMIT_CHANGED, CTW_EDGE_BEGIN);
    if (!a)
        return;
    a->max_changed = max_changed;
    a->old_max = before->max;
    a->new_max = now->max;
    a->buckets_changed = buckets_changed;
    a->old_buckets = before->buckets;
    a->new_buckets = now->buckets;
    a->our_max = v->w->growing.growth.ours;
}

static bool going_on(const struct ctw_watch *w) {
    return w->level.level != CTW_LEVEL_OK || w->table_full.active || w->early_drop.active ||
           w->chain_too_long.active || w->dropped_below_max.active || w->insert_failed.active;
}

/* Every threshold passed upwards is an edge of its own, so that a rule on one level never misses a
 * burst that jumped over it; the way down is told once. While something is being lost, that the
 * table is full is left to the alert that says so. */
static void say_level(struct view *v, enum ctw_level before, bool losing) {
    const enum ctw_level now = v->w->level.level;

    if (now < before)
        (void)say(v, CTW_ALERT_USAGE, now == CTW_LEVEL_OK ? CTW_EDGE_END : CTW_EDGE_BEGIN);
    for (enum ctw_level l = before + 1; l <= now; l++) {
        if (l == CTW_LEVEL_FULL && losing)
            break;
        struct ctw_alert *a = say(v, CTW_ALERT_USAGE, CTW_EDGE_BEGIN);
        if (a)
            a->level = l;
    }
    if (now != before)
        v->w->level_said_usec = v->t->now_usec;
}

static void remind_of_level(struct view *v) {
    struct ctw_watch *w = v->w;

    if (w->level.level == CTW_LEVEL_OK || v->s->alerts.remind_usec == 0)
        return;
    if (v->t->now_usec - w->level_said_usec < v->s->alerts.remind_usec)
        return;
    w->level_said_usec = v->t->now_usec;
    if (!w->table_full.active && !w->early_drop.active)
        (void)say(v, CTW_ALERT_USAGE, CTW_EDGE_REMINDER);
}

static void say_losses(struct view *v) {
    struct ctw_watch *w = v->w;
    const bool counted =
        w->last.has_counters && !w->sight.sources[CTW_SOURCE_COUNTERS].blind.active;
    const uint64_t quiet =
        max_u64(v->s->levels.hold_usec, counted ? COUNTERS_QUIET_USEC : LOG_QUIET_USEC);

    step_condition(v, &w->table_full, v->lost.full_drops > 0 || v->lost.own_lines > 0, quiet,
                   CTW_ALERT_TABLE_FULL);
    step_condition(v, &w->early_drop, v->lost.early_drops > 0, quiet, CTW_ALERT_EARLY_DROP);
    step_condition(v, &w->chain_too_long, v->lost.chain_too_long > 0, quiet,
                   CTW_ALERT_CHAIN_TOO_LONG);
    step_condition(v, &w->dropped_below_max, v->lost.other_drops > 0, quiet,
                   CTW_ALERT_DROPPED_BELOW_MAX);
    step_condition(v, &w->insert_failed, ctw_toll_clashing(&w->toll, &v->lost),
                   max_u64(quiet, CTW_TOLL_CLASH_WINDOW_USEC), CTW_ALERT_INSERT_FAILED);
}

static void step_forecast(struct view *v) {
    const struct ctw_sample *now = &v->w->last;
    const uint32_t reach = v->w->growing.reach;
    const uint32_t end = now->max > reach ? now->max : reach; /* what can grow is not full yet */
    uint64_t usec = 0;
    int64_t rate = 0;
    bool sign = false;

    if (v->w->level.level == CTW_LEVEL_FULL)
        return; /* it has come true, and is over when the table is no longer full */
    if (v->readable && end > now->count && v->s->levels.forecast_usec > 0 &&
        ctw_trend_forecast(&v->w->trend, end - now->count, &usec, &rate))
        sign = usec <= v->s->levels.forecast_usec;

    struct ctw_alert *a =
        step_condition(v, &v->w->forecast, sign,
                       max_u64(v->s->levels.hold_usec, COUNTERS_QUIET_USEC), CTW_ALERT_FORECAST);
    if (a && sign) {
        a->has_rate = a->fills = true;
        a->rate = rate;
        a->usec_to_full = usec;
    }
}

static void step_events(struct view *v) {
    const struct ctw_event_tally *events = &v->t->events;
    struct ctw_watch *w = v->w;
    const bool wanted = ctw_inquiry_events(&w->inquiry, v->s, v->readable ? v->usage : 0,
                                           w->forecast.active, v->t->now_usec, &v->ret->events_why);

    /* Where there is no table, to ask for its events would load the module. */
    v->ret->want_events = wanted && w->looked;
    ctw_rates_step(&w->rates, v->t->now_usec, events);
    if (!w->events_lost.active)
        w->events_lost_count = 0;
    w->events_lost_count += events->lost;
    struct ctw_alert *a = step_condition(v, &w->events_lost, events->overruns > 0,
                                         EVENTS_LOST_QUIET_USEC, CTW_ALERT_EVENTS_LOST);
    if (a)
        a->events_lost = w->events_lost_count;
}

/* A level that has risen asks who fills the table, as the administrator may at any time, and what
 * is said of it waits for the answer. */
static void ask_who(struct view *v, enum ctw_level before) {
    struct ctw_watch *w = v->w;

    if (!v->readable || (w->level.level <= before && !v->t->asked))
        return;
    if (v->t->asked && w->level.level == before)
        (void)say(v, CTW_ALERT_USAGE, CTW_EDGE_REMINDER);
    if (!ctw_inquiry_walk(&w->inquiry, v->usage, v->t->now_usec))
        return;
    v->ret->want_walk = true;
    for (size_t i = 0; i < v->ret->n_alerts; i++) {
        struct ctw_alert *a = &v->ret->alerts[i];
        if (a->kind == CTW_ALERT_USAGE) {
            a->wants_who = true;
            a->who = &w->who;
        }
    }
}

void ctw_watch_learn(struct ctw_watch *w, const struct ctw_who *who, uint64_t now_usec) {
    w->who = *who;
    w->who_usec = who->known ? now_usec : 0;
}

/* The table as a whole: only ever on a fresh sample, or when there is no table to sample. */
static void step_table(struct view *v) {
    struct ctw_watch *w = v->w;
    const enum ctw_level before = w->level.level;
    const struct ctw_sample last = w->last;
    const bool looked = w->looked;
    const bool losing = v->lost.full_drops > 0 || v->lost.early_drops > 0 || v->lost.own_lines > 0;

    if (v->readable)
        remember_sample(v);
    ctw_level_step(&w->level, v->s, v->usage, losing, v->t->now_usec);
    ctw_toll_add(&w->toll, &v->lost, w->level.level, v->t->now_usec);
    if (v->readable && looked)
        say_limits(v, &last);
    say_level(v, before, losing);
    remind_of_level(v);
    ask_who(v, before);
    step_forecast(v);
    say_losses(v);
    ctw_toll_settle(&w->toll, going_on(w));
}

/* Without a sample nothing is decided, but that the kernel is dropping is known from its log. */
static void step_unreadable(struct view *v) {
    struct ctw_watch *w = v->w;

    if (v->lost.own_lines == 0)
        return;
    ctw_level_step(&w->level, v->s, 0, true, v->t->now_usec);
    ctw_toll_add(&w->toll, &v->lost, w->level.level, v->t->now_usec);
    step_condition(v, &w->table_full, true, LOG_QUIET_USEC, CTW_ALERT_TABLE_FULL);
}

static void forget_table(struct ctw_watch *w) {
    w->looked = false;
    memset(&w->last, 0, sizeof(w->last));
    ctw_trend_reset(&w->trend);
}

/* Another namespace's table is known from its lines alone; max is one for all. */
static void make_foreign(struct ctw_alert *a, uint64_t inode, uint64_t lines) {
    a->has_table = a->has_rate = a->fills = false;
    a->foreign = true;
    a->netns_inode = inode;
    a->has_losses = true;
    a->losses = (struct ctw_episode_losses){.log_lines = lines};
}

static void step_elsewhere(struct view *v) {
    const struct ctw_tally *log = &v->t->log;
    const uint64_t quiet = max_u64(v->s->levels.hold_usec, LOG_QUIET_USEC);
    struct ctw_elsewhere_edge edges[CTW_ELSEWHERE_EDGES_MAX];
    const size_t n =
        ctw_elsewhere_step(&v->w->elsewhere, log, v->t->netns_inode, v->lost.unnamed_lines,
                           v->t->now_usec, quiet, v->s->alerts.remind_usec, edges);

    for (size_t i = 0; i < n; i++) {
        struct ctw_alert *a = say(v, CTW_ALERT_TABLE_FULL, edges[i].edge);
        if (!a)
            break;
        make_foreign(a, edges[i].inode, edges[i].log_lines);
        a->level = edges[i].edge == CTW_EDGE_END ? CTW_LEVEL_OK : CTW_LEVEL_FULL;
        a->lasted_usec = edges[i].lasted_usec;
    }
    step_condition(v, &v->w->expect_full, log->expect_lines > 0, quiet, CTW_ALERT_EXPECT_FULL);
}

/* "It was full before I started": the kernel's own totals, where it is our table, go with it. */
static void say_past(struct view *v) {
    const struct ctw_tally *past = &v->t->past;
    uint32_t lines = past->full_lines + past->other_netns_lines;

    for (uint32_t i = 0; i < past->n_netns; i++)
        lines += past->netns[i].lines;
    if (lines == 0)
        return;

    struct ctw_alert *a = say(v, CTW_ALERT_TABLE_FULL, CTW_EDGE_PAST);
    if (!a)
        return;
    const struct ctw_counters zero = {0};
    const struct ctw_losses total = ctw_losses_between(&zero, &v->w->last.counters);
    a->has_losses = true;
    a->losses = (struct ctw_episode_losses){.drops = total.drops,
                                            .early_drops = total.early_drops,
                                            .insert_failed = total.clashes,
                                            .chain_too_long = total.chain_too_long,
                                            .log_lines = lines};
    a->lasted_usec = v->t->past_age_usec;
    if (past->n_netns == 1 && past->netns[0].lines == lines &&
        past->netns[0].inode != v->t->netns_inode)
        make_foreign(a, past->netns[0].inode, lines);
}

static struct ctw_growth_look growth_look(const struct view *v) {
    return (struct ctw_growth_look){
        .now_usec = v->t->now_usec,
        .sample = v->w->last,
        .rate = ctw_trend_burst_rate(&v->w->trend),
        .facts = v->t->facts,
    };
}

static void say_growth(struct view *v, const struct ctw_growing_edge *edges, size_t n) {
    const struct ctw_growth_decision *d = &v->ret->growth;
    const uint64_t by = max_u64(ctw_growth_next_look(&v->w->growing.growth, v->s, &v->w->last, d),
                                v->s->poll.fastest_usec);

    for (size_t i = 0; i < n; i++) {
        struct ctw_alert *a = say(v, edges[i].kind, edges[i].edge);
        if (a)
            ctw_growing_describe(&edges[i], d, a);
    }
    if (by < v->ret->next_look_usec)
        v->ret->next_look_usec = by;
}

static void step_growth(struct view *v) {
    struct ctw_growing_edge edges[CTW_GROWING_EDGES_MAX];
    const struct ctw_growth_look look = growth_look(v);

    memset(&v->ret->growth, 0, sizeof(v->ret->growth));
    if (!v->w->looked)
        ctw_growing_forget(&v->w->growing);
    if (v->readable)
        say_growth(v, edges, ctw_growing_step(&v->w->growing, v->s, &look, &v->ret->growth, edges));
}

void ctw_watch_grown(struct ctw_watch *w, const struct ctw_settings *s, const struct ctw_tick *t,
                     const struct ctw_growth_outcome *o, struct ctw_verdict *ret) {
    struct view v = {.w = w, .s = s, .t = t, .ret = ret, .readable = true};
    struct ctw_growing_edge edges[CTW_GROWING_EDGES_MAX];
    const struct ctw_growth_look look = growth_look(&v);
    const size_t n = ctw_growing_done(&w->growing, &look, &ret->growth, o, edges);

    if (o->max_written)
        w->last.max = o->max;
    if (o->buckets_written)
        w->last.buckets = o->buckets;
    if (o->max_written || o->buckets_written)
        w->last.count = o->count; /* so that what is said shows how much was free */
    say_growth(&v, edges, n);
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

    v.lost = ctw_attribute(w->looked ? &w->last : NULL, v.readable ? &t->sample : NULL, &t->log,
                           t->netns_inode);
    if (v.readable || health == CTW_HEALTH_ABSENT)
        step_table(&v);
    else
        step_unreadable(&v);
    step_sources(&v); /* after the table, so that what is said carries this look's numbers */
    step_elsewhere(&v);
    step_events(&v);
    if (t->has_past)
        say_past(&v);

    ret->level = w->level.level;
    ret->lost = v.lost;
    ret->next_look_usec = v.readable ? ctw_pace_next(s, &w->last, ctw_trend_burst_rate(&w->trend))
                                     : s->poll.interval_usec;
    step_growth(&v);
}

#define WALK_INTERVAL_USEC  (60 * CTW_USEC_PER_SEC)
#define WALK_FROM_PERMYRIAD 5000u

/* Events are left only after a time of calm: joining and leaving stops and starts a stream that
 * says nothing about its first second. */
#define EVENTS_QUIET_USEC (30 * CTW_USEC_PER_SEC)

bool ctw_inquiry_events(struct ctw_inquiry *q, const struct ctw_settings *s, uint32_t usage,
                        bool filling, uint64_t now_usec, const char **ret_why) {
    const bool high = usage >= s->events.from_permyriad;

    (void)ctw_episode_step(&q->events, high || filling, now_usec, EVENTS_QUIET_USEC, 0);
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

bool ctw_inquiry_walk(struct ctw_inquiry *q, uint32_t usage, uint64_t now_usec) {
    if (usage < WALK_FROM_PERMYRIAD)
        return false;
    if (q->walk_usec != 0 && now_usec - q->walk_usec < WALK_INTERVAL_USEC)
        return false;
    q->walk_usec = now_usec;
    return true;
}

/* How long nothing must have been refused until that is over: the fill breathes. */
#define QUIET_USEC (10 * CTW_USEC_PER_SEC)

/* What is to be said at this look. */
struct edges {
    size_t n;
    struct ctw_growing_edge *edges;
};

static struct ctw_growing_edge *add(struct edges *es, enum ctw_alert_kind kind,
                                    enum ctw_edge edge) {
    struct ctw_growing_edge *e = &es->edges[es->n++];

    *e = (struct ctw_growing_edge){.kind = kind, .edge = edge};
    return e;
}

static struct ctw_growing_edge *step_episode(struct edges *es, struct ctw_episode *e, bool sign,
                                             const struct ctw_settings *s, uint64_t now_usec,
                                             enum ctw_alert_kind kind) {
    const uint64_t hold = s->levels.hold_usec;
    const enum ctw_edge edge = ctw_episode_step(
        e, sign, now_usec, hold > QUIET_USEC ? hold : QUIET_USEC, s->alerts.remind_usec);
    struct ctw_growing_edge *said = edge == CTW_EDGE_NONE ? NULL : add(es, kind, edge);

    if (said)
        said->lasted_usec = e->sign_usec - e->began_usec;
    return said;
}

/* That less than the reserve is free, and no more can be had, is a property of a small machine and
 * no news: it becomes news when the table fills. */
static bool worth_saying(const struct ctw_growth_decision *d) {
    switch (d->refusal) {
    case CTW_GROWTH_NOT_REFUSED:
    case CTW_GROWTH_DISABLED:
    case CTW_GROWTH_UNLIMITED:
        return false;
    case CTW_GROWTH_AT_CEILING:
    case CTW_GROWTH_NO_MEMORY:
    case CTW_GROWTH_TOO_FEW_BUCKETS:
    case CTW_GROWTH_FOREIGN_WRITER:
        return d->needed && d->reason != CTW_GROWTH_RESERVE;
    case CTW_GROWTH_NOT_PERMITTED:
    case CTW_GROWTH_CHILD_NAMESPACE:
    case CTW_GROWTH_WRITE_FAILED:
    case CTW_GROWTH_NOT_KEPT:
        return true;
    }
    return false;
}

static void step_refused(struct ctw_growing *g, const struct ctw_settings *s,
                         const struct ctw_growth_look *l, const struct ctw_growth_decision *d,
                         struct edges *es) {
    const bool sign = worth_saying(d);

    if (sign && d->refusal != g->refused_as)
        g->refused.active = false; /* another reason is news */
    if (sign)
        g->refused_as = d->refusal;
    struct ctw_growing_edge *e =
        step_episode(es, &g->refused, sign, s, l->now_usec, CTW_ALERT_GROWTH_REFUSED);
    if (!e)
        return;
    e->refusal = g->refused_as;
    e->error = d->error;
    e->path = d->error != 0 ? l->facts.limit_path : NULL;
}

static void step_unkept(struct ctw_growing *g, const struct ctw_settings *s,
                        const struct ctw_growth_look *l, struct edges *es) {
    const bool sign = s->growth.persist && ctw_growth_writes(s) && l->facts.keep_error != 0;
    struct ctw_growing_edge *e =
        step_episode(es, &g->unkept, sign, s, l->now_usec, CTW_ALERT_GROWTH_REFUSED);

    if (!e)
        return;
    e->refusal = CTW_GROWTH_NOT_KEPT;
    e->error = l->facts.keep_error;
    e->path = l->facts.keep_path;
}

void ctw_growing_forget(struct ctw_growing *g) {
    g->growth = (struct ctw_growth){0};
    g->reach = 0;
}

/* Switched off, and nothing left to be ended: as on most machines, at every look. */
static bool is_idle(const struct ctw_growing *g, const struct ctw_settings *s) {
    return !ctw_growth_on(s) && !g->rehearsed && g->reach == 0 && !g->refused.active &&
           !g->unkept.active && !g->dry_run.active;
}

size_t ctw_growing_step(struct ctw_growing *g, const struct ctw_settings *s,
                        const struct ctw_growth_look *l, struct ctw_growth_decision *retd,
                        struct ctw_growing_edge ret[static CTW_GROWING_EDGES_MAX]) {
    struct edges es = {.edges = ret};

    if (is_idle(g, s)) {
        *retd = (struct ctw_growth_decision){.refusal = CTW_GROWTH_DISABLED};
        return 0;
    }
    if (g->rehearsed && ctw_growth_writes(s))
        g->growth.sized = g->growth.kept_done = false; /* nothing of it was done */
    g->rehearsed = ctw_growth_on(s) && !ctw_growth_writes(s);
    if (s->growth.persist && l->facts.has_kept && g->growth.limits.max == 0)
        g->growth.limits = l->facts.kept;
    ctw_growth_decide(&g->growth, s, l, retd);
    g->reach =
        ctw_growth_writes(s) && retd->refusal == CTW_GROWTH_NOT_REFUSED ? retd->bounds.ceiling : 0;
    step_refused(g, s, l, retd, &es);
    step_unkept(g, s, l, &es);
    step_episode(&es, &g->dry_run, !retd->write && (retd->new_max != 0 || retd->new_buckets != 0),
                 s, l->now_usec, CTW_ALERT_GROWTH_DRY_RUN);
    if (!retd->write)
        ctw_growth_done(&g->growth, l->now_usec, retd, NULL);
    return es.n;
}

size_t ctw_growing_done(struct ctw_growing *g, const struct ctw_growth_look *l,
                        const struct ctw_growth_decision *d, const struct ctw_growth_outcome *o,
                        struct ctw_growing_edge ret[static CTW_GROWING_EDGES_MAX]) {
    struct edges es = {.edges = ret};

    ctw_growth_done(&g->growth, l->now_usec, d, o);
    if (o->max_written || o->buckets_written)
        add(&es, CTW_ALERT_GREW, CTW_EDGE_BEGIN)->outcome = *o;
    if (o->buckets_error != 0) { /* once: it is not tried again until the table comes anew */
        struct ctw_growing_edge *e = add(&es, CTW_ALERT_GROWTH_REFUSED, CTW_EDGE_BEGIN);
        e->refusal = CTW_GROWTH_TOO_FEW_BUCKETS;
        e->error = o->buckets_error;
        e->path = l->facts.buckets_path;
    }
    return es.n;
}

void ctw_growing_describe(const struct ctw_growing_edge *e, const struct ctw_growth_decision *d,
                          struct ctw_alert *a) {
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
    if (e->refusal != CTW_GROWTH_NOT_KEPT) {
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
