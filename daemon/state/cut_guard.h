/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTW_DAEMON_STATE_CUT_GUARD_H
#define CTW_DAEMON_STATE_CUT_GUARD_H

/*
 * What keeps a process alive whose mapped file is cut by somebody else while it writes there.
 *
 * The kernel answers that with SIGBUS. Whoever looks at the file's size now and then finds out that
 * it was cut; this is for the writes before that.
 */

#include <stddef.h>

/**
 * ctw_cut_guard() - guard a mapping of a file, instead of the one before
 * @start:  NULL: none any more
 *
 * Should it have been cut when it is touched, all of it is private memory of zeros from then on.
 * There is one guarded mapping in a process.
 */
void ctw_cut_guard(void *start, size_t bytes);

#endif
