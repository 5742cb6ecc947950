/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/state/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/state/reader.h"
#include "daemon/sys/clock.h"
#include "lib/util/parse.h"

#define NAME      "state"
#define NAME_NEW  "state.new"
#define NAME_LOCK "lock"

#define NAME_NAMESPACES     "namespaces"
#define NAME_NAMESPACES_NEW "namespaces.new"

/* Room for a process id and its newline. */
#define OWNER_MAX 16

#define RETRY_USEC (10 * CTW_USEC_PER_SEC)
#define CHECK_USEC (5 * CTW_USEC_PER_SEC)

/* Slots that wait until the history is written: ten of a second and one of ten seconds. */
#define HELD_MAX 11

struct ctw_state_writer {
    char *directory; /* NULL: publish nowhere */
    char *path, *lock_path;
    int lock;         /* -1: not held */
    uint32_t owner;   /* the process that holds it instead; 0: not known */
    int fd;           /* of the state file, which may have been removed since; -1: none yet */
    int namespaces;   /* the same of their file */
    int error;        /* why publishing fails; 0: it does not */
    const char *what; /* the file that @error is about */
    uint64_t checked_usec, retry_usec;
    struct ctw_published published;
    uint64_t changes[4];      /* see ctw_state_writer_publish(): as last written */
    struct ctw_sample former; /* of the former daemon at this table */
    uint64_t former_usec;     /* the time of its last poll; 0: there was none */
    struct ctw_history_pen pen;
    uint64_t history_sequence;
    size_t n_held;
    uint32_t held_index[HELD_MAX];
    struct ctw_record held[HELD_MAX];
};

static void close_fd(const int *fd) {
    if (*fd >= 0)
        close(*fd);
}

static void free_history(struct ctw_history **h) {
    free(*h);
}

/* --- the lock -------------------------------------------------------------------------------- */

static int lock_file(struct ctw_state_writer *w, int fd) {
    char text[OWNER_MAX];
    struct stat st;

    if (fstat(fd, &st) < 0)
        return -errno;
    if (!S_ISREG(st.st_mode))
        return -EINVAL;
    if (flock(fd, LOCK_EX | LOCK_NB) == 0)
        return 0;
    if (errno != EWOULDBLOCK)
        return -errno;
    const ssize_t n = pread(fd, text, sizeof(text), 0);
    if (n > 0)
        (void)ctw_text_sysctl(text, (size_t)n, &w->owner);
    return -EBUSY;
}

/* Whether the lock is still the one in @directory: a removed file no longer excludes others. */
static bool holds_lock(const struct ctw_state_writer *w, int directory) {
    struct stat held, there;

    return w->lock >= 0 && fstat(w->lock, &held) == 0 &&
           fstatat(directory, NAME_LOCK, &there, AT_SYMLINK_NOFOLLOW) == 0 &&
           held.st_ino == there.st_ino && held.st_dev == there.st_dev;
}

static int take_lock(struct ctw_state_writer *w, int directory) {
    if (holds_lock(w, directory))
        return 0;
    close_fd(&w->lock);
    /* 0600: a process that can open it can lock it. */
    w->lock = openat(directory, NAME_LOCK,
                     O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0600);
    const int r = w->lock < 0 ? -errno : lock_file(w, w->lock);
    if (r < 0) {
        close_fd(&w->lock);
        w->lock = -1;
    } else if (ftruncate(w->lock, 0) == 0) /* on a full disk it stays empty: owner not known */
        (void)dprintf(w->lock, "%d\n", (int)getpid());
    return r;
}

/* --- the file -------------------------------------------------------------------------------- */

static int write_at(int fd, size_t offset, const void *bytes, size_t size) {
    const ssize_t n = pwrite(fd, bytes, size, (off_t)offset);

    return n == (ssize_t)size ? 0 : n < 0 ? -errno : -ENOSPC;
}

/* The group of the directory may read the file, which contains addresses; others may not. */
static int set_access(int fd, int directory) {
    struct stat file, above;

    if (fstat(fd, &file) < 0 || fstat(directory, &above) < 0)
        return -errno;
    const bool given = file.st_gid == above.st_gid || fchown(fd, (uid_t)-1, above.st_gid) == 0;
    return fchmod(fd, given ? 0640 : 0600) < 0 ? -errno : 0;
}

/* All blocks are allocated, so that a disk that fills later cannot fail a write. */
static int fill(struct ctw_state_writer *w, int fd, const struct ctw_history *history) {
    const struct ctw_state_head head = ctw_state_head();

    int r = -posix_fallocate(fd, 0, sizeof(struct ctw_state));
    if (r == 0)
        r = write_at(fd, 0, &head, sizeof(head));
    if (r == 0)
        r = write_at(fd, offsetof(struct ctw_state, published), &w->published,
                     ctw_published_seal(&w->published, true));
    if (r == 0 && history)
        r = write_at(fd, offsetof(struct ctw_state, history), history, sizeof(*history));
    return r;
}

/* Return: a descriptor or a negative errno. */
static int begin_file(int directory, const char *name) {
    (void)unlinkat(directory, name, 0); /* left by a daemon that died */
    const int fd =
        openat(directory, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0640);
    const int r = fd < 0 ? -errno : set_access(fd, directory);

    if (fd < 0 || r == 0)
        return fd < 0 ? r : fd;
    close(fd);
    (void)unlinkat(directory, name, 0);
    return r;
}

/* The new file is renamed over the old one: readers find either, and each is whole. @r: what
 * filling it returned */
static int end_file(int directory, int r, int fd, const char *new_name, const char *name,
                    int *ret_fd) {
    if (r == 0 && renameat(directory, new_name, directory, name) < 0)
        r = -errno;
    if (r < 0) {
        close(fd);
        (void)unlinkat(directory, new_name, 0);
        return r;
    }
    close_fd(ret_fd);
    *ret_fd = fd;
    return 0;
}

static int write_namespaces(const struct ctw_state_writer *w, int fd, struct ctw_namespaces *p) {
    p->of.pid = w->published.now.pid;
    p->of.booted_usec = w->published.now.booted_usec;
    return write_at(fd, 0, p, ctw_namespaces_seal(p));
}

static int replace(struct ctw_state_writer *w, int directory, const struct ctw_history *history) {
    struct ctw_namespaces none = {0};

    int fd = begin_file(directory, NAME_NEW);
    if (fd < 0)
        return fd;
    int r = end_file(directory, fill(w, fd, history), fd, NAME_NEW, NAME, &w->fd);
    if (r < 0)
        return r;
    w->history_sequence = 0;
    fd = begin_file(directory, NAME_NAMESPACES_NEW);
    return fd < 0 ? fd
                  : end_file(directory, write_namespaces(w, fd, &none), fd, NAME_NAMESPACES_NEW,
                             NAME_NAMESPACES, &w->namespaces);
}

/* Return: a descriptor or a negative errno. */
static int open_directory(const char *path) {
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0)
        return fd;
    if (errno != ENOENT || mkdir(path, 0750) < 0)
        return -errno;
    fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    (void)fchmod(fd, 0750); /* regardless of the umask */
    return fd;
}

/* The lock comes first: without it the file may be that of another daemon. */
static int make(struct ctw_state_writer *w, const struct ctw_history *history) {
    __attribute__((cleanup(close_fd))) int directory = open_directory(w->directory);

    w->what = w->directory;
    if (directory < 0)
        return directory;
    w->what = w->lock_path;
    const int r = take_lock(w, directory);
    if (r < 0)
        return r;
    w->what = w->path;
    return replace(w, directory, history);
}

static int make_anew(struct ctw_state_writer *w) {
    __attribute__((cleanup(free_history))) struct ctw_history *history = malloc(sizeof(*history));

    const bool kept = history && w->fd >= 0 &&
                      pread(w->fd, history, sizeof(*history),
                            offsetof(struct ctw_state, history)) == (ssize_t)sizeof(*history);
    return make(w, kept ? history : NULL);
}

/* 0; -ENOENT: removed, so that no reader finds it; -EBADMSG: truncated. */
static int file_error(const struct ctw_state_writer *w) {
    struct stat st;

    if (fstat(w->fd, &st) < 0)
        return -errno;
    if (st.st_size != sizeof(struct ctw_state))
        return -EBADMSG;
    if (st.st_nlink == 0 || fstat(w->namespaces, &st) < 0 || st.st_nlink == 0)
        return -ENOENT;
    return 0;
}

void ctw_state_writer_health(struct ctw_state_writer *w, uint64_t now_usec,
                             struct ctw_source_health *state) {
    if (w->directory && w->error == 0 && now_usec - w->checked_usec >= CHECK_USEC) {
        w->checked_usec = now_usec;
        w->error = file_error(w);
    }
    if (w->error < 0 && now_usec >= w->retry_usec) {
        w->error = make_anew(w);
        w->retry_usec = now_usec + (w->error < 0 ? RETRY_USEC : CHECK_USEC);
    }
    *state = (struct ctw_source_health){.health = w->directory ? CTW_HEALTH_OK : CTW_HEALTH_UNUSED};
    if (w->error < 0)
        *state = ctw_source_health_of(CTW_HEALTH_FAILED, w->error, w->what);
}

/* --- publishing ------------------------------------------------------------------------------ */

static void put(struct ctw_state_writer *w, size_t offset, const void *bytes, size_t size) {
    if (w->fd < 0)
        return;
    const int r = write_at(w->fd, offset, bytes, size);
    if (r < 0 && w->error == 0) {
        w->error = r;
        w->what = w->path;
    }
}

struct ctw_snapshot *ctw_state_writer_snapshot(struct ctw_state_writer *w) {
    return &w->published.now;
}

void ctw_state_writer_publish(struct ctw_state_writer *w) {
    const struct ctw_snapshot *now = &w->published.now;
    const uint64_t changes[] = {now->n_recent_alerts, now->talkers_usec, now->host_usec,
                                now->new_sources_usec};
    const bool all = memcmp(w->changes, changes, sizeof(changes)) != 0;

    memcpy(w->changes, changes, sizeof(changes));
    put(w, offsetof(struct ctw_state, published), &w->published,
        ctw_published_seal(&w->published, all));
}

/* The fences keep what is written between two steps of the sequence between them. */
static void step_sequence(struct ctw_state_writer *w) {
    w->history_sequence++;
    atomic_thread_fence(memory_order_seq_cst);
    put(w, offsetof(struct ctw_state, history_sequence), &w->history_sequence,
        sizeof(w->history_sequence));
    atomic_thread_fence(memory_order_seq_cst);
}

static void write_held(struct ctw_state_writer *w) {
    if (w->n_held == 0)
        return;
    step_sequence(w);
    for (size_t i = 0, n; i < w->n_held; i += n) {
        for (n = 1; i + n < w->n_held && w->held_index[i + n] == w->held_index[i] + n;)
            n++;
        put(w, offsetof(struct ctw_state, history) + w->held_index[i] * sizeof(w->held[i]),
            &w->held[i], n * sizeof(w->held[i]));
    }
    step_sequence(w);
    w->n_held = 0;
}

/* A slot of a single poll is of a calm time: it waits until ten seconds are complete. */
static void take_slots(struct ctw_state_writer *w, uint64_t now_usec) {
    bool waits = true;

    while (ctw_history_take(&w->pen, now_usec, &w->held[w->n_held], &w->held_index[w->n_held])) {
        waits =
            waits && w->held_index[w->n_held] < CTW_HISTORY_FINE && w->held[w->n_held].polls <= 1;
        if (++w->n_held == HELD_MAX)
            write_held(w);
    }
    if (!waits)
        write_held(w);
}

void ctw_state_writer_slot(struct ctw_state_writer *w, uint32_t index,
                           const struct ctw_record *slot) {
    write_held(w);
    w->held[0] = *slot;
    w->held_index[0] = index;
    w->n_held = 1;
    write_held(w);
}

void ctw_state_writer_poll(struct ctw_state_writer *w, const struct ctw_settings *s,
                           const struct ctw_watch *watch, const struct ctw_tick *t,
                           const struct ctw_verdict *v, uint64_t due_usec, uint64_t next_usec) {
    const struct ctw_poll_times times = {
        .due_usec = due_usec,
        .done_usec = ctw_monotonic_usec(),
        .realtime_usec = ctw_realtime_usec(),
        .booted_usec = ctw_booted_usec(),
        .next_due_usec = next_usec,
    };

    take_slots(w, t->now_usec);
    ctw_history_note(&w->pen, t->now_usec,
                     t->sources[CTW_SOURCE_TABLE].health == CTW_HEALTH_OK ? &v->sample : NULL,
                     &v->lost, v->limit_changed, v->level);
    ctw_snapshot_poll(&w->published.now, s, watch, t, v, &times);
    ctw_state_writer_publish(w);
}

void ctw_state_writer_alert(struct ctw_state_writer *w, const struct ctw_alert *a) {
    ctw_snapshot_alert(&w->published.now, a, ctw_monotonic_usec(), ctw_realtime_usec());
    ctw_state_writer_publish(w);
}

void ctw_state_writer_namespaces(struct ctw_state_writer *w, struct ctw_namespaces *p) {
    const int r = w->namespaces < 0 ? 0 : write_namespaces(w, w->namespaces, p);

    if (r < 0 && w->error == 0) {
        w->error = r;
        w->what = w->path;
    }
}

/* --- begin and end --------------------------------------------------------------------------- */

const struct ctw_sample *ctw_state_writer_former(const struct ctw_state_writer *w,
                                                 uint64_t *ret_usec) {
    *ret_usec = w->former_usec;
    return w->former_usec != 0 ? &w->former : NULL;
}

/* A snapshot that cannot be read does not show which table it is of; mostly it is this one. */
static bool take_over(struct ctw_state_writer *w, uint64_t now_usec, struct ctw_history *history) {
    struct ctw_snapshot before = {0};
    struct ctw_record slots[CTW_RESOLUTIONS];

    const int r = ctw_state_read(w->directory, &before);
    if (r == 0 && !ctw_snapshot_is_of_boot(&before, ctw_booted_usec()))
        return false;
    if (w->published.now.netns_inode != 0 && before.netns_inode != 0 &&
        before.netns_inode != w->published.now.netns_inode)
        return false;
    const bool has_table = before.has_table || before.table.max > 0;
    ctw_snapshot_inherit(&w->published.now, &before);
    if (before.netns_inode == w->published.now.netns_inode) {
        w->former = before.table;
        w->former_usec = has_table && before.polled_usec <= now_usec ? before.polled_usec : 0;
    }
    if (ctw_state_read_history(w->directory, history) < 0)
        return false;
    for (enum ctw_resolution i = 0; i < CTW_RESOLUTIONS; i++)
        slots[i] = history->slots[ctw_history_index(i, now_usec)];
    ctw_history_resume(&w->pen, now_usec, slots, has_table ? &before.table : NULL);
    return true;
}

static void init_snapshot(struct ctw_snapshot *p, const char *netns, uint64_t netns_inode,
                          uint64_t now_usec) {
    p->pid = (uint32_t)getpid();
    (void)snprintf(p->version, sizeof(p->version), "%s", CTWATCH_VERSION);
    p->started_usec = p->polled_usec = p->due_usec = now_usec;
    p->started_realtime_usec = p->polled_realtime_usec = ctw_realtime_usec();
    p->booted_usec = ctw_booted_usec();
    p->netns_inode = netns_inode;
    (void)snprintf(p->netns, sizeof(p->netns), "%s", netns);
}

static int set_up(struct ctw_state_writer *w, const char *directory, uint64_t now_usec) {
    __attribute__((cleanup(free_history))) struct ctw_history *history = malloc(sizeof(*history));

    w->directory = strdup(directory);
    if (!history || !w->directory || asprintf(&w->path, "%s/" NAME, directory) < 0 ||
        asprintf(&w->lock_path, "%s/" NAME_LOCK, directory) < 0)
        return -ENOMEM;
    w->error = make(w, take_over(w, now_usec, history) ? history : NULL);
    w->checked_usec = now_usec;
    w->retry_usec = w->error < 0 ? now_usec + RETRY_USEC : 0;
    return w->error == -EBUSY ? -EBUSY : 0;
}

int ctw_state_writer_new(const char *directory, const char *netns, uint64_t netns_inode,
                         uint64_t now_usec, struct ctw_state_writer **ret) {
    struct ctw_state_writer *w = calloc(1, sizeof(*w));
    char process[32] = "";
    if (!w)
        return -ENOMEM;

    w->lock = w->fd = w->namespaces = -1;
    init_snapshot(&w->published.now, netns, netns_inode, now_usec);
    const int r = directory ? set_up(w, directory, now_usec) : 0;
    if (r == 0) {
        *ret = w;
        return 0;
    }
    if (w->owner != 0)
        (void)snprintf(process, sizeof(process), ", process %" PRIu32 ",", w->owner);
    if (r == -EBUSY)
        (void)fprintf(stderr,
                      "ctwatchd: another ctwatchd%s publishes in %s (see --state in ctwatchd(8))\n",
                      process, directory);
    (void)ctw_state_writer_free(w);
    return r;
}

struct ctw_state_writer *ctw_state_writer_free(struct ctw_state_writer *w) {
    if (!w)
        return NULL;

    take_slots(w, UINT64_MAX);
    write_held(w);
    w->published.now.stopped_usec = ctw_monotonic_usec();
    ctw_state_writer_publish(w);
    close_fd(&w->fd);
    close_fd(&w->namespaces);
    close_fd(&w->lock);
    free(w->directory);
    free(w->path);
    free(w->lock_path);
    free(w);
    return NULL;
}
