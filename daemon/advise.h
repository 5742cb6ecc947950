/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTW_ADVISE_H
#define CTW_ADVISE_H

/* `ctwatch advise`: what to set on this machine, or a captured one, so that its table lasts. */

/** ctw_verb_advise() - @argv[0] is the verb. Return: the exit status, see ctwatch(8). */
int ctw_verb_advise(int argc, char *argv[]);

#endif
