/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * filters: random filters over real entries and events of the network namespace it runs in, which
 * must be empty: what the kernel lets through and the program matches is what the program alone
 * matches.
 *
 *   filters dump FILTERS SEED     each filter in a dump of its own
 *   filters events FILTERS SEED   each filter on a socket of its own
 *
 * Prints "entries=N ... filters=N through=N matching=N of=N".
 */

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <libnetfilter_conntrack/libnetfilter_conntrack.h>
#include <linux/netfilter/nfnetlink_compat.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "daemon/cli/entry.h"
#include "daemon/source/dump.h"
#include "tests/support/random_filter.h"

#define ENTRIES_MAX  600
#define SOCKETS      64
#define BUFFER_BYTES (8u << 20)

__attribute__((noreturn)) static void die(const char *what, int error) {
    (void)fprintf(stderr, "filters: %s: %s\n", what, strerror(error));
    exit(EXIT_FAILURE);
}

/* --- making entries --------------------------------------------------------------------------- */

/* Nothing runs out during the test, nor passes an hour. */
static uint32_t stable(uint32_t timeout_sec) {
    return timeout_sec <= 3599 ? 1800 : timeout_sec == 3600 ? 36000 : 432000;
}

static void set_address(struct nf_conntrack *ct, uint8_t family, enum nf_conntrack_attr v4,
                        enum nf_conntrack_attr v6, const uint8_t *address) {
    nfct_set_attr(ct, family == AF_INET ? v4 : v6, address);
}

static void set_replies(struct nf_conntrack *ct, const struct ctw_flow *flow,
                        const struct ctw_flow_details *d) {
    nfct_setobjopt(ct, NFCT_SOPT_SETUP_REPLY);
    if (flow->status & IPS_SRC_NAT)
        set_address(ct, flow->family, ATTR_SNAT_IPV4, ATTR_SNAT_IPV6, d->reply_destination);
    if (flow->status & IPS_DST_NAT)
        set_address(ct, flow->family, ATTR_DNAT_IPV4, ATTR_DNAT_IPV6, d->reply_source);
}

static void set_protocol(struct nf_conntrack *ct, const struct ctw_flow *flow, uint8_t state) {
    nfct_set_attr_u8(ct, ATTR_L4PROTO, flow->protocol);
    if (flow->protocol == IPPROTO_ICMP || flow->protocol == IPPROTO_ICMPV6) {
        nfct_set_attr_u8(ct, ATTR_ICMP_TYPE, flow->protocol == IPPROTO_ICMP ? 8 : 128);
        nfct_set_attr_u8(ct, ATTR_ICMP_CODE, 0);
        nfct_set_attr_u16(ct, ATTR_ICMP_ID, flow->source[3]);
        return;
    }
    nfct_set_attr_u16(ct, ATTR_PORT_SRC, htons(flow->source_port));
    nfct_set_attr_u16(ct, ATTR_PORT_DST, htons(flow->destination_port));
    if (flow->protocol == IPPROTO_TCP)
        nfct_set_attr_u8(ct, ATTR_TCP_STATE, flow->has_tcp_state ? flow->tcp_state : 1);
    if (flow->protocol == IPPROTO_SCTP) {
        nfct_set_attr_u8(ct, ATTR_SCTP_STATE, state);
        nfct_set_attr_u32(ct, ATTR_SCTP_VTAG_ORIG, 1);
        nfct_set_attr_u32(ct, ATTR_SCTP_VTAG_REPL, 2);
    }
}

static void set_details(struct nf_conntrack *ct, const struct ctw_flow *flow,
                        const struct ctw_flow_details *d) {
    struct nfct_bitmask *labels = nfct_bitmask_new(CTW_LABELS - 1);

    nfct_set_attr_u32(ct, ATTR_STATUS,
                      IPS_CONFIRMED | (flow->status & (IPS_ASSURED | IPS_SEEN_REPLY)));
    nfct_set_attr_u32(ct, ATTR_TIMEOUT, stable(flow->timeout_sec));
    nfct_set_attr_u32(ct, ATTR_MARK, d->mark);
    if (d->zone != 0)
        nfct_set_attr_u16(ct, flow->zone != 0 ? ATTR_ZONE : ATTR_REPL_ZONE, d->zone);
    if (strcmp(d->helper, "ftp") == 0 && flow->protocol == IPPROTO_TCP)
        nfct_set_attr_l(ct, ATTR_HELPER_NAME, d->helper, sizeof(d->helper));
    for (unsigned bit = 0; labels && bit < CTW_LABELS; bit++)
        if (ctw_flow_has_label(d, bit))
            nfct_bitmask_set_bit(labels, bit);
    if (labels)
        nfct_set_attr(ct, ATTR_CONNLABELS, labels); /* owns it now */
}

/* Return: whether it was made: the kernel refuses a few mixes, and what is there already. */
static bool make_entry(struct nfct_handle *h, const struct ctw_flow *flow,
                       const struct ctw_flow_details *d) {
    struct nf_conntrack *ct = nfct_new();

    if (!ct)
        die("an entry", ENOMEM);
    nfct_set_attr_u8(ct, ATTR_L3PROTO, flow->family);
    set_address(ct, flow->family, ATTR_IPV4_SRC, ATTR_IPV6_SRC, flow->source);
    set_address(ct, flow->family, ATTR_IPV4_DST, ATTR_IPV6_DST, flow->destination);
    set_protocol(ct, flow, d->state);
    set_replies(ct, flow, d);
    set_details(ct, flow, d);
    const bool made = nfct_query(h, NFCT_Q_CREATE, ct) == 0;
    nfct_destroy(ct);
    return made;
}

static unsigned make_entries(struct nfct_handle *h, struct dice *dice, unsigned attempts) {
    unsigned made = 0;

    for (unsigned i = 0; i < attempts && made < ENTRIES_MAX; i++) {
        struct ctw_flow flow;
        struct ctw_flow_details details;
        random_entry(dice, &flow, &details);
        made += make_entry(h, &flow, &details);
    }
    return made;
}

/* --- what was read ---------------------------------------------------------------------------- */

struct seen {
    uint32_t id; /* CTA_ID */
    struct ctw_flow flow;
    struct ctw_flow_details details;
};

struct list {
    unsigned n;
    struct seen at[2 * ENTRIES_MAX];
};

static int take_id(const struct nlattr *a, void *id) {
    if (mnl_attr_get_type(a) == CTA_ID)
        *(uint32_t *)id = mnl_attr_get_u32(a);
    return MNL_CB_OK;
}

static uint32_t id_of(const struct nlmsghdr *message) {
    uint32_t id = 0;

    (void)mnl_attr_parse(message, sizeof(struct nfgenmsg), take_id, &id);
    return id;
}

static int add(const void *message, size_t length, void *userdata) {
    struct list *l = userdata;
    struct seen *s = &l->at[l->n];

    if (l->n == 2 * ENTRIES_MAX || ctw_flow_parse(message, length, &s->flow) < 0 ||
        ctw_flow_parse_details(message, &s->flow, &s->details) < 0)
        die("a message", EBADMSG);
    s->id = id_of(message);
    l->n++;
    return 0;
}

static bool matches(const struct ctw_filter *f, const struct seen *s) {
    const enum ctw_filter_verdict early = ctw_filter_match(f, &s->flow, NULL);
    const enum ctw_filter_verdict v = ctw_filter_match(f, &s->flow, &s->details);

    if (early != v && early != CTW_FILTER_UNKNOWN)
        die("a verdict without details", EBADMSG);
    return v == CTW_FILTER_YES;
}

/* Both lists are in the kernel's order. Return: how many match. */
static unsigned compare(const struct random_filter *random, const struct ctw_filter *f,
                        const struct list *all, const struct list *through) {
    unsigned n = 0, j = 0;

    for (unsigned i = 0; i < all->n; i++) {
        if (!matches(f, &all->at[i]))
            continue;
        n++;
        while (j < through->n && !matches(f, &through->at[j]))
            j++;
        if (j == through->n || through->at[j].id != all->at[i].id) {
            (void)fprintf(stderr, "filters: %s: entry %u of %u is not let through\n", random->text,
                          i, all->n);
            exit(EXIT_FAILURE);
        }
        j++;
    }
    for (; j < through->n; j++)
        if (matches(f, &through->at[j])) {
            (void)fprintf(stderr, "filters: %s: one more is let through\n", random->text);
            exit(EXIT_FAILURE);
        }
    return n;
}

static void next_filter(struct dice *dice, struct random_filter *random, struct ctw_filter *f) {
    struct ctw_filter_error error;

    random_filter(dice, roll(dice, 4), random);
    if (ctw_filter_parse(random->text, strlen(random->text), random_label, NULL, f, &error) < 0) {
        (void)fprintf(stderr, "filters: %s: %s\n", random->text, error.message.text);
        exit(EXIT_FAILURE);
    }
}

/* --- dumps ------------------------------------------------------------------------------------ */

static void dump(const struct ctw_filter_kernel *filter, struct list *ret) {
    struct ctw_walk_end end;

    ret->n = 0;
    const int r = ctw_walk_messages(CTW_WALK_ENTRIES, filter, add, ret, &end);
    if (r < 0 || !end.whole)
        die("a dump", r < 0 ? -r : EIO);
}

static void describe(const struct list *all) {
    unsigned protocols[256] = {0}, nat = 0, zoned = 0, marked = 0, labelled = 0, helped = 0;

    for (unsigned i = 0; i < all->n; i++) {
        const struct seen *s = &all->at[i];
        protocols[s->flow.protocol]++;
        nat += (s->flow.status & IPS_NAT_MASK) != 0;
        zoned += s->details.zone != 0;
        marked += s->details.mark != 0;
        labelled += (s->details.labels[0] | s->details.labels[3]) != 0;
        helped += s->details.helper[0] != '\0';
    }
    (void)printf("entries=%u tcp=%u udp=%u icmp=%u icmpv6=%u gre=%u sctp=%u udplite=%u nat=%u "
                 "zoned=%u marked=%u labelled=%u helped=%u\n",
                 all->n, protocols[IPPROTO_TCP], protocols[IPPROTO_UDP], protocols[IPPROTO_ICMP],
                 protocols[IPPROTO_ICMPV6], protocols[IPPROTO_GRE], protocols[IPPROTO_SCTP],
                 protocols[IPPROTO_UDPLITE], nat, zoned, marked, labelled, helped);
}

static void check_dumps(struct nfct_handle *h, struct dice *dice, unsigned filters) {
    static struct list all, through;
    static struct random_filter random;
    static struct ctw_filter f;
    uint64_t n_through = 0, n_matching = 0, of = 0;

    (void)make_entries(h, dice, 2 * ENTRIES_MAX);
    dump(NULL, &all);
    describe(&all);
    for (unsigned i = 0; i < filters; i++) {
        struct ctw_filter_kernel description;
        next_filter(dice, &random, &f);
        ctw_filter_for_kernel(&f, &description);
        through.n = 0;
        if (!description.nothing)
            dump(&description, &through);
        n_matching += compare(&random, &f, &all, &through);
        n_through += through.n;
        of += all.n;
    }
    (void)printf("filters=%u through=%llu matching=%llu of=%llu\n", filters,
                 (unsigned long long)n_through, (unsigned long long)n_matching,
                 (unsigned long long)of);
}

/* --- events ----------------------------------------------------------------------------------- */

static struct mnl_socket *subscribe(void) {
    struct mnl_socket *s;
    const int r =
        ctw_netlink_open(SOCK_NONBLOCK, NF_NETLINK_CONNTRACK_NEW | NF_NETLINK_CONNTRACK_DESTROY,
                         BUFFER_BYTES, NULL, &s);

    if (r < 0)
        die("a subscription", -r);
    return s;
}

static void drain(struct mnl_socket *s, struct list *ret) {
    _Alignas(struct nlmsghdr) char buffer[8192];
    ssize_t n;

    ret->n = 0;
    while ((n = ctw_netlink_receive(s, buffer, sizeof(buffer))) > 0)
        (void)add(buffer, (size_t)n, ret);
    if (n != -EAGAIN)
        die("an event", (int)-n);
}

static void check_events(struct nfct_handle *h, struct dice *dice, unsigned filters) {
    static struct list all, through;
    static struct random_filter random[SOCKETS];
    static struct ctw_filter f[SOCKETS];
    struct mnl_socket *sockets[SOCKETS], *unfiltered = subscribe();
    uint64_t n_through = 0, n_matching = 0, of = 0, events = 0;

    for (unsigned done = 0; done < filters; done += SOCKETS) {
        for (unsigned i = 0; i < SOCKETS; i++) {
            next_filter(dice, &random[i], &f[i]);
            sockets[i] = subscribe();
            ctw_event_filter_attach(mnl_socket_get_fd(sockets[i]), &f[i]);
        }
        (void)make_entries(h, dice, 200);
        if (nfct_query(h, NFCT_Q_FLUSH, &(uint32_t){AF_UNSPEC}) < 0)
            die("flushing", errno);
        drain(unfiltered, &all);
        events += all.n;
        for (unsigned i = 0; i < SOCKETS; i++) {
            drain(sockets[i], &through);
            n_matching += compare(&random[i], &f[i], &all, &through);
            n_through += through.n;
            of += all.n;
            (void)ctw_netlink_close(sockets[i]);
        }
    }
    (void)ctw_netlink_close(unfiltered);
    (void)printf("events=%llu filters=%u through=%llu matching=%llu of=%llu\n",
                 (unsigned long long)events, filters, (unsigned long long)n_through,
                 (unsigned long long)n_matching, (unsigned long long)of);
}

int main(int argc, char *argv[]) {
    if (argc != 4) {
        (void)fputs("usage: filters dump|events FILTERS SEED\n", stderr);
        return 2;
    }
    struct dice dice = {strtoull(argv[3], NULL, 10)};
    struct nfct_handle *h = nfct_open(CONNTRACK, 0);
    if (!h)
        die("netlink", errno);
    const unsigned filters = (unsigned)strtoul(argv[2], NULL, 10);
    if (strcmp(argv[1], "dump") == 0)
        check_dumps(h, &dice, filters);
    else
        check_events(h, &dice, filters);
    (void)nfct_close(h);
    return EXIT_SUCCESS;
}
