/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Every state of `ctwatch check`, the line it comes with, and the grammar of that line. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "lib/view/check.h"
#include "tests/support/snapshot_samples.h"

#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))

/* The usual thresholds, half a second after the last poll of the daemon. */
static struct ctw_view view;
static struct ctw_snapshot *const snapshot = &view.snapshot;
static struct ctw_check_limits limits;
static struct ctw_line line;

static void begin(void (*sample)(struct ctw_snapshot *)) {
    view = (struct ctw_view){.now_usec = SAMPLE_NOW_USEC + 500 * CTW_USEC_PER_MSEC};
    sample(snapshot);
    view.liveness = snapshot->pid != 0 ? CTW_LIVENESS_ALIVE : CTW_LIVENESS_NONE;
    view.state_error = snapshot->pid != 0 ? 0 : -ENOENT;
    limits = (struct ctw_check_limits){.warning_permyriad = 7500, .critical_permyriad = 9000};
}

static void own_sample_of(uint32_t count, uint32_t max) {
    begin(sample_own_poll);
    snapshot->table.count = count;
    snapshot->table.max = max;
}

/* --- the grammar of performance data, as the Monitoring Plugins guidelines have it ------------ */

static const char *digits(const char *s) {
    const char *end = s + strspn(s, "0123456789");

    if (end == s)
        return NULL;
    if (*end != '.')
        return end;
    s = end + 1;
    end = s + strspn(s, "0123456789");
    return end > s ? end : NULL;
}

/* Up to four numbers behind semicolons, each of which may be missing. */
static const char *bounds(const char *s) {
    for (int i = 0; i < 4 && *s == ';'; i++) {
        s++;
        if (*s != ';' && *s != ' ' && *s != '\0')
            s = digits(s);
        if (!s)
            return NULL;
    }
    return s;
}

static const char *datum(const char *s) {
    const char *label = s;

    s += strspn(s, "abcdefghijklmnopqrstuvwxyz_");
    if (s == label || *s++ != '=' || !(s = digits(s)))
        return NULL;
    if (*s == '%' || *s == 'c')
        s++;
    return bounds(s);
}

/* "CONNTRACK WORD - TEXT" and perhaps " | DATUM DATUM..." */
static void assert_grammar(const char *text, const char *word) {
    char start[64];
    const char *bar = strchr(text, '|');

    (void)snprintf(start, sizeof(start), "CONNTRACK %s - ", word);
    assert_int_equal(strncmp(text, start, strlen(start)), 0);
    assert_null(strchr(text, '\n'));
    if (!bar)
        return;
    assert_true(bar[-1] == ' ' && bar[1] == ' ');
    for (const char *s = bar + 2;; s++) {
        s = datum(s);
        if (!s)
            fail_msg("not performance data: %s", bar);
        if (*s == '\0')
            return;
        assert_int_equal(*s, ' ');
    }
}

static const char *const words[] = {"OK", "WARNING", "CRITICAL", "UNKNOWN"};

static void assert_plugin(enum ctw_check_state state, const char *text) {
    assert_int_equal(ctw_check(&view, &limits, CTW_CHECK_PLUGIN, &line), state);
    assert_string_equal(line.text, text);
    assert_grammar(line.text, words[state]);
    assert_int_equal(ctw_check_exit_status(CTW_CHECK_PLUGIN, state), state);
}

static void assert_npd(int status, const char *text) {
    const enum ctw_check_state state = ctw_check(&view, &limits, CTW_CHECK_NPD, &line);

    assert_string_equal(line.text, text);
    assert_int_equal(ctw_check_exit_status(CTW_CHECK_NPD, state), status);
    assert_true(strlen(line.text) <= CTW_CHECK_NPD_BYTES);
}

/* --- by the fill ------------------------------------------------------------------------------ */

static void fill_calm_is_ok(void **state) {
    (void)state;
    own_sample_of(31337, 262144);
    assert_plugin(CTW_CHECK_OK,
                  "CONNTRACK OK - 11.9 % (31337 of 262144) | usage=11.95%;75;90;0;100 "
                  "entries=31337;196608;235929;0;262144 drops=0c early_drops=0c");
    assert_npd(0, "conntrack: 11.9 % full (31337 of 262144)");
}

static void fill_at_threshold_is_its_state(void **state) {
    static const struct {
        uint32_t count;
        enum ctw_check_state state;
    } rows[] = {
        {0, CTW_CHECK_OK},           {7499, CTW_CHECK_OK},
        {7500, CTW_CHECK_WARNING},   {8999, CTW_CHECK_WARNING},
        {9000, CTW_CHECK_CRITICAL},  {10000, CTW_CHECK_CRITICAL},
        {20000, CTW_CHECK_CRITICAL}, {UINT32_MAX, CTW_CHECK_CRITICAL},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        own_sample_of(rows[i].count, 10000);
        assert_int_equal(ctw_check(&view, &limits, CTW_CHECK_PLUGIN, &line), rows[i].state);
        assert_grammar(line.text, words[rows[i].state]);
    }
}

static void thresholds_equal_have_no_warning(void **state) {
    (void)state;
    own_sample_of(7999, 10000);
    limits.warning_permyriad = limits.critical_permyriad = 8000;
    assert_int_equal(ctw_check(&view, &limits, CTW_CHECK_PLUGIN, &line), CTW_CHECK_OK);
    own_sample_of(8000, 10000);
    limits.warning_permyriad = limits.critical_permyriad = 8000;
    assert_int_equal(ctw_check(&view, &limits, CTW_CHECK_PLUGIN, &line), CTW_CHECK_CRITICAL);
}

static void thresholds_with_decimals_keep_them(void **state) {
    (void)state;
    own_sample_of(833, 1000);
    limits.warning_permyriad = 8250;
    limits.critical_permyriad = 9905;
    assert_plugin(
        CTW_CHECK_WARNING,
        "CONNTRACK WARNING - 83.3 % (833 of 1000) | "
        "usage=83.30%;82.5;99.05;0;100 entries=833;825;990;0;1000 drops=0c early_drops=0c");
    assert_npd(0, "conntrack: 83.3 % full (833 of 1000)");
}

static void fill_above_limit_is_critical(void **state) {
    (void)state;
    own_sample_of(500000, 262144);
    assert_plugin(CTW_CHECK_CRITICAL,
                  "CONNTRACK CRITICAL - 190.7 % (500000 of 262144) | "
                  "usage=190.73%;75;90;0;100 "
                  "entries=500000;196608;235929;0;262144 drops=0c early_drops=0c");
    assert_npd(1, "conntrack: 190.7 % full (500000 of 262144)");
}

static void fill_without_limit_is_ok(void **state) {
    (void)state;
    own_sample_of(31337, 0);
    assert_plugin(
        CTW_CHECK_OK,
        "CONNTRACK OK - no limit (31337 entries) | entries=31337;;;0 drops=0c early_drops=0c");
    assert_npd(0, "conntrack: no limit (31337 entries)");
}

/* --- by what a daemon knows ------------------------------------------------------------------- */

static void losses_past_are_performance_data(void **state) {
    (void)state;
    begin(sample_calm);
    snapshot->lost.drops = 100;
    snapshot->lost.other_drops = 20;
    snapshot->lost.chain_too_long = 3;
    snapshot->lost.early_drops = 4;
    assert_plugin(CTW_CHECK_OK,
                  "CONNTRACK OK - 11.9 % (31337 of 262144) | usage=11.95%;75;90;0;100 "
                  "entries=31337;196608;235929;0;262144 drops=123c early_drops=4c");
    assert_npd(0, "conntrack: 11.9 % full (31337 of 262144)");
}

static void drops_recent_are_critical(void **state) {
    (void)state;
    begin(sample_calm);
    snapshot->lost.other_drops = 7;
    snapshot->refused_usec = SAMPLE_NOW_USEC;
    assert_plugin(CTW_CHECK_CRITICAL,
                  "CONNTRACK CRITICAL - 11.9 % (31337 of 262144), new connections dropped | "
                  "usage=11.95%;75;90;0;100 entries=31337;196608;235929;0;262144 drops=7c "
                  "early_drops=0c");
    assert_npd(1, "conntrack: 11.9 % full (31337 of 262144), new connections dropped");
}

static void drops_after_a_minute_are_past(void **state) {
    (void)state;
    begin(sample_calm);
    snapshot->refused_usec = SAMPLE_NOW_USEC;
    snapshot->polled_usec = view.now_usec = SAMPLE_NOW_USEC + CTW_CHECK_LOSS_USEC - 1;
    assert_npd(1, "conntrack: 11.9 % full (31337 of 262144), new connections dropped 59 s ago");
    view.now_usec++;
    assert_npd(0, "conntrack: 11.9 % full (31337 of 262144)");
    /* Soon after a boot, never is not lately. */
    snapshot->refused_usec = 0;
    view.now_usec = CTW_USEC_PER_SEC;
    assert_npd(0, "conntrack: 11.9 % full (31337 of 262144)");
    snapshot->refused_usec = SAMPLE_NOW_USEC;
    /* The next look came while this one was being read. */
    view.now_usec = SAMPLE_NOW_USEC - 1;
    assert_npd(1, "conntrack: 11.9 % full (31337 of 262144), new connections dropped");
}

static void evictions_recent_are_critical(void **state) {
    (void)state;
    begin(sample_calm);
    snapshot->table.count = 262100;
    snapshot->level = CTW_LEVEL_FULL;
    snapshot->lost.early_drops = 56789;
    snapshot->evicted_usec = SAMPLE_NOW_USEC;
    snapshot->fills = false;
    assert_plugin(CTW_CHECK_CRITICAL,
                  "CONNTRACK CRITICAL - 99.9 % (262100 of 262144), entries evicted to make room | "
                  "usage=99.98%;75;90;0;100 entries=262100;196608;235929;0;262144 drops=0c "
                  "early_drops=56789c");
    assert_npd(1, "conntrack: 99.9 % full (262100 of 262144), entries evicted to make room");
}

static void drops_outrank_evictions(void **state) {
    (void)state;
    begin(sample_full);
    assert_npd(1, "conntrack: 100.0 % full (262144 of 262144), new connections dropped 2 s ago");
}

static void level_full_is_critical(void **state) {
    (void)state;
    begin(sample_calm);
    snapshot->table.count = 252144;
    snapshot->fills = false;
    snapshot->level = CTW_LEVEL_FULL;
    limits.critical_permyriad = 9900;
    assert_npd(1, "conntrack: 96.1 % full (252144 of 262144), was full just now");
    snapshot->table.count = snapshot->table.max;
    assert_npd(1, "conntrack: 100.0 % full (262144 of 262144)");
}

static void level_below_full_is_ignored(void **state) {
    (void)state;
    begin(sample_calm);
    snapshot->table.count = 240000;
    snapshot->fills = false;
    snapshot->level = CTW_LEVEL_CRITICAL;
    limits.warning_permyriad = 9500;
    limits.critical_permyriad = 9900;
    assert_npd(0, "conntrack: 91.5 % full (240000 of 262144)");
    assert_int_equal(ctw_check(&view, &limits, CTW_CHECK_PLUGIN, &line), CTW_CHECK_OK);
}

static void time_to_full_within_an_hour_is_shown(void **state) {
    (void)state;
    begin(sample_calm);
    snapshot->usec_to_full = 3600 * CTW_USEC_PER_SEC - 1;
    assert_npd(0, "conntrack: 11.9 % full (31337 of 262144), full in 59 min");
    snapshot->usec_to_full = 1;
    assert_npd(0, "conntrack: 11.9 % full (31337 of 262144), full in less than 1 s");
    snapshot->usec_to_full = 3600 * CTW_USEC_PER_SEC;
    assert_npd(0, "conntrack: 11.9 % full (31337 of 262144)");
    snapshot->usec_to_full = CTW_USEC_PER_SEC;
    snapshot->evicted_usec = SAMPLE_NOW_USEC;
    assert_npd(1, "conntrack: 11.9 % full (31337 of 262144), entries evicted to make room");
    snapshot->evicted_usec = 0;
    snapshot->fills = false;
    assert_npd(0, "conntrack: 11.9 % full (31337 of 262144)");
}

/* A snapshot that a daemon left behind says nothing about now. */
static void losses_of_a_late_daemon_are_ignored(void **state) {
    (void)state;
    begin(sample_full);
    view.liveness = CTW_LIVENESS_LATE;
    snapshot->table.count = 1000;
    assert_plugin(CTW_CHECK_OK,
                  "CONNTRACK OK - 0.3 % (1000 of 262144) | usage=0.38%;75;90;0;100 "
                  "entries=1000;196608;235929;0;262144 drops=1234c early_drops=56789c");
}

/* --- where a daemon should be ----------------------------------------------------------------- */

static void daemon_missing_but_wanted_is_a_warning(void **state) {
    static const struct {
        enum ctw_liveness liveness;
        int error;
        const char *text;
    } rows[] = {
        {CTW_LIVENESS_NONE, -ENOENT, ", ctwatchd is not running"},
        {CTW_LIVENESS_STOPPED, 0, ", ctwatchd is not running"},
        {CTW_LIVENESS_LATE, 0, ", ctwatchd has stopped polling"},
        {CTW_LIVENESS_NONE, -EXDEV, ", ctwatchd watches another network namespace"},
        {CTW_LIVENESS_STOPPED, -EXDEV, ", ctwatchd is not running"},
        {CTW_LIVENESS_LATE, -EXDEV, ", ctwatchd has stopped polling"},
        {CTW_LIVENESS_NONE, -EACCES, ", ctwatchd not seen (state: for root and the group ctwatch)"},
        {CTW_LIVENESS_NONE, -EBADMSG, ", ctwatchd not seen (state: damaged)"},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        own_sample_of(1000, 10000);
        view.liveness = rows[i].liveness;
        view.state_error = rows[i].error;
        assert_npd(0, "conntrack: 10.0 % full (1000 of 10000)");
        limits.wants_daemon = true;
        assert_int_equal(ctw_check(&view, &limits, CTW_CHECK_PLUGIN, &line), CTW_CHECK_WARNING);
        assert_non_null(strstr(line.text, rows[i].text));
        assert_grammar(line.text, "WARNING");
        snapshot->table.count = 9500;
        assert_int_equal(ctw_check(&view, &limits, CTW_CHECK_PLUGIN, &line), CTW_CHECK_CRITICAL);
        assert_non_null(strstr(line.text, rows[i].text));
    }
}

static void daemon_alive_is_not_mentioned(void **state) {
    (void)state;
    begin(sample_calm);
    limits.wants_daemon = true;
    assert_npd(0, "conntrack: 11.9 % full (31337 of 262144)");
}

static void poll_old_shows_its_age(void **state) {
    (void)state;
    begin(sample_calm);
    view.now_usec = SAMPLE_NOW_USEC + CTW_LATE_USEC;
    assert_npd(0, "conntrack: 11.9 % full (31337 of 262144)");
    view.now_usec = SAMPLE_NOW_USEC + 40 * CTW_USEC_PER_SEC;
    assert_npd(0, "conntrack: 11.9 % full (31337 of 262144), seen 40 s ago");
}

/* --- what is not known ------------------------------------------------------------------------ */

static void table_absent_is_unknown(void **state) {
    (void)state;
    begin(sample_absent);
    view.liveness = CTW_LIVENESS_NONE;
    assert_plugin(CTW_CHECK_UNKNOWN,
                  "CONNTRACK UNKNOWN - no conntrack table: nf_conntrack is not loaded");
    assert_npd(2, "no conntrack table: nf_conntrack is not loaded");
    view.liveness = CTW_LIVENESS_ALIVE;
    assert_plugin(CTW_CHECK_UNKNOWN, "CONNTRACK UNKNOWN - no conntrack table: nf_conntrack is not "
                                     "loaded | drops=0c early_drops=0c");
}

static void cannot_read(int error) {
    begin(sample_absent);
    view.liveness = CTW_LIVENESS_NONE;
    snapshot->sources[CTW_SOURCE_TABLE] = (struct ctw_source_health){
        .health = CTW_HEALTH_FAILED,
        .error = error,
        .what = "/proc/sys/net/netfilter/nf_conntrack_count",
    };
}

static void table_unreadable_is_unknown(void **state) {
    (void)state;
    cannot_read(-EACCES);
    assert_plugin(CTW_CHECK_UNKNOWN,
                  "CONNTRACK UNKNOWN - cannot read /proc/sys/net/netfilter/nf_conntrack_count: "
                  "Permission denied");
    assert_npd(2, "cannot read /proc/sys/net/netfilter/nf_conntrack_count: Permission denied");
    cannot_read(-EBADMSG);
    assert_npd(2, "cannot read /proc/sys/net/netfilter/nf_conntrack_count: content not understood");
}

/* The daemon is blind, and knows from the kernel log. */
static void drops_outrank_an_unreadable_table(void **state) {
    (void)state;
    cannot_read(-EACCES);
    view.liveness = CTW_LIVENESS_ALIVE;
    snapshot->level = CTW_LEVEL_FULL;
    snapshot->refused_usec = SAMPLE_NOW_USEC;
    assert_plugin(CTW_CHECK_CRITICAL,
                  "CONNTRACK CRITICAL - cannot read /proc/sys/net/netfilter/nf_conntrack_count: "
                  "Permission denied, new connections dropped | drops=0c early_drops=0c");
}

static void reason_is_one_line_without_data(void **state) {
    (void)state;
    ctw_check_unknown(CTW_CHECK_PLUGIN, "/tmp/a|b\nc:3: levels.warning: is 950\x1b[2J", &line);
    assert_string_equal(line.text, "CONNTRACK UNKNOWN - /tmp/a?b?c:3: levels.warning: is 950?[2J");
    assert_grammar(line.text, "UNKNOWN");
}

static void reason_too_long_is_cut_between_characters(void **state) {
    char reason[100];

    (void)state;
    memset(reason, 'x', sizeof(reason));
    memcpy(reason + CTW_CHECK_NPD_BYTES - 1,
           "\xc3\xa9"
           "x",
           4);
    ctw_check_unknown(CTW_CHECK_NPD, reason, &line);
    assert_int_equal(strlen(line.text), CTW_CHECK_NPD_BYTES - 1);
    assert_int_equal(line.length, CTW_CHECK_NPD_BYTES - 1);
    reason[CTW_CHECK_NPD_BYTES] = '\0';
    reason[CTW_CHECK_NPD_BYTES - 1] = 'x';
    ctw_check_unknown(CTW_CHECK_NPD, reason, &line);
    assert_string_equal(line.text, reason);
}

/* --- whatever a snapshot holds ---------------------------------------------------------------- */

static void numbers_largest_fit(void **state) {
    (void)state;
    begin(sample_calm);
    snapshot->table.count = UINT32_MAX;
    snapshot->table.max = 1;
    snapshot->lost.drops = snapshot->lost.early_drops = UINT64_MAX;
    snapshot->refused_usec = 1;
    view.now_usec = CTW_CHECK_LOSS_USEC;
    (void)ctw_check(&view, &limits, CTW_CHECK_PLUGIN, &line);
    assert_grammar(line.text, "CRITICAL");
    assert_true(line.length + 1 < sizeof(line.text));

    /* The largest limit there is, full. */
    snapshot->table.count = snapshot->table.max = INT32_MAX;
    view.now_usec = 2;
    assert_npd(1, "conntrack: 100.0 % full (2147483647 of 2147483647), new connections dropped");
}

static void line_of_every_combination_is_well_formed(void **state) {
    static const uint32_t numbers[] = {0, 1, 9, 10, 99, 100, 262144, INT32_MAX, UINT32_MAX};
    static void (*const samples[])(struct ctw_snapshot *) = {
        sample_calm, sample_full, sample_absent, sample_unlimited, sample_own_poll};

    (void)state;
    for (size_t i = 0; i < LENGTH(samples) * LENGTH(numbers) * LENGTH(numbers) * 4 * 2; i++) {
        begin(samples[i % LENGTH(samples)]);
        snapshot->table.count = numbers[i / LENGTH(samples) % LENGTH(numbers)];
        snapshot->table.max = numbers[i / LENGTH(samples) / LENGTH(numbers) % LENGTH(numbers)];
        const size_t rest = i / LENGTH(samples) / LENGTH(numbers) / LENGTH(numbers);
        view.liveness = (enum ctw_liveness)(rest % 4);
        limits.wants_daemon = rest / 4;
        const enum ctw_check_state is = ctw_check(&view, &limits, CTW_CHECK_PLUGIN, &line);
        assert_grammar(line.text, words[is]);
        assert_int_equal(ctw_check(&view, &limits, CTW_CHECK_NPD, &line), is);
        assert_true(line.length == strlen(line.text) && line.length <= CTW_CHECK_NPD_BYTES);
        assert_null(strchr(line.text, '|'));
    }
}

/* --- other namespaces ------------------------------------------------------------------------- */

static void begin_with_others(void) {
    begin(sample_calm);
    view.namespaces = sample_namespaces();
}

static void namespace_that_drops_is_critical_and_named(void **state) {
    (void)state;
    begin_with_others();
    assert_int_equal(ctw_check(&view, &limits, CTW_CHECK_PLUGIN, &line), CTW_CHECK_CRITICAL);
    assert_grammar(line.text, "CRITICAL");
    assert_string_equal(line.text,
                        "CONNTRACK CRITICAL - podman 3f2a9c1b7d20: 100.0 % (262144 of 262144), new "
                        "connections dropped 2 s ago; own table 11.9 % | usage=11.95%;75;90;0;100 "
                        "entries=31337;196608;235929;0;262144 drops=0c early_drops=0c");
    assert_int_equal(ctw_check(&view, &limits, CTW_CHECK_NPD, &line), CTW_CHECK_CRITICAL);
    assert_string_equal(line.text, "conntrack: podman 3f2a9c1b7d20: 100.0 % full (262144 of "
                                   "262144), new connections");
}

static void namespace_of_a_user_counts_with_all_only(void **state) {
    (void)state;
    begin_with_others();
    view.namespaces->records[0].has_table = false;
    view.namespaces->records[0].refused_usec = view.namespaces->records[0].evicted_usec = 0;
    view.namespaces->records[0].level = CTW_LEVEL_OK;
    assert_int_equal(ctw_check(&view, &limits, CTW_CHECK_PLUGIN, &line), CTW_CHECK_OK);
    assert_null(strstr(line.text, "user"));
    limits.users = true;
    assert_int_equal(ctw_check(&view, &limits, CTW_CHECK_PLUGIN, &line), CTW_CHECK_CRITICAL);
    assert_non_null(strstr(line.text, " - user 1000: session-3.scope: 95.3 % (250000 of 262144); "
                                      "own table 11.9 % | usage=11.95%;"));
}

static void namespace_full_by_the_log_is_critical(void **state) {
    struct ctw_namespace_record *r;
    (void)state;
    begin_with_others();
    view.namespaces->of.n = 1;
    r = view.namespaces->records;
    *r = view.namespaces->records[4];
    assert_int_equal(ctw_check(&view, &limits, CTW_CHECK_PLUGIN, &line), CTW_CHECK_OK);
    r->level = CTW_LEVEL_FULL;
    assert_int_equal(ctw_check(&view, &limits, CTW_CHECK_PLUGIN, &line), CTW_CHECK_CRITICAL);
    assert_non_null(strstr(line.text, " - netns 4026532400: full; own table "));
}

static void namespace_no_worse_leaves_the_own_table(void **state) {
    (void)state;
    begin(sample_full); /* its drops are as recent, and it is as full */
    view.namespaces = sample_namespaces();
    snapshot->refused_usec = view.now_usec;
    assert_int_equal(ctw_check(&view, &limits, CTW_CHECK_PLUGIN, &line), CTW_CHECK_CRITICAL);
    assert_null(strstr(line.text, "podman"));
    begin_with_others();
    view.namespaces->of.n = 1;
    view.namespaces->records[0] = view.namespaces->records[2];
    view.namespaces->records[0].count = 100000; /* above ours, but below warning */
    assert_int_equal(ctw_check(&view, &limits, CTW_CHECK_PLUGIN, &line), CTW_CHECK_OK);
    assert_null(strstr(line.text, "machine"));
}

static void namespaces_of_a_late_daemon_are_ignored(void **state) {
    (void)state;
    begin_with_others();
    view.liveness = CTW_LIVENESS_LATE;
    assert_int_equal(ctw_check(&view, &limits, CTW_CHECK_PLUGIN, &line), CTW_CHECK_OK);
}

static void namespace_name_long_leaves_room_for_its_fill(void **state) {
    (void)state;
    begin_with_others();
    memset(view.namespaces->records[0].name.text, '|',
           sizeof(view.namespaces->records[0].name.text) - 1);
    assert_int_equal(ctw_check(&view, &limits, CTW_CHECK_NPD, &line), CTW_CHECK_CRITICAL);
    assert_non_null(strstr(line.text, ": 100.0 % full"));
    assert_int_equal(ctw_check(&view, &limits, CTW_CHECK_PLUGIN, &line), CTW_CHECK_CRITICAL);
    assert_grammar(line.text, "CRITICAL");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fill_calm_is_ok),
        cmocka_unit_test(fill_at_threshold_is_its_state),
        cmocka_unit_test(thresholds_equal_have_no_warning),
        cmocka_unit_test(thresholds_with_decimals_keep_them),
        cmocka_unit_test(fill_above_limit_is_critical),
        cmocka_unit_test(fill_without_limit_is_ok),
        cmocka_unit_test(losses_past_are_performance_data),
        cmocka_unit_test(drops_recent_are_critical),
        cmocka_unit_test(drops_after_a_minute_are_past),
        cmocka_unit_test(evictions_recent_are_critical),
        cmocka_unit_test(drops_outrank_evictions),
        cmocka_unit_test(level_full_is_critical),
        cmocka_unit_test(level_below_full_is_ignored),
        cmocka_unit_test(time_to_full_within_an_hour_is_shown),
        cmocka_unit_test(losses_of_a_late_daemon_are_ignored),
        cmocka_unit_test(daemon_missing_but_wanted_is_a_warning),
        cmocka_unit_test(daemon_alive_is_not_mentioned),
        cmocka_unit_test(poll_old_shows_its_age),
        cmocka_unit_test(table_absent_is_unknown),
        cmocka_unit_test(table_unreadable_is_unknown),
        cmocka_unit_test(drops_outrank_an_unreadable_table),
        cmocka_unit_test(reason_is_one_line_without_data),
        cmocka_unit_test(reason_too_long_is_cut_between_characters),
        cmocka_unit_test(numbers_largest_fit),
        cmocka_unit_test(line_of_every_combination_is_well_formed),
        cmocka_unit_test(namespace_that_drops_is_critical_and_named),
        cmocka_unit_test(namespace_of_a_user_counts_with_all_only),
        cmocka_unit_test(namespace_full_by_the_log_is_critical),
        cmocka_unit_test(namespace_no_worse_leaves_the_own_table),
        cmocka_unit_test(namespaces_of_a_late_daemon_are_ignored),
        cmocka_unit_test(namespace_name_long_leaves_room_for_its_fill),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
