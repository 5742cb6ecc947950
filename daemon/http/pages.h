/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTW_DAEMON_HTTP_PAGES_H
#define CTW_DAEMON_HTTP_PAGES_H

/* The pages of `ctwatch serve`. Each request reads anew what ctwatchd published, and nothing else.
 */

#include <stdbool.h>

#include "daemon/http/server.h"

struct ctw_pages;

/**
 * ctw_pages_new()
 * @directory:  where a daemon publishes: CTWATCH_RUN_PATH, usually; must outlive the pages
 * @addresses:  show client addresses, and /top; otherwise no page has an address
 *
 * Return: 0 or -ENOMEM.
 */
int ctw_pages_new(const char *directory, bool addresses, struct ctw_pages **ret);

/** ctw_pages_free() - after the server that they belong to */
struct ctw_pages *ctw_pages_free(struct ctw_pages *s);

/** ctw_pages_answer() - the page at a path, as a ctw_server_handler. @pages: struct ctw_pages */
int ctw_pages_answer(void *pages, const struct ctw_server_request *request,
                     struct ctw_server_reply *ret);

#endif
