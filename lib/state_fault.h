/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTW_STATE_FAULT_H
#define CTW_STATE_FAULT_H

/* What ctwatchd publishes cannot always be read, and every verb says why in the same words. */

/**
 * ctw_state_fault() - what is the matter with the state, to be put behind its name and a colon
 * @error:  negative errno of reading it; -EXDEV: it is that of another network namespace
 *
 * Return: "damaged", for instance; valid until the next call.
 */
const char *ctw_state_fault(int error);

#endif
