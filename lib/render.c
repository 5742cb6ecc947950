/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "render.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "level.h"
#include "out.h"
#include "shares.h"

/* --- one list -------------------------------------------------------------------------------- */

/* Two lists side by side take 38 columns each, which leaves 20 for a name; one list alone has room
 * for a bar. */
#define NAME_WIDTH 20
#define GAP        4
#define BAR_WIDTH  20

static uint32_t permyriad(uint64_t part, uint64_t whole) {
    return whole == 0 ? 0 : (uint32_t)((part * CTW_PERMYRIAD + whole / 2) / whole);
}

/* "~292000": of a sample, how many of the table there are, to three digits. */
static void print_entries(const struct ctw_top *t, uint64_t entries, char ret[static 24]) {
    uint64_t unit = 1;

    if (!t->who.sampled) {
        (void)snprintf(ret, 24, "%" PRIu64, entries);
        return;
    }
    const uint64_t estimate = entries * t->table.count / t->who.entries;
    while (estimate / unit >= 1000)
        unit *= 10;
    (void)snprintf(ret, 24, "~%" PRIu64, (estimate + unit / 2) / unit * unit);
}

static void put_row(struct ctw_out *o, const struct ctw_top *t, int width, const char *name,
                    uint64_t entries) {
    char number[24];

    print_entries(t, entries, number);
    ctw_out_put(o, "%-*s %9s ", width, name, number);
    ctw_share_put(o, 5, permyriad(entries, t->who.entries));
}

/* Who was met only once in a sample is nobody in particular. */
static size_t named(const struct ctw_top *t, const struct ctw_top_list *list) {
    size_t n = 0;

    while (n < list->n && (list->rows[n].entries > 1 || !t->who.sampled))
        n++;
    return n;
}

static uint64_t unnamed_entries(const struct ctw_top *t, const struct ctw_top_list *list) {
    uint64_t entries = t->who.entries;

    for (size_t i = 0; i < named(t, list); i++)
        entries -= list->rows[i].entries < entries ? list->rows[i].entries : entries;
    return entries;
}

/* The names, and one more for the others. */
static size_t lines(const struct ctw_top *t, const struct ctw_top_list *list) {
    return named(t, list) + (unnamed_entries(t, list) > 0);
}

static uint64_t line_entries(const struct ctw_top *t, const struct ctw_top_list *list, size_t i) {
    return i < named(t, list) ? list->rows[i].entries : unnamed_entries(t, list);
}

static const char *line_name(const struct ctw_top *t, const struct ctw_top_list *list, size_t i) {
    return i < named(t, list) ? list->rows[i].name : "(others)";
}

static void put_heading(struct ctw_out *o, const struct ctw_top_list *list, int width) {
    char title[32];

    (void)snprintf(title, sizeof(title), "%s%s", list->by == CTW_BY_PORT ? "destination " : "",
                   ctw_dimension_word(list->by));
    for (char *c = title; *c != '\0'; c++)
        *c = (char)toupper((unsigned char)*c);
    ctw_out_put(o, "%-*s %9s %7s", width, title, "ENTRIES", "SHARE");
}

static void put_bar(struct ctw_out *o, uint64_t part, uint64_t whole) {
    const uint32_t share = permyriad(part, whole);
    const uint32_t n = (share * BAR_WIDTH + CTW_PERMYRIAD / 2) / CTW_PERMYRIAD;

    if (n > 0)
        ctw_out_put(o, "  %.*s", (int)n, "####################");
}

static void put_list(struct ctw_out *o, const struct ctw_top *t, const struct ctw_top_list *list) {
    int width = NAME_WIDTH;

    for (size_t i = 0; i < list->n; i++)
        if ((int)strlen(list->rows[i].name) > width)
            width = (int)strlen(list->rows[i].name);
    ctw_out_put(o, "\n");
    put_heading(o, list, width);
    ctw_out_put(o, "\n");
    for (size_t i = 0; i < lines(t, list); i++) {
        put_row(o, t, width, line_name(t, list, i), line_entries(t, list, i));
        put_bar(o, line_entries(t, list, i), t->who.entries);
        ctw_out_put(o, "\n");
    }
}

static void put_half(struct ctw_out *o, const struct ctw_top *t, const struct ctw_top_list *list,
                     size_t i) {
    char name[NAME_WIDTH + 1];

    (void)snprintf(name, sizeof(name), "%.*s", NAME_WIDTH, line_name(t, list, i));
    put_row(o, t, NAME_WIDTH, name, line_entries(t, list, i));
}

static void put_pair(struct ctw_out *o, const struct ctw_top *t, const struct ctw_top_list *left,
                     const struct ctw_top_list *right) {
    const size_t n_left = lines(t, left), n_right = lines(t, right);

    ctw_out_put(o, "\n");
    put_heading(o, left, NAME_WIDTH);
    ctw_out_put(o, "%*s", GAP, "");
    put_heading(o, right, NAME_WIDTH);
    ctw_out_put(o, "\n");
    for (size_t i = 0; i < n_left || i < n_right; i++) {
        if (i < n_left)
            put_half(o, t, left, i);
        if (i < n_right) {
            ctw_out_put(o, "%*s", i < n_left ? GAP : 2 * (NAME_WIDTH - 1) + GAP, "");
            put_half(o, t, right, i);
        }
        ctw_out_put(o, "\n");
    }
}

/* --- around them ----------------------------------------------------------------------------- */

/* "486211 of 524288 entries (92.7 %), 262144 buckets"; the fill is cut off, not rounded, so that
 * 100.0 means full. */
static void put_table(struct ctw_out *o, const struct ctw_sample *s) {
    const uint32_t usage = ctw_usage_permyriad(s->count, s->max);

    ctw_out_put(o, "%" PRIu32, s->count);
    if (s->max > 0)
        ctw_out_put(o, " of %" PRIu32 " entries (%" PRIu32 ".%" PRIu32 " %%)", s->max, usage / 100,
                    usage / 10 % 10);
    else
        ctw_out_put(o, " entries, no limit");
    if (s->has_buckets)
        ctw_out_put(o, ", %" PRIu32 " buckets", s->buckets);
    ctw_out_put(o, "\n");
}

static void put_basis(struct ctw_out *o, const struct ctw_top *t) {
    if (t->who.entries == 0) {
        ctw_out_put(o, "none was found\n");
    } else if (t->who.sampled) {
        ctw_out_put(o, "a random sample of %" PRIu32 " of them: shares are right within ",
                    t->who.entries);
        ctw_share_put(o, 0, t->who.margin_permyriad);
        ctw_out_put(o, "\n");
    } else {
        ctw_out_put(o, "all %" PRIu32 " were counted\n", t->who.entries);
    }
    if (t->timed_out)
        ctw_out_put(
            o, "stopped before the sample was complete: the kernel had to search for these among\n"
               "the entries of other network namespaces\n");
    if (t->interrupted)
        ctw_out_put(o, "they changed places meanwhile: some may be missing or counted twice\n");
}

size_t ctw_render_top_text(const struct ctw_top *t, char *buffer, size_t size) {
    struct ctw_out o = {.buffer = buffer, .size = size};
    size_t i = 0;

    if (size > 0)
        buffer[0] = '\0';
    put_table(&o, &t->table);
    put_basis(&o, t);
    if (t->who.entries == 0)
        return o.used;

    for (; i < t->n_lists && (i == 0 || i + 1 == t->n_lists); i++)
        put_list(&o, t, &t->lists[i]);
    for (; i + 1 < t->n_lists; i += 2)
        put_pair(&o, t, &t->lists[i], &t->lists[i + 1]);
    ctw_share_put_outlook(&o, &t->who);
    return o.used;
}
