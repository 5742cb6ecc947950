/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTW_DAEMON_SYS_CLOCK_H
#define CTW_DAEMON_SYS_CLOCK_H

/* What time it is. lib/ is told; it cannot ask. */

#include <stdint.h>

/** ctw_monotonic_usec() - microseconds since some moment about the boot, never set back, never 0 */
uint64_t ctw_monotonic_usec(void);

/** ctw_realtime_usec() - microseconds since 1970, UTC, as the clock is set at present */
uint64_t ctw_realtime_usec(void);

/**
 * ctw_booted_usec() - when the machine was booted: CLOCK_REALTIME less CLOCK_BOOTTIME
 *
 * Return: microseconds since 1970 as the clock is set at present; suspend does not change it.
 */
uint64_t ctw_booted_usec(void);

#endif
