/* SPDX-License-Identifier: GPL-2.0-or-later */

/* bare_dump: the cost of a netlink dump of the whole table whose entries are ignored. */

#include <stdio.h>
#include <sys/socket.h>

#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netlink.h>

/* The largest datagram of a dump. */
#define DATAGRAM_MAX 32768

int main(void) {
    _Alignas(struct nlmsghdr) static char datagram[DATAGRAM_MAX];
    const struct {
        struct nlmsghdr header;
        struct nfgenmsg family;
    } request = {
        .header = {.nlmsg_len = sizeof(request),
                   .nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET,
                   .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
    };
    const struct nlmsghdr *first = (const struct nlmsghdr *)datagram;
    const int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);

    if (fd < 0 || send(fd, &request, sizeof(request), 0) < 0) {
        perror("bare_dump");
        return 1;
    }
    do {
        if (recv(fd, datagram, sizeof(datagram), 0) <= 0) {
            perror("bare_dump");
            return 1;
        }
    } while (first->nlmsg_type != NLMSG_DONE && first->nlmsg_type != NLMSG_ERROR);
    return first->nlmsg_type != NLMSG_DONE;
}
