/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTW_DAEMON_CLI_TOP_H
#define CTW_DAEMON_CLI_TOP_H

/* What `ctwatch top` shows, gathered. Part of daemon/top, nobody else's. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/view/top.h"

struct ctw_top_request {
    uint32_t sample; /* entries to look at; 0: all there are */
    uint32_t ipv6_prefix;
    uint32_t n; /* lines of each list */
    size_t n_dimensions;
    enum ctw_dimension dimensions[CTW_TOP_LISTS_MAX];
    bool progress; /* on stderr, when there are many */
};

struct ctw_top_gathering;

/** ctw_top_gather_new() - memory for what is found */
int ctw_top_gather_new(const struct ctw_top_request *request, struct ctw_top_gathering **ret);
struct ctw_top_gathering *ctw_top_gather_free(struct ctw_top_gathering *g);

/* Room for what is wrong. */
#define CTW_TOP_ERROR_MAX 160

/**
 * ctw_top_gather() - look at the table once
 * @ret:     refers to memory of @g, until the next time; set only on success
 * @reterr:  what is wrong, set only on failure
 *
 * Return: 0 or a negative errno.
 */
int ctw_top_gather(struct ctw_top_gathering *g, struct ctw_top *ret,
                   char reterr[static CTW_TOP_ERROR_MAX]);

#endif
