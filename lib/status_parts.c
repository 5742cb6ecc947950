/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "status_parts.h"

#include <inttypes.h>
#include <string.h>

#include "growth.h"
#include "moment.h"
#include "sentence.h"
#include "shares.h"

/* --- the last hour ---------------------------------------------------------------------------- */

/* From the lowest to the highest, an eighth each; a blank is for when nobody looked. */
static const char *const blocks[] = {"\u2581", "\u2582", "\u2583", "\u2584",
                                     "\u2585", "\u2586", "\u2587", "\u2588"};
static const char *const ascii[] = {"_", ".", ":", "-", "=", "+", "*", "#"};

static enum ctw_colour spark_colour(const struct ctw_spark *s) {
    return s->known && s->level > CTW_LEVEL_OK ? ctw_level_colour(s->level) : CTW_COLOUR_NONE;
}

/* Columns of one colour are put at once. */
static void put_columns(struct ctw_picture *p, const struct ctw_sparkline *s) {
    const char *const *marks = p->page.utf8 ? blocks : ascii;
    struct ctw_line run;

    ctw_line_start(&run);
    for (uint32_t i = 0; i < s->n; i++) {
        const struct ctw_spark *c = &s->columns[i];
        ctw_line_add(&run, "%s", c->known ? marks[ctw_spark_height(c, s->highest) - 1] : " ");
        if (i + 1 < s->n && spark_colour(c) == spark_colour(c + 1))
            continue;
        ctw_page_put(&p->page, spark_colour(c), run.text);
        ctw_line_start(&run);
    }
    ctw_out_put(&p->page.out, "\n");
}

static void put_extremes(struct ctw_picture *p, const struct ctw_sparkline *s) {
    struct ctw_line l;

    ctw_line_start(&l);
    ctw_line_add(&l, "high %" PRIu32, s->high.count);
    if (s->high.max != p->of->table.max && s->high.max > 0)
        ctw_line_add(&l, " of %" PRIu32, s->high.max);
    if (s->high.max > 0) {
        ctw_line_add(&l, " (");
        ctw_picture_add_fill(&l, s->high.count, s->high.max);
        ctw_line_add(&l, ")");
    }
    ctw_line_add(&l, " at ");
    ctw_picture_add_clock(p, &l, s->high.at_usec);
    ctw_line_add(&l, ", low %" PRIu32 " at ", s->low);
    ctw_picture_add_clock(p, &l, s->low_usec);
    ctw_picture_put(p, "", &l);
}

void ctw_picture_hour(struct ctw_picture *p) {
    struct ctw_sparkline s;

    if (!ctw_status_hour(p->status, p->page.columns - p->page.indent, &s))
        return;
    ctw_page_label(&p->page, "last hour");
    put_columns(p, &s);
    put_extremes(p, &s);
}

/* --- sources ---------------------------------------------------------------------------------- */

/* "kernel log: /dev/kmsg: Permission denied" */
static void add_fault(struct ctw_line *l, enum ctw_source source,
                      const struct ctw_snapshot_source *s) {
    const struct ctw_source_state state = {
        .health = s->health, .error = s->error, .what = s->what[0] != '\0' ? s->what : NULL};
    struct ctw_line fault;

    for (const char *c = ctw_source_name(source); *c != '\0'; c++)
        ctw_line_add(l, "%c", *c == '_' ? ' ' : *c);
    ctw_sentence_fault(&state, &fault);
    ctw_line_add(l, ": %s", fault.text);
}

void ctw_picture_sources(struct ctw_picture *p) {
    const char *label = "blind";

    for (enum ctw_source i = 0; i < CTW_SOURCES; i++) {
        const struct ctw_snapshot_source *s = &p->of->sources[i];
        struct ctw_line l;

        /* That there is no table has been said first of all. */
        if (i == CTW_SOURCE_TABLE ||
            (s->health != CTW_HEALTH_FAILED && s->health != CTW_HEALTH_ABSENT))
            continue;
        ctw_line_start(&l);
        add_fault(&l, i, s);
        ctw_picture_put(p, label, &l);
        label = "";
    }
}

/* --- growth ----------------------------------------------------------------------------------- */

static const char *why_not(enum ctw_growth_refusal refusal) {
    switch (refusal) {
    case CTW_GROWTH_NOT_REFUSED:
    case CTW_GROWTH_DISABLED:
        break;
    case CTW_GROWTH_UNLIMITED:
        return "there is no limit to raise";
    case CTW_GROWTH_AT_CEILING:
        return "it is at its ceiling";
    case CTW_GROWTH_NO_MEMORY:
        return "too little memory is available";
    case CTW_GROWTH_TOO_FEW_BUCKETS:
        return "there are too few buckets for more";
    case CTW_GROWTH_FOREIGN_WRITER:
        return "another program keeps lowering the limit";
    case CTW_GROWTH_NOT_PERMITTED:
        return "the limit may not be written";
    case CTW_GROWTH_CHILD_NAMESPACE:
        return "the limit belongs to the initial network namespace";
    case CTW_GROWTH_WRITE_FAILED:
        return "the kernel does not take the value";
    case CTW_GROWTH_NOT_KEPT:
        return "grown limits are not kept for the next boot";
    }
    return "growth is off";
}

static void add_bounds(struct ctw_line *l, const struct ctw_snapshot *of) {
    ctw_line_add(l, "%s", of->growth_dry_run ? "dry run" : "on");
    if (of->ceiling != 0)
        ctw_line_add(l, ", up to %" PRIu32 ", set by %s", of->ceiling,
                     ctw_growth_bound_name(of->bound));
    if (of->growth_refused)
        ctw_line_add(l, "; %s: %s",
                     of->refusal == CTW_GROWTH_NOT_KEPT ? "but" : "it cannot grow now",
                     why_not(of->refusal));
}

void ctw_picture_growth(struct ctw_picture *p) {
    const struct ctw_snapshot *of = p->of;
    struct ctw_line l;

    if (!ctw_picture_by_daemon(p))
        return;
    ctw_line_start(&l);
    if (of->growth_enabled || of->growth_dry_run)
        add_bounds(&l, of);
    else
        ctw_line_add(&l, "off");
    if (of->grown_usec != 0 && of->grown_from != of->grown_to) {
        ctw_line_add(&l, "; grown from %" PRIu32 " to %" PRIu32 " at ", of->grown_from,
                     of->grown_to);
        ctw_picture_add_when(p, &l, of->grown_usec);
    }
    ctw_picture_put(p, "growth", &l);
}

/* --- who -------------------------------------------------------------------------------------- */

#define LISTS 3
#define GAP   3
#define SHARE 8 /* " 100.0 %" */

struct list {
    const char *heading;
    uint32_t n;
    const struct ctw_share *rows;
    uint32_t width; /* of the names */
};

static void clean_name(const char *name, struct ctw_line *ret) {
    ctw_line_start(ret);
    ctw_line_add(ret, "%.*s", CTW_TALKER_NAME_MAX - 1, name);
}

static void measure(struct list *list, uint32_t columns) {
    list->width = ctw_page_columns(list->heading);
    for (uint32_t i = 0; i < list->n; i++) {
        struct ctw_line name;
        clean_name(list->rows[i].name, &name);
        if (ctw_page_columns(name.text) > list->width)
            list->width = ctw_page_columns(name.text);
    }
    if (list->width > columns - SHARE)
        list->width = columns - SHARE;
}

static void put_cell(struct ctw_picture *p, const struct list *list, uint32_t row) {
    const uint32_t tenths = ctw_share_tenths(list->rows[row].permyriad);
    struct ctw_line name;

    clean_name(list->rows[row].name, &name);
    const uint32_t n = ctw_page_put_within(&p->page, name.text, list->width);
    ctw_out_put(&p->page.out, "%*s%4" PRIu32 ".%" PRIu32 " %%", (int)(list->width - n), "",
                tenths / 10, tenths % 10);
}

/* Lists side by side; one that is shorter leaves its place empty. */
static void put_block(struct ctw_picture *p, const struct list *lists, uint32_t n) {
    uint32_t rows = 0;

    ctw_out_put(&p->page.out, "\n");
    for (uint32_t i = 0; i < n; i++) {
        const bool last = i + 1 == n;
        ctw_out_put(&p->page.out, "%-*s%*s", (int)lists[i].width, lists[i].heading,
                    last ? SHARE : SHARE + GAP, last ? "SHARE" : "SHARE   ");
        if (lists[i].n > rows)
            rows = lists[i].n;
    }
    ctw_out_put(&p->page.out, "\n");
    for (uint32_t row = 0; row < rows; row++) {
        uint32_t blank = 0;
        for (uint32_t i = 0; i < n; i++) {
            if (row < lists[i].n) {
                ctw_out_put(&p->page.out, "%*s", (int)blank, "");
                put_cell(p, &lists[i], row);
                blank = GAP;
            } else {
                blank += lists[i].width + SHARE + GAP;
            }
        }
        ctw_out_put(&p->page.out, "\n");
    }
}

/* As many side by side as fit. */
static void put_lists(struct ctw_picture *p, const struct list *lists) {
    for (uint32_t i = 0, n; i < LISTS; i += n) {
        uint32_t used = lists[i].width + SHARE;
        for (n = 1; i + n < LISTS; n++) {
            used += GAP + lists[i + n].width + SHARE;
            if (used > p->page.columns)
                break;
        }
        put_block(p, &lists[i], n);
    }
}

static void add_percent(struct ctw_line *l, uint32_t permyriad) {
    const uint32_t tenths = ctw_share_tenths(permyriad);

    ctw_line_add(l, "%" PRIu32 ".%" PRIu32 " %%", tenths / 10, tenths % 10);
}

static void put_basis(struct ctw_picture *p, const struct ctw_who *who) {
    struct ctw_line l;

    ctw_line_start(&l);
    ctw_line_add(&l, "at ");
    ctw_picture_add_when(p, &l, p->of->who_usec);
    if (who->sampled) {
        ctw_line_add(&l, ", from a sample of %" PRIu32 ", right within ", who->entries);
        add_percent(&l, who->margin_permyriad);
    } else {
        ctw_line_add(&l, ", all %" PRIu32 " counted", who->entries);
    }
    ctw_picture_put(p, "who", &l);

    ctw_line_start(&l);
    add_percent(&l, who->assured_permyriad);
    ctw_line_add(&l, " are assured, and cannot be evicted");
    if (who->has_drop_risk) {
        ctw_line_add(&l, "; of new flows ");
        add_percent(&l, who->drop_risk_permyriad);
        ctw_line_add(&l, " would be lost if it filled up with the like");
    }
    ctw_picture_put(p, "", &l);
}

void ctw_picture_who(struct ctw_picture *p) {
    const struct ctw_who *who = &p->of->who;
    struct list lists[LISTS] = {{"SOURCE", who->n_sources, who->sources, 0},
                                {"PORT", who->n_ports, who->ports, 0},
                                {"STATE", who->n_states, who->states, 0}};

    if (!who->known)
        return;
    put_basis(p, who);
    for (uint32_t i = 0; i < LISTS; i++)
        measure(&lists[i], p->page.columns);
    put_lists(p, lists);
}

/* --- alerts ----------------------------------------------------------------------------------- */

#define SHOWN 5u

/* The newest but @back. */
static const struct ctw_said *said_before(const struct ctw_snapshot *of, uint64_t back) {
    return &of->said[(of->n_said - 1 - back) % CTW_SNAPSHOT_SAID];
}

/* Whether these are of levels reached at one look, @b said before @a: the sentence is the same. */
static bool same_look(const struct ctw_said *a, const struct ctw_said *b) {
    return a->kind == CTW_ALERT_USAGE && b->kind == CTW_ALERT_USAGE && a->edge == b->edge &&
           a->realtime_usec - b->realtime_usec < CTW_USEC_PER_SEC &&
           strncmp(a->message, b->message, CTW_SNAPSHOT_WORDS) == 0;
}

static void put_said(struct ctw_picture *p, const struct ctw_said *said, enum ctw_level level) {
    struct ctw_line label, l;

    ctw_line_start(&label);
    ctw_line_add_clock(&label, said->realtime_usec, p->status->realtime_usec,
                       p->style->utc_offset_sec);
    ctw_line_start(&l);
    if (said->kind == CTW_ALERT_USAGE && level > CTW_LEVEL_OK)
        ctw_line_add(&l, "%s: ", ctw_level_name(level));
    ctw_line_add(&l, "%.*s", (int)CTW_SNAPSHOT_WORDS - 1, said->message);
    ctw_picture_put(p, label.text, &l);
}

void ctw_picture_said(struct ctw_picture *p) {
    const struct ctw_snapshot *of = p->of;
    const uint64_t kept = of->n_said < CTW_SNAPSHOT_SAID ? of->n_said : CTW_SNAPSHOT_SAID;

    if (kept > 0)
        ctw_out_put(&p->page.out, "\nLAST ALERTS\n");
    for (uint64_t i = 0, shown = 0; i < kept && shown < SHOWN; shown++) {
        const struct ctw_said *said = said_before(of, i);
        enum ctw_level level = said->level;
        for (i++; i < kept && same_look(said, said_before(of, i)); i++)
            if (said_before(of, i)->level > level)
                level = said_before(of, i)->level;
        put_said(p, said, level);
    }
}
