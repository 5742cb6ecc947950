/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

#include "lib/kernel/counters.h"

#define HEADER_618                                                                                 \
    "entries  clashres found new invalid ignore delete chainlength insert insert_failed drop "     \
    "early_drop icmp_error  expect_new expect_create expect_delete search_restart\n"
#define HEADER_2632                                                                                \
    "entries  searched found new invalid ignore delete delete_list insert insert_failed drop "     \
    "early_drop icmp_error  expect_new expect_create expect_delete\n"

/* The text in memory of exactly its length, so that a sanitizer sees the first byte too far. */
static int parse(const char *text, size_t length, struct ctw_counters *ret) {
    char *exact = malloc(length > 0 ? length : 1);
    assert_non_null(exact);
    memcpy(exact, text, length);
    int r = ctw_counters_parse(exact, length, ret);
    free(exact);
    return r;
}

static struct ctw_counters parsed(const char *text) {
    struct ctw_counters c = {0};
    assert_int_equal(parse(text, strlen(text), &c), 0);
    return c;
}

static void assert_refused(const char *text, size_t length) {
    struct ctw_counters c = {.drop = 77, .early_drop = 78, .insert_failed = 79, .chainlength = 80};
    assert_int_equal(parse(text, length, &c), -EBADMSG);
    assert_int_equal(c.drop, 77);
    assert_int_equal(c.early_drop, 78);
    assert_int_equal(c.insert_failed, 79);
    assert_int_equal(c.chainlength, 80);
}

static void assert_counters(struct ctw_counters c, uint64_t drop, uint64_t early_drop,
                            uint32_t insert_failed, uint32_t chainlength) {
    assert_int_equal(c.drop, drop);
    assert_int_equal(c.early_drop, early_drop);
    assert_int_equal(c.insert_failed, insert_failed);
    assert_int_equal(c.chainlength, chainlength);
}

/* --- the text -------------------------------------------------------------------------------- */

static void parse_sums_columns_by_name(void **state) {
    (void)state;
    assert_counters(parsed(HEADER_618
                           "000003e8  00000001 00000002 00000003 00000004 00000005 00000006 "
                           "00000010 00000007 00000100 00001000 00010000 00000008  00000009 "
                           "0000000a 0000000b 0000000c\n"
                           "000003e8  00000001 00000002 00000003 00000004 00000005 00000006 "
                           "00000001 00000007 0000000f 0000abcd 00000002 00000008  00000009 "
                           "0000000a 0000000b 0000000c\n"),
                    0x1000 + 0xabcd, 0x10002, 0x10f, 0x11);
}

static void parse_delete_list_is_not_chainlength(void **state) {
    (void)state;
    assert_counters(parsed(HEADER_2632
                           "0000ffed  0412f3aa 31f0c2d1 00a10c44 00000d12 000213c5 00a0fb4b "
                           "00a0e8d0 00a0f9c9 00000011 000007d3 000002b0 00000004  00000000 "
                           "00000000 00000000 \n"),
                    0x7d3, 0x2b0, 0x11, 0);
}

static void parse_accepts_any_order_of_columns(void **state) {
    (void)state;
    assert_counters(parsed("drop chainlength early_drop insert_failed\n1 2 3 4\n"), 1, 3, 4, 2);
    assert_counters(parsed("early_drop what drop\n5 6 7\n"), 7, 5, 0, 0);
    assert_counters(parsed("drop\n9\n"), 9, 0, 0, 0);
}

static void parse_similar_column_name_is_ignored(void **state) {
    (void)state;
    assert_counters(parsed("drops drop dropp xdrop Drop\n1 2 3 4 5\n"), 2, 0, 0, 0);
    assert_refused("drops early_drop\n1 2\n", 20);
}

static void parse_more_words_than_columns_are_ignored(void **state) {
    (void)state;
    assert_counters(parsed("entries drop\n00000001 00000002 00000003\n"), 2, 0, 0, 0);
}

static void parse_sum_is_of_64_bits(void **state) {
    (void)state;
    assert_counters(parsed("drop early_drop\n80000001 fffffff0\n80000001 00000020\n"), 0x100000002,
                    0x100000010, 0, 0);
}

static void parse_counts_cpus_and_knows_the_chainlength_column(void **state) {
    (void)state;
    const struct ctw_counters now = parsed("drop chainlength\n1 2\n1 2\n"),
                              old = parsed("drop delete_list\n1 2\n");
    assert_int_equal(now.cpus, 2);
    assert_true(now.has_chainlength);
    assert_int_equal(old.cpus, 1);
    assert_false(old.has_chainlength);
}

static void parse_512_cpus_are_summed(void **state) {
    (void)state;
    enum { CPUS = 512 };
    char *text = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&text, &size);

    assert_non_null(f);
    fputs(HEADER_618, f);
    for (unsigned cpu = 0; cpu < CPUS; cpu++) {
        fprintf(f, "00040000  ");
        for (unsigned column = 1; column < 17; column++)
            fprintf(f, "%08x ", column == 10 ? cpu : 1);
        fputs("\n", f);
    }
    fclose(f);
    assert_counters(parsed(text), CPUS * (CPUS - 1) / 2, CPUS, CPUS, CPUS);
    free(text);
}

/* A truncated number could be a tenth of the true one. */
static void parse_truncated_text_is_malformed(void **state) {
    (void)state;
    static const char text[] = HEADER_618
        "00000400  00000000 00000000 00000000 00000001 00000000 00000000 00000000 00000000 "
        "00000000 000003e8 00000000 00000000  00000000 00000000 00000000 00000000\n"
        "00000400  00000000 00000000 00000000 00000001 00000000 00000000 00000000 00000000 "
        "00000000 000003e8 00000000 00000000  00000000 00000000 00000000 00000000\n";
    const size_t header = strlen(HEADER_618), line = (sizeof text - 1 - header) / 2;

    for (size_t length = 0; length < sizeof text - 1; length++)
        if (length != header + line)
            assert_refused(text, length);
    assert_counters(parsed(text), 2000, 0, 0, 0);
}

static void parse_short_line_is_malformed(void **state) {
    (void)state;
    const char *text = "entries drop early_drop\n1 2 3\n1 2\n";
    assert_refused(text, strlen(text));
}

static void parse_other_than_hexadecimal_is_malformed(void **state) {
    (void)state;
    static const char *const texts[] = {
        "",
        "\n",
        "\n\n",
        "drop\n",                                 /* a header only */
        "drop",                                   /* not even that */
        "early_drop insert_failed\n1 2\n",        /* no drop: some other file */
        "drop\r\n00000001\r\n",                   /* mangled on the way */
        "drop\n00000001\r\n",                     /* its lines only */
        "drop\n-1\n",                             /* signed */
        "drop\n0x1\n",                            /* prefixed */
        "drop\n000000001\n",                      /* wider than a u32 */
        "drop\n0000000g\n",                       /* no digit */
        "drop\n\n",                               /* an empty line */
        "drop\n1\n\n",                            /* after good ones, too */
        "drop\n1\ngarbage\n",                     /* a word */
        "drop x\n1\t2\n",                         /* no blank */
        "entries drop\n1 2\nentries drop\n1 2\n", /* twice the file */
    };

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_refused(texts[i], strlen(texts[i]));
    assert_refused("drop\n1\0002\n", 9); /* a NUL within */
    assert_refused("drop\n1\n\0", 8);    /* and behind */
}

/* --- netlink --------------------------------------------------------------------------------- */

struct message {
    _Alignas(struct nlmsghdr) char bytes[256];
    struct nlmsghdr *header;
};

static void message_init(struct message *m) {
    memset(m, 0, sizeof *m);
    m->header = mnl_nlmsg_put_header(m->bytes);
    m->header->nlmsg_type = (NFNL_SUBSYS_CTNETLINK << 8) | IPCTNL_MSG_CT_GET_STATS_CPU;
    mnl_nlmsg_put_extra_header(m->header, sizeof(struct nfgenmsg));
}

static void put(struct message *m, uint16_t attribute, uint32_t value) {
    mnl_attr_put_u32(m->header, attribute, htonl(value));
}

/* Of exactly its length, so that a sanitizer sees a read beyond it. */
static int add_bytes(const struct message *m, size_t length, struct ctw_counters *sum) {
    void *exact = malloc(length > 0 ? length : 1);
    assert_non_null(exact);
    memcpy(exact, m->bytes, length);
    int r = ctw_counters_add_netlink(exact, length, sum);
    free(exact);
    return r;
}

static void assert_adds_nothing(const struct message *m, size_t length) {
    struct ctw_counters c = {.drop = 7, .early_drop = 8, .insert_failed = 9, .chainlength = 10};
    assert_int_equal(add_bytes(m, length, &c), -EBADMSG);
    assert_counters(c, 7, 8, 9, 10);
}

static void netlink_message_is_added(void **state) {
    (void)state;
    struct ctw_counters c = {.drop = UINT32_MAX, .early_drop = 1};
    struct message m;

    message_init(&m);
    put(&m, CTA_STATS_FOUND, 1000);
    put(&m, CTA_STATS_INSERT_FAILED, 3);
    put(&m, CTA_STATS_DROP, 0x102);
    put(&m, CTA_STATS_EARLY_DROP, 5);
    put(&m, CTA_STATS_CHAIN_TOOLONG, 7);
    put(&m, CTA_STATS_MAX + 1, 1000); /* of a kernel to come */
    assert_int_equal(add_bytes(&m, m.header->nlmsg_len, &c), 0);
    assert_counters(c, 0x100000101, 6, 3, 7);
    assert_true(c.has_chainlength);
    assert_int_equal(c.cpus, 1);
}

static void netlink_without_attributes_adds_nothing(void **state) {
    (void)state;
    struct ctw_counters c = {.drop = 1};
    struct message m;

    message_init(&m);
    assert_int_equal(add_bytes(&m, m.header->nlmsg_len, &c), 0);
    assert_counters(c, 1, 0, 0, 0);
}

static void netlink_attribute_of_wrong_size_adds_nothing(void **state) {
    (void)state;
    static const uint64_t value = 1;

    for (size_t size = 0; size <= sizeof value; size++) {
        struct message m;
        message_init(&m);
        put(&m, CTA_STATS_EARLY_DROP, 5);
        mnl_attr_put(m.header, CTA_STATS_DROP, size, &value);
        if (size != sizeof(uint32_t))
            assert_adds_nothing(&m, m.header->nlmsg_len);
    }
}

static void netlink_truncated_is_malformed(void **state) {
    (void)state;
    struct message m;

    message_init(&m);
    put(&m, CTA_STATS_DROP, 1);
    put(&m, CTA_STATS_EARLY_DROP, 5);
    const uint32_t whole = m.header->nlmsg_len;
    for (uint32_t length = 0; length < whole; length++)
        assert_adds_nothing(&m, length); /* fewer bytes than it claims */

    const uint32_t empty = (uint32_t)mnl_nlmsg_size(sizeof(struct nfgenmsg));
    for (uint32_t length = 0; length < whole; length++) {
        m.header->nlmsg_len = length; /* its own claim cuts it */
        if (length != empty && length != empty + 8)
            assert_adds_nothing(&m, length > sizeof(struct nlmsghdr) ? length : whole);
    }
}

static void netlink_attribute_beyond_its_message_is_malformed(void **state) {
    (void)state;
    struct message m;

    message_init(&m);
    put(&m, CTA_STATS_DROP, 1);
    struct nlattr *a = mnl_nlmsg_get_payload_offset(m.header, sizeof(struct nfgenmsg));
    for (unsigned length = 0; length < 40; length++) {
        a->nla_len = (uint16_t)length;
        if (length != 8)
            assert_adds_nothing(&m, m.header->nlmsg_len);
    }
    a->nla_len = UINT16_MAX;
    assert_adds_nothing(&m, m.header->nlmsg_len);
}

static void netlink_other_type_is_malformed(void **state) {
    (void)state;
    static const uint16_t types[] = {
        0,
        NLMSG_ERROR,
        NLMSG_DONE,
        IPCTNL_MSG_CT_GET_STATS_CPU,
        (NFNL_SUBSYS_CTNETLINK << 8) | IPCTNL_MSG_CT_GET_STATS,
        (NFNL_SUBSYS_CTNETLINK_EXP << 8) | IPCTNL_MSG_CT_GET_STATS_CPU,
    };

    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        struct message m;
        message_init(&m);
        put(&m, CTA_STATS_DROP, 1);
        m.header->nlmsg_type = types[i];
        assert_adds_nothing(&m, m.header->nlmsg_len);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parse_sums_columns_by_name),
        cmocka_unit_test(parse_delete_list_is_not_chainlength),
        cmocka_unit_test(parse_accepts_any_order_of_columns),
        cmocka_unit_test(parse_similar_column_name_is_ignored),
        cmocka_unit_test(parse_more_words_than_columns_are_ignored),
        cmocka_unit_test(parse_sum_is_of_64_bits),
        cmocka_unit_test(parse_counts_cpus_and_knows_the_chainlength_column),
        cmocka_unit_test(parse_512_cpus_are_summed),
        cmocka_unit_test(parse_truncated_text_is_malformed),
        cmocka_unit_test(parse_short_line_is_malformed),
        cmocka_unit_test(parse_other_than_hexadecimal_is_malformed),
        cmocka_unit_test(netlink_message_is_added),
        cmocka_unit_test(netlink_without_attributes_adds_nothing),
        cmocka_unit_test(netlink_attribute_of_wrong_size_adds_nothing),
        cmocka_unit_test(netlink_truncated_is_malformed),
        cmocka_unit_test(netlink_attribute_beyond_its_message_is_malformed),
        cmocka_unit_test(netlink_other_type_is_malformed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
