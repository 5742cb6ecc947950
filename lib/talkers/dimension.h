/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * What entries and new flows are counted by: a value of an entry as a key, and a key as text.
 *
 * A key is made for each of a million entries, so it is put together in registers. It is turned
 * into text for the few that are shown.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/kernel/flow.h"
#include "lib/kernel/timeouts.h"

enum ctw_dimension {
    CTW_BY_SOURCE, /* addresses and ports are those of the original direction */
    CTW_BY_DESTINATION,
    CTW_BY_PORT, /* of the destination */
    CTW_BY_PROTOCOL,
    CTW_BY_STATE,
    CTW_BY_ZONE,
    CTW_BY_MARK, /* from here on: of struct ctw_flow_details */
    CTW_BY_LABEL,
    CTW_BY_HELPER,
};
#define CTW_DIMENSIONS (CTW_BY_HELPER + 1)

/* One value of a dimension; its dimension is not part of it. */
struct ctw_key {
    uint64_t a, b;
    uint32_t c;
};

/** ctw_dimension_word() - "source", "destination", "port", "protocol", "state", "zone", "mark",
 * "label", "helper" */
const char *ctw_dimension_word(enum ctw_dimension d);

/** ctw_dimension_find() - the dimension of that word. Return: 0 or -EINVAL. */
int ctw_dimension_find(const char *word, enum ctw_dimension *ret);

/**
 * ctw_dimension_key() - the value that an entry has
 * @ipv6_prefix:  IPv6 addresses with this many equal bits have one key, 0 to 128
 */
struct ctw_key ctw_dimension_key(enum ctw_dimension d, const struct ctw_flow *flow,
                                 uint32_t ipv6_prefix);

/** ctw_details_key() - the value that an entry has by mark or helper */
struct ctw_key ctw_details_key(enum ctw_dimension d, const struct ctw_flow_details *details);

/** ctw_label_key() - a label, of which an entry may have several; CTW_LABELS: of one without any */
struct ctw_key ctw_label_key(unsigned bit);

/**
 * ctw_address_key() - the key by source or destination of an address, 4 bytes of it with AF_INET
 *
 * A prefix stands for one site. From /64 on, link-local addresses, addresses that hold one of IPv4
 * (::ffff:0:0/96, 64:ff9b::/96) and ::1 are keys of their own: their /64 is no site.
 */
struct ctw_key ctw_address_key(uint8_t family, const uint8_t address[static 16],
                               uint32_t ipv6_prefix);

static inline bool ctw_key_equal(const struct ctw_key *a, const struct ctw_key *b) {
    return a->a == b->a && a->b == b->b && a->c == b->c;
}

/* Multipliers of the hash, one for each 32 bits of a key, and an addend. */
struct ctw_key_hash {
    uint64_t secret[6];
};

/** ctw_key_hash_init() - @seed: random */
void ctw_key_hash_init(struct ctw_key_hash *h, uint64_t seed);

/**
 * ctw_key_slot() - the slot of a key in a hash table
 * @n_slots:  a power of two, at most 2^32
 *
 * Multilinear hashing (Lemire, Kaser: "Strongly universal string hashing is fast", 2014): each part
 * of a key is multiplied by a secret, so that any two keys share a slot with a chance of one in
 * @n_slots, whichever keys a sender chooses. Addresses in sequence are an arithmetic progression
 * in the upper half of the sum, with which linear probing meets long runs: a multiplication by the
 * golden ratio between two shifts scatters it.
 */
static inline size_t ctw_key_slot(const struct ctw_key_hash *h, const struct ctw_key *key,
                                  size_t n_slots) {
    const uint64_t *secret = h->secret;
    const uint64_t sum = secret[0] + secret[1] * (uint32_t)key->a + secret[2] * (key->a >> 32) +
                         secret[3] * (uint32_t)key->b + secret[4] * (key->b >> 32) +
                         secret[5] * key->c;
    uint32_t x = (uint32_t)(sum >> 32);

    x = (x ^ x >> 16) * UINT32_C(0x9e3779b1);
    return (x ^ x >> 15) & (n_slots - 1);
}

/** ctw_key_before() - an order of the keys of a dimension; addresses come in numeric order */
bool ctw_key_before(const struct ctw_key *a, const struct ctw_key *b);

/* Where the entries of one service go to. */
struct ctw_endpoint {
    uint8_t protocol; /* IPPROTO_* */
    uint16_t port;    /* 0 where the protocol has none */
    bool is_snat;     /* its entries have their source address translated */
};

/**
 * ctw_endpoint_key() - destination address, protocol and port, and whether the source is translated
 *
 * No name has all of it: the address has one, by ctw_dimension_name() with CTW_BY_DESTINATION and
 * the key that ctw_endpoint_of() returns.
 */
struct ctw_key ctw_endpoint_key(const struct ctw_flow *flow);

/** ctw_endpoint_of() - take such a key apart. Return: the key of the address alone. */
struct ctw_key ctw_endpoint_of(const struct ctw_key *key, struct ctw_endpoint *ret);

/* Room for the longest name, an IPv6 prefix such as "2001:db8:1234:5678::/64". */
#define CTW_TALKER_NAME_MAX 64

/**
 * ctw_dimension_name() - a key as text: "192.0.2.7", "2001:db8::/64", "udp/53", "gre", "tcp",
 * "tcp/SYN_SENT", "udp/unreplied", "7", "0x10", "ftp", "(none)"
 * @ipv6_prefix:  as when the key was made
 */
void ctw_dimension_name(enum ctw_dimension d, const struct ctw_key *key, uint32_t ipv6_prefix,
                        char ret[static CTW_TALKER_NAME_MAX]);

/** ctw_state_timeout() - the timeout of entries with a state as ctw_dimension_name() names it */
enum ctw_timeout ctw_state_timeout(const char *state);

/**
 * ctw_dimension_filter() - a filter that matches the entries with a key: "src 192.0.2.7",
 * "udp dport 53", "mark 0x10"
 *
 * Return: 0; -EOPNOTSUPP when the language of filters has no words for it.
 */
int ctw_dimension_filter(enum ctw_dimension d, const struct ctw_key *key, uint32_t ipv6_prefix,
                         char ret[static CTW_TALKER_NAME_MAX]);
