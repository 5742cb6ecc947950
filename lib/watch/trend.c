/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/watch/trend.h"

#include "lib/watch/level.h"

/* Least distance of two points in the ring. A flood fills a default table within a few of these;
 * the rate of the last two polls shows it sooner. */
#define SPACING_USEC (250 * CTW_USEC_PER_MSEC)

/* The window of the rate that is shown. */
#define RATE_WINDOW_USEC CTW_USEC_PER_SEC

/* The longest window of a forecast: the time that a full ring covers at least. */
#define LONGEST_WINDOW_USEC ((CTW_TREND_LENGTH - 1) * SPACING_USEC)

/* A rate must have lasted for this fraction of the time it forecasts. */
#define BELIEF 10

void ctw_trend_reset(struct ctw_trend *t) {
    t->n = 0;
    t->head = 0;
    t->last.at_usec = 0;
    t->before_last.at_usec = 0;
}

/* The point @back places before the newest in the ring; @back < t->n. */
static const struct ctw_trend_point *point_back(const struct ctw_trend *t, uint32_t back) {
    return &t->ring[(t->head + CTW_TREND_LENGTH - 1 - back) % CTW_TREND_LENGTH];
}

/* Before the point is stored. */
static void note_low(struct ctw_trend *t, uint32_t count) {
    if (t->head == 0) {
        t->low_before = t->n > 0 ? t->low : count;
        t->low = count;
    } else if (count < t->low)
        t->low = count;
}

void ctw_trend_add(struct ctw_trend *t, uint64_t now_usec, uint32_t count) {
    if (t->last.at_usec != 0 && now_usec <= t->last.at_usec)
        return;

    t->before_last = t->last;
    t->last = (struct ctw_trend_point){.at_usec = now_usec, .count = count};
    if (t->n > 0 && now_usec - point_back(t, 0)->at_usec < SPACING_USEC)
        return;

    note_low(t, count);
    t->ring[t->head] = t->last;
    t->head = (t->head + 1) % CTW_TREND_LENGTH;
    if (t->n < CTW_TREND_LENGTH)
        t->n++;
}

bool ctw_trend_knows(const struct ctw_trend *t) {
    return t->before_last.at_usec != 0;
}

static int64_t rate_between(const struct ctw_trend_point *a, const struct ctw_trend_point *b) {
    if (b->at_usec <= a->at_usec)
        return 0;

    const int64_t change = (int64_t)b->count - (int64_t)a->count;
    return change * (int64_t)CTW_USEC_PER_SEC / (int64_t)(b->at_usec - a->at_usec);
}

/* The newest point that is at least @window_usec old; the oldest where the past is shorter. */
static const struct ctw_trend_point *point_before(const struct ctw_trend *t, uint64_t window_usec) {
    uint32_t back = 0;

    while (back + 1 < t->n && t->last.at_usec - point_back(t, back)->at_usec < window_usec)
        back++;
    return point_back(t, back);
}

int64_t ctw_trend_rate(const struct ctw_trend *t) {
    if (!ctw_trend_knows(t))
        return 0;
    return rate_between(point_before(t, RATE_WINDOW_USEC), &t->last);
}

int64_t ctw_trend_burst_rate(const struct ctw_trend *t) {
    if (!ctw_trend_knows(t))
        return 0;
    return rate_between(&t->before_last, &t->last);
}

uint64_t ctw_trend_usec_to(int64_t rate, uint64_t headroom) {
    if (rate <= 0)
        return UINT64_MAX;
    return headroom * CTW_USEC_PER_SEC / (uint64_t)rate;
}

bool ctw_trend_fills(const struct ctw_trend *t, const struct ctw_sample *now, uint64_t *ret_usec) {
    if (now->max <= now->count)
        return false;

    const uint64_t usec = ctw_trend_usec_to(ctw_trend_rate(t), now->max - now->count);
    if (usec == UINT64_MAX)
        return false;
    *ret_usec = usec;
    return true;
}

/* Whether the table filled at half of @rate or faster at the end of the window, too: otherwise the
 * burst is over. The end is the last quarter of the window, at most @usec_to_full of it. */
static bool still_going(const struct ctw_trend *t, uint64_t window_usec, int64_t rate,
                        uint64_t usec_to_full) {
    const uint64_t ahead = usec_to_full > SPACING_USEC ? usec_to_full : SPACING_USEC;
    const uint64_t recent = window_usec / 4 < ahead ? window_usec / 4 : ahead;

    return rate_between(point_before(t, recent), &t->last) >= rate / 2;
}

/* Whether the count has risen too little for a forecast from any window. A window of length T in
 * which N entries came forecasts headroom * T / N, and T is to be a tenth of that or more; one part
 * more than ten is for the remainders of the divisions. */
static bool too_calm(const struct ctw_trend *t, uint64_t headroom) {
    const uint32_t low = t->low < t->low_before ? t->low : t->low_before;
    const uint64_t risen = t->last.count > low ? t->last.count - low : 0;

    return risen < headroom / (BELIEF + 1);
}

bool ctw_trend_forecast(const struct ctw_trend *t, uint64_t headroom, uint64_t *ret_usec,
                        int64_t *ret_rate) {
    if (!ctw_trend_knows(t) || too_calm(t, headroom))
        return false;

    for (uint64_t window = SPACING_USEC;; window *= 2) {
        if (window > LONGEST_WINDOW_USEC)
            window = LONGEST_WINDOW_USEC;
        const struct ctw_trend_point *from = point_before(t, window);
        const uint64_t lasted = t->last.at_usec - from->at_usec;
        if (lasted < window)
            return false; /* the past is shorter */

        const int64_t rate = rate_between(from, &t->last);
        const uint64_t usec = ctw_trend_usec_to(rate, headroom);
        if (usec != UINT64_MAX && usec / BELIEF <= lasted && still_going(t, window, rate, usec)) {
            *ret_usec = usec;
            *ret_rate = rate;
            return true;
        }
        if (window == LONGEST_WINDOW_USEC)
            return false;
    }
}

/* Polls on the way to the next threshold. */
#define POLLS_PER_APPROACH 4

uint64_t ctw_pace_next(const struct ctw_settings *s, const struct ctw_sample *sample,
                       int64_t rate) {
    const uint64_t slowest = s->poll.interval_usec, fastest = s->poll.fastest_usec;

    for (enum ctw_level l = CTW_LEVEL_WARNING; l <= CTW_LEVEL_FULL; l++) {
        const uint64_t at = (uint64_t)sample->max * ctw_level_threshold(s, l) / CTW_PERMYRIAD;
        if (sample->count >= at)
            continue;
        const uint64_t usec = ctw_trend_usec_to(rate, at - sample->count) / POLLS_PER_APPROACH;
        return usec < fastest ? fastest : usec < slowest ? usec : slowest;
    }
    return slowest;
}
