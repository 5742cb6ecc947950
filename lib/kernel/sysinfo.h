/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The memory of the machine: /proc/meminfo. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ctw_memory {
    uint64_t total_bytes; /* 0: not known */
    bool has_available;
    uint64_t available_bytes; /* MemAvailable: free without swapping */
};

/**
 * ctw_memory_parse() - read /proc/meminfo
 * @text:    the file, not NUL-terminated; it may be cut off behind the lines that are read
 * @length:  bytes in @text
 *
 * MemAvailable came with Linux 3.14; before, the smaller MemFree is used instead.
 *
 * Return: 0; -EBADMSG when MemTotal is missing or no number, or MemAvailable is no number.
 */
int ctw_memory_parse(const char *text, size_t length, struct ctw_memory *ret);
