/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/kernel/flow.h"

#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <string.h>

/*
 * A TCP flow's NEW event, as Linux 6.18 sends it:
 *
 *   nlmsghdr   length 196, type 0x0100 (CTNETLINK, CT_NEW), flags 0x600 (CREATE, EXCL)
 *   nfgenmsg   family AF_INET, version 0, res_id 0
 *   CTA_TUPLE_ORIG    { CTA_TUPLE_IP    { V4_SRC 127.16.0.0, V4_DST 127.0.0.1 }
 *                       CTA_TUPLE_PROTO { NUM 6, SRC_PORT 1024, DST_PORT 80 } }
 *   CTA_TUPLE_REPLY   { the reverse, or what NAT made of it }
 *   CTA_ID 0xadc62307
 *   CTA_STATUS 0x8    (IPS_CONFIRMED)
 *   CTA_TIMEOUT 120
 *   CTA_PROTOINFO     { CTA_PROTOINFO_TCP { STATE 1, four more } }
 *
 * An entry of a dump has flags 0x002 (MULTI) instead. A zone for both directions is CTA_ZONE, for
 * one of them CTA_TUPLE_ZONE. Numbers are in network order, attributes padded to four bytes. Of an
 * attribute that comes twice the last one counts, as in the kernel's nla_parse() and in
 * libnetfilter_conntrack.
 */

/* --- attributes ------------------------------------------------------------------------------- */

/* What is left of a message, or of an attribute that holds others. */
struct span {
    const uint8_t *at;
    size_t left;
};

struct attribute {
    uint16_t type;
    struct span value;
};

/*
 * With libmnl, which takes several calls into a shared library per attribute, a message took five
 * times as long.
 *
 * Return: 1; 0 at the end; -EBADMSG when the bytes left are no attribute.
 */
static inline int next_attribute(struct span *s, struct attribute *ret) {
    struct nlattr header;

    if (s->left == 0)
        return 0;
    if (s->left < sizeof(header))
        return -EBADMSG;
    memcpy(&header, s->at, sizeof(header));
    if (header.nla_len < sizeof(header) || header.nla_len > s->left)
        return -EBADMSG;

    ret->type = header.nla_type & NLA_TYPE_MASK;
    ret->value.at = s->at + sizeof(header);
    ret->value.left = header.nla_len - sizeof(header);

    /* The last one may lack its padding. */
    const size_t padded = NLA_ALIGN((size_t)header.nla_len);
    const size_t step = padded < s->left ? padded : s->left;
    s->at += step;
    s->left -= step;
    return 1;
}

/* The last attribute of @type in @s. Return: 1; 0: there is none; -EBADMSG. */
static inline int find(struct span s, uint16_t type, struct span *ret) {
    struct attribute a;
    int r, found = 0;

    while ((r = next_attribute(&s, &a)) > 0)
        if (a.type == type) {
            *ret = a.value;
            found = 1;
        }
    return r < 0 ? r : found;
}

static inline int take_bytes(struct span s, void *ret, size_t size) {
    if (s.left != size)
        return -EBADMSG;
    memcpy(ret, s.at, size);
    return 0;
}

static inline int take_16(struct span s, uint16_t *ret) {
    if (take_bytes(s, ret, sizeof(*ret)) < 0)
        return -EBADMSG;
    *ret = ntohs(*ret);
    return 0;
}

static inline int take_32(struct span s, uint32_t *ret) {
    if (take_bytes(s, ret, sizeof(*ret)) < 0)
        return -EBADMSG;
    *ret = ntohl(*ret);
    return 0;
}

/* What a message must contain. */
enum { HAS_SOURCE = 1, HAS_DESTINATION = 2, HAS_PROTOCOL = 4, HAS_ALL = 7 };

/* --- entries ---------------------------------------------------------------------------------- */

/* Addresses of the other family are ignored. */
static inline int parse_addresses(struct span s, struct ctw_flow *flow, unsigned *has) {
    const bool v4 = flow->family == AF_INET;
    const size_t size = v4 ? sizeof(struct in_addr) : sizeof(struct in6_addr);
    const uint16_t source = v4 ? CTA_IP_V4_SRC : CTA_IP_V6_SRC;
    const uint16_t destination = v4 ? CTA_IP_V4_DST : CTA_IP_V6_DST;
    struct attribute a;
    int r;

    while ((r = next_attribute(&s, &a)) > 0) {
        if (a.type == source) {
            r = take_bytes(a.value, flow->source, size);
            *has |= HAS_SOURCE;
        } else if (a.type == destination) {
            r = take_bytes(a.value, flow->destination, size);
            *has |= HAS_DESTINATION;
        }
        if (r < 0)
            break;
    }
    return r;
}

static inline int parse_protocol(struct span s, struct ctw_flow *flow, unsigned *has) {
    struct attribute a;
    int r;

    while ((r = next_attribute(&s, &a)) > 0) {
        if (a.type == CTA_PROTO_NUM) {
            r = take_bytes(a.value, &flow->protocol, sizeof(flow->protocol));
            *has |= HAS_PROTOCOL;
        } else if (a.type == CTA_PROTO_SRC_PORT) {
            r = take_16(a.value, &flow->source_port);
        } else if (a.type == CTA_PROTO_DST_PORT) {
            r = take_16(a.value, &flow->destination_port);
        }
        if (r < 0)
            break;
    }
    return r;
}

/* The layout of nearly each tuple of a flood: IPv4, and a protocol with ports. */
struct usual_tuple {
    struct nlattr addresses;
    struct nlattr source_header;
    uint8_t source[4];
    struct nlattr destination_header;
    uint8_t destination[4];
    struct nlattr protocol;
    struct nlattr number_header;
    uint8_t number, number_padding[3];
    struct nlattr source_port_header;
    uint16_t source_port, source_port_padding;
    struct nlattr destination_port_header;
    uint16_t destination_port, destination_port_padding;
};
_Static_assert(sizeof(struct usual_tuple) == 48, "the layout of the message");

static inline bool is_header(struct nlattr a, uint16_t type, size_t size) {
    return a.nla_type == type && a.nla_len == sizeof(a) + size;
}

/*
 * In the general loop each attribute depends on the length of the one before. Checking an expected
 * layout takes a third of the time.
 *
 * Return: whether the tuple has that layout, and was read; any other takes the general loop.
 */
static inline bool parse_usual_tuple(struct span s, struct ctw_flow *flow, unsigned *has) {
    struct usual_tuple t;

    if (s.left != sizeof(t) || flow->family != AF_INET)
        return false;
    memcpy(&t, s.at, sizeof(t));
    if (!is_header(t.addresses, CTA_TUPLE_IP | NLA_F_NESTED, 16) ||
        !is_header(t.source_header, CTA_IP_V4_SRC, 4) ||
        !is_header(t.destination_header, CTA_IP_V4_DST, 4) ||
        !is_header(t.protocol, CTA_TUPLE_PROTO | NLA_F_NESTED, 24) ||
        !is_header(t.number_header, CTA_PROTO_NUM, 1) ||
        !is_header(t.source_port_header, CTA_PROTO_SRC_PORT, 2) ||
        !is_header(t.destination_port_header, CTA_PROTO_DST_PORT, 2))
        return false;

    memcpy(flow->source, t.source, sizeof(t.source));
    memcpy(flow->destination, t.destination, sizeof(t.destination));
    flow->protocol = t.number;
    flow->source_port = ntohs(t.source_port);
    flow->destination_port = ntohs(t.destination_port);
    *has = HAS_ALL;
    return true;
}

static inline int parse_tuple(struct span s, struct ctw_flow *flow, unsigned *has) {
    struct attribute a;
    int r;

    if (parse_usual_tuple(s, flow, has))
        return 0;
    while ((r = next_attribute(&s, &a)) > 0) {
        if (a.type == CTA_TUPLE_IP)
            r = parse_addresses(a.value, flow, has);
        else if (a.type == CTA_TUPLE_PROTO)
            r = parse_protocol(a.value, flow, has);
        else if (a.type == CTA_TUPLE_ZONE)
            r = take_16(a.value, &flow->zone);
        if (r < 0)
            break;
    }
    return r;
}

/* CTA_PROTOINFO { CTA_PROTOINFO_TCP { CTA_PROTOINFO_TCP_STATE } }, and the same of other protocols.
 * Return: as find(). */
static inline int parse_state(struct span s, uint16_t protocol, uint16_t state, uint8_t *ret) {
    struct span inner;

    int r = find(s, protocol, &inner);
    if (r > 0)
        r = find(inner, state, &inner);
    return r > 0 && take_bytes(inner, ret, sizeof(*ret)) < 0 ? -EBADMSG : r;
}

static inline int parse_entry(struct span s, struct ctw_flow *flow, unsigned *has) {
    struct attribute a;
    int r;

    while ((r = next_attribute(&s, &a)) > 0) {
        switch (a.type) {
        case CTA_TUPLE_ORIG: r = parse_tuple(a.value, flow, has); break;
        case CTA_STATUS: r = take_32(a.value, &flow->status); break;
        case CTA_TIMEOUT: r = take_32(a.value, &flow->timeout_sec); break;
        case CTA_PROTOINFO:
            r = parse_state(a.value, CTA_PROTOINFO_TCP, CTA_PROTOINFO_TCP_STATE, &flow->tcp_state);
            flow->has_tcp_state |= r > 0;
            break;
        case CTA_ZONE: r = take_16(a.value, &flow->zone); break;
        }
        if (r < 0)
            break;
    }
    return r;
}

/* A new entry differs from a changed one only by its flags. */
static int event_of(const struct nlmsghdr *header, enum ctw_flow_event *ret) {
    if (NFNL_SUBSYS_ID(header->nlmsg_type) != NFNL_SUBSYS_CTNETLINK)
        return -ENOMSG;
    if (NFNL_MSG_TYPE(header->nlmsg_type) == IPCTNL_MSG_CT_DELETE)
        *ret = CTW_FLOW_DESTROY;
    else if (NFNL_MSG_TYPE(header->nlmsg_type) != IPCTNL_MSG_CT_NEW)
        return -ENOMSG;
    else if (header->nlmsg_flags & (NLM_F_CREATE | NLM_F_MULTI))
        *ret = CTW_FLOW_NEW;
    else
        *ret = CTW_FLOW_UPDATE;
    return 0;
}

bool ctw_flow_has_ports(uint8_t protocol) {
    return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP || protocol == IPPROTO_SCTP ||
           protocol == IPPROTO_DCCP || protocol == IPPROTO_UDPLITE;
}

int ctw_flow_parse(const void *message, size_t length, struct ctw_flow *ret) {
    struct ctw_flow flow = {0};
    struct nlmsghdr header;
    struct nfgenmsg family;
    unsigned has = 0;
    int r;

    if (length < sizeof(header))
        return -EBADMSG;
    memcpy(&header, message, sizeof(header));
    if (header.nlmsg_len < sizeof(header) || header.nlmsg_len > length)
        return -EBADMSG;
    r = event_of(&header, &flow.event);
    if (r < 0)
        return r;

    struct span s = {(const uint8_t *)message + sizeof(header), header.nlmsg_len - sizeof(header)};
    if (s.left < sizeof(family))
        return -EBADMSG;
    memcpy(&family, s.at, sizeof(family));
    s.at += sizeof(family);
    s.left -= sizeof(family);
    if (family.nfgen_family != AF_INET && family.nfgen_family != AF_INET6)
        return -EBADMSG;
    flow.family = family.nfgen_family;

    r = parse_entry(s, &flow, &has);
    if (r < 0)
        return r;
    if (has != HAS_ALL)
        return -EBADMSG;
    if (!ctw_flow_has_ports(flow.protocol)) /* the keys of a GRE tunnel are sent as ports */
        flow.source_port = flow.destination_port = 0;
    *ret = flow;
    return 0;
}

/* --- details ---------------------------------------------------------------------------------- */

/*
 *   CTA_HELP            { CTA_HELP_NAME "ftp" }
 *   CTA_COUNTERS_ORIG   { CTA_COUNTERS_PACKETS, CTA_COUNTERS_BYTES: 64 bits each }
 *   CTA_PROTOINFO       { CTA_PROTOINFO_SCTP { CTA_PROTOINFO_SCTP_STATE 4, two more } }
 *   CTA_LABELS          16 bytes: unsigned longs, in which label n is bit n (test_bit() in
 *                       xt_connlabel.c). libnetfilter_conntrack 1.0.9 reads words of 32 bits, which
 *                       on a big-endian machine of 64 bits is label n ^ 32.
 */

static inline int take_64(struct span s, uint64_t *ret) {
    if (take_bytes(s, ret, sizeof(*ret)) < 0)
        return -EBADMSG;
    *ret = be64toh(*ret);
    return 0;
}

static int add_counters(struct span s, struct ctw_flow_details *d) {
    struct attribute a;
    int r;

    while ((r = next_attribute(&s, &a)) > 0) {
        uint64_t value;
        if (a.type != CTA_COUNTERS_PACKETS && a.type != CTA_COUNTERS_BYTES)
            continue;
        r = take_64(a.value, &value);
        if (r < 0)
            break;
        *(a.type == CTA_COUNTERS_PACKETS ? &d->packets : &d->bytes) += value;
    }
    return r;
}

static int parse_helper(struct span s, struct ctw_flow_details *d) {
    const size_t size = sizeof(d->helper) - 1;
    struct span name;

    const int r = find(s, CTA_HELP_NAME, &name);
    if (r > 0) {
        memset(d->helper, 0, sizeof(d->helper));
        memcpy(d->helper, name.at,
               strnlen((const char *)name.at, name.left < size ? name.left : size));
    }
    return r;
}

static void parse_labels(struct span s, struct ctw_flow_details *d) {
    unsigned long words[CTW_LABELS / 8 / sizeof(long)] = {0};

    memcpy(words, s.at, s.left < sizeof(words) ? s.left : sizeof(words));
    for (unsigned i = 0; i < CTW_LABELS / 32; i++)
        d->labels[i] = (uint32_t)(words[i * 4 / sizeof(long)] >> i * 32 % (8 * sizeof(long)));
}

/* @tuples: of both directions, with their zones. */
static int parse_detail(struct attribute a, struct ctw_flow tuples[static 2],
                        struct ctw_flow_details *d) {
    unsigned has = 0;
    int r;

    switch (a.type) {
    case CTA_TUPLE_ORIG: return parse_tuple(a.value, &tuples[0], &has);
    case CTA_TUPLE_REPLY: return parse_tuple(a.value, &tuples[1], &has);
    case CTA_ZONE: return take_16(a.value, &d->zone);
    case CTA_MARK: return take_32(a.value, &d->mark);
    case CTA_HELP: return parse_helper(a.value, d);
    case CTA_LABELS: parse_labels(a.value, d); return 0;
    case CTA_COUNTERS_ORIG:
    case CTA_COUNTERS_REPLY: return add_counters(a.value, d);
    case CTA_PROTOINFO:
        r = parse_state(a.value, CTA_PROTOINFO_SCTP, CTA_PROTOINFO_SCTP_STATE, &d->state);
        return r != 0
                   ? r
                   : parse_state(a.value, CTA_PROTOINFO_DCCP, CTA_PROTOINFO_DCCP_STATE, &d->state);
    }
    return 0;
}

int ctw_flow_parse_details(const void *message, const struct ctw_flow *flow,
                           struct ctw_flow_details *ret) {
    const size_t skip = sizeof(struct nlmsghdr) + sizeof(struct nfgenmsg);
    struct ctw_flow tuples[2] = {{.family = flow->family}, {.family = flow->family}};
    struct ctw_flow_details d = {0};
    struct nlmsghdr header;
    struct attribute a;
    int r;

    memcpy(&header, message, sizeof(header));
    struct span s = {(const uint8_t *)message + skip, header.nlmsg_len - skip};
    while ((r = next_attribute(&s, &a)) > 0) {
        r = parse_detail(a, tuples, &d);
        if (r < 0)
            return r;
    }
    if (r < 0)
        return r;
    if (d.zone == 0)
        d.zone = tuples[0].zone != 0 ? tuples[0].zone : tuples[1].zone;
    memcpy(d.reply_source, tuples[1].source, sizeof(d.reply_source));
    memcpy(d.reply_destination, tuples[1].destination, sizeof(d.reply_destination));
    if (ctw_flow_has_ports(flow->protocol)) {
        d.reply_source_port = tuples[1].source_port;
        d.reply_destination_port = tuples[1].destination_port;
    }
    *ret = d;
    return 0;
}

/* --- events ----------------------------------------------------------------------------------- */

/* The layout that ctnetlink_fill_info() has given to each event since Linux 2.6.14; the source has
 * 4 or 16 bytes. */
struct event_head {
    struct nlmsghdr header;
    struct nfgenmsg family;
    struct nlattr tuple, addresses, source_header;
    uint8_t source[16];
};
_Static_assert(sizeof(struct event_head) == 48, "the layout of the message");
_Static_assert(sizeof(struct event_head) <= CTW_EVENT_HEAD, "what is read of an event");

static inline bool is_type(struct nlattr a, uint16_t type) {
    return (a.nla_type & NLA_TYPE_MASK) == type;
}

/* Return: bytes of the source address; 0 when it is not where it is expected. */
static inline size_t source_size(const struct event_head *h, size_t length) {
    const bool v4 = h->family.nfgen_family == AF_INET;
    const size_t size = v4 ? sizeof(struct in_addr) : sizeof(struct in6_addr);

    if ((!v4 && h->family.nfgen_family != AF_INET6) ||
        length < offsetof(struct event_head, source) + size || !is_type(h->tuple, CTA_TUPLE_ORIG) ||
        !is_type(h->addresses, CTA_TUPLE_IP) ||
        !is_type(h->source_header, v4 ? CTA_IP_V4_SRC : CTA_IP_V6_SRC) ||
        h->source_header.nla_len != sizeof(struct nlattr) + size ||
        h->addresses.nla_len < sizeof(struct nlattr) + h->source_header.nla_len ||
        h->tuple.nla_len < sizeof(struct nlattr) + h->addresses.nla_len)
        return 0;
    return size;
}

int ctw_event_parse(const void *head, size_t length, struct ctw_event *ret) {
    struct event_head h = {0};
    struct ctw_event event = {0};

    if (length < sizeof(h.header) + sizeof(h.family))
        return -EBADMSG;
    memcpy(&h, head, length < sizeof(h) ? length : sizeof(h));
    if (h.header.nlmsg_len < length)
        length = h.header.nlmsg_len;
    if (length < sizeof(h.header) + sizeof(h.family))
        return -EBADMSG;
    const int r = event_of(&h.header, &event.kind);
    if (r < 0)
        return r;

    const size_t size = source_size(&h, length);
    event.has_source = size > 0;
    event.family = h.family.nfgen_family;
    memcpy(event.source, h.source, size);
    *ret = event;
    return 0;
}

/* --- dumps ------------------------------------------------------------------------------------ */

/*
 * A datagram of a dump is a series of messages, each padded to four bytes:
 *
 *   nlmsghdr  length 212, type 0x0100 (CTNETLINK, CT_NEW), flags 0x002 (MULTI)  an entry
 *   ...
 *   nlmsghdr  length  20, type NLMSG_DONE, flags 0x002; int 0                   the last message
 *   nlmsghdr  length  36, type NLMSG_ERROR; int -EPERM, the request's nlmsghdr  instead of a dump
 *
 * NLM_F_DUMP_INTR may be set in any of them.
 */

/* The error in a DONE or ERROR message. */
static int read_error(const uint8_t *payload, size_t length) {
    int error;

    if (length < sizeof(error))
        return -EBADMSG;
    memcpy(&error, payload, sizeof(error));
    /* MAX_ERRNO of the kernel is 4095. */
    return error > 0 || error < -4095 ? -EBADMSG : error;
}

static int read_entry(struct ctw_dump *d, const void *message, size_t length) {
    struct ctw_flow flow;

    if (ctw_flow_parse(message, length, &flow) < 0 || flow.event != CTW_FLOW_NEW)
        return 0;
    d->entry(&flow, d->userdata);
    d->entries++;
    return d->wanted > 0 && d->entries >= d->wanted ? 1 : 0;
}

/* Return: as ctw_dump_read(). */
static int read_message(struct ctw_dump *d, const struct nlmsghdr *header, const uint8_t *message) {
    const uint8_t *payload = message + sizeof(*header);
    const size_t length = header->nlmsg_len - sizeof(*header);
    int r;

    if (header->nlmsg_seq != d->sequence)
        return 0;
    d->interrupted |= (header->nlmsg_flags & NLM_F_DUMP_INTR) != 0;

    switch (header->nlmsg_type) {
    case NLMSG_DONE:
        r = read_error(payload, length);
        d->whole = r == 0;
        return r < 0 ? r : 1;
    case NLMSG_ERROR: return read_error(payload, length); /* 0 is an acknowledgement */
    }
    return d->entry ? read_entry(d, message, header->nlmsg_len)
                    : d->message(message, header->nlmsg_len, d->userdata);
}

int ctw_dump_read(struct ctw_dump *d, const void *datagram, size_t length) {
    const uint8_t *at = datagram;
    int r = 0;

    while (length > 0 && r == 0) {
        struct nlmsghdr header;

        if (length < sizeof(header))
            return -EBADMSG;
        memcpy(&header, at, sizeof(header));
        if (header.nlmsg_len < sizeof(header) || header.nlmsg_len > length)
            return -EBADMSG;
        r = read_message(d, &header, at);

        /* The last one may lack its padding. */
        const size_t step = NLMSG_ALIGN((size_t)header.nlmsg_len);
        at += step < length ? step : length;
        length -= step < length ? step : length;
    }
    return r;
}
