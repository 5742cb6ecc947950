/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/talkers/new_flows.h"

#include <string.h>

/* Rates over less than this are noise; ctw_rates_now() waits as long. */
#define KNOWN_FROM_USEC (125 * CTW_USEC_PER_MSEC)

void ctw_new_flows_init(struct ctw_new_flows *t, uint32_t ipv6_prefix, uint64_t seed) {
    ctw_sketch_init(&t->sources, seed);
    t->ipv6_prefix = ipv6_prefix;
    t->events = t->usec = t->last_usec = 0;
}

void ctw_new_flows_add(struct ctw_new_flows *t, uint8_t family, const uint8_t source[static 16],
                       uint32_t sampling) {
    const struct ctw_key key = ctw_address_key(family, source, t->ipv6_prefix);

    t->events++;
    ctw_sketch_add(&t->sources, &key, sampling);
}

void ctw_new_flows_step(struct ctw_new_flows *t, uint64_t now_usec) {
    if (t->last_usec == 0) {
        ctw_sketch_clear(&t->sources);
        t->events = 0;
    } else {
        t->usec += now_usec - t->last_usec;
    }
    t->last_usec = now_usec;
    for (; t->usec >= CTW_NEW_FLOWS_USEC; t->usec /= 2, t->events /= 2)
        ctw_sketch_age(&t->sources);
}

static uint64_t per_second(uint64_t flows, uint64_t usec) {
    return flows * CTW_USEC_PER_SEC / usec;
}

/*
 * Of @flows, which are k events that stand for @sampling flows each, the standard deviation is
 * sampling * sqrt(k * (1 - 1/sampling)) = sqrt(flows * (sampling - 1)); twice of it is 95 %.
 */
static uint64_t margin(uint64_t flows, uint64_t sampling) {
    return sampling > 1 ? 2 * ctw_square_root(flows * (sampling - 1)) : 0;
}

void ctw_new_flows_top(const struct ctw_new_flows *t, uint32_t top, struct ctw_new_sources *ret) {
    const uint64_t sampling = t->events > 0 ? (t->sources.total + t->events - 1) / t->events : 1;
    struct ctw_sketch_entry best[CTW_TALKERS_TOP_MAX];

    memset(ret, 0, sizeof(*ret));
    ret->known = t->usec >= KNOWN_FROM_USEC;
    if (!ret->known)
        return;
    ret->per_second = per_second(t->sources.total, t->usec);
    const size_t n =
        ctw_sketch_top(&t->sources, best, top < CTW_TALKERS_TOP_MAX ? top : CTW_TALKERS_TOP_MAX);
    for (size_t i = 0; i < n; i++) {
        const uint64_t sure = best[i].count - best[i].error;
        const uint64_t error = best[i].error + margin(sure, sampling);
        struct ctw_new_source *s = &ret->top[ret->n];

        s->per_second = per_second(sure, t->usec);
        /* A source that was met once in a sample is there by chance, and so are all after it. */
        if (s->per_second == 0 || (sampling > 1 && sure <= sampling))
            break;
        s->error_per_second = per_second(error, t->usec) + (error > 0);
        ctw_dimension_name(CTW_BY_SOURCE, &best[i].key, t->ipv6_prefix, s->name);
        ret->n++;
    }
}
