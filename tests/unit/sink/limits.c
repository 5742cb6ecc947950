/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Writing limits below a root of files, with writes that fail, are cut short or change nothing:
 * this program defines its own pwrite(). */

#include "tests/support/table_root.h"

#include <sys/uio.h>
#include <unistd.h>

#include "daemon/sink/limits.h"
#include "tests/support/folder.h"

/* What the next writes do. */
static struct {
    int error;       /* fail with this */
    bool fall_short; /* write all but the last byte */
    bool change_nothing;
    const char *other_netns; /* another program writes this right after */
    unsigned writes;
    off_t offset;
} kernel;

ssize_t pwrite(int fd, const void *buffer, size_t size, off_t offset) {
    kernel.writes++;
    kernel.offset = offset;
    if (kernel.error != 0) {
        errno = kernel.error;
        return -1;
    }
    if (kernel.fall_short)
        return (ssize_t)size - 1;
    if (kernel.change_nothing)
        return (ssize_t)size;
    assert_int_equal(ftruncate(fd, 0), 0); /* a sysctl has no length */
    const ssize_t n = pwritev(fd, &(struct iovec){(void *)buffer, size}, 1, offset);
    if (kernel.other_netns) {
        const struct iovec theirs = {(void *)kernel.other_netns, strlen(kernel.other_netns)};
        assert_int_equal(pwritev(fd, &theirs, 1, 0), theirs.iov_len);
    }
    return n;
}

struct limits_fixture {
    struct fixture files;
    struct ctw_settings settings;
    struct ctw_limits *l;
    struct ctw_growth_outcome o;
};

static int limits_up(void **state) {
    struct limits_fixture *f = calloc(1, sizeof(*f));

    assert_non_null(f);
    memset(&kernel, 0, sizeof(kernel));
    snprintf(f->files.root, sizeof(f->files.root), "/tmp/ctw-limits-XXXXXX");
    assert_non_null(mkdtemp(f->files.root));
    write_file(&f->files, NF_COUNT, "1234\n");
    write_file(&f->files, NF_MAX, "65536\n");
    write_file(&f->files, NF_BUCKETS, "16384\n");
    ctw_settings_defaults(&f->settings);
    f->settings.growth.enabled = true;
    assert_int_equal(unsetenv("STATE_DIRECTORY"), 0);
    assert_int_equal(ctw_limits_new(NULL, f->files.root, true, &f->l), 0);
    *state = f;
    return 0;
}

static int limits_down(void **state) {
    struct limits_fixture *f = *state;

    (void)ctw_limits_free(f->l);
    remove_folder(f->files.root);
    free(f);
    return 0;
}

static void decide_on(struct limits_fixture *f, uint32_t max, uint32_t buckets) {
    const struct ctw_growth_decision d = {
        .old_max = 65536, .new_max = max, .old_buckets = 16384, .new_buckets = buckets};

    kernel.writes = 0;
    ctw_limits_write(f->l, &d, &f->o);
}

static void assert_file(const struct limits_fixture *f, const char *name, const char *expected) {
    char path[PATH_MAX], text[64];

    path_of(&f->files, name, path);
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    const size_t n = fread(text, 1, sizeof(text) - 1, file);
    text[n] = '\0';
    assert_int_equal(fclose(file), 0);
    assert_string_equal(text, expected);
}

static void write_both_reads_them_back(void **state) {
    struct limits_fixture *f = *state;

    decide_on(f, 131072, 32768);
    assert_file(f, NF_MAX, "131072\n"); /* no leading zero, which would make it octal */
    assert_file(f, NF_BUCKETS, "32768\n");
    assert_int_equal(kernel.writes, 2);
    assert_int_equal(kernel.offset, 0);
    assert_true(f->o.max_written && f->o.buckets_written);
    assert_int_equal(f->o.max, 131072);
    assert_int_equal(f->o.buckets, 32768);
    assert_int_equal(f->o.count, 1234);
    assert_int_equal(f->o.max_error, 0);
}

static void write_after_another_program_writes_nothing(void **state) {
    struct limits_fixture *f = *state;

    write_file(&f->files, NF_MAX, "524288\n");
    decide_on(f, 131072, 32768);
    assert_int_equal(kernel.writes, 0);
    assert_int_equal(f->o.max_error, -EAGAIN);
    assert_false(f->o.max_written || f->o.buckets_written);
    assert_file(f, NF_MAX, "524288\n");
}

static void write_never_lowers(void **state) {
    struct limits_fixture *f = *state;

    decide_on(f, 65535, 16383);
    assert_int_equal(kernel.writes, 0);
    decide_on(f, 0, 0);
    assert_int_equal(kernel.writes, 0);
    write_file(&f->files, NF_BUCKETS, "65536\n"); /* by another program */
    decide_on(f, 0, 32768);
    assert_int_equal(kernel.writes, 0);
    assert_false(f->o.buckets_written);
    assert_int_equal(f->o.buckets_error, 0);
}

static void write_reports_each_error(void **state) {
    static const int errors[] = {EACCES, EPERM, EROFS, EINVAL, ENOMEM, EIO};
    struct limits_fixture *f = *state;

    for (size_t i = 0; i < LENGTH(errors); i++) {
        kernel.error = errors[i];
        decide_on(f, 131072, 32768);
        assert_int_equal(f->o.max_error, -errors[i]);
        assert_int_equal(kernel.writes, 1); /* buckets are not tried then */
        assert_false(f->o.max_written || f->o.buckets_written);
    }
    memset(&kernel, 0, sizeof(kernel));
    kernel.fall_short = true;
    decide_on(f, 131072, 0);
    assert_int_equal(f->o.max_error, -EIO);
}

static void write_that_changes_nothing_fails(void **state) {
    struct limits_fixture *f = *state;

    kernel.change_nothing = true;
    decide_on(f, 131072, 0);
    assert_int_equal(f->o.max_error, -EPROTO);
    assert_false(f->o.max_written);
}

static void write_overtaken_by_another_program_is_no_failure(void **state) {
    struct limits_fixture *f = *state;

    kernel.other_netns = "777777\n";
    decide_on(f, 131072, 0);
    assert_int_equal(f->o.max_error, -EAGAIN);
    assert_int_equal(f->o.max, 777777);
    assert_false(f->o.max_written);
}

static void write_without_buckets_raises_max(void **state) {
    struct limits_fixture *f = *state;
    char path[PATH_MAX];

    path_of(&f->files, NF_BUCKETS, path);
    assert_int_equal(unlink(path), 0);
    decide_on(f, 131072, 32768);
    assert_true(f->o.max_written);
    assert_int_equal(f->o.buckets_error, -ENOENT);
    assert_false(f->o.buckets_written);
}

static void write_falls_back_to_the_module_parameter(void **state) {
    struct limits_fixture *f = *state;
    char path[PATH_MAX];

    path_of(&f->files, NF_BUCKETS, path);
    assert_int_equal(unlink(path), 0);
    write_file(&f->files, HASHSIZE, "16384\n");
    decide_on(f, 0, 32768);
    assert_true(f->o.buckets_written);
    assert_file(f, HASHSIZE, "32768\n");
}

static void write_uses_the_old_names(void **state) {
    struct limits_fixture *f = *state;
    char path[PATH_MAX];

    path_of(&f->files, NF_MAX, path);
    assert_int_equal(unlink(path), 0);
    write_file(&f->files, IP_MAX, "65536\n");
    decide_on(f, 131072, 0);
    assert_true(f->o.max_written);
    assert_file(f, IP_MAX, "131072\n");
}

static struct ctw_growth_facts facts_at(struct limits_fixture *f, uint64_t minute) {
    struct ctw_growth_facts facts = {0};

    ctw_limits_facts(f->l, &f->settings, minute * 60 * CTW_USEC_PER_SEC, true, &facts);
    return facts;
}

static void facts_test_the_permission_with_the_present_max(void **state) {
    struct limits_fixture *f = *state;

    kernel.error = EROFS;
    struct ctw_growth_facts facts = facts_at(f, 1);
    assert_int_equal(facts.permission, CTW_PERMISSION_DENIED);
    assert_int_equal(facts.permission_error, -EROFS);
    kernel.error = 0;
    assert_int_equal(facts_at(f, 1).permission, CTW_PERMISSION_DENIED);
    assert_int_equal(facts_at(f, 2).permission, CTW_PERMISSION_GRANTED);
    assert_file(f, NF_MAX, "65536\n");
    kernel.writes = 0;
    assert_int_equal(facts_at(f, 4).permission, CTW_PERMISSION_GRANTED);
    assert_int_equal(kernel.writes, 0); /* once is enough */

    f->settings.growth.dry_run = true;
    assert_int_equal(facts_at(f, 5).permission, CTW_PERMISSION_UNKNOWN);
    f->settings.growth.enabled = f->settings.growth.dry_run = false;
    assert_int_equal(facts_at(f, 6).permission, CTW_PERMISSION_UNKNOWN);
    assert_int_equal(kernel.writes, 0);
}

static void facts_tell_another_namespace_and_a_missing_table(void **state) {
    struct limits_fixture *f = *state;
    char path[PATH_MAX];

    kernel.error = EACCES;
    assert_int_equal(facts_at(f, 1).permission, CTW_PERMISSION_DENIED);
    (void)ctw_limits_free(f->l);
    assert_int_equal(ctw_limits_new(NULL, f->files.root, false, &f->l), 0);
    assert_int_equal(facts_at(f, 1).permission, CTW_PERMISSION_CHILD);
    path_of(&f->files, NF_MAX, path);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(facts_at(f, 2).permission, CTW_PERMISSION_UNKNOWN);
}

static void forget_restores_the_limits_before_growth(void **state) {
    static const char saved[] = "/var/lib/ctwatch/limits";
    struct limits_fixture *f = *state;
    char path[PATH_MAX];

    assert_int_equal(ctw_limits_forget(f->files.root), 0); /* nothing saved */
    write_file(&f->files, NF_MAX, "1048576\n");
    write_file(&f->files, saved, "ctwatch-limits 1\nbefore 65536 1024\ngrown 1048576 16384\n");
    kernel.error = EACCES;
    assert_int_equal(ctw_limits_forget(f->files.root), -EACCES);
    assert_file(f, NF_MAX, "1048576\n");
    kernel.error = 0;
    assert_int_equal(ctw_limits_forget(f->files.root), 0);
    assert_file(f, NF_MAX, "65536\n");
    assert_file(f, NF_BUCKETS, "1024\n");
    path_of(&f->files, saved, path);
    assert_int_equal(access(path, F_OK), -1);
}

static void forget_of_junk_leaves_the_limits(void **state) {
    static const char saved[] = "/var/lib/ctwatch/limits";
    struct limits_fixture *f = *state;
    char path[PATH_MAX];

    write_file(&f->files, saved, "junk");
    assert_int_equal(ctw_limits_forget(f->files.root), 0);
    assert_file(f, NF_MAX, "65536\n");
    path_of(&f->files, saved, path);
    assert_int_equal(access(path, F_OK), -1);
}

#undef TEST
#define TEST(name) cmocka_unit_test_setup_teardown(name, limits_up, limits_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(write_both_reads_them_back),
        TEST(write_after_another_program_writes_nothing),
        TEST(write_never_lowers),
        TEST(write_reports_each_error),
        TEST(write_that_changes_nothing_fails),
        TEST(write_overtaken_by_another_program_is_no_failure),
        TEST(write_without_buckets_raises_max),
        TEST(write_falls_back_to_the_module_parameter),
        TEST(write_uses_the_old_names),
        TEST(facts_test_the_permission_with_the_present_max),
        TEST(facts_tell_another_namespace_and_a_missing_table),
        TEST(forget_of_junk_leaves_the_limits),
        TEST(forget_restores_the_limits_before_growth),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
