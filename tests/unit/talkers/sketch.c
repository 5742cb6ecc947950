/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <malloc.h>
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

#include "lib/talkers/sketch.h"

#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))
#define SEED      UINT64_C(0x123456789abcdef0)

/* With something on both sides that must stay as it is. */
static struct {
    uint64_t before[8];
    struct ctw_sketch t;
    uint64_t after[8];
} fenced;
static struct ctw_sketch *const t = &fenced.t;

static int start(void **state) {
    (void)state;
    memset(&fenced, 0xa5, sizeof(fenced));
    ctw_sketch_init(t, SEED);
    return 0;
}

static int fences_hold(void **state) {
    uint64_t fence[8];

    (void)state;
    memset(fence, 0xa5, sizeof(fence));
    assert_memory_equal(fenced.before, fence, sizeof(fence));
    assert_memory_equal(fenced.after, fence, sizeof(fence));
    return 0;
}

/* Deterministic and good enough: splitmix64. */
static uint64_t random_state;

static uint64_t next_random(void) {
    uint64_t z = random_state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static struct ctw_talker_key name(uint32_t number) {
    const uint32_t address = htonl(number);
    uint8_t bytes[16] = {0};

    memcpy(bytes, &address, sizeof(address));
    return ctw_talker_source(AF_INET, bytes, 64);
}

static void add(uint32_t number, uint32_t weight) {
    const struct ctw_talker_key key = name(number);

    ctw_sketch_add(t, &key, weight);
}

static bool is_name(const struct ctw_sketch_entry *talker, uint32_t number) {
    const struct ctw_talker_key key = name(number);

    return memcmp(&talker->key, &key, sizeof(key)) == 0;
}

static void expect(const struct ctw_sketch_entry *talker, uint32_t number, uint64_t count,
                   uint64_t error) {
    assert_true(is_name(talker, number));
    assert_int_equal(talker->count, count);
    assert_int_equal(talker->error, error);
}

/* --- exact while there is room --------------------------------------------------------------- */

static void nothing_added_is_nobody(void **state) {
    struct ctw_sketch_entry top[4];

    (void)state;
    assert_int_equal(ctw_sketch_top(t, top, LENGTH(top)), 0);
    assert_int_equal(t->total, 0);
    ctw_sketch_age(t);
    assert_int_equal(ctw_sketch_top(t, top, LENGTH(top)), 0);
}

static void few_names_are_counted_exactly(void **state) {
    struct ctw_sketch_entry top[4];

    (void)state;
    for (uint32_t i = 0; i < 100; i++)
        add(i % 10 < 7 ? 1 : i % 10 < 9 ? 2 : 3, 1);
    assert_int_equal(ctw_sketch_top(t, top, LENGTH(top)), 3);
    expect(&top[0], 1, 70, 0);
    expect(&top[1], 2, 20, 0);
    expect(&top[2], 3, 10, 0);
    assert_int_equal(t->total, 100);
}

static void a_weight_counts_as_often(void **state) {
    struct ctw_sketch_entry top[4];

    (void)state;
    add(1, 64);
    add(2, 1);
    add(2, UINT32_MAX);
    add(3, 0);
    assert_int_equal(ctw_sketch_top(t, top, LENGTH(top)), 2);
    expect(&top[0], 2, (uint64_t)UINT32_MAX + 1, 0);
    expect(&top[1], 1, 64, 0);
    assert_int_equal(t->total, (uint64_t)UINT32_MAX + 65);
}

static void as_many_are_named_as_asked_for(void **state) {
    struct ctw_sketch_entry top[CTW_SKETCH_COUNTERS + 1];

    (void)state;
    for (uint32_t i = 1; i <= 300; i++)
        add(i, i);
    for (size_t n = 0; n <= LENGTH(top); n += 27) {
        assert_int_equal(ctw_sketch_top(t, top, n), n < 300 ? n : 300);
        for (uint32_t i = 0; i < n && i < 300; i++)
            expect(&top[i], 300 - i, 300 - i, 0);
    }
}

static void equal_counts_make_a_list_that_stays(void **state) {
    struct ctw_sketch_entry top[20];

    (void)state;
    for (unsigned backwards = 0; backwards < 2; backwards++) {
        ctw_sketch_init(t, SEED + backwards);
        for (uint32_t i = 0; i < 3 * CTW_SKETCH_COUNTERS; i++)
            add((backwards ? UINT32_MAX - i : i) % CTW_SKETCH_COUNTERS, 1);
        assert_int_equal(ctw_sketch_top(t, top, LENGTH(top)), LENGTH(top));
        for (size_t i = 0; i < LENGTH(top); i++)
            expect(&top[i], (uint32_t)i, 3, 0);
    }
}

/* --- against an exact count ------------------------------------------------------------------ */

#define NAMES 4096u
static uint64_t exact[NAMES];

/* What the algorithm promises, of every name there is. */
static void check_bounds(void) {
    static struct ctw_sketch_entry all[CTW_SKETCH_COUNTERS];
    static bool named[NAMES];
    const size_t n = ctw_sketch_top(t, all, LENGTH(all));
    uint64_t sum = 0, least = n < LENGTH(all) ? 0 : UINT64_MAX;

    memset(named, 0, sizeof(named));
    for (size_t i = 0; i < n; i++) {
        uint32_t number;
        memcpy(&number, all[i].key.bytes + 4, sizeof(number));
        number = ntohl(number);
        assert_in_range(number, 0, NAMES - 1);
        assert_false(named[number]);
        named[number] = true;
        assert_true(all[i].error <= all[i].count);
        assert_in_range(exact[number], all[i].count - all[i].error, all[i].count);
        sum += all[i].count;
        least = all[i].count < least ? all[i].count : least;
        if (i > 0)
            assert_true(all[i - 1].count - all[i - 1].error >= all[i].count - all[i].error);
    }
    assert_true(sum <= t->total);
    assert_true(least <= t->total / CTW_SKETCH_COUNTERS);
    for (uint32_t i = 0; i < NAMES; i++)
        assert_true(named[i] || exact[i] <= least);
}

enum stream { EVEN, SKEWED, ROUND_ROBIN, LADDER };

static uint32_t draw(enum stream stream, uint32_t i) {
    switch (stream) {
    case EVEN:
        return (uint32_t)(next_random() % NAMES);
    case SKEWED:
        return (uint32_t)(next_random() % (1 + next_random() % NAMES));
    case ROUND_ROBIN: /* one more than there are counters: each takes over another */
        return i % (CTW_SKETCH_COUNTERS + 1);
    case LADDER: /* all counts differ */
        return i % 2 ? i / 2 % NAMES : (uint32_t)(next_random() % 32);
    }
    return 0;
}

static void bounds_hold(bool weighted, bool ageing) {
    for (enum stream stream = EVEN; stream <= LADDER; stream++) {
        ctw_sketch_init(t, next_random());
        memset(exact, 0, sizeof(exact));
        for (uint32_t i = 0; i < 100000; i++) {
            const uint32_t talkers = draw(stream, i);
            const uint32_t weight = weighted ? 1u << next_random() % 12 : 1;
            add(talkers, weight);
            exact[talkers] += weight;
            if (ageing && next_random() % 5000 == 0) {
                ctw_sketch_age(t);
                for (uint32_t j = 0; j < NAMES; j++)
                    exact[j] /= 2;
                check_bounds();
            }
            if (i % 4999 == 0)
                check_bounds();
        }
        check_bounds();
    }
}

static void bounds_hold_whatever_comes(void **state) {
    (void)state;
    bounds_hold(false, false);
}

static void bounds_hold_with_weights(void **state) {
    (void)state;
    bounds_hold(true, false);
}

static void bounds_hold_through_ageing(void **state) {
    (void)state;
    bounds_hold(false, true);
    bounds_hold(true, true);
}

static void bounds_hold_when_names_collide(void **state) {
    (void)state;
    memset(exact, 0, sizeof(exact));
    for (uint32_t i = 0; i < CTW_SKETCH_COUNTERS; i++) {
        add(i, 1);
        exact[i]++;
    }
    /* As if all names had one hash: the worst that a chain can be. */
    memset(t->slots, 0xff, sizeof(t->slots));
    for (uint16_t i = 0; i < CTW_SKETCH_COUNTERS; i++) {
        t->counters[i].slot = 0;
        t->counters[i].slot_next = t->slots[0];
        t->slots[0] = i;
    }
    for (uint32_t i = 0; i < 10 * NAMES; i++) {
        add(NAMES / 2 + i % (NAMES / 2), 1);
        exact[NAMES / 2 + i % (NAMES / 2)]++;
    }
    check_bounds();
}

/* --- floods ---------------------------------------------------------------------------------- */

/*
 * Ten million sources that come once each, and among them ten that make 1 % each. The heavy ones
 * are those of the lowest numbers, so that a list in order of names would be right by chance only.
 */
static void ten_million_names_do_not_hide_the_heavy_ones(void **state) {
    const uint32_t flood = 10000000, heavy = 10;
    const struct mallinfo2 before = mallinfo2();
    struct ctw_sketch_entry top[20];
    uint64_t sent[10] = {0};

    (void)state;
    for (uint32_t i = 0; i < flood; i++) {
        if (i % 100 < heavy) {
            add(UINT32_MAX - i % 100, 1);
            sent[i % 100]++;
        } else {
            add(i, 1);
        }
    }
    assert_int_equal(mallinfo2().uordblks, before.uordblks);
    assert_int_equal(mallinfo2().hblkhd, before.hblkhd);
    assert_int_equal(t->total, flood);
    assert_int_equal(ctw_sketch_top(t, top, LENGTH(top)), LENGTH(top));
    for (uint32_t i = 0; i < LENGTH(top); i++) {
        bool is_heavy = false;
        for (uint32_t j = 0; j < heavy; j++)
            if (is_name(&top[i], UINT32_MAX - j)) {
                is_heavy = true;
                assert_in_range(sent[j], top[i].count - top[i].error, top[i].count);
                assert_true(top[i].error <= flood / CTW_SKETCH_COUNTERS);
                sent[j] = UINT64_MAX; /* named once */
            }
        assert_int_equal(is_heavy, i < heavy);
    }
    assert_true(top[heavy].count - top[heavy].error < flood / CTW_SKETCH_COUNTERS);
}

static void a_heavy_one_that_comes_late_is_named(void **state) {
    struct ctw_sketch_entry top[1];

    (void)state;
    for (uint32_t i = 0; i < 1000000; i++)
        add(i, 1);
    for (uint32_t i = 0; i < 20000; i++) {
        add(2000000 + i, 1);
        add(UINT32_MAX, 1);
    }
    assert_int_equal(ctw_sketch_top(t, top, 1), 1);
    assert_true(is_name(&top[0], UINT32_MAX));
    assert_in_range(20000, top[0].count - top[0].error, top[0].count);
}

/* --- ageing ---------------------------------------------------------------------------------- */

static void the_past_weighs_half_as_much(void **state) {
    struct ctw_sketch_entry top[2];

    (void)state;
    add(1, 1001);
    add(2, 400);
    ctw_sketch_age(t);
    add(2, 400);
    assert_int_equal(ctw_sketch_top(t, top, LENGTH(top)), 2);
    expect(&top[0], 2, 600, 0);
    expect(&top[1], 1, 500, 0);
    assert_int_equal(t->total, 1100);
}

static void who_falls_silent_is_forgotten(void **state) {
    struct ctw_sketch_entry top[2];

    (void)state;
    for (uint32_t i = 0; i < 2 * CTW_SKETCH_COUNTERS; i++)
        add(i, 1000000);
    for (unsigned i = 0; i < 22; i++)
        ctw_sketch_age(t);
    assert_int_equal(ctw_sketch_top(t, top, LENGTH(top)), 0);
    add(7, 1);
    assert_int_equal(ctw_sketch_top(t, top, LENGTH(top)), 1);
    expect(&top[0], 7, 1, 0);
}

static void a_copy_counts_for_itself(void **state) {
    struct ctw_sketch copy;
    struct ctw_sketch_entry top[1];

    (void)state;
    add(1, 5);
    copy = *t;
    add(1, 5);
    assert_int_equal(ctw_sketch_top(&copy, top, 1), 1);
    expect(&top[0], 1, 5, 0);
}

static void names_do_not_collide_in_the_same_places_twice(void **state) {
    uint32_t same = 0;

    (void)state;
    add(1, 1);
    for (uint32_t seed = 0; seed < 1000; seed++) {
        const uint16_t slot = t->counters[0].slot;
        ctw_sketch_init(t, seed);
        add(1, 1);
        same += t->counters[0].slot == slot;
    }
    assert_true(same < 10); /* about one in 1024 */
}

/* --- names ----------------------------------------------------------------------------------- */

static void expect_name(struct ctw_talker_key key, const char *expected) {
    char name_of[CTW_TALKER_NAME_MAX];

    ctw_talker_name(&key, name_of);
    assert_string_equal(name_of, expected);
}

static void expect_source(const char *address, uint32_t prefix, const char *expected) {
    uint8_t bytes[16] = {0};
    const bool v6 = strchr(address, ':') != NULL;

    assert_int_equal(inet_pton(v6 ? AF_INET6 : AF_INET, address, bytes), 1);
    expect_name(ctw_talker_source(v6 ? AF_INET6 : AF_INET, bytes, prefix), expected);
}

static void sources_are_addresses_and_prefixes(void **state) {
    (void)state;
    expect_source("192.0.2.7", 64, "192.0.2.7");
    expect_source("0.0.0.0", 64, "0.0.0.0");
    expect_source("2001:db8:1234:5678:9abc:def0:1:2", 64, "2001:db8:1234:5678::/64");
    expect_source("2001:db8:ffff::1", 33, "2001:db8:8000::/33");
    expect_source("2001:db8:ffff::1", 47, "2001:db8:fffe::/47");
    expect_source("ffff::1", 1, "8000::/1");
    expect_source("::1", 128, "::1");
    expect_source("::3", 127, "::2/127");
    expect_source("1111:2222:3333:4444:5555:6666:7777:8889", 127,
                  "1111:2222:3333:4444:5555:6666:7777:8888/127");
}

static void one_prefix_is_one_name(void **state) {
    const uint8_t a[16] = {0x20, 1, [15] = 1}, b[16] = {0x20, 1, [8] = 9};
    const struct ctw_talker_key first = ctw_talker_source(AF_INET6, a, 64);
    const struct ctw_talker_key second = ctw_talker_source(AF_INET6, b, 64);

    (void)state;
    assert_memory_equal(&first, &second, sizeof(first));
}

static void ports_have_their_protocol(void **state) {
    (void)state;
    expect_name(ctw_talker_port(IPPROTO_UDP, 53), "udp/53");
    expect_name(ctw_talker_port(IPPROTO_TCP, 65535), "tcp/65535");
    expect_name(ctw_talker_port(IPPROTO_SCTP, 0), "sctp/0");
    expect_name(ctw_talker_port(IPPROTO_GRE, 7), "gre");
    expect_name(ctw_talker_port(IPPROTO_ICMP, 0), "icmp");
    expect_name(ctw_talker_port(IPPROTO_ICMPV6, 0), "icmpv6");
    expect_name(ctw_talker_port(89, 0), "protocol-89");
}

static void states_are_named_as_the_kernel_names_them(void **state) {
    static const char *const names[] = {
        "tcp/NONE",     "tcp/SYN_SENT",   "tcp/SYN_RECV", "tcp/ESTABLISHED",
        "tcp/FIN_WAIT", "tcp/CLOSE_WAIT", "tcp/LAST_ACK", "tcp/TIME_WAIT",
        "tcp/CLOSE",    "tcp/SYN_SENT2",  "tcp/10",
    };

    (void)state;
    for (uint8_t i = 0; i < LENGTH(names); i++)
        expect_name(ctw_talker_state(IPPROTO_TCP, true, i, IPS_ASSURED), names[i]);
    expect_name(ctw_talker_state(IPPROTO_TCP, true, 255, 0), "tcp/255");
}

static void without_a_state_the_progress_is_told(void **state) {
    (void)state;
    expect_name(ctw_talker_state(IPPROTO_UDP, false, 0, 0), "udp/unreplied");
    expect_name(ctw_talker_state(IPPROTO_UDP, false, 0, IPS_SEEN_REPLY), "udp/replied");
    expect_name(ctw_talker_state(IPPROTO_UDP, false, 0, IPS_SEEN_REPLY | IPS_ASSURED),
                "udp/assured");
    expect_name(ctw_talker_state(IPPROTO_ICMP, false, 0, IPS_SEEN_REPLY), "icmp/replied");
    expect_name(ctw_talker_state(IPPROTO_TCP, false, 0, IPS_ASSURED), "tcp/assured");
}

static void any_bytes_have_a_name(void **state) {
    (void)state;
    for (unsigned i = 0; i < 100000; i++) {
        struct ctw_talker_key key;
        char name_of[CTW_TALKER_NAME_MAX];
        for (size_t j = 0; j < sizeof(key.bytes); j++)
            key.bytes[j] = (uint8_t)next_random();
        if (i % 2)
            key.bytes[0] %= 6;
        memset(name_of, 'x', sizeof(name_of));
        ctw_talker_name(&key, name_of);
        assert_in_range(strnlen(name_of, sizeof(name_of)), 1, sizeof(name_of) - 1);
    }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, start, fences_hold)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(nothing_added_is_nobody),
        TEST(few_names_are_counted_exactly),
        TEST(a_weight_counts_as_often),
        TEST(as_many_are_named_as_asked_for),
        TEST(equal_counts_make_a_list_that_stays),
        TEST(bounds_hold_whatever_comes),
        TEST(bounds_hold_with_weights),
        TEST(bounds_hold_through_ageing),
        TEST(bounds_hold_when_names_collide),
        TEST(ten_million_names_do_not_hide_the_heavy_ones),
        TEST(a_heavy_one_that_comes_late_is_named),
        TEST(the_past_weighs_half_as_much),
        TEST(who_falls_silent_is_forgotten),
        TEST(a_copy_counts_for_itself),
        TEST(names_do_not_collide_in_the_same_places_twice),
        TEST(sources_are_addresses_and_prefixes),
        TEST(one_prefix_is_one_name),
        TEST(ports_have_their_protocol),
        TEST(states_are_named_as_the_kernel_names_them),
        TEST(without_a_state_the_progress_is_told),
        TEST(any_bytes_have_a_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
