/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The sources that open new flows now, and at which rate: from the stream of events, in fixed
 * memory.
 *
 * A census ranks sources by the entries that they hold. A source whose flows end quickly holds few
 * entries, however many it opens, so churn and hoarding have different culprits.
 *
 * The counts of a sketch cover a time. Both are halved whenever that time reaches
 * CTW_NEW_FLOWS_USEC, so that a rate, their quotient, is over the last few seconds, of which the
 * latest weigh most.
 */

#include <stdbool.h>
#include <stdint.h>

#include "lib/talkers/census.h"
#include "lib/talkers/sketch.h"
#include "lib/util/units.h"

/* The longest time that the counts cover. Short enough for the first seconds of a flood to show its
 * source, and long enough for ten flows a second to be dozens. */
#define CTW_NEW_FLOWS_USEC (4 * CTW_USEC_PER_SEC)

struct ctw_new_flows {
    struct ctw_sketch sources;
    uint32_t ipv6_prefix;
    uint64_t events;    /* in the counts, not scaled by the sampling */
    uint64_t usec;      /* the time that the counts cover */
    uint64_t last_usec; /* of the last step; 0: none yet */
};

struct ctw_new_source {
    char name[CTW_TALKER_NAME_MAX]; /* "192.0.2.7", "2001:db8::/64" */
    uint64_t per_second;            /* flows that were certainly of this source */
    uint64_t error_per_second;      /* how far the true rate may be off */
};

/* The sources that open the most flows, as alerts and the snapshot have them. */
struct ctw_new_sources {
    bool known;
    uint32_t n;
    uint64_t per_second; /* of all sources */
    struct ctw_new_source top[CTW_TALKERS_TOP_MAX];
};

/** ctw_new_flows_init() - start with nothing counted; @seed as for ctw_sketch_init() */
void ctw_new_flows_init(struct ctw_new_flows *t, uint32_t ipv6_prefix, uint64_t seed);

/**
 * ctw_new_flows_add() - count one flow
 * @source:    4 bytes of it with AF_INET
 * @sampling:  one event in this many is read: the flow counts this many times
 */
void ctw_new_flows_add(struct ctw_new_flows *t, uint8_t family, const uint8_t source[static 16],
                       uint32_t sampling);

/**
 * ctw_new_flows_step() - extend the time that the counts cover to @now_usec
 * @now_usec:  monotonic, never 0
 *
 * The first step only starts the clock, since the flows before it cover an unknown time.
 */
void ctw_new_flows_step(struct ctw_new_flows *t, uint64_t now_usec);

/**
 * ctw_new_flows_top() - the sources that open the most flows
 * @top:  how many, at most CTW_TALKERS_TOP_MAX
 *
 * They are known after an eighth of a second, as the rates are. Sources with less than one flow a
 * second are left out. The error is that of the sketch; with sampled events the margin of the
 * sample, at 95 % confidence, is added.
 */
void ctw_new_flows_top(const struct ctw_new_flows *t, uint32_t top, struct ctw_new_sources *ret);
