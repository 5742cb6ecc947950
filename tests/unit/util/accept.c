/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/util/accept.h"

#define OPENMETRICS "application/openmetrics-text"
#define JSON        "application/json"

static void prometheus_asks_for_openmetrics(void **state) {
    (void)state;
    assert_true(ctw_accept_prefers("application/openmetrics-text;version=1.0.0;q=0.5,"
                                   "application/openmetrics-text;version=0.0.1;q=0.4,"
                                   "text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
                                   OPENMETRICS));
    assert_false(ctw_accept_prefers("text/plain;version=0.0.4;q=0.5,*/*;q=0.2", OPENMETRICS));
}

static void a_wildcard_names_nothing(void **state) {
    (void)state;
    assert_false(ctw_accept_prefers("*/*", JSON));
    assert_false(ctw_accept_prefers("application/*", JSON));
    assert_false(ctw_accept_prefers(NULL, JSON));
    assert_false(ctw_accept_prefers("", JSON));
}

static void what_has_no_quality_is_refused(void **state) {
    (void)state;
    assert_false(ctw_accept_prefers("application/json;q=0", JSON));
    assert_false(ctw_accept_prefers("application/json; Q=0.000", JSON));
    assert_true(ctw_accept_prefers("application/json;q=0.001", JSON));
    assert_true(ctw_accept_prefers("application/json;q=0.0,application/json;q=1", JSON));
}

static void what_is_liked_less_than_text_is_not_sent(void **state) {
    (void)state;
    assert_false(
        ctw_accept_prefers("application/openmetrics-text;q=0.3,text/plain;q=0.5", OPENMETRICS));
    assert_false(ctw_accept_prefers("text/plain,application/json;q=0.9", JSON));
    assert_false(ctw_accept_prefers("application/json;q=0.09,text/plain;q=0.1", JSON));
    assert_true(ctw_accept_prefers("application/json;q=0.5,text/plain;q=0.5", JSON));
    assert_true(ctw_accept_prefers("text/plain;q=0.30,application/json;q=0.301", JSON));
    assert_true(ctw_accept_prefers("text/plain;q=0,application/json;q=0.1", JSON));
    assert_true(ctw_accept_prefers("application/json;q=0.1,text/html", JSON));
    assert_true(
        ctw_accept_prefers("application/json;q=0.1,application/json,text/plain;q=0.9", JSON));
}

static void a_quality_that_is_none_is_the_best(void **state) {
    (void)state;
    assert_true(ctw_accept_prefers("text/plain,application/json;q=0.x", JSON));
    assert_true(ctw_accept_prefers("text/plain,application/json;q=07", JSON));
    assert_true(ctw_accept_prefers("text/plain,application/json;q=1.5", JSON));
    assert_true(ctw_accept_prefers("text/plain,application/json;quality=0", JSON));
}

static void case_and_blanks_do_not_matter(void **state) {
    (void)state;
    assert_true(ctw_accept_prefers("text/html ,\tApplication/JSON ; charset=utf-8", JSON));
    assert_true(ctw_accept_prefers("  application/json  ", JSON));
}

static void a_part_of_a_name_is_another_name(void **state) {
    (void)state;
    assert_false(ctw_accept_prefers("application/json5", JSON));
    assert_false(ctw_accept_prefers("xapplication/json", JSON));
    assert_false(ctw_accept_prefers("text/plain;a=application/json", JSON));
}

static void any_bytes_are_survived(void **state) {
    static const char *const headers[] = {",",      ";",    ";;", ",;,;", " ",
                                          "\t,",    "q=0",  ";q", "/",    ",,",
                                          "\xff;,", ";q=0", "=",  ";q=",  "application/json;"};

    (void)state;
    for (size_t i = 0; i + 1 < sizeof(headers) / sizeof(headers[0]); i++)
        assert_false(ctw_accept_prefers(headers[i], JSON));
    assert_true(ctw_accept_prefers(headers[sizeof(headers) / sizeof(headers[0]) - 1], JSON));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prometheus_asks_for_openmetrics),
        cmocka_unit_test(a_wildcard_names_nothing),
        cmocka_unit_test(what_has_no_quality_is_refused),
        cmocka_unit_test(what_is_liked_less_than_text_is_not_sent),
        cmocka_unit_test(a_quality_that_is_none_is_the_best),
        cmocka_unit_test(case_and_blanks_do_not_matter),
        cmocka_unit_test(a_part_of_a_name_is_another_name),
        cmocka_unit_test(any_bytes_are_survived),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
