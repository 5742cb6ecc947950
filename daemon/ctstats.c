/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ctstats.h"

#include <errno.h>
#include <stdint.h>
#include <sys/socket.h>

#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

#include "clock.h"

/* More than the kernel ever puts into one datagram of a dump: it fills a page, or 8 KiB where pages
 * are larger, unless the reader has asked for more. */
#define DATAGRAM_MAX 16384

/* A dump that was interrupted or overran the buffer is asked for again, this often in all. */
#define ATTEMPTS 3

/* Only tells answers from what may come before them; every socket has just one request. */
#define SEQUENCE 1

struct answer {
    struct ctw_counters sum;
    unsigned cpus;
};

static void close_socket(struct mnl_socket **socket) {
    if (*socket != NULL)
        mnl_socket_close(*socket);
}

static int open_socket(struct mnl_socket **ret) {
    const struct timeval timeout = {.tv_usec = CTW_CTSTATS_TIMEOUT_USEC};
    __attribute__((cleanup(close_socket))) struct mnl_socket *s = NULL;

    s = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
    if (s == NULL || mnl_socket_bind(s, 0, MNL_SOCKET_AUTOPID) < 0)
        return -errno;
    if (setsockopt(mnl_socket_get_fd(s), SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout) < 0)
        return -errno;

    *ret = s;
    s = NULL;
    return 0;
}

static int send_request(struct mnl_socket *s) {
    _Alignas(struct nlmsghdr) char bytes[64];
    struct nlmsghdr *header = mnl_nlmsg_put_header(bytes);

    header->nlmsg_type = (NFNL_SUBSYS_CTNETLINK << 8) | IPCTNL_MSG_CT_GET_STATS_CPU;
    header->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    header->nlmsg_seq = SEQUENCE;
    mnl_nlmsg_put_extra_header(header, sizeof(struct nfgenmsg)); /* all zero: NFNETLINK_V0 */

    return mnl_socket_sendto(s, header, header->nlmsg_len) < 0 ? -errno : 0;
}

/* One datagram; 0 when there was none of the kernel's, but there may yet be. */
static ssize_t receive(struct mnl_socket *s, void *buffer, size_t size) {
    struct sockaddr_nl from = {0};
    struct iovec iov = {.iov_base = buffer, .iov_len = size};
    struct msghdr m = {
        .msg_name = &from, .msg_namelen = sizeof from, .msg_iov = &iov, .msg_iovlen = 1};

    ssize_t n = recvmsg(mnl_socket_get_fd(s), &m, 0);
    if (n < 0 && errno == EINTR)
        return 0;
    if (n < 0)
        return errno == EAGAIN ? -ETIMEDOUT : -errno;
    if (m.msg_namelen != sizeof from || from.nl_pid != 0)
        return 0; /* another process may write to this socket */
    if (m.msg_flags & MSG_TRUNC)
        return -EBADMSG;
    return n;
}

static int add_cpu(const struct nlmsghdr *message, void *userdata) {
    struct answer *answer = userdata;

    int r = ctw_counters_add_netlink(message, message->nlmsg_len, &answer->sum);
    if (r < 0) {
        errno = -r;
        return MNL_CB_ERROR;
    }
    answer->cpus++;
    return MNL_CB_OK;
}

/* One dump, to its end. -EINTR means that the kernel says it was interrupted. */
static int dump(uint64_t deadline_usec, struct answer *ret) {
    __attribute__((cleanup(close_socket))) struct mnl_socket *s = NULL;
    _Alignas(struct nlmsghdr) char datagram[DATAGRAM_MAX];
    struct answer answer = {0};

    int r = open_socket(&s);
    if (r < 0)
        return r;
    r = send_request(s);
    if (r < 0)
        return r;

    do {
        ssize_t n = receive(s, datagram, sizeof datagram);
        if (n < 0)
            return (int)n;
        r = mnl_cb_run(datagram, (size_t)n, SEQUENCE, mnl_socket_get_portid(s), add_cpu, &answer);
        if (r < 0)
            return -errno;
        if (r > MNL_CB_STOP && ctw_monotonic_usec() >= deadline_usec)
            return -ETIMEDOUT;
    } while (r > MNL_CB_STOP);

    if (answer.cpus == 0)
        return -EBADMSG;
    *ret = answer;
    return 0;
}

int ctw_ctstats_read(struct ctw_counters *ret) {
    const uint64_t deadline_usec = ctw_monotonic_usec() + CTW_CTSTATS_TIMEOUT_USEC;
    struct answer answer = {0};
    int r = -EINTR;

    for (int i = 0; i < ATTEMPTS && (r == -EINTR || r == -ENOBUFS); i++)
        r = dump(deadline_usec, &answer);
    if (r < 0)
        return r;

    *ret = answer.sum;
    return 0;
}
