/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The filter language of `ctwatch flows`, `events` and `top`: text, parsed into a program of fixed
 * size, which decides about one entry or event at a time.
 *
 *   src 10.0.0.0/8 and tcp dport 443 and not assured
 *   net 2001:db8::/32 or (mark 0x10/0xf0 and state ESTABLISHED,TIME_WAIT)
 *
 * The language is described in ctwatch(8), section FILTERS. Two rules are worth knowing here: words
 * side by side are one condition, which `not` takes as a whole; and host, net and port match either
 * end, and where a flow is NATed either end of its replies, too.
 *
 * What the kernel can check by itself is described by ctw_filter_for_kernel(). The kernel may let
 * more through than the filter, never less: the decision is always ctw_filter_match().
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/kernel/flow.h"
#include "lib/util/strbuf.h"

#define CTW_FILTER_TEXT_MAX  4096u /* bytes of a filter's text */
#define CTW_FILTER_DEPTH_MAX 32u   /* parentheses and nots within each other */
#define CTW_FILTER_NODES_MAX 512u  /* conditions, and words that join them */

enum ctw_filter_kind {
    CTW_FILTER_ALL, /* no condition */
    CTW_FILTER_AND, /* of `first` and those that follow it */
    CTW_FILTER_OR,
    CTW_FILTER_NOT, /* of `first` */
    CTW_FILTER_FAMILY,
    CTW_FILTER_PROTOCOL,
    CTW_FILTER_ADDRESS, /* of an end */
    CTW_FILTER_PORT,    /* of an end */
    CTW_FILTER_STATUS,  /* any of some bits is set */
    CTW_FILTER_STATE,
    CTW_FILTER_ZONE,
    CTW_FILTER_MARK,
    CTW_FILTER_LABEL,
    CTW_FILTER_HELPER,
    CTW_FILTER_TIMEOUT,
    CTW_FILTER_BYTES,
    CTW_FILTER_PACKETS,
};

/* An end of a flow: of the packets that opened it, or of those that answer. */
enum ctw_filter_end {
    CTW_FILTER_SOURCE,
    CTW_FILTER_DESTINATION,
    CTW_FILTER_REPLY_SOURCE,
    CTW_FILTER_REPLY_DESTINATION,
    CTW_FILTER_EITHER, /* source or destination; of a NATed flow any of the four */
};

struct ctw_filter_prefix {
    uint8_t family, length; /* of the prefix, in bits */
    uint8_t address[16];    /* network order; bits behind the prefix are 0 */
};

struct ctw_filter_node {
    uint8_t kind;   /* enum ctw_filter_kind */
    uint8_t end;    /* enum ctw_filter_end, of an address or port */
    uint16_t first; /* of AND, OR, NOT: the first node within; the others follow by `next` */
    uint16_t next;  /* the next node within the same AND or OR; 0: none */
    union {
        struct {
            uint64_t min, max;
        } range; /* port, zone, timeout in seconds, bytes, packets; family, protocol: one value */
        struct {
            uint32_t value, mask;
        } bits; /* mark; status: only the mask */
        struct ctw_filter_prefix prefix;
        struct {
            uint16_t tcp, sctp, dccp; /* bit n: the state of that number */
        } states;
        uint8_t label; /* bit, 0 to 127 */
        char helper[CTW_FLOW_HELPER_MAX];
    };
};

/* A program: a tree in an array. */
struct ctw_filter {
    uint16_t root;
    uint16_t n; /* nodes in use; node 0 is unused */
    struct ctw_filter_node nodes[CTW_FILTER_NODES_MAX + 1];
};

/* --- text ------------------------------------------------------------------------------------- */

/**
 * the bit of a label's name, as connlabel.conf has it
 *
 * Return: 0 to 127; a negative value: there is no such name.
 */
typedef int (*ctw_filter_label_fn)(const char *name, void *userdata);

struct ctw_filter_error {
    size_t offset, length;   /* the word in the text; the length is 0 at its end */
    struct ctw_line message; /* "word '10.0.0.0/33': is no address: 10.0.0.1, 10.0.0.0/8, ..." */
};

/**
 * ctw_filter_parse() - read a filter
 * @text:    any bytes
 * @length:  bytes in @text
 * @label:   NULL: labels have only numbers
 * @ret:     set only on success
 * @reterr:  set only on failure
 *
 * Return: 0; -EINVAL.
 */
int ctw_filter_parse(const char *text, size_t length, ctw_filter_label_fn label, void *userdata,
                     struct ctw_filter *ret, struct ctw_filter_error *reterr);

/** ctw_filter_all() - the filter that every entry matches */
void ctw_filter_all(struct ctw_filter *ret);

/* --- the decision ----------------------------------------------------------------------------- */

enum ctw_filter_verdict {
    CTW_FILTER_NO,
    CTW_FILTER_YES,
    CTW_FILTER_UNKNOWN, /* depends on the details; only where they were not given */
};

/**
 * ctw_filter_match() - whether an entry or event matches
 * @details:  NULL: decide without them if possible. Most entries can be, so parse them only after
 *            CTW_FILTER_UNKNOWN.
 */
enum ctw_filter_verdict ctw_filter_match(const struct ctw_filter *f, const struct ctw_flow *flow,
                                         const struct ctw_flow_details *details);

/** ctw_filter_matches() - the same for a message, of which ctw_flow_parse() has read @flow; the
 * details are read where they are needed. One whose details are malformed does not match. */
bool ctw_filter_matches(const struct ctw_filter *f, const struct ctw_flow *flow,
                        const void *message);

/* --- what the kernel can check ---------------------------------------------------------------- */

/*
 * For the request of a dump. Older kernels ignore what they do not know: family and mark are
 * checked since 2.6.x and 3.9, the tuple since 5.8, status since 5.15, zone since 6.8; a kernel
 * without marks refuses them with -EOPNOTSUPP. IPv6 addresses are of no use there: Linux lets
 * through all but those that are equal (ctnetlink_filter_match_tuple()). Nor is the reply's tuple,
 * whose flags Linux 5.8 mistook: it is not described.
 *
 * A dump that few entries match holds a CPU while the kernel searches: use this only for tables
 * below CTW_FILTER_DUMP_ENTRIES_MAX entries.
 *
 * For struct nfct_filter on a socket of events, whose program in BPF has jumps of 8 bits, and of
 * several IPv6 addresses takes only the first, so there is at most one address an end, and a few
 * protocols.
 */
#define CTW_FILTER_DUMP_ENTRIES_MAX 100000u
#define CTW_FILTER_PROTOCOLS_MAX    8u

struct ctw_filter_kernel {
    bool nothing;        /* no entry can match */
    uint8_t family;      /* AF_INET, AF_INET6; 0: both */
    uint8_t n_protocols; /* 0: any, or too many */
    uint8_t protocols[CTW_FILTER_PROTOCOLS_MAX];
    uint16_t tcp_states;                    /* bit n is state n; 0: any; not in a dump */
    uint32_t mark, mark_mask;               /* mask 0: any */
    uint32_t status, status_mask;           /* mask 0: any; only in a dump, as what follows is */
    uint16_t zone;                          /* 0: any */
    uint16_t source_port, destination_port; /* host order; 0: any; only of TCP and UDP */
    /* Of this family. Bits that an address may have either way are 0 in its mask. */
    uint8_t source[16], source_mask[16];
    uint8_t destination[16], destination_mask[16];
};

/** ctw_filter_for_kernel() - what every entry that the filter matches has */
void ctw_filter_for_kernel(const struct ctw_filter *f, struct ctw_filter_kernel *ret);
