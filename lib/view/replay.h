/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The output of a replay: its alerts, and the summary. */

#include <stddef.h>
#include <stdint.h>

#include "lib/replay/replay.h"
#include "lib/watch/alert.h"

/* Room for an alert or the summary, as text or JSON. */
#define CTW_RENDER_REPLAY_MAX 8192

/* Lines of a recording that are not replayed. */
struct ctw_replay_lines {
    uint64_t bad;     /* not readable */
    uint64_t stale;   /* not later than the line before */
    uint64_t unknown; /* count or max are not known */
};

/**
 * ctw_render_replay_alert_text() - a line
 * @at_usec:  since 1970
 * @buffer:   always NUL-terminated
 *
 * Return, of all four functions: bytes of the whole text, without the NUL, also when it did not
 * fit; 0 when there was no memory for JSON.
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
