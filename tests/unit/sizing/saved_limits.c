/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The text of saved limits: printed, read back, of release 0.1.0, and refused. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/kernel/release.h"
#include "lib/sizing/saved_limits.h"

#define WHOLE "ctwatch-limits 1\nbefore 65536 65536\ngrown 1048576 262144\n"

static void assert_refused(const char *text, size_t length, int error) {
    struct ctw_saved_limits l = {1, 2, 3, 4};

    if (ctw_saved_limits_parse(text, length, &l) != error)
        fail_msg("not refused: %.*s", (int)length, text);
    assert_int_equal(l.before_max, 1); /* left alone */
}

static void assert_parses(const char *text) {
    struct ctw_saved_limits l;

    assert_int_equal(ctw_saved_limits_parse(text, strlen(text), &l), 0);
    assert_int_equal(l.before_max, 65536);
    assert_int_equal(l.before_buckets, 65536);
    assert_int_equal(l.max, 1048576);
    assert_int_equal(l.buckets, 262144);
}

static void print_is_readable_text(void **state) {
    const struct ctw_saved_limits grown = {65536, 65536, 1048576, 262144};
    char text[CTW_SAVED_LIMITS_TEXT_MAX];
    (void)state;

    assert_int_equal(ctw_saved_limits_print(&grown, text), strlen(WHOLE));
    assert_string_equal(text, WHOLE);
}

static void parse_reads_what_was_printed(void **state) {
    static const struct ctw_saved_limits all[] = {
        {65536, 65536, 1048576, 262144},
        {1, 0, 1, 0},
        {CTW_MAX_LARGEST, CTW_BUCKETS_LARGEST, CTW_MAX_LARGEST, CTW_BUCKETS_LARGEST},
    };
    char text[CTW_SAVED_LIMITS_TEXT_MAX];
    (void)state;

    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        struct ctw_saved_limits l;
        const size_t length = ctw_saved_limits_print(&all[i], text);
        assert_int_equal(ctw_saved_limits_parse(text, length, &l), 0);
        assert_memory_equal(&l, &all[i], sizeof(l));
    }
}

/* With its checksum, whether or not it is right: the file is replaced whole. */
static void parse_release_0_1_0_reads_the_limits(void **state) {
    (void)state;
    assert_parses(WHOLE "end 7868cea9\n");
    assert_parses(WHOLE "end 00000000\n");
}

static void parse_impossible_limits_refuses(void **state) {
    static const struct ctw_saved_limits all[] = {
        {0, 0, 65536, 0},                        /* no max before */
        {65536, 512, 65535, 512},                /* lowered */
        {65536, 1024, 65536, 512},               /* fewer buckets */
        {65536, 512, CTW_MAX_LARGEST + 1u, 512}, /* more than the kernel takes */
        {65536, 512, 65536, CTW_BUCKETS_LARGEST + 1},
        {UINT32_MAX, 512, UINT32_MAX, 512},
    };
    char text[CTW_SAVED_LIMITS_TEXT_MAX];
    (void)state;

    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        assert_refused(text, ctw_saved_limits_print(&all[i], text), -EBADMSG);
}

static void parse_text_cut_off_or_too_long_refuses(void **state) {
    static const char whole[] = WHOLE "end 7868cea9\n";
    const size_t end = strlen(WHOLE);
    struct ctw_saved_limits l;
    (void)state;

    for (size_t i = 0; i < sizeof(whole) - 1; i++)
        if (i != end)
            assert_true(ctw_saved_limits_parse(whole, i, &l) < 0);
    assert_refused(WHOLE "\n", end + 1, -EBADMSG);
    assert_refused(WHOLE "end 7868cea9\n\n", end + 14, -EBADMSG);
    assert_refused(WHOLE "fin 7868cea9\n", end + 13, -EBADMSG);
}

static void parse_junk_refuses(void **state) {
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
        cmocka_unit_test(print_is_readable_text),
        cmocka_unit_test(parse_reads_what_was_printed),
        cmocka_unit_test(parse_release_0_1_0_reads_the_limits),
        cmocka_unit_test(parse_impossible_limits_refuses),
        cmocka_unit_test(parse_text_cut_off_or_too_long_refuses),
        cmocka_unit_test(parse_junk_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
