/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What the reading verbs show: what the daemon published, or a sample of their own without one. */

#include "lib/config/settings.h"
#include "lib/sizing/growth.h"
#include "lib/state/snapshot.h"

/**
 * ctw_fetch_from() - the state of the daemon, or a sample
 * @root:       /proc is below it; "" for this machine
 * @directory:  where a daemon publishes; NULL: take a sample
 * @named:      the user named @directory: a daemon of another network namespace is meant
 * @settings:   thresholds for a sample
 * @ret:        without a history
 *
 * When the daemon is not alive, the snapshot is a sample of the table, taken here. The same holds
 * for a daemon of another network namespace: state_error is then -EXDEV, and its liveness is NONE
 * when it is alive there, else STOPPED or LATE. When the daemon is alive but polled more than
 * CTW_LATE_USEC ago, only the table is taken here, and the rest stays the daemon's. A table that
 * cannot be read shows in snapshot.sources.
 *
 * Return: 0; -ENOMEM; another negative errno when @root is no folder.
 */
int ctw_fetch_from(const char *root, const char *directory, bool named,
                   const struct ctw_settings *settings, struct ctw_view *ret);

/**
 * ctw_fetch() - the same, for a verb with these options
 * @root:   --root, "" without it
 * @state:  --state; NULL without it: CTWATCH_RUN_PATH, or no folder when there is a root
 *
 * Every network namespace sees CTWATCH_RUN_PATH, which holds the state of one of them.
 */
int ctw_fetch(const char *root, const char *state, const struct ctw_settings *settings,
              struct ctw_view *ret);

/** ctw_fetch_namespaces() - add those of the daemon that @v is of, to be freed with free() */
void ctw_fetch_namespaces(const char *root, const char *state, struct ctw_view *v);

/** ctw_fetch_directory() - where a daemon publishes, by the same options; NULL: nowhere */
const char *ctw_fetch_directory(const char *root, const char *state);

/**
 * ctw_fetch_published() - what a daemon of the table below @root has published in this boot
 * @ret:  without a history
 *
 * The daemon may have stopped: see @ret->liveness. Return: false: there is nothing.
 */
bool ctw_fetch_published(const char *root, const char *state, struct ctw_view *ret);

/**
 * ctw_fetch_machine() - what is known of the machine, and how far max may be raised
 * @sample:  its table
 *
 * Return: 0 or -ENOMEM.
 */
int ctw_fetch_machine(const char *root, const struct ctw_settings *settings,
                      const struct ctw_sample *sample, struct ctw_host *ret);
