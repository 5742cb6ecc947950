/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "render_history.h"

#include <jansson.h>

#include "level.h"

static int add(json_t *object, const char *name, uint64_t value) {
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

    r |= add(o, "width", width_sec);
    r |= add(o, "looks", s->looks);
    r |= add(o, "mean", s->mean);
    r |= add(o, "first", s->first);
    r |= add(o, "high", s->high);
    r |= add(o, "low", s->low);
    r |= add(o, "last", s->last);
    r |= add(o, "first_msec", s->first_msec);
    r |= add(o, "high_msec", s->high_msec);
    r |= add(o, "low_msec", s->low_msec);
    r |= add(o, "last_msec", s->last_msec);
    r |= add(o, "loss_first_msec", s->loss_first_msec);
    r |= add(o, "loss_last_msec", s->loss_last_msec);
    r |= add_or_null(o, "max", s->max);
    r |= add_or_null(o, "buckets", s->buckets);
    r |= add(o, "drops", s->drops);
    r |= add(o, "other_drops", s->other_drops);
    r |= add(o, "early_drops", s->early_drops);
    r |= add(o, "clashes", s->clashes);
    r |= add(o, "chain_too_long", s->chain_too_long);
    r |= add(o, "log_lines", s->log_lines);
    r |= add(o, "limit_changes", s->limit_changes);
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
