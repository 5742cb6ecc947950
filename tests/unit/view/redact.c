/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/view/redact.h"
#include "tests/support/snapshot_samples.h"

static void expect(const char *text, const char *without) {
    char is[256];

    ctw_redact_text(text, is, sizeof(is));
    assert_string_equal(is, without);
}

static void addresses_become_somebody(void **state) {
    (void)state;
    expect("Conntrack table at 79.5 % (104256 of 131072), 192.0.2.77 holds 61.2 % of it.",
           "Conntrack table at 79.5 % (104256 of 131072), somebody holds 61.2 % of it.");
    expect("2001:db8:1:2::/64 holds 61.2 % of it", "somebody holds 61.2 % of it");
    expect("it is ::1.", "it is somebody.");
    expect("from ::ffff:192.0.2.1 and 10.0.0.0/8, 198.51.100.1.",
           "from somebody and somebody, somebody.");
    expect("\"192.0.2.1\"", "\"somebody\"");
}

static void all_else_stays(void **state) {
    static const char *const texts[] = {
        "",
        "Conntrack limit raised from 131072 to 262144.",
        "Conntrack table full: new connections are being dropped (200 so far), 262144 of 262144.",
        "Conntrack table at 79.5 % (104256 of 131072), filling at 8100 entries/s, full in 3 s.",
        "ctwatchd 0.1.0 cannot read /proc/sys/net/netfilter/nf_conntrack_count: No such file",
        "/etc/ctwatch.conf:12: poll.interval: is \"2d\", allowed is from 10 ms to 10 s",
        "network namespace \"blue\" (4026532246)...",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        expect(texts[i], texts[i]);
}

static void what_does_not_fit_is_cut_off(void **state) {
    char is[10];

    (void)state;
    ctw_redact_text("1.1.1.1 1.1.1.1", is, sizeof(is));
    assert_string_equal(is, "somebody ");
}

/* However it is looked at: no byte of the addresses is left. */
static void no_address_is_left_in_a_snapshot(void **state) {
    static const char *const addresses[] = {"192.0.2.77", "2001:db8:1:2"};
    static struct ctw_snapshot p;

    (void)state;
    sample_full(&p);
    sample_said(&p, 1, CTW_ALERT_USAGE, CTW_EDGE_BEGIN, CTW_LEVEL_WARNING,
                "Conntrack table at 79.5 %, 2001:db8:1:2::/64 holds 61.2 % of it.");
    ctw_redact_snapshot(&p);
    for (size_t i = 0; i < 2; i++)
        assert_null(memmem(&p, sizeof(p), addresses[i], strlen(addresses[i])));
    assert_int_equal(ctw_snapshot_check(&p), 0);
    assert_true(p.talkers.known);
    assert_int_equal(p.talkers.n_sources + p.talkers.n_ports + p.talkers.n_states, 0);
    assert_int_equal(p.n_recent_alerts, 4);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_become_somebody),
        cmocka_unit_test(all_else_stays),
        cmocka_unit_test(what_does_not_fit_is_cut_off),
        cmocka_unit_test(no_address_is_left_in_a_snapshot),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
