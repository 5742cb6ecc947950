/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/view/status.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "lib/report/message.h"
#include "lib/sizing/growth.h"
#include "lib/state/snapshot.h"
#include "lib/util/strbuf.h"
#include "lib/view/top.h"

#define INDENT    11
#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))

/* --- whose picture this is -------------------------------------------------------------------- */

/* What it lacks then. */
static const char *own_sample(const struct ctw_view *s) {
    return s->history ? "this is one look of ctwatch itself, without rates."
                      : "this is one look of ctwatch itself, without rates and history.";
}

static void add_unreadable(struct ctw_line *l, const struct ctw_view *s) {
    ctw_line_add(l, "What ctwatchd publishes cannot be read (%s): %s",
                 ctw_state_fault(s->state_error), own_sample(s));
}

static void add_other_netns(struct ctw_line *l, const struct ctw_view *s) {
    static const char table[] = "the table of another network namespace";

    if (s->liveness == CTW_LIVENESS_STOPPED)
        ctw_line_add(l, "ctwatchd watched %s, and has been stopped: %s", table, own_sample(s));
    else if (s->liveness == CTW_LIVENESS_LATE)
        ctw_line_add(l, "ctwatchd watched %s, and does not look any more: %s", table,
                     own_sample(s));
    else
        ctw_line_add(l, "ctwatchd watches %s: %s", table, own_sample(s));
}

static void add_own_sample(struct ctw_line *l, const struct ctw_view *s) {
    static const char start[] = "Start it with: systemctl start ctwatch";

    if (s->state_error == -EXDEV)
        add_other_netns(l, s);
    else if (s->liveness == CTW_LIVENESS_STOPPED)
        ctw_line_add(l, "ctwatchd has been stopped: %s %s", own_sample(s), start);
    else if (s->liveness == CTW_LIVENESS_LATE)
        ctw_line_add(l,
                     "ctwatchd does not look any more, it hangs or was killed: %s See: systemctl "
                     "status ctwatch",
                     own_sample(s));
    else if (s->state_error == -ENOENT)
        ctw_line_add(l, "ctwatchd is not running: %s %s", own_sample(s), start);
    else if (s->state_error == -EACCES || s->state_error == -EPERM)
        ctw_line_add(l,
                     "Whether ctwatchd runs is not known, its state is for root and the group "
                     "ctwatch: %s",
                     own_sample(s));
    else if (s->state_error == -ESTALE)
        ctw_line_add(l,
                     "ctwatchd is of another version: %s Put that right with: systemctl restart "
                     "ctwatch",
                     own_sample(s));
    else if (s->state_error != 0)
        add_unreadable(l, s);
    else
        ctw_line_add(l, "No ctwatchd was asked: %s", own_sample(s));
}

/* The table was read here, after the daemon's last look. */
static void add_daemon_polled(struct ctw_status_view *p, struct ctw_line *l) {
    ctw_line_add(l, "ctwatchd last looked at ");
    ctw_status_view_add_when(p, l, p->status->daemon_polled_usec);
    ctw_line_add(l, ": the table is of a look of ctwatch itself, without rates.");
}

/* All is of the daemon's last look, which is not of just now. */
static void add_age(struct ctw_status_view *p, struct ctw_line *l) {
    if (p->status->liveness == CTW_LIVENESS_STOPPED)
        ctw_line_add(l, "ctwatchd has been stopped");
    else if (p->status->liveness == CTW_LIVENESS_LATE)
        ctw_line_add(l, "ctwatchd does not look any more");
    else
        ctw_line_add(l, "ctwatchd looks seldom");
    ctw_line_add(l, ": this was so at ");
    ctw_status_view_add_when(p, l, p->of->polled_usec);
    ctw_line_add(l, ".");
}

/* Nothing when a daemon looks, as it should, and has done so just now. */
static void put_netns(struct ctw_status_view *p) {
    struct ctw_line l;

    ctw_line_start(&l);
    if (!ctw_status_view_by_daemon(p))
        add_own_sample(&l, p->status);
    else if (p->status->daemon_polled_usec != 0)
        add_daemon_polled(p, &l);
    else if (p->status->liveness != CTW_LIVENESS_ALIVE ||
             ctw_status_view_ago(p, p->of->polled_usec) > CTW_LATE_USEC)
        add_age(p, &l);
    else
        return;
    p->page.indent = 0;
    ctw_layout_paragraph(&p->page, "", CTW_COLOUR_NONE, l.text);
    p->page.indent = INDENT;
    ctw_out_put(&p->page.out, "\n");
}

static void put_clock(struct ctw_status_view *p) {
    struct ctw_line l;

    if (!p->style->names_utc)
        return;
    ctw_line_start(&l);
    ctw_status_view_add_clock(p, &l, p->status->now_usec);
    ctw_line_add(&l, " UTC, as are all times here");
    ctw_status_view_put(p, "time", &l);
}

static void put_daemon(struct ctw_status_view *p) {
    struct ctw_line l;

    if (!ctw_status_view_by_daemon(p))
        return;
    ctw_line_start(&l);
    ctw_line_add(&l, "%s, process %" PRIu32 ", started ", p->of->version, p->of->pid);
    ctw_status_view_add_when(p, &l, p->of->started_usec);
    ctw_line_add(&l, "; %" PRIu64 " looks", p->of->polls);
    ctw_status_view_put(p, "ctwatchd", &l);
    if (p->of->netns[0] == '\0' || strcmp(p->of->netns, "initial") == 0)
        return;
    ctw_line_start(&l);
    ctw_line_add(&l, "%s (%" PRIu64 ")", p->of->netns, p->of->netns_inode);
    ctw_status_view_put(p, "netns", &l);
}

/* --- the level -------------------------------------------------------------------------------- */

static const char *level_word(enum ctw_level level) {
    switch (level) {
    case CTW_LEVEL_OK:
        return "OK";
    case CTW_LEVEL_WARNING:
        return "WARNING";
    case CTW_LEVEL_CRITICAL:
        return "CRITICAL";
    case CTW_LEVEL_FULL:
        return "FULL";
    }
    return "";
}

static void put_level(struct ctw_status_view *p) {
    const struct ctw_snapshot *of = p->of;
    struct ctw_line l;

    ctw_line_start(&l);
    ctw_line_add(&l, "%s", level_word(of->level));
    const size_t coloured = l.length;
    if (ctw_status_view_by_daemon(p)) {
        ctw_line_add(&l, of->level_since_usec != 0 ? " since " : " since ctwatchd started at ");
        ctw_status_view_add_when(
            p, &l, of->level_since_usec != 0 ? of->level_since_usec : of->started_usec);
    }
    ctw_layout_headline(&p->page, "level", ctw_level_colour(of->level), l.text, coloured);
}

/* The table is not there, or cannot be read. */
static void put_no_table(struct ctw_status_view *p) {
    const struct ctw_source_health *table = &p->of->sources[CTW_SOURCE_TABLE];
    const bool failed = table->health == CTW_HEALTH_FAILED;
    struct ctw_line l, fault;

    ctw_message_fault(table, &fault);
    ctw_line_start(&l);
    if (failed)
        ctw_line_add(&l, "The conntrack table cannot be read, its fill is not known");
    else if (table->health == CTW_HEALTH_UNUSED)
        ctw_line_add(&l, "The conntrack table has not been looked at yet");
    else
        ctw_line_add(&l, "There is no conntrack table: the kernel has not loaded nf_conntrack, so "
                         "nothing is tracked");
    if (fault.length > 0)
        ctw_line_add(&l, " (%s)", fault.text);
    ctw_line_add(&l, ".");
    ctw_layout_paragraph(&p->page, "level", failed ? CTW_COLOUR_BAD : CTW_COLOUR_NONE, l.text);
}

/* "[#####       |    |   ]  31.2 %", with the thresholds where it is empty. */
static void put_bar(struct ctw_status_view *p) {
    const struct ctw_snapshot *of = p->of;
    const uint32_t usage = ctw_usage_permyriad(of->table.count, of->table.max);
    struct ctw_line end;

    ctw_line_start(&end);
    ctw_line_add(&end, "] ");
    ctw_status_view_add_fill(&end, of->table.count, of->table.max);
    const uint32_t width = p->page.columns - INDENT - 1 - (uint32_t)end.length;
    const uint32_t filled =
        usage >= CTW_PERMYRIAD ? width : (uint32_t)((uint64_t)usage * width / CTW_PERMYRIAD);
    const uint32_t warning = (uint32_t)((uint64_t)of->warning_permyriad * width / CTW_PERMYRIAD);
    const uint32_t critical = (uint32_t)((uint64_t)of->critical_permyriad * width / CTW_PERMYRIAD);

    ctw_layout_label(&p->page, "fill");
    ctw_layout_put(&p->page, CTW_COLOUR_NONE, "[");
    ctw_layout_fill(&p->page, ctw_level_colour(of->level), p->page.utf8 ? "\u2588" : "#", filled);
    for (uint32_t i = filled; i < width; i++)
        ctw_layout_put(&p->page, CTW_COLOUR_NONE, i == warning || i == critical ? "|" : " ");
    ctw_layout_put(&p->page, CTW_COLOUR_NONE, end.text);
    ctw_out_put(&p->page.out, "\n");
}

/* --- what there is of it ---------------------------------------------------------------------- */

static void put_entries(struct ctw_status_view *p) {
    const struct ctw_sample *t = &p->of->table;
    struct ctw_line l;

    ctw_line_start(&l);
    ctw_line_add(&l, "%" PRIu32, t->count);
    if (t->max > 0)
        ctw_line_add(&l, " of %" PRIu32, t->max);
    else
        ctw_line_add(&l, ", and no limit: nf_conntrack_max is 0, the table cannot fill");
    if (t->has_buckets)
        ctw_line_add(&l, ", %" PRIu32 " buckets", t->buckets);
    if (!p->of->has_table)
        ctw_line_add(&l, ", when last seen");
    ctw_status_view_put(p, "entries", &l);
}

static uint64_t mebibytes(const struct ctw_sample *t, uint32_t entries) {
    return (ctw_growth_bytes(t, entries) + (UINT64_C(1) << 20) - 1) >> 20;
}

static void put_memory(struct ctw_status_view *p) {
    const struct ctw_sample *t = &p->of->table;
    struct ctw_line l;

    ctw_line_start(&l);
    ctw_line_add(&l, "at most %" PRIu64 " MiB now", mebibytes(t, t->count));
    if (t->max > 0)
        ctw_line_add(&l, ", %" PRIu64 " MiB when full", mebibytes(t, t->max));
    ctw_status_view_put(p, "memory", &l);
}

static void put_trend(struct ctw_status_view *p) {
    const struct ctw_snapshot *of = p->of;
    struct ctw_line l;

    if (!of->has_rate)
        return;
    ctw_line_start(&l);
    if (of->rate > 0)
        ctw_line_add(&l, "filling by %" PRId64 " entries/s", of->rate);
    else if (of->rate < 0)
        ctw_line_add(&l, "emptying by %" PRIu64 " entries/s", 0 - (uint64_t)of->rate);
    else
        ctw_line_add(&l, "neither filling nor emptying");
    if (of->fills) {
        ctw_line_add(&l, ", full in ");
        ctw_line_add_duration(&l, of->usec_to_full);
    }
    ctw_status_view_put(p, "trend", &l);
}

static void put_events(struct ctw_status_view *p) {
    const struct ctw_rates *r = &p->of->rates;
    struct ctw_line l;

    if (!p->of->subscribed)
        return;
    ctw_line_start(&l);
    if (r->known)
        ctw_line_add(&l, "%s%" PRIu64 " flows/s new, %" PRIu64 " ended",
                     r->lower_bound ? "at least " : "", r->created, r->destroyed);
    else
        ctw_line_add(&l, "rates are not known yet");
    if (r->known && r->sampling > 1)
        ctw_line_add(&l, ", from a sample of one event in %" PRIu32, r->sampling);
    if (p->of->overruns > 0)
        ctw_line_add(&l, "; about %" PRIu64 " events lost since the start", p->of->events_lost);
    ctw_status_view_put(p, "events", &l);
}

/* --- what was lost ---------------------------------------------------------------------------- */

struct loss {
    uint64_t n;
    const char *one, *many;
};

/* Return: whether there were any. */
static bool put_those_lost(struct ctw_status_view *p, const struct loss *losses, size_t n) {
    const char *label = "lost";
    struct ctw_line l;

    for (size_t i = 0; i < n; i++) {
        if (losses[i].n == 0)
            continue;
        ctw_line_start(&l);
        ctw_line_add(&l, "%" PRIu64 " %s", losses[i].n,
                     losses[i].n == 1 ? losses[i].one : losses[i].many);
        ctw_layout_paragraph(&p->page, label, CTW_COLOUR_BAD, l.text);
        label = "";
    }
    return label[0] == '\0';
}

/* Of a look of one's own: all that the kernel has counted. */
static void put_counted(struct ctw_status_view *p) {
    const struct ctw_counters *c = &p->of->table.counters;
    const struct loss losses[] = {
        {c->drop, "new flow dropped", "new flows dropped"},
        {c->early_drop, "entry evicted, to make room", "entries evicted, to make room"},
        {c->insert_failed, "new flow not inserted", "new flows not inserted"},
    };

    if (!p->of->table.has_counters)
        return;
    const bool any = put_those_lost(p, losses, LENGTH(losses));
    ctw_layout_paragraph(&p->page, any ? "" : "lost", CTW_COLOUR_NONE,
                         any ? "since the kernel began to count"
                             : "nothing since the kernel began to count");
}

static void put_losses(struct ctw_status_view *p) {
    const struct ctw_snapshot *of = p->of;
    const struct loss losses[] = {
        {of->lost.drops, "new flow dropped, the table was full",
         "new flows dropped, the table was full"},
        {of->lost.other_drops, "new flow dropped below the limit",
         "new flows dropped below the limit"},
        {of->lost.early_drops, "entry evicted, to make room", "entries evicted, to make room"},
        {of->lost.clashes, "new flow lost to a clash", "new flows lost to clashes"},
        {of->lost.chain_too_long, "new flow dropped, there were too few buckets",
         "new flows dropped, there were too few buckets"},
        {of->lost.log_lines, "line \"table full\" in the kernel log",
         "lines \"table full\" in the kernel log"},
    };
    const bool blind = of->sources[CTW_SOURCE_COUNTERS].health == CTW_HEALTH_FAILED;
    const bool any = put_those_lost(p, losses, LENGTH(losses));
    struct ctw_line l;

    ctw_line_start(&l);
    if (!any)
        ctw_line_add(&l, blind ? "nothing that could be seen " : "nothing ");
    ctw_line_add(&l, "since ctwatchd started");
    if (of->refused_usec != 0) {
        ctw_line_add(&l, "; the last dropped at ");
        ctw_status_view_add_when(p, &l, of->refused_usec);
    }
    if (of->evicted_usec != 0) {
        ctw_line_add(&l, "; the last evicted at ");
        ctw_status_view_add_when(p, &l, of->evicted_usec);
    }
    ctw_status_view_put(p, any ? "" : "lost", &l);
}

/* --- all of it -------------------------------------------------------------------------------- */

static void put_table(struct ctw_status_view *p) {
    if (p->of->has_table)
        put_level(p);
    else
        put_no_table(p);
    if (p->of->has_table && p->of->table.max > 0)
        put_bar(p);
    if (p->of->has_table || p->of->table.max > 0) {
        put_entries(p);
        put_memory(p);
    }
    if (p->of->has_table) {
        put_trend(p);
        put_events(p);
    }
    if (ctw_status_view_by_daemon(p))
        put_losses(p);
    else
        put_counted(p);
}

static uint32_t columns_within_bounds(uint32_t columns) {
    if (columns < CTW_STATUS_COLUMNS_MIN)
        return CTW_STATUS_COLUMNS_MIN;
    return columns < CTW_STATUS_COLUMNS_MAX ? columns : CTW_STATUS_COLUMNS_MAX;
}

size_t ctw_render_status_text(const struct ctw_view *s, const struct ctw_status_style *style,
                              char *buffer, size_t size) {
    struct ctw_status_view p = {.status = s,
                                .of = &s->snapshot,
                                .style = style,
                                .page = {.out = {.buffer = buffer, .size = size},
                                         .columns = columns_within_bounds(style->columns),
                                         .indent = INDENT,
                                         .colour = style->colour,
                                         .utf8 = style->utf8}};

    if (size > 0)
        buffer[0] = '\0';
    put_netns(&p);
    put_clock(&p);
    put_table(&p);
    ctw_status_view_hour(&p);
    ctw_status_view_sources(&p);
    ctw_status_view_growth(&p);
    put_daemon(&p);
    ctw_status_view_talkers(&p);
    ctw_status_view_alerts(&p);
    return p.page.out.used;
}

bool ctw_status_view_by_daemon(const struct ctw_status_view *p) {
    return p->of->pid != 0;
}

void ctw_status_view_put(struct ctw_status_view *p, const char *label, const struct ctw_line *l) {
    ctw_layout_paragraph(&p->page, label, CTW_COLOUR_NONE, l->text);
}

uint64_t ctw_status_view_ago(const struct ctw_status_view *p, uint64_t usec) {
    return usec < p->status->now_usec ? p->status->now_usec - usec : 0;
}

void ctw_status_view_add_clock(const struct ctw_status_view *p, struct ctw_line *l, uint64_t usec) {
    ctw_line_add_clock(l, p->status->realtime_usec - ctw_status_view_ago(p, usec),
                       p->status->realtime_usec, p->style->utc_offset_sec);
}

void ctw_status_view_add_when(const struct ctw_status_view *p, struct ctw_line *l, uint64_t usec) {
    ctw_status_view_add_clock(p, l, usec);
    ctw_line_add(l, ", ");
    ctw_line_add_duration(l, ctw_status_view_ago(p, usec));
    ctw_line_add(l, " ago");
}

void ctw_status_view_add_fill(struct ctw_line *l, uint32_t count, uint32_t max) {
    const uint32_t usage = ctw_usage_permyriad(count, max);

    ctw_line_add(l, "%" PRIu32 ".%" PRIu32 " %%", usage / 100, usage / 10 % 10);
}

bool ctw_status_hour(const struct ctw_view *s, uint32_t room, struct ctw_sparkline *ret) {
    const struct ctw_snapshot *of = &s->snapshot;
    const struct ctw_spark latest = {.known = of->has_table,
                                     .at_usec = of->polled_usec,
                                     .count = of->table.count,
                                     .max = of->table.max,
                                     .level = of->level};

    if (!s->history)
        return false;
    ctw_sparkline(s->history, s->now_usec, &latest, room, ret);
    return ret->high.known;
}

enum ctw_colour ctw_level_colour(enum ctw_level level) {
    switch (level) {
    case CTW_LEVEL_OK:
        return CTW_COLOUR_GOOD;
    case CTW_LEVEL_WARNING:
        return CTW_COLOUR_UNWELL;
    case CTW_LEVEL_CRITICAL:
    case CTW_LEVEL_FULL:
        return CTW_COLOUR_BAD;
    }
    return CTW_COLOUR_NONE;
}

/* --- the last hour ---------------------------------------------------------------------------- */

/* From the lowest to the highest, an eighth each; a blank is for when nobody looked. */
static const char *const blocks[] = {"\u2581", "\u2582", "\u2583", "\u2584",
                                     "\u2585", "\u2586", "\u2587", "\u2588"};
static const char *const ascii[] = {"_", ".", ":", "-", "=", "+", "*", "#"};

static enum ctw_colour spark_colour(const struct ctw_spark *s) {
    return s->known && s->level > CTW_LEVEL_OK ? ctw_level_colour(s->level) : CTW_COLOUR_NONE;
}

/* Columns of one colour are put at once. */
static void put_columns(struct ctw_status_view *p, const struct ctw_sparkline *s) {
    const char *const *marks = p->page.utf8 ? blocks : ascii;
    struct ctw_line run;

    ctw_line_start(&run);
    for (uint32_t i = 0; i < s->n; i++) {
        const struct ctw_spark *c = &s->columns[i];
        ctw_line_add(&run, "%s", c->known ? marks[ctw_spark_height(c, s->highest) - 1] : " ");
        if (i + 1 < s->n && spark_colour(c) == spark_colour(c + 1))
            continue;
        ctw_layout_put(&p->page, spark_colour(c), run.text);
        ctw_line_start(&run);
    }
    ctw_out_put(&p->page.out, "\n");
}

static void put_extremes(struct ctw_status_view *p, const struct ctw_sparkline *s) {
    struct ctw_line l;

    ctw_line_start(&l);
    ctw_line_add(&l, "high %" PRIu32, s->high.count);
    if (s->high.max != p->of->table.max && s->high.max > 0)
        ctw_line_add(&l, " of %" PRIu32, s->high.max);
    if (s->high.max > 0) {
        ctw_line_add(&l, " (");
        ctw_status_view_add_fill(&l, s->high.count, s->high.max);
        ctw_line_add(&l, ")");
    }
    ctw_line_add(&l, " at ");
    ctw_status_view_add_clock(p, &l, s->high.at_usec);
    ctw_line_add(&l, ", low %" PRIu32 " at ", s->low);
    ctw_status_view_add_clock(p, &l, s->low_usec);
    ctw_status_view_put(p, "", &l);
}

void ctw_status_view_hour(struct ctw_status_view *p) {
    struct ctw_sparkline s;

    if (!ctw_status_hour(p->status, p->page.columns - p->page.indent, &s))
        return;
    ctw_layout_label(&p->page, "last hour");
    put_columns(p, &s);
    put_extremes(p, &s);
}

/* --- sources ---------------------------------------------------------------------------------- */

/* "kernel log: /dev/kmsg: Permission denied" */
static void add_fault(struct ctw_line *l, enum ctw_source source,
                      const struct ctw_source_health *s) {
    struct ctw_line fault;

    for (const char *c = ctw_source_name(source); *c != '\0'; c++)
        ctw_line_add(l, "%c", *c == '_' ? ' ' : *c);
    ctw_message_fault(s, &fault);
    ctw_line_add(l, ": %s", fault.text);
}

void ctw_status_view_sources(struct ctw_status_view *p) {
    const char *label = "blind";

    for (enum ctw_source i = 0; i < CTW_SOURCES; i++) {
        const struct ctw_source_health *s = &p->of->sources[i];
        struct ctw_line l;

        /* That there is no table has been said first of all. */
        if (i == CTW_SOURCE_TABLE ||
            (s->health != CTW_HEALTH_FAILED && s->health != CTW_HEALTH_ABSENT))
            continue;
        ctw_line_start(&l);
        add_fault(&l, i, s);
        ctw_status_view_put(p, label, &l);
        label = "";
    }
}

/* --- growth ----------------------------------------------------------------------------------- */

static const char *why_not(enum ctw_growth_refusal refusal) {
    switch (refusal) {
    case CTW_GROWTH_NOT_REFUSED:
    case CTW_GROWTH_DISABLED:
        break;
    case CTW_GROWTH_UNLIMITED:
        return "there is no limit to raise";
    case CTW_GROWTH_AT_CEILING:
        return "it is at its ceiling";
    case CTW_GROWTH_NO_MEMORY:
        return "too little memory is available";
    case CTW_GROWTH_TOO_FEW_BUCKETS:
        return "there are too few buckets for more";
    case CTW_GROWTH_FOREIGN_WRITER:
        return "another program keeps lowering the limit";
    case CTW_GROWTH_NOT_PERMITTED:
        return "the limit may not be written";
    case CTW_GROWTH_CHILD_NAMESPACE:
        return "the limit belongs to the initial network namespace";
    case CTW_GROWTH_WRITE_FAILED:
        return "the kernel does not take the value";
    case CTW_GROWTH_PERSIST_FAILED:
        return "grown limits are not kept for the next boot";
    }
    return "growth is off";
}

static void add_bounds(struct ctw_line *l, const struct ctw_snapshot *of) {
    ctw_line_add(l, "%s", of->growth_dry_run ? "dry run" : "on");
    if (of->ceiling != 0)
        ctw_line_add(l, ", up to %" PRIu32 ", set by %s", of->ceiling,
                     ctw_growth_bound_name(of->bound));
    if (of->growth_refused)
        ctw_line_add(l, "; %s: %s",
                     of->refusal == CTW_GROWTH_PERSIST_FAILED ? "but" : "it cannot grow now",
                     why_not(of->refusal));
}

void ctw_status_view_growth(struct ctw_status_view *p) {
    const struct ctw_snapshot *of = p->of;
    struct ctw_line l;

    if (!ctw_status_view_by_daemon(p))
        return;
    ctw_line_start(&l);
    if (of->growth_enabled || of->growth_dry_run)
        add_bounds(&l, of);
    else
        ctw_line_add(&l, "off");
    if (of->grown_usec != 0 && of->grown_from != of->grown_to) {
        ctw_line_add(&l, "; grown from %" PRIu32 " to %" PRIu32 " at ", of->grown_from,
                     of->grown_to);
        ctw_status_view_add_when(p, &l, of->grown_usec);
    }
    ctw_status_view_put(p, "growth", &l);
}

/* --- who -------------------------------------------------------------------------------------- */

#define LISTS 3
#define GAP   3
#define SHARE 8 /* " 100.0 %" */

struct list {
    const char *heading;
    uint32_t n;
    const struct ctw_share *rows;
    uint32_t width; /* of the names */
};

static void clean_name(const char *name, struct ctw_line *ret) {
    ctw_line_start(ret);
    ctw_line_add(ret, "%.*s", CTW_TALKER_NAME_MAX - 1, name);
}

static void measure(struct list *list, uint32_t columns) {
    list->width = ctw_layout_columns(list->heading);
    for (uint32_t i = 0; i < list->n; i++) {
        struct ctw_line name;
        clean_name(list->rows[i].name, &name);
        if (ctw_layout_columns(name.text) > list->width)
            list->width = ctw_layout_columns(name.text);
    }
    if (list->width > columns - SHARE)
        list->width = columns - SHARE;
}

static void put_cell(struct ctw_status_view *p, const struct list *list, uint32_t row) {
    const uint32_t tenths = ctw_share_tenths(list->rows[row].permyriad);
    struct ctw_line name;

    clean_name(list->rows[row].name, &name);
    const uint32_t n = ctw_layout_put_within(&p->page, name.text, list->width);
    ctw_out_put(&p->page.out, "%*s%4" PRIu32 ".%" PRIu32 " %%", (int)(list->width - n), "",
                tenths / 10, tenths % 10);
}

/* Lists side by side; one that is shorter leaves its place empty. */
static void put_block(struct ctw_status_view *p, const struct list *lists, uint32_t n) {
    uint32_t rows = 0;

    ctw_out_put(&p->page.out, "\n");
    for (uint32_t i = 0; i < n; i++) {
        const bool last = i + 1 == n;
        ctw_out_put(&p->page.out, "%-*s%*s", (int)lists[i].width, lists[i].heading,
                    last ? SHARE : SHARE + GAP, last ? "SHARE" : "SHARE   ");
        if (lists[i].n > rows)
            rows = lists[i].n;
    }
    ctw_out_put(&p->page.out, "\n");
    for (uint32_t row = 0; row < rows; row++) {
        uint32_t blank = 0;
        for (uint32_t i = 0; i < n; i++) {
            if (row < lists[i].n) {
                ctw_out_put(&p->page.out, "%*s", (int)blank, "");
                put_cell(p, &lists[i], row);
                blank = GAP;
            } else {
                blank += lists[i].width + SHARE + GAP;
            }
        }
        ctw_out_put(&p->page.out, "\n");
    }
}

/* As many side by side as fit. */
static void put_lists(struct ctw_status_view *p, const struct list *lists) {
    for (uint32_t i = 0, n; i < LISTS; i += n) {
        uint32_t used = lists[i].width + SHARE;
        for (n = 1; i + n < LISTS; n++) {
            used += GAP + lists[i + n].width + SHARE;
            if (used > p->page.columns)
                break;
        }
        put_block(p, &lists[i], n);
    }
}

static void add_percent(struct ctw_line *l, uint32_t permyriad) {
    const uint32_t tenths = ctw_share_tenths(permyriad);

    ctw_line_add(l, "%" PRIu32 ".%" PRIu32 " %%", tenths / 10, tenths % 10);
}

static void put_basis(struct ctw_status_view *p, const struct ctw_talkers *talkers) {
    struct ctw_line l;

    ctw_line_start(&l);
    ctw_line_add(&l, "at ");
    ctw_status_view_add_when(p, &l, p->of->talkers_usec);
    if (talkers->sampled) {
        ctw_line_add(&l, ", from a sample of %" PRIu32 ", right within ", talkers->entries);
        add_percent(&l, talkers->margin_permyriad);
    } else {
        ctw_line_add(&l, ", all %" PRIu32 " counted", talkers->entries);
    }
    ctw_status_view_put(p, "who", &l);

    ctw_line_start(&l);
    add_percent(&l, talkers->assured_permyriad);
    ctw_line_add(&l, " are assured, and cannot be evicted");
    if (talkers->has_drop_risk) {
        ctw_line_add(&l, "; of new flows ");
        add_percent(&l, talkers->drop_risk_permyriad);
        ctw_line_add(&l, " would be lost if it filled up with the like");
    }
    ctw_status_view_put(p, "", &l);
}

void ctw_status_view_talkers(struct ctw_status_view *p) {
    const struct ctw_talkers *talkers = &p->of->talkers;
    struct list lists[LISTS] = {{"SOURCE", talkers->n_sources, talkers->sources, 0},
                                {"PORT", talkers->n_ports, talkers->ports, 0},
                                {"STATE", talkers->n_states, talkers->states, 0}};

    if (!talkers->known)
        return;
    put_basis(p, talkers);
    for (uint32_t i = 0; i < LISTS; i++)
        measure(&lists[i], p->page.columns);
    put_lists(p, lists);
}

/* --- alerts ----------------------------------------------------------------------------------- */

#define SHOWN 5u

/* The newest but @back. */
static const struct ctw_recent_alert *alerts_before(const struct ctw_snapshot *of, uint64_t back) {
    return &of->recent_alerts[(of->n_recent_alerts - 1 - back) % CTW_RECENT_ALERTS];
}

/* Whether these are of levels reached at one look, @b said before @a: the sentence is the same. */
static bool same_poll(const struct ctw_recent_alert *a, const struct ctw_recent_alert *b) {
    return a->kind == CTW_ALERT_USAGE && b->kind == CTW_ALERT_USAGE && a->edge == b->edge &&
           a->realtime_usec - b->realtime_usec < CTW_USEC_PER_SEC &&
           strncmp(a->message, b->message, CTW_RECENT_ALERT_BYTES) == 0;
}

static void put_recent_alerts(struct ctw_status_view *p,
                              const struct ctw_recent_alert *recent_alerts, enum ctw_level level) {
    struct ctw_line label, l;

    ctw_line_start(&label);
    ctw_line_add_clock(&label, recent_alerts->realtime_usec, p->status->realtime_usec,
                       p->style->utc_offset_sec);
    ctw_line_start(&l);
    if (recent_alerts->kind == CTW_ALERT_USAGE && level > CTW_LEVEL_OK)
        ctw_line_add(&l, "%s: ", ctw_level_name(level));
    ctw_line_add(&l, "%.*s", (int)CTW_RECENT_ALERT_BYTES - 1, recent_alerts->message);
    ctw_status_view_put(p, label.text, &l);
}

void ctw_status_view_alerts(struct ctw_status_view *p) {
    const struct ctw_snapshot *of = p->of;
    const uint64_t saved =
        of->n_recent_alerts < CTW_RECENT_ALERTS ? of->n_recent_alerts : CTW_RECENT_ALERTS;

    if (saved > 0)
        ctw_out_put(&p->page.out, "\nLAST ALERTS\n");
    for (uint64_t i = 0, shown = 0; i < saved && shown < SHOWN; shown++) {
        const struct ctw_recent_alert *recent_alerts = alerts_before(of, i);
        enum ctw_level level = recent_alerts->level;
        for (i++; i < saved && same_poll(recent_alerts, alerts_before(of, i)); i++)
            if (alerts_before(of, i)->level > level)
                level = alerts_before(of, i)->level;
        put_recent_alerts(p, recent_alerts, level);
    }
}
