/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTW_LIB_UTIL_ACCEPT_H
#define CTW_LIB_UTIL_ACCEPT_H

/*
 * What a client says it would like, as Prometheus does:
 *
 *   application/openmetrics-text;version=1.0.0;q=0.8,text/plain;version=0.0.4;q=0.3,...
 */

#include <stdbool.h>

/**
 * ctw_accept_prefers() - whether that media type is wanted rather than text/plain
 * @header:  as it came, any text; NULL: there is none
 * @type:    "application/json", lower case
 *
 * It is when the header names it, does not refuse it (q=0), and likes it no less than text/plain,
 * if it names that. A wildcard names nothing: who does not ask for a type by its name gets what
 * everybody gets.
 */
bool ctw_accept_prefers(const char *header, const char *type);

#endif
