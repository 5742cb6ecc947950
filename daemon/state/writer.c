/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/state/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/state/cut_guard.h"
#include "daemon/state/reader.h"
#include "daemon/sys/clock.h"
#include "lib/util/parse.h"

#define NAME     "state"
#define NAME_NEW "state.new"

#define RETRY_USEC (10 * CTW_USEC_PER_SEC)

/* Whoever removes the file again and again has a new one made this often and no more; and this
 * often it is seen to. */
#define REMAKE_USEC CTW_USEC_PER_SEC

struct ctw_publish {
    char *directory; /* NULL: nowhere */
    char *path, *lock_path;
    int lock;                 /* -1: not held */
    int fd;                   /* of the file that is mapped; -1: it is private memory */
    struct ctw_state *shared; /* the file, or in private memory what would be in it */
    uint64_t now_sequence, history_sequence;
    uint64_t seen_usec; /* when the file was last seen to */
    uint64_t next_usec; /* it is made no earlier */
    int error;          /* why there is none, and about what */
    const char *what;
    /* What is published. It is kept here and copied at each publication, so that it is whole
     * whatever happens to the file, and readers are in the way of none of its making. */
    struct ctw_snapshot now;
    uint64_t recent_alerts, talkers_usec; /* the last of each that has been copied */
};

static void close_fd(const int *fd) {
    if (*fd >= 0)
        close(*fd);
}

/* --- memory ---------------------------------------------------------------------------------- */

/* Return: NULL when there is no memory; fd -1: private, and nothing but zeros. */
static struct ctw_state *map(int fd) {
    void *p = mmap(NULL, sizeof(struct ctw_state), PROT_READ | PROT_WRITE,
                   fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED, fd, 0);
    return p == MAP_FAILED ? NULL : p;
}

/* Write to @shared from now on. */
static void move(struct ctw_publish *p, struct ctw_state *shared, int fd) {
    if (p->shared)
        (void)munmap(p->shared, sizeof(*p->shared));
    if (p->fd >= 0)
        close(p->fd);
    if (fd >= 0)
        ctw_cut_guard(shared, sizeof(*shared));
    else if (p->fd >= 0)
        ctw_cut_guard(NULL, 0);
    p->shared = shared;
    p->fd = fd;
}

/* --- the file -------------------------------------------------------------------------------- */

static int write_at(int fd, size_t offset, const void *bytes, size_t size) {
    for (size_t done = 0; done < size;) {
        const ssize_t n =
            pwrite(fd, (const char *)bytes + done, size - done, (off_t)(offset + done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : -EIO;
        done += (size_t)n;
    }
    return 0;
}

/* Each page is there before it is mapped: on a full tmpfs, touching one that is not is SIGBUS. */
static int reserve(int fd) {
    int r;

    do
        r = posix_fallocate(fd, 0, sizeof(struct ctw_state));
    while (r == EINTR);
    return -r;
}

/* For the group that the directory is for, or else for nobody: it names addresses. */
static int set_access(int fd, int directory) {
    struct stat file, above;

    if (fstat(fd, &file) < 0 || fstat(directory, &above) < 0)
        return -errno;
    const bool given = file.st_gid == above.st_gid || fchown(fd, (uid_t)-1, above.st_gid) == 0;
    return fchmod(fd, given ? 0640 : 0600) < 0 ? -errno : 0;
}

/* What is published now. By write(), which fails where memory that has been cut would kill. */
static int fill(const struct ctw_publish *p, int fd) {
    struct {
        uint64_t magic;
        uint32_t version, bytes;
    } head = {
        .magic = CTW_STATE_MAGIC, .version = CTW_STATE_VERSION, .bytes = sizeof(struct ctw_state)};

    int r = write_at(fd, offsetof(struct ctw_state, now), &p->now, sizeof(p->now));
    if (r < 0)
        return r;
    r = write_at(fd, offsetof(struct ctw_state, history), &p->shared->history,
                 sizeof(p->shared->history));
    return r < 0 ? r : write_at(fd, 0, &head, sizeof(head));
}

/* Made beside it, then renamed: readers find the old one or the new, and each is whole. */
static int replace(struct ctw_publish *p, int directory) {
    (void)unlinkat(directory, NAME_NEW, 0); /* of a daemon that died */
    const int fd =
        openat(directory, NAME_NEW, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0640);
    if (fd < 0)
        return -errno;

    struct ctw_state *shared = NULL;
    int r = set_access(fd, directory);
    if (r == 0)
        r = reserve(fd);
    if (r == 0)
        r = fill(p, fd);
    if (r == 0 && !(shared = map(fd)))
        r = -ENOMEM;
    if (r == 0 && renameat(directory, NAME_NEW, directory, NAME) < 0)
        r = -errno;
    if (r == 0) {
        move(p, shared, fd);
        return 0;
    }
    if (shared)
        (void)munmap(shared, sizeof(*shared));
    close(fd);
    (void)unlinkat(directory, NAME_NEW, 0);
    return r;
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
    (void)fchmod(fd, 0750); /* whatever the umask is */
    return fd;
}

static int take_lock(struct ctw_publish *p, int directory, uint32_t *ret_owner) {
    if (p->lock >= 0 && ctw_writer_lock_stands(directory, p->lock))
        return 0;
    if (p->lock >= 0)
        close(p->lock);
    p->lock = -1;
    return ctw_writer_lock_take(directory, &p->lock, ret_owner);
}

/* Without the lock there is no file: another's is not to be replaced. */
static int make(struct ctw_publish *p, uint32_t *ret_owner) {
    __attribute__((cleanup(close_fd))) int directory = open_directory(p->directory);

    p->what = p->directory;
    if (directory < 0)
        return directory;
    p->what = p->lock_path;
    int r = take_lock(p, directory, ret_owner);
    if (r < 0)
        return r;
    p->what = p->path;
    return replace(p, directory);
}

/* All times are of a clock that begins with the boot. A snapshot that cannot be read tells neither
 * what was lost nor whose table it was; mostly it was this one. */
static void take_over(struct ctw_publish *p, uint64_t netns_inode) {
    struct ctw_snapshot before = {0};

    const int r = ctw_state_read(p->directory, &before);
    if (r == 0 && !ctw_snapshot_is_of_boot(&before, ctw_booted_usec()))
        return;
    if (netns_inode != 0 && before.netns_inode != 0 && before.netns_inode != netns_inode)
        return;
    ctw_snapshot_inherit(&p->now, &before);
    (void)ctw_state_read_history(p->directory, &p->shared->history);
}

/* 0; -ENOENT: nobody can find it any more; -EBADMSG: it is not what was made. */
static int file_error(const struct ctw_publish *p) {
    struct stat st;

    if (fstat(p->fd, &st) < 0)
        return -errno;
    if (st.st_size != sizeof(struct ctw_state))
        return -EBADMSG;
    if (st.st_nlink == 0)
        return -ENOENT;
    /* It had been cut, and is as long again; or was while it was written to. */
    return p->shared->magic == CTW_STATE_MAGIC ? 0 : -EBADMSG;
}

/* What is left of a file that was cut is not to be touched. Return: 0 or -ENOMEM. */
static int leave_file(struct ctw_publish *p) {
    struct ctw_state *private = map(-1);

    if (!private)
        return -ENOMEM;
    move(p, private, -1);
    return 0;
}

/* --- interface ------------------------------------------------------------------------------- */

static int set_up(struct ctw_publish *p, const char *directory) {
    p->lock = p->fd = -1;
    if (directory) {
        p->directory = strdup(directory);
        if (!p->directory || asprintf(&p->path, "%s/" NAME, directory) < 0)
            return -ENOMEM;
        if (asprintf(&p->lock_path, "%s/lock", directory) < 0)
            return -ENOMEM;
    }
    return leave_file(p);
}

int ctw_publish_new(const char *directory, uint64_t netns_inode, uint64_t now_usec,
                    struct ctw_publish **ret, uint32_t *ret_owner) {
    struct ctw_publish *p = calloc(1, sizeof(*p));
    if (!p)
        return -ENOMEM;

    int r = set_up(p, directory);
    if (r == 0 && directory) {
        take_over(p, netns_inode);
        p->error = make(p, ret_owner);
        p->next_usec = p->error < 0 ? now_usec + RETRY_USEC : 0;
        r = p->error == -EBUSY ? -EBUSY : 0;
    }
    if (r < 0) {
        (void)ctw_publish_free(p);
        return r;
    }
    *ret = p;
    return 0;
}

struct ctw_publish *ctw_publish_free(struct ctw_publish *p) {
    if (!p)
        return NULL;
    move(p, NULL, -1);
    close_fd(&p->lock);
    free(p->directory);
    free(p->path);
    free(p->lock_path);
    free(p);
    return NULL;
}

/* Odd before the first change can be seen. */
static void open_sequence(_Atomic uint64_t *sequence, uint64_t at) {
    atomic_store_explicit(sequence, at + 1, memory_order_relaxed);
    atomic_thread_fence(memory_order_release);
}

/* Even after the last. */
static uint64_t close_sequence(_Atomic uint64_t *sequence, uint64_t at) {
    atomic_store_explicit(sequence, at + 2, memory_order_release);
    return at + 2;
}

struct ctw_snapshot *ctw_publish_begin(struct ctw_publish *p) {
    return &p->now;
}

/* Words and names are most of it, and change seldom: a calm look leaves their pages alone. */
static size_t changed(struct ctw_publish *p) {
    if (p->recent_alerts == p->now.n_recent_alerts && p->talkers_usec == p->now.talkers_usec)
        return offsetof(struct ctw_snapshot, recent_alerts);
    p->recent_alerts = p->now.n_recent_alerts;
    p->talkers_usec = p->now.talkers_usec;
    return sizeof(p->now);
}

void ctw_publish_end(struct ctw_publish *p) {
    const size_t size = changed(p);

    open_sequence(&p->shared->now_sequence, p->now_sequence);
    memcpy(&p->shared->now, &p->now, size);
    p->now_sequence = close_sequence(&p->shared->now_sequence, p->now_sequence);
}

struct ctw_history *ctw_publish_begin_history(struct ctw_publish *p) {
    open_sequence(&p->shared->history_sequence, p->history_sequence);
    return &p->shared->history;
}

void ctw_publish_end_history(struct ctw_publish *p) {
    p->history_sequence = close_sequence(&p->shared->history_sequence, p->history_sequence);
}

static void poll(struct ctw_publish *p, uint64_t now_usec) {
    uint32_t owner;

    if (p->fd >= 0 && now_usec - p->seen_usec >= REMAKE_USEC) {
        p->seen_usec = now_usec;
        p->error = file_error(p);
        p->what = p->path;
        if (p->error == -EBADMSG)
            (void)leave_file(p); /* without memory the guard does it */
    }
    if (p->error == 0 || now_usec < p->next_usec)
        return;
    p->error = make(p, &owner);
    p->next_usec = now_usec + (p->error < 0 ? RETRY_USEC : REMAKE_USEC);
}

void ctw_publish_check(struct ctw_publish *p, uint64_t now_usec, struct ctw_source_health *state) {
    if (!p->directory) {
        *state = (struct ctw_source_health){.health = CTW_HEALTH_UNUSED};
        return;
    }
    poll(p, now_usec);
    *state = (struct ctw_source_health){.health = CTW_HEALTH_OK};
    if (p->error < 0)
        *state = ctw_source_health_of(CTW_HEALTH_FAILED, p->error, p->what);
}

struct ctw_state_writer {
    struct ctw_publish *publish;
    struct ctw_history_pen pen;
};

static void resume_history(struct ctw_state_writer *c, const struct ctw_snapshot *before) {
    const struct ctw_history *h = ctw_publish_begin_history(c->publish);
    const uint64_t now_usec = ctw_monotonic_usec();
    const bool sampled = before->has_table || before->table.max > 0;
    struct ctw_record slots[CTW_RESOLUTIONS];

    for (enum ctw_resolution r = 0; r < CTW_RESOLUTIONS; r++)
        slots[r] = h->slots[ctw_history_index(r, now_usec)];
    ctw_publish_end_history(c->publish);
    ctw_history_resume(&c->pen, now_usec, slots, sampled ? &before->table : NULL);
}

/* Put slots that are complete at @now_usec into the history, the only time that it changes. */
static void write_history(struct ctw_state_writer *c, uint64_t now_usec) {
    struct ctw_record slot;
    uint32_t index;

    while (ctw_history_take(&c->pen, now_usec, &slot, &index)) {
        ctw_publish_begin_history(c->publish)->slots[index] = slot;
        ctw_publish_end_history(c->publish);
    }
}

static void begin(struct ctw_state_writer *c, const char *netns, uint64_t netns_inode) {
    struct ctw_snapshot *p = ctw_publish_begin(c->publish);
    const struct ctw_snapshot before = *p; /* what was taken over of a former daemon, else zeros */

    *p = (struct ctw_snapshot){
        .pid = (uint32_t)getpid(),
        .version = CTWATCH_VERSION,
        .started_usec = ctw_monotonic_usec(),
        .started_realtime_usec = ctw_realtime_usec(),
        .booted_usec = ctw_booted_usec(),
        .netns_inode = netns_inode,
    };
    p->polled_usec = p->due_usec = p->started_usec;
    p->polled_realtime_usec = p->started_realtime_usec;
    (void)snprintf(p->netns, sizeof(p->netns), "%s", netns);
    ctw_snapshot_inherit(p, &before);
    ctw_publish_end(c->publish);
    resume_history(c, &before);
}

int ctw_state_writer_new(const char *directory, const char *netns, uint64_t netns_inode,
                         struct ctw_state_writer **ret) {
    struct ctw_state_writer *c = calloc(1, sizeof(*c));
    uint32_t owner = 0;
    if (!c)
        return -ENOMEM;

    int r = ctw_publish_new(directory, netns_inode, ctw_monotonic_usec(), &c->publish, &owner);
    if (r < 0) {
        if (r == -EBUSY)
            (void)fprintf(stderr,
                          "ctwatchd: another one, process %" PRIu32 ", is watching and publishes "
                          "in %s (see --state in ctwatchd(8))\n",
                          owner, directory);
        free(c);
        return r;
    }
    begin(c, netns, netns_inode);
    *ret = c;
    return 0;
}

struct ctw_state_writer *ctw_state_writer_free(struct ctw_state_writer *c) {
    if (!c)
        return NULL;

    write_history(c, UINT64_MAX);
    ctw_publish_begin(c->publish)->stopped_usec = ctw_monotonic_usec();
    ctw_publish_end(c->publish);
    (void)ctw_publish_free(c->publish);
    free(c);
    return NULL;
}

void ctw_state_writer_health(struct ctw_state_writer *c, uint64_t now_usec,
                             struct ctw_source_health *state) {
    ctw_publish_check(c->publish, now_usec, state);
}

static void note_history(struct ctw_state_writer *c, const struct ctw_tick *t,
                         const struct ctw_verdict *v) {
    write_history(c, t->now_usec);
    ctw_history_note(&c->pen, t->now_usec,
                     t->sources[CTW_SOURCE_TABLE].health == CTW_HEALTH_OK ? &v->sample : NULL,
                     &v->lost, v->limit_changed, v->level);
}

void ctw_state_writer_poll(struct ctw_state_writer *c, const struct ctw_settings *s,
                           const struct ctw_watch *w, const struct ctw_tick *t,
                           const struct ctw_verdict *v, uint64_t due_usec, uint64_t next_usec) {
    const struct ctw_poll_times times = {
        .due_usec = due_usec,
        .done_usec = ctw_monotonic_usec(),
        .realtime_usec = ctw_realtime_usec(),
        .booted_usec = ctw_booted_usec(),
        .next_due_usec = next_usec,
    };

    note_history(c, t, v);
    ctw_snapshot_poll(ctw_publish_begin(c->publish), s, w, t, v, &times);
    ctw_publish_end(c->publish);
}

void ctw_state_writer_alert(struct ctw_state_writer *c, const struct ctw_alert *a) {
    struct ctw_snapshot *p = ctw_publish_begin(c->publish);

    ctw_snapshot_alert(p, a, ctw_monotonic_usec(), ctw_realtime_usec());
    ctw_publish_end(c->publish);
}

#define LOCK_NAME "lock"

/* Room for a process id and its newline. */
#define OWNER_MAX 16

static uint32_t read_owner(int fd) {
    char text[OWNER_MAX];
    uint32_t owner = 0;

    const ssize_t n = pread(fd, text, sizeof(text), 0);
    if (n > 0)
        (void)ctw_text_sysctl(text, (size_t)n, &owner);
    return owner;
}

static int write_owner(int fd) {
    char text[OWNER_MAX];

    const int n = snprintf(text, sizeof(text), "%d\n", (int)getpid());
    return ftruncate(fd, 0) < 0 || pwrite(fd, text, (size_t)n, 0) < n ? -errno : 0;
}

static int lock_file(int fd, uint32_t *ret_owner) {
    struct stat st;

    if (fstat(fd, &st) < 0)
        return -errno;
    if (!S_ISREG(st.st_mode))
        return -EINVAL;
    if (flock(fd, LOCK_EX | LOCK_NB) == 0)
        return 0;
    if (errno != EWOULDBLOCK)
        return -errno;
    *ret_owner = read_owner(fd);
    return -EBUSY;
}

int ctw_writer_lock_take(int directory, int *ret, uint32_t *ret_owner) {
    /* 0600: who could open it could lock it. */
    const int fd = openat(directory, LOCK_NAME,
                          O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0600);
    if (fd < 0)
        return -errno;
    const int r = lock_file(fd, ret_owner);
    if (r < 0) {
        close(fd);
        return r;
    }
    (void)write_owner(fd); /* only for the second to say; on a full disk it goes unsaid */
    *ret = fd;
    return 0;
}

bool ctw_writer_lock_stands(int directory, int lock) {
    struct stat held, there;

    return fstat(lock, &held) == 0 &&
           fstatat(directory, LOCK_NAME, &there, AT_SYMLINK_NOFOLLOW) == 0 &&
           held.st_ino == there.st_ino && held.st_dev == there.st_dev;
}
