/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/filter/filter.h"
#include "lib/util/units.h"

/*
 * What a kernel filter can check is a conjunction. So for each node there is a cover: one condition
 * an attribute, all of which hold for every entry that the node matches. That of AND is the
 * conjunction of its parts' covers, that of OR the narrowest cover that includes them. A node and
 * its negation have separate covers, so NOT changes which one is computed.
 */

enum { IPV4 = 1, IPV6 = 2 };

struct ports {
    uint64_t min, max;
};

struct bits {
    uint32_t value, mask;
};

struct cover {
    bool nothing;
    uint8_t families;
    uint64_t protocols[4]; /* bit n % 64 of word n / 64: protocol n */
    uint16_t tcp_states;   /* that TCP may have; 0 where the protocol is not TCP */
    struct ctw_filter_prefix source, destination; /* family 0: any address */
    struct ports source_port, destination_port;   /* of protocols with ports */
    struct bits mark, status;
    int32_t zone; /* -1: any */
};

#define ANY_STATE 0xffffu

static const struct cover everything = {
    .families = IPV4 | IPV6,
    .protocols = {UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX},
    .tcp_states = ANY_STATE,
    .source_port = {0, UINT16_MAX},
    .destination_port = {0, UINT16_MAX},
    .zone = -1,
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

/* --- prefixes --------------------------------------------------------------------------------- */

/* Leading bits that are equal, at most @most. */
static uint8_t common_bits(const struct ctw_filter_prefix *a, const struct ctw_filter_prefix *b,
                           uint8_t most) {
    uint8_t n = 0;

    while (n < most && !((a->address[n / 8] ^ b->address[n / 8]) & 0x80 >> n % 8))
        n++;
    return n;
}

/* Return: false when no address is in both. */
static bool meet_prefix(struct ctw_filter_prefix *a, const struct ctw_filter_prefix *b) {
    const struct ctw_filter_prefix narrow = a->family == 0 || b->length > a->length ? *b : *a;
    const uint8_t least = a->length < b->length ? a->length : b->length;

    if (a->family != 0 && b->family != 0 &&
        (a->family != b->family || common_bits(a, b, least) < least))
        return false;
    if (b->family != 0)
        *a = narrow;
    return true;
}

static void join_prefix(struct ctw_filter_prefix *a, const struct ctw_filter_prefix *b) {
    if (a->family == 0 || a->family != b->family) {
        *a = (struct ctw_filter_prefix){0};
        return;
    }
    a->length = common_bits(a, b, a->length < b->length ? a->length : b->length);
    for (unsigned bit = a->length; bit < 128; bit++)
        a->address[bit / 8] &= (uint8_t) ~(0x80u >> bit % 8);
}

/* --- both ------------------------------------------------------------------------------------- */

static bool meet_ports(struct ports *a, const struct ports *b) {
    *a = (struct ports){ctw_most(a->min, b->min), ctw_least(a->max, b->max)};
    return a->min <= a->max;
}

static void join_ports(struct ports *a, const struct ports *b) {
    *a = (struct ports){ctw_least(a->min, b->min), ctw_most(a->max, b->max)};
}

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
    if (a.nothing || b->nothing || !meet_prefix(&a.source, &b->source) ||
        !meet_prefix(&a.destination, &b->destination) || !meet_bits(&a.mark, &b->mark) ||
        !meet_bits(&a.status, &b->status) || (a.zone >= 0 && b->zone >= 0 && a.zone != b->zone))
        return none;
    if (a.zone < 0)
        a.zone = b->zone;
    a.families &= b->families;
    for (size_t i = 0; i < 4; i++)
        a.protocols[i] &= b->protocols[i];
    a.tcp_states &= b->tcp_states;
    /* An entry without ports has none that could contradict. */
    if (!meet_ports(&a.source_port, &b->source_port) ||
        !meet_ports(&a.destination_port, &b->destination_port))
        return none;
    return normal(a);
}

static struct cover join(struct cover a, const struct cover *b) {
    if (a.nothing || b->nothing)
        return a.nothing ? *b : a;
    join_prefix(&a.source, &b->source);
    join_prefix(&a.destination, &b->destination);
    join_ports(&a.source_port, &b->source_port);
    join_ports(&a.destination_port, &b->destination_port);
    join_bits(&a.mark, &b->mark);
    join_bits(&a.status, &b->status);
    if (a.zone != b->zone)
        a.zone = -1;
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
    c->families = family_bit(n->prefix.family);
    if (n->end <= CTW_FILTER_DESTINATION)
        *(n->end == CTW_FILTER_SOURCE ? &c->source : &c->destination) = n->prefix;
}

static void cover_port(const struct ctw_filter_node *n, struct cover *c) {
    const struct ports ports = {n->range.min, n->range.max};

    only_with_ports(c);
    if (n->end == CTW_FILTER_SOURCE)
        c->source_port = ports;
    else if (n->end == CTW_FILTER_DESTINATION)
        c->destination_port = ports;
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
    case CTW_FILTER_FAMILY:
        c.families = family_bit(n->range.min);
        break;
    case CTW_FILTER_PROTOCOL:
        memset(c.protocols, 0, sizeof(c.protocols));
        add_protocol(&c, (unsigned)n->range.min);
        break;
    case CTW_FILTER_ADDRESS:
        cover_address(n, &c);
        break;
    case CTW_FILTER_PORT:
        cover_port(n, &c);
        break;
    case CTW_FILTER_STATE:
        cover_state(n, &c);
        break;
    case CTW_FILTER_STATUS:
        if ((n->bits.mask & (n->bits.mask - 1)) == 0) /* any of several is no conjunction */
            c.status = (struct bits){n->bits.mask, n->bits.mask};
        break;
    case CTW_FILTER_MARK:
        c.mark = (struct bits){n->bits.value, n->bits.mask};
        break;
    case CTW_FILTER_ZONE:
        if (n->range.min == n->range.max)
            c.zone = (int32_t)n->range.min;
        break;
    }
    return normal(c);
}

static struct cover cover_negated(const struct ctw_filter_node *n) {
    struct cover c = everything;

    switch (n->kind) {
    case CTW_FILTER_ALL:
        return none;
    case CTW_FILTER_FAMILY:
        c.families &= (uint8_t)~family_bit(n->range.min);
        break;
    case CTW_FILTER_PROTOCOL:
        remove_protocol(&c, (unsigned)n->range.min);
        break;
    case CTW_FILTER_STATE:
        c.tcp_states &= (uint16_t)~n->states.tcp;
        break;
    case CTW_FILTER_STATUS:
        c.status = (struct bits){0, n->bits.mask};
        break;
    case CTW_FILTER_MARK:
        if ((n->bits.mask & (n->bits.mask - 1)) == 0)
            c.mark = (struct bits){n->bits.value ^ n->bits.mask, n->bits.mask};
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

static bool is_address(const struct ctw_filter_prefix *p) {
    return p->family == AF_INET && p->length == 32;
}

/* The kernel compares ports of TCP and UDP only. */
static void describe_tuple(const struct cover *c, struct ctw_filter_dump *ret) {
    ret->has_protocol = list_protocols(c, 1, &ret->protocol) == 1;
    ret->has_source = is_address(&c->source);
    ret->has_destination = is_address(&c->destination);
    if (ret->has_source)
        memcpy(ret->source, c->source.address, sizeof(ret->source));
    if (ret->has_destination)
        memcpy(ret->destination, c->destination.address, sizeof(ret->destination));
    if (!ret->has_protocol || (ret->protocol != IPPROTO_TCP && ret->protocol != IPPROTO_UDP))
        return;
    ret->has_source_port = c->source_port.min == c->source_port.max;
    ret->has_destination_port = c->destination_port.min == c->destination_port.max;
    ret->source_port = ret->has_source_port ? (uint16_t)c->source_port.min : 0;
    ret->destination_port = ret->has_destination_port ? (uint16_t)c->destination_port.min : 0;
}

void ctw_filter_for_dump(const struct ctw_filter *f, struct ctw_filter_dump *ret) {
    const struct cover c = cover(f, f->root, false);

    memset(ret, 0, sizeof(*ret));
    ret->nothing = c.nothing;
    if (c.nothing)
        return;
    ret->mark = c.mark.value;
    ret->mark_mask = c.mark.mask;
    ret->status = c.status.value;
    ret->status_mask = c.status.mask;
    ret->zone = c.zone > 0 ? (uint16_t)c.zone : 0;
    if (c.families == (IPV4 | IPV6))
        return;
    ret->family = c.families == IPV6 ? AF_INET6 : AF_INET;
    describe_tuple(&c, ret);
}

static void describe_address(const struct ctw_filter_prefix *p, struct ctw_filter_events *ret,
                             uint8_t address[static 16], uint8_t mask[static 16]) {
    if (p->family == 0 || p->length == 0)
        return;
    ret->family = p->family;
    memcpy(address, p->address, sizeof(p->address));
    for (unsigned bit = 0; bit < p->length; bit++)
        mask[bit / 8] |= (uint8_t)(0x80u >> bit % 8);
}

void ctw_filter_for_events(const struct ctw_filter *f, struct ctw_filter_events *ret) {
    const struct cover c = cover(f, f->root, false);

    memset(ret, 0, sizeof(*ret));
    ret->nothing = c.nothing;
    if (c.nothing)
        return;
    const unsigned n = list_protocols(&c, CTW_FILTER_PROTOCOLS_MAX, ret->protocols);
    if (n <= CTW_FILTER_PROTOCOLS_MAX)
        ret->n_protocols = (uint8_t)n;
    else
        memset(ret->protocols, 0, sizeof(ret->protocols));
    if (c.tcp_states != ANY_STATE)
        ret->tcp_states = c.tcp_states;
    ret->mark = c.mark.value;
    ret->mark_mask = c.mark.mask;
    describe_address(&c.source, ret, ret->source, ret->source_mask);
    describe_address(&c.destination, ret, ret->destination, ret->destination_mask);
}
