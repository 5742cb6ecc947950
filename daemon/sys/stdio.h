/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stddef.h>

/**
 * ctw_reserve_stdio() - open /dev/null at each of descriptors 0 to 2 that is closed
 *
 * Otherwise the next file or socket gets the number, and messages for stderr go into it. Reads of
 * stdin and writes to stdout and stderr still fail with EBADF, so that lost output is noticed.
 *
 * Return: 0 or a negative errno.
 */
int ctw_reserve_stdio(void);

/** ctw_write_if_ready() - write a line in one piece, or drop it if that could block */
void ctw_write_if_ready(int fd, const char *line, size_t length);
