/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTW_TABLE_ROOT_H
#define CTW_TABLE_ROOT_H

/* A root made of files a test writes, and looks at the table below it. */

#include <errno.h>
#include <ftw.h>
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

/* A look that does not return within this many seconds hangs. */
#define HANGS_AFTER 120

/* A root of our own, and the table below it. */
struct fixture {
    char root[64];
    struct ctw_table *table;
    struct ctw_sample sample;
    struct ctw_source_health state;
};

/* --- the root -------------------------------------------------------------------------------- */

static inline void path_of(const struct fixture *f, const char *name, char ret[static PATH_MAX]) {
    snprintf(ret, PATH_MAX, "%s%s", f->root, name);
}

static inline void make_folders(char *path) {
    for (char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        assert_true(mkdir(path, 0755) == 0 || errno == EEXIST);
        *slash = '/';
    }
}

/* Where @name is: its folders are made. */
static inline void place_for(const struct fixture *f, const char *name, char ret[static PATH_MAX]) {
    path_of(f, name, ret);
    make_folders(ret);
}

static inline void write_bytes(const struct fixture *f, const char *name, const char *text,
                               size_t length) {
    char path[PATH_MAX];
    place_for(f, name, path);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
}

static inline void write_file(const struct fixture *f, const char *name, const char *text) {
    write_bytes(f, name, text, strlen(text));
}

static inline void remove_file(const struct fixture *f, const char *name) {
    char path[PATH_MAX];
    path_of(f, name, path);
    assert_int_equal(unlink(path), 0);
}

static inline int remove_entry(const char *path, const struct stat *st, int kind,
                               struct FTW *where) {
    (void)st, (void)kind, (void)where;
    return remove(path);
}

static inline int set_up(void **state) {
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    strncpy(f->root, "/tmp/ctwatch-table.XXXXXX", sizeof f->root - 1);
    assert_non_null(mkdtemp(f->root));
    assert_int_equal(ctw_table_new(f->root, &f->table), 0);
    alarm(HANGS_AFTER);
    *state = f;
    return 0;
}

static inline int tear_down(void **state) {
    struct fixture *f = *state;
    alarm(0);
    assert_null(ctw_table_free(f->table));
    nftw(f->root, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
    free(f);
    return 0;
}

static inline void put_table(const struct fixture *f) {
    write_file(f, NF_COUNT, "1000\n");
    write_file(f, NF_MAX, "262144\n");
}

/* Of this many CPUs, each with `drop` at 17. */
static inline void write_statistics(const struct fixture *f, unsigned cpus) {
    char path[PATH_MAX];
    place_for(f, NF_STAT, path);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    for (unsigned column = 0; column < 16; column++)
        fprintf(file, "column%u ", column);
    fputs("drop\n", file);
    for (unsigned cpu = 0; cpu < cpus; cpu++) {
        for (unsigned column = 0; column < 17; column++)
            fprintf(file, "%08x ", column + 1);
        fputc('\n', file);
    }
    assert_int_equal(fclose(file), 0);
}

/* --- looking --------------------------------------------------------------------------------- */

static inline void poll(struct fixture *f) {
    memset(&f->sample, 0xa5, sizeof f->sample);
    memset(&f->state, 0xa5, sizeof f->state);
    ctw_table_read(f->table, &f->sample, &f->state);
}

static inline void look_counters(struct fixture *f) {
    memset(&f->state, 0xa5, sizeof f->state);
    ctw_table_read_counters(f->table, &f->sample, &f->state);
}

static inline void expect_ok(struct fixture *f, uint32_t count, uint32_t max) {
    poll(f);
    assert_int_equal(f->state.health, CTW_HEALTH_OK);
    assert_int_equal(f->sample.count, count);
    assert_int_equal(f->sample.max, max);
    assert_false(f->sample.has_buckets);
    assert_false(f->sample.has_counters);
}

static inline void expect_absent(struct fixture *f) {
    poll(f);
    assert_int_equal(f->state.health, CTW_HEALTH_ABSENT);
    assert_string_equal(f->state.what, NF_COUNT);
}

static inline void assert_failed(const struct fixture *f, int error, const char *what) {
    assert_int_equal(f->state.health, CTW_HEALTH_FAILED);
    assert_int_equal(f->state.error, error);
    assert_string_equal(f->state.what, what);
}

static inline void expect_failed(struct fixture *f, int error, const char *what) {
    poll(f);
    assert_failed(f, error, what);
}

static inline void expect_counters(struct fixture *f, uint32_t drop) {
    look_counters(f);
    assert_int_equal(f->state.health, CTW_HEALTH_OK);
    assert_true(f->sample.has_counters);
    assert_int_equal(f->sample.counters.drop, drop);
}

static inline void expect_counters_failed(struct fixture *f, int error) {
    look_counters(f);
    assert_failed(f, error, NF_STAT);
    assert_false(f->sample.has_counters);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

#endif
