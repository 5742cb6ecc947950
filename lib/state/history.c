/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/state/history.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

static const struct {
    uint64_t width_usec;
    uint32_t length;
} shapes[CTW_RESOLUTIONS] = {
    [CTW_RESOLUTION_FINE] = {CTW_USEC_PER_SEC, CTW_HISTORY_FINE},
    [CTW_RESOLUTION_COARSE] = {10 * CTW_USEC_PER_SEC, CTW_HISTORY_COARSE},
};

uint64_t ctw_history_width_usec(enum ctw_resolution r) {
    return shapes[r].width_usec;
}

uint32_t ctw_history_length(enum ctw_resolution r) {
    return shapes[r].length;
}

uint32_t ctw_history_number(enum ctw_resolution r, uint64_t now_usec) {
    return (uint32_t)(now_usec / shapes[r].width_usec) + 1;
}

uint64_t ctw_history_start_usec(enum ctw_resolution r, uint32_t number) {
    return number == 0 ? 0 : (number - UINT64_C(1)) * shapes[r].width_usec;
}

static struct ctw_slot *ring(struct ctw_history *h, enum ctw_resolution r) {
    return r == CTW_RESOLUTION_FINE ? h->fine : h->coarse;
}

static const struct ctw_slot *place(const struct ctw_history *h, enum ctw_resolution r,
                                    uint32_t number) {
    const struct ctw_slot *slots = r == CTW_RESOLUTION_FINE ? h->fine : h->coarse;

    return &slots[number % shapes[r].length];
}

/* --- writing --------------------------------------------------------------------------------- */

static bool complete(const struct ctw_history_open *o, enum ctw_resolution r, uint64_t now_usec) {
    return o->slot.number != 0 && o->slot.number != ctw_history_number(r, now_usec);
}

bool ctw_history_due(const struct ctw_history_pen *p, uint64_t now_usec) {
    /* Ten seconds end when one of them does. */
    return complete(&p->open[CTW_RESOLUTION_FINE], CTW_RESOLUTION_FINE, now_usec);
}

void ctw_history_turn(struct ctw_history_pen *p, uint64_t now_usec, struct ctw_history *h) {
    for (enum ctw_resolution r = 0; r < CTW_RESOLUTIONS; r++) {
        struct ctw_history_open *o = &p->open[r];
        if (!complete(o, r, now_usec))
            continue;
        ring(h, r)[o->slot.number % shapes[r].length] = o->slot;
        memset(o, 0, sizeof(*o));
    }
}

void ctw_history_close(const struct ctw_history_pen *p, struct ctw_history *h) {
    for (enum ctw_resolution r = 0; r < CTW_RESOLUTIONS; r++) {
        const struct ctw_slot *s = &p->open[r].slot;
        if (s->number != 0)
            ring(h, r)[s->number % shapes[r].length] = *s;
    }
}

void ctw_history_resume(struct ctw_history_pen *p, uint64_t now_usec, const struct ctw_history *h) {
    uint32_t oldest, newest;

    for (enum ctw_resolution r = 0; r < CTW_RESOLUTIONS; r++) {
        const struct ctw_slot *s = ctw_history_slot(h, r, ctw_history_number(r, now_usec));
        if (s)
            p->open[r] = (struct ctw_history_open){*s, (uint64_t)s->mean * s->polls};
    }
    if (!ctw_history_span(h, CTW_RESOLUTION_FINE, &oldest, &newest))
        return;
    const struct ctw_slot *last = ctw_history_slot(h, CTW_RESOLUTION_FINE, newest);
    if (last && last->polls > 0) {
        p->max = last->max;
        p->away = true;
    }
}

static void note_count(struct ctw_history_open *o, const struct ctw_sample *sample,
                       uint16_t at_msec) {
    struct ctw_slot *s = &o->slot;
    /* Up to here, where it goes up or down from. */
    const bool flat = s->polls == 0 || (s->high == s->low && sample->count == s->low);

    if (s->polls == 0) {
        s->first = sample->count;
        s->first_msec = at_msec;
    }
    if (flat || sample->count > s->high) {
        s->high = sample->count;
        s->high_msec = at_msec;
    }
    if (flat || sample->count < s->low) {
        s->low = sample->count;
        s->low_msec = at_msec;
    }
    s->last = sample->count;
    s->last_msec = at_msec;
    s->max = sample->max;
    if (sample->has_buckets)
        s->buckets = sample->buckets;
    o->sum += sample->count;
    s->mean = (uint32_t)(o->sum / ++s->polls);
}

static uint32_t plus(uint32_t a, uint64_t b) {
    return b > UINT32_MAX - a ? UINT32_MAX : a + (uint32_t)b;
}

static void note_losses(struct ctw_slot *s, const struct ctw_losses *lost, uint16_t at_msec) {
    if (!ctw_losses_any(lost))
        return;
    if (!ctw_slot_has_losses(s))
        s->loss_first_msec = at_msec;
    s->loss_last_msec = at_msec;
    s->drops = plus(s->drops, lost->drops);
    s->other_drops = plus(s->other_drops, lost->other_drops);
    s->early_drops = plus(s->early_drops, lost->early_drops);
    s->clashes = plus(s->clashes, lost->clashes);
    s->chain_too_long = plus(s->chain_too_long, lost->chain_too_long);
    s->log_lines = plus(s->log_lines, lost->log_lines);
}

void ctw_history_note(struct ctw_history_pen *p, uint64_t now_usec, const struct ctw_sample *sample,
                      const struct ctw_losses *lost, bool limit_changed, enum ctw_level level) {
    const bool changed = sample && (limit_changed || (p->away && sample->max != p->max));

    for (enum ctw_resolution r = 0; r < CTW_RESOLUTIONS; r++) {
        struct ctw_history_open *o = &p->open[r];
        const uint16_t at_msec = (uint16_t)(now_usec % shapes[r].width_usec / CTW_USEC_PER_MSEC);

        o->slot.number = ctw_history_number(r, now_usec);
        if (sample)
            note_count(o, sample, at_msec);
        note_losses(&o->slot, lost, at_msec);
        if (changed) {
            o->slot.limit_changes++;
            o->slot.set_max = sample->max;
        }
        if (level > o->slot.level)
            o->slot.level = level;
    }
    p->away = !sample;
    p->max = sample ? sample->max : p->max;
}

bool ctw_slot_has_losses(const struct ctw_slot *s) {
    return s->drops > 0 || s->other_drops > 0 || s->early_drops > 0 || s->clashes > 0 ||
           s->chain_too_long > 0 || s->log_lines > 0;
}

/* --- reading --------------------------------------------------------------------------------- */

const struct ctw_slot *ctw_history_slot(const struct ctw_history *h, enum ctw_resolution r,
                                        uint32_t number) {
    const struct ctw_slot *s = place(h, r, number);

    return number != 0 && s->number == number ? s : NULL;
}

bool ctw_history_span(const struct ctw_history *h, enum ctw_resolution r, uint32_t *ret_oldest,
                      uint32_t *ret_newest) {
    uint32_t oldest = UINT32_MAX, newest = 0;

    for (uint32_t i = 0; i < shapes[r].length; i++) {
        const uint32_t number = place(h, r, i)->number;
        if (number > newest)
            newest = number;
    }
    for (uint32_t i = 0; i < shapes[r].length; i++) {
        const uint32_t number = place(h, r, i)->number;
        if (number != 0 && number < oldest && newest - number < shapes[r].length)
            oldest = number;
    }
    if (newest == 0 || oldest == UINT32_MAX)
        return false;
    *ret_oldest = oldest;
    *ret_newest = newest;
    return true;
}

int ctw_history_check(const struct ctw_history *h) {
    for (enum ctw_resolution r = 0; r < CTW_RESOLUTIONS; r++)
        for (uint32_t i = 0; i < shapes[r].length; i++) {
            const struct ctw_slot *s = place(h, r, i);
            if (s->level > CTW_LEVEL_FULL || (s->number != 0 && s->number % shapes[r].length != i))
                return -EBADMSG;
        }
    return 0;
}

static bool span(struct ctw_history_iter *c, enum ctw_resolution r) {
    struct ctw_history_stretch *s = &c->stretch[r];
    uint32_t oldest, newest;

    *s = (struct ctw_history_stretch){0};
    if (!ctw_history_span(c->history, r, &oldest, &newest))
        return false;
    *s = (struct ctw_history_stretch){.next = oldest, .end = UINT64_C(1) + newest};
    return true;
}

void ctw_history_iter_start(struct ctw_history_iter *c, const struct ctw_history *h) {
    struct ctw_history_stretch *fine = &c->stretch[CTW_RESOLUTION_FINE];
    struct ctw_history_stretch *coarse = &c->stretch[CTW_RESOLUTION_COARSE];

    c->history = h;
    const bool has_coarse = span(c, CTW_RESOLUTION_COARSE);
    if (!span(c, CTW_RESOLUTION_FINE) || !has_coarse)
        return;

    /* The seconds that the ring of an hour has lost may begin in the middle of ten, which are then
     * told as one. If it has not lost any, they are all that there is. */
    const bool lost = fine->end - fine->next == ctw_history_length(CTW_RESOLUTION_FINE);
    const uint64_t first = ctw_history_start_usec(CTW_RESOLUTION_FINE, (uint32_t)fine->next);
    uint32_t border = ctw_history_number(CTW_RESOLUTION_COARSE, first);
    if (lost && ctw_history_start_usec(CTW_RESOLUTION_COARSE, border) < first &&
        ctw_history_slot(h, CTW_RESOLUTION_COARSE, border))
        border++;
    if (border < coarse->end)
        coarse->end = border;
    const uint64_t border_usec = ctw_history_start_usec(CTW_RESOLUTION_COARSE, border);
    if (border_usec > first)
        fine->next = ctw_history_number(CTW_RESOLUTION_FINE, border_usec);
}

const struct ctw_slot *ctw_history_iter_next(struct ctw_history_iter *c, enum ctw_resolution *ret) {
    static const enum ctw_resolution order[] = {CTW_RESOLUTION_COARSE, CTW_RESOLUTION_FINE};

    for (size_t i = 0; i < CTW_RESOLUTIONS; i++) {
        struct ctw_history_stretch *s = &c->stretch[order[i]];
        while (s->next < s->end) {
            const struct ctw_slot *slot =
                ctw_history_slot(c->history, order[i], (uint32_t)s->next++);
            if (!slot || slot->polls == 0)
                continue;
            *ret = order[i];
            return slot;
        }
    }
    return NULL;
}

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

    if (slot->polls > 0)
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
