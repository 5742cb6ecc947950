/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The output of a replay: its alerts, and the summary. */

#include <stdbool.h>
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
 * ctw_render_replay_alert() - a line, or an object on one line
 * @at_usec:  since 1970
 * @buffer:   always NUL-terminated
 *
 * Return, of both functions: bytes of the whole text, without the NUL, also when it did not fit; 0
 * when there was no memory for JSON.
 */
size_t ctw_render_replay_alert(uint64_t at_usec, const struct ctw_alert *a, bool json, char *buffer,
                               size_t size);

/**
 * ctw_render_replay_summary() - at most 80 columns wide; or an object with the one member
 * "summary", on one line
 */
size_t ctw_render_replay_summary(const struct ctw_replay_summary *s,
                                 const struct ctw_replay_lines *lines, bool json, char *buffer,
                                 size_t size);
