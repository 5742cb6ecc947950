/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Text of bounded length, built by appending: a sentence, a page, or a word for one printf. */

#include <stddef.h>
#include <stdint.h>

/* Room for the longest sentence, its NUL included: a refused configuration's reason and a frame. */
#define CTW_LINE_MAX 768

/*
 * One line of printable UTF-8. Each byte that is a control character, or not part of a well-formed
 * character, becomes '?': journalctl shows a value with such a byte as "[blob data]", and a
 * terminal may obey it. Zero-initialised, it is empty.
 */
struct ctw_line {
    size_t length; /* without the NUL */
    char text[CTW_LINE_MAX];
};

/** ctw_line_start() - make it empty */
void ctw_line_start(struct ctw_line *l);

/** ctw_line_add() - append; what does not fit is cut off between two characters */
void ctw_line_add(struct ctw_line *l, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Text in the caller's buffer, which is measured to its end even when it does not fit. */
struct ctw_out {
    char *buffer;
    size_t size; /* bytes in buffer */
    size_t used; /* bytes of the whole text, without the NUL; may exceed size */
};

/** ctw_out_put() - append; the buffer is always NUL-terminated */
void ctw_out_put(struct ctw_out *o, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A short text as a value, to be an argument of printf. */
struct ctw_word {
    char text[32];
};

/** ctw_percent() - "76.2": cut off, not rounded, so that "100.0" means full */
struct ctw_word ctw_percent(uint32_t permyriad);

/** ctw_duration() - "42 s", in the largest unit that leaves two digits */
struct ctw_word ctw_duration(uint64_t usec);

/**
 * ctw_clock() - "09:58:25", or "2026-11-21 09:58" on another day than @now_realtime_usec
 * @realtime_usec, @now_realtime_usec: since 1970, in UTC
 * @utc_offset_sec:                    of the clock that is shown
 */
struct ctw_word ctw_clock(uint64_t realtime_usec, uint64_t now_realtime_usec,
                          int32_t utc_offset_sec);
