/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/kernel/timeouts.h"

#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <netinet/in.h>

/* tcp_timeouts of net/netfilter/nf_conntrack_proto_tcp.c, and the like, in seconds. */
static const struct {
    const char *name;
    uint32_t seconds;
} timeouts[CTW_TIMEOUTS] = {
    {"tcp_timeout_syn_sent", 120},
    {"tcp_timeout_syn_recv", 60},
    {"tcp_timeout_established", 432000},
    {"tcp_timeout_fin_wait", 120},
    {"tcp_timeout_close_wait", 60},
    {"tcp_timeout_last_ack", 30},
    {"tcp_timeout_time_wait", 120},
    {"tcp_timeout_close", 10},
    {"tcp_timeout_syn_sent", 120}, /* SYN_SENT2 */
    {"sctp_timeout_closed", 10},
    {"sctp_timeout_cookie_wait", 3},
    {"sctp_timeout_cookie_echoed", 3},
    {"sctp_timeout_established", 210},
    {"sctp_timeout_shutdown_sent", 3},
    {"sctp_timeout_shutdown_recd", 3},
    {"sctp_timeout_shutdown_ack_sent", 3},
    {"sctp_timeout_heartbeat_sent", 30},
    {"sctp_timeout_heartbeat_acked", 210}, /* up to Linux 6.1 */
    [CTW_TIMEOUT_UDP] = {"udp_timeout", 30},
    [CTW_TIMEOUT_UDP_STREAM] = {"udp_timeout_stream", 120},
    [CTW_TIMEOUT_GRE] = {"gre_timeout", 30},
    [CTW_TIMEOUT_GRE_STREAM] = {"gre_timeout_stream", 180},
    [CTW_TIMEOUT_ICMP] = {"icmp_timeout", 30},
    [CTW_TIMEOUT_ICMPV6] = {"icmpv6_timeout", 30},
    [CTW_TIMEOUT_GENERIC] = {"generic_timeout", 600},
};

const char *ctw_timeout_name(enum ctw_timeout timeout) {
    return timeouts[timeout].name;
}

uint32_t ctw_timeout_default(enum ctw_timeout timeout) {
    return timeouts[timeout].seconds;
}

static enum ctw_timeout of_state(enum ctw_timeout first, uint8_t state) {
    return state >= 1 && state <= 9 ? first + state - 1 : CTW_TIMEOUTS;
}

enum ctw_timeout ctw_flow_timeout(const struct ctw_flow *flow, uint8_t state) {
    switch (flow->protocol) {
    case IPPROTO_TCP:
        return of_state(CTW_TIMEOUT_TCP_SYN_SENT, flow->has_tcp_state ? flow->tcp_state : 0);
    case IPPROTO_SCTP: return of_state(CTW_TIMEOUT_SCTP_CLOSED, state);
    case IPPROTO_UDP:
    case IPPROTO_UDPLITE:
        return flow->status & IPS_ASSURED ? CTW_TIMEOUT_UDP_STREAM : CTW_TIMEOUT_UDP;
    case IPPROTO_GRE:
        return flow->status & IPS_SEEN_REPLY ? CTW_TIMEOUT_GRE_STREAM : CTW_TIMEOUT_GRE;
    case IPPROTO_ICMP: return CTW_TIMEOUT_ICMP;
    case IPPROTO_ICMPV6: return CTW_TIMEOUT_ICMPV6;
    case IPPROTO_DCCP: /* by role and state */ return CTW_TIMEOUTS;
    }
    return CTW_TIMEOUT_GENERIC;
}
