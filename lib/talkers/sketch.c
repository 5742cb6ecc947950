/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/talkers/sketch.h"

#include <string.h>

/*
 * Space-Saving needs the counter of a key and the smallest counter, both in constant time. The
 * first comes from a hash table with chains. The second comes from a radix heap (Ahuja, Mehlhorn,
 * Orlin, Tarjan: "Faster Algorithms for the Shortest Path Problem", 1990), which works because the
 * smallest count never falls. `floor` is a lower bound of all counts, and a counter is on the level
 * of the highest bit in which its count differs from floor. A counter on level 0 equals floor, so
 * it is smallest. When level 0 is empty, floor rises to the least count on the lowest level in use,
 * and the counters of that level spread over the levels below. A growing counter seldom changes its
 * level, and moves down at most once per bit in between.
 *
 *   floor 1000 (0b1111101000):   level 0: 1000, 1000   level 1: 1001   level 5: 1016
 */

/* The end of a list of counters. */
#define NONE UINT16_MAX

_Static_assert(CTW_SKETCH_COUNTERS < NONE, "a counter's number must fit");

/* --- keys to slots --------------------------------------------------------------------------- */

static void slot_add(struct ctw_sketch *t, uint16_t i) {
    struct ctw_sketch_counter *c = &t->counters[i];

    c->slot_next = t->slots[c->slot];
    t->slots[c->slot] = i;
}

static void slot_remove(struct ctw_sketch *t, uint16_t i) {
    uint16_t *at = &t->slots[t->counters[i].slot];

    while (*at != i)
        at = &t->counters[*at].slot_next;
    *at = t->counters[i].slot_next;
}

/* --- counts to levels ------------------------------------------------------------------------ */

static unsigned level_of(const struct ctw_sketch *t, uint64_t count) {
    const uint64_t differs = count ^ t->floor;

    return differs == 0 ? 0 : 64 - (unsigned)__builtin_clzll(differs);
}

static void level_add(struct ctw_sketch *t, uint16_t i) {
    struct ctw_sketch_counter *c = &t->counters[i];
    uint16_t *head = &t->levels[level_of(t, c->count)];

    c->previous = NONE;
    c->level_next = *head;
    if (*head != NONE)
        t->counters[*head].previous = i;
    *head = i;
}

static void level_remove(struct ctw_sketch *t, uint16_t i) {
    const struct ctw_sketch_counter *c = &t->counters[i];

    if (c->previous == NONE)
        t->levels[level_of(t, c->count)] = c->level_next;
    else
        t->counters[c->previous].level_next = c->level_next;
    if (c->level_next != NONE)
        t->counters[c->level_next].previous = c->previous;
}

static void grow(struct ctw_sketch *t, uint16_t i, uint32_t weight) {
    struct ctw_sketch_counter *c = &t->counters[i];

    if (level_of(t, c->count) == level_of(t, c->count + weight)) {
        c->count += weight;
        return;
    }
    level_remove(t, i);
    c->count += weight;
    level_add(t, i);
}

/* Raise floor to the least count on @level, the lowest in use. */
static void spread(struct ctw_sketch *t, unsigned level) {
    const uint16_t first = t->levels[level];
    uint64_t least = UINT64_MAX;

    t->levels[level] = NONE;
    for (uint16_t i = first; i != NONE; i = t->counters[i].level_next)
        if (t->counters[i].count < least)
            least = t->counters[i].count;
    t->floor = least;
    for (uint16_t i = first, next; i != NONE; i = next) {
        next = t->counters[i].level_next;
        level_add(t, i);
    }
}

/* Called only when all counters are in use. */
static uint16_t smallest(struct ctw_sketch *t) {
    unsigned level = 0;

    while (t->levels[level] == NONE)
        level++;
    if (level > 0)
        spread(t, level);
    return t->levels[0];
}

/* --- counting -------------------------------------------------------------------------------- */

static void forget_order(struct ctw_sketch *t) {
    memset(t->slots, 0xff, sizeof(t->slots)); /* NONE */
    memset(t->levels, 0xff, sizeof(t->levels));
    t->floor = 0;
    t->n = 0;
}

void ctw_sketch_init(struct ctw_sketch *t, uint64_t seed) {
    memset(t, 0, sizeof(*t));
    ctw_key_hash_init(&t->hash, seed);
    forget_order(t);
}

void ctw_sketch_clear(struct ctw_sketch *t) {
    t->total = 0;
    forget_order(t);
}

void ctw_sketch_add(struct ctw_sketch *t, const struct ctw_key *key, uint32_t weight) {
    const uint16_t slot = (uint16_t)ctw_key_slot(&t->hash, key, CTW_SKETCH_SLOTS);
    struct ctw_sketch_counter *c;
    uint16_t i = t->slots[slot];

    if (weight == 0)
        return;
    t->total += weight;
    while (i != NONE && !ctw_key_equal(&t->counters[i].key, key))
        i = t->counters[i].slot_next;
    if (i != NONE) {
        grow(t, i, weight);
        return;
    }

    if (t->n < CTW_SKETCH_COUNTERS) {
        i = (uint16_t)t->n++;
        c = &t->counters[i];
        c->count = 0;
    } else {
        i = smallest(t);
        c = &t->counters[i];
        slot_remove(t, i);
        level_remove(t, i);
    }
    c->error = c->count;
    c->count += weight;
    c->key = *key;
    c->slot = slot;
    slot_add(t, i);
    level_add(t, i);
}

/* A key whose count becomes 0 frees its counter. */
void ctw_sketch_age(struct ctw_sketch *t) {
    const uint32_t n = t->n;

    t->total /= 2;
    forget_order(t);
    for (uint32_t from = 0; from < n; from++) {
        const struct ctw_sketch_counter *old = &t->counters[from];
        const uint64_t count = old->count / 2, sure = (old->count - old->error) / 2;

        if (count == 0)
            continue;
        const uint16_t i = (uint16_t)t->n++; /* at most `from`, so nothing unread is lost */
        struct ctw_sketch_counter *c = &t->counters[i];
        c->key = old->key;
        c->slot = old->slot;
        c->count = count;
        c->error = count - sure;
        slot_add(t, i);
        level_add(t, i);
    }
}

/* --- the most frequent ----------------------------------------------------------------------- */

/* Equal counts are ordered by key, so that the same stream always gives the same list. */
static bool before(const struct ctw_sketch_counter *a, const struct ctw_sketch_entry *b) {
    const uint64_t sure_a = a->count - a->error, sure_b = b->count - b->error;

    if (sure_a != sure_b)
        return sure_a > sure_b;
    if (a->count != b->count)
        return a->count > b->count;
    return ctw_key_before(&a->key, &b->key);
}

size_t ctw_sketch_top(const struct ctw_sketch *t, struct ctw_sketch_entry *ret, size_t n) {
    size_t found = 0;

    for (uint32_t i = 0; i < t->n && n > 0; i++) {
        const struct ctw_sketch_counter *c = &t->counters[i];
        size_t at = found;

        while (at > 0 && before(c, &ret[at - 1]))
            at--;
        if (at == n)
            continue;
        if (found < n)
            found++;
        memmove(&ret[at + 1], &ret[at], (found - at - 1) * sizeof(*ret));
        ret[at] = (struct ctw_sketch_entry){.key = c->key, .count = c->count, .error = c->error};
    }
    return found;
}
