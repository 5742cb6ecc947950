/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/talkers/census.h"

#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <netinet/in.h>
#include <string.h>

/* The default of net.netfilter.nf_conntrack_tcp_timeout_established: five days. */
#define ESTABLISHED_TIMEOUT_SEC 432000u

/* From here on a connection counts as idle. */
#define IDLE_SEC 3600u

/*
 * An established connection with data that nobody has acknowledged has at most this long to live
 * (nf_conntrack_tcp_timeout_unacknowledged, _max_retrans), so so little says nothing of idleness.
 */
#define UNACKNOWLEDGED_SEC 300u

/* Early drop looks at eight buckets of the hash table for an entry that is not assured, and each
 * entry is linked into two. */
#define EARLY_DROP_NODES (8u * 2u)

void ctw_census_init(struct ctw_census *c, uint32_t ipv6_prefix, uint64_t seed) {
    memset(c, 0, sizeof(*c));
    c->ipv6_prefix = ipv6_prefix;
    c->established_timeout_sec = ESTABLISHED_TIMEOUT_SEC;
    ctw_sketch_init(&c->sources, seed);
    ctw_sketch_init(&c->ports, seed);
    ctw_sketch_init(&c->states, seed);
}

/* --- one entry ------------------------------------------------------------------------------- */

static bool is_loopback(uint8_t family, const uint8_t address[static 16]) {
    static const uint8_t ipv6[16] = {[15] = 1};

    return family == AF_INET6 ? memcmp(address, ipv6, sizeof(ipv6)) == 0 : address[0] == 127;
}

static bool is_dns(const struct ctw_flow *flow) {
    return flow->destination_port == 53 &&
           (flow->protocol == IPPROTO_UDP || flow->protocol == IPPROTO_TCP);
}

/* Each packet winds the timeout up again, so what is gone of it is how long there was none. A
 * flow in a flowtable has a timeout of its own. */
static bool is_idle(const struct ctw_flow *flow, uint32_t established_timeout_sec) {
    return flow->has_tcp_state && flow->tcp_state == TCP_CONNTRACK_ESTABLISHED &&
           (flow->status & IPS_ASSURED) && !(flow->status & IPS_OFFLOAD) &&
           flow->timeout_sec > UNACKNOWLEDGED_SEC &&
           (uint64_t)flow->timeout_sec + IDLE_SEC < established_timeout_sec;
}

void ctw_census_count(struct ctw_census *c, const struct ctw_flow *flow) {
    c->entries++;
    c->assured += (flow->status & IPS_ASSURED) != 0;
    c->unreplied += (flow->status & IPS_SEEN_REPLY) == 0;
    c->loopback +=
        is_loopback(flow->family, flow->source) && is_loopback(flow->family, flow->destination);
    c->dns += is_dns(flow);
    c->idle_tcp += is_idle(flow, c->established_timeout_sec);
}

void ctw_census_add(struct ctw_census *c, const struct ctw_flow *flow) {
    const struct ctw_talker_key source =
        ctw_talker_source(flow->family, flow->source, c->ipv6_prefix);
    const struct ctw_talker_key port = ctw_talker_port(flow->protocol, flow->destination_port);
    const struct ctw_talker_key state =
        ctw_talker_state(flow->protocol, flow->has_tcp_state, flow->tcp_state, flow->status);

    ctw_census_count(c, flow);
    ctw_sketch_add(&c->sources, &source, 1);
    ctw_sketch_add(&c->ports, &port, 1);
    ctw_sketch_add(&c->states, &state, 1);
}

/* --- what it comes to ------------------------------------------------------------------------ */

/* The largest whole number whose square is at most @n. */
static uint64_t square_root(uint64_t n) {
    uint64_t root = 0;

    for (uint64_t bit = UINT64_C(1) << 62; bit > 0; bit >>= 2) {
        const bool fits = n >= root + bit;
        if (fits)
            n -= root + bit;
        root >>= 1;
        if (fits)
            root += bit;
    }
    return root;
}

/* Fixed point: 1 is UNIT. */
#define FRACTION_BITS 32
#define UNIT          (UINT64_C(1) << FRACTION_BITS)

static uint64_t multiply(uint64_t a, uint64_t b) {
    return a * b >> FRACTION_BITS;
}

/*
 * @base to the power @exponent, the one a fraction below UNIT, the other with 16 bits behind the
 * point: squares for the bits before it, square roots for those behind.
 */
static uint64_t power(uint64_t base, uint64_t exponent) {
    uint64_t result = UNIT, factor = base;

    for (uint64_t bits = exponent >> 16; bits > 0; bits >>= 1) {
        if (bits & 1)
            result = multiply(result, factor);
        factor = multiply(factor, factor);
    }
    factor = base;
    for (uint64_t bit = 1 << 15; bit > 0; bit >>= 1) {
        factor = square_root(factor << FRACTION_BITS);
        if (exponent & bit)
            result = multiply(result, factor);
    }
    return result;
}

/* That all entries early drop looks at are assured. When the table fills, its count is its max. */
static uint32_t drop_risk(const struct ctw_census *c, const struct ctw_sample *table) {
    const uint64_t full = table->count > table->max ? table->count : table->max;

    if (c->assured == c->entries)
        return CTW_PERMYRIAD;
    const uint64_t assured = (c->assured << FRACTION_BITS) / c->entries;
    const uint64_t risk = power(assured, ((full * EARLY_DROP_NODES) << 16) / table->buckets);
    return (uint32_t)((risk * CTW_PERMYRIAD + UNIT / 2) >> FRACTION_BITS);
}

static uint64_t divide_up(uint64_t a, uint64_t b) {
    return a / b + (a % b != 0);
}

/*
 * 1.96 * sqrt(0.25 / n) = sqrt(0.9604 / n), times sqrt((N - n) / (N - 1)) for a sample of n out of
 * no more than N; in permyriad, rounded up.
 */
static uint32_t margin(uint64_t n, uint64_t of) {
    if (n >= of)
        return 0;
    const uint64_t square = divide_up(UINT64_C(96040000) * (of - n), (of - 1) * n);
    const uint64_t root = square_root(square);
    return (uint32_t)(root * root < square ? root + 1 : root);
}

static uint32_t permyriad(uint64_t part, uint64_t whole) {
    return whole == 0 ? 0 : (uint32_t)((part * CTW_PERMYRIAD + whole / 2) / whole);
}

/* In permyriad: less is shown as 0.0 %. */
#define LEAST_SHARE 5

/* Shares are what is sure: nobody is named with more than was seen of him. Who was met only once in
 * a sample is nobody in particular, and no more is sure of those after him. */
static uint32_t shares(const struct ctw_sketch *t, uint32_t top, bool sampled,
                       struct ctw_share ret[static CTW_TALKERS_TOP_MAX]) {
    struct ctw_sketch_entry talkers[CTW_TALKERS_TOP_MAX];
    const size_t n =
        ctw_sketch_top(t, talkers, top < CTW_TALKERS_TOP_MAX ? top : CTW_TALKERS_TOP_MAX);
    uint32_t named = 0;

    for (; named < n; named++) {
        const uint64_t sure = talkers[named].count - talkers[named].error;
        const uint32_t share = permyriad(sure, t->total);
        if ((sampled && sure <= 1) || share < LEAST_SHARE)
            break;
        ctw_talker_name(&talkers[named].key, ret[named].name);
        ret[named].permyriad = share;
    }
    return named;
}

void ctw_census_result(const struct ctw_census *c, uint32_t top, const struct ctw_sample *table,
                       struct ctw_talkers *ret) {
    memset(ret, 0, sizeof(*ret));
    if (c->entries == 0)
        return;

    ret->known = true;
    ret->entries = (uint32_t)c->entries;
    ret->sampled = !c->whole && c->entries < table->count;
    ret->margin_permyriad = ret->sampled ? margin(c->entries, table->count) : 0;
    ret->assured_permyriad = permyriad(c->assured, c->entries);
    ret->unreplied_permyriad = permyriad(c->unreplied, c->entries);
    ret->loopback_permyriad = permyriad(c->loopback, c->entries);
    ret->dns_permyriad = permyriad(c->dns, c->entries);
    ret->idle_tcp_permyriad = permyriad(c->idle_tcp, c->entries);
    ret->has_drop_risk = table->has_buckets && table->buckets > 0;
    if (ret->has_drop_risk)
        ret->drop_risk_permyriad = drop_risk(c, table);
    ret->n_sources = shares(&c->sources, top, ret->sampled, ret->sources);
    ret->n_ports = shares(&c->ports, top, ret->sampled, ret->ports);
    ret->n_states = shares(&c->states, top, ret->sampled, ret->states);
}
