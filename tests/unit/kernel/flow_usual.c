/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The usual tuple is read without a walk: only if it really is the usual one. */

#include <errno.h>
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

struct message {
    _Alignas(struct nlmsghdr) char bytes[256];
    struct nlmsghdr *header;
    struct nlattr *attributes[7]; /* in their order */
};

static struct nlattr *here(const struct message *m) {
    return mnl_nlmsg_get_payload_tail(m->header);
}

static void make(struct message *m) {
    struct nlmsghdr *h = m->header = mnl_nlmsg_put_header(m->bytes);
    struct nfgenmsg *g = mnl_nlmsg_put_extra_header(h, sizeof(*g));

    h->nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_NEW;
    h->nlmsg_flags = NLM_F_MULTI;
    g->nfgen_family = AF_INET;
    struct nlattr *tuple = mnl_attr_nest_start(h, CTA_TUPLE_ORIG);
    m->attributes[0] = mnl_attr_nest_start(h, CTA_TUPLE_IP);
    m->attributes[1] = here(m);
    mnl_attr_put_u32(h, CTA_IP_V4_SRC, htonl(0xc0000201));
    m->attributes[2] = here(m);
    mnl_attr_put_u32(h, CTA_IP_V4_DST, htonl(0xc6336401));
    mnl_attr_nest_end(h, m->attributes[0]);
    m->attributes[3] = mnl_attr_nest_start(h, CTA_TUPLE_PROTO);
    m->attributes[4] = here(m);
    mnl_attr_put_u8(h, CTA_PROTO_NUM, IPPROTO_TCP);
    m->attributes[5] = here(m);
    mnl_attr_put_u16(h, CTA_PROTO_SRC_PORT, htons(0x1234));
    m->attributes[6] = here(m);
    mnl_attr_put_u16(h, CTA_PROTO_DST_PORT, htons(443));
    mnl_attr_nest_end(h, m->attributes[3]);
    mnl_attr_nest_end(h, tuple);
}

static int parse(const struct message *m, struct ctw_flow *ret) {
    return ctw_flow_parse(m->bytes, m->header->nlmsg_len, ret);
}

static void it_is_read_as_it_is(void **state) {
    static const uint8_t source[4] = {192, 0, 2, 1}, destination[4] = {198, 51, 100, 1};
    struct message m;
    struct ctw_flow flow;

    (void)state;
    make(&m);
    assert_int_equal(parse(&m, &flow), 0);
    assert_memory_equal(flow.source, source, 4);
    assert_memory_equal(flow.destination, destination, 4);
    assert_int_equal(flow.protocol, IPPROTO_TCP);
    assert_int_equal(flow.source_port, 0x1234);
    assert_int_equal(flow.destination_port, 443);
}

static void an_attribute_of_another_type_is_not_what_stands_there(void **state) {
    (void)state;
    for (size_t i = 0; i < 7; i++) {
        struct message m;
        struct ctw_flow flow = {0};

        make(&m);
        m.attributes[i]->nla_type = (m.attributes[i]->nla_type & NLA_F_NESTED) | 63;
        const int r = parse(&m, &flow);
        assert_int_equal(r, i < 5 ? -EBADMSG : 0);
        assert_int_equal(flow.source_port, i == 6 ? 0x1234 : 0);
        assert_int_equal(flow.destination_port, i == 5 ? 443 : 0);
    }
}

static void a_value_of_another_size_is_malformed(void **state) {
    static const size_t values[] = {1, 2, 4, 5, 6};

    (void)state;
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        struct message m;
        struct ctw_flow flow;

        make(&m);
        m.attributes[values[i]]->nla_len--;
        assert_int_equal(parse(&m, &flow), -EBADMSG);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_read_as_it_is),
        cmocka_unit_test(an_attribute_of_another_type_is_not_what_stands_there),
        cmocka_unit_test(a_value_of_another_size_is_malformed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
