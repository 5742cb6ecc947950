/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTW_LIB_REPORT_REMEDY_H
#define CTW_LIB_REPORT_REMEDY_H

/* The CTWATCH_REMEDY of an alert: the next step, with the commands that take it. */

#include "lib/util/strbuf.h"
#include "lib/watch/alert.h"

/**
 * ctw_remedy() - what to do about @a; empty where there is nothing to be done
 *
 * Commands hold numbers only, never a name from outside: people paste them into a root shell.
 */
void ctw_remedy(const struct ctw_alert *a, struct ctw_line *ret);

#endif
