/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTW_DAEMON_CHECK_H
#define CTW_DAEMON_CHECK_H

/* `ctwatch check`: one line and an exit status, for monitoring systems. */

/** ctw_verb_check() - @argv[0] is the verb. Return: the exit status, see ctwatch(8). */
int ctw_verb_check(int argc, char *argv[]);

#endif
