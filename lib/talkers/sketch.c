/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/talkers/sketch.h"

#include <arpa/inet.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "lib/kernel/flow.h"

/*
 * Space-Saving needs three things: the counter of a name, the smallest counter, and both at once
 * in constant time. The first is a hash table with chains. The second is a radix heap (Ahuja,
 * Mehlhorn, Orlin, Tarjan: "Faster Algorithms for the Shortest Path Problem", 1990), which serves
 * because the smallest count never falls: `floor` is a count that none is below, and a counter is
 * on the level of the highest bit in which it differs from floor. Level 0 is equal to floor, so
 * whatever is on it is smallest; when it is empty, floor rises to the least count of the lowest
 * level in use, and the counters of that level spread over the levels below. A counter that grows
 * seldom changes its level, and each moves down at most once per bit in between.
 *
 *   floor 1000 (0b1111101000):   level 0: 1000, 1000   level 1: 1001   level 5: 1016   level 11:
 * 1024
 */

/* The end of a list of counters. */
#define NONE UINT16_MAX

_Static_assert(CTW_SKETCH_COUNTERS < NONE, "a counter's number must fit");
_Static_assert(sizeof(struct ctw_talker_key) == 4 * (CTW_SKETCH_SECRETS - 1),
               "a secret for each word of a name, and one to start with");

/* --- names to slots -------------------------------------------------------------------------- */

/*
 * Multilinear hashing (Lemire, Kaser: "Strongly universal string hashing is fast", 2014): with
 * secret multipliers any two names share a slot with a chance of one in CTW_SKETCH_SLOTS, however
 * they were chosen, and nobody outside sees which do.
 */
static uint16_t slot_of(const struct ctw_sketch *t, const struct ctw_talker_key *key) {
    uint64_t sum = t->secret[0];
    uint32_t words[CTW_SKETCH_SECRETS - 1];

    memcpy(words, key->bytes, sizeof(words));
    for (unsigned i = 0; i < CTW_SKETCH_SECRETS - 1; i++)
        sum += t->secret[i + 1] * words[i];
    return (uint16_t)((sum >> 32) % CTW_SKETCH_SLOTS);
}

/* SplitMix64 (Steele, Lea, Flood, 2014): one secret out of a seed. */
static uint64_t next_secret(uint64_t *seed) {
    uint64_t z = *seed += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static void slot_add(struct ctw_sketch *t, uint16_t i) {
    struct ctw_sketch_counter *c = &t->counters[i];

    c->slot_next = t->slots[c->slot];
    t->slots[c->slot] = i;
}

static void slot_remove(struct ctw_sketch *t, uint16_t i) {
    uint16_t *at = &t->slots[t->counters[i].slot];

    while (*at != i)
        at = &t->counters[*at].slot_next;
    *at = t->counters[i].slot_next;
}

/* --- counts to levels ------------------------------------------------------------------------ */

static unsigned level_of(const struct ctw_sketch *t, uint64_t count) {
    const uint64_t differs = count ^ t->floor;

    return differs == 0 ? 0 : 64 - (unsigned)__builtin_clzll(differs);
}

static void level_add(struct ctw_sketch *t, uint16_t i) {
    struct ctw_sketch_counter *c = &t->counters[i];
    uint16_t *head = &t->levels[level_of(t, c->count)];

    c->previous = NONE;
    c->level_next = *head;
    if (*head != NONE)
        t->counters[*head].previous = i;
    *head = i;
}

static void level_remove(struct ctw_sketch *t, uint16_t i) {
    const struct ctw_sketch_counter *c = &t->counters[i];

    if (c->previous == NONE)
        t->levels[level_of(t, c->count)] = c->level_next;
    else
        t->counters[c->previous].level_next = c->level_next;
    if (c->level_next != NONE)
        t->counters[c->level_next].previous = c->previous;
}

static void grow(struct ctw_sketch *t, uint16_t i, uint32_t weight) {
    struct ctw_sketch_counter *c = &t->counters[i];

    if (level_of(t, c->count) == level_of(t, c->count + weight)) {
        c->count += weight;
        return;
    }
    level_remove(t, i);
    c->count += weight;
    level_add(t, i);
}

/* Lift floor to the least count of a level, the lowest in use. */
static void spread(struct ctw_sketch *t, unsigned level) {
    const uint16_t first = t->levels[level];
    uint64_t least = UINT64_MAX;

    t->levels[level] = NONE;
    for (uint16_t i = first; i != NONE; i = t->counters[i].level_next)
        if (t->counters[i].count < least)
            least = t->counters[i].count;
    t->floor = least;
    for (uint16_t i = first, next; i != NONE; i = next) {
        next = t->counters[i].level_next;
        level_add(t, i);
    }
}

/* There is one: called only when all counters are in use. */
static uint16_t smallest(struct ctw_sketch *t) {
    unsigned level = 0;

    while (t->levels[level] == NONE)
        level++;
    if (level > 0)
        spread(t, level);
    return t->levels[0];
}

/* --- counting -------------------------------------------------------------------------------- */

static void forget_order(struct ctw_sketch *t) {
    memset(t->slots, 0xff, sizeof(t->slots)); /* NONE */
    memset(t->levels, 0xff, sizeof(t->levels));
    t->floor = 0;
    t->n = 0;
}

void ctw_sketch_init(struct ctw_sketch *t, uint64_t seed) {
    memset(t, 0, sizeof(*t));
    for (unsigned i = 0; i < CTW_SKETCH_SECRETS; i++)
        t->secret[i] = next_secret(&seed);
    forget_order(t);
}

static bool same_key(const struct ctw_talker_key *a, const struct ctw_talker_key *b) {
    return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

void ctw_sketch_add(struct ctw_sketch *t, const struct ctw_talker_key *key, uint32_t weight) {
    const uint16_t slot = slot_of(t, key);
    struct ctw_sketch_counter *c;
    uint16_t i = t->slots[slot];

    if (weight == 0)
        return;
    t->total += weight;
    while (i != NONE && !same_key(&t->counters[i].key, key))
        i = t->counters[i].slot_next;
    if (i != NONE) {
        grow(t, i, weight);
        return;
    }

    if (t->n < CTW_SKETCH_COUNTERS) {
        i = (uint16_t)t->n++;
        c = &t->counters[i];
        c->count = 0;
    } else {
        i = smallest(t);
        c = &t->counters[i];
        slot_remove(t, i);
        level_remove(t, i);
    }
    c->error = c->count;
    c->count += weight;
    c->key = *key;
    c->slot = slot;
    slot_add(t, i);
    level_add(t, i);
}

/* A name that has come to nothing gives its counter back. */
void ctw_sketch_age(struct ctw_sketch *t) {
    const uint32_t n = t->n;

    t->total /= 2;
    forget_order(t);
    for (uint32_t from = 0; from < n; from++) {
        const struct ctw_sketch_counter *old = &t->counters[from];
        const uint64_t count = old->count / 2, sure = (old->count - old->error) / 2;

        if (count == 0)
            continue;
        const uint16_t i = (uint16_t)t->n++; /* at most `from`, so nothing unread is lost */
        struct ctw_sketch_counter *c = &t->counters[i];
        c->key = old->key;
        c->slot = old->slot;
        c->count = count;
        c->error = count - sure;
        slot_add(t, i);
        level_add(t, i);
    }
}

/* --- the loudest ----------------------------------------------------------------------------- */

/* The key decides last, so that the same stream always gives the same list. */
static bool louder(const struct ctw_sketch_counter *a, const struct ctw_sketch_entry *b) {
    const uint64_t sure_a = a->count - a->error, sure_b = b->count - b->error;

    if (sure_a != sure_b)
        return sure_a > sure_b;
    if (a->count != b->count)
        return a->count > b->count;
    return memcmp(a->key.bytes, b->key.bytes, sizeof(a->key.bytes)) < 0;
}

size_t ctw_sketch_top(const struct ctw_sketch *t, struct ctw_sketch_entry *ret, size_t n) {
    size_t found = 0;

    for (uint32_t i = 0; i < t->n && n > 0; i++) {
        const struct ctw_sketch_counter *c = &t->counters[i];
        size_t at = found;

        while (at > 0 && louder(c, &ret[at - 1]))
            at--;
        if (at == n)
            continue;
        if (found < n)
            found++;
        memmove(&ret[at + 1], &ret[at], (found - at - 1) * sizeof(*ret));
        ret[at] = (struct ctw_sketch_entry){.key = c->key, .count = c->count, .error = c->error};
    }
    return found;
}

/* --- what is counted ------------------------------------------------------------------------- */

/* The first byte of a key; the others are laid out as its kind says, unused ones 0. */
enum {
    KEY_IPV4,      /* 4: address */
    KEY_IPV6,      /* 1: prefix length, 4: address */
    KEY_PORT,      /* 1: protocol, 2: port in network order */
    KEY_TCP_STATE, /* 1: protocol, 2: TCP_CONNTRACK_* */
    KEY_PROGRESS,  /* 1: protocol, 2: enum progress */
};

/* How far a flow has come, by its status bits. */
enum progress { UNREPLIED, REPLIED, ASSURED };

struct ctw_talker_key ctw_talker_source(uint8_t family, const uint8_t address[static 16],
                                        uint32_t ipv6_prefix) {
    struct ctw_talker_key key = {.bytes = {KEY_IPV4}};
    const uint32_t prefix = ipv6_prefix < 128 ? ipv6_prefix : 128;

    if (family != AF_INET6) {
        memcpy(key.bytes + 4, address, sizeof(struct in_addr));
        return key;
    }
    key.bytes[0] = KEY_IPV6;
    key.bytes[1] = (uint8_t)prefix;
    memcpy(key.bytes + 4, address, prefix / 8);
    if (prefix % 8 != 0)
        key.bytes[4 + prefix / 8] = (uint8_t)(address[prefix / 8] & 0xff00u >> prefix % 8);
    return key;
}

struct ctw_talker_key ctw_talker_port(uint8_t protocol, uint16_t port) {
    struct ctw_talker_key key = {.bytes = {KEY_PORT, protocol}};

    if (ctw_flow_has_ports(protocol)) {
        key.bytes[2] = (uint8_t)(port >> 8);
        key.bytes[3] = (uint8_t)port;
    }
    return key;
}

struct ctw_talker_key ctw_talker_state(uint8_t protocol, bool has_tcp_state, uint8_t tcp_state,
                                       uint32_t status) {
    struct ctw_talker_key key = {.bytes = {KEY_PROGRESS, protocol, UNREPLIED}};

    if (has_tcp_state) {
        key.bytes[0] = KEY_TCP_STATE;
        key.bytes[2] = tcp_state;
    } else if (status & IPS_ASSURED) {
        key.bytes[2] = ASSURED;
    } else if (status & IPS_SEEN_REPLY) {
        key.bytes[2] = REPLIED;
    }
    return key;
}

/* --- names, as conntrack(8) prints them ------------------------------------------------------ */

static void name_protocol(uint8_t protocol, char ret[static 16]) {
    static const struct {
        uint8_t protocol;
        const char *name;
    } names[] = {
        {IPPROTO_ICMP, "icmp"},     {IPPROTO_TCP, "tcp"},   {IPPROTO_UDP, "udp"},
        {IPPROTO_DCCP, "dccp"},     {IPPROTO_GRE, "gre"},   {IPPROTO_ESP, "esp"},
        {IPPROTO_ICMPV6, "icmpv6"}, {IPPROTO_SCTP, "sctp"}, {IPPROTO_UDPLITE, "udplite"},
    };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (names[i].protocol == protocol) {
            (void)snprintf(ret, 16, "%s", names[i].name);
            return;
        }
    (void)snprintf(ret, 16, "protocol-%u", protocol);
}

/* tcp_conntrack_names of net/netfilter/nf_conntrack_proto_tcp.c. */
static void name_tcp_state(uint8_t state, char ret[static 16]) {
    static const char *const names[] = {
        [TCP_CONNTRACK_NONE] = "NONE",         [TCP_CONNTRACK_SYN_SENT] = "SYN_SENT",
        [TCP_CONNTRACK_SYN_RECV] = "SYN_RECV", [TCP_CONNTRACK_ESTABLISHED] = "ESTABLISHED",
        [TCP_CONNTRACK_FIN_WAIT] = "FIN_WAIT", [TCP_CONNTRACK_CLOSE_WAIT] = "CLOSE_WAIT",
        [TCP_CONNTRACK_LAST_ACK] = "LAST_ACK", [TCP_CONNTRACK_TIME_WAIT] = "TIME_WAIT",
        [TCP_CONNTRACK_CLOSE] = "CLOSE",       [TCP_CONNTRACK_SYN_SENT2] = "SYN_SENT2",
    };

    if (state < sizeof(names) / sizeof(names[0]))
        (void)snprintf(ret, 16, "%s", names[state]);
    else
        (void)snprintf(ret, 16, "%u", state);
}

static void name_source(const struct ctw_talker_key *key, char ret[static CTW_TALKER_NAME_MAX]) {
    const int family = key->bytes[0] == KEY_IPV6 ? AF_INET6 : AF_INET;

    if (inet_ntop(family, key->bytes + 4, ret, CTW_TALKER_NAME_MAX) == NULL)
        ret[0] = '\0'; /* cannot be: there is room */
    if (family == AF_INET6 && key->bytes[1] < 128) {
        const size_t length = strlen(ret);
        (void)snprintf(ret + length, CTW_TALKER_NAME_MAX - length, "/%u", key->bytes[1]);
    }
}

void ctw_talker_name(const struct ctw_talker_key *key, char ret[static CTW_TALKER_NAME_MAX]) {
    static const char *const progress[] = {
        [UNREPLIED] = "unreplied", [REPLIED] = "replied", [ASSURED] = "assured"};
    const uint8_t *bytes = key->bytes;
    char protocol[16], state[16];

    if (bytes[0] == KEY_IPV4 || bytes[0] == KEY_IPV6) {
        name_source(key, ret);
        return;
    }
    name_protocol(bytes[1], protocol);
    name_tcp_state(bytes[2], state);
    if (bytes[0] == KEY_TCP_STATE)
        (void)snprintf(ret, CTW_TALKER_NAME_MAX, "%s/%s", protocol, state);
    else if (bytes[0] == KEY_PROGRESS && bytes[2] <= ASSURED)
        (void)snprintf(ret, CTW_TALKER_NAME_MAX, "%s/%s", protocol, progress[bytes[2]]);
    else if (ctw_flow_has_ports(bytes[1]))
        (void)snprintf(ret, CTW_TALKER_NAME_MAX, "%s/%u", protocol,
                       (unsigned)bytes[2] << 8 | bytes[3]);
    else
        (void)snprintf(ret, CTW_TALKER_NAME_MAX, "%s", protocol);
}
