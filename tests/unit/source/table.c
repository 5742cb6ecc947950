/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/support/table_root.h"

/* --- captured machines ----------------------------------------------------------------------- */

static const struct machine {
    const char *name;
    uint32_t count, max, buckets;
    struct ctw_counters counters;
} machines[] = {
    {"linux-6.18", 1000, 262144, 262144, {0, 0, 0, 0}},
    {"linux-6.18-full", 262144, 262144, 262144, {.drop = 1888, .early_drop = 112}},
    {"debian-6.1", 28807, 65536, 1024, {.insert_failed = 1193, .chainlength = 1193}},
    {"rhel6-2.6.32",
     65517,
     65536,
     16384,
     {.drop = 3604, .early_drop = 1292, .insert_failed = 29, .chainlength = 0}},
    {"rhel5-2.6.18",
     31022,
     34576,
     4322,
     {.drop = 42, .early_drop = 263, .insert_failed = 3, .chainlength = 0}},
    {"linux-2.4", 512, 8184, 1023, {0, 0, 0, 0}},
    {"max-0", 58, 0, 65536, {0, 0, 0, 0}},
};

static void open_captured(struct fixture *f, const char *name) {
    char root[PATH_MAX];
    snprintf(root, sizeof root, "%s/tests/fixtures/roots/%s", getenv("SOURCE_DIR"), name);
    f->table = ctw_table_free(f->table);
    assert_int_equal(ctw_table_new(root, &f->table), 0);
}

static void captured_machines_of_every_generation_are_read(void **state) {
    struct fixture *f = *state;

    for (const struct machine *m = machines; m < machines + LENGTH(machines); m++) {
        print_message("%s\n", m->name);
        open_captured(f, m->name);
        expect_ok(f, m->count, m->max);
        expect_counters(f, m->counters.drop);
        assert_int_equal(f->sample.counters.early_drop, m->counters.early_drop);
        assert_int_equal(f->sample.counters.insert_failed, m->counters.insert_failed);
        assert_int_equal(f->sample.counters.chainlength, m->counters.chainlength);
        assert_true(f->sample.has_buckets);
        assert_int_equal(f->sample.buckets, m->buckets);
    }
}

static void fragment_sysctls_are_no_sign_of_conntrack(void **state) {
    struct fixture *f = *state;
    open_captured(f, "no-module");
    expect_absent(f);
    poll_counters(f);
    assert_int_equal(f->state.health, CTW_HEALTH_ABSENT);
    assert_string_equal(f->state.what, NF_STAT);
    assert_false(f->sample.has_counters);
    assert_false(f->sample.has_buckets);
}

/* --- count and max --------------------------------------------------------------------------- */

static void a_module_that_comes_and_goes_is_followed(void **state) {
    struct fixture *f = *state;
    expect_absent(f);
    for (int i = 0; i < 3; i++) {
        put_table(f);
        expect_ok(f, 1000, 262144);
        expect_ok(f, 1000, 262144);
        remove_file(f, NF_COUNT);
        remove_file(f, NF_MAX);
        expect_absent(f);
        expect_absent(f);
    }
}

static void a_file_replaced_under_its_name_is_noticed(void **state) {
    struct fixture *f = *state;
    char from[PATH_MAX], to[PATH_MAX];

    put_table(f);
    write_file(f, NF_STAT, "drop\n1\n");
    expect_ok(f, 1000, 262144);
    expect_counters(f, 1);
    write_file(f, "/new", "1001\n");
    path_of(f, "/new", from);
    path_of(f, NF_COUNT, to);
    assert_int_equal(rename(from, to), 0);
    write_file(f, "/new", "drop\n2\n");
    path_of(f, NF_STAT, to);
    assert_int_equal(rename(from, to), 0);
    expect_ok(f, 1001, 262144);
    expect_counters(f, 2);
}

static void a_count_above_max_is_a_look_like_any_other(void **state) {
    struct fixture *f = *state;
    put_table(f);
    write_file(f, NF_COUNT, "500000\n");
    expect_ok(f, 500000, 262144);
    write_file(f, NF_COUNT, "4294967295\n");
    expect_ok(f, UINT32_MAX, 262144);
}

static void nonsense_in_either_file_is_said_with_its_name(void **state) {
    static const char *const nonsense[] = {
        "",           "\n",         "262144",
        "26214",      "-1\n",       "123456789012345678901234567890\n",
        "4294967296", "262144 \n",  "0x10\n",
        "1\n2\n",     "262144\r\n", "garbage\n",
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < LENGTH(nonsense); i++) {
        put_table(f);
        expect_ok(f, 1000, 262144);
        write_file(f, NF_COUNT, nonsense[i]);
        expect_failed(f, -EBADMSG, NF_COUNT);
        put_table(f);
        write_file(f, NF_MAX, nonsense[i]);
        expect_failed(f, -EBADMSG, NF_MAX);
    }
    put_table(f);
    expect_ok(f, 1000, 262144);
}

static void a_number_longer_than_any_is_not_cut_to_one_that_fits(void **state) {
    struct fixture *f = *state;
    char digits[4096];

    put_table(f);
    memset(digits, '0', sizeof digits);
    digits[sizeof digits - 1] = '\n';
    write_bytes(f, NF_COUNT, digits, sizeof digits);
    expect_failed(f, -EBADMSG, NF_COUNT);
    digits[63] = '\n'; /* right where the reader's room ends */
    write_bytes(f, NF_COUNT, digits, sizeof digits);
    poll_table(f);
    assert_int_equal(f->state.health, CTW_HEALTH_FAILED);
}

static void one_file_without_the_other_is_a_failure(void **state) {
    struct fixture *f = *state;
    put_table(f);
    remove_file(f, NF_MAX);
    expect_failed(f, -ENOENT, NF_MAX);
    put_table(f);
    remove_file(f, NF_COUNT);
    expect_failed(f, -ENOENT, NF_COUNT);
}

static void an_unreadable_file_is_a_failure_not_an_absence(void **state) {
    struct fixture *f = *state;
    char path[PATH_MAX];

    place_for(f, NF_COUNT "/x", path); /* a folder of its name */
    expect_failed(f, -EISDIR, NF_COUNT);
}

static void the_file_that_is_there_is_blamed_not_the_newest_name(void **state) {
    struct fixture *f = *state;
    char path[PATH_MAX];

    place_for(f, IP_COUNT, path);
    assert_int_equal(symlink("ip_conntrack_count", path), 0); /* to itself */
    write_file(f, IP_MAX, "8184\n");
    expect_failed(f, -ELOOP, IP_COUNT);
}

static void a_fifo_in_the_place_of_a_file_does_not_hang_a_look(void **state) {
    struct fixture *f = *state;
    char path[PATH_MAX];

    place_for(f, NF_COUNT, path);
    assert_int_equal(mkfifo(path, 0644), 0);
    write_file(f, NF_MAX, "262144\n");
    expect_failed(f, -ESPIPE, NF_COUNT);
}

/* --- the object ------------------------------------------------------------------------------ */

static void a_root_that_is_too_long_is_refused(void **state) {
    static char root[PATH_MAX + 1];
    struct ctw_table *t = NULL;

    (void)state;
    memset(root, 'x', PATH_MAX);
    assert_int_equal(ctw_table_new(root, &t), -ENAMETOOLONG);
    assert_null(t);
    root[PATH_MAX - 1] = '\0'; /* one that just fits makes paths that do not */
    struct fixture f = {0};
    assert_int_equal(ctw_table_new(root, &f.table), 0);
    expect_failed(&f, -ENAMETOOLONG, NF_COUNT);
    assert_null(ctw_table_free(f.table));
    assert_null(ctw_table_free(NULL));
}

static int lowest_free_descriptor(void) {
    const int fd = dup(STDOUT_FILENO);
    close(fd);
    return fd;
}

static void no_course_of_faults_leaks_a_descriptor(void **state) {
    struct fixture *f = *state;
    const int before = lowest_free_descriptor();

    for (int i = 0; i < 50; i++) {
        put_table(f);
        write_statistics(f, 2);
        expect_ok(f, 1000, 262144);
        expect_counters(f, 34);
        write_file(f, NF_STAT, "drop\n");
        expect_counters_failed(f, -EBADMSG);
        write_file(f, NF_MAX, "x\n");
        expect_failed(f, -EBADMSG, NF_MAX);
        remove_file(f, NF_MAX);
        expect_failed(f, -ENOENT, NF_MAX);
        remove_file(f, NF_COUNT);
        expect_absent(f);
    }
    f->table = ctw_table_free(f->table);
    assert_int_equal(lowest_free_descriptor(), before);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(captured_machines_of_every_generation_are_read),
        TEST(fragment_sysctls_are_no_sign_of_conntrack),
        TEST(a_module_that_comes_and_goes_is_followed),
        TEST(a_file_replaced_under_its_name_is_noticed),
        TEST(a_count_above_max_is_a_look_like_any_other),
        TEST(nonsense_in_either_file_is_said_with_its_name),
        TEST(a_number_longer_than_any_is_not_cut_to_one_that_fits),
        TEST(one_file_without_the_other_is_a_failure),
        TEST(an_unreadable_file_is_a_failure_not_an_absence),
        TEST(the_file_that_is_there_is_blamed_not_the_newest_name),
        TEST(a_fifo_in_the_place_of_a_file_does_not_hang_a_look),
        TEST(a_root_that_is_too_long_is_refused),
        TEST(no_course_of_faults_leaks_a_descriptor),
    };
    if (getenv("SOURCE_DIR") == NULL) {
        puts("skipped: SOURCE_DIR does not say where the captured machines are");
        return 77;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
