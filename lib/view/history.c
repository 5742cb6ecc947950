/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/view/history.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "lib/util/strbuf.h"
#include "lib/watch/level.h"

#define MINUTE_USEC (60 * CTW_USEC_PER_SEC)

/* The next slot, and when on the wall clock it began. */
static const struct ctw_slot *next(struct ctw_history_page *page, enum ctw_resolution *ret_r,
                                   uint64_t *ret_start_usec) {
    const struct ctw_slot *s = ctw_history_iter_next(&page->iter, ret_r);

    if (s)
        *ret_start_usec =
            ctw_snapshot_wall_usec(page->snapshot, ctw_history_start_usec(*ret_r, s->number));
    return s;
}

static uint64_t width_sec(enum ctw_resolution r) {
    return ctw_history_width_usec(r) / CTW_USEC_PER_SEC;
}

/* --- CSV ------------------------------------------------------------------------------------- */

static void put_csv_slot(struct ctw_out *o, const struct ctw_slot *s, uint64_t start_usec,
                         enum ctw_resolution r) {
    const uint64_t msec = start_usec / CTW_USEC_PER_MSEC;

    ctw_out_put(o, "%" PRIu64 ".%03" PRIu64 ",%" PRIu64, msec / 1000, msec % 1000, width_sec(r));
    ctw_out_put(o, ",%" PRIu32 ",%" PRIu32, s->polls, s->mean);
    ctw_out_put(o, ",%" PRIu32 ",%" PRIu32 ",%" PRIu32 ",%" PRIu32, s->first, s->high, s->low,
                s->last);
    ctw_out_put(o, ",%u,%u,%u,%u,%u,%u", s->first_msec, s->high_msec, s->low_msec, s->last_msec,
                s->loss_first_msec, s->loss_last_msec);
    ctw_out_put(o, ",%" PRIu32 ",%" PRIu32, s->max, s->buckets);
    ctw_out_put(o, ",%" PRIu32 ",%" PRIu32 ",%" PRIu32 ",%" PRIu32 ",%" PRIu32 ",%" PRIu32,
                s->drops, s->other_drops, s->early_drops, s->clashes, s->chain_too_long,
                s->log_lines);
    ctw_out_put(o, ",%u,%" PRIu32 ",%s\n", s->limit_changes, s->set_max, ctw_level_name(s->level));
}

static void put_csv(struct ctw_out *o, struct ctw_history_page *page) {
    enum ctw_resolution r;
    uint64_t start_usec;

    if (page->lines == 0) {
        ctw_out_put(o,
                    "time,width,looks,mean,first,high,low,last,first_msec,high_msec,low_msec,"
                    "last_msec,loss_first_msec,loss_last_msec,max,buckets,drops,other_drops,"
                    "early_drops,clashes,chain_too_long,log_lines,limit_changes,set_max,level\n");
        return;
    }
    const struct ctw_slot *s = next(page, &r, &start_usec);
    if (s)
        put_csv_slot(o, s, start_usec, r);
    else
        page->ended = true;
}

/* --- JSON ------------------------------------------------------------------------------------ */

/* One object, {"slots": [...]}, with a slot a line. */
static void put_json(struct ctw_out *o, struct ctw_history_page *page) {
    char object[CTW_HISTORY_LINE_MAX - 32];
    enum ctw_resolution r;
    uint64_t start_usec;

    const struct ctw_slot *s = next(page, &r, &start_usec);
    if (page->lines == 0)
        ctw_out_put(o, "{\"slots\": [\n");
    if (!s) {
        ctw_out_put(o, "\n]}\n");
        page->ended = true;
        return;
    }
    const size_t n =
        ctw_render_history_slot_json(s, start_usec, width_sec(r), object, sizeof(object));
    page->failed = n == 0 || n >= sizeof(object);
    if (!page->failed)
        ctw_out_put(o, "%s%.*s", page->lines == 0 ? "" : ",\n", (int)n, object);
}

/* --- text ------------------------------------------------------------------------------------ */

static void add(struct ctw_history_bin *bin, const struct ctw_slot *s) {
    if (bin->polls == 0 || ctw_fuller(s->high, s->max, bin->high, bin->max)) {
        bin->high = s->high;
        bin->max = s->max;
    }
    bin->polls += s->polls;
    bin->sum += (uint64_t)s->mean * s->polls;
    bin->refused += (uint64_t)s->drops + s->other_drops + s->chain_too_long;
    bin->evicted += s->early_drops;
    if (s->level > bin->level)
        bin->level = s->level;
}

/* The fill is cut off, not rounded, so that 100.0 means full. */
static void put_bin(struct ctw_out *o, const struct ctw_history_page *page,
                    const struct ctw_history_bin *bin) {
    const uint32_t usage = ctw_usage_permyriad(bin->high, bin->max);
    char max[16] = "-", fill[16] = "-";
    struct ctw_line when;

    ctw_line_start(&when);
    ctw_line_add_clock(&when, bin->start_usec, page->snapshot->polled_realtime_usec, 0);
    if (bin->max > 0) {
        (void)snprintf(max, sizeof(max), "%" PRIu32, bin->max);
        (void)snprintf(fill, sizeof(fill), "%" PRIu32 ".%" PRIu32 "%%", usage / 100,
                       usage / 10 % 10);
    }
    ctw_out_put(o, "%16s%10" PRIu64 "%10" PRIu32 "%10s%8s%9" PRIu64 "%8" PRIu64 " %s\n", when.text,
                bin->sum / bin->polls, bin->high, max, fill, bin->refused, bin->evicted,
                ctw_level_name(bin->level));
}

static struct ctw_history_bin open_bin(enum ctw_resolution r, uint64_t start_usec) {
    const uint64_t width_usec = r == CTW_RESOLUTION_FINE ? MINUTE_USEC : 10 * MINUTE_USEC;
    const uint64_t begin_usec = start_usec - start_usec % width_usec;

    return (struct ctw_history_bin){.start_usec = begin_usec, .end_usec = begin_usec + width_usec};
}

/* Slots go into page->bin until one comes that belongs to the next. */
static struct ctw_history_bin next_bin(struct ctw_history_page *page) {
    struct ctw_history_bin *bin = &page->bin, done;
    const struct ctw_slot *s;
    enum ctw_resolution r;
    uint64_t start_usec;

    while ((s = next(page, &r, &start_usec))) {
        done = *bin;
        if (bin->polls == 0 || start_usec >= bin->end_usec)
            *bin = open_bin(r, start_usec);
        add(bin, s);
        if (done.polls > 0 && done.start_usec != bin->start_usec)
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
    if (bin.polls > 0)
        put_bin(o, page, &bin);
    else if (page->lines == 1)
        ctw_out_put(o, "nothing is known yet\n");
}

/* --- any of them ----------------------------------------------------------------------------- */

void ctw_render_history_start(struct ctw_history_page *page, enum ctw_history_format format,
                              const struct ctw_history *h, const struct ctw_snapshot *p) {
    *page = (struct ctw_history_page){.format = format, .snapshot = p};
    ctw_history_iter_start(&page->iter, h);
}

size_t ctw_render_history_line(struct ctw_history_page *page,
                               char ret[static CTW_HISTORY_LINE_MAX]) {
    struct ctw_out o = {.buffer = ret, .size = CTW_HISTORY_LINE_MAX};

    if (page->ended || page->failed)
        return 0;
    switch (page->format) {
    case CTW_HISTORY_TEXT:
        put_text(&o, page);
        break;
    case CTW_HISTORY_CSV:
        put_csv(&o, page);
        break;
    case CTW_HISTORY_JSON:
        put_json(&o, page);
        break;
    }
    page->lines++;
    return o.used;
}

static int add_member(json_t *object, const char *name, uint64_t value) {
    return json_object_set_new(object, name, json_integer((json_int_t)value));
}

/* Where 0 says that there is none. */
static int add_or_null(json_t *object, const char *name, uint32_t value) {
    return json_object_set_new(object, name, value > 0 ? json_integer(value) : json_null());
}

/* Its members are the columns of the CSV. */
static json_t *slot_object(const struct ctw_slot *s, uint64_t start_usec, uint64_t width_sec) {
    json_t *o = json_object();
    int r = json_object_set_new(o, "time",
                                json_real((double)(start_usec / CTW_USEC_PER_MSEC) / 1000.0));

    r |= add_member(o, "width", width_sec);
    r |= add_member(o, "looks", s->polls);
    r |= add_member(o, "mean", s->mean);
    r |= add_member(o, "first", s->first);
    r |= add_member(o, "high", s->high);
    r |= add_member(o, "low", s->low);
    r |= add_member(o, "last", s->last);
    r |= add_member(o, "first_msec", s->first_msec);
    r |= add_member(o, "high_msec", s->high_msec);
    r |= add_member(o, "low_msec", s->low_msec);
    r |= add_member(o, "last_msec", s->last_msec);
    r |= add_member(o, "loss_first_msec", s->loss_first_msec);
    r |= add_member(o, "loss_last_msec", s->loss_last_msec);
    r |= add_or_null(o, "max", s->max);
    r |= add_or_null(o, "buckets", s->buckets);
    r |= add_member(o, "drops", s->drops);
    r |= add_member(o, "other_drops", s->other_drops);
    r |= add_member(o, "early_drops", s->early_drops);
    r |= add_member(o, "clashes", s->clashes);
    r |= add_member(o, "chain_too_long", s->chain_too_long);
    r |= add_member(o, "log_lines", s->log_lines);
    r |= add_member(o, "limit_changes", s->limit_changes);
    r |= add_or_null(o, "set_max", s->set_max);
    r |= json_object_set_new(o, "level", json_string(ctw_level_name(s->level)));
    if (r == 0)
        return o;
    json_decref(o);
    return NULL;
}

size_t ctw_render_history_slot_json(const struct ctw_slot *slot, uint64_t start_realtime_usec,
                                    uint64_t width_sec, char *buffer, size_t size) {
    /* Seconds since 1970 and three digits behind the point are 13 in all. */
    const size_t flags = JSON_REAL_PRECISION(13) | JSON_COMPACT;
    json_t *o = slot_object(slot, start_realtime_usec, width_sec);
    const size_t n = o ? json_dumpb(o, buffer, size, flags) : 0;

    json_decref(o);
    return n;
}
