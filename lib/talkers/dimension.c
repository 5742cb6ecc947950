/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/talkers/dimension.h"

#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "lib/kernel/names.h"
#include "lib/util/strbuf.h"
#include "lib/util/units.h"

static const char *const words[CTW_DIMENSIONS] = {
    [CTW_BY_SOURCE] = "source", [CTW_BY_DESTINATION] = "destination",
    [CTW_BY_PORT] = "port",     [CTW_BY_PROTOCOL] = "protocol",
    [CTW_BY_STATE] = "state",   [CTW_BY_ZONE] = "zone",
    [CTW_BY_MARK] = "mark",     [CTW_BY_LABEL] = "label",
    [CTW_BY_HELPER] = "helper",
};

const char *ctw_dimension_word(enum ctw_dimension d) {
    return words[d];
}

int ctw_dimension_find(const char *word, enum ctw_dimension *ret) {
    for (unsigned d = 0; d < CTW_DIMENSIONS; d++)
        if (strcmp(words[d], word) == 0) {
            *ret = (enum ctw_dimension)d;
            return 0;
        }
    return -EINVAL;
}

/* --- keys ------------------------------------------------------------------------------------- */

/*
 *   source, destination   a, b: the address in network order; c: the family
 *   port                  c: protocol << 16 | port
 *   protocol              c: protocol
 *   state                 c: protocol << 16 | TCP_STATE | TCP_CONNTRACK_*, or a status bit
 *   zone                  c: zone
 *   mark, label           c: mark; label, or CTW_LABELS
 *   helper                a, b: the name
 *   service               a, b: the address; c: SERVICE_* | protocol << 16 | port
 */
#define TCP_STATE    0x8000u
#define SERVICE_IPV6 0x1000000u
#define SERVICE_SNAT 0x2000000u

static struct ctw_key number(uint32_t c) {
    return (struct ctw_key){.c = c};
}

/* The first @bits of eight bytes in network order. */
static uint64_t mask(uint32_t bits) {
    return bits == 0 ? 0 : htobe64(UINT64_MAX << (64 - (bits < 64 ? bits : 64)));
}

/* Whether an address of which these are the first eight bytes belongs to no site: its prefix means
 * nothing. */
static bool is_single(uint64_t head, uint32_t ipv6_prefix) {
    const uint64_t bits = be64toh(head);

    return ipv6_prefix >= 64 &&
           (bits == 0 || bits == UINT64_C(0x0064ff9b00000000) || bits >> 54 == 0xfe80 >> 6);
}

struct ctw_key ctw_address_key(uint8_t family, const uint8_t address[static 16],
                               uint32_t ipv6_prefix) {
    struct ctw_key key = {.c = family};

    if (family != AF_INET6) {
        memcpy(&key.a, address, sizeof(uint32_t));
        return key;
    }
    memcpy(&key.a, address, sizeof(key.a));
    memcpy(&key.b, address + sizeof(key.a), sizeof(key.b));
    if (is_single(key.a, ipv6_prefix))
        return key;
    key.a &= mask(ipv6_prefix);
    key.b &= mask(ipv6_prefix > 64 ? ipv6_prefix - 64 : 0);
    return key;
}

/* Only what the name shows, or one name would have several keys. */
static struct ctw_key state_key(const struct ctw_flow *flow) {
    const uint32_t protocol = (uint32_t)flow->protocol << 16;

    if (flow->has_tcp_state)
        return number(protocol | TCP_STATE | flow->tcp_state);
    if (flow->status & IPS_ASSURED)
        return number(protocol | IPS_ASSURED);
    return number(protocol | (flow->status & IPS_SEEN_REPLY));
}

struct ctw_key ctw_dimension_key(enum ctw_dimension d, const struct ctw_flow *flow,
                                 uint32_t ipv6_prefix) {
    switch (d) {
    case CTW_BY_SOURCE: return ctw_address_key(flow->family, flow->source, ipv6_prefix);
    case CTW_BY_DESTINATION: return ctw_address_key(flow->family, flow->destination, ipv6_prefix);
    case CTW_BY_PORT: return number((uint32_t)flow->protocol << 16 | flow->destination_port);
    case CTW_BY_PROTOCOL: return number(flow->protocol);
    case CTW_BY_STATE: return state_key(flow);
    case CTW_BY_ZONE:
    case CTW_BY_MARK: /* these have functions of their own */
    case CTW_BY_LABEL:
    case CTW_BY_HELPER: break;
    }
    return number(flow->zone);
}

struct ctw_key ctw_details_key(enum ctw_dimension d, const struct ctw_flow_details *details) {
    struct ctw_key key = {0};

    if (d == CTW_BY_MARK)
        return number(details->mark);
    memcpy(&key.a, details->helper, sizeof(key.a));
    memcpy(&key.b, details->helper + sizeof(key.a), sizeof(key.b));
    return key;
}

struct ctw_key ctw_label_key(unsigned bit) {
    return number(bit);
}

struct ctw_key ctw_endpoint_key(const struct ctw_flow *flow) {
    struct ctw_key key = ctw_address_key(flow->family, flow->destination, 128);

    key.c = (flow->family == AF_INET6 ? SERVICE_IPV6 : 0) |
            (flow->status & IPS_SRC_NAT ? SERVICE_SNAT : 0) | (uint32_t)flow->protocol << 16 |
            flow->destination_port;
    return key;
}

struct ctw_key ctw_endpoint_of(const struct ctw_key *key, struct ctw_endpoint *ret) {
    *ret = (struct ctw_endpoint){.protocol = (uint8_t)(key->c >> 16),
                                 .port = (uint16_t)key->c,
                                 .is_snat = key->c & SERVICE_SNAT};
    return (struct ctw_key){key->a, key->b, key->c & SERVICE_IPV6 ? AF_INET6 : AF_INET};
}

void ctw_key_hash_init(struct ctw_key_hash *h, uint64_t seed) {
    for (size_t i = 0; i < sizeof(h->secret) / sizeof(h->secret[0]); i++)
        h->secret[i] = ctw_next_random(&seed);
}

bool ctw_key_before(const struct ctw_key *a, const struct ctw_key *b) {
    if (a->c != b->c)
        return a->c < b->c;
    return a->a != b->a ? be64toh(a->a) < be64toh(b->a) : be64toh(a->b) < be64toh(b->b);
}

/* --- names, as conntrack(8) prints them ------------------------------------------------------ */

/* @name, or without one @number behind @before. */
static struct ctw_word word_of(const char *name, const char *before, unsigned number) {
    struct ctw_word w;

    if (name)
        (void)snprintf(w.text, sizeof(w.text), "%s", name);
    else
        (void)snprintf(w.text, sizeof(w.text), "%s%u", before, number);
    return w;
}

static void name_address(const struct ctw_key *key, uint32_t ipv6_prefix,
                         char ret[static CTW_TALKER_NAME_MAX]) {
    const int family = key->c == AF_INET6 ? AF_INET6 : AF_INET;
    uint8_t address[16];

    memcpy(address, &key->a, sizeof(key->a));
    memcpy(address + sizeof(key->a), &key->b, sizeof(key->b));
    if (!inet_ntop(family, address, ret, CTW_TALKER_NAME_MAX))
        ret[0] = '\0'; /* cannot be: there is room */
    if (family == AF_INET6 && ipv6_prefix < 128 && !is_single(key->a, ipv6_prefix)) {
        const size_t length = strlen(ret);
        (void)snprintf(ret + length, CTW_TALKER_NAME_MAX - length, "/%" PRIu32, ipv6_prefix);
    }
}

static const char *name_status(uint32_t c) {
    return c & IPS_ASSURED ? "assured" : c & IPS_SEEN_REPLY ? "replied" : "unreplied";
}

/* A helper of user space may be called anything. */
static void name_helper(const struct ctw_key *key, char ret[static CTW_TALKER_NAME_MAX]) {
    char name[CTW_FLOW_HELPER_MAX + 1] = "";

    memcpy(name, &key->a, sizeof(key->a));
    memcpy(name + sizeof(key->a), &key->b, sizeof(key->b));
    for (char *c = name; *c != '\0'; c++)
        *c = *c > ' ' && *c < 0x7f ? *c : '?';
    (void)snprintf(ret, CTW_TALKER_NAME_MAX, "%s", name[0] != '\0' ? name : "(none)");
}

void ctw_dimension_name(enum ctw_dimension d, const struct ctw_key *key, uint32_t ipv6_prefix,
                        char ret[static CTW_TALKER_NAME_MAX]) {
    const uint8_t number = (uint8_t)(d == CTW_BY_PROTOCOL ? key->c : key->c >> 16);
    const uint8_t state = (uint8_t)key->c;
    const struct ctw_word protocol = word_of(ctw_protocol_name(number), "protocol-", number);

    switch (d) {
    case CTW_BY_SOURCE:
    case CTW_BY_DESTINATION: name_address(key, ipv6_prefix, ret); break;
    case CTW_BY_PORT:
        if (ctw_flow_has_ports(number))
            (void)snprintf(ret, CTW_TALKER_NAME_MAX, "%s/%u", protocol.text, (uint16_t)key->c);
        else
            (void)snprintf(ret, CTW_TALKER_NAME_MAX, "%s", protocol.text);
        break;
    case CTW_BY_PROTOCOL: (void)snprintf(ret, CTW_TALKER_NAME_MAX, "%s", protocol.text); break;
    case CTW_BY_STATE:
        (void)snprintf(ret, CTW_TALKER_NAME_MAX, "%s/%s", protocol.text,
                       key->c & TCP_STATE
                           ? word_of(ctw_state_name(IPPROTO_TCP, state), "", state).text
                           : name_status(key->c));
        break;
    case CTW_BY_LABEL:
        if (key->c == CTW_LABELS) {
            (void)snprintf(ret, CTW_TALKER_NAME_MAX, "(none)");
            break;
        }
        /* fall through */
    case CTW_BY_ZONE: (void)snprintf(ret, CTW_TALKER_NAME_MAX, "%" PRIu32, key->c); break;
    case CTW_BY_MARK: (void)snprintf(ret, CTW_TALKER_NAME_MAX, "0x%" PRIx32, key->c); break;
    case CTW_BY_HELPER: name_helper(key, ret); break;
    }
}

/* --- filters ---------------------------------------------------------------------------------- */

static int filter_state(uint32_t c, char ret[static CTW_TALKER_NAME_MAX]) {
    const uint8_t protocol = (uint8_t)(c >> 16);
    const char *state = c & TCP_STATE ? ctw_state_name(IPPROTO_TCP, (uint8_t)c) : NULL;

    if (c & TCP_STATE && !state)
        return -EOPNOTSUPP;
    if (state)
        (void)snprintf(ret, CTW_TALKER_NAME_MAX, "tcp state %s", state);
    else
        (void)snprintf(ret, CTW_TALKER_NAME_MAX, "proto %u %s", protocol,
                       c & IPS_ASSURED      ? "assured"
                       : c & IPS_SEEN_REPLY ? "replied and not assured"
                                            : "and not replied and not assured");
    return 0;
}

static int filter_helper(const char *name, char ret[static CTW_TALKER_NAME_MAX]) {
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";

    if (name[strspn(name, plain)] != '\0' || strlen(name) >= CTW_FLOW_HELPER_MAX)
        return -EOPNOTSUPP;
    (void)snprintf(ret, CTW_TALKER_NAME_MAX, "helper %s", name);
    return 0;
}

enum ctw_timeout ctw_state_timeout(const char *state) {
    static const struct {
        const char *state;
        enum ctw_timeout timeout;
    } names[] = {
        {"tcp/SYN_SENT", CTW_TIMEOUT_TCP_SYN_SENT}, /* and SYN_SENT2 */
        {"tcp/SYN_RECV", CTW_TIMEOUT_TCP_SYN_RECV},
        {"tcp/ESTABLISHED", CTW_TIMEOUT_TCP_ESTABLISHED},
        {"tcp/FIN_WAIT", CTW_TIMEOUT_TCP_FIN_WAIT},
        {"tcp/CLOSE_WAIT", CTW_TIMEOUT_TCP_CLOSE_WAIT},
        {"tcp/LAST_ACK", CTW_TIMEOUT_TCP_LAST_ACK},
        {"tcp/TIME_WAIT", CTW_TIMEOUT_TCP_TIME_WAIT},
        {"tcp/", CTW_TIMEOUT_TCP_CLOSE},
        {"udp/assured", CTW_TIMEOUT_UDP_STREAM},
        {"udp/", CTW_TIMEOUT_UDP},
        {"icmp/", CTW_TIMEOUT_ICMP},
        {"icmpv6/", CTW_TIMEOUT_ICMPV6},
        {"sctp/assured", CTW_TIMEOUT_SCTP_ESTABLISHED},
        {"sctp/", CTW_TIMEOUT_SCTP_CLOSED},
    };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strncmp(state, names[i].state, strlen(names[i].state)) == 0)
            return names[i].timeout;
    return CTW_TIMEOUT_GENERIC;
}

int ctw_dimension_filter(enum ctw_dimension d, const struct ctw_key *key, uint32_t ipv6_prefix,
                         char ret[static CTW_TALKER_NAME_MAX]) {
    const uint8_t protocol = (uint8_t)(key->c >> 16);
    char name[CTW_TALKER_NAME_MAX];

    ctw_dimension_name(d, key, ipv6_prefix, name);
    switch (d) {
    case CTW_BY_SOURCE:
    case CTW_BY_DESTINATION:
        (void)snprintf(ret, CTW_TALKER_NAME_MAX, "%s %.55s", d == CTW_BY_SOURCE ? "src" : "dst",
                       name);
        return 0;
    case CTW_BY_PORT:
        if (ctw_flow_has_ports(protocol))
            (void)snprintf(ret, CTW_TALKER_NAME_MAX, "proto %u dport %u", protocol,
                           (uint16_t)key->c);
        else
            (void)snprintf(ret, CTW_TALKER_NAME_MAX, "proto %u", protocol);
        return 0;
    case CTW_BY_PROTOCOL:
        (void)snprintf(ret, CTW_TALKER_NAME_MAX, "proto %" PRIu32, key->c);
        return 0;
    case CTW_BY_STATE: return filter_state(key->c, ret);
    case CTW_BY_LABEL:
        if (key->c >= CTW_LABELS)
            return -EOPNOTSUPP;
        /* fall through */
    case CTW_BY_ZONE:
    case CTW_BY_MARK:
        (void)snprintf(ret, CTW_TALKER_NAME_MAX, "%s %.40s", words[d], name);
        return 0;
    case CTW_BY_HELPER: return filter_helper(name, ret);
    }
    return -EOPNOTSUPP;
}
