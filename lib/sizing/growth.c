/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/sizing/growth.h"

#include <errno.h>

/* The table is never nearer to full than this at the rate since the last poll. */
#define BURST_USEC (200 * CTW_USEC_PER_MSEC)

/* A growth makes room for this much time at the present rate. */
#define LEAD_USEC CTW_USEC_PER_SEC

/* The reserve is at most this part of the ceiling, or a small machine could not keep it. */
#define RESERVE_OF_CEILING 4u

/* Entries for each bucket of a table that is full to its max. */
#define ADVISED_PER_BUCKET 4u

/* A table with at most this many entries gets its buckets in some 20 ms. */
#define SMALL_TABLE 50000u

/* Buckets sized at startup: at most 64 MiB, and at most this many times what they were. */
#define STARTUP_BUCKETS_MOST  ((UINT64_C(64) << 20) / CTW_BUCKET_BYTES)
#define STARTUP_BUCKETS_TIMES 16u

/* MemAvailable changes from poll to poll: a step below this part of max is not worth a write. */
#define SMALLEST_STEP 16u

/* A failed write is tried again after this. */
#define RETRY_USEC CTW_USEC_PER_SEC

/* The next poll comes before this part of the free entries can be taken: a flood at 1.7 times
 * poll.worst_rate, as two cores of 2020 send it, leaves some of the reserve then. */
#define POLL_SHARE 3u

#define HOUR_USEC (3600 * CTW_USEC_PER_SEC)

bool ctw_growth_on(const struct ctw_settings *s) {
    return s->growth.enabled || s->growth.dry_run;
}

bool ctw_growth_writes(const struct ctw_settings *s) {
    return s->growth.enabled && !s->growth.dry_run;
}

/* --- sizes ------------------------------------------------------------------------------------ */

static uint32_t advised_per_bucket(uint32_t entries_per_bucket) {
    return (uint32_t)ctw_least(ctw_most(entries_per_bucket, 1), ADVISED_PER_BUCKET);
}

static uint64_t round_up(uint64_t n, uint32_t multiple) {
    return (n + multiple - 1) / multiple * multiple;
}

uint32_t ctw_growth_buckets_for(uint64_t entries, uint32_t entries_per_bucket) {
    const uint32_t advised = advised_per_bucket(entries_per_bucket);
    const uint64_t buckets = (entries + advised - 1) / advised;

    return (uint32_t)ctw_least(round_up(buckets, CTW_BUCKETS_ROUND), CTW_BUCKETS_LARGEST);
}

uint32_t ctw_growth_round_max(uint64_t entries) {
    return (uint32_t)ctw_least(round_up(entries, CTW_MAX_ROUND), CTW_MAX_LARGEST);
}

uint64_t ctw_growth_entries_to_hold(const struct ctw_sample *table, uint32_t max, uint32_t most,
                                    uint32_t peak) {
    const uint64_t twice = 2 * (uint64_t)peak;

    return table->other_entries + (max == 0    ? twice
                                   : most == 0 ? max
                                               : ctw_least(max, ctw_most(most, twice)));
}

uint64_t ctw_growth_stall_msec(uint32_t count) {
    return (uint64_t)count * CTW_RESIZE_NSEC_PER_ENTRY / 1000000;
}

uint64_t ctw_growth_bytes_per_entry(uint32_t entries_per_bucket) {
    const uint64_t advised = advised_per_bucket(entries_per_bucket);

    return CTW_ENTRY_BYTES + (CTW_BUCKET_BYTES + advised - 1) / advised;
}

uint64_t ctw_growth_bytes(const struct ctw_sample *table, uint32_t entries) {
    const uint64_t buckets = table->has_buckets ? table->buckets : 0;

    return ((uint64_t)entries + table->other_entries) * CTW_ENTRY_BYTES +
           buckets * CTW_BUCKET_BYTES;
}

/* --- the ceiling ------------------------------------------------------------------------------ */

/* A bound that no setting chose is cut down to a multiple of CTW_MAX_ROUND. */
static uint32_t bound_of(uint64_t entries) {
    const uint64_t fit = ctw_least(entries, CTW_MAX_LARGEST);

    return (uint32_t)(fit < CTW_MAX_ROUND ? fit : fit / CTW_MAX_ROUND * CTW_MAX_ROUND);
}

/* Divides first: 90 % of 2^64 bytes fits, the product does not. */
static uint64_t share(uint64_t bytes, uint32_t permyriad) {
    return bytes / CTW_PERMYRIAD * permyriad + bytes % CTW_PERMYRIAD * permyriad / CTW_PERMYRIAD;
}

static uint64_t less(uint64_t entries, uint64_t others) {
    return entries > others ? entries - others : 0;
}

/* With other namespaces a quarter of what they leave of the share is for what they gain. */
static uint64_t entries_in_memory(const struct ctw_settings *s, const struct ctw_sample *sample,
                                  const struct ctw_growth_facts *f) {
    const uint64_t entries = share(f->memory.total_bytes, s->growth.memory_permyriad) /
                             ctw_growth_bytes_per_entry(f->release.entries_per_bucket);

    return f->namespaces > 1 || sample->other_entries > 0
               ? less(entries, sample->other_entries) / 4 * 3
               : entries;
}

static void settle(struct ctw_growth_bounds *b) {
    b->bound = CTW_BOUND_KERNEL;
    b->ceiling = b->by[CTW_BOUND_KERNEL];
    for (int i = CTW_BOUND_BUCKETS; i >= 0; i--)
        if (b->by[i] <= b->ceiling && b->by[i] < CTW_MAX_LARGEST) {
            b->bound = (enum ctw_growth_bound)i;
            b->ceiling = b->by[i];
        }
}

void ctw_growth_bounds(const struct ctw_settings *s, const struct ctw_sample *sample,
                       const struct ctw_growth_facts *f, struct ctw_growth_bounds *ret) {
    const struct ctw_memory *m = &f->memory;

    for (int i = 0; i < CTW_BOUNDS; i++)
        ret->by[i] = CTW_MAX_LARGEST;
    if (s->growth.ceiling > 0)
        ret->by[CTW_BOUND_SETTING] = s->growth.ceiling;
    ret->by[CTW_BOUND_MEMORY] = bound_of(entries_in_memory(s, sample, f));
    if (m->has_available)
        ret->by[CTW_BOUND_AVAILABLE] =
            bound_of(sample->count + m->available_bytes / 2 / (CTW_ENTRY_BYTES + 1));
    if (sample->has_buckets)
        ret->by[CTW_BOUND_BUCKETS] = (uint32_t)ctw_least(
            less((uint64_t)sample->buckets * f->release.entries_per_bucket, sample->other_entries),
            CTW_MAX_LARGEST);
    settle(ret);
}

/* As if the buckets could be raised first. */
static void lift_buckets(struct ctw_growth_bounds *b) {
    b->by[CTW_BOUND_BUCKETS] = CTW_MAX_LARGEST;
    settle(b);
}

struct ctw_growth_bounds ctw_growth_bounds_of(const struct ctw_settings *s,
                                              const struct ctw_sample *sample,
                                              const struct ctw_host *host, bool resized) {
    const struct ctw_growth_facts facts = {
        .memory = host->memory, .release = host->release, .namespaces = host->namespaces};
    struct ctw_growth_bounds ret;

    ctw_growth_bounds(s, sample, &facts, &ret);
    if (resized)
        lift_buckets(&ret);
    return ret;
}

uint32_t ctw_growth_raised(uint32_t max, uint64_t wanted, uint32_t most) {
    const uint32_t to = (uint32_t)ctw_least(ctw_growth_round_max(wanted), most);

    return to > (uint64_t)max + max / SMALLEST_STEP ? to : 0;
}

/* --- whether to grow -------------------------------------------------------------------------- */

static uint64_t taken_in(uint64_t rate, uint64_t usec) {
    return rate * usec / CTW_USEC_PER_SEC;
}

/* The entries to keep free. */
static uint64_t reserve(const struct ctw_settings *s, const struct ctw_growth_decision *d) {
    return ctw_least(taken_in(s->poll.worst_rate, s->growth.reserve_usec),
                     d->bounds.ceiling / RESERVE_OF_CEILING);
}

static uint64_t filling(const struct ctw_growth_input *in) {
    return in->rate > 0 ? ctw_least((uint64_t)in->rate, UINT32_MAX) : 0;
}

static bool is_needed(const struct ctw_settings *s, const struct ctw_growth_input *in,
                      struct ctw_growth_decision *d) {
    const uint64_t count = in->sample.count, max = in->sample.max;
    const uint64_t free = max > count ? max - count : 0;

    if (count * CTW_PERMYRIAD >= max * s->growth.at_permyriad)
        d->reason = CTW_GROWTH_FILL;
    else if (free < taken_in(filling(in), BURST_USEC))
        d->reason = CTW_GROWTH_BURST;
    else if (free < reserve(s, d))
        d->reason = CTW_GROWTH_RESERVE;
    else
        return false;
    return true;
}

/* The step, or the time ahead at the present rate with two reserves (with one, the next poll would
 * find it short again), or the max from before another program lowered it: the highest. */
static uint64_t wanted_max(const struct ctw_growth *g, const struct ctw_settings *s,
                           const struct ctw_growth_input *in, const struct ctw_growth_decision *d) {
    const uint64_t stepped = (uint64_t)in->sample.max * s->growth.step_permyriad / CTW_PERMYRIAD;
    const uint64_t rate = ctw_least(filling(in), s->poll.worst_rate);
    const uint64_t ahead = in->sample.count + taken_in(rate, LEAD_USEC) + 2 * reserve(s, d);

    return ctw_most(ctw_most(stepped, ahead), g->ours);
}

/* --- refusals --------------------------------------------------------------------------------- */

static void refuse(struct ctw_growth_decision *d, enum ctw_growth_refusal why, int error) {
    d->refusal = why;
    d->error = error;
    d->new_max = d->new_buckets = 0;
}

static enum ctw_growth_refusal refusal_of_bound(enum ctw_growth_bound bound, bool memory_known) {
    switch (bound) {
    case CTW_BOUND_MEMORY: return memory_known ? CTW_GROWTH_AT_CEILING : CTW_GROWTH_NO_MEMORY;
    case CTW_BOUND_AVAILABLE: return CTW_GROWTH_NO_MEMORY;
    case CTW_BOUND_BUCKETS: return CTW_GROWTH_TOO_FEW_BUCKETS;
    case CTW_BOUND_SETTING:
    case CTW_BOUND_KERNEL: break;
    }
    return CTW_GROWTH_AT_CEILING;
}

static enum ctw_growth_refusal refusal_of_error(int error) {
    return error == -EACCES || error == -EPERM || error == -EROFS ? CTW_GROWTH_NOT_PERMITTED
                                                                  : CTW_GROWTH_WRITE_FAILED;
}

/* What makes every growth impossible at this poll; true when it was refused. */
static bool refuse_outright(const struct ctw_growth *g, const struct ctw_settings *s,
                            const struct ctw_growth_input *in, struct ctw_growth_decision *d) {
    const struct ctw_growth_facts *f = &in->facts;

    if (!ctw_growth_on(s))
        refuse(d, CTW_GROWTH_DISABLED, 0);
    else if (in->sample.max == 0)
        refuse(d, CTW_GROWTH_UNLIMITED, 0);
    else if (f->permission == CTW_PERMISSION_CHILD)
        refuse(d, CTW_GROWTH_CHILD_NAMESPACE, f->permission_error);
    else if (f->permission == CTW_PERMISSION_DENIED)
        refuse(d, CTW_GROWTH_NOT_PERMITTED, f->permission_error);
    else if (g->failed_usec != 0 && in->now_usec - g->failed_usec < RETRY_USEC)
        refuse(d, refusal_of_error(g->failed_error), g->failed_error);
    else
        return false;
    d->alert_refusal = d->refusal != CTW_GROWTH_DISABLED && d->refusal != CTW_GROWTH_UNLIMITED;
    return true;
}

/* Whether max was lowered below @ours, and was raised back as often as allowed. */
static bool is_contested(const struct ctw_growth *g, const struct ctw_growth_input *in) {
    unsigned recent = 0;

    if (in->sample.max >= g->ours)
        return false;
    for (unsigned i = 0; i < CTW_GROWTH_AGAIN_MAX; i++)
        recent += g->again_usec[i] != 0 && in->now_usec - g->again_usec[i] < HOUR_USEC;
    return recent == CTW_GROWTH_AGAIN_MAX;
}

/* --- deciding --------------------------------------------------------------------------------- */

/* Whether the buckets carry a table of this max beside those of other namespaces. */
static bool are_enough(const struct ctw_growth_input *in, uint32_t max) {
    return (uint64_t)max + in->sample.other_entries <=
           (uint64_t)in->sample.buckets * in->facts.release.entries_per_bucket;
}

/* What they should be for it. */
static uint64_t buckets_for(const struct ctw_growth_input *in, uint32_t max) {
    return ctw_growth_buckets_for((uint64_t)max + in->sample.other_entries,
                                  in->facts.release.entries_per_bucket);
}

static bool may_change_buckets(const struct ctw_growth *g, const struct ctw_settings *s,
                               const struct ctw_growth_input *in) {
    return in->sample.has_buckets && !g->buckets_failed && s->growth.buckets != CTW_BUCKETS_NEVER;
}

/* Raise max to @wanted, or to the ceiling when that is lower. */
static void grant(const struct ctw_growth *g, const struct ctw_settings *s,
                  const struct ctw_growth_input *in, uint64_t wanted,
                  struct ctw_growth_decision *d) {
    const struct ctw_sample *t = &in->sample;
    const uint32_t max = (uint32_t)ctw_least(ctw_growth_round_max(wanted), d->bounds.ceiling);

    if (max <= t->max ||
        (d->bounds.bound == CTW_BOUND_AVAILABLE && max - t->max < t->max / SMALLEST_STEP)) {
        refuse(d, refusal_of_bound(d->bounds.bound, in->facts.memory.total_bytes > 0), 0);
        return;
    }
    d->new_max = max;
    if (s->growth.buckets != CTW_BUCKETS_ALWAYS || !may_change_buckets(g, s, in) ||
        are_enough(in, max))
        return;
    const uint64_t buckets = buckets_for(in, max);
    if (buckets > t->buckets) /* not at the largest number that the kernel takes */
        d->new_buckets = (uint32_t)buckets;
}

/* Startup, first half: buckets for the ceiling, while the table is small. */
static void size_buckets(const struct ctw_growth *g, const struct ctw_settings *s,
                         const struct ctw_growth_input *in, struct ctw_growth_decision *d) {
    const uint64_t buckets = in->sample.buckets;
    struct ctw_growth_bounds b = d->bounds;

    if (g->sized || !may_change_buckets(g, s, in) || in->sample.count > SMALL_TABLE)
        return;
    lift_buckets(&b);
    if (are_enough(in, b.ceiling))
        return;
    const uint64_t wanted =
        ctw_least(buckets_for(in, b.ceiling),
                  ctw_least(STARTUP_BUCKETS_MOST, STARTUP_BUCKETS_TIMES * buckets));
    if (wanted > buckets)
        d->new_buckets = (uint32_t)wanted;
}

/* Startup, second half, after the buckets have raised the ceiling: room for two reserves, or for
 * the saved limit. A ceiling that allows no more is no refusal. */
static void raise_at_startup(const struct ctw_growth *g, const struct ctw_settings *s,
                             const struct ctw_growth_input *in, struct ctw_growth_decision *d) {
    const uint64_t saved = s->growth.persist && in->facts.has_saved ? in->facts.saved.max : 0;
    const uint64_t wanted = ctw_most(saved, 2 * reserve(s, d));

    if (!g->sized || g->started || wanted <= in->sample.max)
        return;
    d->reason = wanted == saved ? CTW_GROWTH_SAVED : CTW_GROWTH_STARTUP;
    grant(g, s, in, wanted, d);
    d->refusal = CTW_GROWTH_NOT_REFUSED;
}

void ctw_growth_decide(const struct ctw_growth *g, const struct ctw_settings *s,
                       const struct ctw_growth_input *in, struct ctw_growth_decision *d) {
    *d = (struct ctw_growth_decision){
        .old_max = in->sample.max,
        .old_buckets = in->sample.buckets,
        .reason = CTW_GROWTH_STARTUP,
    };
    if (ctw_growth_on(s))
        ctw_growth_bounds(s, &in->sample, &in->facts, &d->bounds);
    if (refuse_outright(g, s, in, d))
        return;
    if (s->growth.buckets == CTW_BUCKETS_ALWAYS && may_change_buckets(g, s, in))
        lift_buckets(&d->bounds);

    d->needed = is_needed(s, in, d);
    if (!d->needed)
        raise_at_startup(g, s, in, d);
    else if (is_contested(g, in))
        refuse(d, CTW_GROWTH_FOREIGN_WRITER, 0);
    else
        grant(g, s, in, wanted_max(g, s, in, d), d);
    if (d->new_buckets == 0)
        size_buckets(g, s, in, d);
    if (d->new_buckets != 0 && d->refusal == CTW_GROWTH_TOO_FEW_BUCKETS)
        d->refusal = CTW_GROWTH_NOT_REFUSED; /* the next poll raises max */
    /* A small machine that cannot keep its reserve is no news until the table fills. */
    d->alert_refusal =
        d->refusal != CTW_GROWTH_NOT_REFUSED && (d->reason != CTW_GROWTH_RESERVE || in->losing);
    d->write = ctw_growth_writes(s) && (d->new_max != 0 || d->new_buckets != 0);
}

/* --- after a decision ------------------------------------------------------------------------- */

static void remember_again(struct ctw_growth *g, uint64_t now_usec) {
    unsigned oldest = 0;

    for (unsigned i = 1; i < CTW_GROWTH_AGAIN_MAX; i++)
        if (g->again_usec[i] < g->again_usec[oldest])
            oldest = i;
    g->again_usec[oldest] = now_usec;
}

static void remember_limits(struct ctw_growth *g, const struct ctw_growth_decision *d,
                            const struct ctw_growth_outcome *o) {
    struct ctw_saved_limits *k = &g->limits;

    if (k->before_max == 0) {
        k->before_max = d->old_max;
        k->before_buckets = d->old_buckets;
    }
    k->max =
        (uint32_t)ctw_most(ctw_most(k->max, k->before_max), o->max_written ? o->max : d->old_max);
    k->buckets = (uint32_t)ctw_most(ctw_most(k->buckets, k->before_buckets),
                                    o->buckets_written ? o->buckets : d->old_buckets);
}

void ctw_growth_done(struct ctw_growth *g, uint64_t now_usec, const struct ctw_growth_decision *d,
                     const struct ctw_growth_outcome *o) {
    if (!o || o->max_error == 0) {
        if (d->refusal == CTW_GROWTH_NOT_REFUSED)
            g->started = g->sized;
        if (d->refusal == CTW_GROWTH_NOT_REFUSED || d->new_buckets != 0)
            g->sized = true;
    }
    if (!o)
        return;

    if (o->max_written && d->old_max < g->ours)
        remember_again(g, now_usec);
    if (o->max_written && o->max > g->ours)
        g->ours = o->max;
    g->failed_error = o->max_error == -EAGAIN ? 0 : o->max_error;
    g->failed_usec = g->failed_error != 0 ? now_usec : 0;
    if (d->new_buckets != 0 && o->max_error == 0)
        g->buckets_failed = o->buckets_error != 0;
    if (o->max_written || o->buckets_written)
        remember_limits(g, d, o);
}

uint64_t ctw_growth_next_poll(const struct ctw_growth *g, const struct ctw_settings *s,
                              const struct ctw_sample *t, const struct ctw_growth_decision *d) {
    if (!ctw_growth_on(s) || t->max <= t->count || d->refusal != CTW_GROWTH_NOT_REFUSED)
        return UINT64_MAX;
    if (ctw_growth_writes(s) && (d->needed || !g->started))
        return s->poll.fastest_usec; /* to see the outcome at once */
    return (uint64_t)(t->max - t->count) * CTW_USEC_PER_SEC / POLL_SHARE / s->poll.worst_rate;
}

/* --- names ------------------------------------------------------------------------------------ */

const char *ctw_growth_reason_name(enum ctw_growth_reason reason) {
    static const char *const names[] = {
        [CTW_GROWTH_FILL] = "fill",       [CTW_GROWTH_BURST] = "burst",
        [CTW_GROWTH_RESERVE] = "reserve", [CTW_GROWTH_SAVED] = "kept",
        [CTW_GROWTH_STARTUP] = "startup",
    };

    return names[reason];
}

static const struct {
    const char *name, *clause;
} refusals[CTW_GROWTH_REFUSALS] = {
    [CTW_GROWTH_NOT_REFUSED] = {"not_refused", "growth is off"},
    [CTW_GROWTH_DISABLED] = {"disabled", "growth is off"},
    [CTW_GROWTH_UNLIMITED] = {"unlimited", "there is no limit to raise"},
    [CTW_GROWTH_AT_CEILING] = {"at_ceiling", "it is at its ceiling"},
    [CTW_GROWTH_NO_MEMORY] = {"no_memory", "too little memory is available"},
    [CTW_GROWTH_TOO_FEW_BUCKETS] = {"too_few_buckets", "there are too few buckets"},
    [CTW_GROWTH_FOREIGN_WRITER] = {"foreign_writer", "another program keeps lowering the limit"},
    [CTW_GROWTH_NOT_PERMITTED] = {"not_permitted", "the limit may not be written"},
    [CTW_GROWTH_CHILD_NAMESPACE] = {"child_namespace",
                                    "the limit belongs to the initial network namespace"},
    [CTW_GROWTH_WRITE_FAILED] = {"write_failed", "the kernel does not take the value"},
    [CTW_GROWTH_PERSIST_FAILED] = {"not_kept", "grown limits do not survive a boot"},
};

const char *ctw_growth_refusal_name(enum ctw_growth_refusal refusal) {
    return refusals[refusal].name;
}

const char *ctw_growth_refusal_clause(enum ctw_growth_refusal refusal) {
    return refusals[refusal].clause;
}

const char *ctw_growth_bound_name(enum ctw_growth_bound bound) {
    static const char *const names[CTW_BOUNDS] = {
        [CTW_BOUND_SETTING] = "growth.ceiling", [CTW_BOUND_MEMORY] = "growth.memory",
        [CTW_BOUND_AVAILABLE] = "MemAvailable", [CTW_BOUND_BUCKETS] = "buckets",
        [CTW_BOUND_KERNEL] = "kernel",
    };

    return names[bound];
}
