/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "inquiry.h"

#define WALK_INTERVAL_USEC  (60 * CTW_USEC_PER_SEC)
#define WALK_FROM_PERMYRIAD 5000u

/* Events are left only after a time of calm: joining and leaving stops and starts a stream that
 * says nothing about its first second. */
#define EVENTS_QUIET_USEC (30 * CTW_USEC_PER_SEC)

bool ctw_inquiry_events(struct ctw_inquiry *q, const struct ctw_settings *s, uint32_t usage,
                        bool filling, uint64_t now_usec, const char **ret_why) {
    const bool high = usage >= s->events.from_permyriad;

    (void)ctw_episode_step(&q->events, high || filling, now_usec, EVENTS_QUIET_USEC, 0);
    switch (s->events.mode) {
    case CTW_EVENTS_NEVER:
        *ret_why = "events.mode is never";
        return false;
    case CTW_EVENTS_ALWAYS:
        *ret_why = "events.mode is always";
        return true;
    case CTW_EVENTS_AUTO:
        break;
    }
    if (high)
        *ret_why = "the fill is above events.from";
    else
        *ret_why = q->events.active ? "the table fills, or did a moment ago" : "the table is calm";
    return q->events.active;
}

bool ctw_inquiry_walk(struct ctw_inquiry *q, uint32_t usage, uint64_t now_usec) {
    if (usage < WALK_FROM_PERMYRIAD)
        return false;
    if (q->walk_usec != 0 && now_usec - q->walk_usec < WALK_INTERVAL_USEC)
        return false;
    q->walk_usec = now_usec;
    return true;
}
