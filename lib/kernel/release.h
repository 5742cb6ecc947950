/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The one table of kernel knowledge: what conntrack takes, costs and refuses. */

#include <stdint.h>

/* The largest nf_conntrack_max (INT_MAX) and nf_conntrack_buckets (INT_MAX / 8) the sysctls take.
 */
#define CTW_MAX_LARGEST     2147483647u
#define CTW_BUCKETS_LARGEST 268435455u

/* The kernel rounds the number of buckets up to a multiple of this: one page of list heads. */
#define CTW_BUCKETS_ROUND 512u

/* Memory of one entry: 256 bytes of slab, and 128 of extensions as soon as a program listens for
 * conntrack events or accounting is on (NF_CT_EXT_PREALLOC). Measured over 500,000 entries as the
 * fall of MemAvailable. One bucket is a list head. */
#define CTW_ENTRY_BYTES_LEAST 256u
#define CTW_ENTRY_BYTES       384u
#define CTW_BUCKET_BYTES      8u

/* Changing the buckets stops all tracked packets for this long for each entry (0.35 to 0.5 us). */
#define CTW_RESIZE_NSEC_PER_ENTRY 400u

/* Entries a bucket can hold before the kernel refuses some, by ctw_release_entries_per_bucket(). */
#define CTW_ENTRIES_PER_BUCKET     8u
#define CTW_ENTRIES_PER_BUCKET_OLD 1u

/**
 * ctw_release_entries_per_bucket() - how many entries a bucket can hold before some are refused
 * @osrelease:  /proc/sys/kernel/osrelease, "6.1.0-56-cloud-amd64"
 * @version:    /proc/sys/kernel/version, "#1 SMP PREEMPT_DYNAMIC Debian 6.1.172-1 (2026-01-01)"
 * @signature:  /proc/version_signature, "Ubuntu 5.15.0-91.101-generic 5.15.131"
 *
 * Each is NUL-terminated, "" where the file is missing. Distributions freeze the number in
 * osrelease, so the stable release is read from the place where each of them prints it. A release
 * that cannot be read counts as one with the short limit.
 *
 * Since Linux 5.15 the kernel adds no entry to a chain that is too long. The limit was first drawn
 * from 8 to 32, which tables reach below one entry a bucket; since 6.3 (6.2.7, 6.1.20, 5.15.103;
 * commit c77737b736ce) it is drawn from 50 to 80, which tables with 8 entries a bucket never reach.
 *
 * Return: CTW_ENTRIES_PER_BUCKET or CTW_ENTRIES_PER_BUCKET_OLD.
 */
uint32_t ctw_release_entries_per_bucket(const char *osrelease, const char *version,
                                        const char *signature);
