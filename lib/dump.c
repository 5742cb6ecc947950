/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * A datagram of a dump: messages one behind the other, each padded to four bytes.
 *
 *   nlmsghdr  length 212, type 0x0100 (CTNETLINK, CT_NEW), flags 0x002 (MULTI)    an entry:
 * lib/flow nlmsghdr  length 212, type 0x0100, flags 0x002                                another
 *   ...
 *   nlmsghdr  length  20, type NLMSG_DONE, flags 0x002; int 0                     in the last one
 *   nlmsghdr  length  36, type NLMSG_ERROR; int -EPERM, the request's nlmsghdr    instead of all
 * that
 *
 * NLM_F_DUMP_INTR may be set in any of them.
 */

#include "dump.h"

#include <errno.h>
#include <linux/netlink.h>
#include <string.h>

/* What a message of the end says: 0, or why it is the end. */
static int read_error(const uint8_t *payload, size_t length) {
    int error;

    if (length < sizeof(error))
        return -EBADMSG;
    memcpy(&error, payload, sizeof(error));
    /* A positive one is none, and INT_MIN could not be told with another sign. */
    return error > 0 || error < -4095 ? -EBADMSG : error;
}

/* Return: as ctw_dump_read(). */
static int read_message(struct ctw_dump *d, const struct nlmsghdr *header, const uint8_t *message,
                        ctw_dump_entry_fn entry, void *userdata) {
    const uint8_t *payload = message + sizeof(*header);
    const size_t length = header->nlmsg_len - sizeof(*header);
    struct ctw_flow flow;
    int r;

    if (header->nlmsg_seq != d->sequence)
        return 0;
    d->interrupted |= (header->nlmsg_flags & NLM_F_DUMP_INTR) != 0;

    switch (header->nlmsg_type) {
    case NLMSG_DONE:
        r = read_error(payload, length);
        d->whole = r == 0;
        return r < 0 ? r : 1;
    case NLMSG_ERROR:
        r = read_error(payload, length);
        return r; /* 0 is an acknowledgement */
    }
    if (ctw_flow_parse(message, header->nlmsg_len, &flow) < 0 || flow.event != CTW_FLOW_NEW)
        return 0;
    entry(&flow, userdata);
    d->entries++;
    return d->wanted > 0 && d->entries >= d->wanted ? 1 : 0;
}

int ctw_dump_read(struct ctw_dump *d, const void *datagram, size_t length, ctw_dump_entry_fn entry,
                  void *userdata) {
    const uint8_t *at = datagram;
    int r = 0;

    while (length > 0 && r == 0) {
        struct nlmsghdr header;

        if (length < sizeof(header))
            return -EBADMSG;
        memcpy(&header, at, sizeof(header));
        if (header.nlmsg_len < sizeof(header) || header.nlmsg_len > length)
            return -EBADMSG;
        r = read_message(d, &header, at, entry, userdata);

        /* The last one may come without its padding. */
        const size_t step = NLMSG_ALIGN((size_t)header.nlmsg_len);
        at += step < length ? step : length;
        length -= step < length ? step : length;
    }
    return r;
}
