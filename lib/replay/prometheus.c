/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/replay/prometheus.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "lib/util/parse.h"
#include "lib/util/units.h"

/* Values of a label named in a message. */
#define VALUES_LISTED 5u

/* ctwatch exports a limit with each count, and none where there is no limit. */
#define OWN_ENTRIES "ctwatch_entries"

/* A limit holds for this many spacings of the count, since single values may be missing; the limit
 * of prometheus-node-exporter for at least the lookback delta of Prometheus. */
#define LIMIT_SPACINGS 2u
#define LOOKBACK_USEC  (300 * CTW_USEC_PER_SEC)

enum series {
    ENTRIES,
    LIMIT,
    BUCKETS,
    /* losses, up to the last */
    DROPS,
    INSERT_FAILED,
    EARLY_DROPS,
    /* exported by ctwatch only */
    BELOW_MAX,
    CHAIN_TOO_LONG,
    CLASHES,
};
_Static_assert(CLASHES + 1 == CTW_PROMETHEUS_SERIES, "room for all series");

static const struct {
    const char *name;
    const char *reason; /* label; NULL: any */
    enum series series;
} names[] = {
    {"node_nf_conntrack_entries", NULL, ENTRIES},
    {"node_nf_conntrack_entries_limit", NULL, LIMIT},
    {"node_nf_conntrack_stat_drop", NULL, DROPS},
    {"node_nf_conntrack_stat_insert_failed", NULL, INSERT_FAILED},
    {"node_nf_conntrack_stat_early_drop", NULL, EARLY_DROPS},
    {OWN_ENTRIES, NULL, ENTRIES},
    {"ctwatch_entries_limit", NULL, LIMIT},
    {"ctwatch_buckets", NULL, BUCKETS},
    {"ctwatch_early_drops_total", NULL, EARLY_DROPS},
    {"ctwatch_drops_total", "table_full", DROPS},
    {"ctwatch_drops_total", "below_max", BELOW_MAX},
    {"ctwatch_drops_total", "chain_too_long", CHAIN_TOO_LONG},
    {"ctwatch_drops_total", "clash", CLASHES},
};
#define N_NAMES (sizeof(names) / sizeof(names[0]))

/* Starts the message with @what. Return: @r */
static int refuse(struct ctw_line *error, int r, const char *what) {
    ctw_line_start(error);
    ctw_line_add(error, "%s", what);
    return r;
}

static const char *label(const json_t *result, const char *name) {
    const char *value = json_string_value(json_object_get(json_object_get(result, "metric"), name));

    return value ? value : "";
}

/* Return: enum series, -1: not used. */
static int series_of(const json_t *result) {
    const char *name = label(result, "__name__"), *reason = label(result, "reason");

    for (size_t i = 0; i < N_NAMES; i++)
        if (strcmp(names[i].name, name) == 0 &&
            (!names[i].reason || strcmp(names[i].reason, reason) == 0))
            return (int)names[i].series;
    return -1;
}

/* --- which series are of one table ------------------------------------------------------------ */

/* Labels that Prometheus, its operator and Thanos put on a series to name the scraper, the target's
 * pod, or what selects it. The table is the same. */
static const char *const scraper_labels[] = {
    "__name__",
    "reason",
    "job",
    "pod",
    "container",
    "endpoint",
    "service",
    "namespace",
    "uid",
    "prometheus",
    "prometheus_replica",
    "replica",
    "monitor",
    "receive",
    "chart",
    "release",
    "heritage",
    "version",
    "helm_chart",
    "component",
    "part_of",
    "managed_by",
    "pod_template_hash",
    "pod_template_generation",
    "controller_revision_hash",
};

/* Labels that name the machine itself: with one of these, `instance` may be the address of a pod.
 */
static const char *const machine_labels[] = {"node", "nodename", "kubernetes_node", "hostname"};

#define N_OF(array) (sizeof(array) / sizeof((array)[0]))

static bool is_among(const char *name, const char *const *list, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (strcmp(list[i], name) == 0)
            return true;
    return false;
}

static bool same_machine(const json_t *a, const json_t *b) {
    for (size_t i = 0; i < N_OF(machine_labels); i++)
        if (*label(a, machine_labels[i]) &&
            strcmp(label(a, machine_labels[i]), label(b, machine_labels[i])) == 0)
            return true;
    return false;
}

/* Return: the label that shows the two to be of different tables; NULL: none. */
static const char *differing_label(const json_t *a, const json_t *b) {
    const bool same = same_machine(a, b);
    const char *name;
    json_t *value;

    json_object_foreach(json_object_get(a, "metric"), name, value) {
        const char *other = label(b, name);
        if (*other && json_is_string(value) && strcmp(json_string_value(value), other) != 0 &&
            !is_among(name, scraper_labels, N_OF(scraper_labels)) &&
            !(same && strcmp(name, "instance") == 0))
            return name;
    }
    return NULL;
}

/* @wanted: "NAME=VALUE" */
static bool has_label(const json_t *result, const char *wanted) {
    const size_t length = strcspn(wanted, "=");
    const char *name;
    json_t *value;

    json_object_foreach(json_object_get(result, "metric"), name,
                        value) if (strlen(name) == length && strncmp(name, wanted, length) ==
                                                                 0) return wanted[length] != '\0' &&
        json_is_string(value) && strcmp(json_string_value(value), wanted + length + 1) == 0;
    return false;
}

static bool is_chosen(const json_t *result, const char *const labels[], size_t n_labels) {
    for (size_t i = 0; i < n_labels; i++)
        if (!has_label(result, labels[i]))
            return false;
    return series_of(result) >= 0;
}

/* Whether no result before @i has the same value of this label. */
static bool is_first_value(const json_t *results, size_t i, const char *name) {
    const char *value = label(json_array_get(results, i), name);

    for (size_t k = 0; k < i; k++) {
        const json_t *result = json_array_get(results, k);
        if (series_of(result) >= 0 && strcmp(label(result, name), value) == 0)
            return false;
    }
    return true;
}

static void list_values(const json_t *results, const char *name, struct ctw_line *error) {
    size_t listed = 0;

    for (size_t i = 0; i < json_array_size(results) && listed <= VALUES_LISTED; i++) {
        const json_t *result = json_array_get(results, i);
        if (series_of(result) < 0 || !is_first_value(results, i, name))
            continue;
        ctw_line_add(error, "%s%.64s", listed == 0 ? ": " : ", ",
                     listed == VALUES_LISTED ? "..." : label(result, name));
        listed++;
    }
}

/* --- their values ----------------------------------------------------------------------------- */

/* Of a pair such as [1795341600.25, "120000"]. */
static bool read_time(const json_t *pair, uint64_t *ret_usec) {
    const json_t *at = json_array_get(pair, 0);
    const double sec = json_number_value(at);

    if (!json_is_number(at) ||
        !(sec >= 0 && sec <= (double)(CTW_TIMESTAMP_LAST_USEC / CTW_USEC_PER_SEC)))
        return false;
    *ret_usec = (uint64_t)(sec * (double)CTW_USEC_PER_SEC + 0.5);
    return true;
}

static uint64_t time_of(const json_t *values, size_t i) {
    uint64_t usec = UINT64_MAX;

    (void)read_time(json_array_get(values, i), &usec);
    return usec;
}

/* Two series of one table, each in order of time, as one. Return: a new reference; NULL: no memory.
 */
static json_t *merge(const json_t *a, const json_t *b) {
    json_t *all = json_array();
    size_t i = 0, k = 0;
    int r = all ? 0 : -1;

    while (r == 0 && (i < json_array_size(a) || k < json_array_size(b))) {
        const bool first =
            k == json_array_size(b) || (i < json_array_size(a) && time_of(a, i) <= time_of(b, k));
        r = json_array_append(all, first ? json_array_get(a, i++) : json_array_get(b, k++));
    }
    if (r == 0)
        return all;
    json_decref(all);
    return NULL;
}

static int take(struct ctw_prometheus *q, const json_t *result, struct ctw_line *error) {
    const int i = series_of(result);
    json_t *values = json_object_get(result, "values"), *before = q->series[i].values;

    if (!json_is_array(values))
        return refuse(error, -EBADMSG, "a series has no values: is it no range query?");
    q->series[i].values = before ? merge(before, values) : json_incref(values);
    json_decref(before);
    if (i == ENTRIES)
        q->own = strcmp(label(result, "__name__"), OWN_ENTRIES) == 0;
    return q->series[i].values ? 0 : refuse(error, -ENOMEM, "no memory");
}

static int select_series(struct ctw_prometheus *q, const json_t *results,
                         const char *const labels[], size_t n_labels, struct ctw_line *error) {
    const json_t *first = NULL;
    const char *differs;

    for (size_t i = 0; i < json_array_size(results); i++) {
        const json_t *result = json_array_get(results, i);
        if (!is_chosen(result, labels, n_labels))
            continue;
        first = first ? first : result;
        differs = differing_label(first, result);
        if (differs) {
            ctw_line_start(error);
            ctw_line_add(error, "holds several tables, --label %.64s=VALUE chooses one", differs);
            list_values(results, differs, error);
            return -ENOTUNIQ;
        }
        const int r = take(q, result, error);
        if (r < 0)
            return r;
    }
    if (q->series[ENTRIES].values && (q->series[LIMIT].values || q->own))
        return 0;
    (void)refuse(error, 0,
                 q->series[ENTRIES].values ? "has no series node_nf_conntrack_entries_limit"
                                           : "has no series node_nf_conntrack_entries or "
                                             "ctwatch_entries");
    for (size_t i = 0; i < n_labels; i++) {
        char name[64];
        (void)snprintf(name, sizeof(name), "%.*s", (int)strcspn(labels[i], "="), labels[i]);
        ctw_line_add(error, "%s %.128s; there are", i == 0 ? " with" : ", with", labels[i]);
        list_values(results, name, error);
    }
    return -ENOENT;
}

/* How long a value of the limit holds. */
static uint64_t limit_holds(const struct ctw_prometheus *q) {
    const json_t *values = q->series[ENTRIES].values;
    uint64_t spacing_usec = UINT64_MAX, last_usec = UINT64_MAX, usec;

    for (size_t i = 0; i < json_array_size(values); i++) {
        if (!read_time(json_array_get(values, i), &usec))
            continue;
        if (usec > last_usec && usec - last_usec < spacing_usec)
            spacing_usec = usec - last_usec;
        last_usec = usec;
    }
    const uint64_t several = spacing_usec == UINT64_MAX ? 0 : spacing_usec * LIMIT_SPACINGS;
    return q->own || several > LOOKBACK_USEC ? several : LOOKBACK_USEC;
}

/* A series as VictoriaMetrics exports it becomes one of a range query. Return: 0 or -1. */
static int add_exported(json_t *results, const json_t *exported) {
    const json_t *values = json_object_get(exported, "values");
    const json_t *times = json_object_get(exported, "timestamps");
    json_t *pairs = json_array();
    int r = 0;

    for (size_t i = 0; r == 0 && i < json_array_size(values); i++) {
        const json_t *value = json_array_get(values, i); /* null where there is none */
        json_t *text = json_is_number(value) ? json_sprintf("%.0f", json_number_value(value))
                                             : json_string("NaN");
        const double msec = json_number_value(json_array_get(times, i));
        r = json_array_append_new(pairs, json_pack("[f, o]", msec / 1000, text));
    }
    return json_array_append_new(
        results,
        json_pack("{s:O, s:o}", "metric", json_object_get(exported, "metric"), "values", pairs));
}

static size_t skip_blanks(const char *text, size_t length, size_t at) {
    while (at < length && text[at] != '\0' && strchr(" \t\r\n", text[at]))
        at++;
    return at;
}

/* One object, or those of an export as the result of a range query. Return: NULL: no JSON. */
static json_t *load(const char *text, size_t length, json_error_t *error) {
    json_t *results = json_array(), *one = NULL;
    size_t at = 0;
    int r = 0;

    while (r == 0 && (at == 0 || at < length)) {
        one = json_loadb(text + at, length - at, JSON_DISABLE_EOF_CHECK, error);
        if (!one)
            break;
        at = skip_blanks(text, length, at + (size_t)error->position);
        if (!json_object_get(one, "timestamps"))
            break;
        r = add_exported(results, one);
        json_decref(one);
        one = NULL;
    }
    if (r == 0 && at == length && at > 0 && !one)
        return json_pack("{s:{s:s, s:o}}", "data", "resultType", "matrix", "result", results);
    json_decref(results);
    if (one && at == length)
        return one;
    if (one || r < 0)
        (void)snprintf(error->text, sizeof(error->text), "%s",
                       r < 0 ? "a series without metric" : "there is more behind its end");
    json_decref(one);
    return NULL;
}

int ctw_prometheus_read(struct ctw_prometheus *q, const char *text, size_t length,
                        const char *const labels[], size_t n_labels, struct ctw_line *reterr) {
    const char *failure = NULL, *type = "";
    json_t *results = NULL;
    json_error_t error;

    memset(q, 0, sizeof(*q));
    q->root = load(text, length, &error);
    if (!q->root) {
        ctw_line_start(reterr);
        ctw_line_add(reterr, "line %d, column %d: no JSON: %s", error.line, error.column,
                     error.text);
        return -EBADMSG;
    }
    (void)json_unpack(q->root, "{s:s}", "error", &failure);
    (void)json_unpack(q->root, "{s:{s:s, s:o}}", "data", "resultType", &type, "result", &results);
    if (failure) {
        (void)refuse(reterr, 0, "Prometheus answered: ");
        ctw_line_add(reterr, "%.256s", failure);
        return -EBADMSG;
    }
    if (strcmp(type, "matrix") != 0 || !json_is_array(results))
        return refuse(reterr, -EBADMSG,
                      "is no answer to a range query: there is no result of the type matrix");
    const int r = select_series(q, results, labels, n_labels, reterr);
    if (r == 0)
        q->limit_holds_usec = limit_holds(q);
    return r;
}

void ctw_prometheus_release(struct ctw_prometheus *q) {
    for (size_t i = 0; i < CTW_PROMETHEUS_SERIES; i++)
        json_decref(q->series[i].values);
    json_decref(q->root);
    memset(q, 0, sizeof(*q));
}

static int read_pair(const json_t *pair, uint64_t *ret_usec, uint64_t *ret_value) {
    const json_t *value = json_array_get(pair, 1);

    if (!read_time(pair, ret_usec) || !json_is_string(value))
        return -EINVAL;
    return ctw_text_number(json_string_value(value), json_string_length(value), ret_value);
}

/* Advance to the newest value that is not later than @now_usec. */
static void catch_up(struct ctw_prometheus_series *s, uint64_t now_usec) {
    for (; s->next < json_array_size(s->values); s->next++) {
        uint64_t at_usec = 0, value = 0;
        const int r = read_pair(json_array_get(s->values, s->next), &at_usec, &value);
        if (r == -EINVAL)
            continue; /* without a time */
        if (at_usec > now_usec)
            return;
        s->known = r == 0;
        s->value = value;
        s->at_usec = at_usec;
    }
}

static uint64_t moved_by(struct ctw_prometheus *q, enum series which) {
    struct ctw_prometheus_series *s = &q->series[which];

    return ctw_recording_moved(&s->before, s->known, s->value);
}

static void read_losses(struct ctw_prometheus *q, struct ctw_record *ret) {
    static const struct ctw_counters zero;
    /* node_exporter does not export which part of insert_failed was refused for the length of a
     * chain, and the release of the kernel is not in a recording. */
    const struct ctw_counters moved = {.drop = moved_by(q, DROPS),
                                       .insert_failed = moved_by(q, INSERT_FAILED)};
    const struct ctw_losses own = {
        .other_drops = moved_by(q, BELOW_MAX),
        .early_drops = moved_by(q, EARLY_DROPS),
        .clashes = moved_by(q, CLASHES),
        .chain_too_long = moved_by(q, CHAIN_TOO_LONG),
    };

    for (int i = DROPS; i <= CLASHES; i++)
        ret->has_losses |= q->series[i].values != NULL;
    ret->has_other_drops = q->series[BELOW_MAX].values != NULL;
    ret->losses = ctw_losses_between(&zero, &moved, NULL);
    ctw_losses_add(&ret->losses, &own);
}

static enum ctw_reading bad(struct ctw_prometheus *q, const char *what) {
    ctw_line_add(&q->words, "value %zu of the entries: %s", q->series[ENTRIES].next, what);
    return CTW_READ_BAD;
}

static bool fits(const struct ctw_prometheus_series *s) {
    return s->known && s->value <= UINT32_MAX;
}

/* Return: false: the limit was not known at that time. */
static bool find_limit(const struct ctw_prometheus *q, uint64_t now_usec, uint32_t *ret) {
    const struct ctw_prometheus_series *s = &q->series[LIMIT];
    const bool holds = s->next > 0 && now_usec <= s->at_usec + q->limit_holds_usec;

    if (holds && fits(s))
        *ret = (uint32_t)s->value;
    return holds ? fits(s) : q->own;
}

static enum ctw_reading read_record(struct ctw_prometheus *q, const json_t *pair,
                                    struct ctw_record *ret) {
    uint64_t at_usec = 0, count = 0;
    uint32_t max = 0;
    const int r = read_pair(pair, &at_usec, &count);

    ctw_line_start(&q->words);
    if (r == -EINVAL)
        return bad(q, "is not a time and a number, allowed are pairs as [1795341600, \"120000\"]");
    if (r == -ERANGE || count > UINT32_MAX)
        return bad(q, "is too large, allowed is 0 to 4294967295");
    for (int i = LIMIT; i < CTW_PROMETHEUS_SERIES; i++)
        if (q->series[i].values)
            catch_up(&q->series[i], at_usec);
    if (r == -ENODATA || !find_limit(q, at_usec, &max))
        return CTW_READ_HOLE;
    if (q->any && at_usec <= q->last_usec)
        return CTW_READ_STALE;

    *ret = (struct ctw_record){
        .at_usec = at_usec,
        .count = (uint32_t)count,
        .max = max,
        .buckets = fits(&q->series[BUCKETS]) ? (uint32_t)q->series[BUCKETS].value : 0,
    };
    read_losses(q, ret);
    q->any = true;
    q->last_usec = at_usec;
    return CTW_READ_RECORD;
}

bool ctw_prometheus_next(struct ctw_prometheus *q, enum ctw_reading *ret_reading,
                         struct ctw_record *ret) {
    struct ctw_prometheus_series *entries = &q->series[ENTRIES];

    if (entries->next >= json_array_size(entries->values))
        return false;
    *ret_reading = read_record(q, json_array_get(entries->values, entries->next++), ret);
    return true;
}
