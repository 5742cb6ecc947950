/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/kernel/losses.h"

#include <stddef.h>

#define NEARLY_FULL_PERMYRIAD 9500u

static uint64_t plus(uint64_t a, uint64_t b) {
    return b > UINT64_MAX - a ? UINT64_MAX : a + b;
}

static uint64_t less(uint64_t from, uint64_t what) {
    return from > what ? from - what : 0;
}

bool ctw_losses_any(const struct ctw_losses *l) {
    return (l->drops | l->other_drops | l->early_drops | l->clashes | l->chain_too_long |
            l->log_lines) != 0;
}

uint64_t ctw_losses_drops(const struct ctw_losses *l) {
    return plus(l->drops, l->other_drops);
}

static void combine(struct ctw_losses *a, const struct ctw_losses *b,
                    uint64_t (*of)(uint64_t, uint64_t)) {
    a->drops = of(a->drops, b->drops);
    a->other_drops = of(a->other_drops, b->other_drops);
    a->early_drops = of(a->early_drops, b->early_drops);
    a->clashes = of(a->clashes, b->clashes);
    a->chain_too_long = of(a->chain_too_long, b->chain_too_long);
    a->log_lines = of(a->log_lines, b->log_lines);
}

void ctw_losses_add(struct ctw_losses *sum, const struct ctw_losses *more) {
    combine(sum, more, plus);
}

void ctw_losses_sub(struct ctw_losses *sum, const struct ctw_losses *part) {
    combine(sum, part, less);
}

/* A column counts up modulo 2^32, and never by half of that between two polls. */
static uint32_t moved_by(uint32_t before, uint32_t now) {
    const uint32_t difference = now - before;

    return difference <= INT32_MAX ? difference : now;
}

struct ctw_losses ctw_losses_between(const struct ctw_counters *before,
                                     const struct ctw_counters *now) {
    const uint64_t drop = moved_by(before->drop, now->drop);
    const uint64_t insert_failed = moved_by(before->insert_failed, now->insert_failed);
    const uint64_t chain_too_long = moved_by(before->chainlength, now->chainlength);
    const uint64_t clashes = less(insert_failed, chain_too_long);

    return (struct ctw_losses){
        .drops = less(drop, clashes),
        .early_drops = moved_by(before->early_drop, now->early_drop),
        .clashes = clashes,
        .chain_too_long = chain_too_long,
    };
}

static uint32_t lines_naming(const struct ctw_log_counts *log, uint64_t inode) {
    for (uint32_t i = 0; i < log->n_netns; i++)
        if (log->netns[i].inode == inode)
            return log->netns[i].lines;
    return 0;
}

struct ctw_losses ctw_losses_since(const struct ctw_sample *before, const struct ctw_sample *now,
                                   const struct ctw_log_counts *log, uint64_t inode,
                                   uint32_t *ret_unnamed) {
    struct ctw_losses ret = {0};

    if (before && now && before->has_counters && now->has_counters)
        ret = ctw_losses_between(&before->counters, &now->counters);
    ret.log_lines = lines_naming(log, inode);
    *ret_unnamed = 0;
    if (ret.drops == 0 && log->full_lines == 0)
        return ret; /* nothing depends on the fill */

    /* The kernel evicts only to make room in a full table. */
    const bool full = !now || ctw_nearly_full(now->count, now->max) ||
                      (before && ctw_nearly_full(before->count, before->max)) ||
                      ret.early_drops > 0 || ret.log_lines > 0;
    if (full)
        ret.log_lines += log->full_lines;
    else {
        *ret_unnamed = log->full_lines;
        ret.other_drops = ret.drops;
        ret.drops = 0;
    }
    return ret;
}

bool ctw_nearly_full(uint32_t count, uint32_t max) {
    return max > 0 && (uint64_t)count * CTW_PERMYRIAD >= (uint64_t)max * NEARLY_FULL_PERMYRIAD;
}
