/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * bench_look: one poll, decision included, against two bare preads of the same two files.
 *
 * The poll is what the daemon does at a wake-up, less the loop: the clock, count and max, the
 * counters and buckets when they are wanted, the decision; and, in the second pair of lines, the
 * publication in a folder of its own. It is measured in virtual time as it comes in a calm hour,
 * once a second, so that the counters are read at every tenth, and as it comes in a flood, every
 * two milliseconds. The two sides take turns, so that a machine that changes its speed changes
 * both.
 */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "daemon/source/table.h"
#include "daemon/state/writer.h"
#include "lib/watch/watch.h"

#define ROUNDS 51
#define POLLS  20000

static uint64_t clock_ns(clockid_t clock) {
    struct timespec ts;

    (void)clock_gettime(clock, &ts);
    return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static int open_or_say(const char *path) {
    const int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        perror(path);
    return fd;
}

static uint64_t bare_preads(int count, int max) {
    char buffer[32];
    const uint64_t start = clock_ns(CLOCK_PROCESS_CPUTIME_ID);

    for (int i = 0; i < POLLS; i++)
        if (pread(count, buffer, sizeof(buffer), 0) <= 0 ||
            pread(max, buffer, sizeof(buffer), 0) <= 0)
            return 0;
    return clock_ns(CLOCK_PROCESS_CPUTIME_ID) - start;
}

struct side {
    struct ctw_table *table;
    struct ctw_state_writer *writer; /* NULL: nothing is published */
    struct ctw_watch watch;
    struct ctw_settings settings;
    struct ctw_tick tick;
    struct ctw_verdict verdict;
};

static uint64_t polls(struct side *s, uint64_t step_usec) {
    const uint64_t start = clock_ns(CLOCK_PROCESS_CPUTIME_ID);

    for (int i = 0; i < POLLS; i++) {
        struct timespec ts;
        (void)clock_gettime(CLOCK_MONOTONIC, &ts); /* the daemon asks; the answer is ours */
        s->tick.now_usec += step_usec;
        ctw_table_read(s->table, &s->tick.sample, &s->tick.sources[CTW_SOURCE_TABLE]);
        if (s->tick.sources[CTW_SOURCE_TABLE].health == CTW_HEALTH_OK &&
            ctw_watch_wants_counters(&s->watch, &s->tick))
            ctw_table_read_counters(s->table, &s->tick.sample,
                                    &s->tick.sources[CTW_SOURCE_COUNTERS]);
        if (s->writer)
            ctw_state_writer_health(s->writer, s->tick.now_usec,
                                    &s->tick.sources[CTW_SOURCE_STATE]);
        ctw_watch_step(&s->watch, &s->settings, &s->tick, &s->verdict);
        if (s->writer)
            ctw_state_writer_poll(s->writer, &s->settings, &s->watch, &s->tick, &s->verdict,
                                  s->tick.now_usec, s->tick.now_usec + step_usec);
    }
    return clock_ns(CLOCK_PROCESS_CPUTIME_ID) - start;
}

static int ascending(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

static double median(double *values) {
    qsort(values, ROUNDS, sizeof(*values), ascending);
    return values[ROUNDS / 2];
}

static void compare(struct side *s, int count, int max, const char *what) {
    static double bare[ROUNDS], calm[ROUNDS], flood[ROUNDS], calm_ratio[ROUNDS],
        flood_ratio[ROUNDS];

    for (int i = 0; i < ROUNDS; i++) {
        bare[i] = (double)bare_preads(count, max) / POLLS;
        calm[i] = (double)polls(s, s->settings.poll.interval_usec) / POLLS;
        flood[i] = (double)polls(s, s->settings.poll.fastest_usec) / POLLS;
        calm_ratio[i] = calm[i] / bare[i];
        flood_ratio[i] = flood[i] / bare[i];
    }
    (void)printf("two bare preads             %7.0f ns\n", median(bare));
    (void)printf("%-9s, one a second %7.0f ns   ratio %.2f   (at most 2.5)\n", what, median(calm),
                 median(calm_ratio));
    (void)printf("%-9s, every 2 ms     %7.0f ns   ratio %.2f   (at most 2.5)\n", what,
                 median(flood), median(flood_ratio));
}

int main(void) {
    static struct side side;
    const int count = open_or_say("/proc/sys/net/netfilter/nf_conntrack_count");
    const int max = open_or_say("/proc/sys/net/netfilter/nf_conntrack_max");
    char folder[] = "/dev/shm/ctwatch-bench.XXXXXX"; /* a tmpfs, as /run is */
    char file[64];

    if (count < 0 || max < 0 || ctw_table_new("", &side.table) < 0 || !mkdtemp(folder))
        return EXIT_FAILURE;
    ctw_settings_defaults(&side.settings);
    side.tick.now_usec = 1;
    compare(&side, count, max, "one poll");
    if (ctw_state_writer_new(folder, "", 0, side.tick.now_usec, &side.writer) < 0)
        return EXIT_FAILURE;
    compare(&side, count, max, "published");

    (void)ctw_state_writer_free(side.writer);
    (void)ctw_table_free(side.table);
    for (const char *const *name = (const char *const[]){"state", "lock", NULL}; *name; name++) {
        (void)snprintf(file, sizeof(file), "%s/%s", folder, *name);
        (void)unlink(file);
    }
    return rmdir(folder) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
