/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/report/message.h"
#include "lib/sizing/growth.h"
#include "lib/util/json.h"
#include "lib/util/strbuf.h"
#include "lib/view/namespaces.h"
#include "lib/view/status.h"
#include "lib/view/top.h"

/* clang-format off */

/* Text from outside as JSON can have it: UTF-8 without control bytes; null: none. */
static json_t *text_if(bool known, const char *text) {
    struct ctw_line l = {0};

    ctw_line_add(&l, "%s", text);
    return known ? json_string(l.text) : json_null();
}

/* null: never. */
static json_t *wall(uint64_t realtime_usec) {
    return ctw_json_number_if(realtime_usec != 0, realtime_usec / CTW_USEC_PER_SEC);
}

static json_t *time_of(const struct ctw_view *v, uint64_t usec) {
    return wall(usec == 0 ? 0 : v->realtime_usec - ctw_view_ago(v, usec));
}

/* --- the daemon ------------------------------------------------------------------------------- */

static json_t *daemon_of(const struct ctw_view *v) {
    static const char *const liveness[] = {[CTW_LIVENESS_NONE] = "none",
                                           [CTW_LIVENESS_ALIVE] = "looking",
                                           [CTW_LIVENESS_LATE] = "late",
                                           [CTW_LIVENESS_STOPPED] = "stopped"};
    const struct ctw_snapshot *of = &v->snapshot;
    const bool is = of->pid != 0, polled = of->polls > 0;
    const uint64_t mean_usec = polled ? of->latency_sum_usec / of->polls : 0;
    const uint64_t polled_usec =
        v->daemon_polled_usec != 0 ? v->daemon_polled_usec : of->polled_usec;

    return json_pack(
        "{s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
        "liveness", liveness[v->liveness],
        "state_error", text_if(v->state_error != 0, ctw_state_fault(v->state_error)),
        "pid", ctw_json_number_if(is, of->pid),
        "version", text_if(is, of->version),
        "started_unix_seconds", time_of(v, is ? of->started_usec : 0),
        "looked_unix_seconds", time_of(v, is ? polled_usec : 0),
        "looks", ctw_json_number_if(is, of->polls),
        "looks_late", ctw_json_number_if(is, of->late_polls),
        "look_latency_mean_microseconds", ctw_json_number_if(polled, mean_usec),
        "look_latency_worst_microseconds", ctw_json_number_if(polled, of->latency_worst_usec));
}

static json_t *sources(const struct ctw_snapshot *of) {
    json_t *o = json_object();

    for (enum ctw_source i = 0; i < CTW_SOURCES; i++) {
        struct ctw_line fault;
        ctw_message_fault(&of->sources[i], &fault);
        o = ctw_json_set(o, ctw_source_name(i),
                         json_pack("{s:s, s:o}", "health", ctw_health_name(of->sources[i].health),
                                   "fault", text_if(fault.length > 0, fault.text)));
    }
    return o;
}

static json_t *events(const struct ctw_snapshot *of) {
    static const char *const modes[] = {
        [CTW_EVENTS_NEVER] = "never", [CTW_EVENTS_AUTO] = "auto", [CTW_EVENTS_ALWAYS] = "always"};
    const struct ctw_rates *r = &of->rates;
    const bool known = of->subscribed && r->known;

    return json_pack(
        "{s:s, s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
        "mode", modes[of->events_mode],
        "subscribed", of->subscribed,
        "created_per_second", ctw_json_number_if(known, r->created),
        "destroyed_per_second", ctw_json_number_if(known, r->destroyed),
        "sampled_one_in", ctw_json_number_if(known, r->sampling),
        "lower_bound", known ? json_boolean(r->lower_bound) : json_null(),
        "read", ctw_json_number(of->events),
        "created", ctw_json_number(of->created),
        "destroyed", ctw_json_number(of->destroyed),
        "overruns", ctw_json_number(of->overruns),
        "lost", ctw_json_number(of->events_lost));
}

static json_t *growth(const struct ctw_view *v) {
    const struct ctw_snapshot *of = &v->snapshot;
    const bool grown = of->grown_usec != 0, bounded = of->ceiling != 0;

    return json_pack(
        "{s:b, s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
        "enabled", of->growth_enabled,
        "dry_run", of->growth_dry_run,
        "ceiling", ctw_json_number_if(bounded, of->ceiling),
        "bound", text_if(bounded, ctw_growth_bound_name(of->bound)),
        "refusal", text_if(of->growth_refused, ctw_growth_refusal_name(of->refusal)),
        "growths", ctw_json_number(of->growths),
        "grown_unix_seconds", time_of(v, of->grown_usec),
        "grown_from_max", ctw_json_number_if(grown, of->grown_from),
        "grown_to_max", ctw_json_number_if(grown, of->grown_to),
        "memory_of_machine_bytes", ctw_json_number_if(of->memory_bytes != 0, of->memory_bytes));
}

static json_t *alerts(const struct ctw_snapshot *of) {
    json_t *o = json_object();

    for (enum ctw_alert_kind i = 0; i < CTW_ALERT_KINDS; i++)
        o = ctw_json_set(o, ctw_alert_kind_name(i), ctw_json_number(of->alerts[i]));
    return o;
}

/* The newest first. */
static json_t *last_alerts(const struct ctw_snapshot *of) {
    json_t *all = json_array();

    for (uint64_t i = 0; i < CTW_RECENT_ALERTS && i < of->n_recent_alerts; i++) {
        const struct ctw_recent_alert *a = ctw_snapshot_recent(of, i);
        all = ctw_json_append(
            all,
            json_pack(
                "{s:o, s:s, s:s, s:s, s:o, s:o}",
                "unix_seconds", wall(a->realtime_usec),
                "kind", ctw_alert_kind_name(a->kind),
                "edge", ctw_edge_name(a->edge),
                "level", ctw_level_name(a->level),
                "cause", text_if(a->has_cause, ctw_cause_name(a->cause)),
                "message", text_if(true, a->message)));
    }
    return all;
}

/* --- the table -------------------------------------------------------------------------------- */

static json_t *table(const struct ctw_snapshot *of) {
    const struct ctw_sample *t = &of->table;
    const bool limited = t->max > 0;
    const uint32_t usage = ctw_usage_permyriad(t->count, t->max);

    if (!of->has_table && !limited)
        return json_null();
    return json_pack(
        "{s:b, s:o, s:o, s:o, s:o, s:o, s:o}",
        "current", of->has_table,
        "count", ctw_json_number(t->count),
        "max", ctw_json_number_if(limited, t->max),
        "usage_percent", ctw_json_percent_if(limited, usage),
        "buckets", ctw_json_number_if(t->has_buckets, t->buckets),
        "memory_at_most_bytes", ctw_json_number(ctw_growth_bytes(t, t->count)),
        "memory_full_at_most_bytes", ctw_json_number_if(limited, ctw_growth_bytes(t, t->max)));
}

static json_t *kernel_counters(const struct ctw_sample *t) {
    const struct ctw_counters *c = &t->counters;

    if (!t->has_counters)
        return json_null();
    return json_pack(
        "{s:o, s:o, s:o, s:o}",
        "drop", ctw_json_number(c->drop),
        "early_drop", ctw_json_number(c->early_drop),
        "insert_failed", ctw_json_number(c->insert_failed),
        "chainlength", ctw_json_number(c->chainlength));
}

static json_t *thresholds(const struct ctw_snapshot *of) {
    return json_pack(
        "{s:o, s:o, s:o}",
        "warning_percent", ctw_json_percent(of->warning_permyriad),
        "critical_percent", ctw_json_percent(of->critical_permyriad),
        "clear_percent", ctw_json_percent(of->clear_permyriad));
}

static json_t *trend(const struct ctw_snapshot *of) {
    if (!of->has_rate)
        return json_null();
    return json_pack("{s:I, s:o}", "entries_per_second", (json_int_t)of->rate, "seconds_to_full",
                     ctw_json_number_if(of->fills, of->usec_to_full / CTW_USEC_PER_SEC));
}

json_t *ctw_losses_json(const struct ctw_losses *l) {
    return json_pack(
        "{s:o, s:o, s:o, s:o, s:o, s:o}",
        "dropped_full", ctw_json_number(l->drops),
        "dropped_below_max", ctw_json_number(l->other_drops),
        "evicted", ctw_json_number(l->early_drops),
        "clashes", ctw_json_number(l->clashes),
        "chain_too_long", ctw_json_number(l->chain_too_long),
        "log_lines", ctw_json_number(l->log_lines));
}

static json_t *lost(const struct ctw_view *v) {
    const struct ctw_snapshot *of = &v->snapshot;
    json_t *o = ctw_losses_json(&of->lost);

    o = ctw_json_set(o, "last_dropped_unix_seconds", time_of(v, of->refused_usec));
    return ctw_json_set(o, "last_evicted_unix_seconds", time_of(v, of->evicted_usec));
}

static json_t *talkers(const struct ctw_view *v) {
    const struct ctw_talkers *t = &v->snapshot.talkers;
    json_t *o;

    if (!t->known)
        return json_null();
    o = ctw_talkers_json(t);
    o = ctw_json_set(o, "asked_unix_seconds", time_of(v, v->snapshot.talkers_usec));
    o = ctw_json_set(o, "loopback_percent", ctw_json_percent(t->loopback_permyriad));
    return ctw_json_set(o, "dns_percent", ctw_json_percent(t->dns_permyriad));
}

/* A column a minute. */
#define HOUR_COLUMNS 60

static json_t *last_hour(const struct ctw_view *v) {
    struct ctw_sparkline s;
    json_t *highs;

    if (!ctw_status_hour(v, HOUR_COLUMNS, &s))
        return json_null();
    highs = json_array();
    for (uint32_t i = 0; i < s.n; i++)
        highs = ctw_json_append(highs, ctw_json_number_if(s.columns[i].known, s.columns[i].count));
    return json_pack(
        "{s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
        "high_count", ctw_json_number(s.high.count),
        "high_max", ctw_json_number_if(s.high.max > 0, s.high.max),
        "high_unix_seconds", time_of(v, s.high.at_usec),
        "low_count", ctw_json_number(s.low),
        "low_unix_seconds", time_of(v, s.low_usec),
        "column_seconds", ctw_json_number(s.width_sec),
        "column_high_counts", highs);
}

/* Longer than a line; it holds words, numbers and addresses only. */
static json_t *command(const char *text) {
    return text[0] != '\0' ? json_string(text) : json_null();
}

/* --- all of it -------------------------------------------------------------------------------- */

size_t ctw_render_status_json(const struct ctw_view *v, bool compact, char *buffer, size_t size) {
    const struct ctw_snapshot *of = &v->snapshot;
    const bool is = of->pid != 0;
    const uint64_t since_usec =
        of->level_since_usec != 0 ? of->level_since_usec : of->started_usec;
    struct ctw_status_trouble t;

    ctw_status_trouble(of, &t);
    json_t *o = json_pack(
        "{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, "
        "s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
        "now_unix_seconds", wall(v->realtime_usec),
        "looked_unix_seconds", time_of(v, of->polled_usec),
        "daemon", daemon_of(v),
        "netns", text_if(of->netns[0] != '\0', of->netns),
        "netns_inode", ctw_json_number_if(of->netns_inode != 0, of->netns_inode),
        "sources", sources(of),
        "level", text_if(of->has_table, ctw_level_name(of->level)),
        "level_since_unix_seconds", time_of(v, since_usec),
        "thresholds", thresholds(of),
        "table", table(of),
        "kernel_counters", kernel_counters(&of->table),
        "trend", trend(of),
        "lost", is || of->table.has_counters ? lost(v) : json_null(),
        "events", is ? events(of) : json_null(),
        "growth", is ? growth(v) : json_null(),
        "cause", text_if(t.known, ctw_cause_name(t.diagnosis.cause)),
        "remedy", text_if(t.remedy.sentence.length > 0, t.remedy.sentence.text),
        "command", command(t.remedy.command),
        "undo", command(t.remedy.undo),
        "last_hour", last_hour(v),
        "who", talkers(v),
        "alerts", is ? alerts(of) : json_null());

    o = ctw_json_set(o, "last_alerts", last_alerts(of));
    o = ctw_json_set(o, "namespaces", v->namespaces
        ? ctw_namespaces_json(v->namespaces, "fullest", CTW_NAMESPACES_SHOWN) : json_null());
    return ctw_json_print(o, compact, buffer, size);
}
