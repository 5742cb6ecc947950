/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/replay/recording.h"

#define TIMES                                                                                      \
    "seconds or milliseconds since 1970, RFC 3339 (2026-11-22T10:00:00Z), or as date prints"

/* Reads a line from memory of exactly its size, so that a sanitizer sees the first byte too far. */
static enum ctw_reading feed(struct ctw_recording *r, const char *line, struct ctw_record *ret) {
    const size_t length = strlen(line);
    char *exact = malloc(length > 0 ? length : 1);

    assert_non_null(exact);
    memcpy(exact, line, length);
    const enum ctw_reading reading = ctw_recording_line(r, exact, length, ret);
    free(exact);
    return reading;
}

static void expect(struct ctw_recording *r, const char *line, enum ctw_reading reading,
                   const char *words) {
    struct ctw_record record;

    const enum ctw_reading is = feed(r, line, &record);
    if (is != reading || strcmp(r->words.text, words) != 0)
        fail_msg("%s: is %d \"%s\"", line, (int)is, r->words.text);
}

static struct ctw_record record_of(struct ctw_recording *r, const char *line) {
    struct ctw_record record = {0};

    if (feed(r, line, &record) != CTW_READ_RECORD)
        fail_msg("%s: is no record: %s", line, r->words.text);
    return record;
}

static void line_without_names_is_time_count_max_drops(void **state) {
    struct ctw_recording r = {0};
    (void)state;

    struct ctw_record a = record_of(&r, "1795341600.25,120000,262144,7");
    assert_int_equal(a.at_usec, UINT64_C(1795341600250000));
    assert_int_equal(a.width_sec, 0);
    assert_int_equal(a.count, 120000);
    assert_int_equal(a.max, 262144);
    assert_int_equal(a.buckets, 0);
    assert_int_equal(a.losses.drops, 7);
    assert_true(a.has_losses);
    assert_false(a.has_other_drops);

    memset(&r, 0, sizeof(r));
    a = record_of(&r, "2026-11-22 10:00:00Z,1,2");
    assert_int_equal(a.at_usec, UINT64_C(1795341600000000));
    assert_int_equal(record_of(&r, "1795341601,3,4,5,6,7").count, 3); /* more are ignored */
}

static void line_without_names_may_lack_drops(void **state) {
    static const struct {
        const char *line;
        bool known;
        uint64_t drops;
    } lines[] = {
        {"5,50,100", false, 0},  {"6,100,100,5", true, 5},   {"7,100,100", false, 0},
        {"8,99,100,", false, 0}, {"9,99,100,NaN", false, 0}, {"10,99,100,0", true, 0},
    };
    struct ctw_recording r = {0};
    (void)state;

    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        const struct ctw_record a = record_of(&r, lines[i].line);
        assert_int_equal(a.has_losses, lines[i].known);
        assert_int_equal(a.losses.drops, lines[i].drops);
    }
}

/* RFC 4180. */
static void field_quoted_may_hold_commas(void **state) {
    struct ctw_recording r = {0};
    (void)state;

    expect(&r, "\"time\",\"a \"\"note\"\", quoted\",count,max", CTW_READ_NOTHING,
           "columns passed over: a \"\"note\"\", quoted");
    assert_int_equal(record_of(&r, "5,\"a,b\",10,100").count, 10);
    assert_int_equal(record_of(&r, "\"6\", \"a,\"\",\"\"\" ,11,\"100\"").count, 11);
    assert_int_equal(record_of(&r, "7,\"\",12,100").count, 12);
    assert_int_equal(record_of(&r, "8,5\" disk,13,100").count, 13); /* not quoted */
    expect(&r, "9,\"never ends,14,100", CTW_READ_BAD, "ends after 2 of 4 columns");

    memset(&r, 0, sizeof(r));
    expect(&r, "5,\"1,2\"", CTW_READ_REFUSED, "is time,count without a limit: --max is needed");
    assert_int_equal(record_of(&r, "5,\"1\",2,\"3\"").losses.drops, 3);
}

static void names_in_any_order_are_found(void **state) {
    struct ctw_recording r = {0};
    (void)state;

    expect(&r, "max, \"time\",early_drops_total,node,drops_total,count,buckets", CTW_READ_NOTHING,
           "columns passed over: node");
    struct ctw_record a = record_of(&r, "1000,1795341600,3,gw1,70,500,512");
    assert_int_equal(a.count, 500);
    assert_int_equal(a.max, 1000);
    assert_int_equal(a.buckets, 512);
    assert_int_equal(a.losses.drops, 0); /* 70 before the recording */
    a = record_of(&r, "1000,1795341601,5,gw1,75,500,512");
    assert_int_equal(a.losses.drops, 5);
    assert_int_equal(a.losses.early_drops, 2);
    a = record_of(&r, "1000,1795341602,NaN,gw1,,500,512");
    assert_int_equal(a.losses.drops + a.losses.early_drops, 0);
    a = record_of(&r, "1000,1795341603,5,gw1,4,500,512"); /* counted anew */
    assert_int_equal(a.losses.drops, 4);
    assert_int_equal(a.losses.early_drops, 0);
}

/* What was counted before is no loss of the recording. */
static void counter_known_later_counts_from_there(void **state) {
    static const struct {
        const char *line;
        uint64_t drops, early_drops;
    } lines[] = {
        {"1795341600,1,1000,NaN,7000", 0, 0}, {"1795341601,1,1000,5000,7001", 0, 1},
        {"1795341602,1,1000,5001,", 1, 0},    {"1795341603,1,1000,NaN,7004", 0, 3},
        {"1795341604,1,1000,5003,2", 2, 2},
    };
    struct ctw_recording r = {0};
    (void)state;

    expect(&r, "time,count,max,drops_total,early_drops_total", CTW_READ_NOTHING, "");
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        const struct ctw_record a = record_of(&r, lines[i].line);
        assert_int_equal(a.losses.drops, lines[i].drops);
        assert_int_equal(a.losses.early_drops, lines[i].early_drops);
    }
}

static void losses_column_of_any_kind_sets_has_losses(void **state) {
    static const struct {
        const char *column;
        bool known;
    } cases[] = {
        {"drops", true},          {"drops_total", true},       {"other_drops", true},
        {"early_drops", true},    {"early_drops_total", true}, {"clashes", true},
        {"chain_too_long", true}, {"buckets", false},
    };
    (void)state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct ctw_recording r = {0};
        char names[64];
        (void)snprintf(names, sizeof(names), "time,count,max,%s", cases[i].column);
        expect(&r, names, CTW_READ_NOTHING, "");
        if (record_of(&r, "1795341600,1,1000,7").has_losses != cases[i].known)
            fail_msg("%s", cases[i].column);
    }
}

/* Byte for byte as ctwatch serve writes it. */
#define HISTORY_COLUMNS                                                                            \
    "time,width,looks,mean,first,high,low,last,first_msec,high_msec,low_msec,last_msec,"           \
    "loss_first_msec,loss_last_msec,max,buckets,drops,other_drops,early_drops,clashes,"            \
    "chain_too_long,log_lines,limit_changes,set_max,level"

static void slot_of_history_is_read(void **state) {
    struct ctw_recording r = {0};
    (void)state;

    expect(&r, HISTORY_COLUMNS, CTW_READ_NOTHING, "");
    const struct ctw_record a =
        record_of(&r, "1795341600.125,10,44,500,200,900,100,300,20,2500,7250,9990,"
                      "2501,9000,1000,512,1,2,3,4,5,6,7,8,full");
    assert_int_equal(a.at_usec, UINT64_C(1795341600125000));
    assert_int_equal(a.width_sec, 10);
    assert_int_equal(a.count, 300);
    assert_int_equal(a.high, 900);
    assert_int_equal(a.low, 100);
    assert_int_equal(a.high_msec, 2500);
    assert_int_equal(a.low_msec, 7250);
    assert_int_equal(a.first, 200);
    assert_int_equal(a.first_msec, 20);
    assert_int_equal(a.last_msec, 9990);
    assert_int_equal(a.loss_first_msec, 2501);
    assert_int_equal(a.loss_last_msec, 9000);
    assert_int_equal(a.losses.drops, 1);
    assert_int_equal(a.losses.other_drops, 2);
    assert_int_equal(a.losses.early_drops, 3);
    assert_int_equal(a.losses.clashes, 4);
    assert_int_equal(a.losses.chain_too_long, 5);
    assert_int_equal(a.losses.log_lines, 6);
    assert_true(a.has_other_drops);
    assert_int_equal(a.polls, 44);
    assert_true(a.has_changes);
    assert_int_equal(a.limit_changes, 7);
    assert_int_equal(a.set_max, 8);
    /* without polls */
    expect(&r, "1795341610.125,10,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,ok", CTW_READ_HOLE,
           "");
}

static void slot_that_contradicts_itself_is_fitted(void **state) {
    struct ctw_recording r = {0};
    (void)state;

    expect(&r,
           "time,width,first,high,low,last,first_msec,high_msec,low_msec,last_msec,loss_first_msec,"
           "loss_last_msec,max",
           CTW_READ_NOTHING, "");
    const struct ctw_record a = record_of(&r, "5,1,7,10,90,50,1,5000,1000,2000,3600000,999,1000");
    assert_int_equal(a.high, 50);
    assert_int_equal(a.low, 50);
    assert_int_equal(a.high_msec, 999);
    assert_int_equal(a.low_msec, 999);
    assert_int_equal(a.first, 50);
    assert_int_equal(a.last_msec, 999);
    assert_int_equal(a.loss_first_msec, 999);
    assert_int_equal(a.loss_last_msec, 999);
}

/* As CSV of the history and back. */
static void slot_printed_reads_back_the_same(void **state) {
    const struct ctw_record slot = {.at_usec = UINT64_C(1795341600125000),
                                    .losses = {1, 2, 3, 4, 5, 6},
                                    .width_sec = 1,
                                    .polls = 44,
                                    .first = 200,
                                    .high = 900,
                                    .low = 100,
                                    .count = 300,
                                    .first_msec = 20,
                                    .high_msec = 250,
                                    .low_msec = 725,
                                    .last_msec = 990,
                                    .loss_first_msec = 251,
                                    .loss_last_msec = 900,
                                    .max = 1000,
                                    .buckets = 512,
                                    .limit_changes = 7,
                                    .set_max = 8,
                                    .has_losses = 1,
                                    .has_other_drops = 1,
                                    .has_changes = 1};
    char names[CTW_RECORD_TEXT_MAX], line[CTW_RECORD_TEXT_MAX];
    struct ctw_out out = {.buffer = names, .size = sizeof(names)};
    struct ctw_recording r = {0};
    (void)state;

    ctw_record_put_names(&out);
    names[out.used - 1] = '\0';
    out = (struct ctw_out){.buffer = line, .size = sizeof(line)};
    ctw_record_put_csv(&out, &slot);
    line[out.used - 1] = '\0';
    expect(&r, names, CTW_READ_NOTHING, "");
    const struct ctw_record is = record_of(&r, line);
    assert_memory_equal(&is, &slot, sizeof(slot));
}

static void value_not_known_is_a_hole(void **state) {
    struct ctw_recording r = {0};
    (void)state;

    (void)record_of(&r, "5,1,2,0");
    expect(&r, "6,NaN,2,0", CTW_READ_HOLE, "");
    expect(&r, "7,1,+Inf,0", CTW_READ_HOLE, "");
    expect(&r, "8,,2,0", CTW_READ_HOLE, "");
    assert_int_equal(record_of(&r, "9,1.000000e+03,2,NaN").count, 1000);
}

static void time_not_later_is_stale(void **state) {
    struct ctw_recording r = {0};
    (void)state;

    (void)record_of(&r, "0,1,2,0");
    expect(&r, "0,1,2,0", CTW_READ_STALE, "");
    (void)record_of(&r, "100,1,2,0");
    expect(&r, "100,1,2,0", CTW_READ_STALE, "");
    expect(&r, "99.999,1,2,0", CTW_READ_STALE, "");
    (void)record_of(&r, "100.001,1,2,0");
}

static void line_unreadable_is_bad_with_reason(void **state) {
    struct ctw_recording r = {0};
    (void)state;

    (void)record_of(&r, "5,1,2,0\r"); /* as Windows ends lines */
    expect(&r, "", CTW_READ_NOTHING, "");
    expect(&r, " \t\r", CTW_READ_NOTHING, "");
    expect(&r, "# by hand", CTW_READ_NOTHING, "");
    expect(&r, "6,1", CTW_READ_BAD, "ends after 2 of 3 columns");
    expect(&r, "yesterday,1,2,0", CTW_READ_BAD, "column 1, time: is no time, allowed are " TIMES);
    expect(&r, "2026-11-22 10:00:00,1,2,0", CTW_READ_BAD,
           "column 1, time: is a time without a zone, --timezone names it");
    expect(&r, "17953416000000,1,2,0", CTW_READ_BAD,
           "column 1, time: is no moment from 1970 to 9999, allowed are " TIMES);
    expect(&r, "6,one,2,0", CTW_READ_BAD,
           "column 2, count: is no number, allowed is 0 to 4294967295");
    expect(&r, "6,-1,2,0", CTW_READ_BAD,
           "column 2, count: is no number, allowed is 0 to 4294967295");
    expect(&r, "6,4294967296,2,0", CTW_READ_BAD,
           "column 2, count: is too large, allowed is 0 to 4294967295");
    expect(&r, "6,1,99999999999999999999999,0", CTW_READ_BAD,
           "column 3, max: is too large, allowed is 0 to 4294967295");
    expect(&r, "6,1,2,0x10", CTW_READ_BAD,
           "column 4, drops: is no number, allowed is 0 to 9007199254740992");
    expect(&r, "6,1,2,9007199254740993", CTW_READ_BAD,
           "column 4, drops: is too large, allowed is 0 to 9007199254740992");
    expect(&r, "\x01\xff\xfe", CTW_READ_BAD, "column 1, time: is no time, allowed are " TIMES);
    (void)record_of(&r, " 7 , 1 ,\"2\",0");
}

static void names_without_needed_column_are_refused(void **state) {
    static const struct {
        const char *line, *words;
    } files[] = {
        {"time,max", "is not time,count,max, nor does it name a column count"},
        {"count,max", "is not time,count,max, nor does it name a column time"},
        {"time,count", "names no limit: a column max, or the option --max, is needed"},
        {"time,count,max,count", "there are two columns count"},
        {"\x7f"
         "ELF\x02\x01",
         "is not time,count,max, nor does it name a column time"},
        {"12,13", "is time,count without a limit: --max is needed"},
        {"12", "is not time,count,max, and names no columns"},
    };
    (void)state;

    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        struct ctw_recording r = {0};
        expect(&r, files[i].line, CTW_READ_REFUSED, files[i].words);
    }
}

static int64_t an_hour_east(int64_t local_sec) {
    return 3600;
}

/* As they come out of other programs: a header or none, a line, and what it is read as. */
static void files_of_other_programs_are_read(void **state) {
    static const struct {
        const char *names, *line;
        uint32_t count, max;
    } files[] = {
        {"\"Time\",\"node_nf_conntrack_entries{instance=\"\"gw1:9100\"\", job=\"\"node\"\"}\","
         "\"node_nf_conntrack_entries_limit{instance=\"\"gw1:9100\"\"}\"",
         "2026-11-22 11:00:00,120000,262144", 120000, 262144},
        {"Time;node_nf_conntrack_entries;node_nf_conntrack_entries_limit",
         "1795341600000;120000;262144", 120000, 262144},
        {"epoch,value", "1795341600.000,120000.000000", 120000, 65536},
        {"timestamp\tcount\tmax", "1795341600\t120000\t262144", 120000, 262144},
        {"time\tcount\tmax\tdrops", "1795341600\t120000\t262144\t", 120000, 262144},
        {NULL, "1795341600;5;10;", 5, 10},
        {NULL, "Sun Nov 22 10:00:00 UTC 2026,5,10", 5, 10},
        {NULL, "1795341600,120000", 120000, 65536},
        {"Sun Nov 22 11:00:00 CET 2026", "120000", 120000, 65536},
        {"1795341600", "120000", 120000, 65536},
    };
    (void)state;

    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        struct ctw_recording r = {.options = {.has_max = true, .max = 65536, .zone = an_hour_east}};
        if (files[i].names)
            expect(&r, files[i].names, CTW_READ_NOTHING, "");
        const struct ctw_record a = record_of(&r, files[i].line);
        if (a.at_usec != UINT64_C(1795341600000000) || a.count != files[i].count ||
            a.max != files[i].max)
            fail_msg("%s: %ju %u of %u", files[i].line, (uintmax_t)a.at_usec, a.count, a.max);
    }
}

static void loop_output_has_a_limit_behind_each_count_or_none(void **state) {
    struct ctw_recording r = {0};
    (void)state;

    expect(&r, "Sun Nov 22 10:00:00 UTC 2026", CTW_READ_NOTHING, "");
    expect(&r, "100", CTW_READ_NOTHING, "");
    assert_int_equal(record_of(&r, "1000").max, 1000);
    expect(&r, "Sun Nov 22 10:00:00 UTC 2026", CTW_READ_NOTHING, "");
    expect(&r, "100", CTW_READ_NOTHING, "");
    expect(&r, "1000", CTW_READ_STALE, "");
    expect(&r, "100", CTW_READ_BAD, "column 1, time: is no time, allowed are " TIMES);
    expect(&r, "cat: nf_conntrack_count: No such file", CTW_READ_BAD,
           "column 1, time: is no time, allowed are " TIMES);
    expect(&r, "Sun Nov 22 10:00:01 UTC 2026", CTW_READ_NOTHING, "");
    expect(&r, "100", CTW_READ_NOTHING, "");
    expect(&r, "Sun Nov 22 10:00:02 UTC 2026", CTW_READ_REFUSED,
           "follows a count without a limit: --max is needed");

    r = (struct ctw_recording){.options = {.has_max = true, .max = 500}};
    expect(&r, "1795341600", CTW_READ_NOTHING, "");
    assert_int_equal(record_of(&r, "100").max, 500);
    expect(&r, "1795341601", CTW_READ_NOTHING, "");
    assert_int_equal(record_of(&r, "101").count, 101);
}

static void drops_that_only_rise_are_a_running_counter(void **state) {
    static const struct {
        const char *text;
        bool rise;
    } recordings[] = {
        {"1,1,9,0\n2,1,9,5\n3,1,9,5\n4,1,9,70\n5,1,9,71\n", true},
        {"1,1,9,0\n2,1,9,5\n3,1,9,0\n4,1,9,70\n5,1,9,71\n6,1,9,72\n", false},
        {"1,1,9,0\n2,1,9,12000\n3,1,9,12000\n4,1,9,12000\n", false}, /* steady */
        {"time,count,max\n1,1,9\n2,1,9\n", false},
        {"time,count,max,drops_total\n1,1,9,1\n2,1,9,2\n3,1,9,3\n4,1,9,4\n", false},
        {"", false},
    };
    const struct ctw_recording_options none = {0};
    struct ctw_recording r = {.options.drops_rise = true};
    (void)state;

    for (size_t i = 0; i < sizeof(recordings) / sizeof(recordings[0]); i++)
        if (ctw_recording_drops_rise(&none, recordings[i].text, strlen(recordings[i].text)) !=
            recordings[i].rise)
            fail_msg("%s", recordings[i].text);
    assert_int_equal(record_of(&r, "1,1,9,500").losses.drops, 0);
    assert_int_equal(record_of(&r, "2,1,9,505").losses.drops, 5);
    assert_int_equal(record_of(&r, "3,1,9,").losses.drops, 0);
    assert_int_equal(record_of(&r, "4,1,9,506").losses.drops, 1);
}

static void names_without_end_are_bounded(void **state) {
    struct ctw_recording r = {0};
    struct ctw_record record;
    char line[CTW_RECORDING_LINE_MAX];
    (void)state;

    memset(line, ',', sizeof(line));
    memcpy(line, "time,count,max", 14);
    assert_int_equal(ctw_recording_line(&r, line, sizeof(line), &record), CTW_READ_NOTHING);
    assert_int_equal(r.n_columns, CTW_RECORDING_COLUMNS_MAX);
    memset(line, ',', sizeof(line));
    memcpy(line, "1795341600,1,2", 14);
    assert_int_equal(ctw_recording_line(&r, line, sizeof(line), &record), CTW_READ_RECORD);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(line_without_names_is_time_count_max_drops),
        cmocka_unit_test(line_without_names_may_lack_drops),
        cmocka_unit_test(field_quoted_may_hold_commas),
        cmocka_unit_test(names_in_any_order_are_found),
        cmocka_unit_test(counter_known_later_counts_from_there),
        cmocka_unit_test(losses_column_of_any_kind_sets_has_losses),
        cmocka_unit_test(slot_of_history_is_read),
        cmocka_unit_test(slot_that_contradicts_itself_is_fitted),
        cmocka_unit_test(slot_printed_reads_back_the_same),
        cmocka_unit_test(value_not_known_is_a_hole),
        cmocka_unit_test(time_not_later_is_stale),
        cmocka_unit_test(line_unreadable_is_bad_with_reason),
        cmocka_unit_test(names_without_needed_column_are_refused),
        cmocka_unit_test(files_of_other_programs_are_read),
        cmocka_unit_test(loop_output_has_a_limit_behind_each_count_or_none),
        cmocka_unit_test(drops_that_only_rise_are_a_running_counter),
        cmocka_unit_test(names_without_end_are_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
