/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/support/snapshot_samples.h"

#include <errno.h>

/* Samples are copied from static constants, so that padding bytes are zero, too. */
void sample_calm(struct ctw_snapshot *p) {
    static const struct ctw_snapshot calm = {
        .pid = 812,
        .version = "0.1.0",
        .started_usec = SAMPLE_STARTED_USEC,
        .started_realtime_usec = SAMPLE_WALL_USEC - 3600 * CTW_USEC_PER_SEC,
        .polled_usec = SAMPLE_NOW_USEC,
        .polled_realtime_usec = SAMPLE_WALL_USEC,
        .due_usec = SAMPLE_NOW_USEC + 250 * CTW_USEC_PER_MSEC,
        .polls = 14400,
        .late_polls = 3,
        .latency_sum_usec = 1440000,
        .latency_worst_usec = 420,
        .latency = {9000, 5399, 1},
        .netns = "initial",
        .netns_inode = 4026531840,
        .sources =
            {
                [CTW_SOURCE_TABLE] = {.health = CTW_HEALTH_OK},
                [CTW_SOURCE_COUNTERS] = {.health = CTW_HEALTH_OK},
                [CTW_SOURCE_KERNEL_LOG] = {.health = CTW_HEALTH_OK},
                [CTW_SOURCE_JOURNAL] = {.health = CTW_HEALTH_OK},
            },
        .has_table = true,
        .table = {.count = 31337,
                  .max = 262144,
                  .buckets = 262144,
                  .has_buckets = true,
                  .has_counters = true},
        .level = CTW_LEVEL_OK,
        .has_rate = true,
        .rate = 12,
        .fills = true,
        .usec_to_full = (262144 - 31337) / 12 * CTW_USEC_PER_SEC,
        .memory_bytes = UINT64_C(2) << 30,
        .warning_permyriad = 7500,
        .critical_permyriad = 9000,
        .clear_permyriad = 500,
        .events_mode = CTW_EVENTS_AUTO,
        .events_from_permyriad = 5000,
    };

    *p = calm;
}

void sample_share(struct ctw_share *s, const char *name, uint32_t permyriad) {
    (void)snprintf(s->name, sizeof(s->name), "%s", name);
    s->permyriad = permyriad;
}

void sample_new_source(struct ctw_new_source *s, const char *name, uint64_t per_second,
                       uint64_t error) {
    (void)snprintf(s->name, sizeof(s->name), "%s", name);
    s->per_second = per_second;
    s->error_per_second = error;
}

void sample_alert(struct ctw_snapshot *p, uint64_t ago_sec, enum ctw_alert_kind kind,
                  enum ctw_edge edge, enum ctw_level level, const char *message) {
    struct ctw_recent_alert *s = &p->recent_alerts[p->n_recent_alerts++ % CTW_RECENT_ALERTS];

    s->realtime_usec = SAMPLE_WALL_USEC - ago_sec * CTW_USEC_PER_SEC;
    s->kind = kind;
    s->edge = edge;
    s->level = level;
    (void)snprintf(s->message, sizeof(s->message), "%s", message);
    p->alerts[kind]++;
}

void sample_full(struct ctw_snapshot *p) {
    static const struct ctw_rates rates = {
        .known = true, .created = 81230, .destroyed = 80110, .sampling = 4, .lower_bound = true};
    static const struct ctw_talkers talkers = {.known = true,
                                               .entries = 5000,
                                               .sampled = true,
                                               .margin_permyriad = 138,
                                               .assured_permyriad = 9020,
                                               .has_drop_risk = true,
                                               .drop_risk_permyriad = 1920,
                                               .unreplied_permyriad = 980,
                                               .n_sources = 2,
                                               .n_ports = 2,
                                               .n_states = 2};

    sample_calm(p);
    p->table.count = p->table.max;
    p->level = CTW_LEVEL_FULL;
    p->level_since_usec = SAMPLE_NOW_USEC - 95 * CTW_USEC_PER_SEC;
    p->rate = 0;
    p->fills = false;
    p->lost.drops = 1234;
    p->lost.early_drops = 56789;
    p->refused_usec = SAMPLE_NOW_USEC - 2 * CTW_USEC_PER_SEC;
    p->evicted_usec = SAMPLE_NOW_USEC;
    p->lost.clashes = 7;
    p->lost.log_lines = 40;
    p->sources[CTW_SOURCE_KERNEL_LOG] =
        (struct ctw_source_health){.health = CTW_HEALTH_FAILED, .error = -1, .what = "/dev/kmsg"};
    p->sources[CTW_SOURCE_EVENTS].health = CTW_HEALTH_OK;
    p->subscribed = true;
    p->rates = rates;
    p->new_sources_usec = SAMPLE_NOW_USEC;
    p->new_sources.known = true;
    p->new_sources.per_second = 80000;
    p->new_sources.n = 2;
    sample_new_source(&p->new_sources.top[0], "198.51.100.200", 72000, 2071);
    sample_new_source(&p->new_sources.top[1], "2001:db8:9:8::/64", 4000, 0);
    p->events = 700000;
    p->created = 2400000;
    p->destroyed = 2150000;
    p->overruns = 2;
    p->events_lost = 5100;
    p->growth_enabled = true;
    p->growth_refused = true;
    p->refusal = CTW_GROWTH_AT_CEILING;
    p->ceiling = 262144;
    p->bound = CTW_BOUND_SETTING;
    p->growths = 2;
    p->grown_usec = SAMPLE_NOW_USEC - 100 * CTW_USEC_PER_SEC;
    p->grown_from = 131072;
    p->grown_to = 262144;
    p->talkers_usec = SAMPLE_NOW_USEC - 95 * CTW_USEC_PER_SEC;
    p->talkers = talkers;
    sample_share(&p->talkers.sources[0], "192.0.2.77", 6120);
    sample_share(&p->talkers.sources[1], "2001:db8:1:2::/64", 1890);
    sample_share(&p->talkers.ports[0], "tcp/443", 6010);
    sample_share(&p->talkers.ports[1], "udp/53", 1400);
    sample_share(&p->talkers.states[0], "tcp/ESTABLISHED", 7050);
    sample_share(&p->talkers.states[1], "udp", 2010);
    sample_alert(p, 110, CTW_ALERT_USAGE, CTW_EDGE_BEGIN, CTW_LEVEL_WARNING,
                 "Conntrack table at 79.5 % (104256 of 131072), filling at 8100 entries/s, full in "
                 "3 s.");
    sample_alert(p, 100, CTW_ALERT_GREW, CTW_EDGE_BEGIN, CTW_LEVEL_WARNING,
                 "Conntrack limit raised from 131072 to 262144.");
    sample_alert(p, 95, CTW_ALERT_TABLE_FULL, CTW_EDGE_BEGIN, CTW_LEVEL_FULL,
                 "Conntrack table full: new connections are being dropped (200 so far), 262144 of "
                 "262144 entries.");
}

void sample_absent(struct ctw_snapshot *p) {
    sample_calm(p);
    p->has_table = false;
    memset(&p->table, 0, sizeof(p->table));
    p->sources[CTW_SOURCE_TABLE] = (struct ctw_source_health){
        .health = CTW_HEALTH_ABSENT, .what = "/proc/sys/net/netfilter/nf_conntrack_count"};
    p->sources[CTW_SOURCE_COUNTERS].health = CTW_HEALTH_UNUSED;
    p->has_rate = p->fills = false;
}

void sample_unlimited(struct ctw_snapshot *p) {
    sample_calm(p);
    p->table.max = 0;
    p->fills = false;
}

void sample_own_poll(struct ctw_snapshot *p) {
    struct ctw_snapshot calm;

    sample_calm(&calm);
    *p = (struct ctw_snapshot){.polled_usec = calm.polled_usec,
                               .polled_realtime_usec = calm.polled_realtime_usec,
                               .has_table = true,
                               .table = calm.table,
                               .level = CTW_LEVEL_OK,
                               .warning_permyriad = calm.warning_permyriad,
                               .critical_permyriad = calm.critical_permyriad,
                               .clear_permyriad = calm.clear_permyriad};
    p->sources[CTW_SOURCE_TABLE].health = CTW_HEALTH_OK;
}

void sample_widest(struct ctw_snapshot *p) {
    sample_full(p);
    p->table.count = p->table.buckets = UINT32_MAX;
    p->table.max = 1;
    p->rate = INT64_MIN;
    p->fills = true;
    p->usec_to_full = UINT64_MAX;
    p->lost.drops = p->lost.other_drops = p->lost.early_drops = p->lost.clashes =
        p->lost.chain_too_long = UINT64_MAX;
    p->lost.log_lines = p->events_lost = p->polls = p->growths = p->netns_inode = UINT64_MAX;
    p->rates.created = p->rates.destroyed = UINT64_MAX;
    p->rates.sampling = p->grown_from = p->ceiling = p->pid = UINT32_MAX;
    p->n_recent_alerts = UINT64_MAX;
    p->level_since_usec = p->started_usec = 1;
    p->refused_usec = p->evicted_usec = p->talkers_usec = UINT64_MAX;
    p->talkers.assured_permyriad = p->talkers.drop_risk_permyriad = CTW_PERMYRIAD;
    p->talkers.entries = UINT32_MAX;
    p->talkers.n_sources = p->talkers.n_ports = p->talkers.n_states = CTW_TALKERS_TOP_MAX;
    for (size_t i = 0; i < CTW_TALKERS_TOP_MAX; i++) {
        memset(p->talkers.sources[i].name, 'x', sizeof(p->talkers.sources[i].name) - 1);
        memset(p->talkers.states[i].name, '~', sizeof(p->talkers.states[i].name) - 1);
        p->talkers.ports[i].permyriad = CTW_PERMYRIAD;
    }
    for (size_t i = 0; i < CTW_SOURCES; i++) {
        p->sources[i].health = CTW_HEALTH_FAILED;
        p->sources[i].error = -EIO;
        memset(p->sources[i].what, 'x', sizeof(p->sources[i].what) - 1);
    }
    for (size_t i = 0; i < CTW_RECENT_ALERTS; i++) {
        p->recent_alerts[i].realtime_usec = i % 2 == 0 ? 1 : UINT64_MAX;
        memset(p->recent_alerts[i].message, 'x', sizeof(p->recent_alerts[i].message) - 1);
    }
    memset(p->netns, 'x', sizeof(p->netns) - 1);
    memset(p->version, 'x', sizeof(p->version) - 1);
}

static void spread(char *field, size_t size) {
    static const char hostile[] = "a\033]0;b\007\n\r\t\x9b\x7f\xc2\x85\xe2\x80\xa8\xff\"\\c";

    memset(field, 0, size);
    memcpy(field, hostile, size - 1 < sizeof(hostile) ? size - 1 : sizeof(hostile));
}

void sample_hostile(struct ctw_snapshot *p) {
    sample_full(p);
    spread(p->netns, sizeof(p->netns));
    spread(p->version, sizeof(p->version));
    for (size_t i = 0; i < CTW_RECENT_ALERTS; i++)
        spread(p->recent_alerts[i].message, sizeof(p->recent_alerts[i].message));
    for (size_t i = 0; i < CTW_SOURCES; i++) {
        p->sources[i].health = CTW_HEALTH_FAILED;
        spread(p->sources[i].what, sizeof(p->sources[i].what));
    }
}

struct ctw_namespaces *sample_namespaces(void) {
    static _Alignas(8) unsigned char bytes[4096];
    struct ctw_namespaces *p = (struct ctw_namespaces *)bytes;
    const struct ctw_namespace_record records[] = {
        {.name = {CTW_NETNS_PODMAN, false, "podman 3f2a9c1b7d20"},
         .has_table = true,
         .has_rate = true,
         .pid = 1234,
         .count = 262144,
         .level = CTW_LEVEL_FULL,
         .netns_inode = UINT64_C(4026532281),
         .rate = 0,
         .lost = {.drops = 5123, .early_drops = 7},
         .refused_usec = SAMPLE_NOW_USEC - 2 * CTW_USEC_PER_SEC,
         .evicted_usec = SAMPLE_NOW_USEC - 9 * CTW_USEC_PER_SEC},
        {.name = {CTW_NETNS_USER, true, "user 1000: session-3.scope"},
         .has_table = true,
         .pid = 1300,
         .count = 250000,
         .level = CTW_LEVEL_CRITICAL},
        {.name = {CTW_NETNS_MACHINE, false, "machine web"},
         .has_table = true,
         .has_rate = true,
         .fills = true,
         .pid = 1250,
         .count = 31457,
         .netns_inode = UINT64_C(4026532350),
         .rate = 1200,
         .usec_to_full = 192 * CTW_USEC_PER_SEC},
        {.name = {CTW_NETNS_UNIT, false, "batch.service"},
         .has_table = true,
         .has_rate = true,
         .pid = 1260},
        {.name = {CTW_NETNS_UNNAMED, false, ""},
         .netns_inode = UINT64_C(4026532400),
         .lost = {.log_lines = 3}},
    };

    memset(bytes, 0, sizeof(bytes));
    p->of = (struct ctw_namespaces_head){.pid = 1,
                                         .sight = CTW_NAMESPACES_SEEN,
                                         .max = 262144,
                                         .n = sizeof(records) / sizeof(records[0]),
                                         .known = sizeof(records) / sizeof(records[0]),
                                         .names_unseen = 1,
                                         .metrics = 3,
                                         .entries = 262144 + 250000 + 31457,
                                         .published_usec = SAMPLE_NOW_USEC,
                                         .round_usec = SAMPLE_NOW_USEC};
    memcpy(p->records, records, sizeof(records));
    return p;
}

struct ctw_host sample_host(void) {
    return (struct ctw_host){.known = true,
                             .release = {.entries_per_bucket = 8, .buckets_writable = true},
                             .memory = {UINT64_C(8) << 30, true, UINT64_C(4) << 30, false},
                             .initial_netns = true,
                             .has_nft = true};
}

struct ctw_record *sample_slot(struct ctw_history *h, uint32_t ago_sec, uint32_t low, uint32_t high,
                               enum ctw_level level) {
    const uint64_t at_usec = SAMPLE_NOW_USEC - ago_sec * CTW_USEC_PER_SEC;
    struct ctw_record *slot = &h->slots[ctw_history_index(CTW_RESOLUTION_FINE, at_usec)];

    *slot = (struct ctw_record){.at_usec = at_usec,
                                .width_sec = 1,
                                .polls = 1,
                                .mean = low,
                                .high = high,
                                .low = low,
                                .count = high,
                                .max = 262144,
                                .level = (uint8_t)level};
    return slot;
}
