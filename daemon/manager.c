/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/manager.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <systemd/sd-event.h>
#include <time.h>
#include <unistd.h>

#include "daemon/sink/hook.h"
#include "daemon/sink/journal.h"
#include "daemon/sink/limits.h"
#include "daemon/sink/service.h"
#include "daemon/source/dump.h"
#include "daemon/source/events.h"
#include "daemon/source/kernlog.h"
#include "daemon/source/machine.h"
#include "daemon/source/netns.h"
#include "daemon/source/table.h"
#include "daemon/state/writer.h"
#include "daemon/sys/clock.h"
#include "daemon/sys/config.h"
#include "lib/report/fields.h"
#include "lib/watch/watch.h"

/* Tables looked at: that of the namespace the daemon runs in. */
#define TABLES_MAX 1

/* Exists in the initial network namespace only (net/netfilter/nf_conntrack_standalone.c). */
#define INITIAL_NETNS_ONLY "/proc/sys/net/nf_conntrack_max"

/* How long an alert waits for the walk that is to say who; a sample takes some ten milliseconds. */
#define WALK_LIMIT_USEC (500 * CTW_USEC_PER_MSEC)

/* Alerts that wait for one walk: at most one per level. */
#define WAITING_MAX 4

struct watched_table {
    struct ctw_table *table;
    struct ctw_watch watch;
    struct ctw_source_health
        sources[CTW_SOURCES]; /* as last seen: not each is tried at each look */
    struct ctw_walk *walk;    /* running, or ended and not yet freed; NULL: neither */
    struct ctw_census *census;
    size_t n_waiting;
    struct ctw_alert waiting[WAITING_MAX];
    struct ctw_manager *manager;
    uint64_t netns_inode;
    char netns[CTW_NETNS_NAME_MAX];
};

struct ctw_manager {
    struct ctw_manager_paths paths;
    struct ctw_settings settings;
    sd_event *event;
    sd_event_source *timer;
    struct ctw_kernlog *kernlog; /* NULL: switched off, or the machine is a captured one */
    struct ctw_events *events;   /* NULL: the machine is a captured one */
    struct ctw_machine *machine;
    struct ctw_limits *limits;
    struct ctw_journal *report;
    struct ctw_hook *command;
    struct ctw_state_writer *writer;
    struct watched_table tables[TABLES_MAX];
    size_t n_tables;
    bool requested; /* SIGUSR1 came */
    bool events_wanted;
    uint64_t seed;     /* of hashes over what strangers send */
    bool past_alerted; /* what the kernel log said before the start */
    struct ctw_service notify;
    struct ctw_verdict verdict; /* too large for a stack */
};

static void send_alert(struct ctw_manager *m, struct ctw_alert *a) {
    const struct watched_table *own = &m->tables[0];
    struct ctw_fields fields;

    if (a->netns_inode == own->netns_inode)
        memcpy(a->netns, own->netns, sizeof(a->netns));
    else if (a->netns_inode != 0)
        ctw_netns_name(a->netns_inode, a->netns);

    ctw_fields_of(a, &fields);
    ctw_journal_send(m->report, &fields);
    ctw_state_writer_alert(m->writer, a);
    ctw_hook_run(m->command, m->settings.alerts.command, &fields);
}

/* The walk is over, one way or the other: what waited for it is said. */
static void end_walk(struct watched_table *w, const struct ctw_walk_end *end) {
    struct ctw_talkers talkers = {0};

    if (end) {
        w->census->whole = end->whole;
        ctw_census_result(w->census, w->manager->settings.talkers.top, &w->watch.last, &talkers);
    }
    ctw_watch_learn(&w->watch, &talkers, ctw_monotonic_usec());
    for (size_t i = 0; i < w->n_waiting; i++)
        send_alert(w->manager, &w->waiting[i]);
    w->n_waiting = 0;
}

static void on_walk_done(int r, const struct ctw_walk_end *end, void *userdata) {
    end_walk(userdata, r < 0 ? NULL : end);
}

static void on_walk_entry(const struct ctw_flow *flow, void *userdata) {
    struct watched_table *w = userdata;

    ctw_census_add(w->census, flow);
}

static void begin_walk(struct ctw_manager *m, struct watched_table *w) {
    w->walk = ctw_walk_free(w->walk);
    ctw_census_init(w->census, m->settings.talkers.ipv6_prefix, m->seed);
    int r = m->paths.root[0] == '\0'
                ? ctw_walk_start(m->event, m->settings.talkers.sample, WALK_LIMIT_USEC,
                                 on_walk_entry, on_walk_done, w, &w->walk)
                : -EOPNOTSUPP;
    if (r < 0)
        end_walk(w, NULL);
}

static void follow_events(struct ctw_manager *m) {
    const struct ctw_verdict *v = &m->verdict;
    char note[128];

    if (!m->events)
        return;
    if (v->want_events != m->events_wanted) {
        (void)snprintf(note, sizeof(note), "%s conntrack events: %s",
                       v->want_events ? "Subscribing to" : "Leaving", v->events_why);
        ctw_journal_note(m->report, note);
        m->events_wanted = v->want_events;
    }
    ctw_events_want(m->events, v->want_events, &m->settings);
}

static void carry_out(struct ctw_manager *m, struct watched_table *w) {
    for (size_t i = 0; i < m->verdict.n_alerts; i++) {
        struct ctw_alert *a = &m->verdict.alerts[i];
        if (a->wants_talkers && m->verdict.want_walk && w->n_waiting < WAITING_MAX)
            w->waiting[w->n_waiting++] = *a;
        else
            send_alert(m, a);
    }
    if (m->verdict.want_walk)
        begin_walk(m, w);
    follow_events(m);
}

static void gather(struct ctw_manager *m, struct watched_table *w, struct ctw_tick *ret) {
    memset(ret, 0, sizeof(*ret));
    ret->now_usec = ctw_monotonic_usec();
    ret->netns_inode = w->netns_inode;

    ctw_table_read(w->table, &ret->sample, &w->sources[CTW_SOURCE_TABLE]);
    if (m->kernlog)
        ctw_kernlog_take(m->kernlog, ret->now_usec, &ret->log, &w->sources[CTW_SOURCE_KERNEL_LOG]);
    else
        w->sources[CTW_SOURCE_KERNEL_LOG] = (struct ctw_source_health){0};
    if (m->kernlog && !m->past_alerted) {
        ctw_kernlog_past(m->kernlog, ret->now_usec, &ret->past, &ret->past_age_usec);
        ret->has_past = true;
        m->past_alerted = true;
    }
    if (w->sources[CTW_SOURCE_TABLE].health == CTW_HEALTH_OK &&
        ctw_watch_wants_counters(&w->watch, &m->settings, ret))
        ctw_table_read_counters(w->table, &ret->sample, &w->sources[CTW_SOURCE_COUNTERS]);
    if (m->events)
        ctw_events_take(m->events, ret->now_usec, &ret->events, &w->sources[CTW_SOURCE_EVENTS]);
    ret->requested = m->requested;
    m->requested = false;
    const bool present = w->sources[CTW_SOURCE_TABLE].health == CTW_HEALTH_OK;
    if (present && ctw_growth_on(&m->settings))
        ctw_machine_read(m->machine, ret->now_usec, &ret->facts);
    ctw_limits_facts(m->limits, &m->settings, ret->now_usec, present, &ret->facts);
    ctw_journal_flush(m->report, &w->sources[CTW_SOURCE_JOURNAL]);
    ctw_state_writer_health(m->writer, ret->now_usec, &w->sources[CTW_SOURCE_STATE]);
    memcpy(ret->sources, w->sources, sizeof(ret->sources));
}

/* Before anything is said of the look: in a burst each millisecond is 300 entries. */
static void grow(struct ctw_manager *m, struct watched_table *w, const struct ctw_tick *t) {
    struct ctw_growth_outcome outcome;

    if (!m->verdict.growth.write)
        return;
    ctw_limits_write(m->limits, &m->verdict.growth, &outcome);
    ctw_watch_grown(&w->watch, &m->settings, t, &outcome, &m->verdict);
    if (m->settings.growth.persist && (outcome.max_written || outcome.buckets_written))
        ctw_limits_save(m->limits, &w->watch.growth_state.growth.limits);
}

/* One look at each table, due at that time; returns in how long the next one is. */
static uint64_t poll(struct ctw_manager *m, uint64_t due_usec) {
    uint64_t next = m->settings.poll.interval_usec;

    for (size_t i = 0; i < m->n_tables; i++) {
        struct watched_table *w = &m->tables[i];
        struct ctw_tick tick;

        gather(m, w, &tick);
        ctw_watch_step(&w->watch, &m->settings, &tick, &m->verdict);
        grow(m, w, &tick);
        carry_out(m, w);
        if (m->verdict.next_poll_usec < next)
            next = m->verdict.next_poll_usec;
        if (i > 0)
            continue;
        ctw_service_status(&m->notify, &tick, &m->verdict);
        ctw_state_writer_poll(m->writer, &m->settings, &w->watch, &tick, &m->verdict, due_usec,
                              tick.now_usec + next);
    }
    return next;
}

static int arm(struct ctw_manager *m, uint64_t from_now_usec) {
    int r = sd_event_source_set_time(m->timer, ctw_monotonic_usec() + from_now_usec);
    if (r < 0)
        return r;
    return sd_event_source_set_enabled(m->timer, SD_EVENT_ONESHOT);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata) {
    struct ctw_manager *m = userdata;
    (void)source;

    /* Before anything else: whatever the look does, the clock goes on. */
    int r = arm(m, m->settings.poll.interval_usec);
    if (r < 0)
        return r;
    return arm(m, poll(m, usec));
}

/* A loss line is a reason to look at once. The timer is the one source whose failure ends the
 * loop, so its error is not returned here, where it would only switch the log off. */
static void on_loss(void *userdata) {
    struct ctw_manager *m = userdata;

    (void)arm(m, poll(m, ctw_monotonic_usec()));
}

static int open_kernlog(struct ctw_manager *m) {
    if (!m->settings.kernel_log.enabled || m->paths.root[0] != '\0') {
        m->kernlog = ctw_kernlog_free(m->kernlog);
        return 0;
    }
    if (m->kernlog)
        return 0;

    return ctw_kernlog_new(m->event, "/dev/kmsg", on_loss, m, &m->kernlog);
}

/* Below a root nothing is written, so growth is a dry run there. */
static void take_settings(struct ctw_manager *m, const struct ctw_settings *settings) {
    m->settings = *settings;
    if (m->paths.root[0] != '\0' && settings->growth.enabled)
        m->settings.growth.dry_run = true;
}

static void reload(struct ctw_manager *m) {
    struct ctw_alert alert = {.kind = CTW_ALERT_CONFIG, .edge = CTW_EDGE_BEGIN};
    struct ctw_settings settings;
    char error[CTW_CONFIG_ERROR_MAX];

    ctw_service_reloading(ctw_monotonic_usec());
    int r = ctw_config_load(m->paths.config, &settings, error);
    if (r < 0) {
        alert.config_refused = true;
        (void)snprintf(alert.reason, sizeof(alert.reason), "%s", error);
    } else {
        take_settings(m, &settings);
        r = open_kernlog(m);
        if (r < 0)
            (void)fprintf(stderr, "kernel log: %s, going on without it\n", strerror(-r));
    }
    alert.level = m->tables[0].watch.level.level;
    alert.netns_inode = m->tables[0].netns_inode;
    send_alert(m, &alert);
    ctw_service_ready();
}

static int on_hangup(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata) {
    struct ctw_manager *m = userdata;
    (void)source;
    (void)info;

    reload(m);
    (void)arm(m, poll(m, ctw_monotonic_usec()));
    return 0;
}

static int on_question(sd_event_source *source, const struct signalfd_siginfo *info,
                       void *userdata) {
    struct ctw_manager *m = userdata;
    (void)source;
    (void)info;

    m->requested = true;
    (void)arm(m, poll(m, ctw_monotonic_usec()));
    return 0;
}

static int add_signals(struct ctw_manager *m) {
    const struct {
        int number;
        sd_event_signal_handler_t handler; /* without one, sd-event ends the loop */
    } signals[] = {{SIGTERM, NULL}, {SIGINT, NULL}, {SIGHUP, on_hangup}, {SIGUSR1, on_question}};
    sigset_t set;

    (void)sigemptyset(&set);
    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
        (void)sigaddset(&set, signals[i].number);
    if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
        return -errno;

    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
        int r = sd_event_add_signal(m->event, NULL, signals[i].number, signals[i].handler,
                                    signals[i].handler ? m : NULL);
        if (r < 0)
            return r;
    }
    return 0;
}

static int add_timer(struct ctw_manager *m) {
    /* An accuracy of 1 us: the default, 250 ms, is the whole of poll.interval. */
    int r = sd_event_add_time(m->event, &m->timer, CLOCK_MONOTONIC, ctw_monotonic_usec(), 1,
                              on_timer, m);
    if (r < 0)
        return r;
    r = sd_event_source_set_priority(m->timer, SD_EVENT_PRIORITY_IMPORTANT);
    if (r < 0)
        return r;
    r = sd_event_source_set_exit_on_failure(m->timer, true);
    if (r < 0)
        return r;
    return sd_event_source_set_description(m->timer, "look");
}

static int add_table(struct ctw_manager *m) {
    struct watched_table *w = &m->tables[m->n_tables];
    int r = ctw_table_new(m->paths.root, &w->table);
    if (r < 0)
        return r;

    m->n_tables++;
    w->manager = m;
    w->census = calloc(1, sizeof(*w->census));
    if (!w->census)
        return -ENOMEM;
    if (m->paths.root[0] != '\0')
        return 0; /* a captured machine's namespace is not ours */
    w->netns_inode = ctw_netns_own_inode();
    if (access(INITIAL_NETNS_ONLY, F_OK) == 0)
        (void)snprintf(w->netns, sizeof(w->netns), "initial");
    else
        ctw_netns_name(w->netns_inode, w->netns);
    return 0;
}

static int set_up(struct ctw_manager *m) {
    int r = sd_event_default(&m->event);
    if (r < 0)
        return r;
    r = sd_event_set_watchdog(m->event, true);
    if (r < 0)
        return r;
    r = add_signals(m);
    if (r < 0)
        return r;
    r = ctw_journal_new(&m->report);
    if (r < 0)
        return r;
    r = ctw_hook_new(m->event, CTW_HOOK_LIMIT_USEC, &m->command);
    if (r < 0)
        return r;
    if (getrandom(&m->seed, sizeof(m->seed), 0) != (ssize_t)sizeof(m->seed))
        return -EIO;
    r = add_table(m);
    if (r < 0)
        return r;
    r = ctw_state_writer_new(m->paths.state, m->tables[0].netns, m->tables[0].netns_inode,
                             ctw_monotonic_usec(), &m->writer);
    if (r < 0)
        return r;
    if (m->paths.root[0] == '\0') {
        r = ctw_events_new(m->event, m->seed, &m->events);
        if (r < 0)
            return r;
    }
    r = ctw_machine_new(m->paths.root, &m->machine);
    if (r < 0)
        return r;
    r = ctw_limits_new(m->event, m->paths.root,
                       m->paths.root[0] != '\0' || access(INITIAL_NETNS_ONLY, F_OK) == 0,
                       &m->limits);
    if (r < 0)
        return r;
    r = open_kernlog(m);
    if (r < 0)
        return r;
    return add_timer(m);
}

int ctw_manager_new(const struct ctw_manager_paths *paths, const struct ctw_settings *settings,
                    struct ctw_manager **ret) {
    struct ctw_manager *m = calloc(1, sizeof(*m));
    if (!m)
        return -ENOMEM;

    m->paths = *paths;
    take_settings(m, settings);
    int r = set_up(m);
    if (r < 0) {
        (void)ctw_manager_free(m);
        return r;
    }
    *ret = m;
    return 0;
}

struct ctw_manager *ctw_manager_free(struct ctw_manager *m) {
    if (!m)
        return NULL;

    for (size_t i = 0; i < m->n_tables; i++) {
        (void)ctw_walk_free(m->tables[i].walk);
        free(m->tables[i].census);
        (void)ctw_table_free(m->tables[i].table);
    }
    (void)ctw_events_free(m->events);
    (void)ctw_kernlog_free(m->kernlog);
    (void)ctw_limits_free(m->limits);
    (void)ctw_machine_free(m->machine);
    (void)ctw_hook_free(m->command);
    (void)ctw_journal_free(m->report);
    (void)ctw_state_writer_free(m->writer);
    (void)sd_event_source_unref(m->timer);
    (void)sd_event_unref(m->event);
    free(m);
    return NULL;
}

int ctw_manager_run(struct ctw_manager *m) {
    int r = arm(m, poll(m, ctw_monotonic_usec()));
    if (r < 0)
        return r;

    ctw_service_ready();
    r = sd_event_loop(m->event);
    ctw_service_stopping();
    return r;
}
