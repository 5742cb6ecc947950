/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/watch/alert.h"

#include <stddef.h>
#include <stdio.h>

/* Priorities, by their syslog(3) numbers. */
enum { ALERT = 1, CRITICAL, ERROR, WARNING, NOTICE };

/* Each id has its entry in systemd/ctwatch.catalog; tests/lint/test_catalog compares them. */
static const struct {
    const char *name;
    const char *message_id;
    int priority;
} kinds[CTW_ALERT_KINDS] = {
    [CTW_ALERT_USAGE] = {"usage", "86537b116d0e4a7d986b77dfabbd6eae", WARNING},
    [CTW_ALERT_FORECAST] = {"forecast", "57f655a1cfa24deca6f2740effc06a2c", WARNING},
    [CTW_ALERT_TABLE_FULL] = {"table_full", "f18f42a73190402a9ac6e9da3f59a971", ALERT},
    [CTW_ALERT_EARLY_DROP] = {"early_drop", "4395a1862d0d4580987edb09e77568dd", WARNING},
    [CTW_ALERT_CHAIN_TOO_LONG] = {"chain_too_long", "8e38503937c240e6bce1972017bacd3d", ERROR},
    [CTW_ALERT_DROPPED_BELOW_MAX] = {"dropped_below_max", "43d4c63fbca2438e887a4ae078129503",
                                     ERROR},
    [CTW_ALERT_INSERT_FAILED] = {"insert_failed", "19b9e22c92174715af5d0b10437e3c2d", WARNING},
    [CTW_ALERT_EXPECT_FULL] = {"expect_full", "645105a35d8a471b949f265fedf1fddd", WARNING},
    [CTW_ALERT_GREW] = {"grew", "97c1653325c04baf99ed03284a0ac666", NOTICE},
    [CTW_ALERT_GROWTH_REFUSED] = {"growth_refused", "9d030471050a410cbbc06e2b6ad7263d", WARNING},
    [CTW_ALERT_GROWTH_DRY_RUN] = {"growth_dry_run", "7d35a081997440a29a434f23faccc713", NOTICE},
    [CTW_ALERT_LIMIT_CHANGED] = {"limit_changed", "0ce902eff69647ddb9b5981a730335d2", WARNING},
    [CTW_ALERT_EVENTS_LOST] = {"events_lost", "16695f37905d4b8ba868854714b52726", NOTICE},
    [CTW_ALERT_BLIND] = {"blind", "66dc7bfe0cbf4ae5abc2a92bab97764d", ERROR},
    [CTW_ALERT_SIGHTED] = {"sighted", "3e1ac47100454ad89933e772f1ed74d4", NOTICE},
    [CTW_ALERT_CONFIG] = {"config", "1b1cc3803b2a420cbd338557b3e22907", NOTICE},
    [CTW_ALERT_TEST] = {"test", "4b9296874ee84fd7a2e3f5753aa01ed6", NOTICE},
};

const char *ctw_alert_kind_name(enum ctw_alert_kind kind) {
    return kinds[kind].name;
}

const char *ctw_alert_message_id(enum ctw_alert_kind kind) {
    return kinds[kind].message_id;
}

const char *ctw_source_name(enum ctw_source source) {
    static const char *const names[CTW_SOURCES] = {
        [CTW_SOURCE_TABLE] = "table",           [CTW_SOURCE_COUNTERS] = "counters",
        [CTW_SOURCE_KERNEL_LOG] = "kernel_log", [CTW_SOURCE_EVENTS] = "events",
        [CTW_SOURCE_JOURNAL] = "journal",       [CTW_SOURCE_STATE] = "state",
        [CTW_SOURCE_COMMAND] = "command",
    };

    return names[source];
}

struct ctw_source_health ctw_source_health_of(enum ctw_health health, int error, const char *what) {
    struct ctw_source_health ret = {.health = health, .error = error};

    if (what && (health == CTW_HEALTH_FAILED || health == CTW_HEALTH_ABSENT))
        (void)snprintf(ret.what, sizeof(ret.what), "%s", what);
    return ret;
}

const char *ctw_health_name(enum ctw_health health) {
    static const char *const names[] = {
        [CTW_HEALTH_UNUSED] = "unused",
        [CTW_HEALTH_OK] = "ok",
        [CTW_HEALTH_ABSENT] = "absent",
        [CTW_HEALTH_FAILED] = "failed",
    };

    return names[health];
}

const char *ctw_edge_name(enum ctw_edge edge) {
    static const char *const names[] = {
        [CTW_EDGE_NONE] = "none", [CTW_EDGE_BEGIN] = "begin", [CTW_EDGE_REMINDER] = "reminder",
        [CTW_EDGE_END] = "end",   [CTW_EDGE_PAST] = "past",
    };

    return names[edge];
}

static int priority_of(const struct ctw_alert *a) {
    if (a->edge == CTW_EDGE_END)
        return NOTICE;
    if (a->edge == CTW_EDGE_PAST)
        return WARNING;
    if (a->kind == CTW_ALERT_USAGE)
        return a->level == CTW_LEVEL_OK        ? NOTICE
               : a->level == CTW_LEVEL_WARNING ? WARNING
                                               : CRITICAL;
    if (a->kind == CTW_ALERT_BLIND && a->health.health == CTW_HEALTH_ABSENT)
        return NOTICE; /* nothing is wrong with a machine that tracks no connections */
    if (a->kind == CTW_ALERT_CONFIG && a->config_refused)
        return ERROR;
    return kinds[a->kind].priority;
}

int ctw_alert_priority(const struct ctw_alert *a) {
    const int priority = priority_of(a);

    return a->below_user && priority < WARNING ? WARNING : priority;
}

bool ctw_alert_runs_command(const struct ctw_alert *a) {
    return !a->below_user && ((a->kind != CTW_ALERT_BLIND && a->kind != CTW_ALERT_SIGHTED) ||
                              a->source != CTW_SOURCE_COMMAND);
}

/* A sample is not waited for by what is as urgent as this. */
static bool is_urgent(const struct ctw_alert *a) {
    return ctw_alert_priority(a) <= ERROR;
}

void ctw_waiting_flush(struct ctw_waiting *q) {
    for (uint32_t i = q->due; i < q->n; i++) {
        struct ctw_alert *a = &q->alerts[i];
        if (!a->wants_talkers)
            continue;
        a->talkers = NULL;
        q->culprits_due = true;
    }
    q->due = q->n;
}

void ctw_waiting_add(struct ctw_waiting *q, const struct ctw_alert *a) {
    if (q->sent == q->n || q->n == CTW_WAITING_MAX)
        q->n = q->sent = q->due = 0;
    q->alerts[q->n++] = *a;
    if (a->wants_talkers ? q->n == CTW_WAITING_MAX
                         : q->n == 1 || q->n == CTW_WAITING_MAX || is_urgent(a))
        ctw_waiting_flush(q);
}

struct ctw_alert *ctw_waiting_next(struct ctw_waiting *q) {
    return q->sent < q->due ? &q->alerts[q->sent++] : NULL;
}

bool ctw_waiting_learned(struct ctw_waiting *q, bool known) {
    const bool ret = q->culprits_due && known;

    q->due = q->n;
    q->culprits_due = false;
    return ret;
}
