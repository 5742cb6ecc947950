/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTW_DAEMON_SOURCE_KERNLOG_H
#define CTW_DAEMON_SOURCE_KERNLOG_H

/*
 * The kernel log: /dev/kmsg read in the event loop, tallied until the next look takes the tally.
 *
 * An auxiliary source: whatever happens to it is a state to be reported and retried, never an
 * error of the loop.
 */

#include <systemd/sd-event.h>

#include "lib/kernel/kmsg.h"
#include "lib/watch/alert.h"

/* How long to wait before opening anew a log that has failed. */
#define CTW_KERNLOG_RETRY_USEC (10 * CTW_USEC_PER_SEC)

struct ctw_kernlog;

/** called when a loss line has been read: a reason to look at once */
typedef void (*ctw_kernlog_wake_fn)(void *userdata);

/**
 * ctw_kernlog_new() - open the log and read back what it says since boot, or its last clear
 * @event:     the loop
 * @path:      "/dev/kmsg"; a string that outlives the object
 * @wake:      called from the loop after loss lines, once per wake-up however many
 * @userdata:  for @wake
 * @ret:       the object, also where the log cannot be opened: that is its state
 *
 * Return: 0 or -ENOMEM.
 */
int ctw_kernlog_new(sd_event *event, const char *path, ctw_kernlog_wake_fn wake, void *userdata,
                    struct ctw_kernlog **ret);
struct ctw_kernlog *ctw_kernlog_free(struct ctw_kernlog *k);

/**
 * ctw_kernlog_past() - what the log said before ctw_kernlog_new()
 * @ret:           the tally
 * @ret_age_usec:  how long before now its newest loss line was
 */
void ctw_kernlog_past(const struct ctw_kernlog *k, uint64_t now_usec, struct ctw_log_counts *ret,
                      uint64_t *ret_age_usec);

/**
 * ctw_kernlog_take() - what the log said since the last call, and how it is doing
 *
 * Also opens it anew when it had failed, at most every CTW_KERNLOG_RETRY_USEC, and goes on behind
 * the last record seen: nothing is counted twice.
 *
 * @state:  OK; FAILED: cannot be opened or read, -ENODEV: what is there is not the kernel log
 */
void ctw_kernlog_take(struct ctw_kernlog *k, uint64_t now_usec, struct ctw_log_counts *ret,
                      struct ctw_source_health *state);

#endif
