/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * From the fill of the table to ok, warning, critical or full.
 *
 * A level rises at once. It falls only after the fill has been `clear` points below its threshold
 * for `hold`, so that a fill around a threshold makes no series of alerts. It falls in one step to
 * the level that the fill has cleared for that long: a table that empties makes one alert.
 */

#include <stdbool.h>
#include <stdint.h>

#include "lib/config/settings.h"
#include "lib/util/units.h"

enum ctw_level { CTW_LEVEL_OK, CTW_LEVEL_WARNING, CTW_LEVEL_CRITICAL, CTW_LEVEL_FULL };

struct ctw_level_state {
    enum ctw_level level;
    /* By level: since when the fill has been low enough to leave it; 0: it is not. */
    uint64_t clear_since_usec[CTW_LEVEL_FULL + 1];
};

/** ctw_level_name() - "ok", "warning", "critical", "full" */
const char *ctw_level_name(enum ctw_level level);

/** ctw_usage_permyriad() - the fill; 0 when @max is 0 (unlimited); may exceed 10000 */
uint32_t ctw_usage_permyriad(uint32_t count, uint32_t max);

/**
 * ctw_fuller() - whether @count of @max is more than @than of @than_max
 *
 * By their fills, as the limits may differ. A table without a limit (max 0) is less full than any
 * with one; two of them compare by count.
 */
bool ctw_fuller(uint32_t count, uint32_t max, uint32_t than, uint32_t than_max);

/**
 * ctw_level_threshold() - the fill at which @level begins, in permyriad
 *
 * ok begins at 0, full at 10000.
 */
uint32_t ctw_level_threshold(const struct ctw_settings *s, enum ctw_level level);

/**
 * ctw_level_step() - one poll
 * @state:     zero-initialised: ok
 * @s:         thresholds, clear, hold
 * @usage:     the fill, in permyriad
 * @losing:    the table drops or evicts connections: full, whatever the fill
 * @now_usec:  of this poll, never 0
 *
 * Return: the level now.
 */
enum ctw_level ctw_level_step(struct ctw_level_state *state, const struct ctw_settings *s,
                              uint32_t usage, bool losing, uint64_t now_usec);
