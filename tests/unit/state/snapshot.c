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

/* A daemon without effects: polls go through the step into a snapshot. */
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

static void poll_late(struct mill *m, uint64_t now_usec, uint32_t count, uint64_t late_usec) {
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
    poll_late(m, now_usec, count, 100);
}

static void snapshot_poll_shows_table_and_trend(void **state) {
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

static void snapshot_level_change_is_dated(void **state) {
    struct mill *m = *state;

    poll(m, 10 * SECOND, 100);
    assert_int_equal(m->snapshot.level_since_usec, 0);
    poll(m, 11 * SECOND, 800);
    poll(m, 12 * SECOND, 810);
    assert_int_equal(m->snapshot.level, CTW_LEVEL_WARNING);
    assert_int_equal(m->snapshot.level_since_usec, 11 * SECOND);
}

static void snapshot_losses_are_those_of_the_kernel(void **state) {
    struct mill *m = *state;

    m->tick.sample.counters.drop = 7; /* of before the daemon started */
    poll(m, 10 * SECOND, 1000);
    m->tick.sample.counters.drop = 10;
    m->tick.sample.counters.early_drop = 4;
    poll(m, 11 * SECOND, 1000);
    m->tick.sample.counters.drop = 11;
    poll(m, 12 * SECOND, 1000);
    assert_int_equal(m->snapshot.lost.drops, 11);
    assert_int_equal(m->snapshot.lost.early_drops, 4);
}

static void snapshot_peak_is_the_highest_count_and_rate(void **state) {
    struct mill *m = *state;

    poll(m, 10 * SECOND, 100);
    poll(m, 11 * SECOND, 400);
    poll(m, 12 * SECOND, 500);
    poll(m, 13 * SECOND, 500);
    poll(m, 14 * SECOND, 50);
    assert_int_equal(m->snapshot.peak_count, 500);
    assert_int_equal(m->snapshot.peak_usec, 12 * SECOND);
    assert_int_equal(m->snapshot.fastest_rate, 300);
    assert_int_equal(m->snapshot.fastest_usec, 11 * SECOND);
}

static void snapshot_table_absent_has_no_numbers(void **state) {
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

/* Of several files the same error can come from one after the other. */
static void snapshot_source_error_names_the_file_of_the_last_poll(void **state) {
    struct mill *m = *state;

    m->tick.sources[CTW_SOURCE_TABLE] = ctw_source_health_of(CTW_HEALTH_FAILED, -EACCES, "/proc/x");
    poll(m, 10 * SECOND, 0);
    m->tick.sources[CTW_SOURCE_TABLE] = ctw_source_health_of(CTW_HEALTH_FAILED, -EACCES, "/proc/y");
    poll(m, 11 * SECOND, 0);
    assert_string_equal(m->snapshot.sources[CTW_SOURCE_TABLE].what, "/proc/y");
}

static void snapshot_poll_is_late_after_half_the_reserve(void **state) {
    struct mill *m = *state;
    const uint64_t half_usec = m->settings.growth.reserve_usec / 2;

    assert_int_equal(half_usec, SECOND / 8);
    for (uint64_t late_usec = half_usec - 1; late_usec <= half_usec + 1; late_usec++) {
        const struct ctw_poll_times times = {.due_usec = m->tick.now_usec += SECOND};
        m->tick.now_usec += late_usec;
        ctw_watch_step(&m->watch, &m->settings, &m->tick, &m->verdict);
        ctw_snapshot_poll(&m->snapshot, &m->settings, &m->watch, &m->tick, &m->verdict, &times);
        assert_int_equal(m->snapshot.late_polls, late_usec > half_usec);
    }
    assert_int_equal(m->snapshot.polls, 3);
}

static void snapshot_latency_adds_up_to_the_polls(void **state) {
    struct mill *m = *state;
    uint64_t sum = 0;

    poll_late(m, 10 * SECOND, 1, 100);
    poll_late(m, 11 * SECOND, 1, 101);
    poll_late(m, 12 * SECOND, 1, 1000000);
    poll_late(m, 13 * SECOND, 1, 1000001);
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

static void snapshot_alerts_keep_the_newest_and_count_all(void **state) {
    struct mill *m = *state;
    struct ctw_snapshot *p = &m->snapshot;
    struct ctw_alert a = {.kind = CTW_ALERT_CONFIG, .edge = CTW_EDGE_BEGIN, .config_refused = true};

    for (int i = 0; i < 20; i++) {
        (void)snprintf(a.reason, sizeof(a.reason), "reason %d", i);
        ctw_snapshot_alert(p, &a, 1, (uint64_t)i + 1);
    }
    memset(a.reason, 'x', sizeof(a.reason) - 1);
    ctw_snapshot_alert(p, &a, 1, 50);
    assert_int_equal(strlen(ctw_snapshot_recent(p, 0)->message), CTW_RECENT_ALERT_BYTES - 1);
    a = (struct ctw_alert){
        .kind = CTW_ALERT_GREW, .max_changed = true, .old_max = 5, .new_max = 10};
    ctw_snapshot_alert(p, &a, 77, 99);
    assert_int_equal(ctw_snapshot_check(p), 0);
    assert_int_equal(p->alerts[CTW_ALERT_CONFIG], 21);
    assert_int_equal(p->n_recent_alerts, 22);
    assert_non_null(strstr(ctw_snapshot_recent(p, 2)->message, "reason 19"));
    assert_int_equal(ctw_snapshot_recent(p, 0)->realtime_usec, 99);
    assert_int_equal(p->growths, 1);
    assert_int_equal(p->grown_usec, 77);
    assert_int_equal(p->grown_to, 10);
}

static bool has_bytes(const struct ctw_snapshot *p, const char *text) {
    return memmem(p, sizeof(*p), text, strlen(text)) != NULL;
}

/* No byte of an address is left, while namespaces keep their names. */
static void snapshot_redacted_has_no_address(void **state) {
    struct mill *m = *state;
    struct ctw_snapshot *p = &m->snapshot;
    struct ctw_talkers talkers = {.known = true, .n_sources = 1};
    struct ctw_alert a = {.kind = CTW_ALERT_USAGE,
                          .edge = CTW_EDGE_BEGIN,
                          .level = CTW_LEVEL_WARNING,
                          .has_table = true,
                          .table = {.count = 795, .max = 1000},
                          .talkers = &talkers};
    struct ctw_alert other = {.kind = CTW_ALERT_TABLE_FULL,
                              .edge = CTW_EDGE_BEGIN,
                              .other_netns = true,
                              .netns_inode = 4026532246,
                              .netns = "blue"};
    struct ctw_cause_facts facts;
    struct ctw_diagnosis d;

    sample_full(p);
    sample_share(&talkers.sources[0], "198.51.100.23", 6120);
    (void)snprintf(talkers.sources[0].owner, sizeof(talkers.sources[0].owner), "docker 3f2a9c1b");
    p->talkers.sources[0] = talkers.sources[0];
    (void)snprintf(p->talkers.sources[0].name, CTW_TALKER_NAME_MAX, "192.0.2.77");
    talkers.entries = 5000;
    ctw_snapshot_alert(p, &a, 1, 1);
    ctw_snapshot_alert(p, &other, 1, 1);
    assert_true(has_bytes(p, "198.51.100.23") && has_bytes(p, "192.0.2.77") &&
                has_bytes(p, "198.51.100.200"));
    assert_true(ctw_snapshot_facts(p, &facts));
    ctw_diagnose(&facts, &d);
    assert_int_equal(d.cause, CTW_CAUSE_ONE_SOURCE);
    assert_string_equal(d.culprit, "192.0.2.77");
    ctw_snapshot_redact(p);
    assert_true(ctw_snapshot_facts(p, &facts));
    ctw_diagnose(&facts, &d); /* the same, without a name */
    assert_int_equal(d.cause, CTW_CAUSE_ONE_SOURCE);
    assert_string_equal(d.culprit, "");
    assert_int_equal(ctw_snapshot_recent(p, 1)->cause, CTW_CAUSE_ONE_SOURCE);
    assert_int_equal(ctw_snapshot_recent(p, 0)->cause, CTW_CAUSE_OTHER_NETNS);
    assert_false(has_bytes(p, "3f2a9c1b") || has_bytes(p, "198.51.100.23") ||
                 has_bytes(p, "192.0.2.77") || has_bytes(p, "2001:db8:1:2") ||
                 has_bytes(p, "198.51.100.200") || has_bytes(p, "2001:db8:9:8"));
    assert_non_null(strstr(ctw_snapshot_recent(p, 0)->message, "blue"));
    assert_non_null(strstr(ctw_snapshot_recent(p, 1)->message, "795 of 1000"));
    assert_int_equal(ctw_snapshot_check(p), 0);
    assert_true(p->talkers.known);
    assert_int_equal(p->talkers.n_sources + p->talkers.n_ports + p->talkers.n_states, 0);
    assert_true(p->new_sources.known);
    assert_int_equal(p->new_sources.n, 0);
}

/* While subscribed, four times a second; then they go. */
static void snapshot_new_sources_are_noted_while_subscribed(void **state) {
    struct mill *m = *state;
    struct ctw_snapshot *p = &m->snapshot;
    struct ctw_new_sources sources = {.known = true, .n = 1, .per_second = 7};

    poll(m, 11000 * CTW_USEC_PER_MSEC, 100);
    assert_int_equal(p->new_sources_usec, 0);
    m->tick.new_sources = &sources;
    poll(m, 12000 * CTW_USEC_PER_MSEC, 100);
    const uint64_t noted_usec = p->new_sources_usec;
    assert_int_equal(noted_usec, m->tick.now_usec);
    assert_int_equal(p->new_sources.per_second, 7);
    sources.per_second = 8;
    poll(m, 12249 * CTW_USEC_PER_MSEC, 100);
    assert_int_equal(p->new_sources_usec, noted_usec);
    assert_int_equal(p->new_sources.per_second, 7);
    poll(m, 12250 * CTW_USEC_PER_MSEC, 100);
    assert_int_equal(p->new_sources.per_second, 8);
    m->tick.new_sources = NULL;
    poll(m, 12251 * CTW_USEC_PER_MSEC, 100);
    assert_int_equal(p->new_sources_usec, 0);
    assert_false(p->new_sources.known);
}

static void liveness_overdue_is_late(void **state) {
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

static void is_old_between_late_and_due(void **state) {
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

static void renew_replaces_table_and_keeps_losses(void **state) {
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

    /* A single sample does not end the level that the daemon holds, and is of one namespace. */
    own_sample(&own, 1, CTW_LEVEL_OK);
    p.table.other_entries = 4711;
    ctw_snapshot_renew(&p, &own);
    assert_int_equal(p.table.count, 1);
    assert_int_equal(p.table.other_entries, 4711);
    assert_int_equal(p.level, CTW_LEVEL_FULL);

    own.has_table = false;
    own.table.count = 0;
    own.sources[CTW_SOURCE_TABLE] = (struct ctw_source_health){CTW_HEALTH_FAILED, -EACCES, "x"};
    ctw_snapshot_renew(&p, &own);
    assert_false(p.has_table);
    assert_int_equal(p.table.count, 1); /* as last seen */
    assert_int_equal(p.sources[CTW_SOURCE_TABLE].error, -EACCES);
}

static void inherit_keeps_losses_and_peak_of_the_same_table(void **state) {
    struct ctw_snapshot p, before;
    (void)state;

    sample_calm(&p);
    sample_full(&before);
    ctw_snapshot_inherit(&p, &before);
    assert_int_equal(p.refused_usec, before.refused_usec);
    assert_int_equal(p.evicted_usec, before.evicted_usec);
    assert_int_equal(p.lost.drops, before.lost.drops);

    sample_calm(&p);
    p.netns_inode = before.netns_inode + 1;
    ctw_snapshot_inherit(&p, &before);
    assert_int_equal(p.refused_usec, before.refused_usec);
    assert_int_equal(p.lost.drops, 0);
    assert_int_equal(p.peak_count, 0);
}

static void liveness_impossible_times_are_late(void **state) {
    struct ctw_snapshot p;
    (void)state;

    sample_calm(&p);
    assert_int_equal(ctw_snapshot_liveness(&p, p.polled_usec - CTW_LATE_USEC),
                     CTW_LIVENESS_ALIVE); /* it polled after the reader read the clock */
    assert_int_equal(ctw_snapshot_liveness(&p, p.polled_usec - CTW_LATE_USEC - 1),
                     CTW_LIVENESS_LATE);
    p.due_usec = p.polled_usec + CTW_INTERVAL_MAX_USEC;
    assert_int_equal(ctw_snapshot_liveness(&p, SAMPLE_NOW_USEC), CTW_LIVENESS_ALIVE);
    p.due_usec++;
    assert_int_equal(ctw_snapshot_liveness(&p, SAMPLE_NOW_USEC), CTW_LIVENESS_LATE);
    p.due_usec = p.polled_usec - 1;
    assert_int_equal(ctw_snapshot_liveness(&p, SAMPLE_NOW_USEC), CTW_LIVENESS_LATE);
}

static void wall_usec_follows_the_last_poll(void **state) {
    struct ctw_snapshot p;
    (void)state;

    sample_calm(&p);
    assert_int_equal(ctw_snapshot_wall_usec(&p, p.polled_usec), SAMPLE_WALL_USEC);
    assert_int_equal(ctw_snapshot_wall_usec(&p, p.polled_usec - SECOND), SAMPLE_WALL_USEC - SECOND);
    p.polled_realtime_usec = SECOND; /* a clock that has not been set yet */
    assert_int_equal(ctw_snapshot_wall_usec(&p, p.polled_usec + SECOND), 2 * SECOND);
}

static void check_samples_pass(void **state) {
    void (*const samples[])(struct ctw_snapshot *) = {sample_calm, sample_full, sample_absent,
                                                      sample_unlimited, sample_own_poll};
    struct ctw_snapshot p;
    (void)state;

    for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
        samples[i](&p);
        assert_int_equal(ctw_snapshot_check(&p), 0);
    }
}

static void check_damage_is_ebadmsg(void **state) {
    static const size_t bools[] = {offsetof(struct ctw_snapshot, has_table),
                                   offsetof(struct ctw_snapshot, host.release.nft_counts),
                                   offsetof(struct ctw_snapshot, fills),
                                   offsetof(struct ctw_snapshot, talkers.sampled),
                                   offsetof(struct ctw_snapshot, rates.known),
                                   offsetof(struct ctw_snapshot, growth_dry_run),
                                   offsetof(struct ctw_snapshot, new_sources.known)};
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
    p.talkers.sources[0].permyriad = CTW_PERMYRIAD + 1;
    assert_int_equal(ctw_snapshot_check(&p), -EBADMSG);
    sample_full(&p);
    memset(p.recent_alerts[3].anonymous, 'x', sizeof(p.recent_alerts[3].anonymous));
    assert_int_equal(ctw_snapshot_check(&p), -EBADMSG);
    sample_full(&p);
    memset(p.recent_alerts[3].remedy, 'x', sizeof(p.recent_alerts[3].remedy));
    assert_int_equal(ctw_snapshot_check(&p), -EBADMSG);
    sample_full(&p);
    memset(p.talkers.sources[1].name, 'x', sizeof(p.talkers.sources[1].name));
    assert_int_equal(ctw_snapshot_check(&p), -EBADMSG);
    sample_full(&p);
    p.talkers.sources[1].owner[0] = '\033';
    assert_int_equal(ctw_snapshot_check(&p), -EBADMSG);
    sample_full(&p);
    p.new_sources.n = CTW_TALKERS_TOP_MAX + 1;
    assert_int_equal(ctw_snapshot_check(&p), -EBADMSG);
    sample_full(&p);
    p.new_sources.top[1].name[0] = '\033';
    assert_int_equal(ctw_snapshot_check(&p), -EBADMSG);
    sample_full(&p);
    p.recent_alerts[15].kind = CTW_ALERT_KINDS;
    assert_int_equal(ctw_snapshot_check(&p), -EBADMSG);
    sample_full(&p);
    p.sources[CTW_SOURCE_STATE].error = 1;
    assert_int_equal(ctw_snapshot_check(&p), -EBADMSG);
}

static void fault_by_error_names_the_reason(void **state) {
    static const struct {
        int error;
        const char *words;
    } rows[] = {
        {-EACCES, "for root and the group ctwatch"},
        {-EPERM, "for root and the group ctwatch"},
        {-ENOENT, "no ctwatchd publishes there"},
        {-ESTALE, "of another version of ctwatchd"},
        {-ENOEXEC, "of a ctwatchd for another kind of processor"},
        {-EBADMSG, "damaged"},
        {-EAGAIN, "ctwatchd stopped in the middle of writing it"},
        {-EXDEV, "of another network namespace"},
        {-ENOTDIR, "Not a directory"},
    };
    (void)state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_string_equal(ctw_state_fault(rows[i].error), rows[i].words);
}

int main(void) {
#define WITH_MILL(f) cmocka_unit_test_setup_teardown(f, start, stop)
    const struct CMUnitTest tests[] = {
        WITH_MILL(snapshot_poll_shows_table_and_trend),
        WITH_MILL(snapshot_level_change_is_dated),
        WITH_MILL(snapshot_losses_are_those_of_the_kernel),
        WITH_MILL(snapshot_peak_is_the_highest_count_and_rate),
        WITH_MILL(snapshot_table_absent_has_no_numbers),
        WITH_MILL(snapshot_source_error_names_the_file_of_the_last_poll),
        WITH_MILL(snapshot_poll_is_late_after_half_the_reserve),
        WITH_MILL(snapshot_latency_adds_up_to_the_polls),
        WITH_MILL(snapshot_alerts_keep_the_newest_and_count_all),
        WITH_MILL(snapshot_redacted_has_no_address),
        WITH_MILL(snapshot_new_sources_are_noted_while_subscribed),
        cmocka_unit_test(fault_by_error_names_the_reason),
        cmocka_unit_test(liveness_overdue_is_late),
        cmocka_unit_test(is_old_between_late_and_due),
        cmocka_unit_test(renew_replaces_table_and_keeps_losses),
        cmocka_unit_test(inherit_keeps_losses_and_peak_of_the_same_table),
        cmocka_unit_test(liveness_impossible_times_are_late),
        cmocka_unit_test(wall_usec_follows_the_last_poll),
        cmocka_unit_test(check_samples_pass),
        cmocka_unit_test(check_damage_is_ebadmsg),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
