/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * What ctnetlink dumps of the caller's network namespace: the entries of its table, and the
 * per-CPU counters.
 *
 * The daemon dumps the table unfiltered: a filter that few entries of a large table match holds a
 * CPU for 100 ms and more (ctnetlink_dump_table() in net/netfilter/nf_conntrack_netlink.c). Where
 * conntrack is not loaded nothing is requested, because the request would load it.
 */

#include <libmnl/libmnl.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <systemd/sd-event.h>

#include "lib/filter/filter.h"
#include "lib/kernel/flow.h"
#include "lib/kernel/sample.h"
#include "lib/util/units.h"

struct ctw_walk;

/* How a walk ended. */
struct ctw_walk_end {
    bool whole;       /* the end of the table was reached */
    bool interrupted; /* entries moved meanwhile: some may be missing or counted twice */
    bool timed_out;   /* after the time limit */
};

/**
 * called once, when the walk has ended; may free it
 * @r:    0, also after the time limit; a negative errno when the kernel refused: -EPERM without
 *        CAP_NET_ADMIN
 * @end:  valid when @r is 0
 */
typedef void (*ctw_walk_done_fn)(int r, const struct ctw_walk_end *end, void *userdata);

/**
 * ctw_walk_start() - read entries in the event loop, one datagram at a time
 * @entries:     how many to read; 0: the whole table
 * @limit_usec:  how long it may take
 *
 * A datagram takes a fraction of a millisecond. But where another network namespace holds most of
 * the machine's entries, the kernel searches all of them for ours in one go: do not walk there.
 *
 * Return: 0; a negative errno when it could not start, and @done is not called: -ENOENT when
 * conntrack is not loaded.
 */
int ctw_walk_start(sd_event *event, uint32_t entries, uint64_t limit_usec, ctw_dump_entry_fn entry,
                   ctw_walk_done_fn done, void *userdata, struct ctw_walk **ret);

/** ctw_walk_free() - also ends a running one, without calling done */
struct ctw_walk *ctw_walk_free(struct ctw_walk *w);

/**
 * ctw_walk_now() - read entries for the command line; blocks
 * @limit_usec:  how long it may take; 0: no limit, but -ETIMEDOUT after ten silent seconds
 * @ret:         set only on success
 *
 * Return: as ctw_walk_start(), and @r of @done.
 */
int ctw_walk_now(uint32_t entries, uint64_t limit_usec, ctw_dump_entry_fn entry, void *userdata,
                 struct ctw_walk_end *ret);

/* What ctw_walk_messages() reads. */
enum ctw_walk_of { CTW_WALK_ENTRIES, CTW_WALK_EXPECTATIONS };

/**
 * ctw_walk_messages() - read the kernel's own messages for the command line; blocks
 * @filter:   sent with the request, for the kernel to check; NULL: none. The kernel may ignore any
 *            part of it. Only for small tables: see ctw_filter_for_kernel().
 * @message:  called for each message. To end early, after a signal as well, it returns 1.
 *
 * Return: as ctw_walk_now(); a negative errno of @message.
 */
int ctw_walk_messages(enum ctw_walk_of of, const struct ctw_filter_kernel *filter,
                      ctw_dump_message_fn message, void *userdata, struct ctw_walk_end *ret);

/* The longest that ctw_dump_counters() takes. The kernel answers within the system call, so only a
 * fault takes longer. */
#define CTW_DUMP_COUNTERS_USEC (100 * CTW_USEC_PER_MSEC)

/**
 * ctw_dump_counters() - the counters, for kernels without CONFIG_NF_CONNTRACK_PROCFS and services
 * that see only part of /proc
 * @ret:  the sum over all CPUs; set only on success
 *
 * Return: 0; -ENOENT when conntrack is not loaded; -EPERM without CAP_NET_ADMIN; -ETIMEDOUT;
 * another negative errno, such as -EBADMSG when the answer is malformed.
 */
int ctw_dump_counters(struct ctw_counters *ret);

/* --- sockets, of dumps and of subscriptions --------------------------------------------------- */

/**
 * ctw_netlink_open() - open a socket, and join groups
 * @flags:         SOCK_NONBLOCK or 0
 * @groups:        NF_NETLINK_* of nfnetlink_compat.h; 0: none. Joining loads nf_conntrack_netlink.
 * @buffer_bytes:  room for what has not been read yet, set before the first message can arrive; 0:
 *                 the system's default
 * @retgranted_bytes:  the room that the kernel grants; NULL: not asked for
 * @ret:           set only on success
 *
 * Return: 0 or a negative errno: -EPERM without CAP_NET_ADMIN, when there are groups.
 */
int ctw_netlink_open(int flags, unsigned groups, uint64_t buffer_bytes, uint64_t *retgranted_bytes,
                     struct mnl_socket **ret);

/** ctw_netlink_close() - also NULL. Return: NULL. */
struct mnl_socket *ctw_netlink_close(struct mnl_socket *s);

/** ctw_netlink_resize() - change the room. Return: the bytes that the kernel grants. */
uint64_t ctw_netlink_resize(struct mnl_socket *s, uint64_t bytes);

/**
 * ctw_netlink_receive() - read one datagram of the kernel's
 *
 * Return: its bytes; 0 when it is to be passed over; -EAGAIN when there is none yet; -EMSGSIZE when
 * it was cut off; another negative errno. After any error but -EAGAIN nothing more will come.
 */
ssize_t ctw_netlink_receive(struct mnl_socket *s, void *buffer, size_t size);

/**
 * ctw_netlink_dropped() - the messages dropped for want of room since the socket was opened
 * @ret:  modulo 2^32
 *
 * The kernel counts each (netlink_overrun() in net/netlink/af_netlink.c), but returns ENOBUFS once
 * for all of them. A message that a socket filter refuses is not counted.
 *
 * Return: 0; -ENOPROTOOPT before Linux 4.12; -EBADF when the socket was closed under us.
 */
int ctw_netlink_dropped(struct mnl_socket *s, uint32_t *ret);
