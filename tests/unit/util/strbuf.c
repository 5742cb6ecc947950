/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/util/strbuf.h"
#include "lib/util/units.h"

static void line_too_long_ends_with_a_whole_character(void **state) {
    struct ctw_line l;

    (void)state;
    ctw_line_start(&l);
    for (int i = 0; i < CTW_LINE_MAX; i++)
        ctw_line_add(&l, "\u20ac");
    assert_int_equal(l.length, (CTW_LINE_MAX - 1) / 3 * 3);
    assert_int_equal(l.length, strlen(l.text));
    assert_null(strchr(l.text, '?'));
}

static void line_unprintable_bytes_become_question_marks(void **state) {
    struct ctw_line l;

    (void)state;
    ctw_line_start(&l);
    ctw_line_add(&l, "a\033[\n%s\xc3(\u20ac", "\x7f");
    assert_string_equal(l.text, "a?[??"
                                "?(\u20ac");
}

static void out_too_long_is_measured(void **state) {
    char buffer[4];
    struct ctw_out o = {.buffer = buffer, .size = sizeof(buffer)};

    (void)state;
    ctw_out_put(&o, "%d", 12345);
    ctw_out_put(&o, "678");
    assert_int_equal(o.used, 8);
    assert_string_equal(buffer, "123");
}

static void percent_is_cut_off(void **state) {
    (void)state;
    assert_string_equal(ctw_percent(0).text, "0.0");
    assert_string_equal(ctw_percent(9999).text, "99.9");
    assert_string_equal(ctw_percent(10000).text, "100.0");
    assert_string_equal(ctw_percent(UINT32_MAX).text, "42949672.9");
}

static void duration_has_the_largest_unit_of_two(void **state) {
    static const struct {
        uint64_t sec;
        const char *words;
    } rows[] = {
        {0, "less than 1 s"}, {1, "1 s"},         {119, "119 s"},
        {120, "2 min"},       {7199, "119 min"},  {7200, "2 h"},
        {172799, "47 h"},     {172800, "2 days"}, {UINT64_MAX / CTW_USEC_PER_SEC, "213503982 days"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_string_equal(ctw_duration(rows[i].sec * CTW_USEC_PER_SEC).text, rows[i].words);
}

static void clock_on_another_day_has_a_date(void **state) {
    const uint64_t now_usec = UINT64_C(1795341600) * CTW_USEC_PER_SEC; /* 2026-11-22 10:00:00 */

    (void)state;
    assert_string_equal(ctw_clock(now_usec, now_usec + 60 * CTW_USEC_PER_SEC, -3600).text,
                        "09:00:00");
    assert_string_equal(ctw_clock(now_usec - 86400 * CTW_USEC_PER_SEC, now_usec, 5400).text,
                        "2026-11-21 11:30");
    assert_string_equal(ctw_clock(UINT64_MAX, now_usec, 0).text, "an unknown time");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(line_too_long_ends_with_a_whole_character),
        cmocka_unit_test(line_unprintable_bytes_become_question_marks),
        cmocka_unit_test(out_too_long_is_measured),
        cmocka_unit_test(percent_is_cut_off),
        cmocka_unit_test(duration_has_the_largest_unit_of_two),
        cmocka_unit_test(clock_on_another_day_has_a_date),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
