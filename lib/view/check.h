/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTW_LIB_VIEW_CHECK_H
#define CTW_LIB_VIEW_CHECK_H

/*
 * One state and one line, for monitoring systems that run a program and read its exit status:
 * Nagios, Icinga and their like by the Monitoring Plugins guidelines, and Kubernetes'
 * node-problem-detector.
 */

#include <stdbool.h>
#include <stdint.h>

#include "lib/state/snapshot.h"
#include "lib/util/strbuf.h"

/* In the numbers of the Monitoring Plugins guidelines. */
enum ctw_check_state {
    CTW_CHECK_OK,
    CTW_CHECK_WARNING,
    CTW_CHECK_CRITICAL,
    CTW_CHECK_UNKNOWN,
};

/* For whom. */
enum ctw_check_form {
    CTW_CHECK_PLUGIN,
    CTW_CHECK_NPD,
};

/* What node-problem-detector keeps of a line: max_output_length, unless it is told otherwise. */
#define CTW_CHECK_NPD_BYTES 80u

/* What was lost is told for as long as this, so that who asks once a minute hears of it. */
#define CTW_CHECK_LOSS_USEC (60 * CTW_USEC_PER_SEC)

struct ctw_check_limits {
    uint32_t warning_permyriad; /* above 0, at most critical_permyriad */
    uint32_t critical_permyriad;
    bool wants_daemon; /* no live daemon is a warning */
};

/**
 * ctw_check() - judge
 * @ret:  the line, without a newline; with performance data for a plugin
 *
 * Of a daemon that looks, losses and level full count whatever the fill is; its other levels do
 * not, since who asks has thresholds of his own.
 */
enum ctw_check_state ctw_check(const struct ctw_view *v, const struct ctw_check_limits *limits,
                               enum ctw_check_form form, struct ctw_line *ret);

/** ctw_check_unknown() - the line for what could not be checked, because of @reason */
void ctw_check_unknown(enum ctw_check_form form, const char *reason, struct ctw_line *ret);

/**
 * ctw_check_exit_status() - how the program ends
 *
 * Return: for a plugin 0 ok, 1 warning, 2 critical, 3 unknown; for node-problem-detector 0 no
 * problem, 1 problem, from critical on, 2 unknown.
 */
int ctw_check_exit_status(enum ctw_check_form form, enum ctw_check_state state);

#endif
