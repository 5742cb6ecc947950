/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTW_LIB_VIEW_REPLAY_H
#define CTW_LIB_VIEW_REPLAY_H

/* What a replay has to say: an alert, and the sum of it all. */

#include <stddef.h>
#include <stdint.h>

#include "lib/replay/replay.h"
#include "lib/watch/alert.h"

/* Room for either, in either form. */
#define CTW_RENDER_REPLAY_MAX 8192

/* What became of the lines of a recording; a daemon's own history has none. */
struct ctw_replay_lines {
    uint64_t bad;     /* could not be read */
    uint64_t stale;   /* not later than the one before */
    uint64_t unknown; /* count or limit were not known */
};

/**
 * ctw_render_replay_alert_text() - a line
 * @at_usec:  since 1970
 * @buffer:   where to; always NUL-terminated
 * @size:     bytes in @buffer
 *
 * Return: bytes the whole text has, without the NUL, whether or not it fitted. The same holds for
 * all that follow; those of JSON return 0 when there was no memory.
 */
size_t ctw_render_replay_alert_text(uint64_t at_usec, const struct ctw_alert *a, char *buffer,
                                    size_t size);

/** ctw_render_replay_alert_json() - an object, on one line */
size_t ctw_render_replay_alert_json(uint64_t at_usec, const struct ctw_alert *a, char *buffer,
                                    size_t size);

/** ctw_render_replay_summary_text() - at most 80 columns wide */
size_t ctw_render_replay_summary_text(const struct ctw_replay_summary *s,
                                      const struct ctw_replay_lines *lines, char *buffer,
                                      size_t size);

/** ctw_render_replay_summary_json() - an object with the one member "summary", on one line */
size_t ctw_render_replay_summary_json(const struct ctw_replay_summary *s,
                                      const struct ctw_replay_lines *lines, char *buffer,
                                      size_t size);

#endif
