/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/sink/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/sys/clock.h"
#include "daemon/sys/procfs.h"

/* Of the file of saved limits, below the root; but see $STATE_DIRECTORY in find_file(). */
#define DIRECTORY "/var/lib/ctwatch"

/* From a growth to its saving: a burst grows the table several times within a second. */
#define SAVE_DELAY_USEC (2 * CTW_USEC_PER_SEC)

/* The longest that a shutdown waits for the child. */
#define WAIT_USEC (5 * CTW_USEC_PER_SEC)

/* A denied permission is tested again after this. */
#define RETEST_USEC (60 * CTW_USEC_PER_SEC)

struct ctw_limits {
    const char *root;
    bool initial;
    const char *max_path, *buckets_path; /* last used, at first those of the newest kernels */
    enum ctw_permission permission;
    int permission_error;
    uint64_t tested_usec;
    bool has_saved;
    struct ctw_saved_limits saved;
    int read_error, save_error; /* of their file */
    char path[PATH_MAX];        /* of that */
    sd_event *event;
    sd_event_source *delay; /* NULL: nothing waits to be written */
    sd_event_source *child; /* NULL: no child is writing */
    pid_t pid;              /* of the child, 0: none */
    bool again;             /* saved while the child was writing */
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

static int write_file(struct ctw_limits *l) {
    char text[CTW_SAVED_LIMITS_TEXT_MAX], directory[PATH_MAX];
    const size_t length = ctw_saved_limits_print(&l->saved, text);

    (void)snprintf(directory, sizeof(directory), "%s", l->path);
    if (mkdir(dirname(directory), 0700) < 0 && errno != EEXIST)
        return -errno;
    return ctw_replace_file(l->path, text, length, 0600, true);
}

/* A child that hangs in fsync() must not hold the writer lock of /run/ctwatch, and must end by
 * SIGTERM. */
static void __attribute__((noreturn)) child(struct ctw_limits *l) {
    sigset_t none;

    closefrom(0);
    sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    _exit(-write_file(l)); /* an errno fits a status */
}

static void finish(struct ctw_limits *l, int error) {
    l->child = sd_event_source_disable_unref(l->child);
    l->pid = 0;
    l->save_error = error;
}

static void save_later(struct ctw_limits *l);

static int on_written(sd_event_source *source, const siginfo_t *info, void *userdata) {
    struct ctw_limits *l = userdata;

    finish(l, info->si_code == CLD_EXITED ? -info->si_status : -EINTR);
    if (l->again) {
        l->again = false;
        save_later(l);
    }
    return 0;
}

static int begin(struct ctw_limits *l) {
    const pid_t pid = fork();

    if (pid < 0)
        return -errno;
    if (pid == 0)
        child(l);
    l->pid = pid;
    return sd_event_add_child(l->event, &l->child, pid, WEXITED, on_written, l);
}

static int on_delay(sd_event_source *source, uint64_t usec, void *userdata) {
    struct ctw_limits *l = userdata;

    l->delay = sd_event_source_disable_unref(l->delay);
    const int r = begin(l);
    if (r < 0)
        l->save_error = r;
    return 0;
}

/* A disk may take seconds to sync: a child writes the file, a little later, and neither growth nor
 * shutdown waits for the disk. */
static void save_later(struct ctw_limits *l) {
    if (l->pid != 0)
        l->again = true;
    if (l->pid != 0 || l->delay)
        return;
    const int r = sd_event_add_time_relative(l->event, &l->delay, CLOCK_MONOTONIC, SAVE_DELAY_USEC,
                                             0, on_delay, l);
    if (r < 0)
        l->save_error = r;
}

/* Until the child has ended, or WAIT_USEC have passed. SIGCHLD is blocked. */
static bool await_child(struct ctw_limits *l) {
    const uint64_t end_usec = ctw_monotonic_usec() + WAIT_USEC;
    sigset_t child_ended;

    sigemptyset(&child_ended);
    sigaddset(&child_ended, SIGCHLD);
    while (waitpid(l->pid, NULL, WNOHANG) == 0) {
        if (ctw_monotonic_usec() >= end_usec)
            return false;
        (void)sigtimedwait(&child_ended, NULL, &(struct timespec){.tv_sec = 1});
    }
    finish(l, 0);
    return true;
}

void ctw_limits_save(struct ctw_limits *l, const struct ctw_saved_limits *saved) {
    l->has_saved = true;
    l->saved = *saved;
    l->read_error = 0; /* the file is replaced */
    save_later(l);
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
    ret->save_error = l->read_error != 0 ? l->read_error : l->save_error;
    ret->limit_path = l->max_path;
    ret->buckets_path = l->buckets_path;
    ret->save_path = l->path;
}

static int read_file(const struct ctw_limits *l, struct ctw_saved_limits *ret) {
    char text[CTW_SAVED_LIMITS_TEXT_MAX];

    const int fd = ctw_procfs_open(l->root, l->path + strlen(l->root), O_RDONLY);
    if (fd < 0)
        return fd;
    const ssize_t n = ctw_procfs_read(fd, text, sizeof(text), 0);
    close(fd);
    return n < 0 ? (int)n : ctw_saved_limits_parse(text, (size_t)n, ret);
}

static int find_file(struct ctw_limits *l) {
    const char *directory = getenv("STATE_DIRECTORY");
    const bool given = l->root[0] == '\0' && directory && *directory && !strchr(directory, ':');
    const int n = snprintf(l->path, sizeof(l->path), "%s%s/limits", given ? directory : l->root,
                           given ? "" : DIRECTORY);

    return n < (int)sizeof(l->path) ? 0 : -ENAMETOOLONG;
}

int ctw_limits_new(sd_event *event, const char *root, bool initial, struct ctw_limits **ret) {
    struct ctw_limits *l = calloc(1, sizeof(*l));
    if (!l)
        return -ENOMEM;

    l->root = root;
    l->initial = initial;
    l->max_path = ctw_max_paths[0];
    l->buckets_path = ctw_buckets_paths[0];
    l->event = event;
    int r = find_file(l);
    if (r < 0) {
        free(l);
        return r;
    }
    r = read_file(l, &l->saved);
    l->has_saved = r == 0;
    l->read_error = r == -ENOENT ? 0 : r;
    *ret = l;
    return 0;
}

struct ctw_limits *ctw_limits_free(struct ctw_limits *l) {
    if (!l)
        return NULL;
    bool waits = l->delay || l->again;
    l->delay = sd_event_source_disable_unref(l->delay);
    l->child = sd_event_source_disable_unref(l->child);
    if (l->pid != 0 && !await_child(l))
        waits = false; /* nor would a second child get anywhere */
    if (waits && begin(l) >= 0)
        (void)await_child(l);
    l->child = sd_event_source_disable_unref(l->child);
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
    int r = 0;

    if (!l->has_saved && l->read_error == 0) {
        (void)printf("%s: no saved limits\n", l->path);
        return 0;
    }
    if (l->has_saved)
        r = restore(l, false, l->saved.before_max);
    else
        (void)fprintf(stderr, "%s: no file of saved limits; the limits stay\n", l->path);
    if (r == 0 && l->has_saved && l->saved.before_buckets != 0)
        r = restore(l, true, l->saved.before_buckets);
    if (r == 0 && unlink(l->path) < 0)
        r = report(l->path, -errno);
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
