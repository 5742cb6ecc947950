/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The status as text. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/state/history.h"
#include "lib/util/strbuf.h"
#include "lib/view/status.h"
#include "tests/support/snapshot_samples.h"

#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))

static struct ctw_view view;
static struct ctw_snapshot *const snapshot = &view.snapshot;
static struct ctw_history history;
static struct ctw_status_style style;
static char text[CTW_RENDER_STATUS_MAX];

/* A calm table at 80 columns, as a live daemon has published it just now. */
static int begin(void **state) {
    (void)state;
    memset(&history, 0, sizeof(history));
    view = (struct ctw_view){.liveness = CTW_LIVENESS_ALIVE,
                             .now_usec = SAMPLE_NOW_USEC,
                             .realtime_usec = SAMPLE_WALL_USEC};
    sample_calm(snapshot);
    style = (struct ctw_status_style){.columns = 80};
    return 0;
}

static void own_sample(int state_error, enum ctw_liveness liveness) {
    sample_own_poll(snapshot);
    view.state_error = state_error;
    view.liveness = liveness;
}

static struct ctw_record *add_slot(uint32_t ago_sec, uint32_t low, uint32_t high,
                                   enum ctw_level level) {
    view.history = &history;
    return sample_slot(&history, ago_sec, low, high, level);
}

static void render(void) {
    const size_t n = ctw_render_status_text(&view, &style, text, sizeof(text));

    assert_int_equal(n, strlen(text));
    assert_true(n > 0 && text[n - 1] == '\n');
}

static uint32_t columns(const char *line, size_t length) {
    uint32_t n = 0;

    for (size_t i = 0; i < length; i++)
        n += ((unsigned char)line[i] & 0xc0) != 0x80;
    return n;
}

static void expect_within(uint32_t width) {
    for (const char *line = text; *line != '\0'; line += strcspn(line, "\n") + 1) {
        const size_t length = strcspn(line, "\n");
        if (columns(line, length) > width)
            fail_msg("%u columns, not %u: %.*s", columns(line, length), width, (int)length, line);
    }
}

/* Whether the text has these words, however its lines are broken. */
static bool says(const char *words) {
    static char flat[sizeof(text)];
    size_t n = 0;

    for (const char *c = text; *c != '\0'; c++) {
        const char put = *c == '\n' ? ' ' : *c;
        if (put != ' ' || (n > 0 && flat[n - 1] != ' '))
            flat[n++] = put;
    }
    flat[n] = '\0';
    return strstr(flat, words) != NULL;
}

#define assert_says(words)                                                                         \
    do {                                                                                           \
        if (!says(words))                                                                          \
            fail_msg("\"%s\" is not in:\n%s", words, text);                                        \
    } while (0)

/* --- as it reads ------------------------------------------------------------------------------ */

static void status_of_a_calm_table_reads_like_this(void **state) {
    (void)state;
    add_slot(1500, 20000, 150000, CTW_LEVEL_OK);
    add_slot(60, 31000, 31337, CTW_LEVEL_OK);
    render();
    assert_string_equal(
        text, "level      OK since ctwatchd started at 09:00:00, 60 min ago\n"
              "fill       [#######                                      |        |     ] 11.9 %\n"
              "entries    31337 of 262144, 262144 buckets\n"
              "memory     at most 14 MiB now, 98 MiB when full\n"
              "trend      filling at 12 entries/s, full in 5 h\n"
              "lost       nothing since the kernel began to count\n"
              "last hour                                    =                       __\n"
              "           high 150000 (57.2 %) at 09:35:00, low 20000 at 09:35:00\n"
              "growth     off\n"
              "ctwatchd   0.1.0, process 812, started 09:00:00, 60 min ago; 14400 polls, 3 of\n"
              "           them late\n");
}

static void status_of_a_full_table_reads_like_this(void **state) {
    (void)state;
    sample_full(snapshot);
    render();
    assert_string_equal(
        text, "level      FULL since 09:58:25, 95 s ago\n"
              "fill       [###########################################################] 100.0 %\n"
              "entries    262144 of 262144, 262144 buckets\n"
              "memory     at most 98 MiB now, 98 MiB when full\n"
              "trend      steady\n"
              "events     at least 81230 new flows/s, 80110 ended, from a sample of one event\n"
              "           in 4; about 5100 events lost since ctwatchd started\n"
              "lost       1234 new flows dropped (table full)\n"
              "           56789 entries evicted to make room\n"
              "           7 new flows lost to clashes\n"
              "           40 \"table full\" lines in the kernel log\n"
              "           since the kernel began to count; last drop at 09:59:58, 2 s ago; last\n"
              "           eviction at 10:00:00, less than 1 s ago\n"
              "cause      one_source: 192.0.2.77\n"
              "remedy     192.0.2.77 holds 61.2 % of the entries (ctwatch flows src\n"
              "           192.0.2.77): cap its new flows at 10000 at a time; what exceeds the\n"
              "           cap is dropped, so if it is a proxy or a NAT gateway, raise\n"
              "           nf_conntrack_max instead; conntrack -D -s 192.0.2.77 frees its\n"
              "           entries and ends its connections\n"
              "blind      kernel log: /dev/kmsg: Operation not permitted\n"
              "growth     on, up to 262144 (set by growth.ceiling); it cannot grow now: it is\n"
              "           at its ceiling; grown from 131072 to 262144 at 09:58:20, 100 s ago\n"
              "ctwatchd   0.1.0, process 812, started 09:00:00, 60 min ago; 14400 polls, 3 of\n"
              "           them late\n"
              "talkers    a random sample of 5000 entries, accurate within 1.4 %, at 09:58:25,\n"
              "           95 s ago\n"
              "           90.2 % of entries are assured (not evictable). If the table filled\n"
              "           with this mix, 19.2 % of new flows would be dropped.\n"
              "\n"
              "SOURCE              SHARE   PORT      SHARE   STATE             SHARE\n"
              "192.0.2.77         61.2 %   tcp/443  60.1 %   tcp/ESTABLISHED  70.5 %\n"
              "2001:db8:1:2::/64  18.9 %   udp/53   14.0 %   udp              20.1 %\n"
              "\n"
              "LAST ALERTS\n"
              "09:58:25   Conntrack table full: new connections are being dropped (200 so far),\n"
              "           262144 of 262144 entries.\n"
              "09:58:20   Conntrack limit raised from 131072 to 262144.\n"
              "09:58:10   warning: Conntrack table at 79.5 % (104256 of 131072), filling at\n"
              "           8100 entries/s, full in 3 s.\n");
}

static void alerts_of_one_poll_are_shown_once(void **state) {
    static const char words[] = "Conntrack table at 100.0 % (1000 of 1000).";

    (void)state;
    for (uint64_t at = 900; at > 300; at -= 100)
        sample_alert(snapshot, at, CTW_ALERT_CONFIG, CTW_EDGE_END, CTW_LEVEL_OK, "Reloaded.");
    for (enum ctw_level l = CTW_LEVEL_WARNING; l <= CTW_LEVEL_FULL; l++)
        sample_alert(snapshot, 200, CTW_ALERT_USAGE, CTW_EDGE_BEGIN, l, words);
    sample_alert(snapshot, 100, CTW_ALERT_USAGE, CTW_EDGE_BEGIN, CTW_LEVEL_CRITICAL, words);
    sample_alert(snapshot, 60, CTW_ALERT_USAGE, CTW_EDGE_END, CTW_LEVEL_OK, "Back to normal.");
    render();
    const char *recent_alerts = strstr(text, "LAST ALERTS\n");
    assert_non_null(recent_alerts);
    assert_string_equal(recent_alerts,
                        "LAST ALERTS\n"
                        "09:59:00   Back to normal.\n"
                        "09:58:20   critical: Conntrack table at 100.0 % (1000 of 1000).\n"
                        "09:56:40   full: Conntrack table at 100.0 % (1000 of 1000).\n"
                        "09:53:20   Reloaded.\n"
                        "09:51:40   Reloaded.\n");
    snapshot->n_recent_alerts = 7; /* one alone */
    render();
    assert_non_null(strstr(text, "\n09:56:40   warning: Conntrack table at 100.0 % (1000 of"));
    for (snapshot->n_recent_alerts = 0;
         snapshot->n_recent_alerts < CTW_RECENT_ALERTS;) /* nothing else is kept */
        sample_alert(snapshot, 200, CTW_ALERT_USAGE, CTW_EDGE_BEGIN, CTW_LEVEL_FULL, words);
    snapshot->n_recent_alerts = UINT64_MAX;
    render();
    assert_non_null(strstr(text, "LAST ALERTS\n09:56:40   full: Conntrack"));
    assert_int_equal(strlen(strstr(text, "LAST ALERTS\n")),
                     strlen("LAST ALERTS\n09:56:40   full: ") + strlen(words) + 1);
}

static void status_of_a_page_names_utc(void **state) {
    (void)state;
    render();
    assert_null(strstr(text, "UTC"));
    style.names_utc = true;
    render();
    assert_ptr_equal(strstr(text, "time       10:00:00 UTC, as are all times here\nlevel  "), text);
}

/* --- what is not as usual, in plain words ------------------------------------------------------
 */

static void first_line_is(const char *words) {
    render();
    if (strncmp(text, words, strlen(words)) != 0)
        fail_msg("\"%s\" is not at the beginning of:\n%s", words, text);
}

static void status_without_a_daemon_names_the_command(void **state) {
    (void)state;
    own_sample(-ENOENT, CTW_LIVENESS_NONE);
    first_line_is("ctwatchd is not running. Showing a single sample taken by ctwatch; no rates or\n"
                  "history. Start it with: systemctl start ctwatch\n\nlevel      OK\nfill ");
    assert_says("31337 of 262144");
    assert_says("lost nothing since the kernel began to count");
    assert_null(strstr(text, "growth"));
    assert_null(strstr(text, "trend"));
    assert_null(strstr(text, "process"));
}

static void status_without_a_daemon_shows_losses(void **state) {
    (void)state;
    own_sample(-ENOENT, CTW_LIVENESS_NONE);
    snapshot->lost = (struct ctw_losses){.drops = 1, .early_drops = 20, .clashes = 300};
    render();
    assert_says("lost 1 new flow dropped (table full) 20 entries evicted to make room 300 new "
                "flows lost to clashes since the kernel began to count");
    snapshot->table.has_counters = false;
    render();
    assert_null(strstr(text, "lost"));
}

static void status_without_a_state_names_the_error(void **state) {
    static const struct {
        int error;
        const char *words;
    } cases[] = {
        {-EACCES, "Only root and the group ctwatch may read the state of ctwatchd. Showing a"},
        {-EPERM, "Only root and the group ctwatch may read the state of ctwatchd. Showing a"},
        {-EXDEV, "ctwatchd watches the table of another network namespace. Showing"},
        {-ESTALE, "ctwatchd is of another version. Showing"},
        {-EBADMSG, "The state of ctwatchd cannot be read (damaged). Showing"},
        {-EIO, "The state of ctwatchd cannot be read (Input/output error). Showing"},
        {0, "Showing a single sample taken by ctwatch; no rates or history. level"},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        own_sample(cases[i].error, CTW_LIVENESS_NONE);
        render();
        assert_says(cases[i].words);
        expect_within(80);
    }
}

static void status_of_a_stopped_or_hung_daemon_names_it(void **state) {
    (void)state;
    own_sample(0, CTW_LIVENESS_STOPPED);
    first_line_is("ctwatchd has been stopped. Showing a single sample taken by ctwatch; no rates");
    own_sample(0, CTW_LIVENESS_LATE);
    add_slot(60, 31000, 31337, CTW_LEVEL_OK);
    first_line_is(
        "ctwatchd has stopped polling (hung or killed). Showing a single sample taken by\n"
        "ctwatch; no rates. See: systemctl status ctwatch\n\nlevel");
    assert_says("last hour");
}

static void status_of_another_namespace_names_it(void **state) {
    (void)state;
    own_sample(-EXDEV, CTW_LIVENESS_STOPPED);
    first_line_is(
        "ctwatchd watched the table of another network namespace and has been stopped.\n");
    own_sample(-EXDEV, CTW_LIVENESS_LATE);
    first_line_is(
        "ctwatchd watched the table of another network namespace and has stopped polling.\n"
        "Showing a single sample taken by ctwatch; no rates or history.\n");
}

static void status_of_an_old_poll_names_its_time(void **state) {
    static const struct {
        enum ctw_liveness liveness;
        const char *words;
    } rows[] = {
        {CTW_LIVENESS_LATE,
         "ctwatchd has stopped polling. Showing its last poll, at 10:00:00, 40 s"},
        {CTW_LIVENESS_STOPPED,
         "ctwatchd has been stopped. Showing its last poll, at 10:00:00, 40 s"},
        {CTW_LIVENESS_ALIVE,
         "ctwatchd polls rarely. Showing its last poll, at 10:00:00, 40 s ago.\n"},
    };

    (void)state;
    view.now_usec += 40 * CTW_USEC_PER_SEC;
    view.realtime_usec += 40 * CTW_USEC_PER_SEC;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        view.liveness = rows[i].liveness;
        first_line_is(rows[i].words);
    }
    view.daemon_polled_usec = SAMPLE_NOW_USEC;
    snapshot->polled_usec = view.now_usec;
    first_line_is(
        "ctwatchd last polled at 10:00:00, 40 s ago. The table is from a sample taken by\n"
        "ctwatch; no rates.\n\nlevel ");
    assert_says("process 812");
}

static void status_without_a_table_is_no_fault(void **state) {
    (void)state;
    sample_absent(snapshot);
    first_line_is("level      There is no conntrack table: the kernel has not loaded nf_conntrack");
    assert_null(strstr(text, "fill"));
    assert_null(strstr(text, "entries"));
    assert_null(strstr(text, "blind"));
}

static void status_before_the_first_poll_is_not_blind(void **state) {
    (void)state;
    snapshot->has_table = false;
    memset(&snapshot->table, 0, sizeof(snapshot->table));
    memset(snapshot->sources, 0, sizeof(snapshot->sources));
    first_line_is("level      The conntrack table has not been polled yet.\n");
}

static void status_of_an_unreadable_table_names_file_and_error(void **state) {
    (void)state;
    snapshot->has_table = false;
    snapshot->sources[CTW_SOURCE_TABLE] =
        (struct ctw_source_health){.health = CTW_HEALTH_FAILED,
                                   .error = -EACCES,
                                   .what = "/proc/sys/net/netfilter/nf_conntrack_count"};
    first_line_is("level      The conntrack table cannot be read; its fill is not known");
    assert_says("(/proc/sys/net/netfilter/nf_conntrack_count: Permission denied).");
    assert_says("31337 of 262144, 262144 buckets, when last read");
    assert_null(strstr(text, "trend"));
}

static void status_without_a_limit_has_no_bar(void **state) {
    (void)state;
    sample_unlimited(snapshot);
    first_line_is("level      OK");
    assert_says("31337, no limit (nf_conntrack_max is 0: the table cannot fill), 262144 buckets");
    assert_says("memory at most 14 MiB now trend");
    assert_null(strchr(text, '['));
}

static void losses_without_counters_are_what_was_visible(void **state) {
    (void)state;
    snapshot->sources[CTW_SOURCE_COUNTERS] = (struct ctw_source_health){
        .health = CTW_HEALTH_FAILED, .error = -EBADMSG, .what = "/proc/net/stat/nf_conntrack"};
    render();
    assert_says("lost nothing visible since the kernel began to count");
    assert_says("blind counters: /proc/net/stat/nf_conntrack: content not understood");
}

static void growth_shows_bound_and_refusal(void **state) {
    (void)state;
    snapshot->growth_enabled = true;
    snapshot->ceiling = 1048576;
    snapshot->bound = CTW_BOUND_MEMORY;
    render();
    assert_says("growth on, up to 1048576 (set by growth.memory) ctwatchd");
    snapshot->ceiling = 200000;
    render();
    assert_says("growth on; its ceiling of 200000, set by growth.memory, is below the present max "
                "ctwatchd");
    snapshot->growth_dry_run = true;
    snapshot->ceiling = 0;
    render();
    assert_says("growth dry run ctwatchd");
    snapshot->growth_refused = true;
    snapshot->refusal = CTW_GROWTH_CHILD_NAMESPACE;
    render();
    assert_says("dry run; it cannot grow now: the limit belongs to the initial network namespace");
}

static void netns_other_than_the_initial_is_named(void **state) {
    (void)state;
    render();
    assert_null(strstr(text, "netns"));
    (void)snprintf(snapshot->netns, sizeof(snapshot->netns), "blue");
    snapshot->netns_inode = 4026532246;
    render();
    assert_says("netns blue (4026532246)");
}

static void events_without_rates_are_unknown(void **state) {
    (void)state;
    snapshot->subscribed = true;
    render();
    assert_says("events rates are not known yet");
}

/* --- the sparkline -----------------------------------------------------------------------------
 */

static void sparkline_column_shows_its_highest_second(void **state) {
    const struct ctw_spark none = {0};
    struct ctw_sparkline s;

    (void)state;
    add_slot(3, 10, 200000, CTW_LEVEL_WARNING);
    add_slot(2, 5, 262144, CTW_LEVEL_FULL);
    add_slot(1, 20, 100, CTW_LEVEL_OK);
    add_slot(3590, 7, 8, CTW_LEVEL_OK);
    ctw_sparkline(&history, SAMPLE_NOW_USEC, &none, 69, &s);
    assert_int_equal(s.n, 60);
    assert_int_equal(s.width_sec, 60);
    /* The clock is at a whole minute, so the last column has just begun. */
    assert_false(s.columns[59].known);
    assert_true(s.columns[58].known);
    assert_int_equal(s.columns[58].count, 262144);
    assert_int_equal(s.columns[58].level, CTW_LEVEL_FULL);
    assert_false(s.columns[0].known); /* what is older than 59 minutes has left */
    assert_int_equal(s.high.at_usec, SAMPLE_NOW_USEC - 2 * CTW_USEC_PER_SEC);
    assert_int_equal(s.low, 5);

    const struct ctw_spark latest = {.known = true, .count = 300000, .max = 262144};
    ctw_sparkline(&history, SAMPLE_NOW_USEC, &latest, 240, &s);
    assert_int_equal(s.n, 240);
    assert_int_equal(s.columns[239].count, 300000);
    assert_int_equal(s.high.count, 300000);
    assert_int_equal(ctw_spark_height(&s.high, 0), 8);
}

static void add_slot_of(uint32_t ago_sec, uint32_t count, uint32_t max) {
    add_slot(ago_sec, count, count, CTW_LEVEL_OK)->max = max;
}

static void sparkline_after_growth_keeps_the_old_limit(void **state) {
    const struct ctw_spark none = {0};
    struct ctw_sparkline s;

    (void)state;
    add_slot_of(100, 1000, 1000);
    add_slot_of(90, 1200, 4000); /* in the same minute */
    add_slot_of(30, 8000, 0);
    snapshot->table.count = 1200;
    snapshot->table.max = 4000;
    ctw_sparkline(&history, SAMPLE_NOW_USEC, &none, 69, &s);
    assert_int_equal(s.columns[57].count, 1000);
    assert_int_equal(s.columns[57].max, 1000);
    assert_int_equal(s.columns[58].count, 8000);
    assert_int_equal(s.columns[58].max, 0);
    assert_int_equal(s.high.count, 1000);
    assert_int_equal(s.high.max, 1000);
    assert_int_equal(s.highest, 8000);
    assert_int_equal(ctw_spark_height(&s.columns[57], s.highest), 8);
    render();
    assert_says("high 1000 of 1000 (100.0 %) at 09:58:20, low 1000 at 09:58:20");
    snapshot->table.max = 1000;
    snapshot->table.count = 10;
    render();
    assert_says("high 1000 (100.0 %) at 09:58:20, low 10 at 10:00:00");
}

static void spark_height_is_of_the_limit_or_the_highest(void **state) {
    struct ctw_spark s = {.known = true, .count = 0, .max = 800};

    (void)state;
    assert_int_equal(ctw_spark_height(&s, 0), 1);
    s.count = 100;
    assert_int_equal(ctw_spark_height(&s, 0), 1);
    s.count = 101;
    assert_int_equal(ctw_spark_height(&s, 0), 2);
    s.count = 800;
    assert_int_equal(ctw_spark_height(&s, 0), 8);
    s.max = 0;
    assert_int_equal(ctw_spark_height(&s, 1600), 4);
    assert_int_equal(ctw_spark_height(&s, 0), 1);
}

static void utf8_off_is_ascii(void **state) {
    (void)state;
    sample_full(snapshot);
    add_slot(60, 0, 262144, CTW_LEVEL_OK);
    add_slot(120, 0, 1, CTW_LEVEL_OK);
    (void)snprintf(snapshot->netns, sizeof(snapshot->netns), "gr\u00fcn");
    render();
    for (const char *c = text; *c != '\0'; c++)
        assert_in_range(*c, '\n', '~');
    assert_says("netns gr?n");
    style.utf8 = true;
    render();
    assert_says("\u2581\u2588");
    assert_says("netns gr\u00fcn");
    expect_within(80);
}

/* --- what must hold whatever it shows -----------------------------------------------------------
 */

static void (*const samples[])(struct ctw_snapshot *) = {sample_calm, sample_full, sample_absent,
                                                         sample_unlimited, sample_own_poll};

/* All numbers as long as they get, all names and words as well. */
static void columns_limit_every_line(void **state) {
    static const uint32_t widths[] = {40, 60, 79, 80, 81, 132, 240};

    (void)state;
    add_slot(60, 0, UINT32_MAX, CTW_LEVEL_FULL);
    for (size_t i = 0; i <= LENGTH(samples); i++)
        for (size_t w = 0; w < LENGTH(widths); w++) {
            if (i < LENGTH(samples))
                samples[i](snapshot);
            else
                sample_widest(snapshot);
            style.columns = widths[w];
            style.utf8 = w % 2 == 0;
            render();
            expect_within(widths[w]);
        }
}

static void columns_out_of_bounds_are_clamped(void **state) {
    (void)state;
    style.columns = 0;
    render();
    expect_within(CTW_STATUS_COLUMNS_MIN);
    style.columns = UINT32_MAX;
    render();
    expect_within(CTW_STATUS_COLUMNS_MAX);
}

static void colour_marks_levels_and_losses(void **state) {
    (void)state;
    sample_full(snapshot);
    add_slot(60, 0, 262144, CTW_LEVEL_FULL);
    render();
    assert_null(strchr(text, '\033'));
    style.colour = true;
    render();
    assert_non_null(strstr(text, "level      \033[1;31mFULL\033[0m since"));
    assert_non_null(strstr(text, "\033[1;31m1234 new flows dropped (table full)\033[0m\n"));
    for (const char *line = text; *line != '\0'; line += strcspn(line, "\n") + 1) {
        bool on = false;
        for (const char *c = line; *c != '\n'; c++)
            if (*c == '\033')
                on = strncmp(c, "\033[0m", 4) != 0;
        assert_false(on);
    }
    sample_calm(snapshot);
    view.history = NULL;
    render();
    assert_non_null(strstr(text, "level      \033[32mOK\033[0m since"));
    assert_non_null(strstr(text, "lost       nothing"));
}

static void control_bytes_become_question_marks(void **state) {
    (void)state;
    sample_hostile(snapshot);
    for (int utf8 = 0; utf8 < 2; utf8++) {
        style.utf8 = utf8 == 1;
        render();
        for (const char *c = text; *c != '\0'; c++)
            assert_true((unsigned char)*c >= 0x20 ? *c != 0x7f : *c == '\n');
        assert_null(strstr(text, "\xc2\x85"));
        assert_null(strstr(text, "\x9b"));
        assert_null(strstr(text, "\xe2\x80\xa8"));
    }
}

static void text_too_long_is_measured(void **state) {
    char small[64];

    (void)state;
    sample_full(snapshot);
    render();
    memset(small, 'x', sizeof(small));
    assert_int_equal(ctw_render_status_text(&view, &style, small, sizeof(small)), strlen(text));
    assert_int_equal(strlen(small), sizeof(small) - 1);
    assert_int_equal(ctw_render_status_text(&view, &style, NULL, 0), strlen(text));
}

#define test(name) cmocka_unit_test_setup(name, begin)

/* --- what to do ------------------------------------------------------------------------------- */

/* As they are, to be pasted. */
static void status_of_an_episode_has_commands(void **state) {
    const char *line;
    struct ctw_status_trouble t;

    (void)state;
    sample_full(snapshot);
    snapshot->host = sample_host();
    ctw_status_trouble(snapshot, &t);
    assert_int_equal(t.diagnosis.cause, CTW_CAUSE_ONE_SOURCE);
    assert_in_range(strlen(t.remedy.command), 81, sizeof(t.remedy.command));
    render();
    line = strstr(text, "\nCOMMAND, for a root shell in the network namespace of this table\n");
    assert_non_null(line);
    line = strchr(line + 1, '\n') + 1;
    assert_int_equal(strncmp(line, t.remedy.command, strlen(t.remedy.command)), 0);
    assert_int_equal(line[strlen(t.remedy.command)], '\n');
    assert_non_null(strstr(text, "\nUNDO\n"));
}

/* Losses that are past have a cause, but nothing is to be done about them now. */
static void status_of_past_losses_has_no_commands(void **state) {
    struct ctw_status_trouble t;

    (void)state;
    snapshot->host = sample_host();
    snapshot->lost = (struct ctw_losses){.clashes = 7};
    ctw_status_trouble(snapshot, &t);
    assert_true(t.known);
    assert_int_equal(t.diagnosis.cause, CTW_CAUSE_CLASH_RACE);
    assert_int_equal(t.remedy.sentence.length, 0);
    sample_alert(snapshot, 200, CTW_ALERT_INSERT_FAILED, CTW_EDGE_BEGIN, CTW_LEVEL_OK, "Clashes.");
    ctw_status_trouble(snapshot, &t);
    assert_true(t.remedy.sentence.length > 0);
    sample_alert(snapshot, 100, CTW_ALERT_INSERT_FAILED, CTW_EDGE_END, CTW_LEVEL_OK, "No clashes.");
    ctw_status_trouble(snapshot, &t);
    assert_int_equal(t.remedy.sentence.length, 0);

    snapshot->lost.chain_too_long = 5; /* the begun episode counts, not the larger loss */
    sample_alert(snapshot, 50, CTW_ALERT_CHAIN_TOO_LONG, CTW_EDGE_REMINDER, CTW_LEVEL_OK, "Long.");
    ctw_status_trouble(snapshot, &t);
    assert_int_equal(t.diagnosis.cause, CTW_CAUSE_TOO_FEW_BUCKETS);
    assert_true(t.remedy.sentence.length > 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        test(status_of_a_calm_table_reads_like_this),
        test(status_of_a_full_table_reads_like_this),
        test(status_of_an_episode_has_commands),
        test(status_of_past_losses_has_no_commands),
        test(alerts_of_one_poll_are_shown_once),
        test(status_of_a_page_names_utc),
        test(status_without_a_daemon_names_the_command),
        test(status_without_a_daemon_shows_losses),
        test(status_without_a_state_names_the_error),
        test(status_of_a_stopped_or_hung_daemon_names_it),
        test(status_of_another_namespace_names_it),
        test(status_of_an_old_poll_names_its_time),
        test(status_without_a_table_is_no_fault),
        test(status_before_the_first_poll_is_not_blind),
        test(status_of_an_unreadable_table_names_file_and_error),
        test(status_without_a_limit_has_no_bar),
        test(losses_without_counters_are_what_was_visible),
        test(growth_shows_bound_and_refusal),
        test(netns_other_than_the_initial_is_named),
        test(events_without_rates_are_unknown),
        test(sparkline_column_shows_its_highest_second),
        test(sparkline_after_growth_keeps_the_old_limit),
        test(spark_height_is_of_the_limit_or_the_highest),
        test(utf8_off_is_ascii),
        test(columns_limit_every_line),
        test(columns_out_of_bounds_are_clamped),
        test(colour_marks_levels_and_losses),
        test(control_bytes_become_question_marks),
        test(text_too_long_is_measured),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
