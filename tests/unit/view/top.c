/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Talkers as `ctwatch top` and /top show them. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "lib/view/top.h"
#include "tests/support/snapshot_samples.h"

static char text[CTW_RENDER_TALKERS_MAX];

static void expect_within(uint32_t columns) {
    for (const char *line = text; *line != '\0'; line += strcspn(line, "\n") + 1)
        assert_in_range(strcspn(line, "\n"), 0, columns);
}

static json_t *parse(size_t n) {
    assert_int_equal(n, strlen(text));
    assert_int_equal(text[n - 1], '\n');
    json_t *o = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(o);
    return o;
}

/* --- ctwatch top ------------------------------------------------------------------------------ */

static struct ctw_share sources[3], ports[2], states[3];
static const uint64_t source_entries[] = {3012, 1004, 1}, port_entries[] = {2500, 1500},
                      state_entries[] = {2500, 1500, 1000};

static struct ctw_top sampled(void) {
    sample_share(&sources[0], "192.0.2.7", 6024);
    sample_share(&sources[1], "2001:db8:1234:5678::/64", 2008);
    sample_share(&sources[2], "198.51.100.9", 2);
    sample_share(&ports[0], "udp/53", 5000);
    sample_share(&ports[1], "tcp/443", 3000);
    sample_share(&states[0], "udp/unreplied", 5000);
    sample_share(&states[1], "tcp/ESTABLISHED", 3000);
    sample_share(&states[2], "tcp/SYN_SENT", 2000);
    return (struct ctw_top){
        .table = {.count = 486211, .max = 524288, .buckets = 262144, .has_buckets = true},
        .talkers = {.known = true,
                    .entries = 5000,
                    .sampled = true,
                    .margin_permyriad = 139,
                    .assured_permyriad = 2996,
                    .unreplied_permyriad = 7000,
                    .has_drop_risk = true,
                    .drop_risk_permyriad = 4},
        .n_lists = 3,
        .lists = {{"source", 3, sources, source_entries, 900},
                  {"port", 2, ports, port_entries, 700},
                  {"state", 3, states, state_entries, 3}},
    };
}

static struct ctw_top exact(void) {
    struct ctw_top t = sampled();

    t.talkers.sampled = false;
    t.talkers.margin_permyriad = 0;
    t.n_lists = 1;
    return t;
}

static void render(const struct ctw_top *t) {
    const size_t n = ctw_render_top_text(t, text, sizeof(text));

    assert_int_equal(n, strlen(text));
}

static void top_of_a_sample_reads_like_this(void **state) {
    const struct ctw_top t = sampled();

    (void)state;
    render(&t);
    assert_string_equal(
        text, "486211 of 524288 entries (92.7 %), 262144 buckets\n"
              "a random sample of 5000 entries, accurate within 1.4 %\n"
              "\n"
              "SOURCE                    ENTRIES   SHARE\n"
              "192.0.2.7                 ~293000  60.2 %  ############\n"
              "2001:db8:1234:5678::/64    ~97600  20.0 %  ####\n"
              "(others)                   ~95700  19.6 %  ####\n"
              "\n"
              "PORT       ENTRIES   SHARE   STATE             ENTRIES   SHARE\n"
              "udp/53     ~243000  50.0 %   udp/unreplied     ~243000  50.0 %\n"
              "tcp/443    ~146000  30.0 %   tcp/ESTABLISHED   ~146000  30.0 %\n"
              "(others)    ~97200  20.0 %   tcp/SYN_SENT       ~97200  20.0 %\n"
              "\n"
              "29.9 % of entries are assured (not evictable). If the table filled with this\n"
              "mix, 0.0 % of new flows would be dropped.\n");
}

/* A table read whole is no sample: it has no margin, and names that were met once stay. */
static void top_of_the_whole_table_keeps_single_entries(void **state) {
    const struct ctw_top t = exact();

    (void)state;
    render(&t);
    assert_non_null(strstr(text, "\nall 5000 entries counted\n"));
    assert_non_null(strstr(text, "192.0.2.7                    3012  60.2 %"));
    assert_non_null(strstr(text, "198.51.100.9                    1   0.0 %"));
    assert_null(strchr(text, '~'));
    assert_null(strstr(text, "sample"));
}

static void top_shorter_list_leaves_its_place_empty(void **state) {
    struct ctw_top t = sampled();

    (void)state;
    t.lists[1].n = 0;
    render(&t);
    assert_non_null(strstr(text, "\n(others)   ~486000 100.0 %   udp/unreplied "));
    assert_non_null(strstr(text, "\n                             tcp/ESTABLISHED   ~146000"));
}

static void top_longest_names_fit_a_terminal(void **state) {
    const uint64_t entries[] = {400000000, 20000000};
    struct ctw_top t = exact();
    struct ctw_share widest[2];

    (void)state;
    sample_share(&widest[0], "2001:db8:1234:5678:9abc:def0:1234:567", 9500);
    sample_share(&widest[1], "protocol-255/unreplied-and-much-more-than-any-name", 500);
    t.table = (struct ctw_sample){
        .count = UINT32_MAX, .max = UINT32_MAX, .buckets = UINT32_MAX, .has_buckets = true};
    t.talkers.entries = 420000000;
    t.timed_out = t.interrupted = true;
    t.n_lists = 3;
    for (size_t i = 0; i < 3; i++)
        t.lists[i] = (struct ctw_top_list){"source", 2, widest, entries, 2};
    render(&t);
    expect_within(80);
    assert_non_null(strstr(text, widest[1].name));
}

static void top_empty_table_has_no_lists(void **state) {
    const struct ctw_top t = {.table = {.max = 0}, .n_lists = 3};

    (void)state;
    render(&t);
    assert_string_equal(text, "0 entries, no limit\nno entries found\n");
}

static void top_incomplete_dump_is_reported(void **state) {
    struct ctw_top t = sampled();

    (void)state;
    t.timed_out = true;
    render(&t);
    assert_non_null(strstr(text, "The sample is incomplete"));
    assert_null(strstr(text, "resized"));
    t.timed_out = false;
    t.interrupted = true;
    render(&t);
    assert_null(strstr(text, "incomplete"));
    assert_non_null(strstr(text, "The table was resized during the dump"));
}

static void top_too_long_is_cut_and_measured(void **state) {
    const struct ctw_top t = sampled();
    char small[40];

    (void)state;
    render(&t);
    assert_int_equal(ctw_render_top_text(&t, NULL, 0), strlen(text));
    assert_int_equal(ctw_render_top_text(&t, small, sizeof(small)), strlen(text));
    assert_int_equal(strlen(small), sizeof(small) - 1);
    assert_memory_equal(small, text, sizeof(small) - 1);
}

static void top_json_has_the_same_numbers(void **state) {
    const struct ctw_top t = sampled();
    int count, max, buckets, counted, is_sampled, entries, distinct;
    double margin, risk, share;
    const char *name;

    (void)state;
    json_t *o = parse(ctw_render_top_json(&t, false, text, sizeof(text)));
    assert_int_equal(json_unpack(o, "{s:{s:i,s:i,s:i},s:i,s:b,s:F,s:F,s:{s:i,s:[{s:s,s:i,s:F}]}}",
                                 "table", "count", &count, "max", &max, "buckets", &buckets,
                                 "counted", &counted, "sampled", &is_sampled, "margin_percent",
                                 &margin, "drop_risk_percent", &risk, "source", "distinct",
                                 &distinct, "top", "name", &name, "entries", &entries,
                                 "share_percent", &share),
                     0);
    assert_int_equal(count, 486211);
    assert_int_equal(max, 524288);
    assert_int_equal(buckets, 262144);
    assert_int_equal(counted, 5000);
    assert_true(is_sampled);
    assert_true(margin == 1.39 && risk == 0.04 && share == 60.24);
    assert_int_equal(distinct, 900);
    assert_string_equal(name, "192.0.2.7");
    assert_int_equal(entries, 3012);
    assert_non_null(strstr(text, "\"share_percent\": 60.24"));
    assert_int_equal(json_array_size(json_object_get(json_object_get(o, "source"), "top")), 3);
    json_decref(o);
}

static void top_names_what_addresses_belong_to(void **state) {
    const struct ctw_top t = sampled();

    (void)state;
    (void)snprintf(sources[0].owner, sizeof(sources[0].owner), "docker 3f2a9c1b7d20");
    (void)ctw_render_top_text(&t, text, sizeof(text));
    assert_non_null(strstr(text, "\n192.0.2.7 (docker 3f2a9c1b7d20)   ~293000  60.2 %"));
    assert_non_null(strstr(text, "\n2001:db8:1234:5678::/64 "));
    expect_within(80);
    memset(sources[0].owner, 'n', sizeof(sources[0].owner) - 1);
    (void)ctw_render_top_text(&t, text, sizeof(text));
    expect_within(80);
    json_t *o = parse(ctw_render_top_json(&t, false, text, sizeof(text)));
    const json_t *top = json_object_get(json_object_get(o, "source"), "top");
    assert_string_equal(json_string_value(json_object_get(json_array_get(top, 0), "belongs_to")),
                        sources[0].owner);
    assert_null(json_object_get(json_array_get(top, 1), "belongs_to"));
    json_decref(o);
    memset(sources[0].owner, 0, sizeof(sources[0].owner));
}

static void top_json_unknown_is_null(void **state) {
    const struct ctw_top t = {.n_lists = 0};

    (void)state;
    json_t *o = parse(ctw_render_top_json(&t, true, text, sizeof(text)));
    assert_int_equal(strcspn(text, "\n"), strlen(text) - 1); /* one line */
    assert_true(json_is_null(json_object_get(json_object_get(o, "table"), "max")));
    assert_true(json_is_null(json_object_get(json_object_get(o, "table"), "buckets")));
    assert_true(json_is_null(json_object_get(o, "drop_risk_percent")));
    json_decref(o);
}

static void top_of_a_filter_estimates_what_matches(void **state) {
    struct ctw_top t = sampled();

    (void)state;
    t.filter =
        "src 192.0.2.0/24 and tcp dport 443 and not assured and state SYN_SENT and mark 0x10";
    t.matching = 100000;
    render(&t);
    assert_memory_equal(
        text,
        "486211 of 524288 entries (92.7 %), 262144 buckets\n"
        "about 100000 of 486211 entries match: src 192.0.2.0/24 and tcp dport 443 and not\n"
        "assured and state SYN_SENT and mark 0x10\n"
        "a random sample of 5000 entries",
        200);
    assert_non_null(strstr(text, "192.0.2.7                  ~60200  60.2 %"));
    json_t *o = parse(ctw_render_top_json(&t, true, text, sizeof(text)));
    assert_string_equal(json_string_value(json_object_get(o, "filter")), t.filter);
    assert_int_equal(json_integer_value(json_object_get(o, "matching")), 100000);
    json_decref(o);
    t.talkers.sampled = false;
    t.matching = 5000;
    t.filter = "udp";
    render(&t);
    assert_non_null(
        strstr(text, "\n5000 of 486211 entries match: udp\nall 5000 entries counted\n"));
}

static void share_is_the_nearest(void **state) {
    (void)state;
    assert_int_equal(ctw_share_of(0, 0), 0);
    assert_int_equal(ctw_share_of(1, 3), 3333);
    assert_int_equal(ctw_share_of(2, 3), 6667);
    assert_int_equal(ctw_share_of(3, 3), 10000);
}

/* --- /top ------------------------------------------------------------------------------------- */

static struct ctw_view view = {.now_usec = SAMPLE_NOW_USEC};
static struct ctw_snapshot *const p = &view.snapshot;

static void render_talkers(void) {
    const size_t n = ctw_render_talkers_text(&view, text, sizeof(text));

    assert_int_equal(n, strlen(text));
}

static json_t *parse_talkers(void) {
    return parse(ctw_render_talkers_json(&view, text, sizeof(text)));
}

static void talkers_of_a_full_table_read_like_this(void **state) {
    (void)state;
    sample_full(p);
    render_talkers();
    assert_string_equal(
        text, "95 s ago: a random sample of 5000 entries, accurate within 1.4 %\n"
              "\n"
              "SOURCE              SHARE\n"
              "192.0.2.77         61.2 %  ############\n"
              "2001:db8:1:2::/64  18.9 %  ####\n"
              "\n"
              "PORT      SHARE   STATE             SHARE\n"
              "tcp/443  60.1 %   tcp/ESTABLISHED  70.5 %\n"
              "udp/53   14.0 %   udp              20.1 %\n"
              "\n"
              "90.2 % of entries are assured (not evictable). If the table filled with this\n"
              "mix, 19.2 % of new flows would be dropped.\n");
}

static void talkers_json_has_the_same(void **state) {
    const char *name;
    double share;
    int ago, counted;

    (void)state;
    sample_full(p);
    json_t *o = parse_talkers();
    assert_int_equal(json_unpack(o, "{s:b, s:i, s:i, s:[{s:s, s:f}, {}]}", "known", &(int){0},
                                 "asked_seconds_ago", &ago, "counted", &counted, "source", "name",
                                 &name, "share_percent", &share),
                     0);
    assert_int_equal(ago, 95);
    assert_int_equal(counted, 5000);
    assert_string_equal(name, "192.0.2.77");
    assert_true(share == 61.2);
    json_decref(o);
}

static void talkers_never_sampled_are_unknown(void **state) {
    (void)state;
    sample_calm(p);
    render_talkers();
    assert_non_null(strstr(text, "not sampled yet"));
    json_t *o = parse_talkers();
    assert_true(json_is_false(json_object_get(o, "known")));
    json_decref(o);
}

static void talkers_longest_lists_fit(void **state) {
    (void)state;
    sample_full(p);
    p->talkers.n_sources = p->talkers.n_ports = p->talkers.n_states = CTW_TALKERS_TOP_MAX;
    for (size_t i = 0; i < CTW_TALKERS_TOP_MAX; i++) {
        char name[CTW_TALKER_NAME_MAX];
        memset(name, 'x', sizeof(name) - 1);
        name[sizeof(name) - 1] = '\0';
        sample_share(&p->talkers.sources[i], name, CTW_PERMYRIAD);
        sample_share(&p->talkers.ports[i], name, CTW_PERMYRIAD);
        sample_share(&p->talkers.states[i], name, CTW_PERMYRIAD);
    }
    p->talkers.entries = UINT32_MAX;
    render_talkers();
    assert_true(strlen(text) < sizeof(text));
    expect_within(80);
    json_decref(parse_talkers());
}

/* --- ctwatch top --new ------------------------------------------------------------------------ */

static void render_new(uint32_t n) {
    const size_t length = ctw_render_new_text(&view, n, text, sizeof(text));

    assert_int_equal(length, strlen(text));
}

static void new_flows_of_a_flood_read_like_this(void **state) {
    (void)state;
    sample_full(p);
    view.liveness = CTW_LIVENESS_ALIVE;
    render_new(5);
    assert_string_equal(
        text, "at least 80000 new flows/s over the last few seconds, from a sample of one event\n"
              "in 4\n"
              "\n"
              "SOURCE                NEW/S     ERROR   SHARE\n"
              "198.51.100.200        72000    +-2071  90.0 %  ##################\n"
              "2001:db8:9:8::/64      4000             5.0 %  #\n"
              "(others)               4000             5.0 %  #\n");
    render_new(1);
    assert_non_null(strstr(text, "\n(others)            8000            10.0 %  ##\n"));
    assert_null(strstr(text, "2001:db8"));
}

static void new_flows_of_an_idle_table_have_no_list(void **state) {
    (void)state;
    sample_full(p);
    view.liveness = CTW_LIVENESS_ALIVE;
    memset(&p->new_sources, 0, sizeof(p->new_sources));
    p->new_sources.known = true;
    p->rates = (struct ctw_rates){.known = true, .sampling = 1};
    p->new_sources_usec = SAMPLE_NOW_USEC - 60 * CTW_USEC_PER_SEC;
    render_new(5);
    assert_string_equal(text, "0 new flows/s over the last few seconds, 60 s ago\n");
}

static void new_flows_longest_list_fits(void **state) {
    (void)state;
    sample_full(p);
    view.liveness = CTW_LIVENESS_ALIVE;
    p->new_sources.n = CTW_TALKERS_TOP_MAX;
    p->new_sources.per_second = 21 * UINT64_C(900000000);
    for (size_t i = 0; i < CTW_TALKERS_TOP_MAX; i++) {
        char name[CTW_TALKER_NAME_MAX];
        memset(name, 'x', sizeof(name) - 1);
        name[sizeof(name) - 1] = '\0';
        sample_new_source(&p->new_sources.top[i], name, 900000000, 9000000);
    }
    render_new(1000);
    expect_within(80);
    json_decref(parse(ctw_render_new_json(&view, 1000, false, text, sizeof(text))));
}

/* The reason is one line, and the same in JSON. */
static void expect_absence(const char *why) {
    struct ctw_line line;

    ctw_new_sources_absence(&view, &line);
    assert_string_equal(line.text, why);
    json_t *o = parse(ctw_render_new_json(&view, 5, true, text, sizeof(text)));
    assert_int_equal(strcspn(text, "\n"), strlen(text) - 1);
    assert_true(json_is_false(json_object_get(o, "known")));
    assert_string_equal(json_string_value(json_object_get(o, "reason")), why);
    assert_true(json_is_null(json_object_get(o, "created_per_second")));
    assert_int_equal(json_array_size(json_object_get(o, "source")), 0);
    json_decref(o);
}

static void new_flows_not_known_has_a_reason(void **state) {
    (void)state;
    sample_calm(p);
    view.liveness = CTW_LIVENESS_ALIVE;
    expect_absence("ctwatchd is not subscribed to events: the fill is below events.from (50.0 %) "
                   "and the table does not fill");
    p->events_mode = CTW_EVENTS_NEVER;
    expect_absence("ctwatchd is not subscribed to events: events.mode is never");
    p->has_table = false;
    expect_absence("ctwatchd is not subscribed to events: there is no conntrack table");
    p->sources[CTW_SOURCE_EVENTS] = (struct ctw_source_health){
        .health = CTW_HEALTH_FAILED, .error = -EPERM, .what = "netlink socket"};
    expect_absence("ctwatchd is not subscribed to events: netlink socket: Operation not permitted");
    sample_calm(p);
    p->netns_inode = 0;
    expect_absence("ctwatchd is not subscribed to events: it watches a captured machine");
    p->subscribed = true;
    expect_absence("ctwatchd subscribed to events a moment ago: no rates yet");
    view.liveness = CTW_LIVENESS_LATE;
    expect_absence("ctwatchd has stopped polling");
    view.liveness = CTW_LIVENESS_STOPPED;
    expect_absence("ctwatchd has been stopped");
    view.liveness = CTW_LIVENESS_NONE;
    expect_absence("ctwatchd is not running");
    view.state_error = -EACCES;
    expect_absence("the state of ctwatchd: for root and the group ctwatch");
    view.state_error = 0;
}

static void new_flows_json_has_the_same_numbers(void **state) {
    int created, sampling, top, error;
    const char *name;
    double share;

    (void)state;
    sample_full(p);
    view.liveness = CTW_LIVENESS_ALIVE;
    json_t *o = parse(ctw_render_new_json(&view, 5, false, text, sizeof(text)));
    assert_int_equal(json_unpack(o, "{s:i, s:i, s:[{s:s, s:i, s:i, s:F}, {}]}",
                                 "created_per_second", &created, "sampled_one_in", &sampling,
                                 "source", "name", &name, "created_per_second", &top,
                                 "error_per_second", &error, "share_percent", &share),
                     0);
    assert_true(json_is_true(json_object_get(o, "lower_bound")));
    assert_true(json_is_null(json_object_get(o, "reason")));
    assert_int_equal(created, 80000);
    assert_int_equal(sampling, 4);
    assert_string_equal(name, "198.51.100.200");
    assert_int_equal(top, 72000);
    assert_int_equal(error, 2071);
    assert_true(share == 90.0);
    json_decref(o);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(top_of_a_sample_reads_like_this),
        cmocka_unit_test(top_of_the_whole_table_keeps_single_entries),
        cmocka_unit_test(top_shorter_list_leaves_its_place_empty),
        cmocka_unit_test(top_longest_names_fit_a_terminal),
        cmocka_unit_test(top_empty_table_has_no_lists),
        cmocka_unit_test(top_incomplete_dump_is_reported),
        cmocka_unit_test(top_too_long_is_cut_and_measured),
        cmocka_unit_test(top_json_has_the_same_numbers),
        cmocka_unit_test(top_names_what_addresses_belong_to),
        cmocka_unit_test(top_json_unknown_is_null),
        cmocka_unit_test(top_of_a_filter_estimates_what_matches),
        cmocka_unit_test(share_is_the_nearest),
        cmocka_unit_test(talkers_of_a_full_table_read_like_this),
        cmocka_unit_test(talkers_json_has_the_same),
        cmocka_unit_test(talkers_never_sampled_are_unknown),
        cmocka_unit_test(talkers_longest_lists_fit),
        cmocka_unit_test(new_flows_of_a_flood_read_like_this),
        cmocka_unit_test(new_flows_of_an_idle_table_have_no_list),
        cmocka_unit_test(new_flows_longest_list_fits),
        cmocka_unit_test(new_flows_not_known_has_a_reason),
        cmocka_unit_test(new_flows_json_has_the_same_numbers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
