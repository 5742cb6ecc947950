/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTW_TOLL_H
#define CTW_TOLL_H

/*
 * What an episode has cost: sums of what was lost from the moment the level left ok, or the first
 * loss, until all is well again.
 */

#include <stdbool.h>
#include <stdint.h>

#include "alert.h"
#include "attribution.h"

/* Clashes are counted in windows of this length; without one for as long they are over. */
#define CTW_TOLL_CLASH_WINDOW_USEC (10 * CTW_USEC_PER_SEC)

/* Zero-initialised, all is well. */
struct ctw_toll {
    bool running;                     /* level is not ok, or something was lost just now */
    struct ctw_episode_losses losses; /* since that began */
    uint64_t clash_window_usec;       /* start of the window in which clashes are counted */
    uint64_t clashes_in_window;
};

/**
 * ctw_toll_add() - one look
 * @lost:      what was lost since the last one
 * @level:     the level now
 *
 * An episode begins before its losses are added, so that its first alert counts them, too.
 */
void ctw_toll_add(struct ctw_toll *t, const struct ctw_attribution *lost, enum ctw_level level,
                  uint64_t now_usec);

/**
 * ctw_toll_clashing() - whether the clashes of this look are above noise
 *
 * Fewer than ten in ten seconds are the races every busy resolver has: two packets of one socket,
 * A and AAAA, confirmed on two CPUs at once.
 */
bool ctw_toll_clashing(const struct ctw_toll *t, const struct ctw_attribution *lost);

/** ctw_toll_settle() - end the episode unless the level or a condition is still @going_on */
void ctw_toll_settle(struct ctw_toll *t, bool going_on);

#endif
