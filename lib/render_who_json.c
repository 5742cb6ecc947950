/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "render_who.h"

#include <jansson.h>

/* As in render_json.c: a NULL is passed on, and the whole cannot be had then. */
static int add(json_t *object, const char *name, json_t *value) {
    return json_object_set_new(object, name, value);
}

/* 60.12, for a permyriad has two digits behind the point. */
static json_t *percent(uint32_t permyriad) {
    return json_real(permyriad / 100.0);
}

static json_t *list(const struct ctw_share *shares, uint32_t n) {
    json_t *rows = json_array();

    for (uint32_t i = 0; i < n; i++)
        if (json_array_append_new(rows, json_pack("{s:s, s:f}", "name", shares[i].name,
                                                  "share_percent", shares[i].permyriad / 100.0)) <
            0) {
            json_decref(rows);
            return NULL;
        }
    return rows;
}

static json_t *object(const struct ctw_snapshot *p, uint64_t now_usec) {
    const struct ctw_who *who = &p->who;
    const uint64_t ago_usec = now_usec > p->who_usec ? now_usec - p->who_usec : 0;
    json_t *o = json_object();
    int r = add(o, "known", json_boolean(who->known));

    if (who->known) {
        r |= add(o, "asked_seconds_ago", json_integer((json_int_t)(ago_usec / CTW_USEC_PER_SEC)));
        r |= add(o, "counted", json_integer(who->entries));
        r |= add(o, "sampled", json_boolean(who->sampled));
        r |= add(o, "margin_percent", percent(who->margin_permyriad));
        r |= add(o, "assured_percent", percent(who->assured_permyriad));
        r |= add(o, "unreplied_percent", percent(who->unreplied_permyriad));
        r |= add(o, "drop_risk_percent",
                 who->has_drop_risk ? percent(who->drop_risk_permyriad) : json_null());
        r |= add(o, "source", list(who->sources, who->n_sources));
        r |= add(o, "port", list(who->ports, who->n_ports));
        r |= add(o, "state", list(who->states, who->n_states));
    }
    if (r == 0)
        return o;
    json_decref(o);
    return NULL;
}

size_t ctw_render_who_json(const struct ctw_snapshot *p, uint64_t now_usec, char *buffer,
                           size_t size) {
    json_t *o = object(p, now_usec);
    size_t n = o ? json_dumpb(o, buffer, size, JSON_REAL_PRECISION(6) | JSON_INDENT(2)) : 0;

    json_decref(o);
    if (n == 0)
        return 0;
    if (n + 1 < size) {
        buffer[n] = '\n';
        buffer[n + 1] = '\0';
    }
    return n + 1;
}
