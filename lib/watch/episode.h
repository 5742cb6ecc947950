/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Episodes: a condition from its first poll until it has been absent for a while. They turn "does
 * the condition hold at this poll?" into the edges worth an alert, so that ten thousand lines make
 * one record.
 */

#include <stdbool.h>
#include <stdint.h>

#include "lib/kernel/losses.h"
#include "lib/watch/alert.h"

/* The kernel prints at most 10 lines in 5 s (net.core.message_cost). A condition known from these
 * lines alone ends after twice that time without a line. */
#define CTW_LOG_CLEAR_DELAY_USEC (10 * CTW_USEC_PER_SEC)

/* Zero-initialised, the condition does not hold. */
struct ctw_episode {
    bool active;
    uint64_t began_usec;
    uint64_t condition_usec; /* the last poll at which the condition held */
    uint64_t alerted_usec;   /* the last BEGIN or REMINDER */
};

/**
 * ctw_episode_step() - one poll
 * @condition:         whether the condition holds at this poll
 * @clear_delay_usec:  how long the condition must be absent before the episode ends
 * @remind_usec:       time between reminders; 0: none
 *
 * Return: the edge to alert at this poll, or NONE. A reminder needs the condition: an absent one is
 * not reminded of, it ends.
 */
enum ctw_edge ctw_episode_step(struct ctw_episode *e, bool condition, uint64_t now_usec,
                               uint64_t clear_delay_usec, uint64_t remind_usec);

/* --- losses ---------------------------------------------------------------------------------- */

/* Clashes are counted in windows of this length; a window without one ends them. */
#define CTW_CLASH_WINDOW_USEC (10 * CTW_USEC_PER_SEC)

/* The sum of losses from leaving level ok, or the first loss, until both are over. */
struct ctw_loss_episode {
    bool running;             /* the level is not ok, or a loss is recent */
    struct ctw_losses losses; /* since the episode began */
    uint64_t lost_usec;       /* the last poll with losses, of any episode; 0: none */
    uint64_t clash_window_usec;
    uint64_t clashes_in_window;
};

/** ctw_loss_episode_add() - add the losses since the last poll; they may begin the episode */
void ctw_loss_episode_add(struct ctw_loss_episode *e, const struct ctw_losses *lost,
                          enum ctw_level level, uint64_t now_usec);

/** ctw_clashes_are_noise() - whether so few clashes are no news: below ten */
bool ctw_clashes_are_noise(uint64_t clashes);

/**
 * ctw_loss_episode_clashing() - whether the clashes of this poll are above noise
 *
 * Fewer than ten in ten seconds are the races of a busy resolver: two packets of one socket, A and
 * AAAA, confirmed on two CPUs at once.
 */
bool ctw_loss_episode_clashing(const struct ctw_loss_episode *e, const struct ctw_losses *lost);

/** ctw_loss_episode_settle() - end the episode unless @active: the level or a condition lasts */
void ctw_loss_episode_settle(struct ctw_loss_episode *e, bool active);

/* --- sources --------------------------------------------------------------------------------- */

/* Of one source. Zero-initialised, the source can be read. */
struct ctw_source_episode {
    struct ctw_episode blind;
    enum ctw_health as; /* the health it was alerted with */
};

/** ctw_source_episode_step() - one poll. BEGIN: blind, END: sighted. An absent source has no
 * reminders */
enum ctw_edge ctw_source_episode_step(struct ctw_source_episode *s, enum ctw_health health,
                                      uint64_t now_usec, uint64_t remind_usec);
