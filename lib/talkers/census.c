/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/talkers/census.h"

#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <netinet/in.h>
#include <string.h>

#include "lib/util/strbuf.h"

/* The default of net.netfilter.nf_conntrack_tcp_timeout_established: five days. */
#define ESTABLISHED_TIMEOUT_SEC 432000u

/* A connection without packets for this long is idle. */
#define IDLE_SEC 3600u

/* A connection with unacknowledged data has at most this timeout, idle or not
 * (nf_conntrack_tcp_timeout_unacknowledged, _max_retrans). */
#define UNACKNOWLEDGED_SEC 300u

/* Early drop searches eight buckets of the hash table for an entry that is not assured, and each
 * entry is linked into two. */
#define EARLY_DROP_NODES (8u * 2u)

void ctw_census_init(struct ctw_census *c, uint32_t ipv6_prefix, uint64_t seed) {
    memset(c, 0, sizeof(*c));
    c->ipv6_prefix = ipv6_prefix;
    c->established_timeout_sec = ESTABLISHED_TIMEOUT_SEC;
    ctw_sketch_init(&c->sources, seed);
    ctw_sketch_init(&c->destinations, seed);
    ctw_sketch_init(&c->ports, seed);
    ctw_sketch_init(&c->states, seed);
    ctw_sketch_init(&c->services, seed);
}

/* --- one entry ------------------------------------------------------------------------------- */

static bool is_loopback(uint8_t family, const uint8_t address[static 16]) {
    static const uint8_t ipv6[16] = {[15] = 1}, mapped[12] = {[10] = 0xff, [11] = 0xff};

    if (family != AF_INET6)
        return address[0] == 127;
    if (memcmp(address, mapped, sizeof(mapped)) == 0) /* ::ffff:127.0.0.1 */
        return address[sizeof(mapped)] == 127;
    return memcmp(address, ipv6, sizeof(ipv6)) == 0;
}

static bool is_dns(const struct ctw_flow *flow) {
    return flow->destination_port == 53 &&
           (flow->protocol == IPPROTO_UDP || flow->protocol == IPPROTO_TCP);
}

/* Each packet resets the timeout, so the elapsed part of it is the time since the last packet. An
 * offloaded flow has a timeout of its own. */
static bool is_idle(const struct ctw_flow *flow, uint32_t established_timeout_sec) {
    return flow->has_tcp_state && flow->tcp_state == TCP_CONNTRACK_ESTABLISHED &&
           (flow->status & IPS_ASSURED) && !(flow->status & IPS_OFFLOAD) &&
           flow->timeout_sec > UNACKNOWLEDGED_SEC &&
           (uint64_t)flow->timeout_sec + IDLE_SEC < established_timeout_sec;
}

static void count_tcp(struct ctw_census *c, uint8_t state) {
    c->half_open += state == TCP_CONNTRACK_SYN_SENT || state == TCP_CONNTRACK_SYN_RECV ||
                    state == TCP_CONNTRACK_SYN_SENT2;
    c->time_wait += state == TCP_CONNTRACK_TIME_WAIT;
    c->close_wait += state == TCP_CONNTRACK_CLOSE_WAIT;
}

void ctw_census_count(struct ctw_census *c, const struct ctw_flow *flow) {
    const bool unreplied = (flow->status & IPS_SEEN_REPLY) == 0, dns = is_dns(flow);
    const bool loopback =
        is_loopback(flow->family, flow->source) && is_loopback(flow->family, flow->destination);

    c->entries++;
    c->assured += (flow->status & IPS_ASSURED) != 0;
    c->unreplied += unreplied;
    c->loopback += loopback;
    c->loopback_nat += loopback && (flow->status & IPS_NAT_MASK) != 0;
    c->dns += dns;
    c->dns_loopback += dns && loopback;
    c->idle_tcp += is_idle(flow, c->established_timeout_sec);
    c->udp_unreplied += unreplied && flow->protocol == IPPROTO_UDP;
    c->icmp += flow->protocol == IPPROTO_ICMP;
    c->icmpv6 += flow->protocol == IPPROTO_ICMPV6;
    if (flow->has_tcp_state)
        count_tcp(c, flow->tcp_state);
}

void ctw_census_add(struct ctw_census *c, const struct ctw_flow *flow) {
    const struct ctw_key source = ctw_dimension_key(CTW_BY_SOURCE, flow, c->ipv6_prefix);
    const struct ctw_key destination = ctw_dimension_key(CTW_BY_DESTINATION, flow, CTW_IPV6_WHOLE);
    const struct ctw_key port = ctw_dimension_key(CTW_BY_PORT, flow, 0);
    const struct ctw_key state = ctw_dimension_key(CTW_BY_STATE, flow, 0);
    const struct ctw_key service = ctw_endpoint_key(flow);

    ctw_census_count(c, flow);
    ctw_sketch_add(&c->sources, &source, 1);
    ctw_sketch_add(&c->destinations, &destination, 1);
    ctw_sketch_add(&c->ports, &port, 1);
    ctw_sketch_add(&c->states, &state, 1);
    ctw_sketch_add(&c->services, &service, 1);
}

/* --- the result ------------------------------------------------------------------------------ */

uint64_t ctw_square_root(uint64_t n) {
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

/* Fixed point: UNIT is 1. */
#define FRACTION_BITS 32
#define UNIT          (UINT64_C(1) << FRACTION_BITS)

static uint64_t multiply(uint64_t a, uint64_t b) {
    return a * b >> FRACTION_BITS;
}

/* @base, below UNIT, to the power of @exponent, which has 16 fractional bits: squares for the
 * integer bits, square roots for the fractional ones. */
static uint64_t power(uint64_t base, uint64_t exponent) {
    uint64_t result = UNIT, factor = base;

    for (uint64_t bits = exponent >> 16; bits > 0; bits >>= 1) {
        if (bits & 1)
            result = multiply(result, factor);
        factor = multiply(factor, factor);
    }
    factor = base;
    for (uint64_t bit = 1 << 15; bit > 0; bit >>= 1) {
        factor = ctw_square_root(factor << FRACTION_BITS);
        if (exponent & bit)
            result = multiply(result, factor);
    }
    return result;
}

/* The chance that all entries that early drop examines are assured. In a full table count is max.
 */
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

/* 1.96 * sqrt(0.25 / n) = sqrt(0.9604 / n), times sqrt((N - n) / (N - 1)) for a sample of n from a
 * population of N; in permyriad, rounded up. */
static uint32_t margin(uint64_t n, uint64_t of) {
    const uint64_t square = divide_up(UINT64_C(96040000) * (of - n), (of - 1) * n);
    const uint64_t root = ctw_square_root(square);
    return (uint32_t)(root * root < square ? root + 1 : root);
}

/* In permyriad: a smaller share would be shown as 0.0 %. */
#define LEAST_SHARE 5

/* Shares are lower bounds: the certain part of each count. A key that was seen only once in a
 * sample is there by chance, and so are all after it. */
static uint32_t shares(const struct ctw_sketch *t, enum ctw_dimension by, uint32_t ipv6_prefix,
                       uint32_t top, bool sampled,
                       struct ctw_share ret[static CTW_TALKERS_TOP_MAX]) {
    struct ctw_sketch_entry talkers[CTW_TALKERS_TOP_MAX];
    const size_t n =
        ctw_sketch_top(t, talkers, top < CTW_TALKERS_TOP_MAX ? top : CTW_TALKERS_TOP_MAX);
    uint32_t named = 0;

    for (; named < n; named++) {
        const uint64_t sure = talkers[named].count - talkers[named].error;
        const uint32_t share = ctw_share_of(sure, t->total);
        if ((sampled && sure <= 1) || share < LEAST_SHARE)
            break;
        ctw_dimension_name(by, &talkers[named].key, ipv6_prefix, ret[named].name);
        ret[named].permyriad = share;
    }
    return named;
}

/* The most frequent service, and of those whose source is translated. */
static void busiest(const struct ctw_census *c, struct ctw_talkers *ret) {
    struct ctw_sketch_entry top[CTW_TALKERS_TOP_MAX];
    const size_t n = ctw_sketch_top(&c->services, top, CTW_TALKERS_TOP_MAX);

    for (size_t i = n; i-- > 0;) { /* the most frequent last */
        struct ctw_endpoint endpoint;
        const struct ctw_key address = ctw_endpoint_of(&top[i].key, &endpoint);
        struct ctw_busiest b = {.protocol = endpoint.protocol, .port = endpoint.port};
        b.address.permyriad = ctw_share_of(top[i].count - top[i].error, c->services.total);
        if (b.address.permyriad < LEAST_SHARE)
            continue;
        ctw_dimension_name(CTW_BY_DESTINATION, &address, CTW_IPV6_WHOLE, b.address.name);
        if (endpoint.is_snat)
            ret->snat_service = b;
        ret->service = b;
    }
}

void ctw_census_result(const struct ctw_census *c, uint32_t top, const struct ctw_sample *table,
                       struct ctw_talkers *ret) {
    memset(ret, 0, sizeof(*ret));
    if (c->entries == 0 && !(c->whole && table->count > 0))
        return;

    ret->known = true;
    ret->whole = c->whole;
    if (c->whole && table->count > c->entries)
        ret->unconfirmed = table->count - (uint32_t)c->entries;
    ret->entries = (uint32_t)c->entries;
    ret->sampled = !c->whole && c->entries < table->count;
    ret->margin_permyriad = ret->sampled ? margin(c->entries, table->count) : 0;
    ret->assured_permyriad = ctw_share_of(c->assured, c->entries);
    ret->unreplied_permyriad = ctw_share_of(c->unreplied, c->entries);
    ret->loopback_permyriad = ctw_share_of(c->loopback, c->entries);
    ret->dns_permyriad = ctw_share_of(c->dns, c->entries);
    ret->idle_tcp_permyriad = ctw_share_of(c->idle_tcp, c->entries);
    ret->loopback_nat_permyriad =
        (uint32_t)ctw_most(ctw_share_of(c->loopback_nat, c->entries), c->loopback_nat > 0);
    ret->dns_loopback_permyriad = ctw_share_of(c->dns_loopback, c->entries);
    ret->half_open_permyriad = ctw_share_of(c->half_open, c->entries);
    ret->time_wait_permyriad = ctw_share_of(c->time_wait, c->entries);
    ret->close_wait_permyriad = ctw_share_of(c->close_wait, c->entries);
    ret->udp_unreplied_permyriad = ctw_share_of(c->udp_unreplied, c->entries);
    ret->icmp_permyriad = ctw_share_of(c->icmp, c->entries);
    ret->icmpv6_permyriad = ctw_share_of(c->icmpv6, c->entries);
    ret->has_drop_risk = c->entries > 0 && table->has_buckets && table->buckets > 0;
    if (ret->has_drop_risk)
        ret->drop_risk_permyriad = drop_risk(c, table);
    ret->n_sources =
        shares(&c->sources, CTW_BY_SOURCE, c->ipv6_prefix, top, ret->sampled, ret->sources);
    ret->n_destinations = shares(&c->destinations, CTW_BY_DESTINATION, CTW_IPV6_WHOLE, top,
                                 ret->sampled, ret->destinations);
    busiest(c, ret);
    ret->n_ports = shares(&c->ports, CTW_BY_PORT, 0, top, ret->sampled, ret->ports);
    ret->n_states = shares(&c->states, CTW_BY_STATE, 0, top, ret->sampled, ret->states);
}

/* --- what addresses belong to ----------------------------------------------------------------- */

static void set_owner(char ret[static CTW_OWNER_MAX], const char *owner) {
    struct ctw_out o = {ret, CTW_OWNER_MAX, 0};

    ctw_out_put(&o, "%s", owner);
    if (o.used >= o.size)
        ret[CTW_OWNER_MAX - 2] = '~';
}

bool ctw_address_owned(const struct ctw_address_list *list, const struct ctw_address *a,
                       const char *owner, enum ctw_owner_by by) {
    char name[CTW_TALKER_NAME_MAX], cut[CTW_OWNER_MAX];
    bool found = false;

    if (ctw_address_is_loopback(a))
        return false;
    const struct ctw_key key = ctw_address_key(a->family, a->bytes, list->ipv6_prefix);
    ctw_dimension_name(CTW_BY_SOURCE, &key, list->ipv6_prefix, name);
    set_owner(cut, owner);
    for (size_t i = 0; i < list->n; i++) {
        struct ctw_share *const s = &list->shares[i];
        if (strcmp(s->name, name) != 0 || (by == CTW_OWNER_PEER && s->owner[0] != '\0'))
            continue;
        found = true;
        if (by == CTW_OWNER_ASKED)
            continue;
        if (s->owner[0] == '\0' || (by == CTW_OWNER_OWN && !strchr(s->name, '/')))
            memcpy(s->owner, cut, sizeof(cut));
        else if (strcmp(s->owner, cut) != 0)
            set_owner(s->owner, "several namespaces");
    }
    return found;
}
