/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The kernel log: /dev/kmsg read in the event loop, and its lines counted until the next poll.
 *
 * An auxiliary source: a fault is reported as its health and retried, and is never an error of the
 * loop.
 */

#include <systemd/sd-event.h>

#include "lib/kernel/kmsg.h"
#include "lib/watch/alert.h"

/* A log that failed is opened again after this. */
#define CTW_KERNLOG_RETRY_USEC (10 * CTW_USEC_PER_SEC)

struct ctw_kernlog;

/** called when a loss line has been read: a reason to poll at once */
typedef void (*ctw_kernlog_wake_fn)(void *userdata);

/**
 * ctw_kernlog_new() - open the log and read its lines since boot, or since `dmesg --clear`
 * @path:  "/dev/kmsg"; a string that outlives the object
 * @wake:  called from the loop after loss lines, once per wake-up
 * @ret:   the object, also when the log cannot be opened, which its health shows
 *
 * Return: 0 or -ENOMEM.
 */
int ctw_kernlog_new(sd_event *event, const char *path, ctw_kernlog_wake_fn wake, void *userdata,
                    struct ctw_kernlog **ret);
struct ctw_kernlog *ctw_kernlog_free(struct ctw_kernlog *k);

/**
 * ctw_kernlog_past() - the lines before ctw_kernlog_new()
 * @ret_age_usec:  the age of the newest table-full line
 */
void ctw_kernlog_past(const struct ctw_kernlog *k, uint64_t now_usec, struct ctw_log_counts *ret,
                      uint64_t *ret_age_usec);

/**
 * ctw_kernlog_take() - the lines since the last call
 * @state:  OK; FAILED when the log cannot be opened or read, with -ENODEV when the file is not the
 *          kernel log
 *
 * A log that failed is opened again at most every CTW_KERNLOG_RETRY_USEC, and read on behind the
 * last record, so that no line is counted twice.
 */
void ctw_kernlog_take(struct ctw_kernlog *k, uint64_t now_usec, struct ctw_log_counts *ret,
                      struct ctw_source_health *state);
