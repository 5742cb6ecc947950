/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTW_LIB_VIEW_PLOT_H
#define CTW_LIB_VIEW_PLOT_H

/*
 * A replay as a picture, in SVG: the fill below its limit and thresholds, the levels, what was
 * lost, and where the table grew.
 *
 * Its size does not depend on how long the recording is: when the cells are used up, two become
 * one, with the extremes of both.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/config/settings.h"
#include "lib/replay/replay.h"

#define CTW_PLOT_CELLS 900u /* one for each unit of its width */

/* Growths that are marked. */
#define CTW_PLOT_STEPS 32u

/* Zero-initialised, it is empty. */
struct ctw_plot {
    uint64_t begin_usec; /* since 1970 */
    uint64_t cell_usec;
    size_t n; /* cells in use, known or not */
    struct ctw_plot_cell {
        bool known;
        bool after_hole; /* no line leads here */
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

/** ctw_plot_add() - what a record came to; each is later than the one before */
void ctw_plot_add(struct ctw_plot *p, const struct ctw_replay_seen *seen);

/** ctw_plot_grew() - max was raised; the first of them are marked */
void ctw_plot_grew(struct ctw_plot *p, uint64_t at_usec, uint32_t from, uint32_t to);

/**
 * ctw_plot_svg() - the picture, as a file of its own
 * @s:       for the thresholds
 * @buffer:  where to; always NUL-terminated, when @size is not 0
 *
 * Return: bytes the whole text has, without the NUL, whether or not it fitted.
 */
size_t ctw_plot_svg(const struct ctw_plot *p, const struct ctw_settings *s, char *buffer,
                    size_t size);

#endif
