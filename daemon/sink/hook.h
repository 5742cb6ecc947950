/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Runs alerts.command, a program of the administrator, once per alert, with the fields of the alert
 * as environment. The program runs without a shell and without the daemon's capabilities. One runs
 * at a time, and its process group is killed at a time limit. Alerts wait in a fixed queue; when it
 * is full, further alerts are dropped and counted. The program cannot block the daemon's loop.
 */

#include <systemd/sd-event.h>

#include "lib/report/fields.h"

/* The time limit of a run. */
#define CTW_HOOK_LIMIT_USEC (10 * CTW_USEC_PER_SEC)

struct ctw_hook;

/**
 * ctw_hook_new()
 * @event:       in a thread with SIGCHLD blocked, see sd_event_add_child(3)
 * @limit_usec:  CTW_HOOK_LIMIT_USEC
 *
 * Return: 0 or -ENOMEM.
 */
int ctw_hook_new(sd_event *event, uint64_t limit_usec, struct ctw_hook **ret);

/** ctw_hook_free() - kills the running program */
struct ctw_hook *ctw_hook_free(struct ctw_hook *h);

/**
 * ctw_hook_run() - run @command for an alert, after the alerts in the queue
 * @command:  absolute path, then arguments, separated by blanks; "" runs nothing
 * @f:        copied
 *
 * The environment is PATH and the fields. The standard streams are /dev/null. The program leads a
 * process group, which is killed when the program ends or reaches its time limit. A fault is
 * printed as a line on stderr, once until another fault or success.
 */
void ctw_hook_run(struct ctw_hook *h, const char *command, const struct ctw_fields *f);
