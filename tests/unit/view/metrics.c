/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/view/metrics.h"
#include "tests/support/snapshot_samples.h"

static struct ctw_view view;
static struct ctw_snapshot *const snapshot = &view.snapshot;
static char text[CTW_RENDER_METRICS_MAX];

static void render(enum ctw_liveness liveness, bool openmetrics) {
    view.liveness = liveness;
    const size_t n = ctw_render_metrics(&view, openmetrics, text, sizeof(text));

    assert_true(n < sizeof(text));
    assert_int_equal(n, strlen(text));
}

/* Whether that line is there, whole. */
static bool has_line(const char *line) {
    const size_t n = strlen(line);

    for (const char *at = text; (at = strstr(at, line)); at++)
        if ((at == text || at[-1] == '\n') && at[n] == '\n')
            return true;
    return false;
}

/* How many lines begin so. */
static int count_lines(const char *start) {
    const size_t n = strlen(start);
    int lines = 0;

    for (const char *at = text; *at != '\0'; at = strchr(at, '\n') + 1)
        lines += strncmp(at, start, n) == 0;
    return lines;
}

static void expect_line(const char *line) {
    if (!has_line(line))
        fail_msg("no line '%s' in:\n%s", line, text);
}

static void expect_none(const char *name) {
    if (strstr(text, name))
        fail_msg("'%s' is in:\n%s", name, text);
}

#define BUILD "ctwatch_build_info{program=\"ctwatch\",version=\"" CTWATCH_VERSION "\"} 1"

static const char *const full_samples[] = {
    "ctwatch_up 1",
    BUILD,
    "ctwatch_build_info{program=\"ctwatchd\",version=\"0.1.0\"} 1",
    "ctwatch_start_time_seconds 1795338000.0",
    "ctwatch_last_look_timestamp_seconds 1795341600.0",
    "ctwatch_next_look_timestamp_seconds 1795341600.25",
    "ctwatch_looks_total 14400",
    "ctwatch_polls_late_total 3",
    "ctwatch_look_latency_seconds_bucket{le=\"0.0001\"} 9000",
    "ctwatch_look_latency_seconds_bucket{le=\"0.00025\"} 14399",
    "ctwatch_look_latency_seconds_bucket{le=\"0.0005\"} 14400",
    "ctwatch_look_latency_seconds_bucket{le=\"0.001\"} 14400",
    "ctwatch_look_latency_seconds_bucket{le=\"0.0025\"} 14400",
    "ctwatch_look_latency_seconds_bucket{le=\"0.005\"} 14400",
    "ctwatch_look_latency_seconds_bucket{le=\"0.01\"} 14400",
    "ctwatch_look_latency_seconds_bucket{le=\"0.025\"} 14400",
    "ctwatch_look_latency_seconds_bucket{le=\"0.05\"} 14400",
    "ctwatch_look_latency_seconds_bucket{le=\"0.1\"} 14400",
    "ctwatch_look_latency_seconds_bucket{le=\"0.25\"} 14400",
    "ctwatch_look_latency_seconds_bucket{le=\"1.0\"} 14400",
    "ctwatch_look_latency_seconds_bucket{le=\"+Inf\"} 14400",
    "ctwatch_look_latency_seconds_sum 1.44",
    "ctwatch_look_latency_seconds_count 14400",
    "ctwatch_entries 262144",
    "ctwatch_entries_limit 262144",
    "ctwatch_buckets 262144",
    "ctwatch_usage_ratio 1.0",
    "ctwatch_table_memory_bytes 102760448",
    "ctwatch_table_memory_limit_bytes 102760448",
    "ctwatch_level{ctwatch_level=\"ok\"} 0",
    "ctwatch_level{ctwatch_level=\"warning\"} 0",
    "ctwatch_level{ctwatch_level=\"critical\"} 0",
    "ctwatch_level{ctwatch_level=\"full\"} 1",
    "ctwatch_threshold_ratio{level=\"warning\"} 0.75",
    "ctwatch_threshold_ratio{level=\"critical\"} 0.9",
    "ctwatch_entries_net_per_second 0",
    "ctwatch_drops_total{reason=\"table_full\"} 1234",
    "ctwatch_drops_total{reason=\"below_max\"} 0",
    "ctwatch_drops_total{reason=\"chain_too_long\"} 0",
    "ctwatch_drops_total{reason=\"clash\"} 7",
    "ctwatch_early_drops_total 56789",
    "ctwatch_kernel_log_lines_total 40",
    "ctwatch_events_subscribed 1",
    "ctwatch_events_read_total 700000",
    "ctwatch_events_lost_total 5100",
    "ctwatch_events_overruns_total 2",
    "ctwatch_events_sampling 4",
    "ctwatch_flows_total{event=\"created\"} 2400000",
    "ctwatch_flows_total{event=\"destroyed\"} 2150000",
    "ctwatch_flows_per_second{event=\"created\"} 81230",
    "ctwatch_flows_per_second{event=\"destroyed\"} 80110",
    "ctwatch_growth_enabled 1",
    "ctwatch_growth_dry_run 0",
    "ctwatch_growth_refused{ctwatch_growth_refused=\"unlimited\"} 0",
    "ctwatch_growth_refused{ctwatch_growth_refused=\"at_ceiling\"} 1",
    "ctwatch_growth_refused{ctwatch_growth_refused=\"no_memory\"} 0",
    "ctwatch_growth_refused{ctwatch_growth_refused=\"too_few_buckets\"} 0",
    "ctwatch_growth_refused{ctwatch_growth_refused=\"foreign_writer\"} 0",
    "ctwatch_growth_refused{ctwatch_growth_refused=\"not_permitted\"} 0",
    "ctwatch_growth_refused{ctwatch_growth_refused=\"child_namespace\"} 0",
    "ctwatch_growth_refused{ctwatch_growth_refused=\"write_failed\"} 0",
    "ctwatch_growth_refused{ctwatch_growth_refused=\"not_kept\"} 0",
    "ctwatch_growth_ceiling 262144",
    "ctwatch_growth_limit_changes_total 2",
    "ctwatch_alerts_total{kind=\"usage\"} 1",
    "ctwatch_alerts_total{kind=\"forecast\"} 0",
    "ctwatch_alerts_total{kind=\"table_full\"} 1",
    "ctwatch_alerts_total{kind=\"early_drop\"} 0",
    "ctwatch_alerts_total{kind=\"chain_too_long\"} 0",
    "ctwatch_alerts_total{kind=\"dropped_below_max\"} 0",
    "ctwatch_alerts_total{kind=\"insert_failed\"} 0",
    "ctwatch_alerts_total{kind=\"expect_full\"} 0",
    "ctwatch_alerts_total{kind=\"grew\"} 1",
    "ctwatch_alerts_total{kind=\"growth_refused\"} 0",
    "ctwatch_alerts_total{kind=\"growth_dry_run\"} 0",
    "ctwatch_alerts_total{kind=\"limit_changed\"} 0",
    "ctwatch_alerts_total{kind=\"events_lost\"} 0",
    "ctwatch_alerts_total{kind=\"blind\"} 0",
    "ctwatch_alerts_total{kind=\"sighted\"} 0",
    "ctwatch_alerts_total{kind=\"config\"} 0",
    "ctwatch_alerts_total{kind=\"test\"} 0",
    "ctwatch_command_failures_total 0",
    "ctwatch_source_health{source=\"table\",ctwatch_source_health=\"unused\"} 0",
    "ctwatch_source_health{source=\"table\",ctwatch_source_health=\"ok\"} 1",
    "ctwatch_source_health{source=\"table\",ctwatch_source_health=\"absent\"} 0",
    "ctwatch_source_health{source=\"table\",ctwatch_source_health=\"failed\"} 0",
    "ctwatch_source_health{source=\"counters\",ctwatch_source_health=\"unused\"} 0",
    "ctwatch_source_health{source=\"counters\",ctwatch_source_health=\"ok\"} 1",
    "ctwatch_source_health{source=\"counters\",ctwatch_source_health=\"absent\"} 0",
    "ctwatch_source_health{source=\"counters\",ctwatch_source_health=\"failed\"} 0",
    "ctwatch_source_health{source=\"kernel_log\",ctwatch_source_health=\"unused\"} 0",
    "ctwatch_source_health{source=\"kernel_log\",ctwatch_source_health=\"ok\"} 0",
    "ctwatch_source_health{source=\"kernel_log\",ctwatch_source_health=\"absent\"} 0",
    "ctwatch_source_health{source=\"kernel_log\",ctwatch_source_health=\"failed\"} 1",
    "ctwatch_source_health{source=\"events\",ctwatch_source_health=\"unused\"} 0",
    "ctwatch_source_health{source=\"events\",ctwatch_source_health=\"ok\"} 1",
    "ctwatch_source_health{source=\"events\",ctwatch_source_health=\"absent\"} 0",
    "ctwatch_source_health{source=\"events\",ctwatch_source_health=\"failed\"} 0",
    "ctwatch_source_health{source=\"journal\",ctwatch_source_health=\"unused\"} 0",
    "ctwatch_source_health{source=\"journal\",ctwatch_source_health=\"ok\"} 1",
    "ctwatch_source_health{source=\"journal\",ctwatch_source_health=\"absent\"} 0",
    "ctwatch_source_health{source=\"journal\",ctwatch_source_health=\"failed\"} 0",
    "ctwatch_source_health{source=\"state\",ctwatch_source_health=\"unused\"} 1",
    "ctwatch_source_health{source=\"state\",ctwatch_source_health=\"ok\"} 0",
    "ctwatch_source_health{source=\"state\",ctwatch_source_health=\"absent\"} 0",
    "ctwatch_source_health{source=\"state\",ctwatch_source_health=\"failed\"} 0",
    "ctwatch_source_health{source=\"command\",ctwatch_source_health=\"unused\"} 1",
    "ctwatch_source_health{source=\"command\",ctwatch_source_health=\"ok\"} 0",
    "ctwatch_source_health{source=\"command\",ctwatch_source_health=\"absent\"} 0",
    "ctwatch_source_health{source=\"command\",ctwatch_source_health=\"failed\"} 0",
    "ctwatch_last_walk_timestamp_seconds 1795341505.0",
    "ctwatch_assured_ratio 0.902",
    "ctwatch_drop_risk_ratio 0.192",
};
#define N_FULL_SAMPLES (sizeof(full_samples) / sizeof(full_samples[0]))

/* These are the lines that are no comments, in this order. */
static void expect_samples(const char *const *lines, size_t n) {
    size_t i = 0;

    for (const char *at = text; *at != '\0'; at += strcspn(at, "\n") + 1) {
        if (*at == '#')
            continue;
        assert_true(i < n);
        if (strncmp(at, lines[i], strlen(lines[i])) != 0 || at[strlen(lines[i])] != '\n')
            fail_msg("'%s' expected before:\n%s", lines[i], at);
        i++;
    }
    assert_int_equal(i, n);
}

static void openmetrics_of_a_full_table_has_every_sample(void **state) {
    (void)state;
    sample_full(snapshot);
    render(CTW_LIVENESS_ALIVE, true);
    expect_samples(full_samples, N_FULL_SAMPLES);
}

static void text_format_has_the_same_samples(void **state) {
    (void)state;
    sample_full(snapshot);
    render(CTW_LIVENESS_ALIVE, false);
    expect_samples(full_samples, N_FULL_SAMPLES);
}

static void openmetrics_names_families_units_and_end(void **state) {
    (void)state;
    sample_full(snapshot);
    render(CTW_LIVENESS_ALIVE, true);
    expect_line("# TYPE ctwatch_drops counter");
    expect_line("# TYPE ctwatch_build info");
    expect_line("# TYPE ctwatch_level stateset");
    expect_line("# TYPE ctwatch_look_latency_seconds histogram");
    expect_line("# UNIT ctwatch_look_latency_seconds seconds");
    expect_line("# UNIT ctwatch_usage_ratio ratio");
    expect_line("# UNIT ctwatch_table_memory_bytes bytes");
    assert_string_equal(text + strlen(text) - strlen("\n# EOF\n"), "\n# EOF\n");
}

static void text_format_has_neither_unit_nor_end(void **state) {
    (void)state;
    sample_full(snapshot);
    render(CTW_LIVENESS_ALIVE, false);
    expect_line("# TYPE ctwatch_drops_total counter");
    expect_line("# TYPE ctwatch_build_info gauge");
    expect_line("# TYPE ctwatch_level gauge");
    expect_line("# TYPE ctwatch_look_latency_seconds histogram");
    expect_none("# UNIT");
    expect_none("# EOF");
    expect_none("stateset\n");
}

/* And none that has no samples. */
static void family_has_one_head(void **state) {
    (void)state;
    sample_unlimited(snapshot);
    render(CTW_LIVENESS_ALIVE, true);
    assert_int_equal(count_lines("# HELP "), count_lines("# TYPE "));
    assert_int_equal(count_lines("# HELP ctwatch_drops "), 1);
    expect_none("entries_limit");
}

static void histogram_adds_up(void **state) {
    (void)state;
    sample_calm(snapshot);
    for (size_t i = 0; i <= CTW_LATENCY_BOUNDS; i++)
        snapshot->latency[i] = i + 1;
    snapshot->latency_sum_usec = 123456789;
    render(CTW_LIVENESS_ALIVE, true);
    assert_int_equal(count_lines("ctwatch_look_latency_seconds_bucket"), CTW_LATENCY_BOUNDS + 1);
    expect_line("ctwatch_look_latency_seconds_bucket{le=\"0.0001\"} 1");
    expect_line("ctwatch_look_latency_seconds_bucket{le=\"0.00025\"} 3");
    expect_line("ctwatch_look_latency_seconds_bucket{le=\"1.0\"} 78");
    expect_line("ctwatch_look_latency_seconds_bucket{le=\"+Inf\"} 91");
    expect_line("ctwatch_look_latency_seconds_count 91");
    expect_line("ctwatch_look_latency_seconds_sum 123.456789");
}

static void time_to_full_only_while_filling(void **state) {
    (void)state;
    sample_calm(snapshot);
    snapshot->usec_to_full = 12345678;
    render(CTW_LIVENESS_ALIVE, false);
    expect_line("ctwatch_time_to_full_seconds 12.345678");
    snapshot->fills = false;
    snapshot->rate = -300;
    render(CTW_LIVENESS_ALIVE, false);
    expect_none("time_to_full");
    expect_line("ctwatch_entries_net_per_second -300");
}

static void limit_absent_has_no_metric(void **state) {
    (void)state;
    sample_unlimited(snapshot);
    render(CTW_LIVENESS_ALIVE, false);
    expect_line("ctwatch_entries 31337");
    expect_line("ctwatch_level{ctwatch_level=\"ok\"} 1");
    expect_none("ctwatch_entries_limit");
    expect_none("ctwatch_usage_ratio");
    expect_none("memory_limit");
}

static void table_absent_has_no_metric(void **state) {
    (void)state;
    sample_absent(snapshot);
    render(CTW_LIVENESS_ALIVE, false);
    expect_line("ctwatch_up 1");
    expect_line("ctwatch_source_health{source=\"table\",ctwatch_source_health=\"absent\"} 1");
    expect_none("ctwatch_entries");
    expect_none("ctwatch_usage");
    expect_none("ctwatch_level");
    expect_line("ctwatch_drops_total{reason=\"table_full\"} 0");
}

static void unknown_values_are_left_out(void **state) {
    (void)state;
    sample_calm(snapshot);
    snapshot->table.has_buckets = false;
    render(CTW_LIVENESS_ALIVE, false);
    expect_none("ctwatch_buckets");
    expect_none("ctwatch_last_walk");
    expect_none("ctwatch_assured");
    expect_none("ctwatch_drop_risk");
    expect_none("ctwatch_flows_per_second");
    expect_none("ctwatch_events_sampling");
    expect_none("ctwatch_growth_ceiling");
    expect_line("ctwatch_table_memory_bytes 12033408");
}

static void daemon_not_alive_has_up_and_build_only(void **state) {
    static const enum ctw_liveness others[] = {CTW_LIVENESS_NONE, CTW_LIVENESS_LATE,
                                               CTW_LIVENESS_STOPPED};
    static const char *const down[] = {"ctwatch_up 0", BUILD};

    (void)state;
    sample_full(snapshot);
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        render(others[i], i == 0);
        expect_samples(down, sizeof(down) / sizeof(down[0]));
    }
}

static void label_from_outside_is_escaped(void **state) {
    (void)state;
    sample_calm(snapshot);
    (void)snprintf(snapshot->version, sizeof(snapshot->version), "1\"\\\n\xc3{} x");
    render(CTW_LIVENESS_ALIVE, false);
    expect_line("ctwatch_build_info{program=\"ctwatchd\",version=\"1\\\"\\\\??{} x\"} 1");
}

static void metrics_have_no_address(void **state) {
    (void)state;
    sample_full(snapshot);
    render(CTW_LIVENESS_ALIVE, true);
    for (uint32_t i = 0; i < snapshot->talkers.n_sources; i++)
        expect_none(snapshot->talkers.sources[i].name);
    for (uint32_t i = 0; i < snapshot->talkers.n_ports; i++)
        expect_none(snapshot->talkers.ports[i].name);
}

static void numbers_largest_fit(void **state) {
    (void)state;
    memset(snapshot, 0xff, sizeof(*snapshot));
    memset(snapshot->version, 'v', sizeof(snapshot->version) - 1);
    snapshot->version[sizeof(snapshot->version) - 1] = '\0';
    snapshot->level = CTW_LEVEL_FULL;
    snapshot->refusal = CTW_GROWTH_PERSIST_FAILED;
    for (int i = 0; i < CTW_SOURCES; i++)
        snapshot->sources[i].health = CTW_HEALTH_FAILED;
    snapshot->has_table = snapshot->has_rate = snapshot->fills = true;
    snapshot->table.has_buckets = snapshot->subscribed = snapshot->rates.known = true;
    snapshot->growth_enabled = snapshot->growth_dry_run = snapshot->growth_refused = true;
    snapshot->talkers.known = snapshot->talkers.has_drop_risk = true;
    render(CTW_LIVENESS_ALIVE, true);
    expect_line("ctwatch_looks_total 9223372036854775807");
    expect_line("ctwatch_entries 4294967295");
}

static void buffer_too_short_is_filled_and_measured(void **state) {
    char start[100];

    (void)state;
    sample_full(snapshot);
    render(CTW_LIVENESS_ALIVE, false);
    assert_int_equal(ctw_render_metrics(&view, false, start, sizeof(start)), strlen(text));
    assert_int_equal(strlen(start), sizeof(start) - 1);
    assert_memory_equal(start, text, sizeof(start) - 1);
    assert_int_equal(ctw_render_metrics(&view, false, NULL, 0), strlen(text));
}

static void namespaces_switched_on_have_samples(void **state) {
    (void)state;
    sample_calm(snapshot);
    view.namespaces = sample_namespaces();
    render(CTW_LIVENESS_ALIVE, false);
    expect_line("ctwatch_namespace_entries{namespace=\"podman 3f2a9c1b7d20\"} 262144");
    expect_line("ctwatch_namespace_usage_ratio{namespace=\"machine web\"} 0.1199");
    expect_line("ctwatch_namespace_drops_total{namespace=\"podman 3f2a9c1b7d20\"} 5123");
    expect_line("ctwatch_namespace_early_drops_total{namespace=\"podman 3f2a9c1b7d20\"} 7");
    expect_line("ctwatch_namespace_drops_total{namespace=\"batch.service\"} 0");
    expect_none("session"); /* users make names without end */
    expect_none("4026532400");
    assert_int_equal(count_lines("ctwatch_namespace_"), 4 * 3);
    view.namespaces->of.metrics = 1;
    view.namespaces->of.max = 0;
    render(CTW_LIVENESS_ALIVE, true);
    assert_int_equal(count_lines("ctwatch_namespace_"), 3);
    expect_none("namespace_usage");
    view.namespaces->of.metrics = 0;
    render(CTW_LIVENESS_ALIVE, true);
    expect_none("namespace_");
    view.namespaces = NULL;
    render(CTW_LIVENESS_ALIVE, true);
    expect_none("namespace_");
}

static void namespaces_of_one_name_are_distinct(void **state) {
    struct ctw_namespace_record *r;
    (void)state;
    sample_calm(snapshot);
    view.namespaces = sample_namespaces();
    r = view.namespaces->records;
    (void)snprintf(r[0].name.text, sizeof(r[0].name.text), "%s", "command sleep");
    (void)snprintf(r[1].name.text, sizeof(r[1].name.text), "%s", "command sleep");
    (void)snprintf(r[2].name.text, sizeof(r[2].name.text), "%s", "command sleep");
    (void)snprintf(r[3].name.text, sizeof(r[3].name.text), "%s", "a\"b\\\u00fc");
    r[3].netns_inode = 0;
    view.namespaces->of.metrics = 100;
    r[2].netns_inode = 0;
    r[4] = r[2];
    r[4].pid = 7;
    render(CTW_LIVENESS_ALIVE, false);
    expect_line("ctwatch_namespace_entries{namespace=\"command sleep (4026532281)\"} 262144");
    expect_line("ctwatch_namespace_entries{namespace=\"command sleep (process 1250)\"} 31457");
    expect_line("ctwatch_namespace_entries{namespace=\"command sleep (process 7)\"} 31457");
    expect_line("ctwatch_namespace_entries{namespace=\"a\\\"b\\\\\u00fc\"} 0");
    (void)snprintf(r[4].name.text, sizeof(r[4].name.text), "%s", ""); /* no name at all */
    r[4].netns_inode = 9;
    r[2].name.below_user = true; /* and so r[0] is the only one of its name */
    render(CTW_LIVENESS_ALIVE, false);
    expect_line("ctwatch_namespace_entries{namespace=\"netns 9\"} 31457");
    expect_line("ctwatch_namespace_entries{namespace=\"command sleep\"} 262144");
    view.namespaces = NULL;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(openmetrics_of_a_full_table_has_every_sample),
        cmocka_unit_test(text_format_has_the_same_samples),
        cmocka_unit_test(openmetrics_names_families_units_and_end),
        cmocka_unit_test(text_format_has_neither_unit_nor_end),
        cmocka_unit_test(family_has_one_head),
        cmocka_unit_test(histogram_adds_up),
        cmocka_unit_test(time_to_full_only_while_filling),
        cmocka_unit_test(limit_absent_has_no_metric),
        cmocka_unit_test(table_absent_has_no_metric),
        cmocka_unit_test(unknown_values_are_left_out),
        cmocka_unit_test(daemon_not_alive_has_up_and_build_only),
        cmocka_unit_test(label_from_outside_is_escaped),
        cmocka_unit_test(metrics_have_no_address),
        cmocka_unit_test(numbers_largest_fit),
        cmocka_unit_test(buffer_too_short_is_filled_and_measured),
        cmocka_unit_test(namespaces_switched_on_have_samples),
        cmocka_unit_test(namespaces_of_one_name_are_distinct),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
