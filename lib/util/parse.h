/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTW_LIB_UTIL_PARSE_H
#define CTW_LIB_UTIL_PARSE_H

/*
 * Bounded, locale-free reading of the few notations ctwatch meets: decimals as the kernel writes
 * them, durations and sizes as people write them. Every function reads at most the bytes it was
 * given, needs no terminating NUL unless it says so, and leaves *ret alone on failure.
 */

#include <stddef.h>
#include <stdint.h>

/**
 * ctw_text_decimal() - read an unsigned decimal that fills the whole of @text
 * @text:    the digits, nothing else: no sign, no blank, no newline
 * @length:  bytes in @text
 * @max:     the largest value allowed
 * @ret:     the value
 *
 * Return: 0; -EINVAL when empty or not all digits; -ERANGE above @max.
 */
int ctw_text_decimal(const char *text, size_t length, uint64_t max, uint64_t *ret);

/**
 * ctw_text_sysctl() - read what a /proc/sys file holding one unsigned number says
 * @text:    as read, e.g. "262144\n"
 * @length:  bytes read
 * @ret:     the value, 0 .. 4294967295
 *
 * The newline is required: the kernel always writes it, so without it the read was cut short and
 * the number may be a tenth of the true one.
 *
 * Return: 0; -EBADMSG when the text is anything but digits and one newline, or does not fit.
 */
int ctw_text_sysctl(const char *text, size_t length, uint32_t *ret);

/**
 * ctw_text_duration() - read a duration such as "250ms", "10s", "15min", "1.5h"
 * @text:  NUL-terminated; a decimal, optionally with a fraction, and a unit:
 *         us, ms, s, min, h, d; without a unit: seconds
 * @ret:   microseconds
 *
 * Return: 0; -EINVAL when it is not of that form; -ERANGE above 2^53 microseconds.
 */
int ctw_text_duration(const char *text, uint64_t *ret);

/**
 * ctw_text_size() - read a size such as "32MiB", "64KiB", "1GiB", "4096"
 * @text:  NUL-terminated; a decimal and a unit: B, KiB, MiB, GiB, TiB; without a unit: bytes
 * @ret:   bytes
 *
 * Return: 0; -EINVAL when it is not of that form; -ERANGE above 2^53 bytes.
 */
int ctw_text_size(const char *text, uint64_t *ret);

/**
 * ctw_text_percent() - read a percentage such as "75", "82.5", "75%"
 * @text:  NUL-terminated; a decimal, optionally with a fraction, and with a % behind it
 * @ret:   permyriad, 0 .. 10000
 *
 * Return: 0; -EINVAL when it is not of that form; -ERANGE above 100.
 */
int ctw_text_percent(const char *text, uint32_t *ret);

/**
 * ctw_text_number() - read a count as programs that calculate with floats write it: "123", "123.5",
 * "1.048576e+06", "NaN"
 * @text:    nothing but the number
 * @length:  bytes in @text
 * @ret:     the value; what stands behind the point is cut off
 *
 * Return: 0; -ENODATA for NaN, an infinity, or no byte at all; -EINVAL when it is not of that form,
 * or negative; -ERANGE above 2^53.
 */
int ctw_text_number(const char *text, size_t length, uint64_t *ret);

/* Moments, as RFC 3339 or as seconds since 1970. */

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
