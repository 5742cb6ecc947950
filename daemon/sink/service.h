/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTW_DAEMON_SINK_SERVICE_H
#define CTW_DAEMON_SINK_SERVICE_H

/* Notifies the service manager (sd_notify(3)); without one, does nothing. */

#include <stdint.h>

#include "lib/watch/watch.h"

/* The last status; zero: none. */
struct ctw_service {
    enum ctw_level level;
    uint64_t usec;
};

void ctw_service_ready(void);
void ctw_service_reloading(uint64_t now_usec);
void ctw_service_stopping(void);

/**
 * ctw_service_status() - send the present fill as STATUS=, for systemctl status
 *
 * Each status wakes the service manager: it is sent when the level changes, and every 10 s.
 */
void ctw_service_status(struct ctw_service *n, const struct ctw_tick *t,
                        const struct ctw_verdict *v);

#endif
