/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What happens to the file while the daemon runs: removed, cut, on a full disk, read by somebody
 * who never ends. */

#include "tests/support/state_directory.h"

#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/wait.h>

#define SECOND CTW_USEC_PER_SEC

/* Within each test: cmocka has handlers of its own for what a setup function does. */
static struct place *begin(void **state) {
    struct place *p = *state;
    uint32_t owner;

    assert_int_equal(ctw_publish_new(p->directory, 0, SAMPLE_NOW_USEC, &p->publish, &owner), 0);
    sample_calm(ctw_publish_begin(p->publish));
    ctw_publish_end(p->publish);
    put_slot(ctw_publish_begin_history(p->publish), CTW_RESOLUTION_FINE, 86399, 77);
    ctw_publish_end_history(p->publish);
    return p;
}

static void look_after(struct place *p, uint64_t usec) {
    ctw_publish_check(p->publish, SAMPLE_NOW_USEC + usec, &p->health);
}

/* As the daemon does it: what is published counts how often. */
static void publish(struct place *p) {
    ctw_publish_begin(p->publish)->polls++;
    ctw_publish_end(p->publish);
}

static void expect_ok_after(struct place *p, uint64_t usec) {
    look_after(p, usec);
    assert_int_equal(p->health.health, CTW_HEALTH_OK);
}

static void expect_failed_after(struct place *p, uint64_t usec, int error, const char *what) {
    look_after(p, usec);
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

static void one_that_was_removed_is_made_anew_with_all_that_was_in_it(void **state) {
    struct place *p = begin(state);

    assert_int_equal(unlink(p->file), 0);
    publish(p);
    assert_int_equal(read_state(p), -ENOENT);
    expect_ok_after(p, SECOND / 4);
    expect_published(p, 1);
    expect_history(p, 77);
    publish(p);
    expect_published(p, 2);
}

static void one_that_is_removed_for_ever_is_made_once_a_second(void **state) {
    struct place *p = begin(state);
    unsigned made = 0;

    for (unsigned i = 0; i < 5 * 1000; i++) {
        (void)unlink(p->file);
        look_after(p, i * CTW_USEC_PER_MSEC);
        made += access(p->file, F_OK) == 0;
    }
    assert_int_equal(made, 5);
    expect_ok_after(p, 5 * SECOND);
    expect_history(p, 77);
}

static void a_directory_that_was_removed_is_made_anew(void **state) {
    struct place *p = begin(state);
    uint32_t owner;

    assert_int_equal(unlink(p->file), 0);
    assert_int_equal(unlink(p->lock), 0);
    assert_int_equal(rmdir(p->directory), 0);
    expect_ok_after(p, SECOND);
    expect_published(p, 0);
    expect_history(p, 77);
    assert_int_equal(ctw_publish_new(p->directory, 0, SAMPLE_NOW_USEC, &p->second, &owner), -EBUSY);
}

static void of_two_the_one_whose_lock_was_removed_yields(void **state) {
    struct place *p = begin(state);
    uint32_t owner;

    assert_int_equal(unlink(p->lock), 0);
    assert_int_equal(ctw_publish_new(p->directory, 0, SAMPLE_NOW_USEC, &p->second, &owner), 0);
    sample_full(ctw_publish_begin(p->second));
    ctw_publish_end(p->second);
    publish(p);
    expect_failed_after(p, SECOND, -EBUSY, p->lock);
    publish(p);
    assert_int_equal(read_state(p), 0);
    assert_int_equal(p->got.level, CTW_LEVEL_FULL);
}

/* --- cut ------------------------------------------------------------------------------------- */

static void one_that_was_cut_is_made_anew_with_what_was_published(void **state) {
    static const off_t sizes[] = {0, 1, 4096, 8192, 500000, sizeof(struct ctw_state) - 1};
    struct place *p = begin(state);

    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        assert_int_equal(truncate(p->file, sizes[i]), 0);
        assert_int_equal(read_history(p), -EBADMSG);
        expect_ok_after(p, (i + 1) * SECOND);
        expect_published(p, i);
        expect_history(p, 0);
        publish(p);
        expect_published(p, i + 1);
    }
}

static void one_that_was_cut_just_before_it_is_written_kills_nobody(void **state) {
    struct place *p = begin(state);

    assert_int_equal(truncate(p->file, 0), 0);
    publish(p);
    put_slot(ctw_publish_begin_history(p->publish), CTW_RESOLUTION_FINE, 86400, 88);
    ctw_publish_end_history(p->publish);
    publish(p);
    expect_ok_after(p, SECOND);
    expect_published(p, 2);

    /* in the middle of changing the history */
    struct ctw_history *h = ctw_publish_begin_history(p->publish);
    assert_int_equal(truncate(p->file, 0), 0);
    put_slot(h, CTW_RESOLUTION_FINE, 86399, 99);
    ctw_publish_end_history(p->publish);
    expect_ok_after(p, 2 * SECOND);
    expect_published(p, 2);
}

static void one_that_was_cut_and_is_as_long_again_is_made_anew(void **state) {
    struct place *p = begin(state);

    assert_int_equal(truncate(p->file, 0), 0);
    assert_int_equal(truncate(p->file, sizeof(struct ctw_state)), 0);
    publish(p);
    assert_int_equal(read_state(p), -EBADMSG);
    expect_ok_after(p, SECOND);
    expect_published(p, 1);
}

/* Cut whatever stands there until killed. */
static void cut_for_ever(const struct place *p) {
    for (;;)
        if (truncate(p->file, 0) < 0 && errno != ENOENT)
            _exit(1);
}

static void one_that_is_cut_at_any_moment_kills_nobody(void **state) {
    struct place *p = begin(state);
    unsigned cut = 0;

    const pid_t child = fork_helper();
    if (child == 0)
        cut_for_ever(p);
    for (uint64_t i = 1; cut < 300; i++) {
        publish(p);
        put_slot(ctw_publish_begin_history(p->publish), CTW_RESOLUTION_FINE, 86399, 77);
        ctw_publish_end_history(p->publish);
        cut += read_state(p) == -EBADMSG;
        look_after(p, i * SECOND);
    }
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    const uint64_t polls = ctw_publish_begin(p->publish)->polls;
    expect_ok_after(p, UINT64_C(1) << 50);
    expect_published(p, polls - 14400);
}

/* Another file, which nobody guards. */
static void touch_what_was_cut(const struct place *p) {
    const int fd = open(p->file_new, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    (void)prctl(PR_SET_DUMPABLE, 0); /* leaves no core behind */
    if (fd < 0 || ftruncate(fd, 1) < 0)
        _exit(1);
    volatile char *at = mmap(NULL, 1, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (at == MAP_FAILED || ftruncate(fd, 0) < 0)
        _exit(1);
    *at = 1;
    _exit(0);
}

static void another_bus_error_is_an_end_as_ever(void **state) {
    struct place *p = begin(state);
    int status;

    const pid_t child = fork_helper();
    if (child == 0)
        touch_what_was_cut(p);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGBUS);
}

/* --- a full disk ----------------------------------------------------------------------------- */

/* A small tmpfs over @path, which nobody else sees. Return: false when that is not possible here.
 */
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

static void a_full_disk_costs_the_readers_only(void **state) {
    struct place *p = begin(state);
    char filler[128];
    uint32_t owner;

    p->publish = ctw_publish_free(p->publish);
    if (!mount_small(p->directory)) {
        print_message("skipped: cannot mount here\n");
        skip();
    }
    snprintf(filler, sizeof(filler), "%s/filler", p->directory);
    assert_true(fill_disk(filler) > 0);
    assert_int_equal(ctw_publish_new(p->directory, 0, SAMPLE_NOW_USEC, &p->publish, &owner), 0);
    sample_calm(ctw_publish_begin(p->publish));
    ctw_publish_end(p->publish);
    put_slot(ctw_publish_begin_history(p->publish), CTW_RESOLUTION_FINE, 86399, 77);
    ctw_publish_end_history(p->publish);
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
    expect_history(p, 77);

    /* What has been made has all the room it will need. */
    assert_true(fill_disk(filler) > 0);
    struct ctw_history *h = ctw_publish_begin_history(p->publish);
    for (uint32_t i = 1; i <= CTW_HISTORY_COARSE; i++)
        put_slot(h, CTW_RESOLUTION_COARSE, i, i);
    for (uint32_t i = 1; i <= CTW_HISTORY_FINE; i++)
        put_slot(h, CTW_RESOLUTION_FINE, i, i);
    ctw_publish_end_history(p->publish);
    publish(p);
    expect_ok_after(p, 21 * SECOND);
    expect_published(p, 1);

    /* Removed while there is no room for another, it goes on unseen; made again, all is there. */
    assert_int_equal(unlink(p->file), 0);
    expect_failed_after(p, 22 * SECOND, -ENOSPC, p->file);
    publish(p);
    assert_int_equal(unlink(filler), 0);
    p->publish = ctw_publish_free(p->publish);
    assert_int_equal(umount(p->directory), 0);
}

/* --- readers --------------------------------------------------------------------------------- */

static void a_reader_stopped_in_the_middle_holds_nobody_up(void **state) {
    struct place *p = begin(state);

    const pid_t child = fork_helper();
    if (child == 0)
        for (;;)
            (void)read_history(p);
    for (unsigned i = 0; i < 50; i++) {
        assert_int_equal(kill(child, SIGSTOP), 0);
        assert_int_equal(waitpid(child, NULL, WUNTRACED), child);
        publish(p);
        put_slot(ctw_publish_begin_history(p->publish), CTW_RESOLUTION_FINE, 86399, 100 + i);
        ctw_publish_end_history(p->publish);
        expect_ok_after(p, i * SECOND);
        expect_published(p, i + 1);
        expect_history(p, 100 + i);
        assert_int_equal(kill(child, SIGCONT), 0);
    }
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(one_that_was_removed_is_made_anew_with_all_that_was_in_it),
        TEST(one_that_is_removed_for_ever_is_made_once_a_second),
        TEST(a_directory_that_was_removed_is_made_anew),
        TEST(of_two_the_one_whose_lock_was_removed_yields),
        TEST(one_that_was_cut_is_made_anew_with_what_was_published),
        TEST(one_that_was_cut_just_before_it_is_written_kills_nobody),
        TEST(one_that_was_cut_and_is_as_long_again_is_made_anew),
        TEST(one_that_is_cut_at_any_moment_kills_nobody),
        TEST(another_bus_error_is_an_end_as_ever),
        TEST(a_full_disk_costs_the_readers_only),
        TEST(a_reader_stopped_in_the_middle_holds_nobody_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
