/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "claim.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../lib/text.h"

#define NAME "lock"

/* Room for a process id and its newline. */
#define OWNER_MAX 16

static uint32_t read_owner(int fd) {
    char text[OWNER_MAX];
    uint32_t owner = 0;

    const ssize_t n = pread(fd, text, sizeof(text), 0);
    if (n > 0)
        (void)ctw_text_sysctl(text, (size_t)n, &owner);
    return owner;
}

static int write_owner(int fd) {
    char text[OWNER_MAX];

    const int n = snprintf(text, sizeof(text), "%d\n", (int)getpid());
    return ftruncate(fd, 0) < 0 || pwrite(fd, text, (size_t)n, 0) < n ? -errno : 0;
}

static int lock(int fd, uint32_t *ret_owner) {
    struct stat st;

    if (fstat(fd, &st) < 0)
        return -errno;
    if (!S_ISREG(st.st_mode))
        return -EINVAL;
    if (flock(fd, LOCK_EX | LOCK_NB) == 0)
        return 0;
    if (errno != EWOULDBLOCK)
        return -errno;
    *ret_owner = read_owner(fd);
    return -EBUSY;
}

int ctw_claim_take(int directory, int *ret, uint32_t *ret_owner) {
    /* 0600: who could open it could lock it. */
    const int fd = openat(directory, NAME,
                          O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0600);
    if (fd < 0)
        return -errno;
    const int r = lock(fd, ret_owner);
    if (r < 0) {
        close(fd);
        return r;
    }
    (void)write_owner(fd); /* only for the second to say; on a full disk it goes unsaid */
    *ret = fd;
    return 0;
}

bool ctw_claim_stands(int directory, int claim) {
    struct stat held, there;

    return fstat(claim, &held) == 0 && fstatat(directory, NAME, &there, AT_SYMLINK_NOFOLLOW) == 0 &&
           held.st_ino == there.st_ino && held.st_dev == there.st_dev;
}
