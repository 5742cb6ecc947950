/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * A recording of a conntrack table, read line by line:
 *
 *   1795341600.250,120000,262144,0       time,count,max[,drops] of each sample
 *   1795341600.500,120100,262144         drops may be missing in any line
 *
 * or with a first line that names the columns, in any order, none missing, as in /history.csv:
 *
 *   time,width,looks,mean,first,high,low,last,first_msec,high_msec,low_msec,last_msec,...
 *   1795341600.000,1,5,120210,120000,121000,120000,120800,0,750,0,980,0,0,262144,262144,0,...
 *
 * A field may be quoted as in RFC 4180, but ends with its line.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/state/record.h"
#include "lib/util/strbuf.h"

/* The longest line that is read, without its newline. */
#define CTW_RECORDING_LINE_MAX 4096u

/* Columns that are read; those further right are ignored. */
#define CTW_RECORDING_COLUMNS_MAX 64u

/* What a line holds. */
enum ctw_reading {
    CTW_READ_NOTHING, /* the names of the columns, a comment, or nothing */
    CTW_READ_RECORD,
    CTW_READ_HOLE,    /* count or max are not known */
    CTW_READ_STALE,   /* not later than the record before */
    CTW_READ_BAD,     /* not readable */
    CTW_READ_REFUSED, /* not readable, and neither is any line below it */
};

/* A running counter at its last known value. */
struct ctw_recording_total {
    bool known;
    uint64_t value;
};

/**
 * ctw_recording_moved() - what a running counter moved by since its last known value
 * @known:  @now is known; otherwise the counter did not move
 *
 * The first value moves it by 0: it was counted before the recording. A counter that fell started
 * again from 0.
 */
uint64_t ctw_recording_moved(struct ctw_recording_total *t, bool known, uint64_t now);

/* Zero-initialised: no line was read. */
struct ctw_recording {
    bool begun; /* the columns are known */
    uint8_t columns[CTW_RECORDING_COLUMNS_MAX];
    size_t n_columns, n_needed; /* in all; that a line must have */
    uint32_t has;               /* a bit for each column there is */
    bool any;                   /* there was a record: */
    uint64_t last_usec;         /* its time */
    struct ctw_recording_total drops_total, early_drops_total;
    struct ctw_line words; /* BAD, REFUSED: what is wrong; NOTHING: a note, or empty */
};

/**
 * ctw_recording_line() - read one line
 * @line:    without its newline; a carriage return at its end is ignored
 * @length:  bytes in @line, which needs no NUL
 * @ret:     set when the line is a RECORD; times are since 1970
 */
enum ctw_reading ctw_recording_line(struct ctw_recording *r, const char *line, size_t length,
                                    struct ctw_record *ret);
