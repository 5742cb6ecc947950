/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Limits saved in a state directory that is whole, missing, read-only, full or holds junk; a writer
 * that is killed at any moment; and a disk that hangs: this program defines its own fsync(). */

#include "tests/support/table_root.h"

#include <signal.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "daemon/sink/limits.h"
#include "lib/kernel/release.h"
#include "tests/support/folder.h"

/* Delays are this many times shorter. */
#define HASTE 20u

static const struct ctw_saved_limits grown = {65536, 65536, 1048576, 262144};

/* Shared with the children. */
static struct {
    bool hangs;
    pid_t pid; /* of the child that hangs */
} * disk;

int fsync(int fd) {
    if (!disk || !disk->hangs)
        return (int)syscall(SYS_fsync, fd);
    disk->pid = getpid();
    for (;;)
        (void)pause();
}

struct store_fixture {
    char root[64];
    char directory[128];
    sd_event *event;
    struct ctw_limits *k;
    struct ctw_settings settings; /* growth is a dry run */
};

int sd_event_add_time_relative(sd_event *event, sd_event_source **source, clockid_t clock,
                               uint64_t usec, uint64_t accuracy, sd_event_time_handler_t callback,
                               void *userdata) {
    uint64_t now_usec;

    const int r = sd_event_now(event, clock, &now_usec);
    return r < 0 ? r
                 : sd_event_add_time(event, source, clock, now_usec + usec / HASTE, accuracy,
                                     callback, userdata);
}

static struct ctw_growth_facts facts_of(const struct store_fixture *f, struct ctw_limits *l) {
    struct ctw_growth_facts facts = {0};

    ctw_limits_facts(l, &f->settings, 0, true, &facts);
    return facts;
}

/* What the next ctwatchd would read. */
static int read_saved(const struct store_fixture *f, struct ctw_saved_limits *ret) {
    struct ctw_limits *next;

    assert_int_equal(ctw_limits_new(NULL, "", true, &next), 0);
    const struct ctw_growth_facts facts = facts_of(f, next);
    (void)ctw_limits_free(next);
    *ret = facts.saved;
    return facts.has_saved ? 0 : facts.save_error < 0 ? facts.save_error : -ENOENT;
}

static int store_up(void **state) {
    struct store_fixture *f = calloc(1, sizeof(*f));
    sigset_t child_ended;

    (void)sigemptyset(&child_ended);
    (void)sigaddset(&child_ended, SIGCHLD);
    assert_int_equal(sigprocmask(SIG_BLOCK, &child_ended, NULL), 0); /* for sd_event_add_child() */
    assert_non_null(f);
    snprintf(f->root, sizeof(f->root), "/tmp/ctw-saved-XXXXXX");
    assert_non_null(mkdtemp(f->root));
    snprintf(f->directory, sizeof(f->directory), "%s/state", f->root);
    assert_int_equal(setenv("STATE_DIRECTORY", f->directory, 1), 0);
    assert_int_equal(sd_event_new(&f->event), 0);
    ctw_settings_defaults(&f->settings);
    f->settings.growth.enabled = f->settings.growth.dry_run = true;
    assert_int_equal(ctw_limits_new(f->event, "", true, &f->k), 0);
    *state = f;
    return 0;
}

static int store_down(void **state) {
    struct store_fixture *f = *state;

    if (disk)
        disk->hangs = false;
    assert_null(ctw_limits_free(f->k));
    sd_event_unref(f->event);
    remove_folder(f->root);
    free(f);
    return 0;
}

/* Until the file was written, or could not be. */
static void run(struct store_fixture *f) {
    struct ctw_saved_limits k;

    for (int i = 0; i < 400; i++) {
        assert_true(sd_event_run(f->event, 10000) >= 0);
        if (facts_of(f, f->k).save_error != 0 ||
            (read_saved(f, &k) == 0 && i > 25)) /* the write comes after the delay */
            return;
    }
    fail_msg("nothing was written");
}

/* Until a write has failed. */
static int await_error(struct store_fixture *f) {
    for (int i = 0; i < 2000 && facts_of(f, f->k).save_error == 0; i++)
        assert_true(sd_event_run(f->event, 10000) >= 0);
    return facts_of(f, f->k).save_error;
}

static void put_bytes(struct store_fixture *f, const void *bytes, size_t length) {
    assert_true(mkdir(f->directory, 0700) == 0 || errno == EEXIST);
    FILE *file = fopen(facts_of(f, f->k).save_path, "we");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
}

static void assert_saved(struct store_fixture *f, const struct ctw_saved_limits *expected) {
    struct ctw_saved_limits k;

    assert_int_equal(read_saved(f, &k), 0);
    assert_memory_equal(&k, expected, sizeof(k));
}

static void put_is_read_back(void **state) {
    struct store_fixture *f = *state;
    struct ctw_saved_limits k;

    assert_int_equal(read_saved(f, &k), -ENOENT);
    ctw_limits_save(f->k, &grown);
    run(f);
    assert_int_equal(facts_of(f, f->k).save_error, 0);
    assert_saved(f, &grown);
    struct stat st;
    assert_int_equal(stat(facts_of(f, f->k).save_path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
}

static void free_before_the_delay_writes(void **state) {
    struct store_fixture *f = *state;

    ctw_limits_save(f->k, &grown);
    f->k = ctw_limits_free(f->k);
    assert_int_equal(ctw_limits_new(f->event, "", true, &f->k), 0);
    assert_saved(f, &grown);
}

static void read_junk_refuses_and_put_replaces_it(void **state) {
    struct store_fixture *f = *state;
    char junk[4096];
    struct ctw_saved_limits k;

    memset(junk, 0xff, sizeof(junk));
    put_bytes(f, junk, sizeof(junk));
    assert_int_equal(read_saved(f, &k), -EBADMSG);
    put_bytes(f, "", 0);
    assert_int_equal(read_saved(f, &k), -EBADMSG);
    put_bytes(f, "ctwatch-limits 2\n", 17);
    assert_int_equal(read_saved(f, &k), -EPROTONOSUPPORT);
    ctw_limits_save(f->k, &grown);
    run(f);
    assert_saved(f, &grown);
}

static void put_without_permission_reports_it(void **state) {
    struct store_fixture *f = *state;

    if (geteuid() != 0) {
        print_message("skipped: only root can stop being root\n");
        skip();
    }
    assert_int_equal(mkdir(f->directory, 0755), 0);
    assert_int_equal(seteuid(65534), 0);
    ctw_limits_save(f->k, &grown);
    run(f);
    assert_int_equal(seteuid(0), 0);
    assert_int_equal(facts_of(f, f->k).save_error, -EACCES);
}

static void put_on_a_full_disk_leaves_the_file(void **state) {
    struct store_fixture *f = *state;
    char filler[65536] = {0};
    struct ctw_saved_limits more = grown;

    assert_int_equal(mkdir(f->directory, 0755), 0);
    if (mount("none", f->directory, "tmpfs", 0, "size=4k,nr_inodes=4") < 0) {
        print_message("skipped: cannot mount here\n");
        skip();
    }
    ctw_limits_save(f->k, &grown);
    run(f);
    assert_saved(f, &grown);

    char path[256];
    snprintf(path, sizeof(path), "%s/filler", f->directory);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    (void)fwrite(filler, 1, sizeof(filler), file);
    (void)fclose(file);
    more.max *= 2;
    ctw_limits_save(f->k, &more);
    const int full = await_error(f);
    assert_saved(f, &grown);

    assert_int_equal(mount(NULL, f->directory, NULL, MS_REMOUNT | MS_RDONLY, NULL), 0);
    f->k = ctw_limits_free(f->k);
    assert_int_equal(ctw_limits_new(f->event, "", true, &f->k), 0);
    ctw_limits_save(f->k, &more);
    const int readonly = await_error(f);
    assert_saved(f, &grown);
    assert_int_equal(umount(f->directory), 0);
    assert_int_equal(full, -ENOSPC);
    assert_int_equal(readonly, -EROFS);
}

/* Each free writes what was put. */
static void write_forever(const struct ctw_saved_limits *from) {
    struct ctw_saved_limits k = *from;
    sd_event *event = NULL;

    if (sd_event_new(&event) < 0)
        _exit(1);
    for (;;) {
        struct ctw_limits *writer = NULL;
        k.max = k.max < CTW_MAX_LARGEST ? k.max + 1 : k.before_max;
        if (ctw_limits_new(event, "", true, &writer) < 0)
            _exit(1);
        ctw_limits_save(writer, &k);
        (void)ctw_limits_free(writer);
    }
}

/* The file holds what was before or what the writer wrote. Each writer lives longer than the one
 * before, at last long enough to write on any machine. Its children are waited for as well. */
static void writer_killed_at_any_moment_tears_nothing(void **state) {
    struct store_fixture *f = *state;
    struct ctw_saved_limits k = grown;

    ctw_limits_save(f->k, &grown);
    run(f);
    if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0) {
        print_message("skipped: qemu-user has no subreapers\n");
        skip();
    }
    for (unsigned i = 0; i < 150 || k.max == grown.max; i++) {
        const pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0)
            write_forever(&k);
        const struct timespec t = {.tv_nsec = 1000000 + i % 2000 * 400000};
        (void)nanosleep(&t, NULL);
        assert_int_equal(kill(pid, SIGKILL), 0);
        while (waitpid(-1, NULL, 0) > 0)
            ;
        assert_int_equal(read_saved(f, &k), 0);
        assert_int_equal(k.before_max, grown.before_max);
        assert_true(k.max >= grown.max);
    }
}

/* --- a disk that hangs ------------------------------------------------------------------------ */

static void hang(struct store_fixture *f) {
    disk = mmap(NULL, sizeof(*disk), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(disk != MAP_FAILED);
    disk->hangs = true;
    ctw_limits_save(f->k, &grown);
    for (int i = 0; i < 1000 && disk->pid == 0; i++)
        assert_true(sd_event_run(f->event, 10000) >= 0);
    assert_int_not_equal(disk->pid, 0);
}

static void child_on_a_hanging_disk_holds_no_lock(void **state) {
    struct store_fixture *f = *state;
    char path[128];

    snprintf(path, sizeof(path), "%s/lock", f->root);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    assert_int_equal(flock(fd, LOCK_EX), 0);
    hang(f);
    assert_int_equal(close(fd), 0); /* as at the end of ctwatchd */
    fd = open(path, O_RDWR | O_CLOEXEC);
    const int r = flock(fd, LOCK_EX | LOCK_NB);
    assert_int_equal(kill(disk->pid, SIGKILL), 0);
    assert_int_equal(r, 0);
    assert_int_equal(close(fd), 0);
}

static void child_on_a_hanging_disk_ends_by_sigterm(void **state) {
    struct store_fixture *f = *state;
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    assert_int_equal(sigprocmask(SIG_BLOCK, &set, NULL), 0); /* as ctwatchd does */
    hang(f);
    assert_int_equal(kill(disk->pid, SIGTERM), 0);
    for (int i = 0; i < 1000 && facts_of(f, f->k).save_error == 0; i++)
        assert_true(sd_event_run(f->event, 10000) >= 0);
    const int error = facts_of(f, f->k).save_error;
    (void)kill(disk->pid, SIGKILL);
    assert_int_equal(error, -EINTR);
}

static void free_on_a_hanging_disk_returns(void **state) {
    struct store_fixture *f = *state;

    hang(f);
    ctw_limits_save(f->k, &grown);
    f->k = ctw_limits_free(f->k);
    assert_int_equal(kill(disk->pid, SIGKILL), 0);
    assert_int_equal(waitpid(disk->pid, NULL, 0), disk->pid);
    disk->hangs = false;
}

#undef TEST
#define TEST(name) cmocka_unit_test_setup_teardown(name, store_up, store_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(put_is_read_back),
        TEST(free_before_the_delay_writes),
        TEST(read_junk_refuses_and_put_replaces_it),
        TEST(put_without_permission_reports_it),
        TEST(put_on_a_full_disk_leaves_the_file),
        TEST(writer_killed_at_any_moment_tears_nothing),
        TEST(child_on_a_hanging_disk_holds_no_lock),
        TEST(child_on_a_hanging_disk_ends_by_sigterm),
        TEST(free_on_a_hanging_disk_returns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
