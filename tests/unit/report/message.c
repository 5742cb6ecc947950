/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/alert_samples.h"

/* --- sentences ------------------------------------------------------------------------------ */

static void usage_states_fill_rate_and_time(void **state) {
    struct ctw_alert a = own(CTW_ALERT_USAGE, CTW_EDGE_BEGIN, CTW_LEVEL_WARNING);

    (void)state;
    assert_message(&a, "Conntrack table at 76.2 % (199754 of 262144).");
    a.has_rate = true;
    a.rate = 1200;
    a.fills = true;
    a.usec_to_full = 52 * SECOND;
    assert_message(&a, "Conntrack table at 76.2 % (199754 of 262144), filling at 1200 entries/s, "
                       "full in 52 s.");
    a.edge = CTW_EDGE_REMINDER;
    a.usec_to_full = 900 * SECOND;
    assert_message(&a, "Conntrack table still at 76.2 % (199754 of 262144), filling at 1200 "
                       "entries/s, full in 15 min.");

    a = own(CTW_ALERT_USAGE, CTW_EDGE_BEGIN, CTW_LEVEL_CRITICAL);
    a.table.count = 262143;
    assert_message(&a, "Conntrack table at 99.9 % (262143 of 262144).");

    a = own(CTW_ALERT_USAGE, CTW_EDGE_END, CTW_LEVEL_OK);
    a.has_rate = true;
    a.rate = -800;
    assert_message(&a, "Conntrack table back to normal: 76.2 % (199754 of 262144), emptying at "
                       "800 entries/s.");
    a.table.max = 0;
    a.has_rate = false;
    assert_message(&a, "Conntrack table back to normal: 199754 entries, no limit.");
    a.has_table = false;
    assert_message(&a, "Conntrack table gone: the kernel no longer tracks connections.");
}

static void usage_slowest_rate_fits(void **state) {
    struct ctw_alert a = own(CTW_ALERT_USAGE, CTW_EDGE_BEGIN, CTW_LEVEL_WARNING);

    (void)state;
    a.has_rate = true;
    a.rate = INT64_MIN;
    assert_message(&a, "Conntrack table at 76.2 % (199754 of 262144), emptying at "
                       "9223372036854775808 entries/s.");
    assert_field(&a, "CTWATCH_RATE", "-9223372036854775808");
}

static void forecast_states_the_time(void **state) {
    struct ctw_alert a = own(CTW_ALERT_FORECAST, CTW_EDGE_BEGIN, CTW_LEVEL_OK);

    (void)state;
    a.has_rate = a.fills = true;
    a.rate = 580;
    a.usec_to_full = 107 * SECOND;
    assert_message(&a, "Conntrack table about to fill: 76.2 % (199754 of 262144), filling at "
                       "580 entries/s, full in 107 s.");
    a.edge = CTW_EDGE_END;
    a.has_rate = a.fills = false;
    assert_message(&a, "Conntrack table no longer about to fill: 76.2 % (199754 of 262144).");
}

static void table_full_states_the_losses(void **state) {
    struct ctw_alert a = full(CTW_ALERT_TABLE_FULL, CTW_EDGE_BEGIN);

    (void)state;
    assert_message(&a, "Conntrack table full: new connections are being dropped, 262144 of 262144 "
                       "entries.");
    a.losses.drops = 1234;
    assert_message(&a, "Conntrack table full: new connections are being dropped (1234 so far), "
                       "262144 of 262144 entries.");
    a.edge = CTW_EDGE_REMINDER;
    assert_message(&a, "Conntrack table still full: new connections are being dropped (1234 so "
                       "far), 262144 of 262144 entries.");
    a.edge = CTW_EDGE_END;
    a.losses.drops = 51234;
    a.lasted_usec = 42 * SECOND;
    a.table.count = 200000;
    assert_message(&a, "Conntrack table no longer full: 51234 new connections dropped in 42 s, now "
                       "200000 of 262144 entries.");
    a.losses.drops = 1;
    a.lasted_usec = 0;
    assert_message(&a, "Conntrack table no longer full: 1 new connection dropped in less than 1 s, "
                       "now 200000 of 262144 entries.");
    a.table.count = 262144; /* still full of entries that no new flow meets */
    assert_message(&a, "Conntrack table still full, but no longer dropping: 1 new connection "
                       "dropped in less than 1 s, now 262144 of 262144 entries.");
    a = full(CTW_ALERT_TABLE_FULL, CTW_EDGE_BEGIN);
    a.has_table = false; /* cannot be read just now */
    assert_message(&a, "Conntrack table full: new connections are being dropped.");
}

static void table_full_elsewhere_names_the_namespace(void **state) {
    struct ctw_alert a = other_netns(CTW_EDGE_BEGIN, 4026532246, "blue");

    (void)state;
    assert_message(&a, "Conntrack table full in network namespace \"blue\" (4026532246): new "
                       "connections are being dropped there, 12 kernel log lines so far.");
    assert_field(&a, "CTWATCH_NETNS", "blue");
    assert_field(&a, "CTWATCH_NETNS_INODE", "4026532246");
    assert_field(&a, "CTWATCH_COUNT", NULL);
    assert_field(&a, "CTWATCH_LEVEL", "full");

    a = other_netns(CTW_EDGE_END, 4026532246, "");
    a.lasted_usec = 42 * SECOND;
    assert_message(&a, "Conntrack table no longer full in network namespace 4026532246: 12 kernel "
                       "log lines in 42 s.");
    assert_field(&a, "CTWATCH_NETNS", NULL);

    a = other_netns(CTW_EDGE_BEGIN, 0, "");
    a.losses.log_lines = 1;
    assert_message(&a,
                   "Conntrack table full in another network namespace (the kernel does not say "
                   "which): new connections are being dropped there, 1 kernel log line so far.");
    assert_field(&a, "CTWATCH_NETNS_INODE", NULL);
}

static void past_states_the_age(void **state) {
    struct ctw_alert a = own(CTW_ALERT_TABLE_FULL, CTW_EDGE_PAST, CTW_LEVEL_OK);

    (void)state;
    a.has_losses = true;
    a.losses.log_lines = 12;
    a.lasted_usec = 200 * SECOND;
    assert_message(&a, "The kernel log shows 12 table-full lines from before ctwatchd started, the "
                       "latest 3 min ago.");
    assert_field(&a, "CTWATCH_AGE_SECONDS", "200");
    assert_field(&a, "CTWATCH_DURATION_SECONDS", NULL);
    a.losses.drops = 77;
    a.lasted_usec = 3 * 86400 * SECOND;
    assert_message(&a, "The kernel log shows 12 table-full lines from before ctwatchd started, the "
                       "latest 3 days ago; 77 connections dropped since boot.");
    a = other_netns(CTW_EDGE_PAST, 4026532246, "blue");
    a.lasted_usec = 3 * 3600 * SECOND;
    assert_message(&a, "The kernel log shows 12 table-full lines of network namespace \"blue\" "
                       "(4026532246) from before ctwatchd started, the latest 3 h ago.");
}

static void losses_over_a_gap_state_its_length(void **state) {
    static const struct {
        enum ctw_alert_kind kind;
        const char *says;
    } cases[] = {
        {CTW_ALERT_TABLE_FULL, "Conntrack table full while ctwatchd was not running: 50000 new "
                               "connections dropped in 3 min, now 262144 of 262144 entries."},
        {CTW_ALERT_EARLY_DROP, "Conntrack entries evicted while ctwatchd was not running: 22 "
                               "entries evicted in 3 min, now 262144 of 262144 entries."},
        {CTW_ALERT_CHAIN_TOO_LONG,
         "Conntrack hash chains too long while ctwatchd was not running: 4444 new connections "
         "refused in 3 min, now 262144 of 262144 entries in 262144 buckets."},
        {CTW_ALERT_DROPPED_BELOW_MAX,
         "Drops below the conntrack limit while ctwatchd was not running: 50000 new connections "
         "dropped in 3 min, now 262144 of 262144 entries."},
        {CTW_ALERT_INSERT_FAILED,
         "Clashes in the conntrack table while ctwatchd was not running: 333 new connections lost "
         "in 3 min, now 262144 of 262144 entries."},
    };
    struct ctw_alert a = full(CTW_ALERT_TABLE_FULL, CTW_EDGE_PAST);
    (void)state;

    a.has_losses = a.gap = true;
    a.losses = (struct ctw_losses){
        .drops = 50000, .early_drops = 22, .clashes = 333, .chain_too_long = 4444};
    a.lasted_usec = 200 * SECOND;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        a.kind = cases[i].kind;
        assert_message(&a, cases[i].says);
        assert_field(&a, "CTWATCH_DURATION_SECONDS", "200");
        assert_field(&a, "CTWATCH_AGE_SECONDS", NULL);
    }
}

static void losses_of_each_kind_state_their_number(void **state) {
    static const struct ctw_losses losses = {
        .drops = 1, .early_drops = 22, .clashes = 333, .chain_too_long = 4444};
    static const struct {
        enum ctw_alert_kind kind;
        const char *begin, *end;
    } says[] = {
        {CTW_ALERT_EARLY_DROP,
         "Conntrack table full: the kernel evicts entries to make room (22 so far), 262144 of "
         "262144 entries.",
         "Conntrack entries no longer evicted: 22 entries evicted in 42 s, now 262144 of 262144 "
         "entries."},
        {CTW_ALERT_CHAIN_TOO_LONG,
         "New connections refused: conntrack hash chains are too long (4444 so far), 262144 of "
         "262144 entries in 262144 buckets.",
         "Conntrack hash chains no longer too long: 4444 new connections refused in 42 s, now "
         "262144 "
         "of 262144 entries in 262144 buckets."},
        {CTW_ALERT_DROPPED_BELOW_MAX,
         "New connections dropped though the conntrack table is not full (1 so far), 262144 of "
         "262144 entries.",
         "No more drops below the conntrack limit: 1 new connection dropped in 42 s, now 262144 of "
         "262144 entries."},
        {CTW_ALERT_INSERT_FAILED,
         "New connections lost to clashes in the conntrack table (333 so far), 262144 of 262144 "
         "entries.",
         "No more clashes in the conntrack table: 333 new connections lost in 42 s, now 262144 of "
         "262144 entries."},
    };

    (void)state;
    for (size_t i = 0; i < sizeof says / sizeof says[0]; i++) {
        struct ctw_alert a = full(says[i].kind, CTW_EDGE_BEGIN);
        a.losses = losses;
        a.lasted_usec = 42 * SECOND;
        assert_message(&a, says[i].begin);
        a.edge = CTW_EDGE_END;
        assert_message(&a, says[i].end);
    }
}

static void expect_full_names_its_table(void **state) {
    struct ctw_alert a = own(CTW_ALERT_EXPECT_FULL, CTW_EDGE_BEGIN, CTW_LEVEL_OK);

    (void)state;
    assert_message(&a, "Conntrack expectation table full: helpers (FTP, SIP) cannot announce "
                       "further connections.");
    a.edge = CTW_EDGE_END;
    assert_message(&a, "Conntrack expectation table no longer full.");
}

static void limit_changed_states_old_and_new(void **state) {
    struct ctw_alert a = own(CTW_ALERT_LIMIT_CHANGED, CTW_EDGE_BEGIN, CTW_LEVEL_WARNING);

    (void)state;
    a.max_changed = true;
    a.old_max = 524288;
    a.new_max = 262144;
    assert_message(&a, "Conntrack limits changed by another program: max from 524288 to 262144; "
                       "the table is at 76.2 % (199754 of 262144).");
    assert_field(&a, "CTWATCH_OLD_MAX", "524288");
    assert_field(&a, "CTWATCH_NEW_MAX", "262144");
    assert_field(&a, "CTWATCH_OLD_BUCKETS", NULL);
    a.buckets_changed = true;
    a.old_buckets = 65536;
    a.new_buckets = 262144;
    a.has_table = false;
    assert_message(&a, "Conntrack limits changed by another program: max from 524288 to 262144, "
                       "buckets from 65536 to 262144.");
    assert_field(&a, "CTWATCH_OLD_BUCKETS", "65536");
    assert_field(&a, "CTWATCH_NEW_BUCKETS", "262144");
    a.writer_unknown = true;
    a.buckets_changed = false;
    assert_message(&a, "Conntrack limits changed: max from 524288 to 262144.");
}

static void other_namespace_is_named_first(void **state) {
    struct ctw_alert a = full(CTW_ALERT_TABLE_FULL, CTW_EDGE_BEGIN);

    (void)state;
    a.other_netns = true;
    a.netns_inode = 0;
    a.losses.drops = 7;
    (void)snprintf(a.netns, sizeof(a.netns), "%s", "podman 3f2a9c1b7d20");
    assert_message(&a, "In network namespace \"podman 3f2a9c1b7d20\": Conntrack table full: new "
                       "connections are being dropped (7 so far), 262144 of 262144 entries.");
    a.more_netns = 12;
    assert_message(&a, "In network namespace \"podman 3f2a9c1b7d20\" and 12 more: Conntrack table "
                       "full: new connections are being dropped (7 so far), 262144 of 262144 "
                       "entries.");
    a.edge = CTW_EDGE_END;
    a.more_netns = 0;
    a.netns_gone = true;
    assert_message(&a, "No process is left in network namespace \"podman 3f2a9c1b7d20\"; its "
                       "table_full alert has ended: 7 new connections dropped, 0 entries evicted.");
}

static void blind_names_file_fault_and_consequence(void **state) {
    struct ctw_alert a = blind(CTW_SOURCE_KERNEL_LOG, CTW_HEALTH_FAILED, -EPERM, "/dev/kmsg");

    (void)state;
    assert_message(&a,
                   "Kernel log cannot be read (/dev/kmsg: Operation not permitted): drops show "
                   "in the counters only, and those of network namespaces without a process not "
                   "at all.");
    assert_field(&a, "CTWATCH_SOURCE", "kernel_log");
    assert_field(&a, "CTWATCH_REASON", "/dev/kmsg: Operation not permitted");
    assert_field(&a, "CTWATCH_LEVEL", NULL);

    a = blind(CTW_SOURCE_TABLE, CTW_HEALTH_ABSENT, 0, "/proc/x");
    assert_message(&a, "No conntrack table (/proc/x: not there): the kernel tracks no "
                       "connections yet.");
    a = blind(CTW_SOURCE_COUNTERS, CTW_HEALTH_FAILED, -EBADMSG, "/proc/y");
    assert_message(&a, "Conntrack counters cannot be read (/proc/y: content not understood): drops "
                       "show in the kernel log only.");
    a = blind(CTW_SOURCE_JOURNAL, CTW_HEALTH_FAILED, -ENOENT, NULL);
    assert_message(&a, "Journal takes no records (No such file or directory): alerts are held "
                       "until it does.");
    a = blind(CTW_SOURCE_STATE, CTW_HEALTH_FAILED, -ENOSPC, "/run/ctwatch/state");
    assert_message(&a, "State cannot be published (/run/ctwatch/state: No space left on device): "
                       "ctwatch status and the metrics are out of date.");

    a.kind = CTW_ALERT_SIGHTED;
    a.edge = CTW_EDGE_END;
    a.health = (struct ctw_source_health){.health = CTW_HEALTH_OK};
    assert_message(&a, "State is now published.");
    a.source = CTW_SOURCE_JOURNAL;
    assert_message(&a, "Journal now takes records.");
    assert_field(&a, "CTWATCH_REASON", NULL);
}

static void config_states_the_fault(void **state) {
    struct ctw_alert a = {.kind = CTW_ALERT_CONFIG, .edge = CTW_EDGE_BEGIN};

    (void)state;
    assert_message(&a, "Configuration reloaded.");
    a.config_refused = true;
    snprintf(a.reason, sizeof a.reason, "/etc/ctwatch.conf:3: levels.warning: is 950");
    assert_message(&a, "Configuration refused, the old settings stay in force: "
                       "/etc/ctwatch.conf:3: levels.warning: is 950");
    assert_field(&a, "CTWATCH_REASON", "/etc/ctwatch.conf:3: levels.warning: is 950");
}

/* Who holds most of a table that is nearly empty is no news. */
static void usage_names_the_top_source_while_it_matters(void **state) {
    const struct ctw_talkers talkers = {
        .known = true, .n_sources = 1, .sources = {{.name = "192.0.2.7", .permyriad = 6021}}};
    struct ctw_alert a = own(CTW_ALERT_USAGE, CTW_EDGE_BEGIN, CTW_LEVEL_WARNING);

    (void)state;
    a.talkers = &talkers;
    assert_message(&a, "Conntrack table at 76.2 % (199754 of 262144), 192.0.2.7 holds 60.2 % of "
                       "it.");
    a.edge = CTW_EDGE_END;
    a.level = CTW_LEVEL_OK;
    a.table = (struct ctw_sample){.max = 5000};
    assert_message(&a, "Conntrack table back to normal: 0.0 % (0 of 5000).");
}

static void events_lost_states_how_many(void **state) {
    struct ctw_alert a = {.kind = CTW_ALERT_EVENTS_LOST, .edge = CTW_EDGE_BEGIN};

    (void)state;
    assert_message(&a, "Conntrack events lost: they arrive faster than ctwatchd reads them, so "
                       "rates are lower bounds.");
    a.edge = CTW_EDGE_END;
    assert_message(&a, "Conntrack events no longer lost.");
    a.events_lost = 77;
    assert_message(&a, "Conntrack events no longer lost: about 77 were lost.");
}

/* --- growth ----------------------------------------------------------------------------------- */

static void grew_states_change_and_reason(void **state) {
    static const struct {
        enum ctw_growth_reason reason;
        const char *message;
    } cases[] = {
        {CTW_GROWTH_FILL, "Conntrack table grown, max from 65536 to 131072: the fill reached "
                          "growth.at (199754 entries)."},
        {CTW_GROWTH_BURST, "Conntrack table grown, max from 65536 to 131072: at this rate it would "
                           "have been full within 200 ms (199754 entries)."},
        {CTW_GROWTH_RESERVE, "Conntrack table grown, max from 65536 to 131072: fewer entries were "
                             "free than growth.reserve asks for (199754 entries)."},
        {CTW_GROWTH_SAVED, "Conntrack table grown, max from 65536 to 131072: this was the limit "
                           "before the last boot (199754 entries)."},
        {CTW_GROWTH_STARTUP, "Conntrack table grown, max from 65536 to 131072: room for further "
                             "growth (199754 entries)."},
    };
    struct ctw_alert a = own(CTW_ALERT_GREW, CTW_EDGE_BEGIN, CTW_LEVEL_OK);

    (void)state;
    a.max_changed = true;
    a.old_max = 65536;
    a.new_max = 131072;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        a.growth_reason = cases[i].reason;
        assert_message(&a, cases[i].message);
    }
    a.buckets_changed = true;
    a.old_buckets = 65536;
    a.new_buckets = 262144;
    a.stall_usec = 20999;
    a.has_rate = true;
    a.rate = 800;
    a.growth_reason = CTW_GROWTH_FILL;
    assert_message(&a, "Conntrack table grown, max from 65536 to 131072, buckets from 65536 to "
                       "262144: the fill reached growth.at (199754 entries, filling at 800 "
                       "entries/s); changing the buckets took 20 ms.");
    a.kind = CTW_ALERT_GROWTH_DRY_RUN;
    a.buckets_changed = a.has_rate = false;
    a.stall_usec = 0;
    assert_message(&a, "Dry run: the conntrack table would be grown, max from 65536 to 131072: the "
                       "fill reached growth.at (199754 entries).");
    a.edge = CTW_EDGE_END;
    assert_message(&a, "Dry run: growth is no longer needed.");
}

static void growth_refused_states_the_reason(void **state) {
    static const struct {
        enum ctw_growth_refusal refusal;
        enum ctw_growth_bound bound;
        uint32_t ceiling;
        int error;
        const char *why;
    } cases[] = {
        {CTW_GROWTH_AT_CEILING, CTW_BOUND_MEMORY, 274432, 0,
         "it is at its ceiling of 274432, set by growth.memory"},
        {CTW_GROWTH_AT_CEILING, CTW_BOUND_SETTING, 200000, 0,
         "its ceiling of 200000, set by growth.ceiling, is below the present max of 262144"},
        {CTW_GROWTH_NO_MEMORY, CTW_BOUND_AVAILABLE, 278528, 0,
         "too little memory is available: the ceiling is 278528, set by MemAvailable"},
        {CTW_GROWTH_NO_MEMORY, CTW_BOUND_MEMORY, 0, 0, "the size of the memory is unknown"},
        {CTW_GROWTH_TOO_FEW_BUCKETS, CTW_BOUND_BUCKETS, 262144, 0,
         "there are too few buckets: the ceiling is 262144, set by buckets"},
        {CTW_GROWTH_TOO_FEW_BUCKETS, CTW_BOUND_BUCKETS, 262144, -ENOMEM,
         "there are too few buckets: /proc/x: Cannot allocate memory"},
        {CTW_GROWTH_FOREIGN_WRITER, CTW_BOUND_MEMORY, 524288, 0,
         "another program keeps lowering the limit, and it was raised again three times within "
         "the hour"},
        {CTW_GROWTH_NOT_PERMITTED, CTW_BOUND_MEMORY, 524288, -EROFS,
         "the limit may not be written: /proc/x: Read-only file system"},
        {CTW_GROWTH_CHILD_NAMESPACE, CTW_BOUND_MEMORY, 524288, 0,
         "the limit belongs to the initial network namespace"},
        {CTW_GROWTH_WRITE_FAILED, CTW_BOUND_MEMORY, 524288, -EPROTO,
         "the kernel does not take the value: /proc/x: the write succeeded and changed nothing"},
    };
    struct ctw_alert a = own(CTW_ALERT_GROWTH_REFUSED, CTW_EDGE_BEGIN, CTW_LEVEL_OK);
    char message[512];

    (void)state;
    a.old_max = a.table.max;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        a.growth_refusal = cases[i].refusal;
        a.bound = cases[i].bound;
        a.ceiling = cases[i].ceiling;
        a.growth_error = cases[i].error;
        a.growth_path = cases[i].error != 0 ? "/proc/x" : NULL;
        snprintf(message, sizeof message, "Conntrack table cannot grow: %s (199754 entries).",
                 cases[i].why);
        assert_message(&a, message);
    }
    a.growth_refusal = CTW_GROWTH_PERSIST_FAILED;
    a.growth_error = -EBADMSG;
    assert_message(&a, "Grown conntrack limits do not survive a boot: /proc/x: content not "
                       "understood.");
    a.edge = CTW_EDGE_END;
    assert_message(&a, "Growth is no longer blocked.");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(usage_states_fill_rate_and_time),
        cmocka_unit_test(usage_slowest_rate_fits),
        cmocka_unit_test(forecast_states_the_time),
        cmocka_unit_test(table_full_states_the_losses),
        cmocka_unit_test(table_full_elsewhere_names_the_namespace),
        cmocka_unit_test(past_states_the_age),
        cmocka_unit_test(losses_over_a_gap_state_its_length),
        cmocka_unit_test(losses_of_each_kind_state_their_number),
        cmocka_unit_test(expect_full_names_its_table),
        cmocka_unit_test(limit_changed_states_old_and_new),
        cmocka_unit_test(other_namespace_is_named_first),
        cmocka_unit_test(blind_names_file_fault_and_consequence),
        cmocka_unit_test(config_states_the_fault),
        cmocka_unit_test(usage_names_the_top_source_while_it_matters),
        cmocka_unit_test(events_lost_states_how_many),
        cmocka_unit_test(grew_states_change_and_reason),
        cmocka_unit_test(growth_refused_states_the_reason),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
