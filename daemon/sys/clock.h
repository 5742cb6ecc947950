/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The clocks and chance, which lib/ must not read. */

#include <stdint.h>

/** ctw_monotonic_usec() - microseconds since about the boot, without suspend; never 0 */
uint64_t ctw_monotonic_usec(void);

/** ctw_realtime_usec() - microseconds since 1970, in UTC */
uint64_t ctw_realtime_usec(void);

/** ctw_booted_usec() - the time of the boot, in microseconds since 1970: CLOCK_REALTIME less
 * CLOCK_BOOTTIME, so that it changes when the clock is set, but not by suspend */
uint64_t ctw_booted_usec(void);

/** ctw_random_seed() - random; where the kernel's generator is not ready yet, at boot, the clock */
uint64_t ctw_random_seed(void);
