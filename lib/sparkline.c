/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sparkline.h"

#include <string.h>

#define HOUR_SEC CTW_HISTORY_FINE /* its slots are of a second */

/* What an hour is divided by without a rest, so that a column is easily named. */
static const uint32_t widths_sec[] = {15, 20, 30, 60, 120, 180, 300, 600};

static uint32_t width_for(uint32_t room) {
    const uint32_t n = sizeof(widths_sec) / sizeof(widths_sec[0]);

    for (uint32_t i = 0; i < n; i++)
        if (HOUR_SEC / widths_sec[i] <= room)
            return widths_sec[i];
    return HOUR_SEC;
}

static void take(struct ctw_spark *s, const struct ctw_spark *more) {
    const enum ctw_level level = more->level > s->level ? more->level : s->level;

    if (!s->known || ctw_fuller(more->count, more->max, s->count, s->max))
        *s = *more;
    s->level = level;
}

/* Of the column so many before the last. */
static void note(struct ctw_sparkline *s, uint32_t back, const struct ctw_spark *high, uint32_t low,
                 uint64_t low_usec) {
    if (!s->high.known || low < s->low) {
        s->low = low;
        s->low_usec = low_usec;
    }
    if (high->count > s->highest)
        s->highest = high->count;
    take(&s->columns[s->n - 1 - back], high);
    take(&s->high, high);
}

static void note_slot(struct ctw_sparkline *s, uint32_t back, const struct ctw_slot *slot) {
    const uint64_t start = ctw_history_start_usec(CTW_RESOLUTION_FINE, slot->number);
    const struct ctw_spark high = {.known = true,
                                   .at_usec = start + slot->high_msec * CTW_USEC_PER_MSEC,
                                   .count = slot->high,
                                   .max = slot->max,
                                   .level = (enum ctw_level)slot->level};

    if (slot->looks > 0)
        note(s, back, &high, slot->low, start + slot->low_msec * CTW_USEC_PER_MSEC);
}

void ctw_sparkline(const struct ctw_history *h, uint64_t now_usec, const struct ctw_spark *latest,
                   uint32_t room, struct ctw_sparkline *ret) {
    const uint32_t width = width_for(room);
    const uint32_t now = ctw_history_number(CTW_RESOLUTION_FINE, now_usec) - 1; /* from 0 on */

    memset(ret, 0, sizeof(*ret));
    ret->n = HOUR_SEC / width;
    ret->width_sec = width;
    if (latest->known)
        note(ret, 0, latest, latest->count, latest->at_usec);
    for (uint32_t ago = 0; ago < HOUR_SEC && ago <= now; ago++) {
        const uint32_t back = now / width - (now - ago) / width;
        const struct ctw_slot *slot = ctw_history_slot(h, CTW_RESOLUTION_FINE, now - ago + 1);
        if (back >= ret->n)
            break;
        if (slot)
            note_slot(ret, back, slot);
    }
}

uint32_t ctw_spark_height(const struct ctw_spark *s, uint32_t of) {
    const uint64_t whole = s->max > 0 ? s->max : of;
    const uint64_t eighths = whole > 0 ? ((uint64_t)s->count * 8 + whole - 1) / whole : 0;

    return eighths < 1 ? 1 : eighths > 8 ? 8 : (uint32_t)eighths;
}
