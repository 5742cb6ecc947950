/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "lib/state/history.h"

#define SECOND CTW_USEC_PER_SEC
#define MSEC   CTW_USEC_PER_MSEC

static const struct ctw_losses nothing;

/* A history and its pen, looked at. */
struct book {
    struct ctw_history_pen pen;
    struct ctw_history *history;
};

static void poll(struct book *b, uint64_t now_usec, uint32_t count, const struct ctw_losses *lost,
                 enum ctw_level level) {
    const struct ctw_sample sample = {
        .count = count, .max = 1000, .buckets = 512, .has_buckets = true};

    if (ctw_history_due(&b->pen, now_usec))
        ctw_history_turn(&b->pen, now_usec, b->history);
    ctw_history_note(&b->pen, now_usec, &sample, lost, false, level);
}

static int open_book(void **state) {
    struct book *b = calloc(1, sizeof(*b));

    assert_non_null(b);
    b->history = calloc(1, sizeof(*b->history));
    assert_non_null(b->history);
    *state = b;
    return 0;
}

static int close_book(void **state) {
    struct book *b = *state;

    free(b->history);
    free(b);
    return 0;
}

static const struct ctw_slot *fine(const struct book *b, uint64_t at_usec) {
    return ctw_history_slot(b->history, CTW_RESOLUTION_FINE,
                            ctw_history_number(CTW_RESOLUTION_FINE, at_usec));
}

static void before_the_first_slot_there_is_nothing(void **state) {
    const struct book *b = *state;
    uint32_t oldest, newest;

    assert_false(ctw_history_span(b->history, CTW_RESOLUTION_FINE, &oldest, &newest));
    assert_null(ctw_history_slot(b->history, CTW_RESOLUTION_FINE, 0));
    assert_null(ctw_history_slot(b->history, CTW_RESOLUTION_COARSE, 17));
    assert_int_equal(ctw_history_check(b->history), 0);
}

static void a_slot_keeps_mean_and_extremes_and_when_they_were(void **state) {
    struct book *b = *state;

    poll(b, 100 * SECOND, 10, &nothing, CTW_LEVEL_OK);
    poll(b, 100 * SECOND + 300 * MSEC, 990, &nothing, CTW_LEVEL_CRITICAL);
    poll(b, 100 * SECOND + 302 * MSEC, 2, &nothing, CTW_LEVEL_OK);
    poll(b, 100 * SECOND + 900 * MSEC, 6, &nothing, CTW_LEVEL_OK);
    assert_null(fine(b, 100 * SECOND)); /* still open */
    poll(b, 101 * SECOND, 7, &nothing, CTW_LEVEL_OK);

    const struct ctw_slot *s = fine(b, 100 * SECOND);
    assert_non_null(s);
    assert_int_equal(s->polls, 4);
    assert_int_equal(s->mean, (10 + 990 + 2 + 6) / 4);
    assert_int_equal(s->high, 990);
    assert_int_equal(s->high_msec, 300);
    assert_int_equal(s->low, 2);
    assert_int_equal(s->low_msec, 302);
    assert_int_equal(s->first, 10);
    assert_int_equal(s->first_msec, 0);
    assert_int_equal(s->last, 6);
    assert_int_equal(s->last_msec, 900);
    assert_int_equal(s->max, 1000);
    assert_int_equal(s->buckets, 512);
    assert_int_equal(s->level, CTW_LEVEL_CRITICAL);
    assert_false(ctw_slot_has_losses(s));
}

static void a_slot_counts_who_else_changed_a_limit(void **state) {
    const struct ctw_sample sample = {.count = 5, .max = 1000};
    struct book *b = *state;

    ctw_history_note(&b->pen, 70 * SECOND, &sample, &nothing, true, CTW_LEVEL_OK);
    ctw_history_note(&b->pen, 70 * SECOND + MSEC, &sample, &nothing, false, CTW_LEVEL_OK);
    ctw_history_note(&b->pen, 70 * SECOND + 2 * MSEC, &sample, &nothing, true, CTW_LEVEL_OK);
    poll(b, 71 * SECOND, 5, &nothing, CTW_LEVEL_OK);
    poll(b, 72 * SECOND, 5, &nothing, CTW_LEVEL_OK);
    assert_int_equal(fine(b, 70 * SECOND)->limit_changes, 2);
    assert_int_equal(fine(b, 70 * SECOND)->set_max, 1000);
    assert_int_equal(fine(b, 71 * SECOND)->limit_changes, 0);
}

/* While no daemon ran, or where there was no table. */
static void what_changed_unseen_was_changed_by_others(void **state) {
    struct ctw_sample sample = {.count = 5, .max = 1000};
    struct book *b = *state;
    struct ctw_history_pen next = {0};

    ctw_history_note(&b->pen, 80 * SECOND, &sample, &nothing, false, CTW_LEVEL_OK);
    ctw_history_close(&b->pen, b->history);
    ctw_history_resume(&next, 82 * SECOND, b->history);
    sample.max = 2000;
    ctw_history_note(&next, 82 * SECOND, &sample, &nothing, false, CTW_LEVEL_OK);
    sample.max = 4000; /* by ctwatchd */
    ctw_history_note(&next, 82 * SECOND + MSEC, &sample, &nothing, false, CTW_LEVEL_OK);
    ctw_history_turn(&next, 83 * SECOND, b->history);
    assert_int_equal(fine(b, 82 * SECOND)->limit_changes, 1);
    assert_int_equal(fine(b, 82 * SECOND)->set_max, 2000);
    assert_int_equal(fine(b, 82 * SECOND)->max, 4000);
    ctw_history_note(&next, 83 * SECOND, NULL, &nothing, false, CTW_LEVEL_OK);
    sample.max = 1000;
    ctw_history_note(&next, 83 * SECOND + MSEC, &sample, &nothing, false, CTW_LEVEL_OK);
    ctw_history_turn(&next, 84 * SECOND, b->history);
    assert_int_equal(fine(b, 83 * SECOND)->limit_changes, 1);
}

static void losses_are_summed_with_their_first_and_last_time(void **state) {
    struct book *b = *state;
    const struct ctw_losses full = {.drops = 5, .early_drops = 1, .log_lines = 2};
    const struct ctw_losses clash = {.clashes = 3};

    poll(b, 50 * SECOND + 100 * MSEC, 1000, &nothing, CTW_LEVEL_FULL);
    poll(b, 50 * SECOND + 120 * MSEC, 1000, &full, CTW_LEVEL_FULL);
    poll(b, 50 * SECOND + 500 * MSEC, 1000, &clash, CTW_LEVEL_FULL);
    poll(b, 50 * SECOND + 900 * MSEC, 1000, &nothing, CTW_LEVEL_FULL);
    poll(b, 51 * SECOND, 1000, &full, CTW_LEVEL_FULL);
    poll(b, 52 * SECOND, 1000, &nothing, CTW_LEVEL_FULL);

    const struct ctw_slot *s = fine(b, 50 * SECOND);
    assert_true(ctw_slot_has_losses(s));
    assert_int_equal(s->drops, 5);
    assert_int_equal(s->early_drops, 1);
    assert_int_equal(s->clashes, 3);
    assert_int_equal(s->log_lines, 2);
    assert_int_equal(s->loss_first_msec, 120);
    assert_int_equal(s->loss_last_msec, 500);
    assert_int_equal(fine(b, 51 * SECOND)->drops, 5);
}

static void losses_beyond_the_counter_stay_at_its_end(void **state) {
    struct book *b = *state;
    const struct ctw_losses many = {.drops = UINT32_MAX - 1};

    poll(b, 50 * SECOND, 1, &many, CTW_LEVEL_FULL);
    poll(b, 50 * SECOND + MSEC, 1, &many, CTW_LEVEL_FULL);
    poll(b, 51 * SECOND, 1, &nothing, CTW_LEVEL_FULL);
    assert_int_equal(fine(b, 50 * SECOND)->drops, UINT32_MAX);
}

static void ten_seconds_hold_what_their_seconds_held(void **state) {
    struct book *b = *state;

    for (uint64_t i = 0; i <= 10; i++)
        poll(b, (200 + i) * SECOND, i == 7 ? 900 : 100, &nothing, CTW_LEVEL_OK);

    const struct ctw_slot *s = ctw_history_slot(
        b->history, CTW_RESOLUTION_COARSE, ctw_history_number(CTW_RESOLUTION_COARSE, 200 * SECOND));
    assert_non_null(s);
    assert_int_equal(s->polls, 10);
    assert_int_equal(s->mean, 180);
    assert_int_equal(s->high, 900);
    assert_int_equal(s->high_msec, 7000);
    assert_int_equal(ctw_history_start_usec(CTW_RESOLUTION_COARSE, s->number), 200 * SECOND);
}

static void the_ring_forgets_what_is_older_than_it_is_long(void **state) {
    struct book *b = *state;
    uint32_t oldest, newest;

    for (uint64_t i = 1; i <= 2 * CTW_HISTORY_FINE; i++)
        poll(b, i * SECOND, 1, &nothing, CTW_LEVEL_OK);
    assert_true(ctw_history_span(b->history, CTW_RESOLUTION_FINE, &oldest, &newest));
    assert_int_equal(newest,
                     ctw_history_number(CTW_RESOLUTION_FINE, (2 * CTW_HISTORY_FINE - 1) * SECOND));
    assert_int_equal(newest - oldest, CTW_HISTORY_FINE - 1);
    assert_null(fine(b, (CTW_HISTORY_FINE - 1) * SECOND));
    assert_non_null(fine(b, CTW_HISTORY_FINE * SECOND));
    assert_int_equal(ctw_history_check(b->history), 0);
}

/* Stopped for half an hour: the seconds of that time are not those of the round before. */
static void a_time_in_which_nobody_looked_is_a_hole(void **state) {
    struct book *b = *state;
    uint32_t oldest, newest;

    for (uint64_t i = 1; i <= CTW_HISTORY_FINE; i++)
        poll(b, i * SECOND, 1, &nothing, CTW_LEVEL_OK);
    poll(b, (CTW_HISTORY_FINE + 1800) * SECOND, 1, &nothing, CTW_LEVEL_OK);
    poll(b, (CTW_HISTORY_FINE + 1801) * SECOND, 1, &nothing, CTW_LEVEL_OK);
    assert_null(fine(b, (CTW_HISTORY_FINE + 900) * SECOND));
    assert_non_null(fine(b, (CTW_HISTORY_FINE + 1800) * SECOND));
    assert_true(ctw_history_span(b->history, CTW_RESOLUTION_FINE, &oldest, &newest));
    assert_true(newest - oldest < CTW_HISTORY_FINE);
}

/* As over a restart, in the middle of a second, and of ten. */
static void closed_slots_are_gone_on_with(void **state) {
    struct book *b = *state;
    const struct ctw_losses full = {.drops = 5};

    poll(b, 63 * SECOND + 100 * MSEC, 900, &full, CTW_LEVEL_FULL);
    poll(b, 63 * SECOND + 200 * MSEC, 100, &nothing, CTW_LEVEL_OK);
    ctw_history_close(&b->pen, b->history);
    assert_int_equal(fine(b, 63 * SECOND)->polls, 2);

    b->pen = (struct ctw_history_pen){0};
    ctw_history_resume(&b->pen, 63 * SECOND + 800 * MSEC, b->history);
    poll(b, 63 * SECOND + 900 * MSEC, 200, &nothing, CTW_LEVEL_OK);
    poll(b, 70 * SECOND, 200, &nothing, CTW_LEVEL_OK);
    assert_int_equal(fine(b, 63 * SECOND)->polls, 3);
    assert_int_equal(fine(b, 63 * SECOND)->mean, 400);
    assert_int_equal(fine(b, 63 * SECOND)->high, 900);
    const struct ctw_slot *s = ctw_history_slot(
        b->history, CTW_RESOLUTION_COARSE, ctw_history_number(CTW_RESOLUTION_COARSE, 63 * SECOND));
    assert_int_equal(s->polls, 3);
    assert_int_equal(s->drops, 5);
    assert_int_equal(s->level, CTW_LEVEL_FULL);
}

static void what_was_closed_long_ago_is_not_gone_on_with(void **state) {
    struct book *b = *state;

    poll(b, 63 * SECOND, 900, &nothing, CTW_LEVEL_OK);
    ctw_history_close(&b->pen, b->history);
    b->pen = (struct ctw_history_pen){0};
    ctw_history_resume(&b->pen, 63 * SECOND + CTW_HISTORY_FINE * SECOND, b->history);
    assert_int_equal(b->pen.open[CTW_RESOLUTION_FINE].slot.number, 0);
    assert_int_equal(b->pen.open[CTW_RESOLUTION_COARSE].slot.number, 0);
}

static void a_table_that_could_not_be_read_leaves_a_slot_without_looks(void **state) {
    struct book *b = *state;
    const struct ctw_losses line = {.log_lines = 1};

    ctw_history_note(&b->pen, 70 * SECOND, NULL, &line, false, CTW_LEVEL_FULL);
    poll(b, 71 * SECOND, 5, &nothing, CTW_LEVEL_FULL);
    assert_int_equal(fine(b, 70 * SECOND)->polls, 0);
    assert_int_equal(fine(b, 70 * SECOND)->log_lines, 1);
}

static void damaged_slots_are_found(void **state) {
    struct book *b = *state;

    poll(b, 100 * SECOND, 1, &nothing, CTW_LEVEL_OK);
    poll(b, 101 * SECOND, 1, &nothing, CTW_LEVEL_OK);
    b->history->fine[5].level = 4;
    assert_int_equal(ctw_history_check(b->history), -EBADMSG);
    b->history->fine[5].level = 0;
    b->history->coarse[5].number = 6;
    assert_int_equal(ctw_history_check(b->history), -EBADMSG);
    b->history->coarse[5].number = 5;
    assert_int_equal(ctw_history_check(b->history), 0);
}

/* So that a line drawn through both is as steep as what happened. */
static void what_goes_up_goes_up_from_the_last_look_before(void **state) {
    struct book *b = *state;

    poll(b, 100 * SECOND, 10, &nothing, CTW_LEVEL_OK);
    poll(b, 100 * SECOND + 500 * MSEC, 10, &nothing, CTW_LEVEL_OK);
    poll(b, 100 * SECOND + 600 * MSEC, 900, &nothing, CTW_LEVEL_OK);
    poll(b, 100 * SECOND + 800 * MSEC, 900, &nothing, CTW_LEVEL_OK);
    poll(b, 101 * SECOND, 900, &nothing, CTW_LEVEL_OK);
    poll(b, 101 * SECOND + 300 * MSEC, 900, &nothing, CTW_LEVEL_OK);
    poll(b, 101 * SECOND + 400 * MSEC, 10, &nothing, CTW_LEVEL_OK);
    poll(b, 102 * SECOND, 10, &nothing, CTW_LEVEL_OK);
    assert_int_equal(fine(b, 100 * SECOND)->low_msec, 500);
    assert_int_equal(fine(b, 100 * SECOND)->high_msec, 600);
    assert_int_equal(fine(b, 101 * SECOND)->high_msec, 300);
    assert_int_equal(fine(b, 101 * SECOND)->low_msec, 400);
}

int main(void) {
#define WITH_BOOK(f) cmocka_unit_test_setup_teardown(f, open_book, close_book)
    const struct CMUnitTest tests[] = {
        WITH_BOOK(before_the_first_slot_there_is_nothing),
        WITH_BOOK(a_slot_keeps_mean_and_extremes_and_when_they_were),
        WITH_BOOK(what_goes_up_goes_up_from_the_last_look_before),
        WITH_BOOK(a_slot_counts_who_else_changed_a_limit),
        WITH_BOOK(what_changed_unseen_was_changed_by_others),
        WITH_BOOK(losses_are_summed_with_their_first_and_last_time),
        WITH_BOOK(losses_beyond_the_counter_stay_at_its_end),
        WITH_BOOK(ten_seconds_hold_what_their_seconds_held),
        WITH_BOOK(the_ring_forgets_what_is_older_than_it_is_long),
        WITH_BOOK(a_time_in_which_nobody_looked_is_a_hole),
        WITH_BOOK(closed_slots_are_gone_on_with),
        WITH_BOOK(what_was_closed_long_ago_is_not_gone_on_with),
        WITH_BOOK(a_table_that_could_not_be_read_leaves_a_slot_without_looks),
        WITH_BOOK(damaged_slots_are_found),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
