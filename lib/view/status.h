/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The state of the table at one glance, for `ctwatch status` and /status. */

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/report/remedy.h"
#include "lib/state/history.h"
#include "lib/state/snapshot.h"
#include "lib/util/layout.h"

/* Room for the longest of either. */
#define CTW_RENDER_STATUS_MAX 65536

/* Columns of a terminal or a page. */
#define CTW_STATUS_COLUMNS     80u
#define CTW_STATUS_COLUMNS_MIN 40u
#define CTW_STATUS_COLUMNS_MAX 240u

struct ctw_status_style {
    uint32_t columns;       /* clamped to the bounds above */
    bool colour;            /* escape sequences for levels and losses */
    bool utf8;              /* block elements; otherwise the text is ASCII, whatever it quotes */
    int32_t utc_offset_sec; /* of the clock times: local time less UTC */
    bool names_utc;         /* state that the times are UTC: readers may be anywhere */
};

/**
 * ctw_render_status_text() - lines of at most @style->columns, but for commands to be pasted
 * @buffer:  where to; always NUL-terminated
 * @size:    bytes in @buffer
 *
 * Return: bytes of the whole text, without the NUL, whether or not it fitted.
 */
size_t ctw_render_status_text(const struct ctw_view *v, const struct ctw_status_style *style,
                              char *buffer, size_t size);

/* The paragraphs of the status one by one, for a page that draws level and fill itself. */
enum ctw_status_part {
    CTW_STATUS_ORIGIN, /* why this is not what a live daemon has just polled; may be none */
    CTW_STATUS_TABLE,  /* entries to losses */
    CTW_STATUS_DAEMON, /* growth, sources that failed, ctwatchd */
};

/** ctw_status_fact - @text beside @label; "": it goes on with the label before. Valid during the
 * call. */
typedef void ctw_status_fact(void *userdata, const char *label, enum ctw_colour colour,
                             const char *text);

/** ctw_status_facts() - the paragraphs of @part, with times in UTC */
void ctw_status_facts(const struct ctw_view *v, enum ctw_status_part part, ctw_status_fact *fact,
                      void *userdata);

/**
 * ctw_render_status_json() - one object, on one line with a newline when @compact
 *
 * Return: bytes of the whole text, without the NUL; 0 when there was no memory.
 */
size_t ctw_render_status_json(const struct ctw_view *v, bool compact, char *buffer, size_t size);

/* The cause of the present trouble or of the losses, and what to do about it now. */
struct ctw_status_trouble {
    bool known; /* there is one */
    struct ctw_diagnosis diagnosis;
    struct ctw_remedy remedy; /* all empty where the losses are past */
};

void ctw_status_trouble(const struct ctw_snapshot *of, struct ctw_status_trouble *ret);

/** ctw_status_hour() - the last hour, in @room columns. Return: whether anything is known of it. */
bool ctw_status_hour(const struct ctw_view *v, uint32_t room, struct ctw_sparkline *ret);

/** ctw_losses_json() - each class by its name: "dropped_full", "dropped_below_max", "evicted", ...
 */
json_t *ctw_losses_json(const struct ctw_losses *l);
