/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/state/history.h"

#include <errno.h>

#include "lib/util/parse.h"
#include "lib/util/units.h"

static const struct {
    uint32_t width_sec, begin, length; /* in struct ctw_history */
} rings[CTW_RESOLUTIONS] = {
    [CTW_RESOLUTION_FINE] = {1, 0, CTW_HISTORY_FINE},
    [CTW_RESOLUTION_COARSE] = {10, CTW_HISTORY_FINE, CTW_HISTORY_COARSE},
};

static uint64_t width_usec(enum ctw_resolution r) {
    return rings[r].width_sec * CTW_USEC_PER_SEC;
}

/* The begin of the slot that covers @at_usec. */
static uint64_t begin_of(enum ctw_resolution r, uint64_t at_usec) {
    return at_usec - at_usec % width_usec(r);
}

uint32_t ctw_history_index(enum ctw_resolution r, uint64_t at_usec) {
    return rings[r].begin + (uint32_t)(at_usec / width_usec(r) % rings[r].length);
}

static bool covers(const struct ctw_record *slot, enum ctw_resolution r, uint64_t at_usec) {
    return slot->width_sec != 0 && slot->at_usec == begin_of(r, at_usec);
}

const struct ctw_record *ctw_history_slot(const struct ctw_history *h, enum ctw_resolution r,
                                          uint64_t at_usec) {
    const struct ctw_record *slot = &h->slots[ctw_history_index(r, at_usec)];

    return covers(slot, r, at_usec) ? slot : NULL;
}

int ctw_history_check(const struct ctw_history *h) {
    for (enum ctw_resolution r = 0; r < CTW_RESOLUTIONS; r++)
        for (uint32_t i = rings[r].begin; i < rings[r].begin + rings[r].length; i++) {
            const struct ctw_record *s = &h->slots[i];
            if (s->level > CTW_LEVEL_FULL)
                return -EBADMSG;
            if (s->width_sec != 0 &&
                (s->width_sec != rings[r].width_sec || s->at_usec > CTW_TIMESTAMP_LAST_USEC ||
                 !covers(s, r, s->at_usec) || ctw_history_index(r, s->at_usec) != i))
                return -EBADMSG;
        }
    return 0;
}

void ctw_history_resume(struct ctw_history_pen *p, uint64_t now_usec,
                        const struct ctw_record slots[static CTW_RESOLUTIONS],
                        const struct ctw_sample *last) {
    for (enum ctw_resolution r = 0; r < CTW_RESOLUTIONS; r++)
        if (covers(&slots[r], r, now_usec))
            p->open[r] =
                (struct ctw_history_open){slots[r], (uint64_t)slots[r].mean * slots[r].polls};
    p->away = last != NULL;
    p->max = last ? last->max : 0;
}

bool ctw_history_take(struct ctw_history_pen *p, uint64_t now_usec, struct ctw_record *ret,
                      uint32_t *ret_index) {
    for (enum ctw_resolution r = 0; r < CTW_RESOLUTIONS; r++) {
        struct ctw_record *slot = &p->open[r].slot;
        if (slot->width_sec == 0 || covers(slot, r, now_usec))
            continue;
        *ret = *slot;
        *ret_index = ctw_history_index(r, slot->at_usec);
        p->open[r] = (struct ctw_history_open){0};
        return true;
    }
    return false;
}

static void note_count(struct ctw_history_open *o, const struct ctw_sample *sample,
                       uint32_t at_msec) {
    struct ctw_record *s = &o->slot;
    /* A level stretch ends at its last sample: from there the count rises or falls. */
    const bool level = s->polls == 0 || (s->high == s->low && sample->count == s->low);

    if (s->polls == 0) {
        s->first = sample->count;
        s->first_msec = at_msec;
    }
    if (level || sample->count > s->high) {
        s->high = sample->count;
        s->high_msec = at_msec;
    }
    if (level || sample->count < s->low) {
        s->low = sample->count;
        s->low_msec = at_msec;
    }
    s->count = sample->count;
    s->last_msec = at_msec;
    s->max = sample->max;
    if (sample->has_buckets)
        s->buckets = sample->buckets;
    if (s->polls == UINT32_MAX)
        return; /* from a damaged file */
    o->sum += sample->count;
    s->mean = (uint32_t)(o->sum / ++s->polls);
}

static void note_losses(struct ctw_record *s, const struct ctw_losses *lost, uint32_t at_msec) {
    if (!ctw_losses_any(lost))
        return;
    if (!ctw_losses_any(&s->losses))
        s->loss_first_msec = at_msec;
    s->loss_last_msec = at_msec;
    ctw_losses_add(&s->losses, lost);
}

void ctw_history_note(struct ctw_history_pen *p, uint64_t now_usec, const struct ctw_sample *sample,
                      const struct ctw_losses *lost, bool limit_changed, enum ctw_level level) {
    const bool changed = sample && (limit_changed || (p->away && sample->max != p->max));

    for (enum ctw_resolution r = 0; r < CTW_RESOLUTIONS; r++) {
        struct ctw_record *slot = &p->open[r].slot;
        const uint64_t begin_usec = begin_of(r, now_usec);
        const uint32_t at_msec = (uint32_t)((now_usec - begin_usec) / CTW_USEC_PER_MSEC);

        slot->at_usec = begin_usec;
        slot->width_sec = rings[r].width_sec;
        slot->has_losses = slot->has_other_drops = slot->has_changes = 1;
        if (sample)
            note_count(&p->open[r], sample, at_msec);
        note_losses(slot, lost, at_msec);
        if (changed) {
            slot->limit_changes += slot->limit_changes < UINT32_MAX;
            slot->set_max = sample->max;
        }
        if (level > slot->level)
            slot->level = (uint8_t)level;
    }
    p->away = !sample;
    p->max = sample ? sample->max : p->max;
}

/* From the oldest slot of the newest round to the end of the newest slot. */
static struct ctw_history_stretch stretch_of(const struct ctw_history *h, enum ctw_resolution r) {
    const struct ctw_record *slots = &h->slots[rings[r].begin];
    const uint64_t round_usec = rings[r].length * width_usec(r);
    struct ctw_history_stretch ret = {0};

    for (uint32_t i = 0; i < rings[r].length; i++)
        if (slots[i].width_sec != 0 && slots[i].at_usec + width_usec(r) > ret.end_usec)
            ret.end_usec = slots[i].at_usec + width_usec(r);
    ret.next_usec = ret.end_usec;
    for (uint32_t i = 0; i < rings[r].length; i++)
        if (slots[i].width_sec != 0 && slots[i].at_usec < ret.next_usec &&
            slots[i].at_usec + round_usec >= ret.end_usec)
            ret.next_usec = slots[i].at_usec;
    return ret;
}

void ctw_history_iter_start(struct ctw_history_iter *c, const struct ctw_history *h) {
    struct ctw_history_stretch *fine = &c->stretch[CTW_RESOLUTION_FINE];
    struct ctw_history_stretch *coarse = &c->stretch[CTW_RESOLUTION_COARSE];
    const uint64_t round_usec = CTW_HISTORY_FINE * width_usec(CTW_RESOLUTION_FINE);

    c->history = h;
    *fine = stretch_of(h, CTW_RESOLUTION_FINE);
    *coarse = stretch_of(h, CTW_RESOLUTION_COARSE);
    if (fine->next_usec == fine->end_usec || coarse->next_usec == coarse->end_usec)
        return;

    /* The fine ring begins in the middle of ten seconds once it has come round: then the coarse
     * slot covers these. A fine ring that has not come round holds all there is. */
    uint64_t border_usec = begin_of(CTW_RESOLUTION_COARSE, fine->next_usec);
    if (fine->end_usec - fine->next_usec == round_usec && border_usec < fine->next_usec &&
        ctw_history_slot(h, CTW_RESOLUTION_COARSE, border_usec))
        border_usec += width_usec(CTW_RESOLUTION_COARSE);
    if (border_usec < coarse->end_usec)
        coarse->end_usec = border_usec;
    if (border_usec > fine->next_usec)
        fine->next_usec = border_usec;
}

const struct ctw_record *ctw_history_iter_next(struct ctw_history_iter *c) {
    for (enum ctw_resolution r = CTW_RESOLUTIONS; r-- > 0;) { /* the coarse slots come first */
        struct ctw_history_stretch *s = &c->stretch[r];
        while (s->next_usec < s->end_usec) {
            const struct ctw_record *slot = ctw_history_slot(c->history, r, s->next_usec);
            s->next_usec += width_usec(r);
            if (slot && slot->polls > 0)
                return slot;
        }
    }
    return NULL;
}

uint64_t ctw_history_worst_loss(const struct ctw_history *h) {
    struct ctw_history_iter iter;
    uint64_t worst = 0;

    ctw_history_iter_start(&iter, h);
    for (const struct ctw_record *r; (r = ctw_history_iter_next(&iter)) != NULL;) {
        /* Of two numbers from outside, divided before they are added. */
        const uint64_t lost = r->losses.drops / r->width_sec + r->losses.early_drops / r->width_sec;
        if (lost > worst)
            worst = lost;
    }
    return worst;
}

#define HOUR_SEC CTW_HISTORY_FINE

/* Divisors of an hour that are easily named. */
static const uint32_t widths_sec[] = {15, 20, 30, 60, 120, 180, 300, 600};

static uint32_t width_for(uint32_t room) {
    for (size_t i = 0; i < sizeof(widths_sec) / sizeof(widths_sec[0]); i++)
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

/* @back: columns before the last */
static void put_spark(struct ctw_sparkline *s, uint32_t back, const struct ctw_spark *high,
                      uint32_t low, uint64_t low_usec) {
    if (!s->high.known || low < s->low) {
        s->low = low;
        s->low_usec = low_usec;
    }
    if (high->count > s->highest)
        s->highest = high->count;
    take(&s->columns[s->n - 1 - back], high);
    take(&s->high, high);
}

void ctw_sparkline(const struct ctw_history *h, uint64_t now_usec, const struct ctw_spark *latest,
                   uint32_t room, struct ctw_sparkline *ret) {
    const uint32_t width = width_for(room);
    const uint64_t now_sec = now_usec / CTW_USEC_PER_SEC;

    *ret = (struct ctw_sparkline){.n = HOUR_SEC / width, .width_sec = width};
    if (latest->known)
        put_spark(ret, 0, latest, latest->count, latest->at_usec);
    for (uint64_t ago = 0; ago < HOUR_SEC && ago <= now_sec; ago++) {
        const uint64_t back = now_sec / width - (now_sec - ago) / width;
        const struct ctw_record *slot =
            ctw_history_slot(h, CTW_RESOLUTION_FINE, (now_sec - ago) * CTW_USEC_PER_SEC);
        if (back >= ret->n)
            break;
        if (!slot || slot->polls == 0)
            continue;
        const struct ctw_spark high = {
            .known = true,
            .at_usec = slot->at_usec + slot->high_msec * CTW_USEC_PER_MSEC,
            .count = slot->high,
            .max = slot->max,
            .level = (enum ctw_level)slot->level,
        };
        put_spark(ret, (uint32_t)back, &high, slot->low,
                  slot->at_usec + slot->low_msec * CTW_USEC_PER_MSEC);
    }
}

uint32_t ctw_spark_height(const struct ctw_spark *s, uint32_t of) {
    const uint64_t whole = s->max > 0 ? s->max : of;
    const uint64_t eighths = whole > 0 ? ((uint64_t)s->count * 8 + whole - 1) / whole : 0;

    return eighths < 1 ? 1 : eighths > 8 ? 8 : (uint32_t)eighths;
}
