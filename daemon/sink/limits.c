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

static int write_path(const char *root, const char *path, uint32_t value, int flags) {
    char text[16];
    const int length = snprintf(text, sizeof(text), "%" PRIu32 "\n", value);
    ssize_t n;

    int fd = ctw_procfs_open(root, path, O_WRONLY | flags);
    if (fd < 0)
        return fd;
    do
        n = pwrite(fd, text, (size_t)length, 0);
    while (n < 0 && errno == EINTR);
    const int r = n < 0 ? -errno : n != length ? -EIO : 0;
    close(fd);
    return r;
}

void ctw_limit_files_init(struct ctw_limit_files *l, const char *root) {
    *l = (struct ctw_limit_files){root, ctw_max_paths[0], ctw_buckets_paths[0]};
}

enum ctw_permission ctw_limit_files_test(struct ctw_limit_files *l, bool initial, int *reterror) {
    uint32_t max;

    *reterror = 0;
    int r = ctw_procfs_first_number(l->root, ctw_max_paths, &max, &l->max_path);
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

static void write_max(struct ctw_limit_files *l, const struct ctw_growth_decision *d,
                      struct ctw_growth_outcome *ret) {
    const char *count_path;
    uint32_t before;

    (void)ctw_procfs_first_number(l->root, ctw_count_paths, &ret->count, &count_path);
    ret->max_error = ctw_procfs_first_number(l->root, ctw_max_paths, &before, &l->max_path);
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
        ret->max_error = ctw_procfs_number(l->root, l->max_path, &ret->max);
    if (ret->max_error == 0 && ret->max != d->new_max)
        ret->max_error = ret->max == before ? -EPROTO : -EAGAIN;
    ret->max_written = ret->max_error == 0;
}

/* Through the sysctl, or where that is read-only or not there, the module's parameter. */
static int set_buckets(struct ctw_limit_files *l, uint32_t buckets, int flags) {
    int error = -ENOENT;

    for (const char *const *path = ctw_buckets_paths; *path; path++) {
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

static void write_buckets(struct ctw_limit_files *l, const struct ctw_growth_decision *d,
                          struct ctw_growth_outcome *ret) {
    const char *path;

    ret->buckets_error = ctw_procfs_first_number(l->root, ctw_buckets_paths, &ret->buckets, &path);
    if (ret->buckets_error < 0 || d->new_buckets <= ret->buckets)
        return; /* somebody was faster */
    const uint64_t start = ctw_monotonic_usec();
    ret->buckets_error = set_buckets(l, d->new_buckets, 0);
    ret->stall_usec = ctw_monotonic_usec() - start;
    if (ret->buckets_error < 0)
        return;
    ret->buckets_error = ctw_procfs_first_number(l->root, ctw_buckets_paths, &ret->buckets, &path);
    /* The kernel rounds up. */
    if (ret->buckets_error == 0 && ret->buckets < d->new_buckets)
        ret->buckets_error = -EPROTO;
    ret->buckets_written = ret->buckets_error == 0;
}

void ctw_limit_files_write(struct ctw_limit_files *l, const struct ctw_growth_decision *d,
                           struct ctw_growth_outcome *ret) {
    *ret = (struct ctw_growth_outcome){.max = d->old_max, .buckets = d->old_buckets};
    write_max(l, d, ret);
    if (d->new_buckets != 0 && ret->max_error == 0)
        write_buckets(l, d, ret);
}

int ctw_limit_files_restore(struct ctw_limit_files *l, uint32_t max, uint32_t buckets,
                            uint32_t *retmax, uint32_t *retbuckets) {
    uint32_t after = max;

    /* O_TRUNC: nothing to the kernel, but a file that stands for it may become shorter. */
    int r = ctw_procfs_first_number(l->root, ctw_max_paths, retmax, &l->max_path);
    if (r == 0 && max != 0 && max != *retmax)
        r = write_path(l->root, l->max_path, max, O_TRUNC);
    if (r == 0 && max != 0)
        r = ctw_procfs_number(l->root, l->max_path, &after);
    if (r == 0 && max != 0 && after != max)
        r = -EPROTO;
    if (r < 0)
        return r;

    r = ctw_procfs_first_number(l->root, ctw_buckets_paths, retbuckets, &l->buckets_path);
    if (buckets == 0 || (r == 0 && *retbuckets == buckets))
        return 0;
    return r < 0 ? r : set_buckets(l, buckets, O_TRUNC);
}

/* A permission that was refused is asked for again after this. */
#define RETEST_USEC (60 * CTW_USEC_PER_SEC)

struct ctw_limits {
    bool initial;
    struct ctw_limit_files limits;
    struct ctw_limits_store *store;
    enum ctw_permission permission;
    int permission_error;
    uint64_t tested_usec;
    bool has_saved;
    struct ctw_saved_limits saved;
    int read_error; /* of what was kept */
};

int ctw_limits_new(sd_event *event, const char *root, bool initial, struct ctw_limits **ret) {
    struct ctw_limits *g = calloc(1, sizeof(*g));
    if (!g)
        return -ENOMEM;

    g->initial = initial;
    ctw_limit_files_init(&g->limits, root);
    int r = ctw_limits_store_new(event, root, CTW_LIMITS_STORE_DELAY_USEC, &g->store);
    if (r < 0) {
        (void)ctw_limits_free(g);
        return r;
    }
    r = ctw_limits_store_read(g->store, &g->saved);
    g->has_saved = r == 0;
    g->read_error = r == -ENOENT ? 0 : r;
    *ret = g;
    return 0;
}

struct ctw_limits *ctw_limits_free(struct ctw_limits *g) {
    if (!g)
        return NULL;
    (void)ctw_limits_store_free(g->store);
    free(g);
    return NULL;
}

static void test(struct ctw_limits *g, uint64_t now_usec) {
    if (g->permission == CTW_PERMISSION_GRANTED)
        return;
    if (g->permission != CTW_PERMISSION_UNKNOWN && now_usec - g->tested_usec < RETEST_USEC)
        return;
    g->permission = ctw_limit_files_test(&g->limits, g->initial, &g->permission_error);
    g->tested_usec = now_usec;
}

void ctw_limits_facts(struct ctw_limits *g, const struct ctw_settings *s, uint64_t now_usec,
                      bool present, struct ctw_growth_facts *ret) {
    if (!present || !ctw_growth_writes(s))
        g->permission = CTW_PERMISSION_UNKNOWN;
    if (!present || !ctw_growth_on(s))
        return;
    if (ctw_growth_writes(s))
        test(g, now_usec);

    ret->permission = g->permission;
    ret->permission_error = g->permission_error;
    ret->has_saved = g->has_saved;
    ret->saved = g->saved;
    ret->save_error = g->read_error != 0 ? g->read_error : ctw_limits_store_error(g->store);
    ret->limit_path = g->limits.max_path;
    ret->buckets_path = g->limits.buckets_path;
    ret->save_path = ctw_limits_store_path(g->store);
}

void ctw_limits_write(struct ctw_limits *g, const struct ctw_growth_decision *d,
                      struct ctw_growth_outcome *ret) {
    ctw_limit_files_write(&g->limits, d, ret);
}

void ctw_limits_save(struct ctw_limits *g, const struct ctw_saved_limits *l) {
    g->has_saved = true;
    g->saved = *l;
    g->read_error = 0; /* replaced */
    ctw_limits_store_put(g->store, l);
}

/* --- ctwatchd --forget-limits ----------------------------------------------------------------- */

static void tell(const char *what, uint32_t from, uint32_t to) {
    if (to != 0 && from != to)
        (void)printf("%s: %" PRIu32 " -> %" PRIu32 "\n", what, from, to);
}

static int forget(const struct ctw_limits_store *k, const char *root) {
    struct ctw_limit_files l;
    struct ctw_saved_limits saved;
    uint32_t max = 0, buckets = 0;

    ctw_limit_files_init(&l, root);
    int r = ctw_limits_store_read(k, &saved);
    if (r == -ENOENT) {
        (void)printf("%s: nothing was kept\n", ctw_limits_store_path(k));
        return 0;
    }
    if (r == 0) {
        r = ctw_limit_files_restore(&l, saved.before_max, saved.before_buckets, &max, &buckets);
        if (r == 0) {
            tell("nf_conntrack_max", max, saved.before_max);
            tell("nf_conntrack_buckets", buckets, saved.before_buckets);
        } else if (r != -ENOENT) { /* without the module there is nothing to put back */
            (void)fprintf(stderr, "%s: %s\n", l.max_path, strerror(-r));
            return r;
        }
    } else {
        (void)fprintf(stderr, "%s: not understood, the limits stay as they are\n",
                      ctw_limits_store_path(k));
    }
    r = ctw_limits_store_drop(k);
    if (r < 0)
        (void)fprintf(stderr, "%s: %s\n", ctw_limits_store_path(k), strerror(-r));
    return r;
}

int ctw_limits_forget(const char *root) {
    struct ctw_limits_store *k = NULL;

    int r = ctw_limits_store_new(NULL, root, CTW_LIMITS_STORE_DELAY_USEC, &k);
    if (r == 0)
        r = forget(k, root);
    (void)ctw_limits_store_free(k);
    return r;
}
