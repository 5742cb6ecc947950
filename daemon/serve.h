/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTW_SERVE_H
#define CTW_SERVE_H

/* `ctwatch serve`: what the daemon publishes, over HTTP, in a process that can do nothing else. */

/** ctw_verb_serve() - @argv[0] is the verb. Return: the exit status, see ctwatch(8). */
int ctw_verb_serve(int argc, char *argv[]);

#endif
