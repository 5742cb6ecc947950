/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/kernel/timeouts.h"

#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <netinet/in.h>

/* TCP and SCTP by the number of the state (enum tcp_conntrack, enum sctp_conntrack), from 1 on. */
enum {
    TCP = 0,
    SCTP = 9,
    UDP = 18,
    UDP_STREAM,
    GRE,
    GRE_STREAM,
    ICMP,
    ICMPV6,
    GENERIC,
};

static const char *const names[CTW_FLOW_TIMEOUTS] = {
    "tcp_timeout_syn_sent",
    "tcp_timeout_syn_recv",
    "tcp_timeout_established",
    "tcp_timeout_fin_wait",
    "tcp_timeout_close_wait",
    "tcp_timeout_last_ack",
    "tcp_timeout_time_wait",
    "tcp_timeout_close",
    "tcp_timeout_syn_sent", /* SYN_SENT2 */
    "sctp_timeout_closed",
    "sctp_timeout_cookie_wait",
    "sctp_timeout_cookie_echoed",
    "sctp_timeout_established",
    "sctp_timeout_shutdown_sent",
    "sctp_timeout_shutdown_recd",
    "sctp_timeout_shutdown_ack_sent",
    "sctp_timeout_heartbeat_sent",
    "sctp_timeout_heartbeat_acked", /* up to Linux 6.1 */
    [UDP] = "udp_timeout",
    [UDP_STREAM] = "udp_timeout_stream",
    [GRE] = "gre_timeout",
    [GRE_STREAM] = "gre_timeout_stream",
    [ICMP] = "icmp_timeout",
    [ICMPV6] = "icmpv6_timeout",
    [GENERIC] = "generic_timeout",
};
_Static_assert(GENERIC + 1 == CTW_FLOW_TIMEOUTS, "one name each");

const char *ctw_flow_timeout_name(size_t i) {
    return names[i];
}

static size_t of_state(size_t first, uint8_t state) {
    return state >= 1 && state <= 9 ? first + state - 1 : CTW_FLOW_TIMEOUTS;
}

size_t ctw_flow_timeout(const struct ctw_flow *flow, uint8_t state) {
    switch (flow->protocol) {
    case IPPROTO_TCP:
        return of_state(TCP, flow->has_tcp_state ? flow->tcp_state : 0);
    case IPPROTO_SCTP:
        return of_state(SCTP, state);
    case IPPROTO_UDP:
    case IPPROTO_UDPLITE:
        return flow->status & IPS_ASSURED ? UDP_STREAM : UDP;
    case IPPROTO_GRE:
        return flow->status & IPS_SEEN_REPLY ? GRE_STREAM : GRE;
    case IPPROTO_ICMP:
        return ICMP;
    case IPPROTO_ICMPV6:
        return ICMPV6;
    case IPPROTO_DCCP: /* by role and state */
        return CTW_FLOW_TIMEOUTS;
    }
    return GENERIC;
}
