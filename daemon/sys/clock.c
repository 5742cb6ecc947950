/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/sys/clock.h"

#include <sys/random.h>
#include <time.h>

#include "lib/util/units.h"

static uint64_t read_clock(clockid_t clock) {
    struct timespec ts;

    (void)clock_gettime(clock, &ts);
    return (uint64_t)ts.tv_sec * CTW_USEC_PER_SEC + (uint64_t)ts.tv_nsec / 1000;
}

uint64_t ctw_monotonic_usec(void) {
    return read_clock(CLOCK_MONOTONIC);
}

uint64_t ctw_realtime_usec(void) {
    return read_clock(CLOCK_REALTIME);
}

uint64_t ctw_booted_usec(void) {
    return read_clock(CLOCK_REALTIME) - read_clock(CLOCK_BOOTTIME);
}

uint64_t ctw_random_seed(void) {
    uint64_t seed = 0;

    return getrandom(&seed, sizeof(seed), GRND_NONBLOCK) == sizeof(seed) ? seed
                                                                         : ctw_monotonic_usec();
}
