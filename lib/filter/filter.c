/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/filter/filter.h"

#include <linux/netfilter/nf_conntrack_common.h>
#include <netinet/in.h>
#include <string.h>

/* What is known of an entry. */
struct entry {
    const struct ctw_flow *flow;
    const struct ctw_flow_details *details; /* NULL: not read */
};

static enum ctw_filter_verdict verdict(bool yes) {
    return yes ? CTW_FILTER_YES : CTW_FILTER_NO;
}

/* --- ends ------------------------------------------------------------------------------------- */

static bool in_prefix(const struct ctw_filter_node *n, const uint8_t address[static 16]) {
    const unsigned bytes = n->prefix.length / 8, bits = n->prefix.length % 8;

    return memcmp(address, n->prefix.address, bytes) == 0 &&
           (bits == 0 || ((address[bytes] ^ n->prefix.address[bytes]) >> (8 - bits)) == 0);
}

static bool is_of(const struct ctw_filter_node *n, enum ctw_filter_end end) {
    return n->end == end || n->end == CTW_FILTER_EITHER;
}

static bool at_end(const struct ctw_filter_node *n, const uint8_t address[static 16],
                   uint16_t port) {
    return n->kind == CTW_FILTER_PORT ? port >= n->range.min && port <= n->range.max
                                      : in_prefix(n, address);
}

/* An address or a port. Without NAT the replies have the same ends. */
static enum ctw_filter_verdict match_end(const struct ctw_filter_node *n, const struct entry *e) {
    const struct ctw_flow *f = e->flow;
    const struct ctw_flow_details *d = e->details;

    if (n->kind == CTW_FILTER_PORT ? !ctw_flow_has_ports(f->protocol)
                                   : n->prefix.family != f->family)
        return CTW_FILTER_NO;
    if ((is_of(n, CTW_FILTER_SOURCE) && at_end(n, f->source, f->source_port)) ||
        (is_of(n, CTW_FILTER_DESTINATION) && at_end(n, f->destination, f->destination_port)))
        return CTW_FILTER_YES;
    if (n->end <= CTW_FILTER_DESTINATION ||
        (n->end == CTW_FILTER_EITHER && !(f->status & IPS_NAT_MASK)))
        return CTW_FILTER_NO;
    if (!d)
        return CTW_FILTER_UNKNOWN;
    return verdict(
        (is_of(n, CTW_FILTER_REPLY_SOURCE) && at_end(n, d->reply_source, d->reply_source_port)) ||
        (is_of(n, CTW_FILTER_REPLY_DESTINATION) &&
         at_end(n, d->reply_destination, d->reply_destination_port)));
}

/* --- other conditions ------------------------------------------------------------------------- */

static bool has_state(uint16_t states, uint8_t state) {
    return state < 16 && (states >> state & 1);
}

static enum ctw_filter_verdict match_state(const struct ctw_filter_node *n, const struct entry *e) {
    const uint8_t protocol = e->flow->protocol;
    const uint16_t states = protocol == IPPROTO_SCTP   ? n->states.sctp
                            : protocol == IPPROTO_DCCP ? n->states.dccp
                                                       : 0;

    if (protocol == IPPROTO_TCP)
        return verdict(e->flow->has_tcp_state && has_state(n->states.tcp, e->flow->tcp_state));
    if (states == 0)
        return CTW_FILTER_NO;
    return e->details ? verdict(has_state(states, e->details->state)) : CTW_FILTER_UNKNOWN;
}

static bool in_range(const struct ctw_filter_node *n, uint64_t value) {
    return value >= n->range.min && value <= n->range.max;
}

/* What the language can say ends at 2^53. */
static bool quantity_in_range(const struct ctw_filter_node *n, uint64_t value) {
    const uint64_t most = UINT64_C(1) << 53;

    return in_range(n, value < most ? value : most);
}

static enum ctw_filter_verdict match_details(const struct ctw_filter_node *n,
                                             const struct ctw_flow_details *d) {
    if (!d)
        return CTW_FILTER_UNKNOWN;
    switch (n->kind) {
    case CTW_FILTER_ZONE: return verdict(in_range(n, d->zone));
    case CTW_FILTER_MARK: return verdict((d->mark & n->bits.mask) == n->bits.value);
    case CTW_FILTER_LABEL: return verdict(ctw_flow_has_label(d, n->label));
    case CTW_FILTER_HELPER: return verdict(strcmp(d->helper, n->helper) == 0);
    case CTW_FILTER_BYTES: return verdict(quantity_in_range(n, d->bytes));
    }
    return verdict(quantity_in_range(n, d->packets));
}

static enum ctw_filter_verdict match_condition(const struct ctw_filter_node *n,
                                               const struct entry *e) {
    switch (n->kind) {
    case CTW_FILTER_ALL: return CTW_FILTER_YES;
    case CTW_FILTER_FAMILY: return verdict(in_range(n, e->flow->family));
    case CTW_FILTER_PROTOCOL: return verdict(in_range(n, e->flow->protocol));
    case CTW_FILTER_ADDRESS:
    case CTW_FILTER_PORT: return match_end(n, e);
    case CTW_FILTER_STATUS: return verdict((e->flow->status & n->bits.mask) != 0);
    case CTW_FILTER_STATE: return match_state(n, e);
    case CTW_FILTER_TIMEOUT: return verdict(in_range(n, e->flow->timeout_sec));
    }
    return match_details(n, e->details);
}

/* --- and, or, not ----------------------------------------------------------------------------- */

/* CTW_FILTER_DEPTH_MAX bounds the levels: a parenthesis is at most three, of NOT, OR and AND. */
static enum ctw_filter_verdict match(const struct ctw_filter *f, uint16_t node,
                                     const struct entry *e) {
    const struct ctw_filter_node *n = &f->nodes[node];

    if (n->kind == CTW_FILTER_NOT) {
        const enum ctw_filter_verdict v = match(f, n->first, e);
        return v == CTW_FILTER_UNKNOWN ? v : verdict(v == CTW_FILTER_NO);
    }
    if (n->kind != CTW_FILTER_AND && n->kind != CTW_FILTER_OR)
        return match_condition(n, e);

    const enum ctw_filter_verdict decisive =
        n->kind == CTW_FILTER_AND ? CTW_FILTER_NO : CTW_FILTER_YES;
    enum ctw_filter_verdict ret = verdict(decisive == CTW_FILTER_NO);
    for (uint16_t i = n->first; i > 0; i = f->nodes[i].next) {
        const enum ctw_filter_verdict v = match(f, i, e);
        if (v == decisive)
            return v;
        if (v == CTW_FILTER_UNKNOWN)
            ret = v;
    }
    return ret;
}

enum ctw_filter_verdict ctw_filter_match(const struct ctw_filter *f, const struct ctw_flow *flow,
                                         const struct ctw_flow_details *details) {
    const struct entry e = {flow, details};

    return match(f, f->root, &e);
}

bool ctw_filter_matches(const struct ctw_filter *f, const struct ctw_flow *flow,
                        const void *message) {
    struct ctw_flow_details details;
    const enum ctw_filter_verdict v = ctw_filter_match(f, flow, NULL);

    if (v != CTW_FILTER_UNKNOWN)
        return v == CTW_FILTER_YES;
    return ctw_flow_parse_details(message, flow, &details) == 0 &&
           ctw_filter_match(f, flow, &details) == CTW_FILTER_YES;
}
