/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Properties of growth over random machines, settings and polls from a fixed seed, in which other
 * programs write the limits as well, and writes fail. */

#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/watch/watch.h"

#define STEPS     200000u
#define HOUR_USEC (3600 * CTW_USEC_PER_SEC)

static uint64_t seed;

/* xorshift64*: the same on every machine. */
static uint32_t below(uint32_t n) {
    seed ^= seed >> 12;
    seed ^= seed << 25;
    seed ^= seed >> 27;
    return (uint32_t)((seed * UINT64_C(2685821657736338717) >> 33) % n);
}

static bool one_in(uint32_t n) {
    return below(n) == 0;
}

/* Anything from 1 to 2^31 - 1, small or large. */
static uint32_t any(void) {
    return 1 + below(UINT32_C(1) << (1 + below(31)));
}

struct world {
    struct ctw_settings s;
    struct ctw_watch watch;
    struct ctw_watch before;
    struct ctw_tick tick;
    struct ctw_verdict verdict;
    uint64_t again[CTW_GROWTH_AGAIN_MAX]; /* the last growths below what had been ours */
    unsigned n_again;
    unsigned step;
};
static struct world the_world;

#define CHECK(w, condition)                                                                        \
    do {                                                                                           \
        if (!(condition))                                                                          \
            fail_msg("step %u: %s; count %" PRIu32 ", max %" PRIu32 " -> %" PRIu32 ", %s",         \
                     (w)->step, #condition, (w)->tick.sample.count, (w)->verdict.growth.old_max,   \
                     (w)->verdict.growth.new_max,                                                  \
                     ctw_growth_refusal_name((w)->verdict.growth.refusal));                        \
    } while (0)

static void new_settings(struct world *w) {
    ctw_settings_defaults(&w->s);
    w->s.growth.enabled = !one_in(8);
    w->s.growth.dry_run = one_in(8);
    w->s.growth.ceiling = one_in(2) ? 0 : any();
    w->s.growth.memory_permyriad = 10 + below(8990);
    w->s.growth.step_permyriad = 11000 + below(149000);
    w->s.growth.at_permyriad = 100 + below(9901);
    w->s.growth.buckets = (enum ctw_buckets_mode)below(3);
    w->s.growth.persist = one_in(2);
    w->s.growth.reserve_usec = one_in(4) ? 0 : below(10000001);
    w->s.poll.worst_rate = 1 + below(100000000);
}

static void new_machine(struct world *w) {
    struct ctw_growth_facts *f = &w->tick.facts;

    f->memory.total_bytes = one_in(20) ? 0 : (uint64_t)any() << below(14);
    f->memory.has_available = !one_in(5);
    f->release.entries_per_bucket = one_in(4) ? 1 : 8;
    f->namespaces = 1 + below(one_in(4) ? 1000 : 3);
    f->permission = one_in(10)   ? CTW_PERMISSION_DENIED
                    : one_in(10) ? CTW_PERMISSION_CHILD
                                 : CTW_PERMISSION_GRANTED;
    f->permission_error = f->permission == CTW_PERMISSION_DENIED ? -EROFS : 0;
    f->has_saved = one_in(3);
    f->saved =
        (struct ctw_saved_limits){1 + below(1000), 512, 1001 + any() / 2, 512 + below(1000000)};
    f->save_error = one_in(10) ? -ENOSPC : 0;
    w->tick.sample.other_entries = one_in(3) ? any() >> below(20) : 0;
    w->tick.sample.max = one_in(10) ? 0 : 1 + any() / 1000;
    w->tick.sample.buckets = 1 + any() / 8;
    w->tick.sample.has_buckets = !one_in(10);
}

static void new_poll(struct world *w) {
    struct ctw_sample *t = &w->tick.sample;

    w->step++;
    if (one_in(300))
        new_settings(w);
    if (one_in(50))
        new_machine(w);
    w->tick.sources[CTW_SOURCE_TABLE].health = one_in(500) ? CTW_HEALTH_ABSENT : CTW_HEALTH_OK;
    if (one_in(60)) /* another program */
        t->max = one_in(50) ? 0 : one_in(2) ? 1 + any() / 100 : t->max / 2 + 1;
    w->tick.facts.memory.available_bytes = below(UINT32_MAX / 2) * (uint64_t)below(1000);
    t->count = one_in(50)   ? any()
               : t->max > 0 ? (uint32_t)((uint64_t)t->max * below(12000) / 10000)
                            : below(1000);
    w->tick.now_usec += 1 + below(one_in(100) ? 1000000000 : 300000);
}

static void carry_out(struct world *w, struct ctw_growth_outcome *o) {
    const struct ctw_growth_decision *d = &w->verdict.growth;
    struct ctw_sample *t = &w->tick.sample;

    *o = (struct ctw_growth_outcome){.count = t->count, .max = t->max, .buckets = t->buckets};
    if (one_in(20)) {
        o->max_error = one_in(2) ? -EAGAIN : one_in(2) ? -EPROTO : -EINVAL;
        return;
    }
    if (d->new_max != 0) {
        o->max_written = true;
        o->max = t->max = d->new_max;
    }
    if (d->new_buckets != 0 && one_in(5))
        o->buckets_error = -ENOMEM;
    else if (d->new_buckets != 0) {
        o->buckets_written = true;
        o->buckets = t->buckets = (d->new_buckets + 511) / 512 * 512;
    }
}

static bool poll(struct world *w) {
    new_poll(w);
    w->before = w->watch;
    ctw_watch_step(&w->watch, &w->s, &w->tick, &w->verdict);
    return w->tick.sources[CTW_SOURCE_TABLE].health == CTW_HEALTH_OK;
}

static void check_decision(struct world *w) {
    const struct ctw_growth_decision *d = &w->verdict.growth;
    const struct ctw_growth_facts *f = &w->tick.facts;
    const struct ctw_sample *t = &w->tick.sample;
    const bool always = w->s.growth.buckets == CTW_BUCKETS_ALWAYS;

    /* never lower, never 0, never in a dry run, never when switched off */
    CHECK(w, d->new_max == 0 || d->new_max > t->max);
    CHECK(w, d->new_buckets == 0 || d->new_buckets > d->old_buckets);
    CHECK(w, !d->write || d->new_max != 0 || d->new_buckets != 0);
    if (d->write)
        CHECK(w, w->s.growth.enabled && !w->s.growth.dry_run && t->max != 0 &&
                     f->permission == CTW_PERMISSION_GRANTED);

    /* never above any bound */
    if (d->new_max != 0) {
        const uint64_t max = d->new_max;
        CHECK(w, w->s.growth.ceiling == 0 || max <= w->s.growth.ceiling);
        CHECK(w, max <= CTW_MAX_LARGEST);
        CHECK(w, max * 384 * (f->namespaces > 1 || t->other_entries > 0 ? 4 : 3) / 3 +
                         t->other_entries * 384ull <=
                     f->memory.total_bytes / 10000 * w->s.growth.memory_permyriad +
                         w->s.growth.memory_permyriad);
        CHECK(w, !f->memory.has_available || (max - (max < t->count ? max : t->count)) * 384 * 2 <=
                                                 f->memory.available_bytes);
        CHECK(w, always || !t->has_buckets ||
                     max + t->other_entries <=
                         (uint64_t)d->old_buckets * f->release.entries_per_bucket);
    }
    if (d->new_buckets != 0) {
        CHECK(w, w->s.growth.buckets != CTW_BUCKETS_NEVER);
        CHECK(w, d->new_buckets <= CTW_BUCKETS_LARGEST);
        CHECK(w, always || t->count <= 50000);
        CHECK(w, always || d->new_buckets <= (64u << 20) / 8);
        CHECK(w, always || d->new_buckets / 16 <= d->old_buckets);
    }

    /* always a reason */
    if (d->needed && d->new_max == 0 && d->new_buckets == 0)
        CHECK(w, d->refusal != CTW_GROWTH_NOT_REFUSED);
    if (d->refusal != CTW_GROWTH_NOT_REFUSED)
        CHECK(w, d->new_max == 0);
}

static void check_again(struct world *w, uint32_t ours) {
    if (w->verdict.growth.old_max >= ours)
        return;
    const uint64_t oldest = w->again[w->n_again % CTW_GROWTH_AGAIN_MAX];
    CHECK(w, oldest == 0 || w->tick.now_usec - oldest >= HOUR_USEC);
    w->again[w->n_again++ % CTW_GROWTH_AGAIN_MAX] = w->tick.now_usec;
}

/* What was written is alerted, as it was written. */
static void check_alerted(struct world *w, size_t from, const struct ctw_growth_outcome *o) {
    const struct ctw_alert *grew = NULL;

    for (size_t i = from; i < w->verdict.n_alerts; i++)
        if (w->verdict.alerts[i].kind == CTW_ALERT_GREW)
            grew = &w->verdict.alerts[i];
    CHECK(w, (grew != NULL) == (o->max_written || o->buckets_written));
    if (!grew)
        return;
    CHECK(w, grew->max_changed == o->max_written && grew->buckets_changed == o->buckets_written);
    CHECK(w, !grew->max_changed || (grew->new_max == o->max && grew->new_max > grew->old_max));
}

static void random_polls_never_lower_exceed_or_hide(void **state) {
    struct world *w = &the_world;
    unsigned writes = 0, refusals[CTW_GROWTH_PERSIST_FAILED + 1] = {0}, buckets = 0, again = 0;
    (void)state;

    seed = 0x5eed;
    w->tick.now_usec = CTW_USEC_PER_SEC;
    new_settings(w);
    new_machine(w);
    while (w->step < STEPS) {
        struct ctw_growth_outcome o;
        if (!poll(w)) {
            memset(w->again, 0, sizeof(w->again)); /* what comes back is another table */
            CHECK(w, !w->verdict.growth.write);
            continue;
        }
        check_decision(w);
        refusals[w->verdict.growth.refusal]++;
        if (!w->verdict.growth.write)
            continue;
        const uint32_t ours = w->watch.growth_state.growth.ours;
        const size_t from = w->verdict.n_alerts;
        carry_out(w, &o);
        ctw_watch_grown(&w->watch, &w->s, &w->tick, &o, &w->verdict);
        check_alerted(w, from, &o);
        if (o.max_written) {
            again += w->verdict.growth.old_max < ours;
            check_again(w, ours);
        }
        writes += o.max_written;
        buckets += o.buckets_written;
    }
    assert_true(writes > 1000);
    assert_true(buckets > 10);
    assert_true(again > 100);
    for (int i = CTW_GROWTH_NOT_REFUSED; i <= CTW_GROWTH_WRITE_FAILED; i++)
        if (refusals[i] < 100)
            fail_msg("%s came %u times only", ctw_growth_refusal_name((enum ctw_growth_refusal)i),
                     refusals[i]);
}

/* Changes by other programs and by growth are distinguished. */
static void random_growth_is_no_foreign_change(void **state) {
    struct world *w = &the_world;
    unsigned own = 0;
    (void)state;

    memset(w, 0, sizeof(*w));
    seed = 0xface;
    w->tick.now_usec = CTW_USEC_PER_SEC;
    new_settings(w);
    new_machine(w);
    while (w->step < STEPS / 4) {
        struct ctw_growth_outcome o;
        const bool polled = w->watch.polled || w->watch.has_before;
        const uint32_t last = w->watch.polled ? w->watch.table.last.max : w->watch.before.max;
        if (!poll(w))
            continue;
        for (size_t i = 0; i < w->verdict.n_alerts; i++)
            if (w->verdict.alerts[i].kind == CTW_ALERT_LIMIT_CHANGED &&
                w->verdict.alerts[i].max_changed)
                CHECK(w, polled && w->tick.sample.max != last);
        if (!w->verdict.growth.write)
            continue;
        carry_out(w, &o);
        ctw_watch_grown(&w->watch, &w->s, &w->tick, &o, &w->verdict);
        own += o.max_written;
        CHECK(w, !o.max_written || w->watch.table.last.max == o.max);
    }
    assert_true(own > 100);
}

/* --- a burst, played against the clock -------------------------------------------------------- */

/* A burst at @rate that begins at any moment of calm, with each poll up to @late us late. Returns
 * the least number of free entries, 0 when the table was full. */
static uint32_t play_burst(uint32_t max, uint32_t rate, uint32_t late, uint32_t until) {
    struct world *w = &the_world;
    uint64_t began = 0, count = 0, next = 0, least = UINT32_MAX;

    memset(w, 0, sizeof(*w));
    ctw_settings_defaults(&w->s);
    w->s.growth.enabled = true;
    w->tick.facts.memory = (struct ctw_memory){UINT64_C(24) << 30, true, UINT64_C(20) << 30, false};
    w->tick.facts.release.entries_per_bucket = 8;
    w->tick.facts.namespaces = 1;
    w->tick.facts.permission = CTW_PERMISSION_GRANTED;
    w->tick.sample = (struct ctw_sample){.max = max, .buckets = 262144, .has_buckets = true};
    w->tick.sources[CTW_SOURCE_TABLE].health = CTW_HEALTH_OK;
    w->tick.now_usec = CTW_USEC_PER_SEC;
    began = w->tick.now_usec + 2 * CTW_USEC_PER_SEC + below(250000);

    while (count < until) {
        struct ctw_growth_outcome o;
        w->tick.now_usec += next + below(late + 1);
        if (w->tick.now_usec > began)
            count = (w->tick.now_usec - began) * rate / CTW_USEC_PER_SEC;
        if (count >= w->tick.sample.max)
            return 0;
        if (count > 0 && w->tick.sample.max - count < least)
            least = w->tick.sample.max - count;
        w->tick.sample.count = (uint32_t)count;
        ctw_watch_step(&w->watch, &w->s, &w->tick, &w->verdict);
        if (w->verdict.growth.write) {
            o = (struct ctw_growth_outcome){.count = (uint32_t)count,
                                            .max = w->tick.sample.max,
                                            .buckets = w->tick.sample.buckets};
            if (w->verdict.growth.new_max) {
                o.max_written = true;
                o.max = w->tick.sample.max = w->verdict.growth.new_max;
            }
            if (w->verdict.growth.new_buckets) {
                o.buckets_written = true;
                o.buckets = w->tick.sample.buckets = w->verdict.growth.new_buckets;
            }
            ctw_watch_grown(&w->watch, &w->s, &w->tick, &o, &w->verdict);
        }
        next = w->verdict.next_poll_usec;
    }
    return (uint32_t)least;
}

static void burst_at_worst_rate_keeps_a_fifth_of_the_reserve(void **state) {
    static const uint32_t first[] = {4096, 16384, 65536, 131072, 262144, 1000000};
    const uint32_t fifth = 500000 / 4 / 5, late = 70000;
    (void)state;

    seed = 0xb0a7;
    for (unsigned i = 0; i < sizeof(first) / sizeof(first[0]); i++)
        for (int k = 0; k < 200; k++) {
            const uint32_t rate = k % 2 ? 500000 : 1000 + below(499001);
            const uint32_t free = play_burst(first[i], rate, late, 4 * first[i] + 1000000);
            if (free < fifth)
                fail_msg("from %" PRIu32 " at %" PRIu32 "/s: %" PRIu32 " free", first[i], rate,
                         free);
        }
}

/* Two processors that send UDP as fast as they can made 850,000 entries a second. */
static void burst_above_worst_rate_keeps_a_fifth_of_the_reserve(void **state) {
    (void)state;

    seed = 0xfa57;
    for (int k = 0; k < 200; k++) {
        const uint32_t free = play_burst(65536, 850000, 30000, 1000000);
        if (free < 500000 / 4 / 5)
            fail_msg("%" PRIu32 " free", free);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_polls_never_lower_exceed_or_hide),
        cmocka_unit_test(random_growth_is_no_foreign_change),
        cmocka_unit_test(burst_at_worst_rate_keeps_a_fifth_of_the_reserve),
        cmocka_unit_test(burst_above_worst_rate_keeps_a_fifth_of_the_reserve),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
