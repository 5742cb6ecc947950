/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <netinet/in.h>

#include "lib/talkers/census.h"

#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))

static struct ctw_census census; /* too large for a stack */

static int start(void **state) {
    (void)state;
    ctw_census_init(&census, 64, 4711);
    return 0;
}

static struct ctw_flow flow(const char *source, const char *destination, uint8_t protocol,
                            uint16_t port) {
    struct ctw_flow f = {.family = strchr(source, ':') ? AF_INET6 : AF_INET,
                         .protocol = protocol,
                         .source_port = 40000,
                         .destination_port = port};

    assert_int_equal(inet_pton(f.family, source, f.source), 1);
    assert_int_equal(inet_pton(f.family, destination, f.destination), 1);
    return f;
}

static struct ctw_flow tcp(uint8_t tcp_state, uint32_t status, uint32_t timeout_sec) {
    struct ctw_flow f = flow("192.0.2.1", "198.51.100.1", IPPROTO_TCP, 443);

    f.has_tcp_state = true;
    f.tcp_state = tcp_state;
    f.status = status;
    f.timeout_sec = timeout_sec;
    return f;
}

static void add(struct ctw_flow f, uint32_t times) {
    for (uint32_t i = 0; i < times; i++)
        ctw_census_add(&census, &f);
}

static struct ctw_talkers result_of(uint32_t count, uint32_t max, uint32_t buckets) {
    const struct ctw_sample table = {
        .count = count, .max = max, .buckets = buckets, .has_buckets = true};
    struct ctw_talkers talkers;

    memset(&talkers, 0x5a, sizeof(talkers));
    ctw_census_result(&census, CTW_TALKERS_TOP_MAX, &table, &talkers);
    return talkers;
}

static void expect(const struct ctw_share *share, const char *name, uint32_t permyriad) {
    assert_string_equal(share->name, name);
    assert_int_equal(share->permyriad, permyriad);
}

/* --- lists and shares ------------------------------------------------------------------------ */

static void census_empty_is_unknown(void **state) {
    const struct ctw_talkers talkers = result_of(0, 1000, 1000), nothing = {0};

    (void)state;
    assert_memory_equal(&talkers, &nothing, sizeof(talkers));
}

static void census_ranks_sources_ports_and_states(void **state) {
    struct ctw_flow a = tcp(TCP_CONNTRACK_SYN_SENT, 0, 120);
    struct ctw_flow b = flow("2001:db8::1", "2001:db8:9::1", IPPROTO_UDP, 53);
    struct ctw_flow c = flow("2001:db8::2", "2001:db8:9::1", IPPROTO_ICMPV6, 0);

    (void)state;
    add(a, 60);
    add(b, 30);
    add(c, 10);
    const struct ctw_talkers talkers = result_of(100, 1000, 1000);
    assert_true(talkers.known);
    assert_int_equal(talkers.entries, 100);
    assert_int_equal(talkers.n_sources, 2);
    expect(&talkers.sources[0], "192.0.2.1", 6000);
    expect(&talkers.sources[1], "2001:db8::/64", 4000);
    assert_int_equal(talkers.n_ports, 3);
    expect(&talkers.ports[0], "tcp/443", 6000);
    expect(&talkers.ports[1], "udp/53", 3000);
    expect(&talkers.ports[2], "icmpv6", 1000);
    assert_int_equal(talkers.n_states, 3);
    expect(&talkers.states[0], "tcp/SYN_SENT", 6000);
    expect(&talkers.states[1], "udp/unreplied", 3000);
    expect(&talkers.states[2], "icmpv6/unreplied", 1000);
}

static void census_lists_have_at_most_top_lines(void **state) {
    const struct ctw_sample table = {.count = 100, .max = 100};
    struct ctw_talkers talkers;

    (void)state;
    for (uint16_t port = 1; port <= 100; port++)
        add(flow("192.0.2.1", "192.0.2.2", IPPROTO_TCP, port), port);
    ctw_census_result(&census, 5, &table, &talkers);
    assert_int_equal(talkers.n_ports, 5);
    expect(&talkers.ports[0], "tcp/100", 198); /* of 5050 */
    ctw_census_result(&census, UINT32_MAX, &table, &talkers);
    assert_int_equal(talkers.n_ports, CTW_TALKERS_TOP_MAX);
    ctw_census_result(&census, 0, &table, &talkers);
    assert_int_equal(talkers.n_ports, 0);
}

/* 60 % from one source, 20 % from another, the rest from 100,000: no small source is listed with a
 * share that it does not have. */
static void census_many_small_sources_leave_shares_exact(void **state) {
    (void)state;
    for (uint32_t i = 0; i < 500000; i++) {
        struct ctw_flow f = flow("10.0.0.0", "192.0.2.2", IPPROTO_UDP, 9);
        const uint32_t crowd = htonl(0x0a000000u + i % 100000);
        if (i % 5 < 3)
            assert_int_equal(inet_pton(AF_INET, "203.0.113.60", f.source), 1);
        else if (i % 5 == 3)
            assert_int_equal(inet_pton(AF_INET, "203.0.113.20", f.source), 1);
        else
            memcpy(f.source, &crowd, sizeof(crowd));
        ctw_census_add(&census, &f);
    }
    const struct ctw_talkers talkers = result_of(500000, 1000000, 262144);
    expect(&talkers.sources[0], "203.0.113.60", 6000);
    expect(&talkers.sources[1], "203.0.113.20", 2000);
    assert_int_equal(talkers.n_sources, 2);
}

static void census_sample_omits_single_entries(void **state) {
    (void)state;
    add(flow("192.0.2.1", "198.51.100.1", IPPROTO_UDP, 53), 2);
    add(flow("192.0.2.2", "198.51.100.1", IPPROTO_UDP, 53), 1);
    assert_int_equal(result_of(1000, 1000, 1000).n_sources, 1);
    assert_int_equal(result_of(3, 1000, 1000).n_sources, 2); /* these are all there are */
}

/* The count has expired entries in it, which no dump shows. */
static void census_whole_table_has_no_margin_and_lists_single_entries(void **state) {
    (void)state;
    add(flow("192.0.2.1", "198.51.100.1", IPPROTO_UDP, 53), 2);
    add(flow("192.0.2.2", "198.51.100.1", IPPROTO_UDP, 53), 1);
    census.whole = true;
    const struct ctw_talkers talkers = result_of(1000, 1000, 1000);
    assert_false(talkers.sampled);
    assert_int_equal(talkers.margin_permyriad, 0);
    assert_int_equal(talkers.n_sources, 2);
}

static void census_counts_properties(void **state) {
    struct ctw_flow f;

    (void)state;
    add(tcp(TCP_CONNTRACK_ESTABLISHED, IPS_SEEN_REPLY | IPS_ASSURED, 431999), 40);
    f = flow("127.0.0.1", "127.8.9.1", IPPROTO_UDP, 53);
    f.status = IPS_SEEN_REPLY;
    add(f, 20);
    add(flow("::1", "::1", IPPROTO_TCP, 53), 10);
    add(flow("::1", "::2", IPPROTO_SCTP, 53), 10);
    add(flow("127.0.0.1", "192.0.2.1", IPPROTO_UDP, 5353), 10);
    add(flow("192.0.2.1", "127.0.0.1", IPPROTO_UDP, 5353), 10);
    const struct ctw_talkers talkers = result_of(100, 1000, 1000);
    assert_int_equal(talkers.assured_permyriad, 4000);
    assert_int_equal(talkers.unreplied_permyriad, 4000);
    assert_int_equal(talkers.loopback_permyriad, 3000);
    assert_int_equal(talkers.dns_permyriad, 3000);
    assert_int_equal(talkers.idle_tcp_permyriad, 0);
}

static void census_count_leaves_lists_empty(void **state) {
    const struct ctw_flow f = tcp(TCP_CONNTRACK_ESTABLISHED, IPS_SEEN_REPLY | IPS_ASSURED, 1000);
    struct ctw_talkers talkers;

    (void)state;
    ctw_census_count(&census, &f);
    ctw_census_count(&census, &f);
    talkers = result_of(2, 10, 10);
    assert_int_equal(talkers.entries, 2);
    assert_int_equal(talkers.assured_permyriad, 10000);
    assert_int_equal(talkers.idle_tcp_permyriad, 10000);
    assert_int_equal(talkers.n_sources + talkers.n_ports + talkers.n_states, 0);
}

static void census_idle_tcp_is_established_assured_and_silent(void **state) {
    const uint32_t status = IPS_SEEN_REPLY | IPS_ASSURED;
    const struct {
        struct ctw_flow flow;
        bool idle;
    } cases[] = {
        {tcp(TCP_CONNTRACK_ESTABLISHED, status, 432000 - 3600), false},
        {tcp(TCP_CONNTRACK_ESTABLISHED, status, 432000 - 3601), true},
        {tcp(TCP_CONNTRACK_ESTABLISHED, status, 301), true},
        {tcp(TCP_CONNTRACK_ESTABLISHED, status, 300), false}, /* data not acknowledged */
        {tcp(TCP_CONNTRACK_ESTABLISHED, status, 0), false},   /* expired */
        {tcp(TCP_CONNTRACK_ESTABLISHED, status, UINT32_MAX), false},
        {tcp(TCP_CONNTRACK_ESTABLISHED, IPS_SEEN_REPLY, 1000), false},
        {tcp(TCP_CONNTRACK_ESTABLISHED, status | IPS_OFFLOAD, 86400), false},
        {tcp(TCP_CONNTRACK_TIME_WAIT, status, 1000), false},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        start(NULL);
        add(cases[i].flow, 1);
        assert_int_equal(result_of(1, 10, 10).idle_tcp_permyriad, cases[i].idle ? 10000 : 0);
    }
    start(NULL);
    census.established_timeout_sec = 7200;
    add(tcp(TCP_CONNTRACK_ESTABLISHED, status, 3599), 1);
    add(tcp(TCP_CONNTRACK_ESTABLISHED, status, 3600), 1);
    assert_int_equal(result_of(2, 10, 10).idle_tcp_permyriad, 5000);
}

/* --- the margin ------------------------------------------------------------------------------ */

static uint32_t margin_of(uint32_t entries, uint32_t count) {
    census.entries = entries;
    return result_of(count, count, count).margin_permyriad;
}

static void margin_of_a_sample(void **state) {
    (void)state;
    assert_int_equal(margin_of(9604, UINT32_MAX), 100);
    assert_int_equal(margin_of(5000, UINT32_MAX), 139);
    assert_int_equal(margin_of(5000, 500000), 138);
    assert_int_equal(margin_of(1, UINT32_MAX), 9800);
    assert_int_equal(margin_of(1000, 2000), 220); /* 310 of an endless table, times sqrt(1/2) */
    assert_int_equal(margin_of(1, 2), 9800);
    assert_int_equal(margin_of(499990, 500000), 1);
}

static void margin_of_the_whole_table_is_zero(void **state) {
    (void)state;
    assert_int_equal(margin_of(5000, 5000), 0);
    assert_int_equal(margin_of(5000, 4999), 0);
    assert_int_equal(margin_of(1, 1), 0);
    assert_int_equal(margin_of(1, 0), 0);
}

static void census_fewer_entries_than_count_is_sampled(void **state) {
    (void)state;
    census.entries = 4999;
    assert_true(result_of(5000, 1, 1).sampled);
    census.entries = 5000;
    assert_false(result_of(5000, 1, 1).sampled);
    assert_false(result_of(4000, 1, 1).sampled);
}

/* --- the risk -------------------------------------------------------------------------------- */

static uint32_t risk_of(uint32_t assured_permyriad, uint32_t max, uint32_t buckets) {
    census.entries = 10000;
    census.assured = assured_permyriad;
    return result_of(max, max, buckets).drop_risk_permyriad;
}

/* Each of these was within five points of what a kernel dropped of 1000 new flows. */
static void risk_is_near_what_the_kernel_dropped(void **state) {
    (void)state;
    assert_int_equal(risk_of(5000, 262144, 262144), 0);
    assert_int_equal(risk_of(8000, 262144, 262144), 281);
    assert_int_equal(risk_of(9000, 262144, 262144), 1853);
    assert_int_equal(risk_of(9500, 262144, 262144), 4401);
    assert_int_equal(risk_of(9900, 262144, 262144), 8515);
    assert_int_equal(risk_of(10000, 262144, 262144), 10000);
    assert_int_equal(risk_of(9000, 262144, 1048576), 6561);
    assert_int_equal(risk_of(9000, 262144, 65536), 12);
}

/* Computed with floats: round(1e4 * a ** (16 * max / buckets)). */
static void risk_interpolates_between_whole_powers(void **state) {
    (void)state;
    assert_int_equal(risk_of(9000, 1000, 3000), 5701);
    assert_int_equal(risk_of(9000, 65536, 100000), 3313);
    assert_int_equal(risk_of(9999, 2000000000, 1600000), 1353);
    assert_int_equal(risk_of(9999, 100, 262144), 10000);
    assert_int_equal(risk_of(5000, 1000, 262144), 9586);
    assert_int_equal(risk_of(1, 1000, 262144), 5700);
    assert_int_equal(risk_of(9500, 2147483647, 2147483647), 4401);
}

static void risk_extreme_values_stay_in_range(void **state) {
    (void)state;
    assert_int_equal(risk_of(0, 262144, 262144), 0);
    assert_int_equal(risk_of(10000, 262144, 1), 10000);
    assert_int_equal(risk_of(9999, UINT32_MAX, 1), 0);
    assert_int_equal(risk_of(9999, 1, UINT32_MAX), 10000);
    for (uint32_t a = 1, last = 0; a <= 10000; a++) {
        const uint32_t risk = risk_of(a, 200000, 262144);
        assert_in_range(risk, last, 10000);
        last = risk;
    }
}

static void risk_uses_the_larger_of_count_and_max(void **state) {
    (void)state;
    census.entries = 10;
    census.assured = 9;
    assert_int_equal(result_of(750, 1000, 1000).drop_risk_permyriad, 1853);
    assert_int_equal(result_of(1000, 1000, 1000).drop_risk_permyriad, 1853);
    assert_int_equal(result_of(4000, 1000, 4000).drop_risk_permyriad, 1853); /* max was lowered */
    assert_int_equal(result_of(1000, 0, 1000).drop_risk_permyriad, 1853);    /* no limit yet */
}

static void risk_without_buckets_is_unknown(void **state) {
    const struct ctw_sample table = {.count = 10, .max = 10};
    struct ctw_talkers talkers;

    (void)state;
    census.entries = census.assured = 10;
    ctw_census_result(&census, 1, &table, &talkers);
    assert_false(talkers.has_drop_risk);
    assert_int_equal(talkers.drop_risk_permyriad, 0);
    assert_false(result_of(10, 10, 0).has_drop_risk);
    assert_true(result_of(10, 10, 1).has_drop_risk);
}

/* --- what causes are found by ------------------------------------------------------------------
 */

static void census_counts_shares_that_name_causes(void **state) {
    struct ctw_flow nat = flow("127.0.0.1", "127.0.0.11", IPPROTO_UDP, 53);

    (void)state;
    nat.status = IPS_DST_NAT;
    add(nat, 4);
    add(flow("127.0.0.1", "127.0.0.53", IPPROTO_UDP, 53), 6);
    add(flow("::ffff:127.0.0.1", "::ffff:127.0.0.2", IPPROTO_TCP, 80), 10);
    add(flow("192.0.2.1", "192.0.2.2", IPPROTO_UDP, 53), 10);
    add(flow("192.0.2.1", "192.0.2.2", IPPROTO_ICMP, 0), 5);
    add(flow("2001:db8::1", "2001:db8::2", IPPROTO_ICMPV6, 0), 5);
    add(tcp(TCP_CONNTRACK_SYN_SENT, 0, 1), 1);
    add(tcp(TCP_CONNTRACK_SYN_RECV, 0, 1), 2);
    add(tcp(TCP_CONNTRACK_SYN_SENT2, 0, 1), 3);
    add(tcp(TCP_CONNTRACK_TIME_WAIT, IPS_SEEN_REPLY, 1), 14);
    add(tcp(TCP_CONNTRACK_CLOSE_WAIT, IPS_SEEN_REPLY, 1), 15);
    add(tcp(TCP_CONNTRACK_FIN_WAIT, IPS_SEEN_REPLY, 1), 25);
    const struct ctw_talkers t = result_of(100, 1000, 1000);
    assert_int_equal(t.loopback_permyriad, 2000);
    assert_int_equal(t.loopback_nat_permyriad, 400);
    assert_int_equal(t.dns_permyriad, 2000);
    assert_int_equal(t.dns_loopback_permyriad, 1000);
    assert_int_equal(t.udp_unreplied_permyriad, 2000);
    assert_int_equal(t.icmp_permyriad, 500);
    assert_int_equal(t.icmpv6_permyriad, 500);
    assert_int_equal(t.half_open_permyriad, 600);
    assert_int_equal(t.time_wait_permyriad, 1400);
    assert_int_equal(t.close_wait_permyriad, 1500);
}

static void census_destination_is_a_whole_address(void **state) {
    (void)state;
    add(flow("2001:db8::1", "2001:db8:9::1", IPPROTO_TCP, 443), 60);
    add(flow("2001:db8::1", "2001:db8:9::2", IPPROTO_TCP, 443), 40);
    const struct ctw_talkers t = result_of(100, 1000, 1000);
    assert_int_equal(t.n_destinations, 2);
    expect(&t.destinations[0], "2001:db8:9::1", 6000);
    expect(&t.destinations[1], "2001:db8:9::2", 4000);
    expect(&t.service.address, "2001:db8:9::1", 6000);
    assert_int_equal(t.service.protocol, IPPROTO_TCP);
    assert_int_equal(t.service.port, 443);
    assert_string_equal(t.snat_service.address.name, "");
}

/* One destination with two ports is two services; translated entries have a busiest of their own.
 */
static void census_busiest_of_translated_is_apart(void **state) {
    struct ctw_flow translated = flow("10.0.0.1", "198.51.100.9", IPPROTO_UDP, 443);

    (void)state;
    translated.status = IPS_SRC_NAT | IPS_SEEN_REPLY;
    add(translated, 30);
    add(flow("10.0.0.1", "198.51.100.1", IPPROTO_TCP, 22), 40);
    add(flow("10.0.0.1", "198.51.100.1", IPPROTO_TCP, 23), 30);
    const struct ctw_talkers t = result_of(100, 1000, 1000);
    expect(&t.service.address, "198.51.100.1", 4000);
    assert_int_equal(t.service.port, 22);
    expect(&t.snat_service.address, "198.51.100.9", 3000);
    assert_int_equal(t.snat_service.protocol, IPPROTO_UDP);
    assert_int_equal(t.snat_service.port, 443);
}

static void census_of_a_whole_dump_shows_what_is_unconfirmed(void **state) {
    (void)state;
    add(flow("192.0.2.1", "192.0.2.2", IPPROTO_UDP, 5), 10);
    assert_int_equal(result_of(19000, 20000, 1000).unconfirmed, 0); /* a sample */
    census.whole = true;
    assert_int_equal(result_of(19000, 20000, 1000).unconfirmed, 18990);
    assert_int_equal(result_of(9, 20000, 1000).unconfirmed, 0);
}

/* 19,000 packets in a queue: 19,000 entries that no dump shows. */
static void census_of_a_dump_without_entries_is_known(void **state) {
    (void)state;
    census.whole = true;
    const struct ctw_talkers t = result_of(19000, 20000, 1000);
    assert_true(t.known);
    assert_true(t.whole);
    assert_int_equal(t.entries, 0);
    assert_int_equal(t.unconfirmed, 19000);
    assert_false(t.sampled || t.has_drop_risk);
    assert_int_equal(t.n_sources + t.n_destinations + t.n_ports + t.n_states, 0);
}

#define TEST(f) cmocka_unit_test_setup(f, start)

/* A command must not leave them untracked because they are few. */
static void result_never_rounds_translated_loopback_away(void **state) {
    const struct ctw_sample table = {.count = 100000};
    struct ctw_talkers talkers;

    (void)state;
    ctw_census_init(&census, 64, 1);
    census.entries = 100000;
    census.whole = true;
    ctw_census_result(&census, 0, &table, &talkers);
    assert_int_equal(talkers.loopback_nat_permyriad, 0);
    census.loopback_nat = 1;
    ctw_census_result(&census, 0, &table, &talkers);
    assert_int_equal(talkers.loopback_nat_permyriad, 1);
}

/* --- what addresses belong to ----------------------------------------------------------------- */

static struct ctw_share owned[5];

static bool belongs(const char *text, const char *owner, enum ctw_owner_by by) {
    const struct ctw_address_list list = {owned, LENGTH(owned), 64};
    struct ctw_address a = {.family = strchr(text, ':') ? AF_INET6 : AF_INET};

    assert_int_equal(inet_pton(a.family, text, a.bytes), 1);
    return ctw_address_owned(&list, &a, owner, by);
}

static void begin_owners(void) {
    static const char *const names[] = {"10.0.3.7", "127.0.0.1", "fd00::/64", "fe80::7",
                                        "10.0.3.8"};

    memset(owned, 0, sizeof(owned));
    for (size_t i = 0; i < LENGTH(names); i++)
        memcpy(owned[i].name, names[i], strlen(names[i]));
}

static void owner_is_noted_where_the_address_is_listed(void **state) {
    (void)state;
    begin_owners();
    assert_false(belongs("10.0.3.70", "docker 3f2a9c1b7d20", CTW_OWNER_OTHER));
    assert_true(belongs("10.0.3.7", "", CTW_OWNER_ASKED));
    assert_string_equal(owned[0].owner, "");
    assert_true(belongs("10.0.3.7", "docker 3f2a9c1b7d20", CTW_OWNER_OTHER));
    assert_true(belongs("10.0.3.7", "docker 3f2a9c1b7d20", CTW_OWNER_OTHER));
    assert_string_equal(owned[0].owner, "docker 3f2a9c1b7d20");
    assert_true(belongs("fd00::1:2", "blue", CTW_OWNER_OTHER));
    assert_string_equal(owned[2].owner, "blue");
    assert_true(belongs("fe80::7", "blue", CTW_OWNER_OTHER));
    assert_string_equal(owned[3].owner, "blue");
    assert_false(belongs("127.0.0.1", "blue", CTW_OWNER_OTHER));
    assert_string_equal(owned[1].owner, "");
    assert_string_equal(owned[4].owner, "");
}

static void owner_of_two_is_neither(void **state) {
    (void)state;
    begin_owners();
    assert_true(belongs("10.0.3.7", "blue", CTW_OWNER_OTHER));
    assert_true(belongs("10.0.3.7", "green", CTW_OWNER_OTHER));
    assert_true(belongs("10.0.3.7", "blue", CTW_OWNER_OTHER));
    assert_string_equal(owned[0].owner, "several namespaces");
    assert_true(belongs("fd00::1", "blue", CTW_OWNER_OTHER));
    assert_true(belongs("fd00::2", "this host", CTW_OWNER_OWN)); /* one prefix, two hosts */
    assert_string_equal(owned[2].owner, "several namespaces");
}

static void owner_of_an_own_address_is_ours(void **state) {
    (void)state;
    begin_owners();
    assert_true(belongs("10.0.3.7", "blue", CTW_OWNER_OTHER));
    assert_true(belongs("10.0.3.7", "this host", CTW_OWNER_OWN));
    assert_string_equal(owned[0].owner, "this host");
}

static void owner_by_a_neighbour_is_the_last_resort(void **state) {
    (void)state;
    begin_owners();
    assert_true(belongs("10.0.3.7", "blue", CTW_OWNER_PEER));
    assert_false(belongs("10.0.3.7", "green", CTW_OWNER_PEER));
    assert_string_equal(owned[0].owner, "blue");
    assert_true(belongs("10.0.3.8", "docker 3f2a9c1b7d20", CTW_OWNER_OTHER));
    assert_false(belongs("10.0.3.8", "blue", CTW_OWNER_PEER));
    assert_string_equal(owned[4].owner, "docker 3f2a9c1b7d20");
}

static void owner_too_long_is_marked(void **state) {
    char name[200];
    (void)state;

    memset(name, 'n', sizeof(name));
    name[199] = '\0';
    begin_owners();
    assert_true(belongs("10.0.3.7", name, CTW_OWNER_OTHER));
    assert_true(belongs("10.0.3.7", name, CTW_OWNER_OTHER));
    assert_int_equal(strlen(owned[0].owner), CTW_OWNER_MAX - 1);
    assert_string_equal(owned[0].owner + CTW_OWNER_MAX - 3, "n~");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(census_empty_is_unknown),
        TEST(census_counts_shares_that_name_causes),
        TEST(census_destination_is_a_whole_address),
        TEST(census_busiest_of_translated_is_apart),
        TEST(census_of_a_whole_dump_shows_what_is_unconfirmed),
        TEST(census_of_a_dump_without_entries_is_known),
        TEST(census_ranks_sources_ports_and_states),
        TEST(census_lists_have_at_most_top_lines),
        TEST(census_many_small_sources_leave_shares_exact),
        TEST(census_sample_omits_single_entries),
        TEST(census_whole_table_has_no_margin_and_lists_single_entries),
        TEST(result_never_rounds_translated_loopback_away),
        TEST(census_counts_properties),
        TEST(census_count_leaves_lists_empty),
        TEST(census_idle_tcp_is_established_assured_and_silent),
        TEST(margin_of_a_sample),
        TEST(margin_of_the_whole_table_is_zero),
        TEST(census_fewer_entries_than_count_is_sampled),
        TEST(risk_is_near_what_the_kernel_dropped),
        TEST(risk_interpolates_between_whole_powers),
        TEST(risk_extreme_values_stay_in_range),
        TEST(risk_uses_the_larger_of_count_and_max),
        TEST(risk_without_buckets_is_unknown),
        TEST(owner_is_noted_where_the_address_is_listed),
        TEST(owner_of_two_is_neither),
        TEST(owner_of_an_own_address_is_ours),
        TEST(owner_by_a_neighbour_is_the_last_resort),
        TEST(owner_too_long_is_marked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
