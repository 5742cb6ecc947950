/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTW_HTTP_SERVER_H
#define CTW_HTTP_SERVER_H

/*
 * HTTP for a few readers, in the presence of any number of others: GET and HEAD, one thread, and
 * bounds to everything that a client can make it hold, and for how long (lib/places).
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Sockets to listen on, at the most. */
#define CTW_HTTP_SOCKETS_MAX 8u

struct ctw_http_request {
    const char *path;   /* without the query */
    const char *accept; /* the header; NULL: there is none */
};

/* What is made while it is sent. */
struct ctw_http_stream {
    /* Up to @size bytes. Return: how many; 0: that was all; a negative errno. */
    ssize_t (*read)(void *stream, char *buffer, size_t size);
    void (*free)(void *stream);
    void *stream; /* NULL: there is none */
};

struct ctw_http_reply {
    unsigned status;  /* 200, 404, ... */
    const char *type; /* of the contents; a string that stays */
    char *text;       /* from malloc(), or NULL; who gets the reply frees it */
    size_t length;
    struct ctw_http_stream stream; /* instead of text */
    bool crowded; /* too many streams are being read: the oldest is ended, so that one can come */
};

/** ctw_http_handler - make @ret, which is zero-initialised. Return: 0, or a negative errno: there
 * is no answer. */
typedef int ctw_http_handler(void *userdata, const struct ctw_http_request *request,
                             struct ctw_http_reply *ret);

struct ctw_http;

/**
 * ctw_http_new() - a server that nobody can reach yet
 *
 * From now on SIGTERM and SIGINT wait for ctw_http_run(), and SIGPIPE is ignored.
 *
 * Return: 0 or a negative errno.
 */
int ctw_http_new(ctw_http_handler *handler, void *userdata, struct ctw_http **ret);

/** ctw_http_free() - ends all connections; the sockets listened on stay open */
struct ctw_http *ctw_http_free(struct ctw_http *h);

/**
 * ctw_http_run() - serve until SIGTERM or SIGINT
 * @sockets:  stream sockets that listen and do not block
 * @n:        1 to CTW_HTTP_SOCKETS_MAX
 *
 * Return: 0 or a negative errno.
 */
int ctw_http_run(struct ctw_http *h, const int *sockets, size_t n);

/* Sockets to be reached at: those that systemd passes, and those of one's own. */

/* Room for an address and a port as people write them: "[2001:db8::1%eth0]:9817". */
#define CTW_LISTEN_NAME_MAX 96

/**
 * ctw_listen_passed() - those of systemd
 * @ret:  descriptors; room for @max
 *
 * Return: how many; -ENOTSOCK: one is no stream socket that listens; -E2BIG: more than @max; or
 * another negative errno.
 */
int ctw_listen_passed(int *ret, size_t max);

/**
 * ctw_listen_at() - one of our own
 * @where:  "127.0.0.1:9817", "[::1]:9817", both numbers; "[::]:9817" is all addresses, IPv4, too.
 * An address that the machine does not have yet is all right.
 *
 * Return: a descriptor; -EINVAL: this is no address and port; -EADDRINUSE; or another negative
 * errno.
 */
int ctw_listen_at(const char *where);

/** ctw_listen_name() - where @fd listens, in the form that ctw_listen_at() takes */
void ctw_listen_name(int fd, char ret[static CTW_LISTEN_NAME_MAX]);

#endif
