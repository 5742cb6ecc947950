/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/source/owners.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <limits.h>
#include <linux/net_namespace.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/source/netns.h"
#include "daemon/sys/clock.h"
#include "daemon/sys/procfs.h"
#include "lib/kernel/netns_name.h"
#include "lib/util/units.h"

/* Below the timer that polls the table. */
#define PRIORITY (SD_EVENT_PRIORITY_NORMAL + 10)

/* An alert waits for this, and a poll for a slice. */
#define LIMIT_USEC (20 * CTW_USEC_PER_MSEC)
#define SLICE_USEC 500u

/* A router's routes fill megabytes: the addresses of a namespace whose file is larger are not
 * known. */
#define FILE_MAX 65536u

/* Exists in the initial network namespace only (net/netfilter/nf_conntrack_standalone.c). */
#define INITIAL_ONLY "/proc/sys/net/nf_conntrack_max"

/* Entries of a folder that are examined at all. */
#define ENTRIES_MAX 4096u

/* Namespaces that are remembered by their last digits. One that is forgotten is read again. */
#define SEEN 256u

struct ctw_owners {
    sd_event_source *slice; /* NULL: all at once */
    ctw_owners_found_fn *found;
    void *userdata;
    struct ctw_address_list lists[CTW_OWNED_LISTS_MAX];
    size_t n;
    uint64_t until_usec;
    DIR *processes; /* NULL: to be opened */
    ino_t own, seen[SEEN];
    char text[FILE_MAX + 1];
};

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
    DIR *dir = id < 0 ? NULL : opendir("/run/netns");
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

    DIR *dir = opendir("/var/log/pods");
    while (dir && seen++ < ENTRIES_MAX && (d = readdir(dir)))
        if (ctw_netns_name_add_pod(n, cgroup, length, d->d_name))
            break;
    if (dir)
        (void)closedir(dir);
}

static void describe(const char *pid, struct ctw_netns_name *ret) {
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

/* --- the own namespace ------------------------------------------------------------------------ */

static int on_own_address(const struct nlmsghdr *h, void *userdata) {
    const struct ctw_owners *o = userdata;
    char name[CTW_NETNS_NAME_MAX] = "this host";
    struct ctw_address a;

    for (size_t i = 0; ctw_address_of_message(h, h->nlmsg_len, &a) == 0 && i < o->n; i++) {
        if (!ctw_address_owned(&o->lists[i], &a, NULL, true))
            continue;
        if (access(INITIAL_ONLY, F_OK) < 0)
            ctw_netns_file(ctw_netns_own_inode(), name);
        (void)ctw_address_owned(&o->lists[i], &a, name[0] != '\0' ? name : "this namespace", true);
    }
    return MNL_CB_OK;
}

/* --- other namespaces ------------------------------------------------------------------------- */

/* /proc/PID/net/FILE. Its inode is another one in each namespace, and readable for all. */
static ino_t inode_of(const char *pid) {
    char path[NAME_MAX + 32];
    struct stat st;

    (void)snprintf(path, sizeof(path), "/proc/%s/net/fib_trie", pid);
    return stat(path, &st) < 0 ? 0 : st.st_ino;
}

/* Return: all of the file; empty where it cannot be read, or is too large. */
static struct ctw_piece read_net(struct ctw_owners *o, const char *pid, const char *file) {
    char path[NAME_MAX + 32];

    (void)snprintf(path, sizeof(path), "/proc/%s/net/%s", pid, file);
    const int fd = ctw_procfs_open("", path, O_RDONLY);
    const ssize_t n = fd < 0 ? fd : ctw_procfs_read_all(fd, o->text, sizeof(o->text));
    if (fd >= 0)
        (void)close(fd);
    return (struct ctw_piece){o->text, n > 0 && n <= (ssize_t)FILE_MAX ? (size_t)n : 0};
}

static void note(const struct ctw_owners *o, const struct ctw_address *a, const char *pid,
                 ino_t inode, struct ctw_netns_name *name) {
    for (size_t i = 0; i < o->n; i++) {
        if (!ctw_address_owned(&o->lists[i], a, NULL, false))
            continue;
        if (name->kind == CTW_NETNS_UNNAMED)
            describe(pid, name);
        if (name->kind != CTW_NETNS_UNNAMED && inode_of(pid) == inode) /* it was not reused */
            (void)ctw_address_owned(&o->lists[i], a, name->text, false);
    }
}

static void read_namespace(struct ctw_owners *o, const char *pid) {
    static const struct {
        const char *file;
        bool (*next)(struct ctw_piece *text, struct ctw_address *ret);
    } files[] = {{"fib_trie", ctw_fib_trie_next}, {"if_inet6", ctw_if_inet6_next}};
    const ino_t inode = inode_of(pid);
    struct ctw_netns_name name = {0};
    struct ctw_address a;

    if (inode == 0 || inode == o->own || o->seen[inode % SEEN] == inode)
        return;
    o->seen[inode % SEEN] = inode;
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
        for (struct ctw_piece text = read_net(o, pid, files[i].file); files[i].next(&text, &a);)
            note(o, &a, pid, inode, &name);
}

/* --- in slices -------------------------------------------------------------------------------- */

static void begin(struct ctw_owners *o, const struct ctw_address_list *lists, size_t n) {
    memcpy(o->lists, lists, n * sizeof(*lists));
    o->n = n;
    o->own = inode_of("thread-self");
    memset(o->seen, 0, sizeof(o->seen));
    if (o->processes)
        (void)closedir(o->processes);
    o->processes = opendir("/proc");
}

/* Return: whether it was the last one. The own addresses come last (ctw_address_owned()). */
static bool do_slice(struct ctw_owners *o, uint64_t slice_usec) {
    const uint64_t end_usec = ctw_monotonic_usec() + slice_usec;
    const struct dirent *d;

    while (o->processes && (d = readdir(o->processes))) {
        if (isdigit((unsigned char)d->d_name[0]))
            read_namespace(o, d->d_name);
        const uint64_t now_usec = ctw_monotonic_usec();
        if (now_usec >= o->until_usec)
            break;
        if (now_usec >= end_usec)
            return false;
    }
    (void)ask_kernel(RTM_GETADDR, NLM_F_DUMP, 0, 0, on_own_address, o);
    return true;
}

static int on_slice(sd_event_source *source, void *userdata) {
    struct ctw_owners *o = userdata;

    if (!do_slice(o, SLICE_USEC))
        return 0;
    (void)sd_event_source_set_enabled(o->slice, SD_EVENT_OFF);
    o->found(o->userdata);
    return 0;
}

int ctw_owners_new(sd_event *event, ctw_owners_found_fn *found, void *userdata,
                   struct ctw_owners **ret) {
    struct ctw_owners *o = calloc(1, sizeof(*o));

    if (!o)
        return -ENOMEM;
    o->found = found;
    o->userdata = userdata;
    int r = sd_event_add_defer(event, &o->slice, on_slice, o);
    if (r >= 0)
        r = sd_event_source_set_priority(o->slice, PRIORITY);
    if (r >= 0)
        r = sd_event_source_set_enabled(o->slice, SD_EVENT_OFF);
    if (r < 0) {
        (void)ctw_owners_free(o);
        return r;
    }
    *ret = o;
    return 0;
}

struct ctw_owners *ctw_owners_free(struct ctw_owners *o) {
    if (!o)
        return NULL;
    if (o->processes)
        (void)closedir(o->processes);
    (void)sd_event_source_disable_unref(o->slice);
    free(o);
    return NULL;
}

void ctw_owners_find(struct ctw_owners *o, const struct ctw_address_list *lists, size_t n) {
    begin(o, lists, n);
    o->until_usec = ctw_monotonic_usec() + LIMIT_USEC;
    (void)sd_event_source_set_enabled(o->slice, SD_EVENT_ON);
}

void ctw_owners_find_now(const struct ctw_address_list *lists, size_t n) {
    struct ctw_owners *o = calloc(1, sizeof(*o));

    if (!o)
        return; /* it is shown without names */
    o->until_usec = UINT64_MAX;
    begin(o, lists, n);
    (void)do_slice(o, UINT32_MAX);
    (void)ctw_owners_free(o);
}
