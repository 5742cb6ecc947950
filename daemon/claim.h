/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTW_CLAIM_H
#define CTW_CLAIM_H

/* A directory that one process at a time may publish in: who holds the lock on its file `lock`,
 * which the kernel takes back however that process ends. */

#include <stdbool.h>
#include <stdint.h>

/**
 * ctw_claim_take() - be the one
 * @directory:  a descriptor of it
 * @ret:        the descriptor that holds the lock; to be closed
 * @ret_owner:  set when -EBUSY: the process that holds it, 0: not known
 *
 * Return: 0; -EBUSY when another holds it; another negative errno when it cannot be made.
 */
int ctw_claim_take(int directory, int *ret, uint32_t *ret_owner);

/** ctw_claim_stands() - false when somebody has removed the file, so that another could take it */
bool ctw_claim_stands(int directory, int claim);

#endif
