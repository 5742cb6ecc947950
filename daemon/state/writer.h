/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTW_DAEMON_STATE_WRITER_H
#define CTW_DAEMON_STATE_WRITER_H

/*
 * The snapshot in shared memory: written by one, read by any.
 *
 * DIRECTORY/state holds a struct ctw_state, DIRECTORY/lock the process id of the one that publishes
 * there. Where either cannot be made (no room, no permission), the value lives on in private
 * memory, and they are tried again every ten seconds; a file that somebody has removed or cut is
 * made anew within a second. The history that a former daemon left there, of this boot and the same
 * table, is taken over, and when it last saw something lost; of a file that was cut they are lost.
 */

#include <stdbool.h>
#include <stdint.h>

#include "lib/state/snapshot.h"
#include "lib/watch/alert.h"

struct ctw_publish;

/**
 * ctw_publish_new() - make the file, and be the only one who does
 * @directory:    made when it is not there; NULL: publish nowhere
 * @netns_inode:  whose table it is about; 0: not known
 * @now_usec:     monotonic
 * @ret_owner:    set when -EBUSY: the process that publishes there, 0: not known
 *
 * Return: 0, even when the file could not be made; -EBUSY when another process publishes there;
 * -ENOMEM.
 */
int ctw_publish_new(const char *directory, uint64_t netns_inode, uint64_t now_usec,
                    struct ctw_publish **ret, uint32_t *ret_owner);

/** ctw_publish_free() - leaves the file behind */
struct ctw_publish *ctw_publish_free(struct ctw_publish *p);

/**
 * ctw_publish_begin() - what to change; readers go on with what was published before
 *
 * The first time it holds what was taken over (ctw_snapshot_inherit()), and zeros.
 *
 * Return: never NULL.
 */
struct ctw_snapshot *ctw_publish_begin(struct ctw_publish *p);

/** ctw_publish_end() - let them have it: 11 kB are copied, while which they wait */
void ctw_publish_end(struct ctw_publish *p);

/** ctw_publish_begin_history() - what to change, in place; readers wait. Return: never NULL. */
struct ctw_history *ctw_publish_begin_history(struct ctw_publish *p);

/** ctw_publish_end_history() - they go on */
void ctw_publish_end_history(struct ctw_publish *p);

/**
 * ctw_publish_check() - see to the file: between two publications
 * @state:  UNUSED when publishing nowhere, OK, or FAILED with the file and why
 */
void ctw_publish_check(struct ctw_publish *p, uint64_t now_usec, struct ctw_source_health *state);

/* What the daemon tells its readers: the snapshot and the history, kept up to date look by look. */

struct ctw_state_writer;

/**
 * ctw_state_writer_new() - begin
 * @directory:    where readers find it; NULL: nowhere
 * @netns, @netns_inode: of the table; @netns must outlive it
 *
 * Return: 0; -EBUSY, said on stderr, when another process publishes there; -ENOMEM.
 */
int ctw_state_writer_new(const char *directory, const char *netns, uint64_t netns_inode,
                         struct ctw_state_writer **ret);

/** ctw_state_writer_free() - says that the daemon has ended */
struct ctw_state_writer *ctw_state_writer_free(struct ctw_state_writer *c);

/** ctw_state_writer_health() - how publishing is doing: of CTW_SOURCE_STATE */
void ctw_state_writer_health(struct ctw_state_writer *c, uint64_t now_usec,
                             struct ctw_source_health *state);

/**
 * ctw_state_writer_poll() - a look is over
 * @due_usec:   when it should have come
 * @next_usec:  when the next one is due
 */
void ctw_state_writer_poll(struct ctw_state_writer *c, const struct ctw_settings *s,
                           const struct ctw_watch *w, const struct ctw_tick *t,
                           const struct ctw_verdict *v, uint64_t due_usec, uint64_t next_usec);

/** ctw_state_writer_alert() - an alert went out */
void ctw_state_writer_alert(struct ctw_state_writer *c, const struct ctw_alert *a);

/* A directory that one process at a time may publish in: who holds the lock on its file `lock`,
 * which the kernel takes back however that process ends. */

/**
 * ctw_writer_lock_take() - be the one
 * @directory:  a descriptor of it
 * @ret:        the descriptor that holds the lock; to be closed
 * @ret_owner:  set when -EBUSY: the process that holds it, 0: not known
 *
 * Return: 0; -EBUSY when another holds it; another negative errno when it cannot be made.
 */
int ctw_writer_lock_take(int directory, int *ret, uint32_t *ret_owner);

/** ctw_writer_lock_stands() - false when somebody has removed the file, so that another could take
 * it */
bool ctw_writer_lock_stands(int directory, int lock);

#endif
