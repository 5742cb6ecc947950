/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The facts that `ctwatch advise` judges. */

#include "lib/config/settings.h"
#include "lib/report/advice.h"

/* Room for an error. */
#define CTW_ADVISE_ERROR_MAX 160

/**
 * ctw_advise_gather() - read this machine, or the captured tree below @root
 * @root:    "" for this machine, whose entries are sampled as well
 * @state:   where a ctwatchd of this table publishes; NULL: CTWATCH_RUN_PATH, of this machine
 * @ret:     set only on success; has_table is false without a table
 * @reterr:  the error, set only on failure
 *
 * Return: 0 or a negative errno.
 */
int ctw_advise_gather(const char *root, const char *state, const struct ctw_settings *settings,
                      struct ctw_advice_facts *ret, char reterr[static CTW_ADVISE_ERROR_MAX]);
