/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * What is known of the machine besides the table: memory, kernel release and number of namespaces
 * for growth at each poll, and the rest for alerts.
 */

#include <stdbool.h>
#include <systemd/sd-event.h>

#include "lib/kernel/host.h"
#include "lib/sizing/growth.h"

struct ctw_machine;

/**
 * ctw_machine_new() - of the machine below @root, which must outlive it
 * @event:  reads again, once a minute and below the timer that polls, what takes long and seldom
 *          changes: namespaces, programs, the size of an entry; NULL: it is read here only
 *
 * Return: 0 or a negative errno.
 */
int ctw_machine_new(sd_event *event, const char *root, struct ctw_machine **ret);
struct ctw_machine *ctw_machine_free(struct ctw_machine *m);

/**
 * ctw_machine_release() - what the kernel does
 * @sample:  of its table, whose counters overrule the kernel's name; NULL: none at hand
 *
 * Return: valid until @m is freed.
 */
const struct ctw_release *ctw_machine_release(struct ctw_machine *m,
                                              const struct ctw_sample *sample);

/**
 * ctw_machine_read() - sets memory, release and namespaces of @ret
 * @calm:  memory may be ten seconds old
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

/** ctw_machine_timeouts() - read net.netfilter.nf_conntrack_*_timeout*; 0: not known */
void ctw_machine_timeouts(const char *root, uint32_t ret_sec[static CTW_TIMEOUTS]);
