/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/support/table_root.h"

#include "tests/support/folder.h"

void path_of(const struct fixture *f, const char *name, char ret[static PATH_MAX]) {
    snprintf(ret, PATH_MAX, "%s%s", f->root, name);
}

static void make_folders(char *path) {
    for (char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        assert_true(mkdir(path, 0755) == 0 || errno == EEXIST);
        *slash = '/';
    }
}

void place_for(const struct fixture *f, const char *name, char ret[static PATH_MAX]) {
    path_of(f, name, ret);
    make_folders(ret);
}

void write_bytes(const struct fixture *f, const char *name, const char *text, size_t length) {
    char path[PATH_MAX];
    place_for(f, name, path);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
}

void write_file(const struct fixture *f, const char *name, const char *text) {
    write_bytes(f, name, text, strlen(text));
}

void remove_file(const struct fixture *f, const char *name) {
    char path[PATH_MAX];
    path_of(f, name, path);
    assert_int_equal(unlink(path), 0);
}

int root_up(void **state) {
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    strncpy(f->root, "/tmp/ctwatch-table.XXXXXX", sizeof f->root - 1);
    assert_non_null(mkdtemp(f->root));
    assert_int_equal(ctw_table_new(f->root, &f->table), 0);
    alarm(HANGS_AFTER);
    *state = f;
    return 0;
}

int root_down(void **state) {
    struct fixture *f = *state;
    alarm(0);
    assert_null(ctw_table_free(f->table));
    remove_folder(f->root);
    free(f);
    return 0;
}

void put_table(const struct fixture *f) {
    write_file(f, NF_COUNT, "1000\n");
    write_file(f, NF_MAX, "262144\n");
}

void write_statistics(const struct fixture *f, unsigned cpus) {
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

void poll_table(struct fixture *f) {
    memset(&f->sample, 0xa5, sizeof f->sample);
    memset(&f->state, 0xa5, sizeof f->state);
    ctw_table_read(f->table, &f->sample, &f->state);
}

void poll_counters(struct fixture *f) {
    memset(&f->state, 0xa5, sizeof f->state);
    ctw_table_read_counters(f->table, &f->sample, &f->state);
}

void expect_ok(struct fixture *f, uint32_t count, uint32_t max) {
    poll_table(f);
    assert_int_equal(f->state.health, CTW_HEALTH_OK);
    assert_int_equal(f->sample.count, count);
    assert_int_equal(f->sample.max, max);
    assert_false(f->sample.has_buckets);
    assert_false(f->sample.has_counters);
}

void expect_absent(struct fixture *f) {
    poll_table(f);
    assert_int_equal(f->state.health, CTW_HEALTH_ABSENT);
    assert_string_equal(f->state.what, NF_COUNT);
}

void assert_failed(const struct fixture *f, int error, const char *what) {
    assert_int_equal(f->state.health, CTW_HEALTH_FAILED);
    assert_int_equal(f->state.error, error);
    assert_string_equal(f->state.what, what);
}

void expect_failed(struct fixture *f, int error, const char *what) {
    poll_table(f);
    assert_failed(f, error, what);
}

void expect_counters(struct fixture *f, uint64_t drop) {
    poll_counters(f);
    assert_int_equal(f->state.health, CTW_HEALTH_OK);
    assert_true(f->sample.has_counters);
    assert_int_equal(f->sample.counters.drop, drop);
}

void expect_counters_failed(struct fixture *f, int error) {
    poll_counters(f);
    assert_failed(f, error, NF_STAT);
    assert_false(f->sample.has_counters);
}
