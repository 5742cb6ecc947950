/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lib/replay/prometheus.h"

#define START UINT64_C(1795341600000000)

#define TEXT_MAX 4096

/* JSON, with ' for ". */
static size_t json(const char *text, char ret[static TEXT_MAX]) {
    const size_t length = strlen(text);

    assert_true(length < TEXT_MAX);
    for (size_t i = 0; i < length; i++)
        ret[i] = text[i] == '\'' ? '"' : text[i];
    ret[length] = '\0';
    return length;
}

#define BEGIN "{'status':'success','data':{'resultType':'matrix','result':["
#define END   "]}}"

static void expect_refused(const char *text, const char *label, int error, const char *words) {
    struct ctw_prometheus q;
    struct ctw_line line;
    char buffer[TEXT_MAX];

    const int r = ctw_prometheus_read(&q, buffer, json(text, buffer), &label, label ? 1 : 0, &line);
    if (r != error || !strstr(line.text, words))
        fail_msg("%d, \"%s\", not %d, \"%s\"", r, r < 0 ? line.text : "", error, words);
    ctw_prometheus_release(&q);
}

static void begin(struct ctw_prometheus *q, const char *text, const char *label) {
    struct ctw_line line;
    char buffer[TEXT_MAX];

    if (ctw_prometheus_read(q, buffer, json(text, buffer), &label, label ? 1 : 0, &line) < 0)
        fail_msg("%s", line.text);
}

static struct ctw_record next_record(struct ctw_prometheus *q) {
    struct ctw_record record = {0};
    enum ctw_reading reading;

    assert_true(ctw_prometheus_next(q, &reading, &record));
    assert_int_equal(reading, CTW_READ_RECORD);
    return record;
}

static void expect_next(struct ctw_prometheus *q, enum ctw_reading reading) {
    struct ctw_record record;
    enum ctw_reading is;

    assert_true(ctw_prometheus_next(q, &is, &record));
    assert_int_equal(is, reading);
}

static void expect_end(struct ctw_prometheus *q) {
    struct ctw_record record;
    enum ctw_reading reading;

    assert_false(ctw_prometheus_next(q, &reading, &record));
    ctw_prometheus_release(q);
}

/* With the labels that Prometheus adds. */
static void series_of_node_exporter_join_by_time(void **state) {
    static const char text[] =
        BEGIN "{'metric':{'__name__':'node_nf_conntrack_stat_drop','instance':'gw1:9100'},"
              "'values':[[1795341600,'40'],[1795341615.5,'50'],[1795341630,'6']]},"
              "{'metric':{'__name__':'node_nf_conntrack_stat_insert_failed',"
              "'instance':'gw1:9100','job':'node'},"
              "'values':[[1795341600,'7'],[1795341615.5,'10'],[1795341630,'2']]},"
              "{'metric':{'__name__':'node_nf_conntrack_stat_early_drop','instance':'gw1:9100'},"
              "'values':[[1795341600,'0'],[1795341615.5,'1e+03'],[1795341630,'0']]},"
              "{'metric':{'__name__':'node_nf_conntrack_stat_found','instance':'gw1:9100'},"
              "'values':[[1795341600,'3']]},"
              "{'metric':{'__name__':'node_nf_conntrack_entries','instance':'gw1:9100'},"
              "'values':[[1795341600,'100'],[1795341615.5,'200'],[1795341630,'300']]},"
              "{'metric':{'__name__':'node_nf_conntrack_entries_limit','instance':'gw1:9100'},"
              "'values':[[1795341600,'262144']]}" END;
    struct ctw_prometheus q;
    (void)state;

    begin(&q, text, NULL);
    struct ctw_record a = next_record(&q);
    assert_int_equal(a.at_usec, START);
    assert_int_equal(a.count, 100);
    assert_int_equal(a.max, 262144);
    assert_true(a.has_losses);
    assert_false(a.has_other_drops);
    assert_int_equal(a.losses.drops + a.losses.clashes + a.losses.early_drops, 0);
    a = next_record(&q);
    assert_int_equal(a.at_usec, START + 15500000);
    assert_int_equal(a.max, 262144);     /* goes on */
    assert_int_equal(a.losses.drops, 7); /* without the clashes */
    assert_int_equal(a.losses.clashes, 3);
    assert_int_equal(a.losses.early_drops, 1000);
    a = next_record(&q); /* after a boot */
    assert_int_equal(a.losses.drops, 4);
    assert_int_equal(a.losses.clashes, 2);
    assert_int_equal(a.losses.early_drops, 0);
    expect_end(&q);
}

static void series_of_ctwatch_have_reasons(void **state) {
    static const char text[] =
        BEGIN "{'metric':{'__name__':'ctwatch_drops_total','reason':'table_full'},"
              "'values':[[1795341600,'10'],[1795341601,'11']]},"
              "{'metric':{'__name__':'ctwatch_drops_total','reason':'below_max'},"
              "'values':[[1795341600,'10'],[1795341601,'12']]},"
              "{'metric':{'__name__':'ctwatch_drops_total','reason':'chain_too_long'},"
              "'values':[[1795341600,'10'],[1795341601,'13']]},"
              "{'metric':{'__name__':'ctwatch_drops_total','reason':'clash'},"
              "'values':[[1795341600,'10'],[1795341601,'14']]},"
              "{'metric':{'__name__':'ctwatch_early_drops_total'},"
              "'values':[[1795341600,'10'],[1795341601,'15']]},"
              "{'metric':{'__name__':'ctwatch_buckets'},'values':[[1795341600,'65536']]},"
              "{'metric':{'__name__':'ctwatch_entries'},"
              "'values':[[1795341600,'1'],[1795341601,'2']]},"
              "{'metric':{'__name__':'ctwatch_entries_limit'},"
              "'values':[[1795341600,'100'],[1795341601,'200']]}" END;
    struct ctw_prometheus q;
    (void)state;

    begin(&q, text, NULL);
    assert_int_equal(next_record(&q).buckets, 65536);
    const struct ctw_record a = next_record(&q);
    assert_true(a.has_other_drops);
    assert_int_equal(a.max, 200);
    assert_int_equal(a.losses.drops, 1);
    assert_int_equal(a.losses.other_drops, 2);
    assert_int_equal(a.losses.chain_too_long, 3);
    assert_int_equal(a.losses.clashes, 4);
    assert_int_equal(a.losses.early_drops, 5);
    expect_end(&q);
}

/* What was counted before is no loss of the recording. */
static void counter_known_later_counts_from_there(void **state) {
    static const char text[] =
        BEGIN "{'metric':{'__name__':'node_nf_conntrack_entries'},'values':[[1795341600,'1'],"
              "[1795341601,'2'],[1795341602,'3'],[1795341603,'4'],[1795341604,'5']]},"
              "{'metric':{'__name__':'node_nf_conntrack_entries_limit'},'values':["
              "[1795341600,'100']]},"
              "{'metric':{'__name__':'node_nf_conntrack_stat_drop'},'values':["
              "[1795341601,'5000'],[1795341602,'5001'],[1795341603,'NaN'],[1795341604,'5003']]},"
              "{'metric':{'__name__':'node_nf_conntrack_stat_early_drop'},'values':["
              "[1795341600,'NaN'],[1795341602,'7000'],[1795341603,'7004']]}" END;
    static const uint64_t drops[] = {0, 0, 1, 0, 2}, early_drops[] = {0, 0, 0, 4, 0};
    struct ctw_prometheus q;
    (void)state;

    begin(&q, text, NULL);
    for (size_t i = 0; i < sizeof(drops) / sizeof(drops[0]); i++) {
        const struct ctw_record a = next_record(&q);
        assert_int_equal(a.losses.drops, drops[i]);
        assert_int_equal(a.losses.early_drops, early_drops[i]);
    }
    expect_end(&q);
}

static void losses_series_of_any_kind_sets_has_losses(void **state) {
    static const struct {
        const char *series;
        bool known;
    } cases[] = {
        {"'node_nf_conntrack_stat_drop'", true},
        {"'node_nf_conntrack_stat_insert_failed'", true},
        {"'node_nf_conntrack_stat_early_drop'", true},
        {"'ctwatch_drops_total','reason':'table_full'", true},
        {"'ctwatch_drops_total','reason':'below_max'", true},
        {"'ctwatch_drops_total','reason':'chain_too_long'", true},
        {"'ctwatch_drops_total','reason':'clash'", true},
        {"'ctwatch_early_drops_total'", true},
        {"'ctwatch_buckets'", false},
    };
    (void)state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct ctw_prometheus q;
        char text[TEXT_MAX];
        (void)snprintf(text, sizeof(text),
                       BEGIN "{'metric':{'__name__':'ctwatch_entries'},'values':[[1,'1']]},"
                             "{'metric':{'__name__':%s},'values':[[1,'7']]}" END,
                       cases[i].series);
        begin(&q, text, NULL);
        if (next_record(&q).has_losses != cases[i].known)
            fail_msg("%s", cases[i].series);
        expect_end(&q);
    }
}

static void value_unknown_or_unreadable_is_skipped(void **state) {
    static const char text[] =
        BEGIN "{'metric':{'__name__':'node_nf_conntrack_entries'},'values':[[1795341600,'1'],"
              "[1795341601,'NaN'],[1795341602,'3'],[1795341603,'+Inf'],[1795341602,'4'],['x','5'],"
              "[1795341605,6],[1795341606,'seven'],[1795341607,'4294967296'],7,[-1,'8'],"
              "[1e300,'9'],[1795341610,'10']]},"
              "{'metric':{'__name__':'node_nf_conntrack_entries_limit'},'values':["
              "[1795341601,'100'],[1795341605,'NaN'],3,[1795341610,'200']]}" END;
    struct ctw_prometheus q;
    (void)state;

    begin(&q, text, NULL);
    expect_next(&q, CTW_READ_HOLE); /* no limit yet */
    expect_next(&q, CTW_READ_HOLE);
    assert_int_equal(next_record(&q).count, 3);
    expect_next(&q, CTW_READ_HOLE);
    expect_next(&q, CTW_READ_STALE);
    for (int i = 0; i < 7; i++) {
        expect_next(&q, CTW_READ_BAD);
        if (i == 3)
            assert_string_equal(q.words.text, "value 9 of the entries: is too large, allowed is "
                                              "0 to 4294967295");
    }
    assert_string_equal(q.words.text,
                        "value 12 of the entries: is not a time and a number, allowed "
                        "are pairs as [1795341600, \"120000\"]");
    assert_int_equal(next_record(&q).max, 200);
    expect_end(&q);
}

/* ctwatch exports a limit with each count, and none where there is no limit. */
static void limit_of_ctwatch_gone_is_no_limit(void **state) {
    static const char text[] =
        BEGIN "{'metric':{'__name__':'ctwatch_entries'},'values':[[1795341600,'1'],"
              "[1795341615,'2'],[1795341630,'3'],[1795341645,'4'],[1795341660,'5'],"
              "[1795341675,'6'],[1795341690,'7'],[1795341705,'8']]},"
              "{'metric':{'__name__':'ctwatch_entries_limit'},'values':["
              "[1795341615,'100'],[1795341675,'NaN'],[1795341690,'200']]}" END;
    static const char unlimited[] =
        BEGIN "{'metric':{'__name__':'ctwatch_entries','instance':'gw1'},"
              "'values':[[1795341600,'1'],[1795341615,'2']]}" END;
    struct ctw_prometheus q;
    (void)state;

    begin(&q, text, NULL);
    assert_int_equal(next_record(&q).max, 0);
    assert_int_equal(next_record(&q).max, 100);
    assert_int_equal(next_record(&q).max, 100); /* one or two may be missing */
    assert_int_equal(next_record(&q).max, 100);
    assert_int_equal(next_record(&q).max, 0);
    expect_next(&q, CTW_READ_HOLE);
    assert_int_equal(next_record(&q).max, 200);
    assert_int_equal(next_record(&q).max, 200);
    expect_end(&q);

    begin(&q, unlimited, "instance=gw1");
    assert_int_equal(next_record(&q).max, 0);
    assert_int_equal(next_record(&q).max, 0);
    expect_end(&q);
}

/* prometheus-node-exporter always exports one: 0 is no limit. */
static void limit_of_node_exporter_gone_is_unknown(void **state) {
    static const char quick[] =
        BEGIN "{'metric':{'__name__':'node_nf_conntrack_entries'},'values':[[1795341600,'1'],"
              "[1795341615,'2'],[1795341900,'3'],[1795341915,'4'],[1795341930,'5']]},"
              "{'metric':{'__name__':'node_nf_conntrack_entries_limit'},'values':["
              "[1795341600,'100'],[1795341930,'0']]}" END;
    static const char hourly[] =
        BEGIN "{'metric':{'__name__':'node_nf_conntrack_entries'},'values':[[1795341600,'1'],"
              "[1795345200,'2'],[1795348800,'3'],[1795352400,'4']]},"
              "{'metric':{'__name__':'node_nf_conntrack_entries_limit'},'values':["
              "[1795341600,'100']]}" END;
    struct ctw_prometheus q;
    (void)state;

    begin(&q, quick, NULL);
    for (int i = 0; i < 3; i++)
        assert_int_equal(next_record(&q).max, 100);
    expect_next(&q, CTW_READ_HOLE);
    assert_int_equal(next_record(&q).max, 0);
    expect_end(&q);

    begin(&q, hourly, NULL);
    for (int i = 0; i < 3; i++)
        assert_int_equal(next_record(&q).max, 100);
    expect_next(&q, CTW_READ_HOLE);
    expect_end(&q);
}

#define SERIES(name, instance)                                                                     \
    "{'metric':{'__name__':'" name "','instance':'" instance "'},'values':[[1795341600,'100']]}"
#define ENTRIES "node_nf_conntrack_entries"
#define LIMIT   "node_nf_conntrack_entries_limit"

static void instances_several_need_a_name(void **state) {
    static const char text[] = BEGIN SERIES(ENTRIES, "gw1") "," SERIES(LIMIT, "gw1") "," SERIES(
        ENTRIES, "gw2") "," SERIES(LIMIT, "gw2") END;
    struct ctw_prometheus q;
    (void)state;

    expect_refused(text, NULL, -ENOTUNIQ, "--label instance=VALUE chooses one: gw1, gw2");
    expect_refused(text, "instance=gw3", -ENOENT, "with instance=gw3; there are: gw1, gw2");
    begin(&q, text, "instance=gw2");
    assert_int_equal(next_record(&q).count, 100);
    expect_end(&q);
}

/* A pod of the exporter was replaced, and two Prometheus scraped the second one. */
static void series_that_differ_in_scraper_or_pod_are_joined(void **state) {
    static const char text[] = BEGIN
        "{'metric':{'__name__':'" ENTRIES "','instance':'10.0.0.7:9100','node':'n1','pod':'b',"
        "'prometheus_replica':'1'},'values':[[1795341630,'300'],[1795341660,'400']]},"
        "{'metric':{'__name__':'" ENTRIES "','instance':'10.0.0.7:9100','node':'n1','pod':'b',"
        "'prometheus_replica':'0'},'values':[[1795341630,'300'],[1795341645,'350']]},"
        "{'metric':{'__name__':'" ENTRIES "','instance':'10.0.0.3:9100','node':'n1','pod':'a'},"
        "'values':[[1795341600,'100'],[1795341615,'200']]},"
        "{'metric':{'__name__':'" LIMIT "','instance':'10.0.0.3:9100','node':'n1','pod':'a'},"
        "'values':[[1795341600,'1000']]}" END;
    static const char of_two_nodes[] =
        BEGIN "{'metric':{'__name__':'" ENTRIES "','instance':'i','node':'n1'},'values':[]},"
              "{'metric':{'__name__':'" ENTRIES "','instance':'i','node':'n2'},'values':[]}" END;
    struct ctw_prometheus q;
    (void)state;

    begin(&q, text, NULL);
    for (uint32_t count = 100; count <= 300; count += 100)
        assert_int_equal(next_record(&q).count, count);
    expect_next(&q, CTW_READ_STALE);
    assert_int_equal(next_record(&q).count, 350);
    assert_int_equal(next_record(&q).count, 400);
    expect_end(&q);
    expect_refused(of_two_nodes, NULL, -ENOTUNIQ, "--label node=VALUE chooses one: n1, n2");
}

static void export_of_victoriametrics_is_read(void **state) {
    static const char text[] =
        "{'metric':{'__name__':'" ENTRIES "','instance':'gw1'},'values':[100,200,null],"
        "'timestamps':[1795341600000,1795341615500,1795341630000]}\n"
        "{'metric':{'__name__':'" LIMIT "','instance':'gw1'},'values':[1000],"
        "'timestamps':[1795341600000]}\n";
    struct ctw_prometheus q;
    (void)state;

    begin(&q, text, NULL);
    assert_int_equal(next_record(&q).count, 100);
    const struct ctw_record second = next_record(&q);
    assert_int_equal(second.at_usec, START + 15500000);
    assert_int_equal(second.count, 200);
    assert_int_equal(second.max, 1000);
    expect_next(&q, CTW_READ_HOLE);
    expect_end(&q);
    expect_refused("{'metric':{},'values':[1],'timestamps':[1]}\n{'metric'", NULL, -EBADMSG,
                   "no JSON");
    expect_refused("{'metric':{},'values':[1],'timestamps':[1]}\nx", NULL, -EBADMSG, "no JSON");
    expect_refused("{'values':[1],'timestamps':[1]}", NULL, -EBADMSG, "without metric");
    expect_refused("{'metric':{},'timestamps':[]}", NULL, -ENOENT, "no series");
}

static void answer_of_other_kind_is_refused(void **state) {
    (void)state;

    expect_refused("", NULL, -EBADMSG, "no JSON");
    expect_refused("{", NULL, -EBADMSG, "no JSON");
    expect_refused("{'a':'\xff'}", NULL, -EBADMSG, "no JSON");
    expect_refused("{}", NULL, -EBADMSG, "no answer to a range query");
    expect_refused("{'status':'error','error':'query timed out'}", NULL, -EBADMSG,
                   "Prometheus answered: query timed out");
    expect_refused("{'data':{'resultType':'vector','result':[]}}", NULL, -EBADMSG, "type matrix");
    expect_refused(BEGIN END, NULL, -ENOENT, "no series node_nf_conntrack_entries or");
    expect_refused(BEGIN "1,'x',null,{}" END, NULL, -ENOENT, "no series");
    expect_refused(BEGIN SERIES(ENTRIES, "gw1") END, NULL, -ENOENT,
                   "node_nf_conntrack_entries_limit");
    expect_refused(BEGIN "{'metric':{'__name__':'ctwatch_entries'},'value':[1,'2']}" END, NULL,
                   -EBADMSG, "no values");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(series_of_node_exporter_join_by_time),
        cmocka_unit_test(series_of_ctwatch_have_reasons),
        cmocka_unit_test(counter_known_later_counts_from_there),
        cmocka_unit_test(losses_series_of_any_kind_sets_has_losses),
        cmocka_unit_test(value_unknown_or_unreadable_is_skipped),
        cmocka_unit_test(limit_of_ctwatch_gone_is_no_limit),
        cmocka_unit_test(limit_of_node_exporter_gone_is_unknown),
        cmocka_unit_test(instances_several_need_a_name),
        cmocka_unit_test(series_that_differ_in_scraper_or_pod_are_joined),
        cmocka_unit_test(export_of_victoriametrics_is_read),
        cmocka_unit_test(answer_of_other_kind_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
