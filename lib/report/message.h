/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTW_LIB_REPORT_MESSAGE_H
#define CTW_LIB_REPORT_MESSAGE_H

/* The MESSAGE of an alert: one sentence that carries the numbers. */

#include "lib/util/strbuf.h"
#include "lib/watch/alert.h"

/** ctw_message() - what @a says, for a person */
void ctw_message(const struct ctw_alert *a, struct ctw_line *ret);

/** ctw_message_fault() - "FILE: what is wrong with it", empty where nothing is */
void ctw_message_fault(const struct ctw_source_health *s, struct ctw_line *ret);

#endif
