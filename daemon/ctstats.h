/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTW_CTSTATS_H
#define CTW_CTSTATS_H

/*
 * The counters by ctnetlink, for kernels built without CONFIG_NF_CONNTRACK_PROCFS and for services
 * that see only part of /proc. Part of daemon/table, nobody else's.
 */

#include "../lib/counters.h"

/* Longest time one call takes: the kernel answers within a system call, so this is for faults. */
#define CTW_CTSTATS_TIMEOUT_USEC (100 * CTW_USEC_PER_MSEC)

/**
 * ctw_ctstats_read() - ask for every CPU's statistics of the caller's network namespace
 * @ret:  summed over the CPUs
 *
 * The kernel loads the conntrack module when it is asked, so the caller makes sure that it is
 * there already. Nothing stays open: a kept socket would have to be cleared of late answers after
 * each fault, and would pin its network namespace.
 *
 * Return: 0; -EPERM without CAP_NET_ADMIN; -ETIMEDOUT when no whole answer came in time; -EBADMSG
 * when it was malformed; otherwise what the socket or the kernel answered.
 */
int ctw_ctstats_read(struct ctw_counters *ret);

#endif
