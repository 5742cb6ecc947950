/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <netinet/in.h>

#include "lib/kernel/timeouts.h"

static const char *name_of(uint8_t protocol, uint8_t state, uint32_t status) {
    const struct ctw_flow flow = {
        .protocol = protocol, .has_tcp_state = state > 0, .tcp_state = state, .status = status};
    const enum ctw_timeout i = ctw_flow_timeout(&flow, state);

    return i < CTW_TIMEOUTS ? ctw_timeout_name(i) : "unknown";
}

static void timeout_of_tcp_and_sctp_goes_by_the_state(void **state) {
    (void)state;
    assert_string_equal(name_of(IPPROTO_TCP, TCP_CONNTRACK_ESTABLISHED, 0),
                        "tcp_timeout_established");
    assert_string_equal(name_of(IPPROTO_TCP, TCP_CONNTRACK_SYN_SENT, 0), "tcp_timeout_syn_sent");
    assert_string_equal(name_of(IPPROTO_TCP, TCP_CONNTRACK_TIME_WAIT, 0), "tcp_timeout_time_wait");
    assert_string_equal(name_of(IPPROTO_TCP, TCP_CONNTRACK_SYN_SENT2, 0), "tcp_timeout_syn_sent");
    assert_string_equal(name_of(IPPROTO_SCTP, 1, 0), "sctp_timeout_closed");
    assert_string_equal(name_of(IPPROTO_SCTP, 4, 0), "sctp_timeout_established");
    assert_string_equal(name_of(IPPROTO_SCTP, 9, 0), "sctp_timeout_heartbeat_acked");
    for (unsigned n = 10; n < 256; n++) {
        assert_string_equal(name_of(IPPROTO_TCP, (uint8_t)n, 0), "unknown");
        assert_string_equal(name_of(IPPROTO_SCTP, (uint8_t)n, 0), "unknown");
    }
    assert_string_equal(name_of(IPPROTO_TCP, 0, 0), "unknown");
}

static void timeout_of_others_goes_by_the_status(void **state) {
    (void)state;
    assert_string_equal(name_of(IPPROTO_UDP, 0, IPS_SEEN_REPLY), "udp_timeout");
    assert_string_equal(name_of(IPPROTO_UDP, 0, IPS_SEEN_REPLY | IPS_ASSURED),
                        "udp_timeout_stream");
    assert_string_equal(name_of(IPPROTO_GRE, 0, 0), "gre_timeout");
    assert_string_equal(name_of(IPPROTO_GRE, 0, IPS_SEEN_REPLY), "gre_timeout_stream");
    assert_string_equal(name_of(IPPROTO_ICMP, 0, 0), "icmp_timeout");
    assert_string_equal(name_of(IPPROTO_ICMPV6, 0, 0), "icmpv6_timeout");
    assert_string_equal(name_of(IPPROTO_ESP, 0, 0), "generic_timeout");
    assert_string_equal(name_of(IPPROTO_DCCP, 0, 0), "unknown");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(timeout_of_tcp_and_sctp_goes_by_the_state),
        cmocka_unit_test(timeout_of_others_goes_by_the_status),
    };

    return cmocka_run_group_tests_name("kernel/timeouts", tests, NULL, NULL);
}
