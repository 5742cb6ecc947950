/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTW_LIB_TALKERS_RANKING_H
#define CTW_LIB_TALKERS_RANKING_H

/*
 * Exact counts of any number of names, where the memory can be had: for the command line. The
 * daemon counts with lib/talkers, whose memory is fixed.
 *
 * A hash table with open addressing in memory that the caller gives and, when it is half full,
 * exchanges for more. The hash is keyed, so names cannot be made to collide.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/kernel/flow.h"
#include "lib/talkers/sketch.h"

/* What is counted; the words mean what the caller wants. */
struct ctw_ranking_key {
    uint64_t a, b;
    uint32_t c;
};

struct ctw_ranking_slot {
    uint64_t a, b;
    uint32_t c;
    uint32_t count; /* 0: free */
};

/* Names on their way into the table: enough that their slots are in the cache when they get there.
 */
#define CTW_RANKING_PENDING 16u

/* But for the total, the fields are the implementation's. */
struct ctw_ranking {
    uint64_t total; /* what was added, whoever it was */
    uint64_t seed;
    struct ctw_ranking_slot *slots;
    size_t n_slots; /* a power of two */
    size_t used;
    uint32_t n_pending, oldest;
    struct ctw_ranking_pending {
        struct ctw_ranking_key key;
        size_t slot;
    } pending[CTW_RANKING_PENDING];
};

/* The fewest slots that there may be. */
#define CTW_RANKING_SLOTS_MIN 256u

/**
 * ctw_ranking_init() - begin to count
 * @slots:    zeroed memory, the caller's
 * @n_slots:  how many: a power of two, at least CTW_RANKING_SLOTS_MIN
 * @seed:     of the hash, random
 */
void ctw_ranking_init(struct ctw_ranking *r, struct ctw_ranking_slot *slots, size_t n_slots,
                      uint64_t seed);

/**
 * ctw_ranking_add() - count @key
 *
 * Return: whether there is room for more. When not, what was added is counted, but the caller
 * moves the table to at least twice as many slots before it goes on.
 */
bool ctw_ranking_add(struct ctw_ranking *r, const struct ctw_ranking_key *key);

/**
 * ctw_ranking_move() - go on in other memory
 * @slots:  zeroed, as for ctw_ranking_init(), and more than before
 *
 * Return: the old memory, to be freed.
 */
struct ctw_ranking_slot *ctw_ranking_move(struct ctw_ranking *r, struct ctw_ranking_slot *slots,
                                          size_t n_slots);

/** ctw_ranking_distinct() - how many names there are */
size_t ctw_ranking_distinct(struct ctw_ranking *r);

/**
 * ctw_ranking_top() - the most frequent, most frequent first, and of the same frequency in the
 * order of their keys
 * @ret:  room for @n
 *
 * Return: how many there are, at most @n.
 */
size_t ctw_ranking_top(struct ctw_ranking *r, struct ctw_ranking_slot *ret, size_t n);

/* What the entries of a table can be told apart by. */

enum ctw_dimension {
    CTW_BY_SOURCE,
    CTW_BY_DESTINATION,
    CTW_BY_PORT,
    CTW_BY_PROTOCOL,
    CTW_BY_STATE,
    CTW_BY_ZONE,
};
#define CTW_DIMENSIONS (CTW_BY_ZONE + 1)

/** ctw_dimension_word() - "source", "destination", "port", "protocol", "state", "zone" */
const char *ctw_dimension_word(enum ctw_dimension d);

/** ctw_dimension_find() - the one of that word. Return: 0 or -EINVAL. */
int ctw_dimension_find(const char *word, enum ctw_dimension *ret);

/**
 * ctw_dimension_key() - what this entry counts as; a direction is the original one
 * @ipv6_prefix:  addresses of which this many bits are the same are one, 0 to 128
 */
struct ctw_ranking_key ctw_dimension_key(enum ctw_dimension d, const struct ctw_flow *flow,
                                         uint32_t ipv6_prefix);

/** ctw_dimension_name() - a key of that dimension and prefix as people write it */
void ctw_dimension_name(enum ctw_dimension d, struct ctw_ranking_key key, uint32_t ipv6_prefix,
                        char ret[static CTW_TALKER_NAME_MAX]);

#endif
