/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "render_advice.h"

#include <jansson.h>

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

/* 60.12, for a permyriad has two digits behind the point. */
static json_t *percent(uint32_t permyriad) {
    return json_real(permyriad / 100.0);
}

static json_t *table(const struct ctw_advice_facts *f, const struct ctw_advice *a) {
    const struct ctw_sample *s = &f->table;
    json_t *o = json_object();
    int r = add(o, "count", number(s->count));

    r |= add(o, "max", s->max > 0 ? number(s->max) : json_null());
    r |= add(o, "buckets", s->has_buckets ? number(s->buckets) : json_null());
    r |= add(o, "safe_entries_per_bucket", number(f->machine.entries_per_bucket));
    r |= add(o, "bytes_at_limit", s->max > 0 ? number(a->bytes_least) : json_null());
    r |= add(o, "bytes_at_limit_worst", s->max > 0 ? number(a->bytes_most) : json_null());
    r |= add(o, "namespaces", number(f->machine.namespaces));
    r |= add(o, "refused", s->has_counters ? number(a->refused) : json_null());
    r |= add(o, "evicted", s->has_counters ? number(a->evicted) : json_null());
    return whole(o, r);
}

static json_t *growth(const struct ctw_advice *a) {
    json_t *o = json_object(), *by = json_object();
    int r = add(o, "ceiling", number(a->bounds.ceiling));

    r |= add(o, "bound", json_string(ctw_growth_bound_name(a->bounds.bound)));
    r |= add(o, "ceiling_with_buckets", number(a->resized.ceiling));
    r |= add(o, "bound_with_buckets", json_string(ctw_growth_bound_name(a->resized.bound)));
    for (int i = 0; i < CTW_BOUNDS; i++)
        r |= add(by, ctw_growth_bound_name((enum ctw_growth_bound)i),
                 a->bounds.by[i] < CTW_MAX_LARGEST ? number(a->bounds.by[i]) : json_null());
    r |= add(o, "bounds", by);
    return whole(o, r);
}

static json_t *untracked(const struct ctw_who *who) {
    json_t *o = json_object();
    int r = add(o, "counted", number(who->entries));

    r |= add(o, "margin_percent", percent(who->margin_permyriad));
    r |= add(o, "loopback_percent", percent(who->loopback_permyriad));
    r |= add(o, "dns_percent", percent(who->dns_permyriad));
    return whole(o, r);
}

static json_t *finding(const struct ctw_finding *f) {
    json_t *o = json_object();
    int r = add(o, "kind", json_string(ctw_finding_name(f->kind)));

    r |= add(o, "changes", json_boolean(ctw_finding_changes(f->kind)));
    if (f->name) {
        r |= add(o, "name", json_sprintf("nf_conntrack_%s", f->name));
        r |= add(o, "is", number(f->is));
        r |= add(o, "advised", number(f->advised));
    }
    r |= add(o, "text", json_string(f->text.text));
    return whole(o, r);
}

static json_t *findings(const struct ctw_advice *a) {
    json_t *all = json_array();
    int r = 0;

    for (size_t i = 0; i < a->n_findings; i++)
        r |= json_array_append_new(all, finding(&a->findings[i]));
    return whole(all, r);
}

static json_t *files(const struct ctw_advice *a) {
    json_t *o = json_object();
    int r = 0;

    for (int i = 0; i < CTW_ADVICE_FILES; i++)
        if (a->files[i][0] != '\0')
            r |= add(o, ctw_advice_file_path((enum ctw_advice_file)i), json_string(a->files[i]));
    return whole(o, r);
}

static json_t *advice(const struct ctw_advice_facts *f, const struct ctw_advice *a) {
    const bool counted = f->has_table && f->lack == CTW_CENSUS_TAKEN;
    json_t *o = json_object();
    int r = add(o, "table", f->has_table ? table(f, a) : json_null());

    r |= add(o, "growth", f->has_table && a->has_bounds ? growth(a) : json_null());
    r |= add(o, "untracked", counted ? untracked(&f->who) : json_null());
    r |= add(o, "findings", findings(a));
    r |= add(o, "files", files(a));
    return whole(o, r);
}

size_t ctw_render_advice_json(const struct ctw_advice_facts *f, const struct ctw_advice *a,
                              char *buffer, size_t size) {
    json_t *o = advice(f, a);

    size_t n = o ? json_dumpb(o, buffer, size, JSON_REAL_PRECISION(6) | JSON_INDENT(2)) : 0;
    json_decref(o);
    if (n == 0)
        return 0;
    if (n + 1 < size) {
        buffer[n] = '\n';
        buffer[n + 1] = '\0';
    }
    return n + 1;
}
