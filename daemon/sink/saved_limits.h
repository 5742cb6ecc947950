/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTW_SINK_SAVED_LIMITS_H
#define CTW_SINK_SAVED_LIMITS_H

/*
 * Keeps grown limits over a boot: one small file in the state directory, replaced whole.
 *
 * A disk may take seconds to say that it has written. So that happens in a child, and a little
 * later: while the table grows, nothing waits for a disk.
 */

#include <stdint.h>
#include <systemd/sd-event.h>

#include "lib/sizing/saved_limits.h"

struct ctw_keep;

/* From a growth to its writing: a burst grows the table several times within a second. */
#define CTW_KEEP_DELAY_USEC UINT64_C(2000000)

/**
 * ctw_keep_new() - for the state directory: $STATE_DIRECTORY, or /var/lib/ctwatch below @root
 * @delay_usec:  CTW_KEEP_DELAY_USEC, but for tests
 *
 * Return: 0, -ENOMEM, -ENAMETOOLONG.
 */
int ctw_keep_new(sd_event *event, const char *root, uint64_t delay_usec, struct ctw_keep **ret);

/** ctw_keep_free() - what still waits to be written is written first */
struct ctw_keep *ctw_keep_free(struct ctw_keep *k);

/**
 * ctw_keep_read() - what was kept
 *
 * Return: 0; -ENOENT when there is nothing; what ctw_kept_parse() or reading the file says.
 */
int ctw_keep_read(const struct ctw_keep *k, struct ctw_kept *ret);

/** ctw_keep_put() - keep these from now on; written within seconds */
void ctw_keep_put(struct ctw_keep *k, const struct ctw_kept *l);

/** ctw_keep_error() - of the last write: 0 or a negative errno */
int ctw_keep_error(const struct ctw_keep *k);

/** ctw_keep_path() - of the file */
const char *ctw_keep_path(const struct ctw_keep *k);

/** ctw_keep_drop() - remove what was kept. Return: 0, also when there is nothing; -errno. */
int ctw_keep_drop(const struct ctw_keep *k);

#endif
