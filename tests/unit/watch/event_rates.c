/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/kernel/sample.h"
#include "lib/watch/event_rates.h"

#define MSEC CTW_USEC_PER_MSEC
#define SEC  CTW_USEC_PER_SEC

static struct ctw_rate_window window;
static uint64_t now;

static int start(void **state) {
    (void)state;
    memset(&window, 0, sizeof(window));
    now = 1000 * SEC;
    return 0;
}

static struct ctw_event_counts counts(uint64_t created, uint64_t destroyed) {
    return (struct ctw_event_counts){
        .subscribed = true, .created = created, .destroyed = destroyed, .sampling = 1};
}

static void step(uint64_t usec, struct ctw_event_counts c) {
    now += usec;
    ctw_rates_step(&window, now, &c);
}

/* Flows per second, polled every @usec for @seconds. */
static void stream(uint64_t usec, uint64_t seconds, uint64_t created, uint64_t destroyed) {
    for (uint64_t i = 0; i < seconds * SEC / usec; i++)
        step(usec, counts(created * usec / SEC, destroyed * usec / SEC));
}

static void expect(uint64_t created, uint64_t destroyed) {
    const struct ctw_rates r = ctw_rates_now(&window);

    assert_true(r.known);
    assert_int_equal(r.created, created);
    assert_int_equal(r.destroyed, destroyed);
}

/* --- one event ------------------------------------------------------------------------------- */

static struct ctw_event_counts count(enum ctw_flow_event event, uint32_t sampling) {
    struct ctw_event_counts c = {0};

    ctw_event_counts_add(&c, event, sampling);
    return c;
}

static void event_counts_add_counts_by_event(void **state) {
    struct ctw_event_counts c = count(CTW_FLOW_NEW, 1);

    (void)state;
    assert_int_equal(c.events, 1);
    assert_int_equal(c.created, 1);
    assert_int_equal(c.destroyed, 0);
    c = count(CTW_FLOW_DESTROY, 1);
    assert_int_equal(c.events, 1);
    assert_int_equal(c.created, 0);
    assert_int_equal(c.destroyed, 1);
    c = count(CTW_FLOW_UPDATE, 1);
    assert_int_equal(c.events, 1);
    assert_int_equal(c.created + c.destroyed, 0);
}

static void event_counts_add_sampled_event_counts_as_many(void **state) {
    const struct ctw_event_counts c = count(CTW_FLOW_NEW, 8);

    (void)state;
    assert_int_equal(c.events, 1);
    assert_int_equal(c.created, 8);
    assert_int_equal(c.sampling, 8);
}

static void event_counts_add_keeps_the_highest_sampling(void **state) {
    struct ctw_event_counts c = {0};

    (void)state;
    ctw_event_counts_add(&c, CTW_FLOW_NEW, 2);
    ctw_event_counts_add(&c, CTW_FLOW_NEW, 4);
    ctw_event_counts_add(&c, CTW_FLOW_NEW, 1);
    assert_int_equal(c.created, 7);
    assert_int_equal(c.sampling, 4);
}

/* --- rates ----------------------------------------------------------------------------------- */

static void rates_empty_window_returns_unknown(void **state) {
    const struct ctw_rates r = ctw_rates_now(&window);

    (void)state;
    assert_false(r.known);
    assert_false(r.lower_bound);
    assert_int_equal(r.created + r.destroyed, 0);
    assert_int_equal(r.sampling, 1);
}

static void rates_first_counts_are_ignored(void **state) {
    (void)state;
    step(250 * MSEC, counts(1000000, 1000000));
    assert_false(ctw_rates_now(&window).known);
    stream(250 * MSEC, 1, 400, 40);
    expect(400, 40);
}

static void rates_known_after_an_eighth_of_a_second(void **state) {
    (void)state;
    step(1 * MSEC, counts(0, 0));
    for (unsigned i = 1; i <= 125; i++) {
        assert_false(ctw_rates_now(&window).known);
        step(1 * MSEC, counts(7, 3));
    }
    expect(7000, 3000);
}

static void rates_do_not_depend_on_the_poll_interval(void **state) {
    static const uint64_t spacings[] = {2 * MSEC,   10 * MSEC,  100 * MSEC, 125 * MSEC,
                                        250 * MSEC, 500 * MSEC, 1 * SEC,    5 * SEC};

    (void)state;
    for (size_t i = 0; i < sizeof(spacings) / sizeof(spacings[0]); i++) {
        start(NULL);
        step(1, counts(12345, 0));
        stream(spacings[i], 20, 300000, 1000);
        expect(300000, 1000);
    }
}

static void rates_cover_the_last_second(void **state) {
    (void)state;
    step(1, counts(0, 0));
    stream(50 * MSEC, 60, 100000, 0);
    expect(100000, 0);
    stream(50 * MSEC, 2, 0, 20000);
    expect(0, 20000);
}

static void rates_burst_shows_at_once(void **state) {
    (void)state;
    step(1, counts(0, 0));
    stream(250 * MSEC, 60, 0, 0);
    step(2 * MSEC, counts(600, 0));
    expect(600, 0);
    step(248 * MSEC, counts(0, 0));
    expect(600, 0);
    stream(250 * MSEC, 1, 0, 0);
    expect(0, 0);
}

/* Stopped for a minute: the mean of the minute at first, and none of it a second later. */
static void rates_long_gap_counts_with_its_mean(void **state) {
    (void)state;
    step(1, counts(0, 0));
    stream(250 * MSEC, 10, 100, 0);
    step(60 * SEC, counts(60 * 5000, 0));
    expect(5000, 0);
    stream(250 * MSEC, 1, 100, 0);
    expect(100, 0);
}

static void rates_gap_partly_in_the_window_counts_in_part(void **state) {
    (void)state;
    step(1, counts(0, 0));
    step(60 * SEC, counts(60 * 5000, 0));
    step(500 * MSEC, counts(500, 0));
    expect(3000, 0); /* half a second at 5000, half at 1000 */
}

static void rates_without_subscription_are_forgotten(void **state) {
    const struct ctw_event_counts left = {.subscribed = false};

    (void)state;
    step(1, counts(0, 0));
    stream(250 * MSEC, 5, 100, 100);
    step(250 * MSEC, left);
    assert_false(ctw_rates_now(&window).known);
    step(10 * SEC, left);
    step(250 * MSEC, counts(99999, 0)); /* subscribed again */
    assert_false(ctw_rates_now(&window).known);
    stream(250 * MSEC, 1, 40, 4);
    expect(40, 4);
}

static void rates_sampling_lasts_as_long_as_the_window(void **state) {
    struct ctw_event_counts sampled = counts(1000, 0);

    (void)state;
    sampled.sampling = 16;
    step(1, counts(0, 0));
    stream(250 * MSEC, 2, 1000, 0);
    assert_int_equal(ctw_rates_now(&window).sampling, 1);
    step(10 * MSEC, sampled);
    assert_int_equal(ctw_rates_now(&window).sampling, 16);
    stream(250 * MSEC, 1, 1000, 0);
    assert_int_equal(ctw_rates_now(&window).sampling, 16); /* within 1.01 s */
    stream(250 * MSEC, 1, 1000, 0);
    assert_int_equal(ctw_rates_now(&window).sampling, 1);
}

static void rates_without_events_are_not_sampled(void **state) {
    (void)state;
    for (unsigned i = 0; i < 10; i++)
        step(250 * MSEC, (struct ctw_event_counts){.subscribed = true});
    expect(0, 0);
    assert_int_equal(ctw_rates_now(&window).sampling, 1);
}

static void rates_include_lost_events_as_a_lower_bound(void **state) {
    struct ctw_event_counts lossy = counts(100, 10);

    (void)state;
    lossy.overruns = 1;
    lossy.lost = 150;
    step(1, counts(0, 0));
    stream(250 * MSEC, 2, 400, 40);
    assert_false(ctw_rates_now(&window).lower_bound);
    step(250 * MSEC, lossy);
    assert_true(ctw_rates_now(&window).lower_bound);
    expect(550, 40);
    stream(250 * MSEC, 2, 400, 40);
    assert_false(ctw_rates_now(&window).lower_bound);
    expect(400, 40);
}

static void rates_standing_clock_loses_no_events(void **state) {
    (void)state;
    step(1, counts(0, 0));
    stream(250 * MSEC, 2, 400, 0);
    for (unsigned i = 0; i < 5; i++)
        step(0, counts(10, 0));
    expect(450, 0);
    assert_true(ctw_rates_now(&window).known);
}

/* --- the budget ------------------------------------------------------------------------------ */

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

static void budget_within_reads_everything(void **state) {
    struct clock c = {.now_usec = 1};
    (void)state;

    assert_int_equal(events_come(&c, 49000, 10 * CTW_USEC_PER_SEC, FIVE_PERCENT), 1);
}

static void budget_flood_raises_sampling_at_once(void **state) {
    struct clock c = {.now_usec = 1};
    (void)state;

    assert_int_equal(events_come(&c, 0, CTW_USEC_PER_SEC, FIVE_PERCENT), 1);
    /* 30 % of a CPU: an eighth of it fits into 5 %. */
    assert_int_equal(events_come(&c, 300000, 120 * CTW_USEC_PER_MSEC, FIVE_PERCENT), 8);
    assert_int_equal(events_come(&c, 300000, 10 * CTW_USEC_PER_SEC, FIVE_PERCENT), 8);
}

static void budget_flood_after_idle_hour_raises_sampling_at_once(void **state) {
    struct clock c = {.now_usec = 1};
    (void)state;

    events_come(&c, 10, CTW_USEC_PER_SEC, FIVE_PERCENT);
    c.now_usec += 3600 * CTW_USEC_PER_SEC;
    assert_int_equal(events_come(&c, 300000, 140 * CTW_USEC_PER_MSEC, FIVE_PERCENT), 8);
}

static void budget_of_a_whole_cpu_reads_everything(void **state) {
    struct clock c = {.now_usec = 1};
    (void)state;

    assert_int_equal(events_come(&c, 1000000, 10 * CTW_USEC_PER_SEC, CTW_PERMYRIAD), 1);
}

static void budget_calm_second_lowers_sampling(void **state) {
    struct clock c = {.now_usec = 1};
    (void)state;

    assert_int_equal(events_come(&c, 300000, CTW_USEC_PER_SEC, FIVE_PERCENT), 8);
    assert_int_equal(events_come(&c, 0, 900 * CTW_USEC_PER_MSEC, FIVE_PERCENT), 8);
    assert_int_equal(events_come(&c, 0, 500 * CTW_USEC_PER_MSEC, FIVE_PERCENT), 1);
}

static void budget_half_the_flood_halves_sampling(void **state) {
    struct clock c = {.now_usec = 1};
    (void)state;

    assert_int_equal(events_come(&c, 300000, CTW_USEC_PER_SEC, FIVE_PERCENT), 8);
    assert_int_equal(events_come(&c, 150000, 2 * CTW_USEC_PER_SEC, FIVE_PERCENT), 4);
}

static void budget_falling_flood_lowers_sampling_in_steps(void **state) {
    struct clock c = {.now_usec = 1};
    (void)state;

    ctw_budget_step(&c.budget, c.now_usec, FIVE_PERCENT); /* windows start with the ticks */
    events_come(&c, 300000, CTW_USEC_PER_SEC, FIVE_PERCENT);
    /* Just long enough to lower the sampling: the next rate falls into the first calm window. */
    assert_int_equal(events_come(&c, 150000, 1100 * CTW_USEC_PER_MSEC, FIVE_PERCENT), 4);
    assert_int_equal(events_come(&c, 30000, 2 * CTW_USEC_PER_SEC, FIVE_PERCENT), 1);
}

static void budget_calm_before_a_new_flood_does_not_count(void **state) {
    struct clock c = {.now_usec = 1};
    (void)state;

    ctw_budget_step(&c.budget, c.now_usec, FIVE_PERCENT); /* windows start with the ticks */
    events_come(&c, 300000, CTW_USEC_PER_SEC, FIVE_PERCENT);
    assert_int_equal(events_come(&c, 0, 900 * CTW_USEC_PER_MSEC, FIVE_PERCENT), 8);
    assert_int_equal(events_come(&c, 1200000, 100 * CTW_USEC_PER_MSEC, FIVE_PERCENT), 32);
    assert_int_equal(events_come(&c, 0, 500 * CTW_USEC_PER_MSEC, FIVE_PERCENT), 32);
}

static void budget_gusts_do_not_move_sampling(void **state) {
    struct clock c = {.now_usec = 1};
    (void)state;

    events_come(&c, 300000, CTW_USEC_PER_SEC, FIVE_PERCENT);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(events_come(&c, 0, 500 * CTW_USEC_PER_MSEC, FIVE_PERCENT), 8);
        assert_int_equal(events_come(&c, 300000, 500 * CTW_USEC_PER_MSEC, FIVE_PERCENT), 8);
    }
}

static void budget_rate_just_within_keeps_sampling(void **state) {
    struct clock c = {.now_usec = 1};
    (void)state;

    events_come(&c, 300000, CTW_USEC_PER_SEC, FIVE_PERCENT);
    /* A quarter of 180,000 would fit, but without room to spare. */
    for (int i = 0; i < 100; i++)
        assert_int_equal(events_come(&c, 180000, 100 * CTW_USEC_PER_MSEC, FIVE_PERCENT), 8);
}

static void budget_change_takes_effect(void **state) {
    struct clock c = {.now_usec = 1};
    (void)state;

    assert_int_equal(events_come(&c, 300000, CTW_USEC_PER_SEC, FIVE_PERCENT), 8);
    assert_int_equal(events_come(&c, 300000, CTW_USEC_PER_SEC, FIVE_PERCENT / 5), 32);
    assert_int_equal(events_come(&c, 300000, 3 * CTW_USEC_PER_SEC, CTW_PERMYRIAD), 1);
}

static void budget_sampling_stops_at_the_largest(void **state) {
    struct clock c = {.now_usec = 1};
    (void)state;

    events_come(&c, 1, CTW_USEC_PER_SEC, 1);
    ctw_budget_spend(&c.budget, UINT64_C(1) << 40);
    c.now_usec += CTW_USEC_PER_SEC;
    assert_int_equal(ctw_budget_step(&c.budget, c.now_usec, 1), CTW_BUDGET_SAMPLING_MAX);
}

#define TEST(f) cmocka_unit_test_setup(f, start)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(event_counts_add_counts_by_event),
        TEST(event_counts_add_sampled_event_counts_as_many),
        TEST(event_counts_add_keeps_the_highest_sampling),
        TEST(rates_empty_window_returns_unknown),
        TEST(rates_first_counts_are_ignored),
        TEST(rates_known_after_an_eighth_of_a_second),
        TEST(rates_do_not_depend_on_the_poll_interval),
        TEST(rates_cover_the_last_second),
        TEST(rates_burst_shows_at_once),
        TEST(rates_long_gap_counts_with_its_mean),
        TEST(rates_gap_partly_in_the_window_counts_in_part),
        TEST(rates_without_subscription_are_forgotten),
        TEST(rates_sampling_lasts_as_long_as_the_window),
        TEST(rates_without_events_are_not_sampled),
        TEST(rates_include_lost_events_as_a_lower_bound),
        TEST(rates_standing_clock_loses_no_events),
        TEST(budget_within_reads_everything),
        TEST(budget_flood_raises_sampling_at_once),
        TEST(budget_flood_after_idle_hour_raises_sampling_at_once),
        TEST(budget_of_a_whole_cpu_reads_everything),
        TEST(budget_calm_second_lowers_sampling),
        TEST(budget_half_the_flood_halves_sampling),
        TEST(budget_falling_flood_lowers_sampling_in_steps),
        TEST(budget_calm_before_a_new_flood_does_not_count),
        TEST(budget_gusts_do_not_move_sampling),
        TEST(budget_rate_just_within_keeps_sampling),
        TEST(budget_change_takes_effect),
        TEST(budget_sampling_stops_at_the_largest),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
