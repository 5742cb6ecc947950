/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The tables of other network namespaces: the same levels, forecast and episodes of losses as of
 * our own table, from readings that are seconds apart.
 *
 * What the kernel log reports of a namespace joins the episodes of its counters. A namespace
 * without a process shows no counters: it is known from the kernel log alone.
 */

#include <stdbool.h>
#include <stdint.h>

#include "lib/config/settings.h"
#include "lib/kernel/netns_name.h"
#include "lib/watch/alert.h"
#include "lib/watch/table.h"

/* Whether other namespaces can be seen, through /proc/PID/net/stat/nf_conntrack. */
enum ctw_namespaces_sight {
    CTW_NAMESPACES_OFF,     /* namespaces.enabled is false, or ctwatchd runs below --root */
    CTW_NAMESPACES_SEEN,    /* those in which processes run */
    CTW_NAMESPACES_HIDDEN,  /* /proc hides the processes of other users: hidepid, ProtectProc= */
    CTW_NAMESPACES_NO_FILE, /* the kernel lacks CONFIG_NF_CONNTRACK_PROCFS */
};
#define CTW_NAMESPACES_SIGHTS (CTW_NAMESPACES_NO_FILE + 1)

/* Alerts of one step: three levels or a fall, the forecast, and five kinds of losses. */
#define CTW_NAMESPACE_ALERTS_MAX 12u

/* New episodes of other namespaces that are alerted in a minute: any local user can make
 * namespaces. Of the rest, the most urgent one is alerted when the minute is over. */
#define CTW_NAMESPACE_EPISODES_MAX    10u
#define CTW_NAMESPACE_EPISODES_WINDOW (60 * CTW_USEC_PER_SEC)

/* A namespace that is this full, or not well, is read each second. */
#define CTW_NAMESPACE_HURRY_PERMYRIAD 5000u
#define CTW_NAMESPACE_HURRY_USEC      CTW_USEC_PER_SEC

/* One other namespace. Zero-initialised, nothing is known of it. */
struct ctw_namespace {
    struct ctw_netns_name name;
    uint32_t pid;           /* a process in it; 0: none, it is known from the kernel log alone */
    uint64_t netns_inode;   /* as lsns(8) shows it; 0: not known */
    uint64_t read_usec;     /* the last reading; 0: none */
    struct ctw_losses lost; /* by its counters since it was made; log lines since it is known */
    uint64_t refused_usec, evicted_usec; /* the last readings with such losses; 0: none */
    uint32_t log_lines;                  /* of the kernel log, since the last reading */
    bool alerting;                       /* the alerts of what is going on are sent */
    bool counted;                        /* what is going on is one of those that are not */
    struct ctw_table_state table;
};
_Static_assert(sizeof(struct ctw_namespace) <= 3072, "what one namespace may take");

/* What all of them share. Zero-initialised, there were no episodes. */
struct ctw_namespaces_budget {
    uint64_t window_usec;   /* when the minute began; 0: none has */
    uint32_t begun;         /* episodes that were alerted in it */
    uint32_t more;          /* and those that were not */
    struct ctw_alert worst; /* of these */
};

/* One reading of one namespace. */
struct ctw_namespace_reading {
    uint64_t now_usec;
    bool readable;                     /* sample was read, counters included */
    struct ctw_sample sample;          /* without buckets; max also when it is not readable */
    bool fresh;                        /* it was made, or got a process, after ctwatchd started */
    const struct ctw_release *release; /* NULL: not known */
    const struct ctw_host *host;       /* outlives the alerts */
};

struct ctw_namespace_verdict {
    uint64_t next_usec; /* until the next reading */
    size_t n_alerts;
    struct ctw_alert alerts[CTW_NAMESPACE_ALERTS_MAX];
};

/**
 * ctw_namespace_step() - one reading, or lines of the kernel log about a namespace without process
 *
 * Losses before the first reading are counted, but make no alert: nothing shows how old they are.
 * In a fresh namespace whose table is nearly full, or that the kernel log reports, they go on.
 * @ret:  set completely, except for the alerts beyond n_alerts
 */
void ctw_namespace_step(struct ctw_namespaces_budget *b, struct ctw_namespace *n,
                        const struct ctw_settings *s, const struct ctw_namespace_reading *r,
                        struct ctw_namespace_verdict *ret);

/** ctw_namespace_end() - it has no process any more: what is going on has ended */
void ctw_namespace_end(struct ctw_namespaces_budget *b, struct ctw_namespace *n,
                       const struct ctw_settings *s, uint64_t now_usec,
                       struct ctw_namespace_verdict *ret);

/** ctw_namespace_troubled() - whether its level is not ok, or an episode is going on */
bool ctw_namespace_troubled(const struct ctw_namespace *n);

/**
 * ctw_namespaces_rest() - the episodes that were not alerted in the minute that is over
 * @ret:  the most urgent one, with the number of the others
 *
 * Return: whether there were any, once.
 */
bool ctw_namespaces_rest(struct ctw_namespaces_budget *b, uint64_t now_usec, struct ctw_alert *ret);

/*
 * Which namespace table-full lines of the kernel log are about. Begin with @inode, that the lines
 * name (0: none), add all namespaces after they were read, and end.
 */
struct ctw_netns_match {
    uint64_t inode;
    struct ctw_namespace *named, *losing;
    uint32_t n_losing; /* namespaces whose counters show the drops, and whose inode is not known */
};

void ctw_netns_match_add(struct ctw_netns_match *m, struct ctw_namespace *n);

/**
 * ctw_netns_match_end() - the lines join the namespace that they are about
 *
 * By its inode; else by its counters, where these show one namespace alone, whose inode is then
 * known. Where they show several, each has its alert, and the lines add nothing.
 *
 * Return: false when none is known that they can be about: it has no process.
 */
bool ctw_netns_match_end(struct ctw_netns_match *m, uint32_t lines);
