/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The units that names end with: _usec, _permyriad; the lesser and the greater of two numbers. */

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
