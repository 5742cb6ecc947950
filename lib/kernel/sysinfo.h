/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTW_LIB_KERNEL_SYSINFO_H
#define CTW_LIB_KERNEL_SYSINFO_H

/* How much memory there is: /proc/meminfo. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ctw_memory {
    uint64_t total_bytes; /* 0: not known */
    bool has_available;
    uint64_t available_bytes; /* what could be had without swapping */
};

/**
 * ctw_memory_parse() - read /proc/meminfo
 * @text:    as read, need not be NUL-terminated; may be cut short after the lines wanted
 * @length:  bytes in @text
 * @ret:     the memory
 *
 * MemAvailable came with Linux 3.14; before, MemFree stands for it, which is less.
 *
 * Return: 0; -EBADMSG when MemTotal is missing or no number, or MemAvailable is no number.
 */
int ctw_memory_parse(const char *text, size_t length, struct ctw_memory *ret);

#endif
