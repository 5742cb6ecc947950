/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/source/events.h"

#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <limits.h>
#include <linux/filter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_compat.h>
#include <linux/sock_diag.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "lib/kernel/flow.h"
#include "lib/watch/event_rates.h"

/*
 * How the stream is drained:
 *
 *   waiting   the socket is polled; the first event arms the drain one delay later
 *   drain     a slice of it; while there is more, the next slice at the next turn of the loop
 *   empty     losses are counted, sampling and delay are adapted, and back to waiting
 *
 * Waking for every event would cost as much again as reading it. Only an empty queue lets the
 * sampling change: then all that is read later has passed the new filter. It does become empty:
 * once the kernel has said ENOBUFS it delivers nothing more until it is.
 */

/* Behind the timer that looks at the table, and no more urgent than the kernel log. */
#define PRIORITY (SD_EVENT_PRIORITY_NORMAL + 10)

/* 1024 messages, about a millisecond: a look is not kept waiting for longer. */
#define BATCHES_PER_SLICE 16u

/* The longest delay between the first event and the drain, and how many events a second should
 * fit into the buffer meanwhile. */
#define DELAY_MAX_USEC (20 * CTW_USEC_PER_MSEC)
#define BURST_RATE     500000u

/* In a flood the delay shrinks, down to this, until about so many events are there to be read:
 * what has waited for longer has left the caches, and costs a tenth more. */
#define DELAY_MIN_USEC (2 * CTW_USEC_PER_MSEC)
#define DRAIN_EVENTS   1024u

#define RETRY_USEC   (10 * CTW_USEC_PER_SEC) /* and how often the state is checked */
#define AGE_USEC     (10 * CTW_USEC_PER_SEC)
#define AGES_AT_ONCE 64u /* nothing is left of a count halved so often */

#define SYSCTL "/proc/sys/net/netfilter/nf_conntrack_events"

struct ctw_events {
    sd_event *event;
    sd_event_source *drain; /* one-shot timer */

    struct ctw_subscription *subscription; /* NULL: none */
    sd_event_source *readable;             /* while there is one; one-shot */
    bool wanted;
    int error;               /* wanted, but there is none: why, negative errno */
    uint64_t retry_usec;     /* then: not before; 0: the next take will say */
    uint64_t check_usec;     /* when to check again; 0: at the next take */
    bool switched_off;       /* nf_conntrack_events is 0 */
    bool capped;             /* the buffer is smaller than wanted */
    uint64_t delay_max_usec; /* that the buffer allows */
    uint64_t delay_usec;     /* that the present rate suggests */
    uint64_t drained;        /* messages since the queue was last empty */

    uint64_t buffer_bytes; /* settings */
    uint32_t budget_permyriad;
    uint32_t ipv6_prefix;

    struct ctw_budget budget;
    uint32_t sampling; /* of the filter in force */
    bool overrun;      /* there are losses to be counted when the queue is empty */
    uint32_t dropped;  /* as of the last count */

    struct ctw_event_counts fresh;
    struct ctw_sketch sources, ports;
    uint64_t aged_usec;
};

static void forget_talkers(struct ctw_sketch *t) {
    uint64_t seed = 0;

    if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK) < 0)
        seed = (uint64_t)time(NULL); /* early at boot: better than to wait */
    ctw_sketch_init(t, seed);
}

/* --- the subscription ------------------------------------------------------------------------ */

static void drop_subscription(struct ctw_events *e, int error) {
    (void)sd_event_source_set_enabled(e->drain, SD_EVENT_OFF);
    e->readable = sd_event_source_disable_unref(e->readable);
    e->subscription = ctw_subscription_free(e->subscription);
    e->sampling = 1;
    e->error = error;
    e->retry_usec = 0;
}

static int arm_drain(struct ctw_events *e, uint64_t from_now_usec) {
    uint64_t now_usec;
    int r = sd_event_now(e->event, CLOCK_MONOTONIC, &now_usec);

    if (r >= 0)
        r = sd_event_source_set_time(e->drain, now_usec + from_now_usec);
    if (r >= 0)
        r = sd_event_source_set_enabled(e->drain, SD_EVENT_ONESHOT);
    return r;
}

static int on_readable(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
    struct ctw_events *e = userdata;

    (void)source;
    (void)fd;
    /* A netlink socket never hangs up; one that did would be ready for ever. After an overrun
     * nothing is delivered until it has been drained. */
    int r = revents & EPOLLHUP ? -EIO : arm_drain(e, revents & EPOLLERR ? 0 : e->delay_usec);
    if (r < 0)
        drop_subscription(e, r);
    return 0; /* a negative value would make sd-event switch the source off without a word */
}

/* Half of what the buffer holds may come before the drain begins. */
static void resize(struct ctw_events *e) {
    ctw_subscription_resize(e->subscription, e->buffer_bytes);

    const uint64_t bytes = ctw_subscription_buffer(e->subscription);
    const uint64_t events = bytes / CTW_SUBSCRIPTION_EVENT_BYTES;
    const uint64_t usec = events * CTW_USEC_PER_SEC / BURST_RATE / 2;
    e->capped = bytes < e->buffer_bytes / 2 * 2;
    e->delay_max_usec = usec < DELAY_MAX_USEC ? usec : DELAY_MAX_USEC;
    e->delay_usec = e->delay_max_usec;
}

static void subscribe(struct ctw_events *e) {
    int r = ctw_subscription_new(e->buffer_bytes, &e->subscription);

    if (r >= 0)
        r = sd_event_add_io(e->event, &e->readable, ctw_subscription_fd(e->subscription), EPOLLIN,
                            on_readable, e);
    if (r >= 0)
        r = sd_event_source_set_priority(e->readable, PRIORITY);
    if (r >= 0)
        r = sd_event_source_set_enabled(e->readable, SD_EVENT_ONESHOT);
    if (r < 0) {
        drop_subscription(e, r);
        return;
    }
    resize(e);
    e->budget = (struct ctw_budget){0};
    e->overrun = false;
    e->dropped = 0;
    e->drained = 0;
    e->check_usec = 0;
}

/* --- draining -------------------------------------------------------------------------------- */

static void count(struct ctw_events *e, const void *message, size_t length) {
    struct ctw_talker_key key;
    struct ctw_flow flow;

    if (ctw_flow_parse(message, length, &flow) < 0)
        return;
    ctw_event_counts_add(&e->fresh, &flow, e->sampling);
    if (flow.event != CTW_FLOW_NEW)
        return;
    key = ctw_talker_source(flow.family, flow.source, e->ipv6_prefix);
    ctw_sketch_add(&e->sources, &key, e->sampling);
    key = ctw_talker_port(flow.protocol, flow.destination_port);
    ctw_sketch_add(&e->ports, &key, e->sampling);
}

/* Return: 0: there may be more; -EAGAIN: that was all; or what befell the socket. */
static int read_slice(struct ctw_events *e) {
    for (unsigned n = 0; n < BATCHES_PER_SLICE; n++) {
        const int r = ctw_subscription_receive(e->subscription);

        if (r == -ENOBUFS) {
            e->fresh.overruns++;
            e->overrun = true;
        } else if (r < 0 && r != -EINTR) {
            return r;
        }
        e->drained += r > 0 ? (uint64_t)r : 0;
        for (int i = 0; i < r; i++) {
            size_t length;
            const void *message = ctw_subscription_message(e->subscription, (unsigned)i, &length);
            if (message)
                count(e, message, length);
        }
    }
    return 0;
}

/*
 * The kernel knows how many events it had to drop, but not of which kind: they are taken to have
 * been new ones in the proportion of those that were read. Where it cannot say (before Linux
 * 4.12), the overrun alone tells that there was a loss.
 */
static void count_losses(struct ctw_events *e) {
    const struct ctw_event_counts *t = &e->fresh;
    uint32_t dropped;

    if (!e->overrun || ctw_subscription_dropped(e->subscription, &dropped) < 0)
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
    if (sampling != e->sampling && ctw_subscription_sample(e->subscription, sampling) >= 0)
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

/* While it samples it comes back by itself, also when nothing comes, or it would never notice that
 * it may stop. */
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

    (void)source;
    (void)usec;
    int r = read_slice(e);
    ctw_budget_spend(&e->budget, cpu_nsec() - start);
    if (r == 0)
        r = arm_drain(e, 0);
    else if (r == -EAGAIN)
        r = rest(e);
    if (r < 0)
        drop_subscription(e, r);
    return 0;
}

/* --- what the manager calls ------------------------------------------------------------------ */

int ctw_events_new(sd_event *event, struct ctw_events **ret) {
    struct ctw_events *e = calloc(1, sizeof(*e));
    int r;

    if (!e)
        return -ENOMEM;
    e->event = sd_event_ref(event);
    e->sampling = 1;
    forget_talkers(&e->sources);
    forget_talkers(&e->ports);
    /* An accuracy of 1 us: the default, 250 ms, would let any buffer overflow. */
    r = sd_event_add_time(event, &e->drain, CLOCK_MONOTONIC, 0, 1, on_drain, e);
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
    drop_subscription(e, 0);
    (void)sd_event_source_disable_unref(e->drain);
    (void)sd_event_unref(e->event);
    free(e);
    return NULL;
}

void ctw_events_want(struct ctw_events *e, bool wanted, const struct ctw_settings *settings) {
    const bool other_buffer = e->buffer_bytes != settings->events.buffer_bytes;

    if (e->ipv6_prefix != settings->talkers.ipv6_prefix)
        forget_talkers(&e->sources); /* the same network would be there under two names */
    e->ipv6_prefix = settings->talkers.ipv6_prefix;
    e->budget_permyriad = settings->events.budget_permyriad;
    e->buffer_bytes = settings->events.buffer_bytes;

    if (wanted && !e->wanted)
        subscribe(e);
    else if (wanted && e->subscription && other_buffer)
        resize(e);
    else if (!wanted && e->wanted) {
        drop_subscription(e, 0);
        forget_talkers(&e->sources);
        forget_talkers(&e->ports);
    }
    e->wanted = wanted;
}

static void age(struct ctw_events *e, uint64_t now_usec) {
    const uint64_t times = (now_usec - e->aged_usec) / AGE_USEC;

    for (uint64_t i = 0; i < times && i < AGES_AT_ONCE; i++) {
        ctw_sketch_age(&e->sources);
        ctw_sketch_age(&e->ports);
    }
    e->aged_usec += times * AGE_USEC;
}

static void read_sysctl(struct ctw_events *e) {
    char text[2] = "";
    const int fd = open(SYSCTL, O_RDONLY | O_CLOEXEC);

    e->switched_off = false;
    if (fd < 0)
        return; /* nothing there to be switched off */
    e->switched_off = read(fd, text, sizeof(text)) == 2 && text[0] == '0' && text[1] == '\n';
    (void)close(fd);
}

/* A socket that has been closed under us is silent: epoll forgets it without a word. */
static void check(struct ctw_events *e, uint64_t now_usec) {
    uint32_t dropped;
    const int r = ctw_subscription_dropped(e->subscription, &dropped);

    e->check_usec = now_usec + RETRY_USEC;
    if (r < 0 && r != -ENOPROTOOPT)
        drop_subscription(e, r);
    else
        read_sysctl(e);
}

static void keep_up(struct ctw_events *e, uint64_t now_usec) {
    if (!e->wanted)
        return;
    if (!e->subscription && e->retry_usec == 0)
        e->retry_usec = now_usec + RETRY_USEC;
    else if (!e->subscription && now_usec >= e->retry_usec)
        subscribe(e);
    if (e->subscription && now_usec >= e->check_usec)
        check(e, now_usec);
}

static struct ctw_source_health health_of(const struct ctw_events *e) {
    if (!e->wanted)
        return (struct ctw_source_health){.health = CTW_HEALTH_UNUSED};
    if (!e->subscription)
        return ctw_source_health_of(CTW_HEALTH_FAILED, e->error, "netlink socket");
    if (e->switched_off)
        return ctw_source_health_of(CTW_HEALTH_FAILED, -ENODATA, SYSCTL);
    if (e->capped)
        return ctw_source_health_of(CTW_HEALTH_FAILED, -ENOBUFS, "netlink receive buffer");
    return (struct ctw_source_health){.health = CTW_HEALTH_OK};
}

void ctw_events_take(struct ctw_events *e, uint64_t now_usec, struct ctw_event_counts *ret,
                     struct ctw_source_health *state) {
    age(e, now_usec);
    keep_up(e, now_usec);
    e->fresh.subscribed = e->subscription;
    if (e->fresh.sampling < e->sampling)
        e->fresh.sampling = e->sampling;
    *ret = e->fresh;
    e->fresh = (struct ctw_event_counts){0};
    *state = health_of(e);
}

const struct ctw_sketch *ctw_events_sources(const struct ctw_events *e) {
    return &e->sources;
}

const struct ctw_sketch *ctw_events_ports(const struct ctw_events *e) {
    return &e->ports;
}

/* Few enough that a batch of ordinary events stays in the first-level cache. */
#define BATCH 64u

/* Ordinary events have 148 bytes (IPv4) or 196 (IPv6); with every extension, below 600. An odd
 * number of cache lines, so that the messages of a batch do not compete for the same ones. */
#define MESSAGE_BYTES (11u * 64u)

struct ctw_subscription {
    struct mnl_socket *socket;
    struct mmsghdr headers[BATCH];
    struct iovec iov[BATCH];
    struct sockaddr_nl senders[BATCH];
    _Alignas(64) char messages[BATCH][MESSAGE_BYTES];
};

int ctw_subscription_new(uint64_t buffer_bytes, struct ctw_subscription **ret) {
    const unsigned groups = NF_NETLINK_CONNTRACK_NEW | NF_NETLINK_CONNTRACK_DESTROY;
    struct ctw_subscription *s = aligned_alloc(_Alignof(struct ctw_subscription), sizeof(*s));

    if (!s)
        return -ENOMEM;
    for (unsigned i = 0; i < BATCH; i++) {
        s->iov[i] = (struct iovec){.iov_base = s->messages[i], .iov_len = MESSAGE_BYTES};
        s->headers[i].msg_hdr = (struct msghdr){
            .msg_name = &s->senders[i],
            .msg_iov = &s->iov[i],
            .msg_iovlen = 1,
        };
    }
    s->socket = mnl_socket_open2(NETLINK_NETFILTER, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (s->socket)
        ctw_subscription_resize(s, buffer_bytes); /* before the first event can arrive */
    if (!s->socket || mnl_socket_bind(s->socket, groups, MNL_SOCKET_AUTOPID) < 0) {
        const int error = -errno;
        (void)ctw_subscription_free(s);
        return error;
    }
    *ret = s;
    return 0;
}

struct ctw_subscription *ctw_subscription_free(struct ctw_subscription *s) {
    if (!s)
        return NULL;
    if (s->socket)
        (void)mnl_socket_close(s->socket);
    free(s);
    return NULL;
}

int ctw_subscription_fd(const struct ctw_subscription *s) {
    return mnl_socket_get_fd(s->socket);
}

/* The kernel doubles what it is asked for. Only SO_RCVBUFFORCE goes beyond net.core.rmem_max, and
 * needs CAP_NET_ADMIN in the initial user namespace. */
void ctw_subscription_resize(struct ctw_subscription *s, uint64_t buffer_bytes) {
    const int fd = ctw_subscription_fd(s);
    const int half = buffer_bytes / 2 < INT_MAX / 2 ? (int)(buffer_bytes / 2) : INT_MAX / 2;

    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &half, sizeof(half)) < 0)
        (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &half, sizeof(half));
}

uint64_t ctw_subscription_buffer(const struct ctw_subscription *s) {
    int bytes = 0;
    socklen_t length = sizeof(bytes);

    if (getsockopt(ctw_subscription_fd(s), SOL_SOCKET, SO_RCVBUF, &bytes, &length) < 0)
        return 0;
    return (uint64_t)bytes;
}

int ctw_subscription_sample(struct ctw_subscription *s, uint32_t one_in) {
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_RANDOM)),
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, one_in - 1, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
        BPF_STMT(BPF_RET | BPF_K, 0),
    };
    const struct sock_fprog program = {.len = sizeof(code) / sizeof(code[0]), .filter = code};
    const int fd = ctw_subscription_fd(s), unused = 0;
    int r;

    if (one_in > 1)
        r = setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program));
    else
        r = setsockopt(fd, SOL_SOCKET, SO_DETACH_FILTER, &unused, sizeof(unused));
    return r < 0 ? -errno : 0;
}

/* A netlink socket counts each message it had to refuse (netlink_overrun() in the kernel's
 * net/netlink/af_netlink.c), though it says ENOBUFS only once for all of them. */
int ctw_subscription_dropped(const struct ctw_subscription *s, uint32_t *ret) {
    uint32_t info[SK_MEMINFO_VARS];
    socklen_t length = sizeof(info);

    if (getsockopt(ctw_subscription_fd(s), SOL_SOCKET, SO_MEMINFO, info, &length) < 0)
        return -errno;
    if (length <= SK_MEMINFO_DROPS * sizeof(info[0]))
        return -ENOPROTOOPT;
    *ret = info[SK_MEMINFO_DROPS];
    return 0;
}

int ctw_subscription_receive(struct ctw_subscription *s) {
    for (unsigned i = 0; i < BATCH; i++)
        s->headers[i].msg_hdr.msg_namelen = sizeof(s->senders[i]);

    const int n = recvmmsg(ctw_subscription_fd(s), s->headers, BATCH, MSG_DONTWAIT, NULL);
    return n < 0 ? -errno : n;
}

const void *ctw_subscription_message(const struct ctw_subscription *s, unsigned i,
                                     size_t *ret_length) {
    const struct msghdr *header = &s->headers[i].msg_hdr;

    if (header->msg_namelen != sizeof(s->senders[i]) || s->senders[i].nl_pid != 0)
        return NULL;
    if (header->msg_flags & MSG_TRUNC)
        return NULL;
    *ret_length = s->headers[i].msg_len;
    return s->messages[i];
}
