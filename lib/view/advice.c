/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/view/advice.h"

#include <inttypes.h>
#include <stdbool.h>

#include "lib/util/json.h"
#include "lib/util/layout.h"
#include "lib/util/strbuf.h"
#include "lib/watch/level.h"

#define COLUMNS 80

static void put_item(struct ctw_out *o, const char *text) {
    struct ctw_layout page = {.out = *o, .columns = COLUMNS, .indent = 2, .utf8 = true};

    ctw_layout_paragraph(&page, "*", CTW_COLOUR_NONE, text);
    *o = page.out;
}

/* --- what is ---------------------------------------------------------------------------------- */

/* A label, a number, and how it comes about. */
#define LABEL "%-20s "

static void put_fill(struct ctw_out *o, const struct ctw_sample *t) {
    const uint32_t usage = ctw_usage_permyriad(t->count, t->max);

    ctw_out_put(o, LABEL "%" PRIu32, "entries", t->count);
    if (t->max > 0)
        ctw_out_put(o, " of %" PRIu32 " (%" PRIu32 ".%" PRIu32 " %%)\n", t->max, usage / 100,
                    usage / 10 % 10);
    else
        ctw_out_put(o, ", no limit\n");
}

/* "262144, 2.2 entries each at the limit, up to 8 safe": rounded up, so that 8.0 is. */
static void put_buckets(struct ctw_out *o, const struct ctw_advice_facts *f) {
    const struct ctw_sample *t = &f->table;
    const uint64_t of = t->max > 0 ? t->max : t->count;

    ctw_out_put(o, LABEL, "buckets");
    if (!t->has_buckets || t->buckets == 0) {
        ctw_out_put(o, "not known\n");
        return;
    }
    const uint64_t tenths = (of * 10 + t->buckets - 1) / t->buckets;
    ctw_out_put(o, "%" PRIu32 ", %" PRIu64 ".%" PRIu64 " entries each %s, up to %" PRIu32 " safe\n",
                t->buckets, tenths / 10, tenths % 10, t->max > 0 ? "at the limit" : "now",
                f->machine.entries_per_bucket);
}

static void put_memory(struct ctw_out *o, const struct ctw_advice_facts *f,
                       const struct ctw_advice *a) {
    const struct ctw_sample *t = &f->table;

    if (t->max == 0)
        return;
    ctw_out_put(o, LABEL "%" PRIu64 " MiB = %" PRIu32 " x 256", "memory at the limit",
                a->bytes_least >> 20, t->max);
    if (t->has_buckets)
        ctw_out_put(o, " + %" PRIu32 " x 8", t->buckets);
    ctw_out_put(
        o, " bytes\n" LABEL "%" PRIu64 " MiB, with 384 instead of 256: events, or accounting\n",
        "  at worst", a->bytes_most >> 20);
    if (f->machine.namespaces > 1)
        ctw_out_put(o, LABEL "%" PRIu32 " network namespaces may hold as many entries each\n", "",
                    f->machine.namespaces);
}

static void put_losses(struct ctw_out *o, const struct ctw_advice_facts *f,
                       const struct ctw_advice *a) {
    if (!f->table.has_counters)
        return;
    ctw_out_put(o, LABEL "%" PRIu64 " connections refused, %" PRIu64 " evicted\n", "lost so far",
                a->refused + a->chain_too_long, a->evicted);
    if (a->chain_too_long > 0)
        ctw_out_put(o, LABEL "%" PRIu64 " of those refused\n", "  for long chains",
                    a->chain_too_long);
}

static void put_shares(struct ctw_out *o, const struct ctw_talkers *talkers) {
    const uint32_t loopback = (talkers->loopback_permyriad + 5) / 10;
    const uint32_t dns = (talkers->dns_permyriad + 5) / 10;
    const uint32_t margin = (talkers->margin_permyriad + 9) / 10;

    ctw_out_put(o, "%" PRIu32 ".%" PRIu32 " %% loopback, %" PRIu32 ".%" PRIu32 " %% DNS, of ",
                loopback / 10, loopback % 10, dns / 10, dns % 10);
    if (margin > 0)
        ctw_out_put(o, "%" PRIu32 " seen, +- %" PRIu32 ".%" PRIu32 "\n", talkers->entries,
                    margin / 10, margin % 10);
    else
        ctw_out_put(o, "all %" PRIu32 " entries\n", talkers->entries);
}

static void put_untracked(struct ctw_out *o, const struct ctw_advice_facts *f) {
    ctw_out_put(o, LABEL, "could go untracked");
    switch (f->lack) {
    case CTW_CENSUS_TAKEN:
        put_shares(o, &f->talkers);
        break;
    case CTW_CENSUS_EMPTY:
        ctw_out_put(o, "there is no entry\n");
        break;
    case CTW_CENSUS_NOT_PERMITTED:
        ctw_out_put(o, "not known without root\n");
        break;
    case CTW_CENSUS_CAPTURED:
        ctw_out_put(o, "not known of a captured machine\n");
        break;
    case CTW_CENSUS_FAILED:
        ctw_out_put(o, "not known: the table could not be listed\n");
        break;
    }
}

/* --- growth ----------------------------------------------------------------------------------- */

static void put_bound(struct ctw_out *o, const struct ctw_growth_bounds *b,
                      enum ctw_growth_bound by) {
    ctw_out_put(o, "  %-18s ", ctw_growth_bound_name(by));
    if (b->by[by] == CTW_MAX_LARGEST)
        ctw_out_put(o, "no bound");
    else
        ctw_out_put(o, "%" PRIu32, b->by[by]);
}

static void put_bounds(struct ctw_out *o, const struct ctw_advice_facts *f,
                       const struct ctw_settings *s, const struct ctw_growth_bounds *b) {
    const struct ctw_memory *m = &f->machine.memory;
    const uint32_t tenths = s->growth.memory_permyriad / 10;

    put_bound(o, b, CTW_BOUND_SETTING);
    ctw_out_put(o, "\n");
    put_bound(o, b, CTW_BOUND_MEMORY);
    ctw_out_put(o, " = %" PRIu32 ".%" PRIu32 " %% of %" PRIu64 " bytes / %" PRIu64 "%s\n",
                tenths / 10, tenths % 10, m->total_bytes,
                ctw_growth_bytes_per_entry(f->machine.entries_per_bucket),
                f->machine.namespaces > 1 ? " x 3 / 4" : "");
    put_bound(o, b, CTW_BOUND_AVAILABLE);
    if (m->has_available)
        ctw_out_put(o, " = %" PRIu32 " + %" PRIu64 " bytes / 2 / %" PRIu32, f->table.count,
                    m->available_bytes, CTW_ENTRY_BYTES + 1);
    ctw_out_put(o, "\n");
    put_bound(o, b, CTW_BOUND_BUCKETS);
    if (f->table.has_buckets)
        ctw_out_put(o, " = %" PRIu32 " x %" PRIu32, f->table.buckets,
                    f->machine.entries_per_bucket);
    ctw_out_put(o, "\n");
}

static void put_growth(struct ctw_out *o, const struct ctw_advice_facts *f,
                       const struct ctw_settings *s, const struct ctw_advice *a) {
    ctw_out_put(o, LABEL, "growth ceiling");
    if (!a->has_bounds) {
        ctw_out_put(o, "not known: /proc/meminfo cannot be read\n");
        return;
    }
    ctw_out_put(o, "%" PRIu32 ", set by %s%s\n", a->bounds.ceiling,
                ctw_growth_bound_name(a->bounds.bound),
                ctw_growth_writes(s) ? "" : " (growth is off)");
    if (a->resized.ceiling != a->bounds.ceiling)
        ctw_out_put(o, LABEL "%" PRIu32 ", set by %s, with enough buckets\n", "",
                    a->resized.ceiling, ctw_growth_bound_name(a->resized.bound));
    put_bounds(o, f, s, &a->bounds);
}

/* --- what to do ------------------------------------------------------------------------------- */

static size_t put_findings(struct ctw_out *o, const struct ctw_advice *a) {
    size_t changes = 0;

    ctw_out_put(o, "\n");
    for (size_t i = 0; i < a->n_findings; i++) {
        put_item(o, a->findings[i].text.text);
        changes += ctw_finding_changes(a->findings[i].kind);
    }
    if (a->n_findings == 0)
        ctw_out_put(o, "There is nothing to change.\n");
    return changes;
}

static const char *at_once(enum ctw_advice_file file) {
    switch (file) {
    case CTW_FILE_SYSCTL:
        return "at once: sysctl -p FILE";
    case CTW_FILE_MODULES_LOAD:
        return "or the sysctls come too early";
    case CTW_FILE_MODPROBE:
        return "for when it is loaded";
    case CTW_FILE_NFT:
        return "add to it; at once: nft -f FILE";
    }
    return "";
}

static void put_files(struct ctw_out *o, const struct ctw_advice *a) {
    for (int i = 0; i < CTW_ADVICE_FILES; i++)
        if (a->files[i][0] != '\0')
            ctw_out_put(o, "\n# %s (%s)\n%s", ctw_advice_file_path((enum ctw_advice_file)i),
                        at_once((enum ctw_advice_file)i), a->files[i]);
}

size_t ctw_render_advice_text(const struct ctw_advice_facts *f, const struct ctw_settings *s,
                              const struct ctw_advice *a, char *buffer, size_t size) {
    struct ctw_out o = {.buffer = buffer, .size = size};

    if (size > 0)
        buffer[0] = '\0';
    if (!f->has_table) {
        ctw_out_put(
            &o, "There is no conntrack table: the kernel has not loaded nf_conntrack, so nothing\n"
                "is tracked here, and there is nothing to change.\n");
        return o.used;
    }
    put_fill(&o, &f->table);
    put_buckets(&o, f);
    put_memory(&o, f, a);
    put_losses(&o, f, a);
    put_untracked(&o, f);
    put_growth(&o, f, s, a);
    if (put_findings(&o, a) > 0)
        put_files(&o, a);
    return o.used;
}

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

static json_t *untracked(const struct ctw_talkers *talkers) {
    json_t *o = json_object();
    int r = ctw_json_add(o, "counted", ctw_json_number(talkers->entries));

    r |= ctw_json_add(o, "margin_percent", ctw_json_percent(talkers->margin_permyriad));
    r |= ctw_json_add(o, "loopback_percent", ctw_json_percent(talkers->loopback_permyriad));
    r |= ctw_json_add(o, "dns_percent", ctw_json_percent(talkers->dns_permyriad));
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
    r |= ctw_json_add(o, "untracked", counted ? untracked(&f->talkers) : json_null());
    r |= ctw_json_add(o, "findings", findings(a));
    r |= ctw_json_add(o, "files", files(a));
    return ctw_json_whole(o, r);
}

size_t ctw_render_advice_json(const struct ctw_advice_facts *f, const struct ctw_advice *a,
                              char *buffer, size_t size) {
    return ctw_json_print(advice(f, a), false, buffer, size);
}
