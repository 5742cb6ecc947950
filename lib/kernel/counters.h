/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The kernel's conntrack counters, from /proc or from netlink. */

#include <stddef.h>

#include "lib/kernel/sample.h"

/**
 * ctw_counters_parse() - read /proc/net/stat/nf_conntrack (or ip_conntrack)
 * @ret:  the columns summed over all lines
 *
 * Columns are found by their name in the header line, because their order and number differ between
 * kernels. A column that the kernel lacks reads as 0.
 *
 * Return: 0; -EBADMSG when the header has no `drop` column, when no line follows, or when a line is
 * truncated or holds anything but hexadecimal numbers.
 */
int ctw_counters_parse(const char *text, size_t length, struct ctw_counters *ret);

/**
 * ctw_counters_parse_entries() - the same, with the count of the namespace
 * @ret_entries:  what each line repeats in its column `entries`
 *
 * Return: as ctw_counters_parse(); -EBADMSG without that column.
 */
int ctw_counters_parse_entries(const char *text, size_t length, struct ctw_counters *ret,
                               uint32_t *ret_entries);

/**
 * ctw_counters_add_netlink() - add one ctnetlink statistics message (one CPU)
 * @message:  a netlink message of type IPCTNL_MSG_CT_GET_STATS_CPU, header included, at an address
 *            divisible by four
 * @sum:      64 bits wide
 *
 * Unknown attributes are ignored. One of the wrong size is an error, and nothing is added.
 *
 * Return: 0; -EBADMSG when the message is malformed.
 */
int ctw_counters_add_netlink(const void *message, size_t length, struct ctw_counters *sum);
