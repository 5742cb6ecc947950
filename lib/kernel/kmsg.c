/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/kernel/kmsg.h"

#include <errno.h>
#include <string.h>

#include "lib/util/parse.h"

/*
 * A record is one header line, and possibly dictionary lines, which are ignored:
 *
 *   4,352,979882514,-;nf_conntrack: nf_conntrack: table full, dropping packet
 *   4,353,979882519,-,caller=T123;net_ratelimit: 90 callbacks suppressed
 *   6,1203,1653422,-;usb 1-1: New USB device found
 *    SUBSYSTEM=usb
 *    DEVICE=c189:1
 *
 * Before the semicolon: facility * 8 + level, sequence, microseconds since boot, flags, and fields
 * that later kernels add. Control and non-ASCII bytes of the text are escaped as \xNN.
 */

/* Older kernels end some lines with a dot; nothing else follows. */
static bool at_end(struct ctw_piece s) {
    (void)ctw_piece_take(&s, ".");
    return s.length == 0;
}

/*
 * The forms of the table-full line, by age. The name is doubled where the kernel's pr_fmt() adds it
 * to a text that has it already (4.x and later).
 *
 *   ip_conntrack: maximum limit of 8192 entries exceeded                          2.3, early 2.4
 *   ip_conntrack: table full, dropping packet.                                    2.4 - 2.6
 *   nf_conntrack: table full, dropping packet.                                    2.6.15 - 3.4
 *   nf_conntrack: table full, dropping packet                                     3.5
 *   nf_conntrack: nf_conntrack: table full, dropping packet                       4.x -
 *   nf_conntrack: nf_conntrack: table full in netns 4026532246, dropping packet   6.17 -
 *   nf_conntrack: expectation table full                                          all
 *
 * The text is matched from its first byte, because other kernel lines quote foreign text: a USB
 * device may be named "nf_conntrack: table full, dropping packet".
 */
static bool take_conntrack(struct ctw_piece *s) {
    const char *name = "nf_conntrack: ";

    if (!ctw_piece_take(s, name)) {
        name = "ip_conntrack: ";
        if (!ctw_piece_take(s, name))
            return false;
    }
    (void)ctw_piece_take(s, name);
    return true;
}

static bool is_table_full(struct ctw_piece s, uint64_t *ret_inode) {
    uint64_t inode = 0, limit;

    if (ctw_piece_take(&s, "table full")) {
        if (ctw_piece_take(&s, " in netns ") && !ctw_piece_number(&s, UINT64_MAX, &inode))
            return false;
        if (!ctw_piece_take(&s, ", dropping packet"))
            return false;
    } else if (!ctw_piece_take(&s, "maximum limit of ") ||
               !ctw_piece_number(&s, UINT32_MAX, &limit) ||
               !ctw_piece_take(&s, " entries exceeded")) {
        return false;
    }
    if (!at_end(s))
        return false;
    *ret_inode = inode;
    return true;
}

static bool is_expect_full(struct ctw_piece s) {
    return ctw_piece_take(&s, "expectation table full") && at_end(s);
}

/*
 * The lines of the rate limit, by age. Rate limits of other names are other ones.
 *
 *   NET: 12 messages suppressed.                2.4
 *   printk: 12 messages suppressed.             2.6
 *   __ratelimit: 12 messages suppressed         2.6.27
 *   __ratelimit: 12 callbacks suppressed        2.6.28 - 2.6.32
 *   net_ratelimit: 12 callbacks suppressed      2.6.33 -
 */
static bool is_suppressed(struct ctw_piece s, uint32_t *ret_suppressed) {
    static const struct {
        const char *before, *after;
    } spellings[] = {
        {"NET: ", " messages suppressed"},
        {"printk: ", " messages suppressed"},
        {"__ratelimit: ", " messages suppressed"},
        {"__ratelimit: ", " callbacks suppressed"},
        {"net_ratelimit: ", " callbacks suppressed"},
    };

    for (size_t i = 0; i < sizeof(spellings) / sizeof(spellings[0]); i++) {
        struct ctw_piece rest = s;
        uint64_t n;

        if (ctw_piece_take(&rest, spellings[i].before) && ctw_piece_number(&rest, UINT32_MAX, &n) &&
            ctw_piece_take(&rest, spellings[i].after) && at_end(rest)) {
            *ret_suppressed = (uint32_t)n;
            return true;
        }
    }
    return false;
}

static void classify(struct ctw_piece text, struct ctw_kmsg *k) {
    struct ctw_piece rest = text;

    if (is_suppressed(text, &k->suppressed))
        k->kind = CTW_KMSG_SUPPRESSED;
    else if (!take_conntrack(&rest))
        k->kind = CTW_KMSG_OTHER;
    else if (is_table_full(rest, &k->netns_inode))
        k->kind = CTW_KMSG_TABLE_FULL;
    else if (is_expect_full(rest))
        k->kind = CTW_KMSG_EXPECT_FULL;
}

/* Flags ("-", "c", "+") and further fields ("caller=T123") do not change the meaning. */
static bool take_flags(struct ctw_piece *s) {
    const char *semicolon = memchr(s->at, ';', s->length);

    if (!semicolon || semicolon == s->at)
        return false;
    s->length -= (size_t)(semicolon + 1 - s->at);
    s->at = semicolon + 1;
    return true;
}

int ctw_kmsg_parse(const char *record, size_t length, struct ctw_kmsg *ret) {
    struct ctw_kmsg k = {.kind = CTW_KMSG_OTHER};
    struct ctw_piece rest = {record, length}, line = rest;
    uint64_t priority;

    (void)ctw_piece_line(&rest, &line); /* the last line need not end in a newline */
    if (!ctw_piece_number(&line, UINT32_MAX, &priority) || !ctw_piece_take(&line, ",") ||
        !ctw_piece_number(&line, UINT64_MAX, &k.sequence) || !ctw_piece_take(&line, ",") ||
        !ctw_piece_number(&line, UINT64_MAX, &k.usec) || !ctw_piece_take(&line, ",") ||
        !take_flags(&line))
        return -EBADMSG;

    if (priority >> 3 == 0)
        classify(line, &k);
    *ret = k;
    return 0;
}

static void add_netns_line(struct ctw_log_counts *t, uint64_t inode) {
    for (uint32_t i = 0; i < t->n_netns; i++)
        if (t->netns[i].inode == inode) {
            t->netns[i].lines++;
            return;
        }
    if (t->n_netns == CTW_LOG_COUNTS_NETNS_MAX) {
        t->other_netns_lines++;
        return;
    }
    t->netns[t->n_netns++] = (struct ctw_log_counts_netns){.inode = inode, .lines = 1};
}

static void add_full_line(struct ctw_log_counts *t, const struct ctw_kmsg *record) {
    if (record->netns_inode)
        add_netns_line(t, record->netns_inode);
    else
        t->full_lines++;
    /* CPUs may finish their records out of order, so the last one need not be the newest. */
    if (record->usec > t->last_usec)
        t->last_usec = record->usec;
}

void ctw_log_counts_add(struct ctw_log_counts *t, const struct ctw_kmsg *record) {
    switch (record->kind) {
    case CTW_KMSG_OTHER: break;
    case CTW_KMSG_TABLE_FULL: add_full_line(t, record); break;
    case CTW_KMSG_EXPECT_FULL: t->expect_lines++; break;
    case CTW_KMSG_SUPPRESSED: t->suppressed += record->suppressed; break;
    }
}
