/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTW_DAEMON_CLI_FETCH_H
#define CTW_DAEMON_CLI_FETCH_H

/* What the reading verbs look at: what the daemon published, or the kernel itself without one. */

#include "lib/config/settings.h"
#include "lib/state/snapshot.h"

struct ctw_fetched {
    struct ctw_snapshot snapshot; /* of the daemon; pid 0: of a look made here and now */
    int state_error;              /* why nothing of a daemon can be seen: ctw_state_read(); or 0 */
    enum ctw_liveness liveness;
    uint64_t daemon_polled_usec; /* where that was long ago, and the table was read here; else 0 */
    uint64_t now_usec, realtime_usec;
};

/**
 * ctw_fetch_from() - look
 * @root:       where /proc is found below, "" for this machine
 * @directory:  where a daemon publishes; NULL: only look at the kernel
 * @named:      a daemon of another network namespace that looks is meant
 * @settings:   thresholds for a look of one's own
 *
 * Where the daemon is not looking (none, stopped, late), the table is read here, and the snapshot
 * is of this look alone; so it is with one of another network namespace, with state_error -EXDEV,
 * and liveness NONE if that one looks: STOPPED and LATE stay.
 * Where a daemon looks whose last look is old the table is read here as well, and the rest is the
 * daemon's. That the table cannot be read is in snapshot.sources.
 *
 * Return: 0; -ENOMEM; another negative errno when @root is no folder.
 */
int ctw_fetch_from(const char *root, const char *directory, bool named,
                   const struct ctw_settings *settings, struct ctw_fetched *ret);

/**
 * ctw_fetch() - the same, for a verb with these options
 * @root:   --root, "" without it
 * @state:  --state, NULL without it: the usual folder, or with a root none
 *
 * The usual folder is there in every network namespace, with the table of one of them.
 */
int ctw_fetch(const char *root, const char *state, const struct ctw_settings *settings,
              struct ctw_fetched *ret);

#endif
