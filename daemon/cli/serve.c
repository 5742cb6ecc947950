/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "daemon/cli/cli.h"
#include "daemon/cli/verbs.h"
#include "daemon/http/pages.h"
#include "daemon/http/server.h"

/* Documented in ctwatch(8). */
#define EXIT_CANNOT_SERVE 1
#define EXIT_BAD_USAGE    2

#define USUAL "127.0.0.1:9817"

struct arguments {
    const char *state;
    bool top;
    const char *listen[CTW_SERVER_SOCKETS_MAX];
    size_t n_listen;
};

struct sockets {
    int fd[CTW_SERVER_SOCKETS_MAX];
    size_t n;
};

/* --- the command line ------------------------------------------------------------------------ */

static int print_usage(FILE *to) {
    (void)fputs(
        "usage: ctwatch serve [OPTION...]\n"
        "\n"
        "Answers HTTP with what ctwatchd publishes: /metrics for Prometheus, /status,\n"
        "/history, /healthz. Listens on the sockets that systemd passes, or on\n" USUAL ".\n"
        "\n"
        "      --listen ADDRESS:PORT  listen there, too, up to 8 times; IPv6: [::1]:9817\n"
        "      --top                  show addresses, and have /top: who fills the table\n"
        "      --state DIR            where ctwatchd publishes, instead of " CTWATCH_RUN_PATH "\n"
        "  -h, --help                 print this, and end\n",
        to);
    return ctw_cli_end(to);
}

/* Return: -1 to go on, or the exit status. */
static int add_listen(struct arguments *a, const char *where) {
    if (a->n_listen == CTW_SERVER_SOCKETS_MAX) {
        (void)fprintf(stderr, "ctwatch serve: --listen: at most %u times\n",
                      CTW_SERVER_SOCKETS_MAX);
        return EXIT_BAD_USAGE;
    }
    a->listen[a->n_listen++] = where;
    return -1;
}

static int captured(void) {
    (void)fputs("ctwatch serve: --root: of a captured machine there is only what a ctwatchd "
                "published, see --state\n",
                stderr);
    return EXIT_BAD_USAGE;
}

/* Return: -1 to go on, or the exit status. */
static int parse_arguments(int argc, char *argv[], struct arguments *ret) {
    enum { LISTEN = 256, TOP, STATE, ROOT };
    static const struct option options[] = {
        {"listen", required_argument, NULL, LISTEN},
        {"top", no_argument, NULL, TOP},
        {"state", required_argument, NULL, STATE},
        {"root", required_argument, NULL, ROOT},
        {"help", no_argument, NULL, 'h'},
        {0},
    };
    int status = -1;

    for (int c; status < 0 && (c = getopt_long(argc, argv, "h", options, NULL)) != -1;) {
        switch (c) {
        case LISTEN:
            status = add_listen(ret, optarg);
            break;
        case TOP:
            ret->top = true;
            break;
        case STATE:
            ret->state = optarg;
            break;
        case ROOT:
            return captured();
        case 'h':
            return print_usage(stdout);
        default:
            return print_usage(stderr);
        }
    }
    if (status < 0 && optind < argc) {
        (void)fprintf(stderr, "ctwatch serve: unexpected argument: %s\n", argv[optind]);
        return print_usage(stderr);
    }
    return status;
}

/* --- sockets --------------------------------------------------------------------------------- */

/* Return: -1 to go on, or the exit status. */
static int take_passed(struct sockets *s) {
    const int n = ctw_listen_passed(s->fd, CTW_SERVER_SOCKETS_MAX);

    if (n >= 0) {
        s->n = (size_t)n;
        return -1;
    }
    if (n == -ENOTSOCK)
        (void)fputs("ctwatch serve: what was passed is no stream socket that listens\n", stderr);
    else if (n == -E2BIG)
        (void)fprintf(stderr, "ctwatch serve: more than %u sockets were passed\n",
                      CTW_SERVER_SOCKETS_MAX);
    else
        (void)fprintf(stderr, "ctwatch serve: the sockets passed: %s\n", strerror(-n));
    return EXIT_CANNOT_SERVE;
}

static int open_one(struct sockets *s, const char *where) {
    if (s->n == CTW_SERVER_SOCKETS_MAX) {
        (void)fprintf(stderr, "ctwatch serve: more than %u sockets in all\n",
                      CTW_SERVER_SOCKETS_MAX);
        return EXIT_BAD_USAGE;
    }
    const int fd = ctw_listen_at(where);
    if (fd >= 0) {
        s->fd[s->n++] = fd;
        return -1;
    }
    if (fd == -EINVAL) {
        (void)fprintf(stderr,
                      "ctwatch serve: --listen: %s is no ADDRESS:PORT in numbers, such as " USUAL
                      " or [::1]:9817\n",
                      where);
        return EXIT_BAD_USAGE;
    }
    (void)fprintf(stderr, "ctwatch serve: cannot listen on %s: %s\n", where, strerror(-fd));
    return EXIT_CANNOT_SERVE;
}

/* Return: -1 to go on, or the exit status. */
static int open_sockets(const struct arguments *a, struct sockets *ret) {
    int status = take_passed(ret);

    for (size_t i = 0; status < 0 && i < a->n_listen; i++)
        status = open_one(ret, a->listen[i]);
    if (status < 0 && ret->n == 0)
        status = open_one(ret, USUAL);
    return status;
}

static void close_sockets(struct sockets *s) {
    for (size_t i = 0; i < s->n; i++)
        (void)close(s->fd[i]);
}

static void announce(const struct sockets *s) {
    char name[CTW_LISTEN_NAME_MAX];

    for (size_t i = 0; i < s->n; i++) {
        ctw_listen_name(s->fd[i], name);
        (void)fprintf(stderr, "ctwatch serve: listening on %s\n", name);
    }
    (void)sd_notify(0, "READY=1");
}

/* --- the verb -------------------------------------------------------------------------------- */

/* Return: the exit status. */
static int run(const struct arguments *a, const struct sockets *sockets) {
    struct ctw_pages *pages = NULL;
    struct ctw_server *http = NULL;

    int r = ctw_pages_new(a->state, a->top, &pages);
    if (r >= 0)
        r = ctw_server_new(ctw_pages_answer, pages, &http);
    if (r >= 0) {
        announce(sockets);
        r = ctw_server_run(http, sockets->fd, sockets->n);
    }
    if (r < 0)
        (void)fprintf(stderr, "ctwatch serve: %s\n", strerror(-r));
    ctw_server_free(http);
    ctw_pages_free(pages);
    return r < 0 ? EXIT_CANNOT_SERVE : EXIT_SUCCESS;
}

int ctw_verb_serve(int argc, char *argv[]) {
    struct arguments arguments = {.state = CTWATCH_RUN_PATH};
    struct sockets sockets = {0};

    argv[0] = (char *)"ctwatch serve"; /* for getopt's messages: it only reads it */
    int status = parse_arguments(argc, argv, &arguments);
    if (status < 0)
        status = open_sockets(&arguments, &sockets);
    if (status < 0)
        status = run(&arguments, &sockets);
    close_sockets(&sockets);
    return status;
}
