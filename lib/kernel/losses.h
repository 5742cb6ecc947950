/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The one account of losses: what the counters and the kernel log show as lost, in the classes that
 * an operator acts upon.
 */

#include <stdbool.h>
#include <stdint.h>

#include "lib/kernel/counters.h"
#include "lib/kernel/kmsg.h"
#include "lib/kernel/release.h"
#include "lib/kernel/sample.h"

/* Each loss is counted in one class; log lines are a second, incomplete record of the same drops.
 * Sums stop at UINT64_MAX. */
struct ctw_losses {
    uint64_t drops;          /* new flows refused because the table was full */
    uint64_t other_drops;    /* new flows refused below the limit: no memory, a helper */
    uint64_t early_drops;    /* live unassured entries evicted */
    uint64_t clashes;        /* insertions refused because the tuple was taken */
    uint64_t chain_too_long; /* insertions refused because a hash chain was too long */
    uint64_t log_lines;      /* table-full lines: the kernel prints at most 10 in 5 s */
};

/** ctw_losses_any() - whether any member is above 0 */
bool ctw_losses_any(const struct ctw_losses *l);

/** ctw_losses_drops() - new flows refused, full or not: drops and other_drops */
uint64_t ctw_losses_drops(const struct ctw_losses *l);

/** ctw_losses_add() - add @more to @sum, member by member */
void ctw_losses_add(struct ctw_losses *sum, const struct ctw_losses *more);

/** ctw_losses_sub() - subtract @part from @sum, member by member, never below 0 */
void ctw_losses_sub(struct ctw_losses *sum, const struct ctw_losses *part);

/**
 * ctw_losses_between() - classify what the counters moved by
 * @release:  what the kernel counts where; NULL: not known, as in a recording
 *
 * A refusal for chain length counts in `insert_failed` and `chainlength`, but not in `drop`. A
 * clash counts in `insert_failed`, and since Linux 4.7 in `drop` too. So clashes = insert_failed -
 * chainlength, and drops = drop - clashes or, before 4.7, drop; none is ever below 0. Where the
 * release is not known, drop < clashes shows that they do not overlap. The counters do not show
 * whether the table was full: other_drops is 0, as log_lines is.
 *
 * Each CPU's column wraps at 2^32, after which the sum is lower by 2^32. When a sum went back by
 * more than that explains, to move by less than 2^31, the module was loaded anew: all columns
 * started again from 0, and have moved by what they show now. Samples of different numbers of CPUs
 * cannot be compared: nothing moved.
 */
struct ctw_losses ctw_losses_between(const struct ctw_counters *before,
                                     const struct ctw_counters *now,
                                     const struct ctw_release *release);

/**
 * ctw_losses_since() - losses at our table since the last poll
 * @before:       the last good sample, NULL when there was none
 * @now:          this sample, NULL when the table cannot be read
 * @log:          the kernel log in between
 * @inode:        of our own namespace
 * @release:      as of ctw_losses_between()
 * @ret_unnamed:  lines that name no namespace and are not about our table
 *
 * A line that names no namespace is ours when our table shows it: up to Linux 6.16 the kernel
 * prints the same line for all of them. A table that cannot be read is assumed to be the full one.
 */
struct ctw_losses ctw_losses_since(const struct ctw_sample *before, const struct ctw_sample *now,
                                   const struct ctw_log_counts *log, uint64_t inode,
                                   const struct ctw_release *release, uint32_t *ret_unnamed);

/**
 * ctw_losses_total() - losses at our table since the kernel began to count, from one sample
 *
 * Drops are those of a full table where it is nearly full now or has ever evicted an entry, since
 * the kernel does that in a full table only; else they are other_drops. Without counters: none.
 */
struct ctw_losses ctw_losses_total(const struct ctw_sample *now, const struct ctw_release *release);

/**
 * ctw_nearly_full() - whether drops at this fill are drops of a full table
 *
 * From 95 % on, the share at which the kernel's garbage collector treats the table as full
 * (nf_conntrack_max95 in gc_worker(), net/netfilter/nf_conntrack_core.c): between a drop and a poll
 * the count falls a little. @max 0 is no limit.
 */
bool ctw_nearly_full(uint32_t count, uint32_t max);
