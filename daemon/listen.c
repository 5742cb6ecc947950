/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "listen.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "../lib/text.h"

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
