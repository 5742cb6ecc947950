/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/cli/cli.h"
#include "daemon/cli/terminal.h"
#include "daemon/state/reader.h"
#include "lib/view/namespaces.h"

struct arguments {
    const char *directory; /* where a daemon publishes */
    const char *watch;     /* NULL: once; "": every 2 seconds */
    bool json;
    uint64_t watch_usec;
};

static const struct ctw_cli cli = {
    .program = "ctwatch namespaces",
    .synopses = "[OPTION...]",
    .about = "Shows the connection-tracking tables of all other network namespaces in which "
             "processes run, the fullest first: of containers, virtual routers, services with a "
             "network of their own.",
    .options =
        {
            {'w', "watch", "[SECONDS]", offsetof(struct arguments, watch),
             "repeat, every 2 seconds by default"},
            {0, "json", NULL, offsetof(struct arguments, json),
             "as JSON; with --watch one object a line"},
            {0, "state", "DIR", offsetof(struct arguments, directory),
             "where ctwatchd publishes, instead of " CTWATCH_RUN_PATH},
            {0, "root", "DIR", CTW_OPTION_REFUSED,
             "no process of a captured machine has a namespace"},
        },
};

/* Why there is nothing to show. Return: -ENODATA. */
static int complain(const struct arguments *a, const struct ctw_view *v, int error) {
    const char *state = v->state_error == 0 ? "namespaces" : "state";

    (void)fputs("ctwatch namespaces: ", stderr);
    if (v->namespaces)
        (void)fputs("ctwatchd does not watch them: namespaces.enabled is false, or it watches a "
                    "captured machine\n",
                    stderr);
    else if (v->state_error == 0 && v->liveness == CTW_LIVENESS_STOPPED)
        (void)fputs("ctwatchd has been stopped\n", stderr);
    else if (v->state_error == 0 && v->liveness == CTW_LIVENESS_LATE)
        (void)fputs("ctwatchd has stopped polling\n", stderr);
    else
        (void)fprintf(stderr, "%s/%s: %s\n", a->directory, state,
                      ctw_state_fault(v->state_error < 0 ? v->state_error : error));
    return -ENODATA;
}

/* Return: 0 or a negative errno, which has been reported unless it is -EPIPE. */
static int print(const struct arguments *a, struct ctw_terminal *terminal,
                 const struct ctw_view *v) {
    const size_t size = CTW_RENDER_NAMESPACES_BYTES(v->namespaces->of.n);
    char *text = malloc(size);

    if (!text) {
        (void)ctw_cli_no_memory(&cli);
        return -ENOMEM;
    }
    const uint32_t columns = isatty(STDOUT_FILENO) ? ctw_terminal_columns() : 0;
    const size_t n = a->json ? ctw_render_namespaces_json(v, a->watch, text, size)
                             : ctw_render_namespaces_text(v, "", columns, text, size);
    const int r = ctw_terminal_print(terminal, &cli, text, n, size);
    free(text);
    return r;
}

static int show(const struct arguments *a, struct ctw_terminal *terminal) {
    struct ctw_view v;

    ctw_state_view(a->directory, &v);
    int r = ctw_state_view_namespaces(a->directory, &v);
    if (r < 0 || v.namespaces->of.sight == CTW_NAMESPACES_OFF)
        r = complain(a, &v, r);
    else
        r = print(a, terminal, &v);
    free(v.namespaces);
    return r;
}

int ctw_verb_namespaces(int argc, char *argv[]) {
    struct arguments arguments = {.directory = CTWATCH_RUN_PATH};
    int r;

    const int usage = ctw_cli_start(&cli, argc, argv, &arguments);
    if (usage >= 0)
        return usage;
    if (ctw_terminal_interval(&cli, arguments.watch, &arguments.watch_usec) < 0)
        return EXIT_BAD_USAGE;
    struct ctw_terminal terminal = {.redraw =
                                        arguments.watch && !arguments.json && isatty(STDOUT_FILENO),
                                    .apart = !arguments.json};
    if (terminal.redraw)
        ctw_terminal_notice_size();
    while ((r = show(&arguments, &terminal)) == 0 && arguments.watch)
        ctw_terminal_wait(arguments.watch_usec);
    return r == 0 || r == -EPIPE ? EXIT_SUCCESS : EXIT_CANNOT_READ;
}
