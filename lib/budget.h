/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTW_BUDGET_H
#define CTW_BUDGET_H

/*
 * How many of the events to read, so that reading them stays within its budget of CPU time.
 *
 * A flood must be answered at once, so its cost is taken over a tenth of a second, and the halvings
 * it needs are made in one go. Stepping back waits for a second in which reading more would have
 * fitted, with room to spare, so that the sampling does not go up and down with every gust.
 */

#include <stdint.h>

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
