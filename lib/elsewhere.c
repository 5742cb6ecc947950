/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "elsewhere.h"

#include <string.h>

/* The place of a namespace: its own, else a free one, else that of the longest silent. */
static struct ctw_elsewhere_netns *place_of(struct ctw_elsewhere *e, uint64_t inode) {
    struct ctw_elsewhere_netns *free = NULL, *silent = &e->netns[0];

    for (size_t i = 0; i < CTW_ELSEWHERE_MAX; i++) {
        struct ctw_elsewhere_netns *n = &e->netns[i];
        if (n->full.active && n->inode == inode)
            return n;
        if (!n->full.active)
            free = n;
        else if (n->full.sign_usec < silent->full.sign_usec)
            silent = n;
    }
    if (!free)
        free = silent;
    memset(free, 0, sizeof(*free));
    free->inode = inode;
    return free;
}

static size_t tell(const struct ctw_elsewhere_netns *n, enum ctw_edge edge,
                   struct ctw_elsewhere_edge *ret) {
    if (edge == CTW_EDGE_NONE)
        return 0;
    *ret = (struct ctw_elsewhere_edge){
        .edge = edge,
        .inode = n->inode,
        .log_lines = n->log_lines,
        .lasted_usec = n->full.sign_usec - n->full.began_usec,
    };
    return 1;
}

size_t ctw_elsewhere_step(struct ctw_elsewhere *e, const struct ctw_tally *log, uint64_t own_inode,
                          uint32_t unnamed, uint64_t now_usec, uint64_t quiet_usec,
                          uint64_t remind_usec,
                          struct ctw_elsewhere_edge ret[static CTW_ELSEWHERE_EDGES_MAX]) {
    size_t n_ret = 0;

    for (uint32_t i = 0; i <= log->n_netns; i++) {
        const bool named = i < log->n_netns;
        const uint64_t inode = named ? log->netns[i].inode : 0;
        const uint32_t lines = named ? log->netns[i].lines : unnamed + log->other_netns_lines;
        if (lines == 0 || (named && inode == own_inode))
            continue;

        struct ctw_elsewhere_netns *n = place_of(e, inode);
        n->log_lines += lines;
        n_ret += tell(n, ctw_episode_step(&n->full, true, now_usec, quiet_usec, remind_usec),
                      &ret[n_ret]);
    }
    for (size_t i = 0; i < CTW_ELSEWHERE_MAX; i++) {
        struct ctw_elsewhere_netns *n = &e->netns[i];
        if (n->full.active && n->full.sign_usec != now_usec)
            n_ret += tell(n, ctw_episode_step(&n->full, false, now_usec, quiet_usec, remind_usec),
                          &ret[n_ret]);
    }
    return n_ret;
}
