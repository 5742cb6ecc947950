/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTW_LIB_SIZING_SAVED_LIMITS_H
#define CTW_LIB_SIZING_SAVED_LIMITS_H

/*
 * Limits worth keeping over a boot, and the text that they are kept as:
 *
 *   ctwatch-limits 1
 *   before 65536 65536
 *   grown 1048576 262144
 *   end 7868cea9
 *
 * Each pair is nf_conntrack_max and nf_conntrack_buckets. The last line holds the FNV-1a hash of
 * all that stands above it, so that a torn or edited file is told from a whole one.
 */

#include <stddef.h>
#include <stdint.h>

/* What nf_conntrack_max takes at most (INT_MAX), and nf_conntrack_buckets (INT_MAX / 8). */
#define CTW_MAX_LARGEST     2147483647u
#define CTW_BUCKETS_LARGEST 268435455u

/* Longest such text, its NUL included: what is longer is none. */
#define CTW_SAVED_LIMITS_TEXT_MAX 160

struct ctw_saved_limits {
    uint32_t before_max, before_buckets; /* before ctwatch first grew; 0 buckets: not known */
    uint32_t max, buckets;               /* what it grew to */
};

/**
 * ctw_saved_limits_print() - as text
 *
 * Return: bytes written, without the NUL.
 */
size_t ctw_saved_limits_print(const struct ctw_saved_limits *l,
                              char ret[static CTW_SAVED_LIMITS_TEXT_MAX]);

/**
 * ctw_saved_limits_parse() - from text
 * @length:  bytes in @text, which needs no NUL
 *
 * Return: 0; -EPROTONOSUPPORT for another version's; -EBADMSG for anything else that
 * ctw_saved_limits_print() does not print: limits of 0, above what the kernel takes, or smaller
 * than before; text that is torn or has been edited.
 */
int ctw_saved_limits_parse(const char *text, size_t length, struct ctw_saved_limits *ret);

#endif
