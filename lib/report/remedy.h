/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The CTWATCH_REMEDY of an alert: the next step, with its commands. */

#include "lib/util/strbuf.h"
#include "lib/watch/alert.h"

/**
 * ctw_remedy() - the next step after @a; empty when there is none
 *
 * Commands are pasted into root shells: they hold numbers and addresses, never a name from outside.
 */
void ctw_remedy(const struct ctw_alert *a, struct ctw_line *ret);
