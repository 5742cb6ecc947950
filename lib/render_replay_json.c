/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "render_replay.h"

#include <jansson.h>

#include "level.h"
#include "timestamp.h"

/* Every function takes what it is given, and passes NULL on: json_object_set_new() and the like
 * then fail, and the text as a whole cannot be had. */

static int add(json_t *object, const char *name, json_t *value) {
    return json_object_set_new(object, name, value);
}

static json_t *whole(json_t *object, int r) {
    if (r == 0)
        return object;
    json_decref(object);
    return NULL;
}

static json_t *number(uint64_t n) {
    return json_integer((json_int_t)n);
}

static json_t *moment(uint64_t usec) {
    char at[CTW_TIMESTAMP_SIZE];

    ctw_timestamp_print(usec, at);
    return json_string(at);
}

static json_t *seconds(uint64_t usec) {
    return json_real((double)usec / CTW_USEC_PER_SEC);
}

/* 60.12, for a permyriad has two digits behind the point. */
static json_t *percent(uint32_t permyriad) {
    return json_real(permyriad / 100.0);
}

/* On one line, with its newline. */
static size_t print(json_t *o, char *buffer, size_t size) {
    size_t n = o ? json_dumpb(o, buffer, size, JSON_REAL_PRECISION(15) | JSON_COMPACT) : 0;

    json_decref(o);
    if (n == 0)
        return 0;
    if (n + 1 < size) {
        buffer[n] = '\n';
        buffer[n + 1] = '\0';
    }
    return n + 1;
}

/* --- an alert --------------------------------------------------------------------------------- */

static int add_table(json_t *o, const struct ctw_alert *a) {
    const struct ctw_sample *t = &a->table;
    int r = add(o, "count", number(t->count));

    r |= add(o, "max", t->max > 0 ? number(t->max) : json_null());
    if (t->has_buckets)
        r |= add(o, "buckets", number(t->buckets));
    if (t->max > 0)
        r |= add(o, "usage_percent", percent(ctw_usage_permyriad(t->count, t->max)));
    return r;
}

static int add_limits(json_t *o, const struct ctw_alert *a) {
    int r = 0;

    if (a->max_changed) {
        r |= add(o, "old_max", number(a->old_max));
        r |= add(o, "new_max", number(a->new_max));
    }
    if (a->buckets_changed) {
        r |= add(o, "old_buckets", number(a->old_buckets));
        r |= add(o, "new_buckets", number(a->new_buckets));
    }
    return r;
}

static const char *reason(const struct ctw_alert *a) {
    if (a->kind == CTW_ALERT_GREW || a->kind == CTW_ALERT_GROWTH_DRY_RUN)
        return ctw_growth_reason_name(a->growth_reason);
    return a->kind == CTW_ALERT_GROWTH_REFUSED ? ctw_growth_refusal_name(a->growth_refusal) : NULL;
}

static json_t *alert(uint64_t at_usec, const struct ctw_alert *a) {
    json_t *o = json_object();
    struct ctw_fields fields;
    int r = add(o, "time", moment(at_usec));

    ctw_alert_render(a, &fields);
    r |= add(o, "seconds", seconds(at_usec));
    r |= add(o, "alert", json_string(ctw_alert_kind_name(a->kind)));
    r |= add(o, "edge", json_string(ctw_edge_name(a->edge)));
    r |= add(o, "level", json_string(ctw_level_name(a->level)));
    r |= a->has_table ? add_table(o, a) : 0;
    r |= a->has_rate ? add(o, "rate", json_integer(a->rate)) : 0;
    r |= a->fills ? add(o, "seconds_to_full", seconds(a->usec_to_full)) : 0;
    r |= add_limits(o, a);
    r |= reason(a) ? add(o, "reason", json_string(reason(a))) : 0;
    r |= add(o, "message", json_string(ctw_alert_field(&fields, "MESSAGE")));
    return whole(o, r);
}

size_t ctw_render_replay_alert_json(uint64_t at_usec, const struct ctw_alert *a, char *buffer,
                                    size_t size) {
    return print(alert(at_usec, a), buffer, size);
}

/* --- the summary ------------------------------------------------------------------------------ */

static json_t *passed_over(const struct ctw_replay_lines *lines) {
    json_t *o = json_object();
    int r = add(o, "bad", number(lines->bad));

    r |= add(o, "stale", number(lines->stale));
    r |= add(o, "unknown", number(lines->unknown));
    return whole(o, r);
}

static json_t *highest(const struct ctw_replay_summary *s) {
    json_t *o = json_object();
    int r = add(o, "usage_percent", percent(s->highest_permyriad));

    r |= add(o, "count", number(s->highest_count));
    r |= add(o, "max", number(s->highest_max));
    r |= add(o, "time", moment(s->highest_usec));
    return whole(o, r);
}

static json_t *levels(const struct ctw_replay_summary *s) {
    json_t *o = json_object();
    int r = 0;

    for (int i = CTW_LEVEL_OK; i <= CTW_LEVEL_FULL; i++)
        r |= add(o, ctw_level_name((enum ctw_level)i), seconds(s->level_usec[i]));
    return whole(o, r);
}

static json_t *alerts(const struct ctw_replay_summary *s) {
    json_t *o = json_object();
    int r = 0;

    for (int i = 0; i < CTW_ALERT_KINDS; i++)
        if (s->alerts[i] > 0)
            r |= add(o, ctw_alert_kind_name((enum ctw_alert_kind)i), number(s->alerts[i]));
    return whole(o, r);
}

static json_t *growth(const struct ctw_replay_summary *s) {
    json_t *o = json_object();
    int r = add(o, "from", number(s->grown_from));

    r |= add(o, "to", number(s->grown_to));
    r |= add(o, "steps", number(s->growths));
    return whole(o, r);
}

static json_t *losses(const struct ctw_replay_losses *l, bool all) {
    json_t *o = json_object();
    int r = add(o, "drops", number(l->drops));

    r |= add(o, "early_drops", number(l->early_drops));
    r |= all ? add(o, "insert_failed", number(l->clashes)) : 0;
    r |= all ? add(o, "chain_too_long", number(l->chain_too_long)) : 0;
    return whole(o, r);
}

static json_t *summary(const struct ctw_replay_summary *s, const struct ctw_replay_lines *lines) {
    json_t *o = json_object(), *outer = json_object();
    int r = add(o, "from", moment(s->first_usec));

    r |= add(o, "to", moment(s->last_usec));
    r |= add(o, "samples", number(s->records));
    r |= add(o, "holes", number(s->holes));
    r |= add(o, "hole_seconds", seconds(s->hole_usec));
    r |= add(o, "passed_over", passed_over(lines));
    r |= add(o, "highest", s->highest_max > 0 ? highest(s) : json_null());
    r |= add(o, "level_seconds", levels(s));
    r |= add(o, "alerts", alerts(s));
    r |= add(o, "growth", s->growths > 0 ? growth(s) : json_null());
    r |= add(o, "lost", s->has_losses ? losses(&s->lost, true) : json_null());
    r |= add(o, "prevented", losses(&s->prevented, false));
    r |= add(outer, "summary", whole(o, r));
    return whole(outer, r);
}

size_t ctw_render_replay_summary_json(const struct ctw_replay_summary *s,
                                      const struct ctw_replay_lines *lines, char *buffer,
                                      size_t size) {
    return print(summary(s, lines), buffer, size);
}
