/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/watch/watch.h"

#include <string.h>

#include "lib/watch/cause.h"

/* How often counters and buckets are read, and for how long after a loss a table is not idle. */
#define COUNTERS_INTERVAL_USEC CTW_USEC_PER_SEC
#define COUNTERS_IDLE_USEC     (10 * CTW_USEC_PER_SEC)
#define LOSS_RECENT_USEC       (60 * CTW_USEC_PER_SEC)

/* The overruns of one burst are one loss of events. */
#define EVENTS_LOST_CLEAR_DELAY_USEC (10 * CTW_USEC_PER_SEC)

/* The subscription outlasts its reason, because a new one has no rates for its first second. */
#define EVENTS_CLEAR_DELAY_USEC (30 * CTW_USEC_PER_SEC)

/* A refusal of growth ends after this time: the fill goes up and down. */
#define GROWTH_CLEAR_DELAY_USEC (10 * CTW_USEC_PER_SEC)

/*
 * Alerts carry the result of a walk for two intervals. In a table less than half full other
 * namespaces may hold most of the machine's entries, and the kernel skips all of them in one
 * uninterrupted section of 0.25 us each. There a walk starts only for losses whose cause nothing
 * else shows, and after one that took long, none does for an hour.
 */
#define WALK_INTERVAL_USEC      (60 * CTW_USEC_PER_SEC)
#define WALK_FROM_PERMYRIAD     5000u
#define WALK_SLOW_USEC          (100 * CTW_USEC_PER_MSEC)
#define WALK_SLOW_INTERVAL_USEC (3600 * CTW_USEC_PER_SEC)
#define TALKERS_FRESH_USEC      (2 * WALK_INTERVAL_USEC)

/* An alert that names a cause has the machine read. A condition that begins is not explained by
 * what was read before it; the others are, if that was a moment ago. */
#define HOST_FRESH_USEC (10 * CTW_USEC_PER_SEC)

/* One poll: the arguments of the step, and what follows from them. */
struct poll {
    struct ctw_table_poll table; /* the first member: alerts are made from it */
    struct ctw_watch *w;
    const struct ctw_settings *s;
    const struct ctw_tick *t;
    struct ctw_verdict *ret;
    bool risen;             /* the level has */
    uint32_t unnamed_lines; /* table-full lines about the table of another namespace */
};

bool ctw_watch_wants_counters(const struct ctw_watch *w, const struct ctw_tick *t) {
    const struct ctw_loss_episode *e = &w->table.losses;
    const uint64_t since = t->now_usec - w->counters_usec;
    const struct ctw_sample *now = &t->sample, *last = &w->table.last;

    if (!w->polled || t->log.full_lines > 0 || t->log.n_netns > 0 ||
        ctw_nearly_full(now->count, now->max) || ctw_nearly_full(last->count, last->max))
        return true;
    if (e->running || w->count_changed || now->count != last->count ||
        (e->lost_usec != 0 && t->now_usec - e->lost_usec < LOSS_RECENT_USEC))
        return since >= COUNTERS_INTERVAL_USEC;
    return since >= COUNTERS_IDLE_USEC;
}

/* --- alerts ---------------------------------------------------------------------------------- */

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

/* Adds an alert with all that this poll knows; NULL when the verdict is full. */
static struct ctw_alert *alert(struct poll *p, enum ctw_alert_kind kind, enum ctw_edge edge) {
    const struct ctw_watch *w = p->w;

    if (p->ret->n_alerts >= CTW_VERDICT_ALERTS_MAX)
        return NULL;

    struct ctw_alert *a = &p->ret->alerts[p->ret->n_alerts++];
    ctw_table_describe(&p->table, kind, edge, a);
    a->netns_inode = p->t->netns_inode;
    a->rates = ctw_rates_now(&w->rates);
    if (edge != CTW_EDGE_END)
        a->new_sources = p->t->new_sources;
    if (edge != CTW_EDGE_END && w->talkers_usec != 0 &&
        p->t->now_usec - w->talkers_usec < TALKERS_FRESH_USEC)
        a->talkers = &w->talkers;
    a->host = &w->host;
    if (ctw_usage_permyriad(w->table.last.count, w->lowered_from) < p->s->levels.warning_permyriad)
        a->lowered_from = w->lowered_from;
    if (p->table.readable && (kind == CTW_ALERT_GREW || kind == CTW_ALERT_GROWTH_REFUSED ||
                              kind == CTW_ALERT_GROWTH_DRY_RUN))
        describe_growth(a, &p->ret->growth);
    return a;
}

static struct ctw_alert *alert_of_table(struct ctw_table_poll *table, enum ctw_alert_kind kind,
                                        enum ctw_edge edge) {
    return alert((struct poll *)table, kind, edge);
}

/* Steps the episode of a condition that is not the table's. */
static struct ctw_alert *step_condition(struct poll *p, enum ctw_alert_kind kind, bool condition,
                                        uint64_t clear_delay_usec) {
    return ctw_table_episode(&p->table, &p->w->conditions[kind], condition, clear_delay_usec, kind);
}

/* --- losses before the first poll ------------------------------------------------------------- */

/* Whether the newest of the past lines is of the time in which no ctwatchd was running. */
static bool past_is_news(const struct poll *p) {
    return p->t->has_past &&
           (p->w->before_usec == 0 || p->t->past_age_usec < p->t->now_usec - p->w->before_usec);
}

static void alert_gap(struct poll *p, enum ctw_alert_kind kind, uint64_t n) {
    struct ctw_alert *a = n == 0 ? NULL : alert(p, kind, CTW_EDGE_PAST);

    if (!a)
        return;
    a->losses = p->ret->lost_before;
    a->has_losses = a->gap = true;
    a->lasted_usec = p->t->now_usec - p->w->before_usec;
}

/* Of the time in which no ctwatchd was running: one alert for each kind of loss. */
static void alert_gaps(struct poll *p) {
    const struct ctw_losses *lost = &p->ret->lost_before;

    if (p->w->before_usec == 0 || !p->w->before.has_counters)
        return;
    alert_gap(p, CTW_ALERT_TABLE_FULL, lost->drops);
    alert_gap(p, CTW_ALERT_EARLY_DROP, lost->early_drops);
    alert_gap(p, CTW_ALERT_CHAIN_TOO_LONG, lost->chain_too_long);
    alert_gap(p, CTW_ALERT_DROPPED_BELOW_MAX, lost->other_drops);
    alert_gap(p, CTW_ALERT_INSERT_FAILED, ctw_clashes_are_noise(lost->clashes) ? 0 : lost->clashes);
}

/* Lines in the kernel log show that a table that is not full any more was. */
static struct ctw_losses losses_before(const struct poll *p) {
    static const struct ctw_sample zero = {.has_counters = true};
    static const struct ctw_log_counts no_log;
    const struct ctw_log_counts *log = past_is_news(p) ? &p->t->past : &no_log;
    uint32_t unnamed;
    struct ctw_losses ret =
        ctw_losses_since(p->w->before.has_counters ? &p->w->before : &zero, &p->t->sample, log,
                         p->t->netns_inode, p->t->release, &unnamed);

    if (unnamed > 0 && ret.other_drops > 0) {
        ret.drops = ret.other_drops;
        ret.other_drops = 0;
    }
    ret.log_lines = 0; /* the rest of them may be older */
    return ret;
}

static void count_losses(struct poll *p) {
    struct ctw_watch *w = p->w;
    const bool known = w->polled || w->has_before;
    struct ctw_sample since = w->polled ? w->table.last : w->before;

    p->ret->lost_before = (struct ctw_losses){0};
    if (p->table.readable && p->t->sample.has_counters && !w->counted) {
        p->ret->lost_before = losses_before(p);
        w->counted = true;
        since.has_counters = false;
    }
    p->table.lost =
        ctw_losses_since(known ? &since : NULL, p->table.readable ? &p->t->sample : NULL,
                         &p->t->log, p->t->netns_inode, p->t->release, &p->unnamed_lines);
}

/* --- the table ------------------------------------------------------------------------------- */

/* Buckets and counters that this poll did not read stay as they were. */
static void remember_sample(struct poll *p) {
    struct ctw_watch *w = p->w;
    const struct ctw_sample before = w->polled ? w->table.last : w->before, *now = &p->t->sample;

    w->table.last = *now;
    if (now->has_counters) {
        w->counters_usec = p->t->now_usec;
        w->count_changed = false;
    } else {
        w->table.last.has_counters = before.has_counters;
        w->table.last.counters = before.counters;
        w->count_changed = w->count_changed || now->count != before.count;
    }
    if (!now->has_buckets) {
        w->table.last.has_buckets = before.has_buckets;
        w->table.last.buckets = before.buckets;
    }
    w->polled = true;
    ctw_trend_add(&w->table.trend, p->t->now_usec, now->count);
}

/* A limit that was lowered twice was as high as before the first time. */
static void note_lowered(struct ctw_watch *w, uint32_t before, uint32_t now) {
    if (before == 0)
        before = CTW_MAX_LARGEST; /* no limit */
    if (now == 0)
        now = CTW_MAX_LARGEST;
    if (now < before && before > w->lowered_from)
        w->lowered_from = before;
    if (now >= w->lowered_from)
        w->lowered_from = 0;
}

static void alert_limits(struct poll *p, const struct ctw_sample *before) {
    const struct ctw_sample *now = &p->t->sample;
    const bool max_changed = now->max != before->max;
    const bool buckets_changed =
        now->has_buckets && before->has_buckets && now->buckets != before->buckets;

    note_lowered(p->w, before->max, now->max);
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

static bool is_over(uint64_t since_usec, uint64_t now_usec, uint64_t interval_usec) {
    return since_usec == 0 || now_usec - since_usec >= interval_usec;
}

/* Losses that do not show which flows are lost: of NAT's ports, and of a helper's expectations. */
static bool is_loss_to_sample(const struct ctw_alert *a) {
    return (a->kind == CTW_ALERT_INSERT_FAILED || a->kind == CTW_ALERT_EXPECT_FULL) &&
           a->edge != CTW_EDGE_END;
}

/* Alerts whose cause is in the entries, and which are not so urgent that they are sent without. */
static bool is_for_sample(const struct ctw_alert *a) {
    return is_loss_to_sample(a) || ((a->kind == CTW_ALERT_USAGE || a->kind == CTW_ALERT_FORECAST ||
                                     a->kind == CTW_ALERT_EARLY_DROP) &&
                                    a->edge != CTW_EDGE_END);
}

static bool wants_walk(const struct poll *p) {
    bool loss = false;

    if (p->table.usage >= WALK_FROM_PERMYRIAD && (p->risen || p->t->requested))
        return true;
    for (size_t i = 0; i < p->ret->n_alerts; i++)
        loss |= is_loss_to_sample(&p->ret->alerts[i]);
    return loss && p->table.readable && p->t->sample.count > 0 &&
           (p->table.usage >= WALK_FROM_PERMYRIAD ||
            is_over(p->w->slow_walk_usec, p->t->now_usec, WALK_SLOW_INTERVAL_USEC));
}

/* A risen level, a request and some losses start a walk, at most once a minute. The alerts of this
 * poll that it is for wait for its result. */
static void start_walk(struct poll *p) {
    struct ctw_watch *w = p->w;

    if (!is_over(w->walk_usec, p->t->now_usec, WALK_INTERVAL_USEC) || !wants_walk(p))
        return;
    w->walk_usec = p->t->now_usec;
    p->ret->want_walk = true;
    for (size_t i = 0; i < p->ret->n_alerts; i++) {
        struct ctw_alert *a = &p->ret->alerts[i];
        if (is_for_sample(a)) {
            a->wants_talkers = true;
            a->talkers = &w->talkers;
        }
    }
}

void ctw_watch_learn(struct ctw_watch *w, const struct ctw_talkers *talkers, uint64_t now_usec) {
    if (now_usec - w->walk_usec >= WALK_SLOW_USEC)
        w->slow_walk_usec = now_usec;
    w->talkers = *talkers;
    w->talkers_usec = talkers->known ? now_usec : 0;
}

void ctw_watch_resume(struct ctw_watch *w, const struct ctw_sample *last, uint64_t polled_usec) {
    w->before = *last;
    w->before_usec = polled_usec;
    w->has_before = true;
}

void ctw_watch_learn_host(struct ctw_watch *w, const struct ctw_settings *s,
                          const struct ctw_host *host, uint64_t now_usec) {
    w->host = *host;
    w->host.max_most = ctw_growth_bounds_of(s, &w->table.last, host, true).ceiling;
    w->host_usec = now_usec;
}

static bool wants_host(const struct poll *p) {
    const bool fresh = p->w->host_usec != 0 && p->t->now_usec - p->w->host_usec < HOST_FRESH_USEC;
    struct ctw_cause_facts facts;

    for (size_t i = 0; i < p->ret->n_alerts; i++) {
        const struct ctw_alert *a = &p->ret->alerts[i];
        if ((a->edge == CTW_EDGE_BEGIN || !fresh) && ctw_cause_facts_of(a, &facts))
            return true;
    }
    return p->ret->want_walk && !fresh;
}

/* The table as this poll read it; an absent table is an empty one. */
static void step_table(struct poll *p) {
    struct ctw_watch *w = p->w;
    const struct ctw_sample last = w->polled ? w->table.last : w->before;
    const bool comparable = w->polled || w->has_before;

    if (p->table.readable)
        remember_sample(p);
    p->table.counted = w->table.last.has_counters && !w->sources[CTW_SOURCE_COUNTERS].blind.active;
    const enum ctw_level before = ctw_table_take(&p->table);
    p->risen = w->table.level.level > before;
    alert_gaps(p);
    if (p->table.readable && comparable)
        alert_limits(p, &last);
    ctw_table_alerts(&p->table, before);
}

/* The module was unloaded: when it is loaded again, its counters start from 0. Its limits are those
 * of then, or others, which is a change. */
static void forget_table(struct ctw_watch *w) {
    if (w->polled) {
        w->before = w->table.last;
        w->has_before = true;
        w->lowered_from = 0;
    }
    w->before.count = 0;
    w->before.has_counters = w->counted = true;
    w->before.counters = (struct ctw_counters){0};
    w->polled = false;
    w->table.last = (struct ctw_sample){0};
    ctw_trend_reset(&w->table.trend);
    /* The table comes back with limits of its own. */
    w->growth_state.growth = (struct ctw_growth){0};
    w->growth_state.ceiling = 0;
}

/* --- sources --------------------------------------------------------------------------------- */

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

/* --- events ---------------------------------------------------------------------------------- */

/* Whether the subscription is worth its cost, half as much again for every new flow; and why. */
static bool want_events(struct poll *p, const char **ret_why) {
    const bool high = p->table.usage >= p->s->events.from_permyriad;
    struct ctw_episode *needed = &p->w->events_needed;

    (void)ctw_episode_step(needed, high || p->w->table.conditions[CTW_ALERT_FORECAST].active,
                           p->t->now_usec, EVENTS_CLEAR_DELAY_USEC, 0);
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
    if (!w->conditions[CTW_ALERT_EVENTS_LOST].active)
        w->events_lost_count = 0;
    w->events_lost_count += events->lost;
    struct ctw_alert *a = step_condition(p, CTW_ALERT_EVENTS_LOST, events->overruns > 0,
                                         EVENTS_LOST_CLEAR_DELAY_USEC);
    if (a)
        a->events_lost = w->events_lost_count;
}

/* --- the kernel log of other namespaces, and of the past -------------------------------------- */

/* Only the kernel log knows the tables of other namespaces; rates and talkers are of ours. */
static void make_other_netns(struct ctw_alert *a, uint64_t inode, uint64_t lines) {
    a->has_table = a->has_rate = a->fills = a->rates.known = false;
    a->talkers = NULL;
    a->new_sources = NULL;
    a->other_netns = true;
    a->netns_inode = inode;
    a->has_losses = true;
    a->losses = (struct ctw_losses){.log_lines = lines};
}

static void step_log(struct poll *p) {
    const struct ctw_log_counts *log = &p->t->log;
    struct ctw_log_counts *other = &p->ret->other_log;

    *other = (struct ctw_log_counts){.full_lines = p->unnamed_lines + log->other_netns_lines};
    for (uint32_t i = 0; i < log->n_netns; i++)
        if (log->netns[i].lines > 0 && log->netns[i].inode != p->t->netns_inode)
            other->netns[other->n_netns++] = log->netns[i];
    step_condition(p, CTW_ALERT_EXPECT_FULL, log->expect_lines > 0,
                   ctw_most(p->s->levels.hold_usec, CTW_LOG_CLEAR_DELAY_USEC));
}

/* The lines from before ctwatchd started. Of our own table, the totals of the counters as well. */
static void alert_past(struct poll *p) {
    const struct ctw_log_counts *past = &p->t->past;
    uint32_t lines = past->full_lines + past->other_netns_lines;

    for (uint32_t i = 0; i < past->n_netns; i++)
        lines += past->netns[i].lines;
    if (lines == 0 || !past_is_news(p))
        return;
    if (p->w->before_usec != 0 && p->ret->lost_before.drops > 0)
        return; /* they are about the drops of the gap */

    struct ctw_alert *a = alert(p, CTW_ALERT_TABLE_FULL, CTW_EDGE_PAST);
    if (!a)
        return;
    a->losses = ctw_losses_total(&p->w->table.last, p->t->release);
    a->losses.log_lines = lines;
    a->has_losses = true;
    a->lasted_usec = p->t->past_age_usec;
    if (past->n_netns == 1 && past->netns[0].lines == lines &&
        past->netns[0].inode != p->t->netns_inode)
        make_other_netns(a, past->netns[0].inode, lines);
}

static struct poll begin_poll(struct ctw_watch *w, const struct ctw_settings *s,
                              const struct ctw_tick *t, struct ctw_verdict *ret) {
    const bool readable = t->sources[CTW_SOURCE_TABLE].health == CTW_HEALTH_OK;
    const struct ctw_table_poll table = {
        .state = &w->table,
        .settings = s,
        .now_usec = t->now_usec,
        .readable = readable,
        .usage = readable ? ctw_usage_permyriad(t->sample.count, t->sample.max) : 0,
        .spacing_usec = t->spacing_usec,
        .requested = t->requested,
        .culprits_due = t->culprits_due,
        .alert = alert_of_table,
    };

    return (struct poll){.table = table, .w = w, .s = s, .t = t, .ret = ret};
}

/* --- growth ---------------------------------------------------------------------------------- */

static void step_refused(struct poll *p, uint64_t clear_delay_usec) {
    struct ctw_growth_state *g = &p->w->growth_state;
    const struct ctw_growth_decision *d = &p->ret->growth;
    const unsigned reason = 1u << d->refusal;

    if (!p->w->conditions[CTW_ALERT_GROWTH_REFUSED].active)
        g->refusals_alerted = 0;
    if (d->alert_refusal)
        g->refused_as = d->refusal;
    struct ctw_alert *a =
        step_condition(p, CTW_ALERT_GROWTH_REFUSED, d->alert_refusal, clear_delay_usec);
    if (!a && d->alert_refusal && !(g->refusals_alerted & reason)) /* each once an episode */
        a = alert(p, CTW_ALERT_GROWTH_REFUSED, CTW_EDGE_REMINDER);
    if (!a)
        return;
    g->refusals_alerted |= reason;
    a->growth_refusal = g->refused_as;
    a->growth_error = d->error;
    a->growth_path = d->error != 0 ? p->t->facts.limit_path : NULL;
}

static void step_persist_failed(struct poll *p, uint64_t clear_delay_usec) {
    const struct ctw_growth_facts *f = &p->t->facts;
    const bool condition = p->s->growth.persist && ctw_growth_writes(p->s) && f->save_error != 0;
    struct ctw_alert *a = ctw_table_episode(&p->table, &p->w->growth_state.persist_failed,
                                            condition, clear_delay_usec, CTW_ALERT_GROWTH_REFUSED);

    if (!a)
        return;
    a->growth_refusal = CTW_GROWTH_PERSIST_FAILED;
    a->growth_error = f->save_error;
    a->growth_path = f->save_path;
    a->ceiling = 0; /* the ceiling has no part in it */
}

static void poll_in_time_to_grow(struct poll *p) {
    const uint64_t usec =
        ctw_growth_next_poll(&p->w->growth_state.growth, p->s, &p->w->table.last, &p->ret->growth);

    p->ret->next_poll_usec =
        ctw_least(p->ret->next_poll_usec, ctw_most(usec, p->s->poll.fastest_usec));
}

/* Growth is off and no episode of it has to end: the case of most machines. */
static bool is_growth_idle(const struct ctw_watch *w, const struct ctw_settings *s) {
    const struct ctw_growth_state *g = &w->growth_state;

    return !ctw_growth_on(s) && !g->was_dry_run && g->ceiling == 0 && !g->persist_failed.active &&
           !w->conditions[CTW_ALERT_GROWTH_REFUSED].active &&
           !w->conditions[CTW_ALERT_GROWTH_DRY_RUN].active;
}

static void step_growth(struct poll *p) {
    struct ctw_growth_state *g = &p->w->growth_state;
    struct ctw_growth_decision *d = &p->ret->growth;
    const uint64_t clear_delay = ctw_most(p->s->levels.hold_usec, GROWTH_CLEAR_DELAY_USEC);

    *d = (struct ctw_growth_decision){.refusal = CTW_GROWTH_DISABLED};
    if (!p->table.readable || is_growth_idle(p->w, p->s))
        return;

    const struct ctw_growth_input input = {
        .now_usec = p->t->now_usec,
        .sample = p->w->table.last,
        .rate = ctw_trend_burst_rate(&p->w->table.trend),
        .losing = ctw_table_losing(&p->table.lost),
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
    step_refused(p, clear_delay);
    step_persist_failed(p, clear_delay);
    step_condition(p, CTW_ALERT_GROWTH_DRY_RUN,
                   !d->write && (d->new_max != 0 || d->new_buckets != 0), clear_delay);
    if (!d->write)
        ctw_growth_done(&g->growth, p->t->now_usec, d, NULL);
    poll_in_time_to_grow(p);
}

void ctw_watch_grown(struct ctw_watch *w, const struct ctw_settings *s, const struct ctw_tick *t,
                     const struct ctw_growth_outcome *o, struct ctw_verdict *ret) {
    struct poll p = begin_poll(w, s, t, ret);
    struct ctw_alert *a;

    ctw_growth_done(&w->growth_state.growth, t->now_usec, &ret->growth, o);
    if (o->max_written)
        w->table.last.max = o->max;
    if (o->buckets_written)
        w->table.last.buckets = o->buckets;
    if (o->max_written || o->buckets_written) {
        w->table.last.count = o->count; /* so that the alert shows how many entries were free */
        a = alert(&p, CTW_ALERT_GREW, CTW_EDGE_BEGIN);
        if (a) {
            a->max_changed = o->max_written;
            a->new_max = o->max;
            a->buckets_changed = o->buckets_written;
            a->new_buckets = o->buckets;
            a->stall_usec = o->stall_usec;
        }
    }
    if (o->buckets_error != 0) { /* once: growth does not try the buckets of this table again */
        a = alert(&p, CTW_ALERT_GROWTH_REFUSED, CTW_EDGE_BEGIN);
        if (a) {
            a->growth_refusal = CTW_GROWTH_TOO_FEW_BUCKETS;
            a->growth_error = o->buckets_error;
            a->growth_path = t->facts.buckets_path;
        }
    }
    ret->sample = w->table.last;
    poll_in_time_to_grow(&p);
}

/* --- the step -------------------------------------------------------------------------------- */

void ctw_watch_step(struct ctw_watch *w, const struct ctw_settings *s, const struct ctw_tick *t,
                    struct ctw_verdict *ret) {
    const enum ctw_health health = t->sources[CTW_SOURCE_TABLE].health;
    struct poll p = begin_poll(w, s, t, ret);

    ret->n_alerts = 0;
    ret->want_walk = ret->limit_changed = false;
    if (health == CTW_HEALTH_ABSENT)
        forget_table(w);
    p.table.ceiling = w->growth_state.ceiling;

    count_losses(&p);
    if (p.table.readable || health == CTW_HEALTH_ABSENT)
        step_table(&p);
    else
        ctw_table_unreadable(&p.table);
    step_sources(&p);
    step_log(&p);
    step_events(&p);
    if (t->has_past)
        alert_past(&p);
    start_walk(&p);

    ret->level = w->table.level.level;
    ret->sample = w->table.last;
    ret->lost = p.table.lost;
    ret->next_poll_usec =
        p.table.readable ? ctw_pace_next(s, &w->table.last, ctw_trend_burst_rate(&w->table.trend))
                         : s->poll.interval_usec;
    step_growth(&p);
    ret->want_host = wants_host(&p);
}
