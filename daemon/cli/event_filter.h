/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The part of a filter that the kernel applies to the events of a socket. */

#include "lib/filter/filter.h"

/**
 * ctw_event_filter_attach() - let only events that may match cross a socket
 *
 * Where it cannot be attached, all events come, and ctw_filter_match() decides as always.
 */
void ctw_event_filter_attach(int fd, const struct ctw_filter *f);
