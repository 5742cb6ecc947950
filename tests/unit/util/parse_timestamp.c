/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "lib/kernel/sample.h"
#include "lib/util/parse.h"

static void expect(const char *text, uint64_t usec) {
    uint64_t is = 0;

    if (ctw_timestamp_parse(text, strlen(text), &is) != 0 || is != usec)
        fail_msg("\"%s\" is read as %ju, not %ju", text, (uintmax_t)is, (uintmax_t)usec);
}

static void expect_error(const char *text, int error) {
    uint64_t is = 42;

    const int r = ctw_timestamp_parse(text, strlen(text), &is);
    if (r != error || is != 42)
        fail_msg("\"%s\" is %d, not %d", text, r, error);
}

static void both_forms_are_read(void **state) {
    (void)state;

    expect("0", 0);
    expect("1795341600", UINT64_C(1795341600000000));
    expect("1795341600.25", UINT64_C(1795341600250000));
    expect("1795341600.1234567", UINT64_C(1795341600123456));
    expect("2026-11-22T10:00:00Z", UINT64_C(1795341600000000));
    expect("2026-11-22t10:00:00.25z", UINT64_C(1795341600250000));
    expect("2026-11-22 11:00:00+01:00", UINT64_C(1795341600000000));
    expect("2026-11-22T04:30:00.5-05:30", UINT64_C(1795341600500000));
    expect("2024-02-29T00:00:00Z", UINT64_C(1709164800000000));
    expect("2016-12-31T23:59:60Z", UINT64_C(1483228800000000));
    expect("9999-12-31T23:59:59.999999Z", CTW_TIMESTAMP_LAST_USEC);
}

static void what_is_no_time_is_refused(void **state) {
    (void)state;

    expect_error("", -EINVAL);
    expect_error("now", -EINVAL);
    expect_error("-5", -EINVAL);
    expect_error("17.", -EINVAL);
    expect_error("1e9", -EINVAL);
    expect_error("2026-11-22", -EINVAL);
    expect_error("2026-11-22T10:00:00", -EINVAL);
    expect_error("2026-11-22T10:00:00.Z", -EINVAL);
    expect_error("2026-11-22T10:00:00Z ", -EINVAL);
    expect_error("2026-11-22T10:00:00+1:00", -EINVAL);
    expect_error("2026-11-31T10:00:00Z", -ERANGE);
    expect_error("2025-02-29T00:00:00Z", -ERANGE);
    expect_error("2026-13-01T00:00:00Z", -ERANGE);
    expect_error("1969-12-31T23:59:59Z", -ERANGE);
    expect_error("0000-01-01T00:00:00Z", -ERANGE);
    expect_error("9999-12-31T23:59:59-01:00", -ERANGE);
    expect_error("253402300800", -ERANGE);
    expect_error("99999999999999999999999999", -ERANGE);
}

/* Every day of four centuries, as the C library has it. */
static void the_calendar_is_the_usual_one(void **state) {
    (void)state;

    for (uint64_t day = 0; day < 146097; day++) {
        const uint64_t sec = day * 86400 + day % 86400;
        const time_t t = (time_t)sec;
        char is[CTW_TIMESTAMP_SIZE], should[64];
        uint64_t back = 0;
        struct tm tm;

        assert_non_null(gmtime_r(&t, &tm));
        assert_int_not_equal(strftime(should, sizeof(should), "%Y-%m-%dT%H:%M:%S.007Z", &tm), 0);
        ctw_timestamp_print(sec * CTW_USEC_PER_SEC + 7999, is);
        assert_string_equal(is, should);
        assert_int_equal(ctw_timestamp_parse(is, strlen(is), &back), 0);
        assert_int_equal(back, sec * CTW_USEC_PER_SEC + 7000);
    }
}

static void what_is_beyond_is_shown_as_the_last(void **state) {
    char is[CTW_TIMESTAMP_SIZE];
    (void)state;

    ctw_timestamp_print(UINT64_MAX, is);
    assert_string_equal(is, "9999-12-31T23:59:59.999Z");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_forms_are_read),
        cmocka_unit_test(what_is_no_time_is_refused),
        cmocka_unit_test(the_calendar_is_the_usual_one),
        cmocka_unit_test(what_is_beyond_is_shown_as_the_last),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
