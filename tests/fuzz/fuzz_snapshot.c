/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Snapshots from a file that anybody may have written to: what ctw_snapshot_check() believes,
 * everything that renders one must take, and what it shows is well-formed.
 *
 * The first bytes say which sample to start from and how to show it. What follows are changes of
 * it: where (two bytes), how many, and the bytes.
 */

#undef NDEBUG /* the assertions are the test, in every kind of build */
#include <assert.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/view/check.h"
#include "lib/view/history.h"
#include "lib/view/metrics.h"
#include "lib/view/status.h"
#include "lib/view/top.h"
#include "tests/support/changed_state.h"
#include "tests/support/snapshot_samples.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The first bytes. */
struct manner {
    uint8_t sample, liveness, error, flags, columns, later;
};

#define HAS_HISTORY 1u
#define COLOUR      2u
#define UTF8        4u

/* --- what is shown ---------------------------------------------------------------------------- */

static size_t skip_colour(const char *text) {
    size_t n = 2;

    assert(text[1] == '[');
    while ((text[n] >= '0' && text[n] <= '9') || text[n] == ';')
        n++;
    assert(text[n] == 'm');
    return n + 1;
}

/* Lines of at most so many bytes, 0: any; nothing in them that moves a cursor. */
static void check_text(const char *text, size_t n, bool colour, bool ascii, uint32_t columns) {
    uint32_t at = 0;

    assert(strlen(text) == n && n > 0 && text[n - 1] == '\n');
    for (size_t i = 0; i < n;) {
        const unsigned char c = (unsigned char)text[i];
        if (colour && c == '\033') {
            i += skip_colour(text + i);
            continue;
        }
        assert(c == '\n' || (c >= ' ' && c != 0x7f));
        assert(!ascii || c < 0x80);
        at = c == '\n' ? 0 : at + 1;
        assert(!ascii || columns == 0 || at <= columns);
        i++;
    }
}

static void check_json(const char *text, size_t n) {
    json_t *j = json_loadb(text, n, 0, NULL);

    assert(json_is_object(j));
    json_decref(j);
}

static void show_status(const struct ctw_view *v, const struct manner *m) {
    static char text[CTW_RENDER_STATUS_MAX];
    const struct ctw_status_style style = {
        .columns = m->columns,
        .colour = m->flags & COLOUR,
        .utf8 = m->flags & UTF8,
        .utc_offset_sec = (m->later - 128) * 450,
    };
    const uint32_t columns =
        m->columns < CTW_STATUS_COLUMNS_MIN ? CTW_STATUS_COLUMNS_MIN : m->columns;

    size_t n = ctw_render_status_text(v, &style, text, sizeof(text));
    assert(n < sizeof(text));
    check_text(text, n, style.colour, !style.utf8, columns);
    n = ctw_render_status_json(v, m->flags & COLOUR, text, sizeof(text));
    assert(n > 0 && n < sizeof(text));
    check_json(text, n);
}

static void show_talkers(const struct ctw_view *v) {
    static char text[CTW_RENDER_TALKERS_MAX];

    size_t n = ctw_render_talkers_text(v, text, sizeof(text));
    assert(n < sizeof(text));
    check_text(text, n, false, false, 0);
    n = ctw_render_talkers_json(v, text, sizeof(text));
    assert(n > 0 && n < sizeof(text));
    check_json(text, n);
}

static void show_metrics(struct ctw_view v, bool openmetrics) {
    static char text[CTW_RENDER_METRICS_MAX];

    v.liveness = CTW_LIVENESS_ALIVE;
    const size_t n = ctw_render_metrics(&v, openmetrics, text, sizeof(text));
    assert(n < sizeof(text));
    check_text(text, n, false, false, 0);
    for (const char *line = text; *line != '\0'; line = strchr(line, '\n') + 1)
        assert(line[0] == '#' || strncmp(line, "ctwatch_", 8) == 0);
}

static void show_check(const struct ctw_view *v, const struct manner *m) {
    const struct ctw_check_limits limits = {
        .warning_permyriad = 7500,
        .critical_permyriad = 9000,
        .wants_daemon = m->flags & UTF8,
    };

    for (enum ctw_check_form form = CTW_CHECK_PLUGIN; form <= CTW_CHECK_NPD; form++) {
        struct ctw_line line;
        const enum ctw_check_state state = ctw_check(v, &limits, form, &line);
        assert((unsigned)ctw_check_exit_status(form, state) <= 3);
        assert(line.length > 0 && line.length < sizeof(line.text));
        assert(form != CTW_CHECK_NPD || line.length <= CTW_CHECK_NPD_BYTES);
        for (size_t i = 0; i < line.length; i++)
            assert((unsigned char)line.text[i] >= ' ');
    }
}

static void show_history(const struct ctw_snapshot *p, const struct ctw_history *h,
                         enum ctw_history_format format) {
    struct ctw_history_page page;
    char line[CTW_HISTORY_LINE_MAX];

    ctw_render_history_start(&page, format, h, p);
    for (size_t n; (n = ctw_render_history_line(&page, line)) > 0;)
        assert(n < sizeof(line) && strlen(line) == n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct ctw_history history;
    static struct changed_state s;
    struct manner m;

    if (size < sizeof(m))
        return 0;
    memcpy(&m, data, sizeof(m));
    changed_state_start(m.sample, &s);
    changed_state_change(&s, data + sizeof(m), size - sizeof(m));
    changed_state_history(&s, &history);

    const int r = ctw_snapshot_check(&s.snapshot);
    assert(r == 0 || r == -EBADMSG);
    if (r < 0)
        return 0;
    if (m.flags & HAS_HISTORY && ctw_history_check(&history) < 0)
        m.flags &= (uint8_t)~HAS_HISTORY;
    const struct ctw_view view = {
        .snapshot = s.snapshot,
        .history = m.flags & HAS_HISTORY ? &history : NULL,
        .liveness = m.liveness % (CTW_LIVENESS_STOPPED + 1),
        .state_error = m.error % 4 == 0 ? 0 : -(int)m.error,
        .now_usec = SAMPLE_NOW_USEC + m.later * CTW_USEC_PER_SEC,
        .realtime_usec = SAMPLE_WALL_USEC + m.later * CTW_USEC_PER_SEC,
    };
    show_status(&view, &m);
    show_talkers(&view);
    show_metrics(view, m.flags & UTF8);
    show_check(&view, &m);
    if (view.history)
        show_history(&s.snapshot, &history, m.later % (CTW_HISTORY_JSON + 1));
    return 0;
}
