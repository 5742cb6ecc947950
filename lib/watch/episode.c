/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/watch/episode.h"

#define CLASH_NOISE 10u

/* How long a source must work before it counts as sighted: limits the alerts of a flapping one. */
#define SIGHTED_CLEAR_DELAY_USEC CTW_USEC_PER_SEC

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

void ctw_loss_episode_add(struct ctw_loss_episode *e, const struct ctw_losses *lost,
                          enum ctw_level level, uint64_t now_usec) {
    /* It begins before its losses are added: its first alert counts them. */
    if (!e->running && (ctw_losses_any(lost) || level != CTW_LEVEL_OK)) {
        e->running = true;
        e->losses = (struct ctw_losses){0};
    }
    ctw_losses_add(&e->losses, lost);
    if (ctw_losses_any(lost))
        e->lost_usec = now_usec;

    if (now_usec - e->clash_window_usec >= CTW_CLASH_WINDOW_USEC) {
        e->clash_window_usec = now_usec;
        e->clashes_in_window = 0;
    }
    e->clashes_in_window += lost->clashes;
}

bool ctw_clashes_are_noise(uint64_t clashes) {
    return clashes < CLASH_NOISE;
}

bool ctw_loss_episode_clashing(const struct ctw_loss_episode *e, const struct ctw_losses *lost) {
    return lost->clashes > 0 && !ctw_clashes_are_noise(e->clashes_in_window);
}

void ctw_loss_episode_settle(struct ctw_loss_episode *e, bool active) {
    if (!active && e->clashes_in_window == 0)
        e->running = false;
}

enum ctw_edge ctw_source_episode_step(struct ctw_source_episode *s, enum ctw_health health,
                                      uint64_t now_usec, uint64_t remind_usec) {
    const bool blind = health == CTW_HEALTH_ABSENT || health == CTW_HEALTH_FAILED;

    if (health == CTW_HEALTH_UNUSED) { /* switched off, which is no recovery */
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
