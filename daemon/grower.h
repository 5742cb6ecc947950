/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTW_GROWER_H
#define CTW_GROWER_H

/*
 * The manager's hand for growth: gathers what the decision needs to know of the machine, writes
 * the limits, and keeps them over a boot.
 */

#include <stdbool.h>
#include <systemd/sd-event.h>

#include "../lib/growth.h"

struct ctw_grower;

/**
 * ctw_grower_new() - reads what was kept, writes nothing
 * @root:     must outlive it
 * @initial:  whether the table is that of the initial network namespace
 *
 * Return: 0, -ENOMEM, -ENAMETOOLONG.
 */
int ctw_grower_new(sd_event *event, const char *root, bool initial, struct ctw_grower **ret);
struct ctw_grower *ctw_grower_free(struct ctw_grower *g);

/**
 * ctw_grower_look() - the facts for this look
 * @present:  whether there is a table
 *
 * Nothing is done while growth is off. When it has just been switched on, and when a table has just
 * appeared, a write of the present limit tells whether it can work; where it cannot, that is tried
 * again once a minute. In a dry run nothing is ever written.
 */
void ctw_grower_look(struct ctw_grower *g, const struct ctw_settings *s, uint64_t now_usec,
                     bool present, struct ctw_growth_facts *ret);

/** ctw_grower_write() - carry out a decision */
void ctw_grower_write(struct ctw_grower *g, const struct ctw_growth_decision *d,
                      struct ctw_growth_outcome *ret);

/** ctw_grower_keep() - keep these limits over a boot; never waits for a disk */
void ctw_grower_keep(struct ctw_grower *g, const struct ctw_kept *l);

/**
 * ctw_grower_forget() - for ctwatchd --forget-limits: put back what was there before the first
 * growth, and drop what was kept; says what it does on standard output, and why not on stderr
 *
 * Return: 0 or a negative errno.
 */
int ctw_grower_forget(const char *root);

#endif
