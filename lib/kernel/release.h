/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTW_LIB_KERNEL_RELEASE_H
#define CTW_LIB_KERNEL_RELEASE_H

/* What the kernel's release tells of its hash table. */

#include <stdint.h>

/**
 * ctw_release_entries_per_bucket() - how many entries a bucket can hold before some are refused
 * @osrelease:  /proc/sys/kernel/osrelease, "6.1.0-56-cloud-amd64"
 * @version:    /proc/sys/kernel/version, "#1 SMP PREEMPT_DYNAMIC Debian 6.1.172-1 (2026-01-01)"
 * @signature:  /proc/version_signature, "Ubuntu 5.15.0-91.101-generic 5.15.131"
 *
 * Each NUL-terminated, "" where there is none. Distributions freeze the number in osrelease, so
 * the stable release is taken from where they put it. A release that cannot be read is taken to be
 * an unfortunate one.
 *
 * Since Linux 5.15 a chain that has grown too long takes no more entries. The limit was first
 * drawn from 8 to 32, so that it is met below one entry a bucket, and since 6.3 (6.2.7, 6.1.20,
 * 5.15.103; c77737b736ce) from 50 to 80, which 8 entries a bucket do not meet.
 *
 * Return: 8, or 1.
 */
uint32_t ctw_release_entries_per_bucket(const char *osrelease, const char *version,
                                        const char *signature);

#endif
