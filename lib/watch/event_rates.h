/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The event stream: flows created and destroyed between two polls, their rates over the last
 * second, and how many of the events to read.
 */

#include <stdbool.h>
#include <stdint.h>

#include "lib/kernel/flow.h"

/* Counted since the last poll; flows are scaled by the sampling in force when each was read. */
struct ctw_event_counts {
    bool subscribed; /* at this poll */
    uint64_t events; /* messages read, not scaled: the cost of reading */
    uint64_t created, destroyed;
    uint64_t overruns; /* ENOBUFS */
    uint64_t lost;     /* estimate: created flows whose event was not delivered */
    uint32_t sampling; /* one of this many events is read: 1, 2, 4, ... */
};

/*
 * Flows per second, over the last second. Created flows include the estimate of lost events;
 * destroyed flows cannot.
 */
struct ctw_rates {
    bool known;
    uint64_t created, destroyed;
    uint32_t sampling; /* 1: all events were counted */
    bool lower_bound;  /* events were lost: the true rates are higher */
};

/** ctw_event_counts_add() - count one event, for @sampling events */
void ctw_event_counts_add(struct ctw_event_counts *c, enum ctw_flow_event event, uint32_t sampling);

/* The ring of the last counts; each slot covers an eighth of a second or more. */
#define CTW_RATES_SLOTS 8u

/* Zero-initialised, no rates are known. */
struct ctw_rate_window {
    struct ctw_rate_slot {
        uint64_t usec; /* time covered */
        uint64_t created, destroyed;
        uint64_t overruns;
        uint32_t sampling;
    } slots[CTW_RATES_SLOTS], open;
    uint32_t head, n;
    uint64_t last_usec; /* of the last counts; 0: not subscribed then */
};

/**
 * ctw_rates_step() - add the counts of one poll
 *
 * A poll without a subscription forgets everything; the first with one only starts the clock, since
 * its counts cover an unknown time.
 */
void ctw_rates_step(struct ctw_rate_window *w, uint64_t now_usec, const struct ctw_event_counts *c);

/** ctw_rates_now() - the rates over the last second; known after an eighth of one */
struct ctw_rates ctw_rates_now(const struct ctw_rate_window *w);

/*
 * The budget: how many of the events to read, so that reading them stays within its share of CPU
 * time.
 *
 * The cost is measured over a tenth of a second, and sampling is raised at once as far as it takes,
 * since a flood does not wait. Sampling is lowered after a second in which reading more would have
 * fitted with room to spare, so that it does not follow each gust.
 */

/* The highest sampling: 5 million events a second become 76. */
#define CTW_BUDGET_SAMPLING_MAX 65536u

/* Zero-initialised, every event is read. */
struct ctw_budget {
    uint32_t sampling;   /* one event in this many is read, a power of two; 0: not stepped yet */
    uint64_t start_usec; /* of the present window */
    uint64_t spent_nsec; /* in it */
    uint64_t calm_usec;  /* since then twice the events would have fitted; 0: they would not */
    uint64_t calm_peak;  /* the dearest window since then, CPU nanoseconds per second */
};

/** ctw_budget_spend() - reading took this much CPU time */
void ctw_budget_spend(struct ctw_budget *b, uint64_t nsec);

/**
 * ctw_budget_step() - the sampling from now on
 * @now_usec:          monotonic, never 0
 * @budget_permyriad:  of one CPU, 1 to 10000; it may differ from one step to the next
 *
 * Return: 1, 2, 4, ... CTW_BUDGET_SAMPLING_MAX.
 */
uint32_t ctw_budget_step(struct ctw_budget *b, uint64_t now_usec, uint32_t budget_permyriad);
