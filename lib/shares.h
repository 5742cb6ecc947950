/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTW_SHARES_H
#define CTW_SHARES_H

/* Shares of the table as people read them, and what they say of its future. */

#include <stdint.h>

#include "census.h"
#include "out.h"

/** ctw_share_tenths() - of a percent, the nearest; one that is damaged is no more than all */
uint32_t ctw_share_tenths(uint32_t permyriad);

/** ctw_share_put() - "60.1 %"; @width: of the number at least */
void ctw_share_put(struct ctw_out *o, int width, uint32_t permyriad);

/** ctw_share_put_outlook() - two lines: what cannot be evicted, what would be lost */
void ctw_share_put_outlook(struct ctw_out *o, const struct ctw_who *who);

#endif
