/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * What json_pack() lacks, on top of jansson.
 *
 * Each function takes the references that it is given, and returns NULL when one of them is NULL:
 * where there was no memory for a part, there is no whole, and only ctw_json_print() has to check.
 */

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** ctw_json_number() - JSON's integers end at 2^63 - 1, and so does @n */
json_t *ctw_json_number(uint64_t n);

/** ctw_json_number_if() - @n, or null where it is not @known */
json_t *ctw_json_number_if(bool known, uint64_t n);

/** ctw_json_percent() - 60.12: a permyriad has two decimals */
json_t *ctw_json_percent(uint32_t permyriad);

/** ctw_json_percent_if() - the same, or null where it is not @known */
json_t *ctw_json_percent_if(bool known, uint32_t permyriad);

/** ctw_json_set() - set one member. Return: @object or NULL. */
json_t *ctw_json_set(json_t *object, const char *name, json_t *value);

/** ctw_json_append() - append one element. Return: @array or NULL. */
json_t *ctw_json_append(json_t *array, json_t *value);

/**
 * ctw_json_print() - the text, with a newline, on one line when @compact
 * @buffer:  where to; NUL-terminated when it fitted
 *
 * Return: bytes of the whole text, without the NUL; 0 when there was no memory.
 */
size_t ctw_json_print(json_t *value, bool compact, char *buffer, size_t size);
