/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/support/table_root.h"

/* --- captured machines ----------------------------------------------------------------------- */

static const struct machine {
    const char *name;
    uint32_t count, max, buckets;
    struct ctw_counters counters;
} machines[] = {
    {"linux-6.18", 1000, 262144, 262144, {0}},
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
    {"linux-2.4", 512, 8184, 1023, {0}},
    {"max-0", 58, 0, 65536, {0}},
};

static void open_captured(struct fixture *f, const char *name) {
    char root[PATH_MAX];
    snprintf(root, sizeof root, "%s/tests/fixtures/roots/%s", getenv("SOURCE_DIR"), name);
    f->table = ctw_table_free(f->table);
    assert_int_equal(ctw_table_new(root, &f->table), 0);
}

static void read_captured_machines_of_each_generation(void **state) {
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

static void read_fragment_sysctls_alone_is_absent(void **state) {
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

static void read_module_comes_and_goes_follows_it(void **state) {
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

static void read_replaced_file_returns_the_new_one(void **state) {
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

static void read_count_above_max_is_ok(void **state) {
    struct fixture *f = *state;
    put_table(f);
    write_file(f, NF_COUNT, "500000\n");
    expect_ok(f, 500000, 262144);
    write_file(f, NF_COUNT, "4294967295\n");
    expect_ok(f, UINT32_MAX, 262144);
}

static void read_malformed_file_fails_with_its_name(void **state) {
    static const char *const nonsense[] = {
        "",           "\n",        "-1\n",   "123456789012345678901234567890\n",
        "4294967296", "262144 \n", "0x10\n", "1\n2\n",
        "garbage\n",
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

/* It came through a mail or an editor. */
static void read_captured_file_with_crlf_or_without_newline(void **state) {
    struct fixture *f = *state;

    put_table(f);
    write_file(f, NF_COUNT, "1000");
    write_file(f, NF_MAX, "262144\r\n");
    expect_ok(f, 1000, 262144);
    write_file(f, NF_STAT, "insert_failed drop\r\n1 2\r\n1 3");
    expect_counters(f, 5);
}

static void read_number_too_long_fails(void **state) {
    struct fixture *f = *state;
    char digits[4096];

    put_table(f);
    memset(digits, '0', sizeof digits);
    digits[sizeof digits - 1] = '\n';
    write_bytes(f, NF_COUNT, digits, sizeof digits);
    expect_failed(f, -EBADMSG, NF_COUNT);
    digits[63] = '\n'; /* the end of the reader's buffer */
    write_bytes(f, NF_COUNT, digits, sizeof digits);
    poll_table(f);
    assert_int_equal(f->state.health, CTW_HEALTH_FAILED);
}

static void read_one_file_missing_fails(void **state) {
    struct fixture *f = *state;
    put_table(f);
    remove_file(f, NF_MAX);
    expect_failed(f, -ENOENT, NF_MAX);
    put_table(f);
    remove_file(f, NF_COUNT);
    expect_failed(f, -ENOENT, NF_COUNT);
}

static void read_unreadable_file_fails(void **state) {
    struct fixture *f = *state;
    char path[PATH_MAX];

    place_for(f, NF_COUNT "/x", path); /* a folder of its name */
    expect_failed(f, -EISDIR, NF_COUNT);
}

static void read_failure_names_the_existing_file(void **state) {
    struct fixture *f = *state;
    char path[PATH_MAX];

    place_for(f, IP_COUNT, path);
    assert_int_equal(symlink("ip_conntrack_count", path), 0); /* to itself */
    write_file(f, IP_MAX, "8184\n");
    expect_failed(f, -ELOOP, IP_COUNT);
}

static void read_fifo_does_not_block(void **state) {
    struct fixture *f = *state;
    char path[PATH_MAX];

    place_for(f, NF_COUNT, path);
    assert_int_equal(mkfifo(path, 0644), 0);
    write_file(f, NF_MAX, "262144\n");
    expect_failed(f, -ESPIPE, NF_COUNT);
}

/* --- buckets --------------------------------------------------------------------------------- */

static void buckets_are_read_from_either_path(void **state) {
    struct fixture *f = *state;

    put_table(f);
    write_file(f, HASHSIZE, "16384\n");
    expect_ok(f, 1000, 262144);
    poll_counters(f);
    assert_true(f->sample.has_buckets);
    assert_int_equal(f->sample.buckets, 16384);

    write_file(f, NF_BUCKETS, "65536\n");
    expect_ok(f, 1000, 262144);
    poll_counters(f);
    assert_int_equal(f->sample.buckets, 65536);
}

static void buckets_unreadable_are_no_failure(void **state) {
    static const char *const nonsense[] = {NULL, "", "-1\n", "garbage\n"};
    struct fixture *f = *state;

    put_table(f);
    write_file(f, NF_STAT, "drop\n5\n");
    for (size_t i = 0; i < LENGTH(nonsense); i++) {
        if (nonsense[i] != NULL)
            write_file(f, NF_BUCKETS, nonsense[i]);
        expect_ok(f, 1000, 262144);
        expect_counters(f, 5);
        assert_false(f->sample.has_buckets);
    }
}

/* --- counters -------------------------------------------------------------------------------- */

static void counters_malformed_fail_until_well_formed(void **state) {
    static const char *const nonsense[] = {
        "",
        "drop\n",
        "drop early_drop\n1\n",
        "drop\n1\ngarbage\n",
    };
    struct fixture *f = *state;

    put_table(f);
    for (size_t i = 0; i < LENGTH(nonsense); i++) {
        write_file(f, NF_STAT, nonsense[i]);
        expect_ok(f, 1000, 262144);
        expect_counters_failed(f, -EBADMSG);
        write_file(f, NF_STAT, "insert_failed drop\n1 2\n");
        expect_counters(f, 2);
    }
}

/* Netlink would answer for this machine, so it must not be used below a root. */
static void counters_missing_below_a_root_are_absent(void **state) {
    struct fixture *f = *state;

    put_table(f);
    expect_ok(f, 1000, 262144);
    poll_counters(f);
    assert_int_equal(f->state.health, CTW_HEALTH_ABSENT);
    assert_string_equal(f->state.what, NF_STAT);
    assert_false(f->sample.has_counters);
}

static void counters_of_8192_cpus_are_read(void **state) {
    struct fixture *f = *state;

    put_table(f);
    write_statistics(f, 512);
    expect_counters(f, 512 * 17);
    write_statistics(f, 8192);
    expect_ok(f, 1000, 262144);
    expect_counters(f, 8192 * 17);
}

static void counters_file_too_large_fails(void **state) {
    struct fixture *f = *state;

    put_table(f);
    write_statistics(f, 16384);
    expect_counters_failed(f, -EFBIG);
    write_statistics(f, 2);
    expect_counters(f, 2 * 17);
}

/* --- the object ------------------------------------------------------------------------------ */

static void new_root_too_long_fails(void **state) {
    static char root[PATH_MAX + 1];
    struct ctw_table *t = NULL;

    (void)state;
    memset(root, 'x', PATH_MAX);
    assert_int_equal(ctw_table_new(root, &t), -ENAMETOOLONG);
    assert_null(t);
    root[PATH_MAX - 1] = '\0'; /* fits, but the paths below it do not */
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

static void faults_leak_no_descriptor(void **state) {
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
        TEST(read_captured_machines_of_each_generation),
        TEST(read_fragment_sysctls_alone_is_absent),
        TEST(read_module_comes_and_goes_follows_it),
        TEST(read_replaced_file_returns_the_new_one),
        TEST(read_count_above_max_is_ok),
        TEST(read_malformed_file_fails_with_its_name),
        TEST(read_captured_file_with_crlf_or_without_newline),
        TEST(read_number_too_long_fails),
        TEST(read_one_file_missing_fails),
        TEST(read_unreadable_file_fails),
        TEST(read_failure_names_the_existing_file),
        TEST(read_fifo_does_not_block),
        TEST(buckets_are_read_from_either_path),
        TEST(buckets_unreadable_are_no_failure),
        TEST(counters_malformed_fail_until_well_formed),
        TEST(counters_missing_below_a_root_are_absent),
        TEST(counters_of_8192_cpus_are_read),
        TEST(counters_file_too_large_fails),
        TEST(new_root_too_long_fails),
        TEST(faults_leak_no_descriptor),
    };
    if (getenv("SOURCE_DIR") == NULL) {
        puts("skipped: SOURCE_DIR, the folder of the captured machines, is not set");
        return 77;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
