/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/report/message.h"
#include "lib/sizing/growth.h"
#include "lib/state/snapshot.h"
#include "lib/util/json.h"
#include "lib/view/status.h"

static json_t *number_or_null(bool known, uint64_t n) {
    return known ? ctw_json_number(n) : json_null();
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
static json_t *moment(const struct ctw_view *s, uint64_t usec) {
    const uint64_t ago = usec < s->now_usec ? s->now_usec - usec : 0;

    return wall(usec == 0 ? 0 : s->realtime_usec - ago);
}

static json_t *fault(const struct ctw_source_health *s) {
    struct ctw_line l;

    ctw_message_fault(s, &l);
    return l.length > 0 ? json_string(l.text) : json_null();
}

/* --- the daemon ------------------------------------------------------------------------------- */

static const char *liveness_name(enum ctw_liveness l) {
    switch (l) {
    case CTW_LIVENESS_NONE:
        return "none";
    case CTW_LIVENESS_ALIVE:
        return "looking";
    case CTW_LIVENESS_LATE:
        return "late";
    case CTW_LIVENESS_STOPPED:
        return "stopped";
    }
    return "unknown";
}

/* 0: there is none. */
static uint64_t daemon_polled_usec(const struct ctw_view *s) {
    if (s->snapshot.pid == 0)
        return 0;
    return s->daemon_polled_usec != 0 ? s->daemon_polled_usec : s->snapshot.polled_usec;
}

static json_t *daemon_of(const struct ctw_view *s) {
    const struct ctw_snapshot *of = &s->snapshot;
    const bool is = of->pid != 0;
    json_t *o = json_object();
    int r = ctw_json_add(o, "liveness", json_string(liveness_name(s->liveness)));

    r |= ctw_json_add(o, "state_error",
                      s->state_error != 0 ? json_string(ctw_state_fault(s->state_error))
                                          : json_null());
    r |= ctw_json_add(o, "pid", number_or_null(is, of->pid));
    r |= ctw_json_add(o, "version", is ? text(of->version) : json_null());
    r |= ctw_json_add(o, "started_unix_seconds", moment(s, is ? of->started_usec : 0));
    r |= ctw_json_add(o, "looked_unix_seconds", moment(s, daemon_polled_usec(s)));
    r |= ctw_json_add(o, "looks", number_or_null(is, of->polls));
    r |= ctw_json_add(
        o, "look_latency_mean_microseconds",
        number_or_null(of->polls > 0, of->polls > 0 ? of->latency_sum_usec / of->polls : 0));
    r |= ctw_json_add(o, "look_latency_worst_microseconds",
                      number_or_null(of->polls > 0, of->latency_worst_usec));
    return ctw_json_whole(o, r);
}

static json_t *source(const struct ctw_source_health *s) {
    json_t *o = json_object();
    int r = ctw_json_add(o, "health", json_string(ctw_health_name(s->health)));

    r |= ctw_json_add(o, "fault", fault(s));
    return ctw_json_whole(o, r);
}

static json_t *sources(const struct ctw_snapshot *of) {
    json_t *o = json_object();
    int r = 0;

    for (enum ctw_source i = 0; i < CTW_SOURCES; i++)
        r |= ctw_json_add(o, ctw_source_name(i), source(&of->sources[i]));
    return ctw_json_whole(o, r);
}

/* --- the table -------------------------------------------------------------------------------- */

static json_t *table(const struct ctw_snapshot *of) {
    const struct ctw_sample *t = &of->table;
    const bool limited = t->max > 0;
    json_t *o = json_object();
    int r = ctw_json_add(o, "current", json_boolean(of->has_table));

    r |= ctw_json_add(o, "count", ctw_json_number(t->count));
    r |= ctw_json_add(o, "max", number_or_null(limited, t->max));
    r |= ctw_json_add(o, "usage_percent",
                      limited ? ctw_json_percent(ctw_usage_permyriad(t->count, t->max))
                              : json_null());
    r |= ctw_json_add(o, "buckets", number_or_null(t->has_buckets, t->buckets));
    r |= ctw_json_add(o, "memory_at_most_bytes", ctw_json_number(ctw_growth_bytes(t, t->count)));
    r |= ctw_json_add(o, "memory_full_at_most_bytes",
                      number_or_null(limited, ctw_growth_bytes(t, t->max)));
    return ctw_json_whole(o, r);
}

static json_t *kernel_counters(const struct ctw_sample *t) {
    json_t *o;
    int r = 0;

    if (!t->has_counters)
        return json_null();
    o = json_object();
    r |= ctw_json_add(o, "drop", ctw_json_number(t->counters.drop));
    r |= ctw_json_add(o, "early_drop", ctw_json_number(t->counters.early_drop));
    r |= ctw_json_add(o, "insert_failed", ctw_json_number(t->counters.insert_failed));
    r |= ctw_json_add(o, "chainlength", ctw_json_number(t->counters.chainlength));
    return ctw_json_whole(o, r);
}

static json_t *thresholds(const struct ctw_snapshot *of) {
    json_t *o = json_object();
    int r = ctw_json_add(o, "warning_percent", ctw_json_percent(of->warning_permyriad));

    r |= ctw_json_add(o, "critical_percent", ctw_json_percent(of->critical_permyriad));
    r |= ctw_json_add(o, "clear_percent", ctw_json_percent(of->clear_permyriad));
    return ctw_json_whole(o, r);
}

static json_t *trend(const struct ctw_snapshot *of) {
    json_t *o;
    int r = 0;

    if (!of->has_rate)
        return json_null();
    o = json_object();
    r |= ctw_json_add(o, "entries_per_second", json_integer(of->rate));
    r |= ctw_json_add(o, "seconds_to_full",
                      number_or_null(of->fills, of->usec_to_full / CTW_USEC_PER_SEC));
    return ctw_json_whole(o, r);
}

static json_t *lost(const struct ctw_view *s) {
    const struct ctw_snapshot *of = &s->snapshot;
    json_t *o;
    int r = 0;

    if (of->pid == 0)
        return json_null();
    o = json_object();
    r |= ctw_json_add(o, "dropped_full", ctw_json_number(of->lost.drops));
    r |= ctw_json_add(o, "dropped_below_max", ctw_json_number(of->lost.other_drops));
    r |= ctw_json_add(o, "evicted", ctw_json_number(of->lost.early_drops));
    r |= ctw_json_add(o, "clashes", ctw_json_number(of->lost.clashes));
    r |= ctw_json_add(o, "chain_too_long", ctw_json_number(of->lost.chain_too_long));
    r |= ctw_json_add(o, "log_lines", ctw_json_number(of->lost.log_lines));
    r |= ctw_json_add(o, "last_dropped_unix_seconds", moment(s, of->refused_usec));
    r |= ctw_json_add(o, "last_evicted_unix_seconds", moment(s, of->evicted_usec));
    return ctw_json_whole(o, r);
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
    r |= ctw_json_add(o, "mode", json_string(modes[of->events_mode]));
    r |= ctw_json_add(o, "subscribed", json_boolean(of->subscribed));
    r |= ctw_json_add(o, "created_per_second", number_or_null(known, of->rates.created));
    r |= ctw_json_add(o, "destroyed_per_second", number_or_null(known, of->rates.destroyed));
    r |= ctw_json_add(o, "sampled_one_in", number_or_null(known, of->rates.sampling));
    r |= ctw_json_add(o, "lower_bound", known ? json_boolean(of->rates.lower_bound) : json_null());
    r |= ctw_json_add(o, "read", ctw_json_number(of->events));
    r |= ctw_json_add(o, "created", ctw_json_number(of->created));
    r |= ctw_json_add(o, "destroyed", ctw_json_number(of->destroyed));
    r |= ctw_json_add(o, "overruns", ctw_json_number(of->overruns));
    r |= ctw_json_add(o, "lost", ctw_json_number(of->events_lost));
    return ctw_json_whole(o, r);
}

static json_t *growth(const struct ctw_view *s) {
    const struct ctw_snapshot *of = &s->snapshot;
    const bool grown = of->grown_usec != 0;
    json_t *o;
    int r = 0;

    if (of->pid == 0)
        return json_null();
    o = json_object();
    r |= ctw_json_add(o, "enabled", json_boolean(of->growth_enabled));
    r |= ctw_json_add(o, "dry_run", json_boolean(of->growth_dry_run));
    r |= ctw_json_add(o, "ceiling", number_or_null(of->ceiling != 0, of->ceiling));
    r |= ctw_json_add(
        o, "bound", of->ceiling != 0 ? json_string(ctw_growth_bound_name(of->bound)) : json_null());
    r |= ctw_json_add(o, "refusal",
                      of->growth_refused ? json_string(ctw_growth_refusal_name(of->refusal))
                                         : json_null());
    r |= ctw_json_add(o, "growths", ctw_json_number(of->growths));
    r |= ctw_json_add(o, "grown_unix_seconds", moment(s, of->grown_usec));
    r |= ctw_json_add(o, "grown_from_max", number_or_null(grown, of->grown_from));
    r |= ctw_json_add(o, "grown_to_max", number_or_null(grown, of->grown_to));
    r |= ctw_json_add(o, "memory_of_machine_bytes",
                      number_or_null(of->memory_bytes != 0, of->memory_bytes));
    return ctw_json_whole(o, r);
}

/* --- alerts ----------------------------------------------------------------------------------- */

static json_t *alerts(const struct ctw_snapshot *of) {
    json_t *o;
    int r = 0;

    if (of->pid == 0)
        return json_null();
    o = json_object();
    for (enum ctw_alert_kind i = 0; i < CTW_ALERT_KINDS; i++)
        r |= ctw_json_add(o, ctw_alert_kind_name(i), ctw_json_number(of->alerts[i]));
    return ctw_json_whole(o, r);
}

static json_t *recent_alerts(const struct ctw_recent_alert *s) {
    json_t *o = json_object();
    int r = ctw_json_add(o, "unix_seconds", wall(s->realtime_usec));

    r |= ctw_json_add(o, "kind", json_string(ctw_alert_kind_name(s->kind)));
    r |= ctw_json_add(o, "edge", json_string(ctw_edge_name(s->edge)));
    r |= ctw_json_add(o, "level", json_string(ctw_level_name(s->level)));
    r |= ctw_json_add(o, "message", text(s->message));
    return ctw_json_whole(o, r);
}

/* The newest first. */
static json_t *last_alerts(const struct ctw_snapshot *of) {
    json_t *all = json_array();
    int r = 0;

    for (uint64_t i = 0; i < CTW_RECENT_ALERTS && i < of->n_recent_alerts; i++)
        r |= json_array_append_new(
            all,
            recent_alerts(&of->recent_alerts[(of->n_recent_alerts - 1 - i) % CTW_RECENT_ALERTS]));
    return ctw_json_whole(all, r);
}

/* --- who -------------------------------------------------------------------------------------- */

static json_t *shares(const struct ctw_share *shares, uint32_t n) {
    json_t *all = json_array();
    int r = 0;

    for (uint32_t i = 0; i < n; i++) {
        json_t *o = json_object();
        int in = ctw_json_add(o, "name", text(shares[i].name));
        in |= ctw_json_add(o, "share_percent", ctw_json_percent(shares[i].permyriad));
        r |= json_array_append_new(all, ctw_json_whole(o, in));
    }
    return ctw_json_whole(all, r);
}

static json_t *talkers(const struct ctw_view *s) {
    const struct ctw_talkers *w = &s->snapshot.talkers;
    json_t *o;
    int r = 0;

    if (!w->known)
        return json_null();
    o = json_object();
    r |= ctw_json_add(o, "asked_unix_seconds", moment(s, s->snapshot.talkers_usec));
    r |= ctw_json_add(o, "counted", ctw_json_number(w->entries));
    r |= ctw_json_add(o, "sampled", json_boolean(w->sampled));
    r |= ctw_json_add(o, "margin_percent", ctw_json_percent(w->margin_permyriad));
    r |= ctw_json_add(o, "assured_percent", ctw_json_percent(w->assured_permyriad));
    r |= ctw_json_add(o, "unreplied_percent", ctw_json_percent(w->unreplied_permyriad));
    r |= ctw_json_add(o, "drop_risk_percent",
                      w->has_drop_risk ? ctw_json_percent(w->drop_risk_permyriad) : json_null());
    r |= ctw_json_add(o, "loopback_percent", ctw_json_percent(w->loopback_permyriad));
    r |= ctw_json_add(o, "dns_percent", ctw_json_percent(w->dns_permyriad));
    r |= ctw_json_add(o, "source", shares(w->sources, w->n_sources));
    r |= ctw_json_add(o, "port", shares(w->ports, w->n_ports));
    r |= ctw_json_add(o, "state", shares(w->states, w->n_states));
    return ctw_json_whole(o, r);
}

/* --- the last hour ---------------------------------------------------------------------------- */

/* A column a minute. */
#define HOUR_COLUMNS 60

static json_t *highs(const struct ctw_sparkline *s) {
    json_t *all = json_array();
    int r = 0;

    for (uint32_t i = 0; i < s->n; i++)
        r |= json_array_append_new(all, number_or_null(s->columns[i].known, s->columns[i].count));
    return ctw_json_whole(all, r);
}

static json_t *last_hour(const struct ctw_view *s) {
    struct ctw_sparkline line;
    json_t *o;
    int r = 0;

    if (!ctw_status_hour(s, HOUR_COLUMNS, &line))
        return json_null();
    o = json_object();
    r |= ctw_json_add(o, "high_count", ctw_json_number(line.high.count));
    r |= ctw_json_add(o, "high_max", number_or_null(line.high.max > 0, line.high.max));
    r |= ctw_json_add(o, "high_unix_seconds", moment(s, line.high.at_usec));
    r |= ctw_json_add(o, "low_count", ctw_json_number(line.low));
    r |= ctw_json_add(o, "low_unix_seconds", moment(s, line.low_usec));
    r |= ctw_json_add(o, "column_seconds", ctw_json_number(line.width_sec));
    r |= ctw_json_add(o, "column_high_counts", highs(&line));
    return ctw_json_whole(o, r);
}

/* --- all of it -------------------------------------------------------------------------------- */

static json_t *status(const struct ctw_view *s) {
    const struct ctw_snapshot *of = &s->snapshot;
    const bool seen = of->has_table || of->table.max > 0;
    json_t *o = json_object();
    int r = ctw_json_add(o, "now_unix_seconds", wall(s->realtime_usec));

    r |= ctw_json_add(o, "looked_unix_seconds", moment(s, of->polled_usec));
    r |= ctw_json_add(o, "daemon", daemon_of(s));
    r |= ctw_json_add(o, "netns", of->netns[0] != '\0' ? text(of->netns) : json_null());
    r |= ctw_json_add(o, "netns_inode", number_or_null(of->netns_inode != 0, of->netns_inode));
    r |= ctw_json_add(o, "sources", sources(of));
    r |= ctw_json_add(o, "level",
                      of->has_table ? json_string(ctw_level_name(of->level)) : json_null());
    r |= ctw_json_add(
        o, "level_since_unix_seconds",
        moment(s, of->level_since_usec != 0 ? of->level_since_usec : of->started_usec));
    r |= ctw_json_add(o, "thresholds", thresholds(of));
    r |= ctw_json_add(o, "table", seen ? table(of) : json_null());
    r |= ctw_json_add(o, "kernel_counters", kernel_counters(&of->table));
    r |= ctw_json_add(o, "trend", trend(of));
    r |= ctw_json_add(o, "lost", lost(s));
    r |= ctw_json_add(o, "events", events(of));
    r |= ctw_json_add(o, "growth", growth(s));
    r |= ctw_json_add(o, "last_hour", last_hour(s));
    r |= ctw_json_add(o, "who", talkers(s));
    r |= ctw_json_add(o, "alerts", alerts(of));
    r |= ctw_json_add(o, "last_alerts", last_alerts(of));
    return ctw_json_whole(o, r);
}

size_t ctw_render_status_json(const struct ctw_view *s, bool compact, char *buffer, size_t size) {
    return ctw_json_print(status(s), compact, buffer, size);
}
