/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * hold_queue NUMBER: takes the packets of NFQUEUE NUMBER and never gives a verdict, as an intrusion
 * detection system does that hangs. Prints a line once it is bound; the packets it holds are
 * dropped when it ends.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_queue.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define LONGEST (1u << 20) /* packets in the queue; more than any test sends */

static int send_config(struct mnl_socket *nl, uint16_t queue) {
    const struct nfqnl_msg_config_cmd bind_it = {.command = NFQNL_CFG_CMD_BIND};
    const struct nfqnl_msg_config_params headers = {.copy_mode = NFQNL_COPY_META};
    char buffer[256]; /* far more than these three attributes */
    struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
    struct nfgenmsg *family = mnl_nlmsg_put_extra_header(message, sizeof *family);

    message->nlmsg_type = NFNL_SUBSYS_QUEUE << 8 | NFQNL_MSG_CONFIG;
    message->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
    *family = (struct nfgenmsg){.version = NFNETLINK_V0, .res_id = htons(queue)};
    mnl_attr_put(message, NFQA_CFG_CMD, sizeof bind_it, &bind_it);
    mnl_attr_put(message, NFQA_CFG_PARAMS, sizeof headers, &headers);
    mnl_attr_put_u32(message, NFQA_CFG_QUEUE_MAXLEN, htonl(LONGEST));
    return mnl_socket_sendto(nl, message, message->nlmsg_len) < 0 ? -errno : 0;
}

/* Of a burst that the socket has no room for the kernel drops the rest. */
static int read_for_ever(struct mnl_socket *nl) {
    static char buffer[65536];
    const int room = 64 << 20;
    bool bound = false;

    setsockopt(mnl_socket_get_fd(nl), SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room);
    for (;;) {
        const ssize_t n = mnl_socket_recvfrom(nl, buffer, sizeof buffer);

        if (n < 0 && errno != ENOBUFS)
            return -errno;
        if (bound || n < 0)
            continue;
        if (mnl_cb_run(buffer, (size_t)n, 0, 0, NULL, NULL) < 0)
            return -errno;
        bound = true;
        puts("bound");
        fflush(stdout);
    }
}

int main(int argc, char **argv) {
    struct mnl_socket *nl;
    int ret;

    if (argc != 2)
        return 2;
    nl = mnl_socket_open(NETLINK_NETFILTER);
    if (!nl || mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) < 0) {
        fprintf(stderr, "hold_queue: %s\n", strerror(errno));
        return 1;
    }
    ret = send_config(nl, (uint16_t)strtoul(argv[1], NULL, 10));
    if (ret == 0)
        ret = read_for_ever(nl);
    fprintf(stderr, "hold_queue: %s\n", strerror(-ret));
    mnl_socket_close(nl);
    return 1;
}
