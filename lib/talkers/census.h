/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTW_LIB_TALKERS_CENSUS_H
#define CTW_LIB_TALKERS_CENSUS_H

/*
 * Who fills the table: entries of a dump counted up, and what they come to.
 *
 * The first few thousand entries of a plain dump are a random sample of the table, because the
 * kernel dumps bucket by bucket and buckets are chosen by a keyed hash; hence every share has a
 * margin of error.
 */

#include <stdbool.h>
#include <stdint.h>

#include "lib/config/settings.h"
#include "lib/kernel/flow.h"
#include "lib/kernel/sample.h"
#include "lib/talkers/sketch.h"

/* Entries of each list at the most: the upper bound of talkers.top. */
#define CTW_TALKERS_TOP_MAX 20

/* One line of a list: at least that share of the entries. */
struct ctw_share {
    char name[CTW_TALKER_NAME_MAX]; /* "192.0.2.7", "udp/53", "tcp/ESTABLISHED" */
    uint32_t permyriad;
};

/* What a census comes to: a value, as alerts carry it. */
struct ctw_talkers {
    bool known;       /* there was a census */
    uint32_t entries; /* counted, of the whole table or a sample */
    bool sampled;
    /* Of each share, at 95 %: 1.96 * sqrt(0.25 / entries), less when they are a good part of the
     * table; 0 when they are all of it. */
    uint32_t margin_permyriad;
    uint32_t assured_permyriad;
    /* New flows lost if the table fills now: assured^(16 * max / buckets), since its count is its
     * max then. */
    bool has_drop_risk; /* the buckets were known */
    uint32_t drop_risk_permyriad;
    uint32_t unreplied_permyriad; /* no reply seen */
    uint32_t loopback_permyriad;  /* both ends on this host's loopback */
    uint32_t dns_permyriad;       /* destination port 53, TCP or UDP */
    uint32_t idle_tcp_permyriad;  /* assured ESTABLISHED TCP, idle for more than an hour */
    uint32_t n_sources, n_ports, n_states;
    struct ctw_share sources[CTW_TALKERS_TOP_MAX];
    struct ctw_share ports[CTW_TALKERS_TOP_MAX];
    struct ctw_share states[CTW_TALKERS_TOP_MAX];
};

/* A census being taken: fixed size, whatever the table holds. */
struct ctw_census {
    uint32_t ipv6_prefix;
    bool whole; /* the walk reached the end of the table: set before the result is asked for */
    uint64_t entries, assured, unreplied, loopback, dns, idle_tcp;
    uint32_t established_timeout_sec; /* nf_conntrack_tcp_timeout_established, 432000 by default */
    struct ctw_sketch sources, ports, states;
};

/** ctw_census_init() - @seed: random, see ctw_sketch_init() */
void ctw_census_init(struct ctw_census *c, uint32_t ipv6_prefix, uint64_t seed);

/** ctw_census_add() - count one entry; expired ones (timeout 0 in a dump) are entries, too */
void ctw_census_add(struct ctw_census *c, const struct ctw_flow *flow);

/** ctw_census_count() - count one entry for everything but the lists of names, which stay empty */
void ctw_census_count(struct ctw_census *c, const struct ctw_flow *flow);

/**
 * ctw_census_result() - what it comes to
 * @top:      lines per list, at most CTW_TALKERS_TOP_MAX
 * @table:    the table at that time: its max (or its count, when higher) and buckets give the risk
 *
 * The census is of a sample unless the walk reached the end of the table or met as many entries as
 * the count has: the count includes expired entries, which no dump shows, for up to a minute.
 */
void ctw_census_result(const struct ctw_census *c, uint32_t top, const struct ctw_sample *table,
                       struct ctw_talkers *ret);

#endif
