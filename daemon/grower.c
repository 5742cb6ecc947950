/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "grower.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "keep.h"
#include "limiter.h"
#include "machine.h"

/* A permission that was refused is asked for again after this. */
#define RETEST_USEC (60 * CTW_USEC_PER_SEC)

struct ctw_grower {
    bool initial;
    struct ctw_limiter limits;
    struct ctw_machine *machine;
    struct ctw_keep *keep;
    enum ctw_permission permission;
    int permission_error;
    uint64_t tested_usec;
    bool has_kept;
    struct ctw_kept kept;
    int read_error; /* of what was kept */
};

int ctw_grower_new(sd_event *event, const char *root, bool initial, struct ctw_grower **ret) {
    struct ctw_grower *g = calloc(1, sizeof(*g));
    if (!g)
        return -ENOMEM;

    g->initial = initial;
    ctw_limiter_init(&g->limits, root);
    int r = ctw_machine_new(root, &g->machine);
    if (r >= 0)
        r = ctw_keep_new(event, root, CTW_KEEP_DELAY_USEC, &g->keep);
    if (r < 0) {
        (void)ctw_grower_free(g);
        return r;
    }
    r = ctw_keep_read(g->keep, &g->kept);
    g->has_kept = r == 0;
    g->read_error = r == -ENOENT ? 0 : r;
    *ret = g;
    return 0;
}

struct ctw_grower *ctw_grower_free(struct ctw_grower *g) {
    if (!g)
        return NULL;
    (void)ctw_keep_free(g->keep);
    (void)ctw_machine_free(g->machine);
    free(g);
    return NULL;
}

static void test(struct ctw_grower *g, uint64_t now_usec) {
    if (g->permission == CTW_PERMISSION_GRANTED)
        return;
    if (g->permission != CTW_PERMISSION_UNKNOWN && now_usec - g->tested_usec < RETEST_USEC)
        return;
    g->permission = ctw_limiter_test(&g->limits, g->initial, &g->permission_error);
    g->tested_usec = now_usec;
}

void ctw_grower_look(struct ctw_grower *g, const struct ctw_settings *s, uint64_t now_usec,
                     bool present, struct ctw_growth_facts *ret) {
    if (!present || !ctw_growth_writes(s))
        g->permission = CTW_PERMISSION_UNKNOWN;
    if (!present || !ctw_growth_on(s))
        return;
    if (ctw_growth_writes(s))
        test(g, now_usec);

    ctw_machine_look(g->machine, now_usec, ret);
    ret->permission = g->permission;
    ret->permission_error = g->permission_error;
    ret->has_kept = g->has_kept;
    ret->kept = g->kept;
    ret->keep_error = g->read_error != 0 ? g->read_error : ctw_keep_error(g->keep);
    ret->limit_path = g->limits.max_path;
    ret->buckets_path = g->limits.buckets_path;
    ret->keep_path = ctw_keep_path(g->keep);
}

void ctw_grower_write(struct ctw_grower *g, const struct ctw_growth_decision *d,
                      struct ctw_growth_outcome *ret) {
    ctw_limiter_write(&g->limits, d, ret);
}

void ctw_grower_keep(struct ctw_grower *g, const struct ctw_kept *l) {
    g->has_kept = true;
    g->kept = *l;
    g->read_error = 0; /* replaced */
    ctw_keep_put(g->keep, l);
}

/* --- ctwatchd --forget-limits ----------------------------------------------------------------- */

static void tell(const char *what, uint32_t from, uint32_t to) {
    if (to != 0 && from != to)
        (void)printf("%s: %" PRIu32 " -> %" PRIu32 "\n", what, from, to);
}

static int forget(const struct ctw_keep *k, const char *root) {
    struct ctw_limiter l;
    struct ctw_kept kept;
    uint32_t max = 0, buckets = 0;

    ctw_limiter_init(&l, root);
    int r = ctw_keep_read(k, &kept);
    if (r == -ENOENT) {
        (void)printf("%s: nothing was kept\n", ctw_keep_path(k));
        return 0;
    }
    if (r == 0) {
        r = ctw_limiter_restore(&l, kept.before_max, kept.before_buckets, &max, &buckets);
        if (r == 0) {
            tell("nf_conntrack_max", max, kept.before_max);
            tell("nf_conntrack_buckets", buckets, kept.before_buckets);
        } else if (r != -ENOENT) { /* without the module there is nothing to put back */
            (void)fprintf(stderr, "%s: %s\n", l.max_path, strerror(-r));
            return r;
        }
    } else {
        (void)fprintf(stderr, "%s: not understood, the limits stay as they are\n",
                      ctw_keep_path(k));
    }
    r = ctw_keep_drop(k);
    if (r < 0)
        (void)fprintf(stderr, "%s: %s\n", ctw_keep_path(k), strerror(-r));
    return r;
}

int ctw_grower_forget(const char *root) {
    struct ctw_keep *k = NULL;

    int r = ctw_keep_new(NULL, root, CTW_KEEP_DELAY_USEC, &k);
    if (r == 0)
        r = forget(k, root);
    (void)ctw_keep_free(k);
    return r;
}
