/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Every remedy: each cause on each kernel generation, in each namespace, with each program. */

#include "lib/report/remedy.h"

enum remedy_place {
    PLACE_INITIAL, /* ctwatchd runs in the initial namespace */
    PLACE_NAMED, /* in a child with a name; or the table of another namespace with a name is full */
    PLACE_UNNAMED, /* in a child without a name; or so is the other namespace */
};
#define REMEDY_PLACES (PLACE_UNNAMED + 1)

enum remedy_tool { TOOL_NFT, TOOL_IPTABLES, TOOL_NONE };
#define REMEDY_TOOLS (TOOL_NONE + 1)

#define REMEDY_MIXES 6 /* of entries, addresses and limits */

struct remedy_case {
    enum ctw_cause cause;
    const char *release; /* "3.10.0-1160.el7.x86_64" */
    enum remedy_place place;
    enum remedy_tool tool;
    unsigned mix;
};

/** each_remedy() - call @f for each case */
void each_remedy(void (*f)(const struct remedy_case *c, const struct ctw_remedy *remedy));

/** remedy_facts() - those of @c; @d is made for its cause, and @ret points into static memory */
void remedy_facts(const struct remedy_case *c, struct ctw_cause_facts *ret,
                  struct ctw_diagnosis *d);

/** remedy_name() - "syn_flood 3.10 initial nft 0" */
const char *remedy_name(const struct remedy_case *c);
