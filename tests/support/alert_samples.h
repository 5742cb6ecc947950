/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Alerts to render, and a check of one rendered field. */

#include "lib/report/fields.h"
#include "lib/watch/alert.h"

#define SECOND CTW_USEC_PER_SEC

/* An alert about our own table at 76.2 %. */
struct ctw_alert own(enum ctw_alert_kind kind, enum ctw_edge edge, enum ctw_level level);

/* The same, with the table full. */
struct ctw_alert full(enum ctw_alert_kind kind, enum ctw_edge edge);

struct ctw_alert other_netns(enum ctw_edge edge, uint64_t inode, const char *name);

struct ctw_alert blind(enum ctw_source source, enum ctw_health health, int error, const char *what);

void assert_field(const struct ctw_alert *a, const char *name, const char *expected);

#define assert_message(a, expected) assert_field((a), "MESSAGE", (expected))
