/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTW_INQUIRY_H
#define CTW_INQUIRY_H

/*
 * When it is worth its price to ask who fills the table: by subscribing to events, which cost every
 * new flow half as much again, and by walking a sample of the entries, which costs milliseconds.
 */

#include <stdbool.h>
#include <stdint.h>

#include "episode.h"
#include "settings.h"

/* Zero-initialised, nothing has been asked. */
struct ctw_inquiry {
    struct ctw_episode events; /* needed, and for a while after */
    uint64_t walk_usec;        /* when a walk was last asked for; 0: never */
};

/**
 * ctw_inquiry_events() - whether to be subscribed to events
 * @usage:     the fill, in permyriad; 0 when it is not known
 * @filling:   the table is forecast to fill
 * @ret_why:   the reason either way, for a person
 */
bool ctw_inquiry_events(struct ctw_inquiry *q, const struct ctw_settings *s, uint32_t usage,
                        bool filling, uint64_t now_usec, const char **ret_why);

/**
 * ctw_inquiry_walk() - whether to walk a sample now, a level having risen
 * @usage:  the fill, in permyriad
 *
 * At most once a minute; and never in a table less than half full: another namespace may then hold
 * most of the one hash table, and the kernel would walk past all its entries in one piece.
 */
bool ctw_inquiry_walk(struct ctw_inquiry *q, uint32_t usage, uint64_t now_usec);

#endif
