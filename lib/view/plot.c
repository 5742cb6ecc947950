/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/view/plot.h"

#include <inttypes.h>
#include <string.h>

#include "lib/util/parse.h"
#include "lib/util/strbuf.h"
#include "lib/watch/level.h"

/* The first width of a cell. */
#define CELL_USEC CTW_USEC_PER_SEC

/* The picture, and what is inside of its axes, in units. */
#define WIDTH  1000u
#define HEIGHT 400u
#define LEFT   80u
#define RIGHT  (LEFT + CTW_PLOT_CELLS)
#define TOP    40u
#define BOTTOM 320u

/* Below: levels, then losses, then times. */
#define LEVELS_Y 330u
#define LOSSES_Y 342u
#define STRIP    8u
#define TIMES_Y  367u
#define LEGEND_Y 390u

#define TICKS_MAX 8u

/* --- what is to be shown ---------------------------------------------------------------------- */

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
    into->max = c->max; /* as it was last */
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

/* A slot is in all cells up to its end. */
void ctw_plot_add(struct ctw_plot *p, const struct ctw_replay_seen *seen) {
    const bool slot = seen->to_usec > seen->from_usec;
    const uint64_t last_usec = slot ? seen->to_usec - 1 : seen->from_usec;
    struct ctw_plot_cell cell = {
        .known = true,
        .after_hole = seen->after_hole,
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
    const size_t end = (size_t)cell_at(p, last_usec) + 1;
    for (size_t i = (size_t)cell_at(p, seen->from_usec); i < end; i++) {
        merge(&p->cells[i], &cell);
        cell.after_hole = false;
    }
    if (end > p->n)
        p->n = end;
}

void ctw_plot_grew(struct ctw_plot *p, uint64_t at_usec, uint32_t from, uint32_t to) {
    if (p->n_steps < CTW_PLOT_STEPS)
        p->steps[p->n_steps++] = (struct ctw_plot_step){at_usec, from, to};
}

/* --- where it is in the picture --------------------------------------------------------------- */

struct drawing {
    struct ctw_out out;
    const struct ctw_plot *plot;
    uint64_t top; /* the number of entries at the upper end */
};

/* In tenths of a unit. */
static uint64_t x_of(const struct drawing *d, size_t cell) {
    const size_t n = d->plot->n > 0 ? d->plot->n : 1;

    return LEFT * 10u + (uint64_t)cell * (RIGHT - LEFT) * 10u / n;
}

static uint64_t y_of(const struct drawing *d, uint64_t entries) {
    const uint64_t shown = entries < d->top ? entries : d->top;

    return BOTTOM * 10u - shown * (BOTTOM - TOP) * 10u / d->top;
}

static void put_point(struct drawing *d, char how, uint64_t x, uint64_t y) {
    ctw_out_put(&d->out, "%c%" PRIu64 ".%" PRIu64 " %" PRIu64 ".%" PRIu64, how, x / 10, x % 10,
                y / 10, y % 10);
}

/* Room above the highest of all that is shown. */
static uint64_t find_top(const struct ctw_plot *p) {
    uint64_t top = 1;

    for (size_t i = 0; i < p->n; i++) {
        const struct ctw_plot_cell *c = &p->cells[i];
        if (c->known && c->high > top)
            top = c->high;
        if (c->known && c->max > top)
            top = c->max;
    }
    return top + top / 20 + 1;
}

/* --- its parts -------------------------------------------------------------------------------- */

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

/* The least of 1, 2 and 5 times a power of ten that makes few enough steps. */
static uint64_t round_step(uint64_t range) {
    for (uint64_t power = 1;; power *= 10)
        for (uint64_t i = 1; i <= 5; i += i == 1 ? 1 : 3)
            if (range / (i * power) < TICKS_MAX)
                return i * power;
}

static void put_entries_axis(struct drawing *d) {
    const uint64_t step = round_step(d->top);

    for (uint64_t n = 0; n <= d->top; n += step) {
        const uint64_t y = y_of(d, n);
        ctw_out_put(&d->out,
                    "<path d=\"M%u %" PRIu64 ".%" PRIu64 "H%u\" stroke=\"#dddddd\"/>"
                    "<text x=\"%u\" y=\"%" PRIu64 "\" text-anchor=\"end\">%" PRIu64 "</text>\n",
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

/* The next stretch without a hole in it, from @from on: from the known cell *ret on, up to behind
 * the known cell before the one that is returned. */
static size_t next_stretch(const struct ctw_plot *p, size_t from, size_t *ret) {
    while (from < p->n && !p->cells[from].known)
        from++;
    *ret = from;
    size_t end = from + 1;
    for (size_t i = end; i < p->n; i++) {
        if (!p->cells[i].known)
            continue;
        if (p->cells[i].after_hole)
            break;
        end = i + 1;
    }
    return end < p->n ? end : p->n;
}

/* The area below the highest, or below the lowest, of each cell. */
static void put_area(struct drawing *d, bool high, const char *style) {
    const struct ctw_plot *p = d->plot;

    for (size_t from = 0, begin, end; from < p->n; from = end) {
        end = next_stretch(p, from, &begin);
        if (begin >= p->n)
            break;
        ctw_out_put(&d->out, "<path d=\"");
        put_point(d, 'M', x_of(d, begin), BOTTOM * 10);
        for (size_t i = begin; i < end; i++) {
            const struct ctw_plot_cell *c = &p->cells[i];
            if (!c->known)
                continue;
            put_point(d, 'L', x_of(d, i), y_of(d, high ? c->high : c->low));
        }
        const struct ctw_plot_cell *c = &p->cells[end - 1];
        put_point(d, 'L', x_of(d, end), y_of(d, high ? c->high : c->low));
        put_point(d, 'L', x_of(d, end), BOTTOM * 10);
        ctw_out_put(&d->out, "Z\" %s/>\n", style);
    }
}

/* A share of the limit, in steps. */
static void put_limit(struct drawing *d, uint32_t permyriad, const char *style) {
    const struct ctw_plot *p = d->plot;
    uint64_t is = UINT64_MAX;
    bool drawn = false;

    ctw_out_put(&d->out, "<path d=\"");
    for (size_t i = 0; i < p->n; i++) {
        const struct ctw_plot_cell *c = &p->cells[i];
        if (!c->known)
            continue;
        if (c->max == 0) { /* no limit */
            is = UINT64_MAX;
            continue;
        }
        const uint64_t limit = (uint64_t)c->max * permyriad / CTW_PERMYRIAD;
        if (is == UINT64_MAX || c->after_hole)
            put_point(d, 'M', x_of(d, i), y_of(d, limit));
        else if (is != limit) {
            put_point(d, 'L', x_of(d, i), y_of(d, is));
            put_point(d, 'L', x_of(d, i), y_of(d, limit));
        }
        is = limit;
        drawn = true;
        if (i + 1 == p->n || !p->cells[i + 1].known || p->cells[i + 1].after_hole)
            put_point(d, 'L', x_of(d, i + 1), y_of(d, limit));
    }
    ctw_out_put(&d->out, "%s\" fill=\"none\" %s/>\n", drawn ? "" : "M0 0", style);
}

static const char *colour_of(enum ctw_level level) {
    switch (level) {
    case CTW_LEVEL_OK:
        return "#8bc34a";
    case CTW_LEVEL_WARNING:
        return "#ffb300";
    case CTW_LEVEL_CRITICAL:
        return "#f4511e";
    case CTW_LEVEL_FULL:
        return "#b71c1c";
    }
    return "#000000";
}

static void put_bar(struct drawing *d, size_t from, size_t to, unsigned y, const char *colour) {
    const uint64_t x = x_of(d, from), width = x_of(d, to) - x;

    ctw_out_put(&d->out,
                "<rect x=\"%" PRIu64 ".%" PRIu64 "\" y=\"%u\" width=\"%" PRIu64 ".%" PRIu64
                "\" height=\"%u\" fill=\"%s\"/>\n",
                x / 10, x % 10, y, width / 10, width % 10, STRIP, colour);
}

/* What a cell shows in a strip, NULL: nothing. */
static const char *level_mark(const struct ctw_plot_cell *c) {
    return colour_of(c->level);
}

static const char *loss_mark(const struct ctw_plot_cell *c) {
    return c->lost ? "#b71c1c" : c->prevented ? "#1565c0" : NULL;
}

/* Cells of the same colour are one bar; one that is not known goes on as the one before. */
static void put_strip(struct drawing *d, unsigned y,
                      const char *(*mark)(const struct ctw_plot_cell *c)) {
    const struct ctw_plot *p = d->plot;

    for (size_t from = 0, begin, end; from < p->n; from = end) {
        end = next_stretch(p, from, &begin);
        const char *is = NULL;
        size_t since = begin;
        for (size_t i = begin; i < end; i++) {
            const char *now = p->cells[i].known ? mark(&p->cells[i]) : is;
            if (now == is)
                continue;
            if (is)
                put_bar(d, since, i, y, is);
            is = now;
            since = i;
        }
        if (is)
            put_bar(d, since, end, y, is);
    }
}

static void put_steps(struct drawing *d) {
    const struct ctw_plot *p = d->plot;

    for (size_t i = 0; i < p->n_steps; i++) {
        const struct ctw_plot_step *s = &p->steps[i];
        const uint64_t cell = cell_at(p, s->at_usec);
        const uint64_t x = x_of(d, cell < p->n ? (size_t)cell : p->n) / 10;
        const uint64_t y = y_of(d, s->to) / 10;
        ctw_out_put(&d->out,
                    "<path d=\"M%" PRIu64 " %" PRIu64 "l-5 9h10z\" fill=\"#1565c0\"><title>max "
                    "from %" PRIu32 " to %" PRIu32 "</title></path>\n",
                    x, y, s->from, s->to);
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
    put_strip(&d, LEVELS_Y, level_mark);
    put_strip(&d, LOSSES_Y, loss_mark);
    put_legend(&d);
    ctw_out_put(&d.out, "</svg>\n");
    return d.out.used;
}
