/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTW_METRICS_H
#define CTW_METRICS_H

/* `ctwatch metrics`: for Prometheus, by hand or by way of node_exporter's textfile collector. */

/** ctw_verb_metrics() - @argv[0] is the verb. Return: the exit status, see ctwatch(8). */
int ctw_verb_metrics(int argc, char *argv[]);

#endif
