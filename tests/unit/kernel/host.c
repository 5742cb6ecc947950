/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What the kernel prints about its memory, queues and expectations. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

#include "lib/kernel/host.h"

#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))

static void timeout_is_known_or_the_default(void **state) {
    const struct ctw_host host = {.timeouts_sec[CTW_TIMEOUT_UDP] = 5};

    (void)state;
    assert_int_equal(ctw_host_timeout(&host, CTW_TIMEOUT_UDP), 5);
    assert_int_equal(ctw_host_timeout(&host, CTW_TIMEOUT_TCP_ESTABLISHED), 432000);
    assert_int_equal(ctw_host_timeout(NULL, CTW_TIMEOUT_UDP), 30);
    for (int i = 0; i < CTW_TIMEOUTS; i++)
        assert_non_null(strstr(ctw_timeout_name((enum ctw_timeout)i), "timeout"));
}

static void entry_bytes_are_of_the_slab_of_entries(void **state) {
    static const struct {
        const char *text;
        uint32_t bytes;
    } cases[] = {
        {"slabinfo - version: 2.1\n"
         "# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab>\n"
         "nf_conntrack_expect      0      0    208   19    1 : tunables    0    0    0\n"
         "nf_conntrack         102    160    256   16    1 : tunables    0    0    0\n",
         256},
        {"nf_conntrack_ffffffff81b18540   300   312    320   12    1 : tunables\n", 320},
        {"nf_conntrack_1       102    160    304   16    1 : tunables    0    0    0\n", 304},
        {"nf_conntrack_        102    160    304   16    1 : tunables    0    0    0\n", 0},
        {"nf_conntrackx        102    160    304   16    1 : tunables    0    0    0\n", 0},
        {"nf_conntrack 102 160\n", 0},
        {"nf_conntrack 102 160 99999999999 1\n", 0},
        {"nf_conntrack 102 160 256 16", 0}, /* cut off */
        {"", 0},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++)
        assert_int_equal(ctw_host_entry_bytes(cases[i].text, strlen(cases[i].text)),
                         cases[i].bytes);
}

static void queues_name_the_fullest(void **state) {
    static const char text[] = "    0  31336     7 2 65531     0     0     1200  1\n"
                               "    5  31337 19000 2 65531     0     0    19000  1\n"
                               "    6  31338    20 2 65531     0     0       20  1\n"
                               "    x  31338 99999 2 65531     0     0       20  1\n";
    struct ctw_host host = {0};

    (void)state;
    ctw_host_read_queues(text, sizeof(text) - 1, &host);
    assert_true(host.has_queue);
    assert_int_equal(host.queue_number, 5);
    assert_int_equal(host.queue_held, 19000);
    host = (struct ctw_host){0};
    static const char empty[] = "    3  31336     0 2 65531     0     0     1200  1\n";
    ctw_host_read_queues(empty, sizeof(empty) - 1, &host);
    assert_true(host.has_queue);
    assert_int_equal(host.queue_number, 3);
    assert_int_equal(host.queue_held, 0);
    ctw_host_read_queues("", 0, &host);
    assert_false(host.has_queue);
}

/* --- expectations ----------------------------------------------------------------------------- */

static const struct ctw_host *set(const struct ctw_expectations *e) {
    static struct ctw_host host;

    host = (struct ctw_host){0};
    ctw_host_set_expectations(&host, e);
    return &host;
}

static void expectations_of_the_file_are_counted_by_helper(void **state) {
    static const char text[] =
        "297 l3proto = 2 proto=6 src=192.0.2.1 dst=192.0.2.2 sport=0 dport=40001 ftp\n"
        "180 l3proto = 2 proto=17 src=192.0.2.1 dst=192.0.2.2 sport=0 dport=4000 sip/audio\n"
        "180 l3proto = 2 proto=17 src=192.0.2.1 dst=192.0.2.2 sport=0 dport=4001 PERMANENT sip\n"
        "180 l3proto = 2 proto=17 src=192.0.2.1 dst=192.0.2.2 sport=0 dport=4001\n"
        "180 l3proto = 2 proto=17 src=192.0.2.1 dst=192.0.2.2 sport=0 dport=4001 $(reboot)\n"
        "180 l3proto = 2 proto=17 src=192.0.2.1 dst=192.0.2.2 sport=0 dport=4001 sixteen_letters_\n"
        "\n";
    struct ctw_expectations e = {0};

    (void)state;
    ctw_expectations_parse(&e, text, sizeof(text) - 1);
    assert_true(set(&e)->has_expectations);
    assert_int_equal(set(&e)->expectations, 6);
    assert_string_equal(set(&e)->expect_helper, "sip");
}

static void expectations_of_none_have_no_helper(void **state) {
    const struct ctw_expectations e = {0};

    (void)state;
    assert_true(set(&e)->has_expectations);
    assert_int_equal(set(&e)->expectations, 0);
    assert_string_equal(set(&e)->expect_helper, "");
}

/* One name more than there is room for: it is counted, but not by name. */
static void expectations_of_many_helpers_are_all_counted(void **state) {
    struct ctw_expectations e = {0};
    char line[] = "1 dport=1 helper-a\n";

    (void)state;
    for (char name = 'a'; name <= 'z'; name++) {
        line[sizeof(line) - 3] = name;
        ctw_expectations_parse(&e, line, sizeof(line) - 1);
    }
    ctw_expectations_parse(&e, "1 helper-c\n", 11);
    assert_int_equal(set(&e)->expectations, 27);
    assert_string_equal(set(&e)->expect_helper, "helper-c");
}

static size_t message(char bytes[static 256], const char *helper, size_t length) {
    struct nlmsghdr *h = mnl_nlmsg_put_header(bytes);

    h->nlmsg_type = NFNL_SUBSYS_CTNETLINK_EXP << 8 | IPCTNL_MSG_EXP_NEW;
    mnl_nlmsg_put_extra_header(h, sizeof(struct nfgenmsg));
    mnl_attr_put_u32(h, CTA_EXPECT_TIMEOUT, 5);
    if (helper)
        mnl_attr_put(h, CTA_EXPECT_HELP_NAME, length, helper);
    return h->nlmsg_len;
}

static void expectations_of_a_dump_are_counted_by_helper(void **state) {
    _Alignas(struct nlmsghdr) char bytes[256];
    struct ctw_expectations e = {0};

    (void)state;
    assert_int_equal(ctw_expectations_add(&e, bytes, message(bytes, "ftp", 4)), 0);
    assert_int_equal(ctw_expectations_add(&e, bytes, message(bytes, "ftp", 3)), 0); /* no NUL */
    assert_int_equal(ctw_expectations_add(&e, bytes, message(bytes, "sip", 4)), 0);
    assert_int_equal(ctw_expectations_add(&e, bytes, message(bytes, NULL, 0)), 0);
    assert_int_equal(ctw_expectations_add(&e, bytes, message(bytes, "", 0)), 0);
    assert_int_equal(set(&e)->expectations, 5);
    assert_string_equal(set(&e)->expect_helper, "ftp");

    const size_t length = message(bytes, "ftp", 4);
    assert_int_equal(ctw_expectations_add(&e, bytes, length - 1), -EBADMSG);
    assert_int_equal(ctw_expectations_add(&e, bytes, 4), -EBADMSG);
    ((struct nlmsghdr *)bytes)->nlmsg_len = 18;
    assert_int_equal(ctw_expectations_add(&e, bytes, length), -EBADMSG);
    message(bytes, "ftp", 4);
    ((struct nlmsghdr *)bytes)->nlmsg_type = NLMSG_DONE;
    assert_int_equal(ctw_expectations_add(&e, bytes, length), -ENOMSG);
    assert_int_equal(e.n, 5);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(timeout_is_known_or_the_default),
        cmocka_unit_test(entry_bytes_are_of_the_slab_of_entries),
        cmocka_unit_test(queues_name_the_fullest),
        cmocka_unit_test(expectations_of_the_file_are_counted_by_helper),
        cmocka_unit_test(expectations_of_none_have_no_helper),
        cmocka_unit_test(expectations_of_many_helpers_are_all_counted),
        cmocka_unit_test(expectations_of_a_dump_are_counted_by_helper),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
