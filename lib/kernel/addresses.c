/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/kernel/addresses.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <string.h>

bool ctw_address_is_loopback(const struct ctw_address *a) {
    static const uint8_t loopback6[16] = {[15] = 1};

    return a->family == AF_INET ? a->bytes[0] == 127
                                : memcmp(a->bytes, loopback6, sizeof(loopback6)) == 0;
}

/* --- fib_trie --------------------------------------------------------------------------------- */

static bool take_ipv4(struct ctw_piece *p, struct ctw_address *ret) {
    struct ctw_address a = {.family = AF_INET};
    uint64_t byte;

    for (size_t i = 0; i < 4; i++) {
        if ((i > 0 && !ctw_piece_take(p, ".")) || !ctw_piece_number(p, UINT8_MAX, &byte))
            return false;
        a.bytes[i] = (uint8_t)byte;
    }
    *ret = a;
    return true;
}

/*
 * Each leaf of the trie, and below it its routes. One to the namespace itself is /32, of type LOCAL
 * and scope host (net/ipv4/fib_trie.c).
 *
 *      |-- 10.0.3.7
 *         /32 host LOCAL
 *      |-- 10.0.3.255
 *         /32 link BROADCAST
 */
bool ctw_fib_trie_next(struct ctw_piece *text, struct ctw_address *ret) {
    struct ctw_piece line, word, scope, type;
    struct ctw_address leaf;
    bool is_leaf = false;

    while (ctw_piece_line(text, &line)) {
        if (!ctw_piece_word(&line, &word))
            continue;
        if (ctw_piece_is(word, "|--")) {
            is_leaf = ctw_piece_word(&line, &word) && take_ipv4(&word, &leaf) && word.length == 0;
        } else if (is_leaf && ctw_piece_is(word, "/32") && ctw_piece_word(&line, &scope) &&
                   ctw_piece_is(scope, "host") && ctw_piece_word(&line, &type) &&
                   ctw_piece_is(type, "LOCAL")) {
            *ret = leaf;
            return true;
        }
    }
    return false;
}

/* --- if_inet6 --------------------------------------------------------------------------------- */

/* Address, interface, length of the prefix, scope, flags and name of the interface:
 *
 * fd0000000000000000000000000003ed 02 40 00 80 veth0
 */
bool ctw_if_inet6_next(struct ctw_piece *text, struct ctw_address *ret) {
    static const char digits[] = "0123456789abcdef";
    struct ctw_piece line, word;

    while (ctw_piece_line(text, &line)) {
        struct ctw_address a = {.family = AF_INET6};
        size_t i = 0;
        if (!ctw_piece_word(&line, &word) || word.length != 2 * sizeof(a.bytes))
            continue;
        for (; i < word.length; i++) {
            const char *const digit = memchr(digits, word.at[i], sizeof(digits) - 1);
            if (!digit)
                break;
            a.bytes[i / 2] = (uint8_t)(a.bytes[i / 2] << 4 | (digit - digits));
        }
        if (i < word.length)
            continue;
        *ret = a;
        return true;
    }
    return false;
}

/* --- rtnetlink -------------------------------------------------------------------------------- */

/* IFA_LOCAL is the own end where an interface has a peer, whose address IFA_ADDRESS then is. */
int ctw_address_of_message(const void *message, size_t length, struct ctw_address *ret) {
    const struct nlmsghdr *h = message;
    const void *found = NULL;

    if (length < sizeof(*h) || h->nlmsg_len > length || h->nlmsg_len < sizeof(*h))
        return -EBADMSG;
    if (h->nlmsg_type != RTM_NEWADDR)
        return -ENOMSG;
    if (h->nlmsg_len < mnl_nlmsg_size(sizeof(struct ifaddrmsg)))
        return -EBADMSG;
    const struct ifaddrmsg *m = mnl_nlmsg_get_payload(h);
    const size_t size = m->ifa_family == AF_INET ? 4 : m->ifa_family == AF_INET6 ? 16 : 0;
    const char *const end = (const char *)h + h->nlmsg_len;
    for (const struct nlattr *a = mnl_nlmsg_get_payload_offset(h, sizeof(*m));
         mnl_attr_ok(a, (int)(end - (const char *)a)); a = mnl_attr_next(a)) {
        const uint16_t type = mnl_attr_get_type(a);
        if (type != IFA_LOCAL && (type != IFA_ADDRESS || found))
            continue;
        if (mnl_attr_get_payload_len(a) != size)
            return -EBADMSG;
        found = mnl_attr_get_payload(a);
    }
    if (!found || size == 0)
        return -ENOMSG;
    *ret = (struct ctw_address){.family = m->ifa_family};
    memcpy(ret->bytes, found, size);
    return 0;
}
