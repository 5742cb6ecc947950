/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/source/table.h"

#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <limits.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/sys/clock.h"
#include "daemon/sys/procfs.h"
#include "lib/kernel/counters.h"

/*
 * Upper bound of the statistics: a line of 17 columns for each of the 8192 CPUs that Linux can have
 * takes 1.3 MB. What a smaller machine never writes to never becomes resident.
 */
#define STATISTICS_MAX (2u << 20)

static const char *const statistics_paths[] = {
    "/proc/net/stat/nf_conntrack",
    "/proc/net/stat/ip_conntrack",
    NULL,
};

/* What can be missing from this machine's /proc altogether, in a sandbox. */
static const char sysctl_path[] = "/proc/sys/net";

/* What is to blame when the kernel was asked over netlink. */
static const char netlink_name[] = "ctnetlink";

/* A file kept open between looks. */
struct file {
    const char *const *paths; /* the first of these that there is */
    const char *path;         /* the one that is open, or else the one to blame */
    int fd;                   /* -1: not open */
};

struct ctw_table {
    char root[PATH_MAX];
    struct file count, max, buckets;
    /* Unlike a sysctl descriptor, this one keeps a deleted network namespace alive. That does not
     * matter for the namespace the daemon itself is in, but must not be done to another. */
    struct file statistics;
    char text[STATISTICS_MAX];
};

/* --- one file -------------------------------------------------------------------------------- */

static void file_close(struct file *f) {
    if (f->fd >= 0)
        close(f->fd);
    f->fd = -1;
}

/* What there is but cannot be opened is the one to blame, else the newest kernels' path. */
static int file_open(struct file *f, const char *root) {
    int error = -ENOENT;

    if (f->fd >= 0)
        return 0;
    f->path = f->paths[0];
    for (const char *const *path = f->paths; *path != NULL; path++) {
        const int fd = ctw_procfs_open(root, *path, O_RDONLY);
        if (fd >= 0) {
            f->fd = fd;
            f->path = *path;
            return 0;
        }
        if (fd != -ENOENT && error == -ENOENT) {
            f->path = *path;
            error = fd;
        }
    }
    return error;
}

static ssize_t read_at(int fd, char *buffer, size_t size, size_t offset) {
    ssize_t n;

    do
        n = pread(fd, buffer, size, (off_t)offset);
    while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : n;
}

static int file_read_number(struct file *f, const char *root, uint32_t *ret) {
    const int r = file_open(f, root);
    return r < 0 ? r : ctw_procfs_read_number(f->fd, ret);
}

/* One read returns no more than the kernel has room to print at once, often a page: the rest takes
 * further ones. */
static ssize_t file_read_all(struct file *f, const char *root, char *buffer, size_t size) {
    size_t used = 0;

    int r = file_open(f, root);
    if (r < 0)
        return r;
    while (used < size) {
        ssize_t n = read_at(f->fd, buffer + used, size - used, used);
        if (n < 0)
            return n;
        if (n == 0)
            return (ssize_t)used;
        used += (size_t)n;
    }
    return -EFBIG;
}

/* --- the table ------------------------------------------------------------------------------- */

static void close_all(struct ctw_table *t) {
    file_close(&t->count);
    file_close(&t->max);
    file_close(&t->buckets);
    file_close(&t->statistics);
}

int ctw_table_new(const char *root, struct ctw_table **ret) {
    const size_t length = strlen(root);
    if (length >= PATH_MAX)
        return -ENAMETOOLONG;
    struct ctw_table *t = calloc(1, sizeof *t);
    if (t == NULL)
        return -ENOMEM;

    memcpy(t->root, root, length + 1);
    t->count = (struct file){.paths = ctw_count_paths, .fd = -1};
    t->max = (struct file){.paths = ctw_max_paths, .fd = -1};
    t->buckets = (struct file){.paths = ctw_buckets_paths, .fd = -1};
    t->statistics = (struct file){.paths = statistics_paths, .fd = -1};
    *ret = t;
    return 0;
}

struct ctw_table *ctw_table_free(struct ctw_table *t) {
    if (t == NULL)
        return NULL;
    close_all(t);
    free(t);
    return NULL;
}

static bool is_captured(const struct ctw_table *t) {
    return t->root[0] != '\0';
}

static struct ctw_source_health ok(void) {
    return (struct ctw_source_health){.health = CTW_HEALTH_OK};
}

static struct ctw_source_health absent(const char *what) {
    return ctw_source_health_of(CTW_HEALTH_ABSENT, 0, what);
}

static struct ctw_source_health failed(int error, const char *what) {
    return ctw_source_health_of(CTW_HEALTH_FAILED, error, what);
}

/* Neither file: the module is not loaded, unless this machine's /proc/sys is out of sight, as in a
 * service with ProcSubset=pid. A captured tree need not hold more than somebody put there. */
static struct ctw_source_health neither(const struct ctw_table *t) {
    if (!is_captured(t) && access(sysctl_path, F_OK) < 0)
        return failed(-errno, sysctl_path);
    return absent(t->count.path);
}

static struct ctw_source_health poll(struct ctw_table *t, struct ctw_sample *sample) {
    uint32_t count, max;

    int count_error = file_read_number(&t->count, t->root, &count);
    int max_error = file_read_number(&t->max, t->root, &max);
    if (count_error == -ENOENT && max_error == -ENOENT)
        return neither(t);
    if (count_error < 0)
        return failed(count_error, t->count.path);
    if (max_error < 0)
        return failed(max_error, t->max.path);

    sample->count = count;
    sample->max = max;
    return ok();
}

void ctw_table_read(struct ctw_table *t, struct ctw_sample *sample,
                    struct ctw_source_health *state) {
    sample->has_buckets = false;
    sample->has_counters = false;

    /* A file of a captured tree may have been replaced under its name: only /proc tells. */
    if (is_captured(t))
        close_all(t);
    *state = poll(t, sample);
    if (state->health == CTW_HEALTH_OK)
        return;

    /* The module was unloaded, and perhaps loaded again. */
    close_all(t);
    *state = poll(t, sample);
    if (state->health != CTW_HEALTH_OK)
        close_all(t);
}

/* --- buckets and counters -------------------------------------------------------------------- */

static bool read_buckets(struct ctw_table *t, uint32_t *ret) {
    if (file_read_number(&t->buckets, t->root, ret) == 0)
        return true;
    file_close(&t->buckets);
    if (file_read_number(&t->buckets, t->root, ret) == 0)
        return true;
    file_close(&t->buckets);
    return false;
}

static int read_statistics(struct ctw_table *t, struct ctw_counters *ret) {
    ssize_t n = file_read_all(&t->statistics, t->root, t->text, STATISTICS_MAX);
    return n < 0 ? (int)n : ctw_counters_parse(t->text, (size_t)n, ret);
}

/* Asking over netlink loads the module where it is missing, so look once more before. */
static struct ctw_source_health read_netlink(struct ctw_table *t, struct ctw_counters *ret) {
    uint32_t count;

    if (is_captured(t) || file_read_number(&t->count, t->root, &count) < 0)
        return absent(t->statistics.path);
    int r = ctw_ctstats_read(ret);
    return r < 0 ? failed(r, netlink_name) : ok();
}

void ctw_table_read_counters(struct ctw_table *t, struct ctw_sample *sample,
                             struct ctw_source_health *state) {
    sample->has_buckets = read_buckets(t, &sample->buckets);

    int r = read_statistics(t, &sample->counters);
    if (r < 0) {
        file_close(&t->statistics);
        r = read_statistics(t, &sample->counters);
    }
    if (r < 0)
        file_close(&t->statistics);

    if (r == -ENOENT)
        *state = read_netlink(t, &sample->counters);
    else
        *state = r < 0 ? failed(r, t->statistics.path) : ok();
    sample->has_counters = state->health == CTW_HEALTH_OK;
}

/* More than the kernel ever puts into one datagram of a dump: it fills a page, or 8 KiB where pages
 * are larger, unless the reader has asked for more. */
#define DATAGRAM_MAX 16384

/* A dump that was interrupted or overran the buffer is asked for again, this often in all. */
#define ATTEMPTS 3

/* Only tells answers from what may come before them; every socket has just one request. */
#define SEQUENCE 1

struct answer {
    struct ctw_counters sum;
    unsigned cpus;
};

static void close_socket(struct mnl_socket **socket) {
    if (*socket != NULL)
        mnl_socket_close(*socket);
}

static int open_socket(struct mnl_socket **ret) {
    const struct timeval timeout = {.tv_usec = CTW_CTSTATS_TIMEOUT_USEC};
    __attribute__((cleanup(close_socket))) struct mnl_socket *s = NULL;

    s = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
    if (s == NULL || mnl_socket_bind(s, 0, MNL_SOCKET_AUTOPID) < 0)
        return -errno;
    if (setsockopt(mnl_socket_get_fd(s), SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout) < 0)
        return -errno;

    *ret = s;
    s = NULL;
    return 0;
}

static int send_request(struct mnl_socket *s) {
    _Alignas(struct nlmsghdr) char bytes[64];
    struct nlmsghdr *header = mnl_nlmsg_put_header(bytes);

    header->nlmsg_type = (NFNL_SUBSYS_CTNETLINK << 8) | IPCTNL_MSG_CT_GET_STATS_CPU;
    header->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    header->nlmsg_seq = SEQUENCE;
    mnl_nlmsg_put_extra_header(header, sizeof(struct nfgenmsg)); /* all zero: NFNETLINK_V0 */

    return mnl_socket_sendto(s, header, header->nlmsg_len) < 0 ? -errno : 0;
}

/* One datagram; 0 when there was none of the kernel's, but there may yet be. */
static ssize_t receive(struct mnl_socket *s, void *buffer, size_t size) {
    struct sockaddr_nl from = {0};
    struct iovec iov = {.iov_base = buffer, .iov_len = size};
    struct msghdr m = {
        .msg_name = &from, .msg_namelen = sizeof from, .msg_iov = &iov, .msg_iovlen = 1};

    ssize_t n = recvmsg(mnl_socket_get_fd(s), &m, 0);
    if (n < 0 && errno == EINTR)
        return 0;
    if (n < 0)
        return errno == EAGAIN ? -ETIMEDOUT : -errno;
    if (m.msg_namelen != sizeof from || from.nl_pid != 0)
        return 0; /* another process may write to this socket */
    if (m.msg_flags & MSG_TRUNC)
        return -EBADMSG;
    return n;
}

static int add_cpu(const struct nlmsghdr *message, void *userdata) {
    struct answer *answer = userdata;

    int r = ctw_counters_add_netlink(message, message->nlmsg_len, &answer->sum);
    if (r < 0) {
        errno = -r;
        return MNL_CB_ERROR;
    }
    answer->cpus++;
    return MNL_CB_OK;
}

/* One dump, to its end. -EINTR means that the kernel says it was interrupted. */
static int dump(uint64_t deadline_usec, struct answer *ret) {
    __attribute__((cleanup(close_socket))) struct mnl_socket *s = NULL;
    _Alignas(struct nlmsghdr) char datagram[DATAGRAM_MAX];
    struct answer answer = {0};

    int r = open_socket(&s);
    if (r < 0)
        return r;
    r = send_request(s);
    if (r < 0)
        return r;

    do {
        ssize_t n = receive(s, datagram, sizeof datagram);
        if (n < 0)
            return (int)n;
        r = mnl_cb_run(datagram, (size_t)n, SEQUENCE, mnl_socket_get_portid(s), add_cpu, &answer);
        if (r < 0)
            return -errno;
        if (r > MNL_CB_STOP && ctw_monotonic_usec() >= deadline_usec)
            return -ETIMEDOUT;
    } while (r > MNL_CB_STOP);

    if (answer.cpus == 0)
        return -EBADMSG;
    *ret = answer;
    return 0;
}

int ctw_ctstats_read(struct ctw_counters *ret) {
    const uint64_t deadline_usec = ctw_monotonic_usec() + CTW_CTSTATS_TIMEOUT_USEC;
    struct answer answer = {0};
    int r = -EINTR;

    for (int i = 0; i < ATTEMPTS && (r == -EINTR || r == -ENOBUFS); i++)
        r = dump(deadline_usec, &answer);
    if (r < 0)
        return r;

    *ret = answer.sum;
    return 0;
}
