/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * yesterday DIR [SECONDS [ahead|torn]]: leaves in DIR what a daemon would have that looked for so
 * many seconds, a day if nothing is said, and died just now: by a clock that is an hour ahead, or
 * in the middle of writing it. Each number in it is as long as it can be.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/state/snapshot.h"
#include "lib/util/parse.h"

#define DAY_SEC  86400u
#define HOUR_SEC 3600u

static uint64_t clock_usec(clockid_t clock) {
    struct timespec ts;

    (void)clock_gettime(clock, &ts);
    return (uint64_t)ts.tv_sec * CTW_USEC_PER_SEC + (uint64_t)ts.tv_nsec / 1000;
}

/* The longest values in it. */
static struct ctw_record slot(uint64_t at_usec, uint32_t width_sec) {
    struct ctw_record s;

    memset(&s, 0xff, sizeof(s));
    s.at_usec = at_usec;
    s.width_sec = width_sec;
    s.level = CTW_LEVEL_CRITICAL;
    return s;
}

static void fill(struct ctw_history *h, uint64_t now_usec, uint64_t seconds) {
    const uint64_t first_usec = now_usec - seconds * CTW_USEC_PER_SEC;

    for (enum ctw_resolution r = 0; r < CTW_RESOLUTIONS; r++) {
        const uint32_t width_sec = r == CTW_RESOLUTION_FINE ? 1 : 10;
        const uint64_t width_usec = width_sec * CTW_USEC_PER_SEC;
        const uint64_t end_usec = now_usec - now_usec % width_usec;
        for (uint64_t at_usec = first_usec - first_usec % width_usec + width_usec;
             at_usec < end_usec; at_usec += width_usec)
            h->slots[ctw_history_index(r, at_usec)] = slot(at_usec, width_sec);
    }
}

static int write_file(const char *directory, const struct ctw_state *state) {
    char path[4096];

    (void)mkdir(directory, 0750);
    if (snprintf(path, sizeof(path), "%s/state", directory) >= (int)sizeof(path))
        return -ENAMETOOLONG;
    const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    if (fd < 0)
        return -errno;
    const ssize_t n = write(fd, state, sizeof(*state));
    (void)close(fd);
    return n == sizeof(*state) ? 0 : -EIO;
}

int main(int argc, char *argv[]) {
    uint64_t seconds = DAY_SEC, now_usec = clock_usec(CLOCK_MONOTONIC);
    struct ctw_state *state = calloc(1, sizeof(*state));

    const char *how = argc == 4 ? argv[3] : "whole";
    const bool ahead = strcmp(how, "ahead") == 0, torn = strcmp(how, "torn") == 0;

    if (!state || argc < 2 || argc > 4 || (argc == 4 && !ahead && !torn) ||
        (argc >= 3 && ctw_text_decimal(argv[2], strlen(argv[2]), DAY_SEC, &seconds) < 0)) {
        (void)fputs("usage: yesterday DIR [SECONDS [ahead|torn]]\n", stderr);
        return EXIT_FAILURE;
    }
    /* A machine that has not been up for so long will have been. */
    if (now_usec < (seconds + 60) * CTW_USEC_PER_SEC)
        now_usec = (seconds + 60) * CTW_USEC_PER_SEC;
    if (ahead)
        now_usec += HOUR_SEC * CTW_USEC_PER_SEC;
    state->head = ctw_state_head();
    state->published.now.pid = 1;
    state->published.now.polled_usec = state->published.now.due_usec = now_usec;
    state->published.now.polled_realtime_usec = clock_usec(CLOCK_REALTIME);
    /* A daemon that is started later takes over what is of the same boot. */
    state->published.now.booted_usec = clock_usec(CLOCK_REALTIME) - clock_usec(CLOCK_BOOTTIME);
    fill(&state->history, now_usec, seconds);
    (void)ctw_published_seal(&state->published, true);
    state->published.sum += torn;
    state->history_sequence = torn;
    const int r = write_file(argv[1], state);
    free(state);
    if (r < 0)
        (void)fprintf(stderr, "yesterday: %s: %s\n", argv[1], strerror(-r));
    return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
