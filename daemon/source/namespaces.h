/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The tables of other network namespaces, by way of the processes in them.
 *
 * /proc/PID/net/stat/nf_conntrack shows the entries and counters of the namespace of PID to anyone,
 * and its inode is one per namespace. Two things go on, in slices of some 0.5 ms below the timer
 * that polls our own table: discovery goes through /run/netns and /proc, twice a minute at most;
 * and what is known is read every namespaces.interval.
 *
 * No file of another namespace stays open: an open one would keep a deleted namespace alive. PIDs
 * are used again, so each reading compares the inode of the file that it reads from. An inode is
 * used again as well, when its namespace has ended: then its process has, too.
 */

#include <stdint.h>
#include <systemd/sd-event.h>

#include "lib/state/namespaces.h"
#include "lib/watch/watch.h"

struct ctw_namespaces_source;

/* What the source has for its owner. Nothing points into the source after the call. */
struct ctw_namespaces_sinks {
    void (*alert)(struct ctw_alert *a, void *userdata);
    void (*note)(const char *line, void *userdata);               /* for the log, once */
    void (*publish)(struct ctw_namespaces *file, void *userdata); /* sealed by its owner */
    void *userdata;
};

/** ctw_namespaces_new() - finds nothing before ctw_namespaces_poll(). Return: 0 or -errno. */
int ctw_namespaces_new(sd_event *event, const struct ctw_namespaces_sinks *sinks,
                       struct ctw_namespaces_source **ret);
struct ctw_namespaces_source *ctw_namespaces_free(struct ctw_namespaces_source *s);

/**
 * ctw_namespaces_poll() - our own table was polled
 * @settings:  in force; outlive the next call
 * @t:         its sample.max is that of all namespaces; outlives the next call
 * @v:         its other_log is about other namespaces
 * @host:      outlives the source
 */
void ctw_namespaces_poll(struct ctw_namespaces_source *s, const struct ctw_settings *settings,
                         const struct ctw_tick *t, const struct ctw_verdict *v,
                         const struct ctw_host *host);

/** ctw_namespaces_entries() - the sum of what the other tables hold, as last read */
uint64_t ctw_namespaces_entries(const struct ctw_namespaces_source *s);
