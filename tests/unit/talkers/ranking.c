/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/talkers/ranking.h"

/* --- counting -------------------------------------------------------------------------------- */

static struct ctw_ranking_slot *slots(size_t n) {
    struct ctw_ranking_slot *s = calloc(n, sizeof(*s));

    assert_non_null(s);
    return s;
}

static void begin(struct ctw_ranking *r) {
    ctw_ranking_init(r, slots(CTW_RANKING_SLOTS_MIN), CTW_RANKING_SLOTS_MIN, 42);
}

static void add(struct ctw_ranking *r, uint64_t name) {
    const struct ctw_ranking_key key = {.a = name / 64, .c = name % 64};

    if (!ctw_ranking_add(r, &key))
        free(ctw_ranking_move(r, slots(r->n_slots * 2), r->n_slots * 2));
}

static void of_nothing_nothing_is_frequent(void **state) {
    struct ctw_ranking_slot top[3];
    struct ctw_ranking r;

    (void)state;
    begin(&r);
    assert_int_equal(ctw_ranking_top(&r, top, 3), 0);
    assert_int_equal(ctw_ranking_distinct(&r), 0);
    free(r.slots);
}

static void keys_that_differ_in_one_word_are_not_one(void **state) {
    static const struct ctw_ranking_key keys[] = {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}, {0, 0, 0}};
    struct ctw_ranking_slot top[5];
    struct ctw_ranking r;

    (void)state;
    begin(&r);
    for (size_t i = 0; i < 4; i++)
        for (size_t n = 0; n <= i; n++)
            assert_true(ctw_ranking_add(&r, &keys[i]));
    assert_int_equal(ctw_ranking_top(&r, top, 5), 4);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(top[i].count, 4 - i);
    assert_int_equal(top[0].a + top[0].b + top[0].c, 0);
    assert_int_equal(r.total, 10);
    free(r.slots);
}

/* Name N comes N % 20 + 1 times, through ten changes of memory. */
static void counts_are_exact_however_many_there_are(void **state) {
    enum { NAMES = 100000, MOST = 20, TOP = 250 };
    struct ctw_ranking_slot top[TOP];
    struct ctw_ranking r;
    uint64_t total = 0, sum = 0;

    (void)state;
    begin(&r);
    for (uint64_t name = 0; name < NAMES; name++)
        for (uint64_t n = 0; n <= name % MOST; n++, total++)
            add(&r, name);
    assert_int_equal(r.total, total);
    assert_int_equal(ctw_ranking_distinct(&r), NAMES);
    assert_int_equal(ctw_ranking_top(&r, top, TOP), TOP);
    for (size_t i = 0; i < TOP; i++)
        assert_int_equal(top[i].count, MOST);
    for (size_t i = 0; i < r.n_slots; i++) {
        const uint64_t name = r.slots[i].a * 64 + r.slots[i].c;
        if (r.slots[i].count > 0)
            assert_int_equal(r.slots[i].count, name % MOST + 1);
        sum += r.slots[i].count;
    }
    assert_int_equal(sum, total);
    free(r.slots);
}

static void the_most_frequent_come_in_order(void **state) {
    struct ctw_ranking_slot top[10];
    struct ctw_ranking r;

    (void)state;
    begin(&r);
    for (uint64_t name = 1; name <= 100; name++)
        for (uint64_t n = 0; n < name; n++)
            add(&r, name);
    assert_int_equal(ctw_ranking_top(&r, top, 10), 10);
    for (uint64_t i = 0; i < 10; i++) {
        assert_int_equal(top[i].a * 64 + top[i].c, 100 - i);
        assert_int_equal(top[i].count, 100 - i);
    }
    assert_int_equal(ctw_ranking_top(&r, top, 0), 0);
    free(r.slots);
}

/* --- what entries are told apart by ---------------------------------------------------------- */

static const char *name_of(enum ctw_dimension d, const struct ctw_flow *flow, uint32_t prefix) {
    static char name[CTW_TALKER_NAME_MAX];

    ctw_dimension_name(d, ctw_dimension_key(d, flow, prefix), prefix, name);
    return name;
}

static void an_entry_has_a_name_in_each_dimension(void **state) {
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

static void an_ipv6_source_is_its_prefix(void **state) {
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

/* The name alone would not show it: it is cut off at the prefix in any case. */
static void addresses_of_one_prefix_have_one_key(void **state) {
    struct ctw_flow one = {.family = AF_INET6}, other = {.family = AF_INET6};

    (void)state;
    for (uint32_t bit = 0; bit < 128; bit++) {
        memset(other.source, 0, sizeof(other.source));
        other.source[bit / 8] = (uint8_t)(0x80 >> bit % 8);
        for (uint32_t prefix = 0; prefix <= 128; prefix++) {
            const struct ctw_ranking_key a = ctw_dimension_key(CTW_BY_SOURCE, &one, prefix);
            const struct ctw_ranking_key b = ctw_dimension_key(CTW_BY_SOURCE, &other, prefix);
            assert_int_equal(a.a == b.a && a.b == b.b, bit >= prefix);
        }
    }
}

static void an_ipv4_address_is_no_ipv6_address(void **state) {
    const struct ctw_flow v4 = {.family = AF_INET, .source = {1, 2, 3, 4}};
    const struct ctw_flow v6 = {.family = AF_INET6, .source = {1, 2, 3, 4}};
    const struct ctw_ranking_key a = ctw_dimension_key(CTW_BY_SOURCE, &v4, 64);
    const struct ctw_ranking_key b = ctw_dimension_key(CTW_BY_SOURCE, &v6, 64);

    (void)state;
    assert_int_not_equal(a.c, b.c);
}

/* Or a list would have the same name twice. */
static void one_state_has_one_key(void **state) {
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

static void a_dimension_is_found_by_its_word(void **state) {
    enum ctw_dimension d;

    (void)state;
    for (unsigned i = 0; i < CTW_DIMENSIONS; i++) {
        assert_int_equal(ctw_dimension_find(ctw_dimension_word((enum ctw_dimension)i), &d), 0);
        assert_int_equal(d, i);
    }
    assert_int_equal(ctw_dimension_find("", &d), -EINVAL);
    assert_int_equal(ctw_dimension_find("sources", &d), -EINVAL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_nothing_nothing_is_frequent),
        cmocka_unit_test(keys_that_differ_in_one_word_are_not_one),
        cmocka_unit_test(counts_are_exact_however_many_there_are),
        cmocka_unit_test(the_most_frequent_come_in_order),
        cmocka_unit_test(an_entry_has_a_name_in_each_dimension),
        cmocka_unit_test(an_ipv6_source_is_its_prefix),
        cmocka_unit_test(addresses_of_one_prefix_have_one_key),
        cmocka_unit_test(an_ipv4_address_is_no_ipv6_address),
        cmocka_unit_test(one_state_has_one_key),
        cmocka_unit_test(a_dimension_is_found_by_its_word),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
