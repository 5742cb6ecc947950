/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/source/machine.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libmnl/libmnl.h>
#include <limits.h>
#include <linux/net_namespace.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/source/dump.h"
#include "daemon/sys/procfs.h"
#include "lib/kernel/release.h"

/* MemAvailable is the third line; there are some fifty. */
#define MEMINFO_MAX 4096

#define TEXT_MAX 512

#define COUNT_INTERVAL_USEC (60 * CTW_USEC_PER_SEC)

/* The kernel prints /proc/meminfo in as long as it takes to poll a table thirty times. */
#define MEMORY_INTERVAL_USEC (10 * CTW_USEC_PER_SEC)

/* Namespaces with a name, or with an id in ours, are counted up to this. */
#define NAMESPACES_MAX 100000u

struct ctw_machine {
    const char *root;
    int meminfo;                /* -1: not open */
    struct ctw_release release; /* entries_per_bucket 0: not read yet */
    uint32_t namespaces;
    uint64_t counted_usec; /* 0: never */
    struct ctw_memory memory;
    uint64_t memory_usec;           /* 0: never */
    char netns[CTW_HOST_NETNS_MAX]; /* a search through all names */
    uint64_t named_usec;            /* 0: never */
    uint32_t entry_bytes;           /* the same for as long as the kernel runs, and long to read */
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
        n = ctw_procfs_read(m->meminfo, text, sizeof(text), 0);
    if (n >= 0)
        (void)ctw_memory_parse(text, (size_t)n, ret); /* without it growth is refused */
    if (n >= 0 && m->root[0] == '\0')
        return;
    if (m->meminfo >= 0)
        close(m->meminfo); /* the file of a captured tree may be replaced */
    m->meminfo = -1;
}

/* --- namespaces ------------------------------------------------------------------------------- */

/* Namespaces with a name: made by `ip netns`, or by a container runtime for its networks. */
static uint32_t count_named(const struct ctw_machine *m) {
    uint32_t n = 0;

    int fd = ctw_procfs_open(m->root, "/run/netns", O_RDONLY);
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    if (!d) {
        if (fd >= 0)
            close(fd);
        return 0;
    }
    for (struct dirent *e; n < NAMESPACES_MAX && (e = readdir(d));)
        n += e->d_name[0] != '.';
    (void)closedir(d);
    return n;
}

static int on_id(const struct nlmsghdr *h, void *data) {
    uint32_t *n = data;

    if (h->nlmsg_type == RTM_NEWNSID && *n < NAMESPACES_MAX)
        ++*n;
    return MNL_CB_OK;
}

/* Namespaces with an id in ours, as a veth pair between them makes one. Needs no privilege. */
static uint32_t count_connected(void) {
    char buffer[8192];
    uint32_t n = 0;

    struct mnl_socket *s = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
    if (!s)
        return 0;
    struct nlmsghdr *h = mnl_nlmsg_put_header(buffer);
    h->nlmsg_type = RTM_GETNSID;
    h->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    struct rtgenmsg *g = mnl_nlmsg_put_extra_header(h, sizeof(*g));
    g->rtgen_family = AF_UNSPEC;
    if (mnl_socket_bind(s, 0, MNL_SOCKET_AUTOPID) == 0 &&
        mnl_socket_sendto(s, h, h->nlmsg_len) >= 0)
        for (int r = MNL_CB_OK; r > MNL_CB_STOP;) {
            /* Each recv() makes the kernel queue the next part of the dump: there is no wait. */
            ssize_t got = recv(mnl_socket_get_fd(s), buffer, sizeof(buffer), MSG_DONTWAIT);
            r = got <= 0 ? MNL_CB_ERROR
                         : mnl_cb_run(buffer, (size_t)got, 0, mnl_socket_get_portid(s), on_id, &n);
        }
    (void)mnl_socket_close(s);
    return n;
}

static uint32_t count_namespaces(const struct ctw_machine *m) {
    const uint32_t named = count_named(m);
    const uint32_t connected = m->root[0] == '\0' ? count_connected() : 0;

    return 1 + (named > connected ? named : connected);
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

static void read_timeouts(const struct ctw_machine *m, struct ctw_host *ret) {
    for (enum ctw_timeout i = 0; i < CTW_TIMEOUTS; i++) {
        char path[128];
        (void)snprintf(path, sizeof(path), SYSCTL "%s", ctw_timeout_name(i));
        (void)ctw_procfs_number(m->root, path, &ret->timeouts_sec[i]);
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
    if (m->named_usec == 0 || m->root[0] != '\0')
        m->entry_bytes =
            ctw_host_entry_bytes(text, read_file(m, "/proc/slabinfo", text, &readable));
    ret->entry_bytes = m->entry_bytes;
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

    memset(ret, 0, sizeof(*ret));
    ret->known = true;
    ctw_machine_read(m, now_usec, false, &growth);
    ret->release = growth.release;
    ret->memory = growth.memory;
    ret->namespaces = growth.namespaces;
    ret->initial_netns = is_initial_netns(m);
    ret->has_nft = has_program(m, "nft");
    ret->has_iptables = has_program(m, "iptables");
    read_timeouts(m, ret);
    read_files(m, ret);
    if (m->named_usec == 0 || now_usec - m->named_usec >= COUNT_INTERVAL_USEC) {
        if (m->root[0] == '\0')
            ctw_netns_file(ctw_netns_own_inode(), m->netns);
        m->named_usec = now_usec;
    }
    memcpy(ret->netns, m->netns, sizeof(ret->netns));
}

/* --- network namespaces ----------------------------------------------------------------------- */

/* A name is searched while an alert is sent, so the search is bounded: a few milliseconds. */
#define NAMES_MAX     4096u
#define PROCESSES_MAX 4096u

static int stat_own(struct stat *ret) {
    /* thread-self exists since Linux 3.17; before, the first thread stands for all */
    if (stat("/proc/thread-self/ns/net", ret) < 0 && stat("/proc/self/ns/net", ret) < 0)
        return -errno;
    return 0;
}

uint64_t ctw_netns_own_inode(void) {
    struct stat st;

    return stat_own(&st) < 0 ? 0 : st.st_ino;
}

/* Names are untrusted: only printable ASCII may reach a terminal. */
static void make_printable(char *text) {
    for (; *text; text++)
        if ((unsigned char)*text < ' ' || (unsigned char)*text > '~')
            *text = '?';
}

/* Names of `ip netns add`: each file is a mount of the namespace itself. */
static bool find_name(uint64_t inode, char ret_name[static CTW_NETNS_NAME_MAX]) {
    struct stat own, st;
    bool own_known = stat_own(&own) == 0, found = false;
    const struct dirent *d;
    DIR *dir = opendir("/run/netns");

    if (!dir)
        return false;
    for (unsigned i = 0; !found && i < NAMES_MAX && (d = readdir(dir)); i++) {
        if (d->d_name[0] == '.' || fstatat(dirfd(dir), d->d_name, &st, 0) < 0)
            continue;
        /* Without the mount it is an ordinary file with an unrelated inode number. */
        found = st.st_ino == inode && (!own_known || st.st_dev == own.st_dev);
        if (found)
            snprintf(ret_name, CTW_NETNS_NAME_MAX, "%s", d->d_name);
    }
    closedir(dir);
    return found;
}

/* The process in the namespace with the lowest number, usually its oldest. */
static bool find_process(uint64_t inode, char ret_name[static CTW_NETNS_NAME_MAX]) {
    char wanted[64], path[NAME_MAX + 16], seen[64], comm[64];
    const struct dirent *d;
    bool found = false;
    DIR *dir = opendir("/proc");

    if (!dir)
        return false;
    snprintf(wanted, sizeof(wanted), "net:[%" PRIu64 "]", inode);
    for (unsigned i = 0; !found && i < PROCESSES_MAX && (d = readdir(dir));) {
        ssize_t n;

        if (!isdigit((unsigned char)d->d_name[0]))
            continue;
        i++;
        snprintf(path, sizeof(path), "%s/ns/net", d->d_name);
        n = readlinkat(dirfd(dir), path, seen, sizeof(seen) - 1);
        if (n < 0) /* gone, or not visible */
            continue;
        seen[n] = '\0';
        found = strcmp(seen, wanted) == 0;
        if (!found)
            continue;
        snprintf(path, sizeof(path), "/proc/%s/comm", d->d_name);
        ctw_procfs_line("", path, comm, sizeof(comm));
        snprintf(ret_name, CTW_NETNS_NAME_MAX, "pid %.20s (%s)", d->d_name, comm);
    }
    closedir(dir);
    return found;
}

void ctw_netns_file(uint64_t inode, char ret_name[static CTW_NETNS_NAME_MAX]) {
    if (inode == 0 || !find_name(inode, ret_name))
        ret_name[0] = '\0';
}

void ctw_netns_name(uint64_t inode, char ret_name[static CTW_NETNS_NAME_MAX]) {
    ret_name[0] = '\0';
    if (inode == 0)
        return;
    if (find_name(inode, ret_name) || find_process(inode, ret_name))
        make_printable(ret_name);
}

/* --- interface -------------------------------------------------------------------------------- */

int ctw_machine_new(const char *root, struct ctw_machine **ret) {
    struct ctw_machine *m = calloc(1, sizeof(*m));
    if (!m)
        return -ENOMEM;
    m->root = root;
    m->meminfo = -1;
    *ret = m;
    return 0;
}

struct ctw_machine *ctw_machine_free(struct ctw_machine *m) {
    if (!m)
        return NULL;
    if (m->meminfo >= 0)
        close(m->meminfo);
    free(m);
    return NULL;
}

const struct ctw_release *ctw_machine_release(struct ctw_machine *m,
                                              const struct ctw_sample *sample) {
    if (m->release.entries_per_bucket == 0)
        read_release(m->root, &m->release);
    ctw_release_correct(&m->release, sample && sample->has_counters ? &sample->counters : NULL);
    return &m->release;
}

void ctw_machine_read(struct ctw_machine *m, uint64_t now_usec, bool calm,
                      struct ctw_growth_facts *ret) {
    ret->release = *ctw_machine_release(m, NULL);
    if (m->counted_usec == 0 || now_usec - m->counted_usec >= COUNT_INTERVAL_USEC) {
        m->namespaces = count_namespaces(m);
        m->counted_usec = now_usec;
    }
    if (!calm || m->root[0] != '\0' || m->memory_usec == 0 ||
        now_usec - m->memory_usec >= MEMORY_INTERVAL_USEC) {
        read_memory(m, &m->memory);
        m->memory_usec = now_usec;
    }
    ret->memory = m->memory;
    ret->namespaces = m->namespaces;
}
