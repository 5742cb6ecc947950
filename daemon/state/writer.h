/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Publishes the snapshot and the history in DIRECTORY/state, a struct ctw_state, and beside it the
 * other network namespaces.
 *
 * One process at a time publishes in a directory: it holds a lock on DIRECTORY/lock, which contains
 * its process id. The kernel releases the lock when that process ends, in whatever way. Without
 * room or permission nothing is published, and the writer tries again every ten seconds. A state
 * file that was removed or truncated is made anew within five seconds; the history of a truncated
 * one is lost. A new writer takes over the history of the last one, its losses and the highest
 * count, if they are of this boot and of the same table.
 */

#include <stdint.h>

#include "lib/state/namespaces.h"
#include "lib/state/snapshot.h"
#include "lib/watch/alert.h"

struct ctw_state_writer;

/**
 * ctw_state_writer_new() - take the lock, make the file
 * @directory:    made when it does not exist; NULL: publish nowhere
 * @netns:        name of the table's network namespace; "": not known
 * @netns_inode:  its inode; 0: not known
 * @now_usec:     monotonic
 *
 * Return: 0, even when the file could not be made; -EBUSY, reported on stderr, when another process
 * publishes there; -ENOMEM.
 */
int ctw_state_writer_new(const char *directory, const char *netns, uint64_t netns_inode,
                         uint64_t now_usec, struct ctw_state_writer **ret);

/**
 * ctw_state_writer_former() - the last good sample of the former daemon, for ctw_watch_resume()
 * @ret_usec:  the time of its last poll
 *
 * Return: NULL when there was none of this boot and of the same table.
 */
const struct ctw_sample *ctw_state_writer_former(const struct ctw_state_writer *w,
                                                 uint64_t *ret_usec);

/** ctw_state_writer_free() - publish that the daemon has stopped, release the lock */
struct ctw_state_writer *ctw_state_writer_free(struct ctw_state_writer *w);

/**
 * ctw_state_writer_health() - make the file anew where that is due
 * @state:  of CTW_SOURCE_STATE: UNUSED when publishing nowhere, OK, or FAILED with the file and why
 */
void ctw_state_writer_health(struct ctw_state_writer *w, uint64_t now_usec,
                             struct ctw_source_health *state);

/**
 * ctw_state_writer_poll() - publish a poll
 * @due_usec:   when it was due
 * @next_usec:  when the next one is due
 */
void ctw_state_writer_poll(struct ctw_state_writer *w, const struct ctw_settings *s,
                           const struct ctw_watch *watch, const struct ctw_tick *t,
                           const struct ctw_verdict *v, uint64_t due_usec, uint64_t next_usec);

/** ctw_state_writer_alert() - publish an alert that was sent */
void ctw_state_writer_alert(struct ctw_state_writer *w, const struct ctw_alert *a);

/** ctw_state_writer_namespaces() - publish the other namespaces, in DIRECTORY/namespaces */
void ctw_state_writer_namespaces(struct ctw_state_writer *w, struct ctw_namespaces *p);

/* What the functions above consist of, for tests that publish other values. */

/** ctw_state_writer_snapshot() - the snapshot to change before ctw_state_writer_publish() */
struct ctw_snapshot *ctw_state_writer_snapshot(struct ctw_state_writer *w);

/** ctw_state_writer_publish() - let readers see the snapshot as it is now */
void ctw_state_writer_publish(struct ctw_state_writer *w);

/** ctw_state_writer_slot() - write one slot of the history, at its place */
void ctw_state_writer_slot(struct ctw_state_writer *w, uint32_t index,
                           const struct ctw_record *slot);
