/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "render_who.h"

#include "json.h"

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
    int r = ctw_json_add(o, "known", json_boolean(who->known));

    if (who->known) {
        r |= ctw_json_add(o, "asked_seconds_ago",
                          json_integer((json_int_t)(ago_usec / CTW_USEC_PER_SEC)));
        r |= ctw_json_add(o, "counted", json_integer(who->entries));
        r |= ctw_json_add(o, "sampled", json_boolean(who->sampled));
        r |= ctw_json_add(o, "margin_percent", ctw_json_percent(who->margin_permyriad));
        r |= ctw_json_add(o, "assured_percent", ctw_json_percent(who->assured_permyriad));
        r |= ctw_json_add(o, "unreplied_percent", ctw_json_percent(who->unreplied_permyriad));
        r |= ctw_json_add(o, "drop_risk_percent",
                          who->has_drop_risk ? ctw_json_percent(who->drop_risk_permyriad)
                                             : json_null());
        r |= ctw_json_add(o, "source", list(who->sources, who->n_sources));
        r |= ctw_json_add(o, "port", list(who->ports, who->n_ports));
        r |= ctw_json_add(o, "state", list(who->states, who->n_states));
    }
    return ctw_json_whole(o, r);
}

size_t ctw_render_who_json(const struct ctw_snapshot *p, uint64_t now_usec, char *buffer,
                           size_t size) {
    return ctw_json_print(object(p, now_usec), false, buffer, size);
}
