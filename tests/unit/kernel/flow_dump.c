/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Dumps; flow.c tests what is in an entry. */

#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <netinet/in.h>

#include "lib/kernel/flow.h"

#define SEQUENCE 7

struct datagram {
    _Alignas(struct nlmsghdr) char bytes[4096];
    size_t length;
};

static struct nlmsghdr *message(struct datagram *d, uint16_t type, uint32_t sequence) {
    struct nlmsghdr *h = mnl_nlmsg_put_header(d->bytes + d->length);

    h->nlmsg_type = type;
    h->nlmsg_flags = NLM_F_MULTI;
    h->nlmsg_seq = sequence;
    return h;
}

static struct nlmsghdr *add_entry(struct datagram *d, uint16_t port, uint32_t sequence) {
    struct nlmsghdr *h = message(d, NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_NEW, sequence);
    struct nfgenmsg *g = mnl_nlmsg_put_extra_header(h, sizeof(*g));
    struct nlattr *tuple, *part;

    g->nfgen_family = AF_INET;
    tuple = mnl_attr_nest_start(h, CTA_TUPLE_ORIG);
    part = mnl_attr_nest_start(h, CTA_TUPLE_IP);
    mnl_attr_put_u32(h, CTA_IP_V4_SRC, htonl(0xc0000201));
    mnl_attr_put_u32(h, CTA_IP_V4_DST, htonl(0xc0000202));
    mnl_attr_nest_end(h, part);
    part = mnl_attr_nest_start(h, CTA_TUPLE_PROTO);
    mnl_attr_put_u8(h, CTA_PROTO_NUM, IPPROTO_UDP);
    mnl_attr_put_u16(h, CTA_PROTO_SRC_PORT, htons(1024));
    mnl_attr_put_u16(h, CTA_PROTO_DST_PORT, htons(port));
    mnl_attr_nest_end(h, part);
    mnl_attr_nest_end(h, tuple);
    d->length += h->nlmsg_len;
    return h;
}

static void add_end(struct datagram *d, uint16_t type, int error) {
    struct nlmsghdr *h = message(d, type, SEQUENCE);

    memcpy(mnl_nlmsg_put_extra_header(h, sizeof(error)), &error, sizeof(error));
    d->length += h->nlmsg_len;
}

struct seen {
    unsigned n;
    uint16_t port[8];
};

static void on_entry(const struct ctw_flow *flow, void *userdata) {
    struct seen *seen = userdata;

    assert_in_range(seen->n, 0, 7);
    seen->port[seen->n++] = flow->destination_port;
}

static int read_one(struct ctw_dump *dump, const struct datagram *d, struct seen *seen) {
    dump->entry = on_entry;
    dump->userdata = seen;
    return ctw_dump_read(dump, d->bytes, d->length);
}

static void dump_reads_entries_until_done(void **state) {
    struct datagram first = {.length = 0}, second = {.length = 0};
    struct ctw_dump dump = {.sequence = SEQUENCE};
    struct seen seen = {0};

    (void)state;
    add_entry(&first, 53, SEQUENCE);
    add_entry(&first, 54, SEQUENCE);
    add_entry(&second, 55, SEQUENCE);
    add_end(&second, NLMSG_DONE, 0);
    assert_int_equal(read_one(&dump, &first, &seen), 0);
    assert_false(dump.whole);
    assert_int_equal(read_one(&dump, &second, &seen), 1);
    assert_true(dump.whole);
    assert_false(dump.interrupted);
    assert_int_equal(dump.entries, 3);
    assert_int_equal(seen.port[0], 53);
    assert_int_equal(seen.port[2], 55);
}

static void dump_empty_table_is_whole(void **state) {
    struct datagram d = {.length = 0};
    struct ctw_dump dump = {.sequence = SEQUENCE, .wanted = 5};
    struct seen seen = {0};

    (void)state;
    add_end(&d, NLMSG_DONE, 0);
    assert_int_equal(read_one(&dump, &d, &seen), 1);
    assert_true(dump.whole);
    assert_int_equal(dump.entries, 0);
}

static void dump_sample_ends_inside_a_datagram(void **state) {
    struct datagram d = {.length = 0};
    struct ctw_dump dump = {.sequence = SEQUENCE, .wanted = 2};
    struct seen seen = {0};

    (void)state;
    for (uint16_t i = 0; i < 4; i++)
        add_entry(&d, i, SEQUENCE);
    assert_int_equal(read_one(&dump, &d, &seen), 1);
    assert_int_equal(seen.n, 2);
    assert_false(dump.whole);
}

static void dump_error_is_returned(void **state) {
    static const struct {
        uint16_t type;
        int error, expected;
    } cases[] = {
        {NLMSG_ERROR, -EPERM, -EPERM},    {NLMSG_ERROR, 0, 0},
        {NLMSG_DONE, -ENOBUFS, -ENOBUFS}, {NLMSG_ERROR, 1, -EBADMSG},
        {NLMSG_ERROR, INT_MIN, -EBADMSG}, {NLMSG_DONE, -5000, -EBADMSG},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct datagram d = {.length = 0};
        struct ctw_dump dump = {.sequence = SEQUENCE};
        struct seen seen = {0};

        add_end(&d, cases[i].type, cases[i].error);
        assert_int_equal(read_one(&dump, &d, &seen), cases[i].expected);
        assert_false(dump.whole);
    }
}

static void dump_interrupted_is_noted_in_any_message(void **state) {
    struct datagram d = {.length = 0};
    struct ctw_dump dump = {.sequence = SEQUENCE};
    struct seen seen = {0};

    (void)state;
    add_entry(&d, 53, SEQUENCE)->nlmsg_flags |= NLM_F_DUMP_INTR;
    add_entry(&d, 54, SEQUENCE);
    assert_int_equal(read_one(&dump, &d, &seen), 0);
    assert_true(dump.interrupted);
    assert_int_equal(seen.n, 2);
}

static void dump_of_another_request_is_ignored(void **state) {
    struct datagram d = {.length = 0};
    struct ctw_dump dump = {.sequence = SEQUENCE};
    struct seen seen = {0};

    (void)state;
    add_entry(&d, 53, SEQUENCE + 1)->nlmsg_flags |= NLM_F_DUMP_INTR;
    add_entry(&d, 54, SEQUENCE);
    assert_int_equal(read_one(&dump, &d, &seen), 0);
    assert_int_equal(seen.n, 1);
    assert_int_equal(seen.port[0], 54);
    assert_false(dump.interrupted);
}

static void dump_malformed_entry_is_ignored(void **state) {
    struct datagram d = {.length = 0};
    struct ctw_dump dump = {.sequence = SEQUENCE};
    struct seen seen = {0};
    struct nlmsghdr *h;

    (void)state;
    h = add_entry(&d, 53, SEQUENCE);
    ((struct nlattr *)mnl_nlmsg_get_payload_offset(h, sizeof(struct nfgenmsg)))->nla_len = 3;
    add_entry(&d, 54, SEQUENCE);
    assert_int_equal(read_one(&dump, &d, &seen), 0);
    assert_int_equal(dump.entries, 1);
    assert_int_equal(seen.port[0], 54);
}

/* A sanitizer sees whether a byte behind the end is read. */
static void dump_truncated_is_malformed_or_shorter(void **state) {
    struct datagram whole = {.length = 0};

    (void)state;
    add_entry(&whole, 53, SEQUENCE);
    const size_t first = whole.length;
    add_entry(&whole, 54, SEQUENCE);
    for (size_t n = 0; n < whole.length; n++) {
        struct seen seen = {0};
        struct ctw_dump dump = {.sequence = SEQUENCE, .entry = on_entry, .userdata = &seen};
        char *bytes = test_malloc(n + 1);

        memcpy(bytes, whole.bytes, n);
        const int r = ctw_dump_read(&dump, bytes, n);
        test_free(bytes);
        assert_int_equal(r, n == 0 || n == first ? 0 : -EBADMSG);
        assert_int_equal(seen.n, n >= first);
    }
}

/* Return: 1 at the second, as for a reader that has enough; -EIO at a message without content. */
static int on_message(const void *m, size_t length, void *userdata) {
    struct seen *seen = userdata;
    struct nlmsghdr header;

    memcpy(&header, m, sizeof(header));
    assert_int_equal(header.nlmsg_len, length);
    if (length == sizeof(header))
        return -EIO;
    return ++seen->n == 2;
}

static void dump_messages_end_where_the_reader_says(void **state) {
    struct datagram d = {.length = 0}, end = {.length = 0}, empty = {.length = 0};
    struct seen seen = {0};
    struct ctw_dump dump = {.sequence = SEQUENCE, .message = on_message, .userdata = &seen};

    (void)state;
    add_entry(&d, 53, SEQUENCE + 1); /* of another request */
    for (uint16_t i = 0; i < 3; i++)
        add_entry(&d, i, SEQUENCE);
    assert_int_equal(ctw_dump_read(&dump, d.bytes, d.length), 1);
    assert_int_equal(seen.n, 2);
    assert_false(dump.whole);
    empty.length += message(&empty, NFNL_SUBSYS_CTNETLINK_EXP << 8, SEQUENCE)->nlmsg_len;
    assert_int_equal(ctw_dump_read(&dump, empty.bytes, empty.length), -EIO);
    add_end(&end, NLMSG_DONE, 0);
    assert_int_equal(ctw_dump_read(&dump, end.bytes, end.length), 1);
    assert_true(dump.whole);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dump_reads_entries_until_done),
        cmocka_unit_test(dump_empty_table_is_whole),
        cmocka_unit_test(dump_messages_end_where_the_reader_says),
        cmocka_unit_test(dump_sample_ends_inside_a_datagram),
        cmocka_unit_test(dump_error_is_returned),
        cmocka_unit_test(dump_interrupted_is_noted_in_any_message),
        cmocka_unit_test(dump_of_another_request_is_ignored),
        cmocka_unit_test(dump_malformed_entry_is_ignored),
        cmocka_unit_test(dump_truncated_is_malformed_or_shorter),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
