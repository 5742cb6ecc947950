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

static void usage_says_fill_rate_and_time(void **state) {
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
    assert_message(&a, "Conntrack table back to normal: at 76.2 % (199754 of 262144), emptying at "
                       "800 entries/s.");
    a.table.max = 0;
    a.has_rate = false;
    assert_message(&a, "Conntrack table back to normal: at 199754 entries and no limit.");
    a.has_table = false;
    assert_message(&a, "Conntrack table gone: the kernel tracks no connections any more.");
}

static void the_slowest_rate_there_is_can_be_said(void **state) {
    struct ctw_alert a = own(CTW_ALERT_USAGE, CTW_EDGE_BEGIN, CTW_LEVEL_WARNING);

    (void)state;
    a.has_rate = true;
    a.rate = INT64_MIN;
    assert_message(&a, "Conntrack table at 76.2 % (199754 of 262144), emptying at "
                       "9223372036854775808 entries/s.");
    assert_field(&a, "CTWATCH_RATE", "-9223372036854775808");
}

static void forecast_says_when(void **state) {
    struct ctw_alert a = own(CTW_ALERT_FORECAST, CTW_EDGE_BEGIN, CTW_LEVEL_OK);

    (void)state;
    a.has_rate = a.fills = true;
    a.rate = 580;
    a.usec_to_full = 107 * SECOND;
    assert_message(&a, "Conntrack table about to fill: at 76.2 % (199754 of 262144), filling at "
                       "580 entries/s, full in 107 s.");
    a.edge = CTW_EDGE_END;
    a.has_rate = a.fills = false;
    assert_message(&a, "Conntrack table no longer about to fill: at 76.2 % (199754 of 262144).");
}

static void table_full_says_what_is_lost(void **state) {
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
    a = full(CTW_ALERT_TABLE_FULL, CTW_EDGE_BEGIN);
    a.has_table = false; /* cannot be read just now */
    assert_message(&a, "Conntrack table full: new connections are being dropped.");
}

static void another_namespaces_table_is_named(void **state) {
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

static void the_past_says_how_long_ago(void **state) {
    struct ctw_alert a = own(CTW_ALERT_TABLE_FULL, CTW_EDGE_PAST, CTW_LEVEL_OK);

    (void)state;
    a.has_losses = true;
    a.losses.log_lines = 12;
    a.lasted_usec = 200 * SECOND;
    assert_message(&a, "The kernel log shows 12 table-full lines from before ctwatchd started, the "
                       "last one 3 min ago.");
    assert_field(&a, "CTWATCH_AGE_SECONDS", "200");
    assert_field(&a, "CTWATCH_DURATION_SECONDS", NULL);
    a.losses.drops = 77;
    a.lasted_usec = 3 * 86400 * SECOND;
    assert_message(&a, "The kernel log shows 12 table-full lines from before ctwatchd started, the "
                       "last one 3 days ago; 77 connections dropped since boot.");
    a = other_netns(CTW_EDGE_PAST, 4026532246, "blue");
    a.lasted_usec = 3 * 3600 * SECOND;
    assert_message(&a, "The kernel log shows 12 table-full lines of network namespace \"blue\" "
                       "(4026532246) from before ctwatchd started, the last one 3 h ago.");
}

static void other_losses_say_their_own_number(void **state) {
    static const struct ctw_losses losses = {
        .drops = 1, .early_drops = 22, .clashes = 333, .chain_too_long = 4444};
    static const struct {
        enum ctw_alert_kind kind;
        const char *begin, *end;
    } says[] = {
        {CTW_ALERT_EARLY_DROP,
         "Conntrack table full: the kernel evicts entries to make room (22 so far), 262144 of "
         "262144 entries.",
         "Conntrack entries no longer evicted: 22 entries evicted in 42 s, 262144 of 262144 "
         "entries."},
        {CTW_ALERT_CHAIN_TOO_LONG,
         "New connections refused, conntrack hash chains are too long (4444 so far), 262144 of "
         "262144 entries in 262144 buckets.",
         "Conntrack hash chains no longer too long: 4444 new connections refused in 42 s, 262144 "
         "of 262144 entries in 262144 buckets."},
        {CTW_ALERT_DROPPED_BELOW_MAX,
         "New connections dropped though the conntrack table is not full (1 so far), 262144 of "
         "262144 entries.",
         "No more drops below the conntrack limit: 1 new connection dropped in 42 s, 262144 of "
         "262144 entries."},
        {CTW_ALERT_INSERT_FAILED,
         "New connections lost to clashes in the conntrack table (333 so far), 262144 of 262144 "
         "entries.",
         "No more clashes in the conntrack table: 333 new connections lost in 42 s, 262144 of "
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

static void expectations_are_told_from_the_main_table(void **state) {
    struct ctw_alert a = own(CTW_ALERT_EXPECT_FULL, CTW_EDGE_BEGIN, CTW_LEVEL_OK);

    (void)state;
    assert_message(&a, "Conntrack expectation table full: helpers (FTP, SIP) cannot announce "
                       "further connections.");
    a.edge = CTW_EDGE_END;
    assert_message(&a, "Conntrack expectation table no longer full.");
}

static void changed_limits_say_old_and_new(void **state) {
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

static void blindness_names_the_file_the_fault_and_the_consequence(void **state) {
    struct ctw_alert a = blind(CTW_SOURCE_KERNEL_LOG, CTW_HEALTH_FAILED, -EPERM, "/dev/kmsg");

    (void)state;
    assert_message(&a, "Kernel log cannot be read (/dev/kmsg: Operation not permitted): drops show "
                       "in the counters only, and those of other network namespaces not at all.");
    assert_field(&a, "CTWATCH_SOURCE", "kernel_log");
    assert_field(&a, "CTWATCH_REASON", "/dev/kmsg: Operation not permitted");
    assert_field(&a, "CTWATCH_LEVEL", NULL);

    a = blind(CTW_SOURCE_TABLE, CTW_HEALTH_ABSENT, 0, "/proc/x");
    assert_message(&a, "No conntrack table yet (/proc/x: not there): the kernel tracks no "
                       "connections; waiting until it does.");
    a = blind(CTW_SOURCE_COUNTERS, CTW_HEALTH_FAILED, -EBADMSG, "/proc/y");
    assert_message(&a, "Conntrack counters cannot be read (/proc/y: content not understood): drops "
                       "show in the kernel log only.");
    a = blind(CTW_SOURCE_JOURNAL, CTW_HEALTH_FAILED, -ENOENT, NULL);
    assert_message(&a, "Journal takes no records (No such file or directory): alerts are held "
                       "until it does.");
    a = blind(CTW_SOURCE_STATE, CTW_HEALTH_FAILED, -ENOSPC, "/run/ctwatch/state");
    assert_message(&a, "State cannot be published (/run/ctwatch/state: No space left on device): "
                       "ctwatch status and the metrics show nothing of it.");

    a.kind = CTW_ALERT_SIGHTED;
    a.edge = CTW_EDGE_END;
    a.health = (struct ctw_source_health){.health = CTW_HEALTH_OK};
    assert_message(&a, "State is now published.");
    a.source = CTW_SOURCE_JOURNAL;
    assert_message(&a, "Journal now takes records.");
    assert_field(&a, "CTWATCH_REASON", NULL);
}

static void config_says_the_fault(void **state) {
    struct ctw_alert a = {.kind = CTW_ALERT_CONFIG, .edge = CTW_EDGE_BEGIN};

    (void)state;
    assert_message(&a, "Configuration reloaded.");
    a.config_refused = true;
    snprintf(a.reason, sizeof a.reason, "/etc/ctwatch.conf:3: levels.warning: is 950");
    assert_message(&a, "Configuration refused, the old settings stay in force: "
                       "/etc/ctwatch.conf:3: levels.warning: is 950");
    assert_field(&a, "CTWATCH_REASON", "/etc/ctwatch.conf:3: levels.warning: is 950");
}

/* --- remedies ------------------------------------------------------------------------------- */

static void assert_remedy_has(const struct ctw_alert *a, const char *expected) {
    struct ctw_fields f;

    ctw_fields_of(a, &f);
    const char *remedy = ctw_fields_get(&f, "CTWATCH_REMEDY");
    assert_non_null(remedy);
    if (!strstr(remedy, expected))
        fail_msg("\"%s\" not in \"%s\"", expected, remedy);
}

static void a_full_table_is_told_to_double(void **state) {
    struct ctw_alert a = full(CTW_ALERT_TABLE_FULL, CTW_EDGE_BEGIN);

    (void)state;
    assert_remedy_has(&a, "sysctl -w net.netfilter.nf_conntrack_max=524288 ");
    a.table.max = 1500000000;
    a.table.has_buckets = false;
    assert_remedy_has(&a, "nf_conntrack_max=2147483647 ");
    a.table.max = 2147483647;
    assert_remedy_has(&a, "the largest there is");
    a.table.max = UINT32_MAX;
    assert_remedy_has(&a, "the largest there is");
    a.table.max = 0;
    assert_field(&a, "CTWATCH_REMEDY", NULL);
}

static void doubling_asks_for_buckets_only_when_chains_would_get_long(void **state) {
    struct ctw_alert a = full(CTW_ALERT_TABLE_FULL, CTW_EDGE_BEGIN);
    struct ctw_fields f;

    (void)state;
    a.table.buckets = 65536; /* 524288 is 8 times that */
    ctw_fields_of(&a, &f);
    assert_null(strstr(ctw_fields_get(&f, "CTWATCH_REMEDY"), "buckets"));
    a.table.buckets = 65535;
    assert_remedy_has(&a, "sysctl -w net.netfilter.nf_conntrack_buckets=131072 ");
    assert_remedy_has(&a, "nf_conntrack_max=524288 ");
}

static void long_chains_are_told_how_many_buckets(void **state) {
    struct ctw_alert a = full(CTW_ALERT_CHAIN_TOO_LONG, CTW_EDGE_BEGIN);

    (void)state;
    a.table.buckets = 4096;
    assert_remedy_has(&a, "nf_conntrack_buckets=65536 ");
    a.table.buckets = 65536; /* a quarter already, and still too few */
    assert_remedy_has(&a, "nf_conntrack_buckets=131072 ");
    a.table.has_buckets = false;
    assert_remedy_has(&a, "to a quarter of nf_conntrack_max");
}

static void remedies_match_the_fault(void **state) {
    struct ctw_alert a = other_netns(CTW_EDGE_BEGIN, 4026532246, "$(reboot)");

    (void)state;
    assert_remedy_has(&a, "lsns -t net -o NS,PID,COMMAND | grep 4026532246");
    struct ctw_fields f;
    ctw_fields_of(&a, &f);
    assert_null(strstr(ctw_fields_get(&f, "CTWATCH_REMEDY"), "reboot"));

    a = blind(CTW_SOURCE_KERNEL_LOG, CTW_HEALTH_FAILED, -EPERM, "/dev/kmsg");
    assert_remedy_has(&a, "CAP_SYSLOG");
    a.health.error = -ENOENT;
    assert_remedy_has(&a, "PrivateDevices=no");
    a = blind(CTW_SOURCE_COUNTERS, CTW_HEALTH_FAILED, -EPERM, "netlink");
    assert_remedy_has(&a, "CAP_NET_ADMIN");
    a = blind(CTW_SOURCE_TABLE, CTW_HEALTH_ABSENT, 0, "/proc/x");
    assert_remedy_has(&a, "modprobe nf_conntrack");

    a = own(CTW_ALERT_LIMIT_CHANGED, CTW_EDGE_BEGIN, CTW_LEVEL_OK);
    a.max_changed = true;
    a.old_max = 524288;
    a.new_max = 262144;
    assert_remedy_has(&a, "sysctl -w net.netfilter.nf_conntrack_max=524288");
    a.new_max = 1048576;
    assert_field(&a, "CTWATCH_REMEDY", NULL);
    a.new_max = 0; /* no limit */
    assert_field(&a, "CTWATCH_REMEDY", NULL);
}

static void what_is_over_needs_no_remedy(void **state) {
    (void)state;
    for (int kind = 0; kind < CTW_ALERT_KINDS; kind++) {
        const struct ctw_alert a = full((enum ctw_alert_kind)kind, CTW_EDGE_END);
        assert_field(&a, "CTWATCH_REMEDY", NULL);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(usage_says_fill_rate_and_time),
        cmocka_unit_test(the_slowest_rate_there_is_can_be_said),
        cmocka_unit_test(forecast_says_when),
        cmocka_unit_test(table_full_says_what_is_lost),
        cmocka_unit_test(another_namespaces_table_is_named),
        cmocka_unit_test(the_past_says_how_long_ago),
        cmocka_unit_test(other_losses_say_their_own_number),
        cmocka_unit_test(expectations_are_told_from_the_main_table),
        cmocka_unit_test(changed_limits_say_old_and_new),
        cmocka_unit_test(blindness_names_the_file_the_fault_and_the_consequence),
        cmocka_unit_test(config_says_the_fault),
        cmocka_unit_test(a_full_table_is_told_to_double),
        cmocka_unit_test(doubling_asks_for_buckets_only_when_chains_would_get_long),
        cmocka_unit_test(long_chains_are_told_how_many_buckets),
        cmocka_unit_test(remedies_match_the_fault),
        cmocka_unit_test(what_is_over_needs_no_remedy),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
