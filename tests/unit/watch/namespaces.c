/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Other namespaces: what the stories 60 and 61 do not show. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/watch/namespaces.h"

struct stage {
    struct ctw_settings settings;
    struct ctw_namespaces_budget budget;
    struct ctw_namespace n;
    struct ctw_namespace_reading r;
    struct ctw_namespace_verdict v;
};

static struct stage *begin(void) {
    static struct stage g;

    g = (struct stage){.n.pid = 7,
                       .r = {.now_usec = 1000 * CTW_USEC_PER_SEC,
                             .readable = true,
                             .sample = {.max = 1000, .count = 10, .has_counters = true}}};
    ctw_settings_defaults(&g.settings);
    return &g;
}

static void step(struct stage *g) {
    ctw_namespace_step(&g->budget, &g->n, &g->settings, &g->r, &g->v);
    g->r.now_usec += CTW_USEC_PER_SEC;
}

static bool alerted(const struct stage *g, enum ctw_alert_kind kind, enum ctw_edge edge) {
    for (size_t i = 0; i < g->v.n_alerts; i++)
        if (g->v.alerts[i].kind == kind && g->v.alerts[i].edge == edge)
            return true;
    return false;
}

static void first_reading_old_losses_are_counted_not_alerted(void **state) {
    struct stage *g = begin();
    (void)state;

    g->r.sample.count = 990;
    g->r.sample.counters.drop = 500;
    step(g);
    assert_int_equal(g->n.lost.drops, 500);
    assert_false(alerted(g, CTW_ALERT_TABLE_FULL, CTW_EDGE_BEGIN));
    assert_true(alerted(g, CTW_ALERT_USAGE, CTW_EDGE_BEGIN));
    assert_int_equal(g->n.refused_usec, 0);
}

static void first_reading_of_fresh_full_table_alerts_losses(void **state) {
    struct stage *g = begin();
    (void)state;

    g->r.fresh = true;
    g->r.sample.count = 990;
    g->r.sample.counters.drop = 500;
    step(g);
    assert_true(alerted(g, CTW_ALERT_TABLE_FULL, CTW_EDGE_BEGIN));
    assert_int_equal(g->v.alerts[g->v.n_alerts - 1].losses.drops, 500);
}

static void fresh_table_that_is_not_full_keeps_quiet(void **state) {
    struct stage *g = begin();
    (void)state;

    g->r.fresh = true;
    g->r.sample.counters.drop = 500;
    step(g);
    assert_int_equal(g->v.n_alerts, 0);
}

static void half_full_namespace_is_read_each_second(void **state) {
    struct stage *g = begin();
    (void)state;

    g->settings.levels.forecast_usec = 0;
    step(g);
    assert_int_equal(g->v.next_usec, g->settings.namespaces.interval_usec);
    g->r.sample.count = 499;
    step(g);
    assert_int_equal(g->v.next_usec, g->settings.namespaces.interval_usec);
    g->r.sample.count = 500;
    step(g);
    assert_int_equal(g->v.next_usec, CTW_USEC_PER_SEC);
    g->settings.namespaces.interval_usec = CTW_USEC_PER_SEC / 2;
    step(g);
    assert_int_equal(g->v.next_usec, CTW_USEC_PER_SEC / 2);
}

static void below_user_alert_is_a_warning_and_runs_no_command(void **state) {
    struct stage *g = begin();
    (void)state;

    g->n.name.below_user = true;
    step(g);
    g->r.sample.count = 1000;
    g->r.sample.counters.drop = 5;
    step(g);
    assert_true(alerted(g, CTW_ALERT_TABLE_FULL, CTW_EDGE_BEGIN));
    for (size_t i = 0; i < g->v.n_alerts; i++) {
        assert_true(ctw_alert_priority(&g->v.alerts[i]) >= 4);
        assert_false(ctw_alert_runs_command(&g->v.alerts[i]));
    }
}

static void counters_that_wrap_are_counted(void **state) {
    struct stage *g = begin();
    (void)state;

    g->r.sample.counters = (struct ctw_counters){.drop = UINT32_MAX, .cpus = 1};
    step(g);
    g->r.sample.count = 1000;
    g->r.sample.counters.drop = 9; /* wraps at 2^32 */
    step(g);
    assert_int_equal(g->v.alerts[g->v.n_alerts - 1].losses.drops, 10);
}

static struct ctw_namespace losing(uint64_t inode) {
    struct ctw_namespace n = {.pid = 1, .netns_inode = inode};

    n.table.conditions[CTW_ALERT_TABLE_FULL].active = true;
    return n;
}

static void lines_join_the_namespace_of_their_inode(void **state) {
    struct ctw_namespace calm = {.pid = 1, .netns_inode = 7}, other = losing(0);
    struct ctw_netns_match m = {.inode = 7};
    (void)state;

    ctw_netns_match_add(&m, &calm);
    ctw_netns_match_add(&m, &other);
    assert_true(ctw_netns_match_end(&m, 3));
    assert_int_equal(calm.log_lines, 3);
    assert_int_equal(other.log_lines, 0);
}

static void lines_teach_the_inode_of_the_only_one_that_loses(void **state) {
    struct ctw_namespace n = losing(0), known = losing(9);
    struct ctw_netns_match m = {.inode = 7};
    (void)state;

    ctw_netns_match_add(&m, &known);
    ctw_netns_match_add(&m, &n);
    assert_true(ctw_netns_match_end(&m, 3));
    assert_int_equal(n.netns_inode, 7);
    assert_int_equal(n.log_lines, 3);
}

static void lines_of_one_of_several_are_not_guessed(void **state) {
    struct ctw_namespace a = losing(0), b = losing(0);
    struct ctw_netns_match m = {.inode = 7};
    (void)state;

    ctw_netns_match_add(&m, &a);
    ctw_netns_match_add(&m, &b);
    assert_true(ctw_netns_match_end(&m, 3));
    assert_int_equal(a.netns_inode | b.netns_inode, 0);
    assert_int_equal(a.log_lines | b.log_lines, 0);
}

static void lines_of_none_that_loses_are_of_one_without_process(void **state) {
    struct ctw_namespace calm = {.pid = 1}, known = losing(9);
    struct ctw_netns_match m = {.inode = 7};
    (void)state;

    ctw_netns_match_add(&m, &calm);
    ctw_netns_match_add(&m, &known);
    assert_false(ctw_netns_match_end(&m, 3));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_reading_old_losses_are_counted_not_alerted),
        cmocka_unit_test(first_reading_of_fresh_full_table_alerts_losses),
        cmocka_unit_test(fresh_table_that_is_not_full_keeps_quiet),
        cmocka_unit_test(half_full_namespace_is_read_each_second),
        cmocka_unit_test(below_user_alert_is_a_warning_and_runs_no_command),
        cmocka_unit_test(counters_that_wrap_are_counted),
        cmocka_unit_test(lines_join_the_namespace_of_their_inode),
        cmocka_unit_test(lines_teach_the_inode_of_the_only_one_that_loses),
        cmocka_unit_test(lines_of_one_of_several_are_not_guessed),
        cmocka_unit_test(lines_of_none_that_loses_are_of_one_without_process),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
