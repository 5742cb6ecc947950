/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/report/remedy.h"

#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "lib/report/command.h"

#define CAPABILITIES                                                                               \
    "systemctl edit ctwatch: AmbientCapabilities= and CapabilityBoundingSet= must hold "

#define FIND_WRITER                                                                                \
    "find the writer (grep -r nf_conntrack /etc/sysctl.d; kube-proxy sets it as well"

/* --- what a remedy is made of ----------------------------------------------------------------- */

struct making {
    const struct ctw_diagnosis *d;
    const struct ctw_cause_facts *f;
    const struct ctw_alert *alert; /* NULL: none */
    uint32_t max;                  /* one for all namespaces; 0: not known, or no limit */
    struct ctw_plan plan;
    struct ctw_line *l;
};

/* Entries that live for longer than this fill the table again before a cap shows an effect. */
#define LONG_SEC 120u

/* A state with less of the entries does not decide how long they live. */
#define LEAST_SHARE (CTW_PERMYRIAD / 20)

/* What a remedy lowers them to. Established: the shortest that RFC 5382 (REQ-5) allows, 2 h 4 min.
 * Unreplied UDP: a resolver answers within this, or its client has asked again. */
#define ESTABLISHED_SHORT_SEC 7440u
#define TCP_SHORT_SEC         30u
#define DATAGRAM_SHORT_SEC    10u
#define STREAM_SHORT_SEC      60u

static uint32_t timeout_now(const struct making *m, enum ctw_timeout timeout) {
    return ctw_host_timeout(m->f->host, timeout);
}

/* With the plan carried out. */
static uint32_t timeout_then(const struct making *m, enum ctw_timeout timeout) {
    return m->plan.timeouts[timeout] > 0 ? m->plan.timeouts[timeout] : timeout_now(m, timeout);
}

/* Only one that is known can be put back. */
static void shorten(struct making *m, enum ctw_timeout timeout, uint32_t seconds) {
    if (m->f->host && m->f->host->timeouts_sec[timeout] > seconds)
        m->plan.timeouts[timeout] = seconds;
}

/* How long entries of this mix live: the longest timeout of the states that matter. */
static uint32_t lifetime(const struct making *m,
                         uint32_t (*timeout)(const struct making *m, enum ctw_timeout timeout)) {
    const struct ctw_talkers *t = m->f->talkers;
    uint32_t longest = 0;

    for (uint32_t i = 0; t && i < t->n_states; i++) {
        const uint32_t seconds = timeout(m, ctw_state_timeout(t->states[i].name));
        if (t->states[i].permyriad >= LEAST_SHARE && seconds > longest)
            longest = seconds;
    }
    return longest > 0 ? longest : LONG_SEC;
}

/* --- limits ----------------------------------------------------------------------------------- */

/* Twice the max, or what growth.* and the memory allow; 0 where it cannot be raised from here. */
static uint32_t raised_max(const struct ctw_cause_facts *f) {
    const struct ctw_sample *t = f->table;

    if (!t || !f->host || !f->host->initial_netns || t->max == 0)
        return 0;
    return ctw_growth_raised(t->max, 2 * (uint64_t)t->max, f->host->max_most);
}

/* The buckets for @max where its chains would be too long; 0: those there are suffice. */
static uint32_t buckets_for(const struct ctw_cause_facts *f, uint32_t max) {
    const uint32_t safe = f->host && f->host->release.entries_per_bucket > 0
                              ? f->host->release.entries_per_bucket
                              : CTW_ENTRIES_PER_BUCKET;
    const struct ctw_sample *t = f->table;

    const uint64_t entries = (uint64_t)max + t->other_entries;

    if (!t->has_buckets || entries <= (uint64_t)t->buckets * safe)
        return 0;
    const uint32_t buckets = ctw_growth_buckets_for(entries, safe);
    return buckets > t->buckets ? buckets : 0;
}

static void raise_max(struct making *m) {
    m->plan.max = raised_max(m->f);
    if (m->plan.max > 0)
        m->plan.buckets = buckets_for(m->f, m->plan.max);
}

/* "Raise nf_conntrack_max to 524288 (up to 96 MiB more) first: " */
static void add_raise(struct making *m) {
    if (m->plan.max > 0)
        ctw_line_add(
            m->l, "raise nf_conntrack_max to %" PRIu32 " (up to %" PRIu64 " MiB more), ",
            m->plan.max,
            ((uint64_t)(m->plan.max - m->f->table->max) * ctw_host_entry_most(m->f->host)) >> 20);
}

/* --- caps ------------------------------------------------------------------------------------- */

/* A source that may hold a tenth is counted up to this many flows only: to count them, the kernel
 * walks the list of all, up to once a tick. 26,000 take two thirds of a core. */
#define COUNTED_MOST 10000u

/* And so often at most, so that flows are not walked more often than this either. */
#define COUNTED_PER_MINUTE (100u * 60u)

#define SSH_PER_MINUTE_MOST (10u * 60u)

static uint32_t clamp_rate(uint64_t per_minute, uint32_t most) {
    return per_minute < 1 ? 1 : per_minute > most ? most : (uint32_t)per_minute;
}

static bool is_ssh_flooded(const struct ctw_talkers *t) {
    for (uint32_t i = 0; t && i < t->n_ports; i++)
        if (strcmp(t->ports[i].name, "tcp/22") == 0)
            return t->ports[i].permyriad >= CTW_PERMYRIAD / 10;
    return false;
}

/* @part of the table, for entries that live @seconds: a half for all, a tenth for one source. */
static void cap(struct making *m, uint32_t part, uint32_t seconds) {
    const uint64_t entries = (m->plan.max > 0 ? m->plan.max : m->max) / part;

    if (m->max == 0)
        return;
    const uint64_t per_minute = entries * 60 / (seconds > 0 ? seconds : 1);

    m->plan.per_minute = clamp_rate(per_minute, UINT32_MAX);
    m->plan.ssh_per_minute = clamp_rate(per_minute / 10, SSH_PER_MINUTE_MOST);
    m->plan.ssh_is_flooded = is_ssh_flooded(m->f->talkers);
}

/* Of entries that live long, a number is better than a rate. */
static void cap_source(struct making *m, uint32_t seconds) {
    cap(m, 10, seconds);
    if (m->plan.per_minute == 0 || seconds <= LONG_SEC)
        return;
    m->plan.most = clamp_rate(m->max / 10, COUNTED_MOST);
    m->plan.per_minute = COUNTED_PER_MINUTE;
}

/* The flood goes to one port: the other ports are spared. */
static void narrow_to_port(struct making *m) {
    const struct ctw_diagnosis *d = m->d;
    const struct ctw_talkers *t = m->f->talkers;
    const uint8_t protocol = m->plan.scope == CTW_SCOPE_UDP   ? IPPROTO_UDP
                             : m->plan.scope == CTW_SCOPE_TCP ? IPPROTO_TCP
                                                              : IPPROTO_ICMP;
    char name[24];

    if (!d->has_port || protocol == IPPROTO_ICMP || d->protocol != protocol || !t ||
        t->n_ports == 0)
        return;
    (void)snprintf(name, sizeof(name), "%s/%u", protocol == IPPROTO_UDP ? "udp" : "tcp", d->port);
    if (strcmp(t->ports[0].name, name) == 0 && t->ports[0].permyriad >= d->permyriad / 10 * 9)
        m->plan.port = d->port;
}

/* "cap new TCP connections at 4369 a second" */
static void add_cap(struct making *m, const char *what) {
    const struct ctw_plan *p = &m->plan;
    const bool seconds = p->per_minute >= 120;

    ctw_line_add(m->l, "cap %s", what);
    if (p->port > 0)
        ctw_line_add(m->l, " (port %u)", p->port);
    if (p->most > 0)
        ctw_line_add(m->l, " at %" PRIu32 " at a time", p->most);
    else if (p->per_minute > 0)
        ctw_line_add(m->l, " at %" PRIu32 " a %s", seconds ? p->per_minute / 60 : p->per_minute,
                     seconds ? "second" : "minute");
}

/* "Half-open TCP is 83.1 % of the entries, most go to 192.0.2.7" */
static void add_share(struct making *m, const char *what) {
    ctw_line_add(m->l, "%s is ", what);
    if (m->d->permyriad > 0)
        ctw_line_add(m->l, "%s %% of the entries", ctw_percent(m->d->permyriad).text);
    else
        ctw_line_add(m->l, "most of the entries");
    if (m->d->has_address)
        ctw_line_add(m->l, ", most go to %s", m->d->culprit);
}

/* --- a table that fills ----------------------------------------------------------------------- */

/* Pages that are open to all have no addresses. */
static const char *culprit_or(const struct making *m, const char *otherwise) {
    return m->d->culprit[0] != '\0' ? m->d->culprit : otherwise;
}

static void one_source(struct making *m) {
    const uint32_t seconds = lifetime(m, timeout_now);
    const char *address = m->d->has_address ? m->d->culprit : "ADDRESS";

    if (seconds > LONG_SEC)
        raise_max(m);
    m->plan.of_source = m->d->has_address;
    if (m->d->has_address)
        cap_source(m, seconds);
    ctw_line_add(m->l, "%s holds %s %% of the entries (ctwatch flows src %s): ",
                 culprit_or(m, "One source"), ctw_percent(m->d->permyriad).text, address);
    add_raise(m);
    add_cap(m, "its new flows");
    ctw_line_add(m->l,
                 "; what exceeds the cap is dropped, so if it is a proxy or a NAT gateway, raise "
                 "nf_conntrack_max instead; conntrack -D -s %s frees its entries and ends its "
                 "connections",
                 address);
}

static void one_destination(struct making *m) {
    const char *address = m->d->has_address ? m->d->culprit : "ADDRESS";

    if (lifetime(m, timeout_now) > LONG_SEC)
        raise_max(m);
    if (lifetime(m, timeout_now) == timeout_now(m, CTW_TIMEOUT_TCP_ESTABLISHED))
        shorten(m, CTW_TIMEOUT_TCP_ESTABLISHED, ESTABLISHED_SHORT_SEC);
    m->plan.of_destination = m->d->has_address;
    m->plan.scope = m->d->protocol == IPPROTO_UDP ? CTW_SCOPE_UDP : CTW_SCOPE_TCP;
    narrow_to_port(m);
    if (m->plan.port == 0)
        m->plan.scope = CTW_SCOPE_ALL;
    if (m->d->has_address)
        cap(m, 2, lifetime(m, timeout_then));
    ctw_line_add(m->l, "%s receives %s %% of the entries (ctwatch flows dst %s): ",
                 culprit_or(m, "One destination"), ctw_percent(m->d->permyriad).text, address);
    add_raise(m);
    add_cap(m, "new flows to it");
    ctw_line_add(m->l, "; what exceeds the cap is dropped, so if the load is legitimate, raise "
                       "nf_conntrack_max instead");
}

static void loopback(struct making *m) {
    const struct ctw_talkers *t = m->f->talkers;

    add_share(m, "Traffic of this host to itself");
    if (t && t->loopback_nat_permyriad == 0) {
        m->plan.untrack_loopback = true;
        ctw_line_add(m->l, ", and none of it is translated: stop tracking it; rules that accept "
                           "packets on lo by their state (ct state established) will no longer "
                           "match them");
        return;
    }
    const uint32_t seconds = lifetime(m, timeout_now);
    if (seconds > LONG_SEC)
        raise_max(m);
    m->plan.of_loopback = true;
    cap(m, 2, seconds);
    ctw_line_add(m->l, ", and some of it is translated, so it must stay tracked: ");
    add_raise(m);
    add_cap(m, "new flows on lo");
}

/* Entries of one kind pile up. */
static const struct pile {
    const char *what;  /* "WHAT is 83.1 % of the entries" */
    const char *shows; /* " (ctwatch flows SHOWS)" */
    enum ctw_scope scope;
    uint32_t seconds; /* the timeouts are shortened to this */
    enum ctw_timeout timeouts[2];
    const char *note; /* "; NOTE" */
} piles[CTW_CAUSES] = {
    /* clang-format off */
    [CTW_CAUSE_SYN_FLOOD] = {"Half-open TCP, as of a SYN flood,", "tcp state syn_sent,syn_recv",
                             CTW_SCOPE_TCP, TCP_SHORT_SEC,
                             {CTW_TIMEOUT_TCP_SYN_SENT, CTW_TIMEOUT_TCP_SYN_RECV},
                             "what exceeds the cap is dropped, legitimate or not, and its client "
                             "tries again"},
    [CTW_CAUSE_DNS] = {"DNS", "udp dport 53", CTW_SCOPE_UDP, DATAGRAM_SHORT_SEC,
                       {CTW_TIMEOUT_UDP, CTW_TIMEOUT_UDP_STREAM},
                       "other UDP that is silent for longer loses its entry; not tracking DNS "
                       "frees all of these entries, but only where no rule translates it and rules "
                       "accept its answers by address and port"},
    [CTW_CAUSE_UDP_UNREPLIED] = {"UDP without a reply", "udp unreplied", CTW_SCOPE_UDP,
                                 DATAGRAM_SHORT_SEC, {CTW_TIMEOUT_UDP, CTW_TIMEOUT_UDP},
                                 "what exceeds the cap is dropped, DNS queries included"},
    [CTW_CAUSE_ICMP] = {"ICMP", "icmp or icmpv6", CTW_SCOPE_ICMP, DATAGRAM_SHORT_SEC,
                        {CTW_TIMEOUT_ICMP, CTW_TIMEOUT_ICMPV6},
                        "pings above the cap get no answer; errors of known connections and "
                        "neighbour discovery are not affected"},
    [CTW_CAUSE_IDLE_ESTABLISHED] = {"Established TCP without a packet for an hour",
                                    "--idle 1h tcp state established", CTW_SCOPE_TCP,
                                    ESTABLISHED_SHORT_SEC,
                                    {CTW_TIMEOUT_TCP_ESTABLISHED, CTW_TIMEOUT_TCP_ESTABLISHED},
                                    "an entry gets the new timeout with its next packet only, and "
                                    "conntrack -D frees those of one address now; connections that "
                                    "are silent for more than 2 h 4 min will lose their entry, and "
                                    "what exceeds the cap is dropped"},
    [CTW_CAUSE_TIME_WAIT] = {"Closed TCP in TIME_WAIT", "tcp state time_wait", CTW_SCOPE_TCP,
                             TCP_SHORT_SEC,
                             {CTW_TIMEOUT_TCP_TIME_WAIT, CTW_TIMEOUT_TCP_TIME_WAIT},
                             "what exceeds the cap is dropped; clients that reuse a connection "
                             "(keep-alive) leave no such entries"},
    [CTW_CAUSE_CLOSE_WAIT] = {"TCP in CLOSE_WAIT, which only one end has closed,",
                              "tcp state close_wait", CTW_SCOPE_TCP, TCP_SHORT_SEC,
                              {CTW_TIMEOUT_TCP_CLOSE_WAIT, CTW_TIMEOUT_TCP_CLOSE_WAIT},
                              "the fault is a program that does not close its sockets (on this "
                              "machine: ss -tnp state close-wait), and a half-closed connection "
                              "that is silent for longer loses its entry"},
    /* clang-format on */
};

static void pile(struct making *m) {
    static const char *const flows[] = {[CTW_SCOPE_TCP] = "new TCP connections",
                                        [CTW_SCOPE_UDP] = "new UDP flows",
                                        [CTW_SCOPE_ICMP] = "new ICMP requests"};
    const struct pile *p = &piles[m->d->cause];
    const bool streams = m->f->talkers && m->f->talkers->assured_permyriad >= LEAST_SHARE;
    uint64_t now = 0, then = 0;

    for (size_t i = 0; i < 2; i++) {
        const bool stream = p->timeouts[i] == CTW_TIMEOUT_UDP_STREAM;
        shorten(m, p->timeouts[i], stream ? STREAM_SHORT_SEC : p->seconds);
        if (stream && !streams)
            continue;
        now = ctw_most(now, timeout_now(m, p->timeouts[i]));
        then = ctw_most(then, timeout_then(m, p->timeouts[i]));
    }
    if (now > LONG_SEC)
        raise_max(m);
    m->plan.scope = p->scope;
    if (m->d->cause == CTW_CAUSE_DNS)
        m->plan.port = 53;
    else
        narrow_to_port(m);
    cap(m, 2, (uint32_t)then);
    add_share(m, p->what);
    ctw_line_add(m->l, " (ctwatch flows %s): ", p->shows);
    add_raise(m);
    for (enum ctw_timeout i = 0; i < CTW_TIMEOUTS; i++)
        if (m->plan.timeouts[i] > 0 || !m->f->host) {
            ctw_line_add(m->l, "shorten its timeouts and ");
            break;
        }
    add_cap(m, flows[p->scope]);
    ctw_line_add(m->l, "; %s", p->note);
}

static void unconfirmed(struct making *m) {
    const struct ctw_host *host = m->f->host;

    if (host && host->has_queue)
        ctw_line_add(m->l,
                     "Queue %" PRIu32 " holds %" PRIu32 " packets: the program that reads it hangs "
                     "or is too slow; the second column of /proc/net/netfilter/nfnetlink_queue is "
                     "usually its process id; restart it, or add bypass to the rule that fills the "
                     "queue (nft: queue num %" PRIu32 " bypass), which lets packets pass "
                     "unexamined when no program reads it",
                     host->queue_number, host->queue_held, host->queue_number);
    else
        ctw_line_add(m->l, "Entries are counted that no listing shows: packets wait in a queue or "
                           "in a slow hook; /proc/net/netfilter/nfnetlink_queue shows the queues, "
                           "nft list ruleset and iptables-save the rules that fill them");
}

/* One limit for all namespaces. */
static bool add_elsewhere(struct making *m) {
    const struct ctw_host *host = m->f->host;

    if (!host || host->initial_netns)
        return false;
    ctw_line_add(m->l, ", in the initial network namespace (on the host): the limit is one for "
                       "all, and cannot be written here");
    return true;
}

static void too_small(struct making *m) {
    const struct ctw_sample *t = m->f->table;
    const bool known = m->d->cause == CTW_CAUSE_TOO_SMALL;

    if (!t || t->max == 0)
        return;
    raise_max(m);
    m->plan.keep = known && m->plan.max > 0;
    if (known)
        ctw_line_add(m->l, "No kind of traffic stands out, so the table is too small for its load");
    else
        ctw_line_add(m->l, "ctwatch top or conntrack -L shows what fills the table");
    if (t->max >= CTW_MAX_LARGEST) {
        ctw_line_add(m->l, "; the limit is the largest the kernel takes");
        return;
    }
    ctw_line_add(m->l, known ? ": raise nf_conntrack_max"
                             : "; if it is legitimate, raise "
                               "nf_conntrack_max");
    const uint32_t to =
        m->f->host ? m->plan.max : (uint32_t)ctw_least(2 * (uint64_t)t->max, CTW_MAX_LARGEST);
    if (to > 0) {
        ctw_line_add(m->l, " from %" PRIu32 " to %" PRIu32, t->max, to);
        if (m->plan.buckets > 0)
            ctw_line_add(m->l,
                         ", and nf_conntrack_buckets to %" PRIu32 ", which stops packets for "
                         "some %" PRIu64 " ms",
                         m->plan.buckets, ctw_growth_stall_msec(t->count));
        ctw_line_add(m->l, " (up to %" PRIu32 " bytes of memory per entry)",
                     ctw_host_entry_most(m->f->host));
    } else if (!add_elsewhere(m)) {
        ctw_line_add(m->l, ", once growth.memory and growth.ceiling of ctwatch.conf and the free "
                           "memory allow more: free -m and slabtop show what takes it");
    }
}

/* --- other causes ----------------------------------------------------------------------------- */

static void unknown(struct making *m) {
    const enum ctw_trouble trouble = m->f->trouble;

    if (trouble == CTW_TROUBLE_ANY || trouble == CTW_TROUBLE_FILL)
        too_small(m);
    else
        ctw_line_add(m->l, "conntrack -S shows the counters of each CPU; free -m and dmesg show "
                           "whether the kernel is short of memory");
}

static void nat_ports(struct making *m) {
    ctw_line_add(m->l, "NAT has no free port");
    if (m->d->culprit[0] != '\0')
        ctw_line_add(m->l, " towards %s", m->d->culprit);
    if (m->d->has_port)
        ctw_line_add(m->l, " port %u", m->d->port);
    ctw_line_add(m->l, ": give its rule more addresses or ports (nft: snat to ADDRESS-ADDRESS, "
                       "masquerade to :1024-65535 fully-random), or let clients reuse their "
                       "connections; raising nf_conntrack_max does not help");
}

/* Without a sample, it is one of two causes. */
static void clash_race(struct making *m) {
    const bool sampled = m->f->talkers != NULL;

    ctw_line_add(m->l,
                 "%s two packets of one new flow passed on two CPUs at once, and one of them was "
                 "dropped, as of the A and the AAAA query that a resolver sends from one socket: "
                 "options single-request-reopen in resolv.conf, or a DNS cache on the client, "
                 "avoids it",
                 sampled ? "Often" : "Either");
    if (!sampled)
        ctw_line_add(m->l, "; or NAT has no free port, which a sample of the entries would show "
                           "(ctwatch top, as root): its rule then needs more addresses or ports");
    ctw_line_add(m->l, "; raising limits does not help");
}

/* One for each entry that the limit allows and memory holds, as ctwatch advise has it; where there
 * are as many, twice as many. */
static void too_few_buckets(struct making *m) {
    const struct ctw_sample *t = m->f->table;

    ctw_line_add(m->l, "Hash chains are too long: raise nf_conntrack_buckets");
    if (!t || !t->has_buckets || t->buckets > CTW_BUCKETS_LARGEST / 2) {
        ctw_line_add(m->l, " to nf_conntrack_max");
        return;
    }
    const uint64_t entries =
        ctw_growth_entries_to_hold(t, t->max, m->f->host ? m->f->host->max_most : 0, t->count);
    const uint32_t buckets =
        entries > t->buckets ? ctw_growth_buckets_for(entries, 1) : t->buckets * 2;
    ctw_line_add(m->l, " from %" PRIu32 " to %" PRIu32, t->buckets, buckets);
    if (add_elsewhere(m))
        return;
    if (m->f->host) {
        m->plan.buckets = buckets;
        m->plan.keep = true;
    }
    ctw_line_add(m->l, ", which stops packets for some %" PRIu64 " ms",
                 ctw_growth_stall_msec(t->count));
}

static void expectations(struct making *m) {
    const struct ctw_host *host = m->f->host;

    ctw_line_add(m->l, "The table of expectations is full");
    if (host && host->has_expectations && host->expect_max > 0)
        ctw_line_add(m->l, " (%" PRIu32 " of %" PRIu32 ")", host->expectations, host->expect_max);
    if (m->d->culprit[0] != '\0')
        ctw_line_add(m->l, ", most are of the helper %s", m->d->culprit);
    ctw_line_add(m->l, ": raise nf_conntrack_expect_max");
    if (host && host->initial_netns && host->expect_max > 0 &&
        host->expect_max <= CTW_MAX_LARGEST / 2) {
        m->plan.expect_max = host->expect_max * 2;
        ctw_line_add(m->l, " to %" PRIu32, m->plan.expect_max);
    }
    (void)add_elsewhere(m);
    ctw_line_add(m->l, "; conntrack -L expect shows who makes them");
}

static void helper(struct making *m) {
    ctw_line_add(m->l, "A connection tracking helper");
    if (m->d->culprit[0] != '\0')
        ctw_line_add(m->l, " (%s)", m->d->culprit);
    ctw_line_add(m->l, " refuses packets below the limit: dmesg may show why, conntrack -L expect "
                       "what it expects; where the protocol needs no helper, remove the rule that "
                       "assigns it");
}

static void memory(struct making *m) {
    ctw_line_add(m->l, "The kernel found no memory for an entry: free -m and slabtop show what "
                       "takes it; raising nf_conntrack_max makes it worse");
}

/* Only where a limit is lower than before; 0 meant no limit, and is never written. */
static void foreign_writer(struct making *m) {
    const struct ctw_sample *t = m->f->table;
    const struct ctw_alert *a = m->alert;
    const bool fewer = a && a->buckets_changed && a->new_buckets < a->old_buckets;
    const bool here = t && m->f->host && m->f->host->initial_netns;
    uint32_t from = m->f->lowered_from < CTW_MAX_LARGEST ? m->f->lowered_from : 0;

    if (a && a->max_changed)
        from = a->new_max != 0 && a->old_max > a->new_max ? a->old_max : 0;
    ctw_line_add(m->l, "If this was not intended, " FIND_WRITER ")");
    if (from > 0)
        ctw_line_add(m->l, ", then set nf_conntrack_max to %" PRIu32 " again", from);
    if (fewer)
        ctw_line_add(m->l, ", then set nf_conntrack_buckets to %" PRIu32 " again", a->old_buckets);
    if (here && from > t->max)
        m->plan.max = from;
    if (here && fewer && t->has_buckets)
        m->plan.buckets = a->old_buckets;
}

/* The name that `ip netns exec` takes; NULL: none. */
static const char *ip_netns_name(const struct ctw_alert *a) {
    return a && a->netns_kind == CTW_NETNS_IP_NETNS && ctw_command_is_name(a->netns) ? a->netns
                                                                                     : NULL;
}

/* The entries are unknown: those of a flood live no longer than LONG_SEC. */
static void other_netns(struct making *m) {
    const uint64_t inode = m->alert ? m->alert->netns_inode : 0;
    const uint32_t pid = m->alert ? m->alert->netns_pid : 0;
    const char *name = ip_netns_name(m->alert);

    if (name) {
        cap(m, 2, LONG_SEC);
        ctw_line_add(m->l, "ip netns exec %s conntrack -L shows what fills its table; ", name);
        add_cap(m, "its new flows");
    } else if (pid > 0) {
        ctw_line_add(m->l, "nsenter -t %" PRIu32 " -n conntrack -L shows what fills its table",
                     pid);
    } else if (inode > 0) {
        ctw_line_add(m->l,
                     "lsns -t net -o NS,PID,COMMAND | grep %" PRIu64 " shows its processes, "
                     "nsenter -t PID -n conntrack -L what fills its table",
                     inode);
    } else {
        ctw_line_add(m->l, "lsns -t net lists the network namespaces, nsenter -t PID -n conntrack "
                           "-L shows what fills a table");
    }
    ctw_line_add(m->l, "; net.netfilter.nf_conntrack_max is one limit for all namespaces");
}

/* --- all causes ------------------------------------------------------------------------------- */

static void (*const makers[CTW_CAUSES])(struct making *m) = {
    [CTW_CAUSE_UNKNOWN] = unknown,
    [CTW_CAUSE_ONE_SOURCE] = one_source,
    [CTW_CAUSE_ONE_DESTINATION] = one_destination,
    [CTW_CAUSE_LOOPBACK] = loopback,
    [CTW_CAUSE_DNS] = pile,
    [CTW_CAUSE_SYN_FLOOD] = pile,
    [CTW_CAUSE_UDP_UNREPLIED] = pile,
    [CTW_CAUSE_ICMP] = pile,
    [CTW_CAUSE_IDLE_ESTABLISHED] = pile,
    [CTW_CAUSE_TIME_WAIT] = pile,
    [CTW_CAUSE_CLOSE_WAIT] = pile,
    [CTW_CAUSE_UNCONFIRMED] = unconfirmed,
    [CTW_CAUSE_NAT_PORTS] = nat_ports,
    [CTW_CAUSE_CLASH_RACE] = clash_race,
    [CTW_CAUSE_TOO_FEW_BUCKETS] = too_few_buckets,
    [CTW_CAUSE_EXPECTATIONS] = expectations,
    [CTW_CAUSE_HELPER] = helper,
    [CTW_CAUSE_MEMORY] = memory,
    [CTW_CAUSE_FOREIGN_WRITER] = foreign_writer,
    [CTW_CAUSE_OTHER_NETNS] = other_netns,
    [CTW_CAUSE_TOO_SMALL] = too_small,
};

static bool has_cap(const struct ctw_plan *p) {
    return p->per_minute > 0 || p->most > 0 || p->untrack_loopback;
}

static void make(struct making *m, struct ctw_remedy *ret) {
    const struct ctw_host *host = m->f->host;
    const bool other = m->d->cause == CTW_CAUSE_OTHER_NETNS && m->alert;

    m->l = &ret->sentence;
    makers[m->d->cause](m);
    if (!host)
        return;
    const struct ctw_command_place place = {.diagnosis = m->d,
                                            .host = host,
                                            .table = m->f->table,
                                            .netns = other ? ip_netns_name(m->alert) : NULL};
    if (has_cap(&m->plan) && !ctw_command_can_cap(host))
        ctw_line_add(m->l, "; neither nft nor iptables was found here, so no rule is offered");
    ctw_command_write(&m->plan, &place, ret->command, ret->undo);
}

static void start(struct ctw_remedy *ret) {
    ctw_line_start(&ret->sentence);
    ret->command[0] = ret->undo[0] = '\0';
}

void ctw_remedy_for(const struct ctw_diagnosis *d, const struct ctw_cause_facts *f,
                    struct ctw_remedy *ret) {
    struct making m = {.d = d, .f = f, .max = f->table ? f->table->max : 0};

    start(ret);
    make(&m, ret);
}

/* --- sources ---------------------------------------------------------------------------------- */

/* A source that is absent, one that may not be read, and any other failure. */
static void add_blind(struct ctw_line *l, const struct ctw_alert *a) {
    static const struct {
        const char *forbidden, *failed;
    } words[CTW_SOURCES] = {
        [CTW_SOURCE_TABLE] = {NULL, "systemctl cat ctwatch: /proc/sys/net must be readable in the "
                                    "unit (ProcSubset=all)"},
        [CTW_SOURCE_COUNTERS] = {CAPABILITIES "CAP_NET_ADMIN",
                                 "conntrack -S: if that fails too, this kernel has no counters"},
        [CTW_SOURCE_KERNEL_LOG] = {CAPABILITIES "CAP_SYSLOG, ProtectKernelLogs=no; in a container: "
                                                "kernel_log.enabled = false in ctwatch.conf",
                                   "ls -l /dev/kmsg; the unit needs PrivateDevices=no and "
                                   "ProtectKernelLogs=no; in a container: kernel_log.enabled = "
                                   "false in ctwatch.conf"},
        [CTW_SOURCE_EVENTS] = {CAPABILITIES "CAP_NET_ADMIN",
                               "sysctl net.netfilter.nf_conntrack_events must not be 0, and the "
                               "kernel must grant events.buffer of ctwatch.conf; events.mode = "
                               "\"never\" does without events"},
        [CTW_SOURCE_JOURNAL] = {NULL, "systemctl status systemd-journald.socket "
                                      "systemd-journald.service"},
        [CTW_SOURCE_STATE] = {"systemctl cat ctwatch: the unit needs RuntimeDirectory=ctwatch; on "
                              "a terminal: --state with a folder of yours",
                              "df /run, ls -ld /run/ctwatch: the state needs a megabyte there"},
        [CTW_SOURCE_COMMAND] = {NULL, "ctwatchd --test-alert runs it once; systemctl status "
                                      "ctwatch-alert.socket ctwatch-alert.service"},
    };
    const bool forbidden = a->health.error == -EPERM || a->health.error == -EACCES;

    if (a->source == CTW_SOURCE_TABLE && a->health.health == CTW_HEALTH_ABSENT)
        ctw_line_add(l, "None if nothing here needs connection tracking; a rule that needs it "
                        "loads it, and so does modprobe nf_conntrack");
    else if (forbidden && words[a->source].forbidden)
        ctw_line_add(l, "%s", words[a->source].forbidden);
    else
        ctw_line_add(l, "%s", words[a->source].failed);
}

/* --- growth ----------------------------------------------------------------------------------- */

static void add_grew(struct ctw_line *l, const struct ctw_alert *a) {
    if (a->growth_reason == CTW_GROWTH_SAVED)
        return;
    ctw_line_add(l, "To set this at each boot without ctwatchd: ");
    if (a->max_changed)
        ctw_line_add(l, "net.netfilter.nf_conntrack_max = %" PRIu32 " in /etc/sysctl.d",
                     a->new_max);
    if (a->max_changed && a->buckets_changed)
        ctw_line_add(l, ", ");
    if (a->buckets_changed)
        ctw_line_add(l,
                     "options nf_conntrack hashsize=%" PRIu32 " in /etc/modprobe.d "
                     "(net.netfilter.nf_conntrack_buckets in /etc/sysctl.d where it is built in)",
                     a->new_buckets);
    ctw_line_add(l, "; or growth.persist = true in ctwatch.conf");
}

static void add_refused(struct ctw_line *l, const struct ctw_alert *a) {
    static const char more[] = "conntrack -L shows what fills the table";
    static const char *const fixed[CTW_GROWTH_REFUSALS] = {
        [CTW_GROWTH_FOREIGN_WRITER] = FIND_WRITER ", --conntrack-max-per-core=0 stops that)",
        [CTW_GROWTH_CHILD_NAMESPACE] = "Run ctwatchd on the host, in the initial network namespace",
        [CTW_GROWTH_NOT_PERMITTED] = CAPABILITIES "CAP_NET_ADMIN; in a container that is not "
                                                  "enough, run ctwatchd on the host",
        [CTW_GROWTH_PERSIST_FAILED] =
            "systemctl cat ctwatch: the unit needs StateDirectory=ctwatch, with room on its disk; "
            "the next growth writes the file anew",
        [CTW_GROWTH_WRITE_FAILED] = "sysctl -w net.netfilter.nf_conntrack_max=N shows whether the "
                                    "kernel takes the value by hand",
    };

    if (a->growth_refusal == CTW_GROWTH_NOT_PERMITTED && a->growth_error == -EROFS)
        ctw_line_add(l, "systemctl cat ctwatch: the unit needs "
                        "ReadWritePaths=/proc/sys/net/netfilter; in a container /proc/sys must be "
                        "writable, or ctwatchd run on the host");
    else if (fixed[a->growth_refusal])
        ctw_line_add(l, "%s", fixed[a->growth_refusal]);
    else if (a->bound == CTW_BOUND_SETTING || a->bound == CTW_BOUND_MEMORY)
        ctw_line_add(l, "Raise %s in ctwatch.conf; %s", ctw_growth_bound_name(a->bound), more);
    else if (a->bound == CTW_BOUND_AVAILABLE)
        ctw_line_add(l, "free -m and slabtop show what takes the memory; %s", more);
    else if (a->bound == CTW_BOUND_BUCKETS)
        ctw_line_add(l,
                     "In a quiet moment sysctl -w net.netfilter.nf_conntrack_buckets=N, a quarter "
                     "of the wanted max (stalls packets for 0.4 us per entry), or growth.buckets = "
                     "\"always\" in ctwatch.conf; %s",
                     more);
    else
        ctw_line_add(l, "%s", more);
}

/* --- all kinds -------------------------------------------------------------------------------- */

static bool of_cause(const struct ctw_alert *a, struct ctw_remedy *ret) {
    struct ctw_cause_facts facts;
    struct ctw_diagnosis d;
    struct making m = {.d = &d, .f = &facts, .alert = a, .max = a->table.max};

    if (!ctw_cause_facts_of(a, &facts))
        return false;
    ctw_diagnose(&facts, &d);
    make(&m, ret);
    return true;
}

/* Why it does not grow, and the command of the cause. */
static void refused(const struct ctw_alert *a, struct ctw_remedy *ret) {
    (void)of_cause(a, ret);
    ctw_line_start(&ret->sentence);
    add_refused(&ret->sentence, a);
}

void ctw_remedy(const struct ctw_alert *a, struct ctw_remedy *ret) {
    struct ctw_line *l = &ret->sentence;

    start(ret);
    if (a->edge == CTW_EDGE_END)
        return;
    if (a->kind == CTW_ALERT_GREW)
        add_grew(l, a);
    else if (a->kind == CTW_ALERT_GROWTH_REFUSED)
        refused(a, ret);
    else if (a->kind == CTW_ALERT_GROWTH_DRY_RUN)
        ctw_line_add(l, "To have it grow: growth.enabled = true and growth.dry_run = false in "
                        "ctwatch.conf, then systemctl reload ctwatch");
    else if (a->kind == CTW_ALERT_EVENTS_LOST)
        ctw_line_add(l, "Levels and drops are not affected; a larger events.buffer in ctwatch.conf "
                        "holds longer bursts");
    else if (a->kind == CTW_ALERT_BLIND)
        add_blind(l, a);
    else if (a->config_refused)
        ctw_line_add(l, "Correct the file, check it with ctwatchd --check-config, then systemctl "
                        "reload ctwatch");
    else
        (void)of_cause(a, ret);
}
