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

#define SEC CTW_USEC_PER_SEC

#define TIMES "seconds since 1970 or RFC 3339 with a zone (2026-11-22T10:00:00Z)"

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

static void without_names_the_columns_are_time_count_max_drops(void **state) {
    struct ctw_recording r = {0};
    (void)state;

    struct ctw_record a = record_of(&r, "1795341600.25,120000,262144,7");
    assert_int_equal(a.at_usec, UINT64_C(1795341600250000));
    assert_int_equal(a.width_usec, 0);
    assert_int_equal(a.count, 120000);
    assert_int_equal(a.max, 262144);
    assert_int_equal(a.buckets, 0);
    assert_int_equal(a.drops, 7);
    assert_true(a.has_losses);
    assert_false(a.attributed);

    memset(&r, 0, sizeof(r));
    a = record_of(&r, "2026-11-22 10:00:00Z,1,2");
    assert_int_equal(a.at_usec, UINT64_C(1795341600000000));
    assert_int_equal(record_of(&r, "1795341601,3,4,5,6,7").count, 3); /* more are passed over */
}

static void without_names_drops_may_be_missing_in_any_line(void **state) {
    static const struct {
        const char *line;
        bool tells;
        uint64_t drops;
    } lines[] = {
        {"5,50,100", false, 0},  {"6,100,100,5", true, 5},   {"7,100,100", false, 0},
        {"8,99,100,", false, 0}, {"9,99,100,NaN", false, 0}, {"10,99,100,0", true, 0},
    };
    struct ctw_recording r = {0};
    (void)state;

    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        const struct ctw_record a = record_of(&r, lines[i].line);
        assert_int_equal(a.has_losses, lines[i].tells);
        assert_int_equal(a.drops, lines[i].drops);
    }
}

/* RFC 4180. */
static void what_is_quoted_may_hold_commas(void **state) {
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
    expect(&r, "5,\"1,2\"", CTW_READ_REFUSED, "is not time,count,max, and names no columns");
    assert_int_equal(record_of(&r, "5,\"1\",2,\"3\"").drops, 3);
}

static void names_may_come_in_any_order(void **state) {
    struct ctw_recording r = {0};
    (void)state;

    expect(&r, "max, \"time\",early_drops_total,node,drops_total,count,buckets", CTW_READ_NOTHING,
           "columns passed over: node");
    struct ctw_record a = record_of(&r, "1000,1795341600,3,gw1,70,500,512");
    assert_int_equal(a.count, 500);
    assert_int_equal(a.max, 1000);
    assert_int_equal(a.buckets, 512);
    assert_int_equal(a.drops, 0); /* so many before: not known since when */
    a = record_of(&r, "1000,1795341601,5,gw1,75,500,512");
    assert_int_equal(a.drops, 5);
    assert_int_equal(a.early_drops, 2);
    a = record_of(&r, "1000,1795341602,NaN,gw1,,500,512");
    assert_int_equal(a.drops + a.early_drops, 0);
    a = record_of(&r, "1000,1795341603,5,gw1,4,500,512"); /* counted anew */
    assert_int_equal(a.drops, 4);
    assert_int_equal(a.early_drops, 0);
}

/* What had been counted before is no loss of the recording. */
static void a_counter_that_is_known_later_counts_from_there(void **state) {
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
        assert_int_equal(a.drops, lines[i].drops);
        assert_int_equal(a.early_drops, lines[i].early_drops);
    }
}

static void any_column_of_losses_tells_what_was_lost(void **state) {
    static const struct {
        const char *column;
        bool tells;
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
        if (record_of(&r, "1795341600,1,1000,7").has_losses != cases[i].tells)
            fail_msg("%s", cases[i].column);
    }
}

/* Byte for byte as ctwatch serve writes it. */
#define HISTORY_COLUMNS                                                                            \
    "time,width,looks,mean,first,high,low,last,first_msec,high_msec,low_msec,last_msec,"           \
    "loss_first_msec,loss_last_msec,max,buckets,drops,other_drops,early_drops,clashes,"            \
    "chain_too_long,log_lines,limit_changes,set_max,level"

static void slots_of_the_history_are_read(void **state) {
    struct ctw_recording r = {0};
    (void)state;

    expect(&r, HISTORY_COLUMNS, CTW_READ_NOTHING, "");
    const struct ctw_record a =
        record_of(&r, "1795341600.125,10,44,500,200,900,100,300,20,2500,7250,9990,"
                      "2501,9000,1000,512,1,2,3,4,5,6,7,8,full");
    assert_int_equal(a.at_usec, UINT64_C(1795341600125000));
    assert_int_equal(a.width_usec, 10 * SEC);
    assert_int_equal(a.count, 300);
    assert_int_equal(a.high, 900);
    assert_int_equal(a.low, 100);
    assert_int_equal(a.high_usec, 2500000);
    assert_int_equal(a.low_usec, 7250000);
    assert_int_equal(a.first, 200);
    assert_int_equal(a.first_usec, 20000);
    assert_int_equal(a.last_usec, 9990000);
    assert_int_equal(a.loss_first_usec, 2501000);
    assert_int_equal(a.loss_last_usec, 9000000);
    assert_int_equal(a.drops, 1);
    assert_int_equal(a.other_drops, 2);
    assert_int_equal(a.early_drops, 3);
    assert_int_equal(a.clashes, 4);
    assert_int_equal(a.chain_too_long, 5);
    assert_int_equal(a.log_lines, 6);
    assert_true(a.attributed);
    assert_int_equal(a.polls, 44);
    assert_true(a.has_changes);
    assert_int_equal(a.limit_changes, 7);
    assert_int_equal(a.set_max, 8);
    /* nobody looked */
    expect(&r, "1795341610.125,10,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,ok", CTW_READ_HOLE,
           "");
}

static void a_slot_that_contradicts_itself_is_put_right(void **state) {
    struct ctw_recording r = {0};
    (void)state;

    expect(&r,
           "time,width,first,high,low,last,first_msec,high_msec,low_msec,last_msec,loss_first_msec,"
           "loss_last_msec,max",
           CTW_READ_NOTHING, "");
    const struct ctw_record a = record_of(&r, "5,1,7,10,90,50,1,5000,1000,2000,3600000,999,1000");
    assert_int_equal(a.high, 50);
    assert_int_equal(a.low, 50);
    assert_int_equal(a.high_usec, 999999);
    assert_int_equal(a.low_usec, 999999);
    assert_int_equal(a.first, 50);
    assert_int_equal(a.last_usec, 999999);
    assert_int_equal(a.loss_first_usec, 999999);
    assert_int_equal(a.loss_last_usec, 999000);
}

static void a_slot_as_it_is_makes_the_same_record(void **state) {
    const struct ctw_slot slot = {.number = 7,
                                  .polls = 44,
                                  .mean = 500,
                                  .first = 200,
                                  .high = 900,
                                  .low = 100,
                                  .last = 300,
                                  .first_msec = 20,
                                  .high_msec = 250,
                                  .low_msec = 725,
                                  .last_msec = 990,
                                  .loss_first_msec = 251,
                                  .loss_last_msec = 900,
                                  .max = 1000,
                                  .buckets = 512,
                                  .drops = 1,
                                  .other_drops = 2,
                                  .early_drops = 3,
                                  .clashes = 4,
                                  .chain_too_long = 5,
                                  .log_lines = 6,
                                  .limit_changes = 7,
                                  .set_max = 8};
    const struct ctw_slot unseen = {.number = 8};
    struct ctw_recording r = {0};
    struct ctw_record is = {0};
    (void)state;

    expect(&r, HISTORY_COLUMNS, CTW_READ_NOTHING, "");
    const struct ctw_record should = record_of(&r, "1795341600.000,1,44,500,200,900,100,300,20,250,"
                                                   "725,990,251,900,1000,512,1,2,3,4,5,6,7,8,ok");
    assert_true(ctw_record_of_slot(&slot, UINT64_C(1795341600000000), SEC, &is));
    assert_int_equal(is.at_usec, should.at_usec);
    assert_int_equal(is.width_usec, should.width_usec);
    assert_int_equal(is.count, should.count);
    assert_int_equal(is.max, should.max);
    assert_int_equal(is.buckets, should.buckets);
    assert_int_equal(is.high, should.high);
    assert_int_equal(is.low, should.low);
    assert_int_equal(is.high_usec, should.high_usec);
    assert_int_equal(is.low_usec, should.low_usec);
    assert_int_equal(is.first, should.first);
    assert_int_equal(is.first_usec, should.first_usec);
    assert_int_equal(is.last_usec, should.last_usec);
    assert_int_equal(is.polls, should.polls);
    assert_int_equal(is.has_changes, should.has_changes);
    assert_int_equal(is.limit_changes, should.limit_changes);
    assert_int_equal(is.set_max, should.set_max);
    assert_int_equal(is.loss_first_usec, should.loss_first_usec);
    assert_int_equal(is.loss_last_usec, should.loss_last_usec);
    assert_true(is.has_losses && is.attributed && should.has_losses && should.attributed);
    assert_int_equal(is.drops, should.drops);
    assert_int_equal(is.other_drops, should.other_drops);
    assert_int_equal(is.early_drops, should.early_drops);
    assert_int_equal(is.clashes, should.clashes);
    assert_int_equal(is.chain_too_long, should.chain_too_long);
    assert_int_equal(is.log_lines, should.log_lines);
    assert_false(ctw_record_of_slot(&unseen, UINT64_C(1795341600000000), SEC, &is));
}

static void what_is_not_known_is_a_hole(void **state) {
    struct ctw_recording r = {0};
    (void)state;

    (void)record_of(&r, "5,1,2,0");
    expect(&r, "6,NaN,2,0", CTW_READ_HOLE, "");
    expect(&r, "7,1,+Inf,0", CTW_READ_HOLE, "");
    expect(&r, "8,,2,0", CTW_READ_HOLE, "");
    assert_int_equal(record_of(&r, "9,1.000000e+03,2,NaN").count, 1000);
}

static void time_that_does_not_go_on_is_told(void **state) {
    struct ctw_recording r = {0};
    (void)state;

    (void)record_of(&r, "0,1,2,0");
    expect(&r, "0,1,2,0", CTW_READ_STALE, "");
    (void)record_of(&r, "100,1,2,0");
    expect(&r, "100,1,2,0", CTW_READ_STALE, "");
    expect(&r, "99.999,1,2,0", CTW_READ_STALE, "");
    (void)record_of(&r, "100.001,1,2,0");
}

static void lines_that_cannot_be_read_are_told_and_passed_over(void **state) {
    struct ctw_recording r = {0};
    (void)state;

    (void)record_of(&r, "5,1,2,0\r"); /* as Windows ends lines */
    expect(&r, "", CTW_READ_NOTHING, "");
    expect(&r, " \t\r", CTW_READ_NOTHING, "");
    expect(&r, "# by hand", CTW_READ_NOTHING, "");
    expect(&r, "6,1", CTW_READ_BAD, "ends after 2 of 3 columns");
    expect(&r, "yesterday,1,2,0", CTW_READ_BAD, "time: is no time, allowed are " TIMES);
    expect(&r, "2026-11-22 10:00:00,1,2,0", CTW_READ_BAD, "time: is no time, allowed are " TIMES);
    expect(&r, "1795341600000,1,2,0", CTW_READ_BAD,
           "time: is no moment from 1970 to 9999, allowed are " TIMES);
    expect(&r, "6,one,2,0", CTW_READ_BAD, "count: is no number, allowed is 0 to 4294967295");
    expect(&r, "6,-1,2,0", CTW_READ_BAD, "count: is no number, allowed is 0 to 4294967295");
    expect(&r, "6,4294967296,2,0", CTW_READ_BAD, "count: is too large, allowed is 0 to 4294967295");
    expect(&r, "6,1,99999999999999999999999,0", CTW_READ_BAD,
           "max: is too large, allowed is 0 to 4294967295");
    expect(&r, "6,1,2,0x10", CTW_READ_BAD, "drops: is no number, allowed is 0 to 9007199254740992");
    expect(&r, "6,1,2,9007199254740993", CTW_READ_BAD,
           "drops: is too large, allowed is 0 to 9007199254740992");
    expect(&r, "\x01\xff\xfe", CTW_READ_BAD, "time: is no time, allowed are " TIMES);
    (void)record_of(&r, " 7 , 1 ,\"2\",0");
}

static void without_the_columns_it_takes_nothing_can_be_read(void **state) {
    static const struct {
        const char *line, *words;
    } files[] = {
        {"time,max", "is not time,count,max, nor does it name a column count"},
        {"count,max", "is not time,count,max, nor does it name a column time"},
        {"time,count", "is not time,count,max, nor does it name a column max"},
        {"time,count,max,count", "there are two columns count"},
        {"\x7f"
         "ELF\x02\x01",
         "is not time,count,max, nor does it name a column time"},
        {"12,13", "is not time,count,max, and names no columns"},
    };
    (void)state;

    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        struct ctw_recording r = {0};
        expect(&r, files[i].line, CTW_READ_REFUSED, files[i].words);
    }
}

static void columns_without_end_are_bounded(void **state) {
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
        cmocka_unit_test(without_names_the_columns_are_time_count_max_drops),
        cmocka_unit_test(without_names_drops_may_be_missing_in_any_line),
        cmocka_unit_test(what_is_quoted_may_hold_commas),
        cmocka_unit_test(names_may_come_in_any_order),
        cmocka_unit_test(a_counter_that_is_known_later_counts_from_there),
        cmocka_unit_test(any_column_of_losses_tells_what_was_lost),
        cmocka_unit_test(slots_of_the_history_are_read),
        cmocka_unit_test(a_slot_that_contradicts_itself_is_put_right),
        cmocka_unit_test(a_slot_as_it_is_makes_the_same_record),
        cmocka_unit_test(what_is_not_known_is_a_hole),
        cmocka_unit_test(time_that_does_not_go_on_is_told),
        cmocka_unit_test(lines_that_cannot_be_read_are_told_and_passed_over),
        cmocka_unit_test(without_the_columns_it_takes_nothing_can_be_read),
        cmocka_unit_test(columns_without_end_are_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
