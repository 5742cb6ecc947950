/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The verbs of ctwatch(8): @argv[0] is the verb; each returns the exit status. */

int ctw_verb_status(int argc, char *argv[]);
int ctw_verb_top(int argc, char *argv[]);
int ctw_verb_flows(int argc, char *argv[]);
int ctw_verb_events(int argc, char *argv[]);
int ctw_verb_namespaces(int argc, char *argv[]);
int ctw_verb_check(int argc, char *argv[]);
int ctw_verb_advise(int argc, char *argv[]);
int ctw_verb_replay(int argc, char *argv[]);
int ctw_verb_metrics(int argc, char *argv[]);
int ctw_verb_serve(int argc, char *argv[]);
