/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toll.h"

#include <string.h>

#define CLASH_NOISE 10u

static bool any(const struct ctw_attribution *lost) {
    return lost->own_lines > 0 || lost->full_drops > 0 || lost->other_drops > 0 ||
           lost->early_drops > 0 || lost->clashes > 0 || lost->chain_too_long > 0;
}

void ctw_toll_add(struct ctw_toll *t, const struct ctw_attribution *lost, enum ctw_level level,
                  uint64_t now_usec) {
    if (!t->running && (any(lost) || level != CTW_LEVEL_OK)) {
        t->running = true;
        memset(&t->losses, 0, sizeof(t->losses));
    }
    t->losses.drops += lost->full_drops + lost->other_drops;
    t->losses.early_drops += lost->early_drops;
    t->losses.insert_failed += lost->clashes;
    t->losses.chain_too_long += lost->chain_too_long;
    t->losses.log_lines += lost->own_lines;

    if (now_usec - t->clash_window_usec >= CTW_TOLL_CLASH_WINDOW_USEC) {
        t->clash_window_usec = now_usec;
        t->clashes_in_window = 0;
    }
    t->clashes_in_window += lost->clashes;
}

bool ctw_toll_clashing(const struct ctw_toll *t, const struct ctw_attribution *lost) {
    return lost->clashes > 0 && t->clashes_in_window >= CLASH_NOISE;
}

void ctw_toll_settle(struct ctw_toll *t, bool going_on) {
    if (!going_on && t->clashes_in_window == 0)
        t->running = false;
}
