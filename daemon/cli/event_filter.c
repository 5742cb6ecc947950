/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/cli/event_filter.h"

#include <arpa/inet.h>
#include <libnetfilter_conntrack/libnetfilter_conntrack.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

/* The words of an address and its mask, in host order. */
static void words_of(const uint8_t bytes[static 16], uint32_t ret[static 4]) {
    memcpy(ret, bytes, 16);
    for (size_t i = 0; i < 4; i++)
        ret[i] = ntohl(ret[i]);
}

/* Return: whether it is any condition. */
static bool add_address(struct nfct_filter *n, bool v4, bool source, const uint8_t *address,
                        const uint8_t *mask) {
    struct nfct_filter_ipv6 six;

    words_of(address, six.addr);
    words_of(mask, six.mask);
    const struct nfct_filter_ipv4 four = {.addr = six.addr[0], .mask = six.mask[0]};
    if (v4 && four.mask != 0)
        nfct_filter_add_attr(n, source ? NFCT_FILTER_SRC_IPV4 : NFCT_FILTER_DST_IPV4, &four);
    else if (!v4 && (six.mask[0] | six.mask[1] | six.mask[2] | six.mask[3]) != 0)
        nfct_filter_add_attr(n, source ? NFCT_FILTER_SRC_IPV6 : NFCT_FILTER_DST_IPV6, &six);
    else
        return false;
    return true;
}

static bool fill_filter(const struct ctw_filter_events *f, struct nfct_filter *n) {
    bool any = f->n_protocols > 0;

    for (uint8_t i = 0; i < f->n_protocols; i++)
        nfct_filter_add_attr_u32(n, NFCT_FILTER_L4PROTO, f->protocols[i]);
    for (uint16_t state = 0; state < 16; state++) {
        const struct nfct_filter_proto tcp = {.proto = IPPROTO_TCP, .state = state};
        if (!(f->tcp_states >> state & 1))
            continue;
        nfct_filter_add_attr(n, NFCT_FILTER_L4PROTO_STATE, &tcp);
        any = true;
    }
    if (f->mark_mask != 0) {
        const struct nfct_filter_dump_mark mark = {.val = f->mark, .mask = f->mark_mask};
        nfct_filter_add_attr(n, NFCT_FILTER_MARK, &mark);
        any = true;
    }
    if (f->family != 0) {
        const bool v4 = f->family == AF_INET;
        any |= add_address(n, v4, true, f->source, f->source_mask);
        any |= add_address(n, v4, false, f->destination, f->destination_mask);
    }
    return any;
}

void ctw_event_filter_attach(int fd, const struct ctw_filter *f) {
    struct nfct_filter *n = nfct_filter_create();
    struct ctw_filter_events events;

    ctw_filter_for_events(f, &events);
    if (n && !events.nothing && fill_filter(&events, n))
        (void)nfct_filter_attach(fd, n);
    if (n)
        nfct_filter_destroy(n);
}
