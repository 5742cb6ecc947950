/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lib/report/alert_packet.h"

/* --- environment ---------------------------------------------------------------------------- */

static void environment_has_path_and_fields_of_an_alert_only(void **state) {
    static const char packet[] = "MESSAGE=m=1\0MESSAGE_ID=0\0PRIORITY=4\0PATH=/tmp\0LD_PRELOAD=x\0"
                                 "CTWATCH_ALERT=usage\0SYSLOG_IDENTIFIER=ctwatchd";
    static const char *const expected[] = {"MESSAGE=m=1", "MESSAGE_ID=0", "PRIORITY=4",
                                           "CTWATCH_ALERT=usage", "SYSLOG_IDENTIFIER=ctwatchd"};
    struct ctw_environment env;

    assert_int_equal(ctw_environment_read(packet, sizeof packet, &env), 0);
    assert_true(strncmp(env.variable[0], "PATH=/usr/", 10) == 0);
    for (size_t i = 0; i < 5; i++)
        assert_string_equal(env.variable[i + 1], expected[i]);
    assert_null(env.variable[6]);
}

static void environment_repeated_field_is_one_variable(void **state) {
    static const char packet[] =
        "CTWATCH_TOP=a 50%\0CTWATCH_TOP=b 30%\0CTWATCH_TOP=\0CTWATCH_TOPS=x";
    struct ctw_environment env;

    assert_int_equal(ctw_environment_read(packet, sizeof packet, &env), 0);
    assert_string_equal(env.variable[1], "CTWATCH_TOP=a 50%\nb 30%\n");
    assert_string_equal(env.variable[2], "CTWATCH_TOPS=x");
    assert_null(env.variable[3]);
}

static void environment_hostile_packet_is_refused(void **state) {
    static char many[CTW_FIELDS_BYTES + 1];
    struct ctw_environment env;
    size_t size = 0;

    assert_int_equal(ctw_environment_read("", 0, &env), -EBADMSG);
    assert_int_equal(ctw_environment_read("MESSAGE=m", 9, &env), -EBADMSG); /* no NUL */
    assert_int_equal(ctw_environment_read("MESSAGE=m\0CTWATCH_X", 20, &env), -EBADMSG);
    assert_int_equal(ctw_environment_read("MESSAGE=m\0", 11, &env), -EBADMSG); /* "" */
    for (int i = 0; i <= CTW_FIELDS_MAX; i++)
        size += (size_t)snprintf(many + size, sizeof many - size, "CTWATCH_%d=", i) + 1;
    assert_int_equal(ctw_environment_read(many, size, &env), -EBADMSG);
    memset(many, 'x', sizeof many);
    memcpy(many, "MESSAGE=", 8);
    many[sizeof many - 1] = '\0';
    assert_int_equal(ctw_environment_read(many, sizeof many, &env), -EBADMSG);
    many[sizeof many - 2] = '\0';
    assert_int_equal(ctw_environment_read(many, sizeof many - 1, &env), 0);
}

/* --- outcome -------------------------------------------------------------------------------- */

static void outcome_line_has_ending_and_last_line(void **state) {
    static const struct {
        const char *packet, *expected;
    } rows[] = {
        {"exit 0\n", "exit 0"},
        {"exit 7\nfirst\nno pager\n\n", "exit 7: no pager"},
        {"exit 255\nunended", "exit 255: unended"},
        {"signal 11\n", "signal 11"},
        {"timeout\n50%s done\n", "timeout: 50%s done"},
        {"exit 1\na\x1b[2Jb\xff\n", "exit 1: a?[2Jb?"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ctw_outcome o;
        struct ctw_line line;
        char packet[CTW_OUTCOME_BYTES];
        const size_t size = strlen(rows[i].packet);

        assert_int_equal(ctw_outcome_parse(rows[i].packet, size, &o), 0);
        ctw_outcome_line(&o, &line);
        assert_string_equal(line.text, rows[i].expected);
        assert_int_equal(ctw_outcome_print(&o, packet), size);
        assert_memory_equal(packet, rows[i].packet, size);
    }
}

static void outcome_other_bytes_are_refused(void **state) {
    static const char *const rows[] = {"",          "exit 0",     "exit\n",      "exit 256\n",
                                       "exit -1\n", "exit 7 x\n", "timeout 3\n", "killed\n"};
    struct ctw_outcome o = {.number = 99};
    char packet[CTW_OUTCOME_BYTES + 1] = "timeout\n";

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_int_equal(ctw_outcome_parse(rows[i], strlen(rows[i]), &o), -EBADMSG);
    assert_int_equal(ctw_outcome_parse(packet, 8 + CTW_STDERR_MAX + 1, &o), -EBADMSG);
    assert_int_equal(o.number, 99);
    assert_int_equal(ctw_outcome_parse(packet, 8 + CTW_STDERR_MAX, &o), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(environment_has_path_and_fields_of_an_alert_only),
        cmocka_unit_test(environment_repeated_field_is_one_variable),
        cmocka_unit_test(environment_hostile_packet_is_refused),
        cmocka_unit_test(outcome_line_has_ending_and_last_line),
        cmocka_unit_test(outcome_other_bytes_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
