/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The addresses of a network namespace, from /proc/PID/net and rtnetlink. */

#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <libmnl/libmnl.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>

#include "lib/kernel/addresses.h"

typedef bool next_fn(struct ctw_piece *text, struct ctw_address *ret);

/* The addresses of @text, each followed by a blank. */
static const char *all(next_fn *next, const char *text, size_t length) {
    struct ctw_piece rest = {text, length};
    struct ctw_address a = {.family = 77};
    static char found[512];
    size_t used = 0;

    found[0] = '\0';
    while (next(&rest, &a)) {
        assert_non_null(inet_ntop(a.family, a.bytes, found + used, INET6_ADDRSTRLEN));
        used += strlen(found + used);
        found[used++] = ' ';
        found[used] = '\0';
        a.family = 77;
    }
    assert_int_equal(a.family, 77);
    return found;
}

/* Linux 6.18: `ip addr add 10.0.3.7/24 dev lo` in a new namespace */
static const char trie[] = "Main:\n"
                           "  +-- 0.0.0.0/1 2 0 2\n"
                           "     +-- 10.0.3.0/24 2 0 2\n"
                           "        +-- 10.0.3.0/29 2 0 2\n"
                           "           |-- 10.0.3.0\n"
                           "              /24 link UNICAST\n"
                           "           |-- 10.0.3.7\n"
                           "              /32 host LOCAL\n"
                           "        |-- 10.0.3.255\n"
                           "           /32 link BROADCAST\n"
                           "     +-- 127.0.0.0/8 2 0 2\n"
                           "        +-- 127.0.0.0/31 1 0 0\n"
                           "           |-- 127.0.0.0\n"
                           "              /8 host LOCAL\n"
                           "           |-- 127.0.0.1\n"
                           "              /32 host LOCAL\n"
                           "        |-- 127.255.255.255\n"
                           "           /32 link BROADCAST\n"
                           "Local:\n"
                           "  +-- 0.0.0.0/1 2 0 2\n"
                           "     |-- 10.0.3.7\n"
                           "        /24 link UNICAST\n"
                           "        /32 host LOCAL tos=16\n";

static void fib_trie_gives_local_addresses_only(void **state) {
    (void)state;
    assert_string_equal(all(ctw_fib_trie_next, trie, sizeof(trie) - 1),
                        "10.0.3.7 127.0.0.1 10.0.3.7 ");
}

static void fib_trie_malformed_gives_none(void **state) {
    static const char *const texts[] = {
        "",
        "\n\n",
        "/32 host LOCAL\n",
        "|-- 10.0.3\n/32 host LOCAL\n",
        "|-- 10.0.3.256\n/32 host LOCAL\n",
        "|-- 10.0.3.7.8\n/32 host LOCAL\n",
        "|--\n/32 host LOCAL\n",
        "|-- 10.0.3.7\n/32 link LOCAL\n",
        "|-- 10.0.3.7\n/32 host\n",
        "|-- 10.0.3.7\n|-- x\n/32 host LOCAL\n",
        "|-- 10.0.3.7\n/32 host LOCAL",
    };
    (void)state;

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        assert_string_equal(all(ctw_fib_trie_next, texts[i], strlen(texts[i])), "");
}

static void if_inet6_gives_its_addresses(void **state) {
    static const char text[] = "fd000000000000000000000000030007 02 40 00 80    veth0\n"
                               "fd0000000000000000000000000300g7 02 40 00 80    veth0\n"
                               "fd0000 02 40 00 80    veth0\n"
                               "\n"
                               "00000000000000000000000000000001 01 80 10 80       lo\n"
                               "fe8000000000000000fc00fffe000001 04 40 20 80     eth0";
    (void)state;

    assert_string_equal(all(ctw_if_inet6_next, text, sizeof(text) - 1), "fd00::3:7 ::1 ");
}

static void loopback_is_known(void **state) {
    (void)state;
    assert_true(ctw_address_is_loopback(&(struct ctw_address){AF_INET, {127, 3, 2, 1}}));
    assert_false(ctw_address_is_loopback(&(struct ctw_address){AF_INET, {10, 3, 2, 1}}));
    assert_true(ctw_address_is_loopback(&(struct ctw_address){AF_INET6, {[15] = 1}}));
    assert_false(ctw_address_is_loopback(&(struct ctw_address){AF_INET6, {127, [15] = 1}}));
}

static struct nlmsghdr *message(void *buffer, uint8_t family) {
    memset(buffer, 0, 256);
    struct nlmsghdr *h = mnl_nlmsg_put_header(buffer);
    h->nlmsg_type = RTM_NEWADDR;
    struct ifaddrmsg *m = mnl_nlmsg_put_extra_header(h, sizeof(*m));
    m->ifa_family = family;
    return h;
}

static void message_gives_the_own_end(void **state) {
    static const uint8_t peer[4] = {10, 0, 0, 1}, own[4] = {10, 0, 0, 2},
                         six[16] = {0xfd, [15] = 7};
    _Alignas(8) char buffer[256];
    struct ctw_address a;
    (void)state;

    struct nlmsghdr *h = message(buffer, AF_INET);
    mnl_attr_put(h, IFA_LOCAL, sizeof(own), own);
    mnl_attr_put(h, IFA_ADDRESS, sizeof(peer), peer);
    mnl_attr_put_strz(h, IFA_LABEL, "ppp0");
    assert_int_equal(ctw_address_of_message(h, h->nlmsg_len, &a), 0);
    assert_int_equal(a.family, AF_INET);
    assert_memory_equal(a.bytes, own, sizeof(own));
    h = message(buffer, AF_INET6);
    mnl_attr_put(h, IFA_ADDRESS, sizeof(six), six);
    assert_int_equal(ctw_address_of_message(h, h->nlmsg_len, &a), 0);
    assert_int_equal(a.family, AF_INET6);
    assert_memory_equal(a.bytes, six, sizeof(six));
}

static void message_that_is_none_changes_nothing(void **state) {
    static const uint8_t own[4] = {10, 0, 0, 2};
    const struct ctw_address before = {.family = 77};
    struct ctw_address a = before;
    _Alignas(8) char buffer[256];
    (void)state;

    struct nlmsghdr *h = message(buffer, AF_INET);
    assert_int_equal(ctw_address_of_message(h, h->nlmsg_len, &a), -ENOMSG);
    mnl_attr_put(h, IFA_LOCAL, sizeof(own), own);
    assert_int_equal(ctw_address_of_message(h, h->nlmsg_len - 1, &a), -EBADMSG);
    assert_int_equal(ctw_address_of_message(h, 8, &a), -EBADMSG);
    h->nlmsg_type = RTM_DELADDR;
    assert_int_equal(ctw_address_of_message(h, h->nlmsg_len, &a), -ENOMSG);
    h->nlmsg_type = RTM_NEWADDR;
    ((struct ifaddrmsg *)mnl_nlmsg_get_payload(h))->ifa_family = AF_INET6;
    assert_int_equal(ctw_address_of_message(h, h->nlmsg_len, &a), -EBADMSG);
    h->nlmsg_len = NLMSG_HDRLEN;
    assert_int_equal(ctw_address_of_message(h, h->nlmsg_len, &a), -EBADMSG);
    assert_memory_equal(&a, &before, sizeof(a));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fib_trie_gives_local_addresses_only),
        cmocka_unit_test(fib_trie_malformed_gives_none),
        cmocka_unit_test(if_inet6_gives_its_addresses),
        cmocka_unit_test(loopback_is_known),
        cmocka_unit_test(message_gives_the_own_end),
        cmocka_unit_test(message_that_is_none_changes_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
