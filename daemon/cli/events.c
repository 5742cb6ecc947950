/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <inttypes.h>
#include <linux/netfilter/nfnetlink_compat.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/cli/cli.h"
#include "daemon/cli/entry.h"
#include "daemon/cli/terminal.h"
#include "daemon/source/dump.h"
#include "daemon/sys/clock.h"
#include "daemon/sys/procfs.h"
#include "lib/filter/filter.h"
#include "lib/util/parse.h"
#include "lib/util/strbuf.h"
#include "lib/util/units.h"

/* The kernel charges a buffer 1280 bytes for an event: room for a fifth of a second at 250,000 a
 * second. */
#define BUFFER_BYTES     (64u << 20)
#define BUFFER_BYTES_MIN 4096u
#define BUFFER_BYTES_MAX (2047u << 20) /* an int, of which the kernel makes twice the half */

/* The kernel sizes an event for its attributes: with a security context and 128 labels it takes
 * some 500 bytes. */
#define EVENT_BYTES 8192u
#define BATCH       64u

#define SYSCTL "/proc/sys/net/netfilter/nf_conntrack_events"

struct arguments {
    const char *n, *duration, *buffer;
    bool new, destroyed, update, rate, timestamps, json, xml;
    struct ctw_cli_words filter;
};

struct request {
    enum ctw_entry_format format;
    unsigned groups;        /* NF_NETLINK_CONNTRACK_* */
    uint32_t n;             /* lines to print */
    uint64_t duration_usec; /* 0: until interrupted */
    uint64_t buffer_bytes;
    bool rate, timestamps;
};

/* What came between two moments. */
struct tally {
    uint64_t events[CTW_FLOW_DESTROY + 1]; /* by kind; those that match */
    uint64_t lost;                         /* also of those that do not match */
};

struct stream {
    struct request request;
    struct ctw_filter filter;
    struct ctw_entry_printer *printer;
    struct mnl_socket *socket;
    uint64_t begun_usec, rate_usec; /* when it was opened, and when a rate is due */
    uint32_t shown;                 /* lines */
    struct tally second, total;
    uint32_t dropped; /* as the kernel counted last */
    int write_error;  /* a positive errno */
    bool overrun;     /* losses are to be counted when the queue is empty */
    struct mmsghdr headers[BATCH];
    struct iovec iov[BATCH];
    _Alignas(64) char messages[BATCH][EVENT_BYTES];
};

/* --- the command line ------------------------------------------------------------------------ */

static const struct ctw_cli cli = {
    .program = "ctwatch events",
    .synopses = "[OPTION...] [FILTER]",
    .about = "Follows the entries that are created and end, as conntrack -E prints them, and goes "
             "on where events are lost: ctwatch events src 192.0.2.7. The words of a FILTER are in "
             "ctwatch(8). Needs CAP_NET_ADMIN.",
    .options =
        {
            {0, "new", NULL, offsetof(struct arguments, new), "entries that are created"},
            {0, "destroyed", NULL, offsetof(struct arguments, destroyed),
             "entries that end; without any of the three, these and the new ones"},
            {0, "update", NULL, offsetof(struct arguments, update), "entries that change"},
            {'n', "lines", "N", offsetof(struct arguments, n), "end after N events"},
            {0, "for", "TIME", offsetof(struct arguments, duration),
             "end after this time, such as 10s"},
            {0, "rate", NULL, offsetof(struct arguments, rate),
             "a line a second with the number of events, instead of the events"},
            {'t', "timestamps", NULL, offsetof(struct arguments, timestamps),
             "begin each line of text with the time, as conntrack -o timestamp does"},
            {0, "buffer", "SIZE", offsetof(struct arguments, buffer),
             "room for events that have not been read yet, 64MiB by default"},
            {0, "json", NULL, offsetof(struct arguments, json),
             "as JSON, one object a line, with every attribute"},
            {0, "xml", NULL, offsetof(struct arguments, xml),
             "as XML, as conntrack -E -o xml prints it"},
            {0, "root", "DIR", CTW_OPTION_REFUSED, "a captured machine sends no events"},
        },
    .joins_operands = true,
    .operand = offsetof(struct arguments, filter),
};

static unsigned groups_of(const struct arguments *a) {
    if (!a->new && !a->destroyed && !a->update)
        return NF_NETLINK_CONNTRACK_NEW | NF_NETLINK_CONNTRACK_DESTROY;
    return (a->new ? NF_NETLINK_CONNTRACK_NEW : 0) |
           (a->destroyed ? NF_NETLINK_CONNTRACK_DESTROY : 0) |
           (a->update ? NF_NETLINK_CONNTRACK_UPDATE : 0);
}

/* Return: -1 to go on, or the exit status. */
static int make_request(const struct arguments *a, struct request *ret) {
    *ret = (struct request){
        .groups = groups_of(a),
        .n = UINT32_MAX,
        .buffer_bytes = BUFFER_BYTES,
        .rate = a->rate,
        .timestamps = a->timestamps,
    };
    if (a->rate && a->xml)
        return ctw_cli_bad(&cli, "--rate", "as well as --xml", "allowed");
    if (a->duration &&
        (ctw_text_duration(a->duration, &ret->duration_usec) < 0 || ret->duration_usec == 0))
        return ctw_cli_bad(&cli, "--for", a->duration, "a time, such as 10s");
    if (a->buffer && (ctw_text_size(a->buffer, &ret->buffer_bytes) < 0 ||
                      ret->buffer_bytes < BUFFER_BYTES_MIN || ret->buffer_bytes > BUFFER_BYTES_MAX))
        return ctw_cli_bad(&cli, "--buffer", a->buffer, "from 4KiB to 2047MiB");
    const int status = ctw_entry_format(&cli, a->json, a->xml, &ret->format);
    if (status >= 0)
        return status;
    return ctw_cli_number(&cli, "--lines", a->n, 1, UINT32_MAX - 1, "from 1 to 4294967294",
                          &ret->n);
}

/* --- lines of its own ------------------------------------------------------------------------- */

/* "1,204" */
static struct ctw_word grouped(uint64_t n) {
    struct ctw_word digits, ret;
    size_t used = 0;

    (void)snprintf(digits.text, sizeof(digits.text), "%" PRIu64, n);
    const size_t length = strlen(digits.text);
    for (size_t i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0)
            ret.text[used++] = ',';
        ret.text[used++] = digits.text[i];
    }
    ret.text[used] = '\0';
    return ret;
}

static uint64_t sum(const struct tally *t) {
    return t->events[CTW_FLOW_NEW] + t->events[CTW_FLOW_UPDATE] + t->events[CTW_FLOW_DESTROY];
}

static void print_loss(const struct stream *s, uint64_t lost) {
    switch (s->request.format) {
    case CTW_ENTRY_JSON:
        (void)ctw_entry_print_json(json_pack("{sssIsI}", "event", "lost", "time_unix_microseconds",
                                             (json_int_t)ctw_realtime_usec(), "lost",
                                             (json_int_t)lost));
        break;
    case CTW_ENTRY_XML: (void)printf("<lost events=\"%" PRIu64 "\" />\n", lost); break;
    case CTW_ENTRY_TEXT: (void)printf("-- %s events lost --\n", grouped(lost).text);
    }
}

static void print_rate(struct stream *s) {
    const struct tally *t = &s->second;
    const uint64_t now_usec = ctw_realtime_usec();
    char time[CTW_TIMESTAMP_SIZE];

    if (s->request.format == CTW_ENTRY_JSON) {
        (void)ctw_entry_print_json(
            json_pack("{sssIsIsIsIsI}", "event", "rate", "time_unix_microseconds",
                      (json_int_t)now_usec, "new", (json_int_t)t->events[CTW_FLOW_NEW], "update",
                      (json_int_t)t->events[CTW_FLOW_UPDATE], "destroyed",
                      (json_int_t)t->events[CTW_FLOW_DESTROY], "lost", (json_int_t)t->lost));
    } else {
        ctw_timestamp_print(now_usec, time);
        (void)printf("%s  new %s/s  updated %s/s  destroyed %s/s  lost %s\n", time,
                     grouped(t->events[CTW_FLOW_NEW]).text,
                     grouped(t->events[CTW_FLOW_UPDATE]).text,
                     grouped(t->events[CTW_FLOW_DESTROY]).text, grouped(t->lost).text);
    }
    s->second = (struct tally){0};
    s->shown++;
}

/* The JSON ends with it; otherwise it goes to stderr, since scripts read the rest. */
static void print_summary(struct stream *s) {
    const uint64_t usec = ctw_monotonic_usec() - s->begun_usec, events = sum(&s->total);
    const uint64_t per_second = usec > 0 ? events * CTW_USEC_PER_SEC / usec : 0;

    if (ctw_cli_writing_failed(&s->write_error))
        return;
    if (s->request.format == CTW_ENTRY_JSON)
        (void)ctw_entry_print_json(json_pack("{sssIsIsIsI}", "event", "summary", "events",
                                             (json_int_t)events, "lost", (json_int_t)s->total.lost,
                                             "duration_microseconds", (json_int_t)usec,
                                             "events_per_second", (json_int_t)per_second));
    else if (fflush(stdout) == 0)
        (void)fprintf(stderr, "-- %s events, %s lost, %s per second --\n", grouped(events).text,
                      grouped(s->total.lost).text, grouped(per_second).text);
}

/* --- the socket ------------------------------------------------------------------------------- */

/* Joining would load conntrack. */
static int subscribe(struct stream *s) {
    uint64_t granted_bytes;
    const char *path;
    uint32_t value;

    int r = ctw_procfs_first_number("", ctw_count_paths, &value, &path);
    if (r >= 0)
        r = ctw_netlink_open(SOCK_NONBLOCK, s->request.groups, s->request.buffer_bytes,
                             &granted_bytes, &s->socket);
    if (r < 0)
        return r;
    ctw_event_filter_attach(mnl_socket_get_fd(s->socket), &s->filter);
    if (granted_bytes < s->request.buffer_bytes / 2 * 2)
        (void)fprintf(stderr,
                      "%s: the receive buffer has %" PRIu64 " bytes: more takes CAP_NET_ADMIN in "
                      "the initial user namespace\n",
                      cli.program, granted_bytes);
    if (ctw_procfs_number("", SYSCTL, &value) == 0 && value == 0)
        (void)fprintf(stderr,
                      "%s: the kernel sends no events: net.netfilter.nf_conntrack_events is 0\n",
                      cli.program);
    return 0;
}

/* --- the stream ------------------------------------------------------------------------------- */

static void on_event(struct stream *s, const void *message, size_t length, uint64_t time_usec) {
    struct ctw_flow flow;

    if (ctw_flow_parse(message, length, &flow) < 0 ||
        !ctw_filter_matches(&s->filter, &flow, message))
        return;
    s->second.events[flow.event]++;
    s->total.events[flow.event]++;
    if (s->request.rate)
        return;
    s->shown++;
    (void)ctw_entry_print_event(s->printer, message, time_usec);
    (void)ctw_cli_writing_failed(&s->write_error);
}

/* The kernel counts each event that found no room. Before Linux 4.12 only the overrun is known. */
static void count_losses(struct stream *s) {
    uint32_t dropped;

    if (ctw_netlink_dropped(s->socket, &dropped) < 0)
        dropped = s->dropped + (s->overrun ? 1 : 0);
    const uint32_t lost = dropped - s->dropped;
    s->dropped = dropped;
    s->overrun = false;
    s->second.lost += lost;
    s->total.lost += lost;
    if (lost > 0 && !s->request.rate)
        print_loss(s, lost);
}

static void flush(struct stream *s) {
    (void)fflush(stdout);
    (void)ctw_cli_writing_failed(&s->write_error);
}

static bool ended(struct stream *s, uint64_t now_usec) {
    return ctw_interrupted() || ctw_cli_writing_failed(&s->write_error) ||
           s->shown >= s->request.n ||
           (s->request.duration_usec > 0 && now_usec >= s->begun_usec + s->request.duration_usec);
}

static void tick(struct stream *s, uint64_t now_usec) {
    if (!s->request.rate || now_usec < s->rate_usec)
        return;
    count_losses(s);
    print_rate(s);
    flush(s);
    s->rate_usec += CTW_USEC_PER_SEC;
    if (s->rate_usec < now_usec) /* stopped meanwhile */
        s->rate_usec = now_usec + CTW_USEC_PER_SEC;
}

static void print_batch(struct stream *s, unsigned n) {
    const uint64_t time_usec =
        s->request.timestamps || s->request.format == CTW_ENTRY_JSON ? ctw_realtime_usec() : 0;

    for (unsigned i = 0; i < n && s->shown < s->request.n; i++)
        on_event(s, s->messages[i], s->headers[i].msg_len, time_usec);
}

/*
 * Reads until the queue is empty: only then does the kernel deliver again after an overrun, and the
 * number of events lost is final.
 *
 * Return: 0 or a negative errno.
 */
static int drain(struct stream *s) {
    uint64_t now_usec = ctw_monotonic_usec();
    int n = 0;

    while (!ended(s, now_usec)) {
        n = recvmmsg(mnl_socket_get_fd(s->socket), s->headers, BATCH, MSG_DONTWAIT, NULL);
        if (n < 0 && errno == EAGAIN)
            break;
        if (n < 0 && errno == ENOBUFS)
            s->overrun = true;
        else if (n < 0 && errno != EINTR)
            return -errno;
        else if (n > 0)
            print_batch(s, (unsigned)n);
        now_usec = ctw_monotonic_usec();
        tick(s, now_usec);
    }
    if (s->overrun)
        count_losses(s);
    flush(s);
    return 0;
}

/* Return: 0; -EPIPE when the reader has gone; another negative errno. */
static int wait_for_events(const struct stream *s, uint64_t now_usec) {
    struct pollfd fds[] = {{.fd = mnl_socket_get_fd(s->socket), .events = POLLIN},
                           {.fd = STDOUT_FILENO}};
    uint64_t until_usec = UINT64_MAX;

    if (s->request.duration_usec > 0)
        until_usec = s->begun_usec + s->request.duration_usec;
    if (s->request.rate && s->rate_usec < until_usec)
        until_usec = s->rate_usec;
    if (ctw_interruptible_poll(fds, 2, until_usec > now_usec ? until_usec - now_usec : 0) < 0)
        return errno == EINTR ? 0 : -errno;
    if (fds[0].revents & (POLLHUP | POLLNVAL))
        return -EIO;
    return fds[1].revents & POLLERR ? -EPIPE : 0;
}

static int follow(struct stream *s) {
    uint64_t now_usec = ctw_monotonic_usec();
    int r = 0;

    s->begun_usec = now_usec;
    s->rate_usec = now_usec + CTW_USEC_PER_SEC;
    while (r == 0 && !ended(s, now_usec)) {
        r = wait_for_events(s, now_usec);
        if (r == -EPIPE)
            s->write_error = EPIPE;
        if (r == 0)
            r = drain(s);
        now_usec = ctw_monotonic_usec();
        tick(s, now_usec);
    }
    count_losses(s);
    return r;
}

/* --- the verb --------------------------------------------------------------------------------- */

static struct stream *stream_free(struct stream *s) {
    if (!s)
        return NULL;
    (void)ctw_netlink_close(s->socket);
    (void)ctw_entry_printer_free(s->printer);
    free(s);
    return NULL;
}

/* Return: NULL when there is no memory. */
static struct stream *stream_new(const struct request *request) {
    struct stream *s = aligned_alloc(_Alignof(struct stream), sizeof(*s));
    if (!s)
        return NULL;

    memset(s, 0, offsetof(struct stream, messages));
    s->request = *request;
    for (size_t i = 0; i < BATCH; i++) {
        s->iov[i] = (struct iovec){.iov_base = s->messages[i], .iov_len = EVENT_BYTES};
        s->headers[i].msg_hdr = (struct msghdr){.msg_iov = &s->iov[i], .msg_iovlen = 1};
    }
    s->printer = ctw_entry_printer_new(request->format, "conntrack");
    return s->printer ? s : stream_free(s);
}

/* Return: the exit status. */
static int run(struct stream *s) {
    ctw_interrupt_catch();
    int r = subscribe(s);
    if (r >= 0) {
        r = follow(s);
        ctw_entry_end(s->printer);
        print_summary(s);
    }
    if (r < 0 && r != -EPIPE) {
        ctw_cli_cannot_read(&cli, r);
        return EXIT_CANNOT_READ;
    }
    return ctw_cli_end_after(s->write_error);
}

int ctw_verb_events(int argc, char *argv[]) {
    struct arguments arguments = {0};
    struct request request;

    int status = ctw_cli_start(&cli, argc, argv, &arguments);
    if (status < 0)
        status = make_request(&arguments, &request);
    if (status >= 0)
        return status;
    struct stream *s = stream_new(&request);
    if (!s)
        return ctw_cli_no_memory(&cli);
    status = ctw_cli_filter(&cli, &arguments.filter, ctw_entry_label, s->printer, &s->filter);
    if (status < 0)
        status = run(s);
    (void)stream_free(s);
    return status;
}
