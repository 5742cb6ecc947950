/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "growing.h"

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
