/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTW_LIB_KERNEL_FLOW_H
#define CTW_LIB_KERNEL_FLOW_H

/*
 * One ctnetlink message: an event of the subscription, or an entry of a dump.
 *
 * This is the hot path, walked once per new connection of a flood, so it is a walk over the
 * attributes that are needed and nothing else; every attribute is checked by its size before it
 * is read.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ctw_flow_event {
    CTW_FLOW_NEW,    /* also every entry of a dump */
    CTW_FLOW_UPDATE, /* ctwatch never subscribes to these */
    CTW_FLOW_DESTROY,
};

struct ctw_flow {
    enum ctw_flow_event event;
    uint8_t family;     /* AF_INET or AF_INET6 */
    uint8_t protocol;   /* IPPROTO_*, of the original direction */
    uint8_t source[16]; /* original direction, network order; 4 bytes used with AF_INET */
    uint8_t destination[16];
    uint16_t source_port; /* host order; 0 where the protocol has none, see ctw_flow_has_ports() */
    uint16_t destination_port;
    uint16_t zone;        /* of the original direction; 0: the default zone */
    uint32_t status;      /* IPS_* bits of nf_conntrack_common.h; 0 when not given */
    uint32_t timeout_sec; /* 0 when not given, as with DESTROY */
    bool has_tcp_state;
    uint8_t tcp_state; /* TCP_CONNTRACK_* of nf_conntrack_tcp.h */
};

/**
 * ctw_flow_parse() - read one message
 * @message:  a netlink message, header included
 * @length:   bytes in @message; one whose nlmsg_len claims more is malformed, what lies behind
 *            nlmsg_len is not read
 * @ret:      set only on success
 *
 * Unknown attributes are passed over. A tuple without addresses or protocol is malformed.
 *
 * Return: 0; -EBADMSG when it is malformed; -ENOMSG when it is not about a conntrack entry.
 */
int ctw_flow_parse(const void *message, size_t length, struct ctw_flow *ret);

/** ctw_flow_has_ports() - whether flows of @protocol, an IPPROTO_*, have ports */
bool ctw_flow_has_ports(uint8_t protocol);

/*
 * A dump of the conntrack table, as it comes: one datagram after the other, each with many
 * messages, up to the one that says how it ended.
 */

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
