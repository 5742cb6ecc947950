/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "chronicle.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "clock.h"
#include "publish.h"

struct ctw_chronicle {
    struct ctw_publish *publish;
    struct ctw_history_pen pen;
};

static void begin(struct ctw_chronicle *c, const char *netns, uint64_t netns_inode) {
    struct ctw_snapshot *p = ctw_publish_begin(c->publish);
    const struct ctw_snapshot before = *p; /* what was taken over of a former daemon, else zeros */

    *p = (struct ctw_snapshot){
        .pid = (uint32_t)getpid(),
        .version = CTWATCH_VERSION,
        .started_usec = ctw_monotonic_usec(),
        .started_realtime_usec = ctw_realtime_usec(),
        .netns_inode = netns_inode,
    };
    p->looked_usec = p->due_usec = p->started_usec;
    p->looked_realtime_usec = p->started_realtime_usec;
    (void)snprintf(p->netns, sizeof(p->netns), "%s", netns);
    ctw_snapshot_inherit(p, &before);
    ctw_publish_end(c->publish);
    ctw_history_resume(&c->pen, ctw_monotonic_usec(), ctw_publish_begin_history(c->publish));
    ctw_publish_end_history(c->publish);
}

int ctw_chronicle_new(const char *directory, const char *netns, uint64_t netns_inode,
                      struct ctw_chronicle **ret) {
    struct ctw_chronicle *c = calloc(1, sizeof(*c));
    uint32_t owner = 0;
    if (!c)
        return -ENOMEM;

    int r = ctw_publish_new(directory, netns_inode, ctw_monotonic_usec(), &c->publish, &owner);
    if (r < 0) {
        if (r == -EBUSY)
            (void)fprintf(stderr,
                          "ctwatchd: another one, process %" PRIu32 ", is watching and publishes "
                          "in %s (see --state in ctwatchd(8))\n",
                          owner, directory);
        free(c);
        return r;
    }
    begin(c, netns, netns_inode);
    *ret = c;
    return 0;
}

struct ctw_chronicle *ctw_chronicle_free(struct ctw_chronicle *c) {
    if (!c)
        return NULL;

    ctw_history_close(&c->pen, ctw_publish_begin_history(c->publish));
    ctw_publish_end_history(c->publish);
    ctw_publish_begin(c->publish)->stopped_usec = ctw_monotonic_usec();
    ctw_publish_end(c->publish);
    (void)ctw_publish_free(c->publish);
    free(c);
    return NULL;
}

void ctw_chronicle_health(struct ctw_chronicle *c, uint64_t now_usec,
                          struct ctw_source_state *state) {
    ctw_publish_look(c->publish, now_usec, state);
}

/* The history changes when a second is over; a look in between touches none of it. */
static void note_history(struct ctw_chronicle *c, const struct ctw_tick *t,
                         const struct ctw_verdict *v) {
    if (ctw_history_due(&c->pen, t->now_usec)) {
        ctw_history_turn(&c->pen, t->now_usec, ctw_publish_begin_history(c->publish));
        ctw_publish_end_history(c->publish);
    }
    ctw_history_note(&c->pen, t->now_usec,
                     t->sources[CTW_SOURCE_TABLE].health == CTW_HEALTH_OK ? &t->sample : NULL,
                     &v->lost, v->limit_changed, v->level);
}

void ctw_chronicle_look(struct ctw_chronicle *c, const struct ctw_settings *s,
                        const struct ctw_watch *w, const struct ctw_tick *t,
                        const struct ctw_verdict *v, uint64_t due_usec, uint64_t next_usec) {
    const struct ctw_look_times times = {
        .due_usec = due_usec,
        .done_usec = ctw_monotonic_usec(),
        .realtime_usec = ctw_realtime_usec(),
        .next_due_usec = next_usec,
    };

    note_history(c, t, v);
    ctw_snapshot_look(ctw_publish_begin(c->publish), s, w, t, v, &times);
    ctw_publish_end(c->publish);
}

void ctw_chronicle_said(struct ctw_chronicle *c, const struct ctw_alert *a,
                        const struct ctw_fields *f) {
    const char *message = ctw_alert_field(f, "MESSAGE");
    struct ctw_snapshot *p = ctw_publish_begin(c->publish);

    ctw_snapshot_said(p, a, message ? message : "", ctw_monotonic_usec(), ctw_realtime_usec());
    ctw_publish_end(c->publish);
}
