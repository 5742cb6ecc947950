/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/report/remedy.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "lib/watch/cause.h"

/* What the sysctl takes at the most (0 .. INT_MAX on every kernel). */
#define MAX_LARGEST 2147483647u

/* Entries per bucket that a table is advised to have at its max, and the most it should have: the
 * kernel refuses chains of 50 and more, each entry sits in two, and the longest exceed the mean. */
#define ENTRIES_PER_BUCKET      4u
#define ENTRIES_PER_BUCKET_MOST 8u

static uint32_t buckets_for(uint32_t max) {
    return max / ENTRIES_PER_BUCKET + (max % ENTRIES_PER_BUCKET != 0);
}

/* Twice the max; with the buckets to go with it where that would make the chains too long. */
static void raise_max(struct ctw_line *l, const struct ctw_sample *t) {
    if (t->max >= MAX_LARGEST) {
        ctw_line_add(l, "The limit is the largest there is: see what fills the table, "
                        "conntrack -L, and do not track it (nft: notrack)");
        return;
    }

    const uint32_t doubled = t->max > MAX_LARGEST / 2 ? MAX_LARGEST : t->max * 2;
    if (t->has_buckets && doubled > (uint64_t)t->buckets * ENTRIES_PER_BUCKET_MOST)
        ctw_line_add(l,
                     "sysctl -w net.netfilter.nf_conntrack_buckets=%" PRIu32 " (stalls packets "
                     "for 0.4 us per entry), then ",
                     buckets_for(doubled));
    ctw_line_add(l,
                 "sysctl -w net.netfilter.nf_conntrack_max=%" PRIu32 " (up to 384 bytes of "
                 "memory per entry) and keep it in /etc/sysctl.d; conntrack -L shows what fills "
                 "the table",
                 doubled);
}

/* "nft add rule RULE", in chains of their own, since nobody knows what the machine's are called. */
static void leave_untracked(struct ctw_line *l, const char *nft_in, const char *nft_out,
                            const char *iptables_in, const char *iptables_out) {
    ctw_line_add(l,
                 "nft 'table inet ctwatch { chain pre { type filter hook prerouting priority raw; "
                 "%s notrack; }; chain out { type filter hook output priority raw; %s notrack; }; "
                 "}'; or iptables -t raw -A PREROUTING %s -j NOTRACK and iptables -t raw -A OUTPUT "
                 "%s -j NOTRACK",
                 nft_in, nft_out, iptables_in, iptables_out);
}

/* What to do about the cause; false where growing the table is the remedy. */
static bool treat(struct ctw_line *l, const struct ctw_talkers *talkers) {
    switch (ctw_cause_of(talkers)) {
    case CTW_CAUSE_UNKNOWN:
    case CTW_CAUSE_LEGITIMATE:
        return false;
    case CTW_CAUSE_ONE_SOURCE: {
        const char *family = strchr(talkers->sources[0].name, ':') ? "ip6" : "ip";
        const char *command = family[2] ? "ip6tables" : "iptables";
        ctw_line_add(l,
                     "One source holds most of the table. If it is not meant to, drop it before "
                     "it is tracked: nft 'table inet ctwatch { chain pre { type filter hook "
                     "prerouting priority raw; %s saddr %s drop; }; }', or %s -t raw -A PREROUTING "
                     "-s %s -j DROP; if it is a proxy or a NAT, raise the limit",
                     family, talkers->sources[0].name, command, talkers->sources[0].name);
        return true;
    }
    case CTW_CAUSE_LOOPBACK:
        ctw_line_add(l, "This host's connections to itself need no tracking: ");
        leave_untracked(l, "iif lo", "oif lo", "-i lo", "-o lo");
        return true;
    case CTW_CAUSE_DNS:
        ctw_line_add(l, "DNS queries need no tracking where they are not NATed: ");
        leave_untracked(l, "udp dport 53", "udp sport 53", "-p udp --dport 53",
                        "-p udp --sport 53");
        return true;
    case CTW_CAUSE_SYN:
        ctw_line_add(l, "Most entries are half-open TCP, as in a SYN flood: limit new ones, nft "
                        "'tcp flags syn ct state new limit rate over 1000/second drop', or "
                        "iptables -A FORWARD -p tcp --syn -m limit --limit 1000/s -j ACCEPT and "
                        "-j DROP after it; and sysctl -w "
                        "net.netfilter.nf_conntrack_tcp_timeout_syn_sent=30");
        return true;
    case CTW_CAUSE_UDP:
        ctw_line_add(l, "Most entries are UDP that nobody answers: limit new ones, nft 'meta "
                        "l4proto udp ct state new limit rate over 1000/second drop', or iptables "
                        "-A FORWARD -p udp -m conntrack --ctstate NEW -m limit --limit 1000/s -j "
                        "ACCEPT and -j DROP after it");
        return true;
    case CTW_CAUSE_IDLE_TCP:
        ctw_line_add(l, "Most entries are established TCP that has been idle for an hour: sysctl "
                        "-w net.netfilter.nf_conntrack_tcp_timeout_established=7200; that frees "
                        "nothing idle until its next packet, so raise nf_conntrack_max as well");
        return true;
    }
    return false;
}

static void read_other_netns(struct ctw_line *l, const struct ctw_alert *a) {
    if (a->netns_inode == 0)
        ctw_line_add(l, "lsns -t net lists the network namespaces");
    else
        ctw_line_add(l, "lsns -t net -o NS,PID,COMMAND | grep %" PRIu64 " shows whose it is",
                     a->netns_inode);
    ctw_line_add(l, ", nsenter -t PID -n conntrack -L what fills its table; one limit holds for "
                    "all: net.netfilter.nf_conntrack_max");
}

static void after_full(struct ctw_line *l, const struct ctw_alert *a) {
    if (a->other_netns)
        read_other_netns(l, a);
    else if (a->has_table && a->table.max > 0 && !treat(l, a->talkers))
        raise_max(l, &a->table);
}

static void more_buckets(struct ctw_line *l, const struct ctw_sample *t) {
    uint32_t buckets = buckets_for(t->max);

    if (!t->has_buckets || t->buckets > MAX_LARGEST / 2) {
        ctw_line_add(l, "Raise net.netfilter.nf_conntrack_buckets to a quarter of "
                        "nf_conntrack_max or more");
        return;
    }
    if (buckets < t->buckets * 2)
        buckets = t->buckets * 2;
    ctw_line_add(l,
                 "sysctl -w net.netfilter.nf_conntrack_buckets=%" PRIu32 " (stalls packets for "
                 "0.4 us per entry) and keep it in /etc/sysctl.d",
                 buckets);
}

/* Only where less room is left than before: a raise harms nobody. 0 meant no limit. */
static void find_other_writer(struct ctw_line *l, const struct ctw_alert *a) {
    const bool lowered =
        a->max_changed && a->new_max != 0 && (a->old_max == 0 || a->new_max < a->old_max);
    const bool fewer = a->buckets_changed && a->new_buckets < a->old_buckets;

    if (!lowered && !fewer)
        return;
    ctw_line_add(l, "If this was not meant, find the writer (grep -r nf_conntrack /etc/sysctl.d; "
                    "kube-proxy sets it as well)");
    if (lowered && a->old_max != 0)
        ctw_line_add(l, ", then sysctl -w net.netfilter.nf_conntrack_max=%" PRIu32, a->old_max);
    if (fewer)
        ctw_line_add(l, ", then sysctl -w net.netfilter.nf_conntrack_buckets=%" PRIu32,
                     a->old_buckets);
}

static void open_eyes(struct ctw_line *l, const struct ctw_alert *a) {
    const bool forbidden = a->health.error == -EPERM || a->health.error == -EACCES;

    switch (a->source) {
    case CTW_SOURCE_TABLE:
        if (a->health.health == CTW_HEALTH_ABSENT)
            ctw_line_add(l, "Nothing, if nothing here needs connection tracking; a rule that does "
                            "loads it, and so does modprobe nf_conntrack");
        else
            ctw_line_add(l, "systemctl cat ctwatch: /proc/sys/net must be readable in the unit "
                            "(ProcSubset=all)");
        break;
    case CTW_SOURCE_COUNTERS:
        if (forbidden)
            ctw_line_add(l, "systemctl edit ctwatch: AmbientCapabilities= and "
                            "CapabilityBoundingSet= must hold CAP_NET_ADMIN");
        else
            ctw_line_add(l, "conntrack -S: if that fails too, this kernel shows no counters");
        break;
    case CTW_SOURCE_KERNEL_LOG:
        if (forbidden)
            ctw_line_add(l, "systemctl edit ctwatch: AmbientCapabilities= and "
                            "CapabilityBoundingSet= must hold CAP_SYSLOG, ProtectKernelLogs=no; in "
                            "a container: kernel_log.enabled = false in ctwatch.conf");
        else
            ctw_line_add(l, "ls -l /dev/kmsg; the unit needs PrivateDevices=no and "
                            "ProtectKernelLogs=no; in a container: kernel_log.enabled = false in "
                            "ctwatch.conf");
        break;
    case CTW_SOURCE_EVENTS:
        if (forbidden)
            ctw_line_add(l, "systemctl edit ctwatch: AmbientCapabilities= and "
                            "CapabilityBoundingSet= must hold CAP_NET_ADMIN");
        else
            ctw_line_add(l, "sysctl net.netfilter.nf_conntrack_events must not be 0, and "
                            "events.buffer in ctwatch.conf must fit what the kernel grants; "
                            "events.mode = never does without");
        break;
    case CTW_SOURCE_JOURNAL:
        ctw_line_add(l, "systemctl status systemd-journald.socket systemd-journald.service");
        break;
    case CTW_SOURCE_STATE:
        if (forbidden)
            ctw_line_add(l, "systemctl cat ctwatch: the unit needs RuntimeDirectory=ctwatch; on a "
                            "terminal: --state with a folder of yours");
        else
            ctw_line_add(l, "df /run, ls -ld /run/ctwatch: it needs a megabyte of room there");
        break;
    }
}

/* --- growth ---------------------------------------------------------------------------------- */

static void add_make_permanent(struct ctw_line *l, const struct ctw_alert *a) {
    ctw_line_add(l, "To have it from the next boot on, without ctwatchd: ");
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

static void raise_ceiling(struct ctw_line *l, const struct ctw_alert *a) {
    switch (a->bound) {
    case CTW_BOUND_SETTING:
        ctw_line_add(l, "Raise growth.ceiling in ctwatch.conf; ");
        break;
    case CTW_BOUND_MEMORY:
        ctw_line_add(l, "Raise growth.memory in ctwatch.conf; ");
        break;
    case CTW_BOUND_AVAILABLE:
        ctw_line_add(l, "free -m and slabtop show what takes the memory; ");
        break;
    case CTW_BOUND_BUCKETS:
        ctw_line_add(l, "In a quiet moment sysctl -w net.netfilter.nf_conntrack_buckets=N, a "
                        "quarter of the max that is wanted (stalls packets for 0.4 us per entry), "
                        "or growth.buckets = \"always\" in ctwatch.conf; ");
        break;
    case CTW_BOUND_KERNEL:
        break;
    }
    ctw_line_add(l, "conntrack -L shows what fills the table");
}

static void get_permission(struct ctw_line *l, const struct ctw_alert *a) {
    if (a->growth_error == -EROFS)
        ctw_line_add(l, "systemctl cat ctwatch: the unit needs "
                        "ReadWritePaths=/proc/sys/net/netfilter; in a container /proc/sys must be "
                        "writable, or ctwatchd run on the host");
    else
        ctw_line_add(l, "systemctl cat ctwatch: AmbientCapabilities= and CapabilityBoundingSet= "
                        "must hold CAP_NET_ADMIN; in a container that is not enough, run ctwatchd "
                        "on the host");
}

static void growth_remedy(const struct ctw_alert *a, struct ctw_line *l) {
    if (a->kind == CTW_ALERT_GREW) {
        if (a->growth_reason != CTW_GROWTH_SAVED)
            add_make_permanent(l, a);
        return;
    }
    if (a->kind == CTW_ALERT_GROWTH_DRY_RUN) {
        ctw_line_add(l, "growth.enabled = true and growth.dry_run = false in ctwatch.conf, then "
                        "systemctl reload ctwatch, to have it done");
        return;
    }
    switch (a->growth_refusal) {
    case CTW_GROWTH_AT_CEILING:
    case CTW_GROWTH_NO_MEMORY:
    case CTW_GROWTH_TOO_FEW_BUCKETS:
        raise_ceiling(l, a);
        break;
    case CTW_GROWTH_FOREIGN_WRITER:
        ctw_line_add(l, "Find the writer (grep -r nf_conntrack /etc/sysctl.d; kube-proxy sets it "
                        "as well, --conntrack-max-per-core=0 stops that)");
        break;
    case CTW_GROWTH_CHILD_NAMESPACE:
        ctw_line_add(l, "Run ctwatchd on the host, in the initial network namespace");
        break;
    case CTW_GROWTH_NOT_PERMITTED:
        get_permission(l, a);
        break;
    case CTW_GROWTH_PERSIST_FAILED:
        ctw_line_add(l, "systemctl cat ctwatch: the unit needs StateDirectory=ctwatch, with room "
                        "on its disk; the file there is written anew at the next growth");
        break;
    case CTW_GROWTH_WRITE_FAILED:
        ctw_line_add(l, "sysctl -w net.netfilter.nf_conntrack_max=N by hand shows whether the "
                        "kernel takes it");
        break;
    case CTW_GROWTH_NOT_REFUSED:
    case CTW_GROWTH_DISABLED:
    case CTW_GROWTH_UNLIMITED:
        break;
    }
}

/* --- all of them ----------------------------------------------------------------------------- */

void ctw_remedy(const struct ctw_alert *a, struct ctw_line *ret) {
    ctw_line_start(ret);
    if (a->edge == CTW_EDGE_END)
        return;

    switch (a->kind) {
    case CTW_ALERT_USAGE:
        if (a->level != CTW_LEVEL_OK)
            after_full(ret, a);
        break;
    case CTW_ALERT_FORECAST:
    case CTW_ALERT_TABLE_FULL:
    case CTW_ALERT_EARLY_DROP:
        after_full(ret, a);
        break;
    case CTW_ALERT_CHAIN_TOO_LONG:
        more_buckets(ret, &a->table);
        break;
    case CTW_ALERT_DROPPED_BELOW_MAX:
        ctw_line_add(ret, "conntrack -S shows the counters of each CPU; free -m and dmesg, whether "
                          "the kernel is short of memory");
        break;
    case CTW_ALERT_INSERT_FAILED:
        ctw_line_add(ret, "conntrack -S shows it on each CPU; where this machine does NAT, give "
                          "the rule more addresses or ports (nft: snat to ADDRESS-ADDRESS, "
                          "masquerade to :1024-65535 fully-random)");
        break;
    case CTW_ALERT_EXPECT_FULL:
        ctw_line_add(ret, "sysctl net.netfilter.nf_conntrack_expect_max shows the limit, "
                          "conntrack -L expect what fills it; double it with sysctl -w");
        break;
    case CTW_ALERT_GREW:
    case CTW_ALERT_GROWTH_REFUSED:
    case CTW_ALERT_GROWTH_DRY_RUN:
        growth_remedy(a, ret);
        break;
    case CTW_ALERT_LIMIT_CHANGED:
        find_other_writer(ret, a);
        break;
    case CTW_ALERT_EVENTS_LOST:
        ctw_line_add(ret, "Levels and drops are not concerned; a larger events.buffer in "
                          "ctwatch.conf rides out longer bursts");
        break;
    case CTW_ALERT_BLIND:
        open_eyes(ret, a);
        break;
    case CTW_ALERT_SIGHTED:
        break;
    case CTW_ALERT_CONFIG:
        if (a->config_refused)
            ctw_line_add(ret, "Correct the file, ctwatchd --check-config, then systemctl reload "
                              "ctwatch");
        break;
    }
}
