/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "shares.h"

#include <inttypes.h>

uint32_t ctw_share_tenths(uint32_t permyriad) {
    return permyriad < CTW_PERMYRIAD ? (permyriad + 5) / 10 : CTW_PERMYRIAD / 10;
}

void ctw_share_put(struct ctw_out *o, int width, uint32_t permyriad) {
    const uint32_t tenths = ctw_share_tenths(permyriad);

    ctw_out_put(o, "%*" PRIu32 ".%" PRIu32 " %%", width > 2 ? width - 2 : 0, tenths / 10,
                tenths % 10);
}

void ctw_share_put_outlook(struct ctw_out *o, const struct ctw_who *who) {
    ctw_out_put(o, "\nassured    ");
    ctw_share_put(o, 5, who->assured_permyriad);
    ctw_out_put(o, "  of the entries cannot be evicted from a full table\n");
    if (!who->has_drop_risk)
        return;
    ctw_out_put(o, "drop risk  ");
    ctw_share_put(o, 5, who->drop_risk_permyriad);
    ctw_out_put(o, "  of new connections lost, should it fill up with the like\n");
}
