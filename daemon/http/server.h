/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTW_DAEMON_HTTP_SERVER_H
#define CTW_DAEMON_HTTP_SERVER_H

/*
 * HTTP for a few readers, in the presence of any number of others: GET and HEAD, one thread, and
 * bounds to everything that a client can make it hold, and for how long (lib/places).
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Sockets to listen on, at the most. */
#define CTW_SERVER_SOCKETS_MAX 8u

struct ctw_server_request {
    const char *path;   /* without the query */
    const char *accept; /* the header; NULL: there is none */
};

/* What is made while it is sent. */
struct ctw_server_stream {
    /* Up to @size bytes. Return: how many; 0: that was all; a negative errno. */
    ssize_t (*read)(void *stream, char *buffer, size_t size);
    void (*free)(void *stream);
    void *stream; /* NULL: there is none */
};

struct ctw_server_reply {
    unsigned status;  /* 200, 404, ... */
    const char *type; /* of the contents; a string that stays */
    char *text;       /* from malloc(), or NULL; who gets the reply frees it */
    size_t length;
    struct ctw_server_stream stream; /* instead of text */
    bool crowded; /* too many streams are being read: the oldest is ended, so that one can come */
};

/** ctw_server_handler - make @ret, which is zero-initialised. Return: 0, or a negative errno: there
 * is no answer. */
typedef int ctw_server_handler(void *userdata, const struct ctw_server_request *request,
                               struct ctw_server_reply *ret);

struct ctw_server;

/**
 * ctw_server_new() - a server that nobody can reach yet
 *
 * From now on SIGTERM and SIGINT wait for ctw_server_run(), and SIGPIPE is ignored.
 *
 * Return: 0 or a negative errno.
 */
int ctw_server_new(ctw_server_handler *handler, void *userdata, struct ctw_server **ret);

/** ctw_server_free() - ends all connections; the sockets listened on stay open */
struct ctw_server *ctw_server_free(struct ctw_server *h);

/**
 * ctw_server_run() - serve until SIGTERM or SIGINT
 * @sockets:  stream sockets that listen and do not block
 * @n:        1 to CTW_SERVER_SOCKETS_MAX
 *
 * Return: 0 or a negative errno.
 */
int ctw_server_run(struct ctw_server *h, const int *sockets, size_t n);

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
