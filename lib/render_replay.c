/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "render_replay.h"

#include <inttypes.h>

#include "level.h"
#include "out.h"
#include "timestamp.h"

#define LABEL "%-14s "

size_t ctw_render_replay_alert_text(uint64_t at_usec, const struct ctw_alert *a, char *buffer,
                                    size_t size) {
    struct ctw_out o = {.buffer = buffer, .size = size};
    char at[CTW_TIMESTAMP_SIZE];
    struct ctw_fields fields;

    ctw_timestamp_print(at_usec, at);
    ctw_alert_render(a, &fields);
    const char *message = ctw_alert_field(&fields, "MESSAGE");
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
