/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/kernel/kmsg.h"

#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))

/* Parses a copy of exactly the record's size, so that a sanitizer sees the first byte too far. */
static int parse_bytes(const char *record, size_t length, struct ctw_kmsg *ret) {
    char *copy = malloc(length ? length : 1);
    int r;

    assert_non_null(copy);
    memcpy(copy, record, length);
    r = ctw_kmsg_parse(copy, length, ret);
    free(copy);
    return r;
}

static struct ctw_kmsg parse(const char *record) {
    struct ctw_kmsg k;
    int r = parse_bytes(record, strlen(record), &k);

    if (r != 0)
        fail_msg("%s: %d", record, r);
    return k;
}

/* A record of the kernel's own with this text. */
static struct ctw_kmsg parse_text(const char *text) {
    char record[CTW_KMSG_RECORD_MAX];
    int n = snprintf(record, sizeof(record), "4,352,979882514,-;%s\n", text);

    assert_in_range(n, 1, sizeof(record) - 1);
    return parse(record);
}

static void expect_kind(const char *text, enum ctw_kmsg_kind kind) {
    struct ctw_kmsg k = parse_text(text);

    if (k.kind != kind)
        fail_msg("\"%s\" is of kind %d, not %d", text, (int)k.kind, (int)kind);
}

static void parse_returns_sequence_and_time(void **state) {
    struct ctw_kmsg k = parse("6,18446744073709551615,979882514,-;hello\n");

    (void)state;
    assert_int_equal(k.kind, CTW_KMSG_OTHER);
    assert_true(k.sequence == UINT64_MAX);
    assert_int_equal(k.usec, 979882514);
}

static void parse_each_form_of_table_full(void **state) {
    static const char *const spellings[] = {
        "ip_conntrack: maximum limit of 8192 entries exceeded",
        "ip_conntrack: table full, dropping packet.",
        "nf_conntrack: table full, dropping packet.",
        "nf_conntrack: table full, dropping packet",
        "nf_conntrack: nf_conntrack: table full, dropping packet",
        "nf_conntrack: nf_conntrack: table full in netns 4026532246, dropping packet",
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(spellings); i++)
        expect_kind(spellings[i], CTW_KMSG_TABLE_FULL);
}

static void parse_netns_is_its_inode(void **state) {
    (void)state;
    assert_int_equal(
        parse_text("nf_conntrack: nf_conntrack: table full in netns 4026532246, dropping packet")
            .netns_inode,
        4026532246);
    assert_int_equal(parse_text("nf_conntrack: table full, dropping packet").netns_inode, 0);
}

static void parse_expectation_table_full_is_its_own_kind(void **state) {
    (void)state;
    expect_kind("nf_conntrack: expectation table full", CTW_KMSG_EXPECT_FULL);
    expect_kind("nf_conntrack: nf_conntrack: expectation table full", CTW_KMSG_EXPECT_FULL);
    expect_kind("nf_conntrack: expectation table full, dropping packet", CTW_KMSG_OTHER);
}

static void parse_each_form_of_suppression(void **state) {
    static const char *const spellings[] = {
        "NET: 17 messages suppressed.",           "printk: 17 messages suppressed.",
        "__ratelimit: 17 messages suppressed",    "__ratelimit: 17 callbacks suppressed",
        "net_ratelimit: 17 callbacks suppressed",
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(spellings); i++) {
        expect_kind(spellings[i], CTW_KMSG_SUPPRESSED);
        assert_int_equal(parse_text(spellings[i]).suppressed, 17);
    }
}

static void parse_similar_line_is_other(void **state) {
    static const char *const texts[] = {
        "nf_conntrack: falling back to vmalloc.",
        "neighbour: arp_cache: neighbor table overflow!",
        "Set myset is full, maxelem 65536 reached",
        "ipset: table full, dropping packet",
        "table full, dropping packet",
        "nf_conntrack: table full",
        "nf_conntrack: table full, dropping packets",
        "nf_conntrack: table full, dropping packet..",
        "nf_conntrack: table full, dropping packet. And more",
        "nf_conntrack: table full, dropping packet\\x0a",
        "nf_conntrack: table full in netns , dropping packet",
        "nf_conntrack: table full in netns -1, dropping packet",
        "nf_conntrack: table full in netns 4026532246",
        "nf_conntrack: table full in netns 4026532246 dropping packet",
        "nf_conntrack: nf_conntrack: nf_conntrack: table full, dropping packet",
        "nf_conntrack: ip_conntrack: table full, dropping packet",
        "nf_conntrack:table full, dropping packet",
        "NF_CONNTRACK: TABLE FULL, DROPPING PACKET",
        "ip_conntrack: maximum limit of -1 entries exceeded",
        "nf_conntrack: ",
        "",
        "some_user: 17 callbacks suppressed",
        "net_ratelimit: callbacks suppressed",
        "net_ratelimit: 17 callbacks suppressed, or so",
        "NET: 17 callbacks suppressed",
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(texts); i++)
        expect_kind(texts[i], CTW_KMSG_OTHER);
}

static void parse_quoted_loss_line_is_other(void **state) {
    (void)state;
    expect_kind("usb 1-1: Product: nf_conntrack: table full, dropping packet", CTW_KMSG_OTHER);
    expect_kind(" nf_conntrack: table full, dropping packet", CTW_KMSG_OTHER);
}

static void parse_other_facility_is_other(void **state) {
    struct ctw_kmsg k = {0};

    (void)state;
    for (unsigned level = 0; level < 8; level++) {
        char record[128];

        snprintf(record, sizeof(record), "%u,1,2,-;nf_conntrack: table full, dropping packet\n",
                 level);
        assert_int_equal(parse(record).kind, CTW_KMSG_TABLE_FULL);
    }
    k = parse("12,395,1210965343,-;nf_conntrack: table full, dropping packet\n");
    assert_int_equal(k.kind, CTW_KMSG_OTHER);
    assert_int_equal(k.sequence, 395);
    k = parse("2047,395,1210965343,-;net_ratelimit: 5 callbacks suppressed\n");
    assert_int_equal(k.kind, CTW_KMSG_OTHER);
    assert_int_equal(k.suppressed, 0);
}

static void parse_further_header_fields_are_accepted(void **state) {
    (void)state;
    assert_int_equal(parse("4,1,2,-,caller=T123;nf_conntrack: table full, dropping packet\n").kind,
                     CTW_KMSG_TABLE_FULL);
    assert_int_equal(parse("4,1,2,c,a=b,c=d;nf_conntrack: table full, dropping packet\n").kind,
                     CTW_KMSG_TABLE_FULL);
}

static void parse_dictionary_lines_are_ignored(void **state) {
    (void)state;
    assert_int_equal(parse("4,1,2,-;nf_conntrack: table full, dropping packet\n"
                           " SUBSYSTEM=net\n DEVICE=+net:eth0\n")
                         .kind,
                     CTW_KMSG_TABLE_FULL);
    assert_int_equal(parse("6,1,2,-;usb 1-1: new device\n"
                           " nf_conntrack: table full, dropping packet\n"
                           "nf_conntrack: table full, dropping packet\n"
                           "4,1,2,-;nf_conntrack: table full, dropping packet\n")
                         .kind,
                     CTW_KMSG_OTHER);
}

static void parse_number_too_large_is_other(void **state) {
    (void)state;
    expect_kind("nf_conntrack: table full in netns 18446744073709551615, dropping packet",
                CTW_KMSG_TABLE_FULL);
    expect_kind("nf_conntrack: table full in netns 18446744073709551616, dropping packet",
                CTW_KMSG_OTHER);
    expect_kind("net_ratelimit: 4294967295 callbacks suppressed", CTW_KMSG_SUPPRESSED);
    expect_kind("net_ratelimit: 4294967296 callbacks suppressed", CTW_KMSG_OTHER);
    expect_kind("ip_conntrack: maximum limit of 99999999999999999999999 entries exceeded",
                CTW_KMSG_OTHER);
}

static void parse_without_header_is_malformed(void **state) {
    static const char *const records[] = {
        "",
        "\n",
        ";",
        "4",
        "4,352,979882514,-",
        "4,352,979882514;text\n",
        "4,352,979882514,;text\n",
        "4,352,979882514,-\n;nf_conntrack: table full, dropping packet\n",
        ",352,979882514,-;text\n",
        "4,,979882514,-;text\n",
        "4,352,,-;text\n",
        "-4,352,979882514,-;text\n",
        " 4,352,979882514,-;text\n",
        "4294967296,352,979882514,-;text\n",
        "4,18446744073709551616,979882514,-;text\n",
        "4,352,18446744073709551616,-;text\n",
        "<4>nf_conntrack: table full, dropping packet\n",
    };
    struct ctw_kmsg untouched, k;

    (void)state;
    memset(&untouched, 0x5a, sizeof(untouched));
    for (size_t i = 0; i < LENGTH(records); i++) {
        memcpy(&k, &untouched, sizeof(k));
        if (parse_bytes(records[i], strlen(records[i]), &k) != -EBADMSG)
            fail_msg("\"%s\" passes for a record", records[i]);
        assert_memory_equal(&k, &untouched, sizeof(k));
    }
}

static void parse_any_bytes_of_full_size(void **state) {
    static const char header[] = "4,1,2,-;nf_conntrack: table full, dropping packet";
    char record[CTW_KMSG_RECORD_MAX];
    struct ctw_kmsg k;

    (void)state;
    for (unsigned byte = 0; byte < 256; byte++) {
        memset(record, (int)byte, sizeof(record));
        memcpy(record, header, sizeof(header) - 1);
        assert_int_equal(parse_bytes(record, sizeof(record), &k), 0);
        assert_int_equal(k.kind, byte == '\n' ? CTW_KMSG_TABLE_FULL : CTW_KMSG_OTHER);
    }
    for (size_t length = 0; length < sizeof(header) - 1; length++) {
        int r = parse_bytes(header, length, &k);

        assert_true(r == -EBADMSG || k.kind == CTW_KMSG_OTHER);
    }
}

static struct ctw_kmsg full_line(uint64_t inode, uint64_t usec) {
    return (struct ctw_kmsg){.kind = CTW_KMSG_TABLE_FULL, .netns_inode = inode, .usec = usec};
}

static void counts_each_kind_separately(void **state) {
    const struct ctw_kmsg records[] = {
        {.kind = CTW_KMSG_OTHER, .usec = 900},
        full_line(0, 100),
        full_line(0, 200),
        {.kind = CTW_KMSG_EXPECT_FULL, .usec = 800},
        {.kind = CTW_KMSG_SUPPRESSED, .suppressed = UINT32_MAX, .usec = 850},
        {.kind = CTW_KMSG_SUPPRESSED, .suppressed = 1, .usec = 860},
        full_line(4026532246, 150),
    };
    struct ctw_log_counts t = {0};

    (void)state;
    for (size_t i = 0; i < LENGTH(records); i++)
        ctw_log_counts_add(&t, &records[i]);
    assert_int_equal(t.full_lines, 2);
    assert_int_equal(t.expect_lines, 1);
    assert_int_equal(t.suppressed, UINT64_C(4294967296));
    assert_int_equal(t.n_netns, 1);
    assert_int_equal(t.netns[0].inode, 4026532246);
    assert_int_equal(t.netns[0].lines, 1);
    assert_int_equal(t.other_netns_lines, 0);
    assert_int_equal(t.lost_records, 0);
    assert_int_equal(t.last_usec, 200);
}

static void counts_further_namespaces_together(void **state) {
    struct ctw_log_counts t = {0};

    (void)state;
    for (unsigned round = 0; round < 2; round++)
        for (uint64_t inode = 1; inode <= CTW_LOG_COUNTS_NETNS_MAX + 3; inode++) {
            struct ctw_kmsg k = full_line(inode, inode);

            ctw_log_counts_add(&t, &k);
        }
    assert_int_equal(t.n_netns, CTW_LOG_COUNTS_NETNS_MAX);
    for (uint64_t i = 0; i < CTW_LOG_COUNTS_NETNS_MAX; i++) {
        assert_int_equal(t.netns[i].inode, i + 1);
        assert_int_equal(t.netns[i].lines, 2);
    }
    assert_int_equal(t.other_netns_lines, 6);
    assert_int_equal(t.full_lines, 0);
    assert_int_equal(t.last_usec, CTW_LOG_COUNTS_NETNS_MAX + 3);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parse_returns_sequence_and_time),
        cmocka_unit_test(parse_each_form_of_table_full),
        cmocka_unit_test(parse_netns_is_its_inode),
        cmocka_unit_test(parse_expectation_table_full_is_its_own_kind),
        cmocka_unit_test(parse_each_form_of_suppression),
        cmocka_unit_test(parse_similar_line_is_other),
        cmocka_unit_test(parse_quoted_loss_line_is_other),
        cmocka_unit_test(parse_other_facility_is_other),
        cmocka_unit_test(parse_further_header_fields_are_accepted),
        cmocka_unit_test(parse_dictionary_lines_are_ignored),
        cmocka_unit_test(parse_number_too_large_is_other),
        cmocka_unit_test(parse_without_header_is_malformed),
        cmocka_unit_test(parse_any_bytes_of_full_size),
        cmocka_unit_test(counts_each_kind_separately),
        cmocka_unit_test(counts_further_namespaces_together),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
