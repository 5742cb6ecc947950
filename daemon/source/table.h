/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTW_DAEMON_SOURCE_TABLE_H
#define CTW_DAEMON_SOURCE_TABLE_H

/*
 * One conntrack table, that of one network namespace, as /proc shows it.
 *
 * Descriptors stay open between looks and are read with pread(): two reads of a microsecond in
 * all, against four for opening anew. They keep showing the namespace they were opened in, and
 * answer ENOENT when it, or the module, is gone; then every further look opens anew.
 */

#include "lib/kernel/counters.h"
#include "lib/kernel/sample.h"
#include "lib/watch/alert.h"

struct ctw_table;

/**
 * ctw_table_new() - the table of the calling thread's network namespace
 * @root:  where /proc is found below: "" for this machine, a folder for a captured one; copied
 * @ret:   the table; nothing has been opened yet
 *
 * With a root other than "", nothing outside it is consulted (no netlink).
 *
 * Return: 0 or -ENOMEM, -ENAMETOOLONG.
 */
int ctw_table_new(const char *root, struct ctw_table **ret);
struct ctw_table *ctw_table_free(struct ctw_table *t);

/**
 * ctw_table_read() - read count and max
 * @sample:  count and max are set when @state says OK; the has_ flags are cleared
 * @state:   OK; ABSENT while the module is not loaded; FAILED with the file and why
 */
void ctw_table_read(struct ctw_table *t, struct ctw_sample *sample,
                    struct ctw_source_health *state);

/**
 * ctw_table_read_counters() - read buckets and counters as well, into the same sample
 * @state:  of CTW_SOURCE_COUNTERS; buckets a kernel does not show are no failure
 */
void ctw_table_read_counters(struct ctw_table *t, struct ctw_sample *sample,
                             struct ctw_source_health *state);

/*
 * The counters by ctnetlink, for kernels built without CONFIG_NF_CONNTRACK_PROCFS and for services
 * that see only part of /proc. Part of daemon/table, nobody else's.
 */

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
