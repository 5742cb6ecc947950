/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The file of saved limits: $STATE_DIRECTORY/limits, or /var/lib/ctwatch/limits, which below a root
 * is the only one.
 *
 * A disk may take seconds to sync. So a child process writes, a little later than the growth, and
 * neither growth nor shutdown waits for the disk.
 */

#include <stdint.h>
#include <systemd/sd-event.h>

#include "lib/sizing/saved_limits.h"

struct ctw_limits_store;

/* From a growth to its writing: a burst grows the table several times within a second. */
#define CTW_LIMITS_STORE_DELAY_USEC UINT64_C(2000000)

/**
 * ctw_limits_store_new() - reads and writes nothing
 * @root:        outlives it; "" for this machine
 * @event:       in a thread with SIGCHLD blocked; NULL when ctw_limits_store_put() is not used
 * @delay_usec:  CTW_LIMITS_STORE_DELAY_USEC; tests use less
 *
 * Return: 0, -ENOMEM, -ENAMETOOLONG.
 */
int ctw_limits_store_new(sd_event *event, const char *root, uint64_t delay_usec,
                         struct ctw_limits_store **ret);

/**
 * ctw_limits_store_free() - write what is not written yet, within five seconds
 *
 * After that the child is left to a disk that hangs.
 */
struct ctw_limits_store *ctw_limits_store_free(struct ctw_limits_store *k);

/**
 * ctw_limits_store_read() - read the file
 *
 * Return: 0; -ENOENT without a file; a negative errno of ctw_saved_limits_parse() or of reading.
 */
int ctw_limits_store_read(const struct ctw_limits_store *k, struct ctw_saved_limits *ret);

/** ctw_limits_store_put() - replace the file within seconds */
void ctw_limits_store_put(struct ctw_limits_store *k, const struct ctw_saved_limits *l);

/** ctw_limits_store_error() - of the last write: 0 or a negative errno */
int ctw_limits_store_error(const struct ctw_limits_store *k);

/** ctw_limits_store_path() - the path of the file */
const char *ctw_limits_store_path(const struct ctw_limits_store *k);
