/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/talkers/ranking.h"

#include <string.h>

/* A table up to this size stays in the cache without prefetching. */
#define SLOTS_CACHED 4096u

/* --- keys to slots --------------------------------------------------------------------------- */

static inline struct ctw_key key_of(const struct ctw_ranking_slot *s) {
    return (struct ctw_key){.a = s->a, .b = s->b, .c = s->c};
}

static inline bool holds(const struct ctw_ranking_slot *s, const struct ctw_key *key) {
    return s->a == key->a && s->b == key->b && s->c == key->c;
}

/* A free slot exists: at most half of them, and the pending keys, are used. */
static inline void count(struct ctw_ranking *r, size_t at, const struct ctw_key *key, uint32_t n) {
    struct ctw_ranking_slot *s = &r->slots[at];

    while (s->count > 0 && !holds(s, key))
        s = &r->slots[at = (at + 1) & (r->n_slots - 1)];
    if (s->count == 0) {
        *s = (struct ctw_ranking_slot){.a = key->a, .b = key->b, .c = key->c};
        r->used++;
    }
    s->count += n;
}

/* --- counting -------------------------------------------------------------------------------- */

void ctw_ranking_init(struct ctw_ranking *r, struct ctw_ranking_slot *slots, size_t n_slots,
                      uint64_t seed) {
    *r = (struct ctw_ranking){.slots = slots, .n_slots = n_slots};
    ctw_key_hash_init(&r->hash, seed);
}

static void settle(struct ctw_ranking *r) {
    for (uint32_t i = 0; i < r->n_pending; i++)
        count(r, r->pending[i].slot, &r->pending[i].key, 1);
    r->n_pending = 0;
    r->oldest = 0;
}

/* A large table does not fit the cache, so a slot is prefetched before it is needed. */
static inline void count_later(struct ctw_ranking *r, size_t at, const struct ctw_key *key) {
    struct ctw_ranking_pending *p = &r->pending[r->oldest];

    if (r->n_pending < CTW_RANKING_PENDING)
        r->n_pending++;
    else
        count(r, p->slot, &p->key, 1);
    p->key = *key;
    p->slot = at;
    __builtin_prefetch(&r->slots[at], 1);
    __builtin_prefetch(&r->slots[at].count, 1); /* sometimes in another cache line */
    r->oldest = (r->oldest + 1) % CTW_RANKING_PENDING;
}

bool ctw_ranking_add(struct ctw_ranking *r, const struct ctw_key *key) {
    const size_t at = ctw_key_slot(&r->hash, key, r->n_slots);

    if (r->n_slots <= SLOTS_CACHED)
        count(r, at, key, 1);
    else
        count_later(r, at, key);
    return r->used <= r->n_slots / 2;
}

struct ctw_ranking_slot *ctw_ranking_move(struct ctw_ranking *r, struct ctw_ranking_slot *slots,
                                          size_t n_slots) {
    struct ctw_ranking_slot *old = r->slots;
    const size_t n_old = r->n_slots;

    settle(r);
    r->slots = slots;
    r->n_slots = n_slots;
    r->used = 0;
    for (size_t i = 0; i < n_old; i++) {
        const struct ctw_key key = key_of(&old[i]);
        if (old[i].count > 0)
            count(r, ctw_key_slot(&r->hash, &key, n_slots), &key, old[i].count);
    }
    return old;
}

size_t ctw_ranking_distinct(struct ctw_ranking *r) {
    settle(r);
    return r->used;
}

/* --- the most frequent ----------------------------------------------------------------------- */

static bool before(const struct ctw_ranking_slot *a, const struct ctw_ranking_slot *b) {
    const struct ctw_key key_a = key_of(a), key_b = key_of(b);

    return a->count != b->count ? a->count > b->count : ctw_key_before(&key_a, &key_b);
}

/* An insertion sort: slots come in no order, so few of them are among the first @n so far. */
size_t ctw_ranking_top(struct ctw_ranking *r, struct ctw_ranking_slot *ret, size_t n) {
    size_t found = 0;

    settle(r);
    for (size_t i = 0; i < r->n_slots && n > 0; i++) {
        const struct ctw_ranking_slot *s = &r->slots[i];
        size_t at = found;

        if (s->count == 0)
            continue;
        while (at > 0 && before(s, &ret[at - 1]))
            at--;
        if (at == n)
            continue;
        found += found < n;
        memmove(&ret[at + 1], &ret[at], (found - at - 1) * sizeof(*ret));
        ret[at] = *s;
    }
    return found;
}
