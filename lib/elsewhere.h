/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTW_ELSEWHERE_H
#define CTW_ELSEWHERE_H

/*
 * Other network namespaces' full tables, known from the kernel log alone: one episode each, in
 * fixed room.
 */

#include <stddef.h>
#include <stdint.h>

#include "episode.h"
#include "kmsg.h"

/* Namespaces followed at a time; a further one takes the place of the longest silent. */
#define CTW_ELSEWHERE_MAX 16

/* Edges one step may bring: each of the tally's lines begins one, each that is followed ends. */
#define CTW_ELSEWHERE_EDGES_MAX (CTW_ELSEWHERE_MAX + CTW_TALLY_NETNS_MAX + 1)

/* Zero-initialised, nothing is going on anywhere. */
struct ctw_elsewhere {
    struct ctw_elsewhere_netns {
        uint64_t inode; /* 0: those that the kernel did not name, together */
        uint64_t log_lines;
        struct ctw_episode full;
    } netns[CTW_ELSEWHERE_MAX];
};

struct ctw_elsewhere_edge {
    enum ctw_edge edge;
    uint64_t inode;
    uint64_t log_lines;   /* since it began */
    uint64_t lasted_usec; /* from the first line to the last */
};

/**
 * ctw_elsewhere_step() - one look
 * @log:          what the kernel log said since the last one
 * @own_inode:    the namespace whose lines are not for here
 * @unnamed:      lines that name no namespace and are not ours
 * @quiet_usec:   how long without a line until it is over
 * @remind_usec:  as in ctw_episode_step()
 * @ret:          what is to be said now
 *
 * Return: how many of @ret.
 */
size_t ctw_elsewhere_step(struct ctw_elsewhere *e, const struct ctw_tally *log, uint64_t own_inode,
                          uint32_t unnamed, uint64_t now_usec, uint64_t quiet_usec,
                          uint64_t remind_usec,
                          struct ctw_elsewhere_edge ret[static CTW_ELSEWHERE_EDGES_MAX]);

#endif
