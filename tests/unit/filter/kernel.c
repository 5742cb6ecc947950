/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <arpa/inet.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/random_filter.h"

static struct ctw_filter filter;

static void parse(const char *text) {
    struct ctw_filter_error error;

    if (ctw_filter_parse(text, strlen(text), random_label, NULL, &filter, &error) < 0)
        fail_msg("%s: %s", text, error.message.text);
}

static struct ctw_filter_kernel for_kernel(const char *text) {
    struct ctw_filter_kernel kernel;

    parse(text);
    ctw_filter_for_kernel(&filter, &kernel);
    return kernel;
}

/* What a dump's request has of it. */
static bool has_protocol(const struct ctw_filter_kernel *f) {
    return f->family != 0 && f->n_protocols == 1;
}

static bool has_address(const struct ctw_filter_kernel *f, const uint8_t mask[static 16]) {
    return f->family == AF_INET && memcmp(mask, "\xff\xff\xff\xff", 4) == 0;
}

static bool has_port(const struct ctw_filter_kernel *f, uint16_t port) {
    return has_protocol(f) && port != 0;
}

/* --- what the kernel does --------------------------------------------------------------------- */

/* ctnetlink_filter_match() of Linux 6.8 and later. */
static bool dump_has(const struct ctw_filter_kernel *f, const struct ctw_flow *flow,
                     const struct ctw_flow_details *d) {
    const bool ports = flow->protocol == IPPROTO_TCP || flow->protocol == IPPROTO_UDP;

    if (f->nothing)
        return false;
    return (f->family == 0 || f->family == flow->family) && (f->zone == 0 || f->zone == d->zone) &&
           (!has_address(f, f->source_mask) || memcmp(f->source, flow->source, 4) == 0) &&
           (!has_address(f, f->destination_mask) ||
            memcmp(f->destination, flow->destination, 4) == 0) &&
           (!has_protocol(f) || f->protocols[0] == flow->protocol) &&
           (!has_port(f, f->source_port) || !ports || f->source_port == flow->source_port) &&
           (!has_port(f, f->destination_port) || !ports ||
            f->destination_port == flow->destination_port) &&
           (d->mark & f->mark_mask) == f->mark && (flow->status & f->status_mask) == f->status;
}

static bool masked_equal(const uint8_t *a, const uint8_t *b, const uint8_t *mask) {
    for (size_t i = 0; i < 16; i++)
        if ((a[i] ^ b[i]) & mask[i])
            return false;
    return true;
}

/* The BPF of nfct_filter_attach(): an attribute that a message lacks is no reason to refuse it. */
static bool socket_has(const struct ctw_filter_kernel *f, const struct ctw_flow *flow,
                       const struct ctw_flow_details *d) {
    bool protocol = f->n_protocols == 0;

    if (f->nothing)
        return false;
    for (size_t i = 0; i < f->n_protocols; i++)
        protocol |= f->protocols[i] == flow->protocol;
    return protocol &&
           (f->family != flow->family ||
            (masked_equal(f->source, flow->source, f->source_mask) &&
             masked_equal(f->destination, flow->destination, f->destination_mask))) &&
           (f->tcp_states == 0 || !flow->has_tcp_state || (f->tcp_states >> flow->tcp_state & 1)) &&
           (d->mark == 0 || (d->mark & f->mark_mask) == f->mark);
}

/* --- the descriptions ------------------------------------------------------------------------- */

static void dump_is_described_by_what_is_necessary(void **state) {
    const struct ctw_filter_kernel d =
        for_kernel("src 10.0.0.1 tcp dport 443 and not assured and replied and mark 0x10/0xf0 and "
                   "mark 1/1 and zone 3 and timeout < 1h");

    (void)state;
    assert_int_equal(d.family, AF_INET);
    assert_true(has_address(&d, d.source_mask) && !has_address(&d, d.destination_mask));
    assert_memory_equal(d.source, "\x0a\x00\x00\x01", 4);
    assert_true(has_protocol(&d) && d.protocols[0] == IPPROTO_TCP);
    assert_true(d.destination_port == 443 && d.source_port == 0);
    assert_int_equal(d.status, IPS_SEEN_REPLY);
    assert_int_equal(d.status_mask, IPS_SEEN_REPLY | IPS_ASSURED);
    assert_int_equal(d.mark, 0x11);
    assert_int_equal(d.mark_mask, 0xf1);
    assert_int_equal(d.zone, 3);
}

static void dump_has_no_attribute_the_kernel_gets_wrong(void **state) {
    struct ctw_filter_kernel d = for_kernel("src 2001:db8::1 and zone 0");

    (void)state;
    assert_int_equal(d.family, AF_INET6);
    assert_true(!has_address(&d, d.source_mask) && d.zone == 0);
    d = for_kernel("reply src 10.0.0.1");
    assert_true(d.family == AF_INET && !has_address(&d, d.source_mask));
    d = for_kernel("tcp dport 443"); /* a tuple needs a family */
    assert_true(d.family == 0 && !has_protocol(&d) && !has_port(&d, d.destination_port));
    d = for_kernel("ip sctp dport 443");
    assert_true(has_protocol(&d) && d.destination_port == 0);
    d = for_kernel("src 10/8");
    assert_true(d.family == AF_INET && !has_address(&d, d.source_mask));
}

static void alternatives_are_described_by_what_they_share(void **state) {
    struct ctw_filter_kernel d = for_kernel("assured mark 0x11 or assured mark 0x13");

    (void)state;
    assert_true(d.status == IPS_ASSURED && d.status_mask == IPS_ASSURED);
    assert_true(d.mark == 0x11 && d.mark_mask == ~UINT32_C(2));
    d = for_kernel("not (unreplied or assured or ip6)");
    assert_int_equal(d.family, AF_INET);
    assert_true(d.status == IPS_SEEN_REPLY && d.status_mask == (IPS_SEEN_REPLY | IPS_ASSURED));
    d = for_kernel("not nat");
    assert_true(d.status == 0 && d.status_mask == IPS_NAT_MASK);
    d = for_kernel("nat");
    assert_int_equal(d.status_mask, 0);
    const struct ctw_filter_kernel e =
        for_kernel("src 10.0.0.0/24 udp or src 10.0.1.0/24 tcp or (tcp and udp)");
    assert_int_equal(e.n_protocols, 2);
    assert_int_equal(e.family, AF_INET);
    assert_memory_equal(e.source, "\x0a\x00\x00\x00", 4);
    assert_memory_equal(e.source_mask, "\xff\xff\xfe\x00", 4);
}

static void contradiction_matches_nothing(void **state) {
    static const char *const nothing[] = {
        "tcp and udp",
        "tcp icmp",
        "src 10.0.0.1 and ip6",
        "src 10/8 and dst ::1",
        "src 10.0.0.1 and src 10.0.0.2",
        "src 10/8 and not ip",
        "assured and not assured",
        "mark 1 and mark 2",
        "zone 1 and zone 2",
        "dport 80 and dport 443",
        "icmp dport 80",
        "state ESTABLISHED and state CLOSE and tcp",
        "udp and state ESTABLISHED",
        "not (tcp or not tcp)",
        "(tcp and udp) or (zone 1 and zone 2)",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(nothing) / sizeof(nothing[0]); i++)
        if (!for_kernel(nothing[i]).nothing)
            fail_msg("%s", nothing[i]);
    assert_false(for_kernel("not (tcp and udp)").nothing);
    assert_false(for_kernel("src 10/8 and src 10.0.0.0/16").nothing);
}

static void events_are_described_by_what_is_necessary(void **state) {
    struct ctw_filter_kernel e =
        for_kernel("dst 2001:db8::/33 and state ESTABLISHED,TIME_WAIT and mark 1/1");

    (void)state;
    assert_int_equal(e.n_protocols, 2); /* SCTP has a state of that name */
    assert_true(e.protocols[0] == IPPROTO_TCP && e.protocols[1] == IPPROTO_SCTP);
    assert_int_equal(e.tcp_states, 1 << 3 | 1 << 7);
    assert_true(e.mark == 1 && e.mark_mask == 1);
    assert_int_equal(e.family, AF_INET6);
    assert_memory_equal(e.destination_mask, "\xff\xff\xff\xff\x80\x00\x00\x00", 8);
    assert_memory_equal(e.destination, "\x20\x01\x0d\xb8\x00\x00\x00\x00", 8);
    e = for_kernel("not tcp");
    assert_int_equal(e.n_protocols, 0);
    e = for_kernel("not state CLOSE");
    assert_int_equal(e.tcp_states, 0xffff & ~(1 << 8));
    e = for_kernel("dport 53");
    assert_int_equal(e.n_protocols, 5);
    e = for_kernel("src 0.0.0.0/0");
    assert_memory_equal(e.source_mask, "\x00\x00\x00\x00", 4);
}

/* The kernel's checks and the decision are the decision alone: 20,000 filters, 50 entries each. */
static void kernel_lets_through_what_matches(void **state) {
    static struct random_filter random;
    struct dice dice = {3};
    unsigned refused = 0;

    (void)state;
    for (unsigned i = 0; i < 20000; i++) {
        random_filter(&dice, i % 5, &random);
        const struct ctw_filter_kernel kernel = for_kernel(random.text);
        for (unsigned j = 0; j < 50; j++) {
            struct ctw_flow flow;
            struct ctw_flow_details d;
            random_entry(&dice, &flow, &d);
            const bool yes = ctw_filter_match(&filter, &flow, &d) == CTW_FILTER_YES;
            const bool dumped = dump_has(&kernel, &flow, &d), sent = socket_has(&kernel, &flow, &d);
            if (yes && !dumped)
                fail_msg("%s: the kernel's dump lacks an entry", random.text);
            if (yes && !sent)
                fail_msg("%s: the socket's filter refuses an event", random.text);
            refused += !dumped + !sent;
        }
    }
    assert_in_range(refused, 400000, 2000000); /* of 2,000,000: the filters are of use */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dump_is_described_by_what_is_necessary),
        cmocka_unit_test(dump_has_no_attribute_the_kernel_gets_wrong),
        cmocka_unit_test(alternatives_are_described_by_what_they_share),
        cmocka_unit_test(contradiction_matches_nothing),
        cmocka_unit_test(events_are_described_by_what_is_necessary),
        cmocka_unit_test(kernel_lets_through_what_matches),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
