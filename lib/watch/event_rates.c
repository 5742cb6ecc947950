/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/watch/event_rates.h"

#include "lib/util/units.h"

/* A slot covers at least this much, so that the ring covers the window. */
#define SLOT_USEC   (125 * CTW_USEC_PER_MSEC)
#define WINDOW_USEC CTW_USEC_PER_SEC
_Static_assert(CTW_RATES_SLOTS *SLOT_USEC >= WINDOW_USEC, "the ring must cover the window");

void ctw_event_counts_add(struct ctw_event_counts *c, enum ctw_flow_event event,
                          uint32_t sampling) {
    c->events++;
    if (sampling > c->sampling)
        c->sampling = sampling;
    if (event == CTW_FLOW_NEW)
        c->created += sampling;
    else if (event == CTW_FLOW_DESTROY)
        c->destroyed += sampling;
}

/* --- the window ------------------------------------------------------------------------------ */

static void slot_add(struct ctw_rate_slot *slot, uint64_t usec, const struct ctw_event_counts *c) {
    slot->usec += usec;
    slot->created += c->created + c->lost;
    slot->destroyed += c->destroyed;
    slot->overruns += c->overruns;
    if (c->sampling > slot->sampling)
        slot->sampling = c->sampling;
}

void ctw_rates_step(struct ctw_rate_window *w, uint64_t now_usec,
                    const struct ctw_event_counts *c) {
    if (!c->subscribed) {
        if (w->last_usec != 0)
            *w = (struct ctw_rate_window){0};
        return;
    }
    if (w->last_usec == 0) {
        w->last_usec = now_usec; /* these counts cover an unknown time */
        return;
    }

    const uint64_t passed = now_usec > w->last_usec ? now_usec - w->last_usec : 0;
    w->last_usec += passed;
    slot_add(&w->open, passed, c);
    if (w->open.usec < SLOT_USEC)
        return;
    w->slots[w->head] = w->open;
    w->open = (struct ctw_rate_slot){0};
    w->head = (w->head + 1) % CTW_RATES_SLOTS;
    if (w->n < CTW_RATES_SLOTS)
        w->n++;
}

/* The part of @whole that falls to @part of its @usec. */
static uint64_t share(uint64_t whole, uint64_t part, uint64_t usec) {
    return part >= usec ? whole : whole * part / usec;
}

/* Add the newest part of a slot, as far as the window has room. */
static void window_add(struct ctw_rate_slot *window, const struct ctw_rate_slot *slot) {
    const uint64_t room = WINDOW_USEC > window->usec ? WINDOW_USEC - window->usec : 0;
    const uint64_t part = slot->usec < room ? slot->usec : room;

    window->usec += part;
    window->created += share(slot->created, part, slot->usec);
    window->destroyed += share(slot->destroyed, part, slot->usec);
    window->overruns += slot->overruns;
    if (slot->sampling > window->sampling)
        window->sampling = slot->sampling;
}

struct ctw_rates ctw_rates_now(const struct ctw_rate_window *w) {
    struct ctw_rate_slot window = {0};

    if (w->n == 0)
        return (struct ctw_rates){.sampling = 1};

    window_add(&window, &w->open);
    for (uint32_t back = 1; back <= w->n && window.usec < WINDOW_USEC; back++)
        window_add(&window, &w->slots[(w->head + CTW_RATES_SLOTS - back) % CTW_RATES_SLOTS]);
    return (struct ctw_rates){
        .known = true,
        .created = window.created * CTW_USEC_PER_SEC / window.usec,
        .destroyed = window.destroyed * CTW_USEC_PER_SEC / window.usec,
        .sampling = window.sampling > 0 ? window.sampling : 1,
        .lower_bound = window.overruns > 0,
    };
}

/* --- the budget ------------------------------------------------------------------------------ */

#define BUDGET_WINDOW_USEC (100 * CTW_USEC_PER_MSEC)
#define CALM_USEC          CTW_USEC_PER_SEC

/* One permyriad of a CPU, in nanoseconds per second. */
#define NSEC_PER_PERMYRIAD UINT64_C(100000)

/* A cost just within the budget would exceed it at the next gust. */
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
    if (usec < BUDGET_WINDOW_USEC)
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
