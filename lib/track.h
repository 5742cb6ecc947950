/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTW_TRACK_H
#define CTW_TRACK_H

/* The track of the count through one record: straight lines from point to point. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "recording.h"

/* What was lost up to a point. */
struct ctw_track_losses {
    uint64_t drops, other_drops, early_drops, clashes, chain_too_long, log_lines;
};

/* Of a slot: its first and last look, the lowest and the highest, the first and the last loss. */
#define CTW_TRACK_MAX 6u

struct ctw_track {
    size_t n;
    struct ctw_track_point {
        uint64_t at_usec;
        uint32_t count;
        bool loses;
        struct ctw_track_losses lost;
    } points[CTW_TRACK_MAX]; /* in order of time */
};

/**
 * ctw_track_of() - of one record
 * @from_usec, @from_count:  the point before
 *
 * A look is one point. Of a slot's losses one half comes with the first, the other with the last.
 */
void ctw_track_of(const struct ctw_record *record, uint64_t from_usec, uint32_t from_count,
                  struct ctw_track *ret);

/** ctw_track_between() - the count on the straight line at @at_usec, from @from_usec to @to_usec
 */
uint32_t ctw_track_between(uint64_t from_usec, uint32_t from, uint64_t to_usec, uint32_t to,
                           uint64_t at_usec);

/** ctw_track_loses() - whether there is any */
bool ctw_track_loses(const struct ctw_track_losses *l);

#endif
