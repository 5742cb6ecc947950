/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTW_EVENTS_H
#define CTW_EVENTS_H

/*
 * The ctnetlink event subscription: NEW and DESTROY, never UPDATE.
 *
 * An auxiliary source. It is drained on a short coalescing delay with recvmmsg, a bounded number
 * of messages per wake-up, behind the manager's timer. ENOBUFS is a measurement. When draining
 * costs more than the budget, a socket filter lets through one event in two, four, ... at random,
 * and counts are scaled. Never NETLINK_NO_ENOBUFS, which hides the loss; never BROADCAST_ERROR,
 * which keeps undelivered entries in the table.
 */

#include <stdbool.h>
#include <systemd/sd-event.h>

#include "../lib/alert.h"
#include "../lib/rates.h"
#include "../lib/settings.h"
#include "../lib/talkers.h"

struct ctw_events;

/** ctw_events_new() - not subscribed yet. Return: 0, -ENOMEM or what sd-event refused. */
int ctw_events_new(sd_event *event, struct ctw_events **ret);
struct ctw_events *ctw_events_free(struct ctw_events *e);

/**
 * ctw_events_want() - subscribe, stay, or leave
 * @wanted:    as the verdict says
 * @settings:  buffer, budget, ipv6_prefix; changed ones take effect on a running subscription
 *
 * A failure is a state, told by ctw_events_take(), and is tried again at most every ten seconds.
 */
void ctw_events_want(struct ctw_events *e, bool wanted, const struct ctw_settings *settings);

/**
 * ctw_events_take() - what came since the last call
 * @ret:    the tally
 * @state:  UNUSED when not wanted; OK; FAILED with why. Capped buffers and nf_conntrack_events=0
 *          are FAILED with -ENOBUFS and -ENODATA respectively, though the subscription goes on
 */
void ctw_events_take(struct ctw_events *e, uint64_t now_usec, struct ctw_event_tally *ret,
                     struct ctw_source_state *state);

/** ctw_events_sources(), ctw_events_ports() - who opens flows now: halved every ten seconds */
const struct ctw_talkers *ctw_events_sources(const struct ctw_events *e);
const struct ctw_talkers *ctw_events_ports(const struct ctw_events *e);

#endif
