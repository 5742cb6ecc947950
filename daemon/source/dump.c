/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/source/dump.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "daemon/source/netlink.h"
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

/* --- the socket ------------------------------------------------------------------------------- */

static void close_socket(struct mnl_socket **s) {
    *s = ctw_netlink_close(*s);
}

static int conntrack_is_loaded(void) {
    for (const char *const *path = ctw_max_paths; *path; path++)
        if (access(*path, F_OK) == 0)
            return 0;
    return -ENOENT;
}

/* All zero behind the header: both families, NFNETLINK_V0. */
static int send_request(struct mnl_socket *s, uint8_t type) {
    _Alignas(struct nlmsghdr) char bytes[64];
    struct nlmsghdr *header = mnl_nlmsg_put_header(bytes);

    header->nlmsg_type = (uint16_t)(NFNL_SUBSYS_CTNETLINK << 8 | type);
    header->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    header->nlmsg_seq = SEQUENCE;
    mnl_nlmsg_put_extra_header(header, sizeof(struct nfgenmsg));
    return mnl_socket_sendto(s, header, header->nlmsg_len) < 0 ? -errno : 0;
}

/* @silence_usec: how long one receive may wait; 0: it does not block. */
static int request_dump(uint8_t type, uint64_t silence_usec, struct mnl_socket **ret) {
    const struct timeval silence = {.tv_sec = (time_t)(silence_usec / CTW_USEC_PER_SEC),
                                    .tv_usec = (suseconds_t)(silence_usec % CTW_USEC_PER_SEC)};
    __attribute__((cleanup(close_socket))) struct mnl_socket *s = NULL;

    int r = conntrack_is_loaded();
    if (r < 0)
        return r;
    r = ctw_netlink_open(silence_usec ? 0 : SOCK_NONBLOCK, 0, 0, NULL, &s);
    if (r < 0)
        return r;
    if (setsockopt(mnl_socket_get_fd(s), SOL_SOCKET, SO_RCVTIMEO, &silence, sizeof(silence)) < 0)
        return -errno;
    r = send_request(s, type);
    if (r < 0)
        return r;
    *ret = s;
    s = NULL;
    return 0;
}

/* --- entries ---------------------------------------------------------------------------------- */

struct ctw_walk {
    struct mnl_socket *socket; /* NULL once it has ended */
    struct ctw_dump dump;
    ctw_dump_entry_fn entry;
    void *userdata;
    /* in the event loop only */
    sd_event_source *readable, *limit;
    ctw_walk_done_fn done;
    _Alignas(struct nlmsghdr) char datagram[DATAGRAM_MAX];
};

/* Return: 1 when the dump has ended; 0 when there is more; -EAGAIN; another negative errno. */
static int read_datagram(struct ctw_walk *w) {
    const ssize_t n = ctw_netlink_receive(w->socket, w->datagram, sizeof(w->datagram));

    return n <= 0 ? (int)n : ctw_dump_read(&w->dump, w->datagram, (size_t)n, w->entry, w->userdata);
}

/* Closing the socket ends the kernel's dump. */
static void detach(struct ctw_walk *w) {
    w->readable = sd_event_source_disable_unref(w->readable);
    w->limit = sd_event_source_disable_unref(w->limit);
    close_socket(&w->socket);
}

static struct ctw_walk_end end_of(const struct ctw_walk *w, bool timed_out) {
    return (struct ctw_walk_end){
        .whole = w->dump.whole, .interrupted = w->dump.interrupted, .timed_out = timed_out};
}

/* @w may be gone afterwards. */
static void finish(struct ctw_walk *w, int r, bool timed_out) {
    const struct ctw_walk_end end = end_of(w, timed_out);

    detach(w);
    w->done(r, &end, w->userdata);
}

static int on_readable(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
    struct ctw_walk *w = userdata;
    const int r = read_datagram(w);

    (void)source;
    (void)fd;
    (void)revents;
    if (r != 0 && r != -EAGAIN)
        finish(w, r < 0 ? r : 0, false);
    return 0; /* after a negative value sd-event would disable the source */
}

static int on_limit(sd_event_source *source, uint64_t usec, void *userdata) {
    (void)source;
    (void)usec;
    finish(userdata, 0, true);
    return 0;
}

static int attach(struct ctw_walk *w, sd_event *event, uint64_t limit_usec) {
    int r = request_dump(IPCTNL_MSG_CT_GET, 0, &w->socket);
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

static struct ctw_walk *new_walk(uint32_t entries, ctw_dump_entry_fn entry, void *userdata) {
    struct ctw_walk *w = malloc(sizeof(*w));

    if (!w)
        return NULL;
    w->socket = NULL;
    w->dump = (struct ctw_dump){.sequence = SEQUENCE, .wanted = entries};
    w->entry = entry;
    w->userdata = userdata;
    w->readable = w->limit = NULL;
    return w;
}

int ctw_walk_start(sd_event *event, uint32_t entries, uint64_t limit_usec, ctw_dump_entry_fn entry,
                   ctw_walk_done_fn done, void *userdata, struct ctw_walk **ret) {
    struct ctw_walk *w = new_walk(entries, entry, userdata);
    if (!w)
        return -ENOMEM;
    w->done = done;
    const int r = attach(w, event, limit_usec);
    if (r < 0) {
        ctw_walk_free(w);
        return r;
    }
    *ret = w;
    return 0;
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

int ctw_walk_now(uint32_t entries, uint64_t limit_usec, ctw_dump_entry_fn entry, void *userdata,
                 struct ctw_walk_end *ret) {
    const uint64_t deadline_usec = limit_usec > 0 ? ctw_monotonic_usec() + limit_usec : 0;
    struct ctw_walk *w = new_walk(entries, entry, userdata);
    if (!w)
        return -ENOMEM;

    int r = request_dump(IPCTNL_MSG_CT_GET, limit_usec > 0 ? limit_usec : SILENCE_USEC, &w->socket);
    if (r >= 0)
        r = read_until(w, deadline_usec);
    if (r >= 0)
        *ret = end_of(w, r == 0);
    ctw_walk_free(w);
    return r < 0 ? r : 0;
}

/* --- counters --------------------------------------------------------------------------------- */

struct counters_answer {
    struct ctw_counters sum;
    unsigned cpus;
};

static int add_cpu(const struct nlmsghdr *message, void *userdata) {
    struct counters_answer *answer = userdata;
    const int r = ctw_counters_add_netlink(message, message->nlmsg_len, &answer->sum);

    if (r < 0) {
        errno = -r;
        return MNL_CB_ERROR;
    }
    answer->cpus++;
    return MNL_CB_OK;
}

/* Return: 0 at the end of the dump; -EINTR when the kernel says it was interrupted; -errno. */
static int dump_counters(uint64_t deadline_usec, struct counters_answer *ret) {
    _Alignas(struct nlmsghdr) char datagram[DATAGRAM_MAX];
    __attribute__((cleanup(close_socket))) struct mnl_socket *s = NULL;

    *ret = (struct counters_answer){0};
    int r = request_dump(IPCTNL_MSG_CT_GET_STATS_CPU, CTW_DUMP_COUNTERS_USEC, &s);
    if (r < 0)
        return r;
    do {
        const ssize_t n = ctw_netlink_receive(s, datagram, sizeof(datagram));
        if (n < 0)
            return n == -EAGAIN ? -ETIMEDOUT : (int)n;
        r = mnl_cb_run(datagram, (size_t)n, SEQUENCE, mnl_socket_get_portid(s), add_cpu, ret);
        if (r < 0)
            return -errno;
        if (r > MNL_CB_STOP && ctw_monotonic_usec() >= deadline_usec)
            return -ETIMEDOUT;
    } while (r > MNL_CB_STOP);
    return ret->cpus == 0 ? -EBADMSG : 0;
}

int ctw_dump_counters(struct ctw_counters *ret) {
    const uint64_t deadline_usec = ctw_monotonic_usec() + CTW_DUMP_COUNTERS_USEC;
    struct counters_answer answer = {0};
    int r = -EINTR;

    for (int i = 0; i < ATTEMPTS && (r == -EINTR || r == -ENOBUFS); i++)
        r = dump_counters(deadline_usec, &answer);
    if (r == 0)
        *ret = answer.sum;
    return r;
}
