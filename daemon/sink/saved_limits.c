/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/sink/saved_limits.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define DIRECTORY "/var/lib/ctwatch"

struct ctw_limits_store {
    sd_event *event;
    uint64_t delay_usec;
    sd_event_source *delay; /* NULL: nothing waits */
    sd_event_source *child; /* NULL: nothing is being written */
    pid_t pid;
    bool again; /* put while the child was writing */
    struct ctw_saved_limits limits;
    int error;
    char directory[PATH_MAX];
    char path[PATH_MAX + 16]; /* of the file, in that directory */
    char temporary[PATH_MAX + 16];
};

/* --- the file --------------------------------------------------------------------------------- */

static int sync_directory(const char *directory) {
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    const int r = fsync(fd) < 0 ? -errno : 0;
    close(fd);
    return r;
}

static int write_whole(int fd, const char *text, size_t length) {
    while (length > 0) {
        ssize_t n = write(fd, text, length);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : -EIO;
        text += n;
        length -= (size_t)n;
    }
    return fsync(fd) < 0 ? -errno : 0;
}

/* Written beside it, then renamed: whenever this is cut short, the old one or the new is whole. */
static int replace(const struct ctw_limits_store *k) {
    char text[CTW_SAVED_LIMITS_TEXT_MAX];
    const size_t length = ctw_saved_limits_print(&k->limits, text);

    if (mkdir(k->directory, 0700) < 0 && errno != EEXIST)
        return -errno;
    int fd = open(k->temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return -errno;
    int r = write_whole(fd, text, length);
    close(fd);
    if (r == 0 && rename(k->temporary, k->path) < 0)
        r = -errno;
    if (r == 0)
        return sync_directory(k->directory);
    (void)unlink(k->temporary);
    return r;
}

int ctw_limits_store_read(const struct ctw_limits_store *k, struct ctw_saved_limits *ret) {
    char text[CTW_SAVED_LIMITS_TEXT_MAX];

    int fd = open(k->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return -errno;
    const ssize_t n = read(fd, text, sizeof(text));
    const int r = n < 0 ? -errno : 0;
    close(fd);
    return r < 0 ? r : ctw_saved_limits_parse(text, (size_t)n, ret);
}

int ctw_limits_store_drop(const struct ctw_limits_store *k) {
    (void)unlink(k->temporary);
    if (unlink(k->path) < 0)
        return errno == ENOENT ? 0 : -errno;
    return sync_directory(k->directory);
}

/* --- the child -------------------------------------------------------------------------------- */

static void finish(struct ctw_limits_store *k, int error) {
    k->child = sd_event_source_disable_unref(k->child);
    k->pid = 0;
    k->error = error;
}

static int on_written(sd_event_source *source, const siginfo_t *info, void *userdata) {
    struct ctw_limits_store *k = userdata;
    (void)source;

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
        _exit(-replace(k)); /* an errno fits a status */
    k->pid = pid;
    int r = sd_event_add_child(k->event, &k->child, pid, WEXITED, on_written, k);
    return r < 0 ? r : 0;
}

static int on_delay(sd_event_source *source, uint64_t usec, void *userdata) {
    struct ctw_limits_store *k = userdata;
    (void)source;
    (void)usec;

    k->delay = sd_event_source_disable_unref(k->delay);
    int r = begin(k);
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
    int r = sd_event_add_time_relative(k->event, &k->delay, CLOCK_MONOTONIC, k->delay_usec, 0,
                                       on_delay, k);
    if (r < 0)
        k->error = r;
}

/* --- interface -------------------------------------------------------------------------------- */

int ctw_limits_store_new(sd_event *event, const char *root, uint64_t delay_usec,
                         struct ctw_limits_store **ret) {
    const char *directory = getenv("STATE_DIRECTORY");
    sigset_t child_ended;
    int n;

    struct ctw_limits_store *k = calloc(1, sizeof(*k));
    if (!k)
        return -ENOMEM;
    if (directory && *directory && !strchr(directory, ':'))
        n = snprintf(k->directory, sizeof(k->directory), "%s", directory);
    else
        n = snprintf(k->directory, sizeof(k->directory), "%s" DIRECTORY, root);
    if (n >= (int)sizeof(k->directory)) {
        free(k);
        return -ENAMETOOLONG;
    }
    k->delay_usec = delay_usec;
    (void)snprintf(k->path, sizeof(k->path), "%s/limits", k->directory);
    (void)snprintf(k->temporary, sizeof(k->temporary), "%s/limits.new", k->directory);
    sigemptyset(&child_ended);
    sigaddset(&child_ended, SIGCHLD);
    (void)sigprocmask(SIG_BLOCK, &child_ended, NULL);
    k->event = sd_event_ref(event);
    *ret = k;
    return 0;
}

struct ctw_limits_store *ctw_limits_store_free(struct ctw_limits_store *k) {
    if (!k)
        return NULL;
    if (k->pid != 0) {
        while (waitpid(k->pid, NULL, 0) < 0 && errno == EINTR)
            ;
        finish(k, 0);
    }
    if (k->delay || k->again)
        (void)replace(k);
    (void)sd_event_source_disable_unref(k->delay);
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
