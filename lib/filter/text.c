/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "lib/filter/filter.h"
#include "lib/kernel/names.h"
#include "lib/util/parse.h"
#include "lib/util/units.h"

/*
 *   any        := all { or all }
 *   all        := operand { [ and ] operand }
 *   operand    := "not" negated | "(" any ")" | condition
 *   negated    := "not" negated | "(" any ")" | condition { condition }
 *   condition  := WORD [ OPERATOR ] values
 *   values     := VALUE { "," VALUE } | "{" VALUE { "," VALUE } "}"
 *
 * Behind `not` and its operand only `and`, `or`, ")" or the end may stand: "not tcp (dport 80)"
 * could be read in two ways.
 */

/* --- tokens ----------------------------------------------------------------------------------- */

/* Room for an IPv6 address with its prefix; no longer word means anything. */
#define WORD_MAX 64u

/* What ends a word; every two of "!=&|<>" that are listed in `signs` are one sign. */
#define SIGNS "(){},!=&|<>"

struct token {
    size_t offset, length; /* length 0: the end of the text */
    bool sign;
    char text[WORD_MAX]; /* cut off when it is longer */
};

struct parser {
    const char *text;
    size_t length;
    struct token token;      /* the next one */
    const struct word *word; /* of which a value is read */
    unsigned depth;
    bool failed;
    ctw_filter_label_fn label;
    void *userdata;
    struct ctw_filter *f;
    struct ctw_filter_error *error;
};

/* Only the first error counts. */
__attribute__((format(printf, 3, 4))) static void fail(struct parser *p, const struct token *at,
                                                       const char *format, ...) {
    char text[CTW_LINE_MAX];
    va_list ap;

    if (p->failed)
        return;
    p->failed = true;
    va_start(ap, format);
    (void)vsnprintf(text, sizeof(text), format, ap);
    va_end(ap);
    p->error->offset = at->offset;
    p->error->length = at->length;
    ctw_line_start(&p->error->message);
    if (at->length == 0)
        ctw_line_add(&p->error->message, "at the end: %s", text);
    else
        ctw_line_add(&p->error->message, "word '%.40s%s': %s", at->text,
                     at->length > 40 ? "..." : "", text);
}

static bool is_space(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool is_sign(char c) {
    return c != '\0' && strchr(SIGNS, c);
}

static size_t sign_length(const char *text, size_t left) {
    static const char *const signs[] = {"&&", "||", "!=", "==", "<=", ">="};

    for (size_t i = 0; left >= 2 && i < sizeof(signs) / sizeof(signs[0]); i++)
        if (strncmp(text, signs[i], 2) == 0)
            return 2;
    return 1;
}

static void next(struct parser *p) {
    struct token *t = &p->token;
    size_t at = t->offset + t->length, n = 0;

    while (at < p->length && is_space(p->text[at]))
        at++;
    const char *start = p->text + at;
    t->offset = at;
    t->sign = at < p->length && is_sign(*start);
    if (t->sign)
        n = sign_length(start, p->length - at);
    else
        while (at + n < p->length && !is_space(start[n]) && !is_sign(start[n]))
            n++;
    t->length = n;
    (void)snprintf(t->text, sizeof(t->text), "%.*s", (int)(n < WORD_MAX ? n : WORD_MAX - 1), start);
    for (size_t i = 0; i < n; i++)
        if ((signed char)start[i] < ' ' || start[i] == 0x7f)
            fail(p, t, "has a control character, or one that is not ASCII");
    if (n >= WORD_MAX)
        fail(p, t, "is too long, at most %u bytes", WORD_MAX - 1);
}

static bool is(const struct parser *p, const char *word) {
    return p->token.length > 0 && strcasecmp(p->token.text, word) == 0;
}

static bool take(struct parser *p, const char *word) {
    if (p->failed || !is(p, word))
        return false;
    next(p);
    return true;
}

static bool is_and(const struct parser *p) {
    return is(p, "and") || is(p, "&&");
}

static bool is_or(const struct parser *p) {
    return is(p, "or") || is(p, "||");
}

static bool is_not(const struct parser *p) {
    return is(p, "not") || is(p, "!");
}

/* --- nodes ------------------------------------------------------------------------------------ */

/* Return: a node; 0 when there is no room for it. */
static uint16_t new_node(struct parser *p, const struct token *at, enum ctw_filter_kind kind) {
    if (p->f->n > CTW_FILTER_NODES_MAX)
        fail(p, at, "is too much, at most %u conditions and words that join them",
             CTW_FILTER_NODES_MAX);
    if (p->failed)
        return 0;
    memset(&p->f->nodes[p->f->n], 0, sizeof(p->f->nodes[0]));
    p->f->nodes[p->f->n].kind = (uint8_t)kind;
    return p->f->n++;
}

/* Conditions joined by the same word: the first alone, or a node that holds them all. */
struct chain {
    enum ctw_filter_kind kind;
    uint16_t node, last;
    bool joined;
};

static void append(struct parser *p, struct chain *c, const struct token *at, uint16_t node) {
    if (p->failed)
        return;
    if (c->node == 0) {
        c->node = c->last = node;
        return;
    }
    if (!c->joined) {
        const uint16_t join = new_node(p, at, c->kind);
        if (join == 0)
            return;
        p->f->nodes[join].first = c->node;
        c->node = join;
        c->joined = true;
    }
    p->f->nodes[c->last].next = node;
    c->last = node;
}

static uint16_t negate(struct parser *p, const struct token *at, uint16_t node) {
    const uint16_t n = new_node(p, at, CTW_FILTER_NOT);

    if (n > 0)
        p->f->nodes[n].first = node;
    return n;
}

/* --- values ----------------------------------------------------------------------------------- */

struct word {
    const char *word;
    enum ctw_filter_kind kind;
    uint8_t end; /* enum ctw_filter_end */
    bool fixed;  /* takes no value: it has `max` */
    bool negated;
    bool net, host, reply;
    uint64_t max;       /* the highest value, what bytes and packets are cut off to */
    const char *values; /* what it takes */
    void (*read)(struct parser *p, struct ctw_filter_node *ret); /* the next token */
};

static const struct word *find_word(const char *text);

#define ADDRESSES "10.0.0.1, 10.0.0.0/8, 2001:db8::1 or 2001:db8::/32"

/* "10/8", "192.168/16": octets that are left out are 0. Return: octets; 0: it is none. */
static unsigned read_ipv4(const char *text, uint8_t address[static 16]) {
    unsigned octets = 0;

    for (;; octets++) {
        const size_t n = strcspn(text, ".");
        uint64_t value;
        if (octets == 4 || n > 3 || ctw_text_decimal(text, n, UINT8_MAX, &value) < 0 ||
            (n > 1 && text[0] == '0'))
            return 0;
        address[octets] = (uint8_t)value;
        if (text[n] == '\0')
            return octets + 1;
        text += n + 1;
    }
}

static void clear_behind(struct ctw_filter_node *n) {
    for (unsigned bit = n->prefix.length; bit < 128; bit++)
        n->prefix.address[bit / 8] &= (uint8_t) ~(0x80u >> bit % 8);
}

/* Return: whether @text, which is changed, is an address or prefix. */
static bool read_prefix(char *text, struct ctw_filter_node *n) {
    char *slash = strchr(text, '/');
    unsigned octets = 0;
    uint64_t length;

    if (slash)
        *slash = '\0';
    if (inet_pton(AF_INET6, text, n->prefix.address) == 1)
        n->prefix.family = AF_INET6;
    else if ((octets = read_ipv4(text, n->prefix.address)) > 0)
        n->prefix.family = AF_INET;
    else
        return false;
    length = octets == 0 ? 128 : octets * 8;
    if (slash &&
        ctw_text_decimal(slash + 1, strlen(slash + 1), octets == 0 ? 128 : 32, &length) < 0)
        return false;
    n->prefix.length = (uint8_t)length;
    clear_behind(n);
    return slash || octets == 0 || octets == 4;
}

static void read_address(struct parser *p, struct ctw_filter_node *n) {
    char text[WORD_MAX];

    (void)snprintf(text, sizeof(text), "%s", p->token.text);
    const bool whole = read_prefix(text, n);
    const bool is_net = n->prefix.family != 0 && p->word->net;
    if (!whole && !(is_net && !strchr(p->token.text, '/')))
        fail(p, &p->token, "is no address: %s; names are not resolved", ADDRESSES);
    if (p->word->host && strchr(p->token.text, '/'))
        fail(p, &p->token, "is a prefix: host takes one address, net a prefix");
}

/* Return: whether @text is a number in the unit of @w. */
static bool read_number(const struct word *w, const char *text, uint64_t *ret) {
    uint64_t usec;

    switch (w->kind) {
    case CTW_FILTER_TIMEOUT:
        if (ctw_text_duration(text, &usec) < 0 || usec % CTW_USEC_PER_SEC != 0)
            return false;
        *ret = usec / CTW_USEC_PER_SEC;
        return *ret <= w->max;
    case CTW_FILTER_BYTES: return ctw_text_size(text, ret) == 0 && *ret <= w->max;
    default: return ctw_text_decimal(text, strlen(text), w->max, ret) == 0;
    }
}

/* "443", "1000-2000". */
static void read_range(struct parser *p, struct ctw_filter_node *n) {
    char text[WORD_MAX];

    (void)snprintf(text, sizeof(text), "%s", p->token.text);
    char *dash = strchr(text, '-');
    if (dash)
        *dash = '\0';
    if (!read_number(p->word, text, &n->range.min) ||
        !read_number(p->word, dash ? dash + 1 : text, &n->range.max))
        fail(p, &p->token, "is not %s", p->word->values);
    else if (n->range.min > n->range.max)
        fail(p, &p->token, "ends before it begins");
}

/* "16", "0x10". Return: -EINVAL when it is none of 32 bits. */
static int read_bits(const char *text, size_t length, uint32_t *ret) {
    uint64_t value = 0;

    if (length < 3 || text[0] != '0' || (text[1] != 'x' && text[1] != 'X')) {
        if (ctw_text_decimal(text, length, UINT32_MAX, &value) < 0)
            return -EINVAL;
        *ret = (uint32_t)value;
        return 0;
    }
    for (size_t i = 2; i < length; i++) {
        static const char digits[] = "0123456789abcdef0123456789ABCDEF";
        const char *digit = strchr(digits, text[i]);
        value = value << 4 | (uint64_t)(digit ? (digit - digits) % 16 : 0);
        if (!digit || value > UINT32_MAX)
            return -EINVAL;
    }
    *ret = (uint32_t)value;
    return 0;
}

static void read_mark(struct parser *p, struct ctw_filter_node *n) {
    const char *text = p->token.text;
    const size_t length = strcspn(text, "/");

    n->bits.mask = UINT32_MAX;
    if (read_bits(text, length, &n->bits.value) < 0 ||
        (text[length] == '/' &&
         read_bits(text + length + 1, strlen(text + length + 1), &n->bits.mask) < 0))
        fail(p, &p->token, "is no mark: 16, 0x10 or 0x10/0xf0");
    else if (n->bits.mask == 0)
        fail(p, &p->token, "has the mask 0, which every mark matches");
    else if (n->bits.value & ~n->bits.mask)
        fail(p, &p->token, "has bits outside of its mask, so no mark matches");
}

static void read_state(struct parser *p, struct ctw_filter_node *n) {
    n->states.tcp = ctw_state_mask(IPPROTO_TCP, p->token.text);
    n->states.sctp = ctw_state_mask(IPPROTO_SCTP, p->token.text);
    n->states.dccp = ctw_state_mask(IPPROTO_DCCP, p->token.text);
    if (!n->states.tcp && !n->states.sctp && !n->states.dccp)
        fail(p, &p->token,
             "is no state of TCP, SCTP or DCCP: SYN_SENT, SYN_RECV, ESTABLISHED, FIN_WAIT, "
             "CLOSE_WAIT, LAST_ACK, TIME_WAIT, CLOSE, ...");
}

static void read_label(struct parser *p, struct ctw_filter_node *n) {
    const char *text = p->token.text;
    uint64_t number;
    int bit;

    if (text[strspn(text, "0123456789")] == '\0') {
        if (ctw_text_decimal(text, strlen(text), CTW_LABELS - 1, &number) < 0)
            fail(p, &p->token, "is no number of a label, 0 to %u", CTW_LABELS - 1);
        n->label = (uint8_t)number;
        return;
    }
    bit = p->label ? p->label(text, p->userdata) : -1;
    if (bit < 0 || bit >= (int)CTW_LABELS)
        fail(p, &p->token, "is no label of connlabel.conf, and no number from 0 to %u",
             CTW_LABELS - 1);
    else
        n->label = (uint8_t)bit;
}

static void read_helper(struct parser *p, struct ctw_filter_node *n) {
    if (p->token.length >= CTW_FLOW_HELPER_MAX)
        fail(p, &p->token, "is too long for a helper, at most %u bytes: ftp, sip, ...",
             CTW_FLOW_HELPER_MAX - 1);
    else
        memcpy(n->helper, p->token.text, p->token.length);
}

/* A protocol or a family. */
static void read_named(struct parser *p, struct ctw_filter_node *n) {
    const struct word *named = find_word(p->token.text);
    const bool is_protocol = p->word->kind == CTW_FILTER_PROTOCOL;

    if (named && named->kind == p->word->kind && named->fixed)
        n->range.min = n->range.max = named->max;
    else if (is_protocol &&
             ctw_text_decimal(p->token.text, strlen(p->token.text), UINT8_MAX, &n->range.min) == 0)
        n->range.max = n->range.min;
    else
        fail(p, &p->token,
             is_protocol ? "is no protocol: tcp, udp, icmp, icmpv6, gre, sctp, ... or 0 to 255"
                         : "is no family: ipv4 or ipv6");
}

/* --- the words -------------------------------------------------------------------------------- */

/* The highest number that ctw_text_size() reads. */
#define VALUE_MAX (UINT64_C(1) << 53)

#define PORTS "a port, 443, or a range, 1000-2000"

#define END(name, of, which, how, what)                                                            \
    { .word = name, .kind = of, .end = which, .max = UINT16_MAX, .values = what, .read = how }
#define FIXED(name, of, n)                                                                         \
    { .word = name, .kind = of, .fixed = true, .max = n }
#define VALUE(name, of, n, what, how)                                                              \
    { .word = name, .kind = of, .max = n, .values = what, .read = how }

static const struct word words[] = {
    END("src", CTW_FILTER_ADDRESS, CTW_FILTER_SOURCE, read_address, ADDRESSES),
    END("dst", CTW_FILTER_ADDRESS, CTW_FILTER_DESTINATION, read_address, ADDRESSES),
    END("saddr", CTW_FILTER_ADDRESS, CTW_FILTER_SOURCE, read_address, ADDRESSES),
    END("daddr", CTW_FILTER_ADDRESS, CTW_FILTER_DESTINATION, read_address, ADDRESSES),
    {"host", CTW_FILTER_ADDRESS, CTW_FILTER_EITHER, .host = true,
     .values = "10.0.0.1 or 2001:db8::1", .read = read_address},
    {"net", CTW_FILTER_ADDRESS, CTW_FILTER_EITHER, .net = true,
     .values = "10.0.0.0/8 or 2001:db8::/32", .read = read_address},
    {"reply", CTW_FILTER_ALL, .reply = true},
    END("sport", CTW_FILTER_PORT, CTW_FILTER_SOURCE, read_range, PORTS),
    END("dport", CTW_FILTER_PORT, CTW_FILTER_DESTINATION, read_range, PORTS),
    END("port", CTW_FILTER_PORT, CTW_FILTER_EITHER, read_range, PORTS),
    FIXED("tcp", CTW_FILTER_PROTOCOL, IPPROTO_TCP),
    FIXED("udp", CTW_FILTER_PROTOCOL, IPPROTO_UDP),
    FIXED("udplite", CTW_FILTER_PROTOCOL, IPPROTO_UDPLITE),
    FIXED("icmp", CTW_FILTER_PROTOCOL, IPPROTO_ICMP),
    FIXED("icmpv6", CTW_FILTER_PROTOCOL, IPPROTO_ICMPV6),
    FIXED("icmp6", CTW_FILTER_PROTOCOL, IPPROTO_ICMPV6),
    FIXED("gre", CTW_FILTER_PROTOCOL, IPPROTO_GRE),
    FIXED("sctp", CTW_FILTER_PROTOCOL, IPPROTO_SCTP),
    FIXED("dccp", CTW_FILTER_PROTOCOL, IPPROTO_DCCP),
    FIXED("esp", CTW_FILTER_PROTOCOL, IPPROTO_ESP),
    VALUE("proto", CTW_FILTER_PROTOCOL, UINT8_MAX, "a protocol, tcp, or its number", read_named),
    FIXED("ip", CTW_FILTER_FAMILY, AF_INET),
    FIXED("ipv4", CTW_FILTER_FAMILY, AF_INET),
    FIXED("ip6", CTW_FILTER_FAMILY, AF_INET6),
    FIXED("ipv6", CTW_FILTER_FAMILY, AF_INET6),
    VALUE("family", CTW_FILTER_FAMILY, 0, "ipv4 or ipv6", read_named),
    FIXED("assured", CTW_FILTER_STATUS, IPS_ASSURED),
    FIXED("replied", CTW_FILTER_STATUS, IPS_SEEN_REPLY),
    {"unreplied", CTW_FILTER_STATUS, .fixed = true, .negated = true, .max = IPS_SEEN_REPLY},
    FIXED("nat", CTW_FILTER_STATUS, IPS_NAT_MASK),
    FIXED("snat", CTW_FILTER_STATUS, IPS_SRC_NAT),
    FIXED("dnat", CTW_FILTER_STATUS, IPS_DST_NAT),
    FIXED("expected", CTW_FILTER_STATUS, IPS_EXPECTED),
    FIXED("offload", CTW_FILTER_STATUS, IPS_OFFLOAD),
    VALUE("state", CTW_FILTER_STATE, 0, "a state, ESTABLISHED", read_state),
    VALUE("zone", CTW_FILTER_ZONE, UINT16_MAX, "a zone, 0 to 65535, or a range", read_range),
    VALUE("mark", CTW_FILTER_MARK, 0, "a mark: 16, 0x10 or 0x10/0xf0", read_mark),
    VALUE("label", CTW_FILTER_LABEL, 0, "a name from connlabel.conf, or a number from 0 to 127",
          read_label),
    VALUE("helper", CTW_FILTER_HELPER, 0, "a name: ftp, sip, ...", read_helper),
    VALUE("timeout", CTW_FILTER_TIMEOUT, UINT32_MAX, "a time in whole seconds: 30s, 5min, 1h, 5d",
          read_range),
    VALUE("bytes", CTW_FILTER_BYTES, VALUE_MAX, "a size: 4096, 64KiB, 10MiB, 1GiB", read_range),
    VALUE("packets", CTW_FILTER_PACKETS, VALUE_MAX, "a number", read_range),
};

static const struct word *find_word(const char *text) {
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (strcasecmp(words[i].word, text) == 0)
            return &words[i];
    return NULL;
}

/* One value of the condition @w. Return: its node; 0 after an error. */
static uint16_t read_value(struct parser *p, const struct word *w) {
    const struct token at = p->token;
    struct ctw_filter_node n;

    memset(&n, 0, sizeof(n)); /* programs can be compared byte by byte */
    n.kind = (uint8_t)w->kind;
    n.end = w->end;
    if (at.length == 0 || at.sign) {
        fail(p, &at, "%s needs %s", w->word, w->values);
        return 0;
    }
    p->word = w;
    w->read(p, &n);
    const uint16_t node = new_node(p, &at, w->kind);
    if (node > 0) {
        p->f->nodes[node] = n;
        next(p);
    }
    return node;
}

/* "timeout < 1h" as a range. */
static uint16_t read_order(struct parser *p, const struct word *w, const struct token *sign) {
    const struct token at = p->token;
    const uint16_t node = read_value(p, w);

    if (node == 0)
        return 0;
    struct ctw_filter_node *n = &p->f->nodes[node];
    const bool less = sign->text[0] == '<', or_equal = sign->text[1] == '=';
    const uint64_t value = n->range.min;
    if (value != n->range.max)
        fail(p, &at, "is a range, behind '%s' one value is needed", sign->text);
    else if (!or_equal && value == (less ? 0 : w->max))
        fail(p, &at, "nothing is %s that", less ? "below" : "above");
    n->range.min = less ? 0 : value + !or_equal;
    n->range.max = less ? value - !or_equal : w->max;
    return node;
}

static uint16_t read_values(struct parser *p, const struct word *w) {
    struct chain c = {.kind = CTW_FILTER_OR};
    const struct token sign = p->token;
    const bool unequal = take(p, "!=");

    if (!unequal && !take(p, "=") && !take(p, "==") && sign.sign && strchr("<>", sign.text[0])) {
        if (w->read != read_range)
            fail(p, &sign, "%s has no order, only = and != are allowed", w->word);
        next(p);
        return read_order(p, w, &sign);
    }
    const bool braces = take(p, "{");
    do {
        const struct token at = p->token;
        append(p, &c, &at, read_value(p, w));
    } while (take(p, ","));
    if (braces && !take(p, "}"))
        fail(p, &p->token, "'}' or ',' is missing");
    return unequal ? negate(p, &sign, c.node) : c.node;
}

/* --- conditions ------------------------------------------------------------------------------- */

#define CONDITIONS                                                                                 \
    "src, dst, host, net, sport, dport, port, reply, tcp, udp, icmp, icmpv6, proto, family, "      \
    "state, assured, replied, nat, snat, dnat, zone, mark, label, helper, timeout, bytes, packets"

static uint16_t refuse(struct parser *p) {
    const char first = p->token.text[0];

    if (p->token.length == 0 || p->token.sign || is_and(p) || is_or(p))
        fail(p, &p->token, "a condition is missing: %s", CONDITIONS);
    else if ((first >= '0' && first <= '9') || strchr(p->token.text, ':'))
        fail(p, &p->token, "is a value: src, dst, host, net or port is missing before it");
    else
        fail(p, &p->token, "is no condition: %s", CONDITIONS);
    return 0;
}

/* "src port 53", as tcpdump has it; "reply src 10.0.0.1". */
static const struct word *qualified(struct parser *p, const struct word *w, struct word *buffer) {
    const bool reply = w->reply;

    if (reply) {
        w = p->failed ? NULL : find_word(p->token.text);
        if (!w || w->end > CTW_FILTER_DESTINATION ||
            (w->kind != CTW_FILTER_ADDRESS && w->kind != CTW_FILTER_PORT)) {
            fail(p, &p->token, "reply needs src, dst, sport or dport");
            return NULL;
        }
        next(p);
    }
    *buffer = *w;
    if (w->kind == CTW_FILTER_ADDRESS && w->end <= CTW_FILTER_DESTINATION) {
        const struct word *second = find_word(p->token.text);
        if (second && second->end == CTW_FILTER_EITHER) {
            *buffer = *second;
            buffer->end = w->end;
            next(p);
        }
    }
    if (reply)
        buffer->end = buffer->end == CTW_FILTER_SOURCE ? CTW_FILTER_REPLY_SOURCE
                                                       : CTW_FILTER_REPLY_DESTINATION;
    return buffer;
}

/* "assured", "tcp", "ipv6": without a value. */
static uint16_t fixed(struct parser *p, const struct token *at, const struct word *w) {
    const uint16_t node = new_node(p, at, w->kind);

    if (node == 0)
        return 0;
    if (w->kind == CTW_FILTER_STATUS)
        p->f->nodes[node].bits.mask = (uint32_t)w->max;
    else
        p->f->nodes[node].range.min = p->f->nodes[node].range.max = w->max;
    return w->negated ? negate(p, at, node) : node;
}

static uint16_t condition(struct parser *p) {
    const struct token at = p->token;
    const struct word *w = find_word(at.text);
    struct word buffer;

    if (p->failed)
        return 0;
    if (!w)
        return refuse(p);
    next(p);
    if (w->fixed)
        return fixed(p, &at, w);
    w = qualified(p, w, &buffer);
    return w ? read_values(p, w) : 0;
}

/* --- and, or, not ----------------------------------------------------------------------------- */

static uint16_t any(struct parser *p);

static bool deeper(struct parser *p, const struct token *at) {
    if (++p->depth > CTW_FILTER_DEPTH_MAX)
        fail(p, at, "is nested too deeply, at most %u levels", CTW_FILTER_DEPTH_MAX);
    return !p->failed;
}

/* Behind "(". */
static uint16_t group(struct parser *p, const struct token *at) {
    uint16_t node = 0;

    if (deeper(p, at))
        node = any(p);
    p->depth--;
    if (!p->failed && !take(p, ")"))
        fail(p, &p->token, "')' is missing, for the '(' at byte %zu", at->offset + 1);
    return node;
}

static bool ends_operand(const struct parser *p) {
    return p->failed || p->token.length == 0 || is(p, ")") || is_or(p) || is_and(p);
}

/* Behind "not", which stands at @at. */
static uint16_t negated(struct parser *p, const struct token *at) {
    struct chain c = {.kind = CTW_FILTER_AND};
    const struct token second = p->token;

    if (deeper(p, at)) {
        if (take(p, "not") || take(p, "!"))
            append(p, &c, &second, negated(p, &second));
        else if (take(p, "("))
            append(p, &c, &second, group(p, &second));
        else
            do
                append(p, &c, &second, condition(p));
            while (!ends_operand(p) && !p->token.sign && !is_not(p));
    }
    p->depth--;
    if (!ends_operand(p))
        fail(p, &p->token, "behind not and its condition, and or or is missing");
    return negate(p, at, c.node);
}

static uint16_t operand(struct parser *p) {
    const struct token at = p->token;

    if (take(p, "not") || take(p, "!"))
        return negated(p, &at);
    return take(p, "(") ? group(p, &at) : condition(p);
}

static uint16_t all(struct parser *p) {
    struct chain c = {.kind = CTW_FILTER_AND};

    do {
        const struct token at = p->token;
        append(p, &c, &at, operand(p));
        if (is_and(p) && !p->failed)
            next(p);
        else if (ends_operand(p))
            return c.node;
    } while (!p->failed);
    return 0;
}

static uint16_t any(struct parser *p) {
    struct chain c = {.kind = CTW_FILTER_OR};

    do {
        const struct token at = p->token;
        append(p, &c, &at, all(p));
    } while (take(p, "or") || take(p, "||"));
    return c.node;
}

void ctw_filter_all(struct ctw_filter *ret) {
    ret->root = 1;
    ret->n = 2;
    memset(ret->nodes, 0, 2 * sizeof(ret->nodes[0])); /* CTW_FILTER_ALL is 0 */
}

int ctw_filter_parse(const char *text, size_t length, ctw_filter_label_fn label, void *userdata,
                     struct ctw_filter *ret, struct ctw_filter_error *reterr) {
    struct ctw_filter f;
    struct ctw_filter_error error;
    struct parser p = {.text = text,
                       .length = length,
                       .label = label,
                       .userdata = userdata,
                       .f = &f,
                       .error = &error};

    f.n = 1;
    if (length > CTW_FILTER_TEXT_MAX)
        fail(&p, &(struct token){.offset = CTW_FILTER_TEXT_MAX},
             "the filter has %zu bytes, %u are allowed", length, CTW_FILTER_TEXT_MAX);
    else
        next(&p);
    if (!p.failed && p.token.length == 0)
        fail(&p, &p.token, "the filter is empty, a condition is missing: %s", CONDITIONS);
    f.root = p.failed ? 0 : any(&p);
    if (!p.failed && p.token.length > 0)
        fail(&p, &p.token, "there is no '(' before it");
    if (p.failed) {
        *reterr = error;
        return -EINVAL;
    }
    ret->root = f.root;
    ret->n = f.n;
    memcpy(ret->nodes, f.nodes, f.n * sizeof(f.nodes[0]));
    return 0;
}
