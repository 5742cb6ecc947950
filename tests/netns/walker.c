/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * walker: a walk in an event loop, as in the daemon.
 *
 *   walker ENTRIES LIMIT_MSEC [forge]
 *
 * A timer of higher priority that is always due runs beside it, as the daemon's polls would. With
 * forge, another socket first sends an entry that is not in the table to the walk's socket. Prints
 * one line:  r=R entries=N forged=N wakeups=N
 */

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

#include "daemon/source/dump.h"

#define FORGED_PORT 9

struct seen {
    sd_event *event;
    uint64_t entries, forged, wakeups;
    int r;
};

static void on_entry(const struct ctw_flow *flow, void *userdata) {
    struct seen *seen = userdata;

    seen->entries++;
    seen->forged += flow->destination_port == FORGED_PORT;
}

static void on_done(int r, const struct ctw_walk_end *end, void *userdata) {
    struct seen *seen = userdata;

    seen->r = r < 0 ? r : end->timed_out ? -ETIMEDOUT : end->interrupted;
    (void)sd_event_exit(seen->event, 0);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata) {
    struct seen *seen = userdata;

    (void)usec;
    seen->wakeups++;
    (void)sd_event_source_set_time_relative(source, 1000);
    return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

static void put_forged_entry(struct nlmsghdr *h) {
    struct nlattr *tuple, *part;

    h->nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_NEW;
    h->nlmsg_flags = NLM_F_MULTI;
    h->nlmsg_seq = 1;
    ((struct nfgenmsg *)mnl_nlmsg_put_extra_header(h, sizeof(struct nfgenmsg)))->nfgen_family =
        AF_INET;
    tuple = mnl_attr_nest_start(h, CTA_TUPLE_ORIG);
    part = mnl_attr_nest_start(h, CTA_TUPLE_IP);
    mnl_attr_put_u32(h, CTA_IP_V4_SRC, 1);
    mnl_attr_put_u32(h, CTA_IP_V4_DST, 2);
    mnl_attr_nest_end(h, part);
    part = mnl_attr_nest_start(h, CTA_TUPLE_PROTO);
    mnl_attr_put_u8(h, CTA_PROTO_NUM, 17);
    mnl_attr_put_u16(h, CTA_PROTO_DST_PORT, (uint16_t)(FORGED_PORT << 8)); /* little-endian */
    mnl_attr_nest_end(h, part);
    mnl_attr_nest_end(h, tuple);
}

/* The walk's socket is the first of this process, so its port is the process id. */
static int forge(void) {
    const struct sockaddr_nl to = {.nl_family = AF_NETLINK, .nl_pid = (uint32_t)getpid()};
    _Alignas(struct nlmsghdr) char bytes[256];
    struct nlmsghdr *h = mnl_nlmsg_put_header(bytes);
    const int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);

    put_forged_entry(h);
    if (fd < 0 || sendto(fd, h, h->nlmsg_len, 0, (const struct sockaddr *)&to, sizeof(to)) < 0) {
        perror("walker: forging");
        return -1;
    }
    return close(fd);
}

int main(int argc, char *argv[]) {
    struct ctw_walk *walk = NULL;
    struct seen seen = {0};

    if (argc < 3)
        return 2;
    if (sd_event_default(&seen.event) < 0)
        return 1;
    int r = ctw_walk_start(seen.event, (uint32_t)strtoul(argv[1], NULL, 10),
                           strtoull(argv[2], NULL, 10) * 1000, on_entry, on_done, &seen, &walk);
    if (r < 0) {
        (void)printf("start=%s\n", strerror(-r));
        return 1;
    }
    if (argc > 3 && forge() < 0)
        return 1;
    sd_event_source *timer = NULL;
    r = sd_event_add_time_relative(seen.event, &timer, CLOCK_MONOTONIC, 0, 1, on_timer, &seen);
    if (r >= 0)
        r = sd_event_source_set_priority(timer, SD_EVENT_PRIORITY_IMPORTANT);
    if (r >= 0)
        r = sd_event_loop(seen.event);
    (void)printf("r=%s entries=%" PRIu64 " forged=%" PRIu64 " wakeups=%" PRIu64 "\n",
                 seen.r < 0   ? strerrorname_np(-seen.r)
                 : seen.r > 0 ? "1"
                              : "0",
                 seen.entries, seen.forged, seen.wakeups);
    (void)sd_event_source_unref(timer);
    (void)ctw_walk_free(walk);
    (void)sd_event_unref(seen.event);
    return r < 0;
}
