/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/view/metrics.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/sizing/growth.h"
#include "lib/util/strbuf.h"
#include "lib/watch/level.h"

enum type { GAUGE, COUNTER, INFO, STATESET, HISTOGRAM };

/* Of a value as it is kept here: microseconds, permyriad, bytes. They are shown in base units. */
enum unit { NUMBER, SECONDS, RATIO, BYTES };

struct page;

struct family {
    const char *name;
    enum type type;
    enum unit unit;
    void (*put)(struct page *g); /* its samples; NULL: the one value that was gathered */
    const char *help;
};

struct page {
    struct ctw_out out;
    bool openmetrics;
    const struct ctw_snapshot *snapshot; /* NULL: the daemon is not looking */
    const struct family *family;         /* that is being written */
    bool headed;                         /* its head has been */
};

/* --- numbers ---------------------------------------------------------------------------------- */

#define ABSENT INT64_MIN

static int64_t whole(uint64_t value) {
    return value > INT64_MAX ? INT64_MAX : (int64_t)value;
}

static int64_t if_known(bool known, uint64_t value) {
    return known ? whole(value) : ABSENT;
}

/* "0.00025", "1.0": OpenMetrics wants the bounds of buckets with a point in them. */
static void print_fraction(uint64_t value, int digits, uint64_t scale, char ret[static 32]) {
    const int n = snprintf(ret, 32, "%" PRIu64 ".%0*" PRIu64, value / scale, digits, value % scale);

    for (char *end = ret + n - 1; *end == '0' && end[-1] != '.'; end--)
        *end = '\0';
}

static void print_value(int64_t value, enum unit unit, char ret[static 32]) {
    switch (unit) {
    case SECONDS:
        print_fraction((uint64_t)value, 6, CTW_USEC_PER_SEC, ret);
        break;
    case RATIO:
        print_fraction((uint64_t)value, 4, CTW_PERMYRIAD, ret);
        break;
    case NUMBER:
    case BYTES:
        (void)snprintf(ret, 32, "%" PRId64, value);
        break;
    }
}

/* --- lines ------------------------------------------------------------------------------------ */

static const char *type_name(const struct page *g) {
    switch (g->family->type) {
    case COUNTER:
        return "counter";
    case HISTOGRAM:
        return "histogram";
    case INFO:
        return g->openmetrics ? "info" : "gauge";
    case STATESET:
        return g->openmetrics ? "stateset" : "gauge";
    case GAUGE:
        break;
    }
    return "gauge";
}

/* What the name of a sample has more than that of its family in OpenMetrics. */
static const char *suffix(enum type type) {
    return type == COUNTER ? "_total" : type == INFO ? "_info" : "";
}

static void put_head(struct page *g) {
    static const char *const units[] = {
        [NUMBER] = "", [SECONDS] = "seconds", [RATIO] = "ratio", [BYTES] = "bytes"};
    const struct family *f = g->family;
    const char *end = g->openmetrics ? "" : suffix(f->type);

    ctw_out_put(&g->out, "# HELP %s%s %s\n", f->name, end, f->help);
    ctw_out_put(&g->out, "# TYPE %s%s %s\n", f->name, end, type_name(g));
    if (g->openmetrics && units[f->unit][0] != '\0')
        ctw_out_put(&g->out, "# UNIT %s %s\n", f->name, units[f->unit]);
    g->headed = true;
}

/* Whatever comes from outside stays one label: what is no printable ASCII becomes "?". */
static void put_label(struct page *g, const char *name, const char *value) {
    ctw_out_put(&g->out, "%s=\"", name);
    for (; *value != '\0'; value++) {
        if (*value == '"' || *value == '\\')
            ctw_out_put(&g->out, "\\%c", *value);
        else
            ctw_out_put(&g->out, "%c", *value >= ' ' && *value <= '~' ? *value : '?');
    }
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
    ctw_out_put(&g->out, "%s%s", g->family->name, end);
    for (int i = 0; labels && i < LABELS_MAX && labels[i].name; i++) {
        ctw_out_put(&g->out, i == 0 ? "{" : ",");
        put_label(g, labels[i].name, labels[i].value);
    }
    print_value(value, unit, text);
    ctw_out_put(&g->out, "%s %s\n", labels ? "}" : "", text);
}

static void put_labelled(struct page *g, const char *name, const char *label, uint64_t value) {
    const struct label labels[LABELS_MAX] = {{name, label}};

    put_sample(g, suffix(g->family->type), labels, whole(value), g->family->unit);
}

/* --- families of more than one sample --------------------------------------------------------- */

/* Of the reader, and of the daemon: after an upgrade they may differ for a while. */
static void put_build(struct page *g) {
    put_sample(g, "_info",
               (struct label[LABELS_MAX]){{"program", "ctwatch"}, {"version", CTWATCH_VERSION}}, 1,
               NUMBER);
    if (g->snapshot)
        put_sample(
            g, "_info",
            (struct label[LABELS_MAX]){{"program", "ctwatchd"}, {"version", g->snapshot->version}},
            1, NUMBER);
}

static void put_latency(struct page *g) {
    static const uint32_t bounds[] = CTW_LATENCY_BOUNDS_USEC;
    uint64_t polls = 0;
    char bound[32];

    if (!g->snapshot)
        return;
    for (size_t i = 0; i <= CTW_LATENCY_BOUNDS; i++) {
        if (i < CTW_LATENCY_BOUNDS)
            print_value(bounds[i], SECONDS, bound);
        polls += g->snapshot->latency[i];
        put_sample(g, "_bucket",
                   (struct label[LABELS_MAX]){{"le", i < CTW_LATENCY_BOUNDS ? bound : "+Inf"}},
                   whole(polls), NUMBER);
    }
    put_sample(g, "_sum", NULL, whole(g->snapshot->latency_sum_usec), SECONDS);
    put_sample(g, "_count", NULL, whole(polls), NUMBER);
}

static void put_level(struct page *g) {
    for (int i = 0; g->snapshot && g->snapshot->has_table && i <= CTW_LEVEL_FULL; i++)
        put_labelled(g, g->family->name, ctw_level_name((enum ctw_level)i),
                     (int)g->snapshot->level == i);
}

static void put_threshold(struct page *g) {
    if (!g->snapshot)
        return;
    put_labelled(g, "level", ctw_level_name(CTW_LEVEL_WARNING), g->snapshot->warning_permyriad);
    put_labelled(g, "level", ctw_level_name(CTW_LEVEL_CRITICAL), g->snapshot->critical_permyriad);
}

static void put_drops(struct page *g) {
    if (!g->snapshot)
        return;
    put_labelled(g, "reason", "table_full", g->snapshot->lost.drops);
    put_labelled(g, "reason", "below_max", g->snapshot->lost.other_drops);
    put_labelled(g, "reason", "chain_too_long", g->snapshot->lost.chain_too_long);
    put_labelled(g, "reason", "clash", g->snapshot->lost.clashes);
}

static void put_flows(struct page *g) {
    if (!g->snapshot)
        return;
    put_labelled(g, "event", "created", g->snapshot->created);
    put_labelled(g, "event", "destroyed", g->snapshot->destroyed);
}

static void put_flow_rates(struct page *g) {
    if (!g->snapshot || !g->snapshot->rates.known)
        return;
    put_labelled(g, "event", "created", g->snapshot->rates.created);
    put_labelled(g, "event", "destroyed", g->snapshot->rates.destroyed);
}

/* That growth is switched off is no refusal. */
static void put_refused(struct page *g) {
    const struct ctw_snapshot *p = g->snapshot;

    for (int i = CTW_GROWTH_UNLIMITED; p && i <= CTW_GROWTH_PERSIST_FAILED; i++)
        put_labelled(g, g->family->name, ctw_growth_refusal_name((enum ctw_growth_refusal)i),
                     p->growth_refused && (int)p->refusal == i);
}

static void put_alerts(struct page *g) {
    for (int i = 0; g->snapshot && i < CTW_ALERT_KINDS; i++)
        put_labelled(g, "kind", ctw_alert_kind_name((enum ctw_alert_kind)i),
                     g->snapshot->alerts[i]);
}

static void put_health(struct page *g) {
    for (int source = 0; g->snapshot && source < CTW_SOURCES; source++)
        for (int i = 0; i <= CTW_HEALTH_FAILED; i++)
            put_sample(
                g, "",
                (struct label[LABELS_MAX]){{"source", ctw_source_name((enum ctw_source)source)},
                                           {g->family->name, ctw_health_name((enum ctw_health)i)}},
                (int)g->snapshot->sources[source].health == i, NUMBER);
}

/* --- all of them ------------------------------------------------------------------------------ */

enum metric {
    UP,
    BUILD,
    START_TIME,
    LAST_POLL,
    NEXT_POLL,
    POLLS,
    LATENCY,
    ENTRIES,
    LIMIT,
    BUCKETS,
    USAGE,
    MEMORY,
    MEMORY_LIMIT,
    LEVEL,
    THRESHOLD,
    NET_RATE,
    TIME_TO_FULL,
    DROPS,
    EARLY_DROPS,
    LOG_LINES,
    SUBSCRIBED,
    EVENTS_READ,
    EVENTS_LOST,
    OVERRUNS,
    SAMPLING,
    FLOWS,
    FLOW_RATES,
    GROWTH_ENABLED,
    DRY_RUN,
    REFUSED,
    CEILING,
    LIMIT_CHANGES,
    ALERTS,
    HEALTH,
    LAST_WALK,
    ASSURED,
    DROP_RISK,
};
#define METRICS (DROP_RISK + 1)

static const struct family families[METRICS] = {
    [UP] = {"ctwatch_up", GAUGE, NUMBER, NULL, "Whether ctwatchd is looking at the table."},
    [BUILD] = {"ctwatch_build", INFO, NUMBER, put_build,
               "What is installed (ctwatch) and what is running (ctwatchd)."},
    [START_TIME] = {"ctwatch_start_time_seconds", GAUGE, SECONDS, NULL,
                    "When ctwatchd started: all counters are since then."},
    [LAST_POLL] = {"ctwatch_last_look_timestamp_seconds", GAUGE, SECONDS, NULL,
                   "When ctwatchd last looked at the table."},
    [NEXT_POLL] = {"ctwatch_next_look_timestamp_seconds", GAUGE, SECONDS, NULL,
                   "When ctwatchd will look again, at the latest."},
    [POLLS] = {"ctwatch_looks", COUNTER, NUMBER, NULL, "Looks at the table."},
    [LATENCY] = {"ctwatch_look_latency_seconds", HISTOGRAM, SECONDS, put_latency,
                 "From when a look was due until what it decided had been done."},
    [ENTRIES] = {"ctwatch_entries", GAUGE, NUMBER, NULL, "Entries in the conntrack table."},
    [LIMIT] = {"ctwatch_entries_limit", GAUGE, NUMBER, NULL,
               "Entries it may have (nf_conntrack_max); absent where there is no limit."},
    [BUCKETS] = {"ctwatch_buckets", GAUGE, NUMBER, NULL,
                 "Buckets of its hash table, which all network namespaces share."},
    [USAGE] = {"ctwatch_usage_ratio", GAUGE, RATIO, NULL,
               "Entries out of those it may have; absent where there is no limit."},
    [MEMORY] = {"ctwatch_table_memory_bytes", GAUGE, BYTES, NULL,
                "Memory of the entries and buckets, at worst."},
    [MEMORY_LIMIT] = {"ctwatch_table_memory_limit_bytes", GAUGE, BYTES, NULL,
                      "The same of a full table; absent where there is no limit."},
    [LEVEL] = {"ctwatch_level", STATESET, NUMBER, put_level, "The level of the table."},
    [THRESHOLD] = {"ctwatch_threshold_ratio", GAUGE, RATIO, put_threshold,
                   "The fill at which a level begins."},
    [NET_RATE] = {"ctwatch_entries_net_per_second", GAUGE, NUMBER, NULL,
                  "Entries gained, or lost, over the last second."},
    [TIME_TO_FULL] = {"ctwatch_time_to_full_seconds", GAUGE, SECONDS, NULL,
                      "Until the table is full at that rate; absent when it does not fill."},
    [DROPS] = {"ctwatch_drops", COUNTER, NUMBER, put_drops,
               "New connections that the kernel refused."},
    [EARLY_DROPS] = {"ctwatch_early_drops", COUNTER, NUMBER, NULL,
                     "Live connections that the kernel evicted from a full table."},
    [LOG_LINES] = {"ctwatch_kernel_log_lines", COUNTER, NUMBER, NULL,
                   "Table-full lines seen in the kernel log, which writes few of them."},
    [SUBSCRIBED] = {"ctwatch_events_subscribed", GAUGE, NUMBER, NULL,
                    "Whether ctwatchd listens to the kernel's events."},
    [EVENTS_READ] = {"ctwatch_events_read", COUNTER, NUMBER, NULL, "Events read."},
    [EVENTS_LOST] = {"ctwatch_events_lost", COUNTER, NUMBER, NULL,
                     "Events lost, as far as can be told."},
    [OVERRUNS] = {"ctwatch_events_overruns", COUNTER, NUMBER, NULL,
                  "Times that the kernel had more events than there was room for."},
    [SAMPLING] = {"ctwatch_events_sampling", GAUGE, NUMBER, NULL,
                  "One of this many events is read."},
    [FLOWS] = {"ctwatch_flows", COUNTER, NUMBER, put_flows,
               "Flows created and destroyed while ctwatchd listened to events."},
    [FLOW_RATES] = {"ctwatch_flows_per_second", GAUGE, NUMBER, put_flow_rates,
                    "The same over the last second; absent while nobody listens."},
    [GROWTH_ENABLED] = {"ctwatch_growth_enabled", GAUGE, NUMBER, NULL,
                        "Whether ctwatchd may raise the limit."},
    [DRY_RUN] = {"ctwatch_growth_dry_run", GAUGE, NUMBER, NULL,
                 "Whether it only says what it would do."},
    [REFUSED] = {"ctwatch_growth_refused", STATESET, NUMBER, put_refused,
                 "Why the table does not grow although it should."},
    [CEILING] = {"ctwatch_growth_ceiling", GAUGE, NUMBER, NULL,
                 "How high the limit may be raised; absent when not known."},
    [LIMIT_CHANGES] = {"ctwatch_growth_limit_changes", COUNTER, NUMBER, NULL,
                       "Limits that ctwatchd has changed."},
    [ALERTS] = {"ctwatch_alerts", COUNTER, NUMBER, put_alerts,
                "Alerts in the journal, reminders and ends included."},
    [HEALTH] = {"ctwatch_source_health", STATESET, NUMBER, put_health,
                "How each thing that ctwatchd reads or writes is doing."},
    [LAST_WALK] = {"ctwatch_last_walk_timestamp_seconds", GAUGE, SECONDS, NULL,
                   "When ctwatchd last looked who fills the table; absent before."},
    [ASSURED] = {"ctwatch_assured_ratio", GAUGE, RATIO, NULL,
                 "Entries that cannot be evicted, as of that time."},
    [DROP_RISK] = {"ctwatch_drop_risk_ratio", GAUGE, RATIO, NULL,
                   "New connections lost if it filled up with such entries."},
};

static void gather_table(const struct ctw_snapshot *p, int64_t ret[static METRICS]) {
    const struct ctw_sample *t = &p->table;
    const bool limited = p->has_table && t->max > 0;

    ret[ENTRIES] = if_known(p->has_table, t->count);
    ret[LIMIT] = if_known(limited, t->max);
    ret[BUCKETS] = if_known(p->has_table && t->has_buckets, t->buckets);
    ret[USAGE] = if_known(limited, ctw_usage_permyriad(t->count, t->max));
    ret[MEMORY] = if_known(p->has_table, ctw_growth_bytes(t, t->count));
    ret[MEMORY_LIMIT] = if_known(limited, ctw_growth_bytes(t, t->max));
    ret[NET_RATE] = p->has_table && p->has_rate ? p->rate : ABSENT;
    ret[TIME_TO_FULL] = if_known(limited && p->fills, p->usec_to_full);
    ret[EARLY_DROPS] = whole(p->lost.early_drops);
    ret[LOG_LINES] = whole(p->lost.log_lines);
    ret[LAST_WALK] = if_known(p->talkers.known, ctw_snapshot_wall_usec(p, p->talkers_usec));
    ret[ASSURED] = if_known(p->talkers.known, p->talkers.assured_permyriad);
    ret[DROP_RISK] =
        if_known(p->talkers.known && p->talkers.has_drop_risk, p->talkers.drop_risk_permyriad);
}

static void gather_daemon(const struct ctw_snapshot *p, int64_t ret[static METRICS]) {
    ret[START_TIME] = whole(p->started_realtime_usec);
    ret[LAST_POLL] = whole(p->polled_realtime_usec);
    ret[NEXT_POLL] = whole(ctw_snapshot_wall_usec(p, p->due_usec));
    ret[POLLS] = whole(p->polls);
    ret[SUBSCRIBED] = p->subscribed;
    ret[EVENTS_READ] = whole(p->events);
    ret[EVENTS_LOST] = whole(p->events_lost);
    ret[OVERRUNS] = whole(p->overruns);
    ret[SAMPLING] = if_known(p->rates.known, p->rates.sampling);
    ret[GROWTH_ENABLED] = p->growth_enabled;
    ret[DRY_RUN] = p->growth_dry_run;
    ret[CEILING] = if_known(p->ceiling > 0, p->ceiling);
    ret[LIMIT_CHANGES] = whole(p->growths);
}

size_t ctw_render_metrics(const struct ctw_view *v, bool openmetrics, char *buffer, size_t size) {
    const bool up = v->liveness == CTW_LIVENESS_ALIVE;
    struct page g = {.out = {.buffer = buffer, .size = size},
                     .openmetrics = openmetrics,
                     .snapshot = up ? &v->snapshot : NULL};
    int64_t values[METRICS];

    if (size > 0)
        buffer[0] = '\0';
    for (int i = 0; i < METRICS; i++)
        values[i] = ABSENT;
    values[UP] = up;
    if (up) {
        gather_daemon(&v->snapshot, values);
        gather_table(&v->snapshot, values);
    }
    for (int i = 0; i < METRICS; i++) {
        g.family = &families[i];
        g.headed = false;
        if (g.family->put)
            g.family->put(&g);
        else if (values[i] != ABSENT)
            put_sample(&g, suffix(g.family->type), NULL, values[i], g.family->unit);
    }
    if (openmetrics)
        ctw_out_put(&g.out, "# EOF\n");
    return g.out.used;
}
