/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * One conntrack table from poll to poll: its level, where its fill is going, and its episodes of
 * losses. The same code steps our own table and those of other network namespaces.
 */

#include <stdbool.h>
#include <stdint.h>

#include "lib/config/settings.h"
#include "lib/kernel/losses.h"
#include "lib/kernel/sample.h"
#include "lib/watch/alert.h"
#include "lib/watch/episode.h"
#include "lib/watch/level.h"
#include "lib/watch/trend.h"

/* The kinds of alerts that a table has: the first ones, up to INSERT_FAILED. */
#define CTW_TABLE_ALERT_KINDS (CTW_ALERT_INSERT_FAILED + 1)

/* Zero-initialised: nothing was read. */
struct ctw_table_state {
    struct ctw_sample last; /* the last good sample, with the last known buckets and counters */
    struct ctw_level_state level;
    uint64_t level_alerted_usec; /* the last usage alert */
    struct ctw_trend trend;
    struct ctw_loss_episode losses;
    struct ctw_episode conditions[CTW_TABLE_ALERT_KINDS]; /* of the kinds that last */
};

/* One poll of one table. */
struct ctw_table_poll {
    struct ctw_table_state *state; /* with last and trend of this poll */
    const struct ctw_settings *settings;
    uint64_t now_usec;
    bool readable;          /* this poll read count and max */
    uint32_t usage;         /* permyriad; 0 where not readable */
    struct ctw_losses lost; /* since the last poll */
    uint64_t spacing_usec;  /* of samples: a condition that holds at each is absent between them */
    bool counted;           /* counters show them, not the kernel log alone */
    uint32_t ceiling;       /* growth raises max up to this; 0: it does not */
    bool requested;         /* the administrator asked for an alert */
    bool culprits_due;      /* as in struct ctw_tick */
    /* Makes an alert, with ctw_table_describe(); NULL: there is no room for it. */
    struct ctw_alert *(*alert)(struct ctw_table_poll *p, enum ctw_alert_kind kind,
                               enum ctw_edge edge);
};

/** ctw_table_describe() - an alert with all that the poll knows of its table, and nothing else */
void ctw_table_describe(const struct ctw_table_poll *p, enum ctw_alert_kind kind,
                        enum ctw_edge edge, struct ctw_alert *ret);

/** ctw_table_losing() - whether connections are dropped or evicted: full, whatever the fill */
bool ctw_table_losing(const struct ctw_losses *lost);

/** ctw_table_episode() - step an episode. Return: its alert; NULL: there is none. */
struct ctw_alert *ctw_table_episode(struct ctw_table_poll *p, struct ctw_episode *e, bool condition,
                                    uint64_t clear_delay_usec, enum ctw_alert_kind kind);

/** ctw_table_take() - take fill and losses of this poll. Return: the level before. */
enum ctw_level ctw_table_take(struct ctw_table_poll *p);

/** ctw_table_alerts() - then: alerts of the level, the forecast and the losses */
void ctw_table_alerts(struct ctw_table_poll *p, enum ctw_level before);

/**
 * ctw_table_unreadable() - instead of both: the table cannot be read
 *
 * This changes nothing, except that the kernel log may report it as full.
 */
void ctw_table_unreadable(struct ctw_table_poll *p);
