/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/talkers/dimension.h"
#include "tests/support/random_filter.h"

#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))

static const char *name_of(enum ctw_dimension d, const struct ctw_flow *flow, uint32_t prefix) {
    static char name[CTW_TALKER_NAME_MAX];

    const struct ctw_key key = ctw_dimension_key(d, flow, prefix);
    ctw_dimension_name(d, &key, prefix, name);
    return name;
}

static void name_of_each_dimension(void **state) {
    const struct ctw_flow flow = {.family = AF_INET,
                                  .protocol = IPPROTO_TCP,
                                  .source = {192, 0, 2, 7},
                                  .destination = {198, 51, 100, 1},
                                  .source_port = 1024,
                                  .destination_port = 443,
                                  .zone = 258,
                                  .has_tcp_state = true,
                                  .tcp_state = TCP_CONNTRACK_TIME_WAIT};

    (void)state;
    assert_string_equal(name_of(CTW_BY_SOURCE, &flow, 64), "192.0.2.7");
    assert_string_equal(name_of(CTW_BY_DESTINATION, &flow, 64), "198.51.100.1");
    assert_string_equal(name_of(CTW_BY_PORT, &flow, 64), "tcp/443");
    assert_string_equal(name_of(CTW_BY_PROTOCOL, &flow, 64), "tcp");
    assert_string_equal(name_of(CTW_BY_STATE, &flow, 64), "tcp/TIME_WAIT");
    assert_string_equal(name_of(CTW_BY_ZONE, &flow, 64), "258");
}

static void name_ipv6_source_is_a_prefix(void **state) {
    static const struct {
        uint32_t prefix;
        const char *name;
    } cases[] = {
        {128, "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"},
        {127, "2001:db8:ffff:ffff:ffff:ffff:ffff:fffe/127"},
        {65, "2001:db8:ffff:ffff:8000::/65"},
        {64, "2001:db8:ffff:ffff::/64"},
        {63, "2001:db8:ffff:fffe::/63"},
        {33, "2001:db8:8000::/33"},
        {1, "::/1"},
    };
    struct ctw_flow flow = {.family = AF_INET6, .protocol = IPPROTO_UDP};

    (void)state;
    assert_int_equal(inet_pton(AF_INET6, "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", flow.source), 1);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_string_equal(name_of(CTW_BY_SOURCE, &flow, cases[i].prefix), cases[i].name);
}

/* The /64 of these is no site: each address counts alone. */
static void key_without_a_site_is_the_address(void **state) {
    static const struct {
        const char *address, *name;
    } cases[] = {
        {"::1", "::1"},
        {"::ffff:192.0.2.7", "::ffff:192.0.2.7"},
        {"64:ff9b::192.0.2.7", "64:ff9b::c000:207"},
        {"fe80::1:2:3:4", "fe80::1:2:3:4"},
        {"febf:ffff::1", "febf:ffff::1"},
        {"fec0::1", "fec0::/64"},
        {"64:ff9b:1::1", "64:ff9b:1::/64"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct ctw_flow flow = {.family = AF_INET6, .protocol = IPPROTO_UDP};
        assert_int_equal(inet_pton(AF_INET6, cases[i].address, flow.source), 1);
        assert_string_equal(name_of(CTW_BY_SOURCE, &flow, 64), cases[i].name);
    }
}

static void key_ipv6_equal_within_a_prefix(void **state) {
    struct ctw_flow one = {.family = AF_INET6, .source = {0x20, 1}}, other = one;

    (void)state;
    for (uint32_t bit = 0; bit < 128; bit++) {
        memcpy(other.source, one.source, sizeof(other.source));
        other.source[bit / 8] ^= (uint8_t)(0x80 >> bit % 8);
        for (uint32_t prefix = 0; prefix <= 128; prefix++) {
            const struct ctw_key a = ctw_dimension_key(CTW_BY_SOURCE, &one, prefix);
            const struct ctw_key b = ctw_dimension_key(CTW_BY_SOURCE, &other, prefix);
            assert_int_equal(a.a == b.a && a.b == b.b, bit >= prefix);
        }
    }
}

static void key_ipv4_differs_from_ipv6(void **state) {
    const struct ctw_flow v4 = {.family = AF_INET, .source = {1, 2, 3, 4}};
    const struct ctw_flow v6 = {.family = AF_INET6, .source = {1, 2, 3, 4}};
    const struct ctw_key a = ctw_dimension_key(CTW_BY_SOURCE, &v4, 64);
    const struct ctw_key b = ctw_dimension_key(CTW_BY_SOURCE, &v6, 64);

    (void)state;
    assert_int_not_equal(a.c, b.c);
}

static void key_status_bits_that_no_name_shows_are_ignored(void **state) {
    static const uint32_t assured[] = {IPS_ASSURED, IPS_ASSURED | IPS_SEEN_REPLY,
                                       IPS_ASSURED | IPS_SEEN_REPLY | IPS_CONFIRMED};
    struct ctw_flow flow = {.family = AF_INET, .protocol = IPPROTO_UDP};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        flow.status = assured[i];
        assert_string_equal(name_of(CTW_BY_STATE, &flow, 64), "udp/assured");
        assert_int_equal(ctw_dimension_key(CTW_BY_STATE, &flow, 64).c,
                         (uint32_t)IPPROTO_UDP << 16 | IPS_ASSURED);
    }
    flow.status = IPS_SEEN_REPLY | IPS_SRC_NAT;
    assert_string_equal(name_of(CTW_BY_STATE, &flow, 64), "udp/replied");
    flow.status = IPS_CONFIRMED;
    assert_string_equal(name_of(CTW_BY_STATE, &flow, 64), "udp/unreplied");
}

static void key_of_details_has_their_name(void **state) {
    const struct ctw_flow_details some = {.mark = 0x1f, .helper = "ftp"}, none = {0};
    const struct {
        enum ctw_dimension by;
        struct ctw_key key;
        const char *name;
    } cases[] = {
        {CTW_BY_MARK, ctw_details_key(CTW_BY_MARK, &some), "0x1f"},
        {CTW_BY_MARK, ctw_details_key(CTW_BY_MARK, &none), "0x0"},
        {CTW_BY_HELPER, ctw_details_key(CTW_BY_HELPER, &some), "ftp"},
        {CTW_BY_HELPER, ctw_details_key(CTW_BY_HELPER, &none), "(none)"},
        {CTW_BY_HELPER, {.a = htole64(0x1b)}, "?"},
        {CTW_BY_LABEL, ctw_label_key(5), "5"},
        {CTW_BY_LABEL, ctw_label_key(CTW_LABELS), "(none)"},
    };
    char name[CTW_TALKER_NAME_MAX];

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        ctw_dimension_name(cases[i].by, &cases[i].key, 64, name);
        assert_string_equal(name, cases[i].name);
    }
}

static struct ctw_key any_key(enum ctw_dimension d, const struct ctw_flow *flow,
                              const struct ctw_flow_details *details) {
    if (d == CTW_BY_LABEL)
        return ctw_label_key(ctw_flow_has_label(details, 5) ? 5 : CTW_LABELS);
    return d >= CTW_BY_MARK ? ctw_details_key(d, details) : ctw_dimension_key(d, flow, 64);
}

/* An entry matches the filter of its key; an entry with another key does not. */
static void filter_of_a_key_matches_its_entries(void **state) {
    static struct ctw_filter filter;
    struct ctw_filter_error error;
    struct dice dice = {1};
    unsigned n = 0;

    (void)state;
    for (unsigned i = 0; i < 50000; i++) {
        const enum ctw_dimension d = (enum ctw_dimension)(i % CTW_DIMENSIONS);
        struct ctw_flow one, other;
        struct ctw_flow_details details, other_details;
        char text[CTW_TALKER_NAME_MAX];
        random_entry(&dice, &one, &details);
        random_entry(&dice, &other, &other_details);
        one.zone = details.zone;
        other.zone = other_details.zone;
        const struct ctw_key key = any_key(d, &one, &details);
        const struct ctw_key other_key = any_key(d, &other, &other_details);
        if (ctw_dimension_filter(d, &key, 64, text) < 0)
            continue; /* "(none)" */
        n++;
        if (ctw_filter_parse(text, strlen(text), NULL, NULL, &filter, &error) < 0)
            fail_msg("%s: %s", text, error.message.text);
        if (ctw_filter_match(&filter, &one, &details) != CTW_FILTER_YES)
            fail_msg("%s", text);
        /* TCP without a state is "tcp/assured", of which there is more */
        if (!ctw_key_equal(&key, &other_key) && (d != CTW_BY_STATE || one.has_tcp_state) &&
            ctw_filter_match(&filter, &other, &other_details) != CTW_FILTER_NO)
            fail_msg("%s matches another key", text);
    }
    assert_in_range(n, 35000, 50000);
}

static void filter_of_a_key_without_words_is_refused(void **state) {
    const struct ctw_key none = {.c = CTW_LABELS}, strange = {.a = 0x1b};
    const struct ctw_key state_10 = {.c = (uint32_t)IPPROTO_TCP << 16 | 0x8000 | 10};
    char text[CTW_TALKER_NAME_MAX];

    (void)state;
    assert_int_equal(ctw_dimension_filter(CTW_BY_LABEL, &none, 64, text), -EOPNOTSUPP);
    assert_int_equal(ctw_dimension_filter(CTW_BY_HELPER, &none, 64, text), -EOPNOTSUPP);
    assert_int_equal(ctw_dimension_filter(CTW_BY_HELPER, &strange, 64, text), -EOPNOTSUPP);
    assert_int_equal(ctw_dimension_filter(CTW_BY_STATE, &state_10, 64, text), -EOPNOTSUPP);
}

static void find_returns_the_dimension_of_its_word(void **state) {
    enum ctw_dimension d;

    (void)state;
    for (unsigned i = 0; i < CTW_DIMENSIONS; i++) {
        assert_int_equal(ctw_dimension_find(ctw_dimension_word((enum ctw_dimension)i), &d), 0);
        assert_int_equal(d, i);
    }
    assert_int_equal(ctw_dimension_find("", &d), -EINVAL);
    assert_int_equal(ctw_dimension_find("sources", &d), -EINVAL);
}

/* In numeric order, whatever the byte order of the machine. */
static void key_before_orders_addresses_by_number(void **state) {
    static const char *const addresses[] = {"10.0.0.1", "10.0.0.2", "10.0.1.0", "192.0.2.7"};

    (void)state;
    for (size_t i = 0; i < LENGTH(addresses); i++)
        for (size_t j = 0; j < LENGTH(addresses); j++) {
            uint8_t a[16] = {0}, b[16] = {0};
            assert_int_equal(inet_pton(AF_INET, addresses[i], a), 1);
            assert_int_equal(inet_pton(AF_INET, addresses[j], b), 1);
            const struct ctw_key x = ctw_address_key(AF_INET, a, 64);
            const struct ctw_key y = ctw_address_key(AF_INET, b, 64);
            assert_int_equal(ctw_key_before(&x, &y), i < j);
        }
}

static void name_port_has_its_protocol(void **state) {
    static const struct {
        uint8_t protocol;
        uint16_t port;
        const char *name;
    } cases[] = {
        {IPPROTO_UDP, 53, "udp/53"}, {IPPROTO_TCP, 65535, "tcp/65535"},
        {IPPROTO_SCTP, 0, "sctp/0"}, {IPPROTO_GRE, 0, "gre"},
        {IPPROTO_ICMP, 0, "icmp"},   {IPPROTO_ICMPV6, 0, "icmpv6"},
        {89, 0, "protocol-89"},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        const struct ctw_flow flow = {.protocol = cases[i].protocol,
                                      .destination_port = cases[i].port};
        assert_string_equal(name_of(CTW_BY_PORT, &flow, 64), cases[i].name);
    }
}

static void name_state_is_the_kernels(void **state) {
    static const char *const names[] = {
        "tcp/NONE",     "tcp/SYN_SENT",   "tcp/SYN_RECV", "tcp/ESTABLISHED",
        "tcp/FIN_WAIT", "tcp/CLOSE_WAIT", "tcp/LAST_ACK", "tcp/TIME_WAIT",
        "tcp/CLOSE",    "tcp/SYN_SENT2",  "tcp/10",
    };
    struct ctw_flow flow = {.protocol = IPPROTO_TCP, .has_tcp_state = true, .status = IPS_ASSURED};

    (void)state;
    for (uint8_t i = 0; i < LENGTH(names); i++) {
        flow.tcp_state = i;
        assert_string_equal(name_of(CTW_BY_STATE, &flow, 64), names[i]);
    }
    flow.tcp_state = 255;
    assert_string_equal(name_of(CTW_BY_STATE, &flow, 64), "tcp/255");
    flow.has_tcp_state = false;
    assert_string_equal(name_of(CTW_BY_STATE, &flow, 64), "tcp/assured");
}

/* Each key has a name that fits, also one that no entry could have. */
static void name_of_any_key_fits(void **state) {
    uint64_t x = 1;

    (void)state;
    for (unsigned i = 0; i < 100000; i++) {
        char name[CTW_TALKER_NAME_MAX];
        const struct ctw_key key = {.a = x, .b = ~x, .c = (uint32_t)(x >> 7)};
        memset(name, 'x', sizeof(name));
        ctw_dimension_name((enum ctw_dimension)(i % CTW_DIMENSIONS), &key, (uint32_t)(x % 129),
                           name);
        assert_in_range(strnlen(name, sizeof(name)), 1, sizeof(name) - 1);
        x = x * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(name_of_each_dimension),
        cmocka_unit_test(name_ipv6_source_is_a_prefix),
        cmocka_unit_test(key_without_a_site_is_the_address),
        cmocka_unit_test(key_ipv6_equal_within_a_prefix),
        cmocka_unit_test(key_ipv4_differs_from_ipv6),
        cmocka_unit_test(key_status_bits_that_no_name_shows_are_ignored),
        cmocka_unit_test(key_of_details_has_their_name),
        cmocka_unit_test(filter_of_a_key_matches_its_entries),
        cmocka_unit_test(filter_of_a_key_without_words_is_refused),
        cmocka_unit_test(find_returns_the_dimension_of_its_word),
        cmocka_unit_test(key_before_orders_addresses_by_number),
        cmocka_unit_test(name_port_has_its_protocol),
        cmocka_unit_test(name_state_is_the_kernels),
        cmocka_unit_test(name_of_any_key_fits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
