/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTW_LIB_VIEW_HISTORY_H
#define CTW_LIB_VIEW_HISTORY_H

/*
 * The history as text for people, as CSV and as JSON: a megabyte or two of it, hence line by line.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/state/history.h"
#include "lib/state/snapshot.h"

enum ctw_history_format {
    CTW_HISTORY_TEXT, /* a line a minute for what is known by the second, before one in 10 min */
    CTW_HISTORY_CSV,  /* every slot */
    CTW_HISTORY_JSON, /* likewise */
};

/* Room for the longest line, and for what else belongs in front of it or behind. */
#define CTW_HISTORY_LINE_MAX 640

/* Slots taken together. */
struct ctw_history_bin {
    uint64_t start_usec, end_usec; /* wall clock */
    uint64_t polls;                /* 0: it is empty */
    uint64_t sum;                  /* of the counts */
    uint64_t refused, evicted;
    uint32_t high, max; /* when it was fullest */
    enum ctw_level level;
};

/* How far it has got: fixed size; what it reads is the caller's. */
struct ctw_history_page {
    enum ctw_history_format format;
    const struct ctw_snapshot *snapshot;
    struct ctw_history_iter iter;
    uint64_t lines;
    struct ctw_history_bin bin; /* TEXT: being filled */
    bool ended;
    bool failed; /* JSON: there was no memory */
};

/**
 * ctw_render_history_start() - nothing is written yet
 * @p:  tells what time it was
 *
 * @h and @p have been checked, and stay as they are until the end.
 */
void ctw_render_history_start(struct ctw_history_page *page, enum ctw_history_format format,
                              const struct ctw_history *h, const struct ctw_snapshot *p);

/**
 * ctw_render_history_line() - the next line, its newline included
 *
 * Return: its bytes, without the NUL; 0: that was all, or page->failed.
 */
size_t ctw_render_history_line(struct ctw_history_page *page,
                               char ret[static CTW_HISTORY_LINE_MAX]);

/**
 * ctw_render_history_slot_json() - one slot as one JSON object, without a newline
 *
 * Return: bytes of the whole, without a NUL, which is not written; 0 when there was no memory.
 */
size_t ctw_render_history_slot_json(const struct ctw_slot *slot, uint64_t start_realtime_usec,
                                    uint64_t width_sec, char *buffer, size_t size);

#endif
