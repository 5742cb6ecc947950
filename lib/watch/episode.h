/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTW_LIB_WATCH_EPISODE_H
#define CTW_LIB_WATCH_EPISODE_H

/*
 * The course of one condition, from its first sign to a time of quiet: turns "is there a sign at
 * this look?" into the edges worth saying, so that ten thousand signs make one record.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/kernel/kmsg.h"
#include "lib/kernel/losses.h"
#include "lib/watch/alert.h"

struct ctw_episode {
    bool active;
    uint64_t began_usec;
    uint64_t condition_usec; /* the last sign */
    uint64_t alerted_usec;   /* the last time it was said */
};

/**
 * ctw_episode_step() - one look
 * @e:            remembered between looks; zero-initialised means nothing is going on
 * @condition:         whether this look shows the condition
 * @now_usec:     of this look
 * @clear_delay_usec:   how long without a sign until it is over
 * @remind_usec:  how long until it is said again while it lasts; 0: never
 *
 * Return: BEGIN, REMINDER or END when that is to be said now, NONE otherwise. A reminder needs a
 * sign: what has gone quiet is not reminded of, it ends.
 */
enum ctw_edge ctw_episode_step(struct ctw_episode *e, bool condition, uint64_t now_usec,
                               uint64_t clear_delay_usec, uint64_t remind_usec);

/*
 * What an episode has cost: sums of what was lost from the moment the level left ok, or the first
 * loss, until all is well again.
 */

/* Clashes are counted in windows of this length; without one for as long they are over. */
#define CTW_LOSS_EPISODE_CLASH_WINDOW_USEC (10 * CTW_USEC_PER_SEC)

/* Zero-initialised, all is well. */
struct ctw_loss_episode {
    bool running;               /* level is not ok, or something was lost just now */
    struct ctw_losses losses;   /* since that began */
    uint64_t clash_window_usec; /* start of the window in which clashes are counted */
    uint64_t clashes_in_window;
};

/**
 * ctw_loss_episode_add() - one look
 * @lost:      what was lost since the last one
 * @level:     the level now
 *
 * An episode begins before its losses are added, so that its first alert counts them, too.
 */
void ctw_loss_episode_add(struct ctw_loss_episode *t, const struct ctw_losses *lost,
                          enum ctw_level level, uint64_t now_usec);

/**
 * ctw_loss_episode_clashing() - whether the clashes of this look are above noise
 *
 * Fewer than ten in ten seconds are the races every busy resolver has: two packets of one socket,
 * A and AAAA, confirmed on two CPUs at once.
 */
bool ctw_loss_episode_clashing(const struct ctw_loss_episode *t, const struct ctw_losses *lost);

/** ctw_loss_episode_settle() - end the episode unless the level or a condition is still @going_on
 */
void ctw_loss_episode_settle(struct ctw_loss_episode *t, bool going_on);

/* Which sources can be read: told when one goes blind, and when it sees again. */

/* Zero-initialised, every source can be read. */
struct ctw_source_episodes {
    struct ctw_source_episode {
        struct ctw_episode blind;
        enum ctw_health as; /* how it was when that was said */
    } of[CTW_SOURCES];
};

struct ctw_source_edge {
    enum ctw_edge edge; /* BEGIN: blind, END: sighted */
    enum ctw_source source;
    uint64_t lasted_usec;
};

/**
 * ctw_source_episodes_step() - one look
 * @states:       how each source is doing
 * @remind_usec:  as in ctw_episode_step(); one that is merely not there yet is told once
 * @ret:          what is to be said now
 *
 * Return: how many of @ret.
 */
size_t ctw_source_episodes_step(struct ctw_source_episodes *s,
                                const struct ctw_source_health states[static CTW_SOURCES],
                                uint64_t now_usec, uint64_t remind_usec,
                                struct ctw_source_edge ret[static CTW_SOURCES]);

/*
 * Other network namespaces' full tables, known from the kernel log alone: one episode each, in
 * fixed room.
 */

/* Namespaces followed at a time; a further one takes the place of the longest silent. */
#define CTW_OTHER_NETNS_MAX 16

/* Edges one step may bring: each of the tally's lines begins one, each that is followed ends. */
#define CTW_OTHER_NETNS_EDGES_MAX (CTW_OTHER_NETNS_MAX + CTW_LOG_COUNTS_NETNS_MAX + 1)

/* Zero-initialised, nothing is going on anywhere. */
struct ctw_other_netns {
    struct ctw_other_netns_netns {
        uint64_t inode; /* 0: those that the kernel did not name, together */
        uint64_t log_lines;
        struct ctw_episode full;
    } netns[CTW_OTHER_NETNS_MAX];
};

struct ctw_other_netns_edge {
    enum ctw_edge edge;
    uint64_t inode;
    uint64_t log_lines;   /* since it began */
    uint64_t lasted_usec; /* from the first line to the last */
};

/**
 * ctw_other_netns_step() - one look
 * @log:          what the kernel log said since the last one
 * @own_inode:    the namespace whose lines are not for here
 * @unnamed:      lines that name no namespace and are not ours
 * @clear_delay_usec:   how long without a line until it is over
 * @remind_usec:  as in ctw_episode_step()
 * @ret:          what is to be said now
 *
 * Return: how many of @ret.
 */
size_t ctw_other_netns_step(struct ctw_other_netns *e, const struct ctw_log_counts *log,
                            uint64_t own_inode, uint32_t unnamed, uint64_t now_usec,
                            uint64_t clear_delay_usec, uint64_t remind_usec,
                            struct ctw_other_netns_edge ret[static CTW_OTHER_NETNS_EDGES_MAX]);

#endif
