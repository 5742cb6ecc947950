/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTW_PACE_H
#define CTW_PACE_H

/* When to look again. */

#include <stdint.h>

#include "sample.h"
#include "settings.h"

/**
 * ctw_pace_next() - a quarter of the time to the next threshold, within the bounds of poll
 * @rate:  net entries per second, between the last two looks
 *
 * Return: microseconds from now, between poll.fastest and poll.interval.
 */
uint64_t ctw_pace_next(const struct ctw_settings *s, const struct ctw_sample *sample, int64_t rate);

#endif
