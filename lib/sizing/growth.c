/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/sizing/growth.h"

#include <errno.h>

/* Always free: what a burst at poll.worst_rate takes in this time. Half of it may pass until the
 * next look, the other half is for that look coming late. */
#define RESERVE_USEC (100 * CTW_USEC_PER_MSEC)

/* At the rate of the last two looks the table is never nearer to full than this. */
#define BURST_USEC (200 * CTW_USEC_PER_MSEC)

/* How far ahead of the present rate a growth reaches. */
#define LEAD_USEC CTW_USEC_PER_SEC

/* Entries for each bucket of a table that has just been sized for its max; 8 is the most. */
#define ADVISED_PER_BUCKET 4u

/* Entries up to which sizing the buckets stops packets for no more than some 20 ms. */
#define SMALL_TABLE 50000u

/* Limits are round numbers: multiples of this. The kernel rounds buckets up to multiples of 512. */
#define ROUND         4096u
#define ROUND_BUCKETS 512u

/* MemAvailable changes with every look: steps smaller than this part of max are not worth one. */
#define SMALLEST_STEP 16u

/* A write that failed is tried again after this. */
#define RETRY_USEC CTW_USEC_PER_SEC

#define HOUR_USEC (3600 * CTW_USEC_PER_SEC)

static uint64_t least(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}

static uint64_t most(uint64_t a, uint64_t b) {
    return a > b ? a : b;
}

bool ctw_growth_on(const struct ctw_settings *s) {
    return s->growth.enabled || s->growth.dry_run;
}

bool ctw_growth_writes(const struct ctw_settings *s) {
    return s->growth.enabled && !s->growth.dry_run;
}

/* --- how high --------------------------------------------------------------------------------- */

static uint32_t advised_per_bucket(uint32_t entries_per_bucket) {
    return entries_per_bucket < ADVISED_PER_BUCKET ? entries_per_bucket : ADVISED_PER_BUCKET;
}

uint32_t ctw_growth_buckets_for(uint32_t max, uint32_t entries_per_bucket) {
    const uint64_t advised = most(advised_per_bucket(entries_per_bucket), 1);
    const uint64_t buckets = (max + advised - 1) / advised;
    const uint64_t rounded = (buckets + ROUND_BUCKETS - 1) / ROUND_BUCKETS * ROUND_BUCKETS;

    return (uint32_t)least(rounded, CTW_BUCKETS_LARGEST);
}

/* A bound that nobody chose is cut down to a round number. */
static uint32_t bound_of(uint64_t entries) {
    const uint64_t entries_fit = least(entries, CTW_MAX_LARGEST);

    return (uint32_t)(entries_fit < ROUND ? entries_fit : entries_fit / ROUND * ROUND);
}

/* In bytes; the product of 2^64 bytes and 90 % does not fit, of 2^50 it does. */
static uint64_t share(uint64_t bytes, uint32_t permyriad) {
    return bytes / CTW_PERMYRIAD * permyriad + bytes % CTW_PERMYRIAD * permyriad / CTW_PERMYRIAD;
}

uint64_t ctw_growth_bytes_per_entry(const struct ctw_growth_facts *f) {
    const uint64_t advised = most(advised_per_bucket(f->entries_per_bucket), 1);

    return CTW_ENTRY_BYTES * most(f->namespaces, 1) + (CTW_BUCKET_BYTES + advised - 1) / advised;
}

uint64_t ctw_growth_bytes(const struct ctw_sample *table, uint32_t entries) {
    const uint64_t buckets = table->has_buckets ? table->buckets : 0;

    return (uint64_t)entries * CTW_ENTRY_BYTES + buckets * CTW_BUCKET_BYTES;
}

/* Entries that the share of memory holds, with the buckets that they are advised to have. */
static uint64_t entries_in(uint64_t bytes, const struct ctw_growth_facts *f) {
    return bytes / ctw_growth_bytes_per_entry(f);
}

static void bounds_but_buckets(const struct ctw_settings *s, const struct ctw_sample *sample,
                               const struct ctw_growth_facts *f, struct ctw_growth_bounds *ret) {
    const struct ctw_memory *m = &f->memory;

    ret->by[CTW_BOUND_SETTING] = s->growth.ceiling > 0 ? s->growth.ceiling : CTW_MAX_LARGEST;
    ret->by[CTW_BOUND_MEMORY] =
        bound_of(entries_in(share(m->total_bytes, s->growth.memory_permyriad), f));
    ret->by[CTW_BOUND_AVAILABLE] =
        m->has_available ? bound_of(sample->count + m->available_bytes / 2 / (CTW_ENTRY_BYTES + 1))
                         : CTW_MAX_LARGEST;
    ret->by[CTW_BOUND_BUCKETS] = CTW_MAX_LARGEST;
    ret->by[CTW_BOUND_KERNEL] = CTW_MAX_LARGEST;
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
                       const struct ctw_growth_facts *facts, struct ctw_growth_bounds *ret) {
    bounds_but_buckets(s, sample, facts, ret);
    if (sample->has_buckets)
        ret->by[CTW_BOUND_BUCKETS] =
            (uint32_t)least((uint64_t)sample->buckets * facts->entries_per_bucket, CTW_MAX_LARGEST);
    settle(ret);
}

/* --- whether ---------------------------------------------------------------------------------- */

static uint64_t taken_in(uint64_t rate, uint64_t usec) {
    return rate * usec / CTW_USEC_PER_SEC;
}

static uint64_t reserve(const struct ctw_settings *s) {
    return taken_in(s->poll.worst_rate, RESERVE_USEC);
}

static uint64_t filling(const struct ctw_growth_input *l) {
    return l->rate > 0 ? least((uint64_t)l->rate, UINT32_MAX) : 0;
}

static bool is_needed(const struct ctw_settings *s, const struct ctw_growth_input *l,
                      enum ctw_growth_reason *ret) {
    const uint64_t count = l->sample.count, max = l->sample.max;
    const uint64_t free = max > count ? max - count : 0;

    if (count * CTW_PERMYRIAD >= max * s->growth.at_permyriad)
        *ret = CTW_GROWTH_FILL;
    else if (free < taken_in(filling(l), BURST_USEC))
        *ret = CTW_GROWTH_BURST;
    else if (free < reserve(s))
        *ret = CTW_GROWTH_RESERVE;
    else
        return false;
    return true;
}

/* By the step, or as far as the present rate reaches, whichever is more; what had been set before
 * somebody lowered it at the least. Two reserves, or the next look would find it short again. */
static uint64_t wanted_max(const struct ctw_growth *g, const struct ctw_settings *s,
                           const struct ctw_growth_input *l) {
    const uint64_t stepped = (uint64_t)l->sample.max * s->growth.step_permyriad / CTW_PERMYRIAD;
    const uint64_t rate = least(filling(l), s->poll.worst_rate);
    const uint64_t ahead = l->sample.count + taken_in(rate, LEAD_USEC) + 2 * reserve(s);
    const uint64_t wanted = most(most(stepped, ahead), g->ours);

    return (wanted + ROUND - 1) / ROUND * ROUND;
}

static enum ctw_growth_refusal refusal_of(enum ctw_growth_bound bound, bool memory_known) {
    switch (bound) {
    case CTW_BOUND_MEMORY:
        return memory_known ? CTW_GROWTH_AT_CEILING : CTW_GROWTH_NO_MEMORY;
    case CTW_BOUND_SETTING:
    case CTW_BOUND_KERNEL:
        return CTW_GROWTH_AT_CEILING;
    case CTW_BOUND_AVAILABLE:
        return CTW_GROWTH_NO_MEMORY;
    case CTW_BOUND_BUCKETS:
        return CTW_GROWTH_TOO_FEW_BUCKETS;
    }
    return CTW_GROWTH_AT_CEILING;
}

/* Below what was set here, each growth is one against somebody's will. */
static bool contested(const struct ctw_growth *g, const struct ctw_growth_input *l) {
    unsigned recent = 0;

    if (l->sample.max >= g->ours)
        return false;
    for (unsigned i = 0; i < CTW_GROWTH_AGAIN_MAX; i++)
        recent += g->again_usec[i] != 0 && l->now_usec - g->again_usec[i] < HOUR_USEC;
    return recent == CTW_GROWTH_AGAIN_MAX;
}

static void refuse(struct ctw_growth_decision *d, enum ctw_growth_refusal why, int error) {
    d->refusal = why;
    d->error = error;
    d->new_max = d->new_buckets = 0;
}

static enum ctw_growth_refusal refusal_of_error(int error) {
    return error == -EACCES || error == -EPERM || error == -EROFS ? CTW_GROWTH_NOT_PERMITTED
                                                                  : CTW_GROWTH_WRITE_FAILED;
}

static bool may_change_buckets(const struct ctw_growth *g, const struct ctw_settings *s,
                               const struct ctw_growth_input *l) {
    return l->sample.has_buckets && !g->buckets_failed && s->growth.buckets != CTW_BUCKETS_NEVER;
}

/* Raise max to @wanted, or to the ceiling when that is lower. */
static void grant(const struct ctw_growth *g, const struct ctw_settings *s,
                  const struct ctw_growth_input *l, uint64_t wanted,
                  struct ctw_growth_decision *d) {
    const struct ctw_sample *t = &l->sample;
    const uint32_t max = (uint32_t)least(wanted, d->bounds.ceiling);

    if (max <= t->max ||
        (d->bounds.bound == CTW_BOUND_AVAILABLE && max - t->max < t->max / SMALLEST_STEP)) {
        refuse(d, refusal_of(d->bounds.bound, l->facts.memory.total_bytes > 0), 0);
        return;
    }
    d->new_max = max;
    if (s->growth.buckets == CTW_BUCKETS_ALWAYS && may_change_buckets(g, s, l) &&
        max > (uint64_t)t->buckets * l->facts.entries_per_bucket)
        d->new_buckets = ctw_growth_buckets_for(max, l->facts.entries_per_bucket);
}

/* Once, when the table has just appeared and is still small: buckets for the ceiling. */
static void size_buckets(const struct ctw_growth *g, const struct ctw_settings *s,
                         const struct ctw_growth_input *l, struct ctw_growth_decision *d) {
    const struct ctw_growth_facts *f = &l->facts;
    struct ctw_growth_bounds b;
    uint32_t buckets;

    if (g->sized || !may_change_buckets(g, s, l) || l->sample.count > SMALL_TABLE)
        return;
    bounds_but_buckets(s, &l->sample, f, &b);
    settle(&b);
    if (b.ceiling <= (uint64_t)l->sample.buckets * f->entries_per_bucket)
        return;
    buckets = ctw_growth_buckets_for(b.ceiling, f->entries_per_bucket);
    if (buckets > l->sample.buckets)
        d->new_buckets = buckets;
}

static bool is_saved_due(const struct ctw_growth *g, const struct ctw_settings *s,
                         const struct ctw_growth_input *l) {
    return g->sized && !g->saved_done && s->growth.persist && l->facts.has_saved &&
           l->facts.saved.max > l->sample.max;
}

void ctw_growth_decide(const struct ctw_growth *g, const struct ctw_settings *s,
                       const struct ctw_growth_input *l, struct ctw_growth_decision *d) {
    const struct ctw_growth_facts *f = &l->facts;

    *d = (struct ctw_growth_decision){
        .old_max = l->sample.max,
        .old_buckets = l->sample.buckets,
        .reason = CTW_GROWTH_STARTUP,
    };
    if (!ctw_growth_on(s)) {
        refuse(d, CTW_GROWTH_DISABLED, 0);
        return;
    }
    ctw_growth_bounds(s, &l->sample, f, &d->bounds);
    if (s->growth.buckets == CTW_BUCKETS_ALWAYS && may_change_buckets(g, s, l)) {
        d->bounds.by[CTW_BOUND_BUCKETS] = CTW_MAX_LARGEST;
        settle(&d->bounds);
    }
    if (l->sample.max == 0) {
        refuse(d, CTW_GROWTH_UNLIMITED, 0);
        return;
    }

    d->needed = is_needed(s, l, &d->reason);
    if (f->permission == CTW_PERMISSION_CHILD || f->permission == CTW_PERMISSION_DENIED) {
        d->needed = true; /* found at the start, and said at once */
        refuse(d,
               f->permission == CTW_PERMISSION_CHILD ? CTW_GROWTH_CHILD_NAMESPACE
                                                     : CTW_GROWTH_NOT_PERMITTED,
               f->permission_error);
        return;
    }
    if (g->failed_usec != 0 && l->now_usec - g->failed_usec < RETRY_USEC) {
        d->needed = true;
        refuse(d, refusal_of_error(g->failed_error), g->failed_error);
        return;
    }
    if (d->needed && contested(g, l))
        refuse(d, CTW_GROWTH_FOREIGN_WRITER, 0);
    else if (d->needed)
        grant(g, s, l, wanted_max(g, s, l), d);
    else if (is_saved_due(g, s, l)) {
        d->reason = CTW_GROWTH_SAVED;
        grant(g, s, l, l->facts.saved.max, d);
        d->refusal = CTW_GROWTH_NOT_REFUSED; /* more than the ceiling was never promised */
    }
    if (d->new_buckets == 0)
        size_buckets(g, s, l, d);
    if (d->new_buckets != 0 && d->refusal == CTW_GROWTH_TOO_FEW_BUCKETS)
        d->refusal = CTW_GROWTH_NOT_REFUSED; /* the next look goes on from there */
    d->write = ctw_growth_writes(s) && (d->new_max != 0 || d->new_buckets != 0);
}

/* --- afterwards ------------------------------------------------------------------------------- */

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
    k->max = (uint32_t)most(most(k->max, k->before_max), o->max_written ? o->max : d->old_max);
    k->buckets = (uint32_t)most(most(k->buckets, k->before_buckets),
                                o->buckets_written ? o->buckets : d->old_buckets);
}

void ctw_growth_done(struct ctw_growth *g, uint64_t now_usec, const struct ctw_growth_decision *d,
                     const struct ctw_growth_outcome *o) {
    if (d->refusal == CTW_GROWTH_NOT_REFUSED && (!o || o->max_error == 0)) {
        g->saved_done = g->sized; /* sizing comes first: it raises the ceiling */
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
    if (!ctw_growth_on(s) || t->max <= t->count)
        return UINT64_MAX;
    if (d->refusal != CTW_GROWTH_NOT_REFUSED)
        return UINT64_MAX;
    if (ctw_growth_writes(s) && (d->needed || !g->saved_done))
        return s->poll.fastest_usec; /* whatever came of it is seen at once */
    return (uint64_t)(t->max - t->count) * CTW_USEC_PER_SEC / 2 / s->poll.worst_rate;
}

const char *ctw_growth_reason_name(enum ctw_growth_reason reason) {
    switch (reason) {
    case CTW_GROWTH_FILL:
        return "fill";
    case CTW_GROWTH_BURST:
        return "burst";
    case CTW_GROWTH_RESERVE:
        return "reserve";
    case CTW_GROWTH_SAVED:
        return "kept";
    case CTW_GROWTH_STARTUP:
        return "startup";
    }
    return "unknown";
}

const char *ctw_growth_refusal_name(enum ctw_growth_refusal refusal) {
    switch (refusal) {
    case CTW_GROWTH_NOT_REFUSED:
        return "not_refused";
    case CTW_GROWTH_DISABLED:
        return "disabled";
    case CTW_GROWTH_UNLIMITED:
        return "unlimited";
    case CTW_GROWTH_AT_CEILING:
        return "at_ceiling";
    case CTW_GROWTH_NO_MEMORY:
        return "no_memory";
    case CTW_GROWTH_TOO_FEW_BUCKETS:
        return "too_few_buckets";
    case CTW_GROWTH_FOREIGN_WRITER:
        return "foreign_writer";
    case CTW_GROWTH_NOT_PERMITTED:
        return "not_permitted";
    case CTW_GROWTH_CHILD_NAMESPACE:
        return "child_namespace";
    case CTW_GROWTH_WRITE_FAILED:
        return "write_failed";
    case CTW_GROWTH_PERSIST_FAILED:
        return "not_kept";
    }
    return "unknown";
}

const char *ctw_growth_bound_name(enum ctw_growth_bound bound) {
    switch (bound) {
    case CTW_BOUND_SETTING:
        return "growth.ceiling";
    case CTW_BOUND_MEMORY:
        return "growth.memory";
    case CTW_BOUND_AVAILABLE:
        return "MemAvailable";
    case CTW_BOUND_BUCKETS:
        return "buckets";
    case CTW_BOUND_KERNEL:
        return "kernel";
    }
    return "unknown";
}
