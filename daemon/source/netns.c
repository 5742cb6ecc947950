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

uint32_t ctw_netns_count(const char *root) {
    const uint32_t named = count_named(root);
    const uint32_t connected = root[0] == '\0' ? count_connected() : 0;

    return 1 + (named > connected ? named : connected);
}
