/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* A root of files that a test writes, and polls of the table below it. */

#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/source/table.h"

#define NF_COUNT   "/proc/sys/net/netfilter/nf_conntrack_count"
#define NF_MAX     "/proc/sys/net/netfilter/nf_conntrack_max"
#define NF_BUCKETS "/proc/sys/net/netfilter/nf_conntrack_buckets"
#define HASHSIZE   "/sys/module/nf_conntrack/parameters/hashsize"
#define NF_STAT    "/proc/net/stat/nf_conntrack"
#define IP_COUNT   "/proc/sys/net/ipv4/netfilter/ip_conntrack_count"
#define IP_MAX     "/proc/sys/net/ipv4/ip_conntrack_max"

#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))

/* Seconds; a poll that takes longer hangs, and SIGALRM ends the test. */
#define HANGS_AFTER 120

struct fixture {
    char root[64];
    struct ctw_table *table;
    struct ctw_sample sample;
    struct ctw_source_health state;
};

/* --- the root -------------------------------------------------------------------------------- */

void path_of(const struct fixture *f, const char *name, char ret[static PATH_MAX]);

/* The path of @name; its folders are made. */
void place_for(const struct fixture *f, const char *name, char ret[static PATH_MAX]);

void write_bytes(const struct fixture *f, const char *name, const char *text, size_t length);

void write_file(const struct fixture *f, const char *name, const char *text);

void remove_file(const struct fixture *f, const char *name);

int root_up(void **state);

int root_down(void **state);

void put_table(const struct fixture *f);

/* /proc/net/stat/nf_conntrack with a line for each of @cpus; `drop` is 17 in each. */
void write_statistics(const struct fixture *f, unsigned cpus);

/* --- polls ----------------------------------------------------------------------------------- */

void poll_table(struct fixture *f);

void poll_counters(struct fixture *f);

void expect_ok(struct fixture *f, uint32_t count, uint32_t max);

void expect_absent(struct fixture *f);

void assert_failed(const struct fixture *f, int error, const char *what);

void expect_failed(struct fixture *f, int error, const char *what);

void expect_counters(struct fixture *f, uint64_t drop);

void expect_counters_failed(struct fixture *f, int error);

#define TEST(f) cmocka_unit_test_setup_teardown(f, root_up, root_down)
