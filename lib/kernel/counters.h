/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTW_LIB_KERNEL_COUNTERS_H
#define CTW_LIB_KERNEL_COUNTERS_H

/*
 * The kernel's conntrack statistics, from either of their two notations, and the arithmetic on
 * them.
 */

#include <stddef.h>
#include <stdint.h>

#include "lib/kernel/sample.h"

/**
 * ctw_counters_parse() - read /proc/net/stat/nf_conntrack (or ip_conntrack)
 * @text:    as read
 * @length:  bytes read
 * @ret:     the columns summed over all lines
 *
 * Columns are found by their name in the header line, since their order and number differ between
 * kernels; one that the kernel lacks reads as 0. `entries` repeats a total on each line and is
 * not read at all.
 *
 * Return: 0; -EBADMSG when there is no header with a `drop` column, when no line follows, or when
 * a line is cut short or holds anything but hexadecimal numbers.
 */
int ctw_counters_parse(const char *text, size_t length, struct ctw_counters *ret);

/**
 * ctw_counters_add_netlink() - add one ctnetlink statistics message (one CPU)
 * @message:  a netlink message of type IPCTNL_MSG_CT_GET_STATS_CPU, header included, at an address
 *            divisible by four
 * @length:   bytes in @message
 * @sum:      what it is added to, modulo 2^32
 *
 * Unknown attributes are passed over; one of the wrong size is an error and adds nothing.
 *
 * Return: 0; -EBADMSG when the message is malformed.
 */
int ctw_counters_add_netlink(const void *message, size_t length, struct ctw_counters *sum);

#endif
