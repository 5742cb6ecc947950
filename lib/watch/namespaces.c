/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/watch/namespaces.h"

#include <stdio.h>
#include <string.h>

/* One step: the poll of the table, and whose it is. */
struct step {
    struct ctw_table_poll table; /* the first member: alerts are made from it */
    const struct ctw_namespace *n;
    const struct ctw_host *host;
    uint32_t max; /* one for all namespaces */
    struct ctw_namespace_verdict *ret;
};

static struct ctw_alert *alert(struct ctw_table_poll *table, enum ctw_alert_kind kind,
                               enum ctw_edge edge) {
    struct step *p = (struct step *)table;
    const struct ctw_namespace *n = p->n;

    if (p->ret->n_alerts >= CTW_NAMESPACE_ALERTS_MAX)
        return NULL;
    struct ctw_alert *a = &p->ret->alerts[p->ret->n_alerts++];
    ctw_table_describe(table, kind, edge, a);
    a->table.max = p->max;
    a->other_netns = true;
    a->host = p->host;
    a->below_user = n->name.below_user;
    a->netns_kind = n->name.kind;
    a->netns_pid = n->pid;
    a->netns_inode = n->netns_inode;
    (void)snprintf(a->netns, sizeof(a->netns), "%s", n->name.text);
    return a;
}

bool ctw_namespace_troubled(const struct ctw_namespace *n) {
    bool ret = n->table.level.level != CTW_LEVEL_OK;

    for (size_t i = 0; i < CTW_TABLE_ALERT_KINDS; i++)
        ret |= n->table.conditions[i].active;
    return ret;
}

/* --- how many episodes are alerted ------------------------------------------------------------ */

static bool may_begin(struct ctw_namespaces_budget *b, uint64_t now_usec) {
    if (b->window_usec == 0 ||
        (now_usec - b->window_usec >= CTW_NAMESPACE_EPISODES_WINDOW && b->more == 0)) {
        b->window_usec = now_usec;
        b->begun = 0;
    }
    if (b->begun >= CTW_NAMESPACE_EPISODES_MAX)
        return false;
    b->begun++;
    return true;
}

/* Drops the alerts of an episode beyond the budget, which is asked again at each alert of it. */
static void limit(struct ctw_namespaces_budget *b, struct ctw_namespace *n, uint64_t now_usec,
                  struct ctw_namespace_verdict *v) {
    const struct ctw_alert *worst = NULL;

    for (size_t i = 0; i < v->n_alerts; i++)
        if (v->alerts[i].edge != CTW_EDGE_END &&
            (!worst || ctw_alert_priority(&v->alerts[i]) < ctw_alert_priority(worst)))
            worst = &v->alerts[i];
    if (worst && !n->alerting)
        n->alerting = may_begin(b, now_usec);
    if (worst && !n->alerting && !n->counted) {
        if (b->more++ == 0 || ctw_alert_priority(worst) < ctw_alert_priority(&b->worst))
            b->worst = *worst;
        n->counted = true;
    }
    if (!n->alerting)
        v->n_alerts = 0;
    if (!ctw_namespace_troubled(n))
        n->alerting = n->counted = false;
}

bool ctw_namespaces_rest(struct ctw_namespaces_budget *b, uint64_t now_usec,
                         struct ctw_alert *ret) {
    if (b->more == 0 || now_usec - b->window_usec < CTW_NAMESPACE_EPISODES_WINDOW)
        return false;
    *ret = b->worst;
    ret->more_netns = b->more - 1;
    b->more = 0;
    return true;
}

/* --- one reading ------------------------------------------------------------------------------ */

/* Without a process only the kernel log knows the table, and only as full. */
static void step_log_only(struct ctw_table_poll *p) {
    const uint64_t delay_usec = ctw_most(p->settings->levels.hold_usec, CTW_LOG_CLEAR_DELAY_USEC);
    struct ctw_table_state *t = p->state;
    struct ctw_episode *full = &t->conditions[CTW_ALERT_TABLE_FULL];
    const bool lines = p->lost.log_lines > 0;

    if (lines)
        t->level.level = CTW_LEVEL_FULL;
    else if (p->now_usec - full->condition_usec >= delay_usec)
        t->level = (struct ctw_level_state){0};
    ctw_loss_episode_add(&t->losses, &p->lost, t->level.level, p->now_usec);
    (void)ctw_table_episode(p, full, lines, delay_usec, CTW_ALERT_TABLE_FULL);
    ctw_loss_episode_settle(&t->losses, full->active);
}

/* Losses since the last reading. */
static struct ctw_losses losses_of(struct ctw_namespace *n, const struct ctw_namespace_reading *r) {
    static const struct ctw_sample zero = {.has_counters = true};
    const struct ctw_log_counts log = {.n_netns = 1,
                                       .netns = {{.inode = 1, .lines = n->log_lines}}};
    const bool first = n->read_usec == 0;
    uint32_t unnamed;

    struct ctw_losses lost =
        ctw_losses_since(first ? &zero : &n->table.last, r->readable ? &r->sample : NULL, &log, 1,
                         r->release, &unnamed);
    ctw_losses_add(&n->lost, &lost);
    if (first && r->readable && n->log_lines == 0 &&
        !(r->fresh && ctw_nearly_full(r->sample.count, r->sample.max)))
        return (struct ctw_losses){0};
    if (ctw_losses_drops(&lost) > 0 || lost.chain_too_long > 0 || lost.log_lines > 0)
        n->refused_usec = r->now_usec;
    if (lost.early_drops > 0)
        n->evicted_usec = r->now_usec;
    return lost;
}

static uint64_t next_reading(const struct ctw_namespace *n, const struct ctw_settings *s) {
    const struct ctw_sample *last = &n->table.last;
    const bool hurry = ctw_namespace_troubled(n) || n->table.losses.running ||
                       ctw_usage_permyriad(last->count, last->max) >= CTW_NAMESPACE_HURRY_PERMYRIAD;

    return hurry ? ctw_least(s->namespaces.interval_usec, CTW_NAMESPACE_HURRY_USEC)
                 : s->namespaces.interval_usec;
}

void ctw_namespace_step(struct ctw_namespaces_budget *b, struct ctw_namespace *n,
                        const struct ctw_settings *s, const struct ctw_namespace_reading *r,
                        struct ctw_namespace_verdict *ret) {
    struct step p = {
        .table = {.state = &n->table,
                  .settings = s,
                  .now_usec = r->now_usec,
                  .readable = r->readable,
                  .usage = r->readable ? ctw_usage_permyriad(r->sample.count, r->sample.max) : 0,
                  .lost = losses_of(n, r),
                  .counted = true,
                  .spacing_usec = r->readable && n->read_usec != 0 ? r->now_usec - n->read_usec : 0,
                  .alert = alert},
        .n = n,
        .host = r->host,
        .max = r->sample.max,
        .ret = ret,
    };

    ret->n_alerts = 0;
    n->log_lines = 0;
    if (r->readable) {
        n->read_usec = r->now_usec;
        n->table.last = r->sample;
        ctw_trend_add(&n->table.trend, r->now_usec, r->sample.count);
        ctw_table_alerts(&p.table, ctw_table_take(&p.table));
    } else
        step_log_only(&p.table);
    limit(b, n, r->now_usec, ret);
    ret->next_usec = next_reading(n, s);
}

void ctw_namespace_end(struct ctw_namespaces_budget *b, struct ctw_namespace *n,
                       const struct ctw_settings *s, uint64_t now_usec,
                       struct ctw_namespace_verdict *ret) {
    struct step p = {
        .table = {.state = &n->table, .settings = s, .now_usec = now_usec}, .n = n, .ret = ret};

    ret->n_alerts = 0;
    for (enum ctw_alert_kind kind = 0; kind < CTW_TABLE_ALERT_KINDS; kind++) {
        struct ctw_episode *e = &n->table.conditions[kind];
        if (!e->active && (kind != CTW_ALERT_USAGE || n->table.level.level == CTW_LEVEL_OK))
            continue;
        struct ctw_alert *a = alert(&p.table, kind, CTW_EDGE_END);
        if (!a)
            break;
        a->netns_gone = true;
        a->level = CTW_LEVEL_OK;
        a->lasted_usec = e->condition_usec - e->began_usec;
        e->active = false;
    }
    n->table.level = (struct ctw_level_state){0};
    limit(b, n, now_usec, ret);
}

/* --- the kernel log --------------------------------------------------------------------------- */

void ctw_netns_match_add(struct ctw_netns_match *m, struct ctw_namespace *n) {
    if (m->inode != 0 && n->netns_inode == m->inode)
        m->named = n;
    if (n->pid == 0 || !n->table.conditions[CTW_ALERT_TABLE_FULL].active ||
        (m->inode != 0 && n->netns_inode != 0))
        return;
    m->losing = n;
    m->n_losing++;
}

bool ctw_netns_match_end(struct ctw_netns_match *m, uint32_t lines) {
    struct ctw_namespace *n = m->named ? m->named : m->n_losing == 1 ? m->losing : NULL;

    if (!n)
        return m->n_losing > 1;
    n->netns_inode = m->inode != 0 ? m->inode : n->netns_inode;
    n->log_lines = lines > UINT32_MAX - n->log_lines ? UINT32_MAX : n->log_lines + lines;
    return true;
}
