/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The limits that survive a boot, and the file that holds them:
 *
 *   ctwatch-limits 1
 *   before 65536 65536
 *   grown 1048576 262144
 *
 * Each pair is nf_conntrack_max and nf_conntrack_buckets. Release 0.1.0 wrote a fourth line, "end"
 * and a checksum in eight hexadecimal digits: it is read and ignored.
 */

#include <stddef.h>
#include <stdint.h>

/* Longest text, with its NUL. */
#define CTW_SAVED_LIMITS_TEXT_MAX 160

struct ctw_saved_limits {
    uint32_t before_max, before_buckets; /* before the first growth; 0 buckets: unknown */
    uint32_t max, buckets;               /* after the last growth */
};

/** ctw_saved_limits_print() - as text. Return: bytes written, without the NUL. */
size_t ctw_saved_limits_print(const struct ctw_saved_limits *l,
                              char ret[static CTW_SAVED_LIMITS_TEXT_MAX]);

/**
 * ctw_saved_limits_parse() - from text
 * @length:  bytes in @text, which needs no NUL
 *
 * Return: 0; -EPROTONOSUPPORT for another version; -EBADMSG for any other text, and for limits that
 * are 0, above what the kernel takes, or lower than before.
 */
int ctw_saved_limits_parse(const char *text, size_t length, struct ctw_saved_limits *ret);
