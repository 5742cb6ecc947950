/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/state/reader.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "daemon/sys/clock.h"

/* A publication takes less than a microsecond: one that is under way for this long was left by a
 * daemon that died in the middle of it. */
#define PATIENCE_USEC (100 * CTW_USEC_PER_MSEC)
#define PAUSE_NSEC    50000

/* Reads one part of the file; -EAGAIN: it is being written. */
typedef int (*read_part_fn)(int fd, void *ret);

static void free_memory(void *p) {
    free(*(void **)p);
}

static int read_at(int fd, size_t offset, void *ret, size_t size) {
    for (size_t done = 0; done < size;) {
        const ssize_t n = pread(fd, (char *)ret + done, size - done, (off_t)(offset + done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        if (n == 0)
            return -EBADMSG; /* truncated */
        done += (size_t)n;
    }
    return 0;
}

/* Return: the descriptor of an ordinary file, or a negative errno. */
static int open_file(const char *path) {
    struct stat st;

    /* A FIFO, a terminal or a link in its place neither blocks nor leads elsewhere. */
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return -errno;
    const int r = fstat(fd, &st) < 0 ? -errno : S_ISREG(st.st_mode) ? 0 : -EBADMSG;
    if (r == 0)
        return fd;
    close(fd);
    return r;
}

static int check_head(int fd) {
    struct ctw_state_head head;
    const int r = read_at(fd, 0, &head, sizeof(head));

    return r < 0 ? r : ctw_state_head_check(&head);
}

static int read_published(int fd, void *ret) {
    int r = check_head(fd);

    if (r == 0)
        r = read_at(fd, offsetof(struct ctw_state, published), ret, sizeof(struct ctw_published));
    return r < 0 ? r : ctw_published_is_whole(ret) ? 0 : -EAGAIN;
}

static int read_sequence(int fd, uint64_t *ret) {
    atomic_thread_fence(memory_order_seq_cst); /* see struct ctw_state */
    const int r = read_at(fd, offsetof(struct ctw_state, history_sequence), ret, sizeof(*ret));
    atomic_thread_fence(memory_order_seq_cst);
    return r;
}

static int read_history(int fd, void *ret) {
    uint64_t before, after;

    int r = check_head(fd);
    if (r == 0)
        r = read_sequence(fd, &before);
    if (r == 0 && before % 2 != 0)
        r = -EAGAIN;
    if (r == 0)
        r = read_at(fd, offsetof(struct ctw_state, history), ret, sizeof(struct ctw_history));
    if (r == 0)
        r = read_sequence(fd, &after);
    return r < 0 ? r : before == after ? 0 : -EAGAIN;
}

/* @ret: a pointer, to be freed; NULL on failure */
static int read_namespaces(int fd, void *ret) {
    struct ctw_namespaces head, **p = ret;

    int r = read_at(fd, 0, &head, sizeof(head));
    if (r == 0)
        r = ctw_namespaces_head_check(&head);
    if (r < 0)
        return r;
    const size_t bytes = ctw_namespaces_bytes(head.of.n);
    *p = malloc(bytes);
    if (!*p)
        return -ENOMEM;
    r = read_at(fd, 0, *p, bytes);
    if (r == 0) /* of.n again: the file may be of a later publication now */
        r = (*p)->of.n == head.of.n && ctw_namespaces_is_whole(*p) ? 0 : -EAGAIN;
    if (r == 0)
        r = ctw_namespaces_check(*p);
    if (r == 0)
        return 0;
    free(*p);
    *p = NULL;
    return r;
}

static int read_patiently(const char *directory, const char *name, read_part_fn read_part,
                          void *ret) {
    const uint64_t until_usec = ctw_monotonic_usec() + PATIENCE_USEC;
    const struct timespec pause = {.tv_nsec = PAUSE_NSEC};
    char path[PATH_MAX];

    if (snprintf(path, sizeof(path), "%s/%s", directory, name) >= (int)sizeof(path))
        return -ENAMETOOLONG;
    for (;;) {
        /* Opened anew each time: a daemon that starts puts a new file in its place. */
        const int fd = open_file(path);
        const int r = fd < 0 ? fd : read_part(fd, ret);
        if (fd >= 0)
            close(fd);
        if (r != -EAGAIN || ctw_monotonic_usec() >= until_usec)
            return r;
        (void)nanosleep(&pause, NULL);
    }
}

int ctw_state_read(const char *directory, struct ctw_snapshot *ret) {
    __attribute__((cleanup(free_memory))) struct ctw_published *p = malloc(sizeof(*p));

    if (!p)
        return -ENOMEM;
    int r = read_patiently(directory, "state", read_published, p);
    if (r == 0)
        r = ctw_snapshot_check(&p->now);
    if (r == 0)
        memcpy(ret, &p->now, sizeof(*ret));
    return r;
}

int ctw_state_read_history(const char *directory, struct ctw_history *ret) {
    __attribute__((cleanup(free_memory))) struct ctw_history *h = malloc(sizeof(*h));

    if (!h)
        return -ENOMEM;
    int r = read_patiently(directory, "state", read_history, h);
    if (r == 0)
        r = ctw_history_check(h);
    if (r == 0)
        memcpy(ret, h, sizeof(*h));
    return r;
}

int ctw_state_read_namespaces(const char *directory, struct ctw_namespaces **ret) {
    struct ctw_namespaces *p = NULL;
    const int r = read_patiently(directory, "namespaces", read_namespaces, &p);

    if (r == 0)
        *ret = p;
    return r;
}

int ctw_state_view_namespaces(const char *directory, struct ctw_view *v) {
    struct ctw_namespaces *n = NULL;

    if (v->liveness != CTW_LIVENESS_ALIVE)
        return -ENOENT;
    const int r = ctw_state_read_namespaces(directory, &n);
    if (r < 0)
        return r;
    if (n->of.pid != v->snapshot.pid || n->of.sight == CTW_NAMESPACES_OFF ||
        !ctw_snapshot_is_of_boot(&v->snapshot, n->of.booted_usec)) {
        free(n);
        return -ENODATA;
    }
    qsort(n->records, n->of.n, sizeof(n->records[0]), ctw_namespace_compare);
    v->namespaces = n;
    return 0;
}

void ctw_state_view(const char *directory, struct ctw_view *ret) {
    struct ctw_snapshot *p = &ret->snapshot;

    memset(ret, 0, sizeof(*ret));
    ret->state_error = ctw_state_read(directory, p);
    ret->now_usec = ctw_monotonic_usec(); /* not before the daemon's poll */
    ret->realtime_usec = ctw_realtime_usec();
    if (p->pid != 0 && !ctw_snapshot_is_of_boot(p, ctw_booted_usec())) {
        memset(p, 0, sizeof(*p));
        ret->state_error = -ENOENT;
    }
    ret->liveness = ctw_snapshot_liveness(p, ret->now_usec);
}
