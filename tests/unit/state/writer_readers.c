/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * A thousand readers against one writer. Each publication is one number, in every field of the
 * snapshot that has room for it, so that a reader of two halves of two publications sees it.
 */

#include "tests/support/state_directory.h"

#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

#include "daemon/sys/clock.h"

#define PROCESSES 8
#define THREADS   125

/* Of each reader, while the writer publishes at its full rate, which is every 2 ms. */
#define WANTED 40

#define RATE_NSEC  2000000
#define BURST_USEC (500 * CTW_USEC_PER_MSEC)

/* One in so many readers is of the history, and one in so many publications: it takes a thousand
 * times as long. */
#define HISTORY_READERS     16
#define HISTORY_EVERY_RATE  8
#define HISTORY_EVERY_BURST 2048

/* Slots of the history in one publication of it. */
#define SLOTS 8u

/* Different ones, made before, so that most of the writer's time goes into publishing them. */
#define SAMPLES 4u

/* Shared between the processes. */
struct hall {
    const char *directory;
    unsigned wanted; /* of each reader; 0: as many as it gets */
    cpu_set_t cpus;
    pthread_barrier_t door; /* they begin together */
    _Atomic bool over;
    _Atomic unsigned whole, torn, given_up, failed;
};

/* --- a number in every field ----------------------------------------------------------------- */

static void fill(struct ctw_snapshot *p, uint32_t n) {
    p->pid = n;
    p->polls = n;
    for (unsigned i = 0; i <= CTW_LATENCY_BOUNDS; i++)
        p->latency[i] = n;
    for (unsigned i = 0; i < CTW_SOURCES; i++)
        memset(p->sources[i].what, 'a' + (int)(n % 26), sizeof(p->sources[i].what) - 1);
    p->table.count = p->table.max = n;
    p->level = n % (CTW_LEVEL_FULL + 1);
    p->lost.drops = p->lost.log_lines = p->events = n;
    p->grown_from = p->grown_to = n;
    for (unsigned i = 0; i < CTW_ALERT_KINDS; i++)
        p->alerts[i] = n;
    for (unsigned i = 0; i < CTW_RECENT_ALERTS; i++) {
        p->recent_alerts[i].realtime_usec = n;
        memset(p->recent_alerts[i].message, 'a' + (int)(n % 26),
               sizeof(p->recent_alerts[i].message) - 1);
    }
    for (unsigned i = 0; i < CTW_TALKERS_TOP_MAX; i++)
        p->talkers.sources[i].permyriad = p->talkers.ports[i].permyriad =
            p->talkers.states[i].permyriad = n;
    p->n_recent_alerts = n; /* names and words are published when it changes */
}

static bool is_whole(const struct ctw_snapshot *got) {
    struct ctw_snapshot expected;

    memset(&expected, 0, sizeof(expected));
    fill(&expected, got->pid);
    return memcmp(&expected, got, sizeof(expected)) == 0;
}

/* Each slot is one number. */
static bool is_whole_history(const struct ctw_history *h) {
    for (uint32_t i = 0; i < CTW_HISTORY_FINE; i++)
        if (h->slots[i].losses.log_lines != h->slots[i].mean ||
            h->slots[i].set_max != h->slots[i].mean)
            return false;
    return true;
}

/* The writer on one CPU and the readers on the others, or a thousand of them would leave it none.
 */
static void move_to(const cpu_set_t *cpus, bool writer) {
    bool first = true;
    cpu_set_t mine;

    CPU_ZERO(&mine);
    for (unsigned i = 0; i < CPU_SETSIZE; i++)
        if (CPU_ISSET(i, cpus)) {
            if (first == writer)
                CPU_SET(i, &mine);
            first = false;
        }
    (void)sched_setaffinity(0, sizeof(mine), &mine); /* a single CPU is for all of them */
}

/* --- readers --------------------------------------------------------------------------------- */

static int read_snapshot(const char *directory, bool *ret_whole) {
    struct ctw_snapshot now;

    const int r = ctw_state_read(directory, &now);
    *ret_whole = r == 0 && is_whole(&now);
    return r;
}

static int read_history_of(const char *directory, bool *ret_whole) {
    struct ctw_history *h = malloc(sizeof(*h));

    const int r = h ? ctw_state_read_history(directory, h) : -ENOMEM;
    *ret_whole = r == 0 && is_whole_history(h);
    free(h);
    return r;
}

static void read_on(struct hall *hall, int (*read_one)(const char *, bool *)) {
    (void)pthread_barrier_wait(&hall->door);
    for (unsigned n = 0; !hall->over && (hall->wanted == 0 || n < hall->wanted);) {
        bool whole;
        const int r = read_one(hall->directory, &whole);
        if (r == -EAGAIN) {
            hall->given_up++;
            continue;
        }
        n++;
        if (r < 0)
            hall->failed++;
        else if (whole)
            hall->whole++;
        else
            hall->torn++;
    }
}

static void *read_snapshots(void *hall) {
    read_on(hall, read_snapshot);
    return NULL;
}

static void *read_histories(void *hall) {
    read_on(hall, read_history_of);
    return NULL;
}

/* One process of them. */
static void read_in_threads(struct hall *hall) {
    pthread_t threads[THREADS];
    pthread_attr_t small;

    move_to(&hall->cpus, false);
    (void)pthread_attr_init(&small);
    (void)pthread_attr_setstacksize(&small, 256 << 10);
    for (unsigned i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], &small,
                           i % HISTORY_READERS == 0 ? read_histories : read_snapshots, hall) != 0)
            _exit(1);
    for (unsigned i = 0; i < THREADS; i++)
        (void)pthread_join(threads[i], NULL);
    _exit(0);
}

/* --- the writer ------------------------------------------------------------------------------ */

static void publish(struct place *p, const struct ctw_snapshot samples[SAMPLES], uint32_t n) {
    *ctw_state_writer_snapshot(p->writer) = samples[n % SAMPLES];
    ctw_state_writer_publish(p->writer);
}

static void publish_history(struct place *p, uint32_t n) {
    for (uint32_t i = 0; i < SLOTS; i++) {
        const struct ctw_record slot = {.losses.log_lines = n, .mean = n, .set_max = n};
        ctw_state_writer_slot(p->writer, (n * SLOTS + i) % CTW_HISTORY_FINE, &slot);
    }
}

/* Until all the readers have ended. Return: how many processes of them ended well. */
static unsigned publish_at(struct place *p, struct hall *hall, const struct timespec *pause,
                           uint32_t history_every) {
    const uint64_t until_usec = pause ? UINT64_MAX : ctw_monotonic_usec() + BURST_USEC;
    struct ctw_snapshot samples[SAMPLES] = {0};
    unsigned well = 0;
    uint32_t n = 1;

    for (uint32_t i = 0; i < SAMPLES; i++)
        fill(&samples[i], 1000 + i);
    for (unsigned ended = 0; ended < PROCESSES; n++) {
        int status;
        publish(p, samples, n);
        if (pause)
            (void)nanosleep(pause, NULL);
        if (n % history_every != 0)
            continue;
        publish_history(p, n);
        hall->over = ctw_monotonic_usec() >= until_usec;
        if (waitpid(-1, &status, WNOHANG) <= 0)
            continue;
        ended++;
        well += WIFEXITED(status) && WEXITSTATUS(status) == 0;
    }
    print_message("%u publications: ", n);
    return well;
}

/* A thousand of them come in. */
static void open_hall(struct place *p, struct hall *hall) {
    pthread_barrierattr_t shared;

    hall->directory = p->directory;
    (void)pthread_barrierattr_init(&shared);
    (void)pthread_barrierattr_setpshared(&shared, PTHREAD_PROCESS_SHARED);
    (void)pthread_barrier_init(&hall->door, &shared, PROCESSES * THREADS + 1);
    assert_int_equal(ctw_state_writer_new(p->directory, "", 0, SAMPLE_NOW_USEC, &p->writer), 0);
    memset(ctw_state_writer_snapshot(p->writer), 0, sizeof(struct ctw_snapshot));
    fill(ctw_state_writer_snapshot(p->writer), 1);
    ctw_state_writer_publish(p->writer);
    assert_int_equal(sched_getaffinity(0, sizeof(hall->cpus), &hall->cpus), 0);
    move_to(&hall->cpus, true);
    for (unsigned i = 0; i < PROCESSES; i++) {
        if (fork_helper() == 0)
            read_in_threads(hall);
    }
    (void)pthread_barrier_wait(&hall->door);
}

static void expect_nothing_torn(const struct hall *hall) {
    assert_int_equal(sched_setaffinity(0, sizeof(hall->cpus), &hall->cpus), 0);
    print_message("%u whole, %u torn, %u given up, %u failed\n", hall->whole, hall->torn,
                  hall->given_up, hall->failed);
    assert_int_equal(hall->torn, 0);
    assert_int_equal(hall->failed, 0);
}

static struct hall *hall_new(void) {
    struct hall *hall =
        mmap(NULL, sizeof(*hall), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    assert_ptr_not_equal(hall, MAP_FAILED);
    return hall;
}

static void readers_at_full_rate_read_whole_values(void **state) {
    static const struct timespec rate = {.tv_nsec = RATE_NSEC};
    struct hall *hall = hall_new();

    hall->wanted = WANTED;
    open_hall(*state, hall);
    assert_int_equal(publish_at(*state, hall, &rate, HISTORY_EVERY_RATE), PROCESSES);
    expect_nothing_torn(hall);
    assert_int_equal(hall->whole, PROCESSES * THREADS * WANTED);
    munmap(hall, sizeof(*hall));
}

/* Nearly every attempt comes upon a publication: many give up, and may. */
static void readers_in_a_burst_read_no_torn_value(void **state) {
    struct hall *hall = hall_new();

    open_hall(*state, hall);
    assert_int_equal(publish_at(*state, hall, NULL, HISTORY_EVERY_BURST), PROCESSES);
    expect_nothing_torn(hall);
    munmap(hall, sizeof(*hall));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(readers_at_full_rate_read_whole_values),
        TEST(readers_in_a_burst_read_no_torn_value),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
