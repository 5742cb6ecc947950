/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTW_DAEMON_SINK_HOOK_H
#define CTW_DAEMON_SINK_HOOK_H

/*
 * alerts.command: a program of the administrator's, run once per alert with the alert's fields as
 * its environment. No shell, one at a time, without the daemon's capabilities, with a time limit
 * after which its whole process group is killed; what cannot wait in the fixed queue is dropped
 * and counted. Nothing it does can block the loop.
 */

#include <systemd/sd-event.h>

#include "lib/report/fields.h"
#include "lib/watch/alert.h"

/* How long one run may take. */
#define CTW_HOOK_LIMIT_USEC (10 * CTW_USEC_PER_SEC)

struct ctw_hook;

/**
 * ctw_hook_new() - nothing runs yet
 * @limit_usec:  CTW_HOOK_LIMIT_USEC
 *
 * Blocks SIGCHLD in the calling thread, which sd-event needs to be told of children that end.
 *
 * Return: 0; -ENOMEM or what sd-event refused.
 */
int ctw_hook_new(sd_event *event, uint64_t limit_usec, struct ctw_hook **ret);

/** ctw_hook_free() - also ends what is running */
struct ctw_hook *ctw_hook_free(struct ctw_hook *c);

/**
 * ctw_hook_run() - run @command for this alert, now or when those before it have ended
 * @command:  absolute path, then arguments, separated by blanks; "" runs nothing
 * @f:        copied
 *
 * The program finds PATH and the fields in its environment, its standard streams are /dev/null,
 * and it leads a process group of its own, which is killed when it ends or its time is up. What
 * goes wrong is one line on stderr, not repeated until something else happens.
 */
void ctw_hook_run(struct ctw_hook *c, const char *command, const struct ctw_fields *f);

#endif
