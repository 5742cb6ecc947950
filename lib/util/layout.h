/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * A page of text: paragraphs with a label to the left, broken between words to fit its columns.
 *
 * Text is printable UTF-8 on one line (struct ctw_line); a page that is not in UTF-8 shows each
 * character beyond ASCII as '?'.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/util/strbuf.h"

enum ctw_colour { CTW_COLOUR_NONE, CTW_COLOUR_GOOD, CTW_COLOUR_UNWELL, CTW_COLOUR_BAD };

struct ctw_layout {
    struct ctw_out out;
    uint32_t columns;
    uint32_t indent; /* columns of the labels */
    bool colour, utf8;
};

/**
 * ctw_layout_paragraph() - @label, and @text beside it
 * @label:   "": none; a label longer than the indent pushes its text to the right
 * @colour:  of the text
 */
void ctw_layout_paragraph(struct ctw_layout *p, const char *label, enum ctw_colour colour,
                          const char *text);

/** ctw_layout_headline() - a paragraph of which only the first @coloured bytes have the colour */
void ctw_layout_headline(struct ctw_layout *p, const char *label, enum ctw_colour colour,
                         const char *text, size_t coloured);

/** ctw_layout_label() - the label alone, padded to the indent */
void ctw_layout_label(struct ctw_layout *p, const char *label);

/** ctw_layout_put() - text without breaks */
void ctw_layout_put(struct ctw_layout *p, enum ctw_colour colour, const char *text);

/** ctw_layout_put_within() - at most @columns of @text. Return: the columns that it took */
uint32_t ctw_layout_put_within(struct ctw_layout *p, const char *text, uint32_t columns);

/** ctw_layout_fill() - the same character @n times */
void ctw_layout_fill(struct ctw_layout *p, enum ctw_colour colour, const char *character,
                     uint32_t n);
