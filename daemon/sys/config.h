/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Reads the configuration file. */

#include "lib/config/settings.h"

/* Room for "FILE:LINE: key: what is wrong, what is allowed". */
#define CTW_CONFIG_ERROR_MAX 512

/**
 * ctw_config_load() - read the settings from a file
 * @path:    a regular file
 * @ret:     set only on success
 * @reterr:  one line without a newline; set only on failure
 *
 * Return: 0 or a negative errno.
 */
int ctw_config_load(const char *path, struct ctw_settings *ret,
                    char reterr[static CTW_CONFIG_ERROR_MAX]);

/**
 * ctw_config_load_or_defaults() - read the settings for a verb of ctwatch
 * @path:     a file that must be valid; NULL: CTWATCH_CONFIG_PATH, or the defaults if it cannot be
 *            read or is not valid
 * @program:  for the messages on stderr
 *
 * Return: 0; a negative errno when the file at @path is refused, which is reported on stderr.
 */
int ctw_config_load_or_defaults(const char *path, const char *program, struct ctw_settings *ret);
