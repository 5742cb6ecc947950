/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>

#include "lib/state/snapshot.h"

static void who_may_not_read_it_is_told_who_may(void **state) {
    (void)state;
    assert_string_equal(ctw_state_fault(-EACCES), "for root and the group ctwatch");
    assert_string_equal(ctw_state_fault(-EPERM), "for root and the group ctwatch");
}

static void what_the_kernel_has_no_words_for_has_its_own(void **state) {
    (void)state;
    assert_string_equal(ctw_state_fault(-ENOENT), "no ctwatchd publishes there");
    assert_string_equal(ctw_state_fault(-ESTALE), "of another version of ctwatchd");
    assert_string_equal(ctw_state_fault(-EBADMSG), "damaged");
    assert_string_equal(ctw_state_fault(-EAGAIN), "ctwatchd stopped in the middle of writing it");
    assert_string_equal(ctw_state_fault(-EXDEV), "of another network namespace");
}

static void anything_else_is_in_the_kernels_words(void **state) {
    (void)state;
    assert_string_equal(ctw_state_fault(-EIO), "Input/output error");
    assert_string_equal(ctw_state_fault(-ENOTDIR), "Not a directory");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_may_not_read_it_is_told_who_may),
        cmocka_unit_test(what_the_kernel_has_no_words_for_has_its_own),
        cmocka_unit_test(anything_else_is_in_the_kernels_words),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
