/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Where the fill is going: net rate, time to full, and the time of the next poll.
 *
 * A ring of past counts, a quarter of a second or more apart, reaches at least half a minute back;
 * the last two polls are kept beside it. Rates are means over a window of that past, in entries per
 * second, signed.
 */

#include <stdbool.h>
#include <stdint.h>

#include "lib/config/settings.h"
#include "lib/kernel/sample.h"

/* Points kept: 32 s of quarters of a second, in 2 KiB. */
#define CTW_TREND_LENGTH 128u

struct ctw_trend {
    struct ctw_trend_point {
        uint64_t at_usec;
        uint32_t count;
    } ring[CTW_TREND_LENGTH];
    struct ctw_trend_point last, before_last;
    uint32_t n;    /* points in the ring */
    uint32_t head; /* place of the next one */
    /* The lowest count of this round through the ring, and of the round before: no point in the
     * ring is lower than both. */
    uint32_t low, low_before;
};

/** ctw_trend_reset() - forget everything, as after the table was gone */
void ctw_trend_reset(struct ctw_trend *t);

/** ctw_trend_add() - one poll; ignored when not later than the last one */
void ctw_trend_add(struct ctw_trend *t, uint64_t now_usec, uint32_t count);

/** ctw_trend_knows() - whether there were two polls, and so a rate */
bool ctw_trend_knows(const struct ctw_trend *t);

/**
 * ctw_trend_rate() - mean net change over the last second, in entries per second
 *
 * Over the whole past when that is shorter; 0 without one.
 */
int64_t ctw_trend_rate(const struct ctw_trend *t);

/** ctw_trend_burst_rate() - the same, between the last two polls only */
int64_t ctw_trend_burst_rate(const struct ctw_trend *t);

/** ctw_trend_usec_to() - when the count will have risen by @headroom at @rate; UINT64_MAX: never */
uint64_t ctw_trend_usec_to(int64_t rate, uint64_t headroom);

/** ctw_trend_fills() - whether the table will be full at ctw_trend_rate(), and when, from now */
bool ctw_trend_fills(const struct ctw_trend *t, const struct ctw_sample *now, uint64_t *ret_usec);

/**
 * ctw_trend_forecast() - when the table will be full, at a rate that can be believed
 * @headroom:  entries free now
 * @ret_usec:  from now
 * @ret_rate:  that rate
 *
 * A rate is believed when it has lasted for a tenth of the time it forecasts, and has not slowed
 * down since: a burst of one second forecasts ten seconds, not five minutes.
 *
 * Return: whether there is such a forecast.
 */
bool ctw_trend_forecast(const struct ctw_trend *t, uint64_t headroom, uint64_t *ret_usec,
                        int64_t *ret_rate);

/**
 * ctw_pace_next() - when to poll next: after a quarter of the time to the next threshold
 * @rate:  net entries per second, between the last two polls
 *
 * Return: microseconds from now, between poll.fastest and poll.interval.
 */
uint64_t ctw_pace_next(const struct ctw_settings *s, const struct ctw_sample *sample, int64_t rate);
