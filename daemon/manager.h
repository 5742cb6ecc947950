/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The manager owns the event loop, the sources and the sinks. At each poll it gathers a tick, hands
 * it to ctw_watch_step() and carries out the verdict. It decides nothing itself.
 */

#include <stdbool.h>

#include "lib/config/settings.h"

struct ctw_manager;

/* These strings must outlive the manager. */
struct ctw_manager_paths {
    const char *config;       /* read again on SIGHUP */
    const char *root;         /* the folder above /proc and /sys; "": this machine */
    const char *alert_socket; /* of the runner of alerts.command; NULL: a child runs it */
    const char *state;        /* the folder to publish in; NULL: publish nowhere */
    bool own;                 /* nothing is said of other network namespaces */
};

/**
 * ctw_manager_new() - open sources and sinks
 * @settings:  in force until the first reload
 *
 * Return: 0; -EBUSY, reported on stderr, when another ctwatchd publishes in paths.state; another
 * negative errno.
 */
int ctw_manager_new(const struct ctw_manager_paths *paths, const struct ctw_settings *settings,
                    struct ctw_manager **ret);
struct ctw_manager *ctw_manager_free(struct ctw_manager *m);

/**
 * ctw_manager_run() - run until SIGTERM or SIGINT
 *
 * Alerts that wait for a sample are sent before it returns.
 *
 * Return: 0, or the negative errno of the timer, the one source that cannot be missing.
 */
int ctw_manager_run(struct ctw_manager *m);
