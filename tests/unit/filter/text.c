/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lib/kernel/names.h"
#include "tests/support/filter_print.h"

#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))

/* Stands in for connlabel.conf. */
static int label_bit(const char *name, void *userdata) {
    (void)userdata;
    return strcmp(name, "voip") == 0 ? 5 : strcmp(name, "last") == 0 ? 127 : -1;
}

static struct ctw_filter filter;
static struct ctw_filter_error error;

static int parse(const char *text) {
    return ctw_filter_parse(text, strlen(text), label_bit, NULL, &filter, &error);
}

static const char *printed(const char *text) {
    static char buffer[4 * CTW_FILTER_TEXT_MAX];

    if (parse(text) < 0)
        fail_msg("%s: %s", text, error.message.text);
    assert_in_range(filter_print(&filter, buffer, sizeof(buffer)), 1, sizeof(buffer) - 1);
    return buffer;
}

/* --- what is meant ---------------------------------------------------------------------------- */

static const struct {
    const char *text, *means;
} cases[] = {
    {"src 10.0.0.0/8 and tcp dport 443 and not assured",
     "src 10.0.0.0/8 and tcp and dport 443 and not assured"},
    {"src 192.0.2.7", "src 192.0.2.7"},
    {"saddr 192.0.2.7 daddr 2001:db8::1", "src 192.0.2.7 and dst 2001:db8::1"},
    {"src 192.0.2.7/24", "src 192.0.2.0/24"},
    {"host 192.0.2.7", "host 192.0.2.7"},
    {"net 10", "net 10.0.0.0/8"},
    {"net 10/8", "net 10.0.0.0/8"},
    {"net 192.168/16", "net 192.168.0.0/16"},
    {"net 192.168", "net 192.168.0.0/16"},
    {"net 10.1.2.3", "host 10.1.2.3"},
    {"net 2001:DB8::/32", "net 2001:db8::/32"},
    {"src host 10.0.0.1", "src 10.0.0.1"},
    {"dst net 10/8", "dst 10.0.0.0/8"},
    {"src port 53", "sport 53"},
    {"dst port 1000-2000", "dport 1000-2000"},
    {"reply src 10.0.0.1", "reply src 10.0.0.1"},
    {"reply dst port 80", "reply dport 80"},
    {"reply sport 80", "reply sport 80"},
    {"src 0.0.0.0/0", "src 0.0.0.0/0"},
    {"dst ::/0", "dst ::/0"},
    {"dst ::ffff:10.0.0.1", "dst ::ffff:10.0.0.1"},
    {"port 80,443", "port 80 or port 443"},
    {"dport { 80, 443, 8000-8080 } tcp", "(dport 80 or dport 443 or dport 8000-8080) and tcp"},
    {"dport != 80,443", "not (dport 80 or dport 443)"},
    {"dport != 80", "not dport 80"},
    {"dport < 1024", "dport 0-1023"},
    {"dport >= 1024", "dport 1024-65535"},
    {"sport = 5", "sport 5"},
    {"sport==5", "sport 5"},
    {"timeout < 1h", "timeout 0-3599"},
    {"timeout<=1h", "timeout 0-3600"},
    {"timeout > 5d", "timeout >= 432001"},
    {"timeout 10s-1min", "timeout 10-60"},
    {"bytes > 10MiB", "bytes >= 10485761"},
    {"packets 1", "packets 1"},
    {"zone 3", "zone 3"},
    {"zone 0-7", "zone 0-7"},
    {"mark 0x10/0xf0", "mark 0x10/0xf0"},
    {"mark 16", "mark 0x10/0xffffffff"},
    {"mark != 0", "not mark 0x0/0xffffffff"},
    {"label voip", "label 5"},
    {"label 127", "label 127"},
    {"helper ftp", "helper ftp"},
    {"helper and", "helper and"},
    {"state ESTABLISHED", "state ESTABLISHED"},
    {"state established,time_wait", "state ESTABLISHED or state TIME_WAIT"},
    {"state COOKIE_WAIT", "state COOKIE_WAIT"},
    {"state PARTOPEN", "state PARTOPEN"},
    {"icmp6 or ip6 or ip or family ipv6", "icmpv6 or family ipv6 or family ipv4 or family ipv6"},
    {"proto 47 or proto tcp or proto 99", "gre or tcp or proto 99"},
    {"unreplied and nat", "not replied and nat"},
    {"snat || dnat && !assured", "snat or dnat and not assured"},
    {"(snat or dnat) and assured", "(snat or dnat) and assured"},
    {"((tcp))", "tcp"},
    {"NOT TCP", "not tcp"},
    {"not not tcp", "not not tcp"},
    /* not takes the words that stand side by side */
    {"not tcp dport 443", "not (tcp and dport 443)"},
    {"not tcp dport 443 and assured", "not (tcp and dport 443) and assured"},
    {"not tcp and dport 443", "not tcp and dport 443"},
    {"tcp not assured", "tcp and not assured"},
    {"!(tcp or udp) and src 10/8", "not (tcp or udp) and src 10.0.0.0/8"},
    {"tcp (dport 1 or dport 2)", "tcp and (dport 1 or dport 2)"},
    {"\ttcp\nand\r\nudp ", "tcp and udp"},
};

static void parse_case_means_its_program(void **state) {
    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++)
        assert_string_equal(printed(cases[i].text), cases[i].means);
}

static void printed_program_parses_into_itself(void **state) {
    static struct ctw_filter before;

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        const char *text = printed(cases[i].text);
        before = filter;
        assert_string_equal(printed(text), cases[i].means);
        assert_int_equal(filter.n, before.n);
        assert_int_equal(filter.root, before.root);
        assert_memory_equal(filter.nodes + 1, before.nodes + 1,
                            (filter.n - 1u) * sizeof(filter.nodes[0]));
    }
}

/* --- what is refused -------------------------------------------------------------------------- */

static void refused_filter_points_at_the_word(void **state) {
    static const struct {
        const char *text, *word, *message; /* word "": the end */
    } wrong[] = {
        {"", "", "at the end: the filter is empty, a condition is missing: src, dst, host"},
        {"  \t", "", "at the end: the filter is empty"},
        {"tcp dprot 443", "dprot", "word 'dprot': is no condition: src, dst, host, net"},
        {"10.0.0.1", "10.0.0.1",
         "word '10.0.0.1': is a value: src, dst, host, net or port is missing"},
        {"src", "", "at the end: src needs 10.0.0.1, 10.0.0.0/8"},
        {"src and dst 10.0.0.1", "and", "word 'and': is no address: 10.0.0.1, 10.0.0.0/8"},
        {"src 10.0.0.0/33", "10.0.0.0/33", "word '10.0.0.0/33': is no address"},
        {"src 10", "10", "word '10': is no address"},
        {"src 010.0.0.1", "010.0.0.1", "is no address"},
        {"src 10.0.0.1.", "10.0.0.1.", "is no address"},
        {"src fe80::1%eth0", "fe80::1%eth0", "is no address"},
        {"src localhost", "localhost", "names are not resolved"},
        {"host 10.0.0.0/8", "10.0.0.0/8", "is a prefix: host takes one address, net a prefix"},
        {"dport 65536", "65536", "word '65536': is not a port, 443, or a range, 1000-2000"},
        {"dport http", "http", "is not a port"},
        {"dport 2-1", "2-1", "word '2-1': ends before it begins"},
        {"dport 1-", "1-", "is not a port"},
        {"dport 80,", "", "at the end: dport needs a port"},
        {"dport { 80", "", "at the end: '}' or ',' is missing"},
        {"dport < 0", "0", "word '0': nothing is below that"},
        {"dport > 65535", "65535", "nothing is above that"},
        {"dport < 1-2", "1-2", "word '1-2': is a range, behind '<' one value is needed"},
        {"src < 10.0.0.1", "<", "word '<': src has no order, only = and != are allowed"},
        {"timeout < 1y", "1y", "is not a time in whole seconds"},
        {"timeout < 500ms", "500ms", "is not a time in whole seconds"},
        {"timeout < -1", "-1", "is not a time"},
        {"zone 65536", "65536", "is not a zone"},
        {"mark 0x", "0x", "word '0x': is no mark: 16, 0x10 or 0x10/0xf0"},
        {"mark 0x100000000", "0x100000000", "is no mark"},
        {"mark 1/0", "1/0", "has the mask 0"},
        {"mark 0x10/0x0f", "0x10/0x0f", "has bits outside of its mask"},
        {"label nonsense", "nonsense", "is no label of connlabel.conf"},
        {"label 128", "128", "is no number of a label, 0 to 127"},
        {"label vo\x01ip", "vo\x01ip", "word 'vo?ip': has a control character"},
        {"label vo\xc3\xa9", "vo\xc3\xa9", "or one that is not ASCII"},
        {"helper a-very-long-name", "a-very-long-name", "is too long for a helper, at most 15"},
        {"state BOGUS", "BOGUS", "is no state of TCP, SCTP or DCCP"},
        {"proto 256", "256", "is no protocol"},
        {"family 4", "4", "is no family: ipv4 or ipv6"},
        {"reply tcp", "tcp", "reply needs src, dst, sport or dport"},
        {"reply host 10.0.0.1", "host", "reply needs src"},
        {"reply", "", "at the end: reply needs src"},
        {"tcp and", "", "at the end: a condition is missing"},
        {"tcp or or udp", "or", "word 'or': a condition is missing"},
        {"and tcp", "and", "word 'and': a condition is missing"},
        {"(tcp", "", "at the end: ')' is missing, for the '(' at byte 1"},
        {"tcp)", ")", "word ')': there is no '(' before it"},
        {"()", ")", "word ')': a condition is missing"},
        {"not", "", "at the end: a condition is missing"},
        {"not tcp (dport 80)", "(", "behind not and its condition, and or or is missing"},
        {"not (tcp) dport 80", "dport", "behind not and its condition"},
        {"tcp & udp", "&", "word '&': a condition is missing"},
        {"tcp = udp", "=", "a condition is missing"},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(wrong); i++) {
        const char *text = wrong[i].text, *word = wrong[i].word;
        if (parse(text) != -EINVAL)
            fail_msg("accepted: %s", text);
        if (!strstr(error.message.text, wrong[i].message))
            fail_msg("%s: %s", text, error.message.text);
        if (error.length != strlen(word) || memcmp(text + error.offset, word, error.length) != 0)
            fail_msg("%s: points at %zu, %zu", text, error.offset, error.length);
        assert_true(error.length > 0 || error.offset == strlen(text));
    }
}

/* --- bounds ----------------------------------------------------------------------------------- */

static char text[2 * CTW_FILTER_TEXT_MAX];

/* @open, repeated, then "tcp", then @close, repeated. */
static const char *nested(const char *open, const char *close, unsigned n) {
    text[0] = '\0';
    for (unsigned i = 0; i <= 2 * n; i++)
        (void)snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s",
                       i < n    ? open
                       : i == n ? "tcp"
                                : close);
    return text;
}

static void nesting_is_bounded(void **state) {
    (void)state;
    assert_int_equal(parse(nested("(", ")", CTW_FILTER_DEPTH_MAX)), 0);
    assert_int_equal(parse(nested("not ", "", CTW_FILTER_DEPTH_MAX)), 0);
    assert_int_equal(parse(nested("(udp or (icmp and ", "))", CTW_FILTER_DEPTH_MAX / 2)), 0);
    assert_int_equal(parse(nested("(", ")", CTW_FILTER_DEPTH_MAX + 1)), -EINVAL);
    assert_non_null(
        strstr(error.message.text, "word '(': is nested too deeply, at most 32 levels"));
    assert_int_equal(error.offset, CTW_FILTER_DEPTH_MAX);
    assert_int_equal(parse(nested("!", "", CTW_FILTER_DEPTH_MAX + 1)), -EINVAL);
    assert_int_equal(parse(nested("(", ")", 2000)), -EINVAL);
    assert_int_equal(parse(nested("!", "", 4000)), -EINVAL);
    assert_int_equal(parse(nested("(udp or (icmp and ", "))", CTW_FILTER_DEPTH_MAX)), -EINVAL);
}

static void length_is_bounded(void **state) {
    (void)state;
    memset(text, ' ', sizeof(text));
    memcpy(text, "tcp", 3);
    assert_int_equal(ctw_filter_parse(text, CTW_FILTER_TEXT_MAX, NULL, NULL, &filter, &error), 0);
    assert_int_equal(ctw_filter_parse(text, CTW_FILTER_TEXT_MAX + 1, NULL, NULL, &filter, &error),
                     -EINVAL);
    assert_string_equal(error.message.text,
                        "at the end: the filter has 4097 bytes, 4096 are allowed");
}

static void conditions_are_bounded(void **state) {
    (void)state;
    text[0] = '\0';
    for (unsigned i = 0; i < CTW_FILTER_NODES_MAX; i++)
        (void)snprintf(text + strlen(text), sizeof(text) - strlen(text), "tcp ");
    text[4 * (CTW_FILTER_NODES_MAX - 1)] = '\0'; /* and one that joins them */
    assert_int_equal(parse(text), 0);
    assert_int_equal(filter.n, CTW_FILTER_NODES_MAX + 1);
    (void)snprintf(text + strlen(text), sizeof(text) - strlen(text), "udp");
    assert_int_equal(parse(text), -EINVAL);
    assert_string_equal(error.message.text,
                        "word 'udp': is too much, at most 512 conditions and words that join them");
}

static void word_is_bounded(void **state) {
    (void)state;
    (void)snprintf(text, sizeof(text), "label %0100d", 0);
    assert_int_equal(parse(text), -EINVAL);
    assert_int_equal(error.offset, 6);
    assert_int_equal(error.length, 100);
    assert_non_null(strstr(error.message.text, "...': is too long, at most 63 bytes"));
}

static void protocol_with_a_name_has_a_word(void **state) {
    (void)state;
    for (unsigned p = 0; p < 256; p++)
        if (ctw_protocol_name((uint8_t)p)) {
            assert_int_equal(parse(ctw_protocol_name((uint8_t)p)), 0);
            assert_int_equal(filter.nodes[filter.root].range.min, p);
        }
}

static void refused_filter_leaves_the_result_alone(void **state) {
    static struct ctw_filter before;

    (void)state;
    assert_int_equal(parse("tcp"), 0);
    before = filter;
    assert_int_equal(parse("tcp and bogus"), -EINVAL);
    assert_memory_equal(&filter, &before, sizeof(before));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parse_case_means_its_program),
        cmocka_unit_test(printed_program_parses_into_itself),
        cmocka_unit_test(refused_filter_points_at_the_word),
        cmocka_unit_test(nesting_is_bounded),
        cmocka_unit_test(length_is_bounded),
        cmocka_unit_test(conditions_are_bounded),
        cmocka_unit_test(word_is_bounded),
        cmocka_unit_test(protocol_with_a_name_has_a_word),
        cmocka_unit_test(refused_filter_leaves_the_result_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
