/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The units that names end with: _usec, _permyriad; and arithmetic that C lacks. */

#include <stdint.h>

#define CTW_USEC_PER_SEC  UINT64_C(1000000)
#define CTW_USEC_PER_MSEC UINT64_C(1000)

/* 100 % in permyriad, the unit of every share in a decision (1/10000, so one decimal is exact). */
#define CTW_PERMYRIAD 10000u

static inline uint64_t ctw_least(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}

static inline uint64_t ctw_most(uint64_t a, uint64_t b) {
    return a > b ? a : b;
}

/* The share that @part is of @whole, the nearest permyriad; 0 of nothing. */
static inline uint32_t ctw_share_of(uint64_t part, uint64_t whole) {
    return whole == 0 ? 0 : (uint32_t)((part * CTW_PERMYRIAD + whole / 2) / whole);
}

/* SplitMix64 (Steele, Lea, Flood, 2014): the next number of a sequence. */
static inline uint64_t ctw_next_random(uint64_t *state) {
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}
