/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTW_SINK_JOURNAL_H
#define CTW_SINK_JOURNAL_H

/*
 * Where alerts go: the journal when the service's stderr is connected to it, otherwise stderr,
 * one readable line each. A journal that does not take records delays nothing: they are held, in
 * fixed room, and sent when it does.
 */

#include "lib/report/fields.h"
#include "lib/watch/alert.h"

struct ctw_report;

/** ctw_report_new() - Return: 0 or -ENOMEM. */
int ctw_report_new(struct ctw_report **ret);
struct ctw_report *ctw_report_free(struct ctw_report *r);

/** ctw_report_send() - say it, or hold it; never blocks, never fails */
void ctw_report_send(struct ctw_report *r, const struct ctw_fields *f);

/** ctw_report_note() - a plain line at debug priority, for the journal only; dropped when it is
 * down */
void ctw_report_note(struct ctw_report *r, const char *text);

/** ctw_report_flush() - try again what is held, and say how the journal is doing */
void ctw_report_flush(struct ctw_report *r, struct ctw_source_state *state);

#endif
