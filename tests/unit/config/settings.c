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

#include "lib/config/settings.h"

#define LENGTH(a) (sizeof(a) / sizeof *(a))

/* Parses a copy of exactly @length bytes: a sanitizer reports the first byte read behind it. */
static int parse_bytes(const char *text, size_t length, struct ctw_settings *ret,
                       struct ctw_settings_error *reterr) {
    char *exact = malloc(length > 0 ? length : 1);
    assert_non_null(exact);
    memcpy(exact, text, length);
    int r = ctw_settings_parse(exact, length, ret, reterr);
    free(exact);
    return r;
}

static struct ctw_settings accept(const char *text) {
    struct ctw_settings s;
    struct ctw_settings_error e;
    if (parse_bytes(text, strlen(text), &s, &e) != 0)
        fail_msg("refused: %u: %s: %s\n%s", e.line, e.key, e.reason, text);
    return s;
}

struct refusal {
    const char *text;
    unsigned line;
    const char *key;
    const char *reason; /* a part of it */
};

static void refuse_bytes(const struct refusal *row, size_t length) {
    struct ctw_settings s, untouched;
    struct ctw_settings_error e = {.line = 12345};
    memset(&s, 0x5a, sizeof s);
    memset(&untouched, 0x5a, sizeof untouched);

    int r = parse_bytes(row->text, length, &s, &e);
    if (r != -EINVAL)
        fail_msg("returned %d for\n%s", r, row->text);
    if (e.line != row->line || strcmp(e.key, row->key) != 0 || !strstr(e.reason, row->reason))
        fail_msg("got      %u: %s: %s\nexpected %u: %s: %s\nfor\n%s", e.line, e.key, e.reason,
                 row->line, row->key, row->reason, row->text);
    if (strpbrk(e.reason, "\r\n\t") != NULL || strlen(e.reason) > 200)
        fail_msg("not one short line: %s", e.reason);
    assert_memory_equal(&s, &untouched, sizeof s);
}

static void refuse_rows(const struct refusal *rows, size_t n) {
    for (size_t i = 0; i < n; i++)
        refuse_bytes(&rows[i], strlen(rows[i].text));
}

static void settings_defaults_are_as_documented(void **state) {
    struct ctw_settings s;
    (void)state;
    memset(&s, 0xff, sizeof s);
    ctw_settings_defaults(&s);
    assert_int_equal(s.poll.interval_usec, 1000000);
    assert_int_equal(s.poll.fastest_usec, 2000);
    assert_int_equal(s.poll.worst_rate, 500000);
    assert_int_equal(s.levels.warning_permyriad, 7500);
    assert_int_equal(s.levels.critical_permyriad, 9000);
    assert_int_equal(s.levels.clear_permyriad, 500);
    assert_int_equal(s.levels.hold_usec, 10000000);
    assert_int_equal(s.levels.forecast_usec, 300000000);
    assert_int_equal(s.alerts.remind_usec, 900000000);
    assert_string_equal(s.alerts.command, "");
    assert_true(s.kernel_log.enabled);
    assert_int_equal(s.events.mode, CTW_EVENTS_AUTO);
    assert_int_equal(s.events.from_permyriad, 5000);
    assert_int_equal(s.events.buffer_bytes, 33554432);
    assert_int_equal(s.events.budget_permyriad, 1000);
    assert_int_equal(s.talkers.top, 5);
    assert_int_equal(s.talkers.sample, 5000);
    assert_int_equal(s.talkers.ipv6_prefix, 64);
    assert_false(s.growth.enabled);
    assert_false(s.growth.dry_run);
    assert_int_equal(s.growth.at_permyriad, 8000);
    assert_int_equal(s.growth.step_permyriad, 20000);
    assert_int_equal(s.growth.ceiling, 0);
    assert_int_equal(s.growth.memory_permyriad, 1000);
    assert_int_equal(s.growth.buckets, CTW_BUCKETS_STARTUP);
    assert_false(s.growth.persist);
    assert_true(s.namespaces.enabled);
    assert_int_equal(s.namespaces.interval_usec, 5000000);
    assert_int_equal(s.namespaces.max, 1024);
    assert_int_equal(s.namespaces.metrics, 0);
}

static void settings_printed_defaults_read_back_unchanged(void **state) {
    char text[CTW_SETTINGS_TEXT_MAX], small[100];
    struct ctw_settings defaults;
    (void)state;

    size_t n = ctw_settings_print_defaults(text, sizeof text);
    assert_true(n > 0 && n < sizeof text);
    assert_int_equal(strlen(text), n);
    ctw_settings_defaults(&defaults);
    struct ctw_settings s = accept(text);
    assert_memory_equal(&s, &defaults, sizeof s);

    assert_int_equal(ctw_settings_print_defaults(small, sizeof small), n);
    assert_int_equal(strlen(small), sizeof small - 1);
    assert_memory_equal(small, text, sizeof small - 1);
    assert_int_equal(ctw_settings_print_defaults(NULL, 0), n);
}

static void settings_missing_key_has_its_default(void **state) {
    static const char *const texts[] = {
        "# nothing but a comment",
        "// the same",
        "/* the\nsame */",
        "poll: { };",
        "poll = {}\nlevels:{},growth:{}",
        "# \xc3\xa9\xff in a comment\n",
    };
    struct ctw_settings defaults;
    (void)state;
    ctw_settings_defaults(&defaults);
    for (size_t i = 0; i < LENGTH(texts); i++) {
        struct ctw_settings s = accept(texts[i]);
        assert_memory_equal(&s, &defaults, sizeof s);
    }

    struct ctw_settings s = accept("levels: { hold = 0; };");
    assert_int_equal(s.levels.hold_usec, 0);
    s.levels.hold_usec = defaults.levels.hold_usec;
    assert_memory_equal(&s, &defaults, sizeof s);
}

static void settings_every_notation_is_read(void **state) {
    (void)state;
    assert_int_equal(accept("levels: { warning = 60; };").levels.warning_permyriad, 6000);
    assert_int_equal(accept("levels: { warning = 60.0 }").levels.warning_permyriad, 6000);
    assert_int_equal(accept("levels = { warning : 6e1, }").levels.warning_permyriad, 6000);
    assert_int_equal(accept("levels: { warning = 60L; };").levels.warning_permyriad, 6000);
    assert_int_equal(accept("levels: { warning = 0x3C; };").levels.warning_permyriad, 6000);
    assert_int_equal(accept("levels: { warning = +60; };").levels.warning_permyriad, 6000);
    assert_int_equal(accept("levels: { warning = 60.006; };").levels.warning_permyriad, 6001);
    assert_int_equal(accept("levels: { warning = 60.004; };").levels.warning_permyriad, 6000);
    assert_int_equal(accept("levels: { hold = 3; };").levels.hold_usec, 3000000);
    assert_int_equal(accept("levels: { hold = .5; };").levels.hold_usec, 500000);
    assert_int_equal(accept("levels: { hold = \"1.5min\"; };").levels.hold_usec, 90000000);
    assert_int_equal(accept("levels: { hold = \"1\" \"0\"\n\"s\"; };").levels.hold_usec, 10000000);
    assert_int_equal(accept("events: { buffer = 65536; };").events.buffer_bytes, 65536);
    assert_int_equal(accept("events: { buffer = \"1MiB\"; };").events.buffer_bytes, 1048576);
    assert_int_equal(accept("events: { mode = \"never\"; };").events.mode, CTW_EVENTS_NEVER);
    assert_int_equal(accept("events: { mode = \"always\"; };").events.mode, CTW_EVENTS_ALWAYS);
    assert_int_equal(accept("growth: { buckets = \"always\"; };").growth.buckets,
                     CTW_BUCKETS_ALWAYS);
    assert_false(accept("kernel_log: { enabled = FALSE; };").kernel_log.enabled);
    assert_true(accept("growth: { enabled = True; };").growth.enabled);
    assert_int_equal(accept("growth: { step = 1.5; };").growth.step_permyriad, 15000);
    assert_string_equal(accept("alerts: { command = \"/bin/a -b \\\"c\\\"\"; };").alerts.command,
                        "/bin/a -b \"c\"");
    assert_int_equal(accept("levels: {\r\n hold = 1; # CRLF\r\n};\r\n").levels.hold_usec, 1000000);
    assert_int_equal(accept("talkers: { top = /* { @include */ 7; } # }").talkers.top, 7);
}

static void settings_bounds_hold_to_the_last_digit(void **state) {
    static const struct {
        const char *key, *below, *min, *max, *above,
            *with; /* with: other keys that the bound requires */
    } rows[] = {
        {"poll.interval", "\"9999us\"", "\"10ms\"", "\"1h\"", "\"3600000001us\"", ""},
        {"poll.fastest", "\"999us\"", "0.001", "3600", "3601", "interval = 3600;"},
        {"poll.worst_rate", "0", "1", "100000000", "100000001", ""},
        {"levels.warning", "0.99", "1", "99.99", "100.01", "critical = 100; clear = 0;"},
        {"levels.critical", "0", "1.01", "100", "101", "warning = 1; clear = 0;"},
        {"levels.clear", "-0.01", "0", "99", "99.01", "warning = 99.5; critical = 100;"},
        {"levels.hold", "-1", "0", "\"1h\"", "3600.1", ""},
        {"levels.forecast", "-1", "0", "86400", "\"86400.000001s\"", ""},
        {"alerts.remind", "-0.000001", "0", "\"7d\"", "604801", ""},
        {"events.from", "-1", "0", "100", "100.1", ""},
        {"events.buffer", "65535", "\"64KiB\"", "\"1GiB\"", "1073741825", ""},
        {"events.budget", "0.09", "0.1", "100", "101", ""},
        {"talkers.top", "0", "1", "20", "21", ""},
        {"talkers.sample", "99", "100", "1000000", "1000001", ""},
        {"talkers.ipv6_prefix", "0", "1", "128", "129", ""},
        {"growth.at", "0.9", "1", "100", "100.1", ""},
        {"growth.step", "1.09", "1.1", "16", "16.1", ""},
        {"growth.ceiling", "-1", "0", "2147483647", "2147483648.0", ""},
        {"growth.memory", "0.09", "0.1", "90", "90.1", ""},
    };
    static const char *const far[] = {
        "-2147483647",
        "-1e400",
        "1e400",
        "1e18",
    };
    (void)state;

    for (size_t i = 0; i < LENGTH(rows); i++) {
        const char *name = strchr(rows[i].key, '.') + 1;
        int group = (int)(name - 1 - rows[i].key);
        char text[200];
        const char *good[] = {rows[i].min, rows[i].max};
        for (size_t j = 0; j < LENGTH(good); j++) {
            snprintf(text, sizeof text, "%.*s: { %s = %s; %s };", group, rows[i].key, name, good[j],
                     rows[i].with);
            accept(text);
        }

        const char *bad[2 + LENGTH(far)] = {rows[i].below, rows[i].above};
        memcpy(bad + 2, far, sizeof far);
        for (size_t j = 0; j < LENGTH(bad); j++) {
            snprintf(text, sizeof text, "%.*s: {\n %s\n %s = %s; };", group, rows[i].key,
                     rows[i].with, name, bad[j]);
            struct refusal row = {text, 3, rows[i].key, ", allowed is "};
            refuse_bytes(&row, strlen(text));
        }
    }
}

static void settings_bad_value_is_refused_with_line_and_key(void **state) {
    static const struct refusal rows[] = {
        {"# 1\n/* 2\n3 */\nlevels: { // 4\n\n\n warning = 950;\n};\n", 7, "levels.warning",
         "is 950, allowed is 1 to 100 (percent)"},
        {"levels: {\r\n\r\n warning = 950; };", 3, "levels.warning", "is 950"},
        {"levels: { hold =\n\n\n -3; };", 1, "levels.hold", "is -3, allowed is 0s to 1h"},
        {"levels: { hold = \"-3s\"; };", 1, "levels.hold", "is \"-3s\", allowed is 0s to 1h"},
        {"levels: { hold = \"10 parsecs\"; };", 1, "levels.hold", "is \"10 parsecs\""},
        {"levels: { hold = \"\"; };", 1, "levels.hold", "is \"\""},
        {"levels: { hold = true; };", 1, "levels.hold", "is true"},
        {"levels: { warning = \"80\"; };", 1, "levels.warning", "is \"80\""},
        {"levels: { warning = 1e400; };", 1, "levels.warning", "is inf"},
        {"levels: { warning = nan; };", 1, "syntax", "units in quotes"},
        {"levels: { warning = 80%; };", 1, "syntax", "units in quotes"},
        {"poll: { interval = 250ms; };", 1, "syntax", "units in quotes"},
        {"levels: { warning = 0b111; };", 1, "syntax", "units in quotes"},
        {"levels: { warning = 8e; };", 1, "syntax", "units in quotes"},
        {"talkers: { top = 5.0; };", 1, "talkers.top", "is 5, allowed is 1 to 20"},
        {"talkers: { top = \"5\"; };", 1, "talkers.top", "is \"5\""},
        {"events: { buffer = 65536.5; };", 1, "events.buffer", "allowed is 64KiB to 1GiB"},
        {"kernel_log: { enabled = 1; };", 1, "kernel_log.enabled", "is 1, allowed is true or"},
        {"kernel_log: { enabled = \"true\"; };", 1, "kernel_log.enabled", "is \"true\""},
        {"kernel_log: { enabled = yes; };", 1, "syntax", "units in quotes"},
        {"events: { mode = \"Auto\"; };", 1, "events.mode",
         "is \"Auto\", allowed is \"never\", \"auto\" or \"always\""},
        {"events: { mode = auto; };", 1, "syntax", "units in quotes"},
        {"events: { mode = 1; };", 1, "events.mode", "is 1"},
        {"growth: { buckets = \"\"; };", 1, "growth.buckets", "\"startup\" or \"always\""},
        {"alerts: { command = \"logger\"; };", 1, "alerts.command", "absolute path"},
        {"alerts: { command = \"/\"; };", 1, "alerts.command", "absolute path"},
        {"alerts: { command = \" /bin/a\"; };", 1, "alerts.command", "absolute path"},
        {"alerts: { command = \"/bin/a\\nb\"; };", 1, "alerts.command", "is \"/bin/a?b\""},
        {"alerts: { command = \"/bin/a\\x1b\"; };", 1, "alerts.command", "is \"/bin/a?\""},
        {"alerts: { command = false; };", 1, "alerts.command", "is false"},
        {"levels: {\n warning = (75, 80);\n};", 2, "levels.warning", "is a list, allowed is 1"},
        {"levels: {\n warning = [75];\n};", 2, "levels.warning", "is a list, allowed is 1"},
        {"levels: {\n warning = { a = 1; };\n};", 2, "levels.warning", "is a group, allowed is 1"},
        {"levels: {\n warning = ;\n};", 2, "syntax", "syntax error"},
        {"levels: {\n warning =\n clear = 5;\n};", 3, "syntax", "syntax error"},
    };
    (void)state;
    refuse_rows(rows, LENGTH(rows));
}

static void settings_unknown_name_suggests_the_nearest(void **state) {
    static const struct refusal rows[] = {
        {"levels: {\n\n warnign = 80; };", 3, "levels.warnign", "similar is levels.warning"},
        {"levels: { Warning = 80; };", 1, "levels.Warning", "similar is levels.warning"},
        {"levels: { warning_percent = 80; };", 1, "levels.warning_percent",
         "is no key, allowed are warning, critical, clear, hold, forecast"},
        {"levels: { remind = 80; };", 1, "levels.remind", "similar is alerts.remind"},
        {"level: { };", 1, "level", "similar is levels"},
        {"kernellog: { };", 1, "kernellog", "similar is kernel_log"},
        {"\nwarning = 80;", 2, "warning", "similar is levels.warning"},
        {"nonsense: { };", 1, "nonsense", "is no group, allowed are poll, levels, alerts,"},
        {"levels = 5;", 1, "levels", "allowed is a group, levels: { ... };"},
        {"levels = \"5\";", 1, "levels", "allowed is a group"},
        {"levels = ( );", 1, "levels", "is no group, allowed is a group"},
        {"levels.warning = 5;", 1, "syntax", "syntax error"},
    };
    (void)state;
    refuse_rows(rows, LENGTH(rows));
}

static void settings_long_name_is_cut_in_the_error(void **state) {
    char text[10000] = "levels: { ";
    struct ctw_settings s;
    struct ctw_settings_error e;
    (void)state;
    memset(text + 10, 'a', 9000);
    memcpy(text + 9010, " = 1; };", 9);
    assert_int_equal(parse_bytes(text, strlen(text), &s, &e), -EINVAL);
    assert_memory_equal(e.key, "levels.aaaaaaaa", 15);
    assert_true(strlen(e.key) < sizeof e.key);
}

static void settings_duplicate_is_refused(void **state) {
    static const struct refusal rows[] = {
        {"levels: {\n warning = 70;\n warning = 80;\n};", 3, "syntax", "duplicate setting name"},
        {"levels: { };\npoll: { };\nlevels: { };", 3, "syntax", "duplicate setting name"},
    };
    (void)state;
    refuse_rows(rows, LENGTH(rows));
    accept("growth: { enabled = true; };\nkernel_log: { enabled = true; };");
}

static void settings_thresholds_out_of_order_are_refused(void **state) {
    static const struct refusal rows[] = {
        {"levels: {\n warning = 95;\n};", 2, "levels.warning",
         "is 95.0, allowed is less than levels.critical, which is 90.0 by default"},
        {"levels: {\n critical = 60;\n};", 2, "levels.critical",
         "is 60.0, allowed is more than levels.warning, which is 75.0 by default"},
        {"levels: {\n warning = 80;\n critical = 80;\n};", 3, "levels.critical",
         "is 80.0, allowed is more than levels.warning, which is 80.0"},
        {"levels: {\n critical = 80;\n warning = 80.01;\n};", 3, "levels.warning",
         "is 80.01, allowed is less than levels.critical, which is 80.0"},
        {"levels: {\n clear = 75;\n};", 2, "levels.clear",
         "is 75.0, allowed is less than levels.warning, which is 75.0 by default"},
        {"levels: {\n\n warning = 4;\n};", 3, "levels.warning",
         "is 4.0, allowed is more than levels.clear, which is 5.0 by default"},
        {"poll: {\n fastest = \"1001ms\";\n};", 2, "poll.fastest",
         "is \"1001ms\", allowed is at most poll.interval, which is \"1s\" by default"},
        {"poll: {\n fastest = 2;\n interval = 1;\n};", 3, "poll.interval",
         "is \"1s\", allowed is at least poll.fastest, which is \"2s\""},
    };
    (void)state;
    refuse_rows(rows, LENGTH(rows));
    accept("poll: { fastest = 1; interval = 1; };");
    accept("levels: { critical = 70; warning = 69.99; };");
}

static void settings_syntax_error_names_its_line(void **state) {
    static const struct refusal rows[] = {
        {"levels: {\n hold = 3 4;\n};", 2, "syntax", "syntax error"},
        {"levels: {\n};\n5;\n", 3, "syntax", "syntax error"},
        {"# one\n# two\n$", 3, "syntax", "syntax error"},
        {"\xef\xbb\xbf# a byte-order mark\n$", 2, "syntax", "syntax error"},
        {"levels: {\n;;\n};", 2, "syntax", "syntax error"},
        {"levels {\n};", 1, "syntax", "syntax error"},
        {"levels: {\n hold 3;\n};", 2, "syntax", "syntax error"},
        {"levels: {\n hold = 3;\n};\n};\n", 4, "syntax", "syntax error"},
        {"levels: {\n hold = 3;\n\n", 4, "syntax", "syntax error"},
        {"= 5", 1, "syntax", "syntax error"},
        {"levels: {};\n\n@include \"x\"\n", 3, "syntax", "@include is refused"},
    };
    (void)state;
    refuse_rows(rows, LENGTH(rows));
}

/* libconfig 1.5 would cut them to 32 bits. */
static void settings_integer_above_31_bits_is_refused(void **state) {
    static const char *const integers[] = {
        "2147483648",           "-2147483648",  "-2147483649",          "4294967297",
        "4294967297L",          "0x1FFFFFFFF",  "0xFFFFFFFF",           "99999999999999999999",
        "18446744073709551617", "040000000000", "9223372036854775808L", "0xFFFFFFFFFFFFFFFFFFFFFL",
    };
    (void)state;
    for (size_t i = 0; i < LENGTH(integers); i++) {
        char text[100], reason[100];
        snprintf(text, sizeof text, "growth: {\n ceiling = %s; };", integers[i]);
        snprintf(reason, sizeof reason, "%s is too large", integers[i]);
        const struct refusal row = {text, 2, "syntax", reason};
        refuse_bytes(&row, strlen(text));
    }
    accept("growth: { ceiling = 2147483647; }; levels: { warning = 0x1FL; };");
    accept("levels: { warning = 00000000000000000060.0; hold = 30000000000e-10; };");
}

static void settings_include_is_refused(void **state) {
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

static void settings_open_comment_or_string_is_refused_where_it_opens(void **state) {
    static const struct refusal rows[] = {
        {"alerts: {\n command = \"/a;\n};\n# \"", 2, "syntax", "a string is not closed"},
        {"alerts: {\n command = \"/a\\\"", 2, "syntax", "a string is not closed"},
        {"# 1\n/* 2\n\nlevels: { warning = 80; };\n", 2, "syntax", "a comment opens here"},
        {"/*/", 1, "syntax", "a comment opens here"},
    };
    (void)state;
    refuse_rows(rows, LENGTH(rows));
}

static void settings_bytes_that_are_no_text_are_refused(void **state) {
    static const struct refusal rows[] = {
        {"", 0, "file", "is empty"},
        {" \t\r\n\n", 0, "file", "is empty"},
        {"# one\nlevels: \x01{ };", 2, "file", "holds byte 0x01"},
        {"# one\r# two\n", 1, "file", "holds byte 0x0d"},
        {"# \x7f", 1, "file", "holds byte 0x7f"},
        {"#\n\n\x7f\x45LF\x02\x01", 3, "file", "holds byte 0x7f"},
    };
    const struct refusal nul = {"# one\n# two\0\n", 2, "file", "holds byte 0x00"};
    (void)state;
    refuse_rows(rows, LENGTH(rows));
    refuse_bytes(&nul, 13);
}

/* libconfig's parser has a stack of fixed depth. */
static void settings_nested_brackets_are_refused(void **state) {
    static const char *const opening[] = {"a={", "a=(", "(", "[", "{", "a=[", "levels:{"};
    static char text[CTW_SETTINGS_TEXT_MAX];
    (void)state;
    for (size_t i = 0; i < LENGTH(opening); i++) {
        struct ctw_settings s;
        struct ctw_settings_error e;
        size_t n = strlen(opening[i]), used = 0;
        for (; used + n <= sizeof text; used += n)
            memcpy(text + used, opening[i], n);
        assert_int_equal(parse_bytes(text, used, &s, &e), -EINVAL);
        assert_int_equal(e.line, 1);
    }
}

static void settings_text_above_64_kib_is_refused(void **state) {
    static char text[CTW_SETTINGS_TEXT_MAX + 1];
    struct refusal row = {text, 0, "file", "has more than 65536 bytes"};
    struct ctw_settings s;
    struct ctw_settings_error e;
    (void)state;
    memset(text, '#', sizeof text);
    assert_int_equal(parse_bytes(text, CTW_SETTINGS_TEXT_MAX, &s, &e), 0);
    refuse_bytes(&row, sizeof text);
}

static void settings_longest_command_is_read(void **state) {
    char text[CTW_COMMAND_MAX + 100];
    size_t n = (size_t)snprintf(text, sizeof text, "alerts: { command = \"/");
    (void)state;
    memset(text + n, 'a', CTW_COMMAND_MAX - 2);
    memcpy(text + n + CTW_COMMAND_MAX - 2, "\"; };", 6);
    struct ctw_settings s = accept(text);
    assert_int_equal(strlen(s.alerts.command), CTW_COMMAND_MAX - 1);

    memset(text + n, 'a', CTW_COMMAND_MAX - 1);
    memcpy(text + n + CTW_COMMAND_MAX - 1, "\"; };", 6);
    struct refusal row = {text, 1, "alerts.command", "aaa...\", allowed is"};
    refuse_bytes(&row, strlen(text));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(settings_defaults_are_as_documented),
        cmocka_unit_test(settings_printed_defaults_read_back_unchanged),
        cmocka_unit_test(settings_missing_key_has_its_default),
        cmocka_unit_test(settings_every_notation_is_read),
        cmocka_unit_test(settings_bounds_hold_to_the_last_digit),
        cmocka_unit_test(settings_bad_value_is_refused_with_line_and_key),
        cmocka_unit_test(settings_unknown_name_suggests_the_nearest),
        cmocka_unit_test(settings_long_name_is_cut_in_the_error),
        cmocka_unit_test(settings_duplicate_is_refused),
        cmocka_unit_test(settings_thresholds_out_of_order_are_refused),
        cmocka_unit_test(settings_syntax_error_names_its_line),
        cmocka_unit_test(settings_integer_above_31_bits_is_refused),
        cmocka_unit_test(settings_include_is_refused),
        cmocka_unit_test(settings_open_comment_or_string_is_refused_where_it_opens),
        cmocka_unit_test(settings_bytes_that_are_no_text_are_refused),
        cmocka_unit_test(settings_nested_brackets_are_refused),
        cmocka_unit_test(settings_text_above_64_kib_is_refused),
        cmocka_unit_test(settings_longest_command_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
