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
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "daemon/sys/clock.h"
#include "lib/util/parse.h"
#include "lib/util/places.h"
#include "lib/util/target.h"
#include "lib/util/units.h"

/* Of each connection, in libmicrohttpd: a request, its headers included, that does not fit in is
 * refused (414, 431). */
#define REQUEST_BYTES ((size_t)16 << 10)

/* Of each connection, in the kernel, which doubles them: what a client does not read, and what it
 * sends though it does not read. */
#define SEND_BYTES    (64 << 10)
#define RECEIVE_BYTES (32 << 10)

/* Of each connection: how long a client may acknowledge nothing. */
#define SILENT_MSEC (CTW_PLACE_LEAVING_USEC / CTW_USEC_PER_MSEC)

/* Of a stream, at a time. */
#define BLOCK_BYTES ((size_t)8 << 10)

/* Those who come are taken in so many at a time, before it is the others' turn. */
#define COMING_MAX 16u

/* How often it is looked who is overdue. */
#define SWEEP_MSEC 1000

/* libmicrohttpd has a type for it since 0.9.71. */
#if MHD_VERSION >= 0x00097002
typedef enum MHD_Result yes_or_no;
#else
typedef int yes_or_no;
#endif

struct ctw_server {
    struct MHD_Daemon *mhd;
    ctw_server_handler *handler;
    void *userdata;
    struct ctw_places places;
    int signal_fd;
    bool exhausted; /* no descriptor or no memory is left for another connection */
};

/* --- replies --------------------------------------------------------------------------------- */

static const struct {
    const char *name, *value;
} headers[] = {
    {MHD_HTTP_HEADER_CACHE_CONTROL, "no-store"},
    {MHD_HTTP_HEADER_VARY, "Accept"},
    {"X-Content-Type-Options", "nosniff"},
    {"Content-Security-Policy", "default-src 'none'"},
};

static ssize_t read_stream(void *cls, uint64_t position, char *buffer, size_t size) {
    const struct ctw_server_stream *s = cls;
    const ssize_t n = s->read(s->stream, buffer, size);

    (void)position;
    if (n < 0)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    return n == 0 ? MHD_CONTENT_READER_END_OF_STREAM : n;
}

static void free_stream(void *cls) {
    struct ctw_server_stream *s = cls;

    s->free(s->stream);
    free(s);
}

/* To HEAD, too, libmicrohttpd sends the chunk that ends a stream of unknown size, which is then
 * taken for the next reply: without chunks, the stream ends with the connection. */
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

static struct MHD_Response *text_response(struct ctw_server_reply *reply) {
    struct MHD_Response *response =
        MHD_create_response_from_buffer(reply->length, reply->text, MHD_RESPMEM_MUST_FREE);

    if (!response)
        free(reply->text);
    return response;
}

/* What it holds has been freed, or will be. */
static yes_or_no send_reply(struct MHD_Connection *connection, struct ctw_server_reply *reply,
                            bool head) {
    struct MHD_Response *response =
        reply->stream.stream ? stream_response(&reply->stream, head) : text_response(reply);

    if (!response)
        return MHD_NO;
    for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++)
        (void)MHD_add_response_header(response, headers[i].name, headers[i].value);
    (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, reply->type);
    if (reply->crowded)
        (void)MHD_add_response_header(response, MHD_HTTP_HEADER_RETRY_AFTER, "1");
    const yes_or_no done = MHD_queue_response(connection, reply->status, response);
    MHD_destroy_response(response);
    return done;
}

/* Before any of a body has been read, which then is none of ours: the connection ends. */
static yes_or_no refuse(struct MHD_Connection *connection, unsigned status, const char *line) {
    struct MHD_Response *response =
        MHD_create_response_from_buffer(strlen(line), (void *)line, MHD_RESPMEM_PERSISTENT);

    if (!response)
        return MHD_NO;
    (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, "text/plain");
    (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
    if (status == 405)
        (void)MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
    const yes_or_no done = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return done;
}

/* --- connections ----------------------------------------------------------------------------- */

/* Bytes that the other side has not acknowledged; the end of the connection counts as one. */
static bool has_unsent(int fd) {
    int bytes;

    return ioctl(fd, SIOCOUTQ, &bytes) == 0 && bytes > 0;
}

/* When it is closed, nothing of it stays in the kernel for a client that does not read it. */
static void drop_unsent(int fd) {
    const struct linger none = {.l_onoff = 1, .l_linger = 0};

    (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof(none));
}

/* libmicrohttpd is about to close it, but the place is taken until the client has got what was
 * sent, or has had the time for it: what the kernel holds is bounded by there being so many
 * places. */
static void begin_to_leave(struct ctw_server *h, struct ctw_place *place) {
    if (place->dismissed || !has_unsent(place->fd)) {
        ctw_places_leave(&h->places, place);
        return;
    }
    const int fd = fcntl(place->fd, F_DUPFD_CLOEXEC, 0);
    if (fd < 0) {
        drop_unsent(place->fd);
        ctw_places_leave(&h->places, place);
        return;
    }
    (void)shutdown(fd, SHUT_RDWR);
    ctw_place_leaves(place, fd, ctw_monotonic_usec());
}

static void end_to_leave(struct ctw_server *h, struct ctw_place *place) {
    (void)close(place->fd);
    ctw_places_leave(&h->places, place);
}

/* libmicrohttpd has no word for it, but it sees that the connection has ended. */
static void dismiss(struct ctw_server *h, struct ctw_place *place) {
    drop_unsent(place->fd);
    if (place->leaving) {
        end_to_leave(h, place);
        return;
    }
    (void)shutdown(place->fd, SHUT_RDWR);
    place->dismissed = true;
}

static struct ctw_place *place_of(struct MHD_Connection *connection) {
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

    return info ? info->socket_context : NULL;
}

static void on_connection(void *cls, struct MHD_Connection *connection, void **context,
                          enum MHD_ConnectionNotificationCode what) {
    struct ctw_server *h = cls;

    if (what == MHD_CONNECTION_NOTIFY_CLOSED) {
        if (*context)
            begin_to_leave(h, *context);
        *context = NULL;
        return;
    }
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    *context = info ? ctw_places_take(&h->places, info->connect_fd, ctw_monotonic_usec()) : NULL;
}

static void on_completed(void *cls, struct MHD_Connection *connection, void **context,
                         enum MHD_RequestTerminationCode why) {
    struct ctw_place *place = place_of(connection);

    (void)cls;
    (void)context;
    if (place && why == MHD_REQUEST_TERMINATED_COMPLETED_OK)
        ctw_place_is_answered(place, ctw_monotonic_usec());
}

static bool has_body(struct MHD_Connection *connection) {
    const char *length =
        MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_LENGTH);

    return (length && strcmp(length, "0") != 0) ||
           MHD_lookup_connection_value(connection, MHD_HEADER_KIND,
                                       MHD_HTTP_HEADER_TRANSFER_ENCODING);
}

static yes_or_no answer(struct ctw_server *h, struct MHD_Connection *connection,
                        struct ctw_place *place, const char *target, bool head) {
    const struct ctw_server_request request = {
        .path = ctw_target_path(target),
        .accept = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_ACCEPT),
    };
    struct ctw_server_reply reply = {0};

    if (h->handler(h->userdata, &request, &reply) < 0)
        return MHD_NO;
    if (reply.crowded) {
        struct ctw_place *oldest = ctw_places_oldest_stream(&h->places);
        if (oldest)
            dismiss(h, oldest);
    }
    place->streams = reply.stream.stream != NULL;
    return send_reply(connection, &reply, head);
}

/* Called once when the headers are there, and again when all of the request is. */
static yes_or_no on_request(void *cls, struct MHD_Connection *connection, const char *target,
                            const char *method, const char *version, const char *upload,
                            size_t *upload_size, void **context) {
    struct ctw_place *place = place_of(connection);
    const bool head = strcmp(method, MHD_HTTP_METHOD_HEAD) == 0;

    (void)version;
    (void)upload;
    if (!place)
        return MHD_NO;
    if (*context)
        return *upload_size == 0 ? answer(cls, connection, place, target, head) : MHD_NO;

    *context = place;
    ctw_place_asks(place, ctw_monotonic_usec());
    if (!head && strcmp(method, MHD_HTTP_METHOD_GET) != 0)
        return refuse(connection, 405, "only GET and HEAD are answered\n");
    if (has_body(connection))
        return refuse(connection, 413, "a request has no body here\n");
    return MHD_YES;
}

/* --- who comes ------------------------------------------------------------------------------- */

static bool make_room(struct ctw_server *h) {
    if (h->places.taken < CTW_PLACES)
        return true;
    struct ctw_place *place = ctw_places_next_to_go(&h->places);
    if (place)
        dismiss(h, place);
    (void)MHD_run(h->mhd);
    return h->places.taken < CTW_PLACES;
}

static void bound(int fd) {
    const int send_bytes = SEND_BYTES, receive_bytes = RECEIVE_BYTES;
    const unsigned silent_msec = SILENT_MSEC;

    (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &send_bytes, sizeof(send_bytes));
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_bytes, sizeof(receive_bytes));
    /* Not known to a socket in the file system. */
    (void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &silent_msec, sizeof(silent_msec));
}

/* Return: whether there may be more. */
static bool take_in(struct ctw_server *h, int socket) {
    struct sockaddr_storage address;
    socklen_t length = sizeof(address);

    const int fd =
        accept4(socket, (struct sockaddr *)&address, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
        h->exhausted = errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM;
        return errno == EINTR || errno == ECONNABORTED;
    }
    if (!make_room(h)) {
        (void)close(fd);
        return true;
    }
    bound(fd);
    /* It closes what it does not take. */
    if (MHD_add_connection(h->mhd, fd, (struct sockaddr *)&address, length) == MHD_YES)
        (void)MHD_run(h->mhd);
    return true;
}

static void sweep(struct ctw_server *h) {
    const uint64_t now_usec = ctw_monotonic_usec();

    for (size_t i = 0; i < CTW_PLACES; i++) {
        struct ctw_place *place = &h->places.place[i];
        if (place->leaving && !has_unsent(place->fd))
            end_to_leave(h, place);
        else if (ctw_place_is_overdue(place, now_usec))
            dismiss(h, place);
    }
}

/* --- the loop -------------------------------------------------------------------------------- */

enum { SIGNALS, CONNECTIONS, SOCKETS };

static int timeout_msec(const struct ctw_server *h) {
    MHD_UNSIGNED_LONG_LONG msec;

    if (MHD_get_timeout(h->mhd, &msec) == MHD_YES && msec < SWEEP_MSEC)
        return (int)msec;
    return h->places.taken > 0 || h->exhausted ? SWEEP_MSEC : -1;
}

int ctw_server_run(struct ctw_server *h, const int *sockets, size_t n) {
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(h->mhd, MHD_DAEMON_INFO_EPOLL_FD);
    struct pollfd fds[SOCKETS + CTW_SERVER_SOCKETS_MAX] = {
        [SIGNALS] = {.fd = h->signal_fd, .events = POLLIN},
        [CONNECTIONS] = {.fd = info ? info->epoll_fd : -1, .events = POLLIN},
    };

    if (!info || n == 0 || n > CTW_SERVER_SOCKETS_MAX)
        return -EINVAL;
    for (size_t i = 0; i < n; i++)
        fds[SOCKETS + i] = (struct pollfd){.fd = sockets[i], .events = POLLIN};

    for (;;) {
        /* Who cannot be taken in waits until some have gone, or a second has. */
        const nfds_t n_fds = h->exhausted ? SOCKETS : SOCKETS + n;
        if (poll(fds, n_fds, timeout_msec(h)) < 0 && errno != EINTR)
            return -errno;
        if (fds[SIGNALS].revents != 0)
            return 0;
        h->exhausted = false;
        if (MHD_run(h->mhd) != MHD_YES)
            return -EIO;
        for (size_t i = SOCKETS; i < n_fds; i++)
            for (unsigned k = 0; fds[i].revents != 0 && k < COMING_MAX; k++)
                if (!take_in(h, fds[i].fd))
                    break;
        sweep(h);
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

int ctw_server_new(ctw_server_handler *handler, void *userdata, struct ctw_server **ret) {
    struct ctw_server *h = calloc(1, sizeof(*h));

    if (!h)
        return -ENOMEM;
    h->handler = handler;
    h->userdata = userdata;
    h->signal_fd = open_signals();
    const int r = h->signal_fd;
    if (r >= 0)
        h->mhd = MHD_start_daemon(
            MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET, 0, NULL, NULL, on_request, h,
            /* One more for who is on the way out. */
            MHD_OPTION_CONNECTION_LIMIT, CTW_PLACES + 1, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
            REQUEST_BYTES, MHD_OPTION_NOTIFY_CONNECTION, on_connection, h,
            MHD_OPTION_NOTIFY_COMPLETED, on_completed, h, MHD_OPTION_END);
    if (!h->mhd) {
        ctw_server_free(h);
        return r < 0 ? r : -ENOMEM;
    }
    *ret = h;
    return 0;
}

struct ctw_server *ctw_server_free(struct ctw_server *h) {
    if (!h)
        return NULL;
    if (h->mhd)
        MHD_stop_daemon(h->mhd);
    for (size_t i = 0; i < CTW_PLACES; i++)
        if (h->places.place[i].leaving)
            dismiss(h, &h->places.place[i]);
    if (h->signal_fd >= 0)
        (void)close(h->signal_fd);
    free(h);
    return NULL;
}

#define PORT_MAX 65535

static void close_fd(const int *fd) {
    if (*fd >= 0)
        (void)close(*fd);
}

static int set_nonblocking(int fd) {
    const int flags = fcntl(fd, F_GETFL);

    return flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ? -errno : 0;
}

/* --- passed ---------------------------------------------------------------------------------- */

int ctw_listen_passed(int *ret, size_t max) {
    const int n = sd_listen_fds(1);

    if (n < 0)
        return n;
    if ((size_t)n > max)
        return -E2BIG;
    for (int i = 0; i < n; i++) {
        const int fd = SD_LISTEN_FDS_START + i;
        if (sd_is_socket(fd, AF_UNSPEC, SOCK_STREAM, 1) <= 0)
            return -ENOTSOCK;
        const int r = set_nonblocking(fd);
        if (r < 0)
            return r;
        ret[i] = fd;
    }
    return n;
}

/* --- our own --------------------------------------------------------------------------------- */

/* "[::1]:9817" in two: the port is behind the last colon, and an address that has colons itself
 * stands in brackets, or it would not be clear where it ends. */
static int split(const char *where, char host[static CTW_LISTEN_NAME_MAX], const char **ret_port) {
    const char *colon = strrchr(where, ':');
    const bool brackets = where[0] == '[';
    uint64_t port;

    if (!colon || ctw_text_decimal(colon + 1, strlen(colon + 1), PORT_MAX, &port) < 0)
        return -EINVAL;
    const char *begin = where + brackets, *end = colon;
    if (brackets && *--end != ']')
        return -EINVAL;
    if (end <= begin || end - begin >= CTW_LISTEN_NAME_MAX)
        return -EINVAL;
    (void)snprintf(host, CTW_LISTEN_NAME_MAX, "%.*s", (int)(end - begin), begin);
    if (brackets != (strchr(host, ':') != NULL))
        return -EINVAL;
    *ret_port = colon + 1;
    return 0;
}

/* Before the interface is up, too: a server that starts at boot does not wait for it. */
static int set_options(int fd, int family) {
    const int on = 1, off = 0;
    const bool six = family == AF_INET6;

    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
        setsockopt(fd, six ? IPPROTO_IPV6 : IPPROTO_IP, six ? IPV6_FREEBIND : IP_FREEBIND, &on,
                   sizeof(on)) < 0 ||
        (six && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)) < 0))
        return -errno;
    return 0;
}

int ctw_listen_at(const char *where) {
    const struct addrinfo hints = {.ai_family = AF_UNSPEC,
                                   .ai_socktype = SOCK_STREAM,
                                   .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
    char host[CTW_LISTEN_NAME_MAX];
    struct addrinfo *found;
    const char *port;

    if (split(where, host, &port) < 0 || getaddrinfo(host, port, &hints, &found) != 0)
        return -EINVAL;
    int fd __attribute__((cleanup(close_fd))) =
        socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int r = fd >= 0 ? set_options(fd, found->ai_family) : -errno;
    if (r >= 0 && (bind(fd, found->ai_addr, found->ai_addrlen) < 0 || listen(fd, SOMAXCONN) < 0))
        r = -errno;
    freeaddrinfo(found);
    if (r < 0)
        return r;
    const int listening = fd;
    fd = -1;
    return listening;
}

void ctw_listen_name(int fd, char ret[static CTW_LISTEN_NAME_MAX]) {
    struct sockaddr_storage address;
    socklen_t length = sizeof(address);
    char host[64], port[8];

    (void)snprintf(ret, CTW_LISTEN_NAME_MAX, "a socket");
    if (getsockname(fd, (struct sockaddr *)&address, &length) < 0 ||
        getnameinfo((struct sockaddr *)&address, length, host, sizeof(host), port, sizeof(port),
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0)
        return;
    if (address.ss_family == AF_INET6)
        (void)snprintf(ret, CTW_LISTEN_NAME_MAX, "[%s]:%s", host, port);
    else if (address.ss_family == AF_INET)
        (void)snprintf(ret, CTW_LISTEN_NAME_MAX, "%s:%s", host, port);
}
