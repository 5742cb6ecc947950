/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/http/pages.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/state/reader.h"
#include "daemon/sys/clock.h"
#include "lib/util/parse.h"
#include "lib/util/units.h"
#include "lib/view/history.h"
#include "lib/view/metrics.h"
#include "lib/view/page.h"
#include "lib/view/status.h"
#include "lib/view/top.h"

#define TEXT_TYPE        "text/plain; charset=utf-8"
#define CSV_TYPE         "text/csv; charset=utf-8"
#define HTML_TYPE        "text/html; charset=utf-8"
#define JSON_TYPE        "application/json"
#define OPENMETRICS_TYPE "application/openmetrics-text"

/* Room for any page but the history. */
#define PAGE_MAX 163840u
_Static_assert(PAGE_MAX >= CTW_RENDER_PAGE_MAX && PAGE_MAX >= CTW_RENDER_METRICS_MAX &&
                   PAGE_MAX >= CTW_RENDER_STATUS_MAX && PAGE_MAX >= CTW_RENDER_TALKERS_MAX &&
                   PAGE_MAX >= CTW_RENDER_BINS_MAX,
               "a page has room");

/* Replies with the history that are sent at a time. Each has a copy of it, of 1.6 MB. */
#define STREAMS_MAX 8u

/* Reading a state that is half written takes 100 ms, during which no other request is served. It is
 * not read again for this time. */
#define TORN_USEC CTW_USEC_PER_SEC

/* The history of 1.6 MB is not read again for this time, but by a request for the history itself.
 */
#define HISTORY_USEC CTW_USEC_PER_SEC

/* Browsers ask for the same page every second, each at its own time: replies with one of these
 * routes are sent again for this time, however many ask. */
#define SHARED_USEC (250 * CTW_USEC_PER_MSEC)
#define SHARED_MAX  2u

struct ctw_pages {
    const char *directory;
    bool addresses;
    uint64_t torn_until_usec, history_torn_until_usec, history_until_usec;
    uint64_t namespaces_torn_until_usec;
    struct shared {
        const struct route *route; /* NULL: none */
        uint64_t until_usec;
        struct ctw_server_reply reply;
    } shared[SHARED_MAX];
    struct stream *streams[STREAMS_MAX];
    size_t next_evicted;

    /* for one request */
    const struct ctw_server_request *request;
    struct ctw_view view;
    struct ctw_history history;
};

static void read_view(struct ctw_pages *s) {
    const uint64_t now_usec = ctw_monotonic_usec();

    if (now_usec < s->torn_until_usec) {
        s->view = (struct ctw_view){.state_error = -EAGAIN, .now_usec = now_usec};
        return;
    }
    ctw_state_view(s->directory, &s->view);
    if (s->view.state_error == -EAGAIN)
        s->torn_until_usec = ctw_monotonic_usec() + TORN_USEC;
    if (!s->addresses)
        ctw_snapshot_redact(&s->view.snapshot);
}

/* Return: 0, or as ctw_state_read_history(). */
static int read_history(struct ctw_pages *s) {
    const uint64_t now_usec = ctw_monotonic_usec();

    if (now_usec < s->history_torn_until_usec)
        return -EAGAIN;
    if (now_usec < s->history_until_usec)
        return 0;
    const int r = ctw_state_read_history(s->directory, &s->history);
    if (r == -EAGAIN)
        s->history_torn_until_usec = ctw_monotonic_usec() + TORN_USEC;
    s->history_until_usec = r == 0 ? now_usec + HISTORY_USEC : 0;
    return r;
}

/* Into the view, until the page has been rendered. */
static void read_namespaces(struct ctw_pages *s) {
    if (ctw_monotonic_usec() < s->namespaces_torn_until_usec)
        return;
    if (ctw_state_view_namespaces(s->directory, &s->view) == -EAGAIN)
        s->namespaces_torn_until_usec = ctw_monotonic_usec() + TORN_USEC;
    if (s->view.namespaces && !s->addresses)
        ctw_namespaces_redact(s->view.namespaces);
}

enum form { TEXT, JSON, CSV, OPENMETRICS, HTML };

/* Renders into ret->text, which has PAGE_MAX bytes, and returns the length, or sets ret->stream.
 * The status is 200 and the type that of the route, unless the renderer sets others. */
typedef size_t renderer(struct ctw_pages *s, enum form form, struct ctw_server_reply *ret);

static size_t __attribute__((format(printf, 3, 4)))
line(struct ctw_server_reply *ret, unsigned status, const char *format, ...) {
    va_list args;

    ret->status = status;
    ret->type = TEXT_TYPE;
    va_start(args, format);
    const int n = vsnprintf(ret->text, PAGE_MAX, format, args);
    va_end(args);
    return (size_t)n;
}

static size_t fault(const struct ctw_pages *s, int error, struct ctw_server_reply *ret) {
    return line(ret, 503, "%s/state: %s\n", s->directory, ctw_state_fault(error));
}

static size_t render_page(struct ctw_pages *s, enum form form, struct ctw_server_reply *ret) {
    ret->policy = ctw_page_policy;
    s->view.history = s->view.state_error == 0 && read_history(s) >= 0 ? &s->history : NULL;
    read_namespaces(s);
    return ctw_render_page(&s->view, s->addresses, ret->text, PAGE_MAX);
}

static size_t render_health(struct ctw_pages *s, enum form form, struct ctw_server_reply *ret) {
    const struct ctw_view *v = &s->view;

    switch (v->liveness) {
    case CTW_LIVENESS_ALIVE: return line(ret, 200, "ok\n");
    case CTW_LIVENESS_LATE:
        return line(ret, 503, "ctwatchd hangs or has died: its last poll was %" PRIu64 " s ago\n",
                    ctw_view_ago(v, v->snapshot.polled_usec) / CTW_USEC_PER_SEC);
    case CTW_LIVENESS_STOPPED: return line(ret, 503, "ctwatchd has been stopped\n");
    case CTW_LIVENESS_NONE: break;
    }
    return v->state_error < 0 ? fault(s, v->state_error, ret)
                              : line(ret, 503, "ctwatchd does not run\n");
}

static size_t render_metrics(struct ctw_pages *s, enum form form, struct ctw_server_reply *ret) {
    read_namespaces(s);
    return ctw_render_metrics(&s->view, form == OPENMETRICS, ret->text, PAGE_MAX);
}

static size_t render_status(struct ctw_pages *s, enum form form, struct ctw_server_reply *ret) {
    const struct ctw_status_style style = {
        .columns = CTW_STATUS_COLUMNS, .utf8 = true, .names_utc = true};

    if (s->view.state_error < 0)
        return fault(s, s->view.state_error, ret);
    s->view.history = read_history(s) >= 0 ? &s->history : NULL;
    read_namespaces(s);
    return form == JSON ? ctw_render_status_json(&s->view, false, ret->text, PAGE_MAX)
                        : ctw_render_status_text(&s->view, &style, ret->text, PAGE_MAX);
}

static size_t render_top(struct ctw_pages *s, enum form form, struct ctw_server_reply *ret) {
    if (!s->addresses)
        return line(ret, 403, "addresses are shown by ctwatch serve --top only\n");
    if (s->view.state_error < 0)
        return fault(s, s->view.state_error, ret);
    return form == JSON ? ctw_render_talkers_json(&s->view, ret->text, PAGE_MAX)
                        : ctw_render_talkers_text(&s->view, ret->text, PAGE_MAX);
}

struct copy {
    struct ctw_history history;
    struct ctw_snapshot snapshot;
};

struct stream {
    struct ctw_pages *pages;
    struct copy *copy; /* NULL: evicted */
    struct ctw_history_page page;
    size_t length, sent; /* of the line */
    char line[CTW_HISTORY_LINE_MAX];
};

static ssize_t read_stream(void *userdata, char *buffer, size_t size) {
    struct stream *s = userdata;
    size_t n = 0;

    if (!s->copy)
        return -ECANCELED;
    while (n < size) {
        if (s->sent == s->length) {
            s->length = ctw_render_history_line(&s->page, s->line);
            s->sent = 0;
        }
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

    for (size_t i = 0; i < STREAMS_MAX; i++)
        if (s->pages->streams[i] == s)
            s->pages->streams[i] = NULL;
    free(s->copy);
    free(s);
}

/* Evicts another stream when all are taken, so that clients that read slowly cannot keep them. */
static struct stream **take_place(struct ctw_pages *s) {
    for (size_t i = 0; i < STREAMS_MAX; i++)
        if (!s->streams[i])
            return &s->streams[i];
    struct stream **place = &s->streams[s->next_evicted++ % STREAMS_MAX];
    free((*place)->copy);
    (*place)->copy = NULL;
    return place;
}

static size_t render_bins(struct ctw_pages *s, struct ctw_server_reply *ret) {
    const char *points = s->request->points;
    uint64_t span_usec = CTW_HISTORY_SPAN_MAX * CTW_USEC_PER_SEC, n = CTW_HISTORY_BINS_MAX;
    struct ctw_history_bins bins;

    if ((s->request->span && ctw_text_duration(s->request->span, &span_usec) < 0) ||
        (points && ctw_text_decimal(points, strlen(points), CTW_HISTORY_BINS_MAX, &n) < 0) ||
        n == 0 || span_usec < CTW_USEC_PER_SEC ||
        span_usec > CTW_HISTORY_SPAN_MAX * CTW_USEC_PER_SEC)
        return line(ret, 400, "span is 1s to 24h, and points 1 to %u\n", CTW_HISTORY_BINS_MAX);
    ctw_history_bins(&s->history, &s->view.snapshot, s->view.realtime_usec,
                     (uint32_t)(span_usec / CTW_USEC_PER_SEC), (uint32_t)n, &bins);
    ret->tagged = true;
    return ctw_render_bins_json(&bins, ret->text, PAGE_MAX);
}

static size_t render_history(struct ctw_pages *pages, enum form form,
                             struct ctw_server_reply *ret) {
    static const enum ctw_history_format formats[] = {
        [TEXT] = CTW_HISTORY_TEXT, [JSON] = CTW_HISTORY_JSON, [CSV] = CTW_HISTORY_CSV};

    pages->history_until_usec = 0;
    const int r = pages->view.state_error < 0 ? pages->view.state_error : read_history(pages);

    if (r < 0)
        return fault(pages, r, ret);
    if (form == JSON && (pages->request->span || pages->request->points))
        return render_bins(pages, ret);
    struct stream **place = take_place(pages);
    struct stream *s = calloc(1, sizeof(*s));
    struct copy *copy = malloc(sizeof(*copy));
    if (!s || !copy) {
        free(s);
        free(copy);
        return 0;
    }
    copy->history = pages->history;
    copy->snapshot = pages->view.snapshot;
    s->pages = pages;
    s->copy = copy;
    ctw_render_history_start(&s->page, formats[form], &copy->history, &copy->snapshot);
    *place = s;
    ret->stream = (struct ctw_server_stream){read_stream, free_stream, s};
    return 0;
}

/* The first route with the requested path is used. A route with @accept requires that type in the
 * header "Accept". */
static const struct route {
    const char *path, *accept;
    renderer *render;
    enum form form;
    const char *type;
    bool shared; /* browsers ask for it every second: its reply is sent again for SHARED_USEC */
} routes[] = {
    {"/", NULL, render_page, HTML, HTML_TYPE, true},
    {"/healthz", NULL, render_health, TEXT, TEXT_TYPE, false},
    {"/metrics", OPENMETRICS_TYPE, render_metrics, OPENMETRICS, CTW_METRICS_OPENMETRICS_TYPE,
     false},
    {"/metrics", NULL, render_metrics, TEXT, CTW_METRICS_TEXT_TYPE, false},
    {"/status", JSON_TYPE, render_status, JSON, JSON_TYPE, false},
    {"/status", NULL, render_status, TEXT, TEXT_TYPE, false},
    {"/status.json", NULL, render_status, JSON, JSON_TYPE, true},
    {"/top", JSON_TYPE, render_top, JSON, JSON_TYPE, false},
    {"/top", NULL, render_top, TEXT, TEXT_TYPE, false},
    {"/top.json", NULL, render_top, JSON, JSON_TYPE, false},
    {"/history", JSON_TYPE, render_history, JSON, JSON_TYPE, false},
    {"/history", NULL, render_history, TEXT, TEXT_TYPE, false},
    {"/history.json", NULL, render_history, JSON, JSON_TYPE, false},
    {"/history.csv", NULL, render_history, CSV, CSV_TYPE, false},
};

/* Return: NULL: there is no such page. */
static const struct route *find_route(const struct ctw_server_request *request) {
    for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
        const char *type = routes[i].accept;
        if (strcmp(request->path, routes[i].path) == 0 &&
            (!type || (request->accept && strcasestr(request->accept, type))))
            return &routes[i];
    }
    return NULL;
}

static int render(struct ctw_pages *s, const struct route *route, struct ctw_server_reply *ret) {
    ret->text = malloc(PAGE_MAX);
    if (!ret->text)
        return -ENOMEM;
    if (route) {
        ret->status = 200;
        ret->type = route->type;
        read_view(s);
        ret->length = route->render(s, route->form, ret);
        free(s->view.namespaces);
        s->view.namespaces = NULL;
    } else {
        ret->length = line(ret, 404, "there is no such page: / lists the pages\n");
    }
    const bool fits = ret->length > 0 && ret->length < PAGE_MAX;
    char *text = realloc(ret->text, fits ? ret->length : 1);
    if (text)
        ret->text = text;
    return fits || ret->stream.stream ? 0 : -ENOMEM;
}

/* The reply of @route that is to be sent again; else one to be replaced: its own, or the oldest. */
static struct shared *find_shared(struct ctw_pages *s, const struct route *route) {
    struct shared *oldest = s->shared;

    for (size_t i = 0; i < SHARED_MAX; i++) {
        if (s->shared[i].route == route)
            return &s->shared[i];
        if (s->shared[i].until_usec < oldest->until_usec)
            oldest = &s->shared[i];
    }
    return oldest;
}

static int answer_shared(struct ctw_pages *s, const struct route *route,
                         struct ctw_server_reply *ret) {
    struct shared *shared = find_shared(s, route);
    const uint64_t now_usec = ctw_monotonic_usec();

    if (shared->route != route || now_usec >= shared->until_usec) {
        free(shared->reply.text);
        *shared = (struct shared){.until_usec = now_usec + SHARED_USEC};
        const int r = render(s, route, &shared->reply);
        if (r < 0)
            return r;
        shared->route = route;
    }
    *ret = shared->reply;
    ret->text = malloc(ret->length);
    if (!ret->text)
        return -ENOMEM;
    memcpy(ret->text, shared->reply.text, ret->length);
    return 0;
}

int ctw_pages_answer(void *pages, const struct ctw_server_request *request,
                     struct ctw_server_reply *ret) {
    const struct route *route = find_route(request);
    struct ctw_pages *s = pages;

    s->request = request;
    return route && route->shared ? answer_shared(s, route, ret) : render(s, route, ret);
}

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
    for (size_t i = 0; s && i < SHARED_MAX; i++)
        free(s->shared[i].reply.text);
    free(s);
    return NULL;
}
