/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/source/dump.h"

#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "daemon/sys/clock.h"
#include "lib/util/units.h"

/* Behind the timer that looks at the table. */
#define PRIORITY (SD_EVENT_PRIORITY_NORMAL + 10)

/* Only tells answers from what may come before them; every socket has just one request. */
#define SEQUENCE 1

struct ctw_walk {
    struct mnl_socket *socket; /* NULL once it has ended */
    sd_event_source *readable, *limit;
    struct ctw_dump dump;
    ctw_dump_entry_fn entry;
    ctw_walk_done_fn done;
    void *userdata;
    char datagram[CTW_DUMP_DATAGRAM_MAX];
};

/* Whatever the kernel still had to say is not asked for: closing the socket ends its dump. */
static void detach(struct ctw_walk *w) {
    w->readable = sd_event_source_disable_unref(w->readable);
    w->limit = sd_event_source_disable_unref(w->limit);
    w->socket = ctw_dump_socket_free(w->socket);
}

/* The last thing that is done with @w: it may be gone afterwards. */
static void finish(struct ctw_walk *w, int r) {
    detach(w);
    w->done(r, w->userdata);
}

static int on_readable(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
    struct ctw_walk *w = userdata;

    (void)source;
    (void)fd;
    (void)revents;
    const ssize_t n = ctw_dump_socket_receive(w->socket, w->datagram, sizeof(w->datagram));
    if (n == 0 || n == -EAGAIN)
        return 0;
    const int r =
        n < 0 ? (int)n : ctw_dump_read(&w->dump, w->datagram, (size_t)n, w->entry, w->userdata);
    if (r != 0)
        finish(w, r > 0 ? w->dump.interrupted : r);
    return 0; /* a negative value would make sd-event switch the source off without a word */
}

static int on_limit(sd_event_source *source, uint64_t usec, void *userdata) {
    (void)source;
    (void)usec;
    finish(userdata, -ETIMEDOUT);
    return 0;
}

static int attach(struct ctw_walk *w, sd_event *event, uint64_t limit_usec) {
    int r = ctw_dump_socket_new(SOCK_NONBLOCK, SEQUENCE, &w->socket);
    if (r >= 0)
        r = sd_event_add_io(event, &w->readable, mnl_socket_get_fd(w->socket), EPOLLIN, on_readable,
                            w);
    if (r >= 0)
        r = sd_event_source_set_priority(w->readable, PRIORITY);
    if (r >= 0)
        r = sd_event_add_time_relative(event, &w->limit, CLOCK_MONOTONIC, limit_usec, 0, on_limit,
                                       w);
    return r;
}

int ctw_walk_start(sd_event *event, uint32_t entries, uint64_t limit_usec, ctw_dump_entry_fn entry,
                   ctw_walk_done_fn done, void *userdata, struct ctw_walk **ret) {
    struct ctw_walk *w = malloc(sizeof(*w));
    if (!w)
        return -ENOMEM;
    *w = (struct ctw_walk){
        .dump = {.sequence = SEQUENCE, .wanted = entries},
        .entry = entry,
        .done = done,
        .userdata = userdata,
    };

    int r = attach(w, event, limit_usec);
    if (r < 0) {
        ctw_walk_free(w);
        return r;
    }
    *ret = w;
    return 0;
}

struct ctw_walk *ctw_walk_free(struct ctw_walk *w) {
    if (!w)
        return NULL;
    detach(w);
    free(w);
    return NULL;
}

/* Apart from walk.c, so that the program that walks at once needs no event loop. */

/* Only tells answers from what may come before them; every socket has just one request. */
#define NOW_SEQUENCE 1

/* The kernel answers within the system call that asks; when it says nothing for so long, it has
 * failed to, and will not try again. */
#define SILENCE_USEC (10 * CTW_USEC_PER_SEC)

static void free_socket(struct mnl_socket **s) {
    *s = ctw_dump_socket_free(*s);
}

static int limit_silence(struct mnl_socket *s, uint64_t usec) {
    const struct timeval t = {.tv_sec = (time_t)(usec / CTW_USEC_PER_SEC),
                              .tv_usec = (suseconds_t)(usec % CTW_USEC_PER_SEC)};

    return setsockopt(mnl_socket_get_fd(s), SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t)) < 0 ? -errno
                                                                                        : 0;
}

/* Return: 1 when the dump has been read; 0 when the time was up before; a negative errno. */
static int read_dump(struct mnl_socket *s, struct ctw_dump *d, uint64_t deadline_usec,
                     ctw_dump_entry_fn entry, void *userdata) {
    _Alignas(struct nlmsghdr) char datagram[CTW_DUMP_DATAGRAM_MAX];

    while (deadline_usec == 0 || ctw_monotonic_usec() < deadline_usec) {
        const ssize_t n = ctw_dump_socket_receive(s, datagram, sizeof(datagram));
        if (n == -EAGAIN && deadline_usec == 0)
            return -ETIMEDOUT;
        if (n < 0 && n != -EAGAIN)
            return (int)n;
        const int r = n > 0 ? ctw_dump_read(d, datagram, (size_t)n, entry, userdata) : 0;
        if (r != 0)
            return r;
    }
    return 0;
}

int ctw_walk_now(uint32_t entries, uint64_t limit_usec, ctw_dump_entry_fn entry, void *userdata,
                 struct ctw_walk_end *ret) {
    const uint64_t deadline_usec = limit_usec > 0 ? ctw_monotonic_usec() + limit_usec : 0;
    __attribute__((cleanup(free_socket))) struct mnl_socket *s = NULL;
    struct ctw_dump d = {.sequence = NOW_SEQUENCE, .wanted = entries};

    int r = ctw_dump_socket_new(0, NOW_SEQUENCE, &s);
    if (r < 0)
        return r;
    r = limit_silence(s, limit_usec > 0 ? limit_usec : SILENCE_USEC);
    if (r < 0)
        return r;
    r = read_dump(s, &d, deadline_usec, entry, userdata);
    if (r < 0)
        return r;

    *ret =
        (struct ctw_walk_end){.whole = d.whole, .interrupted = d.interrupted, .timed_out = r == 0};
    return 0;
}

/* These exist as long as conntrack is there: today's name, and that of Linux 2.6.14 to 2.6.22. */
static const char *const signs_of_conntrack[] = {
    "/proc/sys/net/netfilter/nf_conntrack_max",
    "/proc/sys/net/ipv4/netfilter/ip_conntrack_max",
};

static int conntrack_is_there(void) {
    for (size_t i = 0; i < sizeof(signs_of_conntrack) / sizeof(signs_of_conntrack[0]); i++)
        if (access(signs_of_conntrack[i], F_OK) == 0)
            return 0;
    return -errno;
}

/* A plain dump of both families. */
static int send_request(struct mnl_socket *s, uint32_t sequence) {
    _Alignas(struct nlmsghdr) char bytes[64];
    struct nlmsghdr *header = mnl_nlmsg_put_header(bytes);

    header->nlmsg_type = (NFNL_SUBSYS_CTNETLINK << 8) | IPCTNL_MSG_CT_GET;
    header->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    header->nlmsg_seq = sequence;
    mnl_nlmsg_put_extra_header(header, sizeof(struct nfgenmsg)); /* all zero: AF_UNSPEC, V0 */

    return mnl_socket_sendto(s, header, header->nlmsg_len) < 0 ? -errno : 0;
}

static int open_socket(int flags, uint32_t sequence, struct mnl_socket **ret) {
    *ret = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC | flags);
    if (*ret == NULL || mnl_socket_bind(*ret, 0, MNL_SOCKET_AUTOPID) < 0)
        return -errno;
    return send_request(*ret, sequence);
}

int ctw_dump_socket_new(int flags, uint32_t sequence, struct mnl_socket **ret) {
    struct mnl_socket *s = NULL;

    int r = conntrack_is_there();
    if (r < 0)
        return r;
    r = open_socket(flags, sequence, &s);
    if (r < 0) {
        ctw_dump_socket_free(s);
        return r;
    }
    *ret = s;
    return 0;
}

struct mnl_socket *ctw_dump_socket_free(struct mnl_socket *s) {
    if (s != NULL)
        mnl_socket_close(s);
    return NULL;
}

ssize_t ctw_dump_socket_receive(struct mnl_socket *s, void *buffer, size_t size) {
    struct sockaddr_nl from = {0};
    struct iovec iov = {.iov_base = buffer, .iov_len = size};
    struct msghdr m = {
        .msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &iov, .msg_iovlen = 1};

    ssize_t n = recvmsg(mnl_socket_get_fd(s), &m, 0);
    if (n < 0)
        return errno == EINTR ? 0 : -errno;
    if (m.msg_namelen != sizeof(from) || from.nl_pid != 0)
        return 0; /* another process may write to this socket */
    if (m.msg_flags & MSG_TRUNC)
        return -EMSGSIZE;
    return n > 0 ? n : -EBADMSG;
}
