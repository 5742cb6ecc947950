/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTW_DAEMON_SYS_STDIO_H
#define CTW_DAEMON_SYS_STDIO_H

#include <stddef.h>

/**
 * ctw_reserve_stdio() - occupy each of descriptors 0 to 2 that is closed
 *
 * Otherwise the next file or socket gets the number, and what is meant for stderr is written into
 * it. Reading and writing goes on to fail (EBADF), so that lost output is noticed.
 *
 * Return: 0 or a negative errno.
 */
int ctw_reserve_stdio(void);

/** ctw_write_if_ready() - write a line in one piece, or drop it where the reader does not read */
void ctw_write_if_ready(int fd, const char *line, size_t length);

#endif
