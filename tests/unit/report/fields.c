/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lib/report/fields.h"
#include "lib/util/strbuf.h"
#include "tests/support/alert_samples.h"

/* --- numbers -------------------------------------------------------------------------------- */

static void usage_percent_100_means_full(void **state) {
    struct ctw_alert a = own(CTW_ALERT_USAGE, CTW_EDGE_BEGIN, CTW_LEVEL_CRITICAL);

    (void)state;
    a.table.count = 262143;
    assert_field(&a, "CTWATCH_USAGE_PERCENT", "99.9");
    a.table.count = 262144;
    assert_field(&a, "CTWATCH_USAGE_PERCENT", "100.0");
    a.table.count = 524288;
    assert_field(&a, "CTWATCH_USAGE_PERCENT", "200.0");
    a.table.count = 131;
    assert_field(&a, "CTWATCH_USAGE_PERCENT", "0.0");
    a.table.max = 0;
    assert_field(&a, "CTWATCH_USAGE_PERCENT", NULL);
    assert_field(&a, "CTWATCH_MAX", "0");
}

static void health_names_are_contract(void **state) {
    static const char *const names[] = {[CTW_HEALTH_UNUSED] = "unused",
                                        [CTW_HEALTH_OK] = "ok",
                                        [CTW_HEALTH_ABSENT] = "absent",
                                        [CTW_HEALTH_FAILED] = "failed"};

    (void)state;
    for (int i = 0; i <= CTW_HEALTH_FAILED; i++)
        assert_string_equal(ctw_health_name((enum ctw_health)i), names[i]);
}

static void fields_absent_without_a_value(void **state) {
    struct ctw_alert a = own(CTW_ALERT_USAGE, CTW_EDGE_BEGIN, CTW_LEVEL_WARNING);

    (void)state;
    assert_field(&a, "CTWATCH_COUNT", "199754");
    assert_field(&a, "CTWATCH_BUCKETS", "262144");
    assert_field(&a, "CTWATCH_EDGE", "begin");
    assert_field(&a, "SYSLOG_IDENTIFIER", "ctwatchd");
    static const char *const absent[] = {
        "CTWATCH_RATE",      "CTWATCH_SECONDS_TO_FULL", "CTWATCH_DROPS",
        "CTWATCH_LOG_LINES", "CTWATCH_NETNS",           "CTWATCH_DURATION_SECONDS",
        "CTWATCH_OLD_MAX",   "CTWATCH_SOURCE",          "CTWATCH_REASON"};
    for (size_t i = 0; i < sizeof absent / sizeof absent[0]; i++)
        assert_field(&a, absent[i], NULL);

    a.table.has_buckets = false;
    a.has_losses = true;
    a.losses = (struct ctw_losses){
        .drops = 1, .early_drops = 2, .clashes = 3, .chain_too_long = 4, .log_lines = 5};
    a.fills = true;
    a.usec_to_full = 52999999;
    assert_field(&a, "CTWATCH_BUCKETS", NULL);
    assert_field(&a, "CTWATCH_DROPS", "1");
    assert_field(&a, "CTWATCH_EARLY_DROPS", "2");
    assert_field(&a, "CTWATCH_INSERT_FAILED", "3");
    assert_field(&a, "CTWATCH_CHAIN_TOO_LONG", "4");
    assert_field(&a, "CTWATCH_LOG_LINES", "5");
    a.other_netns = true;
    assert_field(&a, "CTWATCH_DROPS", "1");
    a.has_table = false;
    assert_field(&a, "CTWATCH_DROPS", NULL);
    assert_field(&a, "CTWATCH_LOG_LINES", "5");
    assert_field(&a, "CTWATCH_SECONDS_TO_FULL", "52");
}

static void priority_follows_kind_level_and_edge(void **state) {
    static const int expected[CTW_ALERT_KINDS] = {
        [CTW_ALERT_USAGE] = 4,          [CTW_ALERT_FORECAST] = 4,
        [CTW_ALERT_TABLE_FULL] = 1,     [CTW_ALERT_EARLY_DROP] = 4,
        [CTW_ALERT_CHAIN_TOO_LONG] = 3, [CTW_ALERT_DROPPED_BELOW_MAX] = 3,
        [CTW_ALERT_INSERT_FAILED] = 4,  [CTW_ALERT_EXPECT_FULL] = 4,
        [CTW_ALERT_LIMIT_CHANGED] = 4,  [CTW_ALERT_BLIND] = 3,
        [CTW_ALERT_SIGHTED] = 5,        [CTW_ALERT_CONFIG] = 5,
        [CTW_ALERT_EVENTS_LOST] = 5,    [CTW_ALERT_GREW] = 5,
        [CTW_ALERT_GROWTH_REFUSED] = 4, [CTW_ALERT_GROWTH_DRY_RUN] = 5,
        [CTW_ALERT_TEST] = 5,
    };

    (void)state;
    for (int kind = 0; kind < CTW_ALERT_KINDS; kind++) {
        struct ctw_alert a = {.kind = (enum ctw_alert_kind)kind,
                              .edge = CTW_EDGE_BEGIN,
                              .level = CTW_LEVEL_WARNING,
                              .health = {.health = CTW_HEALTH_FAILED, .error = -EIO}};
        assert_int_equal(ctw_alert_priority(&a), expected[kind]);
        a.edge = CTW_EDGE_REMINDER;
        assert_int_equal(ctw_alert_priority(&a), expected[kind]);
        a.edge = CTW_EDGE_END;
        assert_int_equal(ctw_alert_priority(&a), 5);
        a.edge = CTW_EDGE_PAST;
        assert_int_equal(ctw_alert_priority(&a), 4);
    }

    struct ctw_alert a = own(CTW_ALERT_USAGE, CTW_EDGE_BEGIN, CTW_LEVEL_CRITICAL);
    assert_int_equal(ctw_alert_priority(&a), 2);
    a.level = CTW_LEVEL_FULL;
    assert_int_equal(ctw_alert_priority(&a), 2);
    a.level = CTW_LEVEL_OK;
    assert_int_equal(ctw_alert_priority(&a), 5);
    a = blind(CTW_SOURCE_TABLE, CTW_HEALTH_ABSENT, 0, "/proc/x");
    assert_int_equal(ctw_alert_priority(&a), 5);
    assert_field(&a, "PRIORITY", "5");
    a = (struct ctw_alert){.kind = CTW_ALERT_CONFIG, .edge = CTW_EDGE_BEGIN};
    a.config_refused = true;
    assert_int_equal(ctw_alert_priority(&a), 3);
}

static void message_id_differs_for_each_kind(void **state) {
    (void)state;
    for (int i = 0; i < CTW_ALERT_KINDS; i++) {
        const char *id = ctw_alert_message_id((enum ctw_alert_kind)i);
        assert_int_equal(strlen(id), 32);
        assert_int_equal(strspn(id, "0123456789abcdef"), 32);
        for (int j = 0; j < i; j++) {
            assert_string_not_equal(id, ctw_alert_message_id((enum ctw_alert_kind)j));
            assert_string_not_equal(ctw_alert_kind_name((enum ctw_alert_kind)i),
                                    ctw_alert_kind_name((enum ctw_alert_kind)j));
        }
    }
}

/* --- bytes from outside --------------------------------------------------------------------- */

static void external_text_is_made_printable(void **state) {
    static const struct {
        const char *from, *to;
    } cases[] = {
        {"a\nb\tc\x1b[31m\x7f", "a?b?c?[31m?"},
        {"b\xc3\xbcro \xe2\x82\xac \xf0\x9f\x90\xb1", "b\xc3\xbcro \xe2\x82\xac \xf0\x9f\x90\xb1"},
        {"\xc2\x9b", "??"},           /* a C1 control character: CSI */
        {"\xff\xfe\x80", "???"},      /* never UTF-8 */
        {"\xc0\x8a", "??"},           /* overlong newline */
        {"\xed\xa0\x80", "???"},      /* surrogate */
        {"\xe2\x80\xa8", "???"},      /* line separator */
        {"\xf9\x80\x80\x80", "????"}, /* a lead there is none of */
        {"\xf4\x90\x80\x80", "????"}, /* beyond U+10FFFF */
        {"\xe2\x82", "??"},           /* ends early */
        {"\xe2\x82"
         "A\xe2",
         "??A?"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ctw_alert a = other_netns(CTW_EDGE_BEGIN, 7, cases[i].from);
        assert_field(&a, "CTWATCH_NETNS", cases[i].to);
        a = (struct ctw_alert){.kind = CTW_ALERT_CONFIG, .config_refused = true};
        snprintf(a.reason, sizeof a.reason, "%s", cases[i].from);
        assert_field(&a, "CTWATCH_REASON", cases[i].to);
    }
}

static void external_text_without_nul_is_bounded(void **state) {
    struct ctw_alert a = other_netns(CTW_EDGE_BEGIN, 7, "");
    struct ctw_fields f;

    (void)state;
    memset(a.netns, 'n', sizeof a.netns);
    memset(a.reason, 'r', sizeof a.reason);
    ctw_fields_of(&a, &f);
    assert_int_equal(strlen(ctw_fields_get(&f, "CTWATCH_NETNS")), sizeof a.netns - 1);
}

static void line_is_cut_between_characters(void **state) {
    static const char *const characters[] = {"x", "\xc3\xbc", "\xe2\x82\xac", "\xf0\x9f\x90\xb1"};

    (void)state;
    for (size_t c = 0; c < 4; c++) {
        for (size_t offset = 0; offset < 4; offset++) {
            struct ctw_line l;
            char text[2 * CTW_LINE_MAX] = "...";

            text[offset] = '\0';
            while (strlen(text) < CTW_LINE_MAX + 8)
                memcpy(text + strlen(text), characters[c], c + 2);
            ctw_line_start(&l);
            ctw_line_add(&l, "%s", text);

            const size_t fits = offset + (CTW_LINE_MAX - 1 - offset) / (c + 1) * (c + 1);
            assert_int_equal(l.length, fits);
            assert_int_equal(strlen(l.text), fits);
            assert_memory_equal(l.text, text, fits);
            ctw_line_add(&l, "%s", "");
            assert_int_equal(l.length, fits);
        }
    }
}

static struct ctw_talkers longest_lists(void) {
    struct ctw_talkers talkers = {.known = true,
                                  .has_drop_risk = true,
                                  .margin_permyriad = UINT32_MAX,
                                  .assured_permyriad = UINT32_MAX,
                                  .drop_risk_permyriad = UINT32_MAX,
                                  .n_sources = CTW_TALKERS_TOP_MAX,
                                  .n_destinations = CTW_TALKERS_TOP_MAX,
                                  .n_ports = CTW_TALKERS_TOP_MAX,
                                  .n_states = CTW_TALKERS_TOP_MAX};

    for (size_t i = 0; i < CTW_TALKERS_TOP_MAX; i++) {
        talkers.destinations[i].permyriad = 10000;
        memset(talkers.destinations[i].name, 'd', sizeof talkers.destinations[i].name - 1);
        talkers.sources[i].permyriad = talkers.ports[i].permyriad = talkers.states[i].permyriad =
            10000;
        memset(talkers.sources[i].name, 'x', sizeof talkers.sources[i].name - 1);
        memset(talkers.sources[i].owner, 'o', sizeof talkers.sources[i].owner - 1);
        memset(talkers.destinations[i].owner, 'o', sizeof talkers.destinations[i].owner - 1);
        memset(talkers.ports[i].name, 'y', sizeof talkers.ports[i].name - 1);
        memset(talkers.states[i].name, 'z', sizeof talkers.states[i].name - 1);
    }
    return talkers;
}

static struct ctw_new_sources longest_new_sources(void) {
    struct ctw_new_sources s = {.known = true, .n = CTW_TALKERS_TOP_MAX};

    for (size_t i = 0; i < CTW_TALKERS_TOP_MAX; i++) {
        memset(s.top[i].name, 'w', sizeof s.top[i].name - 1);
        s.top[i].per_second = UINT64_MAX;
    }
    return s;
}

static void fields_of_the_largest_alert_fit(void **state) {
    const struct ctw_new_sources new_sources = longest_new_sources();
    const struct ctw_talkers talkers = longest_lists();
    struct ctw_fields f;
    struct ctw_alert a;

    (void)state;
    for (int kind = 0; kind < CTW_ALERT_KINDS; kind++) {
        for (int edge = CTW_EDGE_BEGIN; edge <= CTW_EDGE_PAST; edge++) {
            memset(&a, 0xff, sizeof a); /* the largest numbers there are */
            a.kind = (enum ctw_alert_kind)kind;
            a.edge = (enum ctw_edge)edge;
            a.level = CTW_LEVEL_CRITICAL;
            a.has_table = a.has_rate = a.fills = a.has_losses = a.other_netns = true;
            a.table.has_buckets = a.table.has_counters = true;
            a.rate = INT64_MIN;
            a.rates.known = a.rates.lower_bound = true;
            a.talkers = &talkers;
            a.host = NULL;
            a.new_sources = &new_sources;
            memset(a.netns, '\n', sizeof a.netns);
            a.max_changed = a.buckets_changed = a.config_refused = true;
            a.gap = true;
            a.writer_unknown = a.below_user = a.netns_gone = a.wants_talkers = false;
            a.old_max = a.new_max = a.old_buckets = a.new_buckets = UINT32_MAX - 1;
            a.old_max = a.old_buckets = UINT32_MAX;
            a.growth_reason = CTW_GROWTH_BURST;
            a.growth_refusal = CTW_GROWTH_NOT_PERMITTED;
            a.growth_error = INT32_MIN + 1;
            a.growth_path = a.reason;
            a.bound = CTW_BOUND_BUCKETS;
            a.source = CTW_SOURCE_KERNEL_LOG;
            memset(a.reason, 'r', sizeof a.reason);
            a.reason[sizeof a.reason - 1] = '\0';
            a.health = ctw_source_health_of(CTW_HEALTH_FAILED, INT32_MIN + 1, a.reason);

            ctw_fields_of(&a, &f);
            assert_in_range(f.used, 1, sizeof f.text);
            assert_in_range(f.n, 1, CTW_FIELDS_MAX - 5);
            assert_string_equal(f.field[0], f.text);
            assert_int_equal(strncmp(f.field[0], "MESSAGE=", 8), 0);
            if (edge != CTW_EDGE_END && kind != CTW_ALERT_SIGHTED)
                assert_non_null(ctw_fields_get(&f, "CTWATCH_REMEDY"));
            assert_non_null(ctw_fields_get(&f, "CTWATCH_MARGIN_PERCENT")); /* the last one */

            size_t used = 0;
            for (size_t i = 0; i < f.n; i++) {
                assert_ptr_equal(f.field[i], f.text + used); /* one behind the other */
                assert_null(strchr(f.field[i], '\n'));
                used += strlen(f.field[i]) + 1;
            }
            assert_int_equal(used, f.used);
        }
    }
}

static void owners_of_sources_and_destinations_are_named(void **state) {
    const struct ctw_talkers talkers = {
        .known = true,
        .n_sources = 2,
        .n_destinations = 1,
        .sources = {{"10.0.3.7", "docker 3f2a9c1b7d20", 6020}, {.name = "192.0.2.7"}},
        .destinations = {{.name = "10.0.3.8", .owner = "this host"}}};
    const struct ctw_alert a = {.kind = CTW_ALERT_USAGE,
                                .edge = CTW_EDGE_BEGIN,
                                .level = CTW_LEVEL_WARNING,
                                .has_table = true,
                                .table = {.count = 8, .max = 10},
                                .talkers = &talkers};
    const char *last = NULL;
    unsigned names = 0;
    struct ctw_fields f;

    (void)state;
    ctw_fields_of(&a, &f);
    assert_string_equal(ctw_fields_get(&f, "MESSAGE"),
                        "Conntrack table at 80.0 % (8 of 10), 10.0.3.7 (docker 3f2a9c1b7d20) "
                        "holds 60.2 % of it.");
    assert_string_equal(ctw_fields_get(&f, "CTWATCH_TOP_SOURCE"), "10.0.3.7 60.2%");
    assert_string_equal(ctw_fields_get(&f, "CTWATCH_TOP_NAME"), "10.0.3.7 docker 3f2a9c1b7d20");
    for (size_t i = 0; i < f.n; i++)
        if (strncmp(f.field[i], "CTWATCH_TOP_NAME=", 17) == 0) {
            last = f.field[i];
            names++;
        }
    assert_int_equal(names, 2);
    assert_string_equal(last, "CTWATCH_TOP_NAME=10.0.3.8 this host");
}

static void get_needs_the_whole_name(void **state) {
    const struct ctw_alert a = other_netns(CTW_EDGE_BEGIN, 4026532246, "");
    struct ctw_fields f;

    (void)state;
    ctw_fields_of(&a, &f);
    assert_null(ctw_fields_get(&f, "CTWATCH_NETNS")); /* only ..._INODE is there */
    assert_null(ctw_fields_get(&f, "MESSAG"));
    assert_null(ctw_fields_get(&f, ""));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(usage_percent_100_means_full),
        cmocka_unit_test(health_names_are_contract),
        cmocka_unit_test(fields_absent_without_a_value),
        cmocka_unit_test(priority_follows_kind_level_and_edge),
        cmocka_unit_test(message_id_differs_for_each_kind),
        cmocka_unit_test(external_text_is_made_printable),
        cmocka_unit_test(external_text_without_nul_is_bounded),
        cmocka_unit_test(line_is_cut_between_characters),
        cmocka_unit_test(fields_of_the_largest_alert_fit),
        cmocka_unit_test(owners_of_sources_and_destinations_are_named),
        cmocka_unit_test(get_needs_the_whole_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
