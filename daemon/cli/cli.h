/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTW_DAEMON_CLI_CLI_H
#define CTW_DAEMON_CLI_CLI_H

/* What a program says of itself: its options, its version. */

#include <stdio.h>

/**
 * ctw_cli_end() - end after that has been printed
 * @to:  where: stdout when it was asked for, stderr when the command line is wrong
 *
 * Return: the exit status: 2 when it was not asked for; otherwise 0, or 1 when it could not be
 * written, which is told on stderr.
 */
int ctw_cli_end(FILE *to);

#endif
