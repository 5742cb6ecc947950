/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTW_LIB_CONFIG_SYNTAX_H
#define CTW_LIB_CONFIG_SYNTAX_H

/*
 * Refuses the few texts that libconfig would take the wrong way: `@include` reads other files,
 * version 1.5 cuts integers to 32 bits silently and ignores the rest of a file behind a comment
 * that is not closed, and every version ends the text at a NUL byte. libconfig refuses all other
 * mistakes by itself.
 */

#include <stddef.h>

#include "lib/config/settings.h"

/**
 * ctw_syntax_check() - refuse what must not reach libconfig
 * @text:    need not be NUL-terminated
 * @length:  bytes in @text
 * @reterr:  what is wrong, set only on failure
 *
 * Return: 0; -EINVAL when the text is refused; -ERANGE when no key takes the value of the key in
 * @reterr. The reason then says only what the value is ("is 4294967297"); the caller adds what the
 * key allows.
 */
int ctw_syntax_check(const char *text, size_t length, struct ctw_settings_error *reterr);

/**
 * ctw_refuse() - describe why a configuration is refused
 * @line:    1-based; 0 when the text as a whole is refused
 * @key:     the key to blame, or "syntax", or "file"
 * @format:  what is wrong, what is allowed
 *
 * Return: -EINVAL, always.
 */
int ctw_refuse(struct ctw_settings_error *err, unsigned line, const char *key, const char *format,
               ...) __attribute__((format(printf, 4, 5)));

#endif
