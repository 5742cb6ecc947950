/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTW_LINE_H
#define CTW_LINE_H

/*
 * One line of text of bounded length, built by appending.
 *
 * Whatever is appended, the result is printable UTF-8 on one line: a byte that is a control
 * character, or no part of a well-formed character, becomes '?'. journalctl shows a value with
 * any such byte as "[blob data]", and a terminal may obey it.
 */

#include <stddef.h>

/* Room for the longest sentence, its NUL included: a refused configuration's reason and a frame. */
#define CTW_LINE_MAX 768

struct ctw_line {
    size_t length; /* without the NUL */
    char text[CTW_LINE_MAX];
};

/** ctw_line_start() - make it empty */
void ctw_line_start(struct ctw_line *l);

/** ctw_line_add() - append; what does not fit is cut off between two characters */
void ctw_line_add(struct ctw_line *l, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
