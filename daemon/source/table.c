/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/source/table.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/source/dump.h"
#include "daemon/sys/procfs.h"

/*
 * Upper bound of the statistics file: a line of 17 columns for each of the 8192 CPUs that Linux
 * supports takes 1.3 MB. Only the pages that are written become resident.
 */
#define STATISTICS_MAX (2u << 20)

static const char *const statistics_paths[] = {
    "/proc/net/stat/nf_conntrack",
    "/proc/net/stat/ip_conntrack",
    NULL,
};

/* A file that stays open between polls. */
struct file {
    const char *const *paths; /* the first that exists is read */
    const char *path;         /* the open one, else the one that an error names */
    int fd;                   /* -1: not open */
};

struct ctw_table {
    char root[PATH_MAX];
    struct file count, max, buckets;
    /* Unlike a sysctl descriptor, this one keeps a deleted network namespace alive: harmless for
     * the daemon's own namespace, not for another. */
    struct file statistics;
    char text[STATISTICS_MAX];
};

static void file_close(struct file *f) {
    if (f->fd >= 0)
        close(f->fd);
    f->fd = -1;
}

/* An error names the first path that exists but cannot be opened, else the newest kernels' path. */
static int file_open(struct file *f, const char *root) {
    int error = -ENOENT;

    if (f->fd >= 0)
        return 0;
    f->path = f->paths[0];
    for (const char *const *path = f->paths; *path; path++) {
        const int fd = ctw_procfs_open(root, *path, O_RDONLY);
        if (fd >= 0) {
            f->fd = fd;
            f->path = *path;
            return 0;
        }
        if (fd != -ENOENT && error == -ENOENT) {
            f->path = *path;
            error = fd;
        }
    }
    return error;
}

static int file_read_number(struct file *f, const char *root, uint32_t *ret) {
    const int r = file_open(f, root);
    return r < 0 ? r : ctw_procfs_read_number(f->fd, ret);
}

static ssize_t file_read_all(struct file *f, const char *root, char *buffer, size_t size) {
    const int r = file_open(f, root);
    const ssize_t n = r < 0 ? r : ctw_procfs_read_all(f->fd, buffer, size);

    return n == (ssize_t)size ? -EFBIG : n;
}

static void close_all(struct ctw_table *t) {
    file_close(&t->count);
    file_close(&t->max);
    file_close(&t->buckets);
    file_close(&t->statistics);
}

int ctw_table_new(const char *root, struct ctw_table **ret) {
    const size_t length = strlen(root);
    if (length >= PATH_MAX)
        return -ENAMETOOLONG;
    struct ctw_table *t = calloc(1, sizeof(*t));
    if (!t)
        return -ENOMEM;

    memcpy(t->root, root, length + 1);
    t->count = (struct file){.paths = ctw_count_paths, .fd = -1};
    t->max = (struct file){.paths = ctw_max_paths, .fd = -1};
    t->buckets = (struct file){.paths = ctw_buckets_paths, .fd = -1};
    t->statistics = (struct file){.paths = statistics_paths, .fd = -1};
    *ret = t;
    return 0;
}

struct ctw_table *ctw_table_free(struct ctw_table *t) {
    if (!t)
        return NULL;
    close_all(t);
    free(t);
    return NULL;
}

static bool is_captured(const struct ctw_table *t) {
    return t->root[0] != '\0';
}

static struct ctw_source_health absent(const char *what) {
    return ctw_source_health_of(CTW_HEALTH_ABSENT, 0, what);
}

static struct ctw_source_health failed(int error, const char *what) {
    return ctw_source_health_of(CTW_HEALTH_FAILED, error, what);
}

/* With neither file the module is not loaded, unless /proc/sys is hidden, as in a service with
 * ProcSubset=pid. A captured tree need not be complete. */
static struct ctw_source_health neither(const struct ctw_table *t) {
    if (!is_captured(t) && access("/proc/sys/net", F_OK) < 0)
        return failed(-errno, "/proc/sys/net");
    return absent(t->count.path);
}

static struct ctw_source_health poll(struct ctw_table *t, struct ctw_sample *sample) {
    uint32_t count, max;

    const int count_error = file_read_number(&t->count, t->root, &count);
    const int max_error = file_read_number(&t->max, t->root, &max);
    if (count_error == -ENOENT && max_error == -ENOENT)
        return neither(t);
    if (count_error < 0)
        return failed(count_error, t->count.path);
    if (max_error < 0)
        return failed(max_error, t->max.path);

    sample->count = count;
    sample->max = max;
    return (struct ctw_source_health){.health = CTW_HEALTH_OK};
}

void ctw_table_read(struct ctw_table *t, struct ctw_sample *sample,
                    struct ctw_source_health *state) {
    sample->has_buckets = false;
    sample->has_counters = false;

    /* A file of a captured tree may have been replaced under its name. */
    if (is_captured(t))
        close_all(t);
    *state = poll(t, sample);
    if (state->health == CTW_HEALTH_OK)
        return;

    /* The module was unloaded, and perhaps loaded again. */
    close_all(t);
    *state = poll(t, sample);
    if (state->health != CTW_HEALTH_OK)
        close_all(t);
}

/* Each file is tried twice, the second time opened anew, for the same reason as above. */

static bool read_buckets(struct ctw_table *t, uint32_t *ret) {
    int r = -ENOENT;

    for (int attempt = 0; attempt < 2 && r < 0; attempt++) {
        r = file_read_number(&t->buckets, t->root, ret);
        if (r < 0)
            file_close(&t->buckets);
    }
    return r == 0;
}

static int read_statistics(struct ctw_table *t, struct ctw_counters *ret) {
    int r = -ENOENT;

    for (int attempt = 0; attempt < 2 && r < 0; attempt++) {
        const ssize_t n = file_read_all(&t->statistics, t->root, t->text, STATISTICS_MAX);
        r = n < 0 ? (int)n : ctw_counters_parse(t->text, (size_t)n, ret);
        if (r < 0)
            file_close(&t->statistics);
    }
    return r;
}

static struct ctw_source_health read_counters(struct ctw_table *t, struct ctw_counters *ret) {
    int r = read_statistics(t, ret);

    if (r != -ENOENT)
        return r < 0 ? failed(r, t->statistics.path)
                     : (struct ctw_source_health){.health = CTW_HEALTH_OK};
    r = is_captured(t) ? -ENOENT : ctw_dump_counters(ret);
    if (r == -ENOENT)
        return absent(t->statistics.path);
    return r < 0 ? failed(r, "ctnetlink") : (struct ctw_source_health){.health = CTW_HEALTH_OK};
}

void ctw_table_read_counters(struct ctw_table *t, struct ctw_sample *sample,
                             struct ctw_source_health *state) {
    sample->has_buckets = read_buckets(t, &sample->buckets);
    *state = read_counters(t, &sample->counters);
    sample->has_counters = state->health == CTW_HEALTH_OK;
}
