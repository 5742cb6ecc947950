/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Apart from walk.c, so that the program that walks at once needs no event loop. */

#include "walk.h"

#include <errno.h>
#include <sys/socket.h>

#include "../lib/sample.h"
#include "clock.h"
#include "dump_socket.h"

/* Only tells answers from what may come before them; every socket has just one request. */
#define SEQUENCE 1

/* The kernel answers within the system call that asks; when it says nothing for so long, it has
 * failed to, and will not try again. */
#define SILENCE_USEC (10 * CTW_USEC_PER_SEC)

static void free_socket(struct mnl_socket **s) {
    *s = ctw_dump_socket_free(*s);
}

static int limit_silence(struct mnl_socket *s, uint64_t usec) {
    const struct timeval t = {.tv_sec = (time_t)(usec / CTW_USEC_PER_SEC),
                              .tv_usec = (suseconds_t)(usec % CTW_USEC_PER_SEC)};

    return setsockopt(mnl_socket_get_fd(s), SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t)) < 0 ? -errno
                                                                                        : 0;
}

/* Return: 1 when the dump has been read; 0 when the time was up before; a negative errno. */
static int read_dump(struct mnl_socket *s, struct ctw_dump *d, uint64_t deadline_usec,
                     ctw_dump_entry_fn entry, void *userdata) {
    _Alignas(struct nlmsghdr) char datagram[CTW_DUMP_DATAGRAM_MAX];

    while (deadline_usec == 0 || ctw_monotonic_usec() < deadline_usec) {
        const ssize_t n = ctw_dump_socket_receive(s, datagram, sizeof(datagram));
        if (n == -EAGAIN && deadline_usec == 0)
            return -ETIMEDOUT;
        if (n < 0 && n != -EAGAIN)
            return (int)n;
        const int r = n > 0 ? ctw_dump_read(d, datagram, (size_t)n, entry, userdata) : 0;
        if (r != 0)
            return r;
    }
    return 0;
}

int ctw_walk_now(uint32_t entries, uint64_t limit_usec, ctw_dump_entry_fn entry, void *userdata,
                 struct ctw_walk_end *ret) {
    const uint64_t deadline_usec = limit_usec > 0 ? ctw_monotonic_usec() + limit_usec : 0;
    __attribute__((cleanup(free_socket))) struct mnl_socket *s = NULL;
    struct ctw_dump d = {.sequence = SEQUENCE, .wanted = entries};

    int r = ctw_dump_socket_new(0, SEQUENCE, &s);
    if (r < 0)
        return r;
    r = limit_silence(s, limit_usec > 0 ? limit_usec : SILENCE_USEC);
    if (r < 0)
        return r;
    r = read_dump(s, &d, deadline_usec, entry, userdata);
    if (r < 0)
        return r;

    *ret =
        (struct ctw_walk_end){.whole = d.whole, .interrupted = d.interrupted, .timed_out = r == 0};
    return 0;
}
