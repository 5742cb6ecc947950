/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The MESSAGE of an alert: one sentence with the numbers. */

#include <stdbool.h>
#include <stddef.h>

#include "lib/util/strbuf.h"
#include "lib/watch/alert.h"

/** ctw_message() - the sentence of @a */
void ctw_message(const struct ctw_alert *a, struct ctw_line *ret);

/** ctw_message_fault() - "FILE: what is wrong", empty while the source is healthy or unused */
void ctw_message_fault(const struct ctw_source_health *s, struct ctw_line *ret);

/* The classes of struct ctw_losses. */
#define CTW_LOSS_CLASSES 6u

/**
 * ctw_message_loss() - one class of losses: "5000 new flows dropped (table full)"
 * @i:  below CTW_LOSS_CLASSES
 *
 * Return: false: nothing was lost in this class.
 */
bool ctw_message_loss(const struct ctw_losses *l, size_t i, struct ctw_line *ret);
