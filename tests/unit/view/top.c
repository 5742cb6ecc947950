/* SPDX-License-Identifier: GPL-2.0-or-later */
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

static const struct ctw_top_row sources[] = {
    {"192.0.2.7", 3012}, {"2001:db8:1234:5678::/64", 1004}, {"198.51.100.9", 1}};
static const struct ctw_top_row ports[] = {{"udp/53", 2500}, {"tcp/443", 1500}};
static const struct ctw_top_row states[] = {
    {"udp/unreplied", 2500}, {"tcp/ESTABLISHED", 1500}, {"tcp/SYN_SENT", 1000}};

static struct ctw_top sampled(void) {
    return (struct ctw_top){
        .table = {.count = 486211, .max = 524288, .buckets = 262144, .has_buckets = true},
        .talkers = {.known = true,
                    .entries = 5000,
                    .sampled = true,
                    .margin_permyriad = 138,
                    .assured_permyriad = 2996,
                    .unreplied_permyriad = 7000,
                    .has_drop_risk = true,
                    .drop_risk_permyriad = 4},
        .n_lists = 3,
        .lists = {{.by = CTW_BY_SOURCE, .distinct = 900, .n = 3, .rows = sources},
                  {.by = CTW_BY_PORT, .distinct = 700, .n = 2, .rows = ports},
                  {.by = CTW_BY_STATE, .distinct = 3, .n = 3, .rows = states}},
    };
}

static struct ctw_top exact(void) {
    struct ctw_top t = sampled();

    t.talkers.sampled = false;
    t.talkers.margin_permyriad = 0;
    t.n_lists = 1;
    return t;
}

static char text[8192];

static void render(const struct ctw_top *t) {
    const size_t n = ctw_render_top_text(t, text, sizeof(text));

    assert_int_equal(n, strlen(text));
}

static void an_overview_reads_like_this(void **state) {
    const struct ctw_top t = sampled();

    (void)state;
    render(&t);
    assert_string_equal(
        text, "486211 of 524288 entries (92.7 %), 262144 buckets\n"
              "a random sample of 5000 of them: shares are right within 1.4 %\n"
              "\n"
              "SOURCE                    ENTRIES   SHARE\n"
              "192.0.2.7                 ~293000  60.2 %  ############\n"
              "2001:db8:1234:5678::/64    ~97600  20.1 %  ####\n"
              "(others)                   ~95700  19.7 %  ####\n"
              "\n"
              "DESTINATION PORT       ENTRIES   SHARE    STATE                  ENTRIES   SHARE\n"
              "udp/53                 ~243000  50.0 %    udp/unreplied          ~243000  50.0 %\n"
              "tcp/443                ~146000  30.0 %    tcp/ESTABLISHED        ~146000  30.0 %\n"
              "(others)                ~97200  20.0 %    tcp/SYN_SENT            ~97200  20.0 %\n"
              "\n"
              "assured     30.0 %  of the entries cannot be evicted from a full table\n"
              "drop risk    0.0 %  of new connections lost, should it fill up with the like\n");
}

static void exact_numbers_are_not_rounded(void **state) {
    const struct ctw_top t = exact();

    (void)state;
    render(&t);
    assert_non_null(strstr(text, "\nall 5000 were counted\n"));
    assert_non_null(strstr(text, "192.0.2.7                    3012  60.2 %"));
    assert_non_null(strstr(text, "198.51.100.9                    1   0.0 %"));
    assert_null(strchr(text, '~'));
}

static void a_right_column_that_is_longer_stays_in_its_place(void **state) {
    struct ctw_top t = sampled();

    (void)state;
    t.lists[1].n = 0;
    render(&t);
    assert_non_null(
        strstr(text, "\n                                          tcp/ESTABLISHED        ~146000"));
}

static void no_line_is_wider_than_a_terminal(void **state) {
    struct ctw_top_row widest[2] = {{.entries = 400000000}, {.entries = 20000000}};
    struct ctw_top t = exact();

    (void)state;
    (void)snprintf(widest[0].name, CTW_TALKER_NAME_MAX, "2001:db8:1234:5678:9abc:def0:1234:567");
    (void)snprintf(widest[1].name, CTW_TALKER_NAME_MAX, "protocol-255/unreplied-and-much-more");
    t.table = (struct ctw_sample){
        .count = UINT32_MAX, .max = UINT32_MAX, .buckets = UINT32_MAX, .has_buckets = true};
    t.talkers.entries = 420000000;
    t.timed_out = t.interrupted = true;
    t.n_lists = 3;
    for (size_t i = 0; i < 3; i++) {
        t.lists[i].n = 2;
        t.lists[i].rows = widest;
    }
    render(&t);
    for (const char *line = text; *line != '\0'; line += strcspn(line, "\n") + 1)
        assert_in_range(strcspn(line, "\n"), 0, 80);
}

static void an_empty_table_has_no_lists(void **state) {
    struct ctw_top t = {.table = {.max = 0}, .n_lists = 3};

    (void)state;
    render(&t);
    assert_string_equal(text, "0 entries, no limit\nnone was found\n");
}

static void what_went_wrong_is_said(void **state) {
    struct ctw_top t = sampled();

    (void)state;
    t.timed_out = true;
    render(&t);
    assert_non_null(strstr(text, "stopped before the sample was complete"));
    assert_null(strstr(text, "changed places"));
    t.timed_out = false;
    t.interrupted = true;
    render(&t);
    assert_null(strstr(text, "stopped before"));
    assert_non_null(strstr(text, "changed places"));
}

static void text_that_does_not_fit_is_measured(void **state) {
    const struct ctw_top t = sampled();
    char small[40];

    (void)state;
    render(&t);
    assert_int_equal(ctw_render_top_text(&t, NULL, 0), strlen(text));
    assert_int_equal(ctw_render_top_text(&t, small, sizeof(small)), strlen(text));
    assert_int_equal(strlen(small), sizeof(small) - 1);
    assert_memory_equal(small, text, sizeof(small) - 1);
}

static json_t *parse(const struct ctw_top *t, bool compact) {
    const size_t n = ctw_render_top_json(t, compact, text, sizeof(text));
    json_t *o = json_loads(text, JSON_REJECT_DUPLICATES, NULL);

    assert_int_equal(n, strlen(text));
    assert_int_equal(text[n - 1], '\n');
    assert_non_null(o);
    return o;
}

static void json_says_the_same(void **state) {
    const struct ctw_top t = sampled();
    const char *name;
    int count, max, buckets, counted, is_sampled, entries, distinct;
    double margin, risk, share;

    (void)state;
    json_t *o = parse(&t, false);
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
    assert_int_equal((int)(margin * 100 + 0.5), 138);
    assert_int_equal((int)(risk * 100 + 0.5), 4);
    assert_int_equal(distinct, 900);
    assert_string_equal(name, "192.0.2.7");
    assert_int_equal(entries, 3012);
    assert_int_equal((int)(share * 100 + 0.5), 6024);
    assert_non_null(strstr(text, "\"share_percent\": 60.24\n"));
    json_decref(o);
}

static void what_is_not_known_is_null(void **state) {
    const struct ctw_top t = {.n_lists = 0};

    (void)state;
    json_t *o = parse(&t, true);
    assert_true(json_is_null(json_object_get(json_object_get(o, "table"), "max")));
    assert_true(json_is_null(json_object_get(json_object_get(o, "table"), "buckets")));
    assert_true(json_is_null(json_object_get(o, "drop_risk_percent")));
    json_decref(o);
}

static void compact_json_is_one_line(void **state) {
    const struct ctw_top t = sampled();

    (void)state;
    json_decref(parse(&t, true));
    assert_int_equal(strcspn(text, "\n"), strlen(text) - 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_overview_reads_like_this),
        cmocka_unit_test(exact_numbers_are_not_rounded),
        cmocka_unit_test(a_right_column_that_is_longer_stays_in_its_place),
        cmocka_unit_test(no_line_is_wider_than_a_terminal),
        cmocka_unit_test(an_empty_table_has_no_lists),
        cmocka_unit_test(what_went_wrong_is_said),
        cmocka_unit_test(text_that_does_not_fit_is_measured),
        cmocka_unit_test(json_says_the_same),
        cmocka_unit_test(what_is_not_known_is_null),
        cmocka_unit_test(compact_json_is_one_line),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
