/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * published DIRECTORY: prints the state that a ctwatchd published there, as
 * "liveness=alive pid=812 polls=40 seconds=9", where seconds is how many slots of the history
 * are known by the second. What cannot be read is an error on stderr, and exit status 1.
 */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/state/reader.h"

static unsigned count_seconds(const struct ctw_history *h) {
    unsigned n = 0;

    for (uint32_t i = 0; i < CTW_HISTORY_FINE; i++)
        n += h->slots[i].width_sec != 0;
    return n;
}

int main(int argc, char *argv[]) {
    static const char *const liveness[] = {
        [CTW_LIVENESS_NONE] = "none",
        [CTW_LIVENESS_ALIVE] = "alive",
        [CTW_LIVENESS_LATE] = "late",
        [CTW_LIVENESS_STOPPED] = "stopped",
    };
    static struct ctw_view v;
    static struct ctw_history h;

    if (argc != 2) {
        (void)fprintf(stderr, "usage: %s DIRECTORY\n", argv[0]);
        return 2;
    }
    ctw_state_view(argv[1], &v);
    int r = v.state_error;
    if (r == 0)
        r = ctw_state_read_history(argv[1], &h);
    if (r < 0) {
        (void)fprintf(stderr, "%s: %s\n", argv[1], strerror(-r));
        return 1;
    }
    (void)printf("liveness=%s pid=%" PRIu32 " polls=%" PRIu64 " seconds=%u\n", liveness[v.liveness],
                 v.snapshot.pid, v.snapshot.polls, count_seconds(&h));
    return 0;
}
