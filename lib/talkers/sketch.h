/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The most frequent keys of an endless stream, in fixed memory.
 *
 * The algorithm is Space-Saving (Metwally, Agrawal, El Abbadi: "Efficient Computation of Frequent
 * and Top-k Elements in Data Streams", 2005) with CTW_SKETCH_COUNTERS counters. A key without a
 * counter takes over the smallest one, and its count as the bound of the error. A key that makes
 * more than 1/CTW_SKETCH_COUNTERS of the stream always has a counter, and no count is too high by
 * more than its error. Adding takes constant time on average, whatever an attacker sends. The hash
 * is seeded, so senders cannot make keys collide.
 */

#include <stddef.h>
#include <stdint.h>

#include "lib/talkers/dimension.h"

#define CTW_SKETCH_COUNTERS 512u

struct ctw_sketch_entry {
    struct ctw_key key;
    uint64_t count; /* the true count is at most this */
    uint64_t error; /* and at least count - error */
};

/* Slots of the hash table, a power of two; levels of the order, one for each bit of a count and one
 * for none. */
#define CTW_SKETCH_SLOTS  1024u
#define CTW_SKETCH_LEVELS 65u

/* It holds no pointers, so it can be embedded and copied. Only the total is for the caller. */
struct ctw_sketch {
    uint64_t total; /* the sum of all weights */
    struct ctw_key_hash hash;
    uint64_t floor; /* no counter is below it */
    uint32_t n;     /* counters in use */
    struct ctw_sketch_counter {
        uint64_t count, error;
        struct ctw_key key;
        uint16_t slot, slot_next;      /* its slot, and the next in the slot's chain */
        uint16_t previous, level_next; /* in its level's list */
    } counters[CTW_SKETCH_COUNTERS];
    uint16_t slots[CTW_SKETCH_SLOTS];
    uint16_t levels[CTW_SKETCH_LEVELS];
};

/**
 * ctw_sketch_init() - start with nothing counted
 * @seed:  of the hash, random
 */
void ctw_sketch_init(struct ctw_sketch *t, uint64_t seed);

/** ctw_sketch_clear() - forget all counts, and keep the hash */
void ctw_sketch_clear(struct ctw_sketch *t);

/** ctw_sketch_add() - count @key @weight times */
void ctw_sketch_add(struct ctw_sketch *t, const struct ctw_key *key, uint32_t weight);

/**
 * ctw_sketch_age() - halve all counts
 *
 * Called once per window, so that past traffic fades. The bounds still hold, for the true counts
 * halved and rounded down at the same moments.
 */
void ctw_sketch_age(struct ctw_sketch *t);

/**
 * ctw_sketch_top() - the most frequent keys, in descending order
 * @ret:  room for @n
 *
 * They are ordered by the certain part, count - error: when no key is frequent, counts are nearly
 * all error.
 *
 * Return: how many there are, at most @n.
 */
size_t ctw_sketch_top(const struct ctw_sketch *t, struct ctw_sketch_entry *ret, size_t n);
