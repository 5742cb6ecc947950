/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "advise.h"

#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../lib/render_advice.h"
#include "advise_gather.h"
#include "config.h"
#include "usage.h"

/* Documented in ctwatch(8). */
#define EXIT_CANNOT_READ 1

struct arguments {
    const char *config_path; /* NULL: the usual one, if it is there */
    const char *root;        /* "": this machine */
    bool json;
};

static int print_usage(FILE *to) {
    (void)fputs("usage: ctwatch advise [OPTION...]\n"
                "\n"
                "Says what to set so that the connection-tracking table lasts without ctwatchd,\n"
                "and the lines that make it permanent. Changes nothing. As root, it looks at\n"
                "entries as well.\n"
                "\n"
                "      --json         as JSON\n"
                "  -c, --config FILE  take growth.* and poll.worst_rate from FILE instead of\n"
                "                     " CTWATCH_CONFIG_PATH "\n"
                "      --root DIR     of a captured machine: what is in DIR/proc and DIR/sys\n"
                "  -h, --help         print this, and end\n",
                to);
    return ctw_usage_end(to);
}

/* Return: -1 to go on, or the exit status. */
static int parse_arguments(int argc, char *argv[], struct arguments *ret) {
    enum { JSON = 256, ROOT };
    static const struct option options[] = {
        {"json", no_argument, NULL, JSON},
        {"config", required_argument, NULL, 'c'},
        {"root", required_argument, NULL, ROOT},
        {"help", no_argument, NULL, 'h'},
        {0},
    };

    for (int c; (c = getopt_long(argc, argv, "c:h", options, NULL)) != -1;) {
        switch (c) {
        case JSON:
            ret->json = true;
            break;
        case 'c':
            ret->config_path = optarg;
            break;
        case ROOT:
            ret->root = optarg;
            break;
        case 'h':
            return print_usage(stdout);
        default:
            return print_usage(stderr);
        }
    }
    if (optind < argc) {
        (void)fprintf(stderr, "ctwatch advise: unexpected argument: %s\n", argv[optind]);
        return print_usage(stderr);
    }
    return -1;
}

/* Return: the exit status. */
static int show(const struct ctw_advice_facts *f, const struct ctw_settings *s,
                const struct ctw_advice *a, bool json) {
    char text[CTW_RENDER_ADVICE_MAX];
    const size_t n = json ? ctw_render_advice_json(f, a, text, sizeof(text))
                          : ctw_render_advice_text(f, s, a, text, sizeof(text));

    if (n == 0 || n >= sizeof(text)) {
        (void)fputs("ctwatch advise: no memory\n", stderr);
        return EXIT_CANNOT_READ;
    }
    errno = 0;
    if (fputs(text, stdout) >= 0 && fflush(stdout) == 0)
        return EXIT_SUCCESS;
    if (errno == EPIPE)
        return EXIT_SUCCESS;
    (void)fprintf(stderr, "ctwatch advise: cannot write: %s\n", strerror(errno));
    return EXIT_CANNOT_READ;
}

int ctw_verb_advise(int argc, char *argv[]) {
    struct arguments arguments = {.root = ""};
    char error[CTW_ADVISE_ERROR_MAX];
    struct ctw_advice_facts facts;
    struct ctw_settings settings;
    struct ctw_advice advice;

    argv[0] = (char *)"ctwatch advise"; /* for getopt's messages: it only reads it */
    int status = parse_arguments(argc, argv, &arguments);
    if (status >= 0)
        return status;
    if (ctw_config_load_or_defaults(arguments.config_path, "ctwatch advise", &settings) < 0)
        return EXIT_CANNOT_READ;

    if (ctw_advise_gather(arguments.root, settings.talkers.sample, &facts, error) < 0) {
        (void)fprintf(stderr, "ctwatch advise: %s\n", error);
        return EXIT_CANNOT_READ;
    }
    ctw_advise(&facts, &settings, &advice);
    return show(&facts, &settings, &advice, arguments.json);
}
