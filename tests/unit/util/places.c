/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/util/places.h"

#define SEC UINT64_C(1000000)

static struct ctw_places places;

/* Who comes at that second; the number is also what it is known by. */
static struct ctw_place *comes(uint64_t at_sec) {
    return ctw_places_take(&places, (int)at_sec, at_sec * SEC);
}

static struct ctw_place *answered(uint64_t at_sec) {
    struct ctw_place *p = comes(at_sec);

    assert_non_null(p);
    ctw_place_asks(p, at_sec * SEC);
    ctw_place_is_answered(p, at_sec * SEC);
    return p;
}

static int empty(void **state) {
    (void)state;
    memset(&places, 0, sizeof(places));
    return 0;
}

static void there_are_so_many_and_no_more(void **state) {
    (void)state;
    for (size_t i = 0; i < CTW_PLACES; i++)
        assert_non_null(comes(1));
    assert_int_equal(places.taken, CTW_PLACES);
    assert_null(comes(2));
    ctw_places_leave(&places, &places.place[17]);
    ctw_places_leave(&places, &places.place[17]);
    assert_int_equal(places.taken, CTW_PLACES - 1);
    assert_ptr_equal(comes(3), &places.place[17]);
}

static void the_oldest_that_was_not_answered_goes_first(void **state) {
    (void)state;
    answered(1);
    comes(2);
    comes(3);
    struct ctw_place *p = ctw_places_next_to_go(&places);
    assert_int_equal(p->fd, 2);
    p->dismissed = true;
    assert_int_equal(ctw_places_next_to_go(&places)->fd, 3);
}

static void a_scraper_stays_whoever_comes(void **state) {
    (void)state;
    answered(1);
    for (uint64_t i = 2; i < 1000; i++) {
        if (places.taken == CTW_PLACES) {
            struct ctw_place *p = ctw_places_next_to_go(&places);
            assert_int_not_equal(p->fd, 1);
            ctw_places_leave(&places, p);
        }
        assert_non_null(comes(i));
    }
}

static void those_who_were_answered_do_not_take_it_all(void **state) {
    (void)state;
    for (uint64_t i = 1; i <= CTW_PLACES / 2 + 1; i++)
        answered(i);
    comes(100);
    assert_int_equal(ctw_places_next_to_go(&places)->fd, 1);
}

static void when_all_were_answered_the_longest_ago_goes(void **state) {
    (void)state;
    struct ctw_place *first = answered(1);
    answered(2);
    ctw_place_asks(first, 3 * SEC);
    ctw_place_is_answered(first, 3 * SEC);
    assert_int_equal(ctw_places_next_to_go(&places)->fd, 2);
}

static void nobody_goes_twice(void **state) {
    (void)state;
    comes(1)->dismissed = true;
    answered(2)->dismissed = true;
    assert_null(ctw_places_next_to_go(&places));
}

static void an_answer_must_end_within_30_s(void **state) {
    (void)state;
    struct ctw_place *p = comes(10);
    assert_false(ctw_place_is_overdue(p, 40 * SEC));
    assert_true(ctw_place_is_overdue(p, 40 * SEC + 1));
    ctw_place_asks(p, 39 * SEC); /* asking gives no more time to who has only just come */
    assert_true(ctw_place_is_overdue(p, 40 * SEC + 1));
    assert_false(ctw_place_is_overdue(p, 9 * SEC));
}

static void who_was_answered_may_stay_for_300_s(void **state) {
    (void)state;
    struct ctw_place *p = answered(10);
    assert_false(ctw_place_is_overdue(p, 310 * SEC));
    assert_true(ctw_place_is_overdue(p, 310 * SEC + 1));
    ctw_place_asks(p, 300 * SEC);
    assert_false(ctw_place_is_overdue(p, 330 * SEC));
    assert_true(ctw_place_is_overdue(p, 330 * SEC + 1));
}

static void who_leaves_may_take_10_s(void **state) {
    (void)state;
    struct ctw_place *p = answered(10);
    ctw_place_asks(p, 20 * SEC);
    ctw_place_leaves(p, 7, 20 * SEC);
    assert_int_equal(p->fd, 7);
    assert_false(ctw_place_is_overdue(p, 30 * SEC));
    assert_true(ctw_place_is_overdue(p, 30 * SEC + 1));
}

static void a_place_is_taken_until_who_leaves_has_left(void **state) {
    (void)state;
    struct ctw_place *p = answered(1);
    p->streams = true;
    ctw_place_leaves(p, 7, 2 * SEC);
    assert_int_equal(places.taken, 1);
    assert_null(ctw_places_oldest_stream(&places)); /* it has ended already */
    ctw_places_leave(&places, p);
    assert_int_equal(places.taken, 0);
    assert_false(p->leaving);
}

static void those_who_leave_go_before_those_who_stay(void **state) {
    (void)state;
    for (uint64_t i = 1; i <= CTW_PLACES / 2; i++)
        answered(i);
    comes(50);
    assert_int_equal(ctw_places_next_to_go(&places)->fd, 50); /* a place is theirs for a while */
    ctw_place_leaves(answered(51), 71, 51 * SEC);
    ctw_place_leaves(answered(52), 72, 52 * SEC);
    assert_int_equal(ctw_places_next_to_go(&places)->fd, 71);
    ctw_places_leave(&places, ctw_places_next_to_go(&places));
    assert_int_equal(ctw_places_next_to_go(&places)->fd, 72);
    ctw_places_leave(&places, ctw_places_next_to_go(&places));
    assert_int_equal(ctw_places_next_to_go(&places)->fd, 50);
}

/* They may have got an answer that is none of ours, such as 414. */
static void strangers_who_leave_do_not_take_it_all(void **state) {
    (void)state;
    answered(1);
    for (uint64_t i = 2; i <= CTW_PLACES / 2 + 1; i++)
        ctw_place_leaves(comes(i), (int)(100 + i), i * SEC);
    comes(50);
    assert_int_equal(ctw_places_next_to_go(&places)->fd, 102);
}

static void a_place_that_is_free_is_not_overdue(void **state) {
    (void)state;
    struct ctw_place *p = comes(1);
    ctw_places_leave(&places, p);
    assert_false(ctw_place_is_overdue(p, 1000 * SEC));
}

static void the_oldest_stream_goes_for_another(void **state) {
    (void)state;
    comes(1);
    assert_null(ctw_places_oldest_stream(&places));
    comes(3)->streams = true;
    comes(2)->streams = true;
    assert_int_equal(ctw_places_oldest_stream(&places)->fd, 2);
    ctw_places_oldest_stream(&places)->dismissed = true;
    assert_int_equal(ctw_places_oldest_stream(&places)->fd, 3);
    ctw_place_is_answered(ctw_places_oldest_stream(&places), 4 * SEC);
    assert_null(ctw_places_oldest_stream(&places));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(there_are_so_many_and_no_more, empty),
        cmocka_unit_test_setup(the_oldest_that_was_not_answered_goes_first, empty),
        cmocka_unit_test_setup(a_scraper_stays_whoever_comes, empty),
        cmocka_unit_test_setup(those_who_were_answered_do_not_take_it_all, empty),
        cmocka_unit_test_setup(when_all_were_answered_the_longest_ago_goes, empty),
        cmocka_unit_test_setup(nobody_goes_twice, empty),
        cmocka_unit_test_setup(an_answer_must_end_within_30_s, empty),
        cmocka_unit_test_setup(who_was_answered_may_stay_for_300_s, empty),
        cmocka_unit_test_setup(who_leaves_may_take_10_s, empty),
        cmocka_unit_test_setup(a_place_is_taken_until_who_leaves_has_left, empty),
        cmocka_unit_test_setup(those_who_leave_go_before_those_who_stay, empty),
        cmocka_unit_test_setup(strangers_who_leave_do_not_take_it_all, empty),
        cmocka_unit_test_setup(a_place_that_is_free_is_not_overdue, empty),
        cmocka_unit_test_setup(the_oldest_stream_goes_for_another, empty),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
