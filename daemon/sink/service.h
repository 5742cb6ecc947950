/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The status that the service manager shows (sd_notify(3)); without one, does nothing. */

#include <stdint.h>

#include "lib/watch/watch.h"

/* The last status; zero: none. */
struct ctw_service {
    enum ctw_level level;
    enum ctw_health table;
    uint32_t permille; /* of max */
    uint64_t usec;     /* 0: none was sent */
};

/**
 * ctw_service_status() - send the present fill as STATUS=, for systemctl status
 *
 * Each status wakes the service manager: it is sent when the level changes, and at most every 10 s
 * when the fill has changed by a tenth of a percent, or the table came or went.
 */
void ctw_service_status(struct ctw_service *n, const struct ctw_tick *t,
                        const struct ctw_verdict *v);
