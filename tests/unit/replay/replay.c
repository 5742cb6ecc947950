/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/replay_stage.h"

/* One look of a recording, a second after the one before. */
static void poll(struct stage *g, uint32_t count, uint64_t drops) {
    const struct ctw_record record = {
        .at_usec = g->at_usec, .count = count, .max = 10000, .has_losses = true, .drops = drops};

    ctw_replay_add(&g->replay, &record);
    g->at_usec += SEC;
}

static void polls(struct stage *g, unsigned n, uint32_t count) {
    while (n-- > 0)
        poll(g, count, 0);
}

static void expect_silence(const struct stage *g) {
    if (g->next < g->n_recent_alerts)
        fail_msg("%s was said", ctw_alert_kind_name(g->recent_alerts[g->next].kind));
}

static void a_calm_recording_says_nothing(void **state) {
    struct stage *g = *state;

    start(g);
    for (unsigned i = 0; i < 1000; i++)
        poll(g, 5000 + i % 7, 0);
    expect_silence(g);
    assert_int_equal(g->replay.summary.records, 1000);
    assert_int_equal(g->replay.summary.level_usec[CTW_LEVEL_OK], 999 * SEC);
    assert_int_equal(g->replay.summary.highest_count, 5006);
    assert_int_equal(g->replay.summary.highest_usec, START + 6 * SEC);
}

/* As in the first scenarios: thresholds, at the time that the line runs through them. */
static void thresholds_are_passed_between_two_samples(void **state) {
    struct stage *g = *state;

    start(g);
    polls(g, 10, 1000);
    poll(g, 9900, 0); /* 8900 in the second before START + 10 s */
    const struct recent_alerts *s = expect(g, CTW_ALERT_USAGE, CTW_EDGE_BEGIN, CTW_LEVEL_WARNING);
    assert_in_range(s->count, 7500, 7600);
    assert_in_range(s->at_usec, START + 9730 * MSEC, START + 9745 * MSEC);
    s = expect(g, CTW_ALERT_USAGE, CTW_EDGE_BEGIN, CTW_LEVEL_CRITICAL);
    assert_in_range(s->count, 9000, 9100);
    assert_in_range(s->at_usec, START + 9898 * MSEC, START + 9915 * MSEC);
    polls(g, 3, 9900);
    polls(g, 20, 1000);
    s = expect(g, CTW_ALERT_USAGE, CTW_EDGE_END, CTW_LEVEL_OK);
    /* hold is 10 s, since it was below 70 % */
    assert_in_range(s->at_usec, START + 23330 * MSEC, START + 23850 * MSEC);
    expect_silence(g);
}

static void losses_are_told_and_end(void **state) {
    struct stage *g = *state;

    start(g);
    polls(g, 5, 1000);
    poll(g, 10000, 40);
    poll(g, 10000, 2);
    polls(g, 30, 100);
    (void)expect(g, CTW_ALERT_USAGE, CTW_EDGE_BEGIN, CTW_LEVEL_WARNING);
    (void)expect(g, CTW_ALERT_USAGE, CTW_EDGE_BEGIN, CTW_LEVEL_CRITICAL);
    assert_int_equal(expect(g, CTW_ALERT_TABLE_FULL, CTW_EDGE_BEGIN, CTW_LEVEL_FULL)->at_usec,
                     START + 5 * SEC);
    (void)expect(g, CTW_ALERT_TABLE_FULL, CTW_EDGE_END, CTW_LEVEL_FULL);
    (void)expect(g, CTW_ALERT_USAGE, CTW_EDGE_END, CTW_LEVEL_OK);
    expect_silence(g);
    assert_int_equal(g->replay.summary.lost.drops, 42);
    assert_int_equal(g->replay.summary.prevented.drops, 0);
}

/* As where drops are missing in the first lines. */
static void losses_that_are_known_later_are_told(void **state) {
    struct stage *g = *state;
    struct ctw_record record = {.at_usec = START, .count = 5000, .max = 10000};

    start(g);
    ctw_replay_add(&g->replay, &record);
    assert_false(g->replay.summary.has_losses);
    g->at_usec += SEC;
    poll(g, 10000, 5);
    (void)expect(g, CTW_ALERT_USAGE, CTW_EDGE_BEGIN, CTW_LEVEL_WARNING);
    (void)expect(g, CTW_ALERT_USAGE, CTW_EDGE_BEGIN, CTW_LEVEL_CRITICAL);
    (void)expect(g, CTW_ALERT_TABLE_FULL, CTW_EDGE_BEGIN, CTW_LEVEL_FULL);
    assert_true(g->replay.summary.has_losses);
    assert_int_equal(g->replay.summary.lost.drops, 5);
}

/* What was lost before the recording began is not of it. */
static void the_losses_of_the_first_look_are_of_before(void **state) {
    struct stage *g = *state;

    start(g);
    poll(g, 10000, 1000);
    assert_int_equal(g->replay.summary.lost.drops, 0);
}

static void no_line_is_drawn_through_a_hole(void **state) {
    struct stage *g = *state;

    start(g);
    polls(g, 10, 1000);
    g->at_usec += 3600 * SEC;
    polls(g, 5, 8000);
    const struct recent_alerts *s = expect(g, CTW_ALERT_USAGE, CTW_EDGE_BEGIN, CTW_LEVEL_WARNING);
    assert_int_equal(s->at_usec, START + 3610 * SEC);
    assert_int_equal(s->count, 8000);
    expect_silence(g);
    assert_int_equal(g->replay.summary.holes, 1);
    assert_int_equal(g->replay.summary.hole_usec, 3601 * SEC);
    assert_in_range(g->replay.summary.level_usec[CTW_LEVEL_OK], 9 * SEC, 9 * SEC + 1);
}

static void samples_that_come_more_seldom_are_no_holes_for_long(void **state) {
    struct stage *g = *state;

    start(g);
    polls(g, 10, 1000);
    for (unsigned i = 0; i < 100; i++) {
        g->at_usec += 59 * SEC;
        poll(g, 1000, 0);
    }
    assert_true(g->replay.summary.holes < 3);
}

static void growth_prevents_what_was_lost(void **state) {
    struct stage *g = *state;

    g->settings.growth.enabled = true;
    g->settings.poll.worst_rate = 1000;
    start(g);
    polls(g, 5, 1000);
    poll(g, 10000, 40);
    polls(g, 30, 10000);
    (void)expect(g, CTW_ALERT_USAGE, CTW_EDGE_BEGIN, CTW_LEVEL_WARNING);
    const struct recent_alerts *s = expect(g, CTW_ALERT_GREW, CTW_EDGE_BEGIN, CTW_LEVEL_WARNING);
    assert_int_equal(s->old_max, 10000);
    assert_int_equal(s->new_max, 20480);
    assert_in_range(s->count, 7600, 9000);
    (void)expect(g, CTW_ALERT_USAGE, CTW_EDGE_END, CTW_LEVEL_OK);
    expect_silence(g);
    assert_int_equal(g->replay.summary.lost.drops, 0);
    assert_int_equal(g->replay.summary.prevented.drops, 40);
    assert_int_equal(g->replay.summary.grown_from, 10000);
    assert_int_equal(g->replay.summary.grown_to, 20480);
}

static void growth_that_ends_below_prevents_nothing(void **state) {
    struct stage *g = *state;

    g->settings.growth.enabled = true;
    g->settings.growth.ceiling = 10100;
    start(g);
    polls(g, 5, 1000);
    poll(g, 10000, 40);
    polls(g, 2, 10000);
    assert_int_equal(g->replay.summary.grown_to, 10100);
    assert_int_equal(g->replay.summary.lost.drops, 40);
    assert_int_equal(g->replay.summary.prevented.drops, 0);
}

static void a_dry_run_prevents_nothing(void **state) {
    struct stage *g = *state;

    g->settings.growth.dry_run = true;
    start(g);
    polls(g, 5, 1000);
    poll(g, 10000, 40);
    assert_int_equal(g->replay.summary.alerts[CTW_ALERT_GROWTH_DRY_RUN], 1);
    assert_int_equal(g->replay.summary.growths, 0);
    assert_int_equal(g->replay.summary.lost.drops, 40);
}

/* Somebody raised the limit by hand then, which would not have been needed. */
static void a_recorded_rise_that_growth_covers_is_no_change(void **state) {
    struct stage *g = *state;
    struct ctw_record record = {.max = 12000, .count = 8500};

    g->settings.growth.enabled = true;
    start(g);
    polls(g, 5, 1000);
    polls(g, 5, 8500);
    record.at_usec = g->at_usec;
    ctw_replay_add(&g->replay, &record);
    assert_int_equal(g->replay.summary.alerts[CTW_ALERT_LIMIT_CHANGED], 0);
    record.at_usec += SEC;
    record.max = 2000000;
    ctw_replay_add(&g->replay, &record);
    assert_int_equal(g->replay.summary.alerts[CTW_ALERT_LIMIT_CHANGED], 1);
}

/* A look of a daemon's own recording, a second after the one before. */
static void own_sample(struct stage *g, uint32_t count, uint32_t max, uint32_t limit_changes) {
    const struct ctw_record record = {.at_usec = g->at_usec,
                                      .count = count,
                                      .max = max,
                                      .has_losses = true,
                                      .has_changes = true,
                                      .limit_changes = limit_changes,
                                      .set_max = limit_changes > 0 ? max : 0};

    ctw_replay_add(&g->replay, &record);
    g->at_usec += SEC;
}

/* Without growth the table would have been full, and no more entries in it. */
static void what_the_daemon_grew_itself_is_left_out(void **state) {
    struct stage *g = *state;

    start(g);
    for (unsigned i = 0; i < 5; i++)
        own_sample(g, 5000, 10000, 0);
    own_sample(g, 15000, 20000, 0);
    expect(g, CTW_ALERT_USAGE, CTW_EDGE_BEGIN, CTW_LEVEL_WARNING);
    expect(g, CTW_ALERT_USAGE, CTW_EDGE_BEGIN, CTW_LEVEL_CRITICAL);
    assert_int_equal(expect(g, CTW_ALERT_USAGE, CTW_EDGE_BEGIN, CTW_LEVEL_FULL)->count, 10000);
    expect_silence(g);
    assert_int_equal(g->replay.summary.highest_permyriad, CTW_PERMYRIAD);
    assert_int_equal(g->replay.seen.high, 10000);
}

static void what_it_grew_is_grown_anew(void **state) {
    struct stage *g = *state;

    g->settings.growth.enabled = true;
    g->settings.poll.worst_rate = 1000;
    start(g);
    for (unsigned i = 0; i < 5; i++)
        own_sample(g, 5000, 10000, 0);
    own_sample(g, 8500, 20480, 0);
    expect(g, CTW_ALERT_USAGE, CTW_EDGE_BEGIN, CTW_LEVEL_WARNING);
    const struct recent_alerts *s = expect(g, CTW_ALERT_GREW, CTW_EDGE_BEGIN, CTW_LEVEL_WARNING);
    assert_int_equal(s->old_max, 10000);
    assert_int_equal(s->new_max, 20480);
    expect_silence(g);
    own_sample(g, 8500, 10000, 1); /* and set back by somebody else */
    s = expect(g, CTW_ALERT_LIMIT_CHANGED, CTW_EDGE_BEGIN, CTW_LEVEL_WARNING);
    assert_int_equal(s->old_max, 20480);
    assert_int_equal(s->new_max, 10000);
}

/* The daemon was away, or is not told of; what it had grown is still left out afterwards. */
static void neither_a_hole_nor_new_buckets_take_what_was_grown(void **state) {
    struct stage *g = *state;
    struct ctw_record record = {.count = 5000,
                                .max = 20000,
                                .buckets = 4096,
                                .has_changes = true,
                                .limit_changes = 1,
                                .set_max = 20000};

    start(g);
    for (unsigned i = 0; i < 5; i++)
        own_sample(g, 5000, 10000, 0);
    own_sample(g, 5000, 20000, 0);
    g->at_usec += 60 * SEC;
    own_sample(g, 5000, 20000, 0);
    assert_int_equal(g->replay.summary.holes, 1);
    expect_silence(g);
    record.at_usec = g->at_usec;
    ctw_replay_add(&g->replay, &record);
    expect_silence(g); /* of no buckets before nothing is known */
    record.at_usec += SEC;
    record.buckets = 8192;
    ctw_replay_add(&g->replay, &record);
    const struct recent_alerts *s =
        expect(g, CTW_ALERT_LIMIT_CHANGED, CTW_EDGE_BEGIN, CTW_LEVEL_OK);
    assert_int_equal(s->old_max, s->new_max);
    assert_int_equal(g->replay.max, 10000);
}

/* What ctwatchd does is never to lower max. */
static void a_fall_is_a_change_in_any_case(void **state) {
    struct stage *g = *state;

    start(g);
    for (unsigned i = 0; i < 5; i++)
        own_sample(g, 500, 10000, 0);
    own_sample(g, 500, 5000, 0);
    assert_int_equal(expect(g, CTW_ALERT_LIMIT_CHANGED, CTW_EDGE_BEGIN, CTW_LEVEL_OK)->new_max,
                     5000);
}

/* Few recordings tell who changed a limit. */
static void nobody_is_blamed_without_knowing(void **state) {
    struct stage *g = *state;
    struct ctw_record record = {.count = 100, .max = 2000};

    start(g);
    own_sample(g, 100, 1000, 0);
    own_sample(g, 100, 1500, 1);
    assert_false(expect(g, CTW_ALERT_LIMIT_CHANGED, CTW_EDGE_BEGIN, CTW_LEVEL_OK)->writer_unknown);
    record.at_usec = g->at_usec;
    ctw_replay_add(&g->replay, &record);
    assert_true(expect(g, CTW_ALERT_LIMIT_CHANGED, CTW_EDGE_BEGIN, CTW_LEVEL_OK)->writer_unknown);
}

/* As ctwatch_drops_total{reason="table_full"} has it: at neither scrape the table was full. */
static void the_recorded_reason_of_a_drop_stands(void **state) {
    struct ctw_record record = {
        .count = 600, .max = 1000, .has_losses = true, .attributed = true, .drops = 5000};
    struct stage *g = *state;

    start(g);
    own_sample(g, 600, 1000, 0);
    own_sample(g, 600, 1000, 0);
    record.at_usec = g->at_usec;
    ctw_replay_add(&g->replay, &record);
    expect(g, CTW_ALERT_USAGE, CTW_EDGE_BEGIN, CTW_LEVEL_WARNING);
    expect(g, CTW_ALERT_USAGE, CTW_EDGE_BEGIN, CTW_LEVEL_CRITICAL);
    expect(g, CTW_ALERT_TABLE_FULL, CTW_EDGE_BEGIN, CTW_LEVEL_FULL);
    expect_silence(g);
    record.at_usec += 3600 * SEC;
    record.drops = 0;
    record.other_drops = 5000;
    g->n_recent_alerts = g->next = 0;
    start(g);
    own_sample(g, 600, 1000, 0);
    own_sample(g, 600, 1000, 0);
    record.at_usec = g->at_usec;
    ctw_replay_add(&g->replay, &record);
    expect(g, CTW_ALERT_DROPPED_BELOW_MAX, CTW_EDGE_BEGIN, CTW_LEVEL_OK);
    expect_silence(g);
}

/* Four looks a second: the daemon saw no way from 100 to 1000, and made no forecast on it. */
static void a_jump_from_look_to_look_stays_one(void **state) {
    struct ctw_record record = {.at_usec = START,
                                .width_usec = SEC,
                                .polls = 4,
                                .count = 100,
                                .first = 100,
                                .high = 100,
                                .low = 100,
                                .first_usec = 125000,
                                .high_usec = 875000,
                                .low_usec = 875000,
                                .last_usec = 875000,
                                .max = 1000};
    struct stage *g = *state;

    g->settings.levels.forecast_usec = 300 * SEC;
    start(g);
    for (unsigned i = 0; i < 10; i++) {
        ctw_replay_add(&g->replay, &record);
        record.at_usec += SEC;
    }
    record.first = record.high = record.low = record.count = 1000;
    ctw_replay_add(&g->replay, &record);
    expect(g, CTW_ALERT_USAGE, CTW_EDGE_BEGIN, CTW_LEVEL_WARNING);
    expect(g, CTW_ALERT_USAGE, CTW_EDGE_BEGIN, CTW_LEVEL_CRITICAL);
    expect(g, CTW_ALERT_USAGE, CTW_EDGE_BEGIN, CTW_LEVEL_FULL);
    expect_silence(g);
}

static void nothing_overflows(void **state) {
    struct stage *g = *state;
    struct ctw_record record = {.has_losses = true};

    g->settings.growth.enabled = true;
    start(g);
    for (unsigned i = 0; i < 200; i++) {
        record.at_usec += i % 3 == 0 ? 1 : i % 3 == 1 ? UINT64_C(1000000000000000) : 1799 * SEC;
        record.width_usec = i % 5 == 0 ? 86400 * SEC : 0;
        record.count = record.high = i % 2 == 0 ? UINT32_MAX : 0;
        record.low = i % 7 == 0 ? 0 : record.count;
        record.high_usec = i % 11 == 0 ? UINT32_MAX : 0;
        record.max = i % 4 == 0 ? 0 : UINT32_MAX - i;
        record.buckets = UINT32_MAX;
        record.drops = record.other_drops = record.early_drops = UINT64_MAX / 4;
        record.clashes = record.chain_too_long = record.log_lines = UINT64_MAX / 4;
        ctw_replay_add(&g->replay, &record);
        record.at_usec += record.width_usec;
    }
    assert_int_equal(g->replay.summary.records, 200);
}

/* The beginning of a slot is where its line begins, not its end. */
static void a_history_may_begin_in_a_flood(void **state) {
    const struct ctw_record record = {.at_usec = START,
                                      .width_usec = SEC,
                                      .first = 100,
                                      .low = 100,
                                      .high = 1000,
                                      .high_usec = 900000,
                                      .count = 1000,
                                      .last_usec = 999000,
                                      .max = 1000};
    struct stage *g = *state;

    start(g);
    ctw_replay_add(&g->replay, &record);
    const struct recent_alerts *s = expect(g, CTW_ALERT_USAGE, CTW_EDGE_BEGIN, CTW_LEVEL_WARNING);
    assert_in_range(s->at_usec, START + 650 * MSEC, START + 660 * MSEC);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        ON_STAGE(a_calm_recording_says_nothing),
        ON_STAGE(thresholds_are_passed_between_two_samples),
        ON_STAGE(losses_are_told_and_end),
        ON_STAGE(losses_that_are_known_later_are_told),
        ON_STAGE(the_losses_of_the_first_look_are_of_before),
        ON_STAGE(no_line_is_drawn_through_a_hole),
        ON_STAGE(samples_that_come_more_seldom_are_no_holes_for_long),
        ON_STAGE(growth_prevents_what_was_lost),
        ON_STAGE(growth_that_ends_below_prevents_nothing),
        ON_STAGE(a_dry_run_prevents_nothing),
        ON_STAGE(a_recorded_rise_that_growth_covers_is_no_change),
        ON_STAGE(what_the_daemon_grew_itself_is_left_out),
        ON_STAGE(what_it_grew_is_grown_anew),
        ON_STAGE(neither_a_hole_nor_new_buckets_take_what_was_grown),
        ON_STAGE(a_fall_is_a_change_in_any_case),
        ON_STAGE(nobody_is_blamed_without_knowing),
        ON_STAGE(the_recorded_reason_of_a_drop_stands),
        ON_STAGE(a_jump_from_look_to_look_stays_one),
        ON_STAGE(nothing_overflows),
        ON_STAGE(a_history_may_begin_in_a_flood),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
