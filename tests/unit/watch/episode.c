/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/watch/episode.h"

#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))

#define NONE     CTW_EDGE_NONE
#define BEGIN    CTW_EDGE_BEGIN
#define REMINDER CTW_EDGE_REMINDER
#define END      CTW_EDGE_END

/* Seconds. */
#define DELAY  10u
#define REMIND 900u

struct poll {
    uint64_t at_sec;
    bool condition;
    enum ctw_edge expected;
};

static enum ctw_edge step(struct ctw_episode *e, bool condition, uint64_t at_sec,
                          uint64_t delay_sec, uint64_t remind_sec) {
    return ctw_episode_step(e, condition, at_sec * CTW_USEC_PER_SEC, delay_sec * CTW_USEC_PER_SEC,
                            remind_sec * CTW_USEC_PER_SEC);
}

static void play(struct ctw_episode *e, const struct poll *polls, size_t n) {
    for (size_t i = 0; i < n; i++) {
        const enum ctw_edge edge = step(e, polls[i].condition, polls[i].at_sec, DELAY, REMIND);

        if (edge != polls[i].expected)
            fail_msg("poll %zu at %llu s: edge %d, not %d", i, (unsigned long long)polls[i].at_sec,
                     (int)edge, (int)polls[i].expected);
    }
}

static void episode_without_condition_has_no_edge(void **state) {
    static const struct poll polls[] = {{1, false, NONE}, {100, false, NONE}, {10000, false, NONE}};
    struct ctw_episode e = {0};
    (void)state;

    play(&e, polls, LENGTH(polls));
    assert_false(e.active);
}

static void episode_begins_at_once_and_ends_after_the_delay(void **state) {
    static const struct poll polls[] = {
        {1, true, BEGIN},  {2, true, NONE},  {3, false, NONE},
        {11, false, NONE}, {12, false, END}, {13, false, NONE},
    };
    struct ctw_episode e = {0};
    (void)state;

    play(&e, polls, LENGTH(polls));
    assert_false(e.active);
    assert_int_equal(e.began_usec, 1 * CTW_USEC_PER_SEC);
    assert_int_equal(e.condition_usec, 2 * CTW_USEC_PER_SEC);
}

static void episode_condition_within_the_delay_continues(void **state) {
    static const struct poll polls[] = {
        {1, true, BEGIN},  {10, false, NONE}, {10, true, NONE},
        {19, false, NONE}, {20, false, END},  {21, true, BEGIN},
    };
    struct ctw_episode e = {0};
    (void)state;

    play(&e, polls, LENGTH(polls));
}

static void episode_ten_thousand_polls_begin_once(void **state) {
    struct ctw_episode e = {0};
    unsigned edges[5] = {0};
    (void)state;

    for (uint64_t i = 0; i < 10000; i++) /* 10 ms apart: 100 s, less than a reminder */
        edges[ctw_episode_step(&e, true, 1 + i * 10 * CTW_USEC_PER_MSEC, DELAY * CTW_USEC_PER_SEC,
                               REMIND * CTW_USEC_PER_SEC)]++;
    assert_int_equal(edges[BEGIN], 1);
    assert_int_equal(edges[NONE], 9999);
}

static void episode_lasting_condition_has_reminders(void **state) {
    struct ctw_episode e = {0};
    unsigned reminders = 0;
    (void)state;

    assert_int_equal(step(&e, true, 1, DELAY, REMIND), BEGIN);
    for (uint64_t at = 2; at <= 1 + 10 * REMIND; at++) {
        const enum ctw_edge edge = step(&e, true, at, DELAY, REMIND);
        if (edge == REMINDER)
            reminders++;
        assert_int_equal(edge, (at - 1) % REMIND == 0 ? REMINDER : NONE);
    }
    assert_int_equal(reminders, 10);
}

static void episode_reminder_needs_the_condition(void **state) {
    static const struct poll polls[] = {
        {1, true, BEGIN},
        {900, true, NONE},
        {905, false, NONE},
        {906, true, REMINDER},
    };
    struct ctw_episode e = {0};
    (void)state;

    play(&e, polls, LENGTH(polls));
}

static void episode_without_reminders_begins_once(void **state) {
    struct ctw_episode e = {0};
    (void)state;

    assert_int_equal(step(&e, true, 1, DELAY, 0), BEGIN);
    for (uint64_t at = 2; at < 100000; at++)
        assert_int_equal(step(&e, true, at, DELAY, 0), NONE);
}

static void episode_without_delay_ends_at_the_next_poll(void **state) {
    struct ctw_episode e = {0};
    (void)state;

    assert_int_equal(step(&e, true, 1, 0, REMIND), BEGIN);
    assert_int_equal(step(&e, true, 1, 0, REMIND), NONE);
    assert_int_equal(step(&e, false, 1, 0, REMIND), END);
    assert_int_equal(step(&e, true, 1, 0, REMIND), BEGIN);
}

/* As after SIGSTOP: without polls in between the episode did not end. */
static void episode_gap_before_the_condition_continues(void **state) {
    static const struct poll polls[] = {
        {1, true, BEGIN}, {86400, true, REMINDER}, {86401, false, NONE}, {86410, false, END}};
    struct ctw_episode e = {0};
    (void)state;

    play(&e, polls, LENGTH(polls));
}

static void episode_follows_changed_settings(void **state) {
    struct ctw_episode e = {0};
    (void)state;

    assert_int_equal(step(&e, true, 1, DELAY, REMIND), BEGIN);
    assert_int_equal(step(&e, true, 61, DELAY, 60), REMINDER);
    assert_int_equal(step(&e, false, 62, 1, 60), END);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(episode_without_condition_has_no_edge),
        cmocka_unit_test(episode_begins_at_once_and_ends_after_the_delay),
        cmocka_unit_test(episode_condition_within_the_delay_continues),
        cmocka_unit_test(episode_ten_thousand_polls_begin_once),
        cmocka_unit_test(episode_lasting_condition_has_reminders),
        cmocka_unit_test(episode_reminder_needs_the_condition),
        cmocka_unit_test(episode_without_reminders_begins_once),
        cmocka_unit_test(episode_without_delay_ends_at_the_next_poll),
        cmocka_unit_test(episode_gap_before_the_condition_continues),
        cmocka_unit_test(episode_follows_changed_settings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
