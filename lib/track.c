/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "track.h"

#include "attribution.h"
#include "sample.h"

/* A line longer than this is no line: the arithmetic on it would not fit. */
#define LINE_MAX_USEC (1800 * CTW_USEC_PER_SEC)

uint32_t ctw_track_between(uint64_t from_usec, uint32_t from, uint64_t to_usec, uint32_t to,
                           uint64_t at_usec) {
    const int64_t rise = (int64_t)to - (int64_t)from;

    if (to_usec - from_usec > LINE_MAX_USEC)
        return from;
    return (uint32_t)((int64_t)from +
                      rise * (int64_t)(at_usec - from_usec) / (int64_t)(to_usec - from_usec));
}

bool ctw_track_loses(const struct ctw_track_losses *l) {
    return l->drops > 0 || l->other_drops > 0 || l->early_drops > 0 || l->clashes > 0 ||
           l->chain_too_long > 0 || l->log_lines > 0;
}

/* Where the track begins. */
struct start {
    uint64_t at_usec;
    uint32_t count;
};

/* In order of time; of the same moment, in that in which they are added. */
static struct ctw_track_point *add_point(struct ctw_track *c, uint64_t at_usec, uint32_t count) {
    size_t i = c->n++;

    for (; i > 0 && c->points[i - 1].at_usec > at_usec; i--)
        c->points[i] = c->points[i - 1];
    c->points[i] = (struct ctw_track_point){.at_usec = at_usec, .count = count};
    return &c->points[i];
}

/* Where the line through the track is at that time, having begun where the last look was. */
static uint32_t count_at(const struct start *from, const struct ctw_track *c, uint64_t at_usec) {
    uint64_t before_usec = from->at_usec;
    uint32_t before = from->count;

    for (size_t i = 0; i < c->n; i++) {
        const struct ctw_track_point *p = &c->points[i];
        if (p->at_usec > at_usec)
            return before_usec >= at_usec
                       ? before
                       : ctw_track_between(before_usec, before, p->at_usec, p->count, at_usec);
        before_usec = p->at_usec;
        before = p->count;
    }
    return before;
}

static struct ctw_track_losses losses_of(const struct ctw_record *r) {
    return (struct ctw_track_losses){
        .drops = r->drops,
        .other_drops = r->other_drops,
        .early_drops = r->early_drops,
        .clashes = r->clashes,
        .chain_too_long = r->chain_too_long,
        .log_lines = r->log_lines,
    };
}

/* Takes half of it away. */
static struct ctw_track_losses halve(struct ctw_track_losses *l) {
    const struct ctw_track_losses half = {
        .drops = (l->drops + 1) / 2,
        .other_drops = (l->other_drops + 1) / 2,
        .early_drops = (l->early_drops + 1) / 2,
        .clashes = (l->clashes + 1) / 2,
        .chain_too_long = (l->chain_too_long + 1) / 2,
        .log_lines = (l->log_lines + 1) / 2,
    };

    l->drops -= half.drops;
    l->other_drops -= half.other_drops;
    l->early_drops -= half.early_drops;
    l->clashes -= half.clashes;
    l->chain_too_long -= half.chain_too_long;
    l->log_lines -= half.log_lines;
    return half;
}

/* The point of that moment, which is that of the same look. */
static struct ctw_track_point *point_at(struct ctw_track *c, uint64_t at_usec) {
    for (size_t i = 0; i < c->n; i++)
        if (c->points[i].at_usec == at_usec)
            return &c->points[i];
    return NULL;
}

static void add_loss(const struct start *from, const struct ctw_record *record, struct ctw_track *c,
                     uint64_t at_usec, const struct ctw_track_losses *lost) {
    struct ctw_track_point *p = point_at(c, at_usec);

    if (!p)
        p = add_point(c, at_usec, count_at(from, c, at_usec));
    /* Between two looks, the table may have been emptied: what is lost for being full is lost in a
     * full table. */
    if (lost->drops > 0 && ctw_nearly_full_with(record->high, record->max))
        p->count = record->high;
    p->loses = true;
    p->lost = *lost;
}

static void slot_track(const struct start *from, const struct ctw_record *record,
                       struct ctw_track *c) {
    const uint64_t begin = record->at_usec;
    struct ctw_track_losses lost = losses_of(record);

    add_point(c, begin + record->first_usec, record->first);
    if (record->high_usec != record->low_usec) {
        add_point(c, begin + record->low_usec, record->low);
        add_point(c, begin + record->high_usec, record->high);
    }
    add_point(c, begin + record->last_usec, record->count);
    if (!ctw_track_loses(&lost))
        return;
    if (record->loss_first_usec < record->loss_last_usec) {
        const struct ctw_track_losses first = halve(&lost);
        add_loss(from, record, c, begin + record->loss_first_usec, &first);
    }
    add_loss(from, record, c, begin + record->loss_last_usec, &lost);
}

void ctw_track_of(const struct ctw_record *record, uint64_t from_usec, uint32_t from_count,
                  struct ctw_track *ret) {
    ret->n = 0;
    if (record->width_usec != 0) {
        const struct start from = {from_usec, from_count};
        slot_track(&from, record, ret);
        return;
    }
    struct ctw_track_point *p = add_point(ret, record->at_usec, record->count);
    p->lost = losses_of(record);
    p->loses = ctw_track_loses(&p->lost);
}
