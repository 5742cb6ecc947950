/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/view/top.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/report/message.h"
#include "lib/util/json.h"
#include "lib/util/strbuf.h"
#include "lib/watch/level.h"

#define COLUMNS 80u

/* --- lists ------------------------------------------------------------------------------------ */

#define GAP    3u
#define NUMBER 10u /* "  ~292000 ", "    300000" */
#define SHARE  8u  /* " 100.0 %" */
#define BAR    20u

struct list {
    const struct ctw_top_list *of;
    const struct ctw_top *top;         /* of numbers of entries; NULL: it has none */
    const struct ctw_new_sources *new; /* of rates of new flows; NULL: it has none */
    size_t n;                          /* rows shown */
    uint64_t others;                   /* entries or rate of all other names */
    uint32_t width;                    /* columns of the names */
};

/* A name that was met once in a sample is left to the others: its share is not known. */
static void count_rows(struct list *l) {
    const struct ctw_talkers *t = &l->top->talkers;

    l->others = t->entries;
    for (l->n = 0; l->n < l->of->n; l->n++) {
        const uint64_t entries = l->of->entries[l->n];
        if (entries <= 1 && t->sampled)
            break;
        l->others -= entries < l->others ? entries : l->others;
    }
}

/* Columns of what follows the names. */
static uint32_t columns_behind(const struct list *l) {
    return SHARE + NUMBER * (l->new ? 2 : l->top ? 1 : 0);
}

static uint32_t columns_of(const struct list *l) {
    return l->width + columns_behind(l);
}

/* "10.0.3.7 (docker 3f2a9c1b7d20)" */
static struct ctw_line label_of(const struct ctw_share *row) {
    struct ctw_line l = {0};

    ctw_line_add(&l, "%s", row->name);
    if (row->owner[0] != '\0')
        ctw_line_add(&l, " (%s)", row->owner);
    return l;
}

/* Names that take all columns of @p are cut off. */
static void set_width(struct list *l, const struct ctw_layout *p) {
    uint64_t width = strlen(l->others > 0 ? "(others)" : l->of->heading);

    for (size_t i = 0; i < l->n; i++)
        width = ctw_most(width, label_of(&l->of->rows[i]).length);
    l->width = (uint32_t)ctw_least(width, p->columns - columns_behind(l));
}

static size_t rows_of(const struct list *l) {
    return l->n + (l->others > 0);
}

/* "~292000": how many of the table a count in a sample stands for, to three digits. */
static struct ctw_word estimate(const struct ctw_top *t, uint64_t entries) {
    struct ctw_word w;
    uint64_t unit = 1;

    if (t->talkers.sampled) {
        entries = entries * (t->filter ? t->matching : t->table.count) / t->talkers.entries;
        while (entries / unit >= 1000)
            unit *= 10;
    }
    (void)snprintf(w.text, sizeof(w.text), "%s%" PRIu64, t->talkers.sampled ? "~" : "",
                   (entries + unit / 2) / unit * unit);
    return w;
}

static void put_heading(struct ctw_layout *p, const struct list *l) {
    for (uint32_t i = 0; i < l->width; i++)
        ctw_out_put(&p->out, "%c",
                    i < strlen(l->of->heading) ? toupper((unsigned char)l->of->heading[i]) : ' ');
    if (l->top)
        ctw_out_put(&p->out, "%*s", NUMBER, "ENTRIES");
    if (l->new)
        ctw_out_put(&p->out, "%*s%*s", NUMBER, "NEW/S", NUMBER, "ERROR");
    ctw_out_put(&p->out, "%*s", SHARE, "SHARE");
}

static uint32_t share_of(uint64_t rate, const struct ctw_new_sources *of) {
    return (uint32_t)ctw_least(ctw_share_of(rate, of->per_second), CTW_PERMYRIAD);
}

static void put_rate(struct ctw_layout *p, uint64_t rate, uint64_t error) {
    char bound[24] = "";

    if (error > 0)
        (void)snprintf(bound, sizeof(bound), "+-%" PRIu64, error);
    ctw_out_put(&p->out, "%*" PRIu64 "%*s", NUMBER, rate, NUMBER, bound);
}

/* Return: the share, in permyriad. */
static uint32_t put_row(struct ctw_layout *p, const struct list *l, size_t i) {
    static const struct ctw_share others = {.name = "(others)"};
    const bool named = i < l->n;
    const struct ctw_line label = label_of(named ? &l->of->rows[i] : &others);
    const uint32_t n = ctw_layout_put_within(p, label.text, l->width);
    uint32_t share = named    ? l->of->rows[i].permyriad
                     : l->new ? share_of(l->others, l->new)
                              : ctw_share_of(l->others, l->top->talkers.entries);

    ctw_out_put(&p->out, "%*s", (int)(l->width - n), "");
    if (l->top)
        ctw_out_put(&p->out, "%*s", NUMBER,
                    estimate(l->top, named ? l->of->entries[i] : l->others).text);
    if (l->new)
        put_rate(p, named ? l->new->top[i].per_second : l->others,
                 named ? l->new->top[i].error_per_second : 0);
    ctw_out_put(&p->out, "%*s %%", SHARE - 2, ctw_percent(share).text);
    return share;
}

/* A list alone has room for bars. */
static void put_alone(struct ctw_layout *p, const struct list *l) {
    const uint32_t used = columns_of(l) + 2, room = used < p->columns ? p->columns - used : 0;
    const uint32_t longest = room < BAR ? room : BAR;

    ctw_out_put(&p->out, "\n");
    put_heading(p, l);
    ctw_out_put(&p->out, "\n");
    for (size_t i = 0; i < rows_of(l); i++) {
        const uint32_t share = put_row(p, l, i);
        const uint32_t n = (share * longest + CTW_PERMYRIAD / 2) / CTW_PERMYRIAD;
        ctw_out_put(&p->out, "%s%.*s\n", n > 0 ? "  " : "", (int)n, "####################");
    }
}

/* A list that is shorter than its neighbours leaves its place empty. */
static void put_block(struct ctw_layout *p, const struct list *lists, size_t n) {
    size_t rows = 0;

    ctw_out_put(&p->out, "\n");
    for (size_t i = 0; i < n; i++) {
        put_heading(p, &lists[i]);
        ctw_out_put(&p->out, "%*s", i + 1 < n ? (int)GAP : 0, "");
        if (rows_of(&lists[i]) > rows)
            rows = rows_of(&lists[i]);
    }
    ctw_out_put(&p->out, "\n");
    for (size_t row = 0; row < rows; row++) {
        uint32_t blank = 0;
        for (size_t i = 0; i < n; i++) {
            if (row < rows_of(&lists[i])) {
                ctw_out_put(&p->out, "%*s", (int)blank, "");
                (void)put_row(p, &lists[i], row);
                blank = GAP;
            } else {
                blank += columns_of(&lists[i]) + GAP;
            }
        }
        ctw_out_put(&p->out, "\n");
    }
}

/* As many side by side as fit, and the first one alone if @first_alone. */
static void put_lists(struct ctw_layout *p, const struct ctw_top_list *of,
                      const struct ctw_top *top, size_t n, bool first_alone) {
    struct list lists[CTW_TOP_LISTS_MAX];
    size_t in_block;

    for (size_t i = 0; i < n; i++) {
        lists[i] = (struct list){.of = &of[i], .top = top, .n = of[i].n};
        if (top)
            count_rows(&lists[i]);
        set_width(&lists[i], p);
    }
    for (size_t i = 0; i < n; i += in_block) {
        uint32_t used = columns_of(&lists[i]);
        for (in_block = 1; i + in_block < n && !(first_alone && i == 0); in_block++) {
            used += GAP + columns_of(&lists[i + in_block]);
            if (used > p->columns)
                break;
        }
        if (in_block == 1 && (n == 1 || first_alone))
            put_alone(p, &lists[i]);
        else
            put_block(p, &lists[i], in_block);
    }
}

static size_t shares_of(const struct ctw_talkers *t,
                        struct ctw_top_list ret[static CTW_TOP_LISTS_MAX]) {
    ret[0] = (struct ctw_top_list){.heading = "source", .n = t->n_sources, .rows = t->sources};
    ret[1] = (struct ctw_top_list){.heading = "port", .n = t->n_ports, .rows = t->ports};
    ret[2] = (struct ctw_top_list){.heading = "state", .n = t->n_states, .rows = t->states};
    ret[3] = (struct ctw_top_list){
        .heading = "destination", .n = t->n_destinations, .rows = t->destinations};
    return t->n_destinations > 0 ? 4 : 3;
}

void ctw_talkers_lists(struct ctw_layout *page, const struct ctw_talkers *t) {
    struct ctw_top_list lists[CTW_TOP_LISTS_MAX];

    put_lists(page, lists, NULL, shares_of(t, lists), false);
}

/* --- text ------------------------------------------------------------------------------------- */

void ctw_talkers_basis(struct ctw_line *l, const struct ctw_talkers *t) {
    if (t->entries == 0)
        ctw_line_add(l, "no entries found%s",
                     t->unconfirmed > 0 ? ", though some are counted: their packets are held" : "");
    else if (t->sampled)
        ctw_line_add(l, "a random sample of %" PRIu32 " entries, accurate within %s %%", t->entries,
                     ctw_percent(t->margin_permyriad + 9).text); /* a bound is rounded up */
    else
        ctw_line_add(l, "all %" PRIu32 " entries counted", t->entries);
}

void ctw_talkers_outlook(struct ctw_line *l, const struct ctw_talkers *t) {
    ctw_line_add(l, "%s %% of entries are assured (not evictable).",
                 ctw_percent(t->assured_permyriad).text);
    if (t->has_drop_risk)
        ctw_line_add(l, " If the table filled with this mix, %s %% of new flows would be dropped.",
                     ctw_percent(t->drop_risk_permyriad).text);
}

/* "486211 of 524288 entries (92.7 %), 262144 buckets" */
static void put_table(struct ctw_layout *p, const struct ctw_sample *s) {
    ctw_out_put(&p->out, "%" PRIu32, s->count);
    if (s->max > 0)
        ctw_out_put(&p->out, " of %" PRIu32 " entries (%s %%)", s->max,
                    ctw_percent(ctw_usage_permyriad(s->count, s->max)).text);
    else
        ctw_out_put(&p->out, " entries, no limit");
    if (s->has_buckets)
        ctw_out_put(&p->out, ", %" PRIu32 " buckets", s->buckets);
    ctw_out_put(&p->out, "\n");
}

static void put_line(struct ctw_layout *p, const char *text) {
    ctw_layout_paragraph(p, "", CTW_COLOUR_NONE, text);
}

static void put_talkers(struct ctw_layout *p, const struct ctw_talkers *t,
                        const struct ctw_top_list *lists, size_t n, const struct ctw_top *top) {
    struct ctw_line l = {0};

    if (t->entries == 0)
        return;
    put_lists(p, lists, top, n, true);
    ctw_talkers_outlook(&l, t);
    ctw_out_put(&p->out, "\n");
    put_line(p, l.text);
}

static struct ctw_layout page_of(char *buffer, size_t size) {
    if (size > 0)
        buffer[0] = '\0';
    return (struct ctw_layout){
        .out = {.buffer = buffer, .size = size}, .columns = COLUMNS, .utf8 = true};
}

/* "about 12000 of 48621 entries match: src 10.0.0.0/8" */
static void put_filter(struct ctw_layout *p, const struct ctw_top *t) {
    struct ctw_line l = {0};

    if (!t->filter)
        return;
    ctw_line_add(&l, "%s%" PRIu32 " of %" PRIu32 " entries match: %s",
                 t->talkers.sampled ? "about " : "", t->matching, t->table.count, t->filter);
    put_line(p, l.text);
}

size_t ctw_render_top_text(const struct ctw_top *t, char *buffer, size_t size) {
    struct ctw_layout p = page_of(buffer, size);
    struct ctw_line l = {0};

    put_table(&p, &t->table);
    put_filter(&p, t);
    ctw_talkers_basis(&l, &t->talkers);
    put_line(&p, l.text);
    if (t->timed_out)
        put_line(&p, "The sample is incomplete: among the entries of other network namespaces, "
                     "finding these takes too long.");
    if (t->interrupted)
        put_line(&p, "The table was resized during the dump: entries may be missing or counted "
                     "twice.");
    put_talkers(&p, &t->talkers, t->lists, t->n_lists, t);
    return p.out.used;
}

size_t ctw_render_talkers_text(const struct ctw_view *v, char *buffer, size_t size) {
    const struct ctw_talkers *t = &v->snapshot.talkers;
    struct ctw_layout p = page_of(buffer, size);
    struct ctw_top_list lists[CTW_TOP_LISTS_MAX];
    struct ctw_line l = {0};

    if (!t->known) {
        put_line(&p, "not sampled yet: ctwatchd samples the table when its level rises");
        return p.out.used;
    }
    ctw_line_add(&l, "%s ago: ", ctw_duration(ctw_view_ago(v, v->snapshot.talkers_usec)).text);
    ctw_talkers_basis(&l, t);
    put_line(&p, l.text);
    put_talkers(&p, t, lists, shares_of(t, lists), NULL);
    return p.out.used;
}

/* --- who opens new flows ---------------------------------------------------------------------- */

static void add_unsubscribed(struct ctw_line *l, const struct ctw_snapshot *p) {
    struct ctw_line fault;

    ctw_message_fault(&p->sources[CTW_SOURCE_EVENTS], &fault);
    ctw_line_add(l, "ctwatchd is not subscribed to events: ");
    if (fault.length > 0)
        ctw_line_add(l, "%s", fault.text);
    else if (!p->has_table)
        ctw_line_add(l, "there is no conntrack table");
    else if (p->events_mode == CTW_EVENTS_NEVER)
        ctw_line_add(l, "events.mode is never");
    else if (p->netns_inode == 0)
        ctw_line_add(l, "it watches a captured machine");
    else
        ctw_line_add(l, "the fill is below events.from (%s %%) and the table does not fill",
                     ctw_percent(p->events_from_permyriad).text);
}

void ctw_new_sources_absence(const struct ctw_view *v, struct ctw_line *ret) {
    ctw_line_start(ret);
    if (v->liveness == CTW_LIVENESS_STOPPED)
        ctw_line_add(ret, "ctwatchd has been stopped");
    else if (v->liveness == CTW_LIVENESS_LATE)
        ctw_line_add(ret, "ctwatchd has stopped polling");
    else if (v->liveness == CTW_LIVENESS_NONE && v->state_error != -ENOENT && v->state_error != 0)
        ctw_line_add(ret, "the state of ctwatchd: %s", ctw_state_fault(v->state_error));
    else if (v->liveness == CTW_LIVENESS_NONE)
        ctw_line_add(ret, "ctwatchd is not running");
    else if (!v->snapshot.subscribed)
        add_unsubscribed(ret, &v->snapshot);
    else if (!v->snapshot.new_sources.known)
        ctw_line_add(ret, "ctwatchd subscribed to events a moment ago: no rates yet");
}

/* "at least 5120 new flows/s, 5100 ended; of a sample of one event in 4" */
static void put_rates(struct ctw_layout *p, const struct ctw_view *v) {
    const struct ctw_rates *r = &v->snapshot.rates;
    struct ctw_line l = {0};

    ctw_line_add(&l, "%s%" PRIu64 " new flows/s over the last few seconds",
                 r->lower_bound ? "at least " : "", v->snapshot.new_sources.per_second);
    if (r->known && r->sampling > 1)
        ctw_line_add(&l, ", from a sample of one event in %" PRIu32, r->sampling);
    if (ctw_view_ago(v, v->snapshot.new_sources_usec) > CTW_LATE_USEC)
        ctw_line_add(&l, ", %s ago",
                     ctw_duration(ctw_view_ago(v, v->snapshot.new_sources_usec)).text);
    put_line(p, l.text);
}

static void put_new_sources(struct ctw_layout *p, const struct ctw_new_sources *s, uint32_t n) {
    struct ctw_share rows[CTW_TALKERS_TOP_MAX] = {0};
    const struct ctw_top_list of = {.heading = "source", .n = n, .rows = rows};
    struct list l = {.of = &of, .new = s, .n = n, .others = s->per_second};

    for (uint32_t i = 0; i < n; i++) {
        memcpy(rows[i].name, s->top[i].name, sizeof(rows[i].name));
        rows[i].permyriad = share_of(s->top[i].per_second, s);
        l.others -= ctw_least(s->top[i].per_second, l.others);
    }
    set_width(&l, p);
    put_alone(p, &l);
}

size_t ctw_render_new_text(const struct ctw_view *v, uint32_t n, char *buffer, size_t size) {
    const struct ctw_new_sources *s = &v->snapshot.new_sources;
    struct ctw_layout p = page_of(buffer, size);
    struct ctw_line why;

    ctw_new_sources_absence(v, &why);
    if (why.length > 0) {
        put_line(&p, why.text);
        return p.out.used;
    }
    put_rates(&p, v);
    if (s->per_second > 0)
        put_new_sources(&p, s, n < s->n ? n : s->n);
    return p.out.used;
}

/* --- JSON ------------------------------------------------------------------------------------- */

/* clang-format off */
static json_t *summary(const struct ctw_talkers *t) {
    return json_pack(
        "{s:o, s:b, s:o, s:o, s:o, s:o}",
        "counted", ctw_json_number(t->entries),
        "sampled", t->sampled,
        "margin_percent", ctw_json_percent(t->margin_permyriad),
        "assured_percent", ctw_json_percent(t->assured_permyriad),
        "unreplied_percent", ctw_json_percent(t->unreplied_permyriad),
        "drop_risk_percent", ctw_json_percent_if(t->has_drop_risk, t->drop_risk_permyriad));
}

static json_t *table(const struct ctw_sample *s) {
    return json_pack(
        "{s:o, s:o, s:o}",
        "count", ctw_json_number(s->count),
        "max", ctw_json_number_if(s->max > 0, s->max),
        "buckets", ctw_json_number_if(s->has_buckets, s->buckets));
}
/* clang-format on */

static json_t *rows(const struct ctw_top_list *l) {
    json_t *all = json_array();

    for (size_t i = 0; i < l->n; i++) {
        json_t *row = json_pack("{s:s, s:o}", "name", l->rows[i].name, "share_percent",
                                ctw_json_percent(l->rows[i].permyriad));
        if (l->entries)
            row = ctw_json_set(row, "entries", ctw_json_number(l->entries[i]));
        if (l->rows[i].owner[0] != '\0')
            row = ctw_json_set(row, "belongs_to", json_string(l->rows[i].owner));
        all = ctw_json_append(all, row);
    }
    return all;
}

json_t *ctw_talkers_json(const struct ctw_talkers *t) {
    struct ctw_top_list lists[CTW_TOP_LISTS_MAX];
    json_t *o = summary(t);

    (void)shares_of(t, lists);
    for (size_t i = 0; i < CTW_TOP_LISTS_MAX; i++)
        o = ctw_json_set(o, lists[i].heading, rows(&lists[i]));
    return o;
}

size_t ctw_render_talkers_json(const struct ctw_view *v, char *buffer, size_t size) {
    const struct ctw_snapshot *p = &v->snapshot;
    json_t *o = p->talkers.known ? ctw_talkers_json(&p->talkers) : json_object();

    o = ctw_json_set(o, "known", json_boolean(p->talkers.known));
    if (p->talkers.known)
        o = ctw_json_set(o, "asked_seconds_ago",
                         ctw_json_number(ctw_view_ago(v, p->talkers_usec) / CTW_USEC_PER_SEC));
    return ctw_json_print(o, false, buffer, size);
}

size_t ctw_render_top_json(const struct ctw_top *t, bool compact, char *buffer, size_t size) {
    json_t *o = summary(&t->talkers);

    o = ctw_json_set(o, "timed_out", json_boolean(t->timed_out));
    o = ctw_json_set(o, "interrupted", json_boolean(t->interrupted));
    o = ctw_json_set(o, "table", table(&t->table));
    if (t->filter) {
        o = ctw_json_set(o, "filter", json_string(t->filter));
        o = ctw_json_set(o, "matching", ctw_json_number(t->matching));
    }
    for (size_t i = 0; i < t->n_lists; i++)
        o = ctw_json_set(o, t->lists[i].heading,
                         json_pack("{s:o, s:o}", "distinct", ctw_json_number(t->lists[i].distinct),
                                   "top", rows(&t->lists[i])));
    return ctw_json_print(o, compact, buffer, size);
}

/* clang-format off */
static json_t *new_source(const struct ctw_new_source *s, const struct ctw_new_sources *of) {
    return json_pack(
        "{s:s, s:o, s:o, s:o}",
        "name", s->name,
        "created_per_second", ctw_json_number(s->per_second),
        "error_per_second", ctw_json_number(s->error_per_second),
        "share_percent", ctw_json_percent(share_of(s->per_second, of)));
}

size_t ctw_render_new_json(const struct ctw_view *v, uint32_t n, bool compact, char *buffer,
                           size_t size) {
    const struct ctw_snapshot *p = &v->snapshot;
    const struct ctw_new_sources *s = &p->new_sources;
    json_t *top = json_array();
    struct ctw_line why;

    ctw_new_sources_absence(v, &why);
    const bool known = why.length == 0;
    for (uint32_t i = 0; known && i < n && i < s->n; i++)
        top = ctw_json_append(top, new_source(&s->top[i], s));
    json_t *o = json_pack(
        "{s:b, s:o, s:o, s:o, s:o, s:b, s:o}",
        "known", known,
        "reason", known ? json_null() : json_string(why.text),
        "counted_seconds_ago",
            ctw_json_number_if(known, ctw_view_ago(v, p->new_sources_usec) / CTW_USEC_PER_SEC),
        "created_per_second", ctw_json_number_if(known, s->per_second),
        "sampled_one_in", ctw_json_number_if(known && p->rates.known, p->rates.sampling),
        "lower_bound", known && p->rates.lower_bound,
        "source", top);
    return ctw_json_print(o, compact, buffer, size);
}
/* clang-format on */
