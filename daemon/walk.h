/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTW_WALK_H
#define CTW_WALK_H

/*
 * The table dump: a plain one, never filtered by status, because a filter that few entries match
 * holds a CPU in one piece for 100 ms and more (net/netfilter/nf_conntrack_netlink.c,
 * ctnetlink_dump_table()).
 */

#include <stdint.h>
#include <systemd/sd-event.h>

#include "../lib/flow.h"

struct ctw_walk;

/** called for each entry of the dump */
typedef void (*ctw_walk_entry_fn)(const struct ctw_flow *flow, void *userdata);

/**
 * called once, when the walk has ended
 * @r:  0 at the end of the table or of the sample; -ETIMEDOUT after the time limit, with what was
 *      seen until then; another negative errno when nothing could be walked
 */
typedef void (*ctw_walk_done_fn)(int r, void *userdata);

/**
 * ctw_walk_start() - walk in the event loop, without ever blocking it
 * @entries:     how many to read before the socket is closed; 0: the whole table
 * @limit_usec:  how long it may take
 *
 * Return: 0; a negative errno when it could not be begun, and @done is not called.
 */
int ctw_walk_start(sd_event *event, uint32_t entries, uint64_t limit_usec, ctw_walk_entry_fn entry,
                   ctw_walk_done_fn done, void *userdata, struct ctw_walk **ret);

/** ctw_walk_free() - also ends a running one, without calling done */
struct ctw_walk *ctw_walk_free(struct ctw_walk *w);

/**
 * ctw_walk_now() - walk at once, for the command line: large buffers, blocking reads
 *
 * Return: 0, 1 when entries changed places meanwhile (NLM_F_DUMP_INTR), or a negative errno.
 */
int ctw_walk_now(uint32_t entries, ctw_walk_entry_fn entry, void *userdata);

#endif
