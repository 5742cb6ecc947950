/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTW_LIB_CONFIG_SYNTAX_H
#define CTW_LIB_CONFIG_SYNTAX_H

/*
 * A look at the text of a configuration before libconfig gets to see it.
 *
 * libconfig follows @include to other files while it reads a string, and some of its versions
 * (1.5) cut integers to 32 bits without a word, forget the rest of a file after a comment that is
 * not closed, recurse as deep as the text asks, and leak what stands in quotes where none should.
 * None of that gets past this check. What is left is groups of plain values.
 */

#include <stddef.h>

#include "lib/config/settings.h"

/**
 * ctw_syntax_check() - refuse what must not reach libconfig
 * @text:    need not be NUL-terminated
 * @length:  bytes in @text
 * @reterr:  what is wrong, set only on failure
 *
 * Return: 0; -EINVAL when the text is refused; -ERANGE when it is for the value of the key in
 * @reterr, which is nothing that any key takes. The reason then says only what the value is
 * ("is 4294967297"): what that key allows is for the caller to add.
 */
int ctw_syntax_check(const char *text, size_t length, struct ctw_settings_error *reterr);

/**
 * ctw_refuse() - say why a configuration is refused
 * @line:    1-based; 0 when it concerns the text as a whole
 * @key:     the key to blame, or "syntax", or "file"
 * @format:  what is wrong, what is allowed
 *
 * Return: -EINVAL, always.
 */
int ctw_refuse(struct ctw_settings_error *err, unsigned line, const char *key, const char *format,
               ...) __attribute__((format(printf, 4, 5)));

#endif
