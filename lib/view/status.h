/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTW_LIB_VIEW_STATUS_H
#define CTW_LIB_VIEW_STATUS_H

/* What `ctwatch status` shows, and /status: how the table is doing, in one picture. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/state/history.h"
#include "lib/state/snapshot.h"
#include "lib/util/layout.h"
#include "lib/util/strbuf.h"
#include "lib/util/units.h"
#include "lib/watch/level.h"

/* Room for the longest of either, whatever a snapshot holds. */
#define CTW_RENDER_STATUS_MAX 65536

/* Lines are made for so many columns, of a terminal or a page. */
#define CTW_STATUS_COLUMNS     80u
#define CTW_STATUS_COLUMNS_MIN 40u
#define CTW_STATUS_COLUMNS_MAX 240u

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
size_t ctw_render_status_text(const struct ctw_view *s, const struct ctw_status_style *style,
                              char *buffer, size_t size);

/**
 * ctw_render_status_json() - one object, on one line with a newline when @compact
 *
 * Return: bytes the whole text has, without the NUL; 0 when there was no memory.
 */
size_t ctw_render_status_json(const struct ctw_view *s, bool compact, char *buffer, size_t size);

/* What the parts of the picture of lib/render_status have in common. */

struct ctw_status_view {
    const struct ctw_view *status;
    const struct ctw_snapshot *of;
    const struct ctw_status_style *style;
    struct ctw_layout page;
};

/** ctw_status_view_by_daemon() - whether a daemon made it: there are rates, losses, alerts */
bool ctw_status_view_by_daemon(const struct ctw_status_view *p);

/** ctw_status_view_put() - a paragraph without colour */
void ctw_status_view_put(struct ctw_status_view *p, const char *label, const struct ctw_line *l);

/** ctw_status_view_ago() - how long ago a moment of the snapshot is; 0: it is still to come */
uint64_t ctw_status_view_ago(const struct ctw_status_view *p, uint64_t usec);

/** ctw_status_view_add_clock() - "09:58:25" */
void ctw_status_view_add_clock(const struct ctw_status_view *p, struct ctw_line *l, uint64_t usec);

/** ctw_status_view_add_when() - "09:58:25, 95 s ago" */
void ctw_status_view_add_when(const struct ctw_status_view *p, struct ctw_line *l, uint64_t usec);

/** ctw_status_view_add_fill() - "76.2 %": cut off, not rounded, so that 100.0 means full */
void ctw_status_view_add_fill(struct ctw_line *l, uint32_t count, uint32_t max);

/** ctw_status_hour() - the last hour and the present. Return: false: nothing is known of it */
bool ctw_status_hour(const struct ctw_view *s, uint32_t room, struct ctw_sparkline *ret);

/** ctw_level_colour() - of what is at that level */
enum ctw_colour ctw_level_colour(enum ctw_level level);

/* The parts of the picture of lib/render_status that are not the table itself. Each writes whole
 * lines, or none when there is nothing to say. */

/** ctw_status_view_hour() - a sparkline of the last hour */
void ctw_status_view_hour(struct ctw_status_view *p);

/** ctw_status_view_sources() - what cannot be read */
void ctw_status_view_sources(struct ctw_status_view *p);

/** ctw_status_view_growth() - whether it may grow, how far, and why not now */
void ctw_status_view_growth(struct ctw_status_view *p);

/** ctw_status_view_talkers() - who fills it, when last asked */
void ctw_status_view_talkers(struct ctw_status_view *p);

/** ctw_status_view_alerts() - the last alerts, the newest first */
void ctw_status_view_alerts(struct ctw_status_view *p);

#endif
