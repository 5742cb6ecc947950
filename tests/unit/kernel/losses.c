/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/kernel/losses.h"

#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))

#define MAX   1000u
#define OURS  4026531840u
#define OTHER 4026532246u

static struct ctw_sample sample(uint32_t count, uint32_t drop, uint32_t early_drop,
                                uint32_t insert_failed, uint32_t chainlength) {
    return (struct ctw_sample){.count = count,
                               .max = MAX,
                               .has_counters = true,
                               .counters = {drop, early_drop, insert_failed, chainlength}};
}

static const struct ctw_log_counts no_log = {0};

static void expect(const struct ctw_attribution *is, const struct ctw_attribution *should) {
    assert_int_equal(is->full_drops, should->full_drops);
    assert_int_equal(is->other_drops, should->other_drops);
    assert_int_equal(is->early_drops, should->early_drops);
    assert_int_equal(is->clashes, should->clashes);
    assert_int_equal(is->chain_too_long, should->chain_too_long);
    assert_int_equal(is->own_lines, should->own_lines);
    assert_int_equal(is->unnamed_lines, should->unnamed_lines);
}

/* Both looks start at counters of 100 each; what they moved by is told. */
static void each_loss_has_its_class(void **state) {
    static const struct {
        const char *what;
        uint32_t count_before, count;
        uint32_t drop, early_drop, insert_failed, chainlength;
        struct ctw_attribution expected;
    } cases[] = {
        {"nothing moved", 500, 500, 0, 0, 0, 0, {0}},
        {"refused by a full table", 1000, 1000, 7, 0, 0, 0, {.full_drops = 7}},
        {"refused, and emptied since", 1000, 10, 7, 0, 0, 0, {.full_drops = 7}},
        {"refused, and filled up since", 10, 1000, 7, 0, 0, 0, {.full_drops = 7}},
        {"refused at 95 %", 10, 950, 7, 0, 0, 0, {.full_drops = 7}},
        {"refused below 95 %", 949, 949, 7, 0, 0, 0, {.other_drops = 7}},
        {"evicted", 949, 949, 0, 3, 0, 0, {.early_drops = 3}},
        {"evicted, so it was full", 10, 10, 7, 3, 0, 0, {.early_drops = 3, .full_drops = 7}},
        {"a clash, counted twice", 10, 10, 4, 0, 4, 0, {.clashes = 4}},
        {"a clash in a full table", 1000, 1000, 9, 0, 4, 0, {.clashes = 4, .full_drops = 5}},
        {"a chain too long", 10, 10, 0, 0, 6, 6, {.chain_too_long = 6}},
        {"all at once",
         1000,
         1000,
         30,
         2,
         14,
         4,
         {.chain_too_long = 4, .clashes = 10, .full_drops = 20, .early_drops = 2}},
    };
    (void)state;

    for (size_t i = 0; i < LENGTH(cases); i++) {
        const struct ctw_sample before = sample(cases[i].count_before, 100, 100, 100, 100);
        const struct ctw_sample now =
            sample(cases[i].count, 100 + cases[i].drop, 100 + cases[i].early_drop,
                   100 + cases[i].insert_failed, 100 + cases[i].chainlength);

        print_message("           %s\n", cases[i].what);
        const struct ctw_attribution a = ctw_attribute(&before, &now, &no_log, OURS);
        expect(&a, &cases[i].expected);
    }
}

static void counters_wrap(void **state) {
    const struct ctw_sample before = sample(1000, UINT32_MAX - 1, UINT32_MAX, 5, 5);
    const struct ctw_sample now = sample(1000, 3, 0, 5, 5);
    const struct ctw_attribution expected = {.full_drops = 5, .early_drops = 1};
    (void)state;

    const struct ctw_attribution a = ctw_attribute(&before, &now, &no_log, OURS);
    expect(&a, &expected);
}

/* The module was unloaded and loaded again between two looks: what it shows has happened since. */
static void counters_that_restarted_count_from_0(void **state) {
    static const struct {
        struct ctw_counters before, now;
        struct ctw_attribution expected;
    } cases[] = {
        {{500, 0, 0, 0}, {0, 0, 0, 0}, {0}},
        {{500, 40, 30, 20}, {3, 0, 1, 0}, {.full_drops = 2, .clashes = 1}},
        {{0, 0, 5, 0}, {700, 0, 2, 0}, {.full_drops = 698, .clashes = 2}},
        {{0, 0, 0, 5}, {700, 0, 2, 2}, {.full_drops = 700, .chain_too_long = 2}},
    };
    (void)state;

    for (size_t i = 0; i < LENGTH(cases); i++) {
        struct ctw_sample before = sample(1000, 0, 0, 0, 0), now = before;
        before.counters = cases[i].before;
        now.counters = cases[i].now;
        const struct ctw_attribution a = ctw_attribute(&before, &now, &no_log, OURS);
        expect(&a, &cases[i].expected);
    }
}

static void without_two_looks_at_the_counters_nothing_is_lost(void **state) {
    struct ctw_sample before = sample(1000, 0, 0, 0, 0), now = sample(1000, 9, 9, 9, 0);
    const struct ctw_attribution expected = {0};
    struct ctw_attribution a;
    (void)state;

    a = ctw_attribute(NULL, &now, &no_log, OURS);
    expect(&a, &expected);
    a = ctw_attribute(&before, NULL, &no_log, OURS);
    expect(&a, &expected);
    a = ctw_attribute(NULL, NULL, &no_log, OURS);
    expect(&a, &expected);
    before.has_counters = false;
    a = ctw_attribute(&before, &now, &no_log, OURS);
    expect(&a, &expected);
    before.has_counters = true;
    now.has_counters = false;
    a = ctw_attribute(&before, &now, &no_log, OURS);
    expect(&a, &expected);
}

static void a_line_that_names_us_is_ours_however_empty_the_table(void **state) {
    const struct ctw_log_counts log = {.netns = {{OTHER, 3}, {OURS, 4}}, .n_netns = 2};
    const struct ctw_sample before = sample(10, 0, 0, 0, 0), now = sample(10, 2, 0, 0, 0);
    const struct ctw_attribution expected = {.own_lines = 4, .full_drops = 2};
    (void)state;

    const struct ctw_attribution a = ctw_attribute(&before, &now, &log, OURS);
    expect(&a, &expected);
}

static void a_line_that_names_another_is_not_ours_however_full_the_table(void **state) {
    const struct ctw_log_counts log = {.netns = {{OTHER, 3}}, .n_netns = 1};
    const struct ctw_sample full = sample(1000, 0, 0, 0, 0);
    const struct ctw_attribution expected = {0};
    (void)state;

    const struct ctw_attribution a = ctw_attribute(&full, &full, &log, OURS);
    expect(&a, &expected);
}

/* Up to Linux 6.16 every namespace prints the same line. */
static void a_line_without_a_name_is_ours_when_our_table_shows_it(void **state) {
    const struct ctw_log_counts log = {.full_lines = 5};
    const struct ctw_sample empty = sample(10, 0, 0, 0, 0), full = sample(950, 0, 0, 0, 0),
                            evicting = sample(10, 0, 1, 0, 0);
    const struct ctw_attribution not_ours = {.unnamed_lines = 5};
    const struct ctw_attribution ours = {.own_lines = 5};
    const struct ctw_attribution ours_evicting = {.own_lines = 5, .early_drops = 1};
    struct ctw_attribution a;
    (void)state;

    a = ctw_attribute(&empty, &empty, &log, OURS);
    expect(&a, &not_ours);
    a = ctw_attribute(&empty, &full, &log, OURS);
    expect(&a, &ours);
    a = ctw_attribute(&full, &empty, &log, OURS);
    expect(&a, &ours);
    a = ctw_attribute(&empty, &evicting, &log, OURS);
    expect(&a, &ours_evicting);
}

static void a_table_that_cannot_be_read_is_taken_to_be_the_full_one(void **state) {
    const struct ctw_log_counts log = {.full_lines = 5, .netns = {{OTHER, 1}}, .n_netns = 1};
    const struct ctw_sample empty = sample(10, 0, 0, 0, 0);
    const struct ctw_attribution expected = {.own_lines = 5};
    (void)state;

    const struct ctw_attribution a = ctw_attribute(&empty, NULL, &log, OURS);
    expect(&a, &expected);
}

static void own_named_and_unnamed_lines_add_up(void **state) {
    const struct ctw_log_counts log = {.full_lines = 5, .netns = {{OURS, 2}}, .n_netns = 1};
    const struct ctw_sample empty = sample(10, 0, 0, 0, 0);
    const struct ctw_attribution expected = {.own_lines = 7};
    (void)state;

    const struct ctw_attribution a = ctw_attribute(&empty, &empty, &log, OURS);
    expect(&a, &expected);
}

static void nearly_full_begins_at_95_percent(void **state) {
    static const struct {
        uint32_t count, max;
        bool expected;
    } cases[] = {
        {0, 1000, false},
        {949, 1000, false},
        {950, 1000, true},
        {1000, 1000, true},
        {2000, 1000, true},
        {UINT32_MAX, 0, false},
        {UINT32_MAX, UINT32_MAX, true},
        {19, 20, true},
        {18, 20, false},
    };
    (void)state;

    for (size_t i = 0; i < LENGTH(cases); i++) {
        const struct ctw_sample s = {.count = cases[i].count, .max = cases[i].max};
        assert_int_equal(ctw_nearly_full(&s), cases[i].expected);
        assert_int_equal(ctw_nearly_full_with(s.count, s.max), cases[i].expected);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_loss_has_its_class),
        cmocka_unit_test(counters_wrap),
        cmocka_unit_test(counters_that_restarted_count_from_0),
        cmocka_unit_test(without_two_looks_at_the_counters_nothing_is_lost),
        cmocka_unit_test(a_line_that_names_us_is_ours_however_empty_the_table),
        cmocka_unit_test(a_line_that_names_another_is_not_ours_however_full_the_table),
        cmocka_unit_test(a_line_without_a_name_is_ours_when_our_table_shows_it),
        cmocka_unit_test(a_table_that_cannot_be_read_is_taken_to_be_the_full_one),
        cmocka_unit_test(own_named_and_unnamed_lines_add_up),
        cmocka_unit_test(nearly_full_begins_at_95_percent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
