/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "out.h"

#include <stdarg.h>
#include <stdio.h>

void ctw_out_put(struct ctw_out *o, const char *format, ...) {
    const size_t left = o->used < o->size ? o->size - o->used : 0;
    va_list arguments;

    va_start(arguments, format);
    const int n = vsnprintf(left > 0 ? o->buffer + o->used : NULL, left, format, arguments);
    va_end(arguments);
    o->used += n > 0 ? (size_t)n : 0;
}
