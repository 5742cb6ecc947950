/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "render_who.h"

#include <inttypes.h>

#include "moment.h"
#include "out.h"
#include "shares.h"

/* The longest name there is, and a bar. */
#define NAME_WIDTH 50
#define BAR_WIDTH  20

static void put_basis(struct ctw_out *o, const struct ctw_snapshot *p, uint64_t now_usec) {
    struct ctw_line ago;

    ctw_line_start(&ago);
    ctw_line_add_span(&ago, now_usec > p->who_usec ? now_usec - p->who_usec : 0);
    ctw_out_put(o, "asked %s ago: ", ago.text);
    if (p->who.entries == 0) {
        ctw_out_put(o, "no entry was found\n");
    } else if (p->who.sampled) {
        ctw_out_put(o, "a random sample of %" PRIu32 " entries, shares are right within ",
                    p->who.entries);
        ctw_share_put(o, 0, p->who.margin_permyriad);
        ctw_out_put(o, "\n");
    } else {
        ctw_out_put(o, "all %" PRIu32 " entries\n", p->who.entries);
    }
}

static void put_list(struct ctw_out *o, const char *title, const struct ctw_share *shares,
                     uint32_t n) {
    if (n == 0)
        return;
    ctw_out_put(o, "\n%-*s %7s\n", NAME_WIDTH, title, "SHARE");
    for (uint32_t i = 0; i < n; i++) {
        const uint32_t share =
            shares[i].permyriad < CTW_PERMYRIAD ? shares[i].permyriad : CTW_PERMYRIAD;
        const uint32_t bar = (share * BAR_WIDTH + CTW_PERMYRIAD / 2) / CTW_PERMYRIAD;
        ctw_out_put(o, "%-*.*s ", NAME_WIDTH, NAME_WIDTH, shares[i].name);
        ctw_share_put(o, 5, share);
        ctw_out_put(o, "%s%.*s\n", bar > 0 ? "  " : "", (int)bar, "####################");
    }
}

size_t ctw_render_who_text(const struct ctw_snapshot *p, uint64_t now_usec, char *buffer,
                           size_t size) {
    struct ctw_out o = {.buffer = buffer, .size = size};

    if (size > 0)
        buffer[0] = '\0';
    if (!p->who.known) {
        ctw_out_put(&o, "nobody has been asked yet: ctwatchd asks when the level rises\n");
        return o.used;
    }
    put_basis(&o, p, now_usec);
    if (p->who.entries == 0)
        return o.used;
    put_list(&o, "SOURCE", p->who.sources, p->who.n_sources);
    put_list(&o, "DESTINATION PORT", p->who.ports, p->who.n_ports);
    put_list(&o, "STATE", p->who.states, p->who.n_states);
    ctw_share_put_outlook(&o, &p->who);
    return o.used;
}
