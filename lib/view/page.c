/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/view/page.h"

#include <inttypes.h>
#include <string.h>

#include "lib/report/message.h"
#include "lib/util/parse.h"
#include "lib/util/strbuf.h"
#include "lib/util/units.h"
#include "lib/view/history.h"
#include "lib/view/namespaces.h"
#include "lib/view/plot.h"
#include "lib/view/status.h"
#include "lib/view/top.h"
#include "lib/watch/level.h"

/* Points of a chart: a quarter of a minute, and six minutes. */
#define POINTS 240u

/* Lines of a list. */
#define ALERTS_SHOWN 8u
#define ROWS_SHOWN   8u

struct page {
    struct ctw_out out;
    const struct ctw_view *view;
    const struct ctw_snapshot *of; /* view->snapshot */
    bool addresses;
};

/* --- text ------------------------------------------------------------------------------------- */

/* Text without control bytes. What is in quotes may hold it, too. */
static void put_escaped(struct page *p, const char *text) {
    static const char special[] = "&<>\"'";
    static const char *const names[] = {"&amp;", "&lt;", "&gt;", "&quot;", "&#39;"};

    for (;;) {
        const size_t n = strcspn(text, special);
        ctw_out_put(&p->out, "%.*s", (int)n, text);
        if (text[n] == '\0')
            return;
        ctw_out_put(&p->out, "%s", names[strchr(special, text[n]) - special]);
        text += n + 1;
    }
}

/* Text from outside: printable UTF-8, escaped. */
static void put_text(struct page *p, const char *text) {
    struct ctw_line l = {0};

    ctw_line_add(&l, "%s", text);
    put_escaped(p, l.text);
}

/* "one_source" as "one source". */
static void put_name(struct page *p, const char *name) {
    for (const char *c = name; *c != '\0'; c++)
        ctw_out_put(&p->out, "%c", *c == '_' ? ' ' : *c);
}

/* In UTC; a script shows the local time instead. */
static void put_time(struct page *p, uint64_t realtime_usec) {
    char text[CTW_TIMESTAMP_SIZE];

    ctw_timestamp_print(realtime_usec, text);
    ctw_out_put(&p->out, "<time datetime=\"%s\">%s</time>", text,
                ctw_clock(realtime_usec, p->view->realtime_usec, 0).text);
}

/* A time of the monotonic clock. */
static uint64_t wall(const struct page *p, uint64_t usec) {
    return p->view->realtime_usec - ctw_view_ago(p->view, usec);
}

/* A part that a script replaces when it has changed; it has a place also while it is empty. */
static void start_section(struct page *p, const char *id, const char *heading, bool shown) {
    ctw_out_put(&p->out,
                "<section id=\"%s\" data-part aria-labelledby=\"%s-h\"%s>\n"
                "<h2 id=\"%s-h\">%s</h2>\n",
                id, id, shown ? "" : " hidden", id, heading);
}

static void end_section(struct page *p) {
    ctw_out_put(&p->out, "</section>\n");
}

/* A ctw_status_fact: a line of a <dl>, whose label names it for the script, too. */
static void put_fact(void *userdata, const char *label, enum ctw_colour colour, const char *text) {
    struct page *p = userdata;

    if (label[0] != '\0')
        ctw_out_put(&p->out, "<dt>%s</dt>", label);
    ctw_out_put(&p->out, "<dd%s%s%s%s>", label[0] != '\0' ? " data-fact=\"" : "", label,
                label[0] != '\0' ? "\"" : "", colour == CTW_COLOUR_BAD ? " class=\"bad\"" : "");
    put_text(p, text);
    ctw_out_put(&p->out, "</dd>\n");
}

static void put_facts(struct page *p, enum ctw_status_part part, const char *attributes) {
    ctw_out_put(&p->out, "<dl%s>\n", attributes);
    ctw_status_facts(p->view, part, put_fact, p);
    ctw_out_put(&p->out, "</dl>\n");
}

/* --- now -------------------------------------------------------------------------------------- */

/* A sign besides the colour. */
static const struct {
    const char *word, *sign;
} levels[] = {[CTW_LEVEL_OK] = {"OK", "\u2713"},
              [CTW_LEVEL_WARNING] = {"WARNING", "\u25b2"},
              [CTW_LEVEL_CRITICAL] = {"CRITICAL", "\u25c6"},
              [CTW_LEVEL_FULL] = {"FULL", "\u25a0"}};

static const char *level_word(const struct page *p) {
    return p->of->has_table ? levels[p->of->level].word : "UNKNOWN";
}

static struct ctw_word usage(const struct page *p) {
    return ctw_percent(ctw_usage_permyriad(p->of->table.count, p->of->table.max));
}

static bool is_limited(const struct page *p) {
    return p->of->has_table && p->of->table.max > 0;
}

static void put_bar(struct page *p) {
    const uint32_t permyriad = ctw_usage_permyriad(p->of->table.count, p->of->table.max);
    const struct ctw_word shown =
        ctw_percent(permyriad < CTW_PERMYRIAD ? permyriad : CTW_PERMYRIAD);
    const struct ctw_word warning = ctw_percent(p->of->warning_permyriad);
    const struct ctw_word critical = ctw_percent(p->of->critical_permyriad);

    ctw_out_put(&p->out,
                "<svg class=\"bar\" role=\"img\" aria-label=\"fill, with the thresholds of warning "
                "and critical\"><rect class=\"fill\" id=\"bar\" width=\"%s%%\" height=\"100%%\"/>"
                "<line x1=\"%s%%\" x2=\"%s%%\" y2=\"100%%\"/><line x1=\"%s%%\" x2=\"%s%%\" "
                "y2=\"100%%\"/></svg>\n"
                "<p class=\"note\">warning from %s %%, critical from %s %%</p>\n",
                shown.text, warning.text, warning.text, critical.text, critical.text, warning.text,
                critical.text);
}

static void put_now(struct page *p) {
    const struct ctw_snapshot *of = p->of;
    const bool changed = of->level_since_usec != 0;
    const uint64_t since_usec = changed ? of->level_since_usec : of->started_usec;

    ctw_out_put(&p->out,
                "<section id=\"now\" class=\"%s\" aria-labelledby=\"now-h\">\n"
                "<h2 id=\"now-h\"><span aria-hidden=\"true\" id=\"sign\">%s</span> "
                "<span id=\"level\" role=\"status\">%s</span>",
                of->has_table ? ctw_level_name(of->level) : "unknown",
                of->has_table ? levels[of->level].sign : "?", level_word(p));
    if (is_limited(p))
        ctw_out_put(&p->out, " <strong><span id=\"usage\">%s</span>&#8239;%%</strong>",
                    usage(p).text);
    ctw_out_put(&p->out, "</h2>\n");
    if (of->has_table && of->pid != 0) {
        ctw_out_put(&p->out, "<p id=\"since\">since %s", changed ? "" : "ctwatchd started at ");
        put_time(p, wall(p, since_usec));
        ctw_out_put(&p->out, ", <span id=\"ago\">%s</span> ago</p>\n",
                    ctw_duration(ctw_view_ago(p->view, since_usec)).text);
    }
    if (is_limited(p))
        put_bar(p);
    put_facts(p, CTW_STATUS_TABLE, " id=\"facts\" data-part");
    end_section(p);
}

/* --- what to do ------------------------------------------------------------------------------- */

static void put_paste(struct page *p, const char *heading, const char *text) {
    if (text[0] == '\0')
        return;
    ctw_out_put(&p->out, "<h3>%s</h3>\n<pre tabindex=\"0\"><code>", heading);
    put_escaped(p, text);
    ctw_out_put(&p->out, "</code></pre>\n");
}

static void put_trouble(struct page *p, const struct ctw_status_trouble *t) {
    ctw_out_put(&p->out, "<p><strong>");
    put_name(p, ctw_cause_name(t->diagnosis.cause));
    if (p->addresses && t->diagnosis.culprit[0] != '\0') {
        ctw_out_put(&p->out, ": ");
        put_text(p, t->diagnosis.culprit);
    }
    ctw_out_put(&p->out, "</strong></p>\n<p>");
    put_text(p, t->remedy.sentence.text);
    ctw_out_put(&p->out, "</p>\n");
    if (p->addresses) {
        put_paste(p, "Command, for a root shell in the network namespace of this table",
                  t->remedy.command);
        put_paste(p, "Undo", t->remedy.undo);
    } else if (t->remedy.command[0] != '\0') {
        ctw_out_put(&p->out, "<p class=\"note\">The command is in <code>ctwatch status</code>, and "
                             "here with <code>ctwatch serve --top</code>.</p>\n");
    }
}

static void put_cause(struct page *p) {
    struct ctw_status_trouble t;

    ctw_status_trouble(p->of, &t);
    start_section(p, "cause", "Cause", t.known);
    if (t.known)
        put_trouble(p, &t);
    end_section(p);
}

/* --- charts ----------------------------------------------------------------------------------- */

/* "highest 31337 (11.9 %) at 09:10:00, lowest 20000; nothing lost" */
static void describe(const struct page *p, const struct ctw_history_bins *b, struct ctw_line *ret) {
    const struct ctw_history_bin *high = NULL;
    struct ctw_losses lost = {0};
    struct ctw_line one;
    uint32_t low = UINT32_MAX;

    for (uint32_t i = 0; i < b->n; i++) {
        const struct ctw_history_bin *bin = &b->bins[i];
        if (bin->seconds == 0)
            continue;
        if (!high || !ctw_fuller(high->high, high->max, bin->high, bin->max))
            high = bin; /* the last */
        low = bin->low < low ? bin->low : low;
        ctw_losses_add(&lost, &bin->lost);
    }
    if (!high) {
        ctw_line_add(ret, "nothing is known yet");
        return;
    }
    ctw_line_add(ret, "highest %" PRIu32, high->high);
    if (high->max > 0)
        ctw_line_add(ret, " of %" PRIu32 " (%s %%)", high->max,
                     ctw_percent(ctw_usage_permyriad(high->high, high->max)).text);
    ctw_line_add(ret, " at %s, lowest %" PRIu32 "; ",
                 ctw_clock(high->start_usec, p->view->realtime_usec, 0).text, low);
    const char *between = "";
    for (size_t i = 0; i < CTW_LOSS_CLASSES; i++)
        if (ctw_message_loss(&lost, i, &one)) {
            ctw_line_add(ret, "%s%s", between, one.text);
            between = ", ";
        }
    ctw_line_add(ret, "%s", ctw_losses_any(&lost) ? "" : "nothing lost");
}

static void put_chart(struct page *p, const char *id, uint32_t span_sec) {
    struct ctw_history_bins bins;
    struct ctw_plot plot = {0};
    struct ctw_line words = {0};

    ctw_history_bins(p->view->history, p->of, p->view->realtime_usec, span_sec, POINTS, &bins);
    ctw_plot_bins(&plot, &bins);
    describe(p, &bins, &words);
    ctw_out_put(&p->out,
                "<section id=\"%s\" class=\"chart\" aria-labelledby=\"%s-h\">\n"
                "<h2 id=\"%s-h\">Last %s</h2>\n<figure data-span=\"%" PRIu32
                "\" data-name=\"last %s\"><div id=\"%s-plot\" data-part>\n",
                id, id, id, id, span_sec, id, id);
    ctw_plot_put(&p->out, &plot, p->of->warning_permyriad, p->of->critical_permyriad, id);
    ctw_out_put(&p->out, "</div><figcaption id=\"%s-words\" data-part>", id);
    put_text(p, words.text);
    ctw_out_put(&p->out, "</figcaption>\n</figure>\n");
    end_section(p);
}

static void put_legend(struct page *p) {
    static const struct {
        const char *class, *words;
    } entries[] = {{"low", "entries"},      {"high", "highest"},      {"limit", "limit"},
                   {"warning", "warning"},  {"critical", "critical"}, {"lost", "losses"},
                   {"grew", "limit raised"}};

    ctw_out_put(&p->out, "<ul class=\"legend\" aria-label=\"Legend of the charts\">");
    for (size_t i = 0; i < sizeof(entries) / sizeof(entries[0]); i++)
        ctw_out_put(&p->out, "<li><i class=\"%s\"></i>%s</li>", entries[i].class, entries[i].words);
    ctw_out_put(&p->out, "</ul>\n");
}

static void put_history(struct page *p) {
    if (!p->view->history)
        return;
    put_chart(p, "hour", 3600);
    put_chart(p, "day", CTW_HISTORY_SPAN_MAX);
    put_legend(p);
}

/* --- alerts ----------------------------------------------------------------------------------- */

static void put_alert(struct page *p, const struct ctw_recent_alert *a) {
    const bool levelled = a->kind == CTW_ALERT_USAGE;

    ctw_out_put(&p->out, "<li class=\"%s\">",
                a->edge == CTW_EDGE_END ? "ok" : ctw_level_name(a->level));
    put_time(p, a->realtime_usec);
    ctw_out_put(&p->out, " <b>");
    put_name(p, levelled ? ctw_level_name(a->level) : ctw_alert_kind_name(a->kind));
    ctw_out_put(&p->out, "</b> ");
    put_text(p, a->message);
    if (a->has_cause) {
        ctw_out_put(&p->out, " <em>Cause: ");
        put_name(p, ctw_cause_name(a->cause));
        ctw_out_put(&p->out, "</em>");
    }
    if (a->remedy[0] != '\0') {
        ctw_out_put(&p->out, "<details><summary>Remedy</summary>");
        put_text(p, a->remedy);
        ctw_out_put(&p->out, "</details>");
    }
    ctw_out_put(&p->out, "</li>\n");
}

/* The newest first. */
static void put_alerts(struct page *p) {
    const uint64_t n =
        p->of->n_recent_alerts < ALERTS_SHOWN ? p->of->n_recent_alerts : ALERTS_SHOWN;

    start_section(p, "alerts", "Last alerts", true);
    ctw_out_put(&p->out, n > 0 ? "<ol>\n" : "<p>None since ctwatchd started.</p>\n");
    for (uint64_t i = 0; i < n; i++)
        put_alert(p, ctw_snapshot_recent(p->of, i));
    ctw_out_put(&p->out, n > 0 ? "</ol>\n" : "");
    end_section(p);
}

/* --- talkers ---------------------------------------------------------------------------------- */

static void put_shares(struct page *p, const char *heading, uint32_t n,
                       const struct ctw_share *rows) {
    if (n == 0)
        return;
    ctw_out_put(&p->out,
                "<table><thead><tr><th scope=\"col\">%s</th><th scope=\"col\">share</th>"
                "</tr></thead><tbody>\n",
                heading);
    for (uint32_t i = 0; i < n && i < ROWS_SHOWN; i++) {
        ctw_out_put(&p->out, "<tr><td>");
        put_text(p, rows[i].name);
        if (rows[i].owner[0] != '\0') {
            ctw_out_put(&p->out, " (");
            put_text(p, rows[i].owner);
            ctw_out_put(&p->out, ")");
        }
        ctw_out_put(&p->out, "</td><td>%s %%</td></tr>\n", ctw_percent(rows[i].permyriad).text);
    }
    ctw_out_put(&p->out, "</tbody></table>\n");
}

static void put_lists(struct page *p, const struct ctw_talkers *t) {
    struct ctw_line l = {0};

    ctw_talkers_basis(&l, t);
    ctw_out_put(&p->out, "<p class=\"note\">");
    put_text(p, l.text);
    ctw_out_put(&p->out, ", at ");
    put_time(p, wall(p, p->of->talkers_usec));
    ctw_out_put(&p->out, "</p>\n");
    if (t->entries > 0) {
        ctw_line_start(&l);
        ctw_talkers_outlook(&l, t);
        ctw_out_put(&p->out, "<p>");
        put_text(p, l.text);
        ctw_out_put(&p->out, "</p>\n");
    }
    ctw_out_put(&p->out, "<div class=\"tables\">\n");
    put_shares(p, "source", t->n_sources, t->sources);
    put_shares(p, "port", t->n_ports, t->ports);
    put_shares(p, "state", t->n_states, t->states);
    put_shares(p, "destination", t->n_destinations, t->destinations);
    ctw_out_put(&p->out, "</div>\n");
}

static void put_talkers(struct page *p) {
    const struct ctw_talkers *t = &p->of->talkers;

    start_section(p, "talkers", "Talkers", p->addresses && t->known);
    if (p->addresses && t->known)
        put_lists(p, t);
    end_section(p);
}

/* --- other namespaces ------------------------------------------------------------------------- */

static void put_namespace(struct page *p, const struct ctw_namespace_record *r, uint32_t max) {
    const enum ctw_level level = (enum ctw_level)r->level;
    struct ctw_line name = {0};

    ctw_out_put(&p->out, "<tr class=\"%s\"><td>", ctw_level_name(level));
    ctw_namespaces_add_name(&name, r);
    put_text(p, name.text);
    ctw_out_put(&p->out, "</td><td>%s</td><td>", ctw_level_name(level));
    if (r->has_table)
        ctw_out_put(&p->out, "%" PRIu32, r->count);
    ctw_out_put(&p->out, "</td><td>%" PRIu64 "</td><td>",
                ctw_losses_drops(&r->lost) + r->lost.early_drops);
    if (r->has_table && max > 0)
        ctw_out_put(&p->out, "%s %%", ctw_percent(ctw_usage_permyriad(r->count, max)).text);
    ctw_out_put(&p->out, "</td></tr>\n");
}

static void put_namespaces(struct page *p) {
    const struct ctw_namespaces *n = p->view->namespaces;

    start_section(p, "namespaces", "Other network namespaces", n && n->of.n > 0);
    if (n && n->of.n > 0) {
        ctw_out_put(&p->out,
                    "<table><thead><tr><th scope=\"col\">namespace</th><th scope=\"col\">level"
                    "</th><th scope=\"col\">entries</th><th scope=\"col\">lost</th>"
                    "<th scope=\"col\">fill</th></tr></thead><tbody>\n");
        for (uint32_t i = 0; i < n->of.n && i < ROWS_SHOWN; i++)
            put_namespace(p, &n->records[i], n->of.max);
        ctw_out_put(&p->out, "</tbody></table>\n");
        if (n->of.known > ROWS_SHOWN)
            ctw_out_put(&p->out,
                        "<p class=\"note\">the fullest of %" PRIu32 "; all: <code>ctwatch "
                        "namespaces</code></p>\n",
                        n->of.known);
    }
    end_section(p);
}

/* --- ctwatchd --------------------------------------------------------------------------------- */

static void put_sources(struct page *p) {
    ctw_out_put(&p->out, "<ul class=\"sources\" aria-label=\"Sources\">\n");
    for (enum ctw_source i = 0; i < CTW_SOURCES; i++) {
        const enum ctw_health health = p->of->sources[i].health;
        ctw_out_put(&p->out, "<li class=\"%s\">", ctw_health_name(health));
        put_name(p, ctw_source_name(i));
        ctw_out_put(&p->out, " <b>");
        put_name(p, ctw_health_name(health));
        ctw_out_put(&p->out, "</b></li>\n");
    }
    ctw_out_put(&p->out, "</ul>\n");
}

static void put_daemon(struct page *p) {
    start_section(p, "daemon", "Growth and sources", true);
    put_facts(p, CTW_STATUS_DAEMON, "");
    put_sources(p);
    end_section(p);
}

/* --- all of it -------------------------------------------------------------------------------- */

static void put_head(struct page *p) {
    ctw_out_put(&p->out,
                "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                "<meta name=\"color-scheme\" content=\"light dark\">\n<title>%s%s%s - conntrack "
                "table</title>\n<style>%.*s</style>\n</head>\n<body>\n",
                level_word(p), is_limited(p) ? " " : "", is_limited(p) ? usage(p).text : "",
                (int)ctw_page_style_bytes, ctw_page_style);
    ctw_out_put(&p->out,
                "<header><h1>Conntrack table <span id=\"host\"></span></h1>\n<p id=\"clock\">");
    put_time(p, p->view->realtime_usec);
    ctw_out_put(&p->out, " <span id=\"zone\">UTC, as are all times here</span></p></header>\n");
}

static void put_origin(void *userdata, const char *label, enum ctw_colour colour,
                       const char *text) {
    put_text(userdata, text);
}

static void put_foot(struct page *p) {
    static const char *const pages[] = {"/status",       "/status.json", "/history",
                                        "/history.json", "/history.csv", "/metrics",
                                        "/healthz",      "/top",         "/top.json"};
    const size_t n = sizeof(pages) / sizeof(pages[0]);

    ctw_out_put(&p->out, "<footer><nav aria-label=\"Other pages\">");
    for (size_t i = 0; i < n - (p->addresses ? 0 : 2); i++)
        ctw_out_put(&p->out, "<a href=\"%s\">%s</a> ", pages[i], pages[i]);
    ctw_out_put(&p->out,
                "</nav>\n<p>ctwatch " CTWATCH_VERSION "</p></footer>\n<script>%.*s</script>\n"
                "</body>\n</html>\n",
                (int)ctw_page_script_bytes, ctw_page_script);
}

/* On a wide screen two columns, and below them as many as fit. */
static void put_sections(struct page *p) {
    ctw_out_put(&p->out, "<div class=\"columns\"><div>\n");
    put_now(p);
    put_cause(p);
    put_daemon(p);
    ctw_out_put(&p->out, "</div><div>\n");
    put_history(p);
    ctw_out_put(&p->out, "</div></div>\n<div class=\"columns\">\n");
    put_alerts(p);
    put_namespaces(p);
    put_talkers(p);
    ctw_out_put(&p->out, "</div>\n");
}

size_t ctw_render_page(const struct ctw_view *v, bool addresses, char *buffer, size_t size) {
    struct page p = {.out = {.buffer = buffer, .size = size},
                     .view = v,
                     .of = &v->snapshot,
                     .addresses = addresses};

    put_head(&p);
    ctw_out_put(&p.out, "<main>\n<p id=\"origin\" data-part role=\"alert\">");
    ctw_status_facts(v, CTW_STATUS_ORIGIN, put_origin, &p);
    ctw_out_put(&p.out,
                "</p>\n<noscript><p class=\"note\">Without JavaScript, this is the moment "
                "when the page was loaded: <a href=\"/\">load it again</a>.</p></noscript>\n");
    if (v->state_error == 0)
        put_sections(&p);
    ctw_out_put(&p.out, "</main>\n");
    put_foot(&p);
    return p.out.used;
}
