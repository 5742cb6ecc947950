/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "render_status.h"

#include <jansson.h>

#include "sentence.h"
#include "status_picture.h"

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
    return json_integer(n < INT64_MAX ? (json_int_t)n : INT64_MAX);
}

static json_t *number_or_null(bool known, uint64_t n) {
    return known ? number(n) : json_null();
}

/* 60.12, for a permyriad has two digits behind the point. */
static json_t *percent(uint32_t permyriad) {
    return json_real(permyriad / 100.0);
}

/* What comes from outside, as JSON can have it: UTF-8, without control bytes. */
static json_t *text(const char *text) {
    struct ctw_line l;

    ctw_line_start(&l);
    ctw_line_add(&l, "%s", text);
    return json_string(l.text);
}

static json_t *wall(uint64_t realtime_usec) {
    return number_or_null(realtime_usec != 0, realtime_usec / CTW_USEC_PER_SEC);
}

/* Of a moment of the monotonic clock; null: never. */
static json_t *moment(const struct ctw_status *s, uint64_t usec) {
    const uint64_t ago = usec < s->now_usec ? s->now_usec - usec : 0;

    return wall(usec == 0 ? 0 : s->realtime_usec - ago);
}

static json_t *fault(enum ctw_health health, int error, const char *what) {
    const struct ctw_source_state state = {.health = health, .error = error, .what = what};
    struct ctw_line l;

    ctw_sentence_fault(&state, &l);
    return l.length > 0 ? json_string(l.text) : json_null();
}

/* --- the daemon ------------------------------------------------------------------------------- */

static const char *liveness_name(enum ctw_liveness l) {
    switch (l) {
    case CTW_LIVENESS_NONE:
        return "none";
    case CTW_LIVENESS_LOOKING:
        return "looking";
    case CTW_LIVENESS_LATE:
        return "late";
    case CTW_LIVENESS_STOPPED:
        return "stopped";
    }
    return "unknown";
}

static json_t *daemon_of(const struct ctw_status *s) {
    const struct ctw_snapshot *of = s->snapshot;
    const bool is = of->pid != 0;
    json_t *o = json_object();
    int r = add(o, "liveness", json_string(liveness_name(s->liveness)));

    r |= add(o, "state_error",
             fault(s->state_error != 0 ? CTW_HEALTH_FAILED : CTW_HEALTH_OK, s->state_error, NULL));
    r |= add(o, "pid", number_or_null(is, of->pid));
    r |= add(o, "version", is ? text(of->version) : json_null());
    r |= add(o, "started_unix_seconds", moment(s, is ? of->started_usec : 0));
    r |= add(o, "looks", number_or_null(is, of->looks));
    r |= add(o, "look_latency_mean_microseconds",
             number_or_null(of->looks > 0, of->looks > 0 ? of->latency_sum_usec / of->looks : 0));
    r |= add(o, "look_latency_worst_microseconds",
             number_or_null(of->looks > 0, of->latency_worst_usec));
    return whole(o, r);
}

static json_t *source(const struct ctw_snapshot_source *s) {
    static const char *const names[] = {[CTW_HEALTH_UNUSED] = "unused",
                                        [CTW_HEALTH_OK] = "ok",
                                        [CTW_HEALTH_ABSENT] = "absent",
                                        [CTW_HEALTH_FAILED] = "failed"};
    json_t *o = json_object();
    int r = add(o, "health", json_string(names[s->health]));

    r |= add(o, "fault", fault(s->health, s->error, s->what[0] != '\0' ? s->what : NULL));
    return whole(o, r);
}

static json_t *sources(const struct ctw_snapshot *of) {
    json_t *o = json_object();
    int r = 0;

    for (enum ctw_source i = 0; i < CTW_SOURCES; i++)
        r |= add(o, ctw_source_name(i), source(&of->sources[i]));
    return whole(o, r);
}

/* --- the table -------------------------------------------------------------------------------- */

static json_t *table(const struct ctw_snapshot *of) {
    const struct ctw_sample *t = &of->table;
    const bool limited = t->max > 0;
    json_t *o = json_object();
    int r = add(o, "current", json_boolean(of->has_table));

    r |= add(o, "count", number(t->count));
    r |= add(o, "max", number_or_null(limited, t->max));
    r |= add(o, "usage_percent",
             limited ? percent(ctw_usage_permyriad(t->count, t->max)) : json_null());
    r |= add(o, "buckets", number_or_null(t->has_buckets, t->buckets));
    r |= add(o, "memory_at_most_bytes", number(ctw_status_bytes(t, t->count)));
    r |= add(o, "memory_full_at_most_bytes", number_or_null(limited, ctw_status_bytes(t, t->max)));
    return whole(o, r);
}

static json_t *kernel_counters(const struct ctw_sample *t) {
    json_t *o;
    int r = 0;

    if (!t->has_counters)
        return json_null();
    o = json_object();
    r |= add(o, "drop", number(t->counters.drop));
    r |= add(o, "early_drop", number(t->counters.early_drop));
    r |= add(o, "insert_failed", number(t->counters.insert_failed));
    r |= add(o, "chainlength", number(t->counters.chainlength));
    return whole(o, r);
}

static json_t *thresholds(const struct ctw_snapshot *of) {
    json_t *o = json_object();
    int r = add(o, "warning_percent", percent(of->warning_permyriad));

    r |= add(o, "critical_percent", percent(of->critical_permyriad));
    r |= add(o, "clear_percent", percent(of->clear_permyriad));
    return whole(o, r);
}

static json_t *trend(const struct ctw_snapshot *of) {
    json_t *o;
    int r = 0;

    if (!of->has_rate)
        return json_null();
    o = json_object();
    r |= add(o, "entries_per_second", json_integer(of->rate));
    r |= add(o, "seconds_to_full", number_or_null(of->fills, of->usec_to_full / CTW_USEC_PER_SEC));
    return whole(o, r);
}

static json_t *lost(const struct ctw_status *s) {
    const struct ctw_snapshot *of = s->snapshot;
    json_t *o;
    int r = 0;

    if (of->pid == 0)
        return json_null();
    o = json_object();
    r |= add(o, "dropped_full", number(of->drops));
    r |= add(o, "dropped_below_max", number(of->other_drops));
    r |= add(o, "evicted", number(of->early_drops));
    r |= add(o, "clashes", number(of->clashes));
    r |= add(o, "chain_too_long", number(of->chain_too_long));
    r |= add(o, "log_lines", number(of->log_lines));
    r |= add(o, "last_dropped_unix_seconds", moment(s, of->refused_usec));
    r |= add(o, "last_evicted_unix_seconds", moment(s, of->evicted_usec));
    return whole(o, r);
}

static json_t *events(const struct ctw_snapshot *of) {
    static const char *const modes[] = {
        [CTW_EVENTS_NEVER] = "never", [CTW_EVENTS_AUTO] = "auto", [CTW_EVENTS_ALWAYS] = "always"};
    const bool known = of->subscribed && of->rates.known;
    json_t *o;
    int r = 0;

    if (of->pid == 0)
        return json_null();
    o = json_object();
    r |= add(o, "mode", json_string(modes[of->events_mode]));
    r |= add(o, "subscribed", json_boolean(of->subscribed));
    r |= add(o, "created_per_second", number_or_null(known, of->rates.created));
    r |= add(o, "destroyed_per_second", number_or_null(known, of->rates.destroyed));
    r |= add(o, "sampled_one_in", number_or_null(known, of->rates.sampling));
    r |= add(o, "lower_bound", known ? json_boolean(of->rates.lower_bound) : json_null());
    r |= add(o, "read", number(of->events));
    r |= add(o, "created", number(of->created));
    r |= add(o, "destroyed", number(of->destroyed));
    r |= add(o, "overruns", number(of->overruns));
    r |= add(o, "lost", number(of->events_lost));
    return whole(o, r);
}

static json_t *growth(const struct ctw_status *s) {
    const struct ctw_snapshot *of = s->snapshot;
    const bool grown = of->grown_usec != 0;
    json_t *o;
    int r = 0;

    if (of->pid == 0)
        return json_null();
    o = json_object();
    r |= add(o, "enabled", json_boolean(of->growth_enabled));
    r |= add(o, "dry_run", json_boolean(of->growth_dry_run));
    r |= add(o, "ceiling", number_or_null(of->ceiling != 0, of->ceiling));
    r |= add(o, "bound",
             of->ceiling != 0 ? json_string(ctw_growth_bound_name(of->bound)) : json_null());
    r |= add(o, "refusal",
             of->growth_refused ? json_string(ctw_growth_refusal_name(of->refusal)) : json_null());
    r |= add(o, "growths", number(of->growths));
    r |= add(o, "grown_unix_seconds", moment(s, of->grown_usec));
    r |= add(o, "grown_from_max", number_or_null(grown, of->grown_from));
    r |= add(o, "grown_to_max", number_or_null(grown, of->grown_to));
    r |= add(o, "memory_of_machine_bytes", number_or_null(of->memory_bytes != 0, of->memory_bytes));
    return whole(o, r);
}

/* --- alerts ----------------------------------------------------------------------------------- */

static json_t *alerts(const struct ctw_snapshot *of) {
    json_t *o;
    int r = 0;

    if (of->pid == 0)
        return json_null();
    o = json_object();
    for (enum ctw_alert_kind i = 0; i < CTW_ALERT_KINDS; i++)
        r |= add(o, ctw_alert_kind_name(i), number(of->alerts[i]));
    return whole(o, r);
}

static json_t *said(const struct ctw_said *s) {
    json_t *o = json_object();
    int r = add(o, "unix_seconds", wall(s->realtime_usec));

    r |= add(o, "kind", json_string(ctw_alert_kind_name(s->kind)));
    r |= add(o, "edge", json_string(ctw_edge_name(s->edge)));
    r |= add(o, "level", json_string(ctw_level_name(s->level)));
    r |= add(o, "message", text(s->message));
    return whole(o, r);
}

/* The newest first. */
static json_t *last_alerts(const struct ctw_snapshot *of) {
    json_t *all = json_array();
    int r = 0;

    for (uint64_t i = 0; i < CTW_SNAPSHOT_SAID && i < of->n_said; i++)
        r |= json_array_append_new(all, said(&of->said[(of->n_said - 1 - i) % CTW_SNAPSHOT_SAID]));
    return whole(all, r);
}

/* --- who -------------------------------------------------------------------------------------- */

static json_t *shares(const struct ctw_share *shares, uint32_t n) {
    json_t *all = json_array();
    int r = 0;

    for (uint32_t i = 0; i < n; i++) {
        json_t *o = json_object();
        int in = add(o, "name", text(shares[i].name));
        in |= add(o, "share_percent", percent(shares[i].permyriad));
        r |= json_array_append_new(all, whole(o, in));
    }
    return whole(all, r);
}

static json_t *who(const struct ctw_status *s) {
    const struct ctw_who *w = &s->snapshot->who;
    json_t *o;
    int r = 0;

    if (!w->known)
        return json_null();
    o = json_object();
    r |= add(o, "asked_unix_seconds", moment(s, s->snapshot->who_usec));
    r |= add(o, "counted", number(w->entries));
    r |= add(o, "sampled", json_boolean(w->sampled));
    r |= add(o, "margin_percent", percent(w->margin_permyriad));
    r |= add(o, "assured_percent", percent(w->assured_permyriad));
    r |= add(o, "unreplied_percent", percent(w->unreplied_permyriad));
    r |= add(o, "drop_risk_percent",
             w->has_drop_risk ? percent(w->drop_risk_permyriad) : json_null());
    r |= add(o, "loopback_percent", percent(w->loopback_permyriad));
    r |= add(o, "dns_percent", percent(w->dns_permyriad));
    r |= add(o, "source", shares(w->sources, w->n_sources));
    r |= add(o, "port", shares(w->ports, w->n_ports));
    r |= add(o, "state", shares(w->states, w->n_states));
    return whole(o, r);
}

/* --- the last hour ---------------------------------------------------------------------------- */

/* A column a minute. */
#define HOUR_COLUMNS 60

static json_t *highs(const struct ctw_sparkline *s) {
    json_t *all = json_array();
    int r = 0;

    for (uint32_t i = 0; i < s->n; i++)
        r |= json_array_append_new(all, number_or_null(s->columns[i].known, s->columns[i].count));
    return whole(all, r);
}

static json_t *last_hour(const struct ctw_status *s) {
    struct ctw_sparkline line;
    json_t *o;
    int r = 0;

    if (!ctw_status_hour(s, HOUR_COLUMNS, &line))
        return json_null();
    o = json_object();
    r |= add(o, "high_count", number(line.high.count));
    r |= add(o, "high_max", number_or_null(line.high.max > 0, line.high.max));
    r |= add(o, "high_unix_seconds", moment(s, line.high.at_usec));
    r |= add(o, "low_count", number(line.low));
    r |= add(o, "low_unix_seconds", moment(s, line.low_usec));
    r |= add(o, "column_seconds", number(line.width_sec));
    r |= add(o, "column_high_counts", highs(&line));
    return whole(o, r);
}

/* --- all of it -------------------------------------------------------------------------------- */

static json_t *status(const struct ctw_status *s) {
    const struct ctw_snapshot *of = s->snapshot;
    const bool seen = of->has_table || of->table.max > 0;
    json_t *o = json_object();
    int r = add(o, "now_unix_seconds", wall(s->realtime_usec));

    r |= add(o, "looked_unix_seconds", moment(s, of->looked_usec));
    r |= add(o, "daemon", daemon_of(s));
    r |= add(o, "netns", of->netns[0] != '\0' ? text(of->netns) : json_null());
    r |= add(o, "netns_inode", number_or_null(of->netns_inode != 0, of->netns_inode));
    r |= add(o, "sources", sources(of));
    r |= add(o, "level", of->has_table ? json_string(ctw_level_name(of->level)) : json_null());
    r |= add(o, "level_since_unix_seconds",
             moment(s, of->level_since_usec != 0 ? of->level_since_usec : of->started_usec));
    r |= add(o, "thresholds", thresholds(of));
    r |= add(o, "table", seen ? table(of) : json_null());
    r |= add(o, "kernel_counters", kernel_counters(&of->table));
    r |= add(o, "trend", trend(of));
    r |= add(o, "lost", lost(s));
    r |= add(o, "events", events(of));
    r |= add(o, "growth", growth(s));
    r |= add(o, "last_hour", last_hour(s));
    r |= add(o, "who", who(s));
    r |= add(o, "alerts", alerts(of));
    r |= add(o, "last_alerts", last_alerts(of));
    return whole(o, r);
}

size_t ctw_render_status_json(const struct ctw_status *s, bool compact, char *buffer, size_t size) {
    const size_t flags = JSON_REAL_PRECISION(6) | (compact ? JSON_COMPACT : JSON_INDENT(2));
    json_t *o = status(s);

    size_t n = o ? json_dumpb(o, buffer, size, flags) : 0;
    json_decref(o);
    if (n == 0)
        return 0;
    if (n + 1 < size) {
        buffer[n] = '\n';
        buffer[n + 1] = '\0';
    }
    return n + 1;
}
