/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/sink/saved_limits.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/sys/clock.h"
#include "daemon/sys/procfs.h"
#include "lib/util/units.h"

#define DIRECTORY "/var/lib/ctwatch"

/* At shutdown. */
#define WAIT_USEC (5 * CTW_USEC_PER_SEC)

struct ctw_limits_store {
    const char *root;
    sd_event *event;
    uint64_t delay_usec;
    sd_event_source *delay; /* NULL: nothing waits to be written */
    sd_event_source *child; /* NULL: no child is writing */
    pid_t pid;              /* of the child, 0: none */
    bool again;             /* put while the child was writing */
    struct ctw_saved_limits limits;
    int error;
    char path[PATH_MAX];
};

static int write_file(struct ctw_limits_store *k) {
    char text[CTW_SAVED_LIMITS_TEXT_MAX], directory[PATH_MAX];
    const size_t length = ctw_saved_limits_print(&k->limits, text);

    (void)snprintf(directory, sizeof(directory), "%s", k->path);
    if (mkdir(dirname(directory), 0700) < 0 && errno != EEXIST)
        return -errno;
    return ctw_replace_file(k->path, text, length, 0600, true);
}

int ctw_limits_store_read(const struct ctw_limits_store *k, struct ctw_saved_limits *ret) {
    char text[CTW_SAVED_LIMITS_TEXT_MAX];

    const int fd = ctw_procfs_open(k->root, k->path + strlen(k->root), O_RDONLY);
    if (fd < 0)
        return fd;
    const ssize_t n = ctw_procfs_read(fd, text, sizeof(text), 0);
    close(fd);
    return n < 0 ? (int)n : ctw_saved_limits_parse(text, (size_t)n, ret);
}

/* A child that hangs in fsync() must not hold the writer lock of /run/ctwatch, and must end by
 * SIGTERM. */
static void __attribute__((noreturn)) child(struct ctw_limits_store *k) {
    sigset_t none;

    closefrom(0);
    sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    _exit(-write_file(k)); /* an errno fits a status */
}

static void finish(struct ctw_limits_store *k, int error) {
    k->child = sd_event_source_disable_unref(k->child);
    k->pid = 0;
    k->error = error;
}

static int on_written(sd_event_source *source, const siginfo_t *info, void *userdata) {
    struct ctw_limits_store *k = userdata;

    finish(k, info->si_code == CLD_EXITED ? -info->si_status : -EINTR);
    if (k->again) {
        k->again = false;
        ctw_limits_store_put(k, &k->limits);
    }
    return 0;
}

static int begin(struct ctw_limits_store *k) {
    const pid_t pid = fork();

    if (pid < 0)
        return -errno;
    if (pid == 0)
        child(k);
    k->pid = pid;
    return sd_event_add_child(k->event, &k->child, pid, WEXITED, on_written, k);
}

static int on_delay(sd_event_source *source, uint64_t usec, void *userdata) {
    struct ctw_limits_store *k = userdata;

    k->delay = sd_event_source_disable_unref(k->delay);
    const int r = begin(k);
    if (r < 0)
        k->error = r;
    return 0;
}

void ctw_limits_store_put(struct ctw_limits_store *k, const struct ctw_saved_limits *l) {
    k->limits = *l;
    if (k->pid != 0)
        k->again = true;
    if (k->pid != 0 || k->delay)
        return;
    const int r = sd_event_add_time_relative(k->event, &k->delay, CLOCK_MONOTONIC, k->delay_usec, 0,
                                             on_delay, k);
    if (r < 0)
        k->error = r;
}

/* Until the child has ended, or WAIT_USEC have passed. SIGCHLD is blocked. */
static bool await_child(struct ctw_limits_store *k) {
    const uint64_t end_usec = ctw_monotonic_usec() + WAIT_USEC;
    sigset_t child_ended;

    sigemptyset(&child_ended);
    sigaddset(&child_ended, SIGCHLD);
    while (waitpid(k->pid, NULL, WNOHANG) == 0) {
        if (ctw_monotonic_usec() >= end_usec)
            return false;
        (void)sigtimedwait(&child_ended, NULL, &(struct timespec){.tv_sec = 1});
    }
    finish(k, 0);
    return true;
}

int ctw_limits_store_new(sd_event *event, const char *root, uint64_t delay_usec,
                         struct ctw_limits_store **ret) {
    const char *directory = getenv("STATE_DIRECTORY");
    int n;

    struct ctw_limits_store *k = calloc(1, sizeof(*k));
    if (!k)
        return -ENOMEM;
    k->root = root;
    if (root[0] == '\0' && directory && *directory && !strchr(directory, ':'))
        n = snprintf(k->path, sizeof(k->path), "%s/limits", directory);
    else
        n = snprintf(k->path, sizeof(k->path), "%s" DIRECTORY "/limits", root);
    if (n >= (int)sizeof(k->path)) {
        free(k);
        return -ENAMETOOLONG;
    }
    k->delay_usec = delay_usec;
    k->event = sd_event_ref(event);
    *ret = k;
    return 0;
}

struct ctw_limits_store *ctw_limits_store_free(struct ctw_limits_store *k) {
    if (!k)
        return NULL;
    bool waits = k->delay || k->again;
    k->delay = sd_event_source_disable_unref(k->delay);
    k->child = sd_event_source_disable_unref(k->child);
    if (k->pid != 0 && !await_child(k))
        waits = false; /* nor would a second child get anywhere */
    if (waits && begin(k) >= 0)
        (void)await_child(k);
    k->child = sd_event_source_disable_unref(k->child);
    (void)sd_event_unref(k->event);
    free(k);
    return NULL;
}

int ctw_limits_store_error(const struct ctw_limits_store *k) {
    return k->error;
}

const char *ctw_limits_store_path(const struct ctw_limits_store *k) {
    return k->path;
}
