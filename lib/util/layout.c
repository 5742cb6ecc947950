/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/util/layout.h"

#include <string.h>

/* A continuation byte of UTF-8 takes no column. */
static bool continues(char c) {
    return ((unsigned char)c & 0xc0) == 0x80;
}

static uint32_t columns_of(const char *text, size_t length) {
    uint32_t n = 0;

    for (size_t i = 0; i < length; i++)
        n += !continues(text[i]);
    return n;
}

static void begin(struct ctw_layout *p, enum ctw_colour colour) {
    static const char *const sequences[] = {[CTW_COLOUR_NONE] = "",
                                            [CTW_COLOUR_GOOD] = "\033[32m",
                                            [CTW_COLOUR_UNWELL] = "\033[33m",
                                            [CTW_COLOUR_BAD] = "\033[1;31m"};

    if (p->colour)
        ctw_out_put(&p->out, "%s", sequences[colour]);
}

static void end(struct ctw_layout *p, enum ctw_colour colour) {
    if (p->colour && colour != CTW_COLOUR_NONE)
        ctw_out_put(&p->out, "\033[0m");
}

static void put(struct ctw_layout *p, const char *text, size_t length) {
    if (p->utf8) {
        ctw_out_put(&p->out, "%.*s", (int)length, text);
        return;
    }
    for (size_t i = 0; i < length; i++)
        if (!continues(text[i]))
            ctw_out_put(&p->out, "%c", (unsigned char)text[i] < 0x80 ? text[i] : '?');
}

void ctw_layout_put(struct ctw_layout *p, enum ctw_colour colour, const char *text) {
    begin(p, colour);
    put(p, text, strlen(text));
    end(p, colour);
}

void ctw_layout_fill(struct ctw_layout *p, enum ctw_colour colour, const char *character,
                     uint32_t n) {
    if (n == 0)
        return;
    begin(p, colour);
    for (uint32_t i = 0; i < n; i++)
        put(p, character, strlen(character));
    end(p, colour);
}

void ctw_layout_label(struct ctw_layout *p, const char *label) {
    const uint32_t n = columns_of(label, strlen(label));

    put(p, label, strlen(label));
    ctw_out_put(&p->out, "%*s", n < p->indent ? (int)(p->indent - n) : n > 0, "");
}

/* Bytes of @text that take at most @columns. */
static size_t fitting(const char *text, uint32_t columns) {
    size_t n = 0;

    for (uint32_t used = 0; text[n] != '\0'; n++) {
        used += !continues(text[n]);
        if (used > columns)
            break;
    }
    return n;
}

/* Bytes for a line of @columns: whole words, or a part of a word that is longer. */
static size_t line_length(const char *text, uint32_t columns) {
    size_t n = 0;

    for (;;) {
        const size_t next = n + strspn(text + n, " ");
        const size_t word = next + strcspn(text + next, " ");
        if (word == next || columns_of(text, word) > columns)
            break;
        n = word;
    }
    return n > 0 ? n : fitting(text, columns);
}

uint32_t ctw_layout_put_within(struct ctw_layout *p, const char *text, uint32_t columns) {
    const size_t n = fitting(text, columns);

    put(p, text, n);
    return columns_of(text, n);
}

void ctw_layout_headline(struct ctw_layout *p, const char *label, enum ctw_colour colour,
                         const char *text, size_t coloured) {
    const uint32_t beside = columns_of(label, strlen(label));
    const uint32_t indent = beside < p->indent ? p->indent : beside + (beside > 0);
    const uint32_t room = p->columns > indent ? p->columns - indent : 1;

    ctw_layout_label(p, label);
    for (size_t at = 0; at == 0 || text[at] != '\0';) {
        const size_t n = line_length(text + at, room);
        const size_t in_colour = coloured <= at ? 0 : coloured - at < n ? coloured - at : n;
        if (at > 0)
            ctw_out_put(&p->out, "%*s", (int)indent, "");
        if (in_colour > 0) {
            begin(p, colour);
            put(p, text + at, in_colour);
            end(p, colour);
        }
        put(p, text + at + in_colour, n - in_colour);
        ctw_out_put(&p->out, "\n");
        at += n + strspn(text + at + n, " ");
        if (n == 0)
            break;
    }
}

void ctw_layout_paragraph(struct ctw_layout *p, const char *label, enum ctw_colour colour,
                          const char *text) {
    ctw_layout_headline(p, label, colour, text, SIZE_MAX);
}
