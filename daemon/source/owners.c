/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/source/owners.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/neighbour.h>
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
#include "lib/watch/alert.h"

/* Below the timer that polls the table. */
#define PRIORITY (SD_EVENT_PRIORITY_NORMAL + 10)

/* An alert waits for this, and a poll for a slice: 200 namespaces take 8 ms. */
#define LIMIT_USEC (100 * CTW_USEC_PER_MSEC)
#define SLICE_USEC 500u

/* A router's routes fill megabytes: the addresses of a namespace whose file is larger are not
 * known. */
#define FILE_MAX 65536u

/* Exists in the initial network namespace only (net/netfilter/nf_conntrack_standalone.c). */
#define INITIAL_ONLY "/proc/sys/net/nf_conntrack_max"

/* Names in /run/netns whose ids are asked for, in some 10 us each. */
#define NAMES_MAX 1024u

/* Namespaces that are remembered by their last digits. One that is forgotten is read again. */
#define SEEN 256u

struct ctw_owners {
    sd_event_source *slice; /* NULL: all at once */
    ctw_owners_found_fn *found;
    void *userdata;
    struct ctw_address_list lists[CTW_OWNED_LISTS_MAX];
    size_t n;
    uint64_t until_usec;
    DIR *processes;
    ino_t own, seen[SEEN];
    char text[FILE_MAX + 1];
};

/* --- the name by a process -------------------------------------------------------------------- */

static void name_by_id(int32_t id, char ret[static CTW_NETNS_NAME_MAX]) {
    DIR *dir = id < 0 ? NULL : opendir("/run/netns");
    const struct dirent *d;
    unsigned seen = 0;

    ret[0] = '\0';
    while (dir && ret[0] == '\0' && seen++ < NAMES_MAX && (d = readdir(dir))) {
        const int fd = openat(dirfd(dir), d->d_name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        if (fd >= 0 && ctw_netns_id(NETNSA_FD, (uint32_t)fd) == id)
            (void)snprintf(ret, CTW_NETNS_NAME_MAX, "%s", d->d_name);
        if (fd >= 0)
            (void)close(fd);
    }
    if (dir)
        (void)closedir(dir);
}

/* /proc/PID/ns/net needs CAP_SYS_PTRACE; the id needs none, but only a veth pair gives one. */
static void describe(const char *pid, struct ctw_netns_name *ret) {
    char run_name[CTW_NETNS_NAME_MAX], path[NAME_MAX + 16];
    uint64_t inode;

    (void)snprintf(path, sizeof(path), "/proc/%s", pid);
    const int process = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (process < 0)
        return;
    if (ctw_netns_at(process, "ns/net", &inode))
        (void)ctw_netns_file(inode, run_name, sizeof(run_name));
    else
        name_by_id(ctw_netns_id(NETNSA_PID, (uint32_t)strtoul(pid, NULL, 10)), run_name);
    ctw_netns_name_process(process, run_name, ret);
    (void)close(process);
}

/* --- by rtnetlink alone ----------------------------------------------------------------------- */

static void note(const struct ctw_owners *o, const struct ctw_address *a, const char *name,
                 enum ctw_owner_by by) {
    for (size_t i = 0; i < o->n; i++)
        (void)ctw_address_owned(&o->lists[i], a, name, by);
}

static bool is_listed(const struct ctw_owners *o, const struct ctw_address *a,
                      enum ctw_owner_by by) {
    bool listed = false;

    for (size_t i = 0; i < o->n; i++)
        listed |= ctw_address_owned(&o->lists[i], a, "", by);
    return listed;
}

static int on_own_address(const struct nlmsghdr *h, void *userdata) {
    const struct ctw_owners *o = userdata;
    char name[CTW_NETNS_NAME_MAX] = "this host";
    struct ctw_address a;

    if (ctw_address_of_message(h, h->nlmsg_len, &a) < 0 || !is_listed(o, &a, CTW_OWNER_ASKED))
        return MNL_CB_OK;
    if (access(INITIAL_ONLY, F_OK) < 0)
        (void)ctw_netns_file(ctw_netns_own_inode(), name, sizeof(name));
    note(o, &a, name[0] != '\0' ? name : "this namespace", CTW_OWNER_OWN);
    return MNL_CB_OK;
}

/* A namespace without a process shows no addresses, but the other end of its veth pair has them as
 * neighbours. */
static int on_neighbour(const struct nlmsghdr *h, void *userdata) {
    const struct ndmsg *m = mnl_nlmsg_get_payload(h);
    const uint16_t size = m->ndm_family == AF_INET ? 4 : m->ndm_family == AF_INET6 ? 16 : 0;
    const void *address = ctw_netns_attribute(h, sizeof(*m), NDA_DST, size);
    struct ctw_address a = {.family = m->ndm_family};
    const struct ctw_owners *o = userdata;
    char name[CTW_NETNS_NAME_MAX];

    if (h->nlmsg_type != RTM_NEWNEIGH || size == 0 || !address)
        return MNL_CB_OK;
    memcpy(a.bytes, address, size);
    if (!is_listed(o, &a, CTW_OWNER_PEER))
        return MNL_CB_OK;
    name_by_id(ctw_netns_id(0, (uint32_t)m->ndm_ifindex), name);
    if (name[0] != '\0')
        note(o, &a, name, CTW_OWNER_PEER);
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
            if (is_listed(o, &a, CTW_OWNER_ASKED)) {
                if (name.kind == CTW_NETNS_UNNAMED)
                    describe(pid, &name);
                if (name.kind != CTW_NETNS_UNNAMED && inode_of(pid) == inode) /* not used again */
                    note(o, &a, name.text, CTW_OWNER_OTHER);
            }
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
    ctw_netns_ask(RTM_GETNEIGH, NLM_F_DUMP, 0, 0, on_neighbour, o);
    ctw_netns_ask(RTM_GETADDR, NLM_F_DUMP, 0, 0, on_own_address, o);
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
