/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "growth_words.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

static const char *why(enum ctw_growth_reason reason) {
    switch (reason) {
    case CTW_GROWTH_FILL:
        return "growth.at was reached";
    case CTW_GROWTH_BURST:
        return "at this rate it would have been full within 200 ms";
    case CTW_GROWTH_RESERVE:
        return "less was free than a burst at poll.worst_rate takes in 100 ms";
    case CTW_GROWTH_KEPT:
        return "it had grown so far before the last boot";
    case CTW_GROWTH_STARTUP:
        return "so many are needed for what it may grow to";
    }
    return "";
}

/* "max from 65536 to 131072, buckets from 65536 to 262144" */
static void add_change(struct ctw_line *l, const struct ctw_alert *a) {
    if (a->max_changed)
        ctw_line_add(l, "max from %" PRIu32 " to %" PRIu32, a->old_max, a->new_max);
    if (a->max_changed && a->buckets_changed)
        ctw_line_add(l, ", ");
    if (a->buckets_changed)
        ctw_line_add(l, "buckets from %" PRIu32 " to %" PRIu32, a->old_buckets, a->new_buckets);
}

static void add_present(struct ctw_line *l, const struct ctw_alert *a) {
    if (!a->has_table)
        return;
    ctw_line_add(l, " (%" PRIu32 " entries", a->table.count);
    if (a->has_rate && a->rate > 0)
        ctw_line_add(l, ", filling at %" PRId64 " entries/s", a->rate);
    ctw_line_add(l, ")");
}

static void say_grew(struct ctw_line *l, const struct ctw_alert *a, const char *what) {
    ctw_line_add(l, "%s ", what);
    add_change(l, a);
    ctw_line_add(l, ": %s", why(a->growth_reason));
    add_present(l, a);
    if (a->stall_usec != 0)
        ctw_line_add(l, "; changing the buckets took %" PRIu64 " ms", a->stall_usec / 1000);
    ctw_line_add(l, ".");
}

static void add_error(struct ctw_line *l, const struct ctw_alert *a) {
    if (a->growth_path)
        ctw_line_add(l, "%s: ", a->growth_path);
    if (a->growth_error == -EPROTO)
        ctw_line_add(l, "the write succeeded and changed nothing");
    else if (a->growth_error == -EBADMSG || a->growth_error == -EPROTONOSUPPORT)
        ctw_line_add(l, "content not understood");
    else if (a->growth_error != 0)
        ctw_line_add(l, "%s", strerror(-a->growth_error));
}

static void add_ceiling(struct ctw_line *l, const struct ctw_alert *a) {
    ctw_line_add(l, "its ceiling of %" PRIu32 " is set by ", a->ceiling);
    switch (a->bound) {
    case CTW_BOUND_SETTING:
    case CTW_BOUND_MEMORY:
    case CTW_BOUND_AVAILABLE:
        ctw_line_add(l, "%s", ctw_growth_bound_name(a->bound));
        break;
    case CTW_BOUND_BUCKETS:
        ctw_line_add(l, "the number of buckets");
        break;
    case CTW_BOUND_KERNEL:
        ctw_line_add(l, "the kernel");
        break;
    }
}

static void say_refused(struct ctw_line *l, const struct ctw_alert *a) {
    if (a->edge == CTW_EDGE_END) {
        ctw_line_add(l, "Conntrack table need not grow any more, or can again");
        add_present(l, a);
        ctw_line_add(l, ".");
        return;
    }
    if (a->growth_refusal == CTW_GROWTH_NOT_KEPT) {
        ctw_line_add(l, "Grown conntrack limits are not kept for the next boot: ");
        add_error(l, a);
        ctw_line_add(l, ".");
        return;
    }
    ctw_line_add(l,
                 "Conntrack table %scannot grow: ", a->edge == CTW_EDGE_REMINDER ? "still " : "");
    switch (a->growth_refusal) {
    case CTW_GROWTH_AT_CEILING:
    case CTW_GROWTH_NO_MEMORY:
        add_ceiling(l, a);
        break;
    case CTW_GROWTH_TOO_FEW_BUCKETS:
        if (a->growth_error != 0)
            add_error(l, a);
        else
            add_ceiling(l, a);
        break;
    case CTW_GROWTH_FOREIGN_WRITER:
        ctw_line_add(l, "another program keeps lowering max, and it was raised again three times "
                        "within the hour");
        break;
    case CTW_GROWTH_CHILD_NAMESPACE:
        ctw_line_add(l, "the limit belongs to the initial network namespace, and this is another");
        break;
    case CTW_GROWTH_NOT_PERMITTED:
    case CTW_GROWTH_WRITE_FAILED:
        add_error(l, a);
        break;
    case CTW_GROWTH_NOT_REFUSED:
    case CTW_GROWTH_DISABLED:
    case CTW_GROWTH_UNLIMITED:
    case CTW_GROWTH_NOT_KEPT:
        ctw_line_add(l, "%s", ctw_growth_refusal_name(a->growth_refusal));
        break;
    }
    add_present(l, a);
    ctw_line_add(l, ".");
}

void ctw_growth_sentence(const struct ctw_alert *a, struct ctw_line *l) {
    if (a->kind == CTW_ALERT_GROWTH_REFUSED)
        say_refused(l, a);
    else if (a->kind == CTW_ALERT_GREW)
        say_grew(l, a, "Conntrack table grown,");
    else if (a->edge == CTW_EDGE_END)
        ctw_line_add(l, "Dry run: the conntrack table would not have to grow any more.");
    else
        say_grew(l, a, "Dry run: the conntrack table would be grown,");
}

/* --- the next step ---------------------------------------------------------------------------- */

static void keep_it(struct ctw_line *l, const struct ctw_alert *a) {
    ctw_line_add(l, "To have it from the next boot on, without ctwatchd: ");
    if (a->max_changed)
        ctw_line_add(l, "net.netfilter.nf_conntrack_max = %" PRIu32 " in /etc/sysctl.d",
                     a->new_max);
    if (a->max_changed && a->buckets_changed)
        ctw_line_add(l, ", ");
    if (a->buckets_changed)
        ctw_line_add(l,
                     "options nf_conntrack hashsize=%" PRIu32 " in /etc/modprobe.d "
                     "(net.netfilter.nf_conntrack_buckets in /etc/sysctl.d where it is built in)",
                     a->new_buckets);
    ctw_line_add(l, "; or growth.persist = true in ctwatch.conf");
}

static void raise_ceiling(struct ctw_line *l, const struct ctw_alert *a) {
    switch (a->bound) {
    case CTW_BOUND_SETTING:
        ctw_line_add(l, "Raise growth.ceiling in ctwatch.conf; ");
        break;
    case CTW_BOUND_MEMORY:
        ctw_line_add(l, "Raise growth.memory in ctwatch.conf; ");
        break;
    case CTW_BOUND_AVAILABLE:
        ctw_line_add(l, "free -m and slabtop show what takes the memory; ");
        break;
    case CTW_BOUND_BUCKETS:
        ctw_line_add(l, "In a quiet moment sysctl -w net.netfilter.nf_conntrack_buckets=N, a "
                        "quarter of the max that is wanted (stalls packets for 0.4 us per entry), "
                        "or growth.buckets = \"always\" in ctwatch.conf; ");
        break;
    case CTW_BOUND_KERNEL:
        break;
    }
    ctw_line_add(l, "conntrack -L shows what fills the table");
}

static void get_permission(struct ctw_line *l, const struct ctw_alert *a) {
    if (a->growth_error == -EROFS)
        ctw_line_add(l, "systemctl cat ctwatch: the unit needs "
                        "ReadWritePaths=/proc/sys/net/netfilter; in a container /proc/sys must be "
                        "writable, or ctwatchd run on the host");
    else
        ctw_line_add(l, "systemctl cat ctwatch: AmbientCapabilities= and CapabilityBoundingSet= "
                        "must hold CAP_NET_ADMIN; in a container that is not enough, run ctwatchd "
                        "on the host");
}

void ctw_growth_remedy(const struct ctw_alert *a, struct ctw_line *l) {
    if (a->kind == CTW_ALERT_GREW) {
        if (a->growth_reason != CTW_GROWTH_KEPT)
            keep_it(l, a);
        return;
    }
    if (a->kind == CTW_ALERT_GROWTH_DRY_RUN) {
        ctw_line_add(l, "growth.enabled = true and growth.dry_run = false in ctwatch.conf, then "
                        "systemctl reload ctwatch, to have it done");
        return;
    }
    switch (a->growth_refusal) {
    case CTW_GROWTH_AT_CEILING:
    case CTW_GROWTH_NO_MEMORY:
    case CTW_GROWTH_TOO_FEW_BUCKETS:
        raise_ceiling(l, a);
        break;
    case CTW_GROWTH_FOREIGN_WRITER:
        ctw_line_add(l, "Find the writer (grep -r nf_conntrack /etc/sysctl.d; kube-proxy sets it "
                        "as well, --conntrack-max-per-core=0 stops that)");
        break;
    case CTW_GROWTH_CHILD_NAMESPACE:
        ctw_line_add(l, "Run ctwatchd on the host, in the initial network namespace");
        break;
    case CTW_GROWTH_NOT_PERMITTED:
        get_permission(l, a);
        break;
    case CTW_GROWTH_NOT_KEPT:
        ctw_line_add(l, "systemctl cat ctwatch: the unit needs StateDirectory=ctwatch, with room "
                        "on its disk; the file there is written anew at the next growth");
        break;
    case CTW_GROWTH_WRITE_FAILED:
        ctw_line_add(l, "sysctl -w net.netfilter.nf_conntrack_max=N by hand shows whether the "
                        "kernel takes it");
        break;
    case CTW_GROWTH_NOT_REFUSED:
    case CTW_GROWTH_DISABLED:
    case CTW_GROWTH_UNLIMITED:
        break;
    }
}
