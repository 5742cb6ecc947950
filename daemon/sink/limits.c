/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/sink/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/sink/saved_limits.h"
#include "daemon/sys/clock.h"
#include "daemon/sys/procfs.h"

/* A denied permission is tested again after this. */
#define RETEST_USEC (60 * CTW_USEC_PER_SEC)

struct ctw_limits {
    const char *root;
    bool initial;
    const char *max_path, *buckets_path; /* last used, at first those of the newest kernels */
    enum ctw_permission permission;
    int permission_error;
    uint64_t tested_usec;
    struct ctw_limits_store *store;
    bool has_saved;
    struct ctw_saved_limits saved;
    int read_error; /* of the saved limits */
};

/*
 * With sysctl_writes_strict a write at another offset than 0 succeeds and changes nothing, so each
 * write opens anew. A leading zero would make the number octal.
 */
static int write_number(const char *root, const char *path, uint32_t value) {
    char text[16];
    const int length = snprintf(text, sizeof(text), "%" PRIu32 "\n", value);
    ssize_t n;

    const int fd = ctw_procfs_open(root, path, O_WRONLY);
    if (fd < 0)
        return fd;
    do
        n = pwrite(fd, text, (size_t)length, 0);
    while (n < 0 && errno == EINTR);
    const int r = n < 0 ? -errno : n != length ? -EIO : 0;
    close(fd);
    return r;
}

static int read_max(struct ctw_limits *l, uint32_t *ret) {
    return ctw_procfs_first_number(l->root, ctw_max_paths, ret, &l->max_path);
}

static int read_buckets(struct ctw_limits *l, uint32_t *ret) {
    return ctw_procfs_first_number(l->root, ctw_buckets_paths, ret, NULL);
}

/* The sysctl is writable since Linux 4.8; before, and where it is read-only, the module's parameter
 * may be. */
static int set_buckets(struct ctw_limits *l, uint32_t buckets) {
    int error = -ENOENT;

    for (const char *const *path = ctw_buckets_paths; *path; path++) {
        const int r = write_number(l->root, *path, buckets);
        if (r == 0) {
            l->buckets_path = *path;
            return 0;
        }
        if (error == -ENOENT)
            error = r;
        if (r != -ENOENT && r != -EACCES && r != -EROFS && r != -EPERM)
            return r; /* the kernel refuses the value */
    }
    return error;
}

static void write_max(struct ctw_limits *l, const struct ctw_growth_decision *d,
                      struct ctw_growth_outcome *ret) {
    uint32_t before;

    (void)ctw_procfs_first_number(l->root, ctw_count_paths, &ret->count, NULL);
    ret->max_error = read_max(l, &before);
    if (ret->max_error < 0)
        return;
    ret->max = before;
    if (before != d->old_max) {
        ret->max_error = -EAGAIN;
        return;
    }
    if (d->new_max <= before)
        return;
    ret->max_error = write_number(l->root, l->max_path, d->new_max);
    if (ret->max_error == 0)
        ret->max_error = read_max(l, &ret->max);
    if (ret->max_error == 0 && ret->max != d->new_max)
        ret->max_error = ret->max == before ? -EPROTO : -EAGAIN;
    ret->max_written = ret->max_error == 0;
}

static void write_buckets(struct ctw_limits *l, const struct ctw_growth_decision *d,
                          struct ctw_growth_outcome *ret) {
    ret->buckets_error = read_buckets(l, &ret->buckets);
    if (ret->buckets_error < 0 || d->new_buckets <= ret->buckets)
        return;
    const uint64_t start = ctw_monotonic_usec();
    ret->buckets_error = set_buckets(l, d->new_buckets);
    ret->stall_usec = ctw_monotonic_usec() - start;
    if (ret->buckets_error == 0)
        ret->buckets_error = read_buckets(l, &ret->buckets);
    /* The kernel rounds up. */
    if (ret->buckets_error == 0 && ret->buckets < d->new_buckets)
        ret->buckets_error = -EPROTO;
    ret->buckets_written = ret->buckets_error == 0;
}

void ctw_limits_write(struct ctw_limits *l, const struct ctw_growth_decision *d,
                      struct ctw_growth_outcome *ret) {
    *ret = (struct ctw_growth_outcome){.max = d->old_max, .buckets = d->old_buckets};
    write_max(l, d, ret);
    if (d->new_buckets != 0 && ret->max_error == 0)
        write_buckets(l, d, ret);
}

void ctw_limits_save(struct ctw_limits *l, const struct ctw_saved_limits *saved) {
    l->has_saved = true;
    l->saved = *saved;
    l->read_error = 0; /* the file is replaced */
    ctw_limits_store_put(l->store, saved);
}

static void test_permission(struct ctw_limits *l, uint64_t now_usec) {
    uint32_t max;

    if (l->permission == CTW_PERMISSION_GRANTED ||
        (l->permission != CTW_PERMISSION_UNKNOWN && now_usec - l->tested_usec < RETEST_USEC))
        return;
    l->tested_usec = now_usec;
    l->permission_error = 0;
    l->permission = CTW_PERMISSION_UNKNOWN;
    if (read_max(l, &max) < 0)
        return; /* the table's source reports it */
    const int r = write_number(l->root, l->max_path, max);
    if (r == 0)
        l->permission = CTW_PERMISSION_GRANTED;
    else if (r == -EACCES && !l->initial)
        l->permission = CTW_PERMISSION_CHILD; /* its mode is 0444 there */
    else {
        l->permission = CTW_PERMISSION_DENIED;
        l->permission_error = r;
    }
}

void ctw_limits_facts(struct ctw_limits *l, const struct ctw_settings *s, uint64_t now_usec,
                      bool present, struct ctw_growth_facts *ret) {
    if (!present || !ctw_growth_writes(s))
        l->permission = CTW_PERMISSION_UNKNOWN;
    if (!present || !ctw_growth_on(s))
        return;
    if (ctw_growth_writes(s))
        test_permission(l, now_usec);

    ret->permission = l->permission;
    ret->permission_error = l->permission_error;
    ret->has_saved = l->has_saved;
    ret->saved = l->saved;
    ret->save_error = l->read_error != 0 ? l->read_error : ctw_limits_store_error(l->store);
    ret->limit_path = l->max_path;
    ret->buckets_path = l->buckets_path;
    ret->save_path = ctw_limits_store_path(l->store);
}

int ctw_limits_new(sd_event *event, const char *root, bool initial, struct ctw_limits **ret) {
    struct ctw_limits *l = calloc(1, sizeof(*l));
    if (!l)
        return -ENOMEM;

    l->root = root;
    l->initial = initial;
    l->max_path = ctw_max_paths[0];
    l->buckets_path = ctw_buckets_paths[0];
    int r = ctw_limits_store_new(event, root, CTW_LIMITS_STORE_DELAY_USEC, &l->store);
    if (r < 0) {
        free(l);
        return r;
    }
    r = ctw_limits_store_read(l->store, &l->saved);
    l->has_saved = r == 0;
    l->read_error = r == -ENOENT ? 0 : r;
    *ret = l;
    return 0;
}

struct ctw_limits *ctw_limits_free(struct ctw_limits *l) {
    if (!l)
        return NULL;
    (void)ctw_limits_store_free(l->store);
    free(l);
    return NULL;
}

static int report(const char *path, int error) {
    (void)fprintf(stderr, "%s: %s\n", path, strerror(-error));
    return error;
}

/* Without the module there is nothing to restore. */
static int restore(struct ctw_limits *l, bool of_buckets, uint32_t value) {
    uint32_t present;

    int r = of_buckets ? read_buckets(l, &present) : read_max(l, &present);
    if (r == -ENOENT || (r == 0 && present == value))
        return 0;
    if (r == 0)
        r = of_buckets ? set_buckets(l, value) : write_number(l->root, l->max_path, value);
    if (r < 0)
        return report(of_buckets ? l->buckets_path : l->max_path, r);
    (void)printf("nf_conntrack_%s: %" PRIu32 " -> %" PRIu32 "\n", of_buckets ? "buckets" : "max",
                 present, value);
    return 0;
}

static int forget(struct ctw_limits *l) {
    const char *path = ctw_limits_store_path(l->store);
    int r = 0;

    if (!l->has_saved && l->read_error == 0) {
        (void)printf("%s: no saved limits\n", path);
        return 0;
    }
    if (l->has_saved)
        r = restore(l, false, l->saved.before_max);
    else
        (void)fprintf(stderr, "%s: no file of saved limits; the limits stay\n", path);
    if (r == 0 && l->has_saved && l->saved.before_buckets != 0)
        r = restore(l, true, l->saved.before_buckets);
    if (r == 0 && unlink(path) < 0)
        r = report(path, -errno);
    return r;
}

int ctw_limits_forget(const char *root) {
    struct ctw_limits *l = NULL;

    int r = ctw_limits_new(NULL, root, true, &l);
    if (r == 0)
        r = forget(l);
    (void)ctw_limits_free(l);
    return r;
}
