/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTW_LIB_WATCH_EVENT_RATES_H
#define CTW_LIB_WATCH_EVENT_RATES_H

/*
 * What the event stream said: flows that came and went between two looks, and rates over the last
 * seconds of it.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/kernel/flow.h"

enum ctw_rate_protocol { CTW_RATE_TCP, CTW_RATE_UDP, CTW_RATE_ICMP, CTW_RATE_OTHER };
#define CTW_RATE_PROTOCOLS (CTW_RATE_OTHER + 1)

/* Counted since the last look; scaled up by the sampling in force when each event was read. */
struct ctw_event_counts {
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

/** ctw_event_counts_add() - count one event, for @sampling */
void ctw_event_counts_add(struct ctw_event_counts *t, const struct ctw_flow *flow,
                          uint32_t sampling);

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
void ctw_rates_step(struct ctw_rate_window *w, uint64_t now_usec, const struct ctw_event_counts *t);

/** ctw_rates_now() - the rates over the last second; known from an eighth of one on */
struct ctw_rates ctw_rates_now(const struct ctw_rate_window *w);

/*
 * How many of the events to read, so that reading them stays within its budget of CPU time.
 *
 * A flood must be answered at once, so its cost is taken over a tenth of a second, and the halvings
 * it needs are made in one go. Stepping back waits for a second in which reading more would have
 * fitted, with room to spare, so that the sampling does not go up and down with every gust.
 */

/* No more than one event in so many is left out: 5 million a second become 76. */
#define CTW_BUDGET_SAMPLING_MAX 65536u

/* Zero-initialised it has seen nothing and reads everything. */
struct ctw_budget {
    uint32_t sampling;   /* one event in this many is to be read, a power of two; 0: not stepped */
    uint64_t start_usec; /* of the present window */
    uint64_t spent_nsec; /* in it */
    uint64_t calm_usec;  /* since then twice as much would have fitted; 0: it would not */
    uint64_t calm_peak;  /* the dearest window since then, CPU nanoseconds per second */
};

/** ctw_budget_spend() - reading took this much CPU time */
void ctw_budget_spend(struct ctw_budget *b, uint64_t nsec);

/**
 * ctw_budget_step() - how to go on
 * @now_usec:          monotonic, never 0
 * @budget_permyriad:  of one CPU, 1 to 10000; it may differ from one step to the next
 *
 * Return: the sampling from now on: 1, 2, 4, ... CTW_BUDGET_SAMPLING_MAX.
 */
uint32_t ctw_budget_step(struct ctw_budget *b, uint64_t now_usec, uint32_t budget_permyriad);

#endif
