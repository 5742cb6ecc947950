/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * damaged DIR NUMBER: damages the state file that a ctwatchd left in DIR; the same number in the
 * same manner. Its sums are right afterwards, unless it is cut or filled with random bytes.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/state/snapshot.h"
#include "lib/util/parse.h"

#define AHEAD_SEC 1200u

static uint32_t below(uint64_t n) {
    return (uint32_t)((uint64_t)random() % n);
}

/* Slots of the present and of the next minutes, in which every number is the largest. */
static void fill_slots(struct ctw_history *h) {
    static const uint32_t widths_sec[CTW_RESOLUTIONS] = {1, 10};
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    for (enum ctw_resolution r = 0; r < CTW_RESOLUTIONS; r++)
        for (uint64_t i = 0; i < AHEAD_SEC; i += widths_sec[r]) {
            const uint64_t sec = (uint64_t)now.tv_sec + i;
            const uint64_t at_usec = (sec - sec % widths_sec[r]) * CTW_USEC_PER_SEC;
            struct ctw_record *s = &h->slots[ctw_history_index(r, at_usec)];
            memset(s, 0xff, sizeof(*s));
            s->at_usec = at_usec;
            s->width_sec = widths_sec[r];
            s->level = CTW_LEVEL_FULL;
        }
}

static void fill_counters(struct ctw_snapshot *p) {
    memset(&p->lost, 0xff, sizeof(p->lost));
    memset(&p->table.counters, 0xff, sizeof(p->table.counters));
    p->table.counters.has_chainlength = true;
    p->table.count = p->table.max = p->table.buckets = UINT32_MAX;
    p->peak_count = UINT32_MAX;
    p->fastest_rate = below(2) ? INT64_MAX : INT64_MIN;
    p->refused_usec = p->evicted_usec = p->peak_usec = p->fastest_usec = UINT64_MAX;
    p->n_recent_alerts = UINT64_MAX;
}

/* Words, of the snapshot or of the whole file, that are random, as small or as large as can be. */
static void change_words(void *bytes, size_t size) {
    uint64_t *words = bytes;

    for (uint32_t n = 1 + below(200); n > 0; n--)
        words[below(size / sizeof(*words))] =
            below(2) ? (uint64_t)below(3) - 1 : (uint64_t)random() << below(33);
}

static size_t damage(struct ctw_state *s, uint32_t number) {
    size_t size = sizeof(*s);

    srandom(number);
    if (number % 5 == 0 || number % 5 == 1)
        fill_slots(&s->history);
    if (number % 5 == 1)
        fill_counters(&s->published.now);
    if (number % 5 == 2)
        change_words(&s->published.now, offsetof(struct ctw_snapshot, recent_alerts));
    if (number % 5 == 3)
        change_words(&s->history, sizeof(s->history));
    (void)ctw_published_seal(&s->published, true);
    if (number % 5 == 4) {
        change_words(s, sizeof(*s));
        size = below(2) ? size : below(size);
    }
    return size;
}

int main(int argc, char *argv[]) {
    static struct ctw_state state;
    uint64_t number;
    char path[4096];

    if (argc != 3 || ctw_text_decimal(argv[2], strlen(argv[2]), 1000, &number) < 0 ||
        snprintf(path, sizeof(path), "%s/state", argv[1]) >= (int)sizeof(path)) {
        (void)fputs("usage: damaged DIR NUMBER\n", stderr);
        return EXIT_FAILURE;
    }
    const int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0 || pread(fd, &state, sizeof(state), 0) != sizeof(state)) {
        (void)fprintf(stderr, "%s: %s\n", path, strerror(errno));
        return EXIT_FAILURE;
    }
    const size_t size = damage(&state, (uint32_t)number);
    if (pwrite(fd, &state, size, 0) != (ssize_t)size || ftruncate(fd, (off_t)size) < 0)
        return EXIT_FAILURE;
    return close(fd) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
