/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "walk.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>

#include "dump_socket.h"

/* Behind the timer that looks at the table. */
#define PRIORITY (SD_EVENT_PRIORITY_NORMAL + 10)

/* Only tells answers from what may come before them; every socket has just one request. */
#define SEQUENCE 1

struct ctw_walk {
    struct mnl_socket *socket; /* NULL once it has ended */
    sd_event_source *readable, *limit;
    struct ctw_dump dump;
    ctw_dump_entry_fn entry;
    ctw_walk_done_fn done;
    void *userdata;
    char datagram[CTW_DUMP_DATAGRAM_MAX];
};

/* Whatever the kernel still had to say is not asked for: closing the socket ends its dump. */
static void detach(struct ctw_walk *w) {
    w->readable = sd_event_source_disable_unref(w->readable);
    w->limit = sd_event_source_disable_unref(w->limit);
    w->socket = ctw_dump_socket_free(w->socket);
}

/* The last thing that is done with @w: it may be gone afterwards. */
static void finish(struct ctw_walk *w, int r) {
    detach(w);
    w->done(r, w->userdata);
}

static int on_readable(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
    struct ctw_walk *w = userdata;

    (void)source;
    (void)fd;
    (void)revents;
    const ssize_t n = ctw_dump_socket_receive(w->socket, w->datagram, sizeof(w->datagram));
    if (n == 0 || n == -EAGAIN)
        return 0;
    const int r =
        n < 0 ? (int)n : ctw_dump_read(&w->dump, w->datagram, (size_t)n, w->entry, w->userdata);
    if (r != 0)
        finish(w, r > 0 ? w->dump.interrupted : r);
    return 0; /* a negative value would make sd-event switch the source off without a word */
}

static int on_limit(sd_event_source *source, uint64_t usec, void *userdata) {
    (void)source;
    (void)usec;
    finish(userdata, -ETIMEDOUT);
    return 0;
}

static int attach(struct ctw_walk *w, sd_event *event, uint64_t limit_usec) {
    int r = ctw_dump_socket_new(SOCK_NONBLOCK, SEQUENCE, &w->socket);
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

int ctw_walk_start(sd_event *event, uint32_t entries, uint64_t limit_usec, ctw_dump_entry_fn entry,
                   ctw_walk_done_fn done, void *userdata, struct ctw_walk **ret) {
    struct ctw_walk *w = malloc(sizeof(*w));
    if (!w)
        return -ENOMEM;
    *w = (struct ctw_walk){
        .dump = {.sequence = SEQUENCE, .wanted = entries},
        .entry = entry,
        .done = done,
        .userdata = userdata,
    };

    int r = attach(w, event, limit_usec);
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
