/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/http/pages.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "daemon/state/reader.h"
#include "daemon/sys/clock.h"
#include "lib/state/snapshot.h"
#include "lib/view/history.h"
#include "lib/view/metrics.h"
#include "lib/view/status.h"
#include "lib/view/top.h"

#define TEXT_TYPE "text/plain; charset=utf-8"
#define CSV_TYPE  "text/csv; charset=utf-8"
#define JSON_TYPE "application/json"

/* Readers of /history at a time: each has a copy of its own, of a megabyte. */
#define STREAMS_MAX 8u

/* What a daemon left half written takes a while to be told from what is being written, in which
 * nobody else is served: afterwards it is left alone for so long. */
#define TORN_USEC CTW_USEC_PER_SEC

static bool ctw_accept_prefers(const char*a,const char*t){return a && strcasestr(a,t);}
struct ctw_pages {
    const char *directory;
    bool addresses;
    unsigned streams;
    uint64_t torn_until_usec, history_torn_until_usec;

    /* for the request being answered */
    struct ctw_view view;
    struct ctw_history history;
};

static int note_torn(int r, uint64_t *until_usec) {
    if (r == -EAGAIN)
        *until_usec = ctw_monotonic_usec() + TORN_USEC;
    return r;
}

static int read_history(struct ctw_pages *s, struct ctw_history *ret) {
    if (ctw_monotonic_usec() < s->history_torn_until_usec)
        return -EAGAIN;
    return note_torn(ctw_state_read_history(s->directory, ret), &s->history_torn_until_usec);
}

static void poll(struct ctw_pages *s) {
    const uint64_t now_usec = ctw_monotonic_usec();

    if (now_usec < s->torn_until_usec) {
        s->view = (struct ctw_view){.state_error = -EAGAIN, .now_usec = now_usec};
        return;
    }
    ctw_state_view(s->directory, &s->view);
    (void)note_torn(s->view.state_error, &s->torn_until_usec);
    if (!s->addresses)
        ctw_snapshot_redact(&s->view.snapshot);
}

/* --- replies --------------------------------------------------------------------------------- */

/* Return: 0 or -ENOMEM. */
static int answer_text(struct ctw_server_reply *ret, unsigned status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static int answer_text(struct ctw_server_reply *ret, unsigned status, const char *format, ...) {
    va_list arguments;

    va_start(arguments, format);
    const int n = vasprintf(&ret->text, format, arguments);
    va_end(arguments);
    if (n < 0) {
        ret->text = NULL;
        return -ENOMEM;
    }
    ret->status = status;
    ret->type = TEXT_TYPE;
    ret->length = (size_t)n;
    return 0;
}

/* What has been rendered into ret->text, of which there were @room bytes: @length it has. */
static int store(struct ctw_server_reply *ret, const char *type, size_t length, size_t room) {
    if (length == 0 || length >= room) {
        free(ret->text);
        ret->text = NULL;
        return -ENOMEM;
    }
    char *smaller = realloc(ret->text, length);
    if (smaller)
        ret->text = smaller;
    ret->status = 200;
    ret->type = type;
    ret->length = length;
    return 0;
}

static int print_fault(const struct ctw_pages *s, int error, struct ctw_server_reply *ret) {
    return answer_text(ret, 503, "%s/state: %s\n", s->directory, ctw_state_fault(error));
}

/* --- pages ----------------------------------------------------------------------------------- */

static int show_metrics(struct ctw_pages *s, bool openmetrics, struct ctw_server_reply *ret) {
    ret->text = malloc(CTW_RENDER_METRICS_MAX);
    if (!ret->text)
        return -ENOMEM;
    const size_t n = ctw_render_metrics(&s->view, openmetrics, ret->text, CTW_RENDER_METRICS_MAX);
    return store(ret, openmetrics ? CTW_METRICS_OPENMETRICS_TYPE : CTW_METRICS_TEXT_TYPE, n,
                 CTW_RENDER_METRICS_MAX);
}

static int show_status(struct ctw_pages *s, bool json, struct ctw_server_reply *ret) {
    const bool has_history = read_history(s, &s->history) >= 0;
    const struct ctw_status_style style = {
        .columns = CTW_STATUS_COLUMNS, .utf8 = true, .names_utc = true};

    s->view.history = has_history ? &s->history : NULL;
    ret->text = malloc(CTW_RENDER_STATUS_MAX);
    if (!ret->text)
        return -ENOMEM;
    const size_t n =
        json ? ctw_render_status_json(&s->view, false, ret->text, CTW_RENDER_STATUS_MAX)
             : ctw_render_status_text(&s->view, &style, ret->text, CTW_RENDER_STATUS_MAX);
    return store(ret, json ? JSON_TYPE : TEXT_TYPE, n, CTW_RENDER_STATUS_MAX);
}

static int show_top(struct ctw_pages *s, bool json, struct ctw_server_reply *ret) {
    if (!s->addresses)
        return answer_text(ret, 403, "addresses are shown by ctwatch serve --top only\n");
    ret->text = malloc(CTW_RENDER_TALKERS_MAX);
    if (!ret->text)
        return -ENOMEM;
    const size_t n = json ? ctw_render_talkers_json(&s->view, ret->text, CTW_RENDER_TALKERS_MAX)
                          : ctw_render_talkers_text(&s->view, ret->text, CTW_RENDER_TALKERS_MAX);
    return store(ret, json ? JSON_TYPE : TEXT_TYPE, n, CTW_RENDER_TALKERS_MAX);
}

static int show_health(const struct ctw_pages *s, struct ctw_server_reply *ret) {
    const struct ctw_view *v = &s->view;

    switch (v->liveness) {
    case CTW_LIVENESS_ALIVE:
        return answer_text(ret, 200, "ok\n");
    case CTW_LIVENESS_LATE:
        return answer_text(ret, 503,
                           "ctwatchd hangs or has died: its last look was %" PRIu64 " s ago\n",
                           ctw_view_ago(v, v->snapshot.polled_usec) / CTW_USEC_PER_SEC);
    case CTW_LIVENESS_STOPPED:
        return answer_text(ret, 503, "ctwatchd has been stopped\n");
    case CTW_LIVENESS_NONE:
        break;
    }
    return v->state_error < 0 ? print_fault(s, v->state_error, ret)
                              : answer_text(ret, 503, "ctwatchd does not run\n");
}

static int show_index(const struct ctw_pages *s, struct ctw_server_reply *ret) {
    return answer_text(ret, 200,
                       "ctwatch " CTWATCH_VERSION ", the watch of the connection-tracking table\n"
                       "\n"
                       "/metrics   for Prometheus\n"
                       "/status    how the table is doing        /status.json\n"
                       "/history   the last day                  /history.json /history.csv\n"
                       "/top       who fills it%s/top.json\n"
                       "/healthz   whether ctwatchd looks: 200 or 503\n",
                       s->addresses ? "                  " : " (switched off)   ");
}

/* --- the history, line by line --------------------------------------------------------------- */

struct stream {
    struct ctw_pages *pages;
    struct ctw_history history;
    struct ctw_snapshot snapshot;
    struct ctw_history_page page;
    size_t length, sent; /* of the line */
    char line[CTW_HISTORY_LINE_MAX];
};

static ssize_t read_stream(void *userdata, char *buffer, size_t size) {
    struct stream *s = userdata;
    size_t n = 0;

    while (n < size) {
        if (s->sent == s->length) {
            s->length = ctw_render_history_line(&s->page, s->line);
            s->sent = 0;
        }
        if (s->page.failed || s->length >= sizeof(s->line))
            return -ENOMEM;
        if (s->length == 0)
            break;
        const size_t left = s->length - s->sent, part = left < size - n ? left : size - n;
        memcpy(buffer + n, s->line + s->sent, part);
        s->sent += part;
        n += part;
    }
    return (ssize_t)n;
}

static void free_stream(void *userdata) {
    struct stream *s = userdata;

    s->pages->streams--;
    free(s);
}

static int show_history(struct ctw_pages *pages, enum ctw_history_format format, const char *type,
                        struct ctw_server_reply *ret) {
    if (pages->streams >= STREAMS_MAX) {
        return answer_text(ret, 503, "too many are reading the history: try again in a second\n");
    }
    struct stream *s = calloc(1, sizeof(*s));
    if (!s)
        return -ENOMEM;
    const int r = read_history(pages, &s->history);
    if (r < 0) {
        free(s);
        return print_fault(pages, r, ret);
    }
    s->pages = pages;
    s->snapshot = pages->view.snapshot;
    ctw_render_history_start(&s->page, format, &s->history, &s->snapshot);
    pages->streams++;
    ret->status = 200;
    ret->type = type;
    ret->stream = (struct ctw_server_stream){read_stream, free_stream, s};
    return 0;
}

/* --- which it is ----------------------------------------------------------------------------- */

enum page { METRICS, STATUS, TOP, HISTORY, HEALTH };
enum form { TEXT, JSON, CSV };

static const struct {
    const char *path;
    enum page page;
    enum form form; /* TEXT: or another, if that is asked for */
} routes[] = {
    {"/metrics", METRICS, TEXT},      {"/status", STATUS, TEXT},
    {"/status.json", STATUS, JSON},   {"/top", TOP, TEXT},
    {"/top.json", TOP, JSON},         {"/history", HISTORY, TEXT},
    {"/history.json", HISTORY, JSON}, {"/history.csv", HISTORY, CSV},
    {"/healthz", HEALTH, TEXT},
};

static int show_history_as(struct ctw_pages *s, enum form form, struct ctw_server_reply *ret) {
    switch (form) {
    case TEXT:
        return show_history(s, CTW_HISTORY_TEXT, TEXT_TYPE, ret);
    case JSON:
        return show_history(s, CTW_HISTORY_JSON, JSON_TYPE, ret);
    case CSV:
        break;
    }
    return show_history(s, CTW_HISTORY_CSV, CSV_TYPE, ret);
}

static int show(struct ctw_pages *s, enum page page, enum form form, const char *accept,
                struct ctw_server_reply *ret) {
    const bool json = form == JSON || (form == TEXT && ctw_accept_prefers(accept, JSON_TYPE));

    if (page == HEALTH)
        return show_health(s, ret);
    if (page == METRICS)
        return show_metrics(s, ctw_accept_prefers(accept, "application/openmetrics-text"), ret);
    if (page == TOP && !s->addresses)
        return show_top(s, json, ret);
    if (s->view.state_error < 0)
        return print_fault(s, s->view.state_error, ret);
    if (page == STATUS)
        return show_status(s, json, ret);
    if (page == TOP)
        return show_top(s, json, ret);
    return show_history_as(s, json ? JSON : form, ret);
}

int ctw_pages_answer(void *pages, const struct ctw_server_request *request,
                     struct ctw_server_reply *ret) {
    struct ctw_pages *s = pages;

    if (strcmp(request->path, "/") == 0)
        return show_index(s, ret);
    for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
        if (strcmp(request->path, routes[i].path) != 0)
            continue;
        poll(s);
        return show(s, routes[i].page, routes[i].form, request->accept, ret);
    }
    return answer_text(ret, 404, "there is no such page: / lists those there are\n");
}

/* --- lifetime -------------------------------------------------------------------------------- */

int ctw_pages_new(const char *directory, bool addresses, struct ctw_pages **ret) {
    struct ctw_pages *s = calloc(1, sizeof(*s));

    if (!s)
        return -ENOMEM;
    s->directory = directory;
    s->addresses = addresses;
    *ret = s;
    return 0;
}

struct ctw_pages *ctw_pages_free(struct ctw_pages *s) {
    free(s);
    return NULL;
}
