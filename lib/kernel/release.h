/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The one table of kernel knowledge: what conntrack takes, costs and refuses. */

#include <stdbool.h>
#include <stdint.h>

#include "lib/kernel/sample.h"

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
#define CTW_EXTENSION_BYTES   (CTW_ENTRY_BYTES - CTW_ENTRY_BYTES_LEAST)
#define CTW_BUCKET_BYTES      8u

/* Changing the buckets stops all tracked packets for this long for each entry (0.35 to 0.5 us). */
#define CTW_RESIZE_NSEC_PER_ENTRY 400u

/* Entries a bucket can hold before the kernel refuses some: with the limit of today or
 * none, and with the short one. */
#define CTW_ENTRIES_PER_BUCKET     8u
#define CTW_ENTRIES_PER_BUCKET_OLD 1u

/* What one kernel release does. */
struct ctw_release {
    uint32_t entries_per_bucket; /* a bucket can hold before some are refused: one of the above */
    bool insert_failed_in_drop;  /* a clash counts in drop too: since 4.7 */
    bool buckets_writable;       /* nf_conntrack_buckets takes writes: since 4.8 */
    bool chain_limit;            /* chains that are too long refuse entries: since 5.15 */
    bool nft_counts;             /* nftables has `ct count`: since 4.18 */
};

/**
 * ctw_release_read() - what the kernel does, by its release
 * @osrelease:  /proc/sys/kernel/osrelease, "6.1.0-56-cloud-amd64"
 * @version:    /proc/sys/kernel/version, "#1 SMP PREEMPT_DYNAMIC Debian 6.1.172-1 (2026-01-01)"
 * @signature:  /proc/version_signature, "Ubuntu 5.15.0-91.101-generic 5.15.131"
 *
 * Each is NUL-terminated, "" where the file is missing. Distributions freeze the number in
 * osrelease, so the stable release is read from the place where each of them prints it.
 *
 * Since Linux 5.15 the kernel adds no entry to a chain that is too long. The limit was first drawn
 * from 8 to 32, which tables reach below one entry a bucket; since 6.3 (6.2.7, 6.1.20, 5.15.103;
 * commit c77737b736ce) it is drawn from 50 to 80, which tables with 8 entries a bucket never reach.
 * RHEL 9 (5.14.0-...el9) and later builds of RHEL 8 (4.18.0-...el8) have it back-ported. Their
 * number does not tell which form, so both count as kernels with the short limit until the counters
 * show that there is none: ctw_release_correct(). RHEL 7, Amazon Linux 2 (4.14, 5.10), SLES and
 * Ubuntu do what their upstream number says.
 *
 * Of a release that cannot be read, each member has the value that does no harm where it is wrong:
 * the short limit, insert_failed in drop (as in each kernel of the last ten years; the other way
 * clashes would count twice) and no writable buckets (hashsize works with each kernel).
 */
void ctw_release_read(const char *osrelease, const char *version, const char *signature,
                      struct ctw_release *ret);

/**
 * ctw_release_correct() - what the counters show of the kernel, in spite of its name
 * @counters:  NULL: not known
 *
 * The commit that brought the chain limit brought the column `chainlength`, and vendors back-port
 * both: with the column there is a limit, and without it there is none.
 */
void ctw_release_correct(struct ctw_release *r, const struct ctw_counters *counters);
