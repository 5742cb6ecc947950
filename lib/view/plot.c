/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/view/plot.h"

#include <inttypes.h>
#include <string.h>

#include "lib/util/parse.h"
#include "lib/util/strbuf.h"
#include "lib/util/units.h"

/* The first width of a cell. */
#define CELL_USEC CTW_USEC_PER_SEC

/* The drawing, and the area inside its axes, in SVG units; a cell is one unit wide at the least. */
#define WIDTH  1000u
#define HEIGHT 400u
#define LEFT   80u
#define RIGHT  (LEFT + CTW_PLOT_CELLS)
#define TOP    40u
#define BOTTOM 320u

/* Below it: levels, losses, times. */
#define LEVELS_Y 330u
#define LOSSES_Y 342u
#define STRIP    8u
#define TIMES_Y  367u
#define LEGEND_Y 390u

#define TICKS_MAX 8u

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

struct drawing {
    struct ctw_out out;
    const struct ctw_plot *plot;
    uint64_t top; /* entries at the upper end */
};

/* In tenths of a unit, as all coordinates below. */
static unsigned x_of(const struct drawing *d, size_t cell) {
    const size_t n = d->plot->n > 0 ? d->plot->n : 1;

    return (unsigned)(LEFT * 10u + cell * (RIGHT - LEFT) * 10u / n);
}

static unsigned y_of(const struct drawing *d, uint64_t entries) {
    const uint64_t shown = entries < d->top ? entries : d->top;

    return (unsigned)(BOTTOM * 10u - shown * (BOTTOM - TOP) * 10u / d->top);
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

/* Moves to a point, or draws a line to it. */
static void put_point(struct drawing *d, char how, unsigned x, unsigned y) {
    ctw_out_put(&d->out, "%c%u.%u %u.%u", how, x / 10, x % 10, y / 10, y % 10);
}

static void put_head(struct drawing *d) {
    const struct ctw_plot *p = d->plot;
    char from[CTW_TIMESTAMP_SIZE], to[CTW_TIMESTAMP_SIZE];

    ctw_timestamp_print(p->begin_usec, from);
    ctw_timestamp_print(p->begin_usec + p->n * p->cell_usec, to);
    ctw_out_put(&d->out,
                "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %u %u\" width=\"%u\" "
                "height=\"%u\" font-family=\"sans-serif\" font-size=\"12\">\n"
                "<title>Conntrack table, %s to %s</title>\n"
                "<rect width=\"%u\" height=\"%u\" fill=\"#ffffff\"/>\n"
                "<text x=\"%u\" y=\"24\">Conntrack entries, %s to %s</text>\n",
                WIDTH, HEIGHT, WIDTH, HEIGHT, from, to, WIDTH, HEIGHT, LEFT, from, to);
}

/* The least of 1, 2 and 5 times a power of ten with few enough ticks. */
static uint64_t round_step(uint64_t range) {
    for (uint64_t power = 1;; power *= 10)
        for (uint64_t i = 1; i <= 5; i += i == 1 ? 1 : 3)
            if (range / (i * power) < TICKS_MAX)
                return i * power;
}

static void put_entries_axis(struct drawing *d) {
    const uint64_t step = round_step(d->top);

    for (uint64_t n = 0; n <= d->top; n += step) {
        const unsigned y = y_of(d, n);
        ctw_out_put(&d->out,
                    "<path d=\"M%u %u.%uH%u\" stroke=\"#dddddd\"/>"
                    "<text x=\"%u\" y=\"%u\" text-anchor=\"end\">%" PRIu64 "</text>\n",
                    LEFT, y / 10, y % 10, RIGHT, LEFT - 6, y / 10 + 4, n);
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
        const uint64_t x = LEFT + (t - begin) * (RIGHT - LEFT) / (range > 0 ? range : 1);
        ctw_timestamp_print(t * CTW_USEC_PER_SEC, text);
        /* "11-22", "10:05" or "10:05:30" out of "2026-11-22T10:05:30.000Z" */
        const int at = step >= 86400 ? 5 : 11, length = step >= 60 ? 5 : 8;
        ctw_out_put(&d->out,
                    "<path d=\"M%" PRIu64 " %uV%u\" stroke=\"#dddddd\"/><text x=\"%" PRIu64
                    "\" y=\"%u\" text-anchor=\"middle\">%.*s</text>\n",
                    x, TOP, LOSSES_Y + STRIP, x, TIMES_Y, length, text + at);
    }
}

/* The area below the highest count of each cell, or below the lowest. */
static void put_area(struct drawing *d, bool high, const char *style) {
    const struct ctw_plot *p = d->plot;

    for (size_t i = 0; i < p->n; i++) {
        const unsigned y = y_of(d, high ? p->cells[i].high : p->cells[i].low);
        if (!p->cells[i].known)
            continue;
        if (is_edge(p, i, -1)) {
            ctw_out_put(&d->out, "<path d=\"");
            put_point(d, 'M', x_of(d, i), BOTTOM * 10);
        }
        put_point(d, 'L', x_of(d, i), y);
        if (!is_edge(p, i, 1))
            continue;
        put_point(d, 'L', x_of(d, i + 1), y);
        put_point(d, 'L', x_of(d, i + 1), BOTTOM * 10);
        ctw_out_put(&d->out, "Z\" %s/>\n", style);
    }
}

/* A share of the limit, in steps. */
static void put_limit(struct drawing *d, uint32_t permyriad, const char *style) {
    const struct ctw_plot *p = d->plot;
    bool drawn = false;

    ctw_out_put(&d->out, "<path d=\"");
    for (size_t i = 0; i < p->n; i++) {
        const uint32_t max = p->cells[i].max, before = i > 0 ? p->cells[i - 1].max : 0;
        const unsigned y = y_of(d, (uint64_t)max * permyriad / CTW_PERMYRIAD);
        if (max == 0) /* no limit, or not known */
            continue;
        if (max != before)
            put_point(d, before == 0 ? 'M' : 'L', x_of(d, i), y);
        if (i + 1 == p->n || p->cells[i + 1].max != max)
            put_point(d, 'L', x_of(d, i + 1), y);
        drawn = true;
    }
    ctw_out_put(&d->out, "%s\" fill=\"none\" %s/>\n", drawn ? "" : "M0 0", style);
}

/* What a cell shows in a strip; NULL: nothing. */
static const char *level_colour(const struct ctw_plot_cell *c) {
    static const char *const colours[] = {"#8bc34a", "#ffb300", "#f4511e", "#b71c1c"};

    return c->known ? colours[c->level] : NULL;
}

static const char *loss_colour(const struct ctw_plot_cell *c) {
    return c->lost ? "#b71c1c" : c->prevented ? "#1565c0" : NULL;
}

/* Cells of one colour are one bar. */
static void put_strip(struct drawing *d, unsigned y,
                      const char *(*colour_of)(const struct ctw_plot_cell *c)) {
    const struct ctw_plot *p = d->plot;
    size_t since = 0;

    for (size_t i = 0; i < p->n; i++) {
        const char *colour = colour_of(&p->cells[i]);
        if (i + 1 < p->n && colour_of(&p->cells[i + 1]) == colour)
            continue;
        const unsigned x = x_of(d, since), width = x_of(d, i + 1) - x;
        if (colour)
            ctw_out_put(&d->out,
                        "<rect x=\"%u.%u\" y=\"%u\" width=\"%u.%u\" height=\"%u\" "
                        "fill=\"%s\"/>\n",
                        x / 10, x % 10, y, width / 10, width % 10, STRIP, colour);
        since = i + 1;
    }
}

static void put_steps(struct drawing *d) {
    const struct ctw_plot *p = d->plot;

    for (size_t i = 0; i < p->n_steps; i++) {
        const struct ctw_plot_step *s = &p->steps[i];
        const uint64_t cell = cell_at(p, s->at_usec);
        ctw_out_put(&d->out,
                    "<path d=\"M%u %ul-5 9h10z\" fill=\"#1565c0\"><title>max from %" PRIu32
                    " to %" PRIu32 "</title></path>\n",
                    x_of(d, cell < p->n ? (size_t)cell : p->n) / 10, y_of(d, s->to) / 10, s->from,
                    s->to);
    }
}

static void put_legend(struct drawing *d) {
    static const struct {
        unsigned x;
        const char *colour, *words;
    } entries[] = {
        {80, "#42a5f5", "entries"},     {170, "#b71c1c", "limit"},
        {240, "#ffb300", "warning"},    {325, "#f4511e", "critical"},
        {410, "#b71c1c", "full, lost"}, {505, "#1565c0", "grew, loss prevented"},
    };

    for (size_t i = 0; i < sizeof(entries) / sizeof(entries[0]); i++)
        ctw_out_put(&d->out,
                    "<rect x=\"%u\" y=\"%u\" width=\"10\" height=\"10\" fill=\"%s\"/>"
                    "<text x=\"%u\" y=\"%u\">%s</text>\n",
                    entries[i].x, LEGEND_Y - 9, entries[i].colour, entries[i].x + 14, LEGEND_Y,
                    entries[i].words);
    ctw_out_put(&d->out,
                "<text x=\"%u\" y=\"%u\" text-anchor=\"end\">level</text>\n"
                "<text x=\"%u\" y=\"%u\" text-anchor=\"end\">losses</text>\n",
                LEFT - 6, LEVELS_Y + STRIP, LEFT - 6, LOSSES_Y + STRIP + 2);
}

size_t ctw_plot_svg(const struct ctw_plot *p, const struct ctw_settings *s, char *buffer,
                    size_t size) {
    struct drawing d = {.out = {.buffer = buffer, .size = size}, .plot = p, .top = find_top(p)};

    put_head(&d);
    put_entries_axis(&d);
    put_time_axis(&d);
    put_area(&d, true, "fill=\"#90caf9\" stroke=\"#1e88e5\" stroke-width=\"0.5\"");
    put_area(&d, false, "fill=\"#42a5f5\"");
    put_limit(&d, s->levels.warning_permyriad, "stroke=\"#ffb300\" stroke-dasharray=\"4 3\"");
    put_limit(&d, s->levels.critical_permyriad, "stroke=\"#f4511e\" stroke-dasharray=\"4 3\"");
    put_limit(&d, CTW_PERMYRIAD, "stroke=\"#b71c1c\" stroke-width=\"1.5\"");
    put_steps(&d);
    put_strip(&d, LEVELS_Y, level_colour);
    put_strip(&d, LOSSES_Y, loss_colour);
    put_legend(&d);
    ctw_out_put(&d.out, "</svg>\n");
    return d.out.used;
}
