/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/source/netns.h"

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

#include "daemon/sys/procfs.h"

#define NAMES_DIR "/run/netns"

/* Exists in the initial network namespace only (net/netfilter/nf_conntrack_standalone.c). */
#define INITIAL_ONLY "/proc/sys/net/nf_conntrack_max"

/* Folders "NAMESPACE_NAME_UID", by the kubelet. */
#define POD_LOGS_DIR "/var/log/pods"

/* Below the timer that polls the table. */
#define PRIORITY (SD_EVENT_PRIORITY_NORMAL + 10)

/* Entries of a folder that are examined at a time, in some 0.2 ms, and that are examined at all. */
#define SLICE       64u
#define ENTRIES_MAX 4096u

/* Namespaces with a name, or with an id in ours, are counted up to this, in some milliseconds. */
#define NAMESPACES_MAX 16384u

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

bool ctw_netns_is_initial(void) {
    return access(INITIAL_ONLY, F_OK) == 0;
}

/* Names are untrusted: only printable ASCII may reach a terminal. */
static void make_printable(char *text) {
    for (; *text; text++)
        if ((unsigned char)*text < ' ' || (unsigned char)*text > '~')
            *text = '?';
}

/* --- the search ------------------------------------------------------------------------------ */

struct search {
    uint64_t inode;
    dev_t device; /* of namespaces; 0: not known */
    size_t place, n_places;
    DIR *dir; /* NULL: to be opened */
    unsigned seen;
};

/* Names of `ip netns add`: each file is a mount of the namespace itself. Without the mount it is an
 * ordinary file with an unrelated inode number. */
static bool is_name(const struct search *s, const char *entry,
                    char ret[static CTW_NETNS_NAME_MAX]) {
    struct stat st;

    if (entry[0] == '.' || fstatat(dirfd(s->dir), entry, &st, 0) < 0 || st.st_ino != s->inode ||
        (s->device != 0 && st.st_dev != s->device))
        return false;
    (void)snprintf(ret, CTW_NETNS_NAME_MAX, "%s", entry);
    return true;
}

/* The first one is that with the lowest number, usually the oldest in its namespace. */
static bool is_process(const struct search *s, const char *entry,
                       char ret[static CTW_NETNS_NAME_MAX]) {
    char wanted[64], path[NAME_MAX + 16], seen[64] = "", comm[64];

    (void)snprintf(wanted, sizeof(wanted), "net:[%" PRIu64 "]", s->inode);
    (void)snprintf(path, sizeof(path), "%s/ns/net", entry);
    if (!isdigit((unsigned char)entry[0]) ||
        readlinkat(dirfd(s->dir), path, seen, sizeof(seen) - 1) < 0 || strcmp(seen, wanted) != 0)
        return false; /* or it is gone, or not visible */
    (void)snprintf(path, sizeof(path), "/proc/%s/comm", entry);
    ctw_procfs_line("", path, comm, sizeof(comm));
    (void)snprintf(ret, CTW_NETNS_NAME_MAX, "pid %.20s (%s)", entry, comm);
    return true;
}

static const struct {
    const char *folder;
    bool (*is)(const struct search *s, const char *entry, char ret[static CTW_NETNS_NAME_MAX]);
} places[] = {{NAMES_DIR, is_name}, {"/proc", is_process}};

#define PLACES (sizeof(places) / sizeof(places[0]))

static void search_begin(struct search *s, uint64_t inode, size_t n_places) {
    struct stat own;

    *s = (struct search){.inode = inode, .n_places = inode == 0 ? 0 : n_places};
    if (stat_own(&own) == 0)
        s->device = own.st_dev;
}

static void close_place(struct search *s) {
    if (s->dir)
        (void)closedir(s->dir);
    s->dir = NULL;
}

/* Return: whether the search has ended; then the name is set. */
static bool search_slice(struct search *s, char ret_name[static CTW_NETNS_NAME_MAX]) {
    const struct dirent *d;

    for (; s->place < s->n_places; s->place++, s->seen = 0) {
        if (!s->dir)
            s->dir = opendir(places[s->place].folder);
        while (s->dir && s->seen < ENTRIES_MAX && (d = readdir(s->dir))) {
            if (places[s->place].is(s, d->d_name, ret_name)) {
                close_place(s);
                return true;
            }
            if (++s->seen % SLICE == 0)
                return false;
        }
        close_place(s);
    }
    ret_name[0] = '\0';
    return true;
}

static void search_all(uint64_t inode, size_t n_places, char ret_name[static CTW_NETNS_NAME_MAX]) {
    struct search s;

    search_begin(&s, inode, n_places);
    while (!search_slice(&s, ret_name))
        ;
}

void ctw_netns_file(uint64_t inode, char ret_name[static CTW_NETNS_NAME_MAX]) {
    search_all(inode, 1, ret_name);
}

void ctw_netns_name(uint64_t inode, char ret_name[static CTW_NETNS_NAME_MAX]) {
    search_all(inode, PLACES, ret_name);
    make_printable(ret_name);
}

/* --- in slices ------------------------------------------------------------------------------- */

struct ctw_netns {
    sd_event_source *slice;
    struct search search;
    ctw_netns_named_fn *named;
    void *userdata;
};

static int on_slice(sd_event_source *source, void *userdata) {
    char name[CTW_NETNS_NAME_MAX];
    struct ctw_netns *n = userdata;

    if (!search_slice(&n->search, name))
        return 0;
    make_printable(name);
    (void)sd_event_source_set_enabled(n->slice, SD_EVENT_OFF);
    n->named(name, n->userdata);
    return 0;
}

int ctw_netns_new(sd_event *event, ctw_netns_named_fn *named, void *userdata,
                  struct ctw_netns **ret) {
    struct ctw_netns *n = calloc(1, sizeof(*n));

    if (!n)
        return -ENOMEM;
    n->named = named;
    n->userdata = userdata;
    int r = sd_event_add_defer(event, &n->slice, on_slice, n);
    if (r >= 0)
        r = sd_event_source_set_priority(n->slice, PRIORITY);
    if (r >= 0)
        r = sd_event_source_set_enabled(n->slice, SD_EVENT_OFF);
    if (r < 0) {
        (void)ctw_netns_free(n);
        return r;
    }
    *ret = n;
    return 0;
}

struct ctw_netns *ctw_netns_free(struct ctw_netns *n) {
    if (!n)
        return NULL;
    close_place(&n->search);
    (void)sd_event_source_disable_unref(n->slice);
    free(n);
    return NULL;
}

void ctw_netns_find(struct ctw_netns *n, uint64_t inode) {
    close_place(&n->search);
    search_begin(&n->search, inode, PLACES);
    (void)sd_event_source_set_enabled(n->slice, inode == 0 ? SD_EVENT_OFF : SD_EVENT_ON);
}

/* --- rtnetlink -------------------------------------------------------------------------------- */

/* Send a request, with one number as an attribute unless @attribute is 0, and read what comes back
 * at once: each recv() makes the kernel queue the next part of a dump. Needs no privilege. */
static int ask_kernel(uint16_t type, uint16_t flags, uint16_t attribute, uint32_t number,
                      mnl_cb_t answer, void *data) {
    _Alignas(struct nlmsghdr) char buffer[8192];
    int r = MNL_CB_OK;

    struct mnl_socket *s = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
    if (!s)
        return -errno;
    struct nlmsghdr *h = mnl_nlmsg_put_header(buffer);
    h->nlmsg_type = type;
    h->nlmsg_flags = NLM_F_REQUEST | flags;
    struct rtgenmsg *g = mnl_nlmsg_put_extra_header(h, sizeof(*g));
    g->rtgen_family = AF_UNSPEC;
    if (attribute != 0)
        mnl_attr_put_u32(h, attribute, number);
    if (mnl_socket_bind(s, 0, MNL_SOCKET_AUTOPID) < 0 || mnl_socket_sendto(s, h, h->nlmsg_len) < 0)
        r = -errno;
    while (r > MNL_CB_STOP) {
        const ssize_t got = recv(mnl_socket_get_fd(s), buffer, sizeof(buffer), MSG_DONTWAIT);
        r = got <= 0 ? MNL_CB_ERROR
                     : mnl_cb_run(buffer, (size_t)got, 0, mnl_socket_get_portid(s), answer, data);
    }
    (void)mnl_socket_close(s);
    return r;
}

struct own_addresses {
    void (*address)(const struct ctw_address *a, void *userdata);
    void *userdata;
};

static int on_address(const struct nlmsghdr *h, void *data) {
    const struct own_addresses *own = data;
    struct ctw_address a;

    if (ctw_address_of_message(h, h->nlmsg_len, &a) == 0)
        own->address(&a, own->userdata);
    return MNL_CB_OK;
}

void ctw_netns_own_addresses(void (*address)(const struct ctw_address *a, void *userdata),
                             void *userdata) {
    struct own_addresses own = {address, userdata};

    (void)ask_kernel(RTM_GETADDR, NLM_F_DUMP, 0, 0, on_address, &own);
}

/* --- the name by a process -------------------------------------------------------------------- */

/* The id in our namespace is the only attribute of the answer that matters. */
static int on_nsid(const struct nlmsghdr *h, void *data) {
    const char *const end = (const char *)h + h->nlmsg_len;
    int32_t *id = data;

    for (const struct nlattr *a = mnl_nlmsg_get_payload_offset(h, sizeof(struct rtgenmsg));
         mnl_attr_ok(a, (int)(end - (const char *)a)); a = mnl_attr_next(a))
        if (mnl_attr_get_type(a) == NETNSA_NSID && mnl_attr_get_payload_len(a) == sizeof(*id))
            memcpy(id, mnl_attr_get_payload(a), sizeof(*id));
    return MNL_CB_STOP;
}

/* Return: the same for the same namespace; -1: it has none, or cannot be asked for. */
static int32_t nsid_by(uint16_t attribute, uint32_t number) {
    int32_t id = NETNSA_NSID_NOT_ASSIGNED;

    (void)ask_kernel(RTM_GETNSID, 0, attribute, number, on_nsid, &id);
    return id;
}

/* /proc/PID/ns/net needs CAP_SYS_PTRACE; the id needs none, but only a veth pair gives one. */
static void name_in_run(const char *pid, char ret[static CTW_NETNS_NAME_MAX]) {
    char path[NAME_MAX + 16];
    const struct dirent *d;
    unsigned seen = 0;
    struct stat st;

    ret[0] = '\0';
    (void)snprintf(path, sizeof(path), "/proc/%s/ns/net", pid);
    if (stat(path, &st) == 0) {
        ctw_netns_file(st.st_ino, ret);
        return;
    }
    const int32_t id = nsid_by(NETNSA_PID, (uint32_t)strtoul(pid, NULL, 10));
    DIR *dir = id < 0 ? NULL : opendir(NAMES_DIR);
    while (dir && ret[0] == '\0' && seen++ < ENTRIES_MAX && (d = readdir(dir))) {
        const int fd = openat(dirfd(dir), d->d_name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        if (fd >= 0 && nsid_by(NETNSA_FD, (uint32_t)fd) == id)
            (void)snprintf(ret, CTW_NETNS_NAME_MAX, "%s", d->d_name);
        if (fd >= 0)
            (void)close(fd);
    }
    if (dir)
        (void)closedir(dir);
}

static void add_pod(struct ctw_netns_name *n, const char *cgroup, size_t length) {
    const struct dirent *d;
    unsigned seen = 0;

    DIR *dir = opendir(POD_LOGS_DIR);
    while (dir && seen++ < ENTRIES_MAX && (d = readdir(dir)))
        if (ctw_netns_name_add_pod(n, cgroup, length, d->d_name))
            break;
    if (dir)
        (void)closedir(dir);
}

void ctw_netns_describe(const char *pid, struct ctw_netns_name *ret) {
    char run_name[CTW_NETNS_NAME_MAX], cgroup[4096], command[32], path[NAME_MAX + 16];

    name_in_run(pid, run_name);
    (void)snprintf(path, sizeof(path), "/proc/%s/cgroup", pid);
    const int fd = ctw_procfs_open("", path, O_RDONLY);
    const ssize_t n = fd < 0 ? 0 : ctw_procfs_read_all(fd, cgroup, sizeof(cgroup));
    if (fd >= 0)
        (void)close(fd);
    (void)snprintf(path, sizeof(path), "/proc/%s/comm", pid);
    ctw_procfs_line("", path, command, sizeof(command));
    const struct ctw_netns_evidence e = {run_name, cgroup, n > 0 ? (size_t)n : 0, command};
    ctw_netns_name_find(&e, ret);
    if (ret->kind == CTW_NETNS_CONTAINERD || ret->kind == CTW_NETNS_CRIO ||
        ret->kind == CTW_NETNS_CONTAINER)
        add_pod(ret, cgroup, e.cgroup_length);
}

/* --- how many there are --------------------------------------------------------------------- */

/* Namespaces with a name: made by `ip netns`, or by a container runtime for its networks. */
static uint32_t count_named(const char *root) {
    uint32_t n = 0;

    int fd = ctw_procfs_open(root, "/run/netns", O_RDONLY);
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

/* Namespaces with an id in ours, as a veth pair between them makes one. */
static uint32_t count_connected(void) {
    uint32_t n = 0;

    (void)ask_kernel(RTM_GETNSID, NLM_F_DUMP, 0, 0, on_id, &n);
    return n;
}

uint32_t ctw_netns_count(const char *root) {
    const uint32_t named = count_named(root);
    const uint32_t connected = root[0] == '\0' ? count_connected() : 0;

    return 1 + (named > connected ? named : connected);
}
