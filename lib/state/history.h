/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The history of the table: an hour in slots of a second, a day in slots of ten.
 *
 * A slot keeps the mean and the extremes of its samples and when these were, so that a burst of
 * milliseconds stays visible and a replay knows the order. The place of a slot in its ring follows
 * from its time. There is no head or tail: a slot that holds another time is of an earlier round.
 */

#include <stdbool.h>
#include <stdint.h>

#include "lib/kernel/sample.h"
#include "lib/state/record.h"
#include "lib/watch/level.h"

#define CTW_HISTORY_FINE   3600u /* an hour of seconds */
#define CTW_HISTORY_COARSE 8640u /* a day of ten seconds */

enum ctw_resolution { CTW_RESOLUTION_FINE, CTW_RESOLUTION_COARSE };
#define CTW_RESOLUTIONS (CTW_RESOLUTION_COARSE + 1)

/* One ring behind the other. width_sec 0: the slot was never written. */
struct ctw_history {
    struct ctw_record slots[CTW_HISTORY_FINE + CTW_HISTORY_COARSE];
};

/** ctw_history_index() - the place of the slot that covers @at_usec */
uint32_t ctw_history_index(enum ctw_resolution r, uint64_t at_usec);

/** ctw_history_slot() - the slot that covers @at_usec; NULL: not in the history */
const struct ctw_record *ctw_history_slot(const struct ctw_history *h, enum ctw_resolution r,
                                          uint64_t at_usec);

/**
 * ctw_history_check() - whether these bytes can be a history
 *
 * Return: 0; -EBADMSG when a slot is in the place of another, or its level is none.
 */
int ctw_history_check(const struct ctw_history *h);

/* --- writing ---------------------------------------------------------------------------------- */

/* The slots that are being filled, one in each resolution. Zero-initialised: no sample yet. */
struct ctw_history_pen {
    struct ctw_history_open {
        struct ctw_record slot; /* width_sec 0: none */
        uint64_t sum;           /* of the counts */
    } open[CTW_RESOLUTIONS];
    uint32_t max; /* at the last sample */
    bool away;    /* no sample since then: ctwatchd did not run, or there was no table */
};

/**
 * ctw_history_resume() - continue after a restart
 * @slots:  what the history holds in the places of @now_usec
 * @last:   the last sample before the restart; NULL: not known
 */
void ctw_history_resume(struct ctw_history_pen *p, uint64_t now_usec,
                        const struct ctw_record slots[static CTW_RESOLUTIONS],
                        const struct ctw_sample *last);

/**
 * ctw_history_take() - take out a slot that is complete at @now_usec
 * @now_usec:    UINT64_MAX: take the partial slots as well, as no further sample follows
 * @ret:         set only when there is one
 * @ret_index:   its place in the history
 *
 * Return: false: none is complete; call it until then, before ctw_history_note().
 */
bool ctw_history_take(struct ctw_history_pen *p, uint64_t now_usec, struct ctw_record *ret,
                      uint32_t *ret_index);

/**
 * ctw_history_note() - put a poll into the open slots
 * @sample:         NULL: there was no table, or it could not be read
 * @lost:           since the last poll
 * @limit_changed:  since the last poll, by another program
 *
 * A max that differs after a time without samples was changed by another program as well.
 */
void ctw_history_note(struct ctw_history_pen *p, uint64_t now_usec, const struct ctw_sample *sample,
                      const struct ctw_losses *lost, bool limit_changed, enum ctw_level level);

/* --- reading ---------------------------------------------------------------------------------- */

/* A reader's position: slots of ten seconds up to where slots of a second begin. */
struct ctw_history_iter {
    const struct ctw_history *history;
    struct ctw_history_stretch {
        uint64_t next_usec, end_usec;
    } stretch[CTW_RESOLUTIONS];
};

/** ctw_history_iter_start() - @h: checked, and unchanged until the end */
void ctw_history_iter_start(struct ctw_history_iter *c, const struct ctw_history *h);

/**
 * ctw_history_iter_next() - the next slot with a sample, oldest first
 *
 * No moment is in two of them. Return: NULL at the end.
 */
const struct ctw_record *ctw_history_iter_next(struct ctw_history_iter *c);

/** ctw_history_worst_loss() - drops and evictions of a full table in a second, at the worst time */
uint64_t ctw_history_worst_loss(const struct ctw_history *h);

/* The last hour of a history in as many columns as there is room for. */

#define CTW_SPARKLINE_MAX 240u

/* The fullest sample of some time. */
struct ctw_spark {
    bool known;           /* there was a sample */
    uint64_t at_usec;     /* monotonic */
    uint32_t count, max;  /* max 0: no limit */
    enum ctw_level level; /* the highest of that time */
};

struct ctw_sparkline {
    uint32_t n;         /* columns, the oldest first; the last is not complete yet */
    uint32_t width_sec; /* of a column */
    struct ctw_spark columns[CTW_SPARKLINE_MAX];
    struct ctw_spark high; /* of all columns */
    uint32_t highest, low; /* counts, where high is known; high.count may be of another limit */
    uint64_t low_usec;
};

/**
 * ctw_sparkline() - the hour before @now_usec
 * @latest:  a sample that may not be in the history yet; not known: none
 * @room:    columns at most
 *
 * Columns begin at multiples of their width, so that a complete column does not change.
 */
void ctw_sparkline(const struct ctw_history *h, uint64_t now_usec, const struct ctw_spark *latest,
                   uint32_t room, struct ctw_sparkline *ret);

/**
 * ctw_spark_height() - in eighths of the limit: 1 to 8
 * @of:  stands for the limit where there is none: the highest count of all
 */
uint32_t ctw_spark_height(const struct ctw_spark *s, uint32_t of);
