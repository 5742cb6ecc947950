/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/watch/cause.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "lib/util/parse.h"

/* A cause is named when it accounts for half of the table. */
#define HALF (CTW_PERMYRIAD / 2)

/* Loopback is named from a quarter on, because not to track it harms no one; so are DNS, whose
 * queries are over with their answer, and one destination of NAT. */
#define QUARTER (CTW_PERMYRIAD / 4)

/* NAT has 64512 ports (1024 to 65535) for each address of its own and each destination. It gives up
 * after a few attempts (nf_nat_l4proto_unique_tuple() of net/netfilter/nf_nat_core.c), so a quarter
 * of them in use for one destination makes clashes likely. */
#define NAT_PORTS_MANY (64512u / 4)

/* The table of expectations is full from 95 % on: between a refusal and the reading some end. */
#define EXPECTATIONS_FULL_PERMYRIAD 9500u

/* Below this part of its memory a machine fails to allocate in interrupts. */
#define MEMORY_SHORT_OF 32u

static struct ctw_diagnosis cause_of(enum ctw_cause cause, uint32_t permyriad) {
    return (struct ctw_diagnosis){.cause = cause, .permyriad = permyriad};
}

/* --- culprits --------------------------------------------------------------------------------- */

/* "192.0.2.7", "2001:db8::7", "2001:db8:1::/64" */
static void set_address(struct ctw_diagnosis *d, const char *name) {
    char address[CTW_TALKER_NAME_MAX];
    const char *slash = strchr(name, '/');
    const size_t length = slash ? (size_t)(slash - name) : strlen(name);
    uint64_t prefix;

    (void)snprintf(d->culprit, sizeof(d->culprit), "%s", name);
    (void)snprintf(address, sizeof(address), "%.*s", (int)length, name);
    d->family = strchr(address, ':') ? AF_INET6 : AF_INET;
    const uint32_t bits = d->family == AF_INET6 ? 128 : 32;
    if (inet_pton(d->family, address, d->address) != 1)
        return;
    prefix = bits;
    if (slash && ctw_text_decimal(slash + 1, strlen(slash + 1), bits, &prefix) < 0)
        return;
    d->prefix = (uint8_t)prefix;
    d->has_address = true;
}

static void set_service(struct ctw_diagnosis *d, const struct ctw_busiest *b) {
    set_address(d, b->address.name);
    d->has_port = b->port != 0;
    d->protocol = b->protocol;
    d->port = b->port;
}

static bool is_most(const struct ctw_busiest *b) {
    return b->address.permyriad >= HALF;
}

/* --- a table that fills ----------------------------------------------------------------------- */

static struct ctw_diagnosis of_source(const struct ctw_share *source) {
    struct ctw_diagnosis d = cause_of(CTW_CAUSE_ONE_SOURCE, source->permyriad);

    set_address(&d, source->name);
    return d;
}

/* Its port where most of its entries go to the same one. */
static struct ctw_diagnosis of_destination(const struct ctw_talkers *t) {
    const struct ctw_share *destination = &t->destinations[0];
    struct ctw_diagnosis d = cause_of(CTW_CAUSE_ONE_DESTINATION, destination->permyriad);

    if (strcmp(t->service.address.name, destination->name) == 0 &&
        t->service.address.permyriad > destination->permyriad / 2)
        set_service(&d, &t->service);
    else
        set_address(&d, destination->name);
    return d;
}

/* Floods name their target where there is one. */
static struct ctw_diagnosis of_flood(enum ctw_cause cause, uint32_t permyriad,
                                     const struct ctw_talkers *t) {
    struct ctw_diagnosis d = cause_of(cause, permyriad);

    if (is_most(&t->service))
        set_service(&d, &t->service);
    return d;
}

static uint64_t held(const struct ctw_host *host) {
    return host && host->has_queue ? host->queue_held : 0;
}

/* Half of the entries are in no dump, or as many packets wait in a queue. */
static bool is_unconfirmed(const struct ctw_cause_facts *f, struct ctw_diagnosis *ret) {
    const struct ctw_talkers *t = f->talkers;
    const uint64_t missing = t ? t->unconfirmed : 0, all = t ? t->entries + missing : 0;
    const uint64_t queued = held(f->host), count = f->table ? f->table->count : 0;

    if (!(missing > 0 && missing * 2 >= all) && !(queued > 0 && queued * 2 >= count && count > 0))
        return false;
    *ret = cause_of(CTW_CAUSE_UNCONFIRMED,
                    missing > 0 ? (uint32_t)(missing * CTW_PERMYRIAD / all) : 0);
    if (queued > 0)
        (void)snprintf(ret->culprit, sizeof(ret->culprit), "%u", f->host->queue_number);
    return true;
}

/*
 * Causes come in the order of the harm that their remedies do, the least first: not tracking
 * loopback; shorter timeouts of closed connections, idle connections, DNS and ICMP; a cap on one
 * source; caps on all. of_fill() has those before: a limit that was lowered, and a queue.
 */
static struct ctw_diagnosis of_entries(const struct ctw_talkers *t) {
    const bool translated = t->loopback_nat_permyriad > 0; /* it must be tracked */

    const struct {
        enum ctw_cause cause;
        uint32_t share;
    } halves[] = {
        {CTW_CAUSE_TIME_WAIT, t->time_wait_permyriad},
        {CTW_CAUSE_CLOSE_WAIT, t->close_wait_permyriad},
        {CTW_CAUSE_IDLE_ESTABLISHED, t->idle_tcp_permyriad},
        {CTW_CAUSE_DNS, t->dns_permyriad},
        {CTW_CAUSE_ICMP, t->icmp_permyriad + t->icmpv6_permyriad},
    };

    if (t->loopback_permyriad >= QUARTER && !(translated && t->dns_permyriad >= QUARTER))
        return cause_of(CTW_CAUSE_LOOPBACK, t->loopback_permyriad);
    for (size_t i = 0; i < sizeof(halves) / sizeof(halves[0]); i++)
        if (halves[i].share >= HALF)
            return cause_of(halves[i].cause, halves[i].share);
    if (t->sources[0].permyriad > HALF)
        return of_source(&t->sources[0]);
    if (t->dns_permyriad >= QUARTER)
        return cause_of(CTW_CAUSE_DNS, t->dns_permyriad);
    if (t->half_open_permyriad >= HALF)
        return of_flood(CTW_CAUSE_SYN_FLOOD, t->half_open_permyriad, t);
    if (t->udp_unreplied_permyriad >= HALF)
        return of_flood(CTW_CAUSE_UDP_UNREPLIED, t->udp_unreplied_permyriad, t);
    if (t->destinations[0].permyriad > HALF)
        return of_destination(t);
    return cause_of(CTW_CAUSE_TOO_SMALL, 0);
}

static struct ctw_diagnosis of_fill(const struct ctw_cause_facts *f) {
    struct ctw_diagnosis d;

    if (f->lowered_from != 0)
        return cause_of(CTW_CAUSE_FOREIGN_WRITER, 0);
    if (is_unconfirmed(f, &d))
        return d;
    if (!f->talkers || f->talkers->entries == 0)
        return cause_of(CTW_CAUSE_UNKNOWN, 0);
    return of_entries(f->talkers);
}

/* --- losses below the limit ------------------------------------------------------------------- */

static struct ctw_diagnosis of_helper(enum ctw_cause cause, const struct ctw_host *host) {
    struct ctw_diagnosis d = cause_of(cause, 0);

    if (host)
        (void)snprintf(d.culprit, sizeof(d.culprit), "%.*s", CTW_HELPER_NAME_MAX - 1,
                       host->expect_helper);
    return d;
}

static bool is_expect_full(const struct ctw_host *host) {
    return host->has_expectations && host->expect_max > 0 &&
           (uint64_t)host->expectations * CTW_PERMYRIAD >=
               (uint64_t)host->expect_max * EXPECTATIONS_FULL_PERMYRIAD;
}

/* A helper, by elimination, where the memory is known. */
static struct ctw_diagnosis of_refusals(const struct ctw_host *host) {
    if (!host)
        return cause_of(CTW_CAUSE_UNKNOWN, 0);
    if (is_expect_full(host))
        return of_helper(CTW_CAUSE_EXPECTATIONS, host);
    if (host->memory.total_bytes == 0 || !host->memory.has_available)
        return cause_of(CTW_CAUSE_UNKNOWN, 0);
    if (host->memory.available_bytes < host->memory.total_bytes / MEMORY_SHORT_OF)
        return cause_of(CTW_CAUSE_MEMORY, 0);
    return of_helper(CTW_CAUSE_HELPER, host);
}

/*
 * NAT clashes where one destination has most of its ports: of all entries a quarter are translated
 * ones to the same address and port, or there are very many of them. But a few translated queries
 * to one resolver are what a race is made of: A and AAAA leave from one port.
 */
static struct ctw_diagnosis of_clashes(const struct ctw_cause_facts *f) {
    const struct ctw_busiest *to = f->talkers ? &f->talkers->snat_service : NULL;

    if (!to || to->address.permyriad == 0)
        return cause_of(CTW_CAUSE_CLASH_RACE, 0);
    const uint64_t count = f->table ? f->table->count : f->talkers->entries;
    const bool many = count * to->address.permyriad / CTW_PERMYRIAD >= NAT_PORTS_MANY;
    if (!many && (to->address.permyriad < QUARTER || to->port == 53))
        return cause_of(CTW_CAUSE_CLASH_RACE, 0);
    struct ctw_diagnosis d = cause_of(CTW_CAUSE_NAT_PORTS, to->address.permyriad);
    set_service(&d, to);
    return d;
}

/* --- interface -------------------------------------------------------------------------------- */

/* The largest loss; of equal ones the first of this order. */
static enum ctw_trouble worst(const struct ctw_losses *l) {
    const struct {
        enum ctw_trouble trouble;
        uint64_t lost;
    } all[] = {
        {CTW_TROUBLE_FILL, ctw_most(l->drops, l->early_drops)},
        {CTW_TROUBLE_CHAINS, l->chain_too_long},
        {CTW_TROUBLE_BELOW_MAX, l->other_drops},
        {CTW_TROUBLE_CLASHES, l->clashes},
    };
    size_t most = 0;

    for (size_t i = 1; i < sizeof(all) / sizeof(all[0]); i++)
        if (all[i].lost > all[most].lost)
            most = i;
    return all[most].trouble;
}

void ctw_diagnose(const struct ctw_cause_facts *f, struct ctw_diagnosis *ret) {
    switch (f->trouble == CTW_TROUBLE_ANY && f->losses ? worst(f->losses) : f->trouble) {
    case CTW_TROUBLE_ANY:
    case CTW_TROUBLE_FILL: *ret = of_fill(f); break;
    case CTW_TROUBLE_CHAINS: *ret = cause_of(CTW_CAUSE_TOO_FEW_BUCKETS, 0); break;
    case CTW_TROUBLE_BELOW_MAX: *ret = of_refusals(f->host); break;
    case CTW_TROUBLE_CLASHES: *ret = of_clashes(f); break;
    case CTW_TROUBLE_EXPECTATIONS: *ret = of_helper(CTW_CAUSE_EXPECTATIONS, f->host); break;
    case CTW_TROUBLE_LOWERED: *ret = cause_of(CTW_CAUSE_FOREIGN_WRITER, 0); break;
    case CTW_TROUBLE_OTHER_NETNS: *ret = cause_of(CTW_CAUSE_OTHER_NETNS, 0); break;
    }
}

static bool is_lowered(const struct ctw_alert *a) {
    const bool max = a->max_changed && a->new_max != 0 &&
                     (a->old_max == 0 || a->new_max < a->old_max); /* 0: no limit */

    return max || (a->buckets_changed && a->new_buckets < a->old_buckets);
}

enum ctw_trouble ctw_trouble_of(enum ctw_alert_kind kind) {
    static const enum ctw_trouble troubles[CTW_ALERT_KINDS] = {
        [CTW_ALERT_USAGE] = CTW_TROUBLE_FILL,
        [CTW_ALERT_FORECAST] = CTW_TROUBLE_FILL,
        [CTW_ALERT_TABLE_FULL] = CTW_TROUBLE_FILL,
        [CTW_ALERT_EARLY_DROP] = CTW_TROUBLE_FILL,
        [CTW_ALERT_CHAIN_TOO_LONG] = CTW_TROUBLE_CHAINS,
        [CTW_ALERT_DROPPED_BELOW_MAX] = CTW_TROUBLE_BELOW_MAX,
        [CTW_ALERT_INSERT_FAILED] = CTW_TROUBLE_CLASHES,
        [CTW_ALERT_EXPECT_FULL] = CTW_TROUBLE_EXPECTATIONS,
        [CTW_ALERT_LIMIT_CHANGED] = CTW_TROUBLE_LOWERED,
        [CTW_ALERT_GROWTH_REFUSED] = CTW_TROUBLE_LOWERED,
    };

    return troubles[kind];
}

/* CTW_TROUBLE_ANY where this alert has none. */
static enum ctw_trouble alert_trouble(const struct ctw_alert *a) {
    const bool none =
        a->edge == CTW_EDGE_END || (a->kind == CTW_ALERT_USAGE && a->level == CTW_LEVEL_OK) ||
        (a->kind == CTW_ALERT_LIMIT_CHANGED && !is_lowered(a)) ||
        (a->kind == CTW_ALERT_GROWTH_REFUSED && a->growth_refusal != CTW_GROWTH_FOREIGN_WRITER);

    /* Chains are of the hash table that all namespaces share. */
    return none                                                    ? CTW_TROUBLE_ANY
           : a->other_netns && a->kind != CTW_ALERT_CHAIN_TOO_LONG ? CTW_TROUBLE_OTHER_NETNS
                                                                   : ctw_trouble_of(a->kind);
}

bool ctw_cause_facts_of(const struct ctw_alert *a, struct ctw_cause_facts *ret) {
    *ret = (struct ctw_cause_facts){
        .trouble = alert_trouble(a),
        .table = a->has_table ? &a->table : NULL,
        .losses = a->has_losses ? &a->losses : NULL,
        .talkers = a->talkers && a->talkers->known ? a->talkers : NULL,
        .host = a->host && a->host->known ? a->host : NULL,
        .lowered_from = a->lowered_from,
    };
    return ret->trouble != CTW_TROUBLE_ANY;
}

const char *ctw_cause_name(enum ctw_cause cause) {
    static const char *const names[CTW_CAUSES] = {
        [CTW_CAUSE_UNKNOWN] = "unknown",
        [CTW_CAUSE_ONE_SOURCE] = "one_source",
        [CTW_CAUSE_ONE_DESTINATION] = "one_destination",
        [CTW_CAUSE_LOOPBACK] = "loopback",
        [CTW_CAUSE_DNS] = "dns",
        [CTW_CAUSE_SYN_FLOOD] = "syn_flood",
        [CTW_CAUSE_UDP_UNREPLIED] = "udp_unreplied",
        [CTW_CAUSE_ICMP] = "icmp",
        [CTW_CAUSE_IDLE_ESTABLISHED] = "idle_established",
        [CTW_CAUSE_TIME_WAIT] = "time_wait",
        [CTW_CAUSE_CLOSE_WAIT] = "close_wait",
        [CTW_CAUSE_UNCONFIRMED] = "unconfirmed",
        [CTW_CAUSE_NAT_PORTS] = "nat_ports",
        [CTW_CAUSE_CLASH_RACE] = "clash_race",
        [CTW_CAUSE_TOO_FEW_BUCKETS] = "too_few_buckets",
        [CTW_CAUSE_EXPECTATIONS] = "expectations",
        [CTW_CAUSE_HELPER] = "helper",
        [CTW_CAUSE_MEMORY] = "memory",
        [CTW_CAUSE_FOREIGN_WRITER] = "foreign_writer",
        [CTW_CAUSE_OTHER_NETNS] = "other_netns",
        [CTW_CAUSE_TOO_SMALL] = "too_small",
    };

    return names[cause];
}
