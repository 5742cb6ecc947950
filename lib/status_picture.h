/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTW_STATUS_PICTURE_H
#define CTW_STATUS_PICTURE_H

/* What the parts of the picture of lib/render_status have in common. */

#include <stdbool.h>
#include <stdint.h>

#include "level.h"
#include "line.h"
#include "page.h"
#include "render_status.h"
#include "sample.h"
#include "sparkline.h"

struct ctw_picture {
    const struct ctw_status *status;
    const struct ctw_snapshot *of;
    const struct ctw_status_style *style;
    struct ctw_page page;
};

/** ctw_picture_by_daemon() - whether a daemon made it: there are rates, losses, alerts */
bool ctw_picture_by_daemon(const struct ctw_picture *p);

/** ctw_picture_put() - a paragraph without colour */
void ctw_picture_put(struct ctw_picture *p, const char *label, const struct ctw_line *l);

/** ctw_picture_ago() - how long ago a moment of the snapshot is; 0: it is still to come */
uint64_t ctw_picture_ago(const struct ctw_picture *p, uint64_t usec);

/** ctw_picture_add_clock() - "09:58:25" */
void ctw_picture_add_clock(const struct ctw_picture *p, struct ctw_line *l, uint64_t usec);

/** ctw_picture_add_when() - "09:58:25, 95 s ago" */
void ctw_picture_add_when(const struct ctw_picture *p, struct ctw_line *l, uint64_t usec);

/** ctw_picture_add_fill() - "76.2 %": cut off, not rounded, so that 100.0 means full */
void ctw_picture_add_fill(struct ctw_line *l, uint32_t count, uint32_t max);

/** ctw_status_hour() - the last hour and the present. Return: false: nothing is known of it */
bool ctw_status_hour(const struct ctw_status *s, uint32_t room, struct ctw_sparkline *ret);

/** ctw_level_colour() - of what is at that level */
enum ctw_colour ctw_level_colour(enum ctw_level level);

#endif
