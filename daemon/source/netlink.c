/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/source/netlink.h"

#include <errno.h>
#include <limits.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <sys/socket.h>

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
