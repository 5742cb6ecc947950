/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * What the addresses among the talkers belong to: this machine, or one of its network namespaces by
 * name. Processes in /proc are gone through, and of each namespace the addresses are read; nothing
 * is asked of a DNS server or a container engine.
 */

#include <stddef.h>
#include <systemd/sd-event.h>

#include "lib/talkers/census.h"

/* Sources and destinations. */
#define CTW_OWNED_LISTS_MAX 2u

/* In slices, below the timer that polls. */
struct ctw_owners;

/** ctw_owners_found_fn - the owners are noted in the lists, as far as they were found in time */
typedef void ctw_owners_found_fn(void *userdata);

/** ctw_owners_new() - Return: 0 or a negative errno */
int ctw_owners_new(sd_event *event, ctw_owners_found_fn *found, void *userdata,
                   struct ctw_owners **ret);
struct ctw_owners *ctw_owners_free(struct ctw_owners *o);

/**
 * ctw_owners_find() - find the owners for new lists, and those for the former no more
 * @lists:  at most CTW_OWNED_LISTS_MAX; their lines are written to until they are found
 */
void ctw_owners_find(struct ctw_owners *o, const struct ctw_address_list *lists, size_t n);

/** ctw_owners_find_now() - the same at once, however long it takes: some 10 us for each process */
void ctw_owners_find_now(const struct ctw_address_list *lists, size_t n);
