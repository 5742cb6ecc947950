/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Which sysctl an entry has its timeout from. With each packet the kernel sets the timeout of the
 * state that the entry is in, so what has gone of it is how long the entry has been idle.
 */

#include <stddef.h>
#include <stdint.h>

#include "lib/kernel/flow.h"

#define CTW_FLOW_TIMEOUTS 25u

/** ctw_flow_timeout_name() - "tcp_timeout_established", behind net.netfilter.nf_conntrack_ */
const char *ctw_flow_timeout_name(size_t i);

/**
 * ctw_flow_timeout() - the timeout that an entry got with its last packet
 * @state:  of an SCTP entry
 *
 * It is another one where a timeout policy of nft or iptables was set, and where TCP waits for an
 * acknowledgement (tcp_timeout_unacknowledged, tcp_timeout_max_retrans).
 *
 * Return: its number; CTW_FLOW_TIMEOUTS when it is not known.
 */
size_t ctw_flow_timeout(const struct ctw_flow *flow, uint8_t state);
