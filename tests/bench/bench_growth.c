/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * bench_growth: from the poll that finds the table too small to the limit written and read back,
 * against one bare write of the same sysctl.
 *
 * Raises nf_conntrack_max of this machine a few thousand times by 4096 and puts it back: needs
 * root, and the initial network namespace.
 */

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "daemon/sink/limits.h"
#include "daemon/source/machine.h"
#include "daemon/source/table.h"
#include "lib/watch/watch.h"

#define ROUNDS 2000
#define STEP   4096u

static const char max_path[] = "/proc/sys/net/netfilter/nf_conntrack_max";

static uint64_t now_ns(void) {
    struct timespec ts;

    (void)clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static int write_bare(uint32_t max) {
    char text[16];
    const int length = snprintf(text, sizeof(text), "%" PRIu32 "\n", max);
    const int fd = open(max_path, O_WRONLY | O_CLOEXEC);
    const ssize_t n = fd < 0 ? -1 : pwrite(fd, text, (size_t)length, 0);

    if (fd >= 0)
        (void)close(fd);
    return n == length ? 0 : -1;
}

static int ascending(const void *a, const void *b) {
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

struct side {
    struct ctw_table *table;
    struct ctw_machine *machine;
    struct ctw_limits *limits;
    struct ctw_watch watch;
    struct ctw_settings settings;
    struct ctw_verdict verdict;
};

/* One poll of a table that is always too small. */
static uint64_t grow(struct side *s, uint64_t usec) {
    struct ctw_growth_outcome o = {.max_error = -1};
    struct ctw_tick tick = {.now_usec = usec};
    memset(&s->watch, 0, sizeof(s->watch)); /* or a lowered limit would be found */
    const uint64_t start = now_ns();

    ctw_table_read(s->table, &tick.sample, &tick.sources[CTW_SOURCE_TABLE]);
    ctw_machine_read(s->machine, usec, false, &tick.facts);
    tick.facts.permission = CTW_PERMISSION_GRANTED;
    tick.sample.count = tick.sample.max; /* pretend that it is full */
    ctw_watch_step(&s->watch, &s->settings, &tick, &s->verdict);
    s->verdict.growth.new_max = tick.sample.max + STEP;
    s->verdict.growth.new_buckets = 0;
    if (s->verdict.growth.write)
        ctw_limits_write(s->limits, &s->verdict.growth, &o);
    const uint64_t took = now_ns() - start;
    if (o.max_error != 0)
        return 0;
    ctw_watch_grown(&s->watch, &s->settings, &tick, &o, &s->verdict);
    return took;
}

int main(void) {
    static struct side s;
    static uint64_t took[ROUNDS], bare[ROUNDS];
    struct ctw_source_health state;
    struct ctw_sample before;
    int status = EXIT_SUCCESS;

    if (ctw_table_new("", &s.table) < 0 || ctw_machine_new(NULL, "", &s.machine) < 0 ||
        ctw_limits_new(NULL, "", true, &s.limits) < 0)
        return EXIT_FAILURE;
    ctw_settings_defaults(&s.settings);
    s.settings.growth.enabled = true;
    s.settings.growth.buckets = CTW_BUCKETS_NEVER;
    ctw_table_read(s.table, &before, &state);
    if (state.health != CTW_HEALTH_OK || before.max == 0 || write_bare(before.max) < 0) {
        (void)fprintf(stderr, "bench_growth: cannot write %s\n", max_path);
        return EXIT_FAILURE;
    }
    for (uint64_t i = 0; i < ROUNDS && status == EXIT_SUCCESS; i++) {
        const uint64_t start = now_ns();
        (void)write_bare(before.max);
        bare[i] = now_ns() - start;
        took[i] = grow(&s, (i + 1) * 2000000);
        if (took[i] == 0) {
            (void)fprintf(stderr, "bench_growth: a step was refused: %s\n",
                          ctw_growth_refusal_name(s.verdict.growth.refusal));
            status = EXIT_FAILURE;
        }
    }
    (void)write_bare(before.max);
    qsort(took, ROUNDS, sizeof(took[0]), ascending);
    qsort(bare, ROUNDS, sizeof(bare[0]), ascending);
    if (status == EXIT_SUCCESS)
        (void)printf("one bare write            %7.1f us, 99 %% below %7.1f us\n"
                     "poll, decision and write  %7.1f us, 99 %% below %7.1f us   ratio %.2f\n",
                     (double)bare[ROUNDS / 2] / 1000, (double)bare[ROUNDS * 99 / 100] / 1000,
                     (double)took[ROUNDS / 2] / 1000, (double)took[ROUNDS * 99 / 100] / 1000,
                     (double)took[ROUNDS / 2] / (double)bare[ROUNDS / 2]);
    (void)ctw_limits_free(s.limits);
    (void)ctw_machine_free(s.machine);
    (void)ctw_table_free(s.table);
    return status;
}
