/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/kernel/losses.h"

#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))

#define MAX   1000u
#define OURS  4026531840u
#define OTHER 4026532246u

static const struct ctw_release today = {.insert_failed_in_drop = true};
static const struct ctw_release before_4_7 = {.insert_failed_in_drop = false};

static struct ctw_sample sample(uint32_t count, uint32_t drop, uint32_t early_drop,
                                uint32_t insert_failed, uint32_t chainlength) {
    return (struct ctw_sample){.count = count,
                               .max = MAX,
                               .has_counters = true,
                               .counters = {drop, early_drop, insert_failed, chainlength, 2, true}};
}

static const struct ctw_log_counts no_log = {0};

static void assert_losses(const struct ctw_losses *is, const struct ctw_losses *expected) {
    assert_int_equal(is->drops, expected->drops);
    assert_int_equal(is->other_drops, expected->other_drops);
    assert_int_equal(is->early_drops, expected->early_drops);
    assert_int_equal(is->clashes, expected->clashes);
    assert_int_equal(is->chain_too_long, expected->chain_too_long);
    assert_int_equal(is->log_lines, expected->log_lines);
}

static void assert_since(const struct ctw_sample *before, const struct ctw_sample *now,
                         const struct ctw_log_counts *log, const struct ctw_losses *expected,
                         uint32_t expected_unnamed) {
    uint32_t unnamed = UINT32_MAX;
    const struct ctw_losses is = ctw_losses_since(before, now, log, OURS, &today, &unnamed);

    assert_losses(&is, expected);
    assert_int_equal(unnamed, expected_unnamed);
}

/* --- arithmetic ------------------------------------------------------------------------------ */

static void losses_add_sums_and_stops_at_the_largest(void **state) {
    struct ctw_losses sum = {1, 2, 3, 4, 5, UINT64_MAX - 1};
    const struct ctw_losses more = {10, 20, 30, 40, 50, 60};
    const struct ctw_losses expected = {11, 22, 33, 44, 55, UINT64_MAX};
    (void)state;

    ctw_losses_add(&sum, &more);
    assert_losses(&sum, &expected);
    assert_int_equal(ctw_losses_drops(&sum), 33);
}

static void losses_sub_stops_at_0(void **state) {
    struct ctw_losses sum = {11, 22, 33, 44, 55, 6};
    const struct ctw_losses part = {10, 20, 30, 40, 50, 60};
    const struct ctw_losses expected = {1, 2, 3, 4, 5, 0};
    (void)state;

    ctw_losses_sub(&sum, &part);
    assert_losses(&sum, &expected);
}

static void losses_any_looks_at_each_member(void **state) {
    uint64_t members[sizeof(struct ctw_losses) / sizeof(uint64_t)] = {0};
    struct ctw_losses l;
    (void)state;

    for (size_t i = 0; i < LENGTH(members); i++) {
        memset(&l, 0, sizeof(l));
        assert_false(ctw_losses_any(&l));
        members[i] = 1;
        memcpy(&l, members, sizeof(l));
        assert_true(ctw_losses_any(&l));
        members[i] = 0;
    }
}

/* --- the counters alone ---------------------------------------------------------------------- */

static void assert_between(struct ctw_counters before, struct ctw_counters now, uint64_t drops,
                           uint64_t early_drops, uint64_t clashes, uint64_t chain_too_long) {
    const struct ctw_losses is = ctw_losses_between(&before, &now, &today);
    const struct ctw_losses expected = {.drops = drops,
                                        .early_drops = early_drops,
                                        .clashes = clashes,
                                        .chain_too_long = chain_too_long};

    assert_losses(&is, &expected);
}

static void losses_between_counts_each_loss_once(void **state) {
    (void)state;
    const struct ctw_counters zero = {0};

    assert_between(zero, zero, 0, 0, 0, 0);
    /* full */
    assert_between(zero, (struct ctw_counters){.drop = 1000}, 1000, 0, 0, 0);
    /* full of unassured entries */
    assert_between(zero, (struct ctw_counters){.early_drop = 20001}, 0, 20001, 0, 0);
    /* 60,000 flows into 1,024 buckets */
    assert_between(zero, (struct ctw_counters){.insert_failed = 21466, .chainlength = 21466}, 0, 0,
                   0, 21466);
    /* clashes */
    assert_between(zero, (struct ctw_counters){.drop = 5, .insert_failed = 5}, 0, 0, 5, 0);
    /* all at once: 100 full, 7 clashes, 30 chains */
    assert_between((struct ctw_counters){10, 20, 30, 40, 2, true},
                   (struct ctw_counters){117, 22, 67, 70, 2, true}, 100, 2, 7, 30);
}

static void losses_between_inconsistent_columns_returns_no_negative(void **state) {
    (void)state;
    const struct ctw_counters zero = {0};

    /* the columns are not read at one instant: chainlength may be ahead of insert_failed */
    assert_between(zero, (struct ctw_counters){.drop = 3, .insert_failed = 4, .chainlength = 5}, 3,
                   0, 0, 5);
    /* and insert_failed of drop */
    assert_between(zero, (struct ctw_counters){.drop = 3, .insert_failed = 9}, 0, 0, 9, 0);
}

static void losses_between_goes_by_the_release(void **state) {
    static const struct ctw_counters zero = {0};
    static const struct {
        const struct ctw_release *release;
        struct ctw_counters now;
        uint64_t drops, clashes;
    } cases[] = {
        {&today, {.drop = 42808, .insert_failed = 42808}, 0, 42808},
        {&before_4_7, {.drop = 5000, .insert_failed = 5200}, 5000, 5200},
        {&before_4_7, {.drop = 5000, .insert_failed = 10}, 5000, 10},
        /* not known: they overlap if they can */
        {NULL, {.drop = 42808, .insert_failed = 42808}, 0, 42808},
        {NULL, {.drop = 1000, .insert_failed = 10}, 990, 10},
        {NULL, {.drop = 1000, .insert_failed = 1500}, 1000, 1500},
    };
    (void)state;

    for (size_t i = 0; i < LENGTH(cases); i++) {
        const struct ctw_losses is = ctw_losses_between(&zero, &cases[i].now, cases[i].release);

        assert_int_equal(is.drops, cases[i].drops);
        assert_int_equal(is.clashes, cases[i].clashes);
    }
}

static void losses_between_wrapped_column_returns_difference(void **state) {
    (void)state;
    assert_between((struct ctw_counters){.drop = 0xfffffff0, .early_drop = UINT32_MAX},
                   (struct ctw_counters){.drop = 0x10, .early_drop = 0}, 0x20, 1, 0, 0);
    /* one of two CPUs at 0xfffffff0 each */
    assert_between((struct ctw_counters){.drop = 0x1ffffffe0, .cpus = 2},
                   (struct ctw_counters){.drop = 0x100000000, .cpus = 2}, 0x20, 0, 0, 0);
    /* both of them */
    assert_between((struct ctw_counters){.drop = 0x1ffffffe0, .cpus = 2},
                   (struct ctw_counters){.drop = 0x10, .cpus = 2}, 0x30, 0, 0, 0);
}

static void losses_between_sums_beyond_32_bits_are_whole(void **state) {
    (void)state;
    assert_between((struct ctw_counters){0}, (struct ctw_counters){.drop = 0x100000002, .cpus = 2},
                   4294967298, 0, 0, 0);
}

static void losses_between_restarted_counters_returns_what_they_show(void **state) {
    (void)state;
    assert_between((struct ctw_counters){1000, 2000, 300, 200, .cpus = 2},
                   (struct ctw_counters){7, 0, 3, 2, .cpus = 2}, 6, 0, 1, 2);
    /* drop alone could have wrapped; evictions show that it did not */
    assert_between((struct ctw_counters){.drop = 0xf0000000, .early_drop = 2000},
                   (struct ctw_counters){.drop = 7}, 7, 0, 0, 0);
    /* since boot: from nothing, whatever they show */
    assert_between((struct ctw_counters){0}, (struct ctw_counters){.drop = 0xfffffff0}, 0xfffffff0,
                   0, 0, 0);
}

static void losses_between_different_cpus_returns_none(void **state) {
    (void)state;
    assert_between((struct ctw_counters){.drop = 1000, .cpus = 2},
                   (struct ctw_counters){.drop = 400, .cpus = 1}, 0, 0, 0, 0);
    assert_between((struct ctw_counters){.drop = 400, .cpus = 1},
                   (struct ctw_counters){.drop = 1000, .cpus = 2}, 0, 0, 0, 0);
}

static void losses_total_goes_by_fill_and_evictions(void **state) {
    const struct ctw_sample full = sample(1000, 7, 0, 0, 0), helper = sample(20, 800, 0, 0, 0),
                            emptied = sample(20, 7, 3, 2, 0);
    struct ctw_losses l = ctw_losses_total(&full, &today);
    (void)state;

    assert_losses(&l, &(struct ctw_losses){.drops = 7});
    l = ctw_losses_total(&helper, &today);
    assert_losses(&l, &(struct ctw_losses){.other_drops = 800});
    l = ctw_losses_total(&emptied, &today);
    assert_losses(&l, &(struct ctw_losses){.drops = 5, .early_drops = 3, .clashes = 2});
}

/* --- since the last poll --------------------------------------------------------------------- */

/* Both samples have counters of 100 and more: the cases give the difference. */
static void losses_since_classifies_each_loss(void **state) {
    static const struct {
        const char *what;
        uint32_t count_before, count;
        uint32_t drop, early_drop, insert_failed, chainlength;
        struct ctw_losses expected;
    } cases[] = {
        {"nothing moved", 500, 500, 0, 0, 0, 0, {0}},
        {"refused by a full table", 1000, 1000, 7, 0, 0, 0, {.drops = 7}},
        {"refused, and emptied since", 1000, 10, 7, 0, 0, 0, {.drops = 7}},
        {"refused, and filled up since", 10, 1000, 7, 0, 0, 0, {.drops = 7}},
        {"refused at 95 %", 10, 950, 7, 0, 0, 0, {.drops = 7}},
        {"refused below 95 %", 949, 949, 7, 0, 0, 0, {.other_drops = 7}},
        {"evicted", 949, 949, 0, 3, 0, 0, {.early_drops = 3}},
        {"evicted, so it was full", 10, 10, 7, 3, 0, 0, {.early_drops = 3, .drops = 7}},
        {"a clash, counted twice", 10, 10, 4, 0, 4, 0, {.clashes = 4}},
        {"a clash in a full table", 1000, 1000, 9, 0, 4, 0, {.clashes = 4, .drops = 5}},
        {"a chain too long", 10, 10, 0, 0, 6, 6, {.chain_too_long = 6}},
        {"all at once",
         1000,
         1000,
         30,
         2,
         14,
         4,
         {.chain_too_long = 4, .clashes = 10, .drops = 20, .early_drops = 2}},
    };
    (void)state;

    for (size_t i = 0; i < LENGTH(cases); i++) {
        const struct ctw_sample before = sample(cases[i].count_before, 100, 100, 100, 100);
        const struct ctw_sample now =
            sample(cases[i].count, 100 + cases[i].drop, 100 + cases[i].early_drop,
                   100 + cases[i].insert_failed, 100 + cases[i].chainlength);

        print_message("           %s\n", cases[i].what);
        assert_since(&before, &now, &no_log, &cases[i].expected, 0);
    }
}

static void losses_since_wrapped_counters_returns_difference(void **state) {
    const struct ctw_sample before = sample(1000, UINT32_MAX - 1, UINT32_MAX, 5, 5);
    const struct ctw_sample now = sample(1000, 3, 0, 5, 5);
    const struct ctw_losses expected = {.drops = 5, .early_drops = 1};
    (void)state;

    assert_since(&before, &now, &no_log, &expected, 0);
}

/* The module was loaded anew between two polls: what it shows has happened since. */
static void losses_since_restarted_counters_counts_from_0(void **state) {
    static const struct {
        struct ctw_counters before, now;
        struct ctw_losses expected;
    } cases[] = {
        {{500, 0, 0, 0, 2, true}, {0, 0, 0, 0, 2, true}, {0}},
        {{500, 40, 30, 20, 2, true}, {3, 0, 1, 0, 2, true}, {.drops = 2, .clashes = 1}},
        {{0, 0, 5, 0, 2, true}, {700, 0, 2, 0, 2, true}, {.drops = 698, .clashes = 2}},
        {{0, 0, 0, 5, 2, true}, {700, 0, 2, 2, 2, true}, {.drops = 700, .chain_too_long = 2}},
    };
    (void)state;

    for (size_t i = 0; i < LENGTH(cases); i++) {
        struct ctw_sample before = sample(1000, 0, 0, 0, 0), now = before;
        before.counters = cases[i].before;
        now.counters = cases[i].now;
        assert_since(&before, &now, &no_log, &cases[i].expected, 0);
    }
}

static void losses_since_without_two_samples_returns_none(void **state) {
    struct ctw_sample before = sample(1000, 0, 0, 0, 0), now = sample(1000, 9, 9, 9, 0);
    const struct ctw_losses expected = {0};
    (void)state;

    assert_since(NULL, &now, &no_log, &expected, 0);
    assert_since(&before, NULL, &no_log, &expected, 0);
    assert_since(NULL, NULL, &no_log, &expected, 0);
    before.has_counters = false;
    assert_since(&before, &now, &no_log, &expected, 0);
    before.has_counters = true;
    now.has_counters = false;
    assert_since(&before, &now, &no_log, &expected, 0);
}

static void losses_since_line_naming_us_is_ours_in_an_empty_table(void **state) {
    const struct ctw_log_counts log = {.netns = {{OTHER, 3}, {OURS, 4}}, .n_netns = 2};
    const struct ctw_sample before = sample(10, 0, 0, 0, 0), now = sample(10, 2, 0, 0, 0);
    const struct ctw_losses expected = {.log_lines = 4, .drops = 2};
    (void)state;

    assert_since(&before, &now, &log, &expected, 0);
}

static void losses_since_line_naming_another_is_not_ours_in_a_full_table(void **state) {
    const struct ctw_log_counts log = {.netns = {{OTHER, 3}}, .n_netns = 1};
    const struct ctw_sample full = sample(1000, 0, 0, 0, 0);
    const struct ctw_losses expected = {0};
    (void)state;

    assert_since(&full, &full, &log, &expected, 0);
}

/* Up to Linux 6.16 every namespace prints the same line. */
static void losses_since_line_without_name_goes_by_the_fill(void **state) {
    const struct ctw_log_counts log = {.full_lines = 5};
    const struct ctw_sample empty = sample(10, 0, 0, 0, 0), full = sample(950, 0, 0, 0, 0),
                            evicting = sample(10, 0, 1, 0, 0);
    const struct ctw_losses not_ours = {0};
    const struct ctw_losses ours = {.log_lines = 5};
    const struct ctw_losses ours_evicting = {.log_lines = 5, .early_drops = 1};
    (void)state;

    assert_since(&empty, &empty, &log, &not_ours, 5);
    assert_since(&empty, &full, &log, &ours, 0);
    assert_since(&full, &empty, &log, &ours, 0);
    assert_since(&empty, &evicting, &log, &ours_evicting, 0);
}

static void losses_since_unreadable_table_is_assumed_full(void **state) {
    const struct ctw_log_counts log = {.full_lines = 5, .netns = {{OTHER, 1}}, .n_netns = 1};
    const struct ctw_sample empty = sample(10, 0, 0, 0, 0);
    const struct ctw_losses expected = {.log_lines = 5};
    (void)state;

    assert_since(&empty, NULL, &log, &expected, 0);
}

static void losses_since_named_and_unnamed_lines_add_up(void **state) {
    const struct ctw_log_counts log = {.full_lines = 5, .netns = {{OURS, 2}}, .n_netns = 1};
    const struct ctw_sample empty = sample(10, 0, 0, 0, 0);
    const struct ctw_losses expected = {.log_lines = 7};
    (void)state;

    assert_since(&empty, &empty, &log, &expected, 0);
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

    for (size_t i = 0; i < LENGTH(cases); i++)
        assert_int_equal(ctw_nearly_full(cases[i].count, cases[i].max), cases[i].expected);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(losses_add_sums_and_stops_at_the_largest),
        cmocka_unit_test(losses_sub_stops_at_0),
        cmocka_unit_test(losses_any_looks_at_each_member),
        cmocka_unit_test(losses_between_counts_each_loss_once),
        cmocka_unit_test(losses_between_inconsistent_columns_returns_no_negative),
        cmocka_unit_test(losses_between_goes_by_the_release),
        cmocka_unit_test(losses_between_wrapped_column_returns_difference),
        cmocka_unit_test(losses_between_sums_beyond_32_bits_are_whole),
        cmocka_unit_test(losses_between_restarted_counters_returns_what_they_show),
        cmocka_unit_test(losses_between_different_cpus_returns_none),
        cmocka_unit_test(losses_total_goes_by_fill_and_evictions),
        cmocka_unit_test(losses_since_classifies_each_loss),
        cmocka_unit_test(losses_since_wrapped_counters_returns_difference),
        cmocka_unit_test(losses_since_restarted_counters_counts_from_0),
        cmocka_unit_test(losses_since_without_two_samples_returns_none),
        cmocka_unit_test(losses_since_line_naming_us_is_ours_in_an_empty_table),
        cmocka_unit_test(losses_since_line_naming_another_is_not_ours_in_a_full_table),
        cmocka_unit_test(losses_since_line_without_name_goes_by_the_fill),
        cmocka_unit_test(losses_since_unreadable_table_is_assumed_full),
        cmocka_unit_test(losses_since_named_and_unnamed_lines_add_up),
        cmocka_unit_test(nearly_full_begins_at_95_percent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
