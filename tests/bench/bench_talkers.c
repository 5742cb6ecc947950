/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * bench_talkers: the cost and the accuracy of frequent keys in fixed memory.
 *
 * Each stream is counted by lib/talkers/sketch, and exactly, in an open hash table with room for
 * each key, whose plain increment is the baseline. Keys are drawn before the clock starts. An error
 * is the distance of a count from the exact one. It is wrong when the exact one lies outside of
 * [count - error, count], or when a key that makes more than 1/CTW_SKETCH_COUNTERS of the stream is
 * missing.
 */

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/talkers/sketch.h"

#define ADDS       10000000u
#define RANKS      1000000u
#define TABLE_BITS 25
#define TABLE_SIZE (1u << TABLE_BITS)
#define NAMED      10u

static uint32_t stream[ADDS];
static struct cell { uint32_t name, count; } table[TABLE_SIZE]; /* count 0: free */
static struct ctw_sketch talkers;

static uint64_t random_state = 1;

static uint64_t next_random(void) {
    uint64_t z = random_state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static double now_ns(void) {
    struct timespec ts;

    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
    return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

/* --- streams --------------------------------------------------------------------------------- */

/* The key of rank r makes @weight(r) of all. */
static void fill_by_rank(double (*weight)(double rank)) {
    double *until = malloc(RANKS * sizeof(*until)), sum = 0;

    if (until == NULL)
        exit(EXIT_FAILURE);
    for (uint32_t i = 0; i < RANKS; i++)
        until[i] = sum += weight(i + 1);
    for (uint32_t i = 0; i < ADDS; i++) {
        const double x = (double)(next_random() >> 11) * 0x1p-53 * sum;
        uint32_t low = 0, high = RANKS - 1;
        while (low < high) {
            const uint32_t middle = (low + high) / 2;
            if (until[middle] < x)
                low = middle + 1;
            else
                high = middle;
        }
        stream[i] = low;
    }
    free(until);
}

static double flat(double rank) {
    return 1 / (rank + 20);
}

static double zipf(double rank) {
    return 1 / rank;
}

static double steep(double rank) {
    return 1 / (rank * rank);
}

static void fill_flat(void) {
    fill_by_rank(flat);
}

static void fill_zipf(void) {
    fill_by_rank(zipf);
}

static void fill_steep(void) {
    fill_by_rank(steep);
}

static void fill_distinct(void) {
    for (uint32_t i = 0; i < ADDS; i++)
        stream[i] = i;
}

static void fill_distinct_and_ten_heavy(void) {
    for (uint32_t i = 0; i < ADDS; i++)
        stream[i] = next_random() % 10 == 0 ? UINT32_MAX - (uint32_t)(next_random() % 10) : i;
}

/* One key more than counters, in turn: each add takes over a counter. */
static void fill_round_robin(void) {
    for (uint32_t i = 0; i < ADDS; i++)
        stream[i] = i % (CTW_SKETCH_COUNTERS + 1);
}

/* Counts that all differ, and new keys in between: the most work for the order. */
static void fill_ladder(void) {
    for (uint32_t i = 0, name = 0, left = 0; i < ADDS; i++) {
        if (left == 0) {
            name = (uint32_t)(next_random() % (2 * CTW_SKETCH_COUNTERS));
            left = 1 + (uint32_t)(next_random() % CTW_SKETCH_COUNTERS);
        }
        stream[i] = next_random() % 2 ? 1u << 31 | i : name;
        left--;
    }
}

/* Distinct keys, and a frequent one only in the last tenth. */
static void fill_late(void) {
    for (uint32_t i = 0; i < ADDS; i++)
        stream[i] = i > ADDS - ADDS / 10 && i % 2 ? UINT32_MAX : i;
}

/* --- counting -------------------------------------------------------------------------------- */

static struct cell *cell_of(uint32_t name) {
    uint32_t at = name * UINT32_C(0x9e3779b1) >> (32 - TABLE_BITS);

    while (table[at].count > 0 && table[at].name != name)
        at = (at + 1) % TABLE_SIZE;
    return &table[at];
}

static double count_exactly(void) {
    memset(table, 0, sizeof(table));

    const double start = now_ns();
    for (uint32_t i = 0; i < ADDS; i++) {
        struct cell *c = cell_of(stream[i]);
        c->name = stream[i];
        c->count++;
    }
    return (now_ns() - start) / ADDS;
}

static struct ctw_key key_of(uint32_t name) {
    const uint32_t address = htonl(name);
    uint8_t bytes[16] = {0};

    memcpy(bytes, &address, sizeof(address));
    return ctw_address_key(AF_INET, bytes, 64);
}

static double count_talkers(void) {
    ctw_sketch_init(&talkers, next_random());

    const double start = now_ns();
    for (uint32_t i = 0; i < ADDS; i++) {
        const struct ctw_key key = key_of(stream[i]);
        ctw_sketch_add(&talkers, &key, 1);
    }
    return (now_ns() - start) / ADDS;
}

/* --- accuracy -------------------------------------------------------------------------------- */

static int most_first(const void *a, const void *b) {
    const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return x < y ? 1 : x > y ? -1 : 0;
}

struct accuracy {
    unsigned heavy;    /* keys above 1/CTW_SKETCH_COUNTERS */
    unsigned missing;  /* of these */
    unsigned wrong;    /* bounds that do not hold */
    unsigned first;    /* of the first ten, those that belong there */
    double worst_sure; /* largest distance of count - error from the truth among these, in % */
};

static struct accuracy compare(void) {
    static struct ctw_sketch_entry all[CTW_SKETCH_COUNTERS];
    static uint32_t largest[TABLE_SIZE];
    const size_t n = ctw_sketch_top(&talkers, all, CTW_SKETCH_COUNTERS);
    struct accuracy a = {0};
    unsigned found = 0;
    size_t names = 0;

    for (size_t i = 0; i < TABLE_SIZE; i++)
        if (table[i].count > 0) {
            a.heavy += table[i].count > ADDS / CTW_SKETCH_COUNTERS;
            largest[names++] = table[i].count;
        }
    qsort(largest, names, sizeof(*largest), most_first);

    for (size_t i = 0; i < n; i++) {
        uint32_t name;
        memcpy(&name, &all[i].key.a, sizeof(name));
        const uint64_t truth = cell_of(ntohl(name))->count, sure = all[i].count - all[i].error;
        found += truth > ADDS / CTW_SKETCH_COUNTERS;
        a.wrong += truth > all[i].count || truth < sure;
        if (i >= NAMED)
            continue;
        a.first += truth >= largest[NAMED - 1];
        const double off = 100.0 * (double)(truth - sure) / ADDS;
        a.worst_sure = off > a.worst_sure ? off : a.worst_sure;
    }
    a.missing = a.heavy - found;
    return a;
}

int main(void) {
    static const struct {
        const char *name;
        void (*fill)(void);
    } streams[] = {
        {"Zipf, 1/(r + 20)", fill_flat},
        {"Zipf, 1/r", fill_zipf},
        {"Zipf, 1/r^2", fill_steep},
        {"all distinct", fill_distinct},
        {"distinct, ten of 1 %", fill_distinct_and_ten_heavy},
        {"late heavy", fill_late},
        {"round robin", fill_round_robin},
        {"ladder", fill_ladder},
    };
    unsigned wrong = 0;

    (void)printf("%u adds each; memory %zu bytes, the exact table's %zu MiB\n\n"
                 "stream                  ns/add   exact  ratio   heavy missing wrong"
                 "  first 10  off by\n",
                 ADDS, sizeof(talkers), sizeof(table) >> 20);
    for (size_t i = 0; i < sizeof(streams) / sizeof(streams[0]); i++) {
        streams[i].fill();
        (void)count_exactly(); /* faults the memory in */
        const double exact = count_exactly(), ours = count_talkers();
        const struct accuracy a = compare();
        (void)printf("%-22s %7.1f %7.1f %6.2f %7u %7u %5u %9u %6.3f %%\n", streams[i].name, ours,
                     exact, ours / exact, a.heavy, a.missing, a.wrong, a.first, a.worst_sure);
        wrong += a.missing + a.wrong;
    }
    return wrong == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
