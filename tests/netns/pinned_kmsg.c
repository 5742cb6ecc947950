/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * pinned_kmsg: the behaviour of /dev/kmsg that ctwatchd expects. Each check writes records of its
 * own and reads them back, which only root may do.
 */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/kernel/kmsg.h"

#define DEVICE "/dev/kmsg"
#define LOSS   "nf_conntrack: nf_conntrack: table full, dropping packet"

/* The most records read in search of one, in a log that others flood meanwhile. */
#define RECORDS_MAX 1000000

struct log {
    int fd;
    char text[CTW_KMSG_RECORD_MAX + 1]; /* the record last read */
    ssize_t length;
    struct ctw_kmsg record;
};

static void failed(const char *why, const char *detail) {
    fprintf(stderr, "pinned_kmsg: %s: %s\n", why, detail);
    exit(1);
}

static void expect(bool holds, const char *what, const char *detail) {
    if (!holds)
        failed(what, detail);
}

static void open_at(struct log *l, int whence) {
    l->fd = open(DEVICE, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (l->fd < 0 || lseek(l->fd, 0, whence) < 0)
        failed(DEVICE, strerror(errno));
}

/* The device is opened anew for each record: the kernel limits what one open file may write. */
static void write_record(const char *text) {
    int fd = open(DEVICE, O_WRONLY | O_CLOEXEC);

    if (fd < 0 || write(fd, text, strlen(text)) < 0)
        failed("cannot write to " DEVICE, strerror(errno));
    close(fd);
}

/* Return: 0, or the negative errno of read(). */
static int next(struct log *l) {
    do
        l->length = read(l->fd, l->text, CTW_KMSG_RECORD_MAX);
    while (l->length < 0 && errno == EPIPE); /* others wrote more than the log holds */
    if (l->length < 0)
        return -errno;
    l->text[l->length] = '\0';
    expect(ctw_kmsg_parse(l->text, (size_t)l->length, &l->record) == 0, "not a record", l->text);
    return 0;
}

/* Reads on to the record that contains @what: others may write to the log at the same time. */
static void find(struct log *l, const char *what) {
    for (int i = 0; i < RECORDS_MAX; i++) {
        int r = next(l);

        if (r < 0)
            failed(what, strerror(-r));
        if (strstr(l->text, what))
            return;
    }
    failed(what, "not found in all those records");
}

/* A unique line. */
struct marker {
    char line[128];
};

static struct marker unique(const char *what) {
    struct marker m;
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    snprintf(m.line, sizeof(m.line), "ctwatch test %d %jd.%09ld: %s\n", (int)getpid(),
             (intmax_t)now.tv_sec, now.tv_nsec, what);
    return m;
}

/* Writes a marker and reads on to it. */
static void mark(struct log *l) {
    struct marker m = unique("here");

    write_record(m.line);
    find(l, m.line);
}

/* --- the checks ------------------------------------------------------------------------------ */

/*
 * Not even as 2048, a facility of 256, which is 0 in the byte that the kernel keeps it in. Real
 * loss lines may come in between, so what is counted is what has another facility.
 */
static void user_space_never_gets_facility_0(void) {
    static const char *const prefixes[] = {"", "<4>", "<0>", "<2048>", "<2052>", "<4294967300>"};
    const size_t n = sizeof(prefixes) / sizeof(prefixes[0]);
    struct marker last = unique("last");
    size_t found = 0;
    struct log l;

    open_at(&l, SEEK_END);
    for (size_t i = 0; i < n; i++) {
        char text[128];

        snprintf(text, sizeof(text), "%s" LOSS "\n", prefixes[i]);
        write_record(text);
    }
    write_record(last.line);
    do {
        int r = next(&l);

        expect(r == 0, "the last record", strerror(-r));
        if (!strstr(l.text, LOSS) || strtoul(l.text, NULL, 10) < 8)
            continue;
        found++;
        expect(l.record.kind == CTW_KMSG_OTHER, "user space is believed", l.text);
    } while (!strstr(l.text, last.line));
    expect(found == n, "a loss line by user space", "is missing, or is of facility 0");
    close(l.fd);
}

static void one_read_is_one_escaped_record(void) {
    struct marker first = unique("\tone\x01\xff"), second = unique("two");
    struct log l;

    open_at(&l, SEEK_END);
    write_record(first.line);
    write_record(second.line);
    find(&l, ": \\x09one\\x01\\xff\n");
    expect(strchr(l.text, '\n') == l.text + l.length - 1, "not one line and its end", l.text);
    find(&l, second.line);
    close(l.fd);
}

static void a_short_buffer_loses_its_record(void) {
    uint64_t sequence;
    struct log l;
    char small[16];

    open_at(&l, SEEK_END);
    mark(&l);
    sequence = l.record.sequence;
    write_record(unique("lost").line);
    write_record(unique("kept").line);
    expect(read(l.fd, small, sizeof(small)) < 0 && errno == EINVAL, "no EINVAL", strerror(errno));
    expect(next(&l) == 0, "no record behind the lost one", strerror(errno));
    expect(l.record.sequence == sequence + 2, "not exactly one record is lost", l.text);
    close(l.fd);
}

static void after_the_end_come_new_records_only(void) {
    struct marker before = unique("before"), after = unique("after");
    struct log l;

    write_record(before.line);
    open_at(&l, SEEK_END);
    write_record(after.line);
    do {
        int r = next(&l);

        expect(r == 0, "the new record", strerror(-r));
        expect(!strstr(l.text, before.line), "an old record", l.text);
    } while (!strstr(l.text, after.line));
    close(l.fd);
}

static void a_drained_log_says_eagain_and_wakes_when_there_is_more(void) {
    struct pollfd p = {.events = POLLIN};
    struct log l;
    int r = 0;

    open_at(&l, SEEK_END);
    for (int i = 0; i < RECORDS_MAX && r == 0; i++)
        r = next(&l);
    expect(r == -EAGAIN, "a drained log", strerror(-r));
    write_record(unique("woken").line);
    p.fd = l.fd;
    expect(poll(&p, 1, 5000) == 1 && p.revents & POLLIN, "poll", "no POLLIN");
    expect(!(p.revents & POLLHUP), "poll", "POLLHUP");
    expect(next(&l) == 0, "POLLIN without a record", strerror(errno));
    close(l.fd);
}

static void the_past_can_be_sought(void) {
    uint64_t oldest;
    struct log l;

    write_record(unique("past").line);
    open_at(&l, SEEK_SET);
    expect(next(&l) == 0, "SEEK_SET: no record", strerror(errno));
    oldest = l.record.sequence;
    expect(lseek(l.fd, 0, SEEK_DATA) == 0, "SEEK_DATA", strerror(errno));
    expect(next(&l) == 0, "SEEK_DATA: no record", strerror(errno));
    expect(l.record.sequence >= oldest, "SEEK_DATA goes back before the oldest record", l.text);
    close(l.fd);
}

static uint64_t oldest_sequence(void) {
    struct log l;

    open_at(&l, SEEK_SET);
    expect(next(&l) == 0, "no oldest record", strerror(errno));
    close(l.fd);
    return l.record.sequence;
}

/* Level 7, which no console shows: a console is slow. */
static void overrun_is_said_once_and_then_shows_as_a_jump(void) {
    uint64_t sequence;
    struct log l;

    open_at(&l, SEEK_END);
    mark(&l);
    sequence = l.record.sequence;
    for (int i = 0; i < RECORDS_MAX && oldest_sequence() <= sequence + 1; i += 1000)
        for (int j = 0; j < 1000; j++)
            write_record("<7>ctwatch test: one of many, to push the older ones out of the log\n");
    l.length = read(l.fd, l.text, CTW_KMSG_RECORD_MAX);
    expect(l.length < 0 && errno == EPIPE, "no EPIPE", l.length < 0 ? strerror(errno) : l.text);
    l.length = read(l.fd, l.text, CTW_KMSG_RECORD_MAX);
    expect(l.length > 0, "no record after EPIPE", strerror(errno));
    expect(ctw_kmsg_parse(l.text, (size_t)l.length, &l.record) == 0, "no record", l.text);
    expect(l.record.sequence > sequence + 1, "the sequence does not jump", l.text);
    close(l.fd);
}

/* --- modes for the script -------------------------------------------------------------------- */

static void newest(void) {
    struct log l;

    open_at(&l, SEEK_END);
    mark(&l);
    printf("%" PRIu64 "\n", l.record.sequence);
    close(l.fd);
}

/* Exits with 0 when the parser has found one, which is printed; with 1 when there is none. */
static int after(uint64_t sequence, enum ctw_kmsg_kind kind, uint64_t inode) {
    struct log l;

    open_at(&l, SEEK_SET);
    while (next(&l) == 0)
        if (l.record.sequence > sequence && l.record.kind == kind &&
            l.record.netns_inode == inode) {
            fputs(l.text, stdout);
            return 0;
        }
    close(l.fd);
    return 1;
}

static const struct check {
    const char *name;
    void (*run)(void);
} checks[] = {
    {"user_space_never_gets_facility_0", user_space_never_gets_facility_0},
    {"one_read_is_one_escaped_record", one_read_is_one_escaped_record},
    {"a_short_buffer_loses_its_record", a_short_buffer_loses_its_record},
    {"after_the_end_come_new_records_only", after_the_end_come_new_records_only},
    {"a_drained_log_says_eagain_and_wakes_when_there_is_more",
     a_drained_log_says_eagain_and_wakes_when_there_is_more},
    {"the_past_can_be_sought", the_past_can_be_sought},
    {"overrun_is_said_once_and_then_shows_as_a_jump",
     overrun_is_said_once_and_then_shows_as_a_jump},
};

int main(int argc, char **argv) {
    if (argc == 2 && strcmp(argv[1], "newest") == 0) {
        newest();
        return 0;
    }
    if (argc == 4 && strcmp(argv[1], "full") == 0)
        return after(strtoull(argv[2], NULL, 10), CTW_KMSG_TABLE_FULL, strtoull(argv[3], NULL, 10));
    if (argc == 3 && strcmp(argv[1], "suppressed") == 0)
        return after(strtoull(argv[2], NULL, 10), CTW_KMSG_SUPPRESSED, 0);
    if (argc != 2 || strcmp(argv[1], "check") != 0) {
        fputs("Usage: pinned_kmsg check | newest | full AFTER INODE | suppressed AFTER\n", stderr);
        return 2;
    }
    for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
        printf("%s\n", checks[i].name);
        fflush(stdout);
        checks[i].run();
    }
    return 0;
}
