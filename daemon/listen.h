/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTW_LISTEN_H
#define CTW_LISTEN_H

/* Sockets to be reached at: those that systemd passes, and those of one's own. */

#include <stddef.h>

/* Room for an address and a port as people write them: "[2001:db8::1%eth0]:9817". */
#define CTW_LISTEN_NAME_MAX 96

/**
 * ctw_listen_passed() - those of systemd
 * @ret:  descriptors; room for @max
 *
 * Return: how many; -ENOTSOCK: one is no stream socket that listens; -E2BIG: more than @max; or
 * another negative errno.
 */
int ctw_listen_passed(int *ret, size_t max);

/**
 * ctw_listen_at() - one of our own
 * @where:  "127.0.0.1:9817", "[::1]:9817", both numbers; "[::]:9817" is all addresses, IPv4, too.
 * An address that the machine does not have yet is all right.
 *
 * Return: a descriptor; -EINVAL: this is no address and port; -EADDRINUSE; or another negative
 * errno.
 */
int ctw_listen_at(const char *where);

/** ctw_listen_name() - where @fd listens, in the form that ctw_listen_at() takes */
void ctw_listen_name(int fd, char ret[static CTW_LISTEN_NAME_MAX]);

#endif
