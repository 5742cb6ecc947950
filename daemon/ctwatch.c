/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <string.h>

#include "daemon/cli/cli.h"
#include "daemon/cli/verbs.h"

/* ctwatch: shows what there is to see of the conntrack table. See ctwatch(8). */

static const struct verb {
    const char *name;
    int (*run)(int argc, char *argv[]);
    const char *description;
} verbs[] = {
    {"status", ctw_verb_status, "how the table is doing"},
    {"top", ctw_verb_top, "who fills the table"},
    {"check", ctw_verb_check, "one line and an exit status, for a monitor"},
    {"advise", ctw_verb_advise, "what to set so that the table lasts"},
    {"replay", ctw_verb_replay, "what would have been said of a recorded table"},
    {"metrics", ctw_verb_metrics, "what there is to see, for Prometheus"},
    {"serve", ctw_verb_serve, "all of it over HTTP"},
};
#define N_VERBS (sizeof(verbs) / sizeof(verbs[0]))

static int print_version(void) {
    (void)puts("ctwatch " CTWATCH_VERSION);
    return ctw_cli_end(stdout);
}

static int print_usage(FILE *to) {
    (void)fputs("usage: ctwatch VERB [OPTION...]\n"
                "       ctwatch VERB --help\n"
                "       ctwatch --version | --help\n"
                "\n"
                "Shows what there is to see of the kernel's connection-tracking table.\n"
                "\n",
                to);
    for (size_t i = 0; i < N_VERBS; i++)
        (void)fprintf(to, "  %-10s %s\n", verbs[i].name, verbs[i].description);
    return ctw_cli_end(to);
}

int main(int argc, char *argv[]) {
    const char *word = argc > 1 ? argv[1] : "";

    for (size_t i = 0; i < N_VERBS; i++)
        if (strcmp(verbs[i].name, word) == 0)
            return verbs[i].run(argc - 1, argv + 1);
    if (strcmp(word, "--version") == 0)
        return print_version();
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)
        return print_usage(stdout);
    if (argc > 1)
        (void)fprintf(stderr, "ctwatch: no such verb: %s\n", word);
    return print_usage(stderr);
}
