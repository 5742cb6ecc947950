/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "moment.h"

#include <inttypes.h>
#include <stdbool.h>

#include "sample.h"

#define DAY_SEC INT64_C(86400)

/* The end of the year 9999: what is later is no time at all, but damage. */
#define LAST_SEC INT64_C(253402300799)

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

static int64_t local_sec(uint64_t realtime_usec, int32_t utc_offset_sec) {
    return (int64_t)(realtime_usec / CTW_USEC_PER_SEC) + utc_offset_sec;
}

/* A year begins in March here, so that the day a leap year has more is its last. The rule repeats
 * after 400 years, which are 146097 days; 719468 are from 0000-03-01 to 1970-01-01. */
static void add_date(struct ctw_line *l, int64_t days) {
    const int64_t shifted = days + 719468;
    const int64_t era = shifted / 146097, of_era = shifted % 146097;
    const int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    const int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
    const int64_t month = (5 * of_year + 2) / 153; /* 0: March */
    const int64_t day = of_year - (153 * month + 2) / 5 + 1;

    ctw_line_add(l, "%04" PRId64 "-%02" PRId64 "-%02" PRId64, era * 400 + year + (month >= 10),
                 month < 10 ? month + 3 : month - 9, day);
}

void ctw_line_add_clock(struct ctw_line *l, uint64_t realtime_usec, uint64_t now_realtime_usec,
                        int32_t utc_offset_sec) {
    const int64_t at = local_sec(realtime_usec, utc_offset_sec);
    const int64_t now = local_sec(now_realtime_usec, utc_offset_sec);
    const bool today = at / DAY_SEC == now / DAY_SEC;

    if (at < 0 || at > LAST_SEC) {
        ctw_line_add(l, "an unknown time");
        return;
    }
    if (!today) {
        add_date(l, at / DAY_SEC);
        ctw_line_add(l, " ");
    }
    ctw_line_add(l, "%02" PRId64 ":%02" PRId64, at % DAY_SEC / 3600, at % 3600 / 60);
    if (today)
        ctw_line_add(l, ":%02" PRId64, at % 60);
}
