/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/report/remedy.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "lib/watch/cause.h"

#define CAPABILITIES                                                                               \
    "systemctl edit ctwatch: AmbientCapabilities= and CapabilityBoundingSet= must hold "

#define FIND_WRITER                                                                                \
    "find the writer (grep -r nf_conntrack /etc/sysctl.d; kube-proxy sets it as well"

/* --- a table that fills ----------------------------------------------------------------------- */

static void add_buckets(struct ctw_line *l, uint32_t buckets) {
    ctw_line_add(l,
                 "sysctl -w net.netfilter.nf_conntrack_buckets=%" PRIu32 " (stalls packets for "
                 "0.4 us per entry)",
                 buckets);
}

/* Twice the max, and the buckets for it where its chains would be too long. */
static void raise_max(struct ctw_line *l, const struct ctw_sample *t) {
    if (t->max >= CTW_MAX_LARGEST) {
        ctw_line_add(l, "The limit is the largest the kernel takes: conntrack -L shows what fills "
                        "the table, and nft notrack leaves it untracked");
        return;
    }

    const uint32_t doubled = t->max > CTW_MAX_LARGEST / 2 ? CTW_MAX_LARGEST : t->max * 2;
    if (t->has_buckets && doubled > (uint64_t)t->buckets * CTW_ENTRIES_PER_BUCKET) {
        add_buckets(l, ctw_growth_buckets_for(doubled, CTW_ENTRIES_PER_BUCKET));
        ctw_line_add(l, ", then ");
    }
    ctw_line_add(l,
                 "sysctl -w net.netfilter.nf_conntrack_max=%" PRIu32 " (up to %u bytes of memory "
                 "per entry) and keep it in /etc/sysctl.d; conntrack -L shows what fills the table",
                 doubled, CTW_ENTRY_BYTES);
}

/* In chains of its own table: the names of the machine's own chains are unknown. */
static void leave_untracked(struct ctw_line *l, const char *nft_in, const char *nft_out,
                            const char *iptables_in, const char *iptables_out) {
    ctw_line_add(l,
                 "nft 'table inet ctwatch { chain pre { type filter hook prerouting priority raw; "
                 "%s notrack; }; chain out { type filter hook output priority raw; %s notrack; }; "
                 "}'; or iptables -t raw -A PREROUTING %s -j NOTRACK and iptables -t raw -A OUTPUT "
                 "%s -j NOTRACK",
                 nft_in, nft_out, iptables_in, iptables_out);
}

/* Drops what exceeds the rate. Nothing is accepted: that would bypass the machine's own rules. */
static void limit_new(struct ctw_line *l, const char *nft, const char *iptables) {
    ctw_line_add(
        l,
        "nft 'table inet ctwatch { chain incoming { type filter hook input priority -1; %s ct "
        "state new limit rate over 1000/second drop; }; chain forwarded { type filter hook "
        "forward priority -1; %s ct state new limit rate over 1000/second drop; }; }'; or "
        "iptables -I FORWARD %s -m hashlimit --hashlimit-name ctwatch --hashlimit-above "
        "1000/second -j DROP",
        nft, nft, iptables);
}

/* The remedy of the cause; false where a larger table is the remedy. */
static bool treat(struct ctw_line *l, const struct ctw_diagnosis *d) {
    switch (d->cause) {
    case CTW_CAUSE_ONE_SOURCE: {
        const char *source = d->culprit, *six = strchr(source, ':') ? "6" : "";
        ctw_line_add(l,
                     "One source holds most of the table. If it should not, drop its packets "
                     "before they are tracked: nft 'table inet ctwatch { chain pre { type filter "
                     "hook prerouting priority raw; ip%s saddr %s drop; }; }', or ip%stables -t "
                     "raw -A PREROUTING -s %s -j DROP; if it is a proxy or a NAT, raise the limit",
                     six, source, six, source);
        return true;
    }
    case CTW_CAUSE_LOOPBACK:
        ctw_line_add(l, "Connections of this host to itself need no tracking where they are not "
                        "NATed: ");
        leave_untracked(l, "iif lo", "oif lo", "-i lo", "-o lo");
        return true;
    case CTW_CAUSE_DNS:
        ctw_line_add(l, "DNS queries need no tracking where they are not NATed: ");
        leave_untracked(l, "udp dport 53", "udp sport 53", "-p udp --dport 53",
                        "-p udp --sport 53");
        return true;
    case CTW_CAUSE_SYN_FLOOD:
        ctw_line_add(l, "Most entries are half-open TCP, as in a SYN flood: limit new "
                        "connections, ");
        limit_new(l, "tcp flags syn", "-p tcp --syn");
        ctw_line_add(l, "; and sysctl -w net.netfilter.nf_conntrack_tcp_timeout_syn_sent=30");
        return true;
    case CTW_CAUSE_UDP_UNREPLIED:
        ctw_line_add(l, "Most entries are UDP without a reply: limit new flows, ");
        limit_new(l, "meta l4proto udp", "-p udp -m conntrack --ctstate NEW");
        return true;
    case CTW_CAUSE_IDLE_ESTABLISHED:
        ctw_line_add(l, "Most entries are established TCP that has been idle for an hour: sysctl "
                        "-w net.netfilter.nf_conntrack_tcp_timeout_established=7200; an idle entry "
                        "takes the new timeout with its next packet, so raise nf_conntrack_max as "
                        "well");
        return true;
    default:
        return false;
    }
}

static void add_filling(struct ctw_line *l, const struct ctw_alert *a) {
    struct ctw_cause_facts facts;
    struct ctw_diagnosis d = {0};

    if (ctw_cause_facts_of(a, &facts))
        ctw_diagnose(&facts, &d);
    if (a->other_netns) {
        if (a->netns_inode == 0)
            ctw_line_add(l, "lsns -t net lists the network namespaces");
        else
            ctw_line_add(l, "lsns -t net -o NS,PID,COMMAND | grep %" PRIu64 " shows its processes",
                         a->netns_inode);
        ctw_line_add(l, ", nsenter -t PID -n conntrack -L shows what fills its table; "
                        "net.netfilter.nf_conntrack_max is one limit for all namespaces");
    } else if (a->has_table && a->table.max > 0 && !treat(l, &d)) {
        raise_max(l, &a->table);
    }
}

static void add_long_chains(struct ctw_line *l, const struct ctw_sample *t) {
    uint32_t buckets = ctw_growth_buckets_for(t->max, CTW_ENTRIES_PER_BUCKET);

    if (!t->has_buckets || t->buckets > CTW_BUCKETS_LARGEST / 2) {
        ctw_line_add(l, "Raise net.netfilter.nf_conntrack_buckets to a quarter of "
                        "nf_conntrack_max or more");
        return;
    }
    if (buckets < t->buckets * 2)
        buckets = t->buckets * 2;
    add_buckets(l, buckets);
    ctw_line_add(l, " and keep it in /etc/sysctl.d");
}

/* Only where a limit is lower than before; 0 meant no limit. */
static void add_limit_changed(struct ctw_line *l, const struct ctw_alert *a) {
    const bool lowered =
        a->max_changed && a->new_max != 0 && (a->old_max == 0 || a->new_max < a->old_max);
    const bool fewer = a->buckets_changed && a->new_buckets < a->old_buckets;

    if (!lowered && !fewer)
        return;
    ctw_line_add(l, "If this was not intended, " FIND_WRITER ")");
    if (lowered && a->old_max != 0)
        ctw_line_add(l, ", then sysctl -w net.netfilter.nf_conntrack_max=%" PRIu32, a->old_max);
    if (fewer)
        ctw_line_add(l, ", then sysctl -w net.netfilter.nf_conntrack_buckets=%" PRIu32,
                     a->old_buckets);
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

void ctw_remedy(const struct ctw_alert *a, struct ctw_line *ret) {
    static const char *const fixed[CTW_ALERT_KINDS] = {
        [CTW_ALERT_DROPPED_BELOW_MAX] =
            "conntrack -S shows the counters of each CPU; free -m and dmesg show whether the "
            "kernel is short of memory",
        [CTW_ALERT_INSERT_FAILED] =
            "conntrack -S shows the clashes of each CPU; where this machine does NAT, give the "
            "rule more addresses or ports (nft: snat to ADDRESS-ADDRESS, masquerade to "
            ":1024-65535 fully-random)",
        [CTW_ALERT_EXPECT_FULL] =
            "sysctl net.netfilter.nf_conntrack_expect_max shows the limit, conntrack -L expect "
            "what fills it; double it with sysctl -w",
        [CTW_ALERT_GROWTH_DRY_RUN] =
            "To have it grow: growth.enabled = true and growth.dry_run = false in ctwatch.conf, "
            "then systemctl reload ctwatch",
        [CTW_ALERT_EVENTS_LOST] =
            "Levels and drops are not affected; a larger events.buffer in ctwatch.conf holds "
            "longer bursts",
    };

    ctw_line_start(ret);
    if (a->edge == CTW_EDGE_END)
        return;
    if (fixed[a->kind])
        ctw_line_add(ret, "%s", fixed[a->kind]);
    else if (a->kind == CTW_ALERT_FORECAST || a->kind == CTW_ALERT_TABLE_FULL ||
             a->kind == CTW_ALERT_EARLY_DROP ||
             (a->kind == CTW_ALERT_USAGE && a->level != CTW_LEVEL_OK))
        add_filling(ret, a);
    else if (a->kind == CTW_ALERT_CHAIN_TOO_LONG)
        add_long_chains(ret, &a->table);
    else if (a->kind == CTW_ALERT_GREW)
        add_grew(ret, a);
    else if (a->kind == CTW_ALERT_GROWTH_REFUSED)
        add_refused(ret, a);
    else if (a->kind == CTW_ALERT_LIMIT_CHANGED)
        add_limit_changed(ret, a);
    else if (a->kind == CTW_ALERT_BLIND)
        add_blind(ret, a);
    else if (a->config_refused)
        ctw_line_add(ret, "Correct the file, check it with ctwatchd --check-config, then systemctl "
                          "reload ctwatch");
}
