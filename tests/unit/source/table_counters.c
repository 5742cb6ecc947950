/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/support/table_root.h"

/* --- buckets --------------------------------------------------------------------------------- */

static void buckets_are_read_from_wherever_the_kernel_shows_them(void **state) {
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

static void buckets_that_cannot_be_read_are_no_failure(void **state) {
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

static void nonsense_in_the_statistics_is_a_failure_that_ends(void **state) {
    static const char *const nonsense[] = {
        "",
        "drop\n",
        "drop\n0000000",
        "drop early_drop\n1\n",
        "drop\r\n1\r\n",
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

/* On this machine netlink would answer for a missing file; below a root it must not be asked. */
static void a_captured_machine_without_statistics_has_none(void **state) {
    struct fixture *f = *state;

    put_table(f);
    expect_ok(f, 1000, 262144);
    poll_counters(f);
    assert_int_equal(f->state.health, CTW_HEALTH_ABSENT);
    assert_string_equal(f->state.what, NF_STAT);
    assert_false(f->sample.has_counters);
}

static void statistics_of_as_many_cpus_as_linux_can_have_are_read(void **state) {
    struct fixture *f = *state;

    put_table(f);
    write_statistics(f, 512);
    expect_counters(f, 512 * 17);
    write_statistics(f, 8192);
    expect_ok(f, 1000, 262144);
    expect_counters(f, 8192 * 17);
}

static void statistics_beyond_the_bound_are_refused_not_cut(void **state) {
    struct fixture *f = *state;

    put_table(f);
    write_statistics(f, 16384);
    expect_counters_failed(f, -EFBIG);
    write_statistics(f, 2);
    expect_counters(f, 2 * 17);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(buckets_are_read_from_wherever_the_kernel_shows_them),
        TEST(buckets_that_cannot_be_read_are_no_failure),
        TEST(nonsense_in_the_statistics_is_a_failure_that_ends),
        TEST(a_captured_machine_without_statistics_has_none),
        TEST(statistics_of_as_many_cpus_as_linux_can_have_are_read),
        TEST(statistics_beyond_the_bound_are_refused_not_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
