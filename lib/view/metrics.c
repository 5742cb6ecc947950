/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/view/metrics.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/sizing/growth.h"
#include "lib/state/namespaces.h"
#include "lib/util/strbuf.h"
#include "lib/view/namespaces.h"
#include "lib/watch/level.h"

enum type { GAUGE, COUNTER, INFO, STATESET, HISTOGRAM };

/* Of a value as it is kept here: microseconds, permyriad, bytes. Metrics have base units. */
enum unit { NUMBER, SECONDS, RATIO, BYTES };

struct family {
    const char *name;
    enum type type;
    enum unit unit;
    const char *help;
};

struct page {
    struct ctw_out out;
    bool openmetrics;
    const struct ctw_snapshot *of;           /* read only while the daemon is alive */
    const struct ctw_namespaces *namespaces; /* NULL: none */
    struct family family;                    /* whose samples follow */
    bool headed;                             /* its HELP and TYPE have been written */
};

static int64_t whole(uint64_t value) {
    return value > INT64_MAX ? INT64_MAX : (int64_t)value;
}

/* "0.00025", "1.0": the bounds of buckets need a point in OpenMetrics. */
static void print_fraction(uint64_t value, int digits, uint64_t scale, char ret[static 32]) {
    const int n = snprintf(ret, 32, "%" PRIu64 ".%0*" PRIu64, value / scale, digits, value % scale);

    for (char *end = ret + n - 1; *end == '0' && end[-1] != '.'; end--)
        *end = '\0';
}

static void print_value(int64_t value, enum unit unit, char ret[static 32]) {
    if (unit == SECONDS)
        print_fraction((uint64_t)value, 6, CTW_USEC_PER_SEC, ret);
    else if (unit == RATIO)
        print_fraction((uint64_t)value, 4, CTW_PERMYRIAD, ret);
    else
        (void)snprintf(ret, 32, "%" PRId64, value);
}

/* What a sample's name adds to that of its family in OpenMetrics. */
static const char *suffix(enum type type) {
    return type == COUNTER ? "_total" : type == INFO ? "_info" : "";
}

static void put_head(struct page *g) {
    static const char *const types[][2] = {[GAUGE] = {"gauge", "gauge"},
                                           [COUNTER] = {"counter", "counter"},
                                           [INFO] = {"gauge", "info"},
                                           [STATESET] = {"gauge", "stateset"},
                                           [HISTOGRAM] = {"histogram", "histogram"}};
    static const char *const units[] = {
        [NUMBER] = "", [SECONDS] = "seconds", [RATIO] = "ratio", [BYTES] = "bytes"};
    const struct family *f = &g->family;
    const char *end = g->openmetrics ? "" : suffix(f->type);

    ctw_out_put(&g->out, "# HELP %s%s %s\n", f->name, end, f->help);
    ctw_out_put(&g->out, "# TYPE %s%s %s\n", f->name, end, types[f->type][g->openmetrics]);
    if (g->openmetrics && units[f->unit][0] != '\0')
        ctw_out_put(&g->out, "# UNIT %s %s\n", f->name, units[f->unit]);
    g->headed = true;
}

/* A value from outside stays one label, of printable UTF-8. */
static void put_label(struct page *g, const char *name, const char *value) {
    struct ctw_line l = {0};

    ctw_line_add(&l, "%s", value);
    ctw_out_put(&g->out, "%s=\"", name);
    for (const char *c = l.text; *c != '\0'; c++)
        ctw_out_put(&g->out, "%s%c", *c == '"' || *c == '\\' ? "\\" : "", *c);
    ctw_out_put(&g->out, "\"");
}

struct label {
    const char *name, *value;
};

#define LABELS_MAX 2

/* @labels: up to LABELS_MAX, or one without a name; NULL: none */
static void put_sample(struct page *g, const char *end, const struct label *labels, int64_t value,
                       enum unit unit) {
    char text[32];

    if (!g->headed)
        put_head(g);
    ctw_out_put(&g->out, "%s%s", g->family.name, end);
    for (int i = 0; labels && i < LABELS_MAX && labels[i].name; i++) {
        ctw_out_put(&g->out, i == 0 ? "{" : ",");
        put_label(g, labels[i].name, labels[i].value);
    }
    print_value(value, unit, text);
    ctw_out_put(&g->out, "%s %s\n", labels ? "}" : "", text);
}

static void put_labelled(struct page *g, const char *name, const char *label, uint64_t value) {
    const struct label labels[LABELS_MAX] = {{name, label}};

    put_sample(g, suffix(g->family.type), labels, whole(value), g->family.unit);
}

static void begin(struct page *g, const char *name, enum type type, enum unit unit,
                  const char *help) {
    g->family = (struct family){name, type, unit, help};
    g->headed = false;
}

/* A family of one sample, which is left out unless it is @known. */
static void put_one(struct page *g, const char *name, enum type type, enum unit unit, bool known,
                    uint64_t value, const char *help) {
    begin(g, name, type, unit, help);
    if (known)
        put_sample(g, suffix(type), NULL, whole(value), unit);
}

static void put_latency(struct page *g) {
    static const uint32_t bounds[] = CTW_LATENCY_BOUNDS_USEC;
    uint64_t polls = 0;
    char bound[32];

    begin(g, "ctwatch_look_latency_seconds", HISTOGRAM, SECONDS,
          "From when a poll was due until its decisions were carried out.");
    for (size_t i = 0; i <= CTW_LATENCY_BOUNDS; i++) {
        if (i < CTW_LATENCY_BOUNDS)
            print_value(bounds[i], SECONDS, bound);
        polls += g->of->latency[i];
        put_sample(g, "_bucket",
                   (struct label[LABELS_MAX]){{"le", i < CTW_LATENCY_BOUNDS ? bound : "+Inf"}},
                   whole(polls), NUMBER);
    }
    put_sample(g, "_sum", NULL, whole(g->of->latency_sum_usec), SECONDS);
    put_sample(g, "_count", NULL, whole(polls), NUMBER);
}

/* @running: the daemon's version, NULL: none polls. After an upgrade it may differ for a while. */
static void put_build(struct page *g, const char *running) {
    begin(g, "ctwatch_build", INFO, NUMBER,
          "Version that is installed (ctwatch) and running (ctwatchd).");
    put_sample(g, "_info",
               (struct label[LABELS_MAX]){{"program", "ctwatch"}, {"version", CTWATCH_VERSION}}, 1,
               NUMBER);
    if (running)
        put_sample(g, "_info",
                   (struct label[LABELS_MAX]){{"program", "ctwatchd"}, {"version", running}}, 1,
                   NUMBER);
}

static void put_daemon(struct page *g) {
    const struct ctw_snapshot *p = g->of;

    put_one(g, "ctwatch_start_time_seconds", GAUGE, SECONDS, true, p->started_realtime_usec,
            "When ctwatchd started: counters are since then, except for losses.");
    put_one(g, "ctwatch_last_look_timestamp_seconds", GAUGE, SECONDS, true, p->polled_realtime_usec,
            "When ctwatchd last polled the table.");
    put_one(g, "ctwatch_next_look_timestamp_seconds", GAUGE, SECONDS, true,
            ctw_snapshot_wall_usec(p, p->due_usec),
            "When ctwatchd will poll again, at the latest.");
    put_one(g, "ctwatch_looks", COUNTER, NUMBER, true, p->polls, "Polls of the table.");
    put_one(g, "ctwatch_polls_late", COUNTER, NUMBER, true, p->late_polls,
            "Polls that began more than half of growth.reserve after they were due.");
    put_latency(g);
}

static void put_level(struct page *g) {
    const struct ctw_snapshot *p = g->of;

    begin(g, "ctwatch_level", STATESET, NUMBER, "The level of the table.");
    for (int i = 0; p->has_table && i <= CTW_LEVEL_FULL; i++)
        put_labelled(g, g->family.name, ctw_level_name((enum ctw_level)i), (int)p->level == i);
    begin(g, "ctwatch_threshold_ratio", GAUGE, RATIO, "The fill at which a level begins.");
    put_labelled(g, "level", ctw_level_name(CTW_LEVEL_WARNING), p->warning_permyriad);
    put_labelled(g, "level", ctw_level_name(CTW_LEVEL_CRITICAL), p->critical_permyriad);
}

static void put_table(struct page *g) {
    const struct ctw_snapshot *p = g->of;
    const struct ctw_sample *t = &p->table;
    const bool limited = p->has_table && t->max > 0;

    put_one(g, "ctwatch_entries", GAUGE, NUMBER, p->has_table, t->count,
            "Entries in the conntrack table.");
    put_one(g, "ctwatch_entries_limit", GAUGE, NUMBER, limited, t->max,
            "Most entries it can have (nf_conntrack_max); absent without a limit.");
    put_one(g, "ctwatch_buckets", GAUGE, NUMBER, p->has_table && t->has_buckets, t->buckets,
            "Buckets of its hash table, which all network namespaces share.");
    put_one(g, "ctwatch_usage_ratio", GAUGE, RATIO, limited, ctw_usage_permyriad(t->count, t->max),
            "Entries as a share of the limit; absent without a limit.");
    put_one(g, "ctwatch_table_memory_bytes", GAUGE, BYTES, p->has_table,
            ctw_growth_bytes(t, t->count),
            "Memory of the entries of all network namespaces and of the buckets, at most.");
    put_one(g, "ctwatch_table_memory_limit_bytes", GAUGE, BYTES, limited,
            ctw_growth_bytes(t, t->max), "The same for a full table; absent without a limit.");
    put_level(g);
    begin(g, "ctwatch_entries_net_per_second", GAUGE, NUMBER,
          "Entries gained or lost over the last second.");
    if (p->has_table && p->has_rate)
        put_sample(g, "", NULL, p->rate, NUMBER);
    put_one(g, "ctwatch_time_to_full_seconds", GAUGE, SECONDS, limited && p->fills, p->usec_to_full,
            "Until the table is full at that rate; absent when it is not filling.");
}

static void put_losses(struct page *g) {
    const struct ctw_losses *lost = &g->of->lost;

    begin(g, "ctwatch_drops", COUNTER, NUMBER, "New connections that the kernel refused.");
    put_labelled(g, "reason", "table_full", lost->drops);
    put_labelled(g, "reason", "below_max", lost->other_drops);
    put_labelled(g, "reason", "chain_too_long", lost->chain_too_long);
    put_labelled(g, "reason", "clash", lost->clashes);
    put_one(g, "ctwatch_early_drops", COUNTER, NUMBER, true, lost->early_drops,
            "Live connections that the kernel evicted from a full table.");
    put_one(g, "ctwatch_kernel_log_lines", COUNTER, NUMBER, true, lost->log_lines,
            "Table-full lines in the kernel log, which the kernel rate-limits.");
}

static void put_events(struct page *g) {
    const struct ctw_snapshot *p = g->of;

    put_one(g, "ctwatch_events_subscribed", GAUGE, NUMBER, true, p->subscribed,
            "Whether ctwatchd is subscribed to the kernel's events.");
    put_one(g, "ctwatch_events_read", COUNTER, NUMBER, true, p->events, "Events read.");
    put_one(g, "ctwatch_events_lost", COUNTER, NUMBER, true, p->events_lost,
            "Events lost, an estimate.");
    put_one(g, "ctwatch_events_overruns", COUNTER, NUMBER, true, p->overruns,
            "Times that the kernel had no room for an event.");
    put_one(g, "ctwatch_events_sampling", GAUGE, NUMBER, p->rates.known, p->rates.sampling,
            "One of this many events is read.");
    begin(g, "ctwatch_flows", COUNTER, NUMBER,
          "Flows created and destroyed while ctwatchd was subscribed.");
    put_labelled(g, "event", "created", p->created);
    put_labelled(g, "event", "destroyed", p->destroyed);
    begin(g, "ctwatch_flows_per_second", GAUGE, NUMBER,
          "The same over the last second; absent while not subscribed.");
    if (p->rates.known) {
        put_labelled(g, "event", "created", p->rates.created);
        put_labelled(g, "event", "destroyed", p->rates.destroyed);
    }
}

static void put_growth(struct page *g) {
    const struct ctw_snapshot *p = g->of;

    put_one(g, "ctwatch_growth_enabled", GAUGE, NUMBER, true, p->growth_enabled,
            "Whether ctwatchd may raise the limit.");
    put_one(g, "ctwatch_growth_dry_run", GAUGE, NUMBER, true, p->growth_dry_run,
            "Whether ctwatchd only reports what it would change.");
    begin(g, "ctwatch_growth_refused", STATESET, NUMBER,
          "Why the table does not grow although it should.");
    for (int i = CTW_GROWTH_UNLIMITED; i <= CTW_GROWTH_PERSIST_FAILED; i++)
        put_labelled(g, g->family.name, ctw_growth_refusal_name((enum ctw_growth_refusal)i),
                     p->growth_refused && (int)p->refusal == i);
    put_one(g, "ctwatch_growth_ceiling", GAUGE, NUMBER, p->ceiling > 0, p->ceiling,
            "How high the limit may be raised; absent when not known.");
    put_one(g, "ctwatch_growth_limit_changes", COUNTER, NUMBER, true, p->growths,
            "Limits that ctwatchd has changed.");
}

static void put_alerts(struct page *g) {
    begin(g, "ctwatch_alerts", COUNTER, NUMBER,
          "Alerts in the journal, reminders and ends included.");
    for (int i = 0; i < CTW_ALERT_KINDS; i++)
        put_labelled(g, "kind", ctw_alert_kind_name((enum ctw_alert_kind)i), g->of->alerts[i]);
    put_one(g, "ctwatch_command_failures", COUNTER, NUMBER, true, g->of->command_failures,
            "Alerts for which alerts.command failed, or was not run.");
}

static void put_sources(struct page *g) {
    begin(g, "ctwatch_source_health", STATESET, NUMBER,
          "The health of each source that ctwatchd reads or writes.");
    for (int source = 0; source < CTW_SOURCES; source++)
        for (int i = 0; i <= CTW_HEALTH_FAILED; i++)
            put_sample(
                g, "",
                (struct label[LABELS_MAX]){{"source", ctw_source_name((enum ctw_source)source)},
                                           {g->family.name, ctw_health_name((enum ctw_health)i)}},
                (int)g->of->sources[source].health == i, NUMBER);
}

static void put_talkers(struct page *g) {
    const struct ctw_talkers *t = &g->of->talkers;

    put_one(g, "ctwatch_last_walk_timestamp_seconds", GAUGE, SECONDS, t->known,
            ctw_snapshot_wall_usec(g->of, g->of->talkers_usec),
            "When ctwatchd last sampled the entries; absent before.");
    put_one(g, "ctwatch_assured_ratio", GAUGE, RATIO, t->known, t->assured_permyriad,
            "Entries that cannot be evicted, as of that time.");
    put_one(g, "ctwatch_drop_risk_ratio", GAUGE, RATIO, t->known && t->has_drop_risk,
            t->drop_risk_permyriad,
            "New connections dropped if the table filled with such entries.");
}

/* --- other network namespaces ----------------------------------------------------------------- */

/* Users make names below user.slice without end: they would be labels without end. */
static bool has_metrics(const struct ctw_namespace_record *n) {
    return n->has_table && !n->name.below_user;
}

/* The name, with what makes it distinct where another has the same. */
static void find_label(const struct ctw_namespaces *all, const struct ctw_namespace_record *n,
                       struct ctw_line *ret) {
    bool unique = true;

    for (uint32_t i = 0; i < all->of.n && unique; i++)
        unique = &all->records[i] == n || !has_metrics(&all->records[i]) ||
                 strcmp(all->records[i].name.text, n->name.text) != 0;
    ctw_line_start(ret);
    ctw_namespaces_add_name(ret, n);
    if (n->name.text[0] == '\0' || unique)
        return;
    if (n->netns_inode != 0)
        ctw_line_add(ret, " (%" PRIu64 ")", n->netns_inode);
    else
        ctw_line_add(ret, " (process %" PRIu32 ")", n->pid);
}

enum value { OF_ENTRIES, OF_USAGE, OF_DROPS, OF_EARLY_DROPS };

static void put_of_each(struct page *g, enum value value) {
    const struct ctw_namespaces *all = g->namespaces;
    struct ctw_line label;

    for (uint32_t i = 0, n = 0; i < all->of.n && n < all->of.metrics; i++) {
        const struct ctw_namespace_record *r = &all->records[i];
        const uint64_t values[] = {[OF_ENTRIES] = r->count,
                                   [OF_USAGE] = ctw_usage_permyriad(r->count, all->of.max),
                                   [OF_DROPS] = r->lost.drops,
                                   [OF_EARLY_DROPS] = r->lost.early_drops};
        if (!has_metrics(r))
            continue;
        find_label(all, r, &label);
        put_labelled(g, "namespace", label.text, values[value]);
        n++;
    }
}

static void put_namespaces(struct page *g) {
    if (!g->namespaces)
        return;
    begin(g, "ctwatch_namespace_entries", GAUGE, NUMBER,
          "Entries in the tables of the fullest other network namespaces.");
    put_of_each(g, OF_ENTRIES);
    begin(g, "ctwatch_namespace_usage_ratio", GAUGE, RATIO,
          "The same as a share of the limit; absent without a limit.");
    if (g->namespaces->of.max > 0)
        put_of_each(g, OF_USAGE);
    begin(g, "ctwatch_namespace_drops", COUNTER, NUMBER,
          "New connections that the kernel refused because such a table was full.");
    put_of_each(g, OF_DROPS);
    begin(g, "ctwatch_namespace_early_drops", COUNTER, NUMBER,
          "Live connections that the kernel evicted from such a table.");
    put_of_each(g, OF_EARLY_DROPS);
}

size_t ctw_render_metrics(const struct ctw_view *v, bool openmetrics, char *buffer, size_t size) {
    static void (*const sections[])(struct page *) = {put_daemon,  put_table,   put_losses,
                                                      put_events,  put_growth,  put_alerts,
                                                      put_sources, put_talkers, put_namespaces};
    const bool up = v->liveness == CTW_LIVENESS_ALIVE;
    struct page g = {.out = {.buffer = buffer, .size = size},
                     .openmetrics = openmetrics,
                     .of = &v->snapshot,
                     .namespaces = v->namespaces};

    if (size > 0)
        buffer[0] = '\0';
    put_one(&g, "ctwatch_up", GAUGE, NUMBER, true, up, "Whether ctwatchd polls the table.");
    put_build(&g, up ? v->snapshot.version : NULL);
    for (size_t i = 0; up && i < sizeof(sections) / sizeof(sections[0]); i++)
        sections[i](&g);
    if (openmetrics)
        ctw_out_put(&g.out, "# EOF\n");
    return g.out.used;
}
