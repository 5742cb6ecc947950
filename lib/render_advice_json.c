/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "render_advice.h"

#include "json.h"

static json_t *table(const struct ctw_advice_facts *f, const struct ctw_advice *a) {
    const struct ctw_sample *s = &f->table;
    json_t *o = json_object();
    int r = ctw_json_add(o, "count", ctw_json_number(s->count));

    r |= ctw_json_add(o, "max", s->max > 0 ? ctw_json_number(s->max) : json_null());
    r |= ctw_json_add(o, "buckets", s->has_buckets ? ctw_json_number(s->buckets) : json_null());
    r |= ctw_json_add(o, "safe_entries_per_bucket", ctw_json_number(f->machine.entries_per_bucket));
    r |= ctw_json_add(o, "bytes_at_limit",
                      s->max > 0 ? ctw_json_number(a->bytes_least) : json_null());
    r |= ctw_json_add(o, "bytes_at_limit_worst",
                      s->max > 0 ? ctw_json_number(a->bytes_most) : json_null());
    r |= ctw_json_add(o, "namespaces", ctw_json_number(f->machine.namespaces));
    r |= ctw_json_add(o, "refused",
                      s->has_counters ? ctw_json_number(a->refused + a->chain_too_long)
                                      : json_null());
    r |= ctw_json_add(o, "evicted", s->has_counters ? ctw_json_number(a->evicted) : json_null());
    return ctw_json_whole(o, r);
}

static json_t *growth(const struct ctw_advice *a) {
    json_t *o = json_object(), *by = json_object();
    int r = ctw_json_add(o, "ceiling", ctw_json_number(a->bounds.ceiling));

    r |= ctw_json_add(o, "bound", json_string(ctw_growth_bound_name(a->bounds.bound)));
    r |= ctw_json_add(o, "ceiling_with_buckets", ctw_json_number(a->resized.ceiling));
    r |=
        ctw_json_add(o, "bound_with_buckets", json_string(ctw_growth_bound_name(a->resized.bound)));
    for (int i = 0; i < CTW_BOUNDS; i++)
        r |= ctw_json_add(by, ctw_growth_bound_name((enum ctw_growth_bound)i),
                          a->bounds.by[i] < CTW_MAX_LARGEST ? ctw_json_number(a->bounds.by[i])
                                                            : json_null());
    r |= ctw_json_add(o, "bounds", by);
    return ctw_json_whole(o, r);
}

static json_t *untracked(const struct ctw_who *who) {
    json_t *o = json_object();
    int r = ctw_json_add(o, "counted", ctw_json_number(who->entries));

    r |= ctw_json_add(o, "margin_percent", ctw_json_percent(who->margin_permyriad));
    r |= ctw_json_add(o, "loopback_percent", ctw_json_percent(who->loopback_permyriad));
    r |= ctw_json_add(o, "dns_percent", ctw_json_percent(who->dns_permyriad));
    return ctw_json_whole(o, r);
}

static json_t *finding(const struct ctw_finding *f) {
    json_t *o = json_object();
    int r = ctw_json_add(o, "kind", json_string(ctw_finding_name(f->kind)));

    r |= ctw_json_add(o, "changes", json_boolean(ctw_finding_changes(f->kind)));
    if (f->name) {
        r |= ctw_json_add(o, "name", json_sprintf("nf_conntrack_%s", f->name));
        r |= ctw_json_add(o, "is", ctw_json_number(f->is));
        r |= ctw_json_add(o, "advised", ctw_json_number(f->advised));
    }
    r |= ctw_json_add(o, "text", json_string(f->text.text));
    return ctw_json_whole(o, r);
}

static json_t *findings(const struct ctw_advice *a) {
    json_t *all = json_array();
    int r = 0;

    for (size_t i = 0; i < a->n_findings; i++)
        r |= json_array_append_new(all, finding(&a->findings[i]));
    return ctw_json_whole(all, r);
}

static json_t *files(const struct ctw_advice *a) {
    json_t *o = json_object();
    int r = 0;

    for (int i = 0; i < CTW_ADVICE_FILES; i++)
        if (a->files[i][0] != '\0')
            r |= ctw_json_add(o, ctw_advice_file_path((enum ctw_advice_file)i),
                              json_string(a->files[i]));
    return ctw_json_whole(o, r);
}

static json_t *advice(const struct ctw_advice_facts *f, const struct ctw_advice *a) {
    const bool counted = f->has_table && f->lack == CTW_CENSUS_TAKEN;
    json_t *o = json_object();
    int r = ctw_json_add(o, "table", f->has_table ? table(f, a) : json_null());

    r |= ctw_json_add(o, "growth", f->has_table && a->has_bounds ? growth(a) : json_null());
    r |= ctw_json_add(o, "untracked", counted ? untracked(&f->who) : json_null());
    r |= ctw_json_add(o, "findings", findings(a));
    r |= ctw_json_add(o, "files", files(a));
    return ctw_json_whole(o, r);
}

size_t ctw_render_advice_json(const struct ctw_advice_facts *f, const struct ctw_advice *a,
                              char *buffer, size_t size) {
    return ctw_json_print(advice(f, a), false, buffer, size);
}
