/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTW_DAEMON_SOURCE_DUMP_H
#define CTW_DAEMON_SOURCE_DUMP_H

/*
 * The table dump: a plain one, never filtered by status, because a filter that few entries match
 * holds a CPU in one piece for 100 ms and more (net/netfilter/nf_conntrack_netlink.c,
 * ctnetlink_dump_table()). Nothing is asked for unless conntrack is there, because
 * asking would load it.
 */

#include <libmnl/libmnl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <systemd/sd-event.h>

#include "lib/kernel/flow.h"

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

/* The socket a table dump comes through. Part of daemon/walk, nobody else's. */

/* The kernel fills datagrams of a dump up to what the reader has room for, and never beyond this.
 */
#define CTW_DUMP_DATAGRAM_MAX 32768

/**
 * ctw_dump_socket_new() - ask for the table of the caller's network namespace
 * @flags:     SOCK_NONBLOCK or 0
 * @sequence:  that the answer will carry
 *
 * Return: 0; -ENOENT when conntrack is not loaded, which asking would change; -errno
 */
int ctw_dump_socket_new(int flags, uint32_t sequence, struct mnl_socket **ret);
struct mnl_socket *ctw_dump_socket_free(struct mnl_socket *s);

/**
 * ctw_dump_socket_receive() - one datagram of the kernel's
 * @size:  at least CTW_DUMP_DATAGRAM_MAX
 *
 * Return: its bytes; 0 when there was none, but there may yet be; -EMSGSIZE when it was cut off;
 * -errno, -EAGAIN among them. After any but -EAGAIN nothing more will come.
 */
ssize_t ctw_dump_socket_receive(struct mnl_socket *s, void *buffer, size_t size);

#endif
