/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTW_WALK_H
#define CTW_WALK_H

/*
 * The table dump: a plain one, never filtered by status, because a filter that few entries match
 * holds a CPU in one piece for 100 ms and more (net/netfilter/nf_conntrack_netlink.c,
 * ctnetlink_dump_table()). Nothing is asked for unless conntrack is there, because
 * asking would load it.
 */

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "../lib/dump.h"

struct ctw_walk;

/**
 * called once, when the walk has ended; may free it
 * @r:  0 at the end of the table or of the sample; 1 the same, but entries changed places
 *      meanwhile; -ETIMEDOUT after the time limit, with what was seen until then; another negative
 *      errno when the kernel would not go on, or not begin: -EPERM without CAP_NET_ADMIN
 */
typedef void (*ctw_walk_done_fn)(int r, void *userdata);

/**
 * ctw_walk_start() - walk in the event loop, one datagram of entries at a time
 * @entries:     how many to read before the socket is closed; 0: the whole table
 * @limit_usec:  how long it may take
 *
 * A datagram takes a fraction of a millisecond, but where another network namespace holds most of
 * the machine's entries the kernel searches all of them for ours in one piece: do not walk there.
 *
 * Return: 0; a negative errno when it could not be begun, and @done is not called: -ENOENT when
 * conntrack is not loaded.
 */
int ctw_walk_start(sd_event *event, uint32_t entries, uint64_t limit_usec, ctw_dump_entry_fn entry,
                   ctw_walk_done_fn done, void *userdata, struct ctw_walk **ret);

/** ctw_walk_free() - also ends a running one, without calling done */
struct ctw_walk *ctw_walk_free(struct ctw_walk *w);

/* How a walk went. */
struct ctw_walk_end {
    bool whole;       /* the end of the table was reached */
    bool interrupted; /* entries changed places meanwhile: some may be missing, or counted twice */
    bool timed_out;
};

/**
 * ctw_walk_now() - walk at once, for the command line: blocks
 * @limit_usec:  how long it may take; 0: as long as it takes
 * @ret:         set only on success
 *
 * Return: 0, also after the time limit; otherwise as ctw_walk_start() and what @done is told.
 */
int ctw_walk_now(uint32_t entries, uint64_t limit_usec, ctw_dump_entry_fn entry, void *userdata,
                 struct ctw_walk_end *ret);

#endif
