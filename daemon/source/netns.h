/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Network namespaces: by inode, the number that the kernel log gives, by name, and how many. */

#include <stdint.h>
#include <systemd/sd-event.h>

#include "lib/watch/alert.h"

/** ctw_netns_own_inode() - of the calling thread; 0 when it cannot be read */
uint64_t ctw_netns_own_inode(void);

/** ctw_netns_file() - the name of a namespace in /run/netns, as `ip netns` takes it; "": none */
void ctw_netns_file(uint64_t inode, char ret_name[static CTW_NETNS_NAME_MAX]);

/**
 * ctw_netns_name() - the name of a namespace
 * @ret_name:  its name in /run/netns; else "pid N (comm)" of a visible process in it; else ""
 *
 * Takes several milliseconds where there are many processes: for the start and the end of a
 * program.
 */
void ctw_netns_name(uint64_t inode, char ret_name[static CTW_NETNS_NAME_MAX]);

/** ctw_netns_count() - namespaces with a name or with an id in ours, and the own one; several
 * milliseconds where there are many. @root: of a captured machine, or "" */
uint32_t ctw_netns_count(const char *root);

/* The search of ctw_netns_name() as an event source, in slices below the timer that polls. */
struct ctw_netns;

/** ctw_netns_named_fn - the search has ended; @name: as of ctw_netns_name() */
typedef void ctw_netns_named_fn(const char *name, void *userdata);

/** ctw_netns_new() - searches nothing yet. Return: 0 or a negative errno. */
int ctw_netns_new(sd_event *event, ctw_netns_named_fn *named, void *userdata,
                  struct ctw_netns **ret);
struct ctw_netns *ctw_netns_free(struct ctw_netns *n);

/** ctw_netns_find() - search the name of a namespace, and no more that of another; 0: of none */
void ctw_netns_find(struct ctw_netns *n, uint64_t inode);
