/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/watch/cause.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "lib/util/parse.h"

/* A cause is named when it accounts for half of the table. */
#define HALF (CTW_PERMYRIAD / 2)

/* Flows that need not be tracked are named from a quarter on: not to track them harms no one and
 * frees more than any other remedy. */
#define QUARTER (CTW_PERMYRIAD / 4)

/* --- who -------------------------------------------------------------------------------------- */

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

static struct ctw_diagnosis of_source(const struct ctw_talkers *t) {
    struct ctw_diagnosis d = {.cause = CTW_CAUSE_ONE_SOURCE, .permyriad = t->sources[0].permyriad};

    set_address(&d, t->sources[0].name);
    return d;
}

/* --- a table that fills ----------------------------------------------------------------------- */

static uint32_t share_of(const struct ctw_talkers *talkers, const char *state) {
    for (uint32_t i = 0; i < talkers->n_states; i++)
        if (strcmp(talkers->states[i].name, state) == 0)
            return talkers->states[i].permyriad;
    return 0;
}

static struct ctw_diagnosis cause_of(enum ctw_cause cause, uint32_t permyriad) {
    return (struct ctw_diagnosis){.cause = cause, .permyriad = permyriad};
}

static struct ctw_diagnosis of_fill(const struct ctw_cause_facts *f) {
    const struct ctw_talkers *t = f->talkers;

    if (!t || !t->known || t->entries == 0)
        return cause_of(CTW_CAUSE_UNKNOWN, 0);
    const uint32_t half_open = share_of(t, "tcp/SYN_SENT") + share_of(t, "tcp/SYN_RECV");
    const uint32_t unreplied = share_of(t, "udp/unreplied");
    if (t->loopback_permyriad >= QUARTER)
        return cause_of(CTW_CAUSE_LOOPBACK, t->loopback_permyriad);
    if (t->n_sources > 0 && t->sources[0].permyriad > HALF)
        return of_source(t);
    if (t->dns_permyriad >= QUARTER)
        return cause_of(CTW_CAUSE_DNS, t->dns_permyriad);
    if (half_open >= HALF)
        return cause_of(CTW_CAUSE_SYN_FLOOD, half_open);
    if (unreplied >= HALF)
        return cause_of(CTW_CAUSE_UDP_UNREPLIED, unreplied);
    if (t->idle_tcp_permyriad >= HALF)
        return cause_of(CTW_CAUSE_IDLE_ESTABLISHED, t->idle_tcp_permyriad);
    return cause_of(CTW_CAUSE_TOO_SMALL, 0);
}

/* --- interface -------------------------------------------------------------------------------- */

void ctw_diagnose(const struct ctw_cause_facts *f, struct ctw_diagnosis *ret) {
    switch (f->trouble) {
    case CTW_TROUBLE_ANY:
    case CTW_TROUBLE_FILL:
        *ret = of_fill(f);
        break;
    case CTW_TROUBLE_CHAINS:
        *ret = cause_of(CTW_CAUSE_TOO_FEW_BUCKETS, 0);
        break;
    case CTW_TROUBLE_BELOW_MAX:
        *ret = cause_of(CTW_CAUSE_UNKNOWN, 0);
        break;
    case CTW_TROUBLE_CLASHES:
        *ret = cause_of(CTW_CAUSE_CLASH_RACE, 0);
        break;
    case CTW_TROUBLE_EXPECTATIONS:
        *ret = cause_of(CTW_CAUSE_EXPECTATIONS, 0);
        break;
    case CTW_TROUBLE_LOWERED:
        *ret = cause_of(CTW_CAUSE_FOREIGN_WRITER, 0);
        break;
    case CTW_TROUBLE_OTHER_NETNS:
        *ret = cause_of(CTW_CAUSE_OTHER_NETNS, 0);
        break;
    }
}

static bool is_lowered(const struct ctw_alert *a) {
    const bool max = a->max_changed && a->new_max != 0 &&
                     (a->old_max == 0 || a->new_max < a->old_max); /* 0: no limit */

    return max || (a->buckets_changed && a->new_buckets < a->old_buckets);
}

/* Return: false where the alert has none. */
static bool trouble_of(const struct ctw_alert *a, enum ctw_trouble *ret) {
    switch (a->kind) {
    case CTW_ALERT_USAGE:
    case CTW_ALERT_FORECAST:
    case CTW_ALERT_TABLE_FULL:
    case CTW_ALERT_EARLY_DROP:
        *ret = a->other_netns ? CTW_TROUBLE_OTHER_NETNS : CTW_TROUBLE_FILL;
        return a->kind != CTW_ALERT_USAGE || a->level != CTW_LEVEL_OK;
    case CTW_ALERT_CHAIN_TOO_LONG:
        *ret = CTW_TROUBLE_CHAINS;
        return true;
    case CTW_ALERT_DROPPED_BELOW_MAX:
        *ret = CTW_TROUBLE_BELOW_MAX;
        return true;
    case CTW_ALERT_INSERT_FAILED:
        *ret = CTW_TROUBLE_CLASHES;
        return true;
    case CTW_ALERT_EXPECT_FULL:
        *ret = CTW_TROUBLE_EXPECTATIONS;
        return true;
    case CTW_ALERT_LIMIT_CHANGED:
        *ret = CTW_TROUBLE_LOWERED;
        return is_lowered(a);
    default:
        return false;
    }
}

bool ctw_cause_facts_of(const struct ctw_alert *a, struct ctw_cause_facts *ret) {
    *ret = (struct ctw_cause_facts){
        .table = a->has_table ? &a->table : NULL,
        .losses = a->has_losses ? &a->losses : NULL,
        .talkers = a->talkers && a->talkers->known ? a->talkers : NULL,
        .host = a->host && a->host->known ? a->host : NULL,
        .lowered_from = a->lowered_from,
    };
    return a->edge != CTW_EDGE_END && trouble_of(a, &ret->trouble);
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
