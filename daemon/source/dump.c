/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/source/dump.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "daemon/sys/clock.h"
#include "daemon/sys/procfs.h"
#include "lib/kernel/counters.h"

/* Below the timer that polls the table. */
#define PRIORITY (SD_EVENT_PRIORITY_NORMAL + 10)

/* The kernel fills a datagram of a dump up to the reader's room, and never beyond 32 KiB
 * (netlink_dump() in net/netlink/af_netlink.c). */
#define DATAGRAM_MAX 32768

/* Distinguishes the answer from stray messages; each socket carries a single request. */
#define SEQUENCE 1

/* A kernel that has been silent for this long has failed to queue the rest of a dump. */
#define SILENCE_USEC (10 * CTW_USEC_PER_SEC)

/* A dump of counters that was interrupted or overran the buffer is repeated, up to this often. */
#define ATTEMPTS 3

#define GET_ENTRIES      (NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET)
#define GET_EXPECTATIONS (NFNL_SUBSYS_CTNETLINK_EXP << 8 | IPCTNL_MSG_EXP_GET)
#define GET_COUNTERS     (NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET_STATS_CPU)

/* --- sockets --------------------------------------------------------------------------------- */

struct mnl_socket *ctw_netlink_close(struct mnl_socket *s) {
    if (s)
        (void)mnl_socket_close(s);
    return NULL;
}

int ctw_netlink_open(int flags, unsigned groups, uint64_t buffer_bytes, uint64_t *retgranted_bytes,
                     struct mnl_socket **ret) {
    struct mnl_socket *s = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC | flags);

    if (!s)
        return -errno;
    const uint64_t granted_bytes = buffer_bytes > 0 ? ctw_netlink_resize(s, buffer_bytes) : 0;
    if (mnl_socket_bind(s, groups, MNL_SOCKET_AUTOPID) < 0) {
        const int r = -errno;
        (void)ctw_netlink_close(s);
        return r;
    }
    if (retgranted_bytes)
        *retgranted_bytes = granted_bytes;
    *ret = s;
    return 0;
}

/* The kernel doubles the value. SO_RCVBUFFORCE exceeds net.core.rmem_max, but takes CAP_NET_ADMIN
 * in the initial user namespace. */
uint64_t ctw_netlink_resize(struct mnl_socket *s, uint64_t bytes) {
    const int fd = mnl_socket_get_fd(s);
    const int half = bytes / 2 < INT_MAX / 2 ? (int)(bytes / 2) : INT_MAX / 2;
    int granted = 0;
    socklen_t length = sizeof(granted);

    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &half, sizeof(half)) < 0)
        (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &half, sizeof(half));
    if (getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &granted, &length) < 0 || granted < 0)
        return 0;
    return (uint64_t)granted;
}

ssize_t ctw_netlink_receive(struct mnl_socket *s, void *buffer, size_t size) {
    struct sockaddr_nl from = {0};
    struct iovec iov = {.iov_base = buffer, .iov_len = size};
    struct msghdr m = {
        .msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &iov, .msg_iovlen = 1};

    const ssize_t n = recvmsg(mnl_socket_get_fd(s), &m, 0);
    if (n < 0)
        return errno == EINTR ? 0 : -errno;
    if (m.msg_namelen != sizeof(from) || from.nl_pid != 0)
        return 0; /* a privileged process may write to this socket */
    if (m.msg_flags & MSG_TRUNC)
        return -EMSGSIZE;
    return n > 0 ? n : -EBADMSG;
}

int ctw_netlink_dropped(struct mnl_socket *s, uint32_t *ret) {
    uint32_t info[SK_MEMINFO_VARS];
    socklen_t length = sizeof(info);

    if (getsockopt(mnl_socket_get_fd(s), SOL_SOCKET, SO_MEMINFO, info, &length) < 0)
        return -errno;
    if (length <= SK_MEMINFO_DROPS * sizeof(info[0]))
        return -ENOPROTOOPT;
    *ret = info[SK_MEMINFO_DROPS];
    return 0;
}

/* --- the request --------------------------------------------------------------------------------
 */

static int conntrack_is_loaded(void) {
    for (const char *const *path = ctw_max_paths; *path; path++)
        if (access(*path, F_OK) == 0)
            return 0;
    return -ENOENT;
}

/* IPv6 addresses are not sent: see struct ctw_filter_kernel. */
static bool is_whole_ipv4(const struct ctw_filter_kernel *f, const uint8_t mask[static 16]) {
    return f->family == AF_INET && memcmp(mask, &(uint32_t){UINT32_MAX}, sizeof(uint32_t)) == 0;
}

/* CTA_FILTER says which parts of the tuple are to be equal (CTA_FILTER_F_* of
 * net/netfilter/nf_conntrack_netlink.c, which no header has). A tuple needs a family. */
static void put_tuple(struct nlmsghdr *header, const struct ctw_filter_kernel *f) {
    enum { SOURCE = 1, DESTINATION = 2, PROTOCOL = 8, SOURCE_PORT = 16, DESTINATION_PORT = 32 };
    const uint32_t flags = (is_whole_ipv4(f, f->source_mask) ? SOURCE : 0) |
                           (is_whole_ipv4(f, f->destination_mask) ? DESTINATION : 0) |
                           (f->n_protocols == 1 ? PROTOCOL : 0) |
                           (f->source_port > 0 ? SOURCE_PORT : 0) |
                           (f->destination_port > 0 ? DESTINATION_PORT : 0);

    if (f->family == 0 || flags == 0)
        return;
    struct nlattr *tuple = mnl_attr_nest_start(header, CTA_TUPLE_ORIG);
    if (flags & (SOURCE | DESTINATION)) {
        struct nlattr *addresses = mnl_attr_nest_start(header, CTA_TUPLE_IP);
        if (flags & SOURCE)
            mnl_attr_put(header, CTA_IP_V4_SRC, sizeof(struct in_addr), f->source);
        if (flags & DESTINATION)
            mnl_attr_put(header, CTA_IP_V4_DST, sizeof(struct in_addr), f->destination);
        mnl_attr_nest_end(header, addresses);
    }
    if (flags & PROTOCOL) {
        struct nlattr *protocol = mnl_attr_nest_start(header, CTA_TUPLE_PROTO);
        mnl_attr_put_u8(header, CTA_PROTO_NUM, f->protocols[0]);
        if (flags & SOURCE_PORT)
            mnl_attr_put_u16(header, CTA_PROTO_SRC_PORT, htons(f->source_port));
        if (flags & DESTINATION_PORT)
            mnl_attr_put_u16(header, CTA_PROTO_DST_PORT, htons(f->destination_port));
        mnl_attr_nest_end(header, protocol);
    }
    mnl_attr_nest_end(header, tuple);
    struct nlattr *filter = mnl_attr_nest_start(header, CTA_FILTER);
    mnl_attr_put_u32(header, CTA_FILTER_ORIG_FLAGS, flags);
    mnl_attr_put_u32(header, CTA_FILTER_REPLY_FLAGS, 0);
    mnl_attr_nest_end(header, filter);
}

/* What the kernel is to check of each entry. */
static void put_filter(struct nlmsghdr *header, const struct ctw_filter_kernel *f) {
    if (f->mark_mask != 0) {
        mnl_attr_put_u32(header, CTA_MARK, htonl(f->mark));
        mnl_attr_put_u32(header, CTA_MARK_MASK, htonl(f->mark_mask));
    }
    if (f->status_mask != 0) {
        mnl_attr_put_u32(header, CTA_STATUS, htonl(f->status));
        mnl_attr_put_u32(header, CTA_STATUS_MASK, htonl(f->status_mask));
    }
    if (f->zone != 0)
        mnl_attr_put_u16(header, CTA_ZONE, htons(f->zone));
    put_tuple(header, f);
}

/* Behind the header: version NFNETLINK_V0, and both families unless a filter names one. */
static int send_request(struct mnl_socket *s, uint16_t type,
                        const struct ctw_filter_kernel *filter) {
    _Alignas(struct nlmsghdr) char bytes[512];
    struct nlmsghdr *header = mnl_nlmsg_put_header(bytes);

    header->nlmsg_type = type;
    header->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    header->nlmsg_seq = SEQUENCE;
    struct nfgenmsg *family = mnl_nlmsg_put_extra_header(header, sizeof(*family));
    if (filter) {
        family->nfgen_family = filter->family;
        put_filter(header, filter);
    }
    return mnl_socket_sendto(s, header, header->nlmsg_len) < 0 ? -errno : 0;
}

/* --- entries ---------------------------------------------------------------------------------- */

struct ctw_walk {
    struct mnl_socket *socket; /* NULL once it has ended */
    struct ctw_dump dump;
    /* in the event loop only */
    sd_event_source *readable, *limit;
    ctw_walk_done_fn done;
    _Alignas(struct nlmsghdr) char datagram[DATAGRAM_MAX];
};

/* @silence_usec: how long one receive may wait; 0: it does not block. */
static int request(struct ctw_walk *w, uint16_t type, const struct ctw_filter_kernel *filter,
                   uint64_t silence_usec) {
    const struct timeval silence = {.tv_sec = (time_t)(silence_usec / CTW_USEC_PER_SEC),
                                    .tv_usec = (suseconds_t)(silence_usec % CTW_USEC_PER_SEC)};

    int r = conntrack_is_loaded();
    if (r >= 0)
        r = ctw_netlink_open(silence_usec ? 0 : SOCK_NONBLOCK, 0, 0, NULL, &w->socket);
    if (r >= 0 && setsockopt(mnl_socket_get_fd(w->socket), SOL_SOCKET, SO_RCVTIMEO, &silence,
                             sizeof(silence)) < 0)
        r = -errno;
    return r < 0 ? r : send_request(w->socket, type, filter);
}

/* Return: 1 when the dump has ended; 0 when there is more; -EAGAIN; another negative errno. */
static int read_datagram(struct ctw_walk *w) {
    const ssize_t n = ctw_netlink_receive(w->socket, w->datagram, sizeof(w->datagram));

    return n <= 0 ? (int)n : ctw_dump_read(&w->dump, w->datagram, (size_t)n);
}

/* Closing the socket ends the kernel's dump. */
static void detach(struct ctw_walk *w) {
    w->readable = sd_event_source_disable_unref(w->readable);
    w->limit = sd_event_source_disable_unref(w->limit);
    w->socket = ctw_netlink_close(w->socket);
}

static struct ctw_walk_end end_of(const struct ctw_walk *w, bool timed_out) {
    return (struct ctw_walk_end){
        .whole = w->dump.whole, .interrupted = w->dump.interrupted, .timed_out = timed_out};
}

/* @w may be gone afterwards. */
static void finish(struct ctw_walk *w, int r, bool timed_out) {
    const struct ctw_walk_end end = end_of(w, timed_out);

    detach(w);
    w->done(r, &end, w->dump.userdata);
}

static int on_readable(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
    struct ctw_walk *w = userdata;
    const int r = read_datagram(w);

    if (r != 0 && r != -EAGAIN)
        finish(w, r < 0 ? r : 0, false);
    return 0; /* after a negative value sd-event would disable the source */
}

static int on_limit(sd_event_source *source, uint64_t usec, void *userdata) {
    finish(userdata, 0, true);
    return 0;
}

static int attach(struct ctw_walk *w, sd_event *event, uint64_t limit_usec) {
    int r = request(w, GET_ENTRIES, NULL, 0);
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

static struct ctw_walk *new_walk(struct ctw_dump dump) {
    struct ctw_walk *w = calloc(1, sizeof(*w));

    if (!w)
        return NULL;
    w->dump = dump;
    w->dump.sequence = SEQUENCE;
    return w;
}

int ctw_walk_start(sd_event *event, uint32_t entries, uint64_t limit_usec, ctw_dump_entry_fn entry,
                   ctw_walk_done_fn done, void *userdata, struct ctw_walk **ret) {
    struct ctw_walk *w =
        new_walk((struct ctw_dump){.wanted = entries, .entry = entry, .userdata = userdata});
    if (!w)
        return -ENOMEM;
    w->done = done;
    const int r = attach(w, event, limit_usec);
    if (r < 0)
        w = ctw_walk_free(w);
    else
        *ret = w;
    return r < 0 ? r : 0;
}

struct ctw_walk *ctw_walk_free(struct ctw_walk *w) {
    if (!w)
        return NULL;
    detach(w);
    free(w);
    return NULL;
}

/* Return: as read_datagram(), but 0 when the time is up. */
static int read_until(struct ctw_walk *w, uint64_t deadline_usec) {
    while (deadline_usec == 0 || ctw_monotonic_usec() < deadline_usec) {
        const int r = read_datagram(w);
        if (r == -EAGAIN && deadline_usec == 0)
            return -ETIMEDOUT;
        if (r != 0 && r != -EAGAIN)
            return r;
    }
    return 0;
}

/* Frees @w, which may be NULL. */
static int walk_now(struct ctw_walk *w, uint16_t type, const struct ctw_filter_kernel *filter,
                    uint64_t limit_usec, struct ctw_walk_end *ret) {
    const uint64_t deadline_usec = limit_usec > 0 ? ctw_monotonic_usec() + limit_usec : 0;

    if (!w)
        return -ENOMEM;
    int r = request(w, type, filter, limit_usec > 0 ? limit_usec : SILENCE_USEC);
    if (r >= 0)
        r = read_until(w, deadline_usec);
    if (r >= 0)
        *ret = end_of(w, r == 0);
    ctw_walk_free(w);
    return r < 0 ? r : 0;
}

int ctw_walk_now(uint32_t entries, uint64_t limit_usec, ctw_dump_entry_fn entry, void *userdata,
                 struct ctw_walk_end *ret) {
    return walk_now(
        new_walk((struct ctw_dump){.wanted = entries, .entry = entry, .userdata = userdata}),
        GET_ENTRIES, NULL, limit_usec, ret);
}

int ctw_walk_messages(enum ctw_walk_of of, const struct ctw_filter_kernel *filter,
                      ctw_dump_message_fn message, void *userdata, struct ctw_walk_end *ret) {
    return walk_now(new_walk((struct ctw_dump){.message = message, .userdata = userdata}),
                    of == CTW_WALK_ENTRIES ? GET_ENTRIES : GET_EXPECTATIONS, filter, 0, ret);
}

/* --- counters --------------------------------------------------------------------------------- */

static int add_cpu(const void *message, size_t length, void *userdata) {
    const struct nlmsghdr *header = message;

    return header->nlmsg_flags & NLM_F_DUMP_INTR
               ? -EINTR
               : ctw_counters_add_netlink(message, length, userdata);
}

int ctw_dump_counters(struct ctw_counters *ret) {
    const uint64_t deadline_usec = ctw_monotonic_usec() + CTW_DUMP_COUNTERS_USEC;
    uint64_t left_usec = CTW_DUMP_COUNTERS_USEC;
    struct ctw_counters sum;
    struct ctw_walk_end end;
    int r = -EINTR;

    for (int i = 0; i < ATTEMPTS && left_usec > 0 && (r == -EINTR || r == -ENOBUFS); i++) {
        sum = (struct ctw_counters){0};
        r = walk_now(new_walk((struct ctw_dump){.message = add_cpu, .userdata = &sum}),
                     GET_COUNTERS, NULL, left_usec, &end);
        const uint64_t now_usec = ctw_monotonic_usec();
        left_usec = now_usec < deadline_usec ? deadline_usec - now_usec : 0;
    }
    if (r < 0)
        return r;
    if (!end.whole || sum.cpus == 0)
        return end.timed_out ? -ETIMEDOUT : -EBADMSG;
    *ret = sum;
    return 0;
}
