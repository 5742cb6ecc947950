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

static void take(struct ctw_spark *s, const struct ctw_slot *slot) {
    if (!s->known || slot->high > s->count) {
        s->count = slot->high;
        s->max = slot->max;
        s->at_usec = ctw_history_start_usec(CTW_RESOLUTION_FINE, slot->number) +
                     slot->high_msec * CTW_USEC_PER_MSEC;
    }
    if ((enum ctw_level)slot->level > s->level)
        s->level = (enum ctw_level)slot->level;
    s->known = true;
}

static void take_low(struct ctw_sparkline *s, const struct ctw_slot *slot) {
    if (s->high.known && slot->low >= s->low)
        return;
    s->low = slot->low;
    s->low_usec = ctw_history_start_usec(CTW_RESOLUTION_FINE, slot->number) +
                  slot->low_msec * CTW_USEC_PER_MSEC;
}

void ctw_sparkline(const struct ctw_history *h, uint64_t now_usec, uint32_t room,
                   struct ctw_sparkline *ret) {
    const uint32_t width = width_for(room);
    const uint32_t now = ctw_history_number(CTW_RESOLUTION_FINE, now_usec) - 1; /* from 0 on */
    const uint32_t last = now / width;

    memset(ret, 0, sizeof(*ret));
    ret->n = HOUR_SEC / width;
    ret->width_sec = width;
    for (uint32_t ago = 0; ago < HOUR_SEC && ago <= now; ago++) {
        const uint32_t at = now - ago;
        const struct ctw_slot *slot = ctw_history_slot(h, CTW_RESOLUTION_FINE, at + 1);
        if (last - at / width >= ret->n)
            break;
        if (!slot || slot->looks == 0)
            continue;
        take(&ret->columns[ret->n - 1 - (last - at / width)], slot);
        take_low(ret, slot);
        take(&ret->high, slot);
    }
}

uint32_t ctw_spark_height(const struct ctw_spark *s, uint32_t of) {
    const uint64_t whole = s->max > 0 ? s->max : of;
    const uint64_t eighths = whole > 0 ? ((uint64_t)s->count * 8 + whole - 1) / whole : 0;

    return eighths < 1 ? 1 : eighths > 8 ? 8 : (uint32_t)eighths;
}
