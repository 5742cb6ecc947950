/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "status_picture.h"

#include <inttypes.h>

#include "moment.h"

bool ctw_picture_by_daemon(const struct ctw_picture *p) {
    return p->of->pid != 0;
}

void ctw_picture_put(struct ctw_picture *p, const char *label, const struct ctw_line *l) {
    ctw_page_paragraph(&p->page, label, CTW_COLOUR_NONE, l->text);
}

uint64_t ctw_picture_ago(const struct ctw_picture *p, uint64_t usec) {
    return usec < p->status->now_usec ? p->status->now_usec - usec : 0;
}

void ctw_picture_add_clock(const struct ctw_picture *p, struct ctw_line *l, uint64_t usec) {
    ctw_line_add_clock(l, p->status->realtime_usec - ctw_picture_ago(p, usec),
                       p->status->realtime_usec, p->style->utc_offset_sec);
}

void ctw_picture_add_when(const struct ctw_picture *p, struct ctw_line *l, uint64_t usec) {
    ctw_picture_add_clock(p, l, usec);
    ctw_line_add(l, ", ");
    ctw_line_add_span(l, ctw_picture_ago(p, usec));
    ctw_line_add(l, " ago");
}

void ctw_picture_add_fill(struct ctw_line *l, uint32_t count, uint32_t max) {
    const uint32_t usage = ctw_usage_permyriad(count, max);

    ctw_line_add(l, "%" PRIu32 ".%" PRIu32 " %%", usage / 100, usage / 10 % 10);
}

bool ctw_status_hour(const struct ctw_status *s, uint32_t room, struct ctw_sparkline *ret) {
    const struct ctw_snapshot *of = s->snapshot;
    const struct ctw_spark latest = {.known = of->has_table,
                                     .at_usec = of->looked_usec,
                                     .count = of->table.count,
                                     .max = of->table.max,
                                     .level = of->level};

    if (!s->history)
        return false;
    ctw_sparkline(s->history, s->now_usec, &latest, room, ret);
    return ret->high.known;
}

enum ctw_colour ctw_level_colour(enum ctw_level level) {
    switch (level) {
    case CTW_LEVEL_OK:
        return CTW_COLOUR_GOOD;
    case CTW_LEVEL_WARNING:
        return CTW_COLOUR_UNWELL;
    case CTW_LEVEL_CRITICAL:
    case CTW_LEVEL_FULL:
        return CTW_COLOUR_BAD;
    }
    return CTW_COLOUR_NONE;
}
