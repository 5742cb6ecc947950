/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/kernel/host.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <string.h>

#include "lib/util/parse.h"

#define BYTES_PER_KIB 1024u

uint32_t ctw_host_timeout(const struct ctw_host *host, enum ctw_timeout timeout) {
    return host && host->timeouts_sec[timeout] > 0 ? host->timeouts_sec[timeout]
                                                   : ctw_timeout_default(timeout);
}

uint32_t ctw_host_entry_most(const struct ctw_host *host) {
    return (host && host->entry_bytes > 0 ? host->entry_bytes : CTW_ENTRY_BYTES_LEAST) +
           CTW_EXTENSION_BYTES;
}

/* --- what the kernel prints ------------------------------------------------------------------- */

/* The word with that number in a line, from 0; empty when there are fewer. */
static struct ctw_piece word_at(struct ctw_piece line, unsigned number) {
    struct ctw_piece word = {0};

    for (unsigned i = 0; i <= number; i++)
        if (!ctw_piece_word(&line, &word))
            return (struct ctw_piece){0};
    return word;
}

static bool number_at(struct ctw_piece line, unsigned number, uint32_t *ret) {
    const struct ctw_piece word = word_at(line, number);
    uint64_t n;

    if (ctw_text_decimal(word.at, word.length, UINT32_MAX, &n) < 0)
        return false;
    *ret = (uint32_t)n;
    return true;
}

/* Before Linux 4.7 each namespace had a cache of its own: "nf_conntrack_1", or "nf_conntrack_" and
 * an address. "nf_conntrack_expect" is not one of them. */
static bool is_entry_slab(struct ctw_piece name) {
    if (ctw_piece_is(name, "nf_conntrack"))
        return true;
    if (!ctw_piece_take(&name, "nf_conntrack_") || name.length == 0)
        return false;
    for (size_t i = 0; i < name.length; i++)
        if (!strchr("0123456789abcdef", name.at[i]))
            return false;
    return true;
}

/*
 * # name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab> : tunables ...
 * nf_conntrack_expect      0      0    208   19    1 : tunables    0    0    0 : slabdata ...
 * nf_conntrack         102    160    256   16    1 : tunables    0    0    0 : slabdata ...
 */
uint32_t ctw_host_entry_bytes(const char *text, size_t length) {
    struct ctw_piece rest = {text, length}, line;
    uint32_t bytes = 0;

    while (ctw_piece_line(&rest, &line))
        if (is_entry_slab(word_at(line, 0)) && number_at(line, 3, &bytes))
            return bytes;
    return 0;
}

/*
 * Queue, port of its reader, packets that wait, copy mode and range, packets dropped by the kernel
 * and by the reader, last packet, 1 (seq_show() of net/netfilter/nfnetlink_queue.c):
 *
 *     5  31337 19000 2 65531     0     0    19000  1
 */
void ctw_host_read_queues(const char *text, size_t length, struct ctw_host *h) {
    struct ctw_piece rest = {text, length}, line;
    uint32_t number, held;

    h->has_queue = false;
    while (ctw_piece_line(&rest, &line)) {
        if (!number_at(line, 0, &number) || !number_at(line, 2, &held))
            continue;
        if (!h->has_queue || held > h->queue_held) {
            h->queue_number = number;
            h->queue_held = held;
        }
        h->has_queue = true;
    }
}

/* --- memory ----------------------------------------------------------------------------------- */

/*
 * MemTotal:       24622396 kB
 * MemFree:         1120148 kB
 * MemAvailable:   22350748 kB
 *
 * Reads the number of the line that starts with @name, in bytes.
 */
static int find(const char *text, size_t length, const char *name, uint64_t *ret) {
    struct ctw_piece rest = {text, length}, line, number;
    uint64_t kib;

    while (ctw_piece_line(&rest, &line)) {
        if (!ctw_piece_take(&line, name))
            continue;
        if (!ctw_piece_word(&line, &number) || !ctw_piece_is(line, " kB") ||
            ctw_text_decimal(number.at, number.length, UINT64_MAX / BYTES_PER_KIB, &kib) < 0)
            return -EBADMSG;
        *ret = kib * BYTES_PER_KIB;
        return 0;
    }
    return -ENOENT;
}

static uint64_t add_up_to(uint64_t most, uint64_t a, uint64_t b) {
    return a > most || b > most - a ? most : a + b;
}

/* At most @total. Return: as find(); -ENOENT: there is not even MemFree. */
static int estimate_available(const char *text, size_t length, uint64_t total, uint64_t *ret) {
    uint64_t free, cached = 0, shmem = 0, reclaimable = 0;

    const int r = find(text, length, "MemFree:", &free);
    if (r < 0)
        return r;
    if (find(text, length, "Cached:", &cached) == -EBADMSG ||
        find(text, length, "Shmem:", &shmem) == -EBADMSG ||
        find(text, length, "SReclaimable:", &reclaimable) == -EBADMSG)
        return -EBADMSG;
    *ret = add_up_to(total, free, cached > shmem ? cached - shmem : 0);
    *ret = add_up_to(total, *ret, reclaimable);
    return 0;
}

int ctw_memory_parse(const char *text, size_t length, struct ctw_memory *ret) {
    struct ctw_memory m = {0};

    if (find(text, length, "MemTotal:", &m.total_bytes) < 0)
        return -EBADMSG;
    int r = find(text, length, "MemAvailable:", &m.available_bytes);
    if (r == -ENOENT) {
        r = estimate_available(text, length, m.total_bytes, &m.available_bytes);
        m.estimated = r == 0;
    }
    if (r == -EBADMSG)
        return r;
    m.has_available = r == 0;
    *ret = m;
    return 0;
}

/* --- expectations ----------------------------------------------------------------------------- */

/* Names reach a terminal and a command: letters, digits, '-', '_' and '.' only. */
static bool is_name(struct ctw_piece name) {
    for (size_t i = 0; i < name.length; i++) {
        const char c = name.at[i], lower = (char)(c | 0x20);
        if (!(lower >= 'a' && lower <= 'z') && !(c >= '0' && c <= '9') && c != '-' && c != '_' &&
            c != '.')
            return false;
    }
    return name.length > 0 && name.length < CTW_HELPER_NAME_MAX;
}

static void count(struct ctw_expectations *e, struct ctw_piece helper) {
    e->n += e->n < UINT32_MAX;
    if (!is_name(helper))
        return;
    for (size_t i = 0; i < CTW_HELPERS_MAX; i++) {
        struct ctw_helper_count *h = &e->helpers[i];
        if (h->n == 0)
            memcpy(h->name, helper.at, helper.length);
        if (ctw_piece_is(helper, h->name)) {
            h->n++;
            return;
        }
    }
}

int ctw_expectations_add(struct ctw_expectations *e, const void *message, size_t length) {
    const struct nlmsghdr *header = message;
    struct ctw_piece helper = {0};

    if (length < sizeof(*header) || header->nlmsg_len > length ||
        header->nlmsg_len < mnl_nlmsg_size(MNL_ALIGN(sizeof(struct nfgenmsg))))
        return -EBADMSG;
    if (header->nlmsg_type != (NFNL_SUBSYS_CTNETLINK_EXP << 8 | IPCTNL_MSG_EXP_NEW))
        return -ENOMSG;
    const struct nlattr *a = mnl_nlmsg_get_payload_offset(header, sizeof(struct nfgenmsg));
    const char *end = (const char *)header + header->nlmsg_len;
    for (; mnl_attr_ok(a, (int)(end - (const char *)a)); a = mnl_attr_next(a))
        if (mnl_attr_get_type(a) == CTA_EXPECT_HELP_NAME) {
            helper.at = mnl_attr_get_payload(a);
            helper.length = strnlen(helper.at, mnl_attr_get_payload_len(a));
        }
    count(e, helper);
    return 0;
}

/*
 * The last word is the helper, before 2.6.3x it was missing:
 *
 * 297 l3proto = 2 proto=6 src=192.0.2.1 dst=192.0.2.2 sport=0 dport=40001 ftp
 * 180 l3proto = 2 proto=17 src=192.0.2.1 dst=192.0.2.2 sport=0 dport=4000 PERMANENT sip/audio
 */
void ctw_expectations_parse(struct ctw_expectations *e, const char *text, size_t length) {
    struct ctw_piece rest = {text, length}, line, word, last;

    while (ctw_piece_line(&rest, &line)) {
        for (last = (struct ctw_piece){0}; ctw_piece_word(&line, &word);)
            last = word;
        if (last.length == 0)
            continue;
        const char *slash = memchr(last.at, '/', last.length);
        if (slash)
            last.length = (size_t)(slash - last.at);
        count(e, last);
    }
}

void ctw_host_set_expectations(struct ctw_host *h, const struct ctw_expectations *e) {
    const struct ctw_helper_count *most = &e->helpers[0];

    for (size_t i = 1; i < CTW_HELPERS_MAX; i++)
        if (e->helpers[i].n > most->n)
            most = &e->helpers[i];
    h->has_expectations = true;
    h->expectations = e->n;
    memcpy(h->expect_helper, most->name, sizeof(h->expect_helper));
}
