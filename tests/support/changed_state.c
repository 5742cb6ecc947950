/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/support/changed_state.h"

#include <string.h>

#include "tests/support/snapshot_samples.h"

void changed_state_start(unsigned sample, struct changed_state *ret) {
    static void (*const samples[])(struct ctw_snapshot *) = {
        sample_calm, sample_full, sample_absent, sample_unlimited, sample_own_poll,
    };

    memset(ret, 0, sizeof(*ret));
    samples[sample % (sizeof(samples) / sizeof(samples[0]))](&ret->snapshot);
    for (uint32_t i = 0; i < CHANGED_STATE_SLOTS; i++) {
        ret->fine[i] = (struct ctw_record){
            .at_usec = CHANGED_STATE_USEC + i * CTW_USEC_PER_SEC, .width_sec = 1, .polls = 4};
        ret->coarse[i] =
            (struct ctw_record){.at_usec = CHANGED_STATE_USEC + i * 10 * CTW_USEC_PER_SEC,
                                .width_sec = 10,
                                .polls = 40};
    }
}

void changed_state_change(struct changed_state *s, const uint8_t *data, size_t size) {
    for (size_t i = 0; i + 3 <= size;) {
        const size_t at = (data[i] | (size_t)data[i + 1] << 8) % sizeof(*s);
        size_t n = data[i + 2];
        i += 3;
        n = n < size - i ? n : size - i;
        n = n < sizeof(*s) - at ? n : sizeof(*s) - at;
        memcpy((char *)s + at, data + i, n);
        i += n;
    }
}

void changed_state_history(const struct changed_state *s, struct ctw_history *ret) {
    /* Both rings came round at the end of the day. */
    memcpy(ret->slots, s->fine, sizeof(s->fine));
    memcpy(&ret->slots[CTW_HISTORY_FINE], s->coarse, sizeof(s->coarse));
}
