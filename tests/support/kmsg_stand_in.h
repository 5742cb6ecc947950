/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * A stand-in for /dev/kmsg that shows every fault on demand, and the fixture of a kernel log that
 * reads it. The stand-in is a pseudo-terminal, which can be polled and hung up; its read() and
 * lseek() are replaced by those of kmsg_stand_in.c, which is why that file is linked into the tests
 * of the kernel log alone. Each byte waiting in the terminal is the number of one answer.
 * tests/netns/test_kernel_kmsg pins what the real device does.
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

extern struct stand_in {
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

void unplug(void);

void push_error(int error);

void push_line(uint64_t sequence, const char *text);

void push_bytes(const char *bytes, unsigned times);

/* --- the log under test ---------------------------------------------------------------------- */

struct fixture {
    sd_event *event;
    struct ctw_kernlog *log;
    unsigned woken;
    struct ctw_log_counts counts;
    struct ctw_source_health state;
};

int kernlog_up(void **state);

int kernlog_down(void **state);

void start_at(struct fixture *f, const char *path);

void start(struct fixture *f);

/* Runs the loop until it is idle; fails when it is not after 100 turns. */
unsigned run(struct fixture *f);

void take(struct fixture *f, uint64_t now_usec);

#define TEST(name) cmocka_unit_test_setup_teardown(name, kernlog_up, kernlog_down)
