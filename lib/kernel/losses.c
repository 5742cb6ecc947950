/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/kernel/losses.h"

#include <stddef.h>

#define NEARLY_FULL_PERMYRIAD 9500u

bool ctw_nearly_full(const struct ctw_sample *sample) {
    return ctw_nearly_full_with(sample->count, sample->max);
}

bool ctw_nearly_full_with(uint32_t count, uint32_t max) {
    return max > 0 && (uint64_t)count * CTW_PERMYRIAD >= (uint64_t)max * NEARLY_FULL_PERMYRIAD;
}

static uint32_t lines_naming(const struct ctw_log_counts *log, uint64_t inode) {
    for (uint32_t i = 0; i < log->n_netns; i++)
        if (log->netns[i].inode == inode)
            return log->netns[i].lines;
    return 0;
}

struct ctw_attribution ctw_attribute(const struct ctw_sample *before, const struct ctw_sample *now,
                                     const struct ctw_log_counts *log, uint64_t inode) {
    struct ctw_attribution ret = {.own_lines = lines_naming(log, inode)};
    struct ctw_losses losses = {0};

    if (before && now && before->has_counters && now->has_counters)
        losses = ctw_losses_between(&before->counters, &now->counters);
    ret.early_drops = losses.early_drops;
    ret.clashes = losses.clashes;
    ret.chain_too_long = losses.chain_too_long;

    if (losses.drops == 0 && log->full_lines == 0)
        return ret; /* nothing that depends on it */

    /* The kernel evicts only to make room in a full table. */
    const bool full = !now || ctw_nearly_full(now) || (before && ctw_nearly_full(before)) ||
                      losses.early_drops > 0 || ret.own_lines > 0;
    if (full) {
        ret.own_lines += log->full_lines;
        ret.full_drops = losses.drops;
    } else {
        ret.unnamed_lines = log->full_lines;
        ret.other_drops = losses.drops;
    }
    return ret;
}
