/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/kernel/sample.h"
#include "lib/watch/event_rates.h"

#define TICK_USEC    (20 * CTW_USEC_PER_MSEC)
#define EVENT_NSEC   1000u
#define FIVE_PERCENT 500u

struct clock {
    struct ctw_budget budget;
    uint64_t now_usec;
};

/* Events come at @rate for @usec, and reading one takes EVENT_NSEC. Return: the sampling then. */
static uint32_t events_come(struct clock *c, uint64_t rate, uint64_t usec, uint32_t permyriad) {
    const uint64_t until = c->now_usec + usec;
    uint32_t sampling = c->budget.sampling ? c->budget.sampling : 1;

    while (c->now_usec < until) {
        c->now_usec += TICK_USEC;
        ctw_budget_spend(&c->budget, rate * TICK_USEC / CTW_USEC_PER_SEC * EVENT_NSEC / sampling);
        sampling = ctw_budget_step(&c->budget, c->now_usec, permyriad);
    }
    return sampling;
}

static void within_the_budget_everything_is_read(void **state) {
    struct clock c = {.now_usec = 1};
    (void)state;

    assert_int_equal(events_come(&c, 49000, 10 * CTW_USEC_PER_SEC, FIVE_PERCENT), 1);
}

static void a_flood_is_answered_in_one_go(void **state) {
    struct clock c = {.now_usec = 1};
    (void)state;

    assert_int_equal(events_come(&c, 0, CTW_USEC_PER_SEC, FIVE_PERCENT), 1);
    /* 30 % of a CPU: an eighth of it fits into 5 %. */
    assert_int_equal(events_come(&c, 300000, 120 * CTW_USEC_PER_MSEC, FIVE_PERCENT), 8);
    assert_int_equal(events_come(&c, 300000, 10 * CTW_USEC_PER_SEC, FIVE_PERCENT), 8);
}

static void a_flood_after_an_idle_hour_is_answered_as_fast(void **state) {
    struct clock c = {.now_usec = 1};
    (void)state;

    events_come(&c, 10, CTW_USEC_PER_SEC, FIVE_PERCENT);
    c.now_usec += 3600 * CTW_USEC_PER_SEC;
    assert_int_equal(events_come(&c, 300000, 140 * CTW_USEC_PER_MSEC, FIVE_PERCENT), 8);
}

static void a_whole_cpu_is_never_sampled(void **state) {
    struct clock c = {.now_usec = 1};
    (void)state;

    assert_int_equal(events_come(&c, 1000000, 10 * CTW_USEC_PER_SEC, CTW_PERMYRIAD), 1);
}

static void stepping_back_takes_a_second_of_calm(void **state) {
    struct clock c = {.now_usec = 1};
    (void)state;

    assert_int_equal(events_come(&c, 300000, CTW_USEC_PER_SEC, FIVE_PERCENT), 8);
    assert_int_equal(events_come(&c, 0, 900 * CTW_USEC_PER_MSEC, FIVE_PERCENT), 8);
    assert_int_equal(events_come(&c, 0, 500 * CTW_USEC_PER_MSEC, FIVE_PERCENT), 1);
}

static void a_flood_that_halves_is_sampled_half_as_much(void **state) {
    struct clock c = {.now_usec = 1};
    (void)state;

    assert_int_equal(events_come(&c, 300000, CTW_USEC_PER_SEC, FIVE_PERCENT), 8);
    assert_int_equal(events_come(&c, 150000, 2 * CTW_USEC_PER_SEC, FIVE_PERCENT), 4);
}

static void a_flood_that_dies_down_in_steps_is_followed(void **state) {
    struct clock c = {.now_usec = 1};
    (void)state;

    ctw_budget_step(&c.budget, c.now_usec, FIVE_PERCENT); /* windows start with the ticks */
    events_come(&c, 300000, CTW_USEC_PER_SEC, FIVE_PERCENT);
    /* Just long enough to step back, so that what comes next falls into the first calm window. */
    assert_int_equal(events_come(&c, 150000, 1100 * CTW_USEC_PER_MSEC, FIVE_PERCENT), 4);
    assert_int_equal(events_come(&c, 30000, 2 * CTW_USEC_PER_SEC, FIVE_PERCENT), 1);
}

static void calm_before_a_new_flood_does_not_count(void **state) {
    struct clock c = {.now_usec = 1};
    (void)state;

    ctw_budget_step(&c.budget, c.now_usec, FIVE_PERCENT); /* windows start with the ticks */
    events_come(&c, 300000, CTW_USEC_PER_SEC, FIVE_PERCENT);
    assert_int_equal(events_come(&c, 0, 900 * CTW_USEC_PER_MSEC, FIVE_PERCENT), 8);
    assert_int_equal(events_come(&c, 1200000, 100 * CTW_USEC_PER_MSEC, FIVE_PERCENT), 32);
    assert_int_equal(events_come(&c, 0, 500 * CTW_USEC_PER_MSEC, FIVE_PERCENT), 32);
}

static void gusts_do_not_move_the_sampling_to_and_fro(void **state) {
    struct clock c = {.now_usec = 1};
    (void)state;

    events_come(&c, 300000, CTW_USEC_PER_SEC, FIVE_PERCENT);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(events_come(&c, 0, 500 * CTW_USEC_PER_MSEC, FIVE_PERCENT), 8);
        assert_int_equal(events_come(&c, 300000, 500 * CTW_USEC_PER_MSEC, FIVE_PERCENT), 8);
    }
}

static void a_rate_just_within_the_budget_stays_where_it_is(void **state) {
    struct clock c = {.now_usec = 1};
    (void)state;

    events_come(&c, 300000, CTW_USEC_PER_SEC, FIVE_PERCENT);
    /* A quarter of 180,000 would fit, but without room to spare. */
    for (int i = 0; i < 100; i++)
        assert_int_equal(events_come(&c, 180000, 100 * CTW_USEC_PER_MSEC, FIVE_PERCENT), 8);
}

static void a_changed_budget_takes_effect(void **state) {
    struct clock c = {.now_usec = 1};
    (void)state;

    assert_int_equal(events_come(&c, 300000, CTW_USEC_PER_SEC, FIVE_PERCENT), 8);
    assert_int_equal(events_come(&c, 300000, CTW_USEC_PER_SEC, FIVE_PERCENT / 5), 32);
    assert_int_equal(events_come(&c, 300000, 3 * CTW_USEC_PER_SEC, CTW_PERMYRIAD), 1);
}

static void sampling_has_an_end(void **state) {
    struct clock c = {.now_usec = 1};
    (void)state;

    events_come(&c, 1, CTW_USEC_PER_SEC, 1);
    ctw_budget_spend(&c.budget, UINT64_C(1) << 40);
    c.now_usec += CTW_USEC_PER_SEC;
    assert_int_equal(ctw_budget_step(&c.budget, c.now_usec, 1), CTW_BUDGET_SAMPLING_MAX);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(within_the_budget_everything_is_read),
        cmocka_unit_test(a_flood_is_answered_in_one_go),
        cmocka_unit_test(a_flood_after_an_idle_hour_is_answered_as_fast),
        cmocka_unit_test(a_whole_cpu_is_never_sampled),
        cmocka_unit_test(stepping_back_takes_a_second_of_calm),
        cmocka_unit_test(a_flood_that_halves_is_sampled_half_as_much),
        cmocka_unit_test(a_flood_that_dies_down_in_steps_is_followed),
        cmocka_unit_test(calm_before_a_new_flood_does_not_count),
        cmocka_unit_test(gusts_do_not_move_the_sampling_to_and_fro),
        cmocka_unit_test(a_rate_just_within_the_budget_stays_where_it_is),
        cmocka_unit_test(a_changed_budget_takes_effect),
        cmocka_unit_test(sampling_has_an_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
