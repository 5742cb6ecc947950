/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/source/events.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_compat.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>

#include "daemon/source/dump.h"
#include "daemon/sys/procfs.h"
#include "lib/kernel/flow.h"

/*
 * How the stream is drained:
 *
 *   waiting   the socket is polled; the first event arms the drain, one delay later
 *   drain     one slice; while there is more, the next slice at the next turn of the loop
 *   empty     losses are counted, sampling and delay are adapted, and back to waiting
 *
 * Waking for each event would cost as much again as reading it. Sampling changes only when the
 * queue is empty, so that all events read afterwards have passed the new filter. The queue does
 * become empty: after ENOBUFS the kernel delivers nothing more until it is.
 */

/* Below the timer that polls the table, and equal to the kernel log. */
#define PRIORITY (SD_EVENT_PRIORITY_NORMAL + 10)

/* Small enough that headers and messages of a batch stay in the first-level cache. */
#define BATCH 64u

/* 1024 messages, under a millisecond, so that a poll of the table waits no longer. */
#define BATCHES_PER_SLICE 16u

/* The longest delay between the first event and the drain, and the rate in events per second at
 * which the buffer must not overflow meanwhile. */
#define DELAY_MAX_USEC (20 * CTW_USEC_PER_MSEC)
#define BURST_RATE     500000u

/* In a flood the delay shrinks, down to this, until about DRAIN_EVENTS arrive during it: messages
 * that waited longer have left the caches, and cost a tenth more to read. */
#define DELAY_MIN_USEC (2 * CTW_USEC_PER_MSEC)
#define DRAIN_EVENTS   1024u

/* What the kernel charges the receive buffer for one event of 148 bytes. */
#define CHARGED_BYTES 1280u

#define RETRY_USEC (10 * CTW_USEC_PER_SEC) /* also the interval of check() */

/* Ranking the sources takes some microseconds, and polls can come every two milliseconds. */
#define RANKING_USEC (250 * CTW_USEC_PER_MSEC)

#define SYSCTL "/proc/sys/net/netfilter/nf_conntrack_events"

struct ctw_events {
    sd_event *event;
    sd_event_source *drain;    /* one-shot timer */
    struct mnl_socket *socket; /* NULL: not subscribed */
    sd_event_source *readable; /* while subscribed; one-shot */
    bool wanted;
    int error;           /* wanted but not subscribed: why, a negative errno */
    uint64_t retry_usec; /* then: not before; 0: to be set by the next take */
    uint64_t check_usec; /* when to check again; 0: at the next take */
    bool switched_off;   /* nf_conntrack_events is 0 */
    bool capped;         /* the buffer is smaller than wanted */

    uint64_t buffer_bytes; /* settings */
    uint32_t budget_permyriad;
    uint32_t top;

    uint64_t delay_max_usec; /* that the buffer allows */
    uint64_t delay_usec;     /* that suits the present rate */
    uint64_t drained;        /* messages since the queue was last empty */
    struct ctw_budget budget;
    uint32_t sampling; /* of the filter in force */
    bool overrun;      /* losses are to be counted when the queue is empty */
    uint32_t dropped;  /* at the last count */

    struct ctw_event_counts fresh;
    uint64_t seed;
    struct ctw_new_flows flows;
    struct ctw_new_sources new_sources; /* ranked then: */
    uint64_t ranked_usec;

    struct mmsghdr headers[BATCH];
    struct iovec iov[BATCH];
    _Alignas(64) char messages[BATCH][CTW_EVENT_HEAD];
};

/* --- the socket ------------------------------------------------------------------------------ */

/*
 * The head of each message is read; the rest is cut off. Messages are not checked for their sender:
 * only a process with CAP_NET_ADMIN may write to this socket (netlink_sendmsg() in
 * net/netlink/af_netlink.c), and it may create entries just as well.
 */
static void prepare_batch(struct ctw_events *e) {
    for (unsigned i = 0; i < BATCH; i++) {
        e->iov[i] = (struct iovec){.iov_base = e->messages[i], .iov_len = CTW_EVENT_HEAD};
        e->headers[i].msg_hdr = (struct msghdr){.msg_iov = &e->iov[i], .msg_iovlen = 1};
    }
}

/* Half of the buffer may fill before the drain begins. */
static void use_buffer(struct ctw_events *e, uint64_t bytes) {
    const uint64_t usec = bytes / CHARGED_BYTES * CTW_USEC_PER_SEC / BURST_RATE / 2;

    e->capped = bytes < e->buffer_bytes / 2 * 2;
    e->delay_max_usec = usec < DELAY_MAX_USEC ? usec : DELAY_MAX_USEC;
    e->delay_usec = e->delay_max_usec;
}

/*
 * Pass one event in @one_in, a power of two, at random. Events already queued stay; an event that
 * is filtered out takes no room and is not lost.
 */
static int set_sampling(const struct ctw_events *e, uint32_t one_in) {
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_RANDOM)),
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, one_in - 1, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
        BPF_STMT(BPF_RET | BPF_K, 0),
    };
    const struct sock_fprog program = {.len = sizeof(code) / sizeof(code[0]), .filter = code};
    const int option = one_in > 1 ? SO_ATTACH_FILTER : SO_DETACH_FILTER; /* ignores the value */

    return setsockopt(mnl_socket_get_fd(e->socket), SOL_SOCKET, option, &program, sizeof(program)) <
                   0
               ? -errno
               : 0;
}

/* --- the subscription ------------------------------------------------------------------------ */

static void unsubscribe(struct ctw_events *e, int error) {
    (void)sd_event_source_set_enabled(e->drain, SD_EVENT_OFF);
    e->readable = sd_event_source_disable_unref(e->readable);
    e->socket = ctw_netlink_close(e->socket);
    e->sampling = 1;
    e->error = error;
    e->retry_usec = 0;
}

static int arm_drain(struct ctw_events *e, uint64_t from_now_usec) {
    const int r = sd_event_source_set_time_relative(e->drain, from_now_usec);
    return r < 0 ? r : sd_event_source_set_enabled(e->drain, SD_EVENT_ONESHOT);
}

static int on_readable(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
    struct ctw_events *e = userdata;

    /* A netlink socket never hangs up; one that did would stay ready. After an overrun nothing is
     * delivered until the queue is empty. */
    const int r = revents & EPOLLHUP ? -EIO : arm_drain(e, revents & EPOLLERR ? 0 : e->delay_usec);
    if (r < 0)
        unsubscribe(e, r);
    return 0; /* after a negative value sd-event would disable the source */
}

static void subscribe(struct ctw_events *e) {
    const unsigned groups = NF_NETLINK_CONNTRACK_NEW | NF_NETLINK_CONNTRACK_DESTROY;
    uint64_t granted_bytes;

    int r = ctw_netlink_open(SOCK_NONBLOCK, groups, e->buffer_bytes, &granted_bytes, &e->socket);
    if (r >= 0)
        use_buffer(e, granted_bytes);
    if (r >= 0)
        r = sd_event_add_io(e->event, &e->readable, mnl_socket_get_fd(e->socket), EPOLLIN,
                            on_readable, e);
    if (r >= 0)
        r = sd_event_source_set_priority(e->readable, PRIORITY);
    if (r >= 0)
        r = sd_event_source_set_enabled(e->readable, SD_EVENT_ONESHOT);
    if (r < 0) {
        unsubscribe(e, r);
        return;
    }
    e->budget = (struct ctw_budget){0};
    e->overrun = false;
    e->dropped = 0;
    e->drained = 0;
    e->check_usec = 0;
    e->ranked_usec = 0;
    ctw_new_flows_init(&e->flows, e->flows.ipv6_prefix, e->seed);
}

/* --- draining -------------------------------------------------------------------------------- */

static void count(struct ctw_events *e, const void *head, size_t length) {
    struct ctw_event event;

    if (ctw_event_parse(head, length, &event) < 0)
        return;
    ctw_event_counts_add(&e->fresh, event.kind, e->sampling);
    if (event.kind == CTW_FLOW_NEW && event.has_source)
        ctw_new_flows_add(&e->flows, event.family, event.source, e->sampling);
}

/* Return: 0 when there may be more; -EAGAIN when the queue is empty; another negative errno. */
static int read_slice(struct ctw_events *e) {
    const int fd = mnl_socket_get_fd(e->socket);

    for (unsigned n = 0; n < BATCHES_PER_SLICE; n++) {
        const int got = recvmmsg(fd, e->headers, BATCH, MSG_DONTWAIT, NULL);

        if (got < 0 && errno == ENOBUFS) {
            e->fresh.overruns++;
            e->overrun = true;
        } else if (got < 0 && errno != EINTR) {
            return -errno;
        }
        e->drained += got > 0 ? (uint64_t)got : 0;
        for (int i = 0; i < got; i++)
            count(e, e->messages[i], e->headers[i].msg_len);
    }
    return 0;
}

/*
 * The kernel counts dropped events, but not their kinds: their share of new ones is taken to be
 * that of the events read. Before Linux 4.12 only the overrun tells that events were lost.
 */
static void count_losses(struct ctw_events *e) {
    const struct ctw_event_counts *t = &e->fresh;
    uint32_t dropped;

    if (!e->overrun || ctw_netlink_dropped(e->socket, &dropped) < 0)
        return;
    const uint64_t lost = (uint64_t)(uint32_t)(dropped - e->dropped) * e->sampling;
    const uint64_t read = t->created + t->destroyed;
    const uint64_t created_permyriad = read > 0 ? t->created * CTW_PERMYRIAD / read : CTW_PERMYRIAD;
    e->fresh.lost += lost * created_permyriad / CTW_PERMYRIAD;
    e->dropped = dropped;
    e->overrun = false;
}

static void adapt_sampling(struct ctw_events *e) {
    uint64_t now_usec;

    if (sd_event_now(e->event, CLOCK_MONOTONIC, &now_usec) < 0)
        return;
    const uint32_t sampling = ctw_budget_step(&e->budget, now_usec, e->budget_permyriad);
    if (sampling != e->sampling && set_sampling(e, sampling) >= 0)
        e->sampling = sampling;
}

static void adapt_delay(struct ctw_events *e) {
    if (e->drained > 2 * DRAIN_EVENTS && e->delay_usec >= 2 * DELAY_MIN_USEC)
        e->delay_usec /= 2;
    else if (e->drained < DRAIN_EVENTS / 2)
        e->delay_usec *= 2;
    if (e->delay_usec > e->delay_max_usec)
        e->delay_usec = e->delay_max_usec;
    e->drained = 0;
}

/* While sampling, the drain is armed even without events, or sampling would never end. */
static int rest(struct ctw_events *e) {
    count_losses(e);
    adapt_sampling(e);
    adapt_delay(e);
    if (e->sampling > 1)
        return arm_drain(e, e->delay_usec);
    return sd_event_source_set_enabled(e->readable, SD_EVENT_ONESHOT);
}

static uint64_t cpu_nsec(void) {
    struct timespec ts = {0};

    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
    return (uint64_t)ts.tv_sec * UINT64_C(1000000000) + (uint64_t)ts.tv_nsec;
}

static int on_drain(sd_event_source *source, uint64_t usec, void *userdata) {
    struct ctw_events *e = userdata;
    const uint64_t start = cpu_nsec();

    int r = read_slice(e);
    ctw_budget_spend(&e->budget, cpu_nsec() - start);
    if (r == 0)
        r = arm_drain(e, 0);
    else if (r == -EAGAIN)
        r = rest(e);
    if (r < 0)
        unsubscribe(e, r);
    return 0;
}

/* --- interface ------------------------------------------------------------------------------- */

int ctw_events_new(sd_event *event, uint64_t seed, struct ctw_events **ret) {
    struct ctw_events *e = aligned_alloc(_Alignof(struct ctw_events), sizeof(*e));

    if (!e)
        return -ENOMEM;
    *e = (struct ctw_events){.event = sd_event_ref(event), .sampling = 1, .seed = seed};
    prepare_batch(e);
    /* An accuracy of 1 us: with the default of 250 ms any buffer would overflow. */
    int r = sd_event_add_time(event, &e->drain, CLOCK_MONOTONIC, 0, 1, on_drain, e);
    if (r >= 0)
        r = sd_event_source_set_enabled(e->drain, SD_EVENT_OFF);
    if (r >= 0)
        r = sd_event_source_set_priority(e->drain, PRIORITY);
    if (r < 0) {
        (void)ctw_events_free(e);
        return r;
    }
    *ret = e;
    return 0;
}

struct ctw_events *ctw_events_free(struct ctw_events *e) {
    if (!e)
        return NULL;
    unsubscribe(e, 0);
    (void)sd_event_source_disable_unref(e->drain);
    (void)sd_event_unref(e->event);
    free(e);
    return NULL;
}

void ctw_events_want(struct ctw_events *e, bool wanted, const struct ctw_settings *settings) {
    const bool other_buffer = e->buffer_bytes != settings->events.buffer_bytes;

    if (e->flows.ipv6_prefix != settings->talkers.ipv6_prefix)
        ctw_new_flows_init(&e->flows, settings->talkers.ipv6_prefix, e->seed);
    e->top = settings->talkers.top;
    e->budget_permyriad = settings->events.budget_permyriad;
    e->buffer_bytes = settings->events.buffer_bytes;

    if (wanted && !e->wanted)
        subscribe(e);
    else if (wanted && e->socket && other_buffer)
        use_buffer(e, ctw_netlink_resize(e->socket, e->buffer_bytes));
    else if (!wanted && e->wanted)
        unsubscribe(e, 0);
    e->wanted = wanted;
}

/* Until the sources are known, at each call: the alerts of a burst come within its first second. */
static void rank(struct ctw_events *e, uint64_t now_usec) {
    const bool known = e->ranked_usec != 0 && e->new_sources.known;

    if (!e->socket || (known && now_usec - e->ranked_usec < RANKING_USEC))
        return;
    ctw_new_flows_step(&e->flows, now_usec);
    ctw_new_flows_top(&e->flows, e->top, &e->new_sources);
    e->ranked_usec = now_usec;
}

/* A socket that was closed under us is silent, so its state is checked now and then. */
static void check(struct ctw_events *e, uint64_t now_usec) {
    uint32_t dropped, sysctl;
    const int r = ctw_netlink_dropped(e->socket, &dropped);

    e->check_usec = now_usec + RETRY_USEC;
    if (r < 0 && r != -ENOPROTOOPT)
        unsubscribe(e, r);
    else
        e->switched_off = ctw_procfs_number("", SYSCTL, &sysctl) == 0 && sysctl == 0;
}

static void keep_subscribed(struct ctw_events *e, uint64_t now_usec) {
    if (!e->wanted)
        return;
    if (!e->socket && e->retry_usec == 0)
        e->retry_usec = now_usec + RETRY_USEC;
    else if (!e->socket && now_usec >= e->retry_usec)
        subscribe(e);
    if (e->socket && now_usec >= e->check_usec)
        check(e, now_usec);
}

static struct ctw_source_health health_of(const struct ctw_events *e) {
    if (!e->wanted)
        return (struct ctw_source_health){.health = CTW_HEALTH_UNUSED};
    if (!e->socket)
        return ctw_source_health_of(CTW_HEALTH_FAILED, e->error, "netlink socket");
    if (e->switched_off)
        return ctw_source_health_of(CTW_HEALTH_FAILED, -ENODATA, SYSCTL);
    if (e->capped)
        return ctw_source_health_of(CTW_HEALTH_FAILED, -ENOBUFS, "netlink receive buffer");
    return (struct ctw_source_health){.health = CTW_HEALTH_OK};
}

void ctw_events_take(struct ctw_events *e, uint64_t now_usec, struct ctw_event_counts *ret,
                     struct ctw_source_health *state) {
    keep_subscribed(e, now_usec);
    rank(e, now_usec);
    e->fresh.subscribed = e->socket != NULL;
    if (e->fresh.sampling < e->sampling)
        e->fresh.sampling = e->sampling;
    *ret = e->fresh;
    e->fresh = (struct ctw_event_counts){0};
    *state = health_of(e);
}

const struct ctw_new_sources *ctw_events_new_sources(const struct ctw_events *e) {
    return e->socket ? &e->new_sources : NULL;
}
