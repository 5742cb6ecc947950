/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTW_CHRONICLE_H
#define CTW_CHRONICLE_H

/* What the daemon tells its readers: the snapshot and the history, kept up to date look by look. */

#include "../lib/snapshot.h"

struct ctw_chronicle;

/**
 * ctw_chronicle_new() - begin
 * @directory:    where readers find it; NULL: nowhere
 * @netns, @netns_inode: of the table; @netns must outlive it
 *
 * Return: 0; -EBUSY, said on stderr, when another process publishes there; -ENOMEM.
 */
int ctw_chronicle_new(const char *directory, const char *netns, uint64_t netns_inode,
                      struct ctw_chronicle **ret);

/** ctw_chronicle_free() - says that the daemon has ended */
struct ctw_chronicle *ctw_chronicle_free(struct ctw_chronicle *c);

/** ctw_chronicle_health() - how publishing is doing: of CTW_SOURCE_STATE */
void ctw_chronicle_health(struct ctw_chronicle *c, uint64_t now_usec,
                          struct ctw_source_state *state);

/**
 * ctw_chronicle_look() - a look is over
 * @due_usec:   when it should have come
 * @next_usec:  when the next one is due
 */
void ctw_chronicle_look(struct ctw_chronicle *c, const struct ctw_settings *s,
                        const struct ctw_watch *w, const struct ctw_tick *t,
                        const struct ctw_verdict *v, uint64_t due_usec, uint64_t next_usec);

/** ctw_chronicle_said() - an alert went out */
void ctw_chronicle_said(struct ctw_chronicle *c, const struct ctw_alert *a,
                        const struct ctw_fields *f);

#endif
