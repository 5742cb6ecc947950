/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The page at /: one file for a browser, whole without a script, and alive with it.
 *
 * Style and script are page.css and page.js, which the build turns into constants. They are part of
 * the page, and the policy names their hashes, so that a browser obeys nothing else that may have
 * come into it. All text is escaped, and no element has an attribute style or on*.
 */

#include <stdbool.h>
#include <stddef.h>

#include "lib/state/snapshot.h"

/* Room for any page. A page with a whole day of history is below 40 kB. */
#define CTW_RENDER_PAGE_MAX 131072

/* The value of the header Content-Security-Policy. */
extern const char ctw_page_policy[];

/* Without a NUL. */
extern const char ctw_page_style[], ctw_page_script[];
extern const size_t ctw_page_style_bytes, ctw_page_script_bytes;

/**
 * ctw_render_page() - the whole file
 * @v:          redacted unless @addresses
 * @addresses:  talkers, and lines to be pasted into a shell, may be on it
 *
 * Return: bytes of the whole text, without the NUL, whether or not it fitted.
 */
size_t ctw_render_page(const struct ctw_view *v, bool addresses, char *buffer, size_t size);
