/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTW_REPLAY_STAGE_H
#define CTW_REPLAY_STAGE_H

/* A replay in a test, and who hears what it says. After <cmocka.h>. */

#include <stdint.h>
#include <stdlib.h>

#include "lib/replay/replay.h"

#define SEC   CTW_USEC_PER_SEC
#define MSEC  CTW_USEC_PER_MSEC
#define START UINT64_C(1795341600000000)
#define GIB   (UINT64_C(1) << 30)

#define SAID_MAX 512

struct recent_alerts {
    uint64_t at_usec;
    enum ctw_alert_kind kind;
    enum ctw_edge edge;
    enum ctw_level level;
    uint32_t count, old_max, new_max;
    bool writer_unknown;
    bool told; /* a test has asked for it */
};

struct stage {
    struct ctw_settings settings;
    struct ctw_replay replay;
    struct recent_alerts recent_alerts[SAID_MAX];
    size_t n_recent_alerts;
    size_t next; /* not yet asked for */
    uint64_t at_usec;
};

static inline void hear(uint64_t at_usec, const struct ctw_alert *a, void *userdata) {
    struct stage *g = userdata;

    if (g->n_recent_alerts == SAID_MAX)
        return;
    g->recent_alerts[g->n_recent_alerts++] =
        (struct recent_alerts){.at_usec = at_usec,
                               .kind = a->kind,
                               .edge = a->edge,
                               .level = a->level,
                               .count = a->table.count,
                               .old_max = a->old_max,
                               .new_max = a->new_max,
                               .writer_unknown = a->writer_unknown};
}

static inline int set_stage(void **state) {
    struct stage *g = calloc(1, sizeof(*g));

    assert_non_null(g);
    ctw_settings_defaults(&g->settings);
    g->settings.levels.forecast_usec = 0;
    g->at_usec = START;
    *state = g;
    return 0;
}

static inline int clear_stage(void **state) {
    free(*state);
    return 0;
}

static inline void start(struct stage *g) {
    ctw_replay_init(&g->replay, &g->settings, 24 * GIB, hear, g);
}

/* The next of what was said. */
static inline const struct recent_alerts *expect(struct stage *g, enum ctw_alert_kind kind,
                                                 enum ctw_edge edge, enum ctw_level level) {
    assert_true(g->next < g->n_recent_alerts);
    const struct recent_alerts *s = &g->recent_alerts[g->next++];

    if (s->kind != kind || s->edge != edge || s->level != level)
        fail_msg("%s %s %s was said", ctw_alert_kind_name(s->kind), ctw_edge_name(s->edge),
                 ctw_level_name(s->level));
    return s;
}

#define ON_STAGE(f) cmocka_unit_test_setup_teardown(f, set_stage, clear_stage)

#endif
