/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/watch/level.h"

#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))

#define OK       CTW_LEVEL_OK
#define WARNING  CTW_LEVEL_WARNING
#define CRITICAL CTW_LEVEL_CRITICAL
#define FULL     CTW_LEVEL_FULL

/* One poll: its time (milliseconds), its fill (permyriad), and the level it must give. */
struct poll {
    uint64_t at_msec;
    uint32_t usage;
    bool losing;
    enum ctw_level expected;
};

static struct ctw_settings settings_with(uint32_t clear_permyriad, uint64_t hold_usec) {
    return (struct ctw_settings){.levels = {.warning_permyriad = 7500,
                                            .critical_permyriad = 9000,
                                            .clear_permyriad = clear_permyriad,
                                            .hold_usec = hold_usec}};
}

static struct ctw_settings usual_settings(void) {
    return settings_with(500, 10 * CTW_USEC_PER_SEC);
}

/* Times count from 1 s on, since now is never 0. */
static void play(struct ctw_level_state *state, const struct ctw_settings *s,
                 const struct poll *polls, size_t n) {
    for (size_t i = 0; i < n; i++) {
        const uint64_t now = CTW_USEC_PER_SEC + polls[i].at_msec * CTW_USEC_PER_MSEC;
        const enum ctw_level level = ctw_level_step(state, s, polls[i].usage, polls[i].losing, now);

        if (level != polls[i].expected)
            fail_msg("poll %zu (at %llu ms, %u permyriad): %s, not %s", i,
                     (unsigned long long)polls[i].at_msec, polls[i].usage, ctw_level_name(level),
                     ctw_level_name(polls[i].expected));
        assert_int_equal(level, state->level);
    }
}

static void level_step_at_threshold_begins_the_level(void **state) {
    static const struct {
        uint32_t usage;
        enum ctw_level expected;
    } cases[] = {
        {0, OK},          {7499, OK},       {7500, WARNING}, {7501, WARNING}, {8999, WARNING},
        {9000, CRITICAL}, {9999, CRITICAL}, {10000, FULL},   {10001, FULL},   {UINT32_MAX, FULL},
    };
    const struct ctw_settings s = usual_settings();
    (void)state;

    for (size_t i = 0; i < LENGTH(cases); i++) {
        struct ctw_level_state l = {0};
        assert_int_equal(ctw_level_step(&l, &s, cases[i].usage, false, 1), cases[i].expected);
    }
}

static void usage_permyriad_is_cut_off_and_never_overflows(void **state) {
    static const struct {
        uint32_t count, max, expected;
    } cases[] = {
        {0, 262144, 0},
        {262143, 262144, 9999},
        {262144, 262144, 10000},
        {262145, 262144, 10000},
        {300000, 262144, 11444},
        {0, 0, 0},
        {5, 0, 0},
        {UINT32_MAX, UINT32_MAX, 10000},
        {UINT32_MAX - 1, UINT32_MAX, 9999},
        {UINT32_MAX, 1, UINT32_MAX},
        {1, UINT32_MAX, 0},
    };
    (void)state;

    for (size_t i = 0; i < LENGTH(cases); i++)
        assert_int_equal(ctw_usage_permyriad(cases[i].count, cases[i].max), cases[i].expected);
}

static void fuller_compares_shares_of_the_limits(void **state) {
    static const struct {
        uint32_t count, max, than, than_max;
        bool expected;
    } cases[] = {
        {1000, 1000, 1200, 4000, true},
        {1200, 4000, 1000, 1000, false},
        {1001, 4000, 1000, 4000, true},
        {250, 1000, 1000, 4000, false}, /* equally full */
        {1000, 4000, 250, 1000, false},
        {2, 1, UINT32_MAX, UINT32_MAX, true},
        {UINT32_MAX, UINT32_MAX, UINT32_MAX - 1, UINT32_MAX, true},
        {0, 1000, UINT32_MAX, 0, true}, /* without a limit it is never full */
        {UINT32_MAX, 0, 0, 1000, false},
        {11, 0, 10, 0, true},
        {10, 0, 10, 0, false},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++)
        if (ctw_fuller(cases[i].count, cases[i].max, cases[i].than, cases[i].than_max) !=
            cases[i].expected)
            fail_msg("%u of %u is %sfuller than %u of %u", cases[i].count, cases[i].max,
                     cases[i].expected ? "not " : "", cases[i].than, cases[i].than_max);
}

static void level_threshold_returns_the_setting(void **state) {
    const struct ctw_settings s = usual_settings();
    (void)state;

    assert_int_equal(ctw_level_threshold(&s, OK), 0);
    assert_int_equal(ctw_level_threshold(&s, WARNING), 7500);
    assert_int_equal(ctw_level_threshold(&s, CRITICAL), 9000);
    assert_int_equal(ctw_level_threshold(&s, FULL), 10000);
}

static void level_name_returns_the_documented_word(void **state) {
    (void)state;
    assert_string_equal(ctw_level_name(OK), "ok");
    assert_string_equal(ctw_level_name(WARNING), "warning");
    assert_string_equal(ctw_level_name(CRITICAL), "critical");
    assert_string_equal(ctw_level_name(FULL), "full");
}

static void level_step_rising_fill_rises_at_once(void **state) {
    static const struct poll polls[] = {
        {0, 100, false, OK},
        {1, 7600, false, WARNING},
        {2, 9999, false, CRITICAL},
        {3, 10000, false, FULL},
    };
    static const struct poll jump[] = {{0, 0, false, OK}, {1, 10000, false, FULL}};
    const struct ctw_settings s = usual_settings();
    struct ctw_level_state l = {0}, m = {0};
    (void)state;

    play(&l, &s, polls, LENGTH(polls));
    play(&m, &s, jump, LENGTH(jump));
}

static void level_step_losing_is_full_at_any_fill(void **state) {
    static const struct poll polls[] = {
        {0, 0, true, FULL},
        {9999, 0, false, FULL},
        {19998, 0, false, FULL},
        {19999, 0, false, OK},
    };
    const struct ctw_settings s = usual_settings();
    struct ctw_level_state l = {0};
    (void)state;

    play(&l, &s, polls, LENGTH(polls));
}

/* warning is left below 70 %: at 70.00 % it is not yet. */
static void level_step_falls_below_threshold_less_clear(void **state) {
    static const struct poll polls[] = {
        {0, 7500, false, WARNING},     {1000, 7000, false, WARNING},  {61000, 6999, false, WARNING},
        {66000, 6999, false, WARNING}, {70999, 6999, false, WARNING}, {71000, 6999, false, OK},
    };
    const struct ctw_settings s = usual_settings();
    struct ctw_level_state l = {0};
    (void)state;

    play(&l, &s, polls, LENGTH(polls));
}

static void level_step_fill_around_threshold_keeps_the_level(void **state) {
    const struct ctw_settings s = usual_settings();
    struct ctw_level_state l = {0};
    (void)state;

    assert_int_equal(ctw_level_step(&l, &s, 7600, false, 1), WARNING);
    for (uint64_t i = 1; i < 10000; i++) /* below 70 % for nine seconds, above for one */
        assert_int_equal(
            ctw_level_step(&l, &s, i % 10 == 0 ? 7000 : 6500, false, i * CTW_USEC_PER_SEC),
            WARNING);
}

static void level_step_rise_restarts_the_hold(void **state) {
    static const struct poll polls[] = {
        {0, 9000, false, CRITICAL},     {1000, 8000, false, CRITICAL},
        {10000, 8000, false, CRITICAL}, {10500, 9500, false, CRITICAL},
        {11000, 8000, false, CRITICAL}, {20999, 8000, false, CRITICAL},
        {21000, 8000, false, WARNING},
    };
    const struct ctw_settings s = usual_settings();
    struct ctw_level_state l = {0};
    (void)state;

    play(&l, &s, polls, LENGTH(polls));
}

static void level_step_empty_table_falls_in_one_step(void **state) {
    static const struct poll polls[] = {
        {0, 10000, false, FULL},
        {1000, 10, false, FULL},
        {10999, 10, false, FULL},
        {11000, 10, false, OK},
    };
    const struct ctw_settings s = usual_settings();
    struct ctw_level_state l = {0};
    (void)state;

    play(&l, &s, polls, LENGTH(polls));
}

/* 92 % holds critical: a poll at 10 % has to hold for what it clears itself. */
static void level_step_dip_of_one_poll_clears_only_what_the_hold_does(void **state) {
    static const struct poll polls[] = {
        {0, 10000, false, FULL},  {1000, 9200, false, FULL},      {10999, 9200, false, FULL},
        {11000, 10, false, FULL}, {11001, 9200, false, CRITICAL},
    };
    static const struct poll dip_first[] = {
        {0, 10000, false, FULL},    {1000, 10, false, FULL},    {1001, 8600, false, FULL},
        {11000, 6000, false, FULL}, {20999, 6000, false, FULL}, {21000, 6000, false, OK},
    };
    const struct ctw_settings s = usual_settings();
    struct ctw_level_state l = {0}, m = {0};
    (void)state;

    play(&l, &s, polls, LENGTH(polls));
    play(&m, &s, dip_first, LENGTH(dip_first));
}

static void level_step_without_hold_falls_at_once(void **state) {
    static const struct poll polls[] = {
        {0, 9000, false, CRITICAL},
        {1, 8500, false, CRITICAL},
        {2, 8499, false, WARNING},
        {3, 6999, false, OK},
    };
    const struct ctw_settings s = settings_with(500, 0);
    struct ctw_level_state l = {0};
    (void)state;

    play(&l, &s, polls, LENGTH(polls));
}

static void level_step_without_clear_falls_below_the_threshold(void **state) {
    static const struct poll polls[] = {
        {0, 9000, false, CRITICAL},
        {1, 9000, false, CRITICAL},
        {2, 8999, false, WARNING},
        {3, 7499, false, OK},
    };
    const struct ctw_settings s = settings_with(0, 0);
    struct ctw_level_state l = {0};
    (void)state;

    play(&l, &s, polls, LENGTH(polls));
}

/* A clear wider than the threshold can never be met: the level stays. */
static void level_step_clear_above_threshold_never_falls(void **state) {
    static const struct poll polls[] = {{0, 7500, false, WARNING}, {100000, 0, false, WARNING}};
    const struct ctw_settings s = settings_with(7500, 0);
    struct ctw_level_state l = {0};
    (void)state;

    play(&l, &s, polls, LENGTH(polls));
}

static void level_step_count_above_max_is_full(void **state) {
    const uint32_t over = ctw_usage_permyriad(400000, 100000), below = 9400;
    const struct poll polls[] = {
        {0, over, false, FULL},
        {1000, over, false, FULL},
        {2000, below, false, FULL},
        {12000, below, false, CRITICAL},
    };
    const struct ctw_settings s = usual_settings();
    struct ctw_level_state l = {0};
    (void)state;

    play(&l, &s, polls, LENGTH(polls));
}

static void level_step_unlimited_table_is_ok(void **state) {
    const struct poll polls[] = {{0, ctw_usage_permyriad(UINT32_MAX, 0), false, OK}};
    const struct ctw_settings s = usual_settings();
    struct ctw_level_state l = {0};
    (void)state;

    play(&l, &s, polls, LENGTH(polls));
}

static void level_step_follows_changed_thresholds(void **state) {
    static const struct poll before[] = {{0, 7600, false, WARNING}};
    static const struct poll lowered[] = {{1000, 7600, false, CRITICAL}};
    static const struct poll raised[] = {
        {2000, 7600, false, CRITICAL},
        {11999, 7600, false, CRITICAL},
        {12000, 7600, false, OK},
    };
    struct ctw_settings s = usual_settings();
    struct ctw_level_state l = {0};
    (void)state;

    play(&l, &s, before, LENGTH(before));
    s.levels.warning_permyriad = 5000;
    s.levels.critical_permyriad = 7600;
    play(&l, &s, lowered, LENGTH(lowered));
    s.levels.warning_permyriad = 9000;
    s.levels.critical_permyriad = 9500;
    play(&l, &s, raised, LENGTH(raised));
}

static void level_step_follows_a_changed_hold(void **state) {
    static const struct poll before[] = {{0, 7600, false, WARNING}, {1000, 10, false, WARNING}};
    static const struct poll after[] = {{2000, 10, false, OK}};
    struct ctw_settings s = usual_settings();
    struct ctw_level_state l = {0};
    (void)state;

    play(&l, &s, before, LENGTH(before));
    s.levels.hold_usec = CTW_USEC_PER_SEC;
    play(&l, &s, after, LENGTH(after));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(level_step_at_threshold_begins_the_level),
        cmocka_unit_test(usage_permyriad_is_cut_off_and_never_overflows),
        cmocka_unit_test(fuller_compares_shares_of_the_limits),
        cmocka_unit_test(level_threshold_returns_the_setting),
        cmocka_unit_test(level_name_returns_the_documented_word),
        cmocka_unit_test(level_step_rising_fill_rises_at_once),
        cmocka_unit_test(level_step_losing_is_full_at_any_fill),
        cmocka_unit_test(level_step_falls_below_threshold_less_clear),
        cmocka_unit_test(level_step_fill_around_threshold_keeps_the_level),
        cmocka_unit_test(level_step_rise_restarts_the_hold),
        cmocka_unit_test(level_step_empty_table_falls_in_one_step),
        cmocka_unit_test(level_step_dip_of_one_poll_clears_only_what_the_hold_does),
        cmocka_unit_test(level_step_without_hold_falls_at_once),
        cmocka_unit_test(level_step_without_clear_falls_below_the_threshold),
        cmocka_unit_test(level_step_clear_above_threshold_never_falls),
        cmocka_unit_test(level_step_count_above_max_is_full),
        cmocka_unit_test(level_step_unlimited_table_is_ok),
        cmocka_unit_test(level_step_follows_changed_thresholds),
        cmocka_unit_test(level_step_follows_a_changed_hold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
