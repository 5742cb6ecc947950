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

/* --- descriptions ----------------------------------------------------------------------------- */

/* Return: how many protocols there are, of which @ret has the first @max. */
static unsigned list_protocols(const struct cover *c, unsigned max, uint8_t *ret) {
    unsigned n = 0;

    for (unsigned p = 0; p < 256; p++)
        if (has_protocol(c, p)) {
            if (n < max)
                ret[n] = (uint8_t)p;
            n++;
        }
    return n;
}

static bool is_known(const struct cover *c, enum field field, uint32_t bits) {
    return c->fields[field].mask == bits;
}

/* The kernel compares ports of TCP and UDP only. */
static void describe_tuple(const struct cover *c, struct ctw_filter_dump *ret) {
    const struct bits *fields = c->fields;

    ret->has_protocol = list_protocols(c, 1, &ret->protocol) == 1;
    ret->has_source = c->families == IPV4 && is_known(c, SOURCE, UINT32_MAX);
    ret->has_destination = c->families == IPV4 && is_known(c, DESTINATION, UINT32_MAX);
    if (ret->has_source)
        memcpy(ret->source, &fields[SOURCE].value, sizeof(ret->source));
    if (ret->has_destination)
        memcpy(ret->destination, &fields[DESTINATION].value, sizeof(ret->destination));
    if (!ret->has_protocol || (ret->protocol != IPPROTO_TCP && ret->protocol != IPPROTO_UDP))
        return;
    ret->has_source_port = is_known(c, SOURCE_PORT, UINT16_MAX);
    ret->has_destination_port = is_known(c, DESTINATION_PORT, UINT16_MAX);
    ret->source_port = ret->has_source_port ? (uint16_t)fields[SOURCE_PORT].value : 0;
    ret->destination_port =
        ret->has_destination_port ? (uint16_t)fields[DESTINATION_PORT].value : 0;
}

void ctw_filter_for_dump(const struct ctw_filter *f, struct ctw_filter_dump *ret) {
    const struct cover c = cover(f, f->root, false);

    *ret = (struct ctw_filter_dump){
        .nothing = c.nothing,
        .mark = c.fields[MARK].value,
        .mark_mask = c.fields[MARK].mask,
        .status = c.fields[STATUS].value,
        .status_mask = c.fields[STATUS].mask,
        .zone = is_known(&c, ZONE, UINT16_MAX) ? (uint16_t)c.fields[ZONE].value : 0,
    };
    if (c.nothing || c.families == (IPV4 | IPV6))
        return;
    ret->family = c.families == IPV6 ? AF_INET6 : AF_INET;
    describe_tuple(&c, ret);
}

/* Return: whether any bit is known. */
static bool describe_address(const struct bits words[static 4], uint8_t address[static 16],
                             uint8_t mask[static 16]) {
    uint32_t any = 0;

    for (size_t i = 0; i < 4; i++) {
        memcpy(address + 4 * i, &words[i].value, 4);
        memcpy(mask + 4 * i, &words[i].mask, 4);
        any |= words[i].mask;
    }
    return any != 0;
}

void ctw_filter_for_events(const struct ctw_filter *f, struct ctw_filter_events *ret) {
    const struct cover c = cover(f, f->root, false);

    *ret = (struct ctw_filter_events){
        .nothing = c.nothing, .mark = c.fields[MARK].value, .mark_mask = c.fields[MARK].mask};
    if (c.nothing)
        return;
    const unsigned n = list_protocols(&c, CTW_FILTER_PROTOCOLS_MAX, ret->protocols);
    if (n <= CTW_FILTER_PROTOCOLS_MAX)
        ret->n_protocols = (uint8_t)n;
    else
        memset(ret->protocols, 0, sizeof(ret->protocols));
    if (c.tcp_states != ANY_STATE)
        ret->tcp_states = c.tcp_states;
    if (c.families == (IPV4 | IPV6))
        return;
    const bool source = describe_address(&c.fields[SOURCE], ret->source, ret->source_mask);
    if (describe_address(&c.fields[DESTINATION], ret->destination, ret->destination_mask) || source)
        ret->family = c.families == IPV6 ? AF_INET6 : AF_INET;
}
