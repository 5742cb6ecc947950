/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Faults of the file while the writer runs: removed, truncated, on a full disk, with a reader that
 * stops in the middle. */

#include "tests/support/state_directory.h"

#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>

#define SECOND CTW_USEC_PER_SEC

/* How often the writer checks its file. */
#define CHECK (5 * SECOND)

/* Within each test: cmocka has handlers of its own for what a setup function does. */
static struct place *begin(void **state) {
    struct place *p = *state;

    assert_int_equal(ctw_state_writer_new(p->directory, "", 0, SAMPLE_NOW_USEC, &p->writer), 0);
    sample_calm(ctw_state_writer_snapshot(p->writer));
    ctw_state_writer_publish(p->writer);
    write_slot(p->writer, CTW_RESOLUTION_FINE, 86399, 77);
    return p;
}

static void check_after(struct place *p, uint64_t usec) {
    ctw_state_writer_health(p->writer, SAMPLE_NOW_USEC + usec, &p->health);
}

/* As the daemon does it: what is published counts how often. */
static void publish(struct place *p) {
    ctw_state_writer_snapshot(p->writer)->polls++;
    ctw_state_writer_publish(p->writer);
}

static void expect_ok_after(struct place *p, uint64_t usec) {
    check_after(p, usec);
    assert_int_equal(p->health.health, CTW_HEALTH_OK);
}

static void expect_failed_after(struct place *p, uint64_t usec, int error, const char *what) {
    check_after(p, usec);
    assert_int_equal(p->health.health, CTW_HEALTH_FAILED);
    assert_int_equal(p->health.error, error);
    assert_string_equal(p->health.what, what);
}

/* What was there from the start, and how often it was published since. */
static void expect_published(struct place *p, uint64_t times) {
    assert_int_equal(read_state(p), 0);
    assert_int_equal(p->got.pid, 812);
    assert_int_equal(p->got.polls, 14400 + times);
}

static void expect_history(struct place *p, uint32_t mean) {
    assert_int_equal(read_history(p), 0);
    assert_int_equal(fine_mean(&p->history, 86399), mean);
}

/* --- removed --------------------------------------------------------------------------------- */

static void writer_removed_file_is_made_anew_with_its_history(void **state) {
    struct place *p = begin(state);

    assert_int_equal(unlink(p->file), 0);
    publish(p);
    assert_int_equal(read_state(p), -ENOENT);
    expect_ok_after(p, CHECK - 1);
    assert_int_equal(read_state(p), -ENOENT);
    expect_ok_after(p, CHECK);
    expect_published(p, 1);
    expect_history(p, 77);
    publish(p);
    expect_published(p, 2);
}

static void writer_file_removed_repeatedly_is_made_once_a_check(void **state) {
    struct place *p = begin(state);
    unsigned made = 0;

    for (unsigned i = 0; i < 5 * 1000; i++) {
        (void)unlink(p->file);
        check_after(p, i * (CHECK / 1000));
        made += access(p->file, F_OK) == 0;
    }
    assert_int_equal(made, 4); /* after the first check, the second, third and fourth */
    expect_ok_after(p, 5 * CHECK);
    expect_history(p, 77);
}

static void writer_removed_directory_is_made_anew(void **state) {
    struct place *p = begin(state);

    char namespaces[sizeof(p->file) + 16];

    (void)snprintf(namespaces, sizeof(namespaces), "%s/namespaces", p->directory);
    assert_int_equal(unlink(p->file), 0);
    assert_int_equal(unlink(p->lock), 0);
    assert_int_equal(unlink(namespaces), 0);
    assert_int_equal(rmdir(p->directory), 0);
    expect_ok_after(p, CHECK);
    expect_published(p, 0);
    expect_history(p, 77);
    assert_int_equal(ctw_state_writer_new(p->directory, "", 0, SAMPLE_NOW_USEC, &p->second),
                     -EBUSY);
}

static void writer_with_removed_lock_yields_to_another(void **state) {
    struct place *p = begin(state);

    assert_int_equal(unlink(p->lock), 0);
    assert_int_equal(ctw_state_writer_new(p->directory, "", 0, SAMPLE_NOW_USEC, &p->second), 0);
    sample_full(ctw_state_writer_snapshot(p->second));
    ctw_state_writer_publish(p->second);
    publish(p);
    expect_failed_after(p, CHECK, -EBUSY, p->lock);
    publish(p);
    assert_int_equal(read_state(p), 0);
    assert_int_equal(p->got.level, CTW_LEVEL_FULL);
}

/* --- truncated ------------------------------------------------------------------------------- */

static void writer_truncated_file_is_made_anew(void **state) {
    static const off_t sizes[] = {0, 1, 4096, 8192, 500000, offsetof(struct ctw_state, end) - 1};
    struct place *p = begin(state);

    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        assert_int_equal(truncate(p->file, sizes[i]), 0);
        assert_int_equal(read_history(p), -EBADMSG);
        expect_ok_after(p, (i + 1) * CHECK);
        expect_published(p, i);
        expect_history(p, 0);
        publish(p);
        expect_published(p, i + 1);
    }
}

static void writer_truncated_file_survives_writes(void **state) {
    struct place *p = begin(state);

    assert_int_equal(truncate(p->file, 0), 0);
    publish(p);
    write_slot(p->writer, CTW_RESOLUTION_FINE, 86400, 88);
    publish(p);
    expect_ok_after(p, CHECK);
    expect_published(p, 2);
}

/* Truncates the file until killed. */
static void truncate_for_ever(const struct place *p) {
    for (;;)
        if (truncate(p->file, 0) < 0 && errno != ENOENT)
            _exit(1);
}

static void writer_file_truncated_at_any_moment_is_made_anew(void **state) {
    struct place *p = begin(state);
    unsigned truncated = 0;

    const pid_t child = fork_helper();
    if (child == 0)
        truncate_for_ever(p);
    for (uint64_t i = 1; truncated < 300; i++) {
        publish(p);
        write_slot(p->writer, CTW_RESOLUTION_FINE, 86399, 77);
        truncated += read_state(p) == -EBADMSG;
        check_after(p, i * CHECK);
    }
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    const uint64_t polls = ctw_state_writer_snapshot(p->writer)->polls;
    expect_ok_after(p, UINT64_C(1) << 50);
    expect_published(p, polls - 14400);
}

/* --- a full disk ----------------------------------------------------------------------------- */

/* A small tmpfs over @path, in a mount namespace of its own. Return: false: not possible here. */
static bool mount_small(const char *path) {
    return unshare(CLONE_NEWNS) == 0 && mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
           mount("none", path, "tmpfs", 0, "size=2m,mode=755") == 0;
}

/* Return: how many bytes there was room for. */
static size_t fill_disk(const char *path) {
    static const char page[4096];
    size_t filled = 0;

    const int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    while (write(fd, page, sizeof(page)) == sizeof(page))
        filled += sizeof(page);
    close(fd);
    return filled;
}

static void writer_full_disk_fails_until_there_is_room(void **state) {
    struct place *p = begin(state);
    char filler[128];

    p->writer = ctw_state_writer_free(p->writer);
    if (!mount_small(p->directory)) {
        print_message("skipped: cannot mount here\n");
        skip();
    }
    snprintf(filler, sizeof(filler), "%s/filler", p->directory);
    assert_true(fill_disk(filler) > 0);
    assert_int_equal(ctw_state_writer_new(p->directory, "", 0, SAMPLE_NOW_USEC, &p->writer), 0);
    sample_calm(ctw_state_writer_snapshot(p->writer));
    ctw_state_writer_publish(p->writer);
    write_slot(p->writer, CTW_RESOLUTION_FINE, 86399, 77);
    expect_failed_after(p, 0, -ENOSPC, p->file);
    assert_int_equal(access(p->file_new, F_OK), -1);

    /* Room for a part of it is none. */
    assert_int_equal(truncate(filler, 1200000), 0);
    expect_failed_after(p, 10 * SECOND, -ENOSPC, p->file);
    assert_int_equal(access(p->file_new, F_OK), -1);
    assert_int_equal(read_state(p), -ENOENT);

    assert_int_equal(unlink(filler), 0);
    expect_failed_after(p, 19 * SECOND, -ENOSPC, p->file);
    expect_ok_after(p, 20 * SECOND);
    expect_published(p, 0);
    expect_history(p, 0); /* while there is no file, there is no history */

    /* What has been made has all the room it will need. */
    assert_true(fill_disk(filler) > 0);
    for (uint32_t i = 1; i <= CTW_HISTORY_COARSE; i++)
        write_slot(p->writer, CTW_RESOLUTION_COARSE, i, i);
    for (uint32_t i = 1; i <= CTW_HISTORY_FINE; i++)
        write_slot(p->writer, CTW_RESOLUTION_FINE, i, i);
    publish(p);
    expect_ok_after(p, 25 * SECOND);
    expect_published(p, 1);

    /* Removed while there is no room for another, it is still written to, unseen. */
    assert_int_equal(unlink(p->file), 0);
    expect_failed_after(p, 30 * SECOND, -ENOSPC, p->file);
    publish(p);
    assert_int_equal(unlink(filler), 0);
    p->writer = ctw_state_writer_free(p->writer);
    assert_int_equal(umount(p->directory), 0);
}

/* --- readers --------------------------------------------------------------------------------- */

static void writer_stopped_reader_delays_nothing(void **state) {
    struct place *p = begin(state);

    const pid_t child = fork_helper();
    if (child == 0)
        for (;;)
            (void)read_history(p);
    for (unsigned i = 0; i < 50; i++) {
        assert_int_equal(kill(child, SIGSTOP), 0);
        assert_int_equal(waitpid(child, NULL, WUNTRACED), child);
        publish(p);
        write_slot(p->writer, CTW_RESOLUTION_FINE, 86399, 100 + i);
        expect_ok_after(p, i * CHECK);
        expect_published(p, i + 1);
        expect_history(p, 100 + i);
        assert_int_equal(kill(child, SIGCONT), 0);
    }
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(writer_removed_file_is_made_anew_with_its_history),
        TEST(writer_file_removed_repeatedly_is_made_once_a_check),
        TEST(writer_removed_directory_is_made_anew),
        TEST(writer_with_removed_lock_yields_to_another),
        TEST(writer_truncated_file_is_made_anew),
        TEST(writer_truncated_file_survives_writes),
        TEST(writer_file_truncated_at_any_moment_is_made_anew),
        TEST(writer_full_disk_fails_until_there_is_room),
        TEST(writer_stopped_reader_delays_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
