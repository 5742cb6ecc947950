/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTW_LIB_KERNEL_LOSSES_H
#define CTW_LIB_KERNEL_LOSSES_H

/*
 * What was lost between two looks, why, and at whose table: the counters and the kernel log put
 * side by side.
 */

#include <stdbool.h>
#include <stdint.h>

#include "lib/kernel/counters.h"
#include "lib/kernel/kmsg.h"
#include "lib/kernel/sample.h"

struct ctw_attribution {
    uint64_t full_drops;     /* new flows refused with the table full */
    uint64_t other_drops;    /* new flows refused with room in it: memory, a helper */
    uint64_t early_drops;    /* live unassured entries evicted */
    uint64_t clashes;        /* insertions refused because the tuple was taken */
    uint64_t chain_too_long; /* insertions refused because a hash chain was too long */
    uint32_t own_lines;      /* table-full lines about our table */
    uint32_t unnamed_lines;  /* table-full lines that name no namespace and are not ours */
};

/**
 * ctw_nearly_full() - whether what the kernel drops now is dropped because the table is full
 *
 * From 95 % on, the share above which its own garbage collector thinks so (nf_conntrack_max95 in
 * gc_worker(), net/netfilter/nf_conntrack_core.c): between a drop and a look the count falls a bit.
 */
bool ctw_nearly_full(const struct ctw_sample *sample);

/** ctw_nearly_full_with() - likewise, with that many entries out of @max; 0: no limit */
bool ctw_nearly_full_with(uint32_t count, uint32_t max);

/**
 * ctw_attribute() - what was lost since the last look
 * @before:  the last good look, NULL when there was none
 * @now:     this look, NULL when the table cannot be read
 * @log:     what the kernel log said in between
 * @inode:   of our own namespace
 *
 * A line that names no namespace is ours when our table shows it: up to Linux 6.16 the kernel
 * prints the same line for all of them. A table that cannot be read is taken to be the full one.
 */
struct ctw_attribution ctw_attribute(const struct ctw_sample *before, const struct ctw_sample *now,
                                     const struct ctw_log_counts *log, uint64_t inode);

#endif
