/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTW_RENDER_H
#define CTW_RENDER_H

/* What the reading program shows, as text for people at 80 columns, and as JSON. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "census.h"
#include "dimension.h"
#include "sample.h"

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
    struct ctw_who who; /* its shares and their margin; its lists are not used */
    bool interrupted;   /* entries changed places while they were counted */
    bool timed_out;     /* stopped before all that was wanted had been seen */
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

#endif
