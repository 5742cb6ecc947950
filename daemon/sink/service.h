/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTW_DAEMON_SINK_SERVICE_H
#define CTW_DAEMON_SINK_SERVICE_H

/* What the service manager is told (sd_notify(3)); without one, nothing happens. */

#include <stdint.h>

#include "lib/watch/watch.h"

/* Zero-initialised, nothing has been told. */
struct ctw_service {
    enum ctw_level level;
    uint64_t usec;
};

void ctw_service_ready(void);
void ctw_service_reloading(uint64_t now_usec);
void ctw_service_stopping(void);

/**
 * ctw_service_status() - STATUS=: the present fill, as systemctl status shows it
 *
 * Each one wakes the service manager, so it is sent when the level changes, and otherwise every ten
 * seconds.
 */
void ctw_service_status(struct ctw_service *n, const struct ctw_tick *t,
                        const struct ctw_verdict *v);

#endif
