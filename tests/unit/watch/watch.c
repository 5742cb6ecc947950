/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Properties of the step for any ticks: random ticks from a fixed seed, in which
 * tables fill, break, vanish and come back, counters wrap and restart, and the log floods.
 */

#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/watch/watch.h"

#define STEPS 60000u
#define OURS  4026531840u

/* --- random ticks ---------------------------------------------------------------------------- */

/* xorshift64*: the same everywhere. */
static uint64_t random_next(uint64_t *seed) {
    *seed ^= *seed >> 12;
    *seed ^= *seed << 25;
    *seed ^= *seed >> 27;
    return *seed * UINT64_C(2685821657736338717);
}

static uint32_t random_below(uint64_t *seed, uint32_t n) {
    return (uint32_t)((random_next(seed) >> 33) % n);
}

static bool one_in(uint64_t *seed, uint32_t n) {
    return random_below(seed, n) == 0;
}

/* The world that ticks are taken from. */
struct world {
    uint64_t seed;
    uint64_t now_usec;
    uint32_t count, max, buckets;
    int32_t change; /* of count, per poll */
    struct ctw_counters counters;
    bool dropping;
    enum ctw_health table, counters_health, kernel_log;
};

static void world_change_table(struct world *w) {
    uint64_t *r = &w->seed;

    if (one_in(r, 300))
        w->change = (int32_t)random_below(r, 4001) - 2000;
    if (one_in(r, 1000))
        w->max = one_in(r, 8) ? 0 : 1 + random_below(r, 200000);
    if (one_in(r, 1000))
        w->buckets = 1 + random_below(r, 200000);
    if (one_in(r, 2000))
        w->count = random_below(r, 200000);
    const int64_t count = (int64_t)w->count + w->change;
    w->count = count < 0 ? 0 : (uint32_t)count;
    if (w->max > 0 && w->count > w->max && !one_in(r, 50))
        w->count = w->max;
}

static void world_change_counters(struct world *w) {
    uint64_t *r = &w->seed;

    if (one_in(r, 200))
        w->dropping = !w->dropping;
    if (w->dropping && one_in(r, 2)) {
        w->counters.drop += random_below(r, 100);
        w->counters.early_drop += one_in(r, 3) ? random_below(r, 100) : 0;
        const uint32_t clashes = one_in(r, 3) ? random_below(r, 20) : 0;
        const uint32_t too_long = one_in(r, 3) ? random_below(r, 20) : 0;
        w->counters.drop += clashes;
        w->counters.insert_failed += clashes + too_long;
        w->counters.chainlength += too_long;
    }
    if (one_in(r, 5000))
        w->counters = (struct ctw_counters){0};
}

static enum ctw_health random_health(uint64_t *seed) {
    return one_in(seed, 2)   ? CTW_HEALTH_OK
           : one_in(seed, 2) ? CTW_HEALTH_ABSENT
                             : CTW_HEALTH_FAILED;
}

static void world_change_sources(struct world *w) {
    uint64_t *r = &w->seed;

    if (one_in(r, w->table == CTW_HEALTH_OK ? 2000 : 100))
        w->table = random_health(r);
    if (one_in(r, w->counters_health == CTW_HEALTH_OK ? 2000 : 100))
        w->counters_health = random_health(r);
    if (one_in(r, 1000))
        w->kernel_log = one_in(r, 4) ? CTW_HEALTH_UNUSED : random_health(r);
}

static void fill_log(uint64_t *r, struct ctw_log_counts *ret) {
    if (one_in(r, 3))
        ret->full_lines = random_below(r, 11);
    if (one_in(r, 5))
        ret->expect_lines = random_below(r, 11);
    if (one_in(r, 3))
        ret->n_netns = random_below(r, CTW_LOG_COUNTS_NETNS_MAX + 1);
    for (uint32_t i = 0; i < ret->n_netns; i++) /* ours, and more than there is room for */
        ret->netns[i] = (struct ctw_log_counts_netns){OURS + i * 7 + random_below(r, 7),
                                                      1 + random_below(r, 10)};
    if (ret->n_netns == CTW_LOG_COUNTS_NETNS_MAX && one_in(r, 2))
        ret->other_netns_lines = random_below(r, 100);
}

static const struct ctw_release release = {.insert_failed_in_drop = true};

static void world_tick(struct world *w, const struct ctw_watch *watch, struct ctw_tick *ret) {
    uint64_t *r = &w->seed;

    world_change_table(w);
    world_change_counters(w);
    world_change_sources(w);
    w->now_usec += one_in(r, 5000)  ? random_below(r, 2000000000) /* stopped */
                   : one_in(r, 100) ? 0                           /* woken twice at once */
                                    : random_below(r, 500000);

    memset(ret, 0, sizeof(*ret));
    ret->now_usec = w->now_usec;
    ret->netns_inode = OURS;
    ret->release = &release;
    ret->sources[CTW_SOURCE_TABLE] =
        (struct ctw_source_health){.health = w->table, .error = -EIO, .what = "table"};
    ret->sources[CTW_SOURCE_COUNTERS] =
        (struct ctw_source_health){.health = w->counters_health, .error = -EIO, .what = "counters"};
    ret->sources[CTW_SOURCE_KERNEL_LOG] =
        (struct ctw_source_health){.health = w->kernel_log, .error = -EIO, .what = "log"};
    if (w->kernel_log == CTW_HEALTH_OK && one_in(r, 20))
        fill_log(r, &ret->log);

    if (w->table == CTW_HEALTH_OK) {
        ret->sample.count = w->count;
        ret->sample.max = w->max;
        if (ctw_watch_wants_counters(watch, ret)) {
            ret->sample.has_buckets = true;
            ret->sample.buckets = w->buckets;
            ret->sample.has_counters = w->counters_health == CTW_HEALTH_OK;
            ret->sample.counters = w->counters;
        }
    } else if (w->table == CTW_HEALTH_FAILED) { /* values that must be ignored */
        ret->sample.count = ret->sample.max = 1;
        ret->sample.has_counters = true;
        ret->sample.counters.drop = (uint32_t)random_next(r);
    }
}

static struct world world_new(uint64_t seed) {
    return (struct world){.seed = seed,
                          .now_usec = 3600 * CTW_USEC_PER_SEC,
                          .max = 100000,
                          .buckets = 65536,
                          .counters = {.drop = UINT32_MAX - 500,
                                       .early_drop = UINT32_MAX - 50,
                                       .insert_failed = UINT32_MAX - 5},
                          .table = CTW_HEALTH_OK,
                          .counters_health = CTW_HEALTH_OK,
                          .kernel_log = CTW_HEALTH_OK};
}

static void settings_usual(struct ctw_settings *ret) {
    memset(ret, 0, sizeof(*ret));
    ret->poll.interval_usec = 250 * CTW_USEC_PER_MSEC;
    ret->poll.fastest_usec = 2 * CTW_USEC_PER_MSEC;
    ret->levels.warning_permyriad = 7500;
    ret->levels.critical_permyriad = 9000;
    ret->levels.clear_permyriad = 500;
    ret->levels.hold_usec = 10 * CTW_USEC_PER_SEC;
    ret->levels.forecast_usec = 300 * CTW_USEC_PER_SEC;
    ret->alerts.remind_usec = 900 * CTW_USEC_PER_SEC;
}

/* As a reload would, once in a while. */
static void settings_change(uint64_t *seed, struct ctw_settings *s) {
    if (!one_in(seed, 5000))
        return;
    s->levels.warning_permyriad = 1 + random_below(seed, 9000);
    s->levels.critical_permyriad = s->levels.warning_permyriad + 1 + random_below(seed, 999);
    s->levels.clear_permyriad = random_below(seed, s->levels.warning_permyriad);
    s->levels.hold_usec = one_in(seed, 4) ? 0 : random_below(seed, 30000000);
    s->levels.forecast_usec = one_in(seed, 4) ? 0 : random_below(seed, 600000000);
    s->alerts.remind_usec = one_in(seed, 4) ? 0 : 1000000 + random_below(seed, 1000000000);
}

/* One run, after each step. */
struct run {
    struct world world;
    struct ctw_settings settings;
    struct ctw_watch watch, before;
    struct ctw_tick tick;
    struct ctw_verdict verdict;
    uint32_t step;
};

/* Large: not for a stack. */
static struct run the_run, other_run;

static void run_start(struct run *r, uint64_t seed) {
    memset(r, 0, sizeof(*r));
    r->world = world_new(seed);
    settings_usual(&r->settings);
}

static void run_step(struct run *r, bool reloads) {
    if (reloads)
        settings_change(&r->world.seed, &r->settings);
    r->before = r->watch;
    world_tick(&r->world, &r->watch, &r->tick);
    r->tick.has_past = r->step == 0;
    memset(&r->verdict, 0xa5, sizeof(r->verdict));
    ctw_watch_step(&r->watch, &r->settings, &r->tick, &r->verdict);
    r->step++;
}

static bool readable(const struct run *r) {
    return r->tick.sources[CTW_SOURCE_TABLE].health == CTW_HEALTH_OK;
}

#define CHECK(r, condition)                                                                        \
    do {                                                                                           \
        if (!(condition))                                                                          \
            fail_msg("step %" PRIu32 ", at %" PRIu64 " us: fails: %s", (r)->step,                  \
                     (r)->tick.now_usec, #condition);                                              \
    } while (0)

static const struct ctw_alert *find(const struct run *r, enum ctw_alert_kind kind,
                                    enum ctw_edge edge) {
    for (size_t i = 0; i < r->verdict.n_alerts; i++) {
        const struct ctw_alert *a = &r->verdict.alerts[i];
        if (a->kind == kind && a->edge == edge && !a->other_netns)
            return a;
    }
    return NULL;
}

/* --- properties ------------------------------------------------------------------------------ */

static void watch_verdict_is_always_valid(void **state) {
    struct run *r = &the_run;
    (void)state;

    run_start(r, 1);
    while (r->step < STEPS) {
        run_step(r, true);
        CHECK(r, r->verdict.n_alerts <= CTW_VERDICT_ALERTS_MAX);
        CHECK(r, r->verdict.level == r->watch.table.level.level);
        CHECK(r, r->verdict.level <= CTW_LEVEL_FULL);
        CHECK(r, r->verdict.next_poll_usec >= r->settings.poll.fastest_usec);
        CHECK(r, r->verdict.next_poll_usec <= r->settings.poll.interval_usec);
        for (size_t i = 0; i < r->verdict.n_alerts; i++) {
            const struct ctw_alert *a = &r->verdict.alerts[i];
            CHECK(r, a->kind < CTW_ALERT_KINDS && a->kind != CTW_ALERT_CONFIG);
            CHECK(r, a->edge >= CTW_EDGE_BEGIN && a->edge <= CTW_EDGE_PAST);
            CHECK(r, a->edge != CTW_EDGE_PAST || r->step == 1);
            CHECK(r, a->kind != CTW_ALERT_SIGHTED || a->health.health == CTW_HEALTH_OK);
            CHECK(r, !a->has_table || readable(r));
            CHECK(r, !a->has_table || a->table.count == r->tick.sample.count);
            CHECK(r, !a->has_table || a->table.max == r->tick.sample.max);
            CHECK(r, !a->fills || a->has_rate);
            CHECK(r, a->lasted_usec <= r->tick.now_usec);
            CHECK(r, a->other_netns == (a->netns_inode != OURS));
        }
    }
}

/* Whatever the fill does: a level is left only for one whose successors' thresholds
 * have all been undercut by `clear` at each poll for `hold`. */
static void watch_level_never_falls_without_its_hold(void **state) {
    struct run *r = &the_run;
    uint64_t low_since[CTW_LEVEL_FULL + 1] = {0};
    unsigned falls = 0;
    (void)state;

    run_start(r, 2);
    while (r->step < STEPS) {
        run_step(r, false);
        const enum ctw_health health = r->tick.sources[CTW_SOURCE_TABLE].health;
        const uint32_t usage =
            readable(r) ? ctw_usage_permyriad(r->tick.sample.count, r->tick.sample.max) : 0;

        for (enum ctw_level l = CTW_LEVEL_WARNING; l <= CTW_LEVEL_FULL; l++) {
            const bool low =
                usage + r->settings.levels.clear_permyriad < ctw_level_threshold(&r->settings, l);
            if (!low)
                low_since[l] = 0;
            else if (low_since[l] == 0 && health != CTW_HEALTH_FAILED)
                low_since[l] = r->tick.now_usec;
        }
        if (r->watch.table.level.level >= r->before.table.level.level)
            continue;
        falls++;
        for (enum ctw_level l = r->watch.table.level.level + 1; l <= r->before.table.level.level;
             l++) {
            CHECK(r, low_since[l] != 0);
            CHECK(r, r->tick.now_usec - low_since[l] >= r->settings.levels.hold_usec);
        }
    }
    assert_true(falls > 50);
}

static void watch_unreadable_table_decides_no_level(void **state) {
    struct run *r = &the_run;
    unsigned polls = 0;
    (void)state;

    run_start(r, 3);
    while (r->step < STEPS) {
        run_step(r, true);
        if (r->tick.sources[CTW_SOURCE_TABLE].health != CTW_HEALTH_FAILED)
            continue;
        polls++;
        CHECK(r, !find(r, CTW_ALERT_USAGE, CTW_EDGE_BEGIN));
        CHECK(r, !find(r, CTW_ALERT_USAGE, CTW_EDGE_END));
        CHECK(r, !find(r, CTW_ALERT_FORECAST, CTW_EDGE_BEGIN));
        CHECK(r, !find(r, CTW_ALERT_LIMIT_CHANGED, CTW_EDGE_BEGIN));
        CHECK(r, r->verdict.next_poll_usec == r->settings.poll.interval_usec);
        /* Only the kernel log is believed. */
        if (r->watch.table.level.level != r->before.table.level.level)
            CHECK(r, r->watch.table.level.level == CTW_LEVEL_FULL &&
                         r->watch.table.conditions[CTW_ALERT_TABLE_FULL].active &&
                         r->watch.table.conditions[CTW_ALERT_TABLE_FULL].condition_usec ==
                             r->tick.now_usec);
        CHECK(r, memcmp(&r->watch.table.last, &r->before.table.last, sizeof(r->watch.table.last)) ==
                     0);
    }
    assert_true(polls > 1000);
}

/* What each column moved by since counters were last read. */
static struct ctw_counters moved(const struct run *r) {
    const struct ctw_counters *a = &r->before.table.last.counters, *b = &r->tick.sample.counters;

    return (struct ctw_counters){.drop = b->drop - a->drop,
                                 .early_drop = b->early_drop - a->early_drop,
                                 .insert_failed = b->insert_failed - a->insert_failed,
                                 .chainlength = b->chainlength - a->chainlength};
}

/* Whether counters were read twice without a reload of the module in between. */
static bool counted(const struct run *r) {
    const struct ctw_counters m = moved(r);

    return readable(r) && r->tick.sample.has_counters && r->before.table.last.has_counters &&
           m.drop <= INT32_MAX && m.early_drop <= INT32_MAX && m.insert_failed <= INT32_MAX &&
           m.chainlength <= INT32_MAX;
}

static void watch_drops_in_a_full_table_are_level_full(void **state) {
    struct run *r = &the_run;
    unsigned polls = 0;
    (void)state;

    run_start(r, 4);
    while (r->step < STEPS) {
        run_step(r, true);
        if (!counted(r) || !ctw_nearly_full(r->tick.sample.count, r->tick.sample.max))
            continue;
        const struct ctw_counters m = moved(r);
        if (m.drop == m.insert_failed - m.chainlength)
            continue;
        polls++;
        CHECK(r, r->verdict.level == CTW_LEVEL_FULL);
        CHECK(r, r->watch.table.conditions[CTW_ALERT_TABLE_FULL].active);
        CHECK(r, r->watch.table.losses.running);
    }
    assert_true(polls > 1000);
}

static void watch_episode_counts_every_loss(void **state) {
    static const struct ctw_losses none = {0};
    struct run *r = &the_run;
    unsigned polls = 0;
    (void)state;

    run_start(r, 8);
    while (r->step < STEPS) {
        run_step(r, true);
        CHECK(r, r->watch.table.losses.running || r->watch.table.level.level == CTW_LEVEL_OK);
        for (size_t i = 0; i < r->verdict.n_alerts; i++) {
            const struct ctw_alert *a = &r->verdict.alerts[i];
            if (a->has_losses && !a->other_netns && a->edge != CTW_EDGE_PAST)
                CHECK(r, r->before.table.losses.running || r->watch.table.losses.running);
        }
        if (!counted(r) || !r->watch.table.losses.running)
            continue;
        polls++;
        const struct ctw_counters m = moved(r);
        const struct ctw_losses *before =
            r->before.table.losses.running ? &r->before.table.losses.losses : &none;
        const struct ctw_losses *now = &r->watch.table.losses.losses;
        const uint64_t clashes = m.insert_failed - m.chainlength;
        CHECK(r, ctw_losses_drops(now) == ctw_losses_drops(before) + m.drop - clashes);
        CHECK(r, now->early_drops == before->early_drops + m.early_drop);
        CHECK(r, now->clashes == before->clashes + clashes);
        CHECK(r, now->chain_too_long == before->chain_too_long + m.chainlength);
        CHECK(r, now->log_lines >= before->log_lines);
    }
    assert_true(polls > 1000);
}

/* Kinds that are one condition each. blind and sighted are one per source; usage has four levels,
 * and limit_changed has no end. */
static const enum ctw_alert_kind conditions[] = {
    CTW_ALERT_FORECAST,       CTW_ALERT_TABLE_FULL,        CTW_ALERT_EARLY_DROP,
    CTW_ALERT_CHAIN_TOO_LONG, CTW_ALERT_DROPPED_BELOW_MAX, CTW_ALERT_INSERT_FAILED,
    CTW_ALERT_EXPECT_FULL,
};

static bool is_condition(enum ctw_alert_kind kind) {
    for (size_t i = 0; i < sizeof(conditions) / sizeof(conditions[0]); i++)
        if (conditions[i] == kind)
            return true;
    return false;
}

/* An active condition does not begin, an inactive one does not end, and reminders are apart. */
static void watch_begin_and_end_alternate(void **state) {
    struct run *r = &the_run;
    bool active[CTW_ALERT_KINDS] = {0};
    uint64_t alerted_usec[CTW_ALERT_KINDS] = {0};
    unsigned ends[CTW_ALERT_KINDS] = {0};
    (void)state;

    run_start(r, 5);
    while (r->step < STEPS) {
        bool seen[CTW_ALERT_KINDS] = {0};

        run_step(r, true);
        for (size_t i = 0; i < r->verdict.n_alerts; i++) {
            const struct ctw_alert *a = &r->verdict.alerts[i];
            if (!is_condition(a->kind) || a->other_netns || a->edge == CTW_EDGE_PAST)
                continue;
            CHECK(r, !seen[a->kind]);
            seen[a->kind] = true;
            CHECK(r, (a->edge == CTW_EDGE_BEGIN) == !active[a->kind]);
            if (a->edge == CTW_EDGE_REMINDER) {
                CHECK(r, r->settings.alerts.remind_usec > 0);
                CHECK(r,
                      r->tick.now_usec - alerted_usec[a->kind] >= r->settings.alerts.remind_usec);
            }
            active[a->kind] = a->edge != CTW_EDGE_END;
            ends[a->kind] += a->edge == CTW_EDGE_END;
            alerted_usec[a->kind] = r->tick.now_usec;
        }
    }
    for (size_t i = 0; i < sizeof(conditions) / sizeof(conditions[0]); i++)
        assert_true(ends[conditions[i]] > 10);
}

/* An ended condition was absent for `hold`, and never for less than a second. */
static void watch_no_episode_ends_before_its_delay(void **state) {
    struct run *r = &the_run;
    (void)state;

    run_start(r, 6);
    r->settings.levels.hold_usec = 0;
    while (r->step < STEPS) {
        if (r->step == STEPS / 2)
            r->settings.levels.hold_usec = 20 * CTW_USEC_PER_SEC;
        run_step(r, false);
        for (size_t i = 0; i < sizeof(conditions) / sizeof(conditions[0]); i++) {
            if (!find(r, conditions[i], CTW_EDGE_END))
                continue;
            const uint64_t clear_delay =
                r->tick.now_usec - r->before.conditions[conditions[i]].condition_usec;
            CHECK(r, clear_delay >= CTW_USEC_PER_SEC);
            CHECK(r, clear_delay >= r->settings.levels.hold_usec);
        }
    }
}

static void watch_each_level_has_one_alert_on_the_way(void **state) {
    struct run *r = &the_run;
    (void)state;

    run_start(r, 7);
    while (r->step < STEPS) {
        bool alerted[CTW_LEVEL_FULL + 1] = {0};
        unsigned reminders = 0, changes = 0;

        run_step(r, true);
        for (size_t i = 0; i < r->verdict.n_alerts; i++) {
            const struct ctw_alert *a = &r->verdict.alerts[i];
            if (a->kind != CTW_ALERT_USAGE)
                continue;
            reminders += a->edge == CTW_EDGE_REMINDER;
            if (a->edge == CTW_EDGE_REMINDER)
                continue;
            changes++;
            CHECK(r, !alerted[a->level]);
            alerted[a->level] = true;
            CHECK(r, (a->edge == CTW_EDGE_END) == (a->level == CTW_LEVEL_OK));
            /* During losses their alert reports that the table is full. */
            if (a->level == CTW_LEVEL_FULL)
                CHECK(r, r->watch.table.conditions[CTW_ALERT_TABLE_FULL].condition_usec !=
                                 r->tick.now_usec &&
                             r->watch.table.conditions[CTW_ALERT_EARLY_DROP].condition_usec !=
                                 r->tick.now_usec);
        }
        CHECK(r, reminders + (changes > 0) <= 1);
        if (r->watch.table.level.level == r->before.table.level.level)
            CHECK(r, changes == 0);
        if (r->watch.table.level.level < r->before.table.level.level)
            CHECK(r, changes == 1 && alerted[r->watch.table.level.level]);
        if (readable(r) && r->watch.table.level.level > r->before.table.level.level)
            CHECK(r, r->watch.table.level.level == CTW_LEVEL_FULL ||
                         alerted[r->watch.table.level.level]);
    }
}

static void watch_other_namespaces_never_change_the_level(void **state) {
    struct run *r = &the_run;
    unsigned handed_on = 0;
    (void)state;

    run_start(r, 9);
    r->settings.levels.hold_usec = 0;
    r->world.max = 1000000;
    while (r->step < STEPS / 10) {
        r->before = r->watch;
        memset(&r->tick, 0, sizeof(r->tick));
        r->world.now_usec += random_below(&r->world.seed, 500000) + 1;
        r->tick.now_usec = r->world.now_usec;
        r->tick.netns_inode = OURS;
        r->tick.sources[CTW_SOURCE_TABLE].health = CTW_HEALTH_OK;
        r->tick.sample.count = 10;
        r->tick.sample.max = 1000000;
        if (one_in(&r->world.seed, 10))
            fill_log(&r->world.seed, &r->tick.log);
        for (uint32_t i = 0; i < r->tick.log.n_netns; i++)
            if (r->tick.log.netns[i].inode == OURS)
                r->tick.log.netns[i].inode++;
        ctw_watch_step(&r->watch, &r->settings, &r->tick, &r->verdict);
        r->step++;
        CHECK(r, r->verdict.level == CTW_LEVEL_OK);
        CHECK(r, !r->watch.table.losses.running);
        for (size_t i = 0; i < r->verdict.n_alerts; i++)
            CHECK(r, r->verdict.alerts[i].kind == CTW_ALERT_EXPECT_FULL);
        CHECK(r, r->verdict.other_log.full_lines ==
                     r->tick.log.full_lines + r->tick.log.other_netns_lines);
        for (uint32_t i = 0; i < r->verdict.other_log.n_netns; i++)
            handed_on += r->verdict.other_log.netns[i].lines;
    }
    assert_true(handed_on > 100);
}

/* Alerts hold padding: compare their members. */
static bool same_alert(const struct ctw_alert *a, const struct ctw_alert *b) {
    return a->kind == b->kind && a->edge == b->edge && a->level == b->level &&
           a->has_table == b->has_table && a->table.count == b->table.count &&
           a->table.max == b->table.max && a->rate == b->rate && a->fills == b->fills &&
           a->usec_to_full == b->usec_to_full &&
           memcmp(&a->losses, &b->losses, sizeof(a->losses)) == 0 &&
           a->lasted_usec == b->lasted_usec && a->netns_inode == b->netns_inode;
}

static void watch_same_ticks_give_the_same_verdicts(void **state) {
    struct run *a = &the_run, *b = &other_run;
    (void)state;

    run_start(a, 10);
    run_start(b, 10);
    while (a->step < STEPS / 2) {
        run_step(a, true);
        run_step(b, true);
        CHECK(a, a->verdict.level == b->verdict.level);
        CHECK(a, a->verdict.next_poll_usec == b->verdict.next_poll_usec);
        CHECK(a, a->verdict.n_alerts == b->verdict.n_alerts);
        for (size_t i = 0; i < a->verdict.n_alerts; i++)
            CHECK(a, same_alert(&a->verdict.alerts[i], &b->verdict.alerts[i]));
    }
}

/* --- cases by hand ---------------------------------------------------------------------------- */

static void tick_of(struct run *r, uint64_t at_usec, uint32_t count, uint32_t max) {
    memset(&r->tick, 0, sizeof(r->tick));
    r->tick.now_usec = at_usec;
    r->tick.netns_inode = OURS;
    r->tick.sources[CTW_SOURCE_TABLE].health = CTW_HEALTH_OK;
    r->tick.sample = (struct ctw_sample){.count = count, .max = max};
}

static void step(struct run *r) {
    ctw_watch_step(&r->watch, &r->settings, &r->tick, &r->verdict);
}

static void watch_grown_puts_the_new_limits_into_the_verdict(void **state) {
    const struct ctw_growth_outcome outcome = {
        .count = 850, .max_written = true, .max = 2000, .buckets_written = true, .buckets = 500};
    struct run *r = &the_run;
    (void)state;

    run_start(r, 1);
    ctw_settings_defaults(&r->settings);
    tick_of(r, CTW_USEC_PER_SEC, 820, 1000);
    step(r);
    assert_int_equal(r->verdict.sample.count, 820);
    assert_int_equal(r->verdict.sample.max, 1000);
    ctw_watch_grown(&r->watch, &r->settings, &r->tick, &outcome, &r->verdict);
    assert_int_equal(r->verdict.sample.count, 850);
    assert_int_equal(r->verdict.sample.max, 2000);
    assert_int_equal(r->verdict.sample.buckets, 500);
}

static void watch_sample_keeps_counters_of_an_earlier_poll(void **state) {
    struct run *r = &the_run;
    (void)state;

    run_start(r, 1);
    ctw_settings_defaults(&r->settings);
    tick_of(r, CTW_USEC_PER_SEC, 10, 1000);
    r->tick.sample.has_counters = r->tick.sample.has_buckets = true;
    r->tick.sample.buckets = 250;
    r->tick.sample.counters.drop = 7;
    step(r);
    tick_of(r, CTW_USEC_PER_SEC + 1000, 11, 1000);
    step(r);
    assert_int_equal(r->verdict.sample.count, 11);
    assert_int_equal(r->verdict.sample.buckets, 250);
    assert_int_equal(r->verdict.sample.counters.drop, 7);
}

static void watch_beginning_condition_has_the_host_read_again(void **state) {
    const struct ctw_host host = {.known = true};
    struct run *r = &the_run;
    (void)state;

    run_start(r, 1);
    ctw_settings_defaults(&r->settings);
    tick_of(r, CTW_USEC_PER_SEC, 10, 1000);
    ctw_watch_learn_host(&r->watch, &r->settings, &host, CTW_USEC_PER_SEC);
    step(r);
    assert_false(r->verdict.want_host);
    tick_of(r, 2 * CTW_USEC_PER_SEC, 10, 1000);
    r->tick.log.expect_lines = 1;
    step(r);
    assert_non_null(find(r, CTW_ALERT_EXPECT_FULL, CTW_EDGE_BEGIN));
    assert_true(r->verdict.want_host);
}

static void watch_without_table_leaves_the_events_for_that_reason(void **state) {
    struct run *r = &the_run;
    (void)state;

    run_start(r, 1);
    ctw_settings_defaults(&r->settings);
    tick_of(r, CTW_USEC_PER_SEC, 900, 1000);
    step(r);
    assert_true(r->verdict.want_events);
    assert_string_equal(r->verdict.events_why, "the fill is above events.from");
    tick_of(r, 2 * CTW_USEC_PER_SEC, 0, 0);
    r->tick.sources[CTW_SOURCE_TABLE].health = CTW_HEALTH_ABSENT;
    step(r);
    assert_false(r->verdict.want_events);
    assert_string_equal(r->verdict.events_why, "there is no conntrack table");
}

/* A table of 1000, at second 1, its counters just read. */
static struct run *run_counted(uint32_t count) {
    struct run *r = &the_run;

    run_start(r, 1);
    ctw_settings_defaults(&r->settings);
    tick_of(r, CTW_USEC_PER_SEC, count, 1000);
    r->tick.sample.has_counters = true;
    step(r);
    return r;
}

/* Return: how many of the next @polls, @step_usec apart, want counters. */
static unsigned polls_with_counters(struct run *r, unsigned polls, uint64_t step_usec,
                                    uint32_t count) {
    unsigned n = 0;

    for (unsigned i = 0; i < polls; i++) {
        const struct ctw_counters counters = r->tick.sample.counters;
        tick_of(r, r->tick.now_usec + step_usec, count, 1000);
        r->tick.sample.has_counters = ctw_watch_wants_counters(&r->watch, &r->tick);
        r->tick.sample.counters = counters;
        n += r->tick.sample.has_counters;
        step(r);
    }
    return n;
}

static void watch_idle_table_wants_counters_every_ten_seconds(void **state) {
    struct run *r = run_counted(10);
    (void)state;

    assert_int_equal(polls_with_counters(r, 20, CTW_USEC_PER_SEC, 10), 2);
    assert_int_equal(polls_with_counters(r, 80, CTW_USEC_PER_SEC / 4, 10), 2);
    assert_int_equal(polls_with_counters(r, 20, 10 * CTW_USEC_PER_SEC, 10), 20);
}

static void watch_level_wants_counters_every_second(void **state) {
    struct run *r = run_counted(10);
    (void)state;

    assert_int_equal(polls_with_counters(r, 20, CTW_USEC_PER_SEC, 800), 20);
    assert_in_range(polls_with_counters(r, 20, CTW_USEC_PER_SEC / 2, 800), 10, 11);
    assert_int_equal(polls_with_counters(r, 20, CTW_USEC_PER_SEC / 2, 960), 20); /* nearly full */
}

/* Losses below the limit leave no line in the kernel log: traffic is the only hint. */
static void watch_changed_count_wants_counters_every_second(void **state) {
    struct run *r = run_counted(10);
    (void)state;

    for (uint32_t i = 0; i < 20; i++)
        assert_int_equal(polls_with_counters(r, 1, CTW_USEC_PER_SEC, i), 1);
    /* The count changes half a second after a reading, and not again. */
    assert_int_equal(polls_with_counters(r, 1, CTW_USEC_PER_SEC / 2, 30), 0);
    assert_int_equal(polls_with_counters(r, 1, CTW_USEC_PER_SEC / 2, 30), 1);
    assert_int_equal(polls_with_counters(r, 20, CTW_USEC_PER_SEC / 2, 30), 1);
}

static void watch_loss_wants_counters_every_second_for_a_minute(void **state) {
    struct run *r = run_counted(10);
    (void)state;

    r->tick.sample.counters.insert_failed = r->tick.sample.counters.chainlength = 3;
    assert_int_equal(polls_with_counters(r, 10, CTW_USEC_PER_SEC, 10), 1);
    assert_true(r->watch.table.conditions[CTW_ALERT_CHAIN_TOO_LONG].active);
    assert_int_equal(polls_with_counters(r, 59, CTW_USEC_PER_SEC, 10), 59);
    assert_false(r->watch.table.conditions[CTW_ALERT_CHAIN_TOO_LONG].active);
    assert_int_equal(polls_with_counters(r, 20, CTW_USEC_PER_SEC, 10), 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(watch_verdict_is_always_valid),
        cmocka_unit_test(watch_level_never_falls_without_its_hold),
        cmocka_unit_test(watch_unreadable_table_decides_no_level),
        cmocka_unit_test(watch_drops_in_a_full_table_are_level_full),
        cmocka_unit_test(watch_begin_and_end_alternate),
        cmocka_unit_test(watch_no_episode_ends_before_its_delay),
        cmocka_unit_test(watch_each_level_has_one_alert_on_the_way),
        cmocka_unit_test(watch_episode_counts_every_loss),
        cmocka_unit_test(watch_other_namespaces_never_change_the_level),
        cmocka_unit_test(watch_same_ticks_give_the_same_verdicts),
        cmocka_unit_test(watch_grown_puts_the_new_limits_into_the_verdict),
        cmocka_unit_test(watch_sample_keeps_counters_of_an_earlier_poll),
        cmocka_unit_test(watch_beginning_condition_has_the_host_read_again),
        cmocka_unit_test(watch_without_table_leaves_the_events_for_that_reason),
        cmocka_unit_test(watch_idle_table_wants_counters_every_ten_seconds),
        cmocka_unit_test(watch_level_wants_counters_every_second),
        cmocka_unit_test(watch_changed_count_wants_counters_every_second),
        cmocka_unit_test(watch_loss_wants_counters_every_second_for_a_minute),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
