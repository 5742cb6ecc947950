/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTW_LIB_VIEW_REDACT_H
#define CTW_LIB_VIEW_REDACT_H

/* A snapshot for those whom the addresses in it are no business of. */

#include "lib/state/snapshot.h"

/**
 * ctw_redact_snapshot() - take out who fills the table, and in what was said every address
 * @p:  checked, and still good afterwards
 */
void ctw_redact_snapshot(struct ctw_snapshot *p);

/**
 * ctw_redact_text() - @text with "somebody" for each address; cut off where it does not fit
 *
 * An address is a word that looks like one: of hexadecimal digits and three points or two colons at
 * least, with a prefix length or without. A clock time does, too.
 */
void ctw_redact_text(const char *text, char *ret, size_t size);

#endif
