/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "budget.h"

#include "sample.h"

#define WINDOW_USEC (100 * CTW_USEC_PER_MSEC)
#define CALM_USEC   CTW_USEC_PER_SEC

/* CPU nanoseconds per second that one permyriad of a CPU is. */
#define NSEC_PER_PERMYRIAD UINT64_C(100000)

/* What is only just within the budget would be beyond it at the next gust. */
static uint64_t comfortable(uint64_t budget) {
    return budget / 5 * 4;
}

static void halve(struct ctw_budget *b, uint64_t cost, uint64_t budget) {
    while (cost > budget && b->sampling < CTW_BUDGET_SAMPLING_MAX) {
        b->sampling *= 2;
        cost /= 2;
    }
    b->calm_usec = 0;
}

static void step_back(struct ctw_budget *b, uint64_t now_usec, uint64_t cost, uint64_t budget) {
    if (2 * cost > comfortable(budget)) {
        b->calm_usec = 0;
        return;
    }
    if (b->calm_usec == 0) {
        b->calm_usec = now_usec;
        b->calm_peak = 0;
    }
    if (cost > b->calm_peak)
        b->calm_peak = cost;
    if (now_usec - b->calm_usec < CALM_USEC)
        return;
    while (b->sampling > 1 && 2 * b->calm_peak <= comfortable(budget)) {
        b->sampling /= 2;
        b->calm_peak *= 2;
    }
    b->calm_usec = 0;
}

void ctw_budget_spend(struct ctw_budget *b, uint64_t nsec) {
    b->spent_nsec += nsec;
}

uint32_t ctw_budget_step(struct ctw_budget *b, uint64_t now_usec, uint32_t budget_permyriad) {
    const uint64_t budget = budget_permyriad * NSEC_PER_PERMYRIAD;

    if (b->sampling == 0)
        *b = (struct ctw_budget){.sampling = 1, .start_usec = now_usec};

    const uint64_t usec = now_usec - b->start_usec;
    if (usec < WINDOW_USEC)
        return b->sampling;

    const uint64_t cost = b->spent_nsec * CTW_USEC_PER_SEC / usec;
    b->start_usec = now_usec;
    b->spent_nsec = 0;
    if (cost > budget)
        halve(b, cost, budget);
    else
        step_back(b, now_usec, cost, budget);
    return b->sampling;
}
