/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/view/status.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/report/message.h"
#include "lib/sizing/growth.h"
#include "lib/util/layout.h"
#include "lib/util/strbuf.h"
#include "lib/view/namespaces.h"
#include "lib/view/top.h"

#define INDENT 11u

struct page {
    const struct ctw_view *view;
    const struct ctw_snapshot *of; /* view->snapshot */
    const struct ctw_status_style *style;
    struct ctw_layout layout;
    ctw_status_fact *fact; /* gets the paragraphs instead of the layout; NULL: none */
    void *userdata;
};

/* --- words ------------------------------------------------------------------------------------ */

static bool by_daemon(const struct page *p) {
    return p->of->pid != 0;
}

static void paragraph(struct page *p, const char *label, enum ctw_colour colour, const char *text) {
    if (p->fact)
        p->fact(p->userdata, label, colour, text);
    else
        ctw_layout_paragraph(&p->layout, label, colour, text);
}

/* One paragraph without colour. */
static void put(struct page *p, const char *label, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void put(struct page *p, const char *label, const char *format, ...) {
    char text[CTW_LINE_MAX];
    struct ctw_line l = {0};
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    ctw_line_add(&l, "%s", text);
    paragraph(p, label, CTW_COLOUR_NONE, l.text);
}

/* "09:58:25" */
static struct ctw_word clock_of(const struct page *p, uint64_t usec) {
    return ctw_clock(p->view->realtime_usec - ctw_view_ago(p->view, usec), p->view->realtime_usec,
                     p->style->utc_offset_sec);
}

struct when {
    char text[80];
};

/* "09:58:25, 95 s ago" */
static struct when when(const struct page *p, uint64_t usec) {
    struct when w;

    (void)snprintf(w.text, sizeof(w.text), "%s, %s ago", clock_of(p, usec).text,
                   ctw_duration(ctw_view_ago(p->view, usec)).text);
    return w;
}

static struct ctw_word fill(uint32_t count, uint32_t max) {
    return ctw_percent(ctw_usage_permyriad(count, max));
}

/* --- where it comes from ---------------------------------------------------------------------- */

/* Why there is no live daemon of this table; nothing when none was to be asked. */
static void add_absence(struct ctw_line *l, const struct ctw_view *v) {
    const int error = v->state_error;
    const bool other = error == -EXDEV;
    const bool alive = v->liveness != CTW_LIVENESS_STOPPED && v->liveness != CTW_LIVENESS_LATE;

    if (other)
        ctw_line_add(l, "ctwatchd %s the table of another network namespace%s",
                     alive ? "watches" : "watched", alive ? "" : " and");
    else if (!alive)
        ctw_line_add(l, "ctwatchd");
    if (v->liveness == CTW_LIVENESS_STOPPED)
        ctw_line_add(l, " has been stopped");
    else if (v->liveness == CTW_LIVENESS_LATE)
        ctw_line_add(l, " has stopped polling%s", other ? "" : " (hung or killed)");
    else if (error == -ENOENT)
        ctw_line_add(l, "ctwatchd is not running");
    else if (error == -EACCES || error == -EPERM)
        ctw_line_add(l, "Only root and the group ctwatch may read the state of ctwatchd");
    else if (error == -ESTALE)
        ctw_line_add(l, "ctwatchd is of another version");
    else if (error != 0 && !other)
        ctw_line_add(l, "The state of ctwatchd cannot be read (%s)", ctw_state_fault(error));
    ctw_line_add(l, "%s", l->length > 0 ? ". " : "");
}

static const char *remedy(const struct ctw_view *v) {
    if (v->state_error == -EXDEV)
        return "";
    if (v->liveness == CTW_LIVENESS_LATE)
        return " See: systemctl status ctwatch";
    if (v->liveness == CTW_LIVENESS_STOPPED || v->state_error == -ENOENT)
        return " Start it with: systemctl start ctwatch";
    return v->state_error == -ESTALE ? " Restart it with: systemctl restart ctwatch" : "";
}

static void add_own_sample(struct ctw_line *l, const struct ctw_view *v) {
    add_absence(l, v);
    const bool sampled = v->snapshot.polled_usec != 0;
    const char *what = remedy(v);
    if (sampled)
        ctw_line_add(l, "Showing a single sample taken by ctwatch; no rates%s.",
                     v->history ? "" : " or history");
    ctw_line_add(l, "%s", what + (!sampled && what[0] == ' '));
}

/* All of it is from the daemon's last poll, which is not recent. */
static void add_age(struct ctw_line *l, const struct page *p) {
    const enum ctw_liveness liveness = p->view->liveness;

    ctw_line_add(l, "ctwatchd %s. Showing its last poll, at %s.",
                 liveness == CTW_LIVENESS_STOPPED ? "has been stopped"
                 : liveness == CTW_LIVENESS_LATE  ? "has stopped polling"
                                                  : "polls rarely",
                 when(p, p->of->polled_usec).text);
}

/* Nothing when the daemon is alive and has polled just now. */
static void add_origin(struct ctw_line *l, const struct page *p) {
    const struct ctw_view *v = p->view;

    if (!by_daemon(p))
        add_own_sample(l, v);
    else if (v->daemon_polled_usec != 0)
        ctw_line_add(l,
                     "ctwatchd last polled at %s. The table is from a sample taken by ctwatch; "
                     "no rates.",
                     when(p, v->daemon_polled_usec).text);
    else if (v->liveness != CTW_LIVENESS_ALIVE ||
             ctw_view_ago(v, p->of->polled_usec) > CTW_LATE_USEC)
        add_age(l, p);
}

static void put_origin(struct page *p) {
    struct ctw_line l = {0};

    add_origin(&l, p);
    if (l.length == 0)
        return;
    p->layout.indent = 0;
    ctw_layout_paragraph(&p->layout, "", CTW_COLOUR_NONE, l.text);
    p->layout.indent = INDENT;
    ctw_out_put(&p->layout.out, "\n");
}

static void put_daemon(struct page *p) {
    struct ctw_line l = {0};

    if (!by_daemon(p))
        return;
    ctw_line_add(&l, "%s, process %" PRIu32 ", started %s; %" PRIu64 " polls", p->of->version,
                 p->of->pid, when(p, p->of->started_usec).text, p->of->polls);
    if (p->of->late_polls > 0)
        ctw_line_add(&l, ", %" PRIu64 " of them late", p->of->late_polls);
    put(p, "ctwatchd", "%s", l.text);
    if (p->of->netns[0] != '\0' && strcmp(p->of->netns, "initial") != 0)
        put(p, "netns", "%s (%" PRIu64 ")", p->of->netns, p->of->netns_inode);
}

/* --- the table -------------------------------------------------------------------------------- */

static void put_level(struct page *p) {
    static const char *const words[] = {[CTW_LEVEL_OK] = "OK",
                                        [CTW_LEVEL_WARNING] = "WARNING",
                                        [CTW_LEVEL_CRITICAL] = "CRITICAL",
                                        [CTW_LEVEL_FULL] = "FULL"};
    const struct ctw_snapshot *of = p->of;
    const bool changed = of->level_since_usec != 0;
    struct ctw_line l = {0};

    ctw_line_add(&l, "%s", words[of->level]);
    const size_t coloured = l.length;
    if (by_daemon(p))
        ctw_line_add(&l, " since %s%s", changed ? "" : "ctwatchd started at ",
                     when(p, changed ? of->level_since_usec : of->started_usec).text);
    ctw_layout_headline(&p->layout, "level", ctw_level_colour(of->level), l.text, coloured);
}

/* The table is not there, or cannot be read. */
static void put_no_table(struct page *p) {
    const struct ctw_source_health *table = &p->of->sources[CTW_SOURCE_TABLE];
    const bool failed = table->health == CTW_HEALTH_FAILED;
    struct ctw_line l, fault;

    ctw_line_start(&l);
    if (failed)
        ctw_line_add(&l, "The conntrack table cannot be read; its fill is not known");
    else if (table->health == CTW_HEALTH_UNUSED)
        ctw_line_add(&l, "The conntrack table has not been polled yet");
    else
        ctw_line_add(&l, "There is no conntrack table: the kernel has not loaded nf_conntrack and "
                         "tracks nothing");
    ctw_message_fault(table, &fault);
    if (fault.length > 0)
        ctw_line_add(&l, " (%s)", fault.text);
    ctw_line_add(&l, ".");
    paragraph(p, "level", failed ? CTW_COLOUR_BAD : CTW_COLOUR_NONE, l.text);
}

/* "[#####       |    |   ]  31.2 %", with the thresholds where it is empty. */
static void put_bar(struct page *p) {
    const struct ctw_snapshot *of = p->of;
    const uint64_t usage = ctw_usage_permyriad(of->table.count, of->table.max);
    struct ctw_layout *layout = &p->layout;
    struct ctw_line end = {0};

    ctw_line_add(&end, "] %s %%", fill(of->table.count, of->table.max).text);
    const uint32_t width = layout->columns - INDENT - 1 - (uint32_t)end.length;
    const uint32_t filled =
        (uint32_t)((usage < CTW_PERMYRIAD ? usage : CTW_PERMYRIAD) * width / CTW_PERMYRIAD);
    const uint32_t warning = (uint32_t)((uint64_t)of->warning_permyriad * width / CTW_PERMYRIAD);
    const uint32_t critical = (uint32_t)((uint64_t)of->critical_permyriad * width / CTW_PERMYRIAD);

    ctw_layout_label(layout, "fill");
    ctw_layout_put(layout, CTW_COLOUR_NONE, "[");
    ctw_layout_fill(layout, ctw_level_colour(of->level), layout->utf8 ? "\u2588" : "#", filled);
    for (uint32_t i = filled; i < width; i++)
        ctw_layout_put(layout, CTW_COLOUR_NONE, i == warning || i == critical ? "|" : " ");
    ctw_layout_put(layout, CTW_COLOUR_NONE, end.text);
    ctw_out_put(&layout->out, "\n");
}

static void put_entries(struct page *p) {
    const struct ctw_sample *t = &p->of->table;
    struct ctw_line l = {0};

    ctw_line_add(&l, "%" PRIu32, t->count);
    if (t->max > 0)
        ctw_line_add(&l, " of %" PRIu32, t->max);
    else
        ctw_line_add(&l, ", no limit (nf_conntrack_max is 0: the table cannot fill)");
    if (t->has_buckets)
        ctw_line_add(&l, ", %" PRIu32 " buckets", t->buckets);
    if (!p->of->has_table)
        ctw_line_add(&l, ", when last read");
    put(p, "entries", "%s", l.text);
}

static uint64_t mebibytes(const struct ctw_sample *t, uint32_t entries) {
    return (ctw_growth_bytes(t, entries) + (UINT64_C(1) << 20) - 1) >> 20;
}

static void put_memory(struct page *p) {
    const struct ctw_sample *t = &p->of->table;

    if (t->max > 0)
        put(p, "memory", "at most %" PRIu64 " MiB now, %" PRIu64 " MiB when full",
            mebibytes(t, t->count), mebibytes(t, t->max));
    else
        put(p, "memory", "at most %" PRIu64 " MiB now", mebibytes(t, t->count));
}

static void put_trend(struct page *p) {
    const struct ctw_snapshot *of = p->of;

    if (!of->has_rate)
        return;
    if (of->rate < 0)
        put(p, "trend", "emptying at %" PRIu64 " entries/s", 0 - (uint64_t)of->rate);
    else if (of->rate == 0)
        put(p, "trend", "steady");
    else
        put(p, "trend", "filling at %" PRId64 " entries/s%s%s", of->rate,
            of->fills ? ", full in " : "", of->fills ? ctw_duration(of->usec_to_full).text : "");
}

static void put_events(struct page *p) {
    const struct ctw_rates *r = &p->of->rates;
    struct ctw_line l = {0};

    if (!p->of->subscribed)
        return;
    if (r->known)
        ctw_line_add(&l, "%s%" PRIu64 " new flows/s, %" PRIu64 " ended",
                     r->lower_bound ? "at least " : "", r->created, r->destroyed);
    else
        ctw_line_add(&l, "rates are not known yet");
    if (r->known && r->sampling > 1)
        ctw_line_add(&l, ", from a sample of one event in %" PRIu32, r->sampling);
    if (p->of->overruns > 0)
        ctw_line_add(&l, "; about %" PRIu64 " events lost since ctwatchd started",
                     p->of->events_lost);
    put(p, "events", "%s", l.text);
}

/* Return: whether there were any. */
static bool put_counts(struct page *p, const struct ctw_losses *lost) {
    const char *label = "lost";
    struct ctw_line l;

    for (size_t i = 0; i < CTW_LOSS_CLASSES; i++) {
        if (!ctw_message_loss(lost, i, &l))
            continue;
        paragraph(p, label, CTW_COLOUR_BAD, l.text);
        label = "";
    }
    return label[0] == '\0';
}

static void put_losses(struct page *p) {
    const struct ctw_snapshot *of = p->of;
    const bool blind = of->sources[CTW_SOURCE_COUNTERS].health == CTW_HEALTH_FAILED;
    struct ctw_line l = {0};

    if (!by_daemon(p) && !of->table.has_counters)
        return;
    const bool any = put_counts(p, &of->lost);
    if (!any)
        ctw_line_add(&l, blind ? "nothing visible " : "nothing ");
    ctw_line_add(&l, "since the kernel began to count");
    if (of->refused_usec != 0)
        ctw_line_add(&l, "; last drop at %s", when(p, of->refused_usec).text);
    if (of->evicted_usec != 0)
        ctw_line_add(&l, "; last eviction at %s", when(p, of->evicted_usec).text);
    put(p, any ? "" : "lost", "%s", l.text);
}

static void put_table(struct page *p) {
    const struct ctw_snapshot *of = p->of;

    if (!of->has_table)
        put_no_table(p);
    else if (!p->fact)
        put_level(p);
    if (of->has_table && of->table.max > 0 && !p->fact)
        put_bar(p);
    if (of->has_table || of->table.max > 0) {
        put_entries(p);
        put_memory(p);
    }
    if (of->has_table) {
        put_trend(p);
        put_events(p);
    }
    put_losses(p);
}

/* --- the last hour ---------------------------------------------------------------------------- */

bool ctw_status_hour(const struct ctw_view *v, uint32_t room, struct ctw_sparkline *ret) {
    const struct ctw_snapshot *of = &v->snapshot;
    const struct ctw_spark latest = {.known = of->has_table,
                                     .at_usec = of->polled_usec,
                                     .count = of->table.count,
                                     .max = of->table.max,
                                     .level = of->level};

    if (!v->history)
        return false;
    ctw_sparkline(v->history, v->now_usec, &latest, room, ret);
    return ret->high.known;
}

static enum ctw_colour spark_colour(const struct ctw_spark *s) {
    return s->known && s->level > CTW_LEVEL_OK ? ctw_level_colour(s->level) : CTW_COLOUR_NONE;
}

/* Columns of one colour are put at once; a blank is a time without polls. */
static void put_columns(struct page *p, const struct ctw_sparkline *s) {
    static const char *const blocks[] = {"\u2581", "\u2582", "\u2583", "\u2584",
                                         "\u2585", "\u2586", "\u2587", "\u2588"};
    static const char *const ascii[] = {"_", ".", ":", "-", "=", "+", "*", "#"};
    const char *const *marks = p->layout.utf8 ? blocks : ascii;
    struct ctw_line run;

    ctw_line_start(&run);
    for (uint32_t i = 0; i < s->n; i++) {
        const struct ctw_spark *c = &s->columns[i];
        ctw_line_add(&run, "%s", c->known ? marks[ctw_spark_height(c, s->highest) - 1] : " ");
        if (i + 1 < s->n && spark_colour(c) == spark_colour(c + 1))
            continue;
        ctw_layout_put(&p->layout, spark_colour(c), run.text);
        ctw_line_start(&run);
    }
    ctw_out_put(&p->layout.out, "\n");
}

static void put_hour(struct page *p) {
    struct ctw_sparkline s;
    struct ctw_line high = {0};

    if (!ctw_status_hour(p->view, p->layout.columns - INDENT, &s))
        return;
    ctw_layout_label(&p->layout, "last hour");
    put_columns(p, &s);
    ctw_line_add(&high, "%" PRIu32, s.high.count);
    if (s.high.max != p->of->table.max && s.high.max > 0)
        ctw_line_add(&high, " of %" PRIu32, s.high.max);
    if (s.high.max > 0)
        ctw_line_add(&high, " (%s %%)", fill(s.high.count, s.high.max).text);
    put(p, "", "high %s at %s, low %" PRIu32 " at %s", high.text, clock_of(p, s.high.at_usec).text,
        s.low, clock_of(p, s.low_usec).text);
}

/* --- what the daemon does --------------------------------------------------------------------- */

/* "kernel log: /dev/kmsg: Permission denied"; a missing table has been reported above. */
static void put_sources(struct page *p) {
    const char *label = "blind";

    for (enum ctw_source i = CTW_SOURCE_TABLE + 1; i < CTW_SOURCES; i++) {
        struct ctw_line name, fault;

        ctw_message_fault(&p->of->sources[i], &fault);
        if (fault.length == 0)
            continue;
        ctw_line_start(&name);
        for (const char *c = ctw_source_name(i); *c != '\0'; c++)
            ctw_line_add(&name, "%c", *c == '_' ? ' ' : *c);
        put(p, label, "%s: %s", name.text, fault.text);
        label = "";
    }
}

static void put_growth(struct page *p) {
    const struct ctw_snapshot *of = p->of;
    const bool on = of->growth_enabled || of->growth_dry_run;
    struct ctw_line l = {0};

    if (!by_daemon(p))
        return;
    ctw_line_add(&l, "%s", of->growth_dry_run ? "dry run" : on ? "on" : "off");
    if (on && of->ceiling != 0 && of->ceiling < of->table.max)
        ctw_line_add(&l, "; its ceiling of %" PRIu32 ", set by %s, is below the present max",
                     of->ceiling, ctw_growth_bound_name(of->bound));
    else if (on && of->ceiling != 0)
        ctw_line_add(&l, ", up to %" PRIu32 " (set by %s)", of->ceiling,
                     ctw_growth_bound_name(of->bound));
    if (on && of->growth_refused)
        ctw_line_add(&l, "; %s: %s",
                     of->refusal == CTW_GROWTH_PERSIST_FAILED ? "but" : "it cannot grow now",
                     ctw_growth_refusal_clause(of->refusal));
    if (of->grown_usec != 0 && of->grown_from != of->grown_to)
        ctw_line_add(&l, "; grown from %" PRIu32 " to %" PRIu32 " at %s", of->grown_from,
                     of->grown_to, when(p, of->grown_usec).text);
    put(p, "growth", "%s", l.text);
}

static void put_talkers(struct page *p) {
    const struct ctw_talkers *t = &p->of->talkers;
    struct ctw_line basis, outlook;

    if (!t->known)
        return;
    ctw_line_start(&basis);
    ctw_talkers_basis(&basis, t);
    ctw_line_start(&outlook);
    ctw_talkers_outlook(&outlook, t);
    put(p, "talkers", "%s, at %s", basis.text, when(p, p->of->talkers_usec).text);
    if (t->entries > 0)
        put(p, "", "%s", outlook.text);
    if (t->n_sources + t->n_ports + t->n_states + t->n_destinations > 0)
        ctw_talkers_lists(&p->layout, t);
}

/* --- what to do ------------------------------------------------------------------------------- */

void ctw_status_trouble(const struct ctw_snapshot *of, struct ctw_status_trouble *ret) {
    struct ctw_cause_facts facts;

    *ret = (struct ctw_status_trouble){.known = ctw_snapshot_facts(of, &facts)};
    if (!ret->known)
        return;
    ctw_diagnose(&facts, &ret->diagnosis);
    if (of->pid == 0 || facts.trouble != CTW_TROUBLE_ANY) /* a past one needs no remedy */
        ctw_remedy_for(&ret->diagnosis, &facts, &ret->remedy);
}

/* "one_source: 192.0.2.7" */
static void put_trouble(struct page *p, const struct ctw_status_trouble *t) {
    const struct ctw_diagnosis *d = &t->diagnosis;

    if (!t->known)
        return;
    put(p, "cause", "%s%s%s", ctw_cause_name(d->cause), d->culprit[0] != '\0' ? ": " : "",
        d->culprit);
    if (t->remedy.sentence.length > 0)
        paragraph(p, "remedy", CTW_COLOUR_NONE, t->remedy.sentence.text);
}

/* Each on a line of its own, however long, as it is to be pasted. */
static void put_commands(struct page *p, const struct ctw_remedy *r) {
    struct ctw_out *o = &p->layout.out;

    if (r->command[0] != '\0')
        ctw_out_put(o, "\nCOMMAND, for a root shell in the network namespace of this table\n%s\n",
                    r->command);
    if (r->undo[0] != '\0')
        ctw_out_put(o, "\nUNDO\n%s\n", r->undo);
}

/* --- alerts ----------------------------------------------------------------------------------- */

#define SHOWN 5u

/* Whether both are of levels reached at one poll, @b before @a: their sentence is the same. */
static bool same_poll(const struct ctw_recent_alert *a, const struct ctw_recent_alert *b) {
    return a->kind == CTW_ALERT_USAGE && b->kind == CTW_ALERT_USAGE && a->edge == b->edge &&
           a->realtime_usec - b->realtime_usec < CTW_USEC_PER_SEC &&
           strncmp(a->message, b->message, CTW_RECENT_ALERT_BYTES) == 0;
}

static void put_alert(struct page *p, const struct ctw_recent_alert *a, enum ctw_level level) {
    const bool levelled = a->kind == CTW_ALERT_USAGE && level > CTW_LEVEL_OK;

    put(p, ctw_clock(a->realtime_usec, p->view->realtime_usec, p->style->utc_offset_sec).text,
        "%s%s%.*s", levelled ? ctw_level_name(level) : "", levelled ? ": " : "",
        CTW_RECENT_ALERT_BYTES - 1, a->message);
}

/* The newest first. */
static void put_alerts(struct page *p) {
    const struct ctw_snapshot *of = p->of;
    const uint64_t n =
        of->n_recent_alerts < CTW_RECENT_ALERTS ? of->n_recent_alerts : CTW_RECENT_ALERTS;

    if (n > 0)
        ctw_out_put(&p->layout.out, "\nLAST ALERTS\n");
    for (uint64_t i = 0, shown = 0; i < n && shown < SHOWN; shown++) {
        const struct ctw_recent_alert *a = ctw_snapshot_recent(of, i), *b;
        enum ctw_level level = a->level;
        for (i++; i < n && same_poll(a, b = ctw_snapshot_recent(of, i)); i++)
            if (b->level > level)
                level = b->level;
        put_alert(p, a, level);
    }
}

/* --- all of it -------------------------------------------------------------------------------- */

void ctw_status_facts(const struct ctw_view *v, enum ctw_status_part part, ctw_status_fact *fact,
                      void *userdata) {
    static const struct ctw_status_style utc = {0};
    struct page p = {
        .view = v, .of = &v->snapshot, .style = &utc, .fact = fact, .userdata = userdata};
    struct ctw_line l = {0};

    if (part == CTW_STATUS_ORIGIN) {
        add_origin(&l, &p);
        if (l.length > 0)
            fact(userdata, "", CTW_COLOUR_BAD, l.text);
    } else if (part == CTW_STATUS_TABLE) {
        put_table(&p);
    } else {
        put_growth(&p);
        put_sources(&p);
        put_daemon(&p);
    }
}

static uint32_t clamp_columns(uint32_t columns) {
    if (columns < CTW_STATUS_COLUMNS_MIN)
        return CTW_STATUS_COLUMNS_MIN;
    return columns < CTW_STATUS_COLUMNS_MAX ? columns : CTW_STATUS_COLUMNS_MAX;
}

size_t ctw_render_status_text(const struct ctw_view *v, const struct ctw_status_style *style,
                              char *buffer, size_t size) {
    struct page p = {.view = v,
                     .of = &v->snapshot,
                     .style = style,
                     .layout = {.out = {.buffer = buffer, .size = size},
                                .columns = clamp_columns(style->columns),
                                .indent = INDENT,
                                .colour = style->colour,
                                .utf8 = style->utf8}};
    struct ctw_status_trouble trouble;

    if (size > 0)
        buffer[0] = '\0';
    put_origin(&p);
    if (style->names_utc)
        put(&p, "time", "%s UTC, as are all times here", clock_of(&p, v->now_usec).text);
    put_table(&p);
    ctw_status_trouble(&v->snapshot, &trouble);
    put_trouble(&p, &trouble);
    put_hour(&p);
    put_sources(&p);
    put_growth(&p);
    put_daemon(&p);
    if (v->namespaces)
        ctw_namespaces_block(&p.layout, v->namespaces);
    put_talkers(&p);
    put_commands(&p, &trouble.remedy);
    put_alerts(&p);
    return p.layout.out.used;
}
