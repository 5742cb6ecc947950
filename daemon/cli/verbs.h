/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTW_DAEMON_CLI_VERBS_H
#define CTW_DAEMON_CLI_VERBS_H

/* `ctwatch status`: how the table is doing, by what ctwatchd published, or by a look of its own. */

/** ctw_verb_status() - @argv[0] is the verb. Return: the exit status, see ctwatch(8). */
int ctw_verb_status(int argc, char *argv[]);

/*
 * `ctwatch top`: who fills the table, by a walk of its own, whether or not the daemon runs.
 *
 * A verb is to ctwatch what the manager is to ctwatchd: the one that sees more than one sibling.
 */

/** ctw_verb_top() - @argv[0] is the verb. Return: the exit status, see ctwatch(8). */
int ctw_verb_top(int argc, char *argv[]);

/* `ctwatch check`: one line and an exit status, for monitoring systems. */

/** ctw_verb_check() - @argv[0] is the verb. Return: the exit status, see ctwatch(8). */
int ctw_verb_check(int argc, char *argv[]);

/* `ctwatch advise`: what to set on this machine, or a captured one, so that its table lasts. */

/** ctw_verb_advise() - @argv[0] is the verb. Return: the exit status, see ctwatch(8). */
int ctw_verb_advise(int argc, char *argv[]);

/** ctw_verb_replay() - ctwatch replay. Return: its exit status. */
int ctw_verb_replay(int argc, char *argv[]);

/* `ctwatch metrics`: for Prometheus, by hand or by way of node_exporter's textfile collector. */

/** ctw_verb_metrics() - @argv[0] is the verb. Return: the exit status, see ctwatch(8). */
int ctw_verb_metrics(int argc, char *argv[]);

/* `ctwatch serve`: what the daemon publishes, over HTTP, in a process that can do nothing else. */

/** ctw_verb_serve() - @argv[0] is the verb. Return: the exit status, see ctwatch(8). */
int ctw_verb_serve(int argc, char *argv[]);

#endif
