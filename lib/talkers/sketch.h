/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTW_LIB_TALKERS_SKETCH_H
#define CTW_LIB_TALKERS_SKETCH_H

/*
 * Heavy hitters in fixed memory: who accounts for most of a stream of any number of names.
 *
 * The algorithm is Space-Saving (Metwally, Agrawal, El Abbadi: "Efficient Computation of Frequent
 * and Top-k Elements in Data Streams", 2005): CTW_SKETCH_COUNTERS counters; a name that has none
 * takes over the smallest, and with it that count as the bound of its error. Whoever accounts for
 * more than 1/CTW_SKETCH_COUNTERS of the stream is sure to be among them, and no count is too
 * high by more than its error. Adding takes constant time on average, whatever an attacker sends;
 * the hash is keyed, so names cannot be made to collide.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CTW_SKETCH_COUNTERS 512u

/* What is counted: an address, or a port with its protocol, or any other small name. */
struct ctw_talker_key {
    uint8_t bytes[20];
};

struct ctw_sketch_entry {
    struct ctw_talker_key key;
    uint64_t count; /* at most this */
    uint64_t error; /* and at least count - error */
};

/* Slots of the hash table, a power of two; multipliers of its hash; levels of the order, one per
 * bit and one for none. */
#define CTW_SKETCH_SLOTS   1024u
#define CTW_SKETCH_SECRETS 6u
#define CTW_SKETCH_LEVELS  65u

/*
 * Fixed size, no pointer leads out of it: it can be embedded and copied. But for the total, the
 * fields are the implementation's.
 */
struct ctw_sketch {
    uint64_t total; /* what was added, whoever it was */
    uint64_t secret[CTW_SKETCH_SECRETS];
    uint64_t floor; /* no counter is below it */
    uint32_t n;     /* counters in use */
    struct ctw_sketch_counter {
        uint64_t count, error;
        struct ctw_talker_key key;
        uint16_t slot, slot_next;      /* where the hash table leads to it */
        uint16_t previous, level_next; /* in its level's list */
    } counters[CTW_SKETCH_COUNTERS];
    uint16_t slots[CTW_SKETCH_SLOTS];
    uint16_t levels[CTW_SKETCH_LEVELS];
};

/**
 * ctw_sketch_init() - forget everything
 * @seed:  of the hash, random, so that nobody can choose names that collide
 */
void ctw_sketch_init(struct ctw_sketch *t, uint64_t seed);

/** ctw_sketch_add() - count @key @weight times */
void ctw_sketch_add(struct ctw_sketch *t, const struct ctw_talker_key *key, uint32_t weight);

/**
 * ctw_sketch_age() - let the past weigh half as much
 *
 * Called once per window, so that who was loud an hour ago is not named now. The bounds hold as
 * before, of what an exact count would be that is halved and rounded down at the same moments.
 */
void ctw_sketch_age(struct ctw_sketch *t);

/**
 * ctw_sketch_top() - the loudest, loudest first
 * @ret:  room for @n
 *
 * Ordered by what is sure, count - error: when nobody stands out, the counts are all error.
 *
 * Return: how many there are, at most @n.
 */
size_t ctw_sketch_top(const struct ctw_sketch *t, struct ctw_sketch_entry *ret, size_t n);

/** ctw_talker_source() - the name of a source: an IPv4 address, an IPv6 prefix of that length */
struct ctw_talker_key ctw_talker_source(uint8_t family, const uint8_t address[static 16],
                                        uint32_t ipv6_prefix);

/** ctw_talker_port() - the name of a destination port: "udp/53"; a protocol without ports: "gre" */
struct ctw_talker_key ctw_talker_port(uint8_t protocol, uint16_t port);

/** ctw_talker_state() - the name of a state: "tcp/SYN_SENT", "udp/unreplied", "udp/replied",
 * "udp/assured", and so for all protocols but TCP */
struct ctw_talker_key ctw_talker_state(uint8_t protocol, bool has_tcp_state, uint8_t tcp_state,
                                       uint32_t status);

/* Room for the longest name: an IPv6 prefix, "2001:db8:1234:5678::/64". */
#define CTW_TALKER_NAME_MAX 64

/** ctw_talker_name() - a name as people write it; no name is ever resolved */
void ctw_talker_name(const struct ctw_talker_key *key, char ret[static CTW_TALKER_NAME_MAX]);

#endif
