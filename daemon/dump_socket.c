/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dump_socket.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

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
