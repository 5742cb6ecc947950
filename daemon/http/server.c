/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/http/server.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <microhttpd.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "daemon/sys/clock.h"
#include "lib/util/parse.h"
#include "lib/util/units.h"

/* Of all sockets together; one address gets at most a quarter of those of its socket. */
#define CONNECTIONS_MAX 64u
#define ADDRESS_DIVISOR 4u

/* Connections that libmicrohttpd has closed before the client acknowledged the last bytes. */
#define CLOSING_MAX 16u

/* A longer request is refused (414, 431). */
#define REQUEST_BYTES ((size_t)16 << 10)

/* Of a connection in the kernel, which doubles them: for 80 connections, a third of the unit's
 * MemoryMax=. */
#define SEND_BYTES    (64 << 10)
#define RECEIVE_BYTES (32 << 10)

/* A block of a stream. */
#define BLOCK_BYTES ((size_t)8 << 10)

/* The timeout of libmicrohttpd restarts with every byte, so a client that sends a byte a second
 * never reaches it. These limit a whole step. */
#define REQUEST_USEC (10 * CTW_USEC_PER_SEC)  /* from connecting to the end of the headers */
#define REPLY_USEC   (30 * CTW_USEC_PER_SEC)  /* from there to the end of the reply */
#define KEPT_USEC    (300 * CTW_USEC_PER_SEC) /* from there to the next request */
#define CLOSING_USEC (10 * CTW_USEC_PER_SEC)  /* from closing to the last acknowledgement */

/* How often the deadlines are checked. */
#define DEADLINES_MSEC 1000

struct connection {
    int fd; /* 0: none */
    uint64_t deadline_usec;
};

struct ctw_server {
    ctw_server_handler *handler;
    void *userdata;
    struct MHD_Daemon *mhd[CTW_SERVER_SOCKETS_MAX]; /* one per socket */
    size_t n_mhd;
    struct connection open[CONNECTIONS_MAX]; /* the descriptors are libmicrohttpd's */
    struct connection closing[CLOSING_MAX];  /* a ring of our own descriptors */
    size_t next_closing;
    int signal_fd;
};

/* --- connections ----------------------------------------------------------------------------- */

/* Makes close() discard the bytes that the client has not acknowledged. */
static void discard_unsent(int fd) {
    const struct linger none = {.l_onoff = 1, .l_linger = 0};

    (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof(none));
}

static void end_closing(struct connection *c) {
    if (c->fd > 0) {
        discard_unsent(c->fd);
        (void)close(c->fd);
    }
    c->fd = 0;
}

static void end_overdue(struct ctw_server *s) {
    const uint64_t now_usec = ctw_monotonic_usec();

    for (size_t i = 0; i < CLOSING_MAX; i++)
        if (now_usec >= s->closing[i].deadline_usec)
            end_closing(&s->closing[i]);
    for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
        struct connection *c = &s->open[i];
        if (c->fd == 0 || now_usec < c->deadline_usec)
            continue;
        /* libmicrohttpd has no call to end a connection, but notices this, and closes it. */
        discard_unsent(c->fd);
        (void)shutdown(c->fd, SHUT_RDWR);
        c->deadline_usec = UINT64_MAX;
    }
}

static struct connection *connection_opened(struct ctw_server *s, int fd) {
    struct connection *c = s->open;

    while (c < s->open + CONNECTIONS_MAX && c->fd > 0)
        c++;
    if (c == s->open + CONNECTIONS_MAX)
        return NULL;
    *c = (struct connection){fd, ctw_monotonic_usec() + REQUEST_USEC};
    return c;
}

/* Called before libmicrohttpd closes @c. After close() the kernel still sends the last bytes, for
 * any number of connections. A descriptor of our own lets the server end all but the newest. */
static void connection_closed(struct ctw_server *s, struct connection *c) {
    int bytes;

    if (c->deadline_usec < UINT64_MAX && ioctl(c->fd, SIOCOUTQ, &bytes) == 0 && bytes > 0) {
        struct connection *oldest = &s->closing[s->next_closing++ % CLOSING_MAX];
        end_closing(oldest);
        (void)shutdown(c->fd, SHUT_RDWR);
        *oldest = (struct connection){fcntl(c->fd, F_DUPFD_CLOEXEC, 1),
                                      ctw_monotonic_usec() + CLOSING_USEC};
        if (oldest->fd < 0)
            discard_unsent(c->fd);
    }
    c->fd = 0;
}

static void on_connection(void *cls, struct MHD_Connection *connection, void **context,
                          enum MHD_ConnectionNotificationCode what) {
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);

    if (what == MHD_CONNECTION_NOTIFY_STARTED)
        *context = info ? connection_opened(cls, info->connect_fd) : NULL;
    else if (*context)
        connection_closed(cls, *context);
}

/* Return: NULL where on_connection() set none. */
static struct connection *find_connection(struct MHD_Connection *connection) {
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

    return info ? info->socket_context : NULL;
}

static void on_completed(void *cls, struct MHD_Connection *connection, void **context,
                         enum MHD_RequestTerminationCode why) {
    struct connection *c = find_connection(connection);

    if (c && why == MHD_REQUEST_TERMINATED_COMPLETED_OK)
        c->deadline_usec = ctw_monotonic_usec() + KEPT_USEC;
}

/* --- replies --------------------------------------------------------------------------------- */

static ssize_t read_stream(void *cls, uint64_t position, char *buffer, size_t size) {
    const struct ctw_server_stream *s = cls;
    const ssize_t n = s->read(s->stream, buffer, size);

    if (n < 0)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    return n == 0 ? MHD_CONTENT_READER_END_OF_STREAM : n;
}

static void free_stream(void *cls) {
    struct ctw_server_stream *s = cls;

    s->free(s->stream);
    free(s);
}

/* To HEAD, libmicrohttpd sends the last chunk of a stream of unknown size, which the client reads
 * as the start of the next reply. HTTP/1.0 has no chunks: the stream ends with the connection. */
static struct MHD_Response *stream_response(const struct ctw_server_stream *stream, bool head) {
    struct ctw_server_stream *s = malloc(sizeof(*s));
    struct MHD_Response *response = NULL;

    if (s) {
        *s = *stream;
        response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK_BYTES, read_stream, s,
                                                     free_stream);
    }
    if (!response) {
        stream->free(stream->stream);
        free(s);
    } else if (head) {
        (void)MHD_set_response_options(response, MHD_RF_HTTP_VERSION_1_0_ONLY, MHD_RO_END);
    }
    return response;
}

static enum MHD_Result send_reply(struct MHD_Connection *connection,
                                  const struct ctw_server_reply *reply, bool head) {
    struct MHD_Response *response =
        reply->stream.stream
            ? stream_response(&reply->stream, head)
            : MHD_create_response_from_buffer(reply->length, reply->text, MHD_RESPMEM_MUST_FREE);

    if (!response || reply->stream.stream)
        free(reply->text);
    if (!response)
        return MHD_NO;
    (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, reply->type);
    (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    (void)MHD_add_response_header(response, MHD_HTTP_HEADER_VARY, MHD_HTTP_HEADER_ACCEPT);
    (void)MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    (void)MHD_add_response_header(response, "Content-Security-Policy", "default-src 'none'");
    if (reply->status == 405)
        (void)MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
    if (reply->status == 405 || reply->status == 413) /* the body is not read */
        (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
    const enum MHD_Result done = MHD_queue_response(connection, reply->status, response);
    MHD_destroy_response(response);
    return done;
}

static enum MHD_Result refuse(struct MHD_Connection *connection, unsigned status,
                              const char *line) {
    const struct ctw_server_reply reply = {
        .status = status, .type = "text/plain", .text = strdup(line), .length = strlen(line)};

    return send_reply(connection, &reply, false);
}

/* --- requests -------------------------------------------------------------------------------- */

/* A target is a path or, from a client of a proxy, "http://HOST/PATH" (RFC 9112, section 3.2). */
static const char *path_of(const char *target) {
    static const char scheme[] = "http://";

    if (strncasecmp(target, scheme, strlen(scheme)) != 0)
        return target;
    const char *path = strchr(target + strlen(scheme), '/');
    return path ? path : "/";
}

static const char *header(struct MHD_Connection *connection, const char *name) {
    return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

static bool has_body(struct MHD_Connection *connection) {
    const char *length = header(connection, MHD_HTTP_HEADER_CONTENT_LENGTH);

    return (length && strcmp(length, "0") != 0) ||
           header(connection, MHD_HTTP_HEADER_TRANSFER_ENCODING);
}

static enum MHD_Result answer(struct ctw_server *s, struct MHD_Connection *connection,
                              const char *target, bool head) {
    const struct ctw_server_request request = {
        .path = path_of(target),
        .accept = header(connection, MHD_HTTP_HEADER_ACCEPT),
    };
    struct ctw_server_reply reply = {0};

    if (s->handler(s->userdata, &request, &reply) < 0) {
        free(reply.text);
        return MHD_NO;
    }
    return send_reply(connection, &reply, head);
}

/* Called once when the headers are complete, and again when the request is. */
static enum MHD_Result on_request(void *cls, struct MHD_Connection *connection, const char *target,
                                  const char *method, const char *version, const char *upload,
                                  size_t *upload_size, void **context) {
    struct connection *c = find_connection(connection);
    const bool head = strcmp(method, MHD_HTTP_METHOD_HEAD) == 0;

    if (!c)
        return MHD_NO;
    if (*context)
        return *upload_size == 0 ? answer(cls, connection, target, head) : MHD_NO;

    *context = c;
    c->deadline_usec = ctw_monotonic_usec() + REPLY_USEC;
    if (!head && strcmp(method, MHD_HTTP_METHOD_GET) != 0)
        return refuse(connection, 405, "only GET and HEAD are answered\n");
    if (has_body(connection))
        return refuse(connection, 413, "a request must have no body\n");
    return MHD_YES;
}

/* --- the loop -------------------------------------------------------------------------------- */

static int poll_timeout_msec(const struct ctw_server *s) {
    int timeout = -1;

    for (size_t i = 0; i < CONNECTIONS_MAX; i++)
        if (s->open[i].fd > 0 || s->closing[i % CLOSING_MAX].fd > 0)
            timeout = DEADLINES_MSEC;
    for (size_t i = 0; i < s->n_mhd; i++) {
        MHD_UNSIGNED_LONG_LONG msec;
        if (MHD_get_timeout(s->mhd[i], &msec) == MHD_YES && msec < DEADLINES_MSEC)
            timeout = timeout < 0 || (int)msec < timeout ? (int)msec : timeout;
    }
    return timeout;
}

int ctw_server_run(struct ctw_server *s) {
    struct pollfd fds[1 + CTW_SERVER_SOCKETS_MAX] = {{.fd = s->signal_fd, .events = POLLIN}};

    for (size_t i = 0; i < s->n_mhd; i++) {
        const union MHD_DaemonInfo *info = MHD_get_daemon_info(s->mhd[i], MHD_DAEMON_INFO_EPOLL_FD);
        if (!info)
            return -EIO;
        fds[1 + i] = (struct pollfd){.fd = info->epoll_fd, .events = POLLIN};
    }
    for (;;) {
        if (poll(fds, 1 + s->n_mhd, poll_timeout_msec(s)) < 0 && errno != EINTR)
            return -errno;
        if (fds[0].revents != 0)
            return 0;
        for (size_t i = 0; i < s->n_mhd; i++)
            if (MHD_run(s->mhd[i]) != MHD_YES)
                return -EIO;
        end_overdue(s);
    }
}

/* --- lifetime -------------------------------------------------------------------------------- */

static int open_signals(void) {
    sigset_t set;

    if (signal(SIGPIPE, SIG_IGN) == SIG_ERR)
        return -errno;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGINT);
    if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
        return -errno;
    const int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return fd >= 0 ? fd : -errno;
}

static struct MHD_Daemon *start_mhd(struct ctw_server *s, int socket, unsigned connections) {
    const int send_bytes = SEND_BYTES, receive_bytes = RECEIVE_BYTES;
    const unsigned timeout_msec = CLOSING_USEC / CTW_USEC_PER_MSEC;

    /* Connections inherit these. The kernel ends a connection whose client acknowledges nothing for
     * TCP_USER_TIMEOUT. A socket in the file system has no such option. */
    (void)setsockopt(socket, SOL_SOCKET, SO_SNDBUF, &send_bytes, sizeof(send_bytes));
    (void)setsockopt(socket, SOL_SOCKET, SO_RCVBUF, &receive_bytes, sizeof(receive_bytes));
    (void)setsockopt(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout_msec, sizeof(timeout_msec));
    return MHD_start_daemon(MHD_USE_EPOLL, 0, NULL, NULL, on_request, s, MHD_OPTION_LISTEN_SOCKET,
                            socket, MHD_OPTION_CONNECTION_LIMIT, connections,
                            MHD_OPTION_PER_IP_CONNECTION_LIMIT, connections / ADDRESS_DIVISOR,
                            MHD_OPTION_CONNECTION_MEMORY_LIMIT, REQUEST_BYTES,
                            MHD_OPTION_NOTIFY_CONNECTION, on_connection, s,
                            MHD_OPTION_NOTIFY_COMPLETED, on_completed, s, MHD_OPTION_END);
}

static int start(struct ctw_server *s, const int *sockets, size_t n) {
    s->signal_fd = open_signals();
    if (s->signal_fd < 0)
        return s->signal_fd;
    for (; s->n_mhd < n; s->n_mhd++) {
        s->mhd[s->n_mhd] = start_mhd(s, sockets[s->n_mhd], CONNECTIONS_MAX / (unsigned)n);
        if (!s->mhd[s->n_mhd])
            return -ENOMEM;
    }
    return 0;
}

int ctw_server_new(ctw_server_handler *handler, void *userdata, const int *sockets, size_t n,
                   struct ctw_server **ret) {
    struct ctw_server *s = calloc(1, sizeof(*s));

    if (!s)
        return -ENOMEM;
    s->handler = handler;
    s->userdata = userdata;
    const int r = start(s, sockets, n);
    if (r < 0) {
        ctw_server_free(s);
        return r;
    }
    *ret = s;
    return 0;
}

struct ctw_server *ctw_server_free(struct ctw_server *s) {
    if (!s)
        return NULL;
    for (size_t i = 0; i < s->n_mhd; i++)
        MHD_stop_daemon(s->mhd[i]);
    for (size_t i = 0; i < CLOSING_MAX; i++)
        end_closing(&s->closing[i]);
    if (s->signal_fd >= 0)
        (void)close(s->signal_fd);
    free(s);
    return NULL;
}

/* --- sockets --------------------------------------------------------------------------------- */

int ctw_listen_passed(int *ret, size_t max) {
    const int n = sd_listen_fds(1);

    if (n > 0 && (size_t)n > max)
        return -E2BIG;
    for (int i = 0; i < n; i++) {
        ret[i] = SD_LISTEN_FDS_START + i;
        if (sd_is_socket(ret[i], AF_UNSPEC, SOCK_STREAM, 1) <= 0)
            return -ENOTSOCK;
    }
    return n;
}

static int listen_at(int fd, const struct addrinfo *a) {
    const int on = 1, off = 0;
    const bool ipv6 = a->ai_family == AF_INET6;

    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
        setsockopt(fd, ipv6 ? IPPROTO_IPV6 : IPPROTO_IP, ipv6 ? IPV6_FREEBIND : IP_FREEBIND, &on,
                   sizeof(on)) < 0 ||
        (ipv6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)) < 0) ||
        bind(fd, a->ai_addr, a->ai_addrlen) < 0 || listen(fd, SOMAXCONN) < 0)
        return -errno;
    return fd;
}

int ctw_listen_at(const char *where) {
    const char *port = strrchr(where, ':'); /* an IPv6 address stands in brackets */
    char host[CTW_LISTEN_NAME_MAX];
    struct addrinfo *found;
    uint64_t number;

    if (!port || port - where >= CTW_LISTEN_NAME_MAX ||
        ctw_text_decimal(port + 1, strlen(port + 1), UINT16_MAX, &number) < 0)
        return -EINVAL;
    const int n = snprintf(host, sizeof(host), "%.*s", (int)(port - where), where);
    const bool ipv6 = n > 1 && host[0] == '[' && host[n - 1] == ']';
    if (ipv6)
        host[n - 1] = '\0';
    const struct addrinfo hints = {.ai_family = ipv6 ? AF_INET6 : AF_INET,
                                   .ai_socktype = SOCK_STREAM,
                                   .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
    if (getaddrinfo(host + ipv6, port + 1, &hints, &found) != 0)
        return -EINVAL;
    const int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int r = listen_at(fd, found);
    freeaddrinfo(found);
    if (r < 0 && fd >= 0)
        (void)close(fd);
    return r;
}

void ctw_listen_name(int fd, char ret[static CTW_LISTEN_NAME_MAX]) {
    struct sockaddr_storage address;
    socklen_t length = sizeof(address);
    char host[64], port[8];

    (void)snprintf(ret, CTW_LISTEN_NAME_MAX, "a socket");
    if (getsockname(fd, (struct sockaddr *)&address, &length) < 0 ||
        (address.ss_family != AF_INET && address.ss_family != AF_INET6) ||
        getnameinfo((struct sockaddr *)&address, length, host, sizeof(host), port, sizeof(port),
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0)
        return;
    (void)snprintf(ret, CTW_LISTEN_NAME_MAX, address.ss_family == AF_INET6 ? "[%s]:%s" : "%s:%s",
                   host, port);
}
