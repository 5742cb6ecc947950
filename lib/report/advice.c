/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/report/advice.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/kernel/losses.h"

/* Untracking is advised from a quarter of the entries on, and a hundredth of the limit. */
#define UNTRACK_PERMYRIAD (CTW_PERMYRIAD / 4)
#define UNTRACK_OF_LIMIT  100u

/* Idle connections matter from half of the entries on, and a tenth of the limit. */
#define IDLE_PERMYRIAD (CTW_PERMYRIAD / 2)
#define IDLE_OF_LIMIT  10u

/* --- timeouts --------------------------------------------------------------------------------- */

/*
 * The longest timeouts that need no advice: the kernel's defaults, and longer ones with a good
 * reason (close_wait: set by kube-proxy; udp: RFC 4787, REQ-5). Established connections get one day
 * instead of five, which kube-proxy sets as well.
 */
static const uint32_t most_sec[CTW_TIMEOUTS] = {
    [CTW_TIMEOUT_TCP_ESTABLISHED] = 86400,
    [CTW_TIMEOUT_TCP_SYN_SENT] = 120,
    [CTW_TIMEOUT_TCP_SYN_RECV] = 60,
    [CTW_TIMEOUT_TCP_FIN_WAIT] = 120,
    [CTW_TIMEOUT_TCP_CLOSE_WAIT] = 3600,
    [CTW_TIMEOUT_TCP_LAST_ACK] = 30,
    [CTW_TIMEOUT_TCP_TIME_WAIT] = 120,
    [CTW_TIMEOUT_TCP_MAX_RETRANS] = 300,
    [CTW_TIMEOUT_TCP_UNACKNOWLEDGED] = 300,
    [CTW_TIMEOUT_UDP] = 300,
    [CTW_TIMEOUT_UDP_STREAM] = 300,
    [CTW_TIMEOUT_ICMP] = 30,
    [CTW_TIMEOUT_ICMPV6] = 30,
    [CTW_TIMEOUT_GENERIC] = 600,
    [CTW_TIMEOUT_SCTP_ESTABLISHED] = 86400,
};

/* The shortest that RFC 5382 (REQ-5) allows, for tables filled with idle connections: 2 h 4 min. */
#define ESTABLISHED_SHORT_SEC 7440u

/* --- findings --------------------------------------------------------------------------------- */

static struct ctw_finding *find(struct ctw_advice *a, enum ctw_finding_kind kind) {
    struct ctw_finding *f = &a->findings[a->n_findings++];

    *f = (struct ctw_finding){.kind = kind};
    ctw_line_start(&f->text);
    return f;
}

static struct ctw_finding *find_value(struct ctw_advice *a, enum ctw_finding_kind kind,
                                      const char *name, uint64_t is, uint64_t advised) {
    struct ctw_finding *f = find(a, kind);

    f->name = name;
    f->is = is;
    f->advised = advised;
    return f;
}

static uint64_t bytes_at(uint64_t max, uint64_t buckets, uint32_t entry_bytes) {
    return max * entry_bytes + buckets * CTW_BUCKET_BYTES;
}

/* --- the limit -------------------------------------------------------------------------------- */

static void bounds(const struct ctw_advice_facts *f, const struct ctw_settings *s,
                   struct ctw_advice *a) {
    struct ctw_sample without_buckets = f->table;

    without_buckets.has_buckets = false;
    a->has_bounds = f->machine.memory.total_bytes > 0;
    ctw_growth_bounds(s, &f->table, &f->machine, &a->bounds);
    ctw_growth_bounds(s, &without_buckets, &f->machine, &a->resized);
}

static bool has_been_full(const struct ctw_advice *a) {
    return a->lost.drops > 0 || a->lost.early_drops > 0;
}

/* Without ctwatchd nothing raises the limit in time, so it must hold one second of a burst. With
 * room for twice the entries, the advice does not come back soon. */
static uint64_t wanted_max(const struct ctw_advice_facts *f, const struct ctw_settings *s,
                           const struct ctw_advice *a) {
    const uint64_t burst = s->poll.worst_rate;

    if (has_been_full(a))
        return a->resized.ceiling;
    if (f->table.count + burst <= f->table.max)
        return f->table.max;
    return ctw_growth_round_max(2 * (uint64_t)f->table.count + burst);
}

static void add_refused(struct ctw_line *l, const struct ctw_advice *a) {
    ctw_line_add(l, "%" PRIu64 " connections were refused and %" PRIu64 " evicted so far",
                 a->lost.drops, a->lost.early_drops);
}

static void add_burst(struct ctw_line *l, const struct ctw_advice_facts *f,
                      const struct ctw_settings *s) {
    ctw_line_add(l, "%" PRIu32 " entries and a second of a burst (%" PRIu32 ", poll.worst_rate)",
                 f->table.count, s->poll.worst_rate);
}

static void explain_max(const struct ctw_advice_facts *f, const struct ctw_settings *s,
                        const struct ctw_advice *a, bool bounded, struct ctw_line *l) {
    const char *bound = ctw_growth_bound_name(a->resized.bound);

    ctw_line_add(l, "Raise nf_conntrack_max from %" PRIu32 " to %" PRIu32 ": ", f->table.max,
                 a->max);
    if (has_been_full(a)) {
        add_refused(l, a);
        ctw_line_add(l, ", and %s allows this much.", bound);
    } else if (bounded) {
        add_burst(l, f, s);
        ctw_line_add(l, " do not fit, and %s allows no more.", bound);
    } else {
        ctw_line_add(l, "room for 2 x ");
        add_burst(l, f, s);
        ctw_line_add(l, ", as nothing raises it in time.");
    }
    ctw_line_add(l, " It takes no memory until entries come.");
}

/* MemAvailable changes from poll to poll: a small step is no advice. */
static bool is_worth_it(uint64_t from, uint64_t to) {
    return to > from + from / 16;
}

static void advise_max(const struct ctw_advice_facts *f, const struct ctw_settings *s,
                       struct ctw_advice *a) {
    const uint32_t max = f->table.max, ceiling = a->resized.ceiling;

    if (max == 0)
        return;
    if (!a->has_bounds) {
        if (has_been_full(a)) {
            struct ctw_line *l = &find(a, CTW_FINDING_CEILING)->text;
            ctw_line_add(l, "The limit has been reached: ");
            add_refused(l, a);
            ctw_line_add(l, ". How far it may be raised depends on the size of the memory, which "
                            "is unknown.");
        }
        return;
    }
    const uint64_t wanted = wanted_max(f, s, a);
    const bool bounded = wanted >= ceiling;
    const uint32_t to = bounded ? ceiling : (uint32_t)wanted;

    if (is_worth_it(max, to)) {
        a->max = to;
        explain_max(f, s, a, bounded, &find_value(a, CTW_FINDING_MAX, "max", max, to)->text);
    } else if (is_worth_it(max, wanted)) {
        struct ctw_line *l = &find(a, CTW_FINDING_CEILING)->text;
        add_burst(l, f, s);
        ctw_line_add(l, " do not fit below the limit, but %s allows no more than %" PRIu32 ".",
                     ctw_growth_bound_name(a->resized.bound), ceiling);
    }
}

/* --- buckets ---------------------------------------------------------------------------------- */

static void explain_buckets(const struct ctw_advice_facts *f, const struct ctw_advice *a,
                            uint64_t entries, struct ctw_line *l) {
    const uint32_t safe = f->machine.release.entries_per_bucket;
    const uint64_t stall_msec = (uint64_t)f->table.count * CTW_RESIZE_NSEC_PER_ENTRY / 1000000;
    const bool has_line = f->buckets_writable || f->module != CTW_MODULE_BUILT_IN;

    ctw_line_add(l,
                 "Raise nf_conntrack_buckets from %" PRIu32 " to %" PRIu32 ": %" PRIu64 " entries "
                 "are more than %" PRIu32 " for each bucket, and the kernel refuses entries of "
                 "chains that are too long, without a line in its log.",
                 f->table.buckets, a->buckets, entries, safe);
    if (!has_line)
        ctw_line_add(l, " On the kernel's command line: nf_conntrack.hashsize=%" PRIu32 ".",
                     a->buckets);
    else if (stall_msec > 0)
        ctw_line_add(l,
                     " Done now, this stops packets for some %" PRIu64 " ms; at boot it does not.",
                     stall_msec);
}

static void advise_buckets(const struct ctw_advice_facts *f, struct ctw_advice *a) {
    const uint32_t safe = f->machine.release.entries_per_bucket;
    /* Without a limit there must be room for twice the entries. */
    const uint64_t entries = a->max > 0 ? a->max : 2 * (uint64_t)f->table.count;

    if (!f->table.has_buckets || entries <= (uint64_t)f->table.buckets * safe)
        return;
    const uint32_t buckets = ctw_growth_buckets_for(ctw_growth_round_max(entries), safe);
    if (buckets <= f->table.buckets)
        return;
    a->buckets = buckets;
    explain_buckets(
        f, a, entries,
        &find_value(a, CTW_FINDING_BUCKETS, "buckets", f->table.buckets, buckets)->text);
}

static void advise_limits(const struct ctw_advice_facts *f, const struct ctw_settings *s,
                          struct ctw_advice *a) {
    const uint64_t total = f->machine.memory.total_bytes;

    if (!f->host.initial_netns) {
        ctw_line_add(
            &find(a, CTW_FINDING_FOREIGN)->text,
            "nf_conntrack_max and nf_conntrack_buckets hold for all network namespaces and can be "
            "written in the initial one only: run ctwatch advise there. Timeouts are this "
            "namespace's own.");
        return;
    }
    advise_max(f, s, a);
    advise_buckets(f, a);
    if (a->has_bounds && bytes_at(a->max, a->buckets, CTW_ENTRY_BYTES) > total / 2)
        ctw_line_add(&find(a, CTW_FINDING_MEMORY)->text,
                     "A full table takes up to %" PRIu64 " of %" PRIu64 " MiB, which cannot be "
                     "swapped out.",
                     bytes_at(a->max, a->buckets, CTW_ENTRY_BYTES) >> 20, total >> 20);
}

/* --- timeouts and untracking ------------------------------------------------------------------ */

static uint64_t entries_of(const struct ctw_advice_facts *f, uint32_t permyriad) {
    return (uint64_t)f->table.count * permyriad / CTW_PERMYRIAD;
}

/* Without a limit, idle entries take no room from others. */
static bool is_mostly_idle(const struct ctw_advice_facts *f) {
    const uint32_t idle = f->talkers.idle_tcp_permyriad, max = f->table.max;

    return f->lack == CTW_CENSUS_TAKEN && idle >= IDLE_PERMYRIAD && max > 0 &&
           entries_of(f, idle) >= max / IDLE_OF_LIMIT;
}

static void advise_timeouts(const struct ctw_advice_facts *f, struct ctw_advice *a) {
    for (enum ctw_timeout i = 0; i < CTW_TIMEOUTS; i++) {
        const bool idle = i == CTW_TIMEOUT_TCP_ESTABLISHED && is_mostly_idle(f);
        const uint32_t most = idle ? ESTABLISHED_SHORT_SEC : most_sec[i];
        const uint32_t is = ctw_host_timeout(&f->host, i, 0);
        if (is <= most)
            continue;
        struct ctw_line *l =
            &find_value(a, CTW_FINDING_TIMEOUT, ctw_timeout_name(i), is, most)->text;
        ctw_line_add(l, "Lower nf_conntrack_%s from %" PRIu32 " to %" PRIu32 " s",
                     ctw_timeout_name(i), is, most);
        if (idle)
            ctw_line_add(l,
                         ", the shortest RFC 5382 allows: %" PRIu32 " %% of the entries are TCP "
                         "that has been idle for an hour.",
                         f->talkers.idle_tcp_permyriad / 100);
        else
            ctw_line_add(l, ": peers that disappear without closing hold an entry this long.");
        ctw_line_add(l, " It frees no idle entry: an entry takes the new timeout with its next "
                        "packet.");
    }
}

static bool is_worth_untracking(const struct ctw_advice_facts *f, uint32_t permyriad) {
    const uint64_t entries = entries_of(f, permyriad);

    return permyriad >= UNTRACK_PERMYRIAD && entries > 0 &&
           entries >= f->table.max / UNTRACK_OF_LIMIT;
}

static void advise_untracking(const struct ctw_advice_facts *f, struct ctw_advice *a) {
    uint32_t dns = f->talkers.dns_permyriad;

    if (f->lack != CTW_CENSUS_TAKEN)
        return;
    if (is_worth_untracking(f, f->talkers.loopback_permyriad)) {
        ctw_line_add(&find(a, CTW_FINDING_LOOPBACK)->text,
                     "Do not track connections of this host to itself, %" PRIu32 " %% of the "
                     "entries, unless they are NATed (ports that Docker publishes on 127.0.0.1, "
                     "IPVS) or a rule matches their state.",
                     f->talkers.loopback_permyriad / 100);
        /* At least this part of DNS is not loopback. */
        dns = dns > f->talkers.loopback_permyriad ? dns - f->talkers.loopback_permyriad : 0;
    }
    if (is_worth_untracking(f, dns))
        ctw_line_add(&find(a, CTW_FINDING_DNS)->text,
                     "Do not track DNS over UDP, unless it is NATed; DNS is %" PRIu32
                     " %% of the entries. Rules must then accept its answers by address and port, "
                     "as they have no state.",
                     f->talkers.dns_permyriad / 100);
}

/* --- lines ------------------------------------------------------------------------------------ */

/* The longest file fits: a test checks it. */
__attribute__((format(printf, 2, 3))) static void put(char file[static CTW_ADVICE_FILE_MAX],
                                                      const char *format, ...) {
    const size_t used = strlen(file);
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(file + used, CTW_ADVICE_FILE_MAX - used, format, arguments);
    va_end(arguments);
}

static void write_nft(char file[static CTW_ADVICE_FILE_MAX], bool loopback, bool dns) {
    static const char dns_rules[] = "        udp dport 53 notrack\n"
                                    "        udp sport 53 notrack\n";

    if (!loopback && !dns)
        return;
    put(file,
        "table inet untracked\n"
        "delete table inet untracked\n"
        "table inet untracked {\n"
        "    chain prerouting {\n"
        "        type filter hook prerouting priority raw;\n"
        "%s%s"
        "    }\n"
        "    chain output {\n"
        "        type filter hook output priority raw;\n"
        "%s%s"
        "    }\n"
        "}\n",
        loopback ? "        iif \"lo\" notrack\n" : "", dns ? dns_rules : "",
        loopback ? "        oif \"lo\" notrack\n" : "", dns ? dns_rules : "");
}

static void write_files(const struct ctw_advice_facts *f, struct ctw_advice *a) {
    const bool loadable = f->module != CTW_MODULE_BUILT_IN;
    char *sysctl = a->files[CTW_FILE_SYSCTL];
    bool loopback = false, dns = false;

    /* Buckets first: for the present ones max may be too high. */
    if (a->buckets > f->table.buckets && f->buckets_writable)
        put(sysctl, "net.netfilter.nf_conntrack_buckets = %" PRIu32 "\n", a->buckets);
    for (size_t i = 0; i < a->n_findings; i++) {
        const struct ctw_finding *d = &a->findings[i];
        if (d->kind == CTW_FINDING_MAX || d->kind == CTW_FINDING_TIMEOUT)
            put(sysctl, "net.netfilter.nf_conntrack_%s = %" PRIu64 "\n", d->name, d->advised);
        loopback |= d->kind == CTW_FINDING_LOOPBACK;
        dns |= d->kind == CTW_FINDING_DNS;
    }
    if (sysctl[0] != '\0' && loadable)
        put(a->files[CTW_FILE_MODULES_LOAD], "nf_conntrack\n");
    if (a->buckets > f->table.buckets && loadable) {
        /* The module sets max to eight times this, until sysctl.d sets it. */
        put(a->files[CTW_FILE_MODPROBE], "options nf_conntrack hashsize=%" PRIu32 "\n", a->buckets);
    }
    write_nft(a->files[CTW_FILE_NFT], loopback, dns);
}

/* --- interface -------------------------------------------------------------------------------- */

void ctw_advise(const struct ctw_advice_facts *f, const struct ctw_settings *s,
                struct ctw_advice *a) {
    *a = (struct ctw_advice){.max = f->table.max,
                             .buckets = f->table.has_buckets ? f->table.buckets : 0};
    bounds(f, s, a);
    if (!f->has_table)
        return;
    a->bytes_least = bytes_at(a->max, a->buckets, CTW_ENTRY_BYTES_LEAST);
    a->bytes_most = bytes_at(a->max, a->buckets, CTW_ENTRY_BYTES);
    a->lost = ctw_losses_total(&f->table, &f->machine.release);
    if (!f->has_sysctls) {
        ctw_line_add(&find(a, CTW_FINDING_OLD)->text,
                     "This kernel is older than nf_conntrack: there are no lines for it.");
        return;
    }
    advise_limits(f, s, a);
    advise_timeouts(f, a);
    advise_untracking(f, a);
    write_files(f, a);
}

const char *ctw_advice_file_path(enum ctw_advice_file file) {
    static const char *const paths[CTW_ADVICE_FILES] = {
        [CTW_FILE_SYSCTL] = "/etc/sysctl.d/99-conntrack.conf",
        [CTW_FILE_MODULES_LOAD] = "/etc/modules-load.d/conntrack.conf",
        [CTW_FILE_MODPROBE] = "/etc/modprobe.d/conntrack.conf",
        [CTW_FILE_NFT] = "/etc/nftables.conf",
    };

    return paths[file];
}

const char *ctw_finding_name(enum ctw_finding_kind kind) {
    static const char *const names[] = {
        [CTW_FINDING_MAX] = "max",         [CTW_FINDING_BUCKETS] = "buckets",
        [CTW_FINDING_TIMEOUT] = "timeout", [CTW_FINDING_LOOPBACK] = "loopback",
        [CTW_FINDING_DNS] = "dns",         [CTW_FINDING_MEMORY] = "memory",
        [CTW_FINDING_CEILING] = "ceiling", [CTW_FINDING_FOREIGN] = "namespace",
        [CTW_FINDING_OLD] = "kernel",
    };

    return names[kind];
}

bool ctw_finding_changes(enum ctw_finding_kind kind) {
    return kind <= CTW_FINDING_DNS;
}
