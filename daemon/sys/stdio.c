/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/sys/stdio.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

int ctw_reserve_stdio(void) {
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        /* open() takes the lowest number that is free, which is this. */
        const int flags = fd == STDIN_FILENO ? O_WRONLY : O_RDONLY;
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", flags) < 0)
            return -errno;
    }
    return 0;
}
