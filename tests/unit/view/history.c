/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "lib/util/parse.h"
#include "lib/view/history.h"
#include "tests/support/snapshot_samples.h"

#define HEADER                                                                                     \
    "time,width,looks,mean,first,high,low,last,first_msec,high_msec,low_msec,last_msec,"           \
    "loss_first_msec,loss_last_msec,max,buckets,drops,other_drops,early_drops,clashes,"            \
    "chain_too_long,log_lines,limit_changes,set_max,level\n"

static struct ctw_snapshot p;
static struct ctw_history h;
static struct ctw_history_page page;
static char *text;

static int empty(void **state) {
    (void)state;
    sample_calm(&p);
    memset(&h, 0, sizeof(h));
    return 0;
}

static int forget(void **state) {
    (void)state;
    free(text);
    text = NULL;
    return 0;
}

/* The slot that begins @ago_sec before now, with @count entries. */
static struct ctw_record *slot(enum ctw_resolution r, uint64_t ago_sec, uint32_t count) {
    const uint64_t at_usec = SAMPLE_NOW_USEC - ago_sec * CTW_USEC_PER_SEC;
    struct ctw_record *s = &h.slots[ctw_history_index(r, at_usec)];

    *s = (struct ctw_record){.at_usec = at_usec,
                             .width_sec = r == CTW_RESOLUTION_FINE ? 1 : 10,
                             .polls = 4,
                             .mean = count,
                             .high = count + 1,
                             .low = count - 1,
                             .count = count,
                             .max = 1000,
                             .buckets = 512};
    return s;
}

static void fine(uint64_t from_ago_sec, uint64_t to_ago_sec) {
    for (uint64_t ago = from_ago_sec; ago >= to_ago_sec; ago--)
        slot(CTW_RESOLUTION_FINE, ago, (uint32_t)ago);
}

static void coarse(uint64_t from_ago_sec, uint64_t to_ago_sec) {
    for (uint64_t ago = from_ago_sec; ago >= to_ago_sec; ago -= 10)
        slot(CTW_RESOLUTION_COARSE, ago, (uint32_t)ago);
}

/* All of it, into text. Return: how many lines there are. */
static size_t render(enum ctw_history_format format) {
    const size_t room = (CTW_HISTORY_FINE + CTW_HISTORY_COARSE) * (size_t)CTW_HISTORY_LINE_MAX;
    char line[CTW_HISTORY_LINE_MAX];
    size_t used = 0, lines = 0;

    free(text);
    text = malloc(room);
    assert_non_null(text);
    text[0] = '\0';
    ctw_render_history_start(&page, format, &h, &p);
    for (size_t n; (n = ctw_render_history_line(&page, line)) > 0;) {
        assert_in_range(n, 1, sizeof(line) - 1);
        memcpy(text + used, line, n + 1);
        used += n;
    }
    assert_int_equal(ctw_render_history_line(&page, line), 0);
    for (const char *c = text; *c != '\0'; c++)
        lines += *c == '\n';
    return lines;
}

/* --- which slots ----------------------------------------------------------------------------- */

/* Of each line of the CSV: its begin, in seconds before now, and its width. */
static size_t spans(uint64_t ago_sec[], uint64_t width_sec[], size_t max) {
    size_t n = 0;

    (void)render(CTW_HISTORY_CSV);
    for (const char *line = strchr(text, '\n') + 1; *line != '\0'; line = strchr(line, '\n') + 1) {
        char *rest; /* sscanf() would measure all of the text, at each line */
        assert_true(n < max);
        ago_sec[n] = SAMPLE_WALL_USEC / CTW_USEC_PER_SEC - strtoull(line, &rest, 10);
        assert_memory_equal(rest, ".000,", 5);
        width_sec[n++] = strtoull(rest + 5, &rest, 10);
        assert_int_equal(*rest, ',');
    }
    return n;
}

#define SPANS_MAX (CTW_HISTORY_FINE + CTW_HISTORY_COARSE)
static uint64_t ago[SPANS_MAX], width[SPANS_MAX];

/* Each moment from the first slot to the last is in exactly one. */
static void expect_seamless(size_t n) {
    for (size_t i = 0; i + 1 < n; i++)
        assert_int_equal(ago[i] - width[i], ago[i + 1]);
}

static void csv_of_a_day_has_no_gap_or_overlap(void **state) {
    (void)state;
    for (uint64_t offset = 1; offset <= 10; offset++) {
        memset(&h, 0, sizeof(h));
        fine(3599 + offset, offset);
        coarse(86400, offset < 10 ? 10 : 20);
        const size_t n = spans(ago, width, SPANS_MAX);
        expect_seamless(n);
        assert_int_equal(ago[0], 86400);
        assert_int_equal(ago[n - 1], offset);
        assert_in_range(n, 3590 + 8270, 3600 + 8290);
    }
}

static void csv_prefers_slots_of_a_second(void **state) {
    (void)state;
    fine(57, 1);
    coarse(60, 10);
    assert_int_equal(spans(ago, width, SPANS_MAX), 57);
    assert_int_equal(width[0], 1);
    expect_seamless(57);
}

static void csv_leaves_out_times_without_polls(void **state) {
    (void)state;
    fine(20, 15);
    fine(5, 1);
    slot(CTW_RESOLUTION_FINE, 3, 3)->polls = 0;
    coarse(400, 390);
    assert_int_equal(spans(ago, width, SPANS_MAX), 2 + 6 + 4);
    assert_int_equal(ago[1], 390);
    assert_int_equal(ago[2], 20);
}

static void history_empty_renders_without_slots(void **state) {
    (void)state;
    assert_int_equal(render(CTW_HISTORY_CSV), 1);
    assert_string_equal(text, HEADER);
    assert_int_equal(render(CTW_HISTORY_TEXT), 2);
    assert_non_null(strstr(text, "\nnothing is known yet\n"));
    (void)render(CTW_HISTORY_JSON);
    json_t *o = json_loads(text, 0, NULL);
    assert_int_equal(json_array_size(json_object_get(o, "slots")), 0);
    json_decref(o);
}

static void csv_of_coarse_slots_alone_has_them(void **state) {
    (void)state;
    coarse(60, 10);
    assert_int_equal(spans(ago, width, SPANS_MAX), 6);
    assert_int_equal(width[5], 10);
}

static void history_at_the_last_time_is_rendered(void **state) {
    (void)state;
    for (enum ctw_resolution r = 0; r < CTW_RESOLUTIONS; r++)
        for (uint64_t i = 0; i < 5; i++) {
            const uint64_t width_sec = r == CTW_RESOLUTION_FINE ? 1 : 10;
            const uint64_t last_sec = CTW_TIMESTAMP_LAST_USEC / CTW_USEC_PER_SEC / 10 * 10;
            const uint64_t at_usec = (last_sec - i * width_sec) * CTW_USEC_PER_SEC;
            h.slots[ctw_history_index(r, at_usec)] = (struct ctw_record){
                .at_usec = at_usec, .width_sec = (uint32_t)width_sec, .polls = 1};
        }
    assert_int_equal(ctw_history_check(&h), 0);
    (void)render(CTW_HISTORY_CSV);
    (void)render(CTW_HISTORY_TEXT);
    (void)render(CTW_HISTORY_JSON);
}

/* --- formats --------------------------------------------------------------------------------- */

static struct ctw_record *full_slot(void) {
    struct ctw_record *s = slot(CTW_RESOLUTION_FINE, 100, 900);

    s->first = 902;
    s->first_msec = 7;
    s->high_msec = 250;
    s->low_msec = 999;
    s->last_msec = 997;
    s->loss_first_msec = 251;
    s->loss_last_msec = 998;
    s->losses = (struct ctw_losses){1, 2, 3, 4, 5, 6};
    s->limit_changes = 7;
    s->set_max = 8;
    s->level = CTW_LEVEL_FULL;
    return s;
}

static void csv_has_a_line_for_each_slot(void **state) {
    (void)state;
    full_slot();
    slot(CTW_RESOLUTION_COARSE, 3000, 500);
    p.polled_realtime_usec += 45 * CTW_USEC_PER_MSEC;
    assert_int_equal(render(CTW_HISTORY_CSV), 3);
    assert_string_equal(
        text, HEADER
        "1795338600.045,10,4,500,0,501,499,500,0,0,0,0,0,0,1000,512,0,0,0,0,0,0,0,0,ok\n"
        "1795341500.045,1,4,900,902,901,899,900,7,250,999,997,251,998,1000,512,1,2,3,4,5,6,7,8,"
        "full\n");
}

static void json_has_the_columns_as_members(void **state) {
    char columns[] = HEADER;

    (void)state;
    full_slot();
    slot(CTW_RESOLUTION_COARSE, 3000, 500)->max = 0;
    (void)render(CTW_HISTORY_JSON);
    json_t *o = json_loads(text, JSON_REJECT_DUPLICATES, NULL),
           *slots = json_object_get(o, "slots");
    assert_int_equal(json_array_size(slots), 2);
    json_t *first = json_array_get(slots, 0), *second = json_array_get(slots, 1);
    for (char *rest = columns, *name; (name = strsep(&rest, ",\n")) && *name != '\0';)
        assert_non_null(json_object_get(second, name));
    assert_int_equal(json_object_size(second), 25);
    assert_true(json_is_null(json_object_get(first, "max")));
    assert_int_equal(json_integer_value(json_object_get(second, "max")), 1000);
    assert_int_equal(json_integer_value(json_object_get(second, "log_lines")), 6);
    assert_string_equal(json_string_value(json_object_get(second, "level")), "full");
    assert_true(json_real_value(json_object_get(second, "time")) == 1795341500.0);
    json_decref(o);
}

/* 2026-11-22 10:00:00 UTC is now. */
static void text_has_a_line_for_each_minute(void **state) {
    (void)state;
    fine(130, 1);
    slot(CTW_RESOLUTION_FINE, 70, 999)->level = CTW_LEVEL_WARNING;
    full_slot()->mean = 99;
    coarse(86400 - 600, 86400 - 600 - 300);
    slot(CTW_RESOLUTION_COARSE, 2000, 10)->max = 0;
    (void)render(CTW_HISTORY_TEXT);
    assert_string_equal(
        text, "      TIME (UTC)      MEAN      HIGH       MAX    FILL  REFUSED EVICTED LEVEL\n"
              "2026-11-21 10:10     85650     85801      1000 8580.1%        0       0 ok\n"
              "        09:20:00        10        11         -       -        0       0 ok\n"
              "        09:57:00       125       131      1000   13.1%        0       0 ok\n"
              "        09:58:00       105      1000      1000  100.0%        8       3 full\n"
              "        09:59:00        30        61      1000    6.1%        0       0 ok\n");
}

/* Between 09:57 and 10:00. */
static struct ctw_record *of_limit(uint64_t ago_sec, uint32_t count, uint32_t max) {
    struct ctw_record *s = slot(CTW_RESOLUTION_FINE, ago_sec, count - 1);

    s->max = max;
    return s;
}

static void text_after_limit_change_shows_fullest_moment(void **state) {
    (void)state;
    of_limit(170, 1000, 1000)->level = CTW_LEVEL_FULL; /* then it grew */
    of_limit(160, 1200, 4000);
    of_limit(110, 4000, 8000); /* then it emptied, and was lowered */
    of_limit(100, 300, 1000);
    of_limit(50, 1000, 1000)->losses.drops = 500; /* then there was no limit */
    of_limit(40, 1200, 0);
    (void)render(CTW_HISTORY_TEXT);
    assert_string_equal(
        text, "      TIME (UTC)      MEAN      HIGH       MAX    FILL  REFUSED EVICTED LEVEL\n"
              "        09:57:00      1099      1000      1000  100.0%        0       0 full\n"
              "        09:58:00      2149      4000      8000   50.0%        0       0 ok\n"
              "        09:59:00      1099      1000      1000  100.0%      500       0 ok\n");
}

/* Ten times the polls in the second of a burst. */
static void text_mean_is_over_time_not_over_polls(void **state) {
    (void)state;
    slot(CTW_RESOLUTION_FINE, 60, 100)->polls = 1;
    slot(CTW_RESOLUTION_FINE, 59, 100)->polls = 1;
    slot(CTW_RESOLUTION_FINE, 58, 700)->polls = 400;
    (void)render(CTW_HISTORY_TEXT);
    assert_non_null(strstr(text, "09:59:00       300       701 "));
}

static void line_of_longest_values_fits(void **state) {
    (void)state;
    for (uint64_t i = 1; i < 10; i++) {
        struct ctw_record *s = slot(CTW_RESOLUTION_FINE, i * 61, 0);
        const uint64_t at_usec = s->at_usec;
        memset(s, 0xff, sizeof(*s));
        s->at_usec = at_usec;
        s->width_sec = 1;
        s->level = CTW_LEVEL_CRITICAL;
    }
    assert_int_equal(render(CTW_HISTORY_CSV), 10);
    assert_int_equal(render(CTW_HISTORY_TEXT), 10);
    assert_int_equal(render(CTW_HISTORY_JSON), 11);
}

static void text_of_usual_values_fits_a_terminal(void **state) {
    (void)state;
    for (uint64_t i = 1; i < 10; i++) {
        struct ctw_record *s = slot(CTW_RESOLUTION_FINE, i * 61, 99999998);
        s->max = 99999999;
        s->losses.drops = 99999999;
        s->losses.early_drops = 9999999;
        s->level = CTW_LEVEL_CRITICAL;
    }
    (void)render(CTW_HISTORY_TEXT);
    for (const char *line = text; *line != '\0'; line += strcspn(line, "\n") + 1)
        assert_in_range(strcspn(line, "\n"), 0, 80);
}

static void bins_have_extremes_mean_and_losses(void **state) {
    struct ctw_history_bins b;
    char json[CTW_RENDER_BINS_MAX];
    (void)state;

    slot(CTW_RESOLUTION_FINE, 3599, 7);
    for (uint32_t i = 1; i <= 10; i++)
        slot(CTW_RESOLUTION_FINE, i, 100 * i);
    slot(CTW_RESOLUTION_FINE, 3, 300)->losses.drops = 40;
    slot(CTW_RESOLUTION_FINE, 2, 200)->polls = 0; /* the table could not be read */
    ctw_history_bins(&h, &p, SAMPLE_WALL_USEC, 3600, 360, &b);
    assert_int_equal(b.n, 360);
    assert_int_equal(b.width_sec, 10);
    assert_int_equal(b.begin_usec, SAMPLE_WALL_USEC - 3590 * CTW_USEC_PER_SEC);
    const struct ctw_history_bin *bin = &b.bins[358];
    assert_int_equal(bin->seconds, 9);
    assert_int_equal(bin->low, 99);
    assert_int_equal(bin->high, 1001);
    assert_int_equal(bin->sum / bin->seconds, (5500 - 200) / 9);
    assert_int_equal(bin->lost.drops, 40);
    assert_int_equal(b.bins[357].seconds, 0);
    assert_int_equal(b.bins[359].seconds, 0);
    assert_int_equal(b.bins[0].seconds, 0); /* 3599 s ago: before the first */

    ctw_history_bins(&h, &p, SAMPLE_WALL_USEC, 20, 2, &b);
    assert_true(ctw_render_bins_json(&b, json, sizeof(json)) < sizeof(json));
    json_t *o = json_loads(json, 0, NULL);
    assert_non_null(o);
    assert_int_equal(json_integer_value(json_array_get(json_object_get(o, "high"), 0)), 1001);
    assert_int_equal(json_integer_value(json_array_get(json_object_get(o, "dropped"), 0)), 40);
    assert_true(json_is_null(json_array_get(json_object_get(o, "low"), 1)));
    json_decref(o);
}

static void bins_of_a_day_are_of_coarse_slots(void **state) {
    struct ctw_history_bins b;
    (void)state;

    slot(CTW_RESOLUTION_COARSE, 80000, 500);
    slot(CTW_RESOLUTION_FINE, 100, 900);
    slot(CTW_RESOLUTION_FINE, 0, 900); /* its coarse slot is not complete yet */
    ctw_history_bins(&h, &p, SAMPLE_WALL_USEC, CTW_HISTORY_SPAN_MAX, CTW_HISTORY_BINS_MAX, &b);
    assert_int_equal(b.width_sec, 240);
    assert_int_equal(b.n, 360);
    uint64_t seconds = 0;
    for (uint32_t i = 0; i < b.n; i++)
        seconds += b.bins[i].seconds;
    assert_int_equal(seconds, 11);
}

static void bins_of_longest_values_fit(void **state) {
    static struct ctw_history_bins b;
    (void)state;

    b.n = CTW_HISTORY_BINS_MAX;
    for (uint32_t i = 0; i < b.n; i++) {
        memset(&b.bins[i], 0xff, sizeof(b.bins[i]));
        b.bins[i].seconds = 1;
        b.bins[i].sum = UINT32_MAX;
    }
    assert_true(ctw_render_bins_json(&b, NULL, 0) < CTW_RENDER_BINS_MAX);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(csv_of_a_day_has_no_gap_or_overlap, empty, forget),
        cmocka_unit_test_setup_teardown(csv_prefers_slots_of_a_second, empty, forget),
        cmocka_unit_test_setup_teardown(csv_leaves_out_times_without_polls, empty, forget),
        cmocka_unit_test_setup_teardown(history_empty_renders_without_slots, empty, forget),
        cmocka_unit_test_setup_teardown(csv_of_coarse_slots_alone_has_them, empty, forget),
        cmocka_unit_test_setup_teardown(history_at_the_last_time_is_rendered, empty, forget),
        cmocka_unit_test_setup_teardown(csv_has_a_line_for_each_slot, empty, forget),
        cmocka_unit_test_setup_teardown(json_has_the_columns_as_members, empty, forget),
        cmocka_unit_test_setup_teardown(text_has_a_line_for_each_minute, empty, forget),
        cmocka_unit_test_setup_teardown(text_after_limit_change_shows_fullest_moment, empty,
                                        forget),
        cmocka_unit_test_setup_teardown(text_mean_is_over_time_not_over_polls, empty, forget),
        cmocka_unit_test_setup_teardown(line_of_longest_values_fits, empty, forget),
        cmocka_unit_test_setup_teardown(bins_have_extremes_mean_and_losses, empty, forget),
        cmocka_unit_test_setup_teardown(bins_of_a_day_are_of_coarse_slots, empty, forget),
        cmocka_unit_test_setup_teardown(bins_of_longest_values_fit, empty, forget),
        cmocka_unit_test_setup_teardown(text_of_usual_values_fits_a_terminal, empty, forget),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
