/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The changes that a remedy makes, as one shell line, and the line that takes them back.
 *
 * Both are pasted into root shells. Everything in them is a word of this file, a number, an address
 * printed from its bytes, or a namespace's name within [A-Za-z0-9_.@-]+. A rule drops, returns or
 * leaves untracked; none accepts, since that would bypass the machine's own rules.
 */

#include <stdbool.h>
#include <stdint.h>

#include "lib/kernel/host.h"
#include "lib/kernel/sample.h"
#include "lib/watch/cause.h"

/* Room for the longest line with its NUL: a test makes it, with a namespace's name of 63 bytes. */
#define CTW_SHELL_LINE_MAX 2048

/* The new flows that a cap counts. */
enum ctw_scope {
    CTW_SCOPE_ALL,
    CTW_SCOPE_TCP,
    CTW_SCOPE_UDP,
    CTW_SCOPE_ICMP,
};

/* Zero-initialised, nothing changes. 0 leaves a value as it is. */
struct ctw_plan {
    uint32_t max, buckets, expect_max;
    bool keep;                       /* limits are written to /etc as well */
    uint32_t timeouts[CTW_TIMEOUTS]; /* seconds */

    bool untrack_loopback;
    uint32_t per_minute; /* new flows in scope; 0: no cap */
    uint32_t most;       /* flows at a time, of those that come from now on; 0: no cap */
    enum ctw_scope scope;
    uint16_t port;                  /* destination, of TCP or UDP; 0: any */
    bool of_source, of_destination; /* of the diagnosis, which has an address */
    bool of_loopback;
    uint32_t ssh_per_minute; /* new connections to port 22 that a cap leaves alone */
    bool ssh_is_flooded;     /* iptables, which has no such rate, caps them with the others */
};

/* Whose plan it is. */
struct ctw_command_place {
    const struct ctw_diagnosis *diagnosis;
    const struct ctw_host *host;
    const struct ctw_sample *table; /* NULL: not known, and no limit is changed */
    const char *netns;              /* another namespace's name in /run/netns; NULL: our own */
};

/** ctw_command_can_cap() - whether the machine has a program for rules that this kernel takes */
bool ctw_command_can_cap(const struct ctw_host *host);

/** ctw_command_is_name() - whether a namespace's name may be put into a command */
bool ctw_command_is_name(const char *name);

/**
 * ctw_command_write() - @plan as a shell line, and what takes it back
 *
 * Both are "" where nothing changes, or where they do not fit.
 */
void ctw_command_write(const struct ctw_plan *plan, const struct ctw_command_place *place,
                       char command[static CTW_SHELL_LINE_MAX],
                       char undo[static CTW_SHELL_LINE_MAX]);
