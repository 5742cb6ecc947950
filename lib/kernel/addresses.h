/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The addresses of a network namespace, as the kernel prints or sends them. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/util/parse.h"

struct ctw_address {
    uint8_t family;    /* AF_INET or AF_INET6 */
    uint8_t bytes[16]; /* network order; 4 bytes used with AF_INET */
};

/** ctw_address_is_loopback() - of 127.0.0.0/8, or ::1: every namespace has them */
bool ctw_address_is_loopback(const struct ctw_address *a);

/**
 * ctw_fib_trie_next() - take text off the front of /proc/PID/net/fib_trie up to the next address
 * @ret:  an address of the namespace itself; one may come several times
 *
 * Return: false: there is none.
 */
bool ctw_fib_trie_next(struct ctw_piece *text, struct ctw_address *ret);

/** ctw_if_inet6_next() - the same of /proc/PID/net/if_inet6 */
bool ctw_if_inet6_next(struct ctw_piece *text, struct ctw_address *ret);

/**
 * ctw_address_of_message() - the address of an RTM_NEWADDR message
 * @message:  header included
 *
 * Return: 0; -EBADMSG when it is malformed; -ENOMSG when it is another message, or has no address.
 */
int ctw_address_of_message(const void *message, size_t length, struct ctw_address *ret);
