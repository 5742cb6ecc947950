/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Remedies: their numbers, and what must never be in a command. tests/netns/test_remedies runs
 * them. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/alert_samples.h"
#include "tests/support/remedies.h"

static void assert_remedy_has(const struct ctw_alert *a, const char *expected) {
    struct ctw_fields f;

    ctw_fields_of(a, &f);
    const char *remedy = ctw_fields_get(&f, "CTWATCH_REMEDY");
    assert_non_null(remedy);
    if (!strstr(remedy, expected))
        fail_msg("\"%s\" not in \"%s\"", expected, remedy);
}

/* --- every remedy ----------------------------------------------------------------------------- */

static bool has(const char *text, const char *part) {
    return strstr(text, part) != NULL;
}

#define require(condition)                                                                         \
    do {                                                                                           \
        if (!(condition))                                                                          \
            fail_msg("%s: not %s: %s | %s | %s", remedy_name(c), #condition, r->sentence.text,     \
                     r->command, r->undo);                                                         \
    } while (0)

static void check_form(const struct remedy_case *c, const struct ctw_remedy *r) {
    require(r->sentence.length > 0);
    require(r->sentence.length < CTW_LINE_MAX - 1);
    require((r->command[0] == '\0') == (r->undo[0] == '\0'));
    require(!strpbrk(r->command, "\n`\t"));
    require(!strcasestr(r->command, "accept"));
    require(!has(r->command, "conntrack -D") && !has(r->command, "flush"));
    require(!has(r->command, "_max=0") && !has(r->command, "=0 "));
}

static void check_place(const struct remedy_case *c, const struct ctw_remedy *r) {
    static const char *const limits[] = {"_max=", "buckets=", "hashsize", "/etc/"};

    for (size_t i = 0; c->place != PLACE_INITIAL && i < sizeof(limits) / sizeof(limits[0]); i++)
        require(!has(r->command, limits[i]) && !has(r->undo, limits[i]));
    if (c->cause != CTW_CAUSE_OTHER_NETNS) {
        require(!has(r->command, "netns"));
        return;
    }
    require((r->command[0] != '\0') == (c->place == PLACE_NAMED && c->tool != TOOL_NONE));
    require(r->command[0] == '\0' ||
            strncmp(r->command, "ip netns exec ctw-remedies-other ", 33) == 0);
}

static void check_release(const struct remedy_case *c, const struct ctw_remedy *r) {
    const bool old = strncmp(c->release, "3.10", 4) == 0;

    require(!old || (!has(r->command, "nf_conntrack_buckets") && !has(r->command, "nft ")));
    require(old || !has(r->command, "hashsize"));
    require(c->tool != TOOL_NONE || (!has(r->command, "nft ") && !has(r->command, "tables ")));
    require(c->tool != TOOL_IPTABLES || !has(r->command, "nft "));
    require(old || c->tool != TOOL_NFT || !has(r->command, "iptables"));
}

/* What no line may do. */
static void check_kind(const struct remedy_case *c, const struct ctw_remedy *r) {
    static const enum ctw_cause without[] = {CTW_CAUSE_UNCONFIRMED, CTW_CAUSE_NAT_PORTS,
                                             CTW_CAUSE_CLASH_RACE, CTW_CAUSE_HELPER,
                                             CTW_CAUSE_MEMORY};

    for (size_t i = 0; i < sizeof(without) / sizeof(without[0]); i++)
        require(c->cause != without[i] || r->command[0] == '\0');
    require(c->cause == CTW_CAUSE_LOOPBACK || !has(r->command, "notrack"));
    require(!has(r->command, "hashlimit") || has(r->command, "-j DROP"));
    require(!has(r->command, "_established=") || has(r->undo, "_established=432000"));
}

static void check(const struct remedy_case *c, const struct ctw_remedy *r) {
    check_form(c, r);
    check_place(c, r);
    check_release(c, r);
    check_kind(c, r);
}

static void each_remedy_keeps_the_rules(void **state) {
    (void)state;
    each_remedy(check);
}

/* --- single ones ------------------------------------------------------------------------------ */

static struct ctw_remedy remedy;

static const char *command(enum ctw_cause cause, unsigned mix) {
    const struct remedy_case c = {
        .cause = cause, .release = "6.18.44", .place = PLACE_INITIAL, .mix = mix};
    struct ctw_cause_facts f;
    struct ctw_diagnosis d;

    remedy_facts(&c, &f, &d);
    ctw_remedy_for(&d, &f, &remedy);
    return remedy.command;
}

static void assert_has(const char *text, const char *part) {
    if (!strstr(text, part))
        fail_msg("\"%s\" not in \"%s\"", part, text);
}

static void caps_fit_the_table(void **state) {
    (void)state;
    assert_has(command(CTW_CAUSE_SYN_FLOOD, 0), "limit rate over 4369/second burst 4369 packets");
    assert_has(command(CTW_CAUSE_UDP_UNREPLIED, 2), "limit rate over 250/second ");
    assert_has(command(CTW_CAUSE_DNS, 0), "limit rate over 13107/second ");
    assert_has(command(CTW_CAUSE_DNS, 3), "limit rate over 41/second "); /* streams: 60 s */
    assert_has(command(CTW_CAUSE_IDLE_ESTABLISHED, 0), "limit rate over 35/second ");
    assert_has(command(CTW_CAUSE_IDLE_ESTABLISHED, 2), "limit rate over 49/minute burst 49 ");
    assert_has(command(CTW_CAUSE_TIME_WAIT, 4), "limit rate over 1/minute burst 5 "); /* max 1 */
    assert_has(command(CTW_CAUSE_ONE_SOURCE, 1), "ct count over 2000 drop");
    assert_has(command(CTW_CAUSE_ONE_SOURCE, 0), "ct count over 10000 drop");
    assert_has(command(CTW_CAUSE_ONE_SOURCE, 2), "limit rate over 16/second ");
    assert_null(strstr(remedy.command, "ct count"));
}

static void long_lived_entries_raise_max_first(void **state) {
    static const char first[] = "sysctl -w net.netfilter.nf_conntrack_max=524288 && ";

    (void)state;
    assert_int_equal(strncmp(command(CTW_CAUSE_IDLE_ESTABLISHED, 0), first, strlen(first)), 0);
    assert_has(remedy.undo,
               "if [ \"$(cat /proc/sys/net/netfilter/nf_conntrack_count)\" -lt 262144 ]; "
               "then sysctl -w net.netfilter.nf_conntrack_max=262144; fi");
    assert_null(strstr(command(CTW_CAUSE_SYN_FLOOD, 0), "nf_conntrack_max"));
    /* Its chains would be too long. */
    assert_has(command(CTW_CAUSE_ONE_SOURCE, 1), "nf_conntrack_buckets=10240 ");
}

/* Nothing below a sixteenth more. */
static void raising_needs_memory(void **state) {
    const struct remedy_case c = {
        .cause = CTW_CAUSE_TOO_SMALL, .release = "6.18.44", .place = PLACE_INITIAL};
    struct ctw_cause_facts f;
    struct ctw_diagnosis d;
    struct ctw_host host;

    (void)state;
    remedy_facts(&c, &f, &d);
    host = *f.host;
    f.host = &host;
    host.max_most = 362144;
    ctw_remedy_for(&d, &f, &remedy);
    assert_has(remedy.command, "nf_conntrack_max=362144 ");
    host.max_most = 262144 + 16384;
    ctw_remedy_for(&d, &f, &remedy);
    assert_string_equal(remedy.command, "");
    assert_has(remedy.sentence.text, "once growth.memory and growth.ceiling ");
    host.max_most = 0;
    ctw_remedy_for(&d, &f, &remedy);
    assert_string_equal(remedy.command, "");
    f.host = NULL;
    ctw_remedy_for(&d, &f, &remedy);
    assert_string_equal(remedy.command, "");
    assert_has(remedy.sentence.text, "to 524288");
}

/* What a sample shows is not offered as one of two causes. */
static void clashes_without_a_sample_have_two_causes(void **state) {
    const struct remedy_case c = {.cause = CTW_CAUSE_CLASH_RACE, .release = "6.18.44"};
    struct ctw_cause_facts f;
    struct ctw_diagnosis d;

    (void)state;
    remedy_facts(&c, &f, &d);
    ctw_remedy_for(&d, &f, &remedy);
    assert_null(strstr(remedy.sentence.text, "NAT"));
    f.talkers = NULL;
    ctw_remedy_for(&d, &f, &remedy);
    assert_has(remedy.sentence.text, "or NAT has no free port");
}

static void translated_loopback_stays_tracked(void **state) {
    (void)state;
    assert_has(command(CTW_CAUSE_LOOPBACK, 0), "oif lo notrack");
    assert_null(strstr(command(CTW_CAUSE_LOOPBACK, 1), "notrack"));
    assert_has(remedy.command, "oif lo ct state new");
}

/* Names of namespaces and helpers, and whatever stands for an address, come from outside. */
static void names_from_outside_stay_outside(void **state) {
    static const char *const names[] = {"$(reboot)", "a b",       "a;b",      "`x`", "-n",
                                        "a'b",       "a\nb",      "\"",       "..;", "a|b",
                                        "a>b",       "pid 7 (x)", "\xc3\xa4", ""};
    struct ctw_cause_facts f;
    struct ctw_diagnosis d;

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const struct remedy_case c = {.release = "6.18.44"};
        remedy_facts(&c, &f, &d);
        struct ctw_alert a = other_netns(CTW_EDGE_BEGIN, 4026532246, names[i]);
        a.table = *f.table;
        a.host = f.host;
        ctw_remedy(&a, &remedy);
        assert_string_equal(remedy.command, "");
        assert_true(strlen(names[i]) < 3 || !strstr(remedy.sentence.text, names[i]));
        for (d.cause = 0; d.cause < CTW_CAUSES; d.cause++) {
            (void)snprintf(d.culprit, sizeof(d.culprit), "%s", names[i]);
            if (d.cause == CTW_CAUSE_OTHER_NETNS)
                continue;
            ctw_remedy_for(&d, &f, &remedy);
            assert_true(strlen(names[i]) < 3 || !strstr(remedy.command, names[i]));
        }
    }
}

static void line_that_does_not_fit_is_none(void **state) {
    struct ctw_cause_facts f;
    struct ctw_diagnosis d;
    struct ctw_alert a;
    char name[CTW_NETNS_NAME_MAX];

    (void)state;
    const struct remedy_case c = {.release = "6.18.44"};
    remedy_facts(&c, &f, &d);
    memset(name, 'n', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    a = other_netns(CTW_EDGE_BEGIN, 4026532246, name);
    a.table = *f.table;
    a.host = f.host;
    ctw_remedy(&a, &remedy);
    assert_has(remedy.command, "}; }'"); /* the longest name fits */
    assert_has(remedy.undo, "delete table inet ctwatch_other_netns");
}

/* --- alerts ----------------------------------------------------------------------------------- */

static void full_doubles_max(void **state) {
    struct ctw_alert a = full(CTW_ALERT_TABLE_FULL, CTW_EDGE_BEGIN);

    (void)state;
    assert_remedy_has(&a, "raise nf_conntrack_max from 262144 to 524288 ");
    a.table.max = 1500000000;
    a.table.has_buckets = false;
    assert_remedy_has(&a, " to 2147483647 ");
    a.table.max = 2147483647;
    assert_remedy_has(&a, "the largest the kernel takes");
    a.table.max = UINT32_MAX;
    assert_remedy_has(&a, "the largest the kernel takes");
    a.table.max = 0;
    assert_field(&a, "CTWATCH_REMEDY", NULL);
}

static void chain_too_long_states_the_buckets(void **state) {
    struct ctw_alert a = full(CTW_ALERT_CHAIN_TOO_LONG, CTW_EDGE_BEGIN);

    (void)state;
    a.table.buckets = 4096;
    assert_remedy_has(&a, "nf_conntrack_buckets from 4096 to 262144");
    a.table.buckets = 262144; /* one for each entry already, and still too few */
    assert_remedy_has(&a, "from 262144 to 524288");
    a.table.has_buckets = false;
    assert_remedy_has(&a, "nf_conntrack_buckets to nf_conntrack_max");
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
    assert_remedy_has(&a, "nf_conntrack_max to 524288 again");
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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_remedy_keeps_the_rules),
        cmocka_unit_test(caps_fit_the_table),
        cmocka_unit_test(long_lived_entries_raise_max_first),
        cmocka_unit_test(raising_needs_memory),
        cmocka_unit_test(clashes_without_a_sample_have_two_causes),
        cmocka_unit_test(translated_loopback_stays_tracked),
        cmocka_unit_test(names_from_outside_stay_outside),
        cmocka_unit_test(line_that_does_not_fit_is_none),
        cmocka_unit_test(full_doubles_max),
        cmocka_unit_test(chain_too_long_states_the_buckets),
        cmocka_unit_test(each_fault_has_its_remedy),
        cmocka_unit_test(end_has_no_remedy),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
