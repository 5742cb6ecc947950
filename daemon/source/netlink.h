/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * A netlink socket to netfilter, as dumps and subscriptions use it: the daemon's, and those of the
 * command line.
 */

#include <libmnl/libmnl.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

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
