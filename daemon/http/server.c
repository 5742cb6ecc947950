/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/http/server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
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

/* Of all sockets together; one address gets at most half of those of its socket: browsers behind
 * one address keep a connection each. */
#define CONNECTIONS_MAX 256u
#define ADDRESS_DIVISOR 2u

/* Connections that libmicrohttpd has closed before the client acknowledged the last bytes. */
#define CLOSING_MAX 16u

/* A longer request is refused (414, 431). */
#define REQUEST_BYTES ((size_t)16 << 10)

/* Of a connection in the kernel, which doubles them: for 272 connections, a third of the unit's
 * MemoryMax=. */
#define SEND_BYTES    (32 << 10)
#define RECEIVE_BYTES (8 << 10)

/* Of pages that need nothing: neither scripts nor styles, and no frame around them. */
#define SECURITY_POLICY                                                                            \
    "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"

/* Renamed in 1.0. With 1, a line ends in CR LF only, and none continues the one before. */
#if MHD_VERSION < 0x01000000
#define OPTION_STRICT MHD_OPTION_STRICT_FOR_CLIENT
#else
#define OPTION_STRICT MHD_OPTION_CLIENT_DISCIPLINE_LVL
#endif

/* A block of a stream. */
#define BLOCK_BYTES ((size_t)8 << 10)

/* The timeout of libmicrohttpd restarts with every byte, so a client that sends a byte a second
 * never reaches it. These limit a whole step. */
#define REQUEST_USEC (10 * CTW_USEC_PER_SEC) /* from connecting to the end of the headers */
#define REPLY_USEC   (30 * CTW_USEC_PER_SEC) /* from there to the end of the reply */
#define KEPT_USEC    (10 * CTW_USEC_PER_SEC) /* from there to the next request */
#define CLOSING_USEC (10 * CTW_USEC_PER_SEC) /* from closing to the last acknowledgement */

/* How often the deadlines are checked. */
#define DEADLINES_MSEC 1000

struct connection {
    int fd; /* 0: none */
    uint64_t deadline_usec;
    const char *target;   /* of the present request; NULL: not acceptable */
    size_t target_length; /* as it was received; it is decoded in place */
};

struct ctw_server {
    ctw_server_handler *handler;
    void *userdata;
    const char *const *hosts;
    size_t n_hosts;
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
    *c = (struct connection){.fd = fd, .deadline_usec = ctw_monotonic_usec() + REQUEST_USEC};
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
        *oldest = (struct connection){.fd = fcntl(c->fd, F_DUPFD_CLOEXEC, 1),
                                      .deadline_usec = ctw_monotonic_usec() + CLOSING_USEC};
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

/* A strong validator: FNV-1a of the text. */
static void make_tag(const struct ctw_server_reply *reply, char ret[static 24]) {
    uint64_t hash = UINT64_C(0xcbf29ce484222325);

    for (size_t i = 0; i < reply->length; i++)
        hash = (hash ^ (unsigned char)reply->text[i]) * UINT64_C(0x100000001b3);
    (void)snprintf(ret, 24, "\"%016" PRIx64 "\"", hash);
}

/* Whether @tag is in the list, such as "a", W/"b" */
static bool client_has(struct MHD_Connection *connection, const char *tag) {
    const char *list =
        MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_IF_NONE_MATCH);

    return list && (strstr(list, tag) || strcmp(list, "*") == 0);
}

/* @last: the connection ends with it */
static enum MHD_Result send_reply(struct MHD_Connection *connection, struct ctw_server_reply *reply,
                                  bool head, bool last) {
    char tag[24] = "";

    if (reply->tagged && reply->status == 200) {
        make_tag(reply, tag);
        if (client_has(connection, tag)) {
            reply->status = MHD_HTTP_NOT_MODIFIED;
            reply->length = 0;
        }
    }
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
    (void)MHD_add_response_header(response, "Content-Security-Policy",
                                  reply->policy ? reply->policy : SECURITY_POLICY);
    (void)MHD_add_response_header(response, "Referrer-Policy", "no-referrer");
    if (tag[0] != '\0')
        (void)MHD_add_response_header(response, MHD_HTTP_HEADER_ETAG, tag);
    if (reply->status == 405)
        (void)MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
    if (last)
        (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
    const enum MHD_Result done = MHD_queue_response(connection, reply->status, response);
    MHD_destroy_response(response);
    return done;
}

/* --- requests -------------------------------------------------------------------------------- */

/* Of a name of a header (RFC 9110, section 5.6.2). */
static const char token[] = "!#$%&'*+-.^_`|~0123456789"
                            "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

struct headers {
    const char *next; /* where the next one must lie; NULL: not known */
    bool malformed;
    unsigned hosts, lengths, encodings;
    const char *host, *length;
};

/*
 * libmicrohttpd before 1.0 takes a NUL for the end of a name or a value, and joins a line that
 * begins with a blank to the wrong one. Its strings lie in the buffer as they were received:
 *
 *   GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n
 *
 * so a header that does not lie right behind the one before it hides something. (Both bytes between
 * two lines are 0 by then: a NUL in place of the CR remains unseen, and ":\n" in place of the last
 * "\r\n".)
 */
static enum MHD_Result read_header(void *cls, enum MHD_ValueKind kind, const char *name,
                                   const char *value) {
    struct headers *h = cls;

    if (!value || strchr(value, '\r') || name[0] == '\0' || name[strspn(name, token)] != '\0' ||
        (h->next && (name != h->next || value < name + strlen(name) + strlen(":")))) {
        h->malformed = true;
        return MHD_NO;
    }
    if (h->next)
        h->next = value + strlen(value) + strlen("\r\n");
    if (strcasecmp(name, MHD_HTTP_HEADER_HOST) == 0) {
        h->hosts++;
        h->host = value;
    } else if (strcasecmp(name, MHD_HTTP_HEADER_CONTENT_LENGTH) == 0) {
        h->lengths++;
        h->length = value;
    } else if (strcasecmp(name, MHD_HTTP_HEADER_TRANSFER_ENCODING) == 0) {
        h->encodings++;
    }
    return MHD_YES;
}

static bool is_well_formed(struct MHD_Connection *connection, const struct connection *c,
                           const char *method, const char *version, struct headers *ret) {
    const bool in_place = MHD_get_version()[0] == '0';
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);

    *ret = (struct headers){.next = in_place ? version + strlen(version) + strlen("\r\n") : NULL};
    (void)MHD_get_connection_values(connection, MHD_HEADER_KIND, read_header, ret);
    if (!c->target || ret->malformed || ret->hosts != 1 || ret->lengths > 1)
        return false;
    return !in_place || (info && c->target == method + strlen(method) + strlen(" ") &&
                         version == c->target + c->target_length + strlen(" ") &&
                         ret->next + strlen("\r\n") == method + info->header_size);
}

static bool is_path(const char *target) {
    const char *c = target;

    while (*c > ' ' && *c < 0x7f)
        c++;
    return target[0] == '/' && *c == '\0' && !strstr(target, "%00");
}

/* Called with the target as it was received. */
static void *on_target(void *cls, const char *target, struct MHD_Connection *connection) {
    struct connection *c = find_connection(connection);

    if (c) {
        c->target = target && is_path(target) ? target : NULL;
        c->target_length = c->target ? strlen(target) : 0;
    }
    return NULL;
}

/* @address: in network order, 4 bytes or 16 */
static bool is_loopback(int family, const void *address) {
    const uint8_t *bytes = address;

    if (family != AF_INET6)
        return bytes[0] == 127;
    return IN6_IS_ADDR_LOOPBACK(bytes) || (IN6_IS_ADDR_V4MAPPED(bytes) && bytes[12] == 127);
}

static bool came_to_loopback(int fd) {
    union {
        struct sockaddr any;
        struct sockaddr_in ipv4;
        struct sockaddr_in6 ipv6;
    } local = {0};
    socklen_t length = sizeof(local);

    if (getsockname(fd, &local.any, &length) < 0)
        return true;
    return local.any.sa_family == AF_INET6  ? is_loopback(AF_INET6, &local.ipv6.sin6_addr)
           : local.any.sa_family == AF_INET ? is_loopback(AF_INET, &local.ipv4.sin_addr)
                                            : false;
}

/* Whether @host, such as "localhost:9817", is a name of the loopback address, or --host gives it.
 */
static bool is_own_host(const struct ctw_server *s, const char *host) {
    const char *end = host[0] == '[' ? strchr(host, ']') : NULL;
    const size_t length = end ? (size_t)(end + 1 - host) : strcspn(host, ":");
    struct in6_addr address;
    char name[256];

    if (length >= sizeof(name) ||
        (host[length] != '\0' &&
         (host[length] != ':' || host[length + 1 + strspn(host + length + 1, "0123456789")])))
        return false;
    (void)snprintf(name, sizeof(name), "%.*s", (int)length, host);
    for (size_t i = 0; i < s->n_hosts; i++)
        if (strcasecmp(name, s->hosts[i]) == 0)
            return true;
    if (end) {
        name[length - 1] = '\0';
        return inet_pton(AF_INET6, name + 1, &address) == 1 && is_loopback(AF_INET6, &address);
    }
    return strcasecmp(name, "localhost") == 0 ||
           (inet_pton(AF_INET, name, &address) == 1 && is_loopback(AF_INET, &address));
}

static enum MHD_Result refuse(struct MHD_Connection *connection, unsigned status,
                              const char *line) {
    struct ctw_server_reply reply = {
        .status = status, .type = "text/plain", .text = strdup(line), .length = strlen(line)};

    return send_reply(connection, &reply, false, true);
}

static enum MHD_Result answer(struct ctw_server *s, struct MHD_Connection *connection,
                              const char *path, bool head) {
    const struct ctw_server_request request = {
        .path = path,
        .accept = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_ACCEPT),
        .span = MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, "span"),
        .points = MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, "points"),
    };
    struct ctw_server_reply reply = {0};

    if (s->handler(s->userdata, &request, &reply) < 0) {
        free(reply.text);
        return MHD_NO;
    }
    return send_reply(connection, &reply, head, false);
}

/* Called once when the headers are complete, and again when the request is. What is refused ends
 * the connection, so a body is never read, and never taken for a request. */
static enum MHD_Result on_request(void *cls, struct MHD_Connection *connection, const char *path,
                                  const char *method, const char *version, const char *upload,
                                  size_t *upload_size, void **context) {
    struct connection *c = find_connection(connection);
    const bool head = strcmp(method, MHD_HTTP_METHOD_HEAD) == 0;
    struct headers h;

    if (!c)
        return MHD_NO;
    if (*context)
        return *upload_size == 0 ? answer(cls, connection, path, head) : MHD_NO;

    *context = c;
    c->deadline_usec = ctw_monotonic_usec() + REPLY_USEC;
    if (!is_well_formed(connection, c, method, version, &h))
        return refuse(connection, 400, "this is no request for a path of one host\n");
    if (!head && strcmp(method, MHD_HTTP_METHOD_GET) != 0)
        return refuse(connection, 405, "only GET and HEAD are answered\n");
    if (h.encodings > 0 || (h.length && strcmp(h.length, "0") != 0))
        return refuse(connection, 413, "a request must have no body\n");
    if (came_to_loopback(c->fd) && !is_own_host(cls, h.host))
        return refuse(connection, 421, "this host is not served here: see ctwatch serve --host\n");
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
    return MHD_start_daemon(
        MHD_USE_EPOLL, 0, NULL, NULL, on_request, s, MHD_OPTION_LISTEN_SOCKET, socket,
        MHD_OPTION_CONNECTION_LIMIT, connections, MHD_OPTION_PER_IP_CONNECTION_LIMIT,
        connections / ADDRESS_DIVISOR, MHD_OPTION_CONNECTION_MEMORY_LIMIT, REQUEST_BYTES,
        MHD_OPTION_NOTIFY_CONNECTION, on_connection, s, MHD_OPTION_NOTIFY_COMPLETED, on_completed,
        s, MHD_OPTION_URI_LOG_CALLBACK, on_target, s, OPTION_STRICT, 1, MHD_OPTION_END);
}

int ctw_server_new(ctw_server_handler *handler, void *userdata, const int *sockets, size_t n,
                   const char *const *hosts, size_t n_hosts, struct ctw_server **ret) {
    struct ctw_server *s = calloc(1, sizeof(*s));

    if (!s)
        return -ENOMEM;
    s->handler = handler;
    s->userdata = userdata;
    s->hosts = hosts;
    s->n_hosts = n_hosts;
    s->signal_fd = open_signals();
    int r = s->signal_fd < 0 ? s->signal_fd : 0;
    for (size_t i = 0; r == 0 && i < n; i++) {
        s->mhd[i] = start_mhd(s, sockets[i], CONNECTIONS_MAX / (unsigned)n);
        if (s->mhd[i])
            s->n_mhd++;
        else
            r = -ENOMEM;
    }
    if (r < 0)
        s = ctw_server_free(s);
    else
        *ret = s;
    return r;
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
