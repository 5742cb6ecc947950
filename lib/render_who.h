/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTW_RENDER_WHO_H
#define CTW_RENDER_WHO_H

/* Who filled the table when the daemon last asked, as /top shows it. */

#include <stddef.h>
#include <stdint.h>

#include "snapshot.h"

/* Room for the longest of either. */
#define CTW_RENDER_WHO_MAX 16384

/**
 * ctw_render_who_text() - lines of at most 80 columns
 * @p:         checked
 * @now_usec:  of the monotonic clock
 * @buffer:    where to; always NUL-terminated
 * @size:      bytes in @buffer
 *
 * Return: bytes the whole text has, without the NUL, whether or not it fitted.
 */
size_t ctw_render_who_text(const struct ctw_snapshot *p, uint64_t now_usec, char *buffer,
                           size_t size);

/**
 * ctw_render_who_json() - one object
 *
 * Return: bytes the whole text has, without the NUL; 0 when there was no memory.
 */
size_t ctw_render_who_json(const struct ctw_snapshot *p, uint64_t now_usec, char *buffer,
                           size_t size);

#endif
