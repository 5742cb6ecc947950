/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTW_GLANCE_H
#define CTW_GLANCE_H

/* What the reading verbs look at: what the daemon published, or the kernel itself without one. */

#include "../lib/settings.h"
#include "../lib/snapshot.h"

/* Why there is nothing of a daemon. */
struct ctw_glance {
    struct ctw_snapshot snapshot; /* of the daemon; pid 0: of a look made here and now */
    int state_error;              /* 0, or what ctw_state_read() returned */
    enum ctw_liveness liveness;
    uint64_t now_usec, realtime_usec;
};

/**
 * ctw_glance_take() - look
 * @root:       where /proc is found below, "" for this machine
 * @directory:  where a daemon publishes; NULL: only look at the kernel
 * @settings:   thresholds for a look of one's own
 *
 * Where the daemon is not looking (none, stopped, late), the table is read here, and the snapshot
 * is of this look alone. That the table cannot be read is in snapshot.sources.
 *
 * Return: 0 or -ENOMEM, -ENAMETOOLONG.
 */
int ctw_glance_take(const char *root, const char *directory, const struct ctw_settings *settings,
                    struct ctw_glance *ret);

#endif
