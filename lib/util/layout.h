/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTW_LIB_UTIL_LAYOUT_H
#define CTW_LIB_UTIL_LAYOUT_H

/*
 * A page of text: paragraphs with a label to the left, broken between words so that they fit.
 *
 * What it is given is printable UTF-8 on one line (lib/line); a page that is not for UTF-8 shows
 * each other character as '?'.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/util/strbuf.h"

enum ctw_colour { CTW_COLOUR_NONE, CTW_COLOUR_GOOD, CTW_COLOUR_UNWELL, CTW_COLOUR_BAD };

struct ctw_layout {
    struct ctw_out out;
    uint32_t columns;
    uint32_t indent; /* where paragraphs begin, behind their labels */
    bool colour, utf8;
};

/**
 * ctw_layout_paragraph() - @label, and @text beside it
 * @label:   "": none; one longer than the indent pushes its text to the right
 * @colour:  of the text
 */
void ctw_layout_paragraph(struct ctw_layout *p, const char *label, enum ctw_colour colour,
                          const char *text);

/** ctw_layout_headline() - the same, but only the first @coloured bytes of @text have the colour */
void ctw_layout_headline(struct ctw_layout *p, const char *label, enum ctw_colour colour,
                         const char *text, size_t coloured);

/** ctw_layout_label() - the label alone, filled up to the indent: a line made by hand begins */
void ctw_layout_label(struct ctw_layout *p, const char *label);

/** ctw_layout_put() - text as it is, in this colour */
void ctw_layout_put(struct ctw_layout *p, enum ctw_colour colour, const char *text);

/** ctw_layout_put_within() - as much of it as takes at most @columns. Return: how many it took */
uint32_t ctw_layout_put_within(struct ctw_layout *p, const char *text, uint32_t columns);

/** ctw_layout_fill() - @n times the same character */
void ctw_layout_fill(struct ctw_layout *p, enum ctw_colour colour, const char *character,
                     uint32_t n);

/** ctw_layout_columns() - how many @text takes */
uint32_t ctw_layout_columns(const char *text);

#endif
