/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTW_LIMITER_H
#define CTW_LIMITER_H

/*
 * Writes nf_conntrack_max and nf_conntrack_buckets, and reads back what came of it.
 *
 * A sysctl file must be written at offset 0 (with sysctl_writes_strict, a write further on succeeds
 * and changes nothing) and without a leading zero (which makes it octal), so each write opens anew.
 */

#include "../lib/growth.h"

/**
 * ctw_limiter - where the limits are
 *
 * A value without resources: only @root is remembered, which must outlive it.
 */
struct ctw_limiter {
    const char *root;         /* "" for this machine */
    const char *max_path;     /* of the last write, or else the newest kernels' */
    const char *buckets_path; /* likewise */
};

/** ctw_limiter_init() - nothing is opened */
void ctw_limiter_init(struct ctw_limiter *l, const char *root);

/**
 * ctw_limiter_test() - whether max can be written: writes the value that it has
 * @initial:   whether this is the initial network namespace
 * @reterror:  negative errno when DENIED, otherwise 0
 *
 * Return: UNKNOWN while the file is not there.
 */
enum ctw_permission ctw_limiter_test(struct ctw_limiter *l, bool initial, int *reterror);

/**
 * ctw_limiter_write() - carry out a decision
 * @d:    new_max and new_buckets, each 0 to leave it
 * @ret:  always set
 *
 * max goes first, since it is the one that is urgent. When it no longer is what the decision was
 * based on, nothing is written (max_error -EAGAIN).
 */
void ctw_limiter_write(struct ctw_limiter *l, const struct ctw_growth_decision *d,
                       struct ctw_growth_outcome *ret);

/**
 * ctw_limiter_restore() - set both to these, lower or not; a 0 leaves it
 * @retmax, @retbuckets:  what they were before
 *
 * Return: 0 or a negative errno.
 */
int ctw_limiter_restore(struct ctw_limiter *l, uint32_t max, uint32_t buckets, uint32_t *retmax,
                        uint32_t *retbuckets);

#endif
