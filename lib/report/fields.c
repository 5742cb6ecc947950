/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/report/fields.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/report/message.h"
#include "lib/report/remedy.h"
#include "lib/util/strbuf.h"
#include "lib/watch/cause.h"

/* Adds "NAME=value", or nothing where it does not fit: half a number is a wrong number. */
__attribute__((format(printf, 3, 4))) static void put(struct ctw_fields *f, const char *name,
                                                      const char *format, ...) {
    struct ctw_out o = {f->text + f->used, sizeof f->text - f->used, 0};
    char value[CTW_SHELL_LINE_MAX];
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(value, sizeof value, format, arguments);
    va_end(arguments);
    ctw_out_put(&o, "%s=%s", name, value);
    if (f->n >= CTW_FIELDS_MAX || o.used >= o.size)
        return;
    f->field[f->n++] = f->text + f->used;
    f->used += o.used + 1;
}

static void put_number(struct ctw_fields *f, const char *name, uint64_t value) {
    put(f, name, "%" PRIu64, value);
}

static void put_text(struct ctw_fields *f, const char *name, const char *text) {
    if (text[0] != '\0')
        put(f, name, "%s", text);
}

/* The other alerts are about ctwatchd itself. */
static bool about_a_table(const struct ctw_alert *a) {
    return a->kind != CTW_ALERT_BLIND && a->kind != CTW_ALERT_SIGHTED &&
           a->kind != CTW_ALERT_CONFIG && a->kind != CTW_ALERT_TEST;
}

/* Adds text from outside, made printable. */
static void put_external(struct ctw_fields *f, const char *name, const char *text, size_t size) {
    struct ctw_line line = {0};

    ctw_line_add(&line, "%.*s", (int)size - 1, text);
    put_text(f, name, line.text);
}

static void put_percent(struct ctw_fields *f, const char *name, uint32_t permyriad) {
    put_text(f, name, ctw_percent(permyriad).text);
}

static void put_table(struct ctw_fields *f, const struct ctw_alert *a) {
    const struct ctw_sample *t = &a->table;

    put_number(f, "CTWATCH_COUNT", t->count);
    put_number(f, "CTWATCH_MAX", t->max);
    if (t->has_buckets)
        put_number(f, "CTWATCH_BUCKETS", t->buckets);
    if (t->max > 0)
        put_percent(f, "CTWATCH_USAGE_PERCENT", ctw_usage_permyriad(t->count, t->max));
}

static void put_trend(struct ctw_fields *f, const struct ctw_alert *a) {
    if (a->has_rate)
        put(f, "CTWATCH_RATE", "%" PRId64, a->rate);
    if (a->fills)
        put_number(f, "CTWATCH_SECONDS_TO_FULL", a->usec_to_full / CTW_USEC_PER_SEC);
}

/* A namespace without a process shows no counters: it is known from its kernel log lines. */
static void put_losses(struct ctw_fields *f, const struct ctw_alert *a) {
    const struct ctw_losses *l = &a->losses;

    if (!a->other_netns || a->has_table || a->netns_gone) {
        put_number(f, "CTWATCH_DROPS", ctw_losses_drops(l));
        put_number(f, "CTWATCH_EARLY_DROPS", l->early_drops);
        put_number(f, "CTWATCH_INSERT_FAILED", l->clashes);
        put_number(f, "CTWATCH_CHAIN_TOO_LONG", l->chain_too_long);
    }
    put_number(f, "CTWATCH_LOG_LINES", l->log_lines);
}

/* "192.0.2.7 60.2%": a value and its share. */
static void put_shares(struct ctw_fields *f, const char *name, const struct ctw_share *shares,
                       uint32_t n) {
    for (uint32_t i = 0; i < n; i++)
        put(f, name, "%.*s %s%%", CTW_TALKER_NAME_MAX - 1, shares[i].name,
            ctw_percent(shares[i].permyriad).text);
}

/* "10.0.3.7 docker 3f2a9c1b7d20": an address and what it belongs to. */
static void put_owners(struct ctw_fields *f, const struct ctw_share *shares, uint32_t n) {
    for (uint32_t i = 0; i < n; i++)
        if (shares[i].owner[0] != '\0')
            put(f, "CTWATCH_TOP_NAME", "%.*s %.*s", CTW_TALKER_NAME_MAX - 1, shares[i].name,
                CTW_OWNER_MAX - 1, shares[i].owner);
}

static void put_talkers(struct ctw_fields *f, const struct ctw_talkers *talkers) {
    put_shares(f, "CTWATCH_TOP_SOURCE", talkers->sources, talkers->n_sources);
    put_shares(f, "CTWATCH_TOP_DESTINATION", talkers->destinations, talkers->n_destinations);
    put_owners(f, talkers->sources, talkers->n_sources);
    put_owners(f, talkers->destinations, talkers->n_destinations);
    put_shares(f, "CTWATCH_TOP_PORT", talkers->ports, talkers->n_ports);
    put_shares(f, "CTWATCH_TOP_STATE", talkers->states, talkers->n_states);
    put_percent(f, "CTWATCH_ASSURED_PERCENT", talkers->assured_permyriad);
    if (talkers->has_drop_risk)
        put_percent(f, "CTWATCH_DROP_RISK_PERCENT", talkers->drop_risk_permyriad);
    put_percent(f, "CTWATCH_MARGIN_PERCENT", talkers->margin_permyriad);
}

static void put_rates(struct ctw_fields *f, const struct ctw_rates *rates) {
    put_number(f, "CTWATCH_NEW_RATE", rates->created);
    put_number(f, "CTWATCH_DESTROY_RATE", rates->destroyed);
    if (rates->sampling > 1)
        put(f, "CTWATCH_SAMPLED", "1/%" PRIu32, rates->sampling);
    if (rates->lower_bound)
        put(f, "CTWATCH_RATE_BOUND", "lower");
}

/* "192.0.2.7 1200/s" */
static void put_new_sources(struct ctw_fields *f, const struct ctw_new_sources *sources) {
    for (uint32_t i = 0; i < sources->n; i++)
        put(f, "CTWATCH_NEW_SOURCE", "%.*s %" PRIu64 "/s", CTW_TALKER_NAME_MAX - 1,
            sources->top[i].name, sources->top[i].per_second);
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
    put_text(f, "CTWATCH_REASON",
             a->kind == CTW_ALERT_GROWTH_REFUSED ? ctw_growth_refusal_name(a->growth_refusal)
                                                 : ctw_growth_reason_name(a->growth_reason));
    if (a->ceiling != 0) {
        put_number(f, "CTWATCH_CEILING", a->ceiling);
        put_text(f, "CTWATCH_BOUND", ctw_growth_bound_name(a->bound));
    }
    if (a->stall_usec != 0)
        put_number(f, "CTWATCH_STALL_USEC", a->stall_usec);
}

static void put_source(struct ctw_fields *f, const struct ctw_alert *a) {
    struct ctw_line fault;

    put_text(f, "CTWATCH_SOURCE", ctw_source_name(a->source));
    ctw_message_fault(&a->health, &fault);
    put_text(f, "CTWATCH_REASON", fault.text);
}

static void put_cause(struct ctw_fields *f, const struct ctw_alert *a) {
    struct ctw_cause_facts facts;
    struct ctw_diagnosis d;

    if (!ctw_cause_facts_of(a, &facts))
        return;
    ctw_diagnose(&facts, &d);
    put_text(f, "CTWATCH_CAUSE", ctw_cause_name(d.cause));
}

static void put_remedy(struct ctw_fields *f, const struct ctw_alert *a) {
    struct ctw_remedy remedy;

    ctw_remedy(a, &remedy);
    put_text(f, "CTWATCH_REMEDY", remedy.sentence.text);
    put_text(f, "CTWATCH_COMMAND", remedy.command);
    put_text(f, "CTWATCH_UNDO", remedy.undo);
}

void ctw_fields_of(const struct ctw_alert *a, struct ctw_fields *ret) {
    struct ctw_line line;

    ret->n = ret->used = 0;
    ctw_message(a, &line);
    put_text(ret, "MESSAGE", line.text);
    put_text(ret, "MESSAGE_ID", ctw_alert_message_id(a->kind));
    put_number(ret, "PRIORITY", (uint64_t)ctw_alert_priority(a));
    put_text(ret, "SYSLOG_IDENTIFIER", "ctwatchd");
    put_text(ret, "CTWATCH_ALERT", ctw_alert_kind_name(a->kind));
    put_text(ret, "CTWATCH_EDGE", ctw_edge_name(a->edge));

    if (a->has_table || about_a_table(a))
        put_text(ret, "CTWATCH_LEVEL", ctw_level_name(a->level));
    if (a->has_table)
        put_table(ret, a);
    put_trend(ret, a);
    if (a->has_losses)
        put_losses(ret, a);
    if (a->rates.known)
        put_rates(ret, &a->rates);
    if (a->kind == CTW_ALERT_EVENTS_LOST)
        put_number(ret, "CTWATCH_EVENTS_LOST", a->events_lost);
    if ((a->edge == CTW_EDGE_END && a->kind != CTW_ALERT_USAGE) || a->gap)
        put_number(ret, "CTWATCH_DURATION_SECONDS", a->lasted_usec / CTW_USEC_PER_SEC);
    if (a->edge == CTW_EDGE_PAST && !a->gap)
        put_number(ret, "CTWATCH_AGE_SECONDS", a->lasted_usec / CTW_USEC_PER_SEC);
    if (a->netns_inode != 0)
        put_number(ret, "CTWATCH_NETNS_INODE", a->netns_inode);
    put_external(ret, "CTWATCH_NETNS", a->netns, sizeof a->netns);
    if (a->more_netns != 0)
        put_number(ret, "CTWATCH_MORE_NAMESPACES", a->more_netns);

    if (a->kind == CTW_ALERT_LIMIT_CHANGED)
        put_limits(ret, a);
    if (a->kind == CTW_ALERT_GREW || a->kind == CTW_ALERT_GROWTH_REFUSED ||
        a->kind == CTW_ALERT_GROWTH_DRY_RUN)
        put_growth(ret, a);
    if (a->kind == CTW_ALERT_BLIND || a->kind == CTW_ALERT_SIGHTED)
        put_source(ret, a);
    if (a->kind == CTW_ALERT_CONFIG)
        put_external(ret, "CTWATCH_REASON", a->reason, sizeof a->reason);
    put_cause(ret, a);
    put_remedy(ret, a);
    if (a->new_sources && about_a_table(a))
        put_new_sources(ret, a->new_sources);
    /* Last, since the longest: a field that does not fit is left out. */
    if (a->talkers && a->talkers->known)
        put_talkers(ret, a->talkers);
}

const char *ctw_fields_get(const struct ctw_fields *f, const char *name) {
    const size_t length = strlen(name);

    for (size_t i = 0; i < f->n; i++)
        if (strncmp(f->field[i], name, length) == 0 && f->field[i][length] == '=')
            return f->field[i] + length + 1;
    return NULL;
}
