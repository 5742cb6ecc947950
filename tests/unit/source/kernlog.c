/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/support/kmsg_stand_in.h"

/* --- lines ----------------------------------------------------------------------------------- */

static void past_holds_lines_before_the_start(void **state) {
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

static void past_age_is_never_negative(void **state) {
    struct fixture *f = *state;
    struct ctw_log_counts past;
    uint64_t age = 1;

    push_line(7, FULL);
    start(f);
    ctw_kernlog_past(f->log, 6999, &past, &age);
    assert_int_equal(age, 0);
}

static void take_new_lines_once_and_wake_once(void **state) {
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

static void wake_not_for_other_lines(void **state) {
    struct fixture *f = *state;

    start(f);
    push_line(1, "eth0: link up");
    push_line(2, "net_ratelimit: 90 callbacks suppressed");
    assert_true(run(f) > 0);
    assert_int_equal(f->woken, 0);
}

static void flood_is_read_in_bounded_turns(void **state) {
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

static int on_timer(sd_event_source *s, uint64_t usec, void *userdata) {
    unsigned *reads_before_timer = userdata;

    (void)s;
    (void)usec;
    *reads_before_timer = device.reads;
    return 0;
}

static void flood_does_not_delay_a_timer(void **state) {
    struct fixture *f = *state;
    sd_event_source *timer = NULL;
    unsigned reads_before_timer = 1000;

    start(f);
    assert_true(sd_event_add_time(f->event, &timer, CLOCK_MONOTONIC, 0, 1, on_timer,
                                  &reads_before_timer) >= 0);
    device.reads = 0;
    push_line(1, FULL);
    run(f);
    sd_event_source_disable_unref(timer);
    assert_int_equal(reads_before_timer, 0);
    assert_true(device.reads > 0);
}

/* --- lost records ---------------------------------------------------------------------------- */

static void take_sequence_gap_counts_lost_records(void **state) {
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

static void take_sequence_backwards_is_no_gap(void **state) {
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

static void take_unreadable_record_counts_as_lost(void **state) {
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

static void take_loss_before_the_first_record_counts(void **state) {
    struct fixture *f = *state;

    start(f);
    push_error(EPIPE);
    push_line(500, FULL);
    run(f);
    take(f, 1);
    assert_int_equal(f->counts.lost_records, 1);
    assert_int_equal(f->counts.full_lines, 1);
}

/* --- failures --------------------------------------------------------------------------------- */

static void assert_failed(const struct fixture *f, int error) {
    assert_int_equal(f->state.health, CTW_HEALTH_FAILED);
    assert_int_equal(f->state.error, error);
}

static void open_other_file_fails(void **state) {
    struct fixture *f = *state;
    const struct {
        const char *path;
        int error;
    } cases[] = {
        {"/nonexistent/kmsg", -ENOENT},
        {"/proc/self/exe", -ENODEV},
        {"/", -ENODEV},
        {"/dev/null", -EIO},
        {device.path, -ENODEV}, /* a terminal, as a container's /dev/kmsg often is */
    };

    device.seekable = false;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        start_at(f, cases[i].path);
        take(f, 1);
        assert_failed(f, cases[i].error);
        assert_string_equal(f->state.what, cases[i].path);
        f->log = ctw_kernlog_free(f->log);
    }
}

static void open_without_permission_fails(void **state) {
    struct fixture *f = *state;

    if (geteuid() != 0) {
        print_message("skipped: only root can stop being root\n");
        skip();
    }
    assert_int_equal(chmod(device.path, 0), 0);
    assert_int_equal(seteuid(65534), 0);
    start(f);
    assert_int_equal(seteuid(0), 0);
    take(f, 1);
    assert_failed(f, -EACCES);
}

static void read_error_fails_the_log_not_the_loop(void **state) {
    struct fixture *f = *state;

    start(f);
    push_line(1, FULL);
    push_error(EIO);
    push_line(2, FULL);
    run(f);
    assert_int_equal(sd_event_get_state(f->event), SD_EVENT_INITIAL);
    assert_int_equal(f->woken, 1);
    take(f, 1);
    assert_failed(f, -EIO);
    assert_int_equal(f->counts.full_lines, 1);
}

static void hangup_fails_without_spinning(void **state) {
    struct fixture *f = *state;

    start(f);
    unplug();
    assert_int_equal(run(f), 1);
    take(f, 1);
    assert_failed(f, -EIO);
}

static void hangup_hidden_by_read_fails(void **state) {
    struct fixture *f = *state;

    start(f);
    device.mute = true;
    unplug();
    assert_int_equal(run(f), 1);
    take(f, 1);
    assert_failed(f, -EIO);
}

static void read_only_malformed_records_fails(void **state) {
    struct fixture *f = *state;

    start(f);
    push_bytes("nonsense\n", 300);
    run(f);
    take(f, 1);
    assert_failed(f, -EBADMSG);
}

static void retry_after_ten_seconds(void **state) {
    struct fixture *f = *state;

    push_line(1, FULL);
    start(f);
    push_error(EIO);
    run(f);
    device.seeks = 0;
    for (uint64_t usec = 50; usec < 50 + CTW_KERNLOG_RETRY_USEC; usec += 250000) {
        take(f, usec);
        assert_failed(f, -EIO);
    }
    assert_int_equal(device.seeks, 0);
    take(f, 50 + CTW_KERNLOG_RETRY_USEC);
    assert_int_equal(device.seeks, 1);
    assert_int_equal(f->state.health, CTW_HEALTH_OK);
    assert_int_equal(f->state.error, 0);
}

/* Fails the log after record 9, and opens it again with the records of @refill. */
static void fail_and_reopen(struct fixture *f, void (*refill)(void)) {
    push_line(8, FULL);
    start(f);
    push_line(9, FULL);
    push_error(EIO);
    run(f);
    take(f, 1);
    assert_failed(f, -EIO);
    assert_int_equal(f->counts.full_lines, 1);
    refill();
    f->woken = 0;
    take(f, 1 + CTW_KERNLOG_RETRY_USEC);
    assert_int_equal(f->state.health, CTW_HEALTH_OK);
    assert_int_equal(device.whence, SEEK_SET);
}

static void push_8_to_11(void) {
    for (uint64_t sequence = 8; sequence <= 11; sequence++)
        push_line(sequence, FULL);
}

static void retry_counts_missed_lines_once(void **state) {
    struct fixture *f = *state;

    fail_and_reopen(f, push_8_to_11);
    assert_int_equal(f->counts.full_lines, 2);
    assert_int_equal(f->counts.lost_records, 0);
    push_line(12, FULL);
    run(f);
    take(f, 2 + CTW_KERNLOG_RETRY_USEC);
    assert_int_equal(f->counts.full_lines, 1);
    assert_int_equal(f->counts.lost_records, 0);
}

static void push_20(void) {
    push_line(20, FULL);
}

static void retry_counts_overwritten_records_as_lost(void **state) {
    struct fixture *f = *state;

    fail_and_reopen(f, push_20);
    assert_int_equal(f->counts.full_lines, 1);
    assert_int_equal(f->counts.lost_records, 10);
}

static void push_3(void) {
    push_line(3, FULL);
}

static void retry_caught_up_accepts_a_lower_sequence(void **state) {
    struct fixture *f = *state;

    fail_and_reopen(f, push_3);
    assert_int_equal(f->counts.full_lines, 0);
    push_line(4, FULL);
    run(f);
    take(f, 2 + CTW_KERNLOG_RETRY_USEC);
    assert_int_equal(f->counts.full_lines, 1);
}

static void retry_after_failed_start_follows_from_the_end(void **state) {
    struct fixture *f = *state;

    push_line(8, FULL);
    push_error(EIO);
    start(f);
    take(f, 1);
    assert_failed(f, -EIO);
    take(f, 1 + CTW_KERNLOG_RETRY_USEC);
    assert_int_equal(f->state.health, CTW_HEALTH_OK);
    assert_int_equal(device.whence, SEEK_END);
    push_line(30, FULL);
    run(f);
    take(f, 2 + CTW_KERNLOG_RETRY_USEC);
    assert_int_equal(f->counts.full_lines, 1);
    assert_int_equal(f->counts.lost_records, 0);
}

static void retry_open_but_unreadable_stays_failed(void **state) {
    struct fixture *f = *state;

    start(f);
    push_error(EIO);
    run(f);
    take(f, 1);
    for (uint64_t i = 1; i < 4; i++) {
        push_error(EIO);
        take(f, 1 + i * 2 * CTW_KERNLOG_RETRY_USEC);
        assert_failed(f, -EIO);
        take(f, 2 + i * 2 * CTW_KERNLOG_RETRY_USEC);
    }
}

static void open_dev_kmsg_is_ok(void **state) {
    struct fixture *f = *state;
    int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);

    if (fd < 0) {
        print_message("skipped: /dev/kmsg: %s\n", strerror(errno));
        skip();
    }
    close(fd);
    start_at(f, "/dev/kmsg");
    run(f);
    take(f, 1);
    assert_int_equal(f->state.health, CTW_HEALTH_OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(past_holds_lines_before_the_start),
        TEST(past_age_is_never_negative),
        TEST(take_new_lines_once_and_wake_once),
        TEST(wake_not_for_other_lines),
        TEST(flood_is_read_in_bounded_turns),
        TEST(flood_does_not_delay_a_timer),
        TEST(take_sequence_gap_counts_lost_records),
        TEST(take_sequence_backwards_is_no_gap),
        TEST(take_unreadable_record_counts_as_lost),
        TEST(take_loss_before_the_first_record_counts),
        TEST(open_other_file_fails),
        TEST(open_without_permission_fails),
        TEST(read_error_fails_the_log_not_the_loop),
        TEST(hangup_fails_without_spinning),
        TEST(hangup_hidden_by_read_fails),
        TEST(read_only_malformed_records_fails),
        TEST(retry_after_ten_seconds),
        TEST(retry_counts_missed_lines_once),
        TEST(retry_counts_overwritten_records_as_lost),
        TEST(retry_caught_up_accepts_a_lower_sequence),
        TEST(retry_after_failed_start_follows_from_the_end),
        TEST(retry_open_but_unreadable_stays_failed),
        TEST(open_dev_kmsg_is_ok),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
