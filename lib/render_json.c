/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "render.h"

#include <jansson.h>

/* Every function takes what it is given, and passes NULL on: json_object_set_new() and the like
 * then fail, and the text as a whole cannot be had. */

/* 60.12, for a permyriad has two digits behind the point. */
static json_t *percent(uint32_t permyriad) {
    return json_real(permyriad / 100.0);
}

static json_t *share(uint64_t part, uint64_t whole) {
    return percent(whole == 0 ? 0 : (uint32_t)((part * CTW_PERMYRIAD + whole / 2) / whole));
}

static int add(json_t *object, const char *name, json_t *value) {
    return json_object_set_new(object, name, value);
}

static json_t *table(const struct ctw_sample *s) {
    json_t *o = json_object();
    int r = add(o, "count", json_integer(s->count));

    r |= add(o, "max", s->max > 0 ? json_integer(s->max) : json_null());
    r |= add(o, "buckets", s->has_buckets ? json_integer(s->buckets) : json_null());
    if (r == 0)
        return o;
    json_decref(o);
    return NULL;
}

static json_t *row(const struct ctw_top_row *row, uint64_t of) {
    json_t *o = json_object();
    int r = add(o, "name", json_string(row->name));

    r |= add(o, "entries", json_integer((json_int_t)row->entries));
    r |= add(o, "share_percent", share(row->entries, of));
    if (r == 0)
        return o;
    json_decref(o);
    return NULL;
}

static json_t *list(const struct ctw_top_list *list, uint64_t of) {
    json_t *o = json_object(), *rows = json_array();
    int r = add(o, "distinct", json_integer((json_int_t)list->distinct));

    for (size_t i = 0; i < list->n; i++)
        r |= json_array_append_new(rows, row(&list->rows[i], of));
    r |= add(o, "top", rows);
    if (r == 0)
        return o;
    json_decref(o);
    return NULL;
}

static json_t *top(const struct ctw_top *t) {
    const struct ctw_who *who = &t->who;
    json_t *o = json_object();
    int r = add(o, "table", table(&t->table));

    r |= add(o, "counted", json_integer(who->entries));
    r |= add(o, "sampled", json_boolean(who->sampled));
    r |= add(o, "margin_percent", percent(who->margin_permyriad));
    r |= add(o, "timed_out", json_boolean(t->timed_out));
    r |= add(o, "interrupted", json_boolean(t->interrupted));
    r |= add(o, "assured_percent", percent(who->assured_permyriad));
    r |= add(o, "unreplied_percent", percent(who->unreplied_permyriad));
    r |= add(o, "drop_risk_percent",
             who->has_drop_risk ? percent(who->drop_risk_permyriad) : json_null());
    for (size_t i = 0; i < t->n_lists; i++)
        r |= add(o, ctw_dimension_word(t->lists[i].by), list(&t->lists[i], who->entries));
    if (r == 0)
        return o;
    json_decref(o);
    return NULL;
}

size_t ctw_render_top_json(const struct ctw_top *t, bool compact, char *buffer, size_t size) {
    const size_t flags = JSON_REAL_PRECISION(6) | (compact ? JSON_COMPACT : JSON_INDENT(2));
    json_t *o = top(t);

    size_t n = o ? json_dumpb(o, buffer, size, flags) : 0;
    json_decref(o);
    if (n == 0)
        return 0;
    if (n + 1 < size) {
        buffer[n] = '\n';
        buffer[n + 1] = '\0';
    }
    return n + 1;
}
