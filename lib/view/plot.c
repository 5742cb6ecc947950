/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/view/plot.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/util/parse.h"
#include "lib/util/strbuf.h"
#include "lib/util/units.h"

/* The first width of a cell. */
#define CELL_USEC CTW_USEC_PER_SEC

/* The height of the area inside the axes, in units of its own; it is as many cells wide. */
#define AREA 1000u

/* Thousandths of the whole height: the area, below it levels and losses, and the times. */
#define TOP      40u
#define BOTTOM   830u
#define LEVELS_Y 845u
#define LOSSES_Y 885u
#define STRIP    30u
#define TIMES_Y  975u

#define TICKS_MAX         8u
#define ENTRIES_TICKS_MAX 6u

static void merge(struct ctw_plot_cell *into, const struct ctw_plot_cell *c) {
    if (!c->known)
        return;
    if (!into->known) {
        *into = *c;
        return;
    }
    into->lost |= c->lost;
    into->prevented |= c->prevented;
    into->low = c->low < into->low ? c->low : into->low;
    into->high = c->high > into->high ? c->high : into->high;
    into->max = c->max; /* the last */
    into->level = c->level > into->level ? c->level : into->level;
}

static void make_room(struct ctw_plot *p) {
    for (size_t i = 0; i < CTW_PLOT_CELLS / 2; i++) {
        p->cells[i] = p->cells[2 * i];
        merge(&p->cells[i], &p->cells[2 * i + 1]);
    }
    memset(&p->cells[CTW_PLOT_CELLS / 2], 0, sizeof(p->cells) / 2);
    p->n = (p->n + 1) / 2;
    p->cell_usec *= 2;
}

static uint64_t cell_at(const struct ctw_plot *p, uint64_t at_usec) {
    return (at_usec - p->begin_usec) / p->cell_usec;
}

static uint32_t between(uint32_t from, uint32_t to, size_t part, size_t whole) {
    return (uint32_t)((int64_t)from + ((int64_t)to - from) * (int64_t)part / (int64_t)whole);
}

/* Cells without a record, where records are further apart than cells: straight lines to @cell at
 * @end. */
static void fill_gap(struct ctw_plot *p, size_t end, const struct ctw_plot_cell *cell) {
    const size_t last = p->n - 1;

    for (size_t i = p->n; i < end; i++) {
        p->cells[i] = p->cells[last];
        p->cells[i].low = between(p->cells[last].low, cell->low, i - last, end - last);
        p->cells[i].high = between(p->cells[last].high, cell->high, i - last, end - last);
    }
}

void ctw_plot_add(struct ctw_plot *p, const struct ctw_replay_seen *seen) {
    const bool slot = seen->to_usec > seen->from_usec;
    const uint64_t last_usec = slot ? seen->to_usec - 1 : seen->from_usec;
    const struct ctw_plot_cell cell = {
        .known = true,
        .lost = seen->lost,
        .prevented = seen->prevented,
        .low = seen->low,
        .high = seen->high,
        .max = seen->max,
        .level = seen->level,
    };

    if (p->cell_usec == 0) {
        p->cell_usec = CELL_USEC;
        p->begin_usec = seen->from_usec;
    }
    while (cell_at(p, last_usec) >= CTW_PLOT_CELLS)
        make_room(p);
    const size_t begin = (size_t)cell_at(p, seen->from_usec);
    const size_t end = (size_t)cell_at(p, last_usec) + 1;
    if (p->n > 0 && !seen->after_hole)
        fill_gap(p, begin, &cell);
    for (size_t i = begin; i < end; i++)
        merge(&p->cells[i], &cell);
    if (end > p->n)
        p->n = end;
}

void ctw_plot_grew(struct ctw_plot *p, uint64_t at_usec, uint32_t from, uint32_t to) {
    if (p->n_steps < CTW_PLOT_STEPS)
        p->steps[p->n_steps++] = (struct ctw_plot_step){at_usec, from, to};
}

void ctw_plot_bins(struct ctw_plot *p, const struct ctw_history_bins *b) {
    const struct ctw_plot_cell *before = NULL;

    p->begin_usec = b->begin_usec;
    p->cell_usec = b->width_sec * CTW_USEC_PER_SEC;
    p->n = b->n;
    for (uint32_t i = 0; i < b->n; i++) {
        const struct ctw_history_bin *bin = &b->bins[i];
        struct ctw_plot_cell *c = &p->cells[i];
        if (bin->seconds == 0)
            continue;
        *c = (struct ctw_plot_cell){.known = true,
                                    .lost = ctw_losses_any(&bin->lost),
                                    .low = bin->low,
                                    .high = bin->high,
                                    .max = bin->max,
                                    .level = bin->level};
        if (before && before->max > 0 && c->max > before->max)
            ctw_plot_grew(p, p->begin_usec + i * p->cell_usec, before->max, c->max);
        before = c;
    }
}

struct drawing {
    struct ctw_out out;
    const struct ctw_plot *plot;
    uint64_t top; /* entries at the upper end */
};

/* From the upper end of the area. */
static unsigned y_of(const struct drawing *d, uint64_t entries) {
    const uint64_t shown = entries < d->top ? entries : d->top;

    return (unsigned)(AREA - shown * AREA / d->top);
}

/* "43.2 %" of the width or the height. */
static struct ctw_word share(uint64_t part, uint64_t whole) {
    const uint64_t permyriad = part * CTW_PERMYRIAD / (whole > 0 ? whole : 1);
    struct ctw_word w;

    (void)snprintf(w.text, sizeof(w.text), "%" PRIu64 ".%02" PRIu64 "%%", permyriad / 100,
                   permyriad % 100);
    return w;
}

/* Of the whole height. */
static struct ctw_word height_of(const struct drawing *d, uint64_t entries) {
    return share(TOP * AREA + y_of(d, entries) * (BOTTOM - TOP), UINT64_C(1000) * AREA);
}

/* Room above the highest count and the highest limit. */
static uint64_t find_top(const struct ctw_plot *p) {
    uint64_t top = 1;

    for (size_t i = 0; i < p->n; i++) {
        const uint32_t highest =
            p->cells[i].high > p->cells[i].max ? p->cells[i].high : p->cells[i].max;
        top = highest > top ? highest : top;
    }
    return top + top / 20 + 1;
}

/* Whether @i is known and the cell before it (@step -1) or behind it (1) is not. */
static bool is_edge(const struct ctw_plot *p, size_t i, int step) {
    const size_t next = i + (size_t)step; /* wraps before the first */

    return p->cells[i].known && (next >= p->n || !p->cells[next].known);
}

/* The least of 1, 2 and 5 times a power of ten with few enough ticks. */
static uint64_t round_step(uint64_t range) {
    for (uint64_t power = 1;; power *= 10)
        for (uint64_t i = 1; i <= 5; i += i == 1 ? 1 : 3)
            if (range / (i * power) < ENTRIES_TICKS_MAX)
                return i * power;
}

static void put_entries_axis(struct drawing *d) {
    const uint64_t step = round_step(d->top);

    for (uint64_t n = 0; n <= d->top; n += step) {
        const struct ctw_word y = height_of(d, n);
        ctw_out_put(&d->out,
                    "<line class=\"grid\" x2=\"100%%\" y1=\"%s\" y2=\"%s\"/>"
                    "<text y=\"%s\" dy=\"-3\">%" PRIu64 "</text>\n",
                    y.text, y.text, y.text, n);
    }
}

static uint64_t time_step(uint64_t range_sec) {
    static const uint32_t steps[] = {1,     2,     5,     10,    15,     30,    60,
                                     120,   300,   600,   900,   1800,   3600,  7200,
                                     10800, 21600, 43200, 86400, 172800, 604800};

    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
        if (range_sec / steps[i] < TICKS_MAX)
            return steps[i];
    return (range_sec / TICKS_MAX / 604800 + 1) * 604800;
}

static void put_time_axis(struct drawing *d) {
    const struct ctw_plot *p = d->plot;
    const uint64_t begin = p->begin_usec / CTW_USEC_PER_SEC;
    const uint64_t range = p->n * p->cell_usec / CTW_USEC_PER_SEC;
    const uint64_t step = time_step(range);
    char text[CTW_TIMESTAMP_SIZE];

    for (uint64_t t = (begin + step - 1) / step * step; t <= begin + range; t += step) {
        const struct ctw_word x = share(t - begin, range);
        ctw_timestamp_print(t * CTW_USEC_PER_SEC, text);
        /* "11-22", "10:05" or "10:05:30" out of "2026-11-22T10:05:30.000Z" */
        const int at = step >= 86400 ? 5 : 11, length = step >= 60 ? 5 : 8;
        ctw_out_put(&d->out,
                    "<line class=\"grid\" x1=\"%s\" x2=\"%s\" y1=\"%u%%\" y2=\"%u%%\"/>"
                    "<text class=\"t\" x=\"%s\" y=\"%u.%u%%\" data-t=\"%" PRIu64 "\">%.*s</text>\n",
                    x.text, x.text, TOP / 10, (LOSSES_Y + STRIP) / 10, x.text, TIMES_Y / 10,
                    TIMES_Y % 10, t, length, text + at);
    }
}

/* A line to the right: straight ones become one. */
struct line {
    unsigned right, y;
};

static void put_right(struct drawing *d, struct line *l) {
    if (l->right > 0)
        ctw_out_put(&d->out, "h%u", l->right);
    l->right = 0;
}

/* The area below the highest count of each cell, or below the lowest. */
static void put_area(struct drawing *d, bool high) {
    const struct ctw_plot *p = d->plot;
    struct line l = {0};

    ctw_out_put(&d->out, "<path class=\"%s\" d=\"M0 %u", high ? "high" : "low", AREA);
    for (size_t i = 0; i < p->n; i++) {
        const unsigned y = y_of(d, high ? p->cells[i].high : p->cells[i].low);
        if (!p->cells[i].known)
            continue;
        if (is_edge(p, i, -1)) {
            ctw_out_put(&d->out, "M%zu %uV%u", i, AREA, y);
        } else if (y == l.y) {
            l.right++;
        } else {
            put_right(d, &l);
            ctw_out_put(&d->out, "l1 %d", (int)y - (int)l.y);
        }
        l.y = y;
        if (!is_edge(p, i, 1))
            continue;
        l.right++;
        put_right(d, &l);
        ctw_out_put(&d->out, "V%uz", AREA);
    }
    ctw_out_put(&d->out, "\"/>\n");
}

/* A share of the limit, in steps. */
static void put_limit(struct drawing *d, uint32_t permyriad, const char *class) {
    const struct ctw_plot *p = d->plot;

    ctw_out_put(&d->out, "<path class=\"%s\" d=\"M0 0", class);
    for (size_t i = 0; i < p->n; i++) {
        const uint32_t max = p->cells[i].max, before = i > 0 ? p->cells[i - 1].max : 0;
        const unsigned y = y_of(d, (uint64_t)max * permyriad / CTW_PERMYRIAD);
        if (max == 0) /* no limit, or not known */
            continue;
        if (before == 0)
            ctw_out_put(&d->out, "M%zu %u", i, y);
        else if (max != before)
            ctw_out_put(&d->out, "V%u", y);
        if (i + 1 == p->n || p->cells[i + 1].max != max)
            ctw_out_put(&d->out, "H%zu", i + 1);
    }
    ctw_out_put(&d->out, "\"/>\n");
}

static bool is_level(const struct ctw_plot_cell *c, int level) {
    return c->known && c->level == (enum ctw_level)level;
}

static bool is_lost(const struct ctw_plot_cell *c, int prevented) {
    return prevented ? c->prevented && !c->lost : c->lost;
}

/* Bars of @height units of 4 in a strip; adjacent ones are one. */
static void put_bars(struct drawing *d, bool (*is)(const struct ctw_plot_cell *c, int which),
                     int which, unsigned height, const char *class) {
    const struct ctw_plot *p = d->plot;

    ctw_out_put(&d->out, "<path class=\"%s\" d=\"M0 0", class);
    for (size_t i = 0, end; i < p->n; i = end + 1) {
        for (end = i; end < p->n && is(&p->cells[end], which);)
            end++;
        if (end > i)
            ctw_out_put(&d->out, "M%zu 4V%uH%zuV4z", i, 4 - height, end);
    }
    ctw_out_put(&d->out, "\"/>\n");
}

/* A drawing in units of its own, stretched over some height of the whole. */
static void start_inner(struct drawing *d, unsigned y, unsigned height, unsigned units) {
    ctw_out_put(&d->out,
                "<svg y=\"%u.%u%%\" width=\"100%%\" height=\"%u.%u%%\" viewBox=\"0 0 %zu %u\" "
                "preserveAspectRatio=\"none\">\n",
                y / 10, y % 10, height / 10, height % 10, d->plot->n > 0 ? d->plot->n : 1, units);
}

static void put_area_and_limits(struct drawing *d, uint32_t warning, uint32_t critical) {
    start_inner(d, TOP, BOTTOM - TOP, AREA);
    put_area(d, true);
    put_area(d, false);
    put_limit(d, warning, "warning");
    put_limit(d, critical, "critical");
    put_limit(d, CTW_PERMYRIAD, "limit");
    ctw_out_put(&d->out, "</svg>\n");
}

/* The higher the level, the higher the bar: the colour says nothing else. */
static void put_strips(struct drawing *d) {
    static const char *const levels[] = {"ok", "warning", "critical", "full"};

    start_inner(d, LEVELS_Y, STRIP, 4);
    for (int i = CTW_LEVEL_OK; i <= CTW_LEVEL_FULL; i++)
        put_bars(d, is_level, i, (unsigned)i + 1, levels[i]);
    ctw_out_put(&d->out, "</svg>\n");
    start_inner(d, LOSSES_Y, STRIP, 4);
    put_bars(d, is_lost, true, 2, "prevented");
    put_bars(d, is_lost, false, 4, "lost");
    ctw_out_put(&d->out, "</svg>\n");
}

static void put_steps(struct drawing *d) {
    const struct ctw_plot *p = d->plot;

    for (size_t i = 0; i < p->n_steps; i++) {
        const struct ctw_plot_step *s = &p->steps[i];
        const uint64_t cell = cell_at(p, s->at_usec);
        ctw_out_put(&d->out,
                    "<text class=\"t grew\" x=\"%s\" y=\"%s\" dy=\"9\">\u25b2"
                    "<title>max from %" PRIu32 " to %" PRIu32 "</title></text>\n",
                    share(cell < p->n ? cell : p->n, p->n).text, height_of(d, s->to).text, s->from,
                    s->to);
    }
}

static void put_all(struct drawing *d, uint32_t warning, uint32_t critical) {
    put_area_and_limits(d, warning, critical);
    put_strips(d);
    put_entries_axis(d); /* the area does not hide it */
    put_time_axis(d);
    put_steps(d);
}

void ctw_plot_put(struct ctw_out *o, const struct ctw_plot *p, uint32_t warning_permyriad,
                  uint32_t critical_permyriad, const char *id) {
    struct drawing d = {.out = *o, .plot = p, .top = find_top(p)};

    ctw_out_put(&d.out, "<svg class=\"plot\" role=\"img\" aria-labelledby=\"%s-h %s-words\">\n", id,
                id);
    put_all(&d, warning_permyriad, critical_permyriad);
    ctw_out_put(&d.out, "</svg>\n");
    *o = d.out;
}

/* The colours of a file; a page has a style of its own. */
static const char style[] =
    "text{font:12px sans-serif;fill:#333}.t{text-anchor:middle}"
    "path,.grid{vector-effect:non-scaling-stroke}.grid{stroke:#7777;stroke-"
    "width:.5}"
    ".high{fill:#90caf9}.low{fill:#42a5f5}.limit{fill:none;stroke:#b71c1c;stroke-width:1.5}"
    "svg svg .warning,svg svg .critical{fill:none;stroke-dasharray:4 3}"
    "svg svg .warning{stroke:#b26a00}svg svg .critical{stroke:#d84315}"
    "svg svg~svg .warning{fill:#ffb300;stroke:none}svg svg~svg .critical{fill:#f4511e;stroke:none}"
    ".ok{fill:#8bc34a}.full,.lost{fill:#b71c1c}.prevented,text.grew{fill:#1565c0}";

static void put_legend(struct drawing *d) {
    static const struct {
        unsigned x;
        const char *colour, *words;
    } entries[] = {
        {10, "#42a5f5", "entries"},     {100, "#b71c1c", "limit"},
        {170, "#ffb300", "warning"},    {255, "#f4511e", "critical"},
        {340, "#b71c1c", "full, lost"}, {435, "#1565c0", "grew, loss prevented"},
    };

    for (size_t i = 0; i < sizeof(entries) / sizeof(entries[0]); i++)
        ctw_out_put(&d->out,
                    "<rect x=\"%u\" y=\"411\" width=\"10\" height=\"10\" fill=\"%s\"/>"
                    "<text x=\"%u\" y=\"420\">%s</text>\n",
                    entries[i].x, entries[i].colour, entries[i].x + 14, entries[i].words);
}

size_t ctw_plot_svg(const struct ctw_plot *p, const struct ctw_settings *s, char *buffer,
                    size_t size) {
    struct drawing d = {.out = {.buffer = buffer, .size = size}, .plot = p, .top = find_top(p)};
    char from[CTW_TIMESTAMP_SIZE], to[CTW_TIMESTAMP_SIZE];

    ctw_timestamp_print(p->begin_usec, from);
    ctw_timestamp_print(p->begin_usec + p->n * p->cell_usec, to);
    ctw_out_put(&d.out,
                "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"1000\" height=\"430\">\n"
                "<title>Conntrack table, %s to %s</title>\n<style>%s</style>\n"
                "<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n"
                "<text x=\"10\" y=\"20\">Conntrack entries, %s to %s</text>\n"
                "<svg x=\"10\" y=\"25\" width=\"980\" height=\"375\" overflow=\"visible\">\n",
                from, to, style, from, to);
    put_all(&d, s->levels.warning_permyriad, s->levels.critical_permyriad);
    ctw_out_put(&d.out, "</svg>\n");
    put_legend(&d);
    ctw_out_put(&d.out, "</svg>\n");
    return d.out.used;
}
