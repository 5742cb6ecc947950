/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Sends alerts to the journal if stderr is connected to it, otherwise prints each as a line on
 * stderr. It never blocks: alerts that the journal does not take are held in a fixed buffer and
 * sent later.
 */

#include "lib/report/fields.h"
#include "lib/watch/alert.h"

struct ctw_journal;

/** ctw_journal_new() - Return: 0 or -ENOMEM. */
int ctw_journal_new(struct ctw_journal **ret);
struct ctw_journal *ctw_journal_free(struct ctw_journal *j);

/** ctw_journal_send() - send an alert, or hold it */
void ctw_journal_send(struct ctw_journal *j, const struct ctw_fields *f);

/** ctw_journal_note() - log a line at debug priority, or drop it if the journal does not take it */
void ctw_journal_note(struct ctw_journal *j, const char *text);

/** ctw_journal_notice() - the same at notice priority; a line where there is no journal */
void ctw_journal_notice(struct ctw_journal *j, const char *text);

/** ctw_journal_flush() - send held alerts. @ret: the health of the journal; UNUSED on stderr */
void ctw_journal_flush(struct ctw_journal *j, struct ctw_source_health *ret);
