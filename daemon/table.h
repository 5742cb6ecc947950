/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTW_TABLE_H
#define CTW_TABLE_H

/*
 * One conntrack table, that of one network namespace, as /proc shows it.
 *
 * Descriptors stay open between looks and are read with pread(): two reads of a microsecond in
 * all, against four for opening anew. They keep showing the namespace they were opened in, and
 * answer ENOENT when it, or the module, is gone; then every further look opens anew.
 */

#include "../lib/alert.h"
#include "../lib/sample.h"

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
 * ctw_table_look() - read count and max
 * @sample:  count and max are set when @state says OK; the has_ flags are cleared
 * @state:   OK; ABSENT while the module is not loaded; FAILED with the file and why
 */
void ctw_table_look(struct ctw_table *t, struct ctw_sample *sample, struct ctw_source_state *state);

/**
 * ctw_table_look_counters() - read buckets and counters as well, into the same sample
 * @state:  of CTW_SOURCE_COUNTERS; buckets a kernel does not show are no failure
 */
void ctw_table_look_counters(struct ctw_table *t, struct ctw_sample *sample,
                             struct ctw_source_state *state);

#endif
