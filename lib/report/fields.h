/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* An alert as the fields of a journal record. */

#include <stddef.h>

#include "lib/watch/alert.h"

/* Upper bound for one rendered record: all fields, five full lists and the names of two, a command
 * and its undo, NULs included. */
#define CTW_FIELDS_BYTES 28672
#define CTW_FIELDS_MAX   (48 + 7 * CTW_TALKERS_TOP_MAX)

/* "NAME=value" strings, for the journal or an environment. */
struct ctw_fields {
    const char *field[CTW_FIELDS_MAX]; /* into text; the first is MESSAGE */
    size_t n;
    char text[CTW_FIELDS_BYTES];
    size_t used;
};

/**
 * ctw_fields_of() - MESSAGE, MESSAGE_ID, PRIORITY and CTWATCH_*
 *
 * A field without a value is absent. Text from outside (namespace names, reasons) is made
 * printable.
 */
void ctw_fields_of(const struct ctw_alert *a, struct ctw_fields *ret);

/** ctw_fields_get() - the value of field @name, NULL when absent */
const char *ctw_fields_get(const struct ctw_fields *f, const char *name);
