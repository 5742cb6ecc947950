/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/watch/trend.h"

#include "lib/watch/level.h"

/* Between two points of the ring. A flood fills a default table within a few of these; what is
 * faster is judged by the last two looks alone. */
#define SPACING_USEC (250 * CTW_USEC_PER_MSEC)

/* The window of the rate that is shown. */
#define RATE_WINDOW_USEC CTW_USEC_PER_SEC

/* The longest window a forecast may rest on: what the ring is sure to cover. */
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

/* Called before the point goes to its place. */
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

/* The newest point at least @window old, the oldest where the past is shorter. */
static const struct ctw_trend_point *point_before(const struct ctw_trend *t, uint64_t window_usec) {
    uint32_t back = 0;

    /* Points may lie further apart than SPACING_USEC, never closer: start no earlier than that. */
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

/* Whether the table has filled at half of @rate or faster at the end of the window, too: otherwise
 * the burst is over. The end is the last quarter of the window, but no more than @usec_to_full: of
 * a rate that fills the table in two seconds it is the last two. */
static bool still_going(const struct ctw_trend *t, uint64_t window_usec, int64_t rate,
                        uint64_t usec_to_full) {
    const uint64_t ahead = usec_to_full > SPACING_USEC ? usec_to_full : SPACING_USEC;
    const uint64_t recent = window_usec / 4 < ahead ? window_usec / 4 : ahead;

    return rate_between(point_before(t, recent), &t->last) >= rate / 2;
}

/* Whether the table has filled by so little, from wherever, that no window can make a forecast.
 * One that lasted T and brought N entries forecasts headroom * T / N, of which T is to be a tenth
 * or more; one part more than ten is for what the divisions cut off. */
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
            return false; /* no past that long */

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

/* Looks come at this fraction of the time to the next threshold. */
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
