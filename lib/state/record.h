/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * A record of the table: one sample, or the summary of a slot of time.
 *
 * The history of ctwatchd and a recording from a file consist of the same records. One table of
 * columns prints them as CSV and JSON, and reads them back from CSV.
 */

#include <stdint.h>

#include "lib/kernel/losses.h"
#include "lib/util/strbuf.h"

/*
 * 128 bytes, since a history holds 12,240 records. Bytes from outside may be in it: flags are
 * uint8_t, as a bool must be 0 or 1, and the level is checked before it is used as an enum.
 */
struct ctw_record {
    uint64_t at_usec;          /* begin of the slot: monotonic in a history, else since 1970 */
    struct ctw_losses losses;  /* since the record before */
    uint32_t width_sec;        /* length of the slot; 0: a single sample, without what is "slot:" */
    uint32_t polls;            /* slot: samples taken; 0 in a history: none; in a file: not known */
    uint32_t mean;             /* slot: of the counts */
    uint32_t first, high, low; /* slot: counts */
    uint32_t count;            /* of the sample; slot: of the last sample */
    uint32_t first_msec, high_msec, low_msec; /* slot: when, from its begin */
    uint32_t last_msec;                       /* slot: of count */
    uint32_t loss_first_msec, loss_last_msec; /* slot: first and last loss, if any */
    uint32_t max;                             /* at the last sample; 0: no limit */
    uint32_t buckets;                         /* at the last sample; 0: not known */
    uint32_t limit_changes;  /* polls that found a limit changed by another program */
    uint32_t set_max;        /* max at the last of these polls */
    uint8_t level;           /* enum ctw_level: the highest */
    uint8_t has_losses;      /* losses are known */
    uint8_t has_other_drops; /* losses.other_drops is known; otherwise part of losses.drops */
    uint8_t has_changes;     /* limit_changes and set_max are known */
};

/* The columns of /history.csv, in their order. */
enum ctw_column {
    CTW_COLUMN_TIME,
    CTW_COLUMN_WIDTH,
    CTW_COLUMN_POLLS,
    CTW_COLUMN_MEAN,
    CTW_COLUMN_FIRST,
    CTW_COLUMN_HIGH,
    CTW_COLUMN_LOW,
    CTW_COLUMN_COUNT,
    CTW_COLUMN_FIRST_MSEC,
    CTW_COLUMN_HIGH_MSEC,
    CTW_COLUMN_LOW_MSEC,
    CTW_COLUMN_LAST_MSEC,
    CTW_COLUMN_LOSS_FIRST_MSEC,
    CTW_COLUMN_LOSS_LAST_MSEC,
    CTW_COLUMN_MAX,
    CTW_COLUMN_BUCKETS,
    CTW_COLUMN_DROPS,
    CTW_COLUMN_OTHER_DROPS,
    CTW_COLUMN_EARLY_DROPS,
    CTW_COLUMN_CLASHES,
    CTW_COLUMN_CHAIN_TOO_LONG,
    CTW_COLUMN_LOG_LINES,
    CTW_COLUMN_LIMIT_CHANGES,
    CTW_COLUMN_SET_MAX,
    CTW_COLUMN_LEVEL,
};
#define CTW_COLUMNS (CTW_COLUMN_LEVEL + 1)

/* The largest count that programs which calculate with floats keep exactly. */
#define CTW_COLUMN_NUMBER_MAX (UINT64_C(1) << 53)

/* Room for the longest record as CSV or JSON. */
#define CTW_RECORD_TEXT_MAX 704u

/** ctw_column_name() - as the CSV and the JSON call it */
const char *ctw_column_name(enum ctw_column column);

/** ctw_column_largest() - the largest value that is read, of a time in microseconds; 0: not read */
uint64_t ctw_column_largest(enum ctw_column column);

/** ctw_record_set() - one value, at most the largest of its column */
void ctw_record_set(struct ctw_record *r, enum ctw_column column, uint64_t value);

/**
 * ctw_record_fit() - make the values of a slot from outside agree
 *
 * Afterwards low <= first, count <= high, and no moment is behind the end of the slot.
 */
void ctw_record_fit(struct ctw_record *r);

/** ctw_record_put_names() - the first line of the CSV */
void ctw_record_put_names(struct ctw_out *o);

/** ctw_record_put_csv() - a line; at_usec is since 1970, as in ctw_record_put_json() */
void ctw_record_put_csv(struct ctw_out *o, const struct ctw_record *r);

/** ctw_record_put_json() - an object with a member for each column, without a newline */
void ctw_record_put_json(struct ctw_out *o, const struct ctw_record *r);
