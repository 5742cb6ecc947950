/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * pinned_table: the behaviour of the running kernel that daemon/source/table expects. Driven by
 * test_kernel_table. Each mode ends with 0, or prints what did not hold and ends with 1.
 */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/source/dump.h"
#include "daemon/source/table.h"
#include "lib/kernel/counters.h"
#include "lib/util/parse.h"

#define COUNT      "/proc/sys/net/netfilter/nf_conntrack_count"
#define MAX        "/proc/sys/net/netfilter/nf_conntrack_max"
#define BUCKETS    "/proc/sys/net/netfilter/nf_conntrack_buckets"
#define TIMEOUT    "/proc/sys/net/netfilter/nf_conntrack_udp_timeout"
#define STATISTICS "/proc/self/net/stat/nf_conntrack" /* what /proc/net leads to */

#define NOBODY 65534

/* A condition is waited for this long. */
#define PATIENCE_MSEC 30000

static void expect(bool holds, const char *what) {
    if (holds)
        return;
    fprintf(stderr, "FAILED: %s (%s)\n", what, strerror(errno));
    exit(1);
}

static int opened(const char *path, int flags) {
    int fd = open(path, flags | O_CLOEXEC);
    if (fd < 0) {
        fprintf(stderr, "FAILED: %s: %s\n", path, strerror(errno));
        exit(1);
    }
    return fd;
}

/* As daemon/source/table reads it; -1 with errno when that fails. */
static int64_t read_number(int fd) {
    char text[64];
    uint32_t value;

    ssize_t n = pread(fd, text, sizeof text, 0);
    if (n < 0)
        return -1;
    expect(ctw_text_sysctl(text, (size_t)n, &value) == 0, "a sysctl holds a number and a newline");
    return value;
}

static int64_t number_in(const char *path) {
    int fd = opened(path, O_RDONLY);
    int64_t value = read_number(fd);
    close(fd);
    return value;
}

static struct ctw_table *new_table(void) {
    struct ctw_table *t = NULL;
    expect(ctw_table_new("", &t) == 0, "a table can be made");
    return t;
}

static void expect_poll(struct ctw_table *t, int64_t count, const char *what) {
    struct ctw_sample sample;
    struct ctw_source_health state;

    ctw_table_read(t, &sample, &state);
    expect(state.health == CTW_HEALTH_OK && sample.count == count, what);
}

static size_t read_statistics(char *text, size_t size) {
    int fd = opened(STATISTICS, O_RDONLY);
    size_t used = 0;
    for (ssize_t n; (n = pread(fd, text + used, size - used, (off_t)used)) > 0;)
        used += (size_t)n;
    close(fd);
    return used;
}

static struct ctw_counters counters_in_file(void) {
    static char text[1 << 20];
    struct ctw_counters c;
    size_t n = read_statistics(text, sizeof text);
    expect(ctw_counters_parse(text, n, &c) == 0, "the statistics can be parsed");
    return c;
}

static bool same(const struct ctw_counters *a, const struct ctw_counters *b) {
    return memcmp(a, b, sizeof *a) == 0;
}

/* --- modes ----------------------------------------------------------------------------------- */

/* pinned_table poll: what ctwatchd would read here. */
static void mode_poll(void) {
    struct ctw_sample s;
    struct ctw_source_health table, counters;
    struct ctw_table *t = new_table();

    ctw_table_read(t, &s, &table);
    expect(table.health == CTW_HEALTH_OK, "the table can be read");
    ctw_table_read_counters(t, &s, &counters);
    expect(counters.health == CTW_HEALTH_OK && s.has_buckets, "counters and buckets can be read");
    printf("count=%" PRIu32 " max=%" PRIu32 " buckets=%" PRIu32 " drop=%" PRIu64
           " early_drop=%" PRIu64 " insert_failed=%" PRIu64 " chainlength=%" PRIu64 "\n",
           s.count, s.max, s.buckets, s.counters.drop, s.counters.early_drop,
           s.counters.insert_failed, s.counters.chainlength);
    ctw_table_free(t);
}

static void enter(const char *netns) {
    int fd = opened(netns, O_RDONLY);
    expect(setns(fd, CLONE_NEWNET) == 0, "a network namespace can be entered");
    close(fd);
}

/*
 * pinned_table foreign THEIRS COUNT OURS COUNT: descriptors opened in one namespace are read from
 * within the other, before and after the first is deleted, which this does.
 */
static void mode_foreign(const char *theirs, int64_t their_count, const char *ours,
                         int64_t our_count) {
    struct ctw_table *t = new_table();

    enter(theirs);
    int fd = opened(COUNT, O_RDONLY);
    expect_poll(t, their_count, "a poll shows the namespace it is made in");
    enter(ours);

    expect(read_number(fd) == their_count,
           "a kept descriptor shows the namespace it was opened in, wherever its reader is");
    expect_poll(t, their_count, "and so does a poll");
    expect(number_in(COUNT) == our_count, "the count is one per namespace");

    expect(umount2(theirs, MNT_DETACH) == 0 && unlink(theirs) == 0, "a namespace can be deleted");
    int waited = 0;
    while (read_number(fd) >= 0 && waited++ < PATIENCE_MSEC)
        poll(NULL, 0, 1);
    expect(read_number(fd) == -1 && errno == ENOENT,
           "a kept descriptor does not keep its namespace, and answers ENOENT without it");
    expect_poll(t, our_count, "a poll whose descriptors are dead opens the files again at once");
    close(fd);
    ctw_table_free(t);
}

static void expect_read_only(const char *path) {
    struct stat st;
    expect(stat(path, &st) == 0 && (st.st_mode & 0777) == 0444, "a child's limit is shown as 0444");
    expect(open(path, O_RDWR | O_CLOEXEC) < 0 && errno == EACCES,
           "a child's limit cannot be opened for writing, not by root");
}

/* pinned_table child: in a namespace other than the initial one. */
static void mode_child(void) {
    char text[16] = "";

    expect_read_only(MAX);
    expect_read_only(BUCKETS);

    /* a sysctl that is the namespace's own */
    expect(number_in("/proc/sys/kernel/sysctl_writes_strict") == 1,
           "kernel.sysctl_writes_strict is 1, its default");
    int fd = opened(TIMEOUT, O_RDWR);
    expect(write(fd, "31\n", 3) == 3 && number_in(TIMEOUT) == 31, "a sysctl can be written");
    expect(write(fd, "32\n", 3) == 3, "a second write at an offset succeeds");
    expect(number_in(TIMEOUT) == 31, "and changes nothing");
    expect(pwrite(fd, "33\n", 3, 0) == 3 && number_in(TIMEOUT) == 33,
           "one at offset 0 does, through the same descriptor");
    expect(pread(fd, text, sizeof text, 0) == 3 && strcmp(text, "33\n") == 0,
           "which reads it back");
    expect(pread(fd, text, sizeof text, 3) == 0, "and there is no more than the number");
    close(fd);
}

/* pinned_table counters: the same counters from /proc and from netlink. */
static void mode_counters(void) {
    static char text[1 << 20];
    struct ctw_counters netlink;
    const struct ctw_counters file = counters_in_file();
    const int64_t count = number_in(COUNT);
    unsigned lines = 0;

    expect(ctw_dump_counters(&netlink) == 0, "ctnetlink gives statistics");
    expect(same(&file, &netlink), "ctnetlink and /proc/net/stat agree");
    expect(file.drop > 0, "and the test has made them say something");

    size_t n = read_statistics(text, sizeof text - 1);
    text[n] = '\0';
    for (char *line = strchr(text, '\n'); line != NULL && line[1] != '\0'; lines++) {
        expect(strtol(line + 1, NULL, 16) == count, "`entries` repeats the total on each line");
        line = strchr(line + 1, '\n');
    }
    expect(lines >= (unsigned)sysconf(_SC_NPROCESSORS_CONF), "there is a line for each CPU");
}

static void hide(const char *folder) {
    expect(mount("none", folder, "tmpfs", MS_RDONLY, "size=4k") == 0, "a folder can be hidden");
}

static struct ctw_source_health counters_of(struct ctw_table *t, struct ctw_counters *ret) {
    struct ctw_sample s = {0};
    struct ctw_source_health state;

    ctw_table_read_counters(t, &s, &state);
    expect(s.has_counters == (state.health == CTW_HEALTH_OK), "counters are there when it says so");
    *ret = s.counters;
    return state;
}

/* pinned_table hidden: what ctwatchd reads with less and less of /proc and of its capabilities, in
 * a mount namespace of its own. */
static void mode_hidden(void) {
    struct ctw_sample s;
    struct ctw_source_health state;
    struct ctw_counters c;
    struct ctw_table *t = new_table();
    const struct ctw_counters file = counters_in_file();
    const int64_t count = number_in(COUNT);

    expect(unshare(CLONE_NEWNS) == 0 && mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0,
           "a mount namespace can be made");
    hide("/proc/self/net"); /* files below do not stay hidden: their path is resolved each time */
    expect(access("/proc/net/stat/nf_conntrack", F_OK) < 0, "the statistics are out of sight");
    expect_poll(t, count, "the table can be read without them");
    state = counters_of(t, &c);
    expect(state.health == CTW_HEALTH_OK && same(&c, &file), "netlink replaces a missing file");

    expect(seteuid(NOBODY) == 0, "capabilities can be dropped");
    state = counters_of(t, &c);
    expect(state.health == CTW_HEALTH_FAILED && state.error == -EPERM &&
               strcmp(state.what, "ctnetlink") == 0,
           "but not without CAP_NET_ADMIN, which is the error");
    expect_poll(t, count, "while the table itself needs no capability");
    expect(seteuid(0) == 0, "and regained");

    t = ctw_table_free(t);
    t = new_table();
    hide("/proc/sys/net/netfilter");
    ctw_table_read(t, &s, &state);
    expect(state.health == CTW_HEALTH_ABSENT && strcmp(state.what, COUNT) == 0,
           "no sysctl means that there is no module");
    state = counters_of(t, &c);
    expect(state.health == CTW_HEALTH_ABSENT,
           "then no netlink request, which would load it, is sent");

    hide("/proc/sys");
    ctw_table_read(t, &s, &state);
    expect(state.health == CTW_HEALTH_FAILED && state.error == -ENOENT &&
               strcmp(state.what, "/proc/sys/net") == 0,
           "without /proc/sys at all the table has failed");
    ctw_table_free(t);
}

int main(int argc, char **argv) {
    const char *mode = argc > 1 ? argv[1] : "";

    if (argc == 2 && strcmp(mode, "poll") == 0)
        mode_poll();
    else if (argc == 6 && strcmp(mode, "foreign") == 0)
        mode_foreign(argv[2], strtoll(argv[3], NULL, 10), argv[4], strtoll(argv[5], NULL, 10));
    else if (argc == 2 && strcmp(mode, "child") == 0)
        mode_child();
    else if (argc == 2 && strcmp(mode, "counters") == 0)
        mode_counters();
    else if (argc == 2 && strcmp(mode, "hidden") == 0)
        mode_hidden();
    else {
        fprintf(stderr,
                "usage: %s poll|child|counters|hidden\n       %s foreign PATH COUNT PATH "
                "COUNT\n",
                argv[0], argv[0]);
        return 2;
    }
    return 0;
}
