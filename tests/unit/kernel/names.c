/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/kernel/names.h"

static void protocol_has_the_name_of_conntrack(void **state) {
    (void)state;
    assert_string_equal(ctw_protocol_name(IPPROTO_ICMPV6), "icmpv6");
    assert_null(ctw_protocol_name(99));
}

static void state_has_a_name_of_its_protocol(void **state) {
    (void)state;
    assert_string_equal(ctw_state_name(IPPROTO_TCP, 3), "ESTABLISHED");
    assert_string_equal(ctw_state_name(IPPROTO_SCTP, 3), "COOKIE_ECHOED");
    assert_string_equal(ctw_state_name(IPPROTO_DCCP, 4), "OPEN");
    assert_null(ctw_state_name(IPPROTO_UDP, 3));
    assert_null(ctw_state_name(IPPROTO_TCP, 10));
    assert_null(ctw_state_name(IPPROTO_TCP, 255));
    assert_int_equal(ctw_state_mask(IPPROTO_TCP, "established"), 1 << 3);
    assert_int_equal(ctw_state_mask(IPPROTO_SCTP, "ESTABLISHED"), 1 << 4);
    assert_int_equal(ctw_state_mask(IPPROTO_UDP, "ESTABLISHED"), 0);
    assert_int_equal(ctw_state_mask(IPPROTO_TCP, "OPEN"), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(protocol_has_the_name_of_conntrack),
        cmocka_unit_test(state_has_a_name_of_its_protocol),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
