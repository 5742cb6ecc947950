/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* One sample of one conntrack table: a value, filled by daemon/source/table or a scenario. */

#include <stdbool.h>
#include <stdint.h>

#include "lib/util/units.h"

/*
 * The kernel's per-CPU statistics, summed over the CPUs.
 *
 * Each column is 32 bits wide and wraps; the sums are of 64 bits. Only the difference of two
 * samples has a meaning: ctw_losses_between().
 * Sources: /proc/net/stat/nf_conntrack (net/netfilter/nf_conntrack_standalone.c), or ctnetlink
 * IPCTNL_MSG_CT_GET_STATS_CPU where the kernel lacks that file.
 */
struct ctw_counters {
    uint64_t drop;          /* refused: table full, no memory, helper, unresolved clash */
    uint64_t early_drop;    /* live unassured entries evicted to make room */
    uint64_t insert_failed; /* refused at insertion: clash, or chain too long */
    uint64_t chainlength;   /* of these, refused because a hash chain was too long */
    uint32_t cpus;          /* lines or messages in the sum; 0: not known */
    bool has_chainlength;   /* this kernel has that column: 5.15, or a back-port */
};

/* `count` and `max` are read at each poll; `buckets` and `counters` only when
 * ctw_watch_wants_counters() returns true, hence the flags. */
struct ctw_sample {
    uint32_t count;   /* entries of this network namespace; includes expired ones for up to 60 s */
    uint32_t max;     /* one limit for all namespaces; 0 means unlimited (up to Linux 6.18) */
    uint32_t buckets; /* one hash table for all namespaces */
    uint32_t other_entries; /* in that hash table, of other namespaces; 0: none, or not known */
    bool has_buckets;
    bool has_counters;
    struct ctw_counters counters;
};
