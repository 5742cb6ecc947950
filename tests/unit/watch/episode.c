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
#define QUIET  10u
#define REMIND 900u

struct poll {
    uint64_t at_sec;
    bool condition;
    enum ctw_edge expected;
};

static enum ctw_edge step(struct ctw_episode *e, bool condition, uint64_t at_sec,
                          uint64_t quiet_sec, uint64_t remind_sec) {
    return ctw_episode_step(e, condition, at_sec * CTW_USEC_PER_SEC, quiet_sec * CTW_USEC_PER_SEC,
                            remind_sec * CTW_USEC_PER_SEC);
}

static void play(struct ctw_episode *e, const struct poll *polls, size_t n) {
    for (size_t i = 0; i < n; i++) {
        const enum ctw_edge edge = step(e, polls[i].condition, polls[i].at_sec, QUIET, REMIND);

        if (edge != polls[i].expected)
            fail_msg("look %zu at %llu s: edge %d, not %d", i, (unsigned long long)polls[i].at_sec,
                     (int)edge, (int)polls[i].expected);
    }
}

static void without_a_sign_nothing_is_said(void **state) {
    static const struct poll polls[] = {{1, false, NONE}, {100, false, NONE}, {10000, false, NONE}};
    struct ctw_episode e = {0};
    (void)state;

    play(&e, polls, LENGTH(polls));
    assert_false(e.active);
}

static void the_first_sign_begins_and_quiet_ends(void **state) {
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

static void a_sign_within_the_quiet_goes_on_with_it(void **state) {
    static const struct poll polls[] = {
        {1, true, BEGIN},  {10, false, NONE}, {10, true, NONE},
        {19, false, NONE}, {20, false, END},  {21, true, BEGIN},
    };
    struct ctw_episode e = {0};
    (void)state;

    play(&e, polls, LENGTH(polls));
}

static void ten_thousand_signs_make_one_begin(void **state) {
    struct ctw_episode e = {0};
    unsigned recent_alerts[5] = {0};
    (void)state;

    for (uint64_t i = 0; i < 10000; i++) /* 10 ms apart: 100 s, less than a reminder */
        recent_alerts[ctw_episode_step(&e, true, 1 + i * 10 * CTW_USEC_PER_MSEC,
                                       QUIET * CTW_USEC_PER_SEC, REMIND * CTW_USEC_PER_SEC)]++;
    assert_int_equal(recent_alerts[BEGIN], 1);
    assert_int_equal(recent_alerts[NONE], 9999);
}

static void it_is_said_again_once_per_reminder(void **state) {
    struct ctw_episode e = {0};
    unsigned reminders = 0;
    (void)state;

    assert_int_equal(step(&e, true, 1, QUIET, REMIND), BEGIN);
    for (uint64_t at = 2; at <= 1 + 10 * REMIND; at++) {
        const enum ctw_edge edge = step(&e, true, at, QUIET, REMIND);
        if (edge == REMINDER)
            reminders++;
        assert_int_equal(edge, (at - 1) % REMIND == 0 ? REMINDER : NONE);
    }
    assert_int_equal(reminders, 10);
}

static void a_reminder_needs_a_sign(void **state) {
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

static void without_reminders_it_is_said_once(void **state) {
    struct ctw_episode e = {0};
    (void)state;

    assert_int_equal(step(&e, true, 1, QUIET, 0), BEGIN);
    for (uint64_t at = 2; at < 100000; at++)
        assert_int_equal(step(&e, true, at, QUIET, 0), NONE);
}

static void without_quiet_the_next_look_ends_it(void **state) {
    struct ctw_episode e = {0};
    (void)state;

    assert_int_equal(step(&e, true, 1, 0, REMIND), BEGIN);
    assert_int_equal(step(&e, true, 1, 0, REMIND), NONE);
    assert_int_equal(step(&e, false, 1, 0, REMIND), END);
    assert_int_equal(step(&e, true, 1, 0, REMIND), BEGIN);
}

/* As after SIGSTOP: nothing was seen, so the sign of today belongs to what began yesterday. */
static void a_gap_with_a_sign_at_its_end_is_no_quiet(void **state) {
    static const struct poll polls[] = {
        {1, true, BEGIN}, {86400, true, REMINDER}, {86401, false, NONE}, {86410, false, END}};
    struct ctw_episode e = {0};
    (void)state;

    play(&e, polls, LENGTH(polls));
}

static void a_reload_changes_quiet_and_reminder_while_it_lasts(void **state) {
    struct ctw_episode e = {0};
    (void)state;

    assert_int_equal(step(&e, true, 1, QUIET, REMIND), BEGIN);
    assert_int_equal(step(&e, true, 61, QUIET, 60), REMINDER);
    assert_int_equal(step(&e, false, 62, 1, 60), END);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_sign_nothing_is_said),
        cmocka_unit_test(the_first_sign_begins_and_quiet_ends),
        cmocka_unit_test(a_sign_within_the_quiet_goes_on_with_it),
        cmocka_unit_test(ten_thousand_signs_make_one_begin),
        cmocka_unit_test(it_is_said_again_once_per_reminder),
        cmocka_unit_test(a_reminder_needs_a_sign),
        cmocka_unit_test(without_reminders_it_is_said_once),
        cmocka_unit_test(without_quiet_the_next_look_ends_it),
        cmocka_unit_test(a_gap_with_a_sign_at_its_end_is_no_quiet),
        cmocka_unit_test(a_reload_changes_quiet_and_reminder_while_it_lasts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
