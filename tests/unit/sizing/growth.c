/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Growth: its bounds, its reasons, its steps and its refusals. growth_random.c holds properties
 * over random machines. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/sizing/growth.h"

#define GIB (UINT64_C(1) << 30)
#define MIB (UINT64_C(1) << 20)

static const uint64_t now = 1000 * CTW_USEC_PER_SEC;

/* A machine of 24 GiB with growth on and its table empty. */
struct fixture {
    struct ctw_settings s;
    struct ctw_growth g;
    struct ctw_growth_input l;
    struct ctw_growth_decision d;
    struct ctw_growth_bounds b;
};

static struct fixture machine(void) {
    struct fixture f = {
        .g = {.sized = true, .started = true},
        .l = {.now_usec = now,
              .sample = {.max = 262144, .buckets = 1048576, .has_buckets = true},
              .facts = {.memory = {24 * GIB, true, 20 * GIB, false},
                        .release.entries_per_bucket = 8,
                        .namespaces = 1,
                        .permission = CTW_PERMISSION_GRANTED}},
    };

    ctw_settings_defaults(&f.s);
    f.s.growth.enabled = true;
    return f;
}

static void decide(struct fixture *f) {
    ctw_growth_decide(&f->g, &f->s, &f->l, &f->d);
}

static void assert_refused(struct fixture *f, enum ctw_growth_refusal why) {
    decide(f);
    assert_false(f->d.write);
    assert_int_equal(f->d.new_max, 0);
    assert_int_equal(f->d.new_buckets, 0);
    assert_string_equal(ctw_growth_refusal_name(f->d.refusal), ctw_growth_refusal_name(why));
}

static void assert_grows(struct fixture *f, uint32_t to, enum ctw_growth_reason why) {
    decide(f);
    assert_true(f->d.write);
    assert_int_equal(f->d.refusal, CTW_GROWTH_NOT_REFUSED);
    assert_int_equal(f->d.old_max, f->l.sample.max);
    assert_int_equal(f->d.new_max, to);
    assert_string_equal(ctw_growth_reason_name(f->d.reason), ctw_growth_reason_name(why));
}

static void bound(struct fixture *f) {
    ctw_growth_bounds(&f->s, &f->l.sample, &f->l.facts, &f->b);
}

/* --- bounds ----------------------------------------------------------------------------------- */

static void bounds_each_by_hand(void **state) {
    struct fixture f = machine();
    (void)state;

    f.l.sample.count = 1000;
    bound(&f);
    assert_int_equal(f.b.by[CTW_BOUND_SETTING], CTW_MAX_LARGEST);
    /* 24 GiB x 10 % / (384 + 8 / 4 bytes) = 6676079, in multiples of 4096 */
    assert_int_equal(f.b.by[CTW_BOUND_MEMORY], 6676079 / 4096 * 4096);
    /* 1000 + 20 GiB / 2 / 385 bytes */
    assert_int_equal(f.b.by[CTW_BOUND_AVAILABLE], 27890227 / 4096 * 4096);
    assert_int_equal(f.b.by[CTW_BOUND_BUCKETS], 8 * 1048576);
    assert_int_equal(f.b.by[CTW_BOUND_KERNEL], CTW_MAX_LARGEST);
    assert_int_equal(f.b.ceiling, f.b.by[CTW_BOUND_MEMORY]);
    assert_int_equal(f.b.bound, CTW_BOUND_MEMORY);
}

static void bounds_lowest_is_the_ceiling(void **state) {
    struct fixture f = machine();
    (void)state;

    f.s.growth.ceiling = 300000;
    bound(&f);
    assert_int_equal(f.b.ceiling, 300000); /* asked for, so to the entry */
    assert_int_equal(f.b.bound, CTW_BOUND_SETTING);
    f.s.growth.ceiling = 0;
    f.l.sample.buckets = 16384;
    bound(&f);
    assert_int_equal(f.b.ceiling, 131072);
    assert_int_equal(f.b.bound, CTW_BOUND_BUCKETS);
    f.l.facts.memory.available_bytes = 40 * MIB;
    bound(&f);
    assert_int_equal(f.b.ceiling, 20 * MIB / 385 / 4096 * 4096);
    assert_int_equal(f.b.bound, CTW_BOUND_AVAILABLE);
}

static void bounds_other_namespaces_leave_three_quarters(void **state) {
    struct fixture f = machine();
    (void)state;

    f.l.facts.namespaces = 101;
    bound(&f);
    assert_int_equal(f.b.by[CTW_BOUND_MEMORY], 6676079 / 4 * 3 / 4096 * 4096);
}

static void bounds_entries_of_other_namespaces_come_off(void **state) {
    struct fixture f = machine();
    (void)state;

    f.l.sample.other_entries = 1000000;
    bound(&f);
    assert_int_equal(f.b.by[CTW_BOUND_MEMORY], (6676079 - 1000000) / 4 * 3 / 4096 * 4096);
    assert_int_equal(f.b.by[CTW_BOUND_BUCKETS], 8 * 1048576 - 1000000);
    assert_int_equal(ctw_growth_bytes(&f.l.sample, 1000), 1001000 * 384 + 8 * 1048576);
    f.l.sample.other_entries = UINT32_MAX; /* nothing is left */
    bound(&f);
    assert_int_equal(f.b.by[CTW_BOUND_MEMORY], 0);
    assert_int_equal(f.b.by[CTW_BOUND_BUCKETS], 0);
    f.l.sample.count = f.l.sample.max;
    assert_refused(&f, CTW_GROWTH_AT_CEILING);
}

static void bounds_short_chain_limit_takes_one_entry_a_bucket(void **state) {
    struct fixture f = machine();
    (void)state;

    f.l.facts.release.entries_per_bucket = 1;
    bound(&f);
    assert_int_equal(f.b.ceiling, 1048576);
    assert_int_equal(f.b.bound, CTW_BOUND_BUCKETS);
    assert_int_equal(ctw_growth_buckets_for(1000000, 1), 1000448);
    assert_int_equal(ctw_growth_buckets_for(1000000, 8), 250368);
    assert_int_equal(ctw_growth_buckets_for(CTW_MAX_LARGEST, 1), CTW_BUCKETS_LARGEST);
}

static void bytes_entries_and_known_buckets(void **state) {
    struct ctw_sample table = {.count = 7, .max = 1000, .has_buckets = true, .buckets = 512};
    (void)state;

    assert_int_equal(ctw_growth_bytes(&table, 0), 4096);
    assert_int_equal(ctw_growth_bytes(&table, 1000), 384000 + 4096);
    table.buckets = UINT32_MAX;
    assert_int_equal(ctw_growth_bytes(&table, UINT32_MAX), UINT64_C(392) * UINT32_MAX);
    table.has_buckets = false;
    assert_int_equal(ctw_growth_bytes(&table, UINT32_MAX), UINT64_C(384) * UINT32_MAX);
}

static void bounds_smallest_and_largest_machine(void **state) {
    struct fixture f = machine();
    (void)state;

    f.l.facts.memory = (struct ctw_memory){128 * MIB, true, 60 * MIB, false};
    bound(&f);
    assert_int_equal(f.b.ceiling, 32768); /* 13421772 / 386 = 34771 */
    f.l.facts.memory = (struct ctw_memory){4096 * GIB, true, 4000 * GIB, false};
    f.s.growth.memory_permyriad = 9000;
    f.l.sample.buckets = CTW_BUCKETS_LARGEST;
    bound(&f);
    assert_int_equal(f.b.ceiling, CTW_MAX_LARGEST / 4096 * 4096);
    f.l.facts.memory = (struct ctw_memory){UINT64_MAX, true, UINT64_MAX, false};
    bound(&f);
    assert_int_equal(f.b.ceiling, CTW_MAX_LARGEST / 4096 * 4096);
}

static void bounds_without_mem_available_use_ram(void **state) {
    struct fixture f = machine();
    (void)state;

    f.l.facts.memory.has_available = false;
    bound(&f);
    assert_int_equal(f.b.by[CTW_BOUND_AVAILABLE], CTW_MAX_LARGEST);
    assert_int_equal(f.b.bound, CTW_BOUND_MEMORY);
}

/* --- when, and to what ------------------------------------------------------------------------ */

static void decide_with_room_leaves_the_table(void **state) {
    struct fixture f = machine();
    (void)state;

    f.l.sample.count = 100000;
    decide(&f);
    assert_false(f.d.needed || f.d.write);
    assert_int_equal(f.d.refusal, CTW_GROWTH_NOT_REFUSED);
}

static void decide_at_the_fill_grows_by_the_step(void **state) {
    struct fixture f = machine();
    (void)state;

    f.l.sample.max = 1048576;
    f.l.sample.count = 838861; /* 80 % and one */
    assert_grows(&f, 2097152, CTW_GROWTH_FILL);
    f.s.growth.step_permyriad = 15000;
    assert_grows(&f, 1572864, CTW_GROWTH_FILL);
    f.l.sample.count--;
    decide(&f);
    assert_false(f.d.needed);
    f.l.sample.max = 1000000;
    f.l.sample.count = 800000; /* 80 % to the entry */
    assert_grows(&f, 1503232, CTW_GROWTH_FILL);
}

/* 500000 entries a second take 125000 in 250 ms. */
static void decide_below_the_reserve_grows_to_two_reserves(void **state) {
    struct fixture f = machine();
    (void)state;

    f.l.sample.max = 16384;
    assert_grows(&f, 253952, CTW_GROWTH_RESERVE); /* 250000 in multiples of 4096 */
    f.l.sample.max = 125000;
    decide(&f);
    assert_false(f.d.needed);
    f.l.sample.count = 1;
    assert_grows(&f, 253952, CTW_GROWTH_RESERVE);
    f.s.growth.reserve_usec = 0;
    decide(&f);
    assert_false(f.d.needed);
    f.s.growth.reserve_usec = 10 * CTW_USEC_PER_SEC;
    f.s.poll.worst_rate = 100000000;
    assert_grows(&f, 3338240, CTW_GROWTH_RESERVE); /* half of 6672384, and 1 */
}

/* A machine too small for the reserve keeps a quarter of its ceiling, without an alert. */
static void decide_reserve_beyond_the_ceiling_alerts_when_it_matters(void **state) {
    struct fixture f = machine();
    (void)state;

    f.s.growth.ceiling = f.l.sample.max = 300000;
    f.l.sample.count = 225000;
    decide(&f);
    assert_false(f.d.needed);
    f.l.sample.count++;
    assert_refused(&f, CTW_GROWTH_AT_CEILING);
    assert_false(f.d.alert_refusal);
    f.l.losing = true;
    assert_refused(&f, CTW_GROWTH_AT_CEILING);
    assert_true(f.d.alert_refusal);
    f.l.losing = false;
    f.l.sample.count = 240000; /* growth.at */
    assert_refused(&f, CTW_GROWTH_AT_CEILING);
    assert_true(f.d.alert_refusal);
}

static void decide_in_a_burst_grows_a_second_ahead(void **state) {
    struct fixture f = machine();
    (void)state;

    f.s.growth.reserve_usec = 100 * CTW_USEC_PER_MSEC;
    f.l.sample.max = 131072;
    f.l.sample.count = 72000;
    f.l.rate = 300000; /* 60000 within 200 ms */
    assert_grows(&f, (72000 + 300000 + 100000) / 4096 * 4096 + 4096, CTW_GROWTH_BURST);
    f.l.rate = 290000;
    decide(&f);
    assert_false(f.d.needed);
    f.l.rate = INT64_MAX; /* two polls a microsecond apart */
    assert_grows(&f, (72000 + 500000 + 100000) / 4096 * 4096 + 4096, CTW_GROWTH_BURST);
    f.l.rate = INT64_MIN;
    decide(&f);
    assert_false(f.d.needed);
}

static void decide_never_exceeds_the_ceiling(void **state) {
    struct fixture f = machine();
    (void)state;

    f.s.growth.ceiling = 300000;
    f.l.sample.count = 250000;
    assert_grows(&f, 300000, CTW_GROWTH_FILL);
    f.l.sample.max = 300000;
    f.l.sample.count = 290000;
    assert_refused(&f, CTW_GROWTH_AT_CEILING);
    f.s.growth.ceiling = 200000; /* below the present max: never lowered */
    assert_refused(&f, CTW_GROWTH_AT_CEILING);
}

/* --- refusals --------------------------------------------------------------------------------- */

static void decide_each_refusal(void **state) {
    struct fixture f = machine();
    (void)state;

    f.l.sample.count = 262144;
    f.s.growth.enabled = false;
    assert_refused(&f, CTW_GROWTH_DISABLED);
    f.s.growth.enabled = true;
    f.l.sample.max = 0;
    assert_refused(&f, CTW_GROWTH_UNLIMITED);
    f.l.sample.max = 262144;
    f.l.facts.memory.available_bytes = MIB;
    assert_refused(&f, CTW_GROWTH_NO_MEMORY);
    f.l.facts.memory = (struct ctw_memory){0}; /* /proc/meminfo could not be read */
    assert_refused(&f, CTW_GROWTH_NO_MEMORY);
    f = machine();
    f.l.sample.count = 262144;
    f.l.sample.buckets = 32768;
    assert_refused(&f, CTW_GROWTH_TOO_FEW_BUCKETS);
    f.l.facts.permission = CTW_PERMISSION_CHILD;
    assert_refused(&f, CTW_GROWTH_CHILD_NAMESPACE);
    f.l.facts.permission = CTW_PERMISSION_DENIED;
    f.l.facts.permission_error = -EROFS;
    assert_refused(&f, CTW_GROWTH_NOT_PERMITTED);
    assert_int_equal(f.d.error, -EROFS);
}

static void decide_without_permission_alerts_at_once(void **state) {
    struct fixture f = machine();
    (void)state;

    f.l.facts.permission = CTW_PERMISSION_DENIED;
    assert_refused(&f, CTW_GROWTH_NOT_PERMITTED);
    assert_true(f.d.alert_refusal);
}

static void decide_dry_run_writes_nothing(void **state) {
    struct fixture f = machine();
    (void)state;

    f.g.sized = false;
    f.s.growth.dry_run = true;
    f.l.sample.max = 50000;
    f.l.sample.count = 50000;
    f.l.sample.buckets = 262144;
    for (int enabled = 0; enabled < 2; enabled++) {
        f.s.growth.enabled = enabled;
        decide(&f);
        assert_false(f.d.write);
        assert_true(f.d.new_max > 50000);
        assert_true(f.d.new_buckets > 262144);
    }
}

/* --- writing ---------------------------------------------------------------------------------- */

static void carry_out(struct fixture *f) {
    const struct ctw_growth_outcome o = {
        .max_written = f->d.new_max != 0,
        .max = f->d.new_max ? f->d.new_max : f->d.old_max,
        .buckets_written = f->d.new_buckets != 0,
        .buckets = f->d.new_buckets ? f->d.new_buckets : f->d.old_buckets,
    };

    ctw_growth_done(&f->g, f->l.now_usec, &f->d, &o);
    f->l.sample.max = o.max;
    f->l.sample.buckets = o.buckets;
}

static void decide_failed_write_retries_after_a_second(void **state) {
    struct fixture f = machine();
    (void)state;

    f.l.sample.count = 262144;
    decide(&f);
    ctw_growth_done(&f.g, now, &f.d, &(struct ctw_growth_outcome){.max_error = -EPROTO});
    f.l.now_usec += CTW_USEC_PER_SEC - 1;
    assert_refused(&f, CTW_GROWTH_WRITE_FAILED);
    assert_int_equal(f.d.error, -EPROTO);
    f.l.now_usec++;
    decide(&f);
    assert_true(f.d.write);
    ctw_growth_done(&f.g, f.l.now_usec, &f.d, &(struct ctw_growth_outcome){.max_error = -EROFS});
    assert_refused(&f, CTW_GROWTH_NOT_PERMITTED);
}

static void done_max_changed_meanwhile_is_no_failure(void **state) {
    struct fixture f = machine();
    (void)state;

    f.l.sample.count = 262144;
    decide(&f);
    ctw_growth_done(&f.g, now, &f.d, &(struct ctw_growth_outcome){.max_error = -EAGAIN});
    decide(&f);
    assert_true(f.d.write);
}

static void decide_lowered_max_is_raised_three_times_an_hour(void **state) {
    struct fixture f = machine();
    const uint64_t hour = 3600 * CTW_USEC_PER_SEC;
    (void)state;

    f.l.sample.count = 240000;
    decide(&f);
    carry_out(&f);
    const uint32_t ours = f.l.sample.max;
    assert_int_equal(f.g.ours, ours);
    for (int i = 0; i < 3; i++) {
        f.l.sample.max = 262144;
        f.l.now_usec += CTW_USEC_PER_SEC;
        assert_grows(&f, ours, CTW_GROWTH_FILL);
        carry_out(&f);
    }
    f.l.sample.max = 262144;
    for (int i = 0; i < 3590; i += 10) {
        f.l.now_usec += 10 * CTW_USEC_PER_SEC;
        assert_refused(&f, CTW_GROWTH_FOREIGN_WRITER);
    }
    f.l.now_usec = now + hour + CTW_USEC_PER_SEC; /* after the first of the three */
    assert_grows(&f, ours, CTW_GROWTH_FILL);
    carry_out(&f);
    f.l.sample.max = 262144;
    f.l.now_usec += CTW_USEC_PER_SEC - 1;
    assert_refused(&f, CTW_GROWTH_FOREIGN_WRITER);
    f.l.sample.max = ours; /* settled */
    f.l.sample.count = ours;
    decide(&f);
    assert_true(f.d.write);
}

/* --- buckets ---------------------------------------------------------------------------------- */

static void startup_sizes_the_buckets_for_all_namespaces(void **state) {
    struct fixture f = machine();
    (void)state;

    f.g = (struct ctw_growth){0};
    f.s.growth.ceiling = 2000000;
    f.l.sample.buckets = 262144; /* enough for 2097152 */
    decide(&f);
    assert_int_equal(f.d.new_buckets, 0);
    f.l.sample.other_entries = 100000;
    assert_grows(&f, 0, CTW_GROWTH_STARTUP);
    assert_int_equal(f.d.new_buckets, ctw_growth_buckets_for(2100000, 8));
}

static void always_raises_buckets_for_all_namespaces(void **state) {
    struct fixture f = machine();
    (void)state;

    f.s.growth.buckets = CTW_BUCKETS_ALWAYS;
    f.l.sample.buckets = 65536; /* enough for 524288 */
    f.l.sample.count = 230000;
    assert_grows(&f, 524288, CTW_GROWTH_FILL);
    assert_int_equal(f.d.new_buckets, 0);
    f.l.sample.other_entries = 1;
    assert_grows(&f, 524288, CTW_GROWTH_FILL);
    assert_int_equal(f.d.new_buckets, ctw_growth_buckets_for(524289, 8));
}

static void startup_sizes_the_buckets_once(void **state) {
    struct fixture f = machine();
    (void)state;

    f.g = (struct ctw_growth){0};
    f.l.sample.buckets = 262144;
    assert_grows(&f, 0, CTW_GROWTH_STARTUP);
    assert_int_equal(f.d.new_buckets, ctw_growth_buckets_for(6676079 / 4096 * 4096, 8));
    carry_out(&f);
    f.l.sample.buckets = 262144; /* lowered by another program */
    decide(&f);
    assert_false(f.d.write);
}

static void startup_bounds_the_buckets(void **state) {
    struct fixture f = machine();
    (void)state;

    f.g = (struct ctw_growth){0};
    f.l.sample.buckets = 65536;
    assert_grows(&f, 0, CTW_GROWTH_STARTUP);
    assert_int_equal(f.d.new_buckets, 16 * 65536);
    f.l.facts.memory = (struct ctw_memory){4096 * GIB, true, 4000 * GIB, false};
    f.l.sample.buckets = 1048576;
    assert_grows(&f, 0, CTW_GROWTH_STARTUP);
    assert_int_equal(f.d.new_buckets, 64 * MIB / 8);
}

/* A refusal that lasts must not let the buckets grow 16 times at each poll. */
static void startup_sizes_the_buckets_once_though_max_is_refused(void **state) {
    struct fixture f = machine();
    (void)state;

    f.g = (struct ctw_growth){.ours = 524288, .again_usec = {now, now, now}};
    f.l.sample.buckets = 1024;
    f.l.sample.count = 50000;
    f.l.sample.max = 50000;
    decide(&f);
    assert_int_equal(f.d.refusal, CTW_GROWTH_FOREIGN_WRITER);
    assert_int_equal(f.d.new_buckets, 16 * 1024);
    carry_out(&f);
    assert_refused(&f, CTW_GROWTH_FOREIGN_WRITER);
}

static void startup_raises_max_to_two_reserves_once(void **state) {
    struct fixture f = machine();
    (void)state;

    f.g = (struct ctw_growth){0};
    f.l.sample.max = 200000;
    decide(&f);
    assert_false(f.d.write); /* the buckets come first */
    ctw_growth_done(&f.g, now, &f.d, NULL);
    assert_grows(&f, 253952, CTW_GROWTH_STARTUP);
    carry_out(&f);
    f.l.sample.max = 200000;
    decide(&f);
    assert_false(f.d.write);
    f.g = (struct ctw_growth){.sized = true};
    f.s.growth.ceiling = 200000; /* no refusal: two reserves are no promise */
    decide(&f);
    assert_int_equal(f.d.refusal, CTW_GROWTH_NOT_REFUSED);
}

static void startup_leaves_the_buckets(void **state) {
    struct fixture f;
    (void)state;

    for (int i = 0; i < 4; i++) {
        f = machine();
        f.g = (struct ctw_growth){.buckets_failed = i == 0};
        f.l.sample.buckets = 65536;
        if (i == 1)
            f.s.growth.buckets = CTW_BUCKETS_NEVER;
        if (i == 2)
            f.l.sample.count = 50001; /* changing them would stop packets for too long */
        if (i == 3)
            f.s.growth.ceiling = 524288; /* 8 a bucket: enough */
        decide(&f);
        assert_false(f.d.write);
    }
}

static void decide_buckets_always_grow_with_max(void **state) {
    struct fixture f = machine();
    (void)state;

    f.s.growth.buckets = CTW_BUCKETS_ALWAYS;
    f.l.sample.buckets = 32768;
    f.l.sample.count = 262144;
    assert_grows(&f, 524288, CTW_GROWTH_FILL);
    assert_int_equal(f.d.new_buckets, 131072);
    ctw_growth_done(
        &f.g, now, &f.d,
        &(struct ctw_growth_outcome){
            .max_written = true, .max = 524288, .buckets = 32768, .buckets_error = -ENOMEM});
    f.l.sample.max = 524288;
    f.l.sample.count = 524288;
    assert_refused(&f, CTW_GROWTH_TOO_FEW_BUCKETS);
}

static void decide_at_the_largest_buckets_leaves_them(void **state) {
    struct fixture f = machine();
    (void)state;

    f.s.growth.buckets = CTW_BUCKETS_ALWAYS;
    f.s.growth.memory_permyriad = 9000;
    f.l.facts.memory = (struct ctw_memory){2048 * GIB, true, 2048 * GIB, false};
    f.l.facts.release.entries_per_bucket = 1;
    f.l.sample.buckets = f.l.sample.max = f.l.sample.count = CTW_BUCKETS_LARGEST;
    decide(&f);
    assert_true(f.d.new_max > CTW_BUCKETS_LARGEST);
    assert_int_equal(f.d.new_buckets, 0);
}

/* --- over a boot ------------------------------------------------------------------------------ */

static void startup_sets_the_saved_max_up_to_the_ceiling(void **state) {
    struct fixture f = machine();
    (void)state;

    f.g = (struct ctw_growth){0};
    f.s.growth.persist = true;
    f.l.facts.has_saved = true;
    f.l.facts.saved = (struct ctw_saved_limits){262144, 262144, 2097152, 1048576};
    f.l.sample.buckets = 262144;
    assert_grows(&f, 0, CTW_GROWTH_STARTUP); /* buckets first: they raise the ceiling */
    carry_out(&f);
    assert_grows(&f, 2097152, CTW_GROWTH_SAVED);
    f.s.growth.ceiling = 1000000;
    assert_grows(&f, 1000000, CTW_GROWTH_SAVED);
    carry_out(&f);
    f.l.sample.max = 262144; /* once; after that, by need only */
    decide(&f);
    assert_false(f.d.write);
}

static void done_remembers_the_limits_before_the_first_growth(void **state) {
    struct fixture f = machine();
    (void)state;

    f.l.sample.count = 262144;
    decide(&f);
    carry_out(&f);
    f.l.sample.count = f.l.sample.max;
    decide(&f);
    carry_out(&f);
    assert_int_equal(f.g.limits.before_max, 262144);
    assert_int_equal(f.g.limits.before_buckets, 1048576);
    assert_int_equal(f.g.limits.max, f.l.sample.max);
    assert_int_equal(f.g.limits.buckets, 1048576);
}

/* --- when to poll ----------------------------------------------------------------------------- */

static uint64_t next_poll(struct fixture *f) {
    decide(f);
    return ctw_growth_next_poll(&f->g, &f->s, &f->l.sample, &f->d);
}

static void next_poll_before_a_third_of_the_free_entries_are_taken(void **state) {
    struct fixture f = machine();
    (void)state;

    f.s.growth.reserve_usec = 0;
    f.l.sample.max = 65536;
    assert_int_equal(next_poll(&f), 43690);
    f.l.sample.count = 10000;
    assert_int_equal(next_poll(&f), 37024);
    f.s.poll.worst_rate = 1000000;
    f.l.sample.max = 262144;
    assert_int_equal(next_poll(&f), 84048);
    f.s.growth.enabled = false;
    assert_int_equal(next_poll(&f), UINT64_MAX);
}

static void next_poll_when_refused_is_no_concern(void **state) {
    struct fixture f = machine();
    (void)state;

    f.s.growth.ceiling = 262144;
    f.l.sample.count = 262100;
    assert_int_equal(next_poll(&f), UINT64_MAX);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bounds_each_by_hand),
        cmocka_unit_test(bounds_lowest_is_the_ceiling),
        cmocka_unit_test(bounds_other_namespaces_leave_three_quarters),
        cmocka_unit_test(bounds_entries_of_other_namespaces_come_off),
        cmocka_unit_test(bounds_short_chain_limit_takes_one_entry_a_bucket),
        cmocka_unit_test(bytes_entries_and_known_buckets),
        cmocka_unit_test(bounds_smallest_and_largest_machine),
        cmocka_unit_test(bounds_without_mem_available_use_ram),
        cmocka_unit_test(decide_with_room_leaves_the_table),
        cmocka_unit_test(decide_at_the_fill_grows_by_the_step),
        cmocka_unit_test(decide_below_the_reserve_grows_to_two_reserves),
        cmocka_unit_test(decide_reserve_beyond_the_ceiling_alerts_when_it_matters),
        cmocka_unit_test(decide_in_a_burst_grows_a_second_ahead),
        cmocka_unit_test(decide_never_exceeds_the_ceiling),
        cmocka_unit_test(decide_each_refusal),
        cmocka_unit_test(decide_without_permission_alerts_at_once),
        cmocka_unit_test(decide_dry_run_writes_nothing),
        cmocka_unit_test(decide_failed_write_retries_after_a_second),
        cmocka_unit_test(done_max_changed_meanwhile_is_no_failure),
        cmocka_unit_test(decide_lowered_max_is_raised_three_times_an_hour),
        cmocka_unit_test(startup_sizes_the_buckets_for_all_namespaces),
        cmocka_unit_test(always_raises_buckets_for_all_namespaces),
        cmocka_unit_test(startup_sizes_the_buckets_once),
        cmocka_unit_test(startup_bounds_the_buckets),
        cmocka_unit_test(startup_sizes_the_buckets_once_though_max_is_refused),
        cmocka_unit_test(startup_raises_max_to_two_reserves_once),
        cmocka_unit_test(startup_leaves_the_buckets),
        cmocka_unit_test(decide_buckets_always_grow_with_max),
        cmocka_unit_test(decide_at_the_largest_buckets_leaves_them),
        cmocka_unit_test(startup_sets_the_saved_max_up_to_the_ceiling),
        cmocka_unit_test(done_remembers_the_limits_before_the_first_growth),
        cmocka_unit_test(next_poll_before_a_third_of_the_free_entries_are_taken),
        cmocka_unit_test(next_poll_when_refused_is_no_concern),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
