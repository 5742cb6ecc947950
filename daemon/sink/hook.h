/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Runs alerts.command, a program of the administrator, once per alert, with the fields of the alert
 * as environment. A runner does it: ctwatch-alert.service, behind a socket, or else a child of the
 * daemon without its capabilities. One program runs at a time, without a shell, and its process
 * group is killed at a time limit. Alerts wait in a fixed queue; when it is full, further alerts
 * are dropped and counted. The program cannot block the daemon's loop.
 */

#include <systemd/sd-event.h>

#include "lib/report/alert_packet.h"
#include "lib/report/fields.h"

/* The time limit of a run. */
#define CTW_HOOK_LIMIT_USEC (30 * CTW_USEC_PER_SEC)

/* The socket of the runner, as in systemd/ctwatch-alert.socket. */
#define CTW_HOOK_SOCKET "/run/ctwatch-alert"

struct ctw_hook;

/**
 * ctw_hook_new()
 * @event:       of the daemon; NULL for ctw_hook_test()
 * @socket:      of the runner, outlives the hook; NULL: the runner is a child
 * @limit_usec:  CTW_HOOK_LIMIT_USEC
 *
 * Return: 0 or -ENOMEM.
 */
int ctw_hook_new(sd_event *event, const char *socket, uint64_t limit_usec, struct ctw_hook **ret);

/** ctw_hook_free() - kills the running program of a child; the runner behind a socket goes on */
struct ctw_hook *ctw_hook_free(struct ctw_hook *h);

/**
 * ctw_hook_run() - run @command for an alert, after the alerts in the queue
 * @command:  absolute path, then arguments, separated by blanks; "" runs nothing. A runner behind a
 *            socket runs that of its own configuration
 * @f:        copied
 *
 * The environment is that of ctw_environment_read(). stdin and stdout are /dev/null. The program
 * leads a process group, which is killed when the program ends or reaches its time limit.
 */
void ctw_hook_run(struct ctw_hook *h, const char *command, const struct ctw_fields *f);

/**
 * ctw_hook_health() - the health of CTW_SOURCE_COMMAND
 * @ret:  FAILED when a run failed since the last call, or the last run did; UNUSED without a
 * command
 *
 * Return: how many runs have failed, and alerts were dropped.
 */
uint64_t ctw_hook_health(struct ctw_hook *h, const char *command, struct ctw_source_health *ret);

/** ctw_hook_test() - run @command for one alert now, and wait. Return: 0, or a negative errno when
 * the runner did not answer. */
int ctw_hook_test(struct ctw_hook *h, const char *command, const struct ctw_fields *f,
                  struct ctw_outcome *ret);

/**
 * ctw_hook_serve() - be the runner behind the socket that the service manager has passed
 * @config:  read at each alert, for alerts.command
 *
 * Return: a negative errno: -EINVAL when there is no such socket.
 */
int ctw_hook_serve(const char *config, uint64_t limit_usec);
