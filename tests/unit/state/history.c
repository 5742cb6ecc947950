/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/state/history.h"
#include "lib/util/parse.h"
#include "lib/util/units.h"

#define SECOND CTW_USEC_PER_SEC
#define MSEC   CTW_USEC_PER_MSEC

static const struct ctw_losses nothing;

static struct ctw_history_pen pen;
static struct ctw_history history;

static int set_up(void **state) {
    (void)state;
    memset(&pen, 0, sizeof(pen));
    memset(&history, 0, sizeof(history));
    return 0;
}

static void take(uint64_t now_usec) {
    struct ctw_record slot;
    uint32_t index;

    while (ctw_history_take(&pen, now_usec, &slot, &index))
        history.slots[index] = slot;
}

static void poll(uint64_t now_usec, uint32_t count, const struct ctw_losses *lost,
                 enum ctw_level level) {
    const struct ctw_sample sample = {
        .count = count, .max = 1000, .buckets = 512, .has_buckets = true};

    take(now_usec);
    ctw_history_note(&pen, now_usec, &sample, lost, false, level);
}

static void poll_calm(uint64_t now_usec, uint32_t count) {
    poll(now_usec, count, &nothing, CTW_LEVEL_OK);
}

/* Stops in good order, and starts again at @now_usec. */
static void restart(uint64_t now_usec) {
    const struct ctw_sample last = {.max = pen.max};
    struct ctw_record slots[CTW_RESOLUTIONS];

    take(UINT64_MAX);
    for (enum ctw_resolution r = 0; r < CTW_RESOLUTIONS; r++)
        slots[r] = history.slots[ctw_history_index(r, now_usec)];
    pen = (struct ctw_history_pen){0};
    ctw_history_resume(&pen, now_usec, slots, &last);
}

static const struct ctw_record *fine(uint64_t at_usec) {
    return ctw_history_slot(&history, CTW_RESOLUTION_FINE, at_usec);
}

static const struct ctw_record *coarse(uint64_t at_usec) {
    return ctw_history_slot(&history, CTW_RESOLUTION_COARSE, at_usec);
}

/* Slots with samples, of each width. */
static void expect_slots(unsigned n_fine, unsigned n_coarse) {
    struct ctw_history_iter iter;
    unsigned n[11] = {0};

    ctw_history_iter_start(&iter, &history);
    for (const struct ctw_record *slot; (slot = ctw_history_iter_next(&iter));)
        n[slot->width_sec]++;
    assert_int_equal(n[1], n_fine);
    assert_int_equal(n[10], n_coarse);
}

/* --- slots ------------------------------------------------------------------------------------ */

static void history_empty_has_no_slots(void **state) {
    (void)state;
    assert_null(fine(0));
    assert_null(coarse(17 * SECOND));
    assert_int_equal(ctw_history_check(&history), 0);
    expect_slots(0, 0);
}

static void slot_keeps_mean_and_extremes_with_their_times(void **state) {
    (void)state;
    poll_calm(100 * SECOND, 10);
    poll(100 * SECOND + 300 * MSEC, 990, &nothing, CTW_LEVEL_CRITICAL);
    poll_calm(100 * SECOND + 302 * MSEC, 2);
    poll_calm(100 * SECOND + 900 * MSEC, 6);
    assert_null(fine(100 * SECOND)); /* still open */
    poll_calm(101 * SECOND, 7);

    const struct ctw_record *s = fine(100 * SECOND + 999 * MSEC);
    assert_non_null(s);
    assert_int_equal(s->at_usec, 100 * SECOND);
    assert_int_equal(s->width_sec, 1);
    assert_int_equal(s->polls, 4);
    assert_int_equal(s->mean, (10 + 990 + 2 + 6) / 4);
    assert_int_equal(s->high, 990);
    assert_int_equal(s->high_msec, 300);
    assert_int_equal(s->low, 2);
    assert_int_equal(s->low_msec, 302);
    assert_int_equal(s->first, 10);
    assert_int_equal(s->first_msec, 0);
    assert_int_equal(s->count, 6);
    assert_int_equal(s->last_msec, 900);
    assert_int_equal(s->max, 1000);
    assert_int_equal(s->buckets, 512);
    assert_int_equal(s->level, CTW_LEVEL_CRITICAL);
    assert_false(ctw_losses_any(&s->losses));
    assert_true(s->has_losses && s->has_other_drops && s->has_changes);
}

static void slot_with_one_poll_is_flat(void **state) {
    (void)state;
    poll_calm(100 * SECOND + 250 * MSEC, 10);
    poll_calm(101 * SECOND + 250 * MSEC, 11);
    const struct ctw_record *s = fine(100 * SECOND);
    assert_int_equal(s->polls, 1);
    assert_true(s->first == 10 && s->high == 10 && s->low == 10 && s->count == 10);
    assert_true(s->first_msec == 250 && s->high_msec == 250 && s->low_msec == 250);
}

/* So that a line drawn through both is as steep as what happened. */
static void slot_rises_from_last_sample_of_level_stretch(void **state) {
    (void)state;
    poll_calm(100 * SECOND, 10);
    poll_calm(100 * SECOND + 500 * MSEC, 10);
    poll_calm(100 * SECOND + 600 * MSEC, 900);
    poll_calm(100 * SECOND + 800 * MSEC, 900);
    poll_calm(101 * SECOND, 900);
    poll_calm(101 * SECOND + 300 * MSEC, 900);
    poll_calm(101 * SECOND + 400 * MSEC, 10);
    poll_calm(102 * SECOND, 10);
    assert_int_equal(fine(100 * SECOND)->low_msec, 500);
    assert_int_equal(fine(100 * SECOND)->high_msec, 600);
    assert_int_equal(fine(101 * SECOND)->high_msec, 300);
    assert_int_equal(fine(101 * SECOND)->low_msec, 400);
}

static void slot_counts_limit_changes_of_others(void **state) {
    const struct ctw_sample sample = {.count = 5, .max = 1000};

    (void)state;
    ctw_history_note(&pen, 70 * SECOND, &sample, &nothing, true, CTW_LEVEL_OK);
    ctw_history_note(&pen, 70 * SECOND + MSEC, &sample, &nothing, false, CTW_LEVEL_OK);
    ctw_history_note(&pen, 70 * SECOND + 2 * MSEC, &sample, &nothing, true, CTW_LEVEL_OK);
    poll_calm(71 * SECOND, 5);
    poll_calm(72 * SECOND, 5);
    assert_int_equal(fine(70 * SECOND)->limit_changes, 2);
    assert_int_equal(fine(70 * SECOND)->set_max, 1000);
    assert_int_equal(fine(71 * SECOND)->limit_changes, 0);
}

/* While ctwatchd did not run, or there was no table. */
static void slot_counts_limit_changed_without_samples(void **state) {
    struct ctw_sample sample = {.count = 5, .max = 1000};

    (void)state;
    ctw_history_note(&pen, 80 * SECOND, &sample, &nothing, false, CTW_LEVEL_OK);
    restart(82 * SECOND);
    sample.max = 2000;
    ctw_history_note(&pen, 82 * SECOND, &sample, &nothing, false, CTW_LEVEL_OK);
    sample.max = 4000; /* by ctwatchd */
    ctw_history_note(&pen, 82 * SECOND + MSEC, &sample, &nothing, false, CTW_LEVEL_OK);
    take(83 * SECOND);
    assert_int_equal(fine(82 * SECOND)->limit_changes, 1);
    assert_int_equal(fine(82 * SECOND)->set_max, 2000);
    assert_int_equal(fine(82 * SECOND)->max, 4000);
    ctw_history_note(&pen, 83 * SECOND, NULL, &nothing, false, CTW_LEVEL_OK);
    sample.max = 1000;
    ctw_history_note(&pen, 83 * SECOND + MSEC, &sample, &nothing, false, CTW_LEVEL_OK);
    take(84 * SECOND);
    assert_int_equal(fine(83 * SECOND)->limit_changes, 1);
}

static void slot_sums_losses_with_their_first_and_last_time(void **state) {
    const struct ctw_losses full = {.drops = 5, .early_drops = 1, .log_lines = 2};
    const struct ctw_losses clash = {.clashes = 3};

    (void)state;
    poll(50 * SECOND + 100 * MSEC, 1000, &nothing, CTW_LEVEL_FULL);
    poll(50 * SECOND + 120 * MSEC, 1000, &full, CTW_LEVEL_FULL);
    poll(50 * SECOND + 500 * MSEC, 1000, &clash, CTW_LEVEL_FULL);
    poll(50 * SECOND + 900 * MSEC, 1000, &nothing, CTW_LEVEL_FULL);
    poll(51 * SECOND, 1000, &full, CTW_LEVEL_FULL);
    poll(52 * SECOND, 1000, &nothing, CTW_LEVEL_FULL);

    const struct ctw_record *s = fine(50 * SECOND);
    assert_int_equal(s->losses.drops, 5);
    assert_int_equal(s->losses.early_drops, 1);
    assert_int_equal(s->losses.clashes, 3);
    assert_int_equal(s->losses.log_lines, 2);
    assert_int_equal(s->loss_first_msec, 120);
    assert_int_equal(s->loss_last_msec, 500);
    assert_int_equal(fine(51 * SECOND)->losses.drops, 5);
}

static void slot_without_table_has_no_polls(void **state) {
    const struct ctw_losses line = {.log_lines = 1};

    (void)state;
    ctw_history_note(&pen, 70 * SECOND, NULL, &line, false, CTW_LEVEL_FULL);
    poll(71 * SECOND, 5, &nothing, CTW_LEVEL_FULL);
    assert_int_equal(fine(70 * SECOND)->polls, 0);
    assert_int_equal(fine(70 * SECOND)->losses.log_lines, 1);
}

static void coarse_slot_holds_ten_seconds(void **state) {
    (void)state;
    for (uint64_t i = 0; i <= 10; i++)
        poll_calm((200 + i) * SECOND, i == 7 ? 900 : 100);

    const struct ctw_record *s = coarse(200 * SECOND);
    assert_non_null(s);
    assert_int_equal(s->at_usec, 200 * SECOND);
    assert_int_equal(s->width_sec, 10);
    assert_int_equal(s->polls, 10);
    assert_int_equal(s->mean, 180);
    assert_int_equal(s->high, 900);
    assert_int_equal(s->high_msec, 7000);
}

/* --- rings ------------------------------------------------------------------------------------ */

static void ring_come_round_keeps_its_length(void **state) {
    (void)state;
    for (uint64_t i = 1; i <= 2 * CTW_HISTORY_FINE; i++)
        poll_calm(i * SECOND, 1);
    assert_null(fine((CTW_HISTORY_FINE - 1) * SECOND));
    assert_non_null(fine(CTW_HISTORY_FINE * SECOND));
    assert_non_null(fine((2 * CTW_HISTORY_FINE - 1) * SECOND));
    assert_int_equal(ctw_history_check(&history), 0);
    expect_slots(CTW_HISTORY_FINE, CTW_HISTORY_FINE / 10);
}

/* Half an hour without polls: its slots are not those of the round before. */
static void ring_after_pause_has_a_hole(void **state) {
    (void)state;
    for (uint64_t i = 1; i <= CTW_HISTORY_FINE; i++)
        poll_calm(i * SECOND, 1);
    poll_calm((CTW_HISTORY_FINE + 1800) * SECOND, 1);
    poll_calm((CTW_HISTORY_FINE + 1801) * SECOND, 1);
    assert_null(fine((CTW_HISTORY_FINE + 900) * SECOND));
    assert_non_null(fine((CTW_HISTORY_FINE + 1800) * SECOND));
    expect_slots(1801 - 9, 181); /* the oldest 9 seconds are in a coarse slot */
}

static void check_damaged_slot_is_refused(void **state) {
    struct ctw_record *f = &history.slots[100];
    struct ctw_record *c = &history.slots[ctw_history_index(CTW_RESOLUTION_COARSE, 90 * SECOND)];

    (void)state;
    poll_calm(99 * SECOND, 1);
    poll_calm(100 * SECOND, 1);
    poll_calm(101 * SECOND, 1);
    assert_int_equal(ctw_history_check(&history), 0);
    f->level = CTW_LEVEL_FULL + 1;
    assert_int_equal(ctw_history_check(&history), -EBADMSG);
    f->level = CTW_LEVEL_OK;
    f->at_usec++;
    assert_int_equal(ctw_history_check(&history), -EBADMSG);
    f->at_usec = 101 * SECOND;
    assert_int_equal(ctw_history_check(&history), -EBADMSG);
    f->at_usec = 100 * SECOND;
    f->width_sec = 10;
    assert_int_equal(ctw_history_check(&history), -EBADMSG);
    f->width_sec = 1;
    c->width_sec = 1;
    assert_int_equal(ctw_history_check(&history), -EBADMSG);
    c->width_sec = 10;
    assert_int_equal(ctw_history_check(&history), 0);
    f->at_usec = UINT64_MAX - UINT64_MAX % SECOND;
    assert_int_equal(ctw_history_check(&history), -EBADMSG);
}

/* --- a restart -------------------------------------------------------------------------------- */

static void history_resumed_within_slot_continues_it(void **state) {
    const struct ctw_losses full = {.drops = 5};

    (void)state;
    poll(63 * SECOND + 100 * MSEC, 900, &full, CTW_LEVEL_FULL);
    poll_calm(63 * SECOND + 200 * MSEC, 100);
    restart(63 * SECOND + 800 * MSEC);
    assert_int_equal(fine(63 * SECOND)->polls, 2);
    poll_calm(63 * SECOND + 900 * MSEC, 200);
    poll_calm(70 * SECOND, 200);
    assert_int_equal(fine(63 * SECOND)->polls, 3);
    assert_int_equal(fine(63 * SECOND)->mean, 400);
    assert_int_equal(fine(63 * SECOND)->high, 900);
    assert_int_equal(coarse(63 * SECOND)->polls, 3);
    assert_int_equal(coarse(63 * SECOND)->losses.drops, 5);
    assert_int_equal(coarse(63 * SECOND)->level, CTW_LEVEL_FULL);
}

/* A coarse slot is open then, and no fine one. */
static void history_resumed_across_slot_boundary_starts_next_slot_empty(void **state) {
    const struct ctw_losses full = {.drops = 5};

    (void)state;
    for (uint64_t i = 0; i < 8; i++)
        poll((60 + i) * SECOND, 900, i == 3 ? &full : &nothing, CTW_LEVEL_FULL);
    restart(69 * SECOND);
    for (uint64_t i = 0; i <= 10; i++)
        poll_calm((70 + i) * SECOND, 200);
    assert_int_equal(coarse(60 * SECOND)->polls, 8);
    assert_int_equal(coarse(60 * SECOND)->losses.drops, 5);
    assert_int_equal(coarse(70 * SECOND)->polls, 10);
    assert_int_equal(coarse(70 * SECOND)->losses.drops, 0);
    assert_int_equal(coarse(70 * SECOND)->high, 200);
}

static void history_resumed_a_round_later_starts_empty(void **state) {
    (void)state;
    poll_calm(63 * SECOND, 900);
    restart(63 * SECOND + CTW_HISTORY_FINE * SECOND);
    assert_int_equal(pen.open[CTW_RESOLUTION_FINE].slot.width_sec, 0);
    assert_int_equal(pen.open[CTW_RESOLUTION_COARSE].slot.width_sec, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(history_empty_has_no_slots, set_up),
        cmocka_unit_test_setup(slot_keeps_mean_and_extremes_with_their_times, set_up),
        cmocka_unit_test_setup(slot_with_one_poll_is_flat, set_up),
        cmocka_unit_test_setup(slot_rises_from_last_sample_of_level_stretch, set_up),
        cmocka_unit_test_setup(slot_counts_limit_changes_of_others, set_up),
        cmocka_unit_test_setup(slot_counts_limit_changed_without_samples, set_up),
        cmocka_unit_test_setup(slot_sums_losses_with_their_first_and_last_time, set_up),
        cmocka_unit_test_setup(slot_without_table_has_no_polls, set_up),
        cmocka_unit_test_setup(coarse_slot_holds_ten_seconds, set_up),
        cmocka_unit_test_setup(ring_come_round_keeps_its_length, set_up),
        cmocka_unit_test_setup(ring_after_pause_has_a_hole, set_up),
        cmocka_unit_test_setup(check_damaged_slot_is_refused, set_up),
        cmocka_unit_test_setup(history_resumed_within_slot_continues_it, set_up),
        cmocka_unit_test_setup(history_resumed_across_slot_boundary_starts_next_slot_empty, set_up),
        cmocka_unit_test_setup(history_resumed_a_round_later_starts_empty, set_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
