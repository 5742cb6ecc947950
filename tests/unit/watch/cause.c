/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The cause that is named, its culprit, and the shares from which on it is. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <netinet/in.h>

#include "lib/watch/cause.h"
#include "tests/support/alert_samples.h"

#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))
#define MIB       (UINT64_C(1) << 20)

static struct ctw_sample table;
static struct ctw_talkers talkers;
static struct ctw_losses losses;
static struct ctw_host host;
static struct ctw_cause_facts facts;
static struct ctw_diagnosis d;

static int start(void **state) {
    (void)state;
    table = (struct ctw_sample){.count = 8000, .max = 10000};
    talkers = (struct ctw_talkers){.known = true, .entries = 5000};
    losses = (struct ctw_losses){0};
    host = (struct ctw_host){
        .known = true,
        .memory = {.total_bytes = 1024 * MIB, .has_available = true, .available_bytes = 512 * MIB}};
    facts = (struct ctw_cause_facts){
        .table = &table, .losses = &losses, .talkers = &talkers, .host = &host};
    return 0;
}

static void expect(enum ctw_cause cause) {
    memset(&d, 0x5a, sizeof(d));
    ctw_diagnose(&facts, &d);
    assert_string_equal(ctw_cause_name(d.cause), ctw_cause_name(cause));
}

static void share(struct ctw_share *s, uint32_t *n, const char *name, uint32_t permyriad) {
    (void)snprintf(s->name, sizeof(s->name), "%s", name);
    s->permyriad = permyriad;
    *n = 1;
}

static void source(const char *name, uint32_t permyriad) {
    share(&talkers.sources[0], &talkers.n_sources, name, permyriad);
}

static void destination(const char *name, uint32_t permyriad) {
    share(&talkers.destinations[0], &talkers.n_destinations, name, permyriad);
}

static struct ctw_busiest busiest(const char *name, uint16_t port, uint32_t permyriad) {
    struct ctw_busiest b = {.protocol = IPPROTO_TCP, .port = port};
    uint32_t n;

    share(&b.address, &n, name, permyriad);
    return b;
}

/* --- a table that fills ----------------------------------------------------------------------- */

static void share_names_its_cause_from_a_bound_on(void **state) {
    const struct {
        uint32_t *share;
        uint32_t from;
        enum ctw_cause cause;
    } cases[] = {
        {&talkers.loopback_permyriad, 2500, CTW_CAUSE_LOOPBACK},
        {&talkers.time_wait_permyriad, 5000, CTW_CAUSE_TIME_WAIT},
        {&talkers.close_wait_permyriad, 5000, CTW_CAUSE_CLOSE_WAIT},
        {&talkers.idle_tcp_permyriad, 5000, CTW_CAUSE_IDLE_ESTABLISHED},
        {&talkers.dns_permyriad, 2500, CTW_CAUSE_DNS},
        {&talkers.icmp_permyriad, 5000, CTW_CAUSE_ICMP},
        {&talkers.icmpv6_permyriad, 5000, CTW_CAUSE_ICMP},
        {&talkers.half_open_permyriad, 5000, CTW_CAUSE_SYN_FLOOD},
        {&talkers.udp_unreplied_permyriad, 5000, CTW_CAUSE_UDP_UNREPLIED},
    };

    for (size_t i = 0; i < LENGTH(cases); i++) {
        start(state);
        *cases[i].share = cases[i].from;
        expect(cases[i].cause);
        assert_int_equal(d.permyriad, cases[i].from);
        assert_string_equal(d.culprit, "");
        *cases[i].share = cases[i].from - 1;
        expect(CTW_CAUSE_TOO_SMALL);
    }
}

/* All that can be named at once: what is named first is taken away, until nothing is left. */
static void several_are_named_in_a_fixed_order(void **state) {
    (void)state;
    facts.lowered_from = 20000;
    host.has_queue = true;
    host.queue_held = 4000;
    talkers.loopback_permyriad = 10000;
    talkers.time_wait_permyriad = talkers.close_wait_permyriad = talkers.idle_tcp_permyriad = 5000;
    talkers.dns_permyriad = talkers.icmp_permyriad = 5000;
    source("192.0.2.7", 5001);
    talkers.half_open_permyriad = talkers.udp_unreplied_permyriad = 5000;
    destination("192.0.2.8", 5001);
    expect(CTW_CAUSE_FOREIGN_WRITER);
    facts.lowered_from = 0;
    expect(CTW_CAUSE_UNCONFIRMED);
    host.queue_held = 3999;
    expect(CTW_CAUSE_LOOPBACK);
    talkers.loopback_permyriad = 0;
    expect(CTW_CAUSE_TIME_WAIT);
    talkers.time_wait_permyriad = 0;
    expect(CTW_CAUSE_CLOSE_WAIT);
    talkers.close_wait_permyriad = 0;
    expect(CTW_CAUSE_IDLE_ESTABLISHED);
    talkers.idle_tcp_permyriad = 0;
    expect(CTW_CAUSE_DNS);
    talkers.dns_permyriad = 4999;
    expect(CTW_CAUSE_ICMP);
    talkers.icmp_permyriad = 0;
    expect(CTW_CAUSE_ONE_SOURCE);
    source("192.0.2.7", 5000);
    expect(CTW_CAUSE_DNS);
    talkers.dns_permyriad = 2499;
    expect(CTW_CAUSE_SYN_FLOOD);
    talkers.half_open_permyriad = 0;
    expect(CTW_CAUSE_UDP_UNREPLIED);
    talkers.udp_unreplied_permyriad = 0;
    expect(CTW_CAUSE_ONE_DESTINATION);
    destination("192.0.2.8", 5000);
    expect(CTW_CAUSE_TOO_SMALL);
}

static void icmp_of_both_families_is_added(void **state) {
    (void)state;
    talkers.icmp_permyriad = 2000;
    talkers.icmpv6_permyriad = 3000;
    expect(CTW_CAUSE_ICMP);
    assert_int_equal(d.permyriad, 5000);
}

/* Queries to a translated resolver on loopback must be tracked; other loopback is named as such. */
static void loopback_with_translated_queries_is_dns(void **state) {
    (void)state;
    talkers.loopback_permyriad = 9000;
    talkers.dns_permyriad = 2500;
    expect(CTW_CAUSE_LOOPBACK);
    talkers.loopback_nat_permyriad = 1;
    expect(CTW_CAUSE_DNS);
    talkers.dns_permyriad = 2499;
    expect(CTW_CAUSE_LOOPBACK);
}

static void fill_without_a_sample_is_unknown(void **state) {
    (void)state;
    facts.talkers = NULL;
    expect(CTW_CAUSE_UNKNOWN);
    facts = (struct ctw_cause_facts){0};
    expect(CTW_CAUSE_UNKNOWN);
    facts.talkers = &talkers; /* of a whole dump that found nothing */
    talkers.entries = 0;
    expect(CTW_CAUSE_UNKNOWN);
}

static void table_of_one_entry_has_a_cause(void **state) {
    (void)state;
    table = (struct ctw_sample){.count = 1, .max = 1};
    talkers.entries = 1;
    source("192.0.2.7", 10000);
    expect(CTW_CAUSE_ONE_SOURCE);
    talkers.entries = 0;
    talkers.unconfirmed = 1;
    expect(CTW_CAUSE_UNCONFIRMED);
    assert_int_equal(d.permyriad, 10000);
}

static void unconfirmed_is_half_of_a_whole_table(void **state) {
    (void)state;
    talkers.unconfirmed = 5000;
    expect(CTW_CAUSE_UNCONFIRMED);
    assert_int_equal(d.permyriad, 5000);
    assert_string_equal(d.culprit, "");
    host.has_queue = true; /* empty: something else holds them */
    expect(CTW_CAUSE_UNCONFIRMED);
    assert_string_equal(d.culprit, "");
    host.queue_held = 1;
    host.queue_number = 65535;
    expect(CTW_CAUSE_UNCONFIRMED);
    assert_string_equal(d.culprit, "65535");
    talkers.unconfirmed = 4999;
    expect(CTW_CAUSE_TOO_SMALL);
    talkers.unconfirmed = UINT32_MAX;
    expect(CTW_CAUSE_UNCONFIRMED);
}

/* --- culprits --------------------------------------------------------------------------------- */

static void source_is_parsed(void **state) {
    static const struct {
        const char *name;
        uint8_t family, prefix, first, last;
        bool is_address;
    } cases[] = {
        {"192.0.2.7", AF_INET, 32, 192, 7, true},
        {"2001:db8::7", AF_INET6, 128, 0x20, 0, true},
        {"2001:db8:1::/64", AF_INET6, 64, 0x20, 0, true},
        {"fe80::1", AF_INET6, 128, 0xfe, 0, true},
        {"::ffff:192.0.2.7", AF_INET6, 128, 0, 0, true},
        {"192.0.2.7/33", AF_INET, 0, 0, 0, false},
        {"2001:db8::/129", AF_INET6, 0, 0, 0, false},
        {"2001:db8::/", AF_INET6, 0, 0, 0, false},
        {"$(reboot)", AF_INET, 0, 0, 0, false},
        {"", AF_INET, 0, 0, 0, false},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        source(cases[i].name, 6000);
        expect(CTW_CAUSE_ONE_SOURCE);
        assert_string_equal(d.culprit, cases[i].name);
        assert_int_equal(d.has_address, cases[i].is_address);
        if (!d.has_address)
            continue;
        assert_int_equal(d.family, cases[i].family);
        assert_int_equal(d.prefix, cases[i].prefix);
        assert_int_equal(d.address[0], cases[i].first);
        assert_int_equal(d.address[3], d.family == AF_INET ? cases[i].last : d.address[3]);
        assert_false(d.has_port);
    }
}

static void destination_has_the_port_of_most_of_its_entries(void **state) {
    (void)state;
    destination("198.51.100.7", 6000);
    talkers.service = busiest("198.51.100.7", 443, 3001);
    expect(CTW_CAUSE_ONE_DESTINATION);
    assert_string_equal(d.culprit, "198.51.100.7");
    assert_true(d.has_address && d.has_port);
    assert_int_equal(d.port, 443);
    assert_int_equal(d.protocol, IPPROTO_TCP);
    talkers.service.address.permyriad = 3000;
    expect(CTW_CAUSE_ONE_DESTINATION);
    assert_true(d.has_address && !d.has_port);
    talkers.service = busiest("198.51.100.8", 443, 3999);
    expect(CTW_CAUSE_ONE_DESTINATION);
    assert_string_equal(d.culprit, "198.51.100.7");
    assert_false(d.has_port);
}

static void flood_names_its_target(void **state) {
    (void)state;
    talkers.half_open_permyriad = 9000;
    talkers.service = busiest("198.51.100.7", 25, 5000);
    expect(CTW_CAUSE_SYN_FLOOD);
    assert_string_equal(d.culprit, "198.51.100.7");
    assert_int_equal(d.port, 25);
    talkers.service.address.permyriad = 4999;
    expect(CTW_CAUSE_SYN_FLOOD);
    assert_string_equal(d.culprit, "");
    assert_false(d.has_port);
}

/* --- losses ----------------------------------------------------------------------------------- */

static void refusals_are_of_expectations_memory_or_a_helper(void **state) {
    (void)state;
    facts.trouble = CTW_TROUBLE_BELOW_MAX;
    host.has_expectations = true;
    host.expect_max = 256;
    host.expectations = 244; /* 95.3 % */
    (void)snprintf(host.expect_helper, sizeof(host.expect_helper), "sip");
    expect(CTW_CAUSE_EXPECTATIONS);
    assert_string_equal(d.culprit, "sip");
    host.expectations = 243; /* 94.9 % */
    expect(CTW_CAUSE_HELPER);
    assert_string_equal(d.culprit, "sip");
    host.memory.available_bytes = 32 * MIB;
    expect(CTW_CAUSE_HELPER);
    host.memory.available_bytes--;
    expect(CTW_CAUSE_MEMORY);
    host.memory.has_available = false;
    expect(CTW_CAUSE_UNKNOWN);
    host.expect_max = 0; /* no limit is known */
    host.expectations = UINT32_MAX;
    expect(CTW_CAUSE_UNKNOWN);
    facts.host = NULL;
    expect(CTW_CAUSE_UNKNOWN);
}

static void clashes_of_a_busy_destination_are_of_nat_ports(void **state) {
    (void)state;
    facts.trouble = CTW_TROUBLE_CLASHES;
    expect(CTW_CAUSE_CLASH_RACE);
    talkers.snat_service = busiest("198.51.100.7", 443, 2500);
    expect(CTW_CAUSE_NAT_PORTS);
    assert_string_equal(d.culprit, "198.51.100.7");
    assert_int_equal(d.port, 443);
    talkers.snat_service.address.permyriad = 2499;
    expect(CTW_CAUSE_CLASH_RACE);
    talkers.snat_service = busiest("198.51.100.7", 53, 9000);
    expect(CTW_CAUSE_CLASH_RACE);
    table.count = 161280; /* 16128 of them to one destination, a quarter of all ports */
    talkers.snat_service.address.permyriad = 1000;
    expect(CTW_CAUSE_NAT_PORTS);
    table.count--;
    expect(CTW_CAUSE_CLASH_RACE);
    facts.talkers = NULL;
    expect(CTW_CAUSE_CLASH_RACE);
}

static void any_trouble_is_that_of_the_largest_loss(void **state) {
    (void)state;
    host.has_expectations = true;
    host.expectations = host.expect_max = 256;
    source("192.0.2.7", 9000);
    expect(CTW_CAUSE_ONE_SOURCE); /* nothing was lost: the fill */
    losses = (struct ctw_losses){.drops = 5, .chain_too_long = 5, .other_drops = 5, .clashes = 5};
    expect(CTW_CAUSE_ONE_SOURCE);
    losses.drops = 0;
    expect(CTW_CAUSE_TOO_FEW_BUCKETS);
    losses.early_drops = 6;
    expect(CTW_CAUSE_ONE_SOURCE);
    losses.other_drops = 7;
    expect(CTW_CAUSE_EXPECTATIONS);
    losses.clashes = UINT64_MAX;
    expect(CTW_CAUSE_CLASH_RACE);
    facts.losses = NULL;
    expect(CTW_CAUSE_ONE_SOURCE);
}

/* --- alerts ----------------------------------------------------------------------------------- */

static void alert_names_the_cause_of_its_kind(void **state) {
    static const struct {
        enum ctw_alert_kind kind;
        const char *cause;
    } cases[] = {
        {CTW_ALERT_USAGE, "one_source"},
        {CTW_ALERT_FORECAST, "one_source"},
        {CTW_ALERT_TABLE_FULL, "one_source"},
        {CTW_ALERT_EARLY_DROP, "one_source"},
        {CTW_ALERT_CHAIN_TOO_LONG, "too_few_buckets"},
        {CTW_ALERT_DROPPED_BELOW_MAX, "helper"},
        {CTW_ALERT_INSERT_FAILED, "clash_race"},
        {CTW_ALERT_EXPECT_FULL, "expectations"},
        {CTW_ALERT_GREW, NULL},
        {CTW_ALERT_GROWTH_REFUSED, NULL},
        {CTW_ALERT_GROWTH_DRY_RUN, NULL},
        {CTW_ALERT_LIMIT_CHANGED, NULL},
        {CTW_ALERT_EVENTS_LOST, NULL},
        {CTW_ALERT_BLIND, NULL},
        {CTW_ALERT_SIGHTED, NULL},
        {CTW_ALERT_CONFIG, NULL},
    };

    (void)state;
    source("192.0.2.7", 9000);
    for (size_t i = 0; i < LENGTH(cases); i++) {
        struct ctw_alert a = full(cases[i].kind, CTW_EDGE_BEGIN);
        a.talkers = &talkers;
        a.host = &host;
        assert_field(&a, "CTWATCH_CAUSE", cases[i].cause);
        a.edge = CTW_EDGE_END;
        assert_field(&a, "CTWATCH_CAUSE", NULL);
    }
}

static void alert_of_a_limit_names_a_writer_that_lowered_it(void **state) {
    struct ctw_alert a = own(CTW_ALERT_LIMIT_CHANGED, CTW_EDGE_BEGIN, CTW_LEVEL_OK);

    (void)state;
    a.max_changed = true;
    a.old_max = 2000;
    a.new_max = 1999;
    assert_field(&a, "CTWATCH_CAUSE", "foreign_writer");
    a.new_max = 2001;
    assert_field(&a, "CTWATCH_CAUSE", NULL);
    a.new_max = 0; /* no limit any more */
    assert_field(&a, "CTWATCH_CAUSE", NULL);
    a.old_max = 0;
    a.new_max = 2000;
    assert_field(&a, "CTWATCH_CAUSE", "foreign_writer");
    a = own(CTW_ALERT_GROWTH_REFUSED, CTW_EDGE_BEGIN, CTW_LEVEL_OK);
    a.growth_refusal = CTW_GROWTH_FOREIGN_WRITER;
    assert_field(&a, "CTWATCH_CAUSE", "foreign_writer");
}

static void alert_of_another_namespace_or_level_ok(void **state) {
    struct ctw_alert a = other_netns(CTW_EDGE_BEGIN, 4026532246, "");

    (void)state;
    assert_field(&a, "CTWATCH_CAUSE", "other_netns");
    a = own(CTW_ALERT_USAGE, CTW_EDGE_REMINDER, CTW_LEVEL_OK); /* requested */
    a.talkers = &talkers;
    assert_field(&a, "CTWATCH_CAUSE", NULL);
    a.level = CTW_LEVEL_WARNING;
    assert_field(&a, "CTWATCH_CAUSE", "too_small");
    talkers.known = false;
    assert_field(&a, "CTWATCH_CAUSE", "unknown");
}

#define TEST(f) cmocka_unit_test_setup(f, start)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(share_names_its_cause_from_a_bound_on),
        TEST(several_are_named_in_a_fixed_order),
        TEST(icmp_of_both_families_is_added),
        TEST(loopback_with_translated_queries_is_dns),
        TEST(fill_without_a_sample_is_unknown),
        TEST(table_of_one_entry_has_a_cause),
        TEST(unconfirmed_is_half_of_a_whole_table),
        TEST(source_is_parsed),
        TEST(destination_has_the_port_of_most_of_its_entries),
        TEST(flood_names_its_target),
        TEST(refusals_are_of_expectations_memory_or_a_helper),
        TEST(clashes_of_a_busy_destination_are_of_nat_ports),
        TEST(any_trouble_is_that_of_the_largest_loss),
        TEST(alert_names_the_cause_of_its_kind),
        TEST(alert_of_a_limit_names_a_writer_that_lowered_it),
        TEST(alert_of_another_namespace_or_level_ok),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
