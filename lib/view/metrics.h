/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The state as metrics, in OpenMetrics 1.0 and in the text format 0.0.4 of Prometheus. There is no
 * address in them, and no name that a user gave a namespace.
 */

#include <stdbool.h>
#include <stddef.h>

#include "lib/state/snapshot.h"

/* Room for the longest of either, with four samples of each namespace that has some. */
#define CTW_RENDER_METRICS_MAX (32768u + 4u * CTW_NAMESPACES_METRICS_MAX * 320u)

/* Content types. */
#define CTW_METRICS_OPENMETRICS_TYPE "application/openmetrics-text; version=1.0.0; charset=utf-8"
#define CTW_METRICS_TEXT_TYPE        "text/plain; version=0.0.4; charset=utf-8"

/**
 * ctw_render_metrics() - all metrics, as ctwatch(8) lists them
 * @openmetrics:  which of the formats
 * @buffer:       where to; always NUL-terminated
 * @size:         bytes in @buffer
 *
 * Unless the daemon is alive there are only ctwatch_up and ctwatch_build_info: the past is in the
 * database. A metric without a value (the limit where there is none, the time to full while the
 * table empties) is left out.
 *
 * Return: bytes of the whole text, without the NUL, whether or not it fitted.
 */
size_t ctw_render_metrics(const struct ctw_view *v, bool openmetrics, char *buffer, size_t size);
