/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "top_gather.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "../lib/ranking.h"
#include "clock.h"
#include "table.h"
#include "walk.h"

/*
 * A sample takes milliseconds. It takes longer only where another network namespace holds most of
 * the entries: then the kernel searches all of them for ours with a CPU held, so it must not go on.
 */
#define SAMPLE_LIMIT_USEC CTW_USEC_PER_SEC

/* From here on an exact walk takes long enough to say how far it is. */
#define PROGRESS_FROM    100000u
#define PROGRESS_CHECK   16384u /* entries between two looks at the clock */
#define PROGRESS_USEC    (100 * CTW_USEC_PER_MSEC)
#define PROGRESS_CLEARED "\r\033[K"

struct list {
    enum ctw_dimension by;
    struct ctw_ranking ranking;
    struct ctw_ranking_slot *best; /* request.n */
    struct ctw_top_row *rows;      /* request.n */
};

struct ctw_top_gathering {
    struct ctw_top_request request;
    struct ctw_table *table;
    struct ctw_sample sample;
    struct ctw_census census;
    struct list lists[CTW_TOP_LISTS_MAX];
    int error;              /* no memory for more names */
    uint64_t progress_usec; /* when it was last shown */
};

/* --- while walking --------------------------------------------------------------------------- */

static bool shows_progress(const struct ctw_top_gathering *g) {
    return g->request.progress && g->request.sample == 0 && g->sample.count >= PROGRESS_FROM;
}

static void show_progress(struct ctw_top_gathering *g) {
    const uint64_t now = ctw_monotonic_usec(), of = g->sample.count;

    if (now < g->progress_usec + PROGRESS_USEC)
        return;
    g->progress_usec = now;
    (void)fprintf(stderr, "\r%" PRIu64 " of %" PRIu64 " entries (%" PRIu64 " %%)",
                  g->census.entries, of, g->census.entries * 100 / of);
}

static int make_room(struct ctw_ranking *r) {
    struct ctw_ranking_slot *slots = calloc(r->n_slots * 2, sizeof(*slots));

    if (!slots)
        return -ENOMEM;
    free(ctw_ranking_move(r, slots, r->n_slots * 2));
    return 0;
}

static void on_entry(const struct ctw_flow *flow, void *userdata) {
    struct ctw_top_gathering *g = userdata;

    if (g->error < 0)
        return;
    ctw_census_tally(&g->census, flow);
    for (size_t i = 0; i < g->request.n_dimensions; i++) {
        struct list *l = &g->lists[i];
        const struct ctw_ranking_key key = ctw_dimension_key(l->by, flow, g->request.ipv6_prefix);
        if (!ctw_ranking_add(&l->ranking, &key))
            g->error = make_room(&l->ranking);
    }
    if (g->census.entries % PROGRESS_CHECK == 0 && shows_progress(g))
        show_progress(g);
}

/* --- memory ---------------------------------------------------------------------------------- */

static uint64_t random_seed(void) {
    uint64_t seed = 0;

    /* Before the kernel's generator is ready, at boot, any seed has to do. */
    if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK) != sizeof(seed))
        seed = ctw_monotonic_usec();
    return seed;
}

/* Each time from scratch and with another hash, for what has been is gone. */
static int begin(struct ctw_top_gathering *g) {
    const uint64_t seed = random_seed();

    g->error = 0;
    g->progress_usec = 0;
    ctw_census_init(&g->census, g->request.ipv6_prefix, seed);
    for (size_t i = 0; i < g->request.n_dimensions; i++) {
        struct ctw_ranking_slot *slots = calloc(CTW_RANKING_SLOTS_MIN, sizeof(*slots));
        if (!slots)
            return -ENOMEM;
        free(g->lists[i].ranking.slots);
        ctw_ranking_init(&g->lists[i].ranking, slots, CTW_RANKING_SLOTS_MIN, seed);
    }
    return 0;
}

static int fill_list(struct list *l, const struct ctw_top_request *request) {
    l->best = calloc(request->n, sizeof(*l->best));
    l->rows = calloc(request->n, sizeof(*l->rows));
    return l->best && l->rows ? 0 : -ENOMEM;
}

int ctw_top_gather_new(const struct ctw_top_request *request, struct ctw_top_gathering **ret) {
    struct ctw_top_gathering *g = calloc(1, sizeof(*g));
    if (!g)
        return -ENOMEM;

    g->request = *request;
    int r = ctw_table_new("", &g->table);
    for (size_t i = 0; i < request->n_dimensions && r >= 0; i++) {
        g->lists[i].by = request->dimensions[i];
        r = fill_list(&g->lists[i], request);
    }
    if (r < 0) {
        ctw_top_gather_free(g);
        return r;
    }
    *ret = g;
    return 0;
}

struct ctw_top_gathering *ctw_top_gather_free(struct ctw_top_gathering *g) {
    if (!g)
        return NULL;
    for (size_t i = 0; i < g->request.n_dimensions; i++) {
        free(g->lists[i].ranking.slots);
        free(g->lists[i].best);
        free(g->lists[i].rows);
    }
    ctw_table_free(g->table);
    free(g);
    return NULL;
}

/* --- one look -------------------------------------------------------------------------------- */

static int look(struct ctw_top_gathering *g, char reterr[static CTW_TOP_ERROR_MAX]) {
    struct ctw_source_state state, counters;

    ctw_table_look(g->table, &g->sample, &state);
    if (state.health == CTW_HEALTH_OK) {
        ctw_table_look_counters(g->table, &g->sample, &counters); /* for the buckets only */
        return 0;
    }
    if (state.health == CTW_HEALTH_ABSENT) {
        (void)snprintf(reterr, CTW_TOP_ERROR_MAX,
                       "there is no conntrack table: the kernel has not loaded nf_conntrack");
        return -ENOENT;
    }
    (void)snprintf(reterr, CTW_TOP_ERROR_MAX, "%s: %s", state.what, strerror(-state.error));
    return state.error;
}

static int walk(struct ctw_top_gathering *g, struct ctw_walk_end *ret,
                char reterr[static CTW_TOP_ERROR_MAX]) {
    int r = begin(g);
    if (r >= 0)
        r = ctw_walk_now(g->request.sample, g->request.sample > 0 ? SAMPLE_LIMIT_USEC : 0, on_entry,
                         g, ret);
    if (shows_progress(g))
        (void)fputs(PROGRESS_CLEARED, stderr);
    if (r >= 0)
        r = g->error;
    if (r == -EPERM)
        (void)snprintf(reterr, CTW_TOP_ERROR_MAX,
                       "reading the table takes the capability CAP_NET_ADMIN: run it as root");
    else if (r < 0)
        (void)snprintf(reterr, CTW_TOP_ERROR_MAX, "the table cannot be read: %s", strerror(-r));
    return r;
}

/* When the hash table has been exchanged under a dump, entries are passed over or come twice, and
 * the kernel does not say so. */
static bool was_resized(struct ctw_top_gathering *g) {
    struct ctw_source_state state;
    struct ctw_sample now;

    ctw_table_look(g->table, &now, &state);
    if (state.health != CTW_HEALTH_OK)
        return true;
    ctw_table_look_counters(g->table, &now, &state);
    return now.has_buckets && g->sample.has_buckets && now.buckets != g->sample.buckets;
}

static struct ctw_top_list rank(struct list *l, const struct ctw_top_request *request) {
    struct ctw_top_list ret = {.by = l->by, .rows = l->rows};

    ret.distinct = ctw_ranking_distinct(&l->ranking);
    ret.n = ctw_ranking_top(&l->ranking, l->best, request->n);
    for (size_t i = 0; i < ret.n; i++) {
        const struct ctw_ranking_slot *s = &l->best[i];
        const struct ctw_ranking_key key = {.a = s->a, .b = s->b, .c = s->c};
        ctw_dimension_name(l->by, key, request->ipv6_prefix, l->rows[i].name);
        l->rows[i].entries = s->count;
    }
    return ret;
}

int ctw_top_gather(struct ctw_top_gathering *g, struct ctw_top *ret,
                   char reterr[static CTW_TOP_ERROR_MAX]) {
    struct ctw_walk_end end;

    int r = look(g, reterr);
    if (r >= 0)
        r = walk(g, &end, reterr);
    if (r < 0)
        return r;
    if (was_resized(g))
        end.interrupted = true;

    *ret = (struct ctw_top){
        .table = g->sample,
        .interrupted = end.interrupted,
        .timed_out = end.timed_out,
        .n_lists = g->request.n_dimensions,
    };
    ctw_census_result(&g->census, 0, &g->sample, &ret->who);
    /* Who has seen the end of the table knows better than its count, which has a minute of expired
     * entries in it. */
    if (end.whole) {
        ret->who.sampled = false;
        ret->who.margin_permyriad = 0;
    }
    for (size_t i = 0; i < ret->n_lists; i++)
        ret->lists[i] = rank(&g->lists[i], &g->request);
    return 0;
}
