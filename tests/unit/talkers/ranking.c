/* SPDX-License-Identifier: GPL-2.0-or-later */
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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ranking_empty_returns_none),
        cmocka_unit_test(ranking_keys_differ_in_each_word),
        cmocka_unit_test(ranking_hundred_thousand_keys_are_exact),
        cmocka_unit_test(top_is_in_descending_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
