/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/manager.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#include "daemon/sink/hook.h"
#include "daemon/sink/journal.h"
#include "daemon/sink/limits.h"
#include "daemon/sink/service.h"
#include "daemon/source/dump.h"
#include "daemon/source/events.h"
#include "daemon/source/kernlog.h"
#include "daemon/source/machine.h"
#include "daemon/source/namespaces.h"
#include "daemon/source/netns.h"
#include "daemon/source/owners.h"
#include "daemon/source/table.h"
#include "daemon/state/writer.h"
#include "daemon/sys/clock.h"
#include "daemon/sys/config.h"
#include "lib/report/fields.h"
#include "lib/watch/watch.h"

/* Exists in the initial network namespace only (net/netfilter/nf_conntrack_standalone.c). */
#define INITIAL_NETNS_ONLY "/proc/sys/net/nf_conntrack_max"

/* The longest that an alert waits for its sample, which takes some ten milliseconds. */
#define WALK_LIMIT_USEC (500 * CTW_USEC_PER_MSEC)

struct ctw_manager {
    struct ctw_manager_paths paths;
    struct ctw_settings settings;
    sd_event *event;
    sd_event_source *timer;

    struct ctw_table *table;
    char netns[CTW_NETNS_NAME_MAX]; /* of the table */
    struct ctw_kernlog *kernlog;    /* NULL: switched off, or the machine is a captured one */
    struct ctw_events *events;      /* NULL: the machine is a captured one */
    struct ctw_machine *machine;
    struct ctw_namespaces_source *namespaces; /* NULL: --own, or a captured machine */
    struct ctw_walk *walk; /* running, or ended and not yet freed; NULL: neither */
    struct ctw_census *census;
    struct ctw_talkers talkers; /* of the last walk, while their owners are being found */
    uint64_t walked_usec;       /* when it ended */
    struct ctw_owners *owners;
    uint64_t seed; /* of hashes over values from the network */

    struct ctw_limits *limits;
    struct ctw_journal *journal;
    struct ctw_hook *hook;
    struct ctw_service service;
    struct ctw_state_writer *writer;

    struct ctw_watch watch;
    struct ctw_tick tick; /* its sources stay: not each is read at each poll */
    struct ctw_verdict verdict;
    struct ctw_waiting waiting;
    bool polled;        /* at least once */
    bool requested;     /* SIGUSR1 came since the last poll */
    bool culprits_due;  /* a sample ended since the last poll whose alerts did not wait for it */
    bool events_wanted; /* by the last verdict */
};

/* --- alerts ---------------------------------------------------------------------------------- */

static void deliver(struct ctw_manager *m, const struct ctw_alert *a) {
    struct ctw_fields fields;

    ctw_fields_of(a, &fields);
    ctw_journal_send(m->journal, &fields);
    ctw_state_writer_alert(m->writer, a);
    if (ctw_alert_runs_command(a))
        ctw_hook_run(m->hook, m->settings.alerts.command, &fields);
}

/* The past of another namespace is named here; the present of one comes with its name. */
static void send_alert(struct ctw_manager *m, struct ctw_alert *a) {
    if (a->netns_inode == m->tick.netns_inode && !a->other_netns)
        memcpy(a->netns, m->netns, sizeof(a->netns));
    else if (a->netns[0] == '\0' && ctw_netns_file(a->netns_inode, a->netns, sizeof(a->netns)))
        a->netns_kind = CTW_NETNS_IP_NETNS;
    deliver(m, a);
}

static void send_waiting(struct ctw_manager *m) {
    for (struct ctw_alert *a; (a = ctw_waiting_next(&m->waiting)) != NULL;)
        send_alert(m, a);
}

static void raise_alert(struct ctw_manager *m, const struct ctw_alert *a) {
    ctw_waiting_add(&m->waiting, a);
    send_waiting(m);
}

/* --- the sample of entries ------------------------------------------------------------------- */

/* The lower of the counts before and after a walk. */
static uint32_t count_after(struct ctw_manager *m, uint32_t before) {
    struct ctw_source_health health;
    struct ctw_sample after;

    ctw_table_read(m->table, &after, &health);
    return health.health == CTW_HEALTH_OK && after.count < before ? after.count : before;
}

static void learn(struct ctw_manager *m) {
    ctw_watch_learn(&m->watch, &m->talkers, m->walked_usec);
    m->culprits_due = ctw_waiting_learned(&m->waiting, m->talkers.known);
    send_waiting(m);
}

static void poll_now(void *manager);

static void on_owners(void *userdata) {
    struct ctw_manager *m = userdata;

    learn(m);
    if (m->culprits_due)
        poll_now(m);
}

static void on_walk_entry(const struct ctw_flow *flow, void *userdata) {
    struct ctw_manager *m = userdata;

    ctw_census_add(m->census, flow);
}

static void on_walk_done(int r, const struct ctw_walk_end *end, void *userdata) {
    struct ctw_manager *m = userdata;
    struct ctw_talkers *t = &m->talkers;
    struct ctw_sample table = m->watch.table.last;

    m->walked_usec = ctw_monotonic_usec();
    if (r < 0) {
        memset(t, 0, sizeof(*t));
        on_owners(m);
        return;
    }
    if (end->whole)
        table.count = count_after(m, table.count);
    m->census->whole = end->whole;
    ctw_census_result(m->census, m->settings.talkers.top, &table, t);
    const struct ctw_address_list lists[CTW_OWNED_LISTS_MAX] = {
        {t->sources, t->n_sources, m->settings.talkers.ipv6_prefix},
        {t->destinations, t->n_destinations, CTW_IPV6_WHOLE}};
    ctw_owners_find(m->owners, lists, CTW_OWNED_LISTS_MAX);
}

static void begin_walk(struct ctw_manager *m) {
    m->walk = ctw_walk_free(m->walk);
    ctw_census_init(m->census, m->settings.talkers.ipv6_prefix, m->seed);
    m->census->established_timeout_sec =
        ctw_host_timeout(&m->watch.host, CTW_TIMEOUT_TCP_ESTABLISHED);
    const int r = m->paths.root[0] == '\0'
                      ? ctw_walk_start(m->event, m->settings.talkers.sample, WALK_LIMIT_USEC,
                                       on_walk_entry, on_walk_done, m, &m->walk)
                      : -EOPNOTSUPP;
    if (r < 0) {
        memset(&m->talkers, 0, sizeof(m->talkers));
        m->walked_usec = ctw_monotonic_usec();
        learn(m);
    }
}

/* --- other namespaces ------------------------------------------------------------------------ */

static void learn_host(struct ctw_manager *m) {
    struct ctw_host host;

    ctw_machine_host(m->machine, m->tick.now_usec, &host);
    ctw_watch_learn_host(&m->watch, &m->settings, &host, m->tick.now_usec);
}

static void on_namespace_alert(struct ctw_alert *a, void *userdata) {
    struct ctw_manager *m = userdata;

    if (a->edge == CTW_EDGE_BEGIN && !m->watch.host.known)
        learn_host(m); /* for the command of a remedy */
    raise_alert(m, a);
}

static void on_namespace_note(const char *line, void *userdata) {
    struct ctw_manager *m = userdata;

    ctw_journal_notice(m->journal, line);
}

static void on_namespaces(struct ctw_namespaces *file, void *userdata) {
    struct ctw_manager *m = userdata;

    ctw_state_writer_namespaces(m->writer, file);
}

/* --- one poll -------------------------------------------------------------------------------- */

static void gather_log(struct ctw_manager *m, struct ctw_tick *t) {
    t->has_past = false;
    if (!m->kernlog) {
        memset(&t->log, 0, sizeof(t->log));
        t->sources[CTW_SOURCE_KERNEL_LOG] = (struct ctw_source_health){0};
        return;
    }
    ctw_kernlog_take(m->kernlog, t->now_usec, &t->log, &t->sources[CTW_SOURCE_KERNEL_LOG]);
    /* A log that a reload switched on has a past that is not of the time before the start. */
    t->has_past = !m->polled;
    if (t->has_past)
        ctw_kernlog_past(m->kernlog, t->now_usec, &t->past, &t->past_age_usec);
}

static void gather(struct ctw_manager *m) {
    struct ctw_tick *t = &m->tick;

    t->now_usec = ctw_monotonic_usec();
    t->requested = m->requested;
    t->culprits_due = m->culprits_due;
    m->requested = m->culprits_due = false;
    ctw_table_read(m->table, &t->sample, &t->sources[CTW_SOURCE_TABLE]);
    const bool present = t->sources[CTW_SOURCE_TABLE].health == CTW_HEALTH_OK;
    gather_log(m, t);
    if (present && ctw_watch_wants_counters(&m->watch, t))
        ctw_table_read_counters(m->table, &t->sample, &t->sources[CTW_SOURCE_COUNTERS]);
    t->release = ctw_machine_release(m->machine, present ? &t->sample : NULL);
    if (m->events) {
        ctw_events_take(m->events, t->now_usec, &t->events, &t->sources[CTW_SOURCE_EVENTS]);
        t->new_sources = ctw_events_new_sources(m->events);
    }
    t->sample.other_entries =
        m->namespaces ? (uint32_t)ctw_least(ctw_namespaces_entries(m->namespaces), UINT32_MAX) : 0;
    memset(&t->facts, 0, sizeof(t->facts));
    if (present && ctw_growth_on(&m->settings))
        ctw_machine_read(m->machine, t->now_usec, t->sample.count < t->sample.max / 2, &t->facts);
    ctw_limits_facts(m->limits, &m->settings, t->now_usec, present, &t->facts);
    ctw_journal_flush(m->journal, &t->sources[CTW_SOURCE_JOURNAL]);
    t->command_failures =
        ctw_hook_health(m->hook, m->settings.alerts.command, &t->sources[CTW_SOURCE_COMMAND]);
    ctw_state_writer_health(m->writer, t->now_usec, &t->sources[CTW_SOURCE_STATE]);
}

/* Before the alerts: in a burst each millisecond is 300 entries. */
static void grow(struct ctw_manager *m) {
    struct ctw_growth_outcome outcome;

    if (!m->verdict.growth.write)
        return;
    ctw_limits_write(m->limits, &m->verdict.growth, &outcome);
    ctw_watch_grown(&m->watch, &m->settings, &m->tick, &outcome, &m->verdict);
    if (m->settings.growth.persist && (outcome.max_written || outcome.buckets_written))
        ctw_limits_save(m->limits, &m->watch.growth_state.growth.limits);
}

static void follow_events(struct ctw_manager *m) {
    const struct ctw_verdict *v = &m->verdict;
    char note[128];

    if (!m->events)
        return;
    if (v->want_events != m->events_wanted) {
        (void)snprintf(note, sizeof(note), "%s conntrack events: %s",
                       v->want_events ? "Subscribing to" : "Leaving", v->events_why);
        ctw_journal_note(m->journal, note);
        m->events_wanted = v->want_events;
    }
    ctw_events_want(m->events, v->want_events, &m->settings);
}

/* @due_usec: when the poll was due. Return: how long until the next one. */
static uint64_t poll(struct ctw_manager *m, uint64_t due_usec) {
    gather(m);
    ctw_watch_step(&m->watch, &m->settings, &m->tick, &m->verdict);
    m->polled = true;
    grow(m);
    if (m->verdict.want_host)
        learn_host(m);
    for (size_t i = 0; i < m->verdict.n_alerts; i++)
        raise_alert(m, &m->verdict.alerts[i]);
    if (m->verdict.want_walk)
        begin_walk(m);
    follow_events(m);
    if (m->namespaces)
        ctw_namespaces_poll(m->namespaces, &m->settings, &m->tick, &m->verdict, &m->watch.host);

    ctw_service_status(&m->service, &m->tick, &m->verdict);
    ctw_state_writer_poll(m->writer, &m->settings, &m->watch, &m->tick, &m->verdict, due_usec,
                          m->tick.now_usec + m->verdict.next_poll_usec);
    return m->verdict.next_poll_usec;
}

/* The time counts from the end of the poll: should polls take longer than poll.fastest, the timer,
 * which outranks the other sources, leaves them some. */
static int poll_and_arm(struct ctw_manager *m, uint64_t due_usec) {
    const uint64_t next_usec = poll(m, due_usec);
    const int r = sd_event_source_set_time(m->timer, ctw_monotonic_usec() + next_usec);

    return r < 0 ? r : sd_event_source_set_enabled(m->timer, SD_EVENT_ONESHOT);
}

/* The timer is the one source whose failure ends the loop: there its error counts. */
static int on_timer(sd_event_source *source, uint64_t usec, void *userdata) {
    return poll_and_arm(userdata, usec);
}

static void poll_now(void *manager) {
    (void)poll_and_arm(manager, ctw_monotonic_usec());
}

/* --- settings and signals -------------------------------------------------------------------- */

static int open_kernlog(struct ctw_manager *m) {
    if (!m->settings.kernel_log.enabled || m->paths.root[0] != '\0') {
        m->kernlog = ctw_kernlog_free(m->kernlog);
        return 0;
    }
    if (m->kernlog)
        return 0;

    return ctw_kernlog_new(m->event, "/dev/kmsg", poll_now, m, &m->kernlog);
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

    (void)sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64, ctw_monotonic_usec());
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
    alert.level = m->watch.table.level.level;
    alert.netns_inode = m->tick.netns_inode;
    raise_alert(m, &alert);
    (void)sd_notify(0, "READY=1");
}

static int on_hangup(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata) {
    struct ctw_manager *m = userdata;

    reload(m);
    poll_now(m);
    return 0;
}

static int on_request(sd_event_source *source, const struct signalfd_siginfo *info,
                      void *userdata) {
    struct ctw_manager *m = userdata;

    m->requested = true;
    poll_now(m);
    return 0;
}

static int add_signals(struct ctw_manager *m) {
    const struct {
        int number;
        sd_event_signal_handler_t handler; /* without one, sd-event ends the loop */
    } signals[] = {{SIGTERM, NULL}, {SIGINT, NULL}, {SIGHUP, on_hangup}, {SIGUSR1, on_request}};
    sigset_t set;

    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGCHLD); /* for the sinks: see sd_event_add_child(3) */
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

/* --- begin and end --------------------------------------------------------------------------- */

static int add_timer(struct ctw_manager *m) {
    /* An accuracy of 1 us: the default, 250 ms, is more than poll.interval may be. */
    int r = sd_event_add_time(m->event, &m->timer, CLOCK_MONOTONIC, ctw_monotonic_usec(), 1,
                              on_timer, m);
    if (r >= 0)
        r = sd_event_source_set_priority(m->timer, SD_EVENT_PRIORITY_IMPORTANT);
    if (r >= 0)
        r = sd_event_source_set_exit_on_failure(m->timer, true);
    return r < 0 ? r : sd_event_source_set_description(m->timer, "poll");
}

static void name_netns(struct ctw_manager *m) {
    if (m->paths.root[0] != '\0')
        return; /* the namespace of a captured machine is not ours */
    m->tick.netns_inode = ctw_netns_own_inode();
    if (access(INITIAL_NETNS_ONLY, F_OK) == 0)
        (void)snprintf(m->netns, sizeof(m->netns), "initial");
    else if (!ctw_netns_file(m->tick.netns_inode, m->netns, sizeof(m->netns)))
        (void)snprintf(m->netns, sizeof(m->netns), "pid %d (ctwatchd)", (int)getpid());
}

static int open_sinks(struct ctw_manager *m) {
    const bool initial = m->paths.root[0] != '\0' || access(INITIAL_NETNS_ONLY, F_OK) == 0;

    int r = ctw_journal_new(&m->journal);
    if (r >= 0)
        r = ctw_hook_new(m->event, m->paths.alert_socket, CTW_HOOK_LIMIT_USEC, &m->hook);
    if (r >= 0)
        r = ctw_state_writer_new(m->paths.state, m->netns, m->tick.netns_inode,
                                 ctw_monotonic_usec(), &m->writer);
    if (r >= 0)
        r = ctw_limits_new(m->event, m->paths.root, initial, &m->limits);
    return r;
}

static int open_sources(struct ctw_manager *m) {
    m->census = calloc(1, sizeof(*m->census));
    if (!m->census)
        return -ENOMEM;
    if (getrandom(&m->seed, sizeof(m->seed), 0) != (ssize_t)sizeof(m->seed))
        return -EIO;
    int r = ctw_table_new(m->paths.root, &m->table);
    if (r >= 0 && m->paths.root[0] == '\0')
        r = ctw_events_new(m->event, m->seed, &m->events);
    if (r >= 0)
        r = ctw_machine_new(m->event, m->paths.root, &m->machine);
    if (r >= 0)
        r = ctw_owners_new(m->event, on_owners, m, &m->owners);
    const struct ctw_namespaces_sinks sinks = {.alert = on_namespace_alert,
                                               .note = on_namespace_note,
                                               .publish = on_namespaces,
                                               .userdata = m};
    if (r >= 0 && m->paths.root[0] == '\0' && !m->paths.own)
        r = ctw_namespaces_new(m->event, &sinks, &m->namespaces);
    return r < 0 ? r : open_kernlog(m);
}

static int set_up(struct ctw_manager *m) {
    uint64_t polled_usec;

    int r = sd_event_default(&m->event);
    if (r >= 0)
        r = sd_event_set_watchdog(m->event, true);
    if (r >= 0)
        r = add_signals(m);
    if (r < 0)
        return r;
    name_netns(m);
    r = open_sinks(m);
    if (r < 0)
        return r;
    const struct ctw_sample *last = ctw_state_writer_former(m->writer, &polled_usec);
    if (last)
        ctw_watch_resume(&m->watch, last, polled_usec);
    r = open_sources(m);
    return r < 0 ? r : add_timer(m);
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

    (void)ctw_walk_free(m->walk);
    free(m->census);
    (void)ctw_table_free(m->table);
    (void)ctw_events_free(m->events);
    (void)ctw_kernlog_free(m->kernlog);
    (void)ctw_limits_free(m->limits);
    (void)ctw_machine_free(m->machine);
    (void)ctw_namespaces_free(m->namespaces);
    (void)ctw_owners_free(m->owners);
    (void)ctw_hook_free(m->hook);
    (void)ctw_journal_free(m->journal);
    (void)ctw_state_writer_free(m->writer);
    (void)sd_event_source_unref(m->timer);
    (void)sd_event_unref(m->event);
    free(m);
    return NULL;
}

int ctw_manager_run(struct ctw_manager *m) {
    int r = poll_and_arm(m, ctw_monotonic_usec());
    if (r < 0)
        return r;

    (void)sd_notify(0, "READY=1");
    r = sd_event_loop(m->event);
    (void)sd_notify(0, "STOPPING=1");
    ctw_waiting_flush(&m->waiting);
    send_waiting(m);
    return r;
}
