/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Entries as JSON. What the library prints of them is compared with conntrack in
 * tests/netns/test_flows. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <libnetfilter_conntrack/libnetfilter_conntrack_tcp.h>

#include "daemon/cli/entry.h"

/* The entry as a line. Free it. */
static char *line_of(struct nf_conntrack *ct) {
    json_t *object = ctw_entry_to_json(ct, NULL);

    assert_non_null(object);
    char *line = json_dumps(object, JSON_COMPACT);
    json_decref(object);
    assert_non_null(line);
    return line;
}

static void expect_line(struct nf_conntrack *ct, const char *expected) {
    char *line = line_of(ct);

    assert_string_equal(line, expected);
    free(line);
    nfct_destroy(ct);
}

static void entry_tcp_reads_like_this(void **state) {
    struct nf_conntrack *ct = nfct_new();
    struct nfct_bitmask *labels = nfct_bitmask_new(127);

    (void)state;
    nfct_set_attr_u8(ct, ATTR_L3PROTO, AF_INET);
    nfct_set_attr_u8(ct, ATTR_L4PROTO, IPPROTO_TCP);
    nfct_set_attr_u32(ct, ATTR_IPV4_SRC, inet_addr("192.0.2.7"));
    nfct_set_attr_u32(ct, ATTR_IPV4_DST, inet_addr("198.51.100.1"));
    nfct_set_attr_u16(ct, ATTR_PORT_SRC, htons(40000));
    nfct_set_attr_u16(ct, ATTR_PORT_DST, htons(443));
    nfct_set_attr_u8(ct, ATTR_TCP_STATE, TCP_CONNTRACK_ESTABLISHED);
    nfct_set_attr_u32(ct, ATTR_TIMEOUT, 431999);
    nfct_set_attr_u32(ct, ATTR_STATUS, IPS_CONFIRMED | IPS_ASSURED | IPS_SRC_NAT);
    nfct_set_attr_u32(ct, ATTR_MARK, UINT32_MAX);
    nfct_set_attr_u16(ct, ATTR_ZONE, 9);
    nfct_bitmask_set_bit(labels, 0);
    nfct_bitmask_set_bit(labels, 127);
    nfct_set_attr(ct, ATTR_CONNLABELS, labels); /* which takes it */
    expect_line(ct, "{\"family\":\"ipv4\",\"protocol\":\"tcp\",\"protocol_number\":6,"
                    "\"timeout_seconds\":431999,\"state\":\"ESTABLISHED\","
                    "\"original\":{\"source\":\"192.0.2.7\",\"destination\":\"198.51.100.1\","
                    "\"source_port\":40000,\"destination_port\":443},"
                    "\"status\":[\"assured\",\"confirmed\",\"src_nat\"],\"status_bits\":28,"
                    "\"mark\":4294967295,\"zone\":9,"
                    "\"labels\":[{\"bit\":0},{\"bit\":127}]}");
}

static void entry_unknown_values_have_their_numbers(void **state) {
    struct nf_conntrack *ct = nfct_new();

    (void)state;
    nfct_set_attr_u8(ct, ATTR_L3PROTO, 7);
    nfct_set_attr_u8(ct, ATTR_L4PROTO, 253);
    nfct_set_attr_u8(ct, ATTR_TCP_STATE, 200);
    nfct_set_attr_u32(ct, ATTR_STATUS, UINT32_C(1) << 31);
    expect_line(ct, "{\"family\":\"unknown\",\"protocol\":\"unknown\",\"protocol_number\":253,"
                    "\"state\":200,\"status\":[],\"status_bits\":2147483648}");
}

static void expect_helper(const char *name, const char *expected) {
    struct nf_conntrack *ct = nfct_new();

    nfct_set_attr(ct, ATTR_HELPER_NAME, name);
    expect_line(ct, expected);
}

static void entry_text_is_escaped(void **state) {
    (void)state;
    expect_helper("a\033[31m\"\\\n", "{\"helper\":\"a\\u001B[31m\\\"\\\\\\n\"}");
    expect_helper("caf\303\251", "{\"helper\":\"caf\303\251\"}");
    expect_helper("\303\251 \377\001", "{\"helper\":\"\303\251 ??\"}");
}

/* Requests have these, or the library does not tell their length: see entry.c. */
static bool is_left_out(enum nf_conntrack_attr attr) {
    switch ((int)attr) {
    case ATTR_SNAT_IPV4:
    case ATTR_DNAT_IPV4:
    case ATTR_SNAT_IPV6:
    case ATTR_DNAT_IPV6:
    case ATTR_SNAT_PORT:
    case ATTR_DNAT_PORT:
    case ATTR_CONNLABELS_MASK:
    case ATTR_HELPER_INFO: return true;
    }
    return false;
}

/* Also those that a later library has. */
static void entry_has_every_attribute(void **state) {
    static const uint8_t value[32] = {1}; /* text, a number or an address */

    (void)state;
    for (int i = 0; i < ATTR_MAX; i++) {
        const enum nf_conntrack_attr attr = (enum nf_conntrack_attr)i;
        struct nf_conntrack *ct = nfct_new();
        if (attr == ATTR_CONNLABELS)
            nfct_set_attr(ct, attr, nfct_bitmask_new(7));
        else if (!is_left_out(attr))
            nfct_set_attr(ct, attr, value);
        assert_true(is_left_out(attr) || nfct_attr_is_set(ct, attr) > 0);
        char *line = line_of(ct);
        if (!is_left_out(attr) && strcmp(line, "{}") == 0)
            fail_msg("attribute %d is not shown", i);
        free(line);
        nfct_destroy(ct);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entry_tcp_reads_like_this),
        cmocka_unit_test(entry_unknown_values_have_their_numbers),
        cmocka_unit_test(entry_text_is_escaped),
        cmocka_unit_test(entry_has_every_attribute),
    };

    return cmocka_run_group_tests_name("cli/entry", tests, NULL, NULL);
}
