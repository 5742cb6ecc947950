/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Reads what a ctwatchd has published.
 *
 * The file is copied with pread(), not mapped: when it is truncated meanwhile, the read fails
 * instead of raising SIGBUS. Readers take no lock, and nothing here can delay the daemon.
 */

#include "lib/state/namespaces.h"
#include "lib/state/snapshot.h"

/**
 * ctw_state_view() - the snapshot in @directory, and how its daemon is doing now
 * @ret:  always set, without a history; state_error is why there is no snapshot
 *
 * A snapshot of another boot counts as none (-ENOENT): its times are of another clock.
 */
void ctw_state_view(const char *directory, struct ctw_view *ret);

/**
 * ctw_state_read() - the snapshot alone, of whatever boot it is
 * @directory:  where it is: CTWATCH_RUN_PATH, usually
 * @ret:        checked; set only on success
 *
 * Return: 0; -ENOENT: none there; -EACCES: not for this user; -ESTALE: of another version;
 * -ENOEXEC: of another architecture; -EBADMSG: damaged; -EAGAIN: half written, for 100 ms: its
 * writer died; another negative errno.
 */
int ctw_state_read(const char *directory, struct ctw_snapshot *ret);

/** ctw_state_read_history() - the same for the history */
int ctw_state_read_history(const char *directory, struct ctw_history *ret);

/**
 * ctw_state_read_namespaces() - the other network namespaces, of whatever boot
 * @ret:  checked, to be freed with free(); set only on success
 *
 * They are of the daemon whose snapshot has the same pid and the same time of boot.
 *
 * Return: as of ctw_state_read(); -ENOMEM.
 */
int ctw_state_read_namespaces(const char *directory, struct ctw_namespaces **ret);

/**
 * ctw_state_view_namespaces() - set namespaces of a view, to be freed with free()
 * @v:  with the snapshot; they stay NULL unless its daemon is alive and has published them
 *
 * Return: 0; why they are NULL: -ENODATA: the daemon watches none, or not yet; or as of
 * ctw_state_read_namespaces().
 */
int ctw_state_view_namespaces(const char *directory, struct ctw_view *v);
