/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "render.h"

#include "json.h"

static json_t *share(uint64_t part, uint64_t whole) {
    return ctw_json_percent(whole == 0 ? 0
                                       : (uint32_t)((part * CTW_PERMYRIAD + whole / 2) / whole));
}

static json_t *table(const struct ctw_sample *s) {
    json_t *o = json_object();
    int r = ctw_json_add(o, "count", json_integer(s->count));

    r |= ctw_json_add(o, "max", s->max > 0 ? json_integer(s->max) : json_null());
    r |= ctw_json_add(o, "buckets", s->has_buckets ? json_integer(s->buckets) : json_null());
    return ctw_json_whole(o, r);
}

static json_t *row(const struct ctw_top_row *row, uint64_t of) {
    json_t *o = json_object();
    int r = ctw_json_add(o, "name", json_string(row->name));

    r |= ctw_json_add(o, "entries", json_integer((json_int_t)row->entries));
    r |= ctw_json_add(o, "share_percent", share(row->entries, of));
    return ctw_json_whole(o, r);
}

static json_t *list(const struct ctw_top_list *list, uint64_t of) {
    json_t *o = json_object(), *rows = json_array();
    int r = ctw_json_add(o, "distinct", json_integer((json_int_t)list->distinct));

    for (size_t i = 0; i < list->n; i++)
        r |= json_array_append_new(rows, row(&list->rows[i], of));
    r |= ctw_json_add(o, "top", rows);
    return ctw_json_whole(o, r);
}

static json_t *top(const struct ctw_top *t) {
    const struct ctw_who *who = &t->who;
    json_t *o = json_object();
    int r = ctw_json_add(o, "table", table(&t->table));

    r |= ctw_json_add(o, "counted", json_integer(who->entries));
    r |= ctw_json_add(o, "sampled", json_boolean(who->sampled));
    r |= ctw_json_add(o, "margin_percent", ctw_json_percent(who->margin_permyriad));
    r |= ctw_json_add(o, "timed_out", json_boolean(t->timed_out));
    r |= ctw_json_add(o, "interrupted", json_boolean(t->interrupted));
    r |= ctw_json_add(o, "assured_percent", ctw_json_percent(who->assured_permyriad));
    r |= ctw_json_add(o, "unreplied_percent", ctw_json_percent(who->unreplied_permyriad));
    r |=
        ctw_json_add(o, "drop_risk_percent",
                     who->has_drop_risk ? ctw_json_percent(who->drop_risk_permyriad) : json_null());
    for (size_t i = 0; i < t->n_lists; i++)
        r |= ctw_json_add(o, ctw_dimension_word(t->lists[i].by), list(&t->lists[i], who->entries));
    return ctw_json_whole(o, r);
}

size_t ctw_render_top_json(const struct ctw_top *t, bool compact, char *buffer, size_t size) {
    return ctw_json_print(top(t), compact, buffer, size);
}
