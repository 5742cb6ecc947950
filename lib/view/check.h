/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * One state and one line, for monitoring systems that run a program and read its exit status:
 * Nagios and Icinga (the Monitoring Plugins guidelines), and Kubernetes' node-problem-detector.
 */

#include <stdbool.h>
#include <stdint.h>

#include "lib/state/snapshot.h"
#include "lib/util/strbuf.h"

/* Numbered by the Monitoring Plugins guidelines. */
enum ctw_check_state {
    CTW_CHECK_OK,
    CTW_CHECK_WARNING,
    CTW_CHECK_CRITICAL,
    CTW_CHECK_UNKNOWN,
};

enum ctw_check_form {
    CTW_CHECK_PLUGIN,
    CTW_CHECK_NPD, /* node-problem-detector */
};

/* node-problem-detector's default max_output_length. */
#define CTW_CHECK_NPD_BYTES 80u

/* A loss is critical for this long, so that a check once a minute sees it. */
#define CTW_CHECK_LOSS_USEC (60 * CTW_USEC_PER_SEC)

struct ctw_check_limits {
    uint32_t warning_permyriad; /* above 0, at most critical_permyriad */
    uint32_t critical_permyriad;
    bool wants_daemon; /* no live daemon is a warning */
    bool users;        /* namespaces below user.slice count: any user can make one, and fill it */
};

/**
 * ctw_check() - judge
 * @v:    with or without a daemon; where it has namespaces, the worst table is judged
 * @ret:  the line, without a newline; with performance data for a plugin
 *
 * While the daemon is alive, losses and level full are critical whatever the fill is. Its other
 * levels do not count: @limits replace them. Performance data are of the own table.
 */
enum ctw_check_state ctw_check(const struct ctw_view *v, const struct ctw_check_limits *limits,
                               enum ctw_check_form form, struct ctw_line *ret);

/** ctw_check_unknown() - the line for a check that failed because of @reason */
void ctw_check_unknown(enum ctw_check_form form, const char *reason, struct ctw_line *ret);

/**
 * ctw_check_exit_status() - the exit status of a state
 *
 * Return: for a plugin 0 ok, 1 warning, 2 critical, 3 unknown; for node-problem-detector 0 no
 * problem, 1 problem, from critical on, 2 unknown.
 */
int ctw_check_exit_status(enum ctw_check_form form, enum ctw_check_state state);
