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

#include "tests/support/filter_print.h"
#include "tests/support/random_filter.h"

#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))

static struct ctw_filter filter;

static void parse(const char *text) {
    struct ctw_filter_error error;

    if (ctw_filter_parse(text, strlen(text), random_label, NULL, &filter, &error) < 0)
        fail_msg("%s: %s", text, error.message.text);
}

static enum ctw_filter_verdict match(const char *text, const struct ctw_flow *flow,
                                     const struct ctw_flow_details *details) {
    parse(text);
    return ctw_filter_match(&filter, flow, details);
}

/* From 10.0.0.1, masqueraded as 203.0.113.9, to 192.168.1.1 port 443. */
static const struct ctw_flow masqueraded = {
    .family = AF_INET,
    .protocol = IPPROTO_TCP,
    .source = {10, 0, 0, 1},
    .destination = {192, 168, 1, 1},
    .source_port = 1024,
    .destination_port = 443,
    .status = IPS_SEEN_REPLY | IPS_ASSURED | IPS_CONFIRMED | IPS_SRC_NAT,
    .timeout_sec = 431999,
    .has_tcp_state = true,
    .tcp_state = 3,
};
static const struct ctw_flow_details details = {
    .mark = 0x1f,
    .zone = 7,
    .reply_source = {192, 168, 1, 1},
    .reply_destination = {203, 0, 113, 9},
    .reply_source_port = 443,
    .reply_destination_port = 40000,
    .helper = "ftp",
    .labels = {1u << 5},
    .packets = 12,
    .bytes = 3456,
};

static void entry_matches_what_it_is(void **state) {
    static const char *const yes[] = {
        "src 10.0.0.1",
        "dst 192.168.1.1",
        "src 10/8",
        "host 203.0.113.9",
        "net 203.0.113.0/24",
        "reply dst 203.0.113.9",
        "reply src 192.168/16",
        "tcp dport 443",
        "sport 1024",
        "port 443",
        "port 40000",
        "reply dport 40000",
        "dport 400-500",
        "not src 10.0.0.2",
        "dport != 80",
        "ip",
        "proto 6",
        "assured",
        "replied",
        "nat",
        "snat",
        "not dnat",
        "state ESTABLISHED",
        "state ESTABLISHED,CLOSE",
        "zone 7",
        "zone 1-8",
        "mark 0x1f",
        "mark 0x10/0xf0",
        "label 5",
        "label voip",
        "helper ftp",
        "timeout > 4d",
        "packets 12",
        "bytes < 4KiB",
        "udp or tcp",
        "not tcp or assured",
        "!(udp or icmp)",
    };
    static const char *const no[] = {
        "src 10.0.0.2",
        "dst 10/8",
        "src 203.0.113.9",
        "host 2001:db8::1",
        "port 80",
        "sport 443",
        "reply sport 80",
        "udp dport 443",
        "ip6",
        "unreplied",
        "dnat",
        "state TIME_WAIT",
        "zone 0",
        "mark 0x10",
        "mark 0/1",
        "label 6",
        "helper sip",
        "timeout < 1h",
        "packets > 12",
        "bytes 0",
        "tcp and udp",
        "not tcp dport 443",
        "src ::/0",
        "expected",
        "state OPEN",
        "offload",
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(yes); i++)
        if (match(yes[i], &masqueraded, &details) != CTW_FILTER_YES)
            fail_msg("%s", yes[i]);
    for (size_t i = 0; i < LENGTH(no); i++)
        if (match(no[i], &masqueraded, &details) != CTW_FILTER_NO)
            fail_msg("%s", no[i]);
    ctw_filter_all(&filter);
    assert_int_equal(ctw_filter_match(&filter, &masqueraded, NULL), CTW_FILTER_YES);
}

static void details_are_wanted_only_where_they_decide(void **state) {
    (void)state;
    assert_int_equal(match("mark 1", &masqueraded, NULL), CTW_FILTER_UNKNOWN);
    assert_int_equal(match("not mark 1", &masqueraded, NULL), CTW_FILTER_UNKNOWN);
    assert_int_equal(match("src 10.0.0.2 and mark 1", &masqueraded, NULL), CTW_FILTER_NO);
    assert_int_equal(match("mark 1 and src 10.0.0.2", &masqueraded, NULL), CTW_FILTER_NO);
    assert_int_equal(match("mark 1 or tcp", &masqueraded, NULL), CTW_FILTER_YES);
    assert_int_equal(match("host 10.0.0.1", &masqueraded, NULL), CTW_FILTER_YES);
    assert_int_equal(match("host 10.0.0.2", &masqueraded, NULL), CTW_FILTER_UNKNOWN);
    assert_int_equal(match("host ::1", &masqueraded, NULL), CTW_FILTER_NO);

    struct ctw_flow direct = masqueraded;
    direct.status &= ~(uint32_t)IPS_SRC_NAT;
    assert_int_equal(match("host 203.0.113.9", &direct, NULL), CTW_FILTER_NO);
    assert_int_equal(match("port 40000", &direct, &details), CTW_FILTER_NO);
}

static void ports_are_of_protocols_that_have_them(void **state) {
    const struct ctw_flow ping = {.family = AF_INET, .protocol = IPPROTO_ICMP};

    (void)state;
    assert_int_equal(match("dport 0", &ping, NULL), CTW_FILTER_NO);
    assert_int_equal(match("port 0-65535", &ping, NULL), CTW_FILTER_NO);
    assert_int_equal(match("dport != 443", &ping, NULL), CTW_FILTER_YES);
}

static void large_counters_match_open_ranges(void **state) {
    const struct ctw_flow_details large = {.bytes = UINT64_MAX, .packets = UINT64_MAX};

    (void)state;
    assert_int_equal(match("bytes > 1GiB and packets > 5", &masqueraded, &large), CTW_FILTER_YES);
    assert_int_equal(match("bytes < 1GiB", &masqueraded, &large), CTW_FILTER_NO);
}

/* 20,000 random filters of up to four levels, each with 50 random entries. */
static void random_filters_match_as_meant(void **state) {
    static struct random_filter random;
    struct dice dice = {1};
    unsigned matched = 0, undecided = 0;

    (void)state;
    for (unsigned i = 0; i < 20000; i++) {
        random_filter(&dice, i % 5, &random);
        parse(random.text);
        for (unsigned j = 0; j < 50; j++) {
            struct ctw_flow flow;
            struct ctw_flow_details d;
            random_entry(&dice, &flow, &d);
            const enum ctw_filter_verdict meant =
                random_filter_matches(&random, &flow, &d) ? CTW_FILTER_YES : CTW_FILTER_NO;
            const enum ctw_filter_verdict early = ctw_filter_match(&filter, &flow, NULL);
            if (ctw_filter_match(&filter, &flow, &d) != meant)
                fail_msg("%s: is meant to match: %u", random.text, meant);
            if (early != meant && early != CTW_FILTER_UNKNOWN)
                fail_msg("%s: without details it matches: %u", random.text, early);
            matched += meant == CTW_FILTER_YES;
            undecided += early == CTW_FILTER_UNKNOWN;
        }
    }
    assert_in_range(matched, 200000, 800000); /* the filters and entries do meet */
    assert_in_range(undecided, 1, 500000);
}

static void random_filters_print_and_parse_again(void **state) {
    static char text[16 * CTW_FILTER_TEXT_MAX];
    static struct random_filter random;
    static struct ctw_filter before;
    struct dice dice = {2};

    (void)state;
    for (unsigned i = 0; i < 20000; i++) {
        random_filter(&dice, i % 6, &random);
        parse(random.text);
        before = filter;
        assert_in_range(filter_print(&filter, text, sizeof(text)), 1, CTW_FILTER_TEXT_MAX);
        parse(text);
        assert_int_equal(filter.n, before.n);
        assert_int_equal(filter.root, before.root);
        if (memcmp(filter.nodes + 1, before.nodes + 1, (filter.n - 1u) * sizeof(filter.nodes[0])) !=
            0)
            fail_msg("%s and %s differ", random.text, text);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entry_matches_what_it_is),
        cmocka_unit_test(details_are_wanted_only_where_they_decide),
        cmocka_unit_test(ports_are_of_protocols_that_have_them),
        cmocka_unit_test(large_counters_match_open_ranges),
        cmocka_unit_test(random_filters_match_as_meant),
        cmocka_unit_test(random_filters_print_and_parse_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
