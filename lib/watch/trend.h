/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTW_LIB_WATCH_TREND_H
#define CTW_LIB_WATCH_TREND_H

/*
 * Where the fill is going: net rate, time to full, and when to look next.
 *
 * A ring of past looks at fixed spacing reaches half a minute back; the newest look stands beside
 * it. Rates are means over a window of that past, in entries per second, signed.
 */

#include <stdbool.h>
#include <stdint.h>

#include "lib/config/settings.h"
#include "lib/kernel/sample.h"

/* Past looks kept, a quarter of a second apart: 32 s in 2 KiB. */
#define CTW_TREND_LENGTH 128u

struct ctw_trend {
    struct ctw_trend_point {
        uint64_t at_usec;
        uint32_t count;
    } ring[CTW_TREND_LENGTH];
    struct ctw_trend_point last, before_last;
    uint32_t n;    /* points in the ring */
    uint32_t head; /* where the next one goes */
    /* The least count of this round through the ring, and of the round before: no point in it is
     * lower than both. */
    uint32_t low, low_before;
};

/** ctw_trend_reset() - forget everything, as after the table was gone */
void ctw_trend_reset(struct ctw_trend *t);

/** ctw_trend_add() - one look; a look not later than the last one is passed over */
void ctw_trend_add(struct ctw_trend *t, uint64_t now_usec, uint32_t count);

/** ctw_trend_knows() - whether there are two looks to draw a line through */
bool ctw_trend_knows(const struct ctw_trend *t);

/**
 * ctw_trend_rate() - mean net change over the last second, in entries per second
 *
 * Over what there is, when the past is shorter; 0 when it is empty.
 */
int64_t ctw_trend_rate(const struct ctw_trend *t);

/** ctw_trend_burst_rate() - the same, between the last two looks only */
int64_t ctw_trend_burst_rate(const struct ctw_trend *t);

/**
 * ctw_trend_usec_to() - when the count will have risen by @headroom at @rate
 *
 * Return: microseconds, UINT64_MAX when it will not.
 */
uint64_t ctw_trend_usec_to(int64_t rate, uint64_t headroom);

/**
 * ctw_trend_forecast() - when the table will be full, if that can be believed
 * @headroom:  entries free now
 * @ret_usec:  from now
 * @ret_rate:  the rate it rests on
 *
 * A rate is believed once it has lasted for a tenth of the time it forecasts and is still going
 * on: a one-second burst says nothing about the next five minutes, but all about the next ten
 * seconds; and what would have filled the table by now, had it gone on, is over.
 *
 * Return: whether there is such a forecast.
 */
bool ctw_trend_forecast(const struct ctw_trend *t, uint64_t headroom, uint64_t *ret_usec,
                        int64_t *ret_rate);

/* When to look again. */

/**
 * ctw_pace_next() - a quarter of the time to the next threshold, within the bounds of poll
 * @rate:  net entries per second, between the last two looks
 *
 * Return: microseconds from now, between poll.fastest and poll.interval.
 */
uint64_t ctw_pace_next(const struct ctw_settings *s, const struct ctw_sample *sample, int64_t rate);

#endif
