/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sight.h"

/* How long a source must work again before that is said: bounds what a flapping one can say. */
#define SIGHTED_QUIET_USEC CTW_USEC_PER_SEC

static enum ctw_edge step_source(struct ctw_sight_source *s, enum ctw_health health,
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
    return ctw_episode_step(&s->blind, blind, now_usec, SIGHTED_QUIET_USEC,
                            health == CTW_HEALTH_FAILED ? remind_usec : 0);
}

size_t ctw_sight_step(struct ctw_sight *s, const struct ctw_source_state states[static CTW_SOURCES],
                      uint64_t now_usec, uint64_t remind_usec,
                      struct ctw_sight_edge ret[static CTW_SOURCES]) {
    size_t n = 0;

    for (int i = 0; i < CTW_SOURCES; i++) {
        struct ctw_sight_source *source = &s->sources[i];
        const enum ctw_edge edge = step_source(source, states[i].health, now_usec, remind_usec);
        if (edge != CTW_EDGE_NONE)
            ret[n++] = (struct ctw_sight_edge){
                .edge = edge,
                .source = (enum ctw_source)i,
                .lasted_usec = source->blind.sign_usec - source->blind.began_usec,
            };
    }
    return n;
}
