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
    bool estimated;           /* available_bytes is: the kernel prints no MemAvailable */
};

/**
 * ctw_memory_parse() - read /proc/meminfo
 * @text:    the file, not NUL-terminated; it may be cut off behind the lines that are read
 * @length:  bytes in @text
 *
 * MemAvailable came with Linux 3.14. Before, it is estimated: MemFree, and what the kernel frees
 * when it needs room, Cached without Shmem, and SReclaimable. Missing lines are 0.
 *
 * Return: 0; -EBADMSG when MemTotal is missing, or one of these lines has no number.
 */
int ctw_memory_parse(const char *text, size_t length, struct ctw_memory *ret);
