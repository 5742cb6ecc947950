/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/cli/cli.h"
#include "daemon/cli/terminal.h"
#include "daemon/state/reader.h"
#include "daemon/sys/procfs.h"
#include "lib/state/snapshot.h"
#include "lib/view/metrics.h"

/* node_exporter runs as a user of its own. */
#define TEXTFILE_MODE 0644

struct arguments {
    const char *directory; /* where a daemon publishes */
    const char *textfile;  /* NULL: standard output */
    bool openmetrics;
};

static const struct ctw_cli cli = {
    .program = "ctwatch metrics",
    .synopses = "[OPTION...]",
    .about = "Prints what ctwatchd has published as metrics for Prometheus, in its text format.",
    .options =
        {
            {0, "openmetrics", NULL, offsetof(struct arguments, openmetrics),
             "in the OpenMetrics format"},
            {0, "textfile", "FILE", offsetof(struct arguments, textfile),
             "write FILE, in one piece, for the textfile collector of node_exporter, which reads "
             "files "
             "that end in .prom"},
            {0, "state", "DIR", offsetof(struct arguments, directory),
             "where ctwatchd publishes, instead of " CTWATCH_RUN_PATH},
            {0, "root", "DIR", CTW_OPTION_REFUSED, "no ctwatchd polls a captured machine"},
        },
};

/* A daemon that does not run or has stopped polling is in the metrics; a state that cannot be read
 * is an error. Return: the exit status. */
static int report(const struct arguments *a, const struct ctw_view *v) {
    const int error = v->state_error;

    if (error < 0)
        (void)fprintf(stderr, "ctwatch metrics: %s/state: %s\n", a->directory,
                      ctw_state_fault(error));
    else if (v->liveness == CTW_LIVENESS_LATE)
        (void)fprintf(stderr, "ctwatch metrics: ctwatchd has not polled for %" PRIu64 " s\n",
                      ctw_view_ago(v, v->snapshot.polled_usec) / CTW_USEC_PER_SEC);
    else if (v->liveness != CTW_LIVENESS_ALIVE)
        (void)fputs("ctwatch metrics: ctwatchd has been stopped\n", stderr);
    return error == 0 || error == -ENOENT ? EXIT_SUCCESS : EXIT_CANNOT_READ;
}

int ctw_verb_metrics(int argc, char *argv[]) {
    struct arguments arguments = {.directory = CTWATCH_RUN_PATH};
    struct ctw_terminal terminal = {0};
    struct ctw_view view;
    char text[CTW_RENDER_METRICS_MAX];

    const int usage = ctw_cli_start(&cli, argc, argv, &arguments);
    if (usage >= 0)
        return usage;
    if (arguments.openmetrics && arguments.textfile) {
        (void)fputs("ctwatch metrics: --textfile: its collector does not read --openmetrics\n",
                    stderr);
        return EXIT_BAD_USAGE;
    }

    ctw_state_view(arguments.directory, &view);
    (void)ctw_state_view_namespaces(arguments.directory, &view);
    (void)ctw_render_metrics(&view, arguments.openmetrics, text, sizeof(text));
    free(view.namespaces);
    const int status = report(&arguments, &view);
    const int r = arguments.textfile ? ctw_replace_file(arguments.textfile, text, strlen(text),
                                                        TEXTFILE_MODE, false)
                                     : ctw_terminal_show(&terminal, text);
    if (r == -EPIPE || r == 0)
        return status;
    (void)fprintf(stderr, "ctwatch metrics: cannot write %s: %s\n",
                  arguments.textfile ? arguments.textfile : "standard output", strerror(-r));
    return EXIT_FAILURE;
}
