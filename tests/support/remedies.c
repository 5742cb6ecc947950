/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/support/remedies.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

static const char *const releases[] = {
    "3.10.0-1160.el7.x86_64",
    "4.18.0-553.el8_10.x86_64",
    "5.10.0-28-amd64",
    "6.1.0-18-amd64",
    "6.18.44",
};
#define RELEASES (sizeof(releases) / sizeof(releases[0]))

/* Of each mix: a source or destination, the service, the states, and the table. */
static const struct {
    const char *address;
    uint8_t protocol;
    uint16_t port;
    const char *state;
    uint32_t loopback_nat;
    uint32_t count, max, buckets;
} mixes[REMEDY_MIXES] = {
    {"192.0.2.7", IPPROTO_TCP, 443, "tcp/ESTABLISHED", 0, 262144, 262144, 262144},
    {"2001:db8:1:2::/64", IPPROTO_TCP, 22, "tcp/ESTABLISHED", 9, 20000, 20000, 1024},
    {"fe80::1", IPPROTO_UDP, 53, "udp/unreplied", 0, 4000, 5000, 5120},
    {"10.1.2.3", IPPROTO_UDP, 4500, "udp/assured", 3, 5000, 5000, 512},
    {"10.0.0.0/8", IPPROTO_TCP, 80, "tcp/SYN_SENT", 0, 1, 1, 512},
    {"::ffff:192.0.2.1", IPPROTO_ICMPV6, 0, "icmpv6/unreplied", 1, 2000000, 2147483647, 268435455},
};

static void set_host(const struct remedy_case *c, struct ctw_host *h) {
    static const uint32_t seconds[CTW_TIMEOUTS] = {
        [CTW_TIMEOUT_TCP_ESTABLISHED] = 432000,
        [CTW_TIMEOUT_TCP_SYN_SENT] = 120,
        [CTW_TIMEOUT_TCP_SYN_RECV] = 60,
        [CTW_TIMEOUT_TCP_FIN_WAIT] = 120,
        [CTW_TIMEOUT_TCP_CLOSE_WAIT] = 3600,
        [CTW_TIMEOUT_TCP_LAST_ACK] = 30,
        [CTW_TIMEOUT_TCP_TIME_WAIT] = 120,
        [CTW_TIMEOUT_UDP] = 30,
        [CTW_TIMEOUT_UDP_STREAM] = 120,
        [CTW_TIMEOUT_ICMP] = 30,
        [CTW_TIMEOUT_ICMPV6] = 30,
        [CTW_TIMEOUT_GENERIC] = 600,
        [CTW_TIMEOUT_SCTP_ESTABLISHED] = 210,
    };

    *h = (struct ctw_host){
        .known = true,
        .memory = {.total_bytes = 8ULL << 30, .has_available = true, .available_bytes = 4ULL << 30},
        .entry_bytes = 256,
        .max_most = 6000000,
        .namespaces = 1,
        .initial_netns = c->place == PLACE_INITIAL,
        .has_nft = c->tool == TOOL_NFT,
        .has_iptables = c->tool != TOOL_NONE,
        .has_expectations = true,
        .expectations = 1024,
        .expect_max = 1024,
        .expect_helper = "ftp",
        .has_queue = true,
        .queue_number = 5,
        .queue_held = 19000,
    };
    ctw_release_read(c->release, "", "", &h->release);
    for (enum ctw_timeout i = 0; i < CTW_TIMEOUTS; i++)
        h->timeouts_sec[i] = seconds[i];
}

static void set_talkers(const struct remedy_case *c, struct ctw_talkers *t) {
    *t = (struct ctw_talkers){
        .known = true,
        .entries = 5000,
        .loopback_permyriad = 6000,
        .loopback_nat_permyriad = mixes[c->mix].loopback_nat,
        .assured_permyriad = c->mix % 2 ? 9000 : 0,
        .n_ports = 1,
        .n_states = 1,
        .ports[0].permyriad = 9900,
        .states[0].permyriad = 9900,
    };
    (void)snprintf(t->ports[0].name, sizeof(t->ports[0].name), "%s/%u",
                   mixes[c->mix].protocol == IPPROTO_UDP ? "udp" : "tcp", mixes[c->mix].port);
    (void)snprintf(t->states[0].name, sizeof(t->states[0].name), "%s", mixes[c->mix].state);
}

static void set_diagnosis(const struct remedy_case *c, struct ctw_diagnosis *d) {
    char address[64];
    const char *slash = strchr(mixes[c->mix].address, '/');
    int prefix;

    *d = (struct ctw_diagnosis){.cause = c->cause,
                                .permyriad = 9900,
                                .has_port = mixes[c->mix].port != 0,
                                .protocol = mixes[c->mix].protocol,
                                .port = mixes[c->mix].port};
    (void)snprintf(d->culprit, sizeof(d->culprit), "%s", mixes[c->mix].address);
    (void)snprintf(address, sizeof(address), "%.*s",
                   slash ? (int)(slash - mixes[c->mix].address) : 63, mixes[c->mix].address);
    d->family = strchr(address, ':') ? AF_INET6 : AF_INET;
    d->has_address = inet_pton(d->family, address, d->address) == 1;
    d->prefix = d->family == AF_INET6 ? 128 : 32;
    if (slash && sscanf(slash, "/%d", &prefix) == 1)
        d->prefix = (uint8_t)prefix;
}

void remedy_facts(const struct remedy_case *c, struct ctw_cause_facts *ret,
                  struct ctw_diagnosis *d) {
    static struct ctw_sample table;
    static struct ctw_talkers talkers;
    static struct ctw_host host;

    table = (struct ctw_sample){.count = mixes[c->mix].count,
                                .max = mixes[c->mix].max,
                                .buckets = mixes[c->mix].buckets,
                                .has_buckets = true};
    set_host(c, &host);
    set_talkers(c, &talkers);
    set_diagnosis(c, d);
    *ret = (struct ctw_cause_facts){
        .trouble = CTW_TROUBLE_FILL, .table = &table, .talkers = &talkers, .host = &host};
    if (c->cause == CTW_CAUSE_FOREIGN_WRITER)
        ret->lowered_from = table.max < CTW_MAX_LARGEST / 2 ? table.max * 2 : table.max;
}

/* The one cause that is known by its alert alone. */
static void other_netns(const struct remedy_case *c, const struct ctw_cause_facts *f,
                        struct ctw_remedy *ret) {
    struct ctw_alert a = {.kind = CTW_ALERT_TABLE_FULL,
                          .edge = CTW_EDGE_BEGIN,
                          .level = CTW_LEVEL_FULL,
                          .other_netns = true,
                          .netns_kind = CTW_NETNS_IP_NETNS,
                          .netns_inode = 4026532246,
                          .table = *f->table,
                          .host = f->host};

    if (c->place == PLACE_NAMED)
        (void)snprintf(a.netns, sizeof(a.netns), "ctw-remedies-other");
    ctw_remedy(&a, ret);
}

static void one_remedy(const struct remedy_case *c,
                       void (*f)(const struct remedy_case *c, const struct ctw_remedy *remedy)) {
    struct ctw_cause_facts facts;
    struct ctw_diagnosis d;
    struct ctw_remedy remedy;

    remedy_facts(c, &facts, &d);
    if (c->cause == CTW_CAUSE_OTHER_NETNS)
        other_netns(c, &facts, &remedy);
    else
        ctw_remedy_for(&d, &facts, &remedy);
    f(c, &remedy);
}

#define CASES (CTW_CAUSES * RELEASES * REMEDY_PLACES * REMEDY_TOOLS * REMEDY_MIXES)

void each_remedy(void (*f)(const struct remedy_case *c, const struct ctw_remedy *remedy)) {
    for (size_t i = 0; i < CASES; i++) {
        size_t rest = i;
        struct remedy_case c;
        c.mix = (unsigned)(rest % REMEDY_MIXES), rest /= REMEDY_MIXES;
        c.tool = (enum remedy_tool)(rest % REMEDY_TOOLS), rest /= REMEDY_TOOLS;
        c.place = (enum remedy_place)(rest % REMEDY_PLACES), rest /= REMEDY_PLACES;
        c.release = releases[rest % RELEASES], rest /= RELEASES;
        c.cause = (enum ctw_cause)rest;
        one_remedy(&c, f);
    }
}

const char *remedy_name(const struct remedy_case *c) {
    static const char *const places[] = {"initial", "named", "unnamed"};
    static const char *const tools[] = {"nft", "iptables", "none"};
    static char name[128];

    (void)snprintf(name, sizeof(name), "%s %.*s %s %s %u", ctw_cause_name(c->cause),
                   (int)strcspn(c->release, "-"), c->release, places[c->place], tools[c->tool],
                   c->mix);
    return name;
}
