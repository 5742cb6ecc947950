/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The writer: where it publishes, beside whom, after whom. What happens to its file while it runs
 * is in test_publish_faults. */

#include "tests/support/state_directory.h"

#include <sys/wait.h>

#define SECOND CTW_USEC_PER_SEC

static mode_t mode_of(const char *path) {
    struct stat st;

    assert_int_equal(lstat(path, &st), 0);
    return st.st_mode & 07777;
}

static void begin(struct place *p) {
    uint32_t owner = 0;

    assert_int_equal(ctw_publish_new(p->directory, 0, SAMPLE_NOW_USEC, &p->publish, &owner), 0);
    ctw_publish_check(p->publish, SAMPLE_NOW_USEC, &p->health);
}

static void publish_calm(struct place *p) {
    sample_calm(ctw_publish_begin(p->publish));
    ctw_publish_end(p->publish);
}

static void expect_ok(const struct place *p) {
    assert_int_equal(p->health.health, CTW_HEALTH_OK);
}

static void expect_failed(const struct place *p, int error, const char *what) {
    assert_int_equal(p->health.health, CTW_HEALTH_FAILED);
    assert_int_equal(p->health.error, error);
    assert_string_equal(p->health.what, what);
}

static void it_is_made_for_the_group_of_its_directory(void **state) {
    struct place *p = *state;
    struct stat st;
    char text[32] = "", expected[32];

    const mode_t mask = umask(0077);
    begin(p);
    umask(mask);
    expect_ok(p);
    assert_int_equal(mode_of(p->directory), 0750);
    assert_int_equal(mode_of(p->file), 0640);
    assert_int_equal(mode_of(p->lock), 0600);
    assert_int_equal(stat(p->file, &st), 0);
    assert_int_equal(st.st_size, sizeof(struct ctw_state));
    assert_true((size_t)st.st_blocks * 512 >= sizeof(struct ctw_state));
    assert_int_equal(access(p->file_new, F_OK), -1);

    const int fd = open(p->lock, O_RDONLY | O_CLOEXEC);
    assert_true(read(fd, text, sizeof(text) - 1) > 0);
    close(fd);
    snprintf(expected, sizeof(expected), "%d\n", (int)getpid());
    assert_string_equal(text, expected);
}

static void the_group_of_a_directory_that_was_there_is_the_files(void **state) {
    struct place *p = *state;
    struct stat st;

    if (geteuid() != 0) {
        print_message("skipped: only root can give a directory to another group\n");
        skip();
    }
    assert_int_equal(mkdir(p->directory, 0711), 0);
    assert_int_equal(chown(p->directory, (uid_t)-1, 54321), 0);
    begin(p);
    expect_ok(p);
    assert_int_equal(mode_of(p->directory), 0711);
    assert_int_equal(stat(p->file, &st), 0);
    assert_int_equal(st.st_gid, 54321);
    assert_int_equal(mode_of(p->file), 0640);
}

static void what_is_published_is_read_and_no_more(void **state) {
    struct place *p = *state;
    struct ctw_snapshot calm;

    begin(p);
    assert_int_equal(read_state(p), 0);
    assert_int_equal(p->got.pid, 0); /* which is: no daemon made this */
    publish_calm(p);
    sample_calm(&calm);
    sample_full(ctw_publish_begin(p->publish));
    assert_int_equal(read_state(p), 0);
    assert_memory_equal(&p->got, &calm, sizeof(calm));
    ctw_publish_end(p->publish);
    assert_int_equal(read_state(p), 0);
    assert_int_equal(p->got.level, CTW_LEVEL_FULL);

    put_slot(ctw_publish_begin_history(p->publish), CTW_RESOLUTION_FINE, 86399, 77);
    assert_int_equal(read_history(p), -EAGAIN);
    assert_int_equal(read_state(p), 0);
    ctw_publish_end_history(p->publish);
    assert_int_equal(read_history(p), 0);
    assert_int_equal(fine_mean(&p->history, 86399), 77);
}

/* They are left alone at a look that says nothing. */
static void words_and_names_are_published_when_they_change(void **state) {
    struct place *p = *state;

    begin(p);
    publish_calm(p);
    sample_alert(ctw_publish_begin(p->publish), 1, CTW_ALERT_CONFIG, CTW_EDGE_BEGIN, CTW_LEVEL_OK,
                 "read again");
    ctw_publish_end(p->publish);
    assert_int_equal(read_state(p), 0);
    assert_string_equal(p->got.recent_alerts[0].message, "read again");

    struct ctw_snapshot *now = ctw_publish_begin(p->publish);
    now->talkers_usec = SAMPLE_NOW_USEC;
    now->talkers.known = true;
    now->talkers.entries = 5000;
    ctw_publish_end(p->publish);
    assert_int_equal(read_state(p), 0);
    assert_int_equal(p->got.talkers.entries, 5000);
}

static void publishing_nowhere_is_no_fault(void **state) {
    struct place *p = *state;
    uint32_t owner;

    assert_int_equal(ctw_publish_new(NULL, 0, SAMPLE_NOW_USEC, &p->publish, &owner), 0);
    publish_calm(p);
    put_slot(ctw_publish_begin_history(p->publish), CTW_RESOLUTION_FINE, 86399, 77);
    ctw_publish_end_history(p->publish);
    p->health.health = CTW_HEALTH_FAILED;
    ctw_publish_check(p->publish, SAMPLE_NOW_USEC, &p->health);
    assert_int_equal(p->health.health, CTW_HEALTH_UNUSED);
    assert_int_equal(ctw_publish_begin(p->publish)->pid, 812);
}

/* --- two of them ----------------------------------------------------------------------------- */

static void the_second_is_told_who_the_first_is(void **state) {
    struct place *p = *state;
    uint32_t owner = 0;

    begin(p);
    publish_calm(p);
    assert_int_equal(ctw_publish_new(p->directory, 0, SAMPLE_NOW_USEC, &p->second, &owner), -EBUSY);
    assert_null(p->second);
    assert_int_equal(owner, getpid());
    assert_int_equal(read_state(p), 0);
    assert_int_equal(p->got.pid, 812);
    ctw_publish_check(p->publish, SAMPLE_NOW_USEC + SECOND, &p->health);
    expect_ok(p);

    put_bytes(p->lock, "", 0); /* as on a full disk */
    owner = 7;
    assert_int_equal(ctw_publish_new(p->directory, 0, SAMPLE_NOW_USEC, &p->second, &owner), -EBUSY);
    assert_int_equal(owner, 0);
}

static void another_directory_is_another_matter(void **state) {
    struct place *p = *state;
    uint32_t owner;

    begin(p);
    assert_int_equal(ctw_publish_new(p->above, 0, SAMPLE_NOW_USEC, &p->second, &owner), 0);
}

/* Publish, tell that it is done, and wait to be killed. */
static void publish_until_killed(const struct place *p, int done) {
    struct ctw_publish *publish;
    uint32_t owner;

    if (ctw_publish_new(p->directory, 0, SAMPLE_NOW_USEC, &publish, &owner) < 0)
        _exit(1);
    sample_full(ctw_publish_begin(publish));
    ctw_publish_end(publish);
    put_slot(ctw_publish_begin_history(publish), CTW_RESOLUTION_FINE, 86399, 77);
    ctw_publish_end_history(publish);
    (void)ctw_publish_begin_history(publish); /* dies in the middle of it */
    (void)!write(done, "", 1);
    for (;;)
        pause();
}

static void one_that_was_killed_holds_nothing(void **state) {
    struct place *p = *state;
    uint32_t owner = 0;
    char byte;
    int done[2];

    assert_int_equal(pipe2(done, O_CLOEXEC), 0);
    const pid_t child = fork_helper();
    if (child == 0)
        publish_until_killed(p, done[1]);
    assert_int_equal(read(done[0], &byte, 1), 1);
    close(done[0]);
    close(done[1]);
    assert_int_equal(ctw_publish_new(p->directory, 0, SAMPLE_NOW_USEC, &p->publish, &owner),
                     -EBUSY);
    assert_int_equal(owner, child);
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);

    assert_int_equal(read_state(p), 0);
    assert_int_equal(ctw_snapshot_liveness(&p->got, p->got.due_usec + CTW_LATE_USEC + 1),
                     CTW_LIVENESS_LATE);
    assert_int_equal(read_history(p), -EAGAIN);
    begin(p);
    expect_ok(p);
    assert_int_equal(read_state(p), 0);
    assert_int_equal(read_history(p), 0);
}

/* --- after another --------------------------------------------------------------------------- */

static void the_history_of_the_one_before_is_taken_over(void **state) {
    struct place *p = *state;

    make_image(p);
    leave_image(p);
    begin(p);
    expect_ok(p);
    assert_int_equal(read_history(p), 0);
    assert_memory_equal(&p->history, &p->image.history, sizeof(p->history));
    assert_int_equal(read_state(p), 0);
    assert_int_equal(p->got.pid, 0);
    assert_int_equal(p->got.n_recent_alerts, 0);
    /* and when it last saw something lost */
    assert_int_equal(ctw_publish_begin(p->publish)->refused_usec, p->image.now.refused_usec);
    assert_int_equal(ctw_publish_begin(p->publish)->evicted_usec, p->image.now.evicted_usec);
}

static void that_of_another_table_is_not_taken_over(void **state) {
    static const struct {
        uint64_t theirs, ours;
        bool taken;
    } rows[] = {{4026531840, 4026532246, false},
                {4026532246, 4026532246, true},
                {0, 4026532246, true}, /* not known */
                {4026531840, 0, true}};
    struct place *p = *state;
    uint32_t owner;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        make_image(p);
        p->image.now.netns_inode = rows[i].theirs;
        leave_image(p);
        assert_int_equal(
            ctw_publish_new(p->directory, rows[i].ours, SAMPLE_NOW_USEC, &p->publish, &owner), 0);
        assert_int_equal(ctw_publish_begin(p->publish)->refused_usec != 0, rows[i].taken);
        assert_int_equal(read_history(p), 0);
        assert_int_equal(fine_mean(&p->history, 86000), rows[i].taken ? 11 : 0);
        p->publish = ctw_publish_free(p->publish);
    }
}

/* What is in p->image is left there, and a daemon that comes has none of its history. */
static void expect_not_taken_over(struct place *p, size_t size) {
    leave_bytes(p, size);
    begin(p);
    expect_ok(p);
    assert_int_equal(read_state(p), 0);
    assert_int_equal(read_history(p), 0);
    assert_true(is_all(&p->history, 0, sizeof(p->history)));
    p->publish = ctw_publish_free(p->publish);
}

static void a_history_that_does_not_fit_is_not_taken_over(void **state) {
    struct place *p = *state;

    make_image(p);
    p->image.version++;
    expect_not_taken_over(p, sizeof(p->image));
    make_image(p);
    p->image.magic = 0;
    expect_not_taken_over(p, sizeof(p->image));
    make_image(p);
    p->image.history.slots[3].level = 77;
    expect_not_taken_over(p, sizeof(p->image));
    make_image(p);
    p->image.history_sequence++; /* died while it was writing there */
    expect_not_taken_over(p, sizeof(p->image));
    make_image(p);
    expect_not_taken_over(p, sizeof(p->image) - 4096);
    expect_not_taken_over(p, 0);
}

static void a_history_of_another_boot_is_not_taken_over(void **state) {
    struct place *p = *state;

    make_image(p);
    p->image.now.booted_usec -= 6 * CTW_USEC_PER_SEC;
    expect_not_taken_over(p, sizeof(p->image));
    make_image(p);
    p->image.now.booted_usec = 0;
    expect_not_taken_over(p, sizeof(p->image));
}

static void a_snapshot_left_half_written_is_replaced(void **state) {
    struct place *p = *state;

    make_image(p);
    p->image.now_sequence++;
    leave_image(p);
    assert_int_equal(read_state(p), -EAGAIN);
    begin(p);
    expect_ok(p);
    assert_int_equal(read_state(p), 0);
    assert_int_equal(read_history(p), 0);
    assert_int_equal(fine_mean(&p->history, 86000), 11);
}

static void what_was_left_beside_it_is_removed(void **state) {
    struct place *p = *state;

    assert_int_equal(mkdir(p->directory, 0755), 0);
    put_bytes(p->file_new, "half", 4);
    begin(p);
    expect_ok(p);
    assert_int_equal(access(p->file_new, F_OK), -1);
    assert_int_equal(read_state(p), 0);
}

/* --- what stands in the way ------------------------------------------------------------------ */

static void a_symlink_is_replaced_and_what_it_leads_to_left_alone(void **state) {
    struct place *p = *state;
    char target[128], text[16] = "";

    snprintf(target, sizeof(target), "%s/target", p->above);
    put_bytes(target, "precious", 8);
    assert_int_equal(chmod(target, 0600), 0);
    assert_int_equal(mkdir(p->directory, 0755), 0);
    assert_int_equal(symlink(target, p->file), 0);
    assert_int_equal(symlink(target, p->file_new), 0);
    begin(p);
    expect_ok(p);
    assert_int_equal(read_state(p), 0);

    const int fd = open(target, O_RDONLY | O_CLOEXEC);
    assert_int_equal(read(fd, text, sizeof(text)), 8);
    close(fd);
    assert_string_equal(text, "precious");
    assert_int_equal(mode_of(target), 0600);
}

static void without_the_lock_there_is_no_file(void **state) {
    struct place *p = *state;

    assert_int_equal(mkdir(p->directory, 0755), 0);
    assert_int_equal(symlink("elsewhere", p->lock), 0);
    begin(p);
    expect_failed(p, -ELOOP, p->lock);
    assert_int_equal(read_state(p), -ENOENT);
    publish_calm(p);

    assert_int_equal(unlink(p->lock), 0);
    assert_int_equal(mkfifo(p->lock, 0600), 0);
    ctw_publish_check(p->publish, SAMPLE_NOW_USEC + 10 * SECOND, &p->health);
    expect_failed(p, -EINVAL, p->lock);

    assert_int_equal(unlink(p->lock), 0);
    ctw_publish_check(p->publish, SAMPLE_NOW_USEC + 20 * SECOND, &p->health);
    expect_ok(p);
    assert_int_equal(read_state(p), 0);
    assert_int_equal(p->got.pid, 812);
}

static void one_that_came_first_meanwhile_is_not_replaced(void **state) {
    struct place *p = *state;
    uint32_t owner;

    assert_int_equal(mkdir(p->directory, 0755), 0);
    assert_int_equal(mkdir(p->lock, 0755), 0);
    begin(p);
    expect_failed(p, -EISDIR, p->lock);
    assert_int_equal(rmdir(p->lock), 0);
    assert_int_equal(ctw_publish_new(p->directory, 0, SAMPLE_NOW_USEC, &p->second, &owner), 0);
    sample_full(ctw_publish_begin(p->second));
    ctw_publish_end(p->second);

    publish_calm(p);
    ctw_publish_check(p->publish, SAMPLE_NOW_USEC + 10 * SECOND, &p->health);
    expect_failed(p, -EBUSY, p->lock);
    assert_int_equal(read_state(p), 0);
    assert_int_equal(p->got.level, CTW_LEVEL_FULL);
    p->second = ctw_publish_free(p->second);
    ctw_publish_check(p->publish, SAMPLE_NOW_USEC + 20 * SECOND, &p->health);
    expect_ok(p);
    assert_int_equal(read_state(p), 0);
    assert_int_equal(p->got.level, CTW_LEVEL_OK);
}

static void a_directory_in_its_place_is_a_fault_and_no_more(void **state) {
    struct place *p = *state;

    assert_int_equal(mkdir(p->directory, 0755), 0);
    assert_int_equal(mkdir(p->file, 0755), 0);
    begin(p);
    expect_failed(p, -EISDIR, p->file);
    assert_int_equal(access(p->file_new, F_OK), -1);
    publish_calm(p);
}

static void a_file_in_the_place_of_the_directory_is_a_fault_and_no_more(void **state) {
    struct place *p = *state;

    put_bytes(p->directory, "", 0);
    begin(p);
    expect_failed(p, -ENOTDIR, p->directory);
    publish_calm(p);
}

static void what_cannot_be_made_is_tried_every_ten_seconds(void **state) {
    struct place *p = *state;
    char deep[128];

    snprintf(deep, sizeof(deep), "%s/deep", p->directory);
    uint32_t owner;
    assert_int_equal(ctw_publish_new(deep, 0, SAMPLE_NOW_USEC, &p->publish, &owner), 0);
    ctw_publish_check(p->publish, SAMPLE_NOW_USEC, &p->health);
    expect_failed(p, -ENOENT, deep);
    publish_calm(p);

    assert_int_equal(mkdir(p->directory, 0755), 0);
    ctw_publish_check(p->publish, SAMPLE_NOW_USEC + 10 * SECOND - 1, &p->health);
    expect_failed(p, -ENOENT, deep);
    ctw_publish_check(p->publish, SAMPLE_NOW_USEC + 10 * SECOND, &p->health);
    expect_ok(p);
    assert_int_equal(ctw_state_read(deep, &p->got), 0);
    assert_int_equal(p->got.pid, 812);
}

static void one_without_permission_goes_on_without(void **state) {
    struct place *p = *state;

    if (geteuid() != 0) {
        print_message("skipped: only root can stop being root\n");
        skip();
    }
    assert_int_equal(mkdir(p->directory, 0755), 0);
    assert_int_equal(seteuid(65534), 0);
    begin(p);
    assert_int_equal(seteuid(0), 0);
    expect_failed(p, -EACCES, p->lock);
    publish_calm(p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(it_is_made_for_the_group_of_its_directory),
        TEST(the_group_of_a_directory_that_was_there_is_the_files),
        TEST(what_is_published_is_read_and_no_more),
        TEST(words_and_names_are_published_when_they_change),
        TEST(publishing_nowhere_is_no_fault),
        TEST(the_second_is_told_who_the_first_is),
        TEST(another_directory_is_another_matter),
        TEST(one_that_was_killed_holds_nothing),
        TEST(the_history_of_the_one_before_is_taken_over),
        TEST(that_of_another_table_is_not_taken_over),
        TEST(a_history_that_does_not_fit_is_not_taken_over),
        TEST(a_history_of_another_boot_is_not_taken_over),
        TEST(a_snapshot_left_half_written_is_replaced),
        TEST(what_was_left_beside_it_is_removed),
        TEST(a_symlink_is_replaced_and_what_it_leads_to_left_alone),
        TEST(without_the_lock_there_is_no_file),
        TEST(one_that_came_first_meanwhile_is_not_replaced),
        TEST(a_directory_in_its_place_is_a_fault_and_no_more),
        TEST(a_file_in_the_place_of_the_directory_is_a_fault_and_no_more),
        TEST(what_cannot_be_made_is_tried_every_ten_seconds),
        TEST(one_without_permission_goes_on_without),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
