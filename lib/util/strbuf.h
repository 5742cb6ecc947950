/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTW_LIB_UTIL_STRBUF_H
#define CTW_LIB_UTIL_STRBUF_H

/*
 * One line of text of bounded length, built by appending.
 *
 * Whatever is appended, the result is printable UTF-8 on one line: a byte that is a control
 * character, or no part of a well-formed character, becomes '?'. journalctl shows a value with
 * any such byte as "[blob data]", and a terminal may obey it.
 */

#include <stddef.h>
#include <stdint.h>

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

/* Text built in the caller's buffer, which goes on being measured when it no longer fits. */

struct ctw_out {
    char *buffer;
    size_t size; /* bytes in buffer */
    size_t used; /* that the whole text has, without the NUL; may exceed size */
};

/** ctw_out_put() - append; what is in the buffer is always NUL-terminated */
void ctw_out_put(struct ctw_out *o, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* How long, and when, in words. */

/** ctw_line_add_duration() - "42 s", in the largest unit that leaves two digits */
void ctw_line_add_duration(struct ctw_line *l, uint64_t usec);

/**
 * ctw_line_add_clock() - "09:58:25", or "2026-11-21 09:58" when that is not the same day as @now
 * @realtime_usec:      since 1970, in UTC
 * @now_realtime_usec:  likewise
 * @utc_offset_sec:     of the clock that is shown
 */
void ctw_line_add_clock(struct ctw_line *l, uint64_t realtime_usec, uint64_t now_realtime_usec,
                        int32_t utc_offset_sec);

#endif
