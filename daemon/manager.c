/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "manager.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-event.h>
#include <time.h>
#include <unistd.h>

#include "../lib/watch.h"
#include "command.h"
#include "config.h"
#include "grower.h"
#include "kernlog.h"
#include "netns.h"
#include "report.h"
#include "table.h"

/* Tables looked at: that of the namespace the daemon runs in. */
#define TABLES_MAX 1

/* STATUS= wakes the service manager, so a slowly changing fill is told no more often than this. */
#define STATUS_INTERVAL_USEC (10 * CTW_USEC_PER_SEC)

/* Exists in the initial network namespace only (net/netfilter/nf_conntrack_standalone.c). */
#define INITIAL_NETNS_ONLY "/proc/sys/net/nf_conntrack_max"

struct watched_table {
    struct ctw_table *table;
    struct ctw_watch watch;
    struct ctw_source_state sources[CTW_SOURCES]; /* as last seen: not each is tried at each look */
    uint64_t netns_inode;
    char netns[CTW_NETNS_NAME_MAX];
};

struct ctw_manager {
    const char *config_path;
    const char *root;
    struct ctw_settings settings;
    sd_event *event;
    sd_event_source *timer;
    struct ctw_kernlog *kernlog; /* NULL: switched off, or the machine is a captured one */
    struct ctw_grower *grower;
    struct ctw_report *report;
    struct ctw_command *command;
    struct watched_table tables[TABLES_MAX];
    size_t n_tables;
    bool past_told; /* what the kernel log said before the start */
    enum ctw_level status_level;
    uint64_t status_usec;
    struct ctw_verdict verdict; /* too large for a stack */
};

static uint64_t monotonic_usec(void) {
    struct timespec ts;

    (void)clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * CTW_USEC_PER_SEC + (uint64_t)ts.tv_nsec / 1000;
}

static void say(struct ctw_manager *m, struct ctw_alert *a) {
    const struct watched_table *own = &m->tables[0];
    struct ctw_fields fields;

    if (a->netns_inode == own->netns_inode)
        memcpy(a->netns, own->netns, sizeof(a->netns));
    else if (a->netns_inode != 0)
        ctw_netns_name(a->netns_inode, a->netns);

    ctw_alert_render(a, &fields);
    ctw_report_send(m->report, &fields);
    ctw_command_run(m->command, m->settings.alerts.command, &fields);
}

static void tell_status(struct ctw_manager *m, const struct ctw_tick *t) {
    const struct ctw_verdict *v = &m->verdict;
    const struct ctw_sample *s = &t->sample;

    if (v->level == m->status_level && m->status_usec != 0 &&
        t->now_usec - m->status_usec < STATUS_INTERVAL_USEC)
        return;
    m->status_level = v->level;
    m->status_usec = t->now_usec;

    switch (t->sources[CTW_SOURCE_TABLE].health) {
    case CTW_HEALTH_OK: {
        const uint32_t usage = ctw_usage_permyriad(s->count, s->max);
        if (s->max == 0)
            (void)sd_notifyf(0, "STATUS=%s: %" PRIu32 " entries, no limit",
                             ctw_level_name(v->level), s->count);
        else
            (void)sd_notifyf(
                0, "STATUS=%s: %" PRIu32 " of %" PRIu32 " entries (%" PRIu32 ".%" PRIu32 " %%)",
                ctw_level_name(v->level), s->count, s->max, usage / 100, usage / 10 % 10);
        return;
    }
    case CTW_HEALTH_ABSENT:
        (void)sd_notify(0, "STATUS=waiting: the nf_conntrack module is not loaded");
        return;
    case CTW_HEALTH_UNUSED:
    case CTW_HEALTH_FAILED:
        (void)sd_notifyf(0, "STATUS=blind: cannot read %s", t->sources[CTW_SOURCE_TABLE].what);
        return;
    }
}

static void gather(struct ctw_manager *m, struct watched_table *w, struct ctw_tick *ret) {
    memset(ret, 0, sizeof(*ret));
    ret->now_usec = monotonic_usec();
    ret->netns_inode = w->netns_inode;

    ctw_table_look(w->table, &ret->sample, &w->sources[CTW_SOURCE_TABLE]);
    if (m->kernlog)
        ctw_kernlog_take(m->kernlog, ret->now_usec, &ret->log, &w->sources[CTW_SOURCE_KERNEL_LOG]);
    else
        w->sources[CTW_SOURCE_KERNEL_LOG] = (struct ctw_source_state){0};
    if (m->kernlog && !m->past_told) {
        ctw_kernlog_past(m->kernlog, ret->now_usec, &ret->past, &ret->past_age_usec);
        ret->has_past = true;
        m->past_told = true;
    }
    if (w->sources[CTW_SOURCE_TABLE].health == CTW_HEALTH_OK &&
        ctw_watch_wants_counters(&w->watch, ret))
        ctw_table_look_counters(w->table, &ret->sample, &w->sources[CTW_SOURCE_COUNTERS]);
    ctw_grower_look(m->grower, &m->settings, ret->now_usec,
                    w->sources[CTW_SOURCE_TABLE].health == CTW_HEALTH_OK, &ret->facts);
    ctw_report_flush(m->report, &w->sources[CTW_SOURCE_JOURNAL]);
    memcpy(ret->sources, w->sources, sizeof(ret->sources));
}

/* Before anything is said of the look: in a burst each millisecond is 300 entries. */
static void grow(struct ctw_manager *m, struct watched_table *w, const struct ctw_tick *t) {
    struct ctw_growth_outcome outcome;

    if (!m->verdict.growth.write)
        return;
    ctw_grower_write(m->grower, &m->verdict.growth, &outcome);
    ctw_watch_grown(&w->watch, &m->settings, t, &outcome, &m->verdict);
    if (m->settings.growth.persist && (outcome.max_written || outcome.buckets_written))
        ctw_grower_keep(m->grower, &w->watch.growing.growth.limits);
}

/* One look at each table; returns when the next is due. */
static uint64_t look(struct ctw_manager *m) {
    uint64_t next = m->settings.poll.interval_usec;

    for (size_t i = 0; i < m->n_tables; i++) {
        struct watched_table *w = &m->tables[i];
        struct ctw_tick tick;

        gather(m, w, &tick);
        ctw_watch_step(&w->watch, &m->settings, &tick, &m->verdict);
        grow(m, w, &tick);
        for (size_t k = 0; k < m->verdict.n_alerts; k++)
            say(m, &m->verdict.alerts[k]);
        if (m->verdict.next_look_usec < next)
            next = m->verdict.next_look_usec;
        if (i == 0)
            tell_status(m, &tick);
    }
    return next;
}

static int arm(struct ctw_manager *m, uint64_t from_now_usec) {
    int r = sd_event_source_set_time(m->timer, monotonic_usec() + from_now_usec);
    if (r < 0)
        return r;
    return sd_event_source_set_enabled(m->timer, SD_EVENT_ONESHOT);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata) {
    struct ctw_manager *m = userdata;
    (void)source;
    (void)usec;

    /* Before anything else: whatever the look does, the clock goes on. */
    int r = arm(m, m->settings.poll.interval_usec);
    if (r < 0)
        return r;
    return arm(m, look(m));
}

/* A loss line is a reason to look at once. The timer is the one source whose failure ends the
 * loop, so its error is not returned here, where it would only switch the log off. */
static void on_loss(void *userdata) {
    struct ctw_manager *m = userdata;

    (void)arm(m, look(m));
}

static int open_kernlog(struct ctw_manager *m) {
    if (!m->settings.kernel_log.enabled || m->root[0] != '\0') {
        m->kernlog = ctw_kernlog_free(m->kernlog);
        return 0;
    }
    if (m->kernlog)
        return 0;

    return ctw_kernlog_new(m->event, "/dev/kmsg", on_loss, m, &m->kernlog);
}

static void reload(struct ctw_manager *m) {
    struct ctw_alert alert = {.kind = CTW_ALERT_CONFIG, .edge = CTW_EDGE_BEGIN};
    struct ctw_settings settings;
    char error[CTW_CONFIG_ERROR_MAX];

    (void)sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64, monotonic_usec());
    int r = ctw_config_load(m->config_path, &settings, error);
    if (r < 0) {
        alert.config_refused = true;
        (void)snprintf(alert.reason, sizeof(alert.reason), "%s", error);
    } else {
        m->settings = settings;
        r = open_kernlog(m);
        if (r < 0)
            (void)fprintf(stderr, "kernel log: %s, going on without it\n", strerror(-r));
    }
    alert.level = m->tables[0].watch.level.level;
    alert.netns_inode = m->tables[0].netns_inode;
    say(m, &alert);
    (void)sd_notify(0, "READY=1");
}

static int on_hangup(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata) {
    struct ctw_manager *m = userdata;
    (void)source;
    (void)info;

    reload(m);
    (void)arm(m, look(m));
    return 0;
}

static int add_signals(struct ctw_manager *m) {
    static const int signals[] = {SIGTERM, SIGINT, SIGHUP};
    sigset_t set;

    (void)sigemptyset(&set);
    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
        (void)sigaddset(&set, signals[i]);
    if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
        return -errno;

    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
        /* Without a handler, sd-event ends the loop. */
        sd_event_signal_handler_t handler = signals[i] == SIGHUP ? on_hangup : NULL;
        int r = sd_event_add_signal(m->event, NULL, signals[i], handler, handler ? m : NULL);
        if (r < 0)
            return r;
    }
    return 0;
}

static int add_timer(struct ctw_manager *m) {
    /* An accuracy of 1 us: the default, 250 ms, is the whole of poll.interval. */
    int r =
        sd_event_add_time(m->event, &m->timer, CLOCK_MONOTONIC, monotonic_usec(), 1, on_timer, m);
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
    int r = ctw_table_new(m->root, &w->table);
    if (r < 0)
        return r;

    m->n_tables++;
    if (m->root[0] != '\0')
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
    r = ctw_report_new(&m->report);
    if (r < 0)
        return r;
    r = ctw_command_new(m->event, CTW_COMMAND_LIMIT_USEC, &m->command);
    if (r < 0)
        return r;
    r = add_table(m);
    if (r < 0)
        return r;
    r = ctw_grower_new(m->event, m->root,
                       m->root[0] != '\0' || access(INITIAL_NETNS_ONLY, F_OK) == 0, &m->grower);
    if (r < 0)
        return r;
    r = open_kernlog(m);
    if (r < 0)
        return r;
    return add_timer(m);
}

int ctw_manager_new(const char *config_path, const char *root, const struct ctw_settings *settings,
                    struct ctw_manager **ret) {
    struct ctw_manager *m = calloc(1, sizeof(*m));
    if (!m)
        return -ENOMEM;

    m->config_path = config_path;
    m->root = root;
    m->settings = *settings;
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

    for (size_t i = 0; i < m->n_tables; i++)
        (void)ctw_table_free(m->tables[i].table);
    (void)ctw_kernlog_free(m->kernlog);
    (void)ctw_grower_free(m->grower);
    (void)ctw_command_free(m->command);
    (void)ctw_report_free(m->report);
    (void)sd_event_source_unref(m->timer);
    (void)sd_event_unref(m->event);
    free(m);
    return NULL;
}

int ctw_manager_run(struct ctw_manager *m) {
    int r = arm(m, look(m));
    if (r < 0)
        return r;

    (void)sd_notify(0, "READY=1");
    r = sd_event_loop(m->event);
    (void)sd_notify(0, "STOPPING=1");
    return r;
}
