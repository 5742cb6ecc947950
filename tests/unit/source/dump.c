/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * ctw_dump_counters() against a kernel that misbehaves: access(), sendto(), recvmsg() and the clock
 * are replaced, so no test depends on this machine's kernel.
 */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

#include "daemon/source/dump.h"

/* --- the kernel ------------------------------------------------------------------------------ */

enum answer {
    CPU,         /* statistics of one CPU: drop 10 */
    DONE,        /* the end of the dump */
    CPU_DONE,    /* both in one datagram */
    INTERRUPTED, /* one CPU, with the flag NLM_F_DUMP_INTR */
    ERROR_EPERM, /* the refusal of a caller without CAP_NET_ADMIN */
    OVERSIZED,   /* an attribute of eight bytes */
    STRANGER,    /* one CPU, but from another process */
    NO_ADDRESS,  /* one CPU without a sender's address */
    OTHER_DUMP,  /* one CPU, but of another request */
    CUT,         /* MSG_TRUNC */
    EMPTY,       /* a datagram of no bytes */
    SIGNAL,      /* EINTR */
    OVERRUN,     /* ENOBUFS */
    SILENCE,     /* nothing before the time-out */
};

/* The answers in order; the last one repeats. */
static const enum answer *script;
static size_t script_length, script_at;
static unsigned requests;
static uint32_t sequence;
static uint16_t request_type, request_flags;
static uint64_t now_usec; /* each datagram takes a millisecond, and nothing else takes time */

int access(const char *path, int mode) {
    (void)path, (void)mode;
    return 0; /* conntrack is loaded */
}

ssize_t sendto(int fd, const void *buffer, size_t length, int flags, __CONST_SOCKADDR_ARG to,
               socklen_t to_length) {
    const struct nlmsghdr *header = buffer;

    (void)fd, (void)flags, (void)to, (void)to_length;
    requests++;
    sequence = header->nlmsg_seq;
    request_type = header->nlmsg_type;
    request_flags = header->nlmsg_flags;
    return (ssize_t)length;
}

int clock_gettime(clockid_t clock, struct timespec *ret) {
    (void)clock;
    *ret = (struct timespec){.tv_sec = (time_t)(now_usec / CTW_USEC_PER_SEC),
                             .tv_nsec = (long)(now_usec % CTW_USEC_PER_SEC * 1000)};
    return 0;
}

static struct nlmsghdr *put_cpu(char *at, uint32_t seq, uint16_t flags) {
    struct nlmsghdr *header = mnl_nlmsg_put_header(at);

    header->nlmsg_type = (NFNL_SUBSYS_CTNETLINK << 8) | IPCTNL_MSG_CT_GET_STATS_CPU;
    header->nlmsg_flags = NLM_F_MULTI | flags;
    header->nlmsg_seq = seq;
    mnl_nlmsg_put_extra_header(header, sizeof(struct nfgenmsg));
    mnl_attr_put_u32(header, CTA_STATS_DROP, htonl(10));
    return header;
}

static struct nlmsghdr *put_control(char *at, uint16_t type, int error) {
    struct nlmsghdr *header = mnl_nlmsg_put_header(at);

    header->nlmsg_type = type;
    header->nlmsg_seq = sequence;
    struct nlmsgerr *e = mnl_nlmsg_put_extra_header(header, sizeof *e);
    e->error = error;
    return header;
}

static ssize_t fail_with(int error) {
    errno = error;
    return -1;
}

ssize_t recvmsg(int fd, struct msghdr *m, int flags) {
    char *at = m->msg_iov[0].iov_base;
    const enum answer answer = script[script_at];
    struct sockaddr_nl from = {.nl_family = AF_NETLINK};
    struct nlmsghdr *header = NULL;

    (void)fd, (void)flags;
    now_usec += CTW_USEC_PER_MSEC;
    if (script_at + 1 < script_length)
        script_at++;
    m->msg_flags = answer == CUT ? MSG_TRUNC : 0;
    from.nl_pid = answer == STRANGER ? 4711 : 0;
    switch (answer) {
    case CPU:
    case STRANGER:
    case NO_ADDRESS:
    case CUT: header = put_cpu(at, sequence, 0); break;
    case CPU_DONE:
        header = put_cpu(at, sequence, 0);
        return header->nlmsg_len + put_control(at + header->nlmsg_len, NLMSG_DONE, 0)->nlmsg_len;
    case DONE: header = put_control(at, NLMSG_DONE, 0); break;
    case INTERRUPTED: header = put_cpu(at, sequence, NLM_F_DUMP_INTR); break;
    case ERROR_EPERM: header = put_control(at, NLMSG_ERROR, -EPERM); break;
    case OVERSIZED:
        header = put_cpu(at, sequence, 0);
        mnl_attr_put_u64(header, CTA_STATS_EARLY_DROP, 1);
        break;
    case OTHER_DUMP: header = put_cpu(at, sequence + 1, 0); break;
    case EMPTY: break;
    case SIGNAL: return fail_with(EINTR);
    case OVERRUN: return fail_with(ENOBUFS);
    case SILENCE: return fail_with(EAGAIN);
    }
    memcpy(m->msg_name, &from, sizeof from);
    m->msg_namelen = answer == NO_ADDRESS ? 0 : sizeof from;
    return header != NULL ? (ssize_t)header->nlmsg_len : 0;
}

#define ANSWERS(...)                                                                               \
    answers((const enum answer[]){__VA_ARGS__},                                                    \
            sizeof((const enum answer[]){__VA_ARGS__}) / sizeof(enum answer))

/* Return: the drops that ctw_dump_counters() made of these answers, or its negative errno. */
static int64_t answers(const enum answer *list, size_t length) {
    struct ctw_counters c = {.drop = 4711};

    script = list;
    script_length = length;
    script_at = 0;
    requests = 0;
    int r = ctw_dump_counters(&c);
    if (r < 0)
        assert_int_equal(c.drop, 4711);
    return r < 0 ? r : (int64_t)c.drop;
}

/* --- cases ------------------------------------------------------------------------------------ */

static void counters_of_each_cpu_are_added(void **state) {
    (void)state;
    assert_int_equal(ANSWERS(CPU, CPU, CPU, DONE), 30);
    assert_int_equal(ANSWERS(CPU, CPU_DONE, CPU), 20);
    assert_int_equal(request_type, (NFNL_SUBSYS_CTNETLINK << 8) | IPCTNL_MSG_CT_GET_STATS_CPU);
    assert_int_equal(request_flags, NLM_F_REQUEST | NLM_F_DUMP);
}

static void counters_refused_returns_the_errno(void **state) {
    (void)state;
    assert_int_equal(ANSWERS(ERROR_EPERM), -EPERM);
    assert_int_equal(requests, 1);
}

static void counters_from_another_process_are_ignored(void **state) {
    (void)state;
    assert_int_equal(ANSWERS(STRANGER, CPU, STRANGER, NO_ADDRESS, DONE), 10);
    assert_int_equal(ANSWERS(OTHER_DUMP, CPU_DONE), 10);
}

static void counters_interrupted_start_over(void **state) {
    (void)state;
    assert_int_equal(ANSWERS(CPU, INTERRUPTED, CPU, CPU, DONE), 20);
    assert_int_equal(requests, 2);
    assert_int_equal(ANSWERS(CPU, OVERRUN, CPU, CPU, DONE), 20);
    assert_int_equal(requests, 2);
}

static void counters_always_interrupted_fail(void **state) {
    (void)state;
    assert_int_equal(ANSWERS(INTERRUPTED, INTERRUPTED, INTERRUPTED, INTERRUPTED, CPU_DONE), -EINTR);
    assert_int_equal(requests, 3);
    assert_int_equal(ANSWERS(OVERRUN, OVERRUN, OVERRUN, OVERRUN, CPU_DONE), -ENOBUFS);
    assert_int_equal(requests, 3);
}

static void counters_survive_a_signal(void **state) {
    (void)state;
    assert_int_equal(ANSWERS(SIGNAL, CPU, SIGNAL, SIGNAL, CPU, DONE), 20);
    assert_int_equal(requests, 1);
}

static void counters_silent_kernel_times_out(void **state) {
    (void)state;
    assert_int_equal(ANSWERS(SILENCE), -ETIMEDOUT);
    assert_int_equal(ANSWERS(CPU, SILENCE), -ETIMEDOUT);
}

static void counters_flood_of_other_messages_times_out(void **state) {
    const uint64_t began_usec = now_usec;

    (void)state;
    assert_int_equal(ANSWERS(STRANGER), -ETIMEDOUT);
    assert_int_equal(ANSWERS(SIGNAL), -ETIMEDOUT);
    assert_int_equal(ANSWERS(CPU), -ETIMEDOUT);
    assert_int_equal(now_usec - began_usec, 3 * CTW_DUMP_COUNTERS_USEC);
}

static void counters_malformed_answer_fails(void **state) {
    (void)state;
    assert_int_equal(ANSWERS(CPU, OVERSIZED, DONE), -EBADMSG);
    assert_int_equal(ANSWERS(CPU, CUT, DONE), -EMSGSIZE);
    assert_int_equal(ANSWERS(DONE), -EBADMSG);
    assert_int_equal(ANSWERS(EMPTY, DONE), -EBADMSG);
}

static void counters_leave_nothing_open(void **state) {
    (void)state;
    const int before = dup(0);
    close(before);
    for (int i = 0; i < 20; i++) {
        ANSWERS(CPU_DONE);
        ANSWERS(INTERRUPTED, SILENCE);
        ANSWERS(ERROR_EPERM);
    }
    const int after = dup(0);
    close(after);
    assert_int_equal(after, before);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counters_of_each_cpu_are_added),
        cmocka_unit_test(counters_refused_returns_the_errno),
        cmocka_unit_test(counters_from_another_process_are_ignored),
        cmocka_unit_test(counters_interrupted_start_over),
        cmocka_unit_test(counters_always_interrupted_fail),
        cmocka_unit_test(counters_survive_a_signal),
        cmocka_unit_test(counters_silent_kernel_times_out),
        cmocka_unit_test(counters_flood_of_other_messages_times_out),
        cmocka_unit_test(counters_malformed_answer_fails),
        cmocka_unit_test(counters_leave_nothing_open),
    };
    struct mnl_socket *s = mnl_socket_open(NETLINK_NETFILTER);
    if (s == NULL) {
        printf("skipped: no netfilter netlink socket here: %s\n", strerror(errno));
        return 77;
    }
    mnl_socket_close(s);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
