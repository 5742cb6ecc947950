/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/replay_stage.h"

/* One sample, a second after the sample before. */
static void poll(struct stage *g, uint32_t count, uint64_t drops) {
    const struct ctw_record record = {.at_usec = g->at_usec,
                                      .count = count,
                                      .max = 10000,
                                      .has_losses = 1,
                                      .losses.drops = drops};

    ctw_replay_add(&g->replay, &record);
    g->at_usec += SEC;
}

static void polls(struct stage *g, unsigned n, uint32_t count) {
    while (n-- > 0)
        poll(g, count, 0);
}

static void expect_no_more(const struct stage *g) {
    if (g->next < g->n_sent)
        fail_msg("unexpected %s", ctw_alert_kind_name(g->sent[g->next].kind));
}

static void replay_calm_sends_no_alert(void **state) {
    struct stage *g = *state;

    start(g);
    for (unsigned i = 0; i < 1000; i++)
        poll(g, 5000 + i % 7, 0);
    expect_no_more(g);
    assert_int_equal(g->replay.summary.records, 1000);
    assert_int_equal(g->replay.summary.level_usec[CTW_LEVEL_OK], 999 * SEC);
    assert_int_equal(g->replay.summary.highest_count, 5006);
    assert_int_equal(g->replay.summary.highest_usec, START + 6 * SEC);
}

static void replay_threshold_between_samples_alerts_at_its_crossing(void **state) {
    struct stage *g = *state;

    start(g);
    polls(g, 10, 1000);
    poll(g, 9900, 0); /* 8900 in the second before START + 10 s */
    const struct sent *s = expect(g, CTW_ALERT_USAGE, CTW_EDGE_BEGIN, CTW_LEVEL_WARNING);
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
    expect_no_more(g);
}

static void replay_losses_begin_and_end(void **state) {
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
    expect_no_more(g);
    assert_int_equal(g->replay.summary.lost.drops, 42);
    assert_int_equal(g->replay.summary.prevented.drops, 0);
}

/* As where drops are missing in the first lines. */
static void replay_losses_known_later_alert(void **state) {
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

/* They were lost before the recording began. */
static void replay_losses_of_first_sample_are_ignored(void **state) {
    struct stage *g = *state;

    start(g);
    poll(g, 10000, 1000);
    assert_int_equal(g->replay.summary.lost.drops, 0);
}

static void replay_hole_is_not_interpolated(void **state) {
    struct stage *g = *state;

    start(g);
    polls(g, 10, 1000);
    g->at_usec += 3600 * SEC;
    polls(g, 5, 8000);
    const struct sent *s = expect(g, CTW_ALERT_USAGE, CTW_EDGE_BEGIN, CTW_LEVEL_WARNING);
    assert_int_equal(s->at_usec, START + 3610 * SEC);
    assert_int_equal(s->count, 8000);
    expect_no_more(g);
    assert_int_equal(g->replay.summary.holes, 1);
    assert_int_equal(g->replay.summary.hole_usec, 3601 * SEC);
    assert_in_range(g->replay.summary.level_usec[CTW_LEVEL_OK], 9 * SEC, 9 * SEC + 1);
}

static void replay_longer_spacing_becomes_usual(void **state) {
    struct stage *g = *state;

    start(g);
    polls(g, 10, 1000);
    for (unsigned i = 0; i < 100; i++) {
        g->at_usec += 59 * SEC;
        poll(g, 1000, 0);
    }
    assert_true(g->replay.summary.holes < 3);
}

static void replay_growth_prevents_losses(void **state) {
    struct stage *g = *state;

    g->settings.growth.enabled = true;
    g->settings.poll.worst_rate = 1000;
    start(g);
    polls(g, 5, 1000);
    poll(g, 10000, 40);
    polls(g, 30, 10000);
    (void)expect(g, CTW_ALERT_USAGE, CTW_EDGE_BEGIN, CTW_LEVEL_WARNING);
    const struct sent *s = expect(g, CTW_ALERT_GREW, CTW_EDGE_BEGIN, CTW_LEVEL_WARNING);
    assert_int_equal(s->old_max, 10000);
    assert_int_equal(s->new_max, 20480);
    assert_in_range(s->count, 7600, 9000);
    (void)expect(g, CTW_ALERT_USAGE, CTW_EDGE_END, CTW_LEVEL_OK);
    expect_no_more(g);
    assert_int_equal(g->replay.summary.lost.drops, 0);
    assert_int_equal(g->replay.summary.prevented.drops, 40);
    assert_int_equal(g->replay.summary.grown_from, 10000);
    assert_int_equal(g->replay.summary.grown_to, 20480);
}

static void replay_growth_at_ceiling_prevents_nothing(void **state) {
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

static void replay_dry_run_prevents_nothing(void **state) {
    struct stage *g = *state;

    g->settings.growth.dry_run = true;
    start(g);
    polls(g, 5, 1000);
    poll(g, 10000, 40);
    assert_int_equal(g->replay.summary.alerts[CTW_ALERT_GROWTH_DRY_RUN], 1);
    assert_int_equal(g->replay.summary.growths, 0);
    assert_int_equal(g->replay.summary.lost.drops, 40);
}

/* An administrator raised the limit, which growth would have made needless. */
static void replay_recorded_rise_below_growth_is_no_limit_change(void **state) {
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

/* A sample recorded by ctwatchd, a second after the sample before. */
static void own_sample(struct stage *g, uint32_t count, uint32_t max, uint32_t limit_changes) {
    const struct ctw_record record = {.at_usec = g->at_usec,
                                      .count = count,
                                      .max = max,
                                      .has_losses = 1,
                                      .has_changes = 1,
                                      .limit_changes = limit_changes,
                                      .set_max = limit_changes > 0 ? max : 0};

    ctw_replay_add(&g->replay, &record);
    g->at_usec += SEC;
}

/* Without growth the table would have been full. */
static void replay_recorded_growth_is_left_out(void **state) {
    struct stage *g = *state;

    start(g);
    for (unsigned i = 0; i < 5; i++)
        own_sample(g, 5000, 10000, 0);
    own_sample(g, 15000, 20000, 0);
    expect(g, CTW_ALERT_USAGE, CTW_EDGE_BEGIN, CTW_LEVEL_WARNING);
    expect(g, CTW_ALERT_USAGE, CTW_EDGE_BEGIN, CTW_LEVEL_CRITICAL);
    assert_int_equal(expect(g, CTW_ALERT_USAGE, CTW_EDGE_BEGIN, CTW_LEVEL_FULL)->count, 10000);
    expect_no_more(g);
    assert_int_equal(g->replay.summary.highest_permyriad, CTW_PERMYRIAD);
    assert_int_equal(g->replay.seen.high, 10000);
}

static void replay_recorded_growth_is_grown_anew(void **state) {
    struct stage *g = *state;

    g->settings.growth.enabled = true;
    g->settings.poll.worst_rate = 1000;
    start(g);
    for (unsigned i = 0; i < 5; i++)
        own_sample(g, 5000, 10000, 0);
    own_sample(g, 8500, 20480, 0);
    expect(g, CTW_ALERT_USAGE, CTW_EDGE_BEGIN, CTW_LEVEL_WARNING);
    const struct sent *s = expect(g, CTW_ALERT_GREW, CTW_EDGE_BEGIN, CTW_LEVEL_WARNING);
    assert_int_equal(s->old_max, 10000);
    assert_int_equal(s->new_max, 20480);
    expect_no_more(g);
    own_sample(g, 8500, 10000, 1); /* set back by another program */
    s = expect(g, CTW_ALERT_LIMIT_CHANGED, CTW_EDGE_BEGIN, CTW_LEVEL_WARNING);
    assert_int_equal(s->old_max, 20480);
    assert_int_equal(s->new_max, 10000);
}

static void replay_hole_or_buckets_keep_growth_left_out(void **state) {
    struct stage *g = *state;
    struct ctw_record record = {.count = 5000,
                                .max = 20000,
                                .buckets = 4096,
                                .has_changes = 1,
                                .limit_changes = 1,
                                .set_max = 20000};

    start(g);
    for (unsigned i = 0; i < 5; i++)
        own_sample(g, 5000, 10000, 0);
    own_sample(g, 5000, 20000, 0);
    g->at_usec += 60 * SEC;
    own_sample(g, 5000, 20000, 0);
    assert_int_equal(g->replay.summary.holes, 1);
    expect_no_more(g);
    record.at_usec = g->at_usec;
    ctw_replay_add(&g->replay, &record);
    expect_no_more(g); /* buckets were not known before */
    record.at_usec += SEC;
    record.buckets = 8192;
    ctw_replay_add(&g->replay, &record);
    const struct sent *s = expect(g, CTW_ALERT_LIMIT_CHANGED, CTW_EDGE_BEGIN, CTW_LEVEL_OK);
    assert_int_equal(s->old_max, s->new_max);
    assert_int_equal(g->replay.max, 10000);
}

/* ctwatchd never lowers max. */
static void replay_lowered_max_is_limit_change(void **state) {
    struct stage *g = *state;

    start(g);
    for (unsigned i = 0; i < 5; i++)
        own_sample(g, 500, 10000, 0);
    own_sample(g, 500, 5000, 0);
    assert_int_equal(expect(g, CTW_ALERT_LIMIT_CHANGED, CTW_EDGE_BEGIN, CTW_LEVEL_OK)->new_max,
                     5000);
}

/* Few recordings show who changed a limit. */
static void replay_without_changes_column_writer_is_unknown(void **state) {
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

/* As of ctwatch_drops_total{reason="table_full"}: the table was full at neither scrape. */
static void replay_steady_losses_of_any_spacing_are_one_episode(void **state) {
    static const uint64_t spacings_sec[] = {1, 15, 60, 3600};
    struct stage *g = *state;

    for (size_t i = 0; i < sizeof(spacings_sec) / sizeof(spacings_sec[0]); i++) {
        start(g);
        for (unsigned k = 0; k < 30; k++) {
            poll(g, 3000, k == 0 ? 0 : 500);
            g->at_usec += (spacings_sec[i] - 1) * SEC;
        }
        (void)expect(g, CTW_ALERT_DROPPED_BELOW_MAX, CTW_EDGE_BEGIN, CTW_LEVEL_OK);
        while (g->next < g->n_sent)
            (void)expect(g, CTW_ALERT_DROPPED_BELOW_MAX, CTW_EDGE_REMINDER, CTW_LEVEL_OK);
    }
}

static void replay_recorded_reason_of_drop_is_kept(void **state) {
    struct ctw_record record = {
        .count = 600, .max = 1000, .has_losses = 1, .has_other_drops = 1, .losses.drops = 5000};
    struct stage *g = *state;

    start(g);
    own_sample(g, 600, 1000, 0);
    own_sample(g, 600, 1000, 0);
    record.at_usec = g->at_usec;
    ctw_replay_add(&g->replay, &record);
    expect(g, CTW_ALERT_USAGE, CTW_EDGE_BEGIN, CTW_LEVEL_WARNING);
    expect(g, CTW_ALERT_USAGE, CTW_EDGE_BEGIN, CTW_LEVEL_CRITICAL);
    expect(g, CTW_ALERT_TABLE_FULL, CTW_EDGE_BEGIN, CTW_LEVEL_FULL);
    expect_no_more(g);
    record.at_usec += 3600 * SEC;
    record.losses.drops = 0;
    record.losses.other_drops = 5000;
    g->n_sent = g->next = 0;
    start(g);
    own_sample(g, 600, 1000, 0);
    own_sample(g, 600, 1000, 0);
    record.at_usec = g->at_usec;
    ctw_replay_add(&g->replay, &record);
    expect(g, CTW_ALERT_DROPPED_BELOW_MAX, CTW_EDGE_BEGIN, CTW_LEVEL_OK);
    expect_no_more(g);
}

/* One poll a second: ctwatchd saw no way from 100 to 1000, and made no forecast on it. */
static void replay_unhurried_slots_keep_jump(void **state) {
    struct ctw_record record = {.at_usec = START,
                                .width_sec = 1,
                                .polls = 1,
                                .count = 100,
                                .first = 100,
                                .high = 100,
                                .low = 100,
                                .first_msec = 125,
                                .high_msec = 125,
                                .low_msec = 125,
                                .last_msec = 125,
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
    expect_no_more(g);
}

/* Its rate was known, so ctwatchd would have polled sooner near a threshold. */
static void replay_unhurried_slots_poll_sooner_near_threshold(void **state) {
    struct stage *g = *state;

    start(g);
    for (uint32_t i = 0; i < 13; i++) {
        const uint32_t count = 1000 + 700 * i;
        const struct ctw_record record = {.at_usec = START + i * SEC,
                                          .width_sec = 1,
                                          .polls = 1,
                                          .count = count,
                                          .first = count,
                                          .high = count,
                                          .low = count,
                                          .first_msec = 125,
                                          .high_msec = 125,
                                          .low_msec = 125,
                                          .last_msec = 125,
                                          .max = 10000};
        ctw_replay_add(&g->replay, &record);
    }
    assert_in_range(expect(g, CTW_ALERT_USAGE, CTW_EDGE_BEGIN, CTW_LEVEL_WARNING)->count, 7500,
                    7600); /* 7300 and 8000 are recorded */
    assert_in_range(expect(g, CTW_ALERT_USAGE, CTW_EDGE_BEGIN, CTW_LEVEL_CRITICAL)->count, 9000,
                    9100); /* 8700 and 9400 */
}

static void replay_extreme_values_do_not_overflow(void **state) {
    struct stage *g = *state;
    struct ctw_record record = {.has_losses = 1};

    g->settings.growth.enabled = true;
    start(g);
    for (unsigned i = 0; i < 200; i++) {
        record.at_usec += i % 3 == 0 ? 1 : i % 3 == 1 ? UINT64_C(1000000000000000) : 1799 * SEC;
        record.width_sec = i % 5 == 0 ? 86400 : 0;
        record.count = record.high = i % 2 == 0 ? UINT32_MAX : 0;
        record.low = i % 7 == 0 ? 0 : record.count;
        record.high_msec = i % 11 == 0 ? UINT32_MAX : 0;
        record.max = i % 4 == 0 ? 0 : UINT32_MAX - i;
        record.buckets = UINT32_MAX;
        record.losses = (struct ctw_losses){UINT64_MAX / 4, UINT64_MAX / 4, UINT64_MAX / 4,
                                            UINT64_MAX / 4, UINT64_MAX / 4, UINT64_MAX / 4};
        ctw_replay_add(&g->replay, &record);
        record.at_usec += record.width_sec * SEC;
    }
    assert_int_equal(g->replay.summary.records, 200);
}

static void replay_first_slot_is_interpolated(void **state) {
    const struct ctw_record record = {.at_usec = START,
                                      .width_sec = 1,
                                      .first = 100,
                                      .low = 100,
                                      .high = 1000,
                                      .high_msec = 900,
                                      .count = 1000,
                                      .last_msec = 999,
                                      .max = 1000};
    struct stage *g = *state;

    start(g);
    ctw_replay_add(&g->replay, &record);
    const struct sent *s = expect(g, CTW_ALERT_USAGE, CTW_EDGE_BEGIN, CTW_LEVEL_WARNING);
    assert_in_range(s->at_usec, START + 650 * MSEC, START + 660 * MSEC);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        ON_STAGE(replay_calm_sends_no_alert),
        ON_STAGE(replay_threshold_between_samples_alerts_at_its_crossing),
        ON_STAGE(replay_losses_begin_and_end),
        ON_STAGE(replay_losses_known_later_alert),
        ON_STAGE(replay_losses_of_first_sample_are_ignored),
        ON_STAGE(replay_hole_is_not_interpolated),
        ON_STAGE(replay_longer_spacing_becomes_usual),
        ON_STAGE(replay_growth_prevents_losses),
        ON_STAGE(replay_growth_at_ceiling_prevents_nothing),
        ON_STAGE(replay_dry_run_prevents_nothing),
        ON_STAGE(replay_recorded_rise_below_growth_is_no_limit_change),
        ON_STAGE(replay_recorded_growth_is_left_out),
        ON_STAGE(replay_recorded_growth_is_grown_anew),
        ON_STAGE(replay_hole_or_buckets_keep_growth_left_out),
        ON_STAGE(replay_lowered_max_is_limit_change),
        ON_STAGE(replay_without_changes_column_writer_is_unknown),
        ON_STAGE(replay_steady_losses_of_any_spacing_are_one_episode),
        ON_STAGE(replay_recorded_reason_of_drop_is_kept),
        ON_STAGE(replay_unhurried_slots_keep_jump),
        ON_STAGE(replay_unhurried_slots_poll_sooner_near_threshold),
        ON_STAGE(replay_extreme_values_do_not_overflow),
        ON_STAGE(replay_first_slot_is_interpolated),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
