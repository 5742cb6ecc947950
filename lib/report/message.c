/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/report/message.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "lib/util/strbuf.h"

static const char *still(const struct ctw_alert *a) {
    return a->edge == CTW_EDGE_REMINDER ? "still " : "";
}

/* "262144 of 262144 entries" */
static void add_entries(struct ctw_line *l, const struct ctw_sample *t) {
    if (t->max == 0)
        ctw_line_add(l, "%" PRIu32 " entries and no limit", t->count);
    else
        ctw_line_add(l, "%" PRIu32 " of %" PRIu32 " entries", t->count, t->max);
}

/* "at 76.2 % (199754 of 262144)": cut off, not rounded, so that 100.0 means full. */
static void add_fill(struct ctw_line *l, const struct ctw_alert *a) {
    const struct ctw_sample *t = &a->table;

    ctw_line_add(l, "at ");
    if (!a->has_table)
        ctw_line_add(l, "an unknown fill");
    else if (t->max == 0)
        add_entries(l, t);
    else
        ctw_line_add(l, "%s %% (%" PRIu32 " of %" PRIu32 ")",
                     ctw_percent(ctw_usage_permyriad(t->count, t->max)).text, t->count, t->max);
}

/* ", filling at 1200 entries/s, full in 52 s" */
static void add_trend(struct ctw_line *l, const struct ctw_alert *a) {
    if (a->has_rate && a->rate > 0)
        ctw_line_add(l, ", filling at %" PRId64 " entries/s", a->rate);
    if (a->has_rate && a->rate < 0)
        ctw_line_add(l, ", emptying at %" PRIu64 " entries/s", 0 - (uint64_t)a->rate);
    if (a->fills)
        ctw_line_add(l, ", full in %s", ctw_duration(a->usec_to_full).text);
}

/* " (1234 so far)" */
static void add_so_far(struct ctw_line *l, const struct ctw_alert *a, uint64_t n) {
    if (a->has_losses && n > 0)
        ctw_line_add(l, " (%" PRIu64 " so far)", n);
}

/* ": 51234 new connections dropped in 42 s" */
static void add_sum(struct ctw_line *l, const struct ctw_alert *a, uint64_t n, const char *one,
                    const char *many) {
    if (a->has_losses)
        ctw_line_add(l, ": %" PRIu64 " %s in ", n, n == 1 ? one : many);
    else
        ctw_line_add(l, " after ");
    ctw_line_add(l, "%s", ctw_duration(a->lasted_usec).text);
}

/* `network namespace "blue" (4026532246)`; kernels before 6.17 do not say which. */
static void add_netns(struct ctw_line *l, const struct ctw_alert *a) {
    if (a->netns_inode == 0)
        ctw_line_add(l, "another network namespace (the kernel does not say which)");
    else if (a->netns[0] == '\0')
        ctw_line_add(l, "network namespace %" PRIu64, a->netns_inode);
    else
        ctw_line_add(l, "network namespace \"%.*s\" (%" PRIu64 ")", CTW_NETNS_NAME_MAX - 1,
                     a->netns, a->netns_inode);
}

/* ", 192.0.2.7 holds 60.2 % of it" */
static void add_loudest(struct ctw_line *l, const struct ctw_alert *a) {
    if (!a->talkers || !a->talkers->known || a->talkers->n_sources == 0)
        return;

    const struct ctw_share *first = &a->talkers->sources[0];
    ctw_line_add(l, ", %.*s holds %s %% of it", CTW_TALKER_NAME_MAX - 1, first->name,
                 ctw_percent(first->permyriad).text);
}

static void add_usage(struct ctw_line *l, const struct ctw_alert *a) {
    if (!a->has_table) {
        ctw_line_add(l, "Conntrack table gone: the kernel tracks no connections any more.");
        return;
    }
    if (a->level == CTW_LEVEL_OK)
        ctw_line_add(l, "Conntrack table back to normal: ");
    else
        ctw_line_add(l, "Conntrack table %s", still(a));
    add_fill(l, a);
    add_trend(l, a);
    add_loudest(l, a);
    ctw_line_add(l, ".");
}

static void alert_forecast(struct ctw_line *l, const struct ctw_alert *a) {
    if (a->edge == CTW_EDGE_END)
        ctw_line_add(l, "Conntrack table no longer about to fill: ");
    else
        ctw_line_add(l, "Conntrack table %sabout to fill: ", still(a));
    add_fill(l, a);
    add_trend(l, a);
    ctw_line_add(l, ".");
}

static void alert_past(struct ctw_line *l, const struct ctw_alert *a, const char *which) {
    const uint64_t lines = a->losses.log_lines;

    ctw_line_add(l, "The kernel log shows %" PRIu64 " %s line%s ", lines, which,
                 lines == 1 ? "" : "s");
    if (a->other_netns) {
        ctw_line_add(l, "of ");
        add_netns(l, a);
        ctw_line_add(l, " ");
    }
    ctw_line_add(l, "from before ctwatchd started, the last one ");
    ctw_line_add(l, "%s", ctw_duration(a->lasted_usec).text);
    ctw_line_add(l, " ago");
    if (!a->other_netns && ctw_losses_drops(&a->losses) > 0)
        ctw_line_add(l, "; %" PRIu64 " connections dropped since boot",
                     ctw_losses_drops(&a->losses));
    ctw_line_add(l, ".");
}

/* Another namespace's table, of which nothing is known but the kernel's lines. */
static void alert_other_netns(struct ctw_line *l, const struct ctw_alert *a) {
    const uint64_t lines = a->losses.log_lines;

    if (a->edge == CTW_EDGE_END) {
        ctw_line_add(l, "Conntrack table no longer full in ");
        add_netns(l, a);
        add_sum(l, a, lines, "kernel log line", "kernel log lines");
    } else {
        ctw_line_add(l, "Conntrack table %sfull in ", still(a));
        add_netns(l, a);
        ctw_line_add(l, ": new connections are being dropped there");
        if (a->has_losses && lines > 0)
            ctw_line_add(l, ", %" PRIu64 " kernel log line%s so far", lines, lines == 1 ? "" : "s");
    }
    ctw_line_add(l, ".");
}

static void add_table_full(struct ctw_line *l, const struct ctw_alert *a) {
    if (a->edge == CTW_EDGE_PAST) {
        alert_past(l, a, "table-full");
        return;
    }
    if (a->other_netns) {
        alert_other_netns(l, a);
        return;
    }
    if (a->edge == CTW_EDGE_END) {
        ctw_line_add(l, "Conntrack table no longer full");
        add_sum(l, a, ctw_losses_drops(&a->losses), "new connection dropped",
                "new connections dropped");
        if (a->has_table)
            ctw_line_add(l, ", now ");
    } else {
        ctw_line_add(l, "Conntrack table %sfull: new connections are being dropped", still(a));
        add_so_far(l, a, ctw_losses_drops(&a->losses));
        if (a->has_table)
            ctw_line_add(l, ", ");
    }
    if (a->has_table)
        add_entries(l, &a->table);
    ctw_line_add(l, ".");
}

/* The conditions that differ in their words only. */
struct iter {
    const char *now;        /* while it lasts; the number follows */
    const char *over;       /* when it has ended; the number follows, */
    const char *one, *many; /* of these */
};

static void alert_episode(struct ctw_line *l, const struct ctw_alert *a, const struct iter *c,
                          uint64_t n) {
    if (a->edge == CTW_EDGE_END) {
        ctw_line_add(l, "%s", c->over);
        add_sum(l, a, n, c->one, c->many);
    } else {
        ctw_line_add(l, "%s%s", a->edge == CTW_EDGE_REMINDER ? "Still: " : "", c->now);
        add_so_far(l, a, n);
    }
    if (a->has_table) {
        ctw_line_add(l, ", ");
        add_entries(l, &a->table);
        if (a->kind == CTW_ALERT_CHAIN_TOO_LONG && a->table.has_buckets)
            ctw_line_add(l, " in %" PRIu32 " buckets", a->table.buckets);
    }
    ctw_line_add(l, ".");
}

static void alert_expect_full(struct ctw_line *l, const struct ctw_alert *a) {
    if (a->edge == CTW_EDGE_PAST)
        alert_past(l, a, "expectation-table-full");
    else if (a->edge == CTW_EDGE_END)
        ctw_line_add(l, "Conntrack expectation table no longer full.");
    else
        ctw_line_add(l,
                     "Conntrack expectation table %sfull: helpers (FTP, SIP) cannot announce "
                     "further connections.",
                     still(a));
}

static void alert_limit_changed(struct ctw_line *l, const struct ctw_alert *a) {
    ctw_line_add(l, "Conntrack limits changed%s:", a->writer_unknown ? "" : " by another program");
    if (a->max_changed)
        ctw_line_add(l, " max from %" PRIu32 " to %" PRIu32, a->old_max, a->new_max);
    if (a->max_changed && a->buckets_changed)
        ctw_line_add(l, ",");
    if (a->buckets_changed)
        ctw_line_add(l, " buckets from %" PRIu32 " to %" PRIu32, a->old_buckets, a->new_buckets);
    if (a->our_max != 0)
        ctw_line_add(l, "; ctwatchd had set max to %" PRIu32, a->our_max);
    if (a->has_table) {
        ctw_line_add(l, "; the table is ");
        add_fill(l, a);
    }
    ctw_line_add(l, ".");
}

static void alert_events_lost(struct ctw_line *l, const struct ctw_alert *a) {
    if (a->edge == CTW_EDGE_END) {
        ctw_line_add(l, "Conntrack events no longer lost");
        if (a->events_lost > 0)
            ctw_line_add(l, ": about %" PRIu64 " were", a->events_lost);
    } else {
        ctw_line_add(l,
                     "Conntrack events %slost, they come faster than they are read: rates are "
                     "lower bounds",
                     still(a));
    }
    ctw_line_add(l, ".");
}

void ctw_message_fault(const struct ctw_source_health *s, struct ctw_line *ret) {
    ctw_line_start(ret);
    if (s->health != CTW_HEALTH_FAILED && s->health != CTW_HEALTH_ABSENT)
        return;
    if (s->what[0] != '\0')
        ctw_line_add(ret, "%s: ", s->what);
    if (s->health == CTW_HEALTH_ABSENT)
        ctw_line_add(ret, "not there");
    else if (s->error == -EBADMSG)
        ctw_line_add(ret, "content not understood");
    else
        ctw_line_add(ret, "%s", strerror(-s->error));
}

static void alert_blind(struct ctw_line *l, const struct ctw_alert *a) {
    static const struct {
        const char *failed, *absent, *consequence;
    } words[CTW_SOURCES] = {
        [CTW_SOURCE_TABLE] = {"Conntrack table cannot be read", "No conntrack table yet",
                              "its fill is not known"},
        [CTW_SOURCE_COUNTERS] = {"Conntrack counters cannot be read", "No conntrack counters yet",
                                 "drops show in the kernel log only"},
        [CTW_SOURCE_KERNEL_LOG] = {"Kernel log cannot be read", "No kernel log",
                                   "drops show in the counters only, and those of other network "
                                   "namespaces not at all"},
        [CTW_SOURCE_EVENTS] = {"Conntrack events do not all arrive", "No conntrack events",
                               "rates of new connections are not known, or are lower bounds"},
        [CTW_SOURCE_JOURNAL] = {"Journal takes no records", "No journal",
                                "alerts are held until it does"},
        [CTW_SOURCE_STATE] = {"State cannot be published", "No state",
                              "ctwatch status and the metrics show nothing of it"},
    };
    struct ctw_line fault;

    ctw_message_fault(&a->health, &fault);
    if (a->health.health == CTW_HEALTH_ABSENT)
        ctw_line_add(l, "%s (%s)", words[a->source].absent, fault.text);
    else
        ctw_line_add(l, "%s (%s)", words[a->source].failed, fault.text);
    if (a->health.health == CTW_HEALTH_ABSENT && a->source == CTW_SOURCE_TABLE)
        ctw_line_add(l, ": the kernel tracks no connections; waiting until it does.");
    else
        ctw_line_add(l, ": %s.", words[a->source].consequence);
}

static void add_sighted(struct ctw_line *l, const struct ctw_alert *a) {
    static const char *const words[CTW_SOURCES] = {
        [CTW_SOURCE_TABLE] = "Conntrack table can now be read",
        [CTW_SOURCE_COUNTERS] = "Conntrack counters can now be read",
        [CTW_SOURCE_KERNEL_LOG] = "Kernel log can now be read",
        [CTW_SOURCE_EVENTS] = "Conntrack events now arrive",
        [CTW_SOURCE_JOURNAL] = "Journal now takes records",
        [CTW_SOURCE_STATE] = "State is now published",
    };

    ctw_line_add(l, "%s", words[a->source]);
    if (a->has_table && a->source == CTW_SOURCE_TABLE) {
        ctw_line_add(l, ": ");
        add_entries(l, &a->table);
    }
    ctw_line_add(l, ".");
}

static void add_config(struct ctw_line *l, const struct ctw_alert *a) {
    if (a->config_refused)
        ctw_line_add(l, "Configuration refused, the old settings stay in force: %.*s",
                     (int)sizeof a->reason - 1, a->reason);
    else
        ctw_line_add(l, "Configuration reloaded.");
}

/* --- growth ---------------------------------------------------------------------------------- */

static const char *why(enum ctw_growth_reason reason) {
    switch (reason) {
    case CTW_GROWTH_FILL:
        return "growth.at was reached";
    case CTW_GROWTH_BURST:
        return "at this rate it would have been full within 200 ms";
    case CTW_GROWTH_RESERVE:
        return "fewer entries were free than growth.reserve asks for";
    case CTW_GROWTH_SAVED:
        return "it had grown so far before the last boot";
    case CTW_GROWTH_STARTUP:
        return "room for further growth";
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

static void add_grew(struct ctw_line *l, const struct ctw_alert *a, const char *what) {
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

static void add_refused(struct ctw_line *l, const struct ctw_alert *a) {
    if (a->edge == CTW_EDGE_END) {
        ctw_line_add(l, "Conntrack table need not grow any more, or can again");
        add_present(l, a);
        ctw_line_add(l, ".");
        return;
    }
    if (a->growth_refusal == CTW_GROWTH_PERSIST_FAILED) {
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
    case CTW_GROWTH_PERSIST_FAILED:
        ctw_line_add(l, "%s", ctw_growth_refusal_name(a->growth_refusal));
        break;
    }
    add_present(l, a);
    ctw_line_add(l, ".");
}

static void growth_sentence(const struct ctw_alert *a, struct ctw_line *l) {
    if (a->kind == CTW_ALERT_GROWTH_REFUSED)
        add_refused(l, a);
    else if (a->kind == CTW_ALERT_GREW)
        add_grew(l, a, "Conntrack table grown,");
    else if (a->edge == CTW_EDGE_END)
        ctw_line_add(l, "Dry run: the conntrack table would not have to grow any more.");
    else
        add_grew(l, a, "Dry run: the conntrack table would be grown,");
}

/* --- all of them ----------------------------------------------------------------------------- */

void ctw_message(const struct ctw_alert *a, struct ctw_line *ret) {
    static const struct iter early_drop = {
        "Conntrack table full: the kernel evicts entries to make room",
        "Conntrack entries no longer evicted", "entry evicted", "entries evicted"};
    static const struct iter chain_too_long = {
        "New connections refused, conntrack hash chains are too long",
        "Conntrack hash chains no longer too long", "new connection refused",
        "new connections refused"};
    static const struct iter below_max = {
        "New connections dropped though the conntrack table is not full",
        "No more drops below the conntrack limit", "new connection dropped",
        "new connections dropped"};
    static const struct iter insert_failed = {
        "New connections lost to clashes in the conntrack table",
        "No more clashes in the conntrack table", "new connection lost", "new connections lost"};

    ctw_line_start(ret);
    switch (a->kind) {
    case CTW_ALERT_USAGE:
        add_usage(ret, a);
        break;
    case CTW_ALERT_FORECAST:
        alert_forecast(ret, a);
        break;
    case CTW_ALERT_TABLE_FULL:
        add_table_full(ret, a);
        break;
    case CTW_ALERT_EARLY_DROP:
        alert_episode(ret, a, &early_drop, a->losses.early_drops);
        break;
    case CTW_ALERT_CHAIN_TOO_LONG:
        alert_episode(ret, a, &chain_too_long, a->losses.chain_too_long);
        break;
    case CTW_ALERT_DROPPED_BELOW_MAX:
        alert_episode(ret, a, &below_max, ctw_losses_drops(&a->losses));
        break;
    case CTW_ALERT_INSERT_FAILED:
        alert_episode(ret, a, &insert_failed, a->losses.clashes);
        break;
    case CTW_ALERT_EXPECT_FULL:
        alert_expect_full(ret, a);
        break;
    case CTW_ALERT_GREW:
    case CTW_ALERT_GROWTH_REFUSED:
    case CTW_ALERT_GROWTH_DRY_RUN:
        growth_sentence(a, ret);
        break;
    case CTW_ALERT_LIMIT_CHANGED:
        alert_limit_changed(ret, a);
        break;
    case CTW_ALERT_EVENTS_LOST:
        alert_events_lost(ret, a);
        break;
    case CTW_ALERT_BLIND:
        alert_blind(ret, a);
        break;
    case CTW_ALERT_SIGHTED:
        add_sighted(ret, a);
        break;
    case CTW_ALERT_CONFIG:
        add_config(ret, a);
        break;
    }
}
