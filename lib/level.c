/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "level.h"

const char *ctw_level_name(enum ctw_level level) {
    switch (level) {
    case CTW_LEVEL_OK:
        return "ok";
    case CTW_LEVEL_WARNING:
        return "warning";
    case CTW_LEVEL_CRITICAL:
        return "critical";
    case CTW_LEVEL_FULL:
        return "full";
    }
    return "unknown";
}

uint32_t ctw_usage_permyriad(uint32_t count, uint32_t max) {
    if (max == 0)
        return 0;

    const uint64_t usage = (uint64_t)count * CTW_PERMYRIAD / max;
    return usage > UINT32_MAX ? UINT32_MAX : (uint32_t)usage;
}

uint32_t ctw_level_threshold(const struct ctw_settings *s, enum ctw_level level) {
    switch (level) {
    case CTW_LEVEL_OK:
        return 0;
    case CTW_LEVEL_WARNING:
        return s->levels.warning_permyriad;
    case CTW_LEVEL_CRITICAL:
        return s->levels.critical_permyriad;
    case CTW_LEVEL_FULL:
        return CTW_PERMYRIAD;
    }
    return 0;
}

static enum ctw_level level_at(const struct ctw_settings *s, uint64_t usage) {
    enum ctw_level level = CTW_LEVEL_FULL;

    while (level > CTW_LEVEL_OK && usage < ctw_level_threshold(s, level))
        level--;
    return level;
}

enum ctw_level ctw_level_step(struct ctw_level_state *state, const struct ctw_settings *s,
                              uint32_t usage, bool losing, uint64_t now_usec) {
    const enum ctw_level risen = losing ? CTW_LEVEL_FULL : level_at(s, usage);
    if (risen >= state->level) {
        state->level = risen;
        state->clear_since_usec = 0;
        return state->level;
    }

    /* Held up by `clear`: the level that this fill could not yet fall below. */
    const enum ctw_level held = level_at(s, (uint64_t)usage + s->levels.clear_permyriad);
    if (held >= state->level) {
        state->clear_since_usec = 0;
        return state->level;
    }
    if (state->clear_since_usec == 0) {
        state->clear_since_usec = now_usec;
        state->clear_to = held;
    }
    if (state->clear_to < held)
        state->clear_to = held; /* a dip of one look clears no more than the rest of the hold did */
    if (now_usec - state->clear_since_usec >= s->levels.hold_usec) {
        state->level = state->clear_to;
        state->clear_since_usec = 0;
    }
    return state->level;
}
