/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "alert.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "line.h"
#include "remedy.h"
#include "sentence.h"

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
};

const char *ctw_alert_kind_name(enum ctw_alert_kind kind) {
    return kinds[kind].name;
}

const char *ctw_alert_message_id(enum ctw_alert_kind kind) {
    return kinds[kind].message_id;
}

const char *ctw_source_name(enum ctw_source source) {
    switch (source) {
    case CTW_SOURCE_TABLE:
        return "table";
    case CTW_SOURCE_COUNTERS:
        return "counters";
    case CTW_SOURCE_KERNEL_LOG:
        return "kernel_log";
    case CTW_SOURCE_EVENTS:
        return "events";
    case CTW_SOURCE_JOURNAL:
        return "journal";
    case CTW_SOURCE_STATE:
        return "state";
    }
    return "unknown";
}

const char *ctw_health_name(enum ctw_health health) {
    switch (health) {
    case CTW_HEALTH_UNUSED:
        return "unused";
    case CTW_HEALTH_OK:
        return "ok";
    case CTW_HEALTH_ABSENT:
        return "absent";
    case CTW_HEALTH_FAILED:
        return "failed";
    }
    return "unknown";
}

const char *ctw_edge_name(enum ctw_edge edge) {
    switch (edge) {
    case CTW_EDGE_NONE:
        return "none";
    case CTW_EDGE_BEGIN:
        return "begin";
    case CTW_EDGE_REMINDER:
        return "reminder";
    case CTW_EDGE_END:
        return "end";
    case CTW_EDGE_PAST:
        return "past";
    }
    return "unknown";
}

static int usage_priority(enum ctw_level level) {
    switch (level) {
    case CTW_LEVEL_OK:
        return NOTICE;
    case CTW_LEVEL_WARNING:
        return WARNING;
    case CTW_LEVEL_CRITICAL:
    case CTW_LEVEL_FULL:
        return CRITICAL;
    }
    return WARNING;
}

int ctw_alert_priority(const struct ctw_alert *a) {
    if (a->edge == CTW_EDGE_END)
        return NOTICE;
    if (a->edge == CTW_EDGE_PAST)
        return WARNING;
    if (a->kind == CTW_ALERT_USAGE)
        return usage_priority(a->level);
    if (a->kind == CTW_ALERT_BLIND && a->health.health == CTW_HEALTH_ABSENT)
        return NOTICE; /* nothing is wrong with a machine that tracks no connections */
    if (a->kind == CTW_ALERT_CONFIG && a->config_refused)
        return ERROR;
    return kinds[a->kind].priority;
}

/* Add "NAME=value"; one that does not fit is left out whole, since half a number is a wrong one. */
static void put(struct ctw_fields *f, const char *name, const char *value) {
    const size_t room = sizeof f->text - f->used;

    if (f->n >= CTW_FIELDS_MAX)
        return;
    const int length = snprintf(f->text + f->used, room, "%s=%s", name, value);
    if (length < 0 || (size_t)length >= room)
        return;
    f->field[f->n++] = f->text + f->used;
    f->used += (size_t)length + 1;
}

static void put_number(struct ctw_fields *f, const char *name, uint64_t value) {
    char digits[24];

    snprintf(digits, sizeof digits, "%" PRIu64, value);
    put(f, name, digits);
}

/* Whether the alert is about a table; the others are about ctwatchd itself. */
static bool about_a_table(const struct ctw_alert *a) {
    return a->kind != CTW_ALERT_BLIND && a->kind != CTW_ALERT_SIGHTED &&
           a->kind != CTW_ALERT_CONFIG;
}

/* Add text from outside, made printable. */
static void put_foreign(struct ctw_fields *f, const char *name, const char *text, size_t size) {
    struct ctw_line line;

    ctw_line_start(&line);
    ctw_line_add(&line, "%.*s", (int)size - 1, text);
    if (line.length > 0)
        put(f, name, line.text);
}

static void put_line(struct ctw_fields *f, const char *name, const struct ctw_line *line) {
    if (line->length > 0)
        put(f, name, line->text);
}

static void put_percent(struct ctw_fields *f, const char *name, uint32_t permyriad) {
    char percent[24];

    snprintf(percent, sizeof percent, "%" PRIu32 ".%" PRIu32, permyriad / 100, permyriad / 10 % 10);
    put(f, name, percent);
}

static void put_table(struct ctw_fields *f, const struct ctw_alert *a) {
    const struct ctw_sample *t = &a->table;
    const uint32_t usage = ctw_usage_permyriad(t->count, t->max);

    put_number(f, "CTWATCH_COUNT", t->count);
    put_number(f, "CTWATCH_MAX", t->max);
    if (t->has_buckets)
        put_number(f, "CTWATCH_BUCKETS", t->buckets);
    if (t->max > 0)
        put_percent(f, "CTWATCH_USAGE_PERCENT", usage);
}

static void put_trend(struct ctw_fields *f, const struct ctw_alert *a) {
    char rate[24];

    if (a->has_rate) {
        snprintf(rate, sizeof rate, "%" PRId64, a->rate);
        put(f, "CTWATCH_RATE", rate);
    }
    if (a->fills)
        put_number(f, "CTWATCH_SECONDS_TO_FULL", a->usec_to_full / CTW_USEC_PER_SEC);
}

/* The counters are those of our own namespace: of another one only its lines are known. */
static void put_losses(struct ctw_fields *f, const struct ctw_alert *a) {
    const struct ctw_episode_losses *l = &a->losses;

    if (!a->foreign) {
        put_number(f, "CTWATCH_DROPS", l->drops);
        put_number(f, "CTWATCH_EARLY_DROPS", l->early_drops);
        put_number(f, "CTWATCH_INSERT_FAILED", l->insert_failed);
        put_number(f, "CTWATCH_CHAIN_TOO_LONG", l->chain_too_long);
    }
    put_number(f, "CTWATCH_LOG_LINES", l->log_lines);
}

/* "192.0.2.7 60.2%": the value, a blank, its share. */
static void put_shares(struct ctw_fields *f, const char *name, const struct ctw_share *shares,
                       uint32_t n) {
    char value[CTW_TALKER_NAME_MAX + 16];

    for (uint32_t i = 0; i < n; i++) {
        snprintf(value, sizeof value, "%.*s %" PRIu32 ".%" PRIu32 "%%", CTW_TALKER_NAME_MAX - 1,
                 shares[i].name, shares[i].permyriad / 100, shares[i].permyriad / 10 % 10);
        put(f, name, value);
    }
}

static void put_who(struct ctw_fields *f, const struct ctw_who *who) {
    put_shares(f, "CTWATCH_TOP_SOURCE", who->sources, who->n_sources);
    put_shares(f, "CTWATCH_TOP_PORT", who->ports, who->n_ports);
    put_shares(f, "CTWATCH_TOP_STATE", who->states, who->n_states);
    put_percent(f, "CTWATCH_ASSURED_PERCENT", who->assured_permyriad);
    if (who->has_drop_risk)
        put_percent(f, "CTWATCH_DROP_RISK_PERCENT", who->drop_risk_permyriad);
    put_percent(f, "CTWATCH_MARGIN_PERCENT", who->margin_permyriad);
}

static void put_rates(struct ctw_fields *f, const struct ctw_rates *rates) {
    char sampled[24];

    put_number(f, "CTWATCH_NEW_RATE", rates->created);
    put_number(f, "CTWATCH_DESTROY_RATE", rates->destroyed);
    if (rates->sampling > 1) {
        snprintf(sampled, sizeof sampled, "1/%" PRIu32, rates->sampling);
        put(f, "CTWATCH_SAMPLED", sampled);
    }
    if (rates->lower_bound)
        put(f, "CTWATCH_RATE_BOUND", "lower");
}

static void put_limits(struct ctw_fields *f, const struct ctw_alert *a) {
    if (a->max_changed) {
        put_number(f, "CTWATCH_OLD_MAX", a->old_max);
        put_number(f, "CTWATCH_NEW_MAX", a->new_max);
    }
    if (a->buckets_changed) {
        put_number(f, "CTWATCH_OLD_BUCKETS", a->old_buckets);
        put_number(f, "CTWATCH_NEW_BUCKETS", a->new_buckets);
    }
    if (a->our_max != 0)
        put_number(f, "CTWATCH_OUR_MAX", a->our_max);
}

static void put_growth(struct ctw_fields *f, const struct ctw_alert *a) {
    put_limits(f, a);
    put(f, "CTWATCH_REASON",
        a->kind == CTW_ALERT_GROWTH_REFUSED ? ctw_growth_refusal_name(a->growth_refusal)
                                            : ctw_growth_reason_name(a->growth_reason));
    if (a->ceiling != 0) {
        put_number(f, "CTWATCH_CEILING", a->ceiling);
        put(f, "CTWATCH_BOUND", ctw_growth_bound_name(a->bound));
    }
    if (a->stall_usec != 0)
        put_number(f, "CTWATCH_STALL_USEC", a->stall_usec);
}

static void put_source(struct ctw_fields *f, const struct ctw_alert *a) {
    struct ctw_line fault;

    put(f, "CTWATCH_SOURCE", ctw_source_name(a->source));
    ctw_sentence_fault(&a->health, &fault);
    put_line(f, "CTWATCH_REASON", &fault);
}

void ctw_alert_render(const struct ctw_alert *a, struct ctw_fields *ret) {
    struct ctw_line line;

    ret->n = ret->used = 0;
    ctw_sentence(a, &line);
    put_line(ret, "MESSAGE", &line);
    put(ret, "MESSAGE_ID", ctw_alert_message_id(a->kind));
    put_number(ret, "PRIORITY", (uint64_t)ctw_alert_priority(a));
    put(ret, "SYSLOG_IDENTIFIER", "ctwatchd");
    put(ret, "CTWATCH_ALERT", ctw_alert_kind_name(a->kind));
    put(ret, "CTWATCH_EDGE", ctw_edge_name(a->edge));

    if (a->has_table || about_a_table(a))
        put(ret, "CTWATCH_LEVEL", ctw_level_name(a->level));
    if (a->has_table)
        put_table(ret, a);
    put_trend(ret, a);
    if (a->has_losses)
        put_losses(ret, a);
    if (a->rates.known)
        put_rates(ret, &a->rates);
    if (a->kind == CTW_ALERT_EVENTS_LOST)
        put_number(ret, "CTWATCH_EVENTS_LOST", a->events_lost);
    if (a->edge == CTW_EDGE_END && a->kind != CTW_ALERT_USAGE)
        put_number(ret, "CTWATCH_DURATION_SECONDS", a->lasted_usec / CTW_USEC_PER_SEC);
    if (a->edge == CTW_EDGE_PAST)
        put_number(ret, "CTWATCH_AGE_SECONDS", a->lasted_usec / CTW_USEC_PER_SEC);
    if (a->netns_inode != 0)
        put_number(ret, "CTWATCH_NETNS_INODE", a->netns_inode);
    put_foreign(ret, "CTWATCH_NETNS", a->netns, sizeof a->netns);

    if (a->kind == CTW_ALERT_LIMIT_CHANGED)
        put_limits(ret, a);
    if (a->kind == CTW_ALERT_GREW || a->kind == CTW_ALERT_GROWTH_REFUSED ||
        a->kind == CTW_ALERT_GROWTH_DRY_RUN)
        put_growth(ret, a);
    if (a->kind == CTW_ALERT_BLIND || a->kind == CTW_ALERT_SIGHTED)
        put_source(ret, a);
    if (a->kind == CTW_ALERT_CONFIG)
        put_foreign(ret, "CTWATCH_REASON", a->reason, sizeof a->reason);
    ctw_remedy(a, &line);
    put_line(ret, "CTWATCH_REMEDY", &line);
    if (a->who && a->who->known)
        put_who(ret, a->who); /* the longest goes last: what does not fit is left out */
}

const char *ctw_alert_field(const struct ctw_fields *f, const char *name) {
    const size_t length = strlen(name);

    for (size_t i = 0; i < f->n; i++)
        if (strncmp(f->field[i], name, length) == 0 && f->field[i][length] == '=')
            return f->field[i] + length + 1;
    return NULL;
}
