/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/util/parse.h"
#include "lib/util/units.h"

#define UNTOUCHED UINT64_C(0xdeadbeef)
#define LENGTH(a) (sizeof(a) / sizeof *(a))

struct row {
    const char *text;
    int result;
    uint64_t value;
};

static void check(const struct row *row, int result, uint64_t value) {
    uint64_t expected = row->result == 0 ? row->value : UNTOUCHED;
    if (result != row->result || value != expected)
        fail_msg("\"%s\": %d, %llu; expected %d, %llu", row->text, result,
                 (unsigned long long)value, row->result, (unsigned long long)expected);
}

static struct ctw_piece piece(const char *text) {
    return (struct ctw_piece){text, strlen(text)};
}

static void piece_lines_and_words_are_taken_off_the_front(void **state) {
    struct ctw_piece text = piece("  one two\n\nthree"), line, word;
    (void)state;

    assert_true(ctw_piece_line(&text, &line));
    assert_true(ctw_piece_word(&line, &word) && ctw_piece_is(word, "one"));
    assert_true(ctw_piece_word(&line, &word) && ctw_piece_is(word, "two"));
    assert_false(ctw_piece_word(&line, &word));
    assert_true(ctw_piece_line(&text, &line) && line.length == 0);
    assert_false(ctw_piece_line(&text, &line)); /* cut off */
    assert_true(ctw_piece_is(text, "three"));
}

static void piece_literals_and_numbers_are_taken_as_a_whole(void **state) {
    struct ctw_piece text = piece("max=1001;");
    uint64_t value = UNTOUCHED;
    (void)state;

    assert_false(ctw_piece_take(&text, "max =") || ctw_piece_number(&text, 2000, &value));
    assert_true(ctw_piece_take(&text, "max="));
    assert_false(ctw_piece_number(&text, 1000, &value));
    assert_int_equal(value, UNTOUCHED);
    assert_true(ctw_piece_number(&text, 1001, &value));
    assert_int_equal(value, 1001);
    assert_true(ctw_piece_is(text, ";"));
    assert_false(ctw_piece_is(text, "") || ctw_piece_is(text, ";;"));
    assert_false(ctw_piece_take(&text, ";;"));
    assert_true(ctw_piece_take(&text, ";") && ctw_piece_is(text, ""));
}

static void decimal_of_other_bytes_is_einval(void **state) {
    static const struct row rows[] = {
        {"0", 0, 0},
        {"007", 0, 7},
        {"1000", 0, 1000},
        {"1001", -ERANGE, 0},
        {"18446744073709551616", -ERANGE, 0},
        {"99999999999999999999999999", -ERANGE, 0},
        {"99999999999999999999999999x", -EINVAL, 0},
        {"", -EINVAL, 0},
        {"-1", -EINVAL, 0},
        {"+1", -EINVAL, 0},
        {" 1", -EINVAL, 0},
        {"1 ", -EINVAL, 0},
        {"1\n", -EINVAL, 0},
        {"0x1", -EINVAL, 0},
        {"1.0", -EINVAL, 0},
        {"\xd9\xa3", -EINVAL, 0}, /* a digit, but not an ASCII one */
    };
    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        uint64_t value = UNTOUCHED;
        int r = ctw_text_decimal(rows[i].text, strlen(rows[i].text), 1000, &value);
        check(&rows[i], r, value);
    }
}

static void decimal_reaches_uint64_max(void **state) {
    uint64_t value = 0;
    (void)state;
    assert_int_equal(ctw_text_decimal("18446744073709551615", 20, UINT64_MAX, &value), 0);
    assert_true(value == UINT64_MAX);
}

static void decimal_reads_length_bytes_only(void **state) {
    (void)state;
    char *text = malloc(3); /* a sanitizer sees the fourth */
    assert_non_null(text);
    memcpy(text, "123", 3);
    uint64_t value = 0;
    assert_int_equal(ctw_text_decimal(text, 3, UINT64_MAX, &value), 0);
    assert_int_equal(value, 123);
    uint32_t sysctl = 7;
    assert_int_equal(ctw_text_sysctl(text, 3, &sysctl), 0);
    assert_int_equal(sysctl, 123);
    free(text);
}

static void sysctl_of_anything_but_a_number_is_ebadmsg(void **state) {
    static const struct row rows[] = {
        {"262144\n", 0, 262144},
        {"0\n", 0, 0},
        {"4294967295\n", 0, UINT32_MAX},
        {"4294967296\n", -EBADMSG, 0},
        {"26214", 0, 26214},
        {"", -EBADMSG, 0},
        {"26214\r\n", 0, 26214},
        {"1\r\r\n", -EBADMSG, 0},
        {"\r\n", -EBADMSG, 0},
        {"\n", -EBADMSG, 0},
        {"1\n\n", -EBADMSG, 0},
        {"1\n2\n", -EBADMSG, 0},
        {"-1\n", -EBADMSG, 0},
        {"1\t2\n", -EBADMSG, 0},
        {"1 \n", -EBADMSG, 0},
    };
    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        uint32_t value = (uint32_t)UNTOUCHED;
        int r = ctw_text_sysctl(rows[i].text, strlen(rows[i].text), &value);
        check(&rows[i], r, value);
    }
}

static void duration_units_are_these(void **state) {
    static const struct row rows[] = {
        {"1us", 0, 1},
        {"250ms", 0, 250000},
        {"10s", 0, 10000000},
        {"10", 0, 10000000},
        {"15min", 0, 900000000},
        {"1h", 0, UINT64_C(3600000000)},
        {"7d", 0, UINT64_C(604800000000)},
        {"0", 0, 0},
        {"0s", 0, 0},
        {"1.5h", 0, UINT64_C(5400000000)},
        {"0.25", 0, 250000},
        {"0.000001s", 0, 1},
        {"0.0004ms", 0, 0},
        {"0.0005ms", 0, 1},
        {"1.999999d", 0, UINT64_C(172799913600)},
        {"1.0000001s", -EINVAL, 0}, /* too fine */
        {"9007199254740992us", 0, UINT64_C(1) << 53},
        {"9007199254740993us", -ERANGE, 0},
        {"9007199254740992.6us", -ERANGE, 0},
        {"9007199255s", -ERANGE, 0},
        {"9007199254740992d", -ERANGE, 0},
        {"99999999999999999999s", -ERANGE, 0},
        {"99999999999999999999 parsecs", -EINVAL, 0},
        {"", -EINVAL, 0},
        {"s", -EINVAL, 0},
        {"-1s", -EINVAL, 0},
        {"+1s", -EINVAL, 0},
        {"1m", -EINVAL, 0}, /* minutes or months? */
        {"1 s", -EINVAL, 0},
        {" 1s", -EINVAL, 0},
        {"1s ", -EINVAL, 0},
        {"1S", -EINVAL, 0},
        {"1sec", -EINVAL, 0},
        {".5s", -EINVAL, 0},
        {"5.s", -EINVAL, 0},
        {"1..5s", -EINVAL, 0},
        {"1,5s", -EINVAL, 0},
        {"1e3s", -EINVAL, 0},
        {"0x10s", -EINVAL, 0},
        {"1h30min", -EINVAL, 0},
        {"infinity", -EINVAL, 0},
        {"nan", -EINVAL, 0},
    };
    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        uint64_t value = UNTOUCHED;
        int r = ctw_text_duration(rows[i].text, &value);
        check(&rows[i], r, value);
    }
}

static void size_units_are_these(void **state) {
    static const struct row rows[] = {
        {"0", 0, 0},
        {"4096", 0, 4096},
        {"4096B", 0, 4096},
        {"64KiB", 0, 65536},
        {"32MiB", 0, UINT64_C(33554432)},
        {"1GiB", 0, UINT64_C(1073741824)},
        {"2TiB", 0, UINT64_C(2199023255552)},
        {"8192TiB", 0, UINT64_C(1) << 53},
        {"8193TiB", -ERANGE, 0},
        {"9007199254740993", -ERANGE, 0},
        {"18446744073709551616B", -ERANGE, 0},
        {"16777216TiB", -ERANGE, 0}, /* 2^64 */
        {"", -EINVAL, 0},
        {"MiB", -EINVAL, 0},
        {"-1", -EINVAL, 0},
        {"1KB", -EINVAL, 0},
        {"1kib", -EINVAL, 0},
        {"1K", -EINVAL, 0},
        {"1 KiB", -EINVAL, 0},
        {"1.5KiB", -EINVAL, 0},
        {"0x10", -EINVAL, 0},
    };
    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        uint64_t value = UNTOUCHED;
        int r = ctw_text_size(rows[i].text, &value);
        check(&rows[i], r, value);
    }
}

static void percent_above_100_is_erange(void **state) {
    static const struct row rows[] = {
        {"75", 0, 7500},       {"75%", 0, 7500},     {"82.5", 0, 8250},
        {"0.01%", 0, 1},       {"0.004", 0, 0},      {"0.006", 0, 1},
        {"0", 0, 0},           {"100", 0, 10000},    {"100.0", 0, 10000},
        {"100.1", -ERANGE, 0}, {"101", -ERANGE, 0},  {"99999999999999999999", -ERANGE, 0},
        {"", -EINVAL, 0},      {"%", -EINVAL, 0},    {"-1", -EINVAL, 0},
        {"75 %", -EINVAL, 0},  {"75%%", -EINVAL, 0}, {"75,5", -EINVAL, 0},
        {"0:75", -EINVAL, 0},  {"nan", -EINVAL, 0},  {"1e1", -EINVAL, 0},
        {".5", -EINVAL, 0},    {"5.", -EINVAL, 0},   {"1.0000001", -EINVAL, 0},
    };
    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        uint32_t value = (uint32_t)UNTOUCHED;
        int result = ctw_text_percent(rows[i].text, &value);
        check(&rows[i], result, value);
    }
}

static void number_of_float_notation_is_read(void **state) {
    static const struct row rows[] = {
        {"0", 0, 0},
        {"123", 0, 123},
        {"123.9", 0, 123},
        {"1.", 0, 1},
        {".5", 0, 0},
        {"1.048576e+06", 0, 1048576},
        {"12E3", 0, 12000},
        {"1234567e-3", 0, 1234},
        {"0.00000000000000000000000001e30", 0, 10000},
        {"100000000000000000000000000000e-20", 0, 1000000000},
        {"0e999999999999999999999", 0, 0},
        {"9007199254740992", 0, 9007199254740992},
        {"9007199254740993", -ERANGE, 0},
        {"1e16", -ERANGE, 0},
        {"1e999999999999999999999", -ERANGE, 0},
        {"", -ENODATA, 0},
        {"NaN", -ENODATA, 0},
        {"+Inf", -ENODATA, 0},
        {"-inf", -ENODATA, 0},
        {"-nan", -ENODATA, 0},
        {".", -EINVAL, 0},
        {"1e", -EINVAL, 0},
        {"1e+", -EINVAL, 0},
        {"e5", -EINVAL, 0},
        {"-1", -EINVAL, 0},
        {"+1", -EINVAL, 0},
        {" 1", -EINVAL, 0},
        {"1 ", -EINVAL, 0},
        {"0x10", -EINVAL, 0},
        {"1,5", -EINVAL, 0},
        {"infinity", -EINVAL, 0},
    };
    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        uint64_t value = UNTOUCHED;
        int r = ctw_text_number(rows[i].text, strlen(rows[i].text), &value);
        check(&rows[i], r, value);
    }
}

/* --- timestamps ------------------------------------------------------------------------------- */

static void expect_time(const char *text, uint64_t usec) {
    uint64_t is = 0;

    if (ctw_timestamp_parse(text, strlen(text), NULL, &is) != 0 || is != usec)
        fail_msg("\"%s\" is read as %ju, not %ju", text, (uintmax_t)is, (uintmax_t)usec);
}

static void expect_error(const char *text, int error) {
    uint64_t is = 42;

    const int r = ctw_timestamp_parse(text, strlen(text), NULL, &is);
    if (r != error || is != 42)
        fail_msg("\"%s\" is %d, not %d", text, r, error);
}

static void timestamp_of_each_form_is_read(void **state) {
    (void)state;

    expect_time("0", 0);
    expect_time("1795341600", UINT64_C(1795341600000000));
    expect_time("1795341600.25", UINT64_C(1795341600250000));
    expect_time("1795341600.1234567", UINT64_C(1795341600123456));
    expect_time("2026-11-22T10:00:00Z", UINT64_C(1795341600000000));
    expect_time("2026-11-22t10:00:00.25z", UINT64_C(1795341600250000));
    expect_time("2026-11-22 11:00:00+01:00", UINT64_C(1795341600000000));
    expect_time("2026-11-22T04:30:00.5-05:30", UINT64_C(1795341600500000));
    expect_time("2024-02-29T00:00:00Z", UINT64_C(1709164800000000));
    expect_time("2016-12-31T23:59:60Z", UINT64_C(1483228800000000));
    expect_time("9999-12-31T23:59:59.999999Z", CTW_TIMESTAMP_LAST_USEC);
    expect_time("1795341600250", UINT64_C(1795341600250000)); /* milliseconds */
    expect_time("Sun Nov 22 10:00:00 UTC 2026", UINT64_C(1795341600000000));
    expect_time("Sun Nov  1 10:00:00 PM GMT 2026", UINT64_C(1793570400000000));
    expect_time("Sun 22 Nov 2026 12:00:00 AM UTC", UINT64_C(1795305600000000));
}

static int64_t an_hour_east(int64_t local_sec) {
    return 3600;
}

static void timestamp_without_zone_is_a_local_time(void **state) {
    static const char *const texts[] = {
        "2026-11-22 11:00:00",
        "2026-11-22T11:00:00.000",
        "Sun Nov 22 11:00:00 CET 2026",
        "Sun Nov 22 11:00:00 2026",
    };
    (void)state;

    for (size_t i = 0; i < LENGTH(texts); i++) {
        uint64_t is = 0;
        const int r = ctw_timestamp_parse(texts[i], strlen(texts[i]), an_hour_east, &is);
        if (r != 0 || is != UINT64_C(1795341600000000))
            fail_msg("\"%s\" is read as %d, %ju", texts[i], r, (uintmax_t)is);
    }
}

static void timestamp_of_another_form_is_refused(void **state) {
    (void)state;

    expect_error("", -EINVAL);
    expect_error("now", -EINVAL);
    expect_error("-5", -EINVAL);
    expect_error("17.", -EINVAL);
    expect_error("1e9", -EINVAL);
    expect_error("2026-11-22", -EINVAL);
    expect_error("2026-11-22T10:00:00", -EREMOTE);
    expect_error("Sun Nov 22 10:00:00 CET 2026", -EREMOTE);
    expect_error("Sun Nov 10:00:00 UTC 2026", -EINVAL);
    expect_error("Sun Nov 22 25:00:00 UTC 2026", -ERANGE);
    expect_error("Sun Nov 222 10:00:00 UTC 2026", -EINVAL);
    expect_error("Sunday", -EINVAL);
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
static void timestamp_calendar_is_that_of_libc(void **state) {
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
        assert_int_equal(ctw_timestamp_parse(is, strlen(is), NULL, &back), 0);
        assert_int_equal(back, sec * CTW_USEC_PER_SEC + 7000);
    }
}

static void timestamp_beyond_9999_is_the_last(void **state) {
    char is[CTW_TIMESTAMP_SIZE];
    (void)state;

    ctw_timestamp_print(UINT64_MAX, is);
    assert_string_equal(is, "9999-12-31T23:59:59.999Z");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(piece_lines_and_words_are_taken_off_the_front),
        cmocka_unit_test(piece_literals_and_numbers_are_taken_as_a_whole),
        cmocka_unit_test(decimal_of_other_bytes_is_einval),
        cmocka_unit_test(decimal_reaches_uint64_max),
        cmocka_unit_test(decimal_reads_length_bytes_only),
        cmocka_unit_test(sysctl_of_anything_but_a_number_is_ebadmsg),
        cmocka_unit_test(duration_units_are_these),
        cmocka_unit_test(size_units_are_these),
        cmocka_unit_test(percent_above_100_is_erange),
        cmocka_unit_test(number_of_float_notation_is_read),
        cmocka_unit_test(timestamp_of_each_form_is_read),
        cmocka_unit_test(timestamp_without_zone_is_a_local_time),
        cmocka_unit_test(timestamp_of_another_form_is_refused),
        cmocka_unit_test(timestamp_calendar_is_that_of_libc),
        cmocka_unit_test(timestamp_beyond_9999_is_the_last),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
