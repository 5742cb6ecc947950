/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/view/top.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/util/json.h"
#include "lib/util/strbuf.h"
#include "lib/watch/level.h"

uint32_t ctw_share_tenths(uint32_t permyriad) {
    return permyriad < CTW_PERMYRIAD ? (permyriad + 5) / 10 : CTW_PERMYRIAD / 10;
}

void ctw_share_put(struct ctw_out *o, int width, uint32_t permyriad) {
    const uint32_t tenths = ctw_share_tenths(permyriad);

    ctw_out_put(o, "%*" PRIu32 ".%" PRIu32 " %%", width > 2 ? width - 2 : 0, tenths / 10,
                tenths % 10);
}

void ctw_share_put_outlook(struct ctw_out *o, const struct ctw_talkers *talkers) {
    ctw_out_put(o, "\nassured    ");
    ctw_share_put(o, 5, talkers->assured_permyriad);
    ctw_out_put(o, "  of the entries cannot be evicted from a full table\n");
    if (!talkers->has_drop_risk)
        return;
    ctw_out_put(o, "drop risk  ");
    ctw_share_put(o, 5, talkers->drop_risk_permyriad);
    ctw_out_put(o, "  of new connections lost, should it fill up with the like\n");
}

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

    if (!t->talkers.sampled) {
        (void)snprintf(ret, 24, "%" PRIu64, entries);
        return;
    }
    const uint64_t estimate = entries * t->table.count / t->talkers.entries;
    while (estimate / unit >= 1000)
        unit *= 10;
    (void)snprintf(ret, 24, "~%" PRIu64, (estimate + unit / 2) / unit * unit);
}

static void put_row(struct ctw_out *o, const struct ctw_top *t, int width, const char *name,
                    uint64_t entries) {
    char number[24];

    print_entries(t, entries, number);
    ctw_out_put(o, "%-*s %9s ", width, name, number);
    ctw_share_put(o, 5, permyriad(entries, t->talkers.entries));
}

/* Who was met only once in a sample is nobody in particular. */
static size_t named(const struct ctw_top *t, const struct ctw_top_list *list) {
    size_t n = 0;

    while (n < list->n && (list->rows[n].entries > 1 || !t->talkers.sampled))
        n++;
    return n;
}

static uint64_t unnamed_entries(const struct ctw_top *t, const struct ctw_top_list *list) {
    uint64_t entries = t->talkers.entries;

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
        put_bar(o, line_entries(t, list, i), t->talkers.entries);
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
    if (t->talkers.entries == 0) {
        ctw_out_put(o, "none was found\n");
    } else if (t->talkers.sampled) {
        ctw_out_put(o, "a random sample of %" PRIu32 " of them: shares are right within ",
                    t->talkers.entries);
        ctw_share_put(o, 0, t->talkers.margin_permyriad);
        ctw_out_put(o, "\n");
    } else {
        ctw_out_put(o, "all %" PRIu32 " were counted\n", t->talkers.entries);
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
    if (t->talkers.entries == 0)
        return o.used;

    for (; i < t->n_lists && (i == 0 || i + 1 == t->n_lists); i++)
        put_list(&o, t, &t->lists[i]);
    for (; i + 1 < t->n_lists; i += 2)
        put_pair(&o, t, &t->lists[i], &t->lists[i + 1]);
    ctw_share_put_outlook(&o, &t->talkers);
    return o.used;
}

static json_t *share(uint64_t part, uint64_t whole) {
    return ctw_json_percent(whole == 0 ? 0
                                       : (uint32_t)((part * CTW_PERMYRIAD + whole / 2) / whole));
}

static json_t *table(const struct ctw_sample *s) {
    json_t *o = json_object();
    int r = ctw_json_add(o, "count", json_integer(s->count));

    r |= ctw_json_add(o, "max", s->max > 0 ? json_integer(s->max) : json_null());
    r |= ctw_json_add(o, "buckets", s->has_buckets ? json_integer(s->buckets) : json_null());
    return ctw_json_whole(o, r);
}

static json_t *row(const struct ctw_top_row *row, uint64_t of) {
    json_t *o = json_object();
    int r = ctw_json_add(o, "name", json_string(row->name));

    r |= ctw_json_add(o, "entries", json_integer((json_int_t)row->entries));
    r |= ctw_json_add(o, "share_percent", share(row->entries, of));
    return ctw_json_whole(o, r);
}

static json_t *list(const struct ctw_top_list *list, uint64_t of) {
    json_t *o = json_object(), *rows = json_array();
    int r = ctw_json_add(o, "distinct", json_integer((json_int_t)list->distinct));

    for (size_t i = 0; i < list->n; i++)
        r |= json_array_append_new(rows, row(&list->rows[i], of));
    r |= ctw_json_add(o, "top", rows);
    return ctw_json_whole(o, r);
}

static json_t *top(const struct ctw_top *t) {
    const struct ctw_talkers *talkers = &t->talkers;
    json_t *o = json_object();
    int r = ctw_json_add(o, "table", table(&t->table));

    r |= ctw_json_add(o, "counted", json_integer(talkers->entries));
    r |= ctw_json_add(o, "sampled", json_boolean(talkers->sampled));
    r |= ctw_json_add(o, "margin_percent", ctw_json_percent(talkers->margin_permyriad));
    r |= ctw_json_add(o, "timed_out", json_boolean(t->timed_out));
    r |= ctw_json_add(o, "interrupted", json_boolean(t->interrupted));
    r |= ctw_json_add(o, "assured_percent", ctw_json_percent(talkers->assured_permyriad));
    r |= ctw_json_add(o, "unreplied_percent", ctw_json_percent(talkers->unreplied_permyriad));
    r |= ctw_json_add(o, "drop_risk_percent",
                      talkers->has_drop_risk ? ctw_json_percent(talkers->drop_risk_permyriad)
                                             : json_null());
    for (size_t i = 0; i < t->n_lists; i++)
        r |= ctw_json_add(o, ctw_dimension_word(t->lists[i].by),
                          list(&t->lists[i], talkers->entries));
    return ctw_json_whole(o, r);
}

size_t ctw_render_top_json(const struct ctw_top *t, bool compact, char *buffer, size_t size) {
    return ctw_json_print(top(t), compact, buffer, size);
}

/* The longest name there is, and a bar. */
#define SHARE_NAME_WIDTH 50
#define SHARE_BAR_WIDTH  20

static void put_sample_basis(struct ctw_out *o, const struct ctw_view *v) {
    const struct ctw_snapshot *p = &v->snapshot;
    struct ctw_line ago;

    ctw_line_start(&ago);
    ctw_line_add_duration(&ago, ctw_view_ago(v, p->talkers_usec));
    ctw_out_put(o, "asked %s ago: ", ago.text);
    if (p->talkers.entries == 0) {
        ctw_out_put(o, "no entry was found\n");
    } else if (p->talkers.sampled) {
        ctw_out_put(o, "a random sample of %" PRIu32 " entries, shares are right within ",
                    p->talkers.entries);
        ctw_share_put(o, 0, p->talkers.margin_permyriad);
        ctw_out_put(o, "\n");
    } else {
        ctw_out_put(o, "all %" PRIu32 " entries\n", p->talkers.entries);
    }
}

static void put_share_list(struct ctw_out *o, const char *title, const struct ctw_share *shares,
                           uint32_t n) {
    if (n == 0)
        return;
    ctw_out_put(o, "\n%-*s %7s\n", SHARE_NAME_WIDTH, title, "SHARE");
    for (uint32_t i = 0; i < n; i++) {
        const uint32_t share =
            shares[i].permyriad < CTW_PERMYRIAD ? shares[i].permyriad : CTW_PERMYRIAD;
        const uint32_t bar = (share * SHARE_BAR_WIDTH + CTW_PERMYRIAD / 2) / CTW_PERMYRIAD;
        ctw_out_put(o, "%-*.*s ", SHARE_NAME_WIDTH, SHARE_NAME_WIDTH, shares[i].name);
        ctw_share_put(o, 5, share);
        ctw_out_put(o, "%s%.*s\n", bar > 0 ? "  " : "", (int)bar, "####################");
    }
}

size_t ctw_render_talkers_text(const struct ctw_view *v, char *buffer, size_t size) {
    const struct ctw_snapshot *p = &v->snapshot;
    struct ctw_out o = {.buffer = buffer, .size = size};

    if (size > 0)
        buffer[0] = '\0';
    if (!p->talkers.known) {
        ctw_out_put(&o, "nobody has been asked yet: ctwatchd asks when the level rises\n");
        return o.used;
    }
    put_sample_basis(&o, v);
    if (p->talkers.entries == 0)
        return o.used;
    put_share_list(&o, "SOURCE", p->talkers.sources, p->talkers.n_sources);
    put_share_list(&o, "DESTINATION PORT", p->talkers.ports, p->talkers.n_ports);
    put_share_list(&o, "STATE", p->talkers.states, p->talkers.n_states);
    ctw_share_put_outlook(&o, &p->talkers);
    return o.used;
}

static json_t *share_list(const struct ctw_share *shares, uint32_t n) {
    json_t *rows = json_array();

    for (uint32_t i = 0; i < n; i++)
        if (json_array_append_new(rows, json_pack("{s:s, s:f}", "name", shares[i].name,
                                                  "share_percent", shares[i].permyriad / 100.0)) <
            0) {
            json_decref(rows);
            return NULL;
        }
    return rows;
}

static json_t *object(const struct ctw_view *v) {
    const struct ctw_talkers *talkers = &v->snapshot.talkers;
    const uint64_t ago_usec = ctw_view_ago(v, v->snapshot.talkers_usec);
    json_t *o = json_object();
    int r = ctw_json_add(o, "known", json_boolean(talkers->known));

    if (talkers->known) {
        r |= ctw_json_add(o, "asked_seconds_ago",
                          json_integer((json_int_t)(ago_usec / CTW_USEC_PER_SEC)));
        r |= ctw_json_add(o, "counted", json_integer(talkers->entries));
        r |= ctw_json_add(o, "sampled", json_boolean(talkers->sampled));
        r |= ctw_json_add(o, "margin_percent", ctw_json_percent(talkers->margin_permyriad));
        r |= ctw_json_add(o, "assured_percent", ctw_json_percent(talkers->assured_permyriad));
        r |= ctw_json_add(o, "unreplied_percent", ctw_json_percent(talkers->unreplied_permyriad));
        r |= ctw_json_add(o, "drop_risk_percent",
                          talkers->has_drop_risk ? ctw_json_percent(talkers->drop_risk_permyriad)
                                                 : json_null());
        r |= ctw_json_add(o, "source", share_list(talkers->sources, talkers->n_sources));
        r |= ctw_json_add(o, "port", share_list(talkers->ports, talkers->n_ports));
        r |= ctw_json_add(o, "state", share_list(talkers->states, talkers->n_states));
    }
    return ctw_json_whole(o, r);
}

size_t ctw_render_talkers_json(const struct ctw_view *v, char *buffer, size_t size) {
    return ctw_json_print(object(v), false, buffer, size);
}
