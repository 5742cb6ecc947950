/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <netinet/in.h>

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

static void step(uint64_t usec, struct ctw_event_counts t) {
    now += usec;
    ctw_rates_step(&window, now, &t);
}

/* A stream of so many flows per second, looked at every @usec for @seconds. */
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

static struct ctw_event_counts count(enum ctw_flow_event event, uint8_t family, uint8_t protocol,
                                     uint32_t sampling) {
    const struct ctw_flow flow = {.event = event, .family = family, .protocol = protocol};
    struct ctw_event_counts t = {0};

    ctw_event_counts_add(&t, &flow, sampling);
    return t;
}

static void an_event_is_counted_by_protocol_and_family(void **state) {
    const struct {
        uint8_t protocol;
        enum ctw_rate_protocol as;
    } cases[] = {
        {IPPROTO_TCP, CTW_RATE_TCP},       {IPPROTO_UDP, CTW_RATE_UDP},
        {IPPROTO_ICMP, CTW_RATE_ICMP},     {IPPROTO_ICMPV6, CTW_RATE_ICMP},
        {IPPROTO_SCTP, CTW_RATE_OTHER},    {IPPROTO_GRE, CTW_RATE_OTHER},
        {IPPROTO_UDPLITE, CTW_RATE_OTHER},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct ctw_event_counts t = count(CTW_FLOW_NEW, AF_INET, cases[i].protocol, 1);
        for (unsigned p = 0; p < CTW_RATE_PROTOCOLS; p++) {
            assert_int_equal(t.created_by[p], p == cases[i].as);
            assert_int_equal(t.destroyed_by[p], 0);
        }
        assert_int_equal(t.created, 1);
        assert_int_equal(t.created_ipv6, 0);
        t = count(CTW_FLOW_DESTROY, AF_INET6, cases[i].protocol, 1);
        for (unsigned p = 0; p < CTW_RATE_PROTOCOLS; p++) {
            assert_int_equal(t.created_by[p], 0);
            assert_int_equal(t.destroyed_by[p], p == cases[i].as);
        }
        assert_int_equal(t.destroyed, 1);
        assert_int_equal(t.destroyed_ipv6, 1);
        assert_int_equal(t.created + t.created_ipv6, 0);
    }
}

static void a_sampled_event_stands_for_others(void **state) {
    const struct ctw_event_counts t = count(CTW_FLOW_NEW, AF_INET6, IPPROTO_UDP, 8);

    (void)state;
    assert_int_equal(t.events, 1);
    assert_int_equal(t.created, 8);
    assert_int_equal(t.created_by[CTW_RATE_UDP], 8);
    assert_int_equal(t.created_ipv6, 8);
    assert_int_equal(t.sampling, 8);
}

static void an_update_is_read_and_nothing_more(void **state) {
    const struct ctw_event_counts t = count(CTW_FLOW_UPDATE, AF_INET, IPPROTO_TCP, 1);

    (void)state;
    assert_int_equal(t.events, 1);
    assert_int_equal(t.created + t.destroyed, 0);
}

static void a_tally_tells_the_coarsest_sampling(void **state) {
    const struct ctw_flow flow = {.family = AF_INET, .protocol = IPPROTO_TCP};
    struct ctw_event_counts t = {0};

    (void)state;
    ctw_event_counts_add(&t, &flow, 2);
    ctw_event_counts_add(&t, &flow, 4);
    ctw_event_counts_add(&t, &flow, 1);
    assert_int_equal(t.created, 7);
    assert_int_equal(t.sampling, 4);
}

/* --- rates ----------------------------------------------------------------------------------- */

static void nothing_is_known_at_first(void **state) {
    const struct ctw_rates r = ctw_rates_now(&window);

    (void)state;
    assert_false(r.known);
    assert_false(r.lower_bound);
    assert_int_equal(r.created + r.destroyed, 0);
    assert_int_equal(r.sampling, 1);
}

static void the_first_tally_is_no_rate(void **state) {
    (void)state;
    step(250 * MSEC, counts(1000000, 1000000));
    assert_false(ctw_rates_now(&window).known);
    stream(250 * MSEC, 1, 400, 40);
    expect(400, 40);
}

static void an_eighth_of_a_second_is_enough(void **state) {
    (void)state;
    step(1 * MSEC, counts(0, 0));
    for (unsigned i = 1; i <= 125; i++) {
        assert_false(ctw_rates_now(&window).known);
        step(1 * MSEC, counts(7, 3));
    }
    expect(7000, 3000);
}

static void the_rate_does_not_depend_on_how_often_one_looks(void **state) {
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

static void only_the_last_second_counts(void **state) {
    (void)state;
    step(1, counts(0, 0));
    stream(50 * MSEC, 60, 100000, 0);
    expect(100000, 0);
    stream(50 * MSEC, 2, 0, 20000);
    expect(0, 20000);
}

static void a_burst_shows_at_once(void **state) {
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

/* Stopped for a minute: the minute's mean at first, and a second later no more of it. */
static void a_long_gap_is_one_second_of_its_mean(void **state) {
    (void)state;
    step(1, counts(0, 0));
    stream(250 * MSEC, 10, 100, 0);
    step(60 * SEC, counts(60 * 5000, 0));
    expect(5000, 0);
    stream(250 * MSEC, 1, 100, 0);
    expect(100, 0);
}

static void half_of_a_gap_that_reaches_into_the_window_counts(void **state) {
    (void)state;
    step(1, counts(0, 0));
    step(60 * SEC, counts(60 * 5000, 0));
    step(500 * MSEC, counts(500, 0));
    expect(3000, 0); /* half a second at 5000, half at 1000 */
}

static void leaving_forgets_everything(void **state) {
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

static void sampling_is_told_while_it_is_in_the_window(void **state) {
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

static void a_quiet_subscription_is_not_sampled(void **state) {
    (void)state;
    for (unsigned i = 0; i < 10; i++)
        step(250 * MSEC, (struct ctw_event_counts){.subscribed = true});
    expect(0, 0);
    assert_int_equal(ctw_rates_now(&window).sampling, 1);
}

static void what_was_lost_is_in_it_and_makes_it_a_lower_bound(void **state) {
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

static void a_clock_that_stands_still_loses_nothing(void **state) {
    (void)state;
    step(1, counts(0, 0));
    stream(250 * MSEC, 2, 400, 0);
    for (unsigned i = 0; i < 5; i++)
        step(0, counts(10, 0));
    expect(450, 0);
    assert_true(ctw_rates_now(&window).known);
}

#define TEST(f) cmocka_unit_test_setup(f, start)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(an_event_is_counted_by_protocol_and_family),
        TEST(a_sampled_event_stands_for_others),
        TEST(an_update_is_read_and_nothing_more),
        TEST(a_tally_tells_the_coarsest_sampling),
        TEST(nothing_is_known_at_first),
        TEST(the_first_tally_is_no_rate),
        TEST(an_eighth_of_a_second_is_enough),
        TEST(the_rate_does_not_depend_on_how_often_one_looks),
        TEST(only_the_last_second_counts),
        TEST(a_burst_shows_at_once),
        TEST(a_long_gap_is_one_second_of_its_mean),
        TEST(half_of_a_gap_that_reaches_into_the_window_counts),
        TEST(leaving_forgets_everything),
        TEST(sampling_is_told_while_it_is_in_the_window),
        TEST(a_quiet_subscription_is_not_sampled),
        TEST(what_was_lost_is_in_it_and_makes_it_a_lower_bound),
        TEST(a_clock_that_stands_still_loses_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
