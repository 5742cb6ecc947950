/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/watch/table.h"

#include <string.h>

/* A condition known from counters ends after the interval of reading them. */
#define COUNTERS_CLEAR_DELAY_USEC CTW_USEC_PER_SEC

void ctw_table_describe(const struct ctw_table_poll *p, enum ctw_alert_kind kind,
                        enum ctw_edge edge, struct ctw_alert *ret) {
    const struct ctw_table_state *t = p->state;

    memset(ret, 0, sizeof(*ret));
    ret->kind = kind;
    ret->edge = edge;
    ret->level = t->level.level;
    ret->losses = t->losses.losses;
    ret->has_losses = t->losses.running && (t->last.has_counters || ret->losses.log_lines > 0);
    if (!p->readable)
        return;
    ret->has_table = true;
    ret->table = t->last;
    ret->has_rate = ctw_trend_knows(&t->trend);
    ret->rate = ctw_trend_rate(&t->trend);
    ret->fills = ctw_trend_fills(&t->trend, &ret->table, &ret->usec_to_full);
}

bool ctw_table_losing(const struct ctw_losses *lost) {
    return lost->drops > 0 || lost->early_drops > 0 || lost->log_lines > 0;
}

struct ctw_alert *ctw_table_episode(struct ctw_table_poll *p, struct ctw_episode *e, bool condition,
                                    uint64_t clear_delay_usec, enum ctw_alert_kind kind) {
    if (!condition && !e->active)
        return NULL; /* the usual case */

    const uint64_t delay_usec = ctw_most(clear_delay_usec, p->spacing_usec / 2 * 3);
    const enum ctw_edge edge =
        ctw_episode_step(e, condition, p->now_usec, delay_usec, p->settings->alerts.remind_usec);
    struct ctw_alert *a = edge == CTW_EDGE_NONE ? NULL : p->alert(p, kind, edge);

    if (a)
        a->lasted_usec = e->condition_usec - e->began_usec;
    return a;
}

static struct ctw_alert *step_condition(struct ctw_table_poll *p, enum ctw_alert_kind kind,
                                        bool condition, uint64_t clear_delay_usec) {
    return ctw_table_episode(p, &p->state->conditions[kind], condition, clear_delay_usec, kind);
}

/* Each level on the way up has an alert, so that an alert rule on one level sees a burst that jumps
 * over it. A fall has one alert. In a full table that loses flows, table_full or early_drop reports
 * the level full. */
static void alert_level(struct ctw_table_poll *p, enum ctw_level before) {
    const enum ctw_level now = p->state->level.level;

    if (now < before)
        (void)p->alert(p, CTW_ALERT_USAGE, now == CTW_LEVEL_OK ? CTW_EDGE_END : CTW_EDGE_BEGIN);
    for (enum ctw_level l = before + 1; l <= now; l++) {
        if (l == CTW_LEVEL_FULL && ctw_table_losing(&p->lost))
            break;
        struct ctw_alert *a = p->alert(p, CTW_ALERT_USAGE, CTW_EDGE_BEGIN);
        if (a)
            a->level = l;
    }
    p->state->level_alerted_usec = p->now_usec;
}

/* An unchanged level is alerted again on request, when the culprits of an earlier alert are known
 * now, and after alerts.remind, unless the alerts of a full table have reminders of their own. */
static void remind_of_level(struct ctw_table_poll *p) {
    struct ctw_table_state *t = p->state;
    const uint64_t remind_usec = p->settings->alerts.remind_usec;
    const bool ok = t->level.level == CTW_LEVEL_OK;
    const bool due = !ok && remind_usec > 0 && p->now_usec - t->level_alerted_usec >= remind_usec;

    if (due)
        t->level_alerted_usec = p->now_usec;
    if ((due && !t->conditions[CTW_ALERT_TABLE_FULL].active &&
         !t->conditions[CTW_ALERT_EARLY_DROP].active) ||
        (p->readable && (p->requested || (p->culprits_due && !ok))))
        (void)p->alert(p, CTW_ALERT_USAGE, CTW_EDGE_REMINDER);
}

static void step_forecast(struct ctw_table_poll *p) {
    const struct ctw_sample *now = &p->state->last;
    const uint32_t limit = now->max > p->ceiling ? now->max : p->ceiling; /* it grows before */
    const uint64_t within_usec = p->settings->levels.forecast_usec;
    uint64_t usec = 0;
    int64_t rate = 0;

    if (p->state->level.level == CTW_LEVEL_FULL)
        return; /* it has come true; it ends when the table is no longer full */
    const bool condition = p->readable && limit > now->count && within_usec > 0 &&
                           ctw_trend_forecast(&p->state->trend, limit - now->count, &usec, &rate) &&
                           usec <= within_usec;
    struct ctw_alert *a =
        step_condition(p, CTW_ALERT_FORECAST, condition,
                       ctw_most(p->settings->levels.hold_usec, COUNTERS_CLEAR_DELAY_USEC));
    if (a && condition) {
        a->has_rate = a->fills = true;
        a->rate = rate;
        a->usec_to_full = usec;
    }
}

static void step_losses(struct ctw_table_poll *p) {
    struct ctw_table_state *t = p->state;
    const struct ctw_losses *lost = &p->lost;
    const uint64_t delay =
        ctw_most(p->settings->levels.hold_usec,
                 p->counted ? COUNTERS_CLEAR_DELAY_USEC : CTW_LOG_CLEAR_DELAY_USEC);
    bool active = t->level.level != CTW_LEVEL_OK;

    step_condition(p, CTW_ALERT_TABLE_FULL, lost->drops > 0 || lost->log_lines > 0, delay);
    step_condition(p, CTW_ALERT_EARLY_DROP, lost->early_drops > 0, delay);
    step_condition(p, CTW_ALERT_CHAIN_TOO_LONG, lost->chain_too_long > 0, delay);
    step_condition(p, CTW_ALERT_DROPPED_BELOW_MAX, lost->other_drops > 0, delay);
    step_condition(p, CTW_ALERT_INSERT_FAILED, ctw_loss_episode_clashing(&t->losses, lost),
                   ctw_most(delay, CTW_CLASH_WINDOW_USEC));
    for (int i = CTW_ALERT_TABLE_FULL; i < CTW_TABLE_ALERT_KINDS; i++)
        active |= t->conditions[i].active;
    ctw_loss_episode_settle(&t->losses, active);
}

enum ctw_level ctw_table_take(struct ctw_table_poll *p) {
    struct ctw_table_state *t = p->state;
    const enum ctw_level before = t->level.level;
    const enum ctw_level now =
        ctw_level_step(&t->level, p->settings, p->usage, ctw_table_losing(&p->lost), p->now_usec);

    ctw_loss_episode_add(&t->losses, &p->lost, now, p->now_usec);
    return before;
}

void ctw_table_alerts(struct ctw_table_poll *p, enum ctw_level before) {
    if (p->state->level.level != before)
        alert_level(p, before);
    else
        remind_of_level(p);
    step_forecast(p);
    step_losses(p);
}

void ctw_table_unreadable(struct ctw_table_poll *p) {
    if (p->lost.log_lines == 0)
        return;
    ctw_level_step(&p->state->level, p->settings, 0, true, p->now_usec);
    ctw_loss_episode_add(&p->state->losses, &p->lost, p->state->level.level, p->now_usec);
    step_condition(p, CTW_ALERT_TABLE_FULL, true, CTW_LOG_CLEAR_DELAY_USEC);
}
