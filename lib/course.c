/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "course.h"

#include <stdbool.h>
#include <stddef.h>

static bool span(struct ctw_course *c, enum ctw_resolution r) {
    struct ctw_course_stretch *s = &c->stretch[r];
    uint32_t oldest, newest;

    *s = (struct ctw_course_stretch){0};
    if (!ctw_history_span(c->history, r, &oldest, &newest))
        return false;
    *s = (struct ctw_course_stretch){.next = oldest, .end = UINT64_C(1) + newest};
    return true;
}

void ctw_course_start(struct ctw_course *c, const struct ctw_history *h) {
    struct ctw_course_stretch *fine = &c->stretch[CTW_RESOLUTION_FINE];
    struct ctw_course_stretch *coarse = &c->stretch[CTW_RESOLUTION_COARSE];

    c->history = h;
    const bool has_coarse = span(c, CTW_RESOLUTION_COARSE);
    if (!span(c, CTW_RESOLUTION_FINE) || !has_coarse)
        return;

    /* The seconds that the ring of an hour has lost may begin in the middle of ten, which are then
     * told as one. If it has not lost any, they are all that there is. */
    const bool lost = fine->end - fine->next == ctw_history_length(CTW_RESOLUTION_FINE);
    const uint64_t first = ctw_history_start_usec(CTW_RESOLUTION_FINE, (uint32_t)fine->next);
    uint32_t border = ctw_history_number(CTW_RESOLUTION_COARSE, first);
    if (lost && ctw_history_start_usec(CTW_RESOLUTION_COARSE, border) < first &&
        ctw_history_slot(h, CTW_RESOLUTION_COARSE, border))
        border++;
    if (border < coarse->end)
        coarse->end = border;
    const uint64_t border_usec = ctw_history_start_usec(CTW_RESOLUTION_COARSE, border);
    if (border_usec > first)
        fine->next = ctw_history_number(CTW_RESOLUTION_FINE, border_usec);
}

const struct ctw_slot *ctw_course_next(struct ctw_course *c, enum ctw_resolution *ret) {
    static const enum ctw_resolution order[] = {CTW_RESOLUTION_COARSE, CTW_RESOLUTION_FINE};

    for (size_t i = 0; i < CTW_RESOLUTIONS; i++) {
        struct ctw_course_stretch *s = &c->stretch[order[i]];
        while (s->next < s->end) {
            const struct ctw_slot *slot =
                ctw_history_slot(c->history, order[i], (uint32_t)s->next++);
            if (!slot || slot->looks == 0)
                continue;
            *ret = order[i];
            return slot;
        }
    }
    return NULL;
}
