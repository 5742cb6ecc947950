/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/support/replay_stage.h"

static void keep_alert(uint64_t at_usec, const struct ctw_alert *a, void *userdata) {
    struct stage *g = userdata;

    if (g->n_sent == SENT_MAX)
        return;
    g->sent[g->n_sent++] = (struct sent){.at_usec = at_usec,
                                         .kind = a->kind,
                                         .edge = a->edge,
                                         .level = a->level,
                                         .count = a->table.count,
                                         .old_max = a->old_max,
                                         .new_max = a->new_max,
                                         .writer_unknown = a->writer_unknown};
}

int set_stage(void **state) {
    struct stage *g = calloc(1, sizeof(*g));

    assert_non_null(g);
    ctw_settings_defaults(&g->settings);
    g->settings.poll.interval_usec = 250 * CTW_USEC_PER_MSEC;
    g->settings.levels.forecast_usec = 0;
    g->at_usec = START;
    *state = g;
    return 0;
}

int clear_stage(void **state) {
    free(*state);
    return 0;
}

void start(struct stage *g) {
    ctw_replay_init(&g->replay, &g->settings, 24 * GIB, keep_alert, g);
}

const struct sent *expect(struct stage *g, enum ctw_alert_kind kind, enum ctw_edge edge,
                          enum ctw_level level) {
    assert_true(g->next < g->n_sent);
    const struct sent *s = &g->sent[g->next++];

    if (s->kind != kind || s->edge != edge || s->level != level)
        fail_msg("the next alert is %s %s %s", ctw_alert_kind_name(s->kind), ctw_edge_name(s->edge),
                 ctw_level_name(s->level));
    return s;
}
