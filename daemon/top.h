/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTW_TOP_H
#define CTW_TOP_H

/*
 * `ctwatch top`: who fills the table, by a walk of its own, whether or not the daemon runs.
 *
 * A verb is to ctwatch what the manager is to ctwatchd: the one that sees more than one sibling.
 */

/** ctw_verb_top() - @argv[0] is the verb. Return: the exit status, see ctwatch(8). */
int ctw_verb_top(int argc, char *argv[]);

#endif
