/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/support/kmsg_stand_in.h"

/* --- the past and the present ---------------------------------------------------------------- */

static void lines_from_before_the_start_are_the_past(void **state) {
    struct fixture *f = *state;
    struct ctw_log_counts past;
    uint64_t age;

    push_line(7, FULL);
    push_line(8, NETNS);
    push_line(9, "eth0: link up");
    start(f);
    assert_int_equal(device.whence, SEEK_DATA);
    ctw_kernlog_past(f->log, 10000, &past, &age);
    assert_int_equal(past.full_lines, 1);
    assert_int_equal(past.n_netns, 1);
    assert_int_equal(past.lost_records, 0);
    assert_int_equal(age, 2000);

    run(f);
    take(f, 10000);
    assert_int_equal(f->state.health, CTW_HEALTH_OK);
    assert_int_equal(f->counts.full_lines, 0);
    assert_int_equal(f->counts.n_netns, 0);
    assert_int_equal(f->woken, 0);
}

static void an_age_is_never_negative(void **state) {
    struct fixture *f = *state;
    struct ctw_log_counts past;
    uint64_t age = 1;

    push_line(7, FULL);
    start(f);
    ctw_kernlog_past(f->log, 6999, &past, &age);
    assert_int_equal(age, 0);
}

static void new_lines_are_taken_once_and_wake_once(void **state) {
    struct fixture *f = *state;

    push_line(7, FULL);
    start(f);
    push_line(8, FULL);
    push_line(9, FULL);
    push_line(10, "nf_conntrack: expectation table full");
    push_line(11, "net_ratelimit: 90 callbacks suppressed");
    run(f);
    assert_int_equal(f->woken, 1);
    take(f, 1);
    assert_int_equal(f->counts.full_lines, 2);
    assert_int_equal(f->counts.expect_lines, 1);
    assert_int_equal(f->counts.suppressed, 90);
    assert_int_equal(f->counts.lost_records, 0);
    take(f, 2);
    assert_int_equal(f->counts.full_lines, 0);
    assert_int_equal(f->counts.suppressed, 0);
}

static void lines_that_are_no_loss_do_not_wake(void **state) {
    struct fixture *f = *state;

    start(f);
    push_line(1, "eth0: link up");
    push_line(2, "net_ratelimit: 90 callbacks suppressed");
    assert_true(run(f) > 0);
    assert_int_equal(f->woken, 0);
}

static void a_flood_is_read_in_bounded_turns(void **state) {
    struct fixture *f = *state;

    start(f);
    device.reads = 0;
    push_bytes("4,1,1,-;" FULL "\n", 1000);
    assert_true(sd_event_run(f->event, 0) > 0);
    assert_int_equal(device.reads, 256);
    run(f);
    take(f, 1);
    assert_int_equal(f->counts.full_lines, 1000);
    assert_int_equal(f->woken, 4);
}

static int on_look(sd_event_source *s, uint64_t usec, void *userdata) {
    unsigned *reads_before_look = userdata;

    (void)s;
    (void)usec;
    *reads_before_look = device.reads;
    return 0;
}

static void a_timer_is_served_before_the_log(void **state) {
    struct fixture *f = *state;
    sd_event_source *timer = NULL;
    unsigned reads_before_look = 1000;

    start(f);
    assert_true(sd_event_add_time(f->event, &timer, CLOCK_MONOTONIC, 0, 1, on_look,
                                  &reads_before_look) >= 0);
    device.reads = 0;
    push_line(1, FULL);
    run(f);
    sd_event_source_disable_unref(timer);
    assert_int_equal(reads_before_look, 0);
    assert_true(device.reads > 0);
}

/* --- what gets lost -------------------------------------------------------------------------- */

static void a_gap_in_the_sequence_is_counted_as_lost(void **state) {
    struct fixture *f = *state;

    push_line(7, FULL);
    start(f);
    push_error(EPIPE);
    push_line(1012, FULL);
    push_line(1013, FULL);
    run(f);
    take(f, 1);
    assert_int_equal(f->state.health, CTW_HEALTH_OK);
    assert_int_equal(f->counts.lost_records, 1004);
    assert_int_equal(f->counts.full_lines, 2);
}

static void a_sequence_going_backwards_is_no_gap(void **state) {
    struct fixture *f = *state;

    push_line(1000, FULL);
    start(f);
    push_line(3, FULL);
    push_line(4, FULL);
    push_line(6, FULL);
    run(f);
    take(f, 1);
    assert_int_equal(f->counts.full_lines, 3);
    assert_int_equal(f->counts.lost_records, 1);
}

static void a_record_that_cannot_be_had_is_counted_and_passed_over(void **state) {
    struct fixture *f = *state;

    push_line(7, FULL);
    start(f);
    push_error(EINVAL);
    push_bytes("no record", 1);
    push_error(EINTR);
    push_line(10, FULL);
    run(f);
    take(f, 1);
    assert_int_equal(f->state.health, CTW_HEALTH_OK);
    assert_int_equal(f->counts.lost_records, 2);
    assert_int_equal(f->counts.full_lines, 1);
}

static void what_is_lost_before_the_first_record_counts_as_well(void **state) {
    struct fixture *f = *state;

    start(f);
    push_error(EPIPE);
    push_line(500, FULL);
    run(f);
    take(f, 1);
    assert_int_equal(f->counts.lost_records, 1);
    assert_int_equal(f->counts.full_lines, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(lines_from_before_the_start_are_the_past),
        TEST(an_age_is_never_negative),
        TEST(new_lines_are_taken_once_and_wake_once),
        TEST(lines_that_are_no_loss_do_not_wake),
        TEST(a_flood_is_read_in_bounded_turns),
        TEST(a_timer_is_served_before_the_log),
        TEST(a_gap_in_the_sequence_is_counted_as_lost),
        TEST(a_sequence_going_backwards_is_no_gap),
        TEST(a_record_that_cannot_be_had_is_counted_and_passed_over),
        TEST(what_is_lost_before_the_first_record_counts_as_well),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
