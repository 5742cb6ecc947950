/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * ctnetlink messages: events of the subscription, and the datagrams of a dump.
 *
 * This is the hot path, taken once for each new connection of a flood, so only the attributes that
 * are needed are parsed. The size of each is checked before it is read.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ctw_flow_event {
    CTW_FLOW_NEW,    /* also each entry of a dump */
    CTW_FLOW_UPDATE, /* ctwatch does not subscribe to these */
    CTW_FLOW_DESTROY,
};

struct ctw_flow {
    enum ctw_flow_event event;
    uint8_t family;     /* AF_INET or AF_INET6 */
    uint8_t protocol;   /* IPPROTO_*, of the original direction */
    uint8_t source[16]; /* original direction, network order; 4 bytes used with AF_INET */
    uint8_t destination[16];
    uint16_t source_port; /* host order; 0 where the protocol has no ports */
    uint16_t destination_port;
    uint16_t zone;        /* of the original direction; 0: the default zone */
    uint32_t status;      /* IPS_* bits of nf_conntrack_common.h; 0 when not given */
    uint32_t timeout_sec; /* 0 when not given, as with DESTROY */
    bool has_tcp_state;
    uint8_t tcp_state; /* TCP_CONNTRACK_* of nf_conntrack_tcp.h */
};

/* What the hot path has no use for: for filters, and for lists by mark, label or helper. */
#define CTW_FLOW_HELPER_MAX 16u /* with its NUL: NF_CT_HELPER_NAME_LEN */
#define CTW_LABELS          128u

struct ctw_flow_details {
    uint32_t mark;            /* 0 when not given */
    uint16_t zone;            /* also one that holds in one direction only; 0: the default zone */
    uint8_t reply_source[16]; /* of the packets that answer; as in struct ctw_flow */
    uint8_t reply_destination[16];
    uint16_t reply_source_port;
    uint16_t reply_destination_port;
    uint8_t state;                    /* of SCTP or DCCP; 0 when not given */
    char helper[CTW_FLOW_HELPER_MAX]; /* "ftp"; "" */
    uint32_t labels[CTW_LABELS / 32]; /* label n is bit n % 32 of word n / 32 */
    uint64_t packets, bytes; /* both directions; 0 without net.netfilter.nf_conntrack_acct */
};

/** ctw_flow_has_ports() - whether flows of @protocol, an IPPROTO_*, have ports */
bool ctw_flow_has_ports(uint8_t protocol);

/**
 * ctw_flow_parse() - read one message
 * @message:  a netlink message, header included
 * @length:   bytes in @message. One whose nlmsg_len exceeds it is malformed; bytes behind nlmsg_len
 *            are ignored.
 * @ret:      set only on success
 *
 * Unknown attributes are ignored. A message without addresses or protocol is malformed.
 *
 * Return: 0; -EBADMSG when it is malformed; -ENOMSG when it is not about a conntrack entry.
 */
int ctw_flow_parse(const void *message, size_t length, struct ctw_flow *ret);

/** ctw_flow_has_label() - whether label @bit, below CTW_LABELS, is set */
static inline bool ctw_flow_has_label(const struct ctw_flow_details *d, unsigned bit) {
    return d->labels[bit / 32] >> bit % 32 & 1;
}

/**
 * ctw_flow_parse_details() - read the rest of a message
 * @message:  one that ctw_flow_parse() has read
 * @flow:     what it found
 * @ret:      set only on success
 *
 * Return: 0; -EBADMSG when it is malformed.
 */
int ctw_flow_parse_details(const void *message, const struct ctw_flow *flow,
                           struct ctw_flow_details *ret);

/* --- events ----------------------------------------------------------------------------------- */

/* Bytes of an event that are worth reading: a cache line, which holds its kind and its source. */
#define CTW_EVENT_HEAD 64u

struct ctw_event {
    enum ctw_flow_event kind;
    bool has_source;    /* the source was where Linux puts it */
    uint8_t family;     /* AF_INET or AF_INET6; set when has_source */
    uint8_t source[16]; /* as in struct ctw_flow */
};

/**
 * ctw_event_parse() - read the head of an event
 * @head:    the beginning of a netlink message
 * @length:  bytes in @head, however long the message is
 * @ret:     set only on success
 *
 * Return: 0; -EBADMSG when it is malformed; -ENOMSG when it is not about a conntrack entry.
 */
int ctw_event_parse(const void *head, size_t length, struct ctw_event *ret);

/* --- dumps ------------------------------------------------------------------------------------ */

/** called for each entry */
typedef void (*ctw_dump_entry_fn)(const struct ctw_flow *flow, void *userdata);

/**
 * called for each message of the answer but its end
 * @message:  header included; @length bytes
 *
 * Return: 0 to go on; 1 when the dump counts as read; a negative errno.
 */
typedef int (*ctw_dump_message_fn)(const void *message, size_t length, void *userdata);

/* A dump being read. The caller sets the first five, and zeroes the rest. */
struct ctw_dump {
    uint32_t sequence;           /* of the request: other messages are ignored */
    uint32_t wanted;             /* entries after which the dump counts as read; 0: all */
    ctw_dump_entry_fn entry;     /* NULL: there are other messages than of entries: */
    ctw_dump_message_fn message; /* gets each of them */
    void *userdata;
    uint64_t entries; /* read so far */
    bool interrupted; /* entries moved meanwhile: some may be missing or counted twice */
    bool whole;       /* the end of the table was reached */
};

/**
 * ctw_dump_read() - read one datagram of a dump; malformed entries are ignored
 *
 * Return: 0 when more is to come; 1 when the dump has been read; the kernel's negative errno;
 * -EBADMSG when the datagram is malformed; what @message returned, unless that was 0.
 */
int ctw_dump_read(struct ctw_dump *d, const void *datagram, size_t length);
