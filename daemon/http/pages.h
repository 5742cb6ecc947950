/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The pages of `ctwatch serve`, from the published state alone, which each request reads anew. */

#include <stdbool.h>

#include "daemon/http/server.h"

struct ctw_pages;

/**
 * ctw_pages_new()
 * @directory:  of the published state, such as CTWATCH_RUN_PATH; must outlive the pages
 * @addresses:  serve /top, alerts with client addresses, and the names that users gave namespaces;
 *              otherwise no page has any of these
 *
 * Return: 0 or -ENOMEM.
 */
int ctw_pages_new(const char *directory, bool addresses, struct ctw_pages **ret);

/** ctw_pages_free() - must be called after ctw_server_free() */
struct ctw_pages *ctw_pages_free(struct ctw_pages *s);

/** ctw_pages_answer() - a ctw_server_handler. @pages: struct ctw_pages */
int ctw_pages_answer(void *pages, const struct ctw_server_request *request,
                     struct ctw_server_reply *ret);
