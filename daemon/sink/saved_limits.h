/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTW_DAEMON_SINK_SAVED_LIMITS_H
#define CTW_DAEMON_SINK_SAVED_LIMITS_H

/*
 * Keeps grown limits over a boot: one small file in the state directory, replaced whole.
 *
 * A disk may take seconds to say that it has written. So that happens in a child, and a little
 * later: while the table grows, nothing waits for a disk.
 */

#include <stdint.h>
#include <systemd/sd-event.h>

#include "lib/sizing/saved_limits.h"

struct ctw_limits_store;

/* From a growth to its writing: a burst grows the table several times within a second. */
#define CTW_LIMITS_STORE_DELAY_USEC UINT64_C(2000000)

/**
 * ctw_limits_store_new() - for the state directory: $STATE_DIRECTORY, or /var/lib/ctwatch below
 * @root
 * @delay_usec:  CTW_LIMITS_STORE_DELAY_USEC, but for tests
 *
 * Return: 0, -ENOMEM, -ENAMETOOLONG.
 */
int ctw_limits_store_new(sd_event *event, const char *root, uint64_t delay_usec,
                         struct ctw_limits_store **ret);

/** ctw_limits_store_free() - what still waits to be written is written first */
struct ctw_limits_store *ctw_limits_store_free(struct ctw_limits_store *k);

/**
 * ctw_limits_store_read() - what was kept
 *
 * Return: 0; -ENOENT when there is nothing; what ctw_saved_limits_parse() or reading the file says.
 */
int ctw_limits_store_read(const struct ctw_limits_store *k, struct ctw_saved_limits *ret);

/** ctw_limits_store_put() - keep these from now on; written within seconds */
void ctw_limits_store_put(struct ctw_limits_store *k, const struct ctw_saved_limits *l);

/** ctw_limits_store_error() - of the last write: 0 or a negative errno */
int ctw_limits_store_error(const struct ctw_limits_store *k);

/** ctw_limits_store_path() - of the file */
const char *ctw_limits_store_path(const struct ctw_limits_store *k);

/** ctw_limits_store_drop() - remove what was kept. Return: 0, also when there is nothing; -errno.
 */
int ctw_limits_store_drop(const struct ctw_limits_store *k);

#endif
