/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Recordings of arbitrary bytes, as lines and as the answer to a range query: each record that is
 * read goes through the whole replay and into the plot.
 */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/replay/prometheus.h"
#include "lib/replay/recording.h"
#include "lib/replay/replay.h"
#include "lib/view/plot.h"
#include "lib/view/replay.h"

/* Room to grow in. */
#define MEMORY_BYTES (UINT64_C(16) << 30)

/* Each may take hundreds of polls. */
#define RECORDS_MAX 64u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Too large for a stack, and made anew each time. */
struct player {
    struct ctw_settings settings;
    struct ctw_replay replay;
    struct ctw_plot plot;
    struct ctw_replay_lines lines;
    uint64_t last_usec;
    char text[CTW_RENDER_REPLAY_MAX];
};

static void note_alert(uint64_t at_usec, const struct ctw_alert *a, void *userdata) {
    struct player *p = userdata;

    if (at_usec < p->last_usec)
        abort();
    p->last_usec = at_usec;
    if (ctw_render_replay_alert(at_usec, a, false, p->text, sizeof(p->text)) >= sizeof(p->text))
        abort();
}

static void play(struct player *p, const struct ctw_record *r) {
    const uint32_t width_msec = r->width_sec * 1000;

    if (width_msec > 0 &&
        (r->high < r->count || r->low > r->count || r->high < r->first || r->low > r->first ||
         r->high_msec >= width_msec || r->low_msec >= width_msec || r->first_msec >= width_msec ||
         r->last_msec >= width_msec))
        abort();
    if (p->replay.summary.records >= RECORDS_MAX)
        return;
    ctw_replay_add(&p->replay, r);
    ctw_plot_add(&p->plot, &p->replay.seen);
}

static int64_t offset_of(int64_t local_sec) {
    return local_sec % 50000;
}

static void read_lines(struct player *p, const char *text, size_t size) {
    struct ctw_recording recording = {
        .options = {.has_max = size % 3 == 0, .max = 1000, .zone = size % 5 ? NULL : offset_of}};
    struct ctw_record record;
    uint64_t last_usec = 0;

    recording.options.drops_rise = ctw_recording_drops_rise(&recording.options, text, size);
    for (const char *newline; (newline = size > 0 ? memchr(text, '\n', size) : NULL);) {
        const size_t length = (size_t)(newline - text);
        const enum ctw_reading reading = ctw_recording_line(&recording, text, length, &record);
        if (reading == CTW_READ_REFUSED)
            return;
        if (reading == CTW_READ_RECORD) {
            if (record.at_usec <= last_usec && last_usec != 0)
                abort();
            last_usec = record.at_usec;
            play(p, &record);
        }
        text += length + 1;
        size -= length + 1;
    }
}

static void read_range_query(struct player *p, const char *text, size_t size) {
    struct ctw_prometheus q;
    enum ctw_reading reading;
    struct ctw_record record;
    struct ctw_line error;

    if (ctw_prometheus_read(&q, text, size, NULL, 0, &error) == 0)
        while (ctw_prometheus_next(&q, &reading, &record))
            if (reading == CTW_READ_RECORD)
                play(p, &record);
    ctw_prometheus_release(&q);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const char *text = (const char *)data;
    struct player *p = calloc(1, sizeof(*p));

    if (!p)
        return 0;
    ctw_settings_defaults(&p->settings);
    p->settings.growth.enabled = size % 2 == 0;
    ctw_replay_init(&p->replay, &p->settings, MEMORY_BYTES, note_alert, p);
    if (size > 0 && text[0] == '{')
        read_range_query(p, text, size);
    else
        read_lines(p, text, size);
    if (ctw_render_replay_summary(&p->replay.summary, &p->lines, false, p->text, sizeof(p->text)) >=
        sizeof(p->text))
        abort();
    (void)ctw_plot_svg(&p->plot, &p->settings, p->text, sizeof(p->text));
    free(p);
    return 0;
}
