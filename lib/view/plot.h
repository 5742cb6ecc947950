/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * A replay or a history as an SVG drawing: the count below its limit and thresholds, the levels,
 * the losses, and the growth.
 *
 * Its size does not depend on the length of the recording: when all cells are used, two become one
 * with the extremes of both. Places are percentages, so that it fits any width with letters of one
 * size.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/config/settings.h"
#include "lib/replay/replay.h"
#include "lib/util/strbuf.h"
#include "lib/view/history.h"

#define CTW_PLOT_CELLS 900u

/* Growths that are marked. */
#define CTW_PLOT_STEPS 32u

/* Zero-initialised: empty. */
struct ctw_plot {
    uint64_t begin_usec; /* since 1970 */
    uint64_t cell_usec;
    size_t n; /* cells in use */
    struct ctw_plot_cell {
        bool known; /* false: in a hole of the recording */
        bool lost, prevented;
        uint32_t low, high;
        uint32_t max; /* 0: no limit */
        enum ctw_level level;
    } cells[CTW_PLOT_CELLS];
    size_t n_steps;
    struct ctw_plot_step {
        uint64_t at_usec;
        uint32_t from, to;
    } steps[CTW_PLOT_STEPS];
};

/** ctw_plot_add() - a record, later than the record before; a slot covers all cells to its end */
void ctw_plot_add(struct ctw_plot *p, const struct ctw_replay_seen *seen);

/** ctw_plot_grew() - max was raised; the first CTW_PLOT_STEPS are marked */
void ctw_plot_grew(struct ctw_plot *p, uint64_t at_usec, uint32_t from, uint32_t to);

/** ctw_plot_bins() - a history instead; @p is empty before. A higher max is marked as growth. */
void ctw_plot_bins(struct ctw_plot *p, const struct ctw_history_bins *b);

/**
 * ctw_plot_put() - the drawing as an element of a page, without colours
 * @id:  ID-h and ID-words are its heading and its description in words
 *
 * Its classes: grid, high, low, warning, critical, limit, ok, full, lost, prevented, grew; times
 * are UTC and have data-t, seconds since 1970.
 */
void ctw_plot_put(struct ctw_out *o, const struct ctw_plot *p, uint32_t warning_permyriad,
                  uint32_t critical_permyriad, const char *id);

/**
 * ctw_plot_svg() - the drawing as a whole file
 * @s:       for the thresholds
 * @buffer:  always NUL-terminated, when @size is not 0
 *
 * Return: bytes of the whole text, without the NUL, also when it did not fit.
 */
size_t ctw_plot_svg(const struct ctw_plot *p, const struct ctw_settings *s, char *buffer,
                    size_t size);
