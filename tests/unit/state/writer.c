/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The writer when it starts: the file it makes, the lock, what it takes over. Faults of the file
 * while it runs are in writer_faults.c. */

#include "tests/support/state_directory.h"

#include <sys/wait.h>

#define SECOND CTW_USEC_PER_SEC

static mode_t mode_of(const char *path) {
    struct stat st;

    assert_int_equal(lstat(path, &st), 0);
    return st.st_mode & 07777;
}

static void begin(struct place *p) {

    assert_int_equal(ctw_state_writer_new(p->directory, "", 0, SAMPLE_NOW_USEC, &p->writer), 0);
    ctw_state_writer_health(p->writer, SAMPLE_NOW_USEC, &p->health);
}

static void publish_calm(struct place *p) {
    sample_calm(ctw_state_writer_snapshot(p->writer));
    ctw_state_writer_publish(p->writer);
}

static void expect_ok(const struct place *p) {
    assert_int_equal(p->health.health, CTW_HEALTH_OK);
}

static void expect_failed(const struct place *p, int error, const char *what) {
    assert_int_equal(p->health.health, CTW_HEALTH_FAILED);
    assert_int_equal(p->health.error, error);
    assert_string_equal(p->health.what, what);
}

static void writer_new_gives_the_file_to_the_group_of_its_directory(void **state) {
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

static void writer_existing_directory_keeps_its_group(void **state) {
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

static void writer_unpublished_change_is_not_read(void **state) {
    struct place *p = *state;
    struct ctw_snapshot calm;

    begin(p);
    assert_int_equal(read_state(p), 0);
    assert_int_equal(p->got.pid, getpid());
    publish_calm(p);
    sample_calm(&calm);
    sample_full(ctw_state_writer_snapshot(p->writer));
    assert_int_equal(read_state(p), 0);
    assert_memory_equal(&p->got, &calm, sizeof(calm));
    ctw_state_writer_publish(p->writer);
    assert_int_equal(read_state(p), 0);
    assert_int_equal(p->got.level, CTW_LEVEL_FULL);

    write_slot(p->writer, CTW_RESOLUTION_FINE, 86399, 77);
    write_slot(p->writer, CTW_RESOLUTION_COARSE, 8639, 78);
    assert_int_equal(read_history(p), 0);
    assert_int_equal(ctw_history_slot(&p->history, CTW_RESOLUTION_COARSE, 8639 * 10 * SECOND)->mean,
                     78);
    assert_int_equal(fine_mean(&p->history, 86399), 77);
}

static void writer_alerts_and_talkers_are_published_when_they_change(void **state) {
    struct place *p = *state;

    begin(p);
    publish_calm(p);
    sample_alert(ctw_state_writer_snapshot(p->writer), 1, CTW_ALERT_CONFIG, CTW_EDGE_BEGIN,
                 CTW_LEVEL_OK, "read again");
    ctw_state_writer_publish(p->writer);
    assert_int_equal(read_state(p), 0);
    assert_string_equal(p->got.recent_alerts[0].message, "read again");

    struct ctw_snapshot *now = ctw_state_writer_snapshot(p->writer);
    now->talkers_usec = SAMPLE_NOW_USEC;
    now->talkers.known = true;
    now->talkers.entries = 5000;
    ctw_state_writer_publish(p->writer);
    assert_int_equal(read_state(p), 0);
    assert_int_equal(p->got.talkers.entries, 5000);
}

static void writer_without_directory_is_unused(void **state) {
    struct place *p = *state;

    assert_int_equal(ctw_state_writer_new(NULL, "", 0, SAMPLE_NOW_USEC, &p->writer), 0);
    publish_calm(p);
    write_slot(p->writer, CTW_RESOLUTION_FINE, 86399, 77);
    p->health.health = CTW_HEALTH_FAILED;
    ctw_state_writer_health(p->writer, SAMPLE_NOW_USEC, &p->health);
    assert_int_equal(p->health.health, CTW_HEALTH_UNUSED);
    assert_int_equal(ctw_state_writer_snapshot(p->writer)->pid, 812);
}

/* --- two of them ----------------------------------------------------------------------------- */

/* Starts another writer there. Return: what it wrote on stderr, valid until the next call. */
static const char *second_reports(struct place *p, const char *directory) {
    static char text[256];
    FILE *file = tmpfile();

    assert_non_null(file);
    const int saved = dup(STDERR_FILENO);
    assert_int_equal(dup2(fileno(file), STDERR_FILENO), STDERR_FILENO);
    const int r = ctw_state_writer_new(directory, "", 0, SAMPLE_NOW_USEC, &p->second);
    assert_int_equal(dup2(saved, STDERR_FILENO), STDERR_FILENO);
    close(saved);
    assert_int_equal(r, -EBUSY);
    assert_null(p->second);
    rewind(file);
    text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
    fclose(file);
    return text;
}

static void writer_second_reports_the_first(void **state) {
    struct place *p = *state;
    char expected[256];

    begin(p);
    publish_calm(p);
    snprintf(expected, sizeof(expected),
             "ctwatchd: another ctwatchd, process %d, publishes in %s (see --state in "
             "ctwatchd(8))\n",
             getpid(), p->directory);
    assert_string_equal(second_reports(p, p->directory), expected);
    assert_int_equal(read_state(p), 0);
    assert_int_equal(p->got.pid, 812);
    ctw_state_writer_health(p->writer, SAMPLE_NOW_USEC + SECOND, &p->health);
    expect_ok(p);

    put_bytes(p->lock, "", 0); /* as on a full disk */
    snprintf(expected, sizeof(expected),
             "ctwatchd: another ctwatchd publishes in %s (see --state in ctwatchd(8))\n",
             p->directory);
    assert_string_equal(second_reports(p, p->directory), expected);
}

static void writer_other_directory_has_its_own_lock(void **state) {
    struct place *p = *state;

    begin(p);
    assert_int_equal(ctw_state_writer_new(p->above, "", 0, SAMPLE_NOW_USEC, &p->second), 0);
}

/* Publishes, writes a byte to @done, and waits to be killed. */
static void publish_until_killed(const struct place *p, int done) {
    struct ctw_state_writer *w;

    if (ctw_state_writer_new(p->directory, "", 0, SAMPLE_NOW_USEC, &w) < 0)
        _exit(1);
    sample_full(ctw_state_writer_snapshot(w));
    ctw_state_writer_publish(w);
    write_slot(w, CTW_RESOLUTION_FINE, 86399, 77);
    (void)!write(done, "", 1);
    for (;;)
        pause();
}

static void writer_killed_leaves_no_lock(void **state) {
    struct place *p = *state;
    char byte;
    int done[2];

    assert_int_equal(pipe2(done, O_CLOEXEC), 0);
    const pid_t child = fork_helper();
    if (child == 0)
        publish_until_killed(p, done[1]);
    assert_int_equal(read(done[0], &byte, 1), 1);
    close(done[0]);
    close(done[1]);
    assert_int_equal(ctw_state_writer_new(p->directory, "", 0, SAMPLE_NOW_USEC, &p->writer),
                     -EBUSY);
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);

    assert_int_equal(read_state(p), 0);
    assert_int_equal(ctw_snapshot_liveness(&p->got, p->got.due_usec + CTW_LATE_USEC + 1),
                     CTW_LIVENESS_LATE);
    begin(p);
    expect_ok(p);
    assert_int_equal(read_state(p), 0);
    assert_int_equal(read_history(p), 0);
}

/* --- after another --------------------------------------------------------------------------- */

static void writer_takes_over_history_and_loss_times(void **state) {
    struct place *p = *state;

    make_image(p);
    leave_image(p);
    begin(p);
    expect_ok(p);
    assert_int_equal(read_history(p), 0);
    assert_memory_equal(&p->history, &p->image.history, sizeof(p->history));
    assert_int_equal(read_state(p), 0);
    assert_int_equal(p->got.pid, getpid());
    assert_int_equal(p->got.n_recent_alerts, 0);
    /* and when it last saw something lost */
    assert_int_equal(ctw_state_writer_snapshot(p->writer)->refused_usec,
                     p->image.published.now.refused_usec);
    assert_int_equal(ctw_state_writer_snapshot(p->writer)->evicted_usec,
                     p->image.published.now.evicted_usec);
}

static void writer_other_table_is_not_taken_over(void **state) {
    static const struct {
        uint64_t theirs, ours;
        bool taken;
    } rows[] = {{4026531840, 4026532246, false},
                {4026532246, 4026532246, true},
                {0, 4026532246, true}, /* not known */
                {4026531840, 0, true}};
    struct place *p = *state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        make_image(p);
        p->image.published.now.netns_inode = rows[i].theirs;
        leave_image(p);
        assert_int_equal(
            ctw_state_writer_new(p->directory, "", rows[i].ours, SAMPLE_NOW_USEC, &p->writer), 0);
        assert_int_equal(ctw_state_writer_snapshot(p->writer)->refused_usec != 0, rows[i].taken);
        /* Counters are compared only with those of what is known to be the same table. */
        uint64_t usec;
        const struct ctw_sample *former = ctw_state_writer_former(p->writer, &usec);
        assert_int_equal(former != NULL, rows[i].theirs == rows[i].ours);
        if (former) {
            assert_memory_equal(former, &p->image.published.now.table, sizeof(*former));
            assert_int_equal(usec, p->image.published.now.polled_usec);
        }
        assert_int_equal(read_history(p), 0);
        assert_int_equal(fine_mean(&p->history, 86000), rows[i].taken ? 11 : 0);
        p->writer = ctw_state_writer_free(p->writer);
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
    p->writer = ctw_state_writer_free(p->writer);
}

static void writer_damaged_history_is_not_taken_over(void **state) {
    struct place *p = *state;

    make_image(p);
    p->image.head.version++;
    expect_not_taken_over(p, sizeof(p->image));
    make_image(p);
    p->image.head.magic = 0;
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

static void writer_other_boot_is_not_taken_over(void **state) {
    struct place *p = *state;

    make_image(p);
    p->image.published.now.booted_usec -= 6 * CTW_USEC_PER_SEC;
    expect_not_taken_over(p, sizeof(p->image));
    make_image(p);
    p->image.published.now.booted_usec = 0;
    expect_not_taken_over(p, sizeof(p->image));
}

static void writer_torn_snapshot_is_replaced(void **state) {
    struct place *p = *state;

    make_image(p);
    leave_torn_image(p);
    assert_int_equal(read_state(p), -EAGAIN);
    begin(p);
    expect_ok(p);
    assert_int_equal(read_state(p), 0);
    assert_int_equal(read_history(p), 0);
    assert_int_equal(fine_mean(&p->history, 86000), 11);
}

static void writer_leftover_new_file_is_removed(void **state) {
    struct place *p = *state;

    assert_int_equal(mkdir(p->directory, 0755), 0);
    put_bytes(p->file_new, "half", 4);
    begin(p);
    expect_ok(p);
    assert_int_equal(access(p->file_new, F_OK), -1);
    assert_int_equal(read_state(p), 0);
}

/* --- what stands in the way ------------------------------------------------------------------ */

static void writer_symlink_is_replaced_and_not_followed(void **state) {
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

static void writer_without_lock_makes_no_file(void **state) {
    struct place *p = *state;

    assert_int_equal(mkdir(p->directory, 0755), 0);
    assert_int_equal(symlink("elsewhere", p->lock), 0);
    begin(p);
    expect_failed(p, -ELOOP, p->lock);
    assert_int_equal(read_state(p), -ENOENT);
    publish_calm(p);

    assert_int_equal(unlink(p->lock), 0);
    assert_int_equal(mkfifo(p->lock, 0600), 0);
    ctw_state_writer_health(p->writer, SAMPLE_NOW_USEC + 10 * SECOND, &p->health);
    expect_failed(p, -EINVAL, p->lock);

    assert_int_equal(unlink(p->lock), 0);
    ctw_state_writer_health(p->writer, SAMPLE_NOW_USEC + 20 * SECOND, &p->health);
    expect_ok(p);
    assert_int_equal(read_state(p), 0);
    assert_int_equal(p->got.pid, 812);
}

static void writer_waiting_does_not_replace_another(void **state) {
    struct place *p = *state;

    assert_int_equal(mkdir(p->directory, 0755), 0);
    assert_int_equal(mkdir(p->lock, 0755), 0);
    begin(p);
    expect_failed(p, -EISDIR, p->lock);
    assert_int_equal(rmdir(p->lock), 0);
    assert_int_equal(ctw_state_writer_new(p->directory, "", 0, SAMPLE_NOW_USEC, &p->second), 0);
    sample_full(ctw_state_writer_snapshot(p->second));
    ctw_state_writer_publish(p->second);

    publish_calm(p);
    ctw_state_writer_health(p->writer, SAMPLE_NOW_USEC + 10 * SECOND, &p->health);
    expect_failed(p, -EBUSY, p->lock);
    assert_int_equal(read_state(p), 0);
    assert_int_equal(p->got.level, CTW_LEVEL_FULL);
    p->second = ctw_state_writer_free(p->second);
    ctw_state_writer_health(p->writer, SAMPLE_NOW_USEC + 20 * SECOND, &p->health);
    expect_ok(p);
    assert_int_equal(read_state(p), 0);
    assert_int_equal(p->got.level, CTW_LEVEL_OK);
}

static void writer_directory_in_place_of_file_fails(void **state) {
    struct place *p = *state;

    assert_int_equal(mkdir(p->directory, 0755), 0);
    assert_int_equal(mkdir(p->file, 0755), 0);
    begin(p);
    expect_failed(p, -EISDIR, p->file);
    assert_int_equal(access(p->file_new, F_OK), -1);
    publish_calm(p);
}

static void writer_file_in_place_of_directory_fails(void **state) {
    struct place *p = *state;

    put_bytes(p->directory, "", 0);
    begin(p);
    expect_failed(p, -ENOTDIR, p->directory);
    publish_calm(p);
}

static void writer_failed_retries_every_ten_seconds(void **state) {
    struct place *p = *state;
    char deep[128];

    snprintf(deep, sizeof(deep), "%s/deep", p->directory);
    assert_int_equal(ctw_state_writer_new(deep, "", 0, SAMPLE_NOW_USEC, &p->writer), 0);
    ctw_state_writer_health(p->writer, SAMPLE_NOW_USEC, &p->health);
    expect_failed(p, -ENOENT, deep);
    publish_calm(p);

    assert_int_equal(mkdir(p->directory, 0755), 0);
    ctw_state_writer_health(p->writer, SAMPLE_NOW_USEC + 10 * SECOND - 1, &p->health);
    expect_failed(p, -ENOENT, deep);
    ctw_state_writer_health(p->writer, SAMPLE_NOW_USEC + 10 * SECOND, &p->health);
    expect_ok(p);
    assert_int_equal(ctw_state_read(deep, &p->got), 0);
    assert_int_equal(p->got.pid, 812);
}

static void writer_without_permission_continues(void **state) {
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

/* --- the history ------------------------------------------------------------------------------ */

/* One poll of @count entries; the step left @max in force. */
static void poll_at(struct place *p, uint64_t now_usec, uint32_t count, uint32_t max,
                    uint64_t drops) {
    struct ctw_settings settings;
    struct ctw_watch *watch = calloc(1, sizeof(*watch));
    struct ctw_tick *tick = calloc(1, sizeof(*tick));
    struct ctw_verdict *verdict = calloc(1, sizeof(*verdict));

    assert_true(watch && tick && verdict);
    ctw_settings_defaults(&settings);
    tick->now_usec = now_usec;
    tick->sources[CTW_SOURCE_TABLE].health = CTW_HEALTH_OK;
    tick->sample = (struct ctw_sample){.count = count, .max = 1000};
    verdict->sample = (struct ctw_sample){.count = count, .max = max};
    verdict->lost.drops = drops;
    ctw_state_writer_poll(p->writer, &settings, watch, tick, verdict, now_usec, now_usec + SECOND);
    free(watch);
    free(tick);
    free(verdict);
}

static void writer_new_at(struct place *p, uint64_t now_usec) {
    p->writer = ctw_state_writer_free(p->writer);
    assert_int_equal(ctw_state_writer_new(p->directory, "", 0, now_usec, &p->writer), 0);
}

static const struct ctw_record *slot_at(struct place *p, enum ctw_resolution r, uint64_t at_usec) {
    assert_int_equal(read_history(p), 0);
    const struct ctw_record *slot = ctw_history_slot(&p->history, r, at_usec);
    assert_non_null(slot);
    return slot;
}

/* A slot of ten seconds is open then, and no slot of a second. */
static void writer_resumed_across_slot_boundary_starts_next_slot_empty(void **state) {
    struct place *p = *state;
    const uint64_t begin_usec = SAMPLE_NOW_USEC; /* a multiple of ten seconds */

    writer_new_at(p, begin_usec);
    for (uint64_t i = 0; i < 8; i++)
        poll_at(p, begin_usec + i * SECOND, 900, 1000, i == 3 ? 5 : 0);
    writer_new_at(p, begin_usec + 9 * SECOND);
    for (uint64_t i = 10; i < 20; i++)
        poll_at(p, begin_usec + i * SECOND, 200, 1000, 0);
    p->writer = ctw_state_writer_free(p->writer);

    const struct ctw_record *slot = slot_at(p, CTW_RESOLUTION_COARSE, begin_usec);
    assert_int_equal(slot->polls, 8);
    assert_int_equal(slot->losses.drops, 5);
    slot = slot_at(p, CTW_RESOLUTION_COARSE, begin_usec + 10 * SECOND);
    assert_int_equal(slot->polls, 10);
    assert_int_equal(slot->losses.drops, 0);
}

static void writer_resumed_within_slot_continues_it(void **state) {
    struct place *p = *state;

    writer_new_at(p, SAMPLE_NOW_USEC);
    poll_at(p, SAMPLE_NOW_USEC, 900, 1000, 5);
    writer_new_at(p, SAMPLE_NOW_USEC + SECOND / 2);
    poll_at(p, SAMPLE_NOW_USEC + SECOND / 2, 100, 1000, 0);
    p->writer = ctw_state_writer_free(p->writer);
    for (enum ctw_resolution r = 0; r < CTW_RESOLUTIONS; r++) {
        const struct ctw_record *slot = slot_at(p, r, SAMPLE_NOW_USEC);
        assert_int_equal(slot->polls, 2);
        assert_int_equal(slot->mean, 500);
        assert_int_equal(slot->losses.drops, 5);
    }
}

static void writer_slot_after_growth_has_new_max(void **state) {
    struct place *p = *state;

    writer_new_at(p, SAMPLE_NOW_USEC);
    poll_at(p, SAMPLE_NOW_USEC, 900, 2000, 0);
    p->writer = ctw_state_writer_free(p->writer);
    assert_int_equal(slot_at(p, CTW_RESOLUTION_FINE, SAMPLE_NOW_USEC)->max, 2000);
}

/* While no ctwatchd ran. */
static void writer_max_changed_over_restart_is_limit_change(void **state) {
    struct place *p = *state;

    writer_new_at(p, SAMPLE_NOW_USEC);
    ctw_state_writer_snapshot(p->writer)->table = (struct ctw_sample){.count = 1, .max = 1000};
    poll_at(p, SAMPLE_NOW_USEC, 900, 1000, 0);
    writer_new_at(p, SAMPLE_NOW_USEC + 5 * SECOND);
    poll_at(p, SAMPLE_NOW_USEC + 5 * SECOND, 900, 3000, 0);
    p->writer = ctw_state_writer_free(p->writer);
    const struct ctw_record *slot = slot_at(p, CTW_RESOLUTION_FINE, SAMPLE_NOW_USEC + 5 * SECOND);
    assert_int_equal(slot->limit_changes, 1);
    assert_int_equal(slot->set_max, 3000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(writer_new_gives_the_file_to_the_group_of_its_directory),
        TEST(writer_existing_directory_keeps_its_group),
        TEST(writer_unpublished_change_is_not_read),
        TEST(writer_alerts_and_talkers_are_published_when_they_change),
        TEST(writer_without_directory_is_unused),
        TEST(writer_second_reports_the_first),
        TEST(writer_other_directory_has_its_own_lock),
        TEST(writer_killed_leaves_no_lock),
        TEST(writer_takes_over_history_and_loss_times),
        TEST(writer_other_table_is_not_taken_over),
        TEST(writer_damaged_history_is_not_taken_over),
        TEST(writer_other_boot_is_not_taken_over),
        TEST(writer_torn_snapshot_is_replaced),
        TEST(writer_leftover_new_file_is_removed),
        TEST(writer_symlink_is_replaced_and_not_followed),
        TEST(writer_without_lock_makes_no_file),
        TEST(writer_waiting_does_not_replace_another),
        TEST(writer_directory_in_place_of_file_fails),
        TEST(writer_file_in_place_of_directory_fails),
        TEST(writer_failed_retries_every_ten_seconds),
        TEST(writer_without_permission_continues),
        TEST(writer_resumed_across_slot_boundary_starts_next_slot_empty),
        TEST(writer_resumed_within_slot_continues_it),
        TEST(writer_slot_after_growth_has_new_max),
        TEST(writer_max_changed_over_restart_is_limit_change),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
