/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * subscriber: daemon/source/events in a loop of its own, polled as by the manager.
 *
 *   subscriber [-b BUFFER_BYTES] [-p BUDGET_PERMYRIAD] [-6 PREFIX] [-l POLL_MSEC]
 *
 * Reads one command per line from standard input and answers each with one line:
 *
 *   want | leave               subscribe, or leave
 *   buffer N | budget N | prefix N   a reload with that setting changed
 *   close                      close the subscription's descriptor under it
 *   later SECONDS              move the time of polls forward
 *   report                     totals since the last `reset`
 *   reset                      start the totals anew
 *   top                        the three most frequent sources of new flows, with shares
 *   quit, or end of file
 */

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <systemd/sd-event.h>

#include "daemon/source/events.h"
#include "lib/kernel/sample.h"
#include "lib/watch/event_rates.h"

struct subscriber {
    sd_event *event;
    sd_event_source *timer;
    struct ctw_events *events;
    struct ctw_settings settings;
    bool wanted;
    uint64_t poll_usec;
    uint64_t began_usec, later_usec;

    struct ctw_event_counts total;
    struct ctw_source_health state;
    struct ctw_rate_window window;
    uint64_t polls, late_usec; /* the longest delay of a poll */
    uint64_t since_usec, cpu_since_nsec;
};

static uint64_t clock_nsec(clockid_t clock) {
    struct timespec ts;

    (void)clock_gettime(clock, &ts);
    return (uint64_t)ts.tv_sec * UINT64_C(1000000000) + (uint64_t)ts.tv_nsec;
}

/* From its own start, which must not be 0. */
static uint64_t now_usec(const struct subscriber *s) {
    return clock_nsec(CLOCK_MONOTONIC) / 1000 - s->began_usec + s->later_usec;
}

/* --- polls ----------------------------------------------------------------------------------- */

static void add(struct ctw_event_counts *total, const struct ctw_event_counts *t) {
    total->subscribed = t->subscribed;
    total->events += t->events;
    total->created += t->created;
    total->destroyed += t->destroyed;
    total->overruns += t->overruns;
    total->lost += t->lost;
    total->sampling = t->sampling;
}

static void poll(struct subscriber *s) {
    struct ctw_event_counts counts;

    ctw_events_take(s->events, now_usec(s), &counts, &s->state);
    ctw_rates_step(&s->window, now_usec(s), &counts);
    add(&s->total, &counts);
    s->polls++;
}

static int on_timer(sd_event_source *source, uint64_t due_usec, void *userdata) {
    struct subscriber *s = userdata;
    const uint64_t now = clock_nsec(CLOCK_MONOTONIC) / 1000;

    if (now - due_usec > s->late_usec)
        s->late_usec = now - due_usec;
    poll(s);
    (void)sd_event_source_set_time(source, now + s->poll_usec);
    return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

/* --- commands -------------------------------------------------------------------------------- */

static uint64_t resident_kb(void) {
    uint64_t pages = 0;
    FILE *f = fopen("/proc/self/statm", "re");

    if (!f)
        return 0;
    if (fscanf(f, "%*u %" SCNu64, &pages) != 1)
        pages = 0;
    (void)fclose(f);
    return pages * (uint64_t)sysconf(_SC_PAGESIZE) / 1024;
}

/* The number of descriptors; *ret_netlink is the subscription's, or -1. */
static unsigned descriptors(int *ret_netlink) {
    DIR *folder = opendir("/proc/self/fd");
    unsigned n = 0;

    *ret_netlink = -1;
    for (struct dirent *d; folder && (d = readdir(folder));) {
        const int fd = (int)strtol(d->d_name, NULL, 10);
        int domain = 0;
        socklen_t length = sizeof(domain);

        n += d->d_name[0] != '.' && fd != dirfd(folder);
        if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &length) == 0 && domain == AF_NETLINK)
            *ret_netlink = fd;
    }
    if (folder)
        (void)closedir(folder);
    return n;
}

static void report(struct subscriber *s) {
    const struct ctw_event_counts *t = &s->total;
    const uint64_t cpu = clock_nsec(CLOCK_PROCESS_CPUTIME_ID) - s->cpu_since_nsec;
    const uint64_t usec = clock_nsec(CLOCK_MONOTONIC) / 1000 - s->since_usec;
    const struct ctw_rates rates = ctw_rates_now(&s->window);
    int netlink;

    (void)printf("subscribed=%d health=%d error=%d what=%s ", t->subscribed, (int)s->state.health,
                 -s->state.error, s->state.what[0] != '\0' ? s->state.what : "-");
    (void)printf("| events=%" PRIu64 " created=%" PRIu64 " destroyed=%" PRIu64 " overruns=%" PRIu64
                 " lost=%" PRIu64 " sampling=%" PRIu32 " ",
                 t->events, t->created, t->destroyed, t->overruns, t->lost, t->sampling);
    (void)printf("rate=%" PRIu64 " lower_bound=%d ", rates.created, rates.lower_bound);
    (void)printf("polls=%" PRIu64 " late_usec=%" PRIu64 " cpu_usec=%" PRIu64 " usec=%" PRIu64
                 " rss_kb=%" PRIu64 " fds=%u\n",
                 s->polls, s->late_usec, cpu / 1000, usec, resident_kb(), descriptors(&netlink));
}

static void reset(struct subscriber *s) {
    s->total = (struct ctw_event_counts){0};
    s->polls = s->late_usec = 0;
    s->since_usec = clock_nsec(CLOCK_MONOTONIC) / 1000;
    s->cpu_since_nsec = clock_nsec(CLOCK_PROCESS_CPUTIME_ID);
}

static void print_top(struct subscriber *s) {
    const struct ctw_new_sources *sources = ctw_events_new_sources(s->events);

    s->later_usec += 250 * CTW_USEC_PER_MSEC; /* they are ranked four times a second */
    poll(s);

    for (uint32_t i = 0; sources && i < sources->n; i++)
        (void)printf("%s %" PRIu64 "%% ", sources->top[i].name,
                     (sources->top[i].per_second * 100 + sources->per_second / 2) /
                         sources->per_second);
    (void)puts("");
}

static void close_under_it(void) {
    int netlink;

    (void)descriptors(&netlink);
    if (netlink >= 0)
        (void)close(netlink);
}

/* Return: whether there is such a command. */
static bool obey(struct subscriber *s, const char *command, uint64_t n) {
    if (strcmp(command, "want") == 0)
        s->wanted = true;
    else if (strcmp(command, "leave") == 0)
        s->wanted = false;
    else if (strcmp(command, "buffer") == 0)
        s->settings.events.buffer_bytes = n;
    else if (strcmp(command, "budget") == 0)
        s->settings.events.budget_permyriad = (uint32_t)n;
    else if (strcmp(command, "prefix") == 0)
        s->settings.talkers.ipv6_prefix = (uint32_t)n;
    else if (strcmp(command, "close") == 0)
        close_under_it();
    else if (strcmp(command, "later") == 0)
        s->later_usec += n * CTW_USEC_PER_SEC;
    else if (strcmp(command, "reset") == 0)
        reset(s);
    else
        return false;
    ctw_events_want(s->events, s->wanted, &s->settings);
    poll(s);
    (void)puts("done");
    return true;
}

static void answer(struct subscriber *s, char *line) {
    uint64_t n = 0;
    char command[16] = "";

    if (sscanf(line, "%15s %" SCNu64, command, &n) < 1 || strcmp(command, "quit") == 0) {
        (void)sd_event_exit(s->event, 0);
        return;
    }
    if (strcmp(command, "report") == 0) {
        poll(s);
        report(s);
    } else if (strcmp(command, "top") == 0) {
        print_top(s);
    } else if (!obey(s, command, n)) {
        (void)printf("no such command: %s\n", command);
    }
}

/* One command at a time: the sender waits for the answer. */
static int on_input(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
    struct subscriber *s = userdata;
    char line[64];
    const ssize_t n = read(fd, line, sizeof(line) - 1);

    (void)source;
    (void)revents;
    if (n <= 0)
        return sd_event_exit(s->event, 0);
    line[n] = '\0';
    answer(s, line);
    (void)fflush(stdout);
    return 0;
}

static int run(struct subscriber *s) {
    int r = sd_event_default(&s->event);

    if (r >= 0)
        r = ctw_events_new(s->event, 1, &s->events);
    if (r >= 0)
        r = sd_event_add_io(s->event, NULL, STDIN_FILENO, EPOLLIN, on_input, s);
    if (r >= 0)
        r = sd_event_add_time(s->event, &s->timer, CLOCK_MONOTONIC,
                              clock_nsec(CLOCK_MONOTONIC) / 1000, 1, on_timer, s);
    if (r >= 0)
        r = sd_event_source_set_priority(s->timer, SD_EVENT_PRIORITY_IMPORTANT);
    if (r >= 0)
        r = sd_event_loop(s->event);
    (void)ctw_events_free(s->events);
    (void)sd_event_source_unref(s->timer);
    (void)sd_event_unref(s->event);
    return r;
}

int main(int argc, char **argv) {
    static struct subscriber s = {.poll_usec = 250 * CTW_USEC_PER_MSEC};
    int c;

    ctw_settings_defaults(&s.settings);
    while ((c = getopt(argc, argv, "b:p:6:l:")) != -1) {
        const unsigned long n = optarg ? strtoul(optarg, NULL, 10) : 0;

        if (c == 'b')
            s.settings.events.buffer_bytes = n;
        else if (c == 'p')
            s.settings.events.budget_permyriad = (uint32_t)n;
        else if (c == '6')
            s.settings.talkers.ipv6_prefix = (uint32_t)n;
        else if (c == 'l')
            s.poll_usec = n * CTW_USEC_PER_MSEC;
        else
            return 2;
    }
    s.began_usec = clock_nsec(CLOCK_MONOTONIC) / 1000 - CTW_USEC_PER_SEC; /* time 0 is never */
    reset(&s);
    return run(&s) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
