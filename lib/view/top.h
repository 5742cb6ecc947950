/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTW_LIB_VIEW_TOP_H
#define CTW_LIB_VIEW_TOP_H

/* Shares of the table as people read them, and what they say of its future. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/kernel/sample.h"
#include "lib/state/snapshot.h"
#include "lib/talkers/census.h"
#include "lib/talkers/ranking.h"
#include "lib/util/strbuf.h"

/** ctw_share_tenths() - of a percent, the nearest; one that is damaged is no more than all */
uint32_t ctw_share_tenths(uint32_t permyriad);

/** ctw_share_put() - "60.1 %"; @width: of the number at least */
void ctw_share_put(struct ctw_out *o, int width, uint32_t permyriad);

/** ctw_share_put_outlook() - two lines: what cannot be evicted, what would be lost */
void ctw_share_put_outlook(struct ctw_out *o, const struct ctw_talkers *talkers);

/* What the reading program shows, as text for people at 80 columns, and as JSON. */

/* One line of a list. */
struct ctw_top_row {
    char name[CTW_TALKER_NAME_MAX];
    uint64_t entries; /* counted */
};

struct ctw_top_list {
    enum ctw_dimension by;
    uint64_t distinct; /* names there are, of which these are the most frequent */
    size_t n;
    const struct ctw_top_row *rows; /* the caller's */
};

#define CTW_TOP_LISTS_MAX 3

/* What `ctwatch top` shows. */
struct ctw_top {
    struct ctw_sample table;
    struct ctw_talkers talkers; /* its shares and their margin; its lists are not used */
    bool interrupted;           /* entries changed places while they were counted */
    bool timed_out;             /* stopped before all that was wanted had been seen */
    size_t n_lists;
    struct ctw_top_list lists[CTW_TOP_LISTS_MAX];
};

/**
 * ctw_render_top_text() - lines of at most 80 columns; an IPv6 prefix of 40 characters and more
 * makes its own longer
 * @buffer:  where to; always NUL-terminated
 * @size:    bytes in @buffer
 *
 * Return: bytes the whole text has, without the NUL, whether or not it fitted.
 */
size_t ctw_render_top_text(const struct ctw_top *t, char *buffer, size_t size);

/**
 * ctw_render_top_json() - one object, on one line with a newline when @compact
 *
 * Return: bytes the whole text has, without the NUL; 0 when there was no memory.
 */
size_t ctw_render_top_json(const struct ctw_top *t, bool compact, char *buffer, size_t size);

/* Who filled the table when the daemon last asked, as /top shows it. */

/* Room for the longest of either. */
#define CTW_RENDER_TALKERS_MAX 16384

/**
 * ctw_render_talkers_text() - lines of at most 80 columns
 * @buffer:    where to; always NUL-terminated
 * @size:      bytes in @buffer
 *
 * Return: bytes the whole text has, without the NUL, whether or not it fitted.
 */
size_t ctw_render_talkers_text(const struct ctw_view *v, char *buffer, size_t size);

/**
 * ctw_render_talkers_json() - one object
 *
 * Return: bytes the whole text has, without the NUL; 0 when there was no memory.
 */
size_t ctw_render_talkers_json(const struct ctw_view *v, char *buffer, size_t size);

#endif
