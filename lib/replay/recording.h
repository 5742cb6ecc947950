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
 * with the names that exporters give them (Grafana, collectd):
 *
 *   "Time","node_nf_conntrack_entries{instance=""gw1""}","node_nf_conntrack_entries_limit{...}"
 *   epoch,value
 *
 * or what a loop of date(1) and cat(1) prints, with a limit behind each count or none at all:
 *
 *   Sun Nov 22 10:00:00 UTC 2026
 *   120000
 *
 * Fields are separated by commas, semicolons or tabs, by what the first line has. A field may be
 * quoted as in RFC 4180, but ends with its line.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/state/record.h"
#include "lib/util/parse.h"
#include "lib/util/strbuf.h"

/* The longest line that is read, without its newline. */
#define CTW_RECORDING_LINE_MAX 4096u

/* Columns that are read; those further right are ignored. */
#define CTW_RECORDING_COLUMNS_MAX 64u

/* What the lines do not say. */
struct ctw_recording_options {
    bool has_max;
    uint32_t max;      /* the limit, where the lines have counts alone */
    ctw_zone_fn *zone; /* of local times; NULL: they cannot be read */
    bool drops_rise;   /* ctw_recording_drops_rise(): the column drops is a running counter */
};

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

/* Zero-initialised but for the options: no line was read. */
struct ctw_recording {
    struct ctw_recording_options options;
    bool begun;     /* the columns are known */
    char separator; /* of fields; 0: the output of a loop: */
    bool has_time, has_count;
    struct ctw_record loop; /* with these */
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

/**
 * ctw_recording_drops_rise() - whether the column drops is a running counter
 * @text:  the beginning of a recording, some thousand lines
 *
 * The drops since the line before fall again; a counter never does, but stays or rises.
 */
bool ctw_recording_drops_rise(const struct ctw_recording_options *options, const char *text,
                              size_t length);
