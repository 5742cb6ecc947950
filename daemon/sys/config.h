/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTW_DAEMON_SYS_CONFIG_H
#define CTW_DAEMON_SYS_CONFIG_H

/* The configuration file: read whole, handed to lib/settings. */

#include <stddef.h>

#include "lib/config/settings.h"

/* Room for "FILE:LINE: key: what is wrong, what is allowed". */
#define CTW_CONFIG_ERROR_MAX 512

/**
 * ctw_config_load() - read the settings from a file
 * @path:    a regular file of at most CTW_SETTINGS_TEXT_MAX bytes
 * @ret:     set only on success
 * @reterr:  the one line of what is wrong, without a newline, set only on failure
 *
 * Return: 0 or a negative errno.
 */
int ctw_config_load(const char *path, struct ctw_settings *ret,
                    char reterr[static CTW_CONFIG_ERROR_MAX]);

/**
 * ctw_config_load_or_defaults() - the same, for a program that can do without
 * @path:     a file that was asked for; NULL: the usual one, which may be missing, or unreadable
 * for this user: then the defaults are taken
 * @program:  for what is said on stderr when something is wrong
 *
 * Return: 0; a negative errno when the file that was asked for is refused.
 */
int ctw_config_load_or_defaults(const char *path, const char *program, struct ctw_settings *ret);

#endif
