/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTW_COURSE_H
#define CTW_COURSE_H

/*
 * A history as one course: ten seconds at a time for as long as there is nothing finer, then
 * second by second.
 */

#include <stdint.h>

#include "history.h"

/* Where a reader has got to. */
struct ctw_course {
    const struct ctw_history *history;
    /* The slots that are still to come, by number; 64 bits so that an end can be beyond the last.
     */
    struct ctw_course_stretch {
        uint64_t next, end;
    } stretch[CTW_RESOLUTIONS];
};

/** ctw_course_start() - @h: checked, and there until the end */
void ctw_course_start(struct ctw_course *c, const struct ctw_history *h);

/**
 * ctw_course_next() - the next slot in which somebody looked, oldest first
 * @ret:  how wide it is; set only when there is one
 *
 * No moment is in two of them. Return: NULL at the end.
 */
const struct ctw_slot *ctw_course_next(struct ctw_course *c, enum ctw_resolution *ret);

#endif
