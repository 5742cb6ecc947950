/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>

#include "daemon/cli/cli.h"
#include "daemon/http/pages.h"
#include "daemon/http/server.h"

#define USUAL "127.0.0.1:9817"

struct arguments {
    const char *state;
    bool top;
    struct ctw_cli_list listen, host;
};

struct sockets {
    int fd[CTW_SERVER_SOCKETS_MAX];
    size_t n;
};

static const struct ctw_cli cli = {
    .program = "ctwatch serve",
    .synopses = "[OPTION...]",
    .about = "Answers HTTP with what ctwatchd publishes: /metrics for Prometheus, /status, "
             "/history, /healthz. Listens on the sockets that systemd passes, or on " USUAL ".",
    .options =
        {
            {CTW_OPTION_LIST, "listen", "ADDRESS:PORT", offsetof(struct arguments, listen),
             "listen on this address, at most 8 times; IPv6: [::1]:9817"},
            {CTW_OPTION_LIST, "host", "NAME", offsetof(struct arguments, host),
             "answer requests to this host on loopback, too, at most 8 times"},
            {0, "top", NULL, offsetof(struct arguments, top),
             "show addresses, and /top: what fills the table"},
            {0, "state", "DIR", offsetof(struct arguments, state),
             "where ctwatchd publishes, instead of " CTWATCH_RUN_PATH},
            {0, "root", "DIR", CTW_OPTION_REFUSED,
             "a captured machine has only the state that its ctwatchd published, see --state"},
        },
};

/* Return: -1 to go on, or the exit status. */
static int listen_at(struct sockets *s, const char *where) {
    const int fd = s->n < CTW_SERVER_SOCKETS_MAX ? ctw_listen_at(where) : -E2BIG;

    if (fd >= 0) {
        s->fd[s->n++] = fd;
        return -1;
    }
    if (fd == -E2BIG)
        (void)fprintf(stderr, "ctwatch serve: --listen: more than %u sockets in all\n",
                      CTW_SERVER_SOCKETS_MAX);
    else if (fd != -EINVAL)
        (void)fprintf(stderr, "ctwatch serve: cannot listen on %s: %s\n", where, strerror(-fd));
    else
        (void)ctw_cli_bad(&cli, "--listen", where,
                          "ADDRESS:PORT in numbers, such as " USUAL " or [::1]:9817");
    return fd == -EINVAL || fd == -E2BIG ? EXIT_BAD_USAGE : EXIT_FAILURE;
}

/* Return: -1 to go on, or the exit status. */
static int open_sockets(const struct arguments *a, struct sockets *ret) {
    const int n = ctw_listen_passed(ret->fd, CTW_SERVER_SOCKETS_MAX);
    int status = -1;

    if (n < 0) {
        (void)fprintf(stderr, "ctwatch serve: passed sockets: %s\n",
                      n == -ENOTSOCK ? "not a listening stream socket" : strerror(-n));
        return EXIT_FAILURE;
    }
    ret->n = (size_t)n;
    for (size_t i = 0; status < 0 && i < a->listen.n; i++)
        status = listen_at(ret, a->listen.at[i]);
    return status < 0 && ret->n == 0 ? listen_at(ret, USUAL) : status;
}

static void announce(const struct sockets *s) {
    char name[CTW_LISTEN_NAME_MAX];

    for (size_t i = 0; i < s->n; i++) {
        ctw_listen_name(s->fd[i], name);
        (void)fprintf(stderr, "ctwatch serve: listening on %s\n", name);
    }
    (void)sd_notify(0, "READY=1");
}

static int run(const struct arguments *a, const struct sockets *sockets) {
    struct ctw_pages *pages = NULL;
    struct ctw_server *server = NULL;

    int r = ctw_pages_new(a->state, a->top, &pages);
    if (r >= 0)
        r = ctw_server_new(ctw_pages_answer, pages, sockets->fd, sockets->n, a->host.at, a->host.n,
                           &server);
    if (r >= 0) {
        announce(sockets);
        r = ctw_server_run(server);
    }
    if (r < 0)
        (void)fprintf(stderr, "ctwatch serve: %s\n", strerror(-r));
    ctw_server_free(server);
    ctw_pages_free(pages);
    return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* Return: -1 to go on, or the exit status. */
static int check_hosts(const struct ctw_cli_list *hosts) {
    for (size_t i = 0; i < hosts->n; i++)
        if (hosts->at[i][0] == '\0' || (hosts->at[i][0] != '[' && strchr(hosts->at[i], ':')))
            return ctw_cli_bad(&cli, "--host", hosts->at[i],
                               "a name or an address without a port, such as [2001:db8::1]");
    return -1;
}

int ctw_verb_serve(int argc, char *argv[]) {
    struct arguments arguments = {.state = CTWATCH_RUN_PATH};
    struct sockets sockets = {0};

    int status = ctw_cli_start(&cli, argc, argv, &arguments);
    if (status < 0)
        status = check_hosts(&arguments.host);
    if (status < 0)
        status = open_sockets(&arguments, &sockets);
    if (status < 0)
        status = run(&arguments, &sockets);
    return status;
}
