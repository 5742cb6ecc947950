/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/cli/entry.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <libnetfilter_conntrack/libnetfilter_conntrack_dccp.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/kernel/names.h"
#include "lib/util/json.h"
#include "lib/util/strbuf.h"
#include "lib/util/units.h"

/* The longest line: an entry in XML with 128 labels. */
#define LINE_BYTES 65536u

struct ctw_entry_printer {
    enum ctw_entry_format format;
    const char *root;             /* of the XML */
    bool begun;                   /* something was printed */
    struct nfct_labelmap *labels; /* NULL: they have no names */
    char line[LINE_BYTES];
};

int ctw_entry_format(const struct ctw_cli *cli, bool json, bool xml, enum ctw_entry_format *ret) {
    if (json && xml)
        return ctw_cli_bad(cli, "--xml", "as well as --json", "allowed");
    *ret = json ? CTW_ENTRY_JSON : xml ? CTW_ENTRY_XML : CTW_ENTRY_TEXT;
    return -1;
}

struct ctw_entry_printer *ctw_entry_printer_new(enum ctw_entry_format format, const char *root) {
    struct ctw_entry_printer *p = malloc(sizeof(*p));

    if (!p)
        return NULL;
    p->format = format;
    p->root = root;
    p->begun = false;
    p->labels = nfct_labelmap_new(NULL);
    return p;
}

struct ctw_entry_printer *ctw_entry_printer_free(struct ctw_entry_printer *p) {
    if (p && p->labels)
        nfct_labelmap_destroy(p->labels);
    free(p);
    return NULL;
}

int ctw_entry_label(const char *name, void *printer) {
    const struct ctw_entry_printer *p = printer;

    return p->labels ? nfct_labelmap_get_bit(p->labels, name) : -1;
}

/* --- values ----------------------------------------------------------------------------------- */

static json_t *address(int family, const void *bytes) {
    char text[INET6_ADDRSTRLEN];

    return json_string(inet_ntop(family, bytes, text, sizeof(text)));
}

/* Text that is not in UTF-8 is shown as far as it is. */
static json_t *text(const char *s) {
    json_t *value = s ? json_string(s) : json_null();
    struct ctw_line l = {0};

    if (value)
        return value;
    ctw_line_add(&l, "%s", s);
    return json_string(l.text);
}

static json_t *state(uint8_t protocol, uint8_t n) {
    const char *name = ctw_state_name(protocol, n);

    return name ? json_string(name) : json_integer(n);
}

/* IPS_* of nf_conntrack_common.h, by bit. */
static json_t *status_of(uint32_t bits) {
    static const char *const names[] = {
        "expected",  "seen_reply",   "assured",      "confirmed",  "src_nat",       "dst_nat",
        "seq_adj",   "src_nat_done", "dst_nat_done", "dying",      "fixed_timeout", "template",
        "untracked", "helper",       "offload",      "hw_offload",
    };
    json_t *array = json_array();

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (bits >> i & 1)
            array = ctw_json_append(array, json_string(names[i]));
    return array;
}

/* --- an entry as JSON ------------------------------------------------------------------------- */

/* Numbers by their bits, BE: in network order. */
enum form {
    NUMBER_8,
    NUMBER_16,
    NUMBER_32,
    NUMBER_64,
    BE_16,
    BE_32,
    BE_64,
    IPV4,
    IPV6,
    TEXT,
    FAMILY,
    PROTOCOL,
    TCP_STATE,
    SCTP_STATE,
    DCCP_STATE,
    DCCP_ROLE,
    STATUS
};

/*
 * Every attribute that the kernel sends and the library can read. Those that only requests have
 * (ATTR_SNAT_*, ATTR_DNAT_*, ATTR_CONNLABELS_MASK) are not in it, nor is ATTR_HELPER_INFO, whose
 * length the library does not give.
 */
static const struct attribute {
    enum nf_conntrack_attr attr;
    const char *object; /* the member that it is a member of; NULL: the entry itself */
    const char *name;
    enum form form;
} attributes[] = {
    {ATTR_ORIG_L3PROTO, NULL, "family", FAMILY},
    {ATTR_ORIG_L4PROTO, NULL, "protocol", PROTOCOL},
    {ATTR_ORIG_L4PROTO, NULL, "protocol_number", NUMBER_8},
    {ATTR_TIMEOUT, NULL, "timeout_seconds", NUMBER_32},
    {ATTR_TCP_STATE, NULL, "state", TCP_STATE},
    {ATTR_SCTP_STATE, NULL, "state", SCTP_STATE},
    {ATTR_DCCP_STATE, NULL, "state", DCCP_STATE},
    {ATTR_ORIG_IPV4_SRC, "original", "source", IPV4},
    {ATTR_ORIG_IPV6_SRC, "original", "source", IPV6},
    {ATTR_ORIG_IPV4_DST, "original", "destination", IPV4},
    {ATTR_ORIG_IPV6_DST, "original", "destination", IPV6},
    {ATTR_ORIG_PORT_SRC, "original", "source_port", BE_16},
    {ATTR_ORIG_PORT_DST, "original", "destination_port", BE_16},
    {ATTR_ORIG_ZONE, "original", "zone", NUMBER_16},
    {ATTR_ORIG_COUNTER_PACKETS, "original", "packets", NUMBER_64},
    {ATTR_ORIG_COUNTER_BYTES, "original", "bytes", NUMBER_64},
    {ATTR_REPL_L3PROTO, "reply", "family", FAMILY},
    {ATTR_REPL_L4PROTO, "reply", "protocol_number", NUMBER_8},
    {ATTR_REPL_IPV4_SRC, "reply", "source", IPV4},
    {ATTR_REPL_IPV6_SRC, "reply", "source", IPV6},
    {ATTR_REPL_IPV4_DST, "reply", "destination", IPV4},
    {ATTR_REPL_IPV6_DST, "reply", "destination", IPV6},
    {ATTR_REPL_PORT_SRC, "reply", "source_port", BE_16},
    {ATTR_REPL_PORT_DST, "reply", "destination_port", BE_16},
    {ATTR_REPL_ZONE, "reply", "zone", NUMBER_16},
    {ATTR_REPL_COUNTER_PACKETS, "reply", "packets", NUMBER_64},
    {ATTR_REPL_COUNTER_BYTES, "reply", "bytes", NUMBER_64},
    {ATTR_ICMP_TYPE, "icmp", "type", NUMBER_8},
    {ATTR_ICMP_CODE, "icmp", "code", NUMBER_8},
    {ATTR_ICMP_ID, "icmp", "id", BE_16},
    {ATTR_STATUS, NULL, "status", STATUS},
    {ATTR_STATUS, NULL, "status_bits", NUMBER_32},
    {ATTR_MARK, NULL, "mark", NUMBER_32},
    {ATTR_SECMARK, NULL, "secmark", NUMBER_32},
    {ATTR_SECCTX, NULL, "security_context", TEXT},
    {ATTR_ZONE, NULL, "zone", NUMBER_16},
    {ATTR_HELPER_NAME, NULL, "helper", TEXT},
    {ATTR_TCP_FLAGS_ORIG, "tcp", "original_flags", NUMBER_8},
    {ATTR_TCP_MASK_ORIG, "tcp", "original_flags_mask", NUMBER_8},
    {ATTR_TCP_WSCALE_ORIG, "tcp", "original_window_scale", NUMBER_8},
    {ATTR_TCP_FLAGS_REPL, "tcp", "reply_flags", NUMBER_8},
    {ATTR_TCP_MASK_REPL, "tcp", "reply_flags_mask", NUMBER_8},
    {ATTR_TCP_WSCALE_REPL, "tcp", "reply_window_scale", NUMBER_8},
    {ATTR_SCTP_VTAG_ORIG, "sctp", "original_verification_tag", BE_32},
    {ATTR_SCTP_VTAG_REPL, "sctp", "reply_verification_tag", BE_32},
    {ATTR_DCCP_ROLE, "dccp", "role", DCCP_ROLE},
    {ATTR_DCCP_HANDSHAKE_SEQ, "dccp", "handshake_sequence", BE_64},
    {ATTR_MASTER_L3PROTO, "master", "family", FAMILY},
    {ATTR_MASTER_L4PROTO, "master", "protocol", PROTOCOL},
    {ATTR_MASTER_L4PROTO, "master", "protocol_number", NUMBER_8},
    {ATTR_MASTER_IPV4_SRC, "master", "source", IPV4},
    {ATTR_MASTER_IPV6_SRC, "master", "source", IPV6},
    {ATTR_MASTER_IPV4_DST, "master", "destination", IPV4},
    {ATTR_MASTER_IPV6_DST, "master", "destination", IPV6},
    {ATTR_MASTER_PORT_SRC, "master", "source_port", BE_16},
    {ATTR_MASTER_PORT_DST, "master", "destination_port", BE_16},
    {ATTR_ORIG_NAT_SEQ_CORRECTION_POS, "sequence_adjustment", "original_position", NUMBER_32},
    {ATTR_ORIG_NAT_SEQ_OFFSET_BEFORE, "sequence_adjustment", "original_before", NUMBER_32},
    {ATTR_ORIG_NAT_SEQ_OFFSET_AFTER, "sequence_adjustment", "original_after", NUMBER_32},
    {ATTR_REPL_NAT_SEQ_CORRECTION_POS, "sequence_adjustment", "reply_position", NUMBER_32},
    {ATTR_REPL_NAT_SEQ_OFFSET_BEFORE, "sequence_adjustment", "reply_before", NUMBER_32},
    {ATTR_REPL_NAT_SEQ_OFFSET_AFTER, "sequence_adjustment", "reply_after", NUMBER_32},
    {ATTR_SYNPROXY_ISN, "synproxy", "isn", NUMBER_32},
    {ATTR_SYNPROXY_ITS, "synproxy", "its", NUMBER_32},
    {ATTR_SYNPROXY_TSOFF, "synproxy", "timestamp_offset", NUMBER_32},
    {ATTR_TIMESTAMP_START, NULL, "start_unix_nanoseconds", NUMBER_64},
    {ATTR_TIMESTAMP_STOP, NULL, "stop_unix_nanoseconds", NUMBER_64},
    {ATTR_USE, NULL, "use", NUMBER_32},
    {ATTR_ID, NULL, "id", NUMBER_32},
};

static json_t *value_of(const struct nf_conntrack *ct, const struct attribute *a) {
    const uint8_t small = nfct_get_attr_u8(ct, a->attr);
    const char *name;

    switch (a->form) {
    case NUMBER_8: return json_integer(small);
    case NUMBER_16: return json_integer(nfct_get_attr_u16(ct, a->attr));
    case NUMBER_32: return json_integer(nfct_get_attr_u32(ct, a->attr));
    case NUMBER_64: return ctw_json_number(nfct_get_attr_u64(ct, a->attr));
    case BE_16: return json_integer(ntohs(nfct_get_attr_u16(ct, a->attr)));
    case BE_32: return json_integer(ntohl(nfct_get_attr_u32(ct, a->attr)));
    case BE_64: return ctw_json_number(be64toh(nfct_get_attr_u64(ct, a->attr)));
    case IPV4: return address(AF_INET, nfct_get_attr(ct, a->attr));
    case IPV6: return address(AF_INET6, nfct_get_attr(ct, a->attr));
    case TEXT: return text(nfct_get_attr(ct, a->attr));
    case FAMILY:
        return json_string(small == AF_INET ? "ipv4" : small == AF_INET6 ? "ipv6" : "unknown");
    case PROTOCOL: name = ctw_protocol_name(small); return json_string(name ? name : "unknown");
    case TCP_STATE: return state(IPPROTO_TCP, small);
    case SCTP_STATE: return state(IPPROTO_SCTP, small);
    case DCCP_STATE: return state(IPPROTO_DCCP, small);
    case DCCP_ROLE: return json_string(small == DCCP_CONNTRACK_ROLE_SERVER ? "server" : "client");
    case STATUS: return status_of(nfct_get_attr_u32(ct, a->attr));
    }
    return NULL;
}

/* The member of that name, made when it is needed. A borrowed reference, or NULL. */
static json_t *member(json_t *object, const char *name) {
    json_t *is = json_object_get(object, name);

    if (!is && json_object_set_new(object, name, is = json_object()) < 0)
        return NULL;
    return is;
}

/* [{"bit": 3, "name": "voip"}] */
static json_t *labels_of(const struct nf_conntrack *ct, struct nfct_labelmap *names) {
    const struct nfct_bitmask *bits = nfct_get_attr(ct, ATTR_CONNLABELS);
    json_t *array = json_array();

    for (unsigned bit = 0; bits && bit <= nfct_bitmask_maxbit(bits); bit++) {
        if (!nfct_bitmask_test_bit(bits, bit))
            continue;
        const char *name = names ? nfct_labelmap_get_name(names, bit) : NULL;
        json_t *label = json_pack("{sI}", "bit", (json_int_t)bit);
        if (name && name[0] != '\0')
            label = ctw_json_set(label, "name", text(name));
        array = ctw_json_append(array, label);
    }
    return array;
}

static int add_attributes(json_t *entry, const struct nf_conntrack *ct) {
    for (size_t i = 0; i < sizeof(attributes) / sizeof(attributes[0]); i++) {
        const struct attribute *a = &attributes[i];
        if (!nfct_attr_is_set(ct, a->attr))
            continue;
        json_t *object = a->object ? member(entry, a->object) : entry;
        if (!object || json_object_set_new(object, a->name, value_of(ct, a)) < 0)
            return -ENOMEM;
    }
    return 0;
}

/* Adds to @entry, which it takes. */
static json_t *add_entry(json_t *entry, const struct nf_conntrack *ct,
                         struct nfct_labelmap *labels) {
    if (!entry || add_attributes(entry, ct) < 0) {
        json_decref(entry);
        return NULL;
    }
    if (nfct_attr_is_set(ct, ATTR_CONNLABELS))
        entry = ctw_json_set(entry, "labels", labels_of(ct, labels));
    return entry;
}

json_t *ctw_entry_to_json(const struct nf_conntrack *ct, struct nfct_labelmap *labels) {
    return add_entry(json_object(), ct, labels);
}

/* --- an expectation as JSON ------------------------------------------------------------------- */

static json_t *expectation_to_json(const struct nf_expect *e) {
    static const struct {
        enum nf_expect_attr attr;
        enum { TUPLE, NUMBER, ZONE, NAME } form;
        const char *name;
    } members[] = {
        {ATTR_EXP_EXPECTED, TUPLE, "expected"},
        {ATTR_EXP_MASK, TUPLE, "mask"},
        {ATTR_EXP_MASTER, TUPLE, "master"},
        {ATTR_EXP_NAT_TUPLE, TUPLE, "nat"},
        {ATTR_EXP_TIMEOUT, NUMBER, "timeout_seconds"},
        {ATTR_EXP_FLAGS, NUMBER, "flags"},
        {ATTR_EXP_CLASS, NUMBER, "class"},
        {ATTR_EXP_NAT_DIR, NUMBER, "nat_direction"},
        {ATTR_EXP_ZONE, ZONE, "zone"},
        {ATTR_EXP_HELPER_NAME, NAME, "helper"},
        {ATTR_EXP_FN, NAME, "function"},
    };
    json_t *object = json_object();

    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        const enum nf_expect_attr attr = members[i].attr;
        if (!nfexp_attr_is_set(e, attr))
            continue;
        object =
            ctw_json_set(object, members[i].name,
                         members[i].form == TUPLE ? ctw_entry_to_json(nfexp_get_attr(e, attr), NULL)
                         : members[i].form == NUMBER ? json_integer(nfexp_get_attr_u32(e, attr))
                         : members[i].form == ZONE   ? json_integer(nfexp_get_attr_u16(e, attr))
                                                     : text(nfexp_get_attr(e, attr)));
    }
    return object;
}

/* --- lines ------------------------------------------------------------------------------------ */

/* What XML has before its entries. */
static void begin(struct ctw_entry_printer *p) {
    if (p->format == CTW_ENTRY_XML && !p->begun)
        (void)printf("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<%s>\n", p->root);
    p->begun = true;
}

void ctw_entry_end(struct ctw_entry_printer *p) {
    begin(p);
    if (p->format == CTW_ENTRY_XML)
        (void)printf("</%s>\n", p->root);
}

/* @n: what the library would have printed. */
static void put_line(struct ctw_entry_printer *p, int n) {
    if (n > 0 && (unsigned)n < sizeof(p->line) - 1) {
        begin(p);
        p->line[n] = '\n';
        (void)fwrite(p->line, 1, (size_t)n + 1, stdout);
    }
}

int ctw_entry_print_json(json_t *object) {
    if (!object)
        return -ENOMEM;
    const int r = json_dumpf(object, stdout, JSON_COMPACT);
    json_decref(object);
    (void)putchar('\n');
    return r < 0 && !ferror(stdout) ? -ENOMEM : 0;
}

/* Scripts read the text as conntrack(8) prints it by default, so nothing is added to that. */
static void print_as_library(struct ctw_entry_printer *p, const struct nf_conntrack *ct,
                             enum nf_conntrack_msg_type type) {
    const bool xml = p->format == CTW_ENTRY_XML;

    put_line(
        p, nfct_snprintf_labels(p->line, sizeof(p->line), ct, type, xml ? NFCT_O_XML : NFCT_O_PLAIN,
                                xml ? NFCT_OF_ID | NFCT_OF_TIMESTAMP : 0, xml ? p->labels : NULL));
}

/* @event: its name in JSON; NULL: an entry of a dump. */
static int print(struct ctw_entry_printer *p, const struct nlmsghdr *message,
                 enum nf_conntrack_msg_type type, const char *event, uint64_t time_usec) {
    struct nf_conntrack *ct = nfct_new();
    int r = ct ? 0 : -ENOMEM;

    if (r >= 0 && nfct_nlmsg_parse(message, ct) < 0)
        r = -EBADMSG;
    if (r >= 0 && p->format == CTW_ENTRY_JSON) {
        json_t *object = json_object();
        if (event)
            object = ctw_json_set(object, "event", json_string(event));
        if (time_usec > 0)
            object = ctw_json_set(object, "time_unix_microseconds", ctw_json_number(time_usec));
        r = ctw_entry_print_json(add_entry(object, ct, p->labels));
    } else if (r >= 0) {
        if (p->format == CTW_ENTRY_TEXT && time_usec > 0)
            (void)printf("[%" PRIu64 ".%06" PRIu64 "]\t", time_usec / CTW_USEC_PER_SEC,
                         time_usec % CTW_USEC_PER_SEC);
        print_as_library(p, ct, type);
    }
    if (ct)
        nfct_destroy(ct);
    return r;
}

int ctw_entry_print(struct ctw_entry_printer *p, const struct nlmsghdr *message) {
    return print(p, message, NFCT_T_UNKNOWN, NULL, 0);
}

int ctw_entry_print_event(struct ctw_entry_printer *p, const struct nlmsghdr *message,
                          uint64_t time_usec) {
    if (NFNL_MSG_TYPE(message->nlmsg_type) == IPCTNL_MSG_CT_DELETE)
        return print(p, message, NFCT_T_DESTROY, "destroyed", time_usec);
    if (message->nlmsg_flags & NLM_F_CREATE)
        return print(p, message, NFCT_T_NEW, "new", time_usec);
    return print(p, message, NFCT_T_UPDATE, "update", time_usec);
}

int ctw_entry_print_expectation(struct ctw_entry_printer *p, const struct nlmsghdr *message) {
    struct nf_expect *e = nfexp_new();
    int r = e ? 0 : -ENOMEM;

    if (r >= 0 && nfexp_nlmsg_parse(message, e) < 0)
        r = -EBADMSG;
    if (r >= 0 && p->format == CTW_ENTRY_JSON)
        r = ctw_entry_print_json(expectation_to_json(e));
    else if (r >= 0)
        put_line(p, nfexp_snprintf(p->line, sizeof(p->line), e, NFCT_T_UNKNOWN,
                                   p->format == CTW_ENTRY_XML ? NFCT_O_XML : NFCT_O_PLAIN, 0));
    if (e)
        nfexp_destroy(e);
    return r;
}

/* --- the filter of a socket ------------------------------------------------------------------- */

/* The words of an address and its mask, in host order. */
static void words_of(const uint8_t bytes[static 16], uint32_t ret[static 4]) {
    memcpy(ret, bytes, 16);
    for (size_t i = 0; i < 4; i++)
        ret[i] = ntohl(ret[i]);
}

static void add_address(struct nfct_filter *n, enum nfct_filter_attr v4, enum nfct_filter_attr v6,
                        uint8_t family, const uint8_t *address, const uint8_t *mask) {
    struct nfct_filter_ipv6 six;

    words_of(address, six.addr);
    words_of(mask, six.mask);
    const struct nfct_filter_ipv4 four = {.addr = six.addr[0], .mask = six.mask[0]};
    if (family == AF_INET && four.mask != 0)
        nfct_filter_add_attr(n, v4, &four);
    else if (family == AF_INET6 && (six.mask[0] | six.mask[1] | six.mask[2] | six.mask[3]) != 0)
        nfct_filter_add_attr(n, v6, &six);
}

static void fill_filter(const struct ctw_filter_kernel *f, struct nfct_filter *n) {
    for (uint8_t i = 0; i < f->n_protocols; i++)
        nfct_filter_add_attr_u32(n, NFCT_FILTER_L4PROTO, f->protocols[i]);
    for (uint16_t state = 0; state < 16; state++) {
        const struct nfct_filter_proto tcp = {.proto = IPPROTO_TCP, .state = state};
        if (f->tcp_states >> state & 1)
            nfct_filter_add_attr(n, NFCT_FILTER_L4PROTO_STATE, &tcp);
    }
    const struct nfct_filter_dump_mark mark = {.val = f->mark, .mask = f->mark_mask};
    if (f->mark_mask != 0)
        nfct_filter_add_attr(n, NFCT_FILTER_MARK, &mark);
    add_address(n, NFCT_FILTER_SRC_IPV4, NFCT_FILTER_SRC_IPV6, f->family, f->source,
                f->source_mask);
    add_address(n, NFCT_FILTER_DST_IPV4, NFCT_FILTER_DST_IPV6, f->family, f->destination,
                f->destination_mask);
}

void ctw_event_filter_attach(int fd, const struct ctw_filter *f) {
    struct nfct_filter *n = nfct_filter_create();
    struct ctw_filter_kernel e;

    ctw_filter_for_kernel(f, &e);
    if (n && !e.nothing && (e.n_protocols || e.tcp_states || e.mark_mask || e.family)) {
        fill_filter(&e, n);
        (void)nfct_filter_attach(fd, n);
    }
    if (n)
        nfct_filter_destroy(n);
}
