/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* A replay in a test; its alerts are kept for the test to check. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "lib/replay/replay.h"

#define SEC   CTW_USEC_PER_SEC
#define MSEC  CTW_USEC_PER_MSEC
#define START UINT64_C(1795341600000000)
#define GIB   (UINT64_C(1) << 30)

#define SENT_MAX 512

struct sent {
    uint64_t at_usec;
    enum ctw_alert_kind kind;
    enum ctw_edge edge;
    enum ctw_level level;
    uint32_t count, old_max, new_max;
    bool writer_unknown;
    bool matched; /* by its live counterpart */
};

struct stage {
    struct ctw_settings settings;
    struct ctw_replay replay;
    struct sent sent[SENT_MAX];
    size_t n_sent;
    size_t next; /* the first that expect() has not returned */
    uint64_t at_usec;
};

int set_stage(void **state);

int clear_stage(void **state);

void start(struct stage *g);

/* Checks and returns the next alert. */
const struct sent *expect(struct stage *g, enum ctw_alert_kind kind, enum ctw_edge edge,
                          enum ctw_level level);

#define ON_STAGE(f) cmocka_unit_test_setup_teardown(f, set_stage, clear_stage)
