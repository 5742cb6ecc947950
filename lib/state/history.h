/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTW_LIB_STATE_HISTORY_H
#define CTW_LIB_STATE_HISTORY_H

/*
 * What the table was like: an hour in slots of a second, a day in slots of ten.
 *
 * A slot keeps the mean and the extremes of all looks that fell into it, so that a burst of
 * milliseconds stays visible, and when within it they were, so that the course can be drawn, and
 * played again, closer than the slot is wide. Slots are numbered by the monotonic clock and carry
 * their number: one that was never written, or is of the round before, is told by it, and there is
 * no head or tail to keep.
 */

#include <stdbool.h>
#include <stdint.h>

#include "lib/kernel/losses.h"
#include "lib/kernel/sample.h"
#include "lib/watch/level.h"

#define CTW_HISTORY_FINE   3600u /* an hour of seconds */
#define CTW_HISTORY_COARSE 8640u /* a day of ten seconds */

enum ctw_resolution { CTW_RESOLUTION_FINE, CTW_RESOLUTION_COARSE };
#define CTW_RESOLUTIONS (CTW_RESOLUTION_COARSE + 1)

/* The looks at the table between two moments. */
struct ctw_slot {
    uint32_t number; /* which it is, from 1 on; 0: never written */
    uint32_t polls;  /* that found a table; 0: there was none, or it could not be read */
    uint32_t mean;   /* of the counts, over the looks */
    uint32_t first, high, low, last;
    /* When these were, from the beginning of the slot. */
    uint16_t first_msec, high_msec, low_msec, last_msec;
    uint16_t loss_first_msec; /* when the first loss was seen, and the last, if there was any */
    uint16_t loss_last_msec;
    uint16_t limit_changes; /* looks that found a limit changed, not by ctwatchd itself */
    uint32_t max;           /* at the last look; 0: no limit */
    uint32_t buckets;       /* likewise; 0: not known */
    uint32_t set_max;       /* max at the last of the limit_changes */
    uint32_t drops;         /* lost in this slot: new flows refused with the table full */
    uint32_t other_drops;
    uint32_t early_drops;
    uint32_t clashes;
    uint32_t chain_too_long;
    uint32_t log_lines;
    uint32_t level; /* enum ctw_level: the highest there was */
};

struct ctw_history {
    struct ctw_slot fine[CTW_HISTORY_FINE];
    struct ctw_slot coarse[CTW_HISTORY_COARSE];
};

/* The slots that are being filled, one of each width. Zero-initialised nothing has been seen. */
struct ctw_history_pen {
    struct ctw_history_open {
        struct ctw_slot slot;
        uint64_t sum; /* of the counts */
    } open[CTW_RESOLUTIONS];
    uint32_t max; /* as it was seen last */
    bool away;    /* and since then nobody looked, or there was no table */
};

/** ctw_history_width_usec() - of one slot: 1 s or 10 s */
uint64_t ctw_history_width_usec(enum ctw_resolution r);

/** ctw_history_length() - how many there are: 3600 or 8640 */
uint32_t ctw_history_length(enum ctw_resolution r);

/** ctw_history_number() - the slot that this moment of the monotonic clock is in */
uint32_t ctw_history_number(enum ctw_resolution r, uint64_t now_usec);

/** ctw_history_start_usec() - when slot @number begins */
uint64_t ctw_history_start_usec(enum ctw_resolution r, uint32_t number);

/** ctw_history_due() - whether a look at @now_usec would complete a slot: then comes a
 * ctw_history_turn() */
bool ctw_history_due(const struct ctw_history_pen *p, uint64_t now_usec);

/** ctw_history_turn() - put what is complete by now into the rings */
void ctw_history_turn(struct ctw_history_pen *p, uint64_t now_usec, struct ctw_history *h);

/** ctw_history_close() - put what there is into the rings, whole or not: the last look was made */
void ctw_history_close(const struct ctw_history_pen *p, struct ctw_history *h);

/** ctw_history_resume() - go on with the slots of now, where somebody has closed them */
void ctw_history_resume(struct ctw_history_pen *p, uint64_t now_usec, const struct ctw_history *h);

/**
 * ctw_history_note() - one look, into the slots that are open
 * @sample:         NULL when there was no table, or it could not be read
 * @lost:           since the last look
 * @limit_changed:  since then, and not by ctwatchd itself
 *
 * What changed while nobody looked was not changed by ctwatchd either.
 */
void ctw_history_note(struct ctw_history_pen *p, uint64_t now_usec, const struct ctw_sample *sample,
                      const struct ctw_losses *lost, bool limit_changed, enum ctw_level level);

/**
 * ctw_history_slot() - that slot, NULL when nothing is known of it
 *
 * One that is too old, is still open, or fell into a time when nobody looked.
 */
const struct ctw_slot *ctw_history_slot(const struct ctw_history *h, enum ctw_resolution r,
                                        uint32_t number);

/** ctw_history_span() - the numbers of the oldest and newest slot there is. Return: false: none */
bool ctw_history_span(const struct ctw_history *h, enum ctw_resolution r, uint32_t *ret_oldest,
                      uint32_t *ret_newest);

/** ctw_slot_has_losses() - whether anything was lost in it, as far as is known */
bool ctw_slot_has_losses(const struct ctw_slot *s);

/**
 * ctw_history_check() - whether these bytes can be a history
 *
 * Return: 0; -EBADMSG when a slot is in the place of another, or its level is none.
 */
int ctw_history_check(const struct ctw_history *h);

/*
 * A history as one course: ten seconds at a time for as long as there is nothing finer, then
 * second by second.
 */

/* Where a reader has got to. */
struct ctw_history_iter {
    const struct ctw_history *history;
    /* The slots that are still to come, by number; 64 bits so that an end can be beyond the last.
     */
    struct ctw_history_stretch {
        uint64_t next, end;
    } stretch[CTW_RESOLUTIONS];
};

/** ctw_history_iter_start() - @h: checked, and there until the end */
void ctw_history_iter_start(struct ctw_history_iter *c, const struct ctw_history *h);

/**
 * ctw_history_iter_next() - the next slot in which somebody looked, oldest first
 * @ret:  how wide it is; set only when there is one
 *
 * No moment is in two of them. Return: NULL at the end.
 */
const struct ctw_slot *ctw_history_iter_next(struct ctw_history_iter *c, enum ctw_resolution *ret);

/* The last hour of a history in as many columns as there is room for. */

#define CTW_SPARKLINE_MAX 240u

/* When the table was fullest in some time: the count, and what the limit was then. */
struct ctw_spark {
    bool known;           /* somebody looked, and there was a table */
    uint64_t at_usec;     /* monotonic */
    uint32_t count, max;  /* max 0: no limit */
    enum ctw_level level; /* the highest there was */
};

struct ctw_sparkline {
    uint32_t n;         /* columns, the oldest first; the last one is now's, and not complete */
    uint32_t width_sec; /* of a column */
    struct ctw_spark columns[CTW_SPARKLINE_MAX];
    struct ctw_spark high; /* of all */
    uint32_t highest, low; /* counts of all, where high is known: high may be of another limit */
    uint64_t low_usec;
};

/**
 * ctw_sparkline() - the hour before @now_usec
 * @latest:  a look that may not be in the history yet; not known: there is none
 * @room:    columns at the most
 *
 * Columns are a round number of seconds wide, and begin at multiples of it: one that is complete
 * stays as it is, wherever it stands.
 */
void ctw_sparkline(const struct ctw_history *h, uint64_t now_usec, const struct ctw_spark *latest,
                   uint32_t room, struct ctw_sparkline *ret);

/**
 * ctw_spark_height() - how high to draw it, in eighths: 1 to 8
 * @of:  what stands for the whole where there is no limit: the highest count of all
 */
uint32_t ctw_spark_height(const struct ctw_spark *s, uint32_t of);

#endif
