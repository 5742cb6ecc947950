/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTW_DIMENSION_H
#define CTW_DIMENSION_H

/* What the entries of a table can be told apart by. */

#include <stdint.h>

#include "flow.h"
#include "ranking.h"
#include "talkers.h"

enum ctw_dimension {
    CTW_BY_SOURCE,
    CTW_BY_DESTINATION,
    CTW_BY_PORT,
    CTW_BY_PROTOCOL,
    CTW_BY_STATE,
    CTW_BY_ZONE,
};
#define CTW_DIMENSIONS (CTW_BY_ZONE + 1)

/** ctw_dimension_word() - "source", "destination", "port", "protocol", "state", "zone" */
const char *ctw_dimension_word(enum ctw_dimension d);

/** ctw_dimension_find() - the one of that word. Return: 0 or -EINVAL. */
int ctw_dimension_find(const char *word, enum ctw_dimension *ret);

/**
 * ctw_dimension_key() - what this entry counts as; a direction is the original one
 * @ipv6_prefix:  addresses of which this many bits are the same are one, 0 to 128
 */
struct ctw_ranking_key ctw_dimension_key(enum ctw_dimension d, const struct ctw_flow *flow,
                                         uint32_t ipv6_prefix);

/** ctw_dimension_name() - a key of that dimension and prefix as people write it */
void ctw_dimension_name(enum ctw_dimension d, struct ctw_ranking_key key, uint32_t ipv6_prefix,
                        char ret[static CTW_TALKER_NAME_MAX]);

#endif
