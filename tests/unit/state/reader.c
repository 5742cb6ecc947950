/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The reader, before files that are whole, damaged, of another program, or no files at all. */

#include "tests/support/state_directory.h"

#include <sys/wait.h>
#include <time.h>

static void state_left_behind_is_read(void **state) {
    struct place *p = *state;

    make_image(p);
    leave_image(p);
    assert_int_equal(read_state(p), 0);
    assert_memory_equal(&p->got, &p->image.published.now, sizeof(p->got));
    assert_int_equal(read_history(p), 0);
    assert_memory_equal(&p->history, &p->image.history, sizeof(p->history));
}

/* The daemon that wrote the image, seen now. */
static enum ctw_liveness liveness(struct place *p, int *ret_error) {
    struct ctw_view *v = malloc(sizeof(*v));

    assert_non_null(v);
    leave_image(p);
    ctw_state_view(p->directory, v);
    const enum ctw_liveness ret = v->liveness;
    *ret_error = v->state_error;
    if (v->state_error < 0)
        assert_int_equal(v->snapshot.pid, 0);
    free(v);
    return ret;
}

/* What one mount of /proc shows does not matter: only clocks do, which all containers share. */
static void view_of_another_boot_has_no_state(void **state) {
    static const int64_t steps_sec[] = {-86400, -6, 6, 86400, INT32_MAX};
    struct place *p = *state;
    int error;

    make_image(p);
    for (size_t i = 0; i < sizeof(steps_sec) / sizeof(steps_sec[0]); i++) {
        p->image.published.now.polled_usec = p->image.published.now.due_usec = ctw_monotonic_usec();
        p->image.published.now.booted_usec =
            ctw_booted_usec() + (uint64_t)steps_sec[i] * CTW_USEC_PER_SEC;
        assert_int_equal(liveness(p, &error), CTW_LIVENESS_NONE);
        assert_int_equal(error, -ENOENT);
        assert_int_equal(read_state(p), 0); /* yet it can be read */
    }
}

static void view_of_this_boot_is_alive_until_its_poll_is_late(void **state) {
    static const int64_t apart_sec[] = {-4, 0, 4};
    struct place *p = *state;
    int error;

    make_image(p);
    for (size_t i = 0; i < sizeof(apart_sec) / sizeof(apart_sec[0]); i++) {
        p->image.published.now.polled_usec = ctw_monotonic_usec();
        p->image.published.now.due_usec =
            p->image.published.now.polled_usec + 600 * CTW_USEC_PER_SEC;
        p->image.published.now.booted_usec =
            ctw_booted_usec() + (uint64_t)apart_sec[i] * CTW_USEC_PER_SEC;
        assert_int_equal(liveness(p, &error), CTW_LIVENESS_ALIVE);
        assert_int_equal(error, 0);
    }
    p->image.published.now.due_usec = p->image.published.now.polled_usec - CTW_LATE_USEC - 1;
    assert_int_equal(liveness(p, &error), CTW_LIVENESS_LATE);
    p->image.published.now.stopped_usec = 1;
    assert_int_equal(liveness(p, &error), CTW_LIVENESS_STOPPED);
}

/* A clock that is ahead: of another time namespace, or a file that was tampered with. */
static void view_polled_in_the_future_is_late(void **state) {
    struct place *p = *state;
    int error;

    make_image(p);
    p->image.published.now.polled_usec = ctw_monotonic_usec() + 3600 * CTW_USEC_PER_SEC;
    p->image.published.now.due_usec = p->image.published.now.polled_usec + CTW_USEC_PER_SEC;
    assert_int_equal(liveness(p, &error), CTW_LIVENESS_LATE);
    assert_int_equal(error, 0);
}

static void state_missing_is_enoent(void **state) {
    struct place *p = *state;
    char deep[8192];

    assert_int_equal(read_state(p), -ENOENT);
    assert_int_equal(mkdir(p->directory, 0755), 0);
    assert_int_equal(read_state(p), -ENOENT);
    assert_int_equal(read_history(p), -ENOENT);
    memset(deep, 'x', sizeof(deep) - 1);
    deep[sizeof(deep) - 1] = '\0';
    assert_int_equal(ctw_state_read(deep, &p->got), -ENAMETOOLONG);
}

static void state_not_permitted_is_eacces(void **state) {
    struct place *p = *state;

    if (geteuid() != 0) {
        print_message("skipped: only root can stop being root\n");
        skip();
    }
    make_image(p);
    leave_image(p);
    assert_int_equal(chmod(p->file, 0600), 0);
    assert_int_equal(seteuid(65534), 0);
    const int r = read_state(p);
    assert_int_equal(seteuid(0), 0);
    assert_int_equal(r, -EACCES);
}

static void state_truncated_is_ebadmsg(void **state) {
    static const size_t sizes[] = {0,
                                   1,
                                   8,
                                   15,
                                   offsetof(struct ctw_state, published),
                                   offsetof(struct ctw_state, published.now),
                                   offsetof(struct ctw_state, published.now) + 1,
                                   4096,
                                   8192,
                                   offsetof(struct ctw_state, history_sequence) - 1};
    struct place *p = *state;

    make_image(p);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        leave_bytes(p, sizes[i]);
        assert_int_equal(read_state(p), -EBADMSG);
        assert_int_equal(read_history(p), -EBADMSG);
    }
    leave_bytes(p, offsetof(struct ctw_state, end) - 1);
    assert_int_equal(read_state(p), 0);
    assert_int_equal(read_history(p), -EBADMSG);
}

static void state_of_another_version_is_estale(void **state) {
    struct place *p = *state;

    make_image(p);
    p->image.head.magic++;
    leave_image(p);
    assert_int_equal(read_state(p), -EBADMSG);

    make_image(p);
    p->image.head.version++;
    leave_image(p);
    assert_int_equal(read_state(p), -ESTALE);
    assert_int_equal(read_history(p), -ESTALE);

    make_image(p);
    p->image.head.bytes -= 8;
    leave_image(p);
    assert_int_equal(read_state(p), -ESTALE);
}

static void state_of_another_architecture_is_enoexec(void **state) {
    struct place *p = *state;
    struct ctw_state_head *head = &p->image.head;

    make_image(p);
    head->word_bits = head->word_bits == 64 ? 32 : 64;
    leave_image(p);
    assert_int_equal(read_state(p), -ENOEXEC);

    make_image(p); /* all numbers are the other way round, the version, too */
    *head = (struct ctw_state_head){.magic = __builtin_bswap64(head->magic),
                                    .version = __builtin_bswap16(head->version),
                                    .word_bits = __builtin_bswap16(head->word_bits),
                                    .bytes = __builtin_bswap32(head->bytes)};
    leave_image(p);
    assert_int_equal(read_state(p), -ENOEXEC);
    assert_int_equal(read_history(p), -ENOEXEC);
}

/* One byte of a snapshot that is whole otherwise. */
static void expect_damaged(struct place *p, size_t offset, unsigned char value) {
    make_image(p);
    ((unsigned char *)&p->image.published.now)[offset] = value;
    leave_image(p);
    assert_int_equal(read_state(p), -EBADMSG);
    assert_int_equal(read_history(p), 0);
}

static void snapshot_impossible_byte_is_ebadmsg(void **state) {
    struct place *p = *state;

    expect_damaged(p, offsetof(struct ctw_snapshot, level), 4);
    expect_damaged(p, offsetof(struct ctw_snapshot, level) + 3, 0x80);
    expect_damaged(p, offsetof(struct ctw_snapshot, has_table), 2);
    expect_damaged(p, offsetof(struct ctw_snapshot, table.has_buckets), 255);
    expect_damaged(p, offsetof(struct ctw_snapshot, sources[CTW_SOURCE_EVENTS].health), 9);
    expect_damaged(p, offsetof(struct ctw_snapshot, recent_alerts[15].kind), CTW_ALERT_KINDS);
    expect_damaged(p, offsetof(struct ctw_snapshot, talkers.n_sources), CTW_TALKERS_TOP_MAX + 1);
    expect_damaged(p, offsetof(struct ctw_snapshot, talkers.states[0].name), '\033');

    make_image(p);
    memset(p->image.published.now.netns, 'n', sizeof(p->image.published.now.netns));
    leave_image(p);
    assert_int_equal(read_state(p), -EBADMSG);
}

static void history_impossible_slot_is_ebadmsg(void **state) {
    struct place *p = *state;

    make_image(p);
    p->image.history.slots[CTW_HISTORY_FINE + 8639].level = 4;
    leave_image(p);
    assert_int_equal(read_history(p), -EBADMSG);
    assert_int_equal(read_state(p), 0);
}

static void state_half_written_is_eagain(void **state) {
    struct place *p = *state;

    make_image(p);
    leave_torn_image(p);
    assert_int_equal(read_state(p), -EAGAIN);
    assert_int_equal(read_history(p), 0);

    make_image(p);
    p->image.history_sequence++;
    leave_image(p);
    assert_int_equal(read_history(p), -EAGAIN);
    assert_int_equal(read_state(p), 0);
}

static void state_replaced_while_waiting_is_read(void **state) {
    struct place *p = *state;

    make_image(p);
    leave_torn_image(p);
    make_image(p);
    (void)ctw_published_seal(&p->image.published, true);
    put_bytes(p->file_new, &p->image, sizeof(p->image));

    const pid_t child = fork_helper();
    if (child == 0) {
        const struct timespec t = {.tv_nsec = 10000000};
        (void)nanosleep(&t, NULL);
        _exit(rename(p->file_new, p->file) < 0);
    }
    int r;
    do /* a machine may be too busy for the child to come within that time */
        r = read_state(p);
    while (r == -EAGAIN);
    assert_int_equal(r, 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
}

static void state_no_regular_file_is_refused(void **state) {
    struct place *p = *state;
    char target[128];

    snprintf(target, sizeof(target), "%s/target", p->above);
    make_image(p);
    put_bytes(target, &p->image, sizeof(p->image));
    assert_int_equal(mkdir(p->directory, 0755), 0);
    assert_int_equal(symlink(target, p->file), 0);
    assert_int_equal(read_state(p), -ELOOP);

    assert_int_equal(unlink(p->file), 0);
    assert_int_equal(mkfifo(p->file, 0644), 0);
    assert_int_equal(read_state(p), -EBADMSG);

    assert_int_equal(unlink(p->file), 0);
    assert_int_equal(mkdir(p->file, 0755), 0);
    assert_int_equal(read_state(p), -EBADMSG);
}

/* Cut it, and make it whole again, until killed. */
static void cut_for_ever(const struct place *p) {
    const int fd = open(p->file, O_WRONLY | O_CLOEXEC);

    for (;;)
        if (ftruncate(fd, 5000) < 0 ||
            pwrite(fd, &p->image, sizeof(p->image), 0) != sizeof(p->image))
            _exit(1);
}

static void state_truncated_while_read_is_ebadmsg(void **state) {
    struct place *p = *state;
    unsigned whole = 0, damaged = 0;

    make_image(p);
    leave_image(p);
    const pid_t child = fork_helper();
    if (child == 0)
        cut_for_ever(p);
    while (whole < 100 || damaged < 100) {
        const int r = read_state(p);
        assert_true(r == 0 || r == -EBADMSG);
        whole += r == 0;
        damaged += r == -EBADMSG;
    }
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(state_left_behind_is_read),
        TEST(view_of_another_boot_has_no_state),
        TEST(view_of_this_boot_is_alive_until_its_poll_is_late),
        TEST(view_polled_in_the_future_is_late),
        TEST(state_missing_is_enoent),
        TEST(state_not_permitted_is_eacces),
        TEST(state_truncated_is_ebadmsg),
        TEST(state_of_another_version_is_estale),
        TEST(state_of_another_architecture_is_enoexec),
        TEST(snapshot_impossible_byte_is_ebadmsg),
        TEST(history_impossible_slot_is_ebadmsg),
        TEST(state_half_written_is_eagain),
        TEST(state_replaced_while_waiting_is_read),
        TEST(state_no_regular_file_is_refused),
        TEST(state_truncated_while_read_is_ebadmsg),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
