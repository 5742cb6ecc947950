/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/replay/replay.h"

#include <string.h>

#include "lib/kernel/losses.h"
#include "lib/kernel/sample.h"
#include "lib/watch/trend.h"

/* Virtual time begins here: nothing in a tick may be 0 microseconds old. */
#define EPOCH_USEC (1000 * CTW_USEC_PER_SEC)

/* A record this many times later than usual, and at least this much, leaves a hole. */
#define HOLE_SPACINGS   4
#define HOLE_LEAST_USEC CTW_USEC_PER_SEC

/* This many in a row are the new usual. */
#define FAR_MAX 3u

/* Polls between two points at most. */
#define BETWEEN_MAX 256u

/* Sums of as many points as a recording can have stay below 2^64. */
#define LOST_MAX (UINT64_C(1) << 40)

/* Stands for the recorded namespace; no alert shows it. */
#define INODE 1

/* A straight line longer than this is flat: the arithmetic on it would not fit. */
#define LINE_MAX_USEC (1800 * CTW_USEC_PER_SEC)

/* The points of a slot: first and last poll, lowest and highest count, first and last loss. */
#define POINTS_MAX 6u

/* The count through one record: straight lines from point to point, in order of time. */
struct path {
    size_t n;
    struct point {
        uint64_t at_usec;
        uint32_t count;
        struct ctw_losses lost; /* up to here, since the point before */
    } points[POINTS_MAX];
};

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
    r->tick.sample.has_counters = true;
    r->tick.facts = (struct ctw_growth_facts){
        .memory = {.total_bytes = memory_bytes},
        .release.entries_per_bucket = CTW_ENTRIES_PER_BUCKET,
        .namespaces = 1,
        .permission = CTW_PERMISSION_GRANTED,
    };
}

static uint64_t usec(uint32_t msec) {
    return msec * CTW_USEC_PER_MSEC;
}

static uint64_t width_usec(const struct ctw_record *record) {
    return record->width_sec * CTW_USEC_PER_SEC;
}

/* --- one poll --------------------------------------------------------------------------------- */

/* Every write succeeds. */
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

static void report(struct ctw_replay *r) {
    static const struct ctw_talkers unknown = {0};

    if (r->verdict.want_walk)
        ctw_watch_learn(&r->watch, &unknown, r->tick.now_usec);
    for (size_t i = 0; i < r->verdict.n_alerts; i++) {
        struct ctw_alert *a = &r->verdict.alerts[i];
        a->writer_unknown = r->writer_unknown;
        r->summary.alerts[a->kind]++;
        r->alert(r->at_usec, a, r->userdata);
    }
    r->summary.n_alerts += r->verdict.n_alerts;
}

static void lose(struct ctw_replay *r, const struct ctw_record *record,
                 const struct ctw_losses *lost) {
    struct ctw_counters *c = &r->tick.sample.counters;
    struct ctw_log_counts *log = &r->tick.log;
    const uint64_t clashes = ctw_least(lost->clashes, LOST_MAX);
    /* The table may have been full between two samples only: a line shows it, as it did live. */
    const bool full = record->has_other_drops && lost->drops > 0 && lost->other_drops == 0;
    const uint64_t log_lines = lost->log_lines == 0 && full ? 1 : lost->log_lines;

    /* As the kernel counts: ctw_losses_between() is the inverse. */
    c->drop += ctw_least(lost->drops, LOST_MAX) + ctw_least(lost->other_drops, LOST_MAX) + clashes;
    c->early_drop += ctw_least(lost->early_drops, LOST_MAX);
    c->insert_failed += clashes + ctw_least(lost->chain_too_long, LOST_MAX);
    c->chainlength += ctw_least(lost->chain_too_long, LOST_MAX);
    if (log_lines > 0) {
        log->n_netns = 1;
        log->netns[0].inode = INODE;
        log->netns[0].lines = (uint32_t)ctw_least(log_lines, UINT32_MAX);
    }
    ctw_losses_add(&r->summary.lost, lost);
    r->seen.lost = true;
}

static void note_highest(struct ctw_replay *r) {
    const struct ctw_sample *t = &r->tick.sample;
    struct ctw_replay_summary *s = &r->summary;

    /* count / max > highest_count / highest_max, without a division at each poll */
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
    const enum ctw_level before = r->watch.table.level.level;

    r->summary.level_usec[before] += at_usec - r->at_usec;
    r->at_usec = at_usec;
    r->count = count;
    r->tick.now_usec = EPOCH_USEC + at_usec;
    t->max = r->max == 0 ? 0 : (uint32_t)ctw_most(r->max, r->grown_max);
    t->count = t->max != 0 && r->recorded_max > t->max ? (uint32_t)ctw_least(count, t->max) : count;
    t->buckets = r->buckets == 0 ? 0 : (uint32_t)ctw_most(r->buckets, r->grown_buckets);
    t->has_buckets = t->buckets > 0;
    note_highest(r);
    ctw_watch_step(&r->watch, r->settings, &r->tick, &r->verdict);
    if (r->verdict.growth.write)
        grow(r);
    r->tick.log.n_netns = 0;
    if (r->verdict.n_alerts > 0 || r->verdict.want_walk)
        report(r);
    if (r->verdict.level > r->seen.level)
        r->seen.level = r->verdict.level;
    r->seen.max = (uint32_t)ctw_most(t->max, r->max == 0 ? 0 : r->grown_max);
}

/* --- the path through a record ---------------------------------------------------------------- */

/* The count on a straight line. */
static uint32_t between(uint64_t from_usec, uint32_t from, uint64_t to_usec, uint32_t to,
                        uint64_t at_usec) {
    const int64_t rise = (int64_t)to - (int64_t)from;

    if (to_usec - from_usec > LINE_MAX_USEC)
        return from;
    return (uint32_t)((int64_t)from +
                      rise * (int64_t)(at_usec - from_usec) / (int64_t)(to_usec - from_usec));
}

/* In order of time. Points of one moment are of one poll when their counts are the same; otherwise
 * they stay in the order in which they are added. */
static struct point *add_point(struct path *p, uint64_t at_usec, uint32_t count) {
    size_t i = p->n;

    while (i > 0 && p->points[i - 1].at_usec > at_usec)
        i--;
    if (i > 0 && p->points[i - 1].at_usec == at_usec && p->points[i - 1].count == count)
        return &p->points[i - 1];
    memmove(&p->points[i + 1], &p->points[i], (p->n++ - i) * sizeof(p->points[0]));
    p->points[i] = (struct point){.at_usec = at_usec, .count = count};
    return &p->points[i];
}

/* The count at @at_usec on the way from the last poll along the path. */
static uint32_t count_at(const struct ctw_replay *r, const struct path *p, uint64_t at_usec) {
    uint64_t before_usec = r->at_usec;
    uint32_t before = r->count;
    size_t i = 0;

    for (; i < p->n && p->points[i].at_usec <= at_usec; i++) {
        before_usec = p->points[i].at_usec;
        before = p->points[i].count;
    }
    if (i == p->n || before_usec >= at_usec)
        return before;
    return between(before_usec, before, p->points[i].at_usec, p->points[i].count, at_usec);
}

/* Takes half of the losses away. */
static struct ctw_losses halve(struct ctw_losses *l) {
    const struct ctw_losses half = {
        .drops = (l->drops + 1) / 2,
        .other_drops = (l->other_drops + 1) / 2,
        .early_drops = (l->early_drops + 1) / 2,
        .clashes = (l->clashes + 1) / 2,
        .chain_too_long = (l->chain_too_long + 1) / 2,
        .log_lines = (l->log_lines + 1) / 2,
    };

    ctw_losses_sub(l, &half);
    return half;
}

/* A loss belongs to the point of its moment, since one poll found both. */
static void add_loss(const struct ctw_replay *r, const struct ctw_record *record, struct path *p,
                     uint64_t at_usec, const struct ctw_losses *lost) {
    struct point *point = NULL;

    for (size_t i = 0; i < p->n && !point; i++)
        if (p->points[i].at_usec == at_usec)
            point = &p->points[i];
    if (!point)
        point = add_point(p, at_usec, count_at(r, p, at_usec));
    /* The table may have been emptied before the poll: it was full when it dropped. */
    if (lost->drops > 0 && ctw_nearly_full(record->high, record->max))
        point->count = record->high;
    point->lost = *lost;
}

/* Half of a slot's losses come with its first loss, the other half with its last. */
static void add_slot(const struct ctw_replay *r, const struct ctw_record *record, struct path *p) {
    const uint64_t begin = record->at_usec;
    struct ctw_losses lost = record->losses;

    add_point(p, begin + usec(record->first_msec), record->first);
    if (record->high_msec != record->low_msec) {
        add_point(p, begin + usec(record->low_msec), record->low);
        add_point(p, begin + usec(record->high_msec), record->high);
    }
    add_point(p, begin + usec(record->last_msec), record->count);
    if (!ctw_losses_any(&lost))
        return;
    if (record->loss_first_msec < record->loss_last_msec) {
        const struct ctw_losses first = halve(&lost);
        add_loss(r, record, p, begin + usec(record->loss_first_msec), &first);
    }
    add_loss(r, record, p, begin + usec(record->loss_last_msec), &lost);
}

/* --- from one point to the next --------------------------------------------------------------- */

/* Whether an alert will end or be repeated. */
static bool has_open_alert(const struct ctw_watch *w) {
    return w->table.level.level != CTW_LEVEL_OK || w->table.losses.running ||
           w->table.conditions[CTW_ALERT_FORECAST].active ||
           w->conditions[CTW_ALERT_GROWTH_REFUSED].active ||
           w->conditions[CTW_ALERT_GROWTH_DRY_RUN].active;
}

/* How long until a poll is due on the way to the next point. */
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
        step = ctw_least(step, r->verdict.next_poll_usec);
    if (r->slots || has_open_alert(&r->watch))
        step = ctw_least(step, r->settings->poll.interval_usec);
    return step;
}

/* The shortest time to the next poll. A daemon that polled at its usual interval polls sooner where
 * the rate up to its last poll requires it, but does not foresee a jump. */
static uint64_t shortest_step(const struct ctw_replay *r, uint64_t bounded) {
    const uint64_t next = r->verdict.next_poll_usec;
    const bool sooner = next < r->settings->poll.interval_usec;

    return ctw_most(bounded, sooner ? ctw_least(next, r->usual_poll_usec) : r->usual_poll_usec);
}

/* The polls before the next point. The last of them keeps its distance to that point: over a few
 * microseconds a single entry is the rate of a flood. */
static void approach(struct ctw_replay *r, uint64_t to_usec, uint32_t to_count) {
    const uint64_t from_usec = r->at_usec, left = to_usec - from_usec;
    const uint64_t bounded = left / BETWEEN_MAX + 1;
    const uint32_t from_count = r->count;

    for (;;) {
        const uint64_t wanted = next_step(r, to_usec, to_count);
        const uint64_t shortest = shortest_step(r, bounded);
        const uint64_t step = ctw_most(wanted, shortest);
        if (step + (step + 1) / 2 > to_usec - r->at_usec)
            return;
        poll(r, r->at_usec + step,
             between(from_usec, from_count, to_usec, to_count, r->at_usec + step));
    }
}

/* Moves from @lost to prevented what the grown table had room for. */
static void prevent(struct ctw_replay *r, const struct ctw_record *record,
                    struct ctw_losses *lost) {
    const struct ctw_losses prevented = {.drops = lost->drops, .early_drops = lost->early_drops};
    const uint32_t high = r->seen.high;

    if (r->max == 0 || r->grown_max <= r->max || ctw_nearly_full(high, r->grown_max))
        return;
    if (!record->has_other_drops && !ctw_nearly_full(r->high_before, r->max_before) &&
        !ctw_nearly_full(high, r->max) && lost->early_drops == 0)
        return;
    ctw_losses_add(&r->summary.prevented, &prevented);
    ctw_losses_sub(lost, &prevented);
    lost->log_lines = 0;
    r->seen.prevented |= ctw_losses_any(&prevented);
}

/* The time between the recorded polls, or 0. A daemon that polled no more often than usual read a
 * count that jumped from sample to sample. With growth it would have polled more often. */
static uint64_t usual_poll(const struct ctw_replay *r, const struct ctw_record *record) {
    if (record->polls == 0 || ctw_growth_on(r->settings))
        return 0;

    const uint64_t spacing = width_usec(record) / record->polls;
    return spacing >= r->settings->poll.interval_usec / 2 ? spacing : 0;
}

/* --- one record ------------------------------------------------------------------------------- */

/* Whether another program changed the limits. */
static bool limits_changed(const struct ctw_replay *r, const struct ctw_record *record) {
    if (record->has_changes) /* ctwatchd never lowers max */
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
            r->grown_max = 0; /* lowered: growth is undone */
        if (max != r->recorded_max)
            r->max = max;
        r->buckets = record->buckets != 0 ? record->buckets : r->buckets;
    }
    r->recorded_max = record->max;
    r->recorded_buckets = record->buckets;
}

static void go_to(struct ctw_replay *r, const struct ctw_record *record, struct point *p,
                  bool last) {
    const uint64_t at_usec = p->at_usec > r->at_usec ? p->at_usec : r->at_usec + 1;

    approach(r, at_usec, p->count);
    if (last)
        take_limits(r, record);
    if (ctw_losses_any(&p->lost))
        prevent(r, record, &p->lost);
    if (ctw_losses_any(&p->lost))
        lose(r, record, &p->lost);
    poll(r, at_usec, p->count);
}

/* Whether the recording has a hole before @record: much longer than usual, once or twice. */
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

/* Start at @record, after a hole or at the beginning: no line leads to it. */
static void begin(struct ctw_replay *r, const struct ctw_record *record) {
    const bool first = !r->begun;

    r->at_usec = record->at_usec > r->at_usec ? record->at_usec : r->at_usec;
    r->count = record->width_sec != 0 ? record->first : record->count;
    ctw_trend_reset(&r->watch.table.trend);
    if (first) {
        r->begun = true;
        r->recorded_max = r->max = record->limit_changes > 0 ? record->set_max : record->max;
        r->recorded_buckets = r->buckets = record->buckets;
    }
    take_limits(r, record);
    if (first || record->width_sec != 0)
        poll(r, r->at_usec, r->count);
    else
        r->at_usec--; /* the next poll is the sample itself */
}

static void begin_seen(struct ctw_replay *r, const struct ctw_record *record, bool hole) {
    struct ctw_replay_summary *s = &r->summary;
    const bool slot = record->width_sec != 0;

    r->seen = (struct ctw_replay_seen){
        .from_usec = record->at_usec,
        .to_usec = record->at_usec + width_usec(record),
        .after_hole = hole,
        .low = slot ? record->low : record->count,
        .high = slot ? record->high : record->count,
        .level = r->watch.table.level.level,
    };
    if (s->records++ == 0)
        s->first_usec = record->at_usec;
    else if (hole) {
        s->holes++;
        s->hole_usec += record->at_usec - s->last_usec;
    }
    s->last_usec = r->seen.to_usec;
    s->has_losses |= record->has_losses;
}

/* Counts above the max of this replay fitted only because the recording daemon grew the table. */
static void clip_seen(struct ctw_replay *r) {
    struct ctw_replay_seen *s = &r->seen;

    if (s->max == 0 || r->recorded_max <= s->max)
        return;
    s->high = (uint32_t)ctw_least(s->high, s->max);
    s->low = (uint32_t)ctw_least(s->low, s->max);
}

void ctw_replay_add(struct ctw_replay *r, const struct ctw_record *record) {
    const bool first = !r->begun, hole = !first && is_hole(r, record);
    struct path path;

    path.n = 0;
    begin_seen(r, record, hole);
    r->slots = record->width_sec != 0;
    r->usual_poll_usec = usual_poll(r, record);
    r->tick.spacing_usec = ctw_most(r->spacing_usec, width_usec(record));
    if (first || hole)
        begin(r, record);
    if (record->max == 0 || (r->recorded_max != 0 && record->max > r->recorded_max))
        take_limits(r, record); /* raised somewhere on the way: before it was needed */
    if (record->width_sec != 0)
        add_slot(r, record, &path);
    else if (!first)
        add_point(&path, record->at_usec, record->count)->lost = record->losses;
    for (size_t i = 0; i < path.n; i++)
        go_to(r, record, &path.points[i], i + 1 == path.n);
    r->high_before = r->seen.high;
    r->max_before = record->max;
    clip_seen(r);
}
