/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/view/plot.h"

#define SEC   CTW_USEC_PER_SEC
#define START UINT64_C(1795341600000000)

static void add(struct ctw_plot *p, uint64_t at_sec, uint32_t low, uint32_t high, bool after_hole) {
    const struct ctw_replay_seen seen = {
        .from_usec = START + at_sec * SEC,
        .to_usec = START + at_sec * SEC,
        .after_hole = after_hole,
        .low = low,
        .high = high,
        .max = 1000,
        .level = high > 750 ? CTW_LEVEL_WARNING : CTW_LEVEL_OK,
        .lost = high > 990,
    };

    ctw_plot_add(p, &seen);
}

/* The caller frees the drawing. */
static char *draw(const struct ctw_plot *p) {
    struct ctw_settings settings;

    ctw_settings_defaults(&settings);
    const size_t size = ctw_plot_svg(p, &settings, NULL, 0) + 1;
    char *text = malloc(size);
    assert_non_null(text);
    assert_int_equal(ctw_plot_svg(p, &settings, text, size), size - 1);
    assert_int_equal(strlen(text), size - 1);
    return text;
}

static size_t count(const char *text, const char *part) {
    size_t n = 0;

    for (const char *at = text; (at = strstr(at, part)); at += strlen(part))
        n++;
    return n;
}

static void plot_of_a_week_keeps_full_second(void **state) {
    struct ctw_plot *p = calloc(1, sizeof(*p));
    size_t full = 0;
    (void)state;

    assert_non_null(p);
    for (uint64_t i = 0; i < 604800; i++)
        add(p, i, 100, i == 333333 ? 1000 : 120, false);
    assert_in_range(p->n, CTW_PLOT_CELLS / 2, CTW_PLOT_CELLS);
    for (size_t i = 0; i < p->n; i++) {
        assert_true(p->cells[i].known);
        assert_int_equal(p->cells[i].low, 100);
        if (p->cells[i].high != 1000)
            continue;
        full++;
        assert_int_equal(i, 333333 * SEC / p->cell_usec);
        assert_true(p->cells[i].lost);
        assert_int_equal(p->cells[i].level, CTW_LEVEL_WARNING);
    }
    assert_int_equal(full, 1);
    char *svg = draw(p);
    assert_true(strlen(svg) < 100000);
    free(svg);
    free(p);
}

static void plot_hole_interrupts_the_area(void **state) {
    struct ctw_plot *p = calloc(1, sizeof(*p));
    (void)state;

    assert_non_null(p);
    for (uint64_t i = 0; i < 10; i++)
        add(p, 2 * i, 100, 100, false); /* every other cell is unknown, which is no hole */
    char *svg = draw(p);
    assert_int_equal(count(svg, "V1000z"), 2); /* the highest and the lowest */
    free(svg);
    for (uint64_t i = 100; i < 110; i++)
        add(p, i, 100, 100, i == 100);
    svg = draw(p);
    assert_int_equal(count(svg, "V1000z"), 4);
    free(svg);
    free(p);
}

static void plot_growth_marks_are_bounded(void **state) {
    struct ctw_plot *p = calloc(1, sizeof(*p));
    (void)state;

    assert_non_null(p);
    add(p, 0, 1, 1, false);
    for (uint32_t i = 0; i < 2 * CTW_PLOT_STEPS; i++)
        ctw_plot_grew(p, START, 1000 + i, 1001 + i);
    char *svg = draw(p);
    assert_int_equal(count(svg, "<title>max from "), CTW_PLOT_STEPS);
    assert_int_equal(count(svg, "<title>max from 1000 to 1001</title>"), 1);
    free(svg);
    free(p);
}

/* A slot is known up to its end, where the table may have grown. */
static void plot_last_slot_is_drawn_to_its_end(void **state) {
    struct ctw_plot *p = calloc(1, sizeof(*p));
    (void)state;

    assert_non_null(p);
    for (uint64_t i = 0; i < 7; i++) {
        const struct ctw_replay_seen seen = {
            .from_usec = START + i * 10 * SEC,
            .to_usec = START + (i + 1) * 10 * SEC,
            .low = 100,
            .high = 900,
            .max = 1000,
        };
        ctw_plot_add(p, &seen);
    }
    ctw_plot_grew(p, START + 69 * SEC, 1000, 2000);
    assert_int_equal(p->n, 70);
    for (size_t i = 0; i < p->n; i++) {
        assert_true(p->cells[i].known);
    }
    char *svg = draw(p);
    assert_non_null(strstr(svg, "<title>Conntrack table, 2026-11-22T10:00:00.000Z to "
                                "2026-11-22T10:01:10.000Z</title>"));
    assert_non_null(strstr(svg, "<text class=\"t grew\" x=\"98.57%\"")); /* 69 / 70 */
    free(svg);
    free(p);
}

/* Slots that overlap make growth later than any record. */
static void plot_growth_after_end_is_marked_at_end(void **state) {
    struct ctw_plot *p = calloc(1, sizeof(*p));
    (void)state;

    assert_non_null(p);
    add(p, 0, 100, 100, false);
    ctw_plot_grew(p, START + 5 * SEC, 1000, 2000);
    char *svg = draw(p);
    assert_non_null(strstr(svg, "<text class=\"t grew\" x=\"100.00%\""));
    free(svg);
    free(p);
}

static void plot_extreme_values_are_drawn(void **state) {
    struct ctw_plot *p = calloc(1, sizeof(*p));
    struct ctw_replay_seen seen = {.low = UINT32_MAX, .high = UINT32_MAX, .max = UINT32_MAX};
    (void)state;

    assert_non_null(p);
    free(draw(p)); /* of nothing */
    ctw_plot_add(p, &seen);
    seen.from_usec = UINT64_C(253402300799999999);
    seen.to_usec = seen.from_usec + 86400 * SEC;
    seen.max = 0;
    ctw_plot_add(p, &seen);
    ctw_plot_grew(p, seen.from_usec, 0, UINT32_MAX);
    free(draw(p));
    free(p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plot_of_a_week_keeps_full_second),
        cmocka_unit_test(plot_hole_interrupts_the_area),
        cmocka_unit_test(plot_growth_marks_are_bounded),
        cmocka_unit_test(plot_last_slot_is_drawn_to_its_end),
        cmocka_unit_test(plot_growth_after_end_is_marked_at_end),
        cmocka_unit_test(plot_extreme_values_are_drawn),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
