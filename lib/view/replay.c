/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/view/replay.h"
#include "lib/report/fields.h"

#include <inttypes.h>

#include "lib/util/json.h"
#include "lib/util/parse.h"
#include "lib/util/strbuf.h"
#include "lib/watch/level.h"

#define LABEL "%-14s "

size_t ctw_render_replay_alert_text(uint64_t at_usec, const struct ctw_alert *a, char *buffer,
                                    size_t size) {
    struct ctw_out o = {.buffer = buffer, .size = size};
    char at[CTW_TIMESTAMP_SIZE];
    struct ctw_fields fields;

    ctw_timestamp_print(at_usec, at);
    ctw_fields_of(a, &fields);
    const char *message = ctw_fields_get(&fields, "MESSAGE");
    ctw_out_put(&o, "%s  %-8s %-14s %-8s %s\n", at, ctw_level_name(a->level),
                ctw_alert_kind_name(a->kind), ctw_edge_name(a->edge), message ? message : "");
    return o.used;
}

static uint64_t usec_to_sec(uint64_t usec) {
    return (usec + CTW_USEC_PER_SEC / 2) / CTW_USEC_PER_SEC;
}

/* "2 d 3 h", "14 min 5 s": the two largest units, of which the second may be nothing. */
static void put_span(struct ctw_out *o, uint64_t usec) {
    static const struct {
        const char *name;
        uint64_t sec;
    } units[] = {{"d", 86400}, {"h", 3600}, {"min", 60}, {"s", 1}};
    const uint64_t sec = usec_to_sec(usec);
    size_t i = 0;

    while (i < 3 && sec < units[i].sec)
        i++;
    ctw_out_put(o, "%" PRIu64 " %s", sec / units[i].sec, units[i].name);
    if (i < 3 && sec % units[i].sec >= units[i + 1].sec)
        ctw_out_put(o, " %" PRIu64 " %s", sec % units[i].sec / units[i + 1].sec, units[i + 1].name);
}

static void put_time(struct ctw_out *o, const struct ctw_replay_summary *s) {
    char from[CTW_TIMESTAMP_SIZE], to[CTW_TIMESTAMP_SIZE];

    ctw_timestamp_print(s->first_usec, from);
    ctw_timestamp_print(s->last_usec, to);
    ctw_out_put(o, LABEL "%s to %s\n" LABEL, "Recorded", from, to, "");
    put_span(o, s->last_usec - s->first_usec);
    ctw_out_put(o, ", %" PRIu64 " sample%s", s->records, s->records == 1 ? "" : "s");
    if (s->holes > 0) {
        ctw_out_put(o, "; nobody looked for ");
        put_span(o, s->hole_usec);
        ctw_out_put(o, " (%" PRIu64 " hole%s)", s->holes, s->holes == 1 ? "" : "s");
    }
    ctw_out_put(o, "\n");
}

/* A part of the line that says what was passed over. */
static void put_lines_of(struct ctw_out *o, const char **begin, uint64_t n, const char *what) {
    if (n == 0)
        return;
    ctw_out_put(o, "%s%" PRIu64 " %s", *begin, n, what);
    *begin = ", ";
}

static void put_lines(struct ctw_out *o, const struct ctw_replay_lines *lines) {
    const char *begin = "Passed over    ";

    put_lines_of(o, &begin, lines->bad, "that cannot be read");
    put_lines_of(o, &begin, lines->stale, "not later than the one before");
    put_lines_of(o, &begin, lines->unknown, "without a count or limit");
    if (begin[0] == ',')
        ctw_out_put(o, "\n");
}

static void put_highest(struct ctw_out *o, const struct ctw_replay_summary *s) {
    char at[CTW_TIMESTAMP_SIZE];

    ctw_timestamp_print(s->highest_usec, at);
    if (s->highest_max == 0)
        ctw_out_put(o, LABEL "not known: there was no limit\n", "Highest fill");
    else
        ctw_out_put(o, LABEL "%" PRIu32 ".%" PRIu32 " %% (%" PRIu32 " of %" PRIu32 ") at %s\n",
                    "Highest fill", s->highest_permyriad / 100, s->highest_permyriad / 10 % 10,
                    s->highest_count, s->highest_max, at);
}

static void put_levels(struct ctw_out *o, const struct ctw_replay_summary *s) {
    const char *comma = "";

    ctw_out_put(o, LABEL, "Levels");
    for (int i = CTW_LEVEL_OK; i <= CTW_LEVEL_FULL; i++) {
        if (s->level_usec[i] == 0 && i != CTW_LEVEL_OK)
            continue;
        ctw_out_put(o, "%s%s ", comma, ctw_level_name((enum ctw_level)i));
        put_span(o, s->level_usec[i]);
        comma = ", ";
    }
    ctw_out_put(o, "\n");
}

static void put_alerts(struct ctw_out *o, const struct ctw_replay_summary *s) {
    const char *begin = " (";

    ctw_out_put(o, LABEL "%" PRIu64, "Alerts", s->n_alerts);
    for (int i = 0; i < CTW_ALERT_KINDS; i++)
        if (s->alerts[i] > 0) {
            ctw_out_put(o, "%s%s %" PRIu64, begin, ctw_alert_kind_name((enum ctw_alert_kind)i),
                        s->alerts[i]);
            begin = ", ";
        }
    ctw_out_put(o, s->n_alerts > 0 ? ")\n" : "\n");
}

static void put_growth(struct ctw_out *o, const struct ctw_replay_summary *s) {
    if (s->growths > 0)
        ctw_out_put(o, LABEL "max from %" PRIu32 " to %" PRIu32 ", in %" PRIu64 " step%s\n",
                    "Growth", s->grown_from, s->grown_to, s->growths, s->growths == 1 ? "" : "s");
}

static void put_losses(struct ctw_out *o, const char *label, const struct ctw_replay_losses *l) {
    ctw_out_put(o,
                LABEL "%" PRIu64 " refused, %" PRIu64 " evicted, %" PRIu64 " clashes, %" PRIu64
                      " for long chains\n",
                label, l->drops, l->early_drops, l->clashes, l->chain_too_long);
}

size_t ctw_render_replay_summary_text(const struct ctw_replay_summary *s,
                                      const struct ctw_replay_lines *lines, char *buffer,
                                      size_t size) {
    struct ctw_out o = {.buffer = buffer, .size = size};

    put_time(&o, s);
    put_lines(&o, lines);
    put_highest(&o, s);
    put_levels(&o, s);
    put_alerts(&o, s);
    put_growth(&o, s);
    if (s->has_losses)
        put_losses(&o, "Lost", &s->lost);
    if (s->prevented.drops > 0 || s->prevented.early_drops > 0)
        ctw_out_put(&o, LABEL "%" PRIu64 " refused, %" PRIu64 " evicted, by the growth\n",
                    "Prevented", s->prevented.drops, s->prevented.early_drops);
    return o.used;
}

static json_t *moment(uint64_t usec) {
    char at[CTW_TIMESTAMP_SIZE];

    ctw_timestamp_print(usec, at);
    return json_string(at);
}

static json_t *seconds(uint64_t usec) {
    return json_real((double)usec / CTW_USEC_PER_SEC);
}

/* --- an alert --------------------------------------------------------------------------------- */

static int add_table(json_t *o, const struct ctw_alert *a) {
    const struct ctw_sample *t = &a->table;
    int r = ctw_json_add(o, "count", ctw_json_number(t->count));

    r |= ctw_json_add(o, "max", t->max > 0 ? ctw_json_number(t->max) : json_null());
    if (t->has_buckets)
        r |= ctw_json_add(o, "buckets", ctw_json_number(t->buckets));
    if (t->max > 0)
        r |= ctw_json_add(o, "usage_percent",
                          ctw_json_percent(ctw_usage_permyriad(t->count, t->max)));
    return r;
}

static int add_limits(json_t *o, const struct ctw_alert *a) {
    int r = 0;

    if (a->max_changed) {
        r |= ctw_json_add(o, "old_max", ctw_json_number(a->old_max));
        r |= ctw_json_add(o, "new_max", ctw_json_number(a->new_max));
    }
    if (a->buckets_changed) {
        r |= ctw_json_add(o, "old_buckets", ctw_json_number(a->old_buckets));
        r |= ctw_json_add(o, "new_buckets", ctw_json_number(a->new_buckets));
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
    int r = ctw_json_add(o, "time", moment(at_usec));

    ctw_fields_of(a, &fields);
    r |= ctw_json_add(o, "seconds", seconds(at_usec));
    r |= ctw_json_add(o, "alert", json_string(ctw_alert_kind_name(a->kind)));
    r |= ctw_json_add(o, "edge", json_string(ctw_edge_name(a->edge)));
    r |= ctw_json_add(o, "level", json_string(ctw_level_name(a->level)));
    r |= a->has_table ? add_table(o, a) : 0;
    r |= a->has_rate ? ctw_json_add(o, "rate", json_integer(a->rate)) : 0;
    r |= a->fills ? ctw_json_add(o, "seconds_to_full", seconds(a->usec_to_full)) : 0;
    r |= add_limits(o, a);
    r |= reason(a) ? ctw_json_add(o, "reason", json_string(reason(a))) : 0;
    r |= ctw_json_add(o, "message", json_string(ctw_fields_get(&fields, "MESSAGE")));
    return ctw_json_whole(o, r);
}

size_t ctw_render_replay_alert_json(uint64_t at_usec, const struct ctw_alert *a, char *buffer,
                                    size_t size) {
    return ctw_json_print(alert(at_usec, a), true, buffer, size);
}

/* --- the summary ------------------------------------------------------------------------------ */

static json_t *passed_over(const struct ctw_replay_lines *lines) {
    json_t *o = json_object();
    int r = ctw_json_add(o, "bad", ctw_json_number(lines->bad));

    r |= ctw_json_add(o, "stale", ctw_json_number(lines->stale));
    r |= ctw_json_add(o, "unknown", ctw_json_number(lines->unknown));
    return ctw_json_whole(o, r);
}

static json_t *highest(const struct ctw_replay_summary *s) {
    json_t *o = json_object();
    int r = ctw_json_add(o, "usage_percent", ctw_json_percent(s->highest_permyriad));

    r |= ctw_json_add(o, "count", ctw_json_number(s->highest_count));
    r |= ctw_json_add(o, "max", ctw_json_number(s->highest_max));
    r |= ctw_json_add(o, "time", moment(s->highest_usec));
    return ctw_json_whole(o, r);
}

static json_t *levels(const struct ctw_replay_summary *s) {
    json_t *o = json_object();
    int r = 0;

    for (int i = CTW_LEVEL_OK; i <= CTW_LEVEL_FULL; i++)
        r |= ctw_json_add(o, ctw_level_name((enum ctw_level)i), seconds(s->level_usec[i]));
    return ctw_json_whole(o, r);
}

static json_t *alerts(const struct ctw_replay_summary *s) {
    json_t *o = json_object();
    int r = 0;

    for (int i = 0; i < CTW_ALERT_KINDS; i++)
        if (s->alerts[i] > 0)
            r |= ctw_json_add(o, ctw_alert_kind_name((enum ctw_alert_kind)i),
                              ctw_json_number(s->alerts[i]));
    return ctw_json_whole(o, r);
}

static json_t *growth(const struct ctw_replay_summary *s) {
    json_t *o = json_object();
    int r = ctw_json_add(o, "from", ctw_json_number(s->grown_from));

    r |= ctw_json_add(o, "to", ctw_json_number(s->grown_to));
    r |= ctw_json_add(o, "steps", ctw_json_number(s->growths));
    return ctw_json_whole(o, r);
}

static json_t *losses(const struct ctw_replay_losses *l, bool all) {
    json_t *o = json_object();
    int r = ctw_json_add(o, "drops", ctw_json_number(l->drops));

    r |= ctw_json_add(o, "early_drops", ctw_json_number(l->early_drops));
    r |= all ? ctw_json_add(o, "insert_failed", ctw_json_number(l->clashes)) : 0;
    r |= all ? ctw_json_add(o, "chain_too_long", ctw_json_number(l->chain_too_long)) : 0;
    return ctw_json_whole(o, r);
}

static json_t *summary(const struct ctw_replay_summary *s, const struct ctw_replay_lines *lines) {
    json_t *o = json_object(), *outer = json_object();
    int r = ctw_json_add(o, "from", moment(s->first_usec));

    r |= ctw_json_add(o, "to", moment(s->last_usec));
    r |= ctw_json_add(o, "samples", ctw_json_number(s->records));
    r |= ctw_json_add(o, "holes", ctw_json_number(s->holes));
    r |= ctw_json_add(o, "hole_seconds", seconds(s->hole_usec));
    r |= ctw_json_add(o, "passed_over", passed_over(lines));
    r |= ctw_json_add(o, "highest", s->highest_max > 0 ? highest(s) : json_null());
    r |= ctw_json_add(o, "level_seconds", levels(s));
    r |= ctw_json_add(o, "alerts", alerts(s));
    r |= ctw_json_add(o, "growth", s->growths > 0 ? growth(s) : json_null());
    r |= ctw_json_add(o, "lost", s->has_losses ? losses(&s->lost, true) : json_null());
    r |= ctw_json_add(o, "prevented", losses(&s->prevented, false));
    r |= ctw_json_add(outer, "summary", ctw_json_whole(o, r));
    return ctw_json_whole(outer, r);
}

size_t ctw_render_replay_summary_json(const struct ctw_replay_summary *s,
                                      const struct ctw_replay_lines *lines, char *buffer,
                                      size_t size) {
    return ctw_json_print(summary(s, lines), true, buffer, size);
}
