/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/util/target.h"

static void a_path_is_itself(void **state) {
    static const char *const paths[] = {"/", "/healthz", "//metrics", "", "*", "/http://a/healthz"};

    (void)state;
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
        assert_ptr_equal(ctw_target_path(paths[i]), paths[i]);
}

static void of_a_whole_address_it_is_what_follows_the_host(void **state) {
    (void)state;
    assert_string_equal(ctw_target_path("http://a/healthz"), "/healthz");
    assert_string_equal(ctw_target_path("hTTp://127.0.0.1:9817/status.json"), "/status.json");
    assert_string_equal(ctw_target_path("http://[::1]:9817//"), "//");
    assert_string_equal(ctw_target_path("http://a"), "/");
}

static void what_is_no_address_of_ours_is_left_alone(void **state) {
    static const char *const targets[] = {"http:///healthz",   "http://",
                                          "http:/healthz",     "http",
                                          "https://a/healthz", "ftp://a/healthz"};

    (void)state;
    for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++)
        assert_ptr_equal(ctw_target_path(targets[i]), targets[i]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_path_is_itself),
        cmocka_unit_test(of_a_whole_address_it_is_what_follows_the_host),
        cmocka_unit_test(what_is_no_address_of_ours_is_left_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
