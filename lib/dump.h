/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTW_DUMP_H
#define CTW_DUMP_H

/*
 * A dump of the conntrack table, as it comes: one datagram after the other, each with many
 * messages, up to the one that says how it ended.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flow.h"

/** called for each entry of the dump */
typedef void (*ctw_dump_entry_fn)(const struct ctw_flow *flow, void *userdata);

struct ctw_dump {
    uint32_t sequence; /* of the request: messages with another one are not answers to it */
    uint32_t wanted;   /* entries to be read; 0: all */

    uint64_t entries; /* read so far */
    bool whole;       /* the end of the table has been reached */
    /* The hash table was resized or the namespace changed on the way (NLM_F_DUMP_INTR): entries may
     * be missing, or have come twice. */
    bool interrupted;
};

/**
 * ctw_dump_read() - read one datagram
 * @datagram:  as received from the kernel; need not be aligned, nothing in it is believed
 * @length:    bytes in @datagram
 *
 * An entry that cannot be parsed is passed over, as long as the messages around it can be told
 * apart.
 *
 * Return: 0 when more is to come; 1 when this was the end of the table or of what was wanted;
 * -EBADMSG when it was no netlink message; the error that the kernel answered, such as -EPERM.
 */
int ctw_dump_read(struct ctw_dump *d, const void *datagram, size_t length, ctw_dump_entry_fn entry,
                  void *userdata);

#endif
