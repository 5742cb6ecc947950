/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTW_OUT_H
#define CTW_OUT_H

/* Text built in the caller's buffer, which goes on being measured when it no longer fits. */

#include <stddef.h>

struct ctw_out {
    char *buffer;
    size_t size; /* bytes in buffer */
    size_t used; /* that the whole text has, without the NUL; may exceed size */
};

/** ctw_out_put() - append; what is in the buffer is always NUL-terminated */
void ctw_out_put(struct ctw_out *o, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
