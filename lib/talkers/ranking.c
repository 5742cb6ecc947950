/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/talkers/ranking.h"

#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

/* A table up to this size is in the cache anyway. */
#define SLOTS_CACHED 4096u

/* --- names to slots -------------------------------------------------------------------------- */

__extension__ typedef unsigned __int128 wide;

static inline uint64_t fold(uint64_t a, uint64_t b) {
    const wide product = (wide)a * b;

    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* Multiply and fold, as in wyhash. It is keyed well enough for a table that lives for one walk and
 * shows nobody its order, at a third of the time of SipHash. */
static inline size_t slot_of(const struct ctw_ranking *r, const struct ctw_ranking_key *key) {
    const uint64_t h = fold(key->a ^ r->seed, key->b ^ UINT64_C(0xa0761d6478bd642f));

    return (size_t)fold(h ^ r->seed, key->c ^ UINT64_C(0xe7037ed1a0b428db)) & (r->n_slots - 1);
}

static inline bool is(const struct ctw_ranking_slot *s, const struct ctw_ranking_key *key) {
    return s->a == key->a && s->b == key->b && s->c == key->c;
}

/* There always is a free slot, because the table is no more than half full and what is pending. */
static inline void count(struct ctw_ranking *r, size_t at, const struct ctw_ranking_key *key,
                         uint32_t n) {
    struct ctw_ranking_slot *s = &r->slots[at];

    while (s->count > 0 && !is(s, key))
        s = &r->slots[at = (at + 1) & (r->n_slots - 1)];
    if (s->count == 0) {
        *s = (struct ctw_ranking_slot){.a = key->a, .b = key->b, .c = key->c};
        r->used++;
    }
    s->count += n;
}

/* --- counting -------------------------------------------------------------------------------- */

void ctw_ranking_init(struct ctw_ranking *r, struct ctw_ranking_slot *slots, size_t n_slots,
                      uint64_t seed) {
    *r = (struct ctw_ranking){.seed = seed, .slots = slots, .n_slots = n_slots};
}

static void settle(struct ctw_ranking *r) {
    for (uint32_t i = 0; i < r->n_pending; i++)
        count(r, r->pending[i].slot, &r->pending[i].key, 1);
    r->n_pending = 0;
    r->oldest = 0;
}

/* A table of many names does not fit the cache, so a slot is asked for before it is needed. */
static inline void count_later(struct ctw_ranking *r, size_t at,
                               const struct ctw_ranking_key *key) {
    struct ctw_ranking_pending *p = &r->pending[r->oldest];

    if (r->n_pending < CTW_RANKING_PENDING)
        r->n_pending++;
    else
        count(r, p->slot, &p->key, 1);
    p->key = *key;
    p->slot = at;
    __builtin_prefetch(&r->slots[at], 1);
    __builtin_prefetch(&r->slots[at].count, 1); /* not always in the same line of the cache */
    r->oldest = (r->oldest + 1) % CTW_RANKING_PENDING;
}

bool ctw_ranking_add(struct ctw_ranking *r, const struct ctw_ranking_key *key) {
    const size_t at = slot_of(r, key);

    r->total++;
    if (r->n_slots <= SLOTS_CACHED)
        count(r, at, key, 1);
    else
        count_later(r, at, key);
    return r->used <= r->n_slots / 2;
}

struct ctw_ranking_slot *ctw_ranking_move(struct ctw_ranking *r, struct ctw_ranking_slot *slots,
                                          size_t n_slots) {
    struct ctw_ranking_slot *old = r->slots;
    const size_t n_old = r->n_slots;

    settle(r);
    r->slots = slots;
    r->n_slots = n_slots;
    r->used = 0;
    for (size_t i = 0; i < n_old; i++) {
        const struct ctw_ranking_key key = {.a = old[i].a, .b = old[i].b, .c = old[i].c};
        if (old[i].count > 0)
            count(r, slot_of(r, &key), &key, old[i].count);
    }
    return old;
}

size_t ctw_ranking_distinct(struct ctw_ranking *r) {
    settle(r);
    return r->used;
}

/* --- the most frequent ----------------------------------------------------------------------- */

static bool before(const struct ctw_ranking_slot *a, const struct ctw_ranking_slot *b) {
    if (a->count != b->count)
        return a->count > b->count;
    if (a->c != b->c)
        return a->c < b->c;
    return a->a != b->a ? a->a < b->a : a->b < b->b;
}

/* A heap whose first is the one that comes last of those found. */
static void sift_down(struct ctw_ranking_slot *heap, size_t n, struct ctw_ranking_slot s) {
    size_t at = 0;

    for (size_t child; (child = 2 * at + 1) < n; at = child) {
        if (child + 1 < n && before(&heap[child], &heap[child + 1]))
            child++;
        if (!before(&s, &heap[child]))
            break;
        heap[at] = heap[child];
    }
    heap[at] = s;
}

static void sift_up(struct ctw_ranking_slot *heap, size_t at, struct ctw_ranking_slot s) {
    while (at > 0 && before(&heap[(at - 1) / 2], &s)) {
        heap[at] = heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    heap[at] = s;
}

size_t ctw_ranking_top(struct ctw_ranking *r, struct ctw_ranking_slot *ret, size_t n) {
    size_t found = 0;

    settle(r);
    for (size_t i = 0; i < r->n_slots && n > 0; i++) {
        const struct ctw_ranking_slot *s = &r->slots[i];
        if (s->count > 0 && found < n)
            sift_up(ret, found++, *s);
        else if (s->count > 0 && before(s, &ret[0]))
            sift_down(ret, n, *s);
    }
    for (size_t left = found; left > 1; left--) {
        const struct ctw_ranking_slot last = ret[0];
        sift_down(ret, left - 1, ret[left - 1]);
        ret[left - 1] = last;
    }
    return found;
}

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
