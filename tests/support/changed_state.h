/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* A published state, and bytes that change it, for fuzzers. */

#include "lib/state/snapshot.h"

/* As much of each ring of the history as changes reach; from CHANGED_STATE_USEC on. */
#define CHANGED_STATE_SLOTS 32u
#define CHANGED_STATE_USEC  (UINT64_C(86400) * CTW_USEC_PER_SEC)

/* All of it is plain bytes. */
struct changed_state {
    struct ctw_snapshot snapshot;
    struct ctw_record fine[CHANGED_STATE_SLOTS], coarse[CHANGED_STATE_SLOTS];
};

/* One of the samples of snapshot_samples.h, with slots of a calm time. */
void changed_state_start(unsigned sample, struct changed_state *ret);

/* Changes parts of it: two bytes are a place, one is a length, and as many follow. */
void changed_state_change(struct changed_state *s, const uint8_t *data, size_t size);

/* The slots, in their places; the rest of @ret is not touched. */
void changed_state_history(const struct changed_state *s, struct ctw_history *ret);
