/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTW_DAEMON_SOURCE_EVENTS_H
#define CTW_DAEMON_SOURCE_EVENTS_H

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
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "lib/config/settings.h"
#include "lib/talkers/sketch.h"
#include "lib/watch/alert.h"
#include "lib/watch/event_rates.h"

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
void ctw_events_take(struct ctw_events *e, uint64_t now_usec, struct ctw_event_counts *ret,
                     struct ctw_source_health *state);

/** ctw_events_sources(), ctw_events_ports() - who opens flows now: halved every ten seconds */
const struct ctw_sketch *ctw_events_sources(const struct ctw_events *e);
const struct ctw_sketch *ctw_events_ports(const struct ctw_events *e);

/*
 * The socket below daemon/events, its only user: NFNLGRP_CONNTRACK_NEW and _DESTROY of our network
 * namespace, a receive buffer, a sampling filter, and batches of messages.
 */

/* What the kernel charges the receive buffer for one event of 148 bytes. */
#define CTW_SUBSCRIPTION_EVENT_BYTES 1280u

struct ctw_subscription;

/**
 * ctw_subscription_new() - join the groups
 * @buffer_bytes:  of the receive buffer, as ctw_subscription_resize() takes it
 *
 * Joining makes the kernel load nf_conntrack_netlink, so join only where conntrack is in use.
 *
 * Return: 0; -EPERM without CAP_NET_ADMIN; -ENOMEM; what else the kernel said.
 */
int ctw_subscription_new(uint64_t buffer_bytes, struct ctw_subscription **ret);
struct ctw_subscription *ctw_subscription_free(struct ctw_subscription *s);

/** ctw_subscription_fd() - to poll; never blocks */
int ctw_subscription_fd(const struct ctw_subscription *s);

/** ctw_subscription_resize() - ask for a receive buffer; it gets what it is allowed to have */
void ctw_subscription_resize(struct ctw_subscription *s, uint64_t buffer_bytes);

/** ctw_subscription_buffer() - the receive buffer as it is, in bytes */
uint64_t ctw_subscription_buffer(const struct ctw_subscription *s);

/**
 * ctw_subscription_sample() - from now on let through one event in @one_in, at random
 * @one_in:  a power of two; 1: all
 *
 * What is queued already stays. What is kept out takes no room and is not lost.
 *
 * Return: 0 or a negative errno; then all goes on as it was.
 */
int ctw_subscription_sample(struct ctw_subscription *s, uint32_t one_in);

/**
 * ctw_subscription_dropped() - events for which there was no room since the socket was opened
 * @ret:  modulo 2^32
 *
 * Return: 0; -ENOPROTOOPT before Linux 4.12; -EBADF when the socket has been closed under us.
 */
int ctw_subscription_dropped(const struct ctw_subscription *s, uint32_t *ret);

/**
 * ctw_subscription_receive() - read the next messages, as many as there are and fit one batch
 *
 * Return: how many; -EAGAIN: none, and the queue is empty; -ENOBUFS: some were dropped, go on;
 * -EINTR; or what befell the socket.
 */
int ctw_subscription_receive(struct ctw_subscription *s);

/**
 * ctw_subscription_message() - one message of the last batch
 * @ret_length:  its bytes
 *
 * Return: the message; NULL when it is to be passed over: not from the kernel, or too long.
 */
const void *ctw_subscription_message(const struct ctw_subscription *s, unsigned i,
                                     size_t *ret_length);

#endif
