/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/kernel/losses.h"

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

/* How far a sum of columns moved, each of which wraps at 2^32. Return: false when it went back by
 * more than columns that wrap explain. */
static bool moved_by(uint64_t before, uint64_t now, uint64_t *ret) {
    *ret = now >= before ? now - before : (uint32_t)(now - before);
    return now >= before || *ret <= INT32_MAX;
}

/* The columns of @ret as they moved since @before. */
static void subtract(const struct ctw_counters *before, const struct ctw_counters *now,
                     struct ctw_counters *ret) {
    *ret = (struct ctw_counters){0};
    if (before->cpus != 0 && now->cpus != 0 && before->cpus != now->cpus)
        return;
    if (!moved_by(before->drop, now->drop, &ret->drop) ||
        !moved_by(before->early_drop, now->early_drop, &ret->early_drop) ||
        !moved_by(before->insert_failed, now->insert_failed, &ret->insert_failed) ||
        !moved_by(before->chainlength, now->chainlength, &ret->chainlength))
        *ret = *now;
}

struct ctw_losses ctw_losses_between(const struct ctw_counters *before,
                                     const struct ctw_counters *now,
                                     const struct ctw_release *release) {
    struct ctw_counters moved;

    subtract(before, now, &moved);
    const uint64_t clashes = less(moved.insert_failed, moved.chainlength);
    const bool both = release ? release->insert_failed_in_drop : moved.drop >= clashes;

    return (struct ctw_losses){
        .drops = both ? less(moved.drop, clashes) : moved.drop,
        .early_drops = moved.early_drop,
        .clashes = clashes,
        .chain_too_long = moved.chainlength,
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
                                   const struct ctw_release *release, uint32_t *ret_unnamed) {
    struct ctw_losses ret = {0};

    if (before && now && before->has_counters && now->has_counters)
        ret = ctw_losses_between(&before->counters, &now->counters, release);
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

struct ctw_losses ctw_losses_total(const struct ctw_sample *now,
                                   const struct ctw_release *release) {
    static const struct ctw_sample zero = {.has_counters = true};
    static const struct ctw_log_counts no_log;
    uint32_t unnamed;

    return ctw_losses_since(&zero, now, &no_log, 0, release, &unnamed);
}

bool ctw_nearly_full(uint32_t count, uint32_t max) {
    return max > 0 && (uint64_t)count * CTW_PERMYRIAD >= (uint64_t)max * NEARLY_FULL_PERMYRIAD;
}
