/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What `ctwatch advise` shows: the table, how each number was computed, and what to change. */

#include <stddef.h>

#include "lib/config/settings.h"
#include "lib/report/advice.h"

/* Room for the longest of either. */
#define CTW_RENDER_ADVICE_MAX 32768

/**
 * ctw_render_advice_text() - lines of at most 80 columns
 * @buffer:  where to; always NUL-terminated
 * @size:    bytes in @buffer
 *
 * Return: bytes of the whole text, without the NUL, whether or not it fitted.
 */
size_t ctw_render_advice_text(const struct ctw_advice_facts *f, const struct ctw_settings *s,
                              const struct ctw_advice *a, char *buffer, size_t size);

/**
 * ctw_render_advice_json() - one object
 *
 * Return: bytes of the whole text, without the NUL; 0 when there was no memory.
 */
size_t ctw_render_advice_json(const struct ctw_advice_facts *f, const struct ctw_advice *a,
                              char *buffer, size_t size);
