/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTW_MOMENT_H
#define CTW_MOMENT_H

/* How long, and when, in words. */

#include <stdint.h>

#include "line.h"

/** ctw_line_add_span() - "42 s", in the largest unit that leaves two digits */
void ctw_line_add_span(struct ctw_line *l, uint64_t usec);

/**
 * ctw_line_add_clock() - "09:58:25", or "2026-11-21 09:58" when that is not the same day as @now
 * @realtime_usec:      since 1970, in UTC
 * @now_realtime_usec:  likewise
 * @utc_offset_sec:     of the clock that is shown
 */
void ctw_line_add_clock(struct ctw_line *l, uint64_t realtime_usec, uint64_t now_realtime_usec,
                        int32_t utc_offset_sec);

#endif
