/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * One conntrack table, that of one network namespace, as /proc shows it.
 *
 * Descriptors stay open between polls and are read with pread(): two system calls of a microsecond
 * in all, against six when each poll opens the files. They keep showing the namespace they were
 * opened in. Once that, or the module, is gone, a read fails with ENOENT and each poll tries to
 * open the files again.
 */

#include "lib/kernel/sample.h"
#include "lib/watch/alert.h"

struct ctw_table;

/**
 * ctw_table_new() - the table of the calling thread's network namespace
 * @root:  "" for this machine, or the folder of a captured one, outside of which nothing is read;
 *         copied
 *
 * Nothing is opened yet. Return: 0, -ENOMEM or -ENAMETOOLONG.
 */
int ctw_table_new(const char *root, struct ctw_table **ret);
struct ctw_table *ctw_table_free(struct ctw_table *t);

/**
 * ctw_table_read() - read count and max
 * @sample:  count and max are set when @state is OK; the has_ flags are cleared
 * @state:   OK; ABSENT while the module is not loaded; FAILED with the file and the error
 */
void ctw_table_read(struct ctw_table *t, struct ctw_sample *sample,
                    struct ctw_source_health *state);

/**
 * ctw_table_read_counters() - also read buckets and counters, into the same sample
 * @state:  of CTW_SOURCE_COUNTERS; buckets that the kernel does not show are no failure
 */
void ctw_table_read_counters(struct ctw_table *t, struct ctw_sample *sample,
                             struct ctw_source_health *state);
