/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "moment.h"

#include <inttypes.h>
#include <string.h>

#include "sample.h"
#include "timestamp.h"

void ctw_line_add_span(struct ctw_line *l, uint64_t usec) {
    const uint64_t s = usec / CTW_USEC_PER_SEC;

    if (s == 0)
        ctw_line_add(l, "less than 1 s");
    else if (s < 2 * 60)
        ctw_line_add(l, "%" PRIu64 " s", s);
    else if (s < 2 * 3600)
        ctw_line_add(l, "%" PRIu64 " min", s / 60);
    else if (s < 2 * 86400)
        ctw_line_add(l, "%" PRIu64 " h", s / 3600);
    else
        ctw_line_add(l, "%" PRIu64 " days", s / 86400);
}

/* What a clock shows that is ahead of UTC by so much; it wraps before 1970, and is no time. */
static uint64_t local_usec(uint64_t realtime_usec, int32_t utc_offset_sec) {
    const uint64_t offset_usec = (uint64_t)(int64_t)utc_offset_sec * CTW_USEC_PER_SEC;

    return realtime_usec + offset_usec;
}

void ctw_line_add_clock(struct ctw_line *l, uint64_t realtime_usec, uint64_t now_realtime_usec,
                        int32_t utc_offset_sec) {
    const uint64_t at_usec = local_usec(realtime_usec, utc_offset_sec);
    char at[CTW_TIMESTAMP_SIZE], now[CTW_TIMESTAMP_SIZE];

    ctw_timestamp_print(at_usec, at);
    ctw_timestamp_print(local_usec(now_realtime_usec, utc_offset_sec), now);
    if (at_usec > CTW_TIMESTAMP_LAST_USEC)
        ctw_line_add(l, "an unknown time");
    else if (strncmp(at, now, strlen("2026-11-22")) == 0)
        ctw_line_add(l, "%.8s", at + strlen("2026-11-22T"));
    else
        ctw_line_add(l, "%.10s %.5s", at, at + strlen("2026-11-22T"));
}
