/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "subscription.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <limits.h>
#include <linux/filter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_compat.h>
#include <linux/sock_diag.h>
#include <stdlib.h>
#include <sys/socket.h>

/* Few enough that a batch of ordinary events stays in the first-level cache. */
#define BATCH 64u

/* Ordinary events have 148 bytes (IPv4) or 196 (IPv6); with every extension, below 600. An odd
 * number of cache lines, so that the messages of a batch do not compete for the same ones. */
#define MESSAGE_BYTES (11u * 64u)

struct ctw_subscription {
    struct mnl_socket *socket;
    struct mmsghdr headers[BATCH];
    struct iovec iov[BATCH];
    struct sockaddr_nl senders[BATCH];
    _Alignas(64) char messages[BATCH][MESSAGE_BYTES];
};

int ctw_subscription_new(uint64_t buffer_bytes, struct ctw_subscription **ret) {
    const unsigned groups = NF_NETLINK_CONNTRACK_NEW | NF_NETLINK_CONNTRACK_DESTROY;
    struct ctw_subscription *s = aligned_alloc(_Alignof(struct ctw_subscription), sizeof(*s));

    if (!s)
        return -ENOMEM;
    for (unsigned i = 0; i < BATCH; i++) {
        s->iov[i] = (struct iovec){.iov_base = s->messages[i], .iov_len = MESSAGE_BYTES};
        s->headers[i].msg_hdr = (struct msghdr){
            .msg_name = &s->senders[i],
            .msg_iov = &s->iov[i],
            .msg_iovlen = 1,
        };
    }
    s->socket = mnl_socket_open2(NETLINK_NETFILTER, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (s->socket)
        ctw_subscription_resize(s, buffer_bytes); /* before the first event can arrive */
    if (!s->socket || mnl_socket_bind(s->socket, groups, MNL_SOCKET_AUTOPID) < 0) {
        const int error = -errno;
        (void)ctw_subscription_free(s);
        return error;
    }
    *ret = s;
    return 0;
}

struct ctw_subscription *ctw_subscription_free(struct ctw_subscription *s) {
    if (!s)
        return NULL;
    if (s->socket)
        (void)mnl_socket_close(s->socket);
    free(s);
    return NULL;
}

int ctw_subscription_fd(const struct ctw_subscription *s) {
    return mnl_socket_get_fd(s->socket);
}

/* The kernel doubles what it is asked for. Only SO_RCVBUFFORCE goes beyond net.core.rmem_max, and
 * needs CAP_NET_ADMIN in the initial user namespace. */
void ctw_subscription_resize(struct ctw_subscription *s, uint64_t buffer_bytes) {
    const int fd = ctw_subscription_fd(s);
    const int half = buffer_bytes / 2 < INT_MAX / 2 ? (int)(buffer_bytes / 2) : INT_MAX / 2;

    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &half, sizeof(half)) < 0)
        (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &half, sizeof(half));
}

uint64_t ctw_subscription_buffer(const struct ctw_subscription *s) {
    int bytes = 0;
    socklen_t length = sizeof(bytes);

    if (getsockopt(ctw_subscription_fd(s), SOL_SOCKET, SO_RCVBUF, &bytes, &length) < 0)
        return 0;
    return (uint64_t)bytes;
}

int ctw_subscription_sample(struct ctw_subscription *s, uint32_t one_in) {
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_RANDOM)),
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, one_in - 1, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
        BPF_STMT(BPF_RET | BPF_K, 0),
    };
    const struct sock_fprog program = {.len = sizeof(code) / sizeof(code[0]), .filter = code};
    const int fd = ctw_subscription_fd(s), unused = 0;
    int r;

    if (one_in > 1)
        r = setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program));
    else
        r = setsockopt(fd, SOL_SOCKET, SO_DETACH_FILTER, &unused, sizeof(unused));
    return r < 0 ? -errno : 0;
}

/* A netlink socket counts each message it had to refuse (netlink_overrun() in the kernel's
 * net/netlink/af_netlink.c), though it says ENOBUFS only once for all of them. */
int ctw_subscription_dropped(const struct ctw_subscription *s, uint32_t *ret) {
    uint32_t info[SK_MEMINFO_VARS];
    socklen_t length = sizeof(info);

    if (getsockopt(ctw_subscription_fd(s), SOL_SOCKET, SO_MEMINFO, info, &length) < 0)
        return -errno;
    if (length <= SK_MEMINFO_DROPS * sizeof(info[0]))
        return -ENOPROTOOPT;
    *ret = info[SK_MEMINFO_DROPS];
    return 0;
}

int ctw_subscription_receive(struct ctw_subscription *s) {
    for (unsigned i = 0; i < BATCH; i++)
        s->headers[i].msg_hdr.msg_namelen = sizeof(s->senders[i]);

    const int n = recvmmsg(ctw_subscription_fd(s), s->headers, BATCH, MSG_DONTWAIT, NULL);
    return n < 0 ? -errno : n;
}

const void *ctw_subscription_message(const struct ctw_subscription *s, unsigned i,
                                     size_t *ret_length) {
    const struct msghdr *header = &s->headers[i].msg_hdr;

    if (header->msg_namelen != sizeof(s->senders[i]) || s->senders[i].nl_pid != 0)
        return NULL;
    if (header->msg_flags & MSG_TRUNC)
        return NULL;
    *ret_length = s->headers[i].msg_len;
    return s->messages[i];
}
