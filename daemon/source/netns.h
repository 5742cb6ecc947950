/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Network namespaces by inode, the number the kernel log gives, and by name. */

#include <stdint.h>

#include "lib/watch/alert.h"

/** ctw_netns_own_inode() - of the calling thread; 0 when it cannot be read */
uint64_t ctw_netns_own_inode(void);

/** ctw_netns_file() - the name of a namespace in /run/netns, as `ip netns` takes it; "": none */
void ctw_netns_file(uint64_t inode, char ret_name[static CTW_NETNS_NAME_MAX]);

/**
 * ctw_netns_name() - the name of a namespace
 * @ret_name:  its name in /run/netns; else "pid N (comm)" of a visible process in it; else ""
 */
void ctw_netns_name(uint64_t inode, char ret_name[static CTW_NETNS_NAME_MAX]);
