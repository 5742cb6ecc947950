/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pace.h"

#include "level.h"
#include "trend.h"

/* Looks come at this fraction of the time to the next threshold. */
#define LOOKS_PER_APPROACH 4

uint64_t ctw_pace_next(const struct ctw_settings *s, const struct ctw_sample *sample,
                       int64_t rate) {
    const uint64_t slowest = s->poll.interval_usec, fastest = s->poll.fastest_usec;

    for (enum ctw_level l = CTW_LEVEL_WARNING; l <= CTW_LEVEL_FULL; l++) {
        const uint64_t at = (uint64_t)sample->max * ctw_level_threshold(s, l) / CTW_PERMYRIAD;
        if (sample->count >= at)
            continue;
        const uint64_t usec = ctw_trend_usec_to(rate, at - sample->count) / LOOKS_PER_APPROACH;
        return usec < fastest ? fastest : usec < slowest ? usec : slowest;
    }
    return slowest;
}
