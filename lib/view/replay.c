/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/view/replay.h"

#include <inttypes.h>

#include "lib/report/message.h"
#include "lib/util/json.h"
#include "lib/util/parse.h"
#include "lib/util/strbuf.h"
#include "lib/watch/level.h"

#define LABEL "%-14s "

static size_t alert_text(const char *at, const struct ctw_alert *a, const char *message,
                         char *buffer, size_t size) {
    struct ctw_out o = {.buffer = buffer, .size = size};

    ctw_out_put(&o, "%s  %-8s %-14s %-8s %s\n", at, ctw_level_name(a->level),
                ctw_alert_kind_name(a->kind), ctw_edge_name(a->edge), message);
    return o.used;
}

/* "2 d 3 h", "14 min 5 s": the two largest units, of which the second may be nothing. */
static void put_span(struct ctw_out *o, uint64_t usec) {
    static const struct {
        const char *name;
        uint64_t sec;
    } units[] = {{"d", 86400}, {"h", 3600}, {"min", 60}, {"s", 1}};
    const uint64_t sec = (usec + CTW_USEC_PER_SEC / 2) / CTW_USEC_PER_SEC;
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
        ctw_out_put(o, "; no samples for ");
        put_span(o, s->hole_usec);
        ctw_out_put(o, " (%" PRIu64 " hole%s)", s->holes, s->holes == 1 ? "" : "s");
    }
    ctw_out_put(o, "\n");
}

static void put_lines(struct ctw_out *o, const struct ctw_replay_lines *lines) {
    const struct {
        uint64_t n;
        const char *what;
    } parts[] = {{lines->bad, "that cannot be read"},
                 {lines->stale, "not later than the one before"},
                 {lines->unknown, "without a count or limit"}};
    const char *before = "Passed over    ";

    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        if (parts[i].n == 0)
            continue;
        ctw_out_put(o, "%s%" PRIu64 " %s", before, parts[i].n, parts[i].what);
        before = ", ";
    }
    if (before[0] == ',')
        ctw_out_put(o, "\n");
}

static void put_highest(struct ctw_out *o, const struct ctw_replay_summary *s) {
    char at[CTW_TIMESTAMP_SIZE];

    ctw_timestamp_print(s->highest_usec, at);
    if (s->highest_max == 0)
        ctw_out_put(o, LABEL "not known: there was no limit\n", "Highest fill");
    else
        ctw_out_put(o, LABEL "%s %% (%" PRIu32 " of %" PRIu32 ") at %s\n", "Highest fill",
                    ctw_percent(s->highest_permyriad).text, s->highest_count, s->highest_max, at);
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

static size_t summary_text(const struct ctw_replay_summary *s, const struct ctw_replay_lines *lines,
                           char *buffer, size_t size) {
    struct ctw_out o = {.buffer = buffer, .size = size};

    put_time(&o, s);
    put_lines(&o, lines);
    put_highest(&o, s);
    put_levels(&o, s);
    put_alerts(&o, s);
    if (s->growths > 0)
        ctw_out_put(&o, LABEL "max from %" PRIu32 " to %" PRIu32 ", in %" PRIu64 " step%s\n",
                    "Growth", s->grown_from, s->grown_to, s->growths, s->growths == 1 ? "" : "s");
    if (s->has_losses)
        ctw_out_put(&o,
                    LABEL "%" PRIu64 " refused, %" PRIu64 " evicted, %" PRIu64 " clashes, %" PRIu64
                          " for long chains\n",
                    "Lost", ctw_losses_drops(&s->lost), s->lost.early_drops, s->lost.clashes,
                    s->lost.chain_too_long);
    if (s->prevented.drops > 0 || s->prevented.early_drops > 0)
        ctw_out_put(&o, LABEL "%" PRIu64 " refused, %" PRIu64 " evicted, by the growth\n",
                    "Prevented", s->prevented.drops, s->prevented.early_drops);
    return o.used;
}

static double seconds(uint64_t usec) {
    return (double)usec / CTW_USEC_PER_SEC;
}

static const char *reason(const struct ctw_alert *a) {
    if (a->kind == CTW_ALERT_GREW || a->kind == CTW_ALERT_GROWTH_DRY_RUN)
        return ctw_growth_reason_name(a->growth_reason);
    return a->kind == CTW_ALERT_GROWTH_REFUSED ? ctw_growth_refusal_name(a->growth_refusal) : NULL;
}

static json_t *number_if(bool known, int64_t n) {
    return known ? json_integer(n) : NULL;
}

static json_t *number_or_null(uint32_t n) {
    return n > 0 ? json_integer(n) : json_null();
}

size_t ctw_render_replay_alert(uint64_t at_usec, const struct ctw_alert *a, bool json, char *buffer,
                               size_t size) {
    const struct ctw_sample *t = &a->table;
    char at[CTW_TIMESTAMP_SIZE];
    struct ctw_line message;

    ctw_timestamp_print(at_usec, at);
    ctw_message(a, &message);
    if (!json)
        return alert_text(at, a, message.text, buffer, size);
    json_t *o = json_pack(
        "{s:s s:f s:s s:s s:s s:o* s:o* s:o* s:o* s:o* s:o* s:o* s:o* s:o* s:o* s:s* s:s}",
        /* clang-format off */
        "time", at,
        "seconds", seconds(at_usec),
        "alert", ctw_alert_kind_name(a->kind),
        "edge", ctw_edge_name(a->edge),
        "level", ctw_level_name(a->level),
        "count", number_if(a->has_table, t->count),
        "max", a->has_table ? number_or_null(t->max) : NULL,
        "buckets", number_if(a->has_table && t->has_buckets, t->buckets),
        "usage_percent", a->has_table && t->max > 0
            ? ctw_json_percent(ctw_usage_permyriad(t->count, t->max)) : NULL,
        "rate", number_if(a->has_rate, a->rate),
        "seconds_to_full", a->fills ? json_real(seconds(a->usec_to_full)) : NULL,
        "old_max", number_if(a->max_changed, a->old_max),
        "new_max", number_if(a->max_changed, a->new_max),
        "old_buckets", number_if(a->buckets_changed, a->old_buckets),
        "new_buckets", number_if(a->buckets_changed, a->new_buckets),
        "reason", reason(a),
        "message", message.text);
    /* clang-format on */
    return ctw_json_print(o, true, buffer, size);
}

static json_t *highest(const struct ctw_replay_summary *s) {
    char at[CTW_TIMESTAMP_SIZE];

    if (s->highest_max == 0)
        return json_null();
    ctw_timestamp_print(s->highest_usec, at);
    return json_pack("{s:o s:I s:I s:s}", "usage_percent", ctw_json_percent(s->highest_permyriad),
                     "count", (json_int_t)s->highest_count, "max", (json_int_t)s->highest_max,
                     "time", at);
}

static json_t *levels(const struct ctw_replay_summary *s) {
    const uint64_t *t = s->level_usec;

    return json_pack("{s:f s:f s:f s:f}", "ok", seconds(t[CTW_LEVEL_OK]), "warning",
                     seconds(t[CTW_LEVEL_WARNING]), "critical", seconds(t[CTW_LEVEL_CRITICAL]),
                     "full", seconds(t[CTW_LEVEL_FULL]));
}

static json_t *alerts(const struct ctw_replay_summary *s) {
    json_t *o = json_object();

    for (int i = 0; i < CTW_ALERT_KINDS; i++)
        if (s->alerts[i] > 0)
            o = ctw_json_set(o, ctw_alert_kind_name((enum ctw_alert_kind)i),
                             ctw_json_number(s->alerts[i]));
    return o;
}

static json_t *growth(const struct ctw_replay_summary *s) {
    if (s->growths == 0)
        return json_null();
    return json_pack("{s:I s:I s:I}", "from", (json_int_t)s->grown_from, "to",
                     (json_int_t)s->grown_to, "steps", (json_int_t)s->growths);
}

static json_t *lost(const struct ctw_replay_summary *s) {
    if (!s->has_losses)
        return json_null();
    return json_pack("{s:o s:o s:o s:o}", "drops", ctw_json_number(ctw_losses_drops(&s->lost)),
                     "early_drops", ctw_json_number(s->lost.early_drops), "insert_failed",
                     ctw_json_number(s->lost.clashes), "chain_too_long",
                     ctw_json_number(s->lost.chain_too_long));
}

size_t ctw_render_replay_summary(const struct ctw_replay_summary *s,
                                 const struct ctw_replay_lines *lines, bool json, char *buffer,
                                 size_t size) {
    char from[CTW_TIMESTAMP_SIZE], to[CTW_TIMESTAMP_SIZE];

    if (!json)
        return summary_text(s, lines, buffer, size);
    ctw_timestamp_print(s->first_usec, from);
    ctw_timestamp_print(s->last_usec, to);
    json_t *o = json_pack(
        "{s:{s:s s:s s:I s:I s:f s:{s:I s:I s:I} s:o s:o s:o s:o s:o s:{s:o s:o}}}", "summary",
        /* clang-format off */
        "from", from,
        "to", to,
        "samples", (json_int_t)s->records,
        "holes", (json_int_t)s->holes,
        "hole_seconds", seconds(s->hole_usec),
        "passed_over",
            "bad", (json_int_t)lines->bad,
            "stale", (json_int_t)lines->stale,
            "unknown", (json_int_t)lines->unknown,
        "highest", highest(s),
        "level_seconds", levels(s),
        "alerts", alerts(s),
        "growth", growth(s),
        "lost", lost(s),
        "prevented",
            "drops", ctw_json_number(s->prevented.drops),
            "early_drops", ctw_json_number(s->prevented.early_drops));
    /* clang-format on */
    return ctw_json_print(o, true, buffer, size);
}
