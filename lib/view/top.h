/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Talkers: what fills the table, as lists of shares, for `ctwatch top`, /top and the status; and
 * the sources that open new flows, for `ctwatch top --new`.
 *
 * Renderers of text return the bytes of the whole text without the NUL, whether or not it fitted,
 * and always terminate the buffer. Renderers of JSON return 0 when there was no memory.
 */

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/kernel/sample.h"
#include "lib/state/snapshot.h"
#include "lib/talkers/census.h"
#include "lib/talkers/ranking.h"
#include "lib/util/layout.h"

#define CTW_TOP_LISTS_MAX 4

struct ctw_top_list {
    const char *heading; /* "source" */
    size_t n;
    const struct ctw_share *rows; /* the most frequent names */
    const uint64_t *entries;      /* counted, for each row; NULL: only shares are known */
    uint64_t distinct;            /* names in all; with entries */
};

/* What `ctwatch top` shows. */
struct ctw_top {
    struct ctw_sample table;
    struct ctw_talkers talkers; /* its lists are not used */
    bool interrupted;           /* buckets changed during the dump */
    bool timed_out;             /* stopped before the sample was complete */
    const char *filter;         /* only entries that match it are counted; NULL: all */
    uint32_t matching;          /* with a filter: how many there are, about, where it is a sample */
    size_t n_lists;
    struct ctw_top_list lists[CTW_TOP_LISTS_MAX];
};

/** ctw_render_top_text() - lines of at most 80 columns */
size_t ctw_render_top_text(const struct ctw_top *t, char *buffer, size_t size);

/** ctw_render_top_json() - one object, on one line when @compact */
size_t ctw_render_top_json(const struct ctw_top *t, bool compact, char *buffer, size_t size);

/* Room for the longest of the following. */
#define CTW_RENDER_TALKERS_MAX 16384

/** ctw_render_talkers_text() - /top: talkers as the daemon last sampled them */
size_t ctw_render_talkers_text(const struct ctw_view *v, char *buffer, size_t size);

/** ctw_render_talkers_json() - /top.json */
size_t ctw_render_talkers_json(const struct ctw_view *v, char *buffer, size_t size);

/* --- ctwatch top --new ----------------------------------------------------------------------- */

/**
 * ctw_new_sources_absence() - why the daemon knows no sources of new flows; "" when it does
 */
void ctw_new_sources_absence(const struct ctw_view *v, struct ctw_line *ret);

/** ctw_render_new_text() - at most @n sources of new flows, or why they are not known */
size_t ctw_render_new_text(const struct ctw_view *v, uint32_t n, char *buffer, size_t size);

/** ctw_render_new_json() - one object, on one line when @compact */
size_t ctw_render_new_json(const struct ctw_view *v, uint32_t n, bool compact, char *buffer,
                           size_t size);

/* Parts of the status. */

/** ctw_talkers_basis() - "a random sample of 5000 entries, accurate within 1.4 %" */
void ctw_talkers_basis(struct ctw_line *l, const struct ctw_talkers *t);

/** ctw_talkers_outlook() - what early drop cannot evict, and what a full table would drop */
void ctw_talkers_outlook(struct ctw_line *l, const struct ctw_talkers *t);

/** ctw_talkers_lists() - sources, ports, states and destinations, as many side by side as fit */
void ctw_talkers_lists(struct ctw_layout *page, const struct ctw_talkers *t);

/** ctw_talkers_json() - the object, to which the caller adds when it was sampled */
json_t *ctw_talkers_json(const struct ctw_talkers *t);
