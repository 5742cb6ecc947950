/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTW_ACCEPT_H
#define CTW_ACCEPT_H

/*
 * What a client says it would like, as Prometheus does:
 *
 *   application/openmetrics-text;version=1.0.0;q=0.8,text/plain;version=0.0.4;q=0.3,...
 */

#include <stdbool.h>

/**
 * ctw_accept_names() - whether the header names that media type, and does not refuse it (q=0)
 * @header:  as it came, any text; NULL: there is none
 * @type:    "application/json", lower case
 *
 * A wildcard names nothing: who does not ask for a type by its name gets what everybody gets.
 */
bool ctw_accept_names(const char *header, const char *type);

#endif
