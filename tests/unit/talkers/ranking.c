/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/talkers/ranking.h"
#include "lib/talkers/sketch.h"
#include "lib/util/units.h"

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
    const struct ctw_key key = {.a = name / 64, .c = name % 64};

    if (!ctw_ranking_add(r, &key))
        free(ctw_ranking_move(r, slots(r->n_slots * 2), r->n_slots * 2));
}

static void ranking_empty_returns_none(void **state) {
    struct ctw_ranking_slot top[3];
    struct ctw_ranking r;

    (void)state;
    begin(&r);
    assert_int_equal(ctw_ranking_top(&r, top, 3), 0);
    assert_int_equal(ctw_ranking_distinct(&r), 0);
    free(r.slots);
}

static void ranking_keys_differ_in_each_word(void **state) {
    static const struct ctw_key keys[] = {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}, {0, 0, 0}};
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
    free(r.slots);
}

/* Key N comes N % 20 + 1 times, and the table grows ten times. */
static void ranking_hundred_thousand_keys_are_exact(void **state) {
    enum { NAMES = 100000, MOST = 20, TOP = 250 };
    struct ctw_ranking_slot top[TOP];
    struct ctw_ranking r;
    uint64_t total = 0, sum = 0;

    (void)state;
    begin(&r);
    for (uint64_t name = 0; name < NAMES; name++)
        for (uint64_t n = 0; n <= name % MOST; n++, total++)
            add(&r, name);
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

static void top_is_in_descending_order(void **state) {
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

/* --- hostile keys ---------------------------------------------------------------------------- */

enum family {
    ORDINARY,         /* random addresses of IPv6 */
    SEQUENCE,         /* one address after the other */
    STRIDE,           /* they differ in the upper bits only */
    LATTICE,          /* in a few bits of each byte */
    CONSTANT_OF_FOLD, /* products by the half that is 0 under wyhash's own constant */
    OTHER_SEED,       /* of one slot in 256 under a seed that is known */
    FAMILIES,
};

enum { COLLIDING = 80000 };

static struct ctw_key next_key(enum family family, uint64_t i, uint64_t *state) {
    struct ctw_key_hash known;
    struct ctw_key key = {.c = 10};

    switch (family) {
    case SEQUENCE: key.a = i << 32; return key;
    case STRIDE: key.b = i << 47; return key;
    case LATTICE:
        key.a = (i & 0xff) * 0x0101010101010101;
        key.b = (i >> 8) * 0x0001000100010001;
        return key;
    case CONSTANT_OF_FOLD:
        key.a = i;
        key.b = UINT64_C(0xa0761d6478bd642f);
        return key;
    case ORDINARY:
    case OTHER_SEED:
    case FAMILIES: break;
    }
    ctw_key_hash_init(&known, 1);
    do {
        key.a = ctw_next_random(state);
        key.b = ctw_next_random(state);
    } while (family == OTHER_SEED && ctw_key_slot(&known, &key, 256) != 0);
    return key;
}

/* The keys that are compared when each is counted once. */
static uint64_t sketch_steps_of(enum family family, uint64_t seed) {
    static struct ctw_sketch sketch;
    uint64_t steps = 0, state = 7;

    ctw_sketch_init(&sketch, seed);
    for (uint64_t i = 0; i < COLLIDING; i++) {
        const struct ctw_key key = next_key(family, i, &state);
        uint16_t at = sketch.slots[ctw_key_slot(&sketch.hash, &key, CTW_SKETCH_SLOTS)];
        for (steps++; at != UINT16_MAX; steps++)
            at = sketch.counters[at].slot_next;
        ctw_sketch_add(&sketch, &key, 1);
    }
    return steps;
}

/* The slots that are read when each key is searched once. */
static uint64_t ranking_steps_of(enum family family, uint64_t seed) {
    uint64_t steps = 0, state = 7;
    struct ctw_ranking r;

    ctw_ranking_init(&r, slots(CTW_RANKING_SLOTS_MIN), CTW_RANKING_SLOTS_MIN, seed);
    for (uint64_t i = 0; i < COLLIDING; i++) {
        const struct ctw_key key = next_key(family, i, &state);
        if (!ctw_ranking_add(&r, &key))
            free(ctw_ranking_move(&r, slots(r.n_slots * 2), r.n_slots * 2));
    }
    assert_int_equal(ctw_ranking_distinct(&r), COLLIDING);
    for (size_t at = 0; at < r.n_slots; at++) {
        const struct ctw_key key = {r.slots[at].a, r.slots[at].b, r.slots[at].c};
        if (r.slots[at].count > 0)
            steps += 1 + ((at - ctw_key_slot(&r.hash, &key, r.n_slots)) & (r.n_slots - 1));
    }
    free(r.slots);
    return steps;
}

static void colliding_keys_take_at_most_twice_the_steps(void **state) {
    (void)state;
    for (uint64_t seed = 100; seed < 105; seed++) {
        const uint64_t ranking = ranking_steps_of(ORDINARY, seed);
        const uint64_t sketch = sketch_steps_of(ORDINARY, seed);
        assert_in_range(ranking, COLLIDING, 2 * COLLIDING);
        assert_in_range(sketch, COLLIDING, 2 * COLLIDING);
        for (enum family f = ORDINARY + 1; f < FAMILIES; f++) {
            assert_in_range(ranking_steps_of(f, seed), COLLIDING, 2 * ranking);
            assert_in_range(sketch_steps_of(f, seed), COLLIDING, 2 * sketch);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ranking_empty_returns_none),
        cmocka_unit_test(ranking_keys_differ_in_each_word),
        cmocka_unit_test(ranking_hundred_thousand_keys_are_exact),
        cmocka_unit_test(top_is_in_descending_order),
        cmocka_unit_test(colliding_keys_take_at_most_twice_the_steps),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
