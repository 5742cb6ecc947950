/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Network namespaces: by inode, the number that the kernel log gives, by name, and how many. */

#include <libmnl/libmnl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/kernel/netns_name.h"

/** ctw_netns_own_inode() - of the calling thread; 0 when it cannot be read */
uint64_t ctw_netns_own_inode(void);

/**
 * ctw_netns_at() - the inode of the namespace that a file in @folder is
 *
 * Names of `ip netns add` are files, and each is a mount of the namespace itself; without the mount
 * it is an ordinary file with an unrelated inode number. /proc/PID/ns/net is for its own user, and
 * for those who may trace it.
 *
 * Return: whether it is one, and can be read.
 */
bool ctw_netns_at(int folder, const char *entry, uint64_t *ret_inode);

/** ctw_netns_file() - the name of a namespace in /run/netns, printable. Return: whether it has one
 */
bool ctw_netns_file(uint64_t inode, char *ret_name, size_t size);

/**
 * ctw_netns_ask() - send a request of rtnetlink, and have each message that comes back read
 * @attribute:  0: none, @number is the index of an interface
 *
 * It takes no capability. What fails gives no answer.
 */
void ctw_netns_ask(uint16_t type, uint16_t flags, uint16_t attribute, uint32_t number,
                   mnl_cb_t answer, void *userdata);

/** ctw_netns_attribute() - an attribute of @length bytes, behind a header of @size. NULL: none */
const void *ctw_netns_attribute(const struct nlmsghdr *h, size_t size, uint16_t type,
                                uint16_t length);

/**
 * ctw_netns_id() - the id of a namespace in ours, as a device between the two makes one
 * @attribute:  NETNSA_PID, NETNSA_FD or 0
 * @value:      a process in it, a descriptor of its file, or an interface whose other end is there
 *
 * Two that have the same id are the same. It takes no capability.
 *
 * Return: -1: it has none.
 */
int32_t ctw_netns_id(uint16_t attribute, uint32_t value);

/**
 * ctw_netns_name_process() - what a namespace is called after a process in it
 * @process:   the folder of a process in /proc, which stays its own when its number is used again
 * @run_name:  in /run/netns; NULL or "": none
 * @ret:       unnamed where nothing can be read
 */
void ctw_netns_name_process(int process, const char *run_name, struct ctw_netns_name *ret);

/** ctw_netns_count() - namespaces with a name or with an id in ours, and the own one; several
 * milliseconds where there are many. @root: of a captured machine, or "" */
uint32_t ctw_netns_count(const char *root);
