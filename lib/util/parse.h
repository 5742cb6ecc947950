/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Numbers, quantities and timestamps as text, without the locale. Every function reads at most the
 * bytes it is given, needs no NUL unless stated, and leaves *ret unchanged on failure.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A part of a text, which loses its front as it is read. */
struct ctw_piece {
    const char *at;
    size_t length;
};

/** ctw_piece_line() - take one line off the front. Return: false at the end; a last line without a
 * newline was truncated, and is none. */
bool ctw_piece_line(struct ctw_piece *text, struct ctw_piece *ret);

/** ctw_piece_word() - take one word off the front of a line, with the blanks before it. Return:
 * false at the end. */
bool ctw_piece_word(struct ctw_piece *line, struct ctw_piece *ret);

/** ctw_piece_take() - take @literal off the front. Return: whether it was there. */
bool ctw_piece_take(struct ctw_piece *text, const char *literal);

/** ctw_piece_number() - take all digits off the front. Return: false without one, and above @max.
 */
bool ctw_piece_number(struct ctw_piece *text, uint64_t max, uint64_t *ret);

/** ctw_piece_is() - whether it is @word, and nothing else */
bool ctw_piece_is(struct ctw_piece p, const char *word);

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
 * ctw_text_sysctl() - read the contents of a /proc/sys file of one unsigned number
 * @text:    as read, e.g. "262144\n"
 * @length:  bytes read
 * @ret:     the value, 0 .. 4294967295
 *
 * The kernel ends it with a newline; a captured file may have CRLF, or neither.
 *
 * Return: 0; -EBADMSG for any other text.
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
 * ctw_text_number() - read a count in float notation: "123", "123.5", "1.048576e+06", "NaN"
 * @text:    nothing but the number
 * @length:  bytes in @text
 * @ret:     the value, cut off at the point
 *
 * Return: 0; -ENODATA for NaN, an infinity, or no byte at all; -EINVAL when it is not of that form,
 * or negative; -ERANGE above 2^53.
 */
int ctw_text_number(const char *text, size_t length, uint64_t *ret);

/* Timestamps, as RFC 3339 or as seconds since 1970. */

/* Room for "2026-11-22T10:00:01.250Z" and its NUL. */
#define CTW_TIMESTAMP_SIZE 25

/* The end of the year 9999. */
#define CTW_TIMESTAMP_LAST_USEC UINT64_C(253402300799999999)

/**
 * ctw_zone_fn() - the offset of a local time from UTC, in seconds: 3600 in Berlin in winter
 * @local_sec:  the local time, in seconds since 1970 as if it were UTC
 */
typedef int64_t ctw_zone_fn(int64_t local_sec);

/**
 * ctw_timestamp_parse() - read a time
 * @text:    "1795341601.25"; 13 digits are milliseconds; "2026-11-22T10:00:01.25Z",
 *           "2026-11-22 11:00:01+01:00"; as date(1) prints it, "Sun Nov 22 10:00:01 AM UTC 2026" or
 *           "Sun 22 Nov 2026 10:00:01 AM UTC"; need not be NUL-terminated
 * @length:  bytes in @text, all of them the time
 * @zone:    for times without a zone, or with the name of one; NULL: such times are refused
 * @ret:     microseconds since 1970, in UTC; digits beyond are cut off
 *
 * Return: 0; -EINVAL when it has none of these forms; -EREMOTE: a local time, and there is no
 * @zone; -ERANGE when the calendar has no such time, or outside 1970 to 9999.
 */
int ctw_timestamp_parse(const char *text, size_t length, ctw_zone_fn *zone, uint64_t *ret);

/**
 * ctw_timestamp_print() - "2026-11-22T10:00:01.250Z", cut off to milliseconds
 * @usec:  since 1970, in UTC, at most CTW_TIMESTAMP_LAST_USEC
 */
void ctw_timestamp_print(uint64_t usec, char ret[static CTW_TIMESTAMP_SIZE]);
