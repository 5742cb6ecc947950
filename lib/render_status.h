/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTW_RENDER_STATUS_H
#define CTW_RENDER_STATUS_H

/* What `ctwatch status` shows, and /status: how the table is doing, in one picture. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "history.h"
#include "snapshot.h"

/* Room for the longest of either, whatever a snapshot holds. */
#define CTW_RENDER_STATUS_MAX 65536

/* Lines are made for so many columns, of a terminal or a page. */
#define CTW_STATUS_COLUMNS     80u
#define CTW_STATUS_COLUMNS_MIN 40u
#define CTW_STATUS_COLUMNS_MAX 240u

/* What is to be shown. */
struct ctw_status {
    const struct ctw_snapshot *snapshot; /* pid 0: of a look of the reader's own */
    const struct ctw_history *history;   /* for the last hour; NULL: there is none to show */
    enum ctw_liveness liveness;
    /* Why there is nothing of a daemon: ctw_state_read(), or -EXDEV: it watches, or watched,
     * another table; 0: there is, or nobody asked. */
    int state_error;
    /* The daemon's last look, where the table is of a later one of the reader's own; else 0. */
    uint64_t daemon_looked_usec;
    uint64_t now_usec, realtime_usec; /* of the reader */
};

/* How. */
struct ctw_status_style {
    uint32_t columns;       /* what is out of bounds is taken for the nearest that is not */
    bool colour;            /* escape sequences of a terminal, for levels and losses */
    bool utf8;              /* block elements; otherwise the text is ASCII, whatever it quotes */
    int32_t utc_offset_sec; /* of the clock times: local time less UTC */
    bool names_utc;         /* it says that they are UTC: its readers may be anywhere */
};

/**
 * ctw_render_status_text() - lines of at most @style->columns
 * @buffer:  where to; always NUL-terminated
 * @size:    bytes in @buffer
 *
 * Return: bytes the whole text has, without the NUL, whether or not it fitted.
 */
size_t ctw_render_status_text(const struct ctw_status *s, const struct ctw_status_style *style,
                              char *buffer, size_t size);

/**
 * ctw_render_status_json() - one object, on one line with a newline when @compact
 *
 * Return: bytes the whole text has, without the NUL; 0 when there was no memory.
 */
size_t ctw_render_status_json(const struct ctw_status *s, bool compact, char *buffer, size_t size);

#endif
