/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The ctnetlink event subscription: NEW and DESTROY of the daemon's own network namespace.
 *
 * An auxiliary source. A short time after the first event the queue is drained with recvmmsg(), a
 * bounded number of messages per wake-up, below the priority of the manager's timer. ENOBUFS is a
 * measurement. When draining costs more than the budget, a socket filter passes one event in two,
 * four, ... at random, and counts are scaled. NETLINK_NO_ENOBUFS would hide losses, and
 * NETLINK_BROADCAST_ERROR would keep undelivered entries in the table: neither is ever set.
 */

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "lib/config/settings.h"
#include "lib/talkers/new_flows.h"
#include "lib/watch/alert.h"
#include "lib/watch/event_rates.h"

struct ctw_events;

/**
 * ctw_events_new() - not subscribed yet
 * @seed:  as for ctw_sketch_init()
 *
 * Return: 0, -ENOMEM or an error of sd-event.
 */
int ctw_events_new(sd_event *event, uint64_t seed, struct ctw_events **ret);
struct ctw_events *ctw_events_free(struct ctw_events *e);

/**
 * ctw_events_want() - subscribe, stay subscribed, or unsubscribe
 * @wanted:    the verdict's want_events
 * @settings:  buffer, budget, ipv6_prefix, top; changes apply to a running subscription
 *
 * A failure is reported by ctw_events_take() and retried at most every ten seconds. Joining loads
 * nf_conntrack_netlink, so subscribe only where conntrack is in use.
 */
void ctw_events_want(struct ctw_events *e, bool wanted, const struct ctw_settings *settings);

/**
 * ctw_events_take() - the events counted since the last call
 * @state:  UNUSED when not wanted; OK; FAILED. A capped buffer is FAILED with -ENOBUFS and
 *          nf_conntrack_events=0 is FAILED with -ENODATA, though the subscription continues.
 */
void ctw_events_take(struct ctw_events *e, uint64_t now_usec, struct ctw_event_counts *ret,
                     struct ctw_source_health *state);

/**
 * ctw_events_new_sources() - the sources that open new flows, ranked in the last quarter second
 *
 * Return: NULL while not subscribed. It is renewed by ctw_events_take() and lives as long as @e.
 */
const struct ctw_new_sources *ctw_events_new_sources(const struct ctw_events *e);
