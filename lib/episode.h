/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTW_EPISODE_H
#define CTW_EPISODE_H

/*
 * The course of one condition, from its first sign to a time of quiet: turns "is there a sign at
 * this look?" into the edges worth saying, so that ten thousand signs make one record.
 */

#include <stdbool.h>
#include <stdint.h>

#include "alert.h"

struct ctw_episode {
    bool active;
    uint64_t began_usec;
    uint64_t sign_usec; /* the last sign */
    uint64_t said_usec; /* the last time it was said */
};

/**
 * ctw_episode_step() - one look
 * @e:            remembered between looks; zero-initialised means nothing is going on
 * @sign:         whether this look shows the condition
 * @now_usec:     of this look
 * @quiet_usec:   how long without a sign until it is over
 * @remind_usec:  how long until it is said again while it lasts; 0: never
 *
 * Return: BEGIN, REMINDER or END when that is to be said now, NONE otherwise. A reminder needs a
 * sign: what has gone quiet is not reminded of, it ends.
 */
enum ctw_edge ctw_episode_step(struct ctw_episode *e, bool sign, uint64_t now_usec,
                               uint64_t quiet_usec, uint64_t remind_usec);

#endif
