/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Snapshots to render. */

#include <stdio.h>
#include <string.h>

#include "lib/state/history.h"
#include "lib/state/namespaces.h"
#include "lib/state/snapshot.h"

/* 2026-11-22 10:00:00 UTC, an hour after the daemon started, a day after the boot. */
#define SAMPLE_NOW_USEC     (UINT64_C(86400) * CTW_USEC_PER_SEC)
#define SAMPLE_WALL_USEC    (UINT64_C(1795341600) * CTW_USEC_PER_SEC)
#define SAMPLE_STARTED_USEC (SAMPLE_NOW_USEC - 3600 * CTW_USEC_PER_SEC)

/* A table at 12 %, filling slowly, with everything well. */
void sample_calm(struct ctw_snapshot *p);

/* Sets the name and the share of one talker. */
void sample_share(struct ctw_share *s, const char *name, uint32_t permyriad);
void sample_new_source(struct ctw_new_source *s, const char *name, uint64_t per_second,
                       uint64_t error);

/* Adds an alert to the recent ones, @ago_sec before the last poll. */
void sample_alert(struct ctw_snapshot *p, uint64_t ago_sec, enum ctw_alert_kind kind,
                  enum ctw_edge edge, enum ctw_level level, const char *message);

/* The same machine with a full table, losses, an unreadable kernel log and growth at its ceiling.
 */
void sample_full(struct ctw_snapshot *p);

/* A machine where the conntrack module is not loaded. */
void sample_absent(struct ctw_snapshot *p);

/* A table without a limit (max 0). */
void sample_unlimited(struct ctw_snapshot *p);

/* A single sample taken without a daemon. */
void sample_own_poll(struct ctw_snapshot *p);

/* The largest and longest values of everything, and text of control bytes wherever text can be. */
void sample_widest(struct ctw_snapshot *p);
void sample_hostile(struct ctw_snapshot *p);

/* A container that is full and drops, a machine at 12 %, an idle unit, one that a user has made,
 * and one that the kernel log alone knows. The same memory each time. */
struct ctw_namespaces *sample_namespaces(void);

/* A machine with nft and 8 GiB of memory, in its initial network namespace. */
struct ctw_host sample_host(void);

/* One second, @ago_sec before the last poll, of a table whose limit is 262144. */
struct ctw_record *sample_slot(struct ctw_history *h, uint32_t ago_sec, uint32_t low, uint32_t high,
                               enum ctw_level level);
