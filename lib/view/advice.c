/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/view/advice.h"

#include <inttypes.h>
#include <stdbool.h>

#include "lib/report/message.h"
#include "lib/util/json.h"
#include "lib/util/layout.h"
#include "lib/util/strbuf.h"
#include "lib/view/status.h"
#include "lib/watch/level.h"

#define COLUMNS 80

static void put_item(struct ctw_out *o, const char *text) {
    struct ctw_layout page = {.out = *o, .columns = COLUMNS, .indent = 2, .utf8 = true};

    ctw_layout_paragraph(&page, "*", CTW_COLOUR_NONE, text);
    *o = page.out;
}

/* --- the table -------------------------------------------------------------------------------- */

/* A label, a number, and how it was computed. */
#define LABEL "%-20s "

static void put_fill(struct ctw_out *o, const struct ctw_sample *t) {
    ctw_out_put(o, LABEL "%" PRIu32, "entries", t->count);
    if (t->max > 0)
        ctw_out_put(o, " of %" PRIu32 " (%s %%)\n", t->max,
                    ctw_percent(ctw_usage_permyriad(t->count, t->max)).text);
    else
        ctw_out_put(o, ", no limit\n");
}

/* "262144, 2.2 entries each at the limit, up to 8 safe": rounded up, so that 8.0 is safe. */
static void put_buckets(struct ctw_out *o, const struct ctw_advice_facts *f) {
    const struct ctw_sample *t = &f->table;
    const uint64_t of = (t->max > 0 ? t->max : t->count) + (uint64_t)t->other_entries;

    ctw_out_put(o, LABEL, "buckets");
    if (!t->has_buckets || t->buckets == 0) {
        ctw_out_put(o, "not known\n");
        return;
    }
    const uint64_t tenths = (of * 10 + t->buckets - 1) / t->buckets;
    ctw_out_put(o, "%" PRIu32 ", %" PRIu64 ".%" PRIu64 " entries each %s, up to %" PRIu32 " safe\n",
                t->buckets, tenths / 10, tenths % 10, t->max > 0 ? "at the limit" : "now",
                f->host.release.entries_per_bucket);
}

static void put_memory(struct ctw_out *o, const struct ctw_advice_facts *f,
                       const struct ctw_advice *a) {
    const struct ctw_sample *t = &f->table;
    const uint32_t worst = ctw_host_entry_most(&f->host), slab = worst - CTW_EXTENSION_BYTES;

    if (t->max == 0)
        return;
    ctw_out_put(o, LABEL "%" PRIu64 " MiB = %" PRIu64 " x %" PRIu32, "memory at the limit",
                a->bytes_least >> 20, (uint64_t)t->max + t->other_entries, slab);
    if (t->has_buckets)
        ctw_out_put(o, " + %" PRIu32 " x %u", t->buckets, CTW_BUCKET_BYTES);
    ctw_out_put(o,
                " bytes\n" LABEL "%" PRIu64 " MiB, with %" PRIu32 " instead of %" PRIu32
                ": events, or accounting\n",
                "  at worst", a->bytes_most >> 20, worst, slab);
    if (f->host.namespaces > 1)
        ctw_out_put(o, LABEL "%" PRIu32 " network namespaces may hold as many entries each\n", "",
                    f->host.namespaces);
    if (t->other_entries > 0)
        ctw_out_put(o, LABEL "with %" PRIu32 " entries of other network namespaces\n", "",
                    t->other_entries);
}

/* What a ctwatchd has seen. */
static void put_past(struct ctw_out *o, const struct ctw_advice_facts *f,
                     const struct ctw_advice *a) {
    ctw_out_put(o, LABEL, "highest count");
    if (f->past.peak_count == 0) {
        ctw_out_put(o, "not known: no ctwatchd has watched since the boot\n");
        return;
    }
    ctw_out_put(o, "%" PRIu32 " since the boot\n", a->need.peak);
    if (f->past.fastest_rate > 0)
        ctw_out_put(o, LABEL "%" PRId64 " entries in a second\n", "  fastest fill",
                    f->past.fastest_rate);
    if (a->need.lifetime_sec > 0)
        ctw_out_put(o, LABEL "%" PRIu64 " s on average, %" PRIu64 " new flows/s now\n",
                    "  an entry lives", a->need.lifetime_sec, f->past.new_per_sec);
}

static void put_losses(struct ctw_out *o, const struct ctw_advice_facts *f,
                       const struct ctw_advice *a) {
    const char *label = "lost so far";
    struct ctw_line l;

    if (!f->table.has_counters)
        return;
    for (size_t i = 0; i < CTW_LOSS_CLASSES; i++)
        if (ctw_message_loss(&a->lost, i, &l)) {
            ctw_out_put(o, LABEL "%s\n", label, l.text);
            label = "";
        }
    if (label[0] != '\0')
        ctw_out_put(o, LABEL "nothing\n", label);
}

static void put_shares(struct ctw_out *o, const struct ctw_talkers *talkers) {
    ctw_out_put(o, "%s %% loopback, %s %% DNS, of ", ctw_percent(talkers->loopback_permyriad).text,
                ctw_percent(talkers->dns_permyriad).text);
    if (talkers->sampled)
        ctw_out_put(o, "%" PRIu32 " read, +- %s\n", talkers->entries,
                    ctw_percent(talkers->margin_permyriad + 9).text); /* a bound is rounded up */
    else
        ctw_out_put(o, "all %" PRIu32 " entries\n", talkers->entries);
}

static void put_untracked(struct ctw_out *o, const struct ctw_advice_facts *f) {
    ctw_out_put(o, LABEL, "could go untracked");
    switch (f->lack) {
    case CTW_CENSUS_TAKEN: put_shares(o, &f->talkers); break;
    case CTW_CENSUS_EMPTY: ctw_out_put(o, "there is no entry\n"); break;
    case CTW_CENSUS_NOT_PERMITTED: ctw_out_put(o, "not known without root\n"); break;
    case CTW_CENSUS_CAPTURED: ctw_out_put(o, "not known of a captured machine\n"); break;
    case CTW_CENSUS_FAILED: ctw_out_put(o, "not known: the table could not be listed\n"); break;
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
    const struct ctw_memory *m = &f->host.memory;
    struct ctw_line others = {0}; /* " - 5000": entries of other namespaces */

    if (f->table.other_entries > 0)
        ctw_line_add(&others, " - %" PRIu32, f->table.other_entries);
    put_bound(o, b, CTW_BOUND_SETTING);
    ctw_out_put(o, "\n");
    put_bound(o, b, CTW_BOUND_MEMORY);
    ctw_out_put(o, " = %s%s %% of %" PRIu64 " bytes / %" PRIu64, others.length > 0 ? "(" : "",
                ctw_percent(s->growth.memory_permyriad).text, m->total_bytes,
                ctw_growth_bytes_per_entry(f->host.release.entries_per_bucket));
    ctw_out_put(o, "%s%s%s\n", others.text, others.length > 0 ? ")" : "",
                f->host.namespaces > 1 || others.length > 0 ? " x 3 / 4" : "");
    put_bound(o, b, CTW_BOUND_AVAILABLE);
    if (m->has_available)
        ctw_out_put(o, " = %" PRIu32 " + %" PRIu64 " bytes / 2 / %" PRIu32, f->table.count,
                    m->available_bytes, CTW_ENTRY_BYTES + 1);
    ctw_out_put(o, "\n");
    if (m->has_available && m->estimated)
        ctw_out_put(o, LABEL "estimated: MemFree + Cached - Shmem + SReclaimable\n", "");
    put_bound(o, b, CTW_BOUND_BUCKETS);
    if (f->table.has_buckets)
        ctw_out_put(o, " = %" PRIu32 " x %" PRIu32 "%s", f->table.buckets,
                    f->host.release.entries_per_bucket, others.text);
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
    case CTW_FILE_SYSCTL: return "at once: sysctl -p FILE";
    case CTW_FILE_MODULES_LOAD: return "or the sysctls come too early";
    case CTW_FILE_MODPROBE: return "for when it is loaded";
    case CTW_FILE_NFT: return "add to it; at once: nft -f FILE";
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
    put_past(&o, f, a);
    put_losses(&o, f, a);
    put_untracked(&o, f);
    put_growth(&o, f, s, a);
    if (put_findings(&o, a) > 0)
        put_files(&o, a);
    return o.used;
}

/* --- JSON ------------------------------------------------------------------------------------- */

/* clang-format off */

static json_t *table(const struct ctw_advice_facts *f, const struct ctw_advice *a) {
    const struct ctw_sample *s = &f->table;
    const bool limited = s->max > 0;

    return json_pack(
        "{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
        "count", ctw_json_number(s->count),
        "max", ctw_json_number_if(limited, s->max),
        "buckets", ctw_json_number_if(s->has_buckets, s->buckets),
        "safe_entries_per_bucket", ctw_json_number(f->host.release.entries_per_bucket),
        "bytes_at_limit", ctw_json_number_if(limited, a->bytes_least),
        "bytes_at_limit_worst", ctw_json_number_if(limited, a->bytes_most),
        "entry_at_most_bytes", ctw_json_number(ctw_host_entry_most(&f->host)),
        "namespaces", ctw_json_number(f->host.namespaces),
        "other_namespaces_entries", ctw_json_number(s->other_entries),
        "refused", ctw_json_number_if(s->has_counters,
                                      ctw_losses_drops(&a->lost) + a->lost.chain_too_long),
        "evicted", ctw_json_number_if(s->has_counters, a->lost.early_drops));
}

static json_t *need(const struct ctw_advice_facts *f, const struct ctw_advice *a) {
    const struct ctw_advice_past *past = &f->past;

    return json_pack(
        "{s:o, s:o, s:o, s:b, s:o}",
        "highest_count", ctw_json_number_if(past->peak_count > 0, a->need.peak),
        "fastest_fill_entries_per_second",
        ctw_json_number_if(past->fastest_rate > 0, (uint64_t)past->fastest_rate),
        "entry_lifetime_seconds", ctw_json_number_if(past->new_per_sec > 0, a->need.lifetime_sec),
        "full_at_this_limit", a->need.full,
        "wanted_max", ctw_json_number_if(f->table.max > 0, a->need.wanted));
}

static json_t *advised(const struct ctw_advice_facts *f, const struct ctw_advice *a) {
    const bool limited = a->max > 0;

    return json_pack(
        "{s:o, s:o, s:o}",
        "max", ctw_json_number_if(limited, a->max),
        "buckets", ctw_json_number_if(f->table.has_buckets, a->buckets),
        "memory_full_at_most_bytes", ctw_json_number_if(limited, a->bytes_advised));
}

static json_t *growth(const struct ctw_advice *a) {
    json_t *by = json_object();

    for (int i = 0; i < CTW_BOUNDS; i++)
        by = ctw_json_set(by, ctw_growth_bound_name((enum ctw_growth_bound)i),
                          ctw_json_number_if(a->bounds.by[i] < CTW_MAX_LARGEST, a->bounds.by[i]));
    return json_pack(
        "{s:o, s:s, s:o, s:s, s:o}",
        "ceiling", ctw_json_number(a->bounds.ceiling),
        "bound", ctw_growth_bound_name(a->bounds.bound),
        "ceiling_with_buckets", ctw_json_number(a->resized.ceiling),
        "bound_with_buckets", ctw_growth_bound_name(a->resized.bound),
        "bounds", by);
}

static json_t *untracked(const struct ctw_talkers *t) {
    return json_pack(
        "{s:o, s:o, s:o, s:o}",
        "counted", ctw_json_number(t->entries),
        "margin_percent", ctw_json_percent(t->margin_permyriad),
        "loopback_percent", ctw_json_percent(t->loopback_permyriad),
        "dns_percent", ctw_json_percent(t->dns_permyriad));
}

/* clang-format on */

static json_t *finding(const struct ctw_finding *f) {
    json_t *o = json_pack("{s:s, s:b}", "kind", ctw_finding_name(f->kind), "changes",
                          ctw_finding_changes(f->kind));

    if (f->name) {
        o = ctw_json_set(o, "name", json_sprintf("nf_conntrack_%s", f->name));
        o = ctw_json_set(o, "is", ctw_json_number(f->is));
        o = ctw_json_set(o, "advised", ctw_json_number(f->advised));
    }
    if (f->cause)
        o = ctw_json_set(o, "cause", json_string(f->cause));
    return ctw_json_set(o, "text", json_string(f->text.text));
}

static json_t *findings(const struct ctw_advice *a) {
    json_t *all = json_array();

    for (size_t i = 0; i < a->n_findings; i++)
        all = ctw_json_append(all, finding(&a->findings[i]));
    return all;
}

static json_t *files(const struct ctw_advice *a) {
    json_t *o = json_object();

    for (int i = 0; i < CTW_ADVICE_FILES; i++)
        if (a->files[i][0] != '\0')
            o = ctw_json_set(o, ctw_advice_file_path((enum ctw_advice_file)i),
                             json_string(a->files[i]));
    return o;
}

/* clang-format off */
size_t ctw_render_advice_json(const struct ctw_advice_facts *f, const struct ctw_advice *a,
                              char *buffer, size_t size) {
    const bool counted = f->has_table && f->lack == CTW_CENSUS_TAKEN;
    json_t *o = json_pack(
        "{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
        "table", f->has_table ? table(f, a) : json_null(),
        "need", f->has_table ? need(f, a) : json_null(),
        "lost", f->has_table && f->table.has_counters ? ctw_losses_json(&a->lost) : json_null(),
        "advised", f->has_table ? advised(f, a) : json_null(),
        "growth", f->has_table && a->has_bounds ? growth(a) : json_null(),
        "untracked", counted ? untracked(&f->talkers) : json_null(),
        "findings", findings(a),
        "files", files(a));

    return ctw_json_print(o, false, buffer, size);
}
/* clang-format on */
