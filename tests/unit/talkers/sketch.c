/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
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

static struct ctw_key name(uint32_t number) {
    const uint32_t address = htonl(number);
    uint8_t bytes[16] = {0};

    memcpy(bytes, &address, sizeof(address));
    return ctw_address_key(AF_INET, bytes, 64);
}

static void add(uint32_t number, uint32_t weight) {
    const struct ctw_key key = name(number);

    ctw_sketch_add(t, &key, weight);
}

static bool is_name(const struct ctw_sketch_entry *talker, uint32_t number) {
    const struct ctw_key key = name(number);

    return ctw_key_equal(&talker->key, &key);
}

static void expect(const struct ctw_sketch_entry *talker, uint32_t number, uint64_t count,
                   uint64_t error) {
    assert_true(is_name(talker, number));
    assert_int_equal(talker->count, count);
    assert_int_equal(talker->error, error);
}

/* --- exact while there is room --------------------------------------------------------------- */

static void sketch_empty_returns_none(void **state) {
    struct ctw_sketch_entry top[4];

    (void)state;
    assert_int_equal(ctw_sketch_top(t, top, LENGTH(top)), 0);
    assert_int_equal(t->total, 0);
    ctw_sketch_age(t);
    assert_int_equal(ctw_sketch_top(t, top, LENGTH(top)), 0);
}

static void sketch_few_keys_are_exact(void **state) {
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

static void sketch_weight_counts_as_often(void **state) {
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

static void top_returns_at_most_n(void **state) {
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

static void top_equal_counts_are_ordered_by_key(void **state) {
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

/* What the algorithm promises for each key. */
static void check_bounds(void) {
    static struct ctw_sketch_entry all[CTW_SKETCH_COUNTERS];
    static bool named[NAMES];
    const size_t n = ctw_sketch_top(t, all, LENGTH(all));
    uint64_t sum = 0, least = n < LENGTH(all) ? 0 : UINT64_MAX;

    memset(named, 0, sizeof(named));
    for (size_t i = 0; i < n; i++) {
        uint32_t number;
        memcpy(&number, &all[i].key.a, sizeof(number));
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
    case EVEN: return (uint32_t)(next_random() % NAMES);
    case SKEWED: return (uint32_t)(next_random() % (1 + next_random() % NAMES));
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

static void bounds_hold_for_any_stream(void **state) {
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

static void bounds_hold_when_keys_collide(void **state) {
    (void)state;
    memset(exact, 0, sizeof(exact));
    for (uint32_t i = 0; i < CTW_SKETCH_COUNTERS; i++) {
        add(i, 1);
        exact[i]++;
    }
    /* As if all keys had one hash: the longest possible chain. */
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

/* Ten million sources once each, and ten more that make 1 % each. */
static void flood_of_ten_million_keys_keeps_frequent_ones(void **state) {
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

static void frequent_key_that_comes_late_is_found(void **state) {
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

static void age_halves_counts(void **state) {
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

static void age_frees_counters_of_silent_keys(void **state) {
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

static void copy_is_independent(void **state) {
    struct ctw_sketch copy;
    struct ctw_sketch_entry top[1];

    (void)state;
    add(1, 5);
    copy = *t;
    add(1, 5);
    assert_int_equal(ctw_sketch_top(&copy, top, 1), 1);
    expect(&top[0], 1, 5, 0);
}

static void seed_changes_the_slots(void **state) {
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

#define TEST(f) cmocka_unit_test_setup_teardown(f, start, fences_hold)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(sketch_empty_returns_none),
        TEST(sketch_few_keys_are_exact),
        TEST(sketch_weight_counts_as_often),
        TEST(top_returns_at_most_n),
        TEST(top_equal_counts_are_ordered_by_key),
        TEST(bounds_hold_for_any_stream),
        TEST(bounds_hold_with_weights),
        TEST(bounds_hold_through_ageing),
        TEST(bounds_hold_when_keys_collide),
        TEST(flood_of_ten_million_keys_keeps_frequent_ones),
        TEST(frequent_key_that_comes_late_is_found),
        TEST(age_halves_counts),
        TEST(age_frees_counters_of_silent_keys),
        TEST(copy_is_independent),
        TEST(seed_changes_the_slots),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
