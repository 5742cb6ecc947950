/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/watch/level.h"

const char *ctw_level_name(enum ctw_level level) {
    static const char *const names[] = {
        [CTW_LEVEL_OK] = "ok",
        [CTW_LEVEL_WARNING] = "warning",
        [CTW_LEVEL_CRITICAL] = "critical",
        [CTW_LEVEL_FULL] = "full",
    };

    return names[level];
}

uint32_t ctw_usage_permyriad(uint32_t count, uint32_t max) {
    if (max == 0)
        return 0;

    const uint64_t usage = (uint64_t)count * CTW_PERMYRIAD / max;
    return usage > UINT32_MAX ? UINT32_MAX : (uint32_t)usage;
}

bool ctw_fuller(uint32_t count, uint32_t max, uint32_t than, uint32_t than_max) {
    if (max == 0 || than_max == 0)
        return max == than_max ? count > than : max > 0;
    return (uint64_t)count * than_max > (uint64_t)than * max;
}

uint32_t ctw_level_threshold(const struct ctw_settings *s, enum ctw_level level) {
    const uint32_t thresholds[] = {0, s->levels.warning_permyriad, s->levels.critical_permyriad,
                                   CTW_PERMYRIAD};

    return thresholds[level];
}

static enum ctw_level level_at(const struct ctw_settings *s, uint64_t usage) {
    enum ctw_level level = CTW_LEVEL_FULL;

    while (level > CTW_LEVEL_OK && usage < ctw_level_threshold(s, level))
        level--;
    return level;
}

/* Levels up to @held cannot be left; notes since when those above it can be. */
static void note_clear(struct ctw_level_state *state, enum ctw_level held, uint64_t now_usec) {
    for (enum ctw_level l = CTW_LEVEL_WARNING; l <= CTW_LEVEL_FULL; l++) {
        if (l <= held)
            state->clear_since_usec[l] = 0;
        else if (state->clear_since_usec[l] == 0)
            state->clear_since_usec[l] = now_usec;
    }
}

enum ctw_level ctw_level_step(struct ctw_level_state *state, const struct ctw_settings *s,
                              uint32_t usage, bool losing, uint64_t now_usec) {
    const enum ctw_level risen = losing ? CTW_LEVEL_FULL : level_at(s, usage);
    const enum ctw_level held =
        losing ? CTW_LEVEL_FULL : level_at(s, (uint64_t)usage + s->levels.clear_permyriad);

    note_clear(state, held, now_usec);
    if (risen > state->level)
        state->level = risen;
    /* In one step: the hold of lower levels that the fill clears as well is waited for. */
    if (held < state->level && now_usec - state->clear_since_usec[held + 1] >= s->levels.hold_usec)
        state->level = held;
    return state->level;
}
