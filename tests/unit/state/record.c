/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "lib/state/record.h"

#define TIME_USEC UINT64_C(1795341500045000)

static char text[CTW_RECORD_TEXT_MAX];

static const char *csv(const struct ctw_record *r) {
    struct ctw_out o = {.buffer = text, .size = sizeof(text)};

    ctw_record_put_csv(&o, r);
    assert_true(o.used < sizeof(text));
    return text;
}

static const char *json(const struct ctw_record *r) {
    struct ctw_out o = {.buffer = text, .size = sizeof(text)};

    ctw_record_put_json(&o, r);
    assert_true(o.used < sizeof(text));
    return text;
}

static void record_is_compact(void **state) {
    (void)state;
    assert_int_equal(sizeof(struct ctw_record), 128);
}

static void column_set_is_printed_in_its_place(void **state) {
    static const char expected[] = "0.000,1,2,0,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,"
                                   "22,23,ok\n";
    struct ctw_record r = {0};

    (void)state;
    for (enum ctw_column c = 0; c < CTW_COLUMNS; c++)
        if (ctw_column_largest(c) > 0)
            ctw_record_set(&r, c, c);
    assert_string_equal(csv(&r), expected);
}

static void csv_has_three_digits_of_a_second(void **state) {
    const struct ctw_record r = {.at_usec = TIME_USEC, .width_sec = 1, .level = 3};

    (void)state;
    assert_string_equal(csv(&r),
                        "1795341500.045,1,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,full\n");
}

static void json_is_what_jansson_would_print(void **state) {
    static const uint64_t times[] = {0, TIME_USEC, TIME_USEC - 45000, TIME_USEC + 55000,
                                     TIME_USEC + 5000};
    struct ctw_record r = {.max = 1000, .level = 1, .losses.drops = UINT64_C(1) << 53};

    (void)state;
    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        r.at_usec = times[i];
        json_t *o = json_loads(json(&r), JSON_REJECT_DUPLICATES, NULL);
        assert_non_null(o);
        char *again = json_dumps(o, JSON_COMPACT | JSON_REAL_PRECISION(13));
        assert_string_equal(again, text);
        free(again);
        assert_int_equal(json_object_size(o), CTW_COLUMNS);
        assert_true(json_is_null(json_object_get(o, "buckets")));
        assert_true(json_is_null(json_object_get(o, "set_max")));
        assert_int_equal(json_integer_value(json_object_get(o, "max")), 1000);
        assert_string_equal(json_string_value(json_object_get(o, "level")), "warning");
        json_decref(o);
    }
}

static void text_of_longest_values_fits(void **state) {
    struct ctw_record r;

    (void)state;
    memset(&r, 0xff, sizeof(r));
    r.level = 2;
    (void)csv(&r);
    (void)json(&r);
}

static void fit_makes_values_agree(void **state) {
    struct ctw_record r = {.width_sec = 1,
                           .first = 7,
                           .high = 10,
                           .low = 90,
                           .count = 50,
                           .first_msec = 1,
                           .high_msec = 5000,
                           .low_msec = 1000,
                           .last_msec = 999,
                           .loss_first_msec = UINT32_MAX};

    (void)state;
    ctw_record_fit(&r);
    assert_true(r.first == 50 && r.high == 50 && r.low == 50 && r.count == 50);
    assert_true(r.first_msec == 1 && r.high_msec == 999 && r.low_msec == 999);
    assert_true(r.last_msec == 999 && r.loss_first_msec == 999 && r.loss_last_msec == 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(record_is_compact),
        cmocka_unit_test(column_set_is_printed_in_its_place),
        cmocka_unit_test(csv_has_three_digits_of_a_second),
        cmocka_unit_test(json_is_what_jansson_would_print),
        cmocka_unit_test(text_of_longest_values_fits),
        cmocka_unit_test(fit_makes_values_agree),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
