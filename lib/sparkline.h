/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTW_SPARKLINE_H
#define CTW_SPARKLINE_H

/* The last hour of a history in as many columns as there is room for. */

#include <stdbool.h>
#include <stdint.h>

#include "history.h"
#include "level.h"

#define CTW_SPARKLINE_MAX 240u

/* When the table was fullest in some time: the count, and what the limit was then. */
struct ctw_spark {
    bool known;           /* somebody looked, and there was a table */
    uint64_t at_usec;     /* monotonic */
    uint32_t count, max;  /* max 0: no limit */
    enum ctw_level level; /* the highest there was */
};

struct ctw_sparkline {
    uint32_t n;         /* columns, the oldest first; the last one is now's, and not complete */
    uint32_t width_sec; /* of a column */
    struct ctw_spark columns[CTW_SPARKLINE_MAX];
    struct ctw_spark high; /* of all */
    uint32_t highest, low; /* counts of all, where high is known: high may be of another limit */
    uint64_t low_usec;
};

/**
 * ctw_sparkline() - the hour before @now_usec
 * @latest:  a look that may not be in the history yet; not known: there is none
 * @room:    columns at the most
 *
 * Columns are a round number of seconds wide, and begin at multiples of it: one that is complete
 * stays as it is, wherever it stands.
 */
void ctw_sparkline(const struct ctw_history *h, uint64_t now_usec, const struct ctw_spark *latest,
                   uint32_t room, struct ctw_sparkline *ret);

/**
 * ctw_spark_height() - how high to draw it, in eighths: 1 to 8
 * @of:  what stands for the whole where there is no limit: the highest count of all
 */
uint32_t ctw_spark_height(const struct ctw_spark *s, uint32_t of);

#endif
