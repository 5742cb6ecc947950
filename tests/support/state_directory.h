/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTW_TEST_STATE_DIRECTORY_H
#define CTW_TEST_STATE_DIRECTORY_H

/* A directory to publish in, and what stands there, whole or not. */

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
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

/* A test that does not end within this many seconds hangs: a thousand readers take half a minute
 * under valgrind, and some times that on a busy machine. */
#define HANGS_AFTER 600

struct place {
    char above[64];
    char directory[80], file[96], file_new[96], lock[96];
    struct ctw_publish *publish, *second;
    struct ctw_source_health health;
    struct ctw_snapshot got;
    struct ctw_state image; /* what a daemon would have left */
    struct ctw_history history;
};

static inline int remove_entry(const char *path, const struct stat *st, int kind,
                               struct FTW *where) {
    (void)st, (void)kind, (void)where;
    return remove(path);
}

static inline int place_up(void **state) {
    struct place *p = calloc(1, sizeof(*p));

    assert_non_null(p);
    snprintf(p->above, sizeof(p->above), "/tmp/ctwatch-state.XXXXXX");
    assert_non_null(mkdtemp(p->above));
    assert_int_equal(chmod(p->above, 0755), 0);
    snprintf(p->directory, sizeof(p->directory), "%s/run", p->above);
    snprintf(p->file, sizeof(p->file), "%s/state", p->directory);
    snprintf(p->file_new, sizeof(p->file_new), "%s/state.new", p->directory);
    snprintf(p->lock, sizeof(p->lock), "%s/lock", p->directory);
    alarm(HANGS_AFTER);
    *state = p;
    return 0;
}

static inline int place_down(void **state) {
    struct place *p = *state;

    alarm(0);
    assert_null(ctw_publish_free(p->publish));
    assert_null(ctw_publish_free(p->second));
    nftw(p->above, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
    free(p);
    return 0;
}

/* A child that does not outlive the test, however that ends. Return: 0 in the child. */
static inline pid_t fork_helper(void) {
    const pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0)
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    return child;
}

static inline void put(const char *path, const void *bytes, size_t size) {
    FILE *file = fopen(path, "we");

    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

/* A slot as a look would leave it, where it belongs. */
static inline void put_slot(struct ctw_history *h, enum ctw_resolution r, uint32_t number,
                            uint32_t mean) {
    struct ctw_slot *slots = r == CTW_RESOLUTION_FINE ? h->fine : h->coarse;

    slots[number % ctw_history_length(r)] =
        (struct ctw_slot){.number = number, .polls = 4, .mean = mean};
}

/* What a daemon that died after its last look has left: its snapshot, one second, ten seconds. */
static inline void make_image(struct place *p) {
    memset(&p->image, 0, sizeof(p->image));
    p->image.magic = CTW_STATE_MAGIC;
    p->image.version = CTW_STATE_VERSION;
    p->image.bytes = sizeof(p->image);
    p->image.now_sequence = 24;
    p->image.history_sequence = 6;
    sample_full(&p->image.now);
    p->image.now.booted_usec = ctw_booted_usec();
    put_slot(&p->image.history, CTW_RESOLUTION_FINE, 86000, 11);
    put_slot(&p->image.history, CTW_RESOLUTION_COARSE, 8600, 22);
}

static inline void leave_bytes(struct place *p, size_t size) {
    assert_true(mkdir(p->directory, 0755) == 0 || errno == EEXIST);
    assert_true(unlink(p->file) == 0 || errno == ENOENT);
    put(p->file, &p->image, size);
}

static inline void leave_image(struct place *p) {
    leave_bytes(p, sizeof(p->image));
}

static inline uint32_t fine_mean(const struct ctw_history *h, uint32_t number) {
    const struct ctw_slot *s = ctw_history_slot(h, CTW_RESOLUTION_FINE, number);

    return s ? s->mean : 0;
}

static inline bool is_all(const void *bytes, unsigned char value, size_t size) {
    const unsigned char *at = bytes;

    for (size_t i = 0; i < size; i++)
        if (at[i] != value)
            return false;
    return true;
}

/* What the reader says; on failure it must have left alone what it was to fill. */
static inline int read_state(struct place *p) {
    memset(&p->got, 0x5a, sizeof(p->got));
    const int r = ctw_state_read(p->directory, &p->got);
    if (r < 0)
        assert_true(is_all(&p->got, 0x5a, sizeof(p->got)));
    return r;
}

static inline int read_history(struct place *p) {
    memset(&p->history, 0x5a, sizeof(p->history));
    const int r = ctw_state_read_history(p->directory, &p->history);
    if (r < 0)
        assert_true(is_all(&p->history, 0x5a, sizeof(p->history)));
    return r;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, place_up, place_down)

#endif
