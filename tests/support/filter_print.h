/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stddef.h>

#include "lib/filter/filter.h"

/*
 * The program as text, which parses into the same program again; labels by number.
 *
 * Return: bytes of the whole text, without the NUL, whether or not it fitted.
 */
size_t filter_print(const struct ctw_filter *f, char *buffer, size_t size);
