/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Any bytes as the state of a former daemon: a new one takes it over or refuses it, as
 * daemon/state/writer does, and polls a hundred times. What it publishes is a snapshot and a
 * history for every reader.
 */

#undef NDEBUG /* the assertions are the test, in every kind of build */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "lib/report/message.h"
#include "lib/view/status.h"
#include "tests/support/changed_state.h"
#include "tests/support/random_filter.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define POLLS 100u

static struct ctw_history history;
static struct ctw_snapshot published;
static struct ctw_watch watch;
static struct ctw_verdict verdict;

/* As take_over() does with a state of this boot and this table. */
static bool take_over(const struct changed_state *s, uint64_t now_usec, struct ctw_history_pen *p) {
    const struct ctw_snapshot *before = &s->snapshot;
    struct ctw_record slots[CTW_RESOLUTIONS];

    if (ctw_snapshot_check(before) < 0)
        return false;
    const bool has_table = before->has_table || before->table.max > 0;
    published.netns_inode = before->netns_inode;
    ctw_snapshot_inherit(&published, before);
    if (has_table && before->polled_usec != 0 && before->polled_usec <= now_usec)
        ctw_watch_resume(&watch, &before->table, before->polled_usec);
    if (ctw_history_check(&history) < 0)
        return false;
    for (enum ctw_resolution i = 0; i < CTW_RESOLUTIONS; i++)
        slots[i] = history.slots[ctw_history_index(i, now_usec)];
    ctw_history_resume(p, now_usec, slots, has_table ? &before->table : NULL);
    return true;
}

/* Counts and counters that are calm, close to what was before, or as large as they can be. */
static void sample(struct dice *d, const struct ctw_snapshot *before, struct ctw_sample *ret) {
    *ret = before->table;
    if (roll(d, 8) == 0)
        ret->count = UINT32_MAX - roll(d, 2);
    else
        ret->count = before->table.count + roll(d, 1000);
    if (roll(d, 8) == 0)
        ret->max = roll(d, 3) - 1u;
    ret->has_counters = roll(d, 2);
    ret->counters.drop += roll(d, 50);
    ret->counters.insert_failed += roll(d, 4) == 0 ? UINT64_MAX : roll(d, 50);
    ret->counters.early_drop -= roll(d, 3);
}

static void keep_slots(struct ctw_history_pen *pen, uint64_t now_usec) {
    struct ctw_record slot;
    uint32_t index;

    while (ctw_history_take(pen, now_usec, &slot, &index)) {
        assert(index < CTW_HISTORY_FINE + CTW_HISTORY_COARSE);
        history.slots[index] = slot;
    }
}

static void poll(struct dice *d, const struct ctw_settings *s, struct ctw_tick *t,
                 const struct ctw_snapshot *before, struct ctw_history_pen *pen) {
    struct ctw_poll_times times = {.due_usec = t->now_usec, .done_usec = t->now_usec + 10};
    struct ctw_line line;

    sample(d, before, &t->sample);
    t->sources[CTW_SOURCE_TABLE].health = roll(d, 10) == 0 ? CTW_HEALTH_ABSENT : CTW_HEALTH_OK;
    t->log.full_lines = roll(d, 5) == 0 ? 10 : 0;
    t->requested = roll(d, 20) == 0;
    ctw_watch_step(&watch, s, t, &verdict);
    for (size_t i = 0; i < verdict.n_alerts; i++) {
        ctw_message(&verdict.alerts[i], &line);
        assert(line.length < sizeof(line.text) && strlen(line.text) == line.length);
        ctw_snapshot_alert(&published, &verdict.alerts[i], t->now_usec, t->now_usec);
    }
    keep_slots(pen, t->now_usec);
    ctw_history_note(pen, t->now_usec,
                     t->sources[CTW_SOURCE_TABLE].health == CTW_HEALTH_OK ? &verdict.sample : NULL,
                     &verdict.lost, verdict.limit_changed, verdict.level);
    times.next_due_usec = t->now_usec + verdict.next_poll_usec;
    ctw_snapshot_poll(&published, s, &watch, t, &verdict, &times);
}

static void read_it(uint64_t now_usec) {
    static char text[CTW_RENDER_STATUS_MAX];
    static struct ctw_view view;
    const struct ctw_status_style style = {.columns = 80};

    assert(ctw_snapshot_check(&published) == 0);
    assert(ctw_history_check(&history) == 0);
    view = (struct ctw_view){.snapshot = published,
                             .history = &history,
                             .liveness = CTW_LIVENESS_ALIVE,
                             .now_usec = now_usec,
                             .realtime_usec = now_usec};
    (void)ctw_history_worst_loss(&history);
    assert(ctw_render_status_text(&view, &style, text, sizeof(text)) < sizeof(text));
}

/* Every number of the present slots is the largest. */
static void fill_slots(struct changed_state *s) {
    struct ctw_record *const slots[] = {&s->fine[0], &s->coarse[0]};

    for (size_t i = 0; i < CTW_RESOLUTIONS; i++) {
        memset(slots[i], 0xff, sizeof(*slots[i]));
        slots[i]->at_usec = CHANGED_STATE_USEC;
        slots[i]->width_sec = i == CTW_RESOLUTION_FINE ? 1 : 10;
        slots[i]->level = CTW_LEVEL_FULL;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct changed_state s;
    static struct ctw_tick t;
    struct ctw_history_pen pen = {0};
    struct ctw_settings settings;
    uint64_t head;

    if (size < sizeof(head))
        return 0;
    memcpy(&head, data, sizeof(head));
    struct dice d = {head | 1};
    memset(&history, 0, sizeof(history));
    memset(&published, 0, sizeof(published));
    memset(&watch, 0, sizeof(watch));
    memset(&t, 0, sizeof(t));
    ctw_settings_defaults(&settings);
    changed_state_start(data[0], &s);
    if (data[1] & 1)
        fill_slots(&s);
    changed_state_change(&s, data + sizeof(head), size - sizeof(head));
    changed_state_history(&s, &history);
    t.now_usec = CHANGED_STATE_USEC + CTW_USEC_PER_SEC / 2;
    if (!take_over(&s, t.now_usec, &pen)) {
        if (ctw_snapshot_check(&s.snapshot) < 0)
            return 0;
        memset(&history, 0, sizeof(history));
    }
    t.netns_inode = published.netns_inode;
    published.pid = 1;
    for (unsigned i = 0; i < POLLS; i++) {
        t.now_usec += 1 + roll(&d, 300000);
        poll(&d, &settings, &t, &s.snapshot, &pen);
    }
    keep_slots(&pen, UINT64_MAX);
    read_it(t.now_usec);
    return 0;
}
