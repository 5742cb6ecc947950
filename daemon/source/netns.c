/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/source/netns.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/sys/procfs.h"

#define NAMES_DIR "/run/netns"

/* A name is searched while an alert is sent, so the search is bounded: a few milliseconds. */
#define NAMES_MAX     4096u
#define PROCESSES_MAX 4096u

static int stat_own(struct stat *ret) {
    /* thread-self exists since Linux 3.17; before, the first thread stands for all */
    if (stat("/proc/thread-self/ns/net", ret) < 0 && stat("/proc/self/ns/net", ret) < 0)
        return -errno;
    return 0;
}

uint64_t ctw_netns_own_inode(void) {
    struct stat st;

    return stat_own(&st) < 0 ? 0 : st.st_ino;
}

/* Names are untrusted: only printable ASCII may reach a terminal. */
static void make_printable(char *text) {
    for (; *text; text++)
        if ((unsigned char)*text < ' ' || (unsigned char)*text > '~')
            *text = '?';
}

/* Names of `ip netns add`: each file is a mount of the namespace itself. */
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
        /* Without the mount it is an ordinary file with an unrelated inode number. */
        found = st.st_ino == inode && (!own_known || st.st_dev == own.st_dev);
        if (found)
            snprintf(ret_name, CTW_NETNS_NAME_MAX, "%s", d->d_name);
    }
    closedir(dir);
    return found;
}

/* The process in the namespace with the lowest number, usually its oldest. */
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
        if (n < 0) /* gone, or not visible */
            continue;
        seen[n] = '\0';
        found = strcmp(seen, wanted) == 0;
        if (!found)
            continue;
        snprintf(path, sizeof(path), "/proc/%s/comm", d->d_name);
        ctw_procfs_line("", path, comm, sizeof(comm));
        snprintf(ret_name, CTW_NETNS_NAME_MAX, "pid %.20s (%s)", d->d_name, comm);
    }
    closedir(dir);
    return found;
}

void ctw_netns_file(uint64_t inode, char ret_name[static CTW_NETNS_NAME_MAX]) {
    if (inode == 0 || !find_name(inode, ret_name))
        ret_name[0] = '\0';
}

void ctw_netns_name(uint64_t inode, char ret_name[static CTW_NETNS_NAME_MAX]) {
    ret_name[0] = '\0';
    if (inode == 0)
        return;
    if (find_name(inode, ret_name) || find_process(inode, ret_name))
        make_printable(ret_name);
}
