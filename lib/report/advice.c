/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/report/advice.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/kernel/losses.h"

/* One entry at least: without extensions, which it has as soon as anybody listens for events. */
#define ENTRY_BYTES_LEAST 256u

/* Limits are round numbers. */
#define ROUND 4096u

/* What is untracked costs nobody anything, but reading about it does: from a quarter of the
 * entries on, and a hundredth of the limit. */
#define UNTRACK_PERMYRIAD (CTW_PERMYRIAD / 4)
#define UNTRACK_OF_LIMIT  100u

/* The idle are in nobody's way: until they are half of the entries, and a tenth of the limit. */
#define IDLE_PERMYRIAD (CTW_PERMYRIAD / 2)
#define IDLE_OF_LIMIT  10u

/* The bucket locks are held for so long for each entry when buckets are changed. */
#define STALL_NSEC_PER_ENTRY 400u

/* --- timeouts --------------------------------------------------------------------------------- */

/*
 * The most that does not keep the dead for long: the kernel's defaults, more where people have good
 * reasons (close_wait: what kube-proxy sets; udp: RFC 4787, REQ-5), a day instead of five for
 * established connections, which is what kube-proxy sets.
 */
static const struct {
    const char *name;
    uint32_t most_sec;
} timeouts[CTW_TIMEOUTS] = {
    {"tcp_timeout_established", 86400},
    {"tcp_timeout_syn_sent", 120},
    {"tcp_timeout_syn_recv", 60},
    {"tcp_timeout_fin_wait", 120},
    {"tcp_timeout_close_wait", 3600},
    {"tcp_timeout_last_ack", 30},
    {"tcp_timeout_time_wait", 120},
    {"tcp_timeout_max_retrans", 300},
    {"tcp_timeout_unacknowledged", 300},
    {"udp_timeout", 300},
    {"udp_timeout_stream", 300},
    {"icmp_timeout", 30},
    {"generic_timeout", 600},
    {"sctp_timeout_established", 86400},
};
#define ESTABLISHED 0

/* The least that RFC 5382 (REQ-5) allows: two hours and four minutes. For tables that idle
 * connections fill. */
#define ESTABLISHED_SHORT_SEC 7440u

const char *ctw_advice_timeout_name(size_t i) {
    return timeouts[i].name;
}

uint32_t ctw_advice_established(const struct ctw_advice_facts *f) {
    return f->timeouts[ESTABLISHED].known ? f->timeouts[ESTABLISHED].seconds : 0;
}

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

static uint32_t round_up(uint64_t n) {
    const uint64_t rounded = (n + ROUND - 1) / ROUND * ROUND;

    return (uint32_t)(rounded < CTW_MAX_LARGEST ? rounded : CTW_MAX_LARGEST);
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

static void losses(const struct ctw_advice_facts *f, struct ctw_advice *a) {
    static const struct ctw_counters none;

    if (!f->table.has_counters)
        return;
    const struct ctw_losses l = ctw_losses_between(&none, &f->table.counters);
    a->refused = l.drops;
    a->chain_too_long = l.chain_too_long;
    a->evicted = l.early_drops;
}

static bool has_been_full(const struct ctw_advice *a) {
    return a->refused > 0 || a->evicted > 0;
}

/*
 * Nobody raises the limit in time without ctwatchd, so one second of a burst has to fit in. The
 * entries that there are may double before the same is said again.
 */
static uint64_t wanted_max(const struct ctw_advice_facts *f, const struct ctw_settings *s,
                           const struct ctw_advice *a) {
    const uint64_t burst = s->poll.worst_rate;

    if (has_been_full(a))
        return a->resized.ceiling;
    if (f->table.count + burst <= f->table.max)
        return f->table.max;
    return round_up(2 * (uint64_t)f->table.count + burst);
}

static void explain_max(const struct ctw_advice_facts *f, const struct ctw_settings *s,
                        const struct ctw_advice *a, bool bounded, struct ctw_line *l) {
    ctw_line_add(l, "Raise nf_conntrack_max from %" PRIu32 " to %" PRIu32 ": ", f->table.max,
                 a->max);
    if (has_been_full(a))
        ctw_line_add(l,
                     "%" PRIu64 " connections were refused and %" PRIu64 " evicted so far, hence "
                     "as much as %s allows.",
                     a->refused, a->evicted, ctw_growth_bound_name(a->resized.bound));
    else if (bounded)
        ctw_line_add(l,
                     "%" PRIu32 " entries and a second of a burst (%" PRIu32 ", poll.worst_rate) "
                     "do not fit, and %s allows no more.",
                     f->table.count, s->poll.worst_rate, ctw_growth_bound_name(a->resized.bound));
    else
        ctw_line_add(l,
                     "room for 2 x %" PRIu32 " entries and a second of a burst (%" PRIu32
                     ", poll.worst_rate), as nothing raises it in time.",
                     f->table.count, s->poll.worst_rate);
    ctw_line_add(l, " It takes no memory until entries come.");
}

/* MemAvailable changes with every look: as with growth, small steps are not worth one. */
static bool is_worth_it(uint64_t from, uint64_t to) {
    return to > from + from / 16;
}

static void advise_max(const struct ctw_advice_facts *f, const struct ctw_settings *s,
                       struct ctw_advice *a) {
    const uint32_t max = f->table.max, ceiling = a->resized.ceiling;

    if (max == 0)
        return;
    if (!a->has_bounds) {
        if (has_been_full(a))
            ctw_line_add(&find(a, CTW_FINDING_CEILING)->text,
                         "The limit has been reached: %" PRIu64 " connections were refused and "
                         "%" PRIu64 " evicted so far. How far it may be raised depends on the "
                         "memory there is, which is not known.",
                         a->refused, a->evicted);
        return;
    }
    const uint64_t wanted = wanted_max(f, s, a);
    const bool bounded = wanted >= ceiling;
    const uint32_t to = bounded ? ceiling : (uint32_t)wanted;

    if (is_worth_it(max, to)) {
        a->max = to;
        explain_max(f, s, a, bounded, &find_value(a, CTW_FINDING_MAX, "max", max, to)->text);
    } else if (is_worth_it(max, wanted)) {
        ctw_line_add(&find(a, CTW_FINDING_CEILING)->text,
                     "%" PRIu32 " entries and a second of a burst (%" PRIu32 ", poll.worst_rate) "
                     "do not fit below the limit, but %s allows no more than %" PRIu32 ".",
                     f->table.count, s->poll.worst_rate, ctw_growth_bound_name(a->resized.bound),
                     ceiling);
    }
}

/* --- buckets ---------------------------------------------------------------------------------- */

static void explain_buckets(const struct ctw_advice_facts *f, const struct ctw_advice *a,
                            uint64_t entries, struct ctw_line *l) {
    const uint32_t safe = f->machine.entries_per_bucket;
    const uint64_t stall_msec = (uint64_t)f->table.count * STALL_NSEC_PER_ENTRY / 1000000;
    const bool has_line = f->buckets_writable || f->module != CTW_MODULE_BUILT_IN;

    ctw_line_add(l,
                 "Raise nf_conntrack_buckets from %" PRIu32 " to %" PRIu32 ": %" PRIu64 " entries "
                 "would be more than %" PRIu32 " for each, and the kernel refuses those that make "
                 "a chain too long, without a word in its log.",
                 f->table.buckets, a->buckets, entries, safe);
    if (!has_line)
        ctw_line_add(l, " On the kernel's command line: nf_conntrack.hashsize=%" PRIu32 ".",
                     a->buckets);
    else if (stall_msec > 0)
        ctw_line_add(l,
                     " At once, this stops packets for some %" PRIu64 " ms; at boot it does not.",
                     stall_msec);
}

static void advise_buckets(const struct ctw_advice_facts *f, struct ctw_advice *a) {
    const uint32_t safe = f->machine.entries_per_bucket;
    /* Without a limit, what there is may at least double. */
    const uint64_t entries = a->max > 0 ? a->max : 2 * (uint64_t)f->table.count;

    if (!f->table.has_buckets || entries <= (uint64_t)f->table.buckets * safe)
        return;
    const uint32_t buckets = ctw_growth_buckets_for(round_up(entries), safe);
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

    if (!f->max_writable) {
        ctw_line_add(
            &find(a, CTW_FINDING_FOREIGN)->text,
            "nf_conntrack_max and nf_conntrack_buckets cannot be written in this network "
            "namespace: they hold for all, so ask in the initial one. Timeouts are its own.");
        return;
    }
    advise_max(f, s, a);
    advise_buckets(f, a);
    if (a->has_bounds && bytes_at(a->max, a->buckets, CTW_ENTRY_BYTES) > total / 2)
        ctw_line_add(&find(a, CTW_FINDING_MEMORY)->text,
                     "A full table could take %" PRIu64 " of %" PRIu64 " MiB, and none of it can "
                     "be swapped out.",
                     bytes_at(a->max, a->buckets, CTW_ENTRY_BYTES) >> 20, total >> 20);
}

/* --- what is kept, and what need not be tracked ----------------------------------------------- */

static uint64_t entries_of(const struct ctw_advice_facts *f, uint32_t permyriad) {
    return (uint64_t)f->table.count * permyriad / CTW_PERMYRIAD;
}

/* Without a limit, the idle leave room for all others. */
static bool is_mostly_idle(const struct ctw_advice_facts *f) {
    const uint32_t idle = f->talkers.idle_tcp_permyriad, max = f->table.max;

    return f->lack == CTW_CENSUS_TAKEN && idle >= IDLE_PERMYRIAD && max > 0 &&
           entries_of(f, idle) >= max / IDLE_OF_LIMIT;
}

static void advise_timeouts(const struct ctw_advice_facts *f, struct ctw_advice *a) {
    for (size_t i = 0; i < CTW_TIMEOUTS; i++) {
        const bool idle = i == ESTABLISHED && is_mostly_idle(f);
        const uint32_t most = idle ? ESTABLISHED_SHORT_SEC : timeouts[i].most_sec;
        const uint32_t is = f->timeouts[i].seconds;
        if (!f->timeouts[i].known || is <= most)
            continue;
        struct ctw_line *l = &find_value(a, CTW_FINDING_TIMEOUT, timeouts[i].name, is, most)->text;
        ctw_line_add(l, "Lower nf_conntrack_%s from %" PRIu32 " to %" PRIu32 " s", timeouts[i].name,
                     is, most);
        if (idle)
            ctw_line_add(l,
                         ", the least RFC 5382 allows: %" PRIu32 " %% of the entries are TCP that "
                         "has been idle for an hour.",
                         f->talkers.idle_tcp_permyriad / 100);
        else
            ctw_line_add(l, ": whoever vanishes without a word keeps an entry for so long.");
        ctw_line_add(l, " It frees nothing that is idle: an entry gets the new timeout with its "
                        "next packet.");
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
                     "Do not track this host's connections to itself, %" PRIu32 " %% of the "
                     "entries. Not where they are NATed (ports that Docker publishes on "
                     "127.0.0.1, IPVS), and no rule may ask for their state.",
                     f->talkers.loopback_permyriad / 100);
        /* At least so much of DNS is not loopback, too. */
        dns = dns > f->talkers.loopback_permyriad ? dns - f->talkers.loopback_permyriad : 0;
    }
    if (is_worth_untracking(f, dns))
        ctw_line_add(&find(a, CTW_FINDING_DNS)->text,
                     "Do not track DNS over UDP; DNS is %" PRIu32
                     " %% of the entries. Not where it "
                     "is NATed; and rules must let its answers in by address and port, since no "
                     "state does so any more.",
                     f->talkers.dns_permyriad / 100);
}

/* --- lines ------------------------------------------------------------------------------------ */

/* Nothing is ever cut off: the longest file is a test's. */
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

    /* Buckets first: by itself max may be more than they are good for. */
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
        /* The module makes eight times of it the limit, which was another. */
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
    a->bytes_least = bytes_at(a->max, a->buckets, ENTRY_BYTES_LEAST);
    a->bytes_most = bytes_at(a->max, a->buckets, CTW_ENTRY_BYTES);
    losses(f, a);
    if (!f->has_sysctls) {
        ctw_line_add(&find(a, CTW_FINDING_OLD)->text,
                     "This kernel is older than nf_conntrack: no line is given for it.");
        return;
    }
    advise_limits(f, s, a);
    advise_timeouts(f, a);
    advise_untracking(f, a);
    write_files(f, a);
}

const char *ctw_advice_file_path(enum ctw_advice_file file) {
    switch (file) {
    case CTW_FILE_SYSCTL:
        return "/etc/sysctl.d/99-conntrack.conf";
    case CTW_FILE_MODULES_LOAD:
        return "/etc/modules-load.d/conntrack.conf";
    case CTW_FILE_MODPROBE:
        return "/etc/modprobe.d/conntrack.conf";
    case CTW_FILE_NFT:
        return "/etc/nftables.conf";
    }
    return "unknown";
}

const char *ctw_finding_name(enum ctw_finding_kind kind) {
    switch (kind) {
    case CTW_FINDING_MAX:
        return "max";
    case CTW_FINDING_BUCKETS:
        return "buckets";
    case CTW_FINDING_TIMEOUT:
        return "timeout";
    case CTW_FINDING_LOOPBACK:
        return "loopback";
    case CTW_FINDING_DNS:
        return "dns";
    case CTW_FINDING_MEMORY:
        return "memory";
    case CTW_FINDING_CEILING:
        return "ceiling";
    case CTW_FINDING_FOREIGN:
        return "namespace";
    case CTW_FINDING_OLD:
        return "kernel";
    }
    return "unknown";
}

bool ctw_finding_changes(enum ctw_finding_kind kind) {
    return kind <= CTW_FINDING_DNS;
}
