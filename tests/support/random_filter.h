/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Random filters and random entries of few values, so that they often meet. A filter is made as
 * text and as a tree with a meaning of its own, which is independent of lib/filter.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/filter/filter.h"

/* Of one program of tests: the same seed gives the same sequence. */
struct dice {
    uint64_t state;
};

/* Return: 0 to @sides - 1. */
unsigned roll(struct dice *d, unsigned sides);

#define RANDOM_NODES_MAX 64

struct random_node {
    unsigned kind;       /* as the .c file has them */
    unsigned value, end; /* of a condition */
    unsigned left, right;
};

struct random_filter {
    char text[CTW_FILTER_TEXT_MAX];
    unsigned n;
    struct random_node nodes[RANDOM_NODES_MAX];
};

/* With at most that many levels of and, or and not. */
void random_filter(struct dice *d, unsigned levels, struct random_filter *ret);

/* The label of that name, for ctw_filter_parse(). */
int random_label(const char *name, void *userdata);

/* Whether the filter is meant to match. */
bool random_filter_matches(const struct random_filter *f, const struct ctw_flow *flow,
                           const struct ctw_flow_details *details);

void random_entry(struct dice *d, struct ctw_flow *flow, struct ctw_flow_details *details);
