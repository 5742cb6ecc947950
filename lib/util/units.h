/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The units that names end with: _usec, _permyriad. */

#include <stdint.h>

#define CTW_USEC_PER_SEC  UINT64_C(1000000)
#define CTW_USEC_PER_MSEC UINT64_C(1000)

/* 100 % in permyriad, the unit of every share in a decision (1/10000, so one decimal is exact). */
#define CTW_PERMYRIAD 10000u
