/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * capture_flow: real ctnetlink messages, one per file, for corpus/flow. capture_flow.sh builds and
 * drives it, in a network namespace of its own.
 *
 *   capture_flow FOLDER CASE COMMAND...       runs COMMAND and keeps the messages about it:
 *                                             FOLDER/CASE.new, .update, .dump, .destroy
 *   capture_flow --send 4|6 PROTOCOL HEX...   sends one IP packet with that payload over loopback
 *
 * Of each kind the first message is kept. The entries are dumped and then deleted, so the
 * namespace is empty again for the next case.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_compat.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define QUIET_MSEC 200 /* without a message: no more will come */

struct capture {
    const char *folder, *name;
    int failed;
};

static void store(struct capture *c, const char *kind, const struct nlmsghdr *message) {
    char path[512];

    (void)snprintf(path, sizeof(path), "%s/%s.%s", c->folder, c->name, kind);
    const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0 && errno == EEXIST)
        return; /* the first of its kind is there */
    if (fd < 0 || write(fd, message, message->nlmsg_len) != (ssize_t)message->nlmsg_len) {
        perror(path);
        c->failed = 1;
    }
    if (fd >= 0)
        close(fd);
}

static int on_message(const struct nlmsghdr *message, void *userdata) {
    const char *kind = "update";

    if (NFNL_MSG_TYPE(message->nlmsg_type) == IPCTNL_MSG_CT_DELETE)
        kind = "destroy";
    else if (message->nlmsg_flags & NLM_F_MULTI)
        kind = "dump";
    else if (message->nlmsg_flags & NLM_F_CREATE)
        kind = "new";
    store(userdata, kind, message);
    return MNL_CB_OK;
}

/* Everything that comes until it has been quiet for a while, or until the end of a dump. */
static int drain(struct mnl_socket *nl, struct capture *c) {
    struct pollfd p = {.fd = mnl_socket_get_fd(nl), .events = POLLIN};
    char buffer[65536];

    while (poll(&p, 1, QUIET_MSEC) > 0) {
        const ssize_t n = mnl_socket_recvfrom(nl, buffer, sizeof(buffer));
        if (n < 0 || mnl_cb_run(buffer, (size_t)n, 0, 0, on_message, c) < 0)
            return -errno;
    }
    return 0;
}

static int request(struct mnl_socket *nl, uint16_t type, uint16_t flags) {
    char buffer[256];
    struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);

    message->nlmsg_type = (uint16_t)(NFNL_SUBSYS_CTNETLINK << 8 | type);
    message->nlmsg_flags = NLM_F_REQUEST | flags;
    struct nfgenmsg *family = mnl_nlmsg_put_extra_header(message, sizeof(*family));
    family->nfgen_family = AF_UNSPEC;
    return mnl_socket_sendto(nl, message, message->nlmsg_len) < 0 ? -errno : 0;
}

static struct mnl_socket *open_socket(unsigned groups) {
    struct mnl_socket *nl = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);

    if (nl == NULL || mnl_socket_bind(nl, groups, MNL_SOCKET_AUTOPID) < 0) {
        perror("netlink");
        exit(EXIT_FAILURE);
    }
    return nl;
}

static int run(char **command) {
    int status;
    const pid_t pid = fork();

    if (pid == 0) {
        execvp(command[0], command);
        perror(command[0]);
        _exit(127);
    }
    if (pid < 0 || waitpid(pid, &status, 0) < 0)
        return -errno;
    return 0; /* a command may fail for want of an answer */
}

static int capture(const char *folder, const char *name, char **command) {
    struct capture c = {.folder = folder, .name = name};
    struct mnl_socket *events = open_socket(NF_NETLINK_CONNTRACK_NEW | NF_NETLINK_CONNTRACK_UPDATE |
                                            NF_NETLINK_CONNTRACK_DESTROY);
    struct mnl_socket *requests = open_socket(0);
    int r = run(command);

    if (r == 0)
        r = drain(events, &c);
    if (r == 0)
        r = request(requests, IPCTNL_MSG_CT_GET, NLM_F_DUMP);
    if (r == 0)
        r = drain(requests, &c);
    if (r == 0)
        r = request(requests, IPCTNL_MSG_CT_DELETE, NLM_F_ACK);
    if (r == 0)
        r = drain(events, &c);
    if (r < 0)
        (void)fprintf(stderr, "%s: %s\n", name, strerror(-r));
    mnl_socket_close(events);
    mnl_socket_close(requests);
    return r < 0 || c.failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* --- a packet -------------------------------------------------------------------------------- */

static int send_packet(bool v6, int protocol, char **hex) {
    const struct sockaddr_in to4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000001)};
    const struct sockaddr_in6 to6 = {.sin6_family = AF_INET6, .sin6_addr = in6addr_loopback};
    unsigned char payload[256];
    size_t n = 0;

    for (; *hex; hex++)
        for (const char *p = *hex; p[0] && p[1] && n < sizeof(payload); p += 2) {
            const char digits[3] = {p[0], p[1], 0};
            payload[n++] = (unsigned char)strtoul(digits, NULL, 16);
        }

    const int fd = socket(v6 ? AF_INET6 : AF_INET, SOCK_RAW | SOCK_CLOEXEC, protocol);
    const ssize_t sent = v6 ? sendto(fd, payload, n, 0, (const struct sockaddr *)&to6, sizeof(to6))
                            : sendto(fd, payload, n, 0, (const struct sockaddr *)&to4, sizeof(to4));
    if (sent != (ssize_t)n)
        perror("sendto");
    if (fd >= 0)
        close(fd);
    return sent == (ssize_t)n ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv) {
    if (argc >= 5 && strcmp(argv[1], "--send") == 0)
        return send_packet(argv[2][0] == '6', (int)strtol(argv[3], NULL, 10), argv + 4);
    if (argc >= 4)
        return capture(argv[1], argv[2], argv + 3);
    (void)fputs("Usage: capture_flow FOLDER CASE COMMAND...\n"
                "       capture_flow --send 4|6 PROTOCOL HEX...\n",
                stderr);
    return 2;
}
