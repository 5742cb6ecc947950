/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The kernel's counters from /proc and from netlink. The first byte chooses: 'n' for a netlink
 * message, anything else, the first letter of a header line included, for the text.
 */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/kernel/counters.h"
#include "lib/kernel/losses.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Malformed input must change nothing. */
static void check(int r, const struct ctw_counters *before, const struct ctw_counters *after) {
    if (r < 0 && memcmp(before, after, sizeof *before) != 0)
        abort();
}

/* No loss may exceed the difference of its column, or what a restarted column shows; none may be
 * counted twice. */
static void check_losses(const struct ctw_counters *before, const struct ctw_counters *now,
                         const struct ctw_release *release) {
    const struct ctw_losses l = ctw_losses_between(before, now, release);
    if (l.drops > now->drop || l.early_drops > now->early_drop || l.clashes > now->insert_failed ||
        l.chain_too_long > now->chainlength)
        abort();
    const uint64_t moved = now->drop >= before->drop ? now->drop - before->drop : now->drop;
    if (l.drops > 0 && l.drops + l.clashes > now->drop &&
        (!release || release->insert_failed_in_drop) && l.clashes <= moved)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const struct ctw_counters before = {.drop = 1, .early_drop = 2, .insert_failed = 3};
    struct ctw_counters after = before;
    int r;

    if (size > 0 && data[0] == 'n') {
        /* malloc() aligns it, as the receiver's buffer is. */
        void *message = malloc(size > 1 ? size - 1 : 1);
        if (message == NULL)
            return 0;
        memcpy(message, data + 1, size - 1);
        r = ctw_counters_add_netlink(message, size - 1, &after);
        free(message);
    } else {
        r = ctw_counters_parse((const char *)data, size, &after);
    }
    check(r, &before, &after);
    check_losses(&before, &after, &(struct ctw_release){.insert_failed_in_drop = true});
    check_losses(&before, &after, &(struct ctw_release){0});
    check_losses(&before, &after, NULL);
    return 0;
}
