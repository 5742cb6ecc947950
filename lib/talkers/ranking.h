/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Exact counts of any number of keys, for the command line: memory grows with their number. The
 * daemon counts with lib/talkers/sketch, whose memory is fixed.
 *
 * A hash table with open addressing. The caller provides its memory, and more whenever it is half
 * full. The hash is seeded, so senders cannot make keys collide.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/talkers/dimension.h"

struct ctw_ranking_slot {
    uint64_t a, b; /* a struct ctw_key, without its padding */
    uint32_t c;
    uint32_t count; /* 0: free */
};

/* Keys between their prefetch and their count. A miss of the cache takes as long as it takes to
 * receive and parse a few entries. */
#define CTW_RANKING_PENDING 16u

struct ctw_ranking {
    struct ctw_key_hash hash;
    struct ctw_ranking_slot *slots;
    size_t n_slots; /* a power of two */
    size_t used;
    uint32_t n_pending, oldest;
    struct ctw_ranking_pending {
        struct ctw_key key;
        size_t slot;
    } pending[CTW_RANKING_PENDING];
};

#define CTW_RANKING_SLOTS_MIN 256u

/**
 * ctw_ranking_init() - start with an empty table
 * @slots:    zeroed memory of the caller's
 * @n_slots:  a power of two, at least CTW_RANKING_SLOTS_MIN
 * @seed:     of the hash, random
 */
void ctw_ranking_init(struct ctw_ranking *r, struct ctw_ranking_slot *slots, size_t n_slots,
                      uint64_t seed);

/**
 * ctw_ranking_add() - count @key
 *
 * Return: whether there is room for more. If not, @key has been counted, but the caller must call
 * ctw_ranking_move() before it adds another.
 */
bool ctw_ranking_add(struct ctw_ranking *r, const struct ctw_key *key);

/**
 * ctw_ranking_move() - move the table to larger memory
 * @n_slots:  at least twice as many as before
 *
 * Return: the old memory, for the caller to free.
 */
struct ctw_ranking_slot *ctw_ranking_move(struct ctw_ranking *r, struct ctw_ranking_slot *slots,
                                          size_t n_slots);

/** ctw_ranking_distinct() - the number of different keys */
size_t ctw_ranking_distinct(struct ctw_ranking *r);

/**
 * ctw_ranking_top() - the most frequent keys, in descending order; equal counts by key
 * @ret:  room for @n
 *
 * Return: how many there are, at most @n.
 */
size_t ctw_ranking_top(struct ctw_ranking *r, struct ctw_ranking_slot *ret, size_t n);
