/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTW_DAEMON_CLI_ADVISE_H
#define CTW_DAEMON_CLI_ADVISE_H

/* What `ctwatch advise` judges, gathered. Part of daemon/advise, nobody else's. */

#include "lib/report/advice.h"

/* Room for what is wrong. */
#define CTW_ADVISE_ERROR_MAX 160

/**
 * ctw_advise_gather() - look at this machine, or below @root
 * @root:    "" for this machine: only then are entries looked at, at most @sample of them
 * @sample:  entries
 * @ret:     set only on success; without a table it says so
 * @reterr:  what is wrong, set only on failure
 *
 * Return: 0 or a negative errno.
 */
int ctw_advise_gather(const char *root, uint32_t sample, struct ctw_advice_facts *ret,
                      char reterr[static CTW_ADVISE_ERROR_MAX]);

#endif
