/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/source/namespaces.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/net_namespace.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/source/netns.h"
#include "daemon/sys/clock.h"
#include "daemon/sys/procfs.h"
#include "lib/kernel/counters.h"
#include "lib/util/parse.h"

/* Below the timer that polls the table. */
#define PRIORITY (SD_EVENT_PRIORITY_NORMAL + 10)

/* Entries of a folder that are examined, or namespaces that are read, at a time: some 0.5 ms. */
#define SLICE 64u

/* Namespaces that are counted, and names in /run/netns that are known. */
#define SLOTS_MAX 16384u
#define NAMES_MAX 4096u

/* A round of discovery takes some 10 us for a new process, and less than 1 us for a known one. */
#define ROUND_USEC (30 * CTW_USEC_PER_SEC)

/* A process may change its namespace: each is examined again once in so many rounds. */
#define ROTATION 16u

/* How often all are read to find out which one a line of the kernel log is about, and how often new
 * processes are discovered for it. */
#define SETTLE_USEC      CTW_USEC_PER_SEC
#define EARLY_ROUND_USEC (5 * CTW_USEC_PER_SEC)

/* As of daemon/source/table: a line for each CPU. */
#define STATISTICS_MAX (2u << 20)

/* The kernel prints a page of lines, of some 160 bytes each, at a time: fewer bytes are all of it.
 */
#define STATISTICS_WHOLE 2048

#define STATISTICS "net/stat/nf_conntrack"

/* Of /proc/PID/cgroup: a path may have PATH_MAX, twelve hierarchies of cgroup v1 have shorter ones.
 */
#define CGROUP_MAX 8192

/* Readings need not be punctual: sd-event joins them with other wake-ups. */
#define ACCURACY_USEC (50 * CTW_USEC_PER_MSEC)

struct slot {
    uint64_t file;       /* inode of its statistics; 0: no process is known, only the kernel log */
    uint64_t netns;      /* its own inode; 0: not known */
    uint64_t due_usec;   /* the next reading */
    uint64_t lost_usec;  /* since when no process is known; 0: one is */
    uint32_t pid, spare; /* processes in it; 0: none */
    uint32_t count;
    bool fresh;              /* as of struct ctw_namespace_reading */
    struct ctw_namespace *n; /* NULL: more than namespaces.max */
};

/* A name in /run/netns. */
struct name {
    uint64_t inode;
    int32_t id; /* of the namespace in ours; -1: none */
    bool seen;  /* a process in it is known */
    char text[NAME_MAX + 1];
};

struct ctw_namespaces_source {
    sd_event_source *timer;
    struct ctw_namespaces_sinks sinks;
    const struct ctw_settings *settings; /* NULL: not polled yet */
    const struct ctw_tick *tick;
    const struct ctw_host *host;
    int proc; /* of /proc */
    enum ctw_namespaces_sight sight, noted;
    bool noted_more, dirty;

    struct slot *slots;
    size_t n_slots, room, n_states;
    uint32_t known, unseen;
    uint64_t entries;
    struct ctw_namespaces_budget budget;
    struct ctw_namespace_verdict verdict;

    /* discovery */
    enum { IDLE, NAMES, PROCESSES } phase;
    DIR *dir;
    uint64_t own_file, began_usec, ended_usec; /* of the round: this one, the last */
    uint64_t full_usec;                        /* the last that was no early one */
    uint32_t round;
    bool blind;    /* /proc/PID/ns/net cannot be read: ids show which name is whose */
    bool thorough; /* examine every process */
    bool turn;     /* slices of discovery and of readings take turns */
    uint32_t pid_now, pid_before, pid_from; /* the newest process at the last three rounds */
    struct name *names;
    size_t n_names, names_room;

    /* lines of the kernel log that wait for readings */
    struct ctw_log_counts log;
    uint64_t settled_usec;
    bool wants_round, reading_all;

    struct ctw_namespaces *file;
    uint64_t published_usec;
    char text[STATISTICS_MAX];
};

static bool read_pid(const char *text, uint32_t *ret) {
    uint64_t pid;

    if (ctw_text_decimal(text, strlen(text), UINT32_MAX, &pid) < 0)
        return false;
    *ret = (uint32_t)pid;
    return true;
}

/* --- the list --------------------------------------------------------------------------------- */

/* Room for one more. Return: false: there is no memory, or the bound is reached. */
static bool have_room(void *array, size_t n, size_t *room, size_t size, size_t most) {
    void **at = array;

    if (n < *room)
        return true;
    const size_t wanted = *room == 0 ? 16 : *room * 2;
    void *p = n >= most ? NULL : reallocarray(*at, wanted, size);
    if (!p)
        return false;
    *at = p;
    *room = wanted;
    return true;
}

static struct slot *find_slot(struct ctw_namespaces_source *s, uint64_t file) {
    for (size_t i = 0; i < s->n_slots; i++)
        if (s->slots[i].file == file)
            return &s->slots[i];
    return NULL;
}

static void give_state(struct ctw_namespaces_source *s, struct slot *slot) {
    if (slot->n || s->n_states >= s->settings->namespaces.max)
        return;
    slot->n = calloc(1, sizeof(*slot->n));
    s->n_states += slot->n != NULL;
}

static struct slot *add_slot(struct ctw_namespaces_source *s, uint64_t file) {
    if (!have_room(&s->slots, s->n_slots, &s->room, sizeof(*s->slots), SLOTS_MAX))
        return NULL;
    struct slot *slot = &s->slots[s->n_slots++];
    *slot = (struct slot){.file = file, .fresh = s->ended_usec != 0};
    give_state(s, slot);
    return slot;
}

static void remove_slot(struct ctw_namespaces_source *s, struct slot *slot) {
    s->n_states -= slot->n != NULL;
    free(slot->n);
    *slot = s->slots[--s->n_slots];
    s->dirty = true;
}

static void send_alerts(struct ctw_namespaces_source *s) {
    for (size_t i = 0; i < s->verdict.n_alerts; i++)
        s->sinks.alert(&s->verdict.alerts[i], s->sinks.userdata);
}

/* --- one reading ------------------------------------------------------------------------------ */

/* Return: 0; -ESRCH: the process has ended, or is in another namespace; another negative errno. */
static int read_by(struct ctw_namespaces_source *s, const struct slot *slot, uint32_t pid,
                   struct ctw_sample *ret) {
    char path[48];
    struct stat st;

    (void)snprintf(path, sizeof(path), "%" PRIu32 "/" STATISTICS, pid);
    const int fd = pid == 0 ? -1 : openat(s->proc, path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -ESRCH;
    const bool same = fstat(fd, &st) == 0 && st.st_ino == slot->file;
    ssize_t n = same ? ctw_procfs_read(fd, s->text, sizeof(s->text), 0) : -ESRCH;
    if (n >= STATISTICS_WHOLE)
        n = ctw_procfs_read_all(fd, s->text, sizeof(s->text));
    close(fd);
    if (n < 0)
        return (int)n;
    *ret = (struct ctw_sample){.max = s->tick->sample.max, .has_counters = true};
    return ctw_counters_parse_entries(s->text, (size_t)n, &ret->counters, &ret->count);
}

/* Readings of the same second are made in one go: each wake-up costs as much as several. */
static uint64_t due(uint64_t now_usec, uint64_t in_usec) {
    const uint64_t step = ctw_least(in_usec, CTW_USEC_PER_SEC);

    return (now_usec + in_usec + step / 2) / step * step;
}

static void read_slot(struct ctw_namespaces_source *s, struct slot *slot, uint64_t now_usec) {
    struct ctw_namespace_reading r = {.now_usec = now_usec,
                                      .sample.max = s->tick->sample.max,
                                      .fresh = slot->fresh,
                                      .release = s->tick->release,
                                      .host = s->host};
    int error = -ESRCH;

    s->dirty = true;
    slot->due_usec = due(now_usec, ROUND_USEC);
    if (slot->file != 0)
        error = read_by(s, slot, slot->pid, &r.sample);
    if (slot->file != 0 && error == -ESRCH) {
        slot->pid = slot->spare;
        slot->spare = 0;
        error = read_by(s, slot, slot->pid, &r.sample);
    }
    if (slot->file != 0 && error == -ESRCH) {
        slot->pid = 0;
        slot->lost_usec = slot->lost_usec == 0 ? now_usec : slot->lost_usec;
    }
    if (slot->file != 0 && error < 0)
        return;
    r.readable = slot->file != 0;
    slot->count = r.sample.count;
    if (!slot->n)
        return;
    slot->n->pid = slot->pid;
    ctw_namespace_step(&s->budget, slot->n, s->settings, &r, &s->verdict);
    slot->due_usec = due(now_usec, s->verdict.next_usec);
    send_alerts(s);
}

/* Reads what is due, at most a slice. Return: when the next reading is due. */
static uint64_t read_due(struct ctw_namespaces_source *s, uint64_t now_usec) {
    uint64_t next_usec = UINT64_MAX;
    unsigned n = 0;

    for (size_t i = 0; i < s->n_slots; i++) {
        struct slot *slot = &s->slots[i];
        if (slot->due_usec <= now_usec && slot->lost_usec == 0 && n++ < SLICE)
            read_slot(s, slot, now_usec);
        if (slot->file == 0 && slot->n && !ctw_namespace_troubled(slot->n) &&
            slot->n->log_lines == 0) {
            remove_slot(s, slot);
            i--;
            continue;
        }
        if (slot->lost_usec == 0 && slot->due_usec < next_usec)
            next_usec = slot->due_usec;
    }
    return next_usec;
}

/* --- names ------------------------------------------------------------------------------------ */

static struct name *find_name(struct ctw_namespaces_source *s, uint64_t inode, int32_t id) {
    for (size_t i = 0; i < s->n_names; i++)
        if ((inode != 0 && s->names[i].inode == inode) || (id >= 0 && s->names[i].id == id))
            return &s->names[i];
    return NULL;
}

/* Below /run/netns each file is a mount of a namespace; ids are for where no inode can be seen. */
static void note_name(struct ctw_namespaces_source *s, const char *entry) {
    struct name name = {.id = -1};

    if (entry[0] == '.' || !ctw_netns_at(dirfd(s->dir), entry, &name.inode) ||
        !have_room(&s->names, s->n_names, &s->names_room, sizeof(*s->names), NAMES_MAX))
        return;
    const int fd = s->blind ? openat(dirfd(s->dir), entry, O_RDONLY | O_CLOEXEC) : -1;
    if (fd >= 0) {
        name.id = ctw_netns_id(NETNSA_FD, (uint32_t)fd);
        close(fd);
    }
    (void)snprintf(name.text, sizeof(name.text), "%s", entry);
    for (size_t i = 0; i < s->n_slots; i++)
        name.seen |= s->slots[i].netns == name.inode && s->slots[i].pid != 0;
    s->names[s->n_names++] = name;
}

/* What `ip netns exec NAME` mounts for its process, with the name as the source: no capability
 * shows it otherwise. "611 583 0:54 / /sys rw,relatime - sysfs blue rw" */
static struct name *name_by_mount(struct ctw_namespaces_source *s, int process) {
    const int fd = openat(process, "mountinfo", O_RDONLY | O_CLOEXEC);
    const ssize_t n = fd < 0 ? 0 : ctw_procfs_read_all(fd, s->text, sizeof(s->text));
    struct ctw_piece rest = {s->text, n > 0 ? (size_t)n : 0}, line, word;

    if (fd >= 0)
        close(fd);

    while (ctw_piece_line(&rest, &line)) {
        for (bool sysfs = false; ctw_piece_word(&line, &word);) {
            if (sysfs)
                for (size_t i = 0; i < s->n_names; i++)
                    if (ctw_piece_is(word, s->names[i].text))
                        return &s->names[i];
            sysfs = ctw_piece_is(word, "sysfs");
        }
    }
    return NULL;
}

/* The namespace is called after this process, whose folder @process stays that of the same process
 * even when its number is used again. */
static void name_slot(struct ctw_namespaces_source *s, struct slot *slot, int process) {
    struct ctw_netns_name found;
    uint64_t inode = 0;

    (void)ctw_netns_at(process, "ns/net", &inode);
    ctw_netns_name_process(process, NULL, &found);
    struct name *name = find_name(s, inode, inode == 0 ? ctw_netns_id(NETNSA_PID, slot->pid) : -1);
    if (!name && inode == 0 && !found.below_user)
        name = name_by_mount(s, process);
    if (name) {
        name->seen = true;
        inode = name->inode;
        ctw_netns_name_process(process, name->text, &found);
    }
    slot->netns = inode;
    if (!slot->n)
        return;
    slot->n->pid = slot->pid;
    slot->n->netns_inode = inode != 0 ? inode : slot->n->netns_inode;
    slot->n->name = found;
}

/* A namespace that the kernel log reported before a process was found in it. */
static void join_log_only(struct ctw_namespaces_source *s, const struct slot *slot) {
    for (size_t i = 0; slot->netns != 0 && slot->n && i < s->n_slots; i++) {
        struct slot *other = &s->slots[i];
        if (other->file != 0 || other->netns != slot->netns || !other->n)
            continue;
        const struct ctw_namespace named = *slot->n;
        *slot->n = *other->n;
        slot->n->name = named.name;
        slot->n->pid = named.pid;
        remove_slot(s, other);
        return; /* @slot may have moved */
    }
}

/* --- discovery -------------------------------------------------------------------------------- */

/* A process that is not below user.slice makes a namespace one of the machine's. */
static bool is_below_user(int process) {
    struct ctw_netns_name name;

    ctw_netns_name_process(process, NULL, &name);
    return name.below_user;
}

/* @process: its folder, which stays its own even when its number is used again */
static void adopt(struct ctw_namespaces_source *s, struct slot *slot, uint32_t pid, int process) {
    struct stat st;

    slot->pid = pid;
    slot->lost_usec = slot->due_usec = 0;
    name_slot(s, slot, process);
    if (fstatat(process, STATISTICS, &st, 0) == 0 && st.st_ino == slot->file) {
        join_log_only(s, slot);
        return;
    }
    slot->pid = 0; /* it has left meanwhile */
    slot->lost_usec = s->began_usec;
}

/* Whether a process was made since the last round but one: numbers go up, and begin anew. */
static bool is_new(const struct ctw_namespaces_source *s, uint32_t pid) {
    return s->pid_from <= s->pid_now ? pid > s->pid_from : pid > s->pid_from || pid <= s->pid_now;
}

static void examine(struct ctw_namespaces_source *s, const char *entry) {
    char path[48];
    struct stat st;
    uint32_t pid;

    if (!read_pid(entry, &pid) ||
        !(s->thorough || is_new(s, pid) || pid % ROTATION == s->round % ROTATION))
        return;
    (void)snprintf(path, sizeof(path), "%" PRIu32 "/" STATISTICS, pid);
    if (fstatat(s->proc, path, &st, 0) < 0 || st.st_ino == s->own_file)
        return;
    struct slot *slot = find_slot(s, st.st_ino);
    if (!slot)
        slot = add_slot(s, st.st_ino);
    if (!slot)
        return;
    const bool named = slot->n != NULL;
    give_state(s, slot); /* another one may have ended */
    if (slot->pid == pid && named == (slot->n != NULL))
        return;
    (void)snprintf(path, sizeof(path), "%" PRIu32, pid);
    const int process = openat(s->proc, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (process < 0)
        return;
    if (slot->pid == 0 || named != (slot->n != NULL) ||
        (slot->n && slot->n->name.below_user && !is_below_user(process)))
        adopt(s, slot, pid, process);
    else if (slot->spare == 0)
        slot->spare = pid;
    close(process);
}

/* The newest process: "0.20 0.18 0.12 1/80 11206". Return: 0: not known. */
static uint32_t newest_process(void) {
    char line[128];
    uint32_t pid = 0;

    ctw_procfs_line("", "/proc/loadavg", line, sizeof(line));
    const char *last = strrchr(line, ' ');
    return last && read_pid(last + 1, &pid) ? pid : 0;
}

static void find_sight(struct ctw_namespaces_source *s) {
    struct stat own, first;

    s->own_file = fstatat(s->proc, "thread-self/" STATISTICS, &own, 0) == 0 ||
                          fstatat(s->proc, "self/" STATISTICS, &own, 0) == 0
                      ? own.st_ino
                      : 0;
    if (s->own_file == 0)
        s->sight = s->tick->sources[CTW_SOURCE_TABLE].health == CTW_HEALTH_OK
                       ? CTW_NAMESPACES_NO_FILE
                       : CTW_NAMESPACES_SEEN; /* there is no table yet */
    else
        s->sight = fstatat(s->proc, "1/" STATISTICS, &first, 0) == 0 ? CTW_NAMESPACES_SEEN
                                                                     : CTW_NAMESPACES_HIDDEN;
}

static void begin_round(struct ctw_namespaces_source *s, uint64_t now_usec, bool early) {
    uint64_t inode;

    find_sight(s);
    s->began_usec = now_usec;
    s->full_usec = early ? s->full_usec : now_usec;
    s->wants_round = false;
    s->pid_from = s->pid_before;
    s->pid_before = s->pid_now;
    s->pid_now = newest_process();
    s->blind = !ctw_netns_at(s->proc, "1/ns/net", &inode);
    s->thorough = !early && (s->ended_usec == 0 || s->pid_from == 0 || s->pid_now == 0);
    for (size_t i = 0; !early && i < s->n_slots; i++)
        s->thorough |= s->slots[i].lost_usec != 0;
    for (size_t i = 0; s->thorough && i < s->n_slots; i++)
        s->slots[i].spare = 0;
    s->round += !early;
    s->n_names = 0;
    s->phase = NAMES;
    s->dir = opendir("/run/netns");
}

static void end_slot(struct ctw_namespaces_source *s, struct slot *slot, uint64_t now_usec) {
    s->verdict.n_alerts = 0;
    if (slot->n)
        ctw_namespace_end(&s->budget, slot->n, s->settings, now_usec, &s->verdict);
    remove_slot(s, slot);
    send_alerts(s);
}

static void end_round(struct ctw_namespaces_source *s, uint64_t now_usec) {
    for (size_t i = 0; s->thorough && i < s->n_slots; i++)
        if (s->slots[i].lost_usec != 0 && s->slots[i].lost_usec <= s->began_usec)
            end_slot(s, &s->slots[i--], now_usec);
    s->unseen = 0;
    for (size_t i = 0; i < s->n_names; i++)
        s->unseen += !s->names[i].seen;
    s->phase = IDLE;
    s->ended_usec = now_usec;
    s->dirty = true;
}

/* A slice of the round. */
static void discover(struct ctw_namespaces_source *s, uint64_t now_usec) {
    const struct dirent *e;

    for (unsigned n = 0; s->dir && n < SLICE; n++) {
        e = readdir(s->dir);
        if (!e) {
            (void)closedir(s->dir);
            s->dir = NULL;
        } else if (s->phase == NAMES)
            note_name(s, e->d_name);
        else
            examine(s, e->d_name);
    }
    if (s->dir)
        return;
    if (s->phase == PROCESSES)
        end_round(s, now_usec);
    else {
        s->phase = PROCESSES;
        s->dir = s->own_file != 0 ? opendir("/proc") : NULL;
    }
}

/* --- the kernel log --------------------------------------------------------------------------- */

static void take_log(struct ctw_namespaces_source *s, const struct ctw_log_counts *log) {
    struct ctw_log_counts *l = &s->log;

    l->full_lines += log->full_lines;
    for (uint32_t i = 0; i < log->n_netns; i++) {
        uint32_t at = 0;
        while (at < l->n_netns && l->netns[at].inode != log->netns[i].inode)
            at++;
        if (at == CTW_LOG_COUNTS_NETNS_MAX)
            continue; /* the next lines are of it as well, or it is over */
        if (at == l->n_netns)
            l->netns[l->n_netns++] = (struct ctw_log_counts_netns){log->netns[i].inode, 0};
        l->netns[at].lines += log->netns[i].lines;
    }
}

static struct slot *log_only_slot(struct ctw_namespaces_source *s, uint64_t inode) {
    struct name *name = s->sight == CTW_NAMESPACES_OFF ? NULL : find_name(s, inode, -1);

    for (size_t i = 0; i < s->n_slots; i++)
        if (s->slots[i].file == 0 && s->slots[i].netns == inode)
            return &s->slots[i];
    struct slot *slot = add_slot(s, 0);
    if (!slot || !slot->n)
        return NULL;
    slot->netns = slot->n->netns_inode = inode;
    if (name || inode == 0)
        ctw_netns_name_find(&(struct ctw_netns_evidence){.run_name = name ? name->text : NULL},
                            &slot->n->name);
    else if (ctw_netns_file(inode, slot->n->name.text,
                            sizeof(slot->n->name.text))) /* not discovered */
        slot->n->name.kind = CTW_NETNS_IP_NETNS;
    return slot;
}

/* A line names the inode, which no process may have shown, and so the name. */
static void take_line_of(struct ctw_namespaces_source *s, struct slot *slot) {
    struct name *name = slot->netns == 0 ? find_name(s, slot->n->netns_inode, -1) : NULL;

    slot->netns = slot->n->netns_inode;
    slot->due_usec = 0;
    if (!name)
        return;
    name->seen = true;
    ctw_netns_name_find(&(struct ctw_netns_evidence){.run_name = name->text}, &slot->n->name);
}

static void settle_lines(struct ctw_namespaces_source *s, uint64_t inode, uint32_t lines) {
    struct ctw_netns_match m = {.inode = inode};

    for (size_t i = 0; i < s->n_slots; i++)
        if (s->slots[i].n && s->slots[i].lost_usec == 0)
            ctw_netns_match_add(&m, s->slots[i].n);
    if (!ctw_netns_match_end(&m, lines)) {
        struct slot *slot = log_only_slot(s, inode);
        if (slot)
            slot->n->log_lines += lines;
    }
    for (size_t i = 0; i < s->n_slots; i++)
        if (s->slots[i].n && s->slots[i].n->log_lines > 0)
            take_line_of(s, &s->slots[i]);
}

/* Once all namespaces were read since the lines came. */
static void settle(struct ctw_namespaces_source *s, uint64_t now_usec) {
    if (s->log.full_lines > 0)
        settle_lines(s, 0, s->log.full_lines);
    for (uint32_t i = 0; i < s->log.n_netns; i++)
        settle_lines(s, s->log.netns[i].inode, s->log.netns[i].lines);
    s->log = (struct ctw_log_counts){0};
    s->reading_all = false;
    s->settled_usec = now_usec;
}

/* --- publishing ------------------------------------------------------------------------------- */

static void publish(struct ctw_namespaces_source *s, uint64_t now_usec) {
    struct ctw_namespaces *f = realloc(s->file, ctw_namespaces_bytes((uint32_t)s->n_states));

    if (!f)
        return;
    s->file = f;
    memset(f, 0, ctw_namespaces_bytes(0));
    s->known = 0;
    s->entries = 0;
    for (size_t i = 0; i < s->n_slots; i++) {
        const struct slot *slot = &s->slots[i];
        s->known += slot->file != 0;
        s->entries += slot->count;
        if (slot->n)
            ctw_namespace_record_of(slot->n, &f->records[f->of.n++]);
    }
    f->of.sight = s->sight;
    f->of.max = s->tick->sample.max;
    f->of.metrics = s->settings->namespaces.metrics;
    f->of.known = s->known;
    f->of.names_unseen = s->unseen;
    f->of.entries = s->entries;
    f->of.published_usec = now_usec;
    f->of.round_usec = s->ended_usec;
    s->dirty = false;
    s->published_usec = now_usec;
    s->sinks.publish(f, s->sinks.userdata);
}

/* What cannot be seen is said once. */
static void note_limits(struct ctw_namespaces_source *s) {
    static const char *const notes[CTW_NAMESPACES_SIGHTS] = {
        [CTW_NAMESPACES_HIDDEN] = "Other network namespaces are not watched: /proc hides the "
                                  "processes of other users (hidepid, ProtectProc=)",
        [CTW_NAMESPACES_NO_FILE] = "Other network namespaces are not watched: the kernel lacks "
                                   "CONFIG_NF_CONNTRACK_PROCFS",
    };
    char note[128];

    if (s->sight != s->noted && notes[s->sight])
        s->sinks.note(notes[s->sight], s->sinks.userdata);
    s->noted = s->sight;
    if (s->noted_more || s->n_states < s->settings->namespaces.max || s->n_slots <= s->n_states)
        return;
    s->noted_more = true;
    (void)snprintf(note, sizeof(note),
                   "There are more than namespaces.max (%" PRIu32 ") other network namespaces: the "
                   "rest is only counted",
                   s->settings->namespaces.max);
    s->sinks.note(note, s->sinks.userdata);
}

/* Whether all lines name namespaces that are known: then no other one need be read for them. */
static bool names_known(const struct ctw_namespaces_source *s) {
    for (uint32_t i = 0; i < s->log.n_netns; i++) {
        size_t at = 0;
        while (at < s->n_slots && (s->slots[at].netns != s->log.netns[i].inode ||
                                   s->slots[at].lost_usec != 0 || !s->slots[at].n))
            at++;
        if (at == s->n_slots)
            return false;
    }
    return s->log.full_lines == 0;
}

/* --- the loop --------------------------------------------------------------------------------- */

static bool has_log(const struct ctw_namespaces_source *s) {
    return s->log.full_lines > 0 || s->log.n_netns > 0;
}

/* One slice of whatever is due. Return: when the next one is. */
static uint64_t work(struct ctw_namespaces_source *s, uint64_t now_usec) {
    const bool on = s->settings->namespaces.enabled;
    const uint64_t every_usec = ctw_least(ROUND_USEC, 6 * s->settings->namespaces.interval_usec);
    const bool wait = now_usec < s->settled_usec + SETTLE_USEC;

    if (on && s->phase == IDLE &&
        (s->ended_usec == 0 || now_usec >= s->full_usec + every_usec || s->wants_round))
        begin_round(s, now_usec, s->ended_usec != 0 && now_usec < s->full_usec + every_usec);
    s->turn = !s->turn;
    if (s->phase != IDLE && s->turn) {
        discover(s, now_usec);
        return now_usec;
    }
    if (s->phase == IDLE && has_log(s) && !wait && !s->reading_all) {
        s->reading_all = true;
        const bool all = !names_known(s);
        for (size_t i = 0; all && i < s->n_slots; i++)
            s->slots[i].due_usec = 0;
    }
    uint64_t next_usec = read_due(s, now_usec);
    if (next_usec <= now_usec || s->phase != IDLE)
        return now_usec;
    if (s->reading_all) {
        settle(s, now_usec);
        return now_usec;
    }
    struct ctw_alert rest;
    if (ctw_namespaces_rest(&s->budget, now_usec, &rest))
        s->sinks.alert(&rest, s->sinks.userdata);
    note_limits(s);
    if (s->dirty)
        publish(s, now_usec);
    if (has_log(s))
        next_usec = ctw_least(next_usec, s->settled_usec + SETTLE_USEC);
    return on ? ctw_least(next_usec, s->full_usec + every_usec) : next_usec;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata) {
    struct ctw_namespaces_source *s = userdata;
    const uint64_t now_usec = ctw_monotonic_usec(), next_usec = work(s, now_usec);

    if (next_usec == UINT64_MAX)
        return 0; /* off, and nothing in the kernel log */
    int r = sd_event_source_set_time(source, next_usec);
    if (r >= 0) /* a slice that is due does not wait for other wake-ups */
        r = sd_event_source_set_time_accuracy(source, next_usec <= now_usec ? 1 : ACCURACY_USEC);
    return r < 0 ? r : sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

static void forget_all(struct ctw_namespaces_source *s) {
    while (s->n_slots > 0)
        remove_slot(s, &s->slots[s->n_slots - 1]);
    if (s->dir)
        (void)closedir(s->dir);
    s->dir = NULL;
    s->phase = IDLE;
    s->sight = CTW_NAMESPACES_OFF;
    s->ended_usec = s->entries = s->n_names = s->unseen = 0;
}

void ctw_namespaces_poll(struct ctw_namespaces_source *s, const struct ctw_settings *settings,
                         const struct ctw_tick *t, const struct ctw_verdict *v,
                         const struct ctw_host *host) {
    const bool first = !s->settings, was_on = s->sight != CTW_NAMESPACES_OFF;
    const bool log = v->other_log.full_lines > 0 || v->other_log.n_netns > 0;

    s->settings = settings;
    s->tick = t;
    s->host = host;
    if (was_on && !settings->namespaces.enabled)
        forget_all(s);
    if (log) {
        take_log(s, &v->other_log);
        s->wants_round = settings->namespaces.enabled && !names_known(s) &&
                         t->now_usec >= s->began_usec + EARLY_ROUND_USEC;
    }
    if (first || log || was_on != settings->namespaces.enabled) {
        (void)sd_event_source_set_time(s->timer, 0);
        (void)sd_event_source_set_enabled(s->timer, SD_EVENT_ONESHOT);
    }
}

uint64_t ctw_namespaces_entries(const struct ctw_namespaces_source *s) {
    return s->entries;
}

int ctw_namespaces_new(sd_event *event, const struct ctw_namespaces_sinks *sinks,
                       struct ctw_namespaces_source **ret) {
    struct ctw_namespaces_source *s = calloc(1, sizeof(*s));

    if (!s)
        return -ENOMEM;
    s->sinks = *sinks;
    s->proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
    int r = s->proc < 0 ? -errno : 0;
    if (r >= 0)
        r = sd_event_add_time(event, &s->timer, CLOCK_MONOTONIC, 0, ACCURACY_USEC, on_timer, s);
    if (r >= 0)
        r = sd_event_source_set_priority(s->timer, PRIORITY);
    if (r >= 0)
        r = sd_event_source_set_enabled(s->timer, SD_EVENT_OFF);
    if (r < 0) {
        (void)ctw_namespaces_free(s);
        return r;
    }
    *ret = s;
    return 0;
}

struct ctw_namespaces_source *ctw_namespaces_free(struct ctw_namespaces_source *s) {
    if (!s)
        return NULL;
    forget_all(s);
    (void)sd_event_source_disable_unref(s->timer);
    if (s->proc >= 0)
        close(s->proc);
    free(s->slots);
    free(s->names);
    free(s->file);
    free(s);
    return NULL;
}
