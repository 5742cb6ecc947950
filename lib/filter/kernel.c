/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <netinet/in.h>
#include <string.h>

#include "lib/filter/filter.h"

/*
 * What a kernel filter can check is a conjunction. So for each node there is a cover: one condition
 * an attribute, all of which hold for every entry that the node matches. That of AND is the
 * conjunction of its parts' covers, that of OR the narrowest cover that includes them. A node and
 * its negation have separate covers, so NOT changes which one is computed.
 */

enum { IPV4 = 1, IPV6 = 2 };

/* The bits of an attribute that are known. Addresses have four, of their bytes as they are in
 * memory; in a cover of both families they mean nothing. */
enum field {
    MARK,
    STATUS,
    ZONE,
    SOURCE_PORT, /* of protocols with ports */
    DESTINATION_PORT,
    SOURCE,
    DESTINATION = SOURCE + 4,
    FIELDS = DESTINATION + 4,
};

struct bits {
    uint32_t value, mask;
};

struct cover {
    bool nothing;
    uint8_t families;
    uint64_t protocols[4]; /* bit n % 64 of word n / 64: protocol n */
    uint16_t tcp_states;   /* that TCP may have; 0 where the protocol is not TCP */
    struct bits fields[FIELDS];
};

#define ANY_STATE 0xffffu

static const struct cover everything = {
    .families = IPV4 | IPV6,
    .protocols = {UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX},
    .tcp_states = ANY_STATE,
};

static const struct cover none = {.nothing = true};

/* --- sets of protocols ------------------------------------------------------------------------ */

static bool has_protocol(const struct cover *c, unsigned protocol) {
    return c->protocols[protocol / 64] >> protocol % 64 & 1;
}

static void add_protocol(struct cover *c, unsigned protocol) {
    c->protocols[protocol / 64] |= UINT64_C(1) << protocol % 64;
}

static void remove_protocol(struct cover *c, unsigned protocol) {
    c->protocols[protocol / 64] &= ~(UINT64_C(1) << protocol % 64);
}

static void only_with_ports(struct cover *c) {
    for (unsigned p = 0; p < 256; p++)
        if (!ctw_flow_has_ports((uint8_t)p))
            remove_protocol(c, p);
}

/* A cover that includes no entry is `none`, and states are those of TCP. */
static struct cover normal(struct cover c) {
    if (!has_protocol(&c, IPPROTO_TCP))
        c.tcp_states = 0;
    else if (c.tcp_states == 0)
        remove_protocol(&c, IPPROTO_TCP);
    const bool protocols = c.protocols[0] | c.protocols[1] | c.protocols[2] | c.protocols[3];
    return c.nothing || c.families == 0 || !protocols ? none : c;
}

/* --- both ------------------------------------------------------------------------------------- */

static bool meet_bits(struct bits *a, const struct bits *b) {
    if ((a->value ^ b->value) & a->mask & b->mask)
        return false;
    a->value |= b->value;
    a->mask |= b->mask;
    return true;
}

static void join_bits(struct bits *a, const struct bits *b) {
    a->mask &= b->mask & ~(a->value ^ b->value);
    a->value &= a->mask;
}

static struct cover meet(struct cover a, const struct cover *b) {
    a.families &= b->families;
    if (a.nothing || b->nothing || a.families == 0)
        return none;
    for (size_t i = 0; i < FIELDS; i++)
        if (!meet_bits(&a.fields[i], &b->fields[i]))
            return none;
    for (size_t i = 0; i < 4; i++)
        a.protocols[i] &= b->protocols[i];
    a.tcp_states &= b->tcp_states;
    return normal(a);
}

static struct cover join(struct cover a, const struct cover *b) {
    if (a.nothing || b->nothing)
        return a.nothing ? *b : a;
    for (size_t i = 0; i < FIELDS; i++)
        join_bits(&a.fields[i], &b->fields[i]);
    a.families |= b->families;
    for (size_t i = 0; i < 4; i++)
        a.protocols[i] |= b->protocols[i];
    a.tcp_states |= b->tcp_states;
    return a;
}

/* --- covers of conditions --------------------------------------------------------------------- */

static uint8_t family_bit(uint64_t family) {
    return family == AF_INET6 ? IPV6 : IPV4;
}

static void cover_address(const struct ctw_filter_node *n, struct cover *c) {
    uint8_t mask[16] = {0};

    c->families = family_bit(n->prefix.family);
    if (n->end > CTW_FILTER_DESTINATION)
        return;
    for (unsigned bit = 0; bit < n->prefix.length; bit++)
        mask[bit / 8] |= (uint8_t)(0x80u >> bit % 8);
    struct bits *words = &c->fields[n->end == CTW_FILTER_SOURCE ? SOURCE : DESTINATION];
    for (size_t i = 0; i < 4; i++) {
        memcpy(&words[i].value, n->prefix.address + 4 * i, 4);
        memcpy(&words[i].mask, mask + 4 * i, 4);
    }
}

static void cover_port(const struct ctw_filter_node *n, struct cover *c) {
    only_with_ports(c);
    if (n->end <= CTW_FILTER_DESTINATION && n->range.min == n->range.max)
        c->fields[n->end == CTW_FILTER_SOURCE ? SOURCE_PORT : DESTINATION_PORT] =
            (struct bits){(uint32_t)n->range.min, UINT16_MAX};
}

static void cover_state(const struct ctw_filter_node *n, struct cover *c) {
    memset(c->protocols, 0, sizeof(c->protocols));
    if (n->states.tcp)
        add_protocol(c, IPPROTO_TCP);
    if (n->states.sctp)
        add_protocol(c, IPPROTO_SCTP);
    if (n->states.dccp)
        add_protocol(c, IPPROTO_DCCP);
    c->tcp_states = n->states.tcp;
}

static struct cover cover_condition(const struct ctw_filter_node *n) {
    struct cover c = everything;

    switch (n->kind) {
    case CTW_FILTER_FAMILY: c.families = family_bit(n->range.min); break;
    case CTW_FILTER_PROTOCOL:
        memset(c.protocols, 0, sizeof(c.protocols));
        add_protocol(&c, (unsigned)n->range.min);
        break;
    case CTW_FILTER_ADDRESS: cover_address(n, &c); break;
    case CTW_FILTER_PORT: cover_port(n, &c); break;
    case CTW_FILTER_STATE: cover_state(n, &c); break;
    case CTW_FILTER_STATUS:
        if ((n->bits.mask & (n->bits.mask - 1)) == 0) /* any of several is no conjunction */
            c.fields[STATUS] = (struct bits){n->bits.mask, n->bits.mask};
        break;
    case CTW_FILTER_MARK: c.fields[MARK] = (struct bits){n->bits.value, n->bits.mask}; break;
    case CTW_FILTER_ZONE:
        if (n->range.min == n->range.max)
            c.fields[ZONE] = (struct bits){(uint32_t)n->range.min, UINT16_MAX};
        break;
    }
    return normal(c);
}

static struct cover cover_negated(const struct ctw_filter_node *n) {
    struct cover c = everything;

    switch (n->kind) {
    case CTW_FILTER_ALL: return none;
    case CTW_FILTER_FAMILY: c.families &= (uint8_t)~family_bit(n->range.min); break;
    case CTW_FILTER_PROTOCOL: remove_protocol(&c, (unsigned)n->range.min); break;
    case CTW_FILTER_STATE: c.tcp_states &= (uint16_t)~n->states.tcp; break;
    case CTW_FILTER_STATUS: c.fields[STATUS] = (struct bits){0, n->bits.mask}; break;
    case CTW_FILTER_MARK:
        if ((n->bits.mask & (n->bits.mask - 1)) == 0)
            c.fields[MARK] = (struct bits){n->bits.value ^ n->bits.mask, n->bits.mask};
        break;
    }
    return normal(c);
}

static struct cover cover(const struct ctw_filter *f, uint16_t node, bool negated) {
    const struct ctw_filter_node *n = &f->nodes[node];

    if (n->kind == CTW_FILTER_NOT)
        return cover(f, n->first, !negated);
    if (n->kind != CTW_FILTER_AND && n->kind != CTW_FILTER_OR)
        return negated ? cover_negated(n) : cover_condition(n);

    const bool conjunction = (n->kind == CTW_FILTER_AND) != negated;
    struct cover c = conjunction ? everything : none;
    for (uint16_t i = n->first; i > 0; i = f->nodes[i].next) {
        const struct cover part = cover(f, i, negated);
        c = conjunction ? meet(c, &part) : join(c, &part);
    }
    return c;
}

/* --- description ------------------------------------------------------------------------------ */

/* All of them where they fit, otherwise none. */
static void describe_protocols(const struct cover *c, struct ctw_filter_kernel *ret) {
    uint8_t all[256];
    unsigned n = 0;

    for (unsigned p = 0; p < 256; p++)
        if (has_protocol(c, p))
            all[n++] = (uint8_t)p;
    if (n > CTW_FILTER_PROTOCOLS_MAX)
        return;
    ret->n_protocols = (uint8_t)n;
    memcpy(ret->protocols, all, n);
}

/* 0: not known. */
static uint16_t number(const struct cover *c, enum field field) {
    return c->fields[field].mask == UINT16_MAX ? (uint16_t)c->fields[field].value : 0;
}

static void describe_address(const struct bits words[static 4], uint8_t address[static 16],
                             uint8_t mask[static 16]) {
    for (size_t i = 0; i < 4; i++) {
        memcpy(address + 4 * i, &words[i].value, 4);
        memcpy(mask + 4 * i, &words[i].mask, 4);
    }
}

void ctw_filter_for_kernel(const struct ctw_filter *f, struct ctw_filter_kernel *ret) {
    const struct cover c = cover(f, f->root, false);

    *ret = (struct ctw_filter_kernel){
        .nothing = c.nothing,
        .mark = c.fields[MARK].value,
        .mark_mask = c.fields[MARK].mask,
        .status = c.fields[STATUS].value,
        .status_mask = c.fields[STATUS].mask,
        .zone = number(&c, ZONE),
    };
    if (c.nothing)
        return;
    describe_protocols(&c, ret);
    if (c.tcp_states != ANY_STATE)
        ret->tcp_states = c.tcp_states;
    /* The kernel compares ports of TCP and UDP only. */
    if (ret->n_protocols == 1 &&
        (ret->protocols[0] == IPPROTO_TCP || ret->protocols[0] == IPPROTO_UDP)) {
        ret->source_port = number(&c, SOURCE_PORT);
        ret->destination_port = number(&c, DESTINATION_PORT);
    }
    if (c.families == (IPV4 | IPV6))
        return;
    ret->family = c.families == IPV6 ? AF_INET6 : AF_INET;
    describe_address(&c.fields[SOURCE], ret->source, ret->source_mask);
    describe_address(&c.fields[DESTINATION], ret->destination, ret->destination_mask);
}
