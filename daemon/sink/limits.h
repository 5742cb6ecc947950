/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTW_DAEMON_SINK_LIMITS_H
#define CTW_DAEMON_SINK_LIMITS_H

/*
 * Writes nf_conntrack_max and nf_conntrack_buckets, and reads back what came of it.
 *
 * A sysctl file must be written at offset 0 (with sysctl_writes_strict, a write further on succeeds
 * and changes nothing) and without a leading zero (which makes it octal), so each write opens anew.
 */

#include <stdbool.h>
#include <systemd/sd-event.h>

#include "lib/sizing/growth.h"

/**
 * ctw_limit_files - where the limits are
 *
 * A value without resources: only @root is remembered, which must outlive it.
 */
struct ctw_limit_files {
    const char *root;         /* "" for this machine */
    const char *max_path;     /* of the last write, or else the newest kernels' */
    const char *buckets_path; /* likewise */
};

/** ctw_limit_files_init() - nothing is opened */
void ctw_limit_files_init(struct ctw_limit_files *l, const char *root);

/**
 * ctw_limit_files_test() - whether max can be written: writes the value that it has
 * @initial:   whether this is the initial network namespace
 * @reterror:  negative errno when DENIED, otherwise 0
 *
 * Return: UNKNOWN while the file is not there.
 */
enum ctw_permission ctw_limit_files_test(struct ctw_limit_files *l, bool initial, int *reterror);

/**
 * ctw_limit_files_write() - carry out a decision
 * @d:    new_max and new_buckets, each 0 to leave it
 * @ret:  always set
 *
 * max goes first, since it is the one that is urgent. When it no longer is what the decision was
 * based on, nothing is written (max_error -EAGAIN).
 */
void ctw_limit_files_write(struct ctw_limit_files *l, const struct ctw_growth_decision *d,
                           struct ctw_growth_outcome *ret);

/**
 * ctw_limit_files_restore() - set both to these, lower or not; a 0 leaves it
 * @retmax, @retbuckets:  what they were before
 *
 * Return: 0 or a negative errno.
 */
int ctw_limit_files_restore(struct ctw_limit_files *l, uint32_t max, uint32_t buckets,
                            uint32_t *retmax, uint32_t *retbuckets);

/*
 * The manager's hand for growth: gathers what the decision needs to know of the machine, writes
 * the limits, and keeps them over a boot.
 */

struct ctw_limits;

/**
 * ctw_limits_new() - reads what was kept, writes nothing
 * @root:     must outlive it
 * @initial:  whether the table is that of the initial network namespace
 *
 * Return: 0, -ENOMEM, -ENAMETOOLONG.
 */
int ctw_limits_new(sd_event *event, const char *root, bool initial, struct ctw_limits **ret);
struct ctw_limits *ctw_limits_free(struct ctw_limits *g);

/**
 * ctw_limits_facts() - the facts for this look
 * @present:  whether there is a table
 *
 * Nothing is done while growth is off. When it has just been switched on, and when a table has just
 * appeared, a write of the present limit tells whether it can work; where it cannot, that is tried
 * again once a minute. In a dry run nothing is ever written.
 */
void ctw_limits_facts(struct ctw_limits *g, const struct ctw_settings *s, uint64_t now_usec,
                      bool present, struct ctw_growth_facts *ret);

/** ctw_limits_write() - carry out a decision */
void ctw_limits_write(struct ctw_limits *g, const struct ctw_growth_decision *d,
                      struct ctw_growth_outcome *ret);

/** ctw_limits_save() - keep these limits over a boot; never waits for a disk */
void ctw_limits_save(struct ctw_limits *g, const struct ctw_saved_limits *l);

/**
 * ctw_limits_forget() - for ctwatchd --forget-limits: put back what was there before the first
 * growth, and drop what was kept; says what it does on standard output, and why not on stderr
 *
 * Return: 0 or a negative errno.
 */
int ctw_limits_forget(const char *root);

#endif
