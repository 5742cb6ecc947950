/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef KMSG_STAND_IN_H
#define KMSG_STAND_IN_H

/*
 * A stand-in for /dev/kmsg that shows every fault on demand: a pseudo-terminal, which can be
 * polled and hung up, whose read() and lseek() are answered here. Each byte that waits in it
 * stands for one read, and is the number of the answer to give. What the real device does is held
 * by tests/netns/test_kernel_kmsg. And the fixture of a kernel log that reads it.
 */

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <termios.h>
#include <unistd.h>

#include <cmocka.h>
#include <systemd/sd-event.h>

#include "daemon/source/kernlog.h"

#define FULL  "nf_conntrack: nf_conntrack: table full, dropping packet"
#define NETNS "nf_conntrack: nf_conntrack: table full in netns 4026532246, dropping packet"

/* --- the stand-in ---------------------------------------------------------------------------- */

struct answer {
    int error; /* 0: the record */
    char record[128];
};

static struct stand_in {
    int master;
    int slave;   /* shows what has arrived */
    int waiting; /* answers not read yet */
    char path[64];
    dev_t number;
    bool seekable;
    bool mute;  /* answers every read() with EAGAIN */
    int whence; /* of the last lseek() */
    unsigned seeks;
    unsigned reads;
    unsigned char n_answers;
    struct answer answers[256];
} device;

/* Not by isatty(), which denies it after a hangup. */
static bool is_stand_in(int fd) {
    struct stat st;

    return fstat(fd, &st) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == device.number;
}

ssize_t read(int fd, void *buffer, size_t size);
off_t lseek(int fd, off_t offset, int whence);

ssize_t read(int fd, void *buffer, size_t size) {
    const struct answer *a;
    unsigned char which;
    ssize_t n;

    if (!is_stand_in(fd))
        return syscall(SYS_read, fd, buffer, size);
    device.reads++;
    if (device.mute) {
        errno = EAGAIN;
        return -1;
    }
    n = syscall(SYS_read, fd, &which, 1);
    if (n <= 0)
        return n;
    device.waiting--;
    a = &device.answers[which];
    if (a->error) {
        errno = a->error;
        return -1;
    }
    n = (ssize_t)strlen(a->record);
    assert_true((size_t)n <= size);
    memcpy(buffer, a->record, (size_t)n);
    return n;
}

off_t lseek(int fd, off_t offset, int whence) {
    if (!is_stand_in(fd) || !device.seekable)
        return syscall(SYS_lseek, fd, offset, whence);
    assert_int_equal(offset, 0);
    device.whence = whence;
    device.seeks++;
    return 0;
}

static void plug_in(void) {
    struct termios raw;
    struct stat st;

    device = (struct stand_in){.seekable = true, .whence = -1};
    device.master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    assert_true(device.master >= 0);
    assert_int_equal(grantpt(device.master), 0);
    assert_int_equal(unlockpt(device.master), 0);
    assert_int_equal(ptsname_r(device.master, device.path, sizeof(device.path)), 0);
    device.slave = open(device.path, O_RDWR | O_NOCTTY | O_CLOEXEC);
    assert_true(device.slave >= 0);
    assert_int_equal(fstat(device.slave, &st), 0);
    device.number = st.st_rdev;
    assert_int_equal(tcgetattr(device.slave, &raw), 0);
    cfmakeraw(&raw);
    assert_int_equal(tcsetattr(device.slave, TCSANOW, &raw), 0);
}

static void unplug(void) {
    close(device.master);
    close(device.slave);
    device.master = device.slave = -1;
}

/* What is written to a pseudo-terminal arrives a little later, and here it must be there. */
static void push(unsigned char which, unsigned times) {
    int arrived = 0;

    for (unsigned i = 0; i < times; i++)
        assert_int_equal(write(device.master, &which, 1), 1);
    device.waiting += (int)times;
    for (unsigned i = 0; i < 5000 && arrived != device.waiting; i++) {
        assert_int_equal(ioctl(device.slave, FIONREAD, &arrived), 0);
        usleep(arrived != device.waiting ? 1000 : 0);
    }
    assert_int_equal(arrived, device.waiting);
}

static void push_error(int error) {
    device.answers[device.n_answers].error = error;
    push(device.n_answers++, 1);
}

static void push_line(uint64_t sequence, const char *text) {
    struct answer *a = &device.answers[device.n_answers];

    snprintf(a->record, sizeof(a->record), "4,%ju,%ju,-;%s\n", (uintmax_t)sequence,
             (uintmax_t)(sequence * 1000), text);
    push(device.n_answers++, 1);
}

static void push_bytes(const char *bytes, unsigned times) {
    snprintf(device.answers[device.n_answers].record, sizeof(device.answers[0].record), "%s",
             bytes);
    push(device.n_answers++, times);
}

/* --- the log under test ---------------------------------------------------------------------- */

struct fixture {
    sd_event *event;
    struct ctw_kernlog *log;
    unsigned woken;
    struct ctw_log_counts counts;
    struct ctw_source_health state;
};

static void on_wake(void *userdata) {
    struct fixture *f = userdata;

    f->woken++;
}

static int set_up(void **state) {
    struct fixture *f = calloc(1, sizeof(*f));

    plug_in();
    assert_non_null(f);
    assert_true(sd_event_new(&f->event) >= 0);
    *state = f;
    return 0;
}

static int tear_down(void **state) {
    struct fixture *f = *state;

    assert_null(ctw_kernlog_free(f->log));
    sd_event_unref(f->event);
    unplug();
    free(f);
    return 0;
}

static void start_at(struct fixture *f, const char *path) {
    assert_int_equal(ctw_kernlog_new(f->event, path, on_wake, f, &f->log), 0);
}

static void start(struct fixture *f) {
    start_at(f, device.path);
}

/* Runs the loop until it has nothing more to do; bounded, so that one that spins is seen. */
static unsigned run(struct fixture *f) {
    for (unsigned turns = 0; turns < 100; turns++) {
        int r = sd_event_run(f->event, 0);

        assert_true(r >= 0);
        if (r == 0)
            return turns;
    }
    fail_msg("the loop spins");
    return 0;
}

static void take(struct fixture *f, uint64_t now_usec) {
    ctw_kernlog_take(f->log, now_usec, &f->counts, &f->state);
    assert_int_equal(f->state.what[0] != '\0', f->state.health == CTW_HEALTH_FAILED);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif
