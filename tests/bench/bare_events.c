/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * bare_events BUFFER_BYTES: the cost of reading events and ignoring them: poll(), then one recv()
 * per event, no parsing. The baseline of tests/bench/bench_events.
 *
 * Joins the groups that ctwatchd joins, prints "ready", reads until SIGTERM, and prints
 *   events=N overruns=N cpu_usec=N
 */

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_compat.h>

static volatile sig_atomic_t stop;

static void on_signal(int number) {
    (void)number;
    stop = 1;
}

static uint64_t cpu_usec(void) {
    struct timespec ts;

    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
    return (uint64_t)ts.tv_sec * 1000000u + (uint64_t)ts.tv_nsec / 1000u;
}

static void read_all(int fd) {
    uint64_t events = 0, overruns = 0;
    const uint64_t start = cpu_usec();
    sigset_t all, none;

    /* SIGTERM is unblocked only in ppoll(), so that none arrives between the test and the wait. */
    (void)sigfillset(&all);
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &all, NULL);
    while (!stop) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        static char buffer[8192];

        if (ppoll(&p, 1, NULL, &none) <= 0)
            continue;
        if (recv(fd, buffer, sizeof(buffer), 0) > 0)
            events++;
        else if (errno == ENOBUFS)
            overruns++;
    }
    (void)printf("events=%" PRIu64 " overruns=%" PRIu64 " cpu_usec=%" PRIu64 "\n", events, overruns,
                 cpu_usec() - start);
}

int main(int argc, char **argv) {
    const int half = argc > 1 ? (int)(strtoul(argv[1], NULL, 10) / 2) : 0;
    struct mnl_socket *socket = mnl_socket_open2(NETLINK_NETFILTER, SOCK_NONBLOCK | SOCK_CLOEXEC);

    if (!socket ||
        setsockopt(mnl_socket_get_fd(socket), SOL_SOCKET, SO_RCVBUFFORCE, &half, sizeof(half)) <
            0 ||
        mnl_socket_bind(socket, NF_NETLINK_CONNTRACK_NEW | NF_NETLINK_CONNTRACK_DESTROY,
                        MNL_SOCKET_AUTOPID) < 0) {
        perror("netlink");
        return EXIT_FAILURE;
    }
    (void)signal(SIGTERM, on_signal);
    (void)puts("ready");
    (void)fflush(stdout);
    read_all(mnl_socket_get_fd(socket));
    (void)mnl_socket_close(socket);
    return EXIT_SUCCESS;
}
