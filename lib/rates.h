/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTW_RATES_H
#define CTW_RATES_H

/*
 * What the event stream said: flows that came and went between two looks, and rates over the last
 * seconds of it.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flow.h"

enum ctw_rate_protocol { CTW_RATE_TCP, CTW_RATE_UDP, CTW_RATE_ICMP, CTW_RATE_OTHER };
#define CTW_RATE_PROTOCOLS (CTW_RATE_OTHER + 1)

/* Counted since the last look; scaled up by the sampling in force when each event was read. */
struct ctw_event_tally {
    bool subscribed; /* at this look */
    uint64_t events; /* messages read, not scaled: what reading cost */
    uint64_t created, destroyed;
    uint64_t created_by[CTW_RATE_PROTOCOLS], destroyed_by[CTW_RATE_PROTOCOLS];
    uint64_t created_ipv6, destroyed_ipv6;
    uint64_t overruns; /* times the kernel said ENOBUFS */
    uint64_t lost;     /* estimated: created events that were not delivered */
    uint32_t sampling; /* one of this many events is read: 1, 2, 4, ... */
};

/*
 * Rates in flows per second, over the last second. Created flows whose events were lost are in
 * them as far as their number could be estimated (tally.lost); destroyed ones are not.
 */
struct ctw_rates {
    bool known;
    uint64_t created, destroyed;
    uint32_t sampling; /* 1: all events were counted */
    bool lower_bound;  /* events were lost: there were at least so many */
};

/** ctw_event_tally_add() - count one event, for @sampling */
void ctw_event_tally_add(struct ctw_event_tally *t, const struct ctw_flow *flow, uint32_t sampling);

/* The last tallies, an eighth of a second or more in each slot; zero-initialised it knows nothing.
 */
#define CTW_RATES_SLOTS 8u

struct ctw_rate_window {
    struct ctw_rate_slot {
        uint64_t usec; /* time covered */
        uint64_t created, destroyed;
        uint64_t overruns;
        uint32_t sampling;
    } slots[CTW_RATES_SLOTS], open;
    uint32_t head, n;
    uint64_t last_usec; /* of the last tally; 0: not subscribed then */
};

/**
 * ctw_rates_step() - add the tally of one look
 *
 * A look without a subscription forgets everything; the first with one only starts the clock,
 * since its tally covers an unknown time.
 */
void ctw_rates_step(struct ctw_rate_window *w, uint64_t now_usec, const struct ctw_event_tally *t);

/** ctw_rates_now() - the rates over the last second; known from an eighth of one on */
struct ctw_rates ctw_rates_now(const struct ctw_rate_window *w);

#endif
