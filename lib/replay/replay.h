/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * A recording goes through the decision core in virtual time: which alerts ctwatchd would send.
 *
 * Between two records the count is taken to move in a straight line. Where that line crosses a
 * threshold, or an alert is open, the replay polls as ctwatchd would; in calm stretches it polls
 * once a record. Every growth write is taken to succeed: what the recorded table lost because it
 * was full, while the grown table had room, counts as prevented. Growth by the ctwatchd that made
 * the recording is left out, with the entries that fitted only because of it: these settings
 * decide anew.
 */

#include <stdbool.h>
#include <stdint.h>

#include "lib/config/settings.h"
#include "lib/state/record.h"
#include "lib/watch/watch.h"

struct ctw_replay_summary {
    uint64_t records;
    uint64_t first_usec, last_usec; /* since 1970 */
    uint64_t holes, hole_usec;      /* times without records */
    uint32_t highest_permyriad;
    uint64_t highest_usec; /* the time of that; 0: never any */
    uint32_t highest_count, highest_max;
    uint64_t level_usec[CTW_LEVEL_FULL + 1]; /* time at each level */
    uint64_t alerts[CTW_ALERT_KINDS];
    uint64_t n_alerts;
    uint64_t growths;              /* of max */
    uint32_t grown_from, grown_to; /* max; 0: no growth */
    bool has_losses;               /* the recording has them */
    struct ctw_losses lost;
    struct ctw_losses prevented; /* by growth: drops and early_drops */
};

/* What the last record showed. */
struct ctw_replay_seen {
    uint64_t from_usec, to_usec;
    bool after_hole;
    uint32_t low, high;
    uint32_t max;         /* with growth; 0: no limit */
    enum ctw_level level; /* the highest */
    bool lost, prevented;
    bool limits_taken; /* the limits of the record are in force */
};

/** An alert, @at_usec since 1970; valid during the call. */
typedef void (*ctw_replay_alert_fn)(uint64_t at_usec, const struct ctw_alert *a, void *userdata);

struct ctw_replay {
    const struct ctw_settings *settings;
    ctw_replay_alert_fn alert;
    void *userdata;
    struct ctw_settings pacing; /* with the time to the next point as poll.interval */
    struct ctw_tick tick;
    struct ctw_watch watch;
    struct ctw_verdict verdict;
    bool begun;
    uint64_t at_usec;      /* of the last poll */
    uint32_t count;        /* recorded at that time */
    uint64_t spacing_usec; /* between records, usually */
    uint32_t far;          /* records in a row that came later than that */
    uint32_t max, buckets; /* recorded, without growth by the recording ctwatchd */
    uint32_t recorded_max, recorded_buckets; /* as recorded */
    bool writer_unknown;                     /* the recording does not show who changed limits */
    uint32_t grown_max, grown_buckets;       /* 0: not grown */
    bool slots;               /* the record is a slot: ctwatchd polled all the time */
    uint64_t usual_poll_usec; /* between its polls, when they came no faster than usual; or 0 */
    uint32_t high_before, max_before; /* of the record before */
    struct ctw_replay_seen seen;
    struct ctw_replay_summary summary;
};

/**
 * ctw_replay_init() - start a replay
 * @settings:      outlive the replay
 * @memory_bytes:  of the machine, for growth; 0: not known
 * @alert:         called for each alert
 */
void ctw_replay_init(struct ctw_replay *r, const struct ctw_settings *settings,
                     uint64_t memory_bytes, ctw_replay_alert_fn alert, void *userdata);

/** ctw_replay_add() - the next record, at_usec since 1970 and later than that of the record before
 */
void ctw_replay_add(struct ctw_replay *r, const struct ctw_record *record);
