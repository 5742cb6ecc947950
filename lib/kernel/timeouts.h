/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Which sysctl an entry has its timeout from. With each packet the kernel sets the timeout of the
 * state that the entry is in, so what has gone of it is how long the entry has been idle.
 */

#include <stdint.h>

#include "lib/kernel/flow.h"

/* TCP and SCTP by the number of the state (enum tcp_conntrack, enum sctp_conntrack), from 1 on. */
enum ctw_timeout {
    CTW_TIMEOUT_TCP_SYN_SENT,
    CTW_TIMEOUT_TCP_SYN_RECV,
    CTW_TIMEOUT_TCP_ESTABLISHED,
    CTW_TIMEOUT_TCP_FIN_WAIT,
    CTW_TIMEOUT_TCP_CLOSE_WAIT,
    CTW_TIMEOUT_TCP_LAST_ACK,
    CTW_TIMEOUT_TCP_TIME_WAIT,
    CTW_TIMEOUT_TCP_CLOSE,
    CTW_TIMEOUT_TCP_SYN_SENT2,
    CTW_TIMEOUT_SCTP_CLOSED,
    CTW_TIMEOUT_SCTP_ESTABLISHED = CTW_TIMEOUT_SCTP_CLOSED + 3,
    CTW_TIMEOUT_UDP = CTW_TIMEOUT_SCTP_CLOSED + 9,
    CTW_TIMEOUT_UDP_STREAM,
    CTW_TIMEOUT_GRE,
    CTW_TIMEOUT_GRE_STREAM,
    CTW_TIMEOUT_ICMP,
    CTW_TIMEOUT_ICMPV6,
    CTW_TIMEOUT_GENERIC,
};
#define CTW_TIMEOUTS (CTW_TIMEOUT_GENERIC + 1)

/** ctw_timeout_name() - what follows "nf_conntrack_": "tcp_timeout_established", "udp_timeout" */
const char *ctw_timeout_name(enum ctw_timeout timeout);

/** ctw_timeout_default() - the kernel's own, in seconds */
uint32_t ctw_timeout_default(enum ctw_timeout timeout);

/**
 * ctw_flow_timeout() - the timeout that an entry got with its last packet
 * @state:  of an SCTP entry
 *
 * It is another one where a timeout policy of nft or iptables was set, and where TCP waits for an
 * acknowledgement (tcp_timeout_unacknowledged, tcp_timeout_max_retrans).
 *
 * Return: CTW_TIMEOUTS when it is not known.
 */
enum ctw_timeout ctw_flow_timeout(const struct ctw_flow *flow, uint8_t state);
