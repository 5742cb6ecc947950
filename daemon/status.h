/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTW_VERB_STATUS_H
#define CTW_VERB_STATUS_H

/* `ctwatch status`: how the table is doing, by what ctwatchd published, or by a look of its own. */

/** ctw_verb_status() - @argv[0] is the verb. Return: the exit status, see ctwatch(8). */
int ctw_verb_status(int argc, char *argv[]);

#endif
