/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/cli/event_filter.h"

#include <arpa/inet.h>
#include <libnetfilter_conntrack/libnetfilter_conntrack.h>
#include <netinet/in.h>
#include <string.h>

/* The words of an address and its mask, in host order. */
static void words_of(const uint8_t bytes[static 16], uint32_t ret[static 4]) {
    memcpy(ret, bytes, 16);
    for (size_t i = 0; i < 4; i++)
        ret[i] = ntohl(ret[i]);
}

static void add_address(struct nfct_filter *n, enum nfct_filter_attr v4, enum nfct_filter_attr v6,
                        uint8_t family, const uint8_t *address, const uint8_t *mask) {
    struct nfct_filter_ipv6 six;

    words_of(address, six.addr);
    words_of(mask, six.mask);
    const struct nfct_filter_ipv4 four = {.addr = six.addr[0], .mask = six.mask[0]};
    if (family == AF_INET && four.mask != 0)
        nfct_filter_add_attr(n, v4, &four);
    else if (family == AF_INET6 && (six.mask[0] | six.mask[1] | six.mask[2] | six.mask[3]) != 0)
        nfct_filter_add_attr(n, v6, &six);
}

static void fill_filter(const struct ctw_filter_kernel *f, struct nfct_filter *n) {
    for (uint8_t i = 0; i < f->n_protocols; i++)
        nfct_filter_add_attr_u32(n, NFCT_FILTER_L4PROTO, f->protocols[i]);
    for (uint16_t state = 0; state < 16; state++) {
        const struct nfct_filter_proto tcp = {.proto = IPPROTO_TCP, .state = state};
        if (f->tcp_states >> state & 1)
            nfct_filter_add_attr(n, NFCT_FILTER_L4PROTO_STATE, &tcp);
    }
    const struct nfct_filter_dump_mark mark = {.val = f->mark, .mask = f->mark_mask};
    if (f->mark_mask != 0)
        nfct_filter_add_attr(n, NFCT_FILTER_MARK, &mark);
    add_address(n, NFCT_FILTER_SRC_IPV4, NFCT_FILTER_SRC_IPV6, f->family, f->source,
                f->source_mask);
    add_address(n, NFCT_FILTER_DST_IPV4, NFCT_FILTER_DST_IPV6, f->family, f->destination,
                f->destination_mask);
}

void ctw_event_filter_attach(int fd, const struct ctw_filter *f) {
    struct nfct_filter *n = nfct_filter_create();
    struct ctw_filter_kernel e;

    ctw_filter_for_kernel(f, &e);
    if (n && !e.nothing && (e.n_protocols || e.tcp_states || e.mark_mask || e.family)) {
        fill_filter(&e, n);
        (void)nfct_filter_attach(fd, n);
    }
    if (n)
        nfct_filter_destroy(n);
}
