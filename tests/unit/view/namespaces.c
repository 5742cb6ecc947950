/* SPDX-License-Identifier: GPL-2.0-or-later */

/* `ctwatch namespaces`, as text and as JSON, and the block in the status. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lib/view/namespaces.h"
#include "lib/view/status.h"
#include "tests/support/snapshot_samples.h"

static struct ctw_view view;
static char text[CTW_RENDER_STATUS_MAX];

static int begin(void **state) {
    (void)state;
    view = (struct ctw_view){.liveness = CTW_LIVENESS_ALIVE,
                             .namespaces = sample_namespaces(),
                             .now_usec = SAMPLE_NOW_USEC,
                             .realtime_usec = SAMPLE_WALL_USEC};
    sample_calm(&view.snapshot);
    return 0;
}

static void render(uint32_t columns) {
    const size_t n = ctw_render_namespaces_text(&view, "", columns, text, sizeof(text));

    assert_int_equal(n, strlen(text));
}

static void expect(const char *part) {
    if (!strstr(text, part))
        fail_msg("'%s' is not in:\n%s", part, text);
}

static void expect_not(const char *part) {
    if (strstr(text, part))
        fail_msg("'%s' is in:\n%s", part, text);
}

static json_t *parse(void) {
    const size_t n = ctw_render_namespaces_json(&view, true, text, sizeof(text));

    assert_int_equal(n, strlen(text));
    json_t *o = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(o);
    return o;
}

static void table_reads_like_this(void **state) {
    (void)state;
    render(0);
    assert_string_equal(
        text,
        "own table: 11.9 % (31337 of 262144); others: 5 watched, entries in all: 543601; names in "
        "/run/netns without a process, not visible: 1\n"
        "\n"
        "NAME                        KIND     FILL %  ENTRIES     MAX  ENTRIES/S  DROPPED  EVICTED"
        "   PID       INODE\n"
        "podman 3f2a9c1b7d20         podman    100.0   262144  262144         +0     5123        7"
        "  1234  4026532281\n"
        "user 1000: session-3.scope  user       95.3   250000  262144          -        0        0"
        "  1300           -\n"
        "machine web                 machine    11.9    31457  262144      +1200        0        0"
        "  1250  4026532350\n"
        "batch.service               unit        0.0        0  262144         +0        0        0"
        "  1260           -\n"
        "-                                         -        -  262144          -        -        -"
        "     -  4026532400\n");
}

static void table_narrow_cuts_names_alone(void **state) {
    (void)state;
    render(90);
    expect("\nuser 1000: sessi  user       95.3 ");
    expect_not("session-3");
    render(105);
    expect("\nuser 1000: session-3.sco  user       95.3 ");
}

static void summary_counts_what_is_not_shown(void **state) {
    struct ctw_namespaces *n = view.namespaces;
    (void)state;

    n->of.known = 1007;
    n->of.names_unseen = 2;
    n->of.round_usec = 0;
    render(0);
    expect(" 5 watched, entries in all: 543601; not watched (namespaces.max): 1002; names in "
           "/run/netns without a process, not visible: 2; the first search is not complete yet\n");
}

static void sight_none_is_explained(void **state) {
    struct ctw_namespaces *n = view.namespaces;
    (void)state;

    n->of.n = n->of.known = n->of.names_unseen = 0;
    n->of.entries = 0;
    n->of.sight = CTW_NAMESPACES_HIDDEN;
    render(0);
    expect("; others: not all can be seen: /proc hides the processes of other users (hidepid, or "
           "ProtectProc= of the unit); 0 watched, entries in all: 0\n");
    expect_not("NAME");
    n->of.sight = CTW_NAMESPACES_NO_FILE;
    json_t *o = parse();
    assert_string_equal(json_string_value(json_object_get(o, "fault")),
                        "the kernel lacks CONFIG_NF_CONNTRACK_PROCFS");
    assert_int_equal(json_array_size(json_object_get(o, "namespaces")), 0);
    json_decref(o);
}

static void json_has_all_members(void **state) {
    json_t *o = parse(), *list = json_object_get(o, "namespaces");
    (void)state;

    assert_int_equal(json_integer_value(json_object_get(o, "known")), 5);
    assert_int_equal(json_integer_value(json_object_get(o, "watched")), 5);
    assert_int_equal(json_integer_value(json_object_get(o, "names_without_process")), 1);
    assert_int_equal(json_integer_value(json_object_get(o, "entries")), 543601);
    assert_true(json_is_null(json_object_get(o, "fault")));
    assert_int_equal(json_array_size(list), 5);
    json_decref(o);
    expect("{\"name\":\"podman 3f2a9c1b7d20\",\"kind\":\"podman\",\"netns_inode\":4026532281,"
           "\"pid\":1234,\"count\":262144,\"max\":262144,\"usage_percent\":100.0,"
           "\"entries_per_second\":0,\"dropped_full\":5123,\"evicted\":7}");
    expect("{\"name\":null,\"kind\":\"\",\"netns_inode\":4026532400,\"pid\":null,\"count\":null,"
           "\"max\":262144,\"usage_percent\":null,\"entries_per_second\":null,"
           "\"dropped_full\":null,\"evicted\":null}");
}

static void json_without_limit_has_no_usage(void **state) {
    (void)state;
    view.namespaces->of.max = 0;
    json_decref(parse());
    expect("\"max\":null,\"usage_percent\":null");
    render(0);
    expect("podman        -   262144    -         +0");
}

static void record_largest_has_room(void **state) {
    struct ctw_namespaces *n = view.namespaces;
    struct ctw_namespace_record *r = n->records;
    (void)state;

    memset(r, 0xff, sizeof(*r));
    r->name = (struct ctw_netns_name){.kind = CTW_NETNS_CONTAINERD};
    memset(r->name.text, '"', sizeof(r->name.text) - 1);
    r->has_table = r->has_rate = r->fills = true;
    r->rate = INT64_MIN;
    memset(&n->of, 0xff, sizeof(n->of));
    n->of.sight = CTW_NAMESPACES_HIDDEN;
    n->of.n = 1;
    assert_in_range(ctw_render_namespaces_json(&view, false, text, sizeof(text)), 1,
                    CTW_RENDER_NAMESPACES_BYTES(1) - 1);
    n->of.n = 0;
    const size_t none = ctw_render_namespaces_json(&view, false, text, sizeof(text));
    n->of.n = 1;
    assert_in_range(ctw_render_namespaces_json(&view, false, text, sizeof(text)) - none, 1, 1000);
    assert_in_range(ctw_render_namespaces_text(&view, "", 0, text, sizeof(text)), 1,
                    CTW_RENDER_NAMESPACES_BYTES(1) - 1);
}

static void block_shows_the_fullest(void **state) {
    const struct ctw_status_style style = {.columns = 80};
    (void)state;

    (void)ctw_render_status_text(&view, &style, text, sizeof(text));
    expect("\nnamespaces 5 watched, entries in all: 543601; names in /run/netns without a\n"
           "           process, not visible: 1\n"
           "           podman 3f2a9c1b7d20: 100.0 % (262144 of 262144), 5123 new flows\n"
           "           dropped (table full), 7 entries evicted to make room\n"
           "           user 1000: session-3.scope: 95.3 % (250000 of 262144)\n"
           "           machine web: 11.9 % (31457 of 262144), full in 3 min\n");
    expect_not("batch");
}

static void block_shows_one_full_by_the_log(void **state) {
    const struct ctw_status_style style = {.columns = 80};
    struct ctw_namespaces *n = view.namespaces;
    (void)state;

    n->records[0] = n->records[4];
    n->records[0].level = CTW_LEVEL_FULL;
    (void)ctw_render_status_text(&view, &style, text, sizeof(text));
    expect("\n           netns 4026532400: full, 3 \"table full\" lines in the kernel log\n");
}

static void status_json_has_the_fullest(void **state) {
    (void)state;
    view.namespaces->of.n = 1;
    (void)ctw_render_status_json(&view, true, text, sizeof(text));
    expect("\"namespaces\":{\"known\":5,\"watched\":1,\"names_without_process\":1,"
           "\"entries\":543601,\"fault\":null,\"fullest\":[{\"name\":\"podman 3f2a9c1b7d20\",");
    view.namespaces = NULL;
    (void)ctw_render_status_json(&view, true, text, sizeof(text));
    expect("\"namespaces\":null");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(table_reads_like_this, begin),
        cmocka_unit_test_setup(table_narrow_cuts_names_alone, begin),
        cmocka_unit_test_setup(summary_counts_what_is_not_shown, begin),
        cmocka_unit_test_setup(sight_none_is_explained, begin),
        cmocka_unit_test_setup(json_has_all_members, begin),
        cmocka_unit_test_setup(json_without_limit_has_no_usage, begin),
        cmocka_unit_test_setup(record_largest_has_room, begin),
        cmocka_unit_test_setup(block_shows_the_fullest, begin),
        cmocka_unit_test_setup(block_shows_one_full_by_the_log, begin),
        cmocka_unit_test_setup(status_json_has_the_fullest, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
