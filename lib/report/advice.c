/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/report/advice.h"

#include <inttypes.h>
#include <string.h>

#include "lib/kernel/losses.h"
#include "lib/report/remedy.h"
#include "lib/util/units.h"
#include "lib/watch/level.h"

/* Untracking is advised from a quarter of the entries on, and a hundredth of the limit. */
#define UNTRACK_PERMYRIAD (CTW_PERMYRIAD / 4)
#define FEW_OF_LIMIT      100u

/* A timeout is judged where a tenth of the entries has it, and a hundredth of the limit. */
#define TIMEOUT_PERMYRIAD (CTW_PERMYRIAD / 10)

/* Idle connections get the shortest timeout from half of the entries on, and a tenth of the limit.
 */
#define IDLE_PERMYRIAD (CTW_PERMYRIAD / 2)
#define IDLE_OF_LIMIT  10u

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

/* --- what was lost, and what must fit --------------------------------------------------------- */

/* The counters do not show when the table was full; a ctwatchd that saw drops knows. */
static struct ctw_losses losses_of(const struct ctw_advice_facts *f) {
    struct ctw_losses l = ctw_losses_total(&f->table, &f->host.release);
    const uint64_t all = ctw_losses_drops(&l);

    if (l.other_drops > 0) {
        l.drops = ctw_least(f->past.lost.drops, all);
        l.other_drops = all - l.drops;
    } else {
        l.other_drops = ctw_least(f->past.lost.other_drops, all);
        l.drops = all - l.other_drops;
    }
    l.log_lines = f->past.lost.log_lines;
    return l;
}

static bool has_been_full(const struct ctw_losses *l) {
    return l->drops > 0 || l->early_drops > 0;
}

/*
 * The limit should be twice the highest count. It is high enough while that count is below three
 * quarters of it, the default of levels.warning, and one more second of the fastest fill fits: this
 * margin keeps the advice from coming back. A table that was full would have held more: what it
 * refused, for as long as an entry lives. Where that is not known, twice the limit is advised.
 */
static struct ctw_need need_of(const struct ctw_advice_facts *f, const struct ctw_losses *lost) {
    const uint64_t rate =
        ctw_least(f->past.fastest_rate > 0 ? (uint64_t)f->past.fastest_rate : 0, UINT32_MAX);
    const uint64_t peak = ctw_most(f->table.count, f->past.peak_count);
    uint64_t wanted = ctw_most(2 * peak, peak + 2 * rate);
    struct ctw_need n = {.peak = (uint32_t)peak, .enough = ctw_most(peak * 4 / 3, peak + rate)};

    /* A steady table holds as many entries as are created in their lifetime. */
    if (f->past.new_per_sec > 0)
        n.lifetime_sec = f->table.count / f->past.new_per_sec;
    n.full = has_been_full(lost) && ctw_nearly_full(n.peak, f->table.max);
    if (n.full) {
        const uint64_t missing = ctw_least(f->past.lost_per_sec, UINT32_MAX) * n.lifetime_sec;
        wanted = ctw_most(wanted, (peak + ctw_least(missing, UINT32_MAX)) * 4 / 3);
        n.enough = wanted;
    }
    n.wanted = ctw_growth_round_max(wanted);
    return n;
}

/* --- what it costs ---------------------------------------------------------------------------- */

/* With the entries of other namespaces. */
static uint64_t bytes_at(const struct ctw_advice_facts *f, uint64_t max, uint64_t buckets,
                         uint32_t entry_bytes) {
    return (max + f->table.other_entries) * entry_bytes + buckets * CTW_BUCKET_BYTES;
}

/* Rounded up. */
static uint64_t mebibytes(uint64_t bytes) {
    return (bytes >> 20) + (bytes % (1u << 20) != 0);
}

/* --- causes ----------------------------------------------------------------------------------- */

/* @ret_remedy: NULL: not needed. Return: the cause. */
static enum ctw_cause add_cause(struct ctw_finding *d, const struct ctw_advice_facts *f,
                                const struct ctw_advice *a, enum ctw_trouble trouble,
                                struct ctw_remedy *ret_remedy) {
    const struct ctw_cause_facts facts = {
        .trouble = trouble,
        .table = &f->table,
        .losses = &a->lost,
        .talkers = f->lack == CTW_CENSUS_TAKEN ? &f->talkers : NULL,
        .host = f->host.known ? &f->host : NULL,
    };
    struct ctw_diagnosis diagnosis;

    ctw_diagnose(&facts, &diagnosis);
    d->cause = ctw_cause_name(diagnosis.cause);
    if (ret_remedy)
        ctw_remedy_for(&diagnosis, &facts, ret_remedy);
    return diagnosis.cause;
}

/* --- the limit -------------------------------------------------------------------------------- */

static void add_lost(struct ctw_line *l, const struct ctw_advice *a) {
    const uint64_t drops = a->lost.drops, evicted = a->lost.early_drops;

    if (drops > 0)
        ctw_line_add(l, "%" PRIu64 " new %s refused", drops,
                     drops == 1 ? "flow was" : "flows were");
    if (evicted > 0)
        ctw_line_add(l, "%s%" PRIu64 " %s evicted", drops > 0 ? " and " : "", evicted,
                     evicted == 1 ? "entry was" : "entries were");
}

/* "the count is 60000", "the highest count since the boot was 60000 (91.5 %)" */
static void add_peak(struct ctw_line *l, const struct ctw_advice_facts *f,
                     const struct ctw_advice *a) {
    ctw_line_add(l, "the %scount%s %" PRIu32, f->past.peak_count > f->table.count ? "highest " : "",
                 f->past.peak_count > f->table.count ? " since the boot was" : " is", a->need.peak);
    if (f->table.max > 0)
        ctw_line_add(l, " (%s %% of the limit)",
                     ctw_percent(ctw_usage_permyriad(a->need.peak, f->table.max)).text);
    if (f->past.fastest_rate > 0)
        ctw_line_add(l, ", and the table has filled by %" PRId64 " entries in a second",
                     f->past.fastest_rate);
}

/* What holds max below the ceiling. */
static void add_bound(struct ctw_line *l, const struct ctw_advice_facts *f,
                      const struct ctw_settings *s, const struct ctw_growth_bounds *b) {
    const struct ctw_memory *m = &f->host.memory;

    ctw_line_add(l, "%s allows no more than %" PRIu32, ctw_growth_bound_name(b->bound), b->ceiling);
    if (b->bound == CTW_BOUND_MEMORY)
        ctw_line_add(l, " (%s %% of %" PRIu64 " MiB of memory, %" PRIu64 " bytes an entry)",
                     ctw_percent(s->growth.memory_permyriad).text, m->total_bytes >> 20,
                     ctw_growth_bytes_per_entry(f->host.release.entries_per_bucket));
    else if (b->bound == CTW_BOUND_AVAILABLE)
        ctw_line_add(l, " (half of %" PRIu64 " MiB%s)", m->available_bytes >> 20,
                     m->estimated ? ", estimated from MemFree, Cached and SReclaimable" : "");
}

static void explain_max(const struct ctw_advice_facts *f, const struct ctw_settings *s,
                        const struct ctw_advice *a, bool bounded, struct ctw_line *l) {
    ctw_line_add(l, "Raise nf_conntrack_max from %" PRIu32 " to %" PRIu32 ": ", f->table.max,
                 a->max);
    if (a->need.full) {
        add_lost(l, a);
        ctw_line_add(l, " at this limit");
    } else {
        add_peak(l, f, a);
    }
    if (bounded) {
        ctw_line_add(l, "; ");
        add_bound(l, f, s, &a->resized);
    } else {
        ctw_line_add(l, "; this leaves room for at least as many again");
    }
    ctw_line_add(l,
                 ". It takes no memory until entries come, and up to %" PRIu64 " MiB when full, "
                 "%" PRIu64 " more than now.",
                 mebibytes(bytes_at(f, a->max, a->buckets, ctw_host_entry_most(&f->host))),
                 mebibytes((uint64_t)(a->max - f->table.max) * ctw_host_entry_most(&f->host)));
}

/* What helps where the limit cannot be as high as it should be. */
static void find_relief(const struct ctw_advice_facts *f, struct ctw_advice *a) {
    const uint32_t established = ctw_host_timeout(&f->host, CTW_TIMEOUT_TCP_ESTABLISHED);
    struct ctw_finding *d = find(a, CTW_FINDING_RELIEF);
    struct ctw_line *l = &d->text;
    struct ctw_remedy remedy;

    const enum ctw_cause cause = add_cause(d, f, a, CTW_TROUBLE_FILL, &remedy);
    if (cause != CTW_CAUSE_UNKNOWN && cause != CTW_CAUSE_TOO_SMALL) {
        ctw_line_add(l, "What else makes room: %s.", remedy.sentence.text);
        return;
    }
    ctw_line_add(l, "What else makes room: ");
    if (cause == CTW_CAUSE_UNKNOWN)
        ctw_line_add(l,
                     "find out what fills the table (ctwatch top, as root), and cap or drop it; ");
    ctw_line_add(l,
                 "lower nf_conntrack_tcp_timeout_established, %" PRIu32 " s, towards %u, the least "
                 "RFC 5382 allows, and other timeouts of entries that linger; leave untracked (nft "
                 "notrack) what needs no tracking: loopback, and DNS where it is not NATed; or "
                 "more memory.",
                 established, ESTABLISHED_SHORT_SEC);
}

static void find_ceiling(const struct ctw_advice_facts *f, const struct ctw_settings *s,
                         struct ctw_advice *a) {
    struct ctw_finding *d = find(a, CTW_FINDING_CEILING);
    struct ctw_line *l = &d->text;

    if (a->need.full) {
        add_cause(d, f, a, CTW_TROUBLE_FILL, NULL);
        ctw_line_add(l, "nf_conntrack_max is too low: ");
        add_lost(l, a);
        ctw_line_add(l, " at this limit");
    } else {
        ctw_line_add(l, "nf_conntrack_max leaves little room: ");
        add_peak(l, f, a);
    }
    if (!a->has_bounds) {
        ctw_line_add(l, ". How far it may be raised depends on the size of the memory, which is "
                        "unknown.");
        return;
    }
    ctw_line_add(l, ". It should be %" PRIu32 ", but ", a->need.wanted);
    add_bound(l, f, s, &a->resized);
    if (a->resized.ceiling < f->table.max)
        ctw_line_add(l, ", less than the present %" PRIu32, f->table.max);
    ctw_line_add(l, ".");
    if (a->resized.bound == CTW_BOUND_SETTING || a->resized.bound == CTW_BOUND_MEMORY)
        ctw_line_add(l,
                     " A higher %s in ctwatch.conf allows more: %" PRIu32 " take up to %" PRIu64
                     " of %" PRIu64 " MiB.",
                     ctw_growth_bound_name(a->resized.bound), a->need.wanted,
                     mebibytes((uint64_t)a->need.wanted * ctw_host_entry_most(&f->host)),
                     f->host.memory.total_bytes >> 20);
}

static void advise_max(const struct ctw_advice_facts *f, const struct ctw_settings *s,
                       struct ctw_advice *a) {
    const uint32_t max = f->table.max;
    const uint32_t wanted = a->need.wanted;

    if (max == 0 || max >= a->need.enough)
        return;
    const uint32_t most = a->has_bounds ? a->resized.ceiling : 0;
    const uint32_t to = ctw_growth_raised(max, wanted, most);
    const bool bounded = wanted > most;

    if (to > 0) {
        struct ctw_finding *d = find_value(a, CTW_FINDING_MAX, "max", max, to);
        a->max = to;
        if (a->need.full)
            add_cause(d, f, a, CTW_TROUBLE_FILL, NULL);
        explain_max(f, s, a, bounded, &d->text);
    } else if (bounded && ctw_growth_raised(max, wanted, CTW_MAX_LARGEST) > 0) {
        find_ceiling(f, s, a);
    } else {
        return;
    }
    if (bounded)
        find_relief(f, a);
}

/* The table was full, but not at this limit, as far as is known. */
static void find_past(const struct ctw_advice_facts *f, struct ctw_advice *a) {
    struct ctw_finding *d = find(a, CTW_FINDING_PAST);
    struct ctw_line *l = &d->text;

    add_cause(d, f, a, CTW_TROUBLE_FILL, NULL);
    add_lost(l, a);
    ctw_line_add(l, " by a full table since the boot, but ");
    add_peak(l, f, a);
    if (f->past.peak_count > 0)
        ctw_line_add(l, ": the limit was lower then, or it was before ctwatchd started.");
    else
        ctw_line_add(l,
                     ". The kernel does not record when that was, nor the limit at that time: if "
                     "it was %" PRIu32 ", raise it to %" PRIu32 ". ctwatchd records both.",
                     f->table.max, ctw_growth_round_max(2 * (uint64_t)f->table.max));
}

/* --- buckets ---------------------------------------------------------------------------------- */

static void explain_buckets(const struct ctw_advice_facts *f, const struct ctw_advice *a,
                            uint64_t entries, struct ctw_line *l) {
    const uint32_t safe = f->host.release.entries_per_bucket;
    const uint64_t stall_msec = ctw_growth_stall_msec(f->table.count);
    const bool writable = f->host.release.buckets_writable;

    ctw_line_add(l, "Raise nf_conntrack_buckets from %" PRIu32 " to %" PRIu32 ": ",
                 f->table.buckets, a->buckets);
    if (a->lost.chain_too_long > 0)
        ctw_line_add(l,
                     "%" PRIu64 " new flows were refused because of chains that are too long, "
                     "without a line in the kernel log; a bucket for each entry keeps them short.",
                     a->lost.chain_too_long);
    else if (!f->host.release.chain_limit)
        ctw_line_add(l, "with %" PRIu64 " entries, long chains make each packet slower.", entries);
    else if (entries > (uint64_t)f->table.buckets * safe)
        ctw_line_add(l,
                     "%" PRIu64 " entries are more than %" PRIu32 " for each bucket, and the "
                     "kernel refuses entries of chains that are too long, without a line in its "
                     "log.",
                     entries, safe);
    else
        ctw_line_add(l, "one for every four of %" PRIu64 " entries keeps chains short.", entries);
    if (f->module == CTW_MODULE_BUILT_IN && !writable)
        ctw_line_add(l, " On the kernel's command line: nf_conntrack.hashsize=%" PRIu32 ".",
                     a->buckets);
    if (!writable)
        ctw_line_add(l,
                     " At once: write %" PRIu32 " to /sys/module/nf_conntrack/parameters/hashsize "
                     "(before Linux 4.8 the sysctl cannot be written).",
                     a->buckets);
    if (stall_msec > 0)
        ctw_line_add(l,
                     " Done now, this stops packets for some %" PRIu64 " ms; at boot it does not.",
                     stall_msec);
}

static void advise_buckets(const struct ctw_advice_facts *f, struct ctw_advice *a) {
    const uint32_t safe = f->host.release.entries_per_bucket;
    const uint32_t most = a->has_bounds ? a->resized.ceiling : 0;
    const uint64_t entries = ctw_growth_entries_to_hold(&f->table, a->max, most, a->need.peak);
    const uint64_t is = f->table.buckets;
    const bool refused = a->lost.chain_too_long > 0;

    if (!f->table.has_buckets)
        return;
    const uint32_t buckets = refused ? ctw_growth_buckets_for(entries, 1)
                                     : ctw_growth_buckets_for(ctw_growth_round_max(entries), safe);
    if (buckets > is &&
        ((refused && entries > is) || entries > is * safe || a->max > f->table.max)) {
        struct ctw_finding *d = find_value(a, CTW_FINDING_BUCKETS, "buckets", is, buckets);
        a->buckets = buckets;
        if (refused)
            add_cause(d, f, a, CTW_TROUBLE_CHAINS, NULL);
        explain_buckets(f, a, entries, &d->text);
    } else if (refused) {
        struct ctw_finding *d = find(a, CTW_FINDING_CHAINS);
        add_cause(d, f, a, CTW_TROUBLE_CHAINS, NULL);
        ctw_line_add(&d->text,
                     "%" PRIu64 " new flows were refused because of chains that are too long, but "
                     "there is a bucket for each entry now: there were fewer then, or entries are "
                     "made to share one.",
                     a->lost.chain_too_long);
    }
}

static bool is_too_low(const struct ctw_advice_facts *f, const struct ctw_advice *a) {
    return f->table.max > 0 && f->table.max < a->need.enough;
}

static void find_foreign(const struct ctw_advice_facts *f, struct ctw_advice *a) {
    struct ctw_line *l = &find(a, CTW_FINDING_FOREIGN)->text;

    ctw_line_add(l,
                 "nf_conntrack_max and nf_conntrack_buckets hold for all network namespaces and "
                 "can be written in the initial one only: run ctwatch advise there. Timeouts are "
                 "this namespace's own.");
    if (is_too_low(f, a))
        ctw_line_add(l, " The limit is too low for this namespace: it should be %" PRIu32 ".",
                     a->need.wanted);
}

static void advise_limits(const struct ctw_advice_facts *f, const struct ctw_settings *s,
                          struct ctw_advice *a) {
    const uint64_t total = f->host.memory.total_bytes;

    if (!f->host.initial_netns) {
        find_foreign(f, a);
        if (is_too_low(f, a))
            find_relief(f, a);
    } else {
        advise_max(f, s, a);
        advise_buckets(f, a);
    }
    if (has_been_full(&a->lost) && !a->need.full)
        find_past(f, a);
    a->bytes_advised = bytes_at(f, a->max, a->buckets, ctw_host_entry_most(&f->host));
    if (f->host.initial_netns && a->has_bounds && a->bytes_advised > total / 2)
        ctw_line_add(&find(a, CTW_FINDING_MEMORY)->text,
                     "A full table takes up to %" PRIu64 " of %" PRIu64 " MiB, which cannot be "
                     "swapped out.",
                     a->bytes_advised >> 20, total >> 20);
}

/* --- losses that no limit helps against ------------------------------------------------------- */

static bool expectations_full(const struct ctw_host *h) {
    return h->has_expectations && h->expect_max > 0 && h->expectations >= h->expect_max;
}

static void advise_expectations(const struct ctw_advice_facts *f, struct ctw_advice *a) {
    const struct ctw_host *h = &f->host;
    const uint64_t doubled = 2 * (uint64_t)h->expect_max;
    struct ctw_finding *d = find_value(a, CTW_FINDING_EXPECTATIONS, "expect_max", h->expect_max,
                                       ctw_least(doubled, CTW_MAX_LARGEST));

    add_cause(d, f, a, CTW_TROUBLE_EXPECTATIONS, NULL);
    if (a->lost.other_drops > 0)
        ctw_line_add(&d->text,
                     "%" PRIu64 " new flows were refused below the limit: ", a->lost.other_drops);
    ctw_line_add(&d->text,
                 "expectations are at their limit, %" PRIu32 " of %" PRIu32
                 " (nf_conntrack_expect_max)",
                 h->expectations, h->expect_max);
    if (h->expect_helper[0] != '\0')
        ctw_line_add(&d->text, ", and most are of the helper %s", h->expect_helper);
    ctw_line_add(&d->text,
                 ". Double it, and find out why that many are open (conntrack -L expect). "
                 "nf_conntrack_max is not the cause and stays.");
}

static void find_refused(const struct ctw_advice_facts *f, struct ctw_advice *a) {
    struct ctw_finding *d = find(a, CTW_FINDING_REFUSED);
    struct ctw_remedy remedy;

    add_cause(d, f, a, CTW_TROUBLE_BELOW_MAX, &remedy);
    ctw_line_add(&d->text,
                 "%" PRIu64
                 " new flows were refused, and the table is not full. %s. Or it was full "
                 "before: ctwatchd would know. nf_conntrack_max stays.",
                 a->lost.other_drops, remedy.sentence.text);
}

static void find_clashes(const struct ctw_advice_facts *f, struct ctw_advice *a) {
    struct ctw_finding *d = find(a, CTW_FINDING_CLASHES);
    struct ctw_remedy remedy;

    add_cause(d, f, a, CTW_TROUBLE_CLASHES, &remedy);
    ctw_line_add(&d->text, "%" PRIu64 " new flows were lost to clashes. %s.", a->lost.clashes,
                 remedy.sentence.text);
}

static void advise_below_the_limit(const struct ctw_advice_facts *f, struct ctw_advice *a) {
    if (expectations_full(&f->host))
        advise_expectations(f, a);
    else if (a->lost.other_drops > 0)
        find_refused(f, a);
    if (a->lost.clashes > 0)
        find_clashes(f, a);
}

/* --- timeouts and untracking ------------------------------------------------------------------ */

/*
 * The longest timeouts that need no advice, and the entries that have them: the kernel's defaults,
 * and longer ones with a good reason (udp: RFC 4787, REQ-5). Established connections get one day
 * instead of five, which kube-proxy sets as well. Where no state shows that an entry has it, a
 * timeout is not judged.
 */
static const uint32_t longest_sec[CTW_TIMEOUTS] = {
    [CTW_TIMEOUT_TCP_ESTABLISHED] = 86400,
    [CTW_TIMEOUT_TCP_SYN_SENT] = 120,
    [CTW_TIMEOUT_TCP_SYN_RECV] = 60,
    [CTW_TIMEOUT_TCP_FIN_WAIT] = 120,
    [CTW_TIMEOUT_TCP_CLOSE_WAIT] = 60,
    [CTW_TIMEOUT_TCP_LAST_ACK] = 30,
    [CTW_TIMEOUT_TCP_TIME_WAIT] = 120,
    [CTW_TIMEOUT_UDP] = 300,
    [CTW_TIMEOUT_UDP_STREAM] = 300,
    [CTW_TIMEOUT_ICMP] = 30,
    [CTW_TIMEOUT_ICMPV6] = 30,
    [CTW_TIMEOUT_SCTP_ESTABLISHED] = 86400,
};

static uint64_t entries_of(const struct ctw_advice_facts *f, uint32_t permyriad) {
    return (uint64_t)f->table.count * permyriad / CTW_PERMYRIAD;
}

/* The share of the entries that have a timeout, in permyriad; of established ones, of the idle. */
static uint32_t share_with(const struct ctw_advice_facts *f, enum ctw_timeout timeout) {
    uint32_t sum = 0;

    if (timeout == CTW_TIMEOUT_TCP_ESTABLISHED)
        return f->talkers.idle_tcp_permyriad;
    for (uint32_t i = 0; i < f->talkers.n_states; i++)
        if (ctw_state_timeout(f->talkers.states[i].name) == timeout)
            sum += f->talkers.states[i].permyriad;
    return sum;
}

static bool is_large_share(const struct ctw_advice_facts *f, uint32_t permyriad, uint32_t from,
                           uint32_t of_limit) {
    const uint64_t entries = entries_of(f, permyriad);

    return permyriad >= from && entries > 0 && entries >= f->table.max / of_limit;
}

/* Without a limit, idle entries take no room from others. */
static bool is_mostly_idle(const struct ctw_advice_facts *f) {
    return f->table.max > 0 &&
           is_large_share(f, f->talkers.idle_tcp_permyriad, IDLE_PERMYRIAD, IDLE_OF_LIMIT);
}

/* The longest timeout that needs no advice. */
static uint32_t longest(const struct ctw_advice_facts *f, enum ctw_timeout timeout) {
    return timeout == CTW_TIMEOUT_TCP_ESTABLISHED && is_mostly_idle(f) ? ESTABLISHED_SHORT_SEC
                                                                       : longest_sec[timeout];
}

static void advise_timeout(const struct ctw_advice_facts *f, struct ctw_advice *a,
                           enum ctw_timeout timeout) {
    const uint32_t is = f->host.timeouts_sec[timeout], to = longest(f, timeout);
    const uint32_t share = share_with(f, timeout);

    if (to == 0 || is <= to || !is_large_share(f, share, TIMEOUT_PERMYRIAD, FEW_OF_LIMIT))
        return;
    struct ctw_line *l =
        &find_value(a, CTW_FINDING_TIMEOUT, ctw_timeout_name(timeout), is, to)->text;
    ctw_line_add(l, "Lower nf_conntrack_%s from %" PRIu32 " to %" PRIu32 " s",
                 ctw_timeout_name(timeout), is, to);
    if (to == ESTABLISHED_SHORT_SEC)
        ctw_line_add(l, ", the shortest RFC 5382 allows");
    ctw_line_add(l,
                 ": %" PRIu32 " %% of the entries %s. It frees no idle entry: an entry takes the "
                 "new timeout with its next packet.",
                 share / 100,
                 timeout == CTW_TIMEOUT_TCP_ESTABLISHED ? "are TCP that has been idle for an hour"
                                                        : "stay this long after their last packet");
}

static void advise_timeouts(const struct ctw_advice_facts *f, struct ctw_advice *a) {
    if (f->lack != CTW_CENSUS_TAKEN)
        return;
    for (enum ctw_timeout i = 0; i < CTW_TIMEOUTS; i++)
        advise_timeout(f, a, i);
}

static void advise_untracking(const struct ctw_advice_facts *f, struct ctw_advice *a) {
    uint32_t dns = f->talkers.dns_permyriad;

    if (f->lack != CTW_CENSUS_TAKEN)
        return;
    /* Not where one of them is translated, as ports are that Docker publishes on 127.0.0.1. */
    if (f->talkers.loopback_nat_permyriad == 0 &&
        is_large_share(f, f->talkers.loopback_permyriad, UNTRACK_PERMYRIAD, FEW_OF_LIMIT)) {
        ctw_line_add(&find(a, CTW_FINDING_LOOPBACK)->text,
                     "Do not track connections of this host to itself, %" PRIu32 " %% of the "
                     "entries, none of them NATed, unless a rule matches their state.",
                     f->talkers.loopback_permyriad / 100);
        dns -= (uint32_t)ctw_least(dns, f->talkers.dns_loopback_permyriad);
    }
    if (is_large_share(f, dns, UNTRACK_PERMYRIAD, FEW_OF_LIMIT))
        ctw_line_add(&find(a, CTW_FINDING_DNS)->text,
                     "Do not track DNS over UDP, unless it is NATed; DNS is %" PRIu32
                     " %% of the entries. Rules must then accept its answers by address and port, "
                     "as they have no state.",
                     f->talkers.dns_permyriad / 100);
}

/* --- lines ------------------------------------------------------------------------------------ */

static void write_nft(struct ctw_out *o, bool loopback, bool dns) {
    static const char dns_rules[] = "        udp dport 53 notrack\n"
                                    "        udp sport 53 notrack\n";

    if (!loopback && !dns)
        return;
    ctw_out_put(o,
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
    struct ctw_out out[CTW_ADVICE_FILES]; /* the longest file fits: a test checks it */
    struct ctw_out *sysctl = &out[CTW_FILE_SYSCTL];
    bool loopback = false, dns = false;

    for (size_t i = 0; i < CTW_ADVICE_FILES; i++)
        out[i] = (struct ctw_out){a->files[i], sizeof(a->files[i]), 0};

    /* Buckets first: for the present ones max may be too high. */
    if (a->buckets > f->table.buckets && f->host.release.buckets_writable)
        ctw_out_put(sysctl, "net.netfilter.nf_conntrack_buckets = %" PRIu32 "\n", a->buckets);
    for (size_t i = 0; i < a->n_findings; i++) {
        const struct ctw_finding *d = &a->findings[i];
        if (d->kind == CTW_FINDING_MAX || d->kind == CTW_FINDING_TIMEOUT ||
            d->kind == CTW_FINDING_EXPECTATIONS)
            ctw_out_put(sysctl, "net.netfilter.nf_conntrack_%s = %" PRIu64 "\n", d->name,
                        d->advised);
        loopback |= d->kind == CTW_FINDING_LOOPBACK;
        dns |= d->kind == CTW_FINDING_DNS;
    }
    if (sysctl->used > 0 && loadable)
        ctw_out_put(&out[CTW_FILE_MODULES_LOAD], "nf_conntrack\n");
    if (a->buckets > f->table.buckets && loadable) {
        /* The module sets max to eight times this, until sysctl.d sets it. */
        ctw_out_put(&out[CTW_FILE_MODPROBE], "options nf_conntrack hashsize=%" PRIu32 "\n",
                    a->buckets);
    }
    write_nft(&out[CTW_FILE_NFT], loopback, dns);
}

/* --- interface -------------------------------------------------------------------------------- */

void ctw_advise(const struct ctw_advice_facts *f, const struct ctw_settings *s,
                struct ctw_advice *a) {
    *a = (struct ctw_advice){.max = f->table.max,
                             .buckets = f->table.has_buckets ? f->table.buckets : 0};
    a->has_bounds = f->host.memory.total_bytes > 0;
    a->bounds = ctw_growth_bounds_of(s, &f->table, &f->host, false);
    a->resized = ctw_growth_bounds_of(s, &f->table, &f->host, true);
    if (!f->has_table)
        return;
    a->bytes_least =
        bytes_at(f, a->max, a->buckets, ctw_host_entry_most(&f->host) - CTW_EXTENSION_BYTES);
    a->bytes_most = a->bytes_advised =
        bytes_at(f, a->max, a->buckets, ctw_host_entry_most(&f->host));
    a->lost = losses_of(f);
    a->need = need_of(f, &a->lost);
    if (!f->has_sysctls) {
        ctw_line_add(&find(a, CTW_FINDING_OLD)->text,
                     "This kernel is older than nf_conntrack: there are no lines for it.");
        return;
    }
    advise_limits(f, s, a);
    advise_below_the_limit(f, a);
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
        [CTW_FINDING_DNS] = "dns",         [CTW_FINDING_EXPECTATIONS] = "expectations",
        [CTW_FINDING_MEMORY] = "memory",   [CTW_FINDING_CEILING] = "ceiling",
        [CTW_FINDING_RELIEF] = "relief",   [CTW_FINDING_PAST] = "past",
        [CTW_FINDING_CLASHES] = "clashes", [CTW_FINDING_CHAINS] = "chains",
        [CTW_FINDING_REFUSED] = "refused", [CTW_FINDING_FOREIGN] = "namespace",
        [CTW_FINDING_OLD] = "kernel",
    };

    return names[kind];
}

bool ctw_finding_changes(enum ctw_finding_kind kind) {
    return kind < CTW_FINDING_MEMORY;
}
