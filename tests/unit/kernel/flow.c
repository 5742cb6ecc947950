/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <libnetfilter_conntrack/libnetfilter_conntrack.h>
#include <libnetfilter_conntrack/libnetfilter_conntrack_tcp.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

#include "lib/kernel/flow.h"

#define LENGTH(a)   (sizeof(a) / sizeof((a)[0]))
#define MESSAGE_MAX 2048

struct message {
    char name[64];
    size_t length;
    union {
        struct nlmsghdr header;
        uint8_t bytes[MESSAGE_MAX];
    };
};

static struct ctw_flow_details details; /* of the message that was parsed last */
static int details_result;

/* Parses a copy of exactly that size, so that a sanitizer sees a read beyond it. */
static int parse_bytes(const void *bytes, size_t length, struct ctw_flow *ret) {
    void *copy = malloc(length ? length : 1);
    int r;

    assert_non_null(copy);
    memcpy(copy, bytes, length);
    r = ctw_flow_parse(copy, length, ret);
    if (r == 0)
        details_result = ctw_flow_parse_details(copy, ret, &details);
    free(copy);
    return r;
}

/* --- messages of the kernel ------------------------------------------------------------------ */

static void corpus_path(char *ret, size_t size, const char *name) {
    const char *source = getenv("SOURCE_DIR");
    const int n = snprintf(ret, size, "%s/tests/fuzz/corpus/flow/%s", source ? source : ".", name);

    assert_in_range(n, 1, size - 1);
}

/* Labels are longs of 64 bits. */
static void reverse_labels(unsigned char *p, size_t length) {
    for (; length >= 8; p += 8, length -= 8) {
        uint64_t bits;
        memcpy(&bits, p, sizeof(bits));
        bits = le64toh(bits);
        const unsigned long words[] = {(unsigned long)bits, (unsigned long)(bits >> 16 >> 16)};
        memcpy(p, words, 8);
    }
}

/* Those in @p, and those within them. */
static void reverse_attributes(unsigned char *p, size_t length) {
    while (length >= NLA_HDRLEN) {
        const uint16_t n = (uint16_t)(p[0] | p[1] << 8), type = (uint16_t)(p[2] | p[3] << 8);
        const size_t size = NLA_ALIGN(n);

        if (n < NLA_HDRLEN || n > length)
            return;
        memcpy(p, &n, sizeof(n));
        memcpy(p + sizeof(n), &type, sizeof(type));
        if (type & NLA_F_NESTED)
            reverse_attributes(p + NLA_HDRLEN, n - NLA_HDRLEN);
        else if (type == CTA_LABELS && n == NLA_HDRLEN + CTW_LABELS / 8)
            reverse_labels(p + NLA_HDRLEN, n - NLA_HDRLEN);
        if (size >= length)
            return;
        p += size;
        length -= size;
    }
}

/* The corpus is of a little-endian kernel. Headers have its byte order, values that of networks. */
static void to_host_order(struct message *m) {
    const size_t head = NLMSG_HDRLEN + sizeof(struct nfgenmsg);
    struct nlmsghdr *h = &m->header;

    if (m->length < head)
        return;
    h->nlmsg_len = le32toh(h->nlmsg_len);
    h->nlmsg_type = le16toh(h->nlmsg_type);
    h->nlmsg_flags = le16toh(h->nlmsg_flags);
    h->nlmsg_seq = le32toh(h->nlmsg_seq);
    h->nlmsg_pid = le32toh(h->nlmsg_pid);
    reverse_attributes(m->bytes + head, m->length - head);
}

static struct message corpus_message(const char *name) {
    struct message m = {.length = 0};
    char path[512];

    corpus_path(path, sizeof(path), name);
    FILE *f = fopen(path, "re");
    if (f == NULL)
        fail_msg("%s: %s (run it in the source tree, or set SOURCE_DIR)", path, strerror(errno));
    m.length = fread(m.bytes, 1, sizeof(m.bytes), f);
    fclose(f);
    (void)snprintf(m.name, sizeof(m.name), "%s", name);
    to_host_order(&m);
    return m;
}

/* Calls @check with each message of the corpus; returns their number. */
static unsigned for_each_message(void (*check)(const struct message *m)) {
    char path[512];
    unsigned n = 0;

    corpus_path(path, sizeof(path), "");
    DIR *folder = opendir(path);
    if (folder == NULL)
        fail_msg("%s: %s (run it in the source tree, or set SOURCE_DIR)", path, strerror(errno));
    for (struct dirent *e; (e = readdir(folder)) != NULL;) {
        if (e->d_name[0] == '.')
            continue;
        const struct message m = corpus_message(e->d_name);
        check(&m);
        n++;
    }
    closedir(folder);
    return n;
}

static struct ctw_flow parse(const struct message *m) {
    struct ctw_flow flow;
    const int r = parse_bytes(m->bytes, m->length, &flow);

    if (r != 0)
        fail_msg("%s: %d", m->name, r);
    return flow;
}

static struct ctw_flow parse_corpus(const char *name) {
    const struct message m = corpus_message(name);

    return parse(&m);
}

static void check_address(const struct ctw_flow *flow, const struct nf_conntrack *ct) {
    uint8_t expected[16] = {0};
    const bool v4 = flow->family == AF_INET;
    const size_t size = v4 ? 4 : 16;

    memcpy(expected, nfct_get_attr(ct, v4 ? ATTR_ORIG_IPV4_SRC : ATTR_ORIG_IPV6_SRC), size);
    assert_memory_equal(flow->source, expected, sizeof(expected));
    memcpy(expected, nfct_get_attr(ct, v4 ? ATTR_ORIG_IPV4_DST : ATTR_ORIG_IPV6_DST), size);
    assert_memory_equal(flow->destination, expected, sizeof(expected));
}

static uint16_t zone_of(const struct nf_conntrack *ct) {
    return nfct_attr_is_set(ct, ATTR_ORIG_ZONE) > 0 ? nfct_get_attr_u16(ct, ATTR_ORIG_ZONE)
                                                    : nfct_get_attr_u16(ct, ATTR_ZONE);
}

static void check_against_libnetfilter_conntrack(const struct message *m) {
    const struct ctw_flow flow = parse(m);
    struct nf_conntrack *ct = nfct_new();

    assert_non_null(ct);
    assert_int_equal(nfct_nlmsg_parse(&m->header, ct), 0);
    assert_int_equal(flow.family, nfct_get_attr_u8(ct, ATTR_ORIG_L3PROTO));
    assert_int_equal(flow.protocol, nfct_get_attr_u8(ct, ATTR_ORIG_L4PROTO));
    check_address(&flow, ct);
    if (ctw_flow_has_ports(flow.protocol)) {
        assert_int_equal(flow.source_port, ntohs(nfct_get_attr_u16(ct, ATTR_ORIG_PORT_SRC)));
        assert_int_equal(flow.destination_port, ntohs(nfct_get_attr_u16(ct, ATTR_ORIG_PORT_DST)));
    } else {
        assert_int_equal(flow.source_port | flow.destination_port, 0);
    }
    assert_int_equal(flow.zone, zone_of(ct));
    assert_int_equal(flow.status, nfct_get_attr_u32(ct, ATTR_STATUS));
    assert_int_equal(flow.timeout_sec, nfct_get_attr_u32(ct, ATTR_TIMEOUT));
    assert_int_equal(flow.has_tcp_state, nfct_attr_is_set(ct, ATTR_TCP_STATE) > 0);
    assert_int_equal(flow.tcp_state, nfct_get_attr_u8(ct, ATTR_TCP_STATE));
    nfct_destroy(ct);
}

static void parse_agrees_with_libnetfilter_conntrack(void **state) {
    (void)state;
    assert_true(for_each_message(check_against_libnetfilter_conntrack) > 90);
}

static uint16_t zone_in_any_direction(const struct nf_conntrack *ct) {
    return nfct_attr_is_set(ct, ATTR_REPL_ZONE) > 0 ? nfct_get_attr_u16(ct, ATTR_REPL_ZONE)
                                                    : zone_of(ct);
}

static void check_reply(const struct message *m, const struct nf_conntrack *ct, bool has_ports) {
    const bool v4 = nfct_get_attr_u8(ct, ATTR_ORIG_L3PROTO) == AF_INET;
    const size_t size = v4 ? 4 : 16;
    uint8_t expected[16] = {0};

    if (nfct_attr_is_set(ct, v4 ? ATTR_REPL_IPV4_SRC : ATTR_REPL_IPV6_SRC) <= 0)
        fail_msg("%s: has no replies", m->name);
    memcpy(expected, nfct_get_attr(ct, v4 ? ATTR_REPL_IPV4_SRC : ATTR_REPL_IPV6_SRC), size);
    assert_memory_equal(details.reply_source, expected, sizeof(expected));
    memcpy(expected, nfct_get_attr(ct, v4 ? ATTR_REPL_IPV4_DST : ATTR_REPL_IPV6_DST), size);
    assert_memory_equal(details.reply_destination, expected, sizeof(expected));
    assert_int_equal(details.reply_source_port,
                     has_ports ? ntohs(nfct_get_attr_u16(ct, ATTR_REPL_PORT_SRC)) : 0);
    assert_int_equal(details.reply_destination_port,
                     has_ports ? ntohs(nfct_get_attr_u16(ct, ATTR_REPL_PORT_DST)) : 0);
}

/* The library takes the kernel's longs for words of 32 bits. */
static const unsigned other_half =
    __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ && sizeof(long) == 8 ? 32 : 0;

static void check_details_against_libnetfilter_conntrack(const struct message *m) {
    const struct ctw_flow flow = parse(m);
    struct nf_conntrack *ct = nfct_new();

    assert_non_null(ct);
    assert_int_equal(details_result, 0);
    assert_int_equal(nfct_nlmsg_parse(&m->header, ct), 0);
    check_reply(m, ct, ctw_flow_has_ports(flow.protocol));
    assert_int_equal(details.mark, nfct_get_attr_u32(ct, ATTR_MARK));
    assert_int_equal(details.zone, zone_in_any_direction(ct));
    assert_int_equal(details.state, nfct_get_attr_u8(ct, ATTR_SCTP_STATE));
    const char *helper = nfct_get_attr(ct, ATTR_HELPER_NAME);
    assert_string_equal(details.helper, helper ? helper : "");
    assert_true(details.packets == nfct_get_attr_u64(ct, ATTR_ORIG_COUNTER_PACKETS) +
                                       nfct_get_attr_u64(ct, ATTR_REPL_COUNTER_PACKETS));
    assert_true(details.bytes == nfct_get_attr_u64(ct, ATTR_ORIG_COUNTER_BYTES) +
                                     nfct_get_attr_u64(ct, ATTR_REPL_COUNTER_BYTES));
    const struct nfct_bitmask *labels = nfct_get_attr(ct, ATTR_CONNLABELS);
    for (unsigned bit = 0; bit < CTW_LABELS; bit++)
        assert_int_equal(ctw_flow_has_label(&details, bit),
                         labels && (bit ^ other_half) <= nfct_bitmask_maxbit(labels) &&
                             nfct_bitmask_test_bit(labels, bit ^ other_half));
    nfct_destroy(ct);
}

static void details_agree_with_libnetfilter_conntrack(void **state) {
    (void)state;
    assert_true(for_each_message(check_details_against_libnetfilter_conntrack) > 90);
}

static void details_of_each_kind_are_read(void **state) {
    (void)state;
    parse_corpus("udp4-label-mark.dump");
    assert_int_equal(details.mark, 0x1234);
    assert_true(ctw_flow_has_label(&details, 5) && !ctw_flow_has_label(&details, 6));
    parse_corpus("tcp6-label.dump");
    assert_true(ctw_flow_has_label(&details, 127));
    parse_corpus("tcp4-helper.dump");
    assert_string_equal(details.helper, "ftp");
    parse_corpus("udp4-zone-reply.new");
    assert_int_equal(details.zone, 9);
    parse_corpus("tcp4-accounted.dump");
    assert_true(details.bytes > 0 && details.packets > 0);
    parse_corpus("sctp4.dump");
    assert_int_equal(details.state, 1); /* CLOSED */
}

/* As set_bit() of the kernel sets it. */
static void details_have_each_label_of_the_kernel(void **state) {
    const size_t long_bits = 8 * sizeof(long);
    struct message m = corpus_message("udp4-label-mark.dump");
    const struct nlattr *a = mnl_nlmsg_get_payload_offset(&m.header, sizeof(struct nfgenmsg));

    (void)state;
    while (mnl_attr_get_type(a) != CTA_LABELS) {
        a = mnl_attr_next(a);
        assert_true((uint8_t *)a < m.bytes + m.length);
    }
    for (unsigned label = 0; label < CTW_LABELS; label++) {
        unsigned long bits[CTW_LABELS / 8 / sizeof(long)] = {0};
        bits[label / long_bits] = 1ul << label % long_bits;
        memcpy(mnl_attr_get_payload(a), bits, sizeof(bits));
        (void)parse(&m);
        for (unsigned other = 0; other < CTW_LABELS; other++)
            assert_int_equal(ctw_flow_has_label(&details, other), other == label);
    }
}

static void check_event(const struct message *m) {
    const char *kind = strrchr(m->name, '.');
    enum ctw_flow_event expected = CTW_FLOW_NEW;

    assert_non_null(kind);
    if (strcmp(kind, ".update") == 0)
        expected = CTW_FLOW_UPDATE;
    if (strcmp(kind, ".destroy") == 0)
        expected = CTW_FLOW_DESTROY;
    if (parse(m).event != expected)
        fail_msg("%s: event %d, not %d", m->name, (int)parse(m).event, (int)expected);
}

static void parse_tells_kinds_of_events(void **state) {
    (void)state;
    assert_true(for_each_message(check_event) > 90);
}

static void parse_tcp_has_addresses_ports_and_state(void **state) {
    const struct ctw_flow flow = parse_corpus("tcp4-syn.new");
    const uint8_t source[16] = {127, 16, 0, 0}, destination[16] = {127, 0, 0, 1};

    (void)state;
    assert_int_equal(flow.family, AF_INET);
    assert_int_equal(flow.protocol, IPPROTO_TCP);
    assert_memory_equal(flow.source, source, sizeof(source));
    assert_memory_equal(flow.destination, destination, sizeof(destination));
    assert_int_equal(flow.source_port, 1024);
    assert_int_equal(flow.destination_port, 80);
    assert_true(flow.has_tcp_state);
    assert_int_equal(flow.tcp_state, TCP_CONNTRACK_SYN_SENT);
    assert_int_equal(flow.timeout_sec, 120);
}

static void parse_established_is_assured(void **state) {
    const struct ctw_flow flow = parse_corpus("tcp6-established.dump");
    const uint8_t loopback[16] = {[15] = 1};

    (void)state;
    assert_int_equal(flow.family, AF_INET6);
    assert_memory_equal(flow.source, loopback, sizeof(loopback));
    assert_int_equal(flow.tcp_state, TCP_CONNTRACK_ESTABLISHED);
    assert_true(flow.status & IPS_ASSURED);
}

static void parse_nat_returns_the_original_direction(void **state) {
    const struct ctw_flow flow = parse_corpus("udp4-dnat.new");

    (void)state;
    assert_int_equal(flow.destination_port, 53);
    assert_int_equal(flow.destination[3], 1);
    assert_true(flow.status & IPS_DST_NAT);
}

static void parse_zone_is_of_the_original_direction(void **state) {
    (void)state;
    assert_int_equal(parse_corpus("tcp4-zone.new").zone, 7);
    assert_int_equal(parse_corpus("udp6-zone-original.dump").zone, 513);
    assert_int_equal(parse_corpus("udp4-zone-reply.new").zone, 0);
    assert_int_equal(parse_corpus("tcp4-syn.new").zone, 0);
}

static void parse_gre_keys_are_no_ports(void **state) {
    const struct ctw_flow flow = parse_corpus("gre4-keys.new");

    (void)state;
    assert_int_equal(flow.protocol, IPPROTO_GRE);
    assert_int_equal(flow.source_port, 0);
    assert_int_equal(flow.destination_port, 0);
}

/* --- malformed messages ---------------------------------------------------------------------- */

static int parse_until(const struct message *m, size_t length, bool honest) {
    struct message cut = *m;
    struct ctw_flow flow, untouched;
    int r;

    if (honest)
        cut.header.nlmsg_len = (uint32_t)length;
    memset(&untouched, 0x5a, sizeof(untouched));
    memcpy(&flow, &untouched, sizeof(flow));
    r = parse_bytes(cut.bytes, length, &flow);
    if (r < 0)
        assert_memory_equal(&flow, &untouched, sizeof(flow));
    return r;
}

static void check_truncations(const struct message *m) {
    for (size_t length = 0; length < m->length; length++) {
        assert_int_equal(parse_until(m, length, false), -EBADMSG);
        (void)parse_until(m, length, true); /* may lack only attributes that are ignored */
    }
}

static void parse_truncated_is_malformed(void **state) {
    (void)state;
    assert_true(for_each_message(check_truncations) > 90);
}

static void check_corruptions(const struct message *m) {
    static const uint8_t values[] = {0, 1, 2, 3, 4, 5, 7, 8, 9, 0x7f, 0x80, 0xff};

    for (size_t at = 0; at < m->length; at++)
        for (size_t i = 0; i < LENGTH(values); i++) {
            struct message bad = *m;
            struct ctw_flow flow;
            bad.bytes[at] = values[i];
            const int r = parse_bytes(bad.bytes, bad.length, &flow);
            assert_true(r == 0 || r == -EBADMSG || r == -ENOMSG);
        }
}

static void parse_corrupted_stays_inside_the_message(void **state) {
    (void)state;
    assert_true(for_each_message(check_corruptions) > 90);
}

static void parse_other_messages_return_enomsg(void **state) {
    static const uint16_t types[] = {
        NLMSG_NOOP,
        NLMSG_ERROR,
        NLMSG_DONE,
        NLMSG_OVERRUN,
        NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET,
        NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET_STATS_CPU,
        NFNL_SUBSYS_CTNETLINK_EXP << 8 | IPCTNL_MSG_EXP_NEW,
        NFNL_SUBSYS_QUEUE << 8,
    };
    struct message m = corpus_message("udp4.new");
    struct ctw_flow flow;

    (void)state;
    for (size_t i = 0; i < LENGTH(types); i++) {
        m.header.nlmsg_type = types[i];
        assert_int_equal(parse_bytes(m.bytes, m.length, &flow), -ENOMSG);
    }
}

static void parse_ignores_bytes_behind_the_message(void **state) {
    struct message m = corpus_message("udp4.new");
    struct ctw_flow flow;

    (void)state;
    memset(m.bytes + m.length, 0xff, 64);
    assert_int_equal(parse_bytes(m.bytes, m.length + 64, &flow), 0);
    assert_int_equal(flow.destination_port, 53);
}

/* Starts a message; each test adds what it needs. */
static struct nlmsghdr *begin(struct message *m, uint8_t family) {
    struct nlmsghdr *h = mnl_nlmsg_put_header(m->bytes);

    h->nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_NEW;
    h->nlmsg_flags = NLM_F_CREATE | NLM_F_EXCL;
    struct nfgenmsg *nfg = mnl_nlmsg_put_extra_header(h, sizeof(*nfg));
    nfg->nfgen_family = family;
    return h;
}

enum { SOURCE = 1, DESTINATION = 2, PROTOCOL = 4, WHOLE = 7 };

static void put_tuple(struct nlmsghdr *h, bool v6, unsigned has) {
    static const uint8_t address[16] = {0x20, 0x01, 0x0d, 0xb8};
    const size_t size = v6 ? 16 : 4;
    struct nlattr *tuple = mnl_attr_nest_start(h, CTA_TUPLE_ORIG);
    struct nlattr *nest = mnl_attr_nest_start(h, CTA_TUPLE_IP);

    if (has & SOURCE)
        mnl_attr_put(h, v6 ? CTA_IP_V6_SRC : CTA_IP_V4_SRC, size, address);
    if (has & DESTINATION)
        mnl_attr_put(h, v6 ? CTA_IP_V6_DST : CTA_IP_V4_DST, size, address);
    mnl_attr_nest_end(h, nest);
    nest = mnl_attr_nest_start(h, CTA_TUPLE_PROTO);
    if (has & PROTOCOL)
        mnl_attr_put_u8(h, CTA_PROTO_NUM, IPPROTO_UDP);
    mnl_attr_nest_end(h, nest);
    mnl_attr_nest_end(h, tuple);
}

static int parse_built(struct message *m, struct ctw_flow *ret) {
    return parse_bytes(m->bytes, m->header.nlmsg_len, ret);
}

static void parse_incomplete_tuple_is_malformed(void **state) {
    struct ctw_flow flow;

    (void)state;
    for (unsigned has = 0; has <= WHOLE; has++) {
        struct message m = {.length = 0};
        put_tuple(begin(&m, AF_INET), false, has);
        assert_int_equal(parse_built(&m, &flow), has == WHOLE ? 0 : -EBADMSG);
    }
}

static void parse_without_attributes_is_malformed(void **state) {
    struct message m = {.length = 0};
    struct ctw_flow flow;

    (void)state;
    begin(&m, AF_INET);
    assert_int_equal(parse_built(&m, &flow), -EBADMSG);
}

static void parse_family_of_other_addresses_is_malformed(void **state) {
    struct ctw_flow flow;

    (void)state;
    for (unsigned family = 0; family < 256; family++)
        for (unsigned v6 = 0; v6 < 2; v6++) {
            struct message m = {.length = 0};
            put_tuple(begin(&m, (uint8_t)family), v6, WHOLE);
            assert_int_equal(parse_built(&m, &flow),
                             family == (v6 ? AF_INET6 : AF_INET) ? 0 : -EBADMSG);
        }
}

static void parse_ignores_unknown_attributes(void **state) {
    struct message m = {.length = 0};
    struct nlmsghdr *h = begin(&m, AF_INET);
    struct ctw_flow flow;

    (void)state;
    mnl_attr_put_u64(h, 4711, 1);
    mnl_attr_put(h, 0x3fff, 0, NULL);
    put_tuple(h, false, WHOLE);
    mnl_attr_put_str(h, CTA_MAX + 1, "from a later kernel");
    struct nlattr *nest = mnl_attr_nest_start(h, CTA_PROTOINFO);
    mnl_attr_put_u32(h, 99, 0);
    mnl_attr_put(h, CTA_PROTOINFO_TCP, 0, NULL);
    mnl_attr_nest_end(h, nest);
    assert_int_equal(parse_built(&m, &flow), 0);
    assert_int_equal(flow.protocol, IPPROTO_UDP);
    assert_false(flow.has_tcp_state);
    assert_int_equal(flow.status, 0);
}

static void parse_attribute_of_wrong_size_is_malformed(void **state) {
    static const struct {
        uint16_t type;
        size_t size;
    } known[] = {{CTA_STATUS, 4}, {CTA_TIMEOUT, 4}, {CTA_ZONE, 2}};
    static const uint8_t zeros[16];
    struct ctw_flow flow;

    (void)state;
    for (size_t i = 0; i < LENGTH(known); i++)
        for (size_t size = 0; size <= sizeof(zeros); size++) {
            struct message m = {.length = 0};
            struct nlmsghdr *h = begin(&m, AF_INET);
            put_tuple(h, false, WHOLE);
            mnl_attr_put(h, known[i].type, size, zeros);
            assert_int_equal(parse_built(&m, &flow), size == known[i].size ? 0 : -EBADMSG);
        }
}

static void parse_attribute_beyond_its_nest_is_malformed(void **state) {
    struct message m = {.length = 0};
    struct nlmsghdr *h = begin(&m, AF_INET);
    struct ctw_flow flow;

    (void)state;
    put_tuple(h, false, WHOLE);
    struct nlattr *info = mnl_attr_nest_start(h, CTA_PROTOINFO);
    struct nlattr *tcp = mnl_attr_nest_start(h, CTA_PROTOINFO_TCP);
    mnl_attr_put_u8(h, CTA_PROTOINFO_TCP_STATE, TCP_CONNTRACK_ESTABLISHED);
    mnl_attr_nest_end(h, tcp);
    mnl_attr_nest_end(h, info);
    mnl_attr_put_u64(h, 4711, 0); /* room behind, within the message */
    assert_int_equal(parse_built(&m, &flow), 0);
    assert_true(flow.has_tcp_state);

    tcp->nla_len = (uint16_t)(tcp->nla_len + 4);
    assert_int_equal(parse_built(&m, &flow), -EBADMSG);
}

static void parse_attribute_shorter_than_its_header_is_malformed(void **state) {
    struct ctw_flow flow;

    (void)state;
    for (uint16_t length = 0; length < sizeof(struct nlattr); length++) {
        struct message m = {.length = 0};
        struct nlmsghdr *h = begin(&m, AF_INET);
        put_tuple(h, false, WHOLE);
        struct nlattr *last = mnl_nlmsg_get_payload_tail(h);
        mnl_attr_put_u32(h, 4711, 0);
        last->nla_len = length;
        assert_int_equal(parse_built(&m, &flow), -EBADMSG);
    }
}

static void parse_last_attribute_may_lack_padding(void **state) {
    struct message m = {.length = 0};
    struct nlmsghdr *h = begin(&m, AF_INET);
    struct ctw_flow flow;

    (void)state;
    put_tuple(h, false, WHOLE);
    mnl_attr_put_u16(h, CTA_ZONE, htons(9));
    h->nlmsg_len -= 2;
    assert_int_equal(parse_built(&m, &flow), 0);
    assert_int_equal(flow.zone, 9);
    h->nlmsg_len--;
    assert_int_equal(parse_built(&m, &flow), -EBADMSG);
}

/* --- the usual tuple ------------------------------------------------------------------------- */

struct usual {
    _Alignas(struct nlmsghdr) char bytes[256];
    struct nlmsghdr *header;
    struct nlattr *attributes[7]; /* in their order */
};

static struct nlattr *usual_end(const struct usual *m) {
    return mnl_nlmsg_get_payload_tail(m->header);
}

static void make_usual(struct usual *m) {
    struct nlmsghdr *h = m->header = mnl_nlmsg_put_header(m->bytes);
    struct nfgenmsg *g = mnl_nlmsg_put_extra_header(h, sizeof(*g));

    h->nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_NEW;
    h->nlmsg_flags = NLM_F_MULTI;
    g->nfgen_family = AF_INET;
    struct nlattr *tuple = mnl_attr_nest_start(h, CTA_TUPLE_ORIG);
    m->attributes[0] = mnl_attr_nest_start(h, CTA_TUPLE_IP);
    m->attributes[1] = usual_end(m);
    mnl_attr_put_u32(h, CTA_IP_V4_SRC, htonl(0xc0000201));
    m->attributes[2] = usual_end(m);
    mnl_attr_put_u32(h, CTA_IP_V4_DST, htonl(0xc6336401));
    mnl_attr_nest_end(h, m->attributes[0]);
    m->attributes[3] = mnl_attr_nest_start(h, CTA_TUPLE_PROTO);
    m->attributes[4] = usual_end(m);
    mnl_attr_put_u8(h, CTA_PROTO_NUM, IPPROTO_TCP);
    m->attributes[5] = usual_end(m);
    mnl_attr_put_u16(h, CTA_PROTO_SRC_PORT, htons(0x1234));
    m->attributes[6] = usual_end(m);
    mnl_attr_put_u16(h, CTA_PROTO_DST_PORT, htons(443));
    mnl_attr_nest_end(h, m->attributes[3]);
    mnl_attr_nest_end(h, tuple);
}

static int parse_usual(const struct usual *m, struct ctw_flow *ret) {
    return ctw_flow_parse(m->bytes, m->header->nlmsg_len, ret);
}

static void tuple_of_usual_layout_is_read(void **state) {
    static const uint8_t source[4] = {192, 0, 2, 1}, destination[4] = {198, 51, 100, 1};
    struct usual m;
    struct ctw_flow flow;

    (void)state;
    make_usual(&m);
    assert_int_equal(parse_usual(&m, &flow), 0);
    assert_memory_equal(flow.source, source, 4);
    assert_memory_equal(flow.destination, destination, 4);
    assert_int_equal(flow.protocol, IPPROTO_TCP);
    assert_int_equal(flow.source_port, 0x1234);
    assert_int_equal(flow.destination_port, 443);
}

static void tuple_of_other_types_is_not_the_usual_layout(void **state) {
    (void)state;
    for (size_t i = 0; i < 7; i++) {
        struct usual m;
        struct ctw_flow flow = {0};

        make_usual(&m);
        m.attributes[i]->nla_type = (m.attributes[i]->nla_type & NLA_F_NESTED) | 63;
        const int r = parse_usual(&m, &flow);
        assert_int_equal(r, i < 5 ? -EBADMSG : 0);
        assert_int_equal(flow.source_port, i == 6 ? 0x1234 : 0);
        assert_int_equal(flow.destination_port, i == 5 ? 443 : 0);
    }
}

static void tuple_value_of_another_size_is_malformed(void **state) {
    static const size_t values[] = {1, 2, 4, 5, 6};

    (void)state;
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        struct usual m;
        struct ctw_flow flow;

        make_usual(&m);
        m.attributes[values[i]]->nla_len--;
        assert_int_equal(parse_usual(&m, &flow), -EBADMSG);
    }
}

/* --- heads of events ------------------------------------------------------------------------- */

static int parse_head(const struct message *m, size_t length, struct ctw_event *ret) {
    void *copy = malloc(length ? length : 1);

    assert_non_null(copy);
    memcpy(copy, m->bytes, length);
    const int r = ctw_event_parse(copy, length, ret);
    free(copy);
    return r;
}

static void check_head(const struct message *m) {
    const size_t length = m->length < CTW_EVENT_HEAD ? m->length : CTW_EVENT_HEAD;
    const struct ctw_flow flow = parse(m);
    struct ctw_event event;

    assert_int_equal(parse_head(m, length, &event), 0);
    assert_int_equal(event.kind, flow.event);
    assert_true(event.has_source);
    assert_int_equal(event.family, flow.family);
    assert_memory_equal(event.source, flow.source, sizeof(flow.source));
}

static void event_head_agrees_with_the_whole_message(void **state) {
    (void)state;
    assert_true(for_each_message(check_head) > 90);
}

static void event_cut_before_its_source_has_none(void **state) {
    const struct message m = corpus_message("tcp6-syn.new");
    struct ctw_event event;

    (void)state;
    for (size_t length = 0; length < CTW_EVENT_HEAD; length++) {
        const int r = parse_head(&m, length, &event);
        assert_int_equal(r, length < 20 ? -EBADMSG : 0);
        if (r == 0)
            assert_int_equal(event.has_source, length >= 48);
    }
}

static void event_of_other_layout_is_counted_without_source(void **state) {
    static const size_t headers[] = {20, 24, 28}; /* tuple, addresses, source */
    struct ctw_event event;

    (void)state;
    for (size_t i = 0; i < LENGTH(headers); i++)
        for (size_t byte = 0; byte < 3; byte += 2) { /* its length, its type */
            struct message m = corpus_message("udp4.new");
            memcpy(m.bytes + headers[i] + byte, &(const uint16_t){3}, sizeof(uint16_t));
            assert_int_equal(parse_head(&m, CTW_EVENT_HEAD, &event), 0);
            assert_int_equal(event.kind, CTW_FLOW_NEW);
            assert_false(event.has_source);
        }
}

static void event_of_another_subsystem_returns_enomsg(void **state) {
    struct message m = corpus_message("udp4.new");
    struct ctw_event event;

    (void)state;
    m.header.nlmsg_type = NFNL_SUBSYS_CTNETLINK_EXP << 8 | IPCTNL_MSG_EXP_NEW;
    assert_int_equal(parse_head(&m, CTW_EVENT_HEAD, &event), -ENOMSG);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parse_agrees_with_libnetfilter_conntrack),
        cmocka_unit_test(details_agree_with_libnetfilter_conntrack),
        cmocka_unit_test(details_of_each_kind_are_read),
        cmocka_unit_test(details_have_each_label_of_the_kernel),
        cmocka_unit_test(parse_tells_kinds_of_events),
        cmocka_unit_test(parse_tcp_has_addresses_ports_and_state),
        cmocka_unit_test(parse_established_is_assured),
        cmocka_unit_test(parse_nat_returns_the_original_direction),
        cmocka_unit_test(parse_zone_is_of_the_original_direction),
        cmocka_unit_test(parse_gre_keys_are_no_ports),
        cmocka_unit_test(parse_truncated_is_malformed),
        cmocka_unit_test(parse_corrupted_stays_inside_the_message),
        cmocka_unit_test(parse_other_messages_return_enomsg),
        cmocka_unit_test(parse_ignores_bytes_behind_the_message),
        cmocka_unit_test(parse_incomplete_tuple_is_malformed),
        cmocka_unit_test(parse_without_attributes_is_malformed),
        cmocka_unit_test(parse_family_of_other_addresses_is_malformed),
        cmocka_unit_test(parse_ignores_unknown_attributes),
        cmocka_unit_test(parse_attribute_of_wrong_size_is_malformed),
        cmocka_unit_test(parse_attribute_beyond_its_nest_is_malformed),
        cmocka_unit_test(parse_attribute_shorter_than_its_header_is_malformed),
        cmocka_unit_test(parse_last_attribute_may_lack_padding),
        cmocka_unit_test(tuple_of_usual_layout_is_read),
        cmocka_unit_test(tuple_of_other_types_is_not_the_usual_layout),
        cmocka_unit_test(tuple_value_of_another_size_is_malformed),
        cmocka_unit_test(event_head_agrees_with_the_whole_message),
        cmocka_unit_test(event_cut_before_its_source_has_none),
        cmocka_unit_test(event_of_other_layout_is_counted_without_source),
        cmocka_unit_test(event_of_another_subsystem_returns_enomsg),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
