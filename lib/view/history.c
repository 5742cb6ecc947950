/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/view/history.h"

#include <inttypes.h>
#include <stdio.h>

#include "lib/util/strbuf.h"
#include "lib/util/units.h"
#include "lib/watch/level.h"

#define MINUTE_USEC (60 * CTW_USEC_PER_SEC)

/* The next slot with the wall clock as its time. Return: false: at the end */
static bool next(struct ctw_history_page *page, struct ctw_record *ret) {
    const struct ctw_record *slot = ctw_history_iter_next(&page->iter);

    if (!slot)
        return false;
    *ret = *slot;
    ret->at_usec = ctw_snapshot_wall_usec(page->snapshot, slot->at_usec);
    return true;
}

static void put_csv(struct ctw_out *o, struct ctw_history_page *page) {
    struct ctw_record slot;

    if (page->lines == 0)
        ctw_record_put_names(o);
    else if (next(page, &slot))
        ctw_record_put_csv(o, &slot);
    else
        page->ended = true;
}

/* One object, {"slots": [...]}, with a slot a line. */
static void put_json(struct ctw_out *o, struct ctw_history_page *page) {
    struct ctw_record slot;

    if (page->lines == 0)
        ctw_out_put(o, "{\"slots\": [\n");
    if (next(page, &slot)) {
        ctw_out_put(o, "%s", page->lines == 0 ? "" : ",\n");
        ctw_record_put_json(o, &slot);
    } else {
        ctw_out_put(o, "\n]}\n");
        page->ended = true;
    }
}

static void add(struct ctw_history_bin *bin, const struct ctw_record *s) {
    if (bin->seconds == 0 || ctw_fuller(s->high, s->max, bin->high, bin->max)) {
        bin->high = s->high;
        bin->max = s->max;
    }
    if (bin->seconds == 0 || s->low < bin->low)
        bin->low = s->low;
    bin->seconds += s->width_sec;
    bin->sum += (uint64_t)s->mean * s->width_sec; /* polls come faster the faster it fills */
    ctw_losses_add(&bin->lost, &s->losses);
    if (s->level > bin->level)
        bin->level = (enum ctw_level)s->level;
}

static void put_bin(struct ctw_out *o, const struct ctw_history_page *page,
                    const struct ctw_history_bin *bin) {
    char max[16] = "-", fill[40] = "-";
    const struct ctw_word when =
        ctw_clock(bin->start_usec, page->snapshot->polled_realtime_usec, 0);

    if (bin->max > 0) {
        (void)snprintf(max, sizeof(max), "%" PRIu32, bin->max);
        (void)snprintf(fill, sizeof(fill), "%s%%",
                       ctw_percent(ctw_usage_permyriad(bin->high, bin->max)).text);
    }
    ctw_out_put(o, "%16s%10" PRIu64 "%10" PRIu32 "%10s%8s%9" PRIu64 "%8" PRIu64 " %s\n", when.text,
                bin->sum / bin->seconds, bin->high, max, fill,
                ctw_losses_drops(&bin->lost) + bin->lost.chain_too_long, bin->lost.early_drops,
                ctw_level_name(bin->level));
}

/* Slots are added to page->bin up to the first that belongs to the next bin. */
static struct ctw_history_bin next_bin(struct ctw_history_page *page) {
    struct ctw_history_bin *bin = &page->bin, done;
    struct ctw_record s;

    while (next(page, &s)) {
        done = *bin;
        if (bin->seconds == 0 || s.at_usec >= bin->end_usec) {
            const uint64_t width_usec = s.width_sec == 1 ? MINUTE_USEC : 10 * MINUTE_USEC;
            const uint64_t start_usec = s.at_usec - s.at_usec % width_usec;
            *bin = (struct ctw_history_bin){.start_usec = start_usec,
                                            .end_usec = start_usec + width_usec};
        }
        add(bin, &s);
        if (done.seconds > 0 && done.start_usec != bin->start_usec)
            return done;
    }
    page->ended = true;
    return *bin;
}

static void put_text(struct ctw_out *o, struct ctw_history_page *page) {
    if (page->lines == 0) {
        ctw_out_put(o, "%16s%10s%10s%10s%8s%9s%8s %s\n", "TIME (UTC)", "MEAN", "HIGH", "MAX",
                    "FILL", "REFUSED", "EVICTED", "LEVEL");
        return;
    }
    const struct ctw_history_bin bin = next_bin(page);
    if (bin.seconds > 0)
        put_bin(o, page, &bin);
    else if (page->lines == 1)
        ctw_out_put(o, "nothing is known yet\n");
}

void ctw_render_history_start(struct ctw_history_page *page, enum ctw_history_format format,
                              const struct ctw_history *h, const struct ctw_snapshot *p) {
    *page = (struct ctw_history_page){.format = format, .snapshot = p};
    ctw_history_iter_start(&page->iter, h);
}

size_t ctw_render_history_line(struct ctw_history_page *page,
                               char ret[static CTW_HISTORY_LINE_MAX]) {
    static void (*const formats[])(struct ctw_out *, struct ctw_history_page *) = {
        [CTW_HISTORY_TEXT] = put_text, [CTW_HISTORY_CSV] = put_csv, [CTW_HISTORY_JSON] = put_json};
    struct ctw_out o = {.buffer = ret, .size = CTW_HISTORY_LINE_MAX};

    if (page->ended)
        return 0;
    formats[page->format](&o, page);
    page->lines++;
    return o.used;
}

static void add_slot(struct ctw_history_bins *b, const struct ctw_record *slot,
                     const struct ctw_snapshot *p) {
    const uint64_t wall_usec = slot ? ctw_snapshot_wall_usec(p, slot->at_usec) : 0;
    const uint64_t i = (wall_usec - b->begin_usec) / (b->width_sec * CTW_USEC_PER_SEC);

    if (slot && slot->polls > 0 && wall_usec >= b->begin_usec && i < b->n)
        add(&b->bins[i], slot);
}

void ctw_history_bins(const struct ctw_history *h, const struct ctw_snapshot *p, uint64_t now_usec,
                      uint32_t span_sec, uint32_t points, struct ctw_history_bins *ret) {
    const uint32_t fair = (span_sec + points - 1) / points;
    const uint32_t width = fair < 10 && span_sec > CTW_HISTORY_FINE ? 10 : fair;
    const uint64_t width_usec = width * CTW_USEC_PER_SEC, end = now_usec / width_usec + 1;
    const uint32_t n = span_sec / width;
    const enum ctw_resolution r =
        span_sec > CTW_HISTORY_FINE ? CTW_RESOLUTION_COARSE : CTW_RESOLUTION_FINE;
    const uint64_t step_usec = (r == CTW_RESOLUTION_FINE ? 1 : 10) * CTW_USEC_PER_SEC;

    *ret = (struct ctw_history_bins){.width_sec = width, .n = n > 0 ? n : 1};
    ret->begin_usec = (end > ret->n ? end - ret->n : 0) * width_usec;
    for (uint32_t i = 0; i < ret->n; i++) {
        ret->bins[i].start_usec = ret->begin_usec + i * width_usec;
        ret->bins[i].end_usec = ret->bins[i].start_usec + width_usec;
    }
    for (uint64_t ago_usec = 0; ago_usec < ret->n * width_usec; ago_usec += step_usec)
        add_slot(ret, ctw_history_slot(h, r, p->polled_usec - ago_usec), p);
    /* The slot of ten seconds that is not complete yet. */
    if (r == CTW_RESOLUTION_COARSE && !ctw_history_slot(h, r, p->polled_usec))
        for (uint64_t at_usec = p->polled_usec - p->polled_usec % step_usec;
             at_usec <= p->polled_usec; at_usec += CTW_USEC_PER_SEC)
            add_slot(ret, ctw_history_slot(h, CTW_RESOLUTION_FINE, at_usec), p);
}

static uint64_t mean_of(const struct ctw_history_bin *b) {
    return b->sum / b->seconds;
}

static uint64_t low_of(const struct ctw_history_bin *b) {
    return b->low;
}

static uint64_t high_of(const struct ctw_history_bin *b) {
    return b->high;
}

static uint64_t max_of(const struct ctw_history_bin *b) {
    return b->max;
}

static uint64_t dropped_of(const struct ctw_history_bin *b) {
    return ctw_losses_drops(&b->lost);
}

static uint64_t evicted_of(const struct ctw_history_bin *b) {
    return b->lost.early_drops;
}

static uint64_t clashes_of(const struct ctw_history_bin *b) {
    return b->lost.clashes;
}

static uint64_t chains_of(const struct ctw_history_bin *b) {
    return b->lost.chain_too_long;
}

size_t ctw_render_bins_json(const struct ctw_history_bins *b, char *buffer, size_t size) {
    static const struct {
        const char *name;
        uint64_t (*of)(const struct ctw_history_bin *b);
    } members[] = {{"mean", mean_of},       {"low", low_of},
                   {"high", high_of},       {"max", max_of},
                   {"dropped", dropped_of}, {"evicted", evicted_of},
                   {"clashes", clashes_of}, {"chain_too_long", chains_of}};
    struct ctw_out o = {.buffer = buffer, .size = size};

    ctw_out_put(&o, "{\"begin_unix_seconds\": %" PRIu64 ", \"bin_seconds\": %" PRIu32,
                b->begin_usec / CTW_USEC_PER_SEC, b->width_sec);
    for (size_t m = 0; m < sizeof(members) / sizeof(members[0]); m++) {
        ctw_out_put(&o, ",\n\"%s\": [", members[m].name);
        for (uint32_t i = 0; i < b->n; i++) {
            const struct ctw_history_bin *bin = &b->bins[i];
            if (bin->seconds > 0)
                ctw_out_put(&o, "%s%" PRIu64, i > 0 ? "," : "", members[m].of(bin));
            else
                ctw_out_put(&o, "%snull", i > 0 ? "," : "");
        }
        ctw_out_put(&o, "]");
    }
    ctw_out_put(&o, "}\n");
    return o.used;
}
