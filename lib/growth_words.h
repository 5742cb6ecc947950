/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTW_GROWTH_WORDS_H
#define CTW_GROWTH_WORDS_H

/* What is said of growth: the sentence of grew, growth_refused and growth_dry_run, and the next
 * step. */

#include "alert.h"
#include "line.h"

/** ctw_growth_sentence() - append the MESSAGE of such an alert */
void ctw_growth_sentence(const struct ctw_alert *a, struct ctw_line *l);

/** ctw_growth_remedy() - append its next step, nothing where there is none */
void ctw_growth_remedy(const struct ctw_alert *a, struct ctw_line *l);

#endif
