/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTW_LIB_REPLAY_RECORDING_H
#define CTW_LIB_REPLAY_RECORDING_H

/*
 * A recording of a conntrack table, line by line:
 *
 *   1795341600.250,120000,262144,0       time,count,max[,drops], of each look
 *   1795341600.500,120100,262144         drops may be missing in any line
 *
 * or with a first line that names the columns, in any order, none missing, as /history.csv has it:
 *
 *   time,width,looks,mean,first,high,low,last,first_msec,high_msec,low_msec,last_msec,...
 *   1795341600.000,1,5,120210,120000,121000,120000,120800,0,750,0,980,0,0,262144,262144,0,...
 *
 * A field may be quoted, as RFC 4180 has it, but ends with its line.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/state/history.h"
#include "lib/util/strbuf.h"

/* The longest line that is read, without its end. */
#define CTW_RECORDING_LINE_MAX 4096u

/* Columns that are looked at; what stands further right is passed over. */
#define CTW_RECORDING_COLUMNS_MAX 64u

/* What a recording says of one look, or of all looks of one slot. */
struct ctw_record {
    uint64_t at_usec;          /* since 1970; of a slot: its beginning */
    uint64_t width_usec;       /* of a slot; 0: this is one look */
    uint32_t count;            /* of a slot: at its last look */
    uint32_t max;              /* likewise; 0: no limit */
    uint32_t buckets;          /* likewise; 0: not known */
    uint32_t first, high, low; /* of a slot */
    /* When these were, from its beginning. */
    uint32_t first_usec, high_usec, low_usec, last_usec;
    uint32_t loss_first_usec, loss_last_usec; /* likewise, if anything was lost */

    bool has_changes;       /* the recording tells who changed the limits */
    uint32_t limit_changes; /* not by ctwatchd itself, since the record before */
    uint32_t set_max;       /* then: what max was set to */
    uint32_t polls;         /* of a slot: how many made it; 0: not known */

    bool has_losses; /* it tells what was lost, if anything was */
    bool attributed; /* and why: otherwise drops are all of them */
    /* Since the record before. */
    uint64_t drops;
    uint64_t other_drops; /* attributed: with room in the table */
    uint64_t early_drops;
    uint64_t clashes;
    uint64_t chain_too_long;
    uint64_t log_lines;
};

/* What a line turned out to be. */
enum ctw_reading {
    CTW_READ_NOTHING, /* the names of the columns, a comment, an empty line */
    CTW_READ_RECORD,
    CTW_READ_HOLE,    /* count or max were not known then */
    CTW_READ_STALE,   /* not later than the record before */
    CTW_READ_BAD,     /* cannot be read */
    CTW_READ_REFUSED, /* nor can anything below it */
};

/* A running counter, as it was known last. */
struct ctw_recording_total {
    bool known;
    uint64_t value;
};

/**
 * ctw_recording_moved() - what a running counter moved by since it was known last
 * @known:  it is now; otherwise it did not move
 *
 * One that fell started again from 0. What the first value has is from before it was known.
 */
uint64_t ctw_recording_moved(struct ctw_recording_total *t, bool known, uint64_t now);

/* Zero-initialised, nothing has been read. */
struct ctw_recording {
    bool begun; /* the columns are known */
    uint8_t columns[CTW_RECORDING_COLUMNS_MAX];
    size_t n_columns;
    size_t n_needed;                   /* that a line must have at least */
    bool slots, has_polls, attributed; /* which columns there are */
    bool has_changes;                  /* likewise */
    bool any;                          /* there has been a record */
    uint64_t last_usec;                /* the time of the last */
    struct ctw_recording_total drops_total, early_drops_total;
    struct ctw_line words; /* BAD, REFUSED: what is wrong; NOTHING: a note, or empty */
};

/**
 * ctw_recording_line() - one line
 * @line:    without its newline; a carriage return at its end is passed over
 * @length:  bytes in @line, which needs no NUL
 * @ret:     set when it is a RECORD
 */
enum ctw_reading ctw_recording_line(struct ctw_recording *r, const char *line, size_t length,
                                    struct ctw_record *ret);

/** ctw_record_of_slot() - what a slot of the daemon's own history says; false: nobody looked */
bool ctw_record_of_slot(const struct ctw_slot *slot, uint64_t start_realtime_usec,
                        uint64_t width_usec, struct ctw_record *ret);

#endif
