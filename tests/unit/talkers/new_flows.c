/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Who opens new flows: rates, their errors, and the time that they cover. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>

#include "lib/talkers/new_flows.h"

#define SEED  UINT64_C(0x123456789abcdef0)
#define START (1000 * CTW_USEC_PER_SEC)

static struct ctw_new_flows t;
static struct ctw_new_sources top;
static uint64_t now;

static int start(void **state) {
    (void)state;
    now = START;
    ctw_new_flows_init(&t, 64, SEED);
    ctw_new_flows_step(&t, now);
    return 0;
}

static void add(uint32_t number, uint32_t flows, uint32_t sampling) {
    const uint32_t address = htonl(0x0a000000 + number);
    uint8_t bytes[16] = {0};

    memcpy(bytes, &address, sizeof(address));
    for (uint32_t i = 0; i < flows; i++)
        ctw_new_flows_add(&t, AF_INET, bytes, sampling);
}

static void pass(uint64_t msec) {
    now += msec * CTW_USEC_PER_MSEC;
    ctw_new_flows_step(&t, now);
    ctw_new_flows_top(&t, 5, &top);
}

static void expect(uint32_t i, const char *name, uint64_t per_second, uint64_t error) {
    assert_true(i < top.n);
    assert_string_equal(top.top[i].name, name);
    assert_int_equal(top.top[i].per_second, per_second);
    assert_int_equal(top.top[i].error_per_second, error);
}

static void top_few_sources_has_no_error(void **state) {
    (void)state;
    add(1, 100, 1);
    add(2, 3000, 1);
    add(3, 1, 1);
    pass(500);
    assert_true(top.known);
    assert_int_equal(top.per_second, 6202);
    assert_int_equal(top.n, 3);
    expect(0, "10.0.0.2", 6000, 0);
    expect(1, "10.0.0.1", 200, 0);
    expect(2, "10.0.0.3", 2, 0);
}

static void top_of_less_than_an_eighth_of_a_second_is_not_known(void **state) {
    (void)state;
    add(1, 100, 1);
    pass(124);
    assert_false(top.known);
    assert_int_equal(top.n, 0);
    pass(1);
    expect(0, "10.0.0.1", 800, 0);
}

/* The subscription began at an unknown time before the first step. */
static void step_first_forgets_what_came_before_it(void **state) {
    (void)state;
    ctw_new_flows_init(&t, 64, SEED);
    add(1, 100, 1);
    ctw_new_flows_step(&t, now);
    add(2, 100, 1);
    pass(1000);
    assert_int_equal(top.n, 1);
    expect(0, "10.0.0.2", 100, 0);
}

/* However long it goes on, and however far apart the steps are. */
static void top_of_a_steady_source_is_its_rate(void **state) {
    static const uint32_t msec[] = {250, 1000, 60000};
    (void)state;

    for (size_t k = 0; k < sizeof(msec) / sizeof(msec[0]); k++) {
        start(NULL);
        for (int i = 0; i < 100; i++) {
            add(1, 200 * msec[k] / 1000, 1);
            pass(msec[k]);
            assert_in_range(top.top[0].per_second, 199, 200);
            assert_true(t.usec < CTW_NEW_FLOWS_USEC);
        }
    }
}

static void top_former_source_fades_and_its_successor_leads(void **state) {
    (void)state;
    for (int i = 0; i < 20; i++) {
        add(1, 1000, 1);
        pass(1000);
    }
    for (int i = 0; i < 4; i++) {
        add(2, 1000, 1);
        pass(1000);
    }
    expect(0, "10.0.0.2", top.top[0].per_second, 0);
    assert_true(top.top[0].per_second > 2 * top.top[1].per_second);
    for (int i = 0; i < 30; i++)
        pass(1000);
    assert_true(top.known);
    assert_int_equal(top.n, 0);
    assert_int_equal(top.per_second, 0);
}

/* With more sources than counters a count may be too high; the rate shown is the certain part. */
static void top_many_sources_bounds_the_error(void **state) {
    (void)state;
    for (uint32_t i = 0; i < 20000; i++) {
        add(100 + i, 1, 1);
        if (i >= 10000 && i % 10 == 0)
            add(1, 10, 1);
    }
    pass(1000);
    assert_int_equal(top.per_second, 30000);
    assert_string_equal(top.top[0].name, "10.0.0.1");
    assert_in_range(top.top[0].per_second, 9000, 10000);
    assert_in_range(top.top[0].per_second + top.top[0].error_per_second, 10000, 10100);
}

/* 2 * sqrt(6400 * 15) = 618 of the sample, within which the error of 400 events is. */
static void top_sampled_events_are_scaled_and_have_a_margin(void **state) {
    (void)state;
    add(1, 400, 16);
    add(2, 1, 16); /* there by chance */
    pass(1000);
    assert_int_equal(top.per_second, 401 * 16);
    assert_int_equal(top.n, 1);
    expect(0, "10.0.0.1", 6400, 619);
}

static void top_less_than_one_flow_a_second_is_left_out(void **state) {
    (void)state;
    add(1, 2, 1);
    add(2, 4, 1);
    pass(3000);
    assert_int_equal(top.n, 1);
    expect(0, "10.0.0.2", 1, 0);
}

static void top_ipv6_sources_of_a_prefix_are_one(void **state) {
    uint8_t a[16] = {0x20, 0x01, 0x0d, 0xb8}, b[16] = {0x20, 0x01, 0x0d, 0xb8};
    (void)state;

    b[15] = 7;
    ctw_new_flows_add(&t, AF_INET6, a, 1);
    ctw_new_flows_add(&t, AF_INET6, b, 1);
    pass(1000);
    expect(0, "2001:db8::/64", 2, 0);
}

static void top_is_at_most_as_long_as_asked_for(void **state) {
    (void)state;
    for (uint32_t i = 0; i < 50; i++)
        add(i, 10 + i, 1);
    pass(1000);
    assert_int_equal(top.n, 5);
    ctw_new_flows_top(&t, UINT32_MAX, &top);
    assert_int_equal(top.n, CTW_TALKERS_TOP_MAX);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup(name, start)
    const struct CMUnitTest tests[] = {
        TEST(top_few_sources_has_no_error),
        TEST(top_of_less_than_an_eighth_of_a_second_is_not_known),
        TEST(step_first_forgets_what_came_before_it),
        TEST(top_of_a_steady_source_is_its_rate),
        TEST(top_former_source_fades_and_its_successor_leads),
        TEST(top_many_sources_bounds_the_error),
        TEST(top_sampled_events_are_scaled_and_have_a_margin),
        TEST(top_less_than_one_flow_a_second_is_left_out),
        TEST(top_ipv6_sources_of_a_prefix_are_one),
        TEST(top_is_at_most_as_long_as_asked_for),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
