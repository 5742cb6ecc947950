/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * An HTTP server for GET and HEAD, in one thread, on top of libmicrohttpd.
 *
 * At most 256 connections are open at a time, shared equally among the sockets, and one address
 * gets at most half of them. A connection above the limit of its address is closed at once. A
 * connection above the total waits in the backlog of the socket. The server ends a connection whose
 * request is not complete within 10 s, whose reply is not read within 30 s, or that has no further
 * request within 10 s.
 *
 * A request is a path, exactly one Host, and no body. A connection to a loopback address is
 * answered for the names of loopback only: otherwise a page of a foreign site, whose name its owner
 * lets resolve to 127.0.0.1, could have a browser on this machine read what is served here.
 */

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Sockets one server listens on, at most. */
#define CTW_SERVER_SOCKETS_MAX 8u

struct ctw_server_request {
    const char *path;          /* without the query */
    const char *accept;        /* the header "Accept"; NULL if absent */
    const char *span, *points; /* of the query; NULL if absent */
};

/* A reply whose length is not known when it begins. */
struct ctw_server_stream {
    /* Fills up to @size bytes. Return: their number; 0 at the end; or a negative errno. */
    ssize_t (*read)(void *stream, char *buffer, size_t size);
    void (*free)(void *stream);
    void *stream; /* NULL: the reply is text */
};

struct ctw_server_reply {
    unsigned status;  /* 200, 404, ... */
    const char *type; /* "text/plain"; a literal */
    /* The header Content-Security-Policy, which must last; NULL: for pages that need nothing. */
    const char *policy;
    /* The text is often the same as before: a client that has it gets 304 (RFC 9110, 13.1.2). */
    bool tagged;
    char *text; /* from malloc(), or NULL; the server frees it */
    size_t length;
    struct ctw_server_stream stream; /* replaces the text, if set */
};

/** ctw_server_handler - fills @ret, which is zero before. Return: 0; a negative errno ends the
 * connection without a reply. */
typedef int ctw_server_handler(void *userdata, const struct ctw_server_request *request,
                               struct ctw_server_reply *ret);

struct ctw_server;

/**
 * ctw_server_new() - a server on sockets that listen
 * @sockets:  stream sockets; ctw_server_free() closes them
 * @n:        1 to CTW_SERVER_SOCKETS_MAX
 * @hosts:    further names that are answered on loopback; must outlive the server
 *
 * Blocks SIGTERM and SIGINT, which ctw_server_run() waits for, and ignores SIGPIPE.
 *
 * Return: 0 or a negative errno.
 */
int ctw_server_new(ctw_server_handler *handler, void *userdata, const int *sockets, size_t n,
                   const char *const *hosts, size_t n_hosts, struct ctw_server **ret);
struct ctw_server *ctw_server_free(struct ctw_server *s);

/** ctw_server_run() - serve until SIGTERM or SIGINT. Return: 0 or a negative errno. */
int ctw_server_run(struct ctw_server *s);

/* Room for an address and a port, such as "[2001:db8::1%eth0]:9817". */
#define CTW_LISTEN_NAME_MAX 96

/**
 * ctw_listen_passed() - the sockets that systemd passes (sd_listen_fds(3))
 * @ret:  descriptors; room for @max
 *
 * Return: their number; -ENOTSOCK: a descriptor is no listening stream socket; -E2BIG: more than
 * @max; or another negative errno.
 */
int ctw_listen_passed(int *ret, size_t max);

/**
 * ctw_listen_at() - open a listening socket
 * @where:  "127.0.0.1:9817" or "[::1]:9817", numbers only; "[::]:9817" takes IPv4, too. The machine
 *          need not have the address yet.
 *
 * Return: a descriptor; -EINVAL: not an address and port; -EADDRINUSE; or another negative errno.
 */
int ctw_listen_at(const char *where);

/** ctw_listen_name() - the address of @fd in the form that ctw_listen_at() takes */
void ctw_listen_name(int fd, char ret[static CTW_LISTEN_NAME_MAX]);
