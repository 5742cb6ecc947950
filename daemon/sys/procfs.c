/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/sys/procfs.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifdef SYS_openat2
#include <linux/openat2.h>
#endif

#include "lib/util/parse.h"

/* A decimal of 32 bits takes ten characters: a file that fills this holds no such number. */
#define NUMBER_MAX 64

const char *const ctw_count_paths[] = {
    "/proc/sys/net/netfilter/nf_conntrack_count",
    "/proc/sys/net/ipv4/netfilter/ip_conntrack_count",
    NULL,
};

const char *const ctw_max_paths[] = {
    "/proc/sys/net/netfilter/nf_conntrack_max",
    "/proc/sys/net/ipv4/netfilter/ip_conntrack_max",
    "/proc/sys/net/ipv4/ip_conntrack_max",
    NULL,
};

const char *const ctw_buckets_paths[] = {
    "/proc/sys/net/netfilter/nf_conntrack_buckets",
    "/proc/sys/net/ipv4/netfilter/ip_conntrack_buckets",
    "/sys/module/nf_conntrack/parameters/hashsize", /* 0600 */
    NULL,
};

/* Links are refused, wherever they lead. Closes @at. */
static int open_by_component(int at, const char *path, int flags) {
    char copy[PATH_MAX], *rest = copy;
    const int length = snprintf(copy, sizeof(copy), "%s", path);
    int error = length >= 0 && (size_t)length < sizeof(copy) ? 0 : ENAMETOOLONG;

    for (char *name; error == 0 && (name = strsep(&rest, "/"));) {
        const int how = rest ? O_PATH | O_DIRECTORY | O_CLOEXEC : flags;
        const int fd = *name != '\0' ? openat(at, name, how | O_NOFOLLOW) : dup(at);
        error = fd < 0 ? errno : 0;
        close(at);
        at = fd;
    }
    if (error != 0 && at >= 0)
        close(at);
    return error != 0 ? -error : at;
}

/* @path as it stands below @root, which may be the captured /proc itself. */
static const char *below(const char *root, const char *path) {
    size_t length = strlen(root);

    while (length > 0 && root[length - 1] == '/')
        length--;
    const bool is_proc = length >= 4 && memcmp(root + length - 4, "proc", 4) == 0 &&
                         (length == 4 || root[length - 5] == '/');
    return is_proc && strncmp(path, "/proc/", 6) == 0 ? path + 5 : path;
}

static int open_below(const char *root, const char *path, int flags) {
    const int at = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (at < 0)
        return -errno;
#ifdef SYS_openat2
    const struct open_how how = {.flags = (unsigned)flags, .resolve = RESOLVE_IN_ROOT};
    const long fd = syscall(SYS_openat2, at, path, &how, sizeof(how));
    const int r = fd < 0 ? -errno : (int)fd;
    /* Linux before 5.6; a system-call filter of that time */
    if (r != -ENOSYS && r != -EPERM) {
        close(at);
        return r;
    }
#endif
    return open_by_component(at, path, flags);
}

int ctw_procfs_open(const char *root, const char *path, int flags) {
    flags |= flags & O_PATH ? O_CLOEXEC : O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
    if (root[0] != '\0')
        return open_below(root, below(root, path), flags);
    const int fd = open(path, flags);
    return fd < 0 ? -errno : fd;
}

int ctw_procfs_stat(const char *root, const char *path, struct stat *ret) {
    const int fd = ctw_procfs_open(root, path, O_PATH);
    if (fd < 0)
        return fd;
    int r = fstat(fd, ret) < 0 ? -errno : S_ISLNK(ret->st_mode) ? -ELOOP : 0;
    close(fd);
    return r;
}

ssize_t ctw_procfs_read(int fd, void *buffer, size_t size, size_t offset) {
    ssize_t n;

    do
        n = pread(fd, buffer, size, (off_t)offset);
    while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : n;
}

/* A captured file may have come through a mail or an editor: CRLF, and no newline at its end. */
static size_t mend_lines(char *text, size_t length, size_t size) {
    size_t kept = 0;

    for (size_t i = 0; i < length; i++)
        if (text[i] != '\r' || (i + 1 < length && text[i + 1] != '\n'))
            text[kept++] = text[i];
    if (kept > 0 && kept + 1 < size && text[kept - 1] != '\n')
        text[kept++] = '\n';
    return kept;
}

ssize_t ctw_procfs_read_all(int fd, void *buffer, size_t size) {
    size_t used = 0;
    ssize_t n = 0;

    while (used < size && (n = ctw_procfs_read(fd, (char *)buffer + used, size - used, used)) > 0)
        used += (size_t)n;
    return n < 0 ? n : used == size ? (ssize_t)size : (ssize_t)mend_lines(buffer, used, size);
}

int ctw_procfs_read_number(int fd, uint32_t *ret) {
    char text[NUMBER_MAX];

    const ssize_t n = ctw_procfs_read(fd, text, sizeof(text), 0);
    if (n < 0)
        return (int)n;
    return n == sizeof(text) ? -EBADMSG : ctw_text_sysctl(text, (size_t)n, ret);
}

int ctw_procfs_number(const char *root, const char *path, uint32_t *ret) {
    const int fd = ctw_procfs_open(root, path, O_RDONLY);
    if (fd < 0)
        return fd;
    const int r = ctw_procfs_read_number(fd, ret);
    close(fd);
    return r;
}

int ctw_procfs_first_number(const char *root, const char *const *paths, uint32_t *ret,
                            const char **retpath) {
    int r = -ENOENT;

    for (; *paths && r == -ENOENT; paths++) {
        r = ctw_procfs_number(root, *paths, ret);
        if (r == 0 && retpath)
            *retpath = *paths;
    }
    return r;
}

void ctw_procfs_line(const char *root, const char *path, char *ret, size_t size) {
    const int fd = ctw_procfs_open(root, path, O_RDONLY);
    ssize_t n = 0;

    if (fd >= 0) {
        n = ctw_procfs_read(fd, ret, size - 1, 0);
        close(fd);
    }
    ret[n > 0 ? n : 0] = '\0';
    ret[strcspn(ret, "\n")] = '\0';
}

static int write_whole(int fd, const char *bytes, size_t length) {
    while (length > 0) {
        const ssize_t n = write(fd, bytes, length);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : -EIO;
        bytes += n;
        length -= (size_t)n;
    }
    return 0;
}

/* A rename is durable only when its directory is. */
static int sync_directory_of(const char *path) {
    char copy[PATH_MAX];

    (void)snprintf(copy, sizeof(copy), "%s", path);
    const int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    const int r = fsync(fd) < 0 ? -errno : 0;
    close(fd);
    return r;
}

int ctw_replace_file(const char *path, const void *bytes, size_t length, mode_t mode, bool sync) {
    char beside[PATH_MAX];

    if (snprintf(beside, sizeof(beside), "%s.XXXXXX", path) >= (int)sizeof(beside))
        return -ENAMETOOLONG;
    const int fd = mkostemp(beside, O_CLOEXEC);
    if (fd < 0)
        return -errno;
    int r = write_whole(fd, bytes, length);
    if (r == 0 && (fchmod(fd, mode) < 0 || (sync && fsync(fd) < 0)))
        r = -errno;
    if (close(fd) < 0 && r == 0)
        r = -errno;
    if (r == 0 && rename(beside, path) < 0)
        r = -errno;
    if (r < 0)
        (void)unlink(beside);
    return r == 0 && sync ? sync_directory_of(path) : r;
}
