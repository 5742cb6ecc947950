/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/support/filter_print.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "lib/kernel/names.h"
#include "lib/util/strbuf.h"

static void print_address(const struct ctw_filter_node *n, struct ctw_out *out) {
    static const char *const names[] = {"src", "dst", "reply src", "reply dst"};
    const unsigned whole = n->prefix.family == AF_INET6 ? 128 : 32;
    char address[INET6_ADDRSTRLEN];

    if (!inet_ntop(n->prefix.family, n->prefix.address, address, sizeof(address)))
        address[0] = '\0'; /* cannot be: there is room */
    ctw_out_put(out, "%s %s",
                n->end < CTW_FILTER_EITHER  ? names[n->end]
                : n->prefix.length == whole ? "host"
                                            : "net",
                address);
    if (n->prefix.length < whole)
        ctw_out_put(out, "/%u", n->prefix.length);
}

static void print_range(const struct ctw_filter_node *n, const char *word, uint64_t most,
                        struct ctw_out *out) {
    if (n->range.max == most && n->range.min < most)
        ctw_out_put(out, "%s >= %" PRIu64, word, n->range.min);
    else if (n->range.min == n->range.max)
        ctw_out_put(out, "%s %" PRIu64, word, n->range.min);
    else
        ctw_out_put(out, "%s %" PRIu64 "-%" PRIu64, word, n->range.min, n->range.max);
}

static void print_status(const struct ctw_filter_node *n, struct ctw_out *out) {
    static const struct {
        uint32_t mask;
        const char *word;
    } words[] = {{IPS_ASSURED, "assured"}, {IPS_SEEN_REPLY, "replied"}, {IPS_NAT_MASK, "nat"},
                 {IPS_SRC_NAT, "snat"},    {IPS_DST_NAT, "dnat"},       {IPS_EXPECTED, "expected"},
                 {IPS_OFFLOAD, "offload"}};

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (words[i].mask == n->bits.mask)
            ctw_out_put(out, "%s", words[i].word);
}

static void print_protocol(const struct ctw_filter_node *n, struct ctw_out *out) {
    const char *name = ctw_protocol_name((uint8_t)n->range.min);

    if (name)
        ctw_out_put(out, "%s", name);
    else
        ctw_out_put(out, "proto %" PRIu64, n->range.min);
}

static void print_state(const struct ctw_filter_node *n, struct ctw_out *out) {
    static const uint8_t protocols[] = {IPPROTO_TCP, IPPROTO_SCTP, IPPROTO_DCCP};
    const uint16_t masks[] = {n->states.tcp, n->states.sctp, n->states.dccp};
    uint8_t i = 0, state = 0;

    while (masks[i] == 0)
        i++;
    while (!(masks[i] >> state & 1))
        state++;
    ctw_out_put(out, "state %s", ctw_state_name(protocols[i], state));
}

static void print_condition(const struct ctw_filter_node *n, struct ctw_out *out) {
    static const char *const ports[] = {"sport", "dport", "reply sport", "reply dport", "port"};

    switch ((enum ctw_filter_kind)n->kind) {
    case CTW_FILTER_FAMILY:
        ctw_out_put(out, "family %s", n->range.min == AF_INET6 ? "ipv6" : "ipv4");
        break;
    case CTW_FILTER_PROTOCOL: print_protocol(n, out); break;
    case CTW_FILTER_ADDRESS: print_address(n, out); break;
    case CTW_FILTER_PORT:
        if (n->range.min == n->range.max)
            ctw_out_put(out, "%s %" PRIu64, ports[n->end], n->range.min);
        else
            ctw_out_put(out, "%s %" PRIu64 "-%" PRIu64, ports[n->end], n->range.min, n->range.max);
        break;
    case CTW_FILTER_STATUS: print_status(n, out); break;
    case CTW_FILTER_STATE: print_state(n, out); break;
    case CTW_FILTER_MARK:
        ctw_out_put(out, "mark 0x%" PRIx32 "/0x%" PRIx32, n->bits.value, n->bits.mask);
        break;
    case CTW_FILTER_LABEL: ctw_out_put(out, "label %u", n->label); break;
    case CTW_FILTER_HELPER: ctw_out_put(out, "helper %s", n->helper); break;
    case CTW_FILTER_ZONE: print_range(n, "zone", UINT16_MAX, out); break;
    case CTW_FILTER_TIMEOUT: print_range(n, "timeout", UINT32_MAX, out); break;
    case CTW_FILTER_BYTES: print_range(n, "bytes", UINT64_C(1) << 53, out); break;
    case CTW_FILTER_PACKETS: print_range(n, "packets", UINT64_C(1) << 53, out); break;
    case CTW_FILTER_ALL:
    case CTW_FILTER_AND:
    case CTW_FILTER_OR:
    case CTW_FILTER_NOT: break;
    }
}

static bool is_joined(const struct ctw_filter_node *n) {
    return n->kind == CTW_FILTER_AND || n->kind == CTW_FILTER_OR;
}

static void print_node(const struct ctw_filter *f, uint16_t node, struct ctw_out *out) {
    const struct ctw_filter_node *n = &f->nodes[node];

    if (n->kind == CTW_FILTER_NOT)
        ctw_out_put(out, "not ");
    else if (!is_joined(n)) {
        print_condition(n, out);
        return;
    }
    for (uint16_t i = n->first; i > 0; i = f->nodes[i].next) {
        const struct ctw_filter_node *child = &f->nodes[i];
        const bool parentheses =
            is_joined(child) && (n->kind != CTW_FILTER_OR || child->kind == CTW_FILTER_OR);
        if (i != n->first)
            ctw_out_put(out, n->kind == CTW_FILTER_AND ? " and " : " or ");
        ctw_out_put(out, parentheses ? "(" : "");
        print_node(f, i, out);
        ctw_out_put(out, parentheses ? ")" : "");
    }
}

size_t filter_print(const struct ctw_filter *f, char *buffer, size_t size) {
    struct ctw_out out = {.buffer = buffer, .size = size};

    ctw_out_put(&out, "%s", ""); /* terminated, also without a condition */
    print_node(f, f->root, &out);
    return out.used;
}
