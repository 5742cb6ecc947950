/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTW_PUBLISH_H
#define CTW_PUBLISH_H

/*
 * The snapshot in shared memory: written by one, read by any.
 *
 * DIRECTORY/state holds a struct ctw_state, DIRECTORY/lock the process id of the one that publishes
 * there. Where either cannot be made (no room, no permission), the value lives on in private
 * memory, and they are tried again every ten seconds; a file that somebody has removed or cut is
 * made anew within a second. The history that a former daemon left there, of this boot and the same
 * table, is taken over, and when it last saw something lost; of a file that was cut they are lost.
 */

#include "../lib/alert.h"
#include "../lib/snapshot.h"

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
 * ctw_publish_look() - see to the file: between two publications
 * @state:  UNUSED when publishing nowhere, OK, or FAILED with the file and why
 */
void ctw_publish_look(struct ctw_publish *p, uint64_t now_usec, struct ctw_source_state *state);

#endif
