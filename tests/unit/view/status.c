/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The status as text and as JSON. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

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

static struct ctw_record *slot_at(uint32_t ago_sec) {
    const uint64_t at_usec = SAMPLE_NOW_USEC - ago_sec * CTW_USEC_PER_SEC;

    return &history.slots[ctw_history_index(CTW_RESOLUTION_FINE, at_usec)];
}

static void add_slot(uint32_t ago_sec, uint32_t low, uint32_t high, enum ctw_level level) {
    struct ctw_record *slot = slot_at(ago_sec);

    *slot = (struct ctw_record){.at_usec = SAMPLE_NOW_USEC - ago_sec * CTW_USEC_PER_SEC,
                                .width_sec = 1,
                                .polls = 1,
                                .mean = low,
                                .high = high,
                                .low = low,
                                .count = high,
                                .max = 262144,
                                .level = (uint8_t)level};
    view.history = &history;
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
    add_slot(ago_sec, count, count, CTW_LEVEL_OK);
    slot_at(ago_sec)->max = max;
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
static void sample_widest(struct ctw_snapshot *p) {
    sample_full(p);
    p->table.count = p->table.buckets = UINT32_MAX;
    p->table.max = 1;
    p->rate = INT64_MIN;
    p->fills = true;
    p->usec_to_full = UINT64_MAX;
    p->lost.drops = p->lost.other_drops = p->lost.early_drops = p->lost.clashes =
        p->lost.chain_too_long = UINT64_MAX;
    p->lost.log_lines = p->events_lost = p->polls = p->growths = p->netns_inode = UINT64_MAX;
    p->rates.created = p->rates.destroyed = UINT64_MAX;
    p->rates.sampling = p->grown_from = p->ceiling = p->pid = UINT32_MAX;
    p->n_recent_alerts = UINT64_MAX;
    p->level_since_usec = p->started_usec = 1;
    p->refused_usec = p->evicted_usec = p->talkers_usec = UINT64_MAX;
    p->talkers.assured_permyriad = p->talkers.drop_risk_permyriad = CTW_PERMYRIAD;
    p->talkers.entries = UINT32_MAX;
    p->talkers.n_sources = p->talkers.n_ports = p->talkers.n_states = CTW_TALKERS_TOP_MAX;
    for (size_t i = 0; i < CTW_TALKERS_TOP_MAX; i++) {
        memset(p->talkers.sources[i].name, 'x', sizeof(p->talkers.sources[i].name) - 1);
        memset(p->talkers.states[i].name, '~', sizeof(p->talkers.states[i].name) - 1);
        p->talkers.ports[i].permyriad = CTW_PERMYRIAD;
    }
    for (size_t i = 0; i < CTW_SOURCES; i++) {
        p->sources[i].health = CTW_HEALTH_FAILED;
        p->sources[i].error = -EIO;
        memset(p->sources[i].what, 'x', sizeof(p->sources[i].what) - 1);
    }
    for (size_t i = 0; i < CTW_RECENT_ALERTS; i++) {
        p->recent_alerts[i].realtime_usec = i % 2 == 0 ? 1 : UINT64_MAX;
        memset(p->recent_alerts[i].message, 'x', sizeof(p->recent_alerts[i].message) - 1);
    }
    memset(p->netns, 'x', sizeof(p->netns) - 1);
    memset(p->version, 'x', sizeof(p->version) - 1);
}

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

static void spread(char *field, size_t size) {
    static const char hostile[] = "a\033]0;b\007\n\r\t\x9b\x7f\xc2\x85\xe2\x80\xa8\xff\"\\c";

    memset(field, 0, size);
    memcpy(field, hostile, size - 1 < sizeof(hostile) ? size - 1 : sizeof(hostile));
}

static void sample_hostile(struct ctw_snapshot *p) {
    sample_full(p);
    spread(p->netns, sizeof(p->netns));
    spread(p->version, sizeof(p->version));
    for (size_t i = 0; i < CTW_RECENT_ALERTS; i++)
        spread(p->recent_alerts[i].message, sizeof(p->recent_alerts[i].message));
    for (size_t i = 0; i < CTW_SOURCES; i++) {
        p->sources[i].health = CTW_HEALTH_FAILED;
        spread(p->sources[i].what, sizeof(p->sources[i].what));
    }
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

/* --- JSON --------------------------------------------------------------------------------------
 */

static json_t *parse(bool compact) {
    const size_t n = ctw_render_status_json(&view, compact, text, sizeof(text));
    json_error_t error;

    assert_in_range(n, 2, sizeof(text) - 1);
    assert_int_equal(n, strlen(text));
    json_t *o = json_loads(text, JSON_REJECT_DUPLICATES, &error);
    if (!o)
        fail_msg("line %d: %s: %s", error.line, error.text, text);
    return o;
}

/* A member of a member: "table.count". */
static json_t *at(json_t *o, const char *path) {
    char name[64];

    while (o && *path != '\0') {
        const size_t n = strcspn(path, ".");
        (void)snprintf(name, sizeof(name), "%.*s", (int)n, path);
        o = json_object_get(o, name);
        path += path[n] == '.' ? n + 1 : n;
    }
    return o;
}

struct expected {
    const char *path;
    json_int_t is;
};

static void expect_numbers(json_t *o, const struct expected *expected, size_t n) {
    for (size_t i = 0; i < n; i++) {
        const json_t *value = at(o, expected[i].path);
        if (!json_is_integer(value) || json_integer_value(value) != expected[i].is)
            fail_msg("%s is not %lld in %s", expected[i].path, (long long)expected[i].is, text);
    }
}

static void expect_text(json_t *o, const char *path, const char *is) {
    const char *value = json_string_value(at(o, path));

    if (!value || strcmp(value, is) != 0)
        fail_msg("%s is %s, not %s", path, value ? value : "no string", is);
}

static void json_of_a_full_table_has_its_numbers(void **state) {
    const json_int_t now = SAMPLE_WALL_USEC / CTW_USEC_PER_SEC;
    const struct expected expected[] = {
        {"now_unix_seconds", now},
        {"looked_unix_seconds", now},
        {"daemon.pid", 812},
        {"daemon.started_unix_seconds", now - 3600},
        {"daemon.looks", 14400},
        {"daemon.looks_late", 3},
        {"daemon.look_latency_mean_microseconds", 100},
        {"daemon.look_latency_worst_microseconds", 420},
        {"netns_inode", 4026531840},
        {"level_since_unix_seconds", now - 95},
        {"table.count", 262144},
        {"table.max", 262144},
        {"table.buckets", 262144},
        {"table.memory_at_most_bytes", 262144 * 392},
        {"table.memory_full_at_most_bytes", 262144 * 392},
        {"kernel_counters.drop", 0},
        {"trend.entries_per_second", 0},
        {"lost.dropped_full", 1234},
        {"lost.dropped_below_max", 0},
        {"lost.evicted", 56789},
        {"lost.clashes", 7},
        {"lost.chain_too_long", 0},
        {"lost.log_lines", 40},
        {"lost.last_dropped_unix_seconds", now - 2},
        {"lost.last_evicted_unix_seconds", now},
        {"events.created_per_second", 81230},
        {"events.destroyed_per_second", 80110},
        {"events.sampled_one_in", 4},
        {"events.read", 700000},
        {"events.created", 2400000},
        {"events.destroyed", 2150000},
        {"events.overruns", 2},
        {"events.lost", 5100},
        {"growth.ceiling", 262144},
        {"growth.growths", 2},
        {"growth.grown_unix_seconds", now - 100},
        {"growth.grown_from_max", 131072},
        {"growth.grown_to_max", 262144},
        {"growth.memory_of_machine_bytes", 2147483648},
        {"last_hour.high_count", 262144},
        {"last_hour.low_count", 17},
        {"last_hour.low_unix_seconds", now - 60},
        {"last_hour.column_seconds", 60},
        {"who.asked_unix_seconds", now - 95},
        {"who.counted", 5000},
        {"alerts.usage", 1},
        {"alerts.table_full", 1},
        {"alerts.config", 0},
    };

    (void)state;
    sample_full(snapshot);
    add_slot(60, 17, 1000, CTW_LEVEL_OK);
    json_t *o = parse(false);
    expect_numbers(o, expected, LENGTH(expected));
    expect_text(o, "level", "full");
    expect_text(o, "daemon.liveness", "looking");
    expect_text(o, "netns", "initial");
    expect_text(o, "sources.table.health", "ok");
    expect_text(o, "sources.kernel_log.health", "failed");
    expect_text(o, "sources.kernel_log.fault", "/dev/kmsg: Operation not permitted");
    expect_text(o, "events.mode", "auto");
    expect_text(o, "growth.bound", "growth.ceiling");
    expect_text(o, "growth.refusal", "at_ceiling");
    assert_true(json_is_true(at(o, "events.lower_bound")));
    assert_true(json_is_true(at(o, "table.current")));
    assert_true(json_is_null(at(o, "trend.seconds_to_full")));
    assert_true(json_is_null(at(o, "daemon.state_error")));
    assert_true(json_real_value(at(o, "table.usage_percent")) == 100.0);
    assert_true(json_real_value(at(o, "thresholds.warning_percent")) == 75.0);
    assert_true(json_real_value(at(o, "who.drop_risk_percent")) == 19.2);

    const json_t *high = at(o, "last_hour.column_high_counts");
    assert_int_equal(json_array_size(high), 60);
    assert_int_equal(json_integer_value(json_array_get(high, 59)), 262144);
    assert_int_equal(json_integer_value(json_array_get(high, 58)), 1000);
    assert_true(json_is_null(json_array_get(high, 57)));

    json_t *source = json_array_get(at(o, "who.source"), 1);
    expect_text(source, "name", "2001:db8:1:2::/64");
    assert_true(json_real_value(at(source, "share_percent")) == 18.9);
    json_t *last = json_array_get(at(o, "last_alerts"), 0);
    assert_int_equal(json_array_size(at(o, "last_alerts")), 3);
    expect_text(last, "kind", "table_full");
    expect_text(last, "edge", "begin");
    expect_text(last, "level", "full");
    assert_int_equal(json_integer_value(at(last, "unix_seconds")), now - 95);
    json_decref(o);
}

static void json_after_a_sample_keeps_the_daemons_poll(void **state) {
    const json_int_t now = SAMPLE_WALL_USEC / CTW_USEC_PER_SEC;
    struct expected expected[] = {{"looked_unix_seconds", now},
                                  {"daemon.looked_unix_seconds", now}};

    (void)state;
    json_t *o = parse(false);
    expect_numbers(o, expected, LENGTH(expected));
    json_decref(o);
    view.daemon_polled_usec = SAMPLE_NOW_USEC - 40 * CTW_USEC_PER_SEC;
    expected[1].is = now - 40;
    o = parse(false);
    expect_numbers(o, expected, LENGTH(expected));
    json_decref(o);
}

static void json_unknown_is_null(void **state) {
    static const char *const unknown[] = {
        "daemon.pid", "daemon.looks", "daemon.looked_unix_seconds",
        "trend",      "events",       "growth",
        "who",        "last_hour",    "alerts"};

    (void)state;
    own_sample(-EACCES, CTW_LIVENESS_NONE);
    json_t *o = parse(false);
    for (size_t i = 0; i < LENGTH(unknown); i++)
        if (!json_is_null(at(o, unknown[i])))
            fail_msg("%s is not null", unknown[i]);
    expect_text(o, "daemon.liveness", "none");
    expect_text(o, "daemon.state_error", "for root and the group ctwatch");
    expect_text(o, "level", "ok");
    json_decref(o);

    (void)begin(NULL);
    sample_absent(snapshot);
    o = parse(false);
    assert_true(json_is_null(at(o, "table")));
    assert_true(json_is_null(at(o, "level")));
    expect_text(o, "sources.table.health", "absent");
    json_decref(o);

    sample_unlimited(snapshot);
    o = parse(false);
    assert_true(json_is_null(at(o, "table.max")));
    assert_true(json_is_null(at(o, "table.usage_percent")));
    assert_true(json_is_null(at(o, "table.memory_full_at_most_bytes")));
    json_decref(o);
}

static void json_hostile_text_is_valid(void **state) {
    (void)state;
    add_slot(60, 0, UINT32_MAX, CTW_LEVEL_FULL);
    sample_hostile(snapshot);
    json_t *o = parse(true);
    assert_null(memchr(text, '\n', strlen(text) - 1)); /* one line */
    json_decref(o);
    sample_widest(snapshot);
    o = parse(false);
    assert_int_equal(json_integer_value(at(o, "lost.evicted")), INT64_MAX);
    json_decref(o);
}

static void json_members_are_snake_case(void **state) {
    const char *name;
    json_t *value;

    (void)state;
    sample_full(snapshot);
    json_t *o = parse(false);
    json_object_foreach(o, name, value) {
        assert_int_equal(strspn(name, "abcdefghijklmnopqrstuvwxyz_"), strlen(name));
        const char *inner;
        json_t *member;
        json_object_foreach(value, inner, member)
            assert_int_equal(strspn(inner, "abcdefghijklmnopqrstuvwxyz_"), strlen(inner));
    }
    json_decref(o);
}

#define test(name) cmocka_unit_test_setup(name, begin)

/* --- what to do ------------------------------------------------------------------------------- */

static struct ctw_host nft_host(void) {
    return (struct ctw_host){.known = true,
                             .release = {.entries_per_bucket = 8, .buckets_writable = true},
                             .memory = {UINT64_C(8) << 30, true, UINT64_C(4) << 30, false},
                             .initial_netns = true,
                             .has_nft = true};
}

/* As they are, to be pasted. */
static void status_of_an_episode_has_commands(void **state) {
    const char *command, *undo, *cause, *remedy, *line;
    struct ctw_status_trouble t;

    (void)state;
    sample_full(snapshot);
    snapshot->host = nft_host();
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

    json_t *o = parse(true);
    assert_int_equal(json_unpack(o, "{s:s,s:s,s:s,s:s}", "cause", &cause, "remedy", &remedy,
                                 "command", &command, "undo", &undo),
                     0);
    assert_string_equal(cause, "one_source");
    assert_string_equal(remedy, t.remedy.sentence.text);
    assert_string_equal(command, t.remedy.command);
    assert_string_equal(undo, t.remedy.undo);
    json_decref(o);
}

/* Losses that are past have a cause, but nothing is to be done about them now. */
static void status_of_past_losses_has_no_commands(void **state) {
    struct ctw_status_trouble t;

    (void)state;
    snapshot->host = nft_host();
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
        test(json_of_a_full_table_has_its_numbers),
        test(json_after_a_sample_keeps_the_daemons_poll),
        test(json_unknown_is_null),
        test(json_hostile_text_is_valid),
        test(json_members_are_snake_case),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
