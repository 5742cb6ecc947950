/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/config/syntax.h"

#define LENGTH(a) (sizeof(a) / sizeof *(a))

/* In memory of exactly its size, so that a sanitizer sees the first byte too far. */
static int check_bytes(const char *text, size_t length, struct ctw_settings_error *reterr) {
    char *exact = malloc(length > 0 ? length : 1);
    assert_non_null(exact);
    memcpy(exact, text, length);
    int r = ctw_syntax_check(exact, length, reterr);
    free(exact);
    return r;
}

static void accept(const char *text) {
    struct ctw_settings_error e;
    if (check_bytes(text, strlen(text), &e) != 0)
        fail_msg("refused: %u: %s: %s\n%s", e.line, e.key, e.reason, text);
}

struct refusal {
    const char *text;
    unsigned line;
    const char *key;
    const char *reason; /* a part of it */
};

static void refuse_bytes(const struct refusal *row, size_t length, int result) {
    struct ctw_settings_error e = {.line = 12345};
    int r = check_bytes(row->text, length, &e);
    if (r != result)
        fail_msg("returned %d for\n%s", r, row->text);
    if (e.line != row->line || strcmp(e.key, row->key) != 0 || !strstr(e.reason, row->reason))
        fail_msg("got      %u: %s: %s\nexpected %u: %s: %s\nfor\n%s", e.line, e.key, e.reason,
                 row->line, row->key, row->reason, row->text);
}

static void refuse_rows(const struct refusal *rows, size_t n) {
    for (size_t i = 0; i < n; i++)
        refuse_bytes(&rows[i], strlen(rows[i].text), -EINVAL);
}

/* The caller adds what the key allows. */
static void syntax_value_that_no_key_takes_is_named(void **state) {
    static const struct refusal rows[] = {
        {"a = 2147483648;", 1, "a", "is 2147483648"},
        {"a: {\n b = -99999999999999999999L; }", 2, "a.b", "is -99999999999999999999L"},
        {"a: {\n b = 0x100000000; }", 2, "a.b", "is 0x100000000"},
    };
    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++)
        refuse_bytes(&rows[i], strlen(rows[i].text), -ERANGE);
    accept("a: { b = 2147483647; c = -2147483647; d = 0x7fffffff; e = 1.5e300; f = 7LL; }");
}

static void syntax_include_is_refused(void **state) {
    static const struct refusal rows[] = {
        {"@include \"/etc/passwd\"\n", 1, "syntax", "@include is refused"},
        {"# a\n \t@include\t\"/etc/passwd\"\n", 2, "syntax", "@include is refused"},
        {"levels: {\n hold = 3;\n@include \"x\"\n};", 3, "syntax", "@include is refused"},
        {"levels: { hold = \n@include \"x\"\n};", 2, "syntax", "@include is refused"},
        {"/* \n */ # \"\n@include \"x\"", 3, "syntax", "@include is refused"},
        {"// /*\n@include \"x\" // */", 2, "syntax", "@include is refused"},
        {"alerts: { command = \"/a\\\\\";\n@include \"x\"\n};", 2, "syntax", "@include"},
        {"alerts: { command = \"/a\\\"\";\n@include \"x\"\n};", 2, "syntax", "@include"},
    };
    (void)state;
    refuse_rows(rows, LENGTH(rows));
    accept("# @include \"x\"\n/*\n@include \"x\"\n*/\nalerts: { command = \"/a @include\"; };");
}

static void syntax_open_comment_or_string_is_refused_where_it_opens(void **state) {
    static const struct refusal rows[] = {
        {"alerts: {\n command = \"/a;\n};\n# \"", 2, "syntax", "a string is not closed"},
        {"alerts: {\n command = \"/a\\\"", 2, "syntax", "a string is not closed"},
        {"# 1\n/* 2\n\nlevels: { warning = 80; };\n", 2, "syntax", "a comment opens here"},
        {"/*/", 1, "syntax", "a comment opens here"},
    };
    (void)state;
    refuse_rows(rows, LENGTH(rows));
}

static void syntax_bytes_that_are_no_text_are_refused(void **state) {
    static const struct refusal rows[] = {
        {"", 0, "file", "is empty"},
        {" \t\r\n\n", 0, "file", "is empty"},
        {"# one\nlevels: \x01{ };", 2, "file", "holds byte 0x01"},
        {"# one\r# two\n", 1, "file", "holds byte 0x0d"},
        {"# \x7f", 1, "file", "holds byte 0x7f"},
        {"#\n\n\x7f\x45LF\x02\x01", 3, "file", "holds byte 0x7f"},
    };
    (void)state;
    refuse_rows(rows, LENGTH(rows));

    struct refusal nul = {"# one\n# two\0\n", 2, "file", "holds byte 0x00"};
    refuse_bytes(&nul, 13, -EINVAL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(syntax_value_that_no_key_takes_is_named),
        cmocka_unit_test(syntax_include_is_refused),
        cmocka_unit_test(syntax_open_comment_or_string_is_refused_where_it_opens),
        cmocka_unit_test(syntax_bytes_that_are_no_text_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
