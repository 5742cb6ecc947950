/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/sys/stdio.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

int ctw_reserve_stdio(void) {
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        /* open() takes the lowest free number. */
        const int flags = fd == STDIN_FILENO ? O_WRONLY : O_RDONLY;
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", flags) < 0)
            return -errno;
    }
    return 0;
}

void ctw_write_if_ready(int fd, const char *line, size_t length) {
    struct pollfd p = {.fd = fd, .events = POLLOUT};

    /* POLLERR: the pipe has no reader. */
    if (poll(&p, 1, 0) != 1 || p.revents != POLLOUT)
        return;
    const ssize_t written = write(fd, line, length);
    (void)written;
}
