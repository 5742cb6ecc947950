/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTW_DAEMON_STATE_READER_H
#define CTW_DAEMON_STATE_READER_H

/*
 * What a ctwatchd has published, as a reader gets it.
 *
 * It is copied with pread(), not mapped: whoever cuts the file while it is being read makes this
 * fail, not die of SIGBUS. Nothing here can hold the daemon up.
 */

#include "lib/state/snapshot.h"

/**
 * ctw_state_read() - the snapshot of this boot, whole
 * @directory:  where it is: CTWATCH_RUN_PATH, usually
 * @ret:        checked; set only on success
 *
 * One that is of another boot, as a folder on a disk may hold it, is nobody's any more: its times
 * are of another clock. Where either boot is not known they are taken for the same.
 *
 * Return: 0; -ENOENT: nobody publishes there; -EACCES: not for this user; -ESTALE: it is of another
 * version; -EBADMSG: it is damaged; -EAGAIN: it was being written each time, for 100 ms; or another
 * negative errno.
 */
int ctw_state_read(const char *directory, struct ctw_snapshot *ret);

/** ctw_state_read_left() - the same, of whatever boot it is */
int ctw_state_read_left(const char *directory, struct ctw_snapshot *ret);

/** ctw_state_read_history() - the same for the history */
int ctw_state_read_history(const char *directory, struct ctw_history *ret);

/** ctw_state_read_boot() - the id of the boot that it is of; not terminated if it is damaged */
int ctw_state_read_boot(const char *directory, char ret[static CTW_BOOT_SIZE]);

/** ctw_state_this_boot() - the id of the present one, "" when it is not known */
void ctw_state_this_boot(char ret[static CTW_BOOT_SIZE]);

#endif
