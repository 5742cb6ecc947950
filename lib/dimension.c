/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dimension.h"

#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

static const char *const words[CTW_DIMENSIONS] = {
    [CTW_BY_SOURCE] = "source", [CTW_BY_DESTINATION] = "destination",
    [CTW_BY_PORT] = "port",     [CTW_BY_PROTOCOL] = "protocol",
    [CTW_BY_STATE] = "state",   [CTW_BY_ZONE] = "zone",
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

/*
 * Keys are made once for each of a million entries, so they are put together in registers; the
 * names that talkers have come in when there are only a few left.
 *
 *   source, destination   a, b: the address as it lies in memory; c: the family
 *   port                  c: protocol << 16 | port
 *   protocol              c: protocol
 *   state                 c: protocol << 16 | TCP_STATE | TCP_CONNTRACK_*, or the status bits
 *   zone                  c: zone
 */
#define TCP_STATE 0x8000u

static struct ctw_ranking_key number(uint32_t c) {
    return (struct ctw_ranking_key){.c = c};
}

/* The first @bits of eight bytes in network order. */
static uint64_t mask(uint32_t bits) {
    return bits == 0 ? 0 : htobe64(UINT64_MAX << (64 - (bits < 64 ? bits : 64)));
}

static struct ctw_ranking_key address_key(uint8_t family, const uint8_t address[static 16],
                                          uint32_t ipv6_prefix) {
    struct ctw_ranking_key key = {.c = family};
    uint32_t ipv4;

    if (family != AF_INET6) {
        memcpy(&ipv4, address, sizeof(ipv4));
        key.a = ipv4;
        return key;
    }
    memcpy(&key.a, address, sizeof(key.a));
    memcpy(&key.b, address + sizeof(key.a), sizeof(key.b));
    key.a &= mask(ipv6_prefix);
    key.b &= mask(ipv6_prefix > 64 ? ipv6_prefix - 64 : 0);
    return key;
}

/* Only what ctw_talker_state() tells apart, or one name would have several keys. */
static struct ctw_ranking_key state_key(const struct ctw_flow *flow) {
    const uint32_t protocol = (uint32_t)flow->protocol << 16;

    if (flow->has_tcp_state)
        return number(protocol | TCP_STATE | flow->tcp_state);
    if (flow->status & IPS_ASSURED)
        return number(protocol | IPS_ASSURED);
    return number(protocol | (flow->status & IPS_SEEN_REPLY));
}

struct ctw_ranking_key ctw_dimension_key(enum ctw_dimension d, const struct ctw_flow *flow,
                                         uint32_t ipv6_prefix) {
    switch (d) {
    case CTW_BY_SOURCE:
        return address_key(flow->family, flow->source, ipv6_prefix);
    case CTW_BY_DESTINATION:
        return address_key(flow->family, flow->destination, ipv6_prefix);
    case CTW_BY_PORT:
        return number((uint32_t)flow->protocol << 16 | flow->destination_port);
    case CTW_BY_PROTOCOL:
        return number(flow->protocol);
    case CTW_BY_STATE:
        return state_key(flow);
    case CTW_BY_ZONE:
        break;
    }
    return number(flow->zone);
}

static struct ctw_talker_key address_talker(struct ctw_ranking_key key, uint32_t ipv6_prefix) {
    uint8_t address[16];

    memcpy(address, &key.a, sizeof(key.a));
    memcpy(address + sizeof(key.a), &key.b, sizeof(key.b));
    return ctw_talker_source((uint8_t)key.c, address, ipv6_prefix);
}

static struct ctw_talker_key state_talker(struct ctw_ranking_key key) {
    return ctw_talker_state((uint8_t)(key.c >> 16), (key.c & TCP_STATE) != 0, (uint8_t)key.c,
                            key.c & (IPS_ASSURED | IPS_SEEN_REPLY));
}

void ctw_dimension_name(enum ctw_dimension d, struct ctw_ranking_key key, uint32_t ipv6_prefix,
                        char ret[static CTW_TALKER_NAME_MAX]) {
    struct ctw_talker_key talker = {0};

    switch (d) {
    case CTW_BY_SOURCE:
    case CTW_BY_DESTINATION:
        talker = address_talker(key, ipv6_prefix);
        break;
    case CTW_BY_PORT:
        talker = ctw_talker_port((uint8_t)(key.c >> 16), (uint16_t)key.c);
        break;
    case CTW_BY_PROTOCOL:
        talker = ctw_talker_port((uint8_t)key.c, 0);
        break;
    case CTW_BY_STATE:
        talker = state_talker(key);
        break;
    case CTW_BY_ZONE:
        (void)snprintf(ret, CTW_TALKER_NAME_MAX, "%" PRIu32, key.c);
        return;
    }
    ctw_talker_name(&talker, ret);
    if (d == CTW_BY_PROTOCOL)
        ret[strcspn(ret, "/")] = '\0'; /* "tcp/0" */
}
