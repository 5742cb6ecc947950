/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/kernel/counters.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <stdbool.h>
#include <string.h>

#include "lib/util/parse.h"

/* A value is a u32 printed as %08x. */
#define DIGITS_MAX 8

/* Each counter with its names in /proc and in netlink. */
enum counter { DROP, EARLY_DROP, INSERT_FAILED, CHAINLENGTH, ENTRIES, COUNTERS };

/* Netlink has the entries elsewhere. */
#define NO_ATTRIBUTE UINT16_MAX

static const struct {
    const char *column;
    uint16_t attribute;
} names[COUNTERS] = {
    [DROP] = {"drop", CTA_STATS_DROP},
    [EARLY_DROP] = {"early_drop", CTA_STATS_EARLY_DROP},
    [INSERT_FAILED] = {"insert_failed", CTA_STATS_INSERT_FAILED},
    [CHAINLENGTH] = {"chainlength", CTA_STATS_CHAIN_TOOLONG},
    [ENTRIES] = {"entries", NO_ATTRIBUTE},
};

static void add(struct ctw_counters *sum, const uint32_t values[static COUNTERS]) {
    sum->drop += values[DROP];
    sum->early_drop += values[EARLY_DROP];
    sum->insert_failed += values[INSERT_FAILED];
    sum->chainlength += values[CHAINLENGTH];
    sum->cpus++;
}

/* The kernel has 17 columns; those beyond are ignored. */
#define COLUMNS_MAX 64

struct header {
    size_t columns;
    bool has[COUNTERS];         /* this kernel has a column of that name */
    uint8_t which[COLUMNS_MAX]; /* the counter of each column; COUNTERS: none */
};

static void read_header(struct ctw_piece line, struct header *ret) {
    *ret = (struct header){0};
    memset(ret->which, COUNTERS, sizeof(ret->which));
    for (struct ctw_piece word; ctw_piece_word(&line, &word); ret->columns++)
        for (uint8_t i = 0; i < COUNTERS && ret->columns < COLUMNS_MAX; i++)
            if (ctw_piece_is(word, names[i].column)) {
                ret->which[ret->columns] = i;
                ret->has[i] = true;
            }
}

/* "0000039a" */
static bool read_hexadecimal(struct ctw_piece word, uint32_t *ret) {
    *ret = 0;
    for (size_t i = 0; i < word.length; i++) {
        const uint32_t decimal = (uint32_t)(unsigned char)word.at[i] - '0';
        const uint32_t letter = (uint32_t)(unsigned char)word.at[i] - 'a';
        if (decimal > 9 && letter > 5)
            return false;
        *ret = *ret << 4 | (decimal <= 9 ? decimal : letter + 10);
    }
    return word.length <= DIGITS_MAX;
}

/* One CPU's line. It may have more words than the header; with fewer it was truncated. */
static bool add_line(const struct header *header, struct ctw_piece line, struct ctw_counters *sum,
                     uint32_t *ret_entries) {
    uint32_t values[COUNTERS + 1] = {0}; /* the last one is of no counter */
    size_t column = 0;

    for (struct ctw_piece word; ctw_piece_word(&line, &word); column++)
        if (!read_hexadecimal(word,
                              &values[column < COLUMNS_MAX ? header->which[column] : COUNTERS]))
            return false;
    if (column < header->columns)
        return false;
    add(sum, values);
    *ret_entries = values[ENTRIES];
    return true;
}

/*
 * Linux 6.18 with two CPUs, its lines folded; before 5.9 `clashres` was called `searched`, before
 * 5.15 `chainlength` was `delete_list`, and a 2.6 line ends in a blank.
 *
 *   entries  clashres found new invalid ignore delete chainlength insert insert_failed drop
 *       early_drop icmp_error  expect_new expect_create expect_delete search_restart
 *   00000400  00000000 00000000 00000000 00000001 00000000 00000000 00000000 00000000 00000000
 *       000003e8 00000000 00000000  00000000 00000000 00000000 00000000
 *   00000400  00000000 ...
 */
static int parse(const char *text, size_t length, bool need_entries, struct ctw_counters *ret,
                 uint32_t *ret_entries) {
    struct ctw_piece rest = {text, length}, line;
    struct ctw_counters sum = {0};
    struct header header;
    uint32_t entries = 0;

    if (!ctw_piece_line(&rest, &line))
        return -EBADMSG;
    read_header(line, &header);
    if (!header.has[DROP] || (need_entries && !header.has[ENTRIES]) || rest.length == 0)
        return -EBADMSG;
    sum.has_chainlength = header.has[CHAINLENGTH];

    while (rest.length > 0)
        if (!ctw_piece_line(&rest, &line) || !add_line(&header, line, &sum, &entries))
            return -EBADMSG;

    *ret = sum;
    *ret_entries = entries;
    return 0;
}

int ctw_counters_parse(const char *text, size_t length, struct ctw_counters *ret) {
    uint32_t entries;

    return parse(text, length, false, ret, &entries);
}

int ctw_counters_parse_entries(const char *text, size_t length, struct ctw_counters *ret,
                               uint32_t *ret_entries) {
    return parse(text, length, true, ret, ret_entries);
}

/* The attributes of one message. It is malformed when bytes follow the last whole attribute. */
static bool read_attributes(const struct nlmsghdr *header, uint32_t ret[static COUNTERS],
                            bool *ret_has_chainlength) {
    const struct nlattr *attribute = mnl_nlmsg_get_payload_offset(header, sizeof(struct nfgenmsg));
    const char *end = (const char *)header + header->nlmsg_len;

    while (mnl_attr_ok(attribute, (int)(end - (const char *)attribute))) {
        for (size_t i = 0; i < COUNTERS; i++) {
            if (mnl_attr_get_type(attribute) != names[i].attribute)
                continue;
            if (mnl_attr_get_payload_len(attribute) != sizeof(uint32_t))
                return false;
            ret[i] = ntohl(mnl_attr_get_u32(attribute));
            *ret_has_chainlength |= i == CHAINLENGTH;
        }
        attribute = mnl_attr_next(attribute);
    }
    return (const char *)attribute >= end;
}

/*
 * nlmsghdr { len 100, type 0x104, flags MULTI, seq, portid }, nfgenmsg { family, version, res_id =
 * the CPU }, then attributes of eight bytes: length 8, type CTA_STATS_*, a big-endian u32.
 */
int ctw_counters_add_netlink(const void *message, size_t length, struct ctw_counters *sum) {
    const struct nlmsghdr *header = message;
    uint32_t values[COUNTERS] = {0};
    bool has_chainlength = false;

    if (length < sizeof(*header) || header->nlmsg_len > length ||
        header->nlmsg_len < mnl_nlmsg_size(MNL_ALIGN(sizeof(struct nfgenmsg))))
        return -EBADMSG;
    if (header->nlmsg_type != ((NFNL_SUBSYS_CTNETLINK << 8) | IPCTNL_MSG_CT_GET_STATS_CPU))
        return -EBADMSG;
    if (!read_attributes(header, values, &has_chainlength))
        return -EBADMSG;

    add(sum, values);
    sum->has_chainlength |= has_chainlength;
    return 0;
}
