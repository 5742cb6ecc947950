/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The clocks, and what a step of the wall clock changes for a daemon and its readers: nothing is
 * measured with it. The kernel's clocks are replaced here, since a step would be of the machine. */

#include "tests/support/state_directory.h"

#include <time.h>

#define SECOND CTW_USEC_PER_SEC
#define HOUR   (3600 * SECOND)

static struct { uint64_t monotonic_usec, boottime_usec, realtime_usec; } kernel;

int clock_gettime(clockid_t clock, struct timespec *ret) {
    const uint64_t usec = clock == CLOCK_REALTIME   ? kernel.realtime_usec
                          : clock == CLOCK_BOOTTIME ? kernel.boottime_usec
                                                    : kernel.monotonic_usec;

    ret->tv_sec = (time_t)(usec / SECOND);
    ret->tv_nsec = (long)(usec % SECOND) * 1000;
    return 0;
}

static void pass(uint64_t usec) {
    kernel.monotonic_usec += usec;
    kernel.boottime_usec += usec;
    kernel.realtime_usec += usec;
}

/* A machine that was suspended for an hour. */
static int clocks_up(void **state) {
    kernel.monotonic_usec = SAMPLE_NOW_USEC;
    kernel.boottime_usec = SAMPLE_NOW_USEC + HOUR;
    kernel.realtime_usec = SAMPLE_WALL_USEC;
    return place_up(state);
}

static void clock_stepped_moves_wall_and_boot_only(void **state) {
    static const int64_t steps_sec[] = {1, -1, 3600, -3600, -86400 * 365};

    assert_int_equal(ctw_monotonic_usec(), SAMPLE_NOW_USEC);
    assert_int_equal(ctw_booted_usec(), SAMPLE_WALL_USEC - SAMPLE_NOW_USEC - HOUR);
    for (size_t i = 0; i < sizeof(steps_sec) / sizeof(steps_sec[0]); i++) {
        const uint64_t booted_usec = ctw_booted_usec(), step = (uint64_t)steps_sec[i] * SECOND;
        kernel.realtime_usec += step;
        assert_int_equal(ctw_monotonic_usec(), SAMPLE_NOW_USEC);
        assert_int_equal(ctw_realtime_usec(), kernel.realtime_usec);
        assert_int_equal(ctw_booted_usec(), booted_usec + step);
    }
}

static void clock_after_suspend_is_of_the_same_boot(void **state) {
    const uint64_t booted_usec = ctw_booted_usec();

    kernel.boottime_usec += HOUR;
    kernel.realtime_usec += HOUR;
    assert_int_equal(ctw_booted_usec(), booted_usec);
    assert_int_equal(ctw_monotonic_usec(), SAMPLE_NOW_USEC);
}

/* @drops: lost since the poll before */
static void poll_now(struct place *p, uint64_t drops) {
    const uint64_t now_usec = ctw_monotonic_usec();
    struct ctw_settings settings;
    struct ctw_watch *watch = calloc(1, sizeof(*watch));
    struct ctw_tick *tick = calloc(1, sizeof(*tick));
    struct ctw_verdict *verdict = calloc(1, sizeof(*verdict));

    assert_true(watch && tick && verdict);
    ctw_settings_defaults(&settings);
    tick->now_usec = now_usec;
    tick->sources[CTW_SOURCE_TABLE].health = CTW_HEALTH_OK;
    tick->sample = verdict->sample = (struct ctw_sample){.count = 100, .max = 1000};
    verdict->lost.drops = drops;
    ctw_state_writer_poll(p->writer, &settings, watch, tick, verdict, now_usec, now_usec + SECOND);
    free(watch);
    free(tick);
    free(verdict);
}

static enum ctw_liveness liveness(struct place *p) {
    struct ctw_view *v = malloc(sizeof(*v));

    assert_non_null(v);
    ctw_state_view(p->directory, v);
    const enum ctw_liveness ret = v->liveness;
    p->got = v->snapshot;
    free(v);
    return ret;
}

/* Polls once a second for 20 seconds, with a step in the middle. */
static void poll_over_step(struct place *p, uint64_t step_usec) {
    const struct ctw_alert alert = {.kind = CTW_ALERT_CONFIG, .edge = CTW_EDGE_BEGIN};
    const uint64_t begin_usec = ctw_monotonic_usec();

    assert_int_equal(ctw_state_writer_new(p->directory, "", 0, begin_usec, &p->writer), 0);
    for (int i = 0; i < 20; i++) {
        if (i == 10)
            kernel.realtime_usec += step_usec;
        if (i == 15)
            ctw_state_writer_alert(p->writer, &alert);
        poll_now(p, 5);
        assert_int_equal(liveness(p), CTW_LIVENESS_ALIVE);
        assert_int_equal(ctw_snapshot_wall_usec(&p->got, ctw_monotonic_usec()),
                         kernel.realtime_usec);
        pass(SECOND);
    }
    assert_int_equal(p->got.lost.drops, 100);
    assert_int_equal(p->got.late_polls, 0);
    assert_int_equal(p->got.latency_sum_usec, 0);
    assert_int_equal(ctw_snapshot_recent(&p->got, 0)->realtime_usec,
                     kernel.realtime_usec - 5 * SECOND);

    p->writer = ctw_state_writer_free(p->writer);
    assert_int_equal(read_history(p), 0);
    for (uint64_t at = begin_usec; at < begin_usec + 20 * SECOND; at += 10 * SECOND) {
        const struct ctw_record *slot = ctw_history_slot(&p->history, CTW_RESOLUTION_COARSE, at);
        assert_non_null(slot);
        assert_int_equal(slot->polls, 10);
        assert_int_equal(slot->losses.drops, 50);
    }
}

static void clock_stepped_ahead_loses_no_poll(void **state) {
    poll_over_step(*state, 24 * HOUR);
}

static void clock_stepped_back_loses_no_poll(void **state) {
    poll_over_step(*state, -24 * HOUR);
}

/* A machine without a clock of its own begins in 1970, an hour before its boot as it seems. */
static void clock_set_at_last_loses_no_poll(void **state) {
    kernel.realtime_usec = kernel.boottime_usec - HOUR;
    poll_over_step(*state, SAMPLE_WALL_USEC);
}

static void clock_stepped_hides_state_until_the_next_poll(void **state) {
    struct place *p = *state;

    assert_int_equal(ctw_state_writer_new(p->directory, "", 0, SAMPLE_NOW_USEC, &p->writer), 0);
    poll_now(p, 0);
    kernel.realtime_usec += HOUR;
    assert_int_equal(liveness(p), CTW_LIVENESS_NONE);
    pass(SECOND);
    poll_now(p, 0);
    assert_int_equal(liveness(p), CTW_LIVENESS_ALIVE);
}

#define CLOCK_TEST(f) cmocka_unit_test_setup_teardown(f, clocks_up, place_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        CLOCK_TEST(clock_stepped_moves_wall_and_boot_only),
        CLOCK_TEST(clock_after_suspend_is_of_the_same_boot),
        CLOCK_TEST(clock_stepped_ahead_loses_no_poll),
        CLOCK_TEST(clock_stepped_back_loses_no_poll),
        CLOCK_TEST(clock_set_at_last_loses_no_poll),
        CLOCK_TEST(clock_stepped_hides_state_until_the_next_poll),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
