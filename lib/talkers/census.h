/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * What fills the table: shares of sources, ports, states and of a few properties, from the entries
 * of a dump.
 *
 * The first few thousand entries of an unfiltered dump are a random sample of the table, because
 * the kernel dumps bucket by bucket and chooses buckets by a keyed hash. The shares of a sample
 * have a margin of error.
 */

#include <stdbool.h>
#include <stdint.h>

#include "lib/config/settings.h"
#include "lib/kernel/addresses.h"
#include "lib/kernel/flow.h"
#include "lib/kernel/sample.h"
#include "lib/talkers/sketch.h"

/* The longest list: the upper bound of talkers.top. */
#define CTW_TALKERS_TOP_MAX 20

/* A destination is a service, not a site: its whole address counts. */
#define CTW_IPV6_WHOLE 128u

/* Room for what an address belongs to. A longer name ends in '~'. */
#define CTW_OWNER_MAX 64

/* One line of a list. */
struct ctw_share {
    char name[CTW_TALKER_NAME_MAX]; /* "192.0.2.7", "udp/53", "tcp/ESTABLISHED" */
    char owner[CTW_OWNER_MAX];      /* of an address, on this machine: "docker 3f2a9c1b7d20"; "":
                                     * none is known */
    uint32_t permyriad;             /* at least this share of the entries */
};

/* Where most entries go to, of all or of some. */
struct ctw_busiest {
    struct ctw_share address; /* and the share of all entries that go there; name "": none */
    uint8_t protocol;         /* IPPROTO_* */
    uint16_t port;            /* 0 where the protocol has none */
};

/* The result of a census, as alerts carry it. */
struct ctw_talkers {
    bool known;       /* a census was taken */
    uint32_t entries; /* found, in a sample or in the whole table */
    bool sampled;
    bool whole; /* the dump reached the end of the table */
    /* Entries of the table's count that the whole table does not show: their packets are held, or
     * will be dropped. 0 also where the dump was not whole. */
    uint32_t unconfirmed;
    /* Of each share, at 95 % confidence: 1.96 * sqrt(0.25 / entries), less when the sample is a
     * large part of the table, 0 when it is the whole table. */
    uint32_t margin_permyriad;
    uint32_t assured_permyriad;
    /* The share of new flows that would be dropped if the table filled with this mix:
     * assured^(16 * max / buckets). */
    bool has_drop_risk; /* the buckets were known */
    uint32_t drop_risk_permyriad;
    uint32_t unreplied_permyriad;    /* no reply seen */
    uint32_t loopback_permyriad;     /* both ends on this host's loopback */
    uint32_t dns_permyriad;          /* destination port 53, TCP or UDP */
    uint32_t idle_tcp_permyriad;     /* assured ESTABLISHED TCP, idle for more than an hour */
    uint32_t loopback_nat_permyriad; /* of loopback, translated; above 0 if there is one entry */
    uint32_t dns_loopback_permyriad; /* of DNS, on loopback */
    uint32_t half_open_permyriad;    /* TCP in SYN_SENT, SYN_RECV or SYN_SENT2 */
    uint32_t time_wait_permyriad;    /* TCP in TIME_WAIT */
    uint32_t close_wait_permyriad;   /* TCP in CLOSE_WAIT */
    uint32_t udp_unreplied_permyriad;
    uint32_t icmp_permyriad;                  /* of IPv4 */
    uint32_t icmpv6_permyriad;                /* of IPv6 */
    struct ctw_busiest service, snat_service; /* of all entries; of those with translated source */
    uint32_t n_sources, n_destinations, n_ports, n_states;
    struct ctw_share sources[CTW_TALKERS_TOP_MAX];
    struct ctw_share destinations[CTW_TALKERS_TOP_MAX];
    struct ctw_share ports[CTW_TALKERS_TOP_MAX];
    struct ctw_share states[CTW_TALKERS_TOP_MAX];
};

/* A census being taken, in fixed memory. */
struct ctw_census {
    uint32_t ipv6_prefix;
    bool whole; /* set by the caller when the dump reached the end of the table. The count may still
                 * be higher, because it includes expired entries and packets that are held. */
    uint64_t entries, assured, unreplied, loopback, dns, idle_tcp, loopback_nat, dns_loopback;
    uint64_t half_open, time_wait, close_wait, udp_unreplied, icmp, icmpv6;
    uint32_t established_timeout_sec; /* nf_conntrack_tcp_timeout_established, 432000 by default */
    struct ctw_sketch sources, destinations, ports, states, services;
};

/** ctw_square_root() - rounded down */
uint64_t ctw_square_root(uint64_t n);

/** ctw_census_init() - start with no entries; @seed as for ctw_sketch_init() */
void ctw_census_init(struct ctw_census *c, uint32_t ipv6_prefix, uint64_t seed);

/** ctw_census_add() - count one entry, also an expired one (timeout 0) */
void ctw_census_add(struct ctw_census *c, const struct ctw_flow *flow);

/** ctw_census_count() - count one entry, but not for lists */
void ctw_census_count(struct ctw_census *c, const struct ctw_flow *flow);

/**
 * ctw_census_result() - shares of the entries counted
 * @top:    lines of each list, at most CTW_TALKERS_TOP_MAX
 * @table:  the table at that time: its count is the population of a sample; max, or a higher
 *          count, and buckets give the drop risk. For a whole table, the lower of the counts before
 *          and after the dump: the dump collects expired entries, and new ones come meanwhile
 */
void ctw_census_result(const struct ctw_census *c, uint32_t top, const struct ctw_sample *table,
                       struct ctw_talkers *ret);

/* --- what addresses belong to ----------------------------------------------------------------- */

/* Lines of addresses, sources or destinations. */
struct ctw_address_list {
    struct ctw_share *shares;
    size_t n;
    uint32_t ipv6_prefix; /* as when they were counted */
};

/* Who says what an address belongs to. */
enum ctw_owner_by {
    CTW_OWNER_ASKED, /* nothing is noted */
    CTW_OWNER_PEER,  /* a neighbour behind a veth pair: noted where nothing else is known */
    CTW_OWNER_OTHER, /* another namespace, by its own addresses */
    /* The namespace of the table. It comes last, and has precedence where a line is one address:
     * other namespaces may use the same one, out of reach. */
    CTW_OWNER_OWN,
};

/**
 * ctw_address_owned() - an address belongs to @owner: note it where the address is in @list
 * @owner:  a network namespace by name
 *
 * Addresses of two namespaces, or of one /64, belong to "several namespaces". Loopback addresses,
 * of which each namespace has its own, belong to none.
 *
 * Return: whether the address is in @list, and may be noted.
 */
bool ctw_address_owned(const struct ctw_address_list *list, const struct ctw_address *a,
                       const char *owner, enum ctw_owner_by by);
