/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The status as JSON. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "lib/view/status.h"
#include "tests/support/snapshot_samples.h"

#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))

static struct ctw_view view;
static struct ctw_snapshot *const snapshot = &view.snapshot;
static struct ctw_history history;
static char text[CTW_RENDER_STATUS_MAX];

/* A calm table, as a live daemon has published it just now. */
static int begin(void **state) {
    (void)state;
    memset(&history, 0, sizeof(history));
    view = (struct ctw_view){.history = &history,
                             .liveness = CTW_LIVENESS_ALIVE,
                             .now_usec = SAMPLE_NOW_USEC,
                             .realtime_usec = SAMPLE_WALL_USEC};
    sample_calm(snapshot);
    return 0;
}

static json_t *parse(bool compact) {
    const size_t n = ctw_render_status_json(&view, compact, text, sizeof(text));
    json_error_t error;

    assert_in_range(n, 2, sizeof(text) - 1);
    assert_int_equal(n, strlen(text));
    json_t *o = json_loads(text, JSON_REJECT_DUPLICATES, &error);
    if (!o)
        fail_msg("line %d: %s: %s", error.line, error.text, text);
    return o;
}

/* A member of a member: "table.count". */
static json_t *at(json_t *o, const char *path) {
    char name[64];

    while (o && *path != '\0') {
        const size_t n = strcspn(path, ".");
        (void)snprintf(name, sizeof(name), "%.*s", (int)n, path);
        o = json_object_get(o, name);
        path += path[n] == '.' ? n + 1 : n;
    }
    return o;
}

struct expected {
    const char *path;
    json_int_t is;
};

static void expect_numbers(json_t *o, const struct expected *expected, size_t n) {
    for (size_t i = 0; i < n; i++) {
        const json_t *value = at(o, expected[i].path);
        if (!json_is_integer(value) || json_integer_value(value) != expected[i].is)
            fail_msg("%s is not %lld in %s", expected[i].path, (long long)expected[i].is, text);
    }
}

static void expect_text(json_t *o, const char *path, const char *is) {
    const char *value = json_string_value(at(o, path));

    if (!value || strcmp(value, is) != 0)
        fail_msg("%s is %s, not %s", path, value ? value : "no string", is);
}

static void json_of_a_full_table_has_its_numbers(void **state) {
    const json_int_t now = SAMPLE_WALL_USEC / CTW_USEC_PER_SEC;
    const struct expected expected[] = {
        {"now_unix_seconds", now},
        {"looked_unix_seconds", now},
        {"daemon.pid", 812},
        {"daemon.started_unix_seconds", now - 3600},
        {"daemon.looks", 14400},
        {"daemon.looks_late", 3},
        {"daemon.look_latency_mean_microseconds", 100},
        {"daemon.look_latency_worst_microseconds", 420},
        {"netns_inode", 4026531840},
        {"level_since_unix_seconds", now - 95},
        {"table.count", 262144},
        {"table.max", 262144},
        {"table.buckets", 262144},
        {"table.memory_at_most_bytes", 262144 * 392},
        {"table.memory_full_at_most_bytes", 262144 * 392},
        {"kernel_counters.drop", 0},
        {"trend.entries_per_second", 0},
        {"lost.dropped_full", 1234},
        {"lost.dropped_below_max", 0},
        {"lost.evicted", 56789},
        {"lost.clashes", 7},
        {"lost.chain_too_long", 0},
        {"lost.log_lines", 40},
        {"lost.last_dropped_unix_seconds", now - 2},
        {"lost.last_evicted_unix_seconds", now},
        {"events.created_per_second", 81230},
        {"events.destroyed_per_second", 80110},
        {"events.sampled_one_in", 4},
        {"events.read", 700000},
        {"events.created", 2400000},
        {"events.destroyed", 2150000},
        {"events.overruns", 2},
        {"events.lost", 5100},
        {"growth.ceiling", 262144},
        {"growth.growths", 2},
        {"growth.grown_unix_seconds", now - 100},
        {"growth.grown_from_max", 131072},
        {"growth.grown_to_max", 262144},
        {"growth.memory_of_machine_bytes", 2147483648},
        {"last_hour.high_count", 262144},
        {"last_hour.low_count", 17},
        {"last_hour.low_unix_seconds", now - 60},
        {"last_hour.column_seconds", 60},
        {"who.asked_unix_seconds", now - 95},
        {"who.counted", 5000},
        {"alerts.usage", 1},
        {"alerts.table_full", 1},
        {"alerts.config", 0},
    };

    (void)state;
    sample_full(snapshot);
    (void)sample_slot(&history, 60, 17, 1000, CTW_LEVEL_OK);
    json_t *o = parse(false);
    expect_numbers(o, expected, LENGTH(expected));
    expect_text(o, "level", "full");
    expect_text(o, "daemon.liveness", "looking");
    expect_text(o, "netns", "initial");
    expect_text(o, "sources.table.health", "ok");
    expect_text(o, "sources.kernel_log.health", "failed");
    expect_text(o, "sources.kernel_log.fault", "/dev/kmsg: Operation not permitted");
    expect_text(o, "events.mode", "auto");
    expect_text(o, "growth.bound", "growth.ceiling");
    expect_text(o, "growth.refusal", "at_ceiling");
    assert_true(json_is_true(at(o, "events.lower_bound")));
    assert_true(json_is_true(at(o, "table.current")));
    assert_true(json_is_null(at(o, "trend.seconds_to_full")));
    assert_true(json_is_null(at(o, "daemon.state_error")));
    assert_true(json_real_value(at(o, "table.usage_percent")) == 100.0);
    assert_true(json_real_value(at(o, "thresholds.warning_percent")) == 75.0);
    assert_true(json_real_value(at(o, "who.drop_risk_percent")) == 19.2);

    const json_t *high = at(o, "last_hour.column_high_counts");
    assert_int_equal(json_array_size(high), 60);
    assert_int_equal(json_integer_value(json_array_get(high, 59)), 262144);
    assert_int_equal(json_integer_value(json_array_get(high, 58)), 1000);
    assert_true(json_is_null(json_array_get(high, 57)));

    json_t *source = json_array_get(at(o, "who.source"), 1);
    expect_text(source, "name", "2001:db8:1:2::/64");
    assert_true(json_real_value(at(source, "share_percent")) == 18.9);
    json_t *last = json_array_get(at(o, "last_alerts"), 0);
    assert_int_equal(json_array_size(at(o, "last_alerts")), 3);
    expect_text(last, "kind", "table_full");
    expect_text(last, "edge", "begin");
    expect_text(last, "level", "full");
    assert_int_equal(json_integer_value(at(last, "unix_seconds")), now - 95);
    json_decref(o);
}

static void json_after_a_sample_keeps_the_daemons_poll(void **state) {
    const json_int_t now = SAMPLE_WALL_USEC / CTW_USEC_PER_SEC;
    struct expected expected[] = {{"looked_unix_seconds", now},
                                  {"daemon.looked_unix_seconds", now}};

    (void)state;
    json_t *o = parse(false);
    expect_numbers(o, expected, LENGTH(expected));
    json_decref(o);
    view.daemon_polled_usec = SAMPLE_NOW_USEC - 40 * CTW_USEC_PER_SEC;
    expected[1].is = now - 40;
    o = parse(false);
    expect_numbers(o, expected, LENGTH(expected));
    json_decref(o);
}

static void json_unknown_is_null(void **state) {
    static const char *const unknown[] = {
        "daemon.pid", "daemon.looks", "daemon.looked_unix_seconds",
        "trend",      "events",       "growth",
        "who",        "last_hour",    "alerts"};

    (void)state;
    sample_own_poll(snapshot);
    view.state_error = -EACCES;
    view.liveness = CTW_LIVENESS_NONE;
    view.history = NULL;
    json_t *o = parse(false);
    for (size_t i = 0; i < LENGTH(unknown); i++)
        if (!json_is_null(at(o, unknown[i])))
            fail_msg("%s is not null", unknown[i]);
    expect_text(o, "daemon.liveness", "none");
    expect_text(o, "daemon.state_error", "for root and the group ctwatch");
    expect_text(o, "level", "ok");
    json_decref(o);

    (void)begin(NULL);
    sample_absent(snapshot);
    o = parse(false);
    assert_true(json_is_null(at(o, "table")));
    assert_true(json_is_null(at(o, "level")));
    expect_text(o, "sources.table.health", "absent");
    json_decref(o);

    sample_unlimited(snapshot);
    o = parse(false);
    assert_true(json_is_null(at(o, "table.max")));
    assert_true(json_is_null(at(o, "table.usage_percent")));
    assert_true(json_is_null(at(o, "table.memory_full_at_most_bytes")));
    json_decref(o);
}

static void json_hostile_text_is_valid(void **state) {
    (void)state;
    (void)sample_slot(&history, 60, 0, UINT32_MAX, CTW_LEVEL_FULL);
    sample_hostile(snapshot);
    json_t *o = parse(true);
    assert_null(memchr(text, '\n', strlen(text) - 1)); /* one line */
    json_decref(o);
    sample_widest(snapshot);
    o = parse(false);
    assert_int_equal(json_integer_value(at(o, "lost.evicted")), INT64_MAX);
    json_decref(o);
}

static void json_members_are_snake_case(void **state) {
    const char *name;
    json_t *value;

    (void)state;
    sample_full(snapshot);
    json_t *o = parse(false);
    json_object_foreach(o, name, value) {
        assert_int_equal(strspn(name, "abcdefghijklmnopqrstuvwxyz_"), strlen(name));
        const char *inner;
        json_t *member;
        json_object_foreach(value, inner, member)
            assert_int_equal(strspn(inner, "abcdefghijklmnopqrstuvwxyz_"), strlen(inner));
    }
    json_decref(o);
}

static void json_of_an_episode_has_commands(void **state) {
    const char *command, *undo, *cause, *remedy;
    struct ctw_status_trouble t;

    (void)state;
    sample_full(snapshot);
    snapshot->host = sample_host();
    ctw_status_trouble(snapshot, &t);
    json_t *o = parse(true);
    assert_int_equal(json_unpack(o, "{s:s,s:s,s:s,s:s}", "cause", &cause, "remedy", &remedy,
                                 "command", &command, "undo", &undo),
                     0);
    assert_string_equal(cause, "one_source");
    assert_string_equal(remedy, t.remedy.sentence.text);
    assert_string_equal(command, t.remedy.command);
    assert_string_equal(undo, t.remedy.undo);
    json_decref(o);
}

#define test(name) cmocka_unit_test_setup(name, begin)

int main(void) {
    const struct CMUnitTest tests[] = {
        test(json_of_a_full_table_has_its_numbers),
        test(json_after_a_sample_keeps_the_daemons_poll),
        test(json_unknown_is_null),
        test(json_hostile_text_is_valid),
        test(json_members_are_snake_case),
        test(json_of_an_episode_has_commands),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
