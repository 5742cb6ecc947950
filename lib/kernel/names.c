/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/kernel/names.h"

#include <linux/netfilter/nf_conntrack_tcp.h>
#include <netinet/in.h>
#include <stddef.h>
#include <strings.h>

/* --- protocols -------------------------------------------------------------------------------- */

static const struct {
    uint8_t protocol;
    const char *name;
} protocols[] = {
    {IPPROTO_ICMP, "icmp"},     {IPPROTO_TCP, "tcp"},   {IPPROTO_UDP, "udp"},
    {IPPROTO_DCCP, "dccp"},     {IPPROTO_GRE, "gre"},   {IPPROTO_ESP, "esp"},
    {IPPROTO_ICMPV6, "icmpv6"}, {IPPROTO_SCTP, "sctp"}, {IPPROTO_UDPLITE, "udplite"},
};

#define N_PROTOCOLS (sizeof(protocols) / sizeof(protocols[0]))

const char *ctw_protocol_name(uint8_t protocol) {
    for (size_t i = 0; i < N_PROTOCOLS; i++)
        if (protocols[i].protocol == protocol)
            return protocols[i].name;
    return NULL;
}

/* --- states ----------------------------------------------------------------------------------- */

#define STATES_MAX 16u

/* tcp_conntrack_names of net/netfilter/nf_conntrack_proto_tcp.c. */
static const char *const tcp[STATES_MAX] = {
    [TCP_CONNTRACK_NONE] = "NONE",         [TCP_CONNTRACK_SYN_SENT] = "SYN_SENT",
    [TCP_CONNTRACK_SYN_RECV] = "SYN_RECV", [TCP_CONNTRACK_ESTABLISHED] = "ESTABLISHED",
    [TCP_CONNTRACK_FIN_WAIT] = "FIN_WAIT", [TCP_CONNTRACK_CLOSE_WAIT] = "CLOSE_WAIT",
    [TCP_CONNTRACK_LAST_ACK] = "LAST_ACK", [TCP_CONNTRACK_TIME_WAIT] = "TIME_WAIT",
    [TCP_CONNTRACK_CLOSE] = "CLOSE",       [TCP_CONNTRACK_SYN_SENT2] = "SYN_SENT2",
};

/* sctp_conntrack_names of nf_conntrack_proto_sctp.c; the last one is no longer used. */
static const char *const sctp[STATES_MAX] = {
    "NONE",          "CLOSED",        "COOKIE_WAIT",       "COOKIE_ECHOED",  "ESTABLISHED",
    "SHUTDOWN_SENT", "SHUTDOWN_RECD", "SHUTDOWN_ACK_SENT", "HEARTBEAT_SENT", "HEARTBEAT_ACKED",
};

/* ct_dccp_states of nf_conntrack_proto_dccp.c, which Linux 6.17 has removed; the names are those of
 * libnetfilter_conntrack. */
static const char *const dccp[STATES_MAX] = {
    "NONE",     "REQUEST", "RESPOND",  "PARTOPEN", "OPEN",
    "CLOSEREQ", "CLOSING", "TIMEWAIT", "IGNORE",   "INVALID",
};

static const char *const *states_of(uint8_t protocol) {
    switch (protocol) {
    case IPPROTO_TCP: return tcp;
    case IPPROTO_SCTP: return sctp;
    case IPPROTO_DCCP: return dccp;
    }
    return NULL;
}

const char *ctw_state_name(uint8_t protocol, uint8_t state) {
    const char *const *states = states_of(protocol);

    return states && state < STATES_MAX ? states[state] : NULL;
}

uint16_t ctw_state_mask(uint8_t protocol, const char *name) {
    const char *const *states = states_of(protocol);
    uint16_t mask = 0;

    for (unsigned i = 0; states && i < STATES_MAX; i++)
        if (states[i] && strcasecmp(states[i], name) == 0)
            mask |= (uint16_t)(1u << i);
    return mask;
}
