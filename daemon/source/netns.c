/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/source/netns.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAMES_DIR "/run/netns"

/* A look for a name happens while alerts are being made: bounded, a few milliseconds at most. */
#define NAMES_MAX     4096u
#define PROCESSES_MAX 4096u

static int stat_own(struct stat *ret) {
    /* thread-self came with Linux 3.17; on older kernels the first thread's has to do */
    if (stat("/proc/thread-self/ns/net", ret) < 0 && stat("/proc/self/ns/net", ret) < 0)
        return -errno;
    return 0;
}

uint64_t ctw_netns_own_inode(void) {
    struct stat st;

    return stat_own(&st) < 0 ? 0 : st.st_ino;
}

/* Names come from outside: what is not printable ASCII must not reach a terminal. */
static void make_printable(char *text) {
    for (; *text; text++)
        if ((unsigned char)*text < ' ' || (unsigned char)*text > '~')
            *text = '?';
}

/* Names that `ip netns add` gave: the file is a mount of the namespace itself. */
static bool find_name(uint64_t inode, char ret_name[static CTW_NETNS_NAME_MAX]) {
    struct stat own, st;
    bool own_known = stat_own(&own) == 0, found = false;
    const struct dirent *d;
    DIR *dir = opendir(NAMES_DIR);

    if (!dir)
        return false;
    for (unsigned i = 0; !found && i < NAMES_MAX && (d = readdir(dir)); i++) {
        if (d->d_name[0] == '.' || fstatat(dirfd(dir), d->d_name, &st, 0) < 0)
            continue;
        /* Without its mount the file is an ordinary one, whose inode number means nothing. */
        found = st.st_ino == inode && (!own_known || st.st_dev == own.st_dev);
        if (found)
            snprintf(ret_name, CTW_NETNS_NAME_MAX, "%s", d->d_name);
    }
    closedir(dir);
    return found;
}

static bool read_small(int dir, const char *path, char *buffer, size_t size) {
    int fd = openat(dir, path, O_RDONLY | O_CLOEXEC);
    ssize_t n;

    if (fd < 0)
        return false;
    n = read(fd, buffer, size - 1);
    close(fd);
    if (n < 0)
        return false;
    buffer[n] = '\0';
    buffer[strcspn(buffer, "\n")] = '\0';
    return true;
}

/* The first process in the namespace, so mostly its oldest: /proc lists them by number. */
static bool find_process(uint64_t inode, char ret_name[static CTW_NETNS_NAME_MAX]) {
    char wanted[64], path[NAME_MAX + 16], seen[64], comm[64];
    const struct dirent *d;
    bool found = false;
    DIR *dir = opendir("/proc");

    if (!dir)
        return false;
    snprintf(wanted, sizeof(wanted), "net:[%" PRIu64 "]", inode);
    for (unsigned i = 0; !found && i < PROCESSES_MAX && (d = readdir(dir));) {
        ssize_t n;

        if (!isdigit((unsigned char)d->d_name[0]))
            continue;
        i++;
        snprintf(path, sizeof(path), "%s/ns/net", d->d_name);
        n = readlinkat(dirfd(dir), path, seen, sizeof(seen) - 1);
        if (n < 0) /* gone, or not ours to see */
            continue;
        seen[n] = '\0';
        snprintf(path, sizeof(path), "%s/comm", d->d_name);
        found = strcmp(seen, wanted) == 0 && read_small(dirfd(dir), path, comm, sizeof(comm));
        if (found)
            snprintf(ret_name, CTW_NETNS_NAME_MAX, "pid %.20s (%s)", d->d_name, comm);
    }
    closedir(dir);
    return found;
}

void ctw_netns_name(uint64_t inode, char ret_name[static CTW_NETNS_NAME_MAX]) {
    ret_name[0] = '\0';
    if (inode == 0)
        return;
    if (find_name(inode, ret_name) || find_process(inode, ret_name))
        make_printable(ret_name);
}
