/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Any bytes as a configuration: it is taken or refused with one line, and what is taken is within
 * the documented bounds, key by key, whatever the table in settings.c says.
 */

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/config/settings.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
const char *__lsan_default_suppressions(void);

/* libconfig leaks a string that stands where none may, once for each wrong configuration. */
const char *__lsan_default_suppressions(void) {
    return "leak:libconfig.so";
}

/* As assert(), but not to be switched off. */
static void hold(int condition) {
    if (!condition)
        abort();
}

static void hold_between(uint64_t value, uint64_t min, uint64_t max) {
    hold(value >= min && value <= max);
}

static void hold_command(const char *command) {
    const char *end = memchr(command, '\0', CTW_COMMAND_MAX);
    hold(end != NULL && (*command == '\0' || *command == '/'));
    for (const char *p = command; p < end; p++)
        hold((unsigned char)*p >= 0x20 && *p != 0x7f);
}

static void hold_settings(const struct ctw_settings *s) {
    hold_between(s->poll.interval_usec, 10000, UINT64_C(3600000000));
    hold_between(s->poll.fastest_usec, 1000, s->poll.interval_usec);
    hold_between(s->poll.worst_rate, 1, 100000000);
    hold_between(s->levels.warning_permyriad, 100, s->levels.critical_permyriad - 1);
    hold_between(s->levels.critical_permyriad, 100, 10000);
    hold_between(s->levels.clear_permyriad, 0, s->levels.warning_permyriad - 1);
    hold_between(s->levels.hold_usec, 0, UINT64_C(3600000000));
    hold_between(s->levels.forecast_usec, 0, UINT64_C(86400000000));
    hold_between(s->alerts.remind_usec, 0, UINT64_C(604800000000));
    hold_command(s->alerts.command);
    hold_between(s->events.mode, CTW_EVENTS_NEVER, CTW_EVENTS_ALWAYS);
    hold_between(s->events.from_permyriad, 0, 10000);
    hold_between(s->events.buffer_bytes, 65536, 1073741824);
    hold_between(s->events.budget_permyriad, 10, 10000);
    hold_between(s->talkers.top, 1, 20);
    hold_between(s->talkers.sample, 100, 1000000);
    hold_between(s->talkers.ipv6_prefix, 1, 128);
    hold_between(s->growth.at_permyriad, 100, 10000);
    hold_between(s->growth.step_permyriad, 11000, 160000);
    hold_between(s->growth.ceiling, 0, INT32_MAX);
    hold_between(s->growth.memory_permyriad, 10, 9000);
    hold_between(s->growth.buckets, CTW_BUCKETS_NEVER, CTW_BUCKETS_ALWAYS);
}

/* One line's worth, of a line that the text has. */
static void hold_error(const struct ctw_settings_error *e, const uint8_t *data, size_t size) {
    unsigned lines = 1;
    for (size_t i = 0; i < size; i++)
        lines += data[i] == '\n';
    hold_between(e->line, 0, lines);
    hold(e->line > 0 || strcmp(e->key, "file") == 0);
    hold(memchr(e->key, '\0', sizeof e->key) != NULL && e->key[0] != '\0');
    hold(memchr(e->reason, '\0', sizeof e->reason) != NULL);
    hold(strstr(e->reason, ", allowed ") != NULL);
    for (const char *p = e->key; *p != '\0'; p++)
        hold(*p > 0x20 && *p < 0x7f);
    for (const char *p = e->reason; *p != '\0'; p++)
        hold(*p >= 0x20 && *p < 0x7f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct ctw_settings s;
    struct ctw_settings_error e;
    memset(&s, 0xff, sizeof s);

    int r = ctw_settings_parse((const char *)data, size, &s, &e);
    hold(r == 0 || r == -EINVAL);
    if (r == 0)
        hold_settings(&s);
    else
        hold_error(&e, data, size);
    return 0;
}
