/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/source/machine.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/source/dump.h"
#include "daemon/source/netns.h"
#include "daemon/sys/procfs.h"
#include "lib/kernel/release.h"

/* MemAvailable is the third line; there are some fifty. */
#define MEMINFO_MAX 4096

#define TEXT_MAX 512

/* Of what takes long to read and seldom changes. */
#define REFRESH_USEC (60 * CTW_USEC_PER_SEC)

/* Below the timer that polls the table. */
#define PRIORITY (SD_EVENT_PRIORITY_NORMAL + 10)

/* The kernel prints /proc/meminfo in as long as it takes to poll a table thirty times. */
#define MEMORY_INTERVAL_USEC (10 * CTW_USEC_PER_SEC)

struct ctw_machine {
    const char *root;
    int meminfo; /* -1: not open */
    struct ctw_release release;
    struct ctw_memory memory;
    uint64_t memory_usec;    /* 0: never */
    sd_event_source *timer;  /* of the next refresh of: */
    struct ctw_host present; /* namespaces, netns, entry_bytes, has_nft, has_iptables */
};

static void read_release(const char *root, struct ctw_release *ret) {
    char osrelease[TEXT_MAX], version[TEXT_MAX], signature[TEXT_MAX];

    ctw_procfs_line(root, "/proc/sys/kernel/osrelease", osrelease, sizeof(osrelease));
    ctw_procfs_line(root, "/proc/sys/kernel/version", version, sizeof(version));
    ctw_procfs_line(root, "/proc/version_signature", signature, sizeof(signature));
    ctw_release_read(osrelease, version, signature, ret);
}

/* --- memory ----------------------------------------------------------------------------------- */

static void read_memory(struct ctw_machine *m, struct ctw_memory *ret) {
    char text[MEMINFO_MAX];
    ssize_t n = -1;

    memset(ret, 0, sizeof(*ret));
    if (m->meminfo < 0)
        m->meminfo = ctw_procfs_open(m->root, "/proc/meminfo", O_RDONLY);
    if (m->meminfo >= 0)
        n = ctw_procfs_read_all(m->meminfo, text, sizeof(text));
    if (n >= 0)
        (void)ctw_memory_parse(text, (size_t)n, ret); /* without it growth is refused */
    if (n >= 0 && m->root[0] == '\0')
        return;
    if (m->meminfo >= 0)
        close(m->meminfo); /* the file of a captured tree may be replaced */
    m->meminfo = -1;
}

/* --- the host --------------------------------------------------------------------------------- */

#define SYSCTL       "/proc/sys/net/netfilter/nf_conntrack_"
#define EXPECTATIONS "/proc/net/nf_conntrack_expect"

/* Room for the longest of these files: /proc/slabinfo has some 200 lines of 150 bytes. */
#define HOST_FILE_MAX (128u * 1024u)

static bool is_below(const struct ctw_machine *m, const char *folder, const char *name,
                     struct stat *ret) {
    char path[128];

    (void)snprintf(path, sizeof(path), "%s%s", folder, name);
    return ctw_procfs_stat(m->root, path, ret) == 0;
}

static bool has_program(const struct ctw_machine *m, const char *name) {
    static const char *const folders[] = {"/usr/sbin/", "/sbin/", "/usr/bin/", "/bin/"};
    struct stat st;

    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
        if (is_below(m, folders[i], name, &st) && (st.st_mode & S_IXUSR))
            return true;
    return false;
}

void ctw_machine_timeouts(const char *root, uint32_t ret_sec[static CTW_TIMEOUTS]) {
    for (enum ctw_timeout i = 0; i < CTW_TIMEOUTS; i++) {
        char path[128];
        (void)snprintf(path, sizeof(path), SYSCTL "%s", ctw_timeout_name(i));
        if (ctw_procfs_number(root, path, &ret_sec[i]) < 0)
            ret_sec[i] = 0;
    }
}

/* Reads the whole of a file that the kernel prints in parts, or its first HOST_FILE_MAX bytes.
 * Return: the bytes; 0 too when it cannot be read. */
static size_t read_file(const struct ctw_machine *m, const char *path,
                        char ret[static HOST_FILE_MAX], bool *retreadable) {
    const int fd = ctw_procfs_open(m->root, path, O_RDONLY);

    *retreadable = fd >= 0;
    if (fd < 0)
        return 0;
    const ssize_t n = ctw_procfs_read_all(fd, ret, HOST_FILE_MAX);
    close(fd);
    return n < 0 ? 0 : (size_t)n;
}

/* More are not counted: an expectation takes a microsecond. */
#define EXPECTATIONS_MAX 65536u

static int on_expectation(const void *message, size_t length, void *userdata) {
    struct ctw_expectations *e = userdata;

    (void)ctw_expectations_add(e, message, length);
    return e->n >= EXPECTATIONS_MAX;
}

/* The file is root's, and the unit's user dumps them instead: that needs CAP_NET_ADMIN only, but
 * may load nf_conntrack_netlink, which a daemon with events has done anyway. */
static void read_expectations(const struct ctw_machine *m, char text[static HOST_FILE_MAX],
                              struct ctw_host *ret) {
    struct ctw_expectations e = {0};
    struct ctw_walk_end end;
    bool known;

    (void)ctw_procfs_number(m->root, SYSCTL "expect_max", &ret->expect_max);
    const size_t n = read_file(m, EXPECTATIONS, text, &known);
    if (m->root[0] == '\0' && (!known || n == HOST_FILE_MAX))
        known = ctw_walk_messages(CTW_WALK_EXPECTATIONS, NULL, on_expectation, &e, &end) == 0;
    else
        ctw_expectations_parse(&e, text, n);
    if (known)
        ctw_host_set_expectations(ret, &e);
}

static void read_files(struct ctw_machine *m, struct ctw_host *ret) {
    static const char queues[] = "/proc/net/netfilter/nfnetlink_queue";
    char *text = malloc(HOST_FILE_MAX);
    bool readable;

    if (!text)
        return; /* not known */
    ctw_host_read_queues(text, read_file(m, queues, text, &readable), ret);
    read_expectations(m, text, ret);
    free(text);
}

static bool is_writable(const struct ctw_machine *m, const char *sysctl) {
    struct stat st;

    return is_below(m, SYSCTL, sysctl, &st) && (st.st_mode & S_IWUSR);
}

/* In other network namespaces the limit has no write bit, and timeouts have one. A captured machine
 * may have been copied without any. */
static bool is_initial_netns(const struct ctw_machine *m) {
    struct stat st;

    return is_writable(m, "max") ||
           (m->root[0] != '\0' && is_below(m, SYSCTL, "max", &st) &&
            !is_writable(m, ctw_timeout_name(CTW_TIMEOUT_TCP_ESTABLISHED)));
}

void ctw_machine_host(struct ctw_machine *m, uint64_t now_usec, struct ctw_host *ret) {
    struct ctw_growth_facts growth;

    ctw_machine_read(m, now_usec, false, &growth);
    *ret = m->present;
    ret->known = true;
    ret->release = growth.release;
    ret->memory = growth.memory;
    ret->initial_netns = is_initial_netns(m);
    ctw_machine_timeouts(m->root, ret->timeouts_sec);
    read_files(m, ret);
}

/* --- what takes long to read ------------------------------------------------------------------ */

static uint32_t read_entry_bytes(const struct ctw_machine *m) {
    char *text = malloc(HOST_FILE_MAX);
    bool readable;

    if (!text)
        return 0;
    const uint32_t bytes =
        ctw_host_entry_bytes(text, read_file(m, "/proc/slabinfo", text, &readable));
    free(text);
    return bytes;
}

/* The size of an entry is the same for as long as the module is loaded. */
static void refresh(struct ctw_machine *m) {
    struct ctw_host *h = &m->present;

    h->namespaces = ctw_netns_count(m->root);
    h->has_nft = has_program(m, "nft");
    h->has_iptables = has_program(m, "iptables");
    if (h->entry_bytes == 0)
        h->entry_bytes = read_entry_bytes(m);
    if (m->root[0] == '\0')
        (void)ctw_netns_file(ctw_netns_own_inode(), h->netns, sizeof(h->netns));
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata) {
    refresh(userdata);
    const int r = sd_event_source_set_time_relative(source, REFRESH_USEC);
    return r < 0 ? r : sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

/* --- interface -------------------------------------------------------------------------------- */

int ctw_machine_new(sd_event *event, const char *root, struct ctw_machine **ret) {
    struct ctw_machine *m = calloc(1, sizeof(*m));
    int r = 0;

    if (!m)
        return -ENOMEM;
    m->root = root;
    m->meminfo = -1;
    read_release(root, &m->release);
    refresh(m);
    if (event)
        r = sd_event_add_time_relative(event, &m->timer, CLOCK_MONOTONIC, REFRESH_USEC, 0, on_timer,
                                       m);
    if (r >= 0 && event)
        r = sd_event_source_set_priority(m->timer, PRIORITY);
    if (r < 0) {
        (void)ctw_machine_free(m);
        return r;
    }
    *ret = m;
    return 0;
}

struct ctw_machine *ctw_machine_free(struct ctw_machine *m) {
    if (!m)
        return NULL;
    if (m->meminfo >= 0)
        close(m->meminfo);
    (void)sd_event_source_disable_unref(m->timer);
    free(m);
    return NULL;
}

const struct ctw_release *ctw_machine_release(struct ctw_machine *m,
                                              const struct ctw_sample *sample) {
    ctw_release_correct(&m->release, sample && sample->has_counters ? &sample->counters : NULL);
    return &m->release;
}

void ctw_machine_read(struct ctw_machine *m, uint64_t now_usec, bool calm,
                      struct ctw_growth_facts *ret) {
    ret->release = *ctw_machine_release(m, NULL);
    if (!calm || m->root[0] != '\0' || m->memory_usec == 0 ||
        now_usec - m->memory_usec >= MEMORY_INTERVAL_USEC) {
        read_memory(m, &m->memory);
        m->memory_usec = now_usec;
    }
    ret->memory = m->memory;
    ret->namespaces = m->present.namespaces;
}
