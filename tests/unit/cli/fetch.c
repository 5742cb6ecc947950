/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What the reading verbs look at: with a daemon that looks, and without one. */

#include "tests/support/state_directory.h"

#include <limits.h>
#include <time.h>

#include "daemon/cli/fetch.h"

#define COUNT   "/proc/sys/net/netfilter/nf_conntrack_count"
#define MAX     "/proc/sys/net/netfilter/nf_conntrack_max"
#define BUCKETS "/proc/sys/net/netfilter/nf_conntrack_buckets"
#define STAT    "/proc/net/stat/nf_conntrack"
#define MEMINFO "/proc/meminfo"

static uint64_t clock_usec(clockid_t clock) {
    struct timespec ts;

    assert_int_equal(clock_gettime(clock, &ts), 0);
    return (uint64_t)ts.tv_sec * CTW_USEC_PER_SEC + (uint64_t)ts.tv_nsec / 1000;
}

/* The captured machine is where the state is, so that all of it goes at the end. */
static void put_file(const struct place *p, const char *name, const char *text) {
    char path[PATH_MAX];

    snprintf(path, sizeof(path), "%s%s", p->above, name);
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        assert_true(mkdir(path, 0755) == 0 || errno == EEXIST);
        *slash = '/';
    }
    put_bytes(path, text, strlen(text));
}

static void put_machine(const struct place *p, const char *count, const char *max) {
    put_file(p, COUNT, count);
    put_file(p, MAX, max);
    put_file(p, BUCKETS, "512\n");
    put_file(p, STAT, "drop early_drop\n00000011 00000002\n");
    put_file(p, MEMINFO, "MemTotal:        2097152 kB\nMemFree: 5 kB\nMemAvailable: 1024 kB\n");
}

static void fetched(struct place *p, const char *directory, struct ctw_view *ret) {
    struct ctw_settings settings;

    ctw_settings_defaults(&settings);
    settings.levels.warning_permyriad = 6000;
    memset(ret, 0x5a, sizeof(*ret));
    const uint64_t before = clock_usec(CLOCK_MONOTONIC);
    assert_int_equal(ctw_fetch_from(p->above, directory, false, &settings, ret), 0);
    assert_true(ret->now_usec >= before && ret->now_usec <= clock_usec(CLOCK_MONOTONIC));
    assert_int_equal(ctw_snapshot_check(&ret->snapshot), 0);
}

/* A daemon that looked so long ago, and will again so long after now. Return: when. */
static uint64_t publish_polled(struct place *p, int64_t ago_sec, int64_t due_sec) {

    if (!p->writer)
        assert_int_equal(
            ctw_state_writer_new(p->directory, "", 0, clock_usec(CLOCK_MONOTONIC), &p->writer), 0);
    struct ctw_snapshot *now = ctw_state_writer_snapshot(p->writer);
    sample_calm(now);
    now->polled_usec = clock_usec(CLOCK_MONOTONIC) - (uint64_t)ago_sec * CTW_USEC_PER_SEC;
    const uint64_t due_usec =
        now->polled_usec + (uint64_t)((ago_sec + due_sec) * (int64_t)CTW_USEC_PER_SEC);
    now->due_usec = due_usec;
    now->booted_usec = ctw_booted_usec();
    ctw_state_writer_publish(p->writer);
    return due_usec;
}

static uint64_t publish(struct place *p, int64_t due_sec) {
    return publish_polled(p, 10, due_sec);
}

static void expect_own_sample(const struct ctw_view *g, uint32_t count) {
    const struct ctw_snapshot *s = &g->snapshot;

    assert_int_equal(s->pid, 0);
    assert_int_equal(s->polled_usec, g->now_usec);
    assert_int_equal(s->polled_realtime_usec, g->realtime_usec);
    assert_true(s->has_table);
    assert_int_equal(s->sources[CTW_SOURCE_TABLE].health, CTW_HEALTH_OK);
    assert_int_equal(s->table.count, count);
    assert_false(s->has_rate);
    assert_int_equal(s->n_recent_alerts, 0);
}

static void fetch_daemon_alive_is_its_snapshot(void **state) {
    struct place *p = *state;
    struct ctw_view g;

    put_machine(p, "1\n", "1000\n");
    do { /* once more where the machine stood still meanwhile */
        publish_polled(p, 0, 60);
        fetched(p, p->directory, &g);
    } while (g.daemon_polled_usec != 0);
    assert_int_equal(g.state_error, 0);
    assert_int_equal(g.liveness, CTW_LIVENESS_ALIVE);
    assert_int_equal(g.snapshot.pid, 812);
    assert_int_equal(g.snapshot.table.count, 31337);
    assert_true(g.snapshot.has_rate);
}

static void fetch_poll_old_renews_the_table(void **state) {
    struct place *p = *state;
    struct ctw_view g;

    put_machine(p, "1000\n", "1000\n");
    const uint64_t polled_usec = publish_polled(p, 10, 60) - 70 * CTW_USEC_PER_SEC;
    ctw_state_writer_snapshot(p->writer)->lost.drops = 123;
    ctw_state_writer_publish(p->writer);
    fetched(p, p->directory, &g);
    assert_int_equal(g.liveness, CTW_LIVENESS_ALIVE);
    assert_int_equal(g.daemon_polled_usec, polled_usec);
    assert_int_equal(g.snapshot.polled_usec, g.now_usec);
    assert_int_equal(g.snapshot.polled_realtime_usec, g.realtime_usec);
    assert_int_equal(g.snapshot.table.count, 1000);
    assert_int_equal(g.snapshot.level, CTW_LEVEL_FULL);
    assert_false(g.snapshot.has_rate);
    assert_int_equal(g.snapshot.pid, 812);
    assert_int_equal(g.snapshot.lost.drops, 123);

    put_machine(p, "700\n", "1000\n");
    fetched(p, p->directory, &g);
    assert_int_equal(g.snapshot.level, CTW_LEVEL_OK); /* by its thresholds, not by the reader's */
}

/* Of this machine: what its table is does not matter. */
static void here(const struct place *p, bool named, struct ctw_view *ret) {
    struct ctw_settings settings;

    ctw_settings_defaults(&settings);
    assert_int_equal(ctw_fetch_from("", p->directory, named, &settings, ret), 0);
}

static void expect_other_netns(const struct ctw_view *g, enum ctw_liveness liveness) {
    assert_int_equal(g->state_error, -EXDEV);
    assert_int_equal(g->liveness, liveness);
    assert_int_equal(g->snapshot.pid, 0);
}

static void publish_of(struct place *p, int64_t due_sec, uint64_t netns_inode) {
    publish(p, due_sec);
    ctw_state_writer_snapshot(p->writer)->netns_inode = netns_inode;
    ctw_state_writer_publish(p->writer);
}

static void fetch_other_namespace_is_exdev(void **state) {
    struct place *p = *state;
    struct stat own;
    struct ctw_view g;

    assert_int_equal(stat("/proc/self/ns/net", &own), 0);
    for (int64_t due_sec = -60; due_sec <= 60; due_sec += 120) {
        publish_of(p, due_sec, own.st_ino);
        here(p, false, &g);
        assert_int_equal(g.state_error, 0);
        publish_of(p, due_sec, own.st_ino + 1);
        here(p, false, &g);
        expect_other_netns(&g, due_sec < 0 ? CTW_LIVENESS_LATE : CTW_LIVENESS_NONE);
    }
    /* Named, one that looks is meant; the table here is not its. */
    here(p, true, &g);
    assert_int_equal(g.state_error, 0);
    assert_int_equal(g.liveness, CTW_LIVENESS_ALIVE);
    assert_int_equal(g.snapshot.table.count, 31337);
    assert_int_equal(g.daemon_polled_usec, 0);
}

static void fetch_other_namespace_stopped_keeps_liveness(void **state) {
    struct place *p = *state;
    struct stat own;
    struct ctw_view g;

    assert_int_equal(stat("/proc/self/ns/net", &own), 0);
    publish_of(p, -60, own.st_ino + 1);
    here(p, true, &g);
    expect_other_netns(&g, CTW_LIVENESS_LATE);
    ctw_state_writer_snapshot(p->writer)->stopped_usec = 1;
    ctw_state_writer_publish(p->writer);
    for (int named = 0; named <= 1; named++) {
        here(p, named, &g);
        expect_other_netns(&g, CTW_LIVENESS_STOPPED);
    }
}

static void fetch_without_a_daemon_is_a_sample(void **state) {
    struct place *p = *state;
    struct ctw_view g;

    put_machine(p, "700\n", "1000\n");
    fetched(p, p->directory, &g);
    assert_int_equal(g.state_error, -ENOENT);
    assert_int_equal(g.liveness, CTW_LIVENESS_NONE);
    expect_own_sample(&g, 700);
    assert_int_equal(g.snapshot.table.max, 1000);
    assert_true(g.snapshot.table.has_buckets);
    assert_int_equal(g.snapshot.table.buckets, 512);
    assert_true(g.snapshot.table.has_counters);
    assert_int_equal(g.snapshot.table.counters.drop, 0x11);
    assert_int_equal(g.snapshot.memory_bytes, UINT64_C(2) << 30);
    assert_int_equal(g.snapshot.level, CTW_LEVEL_WARNING);
    assert_int_equal(g.snapshot.warning_permyriad, 6000);
    assert_int_equal(g.snapshot.critical_permyriad, 9000);
    assert_int_equal(g.snapshot.clear_permyriad, 500);
}

static void fetch_sample_level_is_that_of_the_fill(void **state) {
    static const struct {
        const char *count, *max;
        enum ctw_level level;
    } rows[] = {
        {"0\n", "1000\n", CTW_LEVEL_OK},        {"599\n", "1000\n", CTW_LEVEL_OK},
        {"600\n", "1000\n", CTW_LEVEL_WARNING}, {"900\n", "1000\n", CTW_LEVEL_CRITICAL},
        {"1000\n", "1000\n", CTW_LEVEL_FULL},   {"1003\n", "1000\n", CTW_LEVEL_FULL},
        {"1000000\n", "0\n", CTW_LEVEL_OK},
    };
    struct place *p = *state;
    struct ctw_view g;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        put_machine(p, rows[i].count, rows[i].max);
        fetched(p, NULL, &g);
        assert_int_equal(g.snapshot.level, rows[i].level);
    }
}

static void fetch_without_directory_is_a_sample(void **state) {
    struct place *p = *state;
    struct ctw_view g;

    put_machine(p, "700\n", "1000\n");
    publish(p, 1);
    fetched(p, NULL, &g);
    assert_int_equal(g.state_error, 0);
    assert_int_equal(g.liveness, CTW_LIVENESS_NONE);
    expect_own_sample(&g, 700);
}

static void fetch_daemon_late_or_stopped_is_a_sample(void **state) {
    struct place *p = *state;
    struct ctw_view g;
    uint64_t due_usec;

    put_machine(p, "700\n", "1000\n");
    do { /* once more where the machine stood still meanwhile */
        due_usec = publish(p, -2);
        fetched(p, p->directory, &g);
    } while (g.now_usec > due_usec + CTW_LATE_USEC);
    assert_int_equal(g.liveness, CTW_LIVENESS_ALIVE);
    publish(p, -4);
    fetched(p, p->directory, &g);
    assert_int_equal(g.state_error, 0);
    assert_int_equal(g.liveness, CTW_LIVENESS_LATE);
    expect_own_sample(&g, 700);

    publish(p, 1);
    struct ctw_snapshot *now = ctw_state_writer_snapshot(p->writer);
    now->stopped_usec = now->polled_usec;
    ctw_state_writer_publish(p->writer);
    fetched(p, p->directory, &g);
    assert_int_equal(g.liveness, CTW_LIVENESS_STOPPED);
    expect_own_sample(&g, 700);
}

static void fetch_before_the_first_poll_is_a_sample(void **state) {
    struct place *p = *state;
    struct ctw_view g;

    put_machine(p, "700\n", "1000\n");
    assert_int_equal(ctw_state_writer_new(p->directory, "", 0, 1, &p->writer), 0);
    ctw_state_writer_snapshot(p->writer)->pid = 0;
    ctw_state_writer_publish(p->writer);
    fetched(p, p->directory, &g);
    assert_int_equal(g.state_error, 0);
    assert_int_equal(g.liveness, CTW_LIVENESS_NONE);
    expect_own_sample(&g, 700);
}

static void fetch_state_damaged_is_a_sample(void **state) {
    struct place *p = *state;
    struct ctw_view g;

    put_machine(p, "700\n", "1000\n");
    make_image(p);
    memset(p->image.published.now.recent_alerts, 0xff,
           sizeof(p->image.published.now.recent_alerts));
    leave_image(p);
    fetched(p, p->directory, &g);
    assert_int_equal(g.state_error, -EBADMSG);
    assert_int_equal(g.liveness, CTW_LIVENESS_NONE);
    expect_own_sample(&g, 700);

    p->image.head.version++;
    leave_image(p);
    fetched(p, p->directory, &g);
    assert_int_equal(g.state_error, -ESTALE);
    expect_own_sample(&g, 700);
}

static void fetch_table_absent_is_in_the_sources(void **state) {
    struct place *p = *state;
    const struct ctw_source_health *table;
    struct ctw_view g;

    fetched(p, NULL, &g);
    table = &g.snapshot.sources[CTW_SOURCE_TABLE];
    assert_false(g.snapshot.has_table);
    assert_int_equal(table->health, CTW_HEALTH_ABSENT);
    assert_string_equal(table->what, COUNT);
    assert_int_equal(g.snapshot.sources[CTW_SOURCE_COUNTERS].health, CTW_HEALTH_UNUSED);
    assert_int_equal(g.snapshot.memory_bytes, 0);

    put_machine(p, "nonsense\n", "1000\n");
    fetched(p, NULL, &g);
    assert_false(g.snapshot.has_table);
    assert_int_equal(table->health, CTW_HEALTH_FAILED);
    assert_int_equal(table->error, -EBADMSG);
    assert_string_equal(table->what, COUNT);
    assert_int_equal(g.snapshot.level, CTW_LEVEL_OK);
}

static void fetch_root_too_long_is_enametoolong(void **state) {
    struct ctw_settings settings;
    struct ctw_view g;
    char deep[PATH_MAX + 1];
    (void)state;

    memset(deep, 'x', sizeof(deep) - 1);
    deep[sizeof(deep) - 1] = '\0';
    ctw_settings_defaults(&settings);
    assert_int_equal(ctw_fetch_from(deep, NULL, false, &settings, &g), -ENAMETOOLONG);
}

static void fetch_root_missing_is_enoent(void **state) {
    struct place *p = *state;
    struct ctw_settings settings;
    struct ctw_view g;
    char below[PATH_MAX];

    put_machine(p, "700\n", "1000\n");
    publish(p, 1);
    ctw_settings_defaults(&settings);
    (void)snprintf(below, sizeof(below), "%s/nonexistent", p->directory);
    assert_int_equal(ctw_fetch_from(below, NULL, false, &settings, &g), -ENOENT);
    assert_int_equal(ctw_fetch_from(below, p->directory, false, &settings, &g), -ENOENT);
    (void)snprintf(below, sizeof(below), "%s/state", p->directory);
    assert_int_equal(ctw_fetch_from(below, NULL, false, &settings, &g), -ENOTDIR);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(fetch_daemon_alive_is_its_snapshot),
        TEST(fetch_poll_old_renews_the_table),
        TEST(fetch_other_namespace_is_exdev),
        TEST(fetch_other_namespace_stopped_keeps_liveness),
        TEST(fetch_without_a_daemon_is_a_sample),
        TEST(fetch_sample_level_is_that_of_the_fill),
        TEST(fetch_without_directory_is_a_sample),
        TEST(fetch_daemon_late_or_stopped_is_a_sample),
        TEST(fetch_before_the_first_poll_is_a_sample),
        TEST(fetch_state_damaged_is_a_sample),
        TEST(fetch_table_absent_is_in_the_sources),
        TEST(fetch_root_too_long_is_enametoolong),
        TEST(fetch_root_missing_is_enoent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
