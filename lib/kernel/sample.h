/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* One sample of one conntrack table: a value, filled by daemon/source/table or a scenario. */

#include <stdbool.h>
#include <stdint.h>

#include "lib/util/units.h"

/*
 * The kernel's per-CPU statistics, summed over the CPUs.
 *
 * Each column is 32 bits wide and wraps, and so does a sum modulo 2^32. Only the difference of two
 * samples has a meaning: (uint32_t)(now - before).
 * Sources: /proc/net/stat/nf_conntrack (net/netfilter/nf_conntrack_standalone.c), or ctnetlink
 * IPCTNL_MSG_CT_GET_STATS_CPU where the kernel lacks that file.
 */
struct ctw_counters {
    uint32_t drop;          /* refused: table full, no memory, helper, unresolved clash */
    uint32_t early_drop;    /* live unassured entries evicted to make room */
    uint32_t insert_failed; /* refused at insertion: clash, or chain too long */
    uint32_t chainlength;   /* of these, refused because a hash chain was too long (>= 5.15) */
};

/* `count` and `max` are read at each poll; `buckets` and `counters` only when
 * ctw_watch_wants_counters() returns true, hence the flags. */
struct ctw_sample {
    uint32_t count;   /* entries of this network namespace; includes expired ones for up to 60 s */
    uint32_t max;     /* one limit for all namespaces; 0 means unlimited (up to Linux 6.18) */
    uint32_t buckets; /* one hash table for all namespaces */
    bool has_buckets;
    bool has_counters;
    struct ctw_counters counters;
};
