/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTW_LIB_UTIL_JSON_H
#define CTW_LIB_UTIL_JSON_H

/*
 * What all that is rendered as JSON has in common, on top of jansson.
 *
 * Every function takes the values that it is given, and passes NULL on: where there was no memory
 * for a part, the whole cannot be had, and only its end has to look.
 */

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** ctw_json_add() - one member. Return: 0 or -1. */
int ctw_json_add(json_t *object, const char *name, json_t *value);

/** ctw_json_whole() - the object, when all its members could be added (@r is 0); otherwise NULL */
json_t *ctw_json_whole(json_t *object, int r);

/** ctw_json_number() - JSON's integers end at 2^63 - 1, and so does @n */
json_t *ctw_json_number(uint64_t n);

/** ctw_json_percent() - 60.12, for a permyriad has two digits behind the point */
json_t *ctw_json_percent(uint32_t permyriad);

/**
 * ctw_json_print() - the text, with a newline, on one line when @compact
 * @buffer:  where to; NUL-terminated when it fitted
 *
 * Return: bytes the whole text has, without the NUL; 0 when there was no memory.
 */
size_t ctw_json_print(json_t *value, bool compact, char *buffer, size_t size);

#endif
