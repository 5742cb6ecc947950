/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/sys/procfs.h"

#include <stddef.h>

const char *const ctw_count_paths[] = {
    "/proc/sys/net/netfilter/nf_conntrack_count",
    "/proc/sys/net/ipv4/netfilter/ip_conntrack_count",
    NULL,
};

const char *const ctw_max_paths[] = {
    "/proc/sys/net/netfilter/nf_conntrack_max",
    "/proc/sys/net/ipv4/netfilter/ip_conntrack_max",
    "/proc/sys/net/ipv4/ip_conntrack_max",
    NULL,
};
