/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTW_DAEMON_SINK_JOURNAL_H
#define CTW_DAEMON_SINK_JOURNAL_H

/*
 * Where alerts go: the journal when the service's stderr is connected to it, otherwise stderr,
 * one readable line each. A journal that does not take records delays nothing: they are held, in
 * fixed room, and sent when it does.
 */

#include "lib/report/fields.h"
#include "lib/watch/alert.h"

struct ctw_journal;

/** ctw_journal_new() - Return: 0 or -ENOMEM. */
int ctw_journal_new(struct ctw_journal **ret);
struct ctw_journal *ctw_journal_free(struct ctw_journal *r);

/** ctw_journal_send() - say it, or hold it; never blocks, never fails */
void ctw_journal_send(struct ctw_journal *r, const struct ctw_fields *f);

/** ctw_journal_note() - a plain line at debug priority, for the journal only; dropped when it is
 * down */
void ctw_journal_note(struct ctw_journal *r, const char *text);

/** ctw_journal_flush() - try again what is held, and say how the journal is doing */
void ctw_journal_flush(struct ctw_journal *r, struct ctw_source_health *state);

#endif
