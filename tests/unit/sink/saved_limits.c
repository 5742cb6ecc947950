/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Limits kept in a state directory that is whole, missing, read-only, full or full of junk; and a
 * writer that is killed at any moment. */

#include "tests/support/table_root.h"

#include <signal.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <time.h>

#include "daemon/sink/saved_limits.h"
#include "tests/support/folder.h"

/* Instead of CTW_LIMITS_STORE_DELAY_USEC. */
#define DELAY_USEC 100000u

static const struct ctw_saved_limits grown = {65536, 65536, 1048576, 262144};

struct keep_fixture {
    char root[64];
    char directory[128];
    sd_event *event;
    struct ctw_limits_store *k;
};

static int keep_up(void **state) {
    struct keep_fixture *f = calloc(1, sizeof(*f));

    assert_non_null(f);
    snprintf(f->root, sizeof(f->root), "/tmp/ctw-keep-XXXXXX");
    assert_non_null(mkdtemp(f->root));
    snprintf(f->directory, sizeof(f->directory), "%s/state", f->root);
    assert_int_equal(setenv("STATE_DIRECTORY", f->directory, 1), 0);
    assert_int_equal(sd_event_new(&f->event), 0);
    assert_int_equal(ctw_limits_store_new(f->event, "", DELAY_USEC, &f->k), 0);
    *state = f;
    return 0;
}

static int keep_down(void **state) {
    struct keep_fixture *f = *state;

    assert_null(ctw_limits_store_free(f->k));
    sd_event_unref(f->event);
    remove_folder(f->root);
    free(f);
    return 0;
}

/* Until what was put has been written, or could not be. */
static void run(struct keep_fixture *f) {
    struct ctw_saved_limits k;

    for (int i = 0; i < 400; i++) {
        assert_true(sd_event_run(f->event, 10000) >= 0);
        if (ctw_limits_store_error(f->k) != 0 ||
            (ctw_limits_store_read(f->k, &k) == 0 && i > 25)) /* the write comes after DELAY_USEC */
            return;
    }
    fail_msg("nothing was written");
}

/* Until a write has failed. */
static int await_error(struct keep_fixture *f) {
    for (int i = 0; i < 2000 && ctw_limits_store_error(f->k) == 0; i++)
        assert_true(sd_event_run(f->event, 10000) >= 0);
    return ctw_limits_store_error(f->k);
}

static void put_bytes(struct keep_fixture *f, const void *bytes, size_t length) {
    assert_true(mkdir(f->directory, 0700) == 0 || errno == EEXIST);
    FILE *file = fopen(ctw_limits_store_path(f->k), "we");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
}

static void assert_kept(struct keep_fixture *f, const struct ctw_saved_limits *expected) {
    struct ctw_saved_limits k;

    assert_int_equal(ctw_limits_store_read(f->k, &k), 0);
    assert_memory_equal(&k, expected, sizeof(k));
}

static void what_was_put_is_read_in_the_next_life(void **state) {
    struct keep_fixture *f = *state;
    struct ctw_saved_limits k;

    assert_int_equal(ctw_limits_store_read(f->k, &k), -ENOENT);
    ctw_limits_store_put(f->k, &grown);
    run(f);
    assert_int_equal(ctw_limits_store_error(f->k), 0);
    assert_kept(f, &grown);
    assert_int_equal(ctw_limits_store_drop(f->k), 0);
    assert_int_equal(ctw_limits_store_read(f->k, &k), -ENOENT);
    assert_int_equal(ctw_limits_store_drop(f->k), 0);
}

static void an_end_before_it_was_written_writes_it(void **state) {
    struct keep_fixture *f = *state;

    ctw_limits_store_put(f->k, &grown);
    f->k = ctw_limits_store_free(f->k);
    assert_int_equal(ctw_limits_store_new(f->event, "", DELAY_USEC, &f->k), 0);
    assert_kept(f, &grown);
}

static void junk_is_refused_and_replaced(void **state) {
    struct keep_fixture *f = *state;
    char junk[4096];
    struct ctw_saved_limits k;

    memset(junk, 0xff, sizeof(junk));
    put_bytes(f, junk, sizeof(junk));
    assert_int_equal(ctw_limits_store_read(f->k, &k), -EBADMSG);
    put_bytes(f, "", 0);
    assert_int_equal(ctw_limits_store_read(f->k, &k), -EBADMSG);
    put_bytes(f, "ctwatch-limits 2\n", 17);
    assert_int_equal(ctw_limits_store_read(f->k, &k), -EPROTONOSUPPORT);
    ctw_limits_store_put(f->k, &grown);
    run(f);
    assert_kept(f, &grown);
}

static void a_directory_without_permission_is_an_error_and_no_more(void **state) {
    struct keep_fixture *f = *state;

    if (geteuid() != 0) {
        print_message("skipped: only root can stop being root\n");
        skip();
    }
    assert_int_equal(mkdir(f->directory, 0755), 0);
    assert_int_equal(seteuid(65534), 0);
    ctw_limits_store_put(f->k, &grown);
    run(f);
    assert_int_equal(seteuid(0), 0);
    assert_int_equal(ctw_limits_store_error(f->k), -EACCES);
}

static void a_full_or_read_only_disk_keeps_what_was_there(void **state) {
    struct keep_fixture *f = *state;
    char filler[65536] = {0};
    struct ctw_saved_limits more = grown;

    assert_int_equal(mkdir(f->directory, 0755), 0);
    if (mount("none", f->directory, "tmpfs", 0, "size=4k,nr_inodes=4") < 0) {
        print_message("skipped: cannot mount here\n");
        skip();
    }
    ctw_limits_store_put(f->k, &grown);
    run(f);
    assert_kept(f, &grown);

    char path[256];
    snprintf(path, sizeof(path), "%s/filler", f->directory);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    (void)fwrite(filler, 1, sizeof(filler), file);
    (void)fclose(file);
    more.max *= 2;
    ctw_limits_store_put(f->k, &more);
    const int full = await_error(f);
    assert_kept(f, &grown);

    assert_int_equal(mount(NULL, f->directory, NULL, MS_REMOUNT | MS_RDONLY, NULL), 0);
    f->k = ctw_limits_store_free(f->k);
    assert_int_equal(ctw_limits_store_new(f->event, "", DELAY_USEC, &f->k), 0);
    ctw_limits_store_put(f->k, &more);
    const int readonly = await_error(f);
    assert_kept(f, &grown);
    assert_int_equal(umount(f->directory), 0);
    assert_int_equal(full, -ENOSPC);
    assert_int_equal(readonly, -EROFS);
}

/* The end of each life writes what waits. */
static void write_for_ever(const struct ctw_saved_limits *from) {
    struct ctw_saved_limits k = *from;
    sd_event *event = NULL;

    if (sd_event_new(&event) < 0)
        _exit(1);
    for (;;) {
        struct ctw_limits_store *writer = NULL;
        k.max = k.max < CTW_MAX_LARGEST ? k.max + 1 : k.before_max;
        if (ctw_limits_store_new(event, "", DELAY_USEC, &writer) < 0)
            _exit(1);
        ctw_limits_store_put(writer, &k);
        (void)ctw_limits_store_free(writer);
    }
}

/* Killed at any moment, a writer leaves what was before or what it wrote, and nothing in between.
 * Each lives longer than the one before, at last long enough to write on any machine. */
static void a_writer_killed_at_any_moment_tears_nothing(void **state) {
    struct keep_fixture *f = *state;
    struct ctw_saved_limits k = grown;

    ctw_limits_store_put(f->k, &grown);
    run(f);
    for (unsigned i = 0; i < 150 || k.max == grown.max; i++) {
        const pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0)
            write_for_ever(&k);
        const struct timespec t = {.tv_nsec = 1000000 + i % 2000 * 400000};
        (void)nanosleep(&t, NULL);
        assert_int_equal(kill(pid, SIGKILL), 0);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
        assert_int_equal(ctw_limits_store_read(f->k, &k), 0);
        assert_int_equal(k.before_max, grown.before_max);
        assert_true(k.max >= grown.max);
    }
}

#undef TEST
#define TEST(name) cmocka_unit_test_setup_teardown(name, keep_up, keep_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(what_was_put_is_read_in_the_next_life),
        TEST(an_end_before_it_was_written_writes_it),
        TEST(junk_is_refused_and_replaced),
        TEST(a_directory_without_permission_is_an_error_and_no_more),
        TEST(a_full_or_read_only_disk_keeps_what_was_there),
        TEST(a_writer_killed_at_any_moment_tears_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
