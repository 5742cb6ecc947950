/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/view/namespaces.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/util/json.h"
#include "lib/util/strbuf.h"
#include "lib/watch/level.h"

/* --- in words --------------------------------------------------------------------------------- */

static const char *plural(uint64_t n) {
    return n == 1 ? "" : "s";
}

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
    if (n->of.sight == CTW_NAMESPACES_HIDDEN)
        return "/proc hides the processes of other users (hidepid, or ProtectProc= of the unit)";
    if (n->of.sight == CTW_NAMESPACES_NO_FILE)
        return "the kernel lacks CONFIG_NF_CONNTRACK_PROCFS";
    return NULL;
}

/* "12 others hold 270112 entries", and which cannot be seen. */
static void add_summary(struct ctw_line *l, const struct ctw_namespaces *n) {
    const struct ctw_namespaces_head *of = &n->of;

    if (fault_of(n))
        ctw_line_add(l, "not all can be seen: %s; ", fault_of(n));
    ctw_line_add(l, "%" PRIu32 " other%s hold%s %" PRIu64 " entr%s", of->n, plural(of->n),
                 of->n == 1 ? "s" : "", of->entries, of->entries == 1 ? "y" : "ies");
    if (of->known > of->n)
        ctw_line_add(l, "; %" PRIu32 " more %s not watched (namespaces.max)", of->known - of->n,
                     of->known - of->n == 1 ? "is" : "are");
    if (of->names_unseen > 0)
        ctw_line_add(l, "; %" PRIu32 " name%s in /run/netns ha%s no process and cannot be seen",
                     of->names_unseen, plural(of->names_unseen),
                     of->names_unseen == 1 ? "s" : "ve");
    if (of->round_usec == 0)
        ctw_line_add(l, "; the first search is not complete yet");
}

/* --- the table -------------------------------------------------------------------------------- */

enum column { NAME, KIND, FILL, ENTRIES, MAX, RATE, DROPPED, EVICTED, PID, INODE, COLUMNS };

static const char *const headings[] = {"NAME",      "KIND",    "FILL %",  "ENTRIES", "MAX",
                                       "ENTRIES/S", "DROPPED", "EVICTED", "PID",     "INODE"};

/* A name is at least this wide, however narrow the terminal is. */
#define NAME_MIN 16u
#define GAP      2u

/* Columns of the lines above, where the width is not bounded. */
#define UNBROKEN 240u

static struct ctw_word number_if(bool known, uint64_t n) {
    struct ctw_word w = {"-"};

    if (known)
        (void)snprintf(w.text, sizeof(w.text), "%" PRIu64, n);
    return w;
}

/* Of any column but the name. */
static struct ctw_word cell_of(const struct ctw_namespaces *all,
                               const struct ctw_namespace_record *n, enum column column) {
    const uint32_t max = all->of.max;
    struct ctw_word w = {"-"};

    switch (column) {
    case KIND:
        (void)snprintf(w.text, sizeof(w.text), "%s", ctw_netns_kind_word(n->name.kind));
        return w;
    case FILL: return n->has_table && max > 0 ? ctw_percent(ctw_usage_permyriad(n->count, max)) : w;
    case ENTRIES: return number_if(n->has_table, n->count);
    case MAX: return number_if(max > 0, max);
    case RATE:
        if (n->has_rate)
            (void)snprintf(w.text, sizeof(w.text), "%+" PRId64, n->rate);
        return w;
    case DROPPED: return number_if(n->has_table, n->lost.drops);
    case EVICTED: return number_if(n->has_table, n->lost.early_drops);
    case PID: return number_if(n->pid != 0, n->pid);
    case INODE: return number_if(n->netns_inode != 0, n->netns_inode);
    case NAME:
    case COLUMNS: break;
    }
    return w;
}

static const char *name_of(const struct ctw_namespace_record *n) {
    return n->name.text[0] != '\0' ? n->name.text : "-";
}

static void widen(uint32_t *width, uint32_t columns) {
    if (columns > *width)
        *width = columns;
}

/* @room: columns for all; 0: as many as it takes */
static void find_widths(const struct ctw_namespaces *n, uint32_t room, uint32_t widths[COLUMNS]) {
    uint32_t others = 0;

    for (enum column c = NAME; c < COLUMNS; c++) {
        widths[c] = (uint32_t)strlen(headings[c]);
        for (uint32_t i = 0; i < n->of.n; i++)
            widen(&widths[c], c == NAME ? ctw_layout_columns(name_of(&n->records[i]))
                                        : (uint32_t)strlen(cell_of(n, &n->records[i], c).text));
        others += c == NAME ? 0 : GAP + widths[c];
    }
    if (room > 0 && widths[NAME] > NAME_MIN && widths[NAME] + others > room)
        widths[NAME] = room > others + NAME_MIN ? room - others : NAME_MIN;
}

/* @of: NULL: the headings */
static void put_row(struct ctw_layout *p, const struct ctw_namespaces *n,
                    const struct ctw_namespace_record *of, const uint32_t widths[COLUMNS]) {
    const uint32_t used = ctw_layout_put_within(p, of ? name_of(of) : headings[NAME], widths[NAME]);

    ctw_out_put(&p->out, "%*s", (int)(widths[NAME] - used), "");
    for (enum column c = KIND; c < COLUMNS; c++) {
        const struct ctw_word w = of ? cell_of(n, of, c) : (struct ctw_word){""};
        ctw_out_put(&p->out, "%*s%*s", (int)GAP, "", (c == KIND ? -1 : 1) * (int)widths[c],
                    of ? w.text : headings[c]);
    }
    ctw_out_put(&p->out, "\n");
}

/* Whose table is not among them. */
static void put_own(struct ctw_layout *p, const struct ctw_snapshot *own) {
    struct ctw_line l = {0};

    if (!own->has_table)
        return;
    ctw_line_add(&l, "%s: %" PRIu32 " entries", own->netns[0] != '\0' ? own->netns : "own table",
                 own->table.count);
    if (own->table.max > 0)
        ctw_line_add(&l, " (%s %%)",
                     ctw_percent(ctw_usage_permyriad(own->table.count, own->table.max)).text);
    ctw_layout_paragraph(p, "", CTW_COLOUR_NONE, l.text);
}

size_t ctw_render_namespaces_text(const struct ctw_view *v, uint32_t columns, bool utf8,
                                  char *buffer, size_t size) {
    const struct ctw_namespaces *n = v->namespaces;
    struct ctw_layout p = {.out = {.buffer = buffer, .size = size},
                           .columns = columns > 0 ? columns : UNBROKEN,
                           .utf8 = utf8};
    struct ctw_line summary = {0};
    uint32_t widths[COLUMNS];

    if (size > 0)
        buffer[0] = '\0';
    put_own(&p, &v->snapshot);
    add_summary(&summary, n);
    ctw_layout_paragraph(&p, "", CTW_COLOUR_NONE, summary.text);
    if (n->of.n == 0)
        return p.out.used;
    find_widths(n, columns, widths);
    ctw_out_put(&p.out, "\n");
    put_row(&p, n, NULL, widths);
    for (uint32_t i = 0; i < n->of.n; i++)
        put_row(&p, n, &n->records[i], widths);
    return p.out.used;
}

/* --- in the status ---------------------------------------------------------------------------- */

static bool is_shown(const struct ctw_namespace_record *n) {
    return n->count > 0 || n->level > CTW_LEVEL_OK || n->lost.drops > 0;
}

enum ctw_colour ctw_level_colour(enum ctw_level level) {
    return level == CTW_LEVEL_OK        ? CTW_COLOUR_GOOD
           : level == CTW_LEVEL_WARNING ? CTW_COLOUR_UNWELL
                                        : CTW_COLOUR_BAD;
}

/* "podman 3f2a9c1b7d20: 98.1 % (257163 of 262144), full in 2 min, 5123 new flows dropped" */
static void add_one(struct ctw_line *l, const struct ctw_namespace_record *n, uint32_t max) {
    ctw_namespaces_add_name(l, n);
    ctw_line_add(l, ": ");
    if (!n->has_table)
        ctw_line_add(l, "full, by the kernel log");
    else if (max > 0)
        ctw_line_add(l, "%s %% (%" PRIu32 " of %" PRIu32 ")",
                     ctw_percent(ctw_usage_permyriad(n->count, max)).text, n->count, max);
    else
        ctw_line_add(l, "%" PRIu32 " entries", n->count);
    if (n->fills)
        ctw_line_add(l, ", full in %s", ctw_duration(n->usec_to_full).text);
    if (n->lost.drops > 0)
        ctw_line_add(l, ", %" PRIu64 " new flow%s dropped (table full)", n->lost.drops,
                     plural(n->lost.drops));
    if (n->lost.early_drops > 0)
        ctw_line_add(l, ", %" PRIu64 " entr%s evicted", n->lost.early_drops,
                     n->lost.early_drops == 1 ? "y" : "ies");
}

void ctw_namespaces_block(struct ctw_layout *p, const struct ctw_namespaces *n) {
    struct ctw_line l = {0};

    if (n->of.sight == CTW_NAMESPACES_OFF)
        return;
    add_summary(&l, n);
    ctw_layout_paragraph(p, "namespaces", CTW_COLOUR_NONE, l.text);
    for (uint32_t i = 0, shown = 0; i < n->of.n && shown < CTW_NAMESPACES_SHOWN; i++) {
        if (!is_shown(&n->records[i]))
            continue;
        ctw_line_start(&l);
        add_one(&l, &n->records[i], n->of.max);
        ctw_layout_paragraph(p, "", ctw_level_colour((enum ctw_level)n->records[i].level), l.text);
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
