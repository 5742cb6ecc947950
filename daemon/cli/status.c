/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "daemon/cli/cli.h"
#include "daemon/cli/fetch.h"
#include "daemon/cli/terminal.h"
#include "daemon/state/reader.h"
#include "daemon/sys/config.h"
#include "lib/view/status.h"

struct arguments {
    const char *config_path; /* NULL: the usual one, if it is there */
    const char *root;        /* "": this machine */
    const char *state;       /* NULL: CTWATCH_RUN_PATH, of this machine */
    const char *watch;       /* NULL: once; "": every 2 seconds */
    const char *colour;      /* "auto", "always", "never" */
    bool json;
    uint64_t watch_usec;
};

/* --- the command line ------------------------------------------------------------------------- */

static const struct ctw_cli cli = {
    .program = "ctwatch status",
    .synopses = "[OPTION...]",
    .about = "Shows the state of the connection-tracking table: as ctwatchd has published it, or, "
             "where ctwatchd does not run, from a single sample.",
    .options =
        {
            {'w', "watch", "[SECONDS]", offsetof(struct arguments, watch),
             "repeat, every 2 seconds by default"},
            {0, "json", NULL, offsetof(struct arguments, json),
             "as JSON; with --watch one object a line"},
            {0, "color", "WHEN", offsetof(struct arguments, colour), "auto, always or never"},
            {'c', "config", "FILE", offsetof(struct arguments, config_path),
             "without ctwatchd, thresholds from FILE instead of " CTWATCH_CONFIG_PATH},
            {0, "state", "DIR", offsetof(struct arguments, state),
             "where ctwatchd publishes, instead of " CTWATCH_RUN_PATH},
            {0, "root", "DIR", offsetof(struct arguments, root),
             "of a captured machine: what is in DIR/proc"},
        },
};

/* --- how -------------------------------------------------------------------------------------- */

/* NO_COLOR: any value but "" (https://no-color.org). */
static bool in_colour(const char *when) {
    const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

    if (strcmp(when, "auto") != 0)
        return strcmp(when, "always") == 0;
    return isatty(STDOUT_FILENO) && !(no_color && no_color[0] != '\0') && term &&
           strcmp(term, "dumb") != 0;
}

static bool in_utf8(void) {
    const locale_t locale = newlocale(LC_CTYPE_MASK, "", (locale_t)0);
    if (locale == (locale_t)0)
        return false;

    const bool is = strcmp(nl_langinfo_l(CODESET, locale), "UTF-8") == 0;
    freelocale(locale);
    return is;
}

static int32_t utc_offset_sec(uint64_t realtime_usec) {
    const time_t now = (time_t)(realtime_usec / CTW_USEC_PER_SEC);
    struct tm local;

    return localtime_r(&now, &local) ? (int32_t)local.tm_gmtoff : 0;
}

/* --- the verb --------------------------------------------------------------------------------- */

struct page {
    struct ctw_view view;
    struct ctw_history history;
    char text[CTW_RENDER_STATUS_MAX];
};

/* Return: 0 or a negative errno, which has been reported unless it is -EPIPE. */
static int show(const struct arguments *a, const struct ctw_settings *s,
                struct ctw_status_style *style, struct ctw_terminal *terminal, struct page *p) {
    const char *state = ctw_fetch_directory(a->root, a->state);
    struct ctw_view *v = &p->view;

    const int r = ctw_fetch(a->root, a->state, s, v);
    if (r < 0) {
        (void)fprintf(stderr, "ctwatch status: %s%s%s\n", a->root, a->root[0] != '\0' ? ": " : "",
                      strerror(-r));
        return r;
    }
    if (state && v->state_error == 0 && ctw_state_read_history(state, &p->history) == 0)
        v->history = &p->history;
    ctw_fetch_namespaces(a->root, a->state, v);
    style->columns = ctw_terminal_columns();
    style->utc_offset_sec = utc_offset_sec(v->realtime_usec);
    const size_t n = a->json ? ctw_render_status_json(v, a->watch, p->text, sizeof(p->text))
                             : ctw_render_status_text(v, style, p->text, sizeof(p->text));
    free(v->namespaces);
    return ctw_terminal_print(terminal, &cli, p->text, n, sizeof(p->text));
}

static int run(const struct arguments *a, const struct ctw_settings *s, struct page *p) {
    struct ctw_terminal terminal = {.redraw = a->watch && !a->json && isatty(STDOUT_FILENO),
                                    .apart = !a->json};
    struct ctw_status_style style = {.colour = in_colour(a->colour), .utf8 = in_utf8()};
    int r;

    if (terminal.redraw)
        ctw_terminal_notice_size();
    while ((r = show(a, s, &style, &terminal, p)) == 0 && a->watch)
        ctw_terminal_wait(a->watch_usec);
    if (r < 0)
        return r == -EPIPE ? EXIT_SUCCESS : EXIT_CANNOT_READ;
    const struct ctw_snapshot *of = &p->view.snapshot;
    return of->pid == 0 && of->sources[CTW_SOURCE_TABLE].health == CTW_HEALTH_FAILED
               ? EXIT_CANNOT_READ
               : EXIT_SUCCESS;
}

int ctw_verb_status(int argc, char *argv[]) {
    struct arguments arguments = {.root = "", .colour = "auto"};
    struct ctw_settings settings;

    int status = ctw_cli_start(&cli, argc, argv, &arguments);
    const char *colour = arguments.colour;
    if (status < 0 && strcmp(colour, "auto") != 0 && strcmp(colour, "always") != 0 &&
        strcmp(colour, "never") != 0)
        status = ctw_cli_bad(&cli, "--color", colour, "auto, always or never");
    if (status < 0 && ctw_terminal_interval(&cli, arguments.watch, &arguments.watch_usec) < 0)
        status = EXIT_BAD_USAGE;
    if (status >= 0)
        return status;
    if (ctw_config_load_or_defaults(arguments.config_path, "ctwatch status", &settings) < 0)
        return EXIT_CANNOT_READ;

    struct page *p = malloc(sizeof(*p));
    if (!p)
        return ctw_cli_no_memory(&cli);
    status = run(&arguments, &settings, p);
    free(p);
    return status;
}
