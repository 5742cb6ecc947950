/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTW_DAEMON_MANAGER_H
#define CTW_DAEMON_MANAGER_H

/*
 * The manager owns the event loop and every source. At each wake-up it gathers a tick, hands it
 * to ctw_watch_step() and carries out the verdict; it decides nothing itself.
 */

#include "lib/config/settings.h"

struct ctw_manager;

/* Strings that outlive the manager. */
struct ctw_manager_paths {
    const char *config; /* read again on SIGHUP */
    const char *root;   /* where /proc is found below, "" for this machine */
    const char *state;  /* the folder where readers find what to read; NULL: none */
};

/**
 * ctw_manager_new() - set everything up
 * @paths:        where things are
 * @settings:     in force until the first reload
 *
 * Return: 0; -EBUSY, said on stderr, when another ctwatchd has paths.state; another negative errno.
 */
int ctw_manager_new(const struct ctw_manager_paths *paths, const struct ctw_settings *settings,
                    struct ctw_manager **ret);
struct ctw_manager *ctw_manager_free(struct ctw_manager *m);

/**
 * ctw_manager_run() - run until SIGTERM or SIGINT
 *
 * Return: 0, or what made the dominant source, the timer, fail.
 */
int ctw_manager_run(struct ctw_manager *m);

#endif
