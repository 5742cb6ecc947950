/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * lib/report/alert_packet: an environment holds PATH, MESSAGE, PRIORITY and CTWATCH_* and no other
 * variable; an outcome is printed as it was read, and shown in one printable line.
 */

#undef NDEBUG /* the assertions are the test, in every kind of build */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "lib/report/alert_packet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_environment(const char *packet, size_t size) {
    static struct ctw_environment env;
    size_t n = 1;

    if (ctw_environment_read(packet, size, &env) < 0)
        return;
    assert(strncmp(env.variable[0], "PATH=/", 6) == 0);
    for (; env.variable[n]; n++) {
        assert(strncmp(env.variable[n], "CTWATCH_", 8) == 0 ||
               strncmp(env.variable[n], "MESSAGE=", 8) == 0 ||
               strncmp(env.variable[n], "MESSAGE_ID=", 11) == 0 ||
               strncmp(env.variable[n], "PRIORITY=", 9) == 0 ||
               strncmp(env.variable[n], "SYSLOG_IDENTIFIER=", 18) == 0);
        assert(strchr(env.variable[n], '='));
    }
    assert(n <= CTW_FIELDS_MAX + 1);
}

static void check_outcome(const char *packet, size_t size) {
    char again[CTW_OUTCOME_BYTES];
    struct ctw_outcome o, same;
    struct ctw_line line;

    if (ctw_outcome_parse(packet, size, &o) < 0)
        return;
    assert(o.ending < CTW_ENDINGS && o.errors_length <= CTW_STDERR_MAX);
    const size_t n = ctw_outcome_print(&o, again);
    assert(ctw_outcome_parse(again, n, &same) == 0);
    assert(same.ending == o.ending && same.number == o.number &&
           same.errors_length == o.errors_length);
    assert(memcmp(same.errors, o.errors, o.errors_length) == 0);
    ctw_outcome_line(&o, &line);
    assert(line.length < CTW_STDERR_MAX * 2 && !strchr(line.text, '\n'));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    check_environment((const char *)data, size);
    check_outcome((const char *)data, size);
    return 0;
}
