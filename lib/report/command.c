/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/report/command.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <string.h>

#include "lib/util/strbuf.h"

/* What takes new flows before they are confirmed, and so before they stay in the table: connection
 * tracking runs at -200, destination NAT at -100. */
#define NFT_PRIORITY "-150"

/* The kernel sets "confirmed" when the first packet of a flow has passed. "new" alone would match
 * each packet of a flow without a reply, as of syslog, and each packet on loopback twice. */
#define NFT_NEW      "ct state new ct status and confirmed == 0"
#define IPTABLES_NEW "-m conntrack --ctstate NEW ! --ctstatus CONFIRMED"

/* Of the private networks, and of the link. */
#define OWN_IPV4                                                                                   \
    "10.0.0.0/8, 100.64.0.0/10, 127.0.0.0/8, 169.254.0.0/16, 172.16.0.0/12, 192.168.0.0/16"
#define OWN_IPV6 "::1, fc00::/7, fe80::/10"

/* Above this xt_hashlimit refuses a rate: revision 1, and revision 2 of Linux 4.9. */
#define HASHLIMIT_MOST_OLD 10000u
#define HASHLIMIT_MOST     1000000u

#define SYSCTL "net.netfilter.nf_conntrack_"
#define KEPT   "/etc/sysctl.d/99-ctwatch.conf"
#define KEPT_BUCKETS                                                                               \
    "/etc/modprobe.d/ctwatch.conf" /* before Linux 4.8, when buckets had no sysctl                 \
                                    */
#define HASHSIZE "/sys/module/nf_conntrack/parameters/hashsize"

struct writer {
    const struct ctw_plan *plan;
    const struct ctw_command_place *at;
    struct ctw_out out;
};

/* --- steps ------------------------------------------------------------------------------------ */

static void begin_step(struct writer *w) {
    if (w->out.used > 0)
        ctw_out_put(&w->out, " && ");
}

/* A step that concerns one namespace: in another one, by way of ip(8). */
static void begin_step_there(struct writer *w) {
    begin_step(w);
    if (w->at->netns)
        ctw_out_put(&w->out, "ip netns exec %s ", w->at->netns);
}

bool ctw_command_is_name(const char *name) {
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                  "0123456789_.@-";

    /* ip(8) would read "-n" as an option. */
    return name[0] != '\0' && name[0] != '-' && name[strspn(name, letters)] == '\0';
}

/* --- limits and timeouts ---------------------------------------------------------------------- */

static bool by_sysctl(const struct writer *w) {
    return w->at->host->release.buckets_writable;
}

/* " net.netfilter.nf_conntrack_buckets=65536 net.netfilter.nf_conntrack_max=524288" */
static void put_assignments(struct writer *w) {
    if (w->plan->buckets > 0 && by_sysctl(w))
        ctw_out_put(&w->out, " " SYSCTL "buckets=%" PRIu32, w->plan->buckets);
    if (w->plan->max > 0)
        ctw_out_put(&w->out, " " SYSCTL "max=%" PRIu32, w->plan->max);
}

static bool has_assignments(const struct writer *w) {
    return w->plan->max > 0 || (w->plan->buckets > 0 && by_sysctl(w));
}

/* Buckets first: for the present ones max may be too high. */
static void set_limits(struct writer *w) {
    const struct ctw_plan *p = w->plan;

    if (p->buckets > 0 && !by_sysctl(w)) {
        begin_step(w);
        ctw_out_put(&w->out, "echo %" PRIu32 " >" HASHSIZE, p->buckets);
    }
    if (!has_assignments(w) && p->expect_max == 0)
        return;
    begin_step(w);
    ctw_out_put(&w->out, "sysctl -w");
    put_assignments(w);
    if (p->expect_max > 0)
        ctw_out_put(&w->out, " " SYSCTL "expect_max=%" PRIu32, p->expect_max);
}

static void keep_limits(struct writer *w) {
    const struct ctw_plan *p = w->plan;

    if (!p->keep)
        return;
    if (has_assignments(w)) {
        begin_step(w);
        ctw_out_put(&w->out, "printf '%%s\\n'");
        put_assignments(w);
        ctw_out_put(&w->out, " >" KEPT);
    }
    if (p->buckets > 0 && !by_sysctl(w)) {
        begin_step(w);
        ctw_out_put(&w->out, "echo options nf_conntrack hashsize=%" PRIu32 " >" KEPT_BUCKETS,
                    p->buckets);
    }
}

static void forget_limits(struct writer *w) {
    const struct ctw_plan *p = w->plan;

    if (!p->keep || (p->max == 0 && p->buckets == 0))
        return;
    begin_step(w);
    ctw_out_put(&w->out, "rm -f");
    if (p->max > 0 || by_sysctl(w))
        ctw_out_put(&w->out, " " KEPT);
    if (p->buckets > 0 && !by_sysctl(w))
        ctw_out_put(&w->out, " " KEPT_BUCKETS);
}

static void lower_limits(struct writer *w) {
    const struct ctw_sample *t = w->at->table;
    struct ctw_plan old = {.max = w->plan->max > 0 ? t->max : 0,
                           .buckets = w->plan->buckets > 0 ? t->buckets : 0};
    struct writer inner = {.plan = &old, .at = w->at};
    char steps[256];

    if (old.max == 0 && old.buckets == 0)
        return;
    inner.out = (struct ctw_out){steps, sizeof(steps), 0};
    set_limits(&inner);
    begin_step(w);
    if (w->plan->max > t->max)
        ctw_out_put(&w->out,
                    "if [ \"$(cat /proc/sys/net/netfilter/nf_conntrack_count)\" -lt %" PRIu32
                    " ]; then %s; fi",
                    t->max, steps);
    else
        ctw_out_put(&w->out, "%s", steps);
}

static void put_timeouts(struct writer *w, bool old) {
    bool first = true;

    for (enum ctw_timeout i = 0; i < CTW_TIMEOUTS; i++) {
        if (w->plan->timeouts[i] == 0)
            continue;
        if (first) {
            begin_step_there(w);
            ctw_out_put(&w->out, "sysctl -w");
        }
        first = false;
        ctw_out_put(&w->out, " " SYSCTL "%s=%" PRIu32, ctw_timeout_name(i),
                    old ? w->at->host->timeouts_sec[i] : w->plan->timeouts[i]);
    }
}

/* --- rules ------------------------------------------------------------------------------------ */

static bool has_rules(const struct ctw_plan *p) {
    return p->untrack_loopback || p->per_minute > 0 || p->most > 0;
}

/* nf_tables of before has neither `limit rate over` nor `notrack`, which came by Linux 4.9. */
static bool by_nft(const struct ctw_host *host) {
    return host->has_nft && host->release.buckets_writable;
}

bool ctw_command_can_cap(const struct ctw_host *host) {
    return by_nft(host) || host->has_iptables;
}

/* "4369/second burst 4369", "35/minute burst 35" */
static void put_rate(struct writer *w, const char *burst, uint32_t per_minute, uint32_t most) {
    const bool seconds = per_minute >= 120;
    uint32_t rate = seconds ? per_minute / 60 : per_minute;

    if (rate > most)
        rate = most;
    ctw_out_put(&w->out, "%" PRIu32 "/%s %s %" PRIu32, rate, seconds ? "second" : "minute", burst,
                rate > 5 ? rate : 5);
}

static void put_address(struct writer *w) {
    const struct ctw_diagnosis *d = w->at->diagnosis;
    char text[INET6_ADDRSTRLEN] = "";

    (void)inet_ntop(d->family, d->address, text, sizeof(text));
    ctw_out_put(&w->out, "%s", text);
    if (d->prefix < (d->family == AF_INET6 ? 128 : 32))
        ctw_out_put(&w->out, "/%u", d->prefix);
}

static void put_nft_match(struct writer *w) {
    static const char *const scopes[] = {
        [CTW_SCOPE_ALL] = "",
        [CTW_SCOPE_TCP] = "meta l4proto tcp ",
        [CTW_SCOPE_UDP] = "meta l4proto udp ",
        [CTW_SCOPE_ICMP] = "meta l4proto { icmp, ipv6-icmp } ",
    };
    const struct ctw_plan *p = w->plan;

    if (p->of_source || p->of_destination) {
        ctw_out_put(&w->out, "%s %s ", w->at->diagnosis->family == AF_INET6 ? "ip6" : "ip",
                    p->of_source ? "saddr" : "daddr");
        put_address(w);
        ctw_out_put(&w->out, " ");
    }
    if (p->of_loopback)
        ctw_out_put(&w->out, "oif lo ");
    if (p->port > 0)
        ctw_out_put(&w->out, "%s dport %u ", p->scope == CTW_SCOPE_UDP ? "udp" : "tcp", p->port);
    else
        ctw_out_put(&w->out, "%s", scopes[p->scope]);
}

static bool may_be_ssh(const struct ctw_plan *p) {
    return (p->scope == CTW_SCOPE_ALL || p->scope == CTW_SCOPE_TCP) &&
           (p->port == 0 || p->port == 22);
}

/* A rate of its own for those from the machine's own networks: a flood from outside cannot use it
 * up. */
static void put_nft_ssh(struct writer *w) {
    static const char *const whose[] = {"ip saddr { " OWN_IPV4 " } ", "ip6 saddr { " OWN_IPV6 " } ",
                                        ""};
    const bool one = w->plan->of_source;

    if (!may_be_ssh(w->plan))
        return;
    for (size_t i = one ? 2 : 0; i < sizeof(whose) / sizeof(whose[0]); i++)
        ctw_out_put(&w->out, "tcp dport 22 %slimit rate %" PRIu32 "/minute return; ", whose[i],
                    w->plan->ssh_per_minute);
}

static void put_nft_chain(struct writer *w, const char *name, const char *hook) {
    ctw_out_put(&w->out, "chain %s { type filter hook %s priority " NFT_PRIORITY "; ", name, hook);
    put_nft_match(w);
    ctw_out_put(&w->out, NFT_NEW " jump cap; }; ");
}

static void put_nft_cap(struct writer *w) {
    const struct ctw_plan *p = w->plan;

    ctw_out_put(&w->out, "chain cap { ");
    put_nft_ssh(w);
    if (p->per_minute > 0) {
        ctw_out_put(&w->out, "limit rate over ");
        put_rate(w, "burst", p->per_minute, UINT32_MAX);
        ctw_out_put(&w->out, " packets drop; ");
    }
    if (p->most > 0 && w->at->host->release.nft_counts)
        ctw_out_put(&w->out, "ct count over %" PRIu32 " drop; ", p->most);
    ctw_out_put(&w->out, "}; ");
    if (!p->of_loopback)
        put_nft_chain(w, "pre", "prerouting");
    put_nft_chain(w, "out", "output");
}

/* In a table of its own: the names of the machine's own chains are unknown. It is deleted first, so
 * that the line can be pasted twice; and added before that, so that it can be deleted. */
static void put_nft(struct writer *w) {
    const char *cause = ctw_cause_name(w->at->diagnosis->cause);

    begin_step_there(w);
    ctw_out_put(&w->out,
                "nft 'add table inet ctwatch_%s; delete table inet ctwatch_%s; table inet "
                "ctwatch_%s { ",
                cause, cause, cause);
    if (w->plan->untrack_loopback)
        ctw_out_put(&w->out, "chain pre { type filter hook prerouting priority -300; iif lo "
                             "notrack; }; chain out { type filter hook output priority -300; oif "
                             "lo notrack; }; ");
    else
        put_nft_cap(w);
    ctw_out_put(&w->out, "}'");
}

/* --- rules, where there is only iptables ------------------------------------------------------ */

struct iptables {
    bool six, output, undo;
    bool count; /* the rule that counts, instead of the one with a rate */
};

static void put_iptables_match(struct writer *w, const struct iptables *i) {
    const struct ctw_plan *p = w->plan;
    const char *icmp = i->six ? "-p icmpv6 " : "-p icmp ";

    if (p->of_source || p->of_destination) {
        ctw_out_put(&w->out, "%s ", p->of_source ? "-s" : "-d");
        put_address(w);
        ctw_out_put(&w->out, " ");
    }
    if (p->of_loopback)
        ctw_out_put(&w->out, "-o lo ");
    if (p->scope != CTW_SCOPE_ALL)
        ctw_out_put(&w->out, "%s",
                    p->scope == CTW_SCOPE_TCP   ? "-p tcp "
                    : p->scope == CTW_SCOPE_UDP ? "-p udp "
                                                : icmp);
    if (p->port > 0)
        ctw_out_put(&w->out, "--dport %u ", p->port);
    ctw_out_put(&w->out, IPTABLES_NEW "%s ",
                may_be_ssh(p) && !p->ssh_is_flooded ? " ! --ctorigdstport 22" : "");
}

/* The name of a hashlimit takes 15 bytes. */
static void put_iptables_cap(struct writer *w, const struct iptables *i) {
    const struct ctw_plan *p = w->plan;
    const uint32_t most =
        w->at->host->release.buckets_writable ? HASHLIMIT_MOST : HASHLIMIT_MOST_OLD;

    put_iptables_match(w, i);
    if (i->count) {
        ctw_out_put(&w->out, "-m connlimit --connlimit-above %" PRIu32 " --connlimit-mask 0",
                    p->most);
    } else {
        ctw_out_put(&w->out, "-m hashlimit --hashlimit-name ctwatch_%d --hashlimit-above ",
                    (int)w->at->diagnosis->cause);
        put_rate(w, "--hashlimit-burst", p->per_minute, most);
    }
    ctw_out_put(&w->out, " -j DROP");
}

/* "r iptables mangle OUTPUT ...; ", with the function r below; "iptables -w -t mangle -D ..." */
static void put_iptables_rule(struct writer *w, const struct iptables *i) {
    const char *tool = i->six ? "ip6tables" : "iptables",
               *chain = i->output ? "OUTPUT" : "PREROUTING";
    const char *table = w->plan->untrack_loopback ? "raw" : "mangle";

    if (i->undo)
        ctw_out_put(&w->out, "%s -w -t %s -D %s ", tool, table, chain);
    else
        ctw_out_put(&w->out, "r %s %s %s ", tool, table, chain);
    if (w->plan->untrack_loopback)
        ctw_out_put(&w->out, "%s lo -j CT --notrack", i->output ? "-o" : "-i");
    else
        put_iptables_cap(w, i);
    ctw_out_put(&w->out, "; ");
}

/* An inserted rule is the first: the one with a rate comes last, since it costs less. */
static void put_iptables_chain(struct writer *w, struct iptables i) {
    for (int count = 1; count >= 0; count--) {
        i.count = count;
        if (count ? w->plan->most > 0 : w->plan->per_minute > 0 || w->plan->untrack_loopback)
            put_iptables_rule(w, &i);
    }
}

/* Failures do not end it: ip6tables may be missing. */
static void put_iptables(struct writer *w, bool undo) {
    const struct ctw_plan *p = w->plan;
    const bool one = p->of_source || p->of_destination;

    begin_step_there(w);
    ctw_out_put(&w->out, "sh -c '");
    if (!undo)
        ctw_out_put(&w->out, "r() { a=\"$1 -w -t $2\" c=$3; shift 3; $a -C $c \"$@\" 2>/dev/null "
                             "|| $a -I $c \"$@\"; }; ");
    for (int six = 0; six < 2; six++) {
        if (one && six != (w->at->diagnosis->family == AF_INET6))
            continue;
        if (!p->of_loopback)
            put_iptables_chain(w, (struct iptables){.six = six, .undo = undo});
        put_iptables_chain(w, (struct iptables){.six = six, .output = true, .undo = undo});
    }
    ctw_out_put(&w->out, "true'");
}

static void put_rules(struct writer *w) {
    if (!has_rules(w->plan))
        return;
    if (by_nft(w->at->host))
        put_nft(w);
    else if (w->at->host->has_iptables)
        put_iptables(w, false);
}

static void delete_rules(struct writer *w) {
    if (!has_rules(w->plan))
        return;
    if (by_nft(w->at->host)) {
        begin_step_there(w);
        ctw_out_put(&w->out, "nft delete table inet ctwatch_%s",
                    ctw_cause_name(w->at->diagnosis->cause));
    } else if (w->at->host->has_iptables) {
        put_iptables(w, true);
    }
}

/* --- interface -------------------------------------------------------------------------------- */

static void put_undo(struct writer *w) {
    delete_rules(w);
    put_timeouts(w, true);
    if (w->plan->expect_max > 0) {
        begin_step(w);
        ctw_out_put(&w->out, "sysctl -w " SYSCTL "expect_max=%" PRIu32, w->at->host->expect_max);
    }
    forget_limits(w);
    if (w->at->table)
        lower_limits(w);
}

void ctw_command_write(const struct ctw_plan *plan, const struct ctw_command_place *place,
                       char command[static CTW_SHELL_LINE_MAX],
                       char undo[static CTW_SHELL_LINE_MAX]) {
    struct writer w = {.plan = plan, .at = place, .out = {command, CTW_SHELL_LINE_MAX, 0}};
    size_t used;

    command[0] = undo[0] = '\0';
    set_limits(&w);
    keep_limits(&w);
    put_timeouts(&w, false);
    put_rules(&w);
    used = w.out.used;

    w.out = (struct ctw_out){undo, CTW_SHELL_LINE_MAX, 0};
    put_undo(&w);
    /* Half a line is another command. */
    if (used >= CTW_SHELL_LINE_MAX || w.out.used >= CTW_SHELL_LINE_MAX)
        command[0] = undo[0] = '\0';
}
