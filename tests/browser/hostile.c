/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * hostile DIRECTORY: puts markup into every string of the state that a ctwatchd, which has ended,
 * left there. None of it may become part of a page.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/state/snapshot.h"

#define MARKUP "</code><img src=x onerror=alert(1)><script>alert(2)</script>\"'><b id=hostile>&lt;"

static void put(char *text, size_t size) {
    const size_t n = sizeof(MARKUP) < size ? sizeof(MARKUP) : size;

    memcpy(text, MARKUP, n); /* cut off where it does not fit */
    text[n - 1] = '\0';
}

static void put_shares(struct ctw_share *rows, uint32_t *n, uint32_t room) {
    for (uint32_t i = 0; i < room; i++) {
        put(rows[i].name, sizeof(rows[i].name));
        put(rows[i].owner, sizeof(rows[i].owner));
        rows[i].permyriad = 1000;
    }
    *n = room;
}

#define ROOM(array) ((uint32_t)(sizeof(array) / sizeof((array)[0])))

static void put_everywhere(struct ctw_snapshot *p) {
    struct ctw_talkers *t = &p->talkers;

    put(p->netns, sizeof(p->netns));
    put(p->version, sizeof(p->version));
    for (size_t i = 0; i < CTW_SOURCES; i++) {
        p->sources[i].health = CTW_HEALTH_FAILED;
        put(p->sources[i].what, sizeof(p->sources[i].what));
    }
    for (size_t i = 0; i < CTW_RECENT_ALERTS; i++) {
        struct ctw_recent_alert *a = &p->recent_alerts[i];
        a->realtime_usec = p->polled_realtime_usec;
        put(a->message, sizeof(a->message));
        put(a->anonymous, sizeof(a->anonymous));
        put(a->remedy, sizeof(a->remedy));
    }
    p->n_recent_alerts = CTW_RECENT_ALERTS;
    t->known = true;
    put_shares(t->sources, &t->n_sources, ROOM(t->sources));
    put_shares(t->ports, &t->n_ports, ROOM(t->ports));
    put_shares(t->states, &t->n_states, ROOM(t->states));
    put_shares(t->destinations, &t->n_destinations, ROOM(t->destinations));
}

int main(int argc, char *argv[]) {
    static struct ctw_state state;
    char path[4096];

    (void)snprintf(path, sizeof(path), "%s/state", argc == 2 ? argv[1] : "");
    const int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0 || pread(fd, &state, sizeof(state), 0) != (ssize_t)sizeof(state)) {
        (void)fprintf(stderr, "%s: %s\n", path, strerror(errno));
        return EXIT_FAILURE;
    }
    put_everywhere(&state.published.now);
    (void)ctw_published_seal(&state.published, true);
    if (ctw_snapshot_check(&state.published.now) < 0 ||
        pwrite(fd, &state, sizeof(state), 0) != (ssize_t)sizeof(state)) {
        (void)fprintf(stderr, "%s: it is no snapshot any more, or cannot be written\n", path);
        return EXIT_FAILURE;
    }
    return close(fd) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
