/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The tables of other network namespaces: `ctwatch namespaces`, and parts of the status.
 *
 * Renderers of text return the bytes of the whole text without the NUL, whether or not it fitted,
 * and always terminate the buffer.
 */

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/state/namespaces.h"
#include "lib/util/layout.h"

/* Room for the longest of either form with @n namespaces: as JSON each has ten members of at most
 * 52 bytes, and a name whose bytes may take two. */
#define CTW_RENDER_NAMESPACES_BYTES(n) (4096u + 1024u * (size_t)(n))

/**
 * ctw_render_namespaces_text() - a table of them, the fullest first
 * @v:        with namespaces
 * @origin:   why this is not what a live daemon has published; "": it is
 * @columns:  names are cut to fit them; 0: they are not
 */
size_t ctw_render_namespaces_text(const struct ctw_view *v, const char *origin, uint32_t columns,
                                  char *buffer, size_t size);

/**
 * ctw_render_namespaces_json() - one object, on one line with a newline when @compact
 *
 * Return: bytes of the whole text, without the NUL; 0 when there was no memory.
 */
size_t ctw_render_namespaces_json(const struct ctw_view *v, bool compact, char *buffer,
                                  size_t size);

/** ctw_namespaces_add_name() - or its inode, or else its process, where it has no name */
void ctw_namespaces_add_name(struct ctw_line *l, const struct ctw_namespace_record *n);

/* Parts of the status: of the fullest CTW_NAMESPACES_SHOWN that have entries or losses. */
#define CTW_NAMESPACES_SHOWN 5u

/** ctw_level_colour() - of a table at this level */
enum ctw_colour ctw_level_colour(enum ctw_level level);

void ctw_namespaces_block(struct ctw_layout *p, const struct ctw_namespaces *n);

/* @name: of the member that lists the first @most of them */
json_t *ctw_namespaces_json(const struct ctw_namespaces *n, const char *name, uint32_t most);
