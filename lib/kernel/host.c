/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/kernel/host.h"

#include <stddef.h>

const char *ctw_timeout_name(enum ctw_timeout timeout) {
    static const char *const names[CTW_TIMEOUTS] = {
        [CTW_TIMEOUT_TCP_ESTABLISHED] = "tcp_timeout_established",
        [CTW_TIMEOUT_TCP_SYN_SENT] = "tcp_timeout_syn_sent",
        [CTW_TIMEOUT_TCP_SYN_RECV] = "tcp_timeout_syn_recv",
        [CTW_TIMEOUT_TCP_FIN_WAIT] = "tcp_timeout_fin_wait",
        [CTW_TIMEOUT_TCP_CLOSE_WAIT] = "tcp_timeout_close_wait",
        [CTW_TIMEOUT_TCP_LAST_ACK] = "tcp_timeout_last_ack",
        [CTW_TIMEOUT_TCP_TIME_WAIT] = "tcp_timeout_time_wait",
        [CTW_TIMEOUT_TCP_MAX_RETRANS] = "tcp_timeout_max_retrans",
        [CTW_TIMEOUT_TCP_UNACKNOWLEDGED] = "tcp_timeout_unacknowledged",
        [CTW_TIMEOUT_UDP] = "udp_timeout",
        [CTW_TIMEOUT_UDP_STREAM] = "udp_timeout_stream",
        [CTW_TIMEOUT_ICMP] = "icmp_timeout",
        [CTW_TIMEOUT_ICMPV6] = "icmpv6_timeout",
        [CTW_TIMEOUT_GENERIC] = "generic_timeout",
        [CTW_TIMEOUT_SCTP_ESTABLISHED] = "sctp_timeout_established",
    };

    return names[timeout];
}

uint32_t ctw_host_timeout(const struct ctw_host *host, enum ctw_timeout timeout,
                          uint32_t otherwise) {
    return host && host->timeouts[timeout].known ? host->timeouts[timeout].seconds : otherwise;
}
