/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/replay/replay.h"

#include <string.h>

#include "lib/kernel/losses.h"
#include "lib/kernel/sample.h"
#include "lib/watch/trend.h"

/* Virtual time begins here: nothing in a tick may be 0 microseconds old. */
#define EPOCH_USEC (1000 * CTW_USEC_PER_SEC)

/* Records that come so many times later than usual, and this much at least, leave a hole. */
#define HOLE_SPACINGS   4
#define HOLE_LEAST_USEC CTW_USEC_PER_SEC

/* So many in a row, and that is what is usual. */
#define FAR_MAX 3u

/* Looks between two points at the most. */
#define BETWEEN_MAX 256u

/* The counters of the core are 32 bits wide, and never move by half of that. */
#define LOST_MAX INT32_MAX

/* Network namespaces have such numbers, and none is told of. */
#define INODE 1

void ctw_replay_init(struct ctw_replay *r, const struct ctw_settings *settings,
                     uint64_t memory_bytes, ctw_replay_alert_fn alert, void *userdata) {
    memset(r, 0, sizeof(*r));
    r->settings = settings;
    r->pacing = *settings;
    r->alert = alert;
    r->userdata = userdata;
    r->tick.netns_inode = INODE;
    r->tick.sources[CTW_SOURCE_TABLE].health = CTW_HEALTH_OK;
    r->tick.sources[CTW_SOURCE_COUNTERS].health = CTW_HEALTH_OK;
    r->tick.sample.has_counters = true; /* of what is known: the next record may tell */
    r->tick.facts = (struct ctw_growth_facts){
        .memory = {.total_bytes = memory_bytes},
        .entries_per_bucket = CTW_ENTRIES_PER_BUCKET,
        .namespaces = 1,
        .permission = CTW_PERMISSION_GRANTED,
    };
}

static uint64_t least(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}

static uint32_t most(uint32_t a, uint32_t b) {
    return a > b ? a : b;
}

/* --- one look --------------------------------------------------------------------------------- */

/* The kernel takes whatever is written. */
static void grow(struct ctw_replay *r) {
    const struct ctw_growth_decision *d = &r->verdict.growth;
    struct ctw_growth_outcome o = {
        .count = r->tick.sample.count,
        .max = r->tick.sample.max,
        .buckets = r->tick.sample.buckets,
    };

    if (d->new_max != 0) {
        o.max_written = true;
        o.max = r->grown_max = d->new_max;
        if (r->summary.growths++ == 0)
            r->summary.grown_from = d->old_max;
        r->summary.grown_to = d->new_max;
    }
    if (d->new_buckets != 0) {
        o.buckets_written = true;
        o.buckets = r->grown_buckets = d->new_buckets;
        o.stall_usec = (uint64_t)o.count * CTW_RESIZE_NSEC_PER_ENTRY / 1000;
    }
    ctw_watch_grown(&r->watch, r->settings, &r->tick, &o, &r->verdict);
}

static void alert(struct ctw_replay *r, struct ctw_alert *a) {
    a->writer_unknown = r->writer_unknown;
    r->summary.alerts[a->kind]++;
    r->summary.n_alerts++;
    r->alert(r->at_usec, a, r->userdata);
}

static void tell(struct ctw_replay *r) {
    static const struct ctw_talkers nobody = {0};

    if (r->verdict.want_walk)
        ctw_watch_learn(&r->watch, &nobody, r->tick.now_usec);
    for (size_t i = 0; i < r->verdict.n_alerts; i++)
        alert(r, &r->verdict.alerts[i]);
}

static void lose(struct ctw_replay *r, const struct ctw_record *record,
                 const struct ctw_interpolation_losses *lost) {
    struct ctw_counters *c = &r->tick.sample.counters;
    struct ctw_log_counts *log = &r->tick.log;
    const uint64_t clashes = least(lost->clashes, LOST_MAX);
    /* Between two looks the table may have been full: a line tells it, as it told the daemon. */
    const bool full = record->attributed && lost->drops > 0 && lost->other_drops == 0;
    const uint64_t log_lines = lost->log_lines == 0 && full ? 1 : lost->log_lines;

    /* As the kernel counts: ctw_losses_between() is the inverse. */
    c->drop += (uint32_t)least(lost->drops + lost->other_drops + clashes, LOST_MAX);
    c->early_drop += (uint32_t)least(lost->early_drops, LOST_MAX);
    c->insert_failed += (uint32_t)least(clashes + lost->chain_too_long, LOST_MAX);
    c->chainlength += (uint32_t)least(lost->chain_too_long, LOST_MAX);
    if (log_lines > 0) {
        log->n_netns = 1;
        log->netns[0].inode = INODE;
        log->netns[0].lines = (uint32_t)least(log_lines, LOST_MAX);
    }
    r->summary.lost.drops += lost->drops + lost->other_drops;
    r->summary.lost.early_drops += lost->early_drops;
    r->summary.lost.clashes += lost->clashes;
    r->summary.lost.chain_too_long += lost->chain_too_long;
    r->seen.lost |= ctw_interpolation_loses(lost);
}

static void note_highest(struct ctw_replay *r) {
    const struct ctw_sample *t = &r->tick.sample;
    struct ctw_replay_summary *s = &r->summary;

    /* count / max > highest_count / highest_max, without dividing at each look */
    if (t->max == 0 || (s->highest_max != 0 &&
                        (uint64_t)t->count * s->highest_max <= (uint64_t)s->highest_count * t->max))
        return;
    s->highest_permyriad = ctw_usage_permyriad(t->count, t->max);
    s->highest_usec = r->at_usec;
    s->highest_count = t->count;
    s->highest_max = t->max;
}

static void poll(struct ctw_replay *r, uint64_t at_usec, uint32_t count) {
    struct ctw_sample *t = &r->tick.sample;
    const enum ctw_level before = r->watch.level.level;

    r->summary.level_usec[before] += at_usec - r->at_usec;
    r->at_usec = at_usec;
    r->count = count;
    r->tick.now_usec = EPOCH_USEC + at_usec;
    t->max = r->max == 0 ? 0 : most(r->max, r->grown_max);
    t->count = t->max != 0 && r->recorded_max > t->max ? (uint32_t)least(count, t->max) : count;
    t->buckets = r->buckets == 0 ? 0 : most(r->buckets, r->grown_buckets);
    t->has_buckets = t->buckets > 0;
    note_highest(r);
    ctw_watch_step(&r->watch, r->settings, &r->tick, &r->verdict);
    if (r->verdict.growth.write)
        grow(r);
    r->tick.log.n_netns = 0;
    if (r->verdict.n_alerts > 0 || r->verdict.want_walk)
        tell(r);
    if (r->verdict.level > r->seen.level)
        r->seen.level = r->verdict.level;
    r->seen.max = most(t->max, r->max == 0 ? 0 : r->grown_max);
}

/* --- from one point to the next --------------------------------------------------------------- */

/* Whether something will end, or be told again. */
static bool going_on(const struct ctw_watch *w) {
    return w->level.level != CTW_LEVEL_OK || w->loss_episode.running || w->forecast.active ||
           w->growth_state.refused.active || w->growth_state.dry_run.active;
}

/* How long until there is something to be seen on the way to the next point. */
static uint64_t next_step(struct ctw_replay *r, uint64_t to_usec, uint32_t to_count) {
    const uint64_t left = to_usec - r->at_usec;
    const bool rises = to_count > r->count;
    uint64_t step = left;

    if (rises) {
        const uint64_t rate = (uint64_t)(to_count - r->count) * CTW_USEC_PER_SEC / left;
        r->pacing.poll.interval_usec = left;
        step = ctw_pace_next(&r->pacing, &r->tick.sample, (int64_t)rate);
    }
    if (ctw_growth_on(r->settings) && (rises || r->verdict.growth.write))
        step = least(step, r->verdict.next_poll_usec);
    if (r->slots || going_on(&r->watch))
        step = least(step, r->settings->poll.interval_usec);
    return step;
}

/* The looks between. The last of them keeps a distance to the next point: the daemon would have
 * made one look of the two, and over a few microseconds one entry more looks like a flood. */
static void approach(struct ctw_replay *r, uint64_t to_usec, uint32_t to_count) {
    const uint64_t from_usec = r->at_usec, left = to_usec - from_usec;
    const uint64_t bounded = left / BETWEEN_MAX + 1;
    const uint64_t shortest = bounded > r->unhurried_usec ? bounded : r->unhurried_usec;
    const uint32_t from_count = r->count;

    for (;;) {
        const uint64_t wanted = next_step(r, to_usec, to_count);
        const uint64_t step = wanted > shortest ? wanted : shortest;
        if (step + (step + 1) / 2 > to_usec - r->at_usec)
            return;
        poll(
            r, r->at_usec + step,
            ctw_interpolation_between(from_usec, from_count, to_usec, to_count, r->at_usec + step));
    }
}

/* Takes out of @lost what there would have been room for in the grown table. */
static void prevent(struct ctw_replay *r, const struct ctw_record *record,
                    struct ctw_interpolation_losses *lost) {
    const uint32_t high = r->seen.high;

    if (r->max == 0 || r->grown_max <= r->max || ctw_nearly_full(high, r->grown_max))
        return;
    if (!record->attributed && !ctw_nearly_full(r->high_before, r->max_before) &&
        !ctw_nearly_full(high, r->max) && lost->early_drops == 0)
        return;
    r->summary.prevented.drops += lost->drops;
    r->summary.prevented.early_drops += lost->early_drops;
    r->seen.prevented |= lost->drops + lost->early_drops > 0;
    lost->drops = lost->early_drops = lost->log_lines = 0;
}

/* A daemon that looked no more often than usual saw the count jump from look to look. To try growth
 * it would have looked more often. */
static uint64_t unhurried(const struct ctw_replay *r, const struct ctw_record *record) {
    if (record->polls == 0 || ctw_growth_on(r->settings))
        return 0;

    const uint64_t spacing = record->width_usec / record->polls;
    return spacing >= r->settings->poll.interval_usec / 2 ? spacing : 0;
}

/* --- one record ------------------------------------------------------------------------------- */

/* Whether limits changed, but for what the daemon itself did to them. */
static bool limits_changed(const struct ctw_replay *r, const struct ctw_record *record) {
    if (record->has_changes) /* which never lowers max */
        return record->limit_changes > 0 || record->max < r->recorded_max;
    return record->max != r->recorded_max || record->buckets != r->recorded_buckets;
}

static void take_limits(struct ctw_replay *r, const struct ctw_record *record) {
    const uint32_t max = record->limit_changes > 0 ? record->set_max : record->max;

    if (r->seen.limits_taken)
        return;
    r->seen.limits_taken = true;
    r->writer_unknown = !record->has_changes;
    if (limits_changed(r, record)) {
        if (max < r->recorded_max)
            r->grown_max = 0; /* lowered, whatever it had been */
        if (max != r->recorded_max)
            r->max = max;
        r->buckets = record->buckets != 0 ? record->buckets : r->buckets;
    }
    r->recorded_max = record->max;
    r->recorded_buckets = record->buckets;
}

static void go(struct ctw_replay *r, const struct ctw_record *record,
               struct ctw_interpolation_point *p, bool last) {
    const uint64_t at_usec = p->at_usec > r->at_usec ? p->at_usec : r->at_usec + 1;

    approach(r, at_usec, p->count);
    if (last)
        take_limits(r, record);
    if (p->loses) {
        prevent(r, record, &p->lost);
        lose(r, record, &p->lost);
    }
    poll(r, at_usec, p->count);
}

/* Whether nobody looked for a while: much longer than usual, once or twice. */
static bool is_hole(struct ctw_replay *r, const struct ctw_record *record) {
    const uint64_t passed = record->at_usec - r->seen.from_usec;
    const uint64_t usual = r->spacing_usec;

    if (usual != 0 && passed > usual * HOLE_SPACINGS + HOLE_LEAST_USEC && ++r->far < FAR_MAX)
        return true;
    if (usual == 0 || r->far > 0 || passed < usual / HOLE_SPACINGS)
        r->spacing_usec = passed;
    else
        r->spacing_usec = (3 * usual + passed) / 4;
    r->far = 0;
    return false;
}

/* From here on, with no line from what was before; a slot's losses are lost since its beginning,
 * those of a look since the look before. */
static void begin(struct ctw_replay *r, const struct ctw_record *record) {
    const bool first = !r->begun;

    r->at_usec = record->at_usec > r->at_usec ? record->at_usec : r->at_usec;
    r->count = record->width_usec != 0 ? record->first : record->count;
    ctw_trend_reset(&r->watch.trend);
    if (first) {
        r->begun = true;
        r->recorded_max = r->max = record->limit_changes > 0 ? record->set_max : record->max;
        r->recorded_buckets = r->buckets = record->buckets;
    }
    take_limits(r, record);
    if (first || record->width_usec != 0)
        poll(r, r->at_usec, r->count);
    else
        r->at_usec--; /* the next look is that of the record */
}

static void see(struct ctw_replay *r, const struct ctw_record *record, bool hole) {
    const bool slot = record->width_usec != 0;

    r->seen = (struct ctw_replay_seen){
        .from_usec = record->at_usec,
        .to_usec = record->at_usec + record->width_usec,
        .after_hole = hole,
        .low = slot ? record->low : record->count,
        .high = slot ? record->high : record->count,
        .level = r->watch.level.level,
    };
}

static void sum_up(struct ctw_replay *r, const struct ctw_record *record, bool hole) {
    struct ctw_replay_summary *s = &r->summary;

    if (s->records++ == 0)
        s->first_usec = record->at_usec;
    else if (hole) {
        s->holes++;
        s->hole_usec += record->at_usec - s->last_usec;
    }
    s->last_usec = record->at_usec + record->width_usec;
    s->has_losses |= record->has_losses;
}

/* What the table would not have held, it is not seen to hold. */
static void leave_out(struct ctw_replay *r) {
    struct ctw_replay_seen *s = &r->seen;

    if (s->max == 0 || r->recorded_max <= s->max)
        return;
    s->high = (uint32_t)least(s->high, s->max);
    s->low = (uint32_t)least(s->low, s->max);
}

void ctw_replay_add(struct ctw_replay *r, const struct ctw_record *record) {
    const bool first = !r->begun, hole = !first && is_hole(r, record);
    struct ctw_interpolation interpolation;

    sum_up(r, record, hole);
    see(r, record, hole);
    r->slots = record->width_usec != 0;
    r->unhurried_usec = unhurried(r, record);
    if (first || hole)
        begin(r, record);
    if (record->max == 0 || (r->recorded_max != 0 && record->max > r->recorded_max))
        take_limits(r, record); /* raised somewhere on the way: before it was needed */
    if (!first || record->width_usec != 0) {
        ctw_interpolation_of(record, r->at_usec, r->count, &interpolation);
        for (size_t i = 0; i < interpolation.n; i++)
            go(r, record, &interpolation.points[i], i + 1 == interpolation.n);
    }
    r->high_before = r->seen.high;
    r->max_before = record->max;
    leave_out(r);
}

/* A line longer than this is no line: the arithmetic on it would not fit. */
#define LINE_MAX_USEC (1800 * CTW_USEC_PER_SEC)

uint32_t ctw_interpolation_between(uint64_t from_usec, uint32_t from, uint64_t to_usec, uint32_t to,
                                   uint64_t at_usec) {
    const int64_t rise = (int64_t)to - (int64_t)from;

    if (to_usec - from_usec > LINE_MAX_USEC)
        return from;
    return (uint32_t)((int64_t)from +
                      rise * (int64_t)(at_usec - from_usec) / (int64_t)(to_usec - from_usec));
}

bool ctw_interpolation_loses(const struct ctw_interpolation_losses *l) {
    return l->drops > 0 || l->other_drops > 0 || l->early_drops > 0 || l->clashes > 0 ||
           l->chain_too_long > 0 || l->log_lines > 0;
}

/* Where the track begins. */
struct start {
    uint64_t at_usec;
    uint32_t count;
};

/* In order of time; of the same moment, in that in which they are added. */
static struct ctw_interpolation_point *add_point(struct ctw_interpolation *c, uint64_t at_usec,
                                                 uint32_t count) {
    size_t i = c->n++;

    for (; i > 0 && c->points[i - 1].at_usec > at_usec; i--)
        c->points[i] = c->points[i - 1];
    c->points[i] = (struct ctw_interpolation_point){.at_usec = at_usec, .count = count};
    return &c->points[i];
}

/* Where the line through the track is at that time, having begun where the last look was. */
static uint32_t count_at(const struct start *from, const struct ctw_interpolation *c,
                         uint64_t at_usec) {
    uint64_t before_usec = from->at_usec;
    uint32_t before = from->count;

    for (size_t i = 0; i < c->n; i++) {
        const struct ctw_interpolation_point *p = &c->points[i];
        if (p->at_usec > at_usec)
            return before_usec >= at_usec ? before
                                          : ctw_interpolation_between(
                                                before_usec, before, p->at_usec, p->count, at_usec);
        before_usec = p->at_usec;
        before = p->count;
    }
    return before;
}

static struct ctw_interpolation_losses losses_of(const struct ctw_record *r) {
    return (struct ctw_interpolation_losses){
        .drops = r->drops,
        .other_drops = r->other_drops,
        .early_drops = r->early_drops,
        .clashes = r->clashes,
        .chain_too_long = r->chain_too_long,
        .log_lines = r->log_lines,
    };
}

/* Takes half of it away. */
static struct ctw_interpolation_losses halve(struct ctw_interpolation_losses *l) {
    const struct ctw_interpolation_losses half = {
        .drops = (l->drops + 1) / 2,
        .other_drops = (l->other_drops + 1) / 2,
        .early_drops = (l->early_drops + 1) / 2,
        .clashes = (l->clashes + 1) / 2,
        .chain_too_long = (l->chain_too_long + 1) / 2,
        .log_lines = (l->log_lines + 1) / 2,
    };

    l->drops -= half.drops;
    l->other_drops -= half.other_drops;
    l->early_drops -= half.early_drops;
    l->clashes -= half.clashes;
    l->chain_too_long -= half.chain_too_long;
    l->log_lines -= half.log_lines;
    return half;
}

/* The point of that moment, which is that of the same look. */
static struct ctw_interpolation_point *point_at(struct ctw_interpolation *c, uint64_t at_usec) {
    for (size_t i = 0; i < c->n; i++)
        if (c->points[i].at_usec == at_usec)
            return &c->points[i];
    return NULL;
}

static void add_loss(const struct start *from, const struct ctw_record *record,
                     struct ctw_interpolation *c, uint64_t at_usec,
                     const struct ctw_interpolation_losses *lost) {
    struct ctw_interpolation_point *p = point_at(c, at_usec);

    if (!p)
        p = add_point(c, at_usec, count_at(from, c, at_usec));
    /* Between two looks, the table may have been emptied: what is lost for being full is lost in a
     * full table. */
    if (lost->drops > 0 && ctw_nearly_full(record->high, record->max))
        p->count = record->high;
    p->loses = true;
    p->lost = *lost;
}

static void interpolate_slot(const struct start *from, const struct ctw_record *record,
                             struct ctw_interpolation *c) {
    const uint64_t begin = record->at_usec;
    struct ctw_interpolation_losses lost = losses_of(record);

    add_point(c, begin + record->first_usec, record->first);
    if (record->high_usec != record->low_usec) {
        add_point(c, begin + record->low_usec, record->low);
        add_point(c, begin + record->high_usec, record->high);
    }
    add_point(c, begin + record->last_usec, record->count);
    if (!ctw_interpolation_loses(&lost))
        return;
    if (record->loss_first_usec < record->loss_last_usec) {
        const struct ctw_interpolation_losses first = halve(&lost);
        add_loss(from, record, c, begin + record->loss_first_usec, &first);
    }
    add_loss(from, record, c, begin + record->loss_last_usec, &lost);
}

void ctw_interpolation_of(const struct ctw_record *record, uint64_t from_usec, uint32_t from_count,
                          struct ctw_interpolation *ret) {
    ret->n = 0;
    if (record->width_usec != 0) {
        const struct start from = {from_usec, from_count};
        interpolate_slot(&from, record, ret);
        return;
    }
    struct ctw_interpolation_point *p = add_point(ret, record->at_usec, record->count);
    p->lost = losses_of(record);
    p->loses = ctw_interpolation_loses(&p->lost);
}
