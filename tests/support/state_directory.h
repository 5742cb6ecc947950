/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* A directory to publish in, with the files that a daemon leaves there, whole or damaged. */

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/state/reader.h"
#include "daemon/state/writer.h"
#include "daemon/sys/clock.h"
#include "tests/support/snapshot_samples.h"

/* Seconds; a test that takes longer hangs, and SIGALRM ends it. A thousand readers take seconds, on
 * a busy machine with sanitizers many times that. */
#define HANGS_AFTER 600

struct place {
    char above[64];
    char directory[80], file[96], file_new[96], lock[96];
    struct ctw_state_writer *writer, *second;
    struct ctw_source_health health;
    struct ctw_snapshot got;
    struct ctw_state image; /* as a daemon leaves it */
    struct ctw_history history;
};

int place_up(void **state);

int place_down(void **state);

/* Forks a child that is killed when the test ends. Return: 0 in the child. */
pid_t fork_helper(void);

void put_bytes(const char *path, const void *bytes, size_t size);

/* Writes a slot at its place in the ring, with a mean of @mean entries over 4 polls. */
void put_slot(struct ctw_history *h, enum ctw_resolution r, uint32_t number, uint32_t mean);

/* Fills p->image as a daemon of this boot leaves it: a snapshot, one fine slot, one coarse slot. */
void make_image(struct place *p);

/* Writes the first @size bytes of p->image to the state file. */
void leave_bytes(struct place *p, size_t size);

void leave_image(struct place *p);

/* Leaves it as a daemon that died while it wrote the snapshot. */
void leave_torn_image(struct place *p);

/* Publishes a slot as put_slot() makes it. */
void write_slot(struct ctw_state_writer *w, enum ctw_resolution r, uint32_t number, uint32_t mean);

uint32_t fine_mean(const struct ctw_history *h, uint32_t number);

bool is_all(const void *bytes, unsigned char value, size_t size);

/* Read into p->got or p->history. A read that fails must leave the target unchanged. */
int read_state(struct place *p);

int read_history(struct place *p);

#define TEST(f) cmocka_unit_test_setup_teardown(f, place_up, place_down)
