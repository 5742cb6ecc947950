/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/cli/cli.h"
#include "daemon/sys/stdio.h"

/* ctwatch: shows the state of the conntrack table. See ctwatch(8). */

static const struct verb {
    const char *name;
    int (*run)(int argc, char *argv[]);
    const char *description;
} verbs[] = {
    {"status", ctw_verb_status, "the state of the table"},
    {"top", ctw_verb_top, "what fills the table"},
    {"flows", ctw_verb_flows, "the entries of the table"},
    {"events", ctw_verb_events, "entries as they are created and end"},
    {"namespaces", ctw_verb_namespaces, "the tables of other network namespaces"},
    {"check", ctw_verb_check, "one line and an exit status, for a monitor"},
    {"advise", ctw_verb_advise, "what to set so that the table lasts"},
    {"replay", ctw_verb_replay, "the alerts a recorded table would have caused"},
    {"metrics", ctw_verb_metrics, "the state of the table, for Prometheus"},
    {"serve", ctw_verb_serve, "all of this over HTTP"},
};
#define N_VERBS (sizeof(verbs) / sizeof(verbs[0]))

static void print_help(FILE *to) {
    (void)fputs("usage: ctwatch VERB [OPTION...]\n"
                "       ctwatch VERB --help\n"
                "       ctwatch --version | --help\n"
                "\n"
                "Shows the state of the kernel's connection-tracking table.\n"
                "\n",
                to);
    for (size_t i = 0; i < N_VERBS; i++)
        (void)fprintf(to, "  %-11s %s\n", verbs[i].name, verbs[i].description);
}

int main(int argc, char *argv[]) {
    const char *word = argc > 1 ? argv[1] : "";

    if (ctw_reserve_stdio() < 0)
        return EXIT_FAILURE;
    for (size_t i = 0; i < N_VERBS; i++)
        if (strcmp(verbs[i].name, word) == 0)
            return verbs[i].run(argc - 1, argv + 1);
    if (strcmp(word, "--version") == 0) {
        (void)puts("ctwatch " CTWATCH_VERSION);
        return ctw_cli_end();
    }
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
        print_help(stdout);
        return ctw_cli_end();
    }
    if (argc > 1)
        (void)fprintf(stderr, "ctwatch: no such verb: %s\n", word);
    print_help(stderr);
    return EXIT_BAD_USAGE;
}
