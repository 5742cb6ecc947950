/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * What is known of the machine besides the table: memory, kernel release and number of namespaces
 * for growth at each poll, and the rest for alerts.
 */

#include <stdbool.h>

#include "lib/kernel/host.h"
#include "lib/sizing/growth.h"
#include "lib/watch/alert.h"

struct ctw_machine;

/** ctw_machine_new() - of the machine below @root, which must outlive it. Return: 0 or -ENOMEM. */
int ctw_machine_new(const char *root, struct ctw_machine **ret);
struct ctw_machine *ctw_machine_free(struct ctw_machine *m);

/**
 * ctw_machine_release() - what the kernel does
 * @sample:  of its table, whose counters overrule the kernel's name; NULL: none at hand
 *
 * It is read once. Return: valid until @m is freed.
 */
const struct ctw_release *ctw_machine_release(struct ctw_machine *m,
                                              const struct ctw_sample *sample);

/**
 * ctw_machine_read() - sets memory, release and namespaces of @ret
 * @calm:  memory may be ten seconds old
 *
 * The release is read once, and namespaces are counted at most once a minute.
 */
void ctw_machine_read(struct ctw_machine *m, uint64_t now_usec, bool calm,
                      struct ctw_growth_facts *ret);

/**
 * ctw_machine_host() - all that a cause or a remedy needs of the machine
 * @ret:  set completely; what cannot be read is absent
 *
 * Takes some twenty small files, half a millisecond: for alerts, not for each poll.
 */
void ctw_machine_host(struct ctw_machine *m, uint64_t now_usec, struct ctw_host *ret);

/* Network namespaces by inode, the number that the kernel log gives, and by name. */

/** ctw_netns_own_inode() - of the calling thread; 0 when it cannot be read */
uint64_t ctw_netns_own_inode(void);

/** ctw_netns_file() - the name of a namespace in /run/netns, as `ip netns` takes it; "": none */
void ctw_netns_file(uint64_t inode, char ret_name[static CTW_NETNS_NAME_MAX]);

/**
 * ctw_netns_name() - the name of a namespace
 * @ret_name:  its name in /run/netns; else "pid N (comm)" of a visible process in it; else ""
 */
void ctw_netns_name(uint64_t inode, char ret_name[static CTW_NETNS_NAME_MAX]);
