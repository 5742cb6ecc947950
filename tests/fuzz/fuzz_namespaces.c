/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * /run/ctwatch/namespaces with any contents: what ctw_namespaces_check() believes, everything that
 * shows it must take.
 *
 * The bytes are changes of a sample, each of three bytes: where, from the beginning of the head,
 * and the byte.
 */

#undef NDEBUG /* the assertions are the test, in every kind of build */
#include <assert.h>
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "lib/view/check.h"
#include "lib/view/metrics.h"
#include "lib/view/namespaces.h"
#include "lib/view/status.h"
#include "tests/support/snapshot_samples.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define RECORDS 5u

static char text[CTW_RENDER_METRICS_MAX];
_Static_assert(sizeof(text) >= CTW_RENDER_STATUS_MAX, "any page fits");
_Static_assert(sizeof(text) >= CTW_RENDER_NAMESPACES_BYTES(RECORDS), "any page fits");

static void check_text(size_t n, size_t room) {
    assert(n > 0 && n < room && strlen(text) == n && text[n - 1] == '\n');
    for (size_t i = 0; i < n; i++)
        assert(text[i] == '\n' || ((unsigned char)text[i] >= ' ' && text[i] != 0x7f));
}

static void check_json(size_t n, size_t room) {
    assert(n > 0 && n < room);
    json_t *j = json_loadb(text, n, 0, NULL);
    assert(json_is_object(j));
    json_decref(j);
}

static void show(const struct ctw_view *v, uint8_t columns) {
    const size_t room = CTW_RENDER_NAMESPACES_BYTES(v->namespaces->of.n);
    const struct ctw_status_style style = {.columns = columns, .utf8 = columns % 2};
    const struct ctw_check_limits limits = {7500, 9000, false, columns % 2};
    struct ctw_line line;

    check_text(ctw_render_namespaces_text(v, "origin", columns, text, room), room);
    check_json(ctw_render_namespaces_json(v, columns % 2, text, room), room);
    check_text(ctw_render_status_text(v, &style, text, sizeof(text)), CTW_RENDER_STATUS_MAX);
    check_json(ctw_render_status_json(v, true, text, sizeof(text)), CTW_RENDER_STATUS_MAX);
    check_text(ctw_render_metrics(v, columns % 2, text, sizeof(text)), sizeof(text));
    for (enum ctw_check_form form = CTW_CHECK_PLUGIN; form <= CTW_CHECK_NPD; form++) {
        (void)ctw_check(v, &limits, form, &line);
        assert(line.length > 0 && line.length < sizeof(line.text));
        assert(form != CTW_CHECK_NPD || line.length <= CTW_CHECK_NPD_BYTES);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct ctw_namespaces *n = sample_namespaces();
    struct ctw_view view = {.liveness = CTW_LIVENESS_ALIVE,
                            .namespaces = n,
                            .now_usec = SAMPLE_NOW_USEC,
                            .realtime_usec = SAMPLE_WALL_USEC};
    const size_t bytes = ctw_namespaces_bytes(RECORDS) - offsetof(struct ctw_namespaces, of);
    unsigned char *const at = (unsigned char *)&n->of;

    sample_calm(&view.snapshot);
    for (size_t i = 1; i + 3 <= size; i += 3)
        at[(data[i] | data[i + 1] << 8) % bytes] = data[i + 2];
    if (n->of.n > RECORDS) /* what there is no room for is not read */
        n->of.n = RECORDS;
    assert(ctw_namespaces_seal(n) == ctw_namespaces_bytes(n->of.n));
    assert(ctw_namespaces_head_check(n) == 0 && ctw_namespaces_is_whole(n));
    const int r = ctw_namespaces_check(n);
    assert(r == 0 || r == -EBADMSG);
    if (r < 0)
        return 0;
    qsort(n->records, n->of.n, sizeof(n->records[0]), ctw_namespace_compare);
    show(&view, size > 0 ? data[0] : 0);
    ctw_namespaces_redact(n);
    assert(ctw_namespaces_check(n) == 0);
    show(&view, size > 0 ? data[0] : 0);
    return 0;
}
