/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/watch/episode.h"

#include <string.h>

enum ctw_edge ctw_episode_step(struct ctw_episode *e, bool condition, uint64_t now_usec,
                               uint64_t clear_delay_usec, uint64_t remind_usec) {
    if (condition)
        e->condition_usec = now_usec;

    if (!e->active) {
        if (!condition)
            return CTW_EDGE_NONE;
        e->active = true;
        e->began_usec = e->alerted_usec = now_usec;
        return CTW_EDGE_BEGIN;
    }
    if (!condition && now_usec - e->condition_usec >= clear_delay_usec) {
        e->active = false;
        return CTW_EDGE_END;
    }
    if (condition && remind_usec > 0 && now_usec - e->alerted_usec >= remind_usec) {
        e->alerted_usec = now_usec;
        return CTW_EDGE_REMINDER;
    }
    return CTW_EDGE_NONE;
}

#define CLASH_NOISE 10u

void ctw_loss_episode_add(struct ctw_loss_episode *t, const struct ctw_losses *lost,
                          enum ctw_level level, uint64_t now_usec) {
    if (!t->running && (ctw_losses_any(lost) || level != CTW_LEVEL_OK)) {
        t->running = true;
        memset(&t->losses, 0, sizeof(t->losses));
    }
    ctw_losses_add(&t->losses, lost);

    if (now_usec - t->clash_window_usec >= CTW_LOSS_EPISODE_CLASH_WINDOW_USEC) {
        t->clash_window_usec = now_usec;
        t->clashes_in_window = 0;
    }
    t->clashes_in_window += lost->clashes;
}

bool ctw_loss_episode_clashing(const struct ctw_loss_episode *t, const struct ctw_losses *lost) {
    return lost->clashes > 0 && t->clashes_in_window >= CLASH_NOISE;
}

void ctw_loss_episode_settle(struct ctw_loss_episode *t, bool going_on) {
    if (!going_on && t->clashes_in_window == 0)
        t->running = false;
}

/* How long a source must work again before that is said: bounds what a flapping one can say. */
#define SIGHTED_CLEAR_DELAY_USEC CTW_USEC_PER_SEC

static enum ctw_edge step_source(struct ctw_source_episode *s, enum ctw_health health,
                                 uint64_t now_usec, uint64_t remind_usec) {
    const bool blind = health == CTW_HEALTH_ABSENT || health == CTW_HEALTH_FAILED;

    /* Switched off, which is no recovery. */
    if (health == CTW_HEALTH_UNUSED) {
        s->blind.active = false;
        return CTW_EDGE_NONE;
    }
    /* From "not loaded yet" to "cannot be read" is news, though both are blind. */
    if (blind && s->as != health)
        s->blind.active = false;
    if (blind)
        s->as = health;
    return ctw_episode_step(&s->blind, blind, now_usec, SIGHTED_CLEAR_DELAY_USEC,
                            health == CTW_HEALTH_FAILED ? remind_usec : 0);
}

size_t ctw_source_episodes_step(struct ctw_source_episodes *s,
                                const struct ctw_source_health states[static CTW_SOURCES],
                                uint64_t now_usec, uint64_t remind_usec,
                                struct ctw_source_edge ret[static CTW_SOURCES]) {
    size_t n = 0;

    for (int i = 0; i < CTW_SOURCES; i++) {
        struct ctw_source_episode *source = &s->of[i];
        const enum ctw_edge edge = step_source(source, states[i].health, now_usec, remind_usec);
        if (edge != CTW_EDGE_NONE)
            ret[n++] = (struct ctw_source_edge){
                .edge = edge,
                .source = (enum ctw_source)i,
                .lasted_usec = source->blind.condition_usec - source->blind.began_usec,
            };
    }
    return n;
}

/* The place of a namespace: its own, else a free one, else that of the longest silent. */
static struct ctw_other_netns_netns *place_of(struct ctw_other_netns *e, uint64_t inode) {
    struct ctw_other_netns_netns *free = NULL, *silent = &e->netns[0];

    for (size_t i = 0; i < CTW_OTHER_NETNS_MAX; i++) {
        struct ctw_other_netns_netns *n = &e->netns[i];
        if (n->full.active && n->inode == inode)
            return n;
        if (!n->full.active)
            free = n;
        else if (n->full.condition_usec < silent->full.condition_usec)
            silent = n;
    }
    if (!free)
        free = silent;
    memset(free, 0, sizeof(*free));
    free->inode = inode;
    return free;
}

static size_t tell(const struct ctw_other_netns_netns *n, enum ctw_edge edge,
                   struct ctw_other_netns_edge *ret) {
    if (edge == CTW_EDGE_NONE)
        return 0;
    *ret = (struct ctw_other_netns_edge){
        .edge = edge,
        .inode = n->inode,
        .log_lines = n->log_lines,
        .lasted_usec = n->full.condition_usec - n->full.began_usec,
    };
    return 1;
}

size_t ctw_other_netns_step(struct ctw_other_netns *e, const struct ctw_log_counts *log,
                            uint64_t own_inode, uint32_t unnamed, uint64_t now_usec,
                            uint64_t clear_delay_usec, uint64_t remind_usec,
                            struct ctw_other_netns_edge ret[static CTW_OTHER_NETNS_EDGES_MAX]) {
    size_t n_ret = 0;

    for (uint32_t i = 0; i <= log->n_netns; i++) {
        const bool named = i < log->n_netns;
        const uint64_t inode = named ? log->netns[i].inode : 0;
        const uint32_t lines = named ? log->netns[i].lines : unnamed + log->other_netns_lines;
        if (lines == 0 || (named && inode == own_inode))
            continue;

        struct ctw_other_netns_netns *n = place_of(e, inode);
        n->log_lines += lines;
        n_ret += tell(n, ctw_episode_step(&n->full, true, now_usec, clear_delay_usec, remind_usec),
                      &ret[n_ret]);
    }
    for (size_t i = 0; i < CTW_OTHER_NETNS_MAX; i++) {
        struct ctw_other_netns_netns *n = &e->netns[i];
        if (n->full.active && n->full.condition_usec != now_usec)
            n_ret +=
                tell(n, ctw_episode_step(&n->full, false, now_usec, clear_delay_usec, remind_usec),
                     &ret[n_ret]);
    }
    return n_ret;
}
