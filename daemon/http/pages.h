/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTW_HTTP_PAGES_H
#define CTW_HTTP_PAGES_H

/* What `ctwatch serve` has at which path. It reads what ctwatchd published, at each request anew,
 * and nothing else. */

#include <stdbool.h>

#include "daemon/http/server.h"

struct ctw_site;

/**
 * ctw_site_new() - nothing is read yet
 * @directory:  where a daemon publishes; a string that stays
 * @addresses:  show who fills the table; otherwise no page has an address
 *
 * Return: 0 or -ENOMEM.
 */
int ctw_site_new(const char *directory, bool addresses, struct ctw_site **ret);
struct ctw_site *ctw_site_free(struct ctw_site *s);

/** ctw_site_answer() - what is at the path. @site: a struct ctw_site. See ctw_http_handler. */
int ctw_site_answer(void *site, const struct ctw_http_request *request, struct ctw_http_reply *ret);

#endif
