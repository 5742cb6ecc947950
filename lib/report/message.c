/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/report/message.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

/* --- parts of sentences ----------------------------------------------------------------------- */

static const char *still(const struct ctw_alert *a) {
    return a->edge == CTW_EDGE_REMINDER ? "still " : "";
}

/* "262144 of 262144 entries" */
static void add_entries(struct ctw_line *l, const struct ctw_sample *t) {
    if (t->max == 0)
        ctw_line_add(l, "%" PRIu32 " entries, no limit", t->count);
    else
        ctw_line_add(l, "%" PRIu32 " of %" PRIu32 " entries", t->count, t->max);
}

/* "76.2 % (199754 of 262144)": cut off, not rounded, so that 100.0 means full. */
static void add_fill(struct ctw_line *l, const struct ctw_alert *a) {
    const struct ctw_sample *t = &a->table;

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
    if (a->netns_inode == 0 && a->netns[0] == '\0')
        ctw_line_add(l, "another network namespace (the kernel does not say which)");
    else if (a->netns[0] == '\0')
        ctw_line_add(l, "network namespace %" PRIu64, a->netns_inode);
    else
        ctw_line_add(l, "network namespace \"%.*s\"", CTW_NETNS_NAME_MAX - 1, a->netns);
    if (a->netns_inode != 0 && a->netns[0] != '\0')
        ctw_line_add(l, " (%" PRIu64 ")", a->netns_inode);
}

/* `In network namespace "podman 3f2a9c1b7d20" and 12 more: ` */
static void add_whose(struct ctw_line *l, const struct ctw_alert *a) {
    ctw_line_add(l, "In ");
    add_netns(l, a);
    if (a->more_netns != 0)
        ctw_line_add(l, " and %" PRIu32 " more", a->more_netns);
    ctw_line_add(l, ": ");
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

/* --- the table -------------------------------------------------------------------------------- */

/* ", 10.0.3.7 (docker 3f2a9c1b7d20) holds 60.2 % of it" */
static void add_source(struct ctw_line *l, const struct ctw_share *s) {
    ctw_line_add(l, ", %.*s", CTW_TALKER_NAME_MAX - 1, s->name);
    if (s->owner[0] != '\0')
        ctw_line_add(l, " (%.*s)", CTW_OWNER_MAX - 1, s->owner);
    ctw_line_add(l, " holds %s %% of it", ctw_percent(s->permyriad).text);
}

static void add_usage(struct ctw_line *l, const struct ctw_alert *a) {
    if (!a->has_table) {
        ctw_line_add(l, "Conntrack table gone: the kernel no longer tracks connections.");
        return;
    }
    if (a->level == CTW_LEVEL_OK)
        ctw_line_add(l, "Conntrack table back to normal: ");
    else
        ctw_line_add(l, "Conntrack table %sat ", still(a));
    add_fill(l, a);
    add_trend(l, a);
    if (a->level != CTW_LEVEL_OK && a->talkers && a->talkers->known && a->talkers->n_sources > 0)
        add_source(l, &a->talkers->sources[0]);
    ctw_line_add(l, ".");
}

static void add_forecast(struct ctw_line *l, const struct ctw_alert *a) {
    ctw_line_add(
        l, "Conntrack table %sabout to fill: ", a->edge == CTW_EDGE_END ? "no longer " : still(a));
    add_fill(l, a);
    add_trend(l, a);
    ctw_line_add(l, ".");
}

static void add_past(struct ctw_line *l, const struct ctw_alert *a, const char *which) {
    const uint64_t lines = a->losses.log_lines, drops = ctw_losses_drops(&a->losses);

    ctw_line_add(l, "The kernel log shows %" PRIu64 " %s line%s ", lines, which,
                 lines == 1 ? "" : "s");
    if (a->other_netns) {
        ctw_line_add(l, "of ");
        add_netns(l, a);
        ctw_line_add(l, " ");
    }
    ctw_line_add(l, "from before ctwatchd started, the latest %s ago",
                 ctw_duration(a->lasted_usec).text);
    if (!a->other_netns && drops > 0)
        ctw_line_add(l, "; %" PRIu64 " connections dropped since boot", drops);
    ctw_line_add(l, ".");
}

/* Another namespace's table, known from the kernel's lines alone. */
static void add_other_netns(struct ctw_line *l, const struct ctw_alert *a) {
    const uint64_t lines = a->losses.log_lines;
    const bool over = a->edge == CTW_EDGE_END;

    ctw_line_add(l, "Conntrack table %sfull in ", over ? "no longer " : still(a));
    add_netns(l, a);
    if (over)
        add_sum(l, a, lines, "kernel log line", "kernel log lines");
    else
        ctw_line_add(l, ": new connections are being dropped there");
    if (!over && a->has_losses && lines > 0)
        ctw_line_add(l, ", %" PRIu64 " kernel log line%s so far", lines, lines == 1 ? "" : "s");
    ctw_line_add(l, ".");
}

/* --- losses ----------------------------------------------------------------------------------- */

static void add_losses(struct ctw_line *l, const struct ctw_alert *a) {
    static const struct {
        /* "WHAT [still ]NOW", or "OVER: N MANY", or "PAST while ...: N MANY" */
        const char *what, *now, *over, *past, *one, *many;
    } words[CTW_ALERT_KINDS] = {
        [CTW_ALERT_TABLE_FULL] = {"Conntrack table ", "full: new connections are being dropped",
                                  "Conntrack table no longer full", "Conntrack table full",
                                  "new connection dropped", "new connections dropped"},
        [CTW_ALERT_EARLY_DROP] = {"Conntrack table ",
                                  "full: the kernel evicts entries to make room",
                                  "Conntrack entries no longer evicted",
                                  "Conntrack entries evicted", "entry evicted", "entries evicted"},
        [CTW_ALERT_CHAIN_TOO_LONG] = {"New connections ",
                                      "refused: conntrack hash chains are too long",
                                      "Conntrack hash chains no longer too long",
                                      "Conntrack hash chains too long", "new connection refused",
                                      "new connections refused"},
        [CTW_ALERT_DROPPED_BELOW_MAX] = {"New connections ",
                                         "dropped though the conntrack table is not full",
                                         "No more drops below the conntrack limit",
                                         "Drops below the conntrack limit",
                                         "new connection dropped", "new connections dropped"},
        [CTW_ALERT_INSERT_FAILED] = {"New connections ", "lost to clashes in the conntrack table",
                                     "No more clashes in the conntrack table",
                                     "Clashes in the conntrack table", "new connection lost",
                                     "new connections lost"},
    };
    const uint64_t n = a->kind == CTW_ALERT_EARLY_DROP       ? a->losses.early_drops
                       : a->kind == CTW_ALERT_CHAIN_TOO_LONG ? a->losses.chain_too_long
                       : a->kind == CTW_ALERT_INSERT_FAILED  ? a->losses.clashes
                                                             : ctw_losses_drops(&a->losses);

    if (a->edge == CTW_EDGE_END || a->gap) {
        /* The losses have ended; the table may be at its max all the same. */
        const bool still_full = a->kind == CTW_ALERT_TABLE_FULL && a->has_table &&
                                a->table.max > 0 && a->table.count >= a->table.max;
        ctw_line_add(l, "%s",
                     a->gap       ? words[a->kind].past
                     : still_full ? "Conntrack table still full, but no longer dropping"
                                  : words[a->kind].over);
        if (a->gap)
            ctw_line_add(l, " while ctwatchd was not running");
        add_sum(l, a, n, words[a->kind].one, words[a->kind].many);
    } else {
        ctw_line_add(l, "%s%s%s", words[a->kind].what, still(a), words[a->kind].now);
        if (a->has_losses && n > 0)
            ctw_line_add(l, " (%" PRIu64 " so far)", n);
    }
    if (a->has_table) {
        ctw_line_add(l, a->edge == CTW_EDGE_END || a->gap ? ", now " : ", ");
        add_entries(l, &a->table);
        if (a->kind == CTW_ALERT_CHAIN_TOO_LONG && a->table.has_buckets)
            ctw_line_add(l, " in %" PRIu32 " buckets", a->table.buckets);
    }
    ctw_line_add(l, ".");
}

/* An episode that ended with its namespace. */
static void add_gone(struct ctw_line *l, const struct ctw_alert *a) {
    ctw_line_add(l, "No process is left in ");
    add_netns(l, a);
    ctw_line_add(l, "; its %s alert has ended", ctw_alert_kind_name(a->kind));
    if (a->has_losses && ctw_losses_any(&a->losses))
        ctw_line_add(l, ": %" PRIu64 " new connections dropped, %" PRIu64 " entries evicted",
                     ctw_losses_drops(&a->losses), a->losses.early_drops);
    ctw_line_add(l, ".");
}

static void add_table_full(struct ctw_line *l, const struct ctw_alert *a) {
    if (a->edge == CTW_EDGE_PAST && !a->gap)
        add_past(l, a, "table-full");
    else if (a->other_netns && !a->has_table)
        add_other_netns(l, a);
    else
        add_losses(l, a);
}

static void add_expect_full(struct ctw_line *l, const struct ctw_alert *a) {
    if (a->edge == CTW_EDGE_PAST)
        add_past(l, a, "expectation-table-full");
    else if (a->edge == CTW_EDGE_END)
        ctw_line_add(l, "Conntrack expectation table no longer full.");
    else
        ctw_line_add(l,
                     "Conntrack expectation table %sfull: helpers (FTP, SIP) cannot announce "
                     "further connections.",
                     still(a));
}

static void add_events_lost(struct ctw_line *l, const struct ctw_alert *a) {
    if (a->edge != CTW_EDGE_END)
        ctw_line_add(l,
                     "Conntrack events %slost: they arrive faster than ctwatchd reads them, so "
                     "rates are lower bounds.",
                     still(a));
    else if (a->events_lost > 0)
        ctw_line_add(l, "Conntrack events no longer lost: about %" PRIu64 " were lost.",
                     a->events_lost);
    else
        ctw_line_add(l, "Conntrack events no longer lost.");
}

static void add_limit_changed(struct ctw_line *l, const struct ctw_alert *a) {
    ctw_line_add(l, "Conntrack limits changed%s: ", a->writer_unknown ? "" : " by another program");
    add_change(l, a);
    if (a->our_max != 0)
        ctw_line_add(l, "; ctwatchd had set max to %" PRIu32, a->our_max);
    if (a->has_table) {
        ctw_line_add(l, "; the table is at ");
        add_fill(l, a);
    }
    ctw_line_add(l, ".");
}

/* --- sources ---------------------------------------------------------------------------------- */

static const struct {
    const char *failed, *absent, *consequence, *sighted;
} source_words[CTW_SOURCES] = {
    [CTW_SOURCE_TABLE] = {"Conntrack table cannot be read", "No conntrack table",
                          "its fill is unknown", "Conntrack table can now be read"},
    [CTW_SOURCE_COUNTERS] = {"Conntrack counters cannot be read", "No conntrack counters",
                             "drops show in the kernel log only",
                             "Conntrack counters can now be read"},
    [CTW_SOURCE_KERNEL_LOG] = {"Kernel log cannot be read", "No kernel log",
                               "drops show in the counters only, and those of network "
                               "namespaces without a process not at all",
                               "Kernel log can now be read"},
    [CTW_SOURCE_EVENTS] = {"Conntrack events do not all arrive", "No conntrack events",
                           "rates of new connections are unknown or lower bounds",
                           "Conntrack events now arrive"},
    [CTW_SOURCE_JOURNAL] = {"Journal takes no records", "No journal",
                            "alerts are held until it does", "Journal now takes records"},
    [CTW_SOURCE_STATE] = {"State cannot be published", "No state",
                          "ctwatch status and the metrics are out of date",
                          "State is now published"},
    [CTW_SOURCE_COMMAND] = {"alerts.command fails", "No alerts.command",
                            "alerts are in the journal only", "alerts.command now works"},
};

void ctw_message_fault(const struct ctw_source_health *s, struct ctw_line *ret) {
    ctw_line_start(ret);
    if (s->health != CTW_HEALTH_FAILED && s->health != CTW_HEALTH_ABSENT)
        return;
    if (s->what[0] != '\0')
        ctw_line_add(ret, "%s%s", s->what,
                     s->health == CTW_HEALTH_FAILED && s->error == 0 ? "" : ": ");
    if (s->health == CTW_HEALTH_ABSENT)
        ctw_line_add(ret, "not there");
    else if (s->error == -EBADMSG)
        ctw_line_add(ret, "content not understood");
    else if (s->error != 0)
        ctw_line_add(ret, "%s", strerror(-s->error));
}

static void add_blind(struct ctw_line *l, const struct ctw_alert *a) {
    const bool absent = a->health.health == CTW_HEALTH_ABSENT;
    struct ctw_line fault;

    ctw_message_fault(&a->health, &fault);
    ctw_line_add(l, "%s (%s): %s.",
                 absent ? source_words[a->source].absent : source_words[a->source].failed,
                 fault.text,
                 absent && a->source == CTW_SOURCE_TABLE ? "the kernel tracks no connections yet"
                                                         : source_words[a->source].consequence);
}

static void add_sighted(struct ctw_line *l, const struct ctw_alert *a) {
    ctw_line_add(l, "%s", source_words[a->source].sighted);
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

/* --- growth ----------------------------------------------------------------------------------- */

/* " (52000 entries, filling at 800 entries/s)" */
static void add_present(struct ctw_line *l, const struct ctw_alert *a) {
    if (!a->has_table)
        return;
    ctw_line_add(l, " (%" PRIu32 " entries", a->table.count);
    if (a->has_rate && a->rate > 0)
        ctw_line_add(l, ", filling at %" PRId64 " entries/s", a->rate);
    ctw_line_add(l, ")");
}

static void add_grew(struct ctw_line *l, const struct ctw_alert *a) {
    static const char *const reasons[] = {
        [CTW_GROWTH_FILL] = "the fill reached growth.at",
        [CTW_GROWTH_BURST] = "at this rate it would have been full within 200 ms",
        [CTW_GROWTH_RESERVE] = "fewer entries were free than growth.reserve asks for",
        [CTW_GROWTH_SAVED] = "this was the limit before the last boot",
        [CTW_GROWTH_STARTUP] = "room for further growth",
    };

    if (a->edge == CTW_EDGE_END) {
        ctw_line_add(l, "Dry run: growth is no longer needed.");
        return;
    }
    ctw_line_add(l, a->kind == CTW_ALERT_GREW ? "Conntrack table grown, "
                                              : "Dry run: the conntrack table would be grown, ");
    add_change(l, a);
    ctw_line_add(l, ": %s", reasons[a->growth_reason]);
    add_present(l, a);
    if (a->stall_usec != 0)
        ctw_line_add(l, "; changing the buckets took %" PRIu64 " ms", a->stall_usec / 1000);
    ctw_line_add(l, ".");
}

/* ": /proc/sys/net/netfilter/nf_conntrack_max: Read-only file system" */
static void add_error(struct ctw_line *l, const struct ctw_alert *a) {
    ctw_line_add(l, ": %s%s", a->growth_path ? a->growth_path : "", a->growth_path ? ": " : "");
    if (a->growth_error == -EPROTO)
        ctw_line_add(l, "the write succeeded and changed nothing");
    else if (a->growth_error == -EBADMSG || a->growth_error == -EPROTONOSUPPORT)
        ctw_line_add(l, "content not understood");
    else
        ctw_line_add(l, "%s", strerror(-a->growth_error));
}

/* "it is at its ceiling of 274432, set by growth.memory" */
static void add_ceiling(struct ctw_line *l, const struct ctw_alert *a) {
    const char *bound = ctw_growth_bound_name(a->bound);

    if (a->ceiling == 0)
        ctw_line_add(l, "the size of the memory is unknown");
    else if (a->ceiling < a->old_max)
        ctw_line_add(l,
                     "its ceiling of %" PRIu32 ", set by %s, is below the present max of %" PRIu32,
                     a->ceiling, bound, a->old_max);
    else
        ctw_line_add(l, "%s%s%" PRIu32 ", set by %s", ctw_growth_refusal_clause(a->growth_refusal),
                     a->growth_refusal == CTW_GROWTH_AT_CEILING ? " of " : ": the ceiling is ",
                     a->ceiling, bound);
}

static void add_refusal(struct ctw_line *l, const struct ctw_alert *a) {
    const bool ceiling = a->growth_refusal == CTW_GROWTH_AT_CEILING ||
                         a->growth_refusal == CTW_GROWTH_NO_MEMORY ||
                         a->growth_refusal == CTW_GROWTH_TOO_FEW_BUCKETS;

    ctw_line_add(l, "Conntrack table %scannot grow: ", still(a));
    if (ceiling && a->growth_error == 0)
        add_ceiling(l, a);
    else
        ctw_line_add(l, "%s", ctw_growth_refusal_clause(a->growth_refusal));
    if (a->growth_refusal == CTW_GROWTH_FOREIGN_WRITER)
        ctw_line_add(l, ", and it was raised again three times within the hour");
    if (a->growth_error != 0)
        add_error(l, a);
    add_present(l, a);
}

static void add_refused(struct ctw_line *l, const struct ctw_alert *a) {
    if (a->edge == CTW_EDGE_END) {
        ctw_line_add(l, "Growth is no longer blocked");
    } else if (a->growth_refusal == CTW_GROWTH_PERSIST_FAILED) {
        ctw_line_add(l, "Grown conntrack limits do not survive a boot");
        add_error(l, a);
    } else {
        add_refusal(l, a);
    }
    ctw_line_add(l, ".");
}

static void add_test(struct ctw_line *l, const struct ctw_alert *a) {
    ctw_line_add(l, "Test alert: nothing is wrong.");
}

/* --- all kinds -------------------------------------------------------------------------------- */

void ctw_message(const struct ctw_alert *a, struct ctw_line *ret) {
    static void (*const add[CTW_ALERT_KINDS])(struct ctw_line *, const struct ctw_alert *) = {
        [CTW_ALERT_USAGE] = add_usage,
        [CTW_ALERT_FORECAST] = add_forecast,
        [CTW_ALERT_TABLE_FULL] = add_table_full,
        [CTW_ALERT_EARLY_DROP] = add_losses,
        [CTW_ALERT_CHAIN_TOO_LONG] = add_losses,
        [CTW_ALERT_DROPPED_BELOW_MAX] = add_losses,
        [CTW_ALERT_INSERT_FAILED] = add_losses,
        [CTW_ALERT_EXPECT_FULL] = add_expect_full,
        [CTW_ALERT_GREW] = add_grew,
        [CTW_ALERT_GROWTH_REFUSED] = add_refused,
        [CTW_ALERT_GROWTH_DRY_RUN] = add_grew,
        [CTW_ALERT_LIMIT_CHANGED] = add_limit_changed,
        [CTW_ALERT_EVENTS_LOST] = add_events_lost,
        [CTW_ALERT_BLIND] = add_blind,
        [CTW_ALERT_SIGHTED] = add_sighted,
        [CTW_ALERT_CONFIG] = add_config,
        [CTW_ALERT_TEST] = add_test,
    };

    ctw_line_start(ret);
    if (a->netns_gone) {
        add_gone(ret, a);
        return;
    }
    if (a->other_netns && a->has_table)
        add_whose(ret, a);
    add[a->kind](ret, a);
}

/* --- losses ----------------------------------------------------------------------------------- */

bool ctw_message_loss(const struct ctw_losses *l, size_t i, struct ctw_line *ret) {
    const struct {
        uint64_t n;
        const char *one, *many;
    } classes[CTW_LOSS_CLASSES] = {
        {l->drops, "new flow dropped (table full)", "new flows dropped (table full)"},
        {l->other_drops, "new flow dropped below the limit", "new flows dropped below the limit"},
        {l->early_drops, "entry evicted to make room", "entries evicted to make room"},
        {l->clashes, "new flow lost to a clash", "new flows lost to clashes"},
        {l->chain_too_long, "new flow dropped (too few buckets)",
         "new flows dropped (too few buckets)"},
        {l->log_lines, "\"table full\" line in the kernel log",
         "\"table full\" lines in the kernel log"},
    };

    ctw_line_start(ret);
    ctw_line_add(ret, "%" PRIu64 " %s", classes[i].n,
                 classes[i].n == 1 ? classes[i].one : classes[i].many);
    return classes[i].n > 0;
}
