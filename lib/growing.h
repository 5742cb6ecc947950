/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTW_GROWING_H
#define CTW_GROWING_H

/* The course of growth from look to look: what is decided, what is remembered, what is to be said
 * of it. growth.h decides. */

#include <stddef.h>

#include "alert.h"
#include "episode.h"
#include "growth.h"

/* Zero-initialised, nothing has been grown or refused. */
struct ctw_growing {
    struct ctw_growth growth;
    struct ctw_episode refused;
    enum ctw_growth_refusal refused_as;
    struct ctw_episode unkept;
    struct ctw_episode dry_run;
    bool rehearsed; /* the last look was a dry run */
    uint32_t reach; /* as far as it may grow, as of the last look; 0: it does not */
};

/* One thing to be said. */
struct ctw_growing_edge {
    enum ctw_alert_kind kind;
    enum ctw_edge edge;
    uint64_t lasted_usec;
    enum ctw_growth_refusal refusal;   /* GROWTH_REFUSED */
    int error;                         /* GROWTH_REFUSED: negative errno */
    const char *path;                  /* GROWTH_REFUSED: what it is about */
    struct ctw_growth_outcome outcome; /* GREW */
};

/* Refused, not kept, dry run; or, after a write: grew, buckets stay. */
#define CTW_GROWING_EDGES_MAX 3

/** ctw_growing_forget() - the table is gone: whatever comes back starts anew */
void ctw_growing_forget(struct ctw_growing *g);

/**
 * ctw_growing_step() - one look at a table that can be read
 * @retd:  what is to be done; when it says write, ctw_growing_done() follows
 * @ret:   what is to be said
 *
 * Return: how many of @ret.
 */
size_t ctw_growing_step(struct ctw_growing *g, const struct ctw_settings *s,
                        const struct ctw_growth_look *look, struct ctw_growth_decision *retd,
                        struct ctw_growing_edge ret[static CTW_GROWING_EDGES_MAX]);

/** ctw_growing_done() - what came of it. Return: how many of @ret. */
size_t ctw_growing_done(struct ctw_growing *g, const struct ctw_growth_look *look,
                        const struct ctw_growth_decision *d, const struct ctw_growth_outcome *o,
                        struct ctw_growing_edge ret[static CTW_GROWING_EDGES_MAX]);

/** ctw_growing_describe() - put it into an alert of that kind and edge */
void ctw_growing_describe(const struct ctw_growing_edge *e, const struct ctw_growth_decision *d,
                          struct ctw_alert *a);

#endif
