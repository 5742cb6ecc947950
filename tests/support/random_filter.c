/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/support/random_filter.h"

#include <arpa/inet.h>
#include <assert.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))

/* splitmix64. */
unsigned roll(struct dice *d, unsigned sides) {
    uint64_t z = d->state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return (unsigned)((z ^ z >> 31) % sides);
}

/* --- values ----------------------------------------------------------------------------------- */

static const char *const addresses4[] = {"10.0.0.1", "10.0.0.2", "10.1.0.1", "192.168.1.1",
                                         "203.0.113.9"};
static const char *const addresses6[] = {"2001:db8::1", "2001:db8::2", "2001:db8:1::1", "fd00::9"};
static const uint16_t ports[] = {53, 80, 443, 1024, 1500, 40000};
static const uint8_t protocols[] = {IPPROTO_TCP, IPPROTO_TCP,  IPPROTO_UDP,  IPPROTO_ICMP,
                                    IPPROTO_GRE, IPPROTO_SCTP, IPPROTO_DCCP, IPPROTO_UDPLITE};
static const uint16_t zones[] = {0, 0, 1, 3};
static const uint32_t marks[] = {0, 0, 1, 0x10, 0x30, 0xff};
static const uint32_t timeouts[] = {0, 10, 30, 3599, 3600, 432000};
static const char *const helpers[] = {"", "", "ftp", "sip"};
static const uint8_t labels[] = {0, 5, 127};

static void address(struct dice *d, uint8_t family, uint8_t ret[static 16]) {
    memset(ret, 0, 16);
    if (family == AF_INET)
        assert(inet_pton(AF_INET, addresses4[roll(d, LENGTH(addresses4))], ret) == 1);
    else
        assert(inet_pton(AF_INET6, addresses6[roll(d, LENGTH(addresses6))], ret) == 1);
}

#define PICK(d, array) ((array)[roll((d), LENGTH(array))])

/* NAT of a direction changes the end that the replies have. */
static void set_replies(struct dice *d, const struct ctw_flow *flow, struct ctw_flow_details *r) {
    memcpy(r->reply_source, flow->destination, 16);
    memcpy(r->reply_destination, flow->source, 16);
    r->reply_source_port = flow->destination_port;
    r->reply_destination_port = flow->source_port;
    if (flow->status & IPS_DST_NAT)
        address(d, flow->family, r->reply_source);
    if (flow->status & IPS_SRC_NAT)
        address(d, flow->family, r->reply_destination);
    if ((flow->status & IPS_SRC_NAT) && ctw_flow_has_ports(flow->protocol))
        r->reply_destination_port = PICK(d, ports);
}

void random_entry(struct dice *d, struct ctw_flow *flow, struct ctw_flow_details *details) {
    memset(flow, 0, sizeof(*flow));
    memset(details, 0, sizeof(*details));
    flow->family = roll(d, 3) > 0 ? AF_INET : AF_INET6;
    flow->protocol = PICK(d, protocols);
    if (flow->protocol == IPPROTO_ICMP && flow->family == AF_INET6)
        flow->protocol = IPPROTO_ICMPV6;
    address(d, flow->family, flow->source);
    address(d, flow->family, flow->destination);
    if (ctw_flow_has_ports(flow->protocol)) {
        flow->source_port = PICK(d, ports);
        flow->destination_port = PICK(d, ports);
    }
    static const uint32_t bits[] = {IPS_ASSURED, IPS_SEEN_REPLY, IPS_SRC_NAT,
                                    IPS_DST_NAT, IPS_EXPECTED,   IPS_CONFIRMED};
    for (size_t i = 0; i < LENGTH(bits); i++)
        if (roll(d, 3) == 0)
            flow->status |= bits[i];
    flow->timeout_sec = PICK(d, timeouts);
    flow->has_tcp_state = flow->protocol == IPPROTO_TCP && roll(d, 16) > 0;
    flow->tcp_state = flow->has_tcp_state ? (uint8_t)roll(d, 10) : 0;
    if (flow->protocol == IPPROTO_SCTP || flow->protocol == IPPROTO_DCCP)
        details->state = (uint8_t)roll(d, 10);
    details->zone = PICK(d, zones);
    flow->zone = roll(d, 4) > 0 ? details->zone : 0;
    details->mark = PICK(d, marks);
    (void)snprintf(details->helper, sizeof(details->helper), "%s", PICK(d, helpers));
    for (size_t i = 0; i < LENGTH(labels); i++)
        details->labels[labels[i] / 32] |= roll(d, 3) == 0 ? 1u << labels[i] % 32 : 0;
    details->bytes = roll(d, 2) > 0 ? roll(d, 20000) : 0;
    details->packets = details->bytes / 100;
    set_replies(d, flow, details);
}

int random_label(const char *name, void *userdata) {
    (void)userdata;
    return strcasecmp(name, "first") == 0 ? 0 : strcasecmp(name, "voip") == 0 ? 5 : -1;
}

/* --- conditions ------------------------------------------------------------------------------- */

enum { AND, OR, NOT, END, PORT, PROTOCOL, FAMILY, STATUS, STATE, ZONE, MARK, TIMEOUT, OTHER };

static const struct {
    const char *text;
    uint8_t family;
    const char *address;
    unsigned length;
} prefixes[] = {
    {"10.0.0.1", AF_INET, "10.0.0.1", 32},
    {"10.0.0.2/32", AF_INET, "10.0.0.2", 32},
    {"10.0.0.0/8", AF_INET, "10.0.0.0", 8},
    {"10/9", AF_INET, "10.0.0.0", 9},
    {"0.0.0.0/0", AF_INET, "0.0.0.0", 0},
    {"192.168/16", AF_INET, "192.168.0.0", 16},
    {"2001:db8::1", AF_INET6, "2001:db8::1", 128},
    {"2001:db8::/32", AF_INET6, "2001:db8::", 32},
    {"2001:db8:1::/47", AF_INET6, "2001:db8::", 47},
    {"::/0", AF_INET6, "::", 0},
};
static const char *const ends[] = {"src", "dst", "reply src", "reply dst", "net"};
static const char *const port_ends[] = {"sport", "dport", "reply sport", "reply dport", "port"};
static const struct {
    const char *text;
    uint16_t min, max;
} ranges[] = {{"53", 53, 53},        {"443", 443, 443},       {"!= 443", 443, 443},
              {"80-1024", 80, 1024}, {"> 1024", 1025, 65535}, {"<= 80", 0, 80},
              {"{80, 443}", 80, 443} /* the pool has none between */};
static const struct {
    const char *text;
    uint8_t protocol;
} protocol_words[] = {{"tcp", IPPROTO_TCP},        {"udp", IPPROTO_UDP},
                      {"icmp", IPPROTO_ICMP},      {"icmpv6", IPPROTO_ICMPV6},
                      {"proto 47", IPPROTO_GRE},   {"sctp", IPPROTO_SCTP},
                      {"proto dccp", IPPROTO_DCCP}};
static const struct {
    const char *text;
    uint32_t mask;
} status_words[] = {{"assured", IPS_ASSURED}, {"replied", IPS_SEEN_REPLY},
                    {"nat", IPS_NAT_MASK},    {"snat", IPS_SRC_NAT},
                    {"dnat", IPS_DST_NAT},    {"expected", IPS_EXPECTED}};
static const struct {
    const char *text;
    int tcp, sctp, dccp; /* -1: has none */
} state_words[] = {{"ESTABLISHED", 3, 4, -1},  {"TIME_WAIT", 7, -1, -1}, {"syn_sent", 1, -1, -1},
                   {"COOKIE_WAIT", -1, 2, -1}, {"CLOSING", -1, -1, 6},   {"CLOSE", 8, -1, -1}};
static const struct {
    const char *text;
    uint32_t value, mask;
} mark_words[] = {{"0", 0, UINT32_MAX}, {"1", 1, UINT32_MAX},      {"0x10/0xf0", 0x10, 0xf0},
                  {"0x1/1", 1, 1},      {"0x30/0x30", 0x30, 0x30}, {"0/0x80", 0, 0x80}};
static const struct {
    const char *text;
    uint32_t min, max;
} times[] = {{"< 1h", 0, 3599}, {">= 1h", 3600, UINT32_MAX}, {"10", 10, 10}, {"5s-1min", 5, 60}};
static const char *const others[] = {"label first", "label 5",        "label 127",   "helper ftp",
                                     "helper sip",  "bytes >= 10KiB", "packets < 50"};

static bool in_prefix(const uint8_t *address_bytes, unsigned i) {
    uint8_t prefix[16];

    assert(inet_pton(prefixes[i].family, prefixes[i].address, prefix) == 1);
    for (unsigned bit = 0; bit < prefixes[i].length; bit++)
        if ((address_bytes[bit / 8] ^ prefix[bit / 8]) >> (7 - bit % 8) & 1)
            return false;
    return true;
}

static bool end_is(const struct random_node *n, const struct ctw_flow *flow,
                   const struct ctw_flow_details *d, unsigned end) {
    const uint8_t *const address_of[] = {flow->source, flow->destination, d->reply_source,
                                         d->reply_destination};
    const uint16_t port_of[] = {flow->source_port, flow->destination_port, d->reply_source_port,
                                d->reply_destination_port};

    if (n->kind == END)
        return flow->family == prefixes[n->value].family && in_prefix(address_of[end], n->value);
    return ctw_flow_has_ports(flow->protocol) && port_of[end] >= ranges[n->value].min &&
           port_of[end] <= ranges[n->value].max;
}

static bool end_matches(const struct random_node *n, const struct ctw_flow *flow,
                        const struct ctw_flow_details *d) {
    bool ret = false;

    if (n->end < 4)
        ret = end_is(n, flow, d, n->end);
    for (unsigned end = 0; n->end == 4 && end < (flow->status & IPS_NAT_MASK ? 4 : 2); end++)
        ret |= end_is(n, flow, d, end);
    return ret != (n->kind == PORT && strncmp(ranges[n->value].text, "!=", 2) == 0);
}

static bool state_is(unsigned value, const struct ctw_flow *flow,
                     const struct ctw_flow_details *d) {
    switch (flow->protocol) {
    case IPPROTO_TCP: return flow->has_tcp_state && flow->tcp_state == state_words[value].tcp;
    case IPPROTO_SCTP: return d->state == state_words[value].sctp;
    case IPPROTO_DCCP: return d->state == state_words[value].dccp;
    }
    return false;
}

static bool other_is(unsigned value, const struct ctw_flow_details *d) {
    switch (value) {
    case 0: return d->labels[0] & 1;
    case 1: return d->labels[0] & 1 << 5;
    case 2: return d->labels[3] & 1u << 31;
    case 3:
    case 4: return strcmp(d->helper, value == 3 ? "ftp" : "sip") == 0;
    case 5: return d->bytes >= 10240;
    }
    return d->packets < 50;
}

static bool matches(const struct random_filter *f, unsigned node, const struct ctw_flow *flow,
                    const struct ctw_flow_details *d) {
    const struct random_node *n = &f->nodes[node];

    switch (n->kind) {
    case AND: return matches(f, n->left, flow, d) && matches(f, n->right, flow, d);
    case OR: return matches(f, n->left, flow, d) || matches(f, n->right, flow, d);
    case NOT: return !matches(f, n->left, flow, d);
    case END:
    case PORT: return end_matches(n, flow, d);
    case PROTOCOL: return flow->protocol == protocol_words[n->value].protocol;
    case FAMILY: return (flow->family == AF_INET6) == (n->value == 1);
    case STATUS: return flow->status & status_words[n->value].mask;
    case STATE: return state_is(n->value, flow, d);
    case ZONE: return d->zone == n->value;
    case MARK: return (d->mark & mark_words[n->value].mask) == mark_words[n->value].value;
    case TIMEOUT:
        return flow->timeout_sec >= times[n->value].min && flow->timeout_sec <= times[n->value].max;
    }
    return other_is(n->value, d);
}

bool random_filter_matches(const struct random_filter *f, const struct ctw_flow *flow,
                           const struct ctw_flow_details *details) {
    return matches(f, 0, flow, details);
}

/* --- text ------------------------------------------------------------------------------------- */

__attribute__((format(printf, 2, 3))) static void put(struct random_filter *f, const char *format,
                                                      ...) {
    const size_t length = strlen(f->text);
    va_list ap;

    va_start(ap, format);
    (void)vsnprintf(f->text + length, sizeof(f->text) - length, format, ap);
    va_end(ap);
}

static void put_condition(struct dice *d, unsigned kind, unsigned end, struct random_filter *f,
                          struct random_node *n) {
    n->kind = kind;
    n->end = end;
    switch (n->kind) {
    case END:
        n->value = roll(d, LENGTH(prefixes));
        put(f, "%s %s", ends[n->end], prefixes[n->value].text);
        break;
    case PORT:
        n->value = roll(d, LENGTH(ranges));
        put(f, "%s %s", port_ends[n->end], ranges[n->value].text);
        break;
    case PROTOCOL:
        n->value = roll(d, LENGTH(protocol_words));
        put(f, "%s", protocol_words[n->value].text);
        break;
    case FAMILY:
        n->value = roll(d, 2);
        put(f, "%s", n->value == 1 ? "family ipv6" : "ip");
        break;
    case STATUS:
        n->value = roll(d, LENGTH(status_words));
        put(f, "%s", status_words[n->value].text);
        break;
    case STATE:
        n->value = roll(d, LENGTH(state_words));
        put(f, "state %s", state_words[n->value].text);
        break;
    case ZONE:
        n->value = roll(d, 4);
        put(f, "zone %u", n->value);
        break;
    case MARK:
        n->value = roll(d, LENGTH(mark_words));
        put(f, "mark %s", mark_words[n->value].text);
        break;
    case TIMEOUT:
        n->value = roll(d, LENGTH(times));
        put(f, "timeout %s", times[n->value].text);
        break;
    case OTHER:
        n->value = roll(d, LENGTH(others));
        put(f, "%s", others[n->value]);
        break;
    }
}

/* Return: the node's index. Everything but a condition is put in parentheses. */
static unsigned grow(struct dice *d, unsigned levels, struct random_filter *f) {
    static const char *const joins[2][3] = {{" and ", " && ", " "}, {" or ", " || ", "||"}};
    const unsigned i = f->n++;
    struct random_node *n = &f->nodes[i];

    if (levels == 0 || roll(d, 4) == 0 || f->n + 2 * levels + 2 > RANDOM_NODES_MAX) {
        put_condition(d, END + roll(d, OTHER + 1 - END), roll(d, 5), f, n);
        return i;
    }
    n->kind = roll(d, 3);
    if (n->kind == NOT) {
        put(f, "%s(", roll(d, 2) ? "not " : "!");
        n->left = grow(d, levels - 1, f);
        put(f, ")");
        return i;
    }
    put(f, "(");
    n->left = grow(d, levels - 1, f);
    /* behind a negation, `and` must be written */
    const bool negated = f->nodes[n->left].kind == NOT;
    put(f, ")%s(", joins[n->kind][roll(d, negated ? 2 : 3)]);
    n->right = grow(d, levels - 1, f);
    put(f, ")");
    return i;
}

/* "((src 10.0.0.1) (dport 443)) (tcp)": what people write, and the kernel can check. With @usual
 * the conditions are of these three kinds. */
static unsigned conjunction(struct dice *d, unsigned n, bool usual, struct random_filter *f) {
    const unsigned i = f->n++;
    const unsigned kind = usual ? END + n - 1 : END + roll(d, MARK + 1 - END);
    struct random_node *node = &f->nodes[i];

    if (n == 1) {
        put_condition(d, kind, roll(d, 2), f, node);
        return i;
    }
    node->kind = AND;
    put(f, "(");
    node->left = conjunction(d, n - 1, usual, f);
    put(f, ") (");
    node->right = f->n++;
    put_condition(d, kind, roll(d, 2), f, &f->nodes[node->right]);
    put(f, ")");
    return i;
}

void random_filter(struct dice *d, unsigned levels, struct random_filter *ret) {
    ret->text[0] = '\0';
    ret->n = 0;
    const unsigned shape = roll(d, 6);
    if (levels > 0 && shape < 2)
        (void)conjunction(d, shape == 0 ? 3 : 1 + roll(d, 5), shape == 0, ret);
    else
        (void)grow(d, levels, ret);
}
