/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What to do about a cause, or an alert. CTWATCH_REMEDY, CTWATCH_COMMAND, CTWATCH_UNDO. */

#include "lib/report/command.h"
#include "lib/util/strbuf.h"
#include "lib/watch/alert.h"
#include "lib/watch/cause.h"

struct ctw_remedy {
    struct ctw_line sentence;         /* what to do and why, and what it risks; empty: nothing */
    char command[CTW_SHELL_LINE_MAX]; /* for a root shell in ctwatchd's own namespace; "": none */
    char undo[CTW_SHELL_LINE_MAX];    /* takes the command back; "": none */
};

/**
 * ctw_remedy_for() - what to do about @d
 * @f:  what @d was found by; commands need the host, and those that raise a limit the table
 */
void ctw_remedy_for(const struct ctw_diagnosis *d, const struct ctw_cause_facts *f,
                    struct ctw_remedy *ret);

/** ctw_remedy() - what to do after @a; all empty where there is nothing */
void ctw_remedy(const struct ctw_alert *a, struct ctw_remedy *ret);
