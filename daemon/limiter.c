/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "limiter.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../lib/text.h"
#include "clock.h"
#include "table_paths.h"

/* Room for a decimal that fits 32 bits and much nonsense: nothing longer is a number. */
#define NUMBER_MAX 64

/* The sysctl is writable since Linux 4.8; the module's parameter was before, and is for root. */
static const char *const buckets_paths[] = {
    "/proc/sys/net/netfilter/nf_conntrack_buckets",
    "/sys/module/nf_conntrack/parameters/hashsize",
    NULL,
};

static int open_path(const char *root, const char *path, int flags) {
    char full[PATH_MAX + 64];

    if (snprintf(full, sizeof(full), "%s%s", root, path) >= (int)sizeof(full))
        return -ENAMETOOLONG;
    int fd = open(full, flags | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    return fd < 0 ? -errno : fd;
}

static int read_path(const char *root, const char *path, uint32_t *ret) {
    char text[NUMBER_MAX];
    ssize_t n;

    int fd = open_path(root, path, O_RDONLY);
    if (fd < 0)
        return fd;
    do
        n = pread(fd, text, sizeof(text), 0);
    while (n < 0 && errno == EINTR);
    const int r = n < 0 ? -errno : n == sizeof(text) ? -EBADMSG : 0;
    close(fd);
    return r < 0 ? r : ctw_text_sysctl(text, (size_t)n, ret);
}

/* The first of these that there is. */
static int read_first(const char *root, const char *const *paths, uint32_t *ret,
                      const char **retpath) {
    int r = -ENOENT;

    for (const char *const *path = paths; *path && r == -ENOENT; path++) {
        r = read_path(root, *path, ret);
        if (r == 0)
            *retpath = *path;
    }
    return r;
}

static int write_path(const char *root, const char *path, uint32_t value, int flags) {
    char text[NUMBER_MAX];
    const int length = snprintf(text, sizeof(text), "%" PRIu32 "\n", value);
    ssize_t n;

    int fd = open_path(root, path, O_WRONLY | flags);
    if (fd < 0)
        return fd;
    do
        n = pwrite(fd, text, (size_t)length, 0);
    while (n < 0 && errno == EINTR);
    const int r = n < 0 ? -errno : n != length ? -EIO : 0;
    close(fd);
    return r;
}

void ctw_limiter_init(struct ctw_limiter *l, const char *root) {
    *l = (struct ctw_limiter){root, ctw_max_paths[0], buckets_paths[0]};
}

enum ctw_permission ctw_limiter_test(struct ctw_limiter *l, bool initial, int *reterror) {
    uint32_t max;

    *reterror = 0;
    int r = read_first(l->root, ctw_max_paths, &max, &l->max_path);
    if (r < 0)
        return CTW_PERMISSION_UNKNOWN; /* the look at the table says so */
    r = write_path(l->root, l->max_path, max, 0);
    if (r == 0)
        return CTW_PERMISSION_GRANTED;
    if (r == -EACCES && !initial)
        return CTW_PERMISSION_CHILD; /* 0444 there, for anybody */
    *reterror = r;
    return CTW_PERMISSION_DENIED;
}

static void write_max(struct ctw_limiter *l, const struct ctw_growth_decision *d,
                      struct ctw_growth_outcome *ret) {
    const char *count_path;
    uint32_t before;

    (void)read_first(l->root, ctw_count_paths, &ret->count, &count_path);
    ret->max_error = read_first(l->root, ctw_max_paths, &before, &l->max_path);
    if (ret->max_error < 0)
        return;
    ret->max = before;
    if (before != d->old_max) {
        ret->max_error = -EAGAIN;
        return;
    }
    if (d->new_max <= before)
        return; /* never lower, whatever anybody decides */
    ret->max_error = write_path(l->root, l->max_path, d->new_max, 0);
    if (ret->max_error == 0)
        ret->max_error = read_path(l->root, l->max_path, &ret->max);
    if (ret->max_error == 0 && ret->max != d->new_max)
        ret->max_error = ret->max == before ? -EPROTO : -EAGAIN;
    ret->max_written = ret->max_error == 0;
}

/* Through the sysctl, or where that is read-only or not there, the module's parameter. */
static int set_buckets(struct ctw_limiter *l, uint32_t buckets, int flags) {
    int error = -ENOENT;

    for (const char *const *path = buckets_paths; *path; path++) {
        int r = write_path(l->root, *path, buckets, flags);
        if (r == 0) {
            l->buckets_path = *path;
            return 0;
        }
        if (error == -ENOENT)
            error = r;
        if (r != -ENOENT && r != -EACCES && r != -EROFS && r != -EPERM)
            return r; /* no way, wherever it is written */
    }
    return error;
}

static void write_buckets(struct ctw_limiter *l, const struct ctw_growth_decision *d,
                          struct ctw_growth_outcome *ret) {
    const char *path;

    ret->buckets_error = read_first(l->root, buckets_paths, &ret->buckets, &path);
    if (ret->buckets_error < 0 || d->new_buckets <= ret->buckets)
        return; /* somebody was faster */
    const uint64_t start = ctw_monotonic_usec();
    ret->buckets_error = set_buckets(l, d->new_buckets, 0);
    ret->stall_usec = ctw_monotonic_usec() - start;
    if (ret->buckets_error < 0)
        return;
    ret->buckets_error = read_first(l->root, buckets_paths, &ret->buckets, &path);
    /* The kernel rounds up. */
    if (ret->buckets_error == 0 && ret->buckets < d->new_buckets)
        ret->buckets_error = -EPROTO;
    ret->buckets_written = ret->buckets_error == 0;
}

void ctw_limiter_write(struct ctw_limiter *l, const struct ctw_growth_decision *d,
                       struct ctw_growth_outcome *ret) {
    *ret = (struct ctw_growth_outcome){.max = d->old_max, .buckets = d->old_buckets};
    write_max(l, d, ret);
    if (d->new_buckets != 0 && ret->max_error == 0)
        write_buckets(l, d, ret);
}

int ctw_limiter_restore(struct ctw_limiter *l, uint32_t max, uint32_t buckets, uint32_t *retmax,
                        uint32_t *retbuckets) {
    uint32_t after = max;

    /* O_TRUNC: nothing to the kernel, but a file that stands for it may become shorter. */
    int r = read_first(l->root, ctw_max_paths, retmax, &l->max_path);
    if (r == 0 && max != 0 && max != *retmax)
        r = write_path(l->root, l->max_path, max, O_TRUNC);
    if (r == 0 && max != 0)
        r = read_path(l->root, l->max_path, &after);
    if (r == 0 && max != 0 && after != max)
        r = -EPROTO;
    if (r < 0)
        return r;

    r = read_first(l->root, buckets_paths, retbuckets, &l->buckets_path);
    if (buckets == 0 || (r == 0 && *retbuckets == buckets))
        return 0;
    return r < 0 ? r : set_buckets(l, buckets, O_TRUNC);
}
