/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/source/netns.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/if_link.h>
#include <linux/net_namespace.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/sys/procfs.h"

#define NAMES_DIR "/run/netns"

/* Of /proc/PID/cgroup and /proc/PID/comm, which has at most TASK_COMM_LEN, 64 for kernel threads.
 */
#define CGROUP_MAX  8192
#define COMMAND_MAX 72

/* Names that are searched at all. */
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

bool ctw_netns_at(int folder, const char *entry, uint64_t *ret_inode) {
    struct stat own, st;

    if (stat_own(&own) < 0 || fstatat(folder, entry, &st, 0) < 0 || st.st_dev != own.st_dev)
        return false;
    *ret_inode = st.st_ino;
    return true;
}

bool ctw_netns_file(uint64_t inode, char *ret_name, size_t size) {
    DIR *d = inode == 0 ? NULL : opendir(NAMES_DIR);
    const struct dirent *e;
    uint64_t seen = 0;

    ret_name[0] = '\0';
    for (unsigned n = 0; d && seen != inode && n < ENTRIES_MAX && (e = readdir(d)); n++)
        if (e->d_name[0] != '.' && ctw_netns_at(dirfd(d), e->d_name, &seen) && seen == inode)
            (void)snprintf(ret_name, size, "%s", e->d_name);
    if (d)
        (void)closedir(d);
    for (char *c = ret_name; *c; c++) /* untrusted: only printable ASCII may reach a terminal */
        if ((unsigned char)*c < ' ' || (unsigned char)*c > '~')
            *c = '?';
    return ret_name[0] != '\0';
}

/* --- what a process shows -------------------------------------------------------------------- */

static size_t read_file(int folder, const char *name, char *ret, size_t size) {
    const int fd = openat(folder, name, O_RDONLY | O_CLOEXEC);
    const ssize_t n = fd < 0 ? 0 : ctw_procfs_read_all(fd, ret, size);

    if (fd >= 0)
        close(fd);
    return n > 0 ? (size_t)n : 0;
}

/* "NAMESPACE_NAME_UID" */
static void add_pod(struct ctw_netns_name *name, const char *cgroup, size_t length) {
    DIR *d = opendir("/var/log/pods");
    const struct dirent *e;
    unsigned n = 0;

    while (d && n++ < ENTRIES_MAX && (e = readdir(d)))
        if (ctw_netns_name_add_pod(name, cgroup, length, e->d_name))
            break;
    if (d)
        (void)closedir(d);
}

void ctw_netns_name_process(int process, const char *run_name, struct ctw_netns_name *ret) {
    char cgroup[CGROUP_MAX], command[COMMAND_MAX];
    const size_t length = read_file(process, "cgroup", cgroup, sizeof(cgroup));

    command[read_file(process, "comm", command, sizeof(command) - 1)] = '\0';
    const struct ctw_netns_evidence e = {run_name, cgroup, length, command};
    ctw_netns_name_find(&e, ret);
    if (ret->kind == CTW_NETNS_CONTAINERD || ret->kind == CTW_NETNS_CRIO ||
        ret->kind == CTW_NETNS_CONTAINER)
        add_pod(ret, cgroup, length);
}

/* --- rtnetlink -------------------------------------------------------------------------------- */

void ctw_netns_ask(uint16_t type, uint16_t flags, uint16_t attribute, uint32_t number,
                   mnl_cb_t answer, void *userdata) {
    _Alignas(struct nlmsghdr) char buffer[8192];
    int r = MNL_CB_OK;

    struct mnl_socket *s = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
    if (!s)
        return;
    struct nlmsghdr *h = mnl_nlmsg_put_header(buffer);
    h->nlmsg_type = type;
    h->nlmsg_flags = NLM_F_REQUEST | flags;
    if (attribute != 0) {
        (void)mnl_nlmsg_put_extra_header(h, sizeof(struct rtgenmsg));
        mnl_attr_put_u32(h, attribute, number);
    } else {
        struct ifinfomsg *m = mnl_nlmsg_put_extra_header(h, sizeof(*m));
        m->ifi_index = (int)number;
    }
    if (mnl_socket_bind(s, 0, MNL_SOCKET_AUTOPID) < 0 || mnl_socket_sendto(s, h, h->nlmsg_len) < 0)
        r = MNL_CB_ERROR;
    while (r > MNL_CB_STOP) {
        /* The kernel has answered before send() returns, and each recv() makes it queue the next
         * part of a dump: there is no wait. */
        const ssize_t got = recv(mnl_socket_get_fd(s), buffer, sizeof(buffer), MSG_DONTWAIT);
        r = got <= 0
                ? MNL_CB_ERROR
                : mnl_cb_run(buffer, (size_t)got, 0, mnl_socket_get_portid(s), answer, userdata);
    }
    (void)mnl_socket_close(s);
}

const void *ctw_netns_attribute(const struct nlmsghdr *h, size_t size, uint16_t type,
                                uint16_t length) {
    const char *const end = (const char *)h + h->nlmsg_len;

    for (const struct nlattr *a = mnl_nlmsg_get_payload_offset(h, size);
         mnl_attr_ok(a, (int)(end - (const char *)a)); a = mnl_attr_next(a))
        if (mnl_attr_get_type(a) == type && mnl_attr_get_payload_len(a) == length)
            return mnl_attr_get_payload(a);
    return NULL;
}

static int on_nsid(const struct nlmsghdr *h, void *ret_id) {
    const uint16_t size = sizeof(int32_t);
    const void *id = h->nlmsg_type == RTM_NEWLINK
                         ? ctw_netns_attribute(h, sizeof(struct ifinfomsg), IFLA_LINK_NETNSID, size)
                         : ctw_netns_attribute(h, sizeof(struct rtgenmsg), NETNSA_NSID, size);

    if (id)
        memcpy(ret_id, id, size);
    return MNL_CB_STOP;
}

int32_t ctw_netns_id(uint16_t attribute, uint32_t value) {
    int32_t id = -1;

    ctw_netns_ask(attribute == 0 ? RTM_GETLINK : RTM_GETNSID, 0, attribute, value, on_nsid, &id);
    return id;
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

uint32_t ctw_netns_count(const char *root) {
    const uint32_t named = count_named(root);
    uint32_t connected = 0; /* with an id in ours, as a veth pair between them makes one */

    if (root[0] == '\0')
        ctw_netns_ask(RTM_GETNSID, NLM_F_DUMP, 0, 0, on_id, &connected);
    return 1 + (named > connected ? named : connected);
}
