/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTW_LIB_REPLAY_REPLAY_H
#define CTW_LIB_REPLAY_REPLAY_H

/*
 * A recording goes through the decision core, in virtual time: what would have been said.
 *
 * Between two records the count is taken to have moved in a straight line. Where that line runs
 * through a threshold, or something is going on, looks are put in as ctwatchd would have made
 * them; in calm stretches there is one for each record. Growth is carried out as if the kernel
 * took every limit: what the recorded table lost for being full, with room in the grown one, counts
 * as prevented. What a daemon had grown itself while it made the recording is left out, and so are
 * the entries that would not have fitted without: it is grown anew, as these settings say, or not.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/config/settings.h"
#include "lib/replay/recording.h"
#include "lib/watch/watch.h"

/* Lost, by what would have been done about it. */
struct ctw_replay_losses {
    uint64_t drops; /* for a full table or not */
    uint64_t early_drops;
    uint64_t clashes;
    uint64_t chain_too_long;
};

struct ctw_replay_summary {
    uint64_t records;
    uint64_t first_usec, last_usec; /* since 1970 */
    uint64_t holes, hole_usec;      /* when nobody looked */
    uint32_t highest_permyriad;
    uint64_t highest_usec; /* when that was; 0: never any */
    uint32_t highest_count, highest_max;
    uint64_t level_usec[CTW_LEVEL_FULL + 1]; /* time at each */
    uint64_t alerts[CTW_ALERT_KINDS];
    uint64_t n_alerts;
    uint64_t growths;              /* of max */
    uint32_t grown_from, grown_to; /* max; 0: it did not grow */
    bool has_losses;               /* the recording tells */
    struct ctw_replay_losses lost, prevented;
};

/* What the last record came to. */
struct ctw_replay_seen {
    uint64_t from_usec, to_usec;
    bool after_hole;
    uint32_t low, high;
    uint32_t max;         /* with what was grown; 0: no limit */
    enum ctw_level level; /* the highest */
    bool lost, prevented;
    bool limits_taken; /* as they were after it */
};

/** An alert, @at_usec since 1970; it does not outlive the call. */
typedef void (*ctw_replay_alert_fn)(uint64_t at_usec, const struct ctw_alert *a, void *userdata);

struct ctw_replay {
    const struct ctw_settings *settings;
    ctw_replay_alert_fn alert;
    void *userdata;
    struct ctw_settings pacing; /* for the looks between: the interval is what is left */
    struct ctw_tick tick;
    struct ctw_watch watch;
    struct ctw_verdict verdict;
    bool begun;
    uint64_t at_usec;      /* of the last look */
    uint32_t count;        /* then, in the recording */
    uint64_t spacing_usec; /* between records, usually */
    uint32_t far;          /* records in a row that came later than that */
    uint32_t max, buckets; /* recorded, but for what the daemon itself did to them */
    uint32_t recorded_max, recorded_buckets; /* as they were */
    bool writer_unknown;                     /* who changed them is not known */
    uint32_t grown_max, grown_buckets;       /* 0: not grown */
    bool slots;              /* the record is of a daemon, which looked all the time */
    uint64_t unhurried_usec; /* between its looks, when they came no faster than usual; or 0 */
    uint32_t high_before, max_before; /* of the record before */
    struct ctw_replay_seen seen;
    struct ctw_replay_summary summary;
};

/**
 * ctw_replay_init() - from the beginning
 * @settings:      outlive the replay
 * @memory_bytes:  of the machine, for growth; 0: not known
 * @alert:           hears the alerts
 */
void ctw_replay_init(struct ctw_replay *r, const struct ctw_settings *settings,
                     uint64_t memory_bytes, ctw_replay_alert_fn alert, void *userdata);

/** ctw_replay_add() - the next record; each begins later than the one before */
void ctw_replay_add(struct ctw_replay *r, const struct ctw_record *record);

/* The track of the count through one record: straight lines from point to point. */

/* What was lost up to a point. */
struct ctw_interpolation_losses {
    uint64_t drops, other_drops, early_drops, clashes, chain_too_long, log_lines;
};

/* Of a slot: its first and last look, the lowest and the highest, the first and the last loss. */
#define CTW_INTERPOLATION_MAX 6u

struct ctw_interpolation {
    size_t n;
    struct ctw_interpolation_point {
        uint64_t at_usec;
        uint32_t count;
        bool loses;
        struct ctw_interpolation_losses lost;
    } points[CTW_INTERPOLATION_MAX]; /* in order of time */
};

/**
 * ctw_interpolation_of() - of one record
 * @from_usec, @from_count:  the point before
 *
 * A look is one point. Of a slot's losses one half comes with the first, the other with the last.
 */
void ctw_interpolation_of(const struct ctw_record *record, uint64_t from_usec, uint32_t from_count,
                          struct ctw_interpolation *ret);

/** ctw_interpolation_between() - the count on the straight line at @at_usec, from @from_usec to
 * @to_usec
 */
uint32_t ctw_interpolation_between(uint64_t from_usec, uint32_t from, uint64_t to_usec, uint32_t to,
                                   uint64_t at_usec);

/** ctw_interpolation_loses() - whether there is any */
bool ctw_interpolation_loses(const struct ctw_interpolation_losses *l);

#endif
