/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What is kept over a boot: only what was printed is read, whatever became of the file. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/sizing/saved_limits.h"

static const struct ctw_saved_limits grown = {65536, 65536, 1048576, 262144};

static void assert_refused(const char *text, size_t length, int error) {
    struct ctw_saved_limits k = {1, 2, 3, 4};

    assert_int_equal(ctw_saved_limits_parse(text, length, &k), error);
    assert_int_equal(k.before_max, 1); /* left alone */
}

static void the_text_is_what_people_can_read(void **state) {
    char text[CTW_SAVED_LIMITS_TEXT_MAX];
    const size_t length = ctw_saved_limits_print(&grown, text);
    (void)state;

    assert_int_equal(length, strlen(text));
    assert_int_equal(
        strncmp(text, "ctwatch-limits 1\nbefore 65536 65536\ngrown 1048576 262144\nend ", 60), 0);
}

static void what_is_printed_is_read_back(void **state) {
    static const struct ctw_saved_limits all[] = {
        {65536, 65536, 1048576, 262144},
        {1, 0, 1, 0},
        {CTW_MAX_LARGEST, CTW_BUCKETS_LARGEST, CTW_MAX_LARGEST, CTW_BUCKETS_LARGEST},
    };
    char text[CTW_SAVED_LIMITS_TEXT_MAX];
    (void)state;

    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        struct ctw_saved_limits k;
        const size_t length = ctw_saved_limits_print(&all[i], text);
        assert_int_equal(ctw_saved_limits_parse(text, length, &k), 0);
        assert_memory_equal(&k, &all[i], sizeof(k));
    }
}

static void limits_that_make_no_sense_are_refused(void **state) {
    static const struct ctw_saved_limits all[] = {
        {0, 0, 65536, 0},                        /* nothing was before */
        {65536, 512, 65535, 512},                /* lowered */
        {65536, 1024, 65536, 512},               /* likewise */
        {65536, 512, CTW_MAX_LARGEST + 1u, 512}, /* more than the kernel takes */
        {65536, 512, 65536, CTW_BUCKETS_LARGEST + 1},
        {UINT32_MAX, 512, UINT32_MAX, 512},
    };
    char text[CTW_SAVED_LIMITS_TEXT_MAX];
    (void)state;

    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        assert_refused(text, ctw_saved_limits_print(&all[i], text), -EBADMSG);
}

static void a_torn_or_edited_text_is_refused(void **state) {
    char text[CTW_SAVED_LIMITS_TEXT_MAX], wrong[CTW_SAVED_LIMITS_TEXT_MAX];
    const size_t length = ctw_saved_limits_print(&grown, text);
    (void)state;

    for (size_t i = 0; i < length; i++) {
        struct ctw_saved_limits k;
        assert_true(ctw_saved_limits_parse(text, i, &k) < 0); /* cut short anywhere */
        for (int bit = 0; bit < 8; bit++) {                   /* any bit turned over */
            memcpy(wrong, text, length);
            wrong[i] = (char)(wrong[i] ^ (1 << bit));
            assert_true(ctw_saved_limits_parse(wrong, length, &k) < 0);
        }
    }
    memset(text + length, '\n', sizeof(text) - length);
    assert_refused(text, length + 1, -EBADMSG);
}

static void another_version_is_told_from_junk(void **state) {
    static const char next[] = "ctwatch-limits 2\nbefore a b\n";
    static const char junk[] = "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
    char large[8192];
    (void)state;

    assert_refused(next, sizeof(next) - 1, -EPROTONOSUPPORT);
    assert_refused("ctwatch-limits 11\n", 18, -EPROTONOSUPPORT);
    assert_refused(junk, sizeof(junk), -EBADMSG);
    assert_refused("", 0, -EBADMSG);
    memset(large, '1', sizeof(large));
    assert_refused(large, sizeof(large), -EBADMSG);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_text_is_what_people_can_read),
        cmocka_unit_test(what_is_printed_is_read_back),
        cmocka_unit_test(limits_that_make_no_sense_are_refused),
        cmocka_unit_test(a_torn_or_edited_text_is_refused),
        cmocka_unit_test(another_version_is_told_from_junk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
