/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTW_SIGHT_H
#define CTW_SIGHT_H

/* Which sources can be read: told when one goes blind, and when it sees again. */

#include <stddef.h>
#include <stdint.h>

#include "alert.h"
#include "episode.h"

/* Zero-initialised, every source can be read. */
struct ctw_sight {
    struct ctw_sight_source {
        struct ctw_episode blind;
        enum ctw_health as; /* how it was when that was said */
    } sources[CTW_SOURCES];
};

struct ctw_sight_edge {
    enum ctw_edge edge; /* BEGIN: blind, END: sighted */
    enum ctw_source source;
    uint64_t lasted_usec;
};

/**
 * ctw_sight_step() - one look
 * @states:       how each source is doing
 * @remind_usec:  as in ctw_episode_step(); one that is merely not there yet is told once
 * @ret:          what is to be said now
 *
 * Return: how many of @ret.
 */
size_t ctw_sight_step(struct ctw_sight *s, const struct ctw_source_state states[static CTW_SOURCES],
                      uint64_t now_usec, uint64_t remind_usec,
                      struct ctw_sight_edge ret[static CTW_SOURCES]);

#endif
