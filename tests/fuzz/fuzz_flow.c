/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * lib/kernel/flow against an oracle that searches the same message attribute by attribute with
 * libmnl. The result is then counted and named, as in the daemon.
 */

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <stdlib.h>
#include <string.h>

#include "lib/talkers/census.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* --- the oracle ------------------------------------------------------------------------------ */

/* The attributes of one level. */
struct nest {
    const struct nlattr *at;
    const uint8_t *end;
};

static struct nest message_nest(const struct nlmsghdr *h) {
    return (struct nest){mnl_nlmsg_get_payload_offset(h, sizeof(struct nfgenmsg)),
                         mnl_nlmsg_get_payload_tail(h)};
}

static struct nest attribute_nest(const struct nlattr *a) {
    const uint8_t *value = mnl_attr_get_payload(a);

    return (struct nest){mnl_attr_get_payload(a), value + mnl_attr_get_payload_len(a)};
}

/* The next attribute of that type; NULL: none. */
static const struct nlattr *next(struct nest *n, uint16_t type) {
    while (mnl_attr_ok(n->at, (int)(n->end - (const uint8_t *)n->at))) {
        const struct nlattr *a = n->at;
        n->at = mnl_attr_next(a);
        if (mnl_attr_get_type(a) == type)
            return a;
    }
    return NULL;
}

/* An attribute, or the one that holds it, may come more than once: the last one counts. */
static const struct nlattr *last_in(struct nest n, uint16_t type) {
    const struct nlattr *found = NULL;

    for (const struct nlattr *a; (a = next(&n, type)) != NULL;)
        found = a;
    return found;
}

/* The last attribute at the end of a path, such as CTA_TUPLE_ORIG, CTA_TUPLE_IP, CTA_IP_V4_SRC. */
static const struct nlattr *last_at(const struct nlmsghdr *h, uint16_t first, uint16_t second,
                                    uint16_t third) {
    struct nest outer = message_nest(h);
    const struct nlattr *found = NULL;

    for (const struct nlattr *a; (a = next(&outer, first)) != NULL;) {
        struct nest inner = attribute_nest(a);
        for (const struct nlattr *b; (b = next(&inner, second)) != NULL;) {
            const struct nlattr *c = last_in(attribute_nest(b), third);
            found = c ? c : found;
        }
    }
    return found;
}

static const struct nlattr *last_of(const struct nlmsghdr *h, uint16_t type) {
    return last_in(message_nest(h), type);
}

static uint32_t number_32(const struct nlattr *a) {
    return a ? ntohl(mnl_attr_get_u32(a)) : 0;
}

static uint16_t port(const struct nlmsghdr *h, uint16_t type) {
    const struct nlattr *a = last_at(h, CTA_TUPLE_ORIG, CTA_TUPLE_PROTO, type);

    return a ? ntohs(mnl_attr_get_u16(a)) : 0;
}

static void check_address(const struct nlmsghdr *h, const struct ctw_flow *flow, uint16_t v4,
                          uint16_t v6, const uint8_t address[static 16]) {
    const bool is_v4 = flow->family == AF_INET;
    const struct nlattr *a = last_at(h, CTA_TUPLE_ORIG, CTA_TUPLE_IP, is_v4 ? v4 : v6);
    uint8_t expected[16] = {0};

    assert(a && mnl_attr_get_payload_len(a) == (is_v4 ? 4 : 16));
    memcpy(expected, mnl_attr_get_payload(a), mnl_attr_get_payload_len(a));
    assert(memcmp(address, expected, sizeof(expected)) == 0);
}

static void check(const struct nlmsghdr *h, const struct ctw_flow *flow) {
    const struct nfgenmsg *family = mnl_nlmsg_get_payload(h);
    const struct nlattr *a;

    assert(flow->family == family->nfgen_family);
    assert(flow->family == AF_INET || flow->family == AF_INET6);
    assert((flow->event == CTW_FLOW_DESTROY) ==
           (NFNL_MSG_TYPE(h->nlmsg_type) == IPCTNL_MSG_CT_DELETE));
    check_address(h, flow, CTA_IP_V4_SRC, CTA_IP_V6_SRC, flow->source);
    check_address(h, flow, CTA_IP_V4_DST, CTA_IP_V6_DST, flow->destination);
    a = last_at(h, CTA_TUPLE_ORIG, CTA_TUPLE_PROTO, CTA_PROTO_NUM);
    assert(a && flow->protocol == mnl_attr_get_u8(a));
    if (ctw_flow_has_ports(flow->protocol)) {
        assert(flow->source_port == port(h, CTA_PROTO_SRC_PORT));
        assert(flow->destination_port == port(h, CTA_PROTO_DST_PORT));
    }
    assert(flow->status == number_32(last_of(h, CTA_STATUS)));
    assert(flow->timeout_sec == number_32(last_of(h, CTA_TIMEOUT)));
    a = last_at(h, CTA_PROTOINFO, CTA_PROTOINFO_TCP, CTA_PROTOINFO_TCP_STATE);
    assert(flow->has_tcp_state == (a != NULL));
    assert(!a || flow->tcp_state == mnl_attr_get_u8(a));
}

/* Whether the message has no other source than that of the first attributes. */
static bool first_source_is_last(const struct nlmsghdr *h) {
    const struct nfgenmsg *family = mnl_nlmsg_get_payload(h);
    const uint16_t type = family->nfgen_family == AF_INET ? CTA_IP_V4_SRC : CTA_IP_V6_SRC;
    const uint8_t *last = (const uint8_t *)last_at(h, CTA_TUPLE_ORIG, CTA_TUPLE_IP, type);

    return last == (const uint8_t *)message_nest(h).at + 2 * sizeof(struct nlattr);
}

/* --- use of the result ----------------------------------------------------------------------- */

static void use(const struct ctw_flow *flow) {
    static struct ctw_census census; /* too large for a stack */
    static struct ctw_talkers talkers;
    const struct ctw_sample table = {
        .count = 1, .max = 1, .buckets = 1, .has_buckets = true, .has_counters = false};

    ctw_census_init(&census, 64, 1);
    ctw_census_add(&census, flow);
    ctw_census_result(&census, 1, &table, &talkers);
    assert(talkers.known && talkers.n_sources == 1 && talkers.n_ports == 1 &&
           talkers.n_states == 1);
    assert(talkers.sources[0].permyriad == CTW_PERMYRIAD && talkers.sources[0].name[0] != '\0');
    assert(strchr(talkers.ports[0].name, ' ') == NULL && talkers.ports[0].name[0] != '\0');
    assert(strchr(talkers.states[0].name, '/') != NULL);
}

/* The last one of each attribute counts here, too. */
static void check_details(const struct nlmsghdr *h, const struct ctw_flow *flow) {
    struct ctw_flow_details details;
    const int r = ctw_flow_parse_details(h, flow, &details);

    assert(r == 0 || r == -EBADMSG);
    if (r < 0)
        return;
    assert(details.mark == number_32(last_of(h, CTA_MARK)));
    assert(strnlen(details.helper, sizeof(details.helper)) < sizeof(details.helper));
    assert(ctw_flow_has_ports(flow->protocol) ||
           (details.reply_source_port == 0 && details.reply_destination_port == 0));
}

/* The head of an event means what the whole message means, as far as it goes. */
static void check_head(const uint8_t *data, size_t size, int parsed, const struct ctw_flow *flow) {
    const size_t length = size < CTW_EVENT_HEAD ? size : CTW_EVENT_HEAD;
    uint8_t *head = malloc(length > 0 ? length : 1); /* a sanitizer sees the first byte beyond it */
    struct ctw_event event;

    assert(head);
    memcpy(head, data, length);
    const int r = ctw_event_parse(head, length, &event);
    free(head);
    assert(r == 0 || r == -EBADMSG || r == -ENOMSG);
    if (parsed < 0)
        return;
    assert(r == 0 && event.kind == flow->event);
    /* A second source further on would count in the whole message. */
    if (event.has_source && first_source_is_last((const struct nlmsghdr *)(const void *)data))
        assert(event.family == flow->family && memcmp(event.source, flow->source, 16) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct ctw_flow flow, untouched;
    int r;

    memset(&untouched, 0x5a, sizeof(untouched));
    memcpy(&flow, &untouched, sizeof(flow));
    r = ctw_flow_parse(data, size, &flow);
    check_head(data, size, r, &flow);
    if (r < 0) {
        assert(r == -EBADMSG || r == -ENOMSG);
        assert(memcmp(&flow, &untouched, sizeof(flow)) == 0);
        return 0;
    }
    assert(r == 0);
    check((const struct nlmsghdr *)(const void *)data, &flow);
    check_details((const struct nlmsghdr *)(const void *)data, &flow);
    use(&flow);
    return 0;
}
