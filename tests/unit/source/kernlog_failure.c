/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/support/kmsg_stand_in.h"

static void assert_failed(const struct fixture *f, int error) {
    assert_int_equal(f->state.health, CTW_HEALTH_FAILED);
    assert_int_equal(f->state.error, error);
}

static void what_cannot_be_the_log_is_a_failure_with_a_reason(void **state) {
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

static void a_log_without_permission_is_a_failure(void **state) {
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

static void an_error_fails_the_log_and_not_the_loop(void **state) {
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

static void a_hangup_fails_the_log_and_does_not_spin(void **state) {
    struct fixture *f = *state;

    start(f);
    unplug();
    assert_int_equal(run(f), 1);
    take(f, 1);
    assert_failed(f, -EIO);
}

static void a_hangup_that_read_does_not_show_fails_the_log_as_well(void **state) {
    struct fixture *f = *state;

    start(f);
    device.mute = true;
    unplug();
    assert_int_equal(run(f), 1);
    take(f, 1);
    assert_failed(f, -EIO);
}

static void nothing_but_nonsense_is_no_log(void **state) {
    struct fixture *f = *state;

    start(f);
    push_bytes("nonsense\n", 300);
    run(f);
    take(f, 1);
    assert_failed(f, -EBADMSG);
}

static void a_failed_log_is_opened_again_after_ten_seconds_only(void **state) {
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

/* Fails the log, whose sequence goes to 9 then, and opens it again with the answers of @refill. */
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

static void what_came_while_it_was_down_is_counted_and_nothing_twice(void **state) {
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

static void what_was_overwritten_while_it_was_down_is_lost(void **state) {
    struct fixture *f = *state;

    fail_and_reopen(f, push_20);
    assert_int_equal(f->counts.full_lines, 1);
    assert_int_equal(f->counts.lost_records, 10);
}

static void push_3(void) {
    push_line(3, FULL);
}

static void once_caught_up_a_lower_sequence_counts_again(void **state) {
    struct fixture *f = *state;

    fail_and_reopen(f, push_3);
    assert_int_equal(f->counts.full_lines, 0);
    push_line(4, FULL);
    run(f);
    take(f, 2 + CTW_KERNLOG_RETRY_USEC);
    assert_int_equal(f->counts.full_lines, 1);
}

static void a_log_never_read_to_its_end_is_followed_from_its_end(void **state) {
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

static void a_log_that_opens_but_cannot_be_read_never_looks_well(void **state) {
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

static void the_real_log_can_be_read(void **state) {
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
        TEST(what_cannot_be_the_log_is_a_failure_with_a_reason),
        TEST(a_log_without_permission_is_a_failure),
        TEST(an_error_fails_the_log_and_not_the_loop),
        TEST(a_hangup_fails_the_log_and_does_not_spin),
        TEST(a_hangup_that_read_does_not_show_fails_the_log_as_well),
        TEST(nothing_but_nonsense_is_no_log),
        TEST(a_failed_log_is_opened_again_after_ten_seconds_only),
        TEST(what_came_while_it_was_down_is_counted_and_nothing_twice),
        TEST(what_was_overwritten_while_it_was_down_is_lost),
        TEST(once_caught_up_a_lower_sequence_counts_again),
        TEST(a_log_never_read_to_its_end_is_followed_from_its_end),
        TEST(a_log_that_opens_but_cannot_be_read_never_looks_well),
        TEST(the_real_log_can_be_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
