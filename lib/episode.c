/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "episode.h"

enum ctw_edge ctw_episode_step(struct ctw_episode *e, bool sign, uint64_t now_usec,
                               uint64_t quiet_usec, uint64_t remind_usec) {
    if (sign)
        e->sign_usec = now_usec;

    if (!e->active) {
        if (!sign)
            return CTW_EDGE_NONE;
        e->active = true;
        e->began_usec = e->said_usec = now_usec;
        return CTW_EDGE_BEGIN;
    }
    if (!sign && now_usec - e->sign_usec >= quiet_usec) {
        e->active = false;
        return CTW_EDGE_END;
    }
    if (sign && remind_usec > 0 && now_usec - e->said_usec >= remind_usec) {
        e->said_usec = now_usec;
        return CTW_EDGE_REMINDER;
    }
    return CTW_EDGE_NONE;
}
