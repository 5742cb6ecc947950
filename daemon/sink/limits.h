/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Writes nf_conntrack_max and nf_conntrack_buckets, reads them back, and saves them over a boot: in
 * $STATE_DIRECTORY/limits, or in /var/lib/ctwatch/limits below the root.
 */

#include <stdbool.h>
#include <systemd/sd-event.h>

#include "lib/sizing/growth.h"

struct ctw_limits;

/**
 * ctw_limits_new() - reads the saved limits, writes nothing
 * @event:    outlives it, in a thread with SIGCHLD blocked; NULL when ctw_limits_save() is not used
 * @root:     outlives it; "" for this machine
 * @initial:  the table is that of the initial network namespace
 *
 * Return: 0, -ENOMEM, -ENAMETOOLONG.
 */
int ctw_limits_new(sd_event *event, const char *root, bool initial, struct ctw_limits **ret);

/**
 * ctw_limits_free() - save what is not saved yet, within five seconds
 *
 * After that the child that writes is left to a disk that hangs.
 */
struct ctw_limits *ctw_limits_free(struct ctw_limits *l);

/**
 * ctw_limits_facts() - permission and saved limits, for the decision of this poll
 * @present:  there is a table
 *
 * Does nothing while growth is off. When growth was just switched on, or a table just appeared, a
 * write of the present max shows whether growth can work; where it cannot, the write is repeated
 * once a minute. A dry run writes nothing.
 */
void ctw_limits_facts(struct ctw_limits *l, const struct ctw_settings *s, uint64_t now_usec,
                      bool present, struct ctw_growth_facts *ret);

/**
 * ctw_limits_write() - carry out a decision
 * @d:    new_max and new_buckets, each 0 to leave it
 * @ret:  always set
 *
 * Writes max first, since it is urgent. When max has changed since the decision, nothing is written
 * (max_error -EAGAIN). Never lowers a limit.
 */
void ctw_limits_write(struct ctw_limits *l, const struct ctw_growth_decision *d,
                      struct ctw_growth_outcome *ret);

/** ctw_limits_save() - replace the file within seconds, by a child: it does not wait for the disk
 */
void ctw_limits_save(struct ctw_limits *l, const struct ctw_saved_limits *saved);

/**
 * ctw_limits_forget() - for ctwatchd --forget-limits: restore the limits from before the first
 * growth, and delete the saved limits
 *
 * Prints changes to stdout and errors to stderr. Return: 0 or a negative errno.
 */
int ctw_limits_forget(const char *root);
