/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The tables of other network namespaces: the same levels, forecast and episodes of losses as of
 * our own table, from readings that are seconds apart.
 *
 * What the kernel log reports of a namespace joins the episodes of its counters. A namespace
 * without a process shows no counters: it is known from the kernel log alone.
 */

#include <stdbool.h>
#include <stdint.h>

/* Whether other namespaces can be seen, through /proc/PID/net/stat/nf_conntrack. */
enum ctw_namespaces_sight {
    CTW_NAMESPACES_OFF,     /* namespaces.enabled is false, or ctwatchd runs below --root */
    CTW_NAMESPACES_SEEN,    /* those in which processes run */
    CTW_NAMESPACES_HIDDEN,  /* /proc hides the processes of other users: hidepid, ProtectProc= */
    CTW_NAMESPACES_NO_FILE, /* the kernel lacks CONFIG_NF_CONNTRACK_PROCFS */
};
#define CTW_NAMESPACES_SIGHTS (CTW_NAMESPACES_NO_FILE + 1)
