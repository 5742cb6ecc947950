/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTW_DAEMON_HTTP_PAGES_H
#define CTW_DAEMON_HTTP_PAGES_H

/* What `ctwatch serve` has at which path. It reads what ctwatchd published, at each request anew,
 * and nothing else. */

#include <stdbool.h>

#include "daemon/http/server.h"

struct ctw_pages;

/**
 * ctw_pages_new() - nothing is read yet
 * @directory:  where a daemon publishes; a string that stays
 * @addresses:  show who fills the table; otherwise no page has an address
 *
 * Return: 0 or -ENOMEM.
 */
int ctw_pages_new(const char *directory, bool addresses, struct ctw_pages **ret);
struct ctw_pages *ctw_pages_free(struct ctw_pages *s);

/** ctw_pages_answer() - what is at the path. @pages: a struct ctw_pages. See ctw_server_handler. */
int ctw_pages_answer(void *pages, const struct ctw_server_request *request,
                     struct ctw_server_reply *ret);

#endif
