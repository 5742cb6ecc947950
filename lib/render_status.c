/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "render_status.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "growth.h"
#include "moment.h"
#include "sentence.h"
#include "state_fault.h"
#include "status_parts.h"
#include "status_picture.h"

#define INDENT    11
#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))

/* --- whose picture this is -------------------------------------------------------------------- */

/* What it lacks then. */
static const char *own_look(const struct ctw_status *s) {
    return s->history ? "this is one look of ctwatch itself, without rates."
                      : "this is one look of ctwatch itself, without rates and history.";
}

static void add_unreadable(struct ctw_line *l, const struct ctw_status *s) {
    ctw_line_add(l, "What ctwatchd publishes cannot be read (%s): %s",
                 ctw_state_fault(s->state_error), own_look(s));
}

static void add_elsewhere(struct ctw_line *l, const struct ctw_status *s) {
    static const char table[] = "the table of another network namespace";

    if (s->liveness == CTW_LIVENESS_STOPPED)
        ctw_line_add(l, "ctwatchd watched %s, and has been stopped: %s", table, own_look(s));
    else if (s->liveness == CTW_LIVENESS_LATE)
        ctw_line_add(l, "ctwatchd watched %s, and does not look any more: %s", table, own_look(s));
    else
        ctw_line_add(l, "ctwatchd watches %s: %s", table, own_look(s));
}

static void add_own_look(struct ctw_line *l, const struct ctw_status *s) {
    static const char start[] = "Start it with: systemctl start ctwatch";

    if (s->state_error == -EXDEV)
        add_elsewhere(l, s);
    else if (s->liveness == CTW_LIVENESS_STOPPED)
        ctw_line_add(l, "ctwatchd has been stopped: %s %s", own_look(s), start);
    else if (s->liveness == CTW_LIVENESS_LATE)
        ctw_line_add(l,
                     "ctwatchd does not look any more, it hangs or was killed: %s See: systemctl "
                     "status ctwatch",
                     own_look(s));
    else if (s->state_error == -ENOENT)
        ctw_line_add(l, "ctwatchd is not running: %s %s", own_look(s), start);
    else if (s->state_error == -EACCES || s->state_error == -EPERM)
        ctw_line_add(l,
                     "Whether ctwatchd runs is not known, its state is for root and the group "
                     "ctwatch: %s",
                     own_look(s));
    else if (s->state_error == -ESTALE)
        ctw_line_add(l,
                     "ctwatchd is of another version: %s Put that right with: systemctl restart "
                     "ctwatch",
                     own_look(s));
    else if (s->state_error != 0)
        add_unreadable(l, s);
    else
        ctw_line_add(l, "No ctwatchd was asked: %s", own_look(s));
}

/* The table was read here, after the daemon's last look. */
static void add_daemon_looked(struct ctw_picture *p, struct ctw_line *l) {
    ctw_line_add(l, "ctwatchd last looked at ");
    ctw_picture_add_when(p, l, p->status->daemon_looked_usec);
    ctw_line_add(l, ": the table is of a look of ctwatch itself, without rates.");
}

/* All is of the daemon's last look, which is not of just now. */
static void add_age(struct ctw_picture *p, struct ctw_line *l) {
    if (p->status->liveness == CTW_LIVENESS_STOPPED)
        ctw_line_add(l, "ctwatchd has been stopped");
    else if (p->status->liveness == CTW_LIVENESS_LATE)
        ctw_line_add(l, "ctwatchd does not look any more");
    else
        ctw_line_add(l, "ctwatchd looks seldom");
    ctw_line_add(l, ": this was so at ");
    ctw_picture_add_when(p, l, p->of->looked_usec);
    ctw_line_add(l, ".");
}

/* Nothing when a daemon looks, as it should, and has done so just now. */
static void put_whose(struct ctw_picture *p) {
    struct ctw_line l;

    ctw_line_start(&l);
    if (!ctw_picture_by_daemon(p))
        add_own_look(&l, p->status);
    else if (p->status->daemon_looked_usec != 0)
        add_daemon_looked(p, &l);
    else if (p->status->liveness != CTW_LIVENESS_LOOKING ||
             ctw_picture_ago(p, p->of->looked_usec) > CTW_LATE_USEC)
        add_age(p, &l);
    else
        return;
    p->page.indent = 0;
    ctw_page_paragraph(&p->page, "", CTW_COLOUR_NONE, l.text);
    p->page.indent = INDENT;
    ctw_out_put(&p->page.out, "\n");
}

static void put_clock(struct ctw_picture *p) {
    struct ctw_line l;

    if (!p->style->names_utc)
        return;
    ctw_line_start(&l);
    ctw_picture_add_clock(p, &l, p->status->now_usec);
    ctw_line_add(&l, " UTC, as are all times here");
    ctw_picture_put(p, "time", &l);
}

static void put_daemon(struct ctw_picture *p) {
    struct ctw_line l;

    if (!ctw_picture_by_daemon(p))
        return;
    ctw_line_start(&l);
    ctw_line_add(&l, "%s, process %" PRIu32 ", started ", p->of->version, p->of->pid);
    ctw_picture_add_when(p, &l, p->of->started_usec);
    ctw_line_add(&l, "; %" PRIu64 " looks", p->of->looks);
    ctw_picture_put(p, "ctwatchd", &l);
    if (p->of->netns[0] == '\0' || strcmp(p->of->netns, "initial") == 0)
        return;
    ctw_line_start(&l);
    ctw_line_add(&l, "%s (%" PRIu64 ")", p->of->netns, p->of->netns_inode);
    ctw_picture_put(p, "netns", &l);
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

static void put_level(struct ctw_picture *p) {
    const struct ctw_snapshot *of = p->of;
    struct ctw_line l;

    ctw_line_start(&l);
    ctw_line_add(&l, "%s", level_word(of->level));
    const size_t coloured = l.length;
    if (ctw_picture_by_daemon(p)) {
        ctw_line_add(&l, of->level_since_usec != 0 ? " since " : " since ctwatchd started at ");
        ctw_picture_add_when(p, &l,
                             of->level_since_usec != 0 ? of->level_since_usec : of->started_usec);
    }
    ctw_page_headline(&p->page, "level", ctw_level_colour(of->level), l.text, coloured);
}

/* The table is not there, or cannot be read. */
static void put_no_table(struct ctw_picture *p) {
    const struct ctw_snapshot_source *table = &p->of->sources[CTW_SOURCE_TABLE];
    const struct ctw_source_state state = {.health = table->health,
                                           .error = table->error,
                                           .what = table->what[0] != '\0' ? table->what : NULL};
    const bool failed = table->health == CTW_HEALTH_FAILED;
    struct ctw_line l, fault;

    ctw_sentence_fault(&state, &fault);
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
    ctw_page_paragraph(&p->page, "level", failed ? CTW_COLOUR_BAD : CTW_COLOUR_NONE, l.text);
}

/* "[#####       |    |   ]  31.2 %", with the thresholds where it is empty. */
static void put_bar(struct ctw_picture *p) {
    const struct ctw_snapshot *of = p->of;
    const uint32_t usage = ctw_usage_permyriad(of->table.count, of->table.max);
    struct ctw_line end;

    ctw_line_start(&end);
    ctw_line_add(&end, "] ");
    ctw_picture_add_fill(&end, of->table.count, of->table.max);
    const uint32_t width = p->page.columns - INDENT - 1 - (uint32_t)end.length;
    const uint32_t filled =
        usage >= CTW_PERMYRIAD ? width : (uint32_t)((uint64_t)usage * width / CTW_PERMYRIAD);
    const uint32_t warning = (uint32_t)((uint64_t)of->warning_permyriad * width / CTW_PERMYRIAD);
    const uint32_t critical = (uint32_t)((uint64_t)of->critical_permyriad * width / CTW_PERMYRIAD);

    ctw_page_label(&p->page, "fill");
    ctw_page_put(&p->page, CTW_COLOUR_NONE, "[");
    ctw_page_fill(&p->page, ctw_level_colour(of->level), p->page.utf8 ? "\u2588" : "#", filled);
    for (uint32_t i = filled; i < width; i++)
        ctw_page_put(&p->page, CTW_COLOUR_NONE, i == warning || i == critical ? "|" : " ");
    ctw_page_put(&p->page, CTW_COLOUR_NONE, end.text);
    ctw_out_put(&p->page.out, "\n");
}

/* --- what there is of it ---------------------------------------------------------------------- */

static void put_entries(struct ctw_picture *p) {
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
    ctw_picture_put(p, "entries", &l);
}

static uint64_t mebibytes(const struct ctw_sample *t, uint32_t entries) {
    return (ctw_growth_bytes(t, entries) + (UINT64_C(1) << 20) - 1) >> 20;
}

static void put_memory(struct ctw_picture *p) {
    const struct ctw_sample *t = &p->of->table;
    struct ctw_line l;

    ctw_line_start(&l);
    ctw_line_add(&l, "at most %" PRIu64 " MiB now", mebibytes(t, t->count));
    if (t->max > 0)
        ctw_line_add(&l, ", %" PRIu64 " MiB when full", mebibytes(t, t->max));
    ctw_picture_put(p, "memory", &l);
}

static void put_trend(struct ctw_picture *p) {
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
        ctw_line_add_span(&l, of->usec_to_full);
    }
    ctw_picture_put(p, "trend", &l);
}

static void put_events(struct ctw_picture *p) {
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
    ctw_picture_put(p, "events", &l);
}

/* --- what was lost ---------------------------------------------------------------------------- */

struct loss {
    uint64_t n;
    const char *one, *many;
};

/* Return: whether there were any. */
static bool put_those_lost(struct ctw_picture *p, const struct loss *losses, size_t n) {
    const char *label = "lost";
    struct ctw_line l;

    for (size_t i = 0; i < n; i++) {
        if (losses[i].n == 0)
            continue;
        ctw_line_start(&l);
        ctw_line_add(&l, "%" PRIu64 " %s", losses[i].n,
                     losses[i].n == 1 ? losses[i].one : losses[i].many);
        ctw_page_paragraph(&p->page, label, CTW_COLOUR_BAD, l.text);
        label = "";
    }
    return label[0] == '\0';
}

/* Of a look of one's own: all that the kernel has counted. */
static void put_counted(struct ctw_picture *p) {
    const struct ctw_counters *c = &p->of->table.counters;
    const struct loss losses[] = {
        {c->drop, "new flow dropped", "new flows dropped"},
        {c->early_drop, "entry evicted, to make room", "entries evicted, to make room"},
        {c->insert_failed, "new flow not inserted", "new flows not inserted"},
    };

    if (!p->of->table.has_counters)
        return;
    const bool any = put_those_lost(p, losses, LENGTH(losses));
    ctw_page_paragraph(&p->page, any ? "" : "lost", CTW_COLOUR_NONE,
                       any ? "since the kernel began to count"
                           : "nothing since the kernel began to count");
}

static void put_losses(struct ctw_picture *p) {
    const struct ctw_snapshot *of = p->of;
    const struct loss losses[] = {
        {of->drops, "new flow dropped, the table was full",
         "new flows dropped, the table was full"},
        {of->other_drops, "new flow dropped below the limit", "new flows dropped below the limit"},
        {of->early_drops, "entry evicted, to make room", "entries evicted, to make room"},
        {of->clashes, "new flow lost to a clash", "new flows lost to clashes"},
        {of->chain_too_long, "new flow dropped, there were too few buckets",
         "new flows dropped, there were too few buckets"},
        {of->log_lines, "line \"table full\" in the kernel log",
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
        ctw_picture_add_when(p, &l, of->refused_usec);
    }
    if (of->evicted_usec != 0) {
        ctw_line_add(&l, "; the last evicted at ");
        ctw_picture_add_when(p, &l, of->evicted_usec);
    }
    ctw_picture_put(p, any ? "" : "lost", &l);
}

/* --- all of it -------------------------------------------------------------------------------- */

static void put_table(struct ctw_picture *p) {
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
    if (ctw_picture_by_daemon(p))
        put_losses(p);
    else
        put_counted(p);
}

static uint32_t columns_within_bounds(uint32_t columns) {
    if (columns < CTW_STATUS_COLUMNS_MIN)
        return CTW_STATUS_COLUMNS_MIN;
    return columns < CTW_STATUS_COLUMNS_MAX ? columns : CTW_STATUS_COLUMNS_MAX;
}

size_t ctw_render_status_text(const struct ctw_status *s, const struct ctw_status_style *style,
                              char *buffer, size_t size) {
    struct ctw_picture p = {.status = s,
                            .of = s->snapshot,
                            .style = style,
                            .page = {.out = {.buffer = buffer, .size = size},
                                     .columns = columns_within_bounds(style->columns),
                                     .indent = INDENT,
                                     .colour = style->colour,
                                     .utf8 = style->utf8}};

    if (size > 0)
        buffer[0] = '\0';
    put_whose(&p);
    put_clock(&p);
    put_table(&p);
    ctw_picture_hour(&p);
    ctw_picture_sources(&p);
    ctw_picture_growth(&p);
    put_daemon(&p);
    ctw_picture_who(&p);
    ctw_picture_said(&p);
    return p.page.out.used;
}
