/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTW_TIMESTAMP_H
#define CTW_TIMESTAMP_H

/* Moments, as RFC 3339 or as seconds since 1970. */

#include <stddef.h>
#include <stdint.h>

/* Room for "2026-11-22T10:00:01.250Z" and its NUL. */
#define CTW_TIMESTAMP_SIZE 25

/* The last one there is: the end of the year 9999. */
#define CTW_TIMESTAMP_LAST_USEC UINT64_C(253402300799999999)

/**
 * ctw_timestamp_parse() - read "2026-11-22T10:00:01.25Z", "2026-11-22 11:00:01+01:00" or
 * "1795341601.25"
 * @text:    need not be NUL-terminated
 * @length:  bytes in @text, all of them the time
 * @ret:     microseconds since 1970, in UTC; digits beyond are cut off
 *
 * Return: 0; -EINVAL when it is of neither form; -ERANGE when it is no day of the calendar, or
 * outside of 1970 to 9999.
 */
int ctw_timestamp_parse(const char *text, size_t length, uint64_t *ret);

/**
 * ctw_timestamp_print() - "2026-11-22T10:00:01.250Z", cut off to milliseconds
 * @usec:  since 1970, in UTC, at most CTW_TIMESTAMP_LAST_USEC
 */
void ctw_timestamp_print(uint64_t usec, char ret[static CTW_TIMESTAMP_SIZE]);

#endif
