/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/snapshot_samples.h"

#define SECOND CTW_USEC_PER_SEC

/* A daemon without the effects: looks go through the core into a snapshot. */
struct mill {
    struct ctw_settings settings;
    struct ctw_watch watch;
    struct ctw_tick tick;
    struct ctw_verdict verdict;
    struct ctw_snapshot snapshot;
};

static int start(void **state) {
    struct mill *m = calloc(1, sizeof(*m));

    assert_non_null(m);
    ctw_settings_defaults(&m->settings);
    m->tick.sources[CTW_SOURCE_TABLE].health = CTW_HEALTH_OK;
    m->tick.sources[CTW_SOURCE_COUNTERS].health = CTW_HEALTH_OK;
    m->tick.sample =
        (struct ctw_sample){.max = 1000, .buckets = 512, .has_buckets = true, .has_counters = true};
    *state = m;
    return 0;
}

static int stop(void **state) {
    free(*state);
    return 0;
}

static void look_late(struct mill *m, uint64_t now_usec, uint32_t count, uint64_t late_usec) {
    const struct ctw_poll_times times = {
        .due_usec = now_usec,
        .done_usec = now_usec + late_usec,
        .realtime_usec = SAMPLE_WALL_USEC + now_usec,
        .next_due_usec = now_usec + SECOND / 4,
    };

    m->tick.now_usec = now_usec;
    m->tick.sample.count = count;
    ctw_watch_step(&m->watch, &m->settings, &m->tick, &m->verdict);
    ctw_snapshot_poll(&m->snapshot, &m->settings, &m->watch, &m->tick, &m->verdict, &times);
    assert_int_equal(ctw_snapshot_check(&m->snapshot), 0);
}

static void poll(struct mill *m, uint64_t now_usec, uint32_t count) {
    look_late(m, now_usec, count, 100);
}

static void a_look_shows_the_table_and_where_it_is_going(void **state) {
    struct mill *m = *state;

    poll(m, 10 * SECOND, 100);
    assert_false(m->snapshot.has_rate);
    poll(m, 11 * SECOND, 200);
    assert_true(m->snapshot.has_table);
    assert_int_equal(m->snapshot.table.count, 200);
    assert_int_equal(m->snapshot.table.buckets, 512);
    assert_int_equal(m->snapshot.rate, 100);
    assert_true(m->snapshot.fills);
    assert_int_equal(m->snapshot.usec_to_full, 8 * SECOND);
    assert_int_equal(m->snapshot.polls, 2);
    assert_int_equal(m->snapshot.warning_permyriad, 7500);
}

static void a_level_is_dated(void **state) {
    struct mill *m = *state;

    poll(m, 10 * SECOND, 100);
    assert_int_equal(m->snapshot.level_since_usec, 0);
    poll(m, 11 * SECOND, 800);
    poll(m, 12 * SECOND, 810);
    assert_int_equal(m->snapshot.level, CTW_LEVEL_WARNING);
    assert_int_equal(m->snapshot.level_since_usec, 11 * SECOND);
}

static void losses_are_those_since_the_start(void **state) {
    struct mill *m = *state;

    m->tick.sample.counters.drop = 7; /* of before */
    poll(m, 10 * SECOND, 1000);
    m->tick.sample.counters.drop = 10;
    m->tick.sample.counters.early_drop = 4;
    poll(m, 11 * SECOND, 1000);
    m->tick.sample.counters.drop = 11;
    poll(m, 12 * SECOND, 1000);
    assert_int_equal(m->snapshot.lost.drops, 4);
    assert_int_equal(m->snapshot.lost.early_drops, 4);
}

static void a_table_that_is_gone_leaves_no_numbers(void **state) {
    struct mill *m = *state;

    poll(m, 10 * SECOND, 100);
    poll(m, 11 * SECOND, 200);
    m->tick.sources[CTW_SOURCE_TABLE] =
        (struct ctw_source_health){.health = CTW_HEALTH_ABSENT, .what = "/proc/x"};
    poll(m, 12 * SECOND, 0);
    assert_false(m->snapshot.has_table);
    assert_false(m->snapshot.has_rate);
    assert_int_equal(m->snapshot.table.max, 0);
    assert_string_equal(m->snapshot.sources[CTW_SOURCE_TABLE].what, "/proc/x");
}

static void every_look_is_in_the_histogram_once(void **state) {
    struct mill *m = *state;
    uint64_t sum = 0;

    look_late(m, 10 * SECOND, 1, 100);
    look_late(m, 11 * SECOND, 1, 101);
    look_late(m, 12 * SECOND, 1, 1000000);
    look_late(m, 13 * SECOND, 1, 1000001);
    assert_int_equal(m->snapshot.latency[0], 1);
    assert_int_equal(m->snapshot.latency[1], 1);
    assert_int_equal(m->snapshot.latency[CTW_LATENCY_BOUNDS - 1], 1);
    assert_int_equal(m->snapshot.latency[CTW_LATENCY_BOUNDS], 1);
    for (size_t i = 0; i <= CTW_LATENCY_BOUNDS; i++)
        sum += m->snapshot.latency[i];
    assert_int_equal(sum, m->snapshot.polls);
    assert_int_equal(m->snapshot.latency_sum_usec, 100 + 101 + 1000000 + 1000001);
    assert_int_equal(m->snapshot.latency_worst_usec, 1000001);
}

static void the_newest_alerts_are_kept_and_all_are_counted(void **state) {
    struct mill *m = *state;
    struct ctw_snapshot *p = &m->snapshot;
    struct ctw_alert a = {.kind = CTW_ALERT_USAGE, .edge = CTW_EDGE_BEGIN};
    char words[2 * CTW_RECENT_ALERT_BYTES];

    for (int i = 0; i < 20; i++) {
        (void)snprintf(words, sizeof(words), "%d", i);
        ctw_snapshot_alert(p, &a, words, 1, (uint64_t)i + 1);
    }
    memset(words, 'x', sizeof(words) - 1);
    words[sizeof(words) - 1] = '\0';
    a = (struct ctw_alert){
        .kind = CTW_ALERT_GREW, .max_changed = true, .old_max = 5, .new_max = 10};
    ctw_snapshot_alert(p, &a, words, 77, 99);
    assert_int_equal(ctw_snapshot_check(p), 0);
    assert_int_equal(p->alerts[CTW_ALERT_USAGE], 20);
    assert_int_equal(p->n_recent_alerts, 21);
    assert_string_equal(p->recent_alerts[(p->n_recent_alerts - 2) % CTW_RECENT_ALERTS].message,
                        "19");
    assert_int_equal(p->growths, 1);
    assert_int_equal(p->grown_usec, 77);
    assert_int_equal(p->grown_to, 10);
}

static void readers_tell_late_from_stopped_from_none(void **state) {
    struct ctw_snapshot p;
    (void)state;

    sample_calm(&p);
    assert_int_equal(ctw_snapshot_liveness(&p, SAMPLE_NOW_USEC), CTW_LIVENESS_ALIVE);
    assert_int_equal(ctw_snapshot_liveness(&p, p.due_usec + CTW_LATE_USEC), CTW_LIVENESS_ALIVE);
    assert_int_equal(ctw_snapshot_liveness(&p, p.due_usec + CTW_LATE_USEC + 1), CTW_LIVENESS_LATE);
    p.stopped_usec = 1;
    assert_int_equal(ctw_snapshot_liveness(&p, SAMPLE_NOW_USEC), CTW_LIVENESS_STOPPED);
    p.pid = 0;
    assert_int_equal(ctw_snapshot_liveness(&p, SAMPLE_NOW_USEC), CTW_LIVENESS_NONE);
}

static void a_look_is_old_after_three_seconds_though_the_next_is_not_due(void **state) {
    struct ctw_snapshot p;
    (void)state;

    sample_calm(&p);
    p.due_usec = p.polled_usec + 60 * SECOND;
    assert_false(ctw_snapshot_is_old(&p, p.polled_usec + CTW_LATE_USEC));
    assert_true(ctw_snapshot_is_old(&p, p.polled_usec + CTW_LATE_USEC + 1));
    assert_true(ctw_snapshot_is_old(&p, p.due_usec + CTW_LATE_USEC));
    assert_false(ctw_snapshot_is_old(&p, p.due_usec + CTW_LATE_USEC + 1)); /* that is late */
    p.stopped_usec = 1;
    assert_false(ctw_snapshot_is_old(&p, p.polled_usec + CTW_LATE_USEC + 1));
}

static void own_sample(struct ctw_snapshot *p, uint32_t count, enum ctw_level level) {
    *p = (struct ctw_snapshot){
        .polled_usec = SAMPLE_NOW_USEC + 40 * SECOND,
        .polled_realtime_usec = SAMPLE_WALL_USEC + 40 * SECOND,
        .sources[CTW_SOURCE_TABLE] = {.health = CTW_HEALTH_OK},
        .sources[CTW_SOURCE_COUNTERS] = {.health = CTW_HEALTH_ABSENT},
        .has_table = true,
        .table = {.count = count, .max = 1000},
        .level = level,
    };
}

static void a_look_of_the_readers_own_renews_the_table_and_leaves_the_rest(void **state) {
    struct ctw_snapshot p, own;
    (void)state;

    sample_calm(&p);
    p.lost.drops = 123;
    p.refused_usec = 77;
    p.rates.known = true;
    own_sample(&own, 1000, CTW_LEVEL_FULL);
    ctw_snapshot_renew(&p, &own);
    assert_int_equal(ctw_snapshot_check(&p), 0);
    assert_memory_equal(&p.table, &own.table, sizeof(p.table));
    assert_int_equal(p.polled_usec, own.polled_usec);
    assert_int_equal(p.polled_realtime_usec, own.polled_realtime_usec);
    assert_int_equal(p.sources[CTW_SOURCE_COUNTERS].health, CTW_HEALTH_ABSENT);
    assert_int_equal(p.sources[CTW_SOURCE_KERNEL_LOG].health, CTW_HEALTH_OK);
    assert_int_equal(p.level, CTW_LEVEL_FULL);
    assert_int_equal(p.level_since_usec, own.polled_usec);
    assert_false(p.has_rate || p.fills || p.rates.known);
    assert_int_equal(p.pid, 812);
    assert_int_equal(p.lost.drops, 123);
    assert_int_equal(p.refused_usec, 77);

    /* What the daemon holds is not for a single look to end. */
    own_sample(&own, 1, CTW_LEVEL_OK);
    ctw_snapshot_renew(&p, &own);
    assert_int_equal(p.table.count, 1);
    assert_int_equal(p.level, CTW_LEVEL_FULL);

    own.has_table = false;
    own.table.count = 0;
    own.sources[CTW_SOURCE_TABLE] = (struct ctw_source_health){CTW_HEALTH_FAILED, -EACCES, "x"};
    ctw_snapshot_renew(&p, &own);
    assert_false(p.has_table);
    assert_int_equal(p.table.count, 1); /* as last seen */
    assert_int_equal(p.sources[CTW_SOURCE_TABLE].error, -EACCES);
}

static void when_something_was_lost_outlives_the_daemon(void **state) {
    struct ctw_snapshot p, before;
    (void)state;

    sample_calm(&p);
    sample_full(&before);
    ctw_snapshot_inherit(&p, &before);
    assert_int_equal(p.refused_usec, before.refused_usec);
    assert_int_equal(p.evicted_usec, before.evicted_usec);
    assert_int_equal(p.lost.drops, 0);
}

/* As of a machine that has been up for longer than this one. */
static void looks_of_another_clock_are_not_those_of_a_daemon_here(void **state) {
    struct ctw_snapshot p;
    (void)state;

    sample_calm(&p);
    assert_int_equal(ctw_snapshot_liveness(&p, p.polled_usec - CTW_LATE_USEC),
                     CTW_LIVENESS_ALIVE); /* it has looked since the time was asked for */
    assert_int_equal(ctw_snapshot_liveness(&p, p.polled_usec - CTW_LATE_USEC - 1),
                     CTW_LIVENESS_LATE);
    p.due_usec = p.polled_usec + CTW_INTERVAL_MAX_USEC;
    assert_int_equal(ctw_snapshot_liveness(&p, SAMPLE_NOW_USEC), CTW_LIVENESS_ALIVE);
    p.due_usec++;
    assert_int_equal(ctw_snapshot_liveness(&p, SAMPLE_NOW_USEC), CTW_LIVENESS_LATE);
    p.due_usec = p.polled_usec - 1;
    assert_int_equal(ctw_snapshot_liveness(&p, SAMPLE_NOW_USEC), CTW_LIVENESS_LATE);
}

static void times_become_those_of_the_wall(void **state) {
    struct ctw_snapshot p;
    (void)state;

    sample_calm(&p);
    assert_int_equal(ctw_snapshot_wall_usec(&p, p.polled_usec), SAMPLE_WALL_USEC);
    assert_int_equal(ctw_snapshot_wall_usec(&p, p.polled_usec - SECOND), SAMPLE_WALL_USEC - SECOND);
    p.polled_realtime_usec = SECOND; /* a clock that has not been set yet */
    assert_int_equal(ctw_snapshot_wall_usec(&p, p.polled_usec + SECOND), 2 * SECOND);
}

static void samples_can_be_snapshots(void **state) {
    void (*const samples[])(struct ctw_snapshot *) = {sample_calm, sample_full, sample_absent,
                                                      sample_unlimited, sample_own_look};
    struct ctw_snapshot p;
    (void)state;

    for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
        samples[i](&p);
        assert_int_equal(ctw_snapshot_check(&p), 0);
    }
}

/* Every byte pattern is one that a reader may meet. */
static void damaged_bytes_are_found(void **state) {
    static const size_t bools[] = {
        offsetof(struct ctw_snapshot, has_table), offsetof(struct ctw_snapshot, fills),
        offsetof(struct ctw_snapshot, talkers.sampled), offsetof(struct ctw_snapshot, rates.known),
        offsetof(struct ctw_snapshot, growth_dry_run)};
    struct ctw_snapshot p;
    (void)state;

    for (size_t i = 0; i < sizeof(bools) / sizeof(bools[0]); i++) {
        sample_full(&p);
        ((unsigned char *)&p)[bools[i]] = 2;
        assert_int_equal(ctw_snapshot_check(&p), -EBADMSG);
    }
    sample_full(&p);
    memset(p.version, 'x', sizeof(p.version));
    assert_int_equal(ctw_snapshot_check(&p), -EBADMSG);
    sample_full(&p);
    p.level = CTW_LEVEL_FULL + 1;
    assert_int_equal(ctw_snapshot_check(&p), -EBADMSG);
    sample_full(&p);
    p.talkers.n_ports = CTW_TALKERS_TOP_MAX + 1;
    assert_int_equal(ctw_snapshot_check(&p), -EBADMSG);
    sample_full(&p);
    memset(p.talkers.sources[1].name, 'x', sizeof(p.talkers.sources[1].name));
    assert_int_equal(ctw_snapshot_check(&p), -EBADMSG);
    sample_full(&p);
    p.recent_alerts[15].kind = CTW_ALERT_KINDS;
    assert_int_equal(ctw_snapshot_check(&p), -EBADMSG);
    sample_full(&p);
    p.sources[CTW_SOURCE_STATE].error = 1;
    assert_int_equal(ctw_snapshot_check(&p), -EBADMSG);
}

int main(void) {
#define WITH_MILL(f) cmocka_unit_test_setup_teardown(f, start, stop)
    const struct CMUnitTest tests[] = {
        WITH_MILL(a_look_shows_the_table_and_where_it_is_going),
        WITH_MILL(a_level_is_dated),
        WITH_MILL(losses_are_those_since_the_start),
        WITH_MILL(a_table_that_is_gone_leaves_no_numbers),
        WITH_MILL(every_look_is_in_the_histogram_once),
        WITH_MILL(the_newest_alerts_are_kept_and_all_are_counted),
        cmocka_unit_test(readers_tell_late_from_stopped_from_none),
        cmocka_unit_test(a_look_is_old_after_three_seconds_though_the_next_is_not_due),
        cmocka_unit_test(a_look_of_the_readers_own_renews_the_table_and_leaves_the_rest),
        cmocka_unit_test(when_something_was_lost_outlives_the_daemon),
        cmocka_unit_test(looks_of_another_clock_are_not_those_of_a_daemon_here),
        cmocka_unit_test(times_become_those_of_the_wall),
        cmocka_unit_test(samples_can_be_snapshots),
        cmocka_unit_test(damaged_bytes_are_found),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
