/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#include "daemon/cli/cli.h"
#include "daemon/cli/fetch.h"
#include "daemon/cli/terminal.h"
#include "daemon/source/namespaces.h"
#include "daemon/state/reader.h"
#include "lib/view/namespaces.h"
#include "lib/view/status.h"

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

/* --- a reading without ctwatchd --------------------------------------------------------------- */

struct reading {
    sd_event *event;
    struct ctw_namespaces *ret;
    struct ctw_settings settings;
    struct ctw_tick tick;
    struct ctw_verdict verdict;
};

static void keep(struct ctw_namespaces *n, void *userdata) {
    const size_t bytes = ctw_namespaces_bytes(n->of.n);
    struct reading *r = userdata;

    r->ret = malloc(bytes);
    if (r->ret)
        memcpy(r->ret, n, bytes);
    (void)sd_event_exit(r->event, r->ret ? 0 : -ENOMEM);
}

static void ignore_alert(struct ctw_alert *alert, void *userdata) {
}

static void ignore_note(const char *line, void *userdata) {
}

/* One round through all processes. @v: with a sample of our own table. Return: 0 or -errno. */
static int read_once(struct ctw_view *v) {
    struct ctw_namespaces_source *source = NULL;
    struct reading *r = calloc(1, sizeof(*r));

    if (!r)
        return -ENOMEM;
    const struct ctw_namespaces_sinks sinks = {ignore_alert, ignore_note, keep, r};
    ctw_settings_defaults(&r->settings);
    r->settings.namespaces.max = CTW_NAMESPACES_MAX;
    r->tick.now_usec = v->now_usec;
    r->tick.sample = v->snapshot.table;
    memcpy(r->tick.sources, v->snapshot.sources, sizeof(r->tick.sources));
    int error = sd_event_new(&r->event);
    if (error >= 0)
        error = ctw_namespaces_new(r->event, &sinks, &source);
    if (error >= 0) {
        ctw_namespaces_poll(source, &r->settings, &r->tick, &r->verdict, &v->snapshot.host);
        error = sd_event_loop(r->event);
    }
    (void)ctw_namespaces_free(source);
    (void)sd_event_unref(r->event);
    if (error >= 0) {
        qsort(r->ret->records, r->ret->of.n, sizeof(r->ret->records[0]), ctw_namespace_compare);
        v->namespaces = r->ret;
    }
    free(r);
    return error;
}

static void add_origin(void *line, const char *label, enum ctw_colour colour, const char *text) {
    ctw_line_add(line, "%s", text);
}

/* @error: why the daemon's are not shown. @ret: that, in words. */
static int read_instead(const struct arguments *a, int error, struct ctw_view *v,
                        struct ctw_line *ret) {
    struct ctw_settings settings;

    ctw_settings_defaults(&settings);
    const int r = ctw_fetch_from("", a->directory, false, &settings, v);
    if (r < 0)
        return r;
    if (v->liveness != CTW_LIVENESS_ALIVE)
        ctw_status_facts(v, CTW_STATUS_ORIGIN, add_origin, ret);
    else
        ctw_line_add(ret, "%s/namespaces: %s. Showing a single reading taken by ctwatch; no rates.",
                     a->directory,
                     error == -ENODATA ? "none are watched, or not yet" : ctw_state_fault(error));
    return read_once(v);
}

/* --- the verb --------------------------------------------------------------------------------- */

/* Return: 0 or a negative errno, which has been reported unless it is -EPIPE. */
static int print(const struct arguments *a, struct ctw_terminal *terminal, const struct ctw_view *v,
                 const char *origin) {
    const size_t size = CTW_RENDER_NAMESPACES_BYTES(v->namespaces->of.n);
    char *text = malloc(size);

    if (!text) {
        (void)ctw_cli_no_memory(&cli);
        return -ENOMEM;
    }
    const uint32_t columns = isatty(STDOUT_FILENO) ? ctw_terminal_columns() : 0;
    const size_t n = a->json ? ctw_render_namespaces_json(v, a->watch, text, size)
                             : ctw_render_namespaces_text(v, origin, columns, text, size);
    const int r = ctw_terminal_print(terminal, &cli, text, n, size);
    free(text);
    return r;
}

static int show(const struct arguments *a, struct ctw_terminal *terminal) {
    struct ctw_line origin = {0};
    struct ctw_view v;

    ctw_state_view(a->directory, &v);
    int r = ctw_state_view_namespaces(a->directory, &v);
    if (r < 0) {
        r = read_instead(a, r, &v, &origin);
        if (r < 0)
            (void)fprintf(stderr, "%s: %s\n", cli.program, strerror(-r));
    }
    if (r >= 0)
        r = print(a, terminal, &v, origin.text);
    if (r >= 0 && v.namespaces->of.sight != CTW_NAMESPACES_SEEN && v.namespaces->of.n == 0)
        r = -ENODATA; /* which is in the text */
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
