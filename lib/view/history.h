/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The history as text for people, as CSV and as JSON: a megabyte or two, hence line by line.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/state/history.h"
#include "lib/state/snapshot.h"

enum ctw_history_format {
    CTW_HISTORY_TEXT, /* a line for ten minutes, for a minute where slots are of a second */
    CTW_HISTORY_CSV,  /* a line for each slot */
    CTW_HISTORY_JSON, /* an object for each slot */
};

/* Room for the longest line, and the brackets of the JSON. */
#define CTW_HISTORY_LINE_MAX (CTW_RECORD_TEXT_MAX + 32)

/* Slots that share a line of text, or a point of a chart. */
struct ctw_history_bin {
    uint64_t start_usec, end_usec; /* wall clock */
    uint64_t seconds;              /* of slots in it; 0: it is empty */
    uint64_t sum;                  /* of their means, each times its seconds */
    struct ctw_losses lost;
    uint32_t low;
    uint32_t high, max; /* when it was fullest; max 0: no limit */
    enum ctw_level level;
};

/* A history of bins of equal width that end now. */
#define CTW_HISTORY_BINS_MAX 360u
#define CTW_HISTORY_SPAN_MAX 86400u

struct ctw_history_bins {
    uint64_t begin_usec; /* wall clock; a multiple of the width: a complete bin does not change */
    uint32_t width_sec, n;
    struct ctw_history_bin bins[CTW_HISTORY_BINS_MAX];
};

/* The position of a reader, of fixed size; history and snapshot belong to the caller. */
struct ctw_history_page {
    enum ctw_history_format format;
    const struct ctw_snapshot *snapshot;
    struct ctw_history_iter iter;
    uint64_t lines;
    struct ctw_history_bin bin; /* TEXT: being filled */
    bool ended;
};

/**
 * ctw_render_history_start() - start before the first line
 * @h:  checked, and unchanged until the end, as @p is
 * @p:  for the wall clock
 */
void ctw_render_history_start(struct ctw_history_page *page, enum ctw_history_format format,
                              const struct ctw_history *h, const struct ctw_snapshot *p);

/**
 * ctw_render_history_line() - the next line, its newline included
 *
 * Return: its bytes, without the NUL; 0: at the end.
 */
size_t ctw_render_history_line(struct ctw_history_page *page,
                               char ret[static CTW_HISTORY_LINE_MAX]);

/**
 * ctw_history_bins() - the last @span_sec of @h
 * @p:         for the wall clock
 * @now_usec:  the wall clock
 * @span_sec:  1 to CTW_HISTORY_SPAN_MAX
 * @points:    bins at most, 1 to CTW_HISTORY_BINS_MAX; a bin is as wide as the slots at least
 */
void ctw_history_bins(const struct ctw_history *h, const struct ctw_snapshot *p, uint64_t now_usec,
                      uint32_t span_sec, uint32_t points, struct ctw_history_bins *ret);

/* Room for the longest of the following. */
#define CTW_RENDER_BINS_MAX 65536

/**
 * ctw_render_bins_json() - /history.json?span=1h&points=360: an array for each property of the bins
 *
 * Return: bytes of the whole text, without the NUL.
 */
size_t ctw_render_bins_json(const struct ctw_history_bins *b, char *buffer, size_t size);
