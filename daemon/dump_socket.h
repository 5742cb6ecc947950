/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTW_DUMP_SOCKET_H
#define CTW_DUMP_SOCKET_H

/* The socket a table dump comes through. Part of daemon/walk, nobody else's. */

#include <libmnl/libmnl.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

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
