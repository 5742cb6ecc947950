/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Protocols and states by the names that conntrack(8) prints. */

#include <stdint.h>

/** ctw_protocol_name() - "tcp" for IPPROTO_TCP. Return: NULL when it has no name. */
const char *ctw_protocol_name(uint8_t protocol);

/**
 * ctw_state_name() - "ESTABLISHED" for a state of TCP, SCTP or DCCP
 *
 * Return: NULL when the protocol has no states, or none of that number.
 */
const char *ctw_state_name(uint8_t protocol, uint8_t state);

/** ctw_state_mask() - bit n: state n of @protocol has this name, in any case. Return: 0: none. */
uint16_t ctw_state_mask(uint8_t protocol, const char *name);
