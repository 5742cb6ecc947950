/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/watch/trend.h"

#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))

#define MSEC  CTW_USEC_PER_MSEC
#define SEC   CTW_USEC_PER_SEC
#define NEVER UINT64_MAX

/* Time starts anywhere but at 0. */
#define START (1000 * SEC)

/* Polls every @step from @from up to and including @to, the count rising by @rate a second. */
static uint32_t go_on(struct ctw_trend *t, uint64_t from, uint64_t to, uint64_t step,
                      uint32_t count, int64_t rate) {
    uint32_t now_count = count;

    for (uint64_t at = from; at <= to; at += step) {
        now_count = (uint32_t)((int64_t)count + rate * (int64_t)(at - from) / (int64_t)SEC);
        ctw_trend_add(t, START + at, now_count);
    }
    return now_count;
}

static void trend_one_poll_has_no_rate(void **state) {
    struct ctw_trend t = {0};
    uint64_t usec;
    int64_t rate;
    (void)state;

    assert_false(ctw_trend_knows(&t));
    assert_int_equal(ctw_trend_rate(&t), 0);
    assert_int_equal(ctw_trend_burst_rate(&t), 0);
    ctw_trend_add(&t, START, 1000);
    assert_false(ctw_trend_knows(&t));
    assert_int_equal(ctw_trend_rate(&t), 0);
    assert_int_equal(ctw_trend_burst_rate(&t), 0);
    assert_false(ctw_trend_forecast(&t, 1, &usec, &rate));
    ctw_trend_add(&t, START + 1, 1000);
    assert_true(ctw_trend_knows(&t));
}

static void trend_add_ignores_a_time_not_later(void **state) {
    struct ctw_trend t = {0};
    (void)state;

    ctw_trend_add(&t, START, 1000);
    ctw_trend_add(&t, START, 5000);
    ctw_trend_add(&t, START - SEC, 9000);
    assert_false(ctw_trend_knows(&t));
    ctw_trend_add(&t, START + SEC, 2000);
    assert_int_equal(ctw_trend_rate(&t), 1000);
}

static void trend_rate_is_signed_and_exact(void **state) {
    static const struct {
        uint32_t before, now;
        uint64_t usec;
        int64_t expected;
    } cases[] = {
        {0, 1000, SEC, 1000},
        {1000, 0, SEC, -1000},
        {500, 500, SEC, 0},
        {0, 1, 10 * SEC, 0},
        {0, 300000, SEC, 300000},
        {0, UINT32_MAX, 1, (int64_t)UINT32_MAX * 1000000},
        {UINT32_MAX, 0, 1, (int64_t)UINT32_MAX * -1000000},
        {10, 13, 2 * MSEC, 1500},
    };
    (void)state;

    for (size_t i = 0; i < LENGTH(cases); i++) {
        struct ctw_trend t = {0};
        ctw_trend_add(&t, START, cases[i].before);
        ctw_trend_add(&t, START + cases[i].usec, cases[i].now);
        assert_true(ctw_trend_rate(&t) == cases[i].expected);
        assert_true(ctw_trend_burst_rate(&t) == cases[i].expected);
    }
}

static void trend_rate_covers_the_last_second(void **state) {
    struct ctw_trend t = {0};
    (void)state;

    uint32_t count = go_on(&t, 0, 10 * SEC, 250 * MSEC, 0, 1000);
    assert_int_equal(ctw_trend_rate(&t), 1000);
    count = go_on(&t, 10250 * MSEC, 10500 * MSEC, 250 * MSEC, count, 0); /* half a second flat */
    assert_in_range(ctw_trend_rate(&t), 400, 600);
    go_on(&t, 10750 * MSEC, 11500 * MSEC, 250 * MSEC, count, 0);
    assert_int_equal(ctw_trend_rate(&t), 0);
}

static void trend_burst_rate_covers_the_last_two_polls(void **state) {
    struct ctw_trend t = {0};
    (void)state;

    const uint32_t count = go_on(&t, 0, 10 * SEC, 250 * MSEC, 0, 1000);
    ctw_trend_add(&t, START + 10 * SEC + 2 * MSEC, count + 600);
    assert_int_equal(ctw_trend_burst_rate(&t), 300000);
    assert_in_range(ctw_trend_rate(&t), 1590, 1600);
    ctw_trend_add(&t, START + 10 * SEC + 4 * MSEC, count + 600);
    assert_int_equal(ctw_trend_burst_rate(&t), 0);
}

/* With polls every 2 ms the ring must not shrink to a quarter of a second. */
static void trend_frequent_polls_keep_the_past(void **state) {
    struct ctw_trend t = {0};
    (void)state;

    go_on(&t, 0, 20 * SEC, 2 * MSEC, 0, 500);
    assert_int_equal(t.n, 81);
    for (uint32_t i = 1; i < t.n; i++)
        assert_int_equal(t.ring[i].at_usec - t.ring[i - 1].at_usec, 250 * MSEC);
    assert_int_equal(ctw_trend_rate(&t), 500);
}

static void trend_full_ring_wraps(void **state) {
    struct ctw_trend t = {0};
    (void)state;

    for (uint64_t at = 0; at < 10 * CTW_TREND_LENGTH + 7; at++) {
        ctw_trend_add(&t, START + at * 250 * MSEC, (uint32_t)(at * 250));
        assert_true(t.n <= CTW_TREND_LENGTH && t.head < CTW_TREND_LENGTH);
        if (at >= 4)
            assert_int_equal(ctw_trend_rate(&t), 1000);
    }
    assert_int_equal(t.n, CTW_TREND_LENGTH);
}

static void trend_reset_forgets_everything(void **state) {
    struct ctw_trend t = {0};
    (void)state;

    go_on(&t, 0, 60 * SEC, 250 * MSEC, 0, 1000);
    ctw_trend_reset(&t);
    assert_false(ctw_trend_knows(&t));
    assert_int_equal(ctw_trend_rate(&t), 0);
    ctw_trend_add(&t, START + 61 * SEC, 5);
    assert_false(ctw_trend_knows(&t));
    ctw_trend_add(&t, START + 62 * SEC, 6);
    assert_int_equal(ctw_trend_rate(&t), 1);
}

static void trend_usec_to_divides_headroom_by_rate(void **state) {
    (void)state;
    assert_true(ctw_trend_usec_to(0, 1000) == NEVER);
    assert_true(ctw_trend_usec_to(-5, 1000) == NEVER);
    assert_true(ctw_trend_usec_to(INT64_MIN, UINT32_MAX) == NEVER);
    assert_int_equal(ctw_trend_usec_to(1000, 0), 0);
    assert_int_equal(ctw_trend_usec_to(1000, 1000), SEC);
    assert_int_equal(ctw_trend_usec_to(3, 1), 333333);
    assert_true(ctw_trend_usec_to(1, UINT32_MAX) == UINT32_MAX * SEC);
}

/* --- forecasts ------------------------------------------------------------------------------- */

static void expect_forecast(const struct ctw_trend *t, uint64_t headroom, uint64_t usec,
                            int64_t rate) {
    uint64_t is_usec = 0;
    int64_t is_rate = 0;

    assert_true(ctw_trend_forecast(t, headroom, &is_usec, &is_rate));
    assert_int_equal(is_rate, rate);
    assert_int_equal(is_usec, usec);
}

static void expect_none(const struct ctw_trend *t, uint64_t headroom) {
    uint64_t usec = 42;
    int64_t rate = 42;

    assert_false(ctw_trend_forecast(t, headroom, &usec, &rate));
    assert_true(usec == 42 && rate == 42);
}

static void trend_forecast_believes_a_rate_after_a_tenth(void **state) {
    struct ctw_trend t = {0};
    (void)state;

    const uint32_t count = go_on(&t, 0, 750 * MSEC, 250 * MSEC, 0, 1000);
    expect_none(&t, 10000);
    expect_forecast(&t, 5000, 5 * SEC, 1000);
    go_on(&t, 1 * SEC, 1 * SEC, SEC, count + 250, 0);
    expect_forecast(&t, 10000, 10 * SEC, 1000);
}

/* levels.forecast is five minutes: half a minute of past has to suffice for it. */
static void trend_forecast_reaches_five_minutes(void **state) {
    struct ctw_trend t = {0};
    (void)state;

    go_on(&t, 0, 40 * SEC, 250 * MSEC, 0, 1000);
    expect_forecast(&t, 200 * 1000, 200 * SEC, 1000);
    expect_forecast(&t, 300 * 1000, 300 * SEC, 1000);
    expect_none(&t, 330 * 1000);
}

static void trend_forecast_without_rise_returns_none(void **state) {
    struct ctw_trend flat = {0}, emptying = {0};
    (void)state;

    go_on(&flat, 0, 40 * SEC, 250 * MSEC, 5000, 0);
    expect_none(&flat, 1);
    go_on(&emptying, 0, 40 * SEC, 250 * MSEC, 500000, -1000);
    expect_none(&emptying, 1);
}

static void trend_forecast_short_burst_reaches_seconds(void **state) {
    struct ctw_trend t = {0};
    (void)state;

    uint32_t count = go_on(&t, 0, 30 * SEC, 250 * MSEC, 1000, 0);
    count = go_on(&t, 30250 * MSEC, 31250 * MSEC, 250 * MSEC, count, 10000);
    expect_none(&t, 600 * 1000); /* a minute at that rate */
    expect_forecast(&t, 50 * 1000, 5 * SEC, 10000);
}

static void trend_forecast_ended_burst_returns_none(void **state) {
    struct ctw_trend t = {0};
    (void)state;

    const uint32_t count = go_on(&t, 0, 4 * SEC, 250 * MSEC, 0, 10000);
    expect_forecast(&t, 100 * 1000, 10 * SEC, 10000);
    go_on(&t, 4250 * MSEC, 8 * SEC, 250 * MSEC, count, 0);
    expect_none(&t, 100 * 1000);
}

/* Half a minute ago the table began to fill, and three seconds ago it stopped, a little below its
 * max: no window, however long, makes that two seconds to full. */
static void trend_forecast_stopped_below_max_returns_none(void **state) {
    struct ctw_trend t = {0};
    (void)state;

    uint32_t count = go_on(&t, 0, 20 * SEC, 250 * MSEC, 210000, 0);
    count = go_on(&t, 20250 * MSEC, 29 * SEC, 250 * MSEC, count, 6000);
    expect_forecast(&t, 4096, 682666, 6000);
    go_on(&t, 29250 * MSEC, 32 * SEC, 250 * MSEC, count, 0);
    expect_none(&t, 4096);
}

/* As after SIGSTOP: the change between two polls counts as evenly spread. */
static void trend_gap_counts_as_evenly_spread(void **state) {
    struct ctw_trend t = {0};
    (void)state;

    const uint32_t count = go_on(&t, 0, 10 * SEC, 250 * MSEC, 0, 1000);
    ctw_trend_add(&t, START + 70 * SEC, count + 6000);
    assert_int_equal(ctw_trend_rate(&t), 100);
    assert_int_equal(ctw_trend_burst_rate(&t), 100);
    expect_forecast(&t, 50000, 500 * SEC, 100);
    go_on(&t, 70250 * MSEC, 72 * SEC, 250 * MSEC, count + 6000, 0);
    assert_int_equal(ctw_trend_rate(&t), 0);
}

static void trend_forecast_rare_polls_use_the_whole_past(void **state) {
    struct ctw_trend t = {0};
    (void)state;

    go_on(&t, 0, 1200 * SEC, 10 * SEC, 0, 10);
    assert_int_equal(ctw_trend_rate(&t), 10);
    expect_forecast(&t, 100, 10 * SEC, 10);
}

/* Where in the ring a rise begins, and how long ago in rounds, makes no difference. */
static void trend_forecast_does_not_depend_on_the_place_in_the_ring(void **state) {
    (void)state;

    for (uint64_t before = 0; before < 2 * CTW_TREND_LENGTH; before++) {
        const uint64_t rise = before * 250 * MSEC;
        struct ctw_trend t = {0};

        go_on(&t, 0, rise, 250 * MSEC, 1000, 0);
        go_on(&t, rise + 250 * MSEC, rise + 40 * SEC, 250 * MSEC, 1000, 1000);
        expect_forecast(&t, 300 * 1000, 300 * SEC, 1000);
        expect_none(&t, 330 * 1000);
    }
}

static void trend_fills_at_the_rate_of_the_last_second(void **state) {
    struct ctw_trend t = {0};
    uint64_t usec = 42;
    (void)state;

    const uint32_t count = go_on(&t, 0, 10 * SEC, 1 * SEC, 0, 1000);
    assert_int_equal(count, 10000);
    assert_true(ctw_trend_fills(&t, &(struct ctw_sample){.count = count, .max = 14000}, &usec));
    assert_int_equal(usec, 4 * SEC);
    assert_false(ctw_trend_fills(&t, &(struct ctw_sample){.count = count, .max = count}, &usec));
    assert_false(ctw_trend_fills(&t, &(struct ctw_sample){.count = count, .max = 0}, &usec));
    go_on(&t, 11 * SEC, 12 * SEC, 1 * SEC, count, -1000);
    assert_false(ctw_trend_fills(&t, &(struct ctw_sample){.count = 9000, .max = 14000}, &usec));
    assert_int_equal(usec, 4 * SEC);
}

/* poll.interval is a second: polls are as far apart as the window of the rate. */
static void trend_one_second_polls_forecast_and_forget(void **state) {
    struct ctw_trend t = {0};
    (void)state;

    uint32_t count = go_on(&t, 0, 4 * SEC, 1 * SEC, 1000, 0);
    count = go_on(&t, 5 * SEC, 6 * SEC, 1 * SEC, count + 1000, 1000);
    assert_int_equal(ctw_trend_rate(&t), 1000);
    expect_forecast(&t, 10 * 1000, 10 * SEC, 1000);
    expect_none(&t, 60 * 1000);
    count = go_on(&t, 7 * SEC, 40 * SEC, 1 * SEC, count + 1000, 1000);
    expect_forecast(&t, 300 * 1000, 300 * SEC, 1000);
    go_on(&t, 41 * SEC, 52 * SEC, 1 * SEC, count, 0);
    assert_int_equal(ctw_trend_rate(&t), 0);
    expect_none(&t, 300 * 1000);
}

static void pace_next_is_a_quarter_of_the_time_to_the_threshold(void **state) {
    const struct ctw_settings s = {
        .poll = {.interval_usec = 1 * SEC, .fastest_usec = 2 * MSEC},
        .levels = {.warning_permyriad = 7500, .critical_permyriad = 9000},
    };
    static const struct {
        uint32_t count, max;
        int64_t rate;
        uint64_t expected;
    } cases[] = {
        {0, 10000, 0, SEC},
        {0, 10000, -5000, SEC},
        {5500, 10000, 1000, 500 * MSEC},
        {3500, 10000, 1000, SEC},
        {7500, 10000, 1000, 375 * MSEC},
        {9000, 10000, 1000, 250 * MSEC},
        {9999, 10000, 1000000, 2 * MSEC},
        {10000, 10000, 1000, SEC},
        {5000, 0, 1000, SEC},
    };
    (void)state;

    for (size_t i = 0; i < LENGTH(cases); i++) {
        const struct ctw_sample now = {.count = cases[i].count, .max = cases[i].max};
        assert_int_equal(ctw_pace_next(&s, &now, cases[i].rate), cases[i].expected);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(trend_one_poll_has_no_rate),
        cmocka_unit_test(trend_add_ignores_a_time_not_later),
        cmocka_unit_test(trend_rate_is_signed_and_exact),
        cmocka_unit_test(trend_rate_covers_the_last_second),
        cmocka_unit_test(trend_burst_rate_covers_the_last_two_polls),
        cmocka_unit_test(trend_frequent_polls_keep_the_past),
        cmocka_unit_test(trend_full_ring_wraps),
        cmocka_unit_test(trend_reset_forgets_everything),
        cmocka_unit_test(trend_usec_to_divides_headroom_by_rate),
        cmocka_unit_test(trend_forecast_believes_a_rate_after_a_tenth),
        cmocka_unit_test(trend_forecast_reaches_five_minutes),
        cmocka_unit_test(trend_forecast_without_rise_returns_none),
        cmocka_unit_test(trend_forecast_short_burst_reaches_seconds),
        cmocka_unit_test(trend_forecast_ended_burst_returns_none),
        cmocka_unit_test(trend_forecast_stopped_below_max_returns_none),
        cmocka_unit_test(trend_gap_counts_as_evenly_spread),
        cmocka_unit_test(trend_forecast_rare_polls_use_the_whole_past),
        cmocka_unit_test(trend_forecast_does_not_depend_on_the_place_in_the_ring),
        cmocka_unit_test(trend_fills_at_the_rate_of_the_last_second),
        cmocka_unit_test(trend_one_second_polls_forecast_and_forget),
        cmocka_unit_test(pace_next_is_a_quarter_of_the_time_to_the_threshold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
