/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/view/namespaces.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/report/message.h"
#include "lib/util/json.h"
#include "lib/util/strbuf.h"
#include "lib/util/units.h"
#include "lib/watch/level.h"

/* --- in words --------------------------------------------------------------------------------- */

void ctw_namespaces_add_name(struct ctw_line *l, const struct ctw_namespace_record *n) {
    if (n->name.text[0] != '\0')
        ctw_line_add(l, "%s", n->name.text);
    else if (n->netns_inode != 0)
        ctw_line_add(l, "netns %" PRIu64, n->netns_inode);
    else
        ctw_line_add(l, "netns of process %" PRIu32, n->pid);
}

/* Why they cannot be seen; NULL: they can, or are not to be. */
static const char *fault_of(const struct ctw_namespaces *n) {
    static const char *const faults[CTW_NAMESPACES_SIGHTS] = {
        [CTW_NAMESPACES_HIDDEN] =
            "/proc hides the processes of other users (hidepid, or ProtectProc= of the unit)",
        [CTW_NAMESPACES_NO_FILE] = "the kernel lacks CONFIG_NF_CONNTRACK_PROCFS"};

    return faults[n->of.sight];
}

static void add_fill(struct ctw_line *l, uint32_t count, uint32_t max) {
    if (max > 0)
        ctw_line_add(l, "%s %% (%" PRIu32 " of %" PRIu32 ")",
                     ctw_percent(ctw_usage_permyriad(count, max)).text, count, max);
    else
        ctw_line_add(l, "%" PRIu32 " entries", count);
}

/* How many there are, and what cannot be seen. */
static void add_summary(struct ctw_line *l, const struct ctw_namespaces *n) {
    const struct ctw_namespaces_head *of = &n->of;

    if (fault_of(n))
        ctw_line_add(l, "not all can be seen: %s; ", fault_of(n));
    ctw_line_add(l, "%" PRIu32 " watched, entries in all: %" PRIu64, of->n, of->entries);
    if (of->known > of->n)
        ctw_line_add(l, "; not watched (namespaces.max): %" PRIu32, of->known - of->n);
    if (of->names_unseen > 0)
        ctw_line_add(l, "; names in /run/netns without a process, not visible: %" PRIu32,
                     of->names_unseen);
    if (of->round_usec == 0)
        ctw_line_add(l, "; the first search is not complete yet");
}

/* --- the table -------------------------------------------------------------------------------- */

enum column { KIND, FILL, ENTRIES, MAX, RATE, DROPPED, EVICTED, PID, INODE, COLUMNS };

/* Columns of names, however narrow the terminal is; between two columns; and of the lines above the
 * table, where the width is not bounded. */
#define NAME_MIN 16u
#define GAP      2u
#define UNBROKEN 240u

struct row {
    char name[CTW_NETNS_TEXT_MAX];
    struct ctw_word cells[COLUMNS];
};

static const struct row headings = {"NAME",
                                    {{"KIND"},
                                     {"FILL %"},
                                     {"ENTRIES"},
                                     {"MAX"},
                                     {"ENTRIES/S"},
                                     {"DROPPED"},
                                     {"EVICTED"},
                                     {"PID"},
                                     {"INODE"}}};

static struct ctw_word number_if(bool known, uint64_t n) {
    struct ctw_word w = {"-"};

    if (known)
        (void)snprintf(w.text, sizeof(w.text), "%" PRIu64, n);
    return w;
}

static struct row row_of(const struct ctw_namespace_record *n, uint32_t max) {
    const bool has = n->has_table;
    struct row r = {"-",
                    {[FILL] = {"-"},
                     [ENTRIES] = number_if(has, n->count),
                     [MAX] = number_if(max > 0, max),
                     [RATE] = {"-"},
                     [DROPPED] = number_if(has, n->lost.drops),
                     [EVICTED] = number_if(has, n->lost.early_drops),
                     [PID] = number_if(n->pid != 0, n->pid),
                     [INODE] = number_if(n->netns_inode != 0, n->netns_inode)}};

    if (n->name.text[0] != '\0')
        memcpy(r.name, n->name.text, sizeof(r.name));
    (void)snprintf(r.cells[KIND].text, sizeof(r.cells[KIND].text), "%s",
                   ctw_netns_kind_word(n->name.kind));
    if (has && max > 0)
        r.cells[FILL] = ctw_percent(ctw_usage_permyriad(n->count, max));
    if (n->has_rate)
        (void)snprintf(r.cells[RATE].text, sizeof(r.cells[RATE].text), "%+" PRId64, n->rate);
    return r;
}

static void widen(const struct row *r, uint32_t *name, uint32_t widths[COLUMNS]) {
    *name = (uint32_t)ctw_most(*name, strlen(r->name));
    for (size_t i = 0; i < COLUMNS; i++)
        widths[i] = (uint32_t)ctw_most(widths[i], strlen(r->cells[i].text));
}

static void put_row(struct ctw_out *o, const struct row *r, uint32_t name,
                    const uint32_t widths[COLUMNS]) {
    ctw_out_put(o, "%-*.*s  %-*s", (int)name, (int)name, r->name, (int)widths[KIND],
                r->cells[KIND].text);
    for (size_t i = FILL; i < COLUMNS; i++)
        ctw_out_put(o, "%*s", (int)(GAP + widths[i]), r->cells[i].text);
    ctw_out_put(o, "\n");
}

static void put_rows(struct ctw_out *o, const struct ctw_namespaces *n, uint32_t columns) {
    uint32_t name = 0, others = 0, widths[COLUMNS] = {0};

    widen(&headings, &name, widths);
    for (uint32_t i = 0; i < n->of.n; i++) {
        const struct row r = row_of(&n->records[i], n->of.max);
        widen(&r, &name, widths);
    }
    for (size_t i = 0; i < COLUMNS; i++)
        others += GAP + widths[i];
    if (columns > 0 && name + others > columns)
        name = (uint32_t)ctw_least(name, ctw_most(NAME_MIN, columns - ctw_least(columns, others)));
    ctw_out_put(o, "\n");
    put_row(o, &headings, name, widths);
    for (uint32_t i = 0; i < n->of.n; i++) {
        const struct row r = row_of(&n->records[i], n->of.max);
        put_row(o, &r, name, widths);
    }
}

size_t ctw_render_namespaces_text(const struct ctw_view *v, const char *origin, uint32_t columns,
                                  char *buffer, size_t size) {
    const struct ctw_snapshot *own = &v->snapshot;
    struct ctw_layout p = {.out = {.buffer = buffer, .size = size},
                           .columns = columns > 0 ? columns : UNBROKEN};
    struct ctw_line l = {0};

    if (size > 0)
        buffer[0] = '\0';
    if (origin[0] != '\0')
        ctw_layout_paragraph(&p, "", CTW_COLOUR_NONE, origin);
    if (own->has_table) {
        ctw_line_add(&l, "own table: ");
        add_fill(&l, own->table.count, own->table.max);
        ctw_line_add(&l, "; others: ");
    }
    add_summary(&l, v->namespaces);
    ctw_layout_paragraph(&p, "", CTW_COLOUR_NONE, l.text);
    if (v->namespaces->of.n > 0)
        put_rows(&p.out, v->namespaces, columns);
    return p.out.used;
}

/* --- in the status ---------------------------------------------------------------------------- */

enum ctw_colour ctw_level_colour(enum ctw_level level) {
    return level == CTW_LEVEL_OK        ? CTW_COLOUR_GOOD
           : level == CTW_LEVEL_WARNING ? CTW_COLOUR_UNWELL
                                        : CTW_COLOUR_BAD;
}

/* "podman 3f2a9c1b7d20: 98.1 % (257163 of 262144), full in 2 min, 5123 new flows dropped ..." */
static void add_one(struct ctw_line *l, const struct ctw_namespace_record *n, uint32_t max) {
    struct ctw_line loss;

    ctw_namespaces_add_name(l, n);
    ctw_line_add(l, ": ");
    if (n->has_table)
        add_fill(l, n->count, max);
    else
        ctw_line_add(l, "full");
    if (n->fills)
        ctw_line_add(l, ", full in %s", ctw_duration(n->usec_to_full).text);
    for (size_t i = 0; i < CTW_LOSS_CLASSES; i++)
        if (ctw_message_loss(&n->lost, i, &loss))
            ctw_line_add(l, ", %s", loss.text);
}

void ctw_namespaces_block(struct ctw_layout *p, const struct ctw_namespaces *n) {
    struct ctw_line l = {0};

    add_summary(&l, n);
    ctw_layout_paragraph(p, "namespaces", CTW_COLOUR_NONE, l.text);
    for (uint32_t i = 0, shown = 0; i < n->of.n && shown < CTW_NAMESPACES_SHOWN; i++) {
        const struct ctw_namespace_record *r = &n->records[i];
        if (r->has_table ? r->count == 0 && !ctw_losses_any(&r->lost) : r->level < CTW_LEVEL_FULL)
            continue;
        ctw_line_start(&l);
        add_one(&l, r, n->of.max);
        ctw_layout_paragraph(p, "", ctw_level_colour((enum ctw_level)r->level), l.text);
        shown++;
    }
}

/* --- JSON ------------------------------------------------------------------------------------- */

/* clang-format off */

static json_t *record_json(const struct ctw_namespace_record *n, uint32_t max) {
    const bool has = n->has_table;

    return json_pack(
        "{s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
        "name", n->name.text[0] != '\0' ? json_string(n->name.text) : json_null(),
        "kind", ctw_netns_kind_word(n->name.kind),
        "netns_inode", ctw_json_number_if(n->netns_inode != 0, n->netns_inode),
        "pid", ctw_json_number_if(n->pid != 0, n->pid),
        "count", ctw_json_number_if(has, n->count),
        "max", ctw_json_number_if(max > 0, max),
        "usage_percent", ctw_json_percent_if(has && max > 0, ctw_usage_permyriad(n->count, max)),
        "entries_per_second", n->has_rate ? json_integer(n->rate) : json_null(),
        "dropped_full", ctw_json_number_if(has, n->lost.drops),
        "evicted", ctw_json_number_if(has, n->lost.early_drops));
}

json_t *ctw_namespaces_json(const struct ctw_namespaces *n, const char *name, uint32_t most) {
    const char *fault = fault_of(n);
    json_t *list = json_array();

    for (uint32_t i = 0; i < n->of.n && i < most; i++)
        list = ctw_json_append(list, record_json(&n->records[i], n->of.max));
    return json_pack(
        "{s:o, s:o, s:o, s:o, s:o, s:o}",
        "known", ctw_json_number(n->of.known),
        "watched", ctw_json_number(n->of.n),
        "names_without_process", ctw_json_number(n->of.names_unseen),
        "entries", ctw_json_number(n->of.entries),
        "fault", fault ? json_string(fault) : json_null(),
        name, list);
}

/* clang-format on */

size_t ctw_render_namespaces_json(const struct ctw_view *v, bool compact, char *buffer,
                                  size_t size) {
    const struct ctw_namespaces *n = v->namespaces;
    json_t *o = ctw_namespaces_json(n, "namespaces", n->of.n);

    o = ctw_json_set(o, "now_unix_seconds", ctw_json_number(v->realtime_usec / CTW_USEC_PER_SEC));
    o = ctw_json_set(o, "by_daemon", json_boolean(n->of.pid != 0));
    return ctw_json_print(o, compact, buffer, size);
}
