/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The kernel log: the meaning of a /dev/kmsg record for a conntrack table, and counts of them. */

#include <stddef.h>
#include <stdint.h>

/* One read() returns one record, at most this long (PRINTK_MESSAGE_MAX, kernel/printk/internal.h:
 * 2048 of text, every byte escaped to four). A shorter buffer loses the record (EINVAL). */
#define CTW_KMSG_RECORD_MAX 8192

enum ctw_kmsg_kind {
    CTW_KMSG_OTHER,       /* not about conntrack, or not from the kernel itself */
    CTW_KMSG_TABLE_FULL,  /* new connections are being dropped */
    CTW_KMSG_EXPECT_FULL, /* the expectation table is full: helpers (FTP, SIP), not the main table
                           */
    CTW_KMSG_SUPPRESSED,  /* the kernel's own rate limit suppressed messages */
};

struct ctw_kmsg {
    enum ctw_kmsg_kind kind;
    uint64_t sequence;    /* +1 per record; a jump means records were overwritten unread */
    uint64_t usec;        /* since boot, of local_clock(): close to, but not, CLOCK_MONOTONIC */
    uint64_t netns_inode; /* TABLE_FULL: of the namespace named (>= 6.17); 0: none is named */
    uint32_t suppressed;  /* SUPPRESSED: messages, of any user of the rate limit */
};

/**
 * ctw_kmsg_parse() - read one record
 * @ret:  set only on success. Kind OTHER for each facility but 0 (kernel): processes can write to
 *        /dev/kmsg, but never with facility 0, so they cannot forge a loss line.
 *
 * Return: 0; -EBADMSG when the bytes are no record.
 */
int ctw_kmsg_parse(const char *record, size_t length, struct ctw_kmsg *ret);

/* Namespaces with a count of their own; the lines of others are counted together. */
#define CTW_LOG_COUNTS_NETNS_MAX 8

/* The lines of the kernel log between two polls. */
struct ctw_log_counts {
    uint32_t full_lines;   /* table full, no namespace named */
    uint32_t expect_lines; /* expectation table full */
    uint64_t suppressed;   /* messages suppressed by the kernel's rate limit, of any user of it */
    uint64_t lost_records; /* overwritten before they were read */
    uint64_t last_usec;    /* of the newest table-full line; 0: there was none */
    struct ctw_log_counts_netns {
        uint64_t inode;
        uint32_t lines;
    } netns[CTW_LOG_COUNTS_NETNS_MAX]; /* table full, namespace named */
    uint32_t n_netns;
    uint32_t other_netns_lines; /* table full, of namespaces beyond CTW_LOG_COUNTS_NETNS_MAX */
};

/** ctw_log_counts_add() - count one record */
void ctw_log_counts_add(struct ctw_log_counts *t, const struct ctw_kmsg *record);
