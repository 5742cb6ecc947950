/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Writing limits below a root of files, with writes that fail, fall short or change nothing: a
 * pwrite() of this program's own stands before that of the C library. */

#include "tests/support/table_root.h"

#include <sys/syscall.h>
#include <unistd.h>

#include "daemon/sink/limits.h"
#include "tests/support/folder.h"

/* What the next writes do. */
static struct {
    int error;       /* fail with this */
    bool fall_short; /* write all but the last byte */
    bool change_nothing;
    const char *other_netns; /* somebody else writes this right after */
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
    const ssize_t n = syscall(SYS_pwrite64, fd, buffer, size, offset);
    if (kernel.other_netns)
        (void)syscall(SYS_pwrite64, fd, kernel.other_netns, strlen(kernel.other_netns), 0);
    return n;
}

struct limiter_fixture {
    struct fixture files;
    struct ctw_limit_files l;
    struct ctw_growth_outcome o;
};

static int limiter_up(void **state) {
    struct limiter_fixture *f = calloc(1, sizeof(*f));

    assert_non_null(f);
    memset(&kernel, 0, sizeof(kernel));
    snprintf(f->files.root, sizeof(f->files.root), "/tmp/ctw-limiter-XXXXXX");
    assert_non_null(mkdtemp(f->files.root));
    write_file(&f->files, NF_COUNT, "1234\n");
    write_file(&f->files, NF_MAX, "65536\n");
    write_file(&f->files, NF_BUCKETS, "16384\n");
    ctw_limit_files_init(&f->l, f->files.root);
    *state = f;
    return 0;
}

static int limiter_down(void **state) {
    struct limiter_fixture *f = *state;

    remove_folder(f->files.root);
    free(f);
    return 0;
}

static void decide_on(struct limiter_fixture *f, uint32_t max, uint32_t buckets) {
    const struct ctw_growth_decision d = {
        .old_max = 65536, .new_max = max, .old_buckets = 16384, .new_buckets = buckets};

    kernel.writes = 0;
    ctw_limit_files_write(&f->l, &d, &f->o);
}

static void assert_file(const struct limiter_fixture *f, const char *name, const char *expected) {
    char path[PATH_MAX], text[64];

    path_of(&f->files, name, path);
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    const size_t n = fread(text, 1, sizeof(text) - 1, file);
    text[n] = '\0';
    assert_int_equal(fclose(file), 0);
    assert_string_equal(text, expected);
}

static void both_are_written_and_read_back(void **state) {
    struct limiter_fixture *f = *state;

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

static void a_limit_changed_since_the_look_is_left_alone(void **state) {
    struct limiter_fixture *f = *state;

    write_file(&f->files, NF_MAX, "524288\n");
    decide_on(f, 131072, 32768);
    assert_int_equal(kernel.writes, 0);
    assert_int_equal(f->o.max_error, -EAGAIN);
    assert_false(f->o.max_written || f->o.buckets_written);
    assert_file(f, NF_MAX, "524288\n");
}

static void nothing_is_ever_lowered(void **state) {
    struct limiter_fixture *f = *state;

    decide_on(f, 65535, 16383);
    assert_int_equal(kernel.writes, 0);
    decide_on(f, 0, 0);
    assert_int_equal(kernel.writes, 0);
    write_file(&f->files, NF_BUCKETS, "65536\n"); /* somebody was faster */
    decide_on(f, 0, 32768);
    assert_int_equal(kernel.writes, 0);
    assert_false(f->o.buckets_written);
    assert_int_equal(f->o.buckets_error, 0);
}

static void each_way_of_failing_is_told_apart(void **state) {
    static const int errors[] = {EACCES, EPERM, EROFS, EINVAL, ENOMEM, EIO};
    struct limiter_fixture *f = *state;

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

static void a_write_that_changes_nothing_is_no_success(void **state) {
    struct limiter_fixture *f = *state;

    kernel.change_nothing = true;
    decide_on(f, 131072, 0);
    assert_int_equal(f->o.max_error, -EPROTO);
    assert_false(f->o.max_written);
}

static void somebody_who_writes_right_after_is_no_failure(void **state) {
    struct limiter_fixture *f = *state;

    kernel.other_netns = "777777\n";
    decide_on(f, 131072, 0);
    assert_int_equal(f->o.max_error, -EAGAIN);
    assert_int_equal(f->o.max, 777777);
    assert_false(f->o.max_written);
}

static void max_grows_though_buckets_cannot(void **state) {
    struct limiter_fixture *f = *state;
    char path[PATH_MAX];

    path_of(&f->files, NF_BUCKETS, path);
    assert_int_equal(unlink(path), 0);
    decide_on(f, 131072, 32768);
    assert_true(f->o.max_written);
    assert_int_equal(f->o.buckets_error, -ENOENT);
    assert_false(f->o.buckets_written);
}

static void the_modules_parameter_stands_in_for_the_sysctl(void **state) {
    struct limiter_fixture *f = *state;
    char path[PATH_MAX];

    path_of(&f->files, NF_BUCKETS, path);
    assert_int_equal(unlink(path), 0);
    write_file(&f->files, HASHSIZE, "16384\n");
    decide_on(f, 0, 32768);
    assert_true(f->o.buckets_written);
    assert_file(f, HASHSIZE, "32768\n");
    assert_string_equal(f->l.buckets_path, HASHSIZE);
}

static void the_old_names_are_written_too(void **state) {
    struct limiter_fixture *f = *state;
    char path[PATH_MAX];

    path_of(&f->files, NF_MAX, path);
    assert_int_equal(unlink(path), 0);
    write_file(&f->files, IP_MAX, "65536\n");
    decide_on(f, 131072, 0);
    assert_true(f->o.max_written);
    assert_file(f, IP_MAX, "131072\n");
}

static void the_test_writes_what_is_there(void **state) {
    struct limiter_fixture *f = *state;
    char path[PATH_MAX];
    int error;

    assert_int_equal(ctw_limit_files_test(&f->l, true, &error), CTW_PERMISSION_GRANTED);
    assert_file(f, NF_MAX, "65536\n");
    kernel.error = EROFS;
    assert_int_equal(ctw_limit_files_test(&f->l, true, &error), CTW_PERMISSION_DENIED);
    assert_int_equal(error, -EROFS);
    kernel.error = EACCES;
    assert_int_equal(ctw_limit_files_test(&f->l, true, &error), CTW_PERMISSION_DENIED);
    assert_int_equal(ctw_limit_files_test(&f->l, false, &error), CTW_PERMISSION_CHILD);
    path_of(&f->files, NF_MAX, path);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(ctw_limit_files_test(&f->l, true, &error), CTW_PERMISSION_UNKNOWN);
}

static void restoring_lowers_on_demand(void **state) {
    struct limiter_fixture *f = *state;
    uint32_t max, buckets;

    write_file(&f->files, NF_MAX, "1048576\n");
    assert_int_equal(ctw_limit_files_restore(&f->l, 65536, 1024, &max, &buckets), 0);
    assert_int_equal(max, 1048576);
    assert_int_equal(buckets, 16384);
    assert_file(f, NF_MAX, "65536\n");
    assert_file(f, NF_BUCKETS, "1024\n");
    assert_int_equal(ctw_limit_files_restore(&f->l, 0, 0, &max, &buckets), 0);
    assert_file(f, NF_MAX, "65536\n"); /* never 0 */
    kernel.error = EACCES;
    assert_int_equal(ctw_limit_files_restore(&f->l, 1000, 1024, &max, &buckets), -EACCES);
}

#undef TEST
#define TEST(name) cmocka_unit_test_setup_teardown(name, limiter_up, limiter_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(both_are_written_and_read_back),
        TEST(a_limit_changed_since_the_look_is_left_alone),
        TEST(nothing_is_ever_lowered),
        TEST(each_way_of_failing_is_told_apart),
        TEST(a_write_that_changes_nothing_is_no_success),
        TEST(somebody_who_writes_right_after_is_no_failure),
        TEST(max_grows_though_buckets_cannot),
        TEST(the_modules_parameter_stands_in_for_the_sysctl),
        TEST(the_old_names_are_written_too),
        TEST(the_test_writes_what_is_there),
        TEST(restoring_lowers_on_demand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
