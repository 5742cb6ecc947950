/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The one cause to act upon first, from a census of the table. */

#include "lib/talkers/census.h"

enum ctw_cause {
    CTW_CAUSE_UNKNOWN,    /* there was no census */
    CTW_CAUSE_ONE_SOURCE, /* one source has more than half of the entries */
    CTW_CAUSE_LOOPBACK,   /* the host talks to itself, which need not be tracked */
    CTW_CAUSE_DNS,        /* queries, which need not be tracked */
    CTW_CAUSE_SYN,        /* half-open TCP: a SYN flood, or a vanished peer */
    CTW_CAUSE_UDP,        /* UDP without a reply: a flood, or a scan */
    CTW_CAUSE_IDLE_TCP,   /* established, assured, idle for long: vanished peers */
    CTW_CAUSE_LEGITIMATE, /* nothing stands out: the table is too small */
};

/** ctw_cause_of() - of several causes, the one whose remedy frees most for the least harm */
enum ctw_cause ctw_cause_of(const struct ctw_talkers *talkers);
