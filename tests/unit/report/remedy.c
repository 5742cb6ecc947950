/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Remedies: their numbers, and that nft accepts the commands they hold. */

#include <errno.h>
#include <setjmp.h>
#include <spawn.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/support/alert_samples.h"

static void assert_remedy_has(const struct ctw_alert *a, const char *expected) {
    struct ctw_fields f;

    ctw_fields_of(a, &f);
    const char *remedy = ctw_fields_get(&f, "CTWATCH_REMEDY");
    assert_non_null(remedy);
    if (!strstr(remedy, expected))
        fail_msg("\"%s\" not in \"%s\"", expected, remedy);
}

static void full_doubles_max(void **state) {
    struct ctw_alert a = full(CTW_ALERT_TABLE_FULL, CTW_EDGE_BEGIN);

    (void)state;
    assert_remedy_has(&a, "sysctl -w net.netfilter.nf_conntrack_max=524288 ");
    a.table.max = 1500000000;
    a.table.has_buckets = false;
    assert_remedy_has(&a, "nf_conntrack_max=2147483647 ");
    a.table.max = 2147483647;
    assert_remedy_has(&a, "the largest the kernel takes");
    a.table.max = UINT32_MAX;
    assert_remedy_has(&a, "the largest the kernel takes");
    a.table.max = 0;
    assert_field(&a, "CTWATCH_REMEDY", NULL);
}

static void full_adds_buckets_for_long_chains_only(void **state) {
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

static void chain_too_long_states_the_buckets(void **state) {
    struct ctw_alert a = full(CTW_ALERT_CHAIN_TOO_LONG, CTW_EDGE_BEGIN);

    (void)state;
    a.table.buckets = 4096;
    assert_remedy_has(&a, "nf_conntrack_buckets=65536 ");
    a.table.buckets = 65536; /* a quarter already, and still too few */
    assert_remedy_has(&a, "nf_conntrack_buckets=131072 ");
    a.table.has_buckets = false;
    assert_remedy_has(&a, "to a quarter of nf_conntrack_max");
}

static void each_fault_has_its_remedy(void **state) {
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

static void end_has_no_remedy(void **state) {
    (void)state;
    for (int kind = 0; kind < CTW_ALERT_KINDS; kind++) {
        const struct ctw_alert a = full((enum ctw_alert_kind)kind, CTW_EDGE_END);
        assert_field(&a, "CTWATCH_REMEDY", NULL);
    }
}

/* --- commands --------------------------------------------------------------------------------- */

/* One remedy of each cause. */
static const struct ctw_talkers causes[] = {
    {.known = true, .entries = 9, .loopback_permyriad = 9000},
    {.known = true,
     .entries = 9,
     .n_sources = 1,
     .sources = {{.name = "192.0.2.7", .permyriad = 6000}}},
    {.known = true,
     .entries = 9,
     .n_sources = 1,
     .sources = {{.name = "2001:db8:1:2::/64", .permyriad = 6000}}},
    {.known = true, .entries = 9, .dns_permyriad = 9000},
    {.known = true, .entries = 9, .half_open_permyriad = 6000},
    {.known = true, .entries = 9, .udp_unreplied_permyriad = 6000},
    {.known = true, .entries = 9, .idle_tcp_permyriad = 9000},
};

static void remedy_of(const struct ctw_talkers *talkers, struct ctw_fields *f) {
    struct ctw_alert a = full(CTW_ALERT_TABLE_FULL, CTW_EDGE_BEGIN);

    a.talkers = talkers;
    ctw_fields_of(&a, f);
    assert_non_null(ctw_fields_get(f, "CTWATCH_REMEDY"));
}

/* An ACCEPT ahead of the machine's own rules would open its firewall. */
static void causes_accept_nothing(void **state) {
    struct ctw_fields f;

    (void)state;
    for (size_t i = 0; i < sizeof causes / sizeof causes[0]; i++) {
        remedy_of(&causes[i], &f);
        const char *remedy = ctw_fields_get(&f, "CTWATCH_REMEDY");
        if (strcasestr(remedy, "accept"))
            fail_msg("\"%s\"", remedy);
    }
}

/* Return: the status that the shell ended with; -1: it could not run. */
static int run(const char *command) {
    char *arguments[] = {(char *)"sh", (char *)"-c", (char *)command, NULL};
    pid_t child;
    int status;

    if (posix_spawnp(&child, "sh", NULL, NULL, arguments, environ) != 0 ||
        waitpid(child, &status, 0) != child)
        return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void causes_commands_are_valid_nft(void **state) {
    unsigned checked = 0;
    struct ctw_fields f;

    (void)state;
    if (geteuid() != 0 || run("nft -c 'table inet ctwatch { }' 2>/dev/null") != 0) {
        print_message("skipped: nft does not run here\n");
        skip();
    }
    for (size_t i = 0; i < sizeof causes / sizeof causes[0]; i++) {
        char command[1024];
        remedy_of(&causes[i], &f);
        const char *start = strstr(ctw_fields_get(&f, "CTWATCH_REMEDY"), "nft '");
        const char *end = start ? strchr(start + 5, '\'') : NULL;
        if (!start)
            continue;
        assert_non_null(end);
        snprintf(command, sizeof command, "nft -c %.*s", (int)(end + 1 - (start + 4)), start + 4);
        if (run(command) != 0)
            fail_msg("%s", command);
        checked++;
    }
    assert_int_equal(checked, 6);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(full_doubles_max),
        cmocka_unit_test(full_adds_buckets_for_long_chains_only),
        cmocka_unit_test(chain_too_long_states_the_buckets),
        cmocka_unit_test(each_fault_has_its_remedy),
        cmocka_unit_test(end_has_no_remedy),
        cmocka_unit_test(causes_accept_nothing),
        cmocka_unit_test(causes_commands_are_valid_nft),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
